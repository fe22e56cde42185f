/* fuzz_response.c: the body of a response: malformed, in words, or read, and then written it is read as the same; rows
 * come to an end, and outlive what they were read from.
 *
 *   0   bit 0: version 5; bits 1 to 3: the flags of tracing, of a custom payload, of warnings
 *   1   opcode
 *   2…  body
 */
#include "fuzz.h"

#include <string.h>

#include "protocol/protocol.h"

enum { WRITTEN_LEN_MAX = 1 << 26, GROWTH_MAX = 160, CELLS_MAX = 1 << 16 };
#define ARENA_LIMIT ((size_t)256 << 20)

static void require_text(const char *text) {
  FUZZ_REQUIRE(cql_utf8_valid(cql_slice_str(text)), "%s", text);
}

/* A class may say that its type is frozen, or that an inner one is not; numbers do not. */
static bool is_alike(cql_arena *a, const cql_type *x, const cql_type *y) {
  const cql_type *frozen = cql_type_freeze(a, x), *other = cql_type_freeze(a, y);
  FUZZ_REQUIRE(frozen != NULL && other != NULL, "memory");
  return cql_type_eq(frozen, other);
}

static void require_columns(cql_arena *a, const cql_column *x, const cql_column *y, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    require_text(x[i].name);
    FUZZ_REQUIRE(strcmp(x[i].keyspace, y[i].keyspace) == 0, "%s, %s", x[i].keyspace, y[i].keyspace);
    FUZZ_REQUIRE(strcmp(x[i].table, y[i].table) == 0, "%s, %s", x[i].table, y[i].table);
    FUZZ_REQUIRE(strcmp(x[i].name, y[i].name) == 0, "%s, %s", x[i].name, y[i].name);
    FUZZ_REQUIRE(is_alike(a, x[i].type, y[i].type), "%s, %s", fuzz_type(a, x[i].type), fuzz_type(a, y[i].type));
  }
}

/* --- results -------------------------------------------------------------------------------------------------------
 */

/* The response and its arena are gone when the rows are read. */
static void read_result(cql_slice bytes, const cql_envelope *of, const cql_column *columns) {
  cql_arena a;
  cql_buf body;
  cql_response r;
  cql_result *result;
  cql_envelope e = *of;
  cql_error err = {.status = CQL_OK};
  static cql_value cells[CELLS_MAX];
  cql_arena_init(&a, &cql_alloc_libc, ARENA_LIMIT);
  cql_buf_init(&body, &cql_alloc_libc, bytes.len);
  cql_buf_slice(&body, bytes);
  e.body = cql_buf_view(&body);
  FUZZ_REQUIRE(cql_response_decode(&r, &a, &e, &err) == CQL_OK, "%s", err.message);
  cql_status st = cql_response_result(&r, &body, columns, r.rows.column_count, &cql_alloc_libc, &result, &err);
  uint32_t row_count = r.row_count;
  bool is_result = r.opcode == CQL_OP_RESULT && r.kind != CQL_RESULT_PREPARED;
  cql_arena_free(&a);
  FUZZ_REQUIRE((st == CQL_OK) == is_result, "%s", cql_status_name(st));
  if (st != CQL_OK) {
    FUZZ_REQUIRE(err.status == st, "%s", err.message);
    return;
  }
  uint64_t rows = 0;
  while ((st = cql_result_next(result, cells)) == CQL_OK) rows++;
  FUZZ_REQUIRE(st == CQL_DONE || st == CQL_MALFORMED, "%s", cql_status_name(st));
  FUZZ_REQUIRE(rows <= row_count && (st != CQL_DONE || rows == row_count), "%u rows", row_count);
  for (uint32_t i = 0; i < cql_result_warning_count(result); i++) require_text(cql_result_warning(result, i));
  require_text(cql_result_keyspace(result));
  require_text(cql_result_change_name(result));
  cql_result_free(result);
}

/* --- written again -------------------------------------------------------------------------------------------------
 */

static bool put(cql_buf *b, uint8_t version, const cql_response *r, cql_arena *a) {
  switch (r->opcode) {
  case CQL_OP_READY: cql_put_ready(b, version); return true;
  case CQL_OP_ERROR: cql_put_error(b, version, &r->error); return true;
  case CQL_OP_AUTHENTICATE: {
    const char *class_name = cql_arena_str(a, r->authenticator);
    cql_put_authenticate(b, version, class_name);
    return strlen(class_name) == r->authenticator.len;
  }
  case CQL_OP_AUTH_CHALLENGE: cql_put_auth_challenge(b, version, r->token); return true;
  case CQL_OP_AUTH_SUCCESS: cql_put_auth_success(b, version, r->token); return true;
  case CQL_OP_SUPPORTED: cql_put_supported(b, version, r->supported.pairs, r->supported.count); return true;
  case CQL_OP_EVENT:
    cql_put_event(b, version, &r->event);
    return r->event.address.len > 0 || r->event.schema.change.data;
  default: break;
  }
  switch (r->kind) {
  case CQL_RESULT_VOID: cql_put_void(b, version); return true;
  case CQL_RESULT_ROWS: cql_put_rows(b, version, &r->rows, r->row_count, r->row_bytes); return true;
  case CQL_RESULT_SET_KEYSPACE: cql_put_set_keyspace(b, version, r->keyspace); return true;
  case CQL_RESULT_PREPARED: cql_put_prepared(b, version, &r->prepared); return true;
  default: cql_put_schema_change(b, version, &r->change); return true;
  }
}

static void require_slices(cql_slice x, cql_slice y, const char *what) {
  FUZZ_REQUIRE(cql_slice_eq(x, y), "%s", what);
}

static void require_same_error(const cql_server_error *x, const cql_server_error *y) {
  FUZZ_REQUIRE(x->code == y->code && x->consistency == y->consistency, "%u, %u", (unsigned)x->code, (unsigned)y->code);
  FUZZ_REQUIRE(x->required == y->required && x->received == y->received && x->failures == y->failures, "replicas");
  FUZZ_REQUIRE(x->data_present == y->data_present && x->contentions == y->contentions, "numbers");
  require_slices(x->message, y->message, "message");
  require_slices(x->write_type, y->write_type, "write type");
  require_slices(x->keyspace, y->keyspace, "keyspace");
  require_slices(x->table, y->table, "table");
  require_slices(x->function, y->function, "function");
  require_slices(x->id, y->id, "id");
}

static void require_same_rows(cql_arena *a, const cql_rows_metadata *x, const cql_rows_metadata *y, uint8_t version) {
  FUZZ_REQUIRE(x->column_count == y->column_count && (x->columns == NULL) == (y->columns == NULL), "columns");
  if (x->columns != NULL) require_columns(a, x->columns, y->columns, x->column_count);
  FUZZ_REQUIRE(x->has_more_pages == y->has_more_pages, "pages");
  require_slices(x->paging_state, y->paging_state, "paging state");
  if (version == CQL_VERSION_5) require_slices(x->new_metadata_id, y->new_metadata_id, "metadata id");
}

static void require_same(cql_arena *a, const cql_response *x, const cql_response *y, uint8_t version) {
  FUZZ_REQUIRE(x->opcode == y->opcode && x->kind == y->kind && x->row_count == y->row_count, "kinds");
  require_same_error(&x->error, &y->error);
  require_same_rows(a, &x->rows, &y->rows, version);
  require_same_rows(a, &x->prepared.rows, &y->prepared.rows, version);
  FUZZ_REQUIRE(x->prepared.bind_count == y->prepared.bind_count, "markers");
  require_columns(a, x->prepared.binds, y->prepared.binds, x->prepared.bind_count);
  FUZZ_REQUIRE(x->prepared.key_index_count == y->prepared.key_index_count, "key markers");
  require_slices(x->prepared.id, y->prepared.id, "id");
  require_slices(x->row_bytes, y->row_bytes, "rows");
  require_slices(x->authenticator, y->authenticator, "authenticator");
  require_slices(x->token, y->token, "token");
  require_slices(x->keyspace, y->keyspace, "keyspace");
  require_slices(x->change.name, y->change.name, "change");
  require_slices(x->event.address, y->event.address, "address");
  require_slices(x->event.schema.name, y->event.schema.name, "change");
  FUZZ_REQUIRE(x->supported.count == y->supported.count, "options");
}

static void write_and_read(const cql_response *r, uint8_t version, cql_arena *a) {
  cql_buf b;
  cql_response again;
  cql_error err = {.status = CQL_OK};
  cql_buf_init(&b, &cql_alloc_libc, WRITTEN_LEN_MAX);
  if (put(&b, version, r, a) && b.st != CQL_LIMIT) { /* a type by its class may be too long a text */
    FUZZ_REQUIRE(b.st == CQL_OK, "%s", cql_status_name(b.st));
    cql_envelope e = {
        .version = version, .is_response = true, .opcode = b.data[4], .body = cql_slice_of(b.data + 9, b.len - 9)};
    cql_status st = cql_response_decode(&again, a, &e, &err);
    FUZZ_REQUIRE(st == CQL_OK, "%s", err.message);
    require_same(a, r, &again, version);
  }
  cql_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  cql_slice body = fuzz_block(cql_slice_of(data + 2, size - 2));
  cql_envelope e = {.version = 4 + (data[0] & 1),
                    .is_response = true,
                    .flags = (uint8_t)(data[0] & 14),
                    .opcode = data[1],
                    .body = body};
  cql_arena a;
  cql_response r;
  cql_error err = {.status = CQL_OK};
  cql_arena_init(&a, &cql_alloc_libc, ARENA_LIMIT);
  cql_status st = cql_response_decode(&r, &a, &e, &err);
  FUZZ_REQUIRE(st != CQL_OK || a.used <= (64 << 10) + GROWTH_MAX * size, "%zu bytes for %zu", a.used, size);
  if (st != CQL_OK) {
    fuzz_require_words(st, &err);
    FUZZ_REQUIRE(st == CQL_MALFORMED || st == CQL_LIMIT, "%s", cql_status_name(st));
  } else {
    if (r.opcode == CQL_OP_ERROR) fuzz_require_words(cql_server_error_tell(&r.error, &err), &err);
    write_and_read(&r, e.version, &a);
    read_result(body, &e, r.rows.columns);
  }
  cql_arena_free(&a);
  fuzz_free(body);
  return 0;
}
