/* test_types.c: type names in CQL and Java, what may hold what, and the limits. Texts were asked of Cassandra 5.0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "value/value.h"

#define JAVA "org.apache.cassandra.db.marshal."

static const struct {
  const char *text, *cql;
} good[] = {
    {"int", "int"},
    {"TEXT", "text"},
    {"varchar", "text"},
    {" list < int > ", "list<int>"},
    {"list<frozen<list<int>>>", "list<frozen<list<int>>>"},
    {"frozen<list<list<int>>>", "frozen<list<frozen<list<int>>>>"},
    {"frozen<frozen<list<int>>>", "frozen<list<int>>"},
    {"map<int,duration>", "map<int, duration>"},
    {"tuple<int,list<text>>", "frozen<tuple<int, frozen<list<text>>>>"},
    {"list<tuple<int,list<int>>>", "list<frozen<tuple<int, frozen<list<int>>>>>"},
    {"set<frozen<tuple<duration>>>", "set<frozen<tuple<duration>>>"},
    {"frozen<tuple<int>>", "frozen<tuple<int>>"},
    {"vector<float, 3>", "vector<float, 3>"},
    {"frozen<vector<float,2>>", "vector<float, 2>"},
    {"list<vector<float,2>>", "list<vector<float, 2>>"},
    {"'" JAVA "Int32Type'", "int"},
    {"counter", "counter"},
    {"addr", "addr"},
    {"\"addr\"", "addr"},
    {"ks.addr", "addr"},
    {"frozen<ADDR>", "frozen<addr>"},
    {"frozen<map<text,list<addr>>>", "frozen<map<text, frozen<list<frozen<addr>>>>>"},
    {"tuple<addr>", "frozen<tuple<frozen<addr>>>"},
    {"\"Odd \"\"name\"", "\"Odd \"\"name\""},
    {"\"int\"", "\"int\""},
    {"ks.int", "\"int\""},
    {"frozen<\"select\">", "frozen<\"select\">"},
    {"list", "list"},
    {"list<frozen<\"list\">>", "list<frozen<list>>"},
    {"vector<list<int>, 2>", "vector<list<int>, 2>"},
    {"frozen<vector<addr, 2>>", "vector<addr, 2>"},
};

static const struct {
  const char *text;
  cql_status status;
  const char *message; /* NULL: ours, not Cassandra's */
} bad[] = {
    {"list<list<int>>", CQL_INVALID, "Non-frozen collections are not allowed inside collections: list<list<int>>"},
    {"map<list<int>,int>", CQL_INVALID,
     "Non-frozen collections are not allowed inside collections: map<list<int>, int>"},
    {"list<addr>", CQL_INVALID, "Non-frozen UDTs are not allowed inside collections: list<addr>"},
    {"list<counter>", CQL_INVALID, "Counters are not allowed inside collections: list<counter>"},
    {"map<text,counter>", CQL_INVALID, "Counters are not allowed inside collections: map<text, counter>"},
    {"set<duration>", CQL_INVALID, "Durations are not allowed inside sets: set<duration>"},
    {"frozen<set<duration>>", CQL_INVALID, "Durations are not allowed inside sets: frozen<set<duration>>"},
    {"map<duration,int>", CQL_INVALID, "Durations are not allowed as map keys: map<duration, int>"},
    {"tuple<counter,int>", CQL_INVALID, "Counters are not allowed inside tuples"},
    {"frozen<int>", CQL_SYNTAX, "frozen<> is only allowed on collections, tuples, and user-defined types (got int)"},
    {"vector<float,0>", CQL_INVALID, "vectors may only have positive dimensions; given 0"},
    {"vector<float,-1>", CQL_INVALID, "vectors may only have positive dimensions; given -1"},
    {"vector<float,65536>", CQL_INVALID, NULL},
    {"nosuch", CQL_INVALID, "Unknown type ks.nosuch"},
    {"\"ADDR\"", CQL_INVALID, "Unknown type ks.ADDR"},
    {"other.addr", CQL_INVALID,
     "Statement on keyspace ks cannot refer to a user type in keyspace other; user types can only be used in the "
     "keyspace "
     "they are defined in"},
    {"", CQL_SYNTAX, NULL},
    {"set", CQL_INVALID, "Unknown type ks.set"},
    {"set<set>", CQL_INVALID, "Unknown type ks.set"},
    {"odd<int>", CQL_SYNTAX, NULL},
    {"list<", CQL_SYNTAX, NULL},
    {"list<>", CQL_SYNTAX, NULL},
    {"list<int", CQL_SYNTAX, NULL},
    {"list<int,int>", CQL_SYNTAX, NULL},
    {"map<int>", CQL_SYNTAX, NULL},
    {"int int", CQL_SYNTAX, NULL},
    {"vector<int>", CQL_SYNTAX, NULL},
    {"\"open", CQL_SYNTAX, NULL},
    {"\"\"", CQL_SYNTAX, NULL},
    {"int>", CQL_SYNTAX, NULL},
};

/* The keyspace ks has these types, all of the same fields. */
static const char *const type_names[] = {"addr", "Odd \"name", "int", "select", "list"};
enum { TYPE_COUNT = sizeof type_names / sizeof type_names[0] };

static const cql_type *find_udt(void *user, cql_slice keyspace, cql_slice name) {
  static const cql_slice fields[] = {{(const uint8_t *)"street", 6}, {(const uint8_t *)"Nr", 2}};
  static const cql_type *args[2];
  static const cql_type udt = {.code = CQL_TYPE_UDT, .arg_count = 2, .args = args, .field_names = fields};
  static cql_type found[TYPE_COUNT];
  size_t i = 0;
  args[0] = cql_type_native(CQL_TYPE_TEXT);
  args[1] = cql_type_native(CQL_TYPE_INT);
  *(int *)user += 1;
  while (i < TYPE_COUNT && !cql_slice_eq_str(name, type_names[i])) i++;
  if (!cql_slice_eq_str(keyspace, "ks") || i == TYPE_COUNT) return NULL;
  found[i] = udt;
  found[i].keyspace = CQL_SLICE_LITERAL("ks");
  found[i].name = cql_slice_str(type_names[i]);
  return &found[i];
}

static int asked;
static const cql_type_resolver resolver = {find_udt, &asked, {(const uint8_t *)"ks", 2}};

static void test_good_names(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    cql_arena a;
    cql_error err = {.status = CQL_OK};
    const cql_type *type;
    char name[256];
    cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
    if (cql_type_parse_cql(&a, cql_slice_str(good[i].text), &resolver, &type, &err) != CQL_OK)
      fail_msg("%s: %s", good[i].text, err.message);
    assert_int_equal(cql_type_to_cql(type, name, sizeof name), strlen(good[i].cql));
    assert_string_equal(name, good[i].cql);
    cql_arena_free(&a);
  }
  assert_true(asked > 0);
}

static void test_bad_names(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    cql_arena a;
    cql_error err = {.status = CQL_OK};
    const cql_type *type;
    cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
    cql_status st = cql_type_parse_cql(&a, cql_slice_str(bad[i].text), &resolver, &type, &err);
    if (st != bad[i].status) print_error("%s: %s\n", bad[i].text, err.message);
    assert_int_equal(st, bad[i].status);
    assert_int_equal(err.status, st);
    assert_null(type);
    if (bad[i].message != NULL) assert_string_equal(err.message, bad[i].message);
    cql_arena_free(&a);
  }
}

/* As deep as the limit, and one more. */
static void test_depth(void **state) {
  (void)state;
  for (int extra = 0; extra < 2; extra++) {
    cql_arena a;
    const cql_type *type;
    cql_buf b;
    cql_error err;
    cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
    cql_buf_init(&b, &cql_alloc_libc, 1 << 16);
    for (int i = 0; i < CQL_TYPE_DEPTH_MAX - 1 + extra; i++) cql_buf_str(&b, "tuple<");
    cql_buf_str(&b, "int");
    for (int i = 0; i < CQL_TYPE_DEPTH_MAX - 1 + extra; i++) cql_buf_u8(&b, '>');
    assert_int_equal(cql_type_parse_cql(&a, cql_buf_view(&b), NULL, &type, &err), extra ? CQL_LIMIT : CQL_OK);
    if (!extra) {
      cql_buf_reset(&b);
      cql_type_print_java(&b, type);
      assert_int_equal(cql_type_parse_java(&a, cql_buf_view(&b), &type, NULL, &err), CQL_OK);
      cql_buf_str(&b, ")");
      assert_int_equal(cql_type_parse_java(&a, cql_buf_view(&b), &type, NULL, &err), CQL_SYNTAX);
    }
    cql_buf_free(&b);
    cql_arena_free(&a);
  }
}

static void test_too_many_fields(void **state) {
  (void)state;
  cql_arena a;
  const cql_type *type;
  cql_buf b;
  cql_error err;
  cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  cql_buf_init(&b, &cql_alloc_libc, 1 << 20);
  cql_buf_str(&b, "tuple<int");
  for (int i = 0; i < CQL_TYPE_ARGS_MAX; i++) cql_buf_str(&b, ",int");
  cql_buf_u8(&b, '>');
  assert_int_equal(cql_type_parse_cql(&a, cql_buf_view(&b), NULL, &type, &err), CQL_LIMIT);
  cql_buf_free(&b);
  cql_arena_free(&a);
}

static const struct {
  const char *text;
  cql_status status;
  const char *cql;
  bool reversed;
} java[] = {
    {JAVA "ReversedType(" JAVA "Int32Type)", CQL_OK, "int", true},
    {"ReversedType(FrozenType(ListType(UTF8Type)))", CQL_OK, "frozen<list<text>>", true},
    {"VectorType(FloatType , 3)", CQL_OK, "vector<float, 3>", false},
    {"UserType(ks,61646472,737472656574:UTF8Type)", CQL_OK, "addr", false},
    {"com.example.Odd(a=>x,(y))", CQL_OK, "'com.example.Odd(a=>x,(y))'", false},
    {JAVA "EmptyType", CQL_OK, "'" JAVA "EmptyType'", false},
    {"ListType", CQL_SYNTAX, NULL, false},
    {"ListType(", CQL_SYNTAX, NULL, false},
    {"ListType()", CQL_SYNTAX, NULL, false},
    {"MapType(Int32Type)", CQL_SYNTAX, NULL, false},
    {"ListType(Int32Type,Int32Type)", CQL_SYNTAX, NULL, false},
    {"Int32Type)", CQL_SYNTAX, NULL, false},
    {"UserType(ks,6x)", CQL_SYNTAX, NULL, false},
    {"UserType(ks,61,62)", CQL_SYNTAX, NULL, false},
    {"VectorType(FloatType,0)", CQL_SYNTAX, NULL, false},
    {"com.example.Odd(a", CQL_SYNTAX, NULL, false},
    {"", CQL_SYNTAX, NULL, false},
};

static void test_java_names(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof java / sizeof java[0]; i++) {
    cql_arena a;
    cql_error err = {.status = CQL_OK};
    const cql_type *type;
    bool reversed = false;
    char name[256];
    cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
    cql_status st = cql_type_parse_java(&a, cql_slice_str(java[i].text), &type, &reversed, &err);
    if (st != java[i].status) print_error("%s: %s\n", java[i].text, err.message);
    assert_int_equal(st, java[i].status);
    if (st == CQL_OK) {
      cql_type_to_cql(type, name, sizeof name);
      assert_string_equal(name, java[i].cql);
      assert_int_equal(reversed, java[i].reversed);
    } else {
      assert_null(type);
    }
    cql_arena_free(&a);
  }
}

static void test_questions(void **state) {
  (void)state;
  cql_arena a;
  const cql_type *list, *frozen, *udt;
  const cql_type *text = cql_type_native(CQL_TYPE_TEXT), *span = cql_type_native(CQL_TYPE_DURATION);
  cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  list = cql_type_list(&a, text, false);
  frozen = cql_type_freeze(&a, list);
  udt = find_udt(&asked, CQL_SLICE_LITERAL("ks"), CQL_SLICE_LITERAL("addr"));
  assert_true(cql_type_is_multicell(list) && cql_type_is_collection(list));
  assert_true(!cql_type_is_multicell(frozen) && cql_type_is_collection(frozen));
  assert_false(cql_type_eq(list, frozen));
  assert_ptr_equal(cql_type_freeze(&a, frozen), frozen);
  assert_true(cql_type_is_multicell(udt) && !cql_type_is_collection(udt));
  assert_true(cql_type_eq(udt, cql_type_clone(&a, udt)));
  assert_false(cql_type_is_comparable(cql_type_map(&a, text, span, true)));
  assert_true(cql_type_is_comparable(cql_type_map(&a, text, text, true)));
  assert_ptr_equal(cql_type_arg(list, 0), text);
  assert_null(cql_type_arg(list, 1));
  assert_int_equal(cql_type_arg_count(cql_type_map(&a, text, text, false)), 2);
  assert_null(cql_type_native(CQL_TYPE_LIST));
  char tiny[4];
  assert_int_equal(cql_type_to_cql(list, tiny, sizeof tiny), 10);
  assert_string_equal(tiny, "lis");
  assert_int_equal(cql_type_to_cql(list, NULL, 0), 10);
  cql_arena_free(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_good_names), cmocka_unit_test(test_bad_names),       cmocka_unit_test(test_depth),
      cmocka_unit_test(test_java_names), cmocka_unit_test(test_too_many_fields), cmocka_unit_test(test_questions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
