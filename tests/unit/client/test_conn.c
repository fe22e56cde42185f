/* One connection: the handshake, requests and answers, events, heartbeats, the end of it. Names that begin with trap_
 * are numbers of the list of traps of the native protocol.
 */
#include "bench.h"

#include <stdio.h>

static bench b; /* one at a time; it is large */

static const fake_rule silent_query = {.opcode = CQL_OP_QUERY, .act = FAKE_SILENT};

static void bench_push(bench *x, int16_t stream) {
  const cql_event e = {.type = cql_slice_str("STATUS_CHANGE"),
                       .change = cql_slice_str("UP"),
                       .address = cql_slice_of("\x7f\0\0\1", 4),
                       .port = 9042};
  cql_buf out;
  cql_buf_init(&out, &cql_alloc_libc, 1024);
  cql_put_event(&out, cqli_conn_version(x->conn), &e);
  cql_store_u16(out.data + 2, (uint16_t)stream);
  fake_server_push(x->server, cql_buf_view(&out));
  cql_buf_free(&out);
}

/* --- the handshake ------------------------------------------------------------------------------------------------ */

static void opens(const mode *m) {
  uint32_t before = count_descriptors();
  char word[256];
  bench_init(&b, m);
  bench_open(&b);
  assert_int_equal(cqli_conn_version(b.conn), m->version);
  assert_string_equal(cqli_conn_supported(b.conn, "CQL_VERSION"), "3.4.7");
  assert_null(cqli_conn_supported(b.conn, "PRODUCT_TYPE"));
  uint32_t i = bench_ask(&b, "hello");
  cqli_conn_flush(b.conn);
  bench_until(&b, &b.answered, 1);
  bench_expect(&b, i, cql_slice_str("hello"));
  fake_server_startup(b.server, "COMPRESSION", word);
  assert_string_equal(word, m->lz4 ? "lz4" : "");
  assert_int_equal(fake_server_requests(b.server, CQL_OP_OPTIONS), 1); /* no ladder of reconnects */
  assert_int_equal(fake_server_accepted(b.server), 1);
  bench_free(&b);
  assert_int_equal(count_descriptors(), before);
}

static void opens_and_answers(void **state) {
  (void)state;
  in_all_modes(opens);
}

static void says_who_it_is(void **state) {
  static const char *const options[][2] = {{"CQL_VERSION", "3.0.0"},
                                           {"DRIVER_NAME", "libcql"},
                                           {"DRIVER_VERSION", CQL_VERSION_TEXT},
                                           {"THROW_ON_OVERLOAD", "1"}};
  char word[256];
  (void)state;
  bench_init(&b, NULL);
  bench_open(&b);
  for (size_t i = 0; i < 4; i++) {
    fake_server_startup(b.server, options[i][0], word);
    assert_string_equal(word, options[i][1]);
  }
  bench_free(&b);
}

static void the_node_and_the_configuration_choose_the_version(void **state) {
  static const struct {
    const char *versions;
    uint8_t wanted, version; /* version 0: there is none */
    const char *words;
  } cases[] = {
      {"3/v3 4/v4 5/v5 6/v6-beta", 0, 5, NULL},
      {"3/v3 4/v4 5/v5", 4, 4, NULL},
      {"3/v3 4/v4 5/v5-beta", 0, 4, NULL},
      {"", 0, 4, NULL}, /* Scylla does not say */
      {"3/v3 4/v4", 5, 0, "version 5"},
      {"3/v3", 0, 0, "neither"},
      {"5/v5", 4, 0, "version 4"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    bench_init(&b, NULL);
    b.server_config.versions = cases[i].versions;
    b.config.protocol = cases[i].wanted;
    if (cases[i].version != 0) {
      bench_open(&b);
      assert_int_equal(cqli_conn_version(b.conn), cases[i].version);
    } else {
      bench_fail(&b, CQL_UNSUPPORTED, CQL_STAGE_OPTIONS, cases[i].words);
    }
    bench_free(&b);
  }
}

static void lz4_is_used_when_both_have_it(void **state) {
  char word[256];
  (void)state;
  bench_init(&b, NULL);
  b.config.lz4 = true;
  bench_open(&b);
  fake_server_startup(b.server, "COMPRESSION", word);
  assert_string_equal(word, "");
  bench_free(&b);
}

static void large(const mode *m) {
  enum { LEN = 700 * 1000 };
  uint8_t *text = malloc(LEN);
  uint32_t x = 1;
  bench_init(&b, m);
  bench_open(&b);
  for (int kind = 0; kind < 2; kind++) { /* what LZ4 makes shorter, and what it can not */
    for (size_t i = 0; i < LEN; i++) text[i] = kind == 0 ? 'x' : (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
    uint32_t first = bench_ask(&b, "before"), i = bench_ask_bytes(&b, cql_slice_of(text, LEN), NULL);
    uint32_t last = bench_ask(&b, "behind");
    cqli_conn_flush(b.conn);
    bench_until(&b, &b.answered, b.sent);
    bench_expect(&b, first, cql_slice_str("before"));
    bench_expect(&b, i, cql_slice_of(text, LEN));
    bench_expect(&b, last, cql_slice_str("behind"));
  }
  bench_free(&b);
  free(text);
}

/* Also what one segment cannot hold, what LZ4 cannot pack, and more than one read gives (4, 5). */
static void trap_05_envelopes_of_all_lengths(void **state) {
  (void)state;
  in_all_modes(large);
}

static void many(const mode *m) {
  enum { COUNT = 1000 };
  char text[32];
  bench_init(&b, m);
  bench_open(&b);
  uint32_t first = b.sent;
  for (uint32_t i = 0; i < COUNT; i++) {
    snprintf(text, sizeof text, "request %u", i);
    bench_ask(&b, text);
  }
  assert_int_equal(cqli_conn_in_flight(b.conn), COUNT);
  cqli_conn_flush(b.conn);
  bench_until(&b, &b.answered, COUNT);
  for (uint32_t i = 0; i < COUNT; i++) {
    snprintf(text, sizeof text, "request %u", i);
    bench_expect(&b, first + i, cql_slice_str(text));
  }
  assert_int_equal(cqli_conn_in_flight(b.conn), 0);
  bench_free(&b);
}

static void a_thousand_at_once(void **state) {
  (void)state;
  in_all_modes(many);
}

/* --- trap 1: when segments begin ---------------------------------------------------------------------------------- */

static void login(const mode *m) {
  char word[256];
  bench_init(&b, m);
  b.server_config.user = b.config.user = "ada";
  b.server_config.password = b.config.password = "p\xc3\xa4ss";
  bench_open(&b); /* AUTH_RESPONSE is in a segment, or the server would not read it */
  fake_server_token(b.server, word);
  assert_string_equal(word, "/ada/p\xc3\xa4ss");
  uint32_t i = bench_ask(&b, "in");
  cqli_conn_flush(b.conn);
  bench_until(&b, &b.answered, 1);
  bench_expect(&b, i, cql_slice_str("in"));
  bench_free(&b);
}

static void trap_01_segments_begin_behind_the_answer_to_startup(void **state) {
  (void)state;
  in_all_modes(login);
}

static void trap_01_an_error_to_startup_is_bare(void **state) {
  (void)state;
  for (uint8_t version = CQL_VERSION_4; version <= CQL_VERSION_5; version++) {
    bench_init(&b, &(mode){version, true, false});
    b.server = fake_server_start(&b.server_config);
    fake_server_rule(b.server, &(fake_rule){.opcode = CQL_OP_STARTUP,
                                            .act = FAKE_ERROR,
                                            .error = {.code = 0x1002, .message = cql_slice_str("not yet")}});
    bench_fail(&b, CQL_BOOTSTRAPPING, CQL_STAGE_STARTUP, "not yet");
    bench_free(&b);
  }
}

static void trap_07_the_answer_to_startup_may_be_packed(void **state) {
  (void)state;
  bench_init(&b, &(mode){CQL_VERSION_4, true, false});
  b.server_config.packs_all = true;
  b.server_config.user = b.config.user = "ada";
  b.server_config.password = b.config.password = "x";
  bench_open(&b);
  bench_free(&b);
}

/* --- logging in --------------------------------------------------------------------------------------------------- */

static void trap_41_datastax_wants_the_mechanism_first(void **state) {
  char word[256];
  (void)state;
  bench_init(&b, NULL);
  b.server_config.authenticator = "com.datastax.bdp.cassandra.auth.DseAuthenticator";
  b.server_config.user = b.config.user = "token";
  b.server_config.password = b.config.password = "AstraCS:x";
  bench_open(&b);
  fake_server_token(b.server, word);
  assert_string_equal(word, "/token/AstraCS:x");
  assert_int_equal(fake_server_requests(b.server, CQL_OP_AUTH_RESPONSE), 2);
  bench_free(&b);
}

static void trap_41_a_challenge_that_is_null_or_unknown(void **state) {
  static const cql_slice tokens[] = {{NULL, 0}, {(const uint8_t *)"GSSAPI-START", 12}};
  (void)state;
  for (int i = 0; i < 2; i++) {
    cql_buf challenge;
    cql_buf_init(&challenge, &cql_alloc_libc, 1024);
    cql_put_auth_challenge(&challenge, CQL_VERSION_5, tokens[i]);
    bench_init(&b, NULL);
    b.server_config.user = b.config.user = b.server_config.password = b.config.password = "x";
    b.server = fake_server_start(&b.server_config);
    fake_server_rule(b.server,
                     &(fake_rule){.opcode = CQL_OP_AUTH_RESPONSE, .act = FAKE_PUT, .bytes = cql_buf_view(&challenge)});
    bench_fail(&b, CQL_CREDENTIALS, CQL_STAGE_AUTH, "SASL PLAIN");
    bench_free(&b);
    cql_buf_free(&challenge);
  }
}

static void wrong_credentials(const mode *m) {
  bench_init(&b, m);
  b.server_config.user = b.config.user = "ada";
  b.server_config.password = "right";
  b.config.password = "wrong";
  bench_fail(&b, CQL_CREDENTIALS, CQL_STAGE_AUTH, "Provided username and/or password are incorrect");
  b.config.user = NULL;
  bench_fail(&b, CQL_CREDENTIALS, CQL_STAGE_AUTH, "none were given");
  bench_free(&b);
}

static void a_wrong_password_and_none(void **state) {
  (void)state;
  in_all_modes(wrong_credentials);
}

/* --- keyspaces, events -------------------------------------------------------------------------------------------- */

static void trap_42_use_is_for_version_4_alone(void **state) {
  (void)state;
  for (uint8_t version = CQL_VERSION_4; version <= CQL_VERSION_5; version++) {
    bench_init(&b, &(mode){version, false, false});
    b.config.keyspace = "Ja\"nein"; /* quoted */
    b.server_config.keyspace = "Ja\"\"nein";
    bench_open(&b);
    assert_int_equal(cqli_conn_has_keyspace(b.conn), version == CQL_VERSION_4);
    assert_int_equal(fake_server_requests(b.server, CQL_OP_QUERY), version == CQL_VERSION_4);
    bench_free(&b);
  }
}

static void trap_42_a_keyspace_that_is_missing_is_no_failure(void **state) {
  (void)state;
  bench_init(&b, &(mode){CQL_VERSION_4, false, false});
  b.config.keyspace = "nowhere";
  bench_open(&b);
  assert_false(cqli_conn_has_keyspace(b.conn));
  cqli_conn_close(b.conn, CQL_CLOSED, "");
  fake_server_rule(b.server, &(fake_rule){.opcode = CQL_OP_QUERY,
                                          .act = FAKE_ERROR,
                                          .error = {.code = 0x1001, .message = cql_slice_str("too busy")}});
  bench_fail(&b, CQL_OVERLOADED, CQL_STAGE_KEYSPACE, "too busy");
  bench_free(&b);
}

static void events(const mode *m) {
  bench_init(&b, m);
  b.config.wants_events = true;
  bench_open(&b);
  uint32_t first = bench_ask(&b, "behind REGISTER");
  cqli_conn_flush(b.conn);
  bench_until(&b, &b.answered, 1);
  bench_expect(&b, first, cql_slice_str("behind REGISTER"));
  assert_int_equal(fake_server_requests(b.server, CQL_OP_REGISTER), 1);
  bench_push(&b, CQL_STREAM_EVENT);
  bench_push(&b, CQL_STREAM_EVENT);
  bench_until(&b, &b.events, 2);
  bench_push(&b, -7);
  bench_until(&b, &b.closed, 1);
  assert_int_equal(b.why.status, CQL_MALFORMED);
  bench_free(&b);
}

static void trap_35_events_come_where_they_were_asked_for(void **state) {
  (void)state;
  in_all_modes(events);
  bench_init(&b, NULL);
  bench_open(&b);
  assert_int_equal(fake_server_requests(b.server, CQL_OP_REGISTER), 0);
  bench_free(&b);
}

/* --- streams ------------------------------------------------------------------------------------------------------ */

static void out_of_order(const mode *m) {
  bench_init(&b, m);
  bench_open(&b);
  fake_server_rule(b.server, &(fake_rule){.opcode = CQL_OP_QUERY, .text = "held", .act = FAKE_HOLD});
  fake_server_rule(b.server, &(fake_rule){.opcode = CQL_OP_QUERY, .text = "late", .act = FAKE_LATE, .ms = 50});
  uint32_t late = bench_ask(&b, "late"), held = bench_ask(&b, "held"), soon = bench_ask(&b, "soon");
  cqli_conn_flush(b.conn);
  bench_until(&b, &b.answered, 3);
  bench_expect(&b, late, cql_slice_str("late"));
  bench_expect(&b, held, cql_slice_str("held"));
  bench_expect(&b, soon, cql_slice_str("soon"));
  assert_true(b.answers[soon].order < b.answers[held].order);
  assert_true(b.answers[held].order < b.answers[late].order);
  bench_free(&b);
}

static void answers_in_any_order(void **state) {
  (void)state;
  in_all_modes(out_of_order);
}

static void orphan(const mode *m) {
  int16_t given_up, other;
  bench_init(&b, m);
  bench_open(&b);
  fake_server_rule(b.server, &(fake_rule){.opcode = CQL_OP_QUERY, .text = "A", .act = FAKE_LATE, .ms = 200});
  uint32_t a = bench_ask_bytes(&b, cql_slice_str("A"), &given_up);
  cqli_conn_flush(b.conn);
  cqli_conn_orphan(b.conn, given_up);
  cqli_conn_orphan(b.conn, given_up);                                      /* counted once */
  for (uint32_t i = 0; i < 100 && cqli_conn_in_flight(b.conn) == 1; i++) { /* until the late answer has come */
    uint32_t place = bench_ask_bytes(&b, cql_slice_str("B"), &other);
    assert_int_not_equal(other, given_up);
    cqli_conn_flush(b.conn);
    bench_until(&b, &b.answers[place].order, 1);
    bench_expect(&b, place, cql_slice_str("B"));
  }
  while (cqli_conn_in_flight(b.conn) > 0) bench_run(&b, 10);
  assert_false(b.answers[a].came);
  bench_free(&b);
}

static void trap_10_a_stream_that_nobody_waits_for_stays_taken(void **state) {
  (void)state;
  in_all_modes(orphan);
}

static void trap_10_too_many_orphans_end_the_connection(void **state) {
  (void)state;
  int16_t stream;
  bench_init(&b, NULL);
  b.config.in_flight_max = 4000;
  bench_open(&b);
  fake_server_rule(b.server, &(fake_rule){.opcode = CQL_OP_QUERY, .text = "lost", .act = FAKE_SILENT});
  fake_server_rule(b.server, &(fake_rule){.opcode = CQL_OP_QUERY, .text = "slow", .act = FAKE_LATE, .ms = 3500});
  uint32_t slow = bench_ask(&b, "slow");
  for (uint32_t i = 0; i <= CQLI_ORPHANS_MAX; i++) {
    bench_ask_bytes(&b, cql_slice_str("lost"), &stream);
    cqli_conn_orphan(b.conn, stream);
  }
  cqli_conn_flush(b.conn);
  while (b.conn != NULL && cqli_conn_is_open(b.conn)) bench_run(&b, 50);
  assert_int_equal(b.closed, 0); /* somebody still waits */
  bench_until(&b, &b.closed, 1);
  bench_expect(&b, slow, cql_slice_str("slow"));
  assert_int_equal(b.why.status, CQL_CLOSED);
  bench_free(&b);
}

static void room_on_a_connection(void **state) {
  cql_buf q;
  int16_t stream;
  (void)state;
  bench_init(&b, NULL);
  b.config.in_flight_max = 3;
  bench_open(&b);
  for (int i = 0; i < 3; i++) bench_ask(&b, "x");
  bench_query(&q, CQL_VERSION_5, cql_slice_str("y"));
  assert_int_equal(cqli_conn_send(b.conn, cql_buf_view(&q), (cqli_answer *)abort, NULL, &stream), CQL_LIMIT);
  cql_buf_free(&q);
  cqli_conn_flush(b.conn);
  bench_until(&b, &b.answered, 3);
  bench_free(&b);
}

/* --- heartbeats --------------------------------------------------------------------------------------------------- */

static void heartbeat(const mode *m) {
  bench_init(&b, m);
  b.config.heartbeat_ms = 40;
  bench_open(&b);
  while (fake_server_requests(b.server, CQL_OP_OPTIONS) < 4) bench_run(&b, 10);
  assert_int_equal(b.closed, 0);
  bench_free(&b);
}

static void a_silent_connection_is_asked(void **state) {
  (void)state;
  in_all_modes(heartbeat);
}

static void a_dead_node_is_noticed(void **state) {
  (void)state;
  bench_init(&b, NULL);
  b.config.heartbeat_ms = 100;
  b.config.connect_timeout_ms = 300;
  bench_open(&b);
  fake_server_pause(b.server, true);
  uint32_t i = bench_ask(&b, "never");
  cqli_conn_flush(b.conn);
  bench_until(&b, &b.closed, 1);
  assert_int_equal(b.why.status, CQL_TIMEOUT);
  assert_int_equal(b.why.stage, CQL_STAGE_REQUEST);
  assert_true(b.answers[i].failed);
  assert_true(b.answers[i].may_have_run);
  bench_free(&b);
}

/* Other answers go on, then nothing at all comes: the heartbeat that was never answered does not hide that. */
static void an_unanswered_heartbeat_does_not_hide_a_dead_node(void **state) {
  (void)state;
  bench_init(&b, NULL);
  b.config.heartbeat_ms = 100;
  b.config.connect_timeout_ms = 2000;
  bench_open(&b);
  fake_server_rule(b.server, &(fake_rule){.opcode = CQL_OP_OPTIONS, .act = FAKE_SILENT});
  while (fake_server_requests(b.server, CQL_OP_OPTIONS) < 2) bench_run(&b, 10);
  bench_ask(&b, "still here");
  cqli_conn_flush(b.conn);
  bench_until(&b, &b.answered, 1);
  bench_until(&b, &b.closed, 1);
  assert_int_equal(b.why.status, CQL_TIMEOUT);
  bench_free(&b);
}

static uint32_t heartbeats(void) {
  return fake_server_requests(b.server, CQL_OP_OPTIONS) - 1; /* but for the first one of a connection */
}

static int64_t ms_since(int64_t us) {
  return (cql_clock_monotonic_us() - us) / 1000;
}

/* A query that takes long: the node says beside it that it lives. */
static void a_node_that_owes_answers_is_asked_before_its_time(void **state) {
  (void)state;
  bench_init(&b, NULL);
  bench_open(&b);
  fake_server_rule(b.server, &silent_query);
  int64_t heard_us = cqli_conn_used_us(b.conn);
  bench_ask(&b, "long");
  cqli_conn_flush(b.conn);
  while (heartbeats() < 2) bench_run(&b, 10);
  assert_true(ms_since(heard_us) >= 2 * CQLI_DOUBT_MS);
  assert_true(ms_since(heard_us) < b.config.heartbeat_ms);
  assert_int_equal(b.silent + b.closed, 0);
  bench_free(&b);
}

static void a_frozen_node_is_silent_until_it_speaks(void **state) {
  (void)state;
  bench_init(&b, NULL);
  bench_open(&b);
  fake_server_pause(b.server, true);
  int64_t heard_us = cqli_conn_used_us(b.conn);
  uint32_t i = bench_ask(&b, "x");
  cqli_conn_flush(b.conn);
  bench_until(&b, &b.silent, 2); /* it is told again and again */
  assert_true(ms_since(heard_us) >= CQLI_DOUBT_MS + CQLI_SILENT_MS);
  assert_int_equal(b.spoken + b.closed, 0);
  fake_server_pause(b.server, false);
  bench_until(&b, &b.answered, 1);
  bench_expect(&b, i, cql_slice_str("x"));
  assert_int_equal(b.spoken, 1);
  bench_run(&b, 2 * CQLI_DOUBT_MS); /* nothing is due */
  assert_int_equal(heartbeats(), 1);
  assert_int_equal(b.spoken, 1);
  bench_free(&b);
}

static void a_node_that_is_doubted_is_asked_once(void **state) {
  (void)state;
  bench_init(&b, NULL);
  bench_open(&b);
  cqli_conn_doubt(b.conn);
  cqli_conn_doubt(b.conn);
  while (cqli_conn_in_flight(b.conn) > 0) bench_run(&b, 10);
  assert_int_equal(heartbeats(), 1);
  fake_server_pause(b.server, true);
  cqli_conn_doubt(b.conn);
  bench_until(&b, &b.silent, 1); /* though no request waits */
  bench_free(&b);
}

static void trap_12_a_heartbeat_without_a_stream_ends_the_connection(void **state) {
  (void)state;
  cql_buf q;
  int16_t stream;
  bench_init(&b, NULL);
  b.config.heartbeat_ms = 200;
  b.config.in_flight_max = CQL_STREAM_COUNT;
  bench_open(&b);
  fake_server_rule(b.server, &silent_query);
  bench_query(&q, CQL_VERSION_5, cql_slice_str("x"));
  for (uint32_t i = 0; i < CQL_STREAM_COUNT; i++) {
    if (cqli_conn_send(b.conn, cql_buf_view(&q), (cqli_answer *)abort, NULL, &stream) != CQL_OK) break;
    cqli_conn_orphan(b.conn, stream);
  }
  cql_buf_free(&q);
  assert_true(cqli_conn_in_flight(b.conn) >= CQL_STREAM_COUNT - 1);
  bench_until(&b, &b.closed, 1);
  assert_true(b.why.status == CQL_LIMIT || b.why.status == CQL_CLOSED);
  bench_free(&b);
}

/* The process was frozen for longer than a heartbeat, and the node is gone without a word: no request leaves before the
 * node has said that it is there, so all can be sent elsewhere. */
static void after_a_sleep_the_node_is_asked_first(void **state) {
  (void)state;
  for (int is_gone = 0; is_gone < 2; is_gone++) {
    bench_init(&b, NULL);
    b.config.heartbeat_ms = 200;
    b.config.connect_timeout_ms = 500;
    bench_open(&b);
    uint32_t asked = fake_server_requests(b.server, CQL_OP_OPTIONS);
    if (is_gone) fake_server_pause(b.server, true);
    uv_sleep(600); /* the loop does not run */
    uv_update_time(&b.loop);
    uint32_t i = bench_ask(&b, "x");
    cqli_conn_flush(b.conn);
    bench_until(&b, is_gone ? &b.closed : &b.answered, 1);
    assert_int_equal(b.answers[i].failed, is_gone);
    if (is_gone)
      assert_false(b.answers[i].may_have_run);
    else
      assert_true(fake_server_requests(b.server, CQL_OP_OPTIONS) > asked);
    if (is_gone) fake_server_pause(b.server, false);
    bench_free(&b);
  }
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static void drop(const mode *m) {
  bench_init(&b, m);
  bench_open(&b);
  fake_server_rule(b.server, &silent_query);
  uint32_t sent = bench_ask(&b, "sent");
  cqli_conn_flush(b.conn);
  while (fake_server_requests(b.server, CQL_OP_QUERY) == 0) bench_run(&b, 5);
  uint32_t waiting = bench_ask(&b, "not sent");
  fake_server_drop(b.server);
  bench_until(&b, &b.closed, 1);
  assert_int_equal(b.closed, 1);
  assert_int_equal(b.answered, 2);
  assert_true(b.answers[sent].failed && b.answers[sent].may_have_run);
  assert_true(b.answers[waiting].failed && !b.answers[waiting].may_have_run);
  assert_int_equal(b.why.status, CQL_CONNECTION);
  assert_int_equal(b.why.stage, CQL_STAGE_REQUEST);
  bench_free(&b);
}

static void a_node_that_goes_away(void **state) {
  (void)state;
  in_all_modes(drop);
}

/* Writing fails first; the answer that had come before is heard all the same. */
static void said_before(const mode *m) {
  bench_init(&b, m);
  bench_open(&b);
  uint32_t first = bench_ask(&b, "first");
  cqli_conn_flush(b.conn);
  while (fake_server_requests(b.server, CQL_OP_QUERY) == 0) uv_sleep(1);
  uv_sleep(10);
  fake_server_drop(b.server);
  while (fake_server_open(b.server) > 0) uv_sleep(1);
  for (int i = 0; i < 3; i++) { /* the first one is taken by the system, and answered with a reset */
    bench_ask(&b, "lost");
    cqli_conn_flush(b.conn);
    uv_sleep(5);
  }
  assert_int_equal(b.closed, 0); /* the loop tells */
  bench_until(&b, &b.closed, 1);
  bench_expect(&b, first, cql_slice_str("first"));
  assert_int_equal(b.answered, 4);
  assert_false(b.answers[3].may_have_run);
  assert_int_equal(b.why.status, CQL_CONNECTION);
  bench_free(&b);
}

static void what_was_said_before_the_end_is_heard(void **state) {
  (void)state;
  in_all_modes(said_before);
}

static void retire(const mode *m) {
  bench_init(&b, m);
  bench_open(&b);
  fake_server_rule(b.server, &(fake_rule){.opcode = CQL_OP_QUERY, .act = FAKE_LATE, .ms = 50});
  uint32_t i = bench_ask(&b, "last");
  cqli_conn_flush(b.conn);
  cqli_conn_retire(b.conn);
  assert_false(cqli_conn_is_open(b.conn));
  assert_int_equal(b.closed, 0);
  bench_until(&b, &b.closed, 1);
  bench_expect(&b, i, cql_slice_str("last"));
  assert_int_equal(b.why.status, CQL_CLOSED);
  bench_free(&b);
}

static void a_retired_connection_ends_behind_its_last_answer(void **state) {
  (void)state;
  in_all_modes(retire);
}

/* --- re-entrancy: whatever a callback does ------------------------------------------------------------------------ */

static void on_answer_that_closes(void *user, cqli_conn *c, cql_envelope *e, const cql_attempt *why,
                                  bool may_have_run) {
  (void)user;
  (void)why;
  (void)may_have_run;
  if (e != NULL) cqli_conn_close(c, CQL_CLOSED, "an answer closes");
}

static void on_answer_that_asks(void *user, cqli_conn *c, cql_envelope *e, const cql_attempt *why, bool may_have_run) {
  bench *x = user;
  (void)c;
  (void)why;
  (void)may_have_run;
  if (e == NULL) return;
  bench_ask(x, "again");
  cqli_conn_flush(x->conn);
}

static void trap_11_answers_behind_the_end_are_nobodys(void **state) {
  int16_t stream;
  cql_buf q;
  (void)state;
  bench_init(&b, NULL);
  bench_open(&b);
  bench_query(&q, CQL_VERSION_5, cql_slice_str("x"));
  assert_int_equal(cqli_conn_send(b.conn, cql_buf_view(&q), on_answer_that_closes, NULL, &stream), CQL_OK);
  uint32_t i = bench_ask(&b, "behind it"); /* its answer comes in the same segment */
  cqli_conn_flush(b.conn);
  bench_until(&b, &b.closed, 1);
  assert_true(b.answers[i].failed && b.answers[i].may_have_run);
  bench_free(&b);
  cql_buf_free(&q);
}

static void an_answer_asks_again(void **state) {
  int16_t stream;
  cql_buf q;
  (void)state;
  bench_init(&b, NULL);
  bench_open(&b);
  bench_query(&q, CQL_VERSION_5, cql_slice_str("x"));
  assert_int_equal(cqli_conn_send(b.conn, cql_buf_view(&q), on_answer_that_asks, &b, &stream), CQL_OK);
  cqli_conn_flush(b.conn);
  bench_until(&b, &b.answered, 1);
  bench_expect(&b, 0, cql_slice_str("again"));
  bench_free(&b);
  cql_buf_free(&q);
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

static void each_allocation_fails(const mode *m) {
  for (size_t nth = 1;; nth++) {
    bench_init(&b, m);
    counted_init(&b.memory, nth);
    b.server_config.user = b.config.user = b.server_config.password = b.config.password = "x";
    b.config.wants_events = true;
    b.server_config.keyspace = b.config.keyspace = "ks";
    bench_connect(&b);
    while (b.opened == 0 && b.closed == 0) bench_run(&b, 1);
    if (b.closed == 0) {
      cql_buf q;
      int16_t stream;
      bench_query(&q, m->version, cql_slice_str("x"));
      if (cqli_conn_send(b.conn, cql_buf_view(&q), on_answer_that_closes, NULL, &stream) == CQL_OK)
        cqli_conn_flush(b.conn);
      else
        cqli_conn_close(b.conn, CQL_NOMEM, "");
      cql_buf_free(&q);
      bench_until(&b, &b.closed, 1);
    }
    bool fired = b.memory.fired;
    assert_true(b.why.status == (fired ? CQL_NOMEM : CQL_CLOSED) || (fired && b.why.status == CQL_CLOSED));
    bench_free(&b); /* and nothing is left */
    if (!fired) return;
  }
}

static void memory_runs_out_at_each_point(void **state) {
  (void)state;
  each_allocation_fails(&(mode){CQL_VERSION_4, true, false});
  each_allocation_fails(&(mode){CQL_VERSION_5, true, true});
}

static void no_memory_is_asked_for_when_warm(void **state) {
  (void)state;
  bench_init(&b, &(mode){CQL_VERSION_5, false, false});
  bench_open(&b);
  size_t asked = 0;
  for (int round = 0; round < 3; round++) {
    if (round == 1) asked = b.memory.asked;
    for (int i = 0; i < 50; i++) bench_ask(&b, "warm");
    cqli_conn_flush(b.conn);
    bench_until(&b, &b.answered, b.sent);
  }
  assert_int_equal(b.memory.asked, asked);
  bench_free(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(opens_and_answers),
      cmocka_unit_test(says_who_it_is),
      cmocka_unit_test(the_node_and_the_configuration_choose_the_version),
      cmocka_unit_test(lz4_is_used_when_both_have_it),
      cmocka_unit_test(trap_05_envelopes_of_all_lengths),
      cmocka_unit_test(a_thousand_at_once),
      cmocka_unit_test(trap_01_segments_begin_behind_the_answer_to_startup),
      cmocka_unit_test(trap_01_an_error_to_startup_is_bare),
      cmocka_unit_test(trap_07_the_answer_to_startup_may_be_packed),
      cmocka_unit_test(trap_41_datastax_wants_the_mechanism_first),
      cmocka_unit_test(trap_41_a_challenge_that_is_null_or_unknown),
      cmocka_unit_test(a_wrong_password_and_none),
      cmocka_unit_test(trap_42_use_is_for_version_4_alone),
      cmocka_unit_test(trap_42_a_keyspace_that_is_missing_is_no_failure),
      cmocka_unit_test(trap_35_events_come_where_they_were_asked_for),
      cmocka_unit_test(answers_in_any_order),
      cmocka_unit_test(trap_10_a_stream_that_nobody_waits_for_stays_taken),
      cmocka_unit_test(trap_10_too_many_orphans_end_the_connection),
      cmocka_unit_test(room_on_a_connection),
      cmocka_unit_test(a_silent_connection_is_asked),
      cmocka_unit_test(a_dead_node_is_noticed),
      cmocka_unit_test(an_unanswered_heartbeat_does_not_hide_a_dead_node),
      cmocka_unit_test(a_node_that_owes_answers_is_asked_before_its_time),
      cmocka_unit_test(a_frozen_node_is_silent_until_it_speaks),
      cmocka_unit_test(a_node_that_is_doubted_is_asked_once),
      cmocka_unit_test(trap_12_a_heartbeat_without_a_stream_ends_the_connection),
      cmocka_unit_test(after_a_sleep_the_node_is_asked_first),
      cmocka_unit_test(a_node_that_goes_away),
      cmocka_unit_test(what_was_said_before_the_end_is_heard),
      cmocka_unit_test(a_retired_connection_ends_behind_its_last_answer),
      cmocka_unit_test(trap_11_answers_behind_the_end_are_nobodys),
      cmocka_unit_test(an_answer_asks_again),
      cmocka_unit_test(memory_runs_out_at_each_point),
      cmocka_unit_test(no_memory_is_asked_for_when_warm),
  };
  return cmocka_run_group_tests(tests, bench_setup, bench_teardown);
}
