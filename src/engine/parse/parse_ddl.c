#include "engine/parse/parser.h"

enum { PROPERTY_ENTRIES_MAX = 1024 };

/* --- properties: name = value AND …
 * --------------------------------------------------------------------------------- */

/* Values of a property map must be written out, and keys once (Parser.g, convertPropertyMap). */
static cql_status check_property_map(cqle_parser *p, const cqle_term *map) {
  if (map->count / 2 > PROPERTY_ENTRIES_MAX)
    return cql_fail(p->err, CQL_LIMIT, "A property has more than %d entries", PROPERTY_ENTRIES_MAX);
  for (uint32_t i = 0; i < map->count; i += 2) {
    const cqle_term *key = map->items[i], *value = map->items[i + 1];
    const char *hint = " (bind variables are not supported in DDL queries)";
    if (key->kind != CQLE_TERM_LITERAL)
      return cqle_p_fail(p, "Invalid property name: " CQL_SLICE_FMT "%s", CQL_SLICE_ARG(key->source),
                         key->kind == CQLE_TERM_MARKER ? hint : "");
    if (value->kind != CQLE_TERM_LITERAL)
      return cqle_p_fail(p, "Invalid property value: " CQL_SLICE_FMT " for property: " CQL_SLICE_FMT "%s",
                         CQL_SLICE_ARG(value->source), CQL_SLICE_ARG(key->source),
                         value->kind == CQLE_TERM_MARKER ? hint : "");
    for (uint32_t j = 0; j < i; j += 2)
      if (cql_slice_eq(map->items[j]->text, key->text))
        return cqle_p_fail(p, "Multiple definition for property " CQL_SLICE_FMT, CQL_SLICE_ARG(key->text));
  }
  return CQL_OK;
}

/* A word that is not reserved stands for itself as a string: caching = ALL */
static cql_status keyword_value(cqle_parser *p, cqle_term **out) {
  cqle_term *t = cql_arena_zero(p->a, sizeof *t);
  if (!t) return cqle_p_nomem(p);
  t->kind = CQLE_TERM_LITERAL;
  t->literal = CQL_LITERAL_STRING;
  t->pos = p->tok.pos;
  t->text = t->source = p->tok.text;
  *out = t;
  return cqle_p_next(p);
}

cql_status cqle_p_property(cqle_parser *p, cqle_list *properties) {
  cqle_property *all, *property = cqle_list_add(p->a, properties, sizeof *property);
  if (!property) return cqle_p_nomem(p);
  if (properties->count > PROPERTY_ENTRIES_MAX)
    return cql_fail(p->err, CQL_LIMIT, "There are more than %d properties", PROPERTY_ENTRIES_MAX);
  property->pos = p->tok.pos;
  CQLE_PARSE(cqle_p_ident(p, &property->name));
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_EQ));
  if (cqle_p_at(p, CQLE_TOK_LBRACE)) {
    CQLE_PARSE(cqle_p_full_map_literal(p, &property->value));
    CQLE_PARSE(check_property_map(p, property->value));
  } else if (cqle_p_is_constant(p->tok.kind)) {
    CQLE_PARSE(cqle_p_constant(p, &property->value));
  } else if (cqle_token_keyword_use(p->tok.kind) & CQLE_KW_NAME) {
    CQLE_PARSE(keyword_value(p, &property->value));
  } else {
    return cqle_p_no_viable(p);
  }
  all = properties->items;
  for (uint32_t i = 0; i + 1 < properties->count; i++)
    if (cql_slice_eq(all[i].name, property->name))
      return cqle_p_fail(p, "Multiple definitions for property '" CQL_SLICE_FMT "'", CQL_SLICE_ARG(property->name));
  return CQL_OK;
}

cql_status cqle_p_properties(cqle_parser *p, cqle_list *properties) {
  bool more = true;
  while (more) {
    CQLE_PARSE(cqle_p_property(p, properties));
    CQLE_PARSE(cqle_p_accept(p, CQLE_K_AND, &more));
  }
  return CQL_OK;
}

/* --- CREATE ------------------------------------------------------------------------------------------------------- */

static cql_status keyspace_definition(cqle_parser *p, cqle_create_keyspace *k) {
  cqle_list properties = {0};
  CQLE_PARSE(cqle_p_keyspace_name(p, &k->name));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_WITH));
  CQLE_PARSE(cqle_p_properties(p, &properties));
  k->properties = properties.items;
  k->property_count = properties.count;
  return CQL_OK;
}

static cql_status create_keyspace(cqle_parser *p, cqle_statement *s) {
  s->kind = CQLE_STMT_CREATE_KEYSPACE;
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_if_not_exists(p, &s->as.create_keyspace.if_not_exists));
  return keyspace_definition(p, &s->as.create_keyspace);
}

/* c, values(c), keys(c), entries(c), full(c) */
static cql_status index_target(cqle_parser *p, cqle_index_target *target, cql_slice *column) {
  bool call = cqle_p_peek(p, 1) == CQLE_TOK_LPAREN;
  *target = CQLE_TARGET_COLUMN;
  if (call && cqle_p_at(p, CQLE_K_VALUES)) *target = CQLE_TARGET_VALUES;
  if (call && cqle_p_at(p, CQLE_K_KEYS)) *target = CQLE_TARGET_KEYS;
  if (cqle_p_at(p, CQLE_K_ENTRIES)) *target = CQLE_TARGET_ENTRIES;
  if (cqle_p_at(p, CQLE_K_FULL)) *target = CQLE_TARGET_FULL;
  if (*target == CQLE_TARGET_COLUMN) return cqle_p_cident(p, column);
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_LPAREN));
  CQLE_PARSE(cqle_p_cident(p, column));
  return cqle_p_expect(p, CQLE_TOK_RPAREN);
}

static cql_status index_targets(cqle_parser *p, cqle_create_index *index) {
  cqle_list targets = {0}, columns = {0};
  bool more;
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_LPAREN));
  more = !cqle_p_at(p, CQLE_TOK_RPAREN);
  while (more) {
    cqle_index_target *target = cqle_list_add(p->a, &targets, sizeof *target);
    cql_slice *column = cqle_list_add(p->a, &columns, sizeof *column);
    if (!target || !column) return cqle_p_nomem(p);
    CQLE_PARSE(index_target(p, target, column));
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  }
  index->targets = targets.items;
  index->columns = columns.items;
  index->target_count = targets.count;
  return cqle_p_expect(p, CQLE_TOK_RPAREN);
}

static cql_status create_index(cqle_parser *p, cqle_statement *s) {
  cqle_create_index *index = &s->as.create_index;
  cqle_list properties = {0};
  bool found;
  s->kind = CQLE_STMT_CREATE_INDEX;
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_CUSTOM, &index->custom));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_INDEX));
  CQLE_PARSE(cqle_p_if_not_exists(p, &index->if_not_exists));
  if (!cqle_p_at(p, CQLE_K_ON)) CQLE_PARSE(cqle_p_single_index_name(p, &index->name));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_ON));
  CQLE_PARSE(cqle_p_table_name(p, &index->table));
  CQLE_PARSE(index_targets(p, index));
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_USING, &found));
  if (found) {
    index->using_class = p->tok.value;
    CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_STRING));
  }
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_WITH, &found));
  if (found) CQLE_PARSE(cqle_p_properties(p, &properties));
  index->properties = properties.items;
  index->property_count = properties.count;
  return CQL_OK;
}

cql_status cqle_p_create(cqle_parser *p, cqle_statement *s) {
  CQLE_PARSE(cqle_p_next(p));
  switch (p->tok.kind) {
  case CQLE_K_KEYSPACE: return create_keyspace(p, s);
  case CQLE_K_COLUMNFAMILY: return cqle_p_create_table(p, s);
  case CQLE_K_CUSTOM:
  case CQLE_K_INDEX: return create_index(p, s);
  case CQLE_K_TYPE: return cqle_p_create_type(p, s);
  default: return cqle_p_create_refused(p, s);
  }
}

/* --- ALTER, DROP -------------------------------------------------------------------------------------------------- */

static cql_status alter_keyspace(cqle_parser *p, cqle_statement *s) {
  s->kind = CQLE_STMT_ALTER_KEYSPACE;
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_if_exists(p, &s->as.create_keyspace.if_not_exists));
  return keyspace_definition(p, &s->as.create_keyspace);
}

cql_status cqle_p_alter(cqle_parser *p, cqle_statement *s) {
  CQLE_PARSE(cqle_p_next(p));
  switch (p->tok.kind) {
  case CQLE_K_KEYSPACE: return alter_keyspace(p, s);
  case CQLE_K_COLUMNFAMILY: return cqle_p_alter_table(p, s);
  case CQLE_K_TYPE: return cqle_p_alter_type(p, s);
  default: return cqle_p_alter_refused(p, s);
  }
}

cql_status cqle_p_drop(cqle_parser *p, cqle_statement *s) {
  cqle_drop *d = &s->as.drop;
  CQLE_PARSE(cqle_p_next(p));
  switch (p->tok.kind) {
  case CQLE_K_KEYSPACE: s->kind = CQLE_STMT_DROP_KEYSPACE; break;
  case CQLE_K_COLUMNFAMILY: s->kind = CQLE_STMT_DROP_TABLE; break;
  case CQLE_K_INDEX: s->kind = CQLE_STMT_DROP_INDEX; break;
  case CQLE_K_TYPE: s->kind = CQLE_STMT_DROP_TYPE; break;
  default: return cqle_p_drop_refused(p, s);
  }
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_if_exists(p, &d->if_exists));
  if (s->kind == CQLE_STMT_DROP_KEYSPACE) return cqle_p_keyspace_name(p, &d->name.name);
  if (s->kind == CQLE_STMT_DROP_TYPE) return cqle_p_type_name(p, &d->name);
  return s->kind == CQLE_STMT_DROP_INDEX ? cqle_p_index_name(p, &d->name) : cqle_p_table_name(p, &d->name);
}

/* --- DESCRIBE ----------------------------------------------------------------------------------------------------- */

/* Words that are names too: DESCRIBE type shows what is called so, DESCRIBE TYPE x a type. */
static bool ends_here(const cqle_parser *p) {
  cqle_token_kind next = cqle_p_peek(p, 1);
  return next == CQLE_TOK_EOF || next == CQLE_TOK_SEMICOLON || next == CQLE_K_WITH || next == CQLE_TOK_DOT;
}

static cql_status describe_what(cqle_parser *p, cqle_describe *d) {
  static const struct {
    cqle_token_kind word;
    cqle_describe_kind kind;
  } lone[] = {{CQLE_K_CLUSTER, CQLE_DESC_CLUSTER},     {CQLE_K_KEYSPACES, CQLE_DESC_KEYSPACES},
              {CQLE_K_TABLES, CQLE_DESC_TABLES},       {CQLE_K_TYPES, CQLE_DESC_TYPES},
              {CQLE_K_FUNCTIONS, CQLE_DESC_FUNCTIONS}, {CQLE_K_AGGREGATES, CQLE_DESC_AGGREGATES},
              {CQLE_K_SCHEMA, CQLE_DESC_SCHEMA}},
    named[] = {{CQLE_K_COLUMNFAMILY, CQLE_DESC_TABLE},
               {CQLE_K_INDEX, CQLE_DESC_INDEX},
               {CQLE_K_TYPE, CQLE_DESC_TYPE},
               {CQLE_K_FUNCTION, CQLE_DESC_FUNCTION},
               {CQLE_K_AGGREGATE, CQLE_DESC_AGGREGATE}};
  for (size_t i = 0; i < sizeof lone / sizeof *lone; i++)
    if (cqle_p_at(p, lone[i].word)) {
      d->kind = lone[i].kind;
      return cqle_p_next(p);
    }
  if (cqle_p_at(p, CQLE_K_FULL)) {
    d->kind = CQLE_DESC_FULL_SCHEMA;
    CQLE_PARSE(cqle_p_next(p));
    return cqle_p_expect(p, CQLE_K_SCHEMA);
  }
  if (cqle_p_at(p, CQLE_K_KEYSPACE) || (cqle_p_at(p, CQLE_K_ONLY) && cqle_p_peek(p, 1) == CQLE_K_KEYSPACE)) {
    bool only;
    CQLE_PARSE(cqle_p_accept(p, CQLE_K_ONLY, &only));
    d->kind = only ? CQLE_DESC_ONLY_KEYSPACE : CQLE_DESC_KEYSPACE;
    CQLE_PARSE(cqle_p_next(p));
    return cqle_p_is_name(p->tok.kind) ? cqle_p_keyspace_name(p, &d->name.name) : CQL_OK;
  }
  if (cqle_p_at(p, CQLE_K_MATERIALIZED)) {
    d->kind = CQLE_DESC_MATERIALIZED_VIEW;
    CQLE_PARSE(cqle_p_next(p));
    CQLE_PARSE(cqle_p_expect(p, CQLE_K_VIEW));
    return cqle_p_table_name(p, &d->name);
  }
  for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
    bool reserved = !(cqle_token_keyword_use(named[i].word) & CQLE_KW_NAME);
    if (!cqle_p_at(p, named[i].word) || (!reserved && ends_here(p))) continue;
    d->kind = named[i].kind;
    CQLE_PARSE(cqle_p_next(p));
    if (d->kind == CQLE_DESC_TYPE) return cqle_p_type_name(p, &d->name);
    if (d->kind == CQLE_DESC_FUNCTION || d->kind == CQLE_DESC_AGGREGATE) return cqle_p_function_name(p, &d->name);
    return cqle_p_table_name(p, &d->name);
  }
  d->kind = CQLE_DESC_GENERIC;
  return cqle_p_at(p, CQLE_TOK_QMARK) ? cqle_p_no_viable(p) : cqle_p_table_name(p, &d->name);
}

cql_status cqle_p_describe(cqle_parser *p, cqle_statement *s) {
  bool found;
  s->kind = CQLE_STMT_DESCRIBE;
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(describe_what(p, &s->as.describe));
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_WITH, &found));
  s->as.describe.internals = found;
  return found ? cqle_p_expect(p, CQLE_K_INTERNALS) : CQL_OK;
}
