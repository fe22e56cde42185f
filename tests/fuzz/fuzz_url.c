/* fuzz_url.c: any text as a session's URL: what is not understood is refused in words that name the part, and what is
 * understood was said: no path, no keyspace and no option comes from nowhere. Nothing is opened.
 */
#include <string.h>

#include "../../src/session/session_int.h"
#include "fuzz.h"

enum { TEXT_LEN_MAX = 2048 };

static bool in_words(const cqli_url *url, const char *text) {
  return text == NULL || (text >= url->words && text + strlen(text) < url->words + url->words_len);
}

static void check_cluster(const cqli_url *url, const char *text) {
  const cql_client_config *c = &url->client;
  FUZZ_REQUIRE(strncmp(text, "cassandra://", 12) == 0 || strncmp(text, "scylla://", 9) == 0, "%s", text);
  FUZZ_REQUIRE(c->contact_count > 0 && c->contact_count <= CQL_CLIENT_CONTACTS_MAX, "%s", text);
  FUZZ_REQUIRE((c->user == NULL) == (c->password == NULL), "%s", text);
  for (uint32_t i = 0; i < c->contact_count; i++)
    FUZZ_REQUIRE(in_words(url, c->contacts[i].host) && c->contacts[i].host[0] != '\0' && c->contacts[i].port != 0, "%s",
                 text);
  FUZZ_REQUIRE(in_words(url, c->user) && in_words(url, c->password) && in_words(url, c->local_dc), "%s", text);
  FUZZ_REQUIRE(c->tls.enabled || (c->tls.ca_path == NULL && c->tls.key_password == NULL), "%s", text);
}

/* The bundle says where the nodes are, and how they are reached. */
static void check_astra(const cqli_url *url, const char *text) {
  const cql_client_config *c = &url->client;
  FUZZ_REQUIRE(strncmp(text, "astra:", 6) == 0, "%s", text);
  FUZZ_REQUIRE(c->bundle_path == url->path && url->path[0] != '\0', "%s", text);
  FUZZ_REQUIRE(c->contact_count == 0 && !c->tls.enabled && c->local_dc == NULL, "%s", text);
  FUZZ_REQUIRE((c->user == NULL) == (c->password == NULL), "%s", text);
  FUZZ_REQUIRE(in_words(url, c->user) && in_words(url, c->password), "%s", text);
}

/* A URL that is shown is one still, and its password is not in it. */
static void check_shown(const char *text, const char *password) {
  static char shown[TEXT_LEN_MAX + 16];
  static cqli_url again;
  cql_session_url_show(text, shown, sizeof shown);
  FUZZ_REQUIRE(strlen(shown) <= strlen(text) + 6, "%s", text);
  FUZZ_REQUIRE(cqli_url_parse(&again, shown, NULL) == CQL_OK, "%s: %s", text, shown);
  FUZZ_REQUIRE(password == NULL || strcmp(again.client.password, "***") == 0, "%s: %s", text, shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const uint8_t END = 0;
  if (size > TEXT_LEN_MAX || memchr(data, 0, size) != NULL) return 0;
  cql_error err = {.status = CQL_OK};
  static cqli_url url;
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
    if (url.is_astra)
      check_astra(&url, (const char *)block.data);
    else if (url.is_cluster)
      check_cluster(&url, (const char *)block.data);
    else
      FUZZ_REQUIRE(strncmp((const char *)block.data, "local:", 6) == 0, "%s", (const char *)block.data);
    FUZZ_REQUIRE(url.is_cluster || url.in_memory == (url.path[0] == '\0'), "%s", (const char *)block.data);
    check_shown((const char *)block.data, url.client.password);
    FUZZ_REQUIRE(strnlen(url.path, sizeof url.path) <= size && strnlen(url.keyspace, sizeof url.keyspace) <= size, "%s",
                 (const char *)block.data);
  }
  fuzz_free(block);
  cql_buf_free(&text);
  return 0;
}
