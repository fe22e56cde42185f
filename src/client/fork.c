/* fork.c: all clients of the process, for the two moments at which their threads must not be there: a fork, the end.
 *
 * Before a fork each loop's thread is stopped and joined, so that the child is made while no lock of ours is half taken
 * and no OpenSSL object is in the midst of a change. The parent starts the threads again when the next request comes;
 * at once when requests are in flight. The child finds its clients as the parent left them and makes them new ones of
 * its own when they are used; it closes the inherited descriptors and touches nothing else.
 *
 * pthread_atfork() calls the handlers that were registered last first: ours come before those of base/lock.h, because a
 * lock exists before the first client does. A loop may need a lock before it can stop.
 */
#include "client/client_int.h"

#include <stdlib.h>

static pthread_mutex_t clients_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static cql_client *clients;
static _Atomic(uint64_t) forks;
static _Atomic(bool) is_exiting;

static bool is_ours(cql_client *c) {
  return atomic_load(&c->generation) == atomic_load(&forks);
}

static void before_fork(void) {
  pthread_mutex_lock(&clients_mutex);
  for (cql_client *c = clients; c != NULL; c = c->next)
    if (is_ours(c)) cqli_core_park(atomic_load(&c->core));
}

static void in_parent(void) {
  for (cql_client *c = clients; c != NULL; c = c->next) {
    cqli_core *core = atomic_load(&c->core);
    if (!is_ours(c)) continue;
    cql_lock_take(&core->lock);
    core->must_stop = false;
    bool is_opening = atomic_load(&core->state) == CQLI_OPENING;
    if (core->unanswered > 0 || is_opening) (void)cqli_core_run(core, NULL);
    cql_lock_drop(&core->lock);
  }
  pthread_mutex_unlock(&clients_mutex);
}

static void in_child(void) {
  cqli_turns_forget();
  atomic_fetch_add(&forks, 1);
  pthread_mutex_unlock(&clients_mutex);
}

/* Registered after OpenSSL's own handler, and so called before it. */
static void at_exit(void) {
  atomic_store(&is_exiting, true);
  if (pthread_mutex_trylock(&clients_mutex) != 0) return; /* exit() in the midst of a fork */
  for (cql_client *c = clients; c != NULL; c = c->next)
    if (is_ours(c)) cqli_core_park(atomic_load(&c->core));
  pthread_mutex_unlock(&clients_mutex);
  cqli_tls_stop();
}

static void register_handlers(void) {
  cqli_turns_init();
  pthread_atfork(before_fork, in_parent, in_child);
  atexit(at_exit);
}

void cqli_clients_add(cql_client *c) {
  pthread_once(&once, register_handlers);
  pthread_mutex_lock(&clients_mutex);
  c->next = clients;
  clients = c;
  pthread_mutex_unlock(&clients_mutex);
}

void cqli_clients_hold(void) {
  pthread_mutex_lock(&clients_mutex);
}

void cqli_clients_let_go(void) {
  pthread_mutex_unlock(&clients_mutex);
}

void cqli_clients_remove(cql_client *c) {
  for (cql_client **at = &clients; *at != NULL; at = &(*at)->next) {
    if (*at != c) continue;
    *at = c->next;
    break;
  }
}

uint64_t cqli_forks(void) {
  return atomic_load(&forks);
}

bool cqli_is_exiting(void) {
  return atomic_load(&is_exiting);
}
