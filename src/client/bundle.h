/* bundle.h: Astra's secure connect bundle, and what its metadata service says. Reading only: bytes in, texts out, no
 * I/O.
 *
 * Layout of the bundle and of the answer: the DataStax drivers (CloudConfigFactory.java,
 * cloud_secure_connection_config.cpp).
 */
#ifndef CQLI_BUNDLE_H
#define CQLI_BUNDLE_H

#include "base/base.h"

enum {
  CQLI_BUNDLE_LEN = 1 << 20,       /* bytes of a bundle: ten times what Astra's have */
  CQLI_BUNDLE_ENTRY_LEN = 1 << 18, /* bytes of one entry when inflated */
  CQLI_METADATA_LEN = 1 << 20,     /* bytes of the metadata service's answer */
  CQLI_METADATA_NODES_MAX = 4096,  /* contact points in it */
  CQLI_HTTP_HEAD_LEN = 16 * 1024,  /* bytes of the head of an answer, all lines */
};

/* What a bundle says. The texts lie in the arena that it was read into. A NUL, which is not counted, ends the PEMs. */
typedef struct cqli_bundle {
  const char *host;     /* of the metadata service */
  uint16_t port;        /* of the metadata service */
  const char *keyspace; /* NULL: the bundle names none */
  cql_slice ca_pem, cert_pem, key_pem;
} cqli_bundle;

/* Reads a bundle from memory: nothing is unpacked to a file. zip is borrowed while it is read; the texts are copied.
 * Entries may be stored or deflated, and may lie in one folder; only ca.crt, cert, key and config.json are inflated,
 * and what they took of our memory is overwritten, but for the copies. CQL_BAD_URL: what is wrong with it, in words (no
 * zip file, cut short, an entry is missing, there twice, or larger than CQLI_BUNDLE_ENTRY_LEN, config.json is no JSON,
 * has no host or no port). CQL_NOMEM. After an error there is no key in the arena. */
cql_status cqli_bundle_read(cqli_bundle *out, cql_slice zip, cql_arena *arena, cql_error *err);
/* Overwrites the private key. The arena may go then. */
void cqli_bundle_wipe(cqli_bundle *b);

/* What the metadata service says. The texts lie in the arena. */
typedef struct cqli_metadata {
  const char *local_dc;   /* NULL: not said */
  const char *proxy_host; /* a name or an address, IPv6 without brackets */
  uint16_t proxy_port;
  uint32_t node_count;         /* 1 or more */
  const char *const *host_ids; /* as texts of 36 characters, lower case */
} cqli_metadata;

/* Nodes that are named twice are there once. A port that is not said is 9042. json is borrowed while it is read.
 * CQL_CONNECTION: what is wrong with it, in words. CQL_NOMEM. */
cql_status cqli_metadata_read(cqli_metadata *out, cql_slice json, cql_arena *arena, cql_error *err);
/* The "message" of an error's JSON body into out (cap with its NUL, 1 or more): one line, cut at a character; "" when
 * there is none. */
void cqli_metadata_message(cql_slice json, char *out, size_t cap);

/* --- the answer of an HTTP/1.1 server ----------------------------------------------------------------------------- */

/* Fed with bytes as they come: by Content-Length, chunked, or until the end of the connection. Interim answers (1xx)
 * are passed over. What follows the answer is left out: not for reuse of a connection. */
typedef struct cqli_http {
  cql_arena *arena; /* of the body */
  int status;       /* 0 until the head is there */
  bool is_json;     /* the content type says so; false until the head is there */
  cql_slice body;   /* when done */
  struct cqli_http_state *state;
} cqli_http;

cql_status cqli_http_begin(cqli_http *h, cql_arena *arena, cql_error *err);
/* bytes are borrowed for the call. CQL_OK: more is needed. CQL_DONE: the answer is whole. CQL_CONNECTION: it is no
 * HTTP, or longer than the limits. CQL_NOMEM. */
cql_status cqli_http_feed(cqli_http *h, cql_slice bytes, cql_error *err);
/* The server has closed: CQL_DONE, or CQL_CONNECTION when something is missing. */
cql_status cqli_http_end(cqli_http *h, cql_error *err);

#endif
