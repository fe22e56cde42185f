/* cql_session_execute_many(): every request has an outcome of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "session/session_int.h"

enum { COUNT = 100 };

typedef struct fixture {
  cql_session *session;
  cql_prepared *insert;
  uint8_t keys[COUNT][4];
  cql_value values[COUNT][2];
  cql_request requests[COUNT];
  cql_outcome outcomes[COUNT];
} fixture;

static void run(cql_session *s, const char *text) {
  cql_error err;
  cql_result *r;
  cql_request q = CQL_REQUEST_INIT;
  q.text = text;
  q.text_len = strlen(text);
  if (cql_session_execute(s, &q, &r, &err) != CQL_OK) fail_msg("%s: %s", text, err.message);
  cql_result_free(r);
}

static int setup(void **state) {
  static const uint8_t text[] = {'x'};
  const char *insert = "INSERT INTO ks.t (k, v) VALUES (?, ?)";
  fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  assert_int_equal(cql_session_open(&f->session, "local::memory:", NULL), CQL_OK);
  run(f->session, "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
  run(f->session, "CREATE TABLE ks.t (k int PRIMARY KEY, v text)");
  assert_int_equal(cql_session_prepare(f->session, insert, strlen(insert), NULL, &f->insert, NULL), CQL_OK);
  for (int i = 0; i < COUNT; i++) {
    f->keys[i][3] = (uint8_t)i;
    f->values[i][0] = (cql_value){f->keys[i], 4};
    f->values[i][1] = (cql_value){text, 1};
    f->requests[i] = (cql_request)CQL_REQUEST_INIT;
    f->requests[i].prepared = f->insert;
    f->requests[i].values = f->values[i];
    f->requests[i].value_count = 2;
  }
  *state = f;
  return 0;
}

static int teardown(void **state) {
  fixture *f = *state;
  for (int i = 0; i < COUNT; i++) cql_result_free(f->outcomes[i].result);
  cql_prepared_release(f->insert);
  cql_session_close(f->session);
  free(f);
  return 0;
}

static void execute(fixture *f) {
  cql_error err;
  cql_status st = cql_session_execute_many(f->session, f->requests, COUNT, f->outcomes, &err);
  if (st != CQL_OK) fail_msg("%s", err.message);
}

static uint64_t stored(fixture *f) {
  cql_request q = CQL_REQUEST_TEXT("SELECT k FROM ks.t");
  cql_result *r;
  assert_int_equal(cql_session_execute(f->session, &q, &r, NULL), CQL_OK);
  uint64_t count = cql_result_row_count(r);
  cql_result_free(r);
  return count;
}

static void all_are_written(void **state) {
  fixture *f = *state;
  execute(f);
  for (int i = 0; i < COUNT; i++) assert_int_equal(f->outcomes[i].status, CQL_OK);
  assert_int_equal(stored(f), COUNT);
}

/* Of two cells with one timestamp the greater value would win; the later one does. */
static void each_has_a_timestamp_of_its_own(void **state) {
  static const uint8_t z[] = {'z'}, y[] = {'y'};
  fixture *f = *state;
  f->values[0][1].data = z;
  f->values[1][0] = f->values[0][0];
  f->values[1][1].data = y;
  execute(f);
  cql_request q = CQL_REQUEST_TEXT("SELECT v FROM ks.t WHERE k = 0");
  cql_result *r;
  cql_value cell;
  assert_int_equal(cql_session_execute(f->session, &q, &r, NULL), CQL_OK);
  assert_int_equal(cql_result_next(r, &cell), CQL_OK);
  assert_int_equal(cell.data[0], 'y');
  cql_result_free(r);
}

static void one_that_fails_leaves_the_others_alone(void **state) {
  fixture *f = *state;
  f->values[10][0].len = 3;         /* no int has three bytes */
  f->values[20][0].len = CQL_NULL;  /* a key that is null */
  f->requests[30].value_count = 1;  /* a marker without a value */
  f->requests[40].consistency = 99; /* no such level */
  f->requests[50].prepared = NULL;
  f->requests[50].text = "INSERT INTO ks.nowhere (k) VALUES (?)";
  f->requests[50].text_len = strlen(f->requests[50].text);
  execute(f);
  for (int i = 0; i < COUNT; i++) {
    bool bad = i % 10 == 0 && i >= 10 && i <= 50;
    if (bad != (f->outcomes[i].status != CQL_OK)) fail_msg("request %d: %d", i, f->outcomes[i].status);
    if (bad) assert_string_not_equal(f->outcomes[i].error.message, "");
    if (bad) assert_null(f->outcomes[i].result);
  }
  assert_int_equal(stored(f), COUNT - 5);
}

static void kinds_may_be_mixed(void **state) {
  fixture *f = *state;
  static const char *const texts[] = {
      "INSERT INTO ks.t (k, v) VALUES (200, 'a') IF NOT EXISTS",
      "SELECT v FROM ks.t WHERE k = 200",
      "CREATE TABLE ks.u (k int PRIMARY KEY)",
      "INSERT INTO ks.u (k) VALUES (1)",
      "SELECT k FROM ks.u",
  };
  for (int i = 0; i < 5; i++) {
    f->requests[i] = (cql_request)CQL_REQUEST_INIT;
    f->requests[i].text = texts[i];
    f->requests[i].text_len = strlen(texts[i]);
  }
  cql_error err;
  assert_int_equal(cql_session_execute_many(f->session, f->requests, 5, f->outcomes, &err), CQL_OK);
  assert_int_equal(f->outcomes[0].status, CQL_OK);
  assert_int_equal(cql_result_row_count(f->outcomes[1].result), 1); /* one sees what those before it wrote */
  assert_int_equal(f->outcomes[2].status, CQL_OK);
  assert_int_equal(f->outcomes[3].status, CQL_INVALID); /* prepared before the table was made */
}

static void prepared_statements_follow_the_schema(void **state) {
  fixture *f = *state;
  run(f->session, "ALTER TABLE ks.t ADD w int");
  execute(f);
  for (int i = 0; i < COUNT; i++) assert_int_equal(f->outcomes[i].status, CQL_OK);
  assert_int_equal(stored(f), COUNT);
}

static void too_many_are_refused(void **state) {
  fixture *f = *state;
  cql_error err;
  cql_status st = cql_session_execute_many(f->session, f->requests, CQL_EXECUTE_MANY_COUNT + 1, f->outcomes, &err);
  assert_int_equal(st, CQL_LIMIT);
  assert_int_equal(cql_session_execute_many(f->session, f->requests, 0, f->outcomes, &err), CQL_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(all_are_written, setup, teardown),
      cmocka_unit_test_setup_teardown(each_has_a_timestamp_of_its_own, setup, teardown),
      cmocka_unit_test_setup_teardown(one_that_fails_leaves_the_others_alone, setup, teardown),
      cmocka_unit_test_setup_teardown(kinds_may_be_mixed, setup, teardown),
      cmocka_unit_test_setup_teardown(prepared_statements_follow_the_schema, setup, teardown),
      cmocka_unit_test_setup_teardown(too_many_are_refused, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
