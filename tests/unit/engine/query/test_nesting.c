/* test_nesting.c: types and values as deep as they may be. A written type nests 32 deep, and so does a user type with
 * all that it holds: a column of a user type, which got its fields after the column was made, is twice as deep.
 */
#include "query.h"

#include <stdio.h>
#include <string.h>

#include "value/value.h"

enum {
  AROUND = CQL_TYPE_DEPTH_MAX - 1, /* tuples around frozen<d> */
  WITHIN = CQL_TYPE_DEPTH_MAX - 2, /* tuples around the int in its field */
  TEXT_LEN = 4096,
};

static void repeat(char *out, const char *part, int count) {
  for (int i = 0; i < count; i++) strcat(out, part);
}

static const char *tuples(int count, const char *inner) {
  static char texts[2][TEXT_LEN];
  static int turn;
  char *out = texts[turn++ % 2];
  out[0] = '\0';
  repeat(out, "tuple<", count);
  strcat(out, inner);
  repeat(out, ">", count);
  return out;
}

/* The value of the column: AROUND tuples, the user type, WITHIN tuples, a number; as JSON or as a literal. */
static const char *value_of(int number, bool json) {
  static char out[TEXT_LEN];
  char part[64];
  out[0] = '\0';
  repeat(out, json ? "[" : "(", AROUND);
  snprintf(part, sizeof part, json ? "{\"x\": %d, \"y\": " : "{x: %d, y: ", number);
  strcat(out, part);
  repeat(out, json ? "[" : "(", WITHIN);
  snprintf(part, sizeof part, "%d", number);
  strcat(out, part);
  repeat(out, json ? "]" : ")", WITHIN);
  strcat(out, "}");
  repeat(out, json ? "]" : ")", AROUND);
  return out;
}

static const char *with(const char *format, const char *value) {
  static char out[2 * TEXT_LEN];
  char *end = out;
  for (const char *p = format; *p != '\0'; p++) {
    if (*p == '%')
      end += sprintf(end, "%s", value);
    else
      *end++ = *p;
  }
  *end = '\0';
  return out;
}

static void make(db *d) {
  run(d, "CREATE TYPE d (x int)");
  run(d, with("CREATE TABLE t (k int, c %, v %, PRIMARY KEY (k, c))", tuples(AROUND, "frozen<d>")));
  run(d, "CREATE INDEX t_c ON t (c)");
  run(d, with("ALTER TYPE d ADD y %", tuples(WITHIN, "int")));
}

static void the_deepest_column_is_written_read_and_compared(void **state) {
  db *d = *state;
  char wanted[2 * TEXT_LEN];
  make(d);
  run(d, with("INSERT INTO t JSON '{\"k\": 1, \"c\": %, \"v\": %}'", value_of(1, true)));
  run(d, with("INSERT INTO t (k, c, v) VALUES (1, %, %)", value_of(2, false)));
  snprintf(wanted, sizeof wanted, "[json]\n'{\"k\": 1, \"v\": %s}'", value_of(1, true));
  gives(d, with("SELECT JSON k, v FROM t WHERE k = 1 AND c = %", value_of(1, false)), wanted);
  gives(d, with("SELECT k FROM t WHERE c = %", value_of(2, false)), "k\n1");
  gives(d, with("SELECT k FROM t WHERE v = % ALLOW FILTERING", value_of(2, false)), "k\n1");
  gives(d, with("SELECT k FROM t WHERE k = 1 AND c > % ORDER BY c DESC", value_of(1, false)), "k\n1");
  snprintf(wanted, sizeof wanted, "system.to_json(v)\n'%s'", value_of(2, true));
  gives(d, with("SELECT to_json(v) FROM t WHERE k = 1 AND c = %", value_of(2, false)), wanted);
  run(d, with("INSERT INTO t (k, c) VALUES (2, from_json('%'))", value_of(3, true)));
  gives(d, "SELECT count(*) FROM t", "count\n3");
  run(d, "SELECT * FROM t");
  run(d, "SELECT writetime(v), max(v) FROM t");
  run(d, "DESCRIBE KEYSPACE ks");
  run(d, "SELECT * FROM system_schema.columns");
  run(d, with("DELETE FROM t WHERE k = 1 AND c <= %", value_of(1, false)));
  gives(d, "SELECT count(*) FROM t", "count\n2");
}

static void one_level_more_is_refused(void **state) {
  db *d = *state;
  make(d);
  refuses(d, with("CREATE TABLE u (k int PRIMARY KEY, v %)", tuples(AROUND + 1, "frozen<d>")), CQL_LIMIT,
          "Types may be nested at most 32 deep");
  refuses(d, with("ALTER TYPE d ADD z %", tuples(WITHIN + 1, "int")), CQL_LIMIT,
          "A user type may be nested at most 32 deep and hold at most 8192 types");
}

/* What is frozen by its place is stored with the word, and read again. */
static void frozen_is_no_level(void **state) {
  db *d = *state;
  char type[TEXT_LEN] = "frozen<";
  repeat(type, "list<", CQL_TYPE_DEPTH_MAX - 1);
  strcat(type, "int");
  repeat(type, ">", CQL_TYPE_DEPTH_MAX);
  run(d, with("CREATE TABLE t (k int PRIMARY KEY, v %)", type));
  run(d, "SELECT * FROM t");
  refuses(d, with("CREATE TABLE u (k int PRIMARY KEY, v list<%>)", type), CQL_LIMIT,
          "Types may be nested at most 32 deep");
  type[0] = '\0';
  repeat(type, "frozen<", 3 * CQL_TYPE_DEPTH_MAX);
  strcat(type, "list<int>");
  repeat(type, ">", 3 * CQL_TYPE_DEPTH_MAX);
  refuses(d, with("CREATE TABLE u (k int PRIMARY KEY, v %)", type), CQL_LIMIT, "Types may be nested at most 32 deep");
}

#define QUERY_TEST(f) cmocka_unit_test_setup_teardown(f, query_setup, query_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      QUERY_TEST(the_deepest_column_is_written_read_and_compared),
      QUERY_TEST(one_level_more_is_refused),
      QUERY_TEST(frozen_is_no_level),
  };
  return cmocka_run_group_tests_name("nesting", tests, NULL, NULL);
}
