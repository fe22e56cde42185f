/* type_parse.c: "map<text, frozen<list<int>>>" to a type, with Cassandra's rules of what may hold what. */
#include "value/value_int.h"

#include <string.h>

typedef struct parser {
  cql_arena *a;
  cql_slice text;
  size_t at;
  const cql_type_resolver *resolver;
  cql_error *err;
  uint32_t depth;
  bool in_frozen;  /* frozen< was just read: what is in it is on the same level */
  bool same_level; /* the type that is being read is so; one more frozen< is then a level */
} parser;

/* What CQL wrote, before Cassandra's rules are applied: they read "frozen<>" around it. */
static cql_status parse_type(parser *p, bool inside_frozen, const cql_type **out);

static cql_status fail_syntax(parser *p, const char *wanted) {
  return cql_fail(p->err, CQL_SYNTAX, "Bad type \"" CQL_SLICE_FMT "\" at byte %zu: expected %s", CQL_SLICE_ARG(p->text),
                  p->at, wanted);
}

static void skip_space(parser *p) {
  while (p->at < p->text.len && strchr(" \t\r\n", p->text.data[p->at]) != NULL && p->text.data[p->at] != '\0') p->at++;
}

static bool take(parser *p, char c) {
  skip_space(p);
  if (p->at == p->text.len || p->text.data[p->at] != (uint8_t)c) return false;
  p->at++;
  return true;
}

static cql_status need(parser *p, char c) {
  char wanted[] = {'\'', c, '\'', '\0'};
  return take(p, c) ? CQL_OK : fail_syntax(p, wanted);
}

static bool is_word(uint8_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Text up to the closing quote, doubled quotes made single. */
static cql_status parse_quoted(parser *p, uint8_t quote, cql_slice *out) {
  uint8_t *copy = cql_arena_get(p->a, p->text.len - p->at + 1);
  size_t n = 0;
  if (copy == NULL) return cql_fail(p->err, CQL_NOMEM, "out of memory");
  for (; p->at < p->text.len; p->at++) {
    if (p->text.data[p->at] == quote) {
      p->at++;
      if (p->at == p->text.len || p->text.data[p->at] != quote) {
        *out = cql_slice_of(copy, n);
        return n > 0 ? CQL_OK : fail_syntax(p, "a name");
      }
    }
    copy[n++] = p->text.data[p->at];
  }
  return fail_syntax(p, "a closing quote");
}

/* A bare name in lower case, or a quoted one as it is. */
static cql_status parse_name(parser *p, cql_slice *out) {
  if (take(p, '"')) return parse_quoted(p, '"', out);
  skip_space(p);
  size_t from = p->at;
  while (p->at < p->text.len && is_word(p->text.data[p->at])) p->at++;
  size_t len = p->at - from;
  if (len == 0) return fail_syntax(p, "a type name");
  uint8_t *copy = cql_arena_copy(p->a, p->text.data + from, len);
  if (copy == NULL) return cql_fail(p->err, CQL_NOMEM, "out of memory");
  for (size_t i = 0; i < len; i++)
    if (copy[i] >= 'A' && copy[i] <= 'Z') copy[i] = (uint8_t)(copy[i] + ('a' - 'A'));
  *out = cql_slice_of(copy, len);
  return CQL_OK;
}

static cql_status fail_about(parser *p, const char *what, const cql_type *type) {
  char text[512];
  cql_type_to_cql(type, text, sizeof text);
  return cql_fail(p->err, CQL_INVALID, "%s: %s", what, text);
}

/* What is frozen from outside is shown so, as Cassandra shows it. */
static cql_status fail_frozen(parser *p, const char *what, const cql_type *type, bool inside_frozen) {
  const cql_type *shown = inside_frozen ? cql_type_freeze(p->a, type) : type;
  return shown == NULL ? cql_fail(p->err, CQL_NOMEM, "out of memory") : fail_about(p, what, shown);
}

static cql_status check_element(parser *p, const cql_type *collection, const cql_type *element, bool inside_frozen) {
  if (!inside_frozen && cql_type_is_multicell(element))
    return fail_about(p,
                      element->code == CQL_TYPE_UDT ? "Non-frozen UDTs are not allowed inside collections"
                                                    : "Non-frozen collections are not allowed inside collections",
                      collection);
  if (element->code == CQL_TYPE_COUNTER)
    return fail_frozen(p, "Counters are not allowed inside collections", collection, inside_frozen);
  return CQL_OK;
}

static cql_status check_collection(parser *p, const cql_type *type, bool inside_frozen) {
  cql_status st = CQL_OK;
  for (uint32_t i = type->arg_count; i-- > 0;) CQL_TRY(check_element(p, type, type->args[i], inside_frozen));
  if (type->code == CQL_TYPE_SET && type->args[0]->code == CQL_TYPE_DURATION)
    st = fail_frozen(p, "Durations are not allowed inside sets", type, inside_frozen);
  if (type->code == CQL_TYPE_MAP && type->args[0]->code == CQL_TYPE_DURATION)
    st = fail_frozen(p, "Durations are not allowed as map keys", type, inside_frozen);
done:
  return st;
}

static cql_status parse_collection(parser *p, cql_type_code code, bool inside_frozen, const cql_type **out) {
  const cql_type *args[2] = {NULL, NULL};
  uint32_t count = code == CQL_TYPE_MAP ? 2 : 1;
  cql_status st;
  CQL_TRY(need(p, '<'));
  CQL_TRY(parse_type(p, inside_frozen, &args[0]));
  if (count == 2) {
    CQL_TRY(need(p, ','));
    CQL_TRY(parse_type(p, inside_frozen, &args[1]));
  }
  CQL_TRY(need(p, '>'));
  cql_type *type = cqlv_type_new(p->a, code, count, args);
  if (type == NULL) return cql_fail(p->err, CQL_NOMEM, "out of memory");
  CQL_TRY(check_collection(p, type, inside_frozen));
  *out = type;
done:
  return st;
}

static cql_status parse_tuple(parser *p, const cql_type **out) {
  const cql_type **fields = cql_arena_array(p->a, CQL_TYPE_ARGS_MAX, sizeof *fields);
  uint32_t count = 0;
  cql_status st;
  if (fields == NULL) return cql_fail(p->err, CQL_NOMEM, "out of memory");
  CQL_TRY(need(p, '<'));
  do {
    if (count == CQL_TYPE_ARGS_MAX)
      return cql_fail(p->err, CQL_LIMIT, "A tuple may have at most %d fields", CQL_TYPE_ARGS_MAX);
    CQL_TRY(parse_type(p, true, &fields[count]));
    if (fields[count]->code == CQL_TYPE_COUNTER)
      return cql_fail(p->err, CQL_INVALID, "Counters are not allowed inside tuples");
    count++;
  } while (take(p, ','));
  CQL_TRY(need(p, '>'));
  const cql_type *tuple = cql_type_tuple(p->a, fields, count);
  *out = tuple == NULL ? NULL : cql_type_freeze(p->a, tuple);
  if (*out == NULL) st = cql_fail(p->err, CQL_NOMEM, "out of memory");
done:
  return st;
}

static cql_status parse_dimension(parser *p, uint32_t *out) {
  bool negative = take(p, '-');
  skip_space(p);
  size_t from = p->at;
  uint32_t n = 0;
  for (; p->at < p->text.len && p->text.data[p->at] >= '0' && p->text.data[p->at] <= '9'; p->at++)
    n = n > CQL_VECTOR_DIMENSION_MAX ? n : n * 10 + (p->text.data[p->at] - '0');
  if (p->at == from) return fail_syntax(p, "a dimension");
  if (negative || n == 0)
    return cql_fail(p->err, CQL_INVALID, "vectors may only have positive dimensions; given %s%u", negative ? "-" : "",
                    n);
  if (n > CQL_VECTOR_DIMENSION_MAX)
    return cql_fail(p->err, CQL_INVALID, "vectors may have at most %d dimensions", CQL_VECTOR_DIMENSION_MAX);
  *out = n;
  return CQL_OK;
}

static cql_status parse_vector(parser *p, const cql_type **out) {
  const cql_type *element;
  uint32_t dimension = 0;
  cql_status st;
  CQL_TRY(need(p, '<'));
  CQL_TRY(parse_type(p, true, &element));
  CQL_TRY(need(p, ','));
  CQL_TRY(parse_dimension(p, &dimension));
  CQL_TRY(need(p, '>'));
  if (element->code == CQL_TYPE_COUNTER)
    return cql_fail(p->err, CQL_INVALID, "Counters are not allowed inside vectors");
  if ((*out = cql_type_vector(p->a, element, dimension)) == NULL) st = cql_fail(p->err, CQL_NOMEM, "out of memory");
done:
  return st;
}

static cql_status parse_frozen(parser *p, const cql_type **out) {
  const cql_type *inner;
  cql_status st;
  CQL_TRY(need(p, '<'));
  p->in_frozen = !p->same_level;
  CQL_TRY(parse_type(p, true, &inner));
  CQL_TRY(need(p, '>'));
  if (cql_type_native(inner->code) != NULL || inner->code == CQL_TYPE_CUSTOM) {
    char text[512];
    cql_type_to_cql(inner, text, sizeof text);
    return cql_fail(p->err, CQL_SYNTAX,
                    "frozen<> is only allowed on collections, tuples, and user-defined types (got %s)", text);
  }
  if ((*out = cql_type_freeze(p->a, inner)) == NULL) st = cql_fail(p->err, CQL_NOMEM, "out of memory");
done:
  return st;
}

static cql_status fail_foreign(parser *p, cql_slice home, cql_slice keyspace) {
  return cql_fail(p->err, CQL_INVALID,
                  "Statement on keyspace " CQL_SLICE_FMT " cannot refer to a user type in keyspace " CQL_SLICE_FMT
                  "; user types can only be used in the keyspace they are defined in",
                  CQL_SLICE_ARG(home), CQL_SLICE_ARG(keyspace));
}

static cql_status parse_udt(parser *p, cql_slice name, const cql_type **out) {
  cql_slice home = p->resolver == NULL ? cql_slice_of(NULL, 0) : p->resolver->keyspace, keyspace = home;
  cql_status st = CQL_OK;
  if (take(p, '.')) {
    keyspace = name;
    CQL_TRY(parse_name(p, &name));
    if (home.len > 0 && !cql_slice_eq(home, keyspace)) return fail_foreign(p, home, keyspace);
  }
  *out = p->resolver == NULL ? NULL : p->resolver->find(p->resolver->user, keyspace, name);
  if (*out == NULL)
    st = cql_fail(p->err, CQL_INVALID, "Unknown type " CQL_SLICE_FMT "%s" CQL_SLICE_FMT, CQL_SLICE_ARG(keyspace),
                  keyspace.len > 0 ? "." : "", CQL_SLICE_ARG(name));
done:
  return st;
}

static bool next_is(parser *p, char c) {
  skip_space(p);
  return p->at < p->text.len && p->text.data[p->at] == (uint8_t)c;
}

/* list<…> and its like; their names without arguments may be those of user types. */
static cql_status parse_with_arguments(parser *p, cql_slice name, bool inside_frozen, const cql_type **out) {
  if (cql_slice_eq_str(name, "list")) return parse_collection(p, CQL_TYPE_LIST, inside_frozen, out);
  if (cql_slice_eq_str(name, "set")) return parse_collection(p, CQL_TYPE_SET, inside_frozen, out);
  if (cql_slice_eq_str(name, "map")) return parse_collection(p, CQL_TYPE_MAP, inside_frozen, out);
  if (cql_slice_eq_str(name, "tuple")) return parse_tuple(p, out);
  if (cql_slice_eq_str(name, "vector")) return parse_vector(p, out);
  if (cql_slice_eq_str(name, "frozen")) return parse_frozen(p, out);
  return fail_syntax(p, "a list, set, map, tuple, vector or frozen type");
}

static cql_status parse_named(parser *p, bool inside_frozen, const cql_type **out) {
  skip_space(p);
  bool quoted = p->at < p->text.len && p->text.data[p->at] == '"';
  cql_slice name;
  cql_status st = parse_name(p, &name);
  if (st != CQL_OK) return st;
  if (quoted) return parse_udt(p, name, out);
  if (next_is(p, '<')) return parse_with_arguments(p, name, inside_frozen, out);
  *out = next_is(p, '.') ? NULL : cqlv_native_by_cql(name);
  return *out != NULL ? CQL_OK : parse_udt(p, name, out);
}

static cql_status parse_named_or_quoted(parser *p, bool inside_frozen, const cql_type **out) {
  cql_slice class_name;
  cql_status st;
  if (!take(p, '\'')) return parse_named(p, inside_frozen, out);
  st = parse_quoted(p, '\'', &class_name);
  return st == CQL_OK ? cqlv_type_parse_java(p->a, class_name, p->depth - 1, out, NULL, p->err) : st;
}

/* frozen<> is no level of its own: what is frozen by its place is printed with it, and must be read again. */
static cql_status parse_type(parser *p, bool inside_frozen, const cql_type **out) {
  uint32_t level = p->in_frozen ? 0 : 1;
  p->same_level = p->in_frozen;
  p->in_frozen = false;
  if (p->depth + level > CQL_TYPE_DEPTH_MAX)
    return cql_fail(p->err, CQL_LIMIT, "Types may be nested at most %d deep", CQL_TYPE_DEPTH_MAX);
  p->depth += level;
  cql_status st = parse_named_or_quoted(p, inside_frozen, out);
  p->depth -= level;
  return st;
}

cql_status cql_type_parse_cql(cql_arena *a, cql_slice text, const cql_type_resolver *resolver, const cql_type **out,
                              cql_error *err) {
  parser p = {.a = a, .text = text, .resolver = resolver, .err = err};
  cql_status st;
  *out = NULL;
  CQL_TRY(parse_type(&p, false, out));
  skip_space(&p);
  if (p.at != text.len) st = fail_syntax(&p, "the end");
done:
  if (st != CQL_OK) *out = NULL;
  return st;
}
