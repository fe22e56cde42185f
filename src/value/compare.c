/* compare.c: Cassandra's order of two values of one type. */
#include "value/value_int.h"

#include <math.h>

static int cmp_u64(uint64_t x, uint64_t y) {
  return (x > y) - (x < y);
}

static int cmp_i64(int64_t x, int64_t y) {
  return (x > y) - (x < y);
}

/* A value of the type's own width, or else empty, which comes first. */
static bool both_have(cql_slice x, cql_slice y, size_t len, int *out) {
  if (x.len == len && y.len == len) return true;
  *out = x.len == y.len ? 0 : x.len < y.len ? -1 : 1;
  return false;
}

/* Java's Double.compare: -0 before 0, and NaN, whatever its bits, after everything. */
static int cmp_double(double x, double y) {
  if (x < y) return -1;
  if (x > y) return 1;
  if (isnan(x) || isnan(y)) return (isnan(x) != 0) - (isnan(y) != 0);
  return (signbit(x) == 0) - (signbit(y) == 0);
}

static int cmp_uuid(const cql_type *type, cql_slice x, cql_slice y) {
  uint64_t a[3], b[3];
  cqlv_uuid_order(type, x.data, a);
  cqlv_uuid_order(type, y.data, b);
  for (int i = 0; i < 3; i++)
    if (a[i] != b[i]) return cmp_u64(a[i], b[i]);
  return 0;
}

/* Lists, sets and maps: entry by entry, then the shorter first. */
static int cmp_collection(const cql_type *type, cql_slice x, cql_slice y) {
  cql_elements ex, ey;
  if (x.len == 0 || y.len == 0) return (x.len > 0) - (y.len > 0);
  if (cql_elements_open(&ex, type, x) != CQL_OK || cql_elements_open(&ey, type, y) != CQL_OK)
    return cql_slice_cmp(x, y);
  for (uint32_t i = 0;; i++) {
    cql_slice a, b;
    cql_status sx = cql_elements_next(&ex, &a), sy = cql_elements_next(&ey, &b);
    if (sx != CQL_OK || sy != CQL_OK) return (sx == CQL_OK) - (sy == CQL_OK);
    int c = cql_value_cmp(type->args[i % type->arg_count], a, b);
    if (c != 0) return c;
  }
}

/* Field by field; a null or missing field comes before any value. Empty bytes are a tuple of nulls. */
static int cmp_fields(const cql_type *type, cql_slice x, cql_slice y) {
  cql_elements ex, ey;
  if (cql_elements_open(&ex, type, x) != CQL_OK || cql_elements_open(&ey, type, y) != CQL_OK)
    return cql_slice_cmp(x, y);
  for (uint32_t i = 0; i < type->arg_count; i++) {
    cql_slice a, b;
    if (cql_elements_next(&ex, &a) != CQL_OK || cql_elements_next(&ey, &b) != CQL_OK) return cql_slice_cmp(x, y);
    int c = cql_value_cmp(type->args[i], a, b);
    if (c != 0) return c;
  }
  return 0;
}

static int cmp_vector(const cql_type *type, cql_slice x, cql_slice y) {
  cql_elements ex, ey;
  cql_slice a, b;
  if (x.len == 0 || y.len == 0) return (x.len > 0) - (y.len > 0);
  cql_elements_open(&ex, type, x);
  cql_elements_open(&ey, type, y);
  while (cql_elements_next(&ex, &a) == CQL_OK && cql_elements_next(&ey, &b) == CQL_OK) {
    int c = cql_value_cmp(type->args[0], a, b);
    if (c != 0) return c;
  }
  return 0;
}

static int cmp_signed(cql_slice x, cql_slice y, size_t len) {
  int out;
  if (!both_have(x, y, len, &out)) return out;
  switch (len) {
  case 1: return cmp_i64((int8_t)x.data[0], (int8_t)y.data[0]);
  case 2: return cmp_i64((int16_t)cql_load_u16(x.data), (int16_t)cql_load_u16(y.data));
  case 4: return cmp_i64((int32_t)cql_load_u32(x.data), (int32_t)cql_load_u32(y.data));
  default: return cmp_i64((int64_t)cql_load_u64(x.data), (int64_t)cql_load_u64(y.data));
  }
}

int cql_value_cmp(const cql_type *type, cql_slice x, cql_slice y) {
  int out;
  if (x.data == NULL || y.data == NULL) return (x.data != NULL) - (y.data != NULL);
  switch (type->code) {
  case CQL_TYPE_ASCII:
  case CQL_TYPE_TEXT:
  case CQL_TYPE_BLOB:
  case CQL_TYPE_CUSTOM:
  case CQL_TYPE_INET:
  case CQL_TYPE_DATE:
  case CQL_TYPE_TIME:
  case CQL_TYPE_DURATION: return cql_slice_cmp(x, y);
  case CQL_TYPE_INT: return cmp_signed(x, y, 4);
  case CQL_TYPE_BIGINT:
  case CQL_TYPE_COUNTER:
  case CQL_TYPE_TIMESTAMP: return cmp_signed(x, y, 8);
  case CQL_TYPE_SMALLINT: return cmp_signed(x, y, 2);
  case CQL_TYPE_TINYINT: return cmp_signed(x, y, 1);
  case CQL_TYPE_BOOLEAN: return both_have(x, y, 1, &out) ? (x.data[0] != 0) - (y.data[0] != 0) : out;
  case CQL_TYPE_DOUBLE:
    return both_have(x, y, 8, &out) ? cmp_double(cqlv_load_double(x.data), cqlv_load_double(y.data)) : out;
  case CQL_TYPE_FLOAT:
    return both_have(x, y, 4, &out) ? cmp_double((double)cqlv_load_float(x.data), (double)cqlv_load_float(y.data))
                                    : out;
  case CQL_TYPE_UUID:
  case CQL_TYPE_TIMEUUID: return both_have(x, y, 16, &out) ? cmp_uuid(type, x, y) : out;
  case CQL_TYPE_VARINT: return x.len == 0 || y.len == 0 ? (x.len > 0) - (y.len > 0) : cqlv_varint_cmp(x, y);
  case CQL_TYPE_DECIMAL: return cqlv_decimal_cmp(x, y);
  case CQL_TYPE_LIST:
  case CQL_TYPE_SET:
  case CQL_TYPE_MAP: return cmp_collection(type, x, y);
  case CQL_TYPE_TUPLE:
  case CQL_TYPE_UDT: return cmp_fields(type, x, y);
  case CQL_TYPE_VECTOR: return cmp_vector(type, x, y);
  }
  return cql_slice_cmp(x, y);
}
