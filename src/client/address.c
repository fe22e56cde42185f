/* address.c: where a node is, as a value, as text, as the system wants it. */
#include "client/conn_int.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

bool cqli_address_eq(const cqli_address *x, const cqli_address *y) {
  return x->len == y->len && x->port == y->port && x->scope == y->scope && memcmp(x->bytes, y->bytes, x->len) == 0;
}

void cqli_address_print_bare(const cqli_address *a, char out[CQL_HOST_LEN]) {
  if (inet_ntop(a->len == 4 ? AF_INET : AF_INET6, a->bytes, out, CQL_HOST_LEN) == NULL)
    snprintf(out, CQL_HOST_LEN, "?");
}

void cqli_address_print(const cqli_address *a, char out[CQL_HOST_LEN]) {
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
