/* fuzz_json.c: any text as JSON for a value of any type, as INSERT JSON and from_json() take it.
 *
 * INPUT  the type in CQL, a newline, the text
 *
 * What is read is a value of the type, and is written as JSON that is read again; the rest is refused in words.
 */
#include "fuzz.h"

#include "engine/term/json.h"

enum { INPUT_LEN_MAX = 4096, PRINTED_LEN_MAX = 1 << 22 };
#define ARENA_LIMIT ((size_t)64 << 20)

static void check_written(cql_arena *a, const cql_type *type, cql_slice value) {
  cqle_json again;
  cql_error err = {.status = CQL_OK};
  cql_buf b;
  cql_buf_init(&b, &cql_alloc_libc, PRINTED_LEN_MAX);
  cql_status st = cqle_json_put(&b, type, value);
  FUZZ_REQUIRE(st == CQL_OK && b.st == CQL_OK, "%s: %s", fuzz_type(a, type), fuzz_text(a, type, value));
  st = cqle_json_parse(a, cql_buf_view(&b), &again, &err);
  FUZZ_REQUIRE(st == CQL_OK, CQL_SLICE_FMT ": %s", CQL_SLICE_ARG(cql_buf_view(&b)), err.message);
  cql_buf_free(&b);
}

static void check(cql_arena *a, const cql_type *type, cql_slice text) {
  cqle_json v;
  cql_slice value;
  cql_error err = {.status = CQL_OK};
  cql_status st = cqle_json_parse(a, text, &v, &err);
  if (st == CQL_OK) st = cqle_json_read(a, type, &v, &value, NULL, &err);
  if (st != CQL_OK) {
    fuzz_require_words(st, &err);
    FUZZ_REQUIRE(st == CQL_INVALID || st == CQL_LIMIT, "%s: %s", cql_status_name(st), err.message);
    return;
  }
  if (value.data == NULL) return;
  st = cql_value_validate_stored(type, value, &err);
  FUZZ_REQUIRE(st == CQL_OK, "%s: " CQL_SLICE_FMT ": %s", fuzz_type(a, type), CQL_SLICE_ARG(text), err.message);
  check_written(a, type, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > INPUT_LEN_MAX) return 0;
  const cql_type *type;
  cql_arena a;
  cql_slice rest = cql_slice_of(data, size), name = fuzz_until(&rest, '\n');
  cql_arena_init(&a, &cql_alloc_libc, ARENA_LIMIT);
  /* Statements and bound texts are known to be UTF-8 before they come here. */
  if (cql_utf8_valid(rest) && cql_type_parse_cql(&a, name, NULL, &type, NULL) == CQL_OK) {
    cql_slice text = fuzz_block(rest);
    check(&a, type, text);
    fuzz_free(text);
  }
  cql_arena_free(&a);
  return 0;
}
