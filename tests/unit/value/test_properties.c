/* test_properties.c: what must hold for every value of every type, tried on seeded random ones, nested three deep.
 *
 *   order      memcmp of the keys is cql_value_cmp; reversed keys give the reverse; order is total
 *   keys       no key is the beginning of another; components concatenate; the first byte lies in 0x20 … 0xDF
 *   text       what is printed parses back to the same bytes, where a literal can say it
 *   damage     bytes cut short, or with bits flipped, are refused or used, never read past their end
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random_value.h"

enum { TYPE_COUNT = 600, VALUES_PER_TYPE = 12, BUF_LIMIT = 1 << 24 };

typedef struct scene {
  rng r;
  cql_arena a;
  const cql_type *type;
  cql_slice values[VALUES_PER_TYPE];
} scene;

/* Each value in a block of its own, so that a read past the end is seen by the sanitizer. */
static cql_slice own_block(cql_slice s) {
  uint8_t *copy = malloc(s.len == 0 ? 1 : s.len);
  if (s.len > 0) memcpy(copy, s.data, s.len);
  return cql_slice_of(copy, s.len);
}

static void scene_set(scene *s, uint64_t seed, bool comparable) {
  s->r.state = seed * 0x9E3779B97F4A7C15ULL + 1;
  cql_arena_init(&s->a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  s->type = random_type(&s->r, &s->a, (int)(seed % 4), comparable);
  for (size_t i = 0; i < VALUES_PER_TYPE; i++) {
    cql_buf b;
    cql_buf_init(&b, &cql_alloc_libc, BUF_LIMIT);
    random_value(&s->r, &b, s->type);
    assert_int_equal(b.st, CQL_OK);
    s->values[i] = own_block(cql_buf_view(&b));
    cql_buf_free(&b);
  }
}

static void scene_clear(scene *s) {
  for (size_t i = 0; i < VALUES_PER_TYPE; i++) free((void *)s->values[i].data);
  cql_arena_free(&s->a);
}

static int sign(int c) {
  return (c > 0) - (c < 0);
}

static cql_slice key_of(scene *s, cql_slice value, bool reversed) {
  cql_buf b;
  cql_slice out;
  cql_buf_init(&b, &cql_alloc_libc, BUF_LIMIT);
  cql_key_put(&b, s->type, value, reversed);
  assert_int_equal(b.st, CQL_OK);
  assert_int_equal(cql_arena_slice(&s->a, cql_buf_view(&b), &out), CQL_OK);
  cql_buf_free(&b);
  return out;
}

static void explain(const scene *s, cql_slice x, cql_slice y) {
  char name[512];
  cql_type_to_cql(s->type, name, sizeof name);
  cql_buf b;
  cql_buf_init(&b, &cql_alloc_libc, BUF_LIMIT);
  cql_value_print(&b, s->type, x);
  cql_buf_str(&b, "  and  ");
  cql_value_print(&b, s->type, y);
  print_error("%s: %.*s\n", name, (int)b.len, (char *)b.data);
  cql_buf_free(&b);
}

static bool starts_with(cql_slice s, cql_slice head) {
  return s.len >= head.len && memcmp(s.data, head.data, head.len) == 0;
}

static void check_pair(scene *s, cql_slice x, cql_slice y) {
  int want = sign(cql_value_cmp(s->type, x, y));
  assert_int_equal(sign(cql_value_cmp(s->type, y, x)), -want);
  for (int reversed = 0; reversed < 2; reversed++) {
    cql_slice a = key_of(s, x, reversed), b = key_of(s, y, reversed);
    if (cql_slice_cmp(a, b) != (reversed ? -want : want)) explain(s, x, y);
    assert_int_equal(cql_slice_cmp(a, b), reversed ? -want : want);
    if (want != 0) assert_false(starts_with(a, b) || starts_with(b, a));
    assert_in_range(a.data[0], 0x20, 0xDF);
  }
}

static void test_order(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= TYPE_COUNT; seed++) {
    scene s;
    scene_set(&s, seed, true);
    for (size_t i = 0; i < VALUES_PER_TYPE; i++) {
      cql_error err;
      if (cql_value_validate(s.type, s.values[i], &err) != CQL_OK) explain(&s, s.values[i], s.values[i]);
      assert_int_equal(cql_value_validate(s.type, s.values[i], &err), CQL_OK);
      for (size_t k = 0; k <= i; k++) check_pair(&s, s.values[i], s.values[k]);
    }
    scene_clear(&s);
  }
}

static void test_order_is_transitive(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= TYPE_COUNT; seed++) {
    scene s;
    scene_set(&s, seed, true);
    for (size_t i = 0; i < VALUES_PER_TYPE; i++)
      for (size_t j = 0; j < VALUES_PER_TYPE; j++)
        for (size_t k = 0; k < VALUES_PER_TYPE; k++)
          if (cql_value_cmp(s.type, s.values[i], s.values[j]) <= 0 &&
              cql_value_cmp(s.type, s.values[j], s.values[k]) <= 0)
            assert_true(cql_value_cmp(s.type, s.values[i], s.values[k]) <= 0);
    scene_clear(&s);
  }
}

/* Null, then empty, then everything: and with 0xFF behind it, a prefix lies behind all that continues it. */
static void test_null_and_empty_keys(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= TYPE_COUNT; seed++) {
    scene s;
    scene_set(&s, seed, true);
    bool tuple = s.type->code == CQL_TYPE_TUPLE; /* an empty tuple is one of nulls */
    for (int reversed = 0; reversed < 2; reversed++) {
      int less = reversed ? 1 : -1;
      cql_slice null_key = key_of(&s, cql_slice_of(NULL, 0), reversed);
      cql_slice empty_key = key_of(&s, cql_slice_of("", 0), reversed);
      assert_int_equal(cql_slice_cmp(null_key, empty_key), less);
      for (size_t i = 0; i < VALUES_PER_TYPE; i++) {
        cql_slice key = key_of(&s, s.values[i], reversed);
        assert_int_equal(cql_slice_cmp(null_key, key), less);
        if (!tuple && s.values[i].len > 0) assert_int_equal(cql_slice_cmp(empty_key, key), less);
        assert_true(key.data[0] < 0xFF && key.data[0] > 0x00);
      }
    }
    scene_clear(&s);
  }
}

static cql_slice pair_key(scene *s, cql_slice x, cql_slice y) {
  cql_buf b;
  cql_slice out;
  cql_buf_init(&b, &cql_alloc_libc, BUF_LIMIT);
  cql_key_put(&b, s->type, x, false);
  cql_key_put(&b, s->type, y, true);
  assert_int_equal(cql_arena_slice(&s->a, cql_buf_view(&b), &out), CQL_OK);
  cql_buf_free(&b);
  return out;
}

/* Two components, the second descending, as CLUSTERING ORDER BY (a ASC, b DESC) stores them. */
static void test_components_concatenate(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= TYPE_COUNT; seed++) {
    scene s;
    scene_set(&s, seed, true);
    const cql_slice *v = s.values;
    for (size_t i = 0; i < 200; i++) {
      size_t w = rng_below(&s.r, VALUES_PER_TYPE), x = rng_below(&s.r, VALUES_PER_TYPE);
      size_t y = rng_below(&s.r, VALUES_PER_TYPE), z = rng_below(&s.r, VALUES_PER_TYPE);
      int want = sign(cql_value_cmp(s.type, v[w], v[y]));
      if (want == 0) want = -sign(cql_value_cmp(s.type, v[x], v[z]));
      assert_int_equal(cql_slice_cmp(pair_key(&s, v[w], v[x]), pair_key(&s, v[y], v[z])), want);
    }
    scene_clear(&s);
  }
}

static bool contains(cql_slice s, const char *text) {
  return memmem(s.data, s.len, text, strlen(text)) != NULL;
}

/* Cassandra prints things that it does not read: a tuple without fields, a timestamp past the year 9999, and a decimal
 * with an exponent beyond an int. */
static bool has_no_literal(cql_slice text) {
  return contains(text, "()") || contains(text, "E+21474") || contains(text, "E-21474") ||
         (contains(text, "'+") && contains(text, "Z'"));
}

/* Some valid bytes have no literal of their own: sets and maps come back sorted, long signs short, any NaN as one. */
static void test_print_and_parse(void **state) {
  (void)state;
  size_t compared = 0;
  for (uint64_t seed = 1; seed <= TYPE_COUNT; seed++) {
    scene s;
    scene_set(&s, seed, true);
    for (size_t i = 0; i < VALUES_PER_TYPE; i++) {
      cql_error err = {.status = CQL_OK};
      cql_buf text, again;
      cql_slice back, twice;
      cql_buf_init(&text, &cql_alloc_libc, BUF_LIMIT);
      cql_buf_init(&again, &cql_alloc_libc, BUF_LIMIT);
      cql_value_print(&text, s.type, s.values[i]);
      cql_status st = cql_value_parse(&s.a, s.type, cql_buf_view(&text), &back, &err);
      if (st == CQL_OK) {
        cql_value_print(&again, s.type, back);
        assert_int_equal(cql_value_validate(s.type, back, &err), CQL_OK);
        assert_int_equal(cql_value_parse(&s.a, s.type, cql_buf_view(&again), &twice, &err), CQL_OK);
        assert_true(cql_slice_eq(back, twice));
        compared++;
      } else if (!has_no_literal(cql_buf_view(&text))) {
        fail_msg("%.*s does not parse: %s", (int)text.len, (char *)text.data, err.message);
      }
      cql_buf_free(&again);
      cql_buf_free(&text);
    }
    scene_clear(&s);
  }
  assert_true(compared > TYPE_COUNT * VALUES_PER_TYPE / 2);
}

static void use(scene *s, cql_slice v, cql_slice other) {
  cql_error err;
  cql_buf b;
  cql_buf_init(&b, &cql_alloc_libc, BUF_LIMIT);
  cql_status st = cql_value_validate(s->type, v, &err);
  assert_true(st == CQL_OK || st == CQL_INVALID || st == CQL_LIMIT);
  cql_value_print(&b, s->type, v);
  if (cql_type_is_comparable(s->type)) {
    cql_buf_reset(&b);
    cql_key_put(&b, s->type, v, false);
    int c = cql_value_cmp(s->type, v, other);
    if (st == CQL_OK) assert_int_equal(sign(cql_value_cmp(s->type, other, v)), -sign(c));
  }
  cql_buf_free(&b);
}

static void test_damage(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= TYPE_COUNT; seed++) {
    scene s;
    scene_set(&s, seed, false);
    for (size_t i = 0; i < VALUES_PER_TYPE; i++) {
      cql_slice v = s.values[i], other = s.values[(i + 1) % VALUES_PER_TYPE];
      size_t step = v.len / 16 + 1;
      for (size_t len = 0; len < v.len; len += step) {
        cql_slice cut = own_block(cql_slice_of(v.data, len));
        use(&s, cut, other);
        free((void *)cut.data);
      }
      for (int flip = 0; flip < 16 && v.len > 0; flip++) {
        cql_slice bent = own_block(v);
        uint32_t bit = rng_below(&s.r, (uint32_t)v.len * 8);
        ((uint8_t *)bent.data)[bit / 8] ^= (uint8_t)(1 << bit % 8);
        use(&s, bent, other);
        free((void *)bent.data);
      }
    }
    scene_clear(&s);
  }
}

/* Literals of text with letters changed or cut off: refused, or a valid value. */
static void test_damaged_text(void **state) {
  (void)state;
  static const char letters[] = "0'\"[](){}:,.-+eEPTWx$ nul";
  for (uint64_t seed = 1; seed <= TYPE_COUNT; seed++) {
    scene s;
    scene_set(&s, seed, false);
    for (size_t i = 0; i < VALUES_PER_TYPE; i++) {
      cql_buf text;
      cql_buf_init(&text, &cql_alloc_libc, BUF_LIMIT);
      cql_value_print(&text, s.type, s.values[i]);
      for (int k = 0; k < 8 && text.len > 0; k++) {
        cql_slice bent = own_block(cql_buf_view(&text)), out;
        cql_error err;
        ((uint8_t *)bent.data)[rng_below(&s.r, (uint32_t)bent.len)] =
            (uint8_t)letters[rng_below(&s.r, sizeof letters - 1)];
        if (k % 2 == 0) bent = cql_slice_of(bent.data, rng_below(&s.r, (uint32_t)bent.len + 1));
        if (cql_value_parse(&s.a, s.type, bent, &out, &err) == CQL_OK && out.data != NULL)
          assert_int_equal(cql_value_validate(s.type, out, &err), CQL_OK);
        free((void *)bent.data);
      }
      cql_buf_free(&text);
    }
    scene_clear(&s);
  }
}

static void test_type_names(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= TYPE_COUNT; seed++) {
    scene s;
    const cql_type *again;
    cql_error err;
    scene_set(&s, seed, false);
    cql_buf b;
    cql_buf_init(&b, &cql_alloc_libc, BUF_LIMIT);
    cql_type_print_cql(&b, s.type);
    assert_int_equal(cql_type_parse_cql(&s.a, cql_buf_view(&b), NULL, &again, &err), CQL_OK);
    assert_true(cql_type_eq(s.type, again));
    cql_buf_reset(&b);
    cql_type_print_java(&b, s.type);
    assert_int_equal(cql_type_parse_java(&s.a, cql_buf_view(&b), &again, NULL, &err), CQL_OK);
    assert_true(cql_type_eq(s.type, again));
    assert_true(cql_type_eq(s.type, cql_type_clone(&s.a, s.type)));
    cql_buf_free(&b);
    scene_clear(&s);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_order),
      cmocka_unit_test(test_order_is_transitive),
      cmocka_unit_test(test_null_and_empty_keys),
      cmocka_unit_test(test_components_concatenate),
      cmocka_unit_test(test_print_and_parse),
      cmocka_unit_test(test_damage),
      cmocka_unit_test(test_damaged_text),
      cmocka_unit_test(test_type_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
