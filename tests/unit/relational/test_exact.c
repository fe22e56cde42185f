/* cql_sum(), cql_min() and cql_max(): what SQLite's own functions round or refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "room.h"

static int begin(void **state) {
  room_begin(state);
  run("CREATE TABLE bill (id int PRIMARY KEY, price decimal, seats bigint)");
  return 0;
}

static void bills(const char *const *prices, const char *const *seats, int count) {
  run("TRUNCATE bill");
  for (int i = 0; i < count; i++)
    run("INSERT INTO bill (id, price, seats) VALUES (%d, %s, %s)", i, prices[i], seats[i]);
  attach("bill");
}

static void fails(const char *sql, const char *wanted) {
  cql_error err = {0};
  bool has_row;
  cql_relational_query *q = prepare(sql);
  assert_int_equal(cql_relational_step(q, &has_row, &err), CQL_INVALID);
  if (strstr(err.message, wanted) == NULL) fail_msg("%s", err.message);
  cql_relational_finish(q);
}

static void sums_do_not_round(void **state) {
  (void)state;
  static const char *const PRICES[] = {"0.1", "0.20", "99999999999999999999.999", "-3", "null"};
  static const char *const SEATS[] = {"9223372036854775807", "1", "null", "-5", "7"};
  bills(PRICES, SEATS, 5);
  expect("SELECT cql_sum(\"price$raw\"), cql_sum(seats) FROM bill", "99999999999999999997.299,9223372036854775810;",
         NULL);
  expect("SELECT typeof(cql_sum(seats)), cql_sum(seats) FROM bill WHERE id > 0", "integer,3;", NULL);
  expect("SELECT cql_sum(\"price$raw\") FILTER (WHERE seats = 1) FROM bill", "0.20;", NULL);
  expect("SELECT cql_sum(DISTINCT seats / 4) FROM bill WHERE id > 0", "0;", NULL);
}

static void without_values_there_is_no_sum(void **state) {
  (void)state;
  static const char *const NONE[] = {"null"};
  bills(NONE, NONE, 1);
  expect("SELECT cql_sum(\"price$raw\") IS NULL, cql_sum(seats) IS NULL, cql_min(\"price$raw\") IS NULL FROM bill",
         "1,1,1;", NULL);
  expect("SELECT cql_max(\"price$raw\") IS NULL FROM bill WHERE id = 77", "1;", NULL);
}

/* REAL has both for 0.1. */
static void the_least_and_the_greatest(void **state) {
  (void)state;
  static const char *const PRICES[] = {"0.10000000000000000002", "0.1", "0.10000000000000000001", "null"};
  static const char *const SEATS[] = {"1", "2", "3", "4"};
  bills(PRICES, SEATS, 4);
  expect("SELECT hex(cql_min(\"price$raw\")), hex(cql_max(\"price$raw\")) FROM bill",
         "0000000101,00000014008AC7230489E80002;", NULL);
}

static void what_is_too_long_or_no_number_is_said(void **state) {
  (void)state;
  static const char *const PRICES[] = {"99999999999999999999999999999999999999",
                                       "99999999999999999999999999999999999999", "1E-40"};
  static const char *const SEATS[] = {"1", "2", "3"};
  bills(PRICES, SEATS, 3);
  fails("SELECT cql_sum(\"price$raw\") FROM bill", "more than 38 digits");
  expect("SELECT cql_sum(\"price$raw\") FROM bill WHERE id = 2", "1E-40;", NULL);
  fails("SELECT cql_sum(price) FROM bill", "raw column");
  fails("SELECT cql_min(seats) FROM bill", "raw column");
  expect("SELECT cql_sum(x'00'), cql_max(x'01') FROM bill WHERE id = 1", "NULL,NULL;", NULL);
}

/* 1, with more bytes than it takes. */
static void bytes_that_say_nothing_are_passed_over(void **state) {
  (void)state;
  static const char *const ONE[] = {"1"};
  bills(ONE, ONE, 1);
  expect("SELECT cql_sum(x'00000000000000000000000000000000000000000000000001'), "
         "cql_sum(x'00000000FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF') FROM bill",
         "1,-1;", NULL);
  fails("SELECT cql_sum(x'000000000100000000000000000000000000000000') FROM bill", "more than 38 digits");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(sums_do_not_round, begin, room_end),
      cmocka_unit_test_setup_teardown(without_values_there_is_no_sum, begin, room_end),
      cmocka_unit_test_setup_teardown(the_least_and_the_greatest, begin, room_end),
      cmocka_unit_test_setup_teardown(what_is_too_long_or_no_number_is_said, begin, room_end),
      cmocka_unit_test_setup_teardown(bytes_that_say_nothing_are_passed_over, begin, room_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
