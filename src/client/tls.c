/* tls.c: one TLS connection: names that are checked, sessions that are resumed, bytes without SIGPIPE; and how OpenSSL
 * is left alone when the process ends. tls_load.c reads certificates, tls_words.c explains failures; transport.c makes
 * the four calls that move bytes.
 */
#include "client/tls_int.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

enum { READ_AHEAD_LEN = 32 * 1024 }; /* a record is up to 16 KiB; more than one is received at once */

static int peer_index = -1;
static BIO_METHOD *socket_method;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* --- the end of the process --------------------------------------------------------------------------------------- */

static _Atomic(uint32_t) inside;
static _Atomic(bool) has_stopped;

void cqli_tls_enter(void) {
  atomic_fetch_add(&inside, 1);
  if (!atomic_load(&has_stopped)) return;
  atomic_fetch_sub(&inside, 1);
  for (;;) pause(); /* OpenSSL is being taken down; so is this thread, in a moment */
}

void cqli_tls_leave(void) {
  atomic_fetch_sub(&inside, 1);
}

void cqli_tls_stop(void) {
  atomic_store(&has_stopped, true);
  while (atomic_load(&inside) > 0) sched_yield();
}

/* --- bytes, without SIGPIPE --------------------------------------------------------------------------------------- */

static bool is_again(void) {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static int bio_write(BIO *b, const char *data, int len) {
  ssize_t n = cqli_transport_send(BIO_get_data(b), data, (size_t)len);
  BIO_clear_retry_flags(b);
  if (n < 0 && is_again()) BIO_set_retry_write(b);
  return (int)n;
}

static int bio_read(BIO *b, char *out, int len) {
  ssize_t n = cqli_transport_receive(BIO_get_data(b), out, (size_t)len);
  BIO_clear_retry_flags(b);
  if (n < 0 && is_again()) BIO_set_retry_read(b);
  if (n == 0) errno = 0; /* the end, and no error */
  return (int)n;
}

static long bio_control(BIO *b, int command, long number, void *pointer) {
  (void)b;
  (void)number;
  (void)pointer;
  return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP ? 1 : 0;
}

/* --- the library, once -------------------------------------------------------------------------------------------- */

static void free_peer(void *parent, void *data, CRYPTO_EX_DATA *all, int index, long number, void *pointer) {
  (void)parent;
  (void)all;
  (void)index;
  (void)number;
  (void)pointer;
  free(data);
}

static void init_library(void) {
  OPENSSL_init_ssl(0, NULL);
  peer_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_peer);
  socket_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "libcql socket");
  if (socket_method == NULL) return;
  BIO_meth_set_write(socket_method, bio_write);
  BIO_meth_set_read(socket_method, bio_read);
  BIO_meth_set_ctrl(socket_method, bio_control);
}

cqli_tls_peer *cqli_tls_peer_of(const SSL *ssl) {
  return SSL_get_ex_data(ssl, peer_index);
}

/* --- sessions ----------------------------------------------------------------------------------------------------- */

static cqli_tls_session *find_session(cqli_tls *t, const char *key) {
  for (uint32_t i = 0; i < CQLI_TLS_SESSIONS_COUNT; i++)
    if (t->sessions[i].session != NULL && strcmp(t->sessions[i].key, key) == 0) return &t->sessions[i];
  return NULL;
}

/* Keeps a copy: OpenSSL marks the session of a connection that breaks as one that cannot be resumed, and sessions that
 * two threads hold would be changed by both. */
static int on_session(SSL *ssl, SSL_SESSION *session) {
  const cqli_tls_peer *p = cqli_tls_peer_of(ssl);
  cqli_tls *t = p->tls;
  SSL_SESSION *copy = SSL_SESSION_dup(session);
  if (copy == NULL) return 0; /* the next handshake is a full one */
  cql_lock_take(&t->lock);
  cqli_tls_session *s = find_session(t, p->key);
  if (s == NULL) s = &t->sessions[t->next++ % CQLI_TLS_SESSIONS_COUNT];
  SSL_SESSION *old = s->session;
  s->session = copy;
  memcpy(s->key, p->key, sizeof s->key);
  cql_lock_drop(&t->lock);
  SSL_SESSION_free(old);
  return 0; /* session stays the caller's */
}

static void resume(cqli_tls *t, SSL *ssl, const char *key) {
  cql_lock_take(&t->lock);
  const cqli_tls_session *s = find_session(t, key);
  SSL_SESSION *copy = s != NULL && SSL_SESSION_is_resumable(s->session) ? SSL_SESSION_dup(s->session) : NULL;
  cql_lock_drop(&t->lock);
  if (copy != NULL) SSL_set_session(ssl, copy);
  SSL_SESSION_free(copy);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static cql_status init(cqli_tls *t, const cql_tls_config *config, cql_error *err) {
  t->context = SSL_CTX_new(TLS_client_method());
  if (t->context == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  SSL_CTX_set_min_proto_version(t->context, TLS1_2_VERSION);
  SSL_CTX_set_options(t->context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(t->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(t->context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(t->context, on_session);
  SSL_CTX_set_read_ahead(t->context, 1);
  SSL_CTX_set_default_read_buffer_len(t->context, READ_AHEAD_LEN);
  return cqli_tls_load(t, config, err);
}

cql_status cqli_tls_new(cqli_tls **out, const cql_tls_config *config, cql_error *err) {
  *out = NULL;
  cqli_tls_enter();
  pthread_once(&once, init_library);
  cqli_tls *t = peer_index < 0 || socket_method == NULL ? NULL : calloc(1, sizeof *t);
  if (t == NULL) {
    cqli_tls_leave();
    return cql_fail(err, CQL_NOMEM, "Out of memory");
  }
  t->check = config->check;
  t->is_of_bundle = config->is_of_bundle;
  cql_lock_init(&t->lock, CQL_LOCK_TLS);
  cql_status st = init(t, config, err);
  ERR_clear_error();
  cqli_tls_leave();
  if (st == CQL_OK)
    *out = t;
  else
    cqli_tls_free(t);
  return st;
}

void cqli_tls_free(cqli_tls *t) {
  if (t == NULL) return;
  cqli_tls_enter();
  for (uint32_t i = 0; i < CQLI_TLS_SESSIONS_COUNT; i++) SSL_SESSION_free(t->sessions[i].session);
  SSL_CTX_free(t->context);
  cqli_tls_leave();
  cql_lock_free(&t->lock);
  free(t);
}

/* --- one connection ----------------------------------------------------------------------------------------------- */

static bool is_address(const char *name) {
  uint8_t bytes[16];
  return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

/* The name, without the dot that ends an absolute one. OpenSSL reads a leading dot as "any host below", and an empty
 * name as "any": neither is asked of it. The key of sessions has SNI in it: behind one proxy, a session of another node
 * would lead to that node. */
static bool fill_peer(cqli_tls_peer *p, cqli_tls *t, const char *server_name, const char *sni,
                      const cqli_address *address) {
  char bare[CQL_HOST_LEN], host[CQL_HOST_LEN];
  cqli_address_print_bare(address, bare);
  cqli_address_print(address, host);
  const char *name = server_name == NULL || server_name[0] == '\0' ? bare : server_name;
  size_t len = strlen(name);
  if (len > 1 && name[len - 1] == '.') len--;
  if (len >= sizeof p->name || name[0] == '.') return false;
  p->tls = t;
  memcpy(p->name, name, len);
  p->is_proxied = sni[0] != '\0';
  snprintf(p->key, sizeof p->key, "%s %s %s", p->name, host, sni);
  return true;
}

static bool set_name(const cqli_tls *t, SSL *ssl, const cqli_tls_peer *p, const char *sni) {
  X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
  bool ok = true, is_ip = is_address(p->name);
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (t->check == CQL_TLS_CHECK_FULL)
    ok = (is_ip ? X509_VERIFY_PARAM_set1_ip_asc(param, p->name) : X509_VERIFY_PARAM_set1_host(param, p->name, 0)) == 1;
  if (p->is_proxied) return ok && SSL_set_tlsext_host_name(ssl, sni) == 1;
  return ok && (is_ip || SSL_set_tlsext_host_name(ssl, p->name) == 1);
}

static bool attach_socket(SSL *ssl, cqli_transport *transport) {
  BIO *b = BIO_new(socket_method);
  if (b == NULL) return false;
  BIO_set_data(b, transport);
  BIO_set_init(b, 1);
  SSL_set_bio(ssl, b, b); /* takes it, once */
  return true;
}

/* An SSL with its peer; NULL: out of memory. */
static SSL *make_ssl(cqli_tls *t) {
  SSL *ssl = SSL_new(t->context);
  cqli_tls_peer *p = ssl == NULL ? NULL : calloc(1, sizeof *p);
  if (p != NULL && SSL_set_ex_data(ssl, peer_index, p) == 1) return ssl;
  free(p);
  SSL_free(ssl);
  return NULL;
}

static cql_status open_ssl(cqli_tls *t, cqli_transport *transport, const char *server_name, const char *sni,
                           const cqli_address *address, SSL **out, cql_error *err) {
  SSL *ssl = *out = make_ssl(t);
  if (ssl == NULL) return cql_fail(err, CQL_NOMEM, "out of memory");
  cqli_tls_peer *p = cqli_tls_peer_of(ssl);
  if (!fill_peer(p, t, server_name, sni, address))
    return cql_fail(err, CQL_TLS, "%.64s is no name that a certificate can be for", server_name);
  bool checks = t->check != CQL_TLS_CHECK_NONE;
  SSL_set_verify(ssl, checks ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, checks ? cqli_tls_on_verified : NULL);
  SSL_set_connect_state(ssl);
  if (!set_name(t, ssl, p, sni) || !attach_socket(ssl, transport))
    return cql_fail(err, CQL_TLS, "TLS cannot be set up for %.64s: %s", p->name, cqli_tls_last_error());
  resume(t, ssl, p->key);
  return CQL_OK;
}

cql_status cqli_tls_open(cqli_tls *t, cqli_transport *transport, const char *server_name, const char *sni,
                         const cqli_address *address, cqli_ssl **out, cql_error *err) {
  cqli_tls_enter();
  ERR_clear_error();
  cql_status st = open_ssl(t, transport, server_name, sni, address, out, err);
  if (st != CQL_OK) {
    SSL_free(*out);
    *out = NULL;
  }
  cqli_tls_leave();
  return st;
}

void cqli_tls_close(cqli_ssl *ssl, bool is_sound) {
  if (is_sound && SSL_is_init_finished(ssl)) SSL_shutdown(ssl);
  ERR_clear_error();
  SSL_free(ssl);
}
