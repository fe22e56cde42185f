/* sweep.h: what nobody needs any more leaves the file, a few keys at a time.
 *
 * A sweep goes through the rows of all tables, one bounded step per transaction; where it stands is kept in the file,
 * so that any process goes on where another one stopped. When it is through, it knows when the next thing may go, and
 * rests until then. Index entries follow their rows.
 *
 *   STORE KEY  sweep id (u32)
 *   VALUE      format (u8) · running (u8) · schema version (u64) and clock (i64, s) at its start
 *              · when the next one is due (i64, s) · running: the key it goes on from
 */
#ifndef CQLE_SWEEP_H
#define CQLE_SWEEP_H

#include "engine/engine_int.h"
#include "engine/table/table.h"

enum {
  CQLE_SWEEP_ID = 2,       /* below the ids of tables */
  CQLE_SWEEP_KEYS = 256,   /* a step looks at as many */
  CQLE_SWEEP_EVERY = 256,  /* keys written between two steps of one engine */
  CQLE_SWEEP_CREDIT = 4096 /* a large write is followed by a few steps, not by all that it could pay for */
};

/* Does a step after keys written by this engine have earned one; rather none than to wait for another writer. Called
 * behind a commit, whose outcome it does not touch: what fails here, fails again where somebody asks. */
void cqle_sweep_earn(cql_engine *e, uint64_t keys_written);

/* How far a sweep is: 0 … 1, by tables and tokens. */
typedef struct cqle_sweep_report {
  cqle_purge counts;
  bool done; /* it has come to the end */
  double progress;
} cqle_sweep_report;
/* One step in a write transaction of its own. restart: a new sweep from the beginning, due or not. */
cql_status cqle_sweep_step(cql_engine *e, bool restart, cqle_sweep_report *report, cql_error *err);
/* Checks a stored state. CQL_CORRUPT. */
cql_status cqle_sweep_check(cql_slice value, cql_error *err);

#endif
