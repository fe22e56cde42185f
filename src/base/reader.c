/* reader.c: a cursor that never runs past its end. */
#include "base/base.h"

cql_status cql_read_u16(cql_reader *r, uint16_t *out) {
  if (cql_reader_left(r) < 2) return CQL_MALFORMED;
  *out = cql_load_u16(r->p);
  r->p += 2;
  return CQL_OK;
}

cql_status cql_read_u32(cql_reader *r, uint32_t *out) {
  if (cql_reader_left(r) < 4) return CQL_MALFORMED;
  *out = cql_load_u32(r->p);
  r->p += 4;
  return CQL_OK;
}

cql_status cql_read_u64(cql_reader *r, uint64_t *out) {
  if (cql_reader_left(r) < 8) return CQL_MALFORMED;
  *out = cql_load_u64(r->p);
  r->p += 8;
  return CQL_OK;
}

cql_status cql_read_uvarint(cql_reader *r, uint64_t *out) {
  uint64_t v = 0;
  unsigned shift = 0;
  for (const uint8_t *p = r->p; p != r->end; p++, shift += 7) {
    if (shift == 63 && *p > 1) return CQL_MALFORMED; /* more than 64 bits */
    v |= (uint64_t)(*p & 0x7F) << shift;
    if (*p < 0x80) {
      r->p = p + 1;
      *out = v;
      return CQL_OK;
    }
    if (shift == 63) return CQL_MALFORMED;
  }
  return CQL_MALFORMED;
}

cql_status cql_read_bytes(cql_reader *r, size_t len, cql_slice *out) {
  if (cql_reader_left(r) < len) return CQL_MALFORMED;
  *out = cql_slice_of(r->p, len);
  if (len > 0) r->p += len;
  return CQL_OK;
}
