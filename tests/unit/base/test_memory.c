/* test_memory.c: arenas and growing buffers: alignment, limits, reuse, and memory that runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base.h"

/* Counts blocks and bytes, checks the sizes it is told, and fails after so many calls. */
typedef struct counter {
  size_t calls, live_bytes, fail_after;
} counter;

static void *count_resize(void *user, void *ptr, size_t old_size, size_t new_size) {
  counter *c = user;
  assert_true(ptr != NULL || old_size == 0);
  assert_true(c->live_bytes >= old_size);
  if (new_size == 0) {
    free(ptr);
    c->live_bytes -= old_size;
    return NULL;
  }
  if (c->calls == c->fail_after) return NULL;
  c->calls++;
  c->live_bytes += new_size - old_size;
  return realloc(ptr, new_size);
}

static void test_arena(void **state) {
  (void)state;
  counter c = {.fail_after = SIZE_MAX};
  cql_alloc alloc = {count_resize, &c};
  cql_arena a;
  cql_arena_init(&a, &alloc, CQL_ARENA_LIMIT_DEFAULT);
  assert_int_equal(c.calls, 0);
  for (size_t size = 0; size < 3000; size += 7) {
    uint8_t *p = cql_arena_get(&a, size);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % 16, 0);
    memset(p, 0xAA, size);
  }
  uint8_t *zeros = cql_arena_zero(&a, 100000);
  for (size_t i = 0; i < 100000; i++) assert_int_equal(zeros[i], 0);
  size_t calls = c.calls;
  assert_true(calls > 1);
  cql_arena_reset(&a);
  assert_int_equal(c.live_bytes, CQL_ARENA_CHUNK_LEN);
  for (int i = 0; i < 100; i++) { /* warm: small work allocates nothing */
    assert_non_null(cql_arena_get(&a, 1000));
    cql_arena_reset(&a);
  }
  assert_int_equal(c.calls, calls);
  cql_arena_free(&a);
  assert_int_equal(c.live_bytes, 0);
  cql_arena_free(&a);
}

static void test_arena_copies(void **state) {
  (void)state;
  cql_arena a;
  cql_slice out, text = CQL_SLICE_LITERAL("hello");
  cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  assert_string_equal(cql_arena_str(&a, text), "hello");
  assert_string_equal(cql_arena_str(&a, cql_slice_of(NULL, 0)), "");
  assert_string_equal(cql_arena_printf(&a, "%s-%d", "x", 7), "x-7");
  assert_int_equal(cql_arena_slice(&a, text, &out), CQL_OK);
  assert_true(out.data != text.data && cql_slice_eq(out, text));
  assert_int_equal(cql_arena_slice(&a, cql_slice_of(NULL, 0), &out), CQL_OK);
  assert_null(out.data);
  assert_int_equal(cql_arena_slice(&a, cql_slice_of("", 0), &out), CQL_OK);
  assert_non_null(out.data);
  cql_arena_free(&a);
}

static void test_arena_limits(void **state) {
  (void)state;
  counter c = {.fail_after = SIZE_MAX};
  cql_alloc alloc = {count_resize, &c};
  cql_arena a;
  cql_arena_init(&a, &alloc, 10000);
  assert_null(cql_arena_get(&a, 10001));
  assert_non_null(cql_arena_get(&a, 9000));
  assert_null(cql_arena_get(&a, 2000));
  assert_non_null(cql_arena_get(&a, 500));
  cql_arena_reset(&a);
  assert_non_null(cql_arena_get(&a, 9000));
  assert_null(cql_arena_array(&a, SIZE_MAX / 2, 3));
  assert_null(cql_arena_get(&a, SIZE_MAX));
  c.fail_after = c.calls;
  cql_arena_free(&a);
  assert_null(cql_arena_get(&a, 1));
  assert_null(cql_arena_printf(&a, "x"));
  assert_int_equal(cql_arena_slice(&a, CQL_SLICE_LITERAL("x"), &(cql_slice){NULL, 0}), CQL_NOMEM);
  assert_int_equal(c.live_bytes, 0);
}

static void test_buffer(void **state) {
  (void)state;
  cql_buf b;
  cql_buf_init(&b, &cql_alloc_libc, 1 << 20);
  cql_buf_u8(&b, 1);
  cql_buf_u16(&b, 0x0203);
  cql_buf_u32(&b, 0x04050607);
  cql_buf_u64(&b, 0x08090A0B0C0D0E0FULL);
  for (uint8_t i = 0; i < 15; i++) assert_int_equal(b.data[i], i + 1);
  cql_buf_reset(&b);
  cql_buf_str(&b, "ab");
  cql_buf_slice(&b, CQL_SLICE_LITERAL("cd"));
  cql_buf_printf(&b, "%03d", 7);
  assert_true(cql_slice_eq_str(cql_buf_view(&b), "abcd007"));
  char long_text[1000];
  memset(long_text, 'x', sizeof long_text - 1);
  long_text[sizeof long_text - 1] = '\0';
  cql_buf_reset(&b);
  cql_buf_printf(&b, "%s|", long_text);
  assert_true(b.len == 1000 && b.data[998] == 'x' && b.data[999] == '|');
  cql_buf_free(&b);
}

/* After one put too many nothing is added, and the buffer says why. */
static void test_buffer_is_sticky(void **state) {
  (void)state;
  counter c = {.fail_after = SIZE_MAX};
  cql_alloc alloc = {count_resize, &c};
  cql_buf b;
  cql_buf_init(&b, &alloc, 10);
  cql_buf_str(&b, "0123456789");
  assert_int_equal(b.st, CQL_OK);
  cql_buf_u8(&b, 'x');
  cql_buf_str(&b, "");
  assert_int_equal(b.st, CQL_LIMIT);
  assert_null(cql_buf_room(&b, 0));
  assert_true(cql_slice_eq_str(cql_buf_view(&b), "0123456789"));
  cql_buf_reset(&b);
  cql_buf_u8(&b, 'x');
  assert_int_equal(b.st, CQL_OK);
  cql_buf_free(&b);
  c.fail_after = c.calls;
  cql_buf_u8(&b, 'x');
  assert_int_equal(b.st, CQL_NOMEM);
  cql_buf_free(&b);
  assert_int_equal(c.live_bytes, 0);
}

static void test_alloc(void **state) {
  (void)state;
  counter c = {.fail_after = 1};
  cql_alloc alloc = {count_resize, &c};
  uint8_t *p = cql_alloc_new(&alloc, 64);
  for (int i = 0; i < 64; i++) assert_int_equal(p[i], 0);
  assert_null(cql_alloc_new(&alloc, 1));
  cql_alloc_free(&alloc, p, 64);
  cql_alloc_free(&alloc, NULL, 0);
  assert_int_equal(c.live_bytes, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_arena),  cmocka_unit_test(test_arena_copies),     cmocka_unit_test(test_arena_limits),
      cmocka_unit_test(test_buffer), cmocka_unit_test(test_buffer_is_sticky), cmocka_unit_test(test_alloc),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
