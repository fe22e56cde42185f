/* SQL over CQL tables: which way a scan takes, what values look like, and that no row is lost or given twice: the same
 * question to a copy of the table in SQLite has the same answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "relational/relational.h"

enum { ANSWER_LEN = 1 << 16, SQL_LEN = 1024, ROUNDS = 1000, ROWS = 60 };

static cql_session *session;
static cql_relational *relational;

/* --- helpers ------------------------------------------------------------------------------------------------------ */

static void run(const char *text) {
  cql_error err;
  cql_request q = CQL_REQUEST_INIT;
  cql_result *r;
  q.text = text;
  q.text_len = strlen(text);
  if (cql_session_execute(session, &q, &r, &err) != CQL_OK) fail_msg("%s: %s", text, err.message);
  cql_result_free(r);
}

static void attach(const char *table) {
  cql_error err;
  if (cql_relational_attach(relational, table, &err) != CQL_OK) fail_msg("%s: %s", table, err.message);
}

static int begin(void **state) {
  cql_error err;
  (void)state;
  if (cql_session_open(&session, "local::memory:", &err) != CQL_OK) fail_msg("%s", err.message);
  run("CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
  run("USE ks");
  if (cql_relational_open(&relational, session, "ks", &err) != CQL_OK) fail_msg("%s", err.message);
  return 0;
}

static int end(void **state) {
  (void)state;
  cql_relational_close(relational);
  cql_session_close(session);
  return 0;
}

static sqlite3_stmt *prepare(const char *sql) {
  sqlite3_stmt *s;
  sqlite3 *db = cql_relational_db(relational);
  if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
  return s;
}

/* All cells, told apart: rows end with ";", cells with ",". */
static const char *answer(const char *sql) {
  static char out[ANSWER_LEN];
  size_t len = 0;
  sqlite3_stmt *s = prepare(sql);
  out[0] = '\0';
  int rc;
  while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
    for (int i = 0; i < sqlite3_column_count(s); i++) {
      const unsigned char *text = sqlite3_column_text(s, i);
      len +=
          (size_t)snprintf(out + len, sizeof out - len, "%s%s", i > 0 ? "," : "", text ? (const char *)text : "NULL");
      assert_true(len < sizeof out);
    }
    len += (size_t)snprintf(out + len, sizeof out - len, ";");
    assert_true(len < sizeof out);
  }
  if (rc != SQLITE_DONE) fail_msg("%s: %s", sql, sqlite3_errmsg(cql_relational_db(relational)));
  sqlite3_finalize(s);
  return out;
}

static void expect(const char *sql, const char *wanted) {
  assert_string_equal(answer(sql), wanted);
}

/* The same, with what it costs. */
static void expect_cost(const char *sql, const char *wanted, uint64_t requests, uint64_t rows, uint64_t scans) {
  cql_relational_counts before, after;
  cql_relational_counted(relational, &before);
  expect(sql, wanted);
  cql_relational_counted(relational, &after);
  if (after.requests - before.requests != requests || after.rows - before.rows != rows ||
      after.scans - before.scans != scans)
    fail_msg("%s: %llu requests, %llu rows, %llu scans", sql, (unsigned long long)(after.requests - before.requests),
             (unsigned long long)(after.rows - before.rows), (unsigned long long)(after.scans - before.scans));
}

static void expect_sorted(const char *sql, bool is_sorted) {
  char text[SQL_LEN];
  snprintf(text, sizeof text, "EXPLAIN QUERY PLAN %s", sql);
  if ((strstr(answer(text), "TEMP B-TREE") != NULL) != is_sorted) fail_msg("%s", answer(text));
}

/* --- ways --------------------------------------------------------------------------------------------------------- */

static void parties(void) {
  run("CREATE TABLE party (city text, day int, id int, name text, size int, PRIMARY KEY (city, day, id)) "
      "WITH CLUSTERING ORDER BY (day DESC, id ASC)");
  run("CREATE INDEX ON party (name)");
  run("CREATE TABLE guest (party int, seat int, name text, PRIMARY KEY (party, seat))");
  for (int i = 0; i < 12; i++) {
    char text[SQL_LEN];
    snprintf(text, sizeof text, "INSERT INTO party (city, day, id, name, size) VALUES ('%s', %d, %d, 'p%d', %d)",
             i % 3 == 0 ? "Oslo" : "Bern", i / 3, i, i, i * 10);
    run(text);
    snprintf(text, sizeof text, "INSERT INTO guest (party, seat, name) VALUES (%d, 1, 'g%d')", i, i);
    run(text);
  }
  attach("party");
  attach("guest");
}

static void ways(void **state) {
  (void)state;
  parties();
  expect_cost("SELECT name FROM party WHERE city = 'Oslo' AND day = 1 AND id = 3", "p3;", 1, 1, 0);
  expect_cost("SELECT id FROM party WHERE city = 'Oslo' AND day >= 2", "9;6;", 1, 2, 0);
  expect_cost("SELECT id FROM party WHERE city = 'Oslo' AND day > 0 AND day < 3", "6;3;", 1, 2, 0);
  expect_cost("SELECT id FROM party WHERE city IN ('Oslo', 'Bern', 'Rome') AND day = 1 ORDER BY id", "3;4;5;", 3, 3, 0);
  expect_cost("SELECT id FROM party WHERE name = 'p7'", "7;", 1, 1, 0);
  expect_cost("SELECT id FROM party WHERE name IN ('p7', 'p8', 'none') ORDER BY id", "7;8;", 3, 2, 0);
  expect_cost("SELECT count(*) FROM party WHERE size > 55", "6;", 1, 12, 1);
  expect_cost("SELECT id FROM party WHERE name = 'p1' OR name = 'p2' ORDER BY id", "1;2;", 2, 2, 0);
  expect_cost("SELECT id FROM party WHERE (city = 'Oslo' AND day = 0) OR name = 'p0'", "0;", 2, 2, 0);
}

static void order(void **state) {
  (void)state;
  parties();
  expect_sorted("SELECT id FROM party WHERE city = 'Oslo' ORDER BY day DESC, id", false);
  expect_sorted("SELECT id FROM party WHERE city = 'Oslo' ORDER BY day, id DESC", false);
  expect_sorted("SELECT id FROM party WHERE city = 'Oslo' AND day = 1 ORDER BY city, day, id", false);
  expect_sorted("SELECT id FROM party WHERE city = 'Oslo' ORDER BY day, id", true);
  expect_sorted("SELECT id FROM party WHERE city IN ('Oslo', 'Bern') ORDER BY day DESC, id", true);
  expect_sorted("SELECT id FROM party ORDER BY day DESC, id", true);
  expect_sorted("SELECT id FROM party WHERE city = 'Oslo' ORDER BY size", true);
  expect("SELECT id FROM party WHERE city = 'Oslo' ORDER BY day DESC, id", "9;6;3;0;");
  expect("SELECT id FROM party WHERE city = 'Oslo' ORDER BY day, id DESC", "0;3;6;9;");
  expect("SELECT id FROM party WHERE city = 'Oslo' AND day < 3 ORDER BY day, id DESC LIMIT 2", "0;3;");
}

static void joins(void **state) {
  (void)state;
  parties();
  expect_cost("SELECT p.id, g.name FROM party p JOIN guest g ON g.party = p.id WHERE p.city = 'Oslo' ORDER BY p.id",
              "0,g0;3,g3;6,g6;9,g9;", 5, 8, 0);
  expect(
      "SELECT p.id, g.name FROM party p LEFT JOIN guest g ON g.party = p.id + 10 WHERE p.city = 'Oslo' ORDER BY p.id",
      "0,g10;3,NULL;6,NULL;9,NULL;");
  expect("SELECT city, count(*), sum(size) FROM party GROUP BY city ORDER BY city", "Bern,8,480;Oslo,4,180;");
  expect("SELECT name FROM guest WHERE party IN (SELECT id FROM party WHERE city = 'Oslo') ORDER BY name",
         "g0;g3;g6;g9;");
  /* SQLite does not say that it tells the rows of an OR apart by their key. */
  expect("SELECT g.name FROM party p JOIN guest g ON g.party = p.size "
         "WHERE (p.name = 'p1' AND g.name = 'none') OR p.name = 'p0'",
         "g0;");
}

static void conditions_that_nothing_meets(void **state) {
  (void)state;
  parties();
  expect_cost("SELECT id FROM party WHERE city = NULL", "", 0, 0, 0);
  expect_cost("SELECT id FROM party WHERE city = ''", "", 0, 0, 0);
  expect_cost("SELECT id FROM party WHERE city = 'Oslo' AND day = 1.5", "", 0, 0, 0);
  expect_cost("SELECT id FROM party WHERE city = 'Oslo' AND day = 'one'", "", 0, 0, 0);
  expect_cost("SELECT id FROM party WHERE city = 'Oslo' AND day = 3000000000", "", 0, 0, 0);
  expect_cost("SELECT id FROM party WHERE city = 'Oslo' AND day = '1'", "3;", 1, 1, 0);
  expect_cost("SELECT id FROM party WHERE city = 'Oslo' AND day > 0.5 AND day < 'x'", "9;6;3;", 1, 4, 0);
  expect_cost("SELECT id FROM party WHERE city = 'oslo' COLLATE NOCASE ORDER BY id", "0;3;6;9;", 1, 12, 1);
  expect_cost("SELECT name FROM guest WHERE party IN (1, 1.0, '1', NULL, 2.5)", "g1;", 1, 1, 0);
}

static void pages_and_statics(void **state) {
  (void)state;
  run("CREATE TABLE t (k int, c int, s text STATIC, PRIMARY KEY (k, c))");
  for (int i = 0; i < CQL_RELATIONAL_PAGE_COUNT + 10; i++) {
    char text[SQL_LEN];
    snprintf(text, sizeof text, "INSERT INTO t (k, c) VALUES (1, %d)", i);
    run(text);
  }
  run("INSERT INTO t (k, s) VALUES (1, 'all of them')");
  run("INSERT INTO t (k, s) VALUES (2, 'no row')");
  attach("t");
  expect_cost("SELECT count(*), count(s), sum(c) FROM t WHERE k = 1", "5010,5010,12547545;", 2, 5010, 0);
  expect("SELECT count(*) FROM t", "5010;");
  expect("SELECT k FROM t WHERE k = 2", "");
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static void values(void **state) {
  (void)state;
  run("CREATE TABLE v (id int PRIMARY KEY, a bigint, b boolean, c decimal, d double, e float, f timestamp, g date, "
      "h time, i uuid, j inet, k blob, l varint, m list<int>, n smallint, o tinyint)");
  run("INSERT INTO v (id, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o) VALUES (1, -9223372036854775808, true, 1.50, "
      "0.1, 0.5, '2011-02-03 04:05:06.078Z', '2011-02-03', '08:12:54.123456789', 5132b130-ae79-11e4-ab27-0800200c9a66, "
      "'::1', 0x00ff, 123, [1, 2], -2, -3)");
  run("INSERT INTO v (id, f, h, l) VALUES (2, '2011-02-03 04:05:06Z', '08:12:54', 123456789012345678901234567890)");
  attach("v");
  expect("SELECT a, b, c, d, e, f, g, h, i, j, hex(k), l, m, n, o FROM v WHERE id = 1",
         "-9223372036854775808,1,1.5,0.1,0.5,2011-02-03 04:05:06.078000,2011-02-03,08:12:54.123456,"
         "5132b130ae7911e4ab270800200c9a66,::1,00FF,123,[1, 2],-2,-3;");
  expect("SELECT a, b, c, f, h, i, l, m FROM v WHERE id = 2",
         "NULL,NULL,NULL,2011-02-03 04:05:06,08:12:54,NULL,123456789012345678901234567890,NULL;");
  expect("SELECT hex(\"c$raw\"), hex(\"id$raw\"), \"a$raw\" IS NULL FROM v ORDER BY id",
         "000000020096,00000001,0;,00000002,1;");
  expect("SELECT count(*) FROM pragma_table_info('v')", "16;"); /* raw ones are hidden */
}

/* --- the same as of a copy ---------------------------------------------------------------------------------------- */

static uint32_t chance;

static uint32_t below(uint32_t n) {
  chance = chance * 1664525 + 1013904223;
  return (chance >> 8) % n;
}

/* A value for a column, now and then of another type. */
static const char *some_value(char column) {
  static char text[SQL_LEN];
  static const char *const ODD[] = {"NULL", "1.5", "'x'", "x'01'", "''", "-1", "'2'", "99999999999"};
  if (below(12) == 0) return ODD[below(8)];
  switch (column) {
  case 'b':
  case 's': snprintf(text, sizeof text, "'%c'", 'p' + (char)below(3)); break;
  case 'd':
    snprintf(text, sizeof text, "'2020-01-0%u 00:00:00%s'", below(3) + 1, below(3) == 0 ? ".005000" : "");
    break;
  case 'e': snprintf(text, sizeof text, "'0000000000004000800000000000000%u'", below(4)); break;
  case 'h': snprintf(text, sizeof text, "x'0%u'", below(3)); break;
  default: snprintf(text, sizeof text, "%u", below(4));
  }
  return text;
}

static size_t put_condition(char *out, size_t room, const char *of) {
  static const char *const SIGNS[] = {"=", "=", "=", "=", "<", ">", "<=", ">=", "<>"};
  char column = "aabbccddefghs"[below(13)];
  if (below(5) == 0) {
    char values[SQL_LEN] = "";
    for (uint32_t i = below(4) + 1; i > 0; i--) {
      strcat(values, some_value(column));
      if (i > 1) strcat(values, ", ");
    }
    return (size_t)snprintf(out, room, "%s%c IN (%s)", of, column, values);
  }
  if (below(15) == 0) return (size_t)snprintf(out, room, "%s%c IS NULL", of, column);
  return (size_t)snprintf(out, room, "%s%c %s %s", of, column, SIGNS[below(9)], some_value(column));
}

static void make_question(char *out, size_t room, const char *table) {
  size_t len = (size_t)snprintf(out, room, "SELECT x.a, x.b, x.c, x.d, x.e, x.f, x.g, hex(x.h), x.s FROM %s x", table);
  if (below(4) == 0)
    len += (size_t)snprintf(out + len, room - len, " JOIN %s y ON y.%c = x.%c AND y.b = x.b", table, "ace"[below(3)],
                            "ac"[below(2)]);
  uint32_t count = below(5);
  for (uint32_t i = 0; i < count; i++) {
    len += (size_t)snprintf(out + len, room - len, "%s", i == 0 ? " WHERE " : below(4) == 0 ? " OR " : " AND ");
    len += put_condition(out + len, room - len, "x.");
  }
  static const char *const ORDERS[] = {"x.c, x.d", "x.c DESC, x.d", "x.c DESC, x.d DESC", "x.c, x.d DESC",
                                       "x.a, x.c DESC"};
  snprintf(out + len, room - len, " ORDER BY %s, 1, 2, 3, 4, 5, 6, 7, 8, 9", ORDERS[below(5)]);
}

static void questions(void **state) {
  (void)state;
  run("CREATE TABLE q (a int, b text, c int, d timestamp, e uuid, f double, g boolean, h blob, s text STATIC, "
      "PRIMARY KEY ((a, b), c, d)) WITH CLUSTERING ORDER BY (c DESC, d ASC)");
  run("CREATE INDEX ON q (e)");
  run("CREATE INDEX ON q (h)");
  chance = 1;
  for (int i = 0; i < ROWS; i++) {
    char text[SQL_LEN];
    int len = snprintf(text, sizeof text, "INSERT INTO q (a, b, c, d");
    bool has[4];
    for (int k = 0; k < 4; k++) has[k] = below(3) > 0;
    len += snprintf(text + len, sizeof text - (size_t)len, "%s%s%s%s", has[0] ? ", e" : "", has[1] ? ", f" : "",
                    has[2] ? ", g" : "", has[3] ? ", h" : "");
    len += snprintf(text + len, sizeof text - (size_t)len, ") VALUES (%u, '%c', %u, '2020-01-0%u 00:00:00%sZ'",
                    below(4), 'p' + (char)below(3), below(4), below(3) + 1, below(3) == 0 ? ".005" : "");
    if (has[0])
      len += snprintf(text + len, sizeof text - (size_t)len, ", 00000000-0000-4000-8000-00000000000%u", below(4));
    if (has[1]) len += snprintf(text + len, sizeof text - (size_t)len, ", %u.0", below(4));
    if (has[2]) len += snprintf(text + len, sizeof text - (size_t)len, ", %s", below(2) ? "true" : "false");
    if (has[3]) len += snprintf(text + len, sizeof text - (size_t)len, ", 0x0%u", below(3));
    snprintf(text + len, sizeof text - (size_t)len, ")");
    run(text);
    snprintf(text, sizeof text, "INSERT INTO q (a, b, s) VALUES (%u, '%c', '%c')", below(4), 'p' + (char)below(3),
             'p' + (char)below(3));
    run(text);
  }
  attach("q");
  expect("CREATE TABLE copy (a INTEGER, b TEXT, c INTEGER, d TEXT, e TEXT, f REAL, g BOOL, h BLOB, s TEXT)", "");
  expect("INSERT INTO copy SELECT a, b, c, d, e, f, g, h, s FROM q", "");
  for (int i = 0; i < ROUNDS; i++) {
    char of_table[SQL_LEN], of_copy[SQL_LEN];
    uint32_t seed = chance;
    make_question(of_table, sizeof of_table, "q");
    chance = seed;
    make_question(of_copy, sizeof of_copy, "copy");
    char *wanted = strdup(answer(of_copy));
    if (strcmp(answer(of_table), wanted) != 0) fail_msg("%s\n%s\n%s", of_table, answer(of_table), wanted);
    free(wanted);
  }
}

/* --- errors ------------------------------------------------------------------------------------------------------- */

static void errors(void **state) {
  cql_error err;
  (void)state;
  assert_int_equal(cql_relational_attach(relational, "nothing", &err), CQL_INVALID);
  assert_non_null(strstr(err.message, "nothing"));
  assert_false(cql_relational_error(relational, &err));
  run("CREATE TABLE \"Order\" (\"k \"\" y\" int PRIMARY KEY, \"group\" int)");
  run("INSERT INTO \"Order\" (\"k \"\" y\", \"group\") VALUES (1, 2)");
  attach("Order");
  expect("SELECT \"k \"\" y\", \"group\" FROM \"Order\" WHERE \"k \"\" y\" = 1", "1,2;");
  run("DROP TABLE \"Order\"");
  sqlite3_stmt *s = prepare("SELECT * FROM \"Order\"");
  assert_int_equal(sqlite3_step(s), SQLITE_ERROR);
  sqlite3_finalize(s);
  assert_true(cql_relational_error(relational, &err));
  assert_int_equal(err.status, CQL_INVALID);
}

/* Another column under the same name is not read as the one that it was. */
static void tables_that_change(void **state) {
  cql_error err;
  (void)state;
  run("CREATE TABLE t (k int PRIMARY KEY, v int)");
  run("INSERT INTO t (k, v) VALUES (1, 2)");
  assert_int_equal(cql_relational_attach_as(relational, "a table", "t", &err), CQL_OK);
  expect("SELECT k, v FROM \"a table\"", "1,2;");
  assert_int_equal(cql_relational_type(relational, "a table", "v")->code, CQL_TYPE_INT);
  assert_null(cql_relational_type(relational, "t", "v"));
  run("DROP TABLE t");
  run("CREATE TABLE t (k int PRIMARY KEY, v text)");
  run("INSERT INTO t (k, v) VALUES (1, 'x')");
  sqlite3_stmt *s = prepare("SELECT v FROM \"a table\"");
  assert_int_equal(sqlite3_step(s), SQLITE_ERROR);
  sqlite3_finalize(s);
  assert_true(cql_relational_error(relational, &err));
  assert_non_null(strstr(err.message, "have changed"));
  assert_int_equal(cql_relational_attach_as(relational, "a table", "t", &err), CQL_OK);
  expect("SELECT v FROM \"a table\"", "x;");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(ways, begin, end),
      cmocka_unit_test_setup_teardown(order, begin, end),
      cmocka_unit_test_setup_teardown(joins, begin, end),
      cmocka_unit_test_setup_teardown(conditions_that_nothing_meets, begin, end),
      cmocka_unit_test_setup_teardown(pages_and_statics, begin, end),
      cmocka_unit_test_setup_teardown(values, begin, end),
      cmocka_unit_test_setup_teardown(questions, begin, end),
      cmocka_unit_test_setup_teardown(errors, begin, end),
      cmocka_unit_test_setup_teardown(tables_that_change, begin, end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
