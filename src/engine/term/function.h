/* function.h: native scalar functions and aggregates, found by name and argument types. cql3/functions of Cassandra. */
#ifndef CQLE_FUNCTION_H
#define CQLE_FUNCTION_H

#include "engine/engine_int.h"

enum { CQLE_FUNCTION_ARGS_MAX = 64 };

typedef struct cqle_function cqle_function;
struct cqle_function {
  const char *name; /* as results name it: "system.max" is printed by the selector, here "max" */
  uint32_t arg_count;
  const cql_type *args[CQLE_FUNCTION_ARGS_MAX];
  const cql_type *result;
  bool deterministic, is_aggregate;
  bool not_selected; /* from_json(): for values that are written or compared */
  bool takes_null;   /* else a null argument gives null without a call */
  const void *extra; /* what call needs to know beside the types */
  /* scalar: args are wire values (data NULL: null); *out lives in x->arena */
  cql_status (*call)(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out);
  /* aggregate: state is state_len zeroed bytes; memory it needs comes from x->arena */
  size_t state_len;
  cql_status (*step)(cqle_exec *x, const cqle_function *f, void *state, const cql_slice *args);
  cql_status (*finish)(cqle_exec *x, const cqle_function *f, void *state, cql_slice *out);
};

/* Finds the function for these arguments; an argument type NULL is not known yet (a marker or literal). partition is
 * the table whose partition key token() takes; receiver (may be NULL) narrows the result type. Lives in a. CQL_INVALID
 * with Cassandra's texts ("Unknown function 'f'", "Invalid call to function …"). */
cql_status cqle_function_find(cql_arena *a, const cqle_table *table, const cqle_qname *name, uint32_t arg_count,
                              const cql_type *const *args, const cql_type *receiver, const cqle_function **out,
                              cql_error *err);
/* A call as it stands in a statement. */
typedef struct cqle_call_site {
  uint32_t count;
  const cql_type *const *types; /* NULL items: not known */
  const char *const *texts;     /* the arguments in the words of errors; may be NULL */
  /* May argument i stand for a value of this type? NULL: as its type does, and as any when that is not known. */
  cql_assignable (*test)(void *user, uint32_t i, const cql_type *type);
  void *user;
  bool has_marker; /* among the arguments */
} cqle_call_site;
cql_status cqle_function_find_at(cql_arena *a, const cqle_table *table, const cqle_qname *name,
                                 const cqle_call_site *site, const cql_type *receiver, const cqle_function **out,
                                 cql_error *err);
/* to_json() and the masks, which take a value of any type: only these are told the type that a literal has by itself.
 */
bool cqle_function_takes_any(cql_slice name);
/* Calls a scalar function, null in null out where it does not take nulls. */
cql_status cqle_function_call(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out);
/* CAST(x AS type) of selectors: the matrix of CastFcts. CQL_DONE: there is no such cast (nothing is written to err). */
cql_status cqle_function_cast(cql_arena *a, const cql_type *from, const cql_type *to, const cqle_function **out,
                              cql_error *err);

/* How near two vectors of floats are, greater is nearer, as Cassandra's similarity functions say. CQL_DONE: a vector of
 * zeros has no direction; CQL_MALFORMED. */
cql_status cqle_similarity_score(cqle_similarity kind, const cql_type *type, cql_slice x, cql_slice y, double *out);

#endif
