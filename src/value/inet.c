/* inet.c: IP addresses. Names are not looked up. */
#include "value/value_int.h"

#include <arpa/inet.h>
#include <string.h>

enum { ADDRESS_TEXT_MAX = 64 };

/* One to four decimal parts; the last one fills what the others leave ("127.1" is 127.0.0.1), as Java reads them. */
static bool parse_v4(cql_slice text, uint8_t out[4]) {
  uint64_t parts[4] = {0, 0, 0, 0};
  size_t count = 0, digits = 0;
  for (size_t i = 0; i < text.len; i++) {
    uint8_t c = text.data[i];
    if (c == '.') {
      if (digits == 0 || ++count == 4) return false;
      digits = 0;
      continue;
    }
    if (c < '0' || c > '9' || ++digits > 10) return false;
    parts[count] = parts[count] * 10 + (uint64_t)(c - '0');
  }
  if (digits == 0) return false;
  for (size_t i = 0; i < count; i++)
    if (parts[i] > 255) return false;
  size_t last_len = 4 - count;
  if (parts[count] >> (8 * last_len) != 0) return false;
  for (size_t i = 0; i < count; i++) out[i] = (uint8_t)parts[i];
  for (size_t i = 0; i < last_len; i++) out[3 - i] = (uint8_t)(parts[count] >> (8 * i));
  return true;
}

size_t cqlv_inet_parse(cql_slice text, uint8_t out[16]) {
  static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  char copy[ADDRESS_TEXT_MAX];
  if (parse_v4(text, out)) return 4;
  if (text.len >= 2 && text.data[0] == '[' && text.data[text.len - 1] == ']') {
    text.data++;
    text.len -= 2;
  }
  if (text.len == 0 || text.len >= sizeof copy || memchr(text.data, '\0', text.len) != NULL) return 0;
  memcpy(copy, text.data, text.len);
  copy[text.len] = '\0';
  if (inet_pton(AF_INET6, copy, out) != 1) return 0;
  if (memcmp(out, mapped, sizeof mapped) != 0) return 16;
  memmove(out, out + 12, 4); /* an IPv4 address in IPv6 clothes */
  return 4;
}

/* As Java prints them: eight groups, none left out. */
void cqlv_print_inet(cql_buf *b, cql_slice bytes) {
  if (bytes.len == 4) {
    cql_buf_printf(b, "%d.%d.%d.%d", bytes.data[0], bytes.data[1], bytes.data[2], bytes.data[3]);
    return;
  }
  for (size_t i = 0; i + 1 < bytes.len; i += 2) {
    if (i > 0) cql_buf_u8(b, ':');
    cql_buf_printf(b, "%x", (unsigned)cql_load_u16(bytes.data + i));
  }
}
