/* fuzz_bundle.c: any bytes as a secure connect bundle.
 *
 * INPUT  a byte, the zip file. The byte odd: checksums of stored entries are made true, so that what is in them is
 * read.
 *
 * It is refused in words, or all that a bundle must have is there, and its private key can be wiped.
 */
#include <string.h>

#include <zlib.h>

#include "client/bundle.h"
#include "fuzz.h"

enum { LOCAL_LEN = 30, CENTRAL_LEN = 46 };
#define ARENA_LIMIT ((size_t)8 << 20)

static uint32_t little(const uint8_t *p) {
  return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* c: the entry's header in the directory. */
static void mend_entry(uint8_t *zip, size_t len, uint8_t *c) {
  size_t at = little(c + 42), entry_len = little(c + 20);
  if (len < LOCAL_LEN || at > len - LOCAL_LEN) return;
  uint8_t *l = zip + at;
  size_t data = at + LOCAL_LEN + (size_t)(l[26] | l[27] << 8) + (size_t)(l[28] | l[29] << 8);
  if (data > len || entry_len > len - data) return;
  uint32_t sum = (uint32_t)crc32(0, zip + data, (uInt)entry_len);
  for (size_t i = 0; i < 4; i++) c[16 + i] = l[14 + i] = (uint8_t)(sum >> 8 * i);
}

static void mend(uint8_t *zip, size_t len) {
  for (size_t i = 0; i + CENTRAL_LEN <= len; i++)
    if (memcmp(zip + i, "PK\1\2", 4) == 0 && zip[i + 10] == 0) mend_entry(zip, len, zip + i);
}

static void check_pem(cql_slice pem) {
  FUZZ_REQUIRE(pem.data != NULL && pem.len > 0 && pem.len <= CQLI_BUNDLE_ENTRY_LEN && pem.data[pem.len] == '\0',
               "%zu bytes", pem.len);
}

static void check(cqli_bundle *b) {
  FUZZ_REQUIRE(b->host != NULL && b->host[0] != '\0' && b->port != 0, "no place");
  FUZZ_REQUIRE(b->keyspace == NULL || b->keyspace[0] != '\0', "an empty keyspace");
  for (const char *p = b->host; *p != '\0'; p++) FUZZ_REQUIRE(*p > ' ' && *p < 0x7F && *p != '/', "%s", b->host);
  check_pem(b->ca_pem);
  check_pem(b->cert_pem);
  check_pem(b->key_pem);
  cql_slice key = b->key_pem;
  cqli_bundle_wipe(b);
  for (size_t i = 0; i < key.len; i++) FUZZ_REQUIRE(key.data[i] == 0, "byte %zu of the key is left", i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  cql_arena a;
  cqli_bundle b;
  cql_error err = {.status = CQL_OK};
  cql_slice zip = fuzz_block(cql_slice_of(data + 1, size - 1));
  if (data[0] % 2 != 0) mend((uint8_t *)(uintptr_t)zip.data, zip.len);
  cql_arena_init(&a, &cql_alloc_libc, ARENA_LIMIT);
  cql_status st = cqli_bundle_read(&b, zip, &a, &err);
  if (st == CQL_OK) {
    check(&b);
  } else {
    fuzz_require_words(st, &err);
    FUZZ_REQUIRE(st == CQL_BAD_URL, "%s: %s", cql_status_name(st), err.message);
  }
  cql_arena_free(&a);
  fuzz_free(zip);
  return 0;
}
