/* CREATE TYPE and ALTER TYPE. */
#include "engine/parse/parser.h"

static cql_status field(cqle_parser *p, cqle_list *fields) {
  cqle_field_def *f = cqle_list_add(p->a, fields, sizeof *f);
  if (!f) return cqle_p_nomem(p);
  CQLE_PARSE(cqle_p_ident(p, &f->name));
  return cqle_p_type(p, &f->type);
}

cql_status cqle_p_create_type(cqle_parser *p, cqle_statement *s) {
  cqle_create_type *t = &s->as.create_type;
  cqle_list fields = {0};
  bool more = true;
  s->kind = CQLE_STMT_CREATE_TYPE;
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_if_not_exists(p, &t->if_not_exists));
  CQLE_PARSE(cqle_p_type_name(p, &t->name));
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_LPAREN));
  while (more) { /* a comma may follow the last field, or another comma */
    CQLE_PARSE(field(p, &fields));
    do CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
    while (more && cqle_p_at(p, CQLE_TOK_COMMA));
    if (cqle_p_at(p, CQLE_TOK_RPAREN)) more = false;
  }
  t->fields = fields.items;
  t->count = fields.count;
  return cqle_p_expect(p, CQLE_TOK_RPAREN);
}

static cql_status add_field(cqle_parser *p, cqle_alter_type *t, cqle_list *fields) {
  t->kind = CQLE_FIELD_ADD;
  CQLE_PARSE(cqle_p_if_not_exists(p, &t->if_field));
  return field(p, fields);
}

static cql_status alter_field(cqle_parser *p, cqle_alter_type *t, cqle_list *fields) {
  cqle_field_def *f = cqle_list_add(p->a, fields, sizeof *f);
  if (!f) return cqle_p_nomem(p);
  t->kind = CQLE_FIELD_ALTER;
  CQLE_PARSE(cqle_p_ident(p, &f->name));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_TYPE));
  return cqle_p_type(p, &f->type);
}

static cql_status rename_fields(cqle_parser *p, cqle_alter_type *t, cqle_list *fields) {
  cqle_list renamed = {0};
  bool more = true;
  t->kind = CQLE_FIELD_RENAME;
  CQLE_PARSE(cqle_p_if_exists(p, &t->if_field));
  while (more) {
    cqle_field_def *f = cqle_list_add(p->a, fields, sizeof *f);
    cql_slice *name = cqle_list_add(p->a, &renamed, sizeof *name);
    if (!f || !name) return cqle_p_nomem(p);
    CQLE_PARSE(cqle_p_ident(p, &f->name));
    CQLE_PARSE(cqle_p_expect(p, CQLE_K_TO));
    CQLE_PARSE(cqle_p_ident(p, name));
    CQLE_PARSE(cqle_p_accept(p, CQLE_K_AND, &more));
  }
  t->renamed = renamed.items;
  return CQL_OK;
}

cql_status cqle_p_alter_type(cqle_parser *p, cqle_statement *s) {
  cqle_alter_type *t = &s->as.alter_type;
  cqle_list fields = {0};
  cqle_token_kind what;
  s->kind = CQLE_STMT_ALTER_TYPE;
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_if_exists(p, &t->if_exists));
  CQLE_PARSE(cqle_p_type_name(p, &t->name));
  what = p->tok.kind;
  if (what != CQLE_K_ALTER && what != CQLE_K_ADD && what != CQLE_K_RENAME) return cqle_p_no_viable(p);
  CQLE_PARSE(cqle_p_next(p));
  if (what == CQLE_K_ADD)
    CQLE_PARSE(add_field(p, t, &fields));
  else if (what == CQLE_K_ALTER)
    CQLE_PARSE(alter_field(p, t, &fields));
  else
    CQLE_PARSE(rename_fields(p, t, &fields));
  t->fields = fields.items;
  t->count = fields.count;
  return CQL_OK;
}
