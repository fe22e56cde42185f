/* fuzz_metadata.c: any bytes as the body of the metadata service's answer, and of its errors.
 *
 * It is refused in words, or it names a proxy and nodes, each once. The words of an error are one line of UTF-8.
 */
#include <string.h>

#include "client/bundle.h"
#include "fuzz.h"

enum { MESSAGE_CAP_MAX = 40, HOST_ID_LEN = 36 };
#define ARENA_LIMIT ((size_t)8 << 20)

static void check_id(const char *id) {
  FUZZ_REQUIRE(strlen(id) == HOST_ID_LEN && strspn(id, "0123456789abcdef-") == HOST_ID_LEN, "%s", id);
}

static void check(const cqli_metadata *m) {
  FUZZ_REQUIRE(m->proxy_host != NULL && m->proxy_host[0] != '\0' && m->proxy_port != 0, "no proxy");
  FUZZ_REQUIRE(strpbrk(m->proxy_host, " []/\r\n") == NULL, "%s", m->proxy_host);
  FUZZ_REQUIRE(m->local_dc == NULL || m->local_dc[0] != '\0', "an empty datacenter");
  FUZZ_REQUIRE(m->node_count > 0 && m->node_count <= CQLI_METADATA_NODES_MAX, "%u nodes", (unsigned)m->node_count);
  for (uint32_t i = 0; i < m->node_count; i++) {
    check_id(m->host_ids[i]);
    for (uint32_t k = 0; k < i; k++)
      FUZZ_REQUIRE(strcmp(m->host_ids[i], m->host_ids[k]) != 0, "%s is there twice", m->host_ids[i]);
  }
}

static void check_message(cql_slice json, size_t cap) {
  char out[MESSAGE_CAP_MAX + 1];
  memset(out, 'x', sizeof out);
  cqli_metadata_message(json, out, cap);
  size_t len = strnlen(out, sizeof out);
  FUZZ_REQUIRE(len < cap && out[cap] == 'x', "%zu bytes where %zu have room", len, cap);
  FUZZ_REQUIRE(cql_utf8_valid(cql_slice_of(out, len)), "no UTF-8");
  for (size_t i = 0; i < len; i++) FUZZ_REQUIRE((uint8_t)out[i] >= ' ' && out[i] != 0x7F, "byte %d", out[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  cql_arena a;
  cqli_metadata m;
  cql_error err = {.status = CQL_OK};
  cql_slice json = fuzz_block(cql_slice_of(data, size));
  cql_arena_init(&a, &cql_alloc_libc, ARENA_LIMIT);
  cql_status st = cqli_metadata_read(&m, json, &a, &err);
  if (st == CQL_OK) {
    check(&m);
  } else {
    fuzz_require_words(st, &err);
    FUZZ_REQUIRE(st == CQL_CONNECTION, "%s: %s", cql_status_name(st), err.message);
  }
  check_message(json, 1 + size % MESSAGE_CAP_MAX);
  cql_arena_free(&a);
  fuzz_free(json);
  return 0;
}
