/* tls_words.c: why TLS failed, in words that say what to look at. */
#include "client/tls_int.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

enum { NAMES_LEN = 72 }; /* of whom a certificate is for, as far as they are told */

const char *cqli_tls_last_error(void) {
  const char *reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason == NULL ? "unknown reason" : reason;
}

/* --- certificates ------------------------------------------------------------------------------------------------- */

static void print_name(const GENERAL_NAME *name, char *out, size_t room) {
  out[0] = '\0';
  if (name->type == GEN_DNS) {
    snprintf(out, room, "%.*s", ASN1_STRING_length(name->d.dNSName),
             (const char *)ASN1_STRING_get0_data(name->d.dNSName));
  } else if (name->type == GEN_IPADD) {
    int len = ASN1_STRING_length(name->d.iPAddress);
    if (len == 4 || len == 16)
      inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name->d.iPAddress), out, (socklen_t)room);
  }
}

/* "a.example, b.example": whom a certificate is for. */
static void print_names(X509 *x, char *out, size_t room) {
  size_t len = 0;
  char text[CQLI_TLS_NAME_LEN];
  out[0] = '\0';
  GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
  for (int i = 0; i < sk_GENERAL_NAME_num(names) && len < room; i++) {
    print_name(sk_GENERAL_NAME_value(names, i), text, sizeof text);
    if (text[0] == '\0') continue;
    int n = snprintf(out + len, room - len, "%s%s", len > 0 ? ", " : "", text);
    len += n > 0 ? (size_t)n : 0;
  }
  GENERAL_NAMES_free(names);
  if (len == 0 && X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, out, (int)room) <= 0)
    snprintf(out, room, "nobody");
}

int cqli_tls_on_verified(int is_fine, X509_STORE_CTX *store) {
  if (is_fine) return 1;
  SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
  cqli_tls_peer *p = cqli_tls_peer_of(ssl);
  int number = X509_STORE_CTX_get_error(store);
  if (p->refused[0] != '\0') return 0;
  if (number == X509_V_ERR_HOSTNAME_MISMATCH || number == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    char names[NAMES_LEN];
    print_names(X509_STORE_CTX_get_current_cert(store), names, sizeof names);
    snprintf(p->refused, sizeof p->refused, "the certificate is for %s, not for %.32s%s", names, p->name,
             p->tls->is_of_bundle ? "" : " (tls_name=…)");
  } else {
    snprintf(p->refused, sizeof p->refused, "the certificate is refused: %s", X509_verify_cert_error_string(number));
  }
  return 0;
}

/* --- the last failure --------------------------------------------------------------------------------------------- */

/* What a failure means. */
typedef enum failure {
  OTHER, /* OpenSSL's own words are the best there are */
  NO_TLS,
  NO_CERTIFICATE,  /* of ours, and one is wanted */
  NO_AGREEMENT,    /* on a cipher; or, with TLS 1.2, no certificate */
  BAD_CERTIFICATE, /* ours, for the other side */
  BAD_SIGNATURE,   /* of ours, or of the handshake */
  GAVE_UP,         /* Cassandra's word for a chain that it does not trust */
  UNKNOWN_NAME,    /* that was asked for (SNI) */
  FAILURES_COUNT
} failure;

static failure failure_of(int reason) {
  switch (reason) {
  case SSL_R_WRONG_VERSION_NUMBER:
  case SSL_R_HTTP_REQUEST:
  case SSL_R_PACKET_LENGTH_TOO_LONG:
  case SSL_R_BAD_RECORD_TYPE: return NO_TLS;
  case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED: return NO_CERTIFICATE;
  case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE: return NO_AGREEMENT;
  case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
  case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
  case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
  case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
  case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
  case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
  case SSL_R_TLSV1_ALERT_ACCESS_DENIED: return BAD_CERTIFICATE;
  case SSL_R_TLSV1_ALERT_DECRYPT_ERROR: return BAD_SIGNATURE;
  case SSL_R_TLSV1_ALERT_INTERNAL_ERROR: return GAVE_UP;
  case SSL_R_TLSV1_UNRECOGNIZED_NAME: return UNKNOWN_NAME;
  default: return OTHER;
  }
}

static const char no_tls[] = "the node speaks no TLS on this port (is it a plain-text port?)";
static const char of_another[] =
    "the certificate of the bundle is refused: it is of another database, or too old; download a new bundle";

/* For who has options of TLS, */
static const char *const of_options[FAILURES_COUNT] = {
    [NO_TLS] = no_tls,
    [NO_CERTIFICATE] = "the node wants a certificate of the client (tls_cert, tls_key)",
    [NO_AGREEMENT] =
        "the node refuses: no cipher in common, or it wants a certificate of the client (tls_cert, tls_key)",
    [BAD_CERTIFICATE] = "the node refuses the client's certificate, or wants one (tls_cert, tls_key)",
    [GAVE_UP] = "the node gave up (internal error): does it trust the client's certificate (tls_cert, tls_key)?"};

/* and for who has a bundle. */
static const char *const of_bundle[FAILURES_COUNT] = {
    [NO_TLS] = no_tls,
    [NO_CERTIFICATE] = of_another,
    [NO_AGREEMENT] = of_another,
    [BAD_CERTIFICATE] = of_another,
    [BAD_SIGNATURE] = of_another,
    [GAVE_UP] = of_another,
    [UNKNOWN_NAME] = "the proxy knows no such node: it was replaced, or the database is hibernated"};

void cqli_tls_reason(cqli_ssl *ssl, char out[CQL_REASON_LEN]) {
  const cqli_tls_peer *p = cqli_tls_peer_of(ssl);
  unsigned long code = ERR_peek_last_error();
  failure f = ERR_GET_LIB(code) == ERR_LIB_SSL ? failure_of(ERR_GET_REASON(code)) : OTHER;
  const char *words = p->tls->is_of_bundle ? of_bundle[f] : of_options[f];
  if (p->refused[0] != '\0')
    words = p->refused;
  else if (words == NULL)
    words = cqli_tls_last_error();
  snprintf(out, CQL_REASON_LEN, "%s", words);
  ERR_clear_error();
}
