/* ddl.h: statements that change the schema, or show it as CQL. */
#ifndef CQLE_DDL_H
#define CQLE_DDL_H

#include "engine/engine_int.h"

/* Executes a CREATE, ALTER, DROP, TRUNCATE or USE of the AST inside x->txn (a write transaction; USE: any) and fills
 * x->result. */
cql_status cqle_ddl_execute(cqle_exec *x, const char *default_keyspace, const cqle_statement *stmt);
/* DESCRIBE: rows as Cassandra 4 and later give them. */
cql_status cqle_describe_execute(cqle_exec *x, const char *default_keyspace, const cqle_describe *describe);

#endif
