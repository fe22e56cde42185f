/* test_term.c: terms bound to columns: literals, hints, calls, markers and their names. */
#include "query.h"

#include <stdio.h>
#include <string.h>

static void use(db *d) {
  run(d, "CREATE TABLE t (k int PRIMARY KEY, n int, v text, l list<int>, s set<int>, m map<text, int>, p "
         "frozen<tuple<int, text>>, u timeuuid)");
}

static void literals_must_fit(void **state) {
  db *d = *state;
  use(d);
  refuses(d, "UPDATE t SET n = 'x' WHERE k = 1", CQL_INVALID, "Invalid STRING constant (x) for \"n\" of type int");
  refuses(d, "UPDATE t SET v = 1 WHERE k = 1", CQL_INVALID, "Invalid INTEGER constant (1) for \"v\" of type text");
  refuses(d, "UPDATE t SET n = [1] WHERE k = 1", CQL_INVALID,
          "Unexpected receiver type 'int'; only list and vector are expected");
  refuses(d, "UPDATE t SET l = ['x'] WHERE k = 1", CQL_INVALID,
          "Invalid list literal for l: value 'x' is not of type int");
  refuses(d, "UPDATE t SET l = {1} WHERE k = 1", CQL_INVALID, "Invalid set literal for l of type list<int>");
  refuses(d, "UPDATE t SET m = {1: 2} WHERE k = 1", CQL_INVALID,
          "Invalid map literal for m: key 1 is not of type text");
  refuses(d, "UPDATE t SET n = (1, 2) WHERE k = 1", CQL_INVALID, "Invalid tuple type literal for n of type int");
}

static void tuples_and_parentheses(void **state) {
  db *d = *state;
  use(d);
  run(d, "INSERT INTO t (k, n, p) VALUES ((1), (5), (7, 'x'))");
  gives(d, "SELECT k, n, p FROM t", "k n p\n1 5 (7, 'x')");
  bind_int(d, 8);
  run(d, "UPDATE t SET p = (?, null) WHERE k = 1");
  gives(d, "SELECT p FROM t", "p\n(8, null)");
}

static void hints(void **state) {
  db *d = *state;
  use(d);
  run(d, "INSERT INTO t (k, n) VALUES ((int)1, (int)2)");
  refuses(d, "UPDATE t SET v = (int)3 WHERE k = 1", CQL_INVALID, "Cannot assign value (int)3 to v of type text");
  refuses(d, "UPDATE t SET n = (text)3 WHERE k = 1", CQL_INVALID, "Cannot cast value 3 to type text");
}

static void calls(void **state) {
  db *d = *state;
  use(d);
  run(d, "INSERT INTO t (k, u) VALUES (1, now())");
  refuses(d, "UPDATE t SET n = now() WHERE k = 1", CQL_INVALID,
          "Type error: cannot assign result of function system.now (type timeuuid) to n (type int)");
}

static void bound_values_are_checked(void **state) {
  db *d = *state;
  use(d);
  bind_text(d, "abc");
  refuses(d, "UPDATE t SET n = ? WHERE k = 1", CQL_INVALID, "Expected 4 or 0 byte int (3)");
}

/* "name type, …; key: 0 1" of a statement's markers. */
static void describes(db *d, const char *cql, const char *wanted) {
  cql_plan *plan;
  char text[1024] = "", type[128];
  cql_status st = cql_engine_prepare(d->engine, "ks", cql_slice_str(cql), &plan, &d->err);
  if (st != CQL_OK) fail_msg("%s: %s", cql, d->err.message);
  const cql_plan_info *info = cql_plan_get_info(plan);
  for (uint32_t i = 0; i < info->bind_count; i++) {
    cql_type_to_cql(info->binds[i].type, type, sizeof type);
    sprintf(text + strlen(text), "%s%s %s", i > 0 ? ", " : "", info->binds[i].name, type);
  }
  strcat(text, ";");
  for (uint32_t i = 0; i < info->key_index_count; i++) sprintf(text + strlen(text), " %u", info->key_indexes[i]);
  cql_plan_release(plan);
  assert_string_equal(text, wanted);
}

/* Of "" Cassandra makes an empty duration: INSERT JSON stores it (json-write.test), from_json() fails with a Java
 * exception. Elsewhere there is none, and the checks at the end of the test know that. */
static void empty_durations_come_by_insert_json_alone(void **state) {
  db *d = *state;
  run(d, "CREATE TABLE e (k int PRIMARY KEY, u duration, l frozen<list<duration>>)");
  run(d, "INSERT INTO e JSON '{\"k\": 1, \"u\": \"\", \"l\": [\"\"]}'");
  gives(d, "SELECT JSON u, l FROM e", "[json]\n'{\"u\": \"\", \"l\": [\"\"]}'");
  refuses(d, "INSERT INTO e (k, u) VALUES (2, from_json('\"\"'))", CQL_INVALID,
          "Return of function system.from_json is not a valid value of type duration: Expected at least 3 bytes for a "
          "duration (0)");
  refuses(
      d, "INSERT INTO e (k, l) VALUES (2, from_json('[\"\"]'))", CQL_INVALID,
      "Return of function system.from_json is not a valid value of type frozen<list<duration>>: Expected at least 3 "
      "bytes for a duration (0)");
  bind_bytes(d, "", 0);
  refuses(d, "INSERT INTO e (k, u) VALUES (2, ?)", CQL_INVALID, "Expected at least 3 bytes for a duration (0)");
}

static void markers_are_named_after_what_they_are_for(void **state) {
  db *d = *state;
  use(d);
  describes(d, "INSERT INTO t (k, n, m) VALUES (?, ?, :foo) USING TTL ? AND TIMESTAMP ?",
            "k int, n int, foo map<text, int>, [ttl] int, [timestamp] bigint; 0");
  describes(
      d, "UPDATE t SET m[?] = ?, l[?] = ?, s = s + ?, m = m - ?, l = ? + l WHERE k IN ?",
      "key(m) text, value(m) int, idx(l) int, value(l) int, s set<int>, m set<text>, l list<int>, in(k) list<int>;");
  describes(d, "UPDATE t SET n = ? WHERE k = ? IF n IN ? AND m[?] = ? AND l[?] IN (?, ?)",
            "n int, k int, in(n) list<int>, key(m) text, value(m) int, idx(l) int, value(l) int, value(l) int; 1");
  describes(d, "DELETE m[?], s[?], l[?] FROM t WHERE k = ?", "key(m) text, value(s) int, idx(l) int, k int; 3");
  describes(d, "SELECT v FROM t WHERE k = ? LIMIT ?", "k int, [limit] int; 0");
  describes(d, "BEGIN BATCH UPDATE t SET n = ? WHERE k = ?; INSERT INTO t (k) VALUES (?); APPLY BATCH",
            "n int, k int, k int; 2");
  describes(d, "INSERT INTO t (k, v) VALUES (1, blob_as_text(?))", "arg0(system.blob_as_text) blob;");
}

#define QUERY_TEST(f) cmocka_unit_test_setup_teardown(f, query_setup, query_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      QUERY_TEST(literals_must_fit),
      QUERY_TEST(tuples_and_parentheses),
      QUERY_TEST(hints),
      QUERY_TEST(calls),
      QUERY_TEST(bound_values_are_checked),
      QUERY_TEST(empty_durations_come_by_insert_json_alone),
      QUERY_TEST(markers_are_named_after_what_they_are_for),
  };
  return cmocka_run_group_tests_name("term", tests, NULL, NULL);
}
