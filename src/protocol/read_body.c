/* read_body.c: the notations of the protocol (v5, section 3), read. */
#include "protocol/protocol_int.h"

#include <stdio.h>
#include <string.h>

cqlp_body cqlp_body_of(const cql_envelope *e, cql_status malformed, cql_arena *a, cql_error *err) {
  return (cqlp_body){.r = cql_reader_of(e->body),
                     .start = e->body.data,
                     .version = e->version,
                     .malformed = malformed,
                     .a = a,
                     .err = err};
}

/* --- failures ----------------------------------------------------------------------------------------------------- */

static size_t at(const cqlp_body *b) {
  return (size_t)(b->r.p - b->start);
}

cql_status cqlp_fail(cqlp_body *b, cql_status st, const char *format, ...) {
  char words[256];
  va_list args;
  va_start(args, format);
  vsnprintf(words, sizeof words, format, args);
  va_end(args);
  if (st == CQL_LIMIT)
    st = b->malformed == CQL_PROTOCOL ? CQL_PROTOCOL : CQL_LIMIT; /* a client knows no limit of ours */
  return cql_fail(b->err, st, "%s, at byte %zu of the body", words, at(b));
}

cql_status cqlp_fail_memory(cqlp_body *b) {
  return cql_fail(b->err, CQL_NOMEM, "out of memory");
}

static cql_status fail_short(cqlp_body *b, const char *field) {
  return cqlp_fail(b, b->malformed, "Not enough bytes to read %s", field);
}

cql_status cqlp_check_count(cqlp_body *b, const char *field, uint64_t count, size_t item_len) {
  return count > cql_reader_left(&b->r) / item_len ? fail_short(b, field) : CQL_OK;
}

/* --- numbers ------------------------------------------------------------------------------------------------------ */

cql_status cqlp_read_u8(cqlp_body *b, const char *field, uint8_t *out) {
  return cql_read_u8(&b->r, out) == CQL_OK ? CQL_OK : fail_short(b, field);
}

cql_status cqlp_read_u16(cqlp_body *b, const char *field, uint16_t *out) {
  return cql_read_u16(&b->r, out) == CQL_OK ? CQL_OK : fail_short(b, field);
}

cql_status cqlp_read_i32(cqlp_body *b, const char *field, int32_t *out) {
  uint32_t v;
  if (cql_read_u32(&b->r, &v) != CQL_OK) return fail_short(b, field);
  *out = (int32_t)v;
  return CQL_OK;
}

cql_status cqlp_read_i64(cqlp_body *b, const char *field, int64_t *out) {
  uint64_t v;
  if (cql_read_u64(&b->r, &v) != CQL_OK) return fail_short(b, field);
  *out = (int64_t)v;
  return CQL_OK;
}

/* --- texts and bytes ---------------------------------------------------------------------------------------------- */

cql_status cqlp_read_raw(cqlp_body *b, const char *field, size_t len, cql_slice *out) {
  return cql_read_bytes(&b->r, len, out) == CQL_OK ? CQL_OK : fail_short(b, field);
}

cql_status cqlp_read_string(cqlp_body *b, const char *field, cql_slice *out) {
  uint16_t len;
  cql_status st = cqlp_read_u16(b, field, &len);
  return st == CQL_OK ? cqlp_read_raw(b, field, len, out) : st;
}

cql_status cqlp_read_long_string(cqlp_body *b, const char *field, cql_slice *out) {
  int32_t len;
  cql_status st = cqlp_read_i32(b, field, &len);
  if (st != CQL_OK) return st;
  if (len < 0) return cqlp_fail(b, b->malformed, "A negative length (%d) of %s", len, field);
  return cqlp_read_raw(b, field, (size_t)len, out);
}

cql_status cqlp_read_bytes(cqlp_body *b, const char *field, cql_slice *out) {
  int32_t len;
  cql_status st = cqlp_read_i32(b, field, &len);
  *out = cql_slice_of(NULL, 0);
  return st == CQL_OK && len >= 0 ? cqlp_read_raw(b, field, (size_t)len, out) : st;
}

cql_status cqlp_read_value(cqlp_body *b, const char *field, cql_value *out) {
  int32_t len;
  cql_slice bytes;
  cql_status st = cqlp_read_i32(b, field, &len);
  if (st != CQL_OK) return st;
  *out = (cql_value){NULL, len};
  if (len == CQL_NULL || len == CQL_UNSET) return CQL_OK;
  if (len < 0) return cqlp_fail(b, b->malformed, "Invalid length %d of %s", len, field);
  if ((st = cqlp_read_raw(b, field, (size_t)len, &bytes)) == CQL_OK) out->data = bytes.data;
  return st;
}

cql_status cqlp_skip_strings(cqlp_body *b, const char *field) {
  uint16_t count;
  cql_slice skipped;
  cql_status st = cqlp_read_u16(b, field, &count);
  for (uint32_t i = 0; st == CQL_OK && i < count; i++) st = cqlp_read_string(b, field, &skipped);
  return st;
}

cql_status cqlp_read_pairs(cqlp_body *b, const char *field, bool values_are_bytes, const cql_pair **out,
                           uint32_t *count) {
  uint16_t n;
  cql_status st;
  CQL_TRY(cqlp_read_u16(b, field, &n));
  if (n > CQL_STRING_MAP_COUNT_MAX)
    return cqlp_fail(b, CQL_LIMIT, "More than %d entries of %s", CQL_STRING_MAP_COUNT_MAX, field);
  CQL_TRY(cqlp_check_count(b, field, n, 4));
  cql_pair *pairs = cql_arena_array(b->a, n, sizeof *pairs);
  if (pairs == NULL) return cqlp_fail_memory(b);
  for (uint32_t i = 0; i < n; i++) {
    CQL_TRY(cqlp_read_string(b, field, &pairs[i].name));
    CQL_TRY((values_are_bytes ? cqlp_read_bytes : cqlp_read_string)(b, field, &pairs[i].value));
  }
  *out = pairs;
  *count = n;
done:
  return st;
}

void cqlp_mend(char *text, size_t len) {
  cql_utf8_mend((uint8_t *)text, len);
  for (size_t i = 0; i < len; i++)
    if (text[i] == '\0') text[i] = '?'; /* it would end here */
}

const char *cqlp_text_in(cql_arena *a, cql_slice s) {
  char *text = cql_arena_str(a, s);
  if (text != NULL) cqlp_mend(text, s.len);
  return text;
}

const char *cqlp_text(cqlp_body *b, cql_slice s) {
  return cqlp_text_in(b->a, s);
}
