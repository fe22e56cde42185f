/* test_json.c: JSON that comes from outside: what is wrong with it and where, limits, and damage of every kind. What
 * values are made of it stands in tests/data/cql/json-write.test.
 */
#include "query.h"

#include "engine/term/json.h"

#include <stdlib.h>
#include <string.h>

static cql_arena arena;
static uint8_t *block; /* of the last text */

static int setup(void **state) {
  (void)state;
  cql_arena_init(&arena, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  cql_arena_free(&arena);
  free(block);
  block = NULL;
  return 0;
}

/* The text fills a block of its own, so that a step behind it is seen. It stands until the next one. */
static cql_status parse(const char *text, size_t len, cqle_json *out, cql_error *err) {
  free(block);
  block = malloc(len == 0 ? 1 : len);
  assert_non_null(block);
  memcpy(block, text, len);
  return cqle_json_parse(&arena, cql_slice_of(block, len), out, err);
}

static void errors_name_what_and_where(void **state) {
  (void)state;
  static const struct {
    const char *text, *error;
  } CASES[] = {
      {"", "The text ends where a value is expected at line 1, column 1"},
      {"{\"a\": 1,\n \"b\" 2}", "A colon is expected at line 2, column 6"},
      {"{\"\xC3\xA9\": x}", "Unexpected character at line 1, column 7"},
      {"[1, 2", "The text ends within an array at line 1, column 6"},
      {"[1 2]", "A comma or ] is expected at line 1, column 4"},
      {"{\"a\": 1", "The text ends within an object at line 1, column 8"},
      {"{\"a\": 1 2}", "A comma or } is expected at line 1, column 9"},
      {"{a: 1}", "A name in quotes is expected at line 1, column 2"},
      {"\"a", "The text ends within a string at line 1, column 3"},
      {"\"\\", "The text ends within a string at line 1, column 3"},
      {"\"\\x\"", "Unrecognized character escape at line 1, column 3"},
      {"\"\\u12\"", "Four hexadecimal digits are expected behind \\u at line 1, column 4"},
      {"\"\\ud800\\u12\"", "Four hexadecimal digits are expected behind \\u at line 1, column 10"},
      {"\"\t\"", "A control character must be escaped in a string at line 1, column 2"},
      {"-", "A digit is expected at line 1, column 2"},
      {"01", "Leading zeroes are not allowed at line 1, column 3"},
      {"1.", "A digit is expected behind the decimal point at line 1, column 3"},
      {"1e+", "A digit is expected in the exponent at line 1, column 4"},
      {"1a", "Unexpected character in a number at line 1, column 2"},
      {"nul", "Unrecognized token at line 1, column 1"},
      {"truely", "Unrecognized token at line 1, column 5"},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    cqle_json v;
    cql_error err;
    assert_int_equal(parse(CASES[i].text, strlen(CASES[i].text), &v, &err), CQL_INVALID);
    assert_string_equal(err.message, CASES[i].error);
  }
}

static void values_are_printed_as_java_prints_them(void **state) {
  (void)state;
  static const struct {
    const char *text, *printed;
  } CASES[] = {
      {" [1, 2.50, -0, 1e400, true, null, \"x\"] behind", "[1, 2.5, 0, Infinity, true, null, x]"},
      {"{\"a\": {}, \"b\": [[]], \"a\": 2}", "{a=2, b=[[]]}"},
      {"\"\\ud83d\\ude00 \\ud83d \\udc00\\ud83d\\u0041 \\u00e9\\u20ac\"",
       "\xF0\x9F\x98\x80 ? ??A \xC3\xA9\xE2\x82\xAC"},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    cqle_json v;
    cql_error err;
    cql_buf b;
    cql_buf_init(&b, &cql_alloc_libc, 1000);
    assert_int_equal(parse(CASES[i].text, strlen(CASES[i].text), &v, &err), CQL_OK);
    cqle_json_print_java(&b, &v);
    cql_buf_u8(&b, 0);
    assert_string_equal(b.data, CASES[i].printed);
    cql_buf_free(&b);
  }
}

static void nesting_and_numbers_have_limits(void **state) {
  (void)state;
  static char text[2 * CQLE_JSON_DEPTH_MAX + 2];
  cqle_json v;
  cql_error err;
  memset(text, '[', CQLE_JSON_DEPTH_MAX + 1);
  assert_int_equal(parse(text, CQLE_JSON_DEPTH_MAX + 1, &v, &err), CQL_INVALID);
  assert_non_null(strstr(err.message, "The nesting is too deep"));
  memset(text + CQLE_JSON_DEPTH_MAX, ']', CQLE_JSON_DEPTH_MAX);
  assert_int_equal(parse(text, (size_t)2 * CQLE_JSON_DEPTH_MAX, &v, &err), CQL_OK);
  memset(text, '7', CQLE_JSON_NUMBER_LEN_MAX + 1);
  assert_int_equal(parse(text, CQLE_JSON_NUMBER_LEN_MAX, &v, &err), CQL_OK);
  assert_int_equal(parse(text, CQLE_JSON_NUMBER_LEN_MAX + 1, &v, &err), CQL_INVALID);
}

/* Every prefix, and every byte replaced by each of some that matter: an error, or a value that can be walked. */
static void damaged_texts_are_refused_or_read(void **state) {
  (void)state;
  static const char TEXT[] = "{\"a\": [1, -2.5e+3, \"\\ud83d\\ude00\\n\"], \"B\": {\"\": null, \"x\": true}, \"a\": 0}";
  static const char BYTES[] = "\"\\{}[]:,0-.eu \x01n\xFF";
  const char *type_text = "map<text, frozen<map<text, int>>>";
  const cql_type *type;
  assert_int_equal(cql_type_parse_cql(&arena, cql_slice_str(type_text), NULL, &type, NULL), CQL_OK);
  cql_arena types = arena;
  cql_arena_init(&arena, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  for (size_t at = 0; at < sizeof TEXT - 1; at++)
    for (size_t k = 0; k < sizeof BYTES; k++) {
      char text[sizeof TEXT];
      cqle_json v;
      cql_error err;
      cql_slice out;
      size_t len = k == sizeof BYTES - 1 ? at : sizeof TEXT - 1;
      cql_arena_reset(&arena);
      memcpy(text, TEXT, sizeof TEXT);
      if (k < sizeof BYTES - 1) text[at] = BYTES[k];
      cql_status st = parse(text, len, &v, &err);
      assert_true(st == CQL_OK || st == CQL_INVALID);
      if (st != CQL_OK) continue;
      st = cqle_json_read(&arena, type, &v, &out, NULL, &err);
      assert_true(st == CQL_OK || st == CQL_INVALID);
      if (v.kind == CQLE_JSON_OBJECT) assert_int_equal(cqle_json_fold_names(&arena, &v), CQL_OK);
    }
  cql_arena_free(&types);
}

/* A bound text is taken apart at each execution, beside the markers of USING. */
static void bound_rows_are_read_each_time(void **state) {
  db *d = *state;
  run(d, "CREATE TABLE t (k int PRIMARY KEY, v text)");
  bind_text(d, "{\"k\": 1, \"v\": \"a\"}");
  bind_bigint(d, 7);
  run(d, "INSERT INTO t JSON ? USING TIMESTAMP ?");
  gives(d, "SELECT k, v, writetime(v) FROM t", "k v writetime(v)\n1 'a' 7");
  bind_null(d);
  refuses(d, "INSERT INTO t JSON ?", CQL_INVALID, "Got null for INSERT JSON values");
  bind_unset(d);
  refuses(d, "INSERT INTO t JSON ?", CQL_INVALID,
          "Could not decode JSON string as a map: The text ends where a value is expected at line 1, column 1. "
          "(String was: )");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(errors_name_what_and_where, setup, teardown),
      cmocka_unit_test_setup_teardown(values_are_printed_as_java_prints_them, setup, teardown),
      cmocka_unit_test_setup_teardown(nesting_and_numbers_have_limits, setup, teardown),
      cmocka_unit_test_setup_teardown(damaged_texts_are_refused_or_read, setup, teardown),
      cmocka_unit_test_setup_teardown(bound_rows_are_read_each_time, query_setup, query_teardown),
  };
  return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
