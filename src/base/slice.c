/* slice.c: compare bytes that somebody else owns. */
#include "base/base.h"

#include <string.h>

cql_slice cql_slice_str(const char *text) {
  return (cql_slice){(const uint8_t *)text, strlen(text)};
}

bool cql_slice_eq(cql_slice a, cql_slice b) {
  return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool cql_slice_eq_str(cql_slice a, const char *text) {
  return cql_slice_eq(a, cql_slice_str(text));
}

bool cql_slice_eq_nocase(cql_slice a, const char *lower) {
  for (size_t i = 0; i < a.len; i++, lower++) {
    uint8_t c = a.data[i];
    if (c >= 'A' && c <= 'Z') c = (uint8_t)(c + ('a' - 'A'));
    if (*lower == '\0' || c != (uint8_t)*lower) return false;
  }
  return *lower == '\0';
}

int cql_slice_cmp(cql_slice a, cql_slice b) {
  size_t shared = a.len < b.len ? a.len : b.len;
  int c = shared == 0 ? 0 : memcmp(a.data, b.data, shared);
  if (c != 0) return c < 0 ? -1 : 1;
  return (a.len > b.len) - (a.len < b.len);
}
