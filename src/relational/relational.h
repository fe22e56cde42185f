/* relational.h: SQL over CQL tables. A SQLite connection in memory, whose tables are those of a session: SQLite joins,
 * sorts and groups, the session answers what it can answer by key or index.
 *
 * Each CQL table is a virtual table of the same name. Its columns come twice: first as SQLite values, in the form that
 * Django's SQLite dialect writes (a timestamp is '2026-01-31 12:00:00', a uuid 32 hexadecimal digits, a boolean 0 or
 * 1); then, hidden, as "NAME$raw", the bytes of the value as the native protocol has them, for whoever wants it
 * exactly. cql_sum(), cql_min() and cql_max() compute exactly with those of decimals; cql_sum() adds integers, too,
 * beyond 64 bits: as text where a sum is none that SQLite has.
 */
#ifndef CQL_RELATIONAL_H
#define CQL_RELATIONAL_H

#ifdef CQL_RELATIONAL_EXTENSION
#include <sqlite3ext.h> /* SQLite is the one that loads us */
SQLITE_EXTENSION_INIT3
#else
#include <sqlite3.h>
#endif

#include "session/session.h"

typedef struct cql_relational cql_relational;
typedef struct cql_relational_query cql_relational_query;

/* What its statements have asked the session for, since it was opened. */
typedef struct cql_relational_counts {
  uint64_t requests; /* pages of a statement count each */
  uint64_t rows;     /* that came */
  uint64_t scans;    /* statements that read a whole table */
  uint64_t waves;    /* how often answers were waited for: requests that were sent side by side came in one wave */
} cql_relational_counts;

/* A CQL statement that a query has sent. */
typedef struct cql_relational_sent {
  const char *cql;
  uint64_t requests, rows, waves;
} cql_relational_sent;

enum {
  CQL_RELATIONAL_COLUMNS_MAX = 900,    /* of a table: SQLite has 2,000 in one, and each is there twice */
  CQL_RELATIONAL_TERMS_MAX = 64,       /* conditions of one scan that are looked at */
  CQL_RELATIONAL_IN_MAX = 1000000,     /* values of an IN that are asked for one by one */
  CQL_RELATIONAL_TOGETHER_COUNT = 128, /* requests that are sent side by side */
  CQL_RELATIONAL_PAGE_COUNT = 5000,    /* rows */
  /* Inner rows of a join are asked for ahead, for many outer rows at once. */
  CQL_RELATIONAL_BATCH_FIRST_COUNT = 64, /* values of the first batch: a LIMIT may be about to end the query */
  CQL_RELATIONAL_BATCH_COUNT = 1000,     /* values of a later one at most */
  CQL_RELATIONAL_BATCH_PAGE_COUNT = 500, /* rows for each of them; the rest when its turn comes */
  CQL_RELATIONAL_BATCH_LEN = 16 << 20,   /* bytes of rows that a batch shall not exceed, judged by the one before */
  CQL_RELATIONAL_KEPT_COUNT = 10000,     /* values whose answers are kept, within the same bytes */
  CQL_RELATIONAL_SENT_COUNT = 64         /* CQL statements of a query that are told apart */
};

/* Opens a connection over a keyspace of the session, which must outlive it. Everything is copied. One thread at a time.
 * CQL_NOMEM; CQL_LIMIT: SQLite has run out of what it allows. */
cql_status cql_relational_open(cql_relational **out, cql_session *session, const char *keyspace, cql_error *err);
void cql_relational_close(cql_relational *r); /* NULL is fine. Its statements are to be finalized before */

/* Borrowed: for functions of the program's, limits, and statements that are run without cql_relational_step(). Those
 * have no budget; cql_relational_error() tells more of one that ended with SQLITE_ERROR, if the session was the cause.
 */
sqlite3 *cql_relational_db(cql_relational *r);

/* Makes a table known, anew if it was: its definition is read now. CQL_INVALID: there is no such table; CQL_LIMIT: too
 * many columns; and whatever a read may end with. */
cql_status cql_relational_attach(cql_relational *r, const char *table, cql_error *err);

/* The same under another name: name in SQL, table in CQL. */
cql_status cql_relational_attach_as(cql_relational *r, const char *name, const char *table, cql_error *err);

/* The type of a column of a table that is known, by its name in SQL; borrowed until the table is made known anew. NULL:
 * there is none. */
const cql_type *cql_relational_type(const cql_relational *r, const char *table, const char *column);

/* The last error of the session since this was called last; false: there was none. */
bool cql_relational_error(cql_relational *r, cql_error *err);
void cql_relational_counted(const cql_relational *r, cql_relational_counts *out);

/* --- queries ------------------------------------------------------------------------------------------------------ */

/* Prepares the first statement of a text. Several queries may be half-read at a time. CQL_SYNTAX: SQLite says no, in
 * its words; CQL_NOMEM. */
cql_status cql_relational_prepare(cql_relational *r, const char *sql, size_t len, cql_relational_query **out,
                                  cql_error *err);
void cql_relational_finish(cql_relational_query *q); /* NULL is fine; before its connection is closed */

/* Borrowed: for sqlite3_bind_*() before the first step and sqlite3_column_*() after one that gave a row. */
sqlite3_stmt *cql_relational_statement(cql_relational_query *q);

/* How many rows the query may read and not return: filtered out, or gone through before the first row can appear, as a
 * sort or a join does. UINT64_MAX, from the start: as many as it takes. */
void cql_relational_set_budget(cql_relational_query *q, uint64_t rows);
/* How many of them there have been. */
uint64_t cql_relational_spent(const cql_relational_query *q);

/* The i-th CQL statement that the query has sent, in the order of first use; false: there are not so many. Borrowed
 * until cql_relational_finish(). Of more than CQL_RELATIONAL_SENT_COUNT the last one, "other statements", stands for
 * the rest. */
bool cql_relational_sent_at(const cql_relational_query *q, uint32_t i, cql_relational_sent *out);

/* To the next row. *has_row false: there is none, and there will be none. CQL_BUDGET: it has read more than it may; err
 * has the table that was read then. CQL_INTERRUPTED: sqlite3_interrupt(), or the session's check; errors of the
 * session; CQL_INVALID: SQLite says no, or a function of the program's does. */
cql_status cql_relational_step(cql_relational_query *q, bool *has_row, cql_error *err);

#endif
