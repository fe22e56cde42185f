/* table.h: the rows of a table in the store: read, walk, write, delete, and keep the indexes in step.
 *
 *   STORE KEY  table id (u32) · token (u64, sign flipped) · partition key (00 as 00 FF, then 00 00) · kind (u8)
 *              · clustering (cql_key_put each)
 *   KIND       10 partition deletion, 18 range deletion (by its start bound), 20 static row, 40 row
 *   INDEX KEY  index id (u32) · value (cql_key_put) · 10 · token · partition key · kind · clustering
 *              A hint: the row decides. Its value is the length of what stands before the 10, as a uvarint.
 *              An index on vectors has none.
 *
 * Deletions of partitions and ranges are applied to the stored rows when they are written, and kept so that a late
 * write with an older timestamp stays covered (trap 21). So a reader needs the row alone, and a writer asks for the
 * deletions that cover its row. They stand together before the rows of their partition: one seek tells that there are
 * none. The ranges of a partition never overlap: a new one cuts, joins or replaces those that are there.
 *
 *   DELETION   u8 1 · timestamp (i64) · local deletion time (i64) · end bound (ranges; empty: to the last row)
 *
 * In this header: CQL_NOMEM, CQL_IO, CQL_CORRUPT, CQL_LIMIT everywhere; cql_error is filled with all of them.
 */
#ifndef CQLE_TABLE_H
#define CQLE_TABLE_H

#include "engine/table/row.h"

typedef struct cqle_pkey {
  cql_slice bytes; /* serialized partition key, cql_partition_key_put() */
  int64_t token;
} cqle_pkey;
cqle_pkey cqle_pkey_of(cql_slice bytes);

/* A half-open interval of clustering keys as byte strings: rows with start <= key < end. Empty start: from the first;
 * empty end: to the last. */
typedef struct cqle_slice_bounds {
  cql_slice start, end;
} cqle_slice_bounds;
/* Appends a bound at a prefix of clustering values: before every row that begins with it, or after the last one. */
void cqle_bound_put(cql_buf *b, const cqle_table *t, const cql_slice *values, uint32_t count, bool after);

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* The row of a full clustering (ignored for is_static). CQL_DONE: nothing stored. *out lives in a (bytes copied). It
 * may hold only tombstones. */
cql_status cqle_table_get(cqle_txn *t, const cqle_table *table, cqle_pkey pkey, const cql_slice *clustering,
                          bool is_static, cql_arena *a, cqle_row *out, cql_error *err);

typedef struct cqle_scan cqle_scan;
typedef struct cqle_scan_row {
  cqle_pkey pkey;
  bool new_partition; /* the first entry of this partition that the scan gives */
  cqle_row row;       /* is_static: the static row, which comes first in its partition whatever the direction */
  cql_slice position; /* where it stands in the table, for a paging state: token · partition key · kind · clustering */
} cqle_scan_row;

/* One partition; its static row first (when want_static), then the rows within the bounds, downwards when reverse.
 * after: a position given by a scan of the same shape, to go on behind it; data NULL: from the start. Rows with nothing
 * but tombstones are given too. CQL_PROTOCOL: after is no position in this partition. */
cql_status cqle_scan_partition(cqle_txn *t, const cqle_table *table, cqle_pkey pkey, cqle_slice_bounds bounds,
                               bool want_static, bool reverse, cql_slice after, cqle_scan **out, cql_error *err);
/* All partitions with first <= token <= last, in token order, then key order; static rows included. */
cql_status cqle_scan_tokens(cqle_txn *t, const cqle_table *table, int64_t first, int64_t last, cql_slice after,
                            cqle_scan **out, cql_error *err);
/* From now on rows may come without columns that are not wanted, as from cqle_row_decode_wanted(). Borrows. */
void cqle_scan_want(cqle_scan *s, const cqle_wanted *wanted);
/* Skips to the first entry of the next partition. */
cql_status cqle_scan_skip_partition(cqle_scan *s, cql_error *err);
/* The next row; valid until the next call on the scan (its memory is the scan's own). CQL_DONE at the end. */
cql_status cqle_scan_next(cqle_scan *s, cqle_scan_row *out, cql_error *err);
void cqle_scan_close(cqle_scan *s); /* NULL is fine; before its transaction ends */
/* Appends the position behind the last row of a partition: to go on with the next one. */
void cqle_position_behind(cql_buf *b, cqle_pkey pkey);

/* Rows whose index entry lies in [start, end) of encoded index values (cqle_index_bound_put), in table order (token,
 * key, clustering), each at most once, only behind position after. An index on a static column gives static rows, one
 * on a partition key column static rows too. May give rows that no longer hold the value; rows whose entry outlived
 * them are left out. Memory: one value is walked as it stands; otherwise at most batch positions are held at a time,
 * and the entries are gone through once for each batch. */
cql_status cqle_scan_index(cqle_txn *t, const cqle_table *table, const cqle_index *index, cql_slice start,
                           cql_slice end, cql_slice after, uint32_t batch, cqle_scan **out, cql_error *err);
/* Appends a bound: before the entries of value, or after them. value is the column's; for ENTRIES the map's key and
 * value as cql_partition_key_put() writes two components. */
void cqle_index_bound_put(cql_buf *b, const cqle_index *index, cql_slice value, bool after);

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* Merges update into the stored row (update->clustering says which, or is_static), under the deletions that cover it.
 * Indexes follow. What has ended more than gc_grace_seconds before now_s goes from each row that is rewritten. a serves
 * as scratch memory. */
cql_status cqle_table_write(cqle_txn *t, const cqle_table *table, cqle_pkey pkey, const cqle_row *update, int64_t now_s,
                            cql_arena *a, cql_error *err);
cql_status cqle_table_delete_partition(cqle_txn *t, const cqle_table *table, cqle_pkey pkey, cqle_deletion d,
                                       int64_t now_s, cql_arena *a, cql_error *err);
cql_status cqle_table_delete_range(cqle_txn *t, const cqle_table *table, cqle_pkey pkey, cqle_slice_bounds bounds,
                                   cqle_deletion d, int64_t now_s, cql_arena *a, cql_error *err);
/* Rows, deletions and index entries. */
cql_status cqle_table_truncate(cqle_txn *t, const cqle_table *table, cql_error *err);
/* One bounded step of a sweep over a table: takes out of rows, and of the deletions kept, what has ended more than
 * gc_grace_seconds before now_s, and cells of dropped columns. Readers see no difference. Works from key *at (empty:
 * the table's first) until it has looked at *keys keys or CQLE_PURGE_BYTES; then *at is where to go on, and empty when
 * the table is done. */
#define CQLE_PURGE_BYTES ((size_t)1 << 20)
typedef struct cqle_purge {
  int64_t now_s;
  uint32_t keys;      /* left to look at */
  int64_t next_s;     /* lowered to the second at which something that stays may go */
  uint64_t seen;      /* keys looked at */
  uint64_t removed;   /* keys that are gone */
  uint64_t rewritten; /* rows that became smaller */
} cqle_purge;
cql_status cqle_table_purge(cqle_txn *t, const cqle_table *table, cqle_purge *p, cql_buf *at, cql_error *err);
/* Fills a new index from the rows that are there, or removes a dropped one's entries; a dropped column's cells stay and
 * are passed over. */
cql_status cqle_index_build(cqle_txn *t, const cqle_table *table, const cqle_index *index, cql_error *err);
cql_status cqle_index_drop(cqle_txn *t, const cqle_index *index, cql_error *err);

/* --- checking ----------------------------------------------------------------------------------------------------- */

/* A walk over the keys of a file that holds what it finds against what must be. Keys come in ascending order. */
typedef struct cqle_check {
  cqle_txn *t;
  cql_check_report *report;
  cql_check_found found;
  void *user;
  cql_arena scratch;      /* one key's */
  cql_buf partition;      /* the last key up to its kind */
  cql_buf range_end;      /* of its last range */
  bool range_open;        /* that range goes to the last row */
  bool has_deletions;     /* of the partition */
  cqle_deletion deletion; /* the partition's */
} cqle_check;
void cqle_check_init(cqle_check *c, cqle_txn *t, cql_check_report *report, cql_check_found found, void *user);
void cqle_check_free(cqle_check *c);
/* Counts a problem and tells it. */
void cqle_check_problem(cqle_check *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A row or a deletion of the table; an entry of one of its indexes. Problems are told, not answered. */
cql_status cqle_check_row_key(cqle_check *c, const cqle_table *table, cql_slice key, cql_slice value, cql_error *err);
cql_status cqle_check_entry(cqle_check *c, const cqle_table *table, const cqle_index *index, cql_slice key,
                            cql_slice value, cql_error *err);

#endif
