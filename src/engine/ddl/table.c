/* table.c: CREATE TABLE, DROP TABLE, TRUNCATE. */
#include "engine/ddl/ddl_int.h"

#include <string.h>

#include "engine/table/table.h"

/* --- CREATE TABLE ------------------------------------------------------------------------------------------------- */

static cql_status check_table_name(cqle_exec *x, const char *keyspace, cql_slice name) {
  if (!cqle_name_is_valid(name))
    return cql_fail(x->err, CQL_CONFIG,
                    "%s." CQL_SLICE_FMT ": Table name must not be empty or not contain non-alphanumeric-underscore "
                    "characters (got \"" CQL_SLICE_FMT "\")",
                    keyspace, CQL_SLICE_ARG(name), CQL_SLICE_ARG(name));
  if (name.len > CQLE_TABLE_NAME_MAX)
    return cql_fail(x->err, CQL_CONFIG,
                    "%s." CQL_SLICE_FMT ": Table name must not be more than %d characters long (got %zu characters for "
                    "\"" CQL_SLICE_FMT "\")",
                    keyspace, CQL_SLICE_ARG(name), CQLE_TABLE_NAME_MAX, name.len, CQL_SLICE_ARG(name));
  return CQL_OK;
}

static void copy_name(char out[CQL_NAME_LEN], const char *name) {
  size_t len = strlen(name);
  if (len >= CQL_NAME_LEN) len = CQL_NAME_LEN - 1;
  memcpy(out, name, len);
  out[len] = 0;
}

static cql_status already_exists(cqle_exec *x, const cqle_table *t) {
  cql_fail(x->err, CQL_ALREADY_EXISTS, "Cannot add already existing table \"%s\" to keyspace \"%s\"", t->name,
           t->keyspace->name);
  if (x->err) {
    copy_name(x->err->keyspace, t->keyspace->name);
    copy_name(x->err->table, t->name);
  }
  return CQL_ALREADY_EXISTS;
}

static cql_status find_keyspace(cqle_exec *x, const char *default_keyspace, cql_slice given,
                                const cqle_keyspace **out) {
  cql_slice name;
  CQLE_SCHEMA(cqle_ddl_keyspace_name(x, default_keyspace, given, &name));
  *out = cqle_schema_keyspace(x->schema, name);
  if (*out) return CQL_OK;
  return cql_fail(x->err, CQL_INVALID, "Keyspace '" CQL_SLICE_FMT "' doesn't exist", CQL_SLICE_ARG(name));
}

static bool is_zero(const uint8_t uuid[16]) {
  static const uint8_t zero[16];
  return memcmp(uuid, zero, sizeof zero) == 0;
}

/* Cassandra's table ids are time-based uuids. */
static void make_uuid(cqle_exec *x, uint8_t out[16]) {
  const uint64_t unix_epoch = UINT64_C(0x01B21DD213814000);
  uint8_t random[8];
  cql_random_bytes(random, sizeof random);
  cql_timeuuid_make(out, unix_epoch + (uint64_t)x->now_us * 10, cql_load_u64(random));
}

cql_status cqle_create_table_execute(cqle_exec *x, const char *default_keyspace, const cqle_create_table *def) {
  const cqle_keyspace *ks;
  const cqle_table *old;
  cqle_table t;
  CQLE_SCHEMA(find_keyspace(x, default_keyspace, def->name.keyspace, &ks));
  CQLE_SCHEMA(cqle_options_parse(x->arena, def->properties, def->property_count, x->err));
  old = cqle_keyspace_table(ks, def->name.name);
  if (old) return def->if_not_exists ? CQL_OK : already_exists(x, old);
  if (def->compact_storage)
    return cql_fail(x->err, CQL_INVALID, "COMPACT STORAGE tables are not supported by the embedded engine");
  if (ks->table_count == CQLE_TABLES_MAX)
    return cql_fail(x->err, CQL_LIMIT, "A keyspace may have at most %d tables", CQLE_TABLES_MAX);
  CQLE_SCHEMA(cqle_table_define(x->arena, ks, def, &t, x->err));
  CQLE_SCHEMA(check_table_name(x, ks->name, def->name.name));
  t.keyspace = ks;
  CQLE_SCHEMA(cqle_options_apply(x->arena, &t, def->properties, def->property_count, true, x->err));
  if (is_zero(t.uuid)) make_uuid(x, t.uuid);
  CQLE_SCHEMA(cqle_ddl_changed(x, "CREATED", "TABLE", ks->name, t.name));
  CQLE_SCHEMA(cqle_catalog_new_id(x->txn, &t.id, x->err));
  return cqle_catalog_put_table(x->txn, x->engine->alloc, &t, x->err);
}

/* --- DROP TABLE, TRUNCATE ----------------------------------------------------------------------------------------- */

cql_status cqle_table_remove(cqle_exec *x, const cqle_table *t) {
  CQLE_SCHEMA(cqle_table_truncate(x->txn, t, x->err));
  return cqle_catalog_del_table(x->txn, x->engine->alloc, t, x->err);
}

cql_status cqle_drop_table_execute(cqle_exec *x, const char *default_keyspace, const cqle_drop *d) {
  const cqle_keyspace *ks;
  const cqle_table *t;
  cql_slice name;
  CQLE_SCHEMA(cqle_ddl_keyspace_name(x, default_keyspace, d->name.keyspace, &name));
  ks = cqle_schema_keyspace(x->schema, name);
  t = ks ? cqle_keyspace_table(ks, d->name.name) : NULL;
  if (!t) {
    if (d->if_exists) return CQL_OK;
    return cql_fail(x->err, CQL_INVALID, "Table '" CQL_SLICE_FMT "." CQL_SLICE_FMT "' doesn't exist",
                    CQL_SLICE_ARG(name), CQL_SLICE_ARG(d->name.name));
  }
  CQLE_SCHEMA(cqle_table_remove(x, t));
  return cqle_ddl_changed(x, "DROPPED", "TABLE", ks->name, t->name);
}

cql_status cqle_truncate_execute(cqle_exec *x, const char *default_keyspace, const cqle_drop *d) {
  const cqle_table *t;
  CQLE_SCHEMA(cqle_schema_resolve(x->schema, default_keyspace, &d->name, &t, x->err));
  if (t->read) return cql_fail(x->err, CQL_UNAUTHORIZED, "%s keyspace is not user-modifiable.", t->keyspace->name);
  return cqle_table_truncate(x->txn, t, x->err);
}
