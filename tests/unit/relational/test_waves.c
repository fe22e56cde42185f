/* Joins in waves: how many requests and waves they cost, and that a wrong guess changes no answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "room.h"

enum {
  BOOKS = 10000,
  AUTHORS = 4000,
  COUNTRIES = 50,
  NONE = INT32_MIN,
  FIRST = CQL_RELATIONAL_BATCH_FIRST_COUNT,
  BATCH = CQL_RELATIONAL_BATCH_COUNT
};

static int32_t values[BOOKS * 4]; /* of one table's rows */

static void at_most(const char *what, uint64_t n, uint64_t most) {
  if (n > most) fail_msg("%llu %s, %llu expected at most", (unsigned long long)n, what, (unsigned long long)most);
}

static void expect_at_most(const char *sql, const char *wanted, uint64_t requests, uint64_t waves) {
  cost c;
  expect(sql, wanted, &c);
  at_most("requests", c.counts.requests, requests);
  at_most("waves", c.counts.waves, waves);
}

/* Numbers that follow each other without an order that a batch could profit from. */
static int32_t mixed(int32_t i) {
  return (int32_t)((uint32_t)i * 2654435761u >> 8);
}

/* --- joins -------------------------------------------------------------------------------------------------------- */

static void library(void) {
  run("CREATE TABLE book (id int PRIMARY KEY, author int, year int)");
  run("CREATE TABLE author (id int PRIMARY KEY, country int)");
  run("CREATE TABLE country (id int PRIMARY KEY, n int)");
  for (int32_t i = 0; i < BOOKS; i++) {
    values[3 * i] = i;
    values[3 * i + 1] = mixed(i) % AUTHORS;
    values[3 * i + 2] = i % 100;
  }
  insert_ints("book", "id, author, year", 3, values, BOOKS);
  for (int32_t i = 0; i < AUTHORS; i++) {
    values[2 * i] = i;
    values[2 * i + 1] = i % COUNTRIES;
  }
  insert_ints("author", "id, country", 2, values, AUTHORS);
  for (int32_t i = 0; i < COUNTRIES; i++) {
    values[2 * i] = i;
    values[2 * i + 1] = 1000 + i;
  }
  insert_ints("country", "id, n", 2, values, COUNTRIES);
  attach("book");
  attach("author");
  attach("country");
}

static const char *sum_of_countries(int32_t below_year) {
  static char text[64];
  int64_t sum = 0, count = 0;
  for (int32_t i = 0; i < BOOKS; i++) {
    if (i % 100 >= below_year) continue;
    sum += 1000 + mixed(i) % AUTHORS % COUNTRIES;
    count++;
  }
  snprintf(text, sizeof text, "%lld,%lld;", (long long)count, (long long)sum);
  return text;
}

static const char THREE[] = "SELECT count(*), sum(c.n) FROM book b CROSS JOIN author a ON a.id = b.author "
                            "CROSS JOIN country c ON c.id = a.country";

static void three_tables(void **state) {
  (void)state;
  library();
  /* The batches of authors: 1, 64, 256, 1,000 …; none goes over the end of a page. Countries: one per such batch. */
  expect_at_most(THREE, sum_of_countries(100), BOOKS + 2 + 20 * (uint64_t)COUNTRIES, 3 * BOOKS / BATCH + 6);
}

static void three_tables_of_the_programs_own(void **state) {
  cql_relational_counts before, after;
  sqlite3_stmt *s;
  char text[64];
  (void)state;
  library();
  cql_relational_counted(relational, &before);
  assert_int_equal(sqlite3_prepare_v2(cql_relational_db(relational), THREE, -1, &s, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(s), SQLITE_ROW);
  snprintf(text, sizeof text, "%lld,%lld;", sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1));
  assert_string_equal(text, sum_of_countries(100));
  sqlite3_finalize(s);
  cql_relational_counted(relational, &after);
  at_most("waves", after.waves - before.waves, 3 * BOOKS / BATCH + 6);
}

/* One row of a hundred passes. */
static void few_rows_pass(void **state) {
  (void)state;
  library();
  char sql[512];
  snprintf(sql, sizeof sql, "%s WHERE abs(b.year) < 1", THREE);
  cost c;
  expect(sql, sum_of_countries(1), &c);
  at_most("requests", c.counts.requests, BOOKS / 100 * 6 + 2 * FIRST);
}

static void a_limit(void **state) {
  (void)state;
  library();
  char sql[512];
  snprintf(sql, sizeof sql,
           "SELECT count(*) FROM (SELECT 1 FROM book b CROSS JOIN author a ON a.id = b.author LIMIT 10)");
  expect_at_most(sql, "10;", 2 + FIRST, 3);
}

static void outer_rows_by_or(void **state) {
  (void)state;
  run("CREATE TABLE sale (shop int, day int, item int, PRIMARY KEY (shop, day))");
  run("CREATE TABLE item (id int PRIMARY KEY, n int)");
  for (int32_t i = 0; i < 1000; i++) {
    values[3 * i] = i / 500;
    values[3 * i + 1] = i % 500;
    values[3 * i + 2] = i;
  }
  insert_ints("sale", "shop, day, item", 3, values, 1000);
  for (int32_t i = 0; i < 1000; i++) values[2 * i] = values[2 * i + 1] = i;
  insert_ints("item", "id, n", 2, values, 1000);
  attach("sale");
  attach("item");
  expect_at_most("SELECT count(*), sum(i.n) FROM sale s JOIN item i ON i.id = s.item WHERE s.shop = 0 OR s.shop = 1",
                 "1000,499500;", 2 + 1000 + 1, 2 + 8);
  /* values of an IN: the pages of a group are in hand */
  run("CREATE TABLE one (id int PRIMARY KEY, item int)");
  for (int32_t i = 0; i < 1000; i++) values[2 * i] = values[2 * i + 1] = i;
  insert_ints("one", "id, item", 2, values, 1000);
  attach("one");
  expect_at_most("SELECT count(*), sum(i.n) FROM one o CROSS JOIN item i ON i.id = o.item "
                 "WHERE o.id IN (SELECT id FROM one WHERE id < 500)",
                 "500,124750;", 1 + 500 + 501, 1 + 4 + 2 * 4 + 2);
}

static void with_itself(void **state) {
  (void)state;
  run("CREATE TABLE person (id int PRIMARY KEY, boss int)");
  for (int32_t i = 0; i < 1000; i++) {
    values[2 * i] = i;
    values[2 * i + 1] = (i * 7 + 1) % 1000;
  }
  insert_ints("person", "id, boss", 2, values, 1000);
  attach("person");
  /* both inner cursors have the same plan */
  expect_at_most(
      "SELECT count(*), sum(b.id), sum(c.id) - 0 * sum(c.boss) FROM person p CROSS JOIN person b ON b.id = p.boss "
      "CROSS JOIN person c ON c.id = b.boss",
      "1000,499500,499500;", 1 + 2 * 1001, 1 + 2 * 4);
}

static void chapters(void) {
  run("CREATE TABLE story (id int PRIMARY KEY)");
  run("CREATE TABLE chapter (story int, n int, pages int, PRIMARY KEY (story, n))");
  for (int32_t i = 0; i < 500; i++) values[i] = i;
  insert_ints("story", "id", 1, values, 500);
  for (int32_t i = 0; i < 1000; i++) {
    values[3 * i] = i / 4 * 2; /* the even stories have four */
    values[3 * i + 1] = i % 4;
    values[3 * i + 2] = i % 8;
  }
  insert_ints("chapter", "story, n, pages", 3, values, 1000);
  attach("story");
  attach("chapter");
}

static void correlated_subqueries(void **state) {
  (void)state;
  chapters();
  expect_at_most("SELECT count(*), sum(id) FROM story s WHERE EXISTS "
                 "(SELECT 1 FROM chapter c WHERE c.story = s.id AND c.pages > 5)",
                 "125,31250;", 1 + 501, 1 + 4);
  expect_at_most("SELECT sum((SELECT count(*) FROM chapter c WHERE c.story = s.id)) FROM story s", "1000;", 1 + 501,
                 1 + 4);
  expect_at_most(
      "SELECT count(*) FROM story s WHERE NOT EXISTS (SELECT 1 FROM chapter c JOIN story t ON t.id = c.story "
      "WHERE c.story = s.id AND t.id <> 0)",
      "251;", 1 + 2 * 501 + 100, 1 + 2 * 5);
}

static void left_joins(void **state) {
  (void)state;
  run("CREATE TABLE pet (id int PRIMARY KEY, owner int)");
  run("CREATE TABLE owner (id int PRIMARY KEY, city int)");
  run("CREATE TABLE city (id int PRIMARY KEY, n int)");
  for (int32_t i = 0; i < 600; i++) {
    values[2 * i] = i;
    values[2 * i + 1] = i % 3 == 0 ? NONE : i;
  }
  insert_ints("pet", "id, owner", 2, values, 600);
  for (int32_t i = 0; i < 300; i++) {
    values[2 * i] = 2 * i; /* odd ones are missing */
    values[2 * i + 1] = i % 5 == 0 ? NONE : i % 10;
  }
  insert_ints("owner", "id, city", 2, values, 300);
  for (int32_t i = 0; i < 8; i++) values[2 * i] = values[2 * i + 1] = i;
  insert_ints("city", "id, n", 2, values, 8);
  attach("pet");
  attach("owner");
  attach("city");
  expect_at_most("SELECT count(*), count(o.id), count(o.city), count(c.id), sum(c.n) FROM pet p "
                 "LEFT JOIN owner o ON o.id = p.owner LEFT JOIN city c ON c.id = o.city",
                 "600,200,160,120,460;", 1 + 401 + 8 * 8, 1 + 6 + 8);
}

static void composite_keys(void **state) {
  (void)state;
  run("CREATE TABLE line (id int PRIMARY KEY, shop int, item int)");
  run("CREATE TABLE stock (shop int, item int, n int, PRIMARY KEY ((shop, item)))");
  for (int32_t i = 0; i < 1000; i++) {
    values[3 * i] = i;
    values[3 * i + 1] = i / 100;
    values[3 * i + 2] = i % 100;
  }
  insert_ints("line", "id, shop, item", 3, values, 1000);
  for (int32_t i = 0; i < 1000; i++) {
    values[3 * i] = i / 100;
    values[3 * i + 1] = i % 100;
    values[3 * i + 2] = i;
  }
  insert_ints("stock", "shop, item, n", 3, values, 1000);
  attach("line");
  attach("stock");
  expect_at_most("SELECT count(*), sum(s.n) FROM line l CROSS JOIN stock s ON s.shop = l.shop AND s.item = l.item",
                 "1000,499500;", 1 + 1001, 1 + 5);
  /* no cell has the shop, and it has several values */
  expect_at_most("SELECT count(*), sum(s.n) FROM line l CROSS JOIN stock s ON s.shop = l.shop + 1 AND s.item = l.item",
                 "900,494550;", 1 + 1000 + FIRST, 1 + 1000);
  /* one value of each key is the statement's own */
  expect_at_most("SELECT count(*), sum(s.n) FROM line l CROSS JOIN stock s ON s.shop = 3 AND s.item = l.item",
                 "1000,349500;", 1 + 4 * 100 + 1, 1 + 5);
}

static void by_index_and_range(void **state) {
  (void)state;
  chapters();
  run("CREATE INDEX ON chapter (pages)");
  attach("chapter");
  expect_at_most("SELECT count(*) FROM story s CROSS JOIN chapter c ON c.pages = s.id", "1000;", 1 + 501, 1 + 4);
  expect_at_most("SELECT count(*) FROM story s CROSS JOIN chapter c ON c.story = s.id AND c.n > 1", "500;", 1 + 501,
                 1 + 4);
}

/* Nothing tells the inner rows: the table is read once, not for each outer row. */
static void without_a_key(void **state) {
  (void)state;
  chapters();
  cost c;
  expect("SELECT count(*) FROM story s CROSS JOIN chapter c ON c.n < s.id - 497", "750;", &c);
  assert_int_equal(c.counts.requests, 2);
  assert_int_equal(c.counts.scans, 2);
}

/* --- guesses ------------------------------------------------------------------------------------------------------ */

/* twin is the true one for the first rows, and other is in all but the last ones. */
static void wrong_guesses(void **state) {
  (void)state;
  run("CREATE TABLE link (day int, id int, twin int, other int, target int, PRIMARY KEY (day, id))");
  run("CREATE TABLE target (id int PRIMARY KEY, n int)");
  for (int32_t i = 0; i < 800; i++) {
    int32_t target = (i * 3 + 1) % 800;
    values[5 * i] = 1;
    values[5 * i + 1] = i;
    values[5 * i + 2] = i < 5 ? target : i;
    values[5 * i + 3] = i < 795 ? target : 0;
    values[5 * i + 4] = target;
  }
  insert_ints("link", "day, id, twin, other, target", 5, values, 800);
  for (int32_t i = 0; i < 800; i++) values[2 * i] = values[2 * i + 1] = i;
  insert_ints("target", "id, n", 2, values, 800);
  attach("link");
  attach("target");
  expect_at_most("SELECT count(*), sum(t.n), sum(l.twin), sum(l.other) FROM link l CROSS JOIN target t ON "
                 "t.id = l.target WHERE l.day = 1",
                 "800,319600,319625,315640;", 1 + 900 + FIRST, 12);
  /* no cell has it */
  expect_at_most("SELECT count(*), sum(t.n) FROM link l CROSS JOIN target t ON t.id = l.target + 1 WHERE l.day = 1",
                 "799,319600;", 1 + 800, 1 + 800);
}

/* --- pages -------------------------------------------------------------------------------------------------------- */

static void several_pages_for_a_key(void **state) {
  enum { LONG = 2 * CQL_RELATIONAL_BATCH_PAGE_COUNT + 7 };
  (void)state;
  run("CREATE TABLE visit (id int PRIMARY KEY, room int)");
  run("CREATE TABLE entry (room int, n int, PRIMARY KEY (room, n))");
  for (int32_t i = 0; i < 8; i++) {
    values[2 * i] = i;
    values[2 * i + 1] = i % 4;
  }
  insert_ints("visit", "id, room", 2, values, 8);
  for (int32_t room = 0; room < 4; room++) {
    for (int32_t i = 0; i < LONG; i++) {
      values[2 * i] = room;
      values[2 * i + 1] = i;
    }
    insert_ints("entry", "room, n", 2, values, LONG);
  }
  attach("visit");
  attach("entry");
  char wanted[64];
  snprintf(wanted, sizeof wanted, "%d,%d;", 8 * LONG, 8 * (LONG * (LONG - 1) / 2));
  cost c;
  expect("SELECT count(*), sum(e.n) FROM visit v CROSS JOIN entry e ON e.room = v.room", wanted, &c);
  at_most("requests", c.counts.requests, 1 + 5 + 8);
  /* Each time that a key is reached, what is behind its first page is asked for. */
  uint64_t later = LONG - CQL_RELATIONAL_BATCH_PAGE_COUNT;
  if (c.counts.rows < 8 + 4 * CQL_RELATIONAL_BATCH_PAGE_COUNT + 7 * later) fail_msg("%d rows", (int)c.counts.rows);
}

/* Rows of half a megabyte: the batch after the first is as small as they ask for. */
static void large_rows(void **state) {
  enum { ROWS = 200, TEXT_LEN = 500 * 1000 };
  (void)state;
  run("CREATE TABLE small (id int PRIMARY KEY, large int)");
  run("CREATE TABLE large (id int PRIMARY KEY, n int, body blob)");
  static uint8_t body[TEXT_LEN];
  for (int32_t i = 0; i < ROWS; i++) {
    values[2 * i] = values[2 * i + 1] = i;
    uint8_t key[4];
    cql_store_u32(key, (uint32_t)i);
    const cql_value cells[] = {{key, 4}, {key, 4}, {body, TEXT_LEN}};
    cql_request q = CQL_REQUEST_TEXT("INSERT INTO ks.large (id, n, body) VALUES (?, ?, ?)");
    q.values = cells;
    q.value_count = 3;
    cql_result *r;
    assert_int_equal(cql_session_execute(session, &q, &r, NULL), CQL_OK);
    cql_result_free(r);
  }
  insert_ints("small", "id, large", 2, values, ROWS);
  attach("small");
  attach("large");
  cql_relational_query *q = prepare("SELECT length(l.body) FROM small s CROSS JOIN large l ON l.id = s.large");
  cql_relational_counts before, after;
  uint64_t most = 0;
  for (int i = 0; i < ROWS; i++) {
    cql_relational_counted(relational, &before);
    assert_true(step(q));
    assert_int_equal(sqlite3_column_int(cql_relational_statement(q), 0), TEXT_LEN);
    cql_relational_counted(relational, &after);
    if (i > FIRST && after.rows - before.rows > most) most = after.rows - before.rows;
  }
  assert_false(step(q));
  cql_relational_finish(q);
  at_most("rows at a time", most, CQL_RELATIONAL_BATCH_LEN / TEXT_LEN);
  assert_true(most > 1);
}

/* The first key leads to one row, and each of the others to many: the rest of theirs comes when its turn comes. */
static void many_large_rows_for_a_key(void **state) {
  enum { KEYS = 12, ROWS = 10, TEXT_LEN = 250 * 1000 };
  static uint8_t body[TEXT_LEN];
  (void)state;
  run("CREATE TABLE few (day int, id int, PRIMARY KEY (day, id))");
  run("CREATE TABLE heap (k int, n int, body blob, PRIMARY KEY (k, n))");
  for (int32_t i = 0; i < KEYS; i++) {
    run("INSERT INTO few (day, id) VALUES (1, %d)", i);
    for (int32_t k = 0; k < (i == 0 ? 1 : ROWS); k++) {
      const cql_value cell = {body, TEXT_LEN};
      char text[128];
      snprintf(text, sizeof text, "INSERT INTO ks.heap (k, n, body) VALUES (%d, %d, ?)", i, k);
      cql_request q = CQL_REQUEST_INIT;
      q.text = text;
      q.text_len = strlen(text);
      q.values = &cell;
      q.value_count = 1;
      cql_result *r;
      assert_int_equal(cql_session_execute(session, &q, &r, NULL), CQL_OK);
      cql_result_free(r);
    }
  }
  attach("few");
  attach("heap");
  cql_relational_query *q = prepare("SELECT length(h.body) FROM few f CROSS JOIN heap h ON h.k = f.id WHERE f.day = 1");
  cql_relational_counts before, after;
  uint64_t count = 0, most = 0;
  do {
    cql_relational_counted(relational, &before);
    count += step(q);
    cql_relational_counted(relational, &after);
    if (after.rows - before.rows > most && before.requests > 0) most = after.rows - before.rows;
  } while (sqlite3_stmt_busy(cql_relational_statement(q)));
  cql_relational_finish(q);
  assert_int_equal(count, 1 + (KEYS - 1) * ROWS);
  at_most("rows at a time", most, CQL_RELATIONAL_BATCH_LEN / TEXT_LEN);
  assert_true(most >= (KEYS - 1) * 2);
}

/* --- what came in vain -------------------------------------------------------------------------------------------- */

/* A value that a row has and no key may have: asked for ahead, it would be refused. */
static void values_that_no_key_has(void **state) {
  (void)state;
  run("CREATE TABLE word (id int PRIMARY KEY, text text)");
  run("CREATE TABLE meaning (text text PRIMARY KEY, n int)");
  for (int i = 0; i < 20; i++)
    run("INSERT INTO word (id, text) VALUES (%d, '%.*s')", i, i % 5 == 4 ? 0 : 4 - i % 4, "aaaa");
  for (int i = 0; i < 4; i++) run("INSERT INTO meaning (text, n) VALUES ('%.*s', %d)", 4 - i, "aaaa", i);
  attach("word");
  attach("meaning");
  cost c;
  expect("SELECT count(*), sum(n) FROM word w CROSS JOIN meaning m ON m.text = w.text", "16,24;", &c);
  assert_int_equal(c.counts.waves, 3);
  assert_int_equal(c.counts.requests, 1 + 4); /* words, and each of their texts once */
}

/* Many rows lead to few: each of those is asked for once. */
static void answers_are_kept(void **state) {
  (void)state;
  library();
  expect_at_most(THREE, sum_of_countries(100), 2 + AUTHORS + COUNTRIES + 1, 3 + 8 + 2);
}

/* More answers than are kept: they go, and what is wanted again is asked for again. */
static void answers_that_are_too_many(void **state) {
  (void)state;
  enum { SHEETS = CQL_RELATIONAL_KEPT_COUNT + 2000 };
  run("CREATE TABLE sheet (id int PRIMARY KEY, twin int)");
  for (int32_t i = 0; i < SHEETS; i++) {
    values[2 * i] = i;
    values[2 * i + 1] = SHEETS - 1 - i;
  }
  insert_ints("sheet", "id, twin", 2, values, SHEETS);
  attach("sheet");
  char wanted[64];
  snprintf(wanted, sizeof wanted, "%d,%lld;", SHEETS, (long long)SHEETS * (SHEETS - 1) / 2);
  expect_at_most("SELECT count(*), sum(b.id) FROM sheet a CROSS JOIN sheet b ON b.id = a.twin", wanted, SHEETS + 3, 22);
  expect_at_most("SELECT count(*), sum(b.id) FROM (SELECT 0 AS n UNION ALL SELECT 1) two CROSS JOIN sheet a "
                 "CROSS JOIN sheet b ON b.id = a.twin WHERE a.id >= n * 100000",
                 wanted, 2 * SHEETS + 6, 44);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(three_tables, room_begin, room_end),
      cmocka_unit_test_setup_teardown(three_tables_of_the_programs_own, room_begin, room_end),
      cmocka_unit_test_setup_teardown(few_rows_pass, room_begin, room_end),
      cmocka_unit_test_setup_teardown(a_limit, room_begin, room_end),
      cmocka_unit_test_setup_teardown(outer_rows_by_or, room_begin, room_end),
      cmocka_unit_test_setup_teardown(with_itself, room_begin, room_end),
      cmocka_unit_test_setup_teardown(correlated_subqueries, room_begin, room_end),
      cmocka_unit_test_setup_teardown(left_joins, room_begin, room_end),
      cmocka_unit_test_setup_teardown(composite_keys, room_begin, room_end),
      cmocka_unit_test_setup_teardown(by_index_and_range, room_begin, room_end),
      cmocka_unit_test_setup_teardown(without_a_key, room_begin, room_end),
      cmocka_unit_test_setup_teardown(wrong_guesses, room_begin, room_end),
      cmocka_unit_test_setup_teardown(several_pages_for_a_key, room_begin, room_end),
      cmocka_unit_test_setup_teardown(large_rows, room_begin, room_end),
      cmocka_unit_test_setup_teardown(many_large_rows_for_a_key, room_begin, room_end),
      cmocka_unit_test_setup_teardown(values_that_no_key_has, room_begin, room_end),
      cmocka_unit_test_setup_teardown(answers_are_kept, room_begin, room_end),
      cmocka_unit_test_setup_teardown(answers_that_are_too_many, room_begin, room_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
