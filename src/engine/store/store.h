/* store.h: an ordered map from bytes to bytes in one file, with transactions. About a dozen functions, so that what
 * lies behind them can change.
 *
 * Keys are compared as unsigned bytes. Readers see the state at their begin; one writer at a time, over all processes.
 * Today: SQLite in WAL mode.
 */
#ifndef CQLE_STORE_H
#define CQLE_STORE_H

#include "base/base.h"

typedef struct cqle_store cqle_store;   /* the file; shared by threads */
typedef struct cqle_txn cqle_txn;       /* one transaction; one thread */
typedef struct cqle_cursor cqle_cursor; /* a position; dies with its transaction */

typedef struct cqle_store_config {
  const char *path;         /* NULL: in memory */
  bool durability_full;     /* false: a commit survives kill -9; true: a loss of power too, for one fsync each */
  uint32_t busy_timeout_ms; /* how long a transaction waits for another one's lock before CQL_BUSY */
  const cql_alloc *alloc;
} cqle_store_config;

/* Opens the file, or makes it when it is absent or empty; several processes may do so at once. A file that is not ours
 * is left as it is, to the byte: CQL_NOT_A_DATABASE, CQL_VERSION, CQL_CORRUPT, CQL_IO, CQL_BUSY, CQL_NOMEM. Copies
 * config. */
cql_status cqle_store_open(cqle_store **out, const cqle_store_config *config, cql_error *err);
void cqle_store_close(cqle_store *s); /* NULL is fine; all transactions have ended */

/* One transaction per thread and store at a time: a store in memory refuses a second one (CQL_MISUSE), and two writers
 * of one thread would wait for each other until CQL_BUSY. No lock of rank CQL_LOCK_TRANSACTION or above may be held. A
 * fork waits until the other threads' transactions have ended; parent and child then go on with handles of their own, a
 * store in memory as a copy. A transaction that the forking thread itself holds is lost in the child. */
cql_status cqle_txn_begin(cqle_store *s, bool write, cqle_txn **out, cql_error *err);
cql_status cqle_txn_commit(cqle_txn *t, cql_error *err); /* ends it in any case; a failed commit has changed nothing */
void cqle_txn_abort(cqle_txn *t);                        /* NULL is fine */
bool cqle_txn_is_write(const cqle_txn *t);
uint64_t cqle_txn_write_count(const cqle_txn *t);   /* puts and deletes so far */
const cql_alloc *cqle_txn_alloc(const cqle_txn *t); /* the store's */

/* A write timestamp: max(now_us, the last one given in this file + 1); kept in the file by a commit that wrote
 * something. Write transactions only. */
cql_status cqle_txn_timestamp(cqle_txn *t, int64_t now_us, int64_t *out, cql_error *err);

/* *value borrows until the next call on this transaction. CQL_DONE: no such key. */
cql_status cqle_get(cqle_txn *t, cql_slice key, cql_slice *value, cql_error *err);
cql_status cqle_put(cqle_txn *t, cql_slice key, cql_slice value, cql_error *err);
cql_status cqle_del(cqle_txn *t, cql_slice key, cql_error *err); /* absent: fine */
/* from <= key < to; to empty: no end. */
cql_status cqle_del_range(cqle_txn *t, cql_slice from, cql_slice to, cql_error *err);

/* Walks the keys with from <= key < to (to empty: no end), downwards when reverse. The bounds are copied. Writing
 * through the transaction while a cursor is open is allowed for keys behind it or at it, and outside its bounds. next:
 * CQL_DONE at the end; key and value borrow until the next step or close. */
cql_status cqle_cursor_open(cqle_txn *t, cql_slice from, cql_slice to, bool reverse, cqle_cursor **out, cql_error *err);
cql_status cqle_cursor_next(cqle_cursor *c, cql_slice *key, cql_slice *value, cql_error *err);
void cqle_cursor_close(cqle_cursor *c); /* NULL is fine; not after its transaction has ended */

/* Copies what a reader sees now to a new file at path. CQL_IO when something is there already. */
cql_status cqle_store_backup(cqle_store *s, const char *path, cql_error *err);

#endif
