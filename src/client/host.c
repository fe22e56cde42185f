/* host.c: one node, and the connections to it that many requests share. The direct ones are in direct.c. */
#include "client/client_int.h"

#include <string.h>

static void on_reconnect(cqli_core *core, cqli_timer *t);

/* --- life --------------------------------------------------------------------------------------------------------- */

static void destroy(cqli_host *h) {
  cqli_core *core = h->core;
  uint32_t count = core->settings->config.connections;
  cql_alloc_free(core->alloc, h->shared, count * sizeof *h->shared);
  cql_alloc_free(core->alloc, h, sizeof *h);
}

void cqli_host_release(cqli_host *h) {
  if (--h->refs == 0) destroy(h);
}

cql_status cqli_host_new(cqli_core *core, const cqli_address *address, cqli_host **out) {
  cqli_host *h = cql_alloc_new(core->alloc, sizeof *h);
  if (h == NULL) return CQL_NOMEM;
  h->core = core;
  h->refs = 1;
  h->address = *address;
  h->reconnect.fire = on_reconnect;
  cqli_address_print(address, h->name);
  uint32_t count = core->settings->config.connections;
  h->shared = cql_alloc_new(core->alloc, count * sizeof *h->shared);
  if (h->shared == NULL || cqli_timer_assure(core, &h->reconnect) != CQL_OK) {
    destroy(h);
    return CQL_NOMEM;
  }
  for (uint32_t i = 0; i < count; i++) h->shared[i].host = h;
  h->next = core->hosts;
  core->hosts = h;
  *out = h;
  return CQL_OK;
}

/* --- connecting --------------------------------------------------------------------------------------------------- */

cqli_conn_config cqli_conn_config_of(cqli_core *core, const cqli_address *address) {
  const cql_client_config *c = &core->settings->config;
  const char *name = c->tls.server_name != NULL ? c->tls.server_name : cqli_contact_name(core, address);
  cqli_conn_config config = {.alloc = core->alloc,
                             .address = *address,
                             .tls = core->tls,
                             .server_name = name,
                             .user = c->user,
                             .password = c->password,
                             .protocol = atomic_load(&core->version),
                             .lz4 = c->lz4,
                             .keyspace = c->keyspace,
                             .connect_timeout_ms = c->connect_timeout_ms,
                             .heartbeat_ms = c->heartbeat_ms,
                             .in_flight_max = CQL_CLIENT_IN_FLIGHT_MAX};
  if (address->is_host_id) cqli_proxy_direct(core, address, &config);
  return config;
}

static bool has_unconnected(const cqli_host *h) {
  for (uint32_t i = 0; i < h->core->settings->config.connections; i++)
    if (h->shared[i].conn == NULL) return true;
  return false;
}

/* Behind a proxy a node is down when it could be reached through none of the proxy's addresses. */
static bool is_down(const cqli_host *h) {
  return !h->address.is_host_id || h->failures >= h->core->proxy.place_count;
}

static void reconnect_later(cqli_host *h) {
  const cql_client_config *c = &h->core->settings->config;
  if (h->is_removed || h->core->is_closing || h->reconnect.deadline.place != 0) return;
  uint32_t delay = cqli_backoff_ms(c->reconnect_min_ms, c->reconnect_max_ms, h->failures, cqli_random(h->core));
  if (h->failures > 0 && !is_down(h)) delay = 0;         /* through the proxy's next address */
  (void)cqli_timer_start(h->core, &h->reconnect, delay); /* assured */
}

static void on_opened(void *owner, cqli_conn *conn) {
  cqli_link *l = owner;
  cqli_host *h = l->host;
  l->is_open = true;
  h->failures = 0;
  h->was_tried = true;
  atomic_fetch_add(&h->open_count, 1);
  cqli_proxy_note(h->core, conn, NULL);
  cqli_host_start(h); /* the other ones, now that the first has worked */
  cqli_calls_unqueue(h->core);
}

/* With several connections one that is silent is enough: to ask another node first costs little, to wait much. */
static void note_silence(cqli_host *h) {
  bool is_silent = false;
  for (uint32_t i = 0; i < h->core->settings->config.connections; i++)
    is_silent |= h->shared[i].conn != NULL && cqli_conn_is_silent(h->shared[i].conn);
  atomic_store(&h->is_silent, is_silent);
}

static void on_silent(void *owner, cqli_conn *conn, bool is_silent) {
  cqli_link *l = owner;
  (void)conn;
  note_silence(l->host);
  if (is_silent) cqli_calls_spread(l->host->core, l->host);
}

/* A proxy that goes cuts the connections to all nodes at once, and another of its addresses leads to them: calls wait
 * until that has been tried. */
static void note_failure(cqli_host *h, bool was_open) {
  if (atomic_load(&h->open_count) > 0) {
    h->was_tried = true;
  } else if (was_open && h->address.is_host_id) {
    h->was_tried = false;
  } else {
    if (h->failures < UINT32_MAX) h->failures++;
    h->was_tried |= is_down(h);
  }
}

static void on_closed(void *owner, cqli_conn *conn, const cql_attempt *why) {
  cqli_link *l = owner;
  cqli_host *h = l->host;
  bool was_open = l->is_open;
  if (was_open) atomic_fetch_sub(&h->open_count, 1);
  l->is_open = false;
  l->conn = NULL;
  note_silence(h);
  if (!h->is_removed) cqli_proxy_note(h->core, conn, why); /* else we have closed it */
  h->last_failure = *why;
  note_failure(h, was_open);
  reconnect_later(h);
  cqli_calls_unqueue(h->core); /* those that waited for this node go elsewhere, or end */
}

static void open_shared(cqli_host *h, cqli_link *l) {
  const cqli_conn_watch watch = {l, on_opened, on_closed, NULL, on_silent};
  cqli_conn_config config = cqli_conn_config_of(h->core, &h->address);
  cql_error err;
  if (cqli_conn_new(&l->conn, &h->core->loop, &config, &watch, &err) == CQL_OK) return;
  h->was_tried = true;
  h->last_failure = (cql_attempt){.stage = CQL_STAGE_CONNECT, .status = err.status};
  memcpy(h->last_failure.host, h->name, CQL_HOST_LEN);
  cqli_reason(&h->last_failure, err.message);
  reconnect_later(h);
}

/* The first connection alone, until it is open: a node that is down costs one attempt at a time. */
void cqli_host_start(cqli_host *h) {
  uint32_t count = h->core->settings->config.connections;
  if (h->is_removed || h->core->is_closing || h->reconnect.deadline.place != 0) return;
  bool is_first = atomic_load(&h->open_count) == 0;
  for (uint32_t i = 0; i < count; i++) {
    if (h->shared[i].conn == NULL) open_shared(h, &h->shared[i]);
    if (is_first) return;
  }
}

static void on_reconnect(cqli_core *core, cqli_timer *t) {
  (void)core;
  cqli_host *h = (cqli_host *)((char *)t - offsetof(cqli_host, reconnect));
  if (has_unconnected(h)) cqli_host_start(h);
}

void cqli_host_hurry(cqli_host *h) {
  if (h->is_removed || h->reconnect.deadline.place == 0) return;
  cqli_timer_stop(h->core, &h->reconnect);
  h->failures = 0;
  cqli_host_start(h);
}

void cqli_host_ask(cqli_host *h) {
  for (uint32_t i = 0; i < h->core->settings->config.connections; i++)
    if (h->shared[i].conn != NULL) cqli_conn_doubt(h->shared[i].conn);
}

void cqli_host_remove(cqli_host *h) {
  cqli_core *core = h->core;
  if (h->is_removed) return;
  cqli_core_flush(core);
  cql_lock_take(&core->lock);
  h->is_removed = true;
  cql_lock_drop(&core->lock);
  cqli_timer_let_go(core, &h->reconnect);
  for (cqli_host **at = &core->hosts; *at != NULL; at = &(*at)->next) {
    if (*at != h) continue;
    *at = h->next;
    break;
  }
  for (uint32_t i = 0; i < core->settings->config.connections; i++)
    if (h->shared[i].conn != NULL) cqli_conn_close(h->shared[i].conn, CQL_CONNECTION, "the node has left the cluster");
  cqli_direct_close_idle(h);
  cql_lock_take(&core->lock);
  cqli_host_release(h);
  cql_lock_drop(&core->lock);
}

/* --- sending ------------------------------------------------------------------------------------------------------ */

cqli_link *cqli_host_pick(cqli_host *h) {
  cqli_link *best = NULL;
  uint32_t least = UINT32_MAX;
  for (uint32_t i = 0; i < h->core->settings->config.connections; i++) {
    cqli_link *l = &h->shared[i];
    if (!l->is_open || !cqli_conn_is_open(l->conn)) continue;
    uint32_t in_flight = cqli_conn_in_flight(l->conn);
    if (in_flight >= least) continue;
    best = l;
    least = in_flight;
  }
  return best;
}

void cqli_link_flush_later(cqli_link *l) {
  cqli_core *core = l->host->core;
  if (l->is_dirty) return;
  l->is_dirty = true;
  l->next_dirty = core->dirty;
  core->dirty = l;
}

cql_status cqli_link_send(cqli_link *l, cql_slice envelope, cqli_answer *answer, void *user, int16_t *stream) {
  cql_status st = cqli_conn_send(l->conn, envelope, answer, user, stream);
  if (st == CQL_OK) cqli_link_flush_later(l);
  return st;
}

void cqli_host_forget(cqli_host *h) {
  for (uint32_t i = 0; i < h->core->settings->config.connections; i++)
    if (h->shared[i].conn != NULL) cqli_conn_forget(h->shared[i].conn);
}

void cqli_core_flush(cqli_core *core) {
  while (core->dirty != NULL) {
    cqli_link *l = core->dirty;
    core->dirty = l->next_dirty;
    l->is_dirty = false;
    if (l->conn != NULL) cqli_conn_flush(l->conn);
  }
}
