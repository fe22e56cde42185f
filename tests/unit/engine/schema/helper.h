/* helper.h: a store in memory and DDL on it, without the rest of the engine. */
#ifndef SCHEMA_TEST_HELPER_H
#define SCHEMA_TEST_HELPER_H

#include "engine/ddl/ddl.h"
#include "engine/schema/catalog.h"

typedef struct fixture {
  cql_engine engine;
  int64_t now_us;
} fixture;

void fixture_open(fixture *f);
void fixture_close(fixture *f);

/* What a statement answered, as one line: "CREATED TABLE ks.t", "void", "use ks", "INVALID text". */
typedef struct answer {
  cql_status status;
  char text[CQL_ERROR_MESSAGE_LEN + 64];
} answer;

/* Runs one statement in a transaction of its own. */
answer run_cql(fixture *f, const char *keyspace, const char *cql);
/* The same, and it must succeed. */
void must_run(fixture *f, const char *cql);

/* The snapshot as it is now; free it with cqle_schema_free(). */
cql_status load(fixture *f, cqle_schema **out, cql_error *err);
uint32_t count_keys(fixture *f); /* of the whole store */

#endif
