/* control.c: the control connection: one node that tells what the cluster is and what happens in it.
 *
 * While nothing is known, the contact points are tried one after the other, once; later the nodes that are known, then
 * the contact points, whose names are looked up anew, for ever. Events are hints: whatever they say, the nodes are read
 * anew, a moment later, because events come in swarms and before the facts.
 */
#include "client/client_int.h"

#include <string.h>

static void connect_next(cqli_core *core);

/* --- opening ------------------------------------------------------------------------------------------------------ */

void cqli_control_remember(cqli_core *core, const cql_attempt *why) {
  cqli_control *k = &core->control;
  if (k->attempt_count == CQL_ATTEMPT_COUNT) {
    memmove(k->attempts, k->attempts + 1, (CQL_ATTEMPT_COUNT - 1) * sizeof *why);
    k->attempt_count--;
  }
  k->attempts[k->attempt_count++] = *why;
}

static bool is_opening(const cqli_core *core) {
  return atomic_load(&core->state) == CQLI_OPENING && core->view == NULL;
}

/* The first request will most likely go to the node that we talk to: its connection is made while the nodes are read.
 * When that fails, or the node is of another datacenter, the host goes again. */
static void begin_first_host(cqli_core *core) {
  cqli_host *h = NULL;
  if (!core->control.is_open) return; /* the questions could not be asked */
  if (core->view == NULL && core->hosts == NULL && cqli_host_new(core, &core->control.self, &h) == CQL_OK)
    cqli_host_start(h);
}

void cqli_control_end_first_host(cqli_core *core) {
  while (core->view == NULL && core->hosts != NULL) cqli_host_remove(core->hosts);
}

void cqli_control_begin_round(cqli_core *core) {
  cqli_control *k = &core->control;
  k->next_host = k->next_contact = 0;
  k->has_looked_up = false;
}

static void on_opened(void *owner, cqli_conn *conn) {
  cqli_core *core = owner;
  cqli_control *k = &core->control;
  k->is_open = true;
  k->failures = 0;
  k->attempt_count = 0;
  k->may_lag = true;
  cqli_proxy_note(core, conn, NULL);
  atomic_store(&core->version, cqli_conn_version(conn));
  cqli_refresh_read(core);
  begin_first_host(core);
}

static void on_closed(void *owner, cqli_conn *conn, const cql_attempt *why) {
  cqli_core *core = owner;
  cqli_control *k = &core->control;
  cqli_proxy_note(core, conn, why);
  k->conn = NULL;
  k->is_open = false;
  cqli_refresh_drop(core);
  if (core->is_closing) return;
  cqli_control_end_first_host(core);
  cqli_control_remember(core, why);
  if (k->failures < UINT32_MAX) k->failures++;
  if (is_opening(core)) {
    connect_next(core);
    return;
  }
  const cql_client_config *c = &core->settings->config;
  uint32_t delay = cqli_backoff_ms(c->reconnect_min_ms, c->reconnect_max_ms, k->failures - 1, cqli_random(core));
  (void)cqli_timer_start(core, &k->retry,
                         delay); /* assured, as all of this file: the connection would be lost for ever */
}

static void on_event(void *owner, cqli_conn *conn, const cql_envelope *e);

static void connect_to(cqli_core *core, const cqli_address *address) {
  cqli_control *k = &core->control;
  cqli_conn_config config = cqli_conn_config_of(core, address);
  config.keyspace = NULL; /* its questions name theirs */
  config.wants_events = true;
  const cqli_conn_watch watch = {core, on_opened, on_closed, on_event, NULL};
  k->self = *address;
  cql_error err;
  cql_status st = cqli_conn_new(&k->conn, &core->loop, &config, &watch, &err);
  if (st == CQL_OK) return;
  cql_attempt why = {.stage = CQL_STAGE_CONNECT, .status = st};
  cqli_address_print(address, why.host);
  cqli_reason(&why, err.message);
  on_closed(core, NULL, &why);
}

/* The n-th of the hosts that are known; the address may be gone when it has connected, so it is copied. */
static bool known_host(cqli_core *core, uint32_t n, cqli_address *out) {
  cqli_host *h = core->hosts;
  for (; h != NULL && n > 0; n--) h = h->next;
  if (h != NULL) *out = h->address;
  return h != NULL;
}

static void fail_opening(cqli_core *core) {
  cql_error err;
  cqli_fail_attempts(&err, CQL_NO_HOST, core->control.attempts, core->control.attempt_count);
  cqli_proxy_explain(core, &err);
  cqli_core_fail(core, &err);
}

/* Once in each round, behind the last of the nodes. True: that takes a while, and connect_next() is called again. */
static bool look_up(cqli_core *core) {
  cqli_control *k = &core->control;
  if (!k->has_looked_up) {
    k->has_looked_up = true;
    if (!cqli_contacts_look_up(core)) return false;
  } else if (!cqli_contacts_are_looked_up(core)) {
    return false;
  }
  (void)cqli_timer_start(core, &k->retry, CQLI_LOOKUP_POLL_MS);
  return true;
}

static void connect_next(cqli_core *core) {
  cqli_control *k = &core->control;
  cqli_address address;
  if (k->conn != NULL || core->is_closing) return;
  if (!is_opening(core) && k->next_contact >= core->contacts.count) cqli_control_begin_round(core);
  if (known_host(core, k->next_host, &address)) {
    k->next_host++;
  } else if (look_up(core)) {
    return;
  } else if (k->next_contact < core->contacts.count) {
    address = core->contacts.addresses[k->next_contact++];
  } else {
    fail_opening(core);
    return;
  }
  connect_to(core, &address);
}

static void on_retry(cqli_core *core, cqli_timer *t) {
  (void)t;
  connect_next(core);
}

void cqli_control_start(cqli_core *core) {
  cqli_control *k = &core->control;
  cqli_control_begin_round(core);
  k->has_looked_up = !core->has_begun && core->contacts.count > 0; /* of a bundle nothing is known yet */
  k->attempt_count = 0;
  if (k->is_open)
    cqli_refresh_read(core);
  else
    connect_next(core);
}

void cqli_control_stop(cqli_core *core) {
  cqli_timer_stop(core, &core->control.patience);
  cqli_timer_stop(core, &core->control.retry);
  cqli_contacts_leave(core);
  cqli_timer_stop(core, &core->control.refresh);
  if (core->control.conn != NULL) cqli_conn_close(core->control.conn, CQL_CLOSED, "the session is closed");
}

/* --- events ------------------------------------------------------------------------------------------------------- */

static void on_refresh(cqli_core *core, cqli_timer *t) {
  (void)t;
  cqli_refresh_read(core);
}

void cqli_control_refresh(cqli_core *core, uint32_t delay_ms) {
  cqli_timer *t = &core->control.refresh;
  if (t->deadline.place == 0) (void)cqli_timer_start(core, t, delay_ms);
}

static void on_status(cqli_core *core, const cql_event *e) {
  if (!cql_slice_eq_str(e->change, "UP")) return; /* our own connections know better what is down */
  const cqli_view *v = core->view;                /* this thread alone replaces it */
  for (uint32_t i = 0; v != NULL && i < v->count; i++) {
    const cqli_node *n = cqli_map_node(v->map, i);
    const cqli_address *a = n->address.is_host_id ? &n->native : &n->address;
    if (v->hosts[i] == NULL || e->address.len != a->len || memcmp(e->address.data, a->bytes, a->len) != 0) continue;
    cqli_host_hurry(v->hosts[i]);
    return;
  }
}

static void on_event(void *owner, cqli_conn *conn, const cql_envelope *e) {
  cqli_core *core = owner;
  (void)conn;
  cql_response r;
  cql_arena_reset(&core->scratch);
  if (cql_response_decode(&r, &core->scratch, e, NULL) != CQL_OK) return;
  const cql_event *event = &r.event;
  if (cql_slice_eq_str(event->type, "SCHEMA_CHANGE")) {
    if (cql_slice_eq_str(event->schema.target, "KEYSPACE")) cqli_control_refresh(core, CQLI_REFRESH_MS / 10);
    return; /* what else changes is told by METADATA_CHANGED and UNPREPARED */
  }
  if (cql_slice_eq_str(event->type, "STATUS_CHANGE")) on_status(core, event);
  cqli_control_refresh(core, CQLI_REFRESH_MS);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

cql_status cqli_control_init(cqli_core *core) {
  cqli_control *k = &core->control;
  k->retry.fire = on_retry;
  k->refresh.fire = on_refresh;
  cqli_refresh_init(core);
  cql_arena_init(&k->arena, core->alloc, CQL_ARENA_LIMIT_DEFAULT);
  cql_status st = cqli_timer_assure(core, &k->retry);
  if (st == CQL_OK) st = cqli_timer_assure(core, &k->refresh);
  return st == CQL_OK ? cqli_timer_assure(core, &k->patience) : st;
}

void cqli_control_free(cqli_core *core) {
  cql_arena_free(&core->control.arena);
}

void cqli_control_forget(cqli_core *core) {
  if (core->control.conn != NULL) cqli_conn_forget(core->control.conn);
}
