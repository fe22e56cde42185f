/* lock.h: mutexes that survive fork(). While a process forks every such lock is held by the forking thread, in order of
 * rank, so the child finds what they guard in one piece and gets them unlocked.
 */
#ifndef CQL_LOCK_H
#define CQL_LOCK_H

#include <pthread.h>

/* Locks are taken in ascending rank; two of one rank are never held together by one thread. */
typedef enum cql_lock_rank {
  CQL_LOCK_SESSION = 1,
  CQL_LOCK_CLIENT,      /* a client, and, never held together with it, its core */
  CQL_LOCK_TRANSACTION, /* held as long as a transaction on a database in memory lives */
  CQL_LOCK_ENGINE,
  CQL_LOCK_STORE,
  CQL_LOCK_TLS,
  CQL_LOCK_TURNS
} cql_lock_rank;

typedef struct cql_lock {
  pthread_mutex_t mutex;
  cql_lock_rank rank;
  struct cql_lock *next; /* the list of all locks, by rank */
} cql_lock;

void cql_lock_init(cql_lock *l, cql_lock_rank rank); /* l must not move until cql_lock_free() */
void cql_lock_free(cql_lock *l);
void cql_lock_take(cql_lock *l);
void cql_lock_drop(cql_lock *l);

#endif
