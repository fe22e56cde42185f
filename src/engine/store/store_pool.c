/* store_pool.c: a store: its connections, who has which, and the copy of it all. */
#include "engine/store/store_int.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- open and close ----------------------------------------------------------------------------------------------- */

static cql_status open_file(cqle_store *s, const char *path, cql_error *err) {
  bool absent;
  cql_status st = cqle_file_absolute(s->alloc, path, &s->path, &s->path_size, err);
  if (st == CQL_OK) st = cqle_file_inspect(s->path, &absent, err);
  if (st == CQL_OK) st = cqle_conn_open(s, absent, &s->connections, err);
  return st;
}

cql_status cqle_store_open(cqle_store **out, const cqle_store_config *config, cql_error *err) {
  *out = NULL;
  cqle_store *s = cql_alloc_new(config->alloc, sizeof *s);
  if (s == NULL) return cqle_nomem(err);
  s->alloc = config->alloc;
  s->durability_full = config->durability_full;
  s->busy_timeout_ms = config->busy_timeout_ms;
  cql_lock_init(&s->lock, CQL_LOCK_STORE);
  pthread_cond_init(&s->change, NULL);
  if (config->path == NULL)
    cql_lock_init(&s->memory_lock, CQL_LOCK_TRANSACTION);
  else
    cqle_fork_watch(s);
  cql_status st =
      config->path == NULL ? cqle_conn_open(s, true, &s->connections, err) : open_file(s, config->path, err);
  if (st != CQL_OK) {
    cqle_store_close(s);
    return st;
  }
  s->idle_count = 1;
  *out = s;
  return CQL_OK;
}

void cqle_store_close(cqle_store *s) {
  if (s == NULL) return;
  if (s->memory_lock.rank == CQL_LOCK_TRANSACTION)
    cql_lock_free(&s->memory_lock);
  else
    cqle_fork_forget(s);
  while (s->connections != NULL) {
    cqle_txn *t = s->connections;
    s->connections = t->next;
    if (!t->leased) cqle_conn_close(t); /* a leased one was inherited through a fork: not ours to close */
  }
  cql_lock_free(&s->lock);
  pthread_cond_destroy(&s->change);
  cql_alloc_free(s->alloc, s->path, s->path_size);
  cql_alloc_free(s->alloc, s, sizeof *s);
}

/* --- leases ------------------------------------------------------------------------------------------------------- */

static cqle_txn *find_idle(cqle_store *s) {
  for (cqle_txn *t = s->connections; t != NULL; t = t->next)
    if (!t->leased) return t;
  return NULL;
}

static void mark_leased(cqle_txn *t) {
  t->leased = true;
  t->thread = pthread_self();
}

static cql_status lease_memory(cqle_store *s, cqle_txn **out, cql_error *err) {
  cqle_txn *t = s->connections;
  cql_lock_take(&s->lock);
  bool mine = t->leased && pthread_equal(t->thread, pthread_self()) != 0;
  cql_lock_drop(&s->lock);
  if (mine) return cql_fail(err, CQL_MISUSE, "this thread has a transaction on the database in memory already");
  cql_lock_take(&s->memory_lock);
  cql_lock_take(&s->lock);
  mark_leased(t);
  cql_lock_drop(&s->lock);
  *out = t;
  return CQL_OK;
}

/* Under the lock, so that no fork comes between opening a connection and listing it. */
static cql_status lease_new(cqle_store *s, cqle_txn **out, cql_error *err) {
  cqle_txn *t;
  bool absent;
  cql_status st = cqle_file_inspect(s->path, &absent, err);
  if (st == CQL_OK && absent) st = cql_fail(err, CQL_IO, "the database %s is gone", s->path);
  if (st == CQL_OK) st = cqle_conn_open(s, false, &t, err);
  if (st != CQL_OK) return st;
  mark_leased(t);
  t->next = s->connections;
  s->connections = t;
  *out = t;
  return CQL_OK;
}

cql_status cqle_lease(cqle_store *s, cqle_txn **out, cql_error *err) {
  if (s->path == NULL) return lease_memory(s, out, err);
  cql_status st = CQL_OK;
  cql_lock_take(&s->lock);
  while (s->forking) pthread_cond_wait(&s->change, &s->lock.mutex);
  cqle_txn *t = find_idle(s);
  if (s->lost) {
    st = cql_fail(err, CQL_MISUSE, "this process was forked inside a transaction on %s", s->path);
  } else if (t != NULL) {
    mark_leased(t);
    s->idle_count--;
  } else {
    st = lease_new(s, &t, err);
  }
  cql_lock_drop(&s->lock);
  *out = t;
  return st;
}

/* The connection goes to the front: the next transaction finds its pages in the cache. */
static void unlink_connection(cqle_store *s, cqle_txn *t) {
  cqle_txn **at = &s->connections;
  while (*at != t) at = &(*at)->next;
  *at = t->next;
}

void cqle_release(cqle_txn *t) {
  cqle_store *s = t->store;
  cql_lock_take(&s->lock);
  t->leased = false;
  if (s->path != NULL) {
    unlink_connection(s, t);
    if (s->idle_count < CQLE_IDLE_CONNECTIONS_MAX) {
      t->next = s->connections;
      s->connections = t;
      s->idle_count++;
    } else {
      cqle_conn_close(t);
    }
    if (s->forking) pthread_cond_broadcast(&s->change);
  }
  cql_lock_drop(&s->lock);
  if (s->path == NULL) cql_lock_drop(&s->memory_lock);
}

/* --- backup ------------------------------------------------------------------------------------------------------- */

static cql_status copy_into(cqle_txn *t, sqlite3 *to, const char *path, cql_error *err) {
  sqlite3_backup *backup = sqlite3_backup_init(to, "main", t->db, "main");
  int rc = backup == NULL ? sqlite3_errcode(to) : sqlite3_backup_step(backup, -1);
  if (backup != NULL) {
    int end = sqlite3_backup_finish(backup);
    if (rc == SQLITE_DONE) rc = end;
  }
  if (rc == SQLITE_OK) return CQL_OK;
  return cql_fail(err, (rc & 0xFF) == SQLITE_NOMEM ? CQL_NOMEM : CQL_IO, "cannot write the backup %s: %s (SQLite %d)",
                  path, sqlite3_errstr(rc), rc);
}

static cql_status copy_to_new_file(cqle_txn *t, const char *path, cql_error *err) {
  sqlite3 *to = NULL;
  int rc = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
  cql_status st = rc == SQLITE_OK ? copy_into(t, to, path, err)
                                  : cql_fail(err, CQL_IO, "cannot open the backup %s: %s", path, sqlite3_errstr(rc));
  sqlite3_close_v2(to);
  return st;
}

/* The name is taken before anything is copied, so that nobody's file is overwritten. Closing that descriptor drops no
 * lock: the file is new, and SQLite does not know it. */
static cql_status reserve(const char *path, cql_error *err) {
  int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
  if (fd >= 0) {
    close(fd);
    return CQL_OK;
  }
  if (errno == EEXIST)
    return cql_fail(err, CQL_IO, "the backup %s exists already; it was left as it is, give another path", path);
  return cql_fail(err, CQL_IO, "cannot create the backup %s: %s", path, strerror(errno));
}

cql_status cqle_store_backup(cqle_store *s, const char *path, cql_error *err) {
  char *absolute = NULL;
  size_t size = 0;
  cqle_txn *t = NULL;
  cql_status st;
  bool reserved = false;
  CQL_TRY(cqle_file_absolute(s->alloc, path, &absolute, &size, err));
  CQL_TRY(reserve(absolute, err));
  reserved = true;
  CQL_TRY(cqle_txn_begin(s, false, &t, err));
  CQL_TRY(copy_to_new_file(t, absolute, err));
done:
  cqle_txn_abort(t);
  if (st != CQL_OK && reserved) unlink(absolute);
  cql_alloc_free(s->alloc, absolute, size);
  return st;
}
