/* nodes.c: what the nodes of a cluster say of themselves and of each other, in system.local, system.peers_v2 and
 * system.peers. All columns are asked for, since none but the key is in all versions: Cassandra's, Scylla's, proxies'.
 */
#include "client/map_int.h"

#include <string.h>

const char *const cqli_query_local = "SELECT * FROM system.local WHERE key = 'local'";
const char *const cqli_query_peers_v2 = "SELECT * FROM system.peers_v2";
const char *const cqli_query_peers = "SELECT * FROM system.peers";
const char *const cqli_query_keyspaces = "SELECT keyspace_name, replication FROM system_schema.keyspaces";

/* --- cells -------------------------------------------------------------------------------------------------------- */

static cql_status odd_length(cql_error *err, const char *name, cql_slice bytes) {
  return cql_fail(err, CQL_MALFORMED, "%s of a node has %zu bytes", name, bytes.len);
}

/* CQL_DONE: null, which an empty value is here too. */
static cql_status read_uuid(const cqli_rows *r, const char *name, uint8_t out[16], cql_error *err) {
  cql_slice bytes = cqli_rows_cell(r, name);
  if (bytes.len == 0) return CQL_DONE;
  if (bytes.len != 16) return odd_length(err, name, bytes);
  memcpy(out, bytes.data, 16);
  return CQL_OK;
}

/* CQL_DONE: null, or 0.0.0.0 or ::, which a node says that listens on all its interfaces. */
static cql_status read_inet(const cqli_rows *r, const char *name, cqli_address *out, cql_error *err) {
  static const uint8_t ANY[16];
  cql_slice bytes = cqli_rows_cell(r, name);
  if (bytes.len == 0) return CQL_DONE;
  if (bytes.len != 4 && bytes.len != 16) return odd_length(err, name, bytes);
  if (memcmp(bytes.data, ANY, bytes.len) == 0) return CQL_DONE;
  *out = (cqli_address){.len = (uint8_t)bytes.len};
  memcpy(out->bytes, bytes.data, bytes.len);
  return CQL_OK;
}

static cql_status read_port(const cqli_rows *r, const char *name, uint16_t default_port, uint16_t *out,
                            cql_error *err) {
  cql_slice bytes = cqli_rows_cell(r, name);
  *out = default_port;
  if (bytes.len == 0) return CQL_OK;
  if (bytes.len != 4) return odd_length(err, name, bytes);
  uint32_t port = cql_load_u32(bytes.data);
  if (port > 0 && port <= UINT16_MAX) *out = (uint16_t)port;
  return CQL_OK;
}

static cql_status read_text(const cqli_rows *r, const char *name, cql_arena *a, const char **out) {
  *out = cql_arena_str(a, cqli_rows_cell(r, name));
  return *out == NULL ? CQL_NOMEM : CQL_OK;
}

/* --- tokens ------------------------------------------------------------------------------------------------------- */

static bool read_token(cql_slice text, int64_t *out) {
  bool minus = text.len > 0 && text.data[0] == '-';
  uint64_t n = 0, max = minus ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
  if (text.len == (size_t)minus) return false;
  for (size_t i = minus; i < text.len; i++) {
    unsigned digit = text.data[i] - (unsigned)'0';
    if (digit > 9 || n > (max - digit) / 10) return false;
    n = n * 10 + digit;
  }
  *out = (int64_t)(minus ? 0 - n : n);
  return true;
}

/* Tokens of another partitioner than Murmur3Partitioner are none to us: they say nothing of where a key is. */
static cql_status read_tokens(const cqli_rows *r, cql_arena *a, cqli_node *out, bool *any, cql_error *err) {
  cql_elements e;
  cql_slice text;
  cql_status st = cqli_rows_elements(r, "tokens", &e, err);
  out->tokens = NULL;
  out->token_count = 0;
  *any = st == CQL_OK && e.left > 0;
  if (st != CQL_OK) return st == CQL_DONE ? CQL_OK : st;
  int64_t *tokens = cql_arena_array(a, e.left, sizeof *tokens);
  if (tokens == NULL) return CQL_NOMEM;
  uint32_t count = 0;
  while ((st = cql_elements_next(&e, &text)) == CQL_OK && read_token(text, &tokens[count])) count++;
  if (st == CQL_MALFORMED) return cql_fail(err, st, "the tokens of a node are cut short");
  out->tokens = tokens;
  out->token_count = st == CQL_DONE ? count : 0;
  return CQL_OK;
}

/* --- nodes -------------------------------------------------------------------------------------------------------- */

/* What local and peers have in common. */
static cql_status read_common(const cqli_rows *r, cql_arena *a, cqli_node *out, bool *has_id, bool *has_tokens,
                              cql_error *err) {
  cql_status st = read_uuid(r, "host_id", out->host_id, err);
  *has_id = st == CQL_OK;
  if (st != CQL_OK && st != CQL_DONE) return st;
  st = read_uuid(r, "schema_version", out->schema_version, err);
  out->has_schema_version = st == CQL_OK;
  if (st != CQL_OK && st != CQL_DONE) return st;
  CQL_TRY(read_text(r, "data_center", a, &out->dc));
  CQL_TRY(read_text(r, "rack", a, &out->rack));
  CQL_TRY(read_text(r, "release_version", a, &out->release));
  CQL_TRY(read_tokens(r, a, out, has_tokens, err));
done:
  return st == CQL_NOMEM ? cql_fail(err, st, "out of memory") : st;
}

/* Where a peer speaks CQL: native_address (peers_v2) or rpc_address (peers), else the address it has among its peers.
 * CQL_DONE: nowhere. */
static cql_status read_address(const cqli_rows *r, const cqli_address *self, cqli_address *out, cql_error *err) {
  const char *name = cqli_rows_cell(r, "native_address").len > 0 ? "native_address" : "rpc_address";
  uint16_t port;
  if (cqli_rows_cell(r, name).len == 0) return CQL_DONE; /* it has not said so yet */
  cql_status st = read_port(r, "native_port", self->port, &port, err);
  if (st != CQL_OK) return st;
  st = read_inet(r, name, out, err);
  if (st == CQL_DONE) st = read_inet(r, "peer", out, err);
  if (st == CQL_OK) out->port = port;
  return st;
}

/* The address that it names is of no use to us when it is behind a proxy. */
static void place(cqli_node *n, const cqli_address *self) {
  if (!self->is_host_id) return;
  n->native = n->address;
  n->address = cqli_address_of_host_id(n->host_id);
}

cql_status cqli_nodes_read_local(cql_arena *a, cql_result *rows, const cqli_address *self, cqli_node *out,
                                 cql_error *err) {
  cqli_rows r;
  bool has_id, has_tokens;
  cql_status st = cqli_rows_open(&r, a, rows, err);
  if (st != CQL_OK) return st;
  st = cqli_rows_next(&r, err);
  if (st == CQL_DONE) return cql_fail(err, CQL_MALFORMED, "system.local is empty");
  if (st != CQL_OK) return st;
  *out = (cqli_node){.address = *self};
  st = read_common(&r, a, out, &has_id, &has_tokens, err);
  if (st != CQL_OK || !self->is_host_id || !has_id) return st;
  st = read_address(&r, self, &out->address, err);
  if (st == CQL_DONE) out->address.len = 0;
  place(out, self);
  return st == CQL_DONE ? CQL_OK : st;
}

/* CQL_DONE: it is left out. */
static cql_status read_peer(const cqli_rows *r, cql_arena *a, const cqli_address *self, cqli_node *out,
                            cql_error *err) {
  bool has_id, has_tokens;
  *out = (cqli_node){0};
  cql_status st = read_address(r, self, &out->address, err);
  if (st != CQL_OK) return st;
  st = read_common(r, a, out, &has_id, &has_tokens, err);
  if (st != CQL_OK) return st;
  place(out, self);
  return has_id && has_tokens && out->dc[0] != '\0' ? CQL_OK : CQL_DONE;
}

cql_status cqli_nodes_read_peers(cql_arena *a, cql_result *rows, const cqli_address *self, cqli_node **out,
                                 uint32_t *count, cql_error *err) {
  cqli_rows r;
  *count = 0;
  cql_status st = cqli_rows_open(&r, a, rows, err);
  if (st != CQL_OK) return st;
  *out = cql_arena_array(a, rows->row_count, sizeof **out);
  if (*out == NULL) return cql_fail(err, CQL_NOMEM, "out of memory");
  while ((st = cqli_rows_next(&r, err)) == CQL_OK) {
    st = read_peer(&r, a, self, &(*out)[*count], err);
    if (st == CQL_OK) ++*count;
    if (st != CQL_OK && st != CQL_DONE) return st;
  }
  return st == CQL_DONE ? CQL_OK : st;
}
