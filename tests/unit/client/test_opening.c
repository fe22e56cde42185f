/* The opening of a client, and its control connection, through client.h alone: what is asked at once and answered in
 * any order, with an error, by nobody, or cut; what happens when the control connection is lost.
 */
#include "client/client.h"

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_cluster.h"

enum { WAIT_MS = 20000, SHORT_MS = 1000 };

static void wait_on(int64_t end_us, const char *what) {
  if (cql_clock_monotonic_us() > end_us) fail_msg("waited in vain until %s", what);
  usleep(1000);
}

/* A loop over what follows, with a pause each time. */
#define UNTIL(condition)                                                                                               \
  for (int64_t end_us = cql_clock_monotonic_us() + INT64_C(1000) * WAIT_MS; !(condition); wait_on(end_us, #condition))

/* --- a name that moves ------------------------------------------------------------------------------------------- */

static _Atomic(const char *) address_of_db = "127.0.0.1";
static _Atomic(uint32_t) lookups;

/* In place of libc's: "db.test" has the address that we say; NULL: none. */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **out) {
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
  *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
  if (strcmp(host, "db.test") != 0) return real(host, service, hints, out);
  if ((hints->ai_flags & AI_NUMERICHOST) != 0) return EAI_NONAME;
  atomic_fetch_add(&lookups, 1);
  const char *address = atomic_load(&address_of_db);
  return address == NULL ? EAI_AGAIN : real(address, service, hints, out);
}

/* --- memory ------------------------------------------------------------------------------------------------------ */

/* What the client's moments grow to: it cannot be had while is_full. */
enum { MOMENTS_LEN = 64 * sizeof(void *) };
static _Atomic(bool) is_full;

static void *resize(void *user, void *ptr, size_t old_size, size_t new_size) {
  (void)user;
  if (atomic_load(&is_full) && old_size == MOMENTS_LEN && new_size == 2 * MOMENTS_LEN) return NULL;
  return cql_alloc_libc.resize(cql_alloc_libc.user, ptr, old_size, new_size);
}

static const cql_alloc memory = {resize, NULL};

/* --- a cluster and its client ------------------------------------------------------------------------------------- */

static fake_cluster *cluster_now;
static cql_client *client;
static cql_contact contacts[FAKE_NODES_MAX];
static cql_client_config config;
static cql_error err;

static fake_server *node(uint32_t i) {
  return cluster_now->nodes[i].server;
}

/* All nodes are contact points, the first one first. */
static void start(uint32_t nodes) {
  cluster_now = fake_cluster_start(nodes);
  for (uint32_t i = 0; i < nodes; i++) contacts[i] = (cql_contact){"127.0.0.1", fake_server_port(node(i))};
  config = (cql_client_config){.contacts = contacts,
                               .contact_count = nodes,
                               .connect_timeout_ms = WAIT_MS,
                               .reconnect_min_ms = 1,
                               .reconnect_max_ms = 20,
                               .direct_connections = -1};
}

static void end(void) {
  cql_client_close(client, 0);
  client = NULL;
  fake_cluster_stop(cluster_now);
}

static void opens(void) {
  if (cql_client_open(&client, &config, &err) != CQL_OK) fail_msg("%s", err.message);
}

static void count_up(void *user, const cql_node_info *node) {
  if (node->state == CQL_NODE_UP) ++*(uint32_t *)user;
}

static uint32_t nodes_up(void) {
  uint32_t n = 0;
  if (cql_client_nodes(client, count_up, &n, &err) != CQL_OK) fail_msg("%s", err.message);
  return n;
}

/* The only node is refused for this reason. */
static void fails(cql_status status, cql_stage stage, const char *words) {
  assert_int_not_equal(cql_client_open(&client, &config, &err), CQL_OK);
  assert_null(client);
  assert_int_equal(err.attempt_count, 1);
  const cql_attempt *a = &err.attempts[0];
  if (a->status != status || a->stage != stage || strstr(a->reason, words) == NULL)
    fail_msg("stage %d, status %s: %s", (int)a->stage, cql_status_name(a->status), a->reason);
}

static fake_rule rule_of(const char *text, fake_act act) {
  return (fake_rule){
      .opcode = text == NULL ? CQL_OP_REGISTER : CQL_OP_QUERY, .text = text, .act = act, .times = 1, .n = 12};
}

static fake_rule error_of(const char *text, uint32_t code, const char *words) {
  fake_rule r = rule_of(text, FAKE_ERROR);
  r.error = (cql_server_error){.code = code, .message = cql_slice_str(words)};
  return r;
}

/* What is asked at once, in this order; NULL: REGISTER. */
static const char *const QUESTIONS[] = {NULL, "system.local", "system.peers_v2", "system_schema.keyspaces"};
enum { QUESTIONS_COUNT = 4, OVERLOADED = 0x1001, SERVER = 0x0000, INVALID = 0x2200 };

/* --- what is asked at once ---------------------------------------------------------------------------------------- */

/* The answers to the questions of which mask has a bit come behind the next one; the last has none behind it. */
static void answers_in_any_order(void **state) {
  (void)state;
  for (uint32_t mask = 0; mask < 1u << (QUESTIONS_COUNT - 1); mask++) {
    start(2);
    for (uint32_t i = 0; i < QUESTIONS_COUNT - 1; i++) {
      fake_rule held = rule_of(QUESTIONS[i], FAKE_HOLD);
      if ((mask & 1u << i) != 0) fake_server_rule(node(0), &held);
    }
    opens();
    UNTIL(nodes_up() == 2) continue;
    end();
  }
}

static void register_is_not_waited_for(void **state) {
  (void)state;
  start(1);
  fake_rule silent = rule_of(NULL, FAKE_SILENT);
  fake_server_rule(node(0), &silent);
  opens();
  end();
}

static void an_error_among_the_answers(void **state) {
  (void)state;
  for (uint32_t i = 0; i < QUESTIONS_COUNT; i++) {
    start(1);
    fake_rule e = error_of(QUESTIONS[i], OVERLOADED, "too busy to say");
    fake_server_rule(node(0), &e);
    if (i < QUESTIONS_COUNT - 1)
      fails(i == 0 ? CQL_OVERLOADED : CQL_CONNECTION, i == 0 ? CQL_STAGE_STARTUP : CQL_STAGE_REQUEST,
            "too busy to say");
    else
      opens(); /* without keyspaces requests go round */
    end();
  }
}

/* Over the rate of the database: asked again for as long as connecting may take, at the beginning and later. */
static void answers_over_the_rate(void **state) {
  (void)state;
  for (uint32_t i = 1; i < QUESTIONS_COUNT; i++) {
    start(1);
    fake_rule e = error_of(QUESTIONS[i], OVERLOADED, "Rate limit reached");
    e.times = 2;
    fake_server_rule(node(0), &e);
    opens();
    assert_int_equal(fake_server_accepted(node(0)), 2); /* the control connection stays */
    end();
    start(1);
    e.times = 0;
    fake_server_rule(node(0), &e);
    config.connect_timeout_ms = 300;
    fails(CQL_OVERLOADED, CQL_STAGE_REQUEST, "Rate limit reached");
    end();
  }
}

/* The next contact point is asked. */
static void a_connection_that_is_cut_among_the_answers(void **state) {
  static const fake_act ACTS[] = {FAKE_CLOSE, FAKE_RESET, FAKE_CUT};
  (void)state;
  for (uint32_t i = 0; i < QUESTIONS_COUNT; i++)
    for (size_t act = 0; act < sizeof ACTS / sizeof *ACTS; act++) {
      start(2);
      fake_rule cut = rule_of(QUESTIONS[i], ACTS[act]);
      fake_server_rule(node(0), &cut);
      opens();
      UNTIL(nodes_up() == 2) continue;
      end();
    }
}

static void a_node_that_does_not_answer_is_left(void **state) {
  (void)state;
  for (uint32_t i = 1; i < QUESTIONS_COUNT; i++) {
    start(1);
    config.connect_timeout_ms = SHORT_MS;
    fake_rule silent = rule_of(QUESTIONS[i], FAKE_SILENT);
    fake_server_rule(node(0), &silent);
    fails(CQL_TIMEOUT, CQL_STAGE_REQUEST, "did not say within 1000 ms which nodes there are");
    end();
  }
}

/* --- peers_v2 ----------------------------------------------------------------------------------------------------- */

static void a_node_without_peers_v2(void **state) {
  (void)state;
  const fake_rule missing[] = {error_of("peers_v2", INVALID, "unconfigured table peers_v2"),
                               error_of("peers_v2", SERVER, "Unknown keyspace/cf pair (system.peers_v2)")};
  for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
    start(1);
    fake_server_rule(node(0), &missing[i]);
    opens();
    assert_true(fake_server_requests(node(0), CQL_OP_QUERY) >= QUESTIONS_COUNT); /* one more: system.peers */
    end();
  }
}

/* --- the first node's connection ---------------------------------------------------------------------------------- */

static void *open_in_thread(void *status) {
  *(cql_status *)status = cql_client_open(&client, &config, &err);
  return NULL;
}

static void the_first_node_is_connected_to_meanwhile(void **state) {
  pthread_t thread;
  cql_status st = CQL_OK;
  (void)state;
  start(1);
  fake_rule silent = rule_of("system.local", FAKE_SILENT);
  fake_server_rule(node(0), &silent);
  assert_int_equal(pthread_create(&thread, NULL, open_in_thread, &st), 0);
  UNTIL(fake_server_askers(node(0), CQL_OP_STARTUP) == 2) continue;
  fake_server_drop(node(0));
  pthread_join(thread, NULL);
  assert_int_not_equal(st, CQL_OK);
  end();
}

static void a_datacenter_that_does_not_exist(void **state) {
  (void)state;
  start(1);
  config.local_dc = "dc7";
  assert_int_equal(cql_client_open(&client, &config, &err), CQL_NO_HOST);
  assert_non_null(strstr(err.message, "there is dc1"));
  UNTIL(fake_server_open(node(0)) == 0) continue;
  end();
}

/* --- when the control connection is lost -------------------------------------------------------------------------- */

typedef struct heard {
  _Atomic(uint32_t) times;
  cql_status status;
} heard;

static void on_done(void *user, cql_outcome *o) {
  heard *h = user;
  h->status = o->status;
  if (o->status == CQL_OK) cql_result_free(o->result);
  atomic_fetch_add(&h->times, 1);
}

/* To node 1. */
static void submit(cql_statement *s, heard *h) {
  const char *key = fake_key(1);
  const cql_value value = {(const uint8_t *)key, (int32_t)strlen(key)};
  const cql_call_item item = {.statement = s, .values = &value, .value_count = 1};
  const cql_call_config call = {
      .items = &item, .item_count = 1, .consistency = CQL_ONE, .timestamp = CQL_TIMESTAMP_NONE, .timeout_ms = 600000};
  if (cql_client_submit(client, &call, on_done, h, &err) != CQL_OK) fail_msg("%s", err.message);
}

static uint32_t all_done(const heard *h, uint32_t count) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < count; i++) n += atomic_load(&h[i].times);
  return n;
}

/* No moment can be noted any more, and the control connection goes: it comes again. */
static void it_comes_again_without_memory(void **state) {
  enum { WARM = 40, CALLS = 200 };
  static heard warm[WARM], calls[CALLS];
  cql_statement *s = NULL;
  (void)state;
  start(2);
  config.alloc = &memory;
  opens();
  UNTIL(nodes_up() == 2) continue;
  assert_int_equal(cql_client_prepare(client, "ks", cql_slice_str("SELECT"), &s, &err), CQL_OK);
  for (uint32_t i = 0; i < WARM; i++) submit(s, &warm[i]); /* streams have grown to more than moments will */
  UNTIL(all_done(warm, WARM) == WARM) continue;
  UNTIL(fake_cluster_requests(cluster_now, CQL_OP_QUERY) == 2 * (QUESTIONS_COUNT - 1)) continue;
  fake_server_rule(node(1), &(fake_rule){.opcode = CQL_OP_EXECUTE, .act = FAKE_SILENT});
  atomic_store(&is_full, true);
  for (uint32_t i = 0; i < CALLS; i++) submit(s, &calls[i]);
  UNTIL(all_done(calls, CALLS) > 0) continue;
  uint32_t registered = fake_server_requests(node(0), CQL_OP_REGISTER);
  fake_server_drop(node(0));
  UNTIL(fake_cluster_requests(cluster_now, CQL_OP_REGISTER) > registered) continue;
  UNTIL(nodes_up() == 2) continue;
  atomic_store(&is_full, false);
  for (uint32_t i = 0; i < CALLS; i++)
    if (atomic_load(&calls[i].times) > 0) assert_int_equal(calls[i].status, CQL_NOMEM);
  cql_statement_release(s);
  end();
}

/* All addresses have changed: the name is looked up again, as often as it takes. */
static void names_are_looked_up_again(void **state) {
  (void)state;
  atomic_store(&address_of_db, "127.0.0.1");
  start(1);
  contacts[0].host = "db.test";
  opens();
  UNTIL(nodes_up() == 1) continue;
  uint32_t before = atomic_load(&lookups);
  atomic_store(&address_of_db, NULL);
  fake_cluster_move(cluster_now, 0, "127.0.0.2");
  UNTIL(atomic_load(&lookups) >= before + 2) continue;
  assert_int_equal(nodes_up(), 0);
  atomic_store(&address_of_db, "127.0.0.2");
  UNTIL(nodes_up() == 1) continue;
  end();
}

/* --- events ------------------------------------------------------------------------------------------------------- */

/* What changed before the node knew that we listen is seen all the same. */
static void what_changed_meanwhile_is_read_again(void **state) {
  (void)state;
  start(1);
  opens();
  UNTIL(fake_server_requests(node(0), CQL_OP_QUERY) == 2 * (QUESTIONS_COUNT - 1)) continue;
  end();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(answers_in_any_order),
      cmocka_unit_test(register_is_not_waited_for),
      cmocka_unit_test(an_error_among_the_answers),
      cmocka_unit_test(answers_over_the_rate),
      cmocka_unit_test(a_connection_that_is_cut_among_the_answers),
      cmocka_unit_test(a_node_that_does_not_answer_is_left),
      cmocka_unit_test(a_node_without_peers_v2),
      cmocka_unit_test(the_first_node_is_connected_to_meanwhile),
      cmocka_unit_test(a_datacenter_that_does_not_exist),
      cmocka_unit_test(it_comes_again_without_memory),
      cmocka_unit_test(names_are_looked_up_again),
      cmocka_unit_test(what_changed_meanwhile_is_read_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
