/* tls_load.c: PEM, from memory or from files. Every mistake is told with the name of the file. */
#include "client/tls_int.h"

#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

static const char *authorities = "certificates of the authorities", *chain = "client's certificate",
                  *private_key = "client's private key";

static BIO *open_pem(cql_slice pem, const char *path) {
  errno = 0;
  ERR_clear_error();
  if (pem.data == NULL) return BIO_new_file(path, "r");
  return pem.len > INT32_MAX ? NULL : BIO_new_mem_buf(pem.data, (int)pem.len);
}

static bool is_error(int library, int reason) {
  unsigned long code = ERR_peek_last_error();
  return ERR_GET_LIB(code) == library && ERR_GET_REASON(code) == reason;
}

static const char *why(void) {
  if (is_error(ERR_LIB_PEM, PEM_R_NO_START_LINE)) return "there is none in it (PEM is expected)";
  return cqli_tls_last_error();
}

/* b NULL: it was not opened. */
static cql_status bad_pem(cql_error *err, const char *what, const char *path, const BIO *b) {
  const char *where = path == NULL ? "the bytes that were given" : path;
  return cql_fail(err, CQL_BAD_URL, "The %s cannot be read from %s: %s", what, where,
                  b != NULL || path == NULL ? why() : strerror(errno));
}

/* The certificates of b, one after the other. False: one of them is no certificate, or add refuses it. */
static bool each_certificate(BIO *b, SSL_CTX *context, bool (*add)(SSL_CTX *, X509 *, uint32_t), uint32_t *count) {
  X509 *x;
  while ((x = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL) {
    bool ok = add(context, x, *count);
    X509_free(x);
    if (!ok) return false;
    ++*count;
  }
  return *count > 0 && is_error(ERR_LIB_PEM, PEM_R_NO_START_LINE); /* the end of the file */
}

static cql_status load_certificates(cqli_tls *t, cql_slice pem, const char *path, const char *what,
                                    bool (*add)(SSL_CTX *, X509 *, uint32_t), cql_error *err) {
  uint32_t count = 0;
  if (pem.data != NULL) path = NULL;
  BIO *b = open_pem(pem, path);
  bool ok = b != NULL && each_certificate(b, t->context, add, &count);
  cql_status st = ok ? CQL_OK : bad_pem(err, what, path, b);
  BIO_free(b);
  return st;
}

static bool add_authority(SSL_CTX *context, X509 *x, uint32_t nth) {
  (void)nth;
  return X509_STORE_add_cert(SSL_CTX_get_cert_store(context), x) == 1;
}

/* The client's own, then those that lead to an authority. */
static bool add_to_chain(SSL_CTX *context, X509 *x, uint32_t nth) {
  return (nth == 0 ? SSL_CTX_use_certificate(context, x) : SSL_CTX_add1_chain_cert(context, x)) == 1;
}

/* --- the client's key --------------------------------------------------------------------------------------------- */

typedef struct asked {
  const char *password; /* NULL: there is none */
  bool was_asked;
} asked;

static int give_password(char *out, int room, int is_writing, void *user) {
  asked *a = user;
  (void)is_writing;
  a->was_asked = true;
  size_t len = a->password == NULL ? 0 : strlen(a->password);
  if (len == 0 || len > (size_t)room) return -1;
  memcpy(out, a->password, len);
  return (int)len;
}

static cql_status bad_key(cql_error *err, const asked *a, const char *path, const BIO *b) {
  if (!a->was_asked) return bad_pem(err, private_key, path, b);
  return cql_fail(err, CQL_BAD_URL, "The %s is encrypted, and %s", private_key,
                  a->password == NULL ? "no password was given (tls_key_password)" : "the password does not fit");
}

static cql_status load_key(cqli_tls *t, const cql_tls_config *c, cql_error *err) {
  const char *path = c->key_pem.data != NULL ? NULL : c->key_path;
  asked a = {.password = c->key_password};
  BIO *b = open_pem(c->key_pem, path);
  EVP_PKEY *key = b == NULL ? NULL : PEM_read_bio_PrivateKey(b, NULL, give_password, &a);
  cql_status st = key == NULL ? bad_key(err, &a, path, b) : CQL_OK;
  BIO_free(b);
  if (st == CQL_OK && SSL_CTX_use_PrivateKey(t->context, key) != 1)
    st = cql_fail(err, CQL_BAD_URL, "The client's private key does not fit its certificate");
  EVP_PKEY_free(key);
  return st;
}

static cql_status load_client(cqli_tls *t, const cql_tls_config *c, cql_error *err) {
  bool has_cert = c->cert_path != NULL || c->cert_pem.data != NULL;
  bool has_key = c->key_path != NULL || c->key_pem.data != NULL;
  if (!has_cert && !has_key) return CQL_OK;
  if (!has_cert || !has_key)
    return cql_fail(err, CQL_BAD_URL,
                    "A client's certificate and its private key are given together; the %s is missing",
                    has_cert ? "key" : "certificate");
  cql_status st = load_certificates(t, c->cert_pem, c->cert_path, chain, add_to_chain, err);
  return st == CQL_OK ? load_key(t, c, err) : st;
}

cql_status cqli_tls_load(cqli_tls *t, const cql_tls_config *c, cql_error *err) {
  cql_status st = CQL_OK;
  if (c->ca_path != NULL || c->ca_pem.data != NULL)
    st = load_certificates(t, c->ca_pem, c->ca_path, authorities, add_authority, err);
  else if (SSL_CTX_set_default_verify_paths(t->context) != 1)
    st = cql_fail(err, CQL_BAD_URL, "The system's authorities cannot be read: %s", cqli_tls_last_error());
  return st == CQL_OK ? load_client(t, c, err) : st;
}
