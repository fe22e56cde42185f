/* test_native.c: numbers, durations, version 1 UUIDs and the parts of collections, through the functions that other
 * rooms and the Python extension call; and the limits that no literal of sane size reaches. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "value/value.h"

static int set_up(void **state) {
  cql_arena *a = malloc(sizeof *a);
  cql_arena_init(a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  *state = a;
  return 0;
}

static int tear_down(void **state) {
  cql_arena_free(*state);
  free(*state);
  return 0;
}

static void assert_bytes(const cql_buf *b, const char *hex) {
  char text[256] = "";
  assert_true(b->st == CQL_OK && b->len < 128);
  for (size_t i = 0; i < b->len; i++) snprintf(text + 2 * i, 3, "%02x", b->data[i]);
  assert_string_equal(text, hex);
}

/* Native protocol v5, section 3: the examples of [vint] that differ in length. */
static void test_vint(void **state) {
  (void)state;
  static const struct {
    int64_t value;
    const char *hex;
  } table[] = {
      {0, "00"},
      {-1, "01"},
      {1, "02"},
      {63, "7e"},
      {-64, "7f"},
      {64, "8080"},
      {8191, "bffe"},
      {8192, "c04000"},
      {INT32_MAX, "f0fffffffe"},
      {INT64_MAX, "fffffffffffffffffe"},
      {INT64_MIN, "ffffffffffffffffff"},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    cql_buf b;
    int64_t back;
    cql_buf_init(&b, &cql_alloc_libc, 64);
    cql_put_vint(&b, table[i].value);
    assert_bytes(&b, table[i].hex);
    for (size_t len = 0; len <= b.len; len++) {
      cql_reader r = cql_reader_of(cql_slice_of(b.data, len));
      cql_status st = cql_read_vint(&r, &back);
      assert_int_equal(st, len < b.len ? CQL_MALFORMED : CQL_OK);
      assert_true(r.p == (len < b.len ? b.data : b.data + len));
    }
    assert_true(back == table[i].value);
    cql_buf_free(&b);
  }
}

static void test_duration(void **state) {
  (void)state;
  cql_duration d = {-1, -2, -3}, back;
  cql_buf b;
  cql_buf_init(&b, &cql_alloc_libc, 64);
  cql_put_duration(&b, d);
  assert_bytes(&b, "010305");
  assert_int_equal(cql_read_duration(cql_buf_view(&b), &back), CQL_OK);
  assert_true(back.months == -1 && back.days == -2 && back.nanoseconds == -3);
  cql_buf_u8(&b, 0);
  assert_int_equal(cql_read_duration(cql_buf_view(&b), &back), CQL_MALFORMED);
  cql_buf_free(&b);
}

static void test_varint_digits(void **state) {
  static const struct {
    const char *digits, *hex, *printed;
    cql_status status;
  } table[] = {
      {"0", "00", "0", CQL_OK},
      {"-0", "00", "0", CQL_OK},
      {"+127", "7f", "127", CQL_OK},
      {"128", "0080", "128", CQL_OK},
      {"-128", "80", "-128", CQL_OK},
      {"-129", "ff7f", "-129", CQL_OK},
      {"0000000000000000000000256", "0100", "256", CQL_OK},
      {"18446744073709551616", "010000000000000000", "18446744073709551616", CQL_OK},
      {"-9223372036854775808", "8000000000000000", "-9223372036854775808", CQL_OK},
      {"-9223372036854775809", "ff7fffffffffffffff", "-9223372036854775809", CQL_OK},
      {"", "", "", CQL_INVALID},
      {"-", "", "", CQL_INVALID},
      {"1a", "", "", CQL_INVALID},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    cql_buf b, text;
    cql_buf_init(&b, &cql_alloc_libc, 1 << 20);
    cql_buf_init(&text, &cql_alloc_libc, 1 << 20);
    assert_int_equal(cql_put_varint_digits(&b, *state, cql_slice_str(table[i].digits)), table[i].status);
    assert_bytes(&b, table[i].hex);
    if (table[i].status == CQL_OK) {
      cql_print_varint(&text, cql_buf_view(&b));
      assert_true(cql_slice_eq_str(cql_buf_view(&text), table[i].printed));
    }
    cql_buf_free(&text);
    cql_buf_free(&b);
  }
}

/* The largest varint there and back; one digit more than may ever fit is refused. */
static void test_varint_limit(void **state) {
  cql_buf bytes, digits, back;
  cql_buf_init(&bytes, &cql_alloc_libc, CQL_VARINT_LEN_MAX + 16);
  cql_buf_init(&digits, &cql_alloc_libc, 1 << 20);
  cql_buf_init(&back, &cql_alloc_libc, 1 << 20);
  memset(cql_buf_room(&bytes, CQL_VARINT_LEN_MAX), 0x5A, CQL_VARINT_LEN_MAX);
  cql_print_varint(&digits, cql_buf_view(&bytes));
  assert_int_equal(digits.len, 157826);
  assert_int_equal(cql_put_varint_digits(&back, *state, cql_buf_view(&digits)), CQL_OK);
  assert_true(cql_slice_eq(cql_buf_view(&bytes), cql_buf_view(&back)));
  memset(digits.data, '9', digits.len);
  cql_buf_str(&digits, "9");
  cql_buf_reset(&back);
  assert_int_equal(cql_put_varint_digits(&back, *state, cql_buf_view(&digits)), CQL_LIMIT);
  assert_int_equal(back.len, 0);
  cql_buf_u8(&bytes, 1);
  assert_int_equal(cql_value_validate(cql_type_native(CQL_TYPE_VARINT), cql_buf_view(&bytes), NULL), CQL_LIMIT);
  cql_buf_free(&back);
  cql_buf_free(&digits);
  cql_buf_free(&bytes);
}

static cql_slice decimal(cql_arena *a, const char *text) {
  cql_slice out;
  cql_error err;
  if (cql_literal_encode(a, CQL_LITERAL_FLOAT, cql_slice_str(text), cql_type_native(CQL_TYPE_DECIMAL), &out, &err) !=
      CQL_OK)
    fail_msg("%s: %s", text, err.message);
  return out;
}

/* Numbers so near each other, or so far apart, that no shortcut may decide. */
static void test_decimal_order(void **state) {
  static const char *const ascending[] = {
      "-1E+2147483647",
      "-10000000000000000000000000000000000000001E-40",
      "-1",
      "-0.9999999999999999999999999999999999999999999999999999",
      "-1E-2147483647",
      "0E+99",
      "1E-2147483647",
      "0.1",
      "0.10000000000000000000000000000000000000000000000000001",
      "99999999999999999999E-20",
      "1",
      "1.0000000000000000000000000000000000000001",
      "9.99E+17",
      "1000000000000000000",
      "1E+2147483646",
      "1E+2147483647",
  };
  enum { COUNT = sizeof ascending / sizeof ascending[0] };
  const cql_type *type = cql_type_native(CQL_TYPE_DECIMAL);
  for (int i = 0; i < COUNT; i++)
    for (int k = 0; k < COUNT; k++) {
      cql_buf x, y;
      cql_slice a = decimal(*state, ascending[i]), b = decimal(*state, ascending[k]);
      int want = (i > k) - (i < k);
      cql_buf_init(&x, &cql_alloc_libc, 4096);
      cql_buf_init(&y, &cql_alloc_libc, 4096);
      cql_key_put(&x, type, a, false);
      cql_key_put(&y, type, b, false);
      assert_int_equal(cql_value_cmp(type, a, b), want);
      assert_int_equal(cql_slice_cmp(cql_buf_view(&x), cql_buf_view(&y)), want);
      cql_buf_free(&x);
      cql_buf_free(&y);
    }
  assert_int_equal(cql_value_cmp(type, decimal(*state, "1.0"), decimal(*state, "1.000000000000000000000000")), 0);
  assert_int_equal(cql_value_cmp(type, decimal(*state, "-1E+3"), decimal(*state, "-1000.00")), 0);
}

static void test_decimal_as_double(void **state) {
  static const struct {
    const char *text;
    double want;
  } cases[] = {
      {"0", 0},
      {"1.50", 1.5},
      {"-0.1", -0.1},
      {"1E+3", 1000},
      {"123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890",
       1.2345678901234568e89},
      {"-0.000000000000000000000000000000000000000000000000000000000000000000000000000000000001", -1e-84},
      {"99999999999999999999999999999999999999999999999999999999999999999999.999999", 1e68},
      {"1E+2147483647", HUGE_VAL},
      {"1E-2147483647", 0},
      /* where one division ends: 48 bits, and a scale of 22 */
      {"14073748835532.7", 14073748835532.7},
      {"-14073748835532.8", -14073748835532.8},
      {"14073748835532.8", 14073748835532.8},
      {"0.0000000000000000000003", 3e-22},
      {"-0.00000000000000000000003", -3e-23},
      {"0.1000000000000000000000", 0.1},
      {"2.675", 2.675},
  };
  cql_buf scratch;
  cql_buf_init(&scratch, &cql_alloc_libc, 4096);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    double d = -1;
    assert_true(cql_decimal_to_double(&scratch, decimal(*state, cases[i].text), &d));
    if (d != cases[i].want) fail_msg("%s: %.17g", cases[i].text, d);
  }
  cql_buf_free(&scratch);
}

static void test_timeuuid(void **state) {
  (void)state;
  static const int64_t moments[] = {0, 1, 1262304000000, 1700000000123};
  const cql_type *type = cql_type_native(CQL_TYPE_TIMEUUID);
  for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
    uint8_t low[16], high[16], some[16];
    cql_timeuuid_min(low, moments[i]);
    cql_timeuuid_max(high, moments[i]);
    cql_timeuuid_make(some, cql_timeuuid_ticks(low) + 5000, 0x80FF7F0102030405ULL);
    assert_true(cql_timeuuid_unix_ms(low) == moments[i] && cql_timeuuid_unix_ms(high) == moments[i]);
    assert_true(cql_timeuuid_ticks(high) - cql_timeuuid_ticks(low) == 9999);
    assert_int_equal(cql_value_validate(type, cql_slice_of(some, 16), NULL), CQL_OK);
    assert_true(cql_value_cmp(type, cql_slice_of(low, 16), cql_slice_of(some, 16)) < 0);
    assert_true(cql_value_cmp(type, cql_slice_of(some, 16), cql_slice_of(high, 16)) < 0);
  }
  uint8_t x[16], y[16];
  cql_uuid_random(x);
  cql_uuid_random(y);
  assert_true(x[6] >> 4 == 4 && x[8] >> 6 == 2);
  assert_memory_not_equal(x, y, 16);
}

static void test_walk_and_build(void **state) {
  (void)state;
  const cql_type *text = cql_type_native(CQL_TYPE_TEXT);
  const cql_type *map = cql_type_map(*state, text, text, false);
  cql_slice values[] = {CQL_SLICE_LITERAL("b"), CQL_SLICE_LITERAL("1"), CQL_SLICE_LITERAL("a"),
                        CQL_SLICE_LITERAL(""),  CQL_SLICE_LITERAL("b"), CQL_SLICE_LITERAL("2")};
  uint32_t entries = 3;
  cql_map_normalize(text, values, &entries);
  assert_int_equal(entries, 2);
  cql_buf b;
  cql_buf_init(&b, &cql_alloc_libc, 4096);
  cql_put_count(&b, entries);
  for (uint32_t i = 0; i < entries * 2; i++) cql_put_element(&b, values[i]);
  static const char *const want[] = {"a", "", "b", "2"};
  cql_elements e;
  cql_slice part;
  assert_int_equal(cql_elements_open(&e, map, cql_buf_view(&b)), CQL_OK);
  for (uint32_t i = 0; i < 4; i++) {
    assert_int_equal(cql_elements_next(&e, &part), CQL_OK);
    assert_true(part.data != NULL && cql_slice_eq_str(part, want[i]));
  }
  assert_int_equal(cql_elements_next(&e, &part), CQL_DONE);
  assert_int_equal(cql_elements_open(&e, text, cql_buf_view(&b)), CQL_MISUSE);
  cql_store_u32(b.data, 0x7FFFFFFF); /* a count that cannot be true */
  assert_int_equal(cql_elements_open(&e, map, cql_buf_view(&b)), CQL_MALFORMED);
  cql_buf_free(&b);
}

/* Enough entries for the merging part of the sort; equal keys keep the first key and the last value. */
static void test_normalize_many(void **state) {
  enum { COUNT = 1000, DISTINCT = 97 };
  const cql_type *type = cql_type_native(CQL_TYPE_INT);
  static uint8_t bytes[COUNT * 2][4];
  cql_slice values[COUNT * 2];
  uint32_t count = COUNT;
  (void)state;
  for (uint32_t i = 0; i < COUNT; i++) {
    cql_store_u32(bytes[2 * i], i * 7919 % DISTINCT - 40);
    cql_store_u32(bytes[2 * i + 1], i);
    values[2 * i] = cql_slice_of(bytes[2 * i], 4);
    values[2 * i + 1] = cql_slice_of(bytes[2 * i + 1], 4);
  }
  cql_map_normalize(type, values, &count);
  assert_int_equal(count, DISTINCT);
  for (uint32_t i = 0; i < DISTINCT; i++) {
    assert_int_equal((int32_t)cql_load_u32(values[2 * i].data), (int32_t)i - 40);
    uint32_t last = cql_load_u32(values[2 * i + 1].data);
    assert_true(last >= COUNT - DISTINCT && last * 7919 % DISTINCT == i);
    assert_true(values[2 * i].data < bytes[2 * DISTINCT]);
  }
}

static void test_partition_key(void **state) {
  (void)state;
  const cql_slice parts[] = {CQL_SLICE_LITERAL("ab"), CQL_SLICE_LITERAL(""), CQL_SLICE_LITERAL("c")};
  cql_slice out[3];
  cql_buf b;
  cql_buf_init(&b, &cql_alloc_libc, 1 << 20);
  cql_partition_key_put(&b, parts, 1);
  assert_bytes(&b, "6162");
  cql_buf_reset(&b);
  cql_partition_key_put(&b, parts, 3);
  assert_bytes(&b, "000261620000000000016300");
  assert_int_equal(cql_partition_key_split(cql_buf_view(&b), out, 3), CQL_OK);
  for (int i = 0; i < 3; i++) assert_true(cql_slice_eq(parts[i], out[i]));
  for (size_t len = 0; len < b.len; len++)
    assert_int_equal(cql_partition_key_split(cql_slice_of(b.data, len), out, 3), CQL_MALFORMED);
  assert_int_equal(cql_partition_key_split(cql_buf_view(&b), out, 2), CQL_MALFORMED);
  b.data[b.len - 1] = 1;
  assert_int_equal(cql_partition_key_split(cql_buf_view(&b), out, 3), CQL_MALFORMED);
  cql_slice large[] = {{b.data, 65536}, {b.data, 1}};
  cql_partition_key_put(&b, large, 2);
  assert_int_equal(b.st, CQL_LIMIT);
  cql_buf_free(&b);
}

/* A value of a user type, as the type was and as it is with one more field, is the same key; and keys have the order
 * that values have. */
static void test_user_type_key(void **state) {
  cql_arena *a = *state;
  static const char *const ascending[] = {
      "{}",       "{a: null, b: null, c: 'z'}", "{b: 1}",          "{b: 1, c: ''}",  "{a: ''}",
      "{a: 'x'}", "{a: 'x', c: 'z'}",           "{a: 'x', b: -1}", "{a: 'x', b: 2}", "{a: 'xa'}"};
  enum { COUNT = sizeof ascending / sizeof ascending[0] };
  const cql_type *grown, *old;
  cql_slice values[COUNT], before;
  cql_buf x, y;
  assert_int_equal(cql_type_parse_java(a, CQL_SLICE_LITERAL("UserType(k,74,61:UTF8Type,62:Int32Type,63:UTF8Type)"),
                                       &grown, NULL, NULL),
                   CQL_OK);
  assert_int_equal(
      cql_type_parse_java(a, CQL_SLICE_LITERAL("UserType(k,74,61:UTF8Type,62:Int32Type)"), &old, NULL, NULL), CQL_OK);
  cql_buf_init(&x, &cql_alloc_libc, 1 << 20);
  cql_buf_init(&y, &cql_alloc_libc, 1 << 20);
  for (int i = 0; i < COUNT; i++)
    assert_int_equal(cql_value_parse(a, grown, cql_slice_str(ascending[i]), &values[i], NULL), CQL_OK);
  for (int i = 0; i < COUNT; i++)
    for (int j = 0; j < COUNT; j++) {
      cql_buf_reset(&x);
      cql_buf_reset(&y);
      cql_key_put(&x, grown, values[i], false);
      cql_key_put(&y, grown, values[j], false);
      int keys = cql_slice_cmp(cql_buf_view(&x), cql_buf_view(&y)), order = cql_value_cmp(grown, values[i], values[j]);
      assert_int_equal((keys > 0) - (keys < 0), (i > j) - (i < j));
      assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
    }
  for (int i = 0; i < COUNT; i++) {
    if (cql_value_parse(a, old, cql_slice_str(ascending[i]), &before, NULL) != CQL_OK) continue; /* it has a c */
    cql_buf_reset(&x);
    cql_buf_reset(&y);
    cql_key_put(&x, old, before, false);
    cql_key_put(&y, grown, before, false); /* the same bytes, read as the type is now */
    assert_true(cql_slice_eq(cql_buf_view(&x), cql_buf_view(&y)));
    cql_buf_reset(&y);
    cql_key_put(&y, grown, values[i], false);
    assert_true(cql_slice_eq(cql_buf_view(&x), cql_buf_view(&y)));
  }
  cql_buf_free(&x);
  cql_buf_free(&y);
}

/* Allocations that fail one after the other: out of memory is said, and nothing leaks. */
typedef struct faulty {
  size_t until_failure, live;
} faulty;

static void *faulty_resize(void *user, void *ptr, size_t old_size, size_t new_size) {
  faulty *f = user;
  (void)old_size;
  if (new_size == 0) {
    free(ptr);
    f->live -= ptr != NULL;
    return NULL;
  }
  if (f->until_failure == 0) return NULL;
  f->until_failure--;
  f->live += ptr == NULL;
  return realloc(ptr, new_size);
}

static void test_out_of_memory(void **state) {
  (void)state;
  static const char literal[] = "{1.5: (['a', 'b'], 123456789012345678901234567890), 2: (null, null)}";
  bool clean = false;
  for (size_t nth = 0; !clean; nth++) {
    faulty f = {nth, 0};
    cql_alloc alloc = {faulty_resize, &f};
    cql_arena a;
    cql_error err;
    const cql_type *type;
    cql_slice out;
    cql_arena_init(&a, &alloc, CQL_ARENA_LIMIT_DEFAULT);
    cql_slice name = CQL_SLICE_LITERAL("map<decimal, frozen<tuple<list<text>, varint>>>");
    cql_status st = cql_type_parse_cql(&a, name, NULL, &type, &err);
    if (st == CQL_OK) st = cql_value_parse(&a, type, cql_slice_str(literal), &out, &err);
    assert_true(st == CQL_OK || st == CQL_NOMEM);
    cql_arena_free(&a);
    assert_int_equal(f.live, 0);
    clean = st == CQL_OK;
    assert_true(nth < 100 && (nth > 0 || !clean));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_vint),
      cmocka_unit_test(test_duration),
      cmocka_unit_test_setup_teardown(test_varint_digits, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_varint_limit, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_decimal_order, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_decimal_as_double, set_up, tear_down),
      cmocka_unit_test(test_timeuuid),
      cmocka_unit_test_setup_teardown(test_walk_and_build, set_up, tear_down),
      cmocka_unit_test(test_normalize_many),
      cmocka_unit_test(test_partition_key),
      cmocka_unit_test_setup_teardown(test_user_type_key, set_up, tear_down),
      cmocka_unit_test(test_out_of_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
