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

/* The partition key ends at the first 00 00; a 00 inside it is followed by FF, which goes. Keys are short and often
 * full of zeros, so it is one loop over bytes. Returns where the kind stands, 0 when this is no position; the key's
 * bytes go to out unless that is NULL. */
static inline size_t take_apart(cql_slice position, uint8_t *out, size_t *len) {
  size_t n = 0;
  for (size_t at = CQLE_TOKEN_LEN; at + 2 < position.len; at++) {
    uint8_t byte = position.data[at];
    if (byte == 0x00) {
      uint8_t mark = position.data[++at];
      *len = n;
      if (mark != 0xFF) return mark == 0x00 ? at + 1 : 0;
    }
    if (out != NULL) out[n] = byte;
    n++;
  }
  return 0;
}

size_t cqle_position_kind_at(cql_slice position) {
  size_t len;
  return take_apart(position, NULL, &len);
}

size_t cqle_position_pkey(cql_slice position, cql_buf *b, cqle_pkey *out) {
  cql_buf_reset(b);
  uint8_t *bytes = cql_buf_room(b, position.len);
  if (bytes == NULL) return 0;
  size_t kind_at = take_apart(position, bytes, &b->len);
  if (kind_at == 0) return 0;
  *out = (cqle_pkey){cql_buf_view(b), (int64_t)(cql_load_u64(position.data) ^ (uint64_t)1 << 63)};
  return kind_at;
}

void cqle_key_successor(cql_buf *b) {
  while (b->len > 0 && b->data[b->len - 1] == 0xFF) b->len--;
  if (b->len > 0) b->data[b->len - 1]++;
}
