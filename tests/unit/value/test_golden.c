/* test_golden.c: our answers beside those of two other implementations.
 *
 * tests/data/value/driver.tsv was written by the Python driver (make_driver_golden.py), tests/data/value/cassandra.tsv
 * by Cassandra's own classes (make_cassandra_golden.py). Both are lines of fields between tabs: what is asked, of which
 * type, with what, and last the answer, where "!text" is an error.
 *
 *   E  CQL type   literal     hex          the literal encodes to these bytes
 *   P  Java type  text        hex or !     fromString()
 *   S  Java type  hex         text         toCQLString()
 *   V  Java type  hex         ok or !      validate()
 *   C  Java type  hex  hex    -1, 0, 1     compare(), and our keys agree
 *   M  Java type  Java type   0 or 1       may values of the second be read as the first?
 *   Q  Java type              CQL | Java   names
 *   T  hex                    token        Murmur3
 *   U  hex                    ms           time of a version 1 UUID
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "value/value.h"

enum { FIELDS_MAX = 5, LINE_MAX_LEN = 1 << 20 };

typedef struct asked {
  cql_arena a;
  cql_buf answer;
  char *fields[FIELDS_MAX];
  int count;
  cql_error err;
} asked;

static cql_slice unhex(asked *q, const char *hex) {
  size_t n = strlen(hex) / 2;
  uint8_t *out = cql_arena_get(&q->a, n);
  for (size_t i = 0; i < n; i++) {
    unsigned byte = 0;
    if (sscanf(hex + 2 * i, "%2x", &byte) != 1) fail_msg("not hex: %s", hex);
    out[i] = (uint8_t)byte;
  }
  /* At the end of an allocation of its own, so that a read past it is seen. */
  return cql_slice_of(out, n);
}

static void answer_hex(asked *q, cql_slice v) {
  for (size_t i = 0; i < v.len; i++) cql_buf_printf(&q->answer, "%02x", v.data[i]);
}

static void answer_error(asked *q) {
  cql_buf_printf(&q->answer, "!%s", q->err.message);
}

static const cql_type *java_type(asked *q, const char *name) {
  const cql_type *type;
  if (cql_type_parse_java(&q->a, cql_slice_str(name), &type, NULL, &q->err) != CQL_OK)
    fail_msg("%s: %s", name, q->err.message);
  return type;
}

static void ask_encode(asked *q) {
  const cql_type *type;
  cql_slice v, again;
  if (cql_type_parse_cql(&q->a, cql_slice_str(q->fields[1]), NULL, &type, &q->err) != CQL_OK ||
      cql_value_parse(&q->a, type, cql_slice_str(q->fields[2]), &v, &q->err) != CQL_OK ||
      cql_value_validate(type, v, &q->err) != CQL_OK) {
    answer_error(q);
    return;
  }
  answer_hex(q, v);
  cql_buf text;
  cql_buf_init(&text, &cql_alloc_libc, LINE_MAX_LEN);
  cql_value_print(&text, type, v);
  if (cql_value_parse(&q->a, type, cql_buf_view(&text), &again, &q->err) != CQL_OK)
    fail_msg("printed as %.*s, which does not parse: %s", (int)text.len, (char *)text.data, q->err.message);
  assert_true(cql_slice_eq(v, again));
  cql_buf_free(&text);
}

static void ask_from_string(asked *q) {
  cql_slice v;
  cql_status st = cql_literal_encode(&q->a, CQL_LITERAL_STRING, cql_slice_str(q->fields[2]), java_type(q, q->fields[1]),
                                     &v, &q->err);
  if (st == CQL_OK)
    answer_hex(q, v);
  else
    answer_error(q);
}

static void ask_validate(asked *q) {
  if (cql_value_validate(java_type(q, q->fields[1]), unhex(q, q->fields[2]), &q->err) == CQL_OK)
    cql_buf_str(&q->answer, "ok");
  else
    answer_error(q);
}

static int sign(int c) {
  return (c > 0) - (c < 0);
}

static int key_cmp(asked *q, const cql_type *type, cql_slice x, cql_slice y, bool reversed) {
  cql_buf a, b;
  cql_buf_init(&a, &cql_alloc_libc, LINE_MAX_LEN);
  cql_buf_init(&b, &cql_alloc_libc, LINE_MAX_LEN);
  cql_key_put(&a, type, x, reversed);
  cql_key_put(&b, type, y, reversed);
  int c = cql_slice_cmp(cql_buf_view(&a), cql_buf_view(&b));
  cql_buf_free(&a);
  cql_buf_free(&b);
  (void)q;
  return c;
}

static void ask_compare(asked *q) {
  const cql_type *type = java_type(q, q->fields[1]);
  cql_slice x = unhex(q, q->fields[2]), y = unhex(q, q->fields[3]);
  int c = sign(cql_value_cmp(type, x, y));
  cql_buf_printf(&q->answer, "%d", c);
  assert_int_equal(sign(cql_value_cmp(type, y, x)), -c);
  assert_int_equal(key_cmp(q, type, x, y, false), c);
  assert_int_equal(key_cmp(q, type, x, y, true), -c);
}

static void ask_names(asked *q) {
  const cql_type *type = java_type(q, q->fields[1]);
  cql_type_print_cql(&q->answer, type);
  cql_buf_str(&q->answer, " | ");
  cql_type_print_java(&q->answer, type);
}

static void ask(asked *q) {
  switch (q->fields[0][0]) {
  case 'E': ask_encode(q); return;
  case 'P': ask_from_string(q); return;
  case 'S': cql_value_print(&q->answer, java_type(q, q->fields[1]), unhex(q, q->fields[2])); return;
  case 'V': ask_validate(q); return;
  case 'C': ask_compare(q); return;
  case 'M':
    cql_buf_printf(&q->answer, "%d",
                   cql_type_is_value_compatible(java_type(q, q->fields[1]), java_type(q, q->fields[2])));
    return;
  case 'Q': ask_names(q); return;
  case 'T': cql_buf_printf(&q->answer, "%lld", (long long)cql_murmur3_token(unhex(q, q->fields[1]))); return;
  case 'U': cql_buf_printf(&q->answer, "%lld", (long long)cql_timeuuid_unix_ms(unhex(q, q->fields[1]).data)); return;
  default: fail_msg("unknown question %s", q->fields[0]);
  }
}

static void split(asked *q, char *line) {
  line[strcspn(line, "\n")] = '\0';
  for (q->count = 0; q->count < FIELDS_MAX && line != NULL; q->count++) {
    q->fields[q->count] = line;
    line = strchr(line, '\t');
    if (line != NULL) *line++ = '\0';
  }
}

/* Every line is asked, and all wrong ones are shown before the test fails. */
static void replay(const char *name, size_t at_least) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", getenv("CQL_TEST_DATA"), name);
  FILE *f = fopen(path, "r");
  if (f == NULL) fail_msg("cannot open %s", path);
  char *line = malloc(LINE_MAX_LEN);
  size_t asked_count = 0, wrong = 0;
  for (size_t n = 1; fgets(line, LINE_MAX_LEN, f) != NULL; n++) {
    if (line[0] == '#') continue;
    asked q = {.count = 0};
    cql_arena_init(&q.a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
    cql_buf_init(&q.answer, &cql_alloc_libc, LINE_MAX_LEN);
    split(&q, line);
    ask(&q);
    asked_count++;
    const char *want = q.fields[q.count - 1];
    bool any_error = strcmp(want, "!*") == 0 && q.answer.len > 0 && q.answer.data[0] == '!';
    if (!any_error && !cql_slice_eq_str(cql_buf_view(&q.answer), want)) {
      wrong++;
      print_error("%s:%zu: %s %s %.200s: got %.*s, want %.300s\n", name, n, q.fields[0], q.fields[1],
                  q.count > 2 ? q.fields[2] : "", (int)(q.answer.len > 300 ? 300 : q.answer.len), (char *)q.answer.data,
                  want);
    }
    cql_buf_free(&q.answer);
    cql_arena_free(&q.a);
  }
  free(line);
  fclose(f);
  print_message("%s: %zu answers compared\n", name, asked_count);
  assert_int_equal(wrong, 0);
  assert_true(asked_count >= at_least);
}

static void test_driver(void **state) {
  (void)state;
  replay("driver.tsv", 500);
}

static void test_cassandra(void **state) {
  (void)state;
  replay("cassandra.tsv", 3000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_driver),
      cmocka_unit_test(test_cassandra),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
