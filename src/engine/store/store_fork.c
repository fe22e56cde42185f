/* store_fork.c: no connection to a file lives through a fork.
 *
 * It is not enough that the child leaves inherited connections alone. SQLite keeps the locks of a process in one table
 * by inode; a child that opened the file anew would find its parent's locks there, take them for its own and ask the
 * system for none, and the parent could then delete the log under it. So before a fork the transactions of other
 * threads are awaited and all connections closed; parent and child open theirs when they next need one.
 */
#include "engine/store/store_int.h"

static pthread_mutex_t list_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static cqle_store *files; /* every open store on a file */

static bool is_leased(const cqle_store *s, bool by_me) {
  for (const cqle_txn *t = s->connections; t != NULL; t = t->next)
    if (t->leased && (pthread_equal(t->thread, pthread_self()) != 0) == by_me) return true;
  return false;
}

static void close_idle(cqle_store *s) {
  for (cqle_txn **at = &s->connections; *at != NULL;) {
    cqle_txn *t = *at;
    if (t->leased) {
      at = &t->next;
      continue;
    }
    *at = t->next;
    cqle_conn_close(t);
  }
  s->idle_count = 0;
}

static void before_fork(void) {
  pthread_mutex_lock(&list_mutex);
  for (cqle_store *s = files; s != NULL; s = s->next_file) {
    cql_lock_take(&s->lock);
    s->forking = true; /* nobody begins a transaction from here on */
    while (is_leased(s, false)) pthread_cond_wait(&s->change, &s->lock.mutex);
    close_idle(s);
    cql_lock_drop(&s->lock);
  }
}

static void after_fork_in_parent(void) {
  for (cqle_store *s = files; s != NULL; s = s->next_file) {
    cql_lock_take(&s->lock);
    s->forking = false;
    pthread_cond_broadcast(&s->change);
    cql_lock_drop(&s->lock);
  }
  pthread_mutex_unlock(&list_mutex);
}

static void after_fork_in_child(void) {
  for (cqle_store *s = files; s != NULL; s = s->next_file) {
    pthread_cond_init(&s->change, NULL); /* its waiters stayed behind */
    if (s->connections != NULL) s->lost = true;
    s->forking = false;
  }
  pthread_mutex_unlock(&list_mutex);
}

static void register_handlers(void) {
  pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

/* Called when s->lock is initialised: the handlers of locks are registered then, and so run inside ours. */
void cqle_fork_watch(cqle_store *s) {
  pthread_once(&once, register_handlers);
  pthread_mutex_lock(&list_mutex);
  s->next_file = files;
  files = s;
  pthread_mutex_unlock(&list_mutex);
}

void cqle_fork_forget(cqle_store *s) {
  pthread_mutex_lock(&list_mutex);
  for (cqle_store **at = &files; *at != NULL; at = &(*at)->next_file) {
    if (*at == s) {
      *at = s->next_file;
      break;
    }
  }
  pthread_mutex_unlock(&list_mutex);
}
