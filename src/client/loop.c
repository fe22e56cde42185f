/* loop.c: the thread that owns the connections. */
#include "client/client_int.h"

static void (*_Atomic rest_hook)(void);

void cql_client_set_rest_hook(void (*rest)(void)) {
  atomic_store(&rest_hook, rest);
}

/* Whoever was told of answers one by one hears that these are all for now. */
static void rest(cqli_core *core) {
  if (!core->has_handed_on) return;
  core->has_handed_on = false;
  void (*hook)(void) = atomic_load(&rest_hook);
  if (hook != NULL) hook();
}

static void before_poll(uv_prepare_t *handle) {
  cqli_core *core = handle->data;
  cqli_core_flush(core);
  cqli_direct_settle(core);
  rest(core);
}

void *cqli_core_main(void *arg) {
  cqli_core *core = arg;
  uv_prepare_start(&core->before_poll, before_poll);
  uv_run(&core->loop, UV_RUN_DEFAULT); /* until uv_stop(), or all handles are closed */
  rest(core);
  return NULL;
}

/* --- work from other threads -------------------------------------------------------------------------------------- */

typedef struct work {
  cqli_call *calls;
  cqli_link *returned;
  bool wants_direct, wants_doubt, wants_open, must_close;
} work;

/* False: the loop is to stop, and the work stays where it is. */
static bool take_work(cqli_core *core, work *w) {
  cql_lock_take(&core->lock);
  bool goes_on = !core->must_stop;
  core->is_woken = false;
  if (goes_on) {
    bool must_close = atomic_load(&core->state) == CQLI_CLOSING;
    *w = (work){core->incoming, core->returned, core->wants_direct, core->wants_doubt, core->wants_open, must_close};
    core->incoming = NULL;
    core->incoming_end = &core->incoming;
    core->returned = NULL;
    core->wants_direct = core->wants_doubt = core->wants_open = false;
  }
  cql_lock_drop(&core->lock);
  return goes_on;
}

static void open_direct(cqli_core *core) {
  for (cqli_host *h = core->hosts; h != NULL; h = h->next) {
    cql_lock_take(&core->lock);
    bool wanted = h->wants_direct;
    h->wants_direct = false;
    cql_lock_drop(&core->lock);
    if (wanted) cqli_host_open_direct(h);
  }
}

static void ask_doubted(cqli_core *core) {
  for (cqli_host *h = core->hosts; h != NULL; h = h->next) {
    cql_lock_take(&core->lock);
    bool wanted = h->wants_doubt;
    h->wants_doubt = false;
    cql_lock_drop(&core->lock);
    if (wanted) cqli_host_ask(h);
  }
}

/* The identity of a group that shall be cancelled; 0: none. */
static uint64_t take_cancel(cqli_core *core) {
  uint64_t id = 0;
  cql_lock_take(&core->lock);
  cqli_group *g = core->cancels;
  if (g != NULL) {
    core->cancels = g->next_cancel;
    id = g->id;
  }
  cql_lock_drop(&core->lock);
  return id;
}

static void fail_calls(cqli_core *core, uint64_t group_id, cql_status status, const char *words) {
  cqli_call *next;
  for (cqli_call *call = core->active; call != NULL; call = next) {
    next = call->next;
    if (group_id != 0 && call->group_id != group_id) continue;
    cql_error err;
    cql_fail(&err, status, "%s", words);
    cqli_call_fail(call, &err);
  }
}

/* --- closing ------------------------------------------------------------------------------------------------------ */

/* Everything ends: each connection's closed() is called, then the loop has no handles left and its thread returns. */
static void close_all(cqli_core *core) {
  if (core->is_closing) return;
  core->is_closing = true;
  fail_calls(core, 0, CQL_CLOSED, "The session was closed while the request was in flight");
  cqli_control_stop(core);
  while (core->hosts != NULL) cqli_host_remove(core->hosts);
  uv_close((uv_handle_t *)&core->wake, NULL);
  uv_close((uv_handle_t *)&core->timer, NULL);
  uv_close((uv_handle_t *)&core->before_poll, NULL);
}

static void on_drained(cqli_core *core, cqli_timer *t) {
  (void)t;
  close_all(core);
}

static void begin_closing(cqli_core *core) {
  if (core->drain.fire != NULL) return;
  core->drain.fire = on_drained;
  if (core->active == NULL || cqli_timer_start(core, &core->drain, core->drain_ms) != CQL_OK) close_all(core);
}

void cqli_core_drained(cqli_core *core) {
  if (core->drain.fire != NULL && core->active == NULL) close_all(core);
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

static void begin(cqli_core *core, bool again) {
  if (!core->has_begun) cqli_heartbeats_start(core);
  if (!core->has_begun || again) cqli_control_start(core);
  core->has_begun = true;
}

void cqli_core_dispatch(cqli_core *core) {
  work w;
  if (!take_work(core, &w)) {
    uv_stop(&core->loop);
    return;
  }
  uv_update_time(&core->loop);
  if (!w.must_close) begin(core, w.wants_open);
  for (cqli_call *call = w.calls, *next; call != NULL; call = next) {
    next = call->next_incoming;
    cqli_call_start(call);
  }
  for (cqli_link *l = w.returned, *next; l != NULL; l = next) {
    next = l->next;
    cqli_direct_return(l);
  }
  if (w.wants_direct) open_direct(core);
  if (w.wants_doubt) ask_doubted(core);
  for (uint64_t id; (id = take_cancel(core)) != 0;) fail_calls(core, id, CQL_INTERRUPTED, "Interrupted");
  if (w.must_close) begin_closing(core);
}

void cqli_core_fail(cqli_core *core, const cql_error *err) {
  cqli_control_end_first_host(core);
  cql_lock_take(&core->lock);
  core->open_error = *err;
  atomic_store(&core->state, CQLI_FAILED);
  pthread_cond_broadcast(&core->changed);
  cql_lock_drop(&core->lock);
}

void cqli_core_opened(cqli_core *core) {
  cqli_state opening = CQLI_OPENING;
  cql_lock_take(&core->lock);
  atomic_compare_exchange_strong(&core->state, &opening, CQLI_OPEN);
  pthread_cond_broadcast(&core->changed);
  cql_lock_drop(&core->lock);
}

/* --- heartbeats of the connections that nobody watches ------------------------------------------------------------ */

static void on_heartbeat(cqli_core *core, cqli_timer *t) {
  (void)t;
  cqli_hosts_heartbeat(core);
  cqli_heartbeats_start(core);
}

cql_status cqli_heartbeats_init(cqli_core *core) {
  core->heartbeat.fire = on_heartbeat;
  return cqli_timer_assure(core, &core->heartbeat);
}

void cqli_heartbeats_start(cqli_core *core) {
  uint32_t ms = core->settings->config.heartbeat_ms;
  (void)cqli_timer_start(core, &core->heartbeat, ms > 1 ? ms / 2 : 1); /* assured */
}
