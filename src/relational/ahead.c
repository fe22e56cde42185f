/* ahead.c: the next page of a scan, asked for while the present one is read.
 *
 * A query may end before that page is needed, as with a LIMIT. So the first page has to be half read before the second
 * one is asked for; a scan that has come that far has each further page asked for as soon as the one before it is
 * there. Of a file nothing is asked ahead: the engine answers on the calling thread.
 *
 * The answer comes on a thread of the session, to a place that the request and the scan hold together: when the scan
 * ends first, the request keeps it, and whoever is the last to let go frees the page.
 */
#include "relational/relational_int.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

enum { SLICE_MS = 100 }; /* of a wait, between two looks whether it shall end */

struct cqlr_ahead {
  const cql_alloc *alloc;
  atomic_uint holders;
  pid_t process; /* in which the answer comes */
  sem_t has_come;
  cql_outcome outcome;
};

static void let_go(cqlr_ahead *a) {
  if (atomic_fetch_sub(&a->holders, 1) > 1) return;
  cql_result_free(a->outcome.result);
  sem_destroy(&a->has_come);
  cql_alloc_free(a->alloc, a, sizeof *a);
}

/* A process that was forked off meanwhile gets no answer, and holds what its parent's request holds there. */
static bool is_lost(const cqlr_ahead *a) {
  return a->process != getpid() && atomic_load(&a->holders) > 1;
}

/* --- asking ------------------------------------------------------------------------------------------------------- */

uint64_t cqlr_ahead_after(const cql_relational *owner, const cql_result *page, bool is_first) {
  size_t len;
  uint64_t rows = cql_result_row_count(page);
  if (rows == 0 || cql_result_paging_state(page, &len) == NULL || !cql_session_is_cluster(owner->session)) return 0;
  return is_first ? (rows + 1) / 2 : 1;
}

/* On a thread of the session. */
static void answered(void *user, cql_outcome *o) {
  cqlr_ahead *a = user;
  a->outcome.status = o->status;
  a->outcome.result = o->result;
  if (o->status != CQL_OK) a->outcome.error = o->error;
  sem_post(&a->has_come);
  let_go(a);
}

cqlr_ahead *cqlr_ahead_ask(cql_relational *owner, cql_relational_sent *sent, const cql_request *request) {
  cqlr_ahead *a = cql_alloc_new(owner->alloc, sizeof *a);
  if (a == NULL) return NULL;
  a->alloc = owner->alloc;
  a->process = getpid();
  atomic_init(&a->holders, 2);
  sem_init(&a->has_come, 0, 0);
  if (cql_session_submit(owner->session, request, answered, a, NULL) == CQL_OK) {
    cqlr_count(owner, sent, 1, 0);
    return a;
  }
  atomic_store(&a->holders, 1);
  let_go(a);
  return NULL;
}

/* --- taking ------------------------------------------------------------------------------------------------------- */

/* By the wall clock: a jump of it makes one slice longer or shorter. */
static bool wait_a_slice(cqlr_ahead *a) {
  const struct timespec until = cql_clock_after(CLOCK_REALTIME, SLICE_MS);
  return sem_timedwait(&a->has_come, &until) == 0;
}

static cql_status await(cqlr_ahead *a, cql_error *err) {
  while (!wait_a_slice(a)) {
    cql_status st = cql_session_wait_check(err);
    if (st != CQL_OK) return st;
  }
  if (a->outcome.status != CQL_OK && err != NULL) *err = a->outcome.error;
  return a->outcome.status;
}

cql_status cqlr_ahead_take(cqlr_ahead **at, cql_relational *owner, cql_relational_sent *sent,
                           const cql_request *request, cql_result **out, cql_error *err) {
  cqlr_ahead *a = *at;
  *at = NULL;
  if (a == NULL || is_lost(a)) {
    cqlr_ahead_drop(a);
    return cqlr_send(owner, sent, request, out, err);
  }
  cqlr_count_wave(owner, sent);
  cql_status st = await(a, err);
  *out = NULL;
  if (st == CQL_OK) {
    *out = a->outcome.result;
    a->outcome.result = NULL;
    cqlr_count(owner, sent, 0, cql_result_row_count(*out));
  }
  let_go(a);
  return st;
}

void cqlr_ahead_drop(cqlr_ahead *a) {
  if (a == NULL) return;
  if (is_lost(a)) let_go(a); /* for the request */
  let_go(a);
}
