/* deletion.c: the deletions of partitions and ranges that a table keeps. */
#include "engine/table/table_int.h"

#include <stdlib.h>

enum { FORMAT = 1, HEAD_LEN = 1 + 8 + 8 };

static const cqle_deletion NONE = {CQLE_NO_TIMESTAMP, CQLE_NO_EXPIRY};

/* Rows with start <= clustering < end; the bounds as in cqle_slice_bounds. */
typedef struct range {
  cql_slice start, end;
  cqle_deletion d;
} range;

typedef struct range_list {
  range *items;
  uint32_t count;
} range_list;

static bool supersedes(cqle_deletion x, cqle_deletion y) {
  return cqle_deletion_reconcile(&x, &y) < 0;
}

cql_status cqle_deletion_decode(const cqle_table *table, cql_slice bytes, cqle_deletion *out, cql_slice *end,
                                cql_error *err) {
  if (bytes.len < HEAD_LEN || bytes.data[0] != FORMAT)
    return cql_fail(err, CQL_CORRUPT, "table %s holds bytes that are no deletion: the file is damaged", table->name);
  *out = (cqle_deletion){(int64_t)cql_load_u64(bytes.data + 1), (int64_t)cql_load_u64(bytes.data + 9)};
  *end = cql_slice_of(bytes.data + HEAD_LEN, bytes.len - HEAD_LEN);
  return CQL_OK;
}

static cql_status put(cqle_txn *t, cql_slice partition, uint8_t kind, cql_slice start, cql_slice end, cqle_deletion d,
                      cql_arena *a, cql_error *err) {
  cql_alloc alloc = cqle_arena_alloc(a);
  cql_buf key, value;
  cqle_key_buf(&key, &alloc);
  cqle_key_buf(&value, &alloc);
  cql_buf_slice(&key, partition);
  cql_buf_u8(&key, kind);
  cql_buf_slice(&key, start);
  cql_buf_u8(&value, FORMAT);
  cql_buf_u64(&value, (uint64_t)d.timestamp);
  cql_buf_u64(&value, (uint64_t)d.at);
  cql_buf_slice(&value, end);
  cql_status st = cqle_buf_failed(&key, err);
  if (st == CQL_OK) st = cqle_buf_failed(&value, err);
  return st == CQL_OK ? cqle_put(t, cql_buf_view(&key), cql_buf_view(&value), err) : st;
}

/* partition · kind [· more] */
static cql_status key_of(cql_arena *a, cql_slice partition, uint8_t kind, cql_slice more, cql_slice *out,
                         cql_error *err) {
  cql_alloc alloc = cqle_arena_alloc(a);
  cql_buf key;
  cqle_key_buf(&key, &alloc);
  cql_buf_slice(&key, partition);
  cql_buf_u8(&key, kind);
  cql_buf_slice(&key, more);
  *out = cql_buf_view(&key);
  return cqle_buf_failed(&key, err);
}

/* --- look up ------------------------------------------------------------------------------------------------------ */

cql_status cqle_deletion_of_partition(cqle_txn *t, const cqle_table *table, cql_slice partition, cql_arena *a,
                                      cqle_deletion *out, cql_error *err) {
  cql_slice key, value, end;
  *out = NONE;
  cql_status st = key_of(a, partition, CQLE_KIND_PARTITION_DELETION, (cql_slice){NULL, 0}, &key, err);
  if (st == CQL_OK) st = cqle_get(t, key, &value, err);
  if (st == CQL_DONE) return CQL_OK;
  return st == CQL_OK ? cqle_deletion_decode(table, value, out, &end, err) : st;
}

/* The last deletion at or before upper. It may be the range that covers the row, or one before it, or the
 * partition's. */
static cql_status last_before(cqle_txn *t, const cqle_table *table, cql_slice lower, cql_slice upper, size_t kind_at,
                              cql_slice clustering, cqle_deletion *out, bool *is_range, cql_error *err) {
  cqle_cursor *c;
  cql_slice key, value, end;
  *out = NONE;
  *is_range = false;
  cql_status st = cqle_cursor_open(t, lower, upper, true, &c, err);
  if (st != CQL_OK) return st;
  st = cqle_cursor_next(c, &key, &value, err);
  if (st == CQL_OK) {
    st = cqle_deletion_decode(table, value, out, &end, err);
    *is_range = key.data[kind_at] == CQLE_KIND_RANGE_DELETION;
    if (*is_range && end.len > 0 && cql_slice_cmp(clustering, end) >= 0) *out = NONE;
  } else if (st == CQL_DONE) {
    st = CQL_OK;
  }
  cqle_cursor_close(c);
  return st;
}

/* In most partitions nothing was ever deleted so: then this is one seek that finds nothing. */
cql_status cqle_deletion_covering(cqle_txn *t, const cqle_table *table, cql_buf *key, size_t kind_at, cql_arena *a,
                                  cqle_deletion *out, cql_error *err) {
  uint8_t kind = key->data[kind_at];
  bool is_static = kind == CQLE_KIND_STATIC, is_range;
  cql_slice lower;
  cql_status st =
      key_of(a, cql_slice_of(key->data, kind_at), CQLE_KIND_PARTITION_DELETION, (cql_slice){NULL, 0}, &lower, err);
  if (st != CQL_OK) return st;
  size_t len = key->len;
  cql_buf_u8(key, 0); /* the least key behind a range that starts at this very row */
  if (key->st != CQL_OK) return cqle_buf_failed(key, err);
  key->data[kind_at] = CQLE_KIND_RANGE_DELETION;
  cql_slice upper = cql_slice_of(key->data, is_static ? kind_at + 1 : key->len);
  cql_slice clustering = cql_slice_of(key->data + kind_at + 1, len - kind_at - 1);
  st = last_before(t, table, lower, upper, kind_at, clustering, out, &is_range, err);
  key->data[kind_at] = kind;
  key->len = len;
  if (st != CQL_OK || !is_range) return st;
  cqle_deletion whole;
  st = cqle_deletion_of_partition(t, table, cql_slice_of(key->data, kind_at), a, &whole, err);
  if (supersedes(whole, *out)) *out = whole;
  return st;
}

/* --- keep --------------------------------------------------------------------------------------------------------- */

static cql_status append(cql_arena *a, range_list *list, range item, cql_error *err) {
  bool full = (list->count & (list->count - 1)) == 0; /* 0, 1, 2, 4, …: the array doubles */
  if (full) {
    range *items = cql_arena_array(a, list->count == 0 ? 1 : (size_t)list->count * 2, sizeof *items);
    if (items == NULL) return cqle_nomem(err);
    for (uint32_t i = 0; i < list->count; i++) items[i] = list->items[i];
    list->items = items;
  }
  list->items[list->count++] = item;
  return CQL_OK;
}

static cql_status load(cqle_txn *t, const cqle_table *table, cql_slice from, cql_slice to, bool reverse, bool one,
                       size_t kind_at, cql_arena *a, range_list *list, cql_error *err) {
  cqle_cursor *c;
  cql_slice key, value;
  range r;
  cql_status st = cqle_cursor_open(t, from, to, reverse, &c, err);
  if (st != CQL_OK) return st;
  while ((st = cqle_cursor_next(c, &key, &value, err)) == CQL_OK) {
    st = cqle_deletion_decode(table, value, &r.d, &r.end, err);
    if (st == CQL_OK) st = cql_arena_slice(a, cql_slice_of(key.data + kind_at + 1, key.len - kind_at - 1), &r.start);
    if (st == CQL_OK) st = cql_arena_slice(a, r.end, &r.end);
    if (st == CQL_NOMEM) cqle_nomem(err);
    if (st == CQL_OK) st = append(a, list, r, err);
    if (st != CQL_OK || one) break;
  }
  cqle_cursor_close(c);
  return st == CQL_DONE ? CQL_OK : st;
}

/* The ranges that may touch bounds: the last one that starts before it, and all that start in it or at its end. */
static cql_status load_near(cqle_txn *t, const cqle_table *table, cql_slice partition, cqle_slice_bounds bounds,
                            cql_arena *a, range_list *list, cql_error *err) {
  static const cql_slice NOTHING = {NULL, 0};
  cql_alloc alloc = cqle_arena_alloc(a);
  cql_slice first, from;
  cql_buf to;
  cql_status st = key_of(a, partition, CQLE_KIND_RANGE_DELETION, NOTHING, &first, err);
  if (st == CQL_OK) st = key_of(a, partition, CQLE_KIND_RANGE_DELETION, bounds.start, &from, err);
  if (st != CQL_OK) return st;
  cqle_key_buf(&to, &alloc);
  cql_buf_slice(&to, partition);
  cql_buf_u8(&to, bounds.end.len == 0 ? CQLE_KIND_RANGE_DELETION + 1 : CQLE_KIND_RANGE_DELETION);
  cql_buf_slice(&to, bounds.end);
  if (bounds.end.len > 0) cql_buf_u8(&to, 0); /* a start at the end is still wanted */
  st = cqle_buf_failed(&to, err);
  if (st == CQL_OK && bounds.start.len > 0) st = load(t, table, first, from, true, true, partition.len, a, list, err);
  return st == CQL_OK ? load(t, table, from, cql_buf_view(&to), false, false, partition.len, a, list, err) : st;
}

static int end_cmp(cql_slice x, cql_slice y) { /* an empty end is the last */
  if (x.len == 0 || y.len == 0) return (y.len != 0) - (x.len != 0);
  return cql_slice_cmp(x, y);
}

/* Adds a piece at the end, joined to the one before when they touch and say the same. */
static cql_status add_piece(cql_arena *a, range_list *list, cql_slice start, cql_slice end, cqle_deletion d,
                            cql_error *err) {
  if (end.len > 0 && cql_slice_cmp(start, end) >= 0) return CQL_OK;
  range *last = list->count == 0 ? NULL : &list->items[list->count - 1];
  if (last != NULL && cqle_deletion_reconcile(&last->d, &d) == 0 && cql_slice_eq(last->end, start)) {
    last->end = end;
    return CQL_OK;
  }
  return append(a, list, (range){start, end, d}, err);
}

/* Adds what old range r leaves of the result from `at` on, and moves `at` behind it. */
static cql_status overlay_one(cql_arena *a, const range *r, cqle_slice_bounds bounds, cqle_deletion d, cql_slice *at,
                              range_list *out, cql_error *err) {
  cql_status st = CQL_OK;
  bool starts_before = cql_slice_cmp(r->start, bounds.start) < 0;
  cql_slice from = starts_before ? bounds.start : r->start;
  cql_slice to = end_cmp(r->end, bounds.end) < 0 ? r->end : bounds.end;
  if (starts_before) CQL_TRY(add_piece(a, out, r->start, bounds.start, r->d, err));
  if (cql_slice_cmp(*at, from) < 0) CQL_TRY(add_piece(a, out, *at, from, d, err));
  CQL_TRY(add_piece(a, out, from, to, supersedes(r->d, d) ? r->d : d, err));
  if (end_cmp(r->end, bounds.end) > 0) CQL_TRY(add_piece(a, out, bounds.end, r->end, r->d, err));
  *at = to;
done:
  return st;
}

/* old: ascending, apart from each other. Inside bounds the newer deletion stands, outside what was there. */
static cql_status overlay(cql_arena *a, const range_list *old, cqle_slice_bounds bounds, cqle_deletion d,
                          range_list *out, cql_error *err) {
  cql_status st = CQL_OK;
  cql_slice at = bounds.start; /* bounds is done up to here */
  bool done_to_end = false;
  for (uint32_t i = 0; i < old->count; i++) {
    const range *r = &old->items[i];
    bool before = r->end.len > 0 && cql_slice_cmp(r->end, bounds.start) <= 0;
    bool behind = bounds.end.len > 0 && cql_slice_cmp(r->start, bounds.end) >= 0;
    if (behind && !done_to_end) {
      CQL_TRY(add_piece(a, out, at, bounds.end, d, err));
      done_to_end = true;
    }
    if (before || behind) {
      CQL_TRY(add_piece(a, out, r->start, r->end, r->d, err));
      continue;
    }
    CQL_TRY(overlay_one(a, r, bounds, d, &at, out, err));
    done_to_end = end_cmp(r->end, bounds.end) >= 0;
  }
  if (!done_to_end) CQL_TRY(add_piece(a, out, at, bounds.end, d, err));
done:
  return st;
}

static cql_status del(cqle_txn *t, cql_slice partition, cql_slice start, cql_arena *a, cql_error *err) {
  cql_slice key;
  cql_status st = key_of(a, partition, CQLE_KIND_RANGE_DELETION, start, &key, err);
  return st == CQL_OK ? cqle_del(t, key, err) : st;
}

cql_status cqle_deletion_keep_range(cqle_txn *t, const cqle_table *table, cql_slice partition, cqle_slice_bounds bounds,
                                    cqle_deletion d, cql_arena *a, cql_error *err) {
  range_list old = {0}, merged = {0};
  cql_status st = load_near(t, table, partition, bounds, a, &old, err);
  if (st == CQL_OK) st = overlay(a, &old, bounds, d, &merged, err);
  for (uint32_t i = 0; i < old.count && st == CQL_OK; i++) st = del(t, partition, old.items[i].start, a, err);
  for (uint32_t i = 0; i < merged.count && st == CQL_OK; i++) {
    const range *r = &merged.items[i];
    st = put(t, partition, CQLE_KIND_RANGE_DELETION, r->start, r->end, r->d, a, err);
  }
  return st;
}

cql_status cqle_deletion_keep_partition(cqle_txn *t, const cqle_table *table, cql_slice partition, cqle_deletion d,
                                        cql_arena *a, cql_error *err) {
  range_list ranges = {0};
  cql_status st = load_near(t, table, partition, (cqle_slice_bounds){{NULL, 0}, {NULL, 0}}, a, &ranges, err);
  for (uint32_t i = 0; i < ranges.count && st == CQL_OK; i++)
    if (!supersedes(ranges.items[i].d, d)) st = del(t, partition, ranges.items[i].start, a, err);
  if (st != CQL_OK) return st;
  return put(t, partition, CQLE_KIND_PARTITION_DELETION, (cql_slice){NULL, 0}, (cql_slice){NULL, 0}, d, a, err);
}
