/* Statements that are read to their end, so that a slip in them is reported as such, and then refused: what they
 * would make does not exist here. */
#include "engine/parse/parser.h"

#define NO_LOGIN "You have to be logged in and not anonymous to perform this request"
#define NO_FUNCTIONS                                                                                                   \
  "User-defined functions are disabled in cassandra.yaml - set user_defined_functions_enabled=true to enable"
#define NO_VIEWS    "Materialized views are disabled. Enable in cassandra.yaml to use."
#define NO_TRIGGERS "Triggers are not supported by the embedded engine"

/* --- shared pieces ------------------------------------------------------------------------------------------------ */

/* ( type, … ), may be empty; names: each type stands behind an argument's name */
static cql_status argument_types(cqle_parser *p, bool names) {
  cqle_raw_type type;
  cql_slice name;
  bool more;
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_LPAREN));
  more = !cqle_p_at(p, CQLE_TOK_RPAREN);
  while (more) {
    if (names) CQLE_PARSE(cqle_p_ident(p, &name));
    CQLE_PARSE(cqle_p_type(p, &type));
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  }
  return cqle_p_expect(p, CQLE_TOK_RPAREN);
}

static cql_status allowed_function_name(cqle_parser *p) {
  return cqle_p_is_function_name(p->tok.kind) ? cqle_p_next(p) : cqle_p_no_viable(p);
}

/* "Function 'ks.x' doesn't exist": nothing of its kind does. */
static cql_status missing(cqle_parser *p, cqle_statement *s, const char *what, const cqle_qname *name) {
  const char *message =
      name->keyspace.data
          ? cql_arena_printf(p->a, "%s '" CQL_SLICE_FMT "." CQL_SLICE_FMT "' doesn't exist", what,
                             CQL_SLICE_ARG(name->keyspace), CQL_SLICE_ARG(name->name))
          : cql_arena_printf(p->a, "%s '" CQL_SLICE_FMT "' doesn't exist", what, CQL_SLICE_ARG(name->name));
  return message ? cqle_p_refuse(s, CQL_INVALID, message) : cqle_p_nomem(p);
}

/* --- roles and permissions ---------------------------------------------------------------------------------------- */

static cql_status string_map_of(cqle_parser *p) { /* { 'a', 'b' } */
  bool more = true;
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_LBRACE));
  while (more) {
    CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_STRING));
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  }
  return cqle_p_expect(p, CQLE_TOK_RBRACE);
}

static cql_status access_option(cqle_parser *p) {
  cqle_token_kind what;
  bool all;
  if (cqle_p_at(p, CQLE_K_TO))
    what = CQLE_K_DATACENTERS;
  else if (cqle_p_at(p, CQLE_K_FROM))
    what = CQLE_K_CIDRS;
  else
    return cqle_p_no_viable(p);
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_ALL, &all));
  CQLE_PARSE(cqle_p_expect(p, what));
  return all ? CQL_OK : string_map_of(p);
}

/* *out tells which option it was. */
static cql_status role_option(cqle_parser *p, cqle_token_kind *out) {
  cqle_token_kind what = *out = p->tok.kind;
  cqle_term *map;
  CQLE_PARSE(what == CQLE_K_HASHED || what == CQLE_K_PASSWORD || what == CQLE_K_OPTIONS || what == CQLE_K_SUPERUSER ||
                     what == CQLE_K_LOGIN || what == CQLE_K_ACCESS
                 ? cqle_p_next(p)
                 : cqle_p_no_viable(p));
  if (what == CQLE_K_ACCESS) return access_option(p);
  if (what == CQLE_K_HASHED) CQLE_PARSE(cqle_p_expect(p, CQLE_K_PASSWORD));
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_EQ));
  if (what == CQLE_K_OPTIONS) return cqle_p_full_map_literal(p, &map);
  return cqle_p_expect(p, what == CQLE_K_SUPERUSER || what == CQLE_K_LOGIN ? CQLE_TOK_BOOLEAN : CQLE_TOK_STRING);
}

/* name [WITH option AND …] of CREATE and ALTER ROLE */
static cql_status role_definition(cqle_parser *p) {
  bool more, plain = false, hashed = false;
  cqle_token_kind option;
  CQLE_PARSE(cqle_p_role_name(p));
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_WITH, &more));
  while (more) {
    CQLE_PARSE(role_option(p, &option));
    plain = plain || option == CQLE_K_PASSWORD;
    hashed = hashed || option == CQLE_K_HASHED;
    CQLE_PARSE(cqle_p_accept(p, CQLE_K_AND, &more));
  }
  if (plain && hashed) return cqle_p_fail(p, "Options 'password' and 'hashed password' are mutually exclusive");
  return CQL_OK;
}

/* IDENT or STRING_LITERAL; a quoted name has an answer of its own */
static cql_status plain_name(cqle_parser *p, const char *quoted_answer) {
  if (cqle_p_at(p, CQLE_TOK_QUOTED_NAME)) return cqle_p_fail(p, "%s", quoted_answer);
  if (!cqle_p_at(p, CQLE_TOK_IDENT) && !cqle_p_at(p, CQLE_TOK_STRING)) return cqle_p_no_viable(p);
  return cqle_p_next(p);
}

static cql_status user_name(cqle_parser *p) {
  return plain_name(p, "Quoted strings are are not supported for user names and USER is deprecated, please use ROLE");
}

static cql_status identity_name(cqle_parser *p) {
  return plain_name(p, "Quoted strings are are not supported for identity");
}

/* name [WITH [HASHED] PASSWORD '…'] [SUPERUSER | NOSUPERUSER] of CREATE and ALTER USER */
static cql_status user_definition(cqle_parser *p) {
  bool found;
  CQLE_PARSE(user_name(p));
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_WITH, &found));
  if (found) {
    CQLE_PARSE(cqle_p_accept(p, CQLE_K_HASHED, &found));
    CQLE_PARSE(cqle_p_expect(p, CQLE_K_PASSWORD));
    CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_STRING));
  }
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_SUPERUSER, &found));
  return found ? CQL_OK : cqle_p_accept(p, CQLE_K_NOSUPERUSER, &found);
}

static bool is_permission(cqle_token_kind kind) {
  switch (kind) {
  case CQLE_K_CREATE:
  case CQLE_K_ALTER:
  case CQLE_K_DROP:
  case CQLE_K_SELECT:
  case CQLE_K_MODIFY:
  case CQLE_K_AUTHORIZE:
  case CQLE_K_DESCRIBE:
  case CQLE_K_EXECUTE:
  case CQLE_K_UNMASK:
  case CQLE_K_SELECT_MASKED: return true;
  default: return false;
  }
}

static cql_status permission_or_all(cqle_parser *p) {
  bool found, more = true;
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_ALL, &found));
  if (found) return cqle_p_accept(p, CQLE_K_PERMISSIONS, &found);
  while (more) {
    CQLE_PARSE(is_permission(p->tok.kind) ? cqle_p_next(p) : cqle_p_no_viable(p));
    CQLE_PARSE(cqle_p_accept(p, CQLE_K_PERMISSION, &found));
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  }
  return CQL_OK;
}

/* ALL KEYSPACES, ALL TABLES IN KEYSPACE k, ALL FUNCTIONS [IN KEYSPACE k], ALL ROLES, ALL MBEANS; ALL is behind us */
static cql_status all_resource(cqle_parser *p) {
  cqle_token_kind what = p->tok.kind;
  cql_slice name;
  bool in;
  CQLE_PARSE(what == CQLE_K_KEYSPACES || what == CQLE_K_TABLES || what == CQLE_K_FUNCTIONS || what == CQLE_K_ROLES ||
                     what == CQLE_K_MBEANS
                 ? cqle_p_next(p)
                 : cqle_p_no_viable(p));
  if (what != CQLE_K_TABLES && what != CQLE_K_FUNCTIONS) return CQL_OK;
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_IN, &in));
  if (!in) return what == CQLE_K_FUNCTIONS ? CQL_OK : cqle_p_expect(p, CQLE_K_IN);
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_KEYSPACE));
  return cqle_p_keyspace_name(p, &name);
}

static cql_status resource(cqle_parser *p) {
  cqle_token_kind what = p->tok.kind, next = cqle_p_peek(p, 1);
  bool is_table = next == CQLE_K_TO || next == CQLE_K_FROM || next == CQLE_TOK_DOT; /* words that are names too */
  cqle_qname name;
  if (!is_table && (what == CQLE_K_ALL || what == CQLE_K_KEYSPACE || what == CQLE_K_COLUMNFAMILY ||
                    what == CQLE_K_ROLE || what == CQLE_K_FUNCTION || what == CQLE_K_MBEAN || what == CQLE_K_MBEANS))
    CQLE_PARSE(cqle_p_next(p));
  else
    what = CQLE_K_COLUMNFAMILY;
  switch (what) {
  case CQLE_K_ALL: return all_resource(p);
  case CQLE_K_KEYSPACE: return cqle_p_keyspace_name(p, &name.name);
  case CQLE_K_ROLE: return cqle_p_role_name(p);
  case CQLE_K_MBEAN:
  case CQLE_K_MBEANS: return cqle_p_expect(p, CQLE_TOK_STRING);
  case CQLE_K_FUNCTION: CQLE_PARSE(cqle_p_function_name(p, &name)); return argument_types(p, false);
  default: return cqle_p_table_name(p, &name);
  }
}

cql_status cqle_p_grant_or_revoke(cqle_parser *p, cqle_statement *s) {
  cqle_token_kind to = cqle_p_at(p, CQLE_K_GRANT) ? CQLE_K_TO : CQLE_K_FROM;
  CQLE_PARSE(cqle_p_next(p));
  /* ALL and the unreserved permissions are names of roles too: GRANT all TO someone. */
  bool is_role = cqle_p_is_name(p->tok.kind) && cqle_p_peek(p, 1) == to;
  if (!is_role && (cqle_p_at(p, CQLE_K_ALL) || is_permission(p->tok.kind))) {
    CQLE_PARSE(permission_or_all(p));
    CQLE_PARSE(cqle_p_expect(p, CQLE_K_ON));
    CQLE_PARSE(resource(p));
  } else {
    CQLE_PARSE(cqle_p_role_name(p));
  }
  CQLE_PARSE(cqle_p_expect(p, to));
  CQLE_PARSE(cqle_p_role_name(p));
  return cqle_p_refuse(s, CQL_UNAUTHORIZED, NO_LOGIN);
}

/* LIST ROLES, LIST USERS, LIST permissions */
cql_status cqle_p_list(cqle_parser *p, cqle_statement *s) {
  bool roles, found;
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_USERS, &found));
  if (found) return cqle_p_refuse(s, CQL_UNAUTHORIZED, NO_LOGIN);
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_ROLES, &roles));
  if (!roles) {
    CQLE_PARSE(permission_or_all(p));
    CQLE_PARSE(cqle_p_accept(p, CQLE_K_ON, &found));
    if (found) CQLE_PARSE(resource(p));
  }
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_OF, &found));
  if (found) CQLE_PARSE(cqle_p_role_name(p));
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_NORECURSIVE, &found));
  return cqle_p_refuse(s, CQL_UNAUTHORIZED, NO_LOGIN);
}

cql_status cqle_p_add_identity(cqle_parser *p, cqle_statement *s) {
  bool found;
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_IDENTITY));
  CQLE_PARSE(cqle_p_if_not_exists(p, &found));
  CQLE_PARSE(identity_name(p));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_TO));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_ROLE));
  CQLE_PARSE(identity_name(p));
  return cqle_p_refuse(s, CQL_UNAUTHORIZED, NO_LOGIN);
}

/* --- CREATE ------------------------------------------------------------------------------------------------------- */

static cql_status create_function(cqle_parser *p) {
  cqle_qname name;
  cqle_raw_type type;
  bool called;
  CQLE_PARSE(cqle_p_function_name(p, &name));
  CQLE_PARSE(argument_types(p, true));
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_CALLED, &called));
  if (!called) {
    if (!cqle_p_at(p, CQLE_K_RETURNS)) return cqle_p_no_viable(p);
    CQLE_PARSE(cqle_p_next(p));
    CQLE_PARSE(cqle_p_expect(p, CQLE_K_NULL));
  }
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_ON));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_NULL));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_INPUT));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_RETURNS));
  CQLE_PARSE(cqle_p_type(p, &type));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_LANGUAGE));
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_IDENT));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_AS));
  return cqle_p_expect(p, CQLE_TOK_STRING);
}

static cql_status create_aggregate(cqle_parser *p) {
  cqle_qname name;
  cqle_raw_type type;
  cqle_term *term;
  bool found;
  CQLE_PARSE(cqle_p_function_name(p, &name));
  CQLE_PARSE(argument_types(p, false));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_SFUNC));
  CQLE_PARSE(allowed_function_name(p));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_STYPE));
  CQLE_PARSE(cqle_p_type(p, &type));
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_FINALFUNC, &found));
  if (found) CQLE_PARSE(allowed_function_name(p));
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_INITCOND, &found));
  return found ? cqle_p_term(p, &term) : CQL_OK;
}

static cql_status name_list(cqle_parser *p) { /* name, name, … ) */
  cql_slice name;
  bool more = true;
  while (more) {
    CQLE_PARSE(cqle_p_ident(p, &name));
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  }
  return cqle_p_expect(p, CQLE_TOK_RPAREN);
}

static cql_status view_primary_key(cqle_parser *p) {
  cql_slice name;
  bool more;
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_PRIMARY));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_KEY));
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_LPAREN));
  CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_LPAREN, &more));
  CQLE_PARSE(more ? name_list(p) : cqle_p_ident(p, &name));
  CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  return more ? name_list(p) : cqle_p_expect(p, CQLE_TOK_RPAREN);
}

static cql_status view_clustering_order(cqle_parser *p) {
  cql_slice name;
  bool more = true;
  CQLE_PARSE(cqle_p_next(p));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_ORDER));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_BY));
  CQLE_PARSE(cqle_p_expect(p, CQLE_TOK_LPAREN));
  while (more) {
    CQLE_PARSE(cqle_p_ident(p, &name));
    if (!cqle_p_at(p, CQLE_K_ASC) && !cqle_p_at(p, CQLE_K_DESC)) return cqle_p_no_viable(p);
    CQLE_PARSE(cqle_p_next(p));
    CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_COMMA, &more));
  }
  return cqle_p_expect(p, CQLE_TOK_RPAREN);
}

static cql_status view_properties(cqle_parser *p) {
  cqle_list properties = {0};
  bool more = true;
  while (more) {
    if (cqle_p_at(p, CQLE_K_COMPACT) && cqle_p_peek(p, 1) == CQLE_K_STORAGE)
      return cqle_p_fail(p, "COMPACT STORAGE tables are not allowed starting with version 4.0");
    if (cqle_p_at(p, CQLE_K_CLUSTERING) && cqle_p_peek(p, 1) == CQLE_K_ORDER)
      CQLE_PARSE(view_clustering_order(p));
    else
      CQLE_PARSE(cqle_p_property(p, &properties));
    CQLE_PARSE(cqle_p_accept(p, CQLE_K_AND, &more));
  }
  return CQL_OK;
}

static cql_status create_view(cqle_parser *p) {
  cqle_select select = {0};
  bool found;
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_VIEW));
  CQLE_PARSE(cqle_p_if_not_exists(p, &found));
  CQLE_PARSE(cqle_p_table_name(p, &select.table));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_AS));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_SELECT));
  CQLE_PARSE(cqle_p_selectors(p, &select));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_FROM));
  CQLE_PARSE(cqle_p_table_name(p, &select.table));
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_WHERE, &found));
  if (found) CQLE_PARSE(cqle_p_where(p, &select.where, &select.where_count));
  CQLE_PARSE(view_primary_key(p));
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_WITH, &found));
  return found ? view_properties(p) : CQL_OK;
}

static cql_status create_trigger(cqle_parser *p) {
  cql_slice name;
  cqle_qname table;
  CQLE_PARSE(cqle_p_ident(p, &name));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_ON));
  CQLE_PARSE(cqle_p_table_name(p, &table));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_USING));
  return cqle_p_expect(p, CQLE_TOK_STRING);
}

cql_status cqle_p_create_refused(cqle_parser *p, cqle_statement *s) {
  cqle_token_kind what;
  bool replace, found;
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_OR, &replace));
  if (replace) CQLE_PARSE(cqle_p_expect(p, CQLE_K_REPLACE));
  what = p->tok.kind;
  switch (what) {
  case CQLE_K_FUNCTION:
  case CQLE_K_AGGREGATE: break;
  case CQLE_K_MATERIALIZED:
  case CQLE_K_TRIGGER:
  case CQLE_K_ROLE:
  case CQLE_K_USER:
    if (!replace) break;
    return cqle_p_no_viable(p);
  default: return cqle_p_no_viable(p);
  }
  CQLE_PARSE(cqle_p_next(p));
  if (what == CQLE_K_MATERIALIZED) {
    CQLE_PARSE(create_view(p));
    return cqle_p_refuse(s, CQL_INVALID, NO_VIEWS);
  }
  CQLE_PARSE(cqle_p_if_not_exists(p, &found));
  switch (what) {
  case CQLE_K_FUNCTION: CQLE_PARSE(create_function(p)); return cqle_p_refuse(s, CQL_INVALID, NO_FUNCTIONS);
  case CQLE_K_AGGREGATE: CQLE_PARSE(create_aggregate(p)); return cqle_p_refuse(s, CQL_INVALID, NO_FUNCTIONS);
  case CQLE_K_TRIGGER: CQLE_PARSE(create_trigger(p)); return cqle_p_refuse(s, CQL_INVALID, NO_TRIGGERS);
  case CQLE_K_ROLE: CQLE_PARSE(role_definition(p)); break;
  default: CQLE_PARSE(user_definition(p)); break;
  }
  return cqle_p_refuse(s, CQL_UNAUTHORIZED, NO_LOGIN);
}

/* --- ALTER -------------------------------------------------------------------------------------------------------- */

static cql_status alter_view(cqle_parser *p, cqle_statement *s) {
  cqle_list properties = {0};
  cqle_qname name;
  bool found;
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_VIEW));
  CQLE_PARSE(cqle_p_if_exists(p, &found));
  CQLE_PARSE(cqle_p_table_name(p, &name));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_WITH));
  CQLE_PARSE(cqle_p_properties(p, &properties));
  return missing(p, s, "Materialized view", &name);
}

cql_status cqle_p_alter_refused(cqle_parser *p, cqle_statement *s) {
  cqle_token_kind what = p->tok.kind;
  bool found;
  if (what != CQLE_K_MATERIALIZED && what != CQLE_K_ROLE && what != CQLE_K_USER) return cqle_p_no_viable(p);
  CQLE_PARSE(cqle_p_next(p));
  if (what == CQLE_K_MATERIALIZED) return alter_view(p, s);
  CQLE_PARSE(cqle_p_if_exists(p, &found));
  CQLE_PARSE(what == CQLE_K_ROLE ? role_definition(p) : user_definition(p));
  return cqle_p_refuse(s, CQL_UNAUTHORIZED, NO_LOGIN);
}

/* --- DROP --------------------------------------------------------------------------------------------------------- */

static cql_status drop_function(cqle_parser *p, cqle_statement *s, const char *what) {
  cqle_qname name;
  CQLE_PARSE(cqle_p_function_name(p, &name));
  if (cqle_p_at(p, CQLE_TOK_LPAREN)) CQLE_PARSE(argument_types(p, false));
  return missing(p, s, what, &name);
}

static cql_status drop_trigger(cqle_parser *p, cqle_statement *s) {
  cqle_qname name = {0}, table;
  CQLE_PARSE(cqle_p_ident(p, &name.name));
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_ON));
  CQLE_PARSE(cqle_p_table_name(p, &table));
  return missing(p, s, "Trigger", &name);
}

cql_status cqle_p_drop_refused(cqle_parser *p, cqle_statement *s) {
  cqle_token_kind what = p->tok.kind;
  cqle_qname name;
  bool found;
  switch (what) {
  case CQLE_K_FUNCTION:
  case CQLE_K_AGGREGATE:
  case CQLE_K_MATERIALIZED:
  case CQLE_K_TRIGGER:
  case CQLE_K_ROLE:
  case CQLE_K_USER:
  case CQLE_K_IDENTITY: break;
  default: return cqle_p_no_viable(p);
  }
  CQLE_PARSE(cqle_p_next(p));
  if (what == CQLE_K_MATERIALIZED) CQLE_PARSE(cqle_p_expect(p, CQLE_K_VIEW));
  CQLE_PARSE(cqle_p_if_exists(p, &found));
  switch (what) {
  case CQLE_K_FUNCTION: return drop_function(p, s, "Function");
  case CQLE_K_AGGREGATE: return drop_function(p, s, "Aggregate");
  case CQLE_K_TRIGGER: return drop_trigger(p, s);
  case CQLE_K_MATERIALIZED: CQLE_PARSE(cqle_p_table_name(p, &name)); return missing(p, s, "Materialized view", &name);
  case CQLE_K_ROLE: CQLE_PARSE(cqle_p_role_name(p)); break;
  case CQLE_K_USER: CQLE_PARSE(user_name(p)); break;
  default: CQLE_PARSE(identity_name(p)); break;
  }
  return cqle_p_refuse(s, CQL_UNAUTHORIZED, NO_LOGIN);
}
