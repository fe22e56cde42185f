/* ddl.c: which function carries out which statement, and what they share. */
#include "engine/schema/catalog.h"

#include <string.h>

bool cqle_name_is_valid(cql_slice name) {
  for (size_t i = 0; i < name.len; i++) {
    uint8_t c = name.data[i];
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return name.len > 0;
}

cql_status cqle_ddl_keyspace_name(cqle_exec *x, const char *default_keyspace, cql_slice given, cql_slice *out) {
  *out = given;
  if (!given.data && default_keyspace) *out = cql_slice_str(default_keyspace);
  if (!out->data)
    return cql_fail(x->err, CQL_INVALID,
                    "No keyspace has been specified. USE a keyspace, or explicitly specify keyspace.tablename");
  if (cqle_is_system_keyspace(*out))
    return cql_fail(x->err, CQL_UNAUTHORIZED, CQL_SLICE_FMT " keyspace is not user-modifiable.", CQL_SLICE_ARG(*out));
  return CQL_OK;
}

cql_status cqle_ddl_changed(cqle_exec *x, const char *change, const char *target, const char *keyspace,
                            const char *name) {
  cql_result *r = x->result;
  CQLE_SCHEMA(cqle_catalog_bump(x->txn, x->err));
  r->kind = CQL_RESULT_SCHEMA_CHANGE;
  r->change = change;
  r->change_target = target;
  r->keyspace = cql_arena_str(&r->arena, cql_slice_str(keyspace));
  r->change_name = cql_arena_str(&r->arena, cql_slice_str(name));
  return r->keyspace && r->change_name ? CQL_OK : cqle_out_of_memory(x->err);
}

cql_status cqle_ddl_execute(cqle_exec *x, const char *default_keyspace, const cqle_statement *stmt) {
  switch (stmt->kind) {
  case CQLE_STMT_USE: return cqle_use_execute(x, &stmt->as.drop);
  case CQLE_STMT_TRUNCATE: return cqle_truncate_execute(x, default_keyspace, &stmt->as.drop);
  case CQLE_STMT_CREATE_KEYSPACE: return cqle_create_keyspace_execute(x, &stmt->as.create_keyspace);
  case CQLE_STMT_ALTER_KEYSPACE: return cqle_alter_keyspace_execute(x, &stmt->as.create_keyspace);
  case CQLE_STMT_DROP_KEYSPACE: return cqle_drop_keyspace_execute(x, &stmt->as.drop);
  case CQLE_STMT_CREATE_TABLE: return cqle_create_table_execute(x, default_keyspace, &stmt->as.create_table);
  case CQLE_STMT_ALTER_TABLE: return cqle_alter_table_execute(x, default_keyspace, &stmt->as.alter_table);
  case CQLE_STMT_DROP_TABLE: return cqle_drop_table_execute(x, default_keyspace, &stmt->as.drop);
  case CQLE_STMT_CREATE_INDEX: return cqle_create_index_execute(x, default_keyspace, &stmt->as.create_index);
  case CQLE_STMT_DROP_INDEX: return cqle_drop_index_execute(x, default_keyspace, &stmt->as.drop);
  case CQLE_STMT_REFUSED: return cql_fail(x->err, stmt->as.refused.status, "%s", stmt->as.refused.message);
  default: return cql_fail(x->err, CQL_MISUSE, "The statement does not change the schema");
  }
}

/* --- types of columns --------------------------------------------------------------------------------------------- */

typedef struct unknown_type {
  cql_slice keyspace, name;
} unknown_type;

/* There are no user-defined types; the name is kept for the error. */
static const cql_type *find_no_type(void *user, cql_slice keyspace, cql_slice name) {
  unknown_type *u = user;
  u->keyspace = keyspace;
  u->name = name;
  return NULL;
}

cql_status cqle_ddl_type(cql_arena *a, const char *keyspace, const cqle_raw_type *raw, const cql_type **out,
                         cql_error *err) {
  unknown_type unknown = {0};
  cql_type_resolver resolver = {find_no_type, &unknown, cql_slice_str(keyspace)};
  cql_status st = cql_type_parse_cql(a, raw->text, &resolver, out, err);
  if (unknown.name.data && unknown.keyspace.len && !cql_slice_eq_str(unknown.keyspace, keyspace))
    return cql_fail(err, CQL_INVALID,
                    "Statement on keyspace %s cannot refer to a user type in keyspace " CQL_SLICE_FMT
                    "; user types can only be used in the keyspace they are defined in",
                    keyspace, CQL_SLICE_ARG(unknown.keyspace));
  if (st == CQL_OK && (*out)->code == CQL_TYPE_CUSTOM)
    return cql_fail(err, CQL_INVALID, "Custom types are not supported by the embedded engine: " CQL_SLICE_FMT,
                    CQL_SLICE_ARG((*out)->name));
  return st;
}
