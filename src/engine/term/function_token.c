/* function_token.c: token(), uuid(). Cassandra: cql3/functions/TokenFct.java, UuidFcts.java. */
#include "engine/term/function_int.h"

#include <string.h>

static cql_status token_call(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  cql_buf b;
  cql_buf_init(&b, x->engine->alloc, (size_t)4 << 20);
  cql_partition_key_put(&b, args, f->arg_count);
  cql_status st = b.st;
  if (st == CQL_OK) st = cqle_give_bigint(x, cql_murmur3_token(cql_buf_view(&b)), out);
  cql_buf_free(&b);
  return st;
}

cql_status cqle_resolve_token(const cqle_lookup *l, const cqle_function **out) {
  const cqle_table *t = l->table;
  if (strcmp(l->name, "token") != 0 || t == NULL) return CQL_DONE;
  if (l->count != t->partition_count)
    return cql_fail(l->err, CQL_INVALID,
                    "Invalid number of arguments in call to function system.token: %u required but %u provided",
                    t->partition_count, l->count);
  const cql_type **types = cql_arena_array(l->a, l->count, sizeof *types);
  if (types == NULL) return CQL_NOMEM;
  for (uint32_t i = 0; i < l->count; i++) {
    types[i] = t->partition[i]->type;
    if (cqle_test_argument(l, i, types[i]) != CQL_NOT_ASSIGNABLE) continue;
    return cql_fail(l->err, CQL_INVALID,
                    "Type error: %s cannot be passed as argument %u of function system.token of type %s",
                    cqle_argument_text(l, i), i, cqle_type_text(l->a, types[i]));
  }
  cqle_function *f = cqle_function_new(l->a, "token", l->count, types, cql_type_native(CQL_TYPE_BIGINT));
  if (f == NULL) return CQL_NOMEM;
  f->call = token_call;
  *out = f;
  return CQL_OK;
}

static cql_status uuid_call(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  uint8_t bytes[16];
  (void)f;
  (void)args;
  cql_uuid_random(bytes);
  return cqle_give_bytes(x, bytes, sizeof bytes, out);
}

const cqle_entry cqle_id_entries[] = {
    {.name = "uuid", .result = CQL_TYPE_UUID, .call = uuid_call, .volatile_result = true},
    {.name = NULL},
};
