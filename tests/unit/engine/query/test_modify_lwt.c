/* test_modify_lwt.c: trap 9: IF NOT EXISTS, IF EXISTS and IF conditions: what is decided, and the shape of the answer.
 * The answers are those of a Cassandra 5.0.
 */
#include "query.h"

static void use(db *d) {
  run(d,
      "CREATE TABLE w (k int, c int, s text static, v text, n int, m map<text, int>, l list<int>, PRIMARY KEY (k, c))");
}

static void not_exists_answers_with_the_whole_row(void **state) {
  db *d = *state;
  use(d);
  applied(d, "INSERT INTO w (k, c, v) VALUES (1, 1, 'a') IF NOT EXISTS");
  gives(d, "INSERT INTO w (k, c, v) VALUES (1, 1, 'b') IF NOT EXISTS",
        "[applied] k c s l m n v\nfalse 1 1 null null null null 'a'");
  applied(d, "INSERT INTO w (k, c, v) VALUES (1, 2, 'b') IF NOT EXISTS");
}

static void a_row_of_tombstones_does_not_exist(void **state) {
  db *d = *state;
  use(d);
  run(d, "UPDATE w SET v = 'a' WHERE k = 1 AND c = 1");
  run(d, "DELETE v FROM w WHERE k = 1 AND c = 1");
  gives(d, "UPDATE w SET v = 'b' WHERE k = 1 AND c = 1 IF EXISTS", "[applied]\nfalse");
  applied(d, "INSERT INTO w (k, c, v) VALUES (1, 1, 'c') IF NOT EXISTS");
}

static void exists_on_a_missing_row_answers_with_nothing_more(void **state) {
  db *d = *state;
  use(d);
  gives(d, "UPDATE w SET v = 'b' WHERE k = 1 AND c = 1 IF EXISTS", "[applied]\nfalse");
  run(d, "INSERT INTO w (k, s) VALUES (1, 'st')");
  gives(d, "UPDATE w SET v = 'b' WHERE k = 1 AND c = 1 IF EXISTS", "[applied]\nfalse");
  gives(d, "UPDATE w SET v = 'b', s = 'x' WHERE k = 1 AND c = 1 IF EXISTS",
        "[applied] k c s l m n v\nfalse 1 null 'st' null null null null");
  run(d, "INSERT INTO w (k, c) VALUES (1, 1)");
  applied(d, "DELETE FROM w WHERE k = 1 AND c = 1 IF EXISTS");
}

static void statics_are_shown_when_the_statement_writes_some(void **state) {
  db *d = *state;
  use(d);
  run(d, "INSERT INTO w (k, c, s, v) VALUES (7, 1, 'x', 'v1')");
  gives(d, "INSERT INTO w (k, c, v) VALUES (7, 1, 'b') IF NOT EXISTS",
        "[applied] k c s l m n v\nfalse 7 1 null null null null 'v1'");
  gives(d, "INSERT INTO w (k, c, v, s) VALUES (7, 1, 'b', 's') IF NOT EXISTS",
        "[applied] k c s l m n v\nfalse 7 1 'x' null null null 'v1'");
}

static void existence_of_static_columns(void **state) {
  db *d = *state;
  use(d);
  run(d, "INSERT INTO w (k, c, n) VALUES (1, 1, 2)");
  gives(d, "DELETE s FROM w WHERE k = 1 IF EXISTS", "[applied] k c s l m n v\nfalse 1 1 null null null null null");
  applied(d, "INSERT INTO w (k, s) VALUES (1, 'x') IF NOT EXISTS");
  gives(d, "INSERT INTO w (k, s) VALUES (1, 'y') IF NOT EXISTS",
        "[applied] k c s l m n v\nfalse 1 1 'x' null null null null");
  applied(d, "INSERT INTO w (k, s) VALUES (7, 'x') IF NOT EXISTS");
  gives(d, "INSERT INTO w (k, s) VALUES (7, 'y') IF NOT EXISTS",
        "[applied] k c s l m n v\nfalse 7 null 'x' null null null null");
}

static void conditions_answer_with_their_columns(void **state) {
  db *d = *state;
  use(d);
  run(d, "INSERT INTO w (k, c, s, v, n) VALUES (1, 1, 'x', 'a', 2)");
  gives(d, "UPDATE w SET n = 5 WHERE k = 1 AND c = 1 IF s = 'no' AND n = 2", "[applied] n s\nfalse 2 'x'");
  gives(d, "UPDATE w SET n = 5 WHERE k = 1 AND c = 55 IF s = 'no' AND n = 2", "[applied] n s\nfalse null 'x'");
  gives(d, "UPDATE w SET n = 5 WHERE k = 1 AND c = 55 IF n = 2", "[applied]\nfalse");
  gives(d, "UPDATE w SET s = 'z' WHERE k = 1 IF s = 'no'", "[applied] s\nfalse 'x'");
  gives(d, "UPDATE w SET s = 'z' WHERE k = 99 IF s = 'no'", "[applied]\nfalse");
  gives(d, "UPDATE w SET s = 'q' WHERE k = 1 AND c = 1 IF v = 'b'", "[applied] v\nfalse 'a'");
  applied(d, "UPDATE w SET s = 'q', n = 3 WHERE k = 1 AND c = 1 IF v = 'a' AND s = 'x' AND n = 2");
  gives(d, "SELECT s, n FROM w", "s n\n'q' 3");
}

static void conditions_and_null(void **state) {
  db *d = *state;
  use(d);
  applied(d, "UPDATE w SET n = 1 WHERE k = 1 AND c = 1 IF n = null");
  gives(d, "UPDATE w SET n = 2 WHERE k = 1 AND c = 1 IF n = null", "[applied] n\nfalse 1");
  applied(d, "UPDATE w SET n = 2 WHERE k = 1 AND c = 1 IF n != null AND v != 'a'");
  gives(d, "UPDATE w SET n = 2 WHERE k = 1 AND c = 1 IF v < 'z'", "[applied] v\nfalse null");
  applied(d, "UPDATE w SET n = 2 WHERE k = 1 AND c = 1 IF v IN ('a', null)");
  refuses(d, "UPDATE w SET n = 1 WHERE k = 1 AND c = 1 IF n > null", CQL_INVALID,
          "Invalid comparison with null for operator \">\"");
  bind_unset(d);
  refuses(d, "UPDATE w SET n = 1 WHERE k = 1 AND c = 1 IF n = ?", CQL_INVALID, "Invalid 'unset' value in condition");
  bind_null(d);
  refuses(d, "UPDATE w SET n = 1 WHERE k = 1 AND c = 1 IF n IN ?", CQL_INVALID, "Invalid null list in IN condition");
  bind_unset(d);
  gives(d, "UPDATE w SET n = 1 WHERE k = 1 AND c = 1 IF n IN (?, 1)", "[applied] n\nfalse 2");
}

static void conditions_compare(void **state) {
  db *d = *state;
  use(d);
  run(d, "INSERT INTO w (k, c, n) VALUES (1, 1, 5)");
  applied(
      d, "UPDATE w SET v = 'x' WHERE k = 1 AND c = 1 IF n > 4 AND n >= 5 AND n < 6 AND n <= 5 AND n != 4 AND n IN (5)");
  gives(d, "UPDATE w SET v = 'y' WHERE k = 1 AND c = 1 IF n > 5", "[applied] n\nfalse 5");
  gives(d, "UPDATE w SET v = 'y' WHERE k = 1 AND c = 1 IF n < 5", "[applied] n\nfalse 5");
  gives(d, "UPDATE w SET v = 'y' WHERE k = 1 AND c = 1 IF n IN (1, 2)", "[applied] n\nfalse 5");
}

static void conditions_on_collections(void **state) {
  db *d = *state;
  use(d);
  run(d, "INSERT INTO w (k, c, m, l) VALUES (1, 1, {'a': 1}, [1, 2])");
  applied(d, "UPDATE w SET n = 1 WHERE k = 1 AND c = 1 IF m['a'] = 1 AND m['b'] = null AND l[1] = 2 AND l[9] = null");
  applied(d, "UPDATE w SET n = 1 WHERE k = 1 AND c = 1 IF m = {'a': 1} AND l = [1, 2] AND l < [1, 3] AND l > [1]");
  applied(d, "UPDATE w SET n = 1 WHERE k = 1 AND c = 1 IF m CONTAINS 1 AND m CONTAINS KEY 'a' AND l CONTAINS 2");
  gives(d, "UPDATE w SET n = 1 WHERE k = 1 AND c = 1 IF m CONTAINS 2", "[applied] m\nfalse {'a': 1}");
  gives(d, "UPDATE w SET n = 1 WHERE k = 1 AND c = 1 IF l[0] IN (5, 6)", "[applied] l\nfalse [1, 2]");
  applied(d, "UPDATE w SET n = 1 WHERE k = 2 AND c = 1 IF l = [] AND m = null AND l != [2] AND l IN ([], [1])");
  gives(d, "UPDATE w SET n = 1 WHERE k = 2 AND c = 1 IF l < [2]", "[applied] l\nfalse null");
  refuses(d, "UPDATE w SET n = 1 WHERE k = 1 AND c = 1 IF l > []", CQL_INVALID,
          "Invalid comparison with an empty list for operator \">\"");
  refuses(d, "UPDATE w SET n = 1 WHERE k = 1 AND c = 1 IF l[-1] = 3", CQL_INVALID, "Invalid negative list index -1");
  refuses(d, "UPDATE w SET n = 1 WHERE k = 1 AND c = 1 IF m[null] = 3", CQL_INVALID,
          "Invalid null value for map element access");
  refuses(d, "UPDATE w SET n = 1 WHERE k = 1 AND c = 1 IF n[1] = 3", CQL_INVALID,
          "Invalid element access syntax for non-collection column n");
  refuses(d, "UPDATE w SET n = 1 WHERE k = 1 AND c = 1 IF v CONTAINS 'x'", CQL_INVALID,
          "Cannot use CONTAINS on non-collection column v");
}

static void what_a_condition_cannot_be(void **state) {
  db *d = *state;
  use(d);
  const char *custom = "Cannot provide custom timestamp for conditional updates";
  refuses(d, "UPDATE w USING TIMESTAMP 1 SET n = 1 WHERE k = 1 AND c = 1 IF n = 3", CQL_INVALID, custom);
  refuses(d, "INSERT INTO w (k, c) VALUES (1, 1) IF NOT EXISTS USING TIMESTAMP 3", CQL_INVALID, custom);
  refuses(d, "UPDATE w SET n = 1 WHERE k = 1 AND c = 1 IF k = 3", CQL_INVALID,
          "PRIMARY KEY column 'k' cannot have IF conditions");
  refuses(d, "UPDATE w SET n = 1 WHERE k = 1 AND c = 1 IF x = 3", CQL_INVALID, "Undefined column name x in table ks.w");
  refuses(d, "UPDATE w SET s = 'a' WHERE k IN (1, 2) IF EXISTS", CQL_INVALID,
          "IN on the partition key is not supported with conditional updates");
  refuses(d, "UPDATE w SET v = 'a' WHERE k = 1 AND c IN (1, 2) IF EXISTS", CQL_INVALID,
          "IN on the clustering key columns is not supported with conditional updates");
  const char *must = "DELETE statements must restrict all PRIMARY KEY columns with equality relations in order to "
                     "delete non static columns";
  refuses(d, "DELETE FROM w WHERE k = 1 IF EXISTS", CQL_INVALID, must);
  refuses(d, "DELETE v FROM w WHERE k = 1 IF s = 'a'", CQL_INVALID, must);
  refuses(d, "UPDATE w SET s = 'q' WHERE k = 1 IF v = 'a'", CQL_INVALID, "Some clustering keys are missing: c");
}

/* A plain write from a clock that is ahead must not swallow a conditional one that has seen it. */
static void a_conditional_write_is_newer_than_what_it_read(void **state) {
  db *d = *state;
  use(d);
  run(d, "INSERT INTO w (k, c, n) VALUES (1, 1, 9) USING TIMESTAMP 9000000000000000");
  applied(d, "UPDATE w SET n = 1 WHERE k = 1 AND c = 1 IF n = 9");
  gives(d, "SELECT n FROM w", "n\n1");
  applied(d, "DELETE FROM w WHERE k = 1 AND c = 1 IF EXISTS");
  gives(d, "SELECT n FROM w", "n");
  applied(d, "INSERT INTO w (k, c, n) VALUES (1, 1, 2) IF NOT EXISTS");
  gives(d, "SELECT n FROM w", "n\n2");
}

static void numbers_and_texts_grow_under_a_condition(void **state) {
  db *d = *state;
  use(d);
  run(d, "INSERT INTO w (k, c, n, v) VALUES (1, 1, 1, 'a')");
  applied(d, "UPDATE w SET n = n + 4, v = v + 'bc' WHERE k = 1 AND c = 1 IF EXISTS");
  gives(d, "SELECT n, v FROM w", "n v\n5 'abc'");
}

static void a_key_made_by_a_function_is_made_once(void **state) {
  db *d = *state;
  run(d, "CREATE TABLE u (k uuid PRIMARY KEY, a int)");
  applied(d, "INSERT INTO u (k, a) VALUES (uuid(), 1) IF NOT EXISTS");
  gives(d, "SELECT a FROM u", "a\n1");
}

#define QUERY_TEST(f) cmocka_unit_test_setup_teardown(f, query_setup, query_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      QUERY_TEST(not_exists_answers_with_the_whole_row),
      QUERY_TEST(a_row_of_tombstones_does_not_exist),
      QUERY_TEST(exists_on_a_missing_row_answers_with_nothing_more),
      QUERY_TEST(statics_are_shown_when_the_statement_writes_some),
      QUERY_TEST(existence_of_static_columns),
      QUERY_TEST(conditions_answer_with_their_columns),
      QUERY_TEST(conditions_and_null),
      QUERY_TEST(conditions_compare),
      QUERY_TEST(conditions_on_collections),
      QUERY_TEST(what_a_condition_cannot_be),
      QUERY_TEST(a_conditional_write_is_newer_than_what_it_read),
      QUERY_TEST(numbers_and_texts_grow_under_a_condition),
      QUERY_TEST(a_key_made_by_a_function_is_made_once),
  };
  return cmocka_run_group_tests_name("modify_lwt", tests, NULL, NULL);
}
