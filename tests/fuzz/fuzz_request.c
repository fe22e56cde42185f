/* fuzz_request.c: the body of a request: refused in words, or read, and then written it is read as the same.
 *
 *   0   bit 0: version 5; bits 1 and 2: the flags of tracing and of a custom payload
 *   1   opcode
 *   2…  body
 */
#include "fuzz.h"

#include "protocol/protocol.h"

enum { WRITTEN_LEN_MAX = 1 << 24, GROWTH_MAX = 64 };
#define ARENA_LIMIT ((size_t)64 << 20)

static void require_values(const cql_value *x, uint32_t n, const cql_value *y, uint32_t m) {
  FUZZ_REQUIRE(n == m, "%u and %u values", n, m);
  for (uint32_t i = 0; i < n; i++) {
    FUZZ_REQUIRE(x[i].len == y[i].len && x[i].len >= CQL_UNSET, "value %u: %d and %d", i, (int)x[i].len, (int)y[i].len);
    if (x[i].len < 0) continue;
    cql_slice a = cql_slice_of(x[i].data, (size_t)x[i].len), b = cql_slice_of(y[i].data, (size_t)y[i].len);
    FUZZ_REQUIRE(cql_slice_eq(a, b), "value %u", i);
  }
}

static void require_slices(cql_slice x, cql_slice y, const char *what) {
  FUZZ_REQUIRE(cql_slice_eq(x, y) && (x.data == NULL) == (y.data == NULL), "%s", what);
}

static void require_same(const cql_message *x, const cql_message *y) {
  const cql_parameters *p = &x->parameters, *q = &y->parameters;
  FUZZ_REQUIRE(x->opcode == y->opcode, "opcode");
  FUZZ_REQUIRE(x->pair_count == y->pair_count && x->item_count == y->item_count, "counts");
  for (uint32_t i = 0; i < x->pair_count; i++) {
    require_slices(x->pairs[i].name, y->pairs[i].name, "a name");
    require_slices(x->pairs[i].value, y->pairs[i].value, "a value");
  }
  for (uint32_t i = 0; i < x->item_count; i++) {
    require_slices(x->items[i].id, y->items[i].id, "the id of an item");
    require_slices(x->items[i].text, y->items[i].text, "the text of an item");
    require_values(x->items[i].values, x->items[i].value_count, y->items[i].values, y->items[i].value_count);
  }
  require_slices(x->token, y->token, "token");
  require_slices(x->text, y->text, "text");
  require_slices(x->id, y->id, "id");
  require_slices(x->metadata_id, y->metadata_id, "metadata id");
  require_slices(x->keyspace, y->keyspace, "keyspace");
  FUZZ_REQUIRE(p->consistency == q->consistency && p->timestamp == q->timestamp, "parameters");
  FUZZ_REQUIRE(p->serial_consistency == q->serial_consistency && x->batch_type == y->batch_type, "parameters");
  require_slices(p->keyspace, q->keyspace, "keyspace");
  if (x->opcode == CQL_OP_BATCH) return; /* what else its parameters may hold is not written */
  FUZZ_REQUIRE(p->skip_metadata == q->skip_metadata, "flags");
  FUZZ_REQUIRE((p->page_size > 0 ? p->page_size : 0) == q->page_size, "page size");
  require_slices(p->paging_state, q->paging_state, "paging state");
  require_values(p->values, p->value_count, q->values, q->value_count);
}

static void put(cql_buf *b, uint8_t version, const cql_message *m, cql_arena *a) {
  const char **names = cql_arena_array(a, m->pair_count, sizeof *names);
  FUZZ_REQUIRE(names != NULL, "memory");
  for (uint32_t i = 0; i < m->pair_count; i++) names[i] = cql_arena_str(a, m->pairs[i].name);
  switch (m->opcode) {
  case CQL_OP_OPTIONS: cql_put_options(b, version); break;
  case CQL_OP_STARTUP: cql_put_startup(b, version, m->pairs, m->pair_count); break;
  case CQL_OP_REGISTER: cql_put_register(b, version, names, m->pair_count); break;
  case CQL_OP_AUTH_RESPONSE: cql_put_auth_response(b, version, m->token); break;
  case CQL_OP_PREPARE: cql_put_prepare(b, version, m->text, m->keyspace, NULL); break;
  case CQL_OP_QUERY: cql_put_query(b, version, m->text, &m->parameters, NULL); break;
  case CQL_OP_EXECUTE: cql_put_execute(b, version, m->id, m->metadata_id, &m->parameters, NULL); break;
  default: cql_put_batch(b, version, m->batch_type, m->items, m->item_count, &m->parameters, NULL); break;
  }
}

/* A name of an event that holds a NUL is cut when it is written. */
static bool has_nul(const cql_message *m) {
  for (uint32_t i = 0; m->opcode == CQL_OP_REGISTER && i < m->pair_count; i++)
    for (size_t j = 0; j < m->pairs[i].name.len; j++)
      if (m->pairs[i].name.data[j] == 0) return true;
  return false;
}

static void write_and_read(const cql_message *m, uint8_t version, cql_arena *a) {
  cql_buf b;
  cql_message again;
  cql_error err = {.status = CQL_OK};
  cql_buf_init(&b, &cql_alloc_libc, WRITTEN_LEN_MAX);
  put(&b, version, m, a);
  FUZZ_REQUIRE(b.st == CQL_OK, "%s", cql_status_name(b.st));
  cql_envelope e = {.version = b.data[0], .opcode = b.data[4], .body = cql_slice_of(b.data + 9, b.len - 9)};
  cql_status st = cql_request_decode(&again, a, &e, &err);
  FUZZ_REQUIRE(st == CQL_OK, "%s", err.message);
  require_same(m, &again);
  cql_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  cql_slice body = fuzz_block(cql_slice_of(data + 2, size - 2));
  cql_envelope e = {
      .version = 4 + (data[0] & 1), .flags = (uint8_t)((data[0] & 2) | (data[0] & 4)), .opcode = data[1], .body = body};
  cql_arena a;
  cql_message m;
  cql_error err = {.status = CQL_OK};
  cql_arena_init(&a, &cql_alloc_libc, ARENA_LIMIT);
  cql_status st = cql_request_decode(&m, &a, &e, &err);
  FUZZ_REQUIRE(a.used <= 4096 + GROWTH_MAX * size, "%zu bytes for %zu", a.used, size);
  if (st != CQL_OK) {
    fuzz_require_words(st, &err);
    FUZZ_REQUIRE(st == CQL_PROTOCOL, "%s", cql_status_name(st));
  } else if (!has_nul(&m)) {
    write_and_read(&m, e.version, &a);
  }
  cql_arena_free(&a);
  fuzz_free(body);
  return 0;
}
