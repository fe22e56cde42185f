/* json.c: values as JSON text. Cassandra: the toJSONString() of db/marshal's types, cql3/Json.java. */
#include "engine/term/json.h"

#include <math.h>
#include <string.h>

#include "engine/term/function_int.h"
#include "engine/term/number.h"

static void put_escaped(cql_buf *b, const uint8_t *p, size_t len) {
  static const char letters[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
  for (size_t i = 0; i < len; i++) {
    uint8_t c = p[i];
    if (c == '"' || c == '\\') {
      cql_buf_u8(b, '\\');
      cql_buf_u8(b, c);
    } else if (c < sizeof letters && letters[c] != 0) {
      cql_buf_u8(b, '\\');
      cql_buf_u8(b, (uint8_t)letters[c]);
    } else if (c < 0x20)
      cql_buf_printf(b, "\\u%04X", c);
    else
      cql_buf_u8(b, c);
  }
}

static void put_string(cql_buf *b, const uint8_t *p, size_t len) {
  cql_buf_u8(b, '"');
  put_escaped(b, p, len);
  cql_buf_u8(b, '"');
}

static void put_name(cql_buf *b, cql_slice name) {
  bool upper = false;
  for (size_t i = 0; i < name.len; i++) upper |= name.data[i] >= 'A' && name.data[i] <= 'Z';
  cql_buf_u8(b, '"');
  if (upper) cql_buf_str(b, "\\\"");
  put_escaped(b, name.data, name.len);
  cql_buf_str(b, upper ? "\\\"\"" : "\"");
}

void cqle_json_put_name(cql_buf *b, const char *name) {
  put_name(b, cql_slice_str(name));
}

/* The text of a CQL literal, without the quotes that some types have there. */
static cql_status put_literal(cql_buf *b, const cql_type *type, cql_slice value, bool quoted) {
  cql_buf text;
  cql_buf_init(&text, b->alloc, b->limit);
  cql_value_print(&text, type, value);
  cql_slice s = cql_buf_view(&text);
  if (s.len >= 2 && s.data[0] == '\'') s = cql_slice_of(s.data + 1, s.len - 2);
  for (size_t i = 0; type->code == CQL_TYPE_TIMESTAMP && i < s.len; i++) /* JSON has a space where ISO 8601 has a T */
    if (s.data[i] == 'T') text.data[(size_t)(s.data - text.data) + i] = ' ';
  if (quoted)
    put_string(b, s.data, s.len);
  else
    cql_buf_slice(b, s);
  cql_status st = text.st;
  cql_buf_free(&text);
  return st;
}

static cql_status put_list(cql_buf *b, const cql_type *type, cql_slice value) {
  cql_elements e;
  cql_status st = cql_elements_open(&e, type, value);
  cql_buf_u8(b, '[');
  for (uint32_t i = 0; st == CQL_OK; i++) {
    cql_slice v;
    st = cql_elements_next(&e, &v);
    if (st != CQL_OK) break;
    if (i > 0) cql_buf_str(b, ", ");
    st = cqle_json_put(b, type->args[type->code == CQL_TYPE_TUPLE ? i : 0], v);
  }
  cql_buf_u8(b, ']');
  return st == CQL_DONE ? CQL_OK : st;
}

/* Keys are strings: what is no string by itself is quoted whole. */
static cql_status put_key(cql_buf *b, const cql_type *type, cql_slice value) {
  cql_buf key;
  cql_buf_init(&key, b->alloc, b->limit);
  cql_status st = cqle_json_put(&key, type, value);
  if (st == CQL_OK) st = key.st;
  if (st == CQL_OK && key.len > 0 && key.data[0] == '"')
    cql_buf_slice(b, cql_buf_view(&key));
  else if (st == CQL_OK)
    put_string(b, key.data, key.len);
  cql_buf_free(&key);
  return st;
}

static cql_status put_map(cql_buf *b, const cql_type *type, cql_slice value) {
  cql_elements e;
  cql_status st = cql_elements_open(&e, type, value);
  bool udt = type->code == CQL_TYPE_UDT;
  cql_buf_u8(b, '{');
  for (uint32_t i = 0; st == CQL_OK; i++) {
    cql_slice v;
    st = cql_elements_next(&e, &v);
    if (st != CQL_OK) break;
    if (i > 0) cql_buf_str(b, ", ");
    if (udt)
      put_name(b, type->field_names[i]);
    else if ((st = put_key(b, type->args[0], v)) == CQL_OK)
      st = cql_elements_next(&e, &v);
    cql_buf_str(b, ": ");
    if (st == CQL_OK) st = cqle_json_put(b, type->args[udt ? i : 1], v);
  }
  cql_buf_u8(b, '}');
  return st == CQL_DONE ? CQL_OK : st;
}

static cql_status put_float(cql_buf *b, const cql_type *type, cql_slice value) {
  double v;
  if (cqle_load_float(type->code, value, &v) && !isfinite(v)) {
    cql_buf_str(b, "null");
    return CQL_OK;
  }
  return put_literal(b, type, value, false);
}

cql_status cqle_json_put(cql_buf *b, const cql_type *type, cql_slice value) {
  if (value.data == NULL) {
    cql_buf_str(b, "null");
    return b->st;
  }
  switch (type->code) {
  case CQL_TYPE_ASCII:
  case CQL_TYPE_TEXT: put_string(b, value.data, value.len); return b->st;
  case CQL_TYPE_LIST:
  case CQL_TYPE_SET:
  case CQL_TYPE_VECTOR:
  case CQL_TYPE_TUPLE: return put_list(b, type, value);
  case CQL_TYPE_MAP:
  case CQL_TYPE_UDT: return put_map(b, type, value);
  default: break;
  }
  if (value.len == 0 && type->code != CQL_TYPE_BLOB) {
    cql_buf_str(b, "\"\"");
    return b->st;
  }
  if (type->code == CQL_TYPE_FLOAT || type->code == CQL_TYPE_DOUBLE) return put_float(b, type, value);
  return put_literal(b, type, value, !cqle_is_numeric(type->code) && type->code != CQL_TYPE_BOOLEAN);
}

/* An empty value of a type that is neither text nor bytes is null to a function. */
static bool is_null(const cql_type *type, cql_slice value) {
  if (value.data == NULL) return true;
  bool bytes = type->code == CQL_TYPE_ASCII || type->code == CQL_TYPE_TEXT || type->code == CQL_TYPE_BLOB;
  return value.len == 0 && !bytes && type->arg_count == 0;
}

/* --- to_json() ---------------------------------------------------------------------------------------------------- */

static cql_status to_json(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  cql_buf b;
  cql_buf_init(&b, x->engine->alloc, CQL_VALUE_LEN_MAX);
  cql_slice value = is_null(f->args[0], args[0]) ? (cql_slice){NULL, 0} : args[0];
  cql_status st = cqle_json_put(&b, f->args[0], value);
  if (st == CQL_OK) st = b.st;
  if (st == CQL_OK) st = cql_arena_slice(x->arena, cql_buf_view(&b), out);
  cql_buf_free(&b);
  return st;
}

/* --- from_json() -------------------------------------------------------------------------------------------------- */

/* What is wrong with the value is a failure of the function, not of the statement. */
static cql_status from_json(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  cqle_json v;
  cql_error why;
  bool bare;
  cql_status st = cqle_json_parse(x->arena, args[0], &v, &why);
  if (st == CQL_INVALID)
    return cql_fail(x->err, CQL_FUNCTION_FAILURE,
                    "execution of 'system.%s[text]' failed: Could not decode JSON string '" CQL_SLICE_FMT "': %s",
                    f->name, CQL_SLICE_ARG(args[0]), why.message);
  if (st == CQL_OK) st = cqle_json_read(x->arena, f->result, &v, out, &bare, &why);
  if (st == CQL_INVALID && !bare)
    return cql_fail(x->err, CQL_FUNCTION_FAILURE, "org.apache.cassandra.serializers.MarshalException: %s", why.message);
  if (st != CQL_OK) return cql_fail(x->err, st, "%s", why.message);
  if (out->data == NULL || cql_value_validate(f->result, *out, &why) == CQL_OK) return CQL_OK;
  return cql_fail(x->err, CQL_INVALID, "Return of function system.%s is not a valid value of type %s: %s", f->name,
                  cqle_type_text(x->arena, f->result), why.message);
}

cql_status cqle_json_not_selected(const char *name, cql_error *err) {
  return cql_fail(err, CQL_INVALID, "%s() cannot be used in the selection clause of a SELECT statement", name);
}

static cql_status resolve_from_json(const cqle_lookup *l, const cqle_function **out) {
  const cql_type *text = cql_type_native(CQL_TYPE_TEXT);
  if (l->receiver == NULL) return cqle_json_not_selected(l->name, l->err);
  if (l->count != 1)
    return cql_fail(l->err, CQL_INVALID, "Invalid number of arguments for function system.%s(text)", l->name);
  if (l->args[0] != NULL && !cql_type_is_value_compatible(text, l->args[0]))
    return cql_fail(l->err, CQL_INVALID,
                    "Function system.%s requires an argument of type text, but found argument %s of type %s", l->name,
                    cqle_argument_text(l, 0), cqle_type_text(l->a, l->args[0]));
  cqle_function *f = cqle_function_new(l->a, l->name, 1, &text, l->receiver);
  if (f == NULL) return CQL_NOMEM;
  f->call = from_json;
  f->not_selected = true;
  *out = f;
  return CQL_OK;
}

cql_status cqle_resolve_json(const cqle_lookup *l, const cqle_function **out) {
  if (strcmp(l->name, "from_json") == 0 || strcmp(l->name, "fromjson") == 0) return resolve_from_json(l, out);
  if (strcmp(l->name, "to_json") != 0 && strcmp(l->name, "tojson") != 0) return CQL_DONE;
  if (l->count != 1) return cql_fail(l->err, CQL_INVALID, "%s() accepts one argument only", l->name);
  if (l->args[0] == NULL)
    return cql_fail(
        l->err, CQL_INVALID,
        "Cannot infer type of argument %s in call to function system.%s(any): use type casts to disambiguate",
        cqle_argument_text(l, 0), l->name);
  cqle_function *f = cqle_function_new(l->a, l->name, 1, l->args, cql_type_native(CQL_TYPE_TEXT));
  if (f == NULL) return CQL_NOMEM;
  f->call = to_json;
  f->takes_null = true;
  *out = f;
  return CQL_OK;
}
