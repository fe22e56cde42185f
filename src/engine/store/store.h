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

/* CQL_NOMEM in words, for the parts of the engine. */
cql_status cqle_nomem(cql_error *err);

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
/* A write transaction, unless that would mean to wait for another process or thread's: CQL_BUSY then (a store in memory
 * waits). */
cql_status cqle_txn_begin_now(cqle_store *s, cqle_txn **out, cql_error *err);
cql_status cqle_txn_commit(cqle_txn *t, cql_error *err); /* ends it in any case; a failed commit has changed nothing */
void cqle_txn_abort(cqle_txn *t);                        /* NULL is fine */
bool cqle_txn_is_write(const cqle_txn *t);
uint64_t cqle_txn_write_count(const cqle_txn *t);   /* puts and deletes so far */
const cql_alloc *cqle_txn_alloc(const cqle_txn *t); /* the store's */

/* A write timestamp: max(now_us, the last one given in this file + 1); kept in the file by a commit that wrote
 * something. Write transactions only. */
cql_status cqle_txn_timestamp(cqle_txn *t, int64_t now_us, int64_t *out, cql_error *err);

/* The last write timestamp given in this file, as this transaction sees it. */
int64_t cqle_txn_last_timestamp(const cqle_txn *t);

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

/* --- the file itself ---------------------------------------------------------------------------------------------- */

typedef struct cqle_store_size {
  uint64_t bytes; /* all pages of the file, as this transaction sees it */
  uint64_t free;  /* of them without content */
} cqle_store_size;
cql_status cqle_txn_size(cqle_txn *t, cqle_store_size *out, cql_error *err);
/* Cuts up to `pages` free pages off the end of the file, moving what stands behind them. Write transactions only. The
 * file is shorter once the log has been copied back: cqle_store_checkpoint(). */
cql_status cqle_txn_shrink(cqle_txn *t, uint32_t pages, cql_error *err);
/* Copies the log back into the file and empties it, as far as readers of older states allow. No transaction of this
 * thread may be open. */
cql_status cqle_store_checkpoint(cqle_store *s, cql_error *err);
/* Has SQLite check its own structures; calls found once per problem. */
cql_status cqle_txn_verify(cqle_txn *t, void (*found)(void *user, const char *text), void *user, cql_error *err);

/* Copies what a reader sees now to a new file at path. CQL_IO when something is there already. */
cql_status cqle_store_backup(cqle_store *s, const char *path, cql_error *err);

#endif
