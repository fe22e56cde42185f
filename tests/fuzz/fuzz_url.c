/* fuzz_url.c: any text as a session's URL: what is not understood is refused in words that name the part, and what is
 * understood was said: no path, no keyspace and no option comes from nowhere. Nothing is opened.
 */
#include <string.h>

#include "../../src/session/session_int.h"
#include "fuzz.h"

enum { TEXT_LEN_MAX = 2048 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const uint8_t END = 0;
  if (size > TEXT_LEN_MAX || memchr(data, 0, size) != NULL) return 0;
  cql_error err = {.status = CQL_OK};
  cqli_url url;
  cql_buf text;
  cql_buf_init(&text, &cql_alloc_libc, TEXT_LEN_MAX + 1);
  cql_buf_put(&text, data, size);
  cql_buf_put(&text, &END, 1);
  cql_slice block = fuzz_block(cql_buf_view(&text));
  cql_status st = cqli_url_parse(&url, (const char *)block.data, &err);
  if (st != CQL_OK) {
    fuzz_require_words(st, &err);
    FUZZ_REQUIRE(st == CQL_BAD_URL || st == CQL_UNSUPPORTED, "%s: %s", cql_status_name(st), err.message);
  } else {
    FUZZ_REQUIRE(strncmp((const char *)block.data, "local:", 6) == 0, "%s", (const char *)block.data);
    FUZZ_REQUIRE(url.in_memory == (url.path[0] == '\0'), "%s", (const char *)block.data);
    FUZZ_REQUIRE(strnlen(url.path, sizeof url.path) <= size && strnlen(url.keyspace, sizeof url.keyspace) <= size, "%s",
                 (const char *)block.data);
  }
  fuzz_free(block);
  cql_buf_free(&text);
  return 0;
}
