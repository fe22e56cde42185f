/* url_options.c: the options of a cluster and of Astra DB, which is one: ?option=value&…
 *
 * Behind a secure connect bundle some options have no place: what they say comes from the bundle.
 */
#include <stddef.h>
#include <string.h>

#include "session/session_int.h"
#include "session/url.h"

/* --- texts -------------------------------------------------------------------------------------------------------- */

cql_status cqli_url_text(cqli_url *url, const char *what, cql_slice value, const char **out, cql_error *err) {
  char *to = url->words + url->words_len;
  cql_status st = cqli_url_decode(what, value, to, sizeof url->words - url->words_len, err);
  if (st != CQL_OK) return st;
  url->words_len += strlen(to) + 1;
  *out = to;
  return CQL_OK;
}

/* --- the table ---------------------------------------------------------------------------------------------------- */

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

typedef enum place { ANYWHERE, CLUSTER_ONLY, ASTRA_ONLY } place;

typedef struct word {
  const char *name, *what;
  size_t field; /* of cql_client_config, a const char * */
  place place;
  bool tls;
} word;

#define WORD(name, member, place, tls)                                                                                 \
  { name, "option " name, offsetof(cql_client_config, member), place, tls }
static const word words[] = {
    WORD("user", user, ASTRA_ONLY, false),
    WORD("password", password, ASTRA_ONLY, false),
    WORD("local_dc", local_dc, CLUSTER_ONLY, false),
    WORD("tls_ca", tls.ca_path, CLUSTER_ONLY, true),
    WORD("tls_cert", tls.cert_path, CLUSTER_ONLY, true),
    WORD("tls_key", tls.key_path, CLUSTER_ONLY, true),
    WORD("tls_key_password", tls.key_password, CLUSTER_ONLY, true),
    WORD("tls_name", tls.server_name, CLUSTER_ONLY, true),
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

/* A URL of Astra DB that names hosts is a mistake that deserves an answer. */
static cql_status read_hosts(cqli_url *url, cql_slice value, cql_error *err) {
  (void)url;
  (void)value;
  (void)err;
  return CQL_DONE; /* elsewhere they stand before the options */
}

static const struct other {
  const char *name;
  place place;
  cql_status (*read)(cqli_url *url, cql_slice value, cql_error *err);
} others[] = {
    {"keyspace", ANYWHERE, read_keyspace},
    {"consistency", ANYWHERE, read_consistency},
    {"serial_consistency", ANYWHERE, read_serial_consistency},
    {"compression", ANYWHERE, read_compression},
    {"tls", CLUSTER_ONLY, read_tls},
    {"tls_check", CLUSTER_ONLY, read_tls_check},
    {"protocol", ANYWHERE, read_protocol},
    {"direct_connections", ANYWHERE, read_direct},
    {"hosts", CLUSTER_ONLY, read_hosts},
};

enum {
  NUMBER_COUNT = sizeof numbers / sizeof *numbers,
  WORD_COUNT = sizeof words / sizeof *words,
  OTHER_COUNT = sizeof others / sizeof *others
};
_Static_assert(NUMBER_COUNT + WORD_COUNT + OTHER_COUNT <= 32, "the options that were seen are bits of 32");

static cql_status read_word(cqli_url *url, const word *w, cql_slice value, cql_error *err) {
  if (value.len == 0) return cql_fail(err, CQL_BAD_URL, "The option %s is empty", w->name);
  return cqli_url_text(url, w->what, value, (const char **)((char *)&url->client + w->field), err);
}

static cql_status refuse_in_astra(const char *name, cql_error *err) {
  return cql_fail(
      err, CQL_BAD_URL,
      "The option %s is not given for Astra DB: hosts, the data centre and TLS come from the secure connect "
      "bundle",
      name);
}

/* CQL_OK: it may be read. */
static cql_status may_stand(const cqli_url *url, place where, const char *name, cql_error *err) {
  if (url->is_astra && where == CLUSTER_ONLY) return refuse_in_astra(name, err);
  return !url->is_astra && where == ASTRA_ONLY ? CQL_DONE : CQL_OK;
}

static cql_status read_known_word(cqli_url *url, const word *w, cql_slice value, cql_error *err) {
  cql_status st = may_stand(url, w->place, w->name, err);
  return st == CQL_OK ? read_word(url, w, value, err) : st;
}

static cql_status read_other(cqli_url *url, const struct other *o, cql_slice value, cql_error *err) {
  cql_status st = may_stand(url, o->place, o->name, err);
  return st == CQL_OK ? o->read(url, value, err) : st;
}

static cql_status read_option(cqli_url *url, cql_slice name, cql_slice value, uint32_t *index, cql_error *err) {
  *index = 0;
  for (size_t i = 0; i < NUMBER_COUNT; i++, ++*index)
    if (cql_slice_eq_str(name, numbers[i].name))
      return cqli_url_number(numbers[i].name, value, numbers[i].low, numbers[i].high,
                             (uint32_t *)((char *)&url->client + numbers[i].field), err);
  for (size_t i = 0; i < WORD_COUNT; i++, ++*index)
    if (cql_slice_eq_str(name, words[i].name)) return read_known_word(url, &words[i], value, err);
  for (size_t i = 0; i < OTHER_COUNT; i++, ++*index)
    if (cql_slice_eq_str(name, others[i].name)) return read_other(url, &others[i], value, err);
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

/* Both or neither: where they are is a matter of the kind of URL, that they are is not. */
static cql_status check_user(const cqli_url *url, cql_error *err) {
  const cql_client_config *c = &url->client;
  if ((c->user == NULL) == (c->password == NULL)) return CQL_OK;
  return cql_fail(err, CQL_BAD_URL, "user and password are given together; the %s is missing",
                  c->user == NULL ? "user" : "password");
}

cql_status cqli_url_client_options(cqli_url *url, const char *text, cql_error *err) {
  const char *known =
      url->is_astra ? "docs/ref/libcql.md lists those of Astra DB" : "docs/ref/libcql.md lists those of a cluster";
  cql_status st = CQL_OK;
  url->is_cluster = true;
  url->consistency = CQL_LOCAL_QUORUM;
  url->serial_consistency = CQL_LOCAL_SERIAL;
  if (*text == '?') st = cqli_url_options(url, text + 1, read_option, known, err);
  if (st == CQL_OK) st = check_user(url, err);
  if (st == CQL_OK && !url->is_astra) st = check_tls(url, err);
  if (st == CQL_OK) st = check_reconnect(url, err);
  if (url->keyspace[0] != '\0') url->client.keyspace = url->keyspace;
  return st;
}
