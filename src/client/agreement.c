/* agreement.c: after a schema change of our own, its caller goes on when the nodes that it may ask next have the same
 * schema. The node that made the change is asked first: it alone is sure to know of it. What it has heard of the others
 * comes by gossip, about a second late; so those that it believes to be behind are asked themselves. A node that is
 * down does not hold anybody up: it learns the schema before it answers again.
 */
#include "client/client_int.h"

#include <string.h>

struct cqli_agreement {
  cqli_core *core;
  cqli_call *call; /* NULL: it has ended otherwise */
  cqli_host *host; /* that made the change; held */
  cqli_node local;
  uint32_t unanswered; /* questions; this lives until all are answered */
  bool is_behind;      /* one of the others, as it says itself */
  uint64_t pause_ms;   /* until they are asked again */
};

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
  if (g->unanswered == 0) destroy(g);
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

/* What others are told of h. NULL: nothing, or h does not say which schema it has. */
static const cqli_node *find(const cqli_host *h, const cqli_node *peers, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (peers[i].has_schema_version && cqli_address_eq(&h->address, &peers[i].address)) return &peers[i];
  return NULL;
}

static bool have_one_schema(const cqli_node *a, const cqli_node *b) {
  return memcmp(a->schema_version, b->schema_version, sizeof a->schema_version) == 0;
}

static bool is_alone(const cqli_core *core) {
  uint32_t count = 0;
  for (cqli_host *h = core->hosts; h != NULL; h = h->next) count += may_be_asked(h);
  return count < 2;
}

/* --- asking ------------------------------------------------------------------------------------------------------- */

static void ask_later(cqli_agreement *g) {
  uint64_t pause_ms = g->pause_ms;
  g->pause_ms = pause_ms * 2 < CQLI_AGREEMENT_POLL_MS ? pause_ms * 2 : CQLI_AGREEMENT_POLL_MS;
  if (cqli_timer_start(g->core, &g->call->poll, pause_ms) != CQL_OK)
    cqli_agreement_end(g->call, "Out of memory while waiting for the nodes to agree on the schema");
}

static bool ask(cqli_agreement *g, cqli_host *h, const char *query, cqli_reply *reply) {
  cqli_link *l = cqli_host_pick(h);
  if (l == NULL || cqli_ask(g->core, l->conn, query, reply, g) != CQL_OK) return false;
  cqli_link_flush_later(l);
  g->unanswered++;
  return true;
}

/* One question was answered. False: the call has ended meanwhile, and g may be gone. */
static bool is_wanted(cqli_agreement *g) {
  g->unanswered--;
  if (g->call != NULL) return true;
  if (g->unanswered == 0) destroy(g);
  return false;
}

static void count_up(cqli_agreement *g) {
  if (g->unanswered > 0) return;
  if (g->is_behind)
    ask_later(g);
  else
    cqli_agreement_end(g->call, NULL);
}

static bool read_local(cqli_core *core, cql_result *rows, const cqli_host *h, cqli_node *out) {
  bool is_read = rows != NULL && cqli_nodes_read_local(&core->scratch, rows, &h->address, out, NULL) == CQL_OK;
  cql_result_free(rows);
  return is_read;
}

static void on_other(cqli_core *core, void *user, cql_result *rows, const cql_error *err) {
  cqli_agreement *g = user;
  cqli_node other;
  (void)err;
  bool is_read = read_local(core, rows, g->host, &other); /* whose address it is does not matter */
  if (!is_wanted(g)) return;
  g->is_behind |= !is_read || !have_one_schema(&other, &g->local);
  count_up(g);
}

static void ask_others(cqli_agreement *g, const cqli_node *peers, uint32_t count) {
  g->is_behind = false;
  for (cqli_host *h = g->core->hosts; h != NULL; h = h->next) {
    const cqli_node *peer = may_be_asked(h) ? find(h, peers, count) : NULL;
    if (peer == NULL || have_one_schema(peer, &g->local)) continue;
    if (!ask(g, h, cqli_query_local, on_other)) g->is_behind = true;
  }
  count_up(g);
}

static void on_peers(cqli_core *core, void *user, cql_result *rows, const cql_error *err) {
  cqli_agreement *g = user;
  cqli_node *peers = NULL;
  uint32_t count = 0;
  (void)err;
  bool is_read =
      rows != NULL && cqli_nodes_read_peers(&core->scratch, rows, &g->host->address, &peers, &count, NULL) == CQL_OK;
  cql_result_free(rows);
  if (!is_wanted(g)) return;
  if (is_read)
    ask_others(g, peers, count);
  else
    ask_later(g);
}

static void on_local(cqli_core *core, void *user, cql_result *rows, const cql_error *err) {
  cqli_agreement *g = user;
  (void)err;
  bool is_read = read_local(core, rows, g->host, &g->local);
  if (!is_wanted(g)) return;
  const char *query = core->control.has_no_peers_v2 ? cqli_query_peers : cqli_query_peers_v2;
  if (!is_read || !ask(g, g->host, query, on_peers)) ask_later(g);
}

static void ask_all(cqli_agreement *g) {
  if (!ask(g, g->host, cqli_query_local, on_local)) ask_later(g);
}

static void on_poll(cqli_core *core, cqli_timer *t) {
  (void)core;
  cqli_call *call = (cqli_call *)((char *)t - offsetof(cqli_call, poll));
  ask_all(call->agreement);
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
  *g = (cqli_agreement){.core = core, .call = call, .host = host, .pause_ms = CQLI_AGREEMENT_FIRST_POLL_MS};
  cql_lock_take(&core->lock);
  host->refs++;
  cql_lock_drop(&core->lock);
  call->agreement = g;
  call->poll.fire = on_poll;
  ask_all(g);
}
