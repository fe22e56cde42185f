/* function_int.h: how native functions are listed and found. */
#ifndef CQLE_FUNCTION_INT_H
#define CQLE_FUNCTION_INT_H

#include "engine/term/function.h"

enum { CQLE_ENTRY_ARGS_MAX = 3 };

typedef cql_status (*cqle_call)(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out);
typedef cql_status (*cqle_step)(cqle_exec *x, const cqle_function *f, void *state, const cql_slice *args);
typedef cql_status (*cqle_finish)(cqle_exec *x, const cqle_function *f, void *state, cql_slice *out);

/* A function over native types. Several of one name are overloads. */
typedef struct cqle_entry {
  const char *name;
  uint8_t arg_count;
  cql_type_code args[CQLE_ENTRY_ARGS_MAX];
  cql_type_code result;
  cqle_call call; /* NULL: an aggregate */
  size_t state_len;
  cqle_step step;
  cqle_finish finish;
  bool volatile_result; /* now() and the like */
  bool takes_null;      /* called with nulls; else null gives null */
} cqle_entry;

/* Lists of overloads, each ended by an entry without a name. */
extern const cqle_entry cqle_aggregate_entries[], cqle_time_entries[], cqle_math_entries[], cqle_id_entries[];

/* A call that is to be resolved. */
typedef struct cqle_lookup {
  cql_arena *a;
  const cqle_table *table;
  const char *name; /* folded to lower case */
  uint32_t count;
  const cql_type *const *args; /* NULL items: not known */
  const char *const *texts;    /* may be NULL */
  const cqle_call_site *site;
  const cql_type *receiver; /* may be NULL */
  cql_error *err;
} cqle_lookup;

/* May argument i of the call stand for a value of this type? */
cql_assignable cqle_test_argument(const cqle_lookup *l, uint32_t i, const cql_type *type);
/* Whether a result of this type may go where the call stands. */
bool cqle_fits_receiver(const cqle_lookup *l, const cql_type *result);

/* Functions over any type, each found by a rule of its own. CQL_DONE: the name is not one of these. */
typedef cql_status (*cqle_resolver)(const cqle_lookup *l, const cqle_function **out);
cql_status cqle_resolve_any_aggregate(const cqle_lookup *l, const cqle_function **out); /* count, min, max */
cql_status cqle_resolve_token(const cqle_lookup *l, const cqle_function **out);
cql_status cqle_resolve_blob(const cqle_lookup *l, const cqle_function **out);     /* x_as_blob, blob_as_x */
cql_status cqle_resolve_operator(const cqle_lookup *l, const cqle_function **out); /* _add … _negate */
cql_status cqle_resolve_collection(const cqle_lookup *l, const cqle_function **out);
cql_status cqle_resolve_json(const cqle_lookup *l, const cqle_function **out);
cql_status cqle_resolve_mask(const cqle_lookup *l, const cqle_function **out);
cql_status cqle_resolve_vector(const cqle_lookup *l, const cqle_function **out);

const char *cqle_type_text(cql_arena *a, const cql_type *type);
const char *cqle_argument_text(const cqle_lookup *l, uint32_t i);
/* A function in a, its arguments copied. NULL: out of memory. */
cqle_function *cqle_function_new(cql_arena *a, const char *name, uint32_t arg_count, const cql_type *const *args,
                                 const cql_type *result);
/* The function of an entry; call it directly as another entry's helper needs. */
cqle_function *cqle_function_of(cql_arena *a, const cqle_entry *e);

/* Values of fixed width, in x->arena. */
cql_status cqle_give_int(cqle_exec *x, int32_t v, cql_slice *out);
cql_status cqle_give_bigint(cqle_exec *x, int64_t v, cql_slice *out);
cql_status cqle_give_bytes(cqle_exec *x, const void *data, size_t len, cql_slice *out);

#endif
