/* test_map.c: who holds a token.
 *
 * tests/data/client/replicas.tsv was written by Cassandra's own classes (make_replicas_golden.py). Its lines are fields
 * between tabs:
 *
 *   C                                   a new cluster, without nodes
 *   N  datacenter  rack  token,token…   its next node
 *   K  strategy  name=value,…           the replication that is asked of from here on
 *   R  token  node,node…                the nodes, by number from 0, that hold token, in Cassandra's order
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cluster.h"

static cqli_map *map_of(const cluster *c, cql_result *keyspaces) {
  cqli_map *m;
  cql_error err = {0};
  if (cqli_map_new(&m, &cql_alloc_libc, c->nodes, c->count, keyspaces, &err) != CQL_OK) fail_msg("%s", err.message);
  return m;
}

static void print_replicas(char *out, size_t size, const cqli_map *m, const char *keyspace, int64_t token) {
  const uint16_t *replicas;
  uint32_t count;
  size_t len = 0;
  cqli_map_replicas(m, keyspace, token, &replicas, &count);
  out[0] = '\0';
  for (uint32_t i = 0; i < count; i++)
    len += (size_t)snprintf(out + len, size - len, "%s%d", i == 0 ? "" : ",", replicas[i]);
}

static void assert_replicas(const cqli_map *m, const char *keyspace, int64_t token, const char *expected) {
  char said[1024];
  print_replicas(said, sizeof said, m, keyspace, token);
  assert_string_equal(said, expected);
}

/* --- Cassandra's own answers -------------------------------------------------------------------------------------- */

enum { FIELDS_MAX = 4, TOKENS_MAX = 64 };

typedef struct golden {
  cluster c;
  cqli_map *m;
  uint32_t asked, line;
} golden;

static void new_cluster(golden *g) {
  cluster_free(&g->c);
  cluster_init(&g->c);
}

static void new_node(golden *g, const char *dc, const char *rack, char *list) {
  int64_t tokens[TOKENS_MAX];
  uint32_t n = 0;
  for (char *save, *text = strtok_r(list, ",", &save); text != NULL; text = strtok_r(NULL, ",", &save))
    tokens[n++] = strtoll(text, NULL, 10);
  cluster_add(&g->c, dc, rack, tokens, n);
}

static void new_strategy(golden *g, const char *strategy, char *options) {
  char literal[512];
  cql_result *rows = keyspaces_new();
  size_t len = (size_t)snprintf(literal, sizeof literal, "{'class': 'org.apache.cassandra.locator.%s'", strategy);
  for (char *save, *text = strtok_r(options, ",", &save); text != NULL; text = strtok_r(NULL, ",", &save)) {
    char *value = strchr(text, '=');
    *value++ = '\0';
    len += (size_t)snprintf(literal + len, sizeof literal - len, ", '%s': '%s'", text, value);
  }
  snprintf(literal + len, sizeof literal - len, "}");
  keyspaces_put(rows, "ks", literal);
  cqli_map_release(g->m);
  g->m = map_of(&g->c, rows);
  cql_result_free(rows);
}

static void ask(golden *g, const char *token, const char *expected) {
  char said[1024];
  print_replicas(said, sizeof said, g->m, "ks", strtoll(token, NULL, 10));
  if (strcmp(said, expected) != 0) fail_msg("line %u: %s instead of %s", g->line, said, expected);
  g->asked++;
}

static void replay(golden *g, char *line) {
  char *fields[FIELDS_MAX] = {"", "", "", ""};
  line[strcspn(line, "\n")] = '\0';
  for (int i = 0; i < FIELDS_MAX && line != NULL; i++) fields[i] = strsep(&line, "\t");
  switch (fields[0][0]) {
  case '#': break;
  case 'C': new_cluster(g); break;
  case 'N': new_node(g, fields[1], fields[2], fields[3]); break;
  case 'K': new_strategy(g, fields[1], fields[2]); break;
  case 'R': ask(g, fields[1], fields[2]); break;
  default: fail_msg("line %u is not understood", g->line);
  }
}

static void test_golden(void **state) {
  (void)state;
  char path[1024], *line = NULL;
  size_t cap = 0;
  golden g = {.m = NULL};
  cluster_init(&g.c);
  snprintf(path, sizeof path, "%s/replicas.tsv", getenv("CQL_TEST_DATA"));
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  while (getline(&line, &cap, file) >= 0) {
    g.line++;
    replay(&g, line);
  }
  fclose(file);
  free(line);
  cqli_map_release(g.m);
  cluster_free(&g.c);
  assert_true(g.asked > 3000);
}

/* --- larger clusters, beside a walk for each token ---------------------------------------------------------------- */

typedef struct walk {
  uint32_t left, repeats;
  const char *racks[16];
  uint32_t rack_count;
} walk;

static uint32_t racks_in(const cluster *c, const char *dc, uint32_t *nodes) {
  const char *racks[16];
  uint32_t count = 0;
  *nodes = 0;
  for (uint32_t i = 0; i < c->count; i++) {
    if (strcmp(c->nodes[i].dc, dc) != 0) continue;
    uint32_t k = 0;
    while (k < count && strcmp(racks[k], c->nodes[i].rack) != 0) k++;
    if (k == count) racks[count++] = c->nodes[i].rack;
    ++*nodes;
  }
  return count;
}

static walk walk_begin(const cluster *c, const char *dc, uint32_t factor) {
  uint32_t nodes, racks = racks_in(c, dc, &nodes);
  return (walk){.left = factor < nodes ? factor : nodes, .repeats = factor > racks ? factor - racks : 0};
}

/* NetworkTopologyStrategy's question of one node on the way. */
static bool walk_takes(walk *w, const char *rack) {
  uint32_t k = 0;
  if (w->left == 0) return false;
  while (k < w->rack_count && strcmp(w->racks[k], rack) != 0) k++;
  if (k == w->rack_count)
    w->racks[w->rack_count++] = rack;
  else if (w->repeats == 0)
    return false;
  else
    w->repeats--;
  w->left--;
  return true;
}

static void print_walk(char *out, size_t size, const cluster *c, const cqli_node *const *ring, uint32_t places,
                       uint32_t from, walk *w1, walk *w2) {
  bool taken[CLUSTER_NODES_MAX] = {false};
  size_t len = 0;
  out[0] = '\0';
  for (uint32_t i = 0; i < places; i++) {
    const cqli_node *n = ring[(from + i) % places];
    uint32_t number = (uint32_t)(n - c->nodes);
    walk *w = strcmp(n->dc, "dc1") == 0 ? w1 : w2;
    if (taken[number] || !walk_takes(w, n->rack)) continue;
    taken[number] = true;
    len += (size_t)snprintf(out + len, size - len, "%s%u", len == 0 ? "" : ",", number);
  }
}

typedef struct place {
  int64_t token;
  const cqli_node *node;
} place;

static int cmp_places(const void *x, const void *y) {
  int64_t p = ((const place *)x)->token, q = ((const place *)y)->token;
  return p < q ? -1 : p > q;
}

static void assert_like_walks(const cluster *c, const cqli_map *m, uint32_t factor1, uint32_t factor2) {
  static place places[4096];
  static const cqli_node *ring[4096];
  uint32_t count = 0;
  for (uint32_t i = 0; i < c->count; i++)
    for (uint32_t t = 0; t < c->nodes[i].token_count; t++)
      places[count++] = (place){c->nodes[i].tokens[t], &c->nodes[i]};
  qsort(places, count, sizeof *places, cmp_places);
  for (uint32_t i = 0; i < count; i++) ring[i] = places[i].node;
  for (uint32_t i = 0; i < count; i++) {
    char expected[1024];
    walk w1 = walk_begin(c, "dc1", factor1), w2 = walk_begin(c, "dc2", factor2);
    print_walk(expected, sizeof expected, c, ring, count, i, &w1, &w2);
    assert_replicas(m, "ks", places[i].token, expected);
  }
}

static void test_walks(void **state) {
  (void)state;
  static const char *const RACKS[] = {"a", "b", "c", "d", "e", "f", "g"};
  rng r = {20260104};
  for (int round = 0; round < 60; round++) {
    char literal[128];
    cluster c;
    cluster_init(&c);
    uint32_t nodes = 1 + rng_below(&r, 40), racks = 1 + rng_below(&r, 7), vnodes = 1 + rng_below(&r, 20);
    for (uint32_t i = 0; i < nodes; i++)
      cluster_add_random(&c, &r, rng_below(&r, 3) == 0 ? "dc2" : "dc1", RACKS[rng_below(&r, 1 + rng_below(&r, racks))],
                         1 + rng_below(&r, vnodes));
    uint32_t factor1 = 1 + rng_below(&r, 9), factor2 = rng_below(&r, 4);
    cql_result *rows = keyspaces_new();
    snprintf(literal, sizeof literal, "{'class': 'NetworkTopologyStrategy', 'dc1': '%u', 'dc2': '%u'}", factor1,
             factor2);
    keyspaces_put(rows, "ks", literal);
    cqli_map *m = map_of(&c, rows);
    assert_like_walks(&c, m, factor1, factor2);
    cqli_map_release(m);
    cql_result_free(rows);
    cluster_free(&c);
  }
}

/* --- replications ------------------------------------------------------------------------------------------------- */

static void three_nodes(cluster *c) {
  cluster_init(c);
  cluster_add(c, "dc1", "r1", (int64_t[]){-100}, 1);
  cluster_add(c, "dc1", "r1", (int64_t[]){0}, 1);
  cluster_add(c, "dc1", "r1", (int64_t[]){100}, 1);
}

static void test_strategies(void **state) {
  (void)state;
  static const char *const UNKNOWN[][2] = {
      {"local", "{'class': 'org.apache.cassandra.locator.LocalStrategy'}"},
      {"other", "{'class': 'com.example.OtherStrategy', 'replication_factor': '3'}"},
      {"bare", "{'replication_factor': '3'}"},
      {"empty", "{}"},
      {"null", "null"},
      {"none", "{'class': 'SimpleStrategy'}"},
      {"zero", "{'class': 'SimpleStrategy', 'replication_factor': '0'}"},
      {"word", "{'class': 'SimpleStrategy', 'replication_factor': 'three'}"},
      {"minus", "{'class': 'SimpleStrategy', 'replication_factor': '-1'}"},
      {"huge", "{'class': 'SimpleStrategy', 'replication_factor': '10000000000'}"},
      {"all transient", "{'class': 'SimpleStrategy', 'replication_factor': '3/3'}"},
      {"slash", "{'class': 'SimpleStrategy', 'replication_factor': '3/'}"},
      {"elsewhere", "{'class': 'NetworkTopologyStrategy', 'dc2': '3'}"},
      {"odd", "{'class': 'NetworkTopologyStrategy', 'dc1': 'x'}"},
      {"zero dc", "{'class': 'NetworkTopologyStrategy', 'dc1': '0'}"},
  };
  cluster c;
  three_nodes(&c);
  cql_result *rows = keyspaces_new();
  for (size_t i = 0; i < sizeof UNKNOWN / sizeof *UNKNOWN; i++) keyspaces_put(rows, UNKNOWN[i][0], UNKNOWN[i][1]);
  keyspaces_put(rows, "simple", "{'class': 'org.apache.cassandra.locator.SimpleStrategy', 'replication_factor': '2'}");
  keyspaces_put(rows, "short", "{'class': 'SimpleStrategy', 'replication_factor': '1'}");
  keyspaces_put(rows, "many", "{'class': 'SimpleStrategy', 'replication_factor': '999999999'}");
  keyspaces_put(rows, "transient", "{'class': 'NetworkTopologyStrategy', 'dc1': '3/1', 'dc2': '3'}");
  keyspaces_put(rows, "everywhere", "{'class': 'org.apache.cassandra.locator.EverywhereStrategy'}");
  cqli_map *m = map_of(&c, rows);
  for (size_t i = 0; i < sizeof UNKNOWN / sizeof *UNKNOWN; i++) assert_replicas(m, UNKNOWN[i][0], 0, "");
  assert_replicas(m, "absent", 0, "");
  assert_replicas(m, "", 0, "");
  assert_replicas(m, "simple", 0, "1,2");
  assert_replicas(m, "simple", 1, "2,0");
  assert_replicas(m, "simple", 101, "0,1"); /* round the end of the ring */
  assert_replicas(m, "simple", INT64_MIN, "0,1");
  assert_replicas(m, "simple", INT64_MAX, "0,1");
  assert_replicas(m, "short", 100, "2");
  assert_replicas(m, "many", 50, "2,0,1");
  assert_replicas(m, "transient", 50, "2,0,1");
  assert_replicas(m, "everywhere", -50, "1,2,0");
  cqli_map_release(m);
  cql_result_free(rows);
  cluster_free(&c);
}

/* --- nodes -------------------------------------------------------------------------------------------------------- */

/* Some versions list a node among its own peers, after it has changed its address. Tokens that two nodes claim belong
 * to the first. A node without tokens is one to ask, and holds nothing. */
static void test_doubles(void **state) {
  (void)state;
  cluster c;
  three_nodes(&c);
  cluster_add(&c, "dc1", "r9", (int64_t[]){50}, 1);
  memcpy(c.nodes[3].host_id, c.nodes[0].host_id, 16); /* node 0 again */
  cluster_add(&c, "dc1", "r2", (int64_t[]){0, 70}, 2);
  cluster_add(&c, "dc1", "r3", NULL, 0);
  cluster_add(&c, "dc1", "r1", NULL, 0);
  memset(c.nodes[5].host_id, 0, 16); /* no host id is not the same host id */
  memset(c.nodes[6].host_id, 0, 16);
  cql_result *rows = keyspaces_new();
  keyspaces_put(rows, "ks", "{'class': 'SimpleStrategy', 'replication_factor': '9'}");
  keyspaces_put(rows, "nts", "{'class': 'NetworkTopologyStrategy', 'dc1': '2'}");
  cqli_map *m = map_of(&c, rows);
  assert_int_equal(cqli_map_node_count(m), 6);
  assert_int_equal(cqli_map_node(m, 3)->token_count, 2);
  assert_string_equal(cqli_map_node(m, 0)->rack, "r1");
  assert_replicas(m, "ks", 0, "1,3,2,0");
  assert_replicas(m, "ks", 60, "3,2,0,1");
  assert_replicas(m, "nts", 0, "1,3"); /* r3 has no tokens, so there are two racks */
  cqli_map_release(m);
  cql_result_free(rows);
  cluster_free(&c);
}

/* The map copies: what it was made of may go. */
static void test_copies(void **state) {
  (void)state;
  cluster c;
  three_nodes(&c);
  cql_result *rows = keyspaces_new();
  keyspaces_put(rows, "ks", "{'class': 'NetworkTopologyStrategy', 'dc1': '1'}");
  cqli_map *m = map_of(&c, rows), *again = cqli_map_retain(m);
  cql_result_free(rows);
  cluster_free(&c);
  cqli_map_release(m);
  assert_ptr_equal(again, m);
  const cqli_node *n = cqli_map_node(m, 2);
  assert_string_equal(n->dc, "dc1");
  assert_string_equal(n->release, "5.0.8");
  assert_int_equal(n->tokens[0], 100);
  assert_int_equal(n->address.bytes[3], 3);
  assert_replicas(m, "ks", 7, "2");
  cqli_map_release(m);
  cqli_map_release(NULL);
}

static void test_nothing_known(void **state) {
  (void)state;
  cluster c;
  cluster_init(&c);
  cql_result *rows = keyspaces_new();
  cqli_map *m = map_of(&c, NULL);
  assert_replicas(m, "ks", 0, "");
  cqli_map_release(m);
  keyspaces_put(rows, "ks", "{'class': 'SimpleStrategy', 'replication_factor': '1'}");
  m = map_of(&c, rows); /* no nodes */
  assert_int_equal(cqli_map_node_count(m), 0);
  assert_replicas(m, "ks", 0, "");
  cqli_map_release(m);
  cluster_add(&c, "dc1", "r1", NULL, 0);
  m = map_of(&c, rows); /* no tokens */
  assert_replicas(m, "ks", 0, "");
  cqli_map_release(m);
  cql_result_free(rows);
  cluster_free(&c);
}

static void test_malformed(void **state) {
  (void)state;
  static const char *const ODD[] = {"0x00", "0x7fffffff", "0x0000000100000005636c61", "0x0000000100000001610000000062"};
  cluster c;
  three_nodes(&c);
  cqli_map *m;
  cql_error err;
  for (size_t i = 0; i < sizeof ODD / sizeof *ODD; i++) {
    cql_result *rows = keyspaces_new();
    keyspaces_put(rows, "ks", ODD[i]);
    rows->body.len -= i == 3; /* cut short */
    assert_int_equal(cqli_map_new(&m, &cql_alloc_libc, c.nodes, c.count, rows, &err), CQL_MALFORMED);
    assert_null(m);
    assert_int_equal(err.status, CQL_MALFORMED);
    cql_result_free(rows);
  }
  static const char *const COLUMNS[] = {"keyspace_name", "text", "replication", "set<text>", NULL};
  cql_result *rows = rows_new(COLUMNS);
  keyspaces_put(rows, "ks", "{'class'}");
  assert_int_equal(cqli_map_new(&m, &cql_alloc_libc, c.nodes, c.count, rows, &err), CQL_MALFORMED);
  cql_result_free(rows);
  cqli_node *many = calloc(CQLI_NODES_MAX + 1, sizeof *many);
  assert_int_equal(cqli_map_new(&m, &cql_alloc_libc, many, CQLI_NODES_MAX + 1, NULL, &err), CQL_LIMIT);
  free(many);
  cluster_free(&c);
}

/* --- memory, threads, size ---------------------------------------------------------------------------------------- */

/* When the lists of replicas cannot be made, they are unknown, and made the next time. */
static void test_nomem(void **state) {
  (void)state;
  rng r = {7};
  cluster c;
  cluster_init(&c);
  for (int i = 0; i < 30; i++) cluster_add_random(&c, &r, i % 3 == 0 ? "dc1" : "dc2", i % 2 == 0 ? "r1" : "r2", 64);
  cql_result *rows = keyspaces_new();
  keyspaces_put(rows, "a", "{'class': 'NetworkTopologyStrategy', 'dc1': '3', 'dc2': '2'}");
  keyspaces_put(rows, "b", "{'class': 'NetworkTopologyStrategy', 'dc2': '2', 'dc1': '3'}");
  keyspaces_put(rows, "c", "{'class': 'SimpleStrategy', 'replication_factor': '3'}");
  for (size_t nth = 0;; nth++) {
    faulty f = {.left = nth};
    cql_alloc alloc = faulty_alloc(&f);
    cqli_map *m;
    cql_error err;
    const uint16_t *a, *b;
    uint32_t count = 0, again;
    cql_status st = cqli_map_new(&m, &alloc, c.nodes, c.count, rows, &err);
    if (st == CQL_OK) {
      bool was_fired = f.fired;
      cqli_map_replicas(m, "a", 0, &a, &count);
      assert_int_equal(count, f.fired && !was_fired ? 0 : 5);
      cqli_map_replicas(m, "a", 0, &a, &again);
      assert_int_equal(again, 5);
      size_t live_bytes = f.live_bytes;
      cqli_map_replicas(m, "b", 0, &b, &count);
      assert_ptr_equal(a, b); /* the same replication: one list */
      assert_int_equal(live_bytes, f.live_bytes);
    } else {
      assert_int_equal(st, CQL_NOMEM);
      assert_int_equal(err.status, CQL_NOMEM);
      assert_null(m);
    }
    cqli_map_release(m);
    assert_int_equal(f.live_bytes, 0);
    if (!f.fired) break;
    assert_true(nth < 200);
  }
  cql_result_free(rows);
  cluster_free(&c);
}

static void *ask_much(void *user) {
  const uint16_t *replicas;
  uint32_t count;
  uint64_t sum = 0;
  rng r = {99};
  for (int i = 0; i < 2000; i++) {
    cqli_map_replicas(user, i % 2 == 0 ? "a" : "c", (int64_t)rng_next(&r), &replicas, &count);
    for (uint32_t k = 0; k < count; k++) sum = sum * 31 + replicas[k];
  }
  cqli_map_release(user);
  return (void *)(uintptr_t)(sum | 1);
}

static void test_threads(void **state) {
  (void)state;
  rng r = {8};
  cluster c;
  cluster_init(&c);
  for (int i = 0; i < 30; i++) cluster_add_random(&c, &r, "dc1", i % 2 == 0 ? "r1" : "r2", 64);
  cql_result *rows = keyspaces_new();
  keyspaces_put(rows, "a", "{'class': 'NetworkTopologyStrategy', 'dc1': '3'}");
  keyspaces_put(rows, "c", "{'class': 'SimpleStrategy', 'replication_factor': '3'}");
  for (int round = 0; round < 20; round++) {
    pthread_t threads[4];
    void *sums[4];
    cqli_map *m = map_of(&c, rows);
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, ask_much, cqli_map_retain(m)), 0);
    cqli_map_release(m);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], &sums[i]);
    for (int i = 1; i < 4; i++) assert_ptr_equal(sums[i], sums[0]);
  }
  cql_result_free(rows);
  cluster_free(&c);
}

/* Of this thread: what others do meanwhile does not count. */
static int64_t cpu_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* 1,000 nodes of 256 tokens, three datacenters of 4 racks, one of which has one node of a datacenter. */
static void test_large(void **state) {
  (void)state;
  static const char *const DCS[] = {"dc1", "dc2", "dc3"}, *const RACKS[] = {"a", "b", "c"};
  rng r = {9};
  cluster c;
  faulty f = {.left = SIZE_MAX};
  cql_alloc alloc = faulty_alloc(&f);
  cqli_map *m;
  const uint16_t *replicas;
  uint32_t count;
  cluster_init(&c);
  for (uint32_t i = 0; i < 1000; i++) cluster_add_random(&c, &r, DCS[i % 3], i < 3 ? "d" : RACKS[i / 3 % 3], 256);
  cql_result *rows = keyspaces_new();
  keyspaces_put(rows, "one", "{'class': 'NetworkTopologyStrategy', 'dc1': '3'}");
  keyspaces_put(rows, "all", "{'class': 'NetworkTopologyStrategy', 'dc1': '5', 'dc2': '5', 'dc3': '5'}");
  keyspaces_put(rows, "vast", "{'class': 'SimpleStrategy', 'replication_factor': '1000'}");
  int64_t start = cpu_us();
  assert_int_equal(cqli_map_new(&m, &alloc, c.nodes, c.count, rows, NULL), CQL_OK);
  int64_t made = cpu_us();
  size_t bytes = f.live_bytes;
  cqli_map_replicas(m, "one", 0, &replicas, &count);
  int64_t one = cpu_us();
  assert_int_equal(count, 3);
  assert_int_equal(f.live_bytes - bytes, 256000 * 3 * sizeof(uint16_t));
  cqli_map_replicas(m, "all", 0, &replicas, &count);
  int64_t all = cpu_us();
  assert_int_equal(count, 15);
  bool racks[3][4] = {{false}};
  for (uint32_t i = 0; i < count; i++) {
    const cqli_node *n = cqli_map_node(m, replicas[i]);
    racks[n->dc[2] - '1'][n->rack[0] - 'a'] = true;
    for (uint32_t k = 0; k < i; k++) assert_int_not_equal(replicas[k], replicas[i]);
  }
  for (int i = 0; i < 12; i++) assert_true(racks[i / 4][i % 4]);
  cqli_map_replicas(m, "vast", 0, &replicas, &count); /* 512 MB: unknown instead */
  assert_int_equal(count, 0);
  cqli_map_replicas(m, "one", 0, &replicas, &count); /* and no room is lost to it */
  assert_int_equal(count, 3);
  print_message("256,000 tokens: map %" PRId64 " us, %zu bytes; 3 replicas %" PRId64 " us; 15 replicas %" PRId64
                " us\n",
                made - start, bytes, one - made, all - one);
  cqli_map_release(m);
  assert_int_equal(f.live_bytes, 0);
  cql_result_free(rows);
  cluster_free(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_golden),    cmocka_unit_test(test_walks),  cmocka_unit_test(test_strategies),
      cmocka_unit_test(test_doubles),   cmocka_unit_test(test_copies), cmocka_unit_test(test_nothing_known),
      cmocka_unit_test(test_malformed), cmocka_unit_test(test_nomem),  cmocka_unit_test(test_threads),
      cmocka_unit_test(test_large),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
