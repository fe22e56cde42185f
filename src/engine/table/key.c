/* key.c: the keys of rows and positions, put together and taken apart. */
#include "engine/table/table_int.h"

#include <string.h>

cqle_pkey cqle_pkey_of(cql_slice bytes) {
  return (cqle_pkey){bytes, cql_murmur3_token(bytes)};
}

void cqle_key_buf(cql_buf *b, const cql_alloc *alloc) {
  cql_buf_init(b, alloc, CQLE_STORE_KEY_MAX);
}

cql_status cqle_buf_failed(const cql_buf *b, cql_error *err) {
  if (b->st == CQL_OK) return CQL_OK;
  return cql_fail(err, b->st, b->st == CQL_LIMIT ? "a key or row is larger than the store takes" : "out of memory");
}

cql_status cqle_row_corrupt(cql_status st, const cqle_table *t, cql_error *err) {
  if (st == CQL_OK) return CQL_OK;
  if (st == CQL_NOMEM) return cqle_nomem(err);
  return cql_fail(err, st, "table %s holds bytes that are no row: the file is damaged; restore it from a backup",
                  t->name);
}

static void put_escaped(cql_buf *b, cql_slice s) {
  const uint8_t *p = s.data, *end = s.data + s.len;
  while (p < end) {
    const uint8_t *zero = memchr(p, 0, (size_t)(end - p));
    if (zero == NULL) zero = end;
    cql_buf_put(b, p, (size_t)(zero - p));
    if (zero == end) break;
    cql_buf_put(b, "\x00\xFF", 2);
    p = zero + 1;
  }
  cql_buf_put(b, "\x00\x00", 2);
}

static void put_partition(cql_buf *b, cqle_pkey pkey) {
  cql_buf_u64(b, (uint64_t)pkey.token ^ (uint64_t)1 << 63);
  put_escaped(b, pkey.bytes);
}

void cqle_key_put_partition(cql_buf *b, uint32_t table_id, cqle_pkey pkey) {
  cql_buf_u32(b, table_id);
  put_partition(b, pkey);
}

void cqle_position_behind(cql_buf *b, cqle_pkey pkey) {
  put_partition(b, pkey);
  cql_buf_u8(b, CQLE_KIND_BEHIND);
}

void cqle_key_put_clustering(cql_buf *b, const cqle_table *t, const cql_slice *values, uint32_t count) {
  for (uint32_t i = 0; i < count && i < t->clustering_count; i++)
    cql_key_put(b, t->clustering[i]->type, values[i], t->clustering[i]->reversed);
}

void cqle_key_put_row(cql_buf *b, const cqle_table *t, const cql_slice *clustering, bool is_static) {
  cql_buf_u8(b, is_static ? CQLE_KIND_STATIC : CQLE_KIND_ROW);
  if (!is_static) cqle_key_put_clustering(b, t, clustering, t->clustering_count);
}

void cqle_bound_put(cql_buf *b, const cqle_table *t, const cql_slice *values, uint32_t count, bool after) {
  cqle_key_put_clustering(b, t, values, count);
  if (after) cql_buf_u8(b, CQLE_BOUND_AFTER);
}

/* The partition key ends at the first 00 00; a 00 inside it is followed by FF. */
size_t cqle_position_kind_at(cql_slice position) {
  size_t at = CQLE_TOKEN_LEN;
  while (at + 2 < position.len) {
    const uint8_t *zero = memchr(position.data + at, 0, position.len - at - 2);
    if (zero == NULL) return 0;
    at = (size_t)(zero - position.data) + 2;
    if (zero[1] == 0x00) return at;
    if (zero[1] != 0xFF) return 0;
  }
  return 0;
}

cqle_pkey cqle_position_pkey(cql_slice position, size_t kind_at, cql_buf *b) {
  cql_buf_reset(b);
  const uint8_t *p = position.data + CQLE_TOKEN_LEN, *end = position.data + kind_at - 2;
  while (p < end) {
    const uint8_t *zero = memchr(p, 0, (size_t)(end - p));
    size_t len = zero == NULL ? (size_t)(end - p) : (size_t)(zero - p) + 1;
    cql_buf_put(b, p, len);
    p += len + (zero == NULL ? 0 : 1); /* the FF behind a 00 goes */
  }
  return (cqle_pkey){cql_buf_view(b), (int64_t)(cql_load_u64(position.data) ^ (uint64_t)1 << 63)};
}

void cqle_key_successor(cql_buf *b) {
  while (b->len > 0 && b->data[b->len - 1] == 0xFF) b->len--;
  if (b->len > 0) b->data[b->len - 1]++;
}
