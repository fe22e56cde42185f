#include "client/client_int.h"

#include <string.h>

cqli_view *cqli_view_get(cqli_core *core) {
  cql_lock_take(&core->lock);
  cqli_view *v = core->view;
  if (v != NULL) v->refs++;
  cql_lock_drop(&core->lock);
  return v;
}

/* The lock is held. */
static void drop(cqli_core *core, cqli_view *v) {
  if (--v->refs > 0) return;
  for (uint32_t i = 0; i < v->count; i++)
    if (v->hosts[i] != NULL) cqli_host_release(v->hosts[i]);
  cqli_map_release(v->map);
  cql_alloc_free(core->alloc, v->hosts, (v->count + 1) * sizeof(cqli_host *));
  cql_alloc_free(core->alloc, v, sizeof *v);
}

void cqli_view_drop(cqli_core *core, cqli_view *v) {
  if (v != NULL) drop(core, v);
}

void cqli_view_put(cqli_core *core, cqli_view *v) {
  if (v == NULL) return;
  cql_lock_take(&core->lock);
  drop(core, v);
  cql_lock_drop(&core->lock);
}

/* --- publishing --------------------------------------------------------------------------------------------------- */

static cqli_host *host_at(cqli_core *core, const cqli_address *address) {
  cqli_host *h = core->hosts;
  while (h != NULL && !cqli_address_eq(&h->address, address)) h = h->next;
  return h;
}

static bool is_local(const cqli_core *core, const cqli_node *node) {
  return strcmp(node->dc, core->local_dc) == 0;
}

/* The hosts of the local nodes: those that we have, and new ones, which are not started yet. */
static cql_status find_hosts(cqli_core *core, cqli_view *v, const cqli_map *map) {
  for (uint32_t i = 0; i < v->count; i++) {
    const cqli_node *node = cqli_map_node(map, i);
    if (!is_local(core, node)) continue;
    cqli_host *h = host_at(core, &node->address);
    cql_status st = CQL_OK;
    if (h == NULL) st = cqli_host_new(core, &node->address, &h);
    if (st != CQL_OK) return st;
    cql_lock_take(&core->lock);
    h->refs++;
    cql_lock_drop(&core->lock);
    v->hosts[i] = h;
  }
  return CQL_OK;
}

static bool has_host(const cqli_view *v, const cqli_host *h) {
  for (uint32_t i = 0; i < v->count; i++)
    if (v->hosts[i] == h) return true;
  return false;
}

/* Hosts that have left go, the new ones begin to connect. */
static void reconcile(cqli_core *core, const cqli_view *v) {
  cqli_host *next;
  for (cqli_host *h = core->hosts; h != NULL; h = next) {
    next = h->next;
    if (has_host(v, h))
      cqli_host_start(h);
    else
      cqli_host_remove(h);
  }
}

cql_status cqli_view_publish(cqli_core *core, cqli_map *map) {
  cqli_view *v = cql_alloc_new(core->alloc, sizeof *v);
  if (v == NULL) return CQL_NOMEM;
  v->refs = 1;
  v->count = cqli_map_node_count(map);
  v->hosts = cql_alloc_new(core->alloc, (v->count + 1) * sizeof *v->hosts);
  if (v->hosts == NULL) {
    cql_alloc_free(core->alloc, v, sizeof *v);
    return CQL_NOMEM;
  }
  v->map = cqli_map_retain(map);
  cql_status st = find_hosts(core, v, map);
  if (st != CQL_OK) {
    cqli_view_put(core, v);
    return st;
  }
  cqli_map_release(map);
  cql_lock_take(&core->lock);
  cqli_view *old = core->view;
  core->view = v;
  cql_lock_drop(&core->lock);
  reconcile(core, v);
  cqli_view_put(core, old);
  return CQL_OK;
}

/* --- planning ----------------------------------------------------------------------------------------------------- */

enum { SPEAKS, IS_SILENT, IS_DOWN, RANK_COUNT };

static int rank(const cqli_view *v, uint16_t node) {
  const cqli_host *h = v->hosts[node];
  if (h == NULL || atomic_load_explicit(&h->open_count, memory_order_relaxed) == 0) return IS_DOWN;
  return atomic_load_explicit(&h->is_silent, memory_order_relaxed) ? IS_SILENT : SPEAKS;
}

uint32_t cqli_view_plan(const cqli_core *core, const cqli_view *v, const cqli_route *route, bool in_ring_order,
                        uint64_t random, uint16_t out[CQLI_CALL_NODES_MAX]) {
  uint16_t all[CQLI_PLAN_MAX];
  cqli_plan_question q = {route->has_token ? route->keyspace : NULL, route->token, core->local_dc, in_ring_order,
                          random};
  uint32_t found = cqli_plan_fill(v->map, &q, all, CQLI_PLAN_MAX), count = 0;
  int ranks[CQLI_PLAN_MAX];
  for (uint32_t i = 0; i < found; i++) ranks[i] = rank(v, all[i]); /* once: it may change on the way */
  for (int wanted = SPEAKS; wanted < RANK_COUNT; wanted++)
    for (uint32_t i = 0; i < found && count < CQLI_CALL_NODES_MAX; i++)
      if (ranks[i] == wanted) out[count++] = all[i];
  return count;
}
