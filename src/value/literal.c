/* literal.c: one constant of CQL to the bytes of one native value. */
#include "value/value_int.h"

#include <string.h>

/* --- may it? ------------------------------------------------------------------------------------------------------ */

static const cql_type_code exact[] = {
    [CQL_LITERAL_STRING] = CQL_TYPE_TEXT,       [CQL_LITERAL_INTEGER] = CQL_TYPE_INT,
    [CQL_LITERAL_FLOAT] = CQL_TYPE_DOUBLE,      [CQL_LITERAL_BOOLEAN] = CQL_TYPE_BOOLEAN,
    [CQL_LITERAL_UUID] = CQL_TYPE_UUID,         [CQL_LITERAL_HEX] = CQL_TYPE_BLOB,
    [CQL_LITERAL_DURATION] = CQL_TYPE_DURATION,
};

static bool string_fits(cql_type_code code) {
  return code == CQL_TYPE_ASCII || code == CQL_TYPE_TEXT || code == CQL_TYPE_INET || code == CQL_TYPE_DATE ||
         code == CQL_TYPE_TIME || code == CQL_TYPE_TIMESTAMP;
}

static bool float_fits(cql_type_code code) {
  return code == CQL_TYPE_DECIMAL || code == CQL_TYPE_DOUBLE || code == CQL_TYPE_FLOAT;
}

static bool integer_fits(cql_type_code code) {
  switch (code) {
  case CQL_TYPE_BIGINT:
  case CQL_TYPE_COUNTER:
  case CQL_TYPE_DATE:
  case CQL_TYPE_DURATION:
  case CQL_TYPE_INT:
  case CQL_TYPE_SMALLINT:
  case CQL_TYPE_TIME:
  case CQL_TYPE_TIMESTAMP:
  case CQL_TYPE_TINYINT:
  case CQL_TYPE_VARINT: return true;
  default: return float_fits(code);
  }
}

static bool fits(cql_literal_kind kind, cql_type_code code) {
  switch (kind) {
  case CQL_LITERAL_STRING: return string_fits(code);
  case CQL_LITERAL_INTEGER: return integer_fits(code);
  case CQL_LITERAL_FLOAT: return float_fits(code);
  case CQL_LITERAL_BOOLEAN: return code == CQL_TYPE_BOOLEAN;
  case CQL_LITERAL_UUID: return code == CQL_TYPE_UUID || code == CQL_TYPE_TIMEUUID;
  case CQL_LITERAL_HEX: return code == CQL_TYPE_BLOB;
  case CQL_LITERAL_DURATION: return code == CQL_TYPE_DURATION;
  }
  return false;
}

cql_assignable cql_literal_test(cql_literal_kind kind, const cql_type *type) {
  if (cql_type_is_collection(type) || type->code == CQL_TYPE_UDT) return CQL_NOT_ASSIGNABLE;
  if (type->code == CQL_TYPE_CUSTOM) return CQL_WEAKLY_ASSIGNABLE;
  if (type->code == exact[kind]) return CQL_EXACT_MATCH;
  return fits(kind, type->code) ? CQL_WEAKLY_ASSIGNABLE : CQL_NOT_ASSIGNABLE;
}

/* --- encode ------------------------------------------------------------------------------------------------------- */

typedef struct encoder {
  cql_arena *a;
  cql_slice text;
  cql_slice *out;
  cql_error *err;
} encoder;

static cql_status fail_make(const encoder *e, const char *what) {
  return cql_fail(e->err, CQL_INVALID, "%s from '" CQL_SLICE_FMT "'", what, CQL_SLICE_ARG(e->text));
}

static cql_status give(const encoder *e, const void *bytes, size_t len) {
  if (cql_arena_slice(e->a, cql_slice_of(bytes, len), e->out) == CQL_OK) return CQL_OK;
  return cql_fail(e->err, CQL_NOMEM, "out of memory");
}

/* The len low bytes of v, big-endian. */
static cql_status give_int(const encoder *e, uint64_t v, size_t len) {
  uint8_t bytes[8];
  cql_store_u64(bytes, v);
  return give(e, bytes + 8 - len, len);
}

static cql_status encode_int(const encoder *e, size_t len, const char *complaint) {
  int64_t v, max = len == 8 ? INT64_MAX : ((int64_t)1 << (8 * len - 1)) - 1;
  if (!cqlv_int64_parse(e->text, &v) || v > max || v < -max - 1) return fail_make(e, complaint);
  return give_int(e, (uint64_t)v, len);
}

static cql_status encode_number(const encoder *e, bool decimal) {
  const char *complaint = decimal ? "unable to make BigDecimal" : "unable to make int";
  cql_arena scratch;
  cql_buf b;
  cql_arena_init(&scratch, e->a->alloc, CQL_ARENA_LIMIT_DEFAULT);
  cql_buf_init(&b, e->a->alloc, CQL_VARINT_LEN_MAX * 2);
  cql_status st = decimal ? cql_put_decimal_text(&b, &scratch, e->text) : cql_put_varint_digits(&b, &scratch, e->text);
  if (st == CQL_OK)
    st = give(e, b.data, b.len);
  else if (st == CQL_INVALID)
    st = fail_make(e, complaint);
  else
    st = cql_fail(e->err, st, st == CQL_LIMIT ? "A number may take at most %d bytes" : "out of memory",
                  CQL_VARINT_LEN_MAX);
  cql_buf_free(&b);
  cql_arena_free(&scratch);
  return st;
}

static cql_status encode_float(const encoder *e, bool wide) {
  double d;
  float f;
  uint64_t bits64;
  uint32_t bits32;
  if (wide) {
    if (!cqlv_double_parse(e->text, &d)) return fail_make(e, "Unable to make double");
    memcpy(&bits64, &d, sizeof bits64);
    return give_int(e, bits64, 8);
  }
  if (!cqlv_float_parse(e->text, &f)) return fail_make(e, "Unable to make float");
  memcpy(&bits32, &f, sizeof bits32);
  return give_int(e, bits32, 4);
}

static cql_status encode_boolean(const encoder *e) {
  bool yes = cql_slice_eq_nocase(e->text, "true");
  if (!yes && e->text.len > 0 && !cql_slice_eq_nocase(e->text, "false")) return fail_make(e, "Unable to make boolean");
  return give_int(e, yes, 1);
}

static cql_status encode_text(const encoder *e, bool ascii) {
  if (ascii && !cql_ascii_valid(e->text))
    return cql_fail(e->err, CQL_INVALID,
                    "Invalid ASCII character in string literal: "
                    "java.nio.charset.UnmappableCharacterException: Input length = 1");
  if (!ascii && !cql_utf8_valid(e->text)) return cql_fail(e->err, CQL_INVALID, "String didn't validate.");
  return give(e, e->text.len == 0 ? (const uint8_t *)"" : e->text.data, e->text.len);
}

static cql_status encode_blob(const encoder *e) {
  uint8_t *bytes = cql_arena_get(e->a, e->text.len / 2);
  if (bytes == NULL) return cql_fail(e->err, CQL_NOMEM, "out of memory");
  if (!cqlv_hex_parse(e->text, bytes))
    return cql_fail(e->err, CQL_INVALID, "cannot parse '" CQL_SLICE_FMT "' as hex bytes", CQL_SLICE_ARG(e->text));
  *e->out = cql_slice_of(bytes, e->text.len / 2);
  return CQL_OK;
}

static cql_status encode_uuid(const encoder *e, bool timed) {
  uint8_t uuid[16];
  if (!cqlv_uuid_parse(e->text, uuid)) {
    if (!timed) return fail_make(e, "Unable to make UUID");
    return cql_fail(e->err, CQL_INVALID, "Unknown timeuuid representation: " CQL_SLICE_FMT, CQL_SLICE_ARG(e->text));
  }
  if (timed && uuid[6] >> 4 != 1) return cql_fail(e->err, CQL_INVALID, "TimeUUID supports only version 1 UUIDs");
  return give(e, uuid, sizeof uuid);
}

static cql_status encode_inet(const encoder *e) {
  uint8_t address[16];
  size_t len = cqlv_inet_parse(e->text, address);
  return len == 0 ? fail_make(e, "Unable to make inet address") : give(e, address, len);
}

static cql_status encode_timestamp(const encoder *e) {
  int64_t ms;
  cql_status st = cqlv_timestamp_parse(e->text, &ms, e->err);
  return st == CQL_OK ? give_int(e, (uint64_t)ms, 8) : st;
}

static cql_status encode_date(const encoder *e) {
  uint32_t days;
  cql_status st = cqlv_date_parse(e->text, &days, e->err);
  return st == CQL_OK ? give_int(e, days, 4) : st;
}

static cql_status encode_time(const encoder *e) {
  int64_t ns;
  cql_status st = cqlv_time_parse(e->text, &ns, e->err);
  return st == CQL_OK ? give_int(e, (uint64_t)ns, 8) : st;
}

static cql_status encode_duration(const encoder *e) {
  cql_duration d;
  cql_status st = cqlv_duration_parse(e->text, &d, e->err);
  if (st != CQL_OK) return st;
  uint8_t bytes[CQLV_DURATION_LEN_MAX];
  return give(e, bytes, cqlv_duration_store(bytes, d));
}

/* Types whose fromString() makes an empty value of an empty text. */
static bool reads_empty(cql_type_code code) {
  switch (code) {
  case CQL_TYPE_DATE:
  case CQL_TYPE_TIME:
  case CQL_TYPE_BOOLEAN:
  case CQL_TYPE_TEXT:
  case CQL_TYPE_ASCII: return false;
  default: return true;
  }
}

static cql_status encode(const encoder *e, const cql_type *type) {
  if (e->text.len == 0 && reads_empty(type->code)) return give(e, "", 0);
  switch (type->code) {
  case CQL_TYPE_ASCII: return encode_text(e, true);
  case CQL_TYPE_TEXT: return encode_text(e, false);
  case CQL_TYPE_BIGINT:
  case CQL_TYPE_COUNTER: return encode_int(e, 8, "Unable to make long");
  case CQL_TYPE_INT: return encode_int(e, 4, "Unable to make int");
  case CQL_TYPE_SMALLINT: return encode_int(e, 2, "Unable to make short");
  case CQL_TYPE_TINYINT: return encode_int(e, 1, "Unable to make byte");
  case CQL_TYPE_BLOB:
  case CQL_TYPE_CUSTOM: return encode_blob(e);
  case CQL_TYPE_BOOLEAN: return encode_boolean(e);
  case CQL_TYPE_DECIMAL: return encode_number(e, true);
  case CQL_TYPE_VARINT: return encode_number(e, false);
  case CQL_TYPE_DOUBLE: return encode_float(e, true);
  case CQL_TYPE_FLOAT: return encode_float(e, false);
  case CQL_TYPE_UUID: return encode_uuid(e, false);
  case CQL_TYPE_TIMEUUID: return encode_uuid(e, true);
  case CQL_TYPE_INET: return encode_inet(e);
  case CQL_TYPE_TIMESTAMP: return encode_timestamp(e);
  case CQL_TYPE_DATE: return encode_date(e);
  case CQL_TYPE_TIME: return encode_time(e);
  case CQL_TYPE_DURATION: return encode_duration(e);
  default: break;
  }
  return cql_fail(e->err, CQL_INVALID, "A constant cannot stand for a %s", cqlv_type_cql_name(type->code));
}

cql_status cql_literal_encode(cql_arena *a, cql_literal_kind kind, cql_slice text, const cql_type *type, cql_slice *out,
                              cql_error *err) {
  encoder e = {a, text, out, err};
  *out = cql_slice_of(NULL, 0);
  if (kind != CQL_LITERAL_HEX) return encode(&e, type);
  if (text.len < 2) return fail_make(&e, "Unable to make blob");
  e.text = cql_slice_of(text.data + 2, text.len - 2); /* without 0x */
  return encode_blob(&e);
}
