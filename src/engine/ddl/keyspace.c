/* keyspace.c: CREATE, ALTER, DROP KEYSPACE and USE. Replication does nothing in a file of one node; it is checked
 * and kept as Cassandra would. */
#include "engine/schema/options.h"
#include "engine/ddl/ddl_int.h"

#include <string.h>

#define LOCATOR_PACKAGE "org.apache.cassandra.locator."

/* --- replication -------------------------------------------------------------------------------------------------- */

/* A number of replicas, or full/transient as in "3/1". */
static cql_status check_factor(cql_slice text, cql_error *err) {
  const uint8_t *slash = text.len ? memchr(text.data, '/', text.len) : NULL;
  cql_slice full = slash ? cql_slice_of(text.data, (size_t)(slash - text.data)) : text;
  cql_slice transient = slash ? cql_slice_of(slash + 1, text.len - full.len - 1) : CQL_SLICE_LITERAL("0");
  int64_t n, m;
  if (!cqle_text_to_long(full, &n) || n > INT32_MAX)
    return cql_fail(err, CQL_CONFIG, "For input string: \"" CQL_SLICE_FMT "\"", CQL_SLICE_ARG(full));
  if (!cqle_text_to_long(transient, &m) || m > INT32_MAX)
    return cql_fail(err, CQL_CONFIG, "For input string: \"" CQL_SLICE_FMT "\"", CQL_SLICE_ARG(transient));
  if (n < 0) return cql_fail(err, CQL_CONFIG, "Replication factor must be non-negative, found %d", (int)n);
  if (m > 0) return cql_fail(err, CQL_CONFIG, "Transient replication is not enabled on this node");
  return CQL_OK;
}

static cql_status unrecognized(cql_slice option, const char *strategy, cql_slice keyspace, cql_error *err) {
  return cql_fail(err, CQL_CONFIG,
                  "Unrecognized strategy option {" CQL_SLICE_FMT "} passed to %s for keyspace " CQL_SLICE_FMT,
                  CQL_SLICE_ARG(option), strategy, CQL_SLICE_ARG(keyspace));
}

static bool is_class(cql_slice key) {
  return cql_slice_eq_str(key, "class");
}

static cql_status check_simple(cqle_option_map *m, cql_slice keyspace, cql_error *err) {
  cql_slice factor = CQL_SLICE_LITERAL("1");
  for (uint32_t i = 0; i < m->count; i++)
    if (!is_class(m->keys[i]) && !cql_slice_eq_str(m->keys[i], "replication_factor"))
      return unrecognized(m->keys[i], "SimpleStrategy", keyspace, err);
  cqle_option_map_get(m, "replication_factor", &factor);
  CQLE_SCHEMA(check_factor(factor, err));
  return cqle_option_map_put(m, CQL_SLICE_LITERAL("replication_factor"), factor, err);
}

/* replication_factor stands for every data center that is not named; there is one here. */
static cql_status check_topology(cqle_option_map *m, cql_slice keyspace, cql_error *err) {
  cqle_option_map kept = {0};
  cql_slice factor = CQL_SLICE_LITERAL("1"), own, class_name;
  bool has_own = cqle_option_map_get(m, CQLE_DATA_CENTER, &own);
  int64_t n;
  cqle_option_map_get(m, "replication_factor", &factor);
  for (uint32_t i = 0; i < m->count; i++)
    if (!is_class(m->keys[i]) && !cql_slice_eq_str(m->keys[i], "replication_factor") &&
        !cql_slice_eq_str(m->keys[i], CQLE_DATA_CENTER))
      return unrecognized(m->keys[i], "NetworkTopologyStrategy", keyspace, err);
  if (!has_own) own = factor;
  CQLE_SCHEMA(check_factor(own, err));
  if (cqle_text_to_long(own, &n) && n == 0)
    return cql_fail(err, CQL_CONFIG, "Configuration for at least one datacenter must be present");
  cqle_option_map_get(m, "class", &class_name);
  CQLE_SCHEMA(cqle_option_map_put(&kept, CQL_SLICE_LITERAL("class"), class_name, err));
  CQLE_SCHEMA(cqle_option_map_put(&kept, CQL_SLICE_LITERAL(CQLE_DATA_CENTER), own, err));
  *m = kept;
  return CQL_OK;
}

static cql_status check_replication(cql_arena *a, cqle_option_map *m, cql_slice keyspace, cql_error *err) {
  cql_slice name, simple;
  char *full;
  if (!cqle_option_map_get(m, "class", &name)) return cql_fail(err, CQL_CONFIG, "Missing replication strategy class");
  full = memchr(name.data, '.', name.len) ? cql_arena_str(a, name)
                                          : cql_arena_printf(a, LOCATOR_PACKAGE CQL_SLICE_FMT, CQL_SLICE_ARG(name));
  if (!full) return cqle_out_of_memory(err);
  CQLE_SCHEMA(cqle_option_map_put(m, CQL_SLICE_LITERAL("class"), cql_slice_str(full), err));
  simple = cql_slice_str(full);
  if (strncmp(full, LOCATOR_PACKAGE, strlen(LOCATOR_PACKAGE)) == 0)
    simple = cql_slice_str(full + strlen(LOCATOR_PACKAGE));
  if (cql_slice_eq_str(simple, "SimpleStrategy")) return check_simple(m, keyspace, err);
  if (cql_slice_eq_str(simple, "NetworkTopologyStrategy")) return check_topology(m, keyspace, err);
  if (cql_slice_eq_str(simple, "LocalStrategy"))
    return cql_fail(err, CQL_INVALID,
                    "Unable to use given strategy class: LocalStrategy is reserved for internal use.");
  return cql_fail(err, CQL_CONFIG, "Unable to find replication strategy class '%s'", full);
}

static cql_status set_replication(cql_arena *a, cqle_keyspace *ks, const cqle_option_map *m, cql_error *err) {
  const char **strings = cql_arena_array(a, 2 * m->count + 1, sizeof *strings);
  uint32_t at = 2;
  if (!strings) return cqle_out_of_memory(err);
  for (uint32_t i = 0; i < m->count; i++) {
    uint32_t place = is_class(m->keys[i]) ? 0 : at;
    if (place) at += 2;
    strings[place] = cql_arena_str(a, m->keys[i]);
    strings[place + 1] = cql_arena_str(a, m->values[i]);
    if (!strings[place] || !strings[place + 1]) return cqle_out_of_memory(err);
  }
  ks->replication = strings;
  ks->replication_count = m->count;
  return CQL_OK;
}

/* What is wrong whatever there is: found before the keyspace is looked for. */
static cql_status check_properties(cqle_exec *x, const cqle_create_keyspace *k, bool *replicated) {
  const cqle_term *map;
  bool ignored;
  *replicated = false;
  for (uint32_t i = 0; i < k->property_count; i++) {
    const cqle_property *p = &k->properties[i];
    if (cql_slice_eq_str(p->name, "replication")) {
      CQLE_SCHEMA(cqle_property_map(p, &map, x->err));
      *replicated = true;
    } else if (cql_slice_eq_str(p->name, "durable_writes")) {
      CQLE_SCHEMA(cqle_property_bool(p, &ignored, x->err));
    } else {
      return cqle_property_unknown(p, x->err);
    }
  }
  return CQL_OK;
}

/* Reads WITH replication = {…} AND durable_writes = … into *ks. */
static cql_status apply_properties(cqle_exec *x, const cqle_create_keyspace *k, cqle_keyspace *ks) {
  for (uint32_t i = 0; i < k->property_count; i++) {
    const cqle_property *p = &k->properties[i];
    cqle_option_map m = {0};
    if (cql_slice_eq_str(p->name, "durable_writes")) {
      CQLE_SCHEMA(cqle_property_bool(p, &ks->durable_writes, x->err));
      continue;
    }
    CQLE_SCHEMA(cqle_option_map_read(p->value, &m, x->err));
    CQLE_SCHEMA(check_replication(x->arena, &m, k->name, x->err));
    CQLE_SCHEMA(set_replication(x->arena, ks, &m, x->err));
  }
  return CQL_OK;
}

/* --- statements --------------------------------------------------------------------------------------------------- */

static cql_status check_name(cqle_exec *x, cql_slice name) {
  if (!cqle_name_is_valid(name))
    return cql_fail(x->err, CQL_INVALID,
                    "Keyspace name must not be empty and must contain alphanumeric or underscore characters only "
                    "(got \"" CQL_SLICE_FMT "\")",
                    CQL_SLICE_ARG(name));
  if (name.len > CQLE_NAME_MAX)
    return cql_fail(x->err, CQL_INVALID,
                    "Keyspace name must not be more than %d characters long (got %zu characters for \"" CQL_SLICE_FMT
                    "\")",
                    CQLE_NAME_MAX, name.len, CQL_SLICE_ARG(name));
  return CQL_OK;
}

static cql_status check_user_keyspace(cqle_exec *x, cql_slice name) {
  if (!cqle_is_system_keyspace(name)) return CQL_OK;
  return cql_fail(x->err, CQL_UNAUTHORIZED, CQL_SLICE_FMT " keyspace is not user-modifiable.", CQL_SLICE_ARG(name));
}

static cql_status missing(cqle_exec *x, cql_slice name) {
  return cql_fail(x->err, CQL_INVALID, "Keyspace '" CQL_SLICE_FMT "' doesn't exist", CQL_SLICE_ARG(name));
}

cql_status cqle_create_keyspace_execute(cqle_exec *x, const cqle_create_keyspace *k) {
  cqle_keyspace ks = {.durable_writes = true};
  bool replicated;
  if (cqle_is_system_keyspace(k->name))
    return cql_fail(x->err, CQL_INVALID, "System keyspace '" CQL_SLICE_FMT "' is not user-modifiable",
                    CQL_SLICE_ARG(k->name));
  CQLE_SCHEMA(check_properties(x, k, &replicated));
  if (!replicated) return cql_fail(x->err, CQL_INVALID, "Missing mandatory option 'replication'");
  CQLE_SCHEMA(check_name(x, k->name));
  if (cqle_schema_keyspace(x->schema, k->name)) {
    if (k->if_not_exists) return CQL_OK;
    cql_fail(x->err, CQL_ALREADY_EXISTS, "Cannot add existing keyspace \"" CQL_SLICE_FMT "\"", CQL_SLICE_ARG(k->name));
    if (x->err) {
      memcpy(x->err->keyspace, k->name.data, k->name.len);
      x->err->keyspace[k->name.len] = 0;
    }
    return CQL_ALREADY_EXISTS;
  }
  CQLE_SCHEMA(apply_properties(x, k, &ks));
  ks.name = cql_arena_str(x->arena, k->name);
  if (!ks.name) return cqle_out_of_memory(x->err);
  CQLE_SCHEMA(cqle_catalog_put_keyspace(x->txn, x->engine->alloc, &ks, x->err));
  return cqle_ddl_changed(x, "CREATED", "KEYSPACE", ks.name, "");
}

cql_status cqle_alter_keyspace_execute(cqle_exec *x, const cqle_create_keyspace *k) {
  const cqle_keyspace *old = cqle_schema_keyspace(x->schema, k->name);
  cqle_keyspace ks;
  bool ignored;
  CQLE_SCHEMA(check_user_keyspace(x, k->name));
  CQLE_SCHEMA(check_properties(x, k, &ignored));
  if (!old) return k->if_not_exists ? CQL_OK : missing(x, k->name);
  ks = *old;
  CQLE_SCHEMA(apply_properties(x, k, &ks));
  CQLE_SCHEMA(cqle_catalog_put_keyspace(x->txn, x->engine->alloc, &ks, x->err));
  return cqle_ddl_changed(x, "UPDATED", "KEYSPACE", ks.name, "");
}

cql_status cqle_drop_keyspace_execute(cqle_exec *x, const cqle_drop *d) {
  const cqle_keyspace *ks = cqle_schema_keyspace(x->schema, d->name.name);
  CQLE_SCHEMA(check_user_keyspace(x, d->name.name));
  if (!ks) return d->if_exists ? CQL_OK : missing(x, d->name.name);
  for (uint32_t i = 0; i < ks->table_count; i++) CQLE_SCHEMA(cqle_table_remove(x, ks->tables[i]));
  for (uint32_t i = 0; i < ks->type_count; i++)
    CQLE_SCHEMA(cqle_catalog_del_type(x->txn, x->engine->alloc, ks->name, ks->types[i]->name, x->err));
  CQLE_SCHEMA(cqle_catalog_del_keyspace(x->txn, x->engine->alloc, ks->name, x->err));
  return cqle_ddl_changed(x, "DROPPED", "KEYSPACE", ks->name, "");
}

cql_status cqle_use_execute(cqle_exec *x, const cqle_drop *d) {
  const cqle_keyspace *ks = cqle_schema_keyspace(x->schema, d->name.name);
  if (!ks)
    return cql_fail(x->err, CQL_INVALID, "Keyspace '" CQL_SLICE_FMT "' does not exist", CQL_SLICE_ARG(d->name.name));
  x->result->kind = CQL_RESULT_SET_KEYSPACE;
  x->result->keyspace = cql_arena_str(&x->result->arena, cql_slice_str(ks->name));
  return x->result->keyspace ? CQL_OK : cqle_out_of_memory(x->err);
}
