/* test_nodes.c: rows of system.local, system.peers_v2 and system.peers as servers of all ages send them. */
#include <stdio.h>
#include <string.h>

#include "cluster.h"

#define ID      "11111111-2222-3333-4444-555555555555"
#define VERSION "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
#define TOKENS  "{'-9223372036854775808', '0', '9223372036854775807'}"

static const char *const LOCAL[] = {
    "key",  "text", "bootstrapped",    "text", "data_center",    "text", "host_id", "uuid",
    "rack", "text", "release_version", "text", "schema_version", "uuid", "tokens",  "set<text>",
    NULL};
static const char *const PEERS_V2[] = {"peer",
                                       "inet",
                                       "peer_port",
                                       "int",
                                       "data_center",
                                       "text",
                                       "host_id",
                                       "uuid",
                                       "native_address",
                                       "inet",
                                       "native_port",
                                       "int",
                                       "preferred_ip",
                                       "inet",
                                       "preferred_port",
                                       "int",
                                       "rack",
                                       "text",
                                       "release_version",
                                       "text",
                                       "schema_version",
                                       "uuid",
                                       "tokens",
                                       "set<text>",
                                       NULL};
static const char *const PEERS[] = {"peer",
                                    "inet",
                                    "data_center",
                                    "text",
                                    "host_id",
                                    "uuid",
                                    "preferred_ip",
                                    "inet",
                                    "rack",
                                    "text",
                                    "release_version",
                                    "text",
                                    "rpc_address",
                                    "inet",
                                    "schema_version",
                                    "uuid",
                                    "tokens",
                                    "set<text>",
                                    NULL};

static const cqli_address SELF = {.len = 4, .bytes = {127, 0, 0, 1}, .port = 9042};

typedef struct answer {
  cql_arena a;
  cqli_node *nodes;
  uint32_t count;
  cql_error err;
} answer;

static void read_init(answer *r) {
  *r = (answer){.count = 0};
  cql_arena_init(&r->a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
}

static cql_status read_peers(answer *r, cql_result *rows) {
  read_init(r);
  return cqli_nodes_read_peers(&r->a, rows, &SELF, &r->nodes, &r->count, &r->err);
}

static void assert_address(const cqli_node *n, const char *literal, uint16_t port) {
  cql_arena a;
  cql_slice bytes;
  cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  assert_int_equal(cql_value_parse(&a, cql_type_native(CQL_TYPE_INET), cql_slice_str(literal), &bytes, NULL), CQL_OK);
  assert_int_equal(n->address.len, bytes.len);
  assert_memory_equal(n->address.bytes, bytes.data, bytes.len);
  assert_int_equal(n->address.port, port);
  assert_int_equal(n->address.scope, 0);
  cql_arena_free(&a);
}

static void test_local(void **state) {
  (void)state;
  answer r;
  cqli_node n;
  cql_result *rows = rows_new(LOCAL);
  rows_put(rows, (const char *const[]){"'local'", "'COMPLETED'", "'dc1'", ID, "'rack1'", "'5.0.8'", VERSION, TOKENS});
  for (int round = 0; round < 2; round++) { /* the rows may be read again */
    read_init(&r);
    assert_int_equal(cqli_nodes_read_local(&r.a, rows, &SELF, &n, &r.err), CQL_OK);
    assert_address(&n, "'127.0.0.1'", 9042);
    assert_string_equal(n.dc, "dc1");
    assert_string_equal(n.rack, "rack1");
    assert_string_equal(n.release, "5.0.8");
    assert_int_equal(n.host_id[0], 0x11);
    assert_int_equal(n.host_id[15], 0x55);
    assert_true(n.has_schema_version);
    assert_int_equal(n.schema_version[0], 0xaa);
    assert_int_equal(n.token_count, 3);
    int64_t sum = 0;
    for (int i = 0; i < 3; i++) sum += n.tokens[i];
    assert_int_equal(sum, -1);
    cql_arena_free(&r.a);
  }
  cql_result_free(rows);
}

/* A proxy may know less than Cassandra. */
static void test_local_of_few_words(void **state) {
  (void)state;
  static const char *const COLUMNS[] = {"key", "text", "rack", "text", NULL};
  answer r;
  cqli_node n;
  read_init(&r);
  cql_result *rows = rows_new(COLUMNS);
  assert_int_equal(cqli_nodes_read_local(&r.a, rows, &SELF, &n, &r.err), CQL_MALFORMED);
  assert_non_null(strstr(r.err.message, "system.local is empty"));
  rows_put(rows, (const char *const[]){"'local'", "null"});
  assert_int_equal(cqli_nodes_read_local(&r.a, rows, &SELF, &n, &r.err), CQL_OK);
  assert_string_equal(n.dc, "");
  assert_string_equal(n.rack, "");
  assert_string_equal(n.release, "");
  assert_false(n.has_schema_version);
  assert_int_equal(n.token_count, 0);
  cql_result_free(rows);
  cql_arena_free(&r.a);
}

static void test_peers_v2(void **state) {
  (void)state;
  answer r;
  cql_result *rows = rows_new(PEERS_V2);
#define PEER(peer, address, port)                                                                                      \
  rows_put(rows, (const char *const[]){peer, "7000", "'dc1'", ID, address, port, "null", "null", "'r1'", "'5.0.8'",    \
                                       VERSION, TOKENS})
  PEER("'10.0.0.1'", "'192.168.0.1'", "9142");
  PEER("'10.0.0.2'", "'0.0.0.0'", "9142"); /* trap 35: it listens everywhere */
  PEER("'fe80::3'", "'::'", "9143");
  PEER("'10.0.0.4'", "'2001:db8::4'", "null");
  PEER("'10.0.0.5'", "'192.168.0.5'", "0");
  PEER("'10.0.0.6'", "'192.168.0.6'", "65536");
  PEER("'10.0.0.7'", "null", "9142");     /* left out: it has not said where */
  PEER("'0.0.0.0'", "'0.0.0.0'", "9142"); /* left out: nowhere */
  PEER("null", "'::'", "9142");           /* left out */
  PEER("null", "'192.168.0.10'", "9142");
  assert_int_equal(read_peers(&r, rows), CQL_OK);
  assert_int_equal(r.count, 7);
  assert_address(&r.nodes[0], "'192.168.0.1'", 9142);
  assert_address(&r.nodes[1], "'10.0.0.2'", 9142);
  assert_address(&r.nodes[2], "'fe80::3'", 9143);
  assert_address(&r.nodes[3], "'2001:db8::4'", 9042);
  assert_address(&r.nodes[4], "'192.168.0.5'", 9042);
  assert_address(&r.nodes[5], "'192.168.0.6'", 9042);
  assert_address(&r.nodes[6], "'192.168.0.10'", 9142);
  assert_string_equal(r.nodes[0].rack, "r1");
  cql_result_free(rows);
  cql_arena_free(&r.a);
}

/* Trap 36: nodes that join, and ghosts of those that left, have rows with nulls. */
static void test_peers(void **state) {
  (void)state;
  answer r;
  cql_result *rows = rows_new(PEERS);
#undef PEER
#define PEER(dc, id, rack, address, version, tokens)                                                                   \
  rows_put(rows, (const char *const[]){"'10.0.0.1'", dc, id, "null", rack, "'3.11.4'", address, version, tokens})
  PEER("'dc1'", ID, "'r1'", "'192.168.0.1'", VERSION, TOKENS);
  PEER("'dc1'", ID, "null", "'192.168.0.2'", "null", "{'5'}");
  PEER("null", ID, "'r1'", "'192.168.0.3'", VERSION, TOKENS);
  PEER("''", ID, "'r1'", "'192.168.0.3'", VERSION, TOKENS);
  PEER("'dc1'", "null", "'r1'", "'192.168.0.4'", VERSION, TOKENS);
  PEER("'dc1'", "0x", "'r1'", "'192.168.0.4'", VERSION, TOKENS);
  PEER("'dc1'", ID, "'r1'", "null", VERSION, TOKENS);
  PEER("'dc1'", ID, "'r1'", "0x", VERSION, TOKENS);
  PEER("'dc1'", ID, "'r1'", "'192.168.0.5'", VERSION, "null");
  PEER("'dc1'", ID, "'r1'", "'192.168.0.5'", VERSION, "0x00000000");
  PEER("'dc1'", ID, "'r1'", "'0.0.0.0'", VERSION, "{'7'}");
  assert_int_equal(read_peers(&r, rows), CQL_OK);
  assert_int_equal(r.count, 3);
  assert_address(&r.nodes[0], "'192.168.0.1'", 9042);
  assert_string_equal(r.nodes[0].release, "3.11.4");
  assert_string_equal(r.nodes[1].rack, "");
  assert_false(r.nodes[1].has_schema_version);
  assert_int_equal(r.nodes[1].tokens[0], 5);
  assert_address(&r.nodes[2], "'10.0.0.1'", 9042);
  cql_result_free(rows);
  cql_arena_free(&r.a);
}

/* RandomPartitioner goes up to 2^127, ByteOrderedPartitioner has hexadecimal digits. The node is one all the same. */
static void test_odd_tokens(void **state) {
  (void)state;
  static const char *const ODD[] = {"{'1', '9223372036854775808'}",
                                    "{'-9223372036854775809'}",
                                    "{'170141183460469231731687303715884105728'}",
                                    "{'00ff'}",
                                    "{''}",
                                    "{'-'}",
                                    "{'+1'}",
                                    "{' 1'}",
                                    "{'--1'}"};
  for (size_t i = 0; i < sizeof ODD / sizeof *ODD; i++) {
    answer r;
    cql_result *rows = rows_new(PEERS);
    PEER("'dc1'", ID, "'r1'", "'192.168.0.1'", VERSION, ODD[i]);
    assert_int_equal(read_peers(&r, rows), CQL_OK);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.nodes[0].token_count, 0);
    cql_result_free(rows);
    cql_arena_free(&r.a);
  }
}

/* Bytes that cannot be what the column says. */
static void test_malformed(void **state) {
  (void)state;
  static const char *const ODD[][6] = {
      {"'dc1'", "0x11", "'r1'", "'1.1.1.1'", VERSION, TOKENS},
      {"'dc1'", ID, "'r1'", "0x010203", VERSION, TOKENS},
      {"'dc1'", ID, "'r1'", "'1.1.1.1'", "0x1111111111111111111111111111111111", TOKENS},
      {"'dc1'", ID, "'r1'", "'1.1.1.1'", VERSION, "0x00000001"},
      {"'dc1'", ID, "'r1'", "'1.1.1.1'", VERSION, "0x7fffffff0000000131"},
      {"'dc1'", ID, "'r1'", "'1.1.1.1'", VERSION, "0x00000001000000ff31"},
      {"'dc1'", ID, "'r1'", "'1.1.1.1'", VERSION, "0x00"},
  };
  for (size_t i = 0; i < sizeof ODD / sizeof *ODD; i++) {
    answer r;
    cql_result *rows = rows_new(PEERS);
    PEER(ODD[i][0], ODD[i][1], ODD[i][2], ODD[i][3], ODD[i][4], ODD[i][5]);
    assert_int_equal(read_peers(&r, rows), CQL_MALFORMED);
    assert_int_equal(r.err.status, CQL_MALFORMED);
    cql_result_free(rows);
    cql_arena_free(&r.a);
  }
}

/* Rows that are cut anywhere, and a count of rows that cannot be. */
static void test_cut(void **state) {
  (void)state;
  answer r;
  cql_result *rows = rows_new(PEERS);
  PEER("'dc1'", ID, "'r1'", "'192.168.0.1'", VERSION, TOKENS);
  PEER("'dc1'", ID, "'r1'", "'192.168.0.2'", VERSION, TOKENS);
  size_t whole = rows->body.len;
  for (size_t len = 0; len < whole; len++) {
    rows->body.len = len;
    assert_int_equal(read_peers(&r, rows), CQL_MALFORMED);
    cql_arena_free(&r.a);
  }
  rows->body.len = whole;
  rows->row_count = UINT64_MAX;
  assert_int_equal(read_peers(&r, rows), CQL_MALFORMED);
  cql_arena_free(&r.a);
  rows->column_count = 0;
  assert_int_equal(read_peers(&r, rows), CQL_MALFORMED);
  cql_arena_free(&r.a);
  rows->column_count = 9;
  cql_result_free(rows);
}

static void test_nomem(void **state) {
  (void)state;
  cql_result *rows = rows_new(PEERS);
  cql_result *local = rows_new(LOCAL);
  char many[9000] = "{'1'";
  for (int i = 2; i < 1000; i++) snprintf(many + strlen(many), 16, ",'%d'", i);
  strcat(many, "}");
  for (int i = 0; i < 20; i++) PEER("'dc1'", ID, "'r1'", "'192.168.0.1'", VERSION, many);
  rows_put(local, (const char *const[]){"'local'", "''", "'dc1'", ID, "'rack1'", "'5.0.8'", VERSION, many});
  for (size_t nth = 0;; nth++) {
    faulty f = {.left = nth};
    cql_alloc alloc = faulty_alloc(&f);
    cql_arena a;
    cqli_node n, *peers;
    uint32_t count;
    cql_error err;
    cql_arena_init(&a, &alloc, CQL_ARENA_LIMIT_DEFAULT);
    cql_status st = cqli_nodes_read_local(&a, local, &SELF, &n, &err);
    if (st == CQL_OK) st = cqli_nodes_read_peers(&a, rows, &SELF, &peers, &count, &err);
    cql_arena_free(&a);
    assert_int_equal(f.live_bytes, 0);
    assert_int_equal(st, f.fired ? CQL_NOMEM : CQL_OK);
    if (!f.fired) break;
    assert_int_equal(err.status, CQL_NOMEM);
    assert_true(nth < 100);
  }
  cql_result_free(rows);
  cql_result_free(local);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_local),      cmocka_unit_test(test_local_of_few_words),
      cmocka_unit_test(test_peers_v2),   cmocka_unit_test(test_peers),
      cmocka_unit_test(test_odd_tokens), cmocka_unit_test(test_malformed),
      cmocka_unit_test(test_cut),        cmocka_unit_test(test_nomem),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
