/* address.c: where a node is, as a value, as text, as the system wants it. */
#include "client/conn_int.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

bool cqli_address_eq(const cqli_address *x, const cqli_address *y) {
  return x->len == y->len && x->port == y->port && x->scope == y->scope && x->is_host_id == y->is_host_id &&
         memcmp(x->bytes, y->bytes, x->len) == 0;
}

void cqli_address_print_bare(const cqli_address *a, char out[CQL_HOST_LEN]) {
  if (inet_ntop(a->len == 4 ? AF_INET : AF_INET6, a->bytes, out, CQL_HOST_LEN) == NULL)
    snprintf(out, CQL_HOST_LEN, "?");
}

/* --- host ids ----------------------------------------------------------------------------------------------------- */

static bool has_dash(int nth_byte) {
  return nth_byte == 4 || nth_byte == 6 || nth_byte == 8 || nth_byte == 10;
}

cqli_address cqli_address_of_host_id(const uint8_t host_id[16]) {
  cqli_address a = {.len = 16, .is_host_id = true};
  memcpy(a.bytes, host_id, sizeof a.bytes);
  return a;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool cqli_address_read_host_id(const char *text, cqli_address *out) {
  *out = (cqli_address){.len = 16, .is_host_id = true};
  for (int i = 0; i < 16; i++) {
    if (has_dash(i) && *text++ != '-') return false;
    int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);
    if (low < 0) return false;
    out->bytes[i] = (uint8_t)(high << 4 | low);
    text += 2;
  }
  return *text == '\0';
}

static void print_host_id(const uint8_t bytes[16], char out[CQL_HOST_LEN]) {
  static const char digits[] = "0123456789abcdef";
  for (int i = 0; i < 16; i++) {
    if (has_dash(i)) *out++ = '-';
    *out++ = digits[bytes[i] >> 4];
    *out++ = digits[bytes[i] & 15];
  }
  *out = '\0';
}

/* --- as text, and as the system wants them ------------------------------------------------------------------------ */

void cqli_address_print(const cqli_address *a, char out[CQL_HOST_LEN]) {
  if (a->is_host_id) {
    print_host_id(a->bytes, out);
    return;
  }
  char text[INET6_ADDRSTRLEN] = "?";
  inet_ntop(a->len == 4 ? AF_INET : AF_INET6, a->bytes, text, sizeof text);
  snprintf(out, CQL_HOST_LEN, a->len == 4 ? "%s:%u" : "[%s]:%u", text, a->port);
}

uint32_t cqli_address_fill(const cqli_address *a, struct sockaddr_storage *out) {
  memset(out, 0, sizeof *out);
  if (a->len == 4) {
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    in->sin_family = AF_INET;
    in->sin_port = htons(a->port);
    memcpy(&in->sin_addr, a->bytes, 4);
    return sizeof *in;
  }
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
  in6->sin6_family = AF_INET6;
  in6->sin6_port = htons(a->port);
  in6->sin6_scope_id = a->scope;
  memcpy(&in6->sin6_addr, a->bytes, 16);
  return sizeof *in6;
}
