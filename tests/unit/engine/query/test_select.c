/* test_select.c: what a SELECT gives and refuses. Every answer and text here was asked of Cassandra 5.0.8. */
#include "query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILTERING                                                                                                      \
  "Cannot execute this query as it might involve data filtering and thus may have unpredictable performance. If you "  \
  "want to execute this query despite the performance unpredictability, use ALLOW FILTERING"

static void use_table(db *d) {
  run(d, "CREATE TABLE t (pk int, c1 int, c2 int, v int, s int static, m map<text, int>, PRIMARY KEY (pk, c1, c2))");
  run(d, "INSERT INTO t (pk, c1, c2, v, s, m) VALUES (1, 1, 1, 10, 9, {'a': 1, 'b': 2}) USING TIMESTAMP 7");
  run(d, "INSERT INTO t (pk, c1, c2, v) VALUES (1, 1, 2, 20) USING TIMESTAMP 8");
  run(d, "INSERT INTO t (pk, c1, c2) VALUES (1, 2, 1)");
  run(d, "INSERT INTO t (pk, s) VALUES (2, 5)");
}

/* --- WHERE -------------------------------------------------------------------------------------------------------- */

static void relations_of_one_column_merge_or_refuse(void **state) {
  static const struct {
    const char *where, *message;
  } cases[] = {
      {"pk = 1 AND pk IN (1, 2)", "pk cannot be restricted by more than one relation if it includes an Equal"},
      {"pk IN (1, 2) AND pk = 1", "pk cannot be restricted by more than one relation if it includes a IN"},
      {"pk = 1 AND c1 > 1 AND c1 = 2",
       "Column \"c1\" cannot be restricted by both an equality and an inequality relation"},
      {"pk = 1 AND c1 > 1 AND c1 >= 2", "More than one restriction was found for the start bound on c1"},
      {"pk = 1 AND c1 < 1 AND c1 < 2", "More than one restriction was found for the end bound on c1"},
      {"pk = 1 AND (c1, c2) > (1, 1) AND c2 < 3",
       "Column \"c2\" cannot be restricted by two inequalities not starting with the same column"},
      {"pk = 1 AND c2 = 1",
       "PRIMARY KEY column \"c2\" cannot be restricted as preceding column \"c1\" is not restricted"},
      {"pk = 1 AND c1 > 1 AND c2 = 1",
       "Clustering column \"c2\" cannot be restricted (preceding column \"c1\" is restricted by a non-EQ relation)"},
      {"pk = 1 AND c2 = 1 AND c1 > 1",
       "PRIMARY KEY column \"c2\" cannot be restricted (preceding column \"c1\" is restricted by a non-EQ relation)"},
      {"pk = 1 AND (c2, c1) = (1, 1)",
       "Clustering columns must appear in the PRIMARY KEY order in multi-column relations: (c2, c1) = (1, 1)"},
      {"pk = 1 AND (c1, c2) = (1)", "Expected 2 elements in value tuple, but got 1: (1)"},
      {"pk = 1 AND (c1, v) = (1, 1)",
       "Multi-column relations can only be applied to clustering columns but was applied to: v"},
      {"pk = 1 AND c1 != 1", "Unsupported \"!=\" relation: c1 != 1"},
      {"v IS NOT NULL", "Unsupported restriction: v IS NOT NULL"},
      {"nope = 1", "Undefined column name nope in table ks.t"},
      {"token(c1) > 1", "The token() function must be applied to all partition key components or none of them"},
      {"m = {}", "Collection column 'm' (map<text, int>) cannot be restricted by a '=' relation"},
      {"v CONTAINS 1", "Cannot use CONTAINS on non-collection column v"},
      {"c1 = 1", FILTERING},
      {"pk > 1", FILTERING},
      {"pk = 1 AND v = 1", FILTERING},
  };
  db *d = *state;
  use_table(d);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char cql[512];
    snprintf(cql, sizeof cql, "SELECT * FROM t WHERE %s", cases[i].where);
    refuses(d, cql, CQL_INVALID, cases[i].message);
  }
}

static void null_and_unset_are_no_keys(void **state) {
  db *d = *state;
  use_table(d);
  refuses(d, "SELECT * FROM t WHERE pk = null", CQL_INVALID, "Invalid null value in condition for column pk");
  refuses(d, "SELECT * FROM t WHERE pk = 1 AND (c1, c2) = (1, null)", CQL_INVALID, "Invalid null value for column c2");
  refuses(d, "SELECT * FROM t WHERE v = null ALLOW FILTERING", CQL_INVALID, "Unsupported null value for column v");
  bind_unset(d);
  refuses(d, "SELECT * FROM t WHERE pk = 1 AND c1 = ?", CQL_INVALID, "Invalid unset value for column c1");
  bind_null(d);
  refuses(d, "SELECT * FROM t WHERE pk IN ?", CQL_INVALID, "Invalid null value for column pk");
}

static void a_null_slice_stands_before_every_value(void **state) {
  db *d = *state;
  use_table(d);
  run(d, "CREATE TABLE r (pk int, c int, PRIMARY KEY (pk, c)) WITH CLUSTERING ORDER BY (c DESC)");
  run(d, "INSERT INTO r (pk, c) VALUES (1, 1)");
  gives(d, "SELECT c2 FROM t WHERE pk = 1 AND c1 > null", "c2\n1\n2\n1");
  gives(d, "SELECT c2 FROM t WHERE pk = 1 AND c1 <= null", "c2");
  gives(d, "SELECT c FROM r WHERE pk = 1 AND c > null", "c");
  gives(d, "SELECT c FROM r WHERE pk = 1 AND c < null", "c\n1");
}

static void filters_look_at_any_column(void **state) {
  db *d = *state;
  use_table(d);
  gives(d, "SELECT c1, c2 FROM t WHERE v > 10 ALLOW FILTERING", "c1 c2\n1 2");
  gives(d, "SELECT pk, v FROM t WHERE s = 5 ALLOW FILTERING", "pk v\n2 null");
  gives(d, "SELECT c2 FROM t WHERE m['b'] = 2 ALLOW FILTERING", "c2\n1");
  gives(d, "SELECT c2 FROM t WHERE m CONTAINS KEY 'b' AND m CONTAINS 1 ALLOW FILTERING", "c2\n1");
  gives(d, "SELECT c1, c2 FROM t WHERE c2 IN (2, 3) AND v IN (20, 30) ALLOW FILTERING", "c1 c2\n1 2");
}

/* --- indexes ------------------------------------------------------------------------------------------------------ */

static void use_indexes(db *d, const char *using) {
  static const char *const columns[] = {"v", "w", "c2"};
  run(d, "CREATE TABLE i (pk int, c1 int, c2 int, v int, w int, x int, PRIMARY KEY (pk, c1, c2))");
  for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
    char cql[256];
    snprintf(cql, sizeof cql, "CREATE INDEX ON i (%s)%s", columns[i], using);
    run(d, cql);
  }
  run(d, "INSERT INTO i (pk, c1, c2, v, w, x) VALUES (1, 1, 1, 1, 1, 1)");
  run(d, "INSERT INTO i (pk, c1, c2, v, w, x) VALUES (1, 1, 2, 1, 2, 1)");
  run(d, "INSERT INTO i (pk, c1, c2, v, w, x) VALUES (2, 1, 2, 2, 2, 1)");
}

static void a_plain_index_answers_equality_alone(void **state) {
  db *d = *state;
  use_indexes(d, "");
  gives(d, "SELECT pk, c2 FROM i WHERE v = 1", "pk c2\n1 1\n1 2");
  gives(d, "SELECT pk, c2 FROM i WHERE c2 = 2", "pk c2\n1 2\n2 2");
  gives(d, "SELECT pk, c2 FROM i WHERE v = 1 AND pk = 1 AND c1 = 1", "pk c2\n1 1\n1 2");
  gives(d, "SELECT pk, c2 FROM i WHERE v = 1 AND w = 2 ALLOW FILTERING", "pk c2\n1 2");
  refuses(d, "SELECT pk FROM i WHERE v > 1", CQL_INVALID, FILTERING);
  refuses(d, "SELECT pk FROM i WHERE v = 1 AND w = 2", CQL_INVALID, FILTERING);
  refuses(d, "SELECT pk FROM i WHERE v = 1 AND c1 = 1", CQL_INVALID, FILTERING);
  refuses(d, "SELECT pk FROM i WHERE v = 1 AND pk IN (1, 2)", CQL_INVALID,
          "Select on indexed columns and with IN clause for the PRIMARY KEY are not supported");
  refuses(d, "SELECT pk FROM i WHERE pk = 1 AND v = 1 ORDER BY c1", CQL_INVALID,
          "ORDER BY with 2ndary indexes is not supported, except for ANN queries.");
}

static void storage_attached_indexes_answer_ranges_and_together(void **state) {
  db *d = *state;
  use_indexes(d, " USING 'sai'");
  gives(d, "SELECT pk, c2 FROM i WHERE v > 0 AND v < 2", "pk c2\n1 1\n1 2");
  gives(d, "SELECT pk, c2 FROM i WHERE v = 1 AND w > 1", "pk c2\n1 2");
  gives(d, "SELECT pk, c2 FROM i WHERE v = 1 AND c2 = 2", "pk c2\n1 2");
  refuses(d, "SELECT pk FROM i WHERE v IN (1, 2)", CQL_INVALID, FILTERING);
  refuses(d, "SELECT pk FROM i WHERE v = 1 AND x = 1", CQL_INVALID, FILTERING);
}

/* --- statics, DISTINCT, groups, order ----------------------------------------------------------------------------- */

static void a_partition_without_rows_shows_its_statics(void **state) {
  db *d = *state;
  use_table(d);
  gives(d, "SELECT pk, c1, s, v FROM t WHERE pk = 2", "pk c1 s v\n2 null 5 null");
  gives(d, "SELECT pk, c1, s, v FROM t WHERE pk = 2 AND c1 > 0", "pk c1 s v");
  gives(d, "SELECT DISTINCT pk, s FROM t", "pk s\n1 9\n2 5");
  gives(d, "SELECT count(*) FROM t", "count\n4");
  refuses(d, "SELECT s FROM t WHERE pk = 1 AND c1 = 1", CQL_INVALID,
          "Cannot restrict clustering columns when selecting only static columns");
  refuses(d, "SELECT DISTINCT pk, v FROM t", CQL_INVALID,
          "SELECT DISTINCT queries must only request partition key columns and/or static columns (not v)");
}

static void groups_follow_the_primary_key(void **state) {
  db *d = *state;
  use_table(d);
  gives(d, "SELECT pk, c1, count(*), sum(v) FROM t GROUP BY pk, c1",
        "pk c1 count system.sum(v)\n1 1 2 30\n1 2 1 0\n2 null 1 0");
  gives(d, "SELECT pk, count(*) FROM t GROUP BY pk LIMIT 1", "pk count\n1 3");
  gives(d, "SELECT pk, c1, count(*) FROM t GROUP BY pk, c1 PER PARTITION LIMIT 1", "pk c1 count\n1 1 2\n2 null 1");
  refuses(d, "SELECT count(*) FROM t GROUP BY c1", CQL_INVALID,
          "Group by currently only support groups of columns following their declared order in the PRIMARY KEY");
  refuses(d, "SELECT count(*) FROM t PER PARTITION LIMIT 1", CQL_INVALID,
          "PER PARTITION LIMIT is not allowed with aggregate queries.");
}

static void order_is_the_clustering_order_or_its_reverse(void **state) {
  db *d = *state;
  use_table(d);
  run(d, "INSERT INTO t (pk, c1, c2) VALUES (3, 0, 0)");
  gives(d, "SELECT c1, c2 FROM t WHERE pk = 1 ORDER BY c1 DESC", "c1 c2\n2 1\n1 2\n1 1");
  gives(d, "SELECT c2 FROM t WHERE pk = 1 AND c1 = 1 ORDER BY c2 DESC", "c2\n2\n1");
  gives(d, "SELECT pk, c1 FROM t WHERE pk IN (1, 3) ORDER BY c1 LIMIT 2", "pk c1\n3 0\n1 1");
  refuses(d, "SELECT c1 FROM t WHERE pk = 1 ORDER BY c2", CQL_INVALID,
          "Order by currently only supports the ordering of columns following their declared order in the PRIMARY KEY");
  refuses(d, "SELECT c1 FROM t WHERE pk = 1 ORDER BY c1 ASC, c2 DESC", CQL_INVALID, "Unsupported order by relation");
  refuses(d, "SELECT c1 FROM t ORDER BY c1", CQL_INVALID,
          "ORDER BY is only supported when the partition key is restricted by an EQ or an IN.");
}

/* --- selectors ---------------------------------------------------------------------------------------------------- */

static void selectors_name_their_columns(void **state) {
  db *d = *state;
  use_table(d);
  gives(d, "SELECT v + 1, cast(v AS text), writetime(v), m['a'], max(v), (int) 1, v AS w FROM t WHERE pk = 1 LIMIT 1",
        "v + 1 cast(v as text) writetime(v) m['a'] system.max(v) (int)1 w\n11 '10' 7 1 20 1 10");
  gives(d, "SELECT writetime(m), maxwritetime(m), ttl(m), token(pk) FROM t WHERE pk = 1 AND c1 = 1 AND c2 = 1",
        "writetime(m) maxwritetime(m) ttl(m) system.token(pk)\n[7, 7] 7 [null, null] -4069959284402364209");
  gives(d, "SELECT JSON pk, m, v FROM t WHERE pk = 1 LIMIT 1",
        "[json]\n'{\"pk\": 1, \"m\": {\"a\": 1, \"b\": 2}, \"v\": 10}'");
  refuses(d, "SELECT 1 FROM t", CQL_INVALID,
          "Cannot infer type for term 1 in selection clause (try using a cast to force a type)");
  refuses(d, "SELECT writetime(pk) FROM t", CQL_INVALID,
          "Cannot use selection function writetime on PRIMARY KEY part pk");
  refuses(d, "SELECT nope(v) FROM t", CQL_INVALID, "Unknown function 'nope'");
}

static void numbers_behave_as_javas_do(void **state) {
  db *d = *state;
  run(d, "CREATE TABLE n (k int PRIMARY KEY, i int, b bigint, d double, de decimal, vi varint)");
  run(d, "INSERT INTO n (k, i, b, d, de, vi) VALUES (1, 2147483647, 7, 2.5, 1.25, 123456789012345678901234567890)");
  run(d, "INSERT INTO n (k, i, b, d, de, vi) VALUES (2, 1, 8, -2.5, 2.0, -1)");
  gives(d, "SELECT sum(i), avg(i), avg(b), sum(de), avg(de) FROM n",
        "system.sum(i) system.avg(i) system.avg(b) system.sum(de) system.avg(de)\n-2147483648 1073741824 7 3.25 1.63");
  gives(d, "SELECT i + 1, b / 2, b % 4, de / 3, de * 2, vi * vi, round(d) FROM n WHERE k = 1",
        "i + 1 b / 2 b % 4 de / 3 de * 2 vi * vi system.round(d)\n-2147483648 3 3 0.41666666666666666666666666666667 "
        "2.500 15241578753238836750495351562536198787501905199875019052100 3.0");
  gives(d, "SELECT sum(i), avg(d), max(i), count(i) FROM n WHERE k = 9",
        "system.sum(i) system.avg(d) system.max(i) system.count(i)\n0 0.0 null 0");
  refuses(d, "SELECT i / 0 FROM n", CQL_FUNCTION_FAILURE, "the operation 'int / int' failed: / by zero");
}

static void times_are_converted_and_floored(void **state) {
  db *d = *state;
  run(d, "CREATE TABLE e (k int, ts timestamp, da date, tm time, tu timeuuid, du duration, PRIMARY KEY (k, ts))");
  run(d, "INSERT INTO e (k, ts, da, tm, tu, du) VALUES (1, '2020-01-02 03:04:05.678+0000', '2020-01-02', "
         "'03:04:05.123456789', 50554d6e-29bb-11e5-b345-feff819cdc9f, 1mo2d3h)");
  run(d, "INSERT INTO e (k, ts) VALUES (1, '2020-01-02 03:50:00+0000')");
  run(d, "INSERT INTO e (k, ts) VALUES (1, '2020-01-02 04:10:00+0000')");
  gives(d,
        "SELECT to_date(tu), toTimestamp(da), to_unix_timestamp(ts), floor(tu, 1d), floor(da, 1mo), floor(tm, 1h), "
        "ts + du, da - 1y FROM e LIMIT 1",
        "system.to_date(tu) system.totimestamp(da) system.to_unix_timestamp(ts) system.floor(tu, 1d) "
        "system.floor(da, 1mo) system.floor(tm, 1h) ts + du da - 1y\n'2015-07-14' '2020-01-02T00:00:00.000Z' "
        "1577934245678 '2015-07-14T00:00:00.000Z' '2020-01-01' '03:00:00.000000000' '2020-02-04T06:04:05.678Z' "
        "'2019-01-02'");
  gives(d, "SELECT floor(ts, 1h), count(*) FROM e GROUP BY k, floor(ts, 1h)",
        "system.floor(ts, 1h) count\n'2020-01-02T03:00:00.000Z' 2\n'2020-01-02T04:00:00.000Z' 1");
  gives(d, "SELECT k FROM e WHERE ts = to_timestamp(now()) ALLOW FILTERING", "k");
  refuses(d, "SELECT floor(ts, -1h) FROM e", CQL_INVALID, "Negative durations are not supported by the floor function");
  refuses(
      d, "SELECT to_date(da) FROM e", CQL_INVALID,
      "Invalid call to function to_date, none of its type signatures match (known type signatures: system.to_date : "
      "(timeuuid) -> date, system.to_date : (timestamp) -> date)");
}

static void collections_blobs_and_json_have_functions(void **state) {
  db *d = *state;
  run(d, "CREATE TABLE c (k int PRIMARY KEY, l list<int>, m map<text, int>, b blob)");
  run(d, "INSERT INTO c (k, l, m, b) VALUES (7, [4, 1], {'x\"y': 2, 'a': 1}, 0x00000001)");
  gives(d, "SELECT map_keys(m), map_values(m), collection_sum(l), collection_max(l), collection_count(m) FROM c",
        "system.map_keys(m) system.map_values(m) system.collection_sum(l) system.collection_max(l) "
        "system.collection_count(m)\n{'a', 'x\"y'} [1, 2] 5 4 2");
  gives(d, "SELECT blob_as_int(b), intAsBlob(k), to_json(m), m['a'..'b'] FROM c",
        "system.blob_as_int(b) system.intasblob(k) system.to_json(m) m['a'..'b']\n1 0x00000007 "
        "'{\"a\": 1, \"x\\\"y\": 2}' {'a': 1}");
  refuses(d, "SELECT blob_as_bigint(b) FROM c", CQL_INVALID,
          "In call to function system.blob_as_bigint, value 0x00000001 is not a valid binary representation for type "
          "bigint");
  refuses(d, "SELECT l[0] FROM c", CQL_INVALID, "Element selection is only allowed on sets and maps, but l is a list");
}

/* --- paging states ------------------------------------------------------------------------------------------------ */

static cql_status page(db *d, cql_plan *plan, const uint8_t *state, size_t len, cql_result **out) {
  cql_request request = CQL_REQUEST_INIT;
  request.page_size = 1;
  request.paging_state = state;
  request.paging_state_len = len;
  return cql_engine_execute(d->engine, plan, &request, out, &d->err);
}

static void a_paging_state_is_checked(void **state) {
  db *d = *state;
  cql_plan *plan;
  cql_result *first, *next;
  size_t len;
  use_table(d);
  assert_int_equal(cql_engine_prepare(d->engine, "ks", CQL_SLICE_LITERAL("SELECT * FROM t"), &plan, &d->err), CQL_OK);
  assert_int_equal(page(d, plan, NULL, 0, &first), CQL_OK);
  const uint8_t *bytes = cql_result_paging_state(first, &len);
  uint8_t *bad = malloc(len);
  assert_non_null(bytes);
  assert_non_null(bad);
  for (size_t i = 0; i < len; i++) { /* a changed byte, and a cut */
    memcpy(bad, bytes, len);
    bad[i] ^= 0x41;
    assert_int_equal(page(d, plan, bad, len, &next), CQL_PROTOCOL);
    assert_int_equal(page(d, plan, bytes, i, &next), CQL_PROTOCOL);
  }
  assert_string_equal(d->err.message, "Invalid value for the paging state");
  assert_int_equal(page(d, plan, bytes, len, &next), CQL_OK);
  free(bad);
  cql_result_free(next);
  cql_result_free(first);
  cql_plan_release(plan);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, query_setup, query_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(relations_of_one_column_merge_or_refuse),
      TEST(null_and_unset_are_no_keys),
      TEST(a_null_slice_stands_before_every_value),
      TEST(filters_look_at_any_column),
      TEST(a_plain_index_answers_equality_alone),
      TEST(storage_attached_indexes_answer_ranges_and_together),
      TEST(a_partition_without_rows_shows_its_statics),
      TEST(groups_follow_the_primary_key),
      TEST(order_is_the_clustering_order_or_its_reverse),
      TEST(selectors_name_their_columns),
      TEST(numbers_behave_as_javas_do),
      TEST(times_are_converted_and_floored),
      TEST(collections_blobs_and_json_have_functions),
      TEST(a_paging_state_is_checked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
