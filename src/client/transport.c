/* transport.c: bytes over a socket, with or without TLS. Every call gives MSG_DONTWAIT but the receive that may wait,
 * so that the same socket serves the loop and a thread that waits in recv() itself: one system call less than poll()
 * and recv().
 */
#include "client/conn_int.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

/* --- failures ----------------------------------------------------------------------------------------------------- */

void cqli_transport_fail(cqli_transport *t, cql_status status, const char *reason) {
  t->status = status;
  t->number = 0;
  snprintf(t->reason, sizeof t->reason, "%s", reason);
}

static cqli_io fail(cqli_transport *t, int number) {
  t->status = CQL_CONNECTION;
  t->number = number;
  uv_strerror_r(uv_translate_sys_error(number), t->reason, sizeof t->reason); /* as strerror_r(), on every libc */
  return CQLI_IO_FAILED;
}

static cqli_io end(cqli_transport *t) {
  cqli_transport_fail(t, CQL_CONNECTION, "the node closed the connection");
  return CQLI_IO_END;
}

/* --- the socket --------------------------------------------------------------------------------------------------- */

static void set(int fd, int level, int name, const void *value, size_t len) {
  (void)setsockopt(fd, level, name, value, (socklen_t)len); /* without it all goes on, a little worse */
}

cql_status cqli_transport_connect(cqli_transport *t, const cqli_address *address, cql_error *err) {
  const int one = 1;
  const struct timeval slice = {.tv_usec = CQLI_SLICE_MS * 1000};
  struct sockaddr_storage to;
  socklen_t len = cqli_address_fill(address, &to);
  t->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (t->fd < 0) {
    fail(t, errno);
    return cql_fail(err, CQL_IO, "No socket can be made: %s", t->reason);
  }
  set(t->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  set(t->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
  set(t->fd, SOL_SOCKET, SO_RCVTIMEO, &slice, sizeof slice); /* of receives that wait */
  if (connect(t->fd, (struct sockaddr *)&to, len) != 0 && errno != EINPROGRESS && errno != EINTR) fail(t, errno);
  return CQL_OK;
}

cqli_io cqli_transport_connected(cqli_transport *t) {
  int number = 0;
  socklen_t len = sizeof number;
  if (t->status != CQL_OK) return CQLI_IO_FAILED; /* connect() had said so */
  if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &number, &len) != 0) number = errno;
  return number == 0 ? CQLI_IO_OK : fail(t, number);
}

cql_status cqli_transport_let_wait(cqli_transport *t) {
  int flags = fcntl(t->fd, F_GETFL);
  return flags >= 0 && fcntl(t->fd, F_SETFL, flags & ~O_NONBLOCK) == 0 ? CQL_OK : CQL_IO;
}

ssize_t cqli_transport_receive(cqli_transport *t, void *out, size_t room) {
  if (t->waits) return recv(t->fd, out, room, 0);
  if (t->is_dry) {
    t->is_dry = false;
    errno = EAGAIN;
    return -1;
  }
  ssize_t got = recv(t->fd, out, room, MSG_DONTWAIT);
  t->is_dry = got > 0 && (size_t)got < room;
  return got;
}

ssize_t cqli_transport_send(cqli_transport *t, const void *bytes, size_t len) {
  return send(t->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void cqli_transport_pause(cqli_transport *t) {
  t->is_dry = true;
}

static bool is_again(int number) {
  return number == EAGAIN || number == EWOULDBLOCK || number == EINTR;
}

static cqli_io read_plain(cqli_transport *t, uint8_t *out, size_t room, size_t *n) {
  ssize_t got = cqli_transport_receive(t, out, room);
  if (got == 0) return end(t);
  if (got < 0) return is_again(errno) ? CQLI_IO_AGAIN : fail(t, errno);
  *n = (size_t)got;
  return CQLI_IO_OK;
}

static cqli_io write_plain(cqli_transport *t, cql_slice bytes, size_t *n) {
  ssize_t put = cqli_transport_send(t, bytes.data, bytes.len);
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
  t->number = 0;
  cqli_tls_reason(t->ssl, t->reason);
  return CQLI_IO_FAILED;
}

/* SSL_get_error() wants the thread's errors to be those of the call alone. */
static void begin_tls(void) {
  cqli_tls_enter();
  ERR_clear_error();
  errno = 0;
}

static cqli_io end_tls(cqli_transport *t, int rc) {
  cqli_io io = judge(t, rc);
  cqli_tls_leave();
  return io;
}

cqli_io cqli_transport_handshake(cqli_transport *t) {
  begin_tls();
  return end_tls(t, SSL_do_handshake(t->ssl));
}

static cqli_io read_tls(cqli_transport *t, uint8_t *out, size_t room, size_t *n) {
  begin_tls();
  return end_tls(t, SSL_read_ex(t->ssl, out, room, n));
}

static cqli_io write_tls(cqli_transport *t, cql_slice bytes, size_t *n) {
  begin_tls();
  return end_tls(t, SSL_write_ex(t->ssl, bytes.data, bytes.len, n));
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
  t->is_dry = false;
  if (!cqli_transport_has_more(t)) {
    ssize_t got = recv(t->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got == 0) return end(t);
    if (got < 0) return is_again(errno) ? CQLI_IO_AGAIN : fail(t, errno);
  }
  cqli_io io = t->ssl == NULL ? CQLI_IO_OK : read_tls(t, &byte, 1, &n);
  if (io != CQLI_IO_OK) return io;
  cqli_transport_fail(t, CQL_MALFORMED, "the node sent something that nobody had asked for");
  return CQLI_IO_FAILED;
}

bool cqli_transport_has_more(const cqli_transport *t) {
  return t->ssl != NULL && SSL_has_pending(t->ssl) == 1;
}

void cqli_transport_close(cqli_transport *t) {
  if (t->ssl != NULL) {
    cqli_tls_enter();
    cqli_tls_close(t->ssl, t->status == CQL_OK);
    cqli_tls_leave();
    t->ssl = NULL;
  }
  if (t->fd >= 0) close(t->fd);
  t->fd = -1;
}
