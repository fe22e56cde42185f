/* purge.c: a step of a sweep over a table. */
#include "engine/table/table_int.h"

typedef struct step {
  cqle_txn *t;
  const cqle_table *table;
  cqle_purge *p;
  int64_t gc_before;
  cql_arena scratch; /* one row's */
  cql_buf pkey;
  cql_error *err;
} step;

/* Whether what ended then may go. What stays may go when the grace behind its end is over. */
static bool may_go(step *s, int64_t end) {
  int64_t grace = s->table->gc_grace_seconds;
  if (end < s->gc_before) return true;
  if (end < INT64_MAX - grace - 1 && end + grace + 1 < s->p->next_s) s->p->next_s = end + grace + 1;
  return false;
}

static cql_status purge_deletion(step *s, cql_slice key, cql_slice bytes) {
  cqle_deletion d;
  cql_slice end;
  cql_status st = cqle_deletion_decode(s->table, bytes, &d, &end, s->err);
  if (st != CQL_OK || !may_go(s, d.at)) return st;
  s->p->removed++;
  return cqle_del(s->t, key, s->err);
}

static bool is_empty(const cqle_row *r) {
  if (r->marker.timestamp != CQLE_NO_TIMESTAMP || r->deletion.timestamp != CQLE_NO_TIMESTAMP) return false;
  for (uint32_t i = 0; i < r->count; i++)
    if (r->columns[i].count > 0 || r->columns[i].deletion.timestamp != CQLE_NO_TIMESTAMP) return false;
  return true;
}

static cql_status purge_row(step *s, cql_slice key, cql_slice bytes) {
  static const cqle_deletion NONE = {CQLE_NO_TIMESTAMP, CQLE_NO_EXPIRY};
  cqle_row row, nothing, left;
  cql_status st = cqle_row_corrupt(cqle_row_decode(&s->scratch, s->table, bytes, &row), s->table, s->err);
  if (st != CQL_OK || !may_go(s, cqle_row_first_end(&row, s->table))) return st;
  cql_slice position = cql_slice_of(key.data + CQLE_TABLE_ID_LEN, key.len - CQLE_TABLE_ID_LEN);
  cqle_pkey pkey;
  if (cqle_position_pkey(position, &s->pkey, &pkey) == 0) return cqle_buf_failed(&s->pkey, s->err);
  cqle_row_init(&nothing);
  st = cqle_row_merge(&s->scratch, s->table, &row, &nothing, NONE, &left); /* a copy: the index compares the two */
  if (st != CQL_OK) return cqle_row_corrupt(st, s->table, s->err);
  cqle_row_purge(&left, s->table, s->gc_before);
  (void)may_go(s, cqle_row_first_end(&left, s->table)); /* for when the rest of it may go */
  *(is_empty(&left) ? &s->p->removed : &s->p->rewritten) += 1;
  return cqle_table_replace(s->t, s->table, pkey, key, bytes, &row, &left, &s->scratch, s->err);
}

static cql_status purge_key(step *s, cql_slice key, cql_slice bytes) {
  if (key.len <= CQLE_TABLE_ID_LEN + CQLE_TOKEN_LEN) return cqle_row_corrupt(CQL_CORRUPT, s->table, s->err);
  cql_slice position = cql_slice_of(key.data + CQLE_TABLE_ID_LEN, key.len - CQLE_TABLE_ID_LEN);
  size_t kind_at = cqle_position_kind_at(position);
  if (kind_at == 0) return cqle_row_corrupt(CQL_CORRUPT, s->table, s->err);
  uint8_t kind = position.data[kind_at];
  bool is_row = kind == CQLE_KIND_ROW || kind == CQLE_KIND_STATIC;
  return is_row ? purge_row(s, key, bytes) : purge_deletion(s, key, bytes);
}

static cql_status walk(step *s, cqle_cursor *c, cql_buf *at) {
  cql_slice key, bytes;
  size_t read = 0;
  cql_status st;
  while ((st = cqle_cursor_next(c, &key, &bytes, s->err)) == CQL_OK) {
    cql_buf_reset(at);
    cql_buf_slice(at, key);
    st = cqle_buf_failed(at, s->err);
    if (st != CQL_OK || s->p->keys == 0 || read >= CQLE_PURGE_BYTES) return st;
    s->p->keys--;
    s->p->seen++;
    read += key.len + bytes.len;
    cql_arena_reset(&s->scratch);
    st = purge_key(s, cql_buf_view(at), bytes);
    if (st != CQL_OK) return st;
  }
  cql_buf_reset(at);
  return st == CQL_DONE ? CQL_OK : st;
}

cql_status cqle_table_purge(cqle_txn *t, const cqle_table *table, cqle_purge *p, cql_buf *at, cql_error *err) {
  step s = {.t = t, .table = table, .p = p, .gc_before = p->now_s - table->gc_grace_seconds, .err = err};
  uint8_t from[CQLE_TABLE_ID_LEN], to[CQLE_TABLE_ID_LEN];
  cqle_cursor *c;
  cql_store_u32(from, table->id);
  cql_store_u32(to, table->id + 1);
  cql_status st = cqle_cursor_open(t, at->len > 0 ? cql_buf_view(at) : cql_slice_of(from, sizeof from),
                                   cql_slice_of(to, table->id == UINT32_MAX ? 0 : sizeof to), false, &c, err);
  if (st != CQL_OK) return st;
  cql_arena_init(&s.scratch, cqle_txn_alloc(t), CQL_ARENA_LIMIT_DEFAULT);
  cqle_key_buf(&s.pkey, cqle_txn_alloc(t));
  st = walk(&s, c, at);
  cqle_cursor_close(c);
  cql_buf_free(&s.pkey);
  cql_arena_free(&s.scratch);
  return st;
}
