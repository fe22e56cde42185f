/* test_requests.c: what a client writes and a server reads, in both versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/protocol_int.h"
#include "support.h"

typedef struct written {
  cql_buf b;
  cql_arena a;
  cql_message m;
  cql_error err;
} written;

static void written_init(written *w) {
  cql_buf_init(&w->b, &cql_alloc_libc, CQL_BODY_LEN_MAX + 1024);
  cql_arena_init(&w->a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
}

static void written_free(written *w) {
  cql_buf_free(&w->b);
  cql_arena_free(&w->a);
}

static void read_back(written *w, uint8_t version, cql_opcode opcode) {
  cql_envelope e = envelope_of(&w->b);
  assert_int_equal(e.version, version);
  assert_false(e.is_response);
  assert_int_equal(e.opcode, opcode);
  assert_int_equal(e.stream, 0);
  if (cql_request_decode(&w->m, &w->a, &e, &w->err) != CQL_OK) fail_msg("%s", w->err.message);
  assert_int_equal(w->m.opcode, opcode);
}

static void require_text(cql_slice s, const char *text) {
  if (!cql_slice_eq_str(s, text)) fail_msg("%.*s is not %s", (int)s.len, (const char *)s.data, text);
}

static const cql_value VALUES[] = {
    {(const uint8_t *)"ab", 2}, {NULL, CQL_NULL}, {NULL, CQL_UNSET}, {(const uint8_t *)"", 0}};

static void require_values(const cql_value *values, uint32_t count) {
  assert_int_equal(count, 4);
  for (uint32_t i = 0; i < count; i++) {
    assert_int_equal(values[i].len, VALUES[i].len);
    assert_true((values[i].data == NULL) == (VALUES[i].data == NULL));
  }
  assert_memory_equal(values[0].data, "ab", 2);
}

/* Every part of the parameters that the version has. */
static cql_parameters all_parameters(uint8_t version) {
  return (cql_parameters){.consistency = CQL_LOCAL_QUORUM,
                          .serial_consistency = CQL_LOCAL_SERIAL,
                          .values = VALUES,
                          .value_count = 4,
                          .skip_metadata = true,
                          .page_size = 77,
                          .paging_state = CQL_SLICE_LITERAL("here"),
                          .timestamp = -5,
                          .keyspace = version == 5 ? CQL_SLICE_LITERAL("ks") : (cql_slice){NULL, 0}};
}

static void require_parameters(const cql_parameters *p, uint8_t version) {
  assert_int_equal(p->consistency, CQL_LOCAL_QUORUM);
  assert_int_equal(p->serial_consistency, CQL_LOCAL_SERIAL);
  require_values(p->values, p->value_count);
  assert_true(p->skip_metadata);
  assert_int_equal(p->page_size, 77);
  require_text(p->paging_state, "here");
  assert_int_equal(p->timestamp, -5);
  if (version == 5)
    require_text(p->keyspace, "ks");
  else
    assert_null(p->keyspace.data);
}

/* Trap 13: the flags are a byte in version 4 and an int in version 5; trap 15: null is -1, unset is -2. */
static void test_trap_13_query(void **state) {
  (void)state;
  for (uint8_t version = 4; version <= 5; version++) {
    written w;
    written_init(&w);
    cql_parameters p = all_parameters(version);
    assert_int_equal(cql_put_query(&w.b, version, CQL_SLICE_LITERAL("SELECT"), &p, &w.err), CQL_OK);
    size_t flags_at = 9 + 4 + 6 + 2;
    if (version == 4)
      assert_int_equal(w.b.data[flags_at], 0x3F);
    else
      assert_int_equal(cql_load_u32(w.b.data + flags_at), 0xBF);
    read_back(&w, version, CQL_OP_QUERY);
    require_text(w.m.text, "SELECT");
    require_parameters(&w.m.parameters, version);
    assert_null(w.m.value_names);
    written_free(&w);
  }
}

static void test_query_with_nothing(void **state) {
  (void)state;
  for (uint8_t version = 4; version <= 5; version++) {
    written w;
    written_init(&w);
    cql_parameters p = {.consistency = CQL_ONE, .timestamp = CQL_TIMESTAMP_NONE};
    assert_int_equal(cql_put_query(&w.b, version, CQL_SLICE_LITERAL(""), &p, &w.err), CQL_OK);
    assert_int_equal(w.b.len, 9 + 4 + 2 + (version == 4 ? 1 : 4));
    read_back(&w, version, CQL_OP_QUERY);
    assert_int_equal(w.m.text.len, 0);
    assert_int_equal(w.m.parameters.value_count, 0);
    assert_int_equal(w.m.parameters.timestamp, CQL_TIMESTAMP_NONE);
    assert_int_equal(w.m.parameters.page_size, 0);
    assert_null(w.m.parameters.paging_state.data);
    written_free(&w);
  }
}

/* Trap 14: PREPARE has flags only in version 5, and so has EXECUTE the id of its metadata. */
static void test_trap_14_prepare_and_execute(void **state) {
  (void)state;
  for (uint8_t version = 4; version <= 5; version++) {
    written w;
    written_init(&w);
    cql_slice keyspace = version == 5 ? CQL_SLICE_LITERAL("ks") : (cql_slice){NULL, 0};
    assert_int_equal(cql_put_prepare(&w.b, version, CQL_SLICE_LITERAL("SELECT ?"), keyspace, &w.err), CQL_OK);
    assert_int_equal(w.b.len, 9 + 4 + 8 + (version == 4 ? 0 : 4 + 4));
    read_back(&w, version, CQL_OP_PREPARE);
    require_text(w.m.text, "SELECT ?");
    assert_true(cql_slice_eq(w.m.keyspace, keyspace));
    cql_buf_reset(&w.b);
    cql_parameters p = all_parameters(version);
    assert_int_equal(cql_put_execute(&w.b, version, CQL_SLICE_LITERAL("id"), CQL_SLICE_LITERAL("meta"), &p, &w.err),
                     CQL_OK);
    read_back(&w, version, CQL_OP_EXECUTE);
    require_text(w.m.id, "id");
    if (version == 5)
      require_text(w.m.metadata_id, "meta");
    else
      assert_null(w.m.metadata_id.data);
    require_parameters(&w.m.parameters, version);
    written_free(&w);
  }
}

/* Trap 15: null is -1, unset -2, empty 0. */
static void test_trap_15_null_and_unset(void **state) {
  (void)state;
  written w;
  written_init(&w);
  cql_parameters p = {.consistency = CQL_ONE, .values = VALUES, .value_count = 4, .timestamp = CQL_TIMESTAMP_NONE};
  assert_int_equal(cql_put_query(&w.b, 4, CQL_SLICE_LITERAL("x"), &p, &w.err), CQL_OK);
  static const uint8_t WANT[] = {0,   1,   1,   0,   4,   0,   0,   0, 2, 'a', 'b', 255,
                                 255, 255, 255, 255, 255, 255, 254, 0, 0, 0,   0};
  assert_int_equal(w.b.len, 9 + 5 + sizeof WANT);
  assert_memory_equal(w.b.data + 9 + 5, WANT, sizeof WANT);
  written_free(&w);
}

/* Trap 18: SERIAL is a consistency of reads too. */
static void test_trap_18_serial_read(void **state) {
  (void)state;
  written w;
  written_init(&w);
  cql_parameters p = {.consistency = CQL_LOCAL_SERIAL, .timestamp = CQL_TIMESTAMP_NONE};
  assert_int_equal(cql_put_query(&w.b, 5, CQL_SLICE_LITERAL("SELECT"), &p, &w.err), CQL_OK);
  read_back(&w, 5, CQL_OP_QUERY);
  assert_int_equal(w.m.parameters.consistency, CQL_LOCAL_SERIAL);
  assert_int_equal(w.m.parameters.serial_consistency, 0);
  written_free(&w);
}

/* Trap 42: version 4 has no keyspace of a request, and saying nothing would run it in another. */
static void test_trap_42_keyspace_of_a_request(void **state) {
  (void)state;
  written w;
  written_init(&w);
  cql_parameters p = {.consistency = CQL_ONE, .timestamp = CQL_TIMESTAMP_NONE, .keyspace = CQL_SLICE_LITERAL("ks")};
  cql_slice text = CQL_SLICE_LITERAL("SELECT");
  assert_int_equal(cql_put_query(&w.b, 4, text, &p, &w.err), CQL_UNSUPPORTED);
  assert_int_equal(cql_put_prepare(&w.b, 4, text, p.keyspace, &w.err), CQL_UNSUPPORTED);
  assert_int_equal(cql_put_batch(&w.b, 4, CQL_BATCH_LOGGED, NULL, 0, &p, &w.err), CQL_UNSUPPORTED);
  assert_int_equal(w.b.len, 0);
  assert_int_equal(cql_put_query(&w.b, 5, text, &p, &w.err), CQL_OK);
  read_back(&w, 5, CQL_OP_QUERY);
  require_text(w.m.parameters.keyspace, "ks");
  written_free(&w);
}

/* Trap 13: the consistency of a batch stands behind its statements. Trap 16: counts of two bytes. */
static void test_trap_13_batch(void **state) {
  (void)state;
  const cql_batch_item items[] = {{.id = CQL_SLICE_LITERAL("id"), .values = VALUES, .value_count = 4},
                                  {.text = CQL_SLICE_LITERAL("INSERT")}};
  for (uint8_t version = 4; version <= 5; version++) {
    written w;
    written_init(&w);
    cql_parameters p = all_parameters(version);
    assert_int_equal(cql_put_batch(&w.b, version, CQL_BATCH_UNLOGGED, items, 2, &p, &w.err), CQL_OK);
    size_t at = 9 + 1 + 2 + (1 + 4 + 2 + 4 * 4 + 2) + (1 + 4 + 6 + 2);
    assert_int_equal(cql_load_u16(w.b.data + at), CQL_LOCAL_QUORUM);
    read_back(&w, version, CQL_OP_BATCH);
    assert_int_equal(w.m.batch_type, CQL_BATCH_UNLOGGED);
    assert_int_equal(w.m.item_count, 2);
    require_text(w.m.items[0].id, "id");
    require_values(w.m.items[0].values, w.m.items[0].value_count);
    assert_null(w.m.items[1].id.data);
    require_text(w.m.items[1].text, "INSERT");
    assert_int_equal(w.m.items[1].value_count, 0);
    assert_int_equal(w.m.parameters.consistency, CQL_LOCAL_QUORUM);
    assert_int_equal(w.m.parameters.serial_consistency, CQL_LOCAL_SERIAL);
    assert_int_equal(w.m.parameters.timestamp, -5);
    assert_int_equal(w.m.parameters.value_count, 0); /* flag 0x40 and values never go with a batch */
    assert_int_equal(w.m.parameters.page_size, 0);
    written_free(&w);
  }
}

/* Trap 41: a token may be null. */
static void test_trap_41_handshake(void **state) {
  (void)state;
  const cql_pair options[] = {{CQL_SLICE_LITERAL("CQL_VERSION"), CQL_SLICE_LITERAL("3.0.0")},
                              {CQL_SLICE_LITERAL("COMPRESSION"), CQL_SLICE_LITERAL("lz4")}};
  const char *events[] = {"STATUS_CHANGE", "SCHEMA_CHANGE"};
  for (uint8_t version = 4; version <= 5; version++) {
    written w;
    written_init(&w);
    cql_put_options(&w.b, version);
    assert_int_equal(w.b.len, 9);
    read_back(&w, version, CQL_OP_OPTIONS);
    cql_buf_reset(&w.b);
    cql_put_startup(&w.b, version, options, 2);
    read_back(&w, version, CQL_OP_STARTUP);
    assert_int_equal(w.m.pair_count, 2);
    require_text(w.m.pairs[1].name, "COMPRESSION");
    require_text(w.m.pairs[1].value, "lz4");
    cql_buf_reset(&w.b);
    cql_put_register(&w.b, version, events, 2);
    read_back(&w, version, CQL_OP_REGISTER);
    assert_int_equal(w.m.pair_count, 2);
    require_text(w.m.pairs[0].name, "STATUS_CHANGE");
    assert_null(w.m.pairs[0].value.data);
    cql_buf_reset(&w.b);
    cql_put_auth_response(&w.b, version, CQL_SLICE_LITERAL("\0me\0secret"));
    read_back(&w, version, CQL_OP_AUTH_RESPONSE);
    assert_int_equal(w.m.token.len, 10);
    cql_buf_reset(&w.b);
    cql_put_auth_response(&w.b, version, cql_slice_of(NULL, 0)); /* trap 41: null, not empty */
    read_back(&w, version, CQL_OP_AUTH_RESPONSE);
    assert_null(w.m.token.data);
    written_free(&w);
  }
}

/* --- what is not sent --------------------------------------------------------------------------------------------- */

static void test_trap_16_refused_puts(void **state) {
  (void)state;
  written w;
  written_init(&w);
  cql_parameters p = {.consistency = CQL_ONE, .timestamp = CQL_TIMESTAMP_NONE};
  cql_slice text = CQL_SLICE_LITERAL("SELECT");
  cql_put_options(&w.b, 4);
  cql_value *many = calloc(65536, sizeof *many);
  for (uint32_t i = 0; i < 65536; i++) many[i] = (cql_value){NULL, CQL_NULL};
  p.values = many;
  p.value_count = 65536;
  assert_int_equal(cql_put_query(&w.b, 5, text, &p, &w.err), CQL_LIMIT);
  assert_string_equal(w.err.message, "65536 values are more than the 65535 that a statement can have");
  p.value_count = 2;
  many[1].len = -3; /* trap 15 */
  assert_int_equal(cql_put_execute(&w.b, 5, text, text, &p, &w.err), CQL_MISUSE);
  assert_string_equal(w.err.message, "Value 1 has a length of -3");
  p.value_count = 0;
  cql_slice long_text = cql_slice_of(text.data, (size_t)CQL_BODY_LEN_MAX + 1); /* refused before it is looked at */
  assert_int_equal(cql_put_query(&w.b, 5, long_text, &p, &w.err), CQL_LIMIT);
  assert_int_equal(cql_put_execute(&w.b, 5, cql_slice_of(text.data, 65536), text, &p, &w.err), CQL_LIMIT);
  cql_batch_item *items = calloc(65536, sizeof *items);
  for (uint32_t i = 0; i < 65536; i++) items[i].text = CQL_SLICE_LITERAL("");
  assert_int_equal(cql_put_batch(&w.b, 5, CQL_BATCH_LOGGED, items, 65536, &p, &w.err), CQL_LIMIT); /* trap 16 */
  assert_int_equal(cql_put_batch(&w.b, 5, CQL_BATCH_LOGGED, items, 65535, &p, &w.err), CQL_OK);
  assert_int_equal(w.b.len, 9 + 9 + 3 + 65535 * 7 + 6);
  free(items);
  free(many);
  written_free(&w);
}

/* What the buffer refuses is taken back whole. */
static void test_a_full_buffer(void **state) {
  (void)state;
  written w;
  written_init(&w);
  w.b.limit = 300;
  cql_parameters p = {.consistency = CQL_ONE, .timestamp = CQL_TIMESTAMP_NONE};
  uint8_t text[300] = {0};
  cql_put_options(&w.b, 4);
  assert_int_equal(cql_put_query(&w.b, 4, cql_slice_of(text, sizeof text), &p, &w.err), CQL_LIMIT);
  assert_int_equal(w.b.len, 9);
  assert_int_equal(w.b.st, CQL_LIMIT);
  written_free(&w);
}

/* --- what only others write -----------------------------------------------------------------------------------------
 */

static cql_envelope request(uint8_t version, cql_opcode opcode, const char *body, size_t len) {
  return (cql_envelope){.version = version, .opcode = (uint8_t)opcode, .body = cql_slice_of(body, len)};
}

#define REQUEST(version, opcode, body) request(version, opcode, body, sizeof(body) - 1)

static void test_names_of_values(void **state) {
  (void)state;
  written w;
  written_init(&w);
  cql_envelope e = REQUEST(4, CQL_OP_QUERY, "\0\0\0\1x\0\1\x41\0\2\0\1a\0\0\0\1y\0\1b\xFF\xFF\xFF\xFF");
  assert_int_equal(cql_request_decode(&w.m, &w.a, &e, &w.err), CQL_OK);
  require_text(w.m.value_names[0], "a");
  require_text(w.m.value_names[1], "b");
  assert_int_equal(w.m.parameters.values[1].len, CQL_NULL);
  written_free(&w);
}

/* A custom payload stands in front; tracing is only a flag; what follows the body is ignored (trap 8). */
static void test_payload_and_tracing(void **state) {
  (void)state;
  written w;
  written_init(&w);
  cql_envelope e = REQUEST(4, CQL_OP_QUERY, "\0\1\0\1k\0\0\0\1v\0\0\0\1x\0\1\0behind");
  e.flags = CQL_FLAG_CUSTOM_PAYLOAD | CQL_FLAG_TRACING;
  assert_int_equal(cql_request_decode(&w.m, &w.a, &e, &w.err), CQL_OK);
  assert_true(w.m.wants_tracing);
  require_text(w.m.text, "x");
  written_free(&w);
}

/* --- every cut, every allocation ---------------------------------------------------------------------------------- */

static void put_each(cql_buf *b, int which, uint8_t version) {
  const cql_batch_item items[] = {{.id = CQL_SLICE_LITERAL("id"), .values = VALUES, .value_count = 4},
                                  {.text = CQL_SLICE_LITERAL("INSERT")}};
  const cql_pair options[] = {{CQL_SLICE_LITERAL("CQL_VERSION"), CQL_SLICE_LITERAL("3.0.0")}};
  const char *events[] = {"STATUS_CHANGE"};
  cql_parameters p = all_parameters(version);
  switch (which) {
  case 0: cql_put_startup(b, version, options, 1); break;
  case 1: cql_put_auth_response(b, version, CQL_SLICE_LITERAL("token")); break;
  case 2: cql_put_register(b, version, events, 1); break;
  case 3: cql_put_query(b, version, CQL_SLICE_LITERAL("SELECT"), &p, NULL); break;
  case 4: cql_put_prepare(b, version, CQL_SLICE_LITERAL("SELECT"), p.keyspace, NULL); break;
  case 5: cql_put_execute(b, version, CQL_SLICE_LITERAL("id"), CQL_SLICE_LITERAL("meta"), &p, NULL); break;
  default: cql_put_batch(b, version, CQL_BATCH_LOGGED, items, 2, &p, NULL); break;
  }
}
enum { EACH_COUNT = 7 };

/* A request that is cut anywhere is refused, in words, and nothing is read behind its end. */
static void test_cut_at_every_byte(void **state) {
  (void)state;
  for (uint8_t version = 4; version <= 5; version++) {
    for (int which = 0; which < EACH_COUNT; which++) {
      written w;
      written_init(&w);
      put_each(&w.b, which, version);
      cql_envelope whole = envelope_of(&w.b);
      for (size_t len = 0; len < whole.body.len; len++) {
        cql_envelope e = whole;
        uint8_t *block = malloc(len + 1);
        memcpy(block + 1, whole.body.data, len);
        e.body = cql_slice_of(block + 1, len);
        assert_int_equal(cql_request_decode(&w.m, &w.a, &e, &w.err), CQL_PROTOCOL);
        assert_int_equal(w.err.status, CQL_PROTOCOL);
        assert_non_null(strstr(w.err.message, "Not enough bytes to read "));
        free(block);
      }
      written_free(&w);
    }
  }
}

static void test_each_allocation_fails(void **state) {
  (void)state;
  for (int which = 0; which < EACH_COUNT; which++) {
    written w;
    written_init(&w);
    put_each(&w.b, which, 5);
    cql_envelope e = envelope_of(&w.b);
    bool done = false;
    for (size_t nth = 1; !done; nth++) {
      faulty f;
      cql_arena a;
      faulty_init(&f, nth);
      cql_arena_init(&a, &f.alloc, CQL_ARENA_LIMIT_DEFAULT);
      cql_status st = cql_request_decode(&w.m, &a, &e, &w.err);
      assert_int_equal(st, f.fired ? CQL_NOMEM : CQL_OK);
      cql_arena_free(&a);
      assert_int_equal(f.live_blocks, 0);
      cql_buf b;
      cql_buf_init(&b, &f.alloc, SIZE_MAX);
      f.asked = 0;
      f.fired = false;
      put_each(&b, which, 5);
      assert_int_equal(b.st, f.fired ? CQL_NOMEM : CQL_OK);
      if (f.fired) assert_int_equal(b.len, 0);
      cql_buf_free(&b);
      assert_int_equal(f.live_blocks, 0);
      done = !f.fired && st == CQL_OK;
    }
    written_free(&w);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_trap_13_query),
      cmocka_unit_test(test_query_with_nothing),
      cmocka_unit_test(test_trap_14_prepare_and_execute),
      cmocka_unit_test(test_trap_15_null_and_unset),
      cmocka_unit_test(test_trap_18_serial_read),
      cmocka_unit_test(test_trap_42_keyspace_of_a_request),
      cmocka_unit_test(test_trap_13_batch),
      cmocka_unit_test(test_trap_41_handshake),
      cmocka_unit_test(test_trap_16_refused_puts),
      cmocka_unit_test(test_a_full_buffer),
      cmocka_unit_test(test_names_of_values),
      cmocka_unit_test(test_payload_and_tracing),
      cmocka_unit_test(test_cut_at_every_byte),
      cmocka_unit_test(test_each_allocation_fails),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
