/* vint.c: the protocol's integers of variable length: leading ones in the first byte count the bytes that follow. */
#include "value/value_int.h"

uint64_t cqlv_zigzag(int64_t v) {
  return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

size_t cqlv_uvint_store(uint8_t out[CQLV_VINT_LEN_MAX], uint64_t v) {
  size_t extra = 0;
  while (extra < 8 && v >> (7 * extra + 7) != 0) extra++;
  for (size_t i = extra; i > 0; i--, v >>= 8) out[i] = (uint8_t)v;
  out[0] = (uint8_t)((uint8_t) ~(0xFF >> extra) | (extra == 8 ? 0 : v));
  return extra + 1;
}

cql_status cqlv_uvint_read(cql_reader *r, uint64_t *out) {
  size_t left = cql_reader_left(r), extra = 0;
  if (left == 0) return CQL_MALFORMED;
  uint8_t first = *r->p;
  while (extra < 8 && (first & (0x80 >> extra)) != 0) extra++;
  if (left < extra + 1) return CQL_MALFORMED;
  uint64_t v = extra >= 7 ? 0 : (uint64_t)(first & (0x7F >> extra));
  for (size_t i = 1; i <= extra; i++) v = v << 8 | r->p[i];
  r->p += extra + 1;
  *out = v;
  return CQL_OK;
}

void cql_put_vint(cql_buf *b, int64_t v) {
  uint8_t bytes[CQLV_VINT_LEN_MAX];
  cql_buf_put(b, bytes, cqlv_uvint_store(bytes, cqlv_zigzag(v)));
}

cql_status cql_read_vint(cql_reader *r, int64_t *out) {
  uint64_t v;
  cql_status st = cqlv_uvint_read(r, &v);
  if (st == CQL_OK) *out = (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
  return st;
}
