/* relational_int.h: what the files of this room share. */
#ifndef CQL_RELATIONAL_INT_H
#define CQL_RELATIONAL_INT_H

#include "relational/relational.h"

/* --- tables (table.c) --------------------------------------------------------------------------------------------- */

typedef enum cqlr_column_kind { CQLR_REGULAR, CQLR_STATIC, CQLR_PARTITION, CQLR_CLUSTERING } cqlr_column_kind;

typedef struct cqlr_column {
  const char *name;
  const cql_type *type;
  cqlr_column_kind kind;
  uint32_t position; /* among the key columns of its kind */
  bool is_descending, is_indexed;
} cqlr_column;

/* What system_schema says of a table. In an arena of its own; types borrow from `all`. */
typedef struct cqlr_table {
  struct cqlr_table *next; /* of those that a connection knows */
  cql_arena arena;
  const char *keyspace, *name;
  const char *alias; /* its name in SQL */
  cql_prepared *all; /* SELECT *: knows the types */
  uint32_t column_count;
  cqlr_column *columns; /* partition key, clustering columns, the others as SELECT * has them */
  uint32_t partition_count, clustering_count;
} cqlr_table;

cql_status cqlr_table_read(cqlr_table *out, cql_session *session, const char *keyspace, const char *name,
                           const char *alias, cql_error *err);
void cqlr_table_free(cqlr_table *t);
/* The CREATE TABLE text that sqlite3_declare_vtab() takes. Sticky in b. */
void cqlr_table_declare(const cqlr_table *t, cql_buf *b);
void cqlr_put_name(cql_buf *b, const char *name); /* quoted, for CQL and SQL alike */

/* --- values (to_sqlite.c, to_cql.c) ------------------------------------------------------------------------------- */

/* The SQLite type of a column, with its affinity. */
const char *cqlr_declared_type(const cql_type *type);
/* A cell as the result of xColumn. scratch is reset. */
void cqlr_to_sqlite(sqlite3_context *out, const cql_type *type, cql_value cell, cql_buf *scratch);
/* The text of one of the types that SQLite knows as text, as cqlr_to_sqlite() gives it. Appended. */
void cqlr_put_text(cql_buf *b, const cql_type *type, cql_slice value);

/* Functions over numbers that SQLite itself does not compute exactly (exact.c). A code of SQLite's. */
int cqlr_exact_register(sqlite3 *db);

typedef enum cqlr_match {
  CQLR_VALUE,   /* the rows that SQLite finds equal to it are those that CQL finds equal to *out */
  CQLR_NOTHING, /* no row is equal to it */
  CQLR_ANYTHING /* it cannot be said in CQL */
} cqlr_match;

typedef enum cqlr_op { CQLR_EQ, CQLR_GT, CQLR_GE, CQLR_LT, CQLR_LE } cqlr_op;

/* May this comparison be left to CQL, for values that can be converted? Rows that CQL gives too many SQLite drops; it
 * must not give too few. */
bool cqlr_can_compare(const cql_type *type, cqlr_op op);
/* A value that a column is compared with. *out lives in arena. CQL_NOMEM in *st. */
cqlr_match cqlr_to_cql(const cqlr_column *column, cqlr_op op, sqlite3_value *value, cql_arena *arena, cql_slice *out,
                       cql_status *st);
/* Can a row have it there? No row has an empty partition key, nor one that is longer than a key may be; the server
 * would refuse the question. */
bool cqlr_can_be_in_key(const cqlr_column *column, cql_slice value);

/* --- ways to the rows (access.c) ---------------------------------------------------------------------------------- */

/* A condition on a column. */
typedef struct cqlr_term {
  uint16_t column;
  cqlr_op op;
  bool is_in; /* = one of several values */
  int source; /* whose: of a constraint, or of a value */
} cqlr_term;

typedef enum cqlr_way { CQLR_BY_KEY, CQLR_BY_INDEX, CQLR_BY_SCAN } cqlr_way;

/* How a scan is asked for: the terms that stand in the WHERE, in their order. */
typedef struct cqlr_access {
  cqlr_way way;
  uint32_t count;
  cqlr_term terms[CQL_RELATIONAL_TERMS_MAX];
  bool has_in;
  bool is_one_row;       /* by the whole primary key; of each value, where one is_in */
  bool is_one_partition; /* its rows come in clustering order */
  uint32_t fixed_count;  /* of the clustering columns: the first so many have one value */
} cqlr_access;

/* The best way that the terms allow. At most one term of the result is_in. */
void cqlr_access_choose(const cqlr_table *t, const cqlr_term *terms, uint32_t count, cqlr_access *out);
/* What it costs, and the rows that are left for all of the terms. */
double cqlr_access_cost(const cqlr_access *a, const cqlr_term *terms, uint32_t count, double *rows);

/* --- queries (query.c) -------------------------------------------------------------------------------------------- */

typedef struct cqlr_scan cqlr_scan;
typedef struct cqlr_wave cqlr_wave;

/* What the cursors of a query have read of it. One is in each cursor. */
typedef struct cqlr_reader {
  cql_relational_query *query;
  struct cqlr_reader *next; /* opened later */
  cqlr_scan *scan;          /* of the same cursor */
  const int16_t *positions; /* of the columns among the cells */
  uint64_t used;            /* the columns that SQLite reads, as its colUsed has them */
  bool is_fresh;            /* its row has not been given yet, neither alone nor as a part of one */
} cqlr_reader;

/* Lives until it is finished and has no reader: a function of the program's may leave a statement of its own half-read.
 */
struct cql_relational_query {
  cql_relational *owner;
  sqlite3_stmt *statement;
  cqlr_reader *readers; /* the oldest first */
  cqlr_wave *waves;
  uint32_t wave_count;
  cql_arena arena;
  uint64_t budget, spent; /* rows that were left behind */
  uint32_t sent_count;
  cql_relational_sent sent[CQL_RELATIONAL_SENT_COUNT];
  bool is_over, is_finished;
};

/* --- connections (relational.c) ----------------------------------------------------------------------------------- */

struct cql_relational {
  cql_session *session;
  const cql_alloc *alloc;
  sqlite3 *db;
  const char *keyspace;
  cql_arena arena;
  cql_buf text; /* of the statement that is being made */
  cqlr_table *tables;
  const char *attached;        /* the table that becomes known now, by its name in CQL */
  cql_relational_query *query; /* that is stepped now */
  cql_relational_query own;    /* of the program's own statements */
  cql_relational_counts counts;
  cql_error error;
  bool has_error;
};

void cqlr_query_init(cql_relational_query *q, cql_relational *owner);
void cqlr_query_clear(cql_relational_query *q); /* what it holds; it has no reader */
cql_status cqlr_connection_init(cql_relational *r, cql_session *session, const char *keyspace); /* CQL_NOMEM */
void cqlr_connection_clear(cql_relational *r); /* after a failed init, too */

/* The reader of a scan, for the query that is stepped now. */
void cqlr_reader_open(cqlr_reader *reader, cqlr_scan *scan, const int16_t *positions);
void cqlr_reader_close(cqlr_reader *reader);
/* It leaves its row, and has come to another (or to none). CQL_BUDGET. */
cql_status cqlr_reader_moved(cqlr_reader *reader, const cqlr_table *table, bool has_row, cql_error *err);

/* --- requests (send.c) -------------------------------------------------------------------------------------------- */

/* Where requests with this text are counted; NULL for statements of the program's own. CQL_NOMEM. */
cql_status cqlr_sent_find(cql_relational_query *q, cql_slice text, cql_relational_sent **out);
/* One wave each; they count what they send and what comes. sent may be NULL. */
cql_status cqlr_send(cql_relational *owner, cql_relational_sent *sent, const cql_request *request, cql_result **out,
                     cql_error *err);
cql_status cqlr_send_many(cql_relational *owner, cql_relational_sent *sent, const cql_request *requests, uint32_t count,
                          cql_outcome *outcomes, cql_error *err);

/* sent NULL: only for the connection. */
void cqlr_count(cql_relational *owner, cql_relational_sent *sent, uint64_t requests, uint64_t rows);
void cqlr_count_wave(cql_relational *owner, cql_relational_sent *sent);

/* --- pages that are asked for before their turn (ahead.c) --------------------------------------------------------- */

/* What was asked for, until its answer is taken or not wanted any more. */
typedef struct cqlr_ahead cqlr_ahead;

/* After how many rows of a page shall the next one be asked for? 0: not before its turn. */
uint64_t cqlr_ahead_after(const cql_relational *owner, const cql_result *page, bool is_first);
/* Does not wait. Counts the request. NULL: it was not sent, and is in its turn. */
cqlr_ahead *cqlr_ahead_ask(cql_relational *owner, cql_relational_sent *sent, const cql_request *request);
/* Its turn: the answer to the same request. *a is NULL then; if it is before, the request is sent now. */
cql_status cqlr_ahead_take(cqlr_ahead **a, cql_relational *owner, cql_relational_sent *sent, const cql_request *request,
                           cql_result **out, cql_error *err);
void cqlr_ahead_drop(cqlr_ahead *a); /* NULL is fine. Does not wait */

/* --- statements (statement.c) ------------------------------------------------------------------------------------- */

/* What a scan is to give: positions[i] is where column i of the table stands among the cells, or -1. */
typedef struct cqlr_wish {
  const cqlr_access *access;
  const cql_slice *values; /* per term; of the one that is_in: in_values */
  const cql_slice *in_values;
  uint32_t in_count;
  const int16_t *positions;
  uint32_t cell_count;
  bool is_reversed; /* clustering order */
} cqlr_wish;

typedef struct cqlr_statement {
  const cqlr_table *table;
  cql_prepared *prepared;
  const cql_type **types;    /* of the cells, as the table has them */
  cql_relational_sent *sent; /* NULL: nobody counts */
  uint32_t cell_count;
  int16_t key_cell; /* of the first clustering column; -1: there is none */
} cqlr_statement;

/* What it keeps beside the prepared statement lives in arena. */
cql_status cqlr_statement_open(cqlr_statement *s, cql_arena *arena, cql_relational *owner, cql_relational_query *q,
                               const cqlr_table *t, const cqlr_wish *wish, cql_error *err);
void cqlr_statement_close(cqlr_statement *s);
/* Are a page's columns those that the table is known by? A node prepares a statement anew after a change of the schema,
 * in the middle of a call. CQL_INVALID: they are not; the next who asks is told what they are now. */
cql_status cqlr_statement_check(const cqlr_statement *s, const cql_result *page, cql_error *err);
cql_request cqlr_statement_request(const cqlr_statement *s, const cql_value *values, uint32_t count);

/* --- scans (scan.c) ----------------------------------------------------------------------------------------------- */

/* The rows of one scan. */
struct cqlr_scan {
  cql_relational *owner;
  const cqlr_table *table;
  cql_arena arena; /* values and the array of requests */
  cqlr_statement statement;
  const cql_request *requests;
  uint32_t request_count, next_request;
  cql_outcome *outcomes; /* of a group of requests */
  uint32_t group_count, next_in_group, group_first;
  cql_result *page;
  uint32_t page_request; /* whose page it is */
  uint64_t ask_in;       /* rows more until the next page is asked for; 0: it is not, or it has been */
  cqlr_ahead *ahead;     /* the next page; NULL: it was not asked for yet */
  cqlr_wave *wave;       /* that has lent page and requests; NULL: they are its own */
  bool is_lent;          /* the page; those that follow are its own */
  cql_value *cells;
  bool is_over;
};

void cqlr_scan_init(cqlr_scan *s, cql_relational *owner, const cqlr_table *table);
void cqlr_scan_end(cqlr_scan *s); /* may begin again */
void cqlr_scan_free(cqlr_scan *s);
cql_status cqlr_scan_begin(cqlr_scan *s, cql_relational_query *q, const cqlr_wish *wish, cql_error *err);
/* To the next row; is_over at the end. */
cql_status cqlr_scan_next(cqlr_scan *s, cql_error *err);
/* The pages that are in hand: the present one, and those that come next. One of them may be NULL. */
uint32_t cqlr_scan_page_count(const cqlr_scan *s);
cql_result *cqlr_scan_page(const cqlr_scan *s, uint32_t i);

/* --- where the values of a join come from (sources.c) ------------------------------------------------------------- */

enum {
  CQLR_SOURCES_MAX = 64,
  CQLR_WAVES_MAX = 64 /* of a query; the scans of other places go one by one */
};

/* A column of another cursor: its cell has been equal to the value of a term whenever there was a filter. Cursors come
 * and go with each run of a subquery; a cursor is told by its table, and its place among those of the table. */
typedef struct cqlr_source {
  const cqlr_table *table;
  uint32_t nth;
  uint16_t column, term;
} cqlr_source;

typedef struct cqlr_sources {
  uint64_t filter_count;
  uint64_t constants;     /* a bit for each term that has had one value */
  const cql_slice *first; /* values, of the first filter */
  uint32_t count;
  cqlr_source items[CQLR_SOURCES_MAX];
} cqlr_sources;

/* A filter of self: what does not foretell its values is no source any more. Copies into arena. CQL_NOMEM. */
cql_status cqlr_sources_learn(cqlr_sources *s, const cqlr_reader *self, const cqlr_wish *wish, cql_arena *arena);
/* The reader whose rows to come tell the filters to come, and for each term its cell, or -1: the first value. NULL:
 * there is none, or not yet. */
const cqlr_reader *cqlr_sources_choose(const cqlr_sources *s, const cqlr_reader *self, uint32_t term_count,
                                       int16_t *cells);

/* --- inner rows for many outer rows at once (waves.c) ------------------------------------------------------------- */

/* Begins the scan of a reader, with one value for each term; text is the plan, at its address in the statement. */
cql_status cqlr_wave_begin(cqlr_reader *reader, const char *text, const cqlr_wish *wish, cql_error *err);
void cqlr_wave_leave(cqlr_wave *w); /* its scan has ended */
uint32_t cqlr_wave_page_count(const cqlr_wave *w);
cql_result *cqlr_wave_page(const cqlr_wave *w, uint32_t i); /* NULL: it did not come */
void cqlr_waves_free(cql_relational_query *q);

/* --- tables as SQLite sees them (vtab.c) -------------------------------------------------------------------------- */

/* Its tables are CREATE VIRTUAL TABLE name USING cql, with the connection as the module's data. */
extern const sqlite3_module cqlr_vtab_module;
/* Does SQLite read this column, in one of its two forms? */
bool cqlr_is_used(const cqlr_table *t, uint64_t used, uint32_t column);
/* Makes an object for the table of a name, which SQL knows as alias: an SQLite code; *message is allocated by SQLite.
 */
int cqlr_vtab_connect(sqlite3 *db, cql_relational *owner, const char *alias, const char *name, sqlite3_vtab **out,
                      char **message);

#endif
