/* hex.c: bytes as pairs of digits. */
#include "value/value_int.h"

void cqlv_print_hex(cql_buf *b, cql_slice bytes) {
  static const char digits[] = "0123456789abcdef";
  if (bytes.len > SIZE_MAX / 2) return;
  uint8_t *out = cql_buf_room(b, bytes.len * 2);
  if (out == NULL) return;
  for (size_t i = 0; i < bytes.len; i++) {
    out[2 * i] = (uint8_t)digits[bytes.data[i] >> 4];
    out[2 * i + 1] = (uint8_t)digits[bytes.data[i] & 15];
  }
}

static int digit(uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool cqlv_hex_parse(cql_slice text, uint8_t *out) {
  if (text.len % 2 != 0) return false;
  for (size_t i = 0; i < text.len; i += 2) {
    int high = digit(text.data[i]), low = digit(text.data[i + 1]);
    if (high < 0 || low < 0) return false;
    out[i / 2] = (uint8_t)(high << 4 | low);
  }
  return true;
}
