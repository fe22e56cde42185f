/* fuzz_http.c: any bytes as the answer of an HTTP server.
 *
 * INPUT  a byte, what the server writes before it closes
 *
 * In pieces of so many bytes it is the same answer as in one, or refused in the same words. Memory follows the bytes.
 */
#include <string.h>

#include "client/bundle.h"
#include "fuzz.h"

#define ARENA_LIMIT ((size_t)8 << 20)

typedef struct outcome {
  cqli_http h;
  cql_arena a;
  cql_error err;
  cql_status st;
} outcome;

static void read_answer(outcome *o, const uint8_t *data, size_t size, size_t piece) {
  *o = (outcome){.st = CQL_OK};
  cql_arena_init(&o->a, &cql_alloc_libc, ARENA_LIMIT);
  o->st = cqli_http_begin(&o->h, &o->a, &o->err);
  for (size_t at = 0; o->st == CQL_OK && at < size; at += piece) {
    cql_slice block = fuzz_block(cql_slice_of(data + at, size - at < piece ? size - at : piece));
    o->st = cqli_http_feed(&o->h, block, &o->err);
    fuzz_free(block);
    if (size - at <= piece) break;
  }
  if (o->st == CQL_OK) o->st = cqli_http_end(&o->h, &o->err);
  FUZZ_REQUIRE(o->a.used <= 2 * CQLI_HTTP_HEAD_LEN + 4 * size, "%zu bytes for %zu", o->a.used, size);
}

static void check(const outcome *o) {
  if (o->st == CQL_DONE) {
    FUZZ_REQUIRE(o->h.status >= 200 && o->h.status <= 599, "status %d", o->h.status);
    FUZZ_REQUIRE(o->h.body.len <= CQLI_METADATA_LEN, "%zu bytes", o->h.body.len);
    return;
  }
  fuzz_require_words(o->st, &o->err);
  FUZZ_REQUIRE(o->st == CQL_CONNECTION, "%s: %s", cql_status_name(o->st), o->err.message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  static outcome whole, pieces;
  read_answer(&whole, data + 1, size - 1, SIZE_MAX);
  read_answer(&pieces, data + 1, size - 1, 1 + data[0] % 32u);
  check(&whole);
  check(&pieces);
  FUZZ_REQUIRE(whole.st == pieces.st, "%s, and %s", cql_status_name(whole.st), cql_status_name(pieces.st));
  if (whole.st == CQL_DONE) {
    FUZZ_REQUIRE(whole.h.status == pieces.h.status && whole.h.is_json == pieces.h.is_json, "another head");
    FUZZ_REQUIRE(cql_slice_eq(whole.h.body, pieces.h.body), "another body");
  } else {
    FUZZ_REQUIRE(strcmp(whole.err.message, pieces.err.message) == 0, "%s, and %s", whole.err.message,
                 pieces.err.message);
  }
  cql_arena_free(&whole.a);
  cql_arena_free(&pieces.a);
  return 0;
}
