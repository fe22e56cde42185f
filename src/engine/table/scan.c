/* scan.c: walks a table, or one partition of it, in its order. */
#include "engine/table/table_int.h"

#include <string.h>

/* --- open --------------------------------------------------------------------------------------------------------- */

cqle_scan *cqle_scan_new(cqle_txn *t, const cqle_table *table, cql_error *err) {
  const cql_alloc *alloc = cqle_txn_alloc(t);
  cqle_scan *s = cql_alloc_new(alloc, sizeof *s);
  if (s == NULL) {
    cqle_nomem(err);
    return NULL;
  }
  s->txn = t;
  s->table = table;
  cql_arena_init(&s->arena, alloc, CQL_ARENA_LIMIT_DEFAULT);
  cql_buf *bufs[] = {&s->upper, &s->key, &s->partition, &s->pkey_bytes, &s->lower, &s->value};
  for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++) cqle_key_buf(bufs[i], alloc);
  return s;
}

void cqle_scan_close(cqle_scan *s) {
  if (s == NULL) return;
  const cql_alloc *alloc = cqle_txn_alloc(s->txn);
  cqle_cursor_close(s->cursor);
  cql_arena_free(&s->arena);
  cql_buf *bufs[] = {&s->upper, &s->key, &s->partition, &s->pkey_bytes, &s->lower, &s->value};
  for (size_t i = 0; i < sizeof bufs / sizeof bufs[0]; i++) cql_buf_free(bufs[i]);
  cqle_index_batch_free(s->batch, alloc);
  cql_alloc_free(alloc, s, sizeof *s);
}

cql_status cqle_scan_reopen(cqle_scan *s, cql_slice from, cql_error *err) {
  cqle_cursor_close(s->cursor);
  s->cursor = NULL;
  if (s->upper.len > 0 && cql_slice_cmp(from, cql_buf_view(&s->upper)) >= 0) return CQL_OK; /* nothing is left */
  return cqle_cursor_open(s->txn, from, cql_buf_view(&s->upper), s->reverse, &s->cursor, err);
}

static cql_status bad_position(cql_error *err) {
  return cql_fail(err, CQL_PROTOCOL, "Invalid value for the paging state");
}

/* --- one partition ------------------------------------------------------------------------------------------------ */

/* s->key holds the partition's key up to the kind. The static row is one more entry before the first row, if the walk
 * goes that way and nothing lies between; else it is fetched by itself. */
static void bound_rows(cqle_scan *s, cqle_slice_bounds bounds, bool want_static) {
  size_t kind_at = s->key.len;
  cql_buf_slice(&s->upper, cql_buf_view(&s->key));
  cql_buf_u8(&s->upper, bounds.end.len > 0 ? CQLE_KIND_ROW : CQLE_KIND_BEHIND);
  cql_buf_slice(&s->upper, bounds.end);
  bool in_walk = want_static && !s->reverse && bounds.start.len == 0;
  s->static_first = want_static && !in_walk;
  cql_buf_u8(&s->key, in_walk ? CQLE_KIND_STATIC : CQLE_KIND_ROW);
  cql_buf_slice(&s->key, bounds.start);
  cql_buf_put(&s->partition, s->key.data == NULL ? NULL : s->key.data + CQLE_TABLE_ID_LEN, kind_at - CQLE_TABLE_ID_LEN);
}

/* Narrows the walk to what lies behind a position. The caller may be anybody: the position came over the wire. */
static cql_status go_behind(cqle_scan *s, cql_slice after, cql_error *err) {
  cql_slice partition = cql_buf_view(&s->partition);
  if (after.len <= partition.len || memcmp(after.data, partition.data, partition.len) != 0) return bad_position(err);
  uint8_t kind = after.data[partition.len];
  s->static_first = false;
  if (kind == CQLE_KIND_BEHIND) {
    cql_buf_reset(&s->upper);
    cql_buf_slice(&s->upper, cql_buf_view(&s->key)); /* nothing is left */
    return CQL_OK;
  }
  if (kind != CQLE_KIND_STATIC && kind != CQLE_KIND_ROW) return bad_position(err);
  if (s->reverse && kind == CQLE_KIND_STATIC) return CQL_OK; /* all rows come behind it */
  cql_buf place;
  cqle_key_buf(&place, cqle_txn_alloc(s->txn));
  cql_buf_u32(&place, s->table->id);
  cql_buf_slice(&place, after);
  cql_buf *side = s->reverse ? &s->upper : &s->key;
  if (!s->reverse) cql_buf_u8(&place, 0);
  int c = cql_slice_cmp(cql_buf_view(&place), cql_buf_view(side));
  if (place.st == CQL_OK && (s->reverse ? c < 0 : c > 0)) {
    cql_buf_reset(side);
    cql_buf_slice(side, cql_buf_view(&place));
  }
  cql_status st = cqle_buf_failed(&place, err);
  cql_buf_free(&place);
  return st;
}

cql_status cqle_scan_partition(cqle_txn *t, const cqle_table *table, cqle_pkey pkey, cqle_slice_bounds bounds,
                               bool want_static, bool reverse, cql_slice after, cqle_scan **out, cql_error *err) {
  cql_status st;
  *out = NULL;
  cqle_scan *s = cqle_scan_new(t, table, err);
  if (s == NULL) return CQL_NOMEM;
  s->reverse = reverse;
  cql_buf_slice(&s->pkey_bytes, pkey.bytes);
  s->pkey = (cqle_pkey){cql_buf_view(&s->pkey_bytes), pkey.token};
  cqle_key_put_partition(&s->key, table->id, pkey);
  CQL_TRY(cqle_buf_failed(&s->pkey_bytes, err));
  CQL_TRY(cqle_buf_failed(&s->key, err));
  bound_rows(s, bounds, want_static && table->static_count > 0);
  CQL_TRY(cqle_buf_failed(&s->partition, err));
  CQL_TRY(cqle_buf_failed(&s->key, err));
  CQL_TRY(cqle_buf_failed(&s->upper, err));
  if (after.data != NULL) CQL_TRY(go_behind(s, after, err));
  CQL_TRY(cqle_buf_failed(&s->key, err));
  CQL_TRY(cqle_buf_failed(&s->upper, err));
  cql_buf_reset(&s->partition); /* no row was given yet */
  CQL_TRY(cqle_scan_reopen(s, cql_buf_view(&s->key), err));
  *out = s;
  return CQL_OK;
done:
  cqle_scan_close(s);
  return st;
}

/* --- all partitions ----------------------------------------------------------------------------------------------- */

static void put_token(cql_buf *b, uint32_t id, int64_t token) {
  cql_buf_u32(b, id);
  cql_buf_u64(b, (uint64_t)token ^ (uint64_t)1 << 63);
}

cql_status cqle_scan_tokens(cqle_txn *t, const cqle_table *table, int64_t first, int64_t last, cql_slice after,
                            cqle_scan **out, cql_error *err) {
  cql_status st;
  *out = NULL;
  cqle_scan *s = cqle_scan_new(t, table, err);
  if (s == NULL) return CQL_NOMEM;
  put_token(&s->key, table->id, first);
  put_token(&s->upper, table->id, last);
  if (s->upper.st == CQL_OK) cqle_key_successor(&s->upper);
  CQL_TRY(cqle_buf_failed(&s->key, err));
  CQL_TRY(cqle_buf_failed(&s->upper, err));
  if (after.data != NULL) {
    CQL_CHECK(cqle_position_kind_at(after) > 0, bad_position(err));
    cql_buf_u32(&s->lower, table->id);
    cql_buf_slice(&s->lower, after);
    cql_buf_u8(&s->lower, 0);
    CQL_TRY(cqle_buf_failed(&s->lower, err));
  }
  bool behind = s->lower.len > 0 && cql_slice_cmp(cql_buf_view(&s->lower), cql_buf_view(&s->key)) > 0;
  CQL_TRY(cqle_scan_reopen(s, cql_buf_view(behind ? &s->lower : &s->key), err));
  *out = s;
  return CQL_OK;
done:
  cqle_scan_close(s);
  return st;
}

/* --- step --------------------------------------------------------------------------------------------------------- */

static bool same_partition(const cqle_scan *s, cql_slice position) {
  return s->partition.len > 0 && position.len > s->partition.len &&
         memcmp(position.data, s->partition.data, s->partition.len) == 0;
}

/* Takes note of the partition that an entry belongs to. */
static cql_status enter(cqle_scan *s, cql_slice position, cql_error *err) {
  if (same_partition(s, position)) return CQL_OK;
  size_t kind_at = cqle_position_pkey(position, &s->pkey_bytes, &s->pkey);
  cql_status st = cqle_buf_failed(&s->pkey_bytes, err);
  if (st != CQL_OK) return st;
  if (kind_at == 0) return cqle_row_corrupt(CQL_CORRUPT, s->table, err);
  s->new_partition = true;
  cql_buf_reset(&s->partition);
  cql_buf_put(&s->partition, position.data, kind_at);
  return cqle_buf_failed(&s->partition, err);
}

static cql_status give(cqle_scan *s, cql_slice position, cql_slice bytes, cqle_scan_row *out, cql_error *err) {
  out->new_partition = s->new_partition;
  s->new_partition = false;
  out->pkey = s->pkey;
  out->position = position;
  cql_status st = cqle_row_decode_wanted(&s->arena, s->table, bytes, s->wanted, &out->row);
  if (st == CQL_OK) cqle_row_forget_dropped(&out->row, s->table);
  return cqle_row_corrupt(st, s->table, err);
}

cql_status cqle_scan_give(cqle_scan *s, cql_slice position, cql_slice bytes, cqle_scan_row *out, cql_error *err) {
  cql_status st = enter(s, position, err);
  return st == CQL_OK ? give(s, position, bytes, out, err) : st;
}

static cql_status give_static(cqle_scan *s, cqle_scan_row *out, cql_error *err) {
  cql_slice bytes;
  s->static_first = false;
  cql_buf_reset(&s->key);
  cqle_key_put_partition(&s->key, s->table->id, s->pkey);
  cqle_key_put_row(&s->key, s->table, NULL, true);
  cql_status st = cqle_buf_failed(&s->key, err);
  if (st == CQL_OK) st = cqle_get(s->txn, cql_buf_view(&s->key), &bytes, err);
  if (st != CQL_OK) return st;
  if (cql_arena_slice(&s->arena, bytes, &bytes) != CQL_OK) return cqle_nomem(err);
  cql_slice key = cql_buf_view(&s->key);
  return cqle_scan_give(s, cql_slice_of(key.data + CQLE_TABLE_ID_LEN, key.len - CQLE_TABLE_ID_LEN), bytes, out, err);
}

/* Deletions stand before the rows of their partition; the kind tells them apart. */
static bool is_deletion(const cqle_scan *s, cql_slice position) {
  uint8_t kind = position.data[s->partition.len];
  return kind == CQLE_KIND_PARTITION_DELETION || kind == CQLE_KIND_RANGE_DELETION;
}

cql_status cqle_scan_next(cqle_scan *s, cqle_scan_row *out, cql_error *err) {
  cql_slice key, bytes;
  cql_status st;
  cql_arena_reset(&s->arena);
  if (s->index != NULL) return cqle_index_scan_next(s, out, err);
  if (s->static_first && (st = give_static(s, out, err)) != CQL_DONE) return st;
  while (s->cursor != NULL) {
    st = cqle_cursor_next(s->cursor, &key, &bytes, err);
    if (st != CQL_OK) return st;
    if (key.len <= CQLE_TABLE_ID_LEN + CQLE_TOKEN_LEN) return cqle_row_corrupt(CQL_CORRUPT, s->table, err);
    cql_slice position = cql_slice_of(key.data + CQLE_TABLE_ID_LEN, key.len - CQLE_TABLE_ID_LEN);
    st = enter(s, position, err);
    if (st != CQL_OK) return st;
    if (!is_deletion(s, position)) return give(s, position, bytes, out, err);
  }
  return CQL_DONE;
}

void cqle_scan_want(cqle_scan *s, const cqle_wanted *wanted) {
  s->wanted = wanted;
}

/* A walk downwards has one partition, which then is done; so is any before its first row. */
cql_status cqle_scan_skip_partition(cqle_scan *s, cql_error *err) {
  if (s->partition.len == 0) return CQL_OK;
  if (s->index != NULL) return cqle_index_scan_skip(s, err);
  s->static_first = false;
  if (s->reverse) {
    cqle_cursor_close(s->cursor);
    s->cursor = NULL;
    return CQL_OK;
  }
  cql_buf_reset(&s->key);
  cql_buf_u32(&s->key, s->table->id);
  cql_buf_slice(&s->key, cql_buf_view(&s->partition));
  cql_buf_u8(&s->key, CQLE_KIND_BEHIND);
  cql_status st = cqle_buf_failed(&s->key, err);
  return st == CQL_OK ? cqle_scan_reopen(s, cql_buf_view(&s->key), err) : st;
}
