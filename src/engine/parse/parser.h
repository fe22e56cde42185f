/* parser.h: what the files of the parser share. One function per rule of Cassandra's Parser.g, by the same names. */
#ifndef CQLE_PARSER_H
#define CQLE_PARSER_H

#include "engine/parse/token.h"

enum { CQLE_SOURCE_LEN_MAX = 4096, CQLE_ASSIGNMENTS_MAX = 16384 };

typedef struct cqle_parser {
  cql_arena *a;
  cql_error *err;
  cqle_lexer lexer; /* behind tok */
  cqle_token tok;   /* the token to look at */
  size_t last_end;  /* where the token before it ended */
  uint32_t depth;
  uint32_t marker_count, marker_cap;
  cql_slice *marker_names;
} cqle_parser;

/* Early return is fine here: all memory is the arena's. */
#define CQLE_PARSE(call)                                                                                               \
  do {                                                                                                                 \
    cql_status parse_status_ = (call);                                                                                 \
    if (parse_status_ != CQL_OK) return parse_status_;                                                                 \
  } while (0)

/* A growing array in the arena. */
typedef struct cqle_list {
  void *items;
  uint32_t count, cap;
} cqle_list;
/* Room for one more item of this size, zeroed; NULL: out of memory. */
void *cqle_list_add(cql_arena *a, cqle_list *list, size_t item_size);

/* --- tokens (parser.c) -------------------------------------------------------------------------------------------- */

cql_status cqle_p_next(cqle_parser *p);
/* The kind of the n-th token behind the current one, n from 1; CQLE_TOK_BAD when the text cannot be read there. */
cqle_token_kind cqle_p_peek(const cqle_parser *p, int n);
bool cqle_p_at(const cqle_parser *p, cqle_token_kind kind);
/* Moves over a token of this kind, when it is there. */
cql_status cqle_p_accept(cqle_parser *p, cqle_token_kind kind, bool *found);
/* "mismatched input 'x' expecting K_FROM" unless the token is there; moves over it. */
cql_status cqle_p_expect(cqle_parser *p, cqle_token_kind kind);
cql_status cqle_p_no_viable(cqle_parser *p); /* at the current token */
/* A message of the grammar's actions: it has no position in Cassandra either. */
cql_status cqle_p_fail(cqle_parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
cql_status cqle_p_nomem(cqle_parser *p);
cql_status cqle_p_enter(cqle_parser *p); /* one level deeper; CQL_LIMIT */
void cqle_p_leave(cqle_parser *p);

/* --- names and types (name.c) ------------------------------------------------------------------------------------- */

bool cqle_p_is_name(cqle_token_kind kind);                /* IDENT, QUOTED_NAME, unreserved keyword */
cql_status cqle_p_ident(cqle_parser *p, cql_slice *out);  /* no "" */
cql_status cqle_p_cident(cqle_parser *p, cql_slice *out); /* a column in DML: "" too */
cql_status cqle_p_keyspace_name(cqle_parser *p, cql_slice *out);
cql_status cqle_p_table_name(cqle_parser *p, cqle_qname *out);
cql_status cqle_p_index_name(cqle_parser *p, cqle_qname *out);
cql_status cqle_p_single_index_name(cqle_parser *p, cql_slice *out);
cql_status cqle_p_type_name(cqle_parser *p, cqle_qname *out);
cql_status cqle_p_role_name(cqle_parser *p);
cql_status cqle_p_function_name(cqle_parser *p, cqle_qname *out);
bool cqle_p_is_function_name(cqle_token_kind kind);
/* Does a function's name and its opening parenthesis stand here? */
bool cqle_p_at_function(const cqle_parser *p);
cql_status cqle_p_type(cqle_parser *p, cqle_raw_type *out);
cql_status cqle_p_native_type(cqle_parser *p, cqle_raw_type *out);
/* IF NOT EXISTS, IF EXISTS */
cql_status cqle_p_if_not_exists(cqle_parser *p, bool *found);
cql_status cqle_p_if_exists(cqle_parser *p, bool *found);

/* --- terms (parse_term.c) ----------------------------------------------------------------------------------------- */

cql_status cqle_p_term(cqle_parser *p, cqle_term **out);
/* The same, but it ends before "+ name": the X of SET X = value + X. */
cql_status cqle_p_assigned_term(cqle_parser *p, cqle_term **out);
cql_status cqle_p_int_value(cqle_parser *p, cqle_term **out); /* an integer or a marker */
cql_status cqle_p_marker(cqle_parser *p, cqle_term **out);
cql_status cqle_p_constant(cqle_parser *p, cqle_term **out);
cql_status cqle_p_tuple_literal(cqle_parser *p, cqle_term **out);
cql_status cqle_p_full_map_literal(cqle_parser *p, cqle_term **out);
/* term, term, … up to the closing kind, which is moved over. */
cql_status cqle_p_term_list(cqle_parser *p, cqle_token_kind close, bool may_be_empty, cqle_term ***items,
                            uint32_t *count);
bool cqle_p_is_constant(cqle_token_kind kind);

/* --- clauses ------------------------------------------------------------------------------------------------------ */

cql_status cqle_p_selector(cqle_parser *p, cqle_selector **out); /* unaliasedSelector */
cql_status cqle_p_selectors(cqle_parser *p, cqle_select *s);     /* selectors */
cql_status cqle_p_where(cqle_parser *p, cqle_relation **out, uint32_t *count);
cql_status cqle_p_conditions(cqle_parser *p, cqle_relation **out, uint32_t *count);
cql_status cqle_p_properties(cqle_parser *p, cqle_list *properties);
cql_status cqle_p_property(cqle_parser *p, cqle_list *properties);

/* --- statements: the current token is the first one --------------------------------------------------------------- */

cql_status cqle_p_select(cqle_parser *p, cqle_statement *s);
cql_status cqle_p_modification(cqle_parser *p, cqle_modify *m); /* INSERT, UPDATE, DELETE */
cql_status cqle_p_batch(cqle_parser *p, cqle_statement *s);
cql_status cqle_p_use(cqle_parser *p, cqle_statement *s);
cql_status cqle_p_truncate(cqle_parser *p, cqle_statement *s);
cql_status cqle_p_create(cqle_parser *p, cqle_statement *s);
cql_status cqle_p_alter(cqle_parser *p, cqle_statement *s);
cql_status cqle_p_drop(cqle_parser *p, cqle_statement *s);
cql_status cqle_p_create_table(cqle_parser *p, cqle_statement *s); /* from COLUMNFAMILY on */
cql_status cqle_p_alter_table(cqle_parser *p, cqle_statement *s);  /* from COLUMNFAMILY on */
cql_status cqle_p_create_type(cqle_parser *p, cqle_statement *s);  /* from TYPE on */
cql_status cqle_p_alter_type(cqle_parser *p, cqle_statement *s);   /* from TYPE on */
cql_status cqle_p_column_mask(cqle_parser *p);
cql_status cqle_p_describe(cqle_parser *p, cqle_statement *s);
cql_status cqle_p_grant_or_revoke(cqle_parser *p, cqle_statement *s);
cql_status cqle_p_list(cqle_parser *p, cqle_statement *s);
cql_status cqle_p_add_identity(cqle_parser *p, cqle_statement *s);
/* CREATE, ALTER, DROP of what is refused: the current token is the one behind that word. */
cql_status cqle_p_create_refused(cqle_parser *p, cqle_statement *s);
cql_status cqle_p_alter_refused(cqle_parser *p, cqle_statement *s);
cql_status cqle_p_drop_refused(cqle_parser *p, cqle_statement *s);
cql_status cqle_p_refuse(cqle_statement *s, cql_status status, const char *message);

#endif
