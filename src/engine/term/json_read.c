/* json_read.c: JSON into values of a type, and into the row of INSERT JSON. Cassandra: the fromJSONObject() of
 * db/marshal's types, cql3/terms/Json.parseJson(). Numbers are what Jackson makes of them: with a point or an exponent
 * a double, without an int, a long or a BigInteger by their size, and each type takes some of these.
 */
#include "engine/term/json.h"

#include <string.h>

#include "engine/term/number.h"
#include "engine/term/term_int.h"

typedef struct decoder {
  cql_arena *a;
  bool bare;
  cql_error *err;
} decoder;

static cql_status out_of_memory(decoder *d) {
  return cql_fail(d->err, CQL_NOMEM, "Out of memory");
}

/* --- what Java would see ------------------------------------------------------------------------------------------ */

static bool load_long(cql_slice text, int64_t *out) {
  bool negative = text.len > 0 && text.data[0] == '-';
  uint64_t limit = (uint64_t)INT64_MAX + negative, v = 0;
  for (size_t i = negative; i < text.len; i++) {
    uint64_t digit = (uint64_t)(text.data[i] - '0');
    if (v > (limit - digit) / 10) return false;
    v = v * 10 + digit;
  }
  *out = negative ? (int64_t)(0 - v) : (int64_t)v;
  return true;
}

static const char *class_of(const cqle_json *v) {
  int64_t whole;
  switch (v->kind) {
  case CQLE_JSON_NULL: return "null";
  case CQLE_JSON_BOOLEAN: return "Boolean";
  case CQLE_JSON_INTEGER:
    if (!load_long(v->text, &whole)) return "BigInteger";
    return whole >= INT32_MIN && whole <= INT32_MAX ? "Integer" : "Long";
  case CQLE_JSON_FLOAT: return "Double";
  case CQLE_JSON_STRING: return "String";
  case CQLE_JSON_ARRAY: return "ArrayList";
  case CQLE_JSON_OBJECT: return "LinkedHashMap";
  }
  return "?";
}

static void print_double(cql_buf *b, cql_slice text) {
  cql_arena scratch;
  cql_slice bytes;
  cql_arena_init(&scratch, b->alloc, CQL_ARENA_LIMIT_DEFAULT);
  const cql_type *type = cql_type_native(CQL_TYPE_DOUBLE);
  cql_status st = cql_literal_encode(&scratch, CQL_LITERAL_FLOAT, text, type, &bytes, NULL);
  if (st == CQL_OK)
    cql_value_print(b, type, bytes);
  else if (b->st == CQL_OK)
    b->st = st;
  cql_arena_free(&scratch);
}

void cqle_json_print_java(cql_buf *b, const cqle_json *v) {
  bool is_object = v->kind == CQLE_JSON_OBJECT;
  switch (v->kind) {
  case CQLE_JSON_NULL: cql_buf_str(b, "null"); return;
  case CQLE_JSON_INTEGER:
    if (v->text.len == 2 && v->text.data[0] == '-' && v->text.data[1] == '0')
      cql_buf_str(b, "0");
    else
      cql_buf_slice(b, v->text);
    return;
  case CQLE_JSON_FLOAT: print_double(b, v->text); return;
  case CQLE_JSON_BOOLEAN:
  case CQLE_JSON_STRING: cql_buf_slice(b, v->text); return;
  case CQLE_JSON_ARRAY:
  case CQLE_JSON_OBJECT:
    cql_buf_u8(b, is_object ? '{' : '[');
    for (uint32_t i = 0; i < v->count && b->st == CQL_OK; i++) {
      if (i > 0) cql_buf_str(b, ", ");
      if (is_object) cql_buf_slice(b, v->names[i]);
      if (is_object) cql_buf_u8(b, '=');
      cqle_json_print_java(b, &v->items[i]);
    }
    cql_buf_u8(b, is_object ? '}' : ']');
  }
}

/* Its text, cut where an error would be cut anyway when cut is set. data NULL: out of memory. */
static cql_slice java_text(decoder *d, const cqle_json *v, bool cut) {
  cql_buf b;
  cql_slice out = {NULL, 0};
  cql_buf_init(&b, d->a->alloc, cut ? CQL_ERROR_MESSAGE_LEN : CQL_VALUE_LEN_MAX);
  cqle_json_print_java(&b, v);
  bool whole = b.st == CQL_OK || (cut && b.st == CQL_LIMIT);
  cql_slice text = b.len > 0 ? cql_buf_view(&b) : CQL_SLICE_LITERAL("");
  if (whole && cql_arena_slice(d->a, text, &out) != CQL_OK) out = (cql_slice){NULL, 0};
  cql_buf_free(&b);
  return out;
}

static cql_status unexpected(decoder *d, const cqle_json *v, const char *wanted) {
  cql_slice text = java_text(d, v, true);
  if (text.data == NULL) return out_of_memory(d);
  return cql_fail(d->err, CQL_INVALID, "Expected %s, but got a %s: " CQL_SLICE_FMT, wanted, class_of(v),
                  CQL_SLICE_ARG(text));
}

/* --- native types ------------------------------------------------------------------------------------------------- */

static cql_status from_text(decoder *d, const cql_type *type, cql_slice text, cql_slice *out) {
  return cql_literal_encode(d->a, CQL_LITERAL_STRING, text, type, out, d->err);
}

static cql_status read_string(decoder *d, const cql_type *type, const cqle_json *v, const char *wanted,
                              cql_slice *out) {
  return v->kind == CQLE_JSON_STRING ? from_text(d, type, v->text, out) : unexpected(d, v, wanted);
}

static cql_status read_whole(decoder *d, const cql_type *type, const cqle_json *v, const char *wanted, cql_slice *out) {
  int64_t whole;
  bool wide = type->code != CQL_TYPE_INT;
  if (v->kind == CQLE_JSON_STRING) return from_text(d, type, v->text, out);
  if (v->kind != CQLE_JSON_INTEGER || !load_long(v->text, &whole)) return unexpected(d, v, wanted);
  if (!wide && (whole < INT32_MIN || whole > INT32_MAX)) return unexpected(d, v, wanted);
  return from_text(d, type, v->text, out);
}

/* The types that read whatever it is by its text. */
static cql_status read_by_text(decoder *d, const cql_type *type, const cqle_json *v, cql_slice *out) {
  cql_slice text = v->kind == CQLE_JSON_STRING ? v->text : java_text(d, v, false);
  if (text.data == NULL) return out_of_memory(d);
  bool is_small = type->code == CQL_TYPE_SMALLINT || type->code == CQL_TYPE_TINYINT;
  if (is_small) return from_text(d, type, text, out);
  bool empty = type->code == CQL_TYPE_VARINT && text.len == 0; /* not a value here, as it is elsewhere */
  cql_status st = empty ? CQL_INVALID : cql_literal_encode(d->a, CQL_LITERAL_STRING, text, type, out, NULL);
  if (st == CQL_OK || st == CQL_NOMEM) return st == CQL_OK ? st : out_of_memory(d);
  return cql_fail(d->err, CQL_INVALID, "Value '" CQL_SLICE_FMT "' is not a valid representation of a %s value",
                  CQL_SLICE_ARG(text), type->code == CQL_TYPE_VARINT ? "varint" : "decimal");
}

/* Java knows NaN and Infinity in this spelling alone; CQL in any. */
static bool is_java_number(cql_slice text) {
  bool sign = text.len > 0 && (text.data[0] == '-' || text.data[0] == '+');
  cql_slice word = sign ? cql_slice_of(text.data + 1, text.len - 1) : text;
  bool special = cql_slice_eq_nocase(word, "nan") || cql_slice_eq_nocase(word, "infinity");
  return !special || cql_slice_eq_str(word, "NaN") || cql_slice_eq_str(word, "Infinity");
}

/* A double becomes a float by way of itself, rounded twice; a whole number at once. */
static cql_status read_float(decoder *d, const cql_type *type, const cqle_json *v, const char *wanted, cql_slice *out) {
  double wide;
  cql_status st;
  bool is_number = v->kind == CQLE_JSON_INTEGER || v->kind == CQLE_JSON_FLOAT;
  if (!is_number && v->kind != CQLE_JSON_STRING) return unexpected(d, v, wanted);
  if (v->kind == CQLE_JSON_STRING && !is_java_number(v->text))
    return cql_fail(d->err, CQL_INVALID, "Unable to make %s from '" CQL_SLICE_FMT "'",
                    type->code == CQL_TYPE_DOUBLE ? "double" : "float", CQL_SLICE_ARG(v->text));
  if (v->kind != CQLE_JSON_FLOAT || type->code == CQL_TYPE_DOUBLE) return from_text(d, type, v->text, out);
  st = from_text(d, cql_type_native(CQL_TYPE_DOUBLE), v->text, out);
  if (st != CQL_OK) return st;
  cqle_load_float(CQL_TYPE_DOUBLE, *out, &wide);
  float narrow = (float)wide;
  uint32_t bits;
  memcpy(&bits, &narrow, sizeof bits);
  uint8_t bytes[4];
  cql_store_u32(bytes, bits);
  return cql_arena_slice(d->a, cql_slice_of(bytes, sizeof bytes), out) == CQL_OK ? CQL_OK : out_of_memory(d);
}

static cql_status read_boolean(decoder *d, const cql_type *type, const cqle_json *v, cql_slice *out) {
  if (v->kind == CQLE_JSON_BOOLEAN || v->kind == CQLE_JSON_STRING) return from_text(d, type, v->text, out);
  return unexpected(d, v, "a boolean value");
}

static cql_status read_blob(decoder *d, const cql_type *type, const cqle_json *v, cql_slice *out) {
  const char *why = "it is no string";
  cql_slice text = v->kind == CQLE_JSON_STRING ? v->text : java_text(d, v, true);
  if (text.data == NULL) return out_of_memory(d);
  if (v->kind == CQLE_JSON_STRING) {
    why = cql_arena_printf(d->a, "String representation of blob is missing 0x prefix: " CQL_SLICE_FMT,
                           CQL_SLICE_ARG(text));
    if (text.len >= 2 && text.data[0] == '0' && text.data[1] == 'x') {
      cql_status st = cql_literal_encode(d->a, CQL_LITERAL_HEX, text, type, out, NULL);
      if (st == CQL_OK || st == CQL_NOMEM) return st == CQL_OK ? st : out_of_memory(d);
      cql_slice hex = cql_slice_of(text.data + 2, text.len - 2);
      why = cql_arena_printf(d->a, "cannot parse '" CQL_SLICE_FMT "' as hex bytes", CQL_SLICE_ARG(hex));
    }
  }
  if (why == NULL) return out_of_memory(d);
  return cql_fail(d->err, CQL_INVALID, "Value '" CQL_SLICE_FMT "' is not a valid blob representation: %s",
                  CQL_SLICE_ARG(text), why);
}

/* Milliseconds only where Jackson makes a long of them: 5 is an int, and refused. */
static cql_status read_timestamp(decoder *d, const cql_type *type, const cqle_json *v, cql_slice *out) {
  if (v->kind == CQLE_JSON_STRING) return from_text(d, type, v->text, out);
  if (strcmp(class_of(v), "Long") != 0)
    return unexpected(d, v, "a long or a datestring representation of a timestamp value");
  return from_text(d, cql_type_native(CQL_TYPE_BIGINT), v->text, out);
}

static cql_status read_duration(decoder *d, const cql_type *type, const cqle_json *v, cql_slice *out) {
  if (v->kind != CQLE_JSON_STRING) return unexpected(d, v, "a string representation of a duration");
  cql_status st = from_text(d, type, v->text, out);
  d->bare = st != CQL_OK;
  return st;
}

/* --- collections and their like ----------------------------------------------------------------------------------- */

static cql_status read(decoder *d, const cql_type *type, const cqle_json *v, cql_slice *out);

/* Collections and tuples may come as JSON within a string: keys of maps have no other form. */
static cql_status open_string(decoder *d, const cqle_json **v) {
  cqle_json *inside;
  cql_error why;
  if ((*v)->kind != CQLE_JSON_STRING) return CQL_OK;
  inside = cql_arena_get(d->a, sizeof *inside);
  if (inside == NULL) return out_of_memory(d);
  cql_status st = cqle_json_parse(d->a, (*v)->text, inside, &why);
  *v = inside;
  if (st == CQL_OK || st == CQL_NOMEM) return st == CQL_OK ? st : out_of_memory(d);
  return cql_fail(d->err, CQL_INVALID, "Error decoding JSON string: %s", why.message);
}

static cql_status pack(decoder *d, cqle_expr_kind kind, const cql_type *type, cql_slice *items, uint32_t count,
                       cql_slice *out) {
  cqle_expr shape = {.kind = kind, .type = type, .name = "JSON", .count = count};
  return cqle_expr_pack(d->a, &shape, items, out, d->err);
}

typedef struct words {
  cqle_expr_kind kind;
  const char *wanted, *name;
} words;

static cql_status read_items(decoder *d, const cql_type *type, const cqle_json *v, const words *w, cql_slice *out) {
  cql_status st = open_string(d, &v);
  if (st != CQL_OK) return st;
  if (v->kind != CQLE_JSON_ARRAY) return unexpected(d, v, w->wanted);
  if (type->code == CQL_TYPE_VECTOR && v->count != type->dimension) {
    cql_slice text = java_text(d, v, true);
    if (text.data == NULL) return out_of_memory(d);
    return cql_fail(d->err, CQL_INVALID, "List had incorrect size: expected %u but given %u; " CQL_SLICE_FMT,
                    type->dimension, v->count, CQL_SLICE_ARG(text));
  }
  cql_slice *items = cql_arena_array(d->a, v->count, sizeof *items);
  if (items == NULL) return out_of_memory(d);
  for (uint32_t i = 0; i < v->count; i++) {
    if (v->items[i].kind == CQLE_JSON_NULL) return cql_fail(d->err, CQL_INVALID, "Invalid null element in %s", w->name);
    st = read(d, type->args[0], &v->items[i], &items[i]);
    if (st != CQL_OK) return st;
  }
  return pack(d, w->kind, type, items, v->count, out);
}

static cql_status read_map(decoder *d, const cql_type *type, const cqle_json *v, cql_slice *out) {
  cql_status st = open_string(d, &v);
  if (st != CQL_OK) return st;
  if (v->kind != CQLE_JSON_OBJECT) return unexpected(d, v, "a map");
  cql_slice *items = cql_arena_array(d->a, (size_t)v->count * 2, sizeof *items);
  if (items == NULL) return out_of_memory(d);
  for (uint32_t i = 0; i < v->count && st == CQL_OK; i++) {
    cqle_json key = {.kind = CQLE_JSON_STRING, .text = v->names[i]};
    if (v->items[i].kind == CQLE_JSON_NULL) return cql_fail(d->err, CQL_INVALID, "Invalid null value in map");
    st = read(d, type->args[0], &key, &items[(size_t)i * 2]);
    if (st == CQL_OK) st = read(d, type->args[1], &v->items[i], &items[(size_t)i * 2 + 1]);
  }
  return st == CQL_OK ? pack(d, CQLE_EXPR_MAP, type, items, v->count * 2, out) : st;
}

static cql_status read_tuple(decoder *d, const cql_type *type, const cqle_json *v, cql_slice *out) {
  cql_status st = open_string(d, &v);
  if (st != CQL_OK) return st;
  if (v->kind != CQLE_JSON_ARRAY) return unexpected(d, v, "a list representation of a tuple");
  if (v->count != type->arg_count) {
    cql_slice text = java_text(d, v, true);
    if (text.data == NULL) return out_of_memory(d);
    return cql_fail(d->err, CQL_INVALID, "Tuple %s items (expected %u): " CQL_SLICE_FMT,
                    v->count > type->arg_count ? "contains extra" : "is missing", type->arg_count, CQL_SLICE_ARG(text));
  }
  cql_slice *items = cql_arena_array(d->a, v->count, sizeof *items);
  if (items == NULL) return out_of_memory(d);
  for (uint32_t i = 0; i < v->count && st == CQL_OK; i++) st = read(d, type->args[i], &v->items[i], &items[i]);
  return st == CQL_OK ? pack(d, CQLE_EXPR_TUPLE, type, items, v->count, out) : st;
}

static uint32_t field_of(const cql_type *type, cql_slice name) {
  uint32_t i = 0;
  while (i < type->arg_count && !cql_slice_eq(type->field_names[i], name)) i++;
  return i;
}

static cql_status read_udt(decoder *d, const cql_type *type, const cqle_json *v, cql_slice *out) {
  cql_status st = open_string(d, &v);
  if (st != CQL_OK) return st;
  if (v->kind != CQLE_JSON_OBJECT) return unexpected(d, v, "a map");
  cqle_json object = *v;
  cql_slice *items = cql_arena_zero(d->a, (type->arg_count + (size_t)1) * sizeof *items);
  object.names = cql_arena_copy(d->a, v->names, v->count * sizeof *v->names);
  object.items = cql_arena_copy(d->a, v->items, v->count * sizeof *v->items);
  if (items == NULL || object.names == NULL || object.items == NULL) return out_of_memory(d);
  if (cqle_json_fold_names(d->a, &object) != CQL_OK) return out_of_memory(d);
  for (uint32_t i = 0; i < type->arg_count; i++)
    for (uint32_t k = 0; k < object.count; k++)
      if (cql_slice_eq(object.names[k], type->field_names[i])) {
        st = read(d, type->args[i], &object.items[k], &items[i]);
        if (st != CQL_OK) return st;
      }
  for (uint32_t k = 0; k < object.count; k++)
    if (field_of(type, object.names[k]) == type->arg_count)
      return cql_fail(d->err, CQL_INVALID,
                      "Unknown field '" CQL_SLICE_FMT "' in value of user defined type " CQL_SLICE_FMT,
                      CQL_SLICE_ARG(object.names[k]), CQL_SLICE_ARG(type->name));
  return pack(d, CQLE_EXPR_TUPLE, type, items, type->arg_count, out);
}

/* --- any type ----------------------------------------------------------------------------------------------------- */

static cql_status read(decoder *d, const cql_type *type, const cqle_json *v, cql_slice *out) {
  static const words list = {CQLE_EXPR_LIST, "a list", "list"}, vector = {CQLE_EXPR_VECTOR, "a list", "list"};
  static const words set = {CQLE_EXPR_SET, "a list (representing a set)", "set"};
  *out = (cql_slice){NULL, 0};
  if (v->kind == CQLE_JSON_NULL) return CQL_OK;
  switch (type->code) {
  case CQL_TYPE_ASCII: return read_string(d, type, v, "an ascii string", out);
  case CQL_TYPE_TEXT: return read_string(d, type, v, "a UTF-8 string", out);
  case CQL_TYPE_INET: return read_string(d, type, v, "a string representation of an inet value", out);
  case CQL_TYPE_TIME: return read_string(d, type, v, "a string representation of a time value", out);
  case CQL_TYPE_DATE: return read_string(d, type, v, "a string representation of a date value", out);
  case CQL_TYPE_UUID: return read_string(d, type, v, "a string representation of a uuid", out);
  case CQL_TYPE_TIMEUUID: return read_string(d, type, v, "a string representation of a timeuuid", out);
  case CQL_TYPE_INT: return read_whole(d, type, v, "an int value", out);
  case CQL_TYPE_BIGINT:
  case CQL_TYPE_COUNTER: return read_whole(d, type, v, "a bigint value", out);
  case CQL_TYPE_SMALLINT:
  case CQL_TYPE_TINYINT:
  case CQL_TYPE_VARINT:
  case CQL_TYPE_DECIMAL: return read_by_text(d, type, v, out);
  case CQL_TYPE_DOUBLE: return read_float(d, type, v, "a double value", out);
  case CQL_TYPE_FLOAT: return read_float(d, type, v, "a float value", out);
  case CQL_TYPE_BOOLEAN: return read_boolean(d, type, v, out);
  case CQL_TYPE_BLOB: return read_blob(d, type, v, out);
  case CQL_TYPE_TIMESTAMP: return read_timestamp(d, type, v, out);
  case CQL_TYPE_DURATION: return read_duration(d, type, v, out);
  case CQL_TYPE_LIST: return read_items(d, type, v, &list, out);
  case CQL_TYPE_VECTOR: return read_items(d, type, v, &vector, out);
  case CQL_TYPE_SET: return read_items(d, type, v, &set, out);
  case CQL_TYPE_MAP: return read_map(d, type, v, out);
  case CQL_TYPE_TUPLE: return read_tuple(d, type, v, out);
  case CQL_TYPE_UDT: return read_udt(d, type, v, out);
  case CQL_TYPE_CUSTOM: break;
  }
  return cql_fail(d->err, CQL_INVALID, "JSON cannot hold a value of a custom type");
}

cql_status cqle_json_read(cql_arena *a, const cql_type *type, const cqle_json *v, cql_slice *out, bool *bare,
                          cql_error *err) {
  decoder d = {a, false, err};
  cql_status st = read(&d, type, v, out);
  if (bare != NULL) *bare = d.bare;
  return st;
}

/* --- INSERT JSON -------------------------------------------------------------------------------------------------- */

static cql_status read_column(cql_arena *a, const cqle_column *c, const cqle_json *v, cql_value *out, cql_error *err) {
  cql_slice bytes;
  cql_error why;
  bool bare;
  cql_status st = cqle_json_read(a, c->type, v, &bytes, &bare, &why);
  if (st == CQL_OK) *out = (cql_value){bytes.data, bytes.data == NULL ? CQL_NULL : (int32_t)bytes.len};
  if (st != CQL_INVALID) return st == CQL_OK ? st : cql_fail(err, st, "%s", why.message);
  if (bare) return cql_fail(err, st, "%s", why.message);
  return cql_fail(err, st, "Error decoding JSON value for %s: %s", c->name, why.message);
}

static cql_status parse_row(cql_arena *a, cql_slice text, cqle_json *out, cql_error *err) {
  cql_error why;
  cql_status st = cqle_json_parse(a, text, out, &why);
  if (st == CQL_NOMEM) return cql_fail(err, st, "Out of memory");
  if (st == CQL_OK && out->kind == CQLE_JSON_NULL) return cql_fail(err, CQL_INVALID, "Got null for INSERT JSON values");
  if (st == CQL_OK && out->kind == CQLE_JSON_OBJECT) {
    st = cqle_json_fold_names(a, out);
    return st == CQL_OK ? st : cql_fail(err, st, "Out of memory");
  }
  return cql_fail(err, CQL_INVALID, "Could not decode JSON string as a map: %s. (String was: " CQL_SLICE_FMT ")",
                  st == CQL_OK ? "it is no object" : why.message, CQL_SLICE_ARG(text));
}

cql_status cqle_json_read_row(cql_arena *a, const cqle_table *t, cql_slice text, int32_t missing, cql_value *out,
                              cql_error *err) {
  cqle_json row;
  cql_status st = parse_row(a, text, &row, err);
  if (st != CQL_OK) return st;
  for (uint32_t c = 0; c < t->column_count; c++) out[c] = (cql_value){NULL, missing};
  const cql_slice *unknown = NULL;
  for (uint32_t i = 0; i < row.count; i++) {
    const cqle_column *c = cqle_table_column(t, row.names[i]);
    if (c == NULL && unknown == NULL) unknown = &row.names[i];
    if (c == NULL) continue;
    st = read_column(a, c, &row.items[i], &out[c - t->columns], err);
    if (st != CQL_OK) return st;
  }
  if (unknown == NULL) return CQL_OK;
  return cql_fail(err, CQL_INVALID, "JSON values map contains unrecognized column: " CQL_SLICE_FMT,
                  CQL_SLICE_ARG(*unknown));
}
