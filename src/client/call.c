/* call.c: the life of one call on the loop: which nodes, which connection, how often, how long.
 *
 *   start -> [waiting for a connection] -> sent -> answered -> finished
 *                      ^                                |
 *                      +------ again, or the next node -+
 */
#include "client/client_int.h"

#include <string.h>

static void on_timeout(cqli_core *core, cqli_timer *t);
static void on_speculation(cqli_core *core, cqli_timer *t);

/* --- making and ending -------------------------------------------------------------------------------------------- */

cqli_call *cqli_call_new(cqli_core *core) {
  cql_lock_take(&core->lock);
  cqli_call *call = core->spare;
  if (call != NULL) {
    core->spare = call->next;
    core->spare_count--;
  }
  cql_lock_drop(&core->lock);
  if (call == NULL) {
    call = cql_alloc_new(core->alloc, sizeof *call);
    if (call == NULL) return NULL;
    cql_buf_init(&call->envelope, core->alloc, CQL_BODY_LEN_MAX);
  }
  cql_buf envelope = call->envelope;
  memset(call, 0, sizeof *call);
  call->envelope = envelope;
  cql_buf_reset(&call->envelope);
  call->core = core;
  call->timeout.fire = on_timeout;
  call->speculation.fire = on_speculation;
  return call;
}

static void release_statements(cqli_call *call) {
  for (uint32_t i = 0; i < call->statement_count; i++) cql_statement_release(call->statements[i]);
  if (call->statements != &call->one)
    cql_alloc_free(call->core->alloc, call->statements, call->statement_count * sizeof *call->statements);
}

/* The lock is held. */
static bool keep(cqli_core *core, cqli_call *call) {
  if (call->envelope.cap > CQLI_EXPECTED_LEN || core->spare_count >= CQLI_SPARE_CALLS_COUNT) return false;
  call->next = core->spare;
  core->spare = call;
  core->spare_count++;
  return true;
}

static void free_call(cqli_call *call, bool was_counted) {
  cqli_core *core = call->core;
  release_statements(call);
  cql_alloc_free(core->alloc, call->attempts, CQL_ATTEMPT_COUNT * sizeof *call->attempts);
  cql_lock_take(&core->lock);
  cqli_view_drop(core, call->view);
  if (was_counted) core->unanswered--;
  bool kept = keep(core, call);
  cql_lock_drop(&core->lock);
  if (kept) return;
  cql_buf_free(&call->envelope);
  cql_alloc_free(core->alloc, call, sizeof *call);
}

void cqli_call_free(cqli_call *call) {
  free_call(call, false);
}

cql_status cqli_call_submit(cqli_core *core, cqli_call *first, cqli_call *last, uint32_t count, bool more,
                            cql_error *err) {
  cql_status st = CQL_OK;
  uint32_t limit = core->settings->config.queue_count;
  cql_lock_take(&core->lock);
  if (atomic_load(&core->state) == CQLI_CLOSING)
    st = cql_fail(err, CQL_CLOSED, "The session is closed");
  else if (core->unanswered + count > limit)
    st =
        cql_fail(err, CQL_QUEUE_FULL, "%u requests of this session are not answered yet; %u is the limit (queue_count)",
                 core->unanswered, limit);
  else
    st = cqli_core_run(core, err);
  if (st == CQL_OK) {
    last->next_incoming = NULL;
    *core->incoming_end = first;
    core->incoming_end = &last->next_incoming;
    core->unanswered += count;
    if (!more) cqli_core_wake(core);
  }
  cql_lock_drop(&core->lock);
  return st;
}

/* --- lists -------------------------------------------------------------------------------------------------------- */

static void activate(cqli_call *call) {
  cqli_core *core = call->core;
  call->next = core->active;
  call->back = &core->active;
  if (call->next != NULL) call->next->back = &call->next;
  core->active = call;
}

static void deactivate(cqli_call *call) {
  *call->back = call->next;
  if (call->next != NULL) call->next->back = call->back;
}

static void queue(cqli_call *call) {
  if (call->is_waiting) return;
  call->is_waiting = true;
  call->next_waiting = NULL;
  *call->core->waiting_end = call;
  call->core->waiting_end = &call->next_waiting;
}

static void queue_first(cqli_call *call) {
  cqli_core *core = call->core;
  if (call->is_waiting) return;
  call->is_waiting = true;
  call->next_waiting = core->waiting;
  if (core->waiting == NULL) core->waiting_end = &call->next_waiting;
  core->waiting = call;
}

static void stop_waiting(cqli_call *call) {
  if (!call->is_waiting) return;
  cqli_core *core = call->core;
  call->is_waiting = false;
  for (cqli_call **at = &core->waiting; *at != NULL; at = &(*at)->next_waiting) {
    if (*at != call) continue;
    *at = call->next_waiting;
    if (*at == NULL) core->waiting_end = at;
    return;
  }
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static void orphan_tries(cqli_call *call) {
  for (uint32_t i = 0; i < CQLI_TRIES_MAX; i++) {
    cqli_try *t = &call->tries[i];
    if (t->call == NULL) continue;
    t->call = NULL;
    cqli_conn_orphan(t->conn, t->stream);
  }
}

void cqli_call_settle(cqli_call *call) {
  cqli_timer_stop(call->core, &call->speculation);
  cqli_prepare_leave(call);
  orphan_tries(call);
}

/* Who hears of a call; the call itself may be used again by then. */
typedef struct listener {
  cqli_group *group;
  cql_done done;
  void *user;
} listener;

static void hand_on(cqli_core *core, const listener *l, cql_outcome *outcome) {
  if (l->group == NULL) {
    outcome->more = core->has_handed_on = true;
    l->done(l->user, outcome);
    return;
  }
  cql_outcome *out = l->user;
  out->status = outcome->status;
  out->result = outcome->result;
  if (outcome->status != CQL_OK) out->error = outcome->error;
  cqli_group_count(core, l->group); /* from here on out may be gone */
}

/* It does not count any more when its listener hears of it, who may have waited for the room that it took. */
void cqli_call_finish(cqli_call *call, cql_outcome *outcome) {
  cqli_core *core = call->core;
  const listener l = {call->group, call->done, call->user};
  cqli_timer_stop(core, &call->timeout);
  cqli_timer_stop(core, &call->poll);
  stop_waiting(call);
  cqli_agreement_drop(call);
  cqli_call_settle(call);
  deactivate(call);
  cql_result_free(call->held);
  free_call(call, true);
  hand_on(core, &l, outcome);
  cqli_core_drained(core);
}

void cqli_call_remember(cqli_call *call, const cql_attempt *attempt) {
  if (call->attempts == NULL)
    call->attempts = cql_alloc_new(call->core->alloc, CQL_ATTEMPT_COUNT * sizeof *call->attempts);
  if (call->attempts == NULL) return; /* the error goes without them */
  if (call->attempt_count == CQL_ATTEMPT_COUNT) {
    memmove(call->attempts, call->attempts + 1, (CQL_ATTEMPT_COUNT - 1) * sizeof *attempt);
    call->attempt_count--;
  }
  call->attempts[call->attempt_count++] = *attempt;
}

void cqli_call_fail(cqli_call *call, const cql_error *err) {
  cql_outcome outcome;
  outcome.status = err->status;
  outcome.result = NULL;
  outcome.error = *err;
  outcome.error.attempt_count = call->attempt_count;
  if (call->attempt_count > 0)
    memcpy(outcome.error.attempts, call->attempts, call->attempt_count * sizeof *call->attempts);
  cqli_call_finish(call, &outcome);
}

/* --- sending ------------------------------------------------------------------------------------------------------ */

static uint64_t now_us(const cqli_core *core) {
  return uv_now(&core->loop) * 1000;
}

/* False: the rate limit lets nothing through yet; what waits is gone through again when it does. */
static bool may_send(cqli_core *core) {
  uint32_t wait_ms = cqli_limited_wait_ms(&core->limited, now_us(core));
  if (wait_ms == 0) return true;
  if (core->limited_timer.deadline.place == 0)
    (void)cqli_timer_start(core, &core->limited_timer, wait_ms); /* assured */
  return false;
}

static void on_limited(cqli_core *core, cqli_timer *t) {
  (void)t;
  cqli_calls_unqueue(core);
}

cql_status cqli_calls_init(cqli_core *core) {
  core->limited_timer.fire = on_limited;
  return cqli_timer_assure(core, &core->limited_timer);
}

static cqli_try *free_try(cqli_call *call) {
  for (uint32_t i = 0; i < CQLI_TRIES_MAX; i++)
    if (call->tries[i].call == NULL) return &call->tries[i];
  return NULL;
}

static bool has_tries(const cqli_call *call) {
  for (uint32_t i = 0; i < CQLI_TRIES_MAX; i++)
    if (call->tries[i].call != NULL) return true;
  return false;
}

static void on_answer(void *user, cqli_conn *conn, cql_envelope *e, const cql_attempt *why, bool may_have_run) {
  cqli_try *t = user;
  (void)conn;
  cqli_call_answered(t->call, t, e, why, may_have_run);
}

/* CQL_LIMIT: every connection of the host is full; CQL_NO_HOST: none is open. */
static cql_status send_to(cqli_call *call, cqli_host *h) {
  cqli_link *l = cqli_host_pick(h);
  cqli_try *t = free_try(call);
  if (l == NULL) return CQL_NO_HOST;
  if (t == NULL) return CQL_LIMIT;
  *t = (cqli_try){call, h, l->conn, 0, uv_now(&call->core->loop)};
  cql_status st = cqli_link_send(l, cql_buf_view(&call->envelope), on_answer, t, &t->stream);
  if (st == CQL_OK)
    cqli_limited_sent(&call->core->limited, now_us(call->core), cqli_random(call->core));
  else
    t->call = NULL;
  return st;
}

static void remember_down(cqli_call *call, const cqli_host *h) {
  if (h->was_tried && h->last_failure.reason[0] != '\0') cqli_call_remember(call, &h->last_failure);
}

/* Tries the nodes that are left. CQL_OK: sent. CQL_LIMIT: some node has no room, or is only just being connected to.
 * CQL_NO_HOST: none is left. */
static cql_status send_next(cqli_call *call) {
  bool may_come = false;
  while (call->next_node < call->node_count) {
    cqli_host *h = call->view->hosts[call->nodes[call->next_node++]];
    cql_status st = h == NULL ? CQL_NO_HOST : send_to(call, h);
    if (st == CQL_OK || st == CQL_NOMEM) return st;
    may_come |= st == CQL_LIMIT || (h != NULL && !h->was_tried);
    if (st == CQL_NO_HOST && h != NULL) remember_down(call, h);
  }
  return may_come ? CQL_LIMIT : CQL_NO_HOST;
}

static void fail_without_host(cqli_call *call) {
  cql_error err;
  cql_attempt none[1];
  cqli_fail_attempts(&err, CQL_NO_HOST, call->attempts != NULL ? call->attempts : none, call->attempt_count);
  err.status = CQL_NO_HOST;
  cqli_call_fail(call, &err);
}

static void fail_memory(cqli_call *call) {
  cql_error err;
  cql_fail(&err, CQL_NOMEM, "Out of memory");
  cqli_call_fail(call, &err);
}

static void plan(cqli_call *call) {
  cqli_core *core = call->core;
  cqli_view_put(core, call->view);
  call->view = cqli_view_get(core);
  call->next_node = call->attempt_count = 0;
  call->forgetful = NULL;
  if (call->view != NULL)
    call->node_count =
        cqli_view_plan(core, call->view, &call->route, call->is_conditional, cqli_random(core), call->nodes);
}

static void speculate_later(cqli_call *call) {
  uint32_t delay = call->core->settings->config.speculative_delay_ms;
  if (cqli_limited_is_on(&call->core->limited)) return; /* one request more for the answer of one */
  if (delay > 0 && call->is_idempotent && call->speculation.deadline.place == 0)
    (void)cqli_timer_start(call->core, &call->speculation, delay); /* no memory: no second node */
}

/* The first attempt, and every one after a wait: the nodes are looked at anew. False: it waits on. */
static bool begin(cqli_call *call) {
  if (!may_send(call->core)) return false;
  plan(call);
  cql_status st = call->view == NULL ? CQL_LIMIT : send_next(call);
  if (st == CQL_LIMIT) return false;
  stop_waiting(call);
  if (st == CQL_OK)
    speculate_later(call);
  else if (st == CQL_NOMEM)
    fail_memory(call);
  else
    fail_without_host(call);
  return true;
}

void cqli_call_start(cqli_call *call) {
  cqli_core *core = call->core;
  activate(call);
  if (cqli_timer_start(core, &call->timeout, call->timeout_ms) != CQL_OK)
    fail_memory(call);
  else if (core->waiting != NULL || !begin(call)) /* those who wait go first */
    queue(call);
}

void cqli_calls_unqueue(cqli_core *core) {
  if (core->is_draining_queue) return;
  core->is_draining_queue = true;
  while (core->waiting != NULL && begin(core->waiting)) continue;
  core->is_draining_queue = false;
}

void cqli_call_next(cqli_call *call, const cql_error *err) {
  if (has_tries(call) || call->preparing != NULL) return; /* another node may still answer */
  cql_status st = send_next(call);
  if (st == CQL_OK) return;
  if (st == CQL_LIMIT)
    queue(call);
  else
    cqli_call_fail(call, err);
}

void cqli_call_later(cqli_call *call, uint64_t sent_ms) {
  cqli_core *core = call->core;
  cqli_limited_refused(&core->limited, sent_ms * 1000, now_us(core), cqli_random(core));
  call->was_limited = true;
  if (has_tries(call) || call->preparing != NULL) return; /* of a time when there was no limit */
  queue_first(call);
  (void)may_send(core); /* sets the clock */
}

void cqli_call_again(cqli_call *call, cqli_host *h, const cql_error *err) {
  if (send_to(call, h) != CQL_OK) cqli_call_next(call, err);
}

/* --- time --------------------------------------------------------------------------------------------------------- */

static void remember_silence(cqli_call *call) {
  for (uint32_t i = 0; i < CQLI_TRIES_MAX; i++) {
    const cqli_try *t = &call->tries[i];
    if (t->call == NULL) continue;
    cql_attempt a = {.stage = CQL_STAGE_REQUEST, .status = CQL_TIMEOUT};
    a.elapsed_ms = (uint32_t)(uv_now(&call->core->loop) - t->started_ms);
    memcpy(a.host, t->host->name, CQL_HOST_LEN);
    cqli_reason(&a, "no answer");
    cqli_call_remember(call, &a);
  }
}

/* The name of a host that has not answered; NULL: none was asked. */
static const char *silent_host(const cqli_call *call) {
  for (uint32_t i = CQLI_TRIES_MAX; i > 0; i--)
    if (call->tries[i - 1].call != NULL) return call->tries[i - 1].host->name;
  return call->preparing != NULL ? call->preparing->host->name : NULL;
}

static void on_timeout(cqli_core *core, cqli_timer *t) {
  cqli_call *call = (cqli_call *)((char *)t - offsetof(cqli_call, timeout));
  cql_error err;
  if (call->agreement != NULL) {
    cqli_agreement_end(call, "The nodes did not agree on the schema in time; some may not know the change yet");
    return;
  }
  const char *silent = silent_host(call);
  remember_silence(call);
  if (silent != NULL)
    cql_fail(&err, CQL_TIMEOUT, "No answer came within %u ms from %s", call->timeout_ms, silent);
  else if (call->was_limited || cqli_limited_is_on(&core->limited))
    cql_fail(&err, CQL_OVERLOADED,
             "Rate limit reached: the database refuses requests over its rate, and let this one not through within %u "
             "ms; send fewer at once, or give them more time",
             call->timeout_ms);
  else
    cql_fail(&err, CQL_TIMEOUT, "No answer came within %u ms: no connection had room", call->timeout_ms);
  cqli_call_fail(call, &err);
}

static void on_speculation(cqli_core *core, cqli_timer *t) {
  cqli_call *call = (cqli_call *)((char *)t - offsetof(cqli_call, speculation));
  if (cqli_limited_is_on(&core->limited)) return;
  bool is_asking = has_tries(call) || call->preparing != NULL;
  if (is_asking && free_try(call) != NULL && send_next(call) == CQL_OK) speculate_later(call);
}

/* --- silence ------------------------------------------------------------------------------------------------------ */

/* Does it wait for an answer of h, and for none of another node? */
static bool waits_for_alone(const cqli_call *call, const cqli_host *h) {
  bool waits_here = false;
  for (uint32_t i = 0; i < CQLI_TRIES_MAX; i++) {
    if (call->tries[i].call == NULL) continue;
    if (call->tries[i].host != h) return false;
    waits_here = true;
  }
  return waits_here;
}

/* As speculation does it: when the silent node's connection breaks, the other one's answer is still waited for. What is
 * being prepared there has not run, and may go elsewhere whatever it is. */
void cqli_calls_spread(cqli_core *core, const cqli_host *h) {
  for (cqli_call *call = core->active; call != NULL; call = call->next) {
    if (waits_for_alone(call, h) && call->is_idempotent && free_try(call) != NULL)
      (void)send_next(call);
    else if (call->preparing != NULL && call->preparing->host == h && !has_tries(call) && send_next(call) == CQL_OK)
      cqli_prepare_leave(call);
  }
}
