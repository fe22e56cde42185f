/* A session over the engine: who keeps whom, the prepared cache, schema changes by others, batches, chains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "session/session_int.h"

#define KEYSPACE "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"

/* --- helpers ------------------------------------------------------------------------------------------------------ */

static cql_session *opened(const char *url) {
  cql_session *s;
  cql_error err;
  if (cql_session_open(&s, url, &err) != CQL_OK) fail_msg("%s: %s", url, err.message);
  return s;
}

static cql_status attempt(cql_session *s, const char *text, cql_error *err) {
  cql_request q = CQL_REQUEST_INIT;
  q.text = text;
  q.text_len = strlen(text);
  cql_result *r;
  cql_status st = cql_session_execute(s, &q, &r, err);
  cql_result_free(r);
  return st;
}

static void run(cql_session *s, const char *text) {
  cql_error err;
  if (attempt(s, text, &err) != CQL_OK) fail_msg("%s: %s", text, err.message);
}

static cql_session *with_table(const char *url) {
  cql_session *s = opened(url);
  run(s, KEYSPACE);
  run(s, "USE ks");
  run(s, "CREATE TABLE t (k int PRIMARY KEY, v text)");
  return s;
}

static cql_prepared *prepared(cql_session *s, const char *text) {
  cql_prepared *p;
  cql_error err;
  if (cql_session_prepare(s, text, strlen(text), NULL, &p, &err) != CQL_OK) fail_msg("%s: %s", text, err.message);
  return p;
}

static const uint8_t one[4] = {0, 0, 0, 1};
static const cql_value key_one = {one, 4};

static cql_request bound(const cql_prepared *p, const cql_value *values, uint32_t count) {
  cql_request q = CQL_REQUEST_INIT;
  q.prepared = p;
  q.values = values;
  q.value_count = count;
  return q;
}

static cql_result *rows(cql_session *s, const cql_request *q) {
  cql_result *r;
  cql_error err;
  if (cql_session_execute(s, q, &r, &err) != CQL_OK) fail_msg("%s", err.message);
  return r;
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

static void the_same_text_gives_the_same_handle(void **state) {
  (void)state;
  cql_session *s = with_table("local::memory:");
  cql_prepared *p = prepared(s, "SELECT v FROM t WHERE k = ?"), *q = prepared(s, "SELECT v FROM t WHERE k = ?");
  assert_ptr_equal(p, q);
  assert_int_equal(cql_prepared_bind_count(p), 1);
  assert_string_equal(cql_prepared_bind(p, 0)->name, "k");
  assert_null(cql_prepared_bind(p, 1));
  assert_int_equal(cql_prepared_column_count(p), 1);
  assert_true(cql_prepared_is_select(p));
  cql_prepared_release(p);
  cql_prepared_release(q);
  cql_session_close(s);
}

static void the_cache_is_bounded_and_what_is_held_lives_on(void **state) {
  (void)state;
  cql_session *s = with_table("local::memory:");
  cql_prepared *held = prepared(s, "SELECT v FROM t WHERE k = ?");
  char text[64];
  for (int i = 0; i < CQL_SESSION_CACHE_COUNT + 20; i++) {
    snprintf(text, sizeof text, "SELECT v FROM t WHERE k = ? LIMIT %d", i + 1);
    cql_prepared_release(prepared(s, text));
  }
  assert_int_equal(s->cache.count, CQL_SESSION_CACHE_COUNT);
  assert_false(held->cached);
  cql_request q = bound(held, &key_one, 1);
  cql_result_free(rows(s, &q));
  cql_prepared_release(held);
  cql_session_close(s);
}

static void handles_keep_a_closed_session_alive(void **state) {
  (void)state;
  cql_session *s = with_table("local::memory:");
  run(s, "INSERT INTO t (k, v) VALUES (1, 'x')");
  cql_prepared *p = prepared(s, "SELECT v FROM t WHERE k = ?");
  cql_request q = bound(p, &key_one, 1);
  cql_result *r = rows(s, &q);
  cql_session_close(s);
  cql_prepared_release(p);
  cql_value cell;
  assert_string_equal(cql_result_column(r, 0)->name, "v");
  assert_int_equal(cql_result_next(r, &cell), CQL_OK);
  assert_memory_equal(cell.data, "x", 1);
  assert_int_equal(cql_result_next(r, &cell), CQL_DONE);
  cql_result_free(r);
}

static void misuse_is_told(void **state) {
  (void)state;
  cql_session *s = with_table("local::memory:"), *other = with_table("local::memory:");
  cql_prepared *p = prepared(other, "SELECT v FROM t WHERE k = ?");
  cql_request q = bound(p, &key_one, 1);
  cql_result *r;
  cql_error err;
  assert_int_equal(cql_session_execute(s, &q, &r, &err), CQL_MISUSE);
  assert_null(r);
  q.value_count = 0;
  assert_int_equal(cql_session_execute(other, &q, &r, &err), CQL_INVALID);
  assert_string_equal(err.message, "there were 1 markers(?) in CQL but 0 bound variables");
  q = (cql_request)CQL_REQUEST_INIT;
  assert_int_equal(cql_session_execute(s, &q, &r, &err), CQL_MISUSE);
  cql_prepared_release(p);
  cql_session_close(other);
  cql_session_close(s);
}

static void consistency_is_checked(void **state) {
  (void)state;
  cql_session *s = with_table("local::memory:");
  cql_request q = CQL_REQUEST_TEXT("SELECT v FROM t");
  cql_result *r;
  cql_error err;
  q.consistency = 11;
  assert_int_equal(cql_session_execute(s, &q, &r, &err), CQL_PROTOCOL);
  q.consistency = CQL_ANY;
  assert_int_equal(cql_session_execute(s, &q, &r, &err), CQL_INVALID);
  q.consistency = CQL_SERIAL; /* a read may be serial */
  assert_int_equal(cql_session_execute(s, &q, &r, &err), CQL_OK);
  cql_result_free(r);
  q.serial_consistency = CQL_QUORUM;
  assert_int_equal(cql_session_execute(s, &q, &r, &err), CQL_INVALID);
  cql_request w = CQL_REQUEST_TEXT("INSERT INTO t (k, v) VALUES (1, 'x')");
  w.consistency = CQL_SERIAL;
  assert_int_equal(cql_session_execute(s, &w, &r, &err), CQL_INVALID);
  w.consistency = CQL_ANY;
  assert_int_equal(cql_session_execute(s, &w, &r, &err), CQL_OK);
  cql_result_free(r);
  cql_session_close(s);
}

/* Two sessions on one file; directory is a template for mkdtemp(). */
typedef struct pair {
  char directory[64], url[128];
  cql_session *mine, *theirs;
} pair;

static void pair_open(pair *p) {
  strcpy(p->directory, "/tmp/cql-session-XXXXXX");
  assert_non_null(mkdtemp(p->directory));
  snprintf(p->url, sizeof p->url, "local:%s/x.cql", p->directory);
  p->mine = with_table(p->url);
  snprintf(p->url, sizeof p->url, "local:%s/x.cql?keyspace=ks", p->directory);
  p->theirs = opened(p->url);
}

static void pair_close(pair *p) {
  static const char *const names[] = {"x.cql", "x.cql-wal", "x.cql-shm", ""};
  cql_session_close(p->mine);
  cql_session_close(p->theirs);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", p->directory, names[i]);
    remove(path);
  }
}

static void a_schema_change_by_others_is_followed(void **state) {
  (void)state;
  pair p;
  pair_open(&p);
  cql_prepared *all = prepared(p.mine, "SELECT * FROM t WHERE k = ?");
  cql_request q = bound(all, &key_one, 1);
  cql_result_free(rows(p.mine, &q));
  run(p.theirs, "ALTER TABLE t ADD w int");
  cql_result *r = rows(p.mine, &q);
  assert_int_equal(cql_result_column_count(r), 3);
  assert_int_equal(cql_prepared_column_count(all), 2); /* the face that its holder has seen */
  cql_result_free(r);
  cql_prepared *fresh = prepared(p.mine, "SELECT * FROM t WHERE k = ?");
  assert_int_equal(cql_prepared_column_count(fresh), 3);
  cql_prepared_release(fresh);
  cql_prepared_release(all);
  pair_close(&p);
}

static void preparing_looks_at_the_schema_as_it_is(void **state) {
  (void)state;
  pair p;
  pair_open(&p);
  cql_prepared *before = prepared(p.mine, "SELECT * FROM t");
  run(p.theirs, "ALTER TABLE t ADD w int");
  cql_prepared *after = prepared(p.mine, "SELECT * FROM t");
  assert_int_equal(cql_prepared_column_count(before), 2);
  assert_int_equal(cql_prepared_column_count(after), 3);
  run(p.theirs, "DROP TABLE t");
  cql_prepared *none;
  cql_error err;
  assert_int_equal(cql_session_prepare(p.mine, "SELECT * FROM t", 15, NULL, &none, &err), CQL_INVALID);
  assert_null(none);
  cql_prepared_release(after);
  cql_prepared_release(before);
  pair_close(&p);
}

static void markers_that_changed_type_are_not_run(void **state) {
  (void)state;
  pair p;
  pair_open(&p);
  cql_prepared *insert = prepared(p.mine, "INSERT INTO t (k, v) VALUES (?, ?)");
  const cql_value values[] = {key_one, {(const uint8_t *)"text", 4}};
  cql_request q = bound(insert, values, 2);
  cql_result_free(rows(p.mine, &q));
  run(p.theirs, "DROP TABLE t");
  cql_result *r;
  cql_error err;
  assert_int_equal(cql_session_execute(p.mine, &q, &r, &err), CQL_INVALID);
  run(p.theirs, "CREATE TABLE t (k int PRIMARY KEY, v int)");
  assert_int_equal(cql_session_execute(p.mine, &q, &r, &err), CQL_UNPREPARED);
  assert_int_equal(cql_session_batch(p.mine, CQL_BATCH_LOGGED, &q, 1, &r, &err), CQL_UNPREPARED);
  cql_prepared *fresh = prepared(p.mine, "INSERT INTO t (k, v) VALUES (?, ?)");
  assert_ptr_not_equal(fresh, insert);
  assert_int_equal(cql_type_get_code(cql_prepared_bind(fresh, 1)->type), CQL_TYPE_INT);
  cql_prepared_release(fresh);
  cql_prepared_release(insert);
  pair_close(&p);
}

static void a_batch_follows_the_schema_too(void **state) {
  (void)state;
  pair p;
  pair_open(&p);
  cql_prepared *insert = prepared(p.mine, "INSERT INTO t (k, v) VALUES (?, ?)");
  const cql_value values[] = {key_one, {(const uint8_t *)"text", 4}};
  cql_request items[] = {bound(insert, values, 2), CQL_REQUEST_TEXT("INSERT INTO t (k, v) VALUES (2, 'two')")};
  run(p.theirs, "ALTER TABLE t ADD w int");
  cql_result *r;
  cql_error err;
  assert_int_equal(cql_session_batch(p.mine, CQL_BATCH_LOGGED, items, 2, &r, &err), CQL_OK);
  cql_result_free(r);
  cql_request count = CQL_REQUEST_TEXT("SELECT k FROM t");
  r = rows(p.theirs, &count);
  assert_int_equal(cql_result_row_count(r), 2);
  cql_result_free(r);
  cql_prepared_release(insert);
  pair_close(&p);
}

#define CLAIM(k) CQL_REQUEST_TEXT("INSERT INTO t (k, v) VALUES (" #k ", 'x') IF NOT EXISTS")

static uint64_t rows_in_t(cql_session *s) {
  cql_request q = CQL_REQUEST_TEXT("SELECT k FROM t");
  cql_result *r = rows(s, &q);
  uint64_t count = cql_result_row_count(r);
  cql_result_free(r);
  return count;
}

/* Runs the chain, frees its results; how many there were. */
static uint32_t chained(cql_session *s, const cql_request *items, uint32_t count, bool all_or_nothing) {
  cql_result *results[8];
  cql_error err;
  uint32_t made;
  cql_status st = cql_session_chain(s, items, count, all_or_nothing, results, &made, &err);
  if (st != CQL_OK) fail_msg("%s", err.message);
  for (uint32_t i = 0; i < made; i++) cql_result_free(results[i]);
  return made;
}

static void a_chain_is_kept_whole_or_in_parts(void **state) {
  (void)state;
  cql_session *s = with_table("local::memory:");
  const cql_request first[] = {CLAIM(1), CLAIM(2)}, second[] = {CLAIM(3), CLAIM(2), CLAIM(4)};
  assert_int_equal(chained(s, first, 2, true), 2);
  assert_int_equal(rows_in_t(s), 2);
  assert_int_equal(chained(s, second, 3, true), 2); /* it ends at the one that is taken */
  assert_int_equal(rows_in_t(s), 2);
  assert_int_equal(chained(s, second, 3, false), 3);
  assert_int_equal(rows_in_t(s), 4);
  assert_int_equal(chained(s, NULL, 0, true), 0);
  cql_session_close(s);
}

static void an_error_in_a_chain_keeps_nothing_of_it(void **state) {
  (void)state;
  cql_session *s = with_table("local::memory:");
  const cql_request bad[][2] = {
      {CLAIM(1), CQL_REQUEST_TEXT("SELECT k FROM t")},
      {CLAIM(1), CQL_REQUEST_TEXT("TRUNCATE t")},
      {CLAIM(1), CQL_REQUEST_TEXT("INSERT INTO t (k, v) VALUES (null, 'x')")},
      {CLAIM(1), CQL_REQUEST_TEXT("INSERT INTO t (k, v) VALUES (?, 'x')")},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    cql_result *results[2];
    cql_error err;
    uint32_t made = 7;
    assert_int_equal(cql_session_chain(s, bad[i], 2, false, results, &made, &err), CQL_INVALID);
    assert_int_equal(made, 0);
    assert_int_equal(rows_in_t(s), 0);
  }
  cql_session_close(s);
}

static void a_chain_follows_the_schema_too(void **state) {
  (void)state;
  pair p;
  pair_open(&p);
  cql_prepared *insert = prepared(p.mine, "INSERT INTO t (k, v) VALUES (?, ?)");
  const cql_value values[] = {key_one, {(const uint8_t *)"text", 4}};
  const cql_request items[] = {bound(insert, values, 2), CLAIM(2)};
  run(p.theirs, "ALTER TABLE t ADD w int");
  assert_int_equal(chained(p.mine, items, 2, true), 2);
  assert_int_equal(rows_in_t(p.theirs), 2);
  cql_prepared_release(insert);
  pair_close(&p);
}

static void use_sets_the_keyspace(void **state) {
  (void)state;
  cql_session *s = opened("local::memory:?keyspace=later");
  char name[CQL_NAME_LEN];
  cql_error err;
  cql_session_keyspace(s, name);
  assert_string_equal(name, "later");
  assert_int_equal(attempt(s, "SELECT * FROM t", &err), CQL_INVALID);
  run(s, KEYSPACE);
  run(s, "USE ks");
  cql_session_keyspace(s, name);
  assert_string_equal(name, "ks");
  assert_int_equal(attempt(s, "USE nowhere", &err), CQL_INVALID);
  cql_session_keyspace(s, name);
  assert_string_equal(name, "ks");
  cql_session_close(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_same_text_gives_the_same_handle),
      cmocka_unit_test(the_cache_is_bounded_and_what_is_held_lives_on),
      cmocka_unit_test(handles_keep_a_closed_session_alive),
      cmocka_unit_test(misuse_is_told),
      cmocka_unit_test(consistency_is_checked),
      cmocka_unit_test(a_schema_change_by_others_is_followed),
      cmocka_unit_test(preparing_looks_at_the_schema_as_it_is),
      cmocka_unit_test(markers_that_changed_type_are_not_run),
      cmocka_unit_test(a_batch_follows_the_schema_too),
      cmocka_unit_test(a_chain_is_kept_whole_or_in_parts),
      cmocka_unit_test(an_error_in_a_chain_keeps_nothing_of_it),
      cmocka_unit_test(a_chain_follows_the_schema_too),
      cmocka_unit_test(use_sets_the_keyspace),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
