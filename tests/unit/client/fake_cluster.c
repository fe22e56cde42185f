/* fake_cluster.c: see fake_cluster.h. */
#include "fake_cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_LEN_MAX = 1024 * 1024, LITERAL_LEN = 64 };

/* --- system tables ------------------------------------------------------------------------------------------------ */

static void put_result(cql_buf *out, uint8_t version, cql_result *r) {
  const cql_rows_metadata metadata = {.column_count = r->column_count, .columns = r->columns};
  cql_put_rows(out, version, &metadata, (uint32_t)r->row_count, cql_buf_view(&r->body));
  cql_result_free(r);
}

static void uuid_literal(char out[LITERAL_LEN], uint32_t first, uint32_t last) {
  snprintf(out, LITERAL_LEN, "%08x-0000-4000-8000-%012x", (unsigned)first, (unsigned)last);
}

/* Node 0 owns what lies below 0, node 1 the rest; a node that is alone has all of it. */
static const char *tokens_of(uint32_t node) {
  return node == 0 ? "{'0'}" : "{'9223372036854775807'}";
}

static void put_local(cql_buf *out, uint8_t version, const fake_node *n) {
  static const char *const COLUMNS[] = {"key",         "text",      "host_id", "uuid", "schema_version",  "uuid",
                                        "data_center", "text",      "rack",    "text", "release_version", "text",
                                        "tokens",      "set<text>", NULL};
  char id[LITERAL_LEN], schema[LITERAL_LEN];
  uuid_literal(id, 1, n->index);
  uuid_literal(schema, 2, atomic_load(&n->schema));
  cql_result *r = rows_new(COLUMNS);
  rows_put(r, (const char *const[]){"'local'", id, schema, "'dc1'", "'rack1'", "'5.0.8'", tokens_of(n->index)});
  put_result(out, version, r);
}

static void put_peers(cql_buf *out, uint8_t version, const fake_node *self) {
  static const char *const COLUMNS[] = {"peer",        "inet", "native_address", "inet", "native_port",     "int",
                                        "host_id",     "uuid", "schema_version", "uuid", "release_version", "text",
                                        "data_center", "text", "rack",           "text", "tokens",          "set<text>",
                                        NULL};
  cql_result *r = rows_new(COLUMNS);
  for (uint32_t i = 0; i < self->cluster->count; i++) {
    const fake_node *n = &self->cluster->nodes[i];
    char id[LITERAL_LEN], schema[LITERAL_LEN], port[LITERAL_LEN];
    if (n == self || atomic_load(&n->has_left)) continue;
    uuid_literal(id, 1, i);
    uuid_literal(schema, 2, atomic_load(&n->gossip));
    snprintf(port, sizeof port, "%u", atomic_load(&n->port));
    rows_put(r, (const char *const[]){"'127.0.0.1'", "'127.0.0.1'", port, id, schema, "'5.0.8'", "'dc1'", "'rack1'",
                                      tokens_of(i)});
  }
  put_result(out, version, r);
}

static void put_keyspaces(cql_buf *out, uint8_t version) {
  cql_result *r = keyspaces_new();
  keyspaces_put(r, "ks", "{'class': 'SimpleStrategy', 'replication_factor': '1'}");
  put_result(out, version, r);
}

/* --- statements --------------------------------------------------------------------------------------------------- */

enum { COLUMNS_MAX = 4 };

static uint32_t columns_of(const fake_cluster *c, cql_column out[COLUMNS_MAX], char id[LITERAL_LEN]) {
  static const char *const NAMES[COLUMNS_MAX] = {"key", "more", "still_more", "most"};
  uint32_t count = 1 + atomic_load(&c->shape);
  assert_true(count <= COLUMNS_MAX);
  for (uint32_t i = 0; i < count; i++) out[i] = (cql_column){"ks", "t", NAMES[i], cql_type_native(CQL_TYPE_TEXT)};
  snprintf(id, LITERAL_LEN, "shape %u", count);
  return count;
}

static void put_prepared(cql_buf *out, uint8_t version, const fake_cluster *c, cql_slice text) {
  static const uint16_t KEY[] = {0};
  cql_column columns[COLUMNS_MAX];
  char id[LITERAL_LEN];
  const cql_column bind = {"ks", "t", "key", cql_type_native(CQL_TYPE_TEXT)};
  uint32_t count = columns_of(c, columns, id);
  const cql_prepared_result p = {.id = text,
                                 .metadata_id = cql_slice_str(id),
                                 .bind_count = 1,
                                 .binds = &bind,
                                 .key_index_count = 1,
                                 .key_indexes = KEY,
                                 .rows = {.column_count = count, .columns = columns}};
  cql_put_prepared(out, version, &p);
}

/* One row, each of its cells the marker's value. Its columns are left out when the client knows them. */
static void put_row(cql_buf *out, uint8_t version, const fake_cluster *c, const cql_message *m) {
  cql_column columns[COLUMNS_MAX];
  char id[LITERAL_LEN];
  cql_rows_metadata metadata = {.column_count = columns_of(c, columns, id), .columns = columns};
  bool is_known = cql_slice_eq_str(m->metadata_id, id);
  if (!is_known) metadata.new_metadata_id = cql_slice_str(id);
  if (is_known && m->parameters.skip_metadata) metadata.columns = NULL;
  const cql_value *key = &m->parameters.values[0];
  cql_buf row;
  cql_buf_init(&row, &cql_alloc_libc, ANSWER_LEN_MAX);
  for (uint32_t i = 0; i < metadata.column_count; i++) {
    cql_buf_u32(&row, (uint32_t)key->len);
    cql_buf_slice(&row, cql_slice_of(key->data, (size_t)key->len));
  }
  cql_put_rows(out, version, &metadata, 1, cql_buf_view(&row));
  cql_buf_free(&row);
}

static void put_unprepared(cql_buf *out, uint8_t version, cql_slice id) {
  const cql_server_error e = {.code = 0x2500, .message = CQL_SLICE_LITERAL("Prepared query not found"), .id = id};
  cql_put_error(out, version, &e);
}

/* --- what a node answers ------------------------------------------------------------------------------------------ */

static bool begins(cql_slice text, const char *with) {
  return text.len >= strlen(with) && memcmp(text.data, with, strlen(with)) == 0;
}

static bool has(cql_slice text, const char *part) {
  return memmem(text.data, text.len, part, strlen(part)) != NULL;
}

static bool answer_query(const fake_node *n, uint8_t version, cql_slice text, cql_buf *out) {
  if (has(text, "system.local"))
    put_local(out, version, n);
  else if (has(text, "system.peers_v2"))
    put_peers(out, version, n);
  else if (has(text, "system_schema.keyspaces"))
    put_keyspaces(out, version);
  else if (begins(text, "CREATE"))
    cql_put_schema_change(out, version,
                          &(cql_schema_change){CQL_SLICE_LITERAL("CREATED"), CQL_SLICE_LITERAL("TABLE"),
                                               CQL_SLICE_LITERAL("ks"), CQL_SLICE_LITERAL("t")});
  else
    return false;
  return true;
}

static bool answer(void *user, uint8_t version, const cql_message *m, cql_buf *out) {
  fake_node *n = user;
  switch (m->opcode) {
  case CQL_OP_QUERY: return answer_query(n, version, m->text, out);
  case CQL_OP_PREPARE:
    atomic_store(&n->has_forgotten, false);
    put_prepared(out, version, n->cluster, m->text);
    return true;
  case CQL_OP_EXECUTE:
    if (atomic_load(&n->has_forgotten))
      put_unprepared(out, version, m->id);
    else
      put_row(out, version, n->cluster, m);
    return true;
  default: return false;
  }
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static void start_node(fake_node *n, const char *address, uint16_t port) {
  const fake_cluster *c = n->cluster;
  n->server = fake_server_start(&(fake_config){.answer = answer,
                                               .user_of_answer = n,
                                               .keyspace = "ks",
                                               .address = address,
                                               .port = port,
                                               .cert = c->cert,
                                               .key = c->key,
                                               .client_ca = c->client_ca});
  atomic_store(&n->port, fake_server_port(n->server));
}

void fake_cluster_move(fake_cluster *c, uint32_t node, const char *address) {
  uint16_t port = atomic_load(&c->nodes[node].port);
  fake_server_stop(c->nodes[node].server);
  start_node(&c->nodes[node], address, port);
}

fake_cluster *fake_cluster_start(uint32_t count) {
  return fake_cluster_start_secure(count, NULL, NULL, NULL);
}

fake_cluster *fake_cluster_start_secure(uint32_t count, const char *cert, const char *key, const char *client_ca) {
  fake_cluster *c = calloc(1, sizeof *c);
  assert_non_null(c);
  c->cert = cert;
  c->key = key;
  c->client_ca = client_ca;
  assert_true(count <= FAKE_NODES_MAX);
  c->count = count;
  for (uint32_t i = 0; i < count; i++) {
    fake_node *n = &c->nodes[i];
    n->cluster = c;
    n->index = i;
    start_node(n, NULL, 0);
  }
  return c;
}

void fake_cluster_stop(fake_cluster *c) {
  for (uint32_t i = 0; i < c->count; i++) fake_server_stop(c->nodes[i].server);
  free(c);
}

const char *fake_key(uint32_t node) {
  static const char *const KEYS[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
  for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++)
    if ((cql_murmur3_token(cql_slice_str(KEYS[i])) > 0) == (node == 1)) return KEYS[i];
  fail_msg("no key of node %u", node);
  return NULL;
}

uint32_t fake_cluster_requests(fake_cluster *c, int opcode) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < c->count; i++) n += fake_server_requests(c->nodes[i].server, opcode);
  return n;
}

void fake_cluster_rule(fake_cluster *c, const fake_rule *rule) {
  for (uint32_t i = 0; i < c->count; i++) fake_server_rule(c->nodes[i].server, rule);
}

void fake_cluster_announce(fake_cluster *c) {
  static const uint8_t ADDRESS[] = {127, 0, 0, 1};
  cql_buf event;
  cql_buf_init(&event, &cql_alloc_libc, ANSWER_LEN_MAX);
  cql_put_event(&event, CQL_VERSION_5,
                &(cql_event){.type = CQL_SLICE_LITERAL("TOPOLOGY_CHANGE"),
                             .change = CQL_SLICE_LITERAL("REMOVED_NODE"),
                             .address = {ADDRESS, sizeof ADDRESS},
                             .port = 9042});
  for (uint32_t i = 0; i < c->count; i++) fake_server_push(c->nodes[i].server, cql_buf_view(&event));
  cql_buf_free(&event);
}
