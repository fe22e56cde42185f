/* run.c: calls from other threads: one and wait, one and be called back, many and wait; PREPARE. */
#include "client/client_int.h"

#include <string.h>

/* --- through the loop --------------------------------------------------------------------------------------------- */

static cqli_call *make_call(cqli_core *core, const cql_call_config *config, cql_error *err, cql_status *st) {
  cqli_call *call = cqli_call_new(core);
  *st = call == NULL ? cql_fail(err, CQL_NOMEM, "Out of memory") : cqli_call_encode(call, config, err);
  if (*st == CQL_OK) return call;
  if (call != NULL) cqli_call_free(call);
  return NULL;
}

static void join(cqli_call *call, cqli_group *g, cql_outcome *out) {
  call->group = g;
  call->group_id = g->id;
  call->user = out;
}

/* Submits one call and waits. The outcome is large, and so not on the stack of whoever called us. */
static cql_status wait_for(cqli_core *core, cqli_call *call, cql_result **out, cql_error *err) {
  cql_outcome *o = cql_alloc_new(core->alloc, sizeof *o);
  if (o == NULL) {
    cqli_call_free(call);
    return cql_fail(err, CQL_NOMEM, "Out of memory");
  }
  cqli_group g;
  cqli_group_init(&g, 1);
  join(call, &g, o);
  cql_status st = cqli_call_submit(core, call, call, 1, false, err);
  if (st == CQL_OK) {
    atomic_fetch_add(&core->waiting_threads, 1);
    cqli_group_wait(core, &g);
    atomic_fetch_sub(&core->waiting_threads, 1);
    st = o->status;
    *out = o->result;
    if (st != CQL_OK && err != NULL) *err = o->error;
  } else {
    cqli_call_free(call);
  }
  cql_alloc_free(core->alloc, o, sizeof *o);
  return st;
}

static cql_status execute_by_loop(cqli_core *core, const cql_call_config *config, cql_result **out, cql_error *err) {
  cql_status st;
  cqli_call *call = make_call(core, config, err, &st);
  return call == NULL ? st : wait_for(core, call, out, err);
}

cql_status cql_client_submit(cql_client *c, const cql_call_config *config, cql_done done, void *user, cql_error *err) {
  cqli_core *core = NULL;
  cql_status st = cqli_client_enter(c, &core, err);
  if (st != CQL_OK) return st;
  cqli_call *call = make_call(core, config, err, &st);
  if (call == NULL) return st;
  call->done = done;
  call->user = user;
  st = cqli_call_submit(core, call, call, 1, config->more, err);
  if (st != CQL_OK) cqli_call_free(call);
  return st;
}

/* In a forked child there is nothing to send: what the parent had begun is the parent's. */
void cql_client_flush(cql_client *c) {
  if (atomic_load(&c->generation) != cqli_forks()) return;
  cqli_core *core = atomic_load(&c->core);
  cql_lock_take(&core->lock);
  if (core->incoming != NULL) cqli_core_wake(core);
  cql_lock_drop(&core->lock);
}

/* --- many --------------------------------------------------------------------------------------------------------- */

static void fail_all(cqli_call *first, const cql_error *err) {
  for (cqli_call *call = first, *next; call != NULL; call = next) {
    next = call->next_incoming;
    cql_outcome *o = call->user;
    o->status = err->status;
    o->error = *err;
    cqli_call_free(call);
  }
}

void cql_client_execute_many(cql_client *c, const cql_call_config *calls, uint32_t count, cql_outcome *outcomes) {
  cqli_core *core = NULL;
  cql_error err;
  cql_status st = cqli_client_enter(c, &core, &err);
  cqli_group g;
  cqli_call *first = NULL, *last = NULL;
  uint32_t made = 0;
  if (st == CQL_OK) cqli_group_init(&g, count);
  for (uint32_t i = 0; i < count; i++) {
    outcomes[i].result = NULL;
    outcomes[i].status = st;
    if (st != CQL_OK) {
      outcomes[i].error = err;
      continue;
    }
    cqli_call *call = make_call(core, &calls[i], &outcomes[i].error, &outcomes[i].status);
    if (call == NULL) continue;
    join(call, &g, &outcomes[i]);
    *(first == NULL ? &first : &last->next_incoming) = call;
    last = call;
    made++;
  }
  if (st != CQL_OK) return;
  g.left = made;
  if (made > 0 && (st = cqli_call_submit(core, first, last, made, false, &err)) != CQL_OK) {
    fail_all(first, &err);
    made = 0;
  }
  if (made == 0) cqli_group_call(&g);
  cqli_group_wait(core, &g);
}

/* --- PREPARE ------------------------------------------------------------------------------------------------------ */

static cql_status encode_prepare(cqli_call *call, const char *keyspace, cql_slice text, cql_error *err) {
  cql_slice name;
  cql_status st = cqli_keyspace_find(call->core, keyspace, &name, err);
  if (st == CQL_OK) st = cql_put_prepare(&call->envelope, atomic_load(&call->core->version), text, name, err);
  if (st == CQL_OK && call->envelope.st != CQL_OK) st = cql_fail(err, call->envelope.st, "Out of memory");
  return st;
}

cql_status cql_client_prepare(cql_client *c, const char *keyspace, cql_slice text, cql_statement **out,
                              cql_error *err) {
  cqli_core *core = NULL;
  *out = NULL;
  cql_status st = cqli_client_enter(c, &core, err);
  if (st != CQL_OK) return st;
  cqli_call *call = cqli_call_new(core);
  if (call == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  call->statements = &call->one;
  call->prepared = out;
  call->prepare_keyspace = keyspace == NULL ? "" : keyspace;
  call->prepare_text = text;
  call->is_idempotent = true;
  call->timeout_ms = core->settings->config.request_timeout_ms;
  st = encode_prepare(call, call->prepare_keyspace, text, err);
  if (st != CQL_OK) {
    cqli_call_free(call);
    return st;
  }
  cql_result *none = NULL;
  st = wait_for(core, call, &none, err);
  cql_result_free(none);
  return st;
}

/* --- alone on a connection ---------------------------------------------------------------------------------------- */

/* Texts go through the loop: one of them may change the schema, and then waits for the nodes to agree. So does what
 * comes while there are more threads than direct connections: they share system calls there, and their wake-ups come
 * one after the other. */
static bool may_go_directly(const cqli_core *core, const cql_call_config *config) {
  const cql_client_config *c = &core->settings->config;
  if (cqli_limited_is_on(&core->limited)) return false; /* the loop alone keeps to the rate */
  if (c->direct_connections < 0 || (!config->is_batch && config->items[0].statement == NULL)) return false;
  if (atomic_load_explicit(&core->waiting_threads, memory_order_relaxed) > 0) return false;
  return c->speculative_delay_ms == 0 || !config->is_idempotent;
}

/* A connection to the first node of the plan, if there is one to spare. */
static cqli_link *take_link(cqli_core *core, const cql_call_config *config) {
  cqli_route route;
  uint16_t nodes[CQLI_CALL_NODES_MAX];
  cqli_route_find(config, &route);
  cqli_view *v = cqli_view_get(core);
  uint64_t random = (uint64_t)cql_clock_monotonic_us() * 0x9E3779B97F4A7C15u;
  uint32_t count = v == NULL ? 0 : cqli_view_plan(core, v, &route, config->is_conditional, random, nodes);
  cqli_link *l = count > 0 && v->hosts[nodes[0]] != NULL ? cqli_direct_take(core, v->hosts[nodes[0]]) : NULL;
  cqli_view_put(core, v);
  return l;
}

static cql_status read_answer(cqli_link *l, const cql_call_config *config, cqli_columns *columns, cql_envelope *e,
                              cql_result **out, cql_error *err) {
  cql_response r;
  cql_buf body;
  cql_statement *s = config->is_batch ? NULL : config->items[0].statement;
  cql_status st = cqli_answer_read(&l->arena, l->conn, e, &body, s, columns, &r, out, err);
  cql_buf_free(&body);
  if (st == CQL_OK && *out == NULL) st = cql_fail(err, CQL_MALFORMED, "The node answers EXECUTE as if it were PREPARE");
  return st;
}

/* --- waiting for an answer there ---------------------------------------------------------------------------------- */

typedef struct wait {
  cqli_host *host;
  bool is_idempotent, has_doubts;
  int64_t doubt_us; /* when the loop is to find out, the next time; 0: nothing was waited for yet */
} wait;

/* A long wait may be a long work: once a second the loop asks on the node's other connections whether it lives. */
static bool is_hopeless(void *of) {
  wait *w = of;
  int64_t now = cql_clock_monotonic_us();
  if (w->doubt_us == 0) w->doubt_us = now + CQLI_DOUBT_MS * 1000;
  if (now >= w->doubt_us) {
    w->has_doubts = true;
    w->doubt_us = now + CQLI_DOUBT_MS * 1000;
    cqli_host_doubt(w->host->core, w->host);
  }
  return w->has_doubts && w->is_idempotent && atomic_load(&w->host->is_silent);
}

static uint32_t count_statements(const cql_call_config *config) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < config->item_count; i++) count += config->items[i].statement != NULL;
  return count;
}

/* A time-out before the deadline is that of a silent node, and another one may be asked. */
static bool is_final(const cql_call_config *config, int64_t deadline_us, const cql_error *err, bool may_have_run) {
  cqli_route route;
  cqli_route_find(config, &route);
  const cqli_failure f = {.error = err,
                          .may_have_run = may_have_run,
                          .is_idempotent = config->is_idempotent,
                          .is_conditional = config->is_conditional,
                          .is_one_write = cqli_is_one_write(config, &route),
                          .statement_count = count_statements(config)};
  if (err->status == CQL_TIMEOUT && cql_clock_monotonic_us() >= deadline_us) return true;
  return err->status == CQL_INTERRUPTED || cqli_retry(&f) == CQLI_GIVE_UP;
}

/* One exchange on l, which goes back. *st and *out are the answer; false: it is not final. */
static bool exchange(cqli_core *core, cqli_link *l, const cql_call_config *config, int64_t deadline_us,
                     cql_result **out, cql_status *st, cql_error *err) {
  cqli_columns *columns = NULL;
  cql_envelope e;
  bool may_have_run = true;
  cql_buf_reset(&l->envelope);
  *st = cqli_encode(core, config, &l->envelope, &columns, err);
  if (*st != CQL_OK) {
    cqli_direct_give(core, l, true);
    return true;
  }
  wait w = {.host = l->host, .is_idempotent = config->is_idempotent};
  const cqli_patience patience = {deadline_us, cqli_interrupt_check(), is_hopeless, &w};
  *st = cqli_conn_exchange(l->conn, cql_buf_view(&l->envelope), &patience, &e, &may_have_run, err);
  bool is_sound = *st == CQL_OK;
  if (is_sound) *st = read_answer(l, config, columns, &e, out, err);
  cqli_direct_give(core, l, is_sound && *st != CQL_MALFORMED);
  return *st == CQL_OK || is_final(config, deadline_us, err, may_have_run);
}

static bool execute_directly(cqli_core *core, const cql_call_config *config, int64_t deadline_us, cql_result **out,
                             cql_status *st, cql_error *err) {
  if (!may_go_directly(core, config)) return false;
  cqli_link *l = take_link(core, config);
  return l != NULL && exchange(core, l, config, deadline_us, out, st, err);
}

cql_status cql_client_execute(cql_client *c, const cql_call_config *config, cql_result **out, cql_error *err) {
  cqli_core *core = NULL;
  cql_error own;
  if (err == NULL) err = &own; /* whether to go on is read from it */
  *out = NULL;
  cql_status st = cqli_client_enter(c, &core, err);
  if (st != CQL_OK) return st;
  uint32_t timeout_ms = config->timeout_ms != 0 ? config->timeout_ms : core->settings->config.request_timeout_ms;
  int64_t deadline_us = cql_clock_monotonic_us() + (int64_t)timeout_ms * 1000;
  if (execute_directly(core, config, deadline_us, out, &st, err)) return st;
  cql_call_config rest = *config;
  int64_t left_ms = (deadline_us - cql_clock_monotonic_us() + 999) / 1000; /* what is told when it has passed */
  rest.timeout_ms = left_ms > 1 ? (uint32_t)left_ms : 1;
  return execute_by_loop(core, &rest, out, err);
}
