/* test_purge.c: what nobody needs any more leaves the file, and nobody can tell. Two databases are given the same
 * random history: one table forgets after GRACE seconds, the other's never does. Every answer must be the same, as long
 * as no write comes with a timestamp older than the grace.
 */
#include "query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GRACE = 100, LATE_MAX = 50, STEPS = 1500, SEEDS = 6, TEXT = 512 };

typedef struct pair {
  db *forgets, *keeps;
  uint32_t seed;
} pair;

static uint32_t pick(pair *p, uint32_t below) {
  p->seed = p->seed * 1664525u + 1013904223u;
  return (p->seed >> 8) % below;
}

static void both(pair *p, const char *cql) {
  cql_status x = query_run(p->forgets, cql), y = query_run(p->keeps, cql);
  if (x != y || strcmp(p->forgets->answer, p->keeps->answer) != 0)
    fail_msg("%s\n  answers %s\n%s\n  and without purge %s\n%s", cql, cql_status_name(x), p->forgets->answer,
             cql_status_name(y), p->keeps->answer);
  if (x != CQL_OK) fail_msg("%s: %s", cql, p->forgets->err.message);
}

static cql_check_report counts(db *d) {
  cql_check_report r;
  assert_int_equal(query_problems(d), 0);
  assert_int_equal(cql_engine_check_file(d->engine, NULL, NULL, NULL, &r, &d->err), CQL_OK);
  return r;
}

static cql_compact_report compact(db *d) {
  cql_compact_report r;
  if (cql_engine_compact(d->engine, NULL, NULL, &r, &d->err) != CQL_OK) fail_msg("compact: %s", d->err.message);
  assert_true(r.finished);
  return r;
}

/* --- a random history --------------------------------------------------------------------------------------------- */

static void make_table(db *d, int grace) {
  char cql[TEXT];
  snprintf(cql, sizeof cql,
           "CREATE TABLE t (k int, c int, v int, s int static, m map<int, int>, l list<int>, e set<int>, x int, "
           "PRIMARY KEY (k, c)) WITH gc_grace_seconds = %d",
           grace);
  run(d, cql);
  run(d, "CREATE INDEX ON t (v)");
  run(d, "CREATE INDEX ON t (c)");
  run(d, "CREATE INDEX ON t (keys(m))");
  run(d, "CREATE INDEX ON t (s)");
}

static const char *using(pair *p, bool ttl) {
  static char text[96];
  int64_t at = p->forgets->now_us - (int64_t)pick(p, LATE_MAX * 1000) * 1000;
  bool late = pick(p, 3) == 0, ends = ttl && pick(p, 3) == 0;
  text[0] = '\0';
  if (late && ends)
    snprintf(text, sizeof text, " USING TIMESTAMP %lld AND TTL %u", (long long)at, 1 + pick(p, 200));
  else if (late)
    snprintf(text, sizeof text, " USING TIMESTAMP %lld", (long long)at);
  else if (ends)
    snprintf(text, sizeof text, " USING TTL %u", 1 + pick(p, 200));
  return text;
}

static void random_update(pair *p, char *cql, uint32_t k, uint32_t c) {
  static const char *const sets[] = {"v = %u",          "m = m + {%u: 1}",    "m[%u] = 2",    "l = l + [%u]",
                                     "l = [%u, 7]",     "e = e + {%u}",       "e = e - {%u}", "m = {%u: 3}",
                                     "s = %u, v = 1",   "v = null, e = {%u}", "l = [%u] + l", "m = m - {%u}",
                                     "v = %u, l = null"};
  char set[64];
  const char *format = sets[pick(p, sizeof sets / sizeof *sets)];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  snprintf(set, sizeof set, format, pick(p, 4));
#pragma GCC diagnostic pop
  snprintf(cql, TEXT, "UPDATE t%s SET %s WHERE k = %u AND c = %u", using(p, true), set, k, c);
}

static void random_delete(pair *p, char *cql, uint32_t k, uint32_t c) {
  const char *when = using(p, false);
  switch (pick(p, 6)) {
  case 0: snprintf(cql, TEXT, "DELETE FROM t%s WHERE k = %u", when, k); break;
  case 1: snprintf(cql, TEXT, "DELETE FROM t%s WHERE k = %u AND c > %u", when, k, c); break;
  case 2: snprintf(cql, TEXT, "DELETE FROM t%s WHERE k = %u AND c >= %u AND c < %u", when, k, c, c + 2); break;
  case 3: snprintf(cql, TEXT, "DELETE v, m[%u] FROM t%s WHERE k = %u AND c = %u", pick(p, 4), when, k, c); break;
  case 4: snprintf(cql, TEXT, "DELETE s FROM t%s WHERE k = %u", when, k); break;
  default: snprintf(cql, TEXT, "DELETE FROM t%s WHERE k = %u AND c = %u", when, k, c);
  }
}

static void random_statement(pair *p, char *cql) {
  uint32_t k = pick(p, 4), c = pick(p, 5);
  switch (pick(p, 8)) {
  case 0:
  case 1:
    snprintf(cql, TEXT, "INSERT INTO t (k, c, v, m) VALUES (%u, %u, %u, {%u: 0})%s", k, c, pick(p, 4), pick(p, 4),
             using(p, true));
    break;
  case 2:
    snprintf(cql, TEXT, "INSERT INTO t (k, c, v) VALUES (%u, %u, %u) IF NOT EXISTS USING TTL %u", k, c, pick(p, 4),
             1 + pick(p, 100));
    break;
  case 3: snprintf(cql, TEXT, "UPDATE t SET v = %u WHERE k = %u AND c = %u IF v < 3", pick(p, 4), k, c); break;
  case 4:
  case 5: random_update(p, cql, k, c); break;
  default: random_delete(p, cql, k, c);
  }
}

static void pass_time(pair *p) {
  static const int jumps[] = {0, 0, 0, 1, 1, 2, 5, 30, GRACE + 10};
  int64_t us = (int64_t)jumps[pick(p, sizeof jumps / sizeof *jumps)] * 1000000 + pick(p, 1000);
  p->forgets->now_us += us;
  p->keeps->now_us += us;
}

static void look(pair *p) {
  char cql[TEXT];
  both(p, "SELECT * FROM t");
  both(p, "SELECT DISTINCT k, s FROM t");
  snprintf(cql, sizeof cql, "SELECT k, c FROM t WHERE v = %u", pick(p, 4));
  both(p, cql);
  snprintf(cql, sizeof cql, "SELECT k, c, v FROM t WHERE c = %u", pick(p, 5));
  both(p, cql);
  snprintf(cql, sizeof cql, "SELECT k, c, m FROM t WHERE m CONTAINS KEY %u", pick(p, 4));
  both(p, cql);
  snprintf(cql, sizeof cql, "SELECT k, c, v, writetime(v), ttl(v) FROM t WHERE k = %u ORDER BY c DESC", pick(p, 4));
  both(p, cql);
}

static void live(pair *p) {
  char cql[TEXT];
  for (int i = 0; i < STEPS; i++) {
    random_statement(p, cql);
    both(p, cql);
    pass_time(p);
    if (pick(p, 4) == 0) look(p);
    if (pick(p, 100) == 0) compact(p->forgets);
    if (pick(p, 300) == 0) {
      both(p, "ALTER TABLE t DROP x");
      both(p, "ALTER TABLE t ADD x int");
    }
    if (pick(p, 3) == 0) {
      snprintf(cql, sizeof cql, "UPDATE t SET x = 1 WHERE k = %u AND c = 9", pick(p, 4));
      both(p, cql);
    }
  }
  look(p);
}

/* When all is over, what is stored is what can be seen. */
static void end(pair *p) {
  pass_time(p);
  both(p, "DELETE FROM t WHERE k = 0");
  both(p, "DELETE FROM t WHERE k = 1 AND c > 1");
  p->forgets->now_us += (int64_t)1000 * 1000000;
  p->keeps->now_us += (int64_t)1000 * 1000000;
  look(p);
  compact(p->forgets);
  look(p);
  cql_check_report small = counts(p->forgets), large = counts(p->keeps);
  assert_true(small.rows < large.rows);
  assert_int_equal(small.deletions, 0);
  assert_true(large.deletions > 0);
  assert_true(small.entries <= large.entries);
  run(p->forgets, "TRUNCATE t");
  small = counts(p->forgets);
  assert_int_equal(small.rows + small.entries + small.deletions, 0);
}

static void answers_do_not_tell_what_was_purged(void **unused) {
  (void)unused;
  for (uint32_t seed = 1; seed <= SEEDS; seed++) {
    pair p = {.seed = seed};
    assert_int_equal(query_setup((void **)&p.forgets), 0);
    assert_int_equal(query_setup((void **)&p.keeps), 0);
    make_table(p.forgets, GRACE);
    make_table(p.keeps, INT32_MAX);
    live(&p);
    end(&p);
    void *state = p.forgets;
    assert_int_equal(query_teardown(&state), 0);
    state = p.keeps;
    assert_int_equal(query_teardown(&state), 0);
  }
}

/* --- single rules ------------------------------------------------------------------------------------------------- */

static void seconds_pass(db *d, int64_t s) {
  d->now_us += s * 1000000;
}

static uint64_t keys(db *d) {
  cql_check_report r = counts(d);
  return r.rows + r.deletions;
}

/* Trap 21: a late write with an old timestamp stays covered until the grace is over, to the second. */
static void a_deletion_stays_for_the_grace(void **state) {
  db *d = *state;
  static const char *const deletions[] = {"DELETE FROM t WHERE k = 1 AND c = 1", "DELETE FROM t WHERE k = 1",
                                          "DELETE FROM t WHERE k = 1 AND c > 0",
                                          "DELETE v FROM t WHERE k = 1 AND c = 1"};
  char late[TEXT];
  run(d, "CREATE TABLE t (k int, c int, v int, PRIMARY KEY (k, c)) WITH gc_grace_seconds = 100");
  for (size_t i = 0; i < sizeof deletions / sizeof *deletions; i++) {
    snprintf(late, sizeof late, "UPDATE t USING TIMESTAMP %lld SET v = 1 WHERE k = 1 AND c = 1",
             (long long)d->now_us - 1000000);
    run(d, deletions[i]);
    seconds_pass(d, 100);
    compact(d);
    assert_int_equal(keys(d), 1);
    run(d, late);
    gives(d, "SELECT * FROM t", "k c v");
    seconds_pass(d, 1);
    compact(d);
    assert_int_equal(keys(d), 0);
    run(d, late);
    gives(d, "SELECT * FROM t", "k c v\n1 1 1");
    run(d, "TRUNCATE t");
  }
}

static void an_expired_row_goes_with_its_index_entries(void **state) {
  db *d = *state;
  run(d, "CREATE TABLE t (k int PRIMARY KEY, v int, m map<int, int>) WITH gc_grace_seconds = 100");
  run(d, "CREATE INDEX ON t (v)");
  run(d, "INSERT INTO t (k, v, m) VALUES (1, 1, {1: 1}) USING TTL 10");
  seconds_pass(d, 110);
  compact(d);
  assert_int_equal(counts(d).entries, 1);
  seconds_pass(d, 1);
  cql_compact_report r = compact(d);
  assert_int_equal(r.keys_seen, 1);
  assert_int_equal(r.keys_removed, 1);
  assert_int_equal(counts(d).entries, 0);
}

static void a_row_that_is_written_loses_what_is_old(void **state) {
  db *d = *state;
  run(d, "CREATE TABLE t (k int PRIMARY KEY, v int, w int, m map<int, int>) WITH gc_grace_seconds = 0");
  run(d, "INSERT INTO t (k, v, w, m) VALUES (1, 1, 1, {1: 1, 2: 2})");
  run(d, "DELETE v, m[1] FROM t WHERE k = 1");
  seconds_pass(d, 1);
  run(d, "UPDATE t SET w = 2 WHERE k = 1");
  assert_int_equal(compact(d).rows_rewritten, 0); /* nothing was left to do */
  gives(d, "SELECT * FROM t", "k m v w\n1 {2: 2} null 2");
}

static void a_dropped_column_leaves_the_rows(void **state) {
  db *d = *state;
  run(d, "CREATE TABLE t (k int PRIMARY KEY, v int, w int)");
  run(d, "INSERT INTO t (k, v, w) VALUES (1, 1, 1)");
  run(d, "UPDATE t SET w = 1 WHERE k = 2");
  run(d, "ALTER TABLE t DROP w");
  gives(d, "SELECT * FROM t", "k v\n1 1");
  cql_compact_report r = compact(d);
  assert_int_equal(r.keys_removed, 1);
  assert_int_equal(r.rows_rewritten, 1);
  gives(d, "SELECT * FROM t", "k v\n1 1");
}

/* Without a call: the steps that writes earn come round in the end. */
static void writes_do_the_sweep_beside(void **state) {
  db *d = *state;
  char cql[TEXT];
  run(d, "CREATE TABLE t (k int PRIMARY KEY, v int) WITH gc_grace_seconds = 10");
  run(d, "CREATE TABLE other (k int PRIMARY KEY, v int) WITH gc_grace_seconds = 10");
  for (int i = 0; i < 1000; i++) {
    snprintf(cql, sizeof cql, "INSERT INTO t (k, v) VALUES (%d, 1) USING TTL 1", i);
    run(d, cql);
  }
  assert_int_equal(keys(d), 1000);
  seconds_pass(d, 12);
  for (int i = 0; i < 2000; i++) {
    snprintf(cql, sizeof cql, "INSERT INTO other (k, v) VALUES (%d, 1)", i % 10);
    run(d, cql);
  }
  assert_int_equal(keys(d), 10);
}

static bool stop_at_once(void *user, const char *doing, double done) {
  (void)doing;
  assert_true(done >= 0 && done <= 1);
  return ++*(int *)user < 2;
}

static void a_compaction_that_was_stopped_is_taken_up(void **state) {
  db *d = *state;
  char cql[TEXT];
  int calls = 0;
  cql_compact_report r;
  run(d, "CREATE TABLE t (k int PRIMARY KEY, v int) WITH gc_grace_seconds = 0");
  for (int i = 0; i < 2000; i++) {
    snprintf(cql, sizeof cql, "DELETE FROM t WHERE k = %d", i);
    run(d, cql);
  }
  seconds_pass(d, 1);
  assert_int_equal(cql_engine_compact(d->engine, stop_at_once, &calls, &r, &d->err), CQL_OK);
  assert_false(r.finished);
  assert_true(r.keys_removed > 0 && keys(d) > 0);
  compact(d);
  assert_int_equal(keys(d), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, query_setup, query_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(answers_do_not_tell_what_was_purged),
      TEST(a_deletion_stays_for_the_grace),
      TEST(an_expired_row_goes_with_its_index_entries),
      TEST(a_row_that_is_written_loses_what_is_old),
      TEST(a_dropped_column_leaves_the_rows),
      TEST(writes_do_the_sweep_beside),
      TEST(a_compaction_that_was_stopped_is_taken_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
