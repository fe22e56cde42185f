/* bytekey.c: a value as bytes that sort by memcmp as Cassandra sorts the value.
 *
 *   FIRST BYTE  REST
 *   0x3E        nothing: null
 *   0x3F        nothing: an empty value
 *   0x40        the form of the type, below; no form is the beginning of another
 *
 *   TYPE                               FORM
 *   tinyint … bigint, timestamp        fixed width, sign bit flipped
 *   date, time                         fixed width
 *   boolean                            0x00 or 0x01
 *   float, double                      IEEE bits; all flipped when negative, else the sign bit; one NaN, the highest
 *   uuid                               version, then time or high half, then low half
 *   timeuuid                           time, then low half with the sign of each byte flipped
 *   ascii, text, blob, inet            bytes, 00 written as 00 FF; then 00 00
 *   varint                             length of the magnitude, magnitude; all flipped when negative
 *   decimal                            sign; exponent; pairs of digits plus one; 00; all flipped behind a minus
 *   list, set, map                     each value as a component with its own first byte; then 0x38
 *   tuple, user type, vector           each field as a component, missing ones as null
 *
 * Reversed, every byte is flipped: the first bytes become 0xC1, 0xC0, 0xBF. So no component starts below 0x20 or above
 * 0xDF, and prefix + 0xFF lies behind whatever may follow the prefix. The idea and the byte values of the markers are
 * those of Cassandra's ByteComparable; the forms are our own where that one needs to know what comes next.
 */
#include "value/value_int.h"

#include <math.h>
#include <string.h>

enum { MARK_END = 0x38, MARK_NULL = 0x3E, MARK_EMPTY = 0x3F, MARK_VALUE = 0x40 };

static void flip(cql_buf *b, size_t from) {
  if (b->st != CQL_OK) return;
  for (size_t i = from; i < b->len; i++) b->data[i] = (uint8_t)~b->data[i];
}

static void put_u32(cql_buf *b, uint32_t v) {
  uint8_t *out = cql_buf_room(b, 5);
  if (out == NULL) return;
  out[0] = MARK_VALUE;
  cql_store_u32(out + 1, v);
}

static void put_u64(cql_buf *b, uint64_t v) {
  uint8_t *out = cql_buf_room(b, 9);
  if (out == NULL) return;
  out[0] = MARK_VALUE;
  cql_store_u64(out + 1, v);
}

static void put_escaped(cql_buf *b, cql_slice v) {
  static const uint8_t zero[2] = {0x00, 0xFF}, end[2] = {0x00, 0x00};
  cql_buf_u8(b, MARK_VALUE);
  while (v.len > 0) {
    const uint8_t *hit = memchr(v.data, 0, v.len);
    size_t n = hit == NULL ? v.len : (size_t)(hit - v.data);
    cql_buf_put(b, v.data, n);
    if (hit == NULL) break;
    cql_buf_put(b, zero, sizeof zero);
    v.data = hit + 1;
    v.len -= n + 1;
  }
  cql_buf_put(b, end, sizeof end);
}

static void put_float(cql_buf *b, cql_slice v) {
  uint32_t bits = cql_load_u32(v.data);
  if (isnan(cqlv_load_float(v.data))) bits = 0x7FC00000;
  put_u32(b, (bits & 0x80000000) != 0 ? ~bits : bits | 0x80000000);
}

static void put_double(cql_buf *b, cql_slice v) {
  static const uint64_t SIGN = 1ULL << 63;
  uint64_t bits = cql_load_u64(v.data);
  if (isnan(cqlv_load_double(v.data))) bits = 0x7FF8000000000000ULL;
  put_u64(b, (bits & SIGN) != 0 ? ~bits : bits | SIGN);
}

static void put_uuid(cql_buf *b, const cql_type *type, cql_slice v) {
  uint64_t order[3];
  bool versioned = type->code == CQL_TYPE_UUID;
  cqlv_uuid_order(type, v.data, order);
  uint8_t *out = cql_buf_room(b, versioned ? 18 : 17);
  if (out == NULL) return;
  *out++ = MARK_VALUE;
  if (versioned) *out++ = (uint8_t)order[0];
  cql_store_u64(out, order[1]);
  cql_store_u64(out + 8, order[2]);
}

/* --- varint and decimal ------------------------------------------------------------------------------------------- */

enum { SHORT_MAX = 119 }; /* longer magnitudes say their length in bytes of its own */

static void put_varint(cql_buf *b, cql_slice v) {
  cql_buf_u8(b, MARK_VALUE);
  size_t start = b->len;
  v = cqlv_varint_trim(v);
  /* The magnitude of -n - 1 is that of n: both are the bytes behind the sign, flipped for the negative at the end. */
  bool negative = cqlv_varint_is_negative(v);
  while (v.len > 0 && v.data[0] == (negative ? 0xFF : 0x00)) {
    v.data++;
    v.len--;
  }
  if (v.len <= SHORT_MAX) {
    cql_buf_u8(b, (uint8_t)(0x80 + v.len));
  } else {
    int extra = v.len > UINT32_MAX ? 8 : v.len > UINT16_MAX ? 4 : v.len > UINT8_MAX ? 2 : 1;
    cql_buf_u8(b, (uint8_t)(0x80 + SHORT_MAX + extra));
    for (int i = extra; i-- > 0;) cql_buf_u8(b, (uint8_t)((uint64_t)v.len >> (8 * i)));
  }
  if (negative) flip(b, start);
  cql_buf_slice(b, v); /* negative bytes stand flipped already: that is two's complement */
}

/* Digits at [from, b->len) become pairs, first digit high, trailing zeros gone; each byte is 1 to 100. */
static void pack_digits(cql_buf *b, size_t from) {
  size_t n = b->len - from, packed = 0;
  uint8_t *d = b->data + from;
  while (n > 1 && d[n - 1] == '0') n--;
  for (size_t i = 0; i < n; i += 2, packed++) {
    int high = d[i] - '0', low = i + 1 < n ? d[i + 1] - '0' : 0;
    d[packed] = (uint8_t)(high * 10 + low + 1);
  }
  b->len = from + packed;
}

enum { DECIMAL_NEGATIVE = 0x40, DECIMAL_ZERO = 0x80, DECIMAL_POSITIVE = 0xC0, EXPONENT_LEN = 5 };

static void put_decimal(cql_buf *b, cql_slice v) {
  static const int64_t EXPONENT_BIAS = (int64_t)1 << 39; /* the exponent of the first digit needs 33 bits and a sign */
  cqlv_decimal d;
  if (!cqlv_decimal_split(v, &d)) {
    cql_buf_u8(b, MARK_EMPTY);
    return;
  }
  cql_buf_u8(b, MARK_VALUE);
  if (d.unscaled.len == 1 && d.unscaled.data[0] == 0) {
    cql_buf_u8(b, DECIMAL_ZERO);
    return;
  }
  bool negative = cqlv_varint_is_negative(d.unscaled);
  cql_buf_u8(b, negative ? DECIMAL_NEGATIVE : DECIMAL_POSITIVE);
  size_t start = b->len;
  cql_buf_room(b, EXPONENT_LEN);
  size_t digits = cqlv_varint_digits(b, d.unscaled);
  if (digits == 0) return;
  uint64_t exponent = (uint64_t)((int64_t)digits - d.scale + EXPONENT_BIAS);
  for (int i = EXPONENT_LEN; i-- > 0; exponent >>= 8) b->data[start + (size_t)i] = (uint8_t)exponent;
  pack_digits(b, start + EXPONENT_LEN);
  cql_buf_u8(b, 0);
  if (negative) flip(b, start);
}

/* --- what has parts ----------------------------------------------------------------------------------------------- */

static void put_value(cql_buf *b, const cql_type *type, cql_slice v);

static void put_collection(cql_buf *b, const cql_type *type, cql_slice v) {
  cql_elements e;
  cql_slice part;
  cql_buf_u8(b, MARK_VALUE);
  if (cql_elements_open(&e, type, v) == CQL_OK)
    for (uint32_t i = 0; cql_elements_next(&e, &part) == CQL_OK; i++)
      put_value(b, type->args[i % type->arg_count], part);
  cql_buf_u8(b, MARK_END);
}

static void put_fields(cql_buf *b, const cql_type *type, cql_slice v) {
  cql_elements e;
  bool vector = type->code == CQL_TYPE_VECTOR;
  uint32_t count = vector ? type->dimension : type->arg_count;
  cql_buf_u8(b, MARK_VALUE);
  cql_elements_open(&e, type, v);
  for (uint32_t i = 0; i < count; i++) {
    cql_slice part;
    if (cql_elements_next(&e, &part) != CQL_OK) part = cql_slice_of(NULL, 0);
    put_value(b, type->args[vector ? 0 : i], part);
  }
}

/* A user type may get fields when its rows are written already: nulls at the end are left out, so that a value is the
 * same key before and after. */
static void put_user_type(cql_buf *b, const cql_type *type, cql_slice v) {
  cql_elements e;
  cql_slice part;
  uint32_t nulls = 0;
  cql_buf_u8(b, MARK_VALUE);
  if (cql_elements_open(&e, type, v) == CQL_OK)
    for (uint32_t i = 0; i < type->arg_count && cql_elements_next(&e, &part) == CQL_OK; i++) {
      if (part.data == NULL) {
        nulls++;
        continue;
      }
      for (; nulls > 0; nulls--) cql_buf_u8(b, MARK_NULL);
      put_value(b, type->args[i], part);
    }
  cql_buf_u8(b, MARK_END);
}

/* --- the switch --------------------------------------------------------------------------------------------------- */

/* Bytes of a type with one width; 0: it has none. */
static size_t width_of(cql_type_code code) {
  switch (code) {
  case CQL_TYPE_BOOLEAN:
  case CQL_TYPE_TINYINT: return 1;
  case CQL_TYPE_SMALLINT: return 2;
  case CQL_TYPE_INT:
  case CQL_TYPE_FLOAT:
  case CQL_TYPE_DATE: return 4;
  case CQL_TYPE_BIGINT:
  case CQL_TYPE_COUNTER:
  case CQL_TYPE_TIMESTAMP:
  case CQL_TYPE_TIME:
  case CQL_TYPE_DOUBLE: return 8;
  case CQL_TYPE_UUID:
  case CQL_TYPE_TIMEUUID: return 16;
  default: return 0;
  }
}

static void put_fixed(cql_buf *b, const cql_type *type, cql_slice v) {
  switch (type->code) {
  case CQL_TYPE_BOOLEAN:
    cql_buf_u8(b, MARK_VALUE);
    cql_buf_u8(b, v.data[0] != 0);
    return;
  case CQL_TYPE_TINYINT:
    cql_buf_u8(b, MARK_VALUE);
    cql_buf_u8(b, v.data[0] ^ 0x80);
    return;
  case CQL_TYPE_SMALLINT:
    cql_buf_u8(b, MARK_VALUE);
    cql_buf_u16(b, cql_load_u16(v.data) ^ 0x8000);
    return;
  case CQL_TYPE_INT: put_u32(b, cql_load_u32(v.data) ^ 0x80000000); return;
  case CQL_TYPE_FLOAT: put_float(b, v); return;
  case CQL_TYPE_DATE: put_u32(b, cql_load_u32(v.data)); return;
  case CQL_TYPE_TIME: put_u64(b, cql_load_u64(v.data)); return;
  case CQL_TYPE_DOUBLE: put_double(b, v); return;
  case CQL_TYPE_UUID:
  case CQL_TYPE_TIMEUUID: put_uuid(b, type, v); return;
  default: put_u64(b, cql_load_u64(v.data) ^ (1ULL << 63)); return;
  }
}

static void put_value(cql_buf *b, const cql_type *type, cql_slice v) {
  if (v.data == NULL) {
    cql_buf_u8(b, MARK_NULL);
    return;
  }
  bool fields = type->code == CQL_TYPE_TUPLE || type->code == CQL_TYPE_UDT; /* empty: a tuple of nulls */
  if (v.len == 0 && !fields) {
    cql_buf_u8(b, MARK_EMPTY);
    return;
  }
  if (type->code == CQL_TYPE_UDT) {
    put_user_type(b, type, v);
    return;
  }
  if (fields || type->code == CQL_TYPE_VECTOR) {
    put_fields(b, type, v);
    return;
  }
  if (cql_type_is_collection(type)) {
    put_collection(b, type, v);
    return;
  }
  if (v.len == width_of(type->code)) {
    put_fixed(b, type, v);
    return;
  }
  switch (type->code) {
  case CQL_TYPE_VARINT: put_varint(b, v); return;
  case CQL_TYPE_DECIMAL: put_decimal(b, v); return;
  default: put_escaped(b, v); /* bytes; or no valid value, and then any order will do */
  }
}

void cql_key_put(cql_buf *b, const cql_type *type, cql_slice value, bool reversed) {
  size_t start = b->len;
  put_value(b, type, value);
  if (reversed) flip(b, start);
}

/* --- the partition key as the cluster knows it -------------------------------------------------------------------- */

void cql_partition_key_put(cql_buf *b, const cql_slice *components, uint32_t count) {
  if (count == 1) {
    cql_buf_slice(b, components[0]);
    return;
  }
  for (uint32_t i = 0; i < count; i++) {
    if (components[i].len > UINT16_MAX) {
      if (b->st == CQL_OK) b->st = CQL_LIMIT;
      return;
    }
    cql_buf_u16(b, (uint16_t)components[i].len);
    cql_buf_slice(b, components[i]);
    cql_buf_u8(b, 0);
  }
}

cql_status cql_partition_key_split(cql_slice key, cql_slice *out, uint32_t count) {
  cql_reader r = cql_reader_of(key);
  cql_status st = CQL_OK;
  if (count == 1) {
    out[0] = key;
    return CQL_OK;
  }
  for (uint32_t i = 0; i < count; i++) {
    uint16_t len;
    uint8_t end;
    CQL_TRY(cql_read_u16(&r, &len));
    CQL_TRY(cql_read_bytes(&r, len, &out[i]));
    CQL_TRY(cql_read_u8(&r, &end));
    CQL_CHECK(end == 0, CQL_MALFORMED);
  }
  CQL_CHECK(cql_reader_left(&r) == 0, CQL_MALFORMED);
done:
  return st;
}
