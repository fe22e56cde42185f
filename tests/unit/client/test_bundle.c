/* test_bundle.c: secure connect bundles as Astra makes them, and all that is none: cut, damaged, foreign, hostile. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <zip.h>

#include "client/bundle.h"
#include "cluster.h"

#define CONFIG "{\"host\": \"a.example\", \"port\": 30443, \"keyspace\": \"ks\", \"x\": [1.5, {\"y\": null}]}"
#define KEY    "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----\n"

/* --- zip files ---------------------------------------------------------------------------------------------------- */

enum { ENTRIES_MAX = 400 };

typedef struct entry {
  const char *name;
  const void *data;
  size_t len; /* 0: data is a text */
  bool is_stored;
} entry;

typedef struct bytes {
  uint8_t *data;
  size_t len;
} bytes;

/* Freed by the caller. */
static bytes make_zip(const entry *entries, size_t count) {
  zip_source_t *whole = zip_source_buffer_create(NULL, 0, 0, NULL);
  zip_t *z = zip_open_from_source(whole, ZIP_TRUNCATE, NULL);
  assert_non_null(z);
  zip_source_keep(whole);
  for (size_t i = 0; i < count; i++) {
    const entry *e = &entries[i];
    zip_source_t *s = zip_source_buffer(z, e->data, e->len == 0 ? strlen(e->data) : e->len, 0);
    zip_int64_t nth = zip_file_add(z, e->name, s, 0);
    assert_true(nth >= 0);
    assert_int_equal(zip_set_file_compression(z, (zip_uint64_t)nth, e->is_stored ? ZIP_CM_STORE : ZIP_CM_DEFLATE, 0),
                     0);
  }
  assert_int_equal(zip_close(z), 0);
  zip_stat_t st;
  assert_int_equal(zip_source_stat(whole, &st), 0);
  bytes out = {.data = malloc(st.size), .len = st.size};
  assert_int_equal(zip_source_open(whole), 0);
  assert_int_equal(zip_source_read(whole, out.data, out.len), out.len);
  zip_source_free(whole);
  return out;
}

static entry good[5] = {{.name = "ca.crt", .data = "the authority"},
                        {.name = "cert", .data = "the certificate"},
                        {.name = "key", .data = KEY},
                        {.name = "cqlshrc", .data = "[connection]\n"},
                        {.name = "config.json", .data = CONFIG}};
enum { GOOD_COUNT = 5, CONFIG_NTH = 4 };

static bytes make_good(void) {
  return make_zip(good, GOOD_COUNT);
}

static bytes make_with_config(const void *config, size_t len) {
  entry entries[GOOD_COUNT];
  memcpy(entries, good, sizeof good);
  entries[CONFIG_NTH].data = config;
  entries[CONFIG_NTH].len = len;
  return make_zip(entries, GOOD_COUNT);
}

/* Two names of the same length, which the writer does not let stand beside each other. */
static void rename_entry(bytes z, const char *from, const char *to) {
  size_t len = strlen(from);
  for (size_t i = 0; i + len <= z.len; i++)
    if (memcmp(z.data + i, from, len) == 0) memcpy(z.data + i, to, len);
}

/* The header of an entry in the directory at the end, and the one in front of its bytes. */
static uint8_t *central(bytes z, const char *name) {
  for (size_t i = 0; i + 46 + strlen(name) <= z.len; i++)
    if (memcmp(z.data + i, "PK\1\2", 4) == 0 && memcmp(z.data + i + 46, name, strlen(name)) == 0) return z.data + i;
  fail_msg("no %s", name);
  return NULL;
}

static uint8_t *local(bytes z, const char *name) {
  const uint8_t *c = central(z, name);
  return z.data + (c[42] | c[43] << 8 | c[44] << 16);
}

static void put_little(uint8_t *p, uint64_t v, size_t len) {
  for (size_t i = 0; i < len; i++) p[i] = (uint8_t)(v >> 8 * i);
}

enum { END_LEN = 22, END64_LEN = 56, LOCATOR_LEN = 20 };

/* The same file with its end as a zip64 one, for so many entries. */
static bytes as_zip64(bytes z, uint64_t count) {
  bytes out = {.data = calloc(1, z.len + END64_LEN + LOCATOR_LEN), .len = z.len + END64_LEN + LOCATOR_LEN};
  const uint8_t *old = z.data + z.len - END_LEN;
  size_t at = z.len - END_LEN;
  memcpy(out.data, z.data, at);
  uint8_t *end64 = out.data + at, *locator = end64 + END64_LEN, *end = locator + LOCATOR_LEN;
  memcpy(end64, "PK\6\6", 4);
  put_little(end64 + 4, END64_LEN - 12, 8);
  put_little(end64 + 12, 45, 2);
  put_little(end64 + 14, 45, 2);
  put_little(end64 + 24, count, 8);
  put_little(end64 + 32, count, 8);
  memcpy(end64 + 40, old + 12, 4); /* the directory's length */
  memcpy(end64 + 48, old + 16, 4); /* and where it begins */
  memcpy(locator, "PK\6\7", 4);
  put_little(locator + 8, at, 8);
  put_little(locator + 16, 1, 4);
  memcpy(end, old, END_LEN);
  memset(end + 8, 0xFF, 12);
  free(z.data);
  return out;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

typedef struct outcome {
  cqli_bundle b;
  cql_arena a;
  cql_error err;
  cql_status st;
} outcome;

static void read_bytes(outcome *o, const void *data, size_t len) {
  cql_arena_init(&o->a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  memset(&o->err, 0, sizeof o->err);
  o->st = cqli_bundle_read(&o->b, cql_slice_of(data, len), &o->a, &o->err);
  if (o->st == CQL_OK) return;
  assert_int_equal(o->err.status, o->st);
  assert_true(strlen(o->err.message) > 0);
  assert_null(o->b.key_pem.data);
}

static void assert_good(bytes z) {
  outcome o;
  read_bytes(&o, z.data, z.len);
  if (o.st != CQL_OK) fail_msg("%s", o.err.message);
  assert_string_equal(o.b.host, "a.example");
  assert_int_equal(o.b.port, 30443);
  assert_string_equal(o.b.keyspace, "ks");
  assert_true(cql_slice_eq_str(o.b.ca_pem, "the authority"));
  assert_true(cql_slice_eq_str(o.b.cert_pem, "the certificate"));
  assert_true(cql_slice_eq_str(o.b.key_pem, KEY));
  cqli_bundle_wipe(&o.b);
  cqli_bundle_wipe(&o.b);
  cql_arena_free(&o.a);
  free(z.data);
}

static void assert_bad(bytes z, const char *words) {
  outcome o;
  read_bytes(&o, z.data, z.len);
  assert_int_equal(o.st, CQL_BAD_URL);
  if (strstr(o.err.message, words) == NULL) fail_msg("%s: %s", words, o.err.message);
  cql_arena_free(&o.a);
  free(z.data);
}

static void assert_bad_text(const char *text, const char *words) {
  bytes z = {.data = malloc(strlen(text) + 1), .len = strlen(text)};
  memcpy(z.data, text, z.len);
  assert_bad(z, words);
}

/* --- what Astra makes --------------------------------------------------------------------------------------------- */

static void test_good(void **state) {
  (void)state;
  assert_good(make_good());
  for (size_t i = 0; i < GOOD_COUNT; i++) good[i].is_stored = true;
  assert_good(make_good());
  for (size_t i = 0; i < GOOD_COUNT; i++) good[i].is_stored = false;
}

/* Somebody unpacked it, and packed it again with its folder; on a Mac, at that. */
static void test_folder(void **state) {
  (void)state;
  static const entry entries[] = {{.name = "secure-connect-db/ca.crt", .data = "the authority"},
                                  {.name = "secure-connect-db/cert", .data = "the certificate"},
                                  {.name = "secure-connect-db/key", .data = KEY},
                                  {.name = "secure-connect-db/config.json", .data = CONFIG},
                                  {.name = "__MACOSX/secure-connect-db/._config.json", .data = "?"},
                                  {.name = "__MACOSX/key", .data = "?"},
                                  {.name = "key", .data = "?"}};
  assert_good(make_zip(entries, 7));
  assert_good(make_zip(entries, 4));
  static const entry apart[] = {{.name = "a/ca.crt", .data = "the authority"},
                                {.name = "a/cert", .data = "the certificate"},
                                {.name = "b/key", .data = KEY},
                                {.name = "a/config.json", .data = CONFIG}};
  assert_bad(make_zip(apart, 4), "has no key");
}

static void test_zip64(void **state) {
  (void)state;
  assert_good(as_zip64(make_good(), GOOD_COUNT));
  static const uint64_t LIES[] = {0, 1, GOOD_COUNT - 1, GOOD_COUNT + 1, 1 << 20, (uint64_t)1 << 40, UINT64_MAX};
  for (size_t i = 0; i < sizeof LIES / sizeof *LIES; i++) assert_bad(as_zip64(make_good(), LIES[i]), "damaged");
}

/* --- what is none ------------------------------------------------------------------------------------------------- */

static void test_foreign(void **state) {
  (void)state;
  assert_bad_text("", "is empty");
  assert_bad_text("x", "no zip file");
  assert_bad_text("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "no zip file");
  assert_bad_text("PK\3\4", "cut short");
  bytes large = {.data = calloc(1, CQLI_BUNDLE_LEN + 1), .len = CQLI_BUNDLE_LEN + 1};
  assert_bad(large, "larger than 1048576 bytes");
  static const entry other[] = {{.name = "README", .data = "of something else"}};
  assert_bad(make_zip(other, 1), "no config.json");
  assert_bad_text("PK\5\6", "no zip file");
}

static void test_missing(void **state) {
  (void)state;
  for (size_t gone = 0; gone < GOOD_COUNT; gone++) {
    entry entries[GOOD_COUNT];
    char words[64];
    size_t count = 0;
    for (size_t i = 0; i < GOOD_COUNT; i++)
      if (i != gone) entries[count++] = good[i];
    snprintf(words, sizeof words, "no %s", good[gone].name);
    bytes z = make_zip(entries, count);
    if (strcmp(good[gone].name, "cqlshrc") == 0)
      assert_good(z);
    else
      assert_bad(z, words);
  }
}

static void test_empty_entry(void **state) {
  (void)state;
  for (int is_stored = 0; is_stored < 2; is_stored++) {
    entry entries[GOOD_COUNT];
    memcpy(entries, good, sizeof good);
    entries[2] = (entry){.name = "key", .data = "", .is_stored = is_stored != 0};
    assert_bad(make_zip(entries, GOOD_COUNT), "key is empty");
  }
}

static void test_twice(void **state) {
  (void)state;
  entry entries[GOOD_COUNT + 1];
  memcpy(entries, good, sizeof good);
  entries[GOOD_COUNT] = (entry){.name = "kez", .data = "another"};
  bytes z = make_zip(entries, GOOD_COUNT + 1);
  rename_entry(z, "kez", "key");
  assert_bad(z, "has key twice");
  entries[GOOD_COUNT] = (entry){.name = "config.jsom", .data = "{}"};
  z = make_zip(entries, GOOD_COUNT + 1);
  rename_entry(z, "config.jsom", "config.json");
  assert_bad(z, "more than one config.json");
  entries[GOOD_COUNT] = (entry){.name = "old/config.json", .data = "{}"};
  assert_bad(make_zip(entries, GOOD_COUNT + 1), "more than one config.json");
}

static void test_many(void **state) {
  (void)state;
  static char names[ENTRIES_MAX][8];
  entry entries[ENTRIES_MAX];
  for (size_t i = 0; i < ENTRIES_MAX; i++) {
    snprintf(names[i], sizeof names[i], "e%zu", i);
    entries[i] = (entry){.name = names[i], .data = "x"};
  }
  assert_bad(make_zip(entries, 257), "more than 256 entries");
  memcpy(entries, good, sizeof good);
  assert_good(make_zip(entries, 256));
}

static void test_methods(void **state) {
  (void)state;
  for (int which = 0; which < 2; which++) {
    bytes z = make_good();
    put_little(central(z, "key") + (which == 0 ? 8 : 10), which == 0 ? 1 : 12, 2);
    put_little(local(z, "key") + (which == 0 ? 6 : 8), which == 0 ? 1 : 12, 2);
    assert_bad(z, which == 0 ? "key is encrypted" : "key is compressed in a way");
  }
}

/* A checksum that is another is an error. What a length says is not believed: the key is right, or there is none. */
static void test_lies(void **state) {
  (void)state;
  bytes z = make_good();
  central(z, "key")[16] ^= 1;
  local(z, "key")[14] ^= 1;
  assert_bad(z, "key is damaged");
  enum { INFLATED = 24, IN_FILE = 20 }; /* the places in the directory; in front of the entry they are two less */
  static const struct {
    uint32_t place, value;
  } LENGTHS[] = {{INFLATED, 0}, {INFLATED, 1}, {INFLATED, 1000}, {INFLATED, UINT32_MAX - 1},
                 {IN_FILE, 0},  {IN_FILE, 1},  {IN_FILE, 1000},  {IN_FILE, UINT32_MAX - 1}};
  enum { COUNT = sizeof LENGTHS / sizeof *LENGTHS };
  for (size_t i = 0; i < 2 * COUNT; i++) {
    good[2].is_stored = i >= COUNT;
    z = make_good();
    put_little(central(z, "key") + LENGTHS[i % COUNT].place, LENGTHS[i % COUNT].value, 4);
    put_little(local(z, "key") + LENGTHS[i % COUNT].place - 2, LENGTHS[i % COUNT].value, 4);
    outcome o;
    read_bytes(&o, z.data, z.len);
    assert_int_equal(o.st, o.st == CQL_OK ? CQL_OK : CQL_BAD_URL);
    if (o.st == CQL_OK) assert_true(cql_slice_eq_str(o.b.key_pem, KEY));
    cql_arena_free(&o.a);
    free(z.data);
  }
  good[2].is_stored = false;
}

/* A hundred megabytes of zeros are a hundred kilobytes here. Only what is asked for is inflated, and no more than is
 * allowed. */
static void test_bomb(void **state) {
  (void)state;
  enum { BOMB_LEN = 100 << 20 };
  uint8_t *zeros = calloc(1, BOMB_LEN);
  entry entries[GOOD_COUNT];
  memcpy(entries, good, sizeof good);
  entries[3] = (entry){.name = "identity.jks", .data = zeros, .len = BOMB_LEN};
  assert_good(make_zip(entries, GOOD_COUNT));
  entries[3] = good[3];
  entries[0] = (entry){.name = "ca.crt", .data = zeros, .len = BOMB_LEN};
  bytes bomb = make_zip(entries, GOOD_COUNT);
  bytes lying = {.data = malloc(bomb.len), .len = bomb.len};
  memcpy(lying.data, bomb.data, bomb.len);
  assert_bad(bomb, "ca.crt is larger than 262144 bytes");
  put_little(central(lying, "ca.crt") + 24, 10, 4);
  assert_bad(lying, "ca.crt is ");
  for (size_t over = 0; over < 2; over++) {
    entries[0].len = CQLI_BUNDLE_ENTRY_LEN + over;
    entries[0].is_stored = true;
    outcome o;
    bytes z = make_zip(entries, GOOD_COUNT);
    read_bytes(&o, z.data, z.len);
    assert_int_equal(o.st, over == 0 ? CQL_OK : CQL_BAD_URL);
    cql_arena_free(&o.a);
    free(z.data);
  }
  free(zeros);
}

/* In blocks of their own, so that a read past the end is seen. */
static void test_cut(void **state) {
  (void)state;
  bytes z = make_good();
  for (size_t len = 0; len < z.len; len++) {
    bytes cut = {.data = malloc(len == 0 ? 1 : len), .len = len};
    memcpy(cut.data, z.data, len);
    assert_bad(cut, len == 0 ? "empty" : len < 4 ? "no zip file" : "cut short");
  }
  free(z.data);
}

static void test_damaged(void **state) {
  (void)state;
  bytes z = make_good();
  for (size_t at = 0; at < z.len; at++) {
    for (int change = 0; change < 3; change++) {
      bytes odd = {.data = malloc(z.len), .len = z.len};
      memcpy(odd.data, z.data, z.len);
      odd.data[at] ^= (uint8_t)(change == 0 ? 0xFF : change == 1 ? 1 : 0x80);
      outcome o;
      read_bytes(&o, odd.data, odd.len); /* some bytes mean nothing to us, dates for example */
      assert_true(o.st == CQL_OK || o.st == CQL_BAD_URL);
      if (o.st == CQL_OK) assert_true(cql_slice_eq_str(o.b.key_pem, KEY));
      cql_arena_free(&o.a);
      free(odd.data);
    }
  }
  free(z.data);
}

/* --- config.json -------------------------------------------------------------------------------------------------- */

static void test_config(void **state) {
  (void)state;
  static const struct {
    const char *config, *words;
  } BAD[] = {
      {"{\"port\": 1}", "has no \"host\""},
      {"{\"host\": null, \"port\": 1}", "has no \"host\""},
      {"{\"host\": \"\", \"port\": 1}", "has no \"host\""},
      {"{\"host\": 7, \"port\": 1}", "\"host\" that is no text"},
      {"{\"host\": \"a b\", \"port\": 1}", "\"host\" that is no host name"},
      {"{\"host\": \"a\\r\\nX: y\", \"port\": 1}", "\"host\" that is no host name"},
      {"{\"host\": \"a/b\", \"port\": 1}", "\"host\" that is no host name"},
      {"{\"host\": \"\xC3\xA4\", \"port\": 1}", "\"host\" that is no host name"},
      {"{\"host\": \"a\"}", "has no \"port\""},
      {"{\"host\": \"a\", \"port\": null}", "has no \"port\""},
      {"{\"host\": \"a\", \"port\": \"1\"}", "\"port\" that is no port"},
      {"{\"host\": \"a\", \"port\": 0}", "\"port\" that is no port"},
      {"{\"host\": \"a\", \"port\": -1}", "\"port\" that is no port"},
      {"{\"host\": \"a\", \"port\": 65536}", "\"port\" that is no port"},
      {"{\"host\": \"a\", \"port\": 4294967297}", "\"port\" that is no port"},
      {"{\"host\": \"a\", \"port\": 1.5}", "\"port\" that is no port"},
      {"{\"host\": \"a\", \"port\": 99999999999999999999}", "not understood as JSON"},
      {"{\"host\": \"a\", \"port\": 1, \"keyspace\": []}", "\"keyspace\" that is no text"},
      {"{\"host\": \"a\", \"host\": \"b\", \"port\": 1}", "names a key twice"},
      {"{\"host\": \"a\\u0000b\", \"port\": 1}", "not understood as JSON"},
      {"{\"host\": \"\xFF\", \"port\": 1}", "not understood as JSON"},
      {"{\"host\": \"a\", \"port\": 1} x", "not understood as JSON"},
      {"{\"host\": \"a\",\n \"secret-password\" 1}", "not understood as JSON (line 2, column "},
      {"[{\"host\": \"a\", \"port\": 1}]", "is a list"},
      {"7", "not understood as JSON"},
      {" ", "not understood as JSON"},
      {"\xEF\xBB\xBF", "not understood as JSON"},
      {"\xFF\xFE", "not understood as JSON"},
  };
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
    outcome o;
    bytes z = make_with_config(BAD[i].config, 0);
    read_bytes(&o, z.data, z.len);
    assert_int_equal(o.st, CQL_BAD_URL);
    assert_null(strstr(o.err.message, "secret"));
    cql_arena_free(&o.a);
    assert_bad(z, BAD[i].words);
  }
}

static void test_no_keyspace(void **state) {
  (void)state;
  static const char *const CONFIGS[] = {"{\"host\": \"::1\", \"port\": 65535}",
                                        "{\"host\": \"::1\", \"port\": 65535, \"keyspace\": null}",
                                        "{\"host\": \"::1\", \"port\": 65535, \"keyspace\": \"\"}"};
  for (size_t i = 0; i < 3; i++) {
    outcome o;
    bytes z = make_with_config(CONFIGS[i], 0);
    read_bytes(&o, z.data, z.len);
    assert_int_equal(o.st, CQL_OK);
    assert_string_equal(o.b.host, "::1");
    assert_int_equal(o.b.port, 65535);
    assert_null(o.b.keyspace);
    cql_arena_free(&o.a);
    free(z.data);
  }
}

static void test_marks(void **state) {
  (void)state;
  assert_good(make_with_config("\xEF\xBB\xBF" CONFIG, 0));
  for (int is_little = 0; is_little < 2; is_little++) {
    uint8_t text[2 * sizeof CONFIG];
    text[is_little] = 0xFE;
    text[!is_little] = 0xFF;
    for (size_t i = 0; i + 1 < sizeof CONFIG; i++) {
      text[2 * i + 2 + !is_little] = (uint8_t)CONFIG[i];
      text[2 * i + 2 + is_little] = 0;
    }
    assert_good(make_with_config(text, sizeof text));
    assert_bad(make_with_config(text, sizeof text - 1), "not understood as JSON");
  }
}

/* Characters of all lengths in UTF-16, and halves of pairs. */
static void test_utf16(void **state) {
  (void)state;
  static const struct {
    uint16_t units[4];
    const char *utf8; /* NULL: refused */
  } CASES[] = {{{'a', 0xE4, 0x20AC, 'b'},
                "a\xC3\xA4\xE2\x82\xAC"
                "b"},
               {{0xD83D, 0xDE00, 0xFFFD, 0x7FF}, "\xF0\x9F\x98\x80\xEF\xBF\xBD\xDF\xBF"},
               {{0xDBFF, 0xDFFF, 0xD800, 0xDC00}, "\xF4\x8F\xBF\xBF\xF0\x90\x80\x80"},
               {{'a', 0xD83D, 'b', 'c'}, NULL},
               {{0xDE00, 0xD83D, 'b', 'c'}, NULL},
               {{'a', 'b', 'c', 0xD83D}, NULL},
               {{'a', 'b', 'c', 0}, NULL}};
  static const char BEFORE[] = "{\"host\": \"a\", \"port\": 1, \"keyspace\": \"", BEHIND[] = "\"}";
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    uint8_t text[256];
    size_t len = 0;
    text[len++] = 0xFE;
    text[len++] = 0xFF;
    for (const char *p = BEFORE; *p != '\0'; p++, len += 2) cql_store_u16(text + len, (uint8_t)*p);
    for (size_t u = 0; u < 4; u++, len += 2) cql_store_u16(text + len, CASES[i].units[u]);
    for (const char *p = BEHIND; *p != '\0'; p++, len += 2) cql_store_u16(text + len, (uint8_t)*p);
    outcome o;
    bytes z = make_with_config(text, len);
    read_bytes(&o, z.data, z.len);
    assert_int_equal(o.st, CASES[i].utf8 == NULL ? CQL_BAD_URL : CQL_OK);
    if (CASES[i].utf8 != NULL) assert_string_equal(o.b.keyspace, CASES[i].utf8);
    cql_arena_free(&o.a);
    free(z.data);
  }
}

static void test_deep(void **state) {
  (void)state;
  for (size_t depth = 32; depth < 34; depth++) {
    char config[256] = "{\"host\": \"a\", \"port\": 1, \"keyspace\": \"[[[\\\"[[[\", \"x\": ";
    for (size_t i = 1; i < depth; i++) strcat(config, "[");
    for (size_t i = 1; i < depth; i++) strcat(config, "]");
    strcat(config, "}");
    outcome o;
    bytes z = make_with_config(config, 0);
    read_bytes(&o, z.data, z.len);
    assert_int_equal(o.st, depth == 32 ? CQL_OK : CQL_BAD_URL);
    cql_arena_free(&o.a);
    free(z.data);
  }
  static char deep[CQLI_BUNDLE_ENTRY_LEN - 1];
  memset(deep, '[', sizeof deep);
  assert_bad(make_with_config(deep, sizeof deep), "nested deeper than 32");
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

static void test_nomem(void **state) {
  (void)state;
  bytes z = make_with_config("\xFE\xFF\0{\0}", 6); /* UTF-16: an allocation more */
  bytes whole = make_good();
  for (size_t nth = 0;; nth++) {
    faulty f = {.left = nth};
    cql_alloc alloc = faulty_alloc(&f);
    cql_arena a;
    cqli_bundle b;
    cql_error err;
    cql_arena_init(&a, &alloc, CQL_ARENA_LIMIT_DEFAULT);
    cql_status st = cqli_bundle_read(&b, cql_slice_of(z.data, z.len), &a, &err);
    if (st == CQL_BAD_URL) st = cqli_bundle_read(&b, cql_slice_of(whole.data, whole.len), &a, &err);
    cql_arena_free(&a);
    assert_int_equal(f.live_bytes, 0);
    assert_int_equal(st, f.fired ? CQL_NOMEM : CQL_OK);
    if (!f.fired) break;
    assert_int_equal(err.status, CQL_NOMEM);
    assert_true(nth < 100);
  }
  free(z.data);
  free(whole.data);
}

/* The arena's own ceiling, at every byte of what it takes. */
static void test_full(void **state) {
  (void)state;
  bytes z = make_good();
  for (size_t limit = 1;; limit++) {
    cql_arena a;
    cqli_bundle b;
    cql_error err = {.status = CQL_OK};
    cql_arena_init(&a, &cql_alloc_libc, limit);
    cql_status st = cqli_bundle_read(&b, cql_slice_of(z.data, z.len), &a, &err);
    cql_arena_free(&a);
    if (st == CQL_OK) break;
    assert_int_equal(st, CQL_NOMEM);
    assert_int_equal(err.status, CQL_NOMEM);
    assert_true(limit < 4096);
  }
  free(z.data);
}

static size_t jansson_left; /* allocations until the one that fails */

static void *jansson_malloc(size_t size) {
  if (jansson_left-- == 0) {
    errno = ENOMEM;
    return NULL;
  }
  return malloc(size);
}

/* No token of this config is longer than jansson's first buffer: see json.c. */
static void test_jansson_nomem(void **state) {
  (void)state;
  bytes z = make_good();
  json_malloc_t before;
  json_free_t free_before;
  json_get_alloc_funcs(&before, &free_before);
  json_set_alloc_funcs(jansson_malloc, free);
  for (size_t nth = 0;; nth++) {
    outcome o;
    jansson_left = nth;
    read_bytes(&o, z.data, z.len);
    bool fired = jansson_left > nth; /* past zero */
    assert_int_equal(o.st, fired ? CQL_NOMEM : CQL_OK);
    cql_arena_free(&o.a);
    if (!fired) break;
    assert_true(nth < 100);
  }
  json_set_alloc_funcs(before, free_before);
  free(z.data);
}

/* Every block that goes back to the system is looked at for the key. */
static void *looking_resize(void *user, void *ptr, size_t old_size, size_t new_size) {
  if (new_size == 0 && memmem(ptr, old_size, "MIGHAgEAMBMG", 12) != NULL) ++*(uint32_t *)user;
  return cql_alloc_libc.resize(cql_alloc_libc.user, ptr, old_size, new_size);
}

static void test_wiped(void **state) {
  (void)state;
  for (int wiping = 1; wiping >= 0; wiping--) {
    uint32_t seen = 0;
    cql_alloc alloc = {looking_resize, &seen};
    cql_arena a;
    cqli_bundle b;
    bytes z = make_good();
    cql_arena_init(&a, &alloc, CQL_ARENA_LIMIT_DEFAULT);
    assert_int_equal(cqli_bundle_read(&b, cql_slice_of(z.data, z.len), &a, NULL), CQL_OK);
    if (wiping) cqli_bundle_wipe(&b);
    if (wiping) assert_null(b.key_pem.data);
    cql_arena_free(&a);
    assert_int_equal(seen, !wiping); /* it would have been seen */
    free(z.data);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_good),        cmocka_unit_test(test_folder),      cmocka_unit_test(test_zip64),
      cmocka_unit_test(test_foreign),     cmocka_unit_test(test_missing),     cmocka_unit_test(test_twice),
      cmocka_unit_test(test_many),        cmocka_unit_test(test_methods),     cmocka_unit_test(test_lies),
      cmocka_unit_test(test_bomb),        cmocka_unit_test(test_cut),         cmocka_unit_test(test_damaged),
      cmocka_unit_test(test_config),      cmocka_unit_test(test_no_keyspace), cmocka_unit_test(test_marks),
      cmocka_unit_test(test_utf16),       cmocka_unit_test(test_deep),        cmocka_unit_test(test_nomem),
      cmocka_unit_test(test_empty_entry), cmocka_unit_test(test_full),        cmocka_unit_test(test_jansson_nomem),
      cmocka_unit_test(test_wiped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
