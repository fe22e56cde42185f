/* engine.c: opening and closing, the clock, schema snapshots, the pool of arenas. */
#include "engine/engine_int.h"
#include "engine/sweep.h"

#include <string.h>

static int64_t wall_clock(void *user) {
  (void)user;
  return cql_clock_now_us();
}

/* A new file gets its host id and first schema version; an old one is only looked at. */
static cql_status give_identity(cql_engine *e, cql_error *err) {
  uint64_t version = 0;
  cqle_txn *txn;
  cql_status st = cqle_txn_begin(e->store, false, &txn, err);
  if (st != CQL_OK) return st;
  st = cqle_schema_version(txn, &version);
  cqle_txn_abort(txn);
  if (st != CQL_OK) return cql_fail(err, st, "The schema could not be read");
  if (version > 0) return CQL_OK;
  st = cqle_txn_begin(e->store, true, &txn, err);
  if (st != CQL_OK) return st;
  st = cqle_schema_create(txn, err);
  if (st == CQL_OK) return cqle_txn_commit(txn, err);
  cqle_txn_abort(txn);
  return st;
}

/* Processes that write little and end must do their part of the sweep too: each begins somewhere between two steps.
 * With a clock of the caller's own, everything happens in the same order each time. */
static void give_credit(cql_engine *e, const cql_engine_config *config) {
  uint8_t random[4] = {0};
  if (config->path != NULL && config->now_us == NULL) cql_random_bytes(random, sizeof random);
  atomic_init(&e->sweep_credit, cql_load_u32(random) % CQLE_SWEEP_EVERY);
}

cql_status cqle_end_call(cql_status st, cql_error *local, cql_error *err) {
  if (st == CQL_OK || err == NULL) return st;
  if (local->status != st) cql_fail(local, st, "The statement could not be run: %s", cql_status_text(st));
  *err = *local;
  return st;
}

cql_status cql_engine_open(cql_engine **out, const cql_engine_config *config, cql_error *err) {
  *out = NULL;
  const cql_alloc *alloc = config->alloc != NULL ? config->alloc : &cql_alloc_libc;
  cql_engine *e = cql_alloc_new(alloc, sizeof *e);
  if (e == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  e->alloc = alloc;
  e->now_us = config->now_us != NULL ? config->now_us : wall_clock;
  e->now_user = config->now_user;
  give_credit(e, config);
  cqle_store_config store = {config->path, config->durability_full, config->busy_timeout_ms, alloc};
  cql_status st = cqle_store_open(&e->store, &store, err);
  if (st == CQL_OK) {
    st = give_identity(e, err);
    if (st != CQL_OK) cqle_store_close(e->store);
  }
  if (st != CQL_OK) {
    cql_alloc_free(alloc, e, sizeof *e);
    return st;
  }
  cql_lock_init(&e->lock, CQL_LOCK_ENGINE);
  *out = e;
  return CQL_OK;
}

void cql_engine_close(cql_engine *engine) {
  if (engine == NULL) return;
  const cql_alloc *alloc = engine->alloc;
  if (engine->schema != NULL) cqle_schema_release(engine, engine->schema);
  for (uint32_t i = 0; i < engine->pool_count; i++) cql_arena_free(&engine->pool[i]);
  cqle_store_close(engine->store);
  cql_lock_free(&engine->lock);
  cql_alloc_free(alloc, engine, sizeof *engine);
}

cql_status cql_engine_backup(cql_engine *engine, const char *path, cql_error *err) {
  return cqle_store_backup(engine->store, path, err);
}

/* --- schema snapshots --------------------------------------------------------------------------------------------- */

void cqle_schema_release(cql_engine *e, cqle_schema *s) {
  cql_lock_take(&e->lock);
  bool last = --s->refs == 0;
  cql_lock_drop(&e->lock);
  if (last) cqle_schema_free(s);
}

/* With a reference for the caller; NULL: none yet. */
static cqle_schema *newest_snapshot(cql_engine *e) {
  cql_lock_take(&e->lock);
  cqle_schema *found = e->schema;
  if (found != NULL) found->refs++;
  cql_lock_drop(&e->lock);
  return found;
}

/* Keeps the snapshot for later statements unless a newer one came in between. A snapshot that a failed DDL statement
 * saw in its own transaction never gets here: DDL loads before it writes. */
static void adopt_snapshot(cql_engine *e, cqle_schema *s) {
  cqle_schema *old = NULL;
  cql_lock_take(&e->lock);
  if (e->schema == NULL || e->schema->version < s->version) {
    old = e->schema;
    e->schema = s;
    s->refs++;
  }
  cql_lock_drop(&e->lock);
  if (old != NULL) cqle_schema_release(e, old);
}

cql_status cqle_engine_schema(cql_engine *e, cqle_txn *txn, cqle_schema **out, cql_error *err) {
  uint64_t version;
  cql_status st = cqle_schema_version(txn, &version);
  if (st != CQL_OK) return cql_fail(err, st, "The schema could not be read");
  cqle_schema *newest = newest_snapshot(e);
  *out = newest;
  if (newest != NULL && newest->version == version) return CQL_OK;
  st = cqle_schema_load(txn, e->alloc, newest, out, err);
  if (newest != NULL) cqle_schema_release(e, newest);
  if (st != CQL_OK) return st;
  (*out)->refs = 1;
  adopt_snapshot(e, *out);
  return CQL_OK;
}

/* --- arenas ------------------------------------------------------------------------------------------------------- */

cql_arena cqle_engine_take_arena(cql_engine *e) {
  cql_arena a;
  cql_lock_take(&e->lock);
  bool found = e->pool_count > 0;
  if (found) a = e->pool[--e->pool_count];
  cql_lock_drop(&e->lock);
  if (!found) cql_arena_init(&a, e->alloc, CQLE_EXEC_ARENA_MAX);
  return a;
}

void cqle_engine_give_arena(cql_engine *e, cql_arena *a) {
  cql_arena_reset(a);
  cql_lock_take(&e->lock);
  bool kept = e->pool_count < CQLE_ARENA_POOL_COUNT;
  if (kept) e->pool[e->pool_count++] = *a;
  cql_lock_drop(&e->lock);
  if (!kept) cql_arena_free(a);
}
