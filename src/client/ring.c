/* ring.c: the tokens of all nodes in order, and who comes after a given one. */
#include "client/map_int.h"

#include <stdlib.h>

typedef struct place {
  int64_t token;
  uint16_t owner;
} place;

static int cmp_places(const void *x, const void *y) {
  const place *p = x, *q = y;
  if (p->token != q->token) return p->token < q->token ? -1 : 1;
  return (int)p->owner - (int)q->owner;
}

static uint64_t count_tokens(const cqli_node *nodes, uint32_t count) {
  uint64_t total = 0;
  for (uint32_t i = 0; i < count; i++) total += nodes[i].token_count;
  return total;
}

static void gather(place *places, const cqli_node *nodes, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    for (uint32_t t = 0; t < nodes[i].token_count; t++) *places++ = (place){nodes[i].tokens[t], (uint16_t)i};
}

static cql_status copy_unique(cqli_ring *out, cql_arena *a, const place *places, size_t total) {
  int64_t *tokens = cql_arena_array(a, total, sizeof *tokens);
  uint16_t *owners = cql_arena_array(a, total, sizeof *owners);
  if (tokens == NULL || owners == NULL) return CQL_NOMEM;
  uint32_t n = 0;
  for (size_t i = 0; i < total; i++) {
    if (n > 0 && tokens[n - 1] == places[i].token) continue;
    tokens[n] = places[i].token;
    owners[n++] = places[i].owner;
  }
  *out = (cqli_ring){tokens, owners, n};
  return CQL_OK;
}

cql_status cqli_ring_build(cqli_ring *out, cql_arena *a, const cql_alloc *alloc, const cqli_node *nodes,
                           uint32_t count) {
  uint64_t total = count_tokens(nodes, count);
  *out = (cqli_ring){NULL, NULL, 0};
  if (total == 0) return CQL_OK;
  if (total > UINT32_MAX / sizeof(place)) return CQL_NOMEM;
  size_t size = (size_t)total * sizeof(place);
  place *places = cql_alloc_new(alloc, size);
  if (places == NULL) return CQL_NOMEM;
  gather(places, nodes, count);
  qsort(places, (size_t)total, sizeof *places, cmp_places);
  cql_status st = copy_unique(out, a, places, (size_t)total);
  cql_alloc_free(alloc, places, size);
  return st;
}

uint32_t cqli_ring_find(const cqli_ring *r, int64_t token) {
  uint32_t from = 0, to = r->count;
  while (from < to) {
    uint32_t middle = from + (to - from) / 2;
    if (r->tokens[middle] < token)
      from = middle + 1;
    else
      to = middle;
  }
  return from == r->count ? 0 : from;
}
