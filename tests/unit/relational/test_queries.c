/* Queries: several that are half-read, what each has sent, and how they fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "room.h"

enum { ROWS = 300 };

static int begin(void **state) {
  int32_t values[ROWS * 2];
  room_begin(state);
  run("CREATE TABLE town (id int PRIMARY KEY, mayor int)");
  run("CREATE TABLE mayor (id int PRIMARY KEY, n int)");
  for (int32_t i = 0; i < ROWS; i++) {
    values[2 * i] = i;
    values[2 * i + 1] = (i + 1) % ROWS;
  }
  insert_ints("town", "id, mayor", 2, values, ROWS);
  insert_ints("mayor", "id, n", 2, values, ROWS);
  attach("town");
  attach("mayor");
  return 0;
}

static const char JOIN[] = "SELECT t.id, m.n FROM town t CROSS JOIN mayor m ON m.id = t.mayor";
static const char TOWNS[] = "SELECT \"id\", \"mayor\" FROM \"ks\".\"town\"";
static const char MAYORS[] = "SELECT \"id\", \"n\" FROM \"ks\".\"mayor\" WHERE \"id\" = ?";

/* The rest of a JOIN, row by row as it must be. */
static int read_rest(cql_relational_query *q) {
  int count = 0;
  for (; step(q); count++) {
    sqlite3_stmt *s = cql_relational_statement(q);
    assert_int_equal(sqlite3_column_int(s, 1), (sqlite3_column_int(s, 0) + 2) % ROWS);
  }
  return count;
}

static void half_read_ones_interleave(void **state) {
  (void)state;
  enum { COUNT = 5 };
  cql_relational_query *queries[COUNT];
  int rows = 0;
  for (int i = 0; i < COUNT; i++) {
    queries[i] = prepare(JOIN);
    for (int k = 0; k < i * 30; k++, rows++) assert_true(step(queries[i]));
  }
  for (int k = 0; k < 50; k++)
    for (int i = 0; i < COUNT; i++, rows++) assert_true(step(queries[i]));
  cql_relational_finish(queries[1]); /* half-read */
  assert_int_equal(read_rest(queries[0]), ROWS - 50);
  assert_int_equal(read_rest(queries[3]), ROWS - 50 - 90);
  expect("SELECT count(*) FROM town", "300;", NULL);
  assert_int_equal(read_rest(queries[2]), ROWS - 50 - 60);
  assert_int_equal(read_rest(queries[4]), ROWS - 50 - 120);
  for (int i = 0; i < COUNT; i++)
    if (i != 1) cql_relational_finish(queries[i]);
}

/* Not NULL, even when it is the first text that a cursor gives. */
static void an_empty_text(void **state) {
  (void)state;
  run("CREATE TABLE note (id int PRIMARY KEY, body text, bytes blob)");
  run("INSERT INTO note (id, body, bytes) VALUES (1, '', 0x)");
  attach("note");
  expect("SELECT typeof(body), length(body), typeof(bytes), typeof(\"body$raw\") FROM note", "text,0,blob,blob;", NULL);
  expect("SELECT id FROM note WHERE body = '' AND bytes = x''", "1;", NULL);
}

/* --- what is sent ------------------------------------------------------------------------------------------------- */

static void what_was_sent(void **state) {
  (void)state;
  cql_relational_sent sent;
  cql_relational_query *q = prepare(JOIN);
  assert_false(cql_relational_sent_at(q, 0, &sent));
  assert_true(step(q));
  assert_true(cql_relational_sent_at(q, 0, &sent));
  assert_string_equal(sent.cql, TOWNS);
  assert_int_equal(sent.requests, 1);
  assert_int_equal(sent.rows, ROWS);
  assert_in_range(sent.waves, 1, 4);
  assert_true(cql_relational_sent_at(q, 1, &sent));
  assert_string_equal(sent.cql, MAYORS);
  assert_int_equal(sent.requests, 1);
  assert_int_equal(read_rest(q), ROWS - 1);
  assert_true(cql_relational_sent_at(q, 1, &sent)); /* after the end */
  assert_string_equal(sent.cql, MAYORS);
  assert_int_equal(sent.requests, ROWS);
  assert_int_equal(sent.rows, ROWS);
  assert_in_range(sent.waves, 1, 4);
  assert_false(cql_relational_sent_at(q, 2, &sent));
  cql_relational_finish(q);
}

static void the_same_text_is_counted_once(void **state) {
  (void)state;
  cql_relational_query *q = prepare("SELECT id, mayor FROM town WHERE id = 7 UNION ALL SELECT id, mayor FROM town "
                                    "WHERE id = 8 UNION ALL SELECT mayor, id FROM town WHERE id IN (1, 2, 3)");
  while (step(q)) continue;
  assert_int_equal(sent_count(q, "SELECT \"id\", \"mayor\" FROM \"ks\".\"town\" WHERE \"id\" = ?"), 5);
  cql_relational_finish(q);
}

static void more_texts_than_are_told_apart(void **state) {
  (void)state;
  enum { TEXTS = 100, COLUMNS = 7, SQL_LEN = 16384 };
  static char sql[SQL_LEN];
  size_t len = 0;
  run("CREATE TABLE wide (id int PRIMARY KEY, c0 int, c1 int, c2 int, c3 int, c4 int, c5 int, c6 int)");
  run("INSERT INTO wide (id) VALUES (1)");
  attach("wide");
  for (unsigned i = 0; i < TEXTS; i++) {
    len += (size_t)snprintf(sql + len, sizeof sql - len, "%sSELECT id", i > 0 ? " UNION ALL " : "");
    for (unsigned k = 0; k < COLUMNS; k++)
      if (i >> k & 1) len += (size_t)snprintf(sql + len, sizeof sql - len, " + ifnull(c%u, 0)", k);
    len += (size_t)snprintf(sql + len, sizeof sql - len, " FROM wide WHERE id = 1");
  }
  cql_relational_query *q = prepare(sql);
  uint32_t rows = 0;
  while (step(q)) rows++;
  assert_int_equal(rows, TEXTS);
  cql_relational_sent sent;
  uint32_t count = 0;
  uint64_t requests = 0;
  for (; cql_relational_sent_at(q, count, &sent); count++) requests += sent.requests;
  assert_int_equal(count, CQL_RELATIONAL_SENT_COUNT);
  assert_int_equal(requests, TEXTS);
  assert_string_equal(sent.cql, "other statements");
  assert_int_equal(sent.requests, TEXTS - (CQL_RELATIONAL_SENT_COUNT - 1));
  cql_relational_finish(q);
}

/* --- failures ----------------------------------------------------------------------------------------------------- */

static cql_status failed_step(cql_relational_query *q, cql_error *err) {
  bool has_row = true;
  cql_status st = cql_relational_step(q, &has_row, err);
  assert_false(has_row);
  assert_int_equal(err->status, st);
  return st;
}

static void texts_that_are_no_queries(void **state) {
  (void)state;
  cql_error err;
  cql_relational_query *q;
  assert_int_equal(cql_relational_prepare(relational, "SELEC 1", 7, &q, &err), CQL_SYNTAX);
  assert_null(q);
  assert_non_null(strstr(err.message, "SELEC"));
  assert_int_equal(cql_relational_prepare(relational, "SELECT 1 FROM nothing", 21, &q, &err), CQL_SYNTAX);
  assert_non_null(strstr(err.message, "nothing"));
  assert_int_equal(cql_relational_prepare(relational, "  -- nothing", 12, &q, &err), CQL_SYNTAX);
  assert_non_null(strstr(err.message, "no statement"));
  assert_false(cql_relational_error(relational, &err));
  cql_relational_finish(NULL);
}

static void a_table_that_goes(void **state) {
  (void)state;
  cql_error err;
  bool has_row;
  cql_relational_query *q = prepare(JOIN);
  assert_true(step(q));
  assert_true(step(q)); /* a batch is in hand */
  run("DROP TABLE mayor");
  for (int i = 2; i < 1 + CQL_RELATIONAL_BATCH_FIRST_COUNT; i++) assert_true(step(q));
  assert_int_equal(failed_step(q, &err), CQL_INVALID);
  assert_non_null(strstr(err.message, "mayor"));
  assert_false(cql_relational_error(relational, &err)); /* it has been told */
  assert_int_equal(cql_relational_step(q, &has_row, &err), CQL_OK);
  assert_false(has_row);
  cql_relational_finish(q);
  expect("SELECT count(*) FROM town", "300;", NULL);
}

static void refuse_seventy(sqlite3_context *c, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sqlite3_value_int(argv[0]) == 70) sqlite3_result_error(c, "seventy is too much", -1);
}

static void a_function_that_fails(void **state) {
  (void)state;
  cql_error err;
  sqlite3_create_function(cql_relational_db(relational), "fail", 1, SQLITE_UTF8, NULL, refuse_seventy, NULL, NULL);
  cql_relational_query *q = prepare("SELECT fail(n) FROM mayor WHERE id IN (67, 68, 69, 70)");
  while (cql_relational_step(q, &(bool){true}, &err) == CQL_OK) continue;
  assert_int_equal(err.status, CQL_INVALID);
  assert_string_equal(err.message, "seventy is too much");
  cql_relational_finish(q);
}

static int interrupt(void *db) {
  sqlite3_interrupt(db);
  return 0;
}

static void an_interrupt(void **state) {
  (void)state;
  cql_error err;
  sqlite3 *db = cql_relational_db(relational);
  cql_relational_query *q = prepare("SELECT count(*) FROM town a, town b, town c");
  sqlite3_progress_handler(db, 1000, interrupt, db);
  assert_int_equal(failed_step(q, &err), CQL_INTERRUPTED);
  sqlite3_progress_handler(db, 0, NULL, NULL);
  cql_relational_finish(q);
  expect("SELECT count(*) FROM town", "300;", NULL);
}

/* --- queries inside of queries ------------------------------------------------------------------------------------ */

static void count_mayors(sqlite3_context *c, int argc, sqlite3_value **argv) {
  (void)argc;
  cql_relational_query *q = prepare("SELECT count(*), sum(n) FROM mayor m JOIN town t ON t.id = m.n WHERE m.id < ?");
  sqlite3_bind_value(cql_relational_statement(q), 1, argv[0]);
  cql_relational_set_budget(q, 1000);
  assert_true(step(q));
  sqlite3_result_int(c, sqlite3_column_int(cql_relational_statement(q), 0));
  cql_relational_finish(q);
}

static void a_function_that_asks(void **state) {
  (void)state;
  sqlite3_create_function(cql_relational_db(relational), "mayors", 1, SQLITE_UTF8, NULL, count_mayors, NULL, NULL);
  cql_relational_query *q = prepare("SELECT mayors(t.id), t.id FROM town t CROSS JOIN mayor m ON m.id = t.mayor "
                                    "WHERE t.id IN (3, 30, 299)");
  cql_relational_set_budget(q, 0);
  for (int i = 0; i < 3; i++) {
    assert_true(step(q));
    sqlite3_stmt *s = cql_relational_statement(q);
    assert_int_equal(sqlite3_column_int(s, 0), sqlite3_column_int(s, 1));
  }
  assert_false(step(q));
  assert_int_equal(cql_relational_spent(q), 0);
  cql_relational_finish(q);
}

static sqlite3_stmt *left;

static void leave_half_read(sqlite3_context *c, int argc, sqlite3_value **argv) {
  (void)argc;
  (void)argv;
  if (left == NULL)
    assert_int_equal(sqlite3_prepare_v2(cql_relational_db(relational), JOIN, -1, &left, NULL), SQLITE_OK);
  sqlite3_result_int(c, sqlite3_step(left) == SQLITE_ROW);
}

/* A statement of the function's own outlives the query that called it. */
static void a_function_that_leaves_a_statement_half_read(void **state) {
  (void)state;
  sqlite3 *db = cql_relational_db(relational);
  sqlite3_create_function(db, "half", 0, SQLITE_UTF8, NULL, leave_half_read, NULL, NULL);
  cql_relational_query *q = prepare("SELECT half() FROM town t CROSS JOIN mayor m ON m.id = t.mayor LIMIT 3");
  for (int i = 0; i < 3; i++) assert_true(step(q));
  assert_false(step(q));
  cql_relational_finish(q);
  int rows = 3;
  for (; sqlite3_step(left) == SQLITE_ROW; rows++)
    assert_int_equal(sqlite3_column_int(left, 1), (sqlite3_column_int(left, 0) + 2) % ROWS);
  assert_int_equal(rows, ROWS);
  sqlite3_finalize(left);
  left = NULL;
}

/* One place of a statement, and a cursor for each level. */
static void a_trigger_that_fires_itself(void **state) {
  (void)state;
  sqlite3 *db = cql_relational_db(relational);
  const char *sql = "PRAGMA recursive_triggers = ON; CREATE TABLE path (town int, mayor int);"
                    "CREATE TRIGGER walk AFTER INSERT ON path WHEN new.town < 10 BEGIN "
                    "INSERT INTO path SELECT t.mayor, m.n FROM town t CROSS JOIN mayor m ON m.id = t.mayor "
                    "WHERE t.id = new.town; END; INSERT INTO path VALUES (0, 1)";
  char *message = NULL;
  if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) fail_msg("%s", message);
  expect("SELECT count(*), sum(town), sum(mayor) FROM path", "11,55,66;", NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(half_read_ones_interleave, begin, room_end),
      cmocka_unit_test_setup_teardown(an_empty_text, begin, room_end),
      cmocka_unit_test_setup_teardown(what_was_sent, begin, room_end),
      cmocka_unit_test_setup_teardown(the_same_text_is_counted_once, begin, room_end),
      cmocka_unit_test_setup_teardown(more_texts_than_are_told_apart, begin, room_end),
      cmocka_unit_test_setup_teardown(texts_that_are_no_queries, begin, room_end),
      cmocka_unit_test_setup_teardown(a_table_that_goes, begin, room_end),
      cmocka_unit_test_setup_teardown(a_function_that_fails, begin, room_end),
      cmocka_unit_test_setup_teardown(an_interrupt, begin, room_end),
      cmocka_unit_test_setup_teardown(a_function_that_asks, begin, room_end),
      cmocka_unit_test_setup_teardown(a_trigger_that_fires_itself, begin, room_end),
      cmocka_unit_test_setup_teardown(a_function_that_leaves_a_statement_half_read, begin, room_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
