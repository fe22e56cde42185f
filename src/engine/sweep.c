/* sweep.c: see sweep.h. */
#include "engine/sweep.h"

enum { FORMAT = 1, HEAD_LEN = 1 + 1 + 8 + 8 + 8, KEY_MAX = 4 << 20 };

typedef struct state {
  bool running;
  uint64_t version;
  int64_t started_s, next_s;
  cql_slice at; /* borrows */
} state;

/* --- kept in the file --------------------------------------------------------------------------------------------- */

static cql_slice state_key(uint8_t out[4]) {
  cql_store_u32(out, CQLE_SWEEP_ID);
  return cql_slice_of(out, 4);
}

static cql_status decode(cql_slice value, state *out, cql_error *err) {
  if (value.len < HEAD_LEN || value.data[0] != FORMAT || value.data[1] > 1)
    return cql_fail(err, CQL_CORRUPT, "The state of the sweep in the file is damaged");
  out->running = value.data[1] == 1;
  out->version = cql_load_u64(value.data + 2);
  out->started_s = (int64_t)cql_load_u64(value.data + 10);
  out->next_s = (int64_t)cql_load_u64(value.data + 18);
  out->at = cql_slice_of(value.data + HEAD_LEN, value.len - HEAD_LEN);
  return CQL_OK;
}

cql_status cqle_sweep_check(cql_slice value, cql_error *err) {
  state s;
  return decode(value, &s, err);
}

/* *out borrows until the next call on txn. A file that no sweep has seen: one is due. */
static cql_status load(cqle_txn *txn, state *out, cql_error *err) {
  uint8_t key[4];
  cql_slice value;
  *out = (state){.next_s = INT64_MIN};
  cql_status st = cqle_get(txn, state_key(key), &value, err);
  if (st == CQL_DONE) return CQL_OK;
  return st == CQL_OK ? decode(value, out, err) : st;
}

static cql_status keep(cqle_txn *txn, const cql_alloc *alloc, const state *s, cql_error *err) {
  uint8_t key[4];
  cql_buf b;
  cql_buf_init(&b, alloc, HEAD_LEN + KEY_MAX);
  cql_buf_u8(&b, FORMAT);
  cql_buf_u8(&b, s->running);
  cql_buf_u64(&b, s->version);
  cql_buf_u64(&b, (uint64_t)s->started_s);
  cql_buf_u64(&b, (uint64_t)s->next_s);
  cql_buf_slice(&b, s->at);
  cql_status st = b.st == CQL_OK ? cqle_put(txn, state_key(key), cql_buf_view(&b), err)
                                 : cql_fail(err, b.st, "The state of the sweep cannot be kept");
  cql_buf_free(&b);
  return st;
}

/* --- which table -------------------------------------------------------------------------------------------------- */

/* The table with the least id from `id` on; NULL: none. *before and *all count the tables. */
static const cqle_table *table_from(const cqle_schema *schema, uint32_t id, uint32_t *before, uint32_t *all) {
  const cqle_table *found = NULL;
  *before = *all = 0;
  for (uint32_t k = 0; k < schema->keyspace_count; k++) {
    const cqle_keyspace *ks = schema->keyspaces[k];
    for (uint32_t i = 0; i < ks->table_count; i++) {
      const cqle_table *t = ks->tables[i];
      if (t->read != NULL) continue;
      ++*all;
      *before += t->id < id;
      if (t->id >= id && (found == NULL || t->id < found->id)) found = t;
    }
  }
  return found;
}

static int64_t least_grace(const cqle_schema *schema) {
  int64_t least = INT32_MAX;
  for (uint32_t k = 0; k < schema->keyspace_count; k++)
    for (uint32_t i = 0; i < schema->keyspaces[k]->table_count; i++) {
      const cqle_table *t = schema->keyspaces[k]->tables[i];
      if (t->read == NULL && t->gc_grace_seconds < least) least = t->gc_grace_seconds;
    }
  return least;
}

/* --- a step ------------------------------------------------------------------------------------------------------- */

/* Another schema: a grace may be shorter now, a column gone. A clock that went back: what it promised is not true. */
static bool is_due(const state *s, uint64_t version, int64_t now_s) {
  return s->running || s->version != version || now_s >= s->next_s || now_s < s->started_s;
}

static void start(state *s, const cqle_schema *schema, int64_t now_s) {
  s->running = true;
  s->version = schema->version;
  s->started_s = now_s;
  s->next_s = now_s + least_grace(schema) + 1; /* what is written from now on */
  s->at = (cql_slice){NULL, 0};
}

static double progress_of(cql_slice at, uint32_t before, uint32_t all) {
  double token = at.len >= 12 ? (double)cql_load_u64(at.data + 4) / 18446744073709551616.0 : 0;
  return all == 0 ? 1 : ((double)before + token) / (double)all;
}

static cql_status walk(cqle_txn *txn, const cqle_schema *schema, state *s, cql_buf *at, cqle_sweep_report *report,
                       cql_error *err) {
  uint32_t before, all;
  cql_status st = CQL_OK;
  cqle_purge *p = &report->counts;
  cql_buf_slice(at, s->at);
  if (at->st != CQL_OK) return cqle_nomem(err);
  uint32_t id = at->len >= 4 ? cql_load_u32(at->data) : 0;
  const cqle_table *t = table_from(schema, id, &before, &all);
  while (st == CQL_OK && t != NULL) {
    if (t->id != id) cql_buf_reset(at); /* the table it stood in is gone */
    st = cqle_table_purge(txn, t, p, at, err);
    if (st != CQL_OK || at->len > 0) break;
    id = t->id + 1;
    t = table_from(schema, id, &before, &all);
  }
  report->done = t == NULL;
  report->progress = report->done ? 1 : progress_of(cql_buf_view(at), before, all);
  s->running = !report->done;
  s->at = cql_buf_view(at);
  s->next_s = p->next_s;
  return st;
}

static cql_status step(cql_engine *e, cqle_txn *txn, const cqle_schema *schema, bool restart, cqle_sweep_report *report,
                       cql_error *err) {
  state s;
  cql_buf at;
  int64_t now_us = e->now_us(e->now_user);
  int64_t now_s = now_us >= 0 ? now_us / 1000000 : (now_us - 999999) / 1000000;
  cql_status st = load(txn, &s, err);
  if (st == CQL_CORRUPT) { /* it holds nothing that cannot be found out anew */
    s = (state){.next_s = INT64_MIN};
    st = CQL_OK;
  }
  if (st != CQL_OK) return st;
  report->done = true;
  report->progress = 1;
  if (!restart && !is_due(&s, schema->version, now_s)) return CQL_OK;
  if (restart || !s.running) start(&s, schema, now_s);
  report->counts.now_s = now_s;
  report->counts.next_s = s.next_s;
  report->counts.keys = CQLE_SWEEP_KEYS;
  cql_buf_init(&at, e->alloc, KEY_MAX);
  st = walk(txn, schema, &s, &at, report, err);
  if (st == CQL_OK) st = keep(txn, e->alloc, &s, err);
  cql_buf_free(&at);
  return st;
}

static cql_status step_and_commit(cql_engine *e, cqle_txn *txn, bool restart, cqle_sweep_report *report,
                                  cql_error *err) {
  cqle_schema *schema;
  cql_status st = cqle_engine_schema(e, txn, &schema, err);
  if (st == CQL_OK) {
    st = step(e, txn, schema, restart, report, err);
    cqle_schema_release(e, schema);
  }
  if (st == CQL_OK) return cqle_txn_commit(txn, err);
  cqle_txn_abort(txn);
  return st;
}

cql_status cqle_sweep_step(cql_engine *e, bool restart, cqle_sweep_report *report, cql_error *err) {
  cqle_txn *txn;
  cql_status st = cqle_txn_begin(e->store, true, &txn, err);
  return st == CQL_OK ? step_and_commit(e, txn, restart, report, err) : st;
}

/* --- beside writes ------------------------------------------------------------------------------------------------ */

/* Without the writers' lock: most of the time there is nothing to do. */
static bool looks_due(cql_engine *e) {
  cqle_txn *txn;
  state s;
  uint64_t version;
  if (cqle_txn_begin(e->store, false, &txn, NULL) != CQL_OK) return false;
  int64_t now_us = e->now_us(e->now_user);
  bool due = cqle_schema_version(txn, &version) == CQL_OK && load(txn, &s, NULL) == CQL_OK &&
             is_due(&s, version, now_us / 1000000);
  cqle_txn_abort(txn);
  return due;
}

void cqle_sweep_earn(cql_engine *e, uint64_t keys_written) {
  cqle_sweep_report report = {0};
  cqle_txn *txn;
  uint32_t earned = keys_written < CQLE_SWEEP_CREDIT ? (uint32_t)keys_written : CQLE_SWEEP_CREDIT;
  uint32_t credit = atomic_fetch_add(&e->sweep_credit, earned) + earned;
  if (credit < CQLE_SWEEP_EVERY) return;
  credit -= CQLE_SWEEP_EVERY;
  atomic_store(&e->sweep_credit, credit < CQLE_SWEEP_CREDIT ? credit : CQLE_SWEEP_CREDIT);
  if (!looks_due(e) || cqle_txn_begin_now(e->store, &txn, NULL) != CQL_OK) return;
  (void)step_and_commit(e, txn, false, &report, NULL);
}
