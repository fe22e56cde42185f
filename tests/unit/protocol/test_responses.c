/* test_responses.c: what a server writes and a client reads, in both versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/protocol_int.h"
#include "support.h"

typedef struct answer {
  cql_buf b;
  cql_arena a;
  cql_response r;
  cql_error err;
} answer;

static void answer_init(answer *w) {
  cql_buf_init(&w->b, &cql_alloc_libc, CQL_BODY_LEN_MAX);
  cql_arena_init(&w->a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
}

static void answer_free(answer *w) {
  cql_buf_free(&w->b);
  cql_arena_free(&w->a);
}

static const cql_response *read_back(answer *w, uint8_t version, cql_opcode opcode) {
  cql_envelope e = envelope_of(&w->b);
  assert_int_equal(e.version, version);
  assert_true(e.is_response);
  assert_int_equal(e.opcode, opcode);
  if (cql_response_decode(&w->r, &w->a, &e, &w->err) != CQL_OK) fail_msg("%s", w->err.message);
  assert_int_equal(w->r.opcode, opcode);
  return &w->r;
}

static void require_text(cql_slice s, const char *text) {
  if (!cql_slice_eq_str(s, text)) fail_msg("%.*s is not %s", (int)s.len, (const char *)s.data, text);
}

static cql_envelope response(uint8_t version, uint8_t flags, cql_opcode opcode, const char *body, size_t len) {
  return (cql_envelope){.version = version,
                        .is_response = true,
                        .flags = flags,
                        .opcode = (uint8_t)opcode,
                        .body = cql_slice_of(body, len)};
}

#define RESPONSE(version, flags, opcode, body) response(version, flags, opcode, body, sizeof(body) - 1)

static cql_status decode(answer *w, cql_envelope e) {
  return cql_response_decode(&w->r, &w->a, &e, &w->err);
}

/* --- the handshake ------------------------------------------------------------------------------------------------ */

static void test_handshake(void **state) {
  (void)state;
  const cql_pair pairs[] = {{CQL_SLICE_LITERAL("COMPRESSION"), CQL_SLICE_LITERAL("snappy")},
                            {CQL_SLICE_LITERAL("COMPRESSION"), CQL_SLICE_LITERAL("lz4")},
                            {CQL_SLICE_LITERAL("CQL_VERSION"), CQL_SLICE_LITERAL("3.4.7")}};
  for (uint8_t version = 4; version <= 5; version++) {
    answer w;
    answer_init(&w);
    cql_put_ready(&w.b, version);
    read_back(&w, version, CQL_OP_READY);
    cql_buf_reset(&w.b);
    cql_put_authenticate(&w.b, version, "org.apache.cassandra.auth.PasswordAuthenticator");
    require_text(read_back(&w, version, CQL_OP_AUTHENTICATE)->authenticator,
                 "org.apache.cassandra.auth.PasswordAuthenticator");
    cql_buf_reset(&w.b);
    cql_put_auth_challenge(&w.b, version, CQL_SLICE_LITERAL("PLAIN-START"));
    require_text(read_back(&w, version, CQL_OP_AUTH_CHALLENGE)->token, "PLAIN-START");
    cql_buf_reset(&w.b);
    cql_put_auth_success(&w.b, version, cql_slice_of(NULL, 0));
    assert_null(read_back(&w, version, CQL_OP_AUTH_SUCCESS)->token.data);
    cql_buf_reset(&w.b);
    cql_put_supported(&w.b, version, pairs, 3);
    assert_int_equal(cql_load_u16(w.b.data + 9), 2);
    const cql_supported *s = &read_back(&w, version, CQL_OP_SUPPORTED)->supported;
    assert_int_equal(s->count, 3);
    require_text(s->pairs[1].name, "COMPRESSION");
    require_text(s->pairs[1].value, "lz4");
    require_text(s->pairs[2].value, "3.4.7");
    answer_free(&w);
  }
}

/* Trap 24: tracing id, warnings, custom payload, in this order. */
static void test_trap_24_prefix(void **state) {
  (void)state;
  answer w;
  answer_init(&w);
  assert_int_equal(decode(&w, RESPONSE(4, CQL_FLAG_TRACING | CQL_FLAG_WARNING | CQL_FLAG_CUSTOM_PAYLOAD, CQL_OP_RESULT,
                                       "0123456789abcdef"
                                       "\0\2\0\4slow\0\2\xFF!"
                                       "\0\1\0\1k\0\0\0\1v"
                                       "\0\0\0\1")),
                   CQL_OK);
  assert_int_equal(w.r.kind, CQL_RESULT_VOID);
  require_text(w.r.tracing_id, "0123456789abcdef");
  assert_int_equal(w.r.warning_count, 2);
  assert_string_equal(w.r.warnings[0], "slow");
  assert_string_equal(w.r.warnings[1], "?!"); /* mended: no text */
  assert_int_equal(w.r.payload_count, 1);
  require_text(w.r.payload[0].name, "k");
  require_text(w.r.payload[0].value, "v");
  answer_free(&w);
}

/* More warnings than are kept. */
static void test_warnings_beyond_the_limit(void **state) {
  (void)state;
  answer w;
  answer_init(&w);
  cql_buf_u16(&w.b, CQL_WARNING_COUNT_MAX + 5);
  for (int i = 0; i < CQL_WARNING_COUNT_MAX + 5; i++) cqlp_put_text(&w.b, "w");
  cql_buf_u32(&w.b, CQL_RESULT_VOID);
  assert_int_equal(decode(&w, response(5, CQL_FLAG_WARNING, CQL_OP_RESULT, (const char *)w.b.data, w.b.len)), CQL_OK);
  assert_int_equal(w.r.warning_count, CQL_WARNING_COUNT_MAX);
  assert_int_equal(w.r.kind, CQL_RESULT_VOID);
  answer_free(&w);
}

/* --- errors ------------------------------------------------------------------------------------------------------- */

static const cql_server_error ERRORS[] = {
    {.code = 0x0000, .message = {(const uint8_t *)"oops", 4}},
    {.code = 0x1000, .consistency = CQL_QUORUM, .required = 3, .received = 1},
    {.code = 0x1100,
     .consistency = CQL_ALL,
     .required = 3,
     .received = 2,
     .write_type = {(const uint8_t *)"SIMPLE", 6}},
    {.code = 0x1100,
     .consistency = CQL_SERIAL,
     .required = 2,
     .write_type = {(const uint8_t *)"CAS", 3},
     .contentions = 7},
    {.code = 0x1100, .consistency = CQL_ONE, .required = 1, .write_type = {(const uint8_t *)"NEW_TYPE", 8}},
    {.code = 0x1200, .consistency = CQL_TWO, .required = 2, .received = 1, .data_present = true},
    {.code = 0x1300, .consistency = CQL_TWO, .required = 2, .received = 1, .failures = 2, .data_present = true},
    {.code = 0x1400, .keyspace = {(const uint8_t *)"ks", 2}, .function = {(const uint8_t *)"f", 1}},
    {.code = 0x1500, .consistency = CQL_TWO, .required = 2, .failures = 1, .write_type = {(const uint8_t *)"BATCH", 5}},
    {.code = 0x1600, .message = {(const uint8_t *)"cdc", 3}},
    {.code = 0x1700, .consistency = CQL_SERIAL, .required = 2, .received = 1},
    {.code = 0x2400, .keyspace = {(const uint8_t *)"ks", 2}, .table = {(const uint8_t *)"t", 1}},
    {.code = 0x2500, .id = {(const uint8_t *)"0123456789abcdef", 16}},
    {.code = 0xF000, .message = {(const uint8_t *)"rate limit", 10}},
};
enum { ERROR_COUNT = sizeof ERRORS / sizeof *ERRORS };

static void require_same_error(const cql_server_error *x, const cql_server_error *y, uint8_t version) {
  assert_int_equal(x->code, y->code);
  assert_true(cql_slice_eq(x->message, y->message));
  assert_int_equal(x->consistency, y->consistency);
  assert_int_equal(x->required, y->required);
  assert_int_equal(x->received, y->received);
  assert_int_equal(x->failures, y->failures);
  assert_int_equal(x->data_present, y->data_present);
  assert_true(cql_slice_eq(x->write_type, y->write_type));
  assert_int_equal(x->contentions, version >= 5 ? y->contentions : 0);
  assert_true(cql_slice_eq(x->keyspace, y->keyspace));
  assert_true(cql_slice_eq(x->table, y->table));
  assert_true(cql_slice_eq(x->function, y->function));
  assert_true(cql_slice_eq(x->id, y->id));
}

static void test_trap_34_errors(void **state) {
  (void)state;
  for (uint8_t version = 4; version <= 5; version++) {
    for (size_t i = 0; i < ERROR_COUNT; i++) {
      answer w;
      answer_init(&w);
      cql_put_error(&w.b, version, &ERRORS[i]);
      require_same_error(&read_back(&w, version, CQL_OP_ERROR)->error, &ERRORS[i], version);
      answer_free(&w);
    }
  }
}

/* Trap 9: the answer to a version that the server does not speak comes in one that it does. */
static void test_trap_9_error_of_any_version(void **state) {
  (void)state;
  answer w;
  answer_init(&w);
  for (uint8_t version = 0; version < 128; version++) {
    assert_int_equal(decode(&w, RESPONSE(version, 0, CQL_OP_ERROR, "\0\0\0\x0A\0\4what")), CQL_OK);
    assert_int_equal(w.r.error.code, 0x000A);
    require_text(w.r.error.message, "what");
  }
  answer_free(&w);
}

static void test_tell(void **state) {
  (void)state;
  cql_error err;
  cql_server_error e = {.code = 0x2000, .message = CQL_SLICE_LITERAL("line 3:17 no viable alternative")};
  assert_int_equal(cql_server_error_tell(&e, &err), CQL_SYNTAX);
  assert_int_equal(err.status, CQL_SYNTAX);
  assert_string_equal(err.message, "line 3:17 no viable alternative");
  assert_int_equal(err.line, 3);
  assert_int_equal(err.column, 17);
  e = (cql_server_error){.code = 0xF000, .message = CQL_SLICE_LITERAL("slower, please")};
  assert_int_equal(cql_server_error_tell(&e, &err), CQL_SERVER);
  assert_string_equal(err.message, "Error 0xF000: slower, please");
  assert_int_equal(err.line, 0);
  e = ERRORS[8];
  assert_int_equal(cql_server_error_tell(&e, &err), CQL_WRITE_FAILURE);
  assert_int_equal(err.consistency, CQL_TWO);
  assert_int_equal(err.required, 2);
  assert_int_equal(err.failures, 1);
  assert_string_equal(err.write_type, "BATCH");
  e = (cql_server_error){.code = 0x2400, .keyspace = CQL_SLICE_LITERAL("ks"), .table = CQL_SLICE_LITERAL("t")};
  assert_int_equal(cql_server_error_tell(&e, &err), CQL_ALREADY_EXISTS);
  assert_string_equal(err.keyspace, "ks");
  assert_string_equal(err.table, "t");
  assert_int_equal(cql_server_error_tell(&e, NULL), CQL_ALREADY_EXISTS);
  e = (cql_server_error){.code = 0x0001}; /* beside the codes: not our own statuses */
  assert_int_equal(cql_server_error_tell(&e, &err), CQL_SERVER);
}

/* --- events ------------------------------------------------------------------------------------------------------- */

static void test_trap_35_events(void **state) {
  (void)state;
  for (uint8_t version = 4; version <= 5; version++) {
    answer w;
    answer_init(&w);
    cql_event e = {.type = CQL_SLICE_LITERAL("STATUS_CHANGE"),
                   .change = CQL_SLICE_LITERAL("UP"),
                   .address = CQL_SLICE_LITERAL("\x7F\0\0\1"),
                   .port = 9042};
    cql_put_event(&w.b, version, &e);
    assert_int_equal(envelope_of(&w.b).stream, CQL_STREAM_EVENT);
    const cql_event *seen = &read_back(&w, version, CQL_OP_EVENT)->event;
    require_text(seen->type, "STATUS_CHANGE");
    require_text(seen->change, "UP");
    assert_true(cql_slice_eq(seen->address, e.address));
    assert_int_equal(seen->port, 9042);
    cql_buf_reset(&w.b);
    e = (cql_event){.type = CQL_SLICE_LITERAL("SCHEMA_CHANGE"),
                    .schema = {CQL_SLICE_LITERAL("DROPPED"), CQL_SLICE_LITERAL("FUNCTION"), CQL_SLICE_LITERAL("ks"),
                               CQL_SLICE_LITERAL("f")}};
    cql_put_event(&w.b, version, &e);
    seen = &read_back(&w, version, CQL_OP_EVENT)->event;
    require_text(seen->schema.target, "FUNCTION");
    require_text(seen->schema.name, "f");
    assert_int_equal(decode(&w, RESPONSE(5, 0, CQL_OP_EVENT,
                                         "\0\x15"
                                         "CLIENT_ROUTES_CHANGEDxyz")),
                     CQL_OK);
    require_text(w.r.event.type, "CLIENT_ROUTES_CHANGED");
    answer_free(&w);
  }
}

/* --- results ------------------------------------------------------------------------------------------------------ */

static void test_small_results(void **state) {
  (void)state;
  const cql_schema_change changes[] = {
      {CQL_SLICE_LITERAL("CREATED"), CQL_SLICE_LITERAL("KEYSPACE"), CQL_SLICE_LITERAL("ks"), CQL_SLICE_LITERAL("")},
      {CQL_SLICE_LITERAL("UPDATED"), CQL_SLICE_LITERAL("TABLE"), CQL_SLICE_LITERAL("ks"), CQL_SLICE_LITERAL("t")},
      {CQL_SLICE_LITERAL("DROPPED"), CQL_SLICE_LITERAL("AGGREGATE"), CQL_SLICE_LITERAL("ks"), CQL_SLICE_LITERAL("a")}};
  for (uint8_t version = 4; version <= 5; version++) {
    answer w;
    answer_init(&w);
    cql_put_void(&w.b, version);
    assert_int_equal(read_back(&w, version, CQL_OP_RESULT)->kind, CQL_RESULT_VOID);
    cql_buf_reset(&w.b);
    cql_put_set_keyspace(&w.b, version, CQL_SLICE_LITERAL("ks"));
    assert_int_equal(read_back(&w, version, CQL_OP_RESULT)->kind, CQL_RESULT_SET_KEYSPACE);
    require_text(w.r.keyspace, "ks");
    for (size_t i = 0; i < 3; i++) {
      cql_buf_reset(&w.b);
      cql_put_schema_change(&w.b, version, &changes[i]);
      assert_int_equal(read_back(&w, version, CQL_OP_RESULT)->kind, CQL_RESULT_SCHEMA_CHANGE);
      assert_true(cql_slice_eq(w.r.change.change, changes[i].change));
      assert_true(cql_slice_eq(w.r.change.target, changes[i].target));
      assert_true(cql_slice_eq(w.r.change.keyspace, changes[i].keyspace));
      assert_true(cql_slice_eq(w.r.change.name, changes[i].name));
    }
    answer_free(&w);
  }
}

/* A column of each type, by its CQL name. */
static const char *const TYPES[] = {
    "ascii",
    "bigint",
    "blob",
    "boolean",
    "counter",
    "decimal",
    "double",
    "float",
    "int",
    "timestamp",
    "uuid",
    "text",
    "varint",
    "timeuuid",
    "inet",
    "date",
    "time",
    "smallint",
    "tinyint",
    "duration",
    "list<int>",
    "set<text>",
    "map<text, frozen<list<int>>>",
    "tuple<int, text, frozen<list<duration>>>",
    "vector<float, 3>",
    "list<frozen<vector<text, 2>>>",
};
enum { TYPE_COUNT = sizeof TYPES / sizeof *TYPES };

static cql_column *make_columns(cql_arena *a, bool same_table) {
  cql_column *columns = cql_arena_zero(a, (TYPE_COUNT + 1) * sizeof *columns);
  cql_error err;
  for (size_t i = 0; i < TYPE_COUNT; i++) {
    columns[i] = (cql_column){"ks", same_table || i % 3 ? "t" : "other", cql_arena_printf(a, "c%zu", i), NULL};
    if (cql_type_parse_cql(a, cql_slice_str(TYPES[i]), NULL, &columns[i].type, &err) != CQL_OK)
      fail_msg("%s: %s", TYPES[i], err.message);
  }
  cql_slice *names = cql_arena_zero(a, 2 * sizeof *names);
  const cql_type **args = cql_arena_zero(a, 2 * sizeof *args);
  cql_type *udt = cql_arena_zero(a, sizeof *udt);
  names[0] = CQL_SLICE_LITERAL("street");
  names[1] = CQL_SLICE_LITERAL("numbers");
  args[0] = cql_type_native(CQL_TYPE_TEXT);
  args[1] = cql_type_list(a, cql_type_native(CQL_TYPE_INT), true);
  *udt = (cql_type){.code = CQL_TYPE_UDT,
                    .keyspace = CQL_SLICE_LITERAL("ks"),
                    .name = CQL_SLICE_LITERAL("address"),
                    .arg_count = 2,
                    .args = args,
                    .field_names = names};
  columns[TYPE_COUNT] = (cql_column){"ks", "t", "u", udt};
  return columns;
}

static void require_columns(const cql_column *x, const cql_column *y, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    assert_string_equal(x[i].keyspace, y[i].keyspace);
    assert_string_equal(x[i].table, y[i].table);
    assert_string_equal(x[i].name, y[i].name);
    if (!cql_type_eq(x[i].type, y[i].type)) fail_msg("the type of %s", y[i].name);
    if (cql_type_native(y[i].type->code) != NULL) assert_ptr_equal(x[i].type, y[i].type); /* the static ones */
  }
}

/* Trap 32: vectors travel by the name of their class; trap 21: the order of what metadata holds. */
static void test_trap_21_rows(void **state) {
  (void)state;
  for (uint8_t version = 4; version <= 5; version++) {
    for (int same_table = 0; same_table < 2; same_table++) {
      answer w;
      answer_init(&w);
      const cql_column *columns = make_columns(&w.a, same_table);
      cql_buf rows;
      cql_buf_init(&rows, &cql_alloc_libc, SIZE_MAX);
      for (int i = 0; i < 2 * (TYPE_COUNT + 1); i++) cql_put_element(&rows, CQL_SLICE_LITERAL("cell"));
      cql_rows_metadata m = {.column_count = TYPE_COUNT + 1,
                             .columns = columns,
                             .has_more_pages = true,
                             .paging_state = CQL_SLICE_LITERAL("next"),
                             .new_metadata_id = CQL_SLICE_LITERAL("0123456789abcdef")};
      cql_put_rows(&w.b, version, &m, 2, cql_buf_view(&rows));
      const cql_response *r = read_back(&w, version, CQL_OP_RESULT);
      assert_int_equal(r->kind, CQL_RESULT_ROWS);
      assert_int_equal(r->row_count, 2);
      assert_true(cql_slice_eq(r->row_bytes, cql_buf_view(&rows)));
      assert_true(r->rows.has_more_pages);
      require_text(r->rows.paging_state, "next");
      if (version == 5)
        require_text(r->rows.new_metadata_id, "0123456789abcdef");
      else
        assert_null(r->rows.new_metadata_id.data);
      assert_int_equal(r->rows.column_count, TYPE_COUNT + 1);
      require_columns(r->rows.columns, columns, TYPE_COUNT + 1);
      cql_buf_free(&rows);
      answer_free(&w);
    }
  }
}

static void test_trap_20_no_metadata(void **state) {
  (void)state;
  answer w;
  answer_init(&w);
  cql_put_rows(&w.b, 5, &(cql_rows_metadata){.column_count = 3}, 1,
               CQL_SLICE_LITERAL("\0\0\0\1x\xFF\xFF\xFF\xFF\0\0\0\0"));
  const cql_response *r = read_back(&w, 5, CQL_OP_RESULT);
  assert_null(r->rows.columns);
  assert_int_equal(r->rows.column_count, 3);
  assert_int_equal(r->row_count, 1);
  assert_false(r->rows.has_more_pages);
  assert_null(r->rows.paging_state.data);
  answer_free(&w);
}

static void test_trap_22_prepared(void **state) {
  (void)state;
  static const uint16_t KEY[] = {2, 0};
  for (uint8_t version = 4; version <= 5; version++) {
    for (int which = 0; which < 3; which++) { /* with rows; without; not known before */
      answer w;
      answer_init(&w);
      const cql_column *columns = make_columns(&w.a, true);
      cql_prepared_result p = {
          .id = CQL_SLICE_LITERAL("id"),
          .metadata_id = CQL_SLICE_LITERAL("meta"),
          .bind_count = which == 1 ? 0 : 3,
          .binds = columns,
          .key_index_count = which == 1 ? 0 : 2,
          .key_indexes = KEY,
          .rows = {.column_count = which == 0 ? TYPE_COUNT : 0, .columns = which == 2 ? NULL : columns}};
      cql_put_prepared(&w.b, version, &p);
      const cql_prepared_result *seen = &read_back(&w, version, CQL_OP_RESULT)->prepared;
      assert_int_equal(w.r.kind, CQL_RESULT_PREPARED);
      require_text(seen->id, "id");
      if (version == 5) require_text(seen->metadata_id, "meta");
      assert_int_equal(seen->bind_count, p.bind_count);
      require_columns(seen->binds, columns, p.bind_count);
      assert_int_equal(seen->key_index_count, p.key_index_count);
      if (which != 1) assert_memory_equal(seen->key_indexes, KEY, sizeof KEY);
      assert_int_equal(seen->rows.column_count, p.rows.column_count);
      if (which == 0) require_columns(seen->rows.columns, columns, TYPE_COUNT);
      answer_free(&w);
    }
  }
}

/* Trap 8: bytes behind what is known are ignored. */
static void test_trap_8_trailing_bytes(void **state) {
  (void)state;
  answer w;
  answer_init(&w);
  assert_int_equal(decode(&w, RESPONSE(4, 0, CQL_OP_READY, "more")), CQL_OK);
  assert_int_equal(decode(&w, RESPONSE(4, 0, CQL_OP_RESULT, "\0\0\0\1more")), CQL_OK);
  assert_int_equal(w.r.kind, CQL_RESULT_VOID);
  assert_int_equal(decode(&w, RESPONSE(5, 0, CQL_OP_ERROR, "\0\0\x22\0\0\1xmore")), CQL_OK);
  require_text(w.r.error.message, "x");
  answer_free(&w);
}

/* Trap 19: a page may be empty and not the last. */
static void test_trap_19_an_empty_page_that_is_not_the_last(void **state) {
  (void)state;
  answer w;
  answer_init(&w);
  cql_rows_metadata m = {.column_count = 1, .has_more_pages = true, .paging_state = CQL_SLICE_LITERAL("on")};
  cql_put_rows(&w.b, 4, &m, 0, CQL_SLICE_LITERAL(""));
  const cql_response *r = read_back(&w, 4, CQL_OP_RESULT);
  assert_int_equal(r->row_count, 0);
  assert_true(r->rows.has_more_pages);
  require_text(r->rows.paging_state, "on");
  answer_free(&w);
}

/* Trap 23: it says which statement. */
static void test_trap_23_unprepared(void **state) {
  (void)state;
  answer w;
  answer_init(&w);
  cql_put_error(
      &w.b, 5,
      &(cql_server_error){.code = 0x2500, .message = CQL_SLICE_LITERAL("who?"), .id = CQL_SLICE_LITERAL("id")});
  require_text(read_back(&w, 5, CQL_OP_ERROR)->error.id, "id");
  assert_int_equal(cql_server_error_tell(&w.r.error, &w.err), CQL_UNPREPARED);
  answer_free(&w);
}

static const cql_type *type_by_class(answer *w, const char *name) {
  cql_buf_reset(&w->b);
  cql_buf_put(&w->b, "\0\0\0\2\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\0", 20);
  cqlp_put_text(&w->b, name);
  cql_buf_u32(&w->b, 0);
  if (decode(w, response(4, 0, CQL_OP_RESULT, (const char *)w->b.data, w->b.len)) != CQL_OK)
    fail_msg("%s", w->err.message);
  return w->r.rows.columns[0].type;
}

/* Trap 32: a type by its class: vectors, nested, reversed, frozen, and classes that nobody knows. */
static void test_trap_32_types_by_class(void **state) {
  (void)state;
#define MARSHAL "org.apache.cassandra.db.marshal."
  static const char *const CASES[][2] = {
      {MARSHAL "VectorType(" MARSHAL "FloatType, 3)", "vector<float, 3>"},
      {MARSHAL "VectorType(" MARSHAL "VectorType(" MARSHAL "UTF8Type , 2) , 3)", "vector<vector<text, 2>, 3>"},
      {MARSHAL "ReversedType(" MARSHAL "VectorType(" MARSHAL "Int32Type,2))", "vector<int, 2>"},
      {MARSHAL "FrozenType(" MARSHAL "ListType(" MARSHAL "Int32Type))", "frozen<list<int>>"},
      {MARSHAL "ReversedType(" MARSHAL "TimeUUIDType)", "timeuuid"},
      {MARSHAL "DurationType", "duration"},
      {"com.example.Mine(1)", "'com.example.Mine(1)'"},
  };
#undef MARSHAL
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    answer w;
    char text[128];
    answer_init(&w);
    cql_type_to_cql(type_by_class(&w, CASES[i][0]), text, sizeof text);
    assert_string_equal(text, CASES[i][1]);
    answer_free(&w);
  }
}

/* A duration has a number in version 5 only. */
static void test_duration_in_version_4(void **state) {
  (void)state;
  for (uint8_t version = 4; version <= 5; version++) {
    cql_buf b;
    cql_buf_init(&b, &cql_alloc_libc, 256);
    cqlp_put_type(&b, version, cql_type_native(CQL_TYPE_DURATION));
    assert_int_equal(cql_load_u16(b.data), version == 4 ? CQL_TYPE_CUSTOM : CQL_TYPE_DURATION);
    cql_buf_free(&b);
  }
}

/* Metadata of the most columns takes memory in proportion, and time. */
static void test_many_columns(void **state) {
  (void)state;
  answer w;
  answer_init(&w);
  static cql_column columns[CQL_COLUMN_COUNT_MAX];
  for (uint32_t i = 0; i < CQL_COLUMN_COUNT_MAX; i++)
    columns[i] = (cql_column){"ks", i % 2 ? "t" : "u", "c", cql_type_native(CQL_TYPE_INT)};
  cql_put_rows(&w.b, 5, &(cql_rows_metadata){.column_count = CQL_COLUMN_COUNT_MAX, .columns = columns}, 0,
               CQL_SLICE_LITERAL(""));
  const cql_response *r = read_back(&w, 5, CQL_OP_RESULT);
  require_columns(r->rows.columns, columns, CQL_COLUMN_COUNT_MAX);
  assert_true(w.a.used < CQL_COLUMN_COUNT_MAX * (sizeof(cql_column) + 64));
  answer_free(&w);
}

/* A type that is nested too deep, in numbers and in the name of a class. */
static void test_deep_types(void **state) {
  (void)state;
  for (int depth = 1; depth < 100; depth++) {
    answer w;
    answer_init(&w);
    cql_buf_put(&w.b, "\0\0\0\2\0\0\0\1\0\0\0\1\0\0\0\0\0\0", 18);
    for (int i = 1; i < depth; i++) cql_buf_u16(&w.b, CQL_TYPE_LIST);
    cql_buf_put(&w.b, "\0\x09\0\0\0\0", 6);
    cql_status st = decode(&w, response(4, 0, CQL_OP_RESULT, (const char *)w.b.data, w.b.len));
    assert_int_equal(st, depth <= CQL_TYPE_DEPTH_MAX ? CQL_OK : CQL_LIMIT);
    cql_buf_reset(&w.b);
    cql_buf_put(&w.b, "\0\0\0\2\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\0", 20);
    size_t len = (size_t)(depth - 1) * 9 + 9 + (size_t)(depth - 1);
    cql_buf_u16(&w.b, (uint16_t)len);
    for (int i = 1; i < depth; i++) cql_buf_put(&w.b, "ListType(", 9);
    cql_buf_put(&w.b, "Int32Type", 9);
    for (int i = 1; i < depth; i++) cql_buf_put(&w.b, ")", 1);
    cql_buf_u32(&w.b, 0);
    st = decode(&w, response(4, 0, CQL_OP_RESULT, (const char *)w.b.data, w.b.len));
    assert_int_equal(st, depth <= CQL_TYPE_DEPTH_MAX ? CQL_OK : CQL_LIMIT);
    answer_free(&w);
  }
}

/* --- results from responses --------------------------------------------------------------------------------------- */

/* As a client does it: the body moves into the result, and everything else that was read is gone. */
static cql_result *result_of(answer *w, const cql_column *columns, uint32_t count, bool move) {
  cql_result *result;
  cql_envelope e = envelope_of(&w->b);
  cql_buf body;
  cql_buf_init(&body, &cql_alloc_libc, SIZE_MAX);
  cql_buf_slice(&body, e.body);
  e.body = cql_buf_view(&body);
  if (cql_response_decode(&w->r, &w->a, &e, &w->err) != CQL_OK) fail_msg("%s", w->err.message);
  if (cql_response_result(&w->r, move ? &body : NULL, columns, count, &cql_alloc_libc, &result, &w->err) != CQL_OK)
    fail_msg("%s", w->err.message);
  if (move) assert_null(body.data);
  cql_buf_free(&body);
  cql_buf_free(&w->b);
  cql_arena_free(&w->a);
  return result;
}

static void test_result_of_rows(void **state) {
  (void)state;
  for (int move = 0; move < 2; move++) {
    for (int with_metadata = 0; with_metadata < 2; with_metadata++) {
      answer w;
      cql_arena own;
      cql_value cells[TYPE_COUNT];
      size_t len;
      answer_init(&w);
      cql_arena_init(&own, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
      const cql_column *columns = make_columns(&own, true);
      cql_buf rows;
      cql_buf_init(&rows, &cql_alloc_libc, SIZE_MAX);
      for (int i = 0; i < 2 * TYPE_COUNT; i++)
        cql_put_element(&rows, i % 2 ? CQL_SLICE_LITERAL("cell") : (cql_slice){NULL, 0});
      cql_rows_metadata m = {.column_count = TYPE_COUNT,
                             .columns = with_metadata ? columns : NULL,
                             .has_more_pages = true,
                             .paging_state = CQL_SLICE_LITERAL("next")};
      cql_put_rows(&w.b, 5, &m, 2, cql_buf_view(&rows));
      cql_buf_free(&rows);
      cql_result *r = result_of(&w, with_metadata ? NULL : columns, with_metadata ? 0 : TYPE_COUNT, move);
      assert_int_equal(cql_result_get_kind(r), CQL_RESULT_ROWS);
      assert_int_equal(cql_result_row_count(r), 2);
      assert_int_equal(cql_result_column_count(r), TYPE_COUNT);
      require_columns(cql_result_column(r, 0), columns, TYPE_COUNT);
      assert_memory_equal(cql_result_paging_state(r, &len), "next", 4);
      for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 2; i++) {
          assert_int_equal(cql_result_next(r, cells), CQL_OK);
          assert_int_equal(cells[0].len, CQL_NULL);
          assert_memory_equal(cells[1].data, "cell", 4);
        }
        assert_int_equal(cql_result_next(r, cells), CQL_DONE);
        cql_result_rewind(r);
      }
      cql_result_free(r);
      cql_arena_free(&own);
    }
  }
}

/* Trap 25: an empty cell is not null. */
static void test_trap_25_empty_is_not_null(void **state) {
  (void)state;
  answer w;
  cql_value cells[2];
  const cql_column columns[] = {{"ks", "t", "a", cql_type_native(CQL_TYPE_INT)},
                                {"ks", "t", "b", cql_type_native(CQL_TYPE_INT)}};
  answer_init(&w);
  cql_put_rows(&w.b, 4, &(cql_rows_metadata){.column_count = 2}, 1, CQL_SLICE_LITERAL("\0\0\0\0\xFF\xFF\xFF\xFF"));
  cql_result *r = result_of(&w, columns, 2, true);
  assert_int_equal(cql_result_next(r, cells), CQL_OK);
  assert_true(cells[0].len == 0 && cells[0].data != NULL);
  assert_true(cells[1].len == CQL_NULL && cells[1].data == NULL);
  cql_result_free(r);
}

static void test_other_results(void **state) {
  (void)state;
  answer w;
  answer_init(&w);
  cql_put_set_keyspace(&w.b, 4, CQL_SLICE_LITERAL("ks"));
  cql_result *r = result_of(&w, NULL, 0, true);
  assert_int_equal(cql_result_get_kind(r), CQL_RESULT_SET_KEYSPACE);
  assert_string_equal(cql_result_keyspace(r), "ks");
  cql_result_free(r);
  answer_init(&w);
  cql_schema_change change = {CQL_SLICE_LITERAL("CREATED"), CQL_SLICE_LITERAL("TABLE"), CQL_SLICE_LITERAL("ks"),
                              CQL_SLICE_LITERAL("t")};
  cql_put_schema_change(&w.b, 4, &change);
  r = result_of(&w, NULL, 0, true);
  assert_int_equal(cql_result_get_kind(r), CQL_RESULT_SCHEMA_CHANGE);
  assert_string_equal(cql_result_change(r), "CREATED");
  assert_string_equal(cql_result_change_target(r), "TABLE");
  assert_string_equal(cql_result_keyspace(r), "ks");
  assert_string_equal(cql_result_change_name(r), "t");
  cql_result_free(r);
  answer_init(&w); /* with a warning, put in front of the body by hand */
  cql_buf_put(&w.b, "\x84\x08\0\0\x08\0\0\0\x0C\0\1\0\4slow\0\0\0\1", 21);
  r = result_of(&w, NULL, 0, false);
  assert_int_equal(cql_result_get_kind(r), CQL_RESULT_VOID);
  assert_int_equal(cql_result_warning_count(r), 1);
  assert_string_equal(cql_result_warning(r, 0), "slow");
  cql_result_free(r);
}

static void test_responses_that_are_no_results(void **state) {
  (void)state;
  answer w;
  cql_result *r;
  cql_buf body;
  answer_init(&w);
  cql_put_error(&w.b, 4, &ERRORS[5]);
  read_back(&w, 4, CQL_OP_ERROR);
  cql_buf_init(&body, &cql_alloc_libc, 100);
  cql_buf_str(&body, "taken");
  assert_int_equal(cql_response_result(&w.r, &body, NULL, 0, &cql_alloc_libc, &r, &w.err), CQL_READ_TIMEOUT);
  assert_null(r);
  assert_null(body.data);
  assert_int_equal(w.err.required, 2);
  cql_buf_reset(&w.b);
  cql_put_ready(&w.b, 4);
  read_back(&w, 4, CQL_OP_READY);
  assert_int_equal(cql_response_result(&w.r, NULL, NULL, 0, &cql_alloc_libc, &r, &w.err), CQL_MISUSE);
  cql_buf_reset(&w.b);
  cql_put_rows(&w.b, 4, &(cql_rows_metadata){.column_count = 3}, 0, CQL_SLICE_LITERAL(""));
  read_back(&w, 4, CQL_OP_RESULT);
  assert_int_equal(cql_response_result(&w.r, NULL, NULL, 2, &cql_alloc_libc, &r, &w.err), CQL_MALFORMED);
  assert_string_equal(w.err.message, "The answer has 3 columns, its statement 2");
  answer_free(&w);
}

/* --- every cut, every allocation ---------------------------------------------------------------------------------- */

static void put_each(cql_buf *b, int which, uint8_t version, const cql_column *columns) {
  static const uint16_t KEY[] = {1};
  const cql_pair pairs[] = {{CQL_SLICE_LITERAL("a"), CQL_SLICE_LITERAL("b")}};
  cql_schema_change change = {CQL_SLICE_LITERAL("CREATED"), CQL_SLICE_LITERAL("TABLE"), CQL_SLICE_LITERAL("ks"),
                              CQL_SLICE_LITERAL("t")};
  cql_event e = {.type = CQL_SLICE_LITERAL("STATUS_CHANGE"),
                 .change = CQL_SLICE_LITERAL("UP"),
                 .address = CQL_SLICE_LITERAL("\x7F\0\0\1"),
                 .port = 9042};
  cql_rows_metadata m = {.column_count = TYPE_COUNT + 1,
                         .columns = columns,
                         .has_more_pages = true,
                         .paging_state = CQL_SLICE_LITERAL("next"),
                         .new_metadata_id = CQL_SLICE_LITERAL("0123456789abcdef")};
  cql_prepared_result p = {.id = CQL_SLICE_LITERAL("id"),
                           .metadata_id = CQL_SLICE_LITERAL("meta"),
                           .bind_count = 3,
                           .binds = columns,
                           .key_index_count = 1,
                           .key_indexes = KEY,
                           .rows = m};
  switch (which) {
  case 0: cql_put_authenticate(b, version, "class"); break;
  case 1: cql_put_auth_success(b, version, CQL_SLICE_LITERAL("token")); break;
  case 2: cql_put_supported(b, version, pairs, 1); break;
  case 3: cql_put_event(b, version, &e); break;
  case 4: cql_put_set_keyspace(b, version, CQL_SLICE_LITERAL("ks")); break;
  case 5: cql_put_schema_change(b, version, &change); break;
  case 6: cql_put_prepared(b, version, &p); break;
  case 7: cql_put_rows(b, version, &m, 0, CQL_SLICE_LITERAL("")); break;
  default: cql_put_error(b, version, &ERRORS[which - 8]); break;
  }
}
enum { EACH_COUNT = 8 + ERROR_COUNT };

static void test_cut_at_every_byte(void **state) {
  (void)state;
  for (uint8_t version = 4; version <= 5; version++) {
    for (int which = 0; which < EACH_COUNT; which++) {
      answer w;
      answer_init(&w);
      put_each(&w.b, which, version, make_columns(&w.a, false));
      cql_envelope whole = envelope_of(&w.b);
      for (size_t len = 0; len < whole.body.len; len++) {
        cql_envelope e = whole;
        uint8_t *block = malloc(len + 1);
        memcpy(block + 1, whole.body.data, len);
        e.body = cql_slice_of(block + 1, len);
        assert_int_equal(cql_response_decode(&w.r, &w.a, &e, &w.err), CQL_MALFORMED);
        assert_non_null(strstr(w.err.message, "Not enough bytes to read "));
        free(block);
      }
      answer_free(&w);
    }
  }
}

static cql_status decode_and_make(const cql_envelope *whole, const cql_alloc *alloc) {
  cql_arena a;
  cql_response r;
  cql_error err = {.status = CQL_OK};
  cql_result *result = NULL;
  cql_buf body;
  cql_envelope e = *whole;
  cql_status st;
  cql_arena_init(&a, alloc, CQL_ARENA_LIMIT_DEFAULT);
  cql_buf_init(&body, alloc, SIZE_MAX);
  cql_buf_slice(&body, whole->body);
  CQL_TRY(body.st);
  e.body = cql_buf_view(&body);
  CQL_TRY(cql_response_decode(&r, &a, &e, &err));
  if (r.opcode == CQL_OP_RESULT && r.kind != CQL_RESULT_PREPARED)
    st = cql_response_result(&r, &body, NULL, 0, alloc, &result, &err);
done:
  if (st != CQL_OK && body.st == CQL_OK) assert_int_equal(err.status, st);
  cql_result_free(result);
  cql_buf_free(&body);
  cql_arena_free(&a);
  return st;
}

static void test_each_allocation_fails(void **state) {
  (void)state;
  for (int which = 0; which < EACH_COUNT; which++) {
    answer w;
    answer_init(&w);
    put_each(&w.b, which, 5, make_columns(&w.a, false));
    cql_envelope e = envelope_of(&w.b);
    bool done = false;
    for (size_t nth = 1; !done; nth++) {
      faulty f;
      faulty_init(&f, nth);
      cql_status st = decode_and_make(&e, &f.alloc);
      assert_int_equal(st, f.fired ? CQL_NOMEM : CQL_OK);
      assert_int_equal(f.live_blocks, 0);
      done = !f.fired;
    }
    answer_free(&w);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_handshake),
      cmocka_unit_test(test_trap_24_prefix),
      cmocka_unit_test(test_warnings_beyond_the_limit),
      cmocka_unit_test(test_trap_34_errors),
      cmocka_unit_test(test_trap_9_error_of_any_version),
      cmocka_unit_test(test_tell),
      cmocka_unit_test(test_trap_35_events),
      cmocka_unit_test(test_small_results),
      cmocka_unit_test(test_trap_21_rows),
      cmocka_unit_test(test_trap_20_no_metadata),
      cmocka_unit_test(test_trap_22_prepared),
      cmocka_unit_test(test_trap_8_trailing_bytes),
      cmocka_unit_test(test_trap_19_an_empty_page_that_is_not_the_last),
      cmocka_unit_test(test_trap_23_unprepared),
      cmocka_unit_test(test_trap_32_types_by_class),
      cmocka_unit_test(test_duration_in_version_4),
      cmocka_unit_test(test_many_columns),
      cmocka_unit_test(test_deep_types),
      cmocka_unit_test(test_result_of_rows),
      cmocka_unit_test(test_trap_25_empty_is_not_null),
      cmocka_unit_test(test_other_results),
      cmocka_unit_test(test_responses_that_are_no_results),
      cmocka_unit_test(test_cut_at_every_byte),
      cmocka_unit_test(test_each_allocation_fails),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
