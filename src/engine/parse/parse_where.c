#include "engine/parse/parser.h"

const char *cqle_op_text(cqle_op op) {
  switch (op) {
  case CQLE_OP_EQ: return "=";
  case CQLE_OP_LT: return "<";
  case CQLE_OP_LE: return "<=";
  case CQLE_OP_GT: return ">";
  case CQLE_OP_GE: return ">=";
  case CQLE_OP_NE: return "!=";
  case CQLE_OP_IN: return "IN";
  case CQLE_OP_CONTAINS: return "CONTAINS";
  case CQLE_OP_CONTAINS_KEY: return "CONTAINS KEY";
  case CQLE_OP_LIKE: return "LIKE";
  case CQLE_OP_IS_NOT_NULL: return "IS NOT";
  }
  return "";
}

/* = < <= > >= != */
static bool relation_type(cqle_token_kind kind, cqle_op *out) {
  switch (kind) {
  case CQLE_TOK_EQ: *out = CQLE_OP_EQ; return true;
  case CQLE_TOK_LT: *out = CQLE_OP_LT; return true;
  case CQLE_TOK_LE: *out = CQLE_OP_LE; return true;
  case CQLE_TOK_GT: *out = CQLE_OP_GT; return true;
  case CQLE_TOK_GE: *out = CQLE_OP_GE; return true;
  case CQLE_TOK_NE: *out = CQLE_OP_NE; return true;
  default: return false;
  }
}

static cql_status take_relation_type(cqle_parser *p, cqle_op *out) {
  return relation_type(p->tok.kind, out) ? cqle_p_next(p) : cqle_p_no_viable(p);
}

static bool at_marker(const cqle_parser *p) {
  return cqle_p_at(p, CQLE_TOK_QMARK) || cqle_p_at(p, CQLE_TOK_COLON);
}

/* IN (…) or IN ?; the word is behind us. */
static cql_status in_values(cqle_parser *p, cqle_relation *r) {
  r->op = CQLE_OP_IN;
  if (at_marker(p)) return cqle_p_marker(p, &r->term);
  if (!cqle_p_at(p, CQLE_TOK_LPAREN)) return cqle_p_no_viable(p);
  CQLE_PARSE(cqle_p_next(p));
  r->in_list = true;
  return cqle_p_term_list(p, CQLE_TOK_RPAREN, true, &r->values, &r->value_count);
}

static cql_status contains(cqle_parser *p, cqle_relation *r) {
  bool key;
  CQLE_PARSE(cqle_p_next(p));
  /* key( is a function's name no more than a column's here: the grammar reads KEY as part of the operator. */
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_KEY, &key));
  r->op = key ? CQLE_OP_CONTAINS_KEY : CQLE_OP_CONTAINS;
  return cqle_p_term(p, &r->term);
}

static cql_status add_column(cqle_parser *p, cqle_list *columns) {
  cql_slice *name = cqle_list_add(p->a, columns, sizeof *name);
  return name ? cqle_p_cident(p, name) : cqle_p_nomem(p);
}

static void set_columns(cqle_relation *r, const cqle_list *columns) {
  r->columns = columns->items;
  r->column_count = columns->count;
}

/* --- WHERE -------------------------------------------------------------------------------------------------------- */

/* (a, b, …) */
static cql_status tuple_of_identifiers(cqle_parser *p, cqle_relation *r) {
  cqle_list columns = {0};
  bool more = true;
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_LPAREN));
  while (more) {
    CQLE_PARSE(add_column(p, &columns));
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  }
  set_columns(r, &columns);
  return cqle_p_expect(p, CQLE_TOK_RPAREN);
}

/* IN ((1, 2), …), IN (?, …), IN ?, IN () behind a tuple of columns */
static cql_status multi_column_in(cqle_parser *p, cqle_relation *r) {
  cqle_list values = {0};
  bool more = true, markers;
  r->op = CQLE_OP_IN;
  if (at_marker(p)) return cqle_p_marker(p, &r->term);
  if (!cqle_p_at(p, CQLE_TOK_LPAREN)) return cqle_p_no_viable(p);
  CQLE_PARSE(cqle_p_next(p));
  r->in_list = true;
  if (cqle_p_at(p, CQLE_TOK_RPAREN)) return cqle_p_next(p);
  markers = at_marker(p);
  while (more) {
    cqle_term *value, **slot;
    CQLE_PARSE(markers ? cqle_p_marker(p, &value) : cqle_p_tuple_literal(p, &value));
    slot = cqle_list_add(p->a, &values, sizeof *slot);
    if (!slot) return cqle_p_nomem(p);
    *slot = value;
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  }
  r->values = values.items;
  r->value_count = values.count;
  return cqle_p_expect(p, CQLE_TOK_RPAREN);
}

static cql_status multi_column_relation(cqle_parser *p, cqle_relation *r) {
  bool in;
  r->kind = CQLE_REL_TUPLE;
  CQLE_PARSE(tuple_of_identifiers(p, r));
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_IN, &in));
  if (in) return multi_column_in(p, r);
  CQLE_PARSE(take_relation_type(p, &r->op));
  return at_marker(p) ? cqle_p_marker(p, &r->term) : cqle_p_tuple_literal(p, &r->term);
}

static cql_status token_relation(cqle_parser *p, cqle_relation *r) {
  r->kind = CQLE_REL_TOKEN;
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(tuple_of_identifiers(p, r));
  CQLE_PARSE(take_relation_type(p, &r->op));
  return cqle_p_term(p, &r->term);
}

static cql_status element_relation(cqle_parser *p, cqle_relation *r) {
  r->kind = CQLE_REL_ELEMENT;
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_term(p, &r->key));
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_RBRACKET));
  CQLE_PARSE(take_relation_type(p, &r->op));
  return cqle_p_term(p, &r->term);
}

static cql_status column_relation(cqle_parser *p, cqle_relation *r) {
  cqle_list columns = {0};
  r->kind = CQLE_REL_COLUMN;
  CQLE_PARSE(add_column(p, &columns));
  set_columns(r, &columns);
  switch (p->tok.kind) {
  case CQLE_TOK_LBRACKET: return element_relation(p, r);
  case CQLE_K_CONTAINS: return contains(p, r);
  case CQLE_K_IN: CQLE_PARSE(cqle_p_next(p)); return in_values(p, r);
  case CQLE_K_LIKE:
    r->op = CQLE_OP_LIKE;
    CQLE_PARSE(cqle_p_next(p));
    return cqle_p_term(p, &r->term);
  case CQLE_K_IS:
    r->op = CQLE_OP_IS_NOT_NULL;
    CQLE_PARSE(cqle_p_next(p));
    CQLE_PARSE(cqle_p_expect(p, CQLE_K_NOT));
    return cqle_p_expect(p, CQLE_K_NULL);
  default: CQLE_PARSE(take_relation_type(p, &r->op)); return cqle_p_term(p, &r->term);
  }
}

/* "(a, b" and "(a)" begin a tuple of columns; any other parenthesis holds a relation. */
static bool at_tuple(const cqle_parser *p) {
  cqle_token_kind first = cqle_p_peek(p, 1), second;
  if (!cqle_p_is_name(first) && first != CQLE_TOK_EMPTY_QUOTED_NAME) return false;
  second = cqle_p_peek(p, 2);
  return second == CQLE_TOK_COMMA || second == CQLE_TOK_RPAREN;
}

static cql_status relation(cqle_parser *p, cqle_relation *r) {
  r->pos = p->tok.pos;
  if (cqle_p_at(p, CQLE_K_TOKEN)) return token_relation(p, r);
  if (!cqle_p_at(p, CQLE_TOK_LPAREN)) return column_relation(p, r);
  if (at_tuple(p)) return multi_column_relation(p, r);
  CQLE_PARSE(cqle_p_enter(p));
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(relation(p, r));
  cqle_p_leave(p);
  return cqle_p_expect(p, CQLE_TOK_RPAREN);
}

/* expr(index, term) */
static cql_status custom_expression(cqle_parser *p, cqle_relation *r) {
  cqle_list names = {0};
  cql_slice *index = cqle_list_add(p->a, &names, sizeof *index);
  if (!index) return cqle_p_nomem(p);
  r->pos = p->tok.pos;
  r->kind = CQLE_REL_CUSTOM;
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_single_index_name(p, index));
  set_columns(r, &names);
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_COMMA));
  CQLE_PARSE(cqle_p_term(p, &r->term));
  return cqle_p_expect(p, CQLE_TOK_RPAREN);
}

cql_status cqle_p_where(cqle_parser *p, cqle_relation **out, uint32_t *count) {
  cqle_list list = {0};
  bool more = true;
  while (more) {
    cqle_relation *r = cqle_list_add(p->a, &list, sizeof *r);
    if (!r) return cqle_p_nomem(p);
    CQLE_PARSE(cqle_p_at(p, CQLE_TOK_EXPR) ? custom_expression(p, r) : relation(p, r));
    CQLE_PARSE(cqle_p_accept(p, CQLE_K_AND, &more));
  }
  *out = list.items;
  *count = list.count;
  return CQL_OK;
}

/* --- IF ----------------------------------------------------------------------------------------------------------- */

static cql_status condition(cqle_parser *p, cqle_relation *r) {
  cqle_list columns = {0};
  bool found;
  r->pos = p->tok.pos;
  r->kind = CQLE_REL_COLUMN;
  CQLE_PARSE(add_column(p, &columns));
  set_columns(r, &columns);
  if (cqle_p_at(p, CQLE_K_CONTAINS)) return contains(p, r);
  CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_LBRACKET, &found));
  if (found) {
    r->kind = CQLE_REL_ELEMENT;
    CQLE_PARSE(cqle_p_term(p, &r->key));
    CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_RBRACKET));
  } else {
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_DOT, &found));
    if (found) {
      r->kind = CQLE_REL_FIELD;
      CQLE_PARSE(cqle_p_ident(p, &r->field));
    }
  }
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_IN, &found));
  if (found) return in_values(p, r);
  CQLE_PARSE(take_relation_type(p, &r->op));
  return cqle_p_term(p, &r->term);
}

cql_status cqle_p_conditions(cqle_parser *p, cqle_relation **out, uint32_t *count) {
  cqle_list list = {0};
  bool more = true;
  while (more) {
    cqle_relation *r = cqle_list_add(p->a, &list, sizeof *r);
    if (!r) return cqle_p_nomem(p);
    CQLE_PARSE(condition(p, r));
    CQLE_PARSE(cqle_p_accept(p, CQLE_K_AND, &more));
  }
  *out = list.items;
  *count = list.count;
  return CQL_OK;
}
