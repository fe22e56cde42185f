/* test_plan.c: which nodes a request asks: each of the local datacenter once, replicas first. */
#include <string.h>

#include "cluster.h"

enum { NODES = 60 };

typedef struct setting {
  cluster c;
  cqli_map *m;
  rng r;
} setting;

/* Two thirds of the nodes are in dc1. */
static int set_up(void **state) {
  static setting s;
  s.r = (rng){20260105};
  cluster_init(&s.c);
  for (int i = 0; i < NODES; i++) cluster_add_random(&s.c, &s.r, i % 3 == 0 ? "dc2" : "dc1", "r1", 8);
  cql_result *rows = keyspaces_new();
  keyspaces_put(rows, "ks", "{'class': 'NetworkTopologyStrategy', 'dc1': '3', 'dc2': '2'}");
  assert_int_equal(cqli_map_new(&s.m, &cql_alloc_libc, s.c.nodes, s.c.count, rows, NULL), CQL_OK);
  cql_result_free(rows);
  *state = &s;
  return 0;
}

static int tear_down(void **state) {
  setting *s = *state;
  cqli_map_release(s->m);
  cluster_free(&s->c);
  return 0;
}

static bool is_replica(const setting *s, int64_t token, uint16_t node) {
  const uint16_t *replicas;
  uint32_t count;
  cqli_map_replicas(s->m, "ks", token, &replicas, &count);
  for (uint32_t i = 0; i < count; i++)
    if (replicas[i] == node) return true;
  return false;
}

static void assert_each_once(const setting *s, const char *dc, const uint16_t *plan, uint32_t count) {
  uint32_t seen[NODES] = {0};
  for (uint32_t i = 0; i < count; i++) seen[plan[i]]++;
  for (uint32_t i = 0; i < NODES; i++) assert_int_equal(seen[i], strcmp(s->c.nodes[i].dc, dc) == 0);
}

static void test_covers(void **state) {
  setting *s = *state;
  for (int round = 0; round < 500; round++) {
    uint16_t plan[CQLI_PLAN_MAX];
    bool is_local = round % 2 == 0;
    cqli_plan_question q = {.keyspace = round % 5 == 0 ? NULL : "ks",
                            .token = (int64_t)rng_next(&s->r),
                            .local_dc = is_local ? "dc1" : "dc2",
                            .in_ring_order = round % 3 == 0,
                            .random = rng_next(&s->r)};
    uint32_t count = cqli_plan_fill(s->m, &q, plan, CQLI_PLAN_MAX);
    assert_int_equal(count, is_local ? 40 : 20);
    assert_each_once(s, q.local_dc, plan, count);
    if (q.keyspace == NULL) continue;
    for (uint32_t i = 0; i < count; i++) assert_int_equal(is_replica(s, q.token, plan[i]), i < (is_local ? 3U : 2U));
  }
}

/* Conditional statements: whatever the chance, the same replica is first, and all in the order of the ring. */
static void test_ring_order(void **state) {
  setting *s = *state;
  for (int round = 0; round < 100; round++) {
    uint16_t plan[3];
    const uint16_t *replicas;
    uint32_t count, n = 0;
    cqli_plan_question q = {"ks", (int64_t)rng_next(&s->r), "dc1", true, rng_next(&s->r)};
    assert_int_equal(cqli_plan_fill(s->m, &q, plan, 3), 3);
    cqli_map_replicas(s->m, "ks", q.token, &replicas, &count);
    for (uint32_t i = 0; i < count; i++)
      if (strcmp(s->c.nodes[replicas[i]].dc, "dc1") == 0) assert_int_equal(plan[n++], replicas[i]);
  }
}

/* 12,000 requests: each of 3 replicas, or of 40 nodes, is first about as often as any other (5 standard deviations). */
static void test_spreads(void **state) {
  setting *s = *state;
  uint32_t firsts[NODES] = {0}, seconds[NODES] = {0}, rounds[NODES] = {0};
  for (uint64_t i = 0; i < 12000; i++) { /* a counter is chance enough */
    uint16_t plan[2];
    assert_int_equal(cqli_plan_fill(s->m, &(cqli_plan_question){"ks", 42, "dc1", false, i}, plan, 2), 2);
    firsts[plan[0]]++;
    seconds[plan[1]]++;
    assert_int_equal(cqli_plan_fill(s->m, &(cqli_plan_question){NULL, 0, "dc1", false, i}, plan, 2), 2);
    rounds[plan[0]]++;
  }
  for (uint16_t i = 0; i < NODES; i++) {
    bool is_local = strcmp(s->c.nodes[i].dc, "dc1") == 0, is_first = is_local && is_replica(s, 42, i);
    assert_in_range(firsts[i], is_first ? 4000 - 260 : 0, is_first ? 4000 + 260 : 0);
    assert_in_range(seconds[i], is_first ? 4000 - 260 : 0, is_first ? 4000 + 260 : 0);
    assert_in_range(rounds[i], is_local ? 300 - 86 : 0, is_local ? 300 + 86 : 0);
  }
}

static void test_room(void **state) {
  setting *s = *state;
  uint16_t plan[6] = {9999, 9999, 9999, 9999, 9999, 9999};
  for (uint32_t room = 0; room <= 5; room++) {
    assert_int_equal(cqli_plan_fill(s->m, &(cqli_plan_question){"ks", 1, "dc1", false, 3}, plan, room), room);
    assert_int_equal(plan[room], 9999);
  }
  assert_int_equal(cqli_plan_fill(s->m, &(cqli_plan_question){"ks", 1, "dc3", false, 3}, plan, 5), 0);
  assert_int_equal(cqli_plan_fill(s->m, &(cqli_plan_question){"ks", 1, "", false, 3}, plan, 5), 0);
  assert_int_equal(cqli_plan_fill(s->m, &(cqli_plan_question){"unknown", 1, "dc2", false, 3}, plan, 5), 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_covers),
      cmocka_unit_test(test_ring_order),
      cmocka_unit_test(test_spreads),
      cmocka_unit_test(test_room),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
