/* print.c: a value as the CQL literal that would make it. */
#include "value/value_int.h"

#include <string.h>

static void print_quoted(cql_buf *b, cql_slice text) {
  cql_buf_u8(b, '\'');
  while (text.len > 0) {
    const uint8_t *hit = memchr(text.data, '\'', text.len);
    size_t n = hit == NULL ? text.len : (size_t)(hit - text.data);
    cql_buf_put(b, text.data, n);
    if (hit == NULL) break;
    cql_buf_str(b, "''");
    text.data = hit + 1;
    text.len -= n + 1;
  }
  cql_buf_u8(b, '\'');
}

/* The last separator is wanted between values only. */
static void print_separator(cql_buf *b, const cql_type *type, uint32_t i) {
  if (i == 0) return;
  cql_buf_str(b, type->code == CQL_TYPE_MAP && i % 2 == 1 ? ": " : ", ");
}

static void print_parts(cql_buf *b, const cql_type *type, cql_slice v) {
  bool list = type->code == CQL_TYPE_LIST || type->code == CQL_TYPE_VECTOR, tuple = type->code == CQL_TYPE_TUPLE;
  cql_elements e;
  cql_slice part;
  cql_buf_u8(b, list ? '[' : tuple ? '(' : '{');
  if (cql_elements_open(&e, type, v) == CQL_OK) {
    bool fields = tuple || type->code == CQL_TYPE_UDT;
    for (uint32_t i = 0; b->st == CQL_OK; i++) {
      if (fields && cql_reader_left(&e.r) == 0) break; /* fields that were not written are not shown */
      if (cql_elements_next(&e, &part) != CQL_OK) break;
      print_separator(b, type, i);
      if (type->code == CQL_TYPE_UDT) {
        cqlv_print_name(b, type->field_names[i]);
        cql_buf_str(b, ": ");
      }
      cql_value_print(b, type->args[type->code == CQL_TYPE_VECTOR ? 0 : i % type->arg_count], part);
    }
  }
  cql_buf_u8(b, list ? ']' : tuple ? ')' : '}');
}

static void print_blob(cql_buf *b, cql_slice v) {
  cql_buf_str(b, "0x");
  cqlv_print_hex(b, v);
}

static void print_int(cql_buf *b, int64_t v) {
  cql_buf_printf(b, "%lld", (long long)v);
}

static void print_duration(cql_buf *b, cql_slice v) {
  cql_duration d;
  if (cql_read_duration(v, &d) == CQL_OK)
    cqlv_print_duration(b, d);
  else
    print_blob(b, v);
}

/* Types of one width; v has it. */
static void print_fixed(cql_buf *b, const cql_type *type, cql_slice v) {
  switch (type->code) {
  case CQL_TYPE_BIGINT:
  case CQL_TYPE_COUNTER: print_int(b, (int64_t)cql_load_u64(v.data)); return;
  case CQL_TYPE_INT: print_int(b, (int32_t)cql_load_u32(v.data)); return;
  case CQL_TYPE_SMALLINT: print_int(b, (int16_t)cql_load_u16(v.data)); return;
  case CQL_TYPE_TINYINT: print_int(b, (int8_t)v.data[0]); return;
  case CQL_TYPE_BOOLEAN: cql_buf_str(b, v.data[0] != 0 ? "true" : "false"); return;
  case CQL_TYPE_DOUBLE: cqlv_print_double(b, cqlv_load_double(v.data)); return;
  case CQL_TYPE_FLOAT: cqlv_print_float(b, cqlv_load_float(v.data)); return;
  case CQL_TYPE_UUID:
  case CQL_TYPE_TIMEUUID: cqlv_print_uuid(b, v.data); return;
  default: break;
  }
  cql_buf_u8(b, '\'');
  if (type->code == CQL_TYPE_TIMESTAMP) cqlv_print_timestamp(b, (int64_t)cql_load_u64(v.data));
  if (type->code == CQL_TYPE_DATE) cqlv_print_date(b, cql_load_u32(v.data));
  if (type->code == CQL_TYPE_TIME) cqlv_print_time(b, (int64_t)cql_load_u64(v.data));
  cql_buf_u8(b, '\'');
}

static size_t width_of(cql_type_code code) {
  switch (code) {
  case CQL_TYPE_BOOLEAN:
  case CQL_TYPE_TINYINT: return 1;
  case CQL_TYPE_SMALLINT: return 2;
  case CQL_TYPE_INT:
  case CQL_TYPE_FLOAT:
  case CQL_TYPE_DATE: return 4;
  case CQL_TYPE_UUID:
  case CQL_TYPE_TIMEUUID: return 16;
  default: return 8;
  }
}

void cql_value_print(cql_buf *b, const cql_type *type, cql_slice v) {
  if (v.data == NULL) {
    cql_buf_str(b, "null");
    return;
  }
  switch (type->code) {
  case CQL_TYPE_LIST:
  case CQL_TYPE_SET:
  case CQL_TYPE_MAP:
  case CQL_TYPE_TUPLE:
  case CQL_TYPE_UDT:
  case CQL_TYPE_VECTOR: print_parts(b, type, v); return;
  case CQL_TYPE_ASCII:
  case CQL_TYPE_TEXT: print_quoted(b, v); return;
  case CQL_TYPE_BLOB:
  case CQL_TYPE_CUSTOM: print_blob(b, v); return;
  default: break;
  }
  if (v.len == 0) {
    cql_buf_str(b, "null"); /* an empty number or date has no literal; Cassandra shows it so */
    return;
  }
  switch (type->code) {
  case CQL_TYPE_INET:
    cql_buf_u8(b, '\'');
    cqlv_print_inet(b, v);
    cql_buf_u8(b, '\'');
    return;
  case CQL_TYPE_VARINT: cql_print_varint(b, v); return;
  case CQL_TYPE_DECIMAL: cql_print_decimal(b, v); return;
  case CQL_TYPE_DURATION: print_duration(b, v); return;
  default: break;
  }
  if (v.len == width_of(type->code))
    print_fixed(b, type, v);
  else
    print_blob(b, v);
}
