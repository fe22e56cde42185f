/* test_bytes.c: slices, readers, and the token. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"

static void test_slices(void **state) {
  (void)state;
  cql_slice none = {NULL, 0}, ab = CQL_SLICE_LITERAL("ab"), abc = CQL_SLICE_LITERAL("abc"),
            high = {(const uint8_t *)"\xFF", 1};
  assert_true(cql_slice_eq(none, CQL_SLICE_LITERAL("")));
  assert_false(cql_slice_eq(ab, abc));
  assert_true(cql_slice_eq_str(ab, "ab"));
  assert_true(cql_slice_eq_nocase(CQL_SLICE_LITERAL("AbZ_9"), "abz_9"));
  assert_false(cql_slice_eq_nocase(ab, "abc") || cql_slice_eq_nocase(abc, "ab") || cql_slice_eq_nocase(ab, "ac"));
  assert_int_equal(cql_slice_cmp(ab, abc), -1);
  assert_int_equal(cql_slice_cmp(abc, ab), 1);
  assert_int_equal(cql_slice_cmp(high, abc), 1);
  assert_int_equal(cql_slice_cmp(none, none), 0);
  assert_int_equal(cql_slice_cmp(none, ab), -1);
}

static void test_reader(void **state) {
  (void)state;
  static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 'a', 'b'};
  uint8_t u8;
  uint16_t u16;
  uint32_t u32;
  uint64_t u64;
  cql_slice rest;
  cql_reader r = cql_reader_of(cql_slice_of(bytes, sizeof bytes));
  assert_int_equal(cql_read_u8(&r, &u8), CQL_OK);
  assert_int_equal(cql_read_u16(&r, &u16), CQL_OK);
  assert_int_equal(cql_read_u32(&r, &u32), CQL_OK);
  assert_int_equal(cql_read_u64(&r, &u64), CQL_OK);
  assert_true(u8 == 1 && u16 == 0x0203 && u32 == 0x04050607 && u64 == 0x08090A0B0C0D0E0FULL);
  assert_int_equal(cql_read_bytes(&r, 3, &rest), CQL_MALFORMED);
  assert_int_equal(cql_reader_left(&r), 2);
  assert_int_equal(cql_read_u32(&r, &u32), CQL_MALFORMED);
  assert_int_equal(cql_read_u64(&r, &u64), CQL_MALFORMED);
  assert_int_equal(cql_reader_left(&r), 2);
  assert_int_equal(cql_read_bytes(&r, 2, &rest), CQL_OK);
  assert_true(cql_slice_eq_str(rest, "ab"));
  assert_int_equal(cql_read_u8(&r, &u8), CQL_MALFORMED);
  assert_int_equal(cql_read_u16(&r, &u16), CQL_MALFORMED);
  r = cql_reader_of(cql_slice_of(NULL, 0));
  assert_int_equal(cql_reader_left(&r), 0);
  assert_int_equal(cql_read_bytes(&r, 0, &rest), CQL_OK);
}

static void test_uvarint(void **state) {
  (void)state;
  static const uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, 1ULL << 62, UINT64_MAX};
  cql_buf b;
  cql_buf_init(&b, &cql_alloc_libc, 64);
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
    uint64_t back = 0;
    cql_buf_reset(&b);
    cql_buf_uvarint(&b, values[i]);
    for (size_t len = 0; len < b.len; len++) {
      cql_reader r = cql_reader_of(cql_slice_of(b.data, len));
      assert_int_equal(cql_read_uvarint(&r, &back), CQL_MALFORMED);
      assert_int_equal(cql_reader_left(&r), len);
    }
    cql_reader r = cql_reader_of(cql_buf_view(&b));
    assert_int_equal(cql_read_uvarint(&r, &back), CQL_OK);
    assert_true(back == values[i] && cql_reader_left(&r) == 0);
  }
  /* 65 bits, and an eleventh byte. */
  uint64_t back;
  cql_reader r = cql_reader_of(CQL_SLICE_LITERAL("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02"));
  assert_int_equal(cql_read_uvarint(&r, &back), CQL_MALFORMED);
  r = cql_reader_of(CQL_SLICE_LITERAL("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"));
  assert_int_equal(cql_read_uvarint(&r, &back), CQL_MALFORMED);
  cql_buf_free(&b);
}

/* From the same keys in Cassandra 5.0: SELECT token(k). More, of every length, are in tests/data/value. */
static void test_token(void **state) {
  (void)state;
  assert_true(cql_murmur3_token(CQL_SLICE_LITERAL("")) == INT64_MIN);
  assert_true(cql_murmur3_token(CQL_SLICE_LITERAL("123")) == -7468325962851647638);
  /* A byte from 0x80 on in the tail is where Cassandra's hash leaves the common one. */
  assert_true(cql_murmur3_token(CQL_SLICE_LITERAL("\x00\xff\x10\xfa\x99")) == -7014524706476729975);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_slices),
      cmocka_unit_test(test_reader),
      cmocka_unit_test(test_uvarint),
      cmocka_unit_test(test_token),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
