/* compact.c: a whole sweep at once, then free pages back to the file system; others read and write meanwhile. */
#include "engine/sweep.h"

#include <time.h>

enum {
  SHRINK_PAGES = 256, /* moved in one transaction */
  PAUSE_US = 500,     /* between two transactions: writers who wait look every now and then only */
};

typedef struct run {
  cql_engine *e;
  cql_progress progress;
  void *user;
  cql_compact_report *report;
  cql_error *err;
} run;

static bool go_on(const run *r, const char *doing, double done) {
  return r->progress == NULL || r->progress(r->user, doing, done);
}

static void pause_for_others(void) {
  nanosleep(&(struct timespec){0, PAUSE_US * 1000}, NULL);
}

static cql_status size_of(cql_engine *e, cqle_store_size *out, cql_error *err) {
  cqle_txn *txn;
  cql_status st = cqle_txn_begin(e->store, false, &txn, err);
  if (st != CQL_OK) return st;
  st = cqle_txn_size(txn, out, err);
  cqle_txn_abort(txn);
  return st;
}

static cql_status sweep(run *r, bool *finished) {
  cqle_sweep_report step = {0};
  cql_status st = cqle_sweep_step(r->e, true, &step, r->err);
  for (;;) {
    if (st != CQL_OK) return st;
    r->report->keys_seen = step.counts.seen;
    r->report->keys_removed = step.counts.removed;
    r->report->rows_rewritten = step.counts.rewritten;
    *finished = go_on(r, "sweep", step.progress) || step.done;
    if (step.done || !*finished) return CQL_OK;
    pause_for_others();
    st = cqle_sweep_step(r->e, false, &step, r->err);
  }
}

static cql_status shrink_step(cql_engine *e, cqle_store_size *size, cql_error *err) {
  cqle_txn *txn;
  cql_status st = cqle_txn_begin(e->store, true, &txn, err);
  if (st != CQL_OK) return st;
  st = cqle_txn_shrink(txn, SHRINK_PAGES, err);
  if (st == CQL_OK) st = cqle_txn_size(txn, size, err);
  if (st == CQL_OK) return cqle_txn_commit(txn, err);
  cqle_txn_abort(txn);
  return st;
}

static cql_status shrink(run *r, bool *finished) {
  cqle_store_size size;
  cql_status st = size_of(r->e, &size, r->err);
  uint64_t first = size.free, before = UINT64_MAX;
  while (st == CQL_OK && size.free > 0 && size.free < before && *finished) {
    before = size.free;
    st = shrink_step(r->e, &size, r->err);
    if (st != CQL_OK) return st;
    *finished = go_on(r, "shrink", (double)(first - (size.free < first ? size.free : first)) / (double)first);
    pause_for_others();
  }
  return st;
}

cql_status cql_engine_compact(cql_engine *engine, cql_progress progress, void *user, cql_compact_report *report,
                              cql_error *err) {
  run r = {engine, progress, user, report, err};
  cqle_store_size size;
  cql_status st;
  *report = (cql_compact_report){0};
  CQL_TRY(size_of(engine, &size, err));
  report->bytes_before = size.bytes;
  CQL_TRY(sweep(&r, &report->finished));
  if (report->finished) CQL_TRY(shrink(&r, &report->finished));
  CQL_TRY(cqle_store_checkpoint(engine->store, err));
  CQL_TRY(size_of(engine, &size, err));
  report->bytes_after = size.bytes;
done:
  return st;
}
