#include "engine/parse/parser.h"

/* --- columns ------------------------------------------------------------------------------------------------------ */

/* MASKED WITH DEFAULT, MASKED WITH function(term, …) */
cql_status cqle_p_column_mask(cqle_parser *p) {
  cqle_qname function;
  cqle_term **arguments;
  uint32_t count;
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_MASKED));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_WITH));
  if (cqle_p_at(p, CQLE_K_DEFAULT) && cqle_p_peek(p, 1) != CQLE_TOK_LPAREN && cqle_p_peek(p, 1) != CQLE_TOK_DOT)
    return cqle_p_next(p);
  CQLE_PARSE(cqle_p_function_name(p, &function));
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_LPAREN));
  return cqle_p_term_list(p, CQLE_TOK_RPAREN, true, &arguments, &count);
}

/* name type [STATIC] [MASKED WITH …] */
static cql_status column_definition(cqle_parser *p, cqle_column_def *c) {
  CQLE_PARSE(cqle_p_ident(p, &c->name));
  CQLE_PARSE(cqle_p_type(p, &c->type));
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_STATIC, &c->is_static));
  c->masked = cqle_p_at(p, CQLE_K_MASKED);
  return c->masked ? cqle_p_column_mask(p) : CQL_OK;
}

static cql_status add_name(cqle_parser *p, cqle_list *names) {
  cql_slice *name = cqle_list_add(p->a, names, sizeof *name);
  return name ? cqle_p_ident(p, name) : cqle_p_nomem(p);
}

/* --- CREATE TABLE ------------------------------------------------------------------------------------------------- */

typedef struct table_lists {
  cqle_list columns, partition, clustering, order, properties;
} table_lists;

/* PRIMARY KEY (a, b) or ((a, b), c) */
static cql_status primary_key(cqle_parser *p, cqle_create_table *t, table_lists *l) {
  bool composite, more = true;
  t->primary_key_count++;
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_KEY));
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_LPAREN));
  CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_LPAREN, &composite));
  while (more) {
    CQLE_PARSE(add_name(p, &l->partition));
    if (!composite) break;
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  }
  if (composite) CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_RPAREN));
  CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  while (more) {
    CQLE_PARSE(add_name(p, &l->clustering));
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  }
  return cqle_p_expect(p, CQLE_TOK_RPAREN);
}

static cql_status table_column(cqle_parser *p, cqle_create_table *t, table_lists *l) {
  cqle_column_def *c;
  cql_slice *key;
  if (cqle_p_at(p, CQLE_K_PRIMARY)) return primary_key(p, t, l);
  c = cqle_list_add(p->a, &l->columns, sizeof *c);
  if (!c) return cqle_p_nomem(p);
  CQLE_PARSE(column_definition(p, c));
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_PRIMARY, &c->primary_key));
  if (!c->primary_key) return CQL_OK;
  t->primary_key_count++;
  key = cqle_list_add(p->a, &l->partition, sizeof *key);
  if (!key) return cqle_p_nomem(p);
  *key = c->name;
  return cqle_p_expect(p, CQLE_K_KEY);
}

static cql_status clustering_order(cqle_parser *p, table_lists *l) {
  bool more = true;
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_ORDER));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_BY));
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_LPAREN));
  while (more) {
    cqle_order *o = cqle_list_add(p->a, &l->order, sizeof *o);
    if (!o) return cqle_p_nomem(p);
    CQLE_PARSE(cqle_p_ident(p, &o->column));
    o->descending = cqle_p_at(p, CQLE_K_DESC);
    if (!o->descending && !cqle_p_at(p, CQLE_K_ASC)) return cqle_p_no_viable(p);
    CQLE_PARSE(cqle_p_next(p));
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  }
  return cqle_p_expect(p, CQLE_TOK_RPAREN);
}

static cql_status table_properties(cqle_parser *p, cqle_create_table *t, table_lists *l) {
  bool more = true;
  while (more) {
    cqle_token_kind next = cqle_p_peek(p, 1);
    if (cqle_p_at(p, CQLE_K_COMPACT) && next == CQLE_K_STORAGE) {
      t->compact_storage = true;
      CQLE_PARSE(cqle_p_next(p));
      CQLE_PARSE(cqle_p_next(p));
    } else if (cqle_p_at(p, CQLE_K_CLUSTERING) && next == CQLE_K_ORDER) {
      CQLE_PARSE(clustering_order(p, l));
    } else {
      CQLE_PARSE(cqle_p_property(p, &l->properties));
    }
    CQLE_PARSE(cqle_p_accept(p, CQLE_K_AND, &more));
  }
  return CQL_OK;
}

static void set_lists(cqle_create_table *t, const table_lists *l) {
  t->columns = l->columns.items;
  t->column_count = l->columns.count;
  t->partition = l->partition.items;
  t->partition_count = l->partition.count;
  t->clustering = l->clustering.items;
  t->clustering_count = l->clustering.count;
  t->clustering_order = l->order.items;
  t->order_count = l->order.count;
  t->properties = l->properties.items;
  t->property_count = l->properties.count;
}

cql_status cqle_p_create_table(cqle_parser *p, cqle_statement *s) {
  cqle_create_table *t = &s->as.create_table;
  table_lists l = {0};
  bool more = true, found;
  s->kind = CQLE_STMT_CREATE_TABLE;
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_if_not_exists(p, &t->if_not_exists));
  CQLE_PARSE(cqle_p_table_name(p, &t->name));
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_LPAREN));
  CQLE_PARSE(table_column(p, t, &l));
  for (;;) { /* a comma may follow the last column, or another comma */
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
    if (!more) break;
    if (!cqle_p_at(p, CQLE_TOK_COMMA) && !cqle_p_at(p, CQLE_TOK_RPAREN)) CQLE_PARSE(table_column(p, t, &l));
  }
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_RPAREN));
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_WITH, &found));
  if (found) CQLE_PARSE(table_properties(p, t, &l));
  set_lists(t, &l);
  return CQL_OK;
}

/* --- ALTER TABLE -------------------------------------------------------------------------------------------------- */

/* One thing, or a list of them in parentheses. */
static cql_status alter_columns(cqle_parser *p, cqle_alter_table *t, bool with_type) {
  cqle_list columns = {0};
  bool list, more = true;
  CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_LPAREN, &list));
  while (more) {
    cqle_column_def *c = cqle_list_add(p->a, &columns, sizeof *c);
    if (!c) return cqle_p_nomem(p);
    CQLE_PARSE(with_type ? column_definition(p, c) : cqle_p_ident(p, &c->name));
    if (!list) break;
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  }
  t->columns = columns.items;
  t->column_count = columns.count;
  return list ? cqle_p_expect(p, CQLE_TOK_RPAREN) : CQL_OK;
}

static cql_status alter_drop(cqle_parser *p, cqle_alter_table *t) {
  bool found;
  if (cqle_p_at(p, CQLE_K_COMPACT) && cqle_p_peek(p, 1) == CQLE_K_STORAGE) {
    t->kind = CQLE_ALTER_OTHER;
    t->other = "DROP COMPACT STORAGE";
    CQLE_PARSE(cqle_p_next(p));
    return cqle_p_next(p);
  }
  t->kind = CQLE_ALTER_DROP;
  CQLE_PARSE(cqle_p_if_exists(p, &t->if_column));
  CQLE_PARSE(alter_columns(p, t, false));
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_USING, &found));
  if (!found) return CQL_OK;
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_TIMESTAMP));
  return cqle_p_at(p, CQLE_TOK_INTEGER) ? cqle_p_constant(p, &t->drop_timestamp) : cqle_p_expect(p, CQLE_TOK_INTEGER);
}

static cql_status alter_rename(cqle_parser *p, cqle_alter_table *t) {
  cqle_list columns = {0}, renamed = {0};
  bool more = true;
  t->kind = CQLE_ALTER_RENAME;
  CQLE_PARSE(cqle_p_if_exists(p, &t->if_column));
  while (more) {
    cqle_column_def *c = cqle_list_add(p->a, &columns, sizeof *c);
    if (!c) return cqle_p_nomem(p);
    CQLE_PARSE(cqle_p_ident(p, &c->name));
    CQLE_PARSE(cqle_p_expect(p, CQLE_K_TO));
    CQLE_PARSE(add_name(p, &renamed));
    CQLE_PARSE(cqle_p_accept(p, CQLE_K_AND, &more));
  }
  t->columns = columns.items;
  t->renamed = renamed.items;
  t->column_count = columns.count;
  return CQL_OK;
}

/* ALTER c TYPE t; ALTER [IF EXISTS] c MASKED WITH … or DROP MASKED */
static cql_status alter_column(cqle_parser *p, cqle_alter_table *t) {
  cqle_list columns = {0};
  cqle_column_def *c = cqle_list_add(p->a, &columns, sizeof *c);
  if (!c) return cqle_p_nomem(p);
  t->columns = c;
  t->column_count = 1;
  t->kind = CQLE_ALTER_OTHER;
  CQLE_PARSE(cqle_p_if_exists(p, &t->if_column));
  CQLE_PARSE(cqle_p_cident(p, &c->name));
  if (cqle_p_at(p, CQLE_K_TYPE) && !t->if_column) {
    t->kind = CQLE_ALTER_TYPE;
    CQLE_PARSE(cqle_p_next(p));
    return cqle_p_type(p, &c->type);
  }
  if (cqle_p_at(p, CQLE_K_DROP)) {
    t->other = "DROP MASKED";
    CQLE_PARSE(cqle_p_next(p));
    return cqle_p_expect(p, CQLE_K_MASKED);
  }
  t->other = "MASKED";
  return cqle_p_at(p, CQLE_K_MASKED) ? cqle_p_column_mask(p) : cqle_p_no_viable(p);
}

cql_status cqle_p_alter_table(cqle_parser *p, cqle_statement *s) {
  cqle_alter_table *t = &s->as.alter_table;
  cqle_list properties = {0};
  cqle_token_kind what;
  s->kind = CQLE_STMT_ALTER_TABLE;
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_if_exists(p, &t->if_exists));
  CQLE_PARSE(cqle_p_table_name(p, &t->name));
  what = p->tok.kind;
  if (what != CQLE_K_ALTER && what != CQLE_K_ADD && what != CQLE_K_DROP && what != CQLE_K_RENAME && what != CQLE_K_WITH)
    return cqle_p_no_viable(p);
  CQLE_PARSE(cqle_p_next(p));
  switch (what) {
  case CQLE_K_ALTER: return alter_column(p, t);
  case CQLE_K_ADD:
    t->kind = CQLE_ALTER_ADD;
    CQLE_PARSE(cqle_p_if_not_exists(p, &t->if_column));
    return alter_columns(p, t, true);
  case CQLE_K_DROP: return alter_drop(p, t);
  case CQLE_K_RENAME: return alter_rename(p, t);
  default: break;
  }
  t->kind = CQLE_ALTER_WITH;
  CQLE_PARSE(cqle_p_properties(p, &properties));
  t->properties = properties.items;
  t->property_count = properties.count;
  return CQL_OK;
}
