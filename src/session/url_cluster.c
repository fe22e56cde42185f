/* url_cluster.c: cassandra://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…][/KEYSPACE][?option=value&…], scylla:// alike.
 *
 * Whatever a password may have leaked into, because a character of it was not percent-encoded, is not shown in errors:
 * user, password, and what is no port.
 */
#include "session/url.h"

#include <stddef.h>
#include <string.h>

#include "session/session_int.h"

/* --- texts -------------------------------------------------------------------------------------------------------- */

static cql_status read_text(cqli_url *url, const char *what, cql_slice value, const char **out, cql_error *err) {
  char *to = url->words + url->words_len;
  cql_status st = cqli_url_decode(what, value, to, sizeof url->words - url->words_len, err);
  if (st != CQL_OK) return st;
  url->words_len += strlen(to) + 1;
  *out = to;
  return CQL_OK;
}

static const uint8_t *last_of(cql_slice in, uint8_t byte) {
  for (size_t i = in.len; i > 0; i--)
    if (in.data[i - 1] == byte) return in.data + i - 1;
  return NULL;
}

/* --- who ---------------------------------------------------------------------------------------------------------- */

static cql_status read_credentials(cqli_url *url, cql_slice in, cql_error *err) {
  const uint8_t *colon = in.len > 0 ? memchr(in.data, ':', in.len) : NULL;
  if (colon == NULL)
    return cql_fail(err, CQL_BAD_URL, "The URL has a user and no password: write cassandra://USER:PASSWORD@HOST");
  size_t user_len = (size_t)(colon - in.data);
  if (user_len == 0) return cql_fail(err, CQL_BAD_URL, "The URL has a password and no user before it");
  cql_status st = read_text(url, "user", cql_slice_of(in.data, user_len), &url->client.user, err);
  if (st != CQL_OK) return st;
  return read_text(url, "password", cql_slice_of(colon + 1, in.len - user_len - 1), &url->client.password, err);
}

/* --- where -------------------------------------------------------------------------------------------------------- */

static cql_status read_port(cqli_url *url, cql_slice in, const cql_contact *contact, uint16_t *out, cql_error *err) {
  uint32_t port = 0;
  (void)url;
  if (cqli_url_number("port", in, 1, UINT16_MAX, &port, NULL) != CQL_OK)
    return cql_fail(err, CQL_BAD_URL, "What follows the colon behind '%s' is a port, a number from 1 to %d",
                    contact->host, UINT16_MAX);
  *out = (uint16_t)port;
  return CQL_OK;
}

/* Splits HOST[:PORT] or [IPV6][:PORT]. rest: what follows the host. */
static cql_status split_host(cql_slice in, cql_slice *host, cql_slice *rest, cql_error *err) {
  const uint8_t *end = NULL;
  bool bracket = in.len > 0 && in.data[0] == '[';
  if (bracket) {
    end = memchr(in.data, ']', in.len);
    if (end == NULL) return cql_fail(err, CQL_BAD_URL, "A host begins with [ and there is no ] behind it");
    *host = cql_slice_of(in.data + 1, (size_t)(end - in.data) - 1);
    end++;
  } else {
    end = in.len > 0 ? memchr(in.data, ':', in.len) : NULL;
    if (end == NULL) end = in.data + in.len;
    *host = cql_slice_of(in.data, (size_t)(end - in.data));
  }
  *rest = cql_slice_of(end, in.len - (size_t)(end - in.data));
  if (!bracket && rest->len > 1 && memchr(rest->data + 1, ':', rest->len - 1) != NULL)
    return cql_fail(err, CQL_BAD_URL, "A host has two colons; an IPv6 address is written in brackets: [::1]:9042");
  if (host->len == 0) return cql_fail(err, CQL_BAD_URL, "A host is empty: write cassandra://HOST or HOST,HOST");
  if (rest->len > 0 && rest->data[0] != ':')
    return cql_fail(err, CQL_BAD_URL, "Only a colon and a port may follow the ] of an IPv6 address");
  return CQL_OK;
}

static cql_status read_contact(cqli_url *url, cql_slice in, cql_error *err) {
  if (url->client.contact_count == CQL_CLIENT_CONTACTS_MAX)
    return cql_fail(err, CQL_BAD_URL, "The URL names more than %d hosts", CQL_CLIENT_CONTACTS_MAX);
  cql_contact *contact = &url->contacts[url->client.contact_count];
  cql_slice host, rest;
  cql_status st = split_host(in, &host, &rest, err);
  if (st == CQL_OK) st = read_text(url, "host", host, &contact->host, err);
  if (st != CQL_OK) return st;
  contact->port = CQL_CLIENT_PORT;
  url->client.contact_count++;
  return rest.len == 0 ? CQL_OK
                       : read_port(url, cql_slice_of(rest.data + 1, rest.len - 1), contact, &contact->port, err);
}

static cql_status read_authority(cqli_url *url, cql_slice in, cql_error *err) {
  const uint8_t *at = last_of(in, '@');
  if (at != NULL) {
    size_t len = (size_t)(at - in.data);
    cql_status st = read_credentials(url, cql_slice_of(in.data, len), err);
    if (st != CQL_OK) return st;
    in = cql_slice_of(at + 1, in.len - len - 1);
  }
  url->client.contacts = url->contacts;
  for (;;) {
    const uint8_t *comma = in.len > 0 ? memchr(in.data, ',', in.len) : NULL;
    size_t len = comma != NULL ? (size_t)(comma - in.data) : in.len;
    cql_status st = read_contact(url, cql_slice_of(in.data, len), err);
    if (st != CQL_OK || comma == NULL) return st;
    in = cql_slice_of(comma + 1, in.len - len - 1);
  }
}

/* --- options ------------------------------------------------------------------------------------------------------ */

typedef struct number {
  const char *name;
  size_t field; /* of cql_client_config, a uint32_t */
  uint32_t low, high;
} number;

#define NUMBER(name, member, low, high)                                                                                \
  { name, offsetof(cql_client_config, member), low, high }
static const number numbers[] = {
    NUMBER("request_timeout_ms", request_timeout_ms, 1, CQL_SESSION_TIMEOUT_MAX_MS),
    NUMBER("connect_timeout_ms", connect_timeout_ms, 1, CQL_SESSION_TIMEOUT_MAX_MS),
    NUMBER("heartbeat_ms", heartbeat_ms, 100, CQL_SESSION_TIMEOUT_MAX_MS),
    NUMBER("schema_agreement_timeout_ms", agreement_timeout_ms, 1, CQL_SESSION_TIMEOUT_MAX_MS),
    NUMBER("reconnect_min_ms", reconnect_min_ms, 1, CQL_SESSION_TIMEOUT_MAX_MS),
    NUMBER("reconnect_max_ms", reconnect_max_ms, 1, CQL_SESSION_TIMEOUT_MAX_MS),
    NUMBER("speculative_delay_ms", speculative_delay_ms, 0, CQL_SESSION_TIMEOUT_MAX_MS),
    NUMBER("connections", connections, 1, CQL_SESSION_CONNECTIONS_MAX),
    NUMBER("queue_count", queue_count, 1, CQL_SESSION_QUEUE_MAX),
};

typedef struct word {
  const char *name, *what;
  size_t field; /* of cql_client_config, a const char * */
  bool tls;
} word;

#define WORD(name, member, tls)                                                                                        \
  { name, "option " name, offsetof(cql_client_config, member), tls }
static const word words[] = {
    WORD("local_dc", local_dc, false),
    WORD("tls_ca", tls.ca_path, true),
    WORD("tls_cert", tls.cert_path, true),
    WORD("tls_key", tls.key_path, true),
    WORD("tls_key_password", tls.key_password, true),
    WORD("tls_name", tls.server_name, true),
};

/* Which of the names is value? -1 with words. */
static int choose(const char *name, cql_slice value, const char *const *names, int count, const char *known,
                  cql_error *err) {
  for (int i = 0; i < count; i++)
    if (cql_slice_eq_str(value, names[i])) return i;
  cql_fail(err, CQL_BAD_URL, "The option %s is %s, not '" CQL_SLICE_FMT "'", name, known, CQL_SLICE_ARG(value));
  return -1;
}

static cql_status read_compression(cqli_url *url, cql_slice value, cql_error *err) {
  static const char *const names[] = {"none", "lz4"};
  int i = choose("compression", value, names, 2, "lz4 or none", err);
  url->client.lz4 = i == 1;
  return i < 0 ? CQL_BAD_URL : CQL_OK;
}

static cql_status read_tls(cqli_url *url, cql_slice value, cql_error *err) {
  static const char *const names[] = {"off", "on"};
  int i = choose("tls", value, names, 2, "on or off", err);
  url->client.tls.enabled = i == 1;
  return i < 0 ? CQL_BAD_URL : CQL_OK;
}

static cql_status read_tls_check(cqli_url *url, cql_slice value, cql_error *err) {
  static const char *const names[] = {"full", "ca", "none"}; /* as cql_tls_check counts */
  int i = choose("tls_check", value, names, 3, "full, ca or none", err);
  if (i < 0) return CQL_BAD_URL;
  url->client.tls.check = (cql_tls_check)i;
  return CQL_OK;
}

static cql_status read_protocol(cqli_url *url, cql_slice value, cql_error *err) {
  static const char *const names[] = {"4", "5"};
  int i = choose("protocol", value, names, 2, "4 or 5", err);
  url->client.protocol = i == 0 ? CQL_VERSION_4 : CQL_VERSION_5;
  return i < 0 ? CQL_BAD_URL : CQL_OK;
}

static cql_status read_direct(cqli_url *url, cql_slice value, cql_error *err) {
  uint32_t n;
  cql_status st = cqli_url_number("direct_connections", value, 0, CQL_SESSION_CONNECTIONS_MAX, &n, err);
  url->client.direct_connections = n == 0 ? -1 : (int32_t)n;
  return st;
}

/* A default serves reads and writes alike: no level that one of them cannot have. */
static cql_status read_consistency(cqli_url *url, cql_slice value, cql_error *err) {
  int level = cqli_consistency_named(value);
  if (level < 0 || level == CQL_ANY || level == CQL_SERIAL || level == CQL_LOCAL_SERIAL)
    return cql_fail(err, CQL_BAD_URL,
                    "The option consistency is ONE, TWO, THREE, QUORUM, ALL, LOCAL_QUORUM, EACH_QUORUM or LOCAL_ONE, "
                    "not '" CQL_SLICE_FMT "'",
                    CQL_SLICE_ARG(value));
  url->consistency = (uint16_t)level;
  return CQL_OK;
}

static cql_status read_serial_consistency(cqli_url *url, cql_slice value, cql_error *err) {
  int level = cqli_consistency_named(value);
  if (level != CQL_SERIAL && level != CQL_LOCAL_SERIAL)
    return cql_fail(err, CQL_BAD_URL,
                    "The option serial_consistency is SERIAL or LOCAL_SERIAL, not '" CQL_SLICE_FMT "'",
                    CQL_SLICE_ARG(value));
  url->serial_consistency = (uint16_t)level;
  return CQL_OK;
}

static cql_status read_keyspace(cqli_url *url, cql_slice value, cql_error *err) {
  return cqli_url_keyspace(url, "option keyspace", value, err);
}

static const struct other {
  const char *name;
  cql_status (*read)(cqli_url *url, cql_slice value, cql_error *err);
} others[] = {
    {"keyspace", read_keyspace},
    {"consistency", read_consistency},
    {"serial_consistency", read_serial_consistency},
    {"compression", read_compression},
    {"tls", read_tls},
    {"tls_check", read_tls_check},
    {"protocol", read_protocol},
    {"direct_connections", read_direct},
};

enum {
  NUMBER_COUNT = sizeof numbers / sizeof *numbers,
  WORD_COUNT = sizeof words / sizeof *words,
  OTHER_COUNT = sizeof others / sizeof *others
};
_Static_assert(NUMBER_COUNT + WORD_COUNT + OTHER_COUNT <= 32, "the options that were seen are bits of 32");

static cql_status read_word(cqli_url *url, const word *w, cql_slice value, cql_error *err) {
  if (value.len == 0) return cql_fail(err, CQL_BAD_URL, "The option %s is empty", w->name);
  return read_text(url, w->what, value, (const char **)((char *)&url->client + w->field), err);
}

static cql_status read_option(cqli_url *url, cql_slice name, cql_slice value, uint32_t *index, cql_error *err) {
  *index = 0;
  for (size_t i = 0; i < NUMBER_COUNT; i++, ++*index)
    if (cql_slice_eq_str(name, numbers[i].name))
      return cqli_url_number(numbers[i].name, value, numbers[i].low, numbers[i].high,
                             (uint32_t *)((char *)&url->client + numbers[i].field), err);
  for (size_t i = 0; i < WORD_COUNT; i++, ++*index)
    if (cql_slice_eq_str(name, words[i].name)) return read_word(url, &words[i], value, err);
  for (size_t i = 0; i < OTHER_COUNT; i++, ++*index)
    if (cql_slice_eq_str(name, others[i].name)) return others[i].read(url, value, err);
  return CQL_DONE;
}

/* --- what must fit together --------------------------------------------------------------------------------------- */

/* An option that would be ignored is a mistake, the more so when it was to make things safe. */
static cql_status check_tls(const cqli_url *url, cql_error *err) {
  const cql_client_config *c = &url->client;
  if (c->tls.enabled) {
    if ((c->tls.cert_path == NULL) != (c->tls.key_path == NULL))
      return cql_fail(err, CQL_BAD_URL, "tls_cert and tls_key are given together: a certificate and its key");
    if (c->tls.key_password != NULL && c->tls.key_path == NULL)
      return cql_fail(err, CQL_BAD_URL, "tls_key_password is for a tls_key, which is not given");
    return CQL_OK;
  }
  for (size_t i = 0; i < WORD_COUNT; i++)
    if (words[i].tls && *(const char *const *)((const char *)c + words[i].field) != NULL)
      return cql_fail(err, CQL_BAD_URL, "The option %s has no meaning without tls=on", words[i].name);
  if (c->tls.check != CQL_TLS_CHECK_FULL)
    return cql_fail(err, CQL_BAD_URL, "The option tls_check has no meaning without tls=on");
  return CQL_OK;
}

static cql_status check_reconnect(const cqli_url *url, cql_error *err) {
  uint32_t low = url->client.reconnect_min_ms, high = url->client.reconnect_max_ms;
  if (low == 0) low = CQL_CLIENT_RECONNECT_MIN_MS;
  if (high == 0) high = CQL_CLIENT_RECONNECT_MAX_MS;
  if (low <= high) return CQL_OK;
  return cql_fail(err, CQL_BAD_URL, "reconnect_min_ms is %u, more than reconnect_max_ms, which is %u", low, high);
}

cql_status cqli_url_parse_cluster(cqli_url *url, const char *text, cql_error *err) {
  url->is_cluster = true;
  url->consistency = CQL_LOCAL_QUORUM;
  url->serial_consistency = CQL_LOCAL_SERIAL;
  if (strncmp(text, "//", 2) != 0)
    return cql_fail(err, CQL_BAD_URL, "The URL of a cluster has // before its hosts: write cassandra://HOST");
  text += 2;
  size_t len = strcspn(text, "/?");
  const char *path = text + len;
  size_t path_len = strcspn(path, "?");
  if (memchr(path, '@', path_len) != NULL)
    return cql_fail(err, CQL_BAD_URL,
                    "There is an @ behind the first /: in a user or password / is written %%2F, ? %%3F and @ %%40");
  cql_status st = read_authority(url, cql_slice_of(text, len), err);
  if (st == CQL_OK && path_len > 1) st = cqli_url_keyspace(url, "keyspace", cql_slice_of(path + 1, path_len - 1), err);
  if (st == CQL_OK && path[path_len] == '?')
    st = cqli_url_options(url, path + path_len + 1, read_option, "docs/ref/libcql.md lists those of a cluster", err);
  if (st == CQL_OK) st = check_tls(url, err);
  if (st == CQL_OK) st = check_reconnect(url, err);
  if (url->keyspace[0] != '\0') url->client.keyspace = url->keyspace;
  return st;
}
