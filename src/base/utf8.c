/* utf8.c: is this text? */
#include "base/base.h"

#include <string.h>

/* Skips ASCII eight bytes at a time; returns the first byte that is not, or end. */
static const uint8_t *skip_ascii(const uint8_t *p, const uint8_t *end) {
  for (; end - p >= 8; p += 8) {
    uint64_t word;
    memcpy(&word, p, 8);
    if ((word & 0x8080808080808080ULL) != 0) break;
  }
  while (p < end && *p < 0x80) p++;
  return p;
}

bool cql_ascii_valid(cql_slice s) {
  if (s.len == 0) return true;
  const uint8_t *end = s.data + s.len;
  return skip_ascii(s.data, end) == end;
}

static bool is_tail(uint8_t c) {
  return (c & 0xC0) == 0x80;
}

/* Length of the well-formed sequence at p (Unicode 15, table 3-7), which is not ASCII; 0 when there is none. */
static size_t sequence_len(const uint8_t *p, size_t left) {
  uint8_t c = p[0];
  if (c >= 0xC2 && c <= 0xDF) return left >= 2 && is_tail(p[1]) ? 2 : 0;
  if (c >= 0xE0 && c <= 0xEF) {
    if (left < 3 || !is_tail(p[1]) || !is_tail(p[2])) return 0;
    if (c == 0xE0 && p[1] < 0xA0) return 0; /* overlong */
    if (c == 0xED && p[1] > 0x9F) return 0; /* surrogate */
    return 3;
  }
  if (c >= 0xF0 && c <= 0xF4) {
    if (left < 4 || !is_tail(p[1]) || !is_tail(p[2]) || !is_tail(p[3])) return 0;
    if (c == 0xF0 && p[1] < 0x90) return 0; /* overlong */
    if (c == 0xF4 && p[1] > 0x8F) return 0; /* past U+10FFFF */
    return 4;
  }
  return 0;
}

bool cql_utf8_valid(cql_slice s) {
  if (s.len == 0) return true;
  const uint8_t *p = s.data, *end = s.data + s.len;
  while ((p = skip_ascii(p, end)) < end) {
    size_t n = sequence_len(p, (size_t)(end - p));
    if (n == 0) return false;
    p += n;
  }
  return true;
}

void cql_utf8_mend(uint8_t *text, size_t len) {
  const uint8_t *end = text + len;
  for (const uint8_t *p = text; (p = skip_ascii(p, end)) < end;) {
    size_t n = sequence_len(p, (size_t)(end - p));
    if (n == 0) text[p - text] = '?';
    p += n;
  }
}
