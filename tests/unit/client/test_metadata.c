/* test_metadata.c: what the metadata service may answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/bundle.h"
#include "cluster.h"

#define ID1 "11111111-2222-3333-4444-555555555555"
#define ID2 "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"

/* As Astra writes it. */
#define GOOD                                                                                                           \
  "{\"version\": 1, \"region\": \"us-east1\", \"contact_info\": {\"type\": \"sni_proxy\", \"local_dc\": \"dc1\", "     \
  "\"contact_points\": [\"" ID1 "\", \"" ID2 "\"], \"sni_proxy_address\": \"proxy.example:29042\"}}"

typedef struct outcome {
  cqli_metadata m;
  cql_arena a;
  cql_error err;
  cql_status st;
} outcome;

/* In a block of its own, so that a read past the end is seen. */
static void read_bytes(outcome *o, const void *data, size_t len) {
  uint8_t *block = malloc(len == 0 ? 1 : len);
  memcpy(block, data, len);
  cql_arena_init(&o->a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  memset(&o->err, 0, sizeof o->err);
  o->st = cqli_metadata_read(&o->m, cql_slice_of(block, len), &o->a, &o->err);
  free(block);
  if (o->st == CQL_OK) return;
  assert_int_equal(o->err.status, o->st);
  assert_true(strlen(o->err.message) > 0);
}

static void read_text(outcome *o, const char *text) {
  read_bytes(o, text, strlen(text));
}

static void assert_bad(const char *text, const char *words) {
  outcome o;
  read_text(&o, text);
  assert_int_equal(o.st, CQL_CONNECTION);
  if (strstr(o.err.message, words) == NULL) fail_msg("%s: %s", words, o.err.message);
  cql_arena_free(&o.a);
}

static void test_good(void **state) {
  (void)state;
  for (int marked = 0; marked < 2; marked++) {
    outcome o;
    read_text(&o, marked ? "\xEF\xBB\xBF" GOOD : GOOD);
    assert_int_equal(o.st, CQL_OK);
    assert_string_equal(o.m.local_dc, "dc1");
    assert_string_equal(o.m.proxy_host, "proxy.example");
    assert_int_equal(o.m.proxy_port, 29042);
    assert_int_equal(o.m.node_count, 2);
    assert_string_equal(o.m.host_ids[0], ID1);
    assert_string_equal(o.m.host_ids[1], ID2);
    cql_arena_free(&o.a);
  }
}

static const char *with_proxy(const char *address) {
  static char out[2048];
  snprintf(out, sizeof out,
           "{\"contact_info\": {\"type\": \"sni_proxy\", \"sni_proxy_address\": \"%s\", \"contact_points\": [\"" ID1
           "\"]}}",
           address);
  return out;
}

static void test_addresses(void **state) {
  (void)state;
  static const struct {
    const char *address, *host; /* host NULL: refused */
    uint16_t port;
  } CASES[] = {
      {"a.example:1", "a.example", 1},
      {"a.example:65535", "a.example", 65535},
      {"a.example", "a.example", 9042}, /* as the Python driver */
      {"10.0.0.1", "10.0.0.1", 9042},
      {"10.0.0.1:29042", "10.0.0.1", 29042},
      {"[::1]:29042", "::1", 29042},
      {"[2001:db8::1]", "2001:db8::1", 9042},
      {"2001:db8::1", "2001:db8::1", 9042},
      {"::1", "::1", 9042},
      {"a-b_c.example:007", "a-b_c.example", 7},
      {":29042", NULL, 0},
      {"a:", NULL, 0},
      {"a:0", NULL, 0},
      {"a:65536", NULL, 0},
      {"a:4295000000", NULL, 0},
      {"a:-1", NULL, 0},
      {"a:+1", NULL, 0},
      {"a: 1", NULL, 0},
      {"a:1x", NULL, 0},
      {"[::1", NULL, 0},
      {"[::1]x", NULL, 0},
      {"[::1]:", NULL, 0},
      {"[]:1", NULL, 0},
      {"[", NULL, 0},
      {"[[::1]]:1", NULL, 0},
      {"a b:1", NULL, 0},
      {"a\\n:1", NULL, 0},
      {"https://a:1", NULL, 0},
      {"a/b:1", NULL, 0},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    outcome o;
    read_text(&o, with_proxy(CASES[i].address));
    if (CASES[i].host == NULL) {
      assert_int_equal(o.st, CQL_CONNECTION);
      assert_non_null(strstr(o.err.message, "sni_proxy_address"));
      assert_null(strchr(o.err.message, '\n'));
    } else {
      assert_int_equal(o.st, CQL_OK);
      assert_string_equal(o.m.proxy_host, CASES[i].host);
      assert_int_equal(o.m.proxy_port, CASES[i].port);
      assert_null(o.m.local_dc);
    }
    cql_arena_free(&o.a);
  }
  char longest[300];
  for (size_t len = 255; len < 257; len++) {
    memset(longest, 'a', len);
    longest[len] = '\0';
    outcome o;
    read_text(&o, with_proxy(longest));
    assert_int_equal(o.st, len == 255 ? CQL_OK : CQL_CONNECTION);
    cql_arena_free(&o.a);
  }
}

static void test_refused(void **state) {
  (void)state;
#define INFO(rest) "{\"contact_info\": {" rest "}}"
#define SNI        "\"type\": \"sni_proxy\", \"sni_proxy_address\": \"a:1\", "
  assert_bad("", "not understood as JSON");
  assert_bad("<html>", "not understood as JSON");
  assert_bad("[]", "is a list");
  assert_bad("{}", "has no \"contact_info\"");
  assert_bad("{\"contact_info\": []}", "has no \"contact_info\"");
  assert_bad(INFO(""), "by what the nodes are reached");
  assert_bad(INFO("\"type\": 1"), "\"type\" that is no text");
  assert_bad(INFO("\"type\": \"direct\""), "offers the nodes by \"direct\"");
  assert_bad(INFO("\"type\": \"a\\nb\\u007f\""), "offers the nodes by \"a b \"");
  assert_bad(INFO("\"type\": \"sni_proxy\""), "has no \"sni_proxy_address\"");
  assert_bad(INFO("\"type\": \"sni_proxy\", \"sni_proxy_address\": {}"), "\"sni_proxy_address\" that is no text");
  assert_bad(INFO(SNI "\"x\": 1"), "names no node");
  assert_bad(INFO(SNI "\"contact_points\": []"), "names no node");
  assert_bad(INFO(SNI "\"contact_points\": null"), "names no node");
  assert_bad(INFO(SNI "\"contact_points\": \"" ID1 "\""), "names no node");
  assert_bad(INFO(SNI "\"contact_points\": {\"a\": \"" ID1 "\"}"), "names no node");
  assert_bad(INFO(SNI "\"contact_points\": [\"" ID1 "\"], \"local_dc\": 1"), "\"local_dc\" that is no text");
  static const char *const IDS[] = {"1",
                                    "null",
                                    "\"\"",
                                    "\"1111111-2222-3333-4444-555555555555\"",
                                    "\"11111111-2222-3333-4444-5555555555555\"",
                                    "\"11111111-2222-3333-4444-55555555555g\"",
                                    "\"11111111-2222-3333-4444555555555-555\"",
                                    "\"111111112222-3333-4444-5555-55555555\"",
                                    "\"{1111111-2222-3333-4444-55555555555}\"",
                                    "[\"" ID1 "\"]"};
  for (size_t i = 0; i < sizeof IDS / sizeof *IDS; i++) {
    char text[512];
    snprintf(text, sizeof text, INFO(SNI "\"contact_points\": [\"" ID1 "\", %s]"), IDS[i]);
    assert_bad(text, "by something else than the UUID");
  }
}

static void test_same_nodes(void **state) {
  (void)state;
  outcome o;
  read_text(&o,
            INFO(SNI "\"local_dc\": \"\", \"contact_points\": [\"" ID2 "\", \"AAAAAAAA-bbbb-cccc-dddd-EEEEEEEEEEEE\", "
                     "\"" ID1 "\", \"" ID2 "\"]"));
  assert_int_equal(o.st, CQL_OK);
  assert_int_equal(o.m.node_count, 2);
  assert_string_equal(o.m.host_ids[0], ID2);
  assert_string_equal(o.m.host_ids[1], ID1);
  assert_null(o.m.local_dc);
  cql_arena_free(&o.a);
}

static void test_limits(void **state) {
  (void)state;
  char *text = malloc(CQLI_METADATA_LEN + 2);
  for (uint32_t count = CQLI_METADATA_NODES_MAX; count <= CQLI_METADATA_NODES_MAX + 1; count++) {
    size_t len = (size_t)sprintf(text, "{\"contact_info\": {" SNI "\"contact_points\": [");
    for (uint32_t i = 0; i < count; i++)
      len += (size_t)sprintf(text + len, "%s\"%08x-2222-3333-4444-555555555555\"", i == 0 ? "" : ",", i);
    strcpy(text + len, "]}}");
    if (count > CQLI_METADATA_NODES_MAX) {
      assert_bad(text, "names more than 4096 nodes");
    } else {
      outcome o;
      read_text(&o, text);
      assert_int_equal(o.st, CQL_OK);
      assert_int_equal(o.m.node_count, count);
      cql_arena_free(&o.a);
    }
  }
  memset(text, ' ', CQLI_METADATA_LEN + 1);
  text[CQLI_METADATA_LEN + 1] = '\0';
  memcpy(text, GOOD, sizeof GOOD - 1);
  assert_bad(text, "longer than 1048576 bytes");
  text[CQLI_METADATA_LEN] = '\0';
  outcome o;
  read_text(&o, text);
  assert_int_equal(o.st, CQL_OK);
  cql_arena_free(&o.a);
  memset(text, '[', CQLI_METADATA_LEN);
  assert_bad(text, "nested deeper than 32");
  free(text);
}

static void test_cut(void **state) {
  (void)state;
  for (size_t len = 0; len < sizeof GOOD - 1; len++) {
    outcome o;
    read_bytes(&o, GOOD, len);
    assert_int_equal(o.st, CQL_CONNECTION);
    cql_arena_free(&o.a);
  }
}

static void test_nomem(void **state) {
  (void)state;
  char text[4096];
  size_t len = 0;
  cql_store_u16((uint8_t *)text, 0xFEFF); /* UTF-16: an allocation more */
  for (const char *p = GOOD; *p != '\0'; p++) cql_store_u16((uint8_t *)text + (len += 2), (uint8_t)*p);
  len += 2;
  for (size_t limit = 0;; limit++) { /* the ceiling at every byte of what is taken */
    faulty f = {.left = limit == 0 ? 0 : SIZE_MAX};
    cql_alloc alloc = faulty_alloc(&f);
    cql_arena a;
    cqli_metadata m;
    cql_error err;
    cql_arena_init(&a, &alloc, limit == 0 ? CQL_ARENA_LIMIT_DEFAULT : limit);
    cql_status st = cqli_metadata_read(&m, cql_slice_of(text, len), &a, &err);
    cql_arena_free(&a);
    assert_int_equal(f.live_bytes, 0);
    if (st == CQL_OK) break;
    assert_int_equal(st, CQL_NOMEM);
    assert_int_equal(err.status, CQL_NOMEM);
    assert_true(limit < 8192);
  }
}

static void test_message(void **state) {
  (void)state;
  static const struct {
    const char *json, *words;
  } CASES[] = {
      {"{\"message\": \"Database is hibernated\", \"code\": 4}", "Database is hibernated"},
      {"{\"message\": \"one\\ntwo\\t\\u007f.\"}", "one two  ."},
      {"{\"message\": \"\"}", ""},
      {"{\"message\": null}", ""},
      {"{\"message\": [\"x\"]}", ""},
      {"{\"message\": \"x", ""},
      {"{\"errors\": []}", ""},
      {"[]", ""},
      {"<html>", ""},
      {"", ""},
  };
  char out[64];
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    cqli_metadata_message(cql_slice_str(CASES[i].json), out, sizeof out);
    assert_string_equal(out, CASES[i].words);
  }
  static const struct {
    size_t cap;
    const char *words;
  } CUTS[] = {{1, ""}, {2, "a"}, {3, "a"}, {4, "a\xC3\xA4"}, {6, "a\xC3\xA4"}, {7, "a\xC3\xA4\xE2\x82\xAC"}};
  for (size_t i = 0; i < sizeof CUTS / sizeof *CUTS; i++) {
    char *exact = malloc(CUTS[i].cap);
    cqli_metadata_message(cql_slice_str("{\"message\": \"a\xC3\xA4\xE2\x82\xAC"
                                        "b\"}"),
                          exact, CUTS[i].cap);
    assert_string_equal(exact, CUTS[i].words);
    free(exact);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_good),       cmocka_unit_test(test_addresses), cmocka_unit_test(test_refused),
      cmocka_unit_test(test_same_nodes), cmocka_unit_test(test_limits),    cmocka_unit_test(test_cut),
      cmocka_unit_test(test_nomem),      cmocka_unit_test(test_message),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
