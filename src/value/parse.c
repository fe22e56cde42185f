/* parse.c: a whole literal, collections and tuples included, to bytes. */
#include "value/value_int.h"

#include <string.h>

typedef struct parser {
  cql_arena *a;
  const uint8_t *p, *end;
  cql_slice text;
  cql_error *err;
  uint32_t depth;
} parser;

static cql_status parse_value(parser *p, const cql_type *type, cql_slice *out);

static cql_status fail_syntax(parser *p, const char *wanted) {
  return cql_fail(p->err, CQL_SYNTAX, "Bad literal at byte %zu: expected %s", (size_t)(p->p - p->text.data), wanted);
}

static cql_status fail_memory(parser *p) {
  return cql_fail(p->err, CQL_NOMEM, "out of memory");
}

static void skip_space(parser *p) {
  while (p->p < p->end && (*p->p == ' ' || *p->p == '\t' || *p->p == '\r' || *p->p == '\n')) p->p++;
}

static bool take(parser *p, char c) {
  skip_space(p);
  if (p->p == p->end || *p->p != (uint8_t)c) return false;
  p->p++;
  return true;
}

static cql_status need(parser *p, char c) {
  char wanted[] = {'\'', c, '\'', '\0'};
  return take(p, c) ? CQL_OK : fail_syntax(p, wanted);
}

/* --- one constant ------------------------------------------------------------------------------------------------- */

static bool is_digit(uint8_t c) {
  return c >= '0' && c <= '9';
}

static bool is_word(uint8_t c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' || c >= 0x80;
}

/* Past the quote: up to the closing one, doubled ones made single. */
static cql_status take_quoted(parser *p, uint8_t quote, cql_slice *out) {
  uint8_t *copy = cql_arena_get(p->a, (size_t)(p->end - p->p));
  size_t n = 0;
  if (copy == NULL) return fail_memory(p);
  for (; p->p < p->end; p->p++) {
    if (*p->p == quote) {
      p->p++;
      if (p->p == p->end || *p->p != quote) {
        *out = cql_slice_of(copy, n);
        return CQL_OK;
      }
    }
    copy[n++] = *p->p;
  }
  return fail_syntax(p, "a closing quote");
}

/* $$ any text $$ */
static cql_status take_dollars(parser *p, cql_slice *out) {
  const uint8_t *from = p->p;
  for (; p->end - p->p >= 2; p->p++) {
    if (p->p[0] != '$' || p->p[1] != '$') continue;
    *out = cql_slice_of(from, (size_t)(p->p - from));
    p->p += 2;
    return CQL_OK;
  }
  return fail_syntax(p, "$$");
}

/* Everything that is neither quoted nor bracketed: numbers, uuids, words. A sign belongs to it after an exponent's e,
 * and a dash inside what starts as a uuid or an ISO duration does. */
static cql_slice take_bare(parser *p) {
  const uint8_t *from = p->p;
  if (p->p < p->end && (*p->p == '-' || *p->p == '+')) p->p++;
  for (; p->p < p->end; p->p++) {
    bool dash = *p->p == '-' || *p->p == '+' || *p->p == ':';
    if (!is_word(*p->p) && !(dash && p->p > from && is_word(p->p[-1]))) break;
    if (*p->p != ':') continue;
    /* The colons of P0001-02-03T04:05:06; a map's colon follows other things. */
    if (from[*from == '-'] != 'P' || p->end - p->p < 2 || !is_digit(p->p[1])) break;
  }
  return cql_slice_of(from, (size_t)(p->p - from));
}

static bool is_integer(cql_slice s) {
  size_t i = s.len > 0 && s.data[0] == '-' ? 1 : 0;
  if (i == s.len) return false;
  for (; i < s.len; i++)
    if (!is_digit(s.data[i])) return false;
  return true;
}

static bool is_special_float(cql_slice s) {
  if (s.len > 0 && s.data[0] == '-') s = cql_slice_of(s.data + 1, s.len - 1);
  return cql_slice_eq_nocase(s, "nan") || cql_slice_eq_nocase(s, "infinity");
}

static bool classify(cql_slice s, cql_literal_kind *out) {
  uint8_t uuid[16];
  double number;
  cql_duration duration;
  if (cqlv_uuid_parse(s, uuid)) {
    *out = CQL_LITERAL_UUID;
  } else if (is_integer(s)) {
    *out = CQL_LITERAL_INTEGER;
  } else if (cql_slice_eq_nocase(s, "true") || cql_slice_eq_nocase(s, "false")) {
    *out = CQL_LITERAL_BOOLEAN;
  } else if (is_special_float(s)) {
    *out = CQL_LITERAL_FLOAT;
  } else if (s.len >= 2 && s.data[0] == '0' && (s.data[1] == 'x' || s.data[1] == 'X')) {
    *out = CQL_LITERAL_HEX;
  } else if (s.len > 0 && s.data[0] != '+' && cqlv_double_parse(s, &number)) {
    *out = CQL_LITERAL_FLOAT;
  } else if (cqlv_duration_parse(s, &duration, NULL) == CQL_OK) {
    *out = CQL_LITERAL_DURATION;
  } else {
    return false;
  }
  return true;
}

static cql_status encode_constant(parser *p, cql_literal_kind kind, cql_slice token, const cql_type *type,
                                  cql_slice *out) {
  static const char *const names[] = {"STRING", "INTEGER", "FLOAT", "BOOLEAN", "UUID", "HEX", "DURATION"};
  char type_name[256];
  if (cql_literal_test(kind, type) != CQL_NOT_ASSIGNABLE)
    return cql_literal_encode(p->a, kind, token, type, out, p->err);
  cql_type_to_cql(type, type_name, sizeof type_name);
  return cql_fail(p->err, CQL_INVALID, "Invalid %s constant (" CQL_SLICE_FMT ") for type %s", names[kind],
                  CQL_SLICE_ARG(token), type_name);
}

static cql_status parse_constant(parser *p, const cql_type *type, cql_slice *out) {
  cql_literal_kind kind = CQL_LITERAL_STRING;
  cql_slice token;
  cql_status st = CQL_OK;
  if (take(p, '\'')) {
    st = take_quoted(p, '\'', &token);
  } else if (p->end - p->p >= 2 && memcmp(p->p, "$$", 2) == 0) {
    p->p += 2;
    st = take_dollars(p, &token);
  } else {
    token = take_bare(p);
    if (cql_slice_eq_nocase(token, "null")) {
      *out = cql_slice_of(NULL, 0);
      return CQL_OK;
    }
    if (!classify(token, &kind)) return fail_syntax(p, "a constant");
  }
  return st == CQL_OK ? encode_constant(p, kind, token, type, out) : st;
}

/* --- what has parts ----------------------------------------------------------------------------------------------- */

typedef struct parts {
  cql_slice *v;
  uint32_t count, cap;
} parts;

static cql_status add_part(parser *p, parts *all, cql_slice part) {
  if (all->count == all->cap) {
    uint32_t cap = all->cap == 0 ? 8 : all->cap * 2;
    cql_slice *v = cap < all->cap ? NULL : cql_arena_array(p->a, cap, sizeof *v);
    if (v == NULL) return fail_memory(p);
    if (all->count > 0) memcpy(v, all->v, all->count * sizeof *v);
    all->v = v;
    all->cap = cap;
  }
  all->v[all->count++] = part;
  return CQL_OK;
}

static cql_status take_part(parser *p, const cql_type *type, parts *all) {
  cql_slice part;
  cql_status st = parse_value(p, type, &part);
  if (st != CQL_OK) return st;
  if (part.data == NULL) return cql_fail(p->err, CQL_INVALID, "null is not supported inside collections");
  return add_part(p, all, part);
}

static cql_status finish(parser *p, cql_buf *b, cql_slice *out) {
  cql_status st = b->st;
  if (st == CQL_OK) st = cql_arena_slice(p->a, cql_buf_view(b), out);
  if (st == CQL_OK && out->data == NULL) *out = cql_slice_of("", 0);
  cql_buf_free(b);
  return st == CQL_OK ? CQL_OK : cql_fail(p->err, st, "%s", cql_status_text(st));
}

static cql_status give_collection(parser *p, const cql_type *type, parts *all, cql_slice *out) {
  uint32_t entries = type->code == CQL_TYPE_MAP ? all->count / 2 : all->count;
  if (type->code == CQL_TYPE_SET) cql_set_normalize(type->args[0], all->v, &entries);
  if (type->code == CQL_TYPE_MAP) cql_map_normalize(type->args[0], all->v, &entries);
  uint32_t values = type->code == CQL_TYPE_MAP ? entries * 2 : entries;
  cql_buf b;
  cql_buf_init(&b, p->a->alloc, CQL_VALUE_LEN_MAX);
  cql_put_count(&b, entries);
  for (uint32_t i = 0; i < values; i++) cql_put_element(&b, all->v[i]);
  return finish(p, &b, out);
}

static cql_status parse_collection(parser *p, const cql_type *type, cql_slice *out) {
  bool list = type->code == CQL_TYPE_LIST;
  char close = list ? ']' : '}';
  parts all = {NULL, 0, 0};
  cql_status st;
  CQL_TRY(need(p, list ? '[' : '{'));
  if (!take(p, close)) {
    do {
      CQL_TRY(take_part(p, type->args[0], &all));
      if (type->code != CQL_TYPE_MAP) continue;
      CQL_TRY(need(p, ':'));
      CQL_TRY(take_part(p, type->args[1], &all));
    } while (take(p, ','));
    CQL_TRY(need(p, close));
  }
  st = give_collection(p, type, &all, out);
done:
  return st;
}

static cql_status parse_tuple(parser *p, const cql_type *type, cql_slice *out) {
  cql_buf b;
  cql_status st;
  uint32_t count = 0;
  cql_buf_init(&b, p->a->alloc, CQL_VALUE_LEN_MAX);
  CQL_TRY(need(p, '('));
  do {
    cql_slice field;
    if (count == type->arg_count) {
      char name[256];
      cql_type_to_cql(type, name, sizeof name);
      st = cql_fail(p->err, CQL_INVALID, "Invalid tuple literal: too many elements. Type %s expects %u", name,
                    type->arg_count);
      goto done;
    }
    CQL_TRY(parse_value(p, type->args[count++], &field));
    cql_put_element(&b, field);
  } while (take(p, ','));
  CQL_TRY(need(p, ')'));
  return finish(p, &b, out);
done:
  cql_buf_free(&b);
  return st;
}

static cql_status take_field_name(parser *p, cql_slice *out) {
  if (take(p, '"')) return take_quoted(p, '"', out);
  const uint8_t *from = p->p;
  while (p->p < p->end && is_word(*p->p) && *p->p != '.' && *p->p < 0x80) p->p++;
  uint8_t *copy = cql_arena_copy(p->a, from, (size_t)(p->p - from));
  if (copy == NULL) return fail_memory(p);
  if (p->p == from) return fail_syntax(p, "a field name");
  for (size_t i = 0; i < (size_t)(p->p - from); i++)
    if (copy[i] >= 'A' && copy[i] <= 'Z') copy[i] = (uint8_t)(copy[i] + ('a' - 'A'));
  *out = cql_slice_of(copy, (size_t)(p->p - from));
  return CQL_OK;
}

static cql_status take_field(parser *p, const cql_type *type, cql_slice *fields) {
  cql_slice name;
  cql_status st;
  CQL_TRY(take_field_name(p, &name));
  CQL_TRY(need(p, ':'));
  for (uint32_t i = 0; i < type->arg_count; i++)
    if (cql_slice_eq(type->field_names[i], name)) return parse_value(p, type->args[i], &fields[i]);
  st = cql_fail(p->err, CQL_INVALID, "Unknown field '" CQL_SLICE_FMT "' in value of user defined type " CQL_SLICE_FMT,
                CQL_SLICE_ARG(name), CQL_SLICE_ARG(type->name));
done:
  return st;
}

static cql_status parse_udt(parser *p, const cql_type *type, cql_slice *out) {
  cql_slice *fields = cql_arena_zero(p->a, type->arg_count * sizeof *fields);
  cql_status st;
  if (fields == NULL) return fail_memory(p);
  CQL_TRY(need(p, '{'));
  if (!take(p, '}')) {
    do CQL_TRY(take_field(p, type, fields));
    while (take(p, ','));
    CQL_TRY(need(p, '}'));
  }
  cql_buf b;
  cql_buf_init(&b, p->a->alloc, CQL_VALUE_LEN_MAX);
  for (uint32_t i = 0; i < type->arg_count; i++) cql_put_element(&b, fields[i]);
  st = finish(p, &b, out);
done:
  return st;
}

static cql_status parse_vector(parser *p, const cql_type *type, cql_slice *out) {
  parts all = {NULL, 0, 0};
  cql_status st;
  CQL_TRY(need(p, '['));
  do CQL_TRY(take_part(p, type->args[0], &all));
  while (take(p, ','));
  CQL_TRY(need(p, ']'));
  if (all.count != type->dimension)
    return cql_fail(p->err, CQL_INVALID, "List had incorrect size: expected %u but given %u", type->dimension,
                    all.count);
  cql_buf b;
  cql_buf_init(&b, p->a->alloc, CQL_VALUE_LEN_MAX);
  for (uint32_t i = 0; i < all.count; i++) {
    size_t start = b.len;
    cql_buf_slice(&b, all.v[i]);
    cql_vector_element_end(&b, type, start);
  }
  st = finish(p, &b, out);
done:
  return st;
}

static bool next_is(parser *p, char c) {
  skip_space(p);
  return p->p < p->end && *p->p == (uint8_t)c;
}

static cql_status parse_value(parser *p, const cql_type *type, cql_slice *out) {
  cql_status st;
  if (p->depth == CQL_TYPE_DEPTH_MAX)
    return cql_fail(p->err, CQL_LIMIT, "Literals may be nested at most %d deep", CQL_TYPE_DEPTH_MAX);
  p->depth++;
  if (next_is(p, type->code == CQL_TYPE_TUPLE                                   ? '('
                 : type->code == CQL_TYPE_LIST || type->code == CQL_TYPE_VECTOR ? '['
                                                                                : '{')) {
    if (cql_type_is_collection(type))
      st = parse_collection(p, type, out);
    else if (type->code == CQL_TYPE_TUPLE)
      st = parse_tuple(p, type, out);
    else if (type->code == CQL_TYPE_UDT)
      st = parse_udt(p, type, out);
    else if (type->code == CQL_TYPE_VECTOR)
      st = parse_vector(p, type, out);
    else
      st = fail_syntax(p, "a constant");
  } else {
    st = parse_constant(p, type, out);
  }
  p->depth--;
  return st;
}

cql_status cql_value_parse(cql_arena *a, const cql_type *type, cql_slice text, cql_slice *out, cql_error *err) {
  parser p = {.a = a, .p = text.data, .end = text.data, .text = text, .err = err};
  if (text.len > 0) p.end += text.len;
  *out = cql_slice_of(NULL, 0);
  cql_status st = parse_value(&p, type, out);
  skip_space(&p);
  if (st == CQL_OK && p.p != p.end) st = fail_syntax(&p, "the end");
  return st;
}
