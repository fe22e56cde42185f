/* store_conn.c: one SQLite connection: made ready, its statements, its errors in words. */
#include "engine/store/store_int.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const STATEMENTS[CQLE_STMT_COUNT] = {
    [CQLE_STMT_BEGIN] = "BEGIN",
    [CQLE_STMT_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [CQLE_STMT_COMMIT] = "COMMIT",
    [CQLE_STMT_ROLLBACK] = "ROLLBACK",
    [CQLE_STMT_STAMP_READ] = "SELECT last FROM stamp WHERE id = 1",
    [CQLE_STMT_STAMP_WRITE] = "UPDATE stamp SET last = ?1 WHERE id = 1",
    [CQLE_STMT_GET] = "SELECT v FROM kv WHERE k = ?1",
    [CQLE_STMT_PUT] = "REPLACE INTO kv (k, v) VALUES (?1, ?2)",
    [CQLE_STMT_DEL] = "DELETE FROM kv WHERE k = ?1",
    [CQLE_STMT_DEL_RANGE] = "DELETE FROM kv WHERE k >= ?1 AND k < ?2",
    [CQLE_STMT_DEL_FROM] = "DELETE FROM kv WHERE k >= ?1",
};

static cql_status status_of(int rc) {
  switch (rc & 0xFF) {
  case SQLITE_OK: return CQL_OK;
  case SQLITE_BUSY:
  case SQLITE_LOCKED: return CQL_BUSY;
  case SQLITE_NOMEM: return CQL_NOMEM;
  case SQLITE_CORRUPT: return CQL_CORRUPT;
  case SQLITE_NOTADB: return CQL_NOT_A_DATABASE;
  case SQLITE_TOOBIG: return CQL_LIMIT;
  default: return CQL_IO;
  }
}

cql_status cqle_nomem(cql_error *err) {
  return cql_fail(err, CQL_NOMEM, "out of memory");
}

cql_status cqle_sqlite_fail(const cqle_store *s, sqlite3 *db, int rc, const char *doing, cql_error *err) {
  const char *where = s->path == NULL ? "the database in memory" : s->path;
  cql_status st = status_of(rc);
  if (st == CQL_BUSY)
    return cql_fail(err, st, "%s is locked by another writer, and did not become free within %u ms (%s)", where,
                    s->busy_timeout_ms, sqlite3_errstr(rc));
  if ((rc & 0xFF) == SQLITE_READONLY)
    return cql_fail(err, st, "%s cannot be written: check the permissions of the file and of its directory", where);
  /* The connection's own text says more, when it speaks of this very error. */
  const char *text =
      db != NULL && (sqlite3_errcode(db) & 0xFF) == (rc & 0xFF) ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
  if (st == CQL_CORRUPT)
    return cql_fail(err, st, "%s is damaged: %s (SQLite %d); restore it from a backup", where, text, rc);
  int system_error = db == NULL || st != CQL_IO ? 0 : sqlite3_system_errno(db);
  return cql_fail(err, st, "cannot %s %s: %s%s%s (SQLite %d)", doing, where, text, system_error != 0 ? ", " : "",
                  system_error != 0 ? strerror(system_error) : "", rc);
}

/* Commits take microseconds, so the first tries only give way; then sleeps grow, but stay short: a waiter that sleeps
 * long is overtaken by every newcomer. */
static int on_busy(void *user, int tries) {
  enum { YIELDS = 32, SLEEP_FIRST_US = 20, SLEEP_MAX_US = 2000 };
  cqle_txn *t = user;
  if (t->hasty) return 0;
  int64_t now = cql_clock_monotonic_us();
  if (tries == 0) t->busy_since = now;
  if (now - t->busy_since >= (int64_t)t->store->busy_timeout_ms * 1000) return 0;
  if (tries < YIELDS) {
    sched_yield();
    return 1;
  }
  int step = (tries - YIELDS) / 2;
  int64_t us = step >= 7 ? SLEEP_MAX_US : (int64_t)SLEEP_FIRST_US << step;
  us += now % (us / 2 + 1); /* so that waiters do not march in step */
  nanosleep(&(struct timespec){0, us * 1000}, NULL);
  return 1;
}

int cqle_exec_number(sqlite3 *db, const char *sql, int64_t *out) {
  sqlite3_stmt *stmt;
  int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
  if (rc != SQLITE_OK) return rc;
  rc = sqlite3_step(stmt);
  if (rc == SQLITE_ROW) *out = sqlite3_column_int64(stmt, 0);
  int end = sqlite3_finalize(stmt);
  return rc == SQLITE_ROW || rc == SQLITE_DONE ? end : rc;
}

static int exec(sqlite3 *db, const char *sql) {
  return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* Must come before the first page, which the transaction below makes. SQLite takes the new mode when it compiles the
 * pragma; running it would write a first page that does not have our stamp yet. */
static int want_incremental_vacuum(sqlite3 *db) {
  sqlite3_stmt *stmt;
  int rc = sqlite3_prepare_v2(db, "PRAGMA auto_vacuum = INCREMENTAL", -1, &stmt, NULL);
  sqlite3_finalize(stmt);
  return rc;
}

/* In a transaction that shuts out everybody else: another process may have been first. The stamp of ours is in the very
 * first page that reaches the file, so that nobody sees a new file that is not ours. */
static cql_status create_tables(cqle_txn *t, cql_error *err) {
  cqle_store *s = t->store;
  char sql[512];
  int64_t id = 0, objects = 0;
  int rc = want_incremental_vacuum(t->db);
  if (rc == SQLITE_OK) rc = exec(t->db, "BEGIN EXCLUSIVE");
  if (rc == SQLITE_OK) rc = cqle_exec_number(t->db, "PRAGMA application_id", &id);
  if (rc == SQLITE_OK) rc = cqle_exec_number(t->db, "SELECT count(*) FROM sqlite_schema", &objects);
  if (rc == SQLITE_OK && id != CQLE_APPLICATION_ID && (id != 0 || objects != 0)) {
    exec(t->db, "ROLLBACK");
    return cql_fail(err, CQL_NOT_A_DATABASE, "%s has become a database of another application meanwhile", s->path);
  }
  if (rc == SQLITE_OK && objects == 0) {
    snprintf(sql, sizeof sql,
             "PRAGMA application_id = %d; PRAGMA user_version = %d;"
             "CREATE TABLE kv (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID;"
             "CREATE TABLE stamp (id INTEGER PRIMARY KEY, last INTEGER NOT NULL);"
             "INSERT INTO stamp VALUES (1, 0)",
             CQLE_APPLICATION_ID, CQLE_FORMAT_VERSION);
    rc = exec(t->db, sql);
  }
  if (rc == SQLITE_OK) rc = exec(t->db, "COMMIT");
  if (rc == SQLITE_OK) return CQL_OK;
  cql_status st = cqle_sqlite_fail(s, t->db, rc, "create", err);
  if (!sqlite3_get_autocommit(t->db)) exec(t->db, "ROLLBACK");
  return st;
}

/* The change to WAL wants the file alone for a moment; SQLite does not call the busy handler for all of it. */
static cql_status enter_wal(cqle_txn *t, cql_error *err) {
  sqlite3_stmt *stmt;
  cql_status st = cqle_conn_prepare(t, "PRAGMA journal_mode = WAL", &stmt, err);
  if (st != CQL_OK) return st;
  int rc;
  for (int tries = 0; ((rc = sqlite3_step(stmt)) & 0xFF) == SQLITE_BUSY && on_busy(t, tries); tries++)
    sqlite3_reset(stmt);
  if (rc != SQLITE_ROW) {
    st = cqle_sqlite_fail(t->store, t->db, rc, "open", err);
  } else if (sqlite3_stricmp((const char *)sqlite3_column_text(stmt, 0), "wal") != 0) {
    st = cql_fail(err, CQL_IO, "%s cannot have a write-ahead log where it is: use a local file system", t->store->path);
  }
  sqlite3_finalize(stmt);
  return st;
}

/* Why these values:
 *   synchronous      NORMAL loses no commit to kill -9, FULL none to a loss of power either.
 *   checkpoint       the log is copied back less often than by default (1000 pages), which halves the cost of a one-row
 *                    commit; ever larger logs slow reads down and gain little more.
 *   secure_delete    off: overwriting freed bytes costs writes; some systems turn it on.
 *   mmap             stays 0: a file cut short by somebody else would kill the process instead of giving an error. */
static cql_status configure(cqle_txn *t, cql_error *err) {
  char sql[256];
  snprintf(
      sql, sizeof sql,
      "PRAGMA synchronous = %s; PRAGMA cache_size = -%d; PRAGMA wal_autocheckpoint = %d;"
      "PRAGMA journal_size_limit = %d; PRAGMA secure_delete = OFF; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;"
      "PRAGMA trusted_schema = OFF",
      t->store->durability_full ? "FULL" : "NORMAL", CQLE_CACHE_KIB, CQLE_CHECKPOINT_PAGES, CQLE_JOURNAL_LIMIT);
  int rc = exec(t->db, sql);
  return rc == SQLITE_OK ? CQL_OK : cqle_sqlite_fail(t->store, t->db, rc, "open", err);
}

cql_status cqle_conn_prepare(cqle_txn *t, const char *sql, sqlite3_stmt **out, cql_error *err) {
  *out = NULL;
  int rc = sqlite3_prepare_v3(t->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
  return rc == SQLITE_OK ? CQL_OK : cqle_sqlite_fail(t->store, t->db, rc, "open", err);
}

static cql_status prepare_all(cqle_txn *t, cql_error *err) {
  for (int i = 0; i < CQLE_STMT_COUNT; i++) {
    int rc = sqlite3_prepare_v3(t->db, STATEMENTS[i], -1, SQLITE_PREPARE_PERSISTENT, &t->stmts[i], NULL);
    /* A plain SQLITE_ERROR here: the file carries our stamp, but not our tables. */
    if (rc == SQLITE_ERROR)
      return cql_fail(err, CQL_CORRUPT, "%s is damaged: %s", t->store->path, sqlite3_errmsg(t->db));
    if (rc != SQLITE_OK) return cqle_sqlite_fail(t->store, t->db, rc, "open", err);
  }
  return CQL_OK;
}

/* A file opened for reading only would fail later, and with less to say. */
static cql_status check_writable(cqle_txn *t, cql_error *err) {
  if (sqlite3_db_readonly(t->db, "main") != 1) return CQL_OK;
  return cql_fail(err, CQL_IO, "%s cannot be written: check its permissions", t->store->path);
}

static cql_status open_db(cqle_txn *t, bool create, cql_error *err) {
  const cqle_store *s = t->store;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
  if (create || s->path == NULL) flags |= SQLITE_OPEN_CREATE;
  int rc = sqlite3_open_v2(s->path == NULL ? ":memory:" : s->path, &t->db, flags, NULL);
  if (create && (rc & 0xFF) == SQLITE_CANTOPEN)
    return cql_fail(err, CQL_IO, "cannot create %s: its directory is missing or cannot be written", s->path);
  if (rc != SQLITE_OK) return cqle_sqlite_fail(s, t->db, rc, create ? "create" : "open", err);
  sqlite3_extended_result_codes(t->db, 1);
  sqlite3_busy_handler(t->db, on_busy, t);
  return CQL_OK;
}

cql_status cqle_conn_open(cqle_store *s, bool create, cqle_txn **out, cql_error *err) {
  cql_status st = CQL_OK;
  cqle_txn *t = cql_alloc_new(s->alloc, sizeof *t);
  if (t == NULL) return cqle_nomem(err);
  t->store = s;
  CQL_TRY(open_db(t, create, err));
  CQL_TRY(check_writable(t, err));
  CQL_TRY(configure(t, err));
  if (create || s->path == NULL) CQL_TRY(create_tables(t, err));
  if (s->path != NULL) CQL_TRY(enter_wal(t, err));
  CQL_TRY(prepare_all(t, err));
done:
  if (st != CQL_OK) {
    cqle_conn_close(t);
    t = NULL;
  }
  *out = t;
  return st;
}

void cqle_conn_close(cqle_txn *t) {
  if (t == NULL) return;
  const cql_alloc *alloc = t->store->alloc;
  for (int i = 0; i < CQLE_STMT_COUNT; i++) sqlite3_finalize(t->stmts[i]);
  for (int kind = 0; kind < CQLE_CURSOR_KINDS; kind++) {
    while (t->idle[kind] != NULL) {
      cqle_cursor *c = t->idle[kind];
      t->idle[kind] = c->next;
      sqlite3_finalize(c->stmt);
      cql_buf_free(&c->bounds);
      cql_alloc_free(alloc, c, sizeof *c);
    }
  }
  sqlite3_close_v2(t->db);
  cql_alloc_free(alloc, t, sizeof *t);
}
