/* ddl_int.h: what the statements that change the schema share. Private to src/engine/ddl. */
#ifndef CQLE_DDL_INT_H
#define CQLE_DDL_INT_H

#include "engine/ddl/ddl.h"
#include "engine/schema/catalog.h"

/* The keyspace a statement means: given or default. CQL_INVALID: none; CQL_UNAUTHORIZED: a system keyspace. */
cql_status cqle_ddl_keyspace_name(cqle_exec *x, const char *default_keyspace, cql_slice given, cql_slice *out);
cql_status cqle_ddl_changed(cqle_exec *x, const char *change, const char *target, const char *keyspace,
                            const char *name);

cql_status cqle_create_keyspace_execute(cqle_exec *x, const cqle_create_keyspace *k);
cql_status cqle_alter_keyspace_execute(cqle_exec *x, const cqle_create_keyspace *k);
cql_status cqle_drop_keyspace_execute(cqle_exec *x, const cqle_drop *d);
cql_status cqle_use_execute(cqle_exec *x, const cqle_drop *d);
cql_status cqle_create_table_execute(cqle_exec *x, const char *default_keyspace, const cqle_create_table *t);
cql_status cqle_alter_table_execute(cqle_exec *x, const char *default_keyspace, const cqle_alter_table *t);
cql_status cqle_drop_table_execute(cqle_exec *x, const char *default_keyspace, const cqle_drop *d);
cql_status cqle_truncate_execute(cqle_exec *x, const char *default_keyspace, const cqle_drop *d);
cql_status cqle_create_index_execute(cqle_exec *x, const char *default_keyspace, const cqle_create_index *c);
cql_status cqle_drop_index_execute(cqle_exec *x, const char *default_keyspace, const cqle_drop *d);

cql_status cqle_create_type_execute(cqle_exec *x, const char *default_keyspace, const cqle_create_type *t);
cql_status cqle_alter_type_execute(cqle_exec *x, const char *default_keyspace, const cqle_alter_type *t);
cql_status cqle_drop_type_execute(cqle_exec *x, const char *default_keyspace, const cqle_drop *d);

/* Removes a table's rows, indexes and definition. */
cql_status cqle_table_remove(cqle_exec *x, const cqle_table *t);

#endif
