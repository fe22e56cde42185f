/* tls.c: certificates, names, sessions. All of OpenSSL but the four calls of transport.c. */
#include "client/conn_int.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/lock.h"

/* A session that can be resumed, and with whom. */
typedef struct kept_session {
  char key[CQLI_TLS_NAME_LEN + CQL_HOST_LEN];
  SSL_SESSION *session;
} kept_session;

struct cqli_tls {
  SSL_CTX *context;
  cql_tls_check check;
  cql_lock lock; /* of the sessions: tickets come on whichever thread reads */
  kept_session kept[CQLI_TLS_SESSIONS_COUNT];
  uint32_t next; /* the place that is used next */
};

/* What hangs off one SSL. */
typedef struct peer {
  cqli_tls *tls;
  char name[CQLI_TLS_NAME_LEN]; /* that is checked: a host name or an address */
  char key[CQLI_TLS_NAME_LEN + CQL_HOST_LEN];
  char refused[CQL_REASON_LEN]; /* why the certificate was; "" */
} peer;

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

static int bio_write(BIO *b, const char *data, int len) {
  ssize_t n = send((int)(intptr_t)BIO_get_data(b), data, (size_t)len, MSG_NOSIGNAL);
  BIO_clear_retry_flags(b);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_write(b);
  return (int)n;
}

static int bio_read(BIO *b, char *out, int len) {
  ssize_t n = recv((int)(intptr_t)BIO_get_data(b), out, (size_t)len, 0);
  BIO_clear_retry_flags(b);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_read(b);
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

static const char *last_error(void) {
  const char *reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason == NULL ? "unknown reason" : reason;
}

/* --- certificates ------------------------------------------------------------------------------------------------- */

/* PEM from memory or a file. */
static BIO *open_pem(cql_slice pem, const char *path) {
  return pem.data != NULL ? BIO_new_mem_buf(pem.data, (int)pem.len) : BIO_new_file(path, "r");
}

static cql_status bad_pem(cql_error *err, const char *what, const char *path) {
  if (path == NULL) path = "the bytes that were given";
  const char *reason =
      ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_SYS || errno == ENOENT ? strerror(errno) : last_error();
  return cql_fail(err, CQL_BAD_URL, "The %s cannot be read from %s: %s", what, path, reason);
}

static cql_status load_authorities(cqli_tls *t, const cql_tls_config *c, cql_error *err) {
  if (c->ca_path == NULL && c->ca_pem.data == NULL) {
    SSL_CTX_set_default_verify_paths(t->context);
    return CQL_OK;
  }
  errno = 0;
  BIO *b = open_pem(c->ca_pem, c->ca_path);
  if (b == NULL) return bad_pem(err, "certificates of the authorities", c->ca_path);
  X509_STORE *store = SSL_CTX_get_cert_store(t->context);
  uint32_t count = 0;
  for (X509 *x; (x = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL; count++) {
    X509_STORE_add_cert(store, x);
    X509_free(x);
  }
  BIO_free(b);
  if (count == 0) return bad_pem(err, "certificates of the authorities", c->ca_path);
  ERR_clear_error(); /* the end of the file is one */
  return CQL_OK;
}

static cql_status load_chain(cqli_tls *t, const cql_tls_config *c, cql_error *err) {
  errno = 0;
  BIO *b = open_pem(c->cert_pem, c->cert_path);
  X509 *x = b == NULL ? NULL : PEM_read_bio_X509(b, NULL, NULL, NULL);
  bool ok = x != NULL && SSL_CTX_use_certificate(t->context, x) == 1;
  X509_free(x);
  while (ok && (x = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL) ok = SSL_CTX_add0_chain_cert(t->context, x) == 1;
  BIO_free(b);
  if (!ok) return bad_pem(err, "client's certificate", c->cert_path);
  ERR_clear_error();
  return CQL_OK;
}

static int give_password(char *out, int room, int is_writing, void *password) {
  (void)is_writing;
  size_t len = password == NULL ? 0 : strlen(password);
  if (len > (size_t)room) len = (size_t)room;
  if (len > 0) memcpy(out, password, len);
  return (int)len;
}

static cql_status load_key(cqli_tls *t, const cql_tls_config *c, cql_error *err) {
  errno = 0;
  BIO *b = open_pem(c->key_pem, c->key_path);
  EVP_PKEY *key = b == NULL ? NULL : PEM_read_bio_PrivateKey(b, NULL, give_password, (void *)c->key_password);
  BIO_free(b);
  if (key == NULL) return bad_pem(err, "client's private key", c->key_path);
  bool fits = SSL_CTX_use_PrivateKey(t->context, key) == 1 && SSL_CTX_check_private_key(t->context) == 1;
  EVP_PKEY_free(key);
  return fits ? CQL_OK : cql_fail(err, CQL_BAD_URL, "The client's private key does not fit its certificate");
}

static cql_status load_client(cqli_tls *t, const cql_tls_config *c, cql_error *err) {
  bool has_cert = c->cert_path != NULL || c->cert_pem.data != NULL,
       has_key = c->key_path != NULL || c->key_pem.data != NULL;
  if (!has_cert && !has_key) return CQL_OK;
  if (!has_cert || !has_key)
    return cql_fail(err, CQL_BAD_URL,
                    "A client's certificate and its private key are given together; the %s is missing",
                    has_cert ? "key" : "certificate");
  cql_status st = load_chain(t, c, err);
  return st == CQL_OK ? load_key(t, c, err) : st;
}

/* --- sessions ----------------------------------------------------------------------------------------------------- */

static kept_session *find_kept(cqli_tls *t, const char *key) {
  for (uint32_t i = 0; i < CQLI_TLS_SESSIONS_COUNT; i++)
    if (t->kept[i].session != NULL && strcmp(t->kept[i].key, key) == 0) return &t->kept[i];
  return NULL;
}

/* Takes session, as the answer 1 says. */
static int keep_session(SSL *ssl, SSL_SESSION *session) {
  const peer *p = SSL_get_ex_data(ssl, peer_index);
  cqli_tls *t = p->tls;
  cql_lock_take(&t->lock);
  kept_session *k = find_kept(t, p->key);
  if (k == NULL) k = &t->kept[t->next++ % CQLI_TLS_SESSIONS_COUNT];
  SSL_SESSION_free(k->session);
  k->session = session;
  memcpy(k->key, p->key, sizeof k->key);
  cql_lock_drop(&t->lock);
  return 1;
}

static void resume(cqli_tls *t, SSL *ssl, const char *key) {
  cql_lock_take(&t->lock);
  kept_session *k = find_kept(t, key);
  if (k != NULL && SSL_SESSION_is_resumable(k->session)) SSL_set_session(ssl, k->session);
  cql_lock_drop(&t->lock);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

cql_status cqli_tls_new(cqli_tls **out, const cql_tls_config *config, cql_error *err) {
  pthread_once(&once, init_library);
  *out = NULL;
  cqli_tls *t = calloc(1, sizeof *t);
  if (t == NULL || peer_index < 0 || socket_method == NULL) {
    free(t);
    return cql_fail(err, CQL_NOMEM, "Out of memory");
  }
  ERR_clear_error();
  t->check = config->check;
  cql_lock_init(&t->lock, CQL_LOCK_TLS);
  t->context = SSL_CTX_new(TLS_client_method());
  cql_status st = t->context == NULL ? cql_fail(err, CQL_NOMEM, "Out of memory") : CQL_OK;
  if (st == CQL_OK) {
    SSL_CTX_set_min_proto_version(t->context, TLS1_2_VERSION);
    SSL_CTX_set_mode(t->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(t->context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(t->context, keep_session);
    st = load_authorities(t, config, err);
  }
  if (st == CQL_OK) st = load_client(t, config, err);
  ERR_clear_error();
  if (st == CQL_OK)
    *out = t;
  else
    cqli_tls_free(t);
  return st;
}

void cqli_tls_free(cqli_tls *t) {
  if (t == NULL) return;
  for (uint32_t i = 0; i < CQLI_TLS_SESSIONS_COUNT; i++) SSL_SESSION_free(t->kept[i].session);
  SSL_CTX_free(t->context);
  cql_lock_free(&t->lock);
  free(t);
}

/* --- one connection ----------------------------------------------------------------------------------------------- */

/* "a.example, b.example": whom a certificate is for. */
static void print_names(X509 *x, char *out, size_t room) {
  size_t len = 0;
  out[0] = '\0';
  GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
  for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
    char text[CQLI_TLS_NAME_LEN] = "";
    if (name->type == GEN_DNS)
      snprintf(text, sizeof text, "%.*s", ASN1_STRING_length(name->d.dNSName),
               (const char *)ASN1_STRING_get0_data(name->d.dNSName));
    else if (name->type == GEN_IPADD)
      inet_ntop(ASN1_STRING_length(name->d.iPAddress) == 4 ? AF_INET : AF_INET6,
                ASN1_STRING_get0_data(name->d.iPAddress), text, sizeof text);
    if (text[0] == '\0' || len >= room) continue;
    int n = snprintf(out + len, room - len, "%s%s", len > 0 ? ", " : "", text);
    len += n > 0 ? (size_t)n : 0;
  }
  GENERAL_NAMES_free(names);
  if (len == 0) X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, out, (int)room);
}

/* Remembers why a certificate is refused, in words; it is refused all the same. */
static int on_verified(int is_fine, X509_STORE_CTX *store) {
  if (is_fine) return 1;
  SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
  peer *p = SSL_get_ex_data(ssl, peer_index);
  int number = X509_STORE_CTX_get_error(store);
  if (p->refused[0] != '\0') return 0;
  if (number == X509_V_ERR_HOSTNAME_MISMATCH || number == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    char names[72];
    print_names(X509_STORE_CTX_get_current_cert(store), names, sizeof names);
    snprintf(p->refused, sizeof p->refused, "the certificate is for %s, not for %.32s (tls_name=…)", names, p->name);
  } else {
    snprintf(p->refused, sizeof p->refused, "the certificate is refused: %s", X509_verify_cert_error_string(number));
  }
  return 0;
}

static bool is_address(const char *name) {
  uint8_t bytes[16];
  return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

static bool set_name(const cqli_tls *t, SSL *ssl, const peer *p) {
  bool ok = true;
  X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
  if (t->check == CQL_TLS_CHECK_FULL && is_address(p->name))
    ok = X509_VERIFY_PARAM_set1_ip_asc(param, p->name) == 1;
  else if (t->check == CQL_TLS_CHECK_FULL)
    ok = X509_VERIFY_PARAM_set1_host(param, p->name, 0) == 1;
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return ok && (is_address(p->name) || SSL_set_tlsext_host_name(ssl, p->name) == 1);
}

static void fill_peer(peer *p, cqli_tls *t, const char *server_name, const cqli_address *address) {
  char host[CQL_HOST_LEN];
  p->tls = t;
  cqli_address_print(address, host);
  if (server_name != NULL)
    snprintf(p->name, sizeof p->name, "%s", server_name);
  else
    inet_ntop(address->len == 4 ? AF_INET : AF_INET6, address->bytes, p->name, sizeof p->name);
  snprintf(p->key, sizeof p->key, "%s %s", p->name, host);
}

static bool attach_socket(SSL *ssl, int fd) {
  BIO *b = BIO_new(socket_method);
  if (b == NULL) return false;
  BIO_set_data(b, (void *)(intptr_t)fd);
  BIO_set_init(b, 1);
  SSL_set_bio(ssl, b, b); /* takes it, once */
  return true;
}

cql_status cqli_tls_open(cqli_tls *t, int fd, const char *server_name, const cqli_address *address, cqli_ssl **out,
                         cql_error *err) {
  ERR_clear_error();
  SSL *ssl = SSL_new(t->context);
  peer *p = calloc(1, sizeof *p);
  bool ok = ssl != NULL && p != NULL && SSL_set_ex_data(ssl, peer_index, p) == 1;
  if (!ok) {
    free(p);
    SSL_free(ssl);
    return cql_fail(err, CQL_NOMEM, "Out of memory");
  }
  fill_peer(p, t, server_name, address);
  SSL_set_verify(ssl, t->check == CQL_TLS_CHECK_NONE ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                 t->check == CQL_TLS_CHECK_NONE ? NULL : on_verified);
  SSL_set_connect_state(ssl);
  if (!set_name(t, ssl, p) || !attach_socket(ssl, fd)) {
    SSL_free(ssl);
    return cql_fail(err, CQL_TLS, "TLS cannot be set up for %s: %s", p->name, last_error());
  }
  resume(t, ssl, p->key);
  *out = ssl;
  return CQL_OK;
}

/* Says goodbye if that can be done at once. */
void cqli_tls_close(cqli_ssl *ssl) {
  if (SSL_is_init_finished(ssl)) SSL_shutdown(ssl);
  ERR_clear_error();
  SSL_free(ssl);
}

void cqli_tls_reason(cqli_ssl *ssl, int rc, char out[CQL_REASON_LEN]) {
  const peer *p = SSL_get_ex_data(ssl, peer_index);
  unsigned long code = ERR_peek_last_error();
  int reason = ERR_GET_REASON(code);
  (void)rc;
  if (p->refused[0] != '\0')
    snprintf(out, CQL_REASON_LEN, "%s", p->refused);
  else if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
           reason == SSL_R_PACKET_LENGTH_TOO_LONG)
    snprintf(out, CQL_REASON_LEN, "the node speaks no TLS on this port (%s)", last_error());
  else
    snprintf(out, CQL_REASON_LEN, "%s", last_error());
  ERR_clear_error();
}
