/* A node, or what is there in its place, that does not do what it should: each ends in words that say so, closed() is
 * called once, and nothing is left.
 */
#include "bench.h"

#include <stdio.h>

static bench b;

static void rule(int opcode, fake_act act, uint32_t n, cql_slice bytes) {
  fake_server_rule(b.server, &(fake_rule){.opcode = opcode, .act = act, .n = n, .bytes = bytes});
}

static void start(const mode *m) {
  bench_init(&b, m);
  b.server = fake_server_start(&b.server_config);
}

/* --- who is there? ------------------------------------------------------------------------------------------------ */

static void nobody_listens(void **state) {
  (void)state;
  start(NULL);
  fake_server_close_port(b.server);
  bench_fail(&b, CQL_CONNECTION, CQL_STAGE_CONNECT, "connection refused");
  bench_free(&b);
}

static void says_nothing(const mode *m) {
  start(m);
  b.config.connect_timeout_ms = 300;
  rule(CQL_OP_OPTIONS, FAKE_SILENT, 0, (cql_slice){NULL, 0});
  bench_fail(&b, CQL_TIMEOUT, CQL_STAGE_OPTIONS, "no answer within 300 ms");
  assert_in_range(b.why.elapsed_ms, 200, 5000);
  rule(CQL_OP_STARTUP, FAKE_SILENT, 0, (cql_slice){NULL, 0});
  fake_server_rule(b.server, &(fake_rule){.opcode = CQL_OP_OPTIONS, .act = FAKE_ANSWER});
  bench_fail(&b, CQL_TIMEOUT, CQL_STAGE_STARTUP, "no answer within 300 ms");
  bench_free(&b);
}

static void a_node_that_says_nothing(void **state) {
  (void)state;
  in_all_modes(says_nothing);
}

static void a_server_that_closes_at_once(void **state) {
  (void)state;
  bench_init(&b, NULL);
  b.server_config.closes_at_once = true;
  bench_fail(&b, CQL_CONNECTION, CQL_STAGE_OPTIONS, "closed the connection before it said anything");
  bench_free(&b);
}

static void another_protocol(void **state) {
  static const char http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
  (void)state;
  start(NULL);
  rule(CQL_OP_OPTIONS, FAKE_RAW, 0, cql_slice_str(http));
  bench_fail(&b, CQL_CONNECTION, CQL_STAGE_OPTIONS, "what answers is not Cassandra");
  rule(CQL_OP_OPTIONS, FAKE_RAW, 0, cql_slice_of("\xff garbage of all kinds", 23));
  bench_fail(&b, CQL_CONNECTION, CQL_STAGE_OPTIONS, "what answers is not Cassandra");
  rule(CQL_OP_OPTIONS, FAKE_RAW, 0, cql_slice_of("\x15\x03\x03\x00\x02\x02\x50", 7));
  bench_fail(&b, CQL_TLS, CQL_STAGE_TLS, "speaks TLS");
  bench_free(&b);
}

static void plain_text_to_a_tls_server(void **state) {
  (void)state;
  bench_init(&b, &(mode){CQL_VERSION_5, false, true});
  b.tls_config.enabled = false;
  bench_connect(&b);
  bench_until(&b, &b.closed, 1);
  assert_non_null(strstr(b.why.reason, "TLS"));
  bench_free(&b);
}

static void trap_09_a_server_of_version_3_answers_in_it(void **state) {
  const cql_server_error e = {.code = 0x000A,
                              .message = cql_slice_str("Invalid or unsupported protocol version (4); highest is 3")};
  cql_buf out;
  (void)state;
  cql_buf_init(&out, &cql_alloc_libc, 1024);
  cql_put_error(&out, 3, &e);
  start(NULL);
  rule(CQL_OP_OPTIONS, FAKE_PUT, 0, cql_buf_view(&out));
  bench_fail(&b, CQL_PROTOCOL, CQL_STAGE_OPTIONS, "highest is 3");
  bench_free(&b);
  cql_buf_free(&out);
}

static void trap_09_a_request_is_no_answer(void **state) {
  cql_buf out;
  (void)state;
  cql_buf_init(&out, &cql_alloc_libc, 1024);
  cql_put_options(&out, CQL_VERSION_5);
  start(NULL);
  rule(CQL_OP_QUERY, FAKE_PUT, 0, cql_buf_view(&out));
  bench_open(&b);
  bench_ask(&b, "x");
  cqli_conn_flush(b.conn);
  bench_until(&b, &b.closed, 1);
  assert_string_equal(b.why.reason, "the node sent a request");
  bench_free(&b);
  cql_buf_free(&out);
}

static void answers_that_have_no_place(void **state) {
  cql_buf ready, supported;
  (void)state;
  cql_buf_init(&ready, &cql_alloc_libc, 1024);
  cql_buf_init(&supported, &cql_alloc_libc, 1024);
  cql_put_ready(&ready, CQL_VERSION_4);
  cql_put_supported(&supported, CQL_VERSION_5, NULL, 0);
  start(NULL);
  rule(CQL_OP_OPTIONS, FAKE_PUT, 0, cql_buf_view(&ready));
  bench_fail(&b, CQL_CONNECTION, CQL_STAGE_OPTIONS, "opcode 2");
  fake_server_clear_rules(b.server);
  rule(CQL_OP_STARTUP, FAKE_PUT, 0, cql_buf_view(&supported));
  bench_fail(&b, CQL_MALFORMED, CQL_STAGE_STARTUP, "opcode 6");
  bench_free(&b);
  cql_buf_free(&ready);
  cql_buf_free(&supported);
}

/* --- bytes -------------------------------------------------------------------------------------------------------- */

/* Whatever byte is wrong, no answer is a wrong one: in version 5 each is found; in version 4, which has no checksums,
 * an answer that came is told apart by nothing, so that only what closes is looked at. */
static void flip(const mode *m) {
  for (uint32_t n = 0; n < 40; n += m->version == CQL_VERSION_5 ? 1 : 3) {
    start(m);
    bench_open(&b);
    rule(CQL_OP_QUERY, FAKE_FLIP, n, (cql_slice){NULL, 0});
    uint32_t i = bench_ask(&b, "a text that is longer than a few bytes");
    cqli_conn_flush(b.conn);
    if (m->version == CQL_VERSION_5) {
      bench_until(&b, &b.closed, 1);
      assert_true(b.answers[i].failed);
      assert_int_equal(b.why.status, CQL_MALFORMED);
      assert_non_null(strstr(b.why.reason, "checksum"));
    } else {
      bench_run(&b, 5);
      assert_true(b.closed <= 1);
    }
    bench_free(&b);
  }
}

static void trap_03_a_flipped_bit_is_found(void **state) {
  (void)state;
  for (int lz4 = 0; lz4 < 2; lz4++) {
    flip(&(mode){CQL_VERSION_5, lz4 == 1, false});
    flip(&(mode){CQL_VERSION_4, lz4 == 1, false});
  }
}

static void cut_after(const mode *m) {
  for (uint32_t n = 0; n < 48; n += 5) {
    start(m);
    bench_open(&b);
    rule(CQL_OP_QUERY, FAKE_CUT, n, (cql_slice){NULL, 0});
    uint32_t i = bench_ask(&b, "cut");
    cqli_conn_flush(b.conn);
    bench_until(&b, &b.closed, 1);
    assert_true(b.answers[i].failed && b.answers[i].may_have_run);
    assert_int_equal(b.why.status, CQL_CONNECTION);
    assert_non_null(strstr(b.why.reason, "closed the connection"));
    bench_free(&b);
  }
}

static void an_answer_that_is_cut(void **state) {
  (void)state;
  in_all_modes(cut_after);
}

static void slowly(const mode *m) {
  start(m);
  rule(FAKE_ANY, FAKE_SLOW, 1, (cql_slice){NULL, 0});
  fake_server_rule(b.server, &(fake_rule){.opcode = CQL_OP_STARTUP, .act = FAKE_ANSWER});
  bench_open(&b);
  uint32_t i = bench_ask(&b, "byte by byte");
  cqli_conn_flush(b.conn);
  bench_until(&b, &b.answered, 1);
  bench_expect(&b, i, cql_slice_str("byte by byte"));
  bench_free(&b);
}

static void answers_that_come_byte_by_byte(void **state) {
  (void)state;
  in_all_modes(slowly);
}

static void trap_08_lengths_that_cannot_be(void **state) {
  static const uint32_t lengths[] = {0x80000000u, 0xffffffffu, CQL_BODY_LEN_MAX + 1};
  (void)state;
  for (size_t i = 0; i < 3; i++) {
    start(&(mode){CQL_VERSION_4, false, false});
    bench_open(&b);
    rule(CQL_OP_QUERY, FAKE_LENGTH, lengths[i], (cql_slice){NULL, 0});
    bench_ask(&b, "x");
    cqli_conn_flush(b.conn);
    bench_until(&b, &b.closed, 1);
    assert_true(b.why.status == CQL_MALFORMED || b.why.status == CQL_LIMIT);
    bench_free(&b);
  }
}

static void trap_06_a_packed_body_that_says_too_much(void **state) {
  /* version 4, compressed, stream 0, RESULT, 8 bytes: "unpacks to 1 GiB" */
  static const uint8_t bytes[] = {0x84, 0x01, 0, 0, 0x08, 0, 0, 0, 8, 0x40, 0, 0, 0, 1, 2, 3, 4};
  (void)state;
  start(&(mode){CQL_VERSION_4, true, false});
  bench_open(&b);
  rule(CQL_OP_QUERY, FAKE_RAW, 0, cql_slice_of(bytes, sizeof bytes));
  bench_ask(&b, "x");
  cqli_conn_flush(b.conn);
  bench_until(&b, &b.closed, 1);
  assert_true(b.why.status == CQL_MALFORMED || b.why.status == CQL_LIMIT);
  bench_free(&b);
}

/* --- streams ------------------------------------------------------------------------------------------------------ */

static void strays(const mode *m) {
  static const uint32_t streams[] = {1, 77, 20000, 0x8000};
  for (size_t i = 0; i < 4; i++) {
    start(m);
    bench_open(&b);
    rule(CQL_OP_QUERY, FAKE_STREAM, streams[i], (cql_slice){NULL, 0});
    uint32_t asked = bench_ask(&b, "mine");
    cqli_conn_flush(b.conn);
    bench_until(&b, &b.closed, 1);
    assert_int_equal(b.why.status, CQL_MALFORMED);
    assert_true(b.answers[asked].failed);
    bench_free(&b);
  }
}

static void trap_10_an_answer_to_nobody(void **state) {
  (void)state;
  in_all_modes(strays);
}

static void an_answer_that_comes_twice(void **state) {
  (void)state;
  start(NULL);
  bench_open(&b);
  rule(CQL_OP_QUERY, FAKE_TWICE, 0, (cql_slice){NULL, 0});
  uint32_t i = bench_ask(&b, "once");
  cqli_conn_flush(b.conn);
  bench_until(&b, &b.closed, 1);
  bench_expect(&b, i, cql_slice_str("once"));
  assert_int_equal(b.answered, 1);
  bench_free(&b);
}

static void an_error_on_a_stream_of_the_nodes_choice(void **state) {
  cql_buf out;
  const cql_server_error e = {.code = 0x000A, .message = cql_slice_str("cannot make sense of it")};
  (void)state;
  cql_buf_init(&out, &cql_alloc_libc, 1024);
  cql_put_error(&out, CQL_VERSION_4, &e);
  cql_store_u16(out.data + 2, 99);
  start(&(mode){CQL_VERSION_4, false, false});
  bench_open(&b);
  rule(CQL_OP_QUERY, FAKE_RAW, 0, cql_buf_view(&out));
  bench_ask(&b, "x");
  cqli_conn_flush(b.conn);
  bench_until(&b, &b.closed, 1);
  assert_int_equal(b.why.status, CQL_PROTOCOL);
  assert_string_equal(b.why.reason, "cannot make sense of it");
  bench_free(&b);
  cql_buf_free(&out);
}

/* --- a peer that does not read ------------------------------------------------------------------------------------ */

static void unread(const mode *m) {
  enum { LEN = 4 * 1000 * 1000 };
  uint8_t *text = calloc(1, LEN);
  uint32_t x = 1;
  for (size_t i = 0; i < LEN; i++) text[i] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
  start(m);
  bench_open(&b);
  fake_server_pause(b.server, true);
  uint32_t first = bench_ask_bytes(&b, cql_slice_of(text, LEN), NULL), last = bench_ask(&b, "last");
  cqli_conn_flush(b.conn);
  bench_run(&b, 20);
  cqli_conn_flush(b.conn); /* has no room, and does no harm */
  assert_int_equal(b.answered, 0);
  fake_server_pause(b.server, false);
  bench_until(&b, &b.answered, 2);
  bench_expect(&b, first, cql_slice_of(text, LEN));
  bench_expect(&b, last, cql_slice_str("last"));
  bench_free(&b);
  free(text);
}

static void more_than_the_socket_takes(void **state) {
  (void)state;
  in_all_modes(unread);
}

static void a_reset(const mode *m) {
  start(m);
  bench_open(&b);
  rule(CQL_OP_QUERY, FAKE_RESET, 0, (cql_slice){NULL, 0});
  for (int i = 0; i < 10; i++) bench_ask(&b, "x");
  cqli_conn_flush(b.conn);
  bench_until(&b, &b.closed, 1);
  assert_int_equal(b.answered, 10);
  assert_int_equal(b.why.status, CQL_CONNECTION);
  bench_free(&b);
}

static void a_connection_that_is_reset(void **state) {
  (void)state;
  in_all_modes(a_reset);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nobody_listens),
      cmocka_unit_test(a_node_that_says_nothing),
      cmocka_unit_test(a_server_that_closes_at_once),
      cmocka_unit_test(another_protocol),
      cmocka_unit_test(plain_text_to_a_tls_server),
      cmocka_unit_test(trap_09_a_server_of_version_3_answers_in_it),
      cmocka_unit_test(trap_09_a_request_is_no_answer),
      cmocka_unit_test(answers_that_have_no_place),
      cmocka_unit_test(trap_03_a_flipped_bit_is_found),
      cmocka_unit_test(an_answer_that_is_cut),
      cmocka_unit_test(answers_that_come_byte_by_byte),
      cmocka_unit_test(trap_08_lengths_that_cannot_be),
      cmocka_unit_test(trap_06_a_packed_body_that_says_too_much),
      cmocka_unit_test(trap_10_an_answer_to_nobody),
      cmocka_unit_test(an_answer_that_comes_twice),
      cmocka_unit_test(an_error_on_a_stream_of_the_nodes_choice),
      cmocka_unit_test(more_than_the_socket_takes),
      cmocka_unit_test(a_connection_that_is_reset),
  };
  return cmocka_run_group_tests(tests, bench_setup, bench_teardown);
}
