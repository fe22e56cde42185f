/* store_txn.c: transactions, and reading and writing inside them. */
#include "engine/store/store_int.h"

#include <limits.h>

static const uint8_t NOTHING[1] = {0}; /* SQLite takes a NULL pointer for NULL, also when the length is 0 */

static const char *const CURSORS[CQLE_CURSOR_KINDS] = {
    [0] = "SELECT k, v FROM kv WHERE k >= ?1 ORDER BY k",
    [CQLE_CURSOR_REVERSE] = "SELECT k, v FROM kv WHERE k >= ?1 ORDER BY k DESC",
    [CQLE_CURSOR_BOUNDED] = "SELECT k, v FROM kv WHERE k >= ?1 AND k < ?2 ORDER BY k",
    [CQLE_CURSOR_BOUNDED | CQLE_CURSOR_REVERSE] = "SELECT k, v FROM kv WHERE k >= ?1 AND k < ?2 ORDER BY k DESC",
};

/* The bytes must outlive the statement's run. */
static int bind(sqlite3_stmt *stmt, int i, cql_slice s) {
  return sqlite3_bind_blob64(stmt, i, s.len == 0 ? NOTHING : s.data, s.len, SQLITE_STATIC);
}

/* By way of the value, which is looked up once then. No other thread has the connection meanwhile. */
static cql_slice column(sqlite3_stmt *stmt, int i) {
  sqlite3_value *value = sqlite3_column_value(stmt, i);
  const void *data = sqlite3_value_blob(value);
  return cql_slice_of(data == NULL ? NOTHING : data, (size_t)sqlite3_value_bytes(value));
}

/* Runs a statement that gives no rows. */
static int run(sqlite3_stmt *stmt) {
  int rc = sqlite3_step(stmt);
  int end = sqlite3_reset(stmt);
  return rc == SQLITE_DONE || rc == SQLITE_ROW ? end : rc;
}

static void end_pending(cqle_txn *t) {
  if (t->pending == NULL) return;
  sqlite3_reset(t->pending);
  t->pending = NULL;
}

/* --- begin and end ------------------------------------------------------------------------------------------------ */

/* The first read fixes what a reader sees; it might as well fetch something of use. */
static int read_stamp(cqle_txn *t) {
  sqlite3_stmt *stmt = t->stmts[CQLE_STMT_STAMP_READ];
  int rc = sqlite3_step(stmt);
  if (rc == SQLITE_ROW) t->last_stamp = sqlite3_column_int64(stmt, 0);
  int end = sqlite3_reset(stmt);
  if (rc == SQLITE_DONE) return SQLITE_CORRUPT;
  return rc == SQLITE_ROW ? end : rc;
}

static void rollback(cqle_txn *t) {
  if (!sqlite3_get_autocommit(t->db)) run(t->stmts[CQLE_STMT_ROLLBACK]);
}

static void end_cursors(cqle_txn *t) {
  while (t->open != NULL) cqle_cursor_close(t->open);
  end_pending(t);
}

static cql_status begin(cqle_store *s, bool write, bool hasty, cqle_txn **out, cql_error *err) {
  cqle_txn *t;
  *out = NULL;
  cql_status st = cqle_lease(s, &t, err);
  if (st != CQL_OK) return st;
  t->write = write;
  t->write_count = 0;
  t->hasty = hasty;
  t->stamped = false;
  t->failed = CQL_OK;
  int rc = run(t->stmts[write ? CQLE_STMT_BEGIN_WRITE : CQLE_STMT_BEGIN]);
  if (rc == SQLITE_OK) rc = read_stamp(t);
  if (rc != SQLITE_OK) {
    st = cqle_sqlite_fail(s, t->db, rc, write ? "write" : "read", err);
    cqle_txn_abort(t);
    return st;
  }
  t->hasty = false;
  *out = t;
  return CQL_OK;
}

cql_status cqle_txn_begin(cqle_store *s, bool write, cqle_txn **out, cql_error *err) {
  return begin(s, write, false, out, err);
}

cql_status cqle_txn_begin_now(cqle_store *s, cqle_txn **out, cql_error *err) {
  return begin(s, true, true, out, err);
}

static int keep_stamp(cqle_txn *t) {
  sqlite3_stmt *stmt = t->stmts[CQLE_STMT_STAMP_WRITE];
  int rc = sqlite3_bind_int64(stmt, 1, t->last_stamp);
  return rc == SQLITE_OK ? run(stmt) : rc;
}

cql_status cqle_txn_commit(cqle_txn *t, cql_error *err) {
  cql_status st = t->failed;
  int rc = SQLITE_OK;
  end_cursors(t);
  if (st != CQL_OK) {
    cql_fail(err, st, "a write of this transaction failed, so nothing of it is kept");
  } else {
    if (t->write_count > 0 && t->stamped) rc = keep_stamp(t);
    if (rc == SQLITE_OK) rc = run(t->stmts[CQLE_STMT_COMMIT]);
    if (rc != SQLITE_OK) st = cqle_sqlite_fail(t->store, t->db, rc, "write", err);
  }
  rollback(t);
  cqle_release(t);
  return st;
}

void cqle_txn_abort(cqle_txn *t) {
  if (t == NULL) return;
  end_cursors(t);
  rollback(t);
  cqle_release(t);
}

bool cqle_txn_is_write(const cqle_txn *t) {
  return t->write;
}

uint64_t cqle_txn_write_count(const cqle_txn *t) {
  return t->write_count;
}

int64_t cqle_txn_last_timestamp(const cqle_txn *t) {
  return t->last_stamp;
}

const cql_alloc *cqle_txn_alloc(const cqle_txn *t) {
  return t->store->alloc;
}

cql_status cqle_txn_timestamp(cqle_txn *t, int64_t now_us, int64_t *out, cql_error *err) {
  if (!t->write) return cql_fail(err, CQL_MISUSE, "a write timestamp asked for in a reading transaction");
  if (t->last_stamp == INT64_MAX) return cql_fail(err, CQL_LIMIT, "write timestamps have run out");
  t->last_stamp = now_us > t->last_stamp ? now_us : t->last_stamp + 1;
  t->stamped = true;
  *out = t->last_stamp;
  return CQL_OK;
}

/* --- single keys -------------------------------------------------------------------------------------------------- */

static cql_status read_failed(cqle_txn *t, int rc, cql_error *err) {
  return cqle_sqlite_fail(t->store, t->db, rc, "read", err);
}

cql_status cqle_get(cqle_txn *t, cql_slice key, cql_slice *value, cql_error *err) {
  sqlite3_stmt *stmt = t->stmts[CQLE_STMT_GET];
  end_pending(t);
  int rc = bind(stmt, 1, key);
  if (rc == SQLITE_OK) rc = sqlite3_step(stmt);
  if (rc == SQLITE_ROW) {
    t->pending = stmt;
    *value = column(stmt, 0);
    return CQL_OK;
  }
  sqlite3_reset(stmt);
  return rc == SQLITE_DONE ? CQL_DONE : read_failed(t, rc, err);
}

static cql_status write(cqle_txn *t, cqle_stmt which, cql_slice first, const cql_slice *second, cql_error *err) {
  end_pending(t);
  if (!t->write) return cql_fail(err, CQL_MISUSE, "a write in a reading transaction");
  if (t->failed != CQL_OK) return cql_fail(err, t->failed, "an earlier write of this transaction failed");
  sqlite3_stmt *stmt = t->stmts[which];
  int rc = bind(stmt, 1, first);
  if (rc == SQLITE_OK && second != NULL) rc = bind(stmt, 2, *second);
  if (rc == SQLITE_OK) rc = run(stmt);
  if (rc != SQLITE_OK) return t->failed = cqle_sqlite_fail(t->store, t->db, rc, "write", err);
  t->write_count++;
  return CQL_OK;
}

cql_status cqle_put(cqle_txn *t, cql_slice key, cql_slice value, cql_error *err) {
  return write(t, CQLE_STMT_PUT, key, &value, err);
}

cql_status cqle_del(cqle_txn *t, cql_slice key, cql_error *err) {
  return write(t, CQLE_STMT_DEL, key, NULL, err);
}

cql_status cqle_del_range(cqle_txn *t, cql_slice from, cql_slice to, cql_error *err) {
  if (to.len == 0) return write(t, CQLE_STMT_DEL_FROM, from, NULL, err);
  return write(t, CQLE_STMT_DEL_RANGE, from, &to, err);
}

/* --- cursors ------------------------------------------------------------------------------------------------------ */

static void link_into(cqle_cursor **head, cqle_cursor *c) {
  c->next = *head;
  c->link = head;
  if (c->next != NULL) c->next->link = &c->next;
  *head = c;
}

static void unlink_cursor(cqle_cursor *c) {
  *c->link = c->next;
  if (c->next != NULL) c->next->link = c->link;
}

/* Several may be open at once, so each has a statement of its own; closed ones wait for the next use. */
static cqle_cursor *take_cursor(cqle_txn *t, int kind, cql_error *err) {
  cqle_cursor *c = t->idle[kind];
  if (c != NULL) {
    unlink_cursor(c);
    return c;
  }
  c = cql_alloc_new(t->store->alloc, sizeof *c);
  if (c == NULL) {
    cqle_nomem(err);
    return NULL;
  }
  c->txn = t;
  c->kind = kind;
  cql_buf_init(&c->bounds, t->store->alloc, SIZE_MAX);
  if (cqle_conn_prepare(t, CURSORS[kind], &c->stmt, err) != CQL_OK) {
    cql_alloc_free(t->store->alloc, c, sizeof *c);
    return NULL;
  }
  return c;
}

cql_status cqle_cursor_open(cqle_txn *t, cql_slice from, cql_slice to, bool reverse, cqle_cursor **out,
                            cql_error *err) {
  *out = NULL;
  end_pending(t);
  int kind = (reverse ? CQLE_CURSOR_REVERSE : 0) | (to.len > 0 ? CQLE_CURSOR_BOUNDED : 0);
  cql_error local = {.status = CQL_NOMEM};
  cqle_cursor *c = take_cursor(t, kind, err == NULL ? &local : err);
  if (c == NULL) return err == NULL ? local.status : err->status;
  link_into(&t->open, c);
  c->done = false;
  cql_buf_reset(&c->bounds);
  cql_buf_slice(&c->bounds, from);
  cql_buf_slice(&c->bounds, to);
  int rc = c->bounds.st == CQL_OK ? SQLITE_OK : SQLITE_NOMEM;
  if (rc == SQLITE_OK) rc = bind(c->stmt, 1, cql_slice_of(c->bounds.data, from.len));
  if (rc == SQLITE_OK && to.len > 0) rc = bind(c->stmt, 2, cql_slice_of(c->bounds.data + from.len, to.len));
  if (rc != SQLITE_OK) {
    cqle_cursor_close(c);
    return read_failed(t, rc, err);
  }
  *out = c;
  return CQL_OK;
}

cql_status cqle_cursor_next(cqle_cursor *c, cql_slice *key, cql_slice *value, cql_error *err) {
  if (c->done) return CQL_DONE;
  end_pending(c->txn);
  int rc = sqlite3_step(c->stmt);
  if (rc == SQLITE_ROW) {
    *key = column(c->stmt, 0);
    *value = column(c->stmt, 1);
    return CQL_OK;
  }
  c->done = true; /* a further step would start again */
  return rc == SQLITE_DONE ? CQL_DONE : read_failed(c->txn, rc, err);
}

void cqle_cursor_close(cqle_cursor *c) {
  if (c == NULL) return;
  sqlite3_reset(c->stmt);
  unlink_cursor(c);
  link_into(&c->txn->idle[c->kind], c);
}
