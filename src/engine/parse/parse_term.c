#include "engine/parse/parser.h"

#include <string.h>

/* --- the text of a term, as Cassandra's Term.Raw.getText()
 * ---------------------------------------------------------- */

/* Appends when there is somewhere to put it; counts in any case. */
static void put(char *out, size_t *at, cql_slice s) {
  if (out && s.len) memcpy(out + *at, s.data, s.len);
  *at += s.len;
}

static size_t put_list(const cqle_term *t, char *out, size_t at, const char *open, const char *close) {
  put(out, &at, cql_slice_str(open));
  for (uint32_t i = 0; i < t->count; i++) {
    bool value = t->kind == CQLE_TERM_MAP && i % 2 == 1;
    if (i > 0) put(out, &at, cql_slice_str(value ? ": " : ", "));
    if (t->kind == CQLE_TERM_UDT) {
      put(out, &at, t->names[i]);
      put(out, &at, CQL_SLICE_LITERAL(": "));
    }
    put(out, &at, t->items[i]->source);
  }
  put(out, &at, cql_slice_str(close));
  return at;
}

static size_t put_call(const cqle_term *t, char *out) {
  size_t at = 0;
  if (t->function.keyspace.data) {
    put(out, &at, t->function.keyspace);
    put(out, &at, CQL_SLICE_LITERAL("."));
  }
  put(out, &at, t->function.name);
  return put_list(t, out, at, "(", ")");
}

static size_t put_term(const cqle_term *t, char *out) {
  size_t at = 0;
  switch (t->kind) {
  case CQLE_TERM_LITERAL:
    if (t->literal == CQL_LITERAL_STRING) put(out, &at, CQL_SLICE_LITERAL("'"));
    put(out, &at, t->text);
    if (t->literal == CQL_LITERAL_STRING) put(out, &at, CQL_SLICE_LITERAL("'"));
    return at;
  case CQLE_TERM_NULL: put(out, &at, CQL_SLICE_LITERAL("NULL")); return at;
  case CQLE_TERM_MARKER: put(out, &at, CQL_SLICE_LITERAL("?")); return at;
  case CQLE_TERM_LIST: return put_list(t, out, at, "[", "]");
  case CQLE_TERM_SET:
  case CQLE_TERM_MAP:
  case CQLE_TERM_UDT: return put_list(t, out, at, "{", "}");
  case CQLE_TERM_TUPLE: return put_list(t, out, at, "(", ")");
  case CQLE_TERM_CALL: return put_call(t, out);
  case CQLE_TERM_HINT:
    put(out, &at, CQL_SLICE_LITERAL("("));
    put(out, &at, t->type.text);
    put(out, &at, CQL_SLICE_LITERAL(")"));
    put(out, &at, t->items[0]->source);
    return at;
  }
  return at;
}

/* Long terms keep the text as it was written: nobody reads it, and copying at each level would cost depth times
 * length. */
static cql_status finish(cqle_parser *p, cqle_term *t, size_t start) {
  size_t len = put_term(t, NULL);
  char *text;
  t->source = cql_slice_of(p->lexer.text.data + start, p->last_end - start);
  if (len > CQLE_SOURCE_LEN_MAX) return CQL_OK;
  text = cql_arena_get(p->a, len ? len : 1);
  if (!text) return cqle_p_nomem(p);
  put_term(t, text);
  t->source = cql_slice_of(text, len);
  return CQL_OK;
}

/* --- leaves ------------------------------------------------------------------------------------------------------- */

static cql_status new_term(cqle_parser *p, cqle_term_kind kind, cqle_term **out) {
  cqle_term *t = cql_arena_zero(p->a, sizeof *t);
  if (!t) return cqle_p_nomem(p);
  t->kind = kind;
  t->pos = p->tok.pos;
  *out = t;
  return CQL_OK;
}

static bool literal_kind(cqle_token_kind kind, cql_literal_kind *out) {
  switch (kind) {
  case CQLE_TOK_STRING: *out = CQL_LITERAL_STRING; return true;
  case CQLE_TOK_INTEGER: *out = CQL_LITERAL_INTEGER; return true;
  case CQLE_TOK_FLOAT:
  case CQLE_K_NAN:
  case CQLE_K_INFINITY:
  case CQLE_TOK_NEGATIVE_NAN:
  case CQLE_TOK_NEGATIVE_INFINITY: *out = CQL_LITERAL_FLOAT; return true;
  case CQLE_TOK_BOOLEAN: *out = CQL_LITERAL_BOOLEAN; return true;
  case CQLE_TOK_DURATION: *out = CQL_LITERAL_DURATION; return true;
  case CQLE_TOK_UUID: *out = CQL_LITERAL_UUID; return true;
  case CQLE_TOK_HEX: *out = CQL_LITERAL_HEX; return true;
  default: return false;
  }
}

bool cqle_p_is_constant(cqle_token_kind kind) {
  cql_literal_kind literal;
  return literal_kind(kind, &literal);
}

cql_status cqle_p_constant(cqle_parser *p, cqle_term **out) {
  cqle_token_kind kind = p->tok.kind;
  size_t start = p->tok.offset;
  cqle_term *t;
  CQLE_PARSE(new_term(p, CQLE_TERM_LITERAL, &t));
  if (!literal_kind(kind, &t->literal)) return cqle_p_no_viable(p);
  t->text = p->tok.value;
  if (kind == CQLE_K_NAN || kind == CQLE_TOK_NEGATIVE_NAN) t->text = CQL_SLICE_LITERAL("NaN");
  if (kind == CQLE_K_INFINITY) t->text = CQL_SLICE_LITERAL("Infinity");
  if (kind == CQLE_TOK_NEGATIVE_INFINITY) t->text = CQL_SLICE_LITERAL("-Infinity");
  CQLE_PARSE(cqle_p_next(p));
  *out = t;
  /* The commonest terms need no copy: their text stands in the statement. */
  t->source = t->text;
  return t->literal == CQL_LITERAL_STRING ? finish(p, t, start) : CQL_OK;
}

static cql_status add_marker(cqle_parser *p, cql_slice name, uint32_t *index) {
  if (p->marker_count == CQLE_MARKERS_MAX)
    return cql_fail(p->err, CQL_LIMIT, "There are more than %d bind markers", CQLE_MARKERS_MAX);
  if (p->marker_count == p->marker_cap) {
    uint32_t cap = p->marker_cap ? p->marker_cap * 2 : 8;
    cql_slice *names = cql_arena_array(p->a, cap, sizeof *names);
    if (!names) return cqle_p_nomem(p);
    if (p->marker_count) memcpy(names, p->marker_names, p->marker_count * sizeof *names);
    p->marker_names = names;
    p->marker_cap = cap;
  }
  p->marker_names[p->marker_count] = name;
  *index = p->marker_count++;
  return CQL_OK;
}

cql_status cqle_p_marker(cqle_parser *p, cqle_term **out) {
  cqle_term *t;
  CQLE_PARSE(new_term(p, CQLE_TERM_MARKER, &t));
  if (p->tok.kind == CQLE_TOK_QMARK) {
    CQLE_PARSE(cqle_p_next(p));
  } else if (p->tok.kind == CQLE_TOK_COLON) {
    CQLE_PARSE(cqle_p_next(p));
    CQLE_PARSE(cqle_p_ident(p, &t->text));
  } else {
    return cqle_p_no_viable(p);
  }
  t->source = CQL_SLICE_LITERAL("?");
  *out = t;
  return add_marker(p, t->text, &t->marker);
}

cql_status cqle_p_int_value(cqle_parser *p, cqle_term **out) {
  return p->tok.kind == CQLE_TOK_INTEGER ? cqle_p_constant(p, out) : cqle_p_marker(p, out);
}

/* --- what has parts ----------------------------------------------------------------------------------------------- */

cql_status cqle_p_term_list(cqle_parser *p, cqle_token_kind close, bool may_be_empty, cqle_term ***items,
                            uint32_t *count) {
  cqle_list list = {0};
  bool more = !(may_be_empty && cqle_p_at(p, close));
  while (more) {
    cqle_term **slot, *item;
    CQLE_PARSE(cqle_p_term(p, &item));
    slot = cqle_list_add(p->a, &list, sizeof *slot);
    if (!slot) return cqle_p_nomem(p);
    *slot = item;
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  }
  *items = list.items;
  *count = list.count;
  return cqle_p_expect(p, close);
}

static cql_status bracketed(cqle_parser *p, cqle_term_kind kind, cqle_token_kind close, bool may_be_empty,
                            cqle_term **out) {
  size_t start = p->tok.offset;
  cqle_term *t;
  CQLE_PARSE(new_term(p, kind, &t));
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_term_list(p, close, may_be_empty, &t->items, &t->count));
  *out = t;
  return finish(p, t, start);
}

cql_status cqle_p_tuple_literal(cqle_parser *p, cqle_term **out) {
  if (!cqle_p_at(p, CQLE_TOK_LPAREN)) return cqle_p_no_viable(p);
  return bracketed(p, CQLE_TERM_TUPLE, CQLE_TOK_RPAREN, false, out);
}

static cql_status add_item(cqle_parser *p, cqle_list *list, cqle_term *item) {
  cqle_term **slot = cqle_list_add(p->a, list, sizeof *slot);
  if (!slot) return cqle_p_nomem(p);
  *slot = item;
  return CQL_OK;
}

/* The entries of a map behind its first key, which is given; up to and over the closing brace. */
static cql_status map_entries(cqle_parser *p, cqle_term *key, cqle_term *t) {
  cqle_list list = {0};
  bool more;
  do {
    cqle_term *value;
    if (!key) CQLE_PARSE(cqle_p_term(p, &key));
    CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_COLON));
    CQLE_PARSE(cqle_p_term(p, &value));
    CQLE_PARSE(add_item(p, &list, key));
    CQLE_PARSE(add_item(p, &list, value));
    key = NULL;
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  } while (more);
  t->items = list.items;
  t->count = list.count;
  return cqle_p_expect(p, CQLE_TOK_RBRACE);
}

static cql_status set_items(cqle_parser *p, cqle_term *first, cqle_term *t) {
  cqle_list list = {0};
  bool more;
  CQLE_PARSE(add_item(p, &list, first));
  CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  while (more) {
    cqle_term *item;
    CQLE_PARSE(cqle_p_term(p, &item));
    CQLE_PARSE(add_item(p, &list, item));
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  }
  t->items = list.items;
  t->count = list.count;
  return cqle_p_expect(p, CQLE_TOK_RBRACE);
}

/* {field: value, …}; the brace is behind us. */
static cql_status udt_fields(cqle_parser *p, cqle_term *t) {
  cqle_list names = {0}, items = {0};
  bool more;
  do {
    cql_slice *name = cqle_list_add(p->a, &names, sizeof *name);
    cqle_term *value;
    if (!name) return cqle_p_nomem(p);
    CQLE_PARSE(cqle_p_ident(p, name));
    CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_COLON));
    CQLE_PARSE(cqle_p_term(p, &value));
    CQLE_PARSE(add_item(p, &items, value));
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  } while (more);
  t->names = names.items;
  t->items = items.items;
  t->count = items.count;
  return cqle_p_expect(p, CQLE_TOK_RBRACE);
}

/* {}, {a, b}, {k: v}, {field: v} */
static cql_status braced(cqle_parser *p, cqle_term **out) {
  size_t start = p->tok.offset;
  cqle_term *t, *first;
  CQLE_PARSE(new_term(p, CQLE_TERM_SET, &t));
  CQLE_PARSE(cqle_p_next(p));
  *out = t;
  if (cqle_p_at(p, CQLE_TOK_RBRACE)) {
    CQLE_PARSE(cqle_p_next(p));
    return finish(p, t, start);
  }
  if (cqle_p_is_name(p->tok.kind) && cqle_p_peek(p, 1) == CQLE_TOK_COLON) {
    t->kind = CQLE_TERM_UDT;
    CQLE_PARSE(udt_fields(p, t));
    return finish(p, t, start);
  }
  CQLE_PARSE(cqle_p_term(p, &first));
  if (cqle_p_at(p, CQLE_TOK_COLON)) {
    t->kind = CQLE_TERM_MAP;
    CQLE_PARSE(map_entries(p, first, t));
  } else {
    CQLE_PARSE(set_items(p, first, t));
  }
  return finish(p, t, start);
}

cql_status cqle_p_full_map_literal(cqle_parser *p, cqle_term **out) {
  size_t start = p->tok.offset;
  cqle_term *t;
  CQLE_PARSE(new_term(p, CQLE_TERM_MAP, &t));
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_LBRACE));
  if (cqle_p_at(p, CQLE_TOK_RBRACE))
    CQLE_PARSE(cqle_p_next(p));
  else
    CQLE_PARSE(map_entries(p, NULL, t));
  *out = t;
  return finish(p, t, start);
}

static cql_status function_call(cqle_parser *p, cqle_term **out) {
  size_t start = p->tok.offset;
  cqle_term *t;
  CQLE_PARSE(new_term(p, CQLE_TERM_CALL, &t));
  CQLE_PARSE(cqle_p_function_name(p, &t->function));
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_LPAREN));
  CQLE_PARSE(cqle_p_term_list(p, CQLE_TOK_RPAREN, true, &t->items, &t->count));
  *out = t;
  return finish(p, t, start);
}

static cql_status simple_term(cqle_parser *p, cqle_term **out);

static cql_status one_item(cqle_parser *p, cqle_term *t, cqle_term *item) {
  t->items = cql_arena_get(p->a, sizeof *t->items);
  if (!t->items) return cqle_p_nomem(p);
  t->items[0] = item;
  t->count = 1;
  return CQL_OK;
}

/* CAST(term AS type) is a call of cast_as_type. */
static cql_status cast_call(cqle_parser *p, cqle_term **out) {
  size_t start = p->tok.offset;
  cqle_raw_type type;
  cqle_term *t, *item;
  char *name;
  CQLE_PARSE(new_term(p, CQLE_TERM_CALL, &t));
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_LPAREN));
  CQLE_PARSE(simple_term(p, &item));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_AS));
  name = cql_arena_printf(p->a, "cast_as_%s", cqle_keyword_text(p->tok.kind));
  CQLE_PARSE(cqle_p_native_type(p, &type));
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_RPAREN));
  if (!name) return cqle_p_nomem(p);
  t->function.name = cql_slice_str(name);
  CQLE_PARSE(one_item(p, t, item));
  *out = t;
  return finish(p, t, start);
}

static bool starts_simple_term(const cqle_parser *p) {
  switch (p->tok.kind) {
  case CQLE_K_NULL:
  case CQLE_TOK_QMARK:
  case CQLE_TOK_COLON:
  case CQLE_TOK_LBRACKET:
  case CQLE_TOK_LBRACE:
  case CQLE_TOK_LPAREN: return true;
  case CQLE_K_CAST: return cqle_p_peek(p, 1) == CQLE_TOK_LPAREN;
  default: return cqle_p_is_constant(p->tok.kind) || cqle_p_at_function(p);
  }
}

/* "(type) term" rather than "(term, …)": tried on a copy of the parser, as Cassandra's grammar looks ahead. */
static bool at_type_hint(const cqle_parser *p) {
  cqle_parser ahead = *p;
  cqle_raw_type type;
  ahead.err = NULL;
  return cqle_p_next(&ahead) == CQL_OK && cqle_p_type(&ahead, &type) == CQL_OK &&
         cqle_p_expect(&ahead, CQLE_TOK_RPAREN) == CQL_OK && starts_simple_term(&ahead);
}

static cql_status type_hint(cqle_parser *p, cqle_term **out) {
  size_t start = p->tok.offset;
  cqle_term *t, *item;
  CQLE_PARSE(new_term(p, CQLE_TERM_HINT, &t));
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_type(p, &t->type));
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_RPAREN));
  CQLE_PARSE(simple_term(p, &item));
  CQLE_PARSE(one_item(p, t, item));
  *out = t;
  return finish(p, t, start);
}

static cql_status simple_term_rule(cqle_parser *p, cqle_term **out) {
  cqle_token_kind kind = p->tok.kind;
  switch (kind) {
  case CQLE_K_NULL:
    CQLE_PARSE(new_term(p, CQLE_TERM_NULL, out));
    (*out)->source = CQL_SLICE_LITERAL("NULL");
    return cqle_p_next(p);
  case CQLE_TOK_QMARK:
  case CQLE_TOK_COLON: return cqle_p_marker(p, out);
  case CQLE_TOK_LBRACKET: return bracketed(p, CQLE_TERM_LIST, CQLE_TOK_RBRACKET, true, out);
  case CQLE_TOK_LBRACE: return braced(p, out);
  case CQLE_TOK_LPAREN: return at_type_hint(p) ? type_hint(p, out) : cqle_p_tuple_literal(p, out);
  case CQLE_K_CAST:
    if (cqle_p_peek(p, 1) == CQLE_TOK_LPAREN) return cast_call(p, out);
    break;
  default: break;
  }
  if (cqle_p_is_constant(kind)) return cqle_p_constant(p, out);
  if (cqle_p_at_function(p)) return function_call(p, out);
  /* A name begins a function call only; what follows it is wrong, not the name itself. */
  if (cqle_p_is_function_name(kind)) CQLE_PARSE(cqle_p_next(p));
  return cqle_p_no_viable(p);
}

static cql_status simple_term(cqle_parser *p, cqle_term **out) {
  CQLE_PARSE(cqle_p_enter(p));
  CQLE_PARSE(simple_term_rule(p, out));
  cqle_p_leave(p);
  return CQL_OK;
}

/* --- arithmetic --------------------------------------------------------------------------------------------------- */

static cql_status operation(cqle_parser *p, const char *name, size_t start, cqle_term *left, cqle_term *right,
                            cqle_term **out) {
  cqle_list list = {0};
  cqle_term *t;
  CQLE_PARSE(new_term(p, CQLE_TERM_CALL, &t));
  t->pos = left ? left->pos : right->pos;
  t->function.name = cql_slice_str(name);
  if (left) CQLE_PARSE(add_item(p, &list, left));
  CQLE_PARSE(add_item(p, &list, right));
  t->items = list.items;
  t->count = list.count;
  *out = t;
  return finish(p, t, start);
}

static cql_status term_group(cqle_parser *p, cqle_term **out) {
  size_t start = p->tok.offset;
  cqle_term *t;
  if (!cqle_p_at(p, CQLE_TOK_MINUS)) return simple_term(p, out);
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(simple_term(p, &t));
  return operation(p, "_negate", start, NULL, t, out);
}

static cql_status term_multiplication(cqle_parser *p, cqle_term **out) {
  size_t start = p->tok.offset;
  uint32_t levels = 0;
  CQLE_PARSE(term_group(p, out));
  for (;;) {
    const char *name = cqle_p_at(p, CQLE_TOK_STAR)      ? "_multiply"
                       : cqle_p_at(p, CQLE_TOK_SLASH)   ? "_divide"
                       : cqle_p_at(p, CQLE_TOK_PERCENT) ? "_modulo"
                                                        : NULL;
    cqle_term *right;
    if (!name) break;
    /* A chain of operators nests to the left: it is as deep as it is long. */
    CQLE_PARSE(cqle_p_enter(p));
    levels++;
    CQLE_PARSE(cqle_p_next(p));
    CQLE_PARSE(term_group(p, &right));
    CQLE_PARSE(operation(p, name, start, *out, right, out));
  }
  p->depth -= levels;
  return CQL_OK;
}

static bool ends_before_name(const cqle_parser *p) {
  cqle_token_kind behind = cqle_p_peek(p, 2);
  if (!cqle_p_at(p, CQLE_TOK_PLUS)) return false;
  if (cqle_p_peek(p, 1) == CQLE_TOK_EMPTY_QUOTED_NAME) return true;
  return cqle_p_is_name(cqle_p_peek(p, 1)) && behind != CQLE_TOK_LPAREN && behind != CQLE_TOK_DOT;
}

static cql_status term_addition(cqle_parser *p, bool ends_at_name, cqle_term **out) {
  size_t start = p->tok.offset;
  uint32_t levels = 0;
  CQLE_PARSE(term_multiplication(p, out));
  while (cqle_p_at(p, CQLE_TOK_PLUS) || cqle_p_at(p, CQLE_TOK_MINUS)) {
    const char *name = cqle_p_at(p, CQLE_TOK_PLUS) ? "_add" : "_substract";
    cqle_term *right;
    if (ends_at_name && ends_before_name(p)) break;
    CQLE_PARSE(cqle_p_enter(p));
    levels++;
    CQLE_PARSE(cqle_p_next(p));
    CQLE_PARSE(term_multiplication(p, &right));
    CQLE_PARSE(operation(p, name, start, *out, right, out));
  }
  p->depth -= levels;
  return CQL_OK;
}

cql_status cqle_p_term(cqle_parser *p, cqle_term **out) {
  return term_addition(p, false, out);
}

cql_status cqle_p_assigned_term(cqle_parser *p, cqle_term **out) {
  return term_addition(p, true, out);
}
