/* table.c: rows read and written by their key. */
#include "engine/table/table_int.h"

/* --- read --------------------------------------------------------------------------------------------------------- */

cql_status cqle_table_get(cqle_txn *t, const cqle_table *table, cqle_pkey pkey, const cql_slice *clustering,
                          bool is_static, cql_arena *a, cqle_row *out, cql_error *err) {
  cql_alloc alloc = cqle_arena_alloc(a);
  cql_buf key;
  cql_slice bytes;
  cqle_key_buf(&key, &alloc);
  cqle_key_put_partition(&key, table->id, pkey);
  cqle_key_put_row(&key, table, clustering, is_static);
  cql_status st = cqle_buf_failed(&key, err);
  if (st == CQL_OK) st = cqle_get(t, cql_buf_view(&key), &bytes, err);
  if (st != CQL_OK) return st;
  if (cql_arena_slice(a, bytes, &bytes) != CQL_OK) return cqle_nomem(err);
  st = cqle_row_decode(a, table, bytes, out);
  if (st == CQL_OK) cqle_row_forget_dropped(out, table);
  return cqle_row_corrupt(st, table, err);
}

/* --- write -------------------------------------------------------------------------------------------------------- */

typedef struct writer {
  cqle_txn *t;
  const cqle_table *table;
  cqle_pkey pkey;
  int64_t gc_before; /* what ended before it may go */
  cql_error *err;
} writer;

static writer writer_of(cqle_txn *t, const cqle_table *table, cqle_pkey pkey, int64_t now_s, cql_error *err) {
  return (writer){t, table, pkey, now_s - table->gc_grace_seconds, err};
}

/* stored: the bytes of before, lent by the transaction until its next call; len 0: no row. */
cql_status cqle_table_replace(cqle_txn *t, const cqle_table *table, cqle_pkey pkey, cql_slice key, cql_slice stored,
                              const cqle_row *before, const cqle_row *after, cql_arena *a, cql_error *err) {
  cql_alloc alloc = cqle_arena_alloc(a);
  cql_buf bytes;
  cql_buf_init(&bytes, &alloc, CQL_VALUE_LEN_MAX);
  cqle_row_encode(&bytes, table, after);
  cql_status st = cqle_buf_failed(&bytes, err);
  if (st != CQL_OK || cql_slice_eq(cql_buf_view(&bytes), stored)) return st;
  cql_slice position = cql_slice_of(key.data + CQLE_TABLE_ID_LEN, key.len - CQLE_TABLE_ID_LEN);
  if (table->index_count > 0) /* first: it still reads before */
    st = cqle_index_update(t, table, pkey, position, stored.len == 0 ? NULL : before, bytes.len == 0 ? NULL : after, a,
                           err);
  if (st != CQL_OK) return st;
  return bytes.len == 0 ? cqle_del(t, key, err) : cqle_put(t, key, cql_buf_view(&bytes), err);
}

static cql_status write_merged(const writer *w, cql_slice key, cql_slice stored, const cqle_row *base,
                               const cqle_row *update, cqle_deletion covering, cql_arena *a) {
  cqle_row merged;
  cql_status st = cqle_row_merge(a, w->table, base, update, covering, &merged);
  if (st != CQL_OK) return cqle_row_corrupt(st, w->table, w->err);
  if (stored.len > 0)
    cqle_row_purge(&merged, w->table, w->gc_before); /* a new row has nothing old in it */
  else
    cqle_row_cut_dropped(&merged, w->table);
  return cqle_table_replace(w->t, w->table, w->pkey, key, stored, base, &merged, a, w->err);
}

/* A stored row as an index knows it, without what a column's drop took. */
static cql_status decode_base(const writer *w, cql_arena *a, cql_slice bytes, cqle_row *out) {
  cql_status st = cqle_row_decode(a, w->table, bytes, out);
  if (st == CQL_OK) cqle_row_cut_dropped(out, w->table);
  return cqle_row_corrupt(st, w->table, w->err);
}

static cql_status write_at(const writer *w, cql_buf *key, size_t kind_at, const cqle_row *update, cql_arena *a) {
  cqle_row base;
  cqle_deletion covering;
  cql_slice stored = {NULL, 0};
  cqle_row_init(&base);
  cql_status st = cqle_deletion_covering(w->t, w->table, key, kind_at, a, &covering, w->err);
  if (st == CQL_OK) st = cqle_get(w->t, cql_buf_view(key), &stored, w->err);
  if (st == CQL_OK)
    st = decode_base(w, a, stored, &base);
  else if (st == CQL_DONE)
    st = CQL_OK;
  return st == CQL_OK ? write_merged(w, cql_buf_view(key), stored, &base, update, covering, a) : st;
}

cql_status cqle_table_write(cqle_txn *t, const cqle_table *table, cqle_pkey pkey, const cqle_row *update, int64_t now_s,
                            cql_arena *a, cql_error *err) {
  writer w = writer_of(t, table, pkey, now_s, err);
  cql_alloc alloc = cqle_arena_alloc(a);
  cql_buf key;
  cqle_key_buf(&key, &alloc);
  cqle_key_put_partition(&key, table->id, pkey);
  size_t kind_at = key.len;
  cqle_key_put_row(&key, table, update->clustering, update->is_static);
  cql_status st = cqle_buf_failed(&key, err);
  return st == CQL_OK ? write_at(&w, &key, kind_at, update, a) : st;
}

/* --- delete ------------------------------------------------------------------------------------------------------- */

/* Applies d to every row with from <= key < to. Each row has the scratch arena to itself. */
static cql_status cover_rows(const writer *w, cql_slice from, cql_slice to, cqle_deletion d) {
  cqle_cursor *c;
  cql_slice key, bytes;
  cql_arena scratch;
  cqle_row base, nothing;
  cqle_row_init(&nothing);
  cql_arena_init(&scratch, cqle_txn_alloc(w->t), CQL_ARENA_LIMIT_DEFAULT);
  cql_status st = cqle_cursor_open(w->t, from, to, false, &c, w->err);
  while (st == CQL_OK && (st = cqle_cursor_next(c, &key, &bytes, w->err)) == CQL_OK) {
    cql_arena_reset(&scratch);
    st = decode_base(w, &scratch, bytes, &base);
    if (st == CQL_OK) st = write_merged(w, key, bytes, &base, &nothing, d, &scratch);
  }
  cqle_cursor_close(c);
  cql_arena_free(&scratch);
  return st == CQL_DONE ? CQL_OK : st;
}

/* Appends kind and more to the partition in key, as a copy in a. */
static cql_slice bound_at(cql_arena *a, cql_slice partition, uint8_t kind, cql_slice more) {
  uint8_t *p = cql_arena_get(a, partition.len + 1 + more.len);
  if (p == NULL) return (cql_slice){NULL, 0};
  cql_slice out = cql_slice_of(p, partition.len + 1 + more.len);
  for (size_t i = 0; i < partition.len; i++) p[i] = partition.data[i];
  p[partition.len] = kind;
  for (size_t i = 0; i < more.len; i++) p[partition.len + 1 + i] = more.data[i];
  return out;
}

static cql_status partition_of(cql_arena *a, const cqle_table *table, cqle_pkey pkey, cql_slice *out, cql_error *err) {
  cql_alloc alloc = cqle_arena_alloc(a);
  cql_buf key;
  cqle_key_buf(&key, &alloc);
  cqle_key_put_partition(&key, table->id, pkey);
  *out = cql_buf_view(&key);
  return cqle_buf_failed(&key, err);
}

cql_status cqle_table_delete_partition(cqle_txn *t, const cqle_table *table, cqle_pkey pkey, cqle_deletion d,
                                       int64_t now_s, cql_arena *a, cql_error *err) {
  static const cql_slice NOTHING = {NULL, 0};
  writer w = writer_of(t, table, pkey, now_s, err);
  cqle_deletion kept;
  cql_slice partition;
  cql_status st;
  CQL_TRY(partition_of(a, table, pkey, &partition, err));
  CQL_TRY(cqle_deletion_of_partition(t, table, partition, a, &kept, err));
  if (cqle_deletion_reconcile(&kept, &d) <= 0) return CQL_OK; /* and so no row is left that d covers */
  CQL_TRY(cqle_deletion_keep_partition(t, table, partition, d, a, err));
  cql_slice from = bound_at(a, partition, CQLE_KIND_STATIC, NOTHING);
  cql_slice to = bound_at(a, partition, CQLE_KIND_BEHIND, NOTHING);
  if (from.data == NULL || to.data == NULL) return cqle_nomem(err);
  CQL_TRY(cover_rows(&w, from, to, d));
done:
  return st;
}

cql_status cqle_table_delete_range(cqle_txn *t, const cqle_table *table, cqle_pkey pkey, cqle_slice_bounds bounds,
                                   cqle_deletion d, int64_t now_s, cql_arena *a, cql_error *err) {
  static const cql_slice NOTHING = {NULL, 0};
  writer w = writer_of(t, table, pkey, now_s, err);
  cqle_deletion kept;
  cql_slice partition;
  cql_status st;
  if (bounds.end.len > 0 && cql_slice_cmp(bounds.start, bounds.end) >= 0) return CQL_OK;
  CQL_TRY(partition_of(a, table, pkey, &partition, err));
  CQL_TRY(cqle_deletion_of_partition(t, table, partition, a, &kept, err));
  if (cqle_deletion_reconcile(&kept, &d) <= 0) return CQL_OK;
  CQL_TRY(cqle_deletion_keep_range(t, table, partition, bounds, d, a, err));
  cql_slice from = bound_at(a, partition, CQLE_KIND_ROW, bounds.start);
  cql_slice to = bounds.end.len > 0 ? bound_at(a, partition, CQLE_KIND_ROW, bounds.end)
                                    : bound_at(a, partition, CQLE_KIND_BEHIND, NOTHING);
  if (from.data == NULL || to.data == NULL) return cqle_nomem(err);
  CQL_TRY(cover_rows(&w, from, to, d));
done:
  return st;
}

/* --- all of a table ----------------------------------------------------------------------------------------------- */

static cql_status delete_prefix(cqle_txn *t, uint32_t id, cql_error *err) {
  uint8_t from[CQLE_TABLE_ID_LEN], to[CQLE_TABLE_ID_LEN];
  cql_store_u32(from, id);
  cql_store_u32(to, id + 1);
  return cqle_del_range(t, cql_slice_of(from, sizeof from), cql_slice_of(to, id == UINT32_MAX ? 0 : sizeof to), err);
}

cql_status cqle_index_drop(cqle_txn *t, const cqle_index *index, cql_error *err) {
  return delete_prefix(t, index->id, err);
}

cql_status cqle_table_truncate(cqle_txn *t, const cqle_table *table, cql_error *err) {
  cql_status st = delete_prefix(t, table->id, err);
  for (uint32_t i = 0; i < table->index_count && st == CQL_OK; i++) st = cqle_index_drop(t, table->indexes[i], err);
  return st;
}
