/* A session over a cluster: what the client is asked for, and what is made of its answers. The client is a fake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_client.h"
#include "session/session_int.h"

#define KEYSPACE "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"

/* --- helpers ------------------------------------------------------------------------------------------------------ */

static cql_session *opened(const char *url) {
  cql_session *s;
  cql_error err;
  memset(&fake, 0, sizeof fake);
  if (cql_session_open(&s, url, &err) != CQL_OK) fail_msg("%s: %s", url, err.message);
  return s;
}

static cql_request text_of(const char *text) {
  cql_request q = CQL_REQUEST_INIT;
  q.text = text;
  q.text_len = strlen(text);
  return q;
}

static cql_status attempt(cql_session *s, const cql_request *q, cql_error *err) {
  cql_result *r;
  cql_status st = cql_session_execute(s, q, &r, err);
  cql_result_free(r);
  return st;
}

static void run(cql_session *s, const char *text) {
  cql_error err;
  cql_request q = text_of(text);
  if (attempt(s, &q, &err) != CQL_OK) fail_msg("%s: %s", text, err.message);
}

static cql_session *with_table(void) {
  cql_session *s = opened("cassandra://10.0.0.1:9999/ks?compression=lz4");
  run(s, KEYSPACE);
  run(s, "CREATE TABLE t (k int PRIMARY KEY, v text, l list<int>, s set<int>, m map<int, int>)");
  return s;
}

static cql_prepared *prepared(cql_session *s, const char *text) {
  cql_prepared *p;
  cql_error err;
  if (cql_session_prepare(s, text, strlen(text), NULL, &p, &err) != CQL_OK) fail_msg("%s: %s", text, err.message);
  return p;
}

static const uint8_t one[4] = {0, 0, 0, 1};
static const cql_value key_one = {one, 4};

static cql_request bound(const cql_prepared *p) {
  cql_request q = CQL_REQUEST_INIT;
  q.prepared = p;
  q.values = &key_one;
  q.value_count = 1;
  return q;
}

/* Waits for an answer that comes on another thread. */
typedef struct waiter {
  _Atomic int calls;
  cql_status status;
  uint64_t rows;
  void (*then)(void);
} waiter;

static void arrived(void *user, cql_outcome *o) {
  waiter *w = user;
  w->status = o->status;
  if (o->status == CQL_OK) w->rows = cql_result_row_count(o->result);
  cql_result_free(o->result);
  if (w->then != NULL) w->then();
  w->calls++;
}

static void await(waiter *w, int calls) {
  for (int i = 0; i < 10000 && w->calls < calls; i++) usleep(1000);
  assert_int_equal(w->calls, calls);
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

static void the_url_reaches_the_client(void **state) {
  (void)state;
  cql_session *s = opened("cassandra://10.0.0.1:9999/ks?compression=lz4&consistency=ONE&serial_consistency=SERIAL");
  assert_string_equal(fake.host, "10.0.0.1");
  assert_int_equal(fake.port, 9999);
  assert_true(fake.lz4);
  assert_true(cql_session_is_cluster(s));
  run(s, KEYSPACE);
  assert_int_equal(fake.call.consistency, CQL_ONE);
  assert_int_equal(fake.call.serial_consistency, CQL_SERIAL);
  assert_string_equal(fake.keyspace, "ks");
  cql_session_close(s);
}

static void a_cluster_that_is_not_there_says_so(void **state) {
  (void)state;
  cql_session *s;
  cql_error err;
  memset(&fake, 0, sizeof fake);
  fake.fail_next = CQL_NO_HOST;
  assert_int_equal(cql_session_open(&s, "cassandra://u:p@h", &err), CQL_NO_HOST);
  assert_null(s);
  assert_int_equal(err.attempt_count, 1);
}

static void requests_carry_their_options(void **state) {
  (void)state;
  cql_session *s = with_table();
  cql_request q = text_of("SELECT * FROM t");
  q.keyspace = "ks";
  q.consistency = CQL_QUORUM;
  q.timeout_ms = 77;
  q.page_size = 10;
  q.timestamp = 5;
  assert_int_equal(attempt(s, &q, NULL), CQL_OK);
  assert_int_equal(fake.call.consistency, CQL_QUORUM);
  assert_int_equal(fake.call.serial_consistency, CQL_LOCAL_SERIAL);
  assert_int_equal(fake.call.timeout_ms, 77);
  assert_int_equal(fake.call.page_size, 10);
  assert_int_equal(fake.call.timestamp, 5);
  assert_string_equal(fake.text, "SELECT * FROM t");
  q = text_of("SELECT * FROM t");
  assert_int_equal(attempt(s, &q, NULL), CQL_OK);
  assert_int_equal(fake.call.consistency, CQL_LOCAL_QUORUM);
  assert_int_equal(fake.call.timestamp, CQL_TIMESTAMP_NONE);
  cql_session_close(s);
}

static void levels_are_left_to_the_server(void **state) {
  (void)state;
  cql_session *s = with_table();
  cql_request q = text_of("SELECT * FROM t");
  q.consistency = CQL_ANY; /* which a file refuses for a read */
  assert_int_equal(attempt(s, &q, NULL), CQL_OK);
  assert_int_equal(fake.call.consistency, CQL_ANY);
  cql_session_close(s);
}

static void texts_with_values_are_prepared_once(void **state) {
  (void)state;
  cql_session *s = with_table();
  for (int i = 0; i < 3; i++) {
    cql_request q = text_of("SELECT v FROM t WHERE k = ?");
    q.values = &key_one;
    q.value_count = 1;
    assert_int_equal(attempt(s, &q, NULL), CQL_OK);
    assert_string_equal(fake.text, "");
  }
  assert_int_equal(fake.prepared, 1);
  cql_request wrong = text_of("SELECT v FROM t WHERE k = ? AND v = ? ALLOW FILTERING");
  cql_error err;
  wrong.values = &key_one;
  wrong.value_count = 1;
  assert_int_equal(attempt(s, &wrong, &err), CQL_INVALID);
  assert_string_equal(err.message, "there were 2 markers(?) in CQL but 1 bound variables");
  cql_session_close(s);
}

static void use_changes_the_keyspace(void **state) {
  (void)state;
  cql_session *s = with_table();
  char keyspace[CQL_NAME_LEN];
  run(s, "USE system");
  cql_session_keyspace(s, keyspace);
  assert_string_equal(keyspace, "system");
  waiter w = {0};
  cql_request q = text_of("USE ks");
  assert_int_equal(cql_session_submit(s, &q, arrived, &w, NULL), CQL_OK);
  await(&w, 1);
  cql_session_keyspace(s, keyspace);
  assert_string_equal(keyspace, "ks");
  cql_session_close(s);
}

static void the_text_says_what_may_be_repeated(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool idempotent, conditional;
  } cases[] = {
      {"SELECT * FROM t", true, false},
      {"INSERT INTO t (k, v) VALUES (1, 'a')", true, false},
      {"INSERT INTO t (k, v) VALUES (1, 'a') IF NOT EXISTS", false, true},
      {"UPDATE t SET l = l + [1] WHERE k = 1", false, false},
      {"UPDATE t SET s = s + {1} WHERE k = 1", true, false},
      {"DELETE FROM t WHERE k = 1", true, false},
      {"TRUNCATE t", false, false},
      {"CREATE TABLE IF NOT EXISTS t (k int PRIMARY KEY)", false, false},
  };
  cql_session *s = with_table();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    run(s, cases[i].text);
    if (fake.call.is_idempotent != cases[i].idempotent || fake.call.is_conditional != cases[i].conditional)
      fail_msg("%s: %d %d", cases[i].text, fake.call.is_idempotent, fake.call.is_conditional);
  }
  cql_request q = text_of("INSERT INTO t (k, v) VALUES (1, 'a')");
  q.idempotence = CQL_NOT_IDEMPOTENT;
  assert_int_equal(attempt(s, &q, NULL), CQL_OK);
  assert_false(fake.call.is_idempotent);
  q = text_of("UPDATE t SET l = l + [1] WHERE k = 1");
  q.idempotence = CQL_IDEMPOTENT;
  assert_int_equal(attempt(s, &q, NULL), CQL_OK);
  assert_true(fake.call.is_idempotent);
  cql_session_close(s);
}

/* --- schema changes ----------------------------------------------------------------------------------------------- */

static void changed_markers_reach_the_holder(void **state) {
  (void)state;
  cql_session *s = with_table();
  cql_prepared *p = prepared(s, "SELECT k FROM t WHERE k = ?");
  run(s, "DROP TABLE t");
  run(s, "CREATE TABLE t (k text PRIMARY KEY)");
  cql_request q = bound(p);
  cql_error err;
  assert_int_equal(attempt(s, &q, &err), CQL_UNPREPARED);
  assert_non_null(strstr(err.message, "prepare the statement again"));
  assert_false(p->cached);
  cql_prepared *again = prepared(s, "SELECT k FROM t WHERE k = ?");
  assert_ptr_not_equal(p, again);
  assert_int_equal(cql_prepared_bind(again, 0)->type->code, CQL_TYPE_TEXT);
  q = text_of("SELECT k FROM t WHERE k = ?"); /* a text is prepared anew by itself */
  q.values = &key_one;
  q.value_count = 1;
  run(s, "DROP TABLE t");
  run(s, "CREATE TABLE t (k int PRIMARY KEY)");
  assert_int_equal(attempt(s, &q, &err), CQL_OK);
  cql_prepared_release(p);
  cql_prepared_release(again);
  cql_session_close(s);
}

static void changed_columns_are_seen_at_the_next_prepare(void **state) {
  (void)state;
  cql_session *s = with_table();
  cql_prepared *p = prepared(s, "SELECT * FROM t WHERE k = ?");
  assert_int_equal(cql_prepared_column_count(p), 5);
  run(s, "ALTER TABLE t ADD w int");
  cql_prepared *again = prepared(s, "SELECT * FROM t WHERE k = ?");
  assert_int_equal(cql_prepared_column_count(again), 6);
  assert_int_equal(cql_prepared_column_count(p), 5);
  cql_prepared_release(p);
  cql_prepared_release(again);
  cql_session_close(s);
}

static void a_doubted_statement_is_asked_for_again(void **state) {
  (void)state;
  cql_session *s = with_table();
  cql_prepared *p = prepared(s, "DELETE FROM t WHERE k = ?");
  run(s, "DROP TABLE t");
  run(s, "CREATE TABLE t (k text PRIMARY KEY)");
  cql_prepared *same = prepared(s, "DELETE FROM t WHERE k = ?");
  assert_ptr_equal(same, p); /* its columns are the same, as far as anybody has seen */
  cql_prepared_doubt(p);
  cql_prepared *again = prepared(s, "DELETE FROM t WHERE k = ?");
  assert_int_equal(cql_prepared_bind(again, 0)->type->code, CQL_TYPE_TEXT);
  cql_prepared_release(p);
  cql_prepared_release(same);
  cql_prepared_release(again);
  cql_session_close(s);
}

/* --- batches, many ------------------------------------------------------------------------------------------------ */

static void batches_go_as_one_call(void **state) {
  (void)state;
  cql_session *s = with_table();
  cql_prepared *p = prepared(s, "DELETE FROM t WHERE k = ?");
  cql_request items[] = {bound(p), text_of("INSERT INTO t (k, v) VALUES (2, 'b')"),
                         text_of("INSERT INTO ks.t (k, v) VALUES (3, 'c')")};
  items[0].consistency = CQL_ONE;
  items[2].keyspace = "system"; /* prepared: a batch's texts share a keyspace */
  cql_result *r;
  cql_error err;
  unsigned before = fake.prepared;
  if (cql_session_batch(s, CQL_BATCH_UNLOGGED, items, 3, &r, &err) != CQL_OK) fail_msg("%s", err.message);
  cql_result_free(r);
  assert_true(fake.call.is_batch && fake.call.is_idempotent && !fake.call.is_conditional);
  assert_int_equal(fake.call.batch_type, CQL_BATCH_UNLOGGED);
  assert_int_equal(fake.call.item_count, 3);
  assert_int_equal(fake.call.consistency, CQL_ONE);
  assert_string_equal(fake.keyspace, "ks");
  assert_int_equal(fake.prepared, before + 1);
  items[1] = text_of("INSERT INTO t (k, v) VALUES (2, 'b') IF NOT EXISTS");
  assert_int_equal(cql_session_batch(s, CQL_BATCH_LOGGED, items + 1, 1, &r, &err), CQL_OK);
  cql_result_free(r);
  assert_true(fake.call.is_conditional && !fake.call.is_idempotent);
  waiter w = {0};
  assert_int_equal(cql_session_submit_batch(s, CQL_BATCH_LOGGED, items, 1, arrived, &w, NULL), CQL_OK);
  await(&w, 1);
  assert_int_equal(w.status, CQL_OK);
  cql_prepared_release(p);
  cql_session_close(s);
}

static void each_of_many_has_its_outcome(void **state) {
  (void)state;
  cql_session *s = with_table();
  run(s, "INSERT INTO t (k, v) VALUES (1, 'a')");
  cql_prepared *p = prepared(s, "SELECT v FROM t WHERE k = ?");
  cql_request requests[] = {bound(p), text_of("SELECT nothing FROM t"), bound(p), bound(p)};
  requests[2].value_count = 0;
  cql_outcome outcomes[4];
  assert_int_equal(cql_session_execute_many(s, requests, 4, outcomes, NULL), CQL_OK);
  static const cql_status expected[] = {CQL_OK, CQL_INVALID, CQL_INVALID, CQL_OK};
  for (int i = 0; i < 4; i++) {
    assert_int_equal(outcomes[i].status, expected[i]);
    cql_result_free(outcomes[i].result);
  }
  assert_int_equal(cql_session_execute_many(s, requests, 0, outcomes, NULL), CQL_OK);
  cql_prepared_release(p);
  cql_session_close(s);
}

/* --- submitting --------------------------------------------------------------------------------------------------- */

static cql_session *current;
static cql_request current_request;
static cql_status seen;

static void waits(void) {
  cql_result *r;
  cql_error err;
  seen = cql_session_execute(current, &current_request, &r, &err);
}

static void submits(void) {
  static waiter second;
  seen = cql_session_submit(current, &current_request, arrived, &second, NULL);
}

static void answers_come_once_and_may_submit(void **state) {
  (void)state;
  cql_session *s = current = with_table();
  cql_prepared *p = prepared(s, "SELECT v FROM t WHERE k = ?");
  current_request = bound(p);
  waiter w = {.then = submits};
  assert_int_equal(cql_session_submit(s, &current_request, arrived, &w, NULL), CQL_OK);
  await(&w, 1);
  assert_int_equal(w.status, CQL_OK);
  assert_int_equal(seen, CQL_OK);
  w.then = waits; /* which would be for itself */
  assert_int_equal(cql_session_submit(s, &current_request, arrived, &w, NULL), CQL_OK);
  await(&w, 2);
  assert_int_equal(seen, CQL_MISUSE);
  cql_prepared_release(p);
  cql_session_close(s);
}

static void a_request_that_cannot_be_is_refused_at_once(void **state) {
  (void)state;
  cql_session *s = with_table();
  waiter w = {0};
  cql_request nothing = CQL_REQUEST_INIT;
  assert_int_equal(cql_session_submit(s, &nothing, arrived, &w, NULL), CQL_MISUSE);
  cql_prepared *p = prepared(s, "SELECT v FROM t WHERE k = ?");
  cql_request q = bound(p);
  q.value_count = 0;
  assert_int_equal(cql_session_submit(s, &q, arrived, &w, NULL), CQL_INVALID);
  assert_int_equal(w.calls, 0);
  cql_prepared_release(p);
  cql_session_close(s);
}

static void closing_answers_what_is_in_flight(void **state) {
  (void)state;
  cql_session *s = with_table();
  cql_prepared *p = prepared(s, "SELECT v FROM t WHERE k = ?");
  cql_request q = bound(p);
  waiter w = {0};
  fake.hold = true;
  for (int i = 0; i < 3; i++) assert_int_equal(cql_session_submit(s, &q, arrived, &w, NULL), CQL_OK);
  cql_session_close(s);
  assert_int_equal(w.calls, 3);
  assert_int_equal(w.status, CQL_CLOSED);
  assert_int_equal(cql_prepared_bind_count(p), 1); /* the handle lives on */
  cql_prepared_release(p);
}

static void a_submitted_statement_with_other_markers_is_forgotten(void **state) {
  (void)state;
  cql_session *s = with_table();
  cql_prepared *p = prepared(s, "SELECT k FROM t WHERE k = ?");
  run(s, "DROP TABLE t");
  run(s, "CREATE TABLE t (k text PRIMARY KEY)");
  cql_request q = bound(p);
  waiter w = {0};
  assert_int_equal(cql_session_submit(s, &q, arrived, &w, NULL), CQL_OK);
  await(&w, 1);
  assert_int_equal(w.status, CQL_UNPREPARED);
  assert_false(p->cached);
  cql_prepared_release(p);
  cql_session_close(s);
}

static void a_file_answers_before_submit_returns(void **state) {
  (void)state;
  cql_session *s = opened("local::memory:");
  waiter w = {0};
  cql_request q = text_of(KEYSPACE), bad = text_of("SELEC");
  assert_int_equal(cql_session_submit(s, &q, arrived, &w, NULL), CQL_OK);
  assert_int_equal(w.calls, 1);
  assert_int_equal(w.status, CQL_OK);
  assert_int_equal(cql_session_submit(s, &bad, arrived, &w, NULL), CQL_OK);
  assert_int_equal(w.status, CQL_SYNTAX);
  assert_int_equal(cql_session_submit_batch(s, CQL_BATCH_LOGGED, &q, 1, arrived, &w, NULL), CQL_OK);
  assert_int_equal(w.calls, 3);
  assert_false(cql_session_is_cluster(s));
  cql_session_close(s);
}

static void count_node(void *user, const cql_node_info *node) {
  assert_string_equal(node->address, "127.0.0.1:9042");
  assert_int_equal(node->state, CQL_NODE_UP);
  ++*(uint32_t *)user;
}

static void clusters_alone_have_nodes(void **state) {
  (void)state;
  uint32_t count = 0;
  cql_error err;
  cql_session *s = opened("cassandra://h"), *file = opened("local::memory:");
  assert_int_equal(cql_session_nodes(s, count_node, &count, &err), CQL_OK);
  assert_int_equal(count, 1);
  assert_int_equal(cql_session_nodes(file, count_node, &count, &err), CQL_UNSUPPORTED);
  assert_int_equal(count, 1);
  cql_session_close(s);
  cql_session_close(file);
}

/* --- what a file alone can do ------------------------------------------------------------------------------------- */

static void files_alone_have_chains_and_maintenance(void **state) {
  (void)state;
  cql_session *s = with_table();
  cql_error err;
  cql_result *r;
  uint32_t made = 7;
  cql_compact_report compact;
  cql_check_report check;
  cql_request q = text_of("DELETE FROM t WHERE k = 1");
  assert_int_equal(cql_session_chain(s, &q, 1, true, &r, &made, &err), CQL_UNSUPPORTED);
  assert_int_equal(made, 0);
  assert_non_null(strstr(err.message, "as a batch"));
  assert_int_equal(cql_session_backup(s, "x", &err), CQL_UNSUPPORTED);
  assert_non_null(strstr(err.message, "nodetool snapshot"));
  assert_int_equal(cql_session_compact(s, NULL, NULL, &compact, &err), CQL_UNSUPPORTED);
  assert_int_equal(cql_session_check(s, NULL, NULL, NULL, &check, &err), CQL_UNSUPPORTED);
  cql_session_close(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_url_reaches_the_client),
      cmocka_unit_test(a_cluster_that_is_not_there_says_so),
      cmocka_unit_test(requests_carry_their_options),
      cmocka_unit_test(levels_are_left_to_the_server),
      cmocka_unit_test(texts_with_values_are_prepared_once),
      cmocka_unit_test(use_changes_the_keyspace),
      cmocka_unit_test(the_text_says_what_may_be_repeated),
      cmocka_unit_test(changed_markers_reach_the_holder),
      cmocka_unit_test(changed_columns_are_seen_at_the_next_prepare),
      cmocka_unit_test(a_doubted_statement_is_asked_for_again),
      cmocka_unit_test(batches_go_as_one_call),
      cmocka_unit_test(each_of_many_has_its_outcome),
      cmocka_unit_test(answers_come_once_and_may_submit),
      cmocka_unit_test(a_request_that_cannot_be_is_refused_at_once),
      cmocka_unit_test(closing_answers_what_is_in_flight),
      cmocka_unit_test(a_submitted_statement_with_other_markers_is_forgotten),
      cmocka_unit_test(a_file_answers_before_submit_returns),
      cmocka_unit_test(clusters_alone_have_nodes),
      cmocka_unit_test(files_alone_have_chains_and_maintenance),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
