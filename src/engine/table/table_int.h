/* table_int.h: what the files behind table.h share: keys, stored deletions, index entries, a scan's inside. */
#ifndef CQLE_TABLE_INT_H
#define CQLE_TABLE_INT_H

#include "engine/table/table.h"

/* --- key.c: the keys at the top of table.h ------------------------------------------------------------------------ */

enum {
  CQLE_KIND_PARTITION_DELETION = 0x10,
  CQLE_KIND_RANGE_DELETION = 0x18,
  CQLE_KIND_STATIC = 0x20,
  CQLE_KIND_ROW = 0x40,
  CQLE_KIND_BEHIND = 0xFF, /* no entry: a bound behind the partition */

  CQLE_ENTRY_SEPARATOR = 0x10, /* between an index value and a position; a bound after the value has FF there */
  CQLE_BOUND_AFTER = 0xFF,     /* no component of a key starts with it */

  CQLE_TABLE_ID_LEN = 4,
  CQLE_TOKEN_LEN = 8,
};
/* Escaping at most doubles a key; cql_key_put() of 64 KiB of decimals or small texts is far below this too. */
#define CQLE_STORE_KEY_MAX ((size_t)4 << 20)

void cqle_key_buf(cql_buf *b, const cql_alloc *alloc);
void cqle_key_put_partition(cql_buf *b, uint32_t table_id, cqle_pkey pkey);
void cqle_key_put_clustering(cql_buf *b, const cqle_table *t, const cql_slice *values, uint32_t count);
void cqle_key_put_row(cql_buf *b, const cqle_table *t, const cql_slice *clustering, bool is_static); /* kind first */
/* Where the kind stands in a position, 0 when it is none. */
size_t cqle_position_kind_at(cql_slice position);
/* The same, and the partition key, unescaped into b (reset first). b's status tells when there is no room for it. */
size_t cqle_position_pkey(cql_slice position, cql_buf *b, cqle_pkey *out);
/* Appends what follows the bytes in b and everything that starts with them: b + 1 as a number; empty: no end. */
void cqle_key_successor(cql_buf *b);

cql_status cqle_buf_failed(const cql_buf *b, cql_error *err); /* CQL_OK, or its sticky status in words */
cql_status cqle_row_corrupt(cql_status st, const cqle_table *t, cql_error *err); /* the words for a failed decode */

/* --- deletion.c --------------------------------------------------------------------------------------------------- */

/* The newest kept deletion that covers the row at key, whose kind stands at kind_at. key is scratch: changed and
 * restored. */
cql_status cqle_deletion_covering(cqle_txn *t, const cqle_table *table, cql_buf *key, size_t kind_at, cql_arena *a,
                                  cqle_deletion *out, cql_error *err);
/* The deletion kept for a whole partition; partition: its key up to the kind. */
cql_status cqle_deletion_of_partition(cqle_txn *t, const cqle_table *table, cql_slice partition, cql_arena *a,
                                      cqle_deletion *out, cql_error *err);
/* Keeps d for the partition, and forgets ranges that it covers. */
cql_status cqle_deletion_keep_partition(cqle_txn *t, const cqle_table *table, cql_slice partition, cqle_deletion d,
                                        cql_arena *a, cql_error *err);
cql_status cqle_deletion_keep_range(cqle_txn *t, const cqle_table *table, cql_slice partition, cqle_slice_bounds bounds,
                                    cqle_deletion d, cql_arena *a, cql_error *err);

/* Takes a kept deletion apart; end (ranges) borrows from bytes. */
cql_status cqle_deletion_decode(const cqle_table *table, cql_slice bytes, cqle_deletion *out, cql_slice *end,
                                cql_error *err);

/* --- table.c ------------------------------------------------------------------------------------------------------ */

/* Stores after where before stands (stored: its bytes, lent by a cursor or the transaction; len 0: no row), and brings
 * the indexes in step. An after without anything in it removes the key; one with the same bytes writes nothing. */
cql_status cqle_table_replace(cqle_txn *t, const cqle_table *table, cqle_pkey pkey, cql_slice key, cql_slice stored,
                              const cqle_row *before, const cqle_row *after, cql_arena *a, cql_error *err);

/* --- index.c ------------------------------------------------------------------------------------------------------ */

/* Brings the entries of all indexes in step with a row that changed; before or after NULL: no row. position borrows. */
cql_status cqle_index_update(cqle_txn *t, const cqle_table *table, cqle_pkey pkey, cql_slice position,
                             const cqle_row *before, const cqle_row *after, cql_arena *a, cql_error *err);

/* The entries that r has in an index, ascending, some perhaps twice; expired cells have theirs until they go. All in a.
 * CQL_NOMEM, CQL_CORRUPT, CQL_LIMIT. */
cql_status cqle_index_entries(const cqle_table *table, const cqle_index *index, cqle_pkey pkey, cql_slice position,
                              const cqle_row *r, cql_arena *a, cql_slice **keys, uint32_t *count);

/* --- scan.c, index_scan.c ----------------------------------------------------------------------------------------- */

typedef struct cqle_index_batch cqle_index_batch;

struct cqle_scan {
  cqle_txn *txn;
  const cqle_table *table;
  cql_arena arena; /* the row's; reset at each step */
  cqle_cursor *cursor;
  bool reverse;
  bool static_first;  /* the static row is still to be fetched, by itself */
  cql_buf upper;      /* the cursor's end, empty: none */
  cql_buf key;        /* scratch */
  cql_buf partition;  /* of the last entry: its position up to the kind; empty: none yet */
  bool new_partition; /* no row of it was given */
  cql_buf pkey_bytes;
  cqle_pkey pkey;
  const cqle_index *index;   /* NULL: a scan of the table */
  cql_buf lower;             /* index: where entries start */
  cql_buf value;             /* index: the one value that is walked, empty: a range of them */
  cqle_index_batch *batch;   /* index: a range */
  const cqle_wanted *wanted; /* NULL: all columns */
};

/* The position in an entry; false: it is none. */
bool cqle_entry_position(cql_slice key, cql_slice value, cql_slice *out);
/* Fills out for the row at position with these bytes; borrows both. */
cql_status cqle_scan_give(cqle_scan *s, cql_slice position, cql_slice bytes, cqle_scan_row *out, cql_error *err);
cql_status cqle_scan_reopen(cqle_scan *s, cql_slice from, cql_error *err);
cqle_scan *cqle_scan_new(cqle_txn *t, const cqle_table *table, cql_error *err);
cql_status cqle_index_scan_next(cqle_scan *s, cqle_scan_row *out, cql_error *err);
cql_status cqle_index_scan_skip(cqle_scan *s, cql_error *err);
void cqle_index_batch_free(cqle_index_batch *b, const cql_alloc *alloc);

#endif
