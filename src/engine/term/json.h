/* json.h: values as JSON text, as to_json() and SELECT JSON write them. Cassandra: AbstractType.toJSONString(). */
#ifndef CQLE_JSON_H
#define CQLE_JSON_H

#include "value/value.h"

/* Appends the value; data NULL: null. CQL_INVALID, CQL_MALFORMED. */
cql_status cqle_json_put(cql_buf *b, const cql_type *type, cql_slice value);
/* Appends a column's name as a key: names that are not all lower case keep quotes of their own (trap 22). */
void cqle_json_put_name(cql_buf *b, const char *name);

#endif
