/* A client and its cluster, through client.h alone: opening, calls in each way, what becomes of them when nodes fail,
 * forget, disagree or are slow, when the process forks, and when memory runs out.
 *
 * Nothing here waits for a time to pass: a test goes on when something is the case, and fails after WAIT_MS.
 */
#include "client/client.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_cluster.h"

enum { WAIT_MS = 20000, LONG_MS = 60000, MANY = 40 };

static void wait_on(int64_t end_us, const char *what) {
  if (cql_clock_monotonic_us() > end_us) fail_msg("waited in vain until %s", what);
  usleep(1000);
}

/* A loop over what follows, with a pause each time. */
#define UNTIL(condition)                                                                                               \
  for (int64_t end_us = cql_clock_monotonic_us() + INT64_C(1000) * WAIT_MS; !(condition); wait_on(end_us, #condition))

/* --- memory: counted, and asked for by several threads ------------------------------------------------------------ */

typedef struct counted {
  cql_alloc alloc;
  _Atomic(size_t) asked;
  size_t fail_at; /* the allocation that fails, from 1; 0: none */
  _Atomic(int64_t) live;
} counted;

static void *resize(void *user, void *ptr, size_t old_size, size_t new_size) {
  counted *c = user;
  (void)old_size;
  if (new_size == 0) {
    if (ptr != NULL) atomic_fetch_sub(&c->live, 1);
    free(ptr);
    return NULL;
  }
  if (atomic_fetch_add(&c->asked, 1) + 1 == c->fail_at) return NULL;
  void *out = realloc(ptr, new_size);
  if (ptr == NULL) atomic_fetch_add(&c->live, 1);
  return out;
}

/* --- a cluster and its client ------------------------------------------------------------------------------------- */

static fake_cluster *cluster_now;
static cql_client *client;
static counted memory;
static cql_contact contact;

/* No direct connections: calls meet on one connection a node. */
static cql_client_config settings(void) {
  contact = (cql_contact){"127.0.0.1", fake_server_port(cluster_now->nodes[0].server)};
  return (cql_client_config){.contacts = &contact,
                             .contact_count = 1,
                             .request_timeout_ms = LONG_MS,
                             .agreement_timeout_ms = LONG_MS,
                             .reconnect_min_ms = 1,
                             .reconnect_max_ms = 20,
                             .direct_connections = -1,
                             .alloc = &memory.alloc};
}

static void start(uint32_t nodes) {
  memory = (counted){.alloc = {resize, &memory}};
  cluster_now = fake_cluster_start(nodes);
}

typedef struct census {
  uint32_t all, of[CQL_NODE_REMOTE + 1];
} census;

static void count_node(void *user, const cql_node_info *node) {
  census *c = user;
  c->all++;
  c->of[node->state]++;
}

static census count_nodes(void) {
  census c = {0};
  cql_error err;
  if (cql_client_nodes(client, count_node, &c, &err) != CQL_OK) fail_msg("%s", err.message);
  return c;
}

static uint32_t nodes_up(void) {
  return count_nodes().of[CQL_NODE_UP];
}

static void open_client(const cql_client_config *config) {
  cql_error err;
  if (cql_client_open(&client, config, &err) != CQL_OK) fail_msg("%s", err.message);
  UNTIL(nodes_up() == cluster_now->count) continue;
}

static void begin(uint32_t nodes) {
  start(nodes);
  cql_client_config config = settings();
  open_client(&config);
}

static void end(void) {
  cql_client_close(client, 0);
  client = NULL;
  fake_cluster_stop(cluster_now);
  assert_int_equal(atomic_load(&memory.live), 0);
}

static fake_server *node(uint32_t i) {
  return cluster_now->nodes[i].server;
}

static uint32_t executes(uint32_t i) {
  return fake_server_requests(node(i), CQL_OP_EXECUTE);
}

/* --- calls -------------------------------------------------------------------------------------------------------- */

typedef struct heard {
  _Atomic(uint32_t) times; /* how often done() was called: the last thing that is written */
  cql_status status;
  uint32_t columns, warnings;
  char text[64]; /* of the first cell, or of the error */
} heard;

static void note(heard *h, cql_status status, cql_result *r, const char *message) {
  cql_value cells[8];
  h->status = status;
  h->columns = h->warnings = 0;
  h->text[0] = '\0';
  if (status != CQL_OK) snprintf(h->text, sizeof h->text, "%s", message);
  if (r == NULL) return;
  h->columns = r->column_count;
  h->warnings = cql_result_warning_count(r);
  if (r->column_count > 0 && cql_result_next(r, cells) == CQL_OK)
    snprintf(h->text, sizeof h->text, "%.*s", (int)cells[0].len, (const char *)cells[0].data);
  cql_result_free(r);
}

static void on_done(void *user, cql_outcome *o) {
  heard *h = user;
  note(h, o->status, o->status == CQL_OK ? o->result : NULL, o->error.message);
  atomic_fetch_add(&h->times, 1);
}

/* A call of a prepared statement with a key, or of a text; it points into itself. */
typedef struct asked {
  cql_call_config config;
  cql_call_item item;
  cql_value key;
} asked;

static void ask_of(asked *a, cql_statement *s, const char *key) {
  *a = (asked){.key = {(const uint8_t *)key, (int32_t)strlen(key)}};
  a->item = (cql_call_item){.statement = s, .values = &a->key, .value_count = 1};
  a->config = (cql_call_config){.items = &a->item,
                                .item_count = 1,
                                .consistency = CQL_ONE,
                                .timestamp = CQL_TIMESTAMP_NONE,
                                .is_idempotent = true};
}

static void ask_text(asked *a, const char *text) {
  ask_of(a, NULL, "");
  a->item = (cql_call_item){.text = cql_slice_str(text)};
}

static void submit(const asked *a, heard *h) {
  cql_error err;
  if (cql_client_submit(client, &a->config, on_done, h, &err) != CQL_OK) fail_msg("%s", err.message);
}

static void submit_key(cql_statement *s, const char *key, bool is_idempotent, heard *h) {
  asked a;
  ask_of(&a, s, key);
  a.config.is_idempotent = is_idempotent;
  submit(&a, h);
}

static void wait_for(heard *h) {
  UNTIL(atomic_load(&h->times) > 0) continue;
}

static void expect(heard *h, const char *text) {
  wait_for(h);
  if (h->status != CQL_OK) fail_msg("%s: %s", cql_status_name(h->status), h->text);
  assert_string_equal(h->text, text);
}

/* By the function that waits. */
static heard execute(const asked *a) {
  heard h = {0};
  cql_result *r = NULL;
  cql_error err = {0};
  cql_status st = cql_client_execute(client, &a->config, &r, &err);
  note(&h, st, r, err.message);
  atomic_store(&h.times, 1);
  return h;
}

static heard execute_text(const char *text) {
  asked a;
  ask_text(&a, text);
  return execute(&a);
}

static heard execute_key(cql_statement *s, const char *key) {
  asked a;
  ask_of(&a, s, key);
  return execute(&a);
}

static cql_statement *prepare(const char *text) {
  cql_statement *s = NULL;
  cql_error err;
  if (cql_client_prepare(client, "ks", cql_slice_str(text), &s, &err) != CQL_OK) fail_msg("%s", err.message);
  return s;
}

static const fake_rule silent_execute = {.opcode = CQL_OP_EXECUTE, .act = FAKE_SILENT};

/* --- opening ------------------------------------------------------------------------------------------------------ */

static void print_node(void *user, const cql_node_info *n) {
  char *text = user;
  size_t len = strlen(text);
  snprintf(text + len, 1024 - len, "%s %s %s %s %u %u\n", n->address, n->dc, n->rack, n->release, n->state,
           n->connections);
}

static void opens_and_knows_its_nodes(void **state) {
  char text[1024] = "", wanted[128];
  cql_error err;
  (void)state;
  begin(2);
  assert_int_equal(cql_client_nodes(client, print_node, text, &err), CQL_OK);
  for (uint32_t i = 0; i < 2; i++) {
    snprintf(wanted, sizeof wanted, "127.0.0.1:%u dc1 rack1 5.0.8 %u 1\n", fake_server_port(node(i)), CQL_NODE_UP);
    assert_non_null(strstr(text, wanted));
  }
  end();
}

static void opening_fails_with_an_attempt_for_each_address(void **state) {
  (void)state;
  start(2);
  fake_server *rude = fake_server_start(&(fake_config){.closes_at_once = true});
  const cql_contact contacts[] = {{"127.0.0.1", fake_server_port(node(1))}, {"127.0.0.1", fake_server_port(rude)}};
  fake_server_close_port(node(1));
  cql_client_config config = settings();
  config.contacts = contacts;
  config.contact_count = 2;
  cql_error err;
  cql_status st = cql_client_open(&client, &config, &err);
  assert_int_equal(st, err.status);
  assert_null(client);
  assert_true(err.status == CQL_NO_HOST || err.status == CQL_CONNECTION);
  assert_int_equal(err.attempt_count, 2);
  for (uint32_t i = 0; i < 2; i++) {
    char host[32];
    snprintf(host, sizeof host, "127.0.0.1:%u", contacts[i].port);
    assert_string_equal(err.attempts[i].host, host);
    assert_int_not_equal(err.attempts[i].reason[0], '\0');
  }
  fake_server_stop(rude);
  end();
}

/* --- ways to call ------------------------------------------------------------------------------------------------- */

/* The control connection, and one shared connection a node. */
enum { SHARED = 3 };

static uint32_t accepted(void) {
  return fake_server_accepted(node(0)) + fake_server_accepted(node(1));
}

static void executes_by_the_loop(void **state) {
  (void)state;
  begin(2);
  cql_statement *s = prepare("SELECT");
  for (uint32_t i = 0; i < MANY; i++) {
    heard h = execute_key(s, fake_key(i % 2));
    expect(&h, fake_key(i % 2));
  }
  assert_true(executes(0) == MANY / 2 && executes(1) == MANY / 2);
  assert_int_equal(accepted(), SHARED);
  cql_statement_release(s);
  end();
}

static void executes_by_a_direct_connection(void **state) {
  (void)state;
  start(2);
  cql_client_config config = settings();
  config.direct_connections = 1;
  open_client(&config);
  cql_statement *s = prepare("SELECT");
  heard h = execute_key(s, fake_key(0)); /* there is none yet: by the loop, which opens one */
  assert_string_equal(h.text, fake_key(0));
  UNTIL(fake_server_askers(node(0), CQL_OP_EXECUTE) == 2) {
    h = execute_key(s, fake_key(0));
    assert_string_equal(h.text, fake_key(0));
  }
  for (uint32_t i = 0; i < MANY; i++) {
    h = execute_key(s, fake_key(0));
    assert_string_equal(h.text, fake_key(0));
  }
  assert_int_equal(accepted(), SHARED + 1);
  cql_statement_release(s);
  end();
}

static void many_of_which_some_fail(void **state) {
  static asked calls[MANY];
  static cql_call_config configs[MANY];
  static cql_outcome outcomes[MANY];
  (void)state;
  begin(2);
  fake_cluster_rule(cluster_now, &(fake_rule){.opcode = CQL_OP_QUERY,
                                              .text = "wrong",
                                              .act = FAKE_ERROR,
                                              .error = {.code = 0x2200, .message = CQL_SLICE_LITERAL("no table")}});
  for (uint32_t i = 0; i < MANY; i++) {
    ask_text(&calls[i], i % 4 == 1 ? "wrong" : "right");
    calls[i].key.len = -7; /* is no length: it is not even sent */
    if (i % 4 == 2) calls[i].item.value_count = 1;
    if (i % 4 == 2) calls[i].item.values = &calls[i].key;
    configs[i] = calls[i].config;
  }
  cql_client_execute_many(client, configs, MANY, outcomes);
  for (uint32_t i = 0; i < MANY; i++) {
    static const cql_status wanted[] = {CQL_OK, CQL_INVALID, CQL_MISUSE, CQL_OK};
    heard h = {0};
    assert_int_equal(outcomes[i].status, wanted[i % 4]);
    note(&h, outcomes[i].status, outcomes[i].result, outcomes[i].error.message);
    if (outcomes[i].status == CQL_OK) assert_string_equal(h.text, "right");
    if (outcomes[i].status == CQL_INVALID) assert_string_equal(h.text, "no table");
  }
  end();
}

static void a_full_queue_refuses(void **state) {
  heard h[5] = {0};
  cql_error err;
  asked a;
  (void)state;
  start(2);
  cql_client_config config = settings();
  config.queue_count = 4;
  open_client(&config);
  cql_statement *s = prepare("SELECT");
  fake_cluster_rule(cluster_now, &silent_execute);
  for (uint32_t i = 0; i < 4; i++) submit_key(s, fake_key(i % 2), true, &h[i]);
  ask_of(&a, s, fake_key(0));
  assert_int_equal(cql_client_submit(client, &a.config, on_done, &h[4], &err), CQL_QUEUE_FULL);
  assert_int_equal(execute(&a).status, CQL_QUEUE_FULL);
  cql_client_close(client, 0);
  client = NULL;
  for (uint32_t i = 0; i < 4; i++) assert_int_equal(atomic_load(&h[i].times), 1);
  assert_int_equal(atomic_load(&h[4].times), 0);
  cql_statement_release(s);
  end();
}

typedef struct chain {
  asked a;
  uint32_t left;
  heard last;
} chain;

/* Asks again, from where the answer is told. */
static void on_done_that_submits(void *user, cql_outcome *o) {
  chain *c = user;
  if (o->status == CQL_OK) cql_result_free(o->result);
  cql_error err = {.message = "the end"};
  cql_status st = CQL_OK;
  if (o->status == CQL_OK && --c->left > 0) st = cql_client_submit(client, &c->a.config, on_done_that_submits, c, &err);
  if (o->status == CQL_OK && c->left > 0 && st == CQL_OK) return;
  note(&c->last, st, NULL, err.message);
  atomic_fetch_add(&c->last.times, 1);
}

static void an_answer_makes_room_before_it_is_told(void **state) {
  chain c = {.left = 10};
  cql_error err;
  (void)state;
  start(1);
  cql_client_config config = settings();
  config.queue_count = 1;
  open_client(&config);
  ask_text(&c.a, "again");
  assert_int_equal(cql_client_submit(client, &c.a.config, on_done_that_submits, &c, &err), CQL_OK);
  expect(&c.last, "");
  assert_int_equal(c.left, 0);
  end();
}

/* --- statements --------------------------------------------------------------------------------------------------- */

static void what_is_forgotten_is_prepared_once_for_many_calls(void **state) {
  static heard h[MANY];
  (void)state;
  memset(h, 0, sizeof h);
  begin(2);
  cql_statement *s = prepare("SELECT");
  uint32_t prepared = fake_server_requests(node(0), CQL_OP_PREPARE);
  atomic_store(&cluster_now->nodes[0].has_forgotten, true);
  fake_server_pause(node(0), true); /* until all of them are on their way */
  for (uint32_t i = 0; i < MANY; i++) submit_key(s, fake_key(0), false, &h[i]);
  fake_server_pause(node(0), false);
  for (uint32_t i = 0; i < MANY; i++) expect(&h[i], fake_key(0));
  assert_int_equal(fake_server_requests(node(0), CQL_OP_PREPARE), prepared + 1);
  assert_int_equal(executes(1), 0);
  assert_false(cql_statement_is_stale(s));
  cql_statement_release(s);
  end();
}

static void a_node_that_does_not_prepare_is_named(void **state) {
  char wanted[64];
  asked a;
  (void)state;
  begin(2);
  cql_statement *s = prepare("SELECT");
  atomic_store(&cluster_now->nodes[0].has_forgotten, true);
  fake_server_rule(node(0), &(fake_rule){.opcode = CQL_OP_PREPARE, .act = FAKE_SILENT});
  ask_of(&a, s, fake_key(0));
  a.config.timeout_ms = 50;
  heard h = execute(&a);
  snprintf(wanted, sizeof wanted, " ms from 127.0.0.1:%u", fake_server_port(node(0)));
  assert_int_equal(h.status, CQL_TIMEOUT);
  assert_non_null(strstr(h.text, wanted));
  cql_statement_release(s);
  end();
}

/* It is prepared once more, to see whether its markers are what they were; they are, so the values are wrong. */
static void invalid_values_are_told_of_once_the_markers_are_sure(void **state) {
  const cql_server_error e = {.code = 0x2200, .message = CQL_SLICE_LITERAL("Expected 4 or 0 byte int (8)")};
  asked a;
  (void)state;
  for (int32_t direct = -1; direct <= 2; direct += 3) {
    start(1);
    cql_client_config config = settings();
    config.direct_connections = direct;
    open_client(&config);
    cql_statement *s = prepare("SELECT");
    for (int n = 0; n < 3; n++) execute_key(s, fake_key(0)); /* for one direct connection to be there */
    fake_server_rule(node(0), &(fake_rule){.opcode = CQL_OP_EXECUTE, .act = FAKE_ERROR, .error = e});
    uint32_t prepared = fake_server_requests(node(0), CQL_OP_PREPARE), before = executes(0);
    ask_of(&a, s, fake_key(0));
    heard h = execute(&a);
    assert_int_equal(h.status, CQL_INVALID);
    assert_non_null(strstr(h.text, "Expected 4 or 0 byte int"));
    assert_int_equal(fake_server_requests(node(0), CQL_OP_PREPARE), prepared + 1);
    assert_in_range(executes(0), before + 2, before + 3);
    assert_false(cql_statement_is_stale(s));
    cql_statement_release(s);
    end();
  }
}

static void changed_metadata_changes_later_answers(int32_t direct_connections) {
  start(1);
  cql_client_config config = settings();
  config.direct_connections = direct_connections;
  open_client(&config);
  cql_statement *s = prepare("SELECT");
  assert_int_equal(execute_key(s, "a").columns, 1);
  assert_false(cql_statement_is_stale(s));
  atomic_store(&cluster_now->shape, 2);
  for (uint32_t i = 0; i < 5; i++) { /* the first answer brings the columns, the others leave them out */
    heard h = execute_key(s, "a");
    assert_int_equal(h.columns, 3);
    assert_string_equal(h.text, "a");
    assert_true(cql_statement_is_stale(s));
  }
  assert_int_equal(cql_statement_get_info(s)->column_count, 1); /* as prepared */
  cql_statement_release(s);
  end();
}

static void metadata_that_changes(void **state) {
  (void)state;
  changed_metadata_changes_later_answers(-1);
  changed_metadata_changes_later_answers(4);
}

static void *execute_while_it_changes(void *statement) {
  for (uint32_t i = 0; i < MANY; i++) {
    atomic_store(&cluster_now->shape, i / 4 % 3);
    heard h = execute_key(statement, "a");
    if (h.status != CQL_OK || strcmp(h.text, "a") != 0) return statement;
  }
  return NULL;
}

static void threads_hear_at_once_that_metadata_has_changed(void **state) {
  enum { THREADS = 4 };
  pthread_t threads[THREADS];
  (void)state;
  start(1);
  cql_client_config config = settings();
  config.direct_connections = THREADS;
  open_client(&config);
  cql_statement *s = prepare("SELECT");
  for (uint32_t i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, execute_while_it_changes, s), 0);
  for (uint32_t i = 0; i < THREADS; i++) {
    void *failed;
    assert_int_equal(pthread_join(threads[i], &failed), 0);
    assert_null(failed);
  }
  cql_statement_release(s);
  end(); /* and no columns are left */
}

/* --- connections that break --------------------------------------------------------------------------------------- */

static void breaks(bool is_idempotent, cql_status wanted) {
  heard h = {0};
  begin(2);
  cql_statement *s = prepare("SELECT");
  fake_server_rule(node(0), &(fake_rule){.opcode = CQL_OP_EXECUTE, .act = FAKE_CLOSE});
  submit_key(s, fake_key(0), is_idempotent, &h);
  wait_for(&h);
  assert_int_equal(h.status, wanted);
  assert_int_equal(executes(0), 1);
  assert_int_equal(executes(1), wanted == CQL_OK ? 1 : 0);
  if (wanted == CQL_OK) assert_string_equal(h.text, fake_key(0));
  cql_statement_release(s);
  end();
  assert_int_equal(atomic_load(&h.times), 1);
}

static void an_idempotent_call_goes_to_the_next_node(void **state) {
  (void)state;
  breaks(true, CQL_OK);
}

static void one_that_may_have_run_does_not(void **state) {
  (void)state;
  breaks(false, CQL_CONNECTION);
}

typedef struct gate {
  sem_t reached, open;
} gate;

static void on_done_that_waits(void *user, cql_outcome *o) {
  gate *g = user;
  if (o->status == CQL_OK) cql_result_free(o->result);
  sem_post(&g->reached);
  while (sem_wait(&g->open) != 0) continue;
}

/* The loop is kept from its work while the connection breaks and the call comes. */
static void one_of_which_nothing_was_sent_does(void **state) {
  heard h = {0};
  gate g;
  asked a;
  cql_error err;
  (void)state;
  begin(2);
  cql_statement *s = prepare("SELECT");
  sem_init(&g.reached, 0, 0);
  sem_init(&g.open, 0, 0);
  ask_of(&a, s, fake_key(1));
  assert_int_equal(cql_client_submit(client, &a.config, on_done_that_waits, &g, &err), CQL_OK);
  while (sem_wait(&g.reached) != 0) continue;
  fake_server_drop(node(0));
  UNTIL(fake_server_open(node(0)) == 0) continue;
  submit_key(s, fake_key(0), false, &h);
  sem_post(&g.open);
  expect(&h, fake_key(0));
  assert_int_equal(executes(0) + executes(1), 2);
  cql_statement_release(s);
  end();
  assert_int_equal(atomic_load(&h.times), 1);
  sem_destroy(&g.reached);
  sem_destroy(&g.open);
}

/* A thread holds a direct connection of a node that leaves the cluster; then the connection breaks. */
static void *execute_at_node_1(void *statement) {
  asked a;
  ask_of(&a, statement, fake_key(1));
  a.config.is_idempotent = false;
  return (void *)(uintptr_t)execute(&a).status;
}

static void a_node_leaves_while_a_thread_uses_its_connection(void **state) {
  pthread_t thread;
  void *status;
  (void)state;
  start(2);
  cql_client_config config = settings();
  config.direct_connections = 1;
  open_client(&config);
  cql_statement *s = prepare("SELECT");
  UNTIL(fake_server_askers(node(1), CQL_OP_EXECUTE) == 2) execute_key(s, fake_key(1));
  fake_server_rule(node(1), &silent_execute);
  uint32_t before = executes(1);
  assert_int_equal(pthread_create(&thread, NULL, execute_at_node_1, s), 0);
  UNTIL(executes(1) > before) continue;
  atomic_store(&cluster_now->nodes[1].has_left, true);
  fake_cluster_announce(cluster_now);
  UNTIL(count_nodes().all == 1) continue;
  fake_server_drop(node(1));
  assert_int_equal(pthread_join(thread, &status), 0);
  assert_int_equal((cql_status)(uintptr_t)status, CQL_CONNECTION);
  assert_string_equal(execute_key(s, fake_key(1)).text, fake_key(1)); /* by node 0 */
  cql_statement_release(s);
  end();
}

/* --- time --------------------------------------------------------------------------------------------------------- */

/* The answer comes behind the next one, which is asked for when nobody waits for the first any more. */
static void late_answer(int32_t direct_connections) {
  asked a;
  start(1);
  cql_client_config config = settings();
  config.direct_connections = direct_connections;
  open_client(&config);
  cql_statement *s = prepare("SELECT");
  UNTIL(direct_connections < 0 || fake_server_askers(node(0), CQL_OP_EXECUTE) == 2) execute_key(s, "a");
  fake_server_rule(node(0), &(fake_rule){.opcode = CQL_OP_EXECUTE, .act = FAKE_HOLD, .times = 1});
  ask_of(&a, s, "late");
  a.config.timeout_ms = 20;
  assert_int_equal(execute(&a).status, CQL_TIMEOUT);
  for (uint32_t i = 0; i < 3; i++) {
    char key[16];
    snprintf(key, sizeof key, "next %u", i);
    assert_string_equal(execute_key(s, key).text, key);
  }
  assert_int_equal(nodes_up(), 1);
  cql_statement_release(s);
  end();
}

static void a_late_answer_hurts_nobody(void **state) {
  (void)state;
  late_answer(-1);
  late_answer(1);
}

static void open_with_speculation(void) {
  start(2);
  cql_client_config config = settings();
  config.speculative_delay_ms = 5;
  open_client(&config);
}

static void a_slow_node_makes_us_ask_a_second(void **state) {
  heard h = {0}, other = {0};
  (void)state;
  open_with_speculation();
  cql_statement *s = prepare("SELECT");
  fake_server_rule(node(0), &silent_execute);
  submit_key(s, fake_key(0), true, &h);
  expect(&h, fake_key(0));
  assert_true(executes(0) == 1 && executes(1) == 1);
  submit_key(s, fake_key(0), false, &other); /* may run once alone */
  UNTIL(executes(0) == 2) continue;
  submit_key(s, fake_key(1), true, &h);
  UNTIL(atomic_load(&h.times) == 2) continue;
  assert_int_equal(atomic_load(&other.times), 0);
  cql_client_close(client, 0);
  client = NULL;
  assert_int_equal(atomic_load(&other.times), 1);
  assert_int_equal(other.status, CQL_CLOSED);
  cql_statement_release(s);
  end();
}

/* At each node: the first answer to such a request comes behind the next answer to anything. */
static void hold_first(int opcode, const char *text) {
  fake_cluster_rule(cluster_now, &(fake_rule){.opcode = opcode, .text = text, .act = FAKE_HOLD, .times = 1});
}

/* Both nodes are asked, and both have forgotten the statement; other calls to them let the answers go. */
static void two_nodes_that_have_forgotten(void **state) {
  heard h = {0}, others[4] = {0};
  (void)state;
  open_with_speculation();
  cql_statement *s = prepare("SELECT");
  uint32_t prepared[2];
  for (uint32_t i = 0; i < 2; i++) {
    prepared[i] = fake_server_requests(node(i), CQL_OP_PREPARE);
    atomic_store(&cluster_now->nodes[i].has_forgotten, true);
  }
  hold_first(CQL_OP_EXECUTE, NULL);
  hold_first(CQL_OP_PREPARE, NULL);
  submit_key(s, fake_key(0), true, &h);
  UNTIL(executes(0) == 1 && executes(1) == 1) continue;
  for (uint32_t i = 0; i < 2; i++) { /* UNPREPARED, and that of the first call behind it */
    submit_key(s, fake_key(i), false, &others[i]);
    UNTIL(fake_server_requests(node(i), CQL_OP_PREPARE) == prepared[i] + 1) continue;
  }
  for (uint32_t i = 0; i < 2; i++) { /* it is prepared, and the answer to that is behind this one */
    submit_key(s, fake_key(i), false, &others[2 + i]);
    expect(&others[2 + i], fake_key(i));
    expect(&others[i], fake_key(i));
  }
  expect(&h, fake_key(0));
  cql_statement_release(s);
  end();
  assert_int_equal(atomic_load(&h.times), 1);
  for (uint32_t i = 0; i < 4; i++) assert_int_equal(atomic_load(&others[i].times), 1);
}

/* A node that does not answer PREPARE is as slow as one that does not answer EXECUTE. */
static void a_node_that_is_slow_to_prepare(void **state) {
  (void)state;
  open_with_speculation();
  cql_statement *s = prepare("SELECT");
  atomic_store(&cluster_now->nodes[0].has_forgotten, true);
  fake_server_rule(node(0), &(fake_rule){.opcode = CQL_OP_PREPARE, .act = FAKE_SILENT});
  heard h = {0};
  submit_key(s, fake_key(0), true, &h);
  expect(&h, fake_key(0));
  assert_int_equal(executes(1), 1);
  cql_statement_release(s);
  end();
}

/* Both have forgotten it, and the one that was to prepare it dies: the other one prepares it. */
static void the_node_that_prepares_dies(void **state) {
  heard h = {0};
  (void)state;
  open_with_speculation();
  cql_statement *s = prepare("SELECT");
  uint32_t prepared = fake_server_requests(node(1), CQL_OP_PREPARE);
  for (uint32_t i = 0; i < 2; i++) atomic_store(&cluster_now->nodes[i].has_forgotten, true);
  fake_server_rule(node(0), &(fake_rule){.opcode = CQL_OP_PREPARE, .act = FAKE_SILENT});
  submit_key(s, fake_key(0), true, &h);
  UNTIL(fake_server_requests(node(0), CQL_OP_PREPARE) > 0 && executes(1) == 1) continue;
  heard other = execute_text("the answer to EXECUTE has come");
  assert_int_equal(other.status, CQL_OK);
  fake_server_close_port(node(0));
  fake_server_drop(node(0));
  expect(&h, fake_key(0));
  assert_int_equal(fake_server_requests(node(1), CQL_OP_PREPARE), prepared + 1);
  cql_statement_release(s);
  end();
}

/* --- what a node holds unavailable -------------------------------------------------------------------------------- */

static void unavailable_at(uint32_t i, int opcode) {
  const cql_server_error e = {.code = 0x1000,
                              .message = CQL_SLICE_LITERAL("Cannot achieve consistency level QUORUM"),
                              .consistency = CQL_QUORUM,
                              .required = 2,
                              .received = 1};
  fake_server_rule(node(i), &(fake_rule){.opcode = opcode, .act = FAKE_ERROR, .error = e});
}

/* What is one write has not begun, and is sent again even when it is not idempotent. */
static void a_node_that_holds_the_others_dead(int32_t direct_connections) {
  start(2);
  cql_client_config config = settings();
  config.direct_connections = direct_connections;
  open_client(&config);
  cql_statement *s = prepare("INSERT");
  for (int round = 0; round < 3; round++) { /* the first one asks for a direct connection */
    fake_server_clear_rules(node(0));
    unavailable_at(0, CQL_OP_EXECUTE);
    asked a;
    ask_of(&a, s, fake_key(0));
    a.config.is_idempotent = false;
    heard h = execute(&a);
    if (h.status != CQL_OK) fail_msg("%s", h.text);
    assert_string_equal(h.text, fake_key(0));
    assert_int_equal(executes(1), round + 1);
  }
  cql_statement_release(s);
  end();
}

static cql_status batch(cql_batch_type type, bool is_idempotent) {
  const cql_call_item items[] = {{.text = CQL_SLICE_LITERAL("INSERT 1")}, {.text = CQL_SLICE_LITERAL("INSERT 2")}};
  const cql_call_config config = {.is_batch = true,
                                  .batch_type = type,
                                  .items = items,
                                  .item_count = 2,
                                  .consistency = CQL_QUORUM,
                                  .timestamp = CQL_TIMESTAMP_NONE,
                                  .is_idempotent = is_idempotent};
  cql_result *r = NULL;
  cql_error err;
  fake_server_clear_rules(node(0));
  fake_server_clear_rules(node(1));
  uint32_t before = fake_cluster_requests(cluster_now, CQL_OP_BATCH);
  for (uint32_t i = 0; i < 2; i++) unavailable_at(i, CQL_OP_BATCH);
  cql_status st = cql_client_execute(client, &config, &r, &err);
  cql_result_free(r);
  assert_int_equal(st, CQL_UNAVAILABLE);
  return fake_cluster_requests(cluster_now, CQL_OP_BATCH) - before == 2 ? CQL_OK : st;
}

static void unavailable(void **state) {
  (void)state;
  a_node_that_holds_the_others_dead(-1);
  a_node_that_holds_the_others_dead(1);
  begin(2);
  assert_int_equal(batch(CQL_BATCH_LOGGED, false), CQL_OK);            /* sent again */
  assert_int_equal(batch(CQL_BATCH_UNLOGGED, false), CQL_UNAVAILABLE); /* not: it may have run in part */
  assert_int_equal(batch(CQL_BATCH_COUNTER, false), CQL_UNAVAILABLE);
  assert_int_equal(batch(CQL_BATCH_UNLOGGED, true), CQL_OK);
  end();
}

/* --- a rate that the database allows ------------------------------------------------------------------------------ */

/* So many executions are refused, or batches, or preparations; 0: all. */
static void refuse_over_rate(uint32_t i, int opcode, uint32_t times) {
  const cql_server_error e = {.code = 0x1001, .message = CQL_SLICE_LITERAL("Rate limit reached, please consult …")};
  fake_server_rule(node(i), &(fake_rule){.opcode = opcode, .times = times, .act = FAKE_ERROR, .error = e});
}

/* Whatever it is; by whichever way it goes. While the rate is kept, no second node is asked. */
static void refused_over_the_rate_it_is_sent_again(void **state) {
  (void)state;
  for (int32_t direct = -1; direct <= 2; direct += 3) {
    asked a;
    start(1);
    cql_client_config config = settings();
    config.direct_connections = direct;
    open_client(&config);
    refuse_over_rate(0, CQL_OP_PREPARE, 2);
    cql_statement *s = prepare("INSERT");
    for (int n = 0; n < 3; n++) { /* for one direct connection to be there */
      heard h = execute_key(s, fake_key(0));
      expect(&h, fake_key(0));
    }
    refuse_over_rate(0, CQL_OP_EXECUTE, 3);
    ask_of(&a, s, fake_key(0));
    a.config.is_idempotent = false;
    a.config.is_conditional = true;
    uint32_t before = executes(0);
    heard h = execute(&a);
    expect(&h, fake_key(0));
    assert_int_equal(executes(0), before + 4);
    atomic_store(&cluster_now->nodes[0].has_forgotten, true); /* what is prepared anew may be refused as well */
    refuse_over_rate(0, CQL_OP_PREPARE, 1);
    h = execute(&a);
    expect(&h, fake_key(0));
    cql_statement_release(s);
    end();
  }
}

static void a_load_over_the_rate_loses_nothing(void **state) {
  /* Refused by each node: few, since one that comes by itself may cost a quarter of a second. */
  enum { COUNT = 300, REFUSED = 10 };
  static heard all[COUNT];
  (void)state;
  memset(all, 0, sizeof all);
  begin(2);
  cql_statement *s = prepare("INSERT");
  for (uint32_t i = 0; i < 2; i++) refuse_over_rate(i, CQL_OP_EXECUTE, REFUSED);
  uint32_t before = executes(0) + executes(1);
  for (uint32_t i = 0; i < COUNT; i++) submit_key(s, fake_key(i % 2), i % 3 > 0, &all[i]);
  for (uint32_t i = 0; i < COUNT; i++) expect(&all[i], fake_key(i % 2));
  /* More on a machine so busy that a node seems to be frozen: then two are asked for what may run twice. */
  assert_true(executes(0) + executes(1) - before >= COUNT + 2 * REFUSED);
  cql_statement_release(s);
  end();
}

/* To ask a second node would cost the rate that the first one needs. */
static void over_the_rate_one_node_is_asked(void **state) {
  heard h = {0};
  (void)state;
  open_with_speculation();
  cql_statement *s = prepare("SELECT");
  fake_server_rule(node(0), &(fake_rule){.opcode = CQL_OP_EXECUTE, .act = FAKE_LATE, .ms = 100});
  refuse_over_rate(0, CQL_OP_EXECUTE, 1);
  submit_key(s, fake_key(0), true, &h);
  expect(&h, fake_key(0));
  assert_int_equal(executes(0) + executes(1), 2);
  cql_statement_release(s);
  end();
}

static void over_the_rate_until_its_time_is_over(void **state) {
  asked a;
  (void)state;
  begin(1);
  cql_statement *s = prepare("SELECT");
  refuse_over_rate(0, CQL_OP_EXECUTE, 0);
  ask_of(&a, s, fake_key(0));
  a.config.timeout_ms = 700;
  heard h = execute(&a);
  assert_int_equal(h.status, CQL_OVERLOADED);
  assert_memory_equal(h.text, "Rate limit reached", strlen("Rate limit reached"));
  assert_in_range(executes(0), 2, 20);
  cql_statement_release(s);
  end();
}

/* --- silence ------------------------------------------------------------------------------------------------------ */

typedef struct quest {
  char address[32];
  cql_node_state state;
} quest;

static void find_node(void *user, const cql_node_info *n) {
  quest *q = user;
  if (strcmp(n->address, q->address) == 0) q->state = n->state;
}

static cql_node_state state_of(uint32_t i) {
  quest q = {.state = 0};
  cql_error err;
  snprintf(q.address, sizeof q.address, "127.0.0.1:%u", fake_server_port(node(i)));
  if (cql_client_nodes(client, find_node, &q, &err) != CQL_OK) fail_msg("%s", err.message);
  return q.state;
}

/* As long as a test lasts, nobody gives up connections to a frozen node, or asks where nothing is due. */
static cql_statement *begin_patiently(int32_t direct_connections) {
  start(2);
  cql_client_config config = settings();
  config.connect_timeout_ms = config.heartbeat_ms = LONG_MS;
  config.direct_connections = direct_connections;
  open_client(&config);
  return prepare("SELECT");
}

/* What may run twice is sent to another node as well; what may not waits; what comes anew goes elsewhere. */
static void a_frozen_node_holds_up_what_may_run_once(void **state) {
  heard twice = {0}, once = {0}, anew = {0};
  (void)state;
  cql_statement *s = begin_patiently(-1);
  fake_server_pause(node(0), true);
  submit_key(s, fake_key(0), true, &twice);
  submit_key(s, fake_key(0), false, &once);
  expect(&twice, fake_key(0));
  assert_int_equal(state_of(0), CQL_NODE_SILENT);
  submit_key(s, fake_key(0), false, &anew);
  expect(&anew, fake_key(0));
  assert_int_equal(executes(1), 2);
  assert_int_equal(atomic_load(&once.times), 0);
  fake_server_pause(node(0), false);
  expect(&once, fake_key(0));
  assert_int_equal(executes(1), 2);
  UNTIL(executes(0) == 3) execute_key(s, fake_key(0));
  cql_statement_release(s);
  end();
  assert_int_equal(atomic_load(&twice.times), 1);
}

/* It has forgotten the statement, and freezes before it is told again: nothing has run, so any call goes elsewhere. The
 * node that wakes is not asked any more. */
static void a_frozen_node_holds_up_nothing_that_it_prepares(void **state) {
  heard h = {0}, others[2] = {0};
  (void)state;
  cql_statement *s = begin_patiently(-1);
  uint32_t prepared = fake_server_requests(node(0), CQL_OP_PREPARE);
  atomic_store(&cluster_now->nodes[0].has_forgotten, true);
  fake_server_rule(node(0), &(fake_rule){.opcode = CQL_OP_PREPARE, .act = FAKE_HOLD, .times = 1});
  fake_server_rule(node(1), &(fake_rule){.opcode = CQL_OP_EXECUTE, .act = FAKE_HOLD, .times = 1});
  submit_key(s, fake_key(0), false, &h);
  UNTIL(fake_server_requests(node(0), CQL_OP_PREPARE) > prepared) continue;
  fake_server_pause(node(0), true);
  UNTIL(executes(1) == 1) continue;
  fake_server_pause(node(1), true);
  fake_server_pause(node(0), false);
  UNTIL(state_of(0) == CQL_NODE_UP) continue; /* it has answered the heartbeat, and PREPARE behind it */
  submit_key(s, fake_key(0), false, &others[0]);
  expect(&others[0], fake_key(0));
  assert_int_equal(executes(0), 2);
  if (atomic_load(&h.times) != 0) fail_msg("%d: %s", (int)h.status, h.text);
  fake_server_pause(node(1), false);
  UNTIL(state_of(1) == CQL_NODE_UP) continue;
  submit_key(s, fake_key(1), false, &others[1]);
  expect(&others[1], fake_key(1));
  expect(&h, fake_key(0));
  assert_int_equal(executes(1), 2);
  cql_statement_release(s);
  end();
}

static cql_statement *begin_with_a_direct_connection(void) {
  cql_statement *s = begin_patiently(1);
  UNTIL(fake_server_askers(node(1), CQL_OP_EXECUTE) == 2) execute_key(s, fake_key(1));
  return s;
}

/* No request is on the connection that the loop has: it asks because the thread has waited for long. */
static void a_thread_leaves_a_frozen_node(void **state) {
  (void)state;
  cql_statement *s = begin_with_a_direct_connection();
  uint32_t before = executes(0);
  fake_server_pause(node(1), true);
  heard h = execute_key(s, fake_key(1));
  assert_string_equal(h.text, fake_key(1));
  assert_int_equal(state_of(1), CQL_NODE_SILENT);
  assert_string_equal(execute_key(s, fake_key(1)).text, fake_key(1));
  assert_int_equal(executes(0), before + 2);
  fake_server_pause(node(1), false);
  UNTIL(state_of(1) == CQL_NODE_UP) continue;
  assert_string_equal(execute_key(s, fake_key(1)).text, fake_key(1));
  assert_int_equal(executes(0), before + 2);
  cql_statement_release(s);
  end();
}

static void a_thread_stays_with_what_may_run_once(void **state) {
  pthread_t thread;
  void *status;
  (void)state;
  cql_statement *s = begin_with_a_direct_connection();
  uint32_t elsewhere = executes(0), before = executes(1);
  fake_server_pause(node(1), true);
  assert_int_equal(pthread_create(&thread, NULL, execute_at_node_1, s), 0);
  UNTIL(state_of(1) == CQL_NODE_SILENT) continue;
  fake_server_pause(node(1), false);
  assert_int_equal(pthread_join(thread, &status), 0);
  assert_int_equal((cql_status)(uintptr_t)status, CQL_OK);
  assert_int_equal(executes(0), elsewhere);
  assert_int_equal(executes(1), before + 1);
  UNTIL(state_of(1) == CQL_NODE_UP) continue;
  cql_statement_release(s);
  end();
}

/* --- schema ------------------------------------------------------------------------------------------------------- */

static void set_schema(uint32_t i, uint32_t schema) {
  atomic_store(&cluster_now->nodes[i].schema, schema);
  atomic_store(&cluster_now->nodes[i].gossip, schema);
}

static void agreement_is_waited_for(void **state) {
  heard h = {0};
  asked a;
  (void)state;
  begin(2);
  set_schema(0, 1);
  uint32_t before = fake_cluster_requests(cluster_now, CQL_OP_QUERY);
  ask_text(&a, "CREATE TABLE t");
  submit(&a, &h);
  UNTIL(fake_cluster_requests(cluster_now, CQL_OP_QUERY) >= before + 10)
  continue; /* asked three times: three questions each */
  assert_int_equal(atomic_load(&h.times), 0);
  set_schema(1, 1);
  wait_for(&h);
  assert_int_equal(h.status, CQL_OK);
  assert_int_equal(h.warnings, 0);
  end();
}

/* What a node has heard of another one is late: that one is asked itself. */
static void agreement_does_not_wait_for_gossip(void **state) {
  asked a;
  (void)state;
  start(2);
  cql_client_config config = settings();
  config.agreement_timeout_ms = 500;
  open_client(&config);
  for (uint32_t i = 0; i < 2; i++) atomic_store(&cluster_now->nodes[i].schema, 1);
  ask_text(&a, "CREATE TABLE t");
  heard h = execute(&a);
  assert_int_equal(h.status, CQL_OK);
  assert_int_equal(h.warnings, 0);
  end();
}

static void without_agreement_there_is_a_warning(void **state) {
  asked a;
  (void)state;
  start(2);
  cql_client_config config = settings();
  config.agreement_timeout_ms = 50;
  open_client(&config);
  set_schema(0, 1);
  ask_text(&a, "CREATE TABLE t");
  heard h = execute(&a);
  assert_int_equal(h.status, CQL_OK);
  assert_int_equal(h.warnings, 1);
  end();
}

/* Both nodes were asked, and both have changed the schema: the second answer is nobody's. */
static void two_nodes_change_the_schema(void **state) {
  heard h = {0}, others[2] = {0};
  asked a;
  (void)state;
  open_with_speculation();
  cql_statement *s = prepare("SELECT");
  set_schema(0, 1);
  hold_first(CQL_OP_QUERY, "CREATE");
  uint32_t before = fake_cluster_requests(cluster_now, CQL_OP_QUERY);
  ask_text(&a, "CREATE TABLE t");
  submit(&a, &h);
  UNTIL(fake_cluster_requests(cluster_now, CQL_OP_QUERY) == before + 2) continue;
  for (uint32_t i = 0; i < 2; i++) {
    submit_key(s, fake_key(i), false, &others[i]);
    expect(&others[i], fake_key(i));
    UNTIL(fake_cluster_requests(cluster_now, CQL_OP_QUERY) >= before + 3 + i) continue; /* do you agree? */
  }
  set_schema(1, 1);
  wait_for(&h);
  assert_int_equal(h.status, CQL_OK);
  assert_int_equal(h.warnings, 0);
  cql_statement_release(s);
  end();
  assert_int_equal(atomic_load(&h.times), 1);
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static void a_closed_client_answers_what_is_in_flight(void **state) {
  static heard h[MANY];
  (void)state;
  memset(h, 0, sizeof h);
  begin(2);
  cql_statement *s = prepare("SELECT");
  fake_server_rule(node(0), &silent_execute);
  for (uint32_t i = 0; i < MANY; i++) submit_key(s, fake_key(i % 2), true, &h[i]);
  for (uint32_t i = 1; i < MANY; i += 2) expect(&h[i], fake_key(1));
  cql_client_close(client, 1);
  client = NULL;
  for (uint32_t i = 0; i < MANY; i++) {
    assert_int_equal(atomic_load(&h[i].times), 1);
    assert_int_equal(h[i].status, i % 2 == 0 ? CQL_CLOSED : CQL_OK);
  }
  cql_statement_release(s);
  end();
}

static void a_drain_lets_the_answers_come(void **state) {
  static heard h[MANY];
  (void)state;
  memset(h, 0, sizeof h);
  begin(2);
  cql_statement *s = prepare("SELECT");
  fake_cluster_rule(cluster_now, &(fake_rule){.opcode = CQL_OP_EXECUTE, .act = FAKE_LATE, .ms = 30});
  for (uint32_t i = 0; i < MANY; i++) submit_key(s, fake_key(i % 2), true, &h[i]);
  cql_client_close(client, LONG_MS);
  client = NULL;
  for (uint32_t i = 0; i < MANY; i++) {
    assert_int_equal(atomic_load(&h[i].times), 1);
    assert_string_equal(h[i].text, fake_key(i % 2));
  }
  cql_statement_release(s);
  end();
}

/* --- forks -------------------------------------------------------------------------------------------------------- */

/* TSan ends a child that starts a thread, when the process that forked had several. */
static void skip_under_tsan(void) {
#ifdef __SANITIZE_THREAD__
  skip();
#endif
}

/* In a child, where nothing of cmocka may be called: 'y' when all went well. No other thread may be allocating when it
 * is made: a lock of ASan's allocator would stay taken in it. */
static char child_asks(cql_statement *s) {
  heard h = execute_key(s, fake_key(0));
  bool ok = h.status == CQL_OK && strcmp(h.text, fake_key(0)) == 0;
  cql_client_close(client, 0);
  return ok ? 'y' : 'n';
}

static char child_closes(cql_statement *s) {
  (void)s;
  cql_client_close(client, 0);
  return 'y';
}

static char child_does_nothing(cql_statement *s) {
  (void)s;
  return 'y';
}

static void fork_and(char (*child)(cql_statement *s), cql_statement *s) {
  int fds[2], status;
  char said = '?';
  assert_int_equal(pipe(fds), 0);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    said = child(s);
    _exit(write(fds[1], &said, 1) == 1 ? 0 : 1);
  }
  close(fds[1]);
  assert_int_equal(read(fds[0], &said, 1), 1);
  close(fds[0]);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  assert_int_equal(said, 'y');
}

static void forks(int32_t direct_connections) {
  heard held = {0}, next = {0};
  start(2);
  cql_client_config config = settings();
  config.direct_connections = direct_connections;
  open_client(&config);
  cql_statement *s = prepare("SELECT");
  for (uint32_t i = 0; i < 2; i++) assert_string_equal(execute_key(s, fake_key(i)).text, fake_key(i));
  uint32_t before = executes(1);
  fake_server_rule(node(1), &(fake_rule){.opcode = CQL_OP_EXECUTE, .act = FAKE_HOLD, .times = 1});
  submit_key(s, fake_key(1), false, &held);
  UNTIL(executes(1) > before && fake_server_handled(node(1)) == fake_server_requests(node(1), FAKE_ANY)) continue;
  fork_and(child_closes, s); /* the other child's connections would still be ending */
  fork_and(child_asks, s);
  assert_int_equal(atomic_load(&held.times), 0);
  submit_key(s, fake_key(1), false, &next); /* by the connection that was there before the fork */
  expect(&next, fake_key(1));
  expect(&held, fake_key(1));
  assert_string_equal(execute_key(s, fake_key(0)).text, fake_key(0));
  cql_statement_release(s);
  end();
  assert_true(atomic_load(&held.times) == 1 && atomic_load(&next.times) == 1);
}

static void a_fork_with_requests_in_flight(void **state) {
  (void)state;
  skip_under_tsan();
  forks(-1);
  forks(2);
}

/* Requests on direct connections do without the loop; that it goes on all the same is seen by what it hears. */
static void the_loop_goes_on_after_a_fork(void **state) {
  (void)state;
  start(2);
  cql_client_config config = settings();
  config.direct_connections = 1;
  open_client(&config);
  cql_statement *s = prepare("SELECT");
  UNTIL(fake_server_askers(node(0), CQL_OP_EXECUTE) == 2) execute_key(s, fake_key(0));
  fork_and(child_closes, s);
  uint32_t before = fake_server_requests(node(0), CQL_OP_QUERY);
  assert_string_equal(execute_key(s, fake_key(0)).text, fake_key(0));
  fake_cluster_announce(cluster_now);
  UNTIL(fake_server_requests(node(0), CQL_OP_QUERY) > before) continue;
  cql_statement_release(s);
  end();
}

static _Atomic(bool) must_end;

static void *execute_until_the_end(void *statement) {
  while (!atomic_load(&must_end))
    if (execute_key(statement, fake_key(1)).status != CQL_OK) return statement;
  return NULL;
}

/* ASan's allocator may be locked for ever in such a child, so that it is the parent alone that is tested. */
static void forks_among_busy_threads(void **state) {
  enum { THREADS = 3, FORKS = 8 };
  pthread_t threads[THREADS];
  (void)state;
  skip_under_tsan();
  start(2);
  cql_client_config config = settings();
  config.direct_connections = 1;
  open_client(&config);
  cql_statement *s = prepare("SELECT");
  atomic_store(&must_end, false);
  for (uint32_t i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, execute_until_the_end, s), 0);
  for (uint32_t i = 0; i < FORKS; i++) fork_and(child_does_nothing, s);
  atomic_store(&must_end, true);
  for (uint32_t i = 0; i < THREADS; i++) {
    void *failed;
    assert_int_equal(pthread_join(threads[i], &failed), 0);
    assert_null(failed);
  }
  cql_statement_release(s);
  end();
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

/* It went well, or memory is out; a connection that memory was out for counts as one that broke. */
static void expect_clean(cql_status st) {
  if (st != CQL_OK && st != CQL_NOMEM && st != CQL_NO_HOST && st != CQL_CONNECTION)
    fail_msg("allocation %zu fails, and a call ends with %s", memory.fail_at, cql_status_name(st));
}

static void use(const cql_client_config *config) {
  static heard submitted;
  cql_error err;
  asked a;
  cql_statement *s = NULL;
  cql_status st = cql_client_open(&client, config, &err);
  expect_clean(st);
  if (st != CQL_OK) return;
  st = cql_client_prepare(client, "ks", CQL_SLICE_LITERAL("SELECT"), &s, &err);
  expect_clean(st);
  atomic_store(&cluster_now->nodes[0].has_forgotten, true);
  atomic_store(&cluster_now->shape, 1);
  for (uint32_t i = 0; st == CQL_OK && i < 3; i++) expect_clean(execute_key(s, "a").status);
  ask_text(&a, "text");
  atomic_store(&submitted.times, 0);
  st = cql_client_submit(client, &a.config, on_done, &submitted, &err);
  expect_clean(st);
  cql_client_close(client, LONG_MS);
  client = NULL;
  assert_int_equal(atomic_load(&submitted.times), st == CQL_OK ? 1 : 0);
  if (st == CQL_OK) expect_clean(submitted.status);
  cql_statement_release(s);
}

static void each_allocation_fails(int32_t direct_connections) {
  bool has_failed = true;
  start(1);
  cql_client_config config = settings();
  config.direct_connections = direct_connections;
  config.request_timeout_ms = 2000;
  for (size_t nth = 1; has_failed; nth++) {
    memory = (counted){.alloc = {resize, &memory}, .fail_at = nth};
    atomic_store(&cluster_now->shape, 0);
    use(&config);
    assert_int_equal(atomic_load(&memory.live), 0);
    has_failed = atomic_load(&memory.asked) >= nth;
  }
  memory.fail_at = 0;
  end();
}

static void memory_runs_out_at_each_point(void **state) {
  (void)state;
  each_allocation_fails(-1);
  each_allocation_fails(2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(opens_and_knows_its_nodes),
      cmocka_unit_test(opening_fails_with_an_attempt_for_each_address),
      cmocka_unit_test(executes_by_the_loop),
      cmocka_unit_test(executes_by_a_direct_connection),
      cmocka_unit_test(many_of_which_some_fail),
      cmocka_unit_test(a_full_queue_refuses),
      cmocka_unit_test(an_answer_makes_room_before_it_is_told),
      cmocka_unit_test(what_is_forgotten_is_prepared_once_for_many_calls),
      cmocka_unit_test(a_node_that_does_not_prepare_is_named),
      cmocka_unit_test(invalid_values_are_told_of_once_the_markers_are_sure),
      cmocka_unit_test(metadata_that_changes),
      cmocka_unit_test(threads_hear_at_once_that_metadata_has_changed),
      cmocka_unit_test(an_idempotent_call_goes_to_the_next_node),
      cmocka_unit_test(one_that_may_have_run_does_not),
      cmocka_unit_test(one_of_which_nothing_was_sent_does),
      cmocka_unit_test(a_node_leaves_while_a_thread_uses_its_connection),
      cmocka_unit_test(a_late_answer_hurts_nobody),
      cmocka_unit_test(a_slow_node_makes_us_ask_a_second),
      cmocka_unit_test(two_nodes_that_have_forgotten),
      cmocka_unit_test(a_node_that_is_slow_to_prepare),
      cmocka_unit_test(the_node_that_prepares_dies),
      cmocka_unit_test(unavailable),
      cmocka_unit_test(refused_over_the_rate_it_is_sent_again),
      cmocka_unit_test(a_load_over_the_rate_loses_nothing),
      cmocka_unit_test(over_the_rate_one_node_is_asked),
      cmocka_unit_test(over_the_rate_until_its_time_is_over),
      cmocka_unit_test(a_frozen_node_holds_up_what_may_run_once),
      cmocka_unit_test(a_frozen_node_holds_up_nothing_that_it_prepares),
      cmocka_unit_test(a_thread_leaves_a_frozen_node),
      cmocka_unit_test(a_thread_stays_with_what_may_run_once),
      cmocka_unit_test(agreement_is_waited_for),
      cmocka_unit_test(agreement_does_not_wait_for_gossip),
      cmocka_unit_test(without_agreement_there_is_a_warning),
      cmocka_unit_test(two_nodes_change_the_schema),
      cmocka_unit_test(a_closed_client_answers_what_is_in_flight),
      cmocka_unit_test(a_drain_lets_the_answers_come),
      cmocka_unit_test(a_fork_with_requests_in_flight),
      cmocka_unit_test(the_loop_goes_on_after_a_fork),
      cmocka_unit_test(forks_among_busy_threads),
      cmocka_unit_test(memory_runs_out_at_each_point),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
