/* Whatever fails, and whenever: opening, attaching, preparing and reading a join (or a table of two pages) ends with
 * the error of what failed, or with the right rows; those that came before it are right ones. Nothing leaks, nothing
 * crashes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../engine/faults/faults.h"
#include "breaks.h"
#include "room.h"

enum { ROWS = 12, LONG_ROWS = CQL_RELATIONAL_PAGE_COUNT + 10, TEXT_LEN = 8192 };

static const char SQL[] =
    "SELECT a.id, a.at, b.name, b.price, c.n, (SELECT count(*) FROM c d WHERE d.k = a.id AND d.t > '2020-01-01 "
    "00:00:00') "
    "FROM a CROSS JOIN b ON b.id = a.b LEFT JOIN c ON c.k = b.k AND c.t = a.at "
    "WHERE (a.id < 10 OR a.b IN ('00000000000040008000000000000001', '00000000000040008000000000000002')) "
    "AND EXISTS (SELECT 1 FROM b e WHERE e.name = 'b1') ORDER BY a.id";

/* The linker wraps it: the file is a cluster then, as far as this room asks, and is asked for pages ahead. */
static bool is_cluster;
bool __wrap_cql_session_is_cluster(const cql_session *s);

bool __wrap_cql_session_is_cluster(const cql_session *s) {
  (void)s;
  return is_cluster;
}

static void fill_long(void) {
  static int32_t values[LONG_ROWS * 2];
  run("CREATE TABLE long (k int PRIMARY KEY, v int)");
  for (int32_t i = 0; i < LONG_ROWS; i++) values[2 * i] = values[2 * i + 1] = i;
  insert_ints("long", "k, v", 2, values, LONG_ROWS);
}

static int begin(void **state) {
  cql_error err;
  (void)state;
  if (cql_session_open(&session, "local::memory:", &err) != CQL_OK) fail_msg("%s", err.message);
  run("CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
  run("USE ks");
  run("CREATE TABLE a (id int PRIMARY KEY, b uuid, at timestamp)");
  run("CREATE TABLE b (id uuid PRIMARY KEY, name text, price decimal, k int)");
  run("CREATE TABLE c (k int, t timestamp, n varint, PRIMARY KEY (k, t))");
  run("CREATE INDEX ON b (name)");
  for (int i = 0; i < ROWS; i++) {
    const char *uuid = "00000000-0000-4000-8000-00000000000";
    run("INSERT INTO a (id, b, at) VALUES (%d, %s%d, '2020-01-%02dT00:00:00Z')", i, uuid, i % 10, i + 1);
    run("INSERT INTO b (id, name, price, k) VALUES (%s%d, 'b%d', %d.50, %d)", uuid, i % 10, i % 10, i % 10, i % 10);
    run("INSERT INTO c (k, t, n) VALUES (%d, '2020-01-%02dT00:00:00Z', 1234567890123456789012)", i, i + 1);
  }
  fill_long();
  return 0;
}

static int end(void **state) {
  (void)state;
  cql_session_close(session);
  return 0;
}

/* --- the scenario ------------------------------------------------------------------------------------------------- */

/* False: the reader's own failure, a text that SQLite could not make. */
static bool put_row(char *out, size_t *len, sqlite3_stmt *s) {
  size_t start = *len;
  for (int i = 0; i < sqlite3_column_count(s); i++) {
    const char *text = (const char *)sqlite3_column_text(s, i);
    *len += (size_t)snprintf(out + *len, TEXT_LEN - *len, "%s,", text == NULL ? "NULL" : text);
    assert_true(*len < TEXT_LEN - 1);
  }
  *len += (size_t)snprintf(out + *len, TEXT_LEN - *len, ";");
  if (sqlite3_errcode(sqlite3_db_handle(s)) != SQLITE_NOMEM) return true;
  out[start] = '\0';
  return false;
}

static cql_status read_rows(cql_relational_query *q, char *out, cql_error *err) {
  size_t len = 0;
  bool has_row;
  for (;;) {
    cql_status st = cql_relational_step(q, &has_row, err);
    if (st != CQL_OK || !has_row) return st;
    if (!put_row(out, &len, cql_relational_statement(q))) return CQL_NOMEM;
  }
}

static cql_status ask(cql_relational *r, const char *sql, char *out, cql_error *err) {
  cql_relational_query *q = NULL;
  cql_status st = cql_relational_attach(r, "a", err);
  if (st == CQL_OK) st = cql_relational_attach(r, "b", err);
  if (st == CQL_OK) st = cql_relational_attach(r, "c", err);
  if (st == CQL_OK) st = cql_relational_attach(r, "long", err);
  if (st == CQL_OK) st = cql_relational_prepare(r, sql, strlen(sql), &q, err);
  if (st == CQL_OK) st = read_rows(q, out, err);
  cql_relational_finish(q);
  return st;
}

static cql_status scenario(const char *sql, char *out, cql_error *err) {
  cql_relational *r = NULL;
  out[0] = '\0';
  cql_status st = cql_relational_open(&r, session, "ks", err);
  if (st == CQL_OK) st = ask(r, sql, out, err);
  cql_relational_close(r);
  return st;
}

/* --- what fails --------------------------------------------------------------------------------------------------- */

typedef struct kind {
  const char *name;
  fault_kind fault;
  break_kind kind;
  cql_status status;
} kind;

static void arm(const kind *k, uint64_t nth) {
  if (k->fault != FAULT_NONE) fault_arm(k->fault, nth, k->status);
  if (k->kind != BREAK_NOTHING) break_arm(k->kind, nth);
}

static bool disarm(const kind *k) {
  bool fired = k->fault != FAULT_NONE ? fault_fired() : break_fired();
  fault_disarm();
  break_arm(BREAK_NOTHING, 0);
  return fired;
}

static void fails_in(const char *sql, const char *part, const kind *k) {
  static char wanted[TEXT_LEN], given[TEXT_LEN];
  cql_error err = {0};
  assert_int_equal(scenario(sql, wanted, &err), CQL_OK);
  assert_non_null(strstr(wanted, part));
  uint64_t failed = 0;
  for (uint64_t nth = 1;; nth++) {
    err = (cql_error){0};
    arm(k, nth);
    cql_status st = scenario(sql, given, &err);
    bool fired = disarm(k);
    if (st == CQL_OK ? strcmp(given, wanted) != 0 : strncmp(given, wanted, strlen(given)) != 0)
      fail_msg("%s %llu: %s", k->name, (unsigned long long)nth, given);
    if (st != CQL_OK && (st != k->status || !fired))
      fail_msg("%s %llu: %s: %s", k->name, (unsigned long long)nth, cql_status_name(st), err.message);
    failed += st != CQL_OK;
    if (!fired) break;
  }
  print_message("%s: %llu times\n", k->name, (unsigned long long)failed);
  assert_true(failed > 50);
}

static void fails(const kind *k) {
  fails_in(SQL, "9,2020-01-10 00:00:00,b9,9.5,1234567890123456789012,1,;", k);
}

static void allocations(void **state) {
  (void)state;
  fails(&(kind){"allocation", FAULT_NONE, BREAK_MALLOC, CQL_NOMEM});
}

static void allocations_of_pages_ahead(void **state) {
  char wanted[32];
  (void)state;
  snprintf(wanted, sizeof wanted, "%d,%d,;", LONG_ROWS, LONG_ROWS * (LONG_ROWS - 1) / 2);
  is_cluster = true;
  fails_in("SELECT count(*), sum(v) FROM long", wanted, &(kind){"allocation", FAULT_NONE, BREAK_MALLOC, CQL_NOMEM});
  is_cluster = false;
}

static void allocations_of_sqlite(void **state) {
  (void)state;
  fails(&(kind){"allocation of SQLite", FAULT_NONE, BREAK_SQLITE, CQL_NOMEM});
}

static void pieces_of_arenas(void **state) {
  (void)state;
  fails(&(kind){"piece of an arena", FAULT_ARENA, BREAK_NOTHING, CQL_NOMEM});
}

static void reads_of_the_store(void **state) {
  (void)state;
  fails(&(kind){"read of the store", FAULT_STORE, BREAK_NOTHING, CQL_IO});
}

static void rows(void **state) {
  (void)state;
  fails(&(kind){"row", FAULT_NONE, BREAK_ROW, CQL_MALFORMED});
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(allocations, begin, end),
      cmocka_unit_test_setup_teardown(allocations_of_pages_ahead, begin, end),
      cmocka_unit_test_setup_teardown(allocations_of_sqlite, begin, end),
      cmocka_unit_test_setup_teardown(pieces_of_arenas, begin, end),
      cmocka_unit_test_setup_teardown(reads_of_the_store, begin, end),
      cmocka_unit_test_setup_teardown(rows, begin, end),
  };
  break_prepare();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
