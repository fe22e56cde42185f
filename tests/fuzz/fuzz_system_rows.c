/* fuzz_system_rows.c: any bytes as rows of the system tables from which a client learns of its cluster. Two bytes say
 * which table and how many rows; the others are the rows. What is read becomes a map, and is asked for replicas.
 */
#include "fuzz.h"

#include "client/map.h"

enum { COLUMNS_MAX = 9, BODY_LEN_MAX = 1 << 16 };

static const char *const PEERS[COLUMNS_MAX][2] = {
    {"peer", "inet"},        {"native_address", "inet"}, {"native_port", "int"},      {"host_id", "uuid"},
    {"data_center", "text"}, {"rack", "text"},           {"release_version", "text"}, {"schema_version", "uuid"},
    {"tokens", "set<text>"}};
static const char *const KEYSPACES[2][2] = {{"keyspace_name", "text"}, {"replication", "frozen<map<text, text>>"}};

static cql_result *rows_of(const uint8_t *data, size_t size, const char *const (*columns)[2], uint32_t count) {
  cql_result *r = cql_result_new(&cql_alloc_libc, BODY_LEN_MAX);
  r->kind = CQL_RESULT_ROWS;
  r->column_count = count;
  r->columns = cql_arena_zero(&r->arena, count * sizeof *r->columns);
  for (uint32_t i = 0; i < count; i++) {
    r->columns[i].name = columns[i][0];
    cql_status st = cql_type_parse_cql(&r->arena, cql_slice_str(columns[i][1]), NULL, &r->columns[i].type, NULL);
    FUZZ_REQUIRE(st == CQL_OK, "%s", columns[i][1]);
  }
  r->row_count = data[1];
  cql_buf_put(&r->body, data + 2, size - 2);
  return r;
}

static void ask(const cqli_map *m, const char *dc, const char *keyspace) {
  const uint16_t *replicas;
  uint16_t plan[8];
  uint32_t count, nodes = cqli_map_node_count(m);
  cqli_map_replicas(m, keyspace, 0, &replicas, &count);
  FUZZ_REQUIRE(count <= nodes, "%u of %u", count, nodes);
  for (uint32_t i = 0; i < count; i++) {
    FUZZ_REQUIRE(replicas[i] < nodes, "%u of %u", replicas[i], nodes);
    for (uint32_t k = 0; k < i; k++) FUZZ_REQUIRE(replicas[k] != replicas[i], "%u twice", replicas[i]);
  }
  count = cqli_plan_fill(m, &(cqli_plan_question){.keyspace = keyspace, .local_dc = dc, .random = nodes}, plan, 8);
  FUZZ_REQUIRE(count > 0 && count <= nodes, "%u of %u", count, nodes);
}

static void map_and_ask(const cqli_node *nodes, uint32_t count, cql_result *keyspaces) {
  cqli_map *m;
  cql_error err = {.status = CQL_OK};
  cql_status st = cqli_map_new(&m, &cql_alloc_libc, nodes, count, keyspaces, &err);
  if (st != CQL_OK) {
    fuzz_require_words(st, &err);
    return;
  }
  if (count > 0) ask(m, nodes[0].dc, "k");
  cqli_map_release(m);
}

static void read_peers(const uint8_t *data, size_t size) {
  cql_arena a;
  cqli_node local, *peers;
  uint32_t count;
  cqli_address self = {.len = 4, .port = 9042};
  cql_error err = {.status = CQL_OK};
  cql_result *rows = rows_of(data, size, PEERS, COLUMNS_MAX);
  cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  cql_status st = cqli_nodes_read_peers(&a, rows, &self, &peers, &count, &err);
  if (st != CQL_OK)
    fuzz_require_words(st, &err);
  else
    map_and_ask(peers, count, NULL);
  err.status = CQL_OK;
  st = cqli_nodes_read_local(&a, rows, &self, &local, &err);
  if (st != CQL_OK)
    fuzz_require_words(st, &err);
  else
    map_and_ask(&local, 1, NULL);
  cql_arena_free(&a);
  cql_result_free(rows);
}

static void read_keyspaces(const uint8_t *data, size_t size) {
  static const int64_t TOKENS[] = {-9, 0, 9, 99};
  static const char *const DCS[] = {"a", "a", "b", "a"}, *const RACKS[] = {"r", "s", "r", "r"};
  cqli_node nodes[4];
  cql_result *rows = rows_of(data, size, KEYSPACES, 2);
  for (int i = 0; i < 4; i++)
    nodes[i] = (cqli_node){.host_id = {1, (uint8_t)i},
                           .dc = DCS[i],
                           .rack = RACKS[i],
                           .release = "",
                           .tokens = &TOKENS[i],
                           .token_count = 1};
  map_and_ask(nodes, 4, rows);
  cql_result_free(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2 || size - 2 > BODY_LEN_MAX) return 0;
  (data[0] % 2 == 0 ? read_peers : read_keyspaces)(data, size);
  return 0;
}
