#include "client/client_int.h"

#include <string.h>

/* A copy in the arena; sets *failed when memory is out. */
static const char *text(cql_arena *a, const char *from, bool *failed) {
  if (from == NULL) return NULL;
  const char *copy = cql_arena_str(a, cql_slice_str(from));
  *failed |= copy == NULL;
  return copy;
}

static cql_slice bytes(cql_arena *a, cql_slice from, bool *failed) {
  cql_slice copy = from;
  if (from.data != NULL) *failed |= cql_arena_slice(a, from, &copy) != CQL_OK;
  return copy;
}

static void copy_tls(cql_arena *a, cql_tls_config *t, bool *failed) {
  t->ca_path = text(a, t->ca_path, failed);
  t->cert_path = text(a, t->cert_path, failed);
  t->key_path = text(a, t->key_path, failed);
  t->key_password = text(a, t->key_password, failed);
  t->server_name = text(a, t->server_name, failed);
  t->ca_pem = bytes(a, t->ca_pem, failed);
  t->cert_pem = bytes(a, t->cert_pem, failed);
  t->key_pem = bytes(a, t->key_pem, failed);
}

static void copy_contacts(cql_arena *a, cql_client_config *c, bool *failed) {
  if (c->contact_count == 0) return; /* a bundle names them */
  cql_contact *contacts = cql_arena_array(a, c->contact_count, sizeof *contacts);
  *failed |= contacts == NULL;
  for (uint32_t i = 0; contacts != NULL && i < c->contact_count; i++) {
    contacts[i].host = text(a, c->contacts[i].host, failed);
    contacts[i].port = c->contacts[i].port != 0 ? c->contacts[i].port : CQL_CLIENT_PORT;
  }
  c->contacts = contacts;
}

static cql_status check_keyspace(const cql_client_config *c, cql_error *err) {
  if (c->keyspace != NULL && strlen(c->keyspace) >= CQL_NAME_LEN)
    return cql_fail(err, CQL_BAD_URL, "The name of the keyspace has more than %d bytes", CQL_NAME_LEN - 1);
  return CQL_OK;
}

static void fill(uint32_t *value, uint32_t otherwise) {
  if (*value == 0) *value = otherwise;
}

static void fill_defaults(cql_client_config *c) {
  fill(&c->connect_timeout_ms, CQL_CLIENT_CONNECT_TIMEOUT_MS);
  fill(&c->request_timeout_ms, CQL_CLIENT_REQUEST_TIMEOUT_MS);
  fill(&c->heartbeat_ms, CQL_CLIENT_HEARTBEAT_MS);
  fill(&c->agreement_timeout_ms, CQL_CLIENT_AGREEMENT_TIMEOUT_MS);
  fill(&c->reconnect_min_ms, CQL_CLIENT_RECONNECT_MIN_MS);
  fill(&c->reconnect_max_ms, CQL_CLIENT_RECONNECT_MAX_MS);
  fill(&c->connections, CQL_CLIENT_CONNECTIONS);
  fill(&c->queue_count, CQL_CLIENT_QUEUE_COUNT);
  if (c->direct_connections == 0) c->direct_connections = CQL_CLIENT_DIRECT_CONNECTIONS;
  if (c->reconnect_max_ms < c->reconnect_min_ms) c->reconnect_max_ms = c->reconnect_min_ms;
}

static bool has_bundle(const cql_client_config *c) {
  return c->bundle.data != NULL || c->bundle_path != NULL;
}

static cql_status check_bundle(const cql_client_config *c, cql_error *err) {
  if (c->contact_count > 0 || c->tls.enabled || c->local_dc != NULL)
    return cql_fail(
        err, CQL_BAD_URL,
        "Nodes, TLS and the local datacenter come from the secure connect bundle, and are not given with it");
  return CQL_OK;
}

/* The certificates, and the keyspace that requests run in when nobody has chosen another. */
static cql_status use_bundle(cqli_settings *s, const cql_client_config *config, cql_error *err) {
  cql_status st = cqli_bundle_load(&s->bundle, config, &s->arena, err);
  if (st != CQL_OK) return st;
  const cqli_bundle *b = &s->bundle;
  cql_client_config *c = &s->config;
  s->has_bundle = true;
  c->tls = (cql_tls_config){
      .enabled = true, .is_of_bundle = true, .ca_pem = b->ca_pem, .cert_pem = b->cert_pem, .key_pem = b->key_pem};
  if (c->keyspace == NULL) c->keyspace = b->keyspace;
  return check_keyspace(c, err);
}

static cql_status check(const cql_client_config *c, cql_error *err) {
  if (has_bundle(c)) {
    cql_status st = check_bundle(c, err);
    if (st != CQL_OK) return st;
  } else if (c->contact_count == 0)
    return cql_fail(err, CQL_BAD_URL, "There is no node to connect to");
  if (c->contact_count > CQL_CLIENT_CONTACTS_MAX)
    return cql_fail(err, CQL_BAD_URL, "At most %d nodes can be named to connect to, not %u", CQL_CLIENT_CONTACTS_MAX,
                    c->contact_count);
  if (c->connections > CQLI_CONNECTIONS_MAX)
    return cql_fail(err, CQL_BAD_URL, "At most %d connections per node can be shared, not %u", CQLI_CONNECTIONS_MAX,
                    c->connections);
  if (c->direct_connections > CQLI_DIRECT_MAX)
    return cql_fail(err, CQL_BAD_URL, "At most %d direct connections per node are possible, not %d", CQLI_DIRECT_MAX,
                    c->direct_connections);
  if (c->protocol != 0 && c->protocol != CQL_VERSION_4 && c->protocol != CQL_VERSION_5)
    return cql_fail(err, CQL_BAD_URL, "The native protocol is spoken in versions 4 and 5, not %u", c->protocol);
  if (c->local_dc != NULL && strlen(c->local_dc) >= CQL_NAME_LEN)
    return cql_fail(err, CQL_BAD_URL, "The name of the local datacenter has more than %d bytes", CQL_NAME_LEN - 1);
  return check_keyspace(c, err);
}

cql_status cqli_settings_copy(cqli_settings *out, const cql_client_config *config, cql_error *err) {
  cql_status st = check(config, err);
  if (st != CQL_OK) return st;
  bool failed = false;
  cql_client_config *c = &out->config;
  *c = *config;
  if (c->alloc == NULL) c->alloc = &cql_alloc_libc;
  cql_arena *a = &out->arena;
  cql_arena_init(a, c->alloc, CQL_ARENA_LIMIT_DEFAULT);
  copy_contacts(a, c, &failed);
  copy_tls(a, &c->tls, &failed);
  c->user = text(a, c->user, &failed);
  c->password = text(a, c->password, &failed);
  c->local_dc = text(a, c->local_dc, &failed);
  c->keyspace = text(a, c->keyspace, &failed);
  fill_defaults(c);
  st = failed ? cql_fail(err, CQL_NOMEM, "Out of memory") : CQL_OK;
  if (st == CQL_OK && has_bundle(config)) st = use_bundle(out, config, err);
  c->bundle_path = NULL; /* it has been read */
  c->bundle = cql_slice_of(NULL, 0);
  if (st != CQL_OK) cqli_settings_free(out);
  return st;
}

void cqli_settings_free(cqli_settings *s) {
  cqli_bundle_wipe(&s->bundle);
  cql_arena_free(&s->arena);
}
