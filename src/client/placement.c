/* placement.c: which nodes hold each token, for a whole ring at once; as SimpleStrategy.java and
 * NetworkTopologyStrategy.java say it of one token.
 *
 * They walk the ring from the token on and take nodes: in SimpleStrategy the first ones; in NetworkTopologyStrategy,
 * for each datacenter by itself, the first one of each rack, and of racks that were met already only as many as there
 * are replicas more than racks. With 256 tokens a node that walk is long wherever a rack or a datacenter is small, and
 * there are a quarter of a million walks in a thousand nodes.
 *
 * So the ring is gone through once, backwards, and nodes are kept in the order in which a walk from here would meet
 * them: a step back moves one node to the front of its rack, and that rack to the front of its datacenter. The nodes to
 * take stand at the front then. A first round, of which nothing is written, fills the order with what lies behind the
 * end of the ring, which is its beginning.
 *
 * Cost: tokens × replicas, times racks in a datacenter with fewer racks than replicas. 256,000 tokens: 3 replicas take
 * 15 to 20 ms and 1.5 MB, 5 in each of three datacenters of 4 racks 150 ms and 7.7 MB; once for each replication of
 * which somebody asks (test_map.c prints it).
 */
#include "client/map_int.h"

#include <string.h>

enum { NONE = 0xFFFF };
#define WORK_MAX ((uint64_t)1 << 28) /* steps, as above: about a second */

/* Lists of small numbers, each in at most one list; to_front() is their one operation. */
typedef struct chains {
  uint16_t *head;        /* by list */
  uint16_t *next, *prev; /* by number */
} chains;

typedef struct sweep {
  const cqli_replication *p;
  const cqli_topology *t;
  bool is_anywhere; /* one share, one rack */
  uint16_t *share_of_dc;
  chains nodes;      /* a list for each rack */
  chains racks;      /* a list for each share */
  uint16_t *cursors; /* by rack; choose() alone uses it */
  uint32_t *met;     /* by node: when; more is nearer */
  uint32_t now;
  uint16_t **chosen; /* by share: its replicas from here on, the nearest first */
  uint32_t *taken;   /* by share; emit() alone uses it */
} sweep;

static bool chains_init(chains *c, cql_arena *a, uint32_t lists, uint32_t numbers) {
  c->head = cql_arena_array(a, lists, sizeof *c->head);
  c->next = cql_arena_array(a, numbers, sizeof *c->next);
  c->prev = cql_arena_array(a, numbers, sizeof *c->prev);
  if (c->head == NULL || c->next == NULL || c->prev == NULL) return false;
  for (uint32_t i = 0; i < lists; i++) c->head[i] = NONE;
  for (uint32_t i = 0; i < numbers; i++) c->next[i] = c->prev[i] = NONE;
  return true;
}

static void to_front(chains *c, uint16_t list, uint16_t number) {
  uint16_t first = c->head[list], before = c->prev[number], behind = c->next[number];
  if (first == number) return;
  if (before != NONE) c->next[before] = behind;
  if (behind != NONE) c->prev[behind] = before;
  c->prev[number] = NONE;
  c->next[number] = first;
  if (first != NONE) c->prev[first] = number;
  c->head[list] = number;
}

static uint32_t racks_of(const sweep *s, const cqli_share *share) {
  return s->is_anywhere ? 1 : s->t->dcs[share->dc].rack_count;
}

/* --- one step ----------------------------------------------------------------------------------------------------- */

/* Returns the share whose order changed, or NONE: the node's datacenter has no replicas. */
static uint16_t meet(sweep *s, uint16_t node) {
  uint16_t share = s->is_anywhere ? 0 : s->share_of_dc[s->t->dc_of[node]];
  uint16_t rack = s->is_anywhere ? 0 : s->t->rack_of[node];
  if (share == NONE) return NONE;
  s->met[node] = ++s->now;
  to_front(&s->nodes, rack, node);
  to_front(&s->racks, share, rack);
  return share;
}

/* The rack whose next node is the nearest. Nodes that are not the first of their rack count only if repeats. */
static uint16_t nearest_rack(const sweep *s, uint16_t share, bool repeats) {
  uint16_t best = NONE;
  for (uint16_t rack = s->racks.head[share]; rack != NONE; rack = s->racks.next[rack]) {
    uint16_t node = s->cursors[rack];
    if (node == NONE || (!repeats && node != s->nodes.head[rack])) continue;
    if (best == NONE || s->met[node] > s->met[s->cursors[best]]) best = rack;
  }
  return best;
}

/* Fewer racks than replicas: all racks, and the nearest of what is left. */
static void choose_from_all_racks(sweep *s, uint16_t share, uint32_t factor, uint32_t repeats) {
  for (uint16_t rack = s->racks.head[share]; rack != NONE; rack = s->racks.next[rack])
    s->cursors[rack] = s->nodes.head[rack];
  for (uint32_t i = 0; i < factor; i++) {
    uint16_t rack = nearest_rack(s, share, repeats > 0); /* there is one: factor is at most the owners */
    uint16_t node = s->cursors[rack];
    if (node != s->nodes.head[rack]) repeats--;
    s->cursors[rack] = s->nodes.next[node];
    s->chosen[share][i] = node;
  }
}

static void choose(sweep *s, uint16_t share) {
  const cqli_share *sh = &s->p->shares[share];
  uint32_t racks = racks_of(s, sh);
  if (sh->factor > racks) {
    choose_from_all_racks(s, share, sh->factor, sh->factor - racks);
    return;
  }
  uint16_t rack = s->racks.head[share];
  for (uint32_t i = 0; i < sh->factor; i++, rack = s->racks.next[rack]) s->chosen[share][i] = s->nodes.head[rack];
}

/* Writes the replicas of one place: those of all shares, the nearest first. */
static void emit(sweep *s, uint16_t *out) {
  const cqli_replication *p = s->p;
  memset(s->taken, 0, p->share_count * sizeof *s->taken);
  for (uint32_t i = 0; i < p->width; i++) {
    uint32_t best = NONE;
    for (uint32_t k = 0; k < p->share_count; k++)
      if (s->taken[k] < p->shares[k].factor &&
          (best == NONE || s->met[s->chosen[k][s->taken[k]]] > s->met[s->chosen[best][s->taken[best]]]))
        best = k;
    out[i] = s->chosen[best][s->taken[best]++];
  }
}

/* --- the whole ring ----------------------------------------------------------------------------------------------- */

static bool sweep_init(sweep *s, cql_arena *a, uint32_t node_count) {
  const cqli_replication *p = s->p;
  uint32_t racks = s->is_anywhere ? 1 : s->t->rack_count;
  s->share_of_dc = cql_arena_array(a, s->t->dc_count, sizeof *s->share_of_dc);
  s->cursors = cql_arena_array(a, racks, sizeof *s->cursors);
  s->met = cql_arena_array(a, node_count, sizeof *s->met);
  s->chosen = cql_arena_array(a, p->share_count, sizeof *s->chosen);
  s->taken = cql_arena_array(a, p->share_count, sizeof *s->taken);
  if (!chains_init(&s->nodes, a, racks, node_count) || !chains_init(&s->racks, a, p->share_count, racks) || a->failed)
    return false;
  for (uint32_t i = 0; i < s->t->dc_count; i++) s->share_of_dc[i] = NONE;
  for (uint32_t i = 0; i < p->share_count; i++) {
    if (!s->is_anywhere) s->share_of_dc[p->shares[i].dc] = (uint16_t)i;
    s->chosen[i] = cql_arena_array(a, p->shares[i].factor, sizeof **s->chosen);
  }
  return !a->failed;
}

static uint64_t work(const sweep *s, const cqli_ring *ring) {
  uint64_t each = (uint64_t)s->p->width * s->p->share_count;
  for (uint32_t i = 0; i < s->p->share_count; i++) {
    uint64_t factor = s->p->shares[i].factor, racks = racks_of(s, &s->p->shares[i]);
    each += factor > racks ? factor * racks : factor;
  }
  return each * ring->count;
}

cql_status cqli_place(const cqli_replication *p, const cqli_ring *ring, const cqli_topology *t, uint32_t node_count,
                      const cql_alloc *alloc, uint16_t *lists) {
  cql_arena a;
  cql_status st = CQL_OK;
  sweep s = {.p = p, .t = t, .is_anywhere = p->shares[0].dc == CQLI_ANYWHERE};
  cql_arena_init(&a, alloc, CQL_ARENA_LIMIT_DEFAULT);
  CQL_CHECK(work(&s, ring) <= WORK_MAX, CQL_LIMIT);
  CQL_CHECK(sweep_init(&s, &a, node_count), CQL_NOMEM);
  for (uint32_t i = ring->count; i-- > 0;) meet(&s, ring->owners[i]);
  for (uint32_t i = 0; i < p->share_count; i++) choose(&s, (uint16_t)i);
  for (uint32_t i = ring->count; i-- > 0;) {
    uint16_t share = meet(&s, ring->owners[i]);
    if (share != NONE) choose(&s, share);
    emit(&s, lists + (size_t)i * p->width);
  }
done:
  cql_arena_free(&a);
  return st;
}
