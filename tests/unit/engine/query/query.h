/* query.h: CQL text against an engine in memory, answers as text. What the tests of statements share.
 *
 * An answer is one string: the column names, then one line per row, its values as CQL literals:
 *   "k v\n1 'a'\n2 null"
 * A statement that gives no rows answers "". The clock stands still until a test moves it.
 */
#ifndef TEST_QUERY_H
#define TEST_QUERY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"

enum { QUERY_ANSWER_LEN = 65536, QUERY_VALUES_MAX = 16 };

typedef struct db {
  cql_engine *engine;
  int64_t now_us;
  int64_t timestamp; /* of the requests; CQL_TIMESTAMP_NONE: the engine's choice */
  cql_value values[QUERY_VALUES_MAX];
  uint8_t bytes[QUERY_VALUES_MAX][8];
  uint32_t value_count;
  char answer[QUERY_ANSWER_LEN];
  char warnings[4096]; /* of the last answer, one per line */
  cql_error err;
} db;

/* Keyspace ks is there and is the default. 2020-09-13T12:26:40Z. */
int query_setup(void **state);    /* cmocka's; *state is the db */
int query_teardown(void **state); /* fails when the database has a problem */
uint64_t query_problems(db *d);   /* prints them */

/* Values of the next statement's markers, in order; they are forgotten when it has run. Text is borrowed. */
void bind_int(db *d, int32_t v);
void bind_bigint(db *d, int64_t v);
void bind_text(db *d, const char *v);
void bind_bytes(db *d, const void *data, size_t len);
void bind_null(db *d);
void bind_unset(db *d);

/* Runs it; d->answer and d->err say what came of it. */
cql_status query_run(db *d, const char *cql);
/* It must succeed. */
void run(db *d, const char *cql);
/* It must answer exactly this. */
void gives(db *d, const char *cql, const char *answer);
/* It must be refused with this status and exactly this text. */
void refuses(db *d, const char *cql, cql_status status, const char *message);
/* A conditional statement that must be applied. */
void applied(db *d, const char *cql);

#endif
