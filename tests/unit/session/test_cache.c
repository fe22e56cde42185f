/* The cache of prepared statements: found by keyspace and text, ordered by use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "session/session_int.h"

static cql_prepared *statement(const char *keyspace, const char *text) {
  size_t len = strlen(text);
  cql_prepared *p = calloc(1, sizeof *p + len + 1);
  assert_non_null(p);
  snprintf(p->keyspace, sizeof p->keyspace, "%s", keyspace);
  memcpy(p->text, text, len);
  p->text_len = len;
  return p;
}

static void keyspace_and_text_make_the_key(void **state) {
  (void)state;
  cqli_cache *c = calloc(1, sizeof *c);
  cql_prepared *p = statement("a", "x"), *q = statement("b", "x"), *r = statement("a", "xy");
  cqli_cache_put(c, p);
  cqli_cache_put(c, q);
  cqli_cache_put(c, r);
  assert_ptr_equal(cqli_cache_find(c, "a", cql_slice_str("x")), p);
  assert_ptr_equal(cqli_cache_find(c, "b", cql_slice_str("x")), q);
  assert_ptr_equal(cqli_cache_find(c, "a", cql_slice_str("xy")), r);
  assert_null(cqli_cache_find(c, "", cql_slice_str("x")));
  assert_null(cqli_cache_find(c, "ax", cql_slice_str("")));
  cqli_cache_remove(c, q);
  assert_false(q->cached);
  assert_null(cqli_cache_find(c, "b", cql_slice_str("x")));
  assert_int_equal(c->count, 2);
  free(p);
  free(q);
  free(r);
  free(c);
}

static void what_was_found_is_newest(void **state) {
  (void)state;
  enum { COUNT = 5000 }; /* more than buckets, so that chains are walked */
  cqli_cache *c = calloc(1, sizeof *c);
  static cql_prepared *all[COUNT];
  char text[32];
  for (int i = 0; i < COUNT; i++) {
    snprintf(text, sizeof text, "statement %d", i);
    all[i] = statement("", text);
    cqli_cache_put(c, all[i]);
  }
  assert_ptr_equal(c->oldest, all[0]);
  for (int i = 0; i < COUNT; i += 2) {
    snprintf(text, sizeof text, "statement %d", i);
    assert_ptr_equal(cqli_cache_find(c, "", cql_slice_str(text)), all[i]);
    assert_ptr_equal(c->newest, all[i]);
  }
  for (int i = 1; i < COUNT; i += 2) { /* the odd ones were not asked for since */
    assert_ptr_equal(c->oldest, all[i]);
    cqli_cache_remove(c, all[i]);
  }
  for (int i = 0; i < COUNT; i += 2) {
    assert_ptr_equal(c->oldest, all[i]);
    cqli_cache_remove(c, all[i]);
  }
  assert_int_equal(c->count, 0);
  assert_null(c->newest);
  for (int i = 0; i < COUNT; i++) free(all[i]);
  free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keyspace_and_text_make_the_key),
      cmocka_unit_test(what_was_found_is_newest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
