/* describe.c: DESCRIBE. Cassandra: cql3/statements/DescribeStatement.java. */
#include "engine/schema/system.h"

cql_status cqle_describe_execute(cqle_exec *x, const char *default_keyspace, const cqle_describe *describe) {
  (void)default_keyspace;
  (void)describe;
  return cql_fail(x->err, CQL_INVALID, "DESCRIBE is not supported by the embedded engine; read system_schema instead");
}
