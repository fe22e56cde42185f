/* index_scan.c: the rows behind index entries, in the order of the table.
 *
 * The entries of one value stand in that order already and are walked as they are. Those of several values do not: the
 * walk goes through all of them, keeps the smallest positions behind the last row given, as many as a batch holds,
 * gives their rows, and goes through the entries again for the next batch.
 */
#include "engine/table/table_int.h"

#include <string.h>

enum { BATCH_MAX = 65536 };

struct cqle_index_batch {
  uint32_t cap, count, next;
  bool more;     /* entries behind the batch were seen */
  cql_buf after; /* positions up to here are done; empty: none */
  cql_buf *slots;
  cql_buf **order; /* ascending by position; count of them are filled */
};

/* --- open --------------------------------------------------------------------------------------------------------- */

static cqle_index_batch *batch_new(const cql_alloc *alloc, uint32_t cap) {
  cqle_index_batch *b = cql_alloc_new(alloc, sizeof *b);
  if (b == NULL) return NULL;
  b->cap = cap == 0 ? 1 : cap > BATCH_MAX ? BATCH_MAX : cap;
  b->more = true;
  cqle_key_buf(&b->after, alloc);
  b->slots = cql_alloc_new(alloc, b->cap * sizeof *b->slots);
  b->order = cql_alloc_new(alloc, b->cap * sizeof *b->order);
  if (b->slots == NULL || b->order == NULL) {
    cqle_index_batch_free(b, alloc);
    return NULL;
  }
  for (uint32_t i = 0; i < b->cap; i++) {
    cqle_key_buf(&b->slots[i], alloc);
    b->order[i] = &b->slots[i];
  }
  return b;
}

void cqle_index_batch_free(cqle_index_batch *b, const cql_alloc *alloc) {
  if (b == NULL) return;
  if (b->slots != NULL && b->order != NULL)
    for (uint32_t i = 0; i < b->cap; i++) cql_buf_free(&b->slots[i]);
  cql_alloc_free(alloc, b->slots, b->cap * sizeof *b->slots);
  cql_alloc_free(alloc, b->order, b->cap * sizeof *b->order);
  cql_buf_free(&b->after);
  cql_alloc_free(alloc, b, sizeof *b);
}

static void put_entry_bound(cql_buf *b, uint32_t id, cql_slice bound) {
  cql_buf_u32(b, id);
  cql_buf_slice(b, bound);
}

/* [v, v·FF): the entries of v alone. */
static bool is_one_value(cql_slice start, cql_slice end) {
  return start.len > 0 && end.len == start.len + 1 && end.data[start.len] == CQLE_BOUND_AFTER &&
         memcmp(start.data, end.data, start.len) == 0;
}

/* id · value · separator · position [· 00] in s->key. */
static cql_status key_behind(cqle_scan *s, cql_slice position, cql_error *err) {
  cql_buf_reset(&s->key);
  cql_buf_slice(&s->key, cql_buf_view(&s->value));
  cql_buf_slice(&s->key, position);
  if (position.len > 0) cql_buf_u8(&s->key, 0);
  return cqle_buf_failed(&s->key, err);
}

cql_status cqle_scan_index(cqle_txn *t, const cqle_table *table, const cqle_index *index, cql_slice start,
                           cql_slice end, cql_slice after, uint32_t batch, cqle_scan **out, cql_error *err) {
  cql_status st;
  *out = NULL;
  cqle_scan *s = cqle_scan_new(t, table, err);
  if (s == NULL) return CQL_NOMEM;
  s->index = index;
  put_entry_bound(&s->lower, index->id, start);
  put_entry_bound(&s->upper, index->id, end);
  CQL_TRY(cqle_buf_failed(&s->lower, err));
  CQL_TRY(cqle_buf_failed(&s->upper, err));
  if (end.len == 0) cqle_key_successor(&s->upper);
  if (after.data != NULL && cqle_position_kind_at(after) == 0) {
    st = cql_fail(err, CQL_PROTOCOL, "Invalid value for the paging state");
    goto done;
  }
  if (is_one_value(start, end)) {
    cql_buf_slice(&s->value, cql_buf_view(&s->lower));
    cql_buf_u8(&s->value, CQLE_ENTRY_SEPARATOR);
    CQL_TRY(cqle_buf_failed(&s->value, err));
    CQL_TRY(key_behind(s, after, err));
    CQL_TRY(cqle_scan_reopen(s, cql_buf_view(&s->key), err));
  } else {
    s->batch = batch_new(cqle_txn_alloc(t), batch);
    if (s->batch != NULL) cql_buf_slice(&s->batch->after, after);
    CQL_CHECK(s->batch != NULL && s->batch->after.st == CQL_OK, cqle_nomem(err));
  }
  *out = s;
  return CQL_OK;
done:
  cqle_scan_close(s);
  return st;
}

/* --- a batch ------------------------------------------------------------------------------------------------------ */

bool cqle_entry_position(cql_slice key, cql_slice value, cql_slice *out) {
  cql_reader r = cql_reader_of(value);
  uint64_t len;
  if (cql_read_uvarint(&r, &len) != CQL_OK || len >= key.len || key.data[len] != CQLE_ENTRY_SEPARATOR) return false;
  *out = cql_slice_of(key.data + len + 1, key.len - (size_t)len - 1);
  return true;
}

static cql_status entry_position(const cqle_scan *s, cql_slice key, cql_slice value, cql_slice *out, cql_error *err) {
  return cqle_entry_position(key, value, out) ? CQL_OK : cqle_row_corrupt(CQL_CORRUPT, s->table, err);
}

/* Where position stands among those held, or would. */
static uint32_t find(const cqle_index_batch *b, cql_slice position) {
  uint32_t low = 0, high = b->count;
  while (low < high) {
    uint32_t mid = low + (high - low) / 2;
    if (cql_slice_cmp(cql_buf_view(b->order[mid]), position) < 0)
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

static cql_status hold(cqle_index_batch *b, cql_slice position, cql_error *err) {
  if (b->after.len > 0 && cql_slice_cmp(position, cql_buf_view(&b->after)) <= 0) return CQL_OK;
  uint32_t at = find(b, position);
  if (at < b->count && cql_slice_eq(cql_buf_view(b->order[at]), position)) return CQL_OK;
  b->more |= b->count == b->cap;
  if (at == b->cap) return CQL_OK;
  if (b->count < b->cap) b->count++;
  cql_buf *slot = b->order[b->count - 1]; /* the largest gives way */
  memmove(b->order + at + 1, b->order + at, (b->count - 1 - at) * sizeof *b->order);
  b->order[at] = slot;
  cql_buf_reset(slot);
  cql_buf_slice(slot, position);
  return cqle_buf_failed(slot, err);
}

static cql_status fill(cqle_scan *s, cql_error *err) {
  cqle_index_batch *b = s->batch;
  cql_slice key, value, position;
  b->count = b->next = 0;
  b->more = false;
  cql_status st = cqle_scan_reopen(s, cql_buf_view(&s->lower), err);
  while (st == CQL_OK && s->cursor != NULL && (st = cqle_cursor_next(s->cursor, &key, &value, err)) == CQL_OK) {
    st = entry_position(s, key, value, &position, err);
    if (st == CQL_OK) st = hold(b, position, err);
  }
  cqle_cursor_close(s->cursor);
  s->cursor = NULL;
  return st == CQL_DONE ? CQL_OK : st;
}

/* CQL_DONE: no more. *position borrows from the batch until it is filled again. */
static cql_status next_of_batch(cqle_scan *s, cql_slice *position, cql_error *err) {
  cqle_index_batch *b = s->batch;
  if (b->next == b->count) {
    if (!b->more) return CQL_DONE;
    cql_status st = fill(s, err);
    if (st != CQL_OK) return st;
    if (b->count == 0) return CQL_DONE;
  }
  *position = cql_buf_view(b->order[b->next++]);
  cql_buf_reset(&b->after);
  cql_buf_slice(&b->after, *position);
  return cqle_buf_failed(&b->after, err);
}

/* --- step --------------------------------------------------------------------------------------------------------- */

static cql_status next_of_value(cqle_scan *s, cql_slice *position, cql_error *err) {
  cql_slice key, value;
  if (s->cursor == NULL) return CQL_DONE;
  cql_status st = cqle_cursor_next(s->cursor, &key, &value, err);
  return st == CQL_OK ? entry_position(s, key, value, position, err) : st;
}

cql_status cqle_index_scan_next(cqle_scan *s, cqle_scan_row *out, cql_error *err) {
  cql_slice position, bytes;
  for (;;) {
    cql_status st = s->batch != NULL ? next_of_batch(s, &position, err) : next_of_value(s, &position, err);
    if (st != CQL_OK) return st;
    cql_buf_reset(&s->key);
    cql_buf_u32(&s->key, s->table->id);
    cql_buf_slice(&s->key, position);
    st = cqle_buf_failed(&s->key, err);
    if (st == CQL_OK) st = cqle_get(s->txn, cql_buf_view(&s->key), &bytes, err);
    if (st == CQL_DONE) continue; /* the entry outlived its row */
    if (st != CQL_OK) return st;
    if (cql_arena_slice(&s->arena, bytes, &bytes) != CQL_OK) return cqle_nomem(err);
    return cqle_scan_give(s, position, bytes, out, err);
  }
}

cql_status cqle_index_scan_skip(cqle_scan *s, cql_error *err) {
  cql_slice partition = cql_buf_view(&s->partition);
  if (s->batch == NULL) {
    cql_status st = key_behind(s, partition, err);
    if (st != CQL_OK) return st;
    s->key.data[s->key.len - 1] = CQLE_KIND_BEHIND;
    return cqle_scan_reopen(s, cql_buf_view(&s->key), err);
  }
  cqle_index_batch *b = s->batch;
  while (b->next < b->count) {
    cql_slice position = cql_buf_view(b->order[b->next]);
    if (position.len <= partition.len || memcmp(position.data, partition.data, partition.len) != 0) break;
    b->next++;
  }
  cql_buf_reset(&b->after);
  cql_buf_slice(&b->after, partition);
  cql_buf_u8(&b->after, CQLE_KIND_BEHIND);
  return cqle_buf_failed(&b->after, err);
}
