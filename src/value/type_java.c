/* type_java.c: "org.apache.cassandra.db.marshal.ListType(org.apache.cassandra.db.marshal.Int32Type)" to a type. */
#include "value/value_int.h"

#include <string.h>

#define JAVA_PACKAGE "org.apache.cassandra.db.marshal."

typedef struct parser {
  cql_arena *a;
  cql_slice text;
  size_t at;
  cql_error *err;
  uint32_t outside, depth;    /* levels around the class, and with those within it */
  bool in_frozen, same_level; /* as in type_parse.c */
  bool reversed;
} parser;

static cql_status parse_type(parser *p, const cql_type **out);

static cql_status fail_syntax(parser *p, const char *wanted) {
  return cql_fail(p->err, CQL_SYNTAX, "Syntax error parsing '" CQL_SLICE_FMT "' at char %zu: expected %s",
                  CQL_SLICE_ARG(p->text), p->at, wanted);
}

static cql_status fail_memory(parser *p) {
  return cql_fail(p->err, CQL_NOMEM, "out of memory");
}

static bool take(parser *p, char c) {
  while (p->at < p->text.len && p->text.data[p->at] == ' ') p->at++;
  if (p->at == p->text.len || p->text.data[p->at] != (uint8_t)c) return false;
  p->at++;
  return true;
}

static cql_status need(parser *p, char c) {
  char wanted[] = {'\'', c, '\'', '\0'};
  return take(p, c) ? CQL_OK : fail_syntax(p, wanted);
}

/* TypeParser.isIdentifierChar() */
static bool is_word(uint8_t c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c != '\0' && strchr("-+._&", c) != NULL);
}

static cql_slice take_word(parser *p) {
  while (p->at < p->text.len && p->text.data[p->at] == ' ') p->at++;
  size_t from = p->at;
  while (p->at < p->text.len && is_word(p->text.data[p->at])) p->at++;
  return cql_slice_of(p->text.data + from, p->at - from);
}

static cql_slice without_package(cql_slice name) {
  size_t n = sizeof JAVA_PACKAGE - 1;
  if (name.len > n && memcmp(name.data, JAVA_PACKAGE, n) == 0) return cql_slice_of(name.data + n, name.len - n);
  return name;
}

static cql_status unhex(parser *p, cql_slice hex, cql_slice *out) {
  uint8_t *bytes = cql_arena_get(p->a, hex.len / 2);
  if (bytes == NULL) return fail_memory(p);
  if (!cqlv_hex_parse(hex, bytes)) return fail_syntax(p, "hex digits");
  *out = cql_slice_of(bytes, hex.len / 2);
  return CQL_OK;
}

static cql_status parse_list(parser *p, const cql_type **args, uint32_t max, uint32_t *count) {
  cql_status st;
  *count = 0;
  CQL_TRY(need(p, '('));
  do {
    if (*count == max) return cql_fail(p->err, CQL_LIMIT, "Too many type parameters: at most %u", max);
    CQL_TRY(parse_type(p, &args[(*count)++]));
  } while (take(p, ','));
  CQL_TRY(need(p, ')'));
done:
  return st;
}

static cql_status parse_fixed(parser *p, cql_type_code code, uint32_t want, const cql_type **out) {
  const cql_type *args[2];
  uint32_t count;
  cql_status st;
  CQL_TRY(parse_list(p, args, 2, &count));
  if (count != want) return fail_syntax(p, want == 1 ? "one type parameter" : "two type parameters");
  if ((*out = cqlv_type_new(p->a, code, count, args)) == NULL) st = fail_memory(p);
done:
  return st;
}

/* The most parameters that the parentheses at hand can hold: memory follows the text, not the limit. */
static uint32_t count_args(const parser *p) {
  uint32_t open = 0, count = 1;
  for (size_t at = p->at; at < p->text.len && count < CQL_TYPE_ARGS_MAX; at++) {
    uint8_t c = p->text.data[at];
    if (c == ',' && open == 1) count++;
    if (c == '(') open++;
    if (c == ')' && --open == 0) break;
  }
  return count;
}

static cql_status parse_tuple(parser *p, const cql_type **out) {
  uint32_t max = count_args(p), count;
  const cql_type **args = cql_arena_array(p->a, max, sizeof *args);
  cql_status st;
  if (args == NULL) return fail_memory(p);
  CQL_TRY(parse_list(p, args, max, &count));
  const cql_type *tuple = cql_type_tuple(p->a, args, count);
  if (tuple == NULL || (*out = cql_type_freeze(p->a, tuple)) == NULL) st = fail_memory(p);
done:
  return st;
}

/* UserType(keyspace,hex name,hex field:type,…) */
static cql_status parse_udt(parser *p, const cql_type **out) {
  uint32_t max = count_args(p);
  const cql_type **args = cql_arena_array(p->a, max, sizeof *args);
  cql_slice *fields = cql_arena_array(p->a, max, sizeof *fields);
  cql_slice keyspace, name;
  uint32_t count = 0;
  cql_status st;
  if (args == NULL || fields == NULL) return fail_memory(p);
  CQL_TRY(need(p, '('));
  CQL_TRY(cql_arena_slice(p->a, take_word(p), &keyspace));
  CQL_TRY(need(p, ','));
  CQL_TRY(unhex(p, take_word(p), &name));
  while (take(p, ',')) {
    if (count == max) return cql_fail(p->err, CQL_LIMIT, "A user type may have at most %d fields", CQL_TYPE_ARGS_MAX);
    CQL_TRY(unhex(p, take_word(p), &fields[count]));
    CQL_TRY(need(p, ':'));
    CQL_TRY(parse_type(p, &args[count++]));
  }
  CQL_TRY(need(p, ')'));
  cql_type *type = cqlv_type_new(p->a, CQL_TYPE_UDT, count, args);
  if (type == NULL) return fail_memory(p);
  type->keyspace = keyspace;
  type->name = name;
  type->field_names = fields;
  *out = type;
done:
  return st;
}

static cql_status parse_vector(parser *p, const cql_type **out) {
  const cql_type *element;
  int64_t dimension;
  cql_status st;
  CQL_TRY(need(p, '('));
  CQL_TRY(parse_type(p, &element));
  CQL_TRY(need(p, ','));
  if (!cqlv_int64_parse(take_word(p), &dimension) || dimension < 1 || dimension > CQL_VECTOR_DIMENSION_MAX)
    return fail_syntax(p, "a dimension");
  CQL_TRY(need(p, ')'));
  element = cql_type_freeze(p->a, element);
  if (element == NULL || (*out = cql_type_vector(p->a, element, (uint32_t)dimension)) == NULL) st = fail_memory(p);
done:
  return st;
}

/* FrozenType(…) and ReversedType(…): one parameter, and no type of their own. */
static cql_status parse_wrapper(parser *p, bool freeze, const cql_type **out) {
  cql_status st;
  CQL_TRY(need(p, '('));
  p->in_frozen = !p->same_level;
  CQL_TRY(parse_type(p, out));
  CQL_TRY(need(p, ')'));
  if (freeze && (*out = cql_type_freeze(p->a, *out)) == NULL) st = fail_memory(p);
done:
  return st;
}

/* A class that we do not know is kept whole, parameters included. */
static cql_status parse_custom(parser *p, size_t from, const cql_type **out) {
  uint32_t open = 0;
  size_t end = p->at;
  if (take(p, '(')) {
    for (open = 1; p->at < p->text.len && open > 0; p->at++) {
      if (p->text.data[p->at] == '(') open++;
      if (p->text.data[p->at] == ')') open--;
    }
    if (open > 0) return fail_syntax(p, "')'");
    end = p->at;
  }
  cql_type *type = cqlv_type_new(p->a, CQL_TYPE_CUSTOM, 0, NULL);
  if (type == NULL) return fail_memory(p);
  *out = type;
  return cql_arena_slice(p->a, cql_slice_of(p->text.data + from, end - from), &type->name);
}

static cql_status parse_class(parser *p, const cql_type **out) {
  size_t from = p->at;
  cql_slice full = take_word(p);
  cql_slice name = without_package(full);
  if (name.len == 0) return fail_syntax(p, "a class name");
  from = p->at - full.len;
  if (cql_slice_eq_str(name, "ListType")) return parse_fixed(p, CQL_TYPE_LIST, 1, out);
  if (cql_slice_eq_str(name, "SetType")) return parse_fixed(p, CQL_TYPE_SET, 1, out);
  if (cql_slice_eq_str(name, "MapType")) return parse_fixed(p, CQL_TYPE_MAP, 2, out);
  if (cql_slice_eq_str(name, "TupleType")) return parse_tuple(p, out);
  if (cql_slice_eq_str(name, "UserType")) return parse_udt(p, out);
  if (cql_slice_eq_str(name, "VectorType")) return parse_vector(p, out);
  if (cql_slice_eq_str(name, "FrozenType")) return parse_wrapper(p, true, out);
  if (cql_slice_eq_str(name, "ReversedType") && p->depth == p->outside + 1 && !p->same_level) {
    p->reversed = true;
    return parse_wrapper(p, false, out);
  }
  *out = cqlv_native_by_java(name);
  return *out != NULL ? CQL_OK : parse_custom(p, from, out);
}

static cql_status parse_type(parser *p, const cql_type **out) {
  uint32_t level = p->in_frozen ? 0 : 1;
  p->same_level = p->in_frozen;
  p->in_frozen = false;
  if (p->depth + level > CQL_TYPE_DEPTH_MAX)
    return cql_fail(p->err, CQL_LIMIT, "Types may be nested at most %d deep", CQL_TYPE_DEPTH_MAX);
  p->depth += level;
  cql_status st = parse_class(p, out);
  p->depth -= level;
  return st;
}

cql_status cql_type_parse_java(cql_arena *a, cql_slice text, const cql_type **out, bool *reversed, cql_error *err) {
  return cqlv_type_parse_java(a, text, 0, out, reversed, err);
}

cql_status cqlv_type_parse_java(cql_arena *a, cql_slice text, uint32_t outside, const cql_type **out, bool *reversed,
                                cql_error *err) {
  parser p = {.a = a, .text = text, .err = err, .outside = outside, .depth = outside};
  cql_status st;
  *out = NULL;
  CQL_TRY(parse_type(&p, out));
  while (p.at < text.len && text.data[p.at] == ' ') p.at++;
  if (p.at != text.len) st = fail_syntax(&p, "the end");
  if (reversed != NULL) *reversed = p.reversed;
done:
  if (st != CQL_OK) *out = NULL;
  return st;
}
