/* fuzz.c: see fuzz.h. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_broken(const char *file, int line, const char *condition, const char *format, ...) {
  va_list args;
  fprintf(stderr, "%s:%d: broken: %s\n  ", file, line, condition);
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  abort();
}

void fuzz_require_words(cql_status st, const cql_error *err) {
  FUZZ_REQUIRE(st != CQL_OK && strcmp(cql_status_name(st), "UNKNOWN") != 0, "status %d", (int)st);
  FUZZ_REQUIRE(err->status == st, "%s returned, %s in the error", cql_status_name(st), cql_status_name(err->status));
  size_t len = strnlen(err->message, sizeof err->message);
  FUZZ_REQUIRE(len > 0 && len < sizeof err->message, "%s comes without words", cql_status_name(st));
  FUZZ_REQUIRE(cql_utf8_valid(cql_slice_of(err->message, len)), "words that are not UTF-8: %s", err->message);
}

cql_slice fuzz_until(cql_slice *rest, uint8_t separator) {
  const uint8_t *end = rest->len == 0 ? NULL : memchr(rest->data, separator, rest->len);
  size_t len = end == NULL ? rest->len : (size_t)(end - rest->data);
  cql_slice out = cql_slice_of(rest->data, len);
  size_t taken = len + (end != NULL);
  *rest = cql_slice_of(rest->data + taken, rest->len - taken);
  return out;
}

cql_slice fuzz_block(cql_slice s) {
  uint8_t *copy = malloc(s.len == 0 ? 1 : s.len);
  FUZZ_REQUIRE(copy != NULL, "no memory for %zu bytes", s.len);
  if (s.len > 0) memcpy(copy, s.data, s.len);
  return cql_slice_of(copy, s.len);
}

void fuzz_free(cql_slice block) {
  free((void *)(uintptr_t)block.data);
}

static const char *text_of(cql_arena *a, cql_buf *b) {
  const char *out = cql_arena_str(a, cql_buf_view(b));
  cql_buf_free(b);
  return out == NULL ? "?" : out;
}

const char *fuzz_text(cql_arena *a, const cql_type *type, cql_slice value) {
  cql_buf b;
  cql_buf_init(&b, &cql_alloc_libc, 1 << 20);
  cql_value_print(&b, type, value);
  return text_of(a, &b);
}

const char *fuzz_type(cql_arena *a, const cql_type *type) {
  cql_buf b;
  cql_buf_init(&b, &cql_alloc_libc, 1 << 20);
  cql_type_print_cql(&b, type);
  return text_of(a, &b);
}
