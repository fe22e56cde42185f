/* test_literals.c: which constant may stand for which type, and whole literals, good and bad. What single constants
 * encode to is told by the golden files; here stand the forms that they do not reach. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "value/value.h"

static const struct {
  const char *type, *text, *printed;
} good[] = {
    {"int", " 42 ", "42"},
    {"text", "'it''s'", "'it''s'"},
    {"text", "$$it's$$", "'it''s'"},
    {"text", "''", "''"},
    {"blob", "0xCAFE", "0xcafe"},
    {"blob", "0x", "0x"},
    {"boolean", "TRUE", "true"},
    {"double", "NaN", "NaN"},
    {"double", "-Infinity", "-Infinity"},
    {"double", "1e3", "1000.0"},
    {"float", "3", "3.0"},
    {"decimal", "-1.50E-2", "-0.0150"},
    {"duration", "-1y2mo", "-1y2mo"},
    {"duration", "P0001-02-03T04:05:06", "1y2mo3d4h5m6s"},
    {"duration", "-P2W", "-14d"},
    {"uuid", "12345678-1234-1234-1234-1234567890AB", "12345678-1234-1234-1234-1234567890ab"},
    {"timestamp", "0", "'1970-01-01T00:00:00.000Z'"},
    {"date", "2147483648", "'1970-01-01'"},
    {"time", "1", "'00:00:00.000000001'"},
    {"inet", "'::ffff:1.2.3.4'", "'1.2.3.4'"},
    {"list<int>", "[3, 1, 3]", "[3, 1, 3]"},
    {"list<int>", "[]", "[]"},
    {"set<int>", "{3, 1, 3, -1}", "{-1, 1, 3}"},
    {"set<decimal>", "{1.0, 1.00}", "{1.0}"},
    {"map<text, int>", "{'b': 1, 'a' : 2, 'b': 3}", "{'a': 2, 'b': 3}"},
    {"map<int, int>", "{1:2,-3:4}", "{-3: 4, 1: 2}"},
    {"map<text, duration>", "{'a':1d}", "{'a': 1d}"},
    {"map<uuid, int>", "{12345678-1234-1234-1234-1234567890ab:1}", "{12345678-1234-1234-1234-1234567890ab: 1}"},
    {"map<text, frozen<list<int>>>", "{'x': [1, 2], 'w': []}", "{'w': [], 'x': [1, 2]}"},
    {"tuple<int, text, set<int>>", "(1, null, {2, 1})", "(1, null, {1, 2})"},
    {"tuple<int, text>", "(1)", "(1)"},
    {"vector<float, 2>", "[1, 2.5]", "[1.0, 2.5]"},
    {"vector<text, 2>", "['a', '']", "['a', '']"},
    {"int", "null", "null"},
    {"list<int>", "NULL", "null"},
};

static const struct {
  const char *type, *text;
  cql_status status;
  const char *message; /* NULL: any */
} bad[] = {
    {"int", "'3'", CQL_INVALID, "Invalid STRING constant (3) for type int"},
    {"int", "3.0", CQL_INVALID, "Invalid FLOAT constant (3.0) for type int"},
    {"int", "2147483648", CQL_INVALID, "Unable to make int from '2147483648'"},
    {"text", "3", CQL_INVALID, "Invalid INTEGER constant (3) for type text"},
    {"blob", "'cafe'", CQL_INVALID, "Invalid STRING constant (cafe) for type blob"},
    {"blob", "0xabc", CQL_INVALID, "cannot parse 'abc' as hex bytes"},
    {"boolean", "1", CQL_INVALID, "Invalid INTEGER constant (1) for type boolean"},
    {"timeuuid", "12345678-1234-4234-1234-1234567890ab", CQL_INVALID, "TimeUUID supports only version 1 UUIDs"},
    {"duration", "1d1y", CQL_SYNTAX, NULL},
    {"text", "'open", CQL_SYNTAX, NULL},
    {"text", "$$open$", CQL_SYNTAX, NULL},
    {"int", "1 2", CQL_SYNTAX, NULL},
    {"int", "", CQL_SYNTAX, NULL},
    {"int", "[1]", CQL_SYNTAX, NULL},
    {"list<int>", "[1", CQL_SYNTAX, NULL},
    {"list<int>", "[1,]", CQL_SYNTAX, NULL},
    {"list<int>", "1", CQL_INVALID, "Invalid INTEGER constant (1) for type list<int>"},
    {"list<int>", "[null]", CQL_INVALID, "null is not supported inside collections"},
    {"list<int>", "{1}", CQL_SYNTAX, NULL},
    {"map<int, int>", "{1}", CQL_SYNTAX, NULL},
    {"set<int>", "{1: 2}", CQL_SYNTAX, NULL},
    {"tuple<int>", "(1, 2)", CQL_INVALID, NULL},
    {"tuple<int>", "()", CQL_SYNTAX, NULL},
    {"vector<float, 2>", "[1]", CQL_INVALID, NULL},
    {"text", "'\xFF'", CQL_INVALID, "String didn't validate."},
};

static cql_status parse(cql_arena *a, const char *type_name, const char *text, const cql_type **type, cql_slice *out,
                        cql_error *err) {
  if (cql_type_parse_cql(a, cql_slice_str(type_name), NULL, type, err) != CQL_OK) fail_msg("%s", err->message);
  return cql_value_parse(a, *type, cql_slice_str(text), out, err);
}

static void test_good_literals(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    cql_arena a;
    cql_error err = {.status = CQL_OK};
    const cql_type *type;
    cql_slice v;
    cql_buf b;
    cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
    cql_buf_init(&b, &cql_alloc_libc, 1 << 20);
    if (parse(&a, good[i].type, good[i].text, &type, &v, &err) != CQL_OK) fail_msg("%s: %s", good[i].text, err.message);
    cql_value_print(&b, type, v);
    cql_buf_u8(&b, 0);
    assert_string_equal((char *)b.data, good[i].printed);
    cql_buf_free(&b);
    cql_arena_free(&a);
  }
}

static void test_bad_literals(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    cql_arena a;
    cql_error err = {.status = CQL_OK};
    const cql_type *type;
    cql_slice v;
    cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
    cql_status st = parse(&a, bad[i].type, bad[i].text, &type, &v, &err);
    if (st != bad[i].status) print_error("%s %s: %s\n", bad[i].type, bad[i].text, err.message);
    assert_int_equal(st, bad[i].status);
    if (bad[i].message != NULL) assert_string_equal(err.message, bad[i].message);
    cql_arena_free(&a);
  }
}

static void test_depth(void **state) {
  (void)state;
  cql_arena a;
  cql_error err;
  cql_slice v;
  const cql_type *type = cql_type_native(CQL_TYPE_INT);
  char text[4 * CQL_TYPE_DEPTH_MAX] = "";
  cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  for (int i = 0; i < CQL_TYPE_DEPTH_MAX; i++) type = cql_type_list(&a, type, true);
  for (int i = 0; i < CQL_TYPE_DEPTH_MAX; i++) strcat(text, "[");
  assert_int_equal(cql_value_parse(&a, type, cql_slice_str(text), &v, &err), CQL_LIMIT);
  cql_arena_free(&a);
}

/* Cassandra's table (cql3/Constants.java): a row per type, a letter per kind that may stand for it. */
static void test_kinds(void **state) {
  (void)state;
  static const char letters[] = "SIFBUHD";
  static const struct {
    cql_type_code code;
    const char *kinds;
  } table[] = {
      {CQL_TYPE_ASCII, "S"},    {CQL_TYPE_TEXT, "S"},       {CQL_TYPE_INET, "S"},     {CQL_TYPE_DATE, "SI"},
      {CQL_TYPE_TIME, "SI"},    {CQL_TYPE_TIMESTAMP, "SI"}, {CQL_TYPE_BIGINT, "I"},   {CQL_TYPE_COUNTER, "I"},
      {CQL_TYPE_INT, "I"},      {CQL_TYPE_SMALLINT, "I"},   {CQL_TYPE_TINYINT, "I"},  {CQL_TYPE_VARINT, "I"},
      {CQL_TYPE_DECIMAL, "IF"}, {CQL_TYPE_DOUBLE, "IF"},    {CQL_TYPE_FLOAT, "IF"},   {CQL_TYPE_DURATION, "ID"},
      {CQL_TYPE_BOOLEAN, "B"},  {CQL_TYPE_UUID, "U"},       {CQL_TYPE_TIMEUUID, "U"}, {CQL_TYPE_BLOB, "H"},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
    for (int kind = 0; letters[kind] != '\0'; kind++) {
      cql_assignable may = cql_literal_test((cql_literal_kind)kind, cql_type_native(table[i].code));
      assert_int_equal(may != CQL_NOT_ASSIGNABLE, strchr(table[i].kinds, letters[kind]) != NULL);
    }
  assert_int_equal(cql_literal_test(CQL_LITERAL_INTEGER, cql_type_native(CQL_TYPE_INT)), CQL_EXACT_MATCH);
  assert_int_equal(cql_literal_test(CQL_LITERAL_INTEGER, cql_type_native(CQL_TYPE_BIGINT)), CQL_WEAKLY_ASSIGNABLE);
}

static void test_udt(void **state) {
  (void)state;
  static const struct {
    const char *text, *printed; /* NULL: refused */
  } cases[] = {
      {"{street: 'a', \"Nr\": 3}", "{street: 'a', \"Nr\": 3}"},
      {"{\"Nr\": 3}", "{street: null, \"Nr\": 3}"},
      {"{STREET: null}", "{street: null, \"Nr\": null}"},
      {"{}", "{street: null, \"Nr\": null}"},
      {"{nr: 3}", NULL},
      {"{street 'a'}", NULL},
      {"{street: 3}", NULL},
      {"{: 3}", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    cql_arena a;
    cql_error err;
    cql_slice v;
    const cql_type *type;
    cql_buf b;
    cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
    cql_buf_init(&b, &cql_alloc_libc, 1 << 20);
    cql_slice name = CQL_SLICE_LITERAL("UserType(ks,61,737472656574:UTF8Type,4e72:Int32Type)");
    assert_int_equal(cql_type_parse_java(&a, name, &type, NULL, &err), CQL_OK);
    cql_status st = cql_value_parse(&a, type, cql_slice_str(cases[i].text), &v, &err);
    assert_int_equal(st == CQL_OK, cases[i].printed != NULL);
    if (st == CQL_OK) {
      cql_value_print(&b, type, v);
      cql_buf_u8(&b, 0);
      assert_string_equal((char *)b.data, cases[i].printed);
    }
    cql_buf_free(&b);
    cql_arena_free(&a);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_good_literals), cmocka_unit_test(test_bad_literals), cmocka_unit_test(test_depth),
      cmocka_unit_test(test_kinds),         cmocka_unit_test(test_udt),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
