#include "random_value.h"

#include <string.h>

uint64_t rng_next(rng *r) {
  r->state ^= r->state << 13;
  r->state ^= r->state >> 7;
  r->state ^= r->state << 17;
  return r->state;
}

uint32_t rng_below(rng *r, uint32_t n) {
  return (uint32_t)((rng_next(r) >> 16) % n);
}

static const cql_type_code natives[] = {
    CQL_TYPE_ASCII,    CQL_TYPE_BIGINT,   CQL_TYPE_BLOB,    CQL_TYPE_BOOLEAN, CQL_TYPE_DECIMAL,
    CQL_TYPE_DOUBLE,   CQL_TYPE_FLOAT,    CQL_TYPE_INT,     CQL_TYPE_UUID,    CQL_TYPE_TIMESTAMP,
    CQL_TYPE_TEXT,     CQL_TYPE_VARINT,   CQL_TYPE_INET,    CQL_TYPE_DATE,    CQL_TYPE_TIMEUUID,
    CQL_TYPE_TIME,     CQL_TYPE_SMALLINT, CQL_TYPE_TINYINT, /* the last one has no order: */
    CQL_TYPE_DURATION,
};
enum { NATIVE_COUNT = sizeof natives / sizeof natives[0] };

const cql_type *random_type(rng *r, cql_arena *a, int depth, bool comparable) {
  const cql_type *parts[4];
  uint32_t pick = depth > 0 ? rng_below(r, 10) : 10;
  if (pick > 4) return cql_type_native(natives[rng_below(r, comparable ? NATIVE_COUNT - 1 : NATIVE_COUNT)]);
  uint32_t count = 1 + rng_below(r, 4);
  for (uint32_t i = 0; i < 4; i++) {
    const cql_type *part = random_type(r, a, depth - 1, comparable || pick == 1 || (pick == 2 && i == 0));
    parts[i] = cql_type_freeze(a, part);
  }
  switch (pick) {
  case 0: return cql_type_list(a, parts[0], true);
  case 1: return cql_type_set(a, parts[0], true);
  case 2: return cql_type_map(a, parts[0], parts[1], true);
  case 3: return cql_type_tuple(a, parts, count);
  default: return cql_type_vector(a, parts[0], count);
  }
}

static uint64_t random_int(rng *r) {
  static const uint64_t few[] = {0, 1, UINT64_MAX, 0x80, 0x7F, 0x8000, 0x80000000, 0x7FFFFFFF, 1ULL << 63, INT64_MAX};
  return rng_below(r, 3) == 0 ? rng_next(r) : few[rng_below(r, sizeof few / sizeof few[0])];
}

static void put_int(rng *r, cql_buf *b, size_t len) {
  uint8_t bytes[8];
  cql_store_u64(bytes, random_int(r));
  cql_buf_put(b, bytes + 8 - len, len);
}

static void put_text(rng *r, cql_buf *b, bool ascii, bool any) {
  static const char *const pieces[] = {"a", "b", "\x01", "'", "\xC3\xA9", "\xF0\x9F\x98\x80"};
  for (uint32_t n = rng_below(r, 5); n > 0; n--) {
    uint32_t pick = rng_below(r, 8);
    if (pick == 7)
      cql_buf_u8(b, 0);
    else if (pick == 6 && any)
      cql_buf_u8(b, 0xFF);
    else
      cql_buf_str(b, pieces[pick % (ascii ? 4 : 6)]);
  }
}

static void put_float(rng *r, cql_buf *b, bool wide) {
  static const double few[] = {0.0, -0.0, 1.0, -1.0, 1e-30, 1e30, 3.25};
  double d = few[rng_below(r, 7)];
  float f = (float)d;
  uint64_t bits64;
  uint32_t bits32;
  memcpy(&bits64, &d, sizeof bits64);
  memcpy(&bits32, &f, sizeof bits32);
  bool any = rng_below(r, 3) == 0; /* NaNs, infinities and subnormals among them */
  if (any && rng_below(r, 2) == 0) bits64 = 0x7FF0000000000000ULL, bits32 = 0x7F800000;
  if (any) bits64 ^= rng_next(r) >> rng_below(r, 64), bits32 ^= (uint32_t)rng_next(r) >> rng_below(r, 32);
  if (wide)
    cql_buf_u64(b, bits64);
  else
    cql_buf_u32(b, bits32);
}

/* Now and then with sign bytes that say nothing, and longer than the short form of a key. */
static void put_varint(rng *r, cql_buf *b) {
  static const size_t lens[] = {1, 1, 1, 2, 2, 3, 8, 9, 17, 130, 300};
  bool negative = rng_below(r, 2) == 0;
  for (uint32_t n = rng_below(r, 8) == 0 ? 2 : 0; n > 0; n--) cql_buf_u8(b, negative ? 0xFF : 0);
  size_t len = lens[rng_below(r, 11)];
  uint8_t top = (uint8_t)rng_below(r, 3);
  cql_buf_u8(b, negative ? (uint8_t)~top : top);
  for (size_t i = 1; i < len; i++) cql_buf_u8(b, (uint8_t)(rng_below(r, 3) * 0x7F + rng_below(r, 2)));
}

static void put_decimal(rng *r, cql_buf *b) {
  cql_arena scratch;
  char text[256] = "-";
  size_t n = rng_below(r, 2);
  if (rng_below(r, 4) == 0) {
    cql_buf_u32(b, (uint32_t)random_int(r)); /* any scale */
    put_varint(r, b);
    return;
  }
  /* Few digits and many zeros: equal numbers of different scale. */
  for (uint32_t digits = 1 + rng_below(r, 3); digits > 0; digits--) text[n++] = (char)('0' + rng_below(r, 3));
  for (uint32_t zeros = rng_below(r, 2) * rng_below(r, 40); zeros > 0; zeros--) text[n++] = '0';
  text[n] = '\0';
  cql_arena_init(&scratch, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  size_t len = strlen(text);
  cql_buf_u32(b, (uint32_t)((int32_t)rng_below(r, 40) - 10));
  cql_put_varint_digits(b, &scratch, cql_slice_of(text, len));
  cql_arena_free(&scratch);
}

static void put_uuid(rng *r, cql_buf *b, uint8_t version) {
  static const uint8_t few[] = {0x00, 0x01, 0x7F, 0x80, 0xFF};
  uint8_t bytes[16];
  bool same_time = rng_below(r, 2) == 0; /* then the low half decides */
  for (int i = 0; i < 16; i++) bytes[i] = same_time && i < 8 ? 1 : few[rng_below(r, 5)];
  bytes[6] = (uint8_t)(version << 4 | (bytes[6] & 0x0F));
  cql_buf_put(b, bytes, sizeof bytes);
}

static void put_duration(rng *r, cql_buf *b) {
  int32_t sign = rng_below(r, 2) == 0 ? 1 : -1;
  cql_duration d = {sign * (int32_t)rng_below(r, 100), sign * (int32_t)rng_below(r, 100000),
                    sign * (int64_t)(rng_next(r) >> (1 + rng_below(r, 63)))};
  cql_put_duration(b, d);
}

static void put_inet(rng *r, cql_buf *b) {
  for (size_t n = rng_below(r, 2) == 0 ? 4 : 16; n > 0; n--) cql_buf_u8(b, (uint8_t)(rng_below(r, 2) * 0xFF));
}

/* The part behind the length that it is found to have. */
static void put_framed(rng *r, cql_buf *b, const cql_type *type) {
  size_t start = b->len;
  cql_buf_u32(b, 0);
  random_value(r, b, type);
  if (b->st == CQL_OK) cql_store_u32(b->data + start, (uint32_t)(b->len - start - 4));
}

static bool has_fixed_len(const cql_type *type) {
  switch (type->code) {
  case CQL_TYPE_BOOLEAN:
  case CQL_TYPE_INT:
  case CQL_TYPE_FLOAT:
  case CQL_TYPE_BIGINT:
  case CQL_TYPE_DOUBLE:
  case CQL_TYPE_TIMESTAMP:
  case CQL_TYPE_UUID:
  case CQL_TYPE_TIMEUUID: return true;
  case CQL_TYPE_VECTOR: return has_fixed_len(type->args[0]);
  default: return false;
  }
}

static void put_vector(rng *r, cql_buf *b, const cql_type *type) {
  for (uint32_t i = 0; i < type->dimension; i++) {
    cql_buf part;
    cql_buf_init(&part, &cql_alloc_libc, SIZE_MAX / 2);
    random_value(r, &part, type->args[0]);
    if (!has_fixed_len(type->args[0])) {
      /* An unsigned vint of one or two bytes, or of three: parts are never longer. */
      if (part.len < 1 << 7)
        cql_buf_u8(b, (uint8_t)part.len);
      else if (part.len < 1 << 14)
        cql_buf_u16(b, (uint16_t)(0x8000 | part.len));
      else
        cql_buf_u32(b, 0xE0000000 | (uint32_t)part.len);
    }
    cql_buf_slice(b, cql_buf_view(&part));
    cql_buf_free(&part);
  }
}

static void put_parts(rng *r, cql_buf *b, const cql_type *type) {
  if (type->code == CQL_TYPE_VECTOR) {
    put_vector(r, b, type);
    return;
  }
  if (type->code == CQL_TYPE_TUPLE || type->code == CQL_TYPE_UDT) {
    uint32_t shown = rng_below(r, 4) == 0 ? rng_below(r, type->arg_count + 1) : type->arg_count;
    for (uint32_t i = 0; i < shown; i++) {
      if (rng_below(r, 4) == 0)
        cql_buf_u32(b, UINT32_MAX);
      else
        put_framed(r, b, type->args[i]);
    }
    return;
  }
  uint32_t count = rng_below(r, 4);
  cql_put_count(b, count);
  for (uint32_t i = 0; i < count * type->arg_count; i++) put_framed(r, b, type->args[i % type->arg_count]);
}

void random_value(rng *r, cql_buf *b, const cql_type *type) {
  switch (type->code) {
  case CQL_TYPE_ASCII: put_text(r, b, true, false); return;
  case CQL_TYPE_TEXT: put_text(r, b, false, false); return;
  case CQL_TYPE_BLOB: put_text(r, b, false, true); return;
  case CQL_TYPE_BOOLEAN: cql_buf_u8(b, (uint8_t)rng_below(r, 3)); return;
  case CQL_TYPE_TINYINT: put_int(r, b, 1); return;
  case CQL_TYPE_SMALLINT: put_int(r, b, 2); return;
  case CQL_TYPE_INT:
  case CQL_TYPE_DATE: put_int(r, b, 4); return;
  case CQL_TYPE_BIGINT:
  case CQL_TYPE_COUNTER:
  case CQL_TYPE_TIMESTAMP: put_int(r, b, 8); return;
  case CQL_TYPE_TIME: cql_buf_u64(b, rng_next(r) % (rng_below(r, 2) == 0 ? 3 : 86400000000000)); return;
  case CQL_TYPE_FLOAT: put_float(r, b, false); return;
  case CQL_TYPE_DOUBLE: put_float(r, b, true); return;
  case CQL_TYPE_VARINT: put_varint(r, b); return;
  case CQL_TYPE_DECIMAL: put_decimal(r, b); return;
  case CQL_TYPE_UUID: put_uuid(r, b, (uint8_t)rng_below(r, 6)); return;
  case CQL_TYPE_TIMEUUID: put_uuid(r, b, 1); return;
  case CQL_TYPE_INET: put_inet(r, b); return;
  case CQL_TYPE_DURATION: put_duration(r, b); return;
  default: put_parts(r, b, type);
  }
}
