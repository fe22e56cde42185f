/* plan.c: which nodes one request asks, in which order. */
#include "client/map_int.h"

#include <string.h>

/* Chance out of one number: an even one below n, and another each time (splitmix64; Lemire's multiply and shift). */
static uint32_t below(uint64_t *random, uint32_t n) {
  uint64_t z = *random += 0x9E3779B97F4A7C15ULL;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ z >> 27) * 0x94D049BB133111EBULL;
  z ^= z >> 31;
  return (uint32_t)((z >> 32) * n >> 32);
}

static void shuffle(uint16_t *nodes, uint32_t count, uint64_t *random) {
  for (uint32_t i = count; i > 1; i--) {
    uint32_t k = below(random, i);
    uint16_t swapped = nodes[k];
    nodes[k] = nodes[i - 1];
    nodes[i - 1] = swapped;
  }
}

/* Replicas in the datacenter, in the order of the ring; each is marked. */
static uint32_t find_replicas(const cqli_map *m, const cqli_plan_question *q, uint16_t dc, uint8_t *marks,
                              uint16_t out[CQLI_PLAN_MAX]) {
  const uint16_t *replicas;
  uint32_t count, n = 0;
  if (q->keyspace == NULL) return 0;
  cqli_map_replicas(m, q->keyspace, q->token, &replicas, &count);
  for (uint32_t i = 0; i < count && n < CQLI_PLAN_MAX; i++) {
    if (m->topology.dc_of[replicas[i]] != dc) continue;
    out[n++] = replicas[i];
    marks[replicas[i] / 8] |= (uint8_t)(1 << replicas[i] % 8);
  }
  return n;
}

uint32_t cqli_plan_fill(const cqli_map *m, const cqli_plan_question *q, uint16_t *out, uint32_t room) {
  uint16_t replicas[CQLI_PLAN_MAX]; /* all of them, so that chance has the choice where there is little room */
  uint8_t marks[CQLI_NODES_MAX / 8 + 1];
  uint64_t random = q->random;
  const cqli_dc *dc = cqli_topology_dc(&m->topology, cql_slice_str(q->local_dc));
  if (dc == NULL) return 0;
  memset(marks, 0, m->node_count / 8 + 1);
  if (room > CQLI_PLAN_MAX) room = CQLI_PLAN_MAX;
  uint32_t n = find_replicas(m, q, (uint16_t)(dc - m->topology.dcs), marks, replicas);
  if (!q->in_ring_order) shuffle(replicas, n, &random);
  if (n > room) n = room;
  memcpy(out, replicas, n * sizeof *out);
  uint32_t at = below(&random, dc->node_count);
  for (uint32_t i = 0; i < dc->node_count && n < room; i++, at = at + 1 == dc->node_count ? 0 : at + 1) {
    uint16_t node = dc->nodes[at];
    if ((marks[node / 8] >> node % 8 & 1) == 0) out[n++] = node;
  }
  return n;
}
