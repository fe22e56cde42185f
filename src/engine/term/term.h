/* term.h: terms of the AST, bound to types and evaluated to bytes. cql3/terms, cql3/Constants, cql3/Lists … of
 * Cassandra. */
#ifndef CQLE_TERM_H
#define CQLE_TERM_H

#include "engine/engine_int.h"

/* Collects the bind markers of a statement while it is planned. */
typedef struct cqle_binder {
  cql_arena *arena; /* the plan's */
  const cqle_schema *schema;
  const char *keyspace;      /* default keyspace; NULL: none */
  const cqle_keyspace *home; /* of the statement's table: whose user types it may name. NULL: not known yet */
  uint32_t count;            /* markers of the statement */
  cql_column *binds;         /* one each; type NULL until it is bound; name set beforehand for a named marker */
  const char **targets;   /* one each: the name of the receiver it was bound to, as the very pointer that was given */
  struct cqle_memo *memo; /* what calls were found to be, see term_int.h */
  cql_error *err;
} cqle_binder;

/* What a term is for: gives a marker its name and type, and errors their words. */
typedef struct cqle_receiver {
  const char *keyspace, *table;
  const char *name; /* "city", "in(city)", "[limit]", "value(m)", … */
  const cql_type *type;
} cqle_receiver;
/* Reads the type of a hint or cast; user types are those of b->home. err may be NULL. */
cql_status cqle_binder_type(const cqle_binder *b, const cqle_raw_type *raw, const cql_type **out, cql_error *err);
cqle_receiver cqle_receiver_of(const cqle_table *t, const cqle_column *c);
/* CQL_INVALID: "Undefined column name \"X\" in table ks.t", with quotes where CQL needs them. */
bool cqle_needs_quotes(cql_slice name); /* CQL would not read it back bare */
cql_status cqle_find_column(const cqle_table *t, cql_slice name, const cqle_column **out, cql_error *err);

typedef struct cqle_value {
  cql_slice bytes; /* data NULL: null (or unset) */
  bool unset;
} cqle_value;

typedef struct cqle_expr cqle_expr; /* a bound term; lives in the plan's arena */

/* Checks that the term may stand for the receiver and binds it. CQL_INVALID with Cassandra's texts ("Invalid STRING
 * constant (x) for \"n\" of type int"). */
cql_status cqle_term_bind(cqle_binder *b, const cqle_term *term, const cqle_receiver *receiver, const cqle_expr **out);
/* The value that stands at a place of the request, as that of a bind marker does. NULL: out of memory. */
const cqle_expr *cqle_expr_of_place(cqle_binder *b, const cqle_receiver *receiver, uint32_t place);
/* May the term stand for a value of this type? (AssignmentTestable of Cassandra) */
cql_assignable cqle_term_test(cqle_binder *b, const cqle_term *term, const cql_type *type);
/* The value for this execution; bytes live in x->arena, the plan or the request. Bound values are validated. */
cql_status cqle_expr_eval(cqle_exec *x, const cqle_expr *e, cqle_value *out);
/* LIMIT, TTL, TIMESTAMP and the like: an integer that must be set and not null is the caller's to check. */
cql_status cqle_expr_eval_int(cqle_exec *x, const cqle_expr *e, int32_t *out, bool *is_null, bool *is_unset);
cql_status cqle_expr_eval_bigint(cqle_exec *x, const cqle_expr *e, int64_t *out, bool *is_null, bool *is_unset);

#endif
