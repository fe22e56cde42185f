/* system.h: rows of the system tables. Private to src/engine/schema. */
#ifndef CQLE_SYSTEM_H
#define CQLE_SYSTEM_H

#include "engine/schema/options.h"

#define CQLE_VIRTUAL_KEYSPACE "system_virtual_schema"
#define CQLE_VIEWS_KEYSPACE   "system_views"
#define CQLE_CLUSTER_NAME     "libcql"
#define CQLE_RELEASE_VERSION  "5.0.8"

cql_status cqle_read_nothing(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user);
cql_status cqle_read_local(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user);
cql_status cqle_read_keyspaces(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user);
cql_status cqle_read_tables(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user);
cql_status cqle_read_columns(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user);
cql_status cqle_read_dropped_columns(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user);
cql_status cqle_read_indexes(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user);
cql_status cqle_read_built_indexes(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user);
cql_status cqle_read_sai_indexes(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user);
cql_status cqle_read_types(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user);
cql_status cqle_read_virtual_keyspaces(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user);
cql_status cqle_read_virtual_tables(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user);
cql_status cqle_read_virtual_columns(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user);

#endif
