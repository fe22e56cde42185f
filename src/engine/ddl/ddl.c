/* ddl.c: which function carries out which statement, and what they share. */
#include "engine/ddl/ddl_int.h"

#include <string.h>

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
  case CQLE_STMT_CREATE_TYPE: return cqle_create_type_execute(x, default_keyspace, &stmt->as.create_type);
  case CQLE_STMT_ALTER_TYPE: return cqle_alter_type_execute(x, default_keyspace, &stmt->as.alter_type);
  case CQLE_STMT_DROP_TYPE: return cqle_drop_type_execute(x, default_keyspace, &stmt->as.drop);
  case CQLE_STMT_REFUSED: return cql_fail(x->err, stmt->as.refused.status, "%s", stmt->as.refused.message);
  default: return cql_fail(x->err, CQL_MISUSE, "The statement does not change the schema");
  }
}
