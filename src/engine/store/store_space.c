/* store_space.c: the file itself: how large it is, free pages given back, SQLite's own check. */
#include "engine/store/store_int.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PROBLEMS_MAX = 100 }; /* that SQLite tells of */

static cql_status failed(cqle_txn *t, int rc, const char *doing, cql_error *err) {
  return cqle_sqlite_fail(t->store, t->db, rc, doing, err);
}

cql_status cqle_txn_size(cqle_txn *t, cqle_store_size *out, cql_error *err) {
  int64_t page = 0, count = 0, unused = 0;
  int rc = cqle_exec_number(t->db, "PRAGMA page_size", &page);
  if (rc == SQLITE_OK) rc = cqle_exec_number(t->db, "PRAGMA page_count", &count);
  if (rc == SQLITE_OK) rc = cqle_exec_number(t->db, "PRAGMA freelist_count", &unused);
  if (rc != SQLITE_OK) return failed(t, rc, "read", err);
  *out = (cqle_store_size){(uint64_t)(page * count), (uint64_t)(page * unused)};
  return CQL_OK;
}

cql_status cqle_txn_shrink(cqle_txn *t, uint32_t pages, cql_error *err) {
  char sql[64];
  if (!t->write) return cql_fail(err, CQL_MISUSE, "a write in a reading transaction");
  if (t->failed != CQL_OK) return cql_fail(err, t->failed, "an earlier write of this transaction failed");
  snprintf(sql, sizeof sql, "PRAGMA incremental_vacuum(%u)", pages);
  int rc = sqlite3_exec(t->db, sql, NULL, NULL, NULL); /* one step for each page */
  return rc == SQLITE_OK ? CQL_OK : (t->failed = failed(t, rc, "write", err));
}

/* Readers of older states come and go; one that stays as long as it likes leaves the log for another time. */
cql_status cqle_store_checkpoint(cqle_store *s, cql_error *err) {
  enum { TRIES = 40, SLEEP_US = 5000 };
  cqle_txn *t;
  if (s->path == NULL) return CQL_OK;
  cql_status st = cqle_lease(s, &t, err);
  if (st != CQL_OK) return st;
  t->hasty = true; /* SQLite would keep writers waiting as long as it waits itself */
  int rc = SQLITE_BUSY;
  for (int i = 0; i < TRIES && (rc & 0xFF) == SQLITE_BUSY; i++) {
    if (i > 0) nanosleep(&(struct timespec){0, SLEEP_US * 1000}, NULL);
    rc = sqlite3_wal_checkpoint_v2(t->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
  }
  t->hasty = false;
  if (rc != SQLITE_OK && (rc & 0xFF) != SQLITE_BUSY) st = failed(t, rc, "write", err);
  cqle_release(t);
  return st;
}

cql_status cqle_txn_verify(cqle_txn *t, void (*found)(void *user, const char *text), void *user, cql_error *err) {
  char sql[64];
  sqlite3_stmt *stmt;
  snprintf(sql, sizeof sql, "PRAGMA integrity_check(%d)", PROBLEMS_MAX);
  int rc = sqlite3_prepare_v2(t->db, sql, -1, &stmt, NULL);
  if (rc != SQLITE_OK) return failed(t, rc, "read", err);
  while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
    const char *text = (const char *)sqlite3_column_text(stmt, 0);
    if (text != NULL && strcmp(text, "ok") != 0) found(user, text);
  }
  sqlite3_finalize(stmt);
  return rc == SQLITE_DONE ? CQL_OK : failed(t, rc, "read", err);
}
