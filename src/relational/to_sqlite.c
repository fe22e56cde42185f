/* to_sqlite.c: CQL values as SQLite has them, in the form that Django's SQLite dialect writes and expects. */
#include "relational/relational_int.h"

#include <arpa/inet.h>
#include <string.h>

/* The last word makes the affinity; the first one tells programs what the text stands for. */
const char *cqlr_declared_type(const cql_type *type) {
  switch (type->code) {
  case CQL_TYPE_BIGINT:
  case CQL_TYPE_COUNTER:
  case CQL_TYPE_INT:
  case CQL_TYPE_SMALLINT:
  case CQL_TYPE_TINYINT: return "INTEGER";
  case CQL_TYPE_BOOLEAN: return "BOOL"; /* NUMERIC */
  case CQL_TYPE_VARINT: return "NUMERIC";
  case CQL_TYPE_DECIMAL: return "DECIMAL REAL";
  case CQL_TYPE_TIMESTAMP: return "TIMESTAMP TEXT";
  case CQL_TYPE_DATE: return "DATE TEXT";
  case CQL_TYPE_TIME: return "TIME TEXT";
  case CQL_TYPE_UUID:
  case CQL_TYPE_TIMEUUID: return "UUID TEXT";
  case CQL_TYPE_INET: return "ADDRESS TEXT";
  case CQL_TYPE_DOUBLE:
  case CQL_TYPE_FLOAT: return "REAL";
  case CQL_TYPE_BLOB: return "BLOB";
  default: return "TEXT";
  }
}

/* --- texts -------------------------------------------------------------------------------------------------------- */

static void drop(cql_buf *b, size_t len) {
  b->len -= len < b->len ? len : b->len;
}

/* 2011-02-03T04:05:00.000Z becomes 2011-02-03 04:05:00, with six digits of a second where they are not all 0. */
static void mend_timestamp(cql_buf *b, size_t start) {
  uint8_t *t = memchr(b->data + start, 'T', b->len - start);
  if (t != NULL) *t = ' ';
  if (b->len > 0 && b->data[b->len - 1] == 'Z') drop(b, 1);
  if (b->len < 4 || b->data[b->len - 4] != '.') return;
  if (memcmp(b->data + b->len - 3, "000", 3) == 0)
    drop(b, 4);
  else
    cql_buf_str(b, "000");
}

/* Nine digits of a second; Python knows six. */
static void end_time(cql_buf *b) {
  if (b->len < 10 || b->data[b->len - 10] != '.') return;
  drop(b, 3);
  if (memcmp(b->data + b->len - 6, "000000", 6) == 0) drop(b, 7);
}

static void drop_dashes(cql_buf *b, size_t start) {
  size_t to = start;
  for (size_t i = start; i < b->len; i++)
    if (b->data[i] != '-') b->data[to++] = b->data[i];
  b->len = to;
}

static void drop_quotes(cql_buf *b, size_t start) {
  if (b->len - start < 2 || b->data[start] != '\'') return;
  memmove(b->data + start, b->data + start + 1, b->len - start - 2);
  b->len -= 2;
}

/* As Python and Django write it: ::1. */
static void put_address(cql_buf *b, cql_slice value) {
  char text[INET6_ADDRSTRLEN];
  if (inet_ntop(value.len == 4 ? AF_INET : AF_INET6, value.data, text, sizeof text) != NULL) cql_buf_str(b, text);
}

void cqlr_put_text(cql_buf *b, const cql_type *type, cql_slice value) {
  size_t start = b->len;
  if (type->code == CQL_TYPE_INET && (value.len == 4 || value.len == 16)) {
    put_address(b, value);
    return;
  }
  if (type->code == CQL_TYPE_TEXT || type->code == CQL_TYPE_ASCII) {
    cql_buf_slice(b, value);
    return;
  }
  cql_value_print(b, type, value);
  if (b->st != CQL_OK) return;
  switch (type->code) {
  case CQL_TYPE_TIMESTAMP:
    drop_quotes(b, start);
    mend_timestamp(b, start);
    break;
  case CQL_TYPE_TIME:
    drop_quotes(b, start);
    end_time(b);
    break;
  case CQL_TYPE_DATE: drop_quotes(b, start); break;
  case CQL_TYPE_UUID:
  case CQL_TYPE_TIMEUUID: drop_dashes(b, start); break;
  default: break;
  }
}

/* --- results ------------------------------------------------------------------------------------------------------ */

static void give_text(sqlite3_context *out, const cql_type *type, cql_slice value, cql_buf *scratch) {
  cql_buf_reset(scratch);
  cqlr_put_text(scratch, type, value);
  if (scratch->st == CQL_LIMIT)
    sqlite3_result_error_toobig(out);
  else if (scratch->st != CQL_OK)
    sqlite3_result_error_nomem(out);
  else /* no bytes are no NULL */
    sqlite3_result_text64(out, scratch->len == 0 ? "" : (const char *)scratch->data, scratch->len, SQLITE_TRANSIENT,
                          SQLITE_UTF8);
}

/* Of up to eight bytes; longer ones are texts of digits. */
static void give_varint(sqlite3_context *out, const cql_type *type, cql_slice value, cql_buf *scratch) {
  if (value.len == 0 || value.len > 8) {
    give_text(out, type, value, scratch);
    return;
  }
  uint64_t n = value.data[0] & 0x80 ? UINT64_MAX : 0;
  for (size_t i = 0; i < value.len; i++) n = n << 8 | value.data[i];
  sqlite3_result_int64(out, (int64_t)n);
}

static double double_of(uint64_t bits) {
  double d;
  memcpy(&d, &bits, sizeof d);
  return d;
}

static double float_of(uint32_t bits) {
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

/* The nearest number; the exact one is in the raw column. */
static void give_decimal(sqlite3_context *out, cql_slice value, cql_buf *scratch) {
  double d;
  if (cql_decimal_to_double(scratch, value, &d))
    sqlite3_result_double(out, d);
  else
    sqlite3_result_error_nomem(out);
}

/* Empty bytes, which most types of one width have beside their values, are null here: there is no number for them. */
void cqlr_to_sqlite(sqlite3_context *out, const cql_type *type, cql_value cell, cql_buf *scratch) {
  size_t width = cql_type_fixed_len(type);
  if (cell.len < 0 || (width > 0 && (size_t)cell.len != width)) {
    sqlite3_result_null(out);
    return;
  }
  const cql_slice value = {cell.data, (size_t)cell.len};
  switch (type->code) {
  case CQL_TYPE_BIGINT:
  case CQL_TYPE_COUNTER: sqlite3_result_int64(out, (int64_t)cql_load_u64(value.data)); break;
  case CQL_TYPE_INT: sqlite3_result_int64(out, (int32_t)cql_load_u32(value.data)); break;
  case CQL_TYPE_SMALLINT: sqlite3_result_int64(out, value.len == 2 ? (int16_t)cql_load_u16(value.data) : 0); break;
  case CQL_TYPE_TINYINT: sqlite3_result_int64(out, value.len == 1 ? (int8_t)value.data[0] : 0); break;
  case CQL_TYPE_BOOLEAN: sqlite3_result_int64(out, value.data[0] != 0); break;
  case CQL_TYPE_VARINT: give_varint(out, type, value, scratch); break;
  case CQL_TYPE_DOUBLE: sqlite3_result_double(out, double_of(cql_load_u64(value.data))); break;
  case CQL_TYPE_FLOAT: sqlite3_result_double(out, float_of(cql_load_u32(value.data))); break;
  case CQL_TYPE_DECIMAL: give_decimal(out, value, scratch); break;
  case CQL_TYPE_BLOB: sqlite3_result_blob64(out, value.data, value.len, SQLITE_TRANSIENT); break;
  default: give_text(out, type, value, scratch);
  }
}
