/* A detached connection: one thread, one request, one answer. */
#include "bench.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>

static bench b;
static _Atomic(bool) interrupt_now;

static bool is_interrupted(void) {
  return atomic_load(&interrupt_now);
}

static void detached(const mode *m) {
  bench_init(&b, m);
  bench_open(&b);
  cqli_conn_detach(b.conn);
}

typedef struct outcome {
  cql_status status;
  bool may_have_run;
  cql_envelope e;
  cql_error err;
} outcome;

static outcome exchange_slice(cql_slice text, const cqli_patience *patience) {
  outcome o;
  cql_buf q;
  bench_query(&q, cqli_conn_version(b.conn), text);
  o.status = cqli_conn_exchange(b.conn, cql_buf_view(&q), patience, &o.e, &o.may_have_run, &o.err);
  cql_buf_free(&q);
  return o;
}

static int64_t after(uint32_t ms) {
  return cql_clock_monotonic_us() + (int64_t)ms * 1000;
}

static outcome exchange(const char *text, uint32_t ms) {
  const cqli_patience patience = {.deadline_us = after(ms), .interrupted = is_interrupted};
  return exchange_slice(cql_slice_str(text), &patience);
}

static void expect_text(outcome o, cql_slice text) {
  if (o.status != CQL_OK) fail_msg("%s", o.err.message);
  assert_true(o.may_have_run);
  assert_true(cql_slice_eq(bench_text(&o.e), text));
}

/* The loop has it again. */
static void attach(void) {
  cqli_conn_attach(b.conn);
}

static void asks_and_hears(const mode *m) {
  char text[64];
  detached(m);
  for (int i = 0; i < 50; i++) {
    snprintf(text, sizeof text, "request %d", i);
    expect_text(exchange(text, 5000), cql_slice_str(text));
  }
  attach();
  uint32_t i = bench_ask(&b, "by the loop");
  cqli_conn_flush(b.conn);
  bench_until(&b, &b.answered, 1);
  bench_expect(&b, i, cql_slice_str("by the loop"));
  cqli_conn_detach(b.conn);
  expect_text(exchange("alone again", 5000), cql_slice_str("alone again"));
  attach();
  bench_free(&b);
}

static void one_request_one_answer(void **state) {
  (void)state;
  in_all_modes(asks_and_hears);
}

static void no_memory_is_asked_for(void **state) {
  (void)state;
  detached(NULL);
  expect_text(exchange("warm", 5000), cql_slice_str("warm"));
  size_t asked = b.memory.asked;
  for (int i = 0; i < 20; i++) expect_text(exchange("warm", 5000), cql_slice_str("warm"));
  assert_int_equal(b.memory.asked, asked);
  attach();
  bench_free(&b);
}

static void takes_long_answers(const mode *m) {
  enum { LEN = 900 * 1000 };
  cql_buf body;
  char *text = calloc(1, LEN + 1);
  uint32_t x = 7;
  for (size_t i = 0; i < LEN; i++) text[i] = (char)('a' + ((x = x * 1664525u + 1013904223u) >> 24) % 26);
  detached(m);
  outcome o = exchange_slice(cql_slice_of(text, LEN), &(cqli_patience){.deadline_us = after(10000)});
  expect_text(o, cql_slice_of(text, LEN));
  cql_buf_init(&body, &b.memory.alloc, CQL_BODY_LEN_MAX);
  assert_int_equal(cqli_conn_take(b.conn, &o.e, &body), CQL_OK);
  expect_text(exchange("short", 5000), cql_slice_str("short"));
  assert_true(cql_slice_eq(bench_text(&o.e), cql_slice_of(text, LEN))); /* it was taken */
  cql_buf_free(&body);
  attach();
  bench_free(&b);
  free(text);
}

static void long_requests_and_answers(void **state) {
  (void)state;
  in_all_modes(takes_long_answers);
}

/* --- what does not come ------------------------------------------------------------------------------------------- */

static void give_up(const mode *m) {
  static const uint32_t timeouts[] = {0, 30, 250};
  for (size_t i = 0; i < 3; i++) {
    detached(m);
    fake_server_rule(b.server, &(fake_rule){.opcode = CQL_OP_QUERY, .text = "late", .act = FAKE_LATE, .ms = 500});
    int64_t begun = cql_clock_monotonic_us();
    outcome o = exchange("late", timeouts[i]);
    assert_int_equal(o.status, CQL_TIMEOUT);
    assert_true(o.may_have_run);
    assert_true(cql_clock_monotonic_us() - begun < 450 * 1000);
    assert_non_null(strstr(o.err.message, "127.0.0.1:"));
    attach();
    assert_int_equal(cqli_conn_in_flight(b.conn), 1);
    while (cqli_conn_in_flight(b.conn) > 0) bench_run(&b, 10); /* the late answer is nobody's */
    assert_int_equal(b.closed, 0);
    cqli_conn_detach(b.conn);
    expect_text(exchange("soon", 5000), cql_slice_str("soon"));
    attach();
    bench_free(&b);
  }
}

static void a_time_out(void **state) {
  (void)state;
  in_all_modes(give_up);
}

static void *interrupt_soon(void *arg) {
  (void)arg;
  uv_sleep(120);
  atomic_store(&interrupt_now, true);
  return NULL;
}

static void interrupted(const mode *m) {
  pthread_t thread;
  detached(m);
  fake_server_rule(b.server, &(fake_rule){.opcode = CQL_OP_QUERY, .act = FAKE_SILENT});
  atomic_store(&interrupt_now, false);
  assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, NULL), 0);
  int64_t begun = cql_clock_monotonic_us();
  outcome o = exchange("x", 30000);
  assert_int_equal(o.status, CQL_INTERRUPTED);
  assert_true(cql_clock_monotonic_us() - begun < 5000 * 1000);
  pthread_join(thread, NULL);
  atomic_store(&interrupt_now, false);
  attach();
  cqli_conn_retire(b.conn);
  assert_int_equal(b.closed, 1); /* nobody else waits */
  bench_free(&b);
}

static void an_interrupt(void **state) {
  (void)state;
  in_all_modes(interrupted);
}

static bool third_look(void *of) {
  return ++*(uint32_t *)of == 3;
}

static void without_hope(const mode *m) {
  uint32_t looks = 0;
  detached(m);
  fake_server_rule(b.server, &(fake_rule){.opcode = CQL_OP_QUERY, .text = "late", .act = FAKE_LATE, .ms = 500});
  outcome o = exchange_slice(cql_slice_str("late"), &(cqli_patience){after(30000), is_interrupted, third_look, &looks});
  assert_int_equal(o.status, CQL_TIMEOUT);
  assert_true(o.may_have_run);
  assert_int_equal(looks, 3);
  assert_non_null(strstr(o.err.message, "is silent"));
  attach();
  while (cqli_conn_in_flight(b.conn) > 0) bench_run(&b, 10);
  assert_int_equal(b.closed, 0);
  bench_free(&b);
}

static void a_node_that_is_given_up_before_the_time_out(void **state) {
  (void)state;
  in_all_modes(without_hope);
}

/* --- what breaks -------------------------------------------------------------------------------------------------- */

static void closed_before(const mode *m) {
  detached(m);
  expect_text(exchange("x", 5000), cql_slice_str("x"));
  fake_server_drop(b.server);
  while (fake_server_open(b.server) > 0) uv_sleep(1);
  uv_sleep(5);
  outcome o = exchange("y", 5000);
  assert_int_equal(o.status, CQL_CONNECTION);
  assert_false(o.may_have_run);
  assert_int_equal(b.closed, 0);
  assert_int_equal(exchange("z", 5000).status, CQL_CONNECTION); /* it stays so */
  attach();
  assert_int_equal(b.closed, 1);
  assert_int_equal(b.why.status, CQL_CONNECTION);
  bench_free(&b);
}

static void a_node_that_went_away_before(void **state) {
  (void)state;
  in_all_modes(closed_before);
}

static void closed_by_the_loops_time(const mode *m) {
  detached(m);
  fake_server_drop(b.server);
  attach();
  bench_until(&b, &b.closed, 1);
  bench_free(&b);
}

static void a_node_that_went_away_is_noticed_when_attached(void **state) {
  (void)state;
  in_all_modes(closed_by_the_loops_time);
}

static void breaks(fake_act act, uint32_t n, cql_status status) {
  detached(NULL);
  fake_server_rule(b.server, &(fake_rule){.opcode = CQL_OP_QUERY, .act = act, .n = n});
  outcome o = exchange("x", 5000);
  assert_int_equal(o.status, status);
  assert_true(o.may_have_run);
  attach();
  assert_int_equal(b.closed, 1);
  assert_int_equal(b.why.status, status);
  assert_int_equal(b.why.stage, CQL_STAGE_REQUEST);
  bench_free(&b);
}

static void answers_that_are_none(void **state) {
  (void)state;
  breaks(FAKE_CLOSE, 0, CQL_CONNECTION);
  breaks(FAKE_RESET, 0, CQL_CONNECTION);
  breaks(FAKE_CUT, 11, CQL_CONNECTION);
  breaks(FAKE_FLIP, 20, CQL_MALFORMED);
  breaks(FAKE_STREAM, 5, CQL_MALFORMED);
}

static void something_unasked_for(const mode *m) {
  detached(m);
  fake_server_rule(b.server, &(fake_rule){.opcode = CQL_OP_QUERY, .act = FAKE_TWICE});
  expect_text(exchange("x", 5000), cql_slice_str("x"));
  uv_sleep(20);
  outcome o = exchange("y", 5000); /* what was read with the first one, or peek, tells */
  assert_true(o.status == CQL_CONNECTION || o.status == CQL_MALFORMED);
  attach();
  assert_int_equal(b.closed, 1);
  bench_free(&b);
}

static void trap_10_an_answer_that_comes_twice(void **state) {
  (void)state;
  in_all_modes(something_unasked_for);
}

static void not_used_for_long(void **state) {
  (void)state;
  bench_init(&b, NULL);
  b.config.heartbeat_ms = 100;
  bench_open(&b);
  cqli_conn_detach(b.conn);
  uv_sleep(300);
  outcome o = exchange("x", 5000);
  assert_int_equal(o.status, CQL_CONNECTION);
  assert_false(o.may_have_run);
  assert_non_null(strstr(o.err.message, "not used for too long"));
  attach();
  assert_int_equal(b.closed, 1);
  bench_free(&b);
}

static void retired_while_away(void **state) {
  (void)state;
  detached(NULL);
  cqli_conn_retire(b.conn);
  assert_int_equal(b.closed, 0);
  expect_text(exchange("x", 5000), cql_slice_str("x"));
  attach();
  assert_int_equal(b.closed, 1);
  bench_free(&b);
}

static void memory_runs_out(void **state) {
  (void)state;
  for (int deep = 0; deep < 2; deep++) {
    detached(NULL);
    char *text = calloc(1, 400001);
    memset(text, 'x', 400000);
    b.memory.fail_at = b.memory.asked + 1 + (size_t)deep;
    outcome o = exchange(text, 5000);
    assert_int_equal(o.status, CQL_NOMEM);
    attach();
    assert_int_equal(b.closed, 1);
    bench_free(&b);
    free(text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_request_one_answer),
      cmocka_unit_test(no_memory_is_asked_for),
      cmocka_unit_test(long_requests_and_answers),
      cmocka_unit_test(a_time_out),
      cmocka_unit_test(an_interrupt),
      cmocka_unit_test(a_node_that_is_given_up_before_the_time_out),
      cmocka_unit_test(a_node_that_went_away_before),
      cmocka_unit_test(a_node_that_went_away_is_noticed_when_attached),
      cmocka_unit_test(answers_that_are_none),
      cmocka_unit_test(trap_10_an_answer_that_comes_twice),
      cmocka_unit_test(not_used_for_long),
      cmocka_unit_test(retired_while_away),
      cmocka_unit_test(memory_runs_out),
  };
  return cmocka_run_group_tests(tests, bench_setup, bench_teardown);
}
