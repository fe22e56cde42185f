/* function.c: finds a native function by name and argument types. Cassandra: cql3/functions/FunctionResolver.java. */
#include "engine/term/function_int.h"

#include <string.h>

enum { NAME_LEN_MAX = 64, CANDIDATES_MAX = 32 };

static const cqle_entry *const lists[] = {cqle_aggregate_entries, cqle_time_entries, cqle_math_entries,
                                          cqle_id_entries};
static const cqle_resolver resolvers[] = {cqle_resolve_any_aggregate, cqle_resolve_token,      cqle_resolve_blob,
                                          cqle_resolve_operator,      cqle_resolve_collection, cqle_resolve_json,
                                          cqle_resolve_mask,          cqle_resolve_vector};

/* --- helpers ------------------------------------------------------------------------------------------------------ */

const char *cqle_type_text(cql_arena *a, const cql_type *type) {
  size_t len = cql_type_to_cql(type, NULL, 0);
  char *text = cql_arena_get(a, len + 1);
  if (text == NULL) return "?";
  cql_type_to_cql(type, text, len + 1);
  return text;
}

const char *cqle_argument_text(const cqle_lookup *l, uint32_t i) {
  return l->texts == NULL ? "?" : l->texts[i];
}

cqle_function *cqle_function_new(cql_arena *a, const char *name, uint32_t arg_count, const cql_type *const *args,
                                 const cql_type *result) {
  cqle_function *f = cql_arena_zero(a, sizeof *f);
  if (f == NULL || result == NULL || arg_count > CQLE_FUNCTION_ARGS_MAX) return NULL;
  f->name = cql_arena_str(a, cql_slice_str(name));
  if (f->name == NULL) return NULL;
  f->arg_count = arg_count;
  for (uint32_t i = 0; i < arg_count; i++) {
    if (args[i] == NULL) return NULL;
    f->args[i] = args[i];
  }
  f->result = result;
  f->deterministic = true;
  return f;
}

cqle_function *cqle_function_of(cql_arena *a, const cqle_entry *e) {
  const cql_type *args[CQLE_ENTRY_ARGS_MAX];
  for (uint32_t i = 0; i < e->arg_count; i++) args[i] = cql_type_native(e->args[i]);
  cqle_function *f = cqle_function_new(a, e->name, e->arg_count, args, cql_type_native(e->result));
  if (f == NULL) return NULL;
  f->deterministic = !e->volatile_result;
  f->is_aggregate = e->call == NULL;
  f->call = e->call;
  f->state_len = e->state_len;
  f->step = e->step;
  f->finish = e->finish;
  f->takes_null = e->takes_null;
  return f;
}

cql_status cqle_give_bytes(cqle_exec *x, const void *data, size_t len, cql_slice *out) {
  return cql_arena_slice(x->arena, cql_slice_of(data, len), out);
}

cql_status cqle_give_int(cqle_exec *x, int32_t v, cql_slice *out) {
  uint8_t bytes[4];
  cql_store_u32(bytes, (uint32_t)v);
  return cqle_give_bytes(x, bytes, sizeof bytes, out);
}

cql_status cqle_give_bigint(cqle_exec *x, int64_t v, cql_slice *out) {
  uint8_t bytes[8];
  cql_store_u64(bytes, (uint64_t)v);
  return cqle_give_bytes(x, bytes, sizeof bytes, out);
}

/* --- overloads ---------------------------------------------------------------------------------------------------- */

typedef struct candidates {
  uint32_t count;
  const cqle_entry *items[CANDIDATES_MAX];
} candidates;

static void collect(const char *name, candidates *out) {
  out->count = 0;
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
    for (const cqle_entry *e = lists[i]; e->name != NULL; e++)
      if (strcmp(e->name, name) == 0 && out->count < CANDIDATES_MAX) out->items[out->count++] = e;
}

cql_assignable cqle_test_argument(const cqle_lookup *l, uint32_t i, const cql_type *type) {
  const cql_type *own = l->args[i];
  if (l->site->test != NULL) return l->site->test(l->site->user, i, type);
  if (own == NULL) return CQL_WEAKLY_ASSIGNABLE;
  if (cql_type_eq(type, own)) return CQL_EXACT_MATCH;
  return cql_type_is_value_compatible(type, own) ? CQL_WEAKLY_ASSIGNABLE : CQL_NOT_ASSIGNABLE;
}

bool cqle_fits_receiver(const cqle_lookup *l, const cql_type *result) {
  return l->receiver == NULL || cql_type_eq(l->receiver, result) || cql_type_is_value_compatible(l->receiver, result);
}

static cql_assignable test_argument(const cqle_lookup *l, const cqle_entry *e, uint32_t i) {
  return cqle_test_argument(l, i, cql_type_native(e->args[i]));
}

static cql_assignable test_entry(const cqle_lookup *l, const cqle_entry *e) {
  cql_assignable worst = CQL_EXACT_MATCH;
  if (e->arg_count != l->count) return CQL_NOT_ASSIGNABLE;
  for (uint32_t i = 0; i < l->count; i++) {
    cql_assignable one = test_argument(l, e, i);
    if (one < worst) worst = one;
  }
  return worst;
}

static const char *signatures(const cqle_lookup *l, const candidates *c) {
  const char *text = "";
  for (uint32_t i = 0; i < c->count && text != NULL; i++) {
    const cqle_entry *e = c->items[i];
    const char *args = "";
    for (uint32_t k = 0; k < e->arg_count && args != NULL; k++)
      args =
          cql_arena_printf(l->a, "%s%s%s", args, k > 0 ? ", " : "", cqle_type_text(l->a, cql_type_native(e->args[k])));
    text = cql_arena_printf(l->a, "%s%ssystem.%s : (%s) -> %s", text, i > 0 ? ", " : "", e->name,
                            args == NULL ? "" : args, cqle_type_text(l->a, cql_type_native(e->result)));
  }
  return text == NULL ? "" : text;
}

/* The only function of its name explains itself. */
static cql_status explain(const cqle_lookup *l, const cqle_entry *e) {
  if (e->arg_count != l->count)
    return cql_fail(l->err, CQL_INVALID,
                    "Invalid number of arguments in call to function system.%s: %u required but %u provided", e->name,
                    (unsigned)e->arg_count, l->count);
  for (uint32_t i = 0; i < l->count; i++)
    if (test_argument(l, e, i) == CQL_NOT_ASSIGNABLE)
      return cql_fail(l->err, CQL_INVALID,
                      "Type error: %s cannot be passed as argument %u of function system.%s of type %s",
                      cqle_argument_text(l, i), i, e->name, cqle_type_text(l->a, cql_type_native(e->args[i])));
  return CQL_OK;
}

static cql_status pick(const cqle_lookup *l, const candidates *all, const cqle_entry **out) {
  candidates fitting = {0, {NULL}};
  if (all->count == 1) {
    *out = all->items[0];
    return explain(l, *out);
  }
  for (uint32_t i = 0; i < all->count; i++) {
    if (!cqle_fits_receiver(l, cql_type_native(all->items[i]->result))) continue;
    cql_assignable a = test_entry(l, all->items[i]);
    if (a == CQL_EXACT_MATCH) {
      *out = all->items[i];
      return CQL_OK;
    }
    if (a == CQL_WEAKLY_ASSIGNABLE) fitting.items[fitting.count++] = all->items[i];
  }
  *out = fitting.items[0];
  if (fitting.count == 1) return CQL_OK;
  if (fitting.count == 0)
    return cql_fail(l->err, CQL_INVALID,
                    "Invalid call to function %s, none of its type signatures match (known type signatures: %s)",
                    l->name, signatures(l, all));
  return cql_fail(l->err, CQL_INVALID,
                  "Ambiguous call to function %s (can be matched by following signatures: %s): use type casts to "
                  "disambiguate",
                  l->name, signatures(l, &fitting));
}

bool cqle_function_takes_any(cql_slice name) {
  static const char mask[] = "mask_";
  cql_slice start = cql_slice_of(name.data, name.len < sizeof mask - 1 ? name.len : sizeof mask - 1);
  return cql_slice_eq_nocase(start, mask) || cql_slice_eq_nocase(name, "to_json") ||
         cql_slice_eq_nocase(name, "tojson");
}

/* --- the door ----------------------------------------------------------------------------------------------------- */

static cql_status unknown(const cqle_lookup *l, const cqle_qname *name) {
  if (name->keyspace.data == NULL) return cql_fail(l->err, CQL_INVALID, "Unknown function '%s'", l->name);
  return cql_fail(l->err, CQL_INVALID, "Unknown function '" CQL_SLICE_FMT ".%s'", CQL_SLICE_ARG(name->keyspace),
                  l->name);
}

static cql_status find(const cqle_lookup *l, const cqle_qname *name, const cqle_function **out) {
  candidates c;
  const cqle_entry *e = NULL;
  if (name->keyspace.data != NULL && !cql_slice_eq_str(name->keyspace, "system")) return unknown(l, name);
  for (size_t i = 0; i < sizeof resolvers / sizeof *resolvers; i++) {
    cql_status st = resolvers[i](l, out);
    if (st != CQL_DONE) return st;
  }
  collect(l->name, &c);
  if (c.count == 0) return unknown(l, name);
  cql_status st = pick(l, &c, &e);
  if (st != CQL_OK) return st;
  *out = cqle_function_of(l->a, e);
  return *out == NULL ? CQL_NOMEM : CQL_OK;
}

cql_status cqle_function_find_at(cql_arena *a, const cqle_table *table, const cqle_qname *name,
                                 const cqle_call_site *site, const cql_type *receiver, const cqle_function **out,
                                 cql_error *err) {
  char folded[NAME_LEN_MAX];
  cqle_lookup l = {a, table, folded, site->count, site->types, site->texts, site, receiver, err};
  if (name->name.len >= sizeof folded)
    return cql_fail(err, CQL_INVALID, "Unknown function '" CQL_SLICE_FMT "'", CQL_SLICE_ARG(name->name));
  for (size_t i = 0; i < name->name.len; i++) {
    char c = (char)name->name.data[i];
    folded[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  }
  folded[name->name.len] = '\0';
  return find(&l, name, out);
}

cql_status cqle_function_find(cql_arena *a, const cqle_table *table, const cqle_qname *name, uint32_t arg_count,
                              const cql_type *const *args, const cql_type *receiver, const cqle_function **out,
                              cql_error *err) {
  cqle_call_site site = {.count = arg_count, .types = args};
  return cqle_function_find_at(a, table, name, &site, receiver, out, err);
}

cql_status cqle_function_call(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  for (uint32_t i = 0; i < f->arg_count && !f->takes_null; i++) {
    if (args[i].data != NULL) continue;
    *out = (cql_slice){NULL, 0};
    return CQL_OK;
  }
  return f->call(x, f, args, out);
}
