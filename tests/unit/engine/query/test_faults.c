/* test_faults.c: the n-th allocation fails, for every n: statements answer CQL_NOMEM, nothing is leaked, and the
 * database is as if the failed statement had never been.
 */
#include "query.h"

#include <stdlib.h>
#include <string.h>

typedef struct faulty {
  size_t left; /* allocations until the one that fails */
  bool fired;
  size_t live; /* blocks */
} faulty;

static void *resize(void *user, void *ptr, size_t old_size, size_t new_size) {
  faulty *f = user;
  (void)old_size;
  if (new_size == 0) {
    f->live -= ptr != NULL;
    free(ptr);
    return NULL;
  }
  if (!f->fired && f->left-- == 0) {
    f->fired = true;
    return NULL;
  }
  void *out = realloc(ptr, new_size);
  f->live += out != NULL && ptr == NULL;
  return out;
}

static const char *const STATEMENTS[] = {
    "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "CREATE TABLE t (k int, c int, s text static, v text, m map<text, int>, l list<int>, PRIMARY KEY (k, c)) "
    "WITH gc_grace_seconds = 0",
    "CREATE INDEX ON t (v)",
    "INSERT INTO t (k, c, s, v, m, l) VALUES (1, 1, 's', 'v', {'a': 1}, [1, 2]) USING TTL 100",
    "UPDATE t SET m['b'] = 2, l = l + [3], l[0] = 9, s = 'x' WHERE k = 1 AND c = 1",
    "INSERT INTO t (k, c, v) VALUES (1, 1, 'w') IF NOT EXISTS",
    "UPDATE t SET v = 'w' WHERE k = 1 AND c = 1 IF m['a'] = 1 AND l CONTAINS 2 AND s IN ('x', 'y')",
    "BEGIN BATCH UPDATE t SET v = 'b' WHERE k = 1 AND c = 2; DELETE FROM t WHERE k = 1 AND c > 5; APPLY BATCH",
    "INSERT INTO t JSON '{\"k\": 3, \"c\": \"4\", \"v\": \"\\u0061\", \"m\": {\"a\": 1}, \"l\": [1, 2]}'",
    "UPDATE t SET l = l + from_json('[3]') WHERE k = 3 AND c = from_json('4')",
    "CREATE TABLE n (k int PRIMARY KEY, v counter)",
    "UPDATE n SET v = v + 1, v = v - 3 WHERE k = 1",
    "UPDATE n SET v = v + 1 WHERE k = 1",
    "SELECT * FROM t WHERE k = 1",
    "DELETE FROM t WHERE k IN (1, 2)",
};

/* A statement that ran out of memory is run again, as a caller might. */
static cql_status run_statement(cql_engine *e, const char *cql) {
  cql_error err;
  cql_plan *plan;
  cql_result *result;
  cql_request request = CQL_REQUEST_INIT;
  cql_status st = cql_engine_prepare(e, "ks", cql_slice_str(cql), &plan, &err);
  if (st != CQL_OK) return st;
  st = cql_engine_execute(e, plan, &request, &result, &err);
  cql_plan_release(plan);
  if (st == CQL_OK) cql_result_free(result);
  return st;
}

/* The sweep, and a check that finds nothing whichever allocation failed before. */
static void care(cql_engine *e) {
  cql_error err;
  cql_compact_report compacted;
  cql_check_report checked;
  cql_status st = cql_engine_compact(e, NULL, NULL, &compacted, &err);
  if (st == CQL_NOMEM) st = cql_engine_compact(e, NULL, NULL, &compacted, &err);
  assert_int_equal(st, CQL_OK);
  st = cql_engine_check_file(e, NULL, NULL, NULL, &checked, &err);
  if (st == CQL_NOMEM) st = cql_engine_check_file(e, NULL, NULL, NULL, &checked, &err);
  assert_int_equal(st, CQL_OK);
  assert_int_equal(checked.problems, 0);
}

static void scenario(faulty *f) {
  static const cql_alloc template = {resize, NULL};
  cql_alloc alloc = template;
  cql_engine *e;
  cql_error err;
  alloc.user = f;
  cql_engine_config config = {.alloc = &alloc};
  cql_status st = cql_engine_open(&e, &config, &err);
  if (st == CQL_NOMEM) st = cql_engine_open(&e, &config, &err);
  assert_int_equal(st, CQL_OK);
  for (size_t i = 0; i < sizeof STATEMENTS / sizeof *STATEMENTS; i++) {
    st = run_statement(e, STATEMENTS[i]);
    if (st == CQL_NOMEM) st = run_statement(e, STATEMENTS[i]);
    if (st != CQL_OK) fail_msg("%s: %s", STATEMENTS[i], cql_status_name(st));
  }
  care(e);
  cql_engine_close(e);
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  for (size_t nth = 0;; nth++) {
    faulty f = {.left = nth};
    scenario(&f);
    if (f.live != 0) fail_msg("%zu blocks are left when allocation %zu fails", f.live, nth);
    if (!f.fired) break;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};
  return cmocka_run_group_tests_name("query_faults", tests, NULL, NULL);
}
