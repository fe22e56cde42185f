/* to_cql.c: the values that SQLite compares columns with, as CQL has them. Rows that CQL gives too many SQLite drops,
 * so a conversion may be wide, and never narrow: it tells when no value of the column is equal in SQLite's eyes, and
 * when that cannot be said.
 */
#include "relational/relational_int.h"

#include <math.h>
#include <string.h>

static bool is_text(const cql_type *type) {
  return type->code == CQL_TYPE_TEXT || type->code == CQL_TYPE_ASCII;
}

bool cqlr_can_compare(const cql_type *type, cqlr_op op) {
  switch (type->code) {
  case CQL_TYPE_TEXT:
  case CQL_TYPE_ASCII:
  case CQL_TYPE_BLOB:
  case CQL_TYPE_BIGINT:
  case CQL_TYPE_INT:
  case CQL_TYPE_SMALLINT:
  case CQL_TYPE_TINYINT:
  case CQL_TYPE_TIMESTAMP:
  case CQL_TYPE_DATE: return true;
  case CQL_TYPE_BOOLEAN:
  case CQL_TYPE_UUID:
  case CQL_TYPE_TIMEUUID: /* of another order */
  case CQL_TYPE_INET: return op == CQLR_EQ;
  case CQL_TYPE_TIME: return op != CQLR_EQ; /* its nanoseconds are not in the text */
  default: return false;                    /* floats: -0.0 is not 0.0 in CQL. Decimals: nor is 1.0 1.00 */
  }
}

/* --- numbers ------------------------------------------------------------------------------------------------------ */

static bool is_in_range(cql_type_code code, int64_t n) {
  switch (code) {
  case CQL_TYPE_INT: return n >= INT32_MIN && n <= INT32_MAX;
  case CQL_TYPE_SMALLINT: return n >= INT16_MIN && n <= INT16_MAX;
  case CQL_TYPE_TINYINT: return n >= INT8_MIN && n <= INT8_MAX;
  case CQL_TYPE_BOOLEAN: return n == 0 || n == 1;
  default: return true;
  }
}

static void put_int(cql_buf *b, cql_type_code code, int64_t n) {
  switch (code) {
  case CQL_TYPE_INT: cql_buf_u32(b, (uint32_t)n); break;
  case CQL_TYPE_SMALLINT: cql_buf_u16(b, (uint16_t)n); break;
  case CQL_TYPE_TINYINT:
  case CQL_TYPE_BOOLEAN: cql_buf_u8(b, (uint8_t)n); break;
  default: cql_buf_u64(b, (uint64_t)n);
  }
}

/* A comparison with a column of numbers makes a number of a text that looks like one, as its affinity says. */
static cqlr_match put_number(cql_buf *b, cql_type_code code, sqlite3_value *value) {
  int kind = sqlite3_value_numeric_type(value);
  if (kind == SQLITE_FLOAT) {
    double d = sqlite3_value_double(value);
    if (floor(d) != d || d < -9223372036854775808.0 || d >= 9223372036854775808.0) return CQLR_NOTHING;
  } else if (kind != SQLITE_INTEGER) {
    return CQLR_NOTHING;
  }
  int64_t n = sqlite3_value_int64(value);
  if (!is_in_range(code, n)) return CQLR_NOTHING;
  put_int(b, code, n);
  return CQLR_VALUE;
}

/* --- texts -------------------------------------------------------------------------------------------------------- */

/* A number is compared with a column of texts as its text. */
static cqlr_match put_text(cql_buf *b, sqlite3_value *value) {
  if (sqlite3_value_type(value) == SQLITE_BLOB) return CQLR_NOTHING;
  const uint8_t *text = sqlite3_value_text(value);
  if (text == NULL) {
    b->st = CQL_NOMEM;
    return CQLR_ANYTHING;
  }
  cql_buf_put(b, text, (size_t)sqlite3_value_bytes(value));
  return CQLR_VALUE;
}

static cqlr_match put_blob(cql_buf *b, sqlite3_value *value) {
  if (sqlite3_value_type(value) != SQLITE_BLOB) return CQLR_NOTHING;
  cql_buf_put(b, sqlite3_value_blob(value), (size_t)sqlite3_value_bytes(value));
  return CQLR_VALUE;
}

/* 2011-02-03 04:05:00.678000 as CQL reads it. Finer than a millisecond: as it is, which is refused. */
static void put_moment(cql_buf *b, cql_slice text) {
  bool is_fine = text.len == 26 && memcmp(text.data + 23, "000", 3) == 0;
  cql_buf_put(b, text.data, is_fine ? 23 : text.len);
  cql_buf_str(b, "Z");
}

static void put_dashes(cql_buf *b, cql_slice text) {
  static const uint8_t GROUPS[5] = {8, 4, 4, 4, 12};
  if (text.len != 32) return; /* which is no uuid */
  for (size_t i = 0, at = 0; i < 5; at += GROUPS[i++]) {
    if (i > 0) cql_buf_str(b, "-");
    cql_buf_put(b, text.data + at, GROUPS[i]);
  }
}

/* A value whose text is this one, to the letter: any other text is the text of no value. CQL_NOMEM in *out_of. */
static cqlr_match parse_text(const cql_type *type, cql_slice text, cql_arena *arena, cql_slice *out,
                             cql_status *out_of) {
  bool is_uuid = type->code == CQL_TYPE_UUID || type->code == CQL_TYPE_TIMEUUID;
  cql_buf b;
  cql_buf_init(&b, &cql_alloc_libc, 4096);
  if (is_uuid)
    put_dashes(&b, text);
  else if (type->code == CQL_TYPE_TIMESTAMP)
    put_moment(&b, text);
  else
    cql_buf_slice(&b, text);
  cql_status st = b.st;
  if (st == CQL_OK)
    st = cql_literal_encode(arena, is_uuid ? CQL_LITERAL_UUID : CQL_LITERAL_STRING, cql_buf_view(&b), type, out, NULL);
  if (st == CQL_OK) st = cql_value_validate(type, *out, NULL);
  bool is_same = false;
  if (st == CQL_OK) {
    cql_buf_reset(&b);
    cqlr_put_text(&b, type, *out);
    if (b.st == CQL_NOMEM) st = b.st;
    is_same = b.st == CQL_OK && cql_slice_eq(cql_buf_view(&b), text);
  }
  cql_buf_free(&b);
  if (st == CQL_NOMEM) *out_of = st;
  return is_same ? CQLR_VALUE : CQLR_NOTHING;
}

/* --- all of them -------------------------------------------------------------------------------------------------- */

static cqlr_match convert(const cql_type *type, sqlite3_value *value, cql_arena *arena, cql_buf *b, cql_slice *out) {
  switch (type->code) {
  case CQL_TYPE_BIGINT:
  case CQL_TYPE_INT:
  case CQL_TYPE_SMALLINT:
  case CQL_TYPE_TINYINT:
  case CQL_TYPE_BOOLEAN: return put_number(b, type->code, value);
  case CQL_TYPE_TEXT:
  case CQL_TYPE_ASCII: return put_text(b, value);
  case CQL_TYPE_BLOB: return put_blob(b, value);
  default: break;
  }
  if (sqlite3_value_type(value) != SQLITE_TEXT) return CQLR_NOTHING;
  const uint8_t *text = sqlite3_value_text(value);
  if (text == NULL) {
    b->st = CQL_NOMEM;
    return CQLR_NOTHING;
  }
  return parse_text(type, cql_slice_of(text, (size_t)sqlite3_value_bytes(value)), arena, out, &b->st);
}

bool cqlr_can_be_in_key(const cqlr_column *column, cql_slice value) {
  if (column->kind != CQLR_PARTITION && column->kind != CQLR_CLUSTERING) return true;
  return value.len <= CQL_KEY_LEN_MAX && (column->kind == CQLR_CLUSTERING || value.len > 0);
}

/* What a column cannot hold is equal to none of its values. */
static bool can_hold(const cqlr_column *column, cql_slice value) {
  if (column->type->code == CQL_TYPE_ASCII && !cql_ascii_valid(value)) return false;
  if (is_text(column->type) && !cql_utf8_valid(value)) return false;
  return cqlr_can_be_in_key(column, value);
}

cqlr_match cqlr_to_cql(const cqlr_column *column, cqlr_op op, sqlite3_value *value, cql_arena *arena, cql_slice *out,
                       cql_status *st) {
  *st = CQL_OK;
  if (sqlite3_value_type(value) == SQLITE_NULL) return CQLR_NOTHING; /* whatever it is compared with */
  cql_buf b;
  cql_buf_init(&b, &cql_alloc_libc, CQL_VALUE_LEN_MAX);
  *out = (cql_slice){NULL, 0};
  cqlr_match match = convert(column->type, value, arena, &b, out);
  *st = b.st;
  if (*st == CQL_OK && match == CQLR_VALUE && out->data == NULL) {
    *st = cql_arena_slice(arena, cql_buf_view(&b), out);
    if (*st == CQL_OK && out->data == NULL) *out = CQL_SLICE_LITERAL("");
  }
  cql_buf_free(&b);
  if (*st != CQL_OK) return CQLR_ANYTHING;
  if (match == CQLR_VALUE && !can_hold(column, *out)) match = CQLR_NOTHING;
  /* Not equal to a value of the column does not say on which side of it. */
  return match == CQLR_NOTHING && op != CQLR_EQ ? CQLR_ANYTHING : match;
}
