/* fuzz_value.c: any bytes as values of any type.
 *
 * INPUT  the type in CQL, a newline, the length of x, of y, of z (u8 each), x, y, z, and a literal to the end
 *
 * Valid bytes have an order that is total, and keys as bytes that keep it; what is printed reads back. Others are
 * refused in words, and never lead a reader past their end.
 */
#include "fuzz.h"

#include <string.h>

enum { INPUT_LEN_MAX = 4096, PRINTED_LEN_MAX = 1 << 22, VALUE_COUNT = 3 };
#define ARENA_LIMIT ((size_t)64 << 20)

typedef struct scene {
  cql_arena a;
  const cql_type *type;
  cql_slice values[VALUE_COUNT];
  bool valid[VALUE_COUNT];
} scene;

static int sign(int c) {
  return (c > 0) - (c < 0);
}

static void check_words(cql_status st, const cql_error *err) {
  fuzz_require_words(st, err);
  FUZZ_REQUIRE(st == CQL_INVALID || st == CQL_LIMIT || st == CQL_SYNTAX || st == CQL_MALFORMED, "%s: %s",
               cql_status_name(st), err->message);
}

/* --- elements ----------------------------------------------------------------------------------------------------- */

static void walk(scene *s, cql_slice value, bool valid) {
  cql_elements e;
  cql_slice element;
  cql_status st = cql_elements_open(&e, s->type, value);
  size_t room = value.len + s->type->arg_count + s->type->dimension + 1, n = 0;
  while (st == CQL_OK && (st = cql_elements_next(&e, &element)) == CQL_OK) {
    FUZZ_REQUIRE(++n <= room, "%zu elements in %zu bytes", n, value.len);
    if (element.data == NULL || element.len == 0) continue;
    FUZZ_REQUIRE(element.data >= value.data && element.data + element.len <= value.data + value.len, "element %zu", n);
  }
  if (valid) FUZZ_REQUIRE(st == CQL_DONE, "valid, but a walk ends with %s", cql_status_name(st));
  FUZZ_REQUIRE(st == CQL_DONE || st == CQL_MALFORMED, "%s", cql_status_name(st));
}

/* --- order -------------------------------------------------------------------------------------------------------- */

static cql_slice key_of(scene *s, cql_slice value, bool reversed, bool valid) {
  cql_buf b;
  cql_slice out = {NULL, 0};
  cql_buf_init(&b, &cql_alloc_libc, PRINTED_LEN_MAX);
  cql_key_put(&b, s->type, value, reversed);
  FUZZ_REQUIRE(!valid || (b.st == CQL_OK && b.len > 0), "no key: %s", cql_status_name(b.st));
  FUZZ_REQUIRE(cql_arena_slice(&s->a, cql_buf_view(&b), &out) == CQL_OK, "%zu bytes", b.len);
  cql_buf_free(&b);
  return out;
}

static bool starts_with(cql_slice s, cql_slice head) {
  return s.len >= head.len && memcmp(s.data, head.data, head.len) == 0;
}

static void check_keys(scene *s, int i, int j, int order) {
  const cql_slice *v = s->values;
  for (int reversed = 0; reversed < 2; reversed++) {
    cql_slice x = key_of(s, v[i], reversed, true), y = key_of(s, v[j], reversed, true);
    int c = sign(cql_slice_cmp(x, y));
    FUZZ_REQUIRE(c == (reversed ? -order : order), "%s: %s and %s: order %d, keys %d", fuzz_type(&s->a, s->type),
                 fuzz_text(&s->a, s->type, v[i]), fuzz_text(&s->a, s->type, v[j]), order, c);
    if (order != 0) FUZZ_REQUIRE(!starts_with(x, y) && !starts_with(y, x), "one key begins the other");
    FUZZ_REQUIRE(x.data[0] >= 0x20 && x.data[0] <= 0xDF, "a key that starts with %02x", x.data[0]);
  }
}

static void check_order(scene *s) {
  int c[VALUE_COUNT][VALUE_COUNT];
  for (int i = 0; i < VALUE_COUNT; i++)
    for (int j = 0; j < VALUE_COUNT; j++) {
      c[i][j] = sign(cql_value_cmp(s->type, s->values[i], s->values[j]));
      if (s->valid[i] && s->valid[j]) check_keys(s, i, j, c[i][j]);
    }
  if (!s->valid[0] || !s->valid[1] || !s->valid[2]) return;
  for (int i = 0; i < VALUE_COUNT; i++) {
    FUZZ_REQUIRE(c[i][i] == 0, "%s is not itself", fuzz_text(&s->a, s->type, s->values[i]));
    for (int j = 0; j < VALUE_COUNT; j++) {
      FUZZ_REQUIRE(c[i][j] == -c[j][i], "%s: %d and %d", fuzz_type(&s->a, s->type), c[i][j], c[j][i]);
      for (int k = 0; k < VALUE_COUNT; k++)
        FUZZ_REQUIRE(!(c[i][j] <= 0 && c[j][k] <= 0) || c[i][k] <= 0, "%s: a circle", fuzz_type(&s->a, s->type));
    }
  }
}

/* --- text --------------------------------------------------------------------------------------------------------- */

static bool contains(cql_slice s, const char *text) {
  return s.len > 0 && memmem(s.data, s.len, text, strlen(text)) != NULL;
}

/* Cassandra prints things that it does not read: a tuple without fields, a timestamp past the year 9999, a decimal with
 * an exponent beyond an int, and nothing at all for a duration of nothing. An empty value is printed as null. */
static bool has_no_literal(const cql_type *type, cql_slice text) {
  if (!cql_type_is_comparable(type)) return true; /* it holds a duration */
  return contains(text, "null") || contains(text, "()") || contains(text, "E+21474") || contains(text, "E-21474") ||
         contains(text, "'+") || contains(text, "'-");
}

static void check_literal(scene *s, cql_slice text, bool must_parse) {
  cql_error err = {.status = CQL_OK};
  cql_slice once = {NULL, 0}, twice = {NULL, 0};
  cql_buf b;
  cql_status st = cql_value_parse(&s->a, s->type, text, &once, &err);
  FUZZ_REQUIRE(st == CQL_OK || !must_parse, "%s: " CQL_SLICE_FMT ": %s", fuzz_type(&s->a, s->type), CQL_SLICE_ARG(text),
               err.message);
  if (st != CQL_OK) {
    check_words(st, &err);
    return;
  }
  st = once.data == NULL ? CQL_OK : cql_value_validate(s->type, once, &err);
  FUZZ_REQUIRE(st == CQL_OK, CQL_SLICE_FMT " became what is no value: %s", CQL_SLICE_ARG(text), err.message);
  cql_buf_init(&b, &cql_alloc_libc, PRINTED_LEN_MAX);
  cql_value_print(&b, s->type, once);
  FUZZ_REQUIRE(b.st == CQL_OK || b.st == CQL_LIMIT, "%s", cql_status_name(b.st));
  if (b.st == CQL_OK && !has_no_literal(s->type, cql_buf_view(&b))) {
    st = cql_value_parse(&s->a, s->type, cql_buf_view(&b), &twice, &err);
    FUZZ_REQUIRE(st == CQL_OK, "%s: printed " CQL_SLICE_FMT ": %s", fuzz_type(&s->a, s->type),
                 CQL_SLICE_ARG(cql_buf_view(&b)), err.message);
    FUZZ_REQUIRE((once.data == NULL) == (twice.data == NULL) && cql_slice_eq(once, twice),
                 "%s: " CQL_SLICE_FMT " is %s", fuzz_type(&s->a, s->type), CQL_SLICE_ARG(cql_buf_view(&b)),
                 fuzz_text(&s->a, s->type, twice));
  }
  cql_buf_free(&b);
}

static void check_print(scene *s, cql_slice value, bool valid) {
  cql_buf b;
  cql_buf_init(&b, &cql_alloc_libc, PRINTED_LEN_MAX);
  cql_value_print(&b, s->type, value);
  FUZZ_REQUIRE(b.st == CQL_OK || b.st == CQL_LIMIT, "%s", cql_status_name(b.st));
  cql_slice text = cql_buf_view(&b);
  if (valid && b.st == CQL_OK) {
    FUZZ_REQUIRE(cql_utf8_valid(text), "%s: printed what is not UTF-8", fuzz_type(&s->a, s->type));
    if (value.len > 0 && !has_no_literal(s->type, text)) check_literal(s, text, false);
  }
  cql_buf_free(&b);
}

/* ------------------------------------------------------------------------------------------------------------------ */

static void take_values(scene *s, cql_slice *rest) {
  uint8_t lens[VALUE_COUNT] = {0};
  for (int i = 0; i < VALUE_COUNT && rest->len > 0; i++) {
    lens[i] = rest->data[0];
    *rest = cql_slice_of(rest->data + 1, rest->len - 1);
  }
  for (int i = 0; i < VALUE_COUNT; i++) {
    size_t len = lens[i] < rest->len ? lens[i] : rest->len;
    s->values[i] = fuzz_block(cql_slice_of(rest->data, len));
    *rest = cql_slice_of(rest->data + len, rest->len - len);
  }
}

static void check(scene *s, cql_slice literal) {
  bool walks = cql_type_is_collection(s->type) || s->type->arg_count > 0;
  for (int i = 0; i < VALUE_COUNT; i++) {
    cql_error err = {.status = CQL_OK};
    cql_status st = cql_value_validate(s->type, s->values[i], &err);
    if (st != CQL_OK) check_words(st, &err);
    s->valid[i] = st == CQL_OK;
    check_print(s, s->values[i], s->valid[i]);
    if (walks) walk(s, s->values[i], s->valid[i]);
    if (cql_type_is_comparable(s->type)) key_of(s, s->values[i], false, s->valid[i]);
  }
  if (cql_type_is_comparable(s->type)) check_order(s);
  cql_slice text = fuzz_block(literal);
  check_literal(s, text, false);
  fuzz_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > INPUT_LEN_MAX) return 0;
  scene s = {.type = NULL};
  cql_slice rest = cql_slice_of(data, size), name = fuzz_until(&rest, '\n');
  cql_arena_init(&s.a, &cql_alloc_libc, ARENA_LIMIT);
  if (cql_type_parse_cql(&s.a, name, NULL, &s.type, NULL) == CQL_OK) {
    take_values(&s, &rest);
    check(&s, rest);
    for (int i = 0; i < VALUE_COUNT; i++) fuzz_free(s.values[i]);
  }
  cql_arena_free(&s.a);
  return 0;
}
