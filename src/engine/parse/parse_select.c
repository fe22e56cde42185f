#include "engine/parse/parser.h"

#include <string.h>

static cql_status new_selector(cqle_parser *p, cqle_selector_kind kind, cqle_selector **out) {
  cqle_selector *s = cql_arena_zero(p->a, sizeof *s);
  if (!s) return cqle_p_nomem(p);
  s->kind = kind;
  s->pos = p->tok.pos;
  *out = s;
  return CQL_OK;
}

static cql_status add_argument(cqle_parser *p, cqle_list *list, cqle_selector *argument) {
  cqle_selector **slot = cqle_list_add(p->a, list, sizeof *slot);
  if (!slot) return cqle_p_nomem(p);
  *slot = argument;
  return CQL_OK;
}

static void set_arguments(cqle_selector *s, const cqle_list *list) {
  s->args = list->items;
  s->count = list->count;
}

static cql_status one_argument(cqle_parser *p, cqle_selector *s, cqle_selector *argument) {
  cqle_list list = {0};
  CQLE_PARSE(add_argument(p, &list, argument));
  set_arguments(s, &list);
  return CQL_OK;
}

/* selector, selector, … into list, up to the closing kind, which is moved over. */
static cql_status selector_list(cqle_parser *p, cqle_token_kind close, cqle_list *list) {
  bool more = true;
  while (more) {
    cqle_selector *s;
    CQLE_PARSE(cqle_p_selector(p, &s));
    CQLE_PARSE(add_argument(p, list, s));
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  }
  return cqle_p_expect(p, close);
}

/* --- one selector ------------------------------------------------------------------------------------------------- */

static cql_status sident(cqle_parser *p, cqle_selector **out) {
  CQLE_PARSE(new_selector(p, CQLE_SEL_COLUMN, out));
  return cqle_p_ident(p, &(*out)->name);
}

/* [element], [from..], [..to], [from..to] behind what it is taken of */
static cql_status sub_selection(cqle_parser *p, cqle_selector *of, cqle_selector **out) {
  bool range;
  CQLE_PARSE(new_selector(p, CQLE_SEL_ELEMENT, out));
  CQLE_PARSE(one_argument(p, *out, of));
  CQLE_PARSE(cqle_p_next(p));
  if (!cqle_p_at(p, CQLE_TOK_RANGE)) CQLE_PARSE(cqle_p_term(p, &(*out)->from));
  CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_RANGE, &range));
  if (range) {
    (*out)->kind = CQLE_SEL_SLICE;
    if (!cqle_p_at(p, CQLE_TOK_RBRACKET) || !(*out)->from) CQLE_PARSE(cqle_p_term(p, &(*out)->to));
  }
  return cqle_p_expect(p, CQLE_TOK_RBRACKET);
}

static cql_status modifiers(cqle_parser *p, cqle_selector **s) {
  uint32_t levels = 0;
  while (cqle_p_at(p, CQLE_TOK_DOT) || cqle_p_at(p, CQLE_TOK_LBRACKET)) {
    cqle_selector *of = *s;
    CQLE_PARSE(cqle_p_enter(p));
    levels++;
    if (cqle_p_at(p, CQLE_TOK_LBRACKET)) {
      CQLE_PARSE(sub_selection(p, of, s));
      continue;
    }
    CQLE_PARSE(new_selector(p, CQLE_SEL_FIELD, s));
    CQLE_PARSE(cqle_p_next(p));
    CQLE_PARSE(cqle_p_ident(p, &(*s)->name));
    CQLE_PARSE(one_argument(p, *s, of));
  }
  p->depth -= levels;
  return CQL_OK;
}

static cql_status write_time(cqle_parser *p, cqle_selector_kind kind, cqle_selector **out) {
  cqle_selector *of;
  CQLE_PARSE(new_selector(p, kind, out));
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_LPAREN));
  CQLE_PARSE(sident(p, &of));
  CQLE_PARSE(modifiers(p, &of));
  CQLE_PARSE(one_argument(p, *out, of));
  return cqle_p_expect(p, CQLE_TOK_RPAREN);
}

static cql_status cast(cqle_parser *p, cqle_selector **out) {
  cqle_selector *of;
  CQLE_PARSE(new_selector(p, CQLE_SEL_CAST, out));
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_LPAREN));
  CQLE_PARSE(cqle_p_selector(p, &of));
  CQLE_PARSE(one_argument(p, *out, of));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_AS));
  CQLE_PARSE(cqle_p_native_type(p, &(*out)->type));
  return cqle_p_expect(p, CQLE_TOK_RPAREN);
}

/* count(1) counts rows too: a constant is never null. */
static bool counts_rows(const cqle_selector *s) {
  return cql_slice_eq_str(s->function.name, "count") && s->count == 1 && s->args[0]->kind == CQLE_SEL_TERM &&
         s->args[0]->term->kind == CQLE_TERM_LITERAL;
}

static cql_status call(cqle_parser *p, cqle_selector **out) {
  cqle_list list = {0};
  cqle_selector *s;
  CQLE_PARSE(new_selector(p, CQLE_SEL_CALL, &s));
  *out = s;
  CQLE_PARSE(cqle_p_function_name(p, &s->function));
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_LPAREN));
  if (cqle_p_at(p, CQLE_TOK_RPAREN)) return cqle_p_next(p);
  CQLE_PARSE(selector_list(p, CQLE_TOK_RPAREN, &list));
  set_arguments(s, &list);
  if (counts_rows(s)) {
    s->kind = CQLE_SEL_COUNT_STAR;
    s->count = 0;
  }
  return CQL_OK;
}

static cql_status count_star(cqle_parser *p, cqle_selector **out) {
  CQLE_PARSE(new_selector(p, CQLE_SEL_COUNT_STAR, out));
  for (int i = 0; i < 3; i++) CQLE_PARSE(cqle_p_next(p));
  return cqle_p_expect(p, CQLE_TOK_RPAREN);
}

static bool starts_group(const cqle_parser *p) {
  switch (p->tok.kind) {
  case CQLE_K_AS: return false; /* an alias, not a column of that name */
  case CQLE_K_NULL:
  case CQLE_K_TOKEN:
  case CQLE_TOK_QMARK:
  case CQLE_TOK_COLON:
  case CQLE_TOK_LBRACKET:
  case CQLE_TOK_LBRACE:
  case CQLE_TOK_LPAREN: return true;
  default: return cqle_p_is_constant(p->tok.kind) || cqle_p_is_name(p->tok.kind);
  }
}

static bool at_type_hint(const cqle_parser *p) {
  cqle_parser ahead = *p;
  cqle_raw_type type;
  ahead.err = NULL;
  return cqle_p_next(&ahead) == CQL_OK && cqle_p_type(&ahead, &type) == CQL_OK &&
         cqle_p_expect(&ahead, CQLE_TOK_RPAREN) == CQL_OK && starts_group(&ahead);
}

static cql_status group_without_field(cqle_parser *p, cqle_selector **out);

static cql_status type_hint(cqle_parser *p, cqle_selector **out) {
  cqle_selector *of;
  CQLE_PARSE(new_selector(p, CQLE_SEL_HINT, out));
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_type(p, &(*out)->type));
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_RPAREN));
  CQLE_PARSE(group_without_field(p, &of));
  return one_argument(p, *out, of);
}

static cql_status bracketed(cqle_parser *p, cqle_selector_kind kind, cqle_token_kind close, cqle_selector **out) {
  cqle_list list = {0};
  CQLE_PARSE(new_selector(p, kind, out));
  CQLE_PARSE(cqle_p_next(p));
  if (kind == CQLE_SEL_LIST && cqle_p_at(p, close)) return cqle_p_next(p);
  CQLE_PARSE(selector_list(p, close, &list));
  set_arguments(*out, &list);
  return CQL_OK;
}

static cql_status map_or_set(cqle_parser *p, cqle_selector **out) {
  cqle_list list = {0};
  cqle_selector *s, *item;
  bool more;
  CQLE_PARSE(new_selector(p, CQLE_SEL_SET, &s));
  *out = s;
  CQLE_PARSE(cqle_p_next(p));
  if (cqle_p_at(p, CQLE_TOK_RBRACE)) return cqle_p_next(p);
  do {
    CQLE_PARSE(cqle_p_selector(p, &item));
    CQLE_PARSE(add_argument(p, &list, item));
    if (list.count == 1 && cqle_p_at(p, CQLE_TOK_COLON)) s->kind = CQLE_SEL_MAP;
    if (s->kind == CQLE_SEL_MAP) {
      CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_COLON));
      CQLE_PARSE(cqle_p_selector(p, &item));
      CQLE_PARSE(add_argument(p, &list, item));
    }
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  } while (more);
  set_arguments(s, &list);
  return cqle_p_expect(p, CQLE_TOK_RBRACE);
}

static cql_status literal(cqle_parser *p, cqle_selector **out) {
  CQLE_PARSE(new_selector(p, CQLE_SEL_TERM, out));
  if (cqle_p_is_constant(p->tok.kind)) return cqle_p_constant(p, &(*out)->term);
  return cqle_p_marker(p, &(*out)->term);
}

/* NULL is a whole term here: nothing of arithmetic may be taken into it. */
static cql_status null_literal(cqle_parser *p, cqle_selector **out) {
  cqle_term *t = cql_arena_zero(p->a, sizeof *t);
  if (!t) return cqle_p_nomem(p);
  t->kind = CQLE_TERM_NULL;
  t->pos = p->tok.pos;
  t->source = CQL_SLICE_LITERAL("NULL");
  CQLE_PARSE(new_selector(p, CQLE_SEL_TERM, out));
  (*out)->term = t;
  return cqle_p_next(p);
}

static cql_status group_rule(cqle_parser *p, cqle_selector **out) {
  cqle_token_kind kind = p->tok.kind, next = cqle_p_peek(p, 1);
  switch (kind) {
  case CQLE_TOK_LPAREN: return at_type_hint(p) ? type_hint(p, out) : bracketed(p, CQLE_SEL_TUPLE, CQLE_TOK_RPAREN, out);
  case CQLE_TOK_LBRACKET: return bracketed(p, CQLE_SEL_LIST, CQLE_TOK_RBRACKET, out);
  case CQLE_TOK_LBRACE: return map_or_set(p, out);
  case CQLE_K_NULL: return null_literal(p, out);
  case CQLE_TOK_QMARK:
  case CQLE_TOK_COLON: return literal(p, out);
  default: break;
  }
  if (cqle_p_is_constant(kind)) return literal(p, out);
  if (next == CQLE_TOK_LPAREN) {
    if (kind == CQLE_K_COUNT && cqle_p_peek(p, 2) == CQLE_TOK_STAR) return count_star(p, out);
    if (kind == CQLE_K_WRITETIME) return write_time(p, CQLE_SEL_WRITETIME, out);
    if (kind == CQLE_K_MAXWRITETIME) return write_time(p, CQLE_SEL_MAXWRITETIME, out);
    if (kind == CQLE_K_TTL) return write_time(p, CQLE_SEL_TTL, out);
    if (kind == CQLE_K_CAST) return cast(p, out);
  }
  if (cqle_p_at_function(p)) return call(p, out);
  return sident(p, out);
}

static cql_status group_without_field(cqle_parser *p, cqle_selector **out) {
  CQLE_PARSE(cqle_p_enter(p));
  CQLE_PARSE(group_rule(p, out));
  cqle_p_leave(p);
  return CQL_OK;
}

/* --- arithmetic --------------------------------------------------------------------------------------------------- */

static cql_status operation(cqle_parser *p, const char *name, cqle_selector *left, cqle_selector *right,
                            cqle_selector **out) {
  cqle_list list = {0};
  cqle_selector *s;
  CQLE_PARSE(new_selector(p, CQLE_SEL_CALL, &s));
  s->pos = left ? left->pos : right->pos;
  s->function.name = cql_slice_str(name);
  if (left) CQLE_PARSE(add_argument(p, &list, left));
  CQLE_PARSE(add_argument(p, &list, right));
  set_arguments(s, &list);
  *out = s;
  return CQL_OK;
}

static cql_status selection_group(cqle_parser *p, cqle_selector **out) {
  cqle_selector *s;
  if (!cqle_p_at(p, CQLE_TOK_MINUS)) {
    cqle_token first;
    cql_status st;
    CQLE_PARSE(group_without_field(p, out));
    first = p->tok;
    st = modifiers(p, out);
    if (st != CQL_SYNTAX) return st;
    /* Cassandra tries modifiers as a whole: what is wrong inside of them stands, for it, at the first one. */
    p->tok = first;
    return cqle_p_expect(p, CQLE_K_FROM);
  }
  CQLE_PARSE(cqle_p_enter(p));
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(selection_group(p, &s));
  cqle_p_leave(p);
  return operation(p, "_negate", NULL, s, out);
}

static const char *operator_name(const cqle_parser *p, bool multiplies) {
  switch (p->tok.kind) {
  case CQLE_TOK_STAR: return multiplies ? "_multiply" : NULL;
  case CQLE_TOK_SLASH: return multiplies ? "_divide" : NULL;
  case CQLE_TOK_PERCENT: return multiplies ? "_modulo" : NULL;
  case CQLE_TOK_PLUS: return multiplies ? NULL : "_add";
  case CQLE_TOK_MINUS: return multiplies ? NULL : "_substract";
  default: return NULL;
  }
}

static cql_status chain(cqle_parser *p, bool multiplies, cqle_selector **out) {
  uint32_t levels = 0;
  const char *name;
  CQLE_PARSE(multiplies ? selection_group(p, out) : chain(p, true, out));
  while ((name = operator_name(p, multiplies)) != NULL) {
    cqle_selector *right;
    CQLE_PARSE(cqle_p_enter(p)); /* a chain nests to the left: it is as deep as it is long */
    levels++;
    CQLE_PARSE(cqle_p_next(p));
    CQLE_PARSE(multiplies ? selection_group(p, &right) : chain(p, true, &right));
    CQLE_PARSE(operation(p, name, *out, right, out));
  }
  p->depth -= levels;
  return CQL_OK;
}

cql_status cqle_p_selector(cqle_parser *p, cqle_selector **out) {
  return chain(p, false, out);
}

/* --- the statement ------------------------------------------------------------------------------------------------ */

cql_status cqle_p_selectors(cqle_parser *p, cqle_select *s) {
  cqle_list list = {0};
  bool more = true;
  CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_STAR, &s->wildcard));
  if (s->wildcard) return CQL_OK;
  while (more) {
    cqle_select_item *item = cqle_list_add(p->a, &list, sizeof *item);
    bool aliased;
    if (!item) return cqle_p_nomem(p);
    CQLE_PARSE(cqle_p_selector(p, &item->selector));
    CQLE_PARSE(cqle_p_accept(p, CQLE_K_AS, &aliased));
    if (aliased) CQLE_PARSE(cqle_p_ident(p, &item->alias));
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  }
  s->items = list.items;
  s->item_count = list.count;
  return CQL_OK;
}

/* JSON and DISTINCT are names too: they are words of the statement only where a selection follows them. */
static bool selection_follows(const cqle_parser *p) {
  cqle_parser ahead = *p;
  ahead.err = NULL;
  if (cqle_p_next(&ahead) != CQL_OK) return false;
  return starts_group(&ahead) || cqle_p_at(&ahead, CQLE_TOK_STAR) || cqle_p_at(&ahead, CQLE_TOK_MINUS);
}

static cql_status group_by(cqle_parser *p, cqle_select *s) {
  cqle_list list = {0};
  bool more = true;
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_BY));
  while (more) {
    cqle_selector *item;
    CQLE_PARSE(cqle_p_selector(p, &item));
    CQLE_PARSE(add_argument(p, &list, item));
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  }
  s->group_by = list.items;
  s->group_count = list.count;
  return CQL_OK;
}

static cql_status order_by(cqle_parser *p, cqle_select *s) {
  cqle_list list = {0};
  bool more = true, ascending;
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_BY));
  while (more) {
    cqle_order *o = cqle_list_add(p->a, &list, sizeof *o);
    bool ann;
    if (!o) return cqle_p_nomem(p);
    CQLE_PARSE(cqle_p_cident(p, &o->column));
    CQLE_PARSE(cqle_p_accept(p, CQLE_K_ANN, &ann));
    if (ann) {
      CQLE_PARSE(cqle_p_expect(p, CQLE_K_OF));
      CQLE_PARSE(cqle_p_term(p, &o->ann_of));
    }
    CQLE_PARSE(cqle_p_accept(p, CQLE_K_ASC, &ascending));
    if (!ascending) CQLE_PARSE(cqle_p_accept(p, CQLE_K_DESC, &o->descending));
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  }
  s->order_by = list.items;
  s->order_count = list.count;
  return CQL_OK;
}

static cql_status limits(cqle_parser *p, cqle_select *s) {
  bool found;
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_PER, &found));
  if (found) {
    CQLE_PARSE(cqle_p_expect(p, CQLE_K_PARTITION));
    CQLE_PARSE(cqle_p_expect(p, CQLE_K_LIMIT));
    CQLE_PARSE(cqle_p_int_value(p, &s->per_partition_limit));
  }
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_LIMIT, &found));
  if (found) CQLE_PARSE(cqle_p_int_value(p, &s->limit));
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_ALLOW, &s->allow_filtering));
  return s->allow_filtering ? cqle_p_expect(p, CQLE_K_FILTERING) : CQL_OK;
}

cql_status cqle_p_select(cqle_parser *p, cqle_statement *st) {
  cqle_select *s = &st->as.select;
  bool found;
  st->kind = CQLE_STMT_SELECT;
  CQLE_PARSE(cqle_p_next(p));
  if (cqle_p_at(p, CQLE_K_JSON) && selection_follows(p)) CQLE_PARSE(cqle_p_accept(p, CQLE_K_JSON, &s->is_json));
  if (cqle_p_at(p, CQLE_K_DISTINCT) && selection_follows(p))
    CQLE_PARSE(cqle_p_accept(p, CQLE_K_DISTINCT, &s->distinct));
  CQLE_PARSE(cqle_p_selectors(p, s));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_FROM));
  CQLE_PARSE(cqle_p_table_name(p, &s->table));
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_WHERE, &found));
  if (found) CQLE_PARSE(cqle_p_where(p, &s->where, &s->where_count));
  if (cqle_p_at(p, CQLE_K_GROUP)) CQLE_PARSE(group_by(p, s));
  if (cqle_p_at(p, CQLE_K_ORDER)) CQLE_PARSE(order_by(p, s));
  return limits(p, s);
}
