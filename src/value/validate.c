/* validate.c: are these bytes a value of the type? Texts are those of Cassandra's serializers. */
#include "value/value_int.h"

#include <stdio.h>

static cql_status check_len(cql_slice v, size_t len, bool may_be_empty, const char *format, cql_error *err) {
  if (v.len == len || (v.len == 0 && may_be_empty)) return CQL_OK;
  return cql_fail(err, CQL_INVALID, "%s (%zu)", format, v.len);
}

static cql_status check_ascii(cql_slice v, cql_error *err) {
  if (cql_ascii_valid(v)) return CQL_OK;
  size_t i = 0;
  while (v.data[i] < 0x80) i++;
  return cql_fail(err, CQL_INVALID, "Invalid byte for ascii: %d", (int8_t)v.data[i]);
}

static cql_status check_number_len(cql_slice v, size_t max, cql_error *err) {
  if (v.len <= max) return CQL_OK;
  return cql_fail(err, CQL_LIMIT, "A number may take at most %zu bytes (%zu)", max, v.len);
}

static cql_status check_decimal(cql_slice v, cql_error *err) {
  if (v.len > 0 && v.len < 5) return cql_fail(err, CQL_INVALID, "Expected 0 or at least 4 bytes (%zu)", v.len);
  return check_number_len(v, CQL_VARINT_LEN_MAX + 4, err);
}

static cql_status check_timeuuid(cql_slice v, cql_error *err) {
  cql_status st = check_len(v, 16, true, "UUID should be 16 or 0 bytes", err);
  if (st != CQL_OK || v.len == 0 || v.data[6] >> 4 == 1) return st;
  /* Cassandra says 0x1 whatever the version was. */
  return cql_fail(err, CQL_INVALID, "Invalid version for TimeUUID type: 0x1");
}

static cql_status check_inet(cql_slice v, cql_error *err) {
  if (v.len == 0 || v.len == 4 || v.len == 16) return CQL_OK;
  char hex[257] = "";
  for (size_t i = 0; i < v.len && i < 128; i++) snprintf(hex + 2 * i, 3, "%02x", v.data[i]);
  return cql_fail(err, CQL_INVALID, "Expected 4 or 16 byte inetaddress; got %s", hex);
}

static cql_status check_duration(cql_slice v, bool may_be_empty, cql_error *err) {
  cql_reader r = cql_reader_of(v);
  int64_t months, days, ns;
  if (v.len == 0 && may_be_empty) return CQL_OK;
  if (v.len < 3) return cql_fail(err, CQL_INVALID, "Expected at least 3 bytes for a duration (%zu)", v.len);
  if (cql_read_vint(&r, &months) != CQL_OK || cql_read_vint(&r, &days) != CQL_OK || cql_read_vint(&r, &ns) != CQL_OK)
    return cql_fail(err, CQL_INVALID, "Unexpected error");
  if (months != (int32_t)months)
    return cql_fail(err, CQL_INVALID, "The duration months must be a 32 bits integer but was: %lld", (long long)months);
  if (days != (int32_t)days)
    return cql_fail(err, CQL_INVALID, "The duration days must be a 32 bits integer but was: %lld", (long long)days);
  bool some_negative = months < 0 || days < 0 || ns<0, some_positive = months> 0 || days > 0 || ns > 0;
  if (some_negative && some_positive)
    return cql_fail(err, CQL_INVALID,
                    "The duration months, days and nanoseconds must be all of the same sign (%lld, %lld, %lld)",
                    (long long)months, (long long)days, (long long)ns);
  if (cql_reader_left(&r) > 0) return cql_fail(err, CQL_INVALID, "Unexpected extraneous bytes after duration value");
  return CQL_OK;
}

/* --- what has parts ----------------------------------------------------------------------------------------------- */

static const char *noun_of(const cql_type *type) {
  return type->code == CQL_TYPE_LIST ? "list" : type->code == CQL_TYPE_SET ? "set" : "map";
}

/* stored: what INSERT JSON writes counts too. */
static cql_status check(const cql_type *type, cql_slice v, bool stored, cql_error *err);

static cql_status check_collection(const cql_type *type, cql_slice v, bool stored, cql_error *err) {
  cql_elements e;
  cql_slice part;
  cql_status st = cql_elements_open(&e, type, v);
  for (uint32_t i = 0; st == CQL_OK; i++) {
    st = cql_elements_next(&e, &part);
    if (st != CQL_OK) break;
    if (part.data == NULL) return cql_fail(err, CQL_INVALID, "Null value read when not allowed");
    cql_status part_st = check(type->args[i % type->arg_count], part, stored, err);
    if (part_st != CQL_OK) return part_st;
  }
  if (st == CQL_MALFORMED) return cql_fail(err, CQL_INVALID, "Not enough bytes to read a %s", noun_of(type));
  if (cql_reader_left(&e.r) > 0)
    return cql_fail(err, CQL_INVALID, "Unexpected extraneous bytes after %s value", noun_of(type));
  return CQL_OK;
}

static cql_status fail_field(const cql_type *type, uint32_t i, bool has_size, cql_error *err) {
  const char *what = has_size ? "" : "size of ";
  if (type->code == CQL_TYPE_TUPLE)
    return cql_fail(err, CQL_INVALID, "Not enough bytes to read %s%uth component", what, i);
  return cql_fail(err, CQL_INVALID, "Not enough bytes to read %s%uth field " CQL_SLICE_FMT, what, i,
                  CQL_SLICE_ARG(type->field_names[i]));
}

static cql_status check_fields(const cql_type *type, cql_slice v, bool stored, cql_error *err) {
  cql_elements e;
  cql_slice part;
  cql_elements_open(&e, type, v);
  for (uint32_t i = 0; i < type->arg_count; i++) {
    bool has_size = cql_reader_left(&e.r) >= 4;
    if (cql_elements_next(&e, &part) != CQL_OK) return fail_field(type, i, has_size, err);
    if (part.data == NULL) continue;
    cql_status st = check(type->args[i], part, stored, err);
    if (st != CQL_OK) return st;
  }
  if (cql_reader_left(&e.r) == 0) return CQL_OK;
  return cql_fail(err, CQL_INVALID, "Invalid remaining data after end of %s value",
                  type->code == CQL_TYPE_UDT ? "UDT" : "tuple");
}

static cql_status check_vector(const cql_type *type, cql_slice v, bool stored, cql_error *err) {
  cql_elements e;
  cql_slice part;
  char name[512];
  if (v.len == 0) return cql_fail(err, CQL_INVALID, "Invalid empty vector value");
  cql_elements_open(&e, type, v);
  for (uint32_t i = 0; i < type->dimension; i++) {
    if (cql_elements_next(&e, &part) != CQL_OK) {
      cql_type_to_cql(type, name, sizeof name);
      return cql_fail(err, CQL_INVALID, "Not enough bytes to read a %s", name);
    }
    cql_status st = check(type->args[0], part, stored, err);
    if (st != CQL_OK) return st;
  }
  if (cql_reader_left(&e.r) == 0) return CQL_OK;
  cql_type_to_cql(type, name, sizeof name);
  return cql_fail(err, CQL_INVALID, "Unexpected %zu extraneous bytes after %s value", cql_reader_left(&e.r), name);
}

static cql_status check(const cql_type *type, cql_slice v, bool stored, cql_error *err) {
  if (v.len > CQL_VALUE_LEN_MAX)
    return cql_fail(err, CQL_LIMIT, "A value may take at most %zu bytes", CQL_VALUE_LEN_MAX);
  switch (type->code) {
  case CQL_TYPE_ASCII: return check_ascii(v, err);
  case CQL_TYPE_TEXT: return cql_utf8_valid(v) ? CQL_OK : cql_fail(err, CQL_INVALID, "String didn't validate.");
  case CQL_TYPE_BLOB:
  case CQL_TYPE_CUSTOM: return CQL_OK;
  case CQL_TYPE_BIGINT:
  case CQL_TYPE_COUNTER: return check_len(v, 8, true, "Expected 8 or 0 byte long", err);
  case CQL_TYPE_BOOLEAN: return check_len(v, 1, true, "Expected 1 or 0 byte value", err);
  case CQL_TYPE_DECIMAL: return check_decimal(v, err);
  case CQL_TYPE_DOUBLE: return check_len(v, 8, true, "Expected 8 or 0 byte value for a double", err);
  case CQL_TYPE_FLOAT: return check_len(v, 4, true, "Expected 4 or 0 byte value for a float", err);
  case CQL_TYPE_INT: return check_len(v, 4, true, "Expected 4 or 0 byte int", err);
  case CQL_TYPE_TIMESTAMP: return check_len(v, 8, true, "Expected 8 or 0 byte long for date", err);
  case CQL_TYPE_UUID: return check_len(v, 16, true, "UUID should be 16 or 0 bytes", err);
  case CQL_TYPE_VARINT: return check_number_len(v, CQL_VARINT_LEN_MAX, err);
  case CQL_TYPE_TIMEUUID: return check_timeuuid(v, err);
  case CQL_TYPE_INET: return check_inet(v, err);
  case CQL_TYPE_DATE: return check_len(v, 4, false, "Expected 4 byte long for date", err);
  case CQL_TYPE_TIME: return check_len(v, 8, false, "Expected 8 byte long for time", err);
  case CQL_TYPE_SMALLINT: return check_len(v, 2, false, "Expected 2 bytes for a smallint", err);
  case CQL_TYPE_TINYINT: return check_len(v, 1, false, "Expected 1 byte for a tinyint", err);
  case CQL_TYPE_DURATION: return check_duration(v, stored, err);
  case CQL_TYPE_LIST:
  case CQL_TYPE_SET:
  case CQL_TYPE_MAP: return check_collection(type, v, stored, err);
  case CQL_TYPE_TUPLE:
  case CQL_TYPE_UDT: return check_fields(type, v, stored, err);
  case CQL_TYPE_VECTOR: return check_vector(type, v, stored, err);
  }
  return cql_fail(err, CQL_INVALID, "Unknown type");
}

cql_status cql_value_validate(const cql_type *type, cql_slice v, cql_error *err) {
  return check(type, v, false, err);
}

cql_status cql_value_validate_stored(const cql_type *type, cql_slice v, cql_error *err) {
  return check(type, v, true, err);
}
