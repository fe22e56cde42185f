/* tls_int.h: what the files about TLS share. */
#ifndef CQLI_TLS_INT_H
#define CQLI_TLS_INT_H

#include <openssl/ssl.h>

#include "base/lock.h"
#include "client/conn_int.h"

enum {
  CQLI_TLS_SESSIONS_COUNT = 64, /* to resume; one per node is enough */
  CQLI_TLS_NAME_LEN = 256,      /* of a host name, with its NUL */
  CQLI_TLS_KEY_LEN = CQLI_TLS_NAME_LEN + CQLI_HOST_ID_LEN + CQL_HOST_LEN
};

/* A session that can be resumed, and with whom. */
typedef struct cqli_tls_session {
  char key[CQLI_TLS_KEY_LEN];
  SSL_SESSION *session;
} cqli_tls_session;

struct cqli_tls {
  SSL_CTX *context;
  cql_tls_check check;
  bool is_of_bundle;
  cql_lock lock; /* of the sessions: tickets come on whichever thread reads */
  cqli_tls_session sessions[CQLI_TLS_SESSIONS_COUNT];
  uint32_t next; /* the place that is used next */
};

/* What hangs off one SSL. */
typedef struct cqli_tls_peer {
  cqli_tls *tls;
  char name[CQLI_TLS_NAME_LEN]; /* that is checked: a host name or an address */
  bool is_proxied;              /* another name is sent */
  char key[CQLI_TLS_KEY_LEN];
  char refused[CQL_REASON_LEN]; /* why the certificate was; "" */
} cqli_tls_peer;

cqli_tls_peer *cqli_tls_peer_of(const SSL *ssl);

/* tls_load.c: authorities, the client's certificate and its key, into t->context. CQL_BAD_URL, CQL_NOMEM. */
cql_status cqli_tls_load(cqli_tls *t, const cql_tls_config *config, cql_error *err);

/* tls_words.c */
const char *cqli_tls_last_error(void);
/* The callback of verification: remembers in words why a certificate is refused; it is refused all the same. */
int cqli_tls_on_verified(int is_fine, X509_STORE_CTX *store);

#endif
