/* Random joins of two and three tables, with OR, EXISTS and IN over subqueries: the answer is that of the same question
 * to copies of the tables in SQLite.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "room.h"

enum { ROWS = 120, ROUNDS = 400, SQL_LEN = 4096, TABLES_MAX = 3 };

static uint32_t chance;

static uint32_t below(uint32_t n) {
  chance = chance * 1664525 + 1013904223;
  return (chance >> 8) % n;
}

/* --- tables ------------------------------------------------------------------------------------------------------- */

typedef struct table {
  const char *name, *ints, *texts; /* a letter for each column */
} table;

static const table TABLES[] = {{"p", "abn", "t"}, {"q", "kan", "tu"}, {"r", "kn", "tu"}};

static void make_tables(void) {
  run("CREATE TABLE p (a int, b int, t text, n int, PRIMARY KEY (a, b)) WITH CLUSTERING ORDER BY (b DESC)");
  run("CREATE TABLE q (k int PRIMARY KEY, a int, t text, n int, u uuid)");
  run("CREATE TABLE r (t text, k int, n int, u uuid, PRIMARY KEY ((t, k)))");
  run("CREATE INDEX ON p (n)");
  run("CREATE INDEX ON q (t)");
  run("CREATE INDEX ON r (u)");
  for (int i = 0; i < ROWS; i++) {
    const char *uuid = "00000000-0000-4000-8000-0000000000";
    run("INSERT INTO p (a, b) VALUES (%u, %u)", below(60), below(8));
    run("INSERT INTO p (a, b, t, n) VALUES (%u, %u, 'x%u', %u)", below(60), below(8), below(30), below(100));
    run("INSERT INTO q (k, a, t, n, u) VALUES (%d, %u, 'x%u', %u, %s%02u)", i, below(60), below(30), below(100), uuid,
        below(90));
    run("INSERT INTO q (k) VALUES (%d)", i + ROWS * (int)below(2));
    run("INSERT INTO r (t, k, n, u) VALUES ('x%u', %u, %u, %s%02u)", below(30), below(60), below(100), uuid, below(90));
  }
  for (int i = 0; i < 3; i++) attach(TABLES[i].name);
  expect("CREATE TABLE p_copy (a INTEGER, b INTEGER, t TEXT, n INTEGER)", "", NULL);
  expect("CREATE TABLE q_copy (k INTEGER, a INTEGER, t TEXT, n INTEGER, u TEXT)", "", NULL);
  expect("CREATE TABLE r_copy (t TEXT, k INTEGER, n INTEGER, u TEXT)", "", NULL);
  expect("INSERT INTO p_copy SELECT a, b, t, n FROM p", "", NULL);
  expect("INSERT INTO q_copy SELECT k, a, t, n, u FROM q", "", NULL);
  expect("INSERT INTO r_copy SELECT t, k, n, u FROM r", "", NULL);
}

/* --- questions ---------------------------------------------------------------------------------------------------- */

typedef struct question {
  char text[SQL_LEN];
  size_t len;
  const char *suffix; /* of the tables' names */
  const table *tables[TABLES_MAX];
  uint32_t table_count;
} question;

static void put(question *q, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(question *q, const char *format, ...) {
  va_list args;
  va_start(args, format);
  q->len += (size_t)vsnprintf(q->text + q->len, sizeof q->text - q->len, format, args);
  va_end(args);
  assert_true(q->len < sizeof q->text);
}

static char some(const char *letters) {
  return letters[below((uint32_t)strlen(letters))];
}

/* A column of a table that is of a letter's kind. */
static char like(const table *t, bool is_text) {
  return some(is_text ? t->texts : t->ints);
}

static void put_constant(question *q, char column) {
  switch (column) {
  case 't': put(q, "'x%u'", below(30)); break;
  case 'u': put(q, "'000000000000400080000000000000%02u'", below(90)); break;
  default: put(q, "%u", below(column == 'b' ? 8 : 60));
  }
}

static void put_comparison(question *q, char alias, const table *t) {
  static const char *const SIGNS[] = {"=", "=", "<", ">", "<>"};
  char column = like(t, below(3) == 0);
  if (below(8) == 0) {
    put(q, "%c.%c IS %sNULL", alias, column, below(2) == 0 ? "NOT " : "");
    return;
  }
  put(q, "%c.%c %s ", alias, column, SIGNS[below(5)]);
  put_constant(q, column);
}

/* new is equal to something of a table before it. */
static void put_link(question *q, char alias, const table *t, uint32_t other_count) {
  uint32_t other = below(other_count);
  bool is_text = below(3) == 0;
  char left = like(t, is_text), right = like(q->tables[other], is_text);
  if (is_text && (left == 'u') != (right == 'u')) left = right = 't';
  put(q, "%c.%c = %c.%c%s", alias, left, 'x' + (char)other, right, !is_text && below(10) == 0 ? " + 1" : "");
}

static void put_on(question *q, uint32_t i) {
  char alias = 'x' + (char)i;
  put_link(q, alias, q->tables[i], i);
  for (uint32_t more = below(3); more > 0; more--) {
    put(q, " AND ");
    if (below(2) == 0)
      put_link(q, alias, q->tables[i], i);
    else
      put_comparison(q, alias, q->tables[i]);
  }
}

static void put_subquery(question *q) {
  const table *t = &TABLES[below(3)];
  if (below(2) == 0) {
    put(q, "%sEXISTS (SELECT 1 FROM %s%s e WHERE ", below(3) == 0 ? "NOT " : "", t->name, q->suffix);
    put_link(q, 'e', t, q->table_count);
  } else {
    uint32_t of = below(q->table_count);
    put(q, "%c.%c IN (SELECT e.%c FROM %s%s e WHERE ", 'x' + (char)of, like(q->tables[of], false), like(t, false),
        t->name, q->suffix);
    put_comparison(q, 'e', t);
  }
  if (below(2) == 0) {
    put(q, " AND ");
    put_comparison(q, 'e', t);
  }
  put(q, ")");
}

static void put_condition(question *q) {
  uint32_t of = below(q->table_count);
  if (below(4) == 0)
    put_subquery(q);
  else
    put_comparison(q, 'x' + (char)of, q->tables[of]);
}

static void put_where(question *q) {
  uint32_t count = below(4);
  for (uint32_t i = 0; i < count; i++) {
    put(q, "%s", i == 0 ? " WHERE " : " AND ");
    if (below(3) == 0) {
      put(q, "(");
      put_condition(q);
      put(q, " OR ");
      put_condition(q);
      put(q, ")");
    } else {
      put_condition(q);
    }
  }
}

static void ask(question *q, const char *suffix, uint32_t seed) {
  static const char *const JOINS[] = {"JOIN", "JOIN", "CROSS JOIN", "LEFT JOIN"};
  chance = seed;
  q->len = 0;
  q->suffix = suffix;
  q->table_count = 2 + below(2);
  uint32_t columns = 0;
  for (uint32_t i = 0; i < q->table_count; i++) {
    q->tables[i] = &TABLES[below(3)];
    for (const char *c = q->tables[i]->ints; *c != '\0'; c++)
      put(q, "%s%c.%c", columns++ > 0 ? ", " : "SELECT ", 'x' + (char)i, *c);
    put(q, ", %c.t", 'x' + (char)i);
    columns++;
  }
  put(q, " FROM %s%s x", q->tables[0]->name, suffix);
  for (uint32_t i = 1; i < q->table_count; i++) {
    put(q, " %s %s%s %c ON ", JOINS[below(4)], q->tables[i]->name, suffix, 'x' + (char)i);
    put_on(q, i);
  }
  put_where(q);
  for (uint32_t i = 1; i <= columns; i++) put(q, "%s%u", i == 1 ? " ORDER BY " : ", ", i);
  put(q, " LIMIT %u", below(10) == 0 ? 5 : 1000);
}

static void random_joins(void **state) {
  static question of_tables, of_copies;
  uint32_t full = 0, seed = 7;
  (void)state;
  chance = 1;
  make_tables();
  for (int i = 0; i < ROUNDS; i++) {
    ask(&of_copies, "_copy", seed);
    ask(&of_tables, "", seed);
    seed = chance;
    const char *wanted = answer(of_copies.text, NULL), *given = answer(of_tables.text, NULL);
    if (strcmp(given, wanted) != 0) fail_msg("%s\n%s\n%s", of_tables.text, given, wanted);
    full += wanted[0] != '\0';
  }
  assert_true(full > ROUNDS / 4); /* or they would say little */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(random_joins, room_begin, room_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
