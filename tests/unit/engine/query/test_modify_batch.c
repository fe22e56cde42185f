/* test_modify_batch.c: traps 3 and 10: BATCH. */
#include "query.h"

#include <stdio.h>
#include <string.h>

static void use(db *d) {
  run(d, "CREATE TABLE w (k int, c int, s text static, v text, n int, l list<int>, PRIMARY KEY (k, c))");
  run(d, "CREATE TABLE t (k int PRIMARY KEY, v text)");
}

/* --- trap 3: one timestamp ---------------------------------------------------------------------------------------- */

static void trap_3_order_does_not_matter(void **state) {
  db *d = *state;
  use(d);
  run(d, "BEGIN BATCH DELETE FROM w WHERE k = 1 AND c = 1; INSERT INTO w (k, c, v) VALUES (1, 1, 'x'); APPLY BATCH");
  gives(d, "SELECT c, v FROM w", "c v");
  run(d, "BEGIN BATCH INSERT INTO w (k, c, v) VALUES (1, 1, 'a'); INSERT INTO w (k, c, v) VALUES (1, 1, 'b');"
         " INSERT INTO w (k, c, v) VALUES (1, 1, 'a'); APPLY BATCH");
  gives(d, "SELECT c, v FROM w", "c v\n1 'b'");
}

static void trap_3_given_timestamps(void **state) {
  db *d = *state;
  use(d);
  run(d, "BEGIN BATCH USING TIMESTAMP 77 INSERT INTO t (k, v) VALUES (1, 'x'); UPDATE t SET v = 'y' WHERE k = 2; APPLY "
         "BATCH");
  gives(d, "SELECT k, writetime(v) FROM t", "k writetime(v)\n1 77\n2 77");
  run(d, "BEGIN BATCH UPDATE t USING TIMESTAMP 90 SET v = 'z' WHERE k = 2; UPDATE t USING TIMESTAMP 80 SET v = 'a' "
         "WHERE k = 2;"
         " APPLY BATCH");
  gives(d, "SELECT v FROM t WHERE k = 2", "v\n'z'");
}

static void trap_3_reads_see_the_state_before_the_batch(void **state) {
  db *d = *state;
  use(d);
  run(d, "INSERT INTO w (k, c, l) VALUES (1, 1, [1, 2])");
  run(d, "BEGIN BATCH DELETE l[0] FROM w WHERE k = 1 AND c = 1; DELETE l[1] FROM w WHERE k = 1 AND c = 1; APPLY BATCH");
  gives(d, "SELECT l FROM w", "l\nnull");
}

static void a_batch_is_all_or_nothing(void **state) {
  db *d = *state;
  use(d);
  refuses(d,
          "BEGIN BATCH INSERT INTO t (k, v) VALUES (1, 'x'); UPDATE w SET l[0] = 1 WHERE k = 1 AND c = 1; APPLY BATCH",
          CQL_INVALID, "Attempted to set an element on a list which is null");
  gives(d, "SELECT k FROM t", "k");
}

static void an_empty_batch_does_nothing(void **state) {
  gives(*state, "BEGIN BATCH APPLY BATCH", "");
}

/* --- trap 10: conditions ------------------------------------------------------------------------------------------ */

static void trap_10_answers_tell_rows_apart(void **state) {
  db *d = *state;
  use(d);
  run(d, "INSERT INTO w (k, c, s, v, n) VALUES (7, 1, 'x', 'v1', 1)");
  gives(d,
        "BEGIN BATCH UPDATE w SET v = 'x' WHERE k = 7 AND c = 1 IF v = 'b'; UPDATE w SET v = 'x' WHERE k = 7 AND c = 2 "
        "IF n = 3;"
        " APPLY BATCH",
        "[applied] k c v n\nfalse 7 1 'v1' 1");
  gives(
      d,
      "BEGIN BATCH UPDATE w SET v = 'x' WHERE k = 7 AND c = 1 IF v = 'b'; UPDATE w SET s = 'x' WHERE k = 7 IF s = 'bb';"
      " APPLY BATCH",
      "[applied] k c v s\nfalse 7 1 'v1' 'x'");
  gives(d,
        "BEGIN BATCH UPDATE w SET v = 'x' WHERE k = 7 AND c = 1; UPDATE w SET s = 'x' WHERE k = 7 IF s = 'bb'; APPLY "
        "BATCH",
        "[applied] k c s\nfalse 7 1 'x'");
  gives(d,
        "BEGIN BATCH INSERT INTO w (k, c, v) VALUES (7, 1, 'b') IF NOT EXISTS; INSERT INTO w (k, c) VALUES (7, 2) IF "
        "NOT EXISTS;"
        " APPLY BATCH",
        "[applied] k c s l n v\nfalse 7 1 null null 1 'v1'");
  run(d, "INSERT INTO w (k, c, v) VALUES (7, 3, 'v3')");
  gives(d,
        "BEGIN BATCH UPDATE w SET n = 0 WHERE k = 7 AND c = 3 IF v = 'v3'; UPDATE w SET n = 0 WHERE k = 7 AND c = 1 IF "
        "v = 'no';"
        " APPLY BATCH",
        "[applied] k c v\nfalse 7 1 'v1'\nfalse 7 3 'v3'");
}

static void trap_10_all_conditions_or_none(void **state) {
  db *d = *state;
  use(d);
  applied(d, "BEGIN BATCH INSERT INTO w (k, c, v) VALUES (9, 1, 'b') IF NOT EXISTS; UPDATE w SET s = 'st' WHERE k = 9; "
             "APPLY BATCH");
  gives(d, "SELECT c, s, v FROM w WHERE k = 9", "c s v\n1 'st' 'b'");
  run(d, "BEGIN BATCH UPDATE w SET v = 'z' WHERE k = 9 AND c = 1 IF s = 'st'; UPDATE w SET n = 5 WHERE k = 9 AND c = 1 "
         "IF v = 'no';"
         " APPLY BATCH");
  gives(d, "SELECT v, n FROM w WHERE k = 9", "v n\n'b' null");
}

/* Cassandra gives the deletions of a conditional write the microsecond before its cells. */
static void trap_10_deletions_do_not_hide_what_comes_with_them(void **state) {
  db *d = *state;
  use(d);
  applied(d, "BEGIN BATCH INSERT INTO w (k, c, v) VALUES (9, 1, 'b') IF NOT EXISTS; DELETE FROM w WHERE k = 9;"
             " INSERT INTO w (k, c) VALUES (9, 2); APPLY BATCH");
  gives(d, "SELECT c, v FROM w WHERE k = 9", "c v\n1 'b'\n2 null");
}

static void trap_10_refused(void **state) {
  db *d = *state;
  use(d);
  refuses(d,
          "BEGIN BATCH UPDATE w SET v = 'x' WHERE k = 7 AND c = 1 IF EXISTS; UPDATE w SET s = 'x' WHERE k = 8 IF s = "
          "'b'; APPLY BATCH",
          CQL_INVALID, "Batch with conditions cannot span multiple partitions");
  refuses(
      d,
      "BEGIN BATCH UPDATE w SET v = 'x' WHERE k = 7 AND c = 1 IF EXISTS; UPDATE t SET v = 'x' WHERE k = 1; APPLY BATCH",
      CQL_INVALID, "Batch with conditions cannot span multiple tables");
  refuses(d,
          "BEGIN BATCH UPDATE w SET v = 'x' WHERE k = 7 AND c = 1 IF EXISTS; INSERT INTO w (k, c) VALUES (7, 1) IF NOT "
          "EXISTS; APPLY BATCH",
          CQL_INVALID, "Cannot mix IF EXISTS and IF NOT EXISTS conditions for the same row");
  refuses(d,
          "BEGIN BATCH UPDATE w SET v = 'x' WHERE k = 7 AND c = 1 IF v = 'b'; INSERT INTO w (k, c) VALUES (7, 1) IF "
          "NOT EXISTS; APPLY BATCH",
          CQL_INVALID, "Cannot mix IF conditions and IF NOT EXISTS for the same row");
  refuses(d, "BEGIN BATCH USING TIMESTAMP 1 UPDATE w SET v = 'x' WHERE k = 7 AND c = 1 IF EXISTS; APPLY BATCH",
          CQL_INVALID, "Cannot provide custom timestamp for conditional BATCH");
  refuses(d, "BEGIN BATCH USING TIMESTAMP 1 UPDATE t USING TIMESTAMP 2 SET v = 'x' WHERE k = 7; APPLY BATCH",
          CQL_INVALID, "Timestamp must be set either on BATCH or individual statements");
  refuses(d, "BEGIN BATCH USING TTL 1 UPDATE t SET v = 'x' WHERE k = 7; APPLY BATCH", CQL_INVALID,
          "Global TTL on the BATCH statement is not supported.");
  refuses(d, "BEGIN COUNTER BATCH UPDATE t SET v = 'x' WHERE k = 7; APPLY BATCH", CQL_INVALID,
          "Cannot include non-counter statement in a counter batch");
}

/* --- limits ------------------------------------------------------------------------------------------------------- */

static cql_status two_texts(db *d, size_t len, int second_key) {
  static char text[70000];
  memset(text, 'x', sizeof text);
  bind_bytes(d, text, len);
  bind_int(d, second_key);
  bind_bytes(d, text, len);
  return query_run(d,
                   "BEGIN BATCH INSERT INTO t (k, v) VALUES (1, ?); INSERT INTO t (k, v) VALUES (?, ?); APPLY BATCH");
}

static void sizes_are_measured_as_cassandra_does(void **state) {
  db *d = *state;
  use(d);
  assert_int_equal(two_texts(d, 3000, 2), CQL_OK);
  assert_string_equal(d->warnings, "Batch for [ks.t] is of size 6140, exceeding specified threshold of 5120 by 1020.");
  assert_int_equal(two_texts(d, 30000, 2), CQL_INVALID);
  assert_string_equal(d->err.message, "Batch too large");
  assert_int_equal(two_texts(d, 60000, 1), CQL_OK); /* one partition: no limit */
  assert_string_equal(d->warnings, "");
  assert_int_equal(two_texts(d, 100, 2), CQL_OK);
  assert_string_equal(d->warnings, "");
}

static void unlogged_batches_over_many_partitions(void **state) {
  db *d = *state;
  char cql[2048] = "BEGIN UNLOGGED BATCH ";
  use(d);
  for (int i = 0; i < 11; i++) sprintf(cql + strlen(cql), "INSERT INTO t (k) VALUES (%d); ", i);
  strcat(cql, "APPLY BATCH");
  run(d, cql);
  assert_string_equal(d->warnings,
                      "Unlogged batch covering 11 partitions detected against table [ks.t]. You should use a logged "
                      "batch for atomicity, or asynchronous writes for performance.");
}

/* --- the protocol's batch ----------------------------------------------------------------------------------------- */

static void prepared_statements_in_a_batch(void **state) {
  db *d = *state;
  use(d);
  cql_plan *plan;
  cql_result *result;
  uint8_t keys[2][4] = {{0, 0, 0, 1}, {0, 0, 0, 2}};
  cql_value values[2] = {{keys[0], 4}, {keys[1], 4}};
  cql_request requests[2] = {CQL_REQUEST_INIT, CQL_REQUEST_INIT};
  for (int i = 0; i < 2; i++) {
    requests[i].values = &values[i];
    requests[i].value_count = 1;
  }
  requests[0].timestamp = 42;
  cql_slice text = CQL_SLICE_LITERAL("INSERT INTO t (k, v) VALUES (?, 'x')");
  assert_int_equal(cql_engine_prepare(d->engine, "ks", text, &plan, &d->err), CQL_OK);
  cql_plan *plans[2] = {plan, plan};
  assert_int_equal(cql_engine_batch(d->engine, CQL_BATCH_LOGGED, plans, requests, 2, &result, &d->err), CQL_OK);
  cql_result_free(result);
  gives(d, "SELECT k, writetime(v) FROM t", "k writetime(v)\n1 42\n2 42");
  requests[1].value_count = 0;
  assert_int_equal(cql_engine_batch(d->engine, CQL_BATCH_LOGGED, plans, requests, 2, &result, &d->err), CQL_INVALID);
  cql_plan_release(plan);
}

#define QUERY_TEST(f) cmocka_unit_test_setup_teardown(f, query_setup, query_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      QUERY_TEST(trap_3_order_does_not_matter),
      QUERY_TEST(trap_3_given_timestamps),
      QUERY_TEST(trap_3_reads_see_the_state_before_the_batch),
      QUERY_TEST(a_batch_is_all_or_nothing),
      QUERY_TEST(an_empty_batch_does_nothing),
      QUERY_TEST(trap_10_answers_tell_rows_apart),
      QUERY_TEST(trap_10_all_conditions_or_none),
      QUERY_TEST(trap_10_deletions_do_not_hide_what_comes_with_them),
      QUERY_TEST(trap_10_refused),
      QUERY_TEST(sizes_are_measured_as_cassandra_does),
      QUERY_TEST(unlogged_batches_over_many_partitions),
      QUERY_TEST(prepared_statements_in_a_batch),
  };
  return cmocka_run_group_tests_name("modify_batch", tests, NULL, NULL);
}
