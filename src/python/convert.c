#include "python/convert.h"

/* --- which function reads which type ------------------------------------------------------------------------------ */

static void set_decode(cqlpy_decoder *d, cqlpy_decode *decode, uint32_t fixed_len) {
  d->decode = decode;
  d->fixed_len = fixed_len;
}

static void choose_decode(cqlpy_decoder *d) {
  switch (d->type->code) {
  case CQL_TYPE_BOOLEAN: set_decode(d, cqlpy_decode_boolean, 1); break;
  case CQL_TYPE_TINYINT: set_decode(d, cqlpy_decode_int8, 1); break;
  case CQL_TYPE_SMALLINT: set_decode(d, cqlpy_decode_int16, 2); break;
  case CQL_TYPE_INT: set_decode(d, cqlpy_decode_int32, 4); break;
  case CQL_TYPE_BIGINT:
  case CQL_TYPE_COUNTER: set_decode(d, cqlpy_decode_int64, 8); break;
  case CQL_TYPE_FLOAT: set_decode(d, cqlpy_decode_float, 4); break;
  case CQL_TYPE_DOUBLE: set_decode(d, cqlpy_decode_double, 8); break;
  case CQL_TYPE_TIMESTAMP: set_decode(d, cqlpy_decode_timestamp, 8); break;
  case CQL_TYPE_DATE: set_decode(d, cqlpy_decode_date, 4); break;
  case CQL_TYPE_TIME: set_decode(d, cqlpy_decode_time, 8); break;
  case CQL_TYPE_UUID:
  case CQL_TYPE_TIMEUUID: set_decode(d, cqlpy_decode_uuid, 16); break;
  case CQL_TYPE_VARINT: set_decode(d, cqlpy_decode_varint, 0); break;
  case CQL_TYPE_DECIMAL: set_decode(d, cqlpy_decode_decimal, 0); break;
  case CQL_TYPE_DURATION: set_decode(d, cqlpy_decode_duration, 0); break;
  case CQL_TYPE_INET: set_decode(d, cqlpy_decode_inet, 0); break;
  case CQL_TYPE_ASCII:
  case CQL_TYPE_TEXT: set_decode(d, cqlpy_decode_text, 0); break;
  case CQL_TYPE_BLOB:
  case CQL_TYPE_CUSTOM: set_decode(d, cqlpy_decode_blob, 0); break;
  case CQL_TYPE_LIST: set_decode(d, cqlpy_decode_list, 0); break;
  case CQL_TYPE_VECTOR: set_decode(d, cqlpy_decode_vector, 0); break;
  case CQL_TYPE_SET: set_decode(d, cqlpy_decode_set, 0); break;
  case CQL_TYPE_MAP: set_decode(d, cqlpy_decode_map, 0); break;
  case CQL_TYPE_TUPLE: set_decode(d, cqlpy_decode_tuple, 0); break;
  case CQL_TYPE_UDT: set_decode(d, cqlpy_decode_udt, 0); break;
  }
}

/* Text, blobs and collections have an empty form of their own; for the others empty bytes are a relic that means "no
 * value". */
static bool empty_is_nothing(const cqlpy_decoder *d) {
  if (d->fixed_len != 0) return true;
  cql_type_code code = d->type->code;
  return code == CQL_TYPE_VARINT || code == CQL_TYPE_DECIMAL || code == CQL_TYPE_INET || code == CQL_TYPE_DURATION;
}

static bool is_atomic(cql_type_code code) {
  switch (code) {
  case CQL_TYPE_LIST:
  case CQL_TYPE_SET:
  case CQL_TYPE_MAP:
  case CQL_TYPE_TUPLE:
  case CQL_TYPE_UDT:
  case CQL_TYPE_VECTOR: return false;
  default: return true;
  }
}

static int load_classes(cqlpy_state *state, cql_type_code code) {
  switch (code) {
  case CQL_TYPE_UUID:
  case CQL_TYPE_TIMEUUID: return cqlpy_uuid_load(state);
  case CQL_TYPE_INET: return cqlpy_inet_load(state);
  case CQL_TYPE_DECIMAL: return cqlpy_decimal_load(state);
  case CQL_TYPE_TIMESTAMP:
  case CQL_TYPE_DATE: return cqlpy_datetime_load();
  case CQL_TYPE_TIME:
  case CQL_TYPE_DURATION: return cqlpy_temporal_load(state);
  case CQL_TYPE_VECTOR: return cqlpy_array_load(state);
  default: return 0;
  }
}

int cqlpy_decoder_init(cqlpy_state *state, cqlpy_decoder *d, cql_arena *a, const cql_type *type, bool hashable) {
  if (load_classes(state, type->code) < 0) return -1;
  *d = (cqlpy_decoder){.type = type, .hashable = hashable, .arg_count = type->arg_count};
  choose_decode(d);
  d->least_len = empty_is_nothing(d);
  d->atomic = is_atomic(type->code);
  if (type->arg_count == 0) return 0;
  cqlpy_decoder *args = cql_arena_array(a, type->arg_count, sizeof *args);
  if (args == NULL) {
    PyErr_NoMemory();
    return -1;
  }
  d->args = args;
  for (uint32_t i = 0; i < type->arg_count; i++) {
    bool is_key = type->code == CQL_TYPE_SET || (type->code == CQL_TYPE_MAP && i == 0);
    if (cqlpy_decoder_init(state, &args[i], a, type->args[i], hashable || is_key) < 0) return -1;
  }
  return 0;
}

PyObject *cqlpy_decode_cell(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  if (in.data == NULL || (in.len == 0 && empty_is_nothing(d))) return Py_NewRef(Py_None);
  if (d->fixed_len != 0 && in.len != d->fixed_len) return cqlpy_bad_bytes(c, d);
  return d->decode(c, d, in);
}

/* --- and which writes it ------------------------------------------------------------------------------------------ */

int cqlpy_encode(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  switch (type->code) {
  case CQL_TYPE_BOOLEAN: return cqlpy_encode_boolean(c, out, type, value);
  case CQL_TYPE_TINYINT:
  case CQL_TYPE_SMALLINT:
  case CQL_TYPE_INT:
  case CQL_TYPE_BIGINT:
  case CQL_TYPE_COUNTER: return cqlpy_encode_integer(c, out, type, value);
  case CQL_TYPE_VARINT: return cqlpy_encode_varint(c, out, type, value);
  case CQL_TYPE_DECIMAL: return cqlpy_encode_decimal(c, out, type, value);
  case CQL_TYPE_FLOAT: return cqlpy_encode_float(c, out, type, value);
  case CQL_TYPE_DOUBLE: return cqlpy_encode_double(c, out, type, value);
  case CQL_TYPE_TEXT: return cqlpy_encode_text(c, out, type, value);
  case CQL_TYPE_ASCII: return cqlpy_encode_ascii(c, out, type, value);
  case CQL_TYPE_BLOB:
  case CQL_TYPE_CUSTOM: return cqlpy_encode_blob(c, out, type, value);
  case CQL_TYPE_UUID:
  case CQL_TYPE_TIMEUUID: return cqlpy_encode_uuid(c, out, type, value);
  case CQL_TYPE_INET: return cqlpy_encode_inet(c, out, type, value);
  case CQL_TYPE_TIMESTAMP: return cqlpy_encode_timestamp(c, out, type, value);
  case CQL_TYPE_DATE: return cqlpy_encode_date(c, out, type, value);
  case CQL_TYPE_TIME: return cqlpy_encode_time(c, out, type, value);
  case CQL_TYPE_DURATION: return cqlpy_encode_duration(c, out, type, value);
  case CQL_TYPE_LIST: return cqlpy_encode_list(c, out, type, value);
  case CQL_TYPE_VECTOR: return cqlpy_encode_vector(c, out, type, value);
  case CQL_TYPE_SET: return cqlpy_encode_set(c, out, type, value);
  case CQL_TYPE_MAP: return cqlpy_encode_map(c, out, type, value);
  case CQL_TYPE_TUPLE: return cqlpy_encode_tuple(c, out, type, value);
  case CQL_TYPE_UDT: return cqlpy_encode_udt(c, out, type, value);
  }
  return cqlpy_refuse(c, "the type number %d is unknown", (int)type->code);
}

int cqlpy_encode_element(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  if (value == c->state->unset) return cqlpy_refuse(c, "UNSET stands for a whole value, not for a part of one");
  cql_buf_u32(out, UINT32_MAX); /* -1: null */
  if (value == Py_None) return 0;
  size_t start = out->len;
  if (cqlpy_encode(c, out, type, value) < 0) return -1;
  if (out->st != CQL_OK) return 0; /* the sticky failure is reported for the whole value */
  size_t len = out->len - start;
  if (len > CQL_VALUE_LEN_MAX) return cqlpy_refuse(c, "a value has at most %zu bytes", CQL_VALUE_LEN_MAX);
  cql_store_u32(out->data + start - 4, (uint32_t)len);
  return 0;
}

/* --- errors ------------------------------------------------------------------------------------------------------- */

int cqlpy_refuse(const cqlpy_context *c, const char *format, ...) {
  va_list args;
  va_start(args, format);
  PyObject *message = PyUnicode_FromFormatV(format, args);
  va_end(args);
  if (message == NULL) return -1;
  cqlpy_raise(c->state, CQLPY_DataError, CQL_OK, "%s: %U", c->column, message);
  Py_DECREF(message);
  return -1;
}

int cqlpy_refuse_type(const cqlpy_context *c, const cql_type *type, const char *expected, PyObject *value) {
  PyObject *text = cqlpy_type_text(type);
  if (text == NULL) return -1;
  int rc = cqlpy_refuse(c, "the type %U takes %s, not %.200s", text, expected, Py_TYPE(value)->tp_name);
  Py_DECREF(text);
  return rc;
}

PyObject *cqlpy_bad_bytes(const cqlpy_context *c, const cqlpy_decoder *d) {
  PyObject *text = cqlpy_type_text(d->type);
  if (text == NULL) return NULL;
  cqlpy_raise(c->state, CQLPY_InternalError, CQL_MALFORMED, "%s: the bytes are no value of the type %U", c->column,
              text);
  Py_DECREF(text);
  return NULL;
}
