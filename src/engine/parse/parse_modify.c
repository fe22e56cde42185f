#include "engine/parse/parser.h"

#include <string.h>

/* --- USING, IF ---------------------------------------------------------------------------------------------------- */

static cql_status using_clause(cqle_parser *p, cqle_attributes *attributes, bool with_ttl) {
  bool more = true, found;
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_USING, &found));
  if (!found) return CQL_OK;
  while (more) {
    CQLE_PARSE(cqle_p_accept(p, CQLE_K_TIMESTAMP, &found));
    if (found) {
      CQLE_PARSE(cqle_p_int_value(p, &attributes->timestamp));
    } else if (with_ttl && cqle_p_at(p, CQLE_K_TTL)) {
      CQLE_PARSE(cqle_p_next(p));
      CQLE_PARSE(cqle_p_int_value(p, &attributes->ttl));
    } else {
      return with_ttl ? cqle_p_no_viable(p) : cqle_p_expect(p, CQLE_K_TIMESTAMP);
    }
    if (!with_ttl) return CQL_OK;
    CQLE_PARSE(cqle_p_accept(p, CQLE_K_AND, &more));
  }
  return CQL_OK;
}

/* WHERE … [IF EXISTS | IF conditions] of UPDATE and DELETE. EXISTS may be a column: IF exists = 1. */
static cql_status where_and_if(cqle_parser *p, cqle_modify *m) {
  bool found;
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_WHERE));
  CQLE_PARSE(cqle_p_where(p, &m->where, &m->where_count));
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_IF, &found));
  if (!found) return CQL_OK;
  if (cqle_p_at(p, CQLE_K_EXISTS)) {
    switch (cqle_p_peek(p, 1)) {
    case CQLE_TOK_EQ:
    case CQLE_TOK_NE:
    case CQLE_TOK_LT:
    case CQLE_TOK_LE:
    case CQLE_TOK_GT:
    case CQLE_TOK_GE:
    case CQLE_TOK_LBRACKET:
    case CQLE_TOK_DOT:
    case CQLE_K_IN:
    case CQLE_K_CONTAINS: break;
    default: return cqle_p_accept(p, CQLE_K_EXISTS, &m->if_exists);
    }
  }
  return cqle_p_conditions(p, &m->ifs, &m->if_count);
}

/* --- INSERT ------------------------------------------------------------------------------------------------------- */

static cql_status insert_values(cqle_parser *p, cqle_modify *m) {
  cqle_list columns = {0};
  bool more = true;
  CQLE_PARSE(cqle_p_next(p));
  while (more) {
    cql_slice *name = cqle_list_add(p->a, &columns, sizeof *name);
    if (!name) return cqle_p_nomem(p);
    CQLE_PARSE(cqle_p_cident(p, name));
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  }
  m->columns = columns.items;
  m->column_count = columns.count;
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_RPAREN));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_VALUES));
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_LPAREN));
  return cqle_p_term_list(p, CQLE_TOK_RPAREN, false, &m->values, &m->value_count);
}

static cql_status insert_json(cqle_parser *p, cqle_modify *m) {
  bool found;
  m->kind = CQLE_INSERT_JSON;
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_at(p, CQLE_TOK_STRING) ? cqle_p_constant(p, &m->json) : cqle_p_marker(p, &m->json));
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_DEFAULT, &found));
  if (!found) return CQL_OK;
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_UNSET, &m->json_default_unset));
  if (m->json_default_unset) return CQL_OK;
  return cqle_p_at(p, CQLE_K_NULL) ? cqle_p_next(p) : cqle_p_no_viable(p);
}

static cql_status insert(cqle_parser *p, cqle_modify *m) {
  m->kind = CQLE_INSERT;
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_INTO));
  CQLE_PARSE(cqle_p_table_name(p, &m->table));
  if (cqle_p_at(p, CQLE_TOK_LPAREN))
    CQLE_PARSE(insert_values(p, m));
  else if (cqle_p_at(p, CQLE_K_JSON))
    CQLE_PARSE(insert_json(p, m));
  else
    return cqle_p_no_viable(p);
  CQLE_PARSE(cqle_p_if_not_exists(p, &m->if_not_exists));
  return using_clause(p, &m->using, true);
}

/* --- UPDATE ------------------------------------------------------------------------------------------------------- */

/* Operation.RawUpdate.isCompatibleWith: may both stand in one UPDATE? */
static bool is_compatible(const cqle_assignment *x, const cqle_assignment *y) {
  if (x->kind == CQLE_SET_VALUE || y->kind == CQLE_SET_VALUE) return false;
  if (x->kind == CQLE_SET_FIELD && y->kind == CQLE_SET_FIELD) return !cql_slice_eq(x->field, y->field);
  return true;
}

static cql_status check_compatible(cqle_parser *p, const cqle_list *list) {
  const cqle_assignment *all = list->items, *last = all + list->count - 1;
  for (const cqle_assignment *s = all; s < last; s++)
    if (cql_slice_eq(s->column, last->column) && !is_compatible(s, last))
      return cqle_p_fail(p, "Multiple incompatible setting of column " CQL_SLICE_FMT, CQL_SLICE_ARG(s->column));
  return CQL_OK;
}

/* c = c + term, c = c - term, c = c -3 (where the sign belongs to the number) */
static cql_status counted_assignment(cqle_parser *p, cqle_assignment *s) {
  cql_slice other;
  CQLE_PARSE(cqle_p_cident(p, &other));
  if (cqle_p_at(p, CQLE_TOK_INTEGER)) {
    s->kind = CQLE_SET_ADD;
    if (!cql_slice_eq(s->column, other))
      return cqle_p_fail(p, "Only expressions of the form X = X %c <value> are supported.",
                         p->tok.text.data[0] == '-' ? '-' : '+');
    return cqle_p_constant(p, &s->term);
  }
  s->kind = cqle_p_at(p, CQLE_TOK_PLUS) ? CQLE_SET_ADD : CQLE_SET_SUB;
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_term(p, &s->term));
  if (cql_slice_eq(s->column, other)) return CQL_OK;
  return cqle_p_fail(p, "Only expressions of the form X = X %c<value> are supported.",
                     s->kind == CQLE_SET_ADD ? '+' : '-');
}

/* c = … behind the sign */
static cql_status normal_assignment(cqle_parser *p, cqle_assignment *s) {
  cql_slice other;
  bool plus;
  if (cqle_p_is_name(p->tok.kind) || cqle_p_at(p, CQLE_TOK_EMPTY_QUOTED_NAME)) {
    cqle_token_kind next = cqle_p_peek(p, 1);
    if (next == CQLE_TOK_PLUS || next == CQLE_TOK_MINUS || next == CQLE_TOK_INTEGER) return counted_assignment(p, s);
  }
  s->kind = CQLE_SET_VALUE;
  CQLE_PARSE(cqle_p_assigned_term(p, &s->term));
  CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_PLUS, &plus));
  if (!plus) return CQL_OK;
  s->kind = CQLE_SET_PREPEND;
  CQLE_PARSE(cqle_p_cident(p, &other));
  if (cql_slice_eq(s->column, other)) return CQL_OK;
  return cqle_p_fail(p, "Only expressions of the form X = <value> + X are supported.");
}

static cql_status assignment(cqle_parser *p, cqle_assignment *s) {
  s->pos = p->tok.pos;
  CQLE_PARSE(cqle_p_cident(p, &s->column));
  switch (p->tok.kind) {
  case CQLE_TOK_EQ: CQLE_PARSE(cqle_p_next(p)); return normal_assignment(p, s);
  case CQLE_TOK_PLUS_EQ:
  case CQLE_TOK_MINUS_EQ:
    s->kind = cqle_p_at(p, CQLE_TOK_PLUS_EQ) ? CQLE_SET_ADD : CQLE_SET_SUB;
    CQLE_PARSE(cqle_p_next(p));
    return cqle_p_term(p, &s->term);
  case CQLE_TOK_LBRACKET:
    s->kind = CQLE_SET_ELEMENT;
    CQLE_PARSE(cqle_p_next(p));
    CQLE_PARSE(cqle_p_term(p, &s->key));
    CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_RBRACKET));
    break;
  case CQLE_TOK_DOT:
    s->kind = CQLE_SET_FIELD;
    CQLE_PARSE(cqle_p_next(p));
    CQLE_PARSE(cqle_p_ident(p, &s->field));
    break;
  default: return cqle_p_no_viable(p);
  }
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_EQ));
  return cqle_p_term(p, &s->term);
}

static cql_status update(cqle_parser *p, cqle_modify *m) {
  cqle_list sets = {0};
  bool more = true;
  m->kind = CQLE_UPDATE;
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_table_name(p, &m->table));
  CQLE_PARSE(using_clause(p, &m->using, true));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_SET));
  while (more) {
    cqle_assignment *s;
    if (sets.count == CQLE_ASSIGNMENTS_MAX)
      return cql_fail(p->err, CQL_LIMIT, "There are more than %d assignments", CQLE_ASSIGNMENTS_MAX);
    s = cqle_list_add(p->a, &sets, sizeof *s);
    if (!s) return cqle_p_nomem(p);
    CQLE_PARSE(assignment(p, s));
    CQLE_PARSE(check_compatible(p, &sets));
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  }
  m->sets = sets.items;
  m->set_count = sets.count;
  return where_and_if(p, m);
}

/* --- DELETE ------------------------------------------------------------------------------------------------------- */

static cql_status delete_target(cqle_parser *p, cqle_delete_target *t) {
  bool found;
  CQLE_PARSE(cqle_p_cident(p, &t->column));
  CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_LBRACKET, &found));
  if (found) {
    CQLE_PARSE(cqle_p_term(p, &t->key));
    return cqle_p_expect(p, CQLE_TOK_RBRACKET);
  }
  CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_DOT, &found));
  return found ? cqle_p_ident(p, &t->field) : CQL_OK;
}

static cql_status delete (cqle_parser *p, cqle_modify *m) {
  cqle_list targets = {0};
  bool more;
  m->kind = CQLE_DELETE;
  CQLE_PARSE(cqle_p_next(p));
  more = !cqle_p_at(p, CQLE_K_FROM);
  while (more) {
    cqle_delete_target *t = cqle_list_add(p->a, &targets, sizeof *t);
    if (!t) return cqle_p_nomem(p);
    CQLE_PARSE(delete_target(p, t));
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  }
  m->targets = targets.items;
  m->target_count = targets.count;
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_FROM));
  CQLE_PARSE(cqle_p_table_name(p, &m->table));
  CQLE_PARSE(using_clause(p, &m->using, false));
  return where_and_if(p, m);
}

/* --- BATCH -------------------------------------------------------------------------------------------------------- */

cql_status cqle_p_modification(cqle_parser *p, cqle_modify *m) {
  switch (p->tok.kind) {
  case CQLE_K_INSERT: return insert(p, m);
  case CQLE_K_UPDATE: return update(p, m);
  case CQLE_K_DELETE: return delete (p, m);
  default: return cqle_p_no_viable(p);
  }
}

static bool at_modification(const cqle_parser *p) {
  return cqle_p_at(p, CQLE_K_INSERT) || cqle_p_at(p, CQLE_K_UPDATE) || cqle_p_at(p, CQLE_K_DELETE);
}

cql_status cqle_p_batch(cqle_parser *p, cqle_statement *s) {
  cqle_batch *b = &s->as.batch;
  cqle_list items = {0};
  bool found;
  s->kind = CQLE_STMT_BATCH;
  b->type = CQL_BATCH_LOGGED;
  CQLE_PARSE(cqle_p_next(p));
  if (cqle_p_at(p, CQLE_K_UNLOGGED)) b->type = CQL_BATCH_UNLOGGED;
  if (cqle_p_at(p, CQLE_K_COUNTER)) b->type = CQL_BATCH_COUNTER;
  if (b->type != CQL_BATCH_LOGGED) CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_BATCH));
  CQLE_PARSE(using_clause(p, &b->using, true));
  while (at_modification(p)) {
    cqle_modify *m = cqle_list_add(p->a, &items, sizeof *m);
    if (!m) return cqle_p_nomem(p);
    CQLE_PARSE(cqle_p_modification(p, m));
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_SEMICOLON, &found));
  }
  b->items = items.items;
  b->count = items.count;
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_APPLY));
  return cqle_p_expect(p, CQLE_K_BATCH);
}

/* --- USE, TRUNCATE ------------------------------------------------------------------------------------------------ */

cql_status cqle_p_use(cqle_parser *p, cqle_statement *s) {
  s->kind = CQLE_STMT_USE;
  CQLE_PARSE(cqle_p_next(p));
  return cqle_p_keyspace_name(p, &s->as.drop.name.name);
}

cql_status cqle_p_truncate(cqle_parser *p, cqle_statement *s) {
  bool found;
  s->kind = CQLE_STMT_TRUNCATE;
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_COLUMNFAMILY, &found));
  return cqle_p_table_name(p, &s->as.drop.name);
}
