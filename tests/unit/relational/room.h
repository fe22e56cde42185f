/* room.h: a session in memory and a connection over its keyspace ks, and questions to them that must not fail. */
#ifndef TEST_ROOM_H
#define TEST_ROOM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "relational/relational.h"

extern cql_session *session;
extern cql_relational *relational;

void room_open(const char *url); /* elsewhere than in memory */
int room_begin(void **state);
int room_end(void **state);

/* CQL */
void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* INSERT INTO table (columns) of ints, row by row; INT32_MIN: left out. */
void insert_ints(const char *table, const char *columns, uint32_t column_count, const int32_t *values, uint32_t rows);
void attach(const char *table);

/* SQL */
typedef struct cost {
  cql_relational_counts counts;
  uint64_t spent;
} cost;
cql_relational_query *prepare(const char *sql);
bool step(cql_relational_query *q); /* is there a row? */
/* All cells, in one text: rows end with ";", cells with ",". The last answer but one goes. what may be NULL. */
const char *answer(const char *sql, cost *what);
void expect(const char *sql, const char *wanted, cost *what);
/* How often this CQL was sent by a query that is not finished yet; 0: it was not. */
uint64_t sent_count(const cql_relational_query *q, const char *cql);

#endif
