/* certificates.c: see certificates.h. */
#include "certificates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { DAY_SECONDS = 24 * 60 * 60 };

struct authority {
  X509 *cert;
  EVP_PKEY *key;
};

static char *text_of(BIO *b) {
  char *data;
  long len = BIO_get_mem_data(b, &data);
  char *out = calloc(1, (size_t)len + 1);
  assert_non_null(out);
  memcpy(out, data, (size_t)len);
  BIO_free(b);
  return out;
}

static char *cert_pem(X509 *x) {
  BIO *b = BIO_new(BIO_s_mem());
  assert_int_equal(PEM_write_bio_X509(b, x), 1);
  return text_of(b);
}

static char *key_pem(EVP_PKEY *key, const char *password) {
  BIO *b = BIO_new(BIO_s_mem());
  const EVP_CIPHER *cipher = password == NULL ? NULL : EVP_aes_128_cbc();
  assert_int_equal(PEM_write_bio_PrivateKey(b, key, cipher, NULL, 0, NULL, (void *)password), 1);
  return text_of(b);
}

static void add(X509 *x, X509 *issuer, int what, const char *value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
  X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, what, value);
  assert_non_null(e);
  assert_int_equal(X509_add_ext(x, e, -1), 1);
  X509_EXTENSION_free(e);
}

static X509 *make(EVP_PKEY *key, const char *name, const authority *issuer, bool is_authority, const char *alt_names,
                  bool has_expired) {
  static long serial = 0;
  X509 *x = X509_new();
  assert_non_null(x);
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(x), -2 * DAY_SECONDS);
  X509_gmtime_adj(X509_getm_notAfter(x), has_expired ? -DAY_SECONDS : DAY_SECONDS);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0);
  X509_set_issuer_name(x, X509_get_subject_name(issuer == NULL ? x : issuer->cert));
  X509_set_pubkey(x, key);
  X509 *signer = issuer == NULL ? x : issuer->cert;
  add(x, signer, NID_basic_constraints, is_authority ? "critical,CA:TRUE" : "CA:FALSE");
  if (alt_names != NULL) add(x, signer, NID_subject_alt_name, alt_names);
  assert_true(X509_sign(x, issuer == NULL ? key : issuer->key, EVP_sha256()) > 0);
  return x;
}

authority *authority_new(const char *name) {
  authority *a = calloc(1, sizeof *a);
  assert_non_null(a);
  a->key = EVP_EC_gen("P-256");
  a->cert = make(a->key, name, NULL, true, NULL, false);
  return a;
}

void authority_free(authority *a) {
  X509_free(a->cert);
  EVP_PKEY_free(a->key);
  free(a);
}

char *authority_pem(const authority *a) {
  return cert_pem(a->cert);
}

certificate certificate_new(const authority *a, const char *name, const char *alt_names, bool has_expired) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *x = make(key, name, a, false, alt_names, has_expired);
  certificate c = {cert_pem(x), key_pem(key, NULL)};
  X509_free(x);
  EVP_PKEY_free(key);
  return c;
}

char *certificate_locked_key(const certificate *c, const char *password) {
  BIO *b = BIO_new_mem_buf(c->key, -1);
  EVP_PKEY *key = PEM_read_bio_PrivateKey(b, NULL, NULL, NULL);
  char *out = key_pem(key, password);
  EVP_PKEY_free(key);
  BIO_free(b);
  return out;
}

void certificate_free(certificate *c) {
  free(c->cert);
  free(c->key);
  *c = (certificate){NULL, NULL};
}
