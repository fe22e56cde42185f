/* store_int.h: what the files behind store.h share. SQLite's names appear here and in them alone.
 *
 * THE FILE  an SQLite database, application_id and user_version set, journal_mode WAL:
 *   kv     (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID   every key and value of store.h
 *   stamp  (id INTEGER PRIMARY KEY, last INTEGER NOT NULL)       one row: the last write timestamp given
 *
 * auto_vacuum is INCREMENTAL, so that free pages can be given back a few at a time while others read and write.
 *
 * The stamp has a table of its own so that a walk over all keys never meets it; its only page is written by most
 * commits.
 */
#ifndef CQLE_STORE_INT_H
#define CQLE_STORE_INT_H

#include <pthread.h>
#include <sqlite3.h>

#include "base/lock.h"
#include "engine/store/store.h"

enum {
  CQLE_APPLICATION_ID = 0x43514C31, /* "CQL1", at offset 68 of the file */
  CQLE_FORMAT_VERSION = 1,          /* at offset 60 */
  CQLE_IDLE_CONNECTIONS_MAX = 32,   /* kept open for the next transaction; each holds up to CQLE_CACHE_KIB of pages */
  CQLE_CACHE_KIB = 16384,
  CQLE_CHECKPOINT_PAGES = 10000,
  CQLE_JOURNAL_LIMIT = 64 << 20, /* bytes of -wal kept for reuse after one huge transaction */
};

typedef enum cqle_stmt {
  CQLE_STMT_BEGIN,
  CQLE_STMT_BEGIN_WRITE,
  CQLE_STMT_COMMIT,
  CQLE_STMT_ROLLBACK,
  CQLE_STMT_STAMP_READ,
  CQLE_STMT_STAMP_WRITE,
  CQLE_STMT_GET,
  CQLE_STMT_PUT,
  CQLE_STMT_DEL,
  CQLE_STMT_DEL_RANGE,
  CQLE_STMT_DEL_FROM,
  CQLE_STMT_COUNT
} cqle_stmt;

enum { CQLE_CURSOR_REVERSE = 1, CQLE_CURSOR_BOUNDED = 2, CQLE_CURSOR_KINDS = 4 };

struct cqle_cursor {
  cqle_txn *txn;
  sqlite3_stmt *stmt;
  int kind; /* CQLE_CURSOR_ bits */
  bool done;
  cql_buf bounds;            /* from, then to: what stmt's parameters borrow */
  cqle_cursor *next, **link; /* of txn->open, or of txn->idle[kind] */
};

/* A connection, which serves one transaction at a time. */
struct cqle_txn {
  cqle_store *store;
  sqlite3 *db;
  sqlite3_stmt *stmts[CQLE_STMT_COUNT];
  sqlite3_stmt *pending; /* the get whose value is lent out */
  cqle_cursor *open, *idle[CQLE_CURSOR_KINDS];
  int64_t busy_since; /* µs */
  int64_t last_stamp; /* as of begin, then as given */
  uint64_t write_count;
  bool write, stamped;
  bool hasty; /* does not wait for others */
  bool leased;
  cql_status failed; /* a write failed: SQLite may have rolled back already, so commit must not succeed */
  pthread_t thread;  /* leased: whose */
  cqle_txn *next;    /* of store->connections */
};

struct cqle_store {
  const cql_alloc *alloc;
  char *path; /* absolute; NULL: in memory */
  size_t path_size;
  bool durability_full;
  uint32_t busy_timeout_ms;
  cql_lock lock;         /* guards what follows */
  pthread_cond_t change; /* forking or a lease ended */
  cqle_txn *connections; /* the warmest first */
  uint32_t idle_count;
  bool forking, lost;    /* lost: this process is a child forked inside a transaction */
  cqle_store *next_file; /* of the list in fork.c */
  cql_lock memory_lock;  /* in memory: held as long as a transaction lives; file: not initialised */
};

/* store_conn.c */
cql_status cqle_conn_open(cqle_store *s, bool create, cqle_txn **out, cql_error *err);
void cqle_conn_close(cqle_txn *t);
/* Runs a statement for its first number. */
int cqle_exec_number(sqlite3 *db, const char *sql, int64_t *out);
/* The words for a failed call; doing: "read", "write", "open". */
cql_status cqle_sqlite_fail(const cqle_store *s, sqlite3 *db, int rc, const char *doing, cql_error *err);
cql_status cqle_conn_prepare(cqle_txn *t, const char *sql, sqlite3_stmt **out, cql_error *err);

/* store_file.c: looks at a path without touching it. *absent: nothing there, or nothing in it. */
cql_status cqle_file_inspect(const char *path, bool *absent, cql_error *err);
cql_status cqle_file_absolute(const cql_alloc *alloc, const char *path, char **out, size_t *size, cql_error *err);

/* store_fork.c */
void cqle_fork_watch(cqle_store *s);
void cqle_fork_forget(cqle_store *s);

/* store_pool.c */
cql_status cqle_lease(cqle_store *s, cqle_txn **out, cql_error *err);
void cqle_release(cqle_txn *t);

#endif
