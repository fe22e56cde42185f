/* topology.c: datacenters and racks get numbers, and know how many nodes of theirs can hold replicas.
 *
 * Names are compared one by one: a cluster has a few datacenters, and a datacenter a few racks. */
#include "client/map_int.h"

#include <string.h>

/* The number of name among *count names, with a new one for a new name. */
static uint16_t number_of(const char **names, uint32_t *count, const char *name) {
  uint32_t i = 0;
  while (i < *count && strcmp(names[i], name) != 0) i++;
  if (i == *count) names[(*count)++] = name;
  return (uint16_t)i;
}

static cql_status number_dcs(cqli_topology *t, cql_arena *a, const cqli_node *nodes, uint32_t count) {
  const char **names = cql_arena_array(a, count, sizeof *names);
  t->dc_of = cql_arena_array(a, count, sizeof *t->dc_of);
  if (names == NULL || t->dc_of == NULL) return CQL_NOMEM;
  for (uint32_t i = 0; i < count; i++) t->dc_of[i] = number_of(names, &t->dc_count, nodes[i].dc);
  t->dcs = cql_arena_zero(a, t->dc_count * sizeof *t->dcs);
  if (t->dcs == NULL) return CQL_NOMEM;
  for (uint32_t i = 0; i < t->dc_count; i++) t->dcs[i].name = names[i];
  return CQL_OK;
}

static cql_status list_nodes(cqli_topology *t, cql_arena *a, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) t->dcs[t->dc_of[i]].node_count++;
  for (uint32_t i = 0; i < t->dc_count; i++) {
    t->dcs[i].nodes = cql_arena_array(a, t->dcs[i].node_count, sizeof *t->dcs[i].nodes);
    if (t->dcs[i].nodes == NULL) return CQL_NOMEM;
    t->dcs[i].node_count = 0;
  }
  for (uint32_t i = 0; i < count; i++) {
    cqli_dc *dc = &t->dcs[t->dc_of[i]];
    dc->nodes[dc->node_count++] = (uint16_t)i;
  }
  return CQL_OK;
}

/* Numbers the racks of one datacenter. A node without a rack is in the one without a name. */
static void number_racks(cqli_topology *t, cqli_dc *dc, const char **names, const cqli_node *nodes, const bool *owns) {
  for (uint32_t i = 0; i < dc->node_count; i++) {
    uint16_t node = dc->nodes[i];
    if (!owns[node]) continue;
    dc->owner_count++;
    t->rack_of[node] = (uint16_t)(t->rack_count + number_of(names, &dc->rack_count, nodes[node].rack));
  }
  t->rack_count += dc->rack_count;
  t->owner_count += dc->owner_count;
}

cql_status cqli_topology_build(cqli_topology *out, cql_arena *a, const cqli_node *nodes, uint32_t count,
                               const cqli_ring *ring) {
  *out = (cqli_topology){0};
  if (number_dcs(out, a, nodes, count) != CQL_OK || list_nodes(out, a, count) != CQL_OK) return CQL_NOMEM;
  const char **names = cql_arena_array(a, count, sizeof *names);
  bool *owns = cql_arena_zero(a, count * sizeof *owns);
  out->rack_of = cql_arena_zero(a, count * sizeof *out->rack_of);
  if (names == NULL || owns == NULL || out->rack_of == NULL) return CQL_NOMEM;
  for (uint32_t i = 0; i < ring->count; i++) owns[ring->owners[i]] = true;
  for (uint32_t i = 0; i < out->dc_count; i++) number_racks(out, &out->dcs[i], names, nodes, owns);
  return CQL_OK;
}

const cqli_dc *cqli_topology_dc(const cqli_topology *t, cql_slice name) {
  for (uint32_t i = 0; i < t->dc_count; i++)
    if (cql_slice_eq_str(name, t->dcs[i].name)) return &t->dcs[i];
  return NULL;
}
