/* certificates.h: authorities and certificates for tests, made in memory in a moment (P-256). PEM, NUL-terminated,
 * freed by the caller with free().
 */
#ifndef TEST_CERTIFICATES_H
#define TEST_CERTIFICATES_H

#include <stdbool.h>

typedef struct authority authority;

authority *authority_new(const char *name);
void authority_free(authority *a);
char *authority_pem(const authority *a);

typedef struct certificate {
  char *cert, *key; /* PEM */
} certificate;

/* alt_names as OpenSSL writes them: "DNS:a.example,IP:127.0.0.1"; NULL: none. a NULL: signed by itself. */
certificate certificate_new(const authority *a, const char *name, const char *alt_names, bool has_expired);
void certificate_free(certificate *c);
/* The same key, encrypted. */
char *certificate_locked_key(const certificate *c, const char *password);

#endif
