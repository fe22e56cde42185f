/* function_collection.c: map_keys, map_values, collection_count, _min, _max, _sum, _avg. Cassandra:
 * cql3/functions/CollectionFcts.java. */
#include "engine/term/function_int.h"

#include <string.h>

typedef enum pick { KEYS, VALUES } pick;

/* Every other value of a map, as a set of keys or a list of values. */
static cql_status map_half(cqle_exec *x, const cqle_function *f, cql_slice map, pick which, cql_slice *out) {
  cql_status st = CQL_OK;
  cql_elements e;
  cql_buf b;
  cql_buf_init(&b, x->engine->alloc, CQL_VALUE_LEN_MAX);
  CQL_TRY(cql_elements_open(&e, f->args[0], map));
  cql_put_count(&b, e.left / 2);
  for (uint32_t i = 0; e.left > 0; i++) {
    cql_slice v;
    CQL_TRY(cql_elements_next(&e, &v));
    if (i % 2 == (uint32_t)which) cql_put_element(&b, v);
  }
  CQL_TRY(b.st);
  CQL_TRY(cql_arena_slice(x->arena, cql_buf_view(&b), out));
done:
  cql_buf_free(&b);
  return st;
}

static cql_status map_keys(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  return map_half(x, f, args[0], KEYS, out);
}

static cql_status map_values(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  return map_half(x, f, args[0], VALUES, out);
}

static cql_status count(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  cql_elements e;
  cql_status st = cql_elements_open(&e, f->args[0], args[0]);
  if (st != CQL_OK) return st;
  return cqle_give_int(x, (int32_t)(f->args[0]->code == CQL_TYPE_MAP ? e.left / 2 : e.left), out);
}

/* The aggregate over the elements of one collection. */
static cql_status aggregate(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  const cqle_function *over = f->extra;
  cql_elements e;
  void *state = cql_arena_zero(x->arena, over->state_len + 1);
  cql_status st = state == NULL ? CQL_NOMEM : cql_elements_open(&e, f->args[0], args[0]);
  while (st == CQL_OK) {
    cql_slice v;
    st = cql_elements_next(&e, &v);
    if (st == CQL_OK) st = over->step(x, over, state, &v);
  }
  return st == CQL_DONE ? over->finish(x, over, state, out) : st;
}

static cql_status give(const cqle_lookup *l, const cql_type *result, cqle_call call, const void *extra,
                       const cqle_function **out) {
  cqle_function *f = cqle_function_new(l->a, l->name, 1, l->args, result);
  if (f == NULL) return CQL_NOMEM;
  f->call = call;
  f->extra = extra;
  *out = f;
  return CQL_OK;
}

static cql_status refuse(const cqle_lookup *l, const char *wanted) {
  if (l->count != 1)
    return cql_fail(l->err, CQL_INVALID, "Invalid number of arguments for function system.%s", l->name);
  if (l->args[0] == NULL)
    return cql_fail(l->err, CQL_INVALID,
                    "Cannot infer type of argument %s in call to function system.%s: use type casts to disambiguate",
                    cqle_argument_text(l, 0), l->name);
  return cql_fail(l->err, CQL_INVALID, "Function system.%s requires a %s argument, but found argument %s of type %s",
                  l->name, wanted, cqle_argument_text(l, 0), cqle_type_text(l->a, l->args[0]));
}

static cql_status resolve_map(const cqle_lookup *l, bool keys, const cqle_function **out) {
  if (l->count != 1 || l->args[0] == NULL || l->args[0]->code != CQL_TYPE_MAP) return refuse(l, "map");
  const cql_type *const *kv = l->args[0]->args;
  return give(l, keys ? cql_type_set(l->a, kv[0], false) : cql_type_list(l->a, kv[1], false),
              keys ? map_keys : map_values, NULL, out);
}

static bool is_numeric(const cql_type *type) {
  for (const cqle_entry *e = cqle_aggregate_entries; e->name != NULL; e++)
    if (e->args[0] == type->code) return true;
  return false;
}

static cql_status resolve_aggregate(const cqle_lookup *l, const char *name, bool numeric, const cqle_function **out) {
  const cql_type *type = l->count == 1 ? l->args[0] : NULL;
  bool fits = type != NULL && (type->code == CQL_TYPE_LIST || type->code == CQL_TYPE_SET);
  if (!fits || (numeric && !is_numeric(type->args[0]))) return refuse(l, numeric ? "numeric set/list" : "set or list");
  cqle_qname over = {{NULL, 0}, cql_slice_str(name)};
  const cqle_function *f;
  cql_status st = cqle_function_find(l->a, l->table, &over, 1, &type->args[0], NULL, &f, l->err);
  return st == CQL_OK ? give(l, f->result, aggregate, f, out) : st;
}

cql_status cqle_resolve_collection(const cqle_lookup *l, const cqle_function **out) {
  if (strcmp(l->name, "map_keys") == 0 || strcmp(l->name, "map_values") == 0)
    return resolve_map(l, l->name[4] == 'k', out);
  if (strcmp(l->name, "collection_min") == 0) return resolve_aggregate(l, "min", false, out);
  if (strcmp(l->name, "collection_max") == 0) return resolve_aggregate(l, "max", false, out);
  if (strcmp(l->name, "collection_sum") == 0) return resolve_aggregate(l, "sum", true, out);
  if (strcmp(l->name, "collection_avg") == 0) return resolve_aggregate(l, "avg", true, out);
  if (strcmp(l->name, "collection_count") != 0) return CQL_DONE;
  if (l->count != 1 || l->args[0] == NULL || !cql_type_is_collection(l->args[0])) return refuse(l, "collection");
  return give(l, cql_type_native(CQL_TYPE_INT), count, NULL, out);
}
