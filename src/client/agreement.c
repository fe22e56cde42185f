/* agreement.c: after a schema change of our own, its caller goes on when the nodes that we are connected to have the
 * same schema. A node that is down does not hold anybody up: it learns the schema before it answers again.
 */
#include "client/client_int.h"

#include <string.h>

static void ask_local(cqli_core *core);

static void poll_later(cqli_core *core) {
  cqli_control *k = &core->control;
  if (k->agreements == NULL || k->agreement.deadline.place != 0) return;
  if (cqli_timer_start(core, &k->agreement, CQLI_AGREEMENT_POLL_MS) != CQL_OK)
    while (k->agreements != NULL) cqli_agreement_end(k->agreements, "out of memory while waiting for the nodes");
}

/* Hands on the answer that was held back; words NULL: the nodes agree. */
void cqli_agreement_end(cqli_call *call, const char *words) {
  cql_outcome outcome = {.status = CQL_OK, .result = call->held};
  call->held = NULL;
  cqli_agreement_drop(call);
  if (words != NULL) cqli_result_warn(outcome.result, words);
  cqli_call_finish(call, &outcome);
}

void cqli_agreement_drop(cqli_call *call) {
  if (!call->is_agreeing) return;
  call->is_agreeing = false;
  for (cqli_call **at = &call->core->control.agreements; *at != NULL; at = &(*at)->next_agreement) {
    if (*at != call) continue;
    *at = call->next_agreement;
    return;
  }
}

static bool is_connected(cqli_core *core, const cqli_address *address) {
  for (cqli_host *h = core->hosts; h != NULL; h = h->next)
    if (cqli_address_eq(&h->address, address)) return atomic_load(&h->open_count) > 0;
  return false;
}

static bool agree(cqli_core *core, const cqli_node *local, const cqli_node *peers, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    if (!peers[i].has_schema_version || !is_connected(core, &peers[i].address)) continue;
    if (memcmp(peers[i].schema_version, local->schema_version, sizeof local->schema_version) != 0) return false;
  }
  return true;
}

/* What changed after the question was asked waits for the next one. */
static void end_asked(cqli_control *k) {
  cqli_call *next;
  for (cqli_call *call = k->agreements; call != NULL; call = next) {
    next = call->next_agreement;
    if (call->is_asked) cqli_agreement_end(call, NULL);
  }
}

static void on_peers(cqli_core *core, cql_result *rows, const char *why) {
  cqli_control *k = &core->control;
  cqli_node *peers = NULL;
  uint32_t count = 0;
  (void)why;
  k->is_asking_agreement = false;
  cql_status st =
      rows == NULL ? CQL_MALFORMED : cqli_nodes_read_peers(&core->scratch, rows, k->self.port, &peers, &count, NULL);
  if (st != CQL_OK || !agree(core, &k->agreement_local, peers, count)) {
    poll_later(core);
    return;
  }
  end_asked(k);
  poll_later(core);
}

static void on_local(cqli_core *core, cql_result *rows, const char *why) {
  cqli_control *k = &core->control;
  (void)why;
  cql_status st =
      rows == NULL ? CQL_MALFORMED : cqli_nodes_read_local(&core->scratch, rows, &k->self, &k->agreement_local, NULL);
  if (st == CQL_OK) st = cqli_ask(core, k->has_no_peers_v2 ? cqli_query_peers : cqli_query_peers_v2, on_peers);
  if (st == CQL_OK) return;
  k->is_asking_agreement = false;
  poll_later(core);
}

static void ask_local(cqli_core *core) {
  cqli_control *k = &core->control;
  if (k->is_asking_agreement) return;
  for (cqli_call *call = k->agreements; call != NULL; call = call->next_agreement) call->is_asked = true;
  k->is_asking_agreement = k->is_open && cqli_ask(core, cqli_query_local, on_local) == CQL_OK;
  if (!k->is_asking_agreement) poll_later(core);
}

static void on_poll(cqli_core *core, cqli_timer *t) {
  (void)t;
  ask_local(core);
}

static uint32_t connected_count(const cqli_core *core) {
  uint32_t count = 0;
  for (cqli_host *h = core->hosts; h != NULL; h = h->next) count += atomic_load(&h->open_count) > 0;
  return count;
}

void cqli_agreement_wait(cqli_call *call, cql_result *result) {
  cqli_core *core = call->core;
  cqli_control *k = &core->control;
  call->held = result;
  call->is_agreeing = true;
  call->next_agreement = k->agreements;
  k->agreements = call;
  k->agreement.fire = on_poll;
  if (connected_count(core) < 2) {
    cqli_agreement_end(call, NULL);
    return;
  }
  cqli_timer_stop(core, &call->timeout);
  if (cqli_timer_start(core, &call->timeout, core->settings->config.agreement_timeout_ms) != CQL_OK)
    cqli_agreement_end(call, "out of memory while waiting for the nodes");
  else
    ask_local(core);
}
