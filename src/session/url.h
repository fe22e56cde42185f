/* url.h: a session URL and what it says. */
#ifndef CQLI_URL_H
#define CQLI_URL_H

#include "client/client.h"
#include "session/session.h"

typedef struct cqli_url {
  bool is_cluster, is_astra;   /* Astra DB is a cluster */
  char keyspace[CQL_NAME_LEN]; /* "" when not given */
  /* a file */
  bool in_memory;
  char path[CQL_SESSION_URL_LEN]; /* decoded, of a file or a secure connect bundle; "" in memory */
  bool durability_full;
  uint32_t busy_timeout_ms;
  /* a cluster; its texts stand in words */
  cql_client_config client;
  cql_contact contacts[CQL_CLIENT_CONTACTS_MAX];
  uint16_t consistency, serial_consistency;
  char words[2 * CQL_SESSION_URL_LEN]; /* decoded, each with its NUL; none is longer than what stands in the URL */
  size_t words_len;
} cqli_url;

/* CQL_BAD_URL with words that name the part, and never hold a password. out points into itself and must not move. */
cql_status cqli_url_parse(cqli_url *out, const char *text, cql_error *err);

/* --- what the kinds of URL share (url.c, url_options.c) ----------------------------------------------------------- */

/* Undoes %XX into out, NUL-terminated. What names the part in errors. */
cql_status cqli_url_decode(const char *what, cql_slice in, char *out, size_t cap, cql_error *err);
cql_status cqli_url_keyspace(cqli_url *url, const char *what, cql_slice value, cql_error *err);
/* A number between low and high. */
cql_status cqli_url_number(const char *name, cql_slice value, uint32_t low, uint32_t high, uint32_t *out,
                           cql_error *err);
/* Calls read for each name=value of text. It returns CQL_DONE for a name that it does not know: *index is the bit of
 * that name otherwise, and each may come once. */
typedef cql_status cqli_url_reader(cqli_url *url, cql_slice name, cql_slice value, uint32_t *index, cql_error *err);
cql_status cqli_url_options(cqli_url *url, const char *text, cqli_url_reader *read, const char *known, cql_error *err);

/* A decoded text in url->words. */
cql_status cqli_url_text(cqli_url *url, const char *what, cql_slice value, const char **out, cql_error *err);
/* The options of a client, from the ? on, or ""; all of it is checked. */
cql_status cqli_url_client_options(cqli_url *url, const char *text, cql_error *err);

/* text is what stands behind "local:", "cassandra:" and "astra:". */
cql_status cqli_url_parse_local(cqli_url *url, const char *text, cql_error *err);
cql_status cqli_url_parse_cluster(cqli_url *url, const char *text, cql_error *err);
cql_status cqli_url_parse_astra(cqli_url *url, const char *text, cql_error *err);

#endif
