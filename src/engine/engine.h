/* engine.h: the embedded CQL engine, Cassandra's semantics over one file. The header that other rooms include.
 *
 * A statement runs on the calling thread inside one transaction of the store. Any number of threads may use one engine,
 * any number of processes one file.
 */
#ifndef CQL_ENGINE_H
#define CQL_ENGINE_H

#include "value/value.h"

typedef struct cql_engine cql_engine;
typedef struct cql_plan cql_plan; /* a parsed and planned statement; immutable, counted, shared by threads */

typedef struct cql_engine_config {
  const char *path;              /* copied; NULL: in memory */
  bool durability_full;          /* survive power loss, not only kill -9 */
  uint32_t busy_timeout_ms;      /* how long a writer waits for another one; 0: 10000 */
  const cql_alloc *alloc;        /* NULL: libc; must outlive the engine */
  int64_t (*now_us)(void *user); /* NULL: cql_clock_now_us(); for tests of TTL and timestamps */
  void *now_user;
} cql_engine_config;

/* CQL_IO, CQL_NOT_A_DATABASE (the file is left as it was), CQL_VERSION, CQL_CORRUPT, CQL_BUSY, CQL_NOMEM. */
cql_status cql_engine_open(cql_engine **out, const cql_engine_config *config, cql_error *err);
void cql_engine_close(cql_engine *engine); /* NULL is fine; in a forked child it only forgets a file */

typedef struct cql_plan_info {
  uint32_t bind_count;
  const cql_column
      *binds; /* in order of appearance; names as Cassandra gives them: the column, "in(c)", "[limit]", "[ttl]", … */
  uint32_t key_index_count;
  const uint16_t *key_indexes; /* which markers make the partition key, when all of it is bound; else count 0 */
  uint32_t column_count;       /* of the rows a SELECT gives; 0 for other statements */
  const cql_column *columns;
  bool is_select, is_conditional, is_modification; /* modification: may stand in a batch */
} cql_plan_info;

/* keyspace may be NULL. CQL_SYNTAX, CQL_INVALID, … as Cassandra's PREPARE answers. */
cql_status cql_engine_prepare(cql_engine *engine, const char *keyspace, cql_slice text, cql_plan **out, cql_error *err);
cql_plan *cql_plan_retain(cql_plan *plan);
void cql_plan_release(cql_plan *plan); /* NULL is fine */
const cql_plan_info *cql_plan_get_info(const cql_plan *plan);
/* CQL_UNPREPARED: the schema has changed since the plan was made, as cql_engine_execute() would say. CQL_IO, CQL_BUSY,
 * CQL_NOMEM. */
cql_status cql_engine_check(cql_engine *engine, const cql_plan *plan, cql_error *err);

/* What a text says of itself, without a schema: for statements whose tables are elsewhere. */
typedef struct cql_text_class {
  bool is_select, is_modification; /* modification: INSERT, UPDATE, DELETE */
  bool is_conditional;             /* has IF; in a batch, one of its statements */
  bool is_idempotent;              /* run twice, the outcome is that of once, as far as the text tells */
} cql_text_class;

/* binds: names and types of the markers, which tell a set from a list; NULL: not known. A text that is not understood,
 * such as another server's extension, is nothing of all that. Opens no file and fails never. */
cql_text_class cql_engine_classify(cql_slice text, const cql_column *binds, uint32_t bind_count);

/* Runs a plan with the values, paging, timestamp of request (its text, prepared and keyspace are not looked at).
 * CQL_UNPREPARED: the schema has changed since the plan was made: prepare the text again. *out takes the result. */
cql_status cql_engine_execute(cql_engine *engine, cql_plan *plan, const cql_request *request, cql_result **out,
                              cql_error *err);
/* plans[i] runs with requests[i]; one transaction, one timestamp (that of requests[0], when given). */
cql_status cql_engine_batch(cql_engine *engine, cql_batch_type type, cql_plan *const *plans,
                            const cql_request *requests, uint32_t count, cql_result **out, cql_error *err);
/* plans[i] runs with requests[i], each by itself (a timestamp, an outcome of its own), in as few transactions as can
 * be. A write of one is seen by those behind it. CQL_UNPREPARED as for cql_engine_execute(). outcomes need not be
 * initialised. */
void cql_engine_execute_many(cql_engine *engine, cql_plan *const *plans, const cql_request *requests, uint32_t count,
                             cql_outcome *outcomes);
/* plans[i], an INSERT, UPDATE or DELETE, runs with requests[i], one after the other in one transaction; each sees what
 * those before it wrote, and has a timestamp of its own. all_or_nothing: the first condition that is not met ends the
 * chain and nothing is kept; else all run and what applied is kept. out has room for count results; the caller takes
 * the first *made. On failure nothing is kept and *made is 0. */
cql_status cql_engine_chain(cql_engine *engine, cql_plan *const *plans, const cql_request *requests, uint32_t count,
                            bool all_or_nothing, cql_result **out, uint32_t *made, cql_error *err);
cql_status cql_engine_backup(cql_engine *engine, const char *path, cql_error *err);
/* As cql_session_compact() and cql_session_check() promise. */
cql_status cql_engine_compact(cql_engine *engine, cql_progress progress, void *user, cql_compact_report *report,
                              cql_error *err);
cql_status cql_engine_check_file(cql_engine *engine, cql_progress progress, cql_check_found found, void *user,
                                 cql_check_report *report, cql_error *err);

#endif
