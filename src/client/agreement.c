/* agreement.c: after a schema change of our own, its caller goes on when the nodes that it may ask next have the same
 * schema. The node that made the change is asked: it alone is sure to know of it. A node that is down does not hold
 * anybody up: it learns the schema before it answers again.
 */
#include "client/client_int.h"

#include <string.h>

struct cqli_agreement {
  cqli_core *core;
  cqli_call *call; /* NULL: it has ended otherwise */
  cqli_host *host; /* that made the change; held */
  cqli_node local;
  bool is_asking; /* an answer is outstanding, and this lives until it has come */
};

static void ask_local(cqli_agreement *g);

/* --- life --------------------------------------------------------------------------------------------------------- */

static void destroy(cqli_agreement *g) {
  cqli_core *core = g->core;
  cql_lock_take(&core->lock);
  cqli_host_release(g->host);
  cql_lock_drop(&core->lock);
  cql_alloc_free(core->alloc, g, sizeof *g);
}

void cqli_agreement_drop(cqli_call *call) {
  cqli_agreement *g = call->agreement;
  if (g == NULL) return;
  call->agreement = NULL;
  g->call = NULL;
  if (!g->is_asking) destroy(g);
}

/* Hands on the answer that was held back; words NULL: the nodes agree. */
void cqli_agreement_end(cqli_call *call, const char *words) {
  cql_outcome outcome;
  outcome.status = CQL_OK;
  outcome.result = call->held;
  call->held = NULL;
  cqli_agreement_drop(call);
  if (words != NULL) cqli_result_warn(outcome.result, words);
  cqli_call_finish(call, &outcome);
}

/* --- do they agree? ----------------------------------------------------------------------------------------------- */

/* Not down: connected, or only just being connected to. */
static bool may_be_asked(const cqli_host *h) {
  return atomic_load(&h->open_count) > 0 || !h->was_tried;
}

static bool counts(cqli_core *core, const cqli_address *address) {
  for (cqli_host *h = core->hosts; h != NULL; h = h->next)
    if (cqli_address_eq(&h->address, address)) return may_be_asked(h);
  return false;
}

static bool agree(cqli_core *core, const cqli_node *local, const cqli_node *peers, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    if (!peers[i].has_schema_version || !counts(core, &peers[i].address)) continue;
    if (memcmp(peers[i].schema_version, local->schema_version, sizeof local->schema_version) != 0) return false;
  }
  return true;
}

static bool is_alone(const cqli_core *core) {
  uint32_t count = 0;
  for (cqli_host *h = core->hosts; h != NULL; h = h->next) count += may_be_asked(h);
  return count < 2;
}

/* --- asking ------------------------------------------------------------------------------------------------------- */

static void ask_later(cqli_agreement *g) {
  if (cqli_timer_start(g->core, &g->call->poll, CQLI_AGREEMENT_POLL_MS) != CQL_OK)
    cqli_agreement_end(g->call, "Out of memory while waiting for the nodes to agree on the schema");
}

/* False: the call has ended meanwhile, and g is gone. */
static bool is_wanted(cqli_agreement *g) {
  if (g->call != NULL) return true;
  destroy(g);
  return false;
}

static void on_peers(cqli_core *core, void *user, cql_result *rows, const cql_error *err) {
  cqli_agreement *g = user;
  cqli_node *peers = NULL;
  uint32_t count = 0;
  (void)err;
  g->is_asking = false;
  bool is_read =
      rows != NULL && cqli_nodes_read_peers(&core->scratch, rows, &g->host->address, &peers, &count, NULL) == CQL_OK;
  cql_result_free(rows);
  if (!is_wanted(g)) return;
  if (is_read && agree(core, &g->local, peers, count))
    cqli_agreement_end(g->call, NULL);
  else
    ask_later(g);
}

static cqli_conn *conn_of(cqli_agreement *g) {
  cqli_link *l = cqli_host_pick(g->host);
  return l == NULL ? NULL : l->conn;
}

static void ask(cqli_agreement *g, const char *query, cqli_reply *reply) {
  cqli_conn *conn = conn_of(g);
  g->is_asking = conn != NULL && cqli_ask(g->core, conn, query, reply, g) == CQL_OK;
  if (g->is_asking)
    cqli_conn_flush(conn); /* if the connection ends with it, g may be gone */
  else
    ask_later(g);
}

static void on_local(cqli_core *core, void *user, cql_result *rows, const cql_error *err) {
  cqli_agreement *g = user;
  (void)err;
  g->is_asking = false;
  bool is_read =
      rows != NULL && cqli_nodes_read_local(&core->scratch, rows, &g->host->address, &g->local, NULL) == CQL_OK;
  cql_result_free(rows);
  if (!is_wanted(g)) return;
  if (is_read)
    ask(g, core->control.has_no_peers_v2 ? cqli_query_peers : cqli_query_peers_v2, on_peers);
  else
    ask_later(g);
}

static void ask_local(cqli_agreement *g) {
  ask(g, cqli_query_local, on_local);
}

static void on_poll(cqli_core *core, cqli_timer *t) {
  (void)core;
  cqli_call *call = (cqli_call *)((char *)t - offsetof(cqli_call, poll));
  ask_local(call->agreement);
}

void cqli_agreement_wait(cqli_call *call, cqli_host *host, cql_result *result) {
  cqli_core *core = call->core;
  cqli_call_settle(call);
  call->held = result;
  if (is_alone(core)) {
    cqli_agreement_end(call, NULL);
    return;
  }
  cqli_agreement *g = cql_alloc_new(core->alloc, sizeof *g);
  cqli_timer_stop(core, &call->timeout);
  if (g == NULL || cqli_timer_start(core, &call->timeout, core->settings->config.agreement_timeout_ms) != CQL_OK) {
    cql_alloc_free(core->alloc, g, sizeof *g);
    cqli_agreement_end(call, "Out of memory while waiting for the nodes to agree on the schema");
    return;
  }
  *g = (cqli_agreement){.core = core, .call = call, .host = host};
  cql_lock_take(&core->lock);
  host->refs++;
  cql_lock_drop(&core->lock);
  call->agreement = g;
  call->poll.fire = on_poll;
  ask_local(g);
}
