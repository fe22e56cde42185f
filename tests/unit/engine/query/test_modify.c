/* test_modify.c: INSERT, UPDATE, DELETE: cells, markers, tombstones, TTL. */
#include "query.h"

#include <string.h>

static void use_kv(db *d) {
  run(d, "CREATE TABLE t (k int PRIMARY KEY, a int, b text)");
}

static void use_wide(db *d) {
  run(d, "CREATE TABLE w (k int, c int, d int, s text static, v text, PRIMARY KEY (k, c, d))");
}

/* --- trap 1: which cell wins -------------------------------------------------------------------------------------- */

static void trap_1_higher_timestamp_wins(void **state) {
  db *d = *state;
  use_kv(d);
  run(d, "INSERT INTO t (k, a) VALUES (1, 10) USING TIMESTAMP 200");
  run(d, "INSERT INTO t (k, a) VALUES (1, 99) USING TIMESTAMP 100");
  gives(d, "SELECT a, writetime(a) FROM t", "a writetime(a)\n10 200");
}

static void trap_1_tie_larger_value_wins(void **state) {
  db *d = *state;
  use_kv(d);
  run(d, "UPDATE t USING TIMESTAMP 5 SET b = 'b', a = 1 WHERE k = 1");
  run(d, "UPDATE t USING TIMESTAMP 5 SET b = 'a', a = 2 WHERE k = 1");
  gives(d, "SELECT a, b FROM t", "a b\n2 'b'");
}

static void trap_1_tie_tombstone_beats_live(void **state) {
  db *d = *state;
  use_kv(d);
  run(d, "INSERT INTO t (k, a, b) VALUES (1, 1, 'x') USING TIMESTAMP 5");
  run(d, "DELETE a FROM t USING TIMESTAMP 5 WHERE k = 1");
  run(d, "UPDATE t USING TIMESTAMP 5 SET a = 7 WHERE k = 1");
  gives(d, "SELECT a, b FROM t", "a b\nnull 'x'");
}

static void trap_1_tie_expiring_beats_live(void **state) {
  db *d = *state;
  use_kv(d);
  run(d, "UPDATE t USING TIMESTAMP 5 AND TTL 100 SET a = 1 WHERE k = 1");
  run(d, "UPDATE t USING TIMESTAMP 5 SET a = 2 WHERE k = 1");
  gives(d, "SELECT a, ttl(a) FROM t", "a ttl(a)\n1 100");
}

/* --- trap 2: what makes a row ------------------------------------------------------------------------------------- */

static void trap_2_only_insert_marks_a_row(void **state) {
  db *d = *state;
  use_kv(d);
  run(d, "UPDATE t SET a = 1 WHERE k = 1");
  run(d, "INSERT INTO t (k, a) VALUES (2, 1)");
  run(d, "UPDATE t SET a = null WHERE k IN (1, 2)");
  gives(d, "SELECT k, a FROM t", "k a\n2 null");
}

static void trap_2_the_marker_has_its_own_ttl(void **state) {
  db *d = *state;
  use_kv(d);
  run(d, "INSERT INTO t (k) VALUES (1) USING TTL 10");
  run(d, "UPDATE t SET a = 1 WHERE k = 1");
  d->now_us += 11 * 1000000;
  gives(d, "SELECT k, a FROM t", "k a\n1 1");
  run(d, "DELETE a FROM t WHERE k = 1");
  gives(d, "SELECT k, a FROM t", "k a");
}

/* --- trap 4: null and unset --------------------------------------------------------------------------------------- */

static void trap_4_null_deletes_and_unset_does_nothing(void **state) {
  db *d = *state;
  use_kv(d);
  run(d, "INSERT INTO t (k, a, b) VALUES (1, 1, 'x')");
  bind_null(d);
  bind_unset(d);
  run(d, "INSERT INTO t (k, a, b) VALUES (1, ?, ?)");
  gives(d, "SELECT a, b FROM t", "a b\nnull 'x'");
}

static void trap_4_keys_are_neither_null_nor_unset(void **state) {
  db *d = *state;
  use_wide(d);
  refuses(d, "INSERT INTO w (k, c, d) VALUES (null, 1, 1)", CQL_INVALID,
          "Invalid null value in condition for column k");
  refuses(d, "INSERT INTO w (k, c, d) VALUES (1, null, 1)", CQL_INVALID,
          "Invalid null value in condition for column c");
  bind_unset(d);
  refuses(d, "INSERT INTO w (k, c, d) VALUES (1, ?, 1)", CQL_INVALID, "Invalid unset value for column c");
  bind_unset(d);
  refuses(d, "UPDATE w SET v = 'x' WHERE k = 1 AND c = 1 AND d = ?", CQL_INVALID, "Invalid unset value for column d");
}

static void trap_4_attributes(void **state) {
  db *d = *state;
  run(d, "CREATE TABLE e (k int PRIMARY KEY, a int) WITH default_time_to_live = 50");
  bind_null(d);
  run(d, "UPDATE e USING TTL ? SET a = 1 WHERE k = 1");
  bind_unset(d);
  run(d, "UPDATE e USING TTL ? SET a = 1 WHERE k = 2");
  gives(d, "SELECT k, ttl(a) FROM e", "k ttl(a)\n1 null\n2 50");
  bind_null(d);
  refuses(d, "UPDATE e USING TIMESTAMP ? SET a = 1 WHERE k = 1", CQL_INVALID, "Invalid null value of timestamp");
  d->timestamp = 4321;
  bind_unset(d);
  run(d, "UPDATE e USING TIMESTAMP ? SET a = 1 WHERE k = 3");
  gives(d, "SELECT writetime(a) FROM e WHERE k = 3", "writetime(a)\n4321");
}

/* --- trap 5: TTL -------------------------------------------------------------------------------------------------- */

static void trap_5_cells_expire(void **state) {
  db *d = *state;
  use_kv(d);
  run(d, "INSERT INTO t (k, a) VALUES (1, 1)");
  run(d, "UPDATE t USING TTL 10 SET b = 'x' WHERE k = 1");
  d->now_us += 9 * 1000000;
  gives(d, "SELECT a, b, ttl(b) FROM t", "a b ttl(b)\n1 'x' 1");
  d->now_us += 1000000;
  gives(d, "SELECT a, b FROM t", "a b\n1 null");
}

static void trap_5_default_and_zero(void **state) {
  db *d = *state;
  run(d, "CREATE TABLE e (k int PRIMARY KEY, a int) WITH default_time_to_live = 50");
  run(d, "INSERT INTO e (k, a) VALUES (1, 1)");
  run(d, "INSERT INTO e (k, a) VALUES (2, 1) USING TTL 0");
  gives(d, "SELECT k, ttl(a) FROM e", "k ttl(a)\n1 50\n2 null");
  d->now_us += 60 * 1000000;
  gives(d, "SELECT k FROM e", "k\n2");
}

static void trap_5_limits(void **state) {
  db *d = *state;
  use_kv(d);
  refuses(d, "UPDATE t USING TTL -1 SET a = 1 WHERE k = 1", CQL_INVALID,
          "A TTL must be greater or equal to 0, but was -1");
  refuses(d, "UPDATE t USING TTL 630720001 SET a = 1 WHERE k = 1", CQL_INVALID,
          "ttl is too large. requested (630720001) maximum (630720000)");
  refuses(
      d, "UPDATE t USING TTL 630720000 SET a = 1 WHERE k = 1", CQL_INVALID,
      "Request on table ks.t with ttl of 630720000 seconds exceeds maximum supported expiration date of "
      "2038-01-19T03:14:06+00:00. In order to avoid this use a lower TTL, change the expiration date overflow policy "
      "or "
      "upgrade to a version where this limitation is fixed. See CASSANDRA-14092 and CASSANDRA-14227 for more details.");
  refuses(d, "UPDATE t USING TIMESTAMP -9223372036854775808 SET a = 1 WHERE k = 1", CQL_INVALID,
          "Out of bound timestamp, must be in [-9223372036854775807, 9223372036854775807]");
}

/* --- trap 8: static columns --------------------------------------------------------------------------------------- */

static void trap_8_statics(void **state) {
  db *d = *state;
  use_wide(d);
  run(d, "INSERT INTO w (k, s) VALUES (1, 'alone')");
  gives(d, "SELECT k, c, s, v FROM w", "k c s v\n1 null 'alone' null");
  run(d, "INSERT INTO w (k, c, d, s, v) VALUES (1, 1, 1, 'both', 'x')");
  run(d, "UPDATE w SET s = 'third' WHERE k = 1");
  gives(d, "SELECT c, s, v FROM w", "c s v\n1 'third' 'x'");
  run(d, "DELETE s FROM w WHERE k = 1");
  gives(d, "SELECT c, s, v FROM w", "c s v\n1 null 'x'");
  refuses(d, "UPDATE w SET s = 'x' WHERE k = 1 AND c = 1 AND d = 1", CQL_INVALID,
          "Invalid restrictions on clustering columns since the UPDATE statement modifies only static columns");
  refuses(d, "DELETE s FROM w WHERE k = 1 AND c = 1 AND d = 1", CQL_INVALID,
          "Invalid restrictions on clustering columns since the DELETE statement modifies only static columns");
}

/* --- trap 11: counters ------------------------------------------------------------------------------------------- */

static void trap_11_counters_are_summed_in_any_order(void **state) {
  db *d = *state;
  run(d, "CREATE TABLE n (k int PRIMARY KEY, v counter)");
  d->timestamp = 200;
  run(d, "UPDATE n SET v = v + 5 WHERE k = 1");
  d->timestamp = 100;
  run(d, "UPDATE n SET v = v - 2, v = v + 1 WHERE k = 1");
  gives(d, "SELECT v, writetime(v) FROM n", "v writetime(v)\n4 200");
  run(d, "DELETE v FROM n WHERE k = 1"); /* older than the value, and yet it holds */
  gives(d, "SELECT v FROM n", "v");
  d->timestamp = 300;
  run(d, "UPDATE n SET v = v + 1 WHERE k = 1");
  gives(d, "SELECT v FROM n", "v");
}

/* Here Cassandra goes on from what its counter cache still holds, if it does. */
static void trap_11_a_deleted_row_counts_from_zero(void **state) {
  db *d = *state;
  run(d, "CREATE TABLE n (k int, c int, s counter static, v counter, PRIMARY KEY (k, c))");
  run(d, "UPDATE n SET v = v + 5, s = s + 5 WHERE k = 1 AND c = 1");
  run(d, "DELETE FROM n WHERE k = 1 AND c = 1");
  run(d, "UPDATE n SET v = v + 1, s = s + 1 WHERE k = 1 AND c = 1");
  gives(d, "SELECT * FROM n", "k c s v\n1 1 6 1");
  run(d, "DELETE FROM n WHERE k = 1");
  run(d, "UPDATE n SET v = v + 2, s = s + 2 WHERE k = 1 AND c = 1");
  gives(d, "SELECT * FROM n", "k c s v\n1 1 2 2");
  d->timestamp = 1; /* late: covered by the deletion */
  run(d, "UPDATE n SET v = v + 9 WHERE k = 1 AND c = 1");
  gives(d, "SELECT * FROM n", "k c s v\n1 1 2 2");
}

/* --- trap 14: key limits ------------------------------------------------------------------------------------------ */

static void trap_14_key_lengths(void **state) {
  db *d = *state;
  static char big[65537];
  memset(big, 'x', 65536);
  run(d, "CREATE TABLE p (k text PRIMARY KEY)");
  run(d, "CREATE TABLE q (k int, c text, e text, PRIMARY KEY (k, c, e))");
  bind_text(d, "");
  refuses(d, "INSERT INTO p (k) VALUES (?)", CQL_INVALID, "Key may not be empty");
  bind_text(d, big);
  refuses(d, "INSERT INTO p (k) VALUES (?)", CQL_INVALID, "Key length of 65536 is longer than maximum of 65535");
  bind_text(d, big);
  refuses(d, "INSERT INTO q (k, c, e) VALUES (1, ?, 'a')", CQL_INVALID,
          "Key length of 65537 is longer than maximum of 65535");
  run(d, "CREATE TABLE r (a text, b text, v int, PRIMARY KEY ((a, b)))");
  bind_bytes(d, big, 40000);
  bind_bytes(d, big, 40000);
  refuses(d, "UPDATE r SET v = 1 WHERE a = ? AND b = ?", CQL_INVALID,
          "Key length of 80000 is longer than maximum of 65535");
  bind_bytes(d, big, 32767);
  bind_bytes(d, big, 32766);
  refuses(d, "INSERT INTO r (a, b) VALUES (?, ?)", CQL_INVALID, "Key length of 65539 is longer than maximum of 65535");
  bind_bytes(d, big, 65535);
  run(d, "INSERT INTO p (k) VALUES (?)");
}

/* --- trap 20: deletions ------------------------------------------------------------------------------------------- */

static void fill_wide(db *d) {
  use_wide(d);
  run(d, "INSERT INTO w (k, s) VALUES (1, 's')");
  for (int c = 1; c <= 3; c++)
    for (int e = 1; e <= 3; e++) {
      bind_int(d, c);
      bind_int(d, e);
      run(d, "INSERT INTO w (k, c, d, v) VALUES (1, ?, ?, 'x')");
    }
}

static void trap_20_rows_prefixes_and_slices(void **state) {
  db *d = *state;
  fill_wide(d);
  run(d, "DELETE FROM w WHERE k = 1 AND c = 1 AND d = 2");
  gives(d, "SELECT d FROM w WHERE k = 1 AND c = 1", "d\n1\n3");
  run(d, "DELETE FROM w WHERE k = 1 AND c = 2");
  gives(d, "SELECT c, d FROM w WHERE k = 1", "c d\n1 1\n1 3\n3 1\n3 2\n3 3");
  run(d, "DELETE FROM w WHERE k = 1 AND c = 3 AND d >= 2 AND d < 3");
  gives(d, "SELECT c, d FROM w WHERE k = 1", "c d\n1 1\n1 3\n3 1\n3 3");
  run(d, "DELETE FROM w WHERE k = 1 AND c > 2");
  gives(d, "SELECT c, d FROM w WHERE k = 1", "c d\n1 1\n1 3");
  run(d, "DELETE FROM w WHERE k IN (1, 2) AND c IN (1, 5) AND d IN (1, 3)");
  gives(d, "SELECT c, d, s FROM w WHERE k = 1", "c d s\nnull null 's'");
  run(d, "DELETE FROM w WHERE k = 1");
  gives(d, "SELECT c, d, s FROM w WHERE k = 1", "c d s");
}

static void trap_20_ranges_take_no_columns(void **state) {
  db *d = *state;
  fill_wide(d);
  const char *text = "Range deletions are not supported for specific columns";
  refuses(d, "DELETE v FROM w WHERE k = 1", CQL_INVALID, text);
  refuses(d, "DELETE v FROM w WHERE k = 1 AND c = 1", CQL_INVALID, text);
  refuses(d, "DELETE v FROM w WHERE k = 1 AND c = 1 AND d > 1", CQL_INVALID, text);
  gives(d, "SELECT count(*) FROM w", "count\n9");
}

/* --- trap 21: late writes ----------------------------------------------------------------------------------------- */

static void trap_21_late_writes_stay_covered(void **state) {
  db *d = *state;
  fill_wide(d);
  int64_t past = d->now_us - 1000000;
  d->now_us += 1000000;
  run(d, "DELETE FROM w WHERE k = 1 AND c = 1");
  run(d, "DELETE FROM w WHERE k = 1 AND c = 2 AND d = 2");
  run(d, "DELETE FROM w WHERE k = 2");
  d->timestamp = past;
  run(d, "INSERT INTO w (k, c, d, v) VALUES (1, 1, 9, 'late')");
  run(d, "INSERT INTO w (k, c, d, v) VALUES (1, 2, 2, 'late')");
  run(d, "INSERT INTO w (k, c, d, s, v) VALUES (2, 1, 1, 'late', 'late')");
  gives(d, "SELECT k, c, d FROM w WHERE k = 2", "k c d");
  gives(d, "SELECT c, d FROM w WHERE k = 1 AND c <= 2", "c d\n2 1\n2 3");
}

/* --- what is refused ---------------------------------------------------------------------------------------------- */

static void insert_errors(void **state) {
  db *d = *state;
  use_wide(d);
  refuses(d, "INSERT INTO w (k, c) VALUES (1)", CQL_INVALID, "Unmatched column names/values");
  refuses(d, "INSERT INTO w (k, k) VALUES (1, 2)", CQL_INVALID, "The column names contains duplicates");
  refuses(d, "INSERT INTO w (c, d) VALUES (1, 2)", CQL_INVALID, "Some partition key parts are missing: k");
  refuses(d, "INSERT INTO w (k, v) VALUES (1, 'x')", CQL_INVALID, "Some clustering keys are missing: c, d");
  refuses(d, "INSERT INTO w (k, c, d, nosuch) VALUES (1, 1, 1, 1)", CQL_INVALID,
          "Undefined column name nosuch in table ks.w");
  refuses(d, "INSERT INTO nosuch (k) VALUES (1)", CQL_INVALID, "table nosuch does not exist");
}

static void update_errors(void **state) {
  db *d = *state;
  use_wide(d);
  refuses(d, "UPDATE w SET c = 1 WHERE k = 1 AND c = 1 AND d = 1", CQL_INVALID, "PRIMARY KEY part c found in SET part");
  refuses(d, "UPDATE w SET v = 'x' WHERE k = 1 AND c = 1", CQL_INVALID, "Some clustering keys are missing: d");
  refuses(d, "UPDATE w SET v = 'x', v = 'y' WHERE k = 1 AND c = 1 AND d = 1", CQL_SYNTAX,
          "Multiple incompatible setting of column v");
  refuses(d, "UPDATE w SET v = v + 'x' WHERE k = 1 AND c = 1 AND d = 1", CQL_INVALID,
          "Invalid operation (v = v + 'x') for non counter column v");
  refuses(d, "DELETE k FROM w WHERE k = 1", CQL_INVALID,
          "Invalid identifier k for deletion (should not be a PRIMARY KEY part)");
}

static void errors_quote_names_that_need_it(void **state) {
  db *d = *state;
  run(d, "CREATE TABLE \"Big\" (k int PRIMARY KEY, \"Vv\" int, \"select\" int)");
  refuses(d, "UPDATE \"Big\" SET \"Xx\" = 1 WHERE k = 1", CQL_INVALID,
          "Undefined column name \"Xx\" in table ks.\"Big\"");
  refuses(d, "INSERT INTO \"Big\" (k, \"where\", xx) VALUES (1, 1, 1)", CQL_INVALID,
          "Undefined column name \"where\" in table ks.\"Big\"");
  refuses(d, "INSERT INTO \"Big\" (k, \"Vv\") VALUES (1, 'x')", CQL_INVALID,
          "Invalid STRING constant (x) for \"Vv\" of type int");
}

static void a_refused_statement_leaves_nothing(void **state) {
  db *d = *state;
  run(d, "CREATE TABLE l (k int PRIMARY KEY, a int, l list<int>)");
  refuses(d, "UPDATE l SET a = 1, l[0] = 1 WHERE k = 1", CQL_INVALID,
          "Attempted to set an element on a list which is null");
  gives(d, "SELECT k FROM l", "k");
}

static void values_are_counted(void **state) {
  db *d = *state;
  use_kv(d);
  refuses(d, "INSERT INTO t (k, a) VALUES (?, ?)", CQL_INVALID, "Invalid amount of bind variables");
  bind_int(d, 1);
  refuses(d, "INSERT INTO t (k) VALUES (1)", CQL_INVALID, "Invalid amount of bind variables");
}

/* --- time --------------------------------------------------------------------------------------------------------- */

static void timestamps_never_repeat(void **state) {
  db *d = *state;
  use_kv(d);
  run(d, "INSERT INTO t (k, a) VALUES (1, 9)");
  run(d, "INSERT INTO t (k, a) VALUES (1, 1)"); /* at the same instant, and the smaller value */
  gives(d, "SELECT a FROM t", "a\n1");
  d->now_us -= 5000000; /* a clock that goes back */
  run(d, "INSERT INTO t (k, a) VALUES (1, 0)");
  gives(d, "SELECT a FROM t", "a\n0");
}

static void a_plan_notices_a_new_schema(void **state) {
  db *d = *state;
  cql_plan *plan;
  cql_result *result;
  cql_request request = CQL_REQUEST_INIT;
  use_kv(d);
  assert_int_equal(cql_engine_prepare(d->engine, "ks", CQL_SLICE_LITERAL("SELECT * FROM t"), &plan, &d->err), CQL_OK);
  run(d, "ALTER TABLE t ADD c int");
  assert_int_equal(cql_engine_execute(d->engine, plan, &request, &result, &d->err), CQL_UNPREPARED);
  cql_plan_release(plan);
}

#define QUERY_TEST(f) cmocka_unit_test_setup_teardown(f, query_setup, query_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      QUERY_TEST(trap_1_higher_timestamp_wins),
      QUERY_TEST(trap_1_tie_larger_value_wins),
      QUERY_TEST(trap_1_tie_tombstone_beats_live),
      QUERY_TEST(trap_1_tie_expiring_beats_live),
      QUERY_TEST(trap_2_only_insert_marks_a_row),
      QUERY_TEST(trap_2_the_marker_has_its_own_ttl),
      QUERY_TEST(trap_4_null_deletes_and_unset_does_nothing),
      QUERY_TEST(trap_4_keys_are_neither_null_nor_unset),
      QUERY_TEST(trap_4_attributes),
      QUERY_TEST(trap_5_cells_expire),
      QUERY_TEST(trap_5_default_and_zero),
      QUERY_TEST(trap_5_limits),
      QUERY_TEST(trap_8_statics),
      QUERY_TEST(trap_11_counters_are_summed_in_any_order),
      QUERY_TEST(trap_11_a_deleted_row_counts_from_zero),
      QUERY_TEST(trap_14_key_lengths),
      QUERY_TEST(trap_20_rows_prefixes_and_slices),
      QUERY_TEST(trap_20_ranges_take_no_columns),
      QUERY_TEST(trap_21_late_writes_stay_covered),
      QUERY_TEST(insert_errors),
      QUERY_TEST(update_errors),
      QUERY_TEST(errors_quote_names_that_need_it),
      QUERY_TEST(a_refused_statement_leaves_nothing),
      QUERY_TEST(values_are_counted),
      QUERY_TEST(timestamps_never_repeat),
      QUERY_TEST(a_plan_notices_a_new_schema),
  };
  return cmocka_run_group_tests_name("modify", tests, NULL, NULL);
}
