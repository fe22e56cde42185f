/* Pages that are asked for before their turn, on a cluster whose client is a fake: when they are asked for, what is
 * counted of them, and what becomes of those that fail, come late or are not wanted any more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_client.h"
#include "room.h"

enum { PAGE = CQL_RELATIONAL_PAGE_COUNT, HALF = PAGE / 2, ROWS = 2 * PAGE + 100, INNER = 700, WAIT_US = 1000 };

static const char SQL[] = "SELECT k, v FROM t";
static const char CQL[] = "SELECT \"k\", \"v\" FROM \"ks\".\"t\"";

static int begin(void **state) {
  int32_t *values = calloc(3 * ROWS, sizeof *values);
  (void)state;
  memset(&fake, 0, sizeof fake);
  room_open("cassandra://10.0.0.1:9999");
  run("CREATE TYPE pair (a int)");
  run("CREATE TABLE t (k int PRIMARY KEY, v int, p frozen<pair>)");
  run("CREATE TABLE c (k int, t int, PRIMARY KEY (k, t))");
  run("CREATE TABLE few (k int PRIMARY KEY)");
  for (int32_t i = 0; i < ROWS; i++) {
    values[2 * i] = i;
    values[2 * i + 1] = 2 * i;
  }
  insert_ints("t", "k, v", 2, values, ROWS);
  for (int32_t i = 0; i < ROWS; i++) { /* the first partition has most of them, the others INNER each */
    values[2 * i] = i < ROWS - 3 * INNER ? 0 : 1 + i % 3;
    values[2 * i + 1] = i;
  }
  insert_ints("c", "k, t", 2, values, ROWS);
  insert_ints("few", "k", 1, (int32_t[]){1, 2, 3, 4}, 4);
  free(values);
  attach("t");
  attach("c");
  attach("few");
  return 0;
}

/* --- a query and what it has cost --------------------------------------------------------------------------------- */

static cql_relational_counts before;

static cql_relational_query *ask(const char *sql) {
  fake.submitted = 0;
  cql_relational_counted(relational, &before);
  return prepare(sql);
}

static void read_rows(cql_relational_query *q, uint32_t rows) {
  for (uint32_t i = 0; i < rows; i++) assert_true(step(q));
}

static void cost_is(uint64_t requests, uint64_t rows, uint64_t waves) {
  cql_relational_counts now;
  cql_relational_counted(relational, &now);
  assert_int_equal(now.requests - before.requests, requests);
  assert_int_equal(now.rows - before.rows, rows);
  assert_int_equal(now.waves - before.waves, waves);
}

static void ends_with(cql_relational_query *q, cql_status wanted, const char *words) {
  cql_error err;
  bool has_row;
  assert_int_equal(cql_relational_step(q, &has_row, &err), wanted);
  if (strstr(err.message, words) == NULL) fail_msg("%s", err.message);
}

/* --- answers that wait -------------------------------------------------------------------------------------------- */

/* What is waited for waits as well: a query's first page has come. */
static void hold(void) {
  fake.hold = true;
}

static void let_come(void) {
  fake.hold = false;
  cql_session_flush(session);
}

static void note(void *user, cql_outcome *o) {
  cql_result_free(o->result);
  *(_Atomic bool *)user = true;
}

/* All that was submitted has been answered. */
static void settle(void) {
  static const char text[] = "SELECT * FROM ks.few WHERE k = 1";
  _Atomic bool is_answered = false;
  cql_request q = CQL_REQUEST_INIT;
  q.text = text;
  q.text_len = sizeof text - 1;
  assert_int_equal(cql_session_submit(session, &q, note, (void *)&is_answered, NULL), CQL_OK);
  while (!is_answered) usleep(WAIT_US);
}

/* --- when it is asked for ----------------------------------------------------------------------------------------- */

static void a_page_is_asked_for_before_its_turn(void **state) {
  (void)state;
  cql_relational_query *q = ask(SQL);
  read_rows(q, HALF - 1);
  assert_int_equal(fake.submitted, 0);
  hold();
  cost_is(1, PAGE, 1);
  read_rows(q, 1);
  assert_int_equal(fake.submitted, 1);
  cost_is(2, PAGE, 1); /* sent, and not taken */
  read_rows(q, HALF);  /* nobody waits for it yet */
  cost_is(2, PAGE, 1);
  assert_int_equal(sent_count(q, CQL), 2);
  let_come();
  read_rows(q, 1); /* by now the scan has shown that it goes on */
  assert_int_equal(fake.submitted, 2);
  cost_is(3, 2 * PAGE, 2);
  read_rows(q, ROWS - PAGE - 1);
  assert_false(step(q));
  assert_int_equal(fake.submitted, 2);
  cost_is(3, ROWS, 3);
  assert_int_equal(sent_count(q, CQL), 3);
  cql_relational_finish(q);
}

static void no_row_is_lost(void **state) {
  char wanted[100];
  cost what;
  (void)state;
  snprintf(wanted, sizeof wanted, "%d,%d,%d;", ROWS, ROWS - 1, ROWS * (ROWS - 1));
  expect("SELECT count(*), max(k), sum(v) FROM t", wanted, &what);
  assert_int_equal(what.counts.requests, 3);
  assert_int_equal(what.counts.waves, 3);
}

static void what_may_end_soon_asks_for_no_more(void **state) {
  (void)state;
  cql_relational_query *q = ask("SELECT k FROM t LIMIT 10");
  read_rows(q, 10);
  assert_false(step(q));
  cql_relational_finish(q);
  assert_int_equal(fake.submitted, 0);
  cost_is(1, PAGE, 1);
  q = ask("SELECT k FROM few");
  read_rows(q, 4);
  assert_false(step(q));
  cql_relational_finish(q);
  assert_int_equal(fake.submitted, 0);
  cost_is(1, 4, 1);
}

static void the_pages_of_an_in(void **state) {
  char wanted[100];
  (void)state;
  fake.submitted = 0;
  snprintf(wanted, sizeof wanted, "%d;", ROWS - 2 * INNER);
  expect("SELECT count(t) FROM c WHERE k IN (1, 0, 17)", wanted, NULL);
  assert_int_equal(fake.submitted, (ROWS - 3 * INNER - 1) / PAGE);
}

/* The inner pages of a wave have less rows than others, and the rest of each comes with a page of the scan's own. */
static void the_pages_of_a_wave(void **state) {
  char wanted[100];
  cost what;
  (void)state;
  fake.submitted = 0;
  snprintf(wanted, sizeof wanted, "1,%d;2,%d;3,%d;", INNER, INNER, INNER);
  expect("SELECT few.k, count(c.t) FROM few CROSS JOIN c ON c.k = few.k GROUP BY few.k", wanted, &what);
  assert_int_equal(fake.submitted, 2); /* the first filter has a whole page, and the others a batch */
  assert_int_equal(what.counts.rows, 4 + 3 * INNER);
}

/* --- what nobody takes -------------------------------------------------------------------------------------------- */

static void a_page_that_is_not_wanted_any_more(void **state) {
  (void)state;
  cql_relational_query *q = ask("SELECT k FROM t LIMIT 2600");
  read_rows(q, 2600);
  settle(); /* it has come, and waits */
  assert_false(step(q));
  cql_relational_finish(q);
  assert_int_equal(fake.submitted, 2); /* settle()'s, too */
  cost_is(2, PAGE, 1);
  q = ask(SQL);
  read_rows(q, 1);
  hold();
  read_rows(q, HALF - 1);
  assert_int_equal(fake.submitted, 1);
  cql_relational_finish(q); /* before it comes */
  let_come();
  settle();
  cost_is(2, PAGE, 1);
}

static void a_budget_ends_the_query(void **state) {
  (void)state;
  cql_relational_query *q = ask("SELECT k FROM t WHERE v + 0 = -1");
  cql_relational_set_budget(q, HALF + 10);
  ends_with(q, CQL_BUDGET, "rows were read that are not returned");
  assert_int_equal(fake.submitted, 1);
  cql_relational_finish(q);
  settle();
  cost_is(2, PAGE, 1);
}

/* --- what goes wrong ---------------------------------------------------------------------------------------------- */

static void an_error_comes_in_its_turn(void **state) {
  (void)state;
  cql_relational_query *q = ask(SQL);
  read_rows(q, HALF - 1);
  fake.fail_next = CQL_TIMEOUT;
  read_rows(q, 1);
  settle();
  assert_int_equal(fake.fail_next, CQL_OK);
  read_rows(q, HALF);
  ends_with(q, CQL_TIMEOUT, "told to fail");
  cql_relational_finish(q);
  cost_is(2, PAGE, 2);
}

static void an_error_that_nobody_meets(void **state) {
  (void)state;
  cql_relational_query *q = ask("SELECT k FROM t LIMIT 3000");
  read_rows(q, HALF - 1);
  fake.fail_next = CQL_TIMEOUT;
  read_rows(q, 3000 - HALF + 1);
  assert_false(step(q));
  settle();
  assert_int_equal(fake.fail_next, CQL_OK);
  cql_relational_finish(q);
}

/* What cannot be asked for ahead is asked for in its turn. */
static void a_session_that_takes_no_more(void **state) {
  (void)state;
  cql_relational_query *q = ask(SQL);
  fake.refuse = true;
  read_rows(q, ROWS);
  assert_false(step(q));
  fake.refuse = false;
  assert_int_equal(fake.submitted, 0);
  cost_is(3, ROWS, 3);
  assert_int_equal(sent_count(q, CQL), 3);
  cql_relational_finish(q);
}

static void columns_that_change(void **state) {
  cql_error err;
  (void)state;
  cql_relational_query *q = ask("SELECT k, p FROM t");
  read_rows(q, HALF - 1);
  run("ALTER TYPE pair ADD b int");
  read_rows(q, PAGE - HALF + 1);
  ends_with(q, CQL_INVALID, "have changed");
  cql_relational_finish(q);
  assert_int_equal(fake.submitted, 1);
  assert_false(cql_relational_error(relational, &err));
}

static bool always(void) {
  return true;
}

static void an_interrupt_ends_the_wait(void **state) {
  (void)state;
  cql_relational_query *q = ask(SQL);
  read_rows(q, 1);
  hold();
  read_rows(q, PAGE - 1);
  cql_set_interrupt_check(always);
  ends_with(q, CQL_INTERRUPTED, "nterrupted");
  cql_set_interrupt_check(NULL);
  cql_relational_finish(q);
  let_come();
  settle();
  cost_is(2, PAGE, 2);
}

typedef struct visit {
  cql_relational_query *query;
  uint32_t rows;
  cql_status status;
  _Atomic bool is_over;
} visit;

static void read_inside(void *user, cql_outcome *o) {
  visit *v = user;
  cql_error err;
  bool has_row = true;
  cql_result_free(o->result);
  for (v->status = CQL_OK; v->status == CQL_OK && has_row; v->rows += has_row)
    v->status = cql_relational_step(v->query, &has_row, &err);
  v->is_over = true;
}

/* Who takes an answer on the session's thread would wait for himself. */
static void the_thread_of_the_session_does_not_wait(void **state) {
  static const char text[] = "SELECT * FROM ks.few WHERE k = 1";
  (void)state;
  visit v = {.query = ask(SQL)};
  cql_request request = CQL_REQUEST_INIT;
  request.text = text;
  request.text_len = sizeof text - 1;
  read_rows(v.query, PAGE); /* the second page comes before the third is asked for inside */
  assert_int_equal(cql_session_submit(session, &request, read_inside, &v, NULL), CQL_OK);
  while (!v.is_over) usleep(WAIT_US);
  assert_int_equal(v.rows, PAGE);
  assert_int_equal(v.status, CQL_MISUSE);
  cql_relational_finish(v.query);
  settle();
}

/* A child's session is its own, and what its parent has asked for comes to the parent. */
static void a_child_asks_anew(void **state) {
  int how;
  (void)state;
  cql_relational_query *q = ask(SQL);
  read_rows(q, 1);
  hold();
  read_rows(q, HALF - 1);
  pid_t child = fork();
  if (child == 0) {
    uint32_t rows = HALF;
    fake.hold = false;
    fake.refuse = true; /* the fake's thread is not there */
    while (step(q)) rows++;
    cql_relational_finish(q);
    _exit(rows == ROWS ? 0 : 1);
  }
  assert_int_equal(waitpid(child, &how, 0), child);
  assert_true(WIFEXITED(how));
  assert_int_equal(WEXITSTATUS(how), 0);
  let_come();
  read_rows(q, ROWS - HALF);
  assert_false(step(q));
  cql_relational_finish(q);
  cost_is(3, ROWS, 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_page_is_asked_for_before_its_turn),
      cmocka_unit_test(no_row_is_lost),
      cmocka_unit_test(what_may_end_soon_asks_for_no_more),
      cmocka_unit_test(the_pages_of_an_in),
      cmocka_unit_test(the_pages_of_a_wave),
      cmocka_unit_test(a_page_that_is_not_wanted_any_more),
      cmocka_unit_test(a_budget_ends_the_query),
      cmocka_unit_test(an_error_comes_in_its_turn),
      cmocka_unit_test(an_error_that_nobody_meets),
      cmocka_unit_test(a_session_that_takes_no_more),
      cmocka_unit_test(an_interrupt_ends_the_wait),
      cmocka_unit_test(the_thread_of_the_session_does_not_wait),
      cmocka_unit_test(a_child_asks_anew),
      cmocka_unit_test(columns_that_change), /* last */
  };
  return cmocka_run_group_tests(tests, begin, room_end);
}
