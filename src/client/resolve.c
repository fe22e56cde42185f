/* resolve.c: names to addresses. The system's resolver has no time-out that we could set, so it runs on a thread of its
 * own, which is left behind when it takes too long: the look-up that both share goes with the last of the two.
 */
#include "client/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cqli_lookup {
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t cond;
  bool is_done, is_abandoned;
  int rc, number; /* of getaddrinfo(), and errno with EAI_SYSTEM */
  struct addrinfo *found;
  char host[256];
};

static struct addrinfo hints(int flags) {
  return (struct addrinfo){.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
}

/* --- what was found ----------------------------------------------------------------------------------------------- */

static bool is_known(const cqli_address *all, uint32_t count, const cqli_address *a) {
  for (uint32_t i = 0; i < count; i++)
    if (cqli_address_eq(&all[i], a)) return true;
  return false;
}

static void add(const struct sockaddr *from, uint16_t port, cqli_address *out, uint32_t *count) {
  cqli_address a = {.port = port};
  if (from->sa_family == AF_INET) {
    a.len = 4;
    memcpy(a.bytes, &((const struct sockaddr_in *)from)->sin_addr, 4);
  } else if (from->sa_family == AF_INET6) {
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
    a.len = 16;
    a.scope = in6->sin6_scope_id;
    memcpy(a.bytes, &in6->sin6_addr, 16);
  }
  if (a.len > 0 && *count < CQLI_ADDRESSES_MAX && !is_known(out, *count, &a)) out[(*count)++] = a;
}

static void add_all(struct addrinfo *found, uint16_t port, cqli_address *out, uint32_t *count) {
  for (struct addrinfo *i = found; i != NULL; i = i->ai_next) add(i->ai_addr, port, out, count);
  if (found != NULL) freeaddrinfo(found);
}

static cql_status fail(int rc, int number, const char *host, cql_error *err) {
  if (rc == EAI_MEMORY) return cql_fail(err, CQL_NOMEM, "Out of memory");
  return cql_fail(err, CQL_RESOLVE, "the name %s has no address: %s", host,
                  rc == EAI_SYSTEM ? strerror(number) : gai_strerror(rc));
}

/* --- the thread --------------------------------------------------------------------------------------------------- */

static void destroy(cqli_lookup *j) {
  pthread_cond_destroy(&j->cond);
  pthread_mutex_destroy(&j->mutex);
  free(j);
}

static void *look_up(void *arg) {
  cqli_lookup *j = arg;
  struct addrinfo *found = NULL, wanted = hints(AI_ADDRCONFIG);
  int rc = getaddrinfo(j->host, NULL, &wanted, &found), number = errno;
  pthread_mutex_lock(&j->mutex);
  j->rc = rc;
  j->number = number;
  j->found = found;
  j->is_done = true;
  bool is_abandoned = j->is_abandoned;
  pthread_cond_signal(&j->cond);
  pthread_mutex_unlock(&j->mutex);
  if (!is_abandoned) return NULL; /* the other side joins us, and frees */
  if (found != NULL) freeaddrinfo(found);
  destroy(j);
  return NULL;
}

static cqli_lookup *make(const char *host) {
  cqli_lookup *j = calloc(1, sizeof *j);
  if (j == NULL) return NULL;
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_mutex_init(&j->mutex, NULL);
  pthread_cond_init(&j->cond, &attributes);
  pthread_condattr_destroy(&attributes);
  snprintf(j->host, sizeof j->host, "%s", host);
  return j;
}

static int start(cqli_lookup *j) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int rc = pthread_create(&j->thread, NULL, look_up, j);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return rc;
}

/* False: it takes too long. */
static bool await(cqli_lookup *j, uint32_t timeout_ms) {
  const struct timespec until = cql_clock_after(CLOCK_MONOTONIC, timeout_ms);
  pthread_mutex_lock(&j->mutex);
  while (!j->is_done && pthread_cond_timedwait(&j->cond, &j->mutex, &until) != ETIMEDOUT) continue;
  bool is_done = j->is_done;
  pthread_mutex_unlock(&j->mutex);
  return is_done;
}

/* --- one look-up -------------------------------------------------------------------------------------------------- */

cql_status cqli_lookup_begin(cqli_lookup **out, const char *host, cql_error *err) {
  bool fits = strlen(host) < sizeof(*out)->host;
  cqli_lookup *j = *out = fits ? make(host) : NULL;
  if (j == NULL) return fail(fits ? EAI_MEMORY : EAI_NONAME, 0, host, err);
  if (start(j) == 0) return CQL_OK;
  destroy(j);
  *out = NULL;
  return cql_fail(err, CQL_NOMEM, "No thread can be started to look up %s", host);
}

bool cqli_lookup_is_done(cqli_lookup *j) {
  pthread_mutex_lock(&j->mutex);
  bool is_done = j->is_done;
  pthread_mutex_unlock(&j->mutex);
  return is_done;
}

cql_status cqli_lookup_end(cqli_lookup *j, uint16_t port, cqli_address out[CQLI_ADDRESSES_MAX], uint32_t *count,
                           cql_error *err) {
  *count = 0;
  pthread_join(j->thread, NULL);
  int rc = j->rc, number = j->number;
  add_all(j->found, port, out, count);
  cql_status st = rc == 0 && *count > 0 ? CQL_OK : fail(rc == 0 ? EAI_NONAME : rc, number, j->host, err);
  destroy(j);
  return st;
}

void cqli_lookup_leave(cqli_lookup *j) {
  pthread_t thread = j->thread;
  pthread_mutex_lock(&j->mutex);
  bool is_done = j->is_done;
  j->is_abandoned = !is_done;
  pthread_mutex_unlock(&j->mutex);
  if (!is_done) {
    pthread_detach(thread);
    return;
  }
  pthread_join(thread, NULL);
  if (j->found != NULL) freeaddrinfo(j->found);
  destroy(j);
}

/* --- and wait for it ---------------------------------------------------------------------------------------------- */

bool cqli_resolve_literal(const char *host, uint16_t port, cqli_address out[CQLI_ADDRESSES_MAX], uint32_t *count) {
  struct addrinfo *found = NULL, literal = hints(AI_NUMERICHOST);
  *count = 0;
  if (getaddrinfo(host, NULL, &literal, &found) != 0) return false;
  add_all(found, port, out, count);
  return true;
}

cql_status cqli_resolve(const char *host, uint16_t port, uint32_t timeout_ms, cqli_address out[CQLI_ADDRESSES_MAX],
                        uint32_t *count, cql_error *err) {
  cqli_lookup *j;
  if (cqli_resolve_literal(host, port, out, count)) return CQL_OK;
  cql_status st = cqli_lookup_begin(&j, host, err);
  if (st != CQL_OK) return st;
  if (await(j, timeout_ms)) return cqli_lookup_end(j, port, out, count, err);
  cqli_lookup_leave(j);
  return cql_fail(err, CQL_TIMEOUT, "the name %s was not resolved within %u ms", host, timeout_ms);
}
