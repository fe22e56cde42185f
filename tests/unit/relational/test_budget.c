/* The budget: rows that a query reads and does not return. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "room.h"

enum { ROWS = 100 };

static int begin(void **state) {
  int32_t values[ROWS * 3];
  room_begin(state);
  run("CREATE TABLE town (id int PRIMARY KEY, n int)");
  run("CREATE TABLE house (town int, id int, n int, PRIMARY KEY (town, id))");
  for (int32_t i = 0; i < ROWS; i++) {
    values[2 * i] = i;
    values[2 * i + 1] = ROWS - i;
  }
  insert_ints("town", "id, n", 2, values, ROWS);
  for (int32_t i = 0; i < ROWS; i++) { /* of every other town two */
    values[3 * i] = i / 2 * 2;
    values[3 * i + 1] = i % 2;
    values[3 * i + 2] = i;
  }
  insert_ints("house", "town, id, n", 3, values, ROWS);
  attach("town");
  attach("house");
  return 0;
}

/* *rows: how many came before the end or the error. */
static cql_status read_all(const char *sql, uint64_t budget, uint32_t *rows, cql_error *err) {
  cql_relational_query *q = prepare(sql);
  bool has_row = true;
  cql_status st = CQL_OK;
  cql_relational_set_budget(q, budget);
  for (*rows = 0; has_row; *rows += has_row) {
    st = cql_relational_step(q, &has_row, err);
    if (st != CQL_OK) assert_false(has_row);
  }
  assert_int_equal(cql_relational_step(q, &has_row, err), CQL_OK); /* it is over, and stays so */
  assert_false(has_row);
  cql_relational_finish(q);
  return st;
}

/* Exactly so many rows are read in vain: the budget of one less is exceeded. */
static void costs(const char *sql, uint32_t wanted_rows, uint64_t spent, const char *table) {
  cql_error err = {0};
  uint32_t rows;
  cost c;
  answer(sql, &c);
  if (c.spent != spent) fail_msg("%s: %llu rows in vain", sql, (unsigned long long)c.spent);
  if (read_all(sql, spent, &rows, &err) != CQL_OK) fail_msg("%s: %s", sql, err.message);
  assert_int_equal(rows, wanted_rows);
  if (spent == 0) return;
  assert_int_equal(read_all(sql, spent - 1, &rows, &err), CQL_BUDGET);
  assert_string_equal(err.table, table);
  assert_non_null(strstr(err.message, table));
}

static void rows_that_are_returned(void **state) {
  (void)state;
  costs("SELECT * FROM town", ROWS, 0, NULL);
  costs("SELECT * FROM town LIMIT 10", 10, 0, NULL);
  costs("SELECT * FROM town WHERE id IN (1, 2, 3)", 3, 0, NULL);
  costs("SELECT * FROM town t CROSS JOIN house h ON h.town = t.id WHERE t.id IN (0, 2, 4)", 6, 0, NULL);
  costs("SELECT * FROM house WHERE town = 2 ORDER BY id DESC", 2, 0, NULL);
  costs("SELECT * FROM town UNION ALL SELECT town, n FROM house", 2 * ROWS, 0, NULL);
}

static void rows_that_a_condition_drops(void **state) {
  (void)state;
  costs("SELECT * FROM town WHERE n <= 30", 30, 70, "town");
  costs("SELECT * FROM house WHERE town = 2 AND n % 2 = 0", 1, 1, "house");
  costs("SELECT * FROM town WHERE n = 0", 0, ROWS, "town");
}

static void rows_before_the_first(void **state) {
  (void)state;
  costs("SELECT * FROM town ORDER BY n", ROWS, ROWS, "town");
  costs("SELECT * FROM town ORDER BY n LIMIT 3", 3, ROWS, "town");
  costs("SELECT count(*) FROM town", 1, ROWS, "town");
  costs("SELECT town, count(*) FROM house WHERE town = 2 GROUP BY town", 1, 2, "house");
}

static void rows_of_joins(void **state) {
  (void)state;
  /* the towns without houses */
  costs("SELECT * FROM town t CROSS JOIN house h ON h.town = t.id", ROWS, ROWS / 2, "town");
  costs("SELECT * FROM town t LEFT JOIN house h ON h.town = t.id", ROWS + ROWS / 2, 0, NULL);
  /* one house of two, and then the towns */
  costs("SELECT * FROM town t CROSS JOIN house h ON h.town = t.id WHERE abs(h.id) = 1", ROWS / 2, ROWS, "town");
}

static void a_budget_may_change(void **state) {
  (void)state;
  cql_error err;
  bool has_row;
  cql_relational_query *q = prepare("SELECT * FROM town WHERE n % 2 = 0");
  cql_relational_set_budget(q, ROWS);
  assert_true(step(q));
  cql_relational_set_budget(q, UINT64_MAX);
  for (int i = 1; i < 20; i++) assert_true(step(q));
  cql_relational_set_budget(q, 0);
  assert_int_equal(cql_relational_step(q, &has_row, &err), CQL_BUDGET);
  cql_relational_finish(q);
}

/* Two queries that are half-read have their own. */
static void each_query_has_its_own(void **state) {
  (void)state;
  cql_error err;
  bool has_row;
  cql_relational_query *a = prepare("SELECT * FROM town WHERE n <= 30"), *b = prepare("SELECT * FROM town");
  cql_relational_set_budget(a, 70);
  cql_relational_set_budget(b, 0);
  for (int i = 0; i < ROWS; i++) {
    assert_true(step(b));
    if (i < 30) assert_true(step(a));
  }
  assert_int_equal(cql_relational_step(a, &has_row, &err), CQL_OK);
  assert_int_equal(cql_relational_spent(a), 70);
  assert_int_equal(cql_relational_spent(b), 0);
  cql_relational_finish(a);
  cql_relational_finish(b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(rows_that_are_returned, begin, room_end),
      cmocka_unit_test_setup_teardown(rows_that_a_condition_drops, begin, room_end),
      cmocka_unit_test_setup_teardown(rows_before_the_first, begin, room_end),
      cmocka_unit_test_setup_teardown(rows_of_joins, begin, room_end),
      cmocka_unit_test_setup_teardown(a_budget_may_change, begin, room_end),
      cmocka_unit_test_setup_teardown(each_query_has_its_own, begin, room_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
