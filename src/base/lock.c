#include "base/lock.h"

static pthread_mutex_t list_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static cql_lock *all_locks;

static void before_fork(void) {
  pthread_mutex_lock(&list_mutex);
  for (cql_lock *l = all_locks; l != NULL; l = l->next) pthread_mutex_lock(&l->mutex);
}

/* The child's only thread is a copy of the one that took the locks, so it may unlock them as its parent does. */
static void after_fork(void) {
  for (cql_lock *l = all_locks; l != NULL; l = l->next) pthread_mutex_unlock(&l->mutex);
  pthread_mutex_unlock(&list_mutex);
}

static void register_handlers(void) {
  pthread_atfork(before_fork, after_fork, after_fork);
}

void cql_lock_init(cql_lock *l, cql_lock_rank rank) {
  pthread_once(&once, register_handlers);
  pthread_mutex_init(&l->mutex, NULL);
  l->rank = rank;
  pthread_mutex_lock(&list_mutex);
  cql_lock **at = &all_locks;
  while (*at != NULL && (*at)->rank < rank) at = &(*at)->next;
  l->next = *at;
  *at = l;
  pthread_mutex_unlock(&list_mutex);
}

void cql_lock_free(cql_lock *l) {
  pthread_mutex_lock(&list_mutex);
  for (cql_lock **at = &all_locks; *at != NULL; at = &(*at)->next) {
    if (*at == l) {
      *at = l->next;
      break;
    }
  }
  pthread_mutex_unlock(&list_mutex);
  pthread_mutex_destroy(&l->mutex);
}

void cql_lock_take(cql_lock *l) {
  pthread_mutex_lock(&l->mutex);
}

void cql_lock_drop(cql_lock *l) {
  pthread_mutex_unlock(&l->mutex);
}
