#include "client/conn_int.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

/* --- addresses ---------------------------------------------------------------------------------------------------- */

bool cqli_address_eq(const cqli_address *x, const cqli_address *y) {
  return x->len == y->len && x->port == y->port && x->scope == y->scope && memcmp(x->bytes, y->bytes, x->len) == 0;
}

void cqli_address_print(const cqli_address *a, char out[CQL_HOST_LEN]) {
  char text[INET6_ADDRSTRLEN] = "?";
  inet_ntop(a->len == 4 ? AF_INET : AF_INET6, a->bytes, text, sizeof text);
  snprintf(out, CQL_HOST_LEN, a->len == 4 ? "%s:%u" : "[%s]:%u", text, a->port);
}

static socklen_t fill_address(const cqli_address *a, struct sockaddr_storage *out) {
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

/* --- failures ----------------------------------------------------------------------------------------------------- */

static cqli_io fail(cqli_transport *t, int number) {
  t->status = CQL_CONNECTION;
  if (strerror_r(number, t->reason, sizeof t->reason) != t->reason) /* glibc's may answer a constant text */
    snprintf(t->reason, sizeof t->reason, "%s", strerror(number));
  return CQLI_IO_FAILED;
}

static cqli_io end(cqli_transport *t) {
  t->status = CQL_CONNECTION;
  snprintf(t->reason, sizeof t->reason, "the node closed the connection");
  return CQLI_IO_END;
}

/* --- the socket --------------------------------------------------------------------------------------------------- */

cql_status cqli_transport_connect(cqli_transport *t, const cqli_address *address, cql_error *err) {
  struct sockaddr_storage to;
  socklen_t len = fill_address(address, &to);
  int one = 1;
  t->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (t->fd < 0) return cql_fail(err, CQL_IO, "No socket can be made: %s", strerror(errno));
  setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(t->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
  if (connect(t->fd, (struct sockaddr *)&to, len) != 0 && errno != EINPROGRESS) fail(t, errno);
  return CQL_OK;
}

cqli_io cqli_transport_connected(cqli_transport *t) {
  int number = 0;
  socklen_t len = sizeof number;
  if (t->status != CQL_OK) return CQLI_IO_FAILED; /* connect() had said so */
  if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &number, &len) != 0) number = errno;
  return number == 0 ? CQLI_IO_OK : fail(t, number);
}

static bool is_again(int number) {
  return number == EAGAIN || number == EWOULDBLOCK || number == EINTR;
}

static cqli_io read_plain(cqli_transport *t, uint8_t *out, size_t room, size_t *n) {
  ssize_t got = recv(t->fd, out, room, 0);
  if (got == 0) return end(t);
  if (got < 0) return is_again(errno) ? CQLI_IO_AGAIN : fail(t, errno);
  *n = (size_t)got;
  return CQLI_IO_OK;
}

static cqli_io write_plain(cqli_transport *t, cql_slice bytes, size_t *n) {
  ssize_t put = send(t->fd, bytes.data, bytes.len, MSG_NOSIGNAL);
  if (put < 0) return is_again(errno) ? CQLI_IO_AGAIN : fail(t, errno);
  *n = (size_t)put;
  return CQLI_IO_OK;
}

/* --- TLS over it -------------------------------------------------------------------------------------------------- */

/* What a return code of OpenSSL means. */
static cqli_io judge(cqli_transport *t, int rc) {
  t->wants_write = false;
  switch (SSL_get_error(t->ssl, rc)) {
  case SSL_ERROR_NONE: return CQLI_IO_OK;
  case SSL_ERROR_WANT_READ: return CQLI_IO_AGAIN;
  case SSL_ERROR_WANT_WRITE: t->wants_write = true; return CQLI_IO_AGAIN;
  case SSL_ERROR_ZERO_RETURN: return end(t);
  case SSL_ERROR_SYSCALL: return errno == 0 ? end(t) : fail(t, errno);
  default: break;
  }
  t->status = CQL_TLS;
  cqli_tls_reason(t->ssl, rc, t->reason);
  return CQLI_IO_FAILED;
}

/* SSL_get_error() wants the thread's errors to be those of the call alone. */
static void begin_tls(void) {
  cqli_tls_enter();
  ERR_clear_error();
  errno = 0;
}

cqli_io cqli_transport_handshake(cqli_transport *t) {
  begin_tls();
  cqli_io io = judge(t, SSL_do_handshake(t->ssl));
  cqli_tls_leave();
  return io;
}

static cqli_io read_tls(cqli_transport *t, uint8_t *out, size_t room, size_t *n) {
  begin_tls();
  cqli_io io = judge(t, SSL_read_ex(t->ssl, out, room, n));
  cqli_tls_leave();
  return io;
}

static cqli_io write_tls(cqli_transport *t, cql_slice bytes, size_t *n) {
  begin_tls();
  cqli_io io = judge(t, SSL_write_ex(t->ssl, bytes.data, bytes.len, n));
  cqli_tls_leave();
  return io;
}

/* --- either ------------------------------------------------------------------------------------------------------- */

cqli_io cqli_transport_read(cqli_transport *t, uint8_t *out, size_t room, size_t *n) {
  return t->ssl == NULL ? read_plain(t, out, room, n) : read_tls(t, out, room, n);
}

cqli_io cqli_transport_write(cqli_transport *t, cql_slice bytes, size_t *n) {
  return t->ssl == NULL ? write_plain(t, bytes, n) : write_tls(t, bytes, n);
}

/* With TLS, bytes that have come may be a ticket, which is nothing to worry about, or the end: reading tells, and gives
 * no application data because none was asked for. */
cqli_io cqli_transport_peek(cqli_transport *t) {
  uint8_t byte;
  size_t n;
  ssize_t got = recv(t->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got == 0) return end(t);
  if (got < 0) return is_again(errno) ? CQLI_IO_AGAIN : fail(t, errno);
  cqli_io io = t->ssl == NULL ? CQLI_IO_OK : read_tls(t, &byte, 1, &n);
  if (io != CQLI_IO_OK) return io;
  t->status = CQL_MALFORMED;
  snprintf(t->reason, sizeof t->reason, "the node sent something that nobody had asked for");
  return CQLI_IO_FAILED;
}

bool cqli_transport_has_more(const cqli_transport *t) {
  return t->ssl != NULL && SSL_pending(t->ssl) > 0;
}

void cqli_transport_close(cqli_transport *t) {
  if (t->ssl != NULL) {
    cqli_tls_enter();
    cqli_tls_close(t->ssl);
    cqli_tls_leave();
    t->ssl = NULL;
  }
  if (t->fd >= 0) close(t->fd);
  t->fd = -1;
}
