/* row.h: rows as cells with timestamps, and how two versions of a row become one. Cassandra's semantics:
 * db/rows/Cells.java, db/LivenessInfo.java, db/DeletionTime.java, Row.Merger in db/rows/Row.java.
 *
 * The same struct is a stored row, an update, and what a reader sees.
 */
#ifndef CQLE_ROW_H
#define CQLE_ROW_H

#include "engine/schema/schema.h"

#define CQLE_NO_TIMESTAMP INT64_MIN
#define CQLE_NO_EXPIRY    INT64_MAX

/* The row marker that INSERT writes. Absent: timestamp CQLE_NO_TIMESTAMP. */
typedef struct cqle_liveness {
  int64_t timestamp; /* µs */
  int32_t ttl;       /* s; 0: none */
  int64_t expires;   /* s since 1970; CQLE_NO_EXPIRY: never */
} cqle_liveness;

/* Covers every cell and marker with a timestamp at or below its own. None: timestamp CQLE_NO_TIMESTAMP. */
typedef struct cqle_deletion {
  int64_t timestamp; /* µs */
  int64_t at;        /* local deletion time, s */
} cqle_deletion;

typedef struct cqle_cell {
  int64_t timestamp;
  int32_t ttl; /* > 0: expiring */
  bool tombstone;
  int64_t at;      /* expiring: when it expires, s; tombstone: local deletion time, s; else CQLE_NO_EXPIRY */
  cql_slice path;  /* multi-cell: set element, map key, list timeuuid, UDT field number (u16); else data NULL */
  cql_slice value; /* tombstone: empty */
} cqle_cell;

/* One column's part of a row. A simple column has exactly one cell; a multi-cell one has any number, in order of path,
 * each path once. */
typedef struct cqle_column_data {
  uint32_t column_id;
  bool multicell;
  cqle_deletion deletion; /* multi-cell: the whole column's */
  uint32_t count;
  cqle_cell *cells;
} cqle_column_data;

typedef struct cqle_row {
  cql_slice *clustering; /* table->clustering_count wire values; NULL for a static row */
  bool is_static;
  cqle_liveness marker;
  cqle_deletion deletion;
  uint32_t count;
  cqle_column_data *columns; /* by column_id, ascending; a column without any cell or deletion is not there */
} cqle_row;

void cqle_row_init(cqle_row *r); /* no marker, no deletion, no columns */
/* Finds a column's part; NULL: none. */
const cqle_column_data *cqle_row_column(const cqle_row *r, uint32_t column_id);

/* --- reconciliation (traps 1, 2, 6) ------------------------------------------------------------------------------- */

/* Which of two cells for the same place wins: <0 x, >0 y, 0 they are the same. */
int cqle_cell_reconcile(const cqle_cell *x, const cqle_cell *y);
int cqle_liveness_reconcile(const cqle_liveness *x, const cqle_liveness *y);
int cqle_deletion_reconcile(const cqle_deletion *x, const cqle_deletion *y);
/* Two cells of one counter: a tombstone beats any value, however old it is (db/rows/Cells.java, resolveCounter()), and
 * values are added, wrapping at 64 bits. The sum lives in a. CQL_NOMEM; CQL_CORRUPT: a value is no counter. */
cql_status cqle_counter_merge(cql_arena *a, const cqle_cell *x, const cqle_cell *y, cqle_cell *out);
/* Merges update into base (either may be empty) and applies all deletions, row, column and covering: cells they cover
 * are dropped, and so are deletions that a wider one covers. Any order of updates gives the same row; each is merged
 * once, because in a table of counters it holds what is to be added. *out lives in a and borrows bytes and cells from
 * both. t tells how paths are ordered. CQL_NOMEM, CQL_CORRUPT. */
cql_status cqle_row_merge(cql_arena *a, const cqle_table *t, const cqle_row *base, const cqle_row *update,
                          cqle_deletion covering, cqle_row *out);
/* The order of two paths of a multi-cell column; column NULL (a dropped one): as bytes. */
int cqle_path_cmp(const cqle_column *column, cql_slice x, cql_slice y);

/* --- purge -------------------------------------------------------------------------------------------------------- */

/* When the first thing in r ends or has ended: a tombstone's or deletion's local deletion time, a TTL's expiry, s.
 * CQLE_NO_EXPIRY: nothing does; INT64_MIN: it has cells that a column's drop took. */
int64_t cqle_row_first_end(const cqle_row *r, const cqle_table *t);
/* Takes out what ended before gc_before (now - gc_grace_seconds), and what cqle_row_cut_dropped() does. Changes r's
 * arrays in place: r comes from cqle_row_merge(). */
void cqle_row_purge(cqle_row *r, const cqle_table *t, int64_t gc_before);
/* Takes out of columns that were dropped what is not newer than the drop. In place; r owns its arrays. */
void cqle_row_cut_dropped(cqle_row *r, const cqle_table *t);
/* That, and all of columns that the table does not have now: no reader may see a row live by them. */
void cqle_row_forget_dropped(cqle_row *r, const cqle_table *t);

/* --- what a reader sees at now_s ---------------------------------------------------------------------------------- */

bool cqle_cell_is_live(const cqle_cell *c, int64_t now_s);
bool cqle_liveness_is_live(const cqle_liveness *l, int64_t now_s);
/* A row exists for a reader when its marker lives or any of its cells does. */
bool cqle_row_is_live(const cqle_row *r, int64_t now_s);
/* The value of a column as one wire value: a simple cell's bytes, the live cells of a multi-cell column assembled in a,
 * or a clustering value. data NULL: null. CQL_NOMEM, CQL_LIMIT. */
cql_status cqle_row_value(cql_arena *a, const cqle_row *r, const cqle_column *c, int64_t now_s, cql_slice *out);

/* --- the stored form ---------------------------------------------------------------------------------------------- */

/* Appends the row's stored form; its layout is the table at the top of row_codec.c. Equal rows give equal bytes. An
 * empty row (nothing to keep) gives no bytes. */
void cqle_row_encode(cql_buf *b, const cqle_table *t, const cqle_row *r);
/* Cells, values and clustering borrow from bytes; arrays live in a. Cells of dropped columns are there too.
 * CQL_CORRUPT, CQL_NOMEM. */
cql_status cqle_row_decode(cql_arena *a, const cqle_table *t, cql_slice bytes, cqle_row *out);
/* The same for a reader that asks for some columns: where the marker alone makes the row live at now_s, the others are
 * checked, but left out. wanted NULL: all. */
typedef struct cqle_wanted {
  uint32_t count;
  const uint32_t *ids; /* ascending */
  int64_t now_s;
} cqle_wanted;
cql_status cqle_row_decode_wanted(cql_arena *a, const cqle_table *t, cql_slice bytes, const cqle_wanted *wanted,
                                  cqle_row *out);

/* --- helpers of this room ----------------------------------------------------------------------------------------- */

/* An allocator for cql_buf whose memory lives in a. The result must outlive the buffer. */
cql_alloc cqle_arena_alloc(cql_arena *a);

#endif
