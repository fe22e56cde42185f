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
  /* scalar: args are wire values (data NULL: null); *out lives in x->arena */
  cql_status (*call)(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out);
  /* aggregate: state is state_len zeroed bytes; memory it needs comes from x->arena */
  size_t state_len;
  cql_status (*step)(cqle_exec *x, const cqle_function *f, void *state, const cql_slice *args);
  cql_status (*finish)(cqle_exec *x, const cqle_function *f, void *state, cql_slice *out);
};

/* Finds the function for these arguments; an argument type NULL is not known yet (a marker or literal). partition is the table whose partition key token() takes;
 * receiver (may be NULL) narrows the result type. Lives in a. CQL_INVALID with Cassandra's texts ("Unknown function 'f'", "Invalid call to function …"). */
cql_status cqle_function_find(cql_arena *a, const cqle_table *table, const cqle_qname *name, uint32_t arg_count,
                              const cql_type *const *args, const cql_type *receiver, const cqle_function **out,
                              cql_error *err);
/* CAST(x AS type) of selectors: the matrix of CastFcts. */
cql_status cqle_function_cast(cql_arena *a, const cql_type *from, const cql_type *to, const cqle_function **out,
                              cql_error *err);

#endif
