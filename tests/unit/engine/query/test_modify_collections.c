/* test_modify_collections.c: sets, maps and lists, whole and by element. */
#include "query.h"

#include <stdio.h>
#include <string.h>

static void use(db *d) {
  run(d, "CREATE TABLE t (k int PRIMARY KEY, s set<int>, m map<text, int>, l list<int>, fs frozen<set<int>>, fl "
         "frozen<list<int>>)");
}

/* --- trap 6 ------------------------------------------------------------------------------------------------------- */

static void trap_6_assignment_replaces(void **state) {
  db *d = *state;
  use(d);
  run(d, "INSERT INTO t (k, s, m, l) VALUES (1, {3, 1, 2, 1}, {'b': 2, 'a': 1}, [3, 1, 3])");
  gives(d, "SELECT s, m, l FROM t", "s m l\n{1, 2, 3} {'a': 1, 'b': 2} [3, 1, 3]");
  run(d, "UPDATE t SET s = {9}, m = {'z': 0}, l = [7] WHERE k = 1");
  gives(d, "SELECT s, m, l FROM t", "s m l\n{9} {'z': 0} [7]");
}

static void trap_6_assignment_deletes_one_microsecond_before(void **state) {
  db *d = *state;
  use(d);
  run(d, "UPDATE t USING TIMESTAMP 10 SET s = {1} WHERE k = 1");
  run(d, "UPDATE t USING TIMESTAMP 10 SET s = {2} WHERE k = 1");
  gives(d, "SELECT s FROM t", "s\n{1, 2}");
  run(d, "DELETE s FROM t USING TIMESTAMP 10 WHERE k = 1");
  gives(d, "SELECT s FROM t", "s");
}

static void trap_6_empty_is_null_unless_frozen(void **state) {
  db *d = *state;
  use(d);
  run(d, "INSERT INTO t (k, s, m, l, fs, fl) VALUES (1, {}, {}, [], {}, [])");
  gives(d, "SELECT s, m, l, fs, fl FROM t", "s m l fs fl\nnull null null {} []");
}

static void trap_6_elements(void **state) {
  db *d = *state;
  use(d);
  run(d, "INSERT INTO t (k, s, m) VALUES (1, {1, 2}, {'a': 1, 'b': 2})");
  run(d, "UPDATE t SET m['a'] = null, m['c'] = 3, s = s + {5}, s = s - {1} WHERE k = 1");
  gives(d, "SELECT s, m FROM t", "s m\n{2, 5} {'b': 2, 'c': 3}");
  run(d, "DELETE m['b'], s[2] FROM t WHERE k = 1");
  gives(d, "SELECT s, m FROM t", "s m\n{5} {'c': 3}");
  run(d, "UPDATE t SET m = m - {'c'}, m = m + {'d': 4} WHERE k = 1");
  gives(d, "SELECT m FROM t", "m\n{'d': 4}");
  bind_unset(d);
  run(d, "UPDATE t SET m['d'] = ? WHERE k = 1");
  gives(d, "SELECT m FROM t", "m\n{'d': 4}");
}

static void trap_6_bound_sets_are_put_in_order(void **state) {
  db *d = *state;
  static const uint8_t set[] = {0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 9};
  use(d);
  bind_bytes(d, set, sizeof set);
  bind_bytes(d, set, sizeof set);
  run(d, "INSERT INTO t (k, s, fs) VALUES (1, ?, ?)");
  gives(d, "SELECT s, fs FROM t", "s fs\n{1, 9} {1, 9}");
}

static void trap_6_refused(void **state) {
  db *d = *state;
  use(d);
  refuses(d, "UPDATE t SET l = [null] WHERE k = 1", CQL_INVALID, "null is not supported inside collections");
  refuses(d, "UPDATE t SET m[null] = 1 WHERE k = 1", CQL_INVALID, "Invalid null map key");
  refuses(d, "DELETE s[null] FROM t WHERE k = 1", CQL_INVALID, "Invalid null set element");
  refuses(d, "UPDATE t SET s[0] = 1 WHERE k = 1", CQL_INVALID, "Invalid operation (s[0] = 1) for set column s");
  refuses(d, "UPDATE t SET fl = fl + [1] WHERE k = 1", CQL_INVALID,
          "Invalid operation (fl = fl + [1]) for frozen collection column fl");
  refuses(d, "UPDATE t SET m = m + {'a'} WHERE k = 1", CQL_INVALID,
          "Value for a map addition has to be a map, but was: '{'a'}'");
  refuses(d, "UPDATE t SET m = m - {'a': 1} WHERE k = 1", CQL_INVALID,
          "Value for a map substraction has to be a set, but was: '{'a': 1}'");
  refuses(d, "UPDATE t SET l = [?] WHERE k = 1", CQL_INVALID,
          "Invalid list literal for l: bind variables are not supported inside collection literals");
}

/* --- trap 7 ------------------------------------------------------------------------------------------------------- */

static void trap_7_append_and_prepend(void **state) {
  db *d = *state;
  use(d);
  run(d, "UPDATE t SET l = l + [1, 2] WHERE k = 1");
  run(d, "UPDATE t SET l = [8, 9] + l WHERE k = 1");
  run(d, "UPDATE t SET l = l + [3] WHERE k = 1");
  run(d, "UPDATE t SET l = [7] + l WHERE k = 1");
  gives(d, "SELECT l FROM t", "l\n[7, 8, 9, 1, 2, 3]");
  run(d, "UPDATE t SET l = l + [4], l = [6] + l, l = l + [5] WHERE k = 1");
  gives(d, "SELECT l FROM t", "l\n[6, 7, 8, 9, 1, 2, 3, 4, 5]");
}

static void trap_7_order_holds_past_the_bytes_of_a_counter(void **state) {
  db *d = *state;
  use(d);
  char cql[4096] = "UPDATE t SET l = l + [", wanted[4096] = "l\n[";
  for (int i = 0; i < 300; i++) {
    sprintf(cql + strlen(cql), "%s%d", i > 0 ? ", " : "", i);
    sprintf(wanted + strlen(wanted), "%s%d", i > 0 ? ", " : "", i);
  }
  strcat(cql, "] WHERE k = 1");
  strcat(wanted, "]");
  run(d, cql);
  gives(d, "SELECT l FROM t", wanted);
}

static void trap_7_by_index(void **state) {
  db *d = *state;
  use(d);
  run(d, "INSERT INTO t (k, l) VALUES (1, [10, 20, 30])");
  run(d, "UPDATE t SET l[1] = 21 WHERE k = 1");
  gives(d, "SELECT l FROM t", "l\n[10, 21, 30]");
  run(d, "DELETE l[0] FROM t WHERE k = 1");
  gives(d, "SELECT l FROM t", "l\n[21, 30]");
  run(d, "UPDATE t SET l[1] = null WHERE k = 1");
  gives(d, "SELECT l FROM t", "l\n[21]");
  refuses(d, "UPDATE t SET l[1] = 5 WHERE k = 1", CQL_INVALID, "List index 1 out of bound, list has size 1");
  refuses(d, "DELETE l[-1] FROM t WHERE k = 1", CQL_INVALID, "List index -1 out of bound, list has size 1");
  refuses(d, "UPDATE t SET l[0] = 5 WHERE k = 2", CQL_INVALID, "Attempted to set an element on a list which is null");
  refuses(d, "DELETE l[0] FROM t WHERE k = 2", CQL_INVALID, "Attempted to delete an element from a list which is null");
  refuses(d, "DELETE l[null] FROM t WHERE k = 1", CQL_INVALID, "Invalid null value for list index");
}

static void trap_7_subtract_removes_all_equal_elements(void **state) {
  db *d = *state;
  use(d);
  run(d, "INSERT INTO t (k, l) VALUES (1, [1, 2, 1, 3, 1])");
  run(d, "UPDATE t SET l = l - [1, 9] WHERE k = 1");
  gives(d, "SELECT l FROM t", "l\n[2, 3]");
  run(d, "UPDATE t SET l = l - [5] WHERE k = 2");
  gives(d, "SELECT k FROM t", "k\n1");
}

static void trap_7_expired_elements_do_not_count(void **state) {
  db *d = *state;
  use(d);
  run(d, "UPDATE t USING TTL 5 SET l = [1] WHERE k = 1");
  run(d, "UPDATE t SET l = l + [2] WHERE k = 1");
  d->now_us += 6000000;
  run(d, "UPDATE t SET l[0] = 7 WHERE k = 1");
  gives(d, "SELECT l FROM t", "l\n[7]");
}

#define QUERY_TEST(f) cmocka_unit_test_setup_teardown(f, query_setup, query_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      QUERY_TEST(trap_6_assignment_replaces),
      QUERY_TEST(trap_6_assignment_deletes_one_microsecond_before),
      QUERY_TEST(trap_6_empty_is_null_unless_frozen),
      QUERY_TEST(trap_6_elements),
      QUERY_TEST(trap_6_bound_sets_are_put_in_order),
      QUERY_TEST(trap_6_refused),
      QUERY_TEST(trap_7_append_and_prepend),
      QUERY_TEST(trap_7_order_holds_past_the_bytes_of_a_counter),
      QUERY_TEST(trap_7_by_index),
      QUERY_TEST(trap_7_subtract_removes_all_equal_elements),
      QUERY_TEST(trap_7_expired_elements_do_not_count),
  };
  return cmocka_run_group_tests_name("modify_collections", tests, NULL, NULL);
}
