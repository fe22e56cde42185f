/* Names to addresses. */
#include "bench.h"

static cqli_address found[CQLI_ADDRESSES_MAX];

static void expect_text(const char *host, const char *printed) {
  uint32_t count;
  char text[CQL_HOST_LEN];
  assert_int_equal(cqli_resolve(host, 9042, 1000, found, &count, NULL), CQL_OK);
  assert_int_equal(count, 1);
  cqli_address_print(&found[0], text);
  assert_string_equal(text, printed);
}

static void addresses_need_no_look_up(void **state) {
  (void)state;
  expect_text("127.0.0.1", "127.0.0.1:9042");
  expect_text("::1", "[::1]:9042");
  expect_text("2001:db8:0:0:0:0:0:1", "[2001:db8::1]:9042");
  expect_text("::ffff:10.0.0.1", "[::ffff:10.0.0.1]:9042");
}

static void names_without_doubles(void **state) {
  uint32_t count;
  (void)state;
  assert_int_equal(cqli_resolve("localhost", 9042, 5000, found, &count, NULL), CQL_OK);
  assert_true(count >= 1);
  for (uint32_t i = 0; i < count; i++)
    for (uint32_t k = 0; k < i; k++) assert_false(cqli_address_eq(&found[i], &found[k]));
}

static void names_that_have_none(void **state) {
  static char long_name[300];
  uint32_t count;
  cql_error err;
  (void)state;
  memset(long_name, 'a', sizeof long_name - 1);
  assert_int_equal(cqli_resolve(long_name, 9042, 5000, found, &count, &err), CQL_RESOLVE);
  assert_int_equal(count, 0);
  cql_status st = cqli_resolve("no-such-host.invalid", 9042, 5000, found, &count, &err);
  assert_true(st == CQL_RESOLVE || st == CQL_TIMEOUT);
  assert_int_equal(count, 0);
  assert_non_null(strstr(err.message, "no-such-host.invalid"));
  assert_int_equal(cqli_resolve("", 9042, 5000, found, &count, &err), CQL_RESOLVE);
}

static void a_time_out_of_nothing(void **state) {
  uint32_t count, before = count_descriptors();
  cql_error err;
  (void)state;
  for (int i = 0; i < 5; i++) {
    cql_status st = cqli_resolve("no-such-host.invalid", 9042, 0, found, &count, &err);
    assert_true(st == CQL_TIMEOUT || st == CQL_RESOLVE);
  }
  for (int i = 0; i < 500 && count_descriptors() > before; i++) uv_sleep(10); /* the threads end by themselves */
  assert_true(count_descriptors() <= before);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(addresses_need_no_look_up),
      cmocka_unit_test(names_without_doubles),
      cmocka_unit_test(names_that_have_none),
      cmocka_unit_test(a_time_out_of_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
