/* test_text.c: what is text, and errors in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"

static const struct {
  const char *bytes;
  bool text;
} sequences[] = {
    {"", true},
    {"plain", true},
    {"\x7F", true},
    {"\xC2\x80", true},
    {"\xDF\xBF", true},
    {"\xE0\xA0\x80", true},
    {"\xED\x9F\xBF", true},
    {"\xEE\x80\x80", true},
    {"\xF0\x90\x80\x80", true},
    {"\xF4\x8F\xBF\xBF", true},
    {"eight bytes and \xE2\x82\xAC more", true},
    {"\x80", false},             /* a tail alone */
    {"\xC1\xBF", false},         /* overlong */
    {"\xE0\x9F\xBF", false},     /* overlong */
    {"\xF0\x8F\xBF\xBF", false}, /* overlong */
    {"\xED\xA0\x80", false},     /* a surrogate */
    {"\xF4\x90\x80\x80", false}, /* past U+10FFFF */
    {"\xF5\x80\x80\x80", false},
    {"\xC2", false}, /* cut off */
    {"\xE2\x82", false},
    {"\xF0\x9F\x98", false},
    {"\xE2\x28\xA1", false},
    {"eight bytes then \xFF", false},
};

static void test_utf8(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++) {
    cql_slice s = cql_slice_str(sequences[i].bytes);
    if (cql_utf8_valid(s) != sequences[i].text) fail_msg("sequence %zu", i);
    for (size_t pad = 0; pad < 9; pad++) { /* wherever it lies beside the eight-byte steps */
      char moved[64];
      memset(moved, 'x', pad);
      memcpy(moved + pad, s.data, s.len);
      assert_int_equal(cql_utf8_valid(cql_slice_of(moved, pad + s.len)), sequences[i].text);
    }
  }
  assert_true(cql_utf8_valid(CQL_SLICE_LITERAL("\0")));
  assert_true(cql_ascii_valid(CQL_SLICE_LITERAL("\0 abcdefghijk \x7F")));
  assert_false(cql_ascii_valid(CQL_SLICE_LITERAL("abcdefgh\x80")));
  assert_true(cql_ascii_valid(cql_slice_of(NULL, 0)) && cql_utf8_valid(cql_slice_of(NULL, 0)));
}

static void test_errors(void **state) {
  (void)state;
  cql_error err;
  memset(&err, 0xAA, sizeof err);
  assert_int_equal(cql_fail(&err, CQL_INVALID, "no %s at %d", "luck", 7), CQL_INVALID);
  assert_string_equal(err.message, "no luck at 7");
  assert_true(err.status == CQL_INVALID && err.line == 0 && err.column == 0);
  assert_string_equal(err.keyspace, "");
  assert_string_equal(err.table, "");
  assert_int_equal(cql_fail(NULL, CQL_IO, "unheard"), CQL_IO);
  assert_string_equal(cql_status_name(CQL_ALREADY_EXISTS), "ALREADY_EXISTS");
  assert_string_equal(cql_status_text(CQL_INVALID), "invalid request");
  assert_int_equal(CQL_INVALID, 0x12200);
  cql_status unknown = (cql_status)99;
  assert_string_equal(cql_status_name(unknown), "UNKNOWN");
  assert_string_equal(cql_status_text(unknown), "unknown status");
}

/* A message that is too long ends with a whole character, wherever the cut falls. */
static void test_long_errors(void **state) {
  (void)state;
  for (size_t pad = 0; pad < 8; pad++) {
    cql_error err;
    char text[CQL_ERROR_MESSAGE_LEN + 64];
    size_t n = 0;
    while (n < pad) text[n++] = 'x';
    while (n + 4 < sizeof text - 1) {
      memcpy(text + n, "\xF0\x9F\x98\x80", 4);
      n += 4;
    }
    text[n] = '\0';
    cql_fail(&err, CQL_INVALID, "%s", text);
    size_t len = strlen(err.message);
    assert_true(cql_utf8_valid(cql_slice_of(err.message, len)));
    assert_in_range(len, CQL_ERROR_MESSAGE_LEN - 5, CQL_ERROR_MESSAGE_LEN - 1);
  }
}

/* An error may quote bytes that are no text, or cut a quotation inside a character: its words are text all the same. */
static void test_errors_that_quote_bytes(void **state) {
  (void)state;
  static const struct {
    const char *quoted, *message;
  } cases[] = {
      {"plain", "no plain"}, {"\xC3\xA9t\xC3\xA9", "no \xC3\xA9t\xC3\xA9"}, {"\xFF", "no ?"},
      {"a\xC3", "no a?"},    {"\x80\xE2\x82x\xC3\xA9", "no ???x\xC3\xA9"},  {"\xED\xA0\x80", "no ???"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    cql_error err;
    cql_fail(&err, CQL_INVALID, "no %s", cases[i].quoted);
    assert_string_equal(err.message, cases[i].message);
  }
}

static void test_clock_and_chance(void **state) {
  (void)state;
  uint8_t x[32] = {0}, y[32] = {0};
  int64_t before = cql_clock_monotonic_us();
  assert_true(cql_clock_now_us() > 1600000000000000);
  assert_true(cql_clock_monotonic_us() >= before);
  struct timespec until = cql_clock_after(CLOCK_MONOTONIC, 1999);
  int64_t after = (int64_t)until.tv_sec * 1000000 + until.tv_nsec / 1000;
  assert_in_range(until.tv_nsec, 0, 999999999);
  assert_true(after >= before + 1999000 && after <= cql_clock_monotonic_us() + 1999000);
  cql_random_bytes(x, sizeof x);
  cql_random_bytes(y, sizeof y);
  assert_memory_not_equal(x, y, sizeof x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_errors_that_quote_bytes),
      cmocka_unit_test(test_utf8),
      cmocka_unit_test(test_errors),
      cmocka_unit_test(test_long_errors),
      cmocka_unit_test(test_clock_and_chance),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
