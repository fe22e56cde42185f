/* fuzz_parse.c: any bytes as a CQL statement. The lexer ends; the parser ends; what it read can be printed; the same
 * text gives the same statement or the same error.
 */
#include "../unit/engine/parse/print_ast.h"
#include "engine/parse/token.h"
#include "fuzz.h"

#include <string.h>

enum { TEXT_LEN_MAX = 1 << 14, PRINTED_LEN_MAX = 1 << 24 };
#define ARENA_LIMIT ((size_t)64 << 20)

/* Every token is a piece of the text, behind the one before it. */
static void lex(cql_arena *a, cql_slice text) {
  cqle_lexer l;
  cqle_token t;
  cql_error err = {.status = CQL_OK};
  size_t last = 0;
  cqle_lexer_init(&l, text);
  for (size_t n = 0;; n++) {
    cql_status st = cqle_lexer_next(&l, a, &t, &err);
    if (st != CQL_OK) {
      fuzz_require_words(st, &err);
      return;
    }
    if (t.kind == CQLE_TOK_EOF) return;
    FUZZ_REQUIRE(n < text.len, "%zu tokens in %zu bytes", n, text.len);
    FUZZ_REQUIRE(t.offset >= last && t.offset + t.text.len <= text.len, "token at %zu, %zu bytes", t.offset,
                 t.text.len);
    FUZZ_REQUIRE(t.text.len > 0 && t.text.data == text.data + t.offset, "token at %zu", t.offset);
    last = t.offset + t.text.len;
  }
}

static cql_status parse(cql_arena *a, cql_slice text, cql_buf *printed, cql_error *err) {
  cqle_statement *s = NULL;
  cql_status st = cqle_parse(a, text, &s, err);
  if (st == CQL_OK) print_statement(printed, s);
  return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > TEXT_LEN_MAX) return 0;
  cql_slice text = cql_slice_of(data, size);
  cql_arena a;
  cql_error err = {.status = CQL_OK}, again = {.status = CQL_OK};
  cql_buf first, second;
  cql_arena_init(&a, &cql_alloc_libc, ARENA_LIMIT);
  cql_buf_init(&first, &cql_alloc_libc, PRINTED_LEN_MAX);
  cql_buf_init(&second, &cql_alloc_libc, PRINTED_LEN_MAX);
  lex(&a, text);
  cql_status st = parse(&a, text, &first, &err);
  FUZZ_REQUIRE(parse(&a, text, &second, &again) == st, "%s first", cql_status_name(st));
  FUZZ_REQUIRE(st != CQL_NOMEM, "%zu bytes of text need more than %zu", size, ARENA_LIMIT);
  FUZZ_REQUIRE(cql_slice_eq(cql_buf_view(&first), cql_buf_view(&second)), "%s", "two statements from one text");
  if (st != CQL_OK) {
    fuzz_require_words(st, &err);
    FUZZ_REQUIRE(strcmp(err.message, again.message) == 0, "%s, then %s", err.message, again.message);
  }
  cql_buf_free(&first);
  cql_buf_free(&second);
  cql_arena_free(&a);
  return 0;
}
