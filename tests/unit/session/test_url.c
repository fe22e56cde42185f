/* Session URLs: what each part means, and that every mistake is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "session/session_int.h"

static void parsed_parts(void **state) {
  (void)state;
  static const struct {
    const char *url, *path, *keyspace;
    bool in_memory, full;
    uint32_t timeout;
  } cases[] = {
      {"local:db.cql", "db.cql", "", false, false, 10000},
      {"local:/a/b%20c%3F%25.cql", "/a/b c?%.cql", "", false, false, 10000},
      {"local:db?keyspace=My%20Ks", "db", "My Ks", false, false, 10000},
      {"local:db?durability=full&busy_timeout_ms=1", "db", "", false, true, 1},
      {"local:db?durability=normal&keyspace=k", "db", "k", false, false, 10000},
      {"local:db?", "db", "", false, false, 10000},
      {"local::memory:", "", "", true, false, 10000},
      {"local::memory:?keyspace=k", "", "k", true, false, 10000},
      {"local:%3Amemory:", ":memory:", "", false, false, 10000}, /* a file of that name */
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cqli_url url;
    cql_error err;
    assert_int_equal(cqli_url_parse(&url, cases[i].url, &err), CQL_OK);
    assert_string_equal(url.path, cases[i].path);
    assert_string_equal(url.keyspace, cases[i].keyspace);
    assert_int_equal(url.in_memory, cases[i].in_memory);
    assert_int_equal(url.durability_full, cases[i].full);
    assert_int_equal(url.busy_timeout_ms, cases[i].timeout);
  }
}

static void mistakes_are_named(void **state) {
  (void)state;
  static const struct {
    const char *url;
    cql_status status;
    const char *words;
  } cases[] = {
      {NULL, CQL_BAD_URL, "no session URL"},
      {"", CQL_BAD_URL, "not a session URL"},
      {"/tmp/db.cql", CQL_BAD_URL, "write local:PATH"},
      {"local:", CQL_BAD_URL, "names no file"},
      {"local:?keyspace=k", CQL_BAD_URL, "names no file"},
      {"local:///tmp/db.cql", CQL_BAD_URL, "no // before"},
      {"local:a%", CQL_BAD_URL, "two hex digits"},
      {"local:a%4", CQL_BAD_URL, "two hex digits"},
      {"local:a%4g", CQL_BAD_URL, "two hex digits"},
      {"local:a%00b", CQL_BAD_URL, "NUL"},
      {"local:a?b", CQL_BAD_URL, "'b' has no value"},
      {"local:a?&", CQL_BAD_URL, "has no value"},
      {"local:a?b=c", CQL_BAD_URL, "Unknown option 'b'"},
      {"local:a?keyspace=", CQL_BAD_URL, "keyspace is empty"},
      {"local:a?keyspace=0123456789012345678901234567890123456789012345678901234567890123", CQL_BAD_URL,
       "longer than 63"},
      {"local:a?keyspace=k&keyspace=l", CQL_BAD_URL, "given twice"},
      {"local:a?durability=some", CQL_BAD_URL, "not 'some'"},
      {"local:a?busy_timeout_ms=", CQL_BAD_URL, "from 1 to 3600000"},
      {"local:a?busy_timeout_ms=0", CQL_BAD_URL, "from 1 to"},
      {"local:a?busy_timeout_ms=3600001", CQL_BAD_URL, "from 1 to"},
      {"local:a?busy_timeout_ms=99999999999999999999", CQL_BAD_URL, "from 1 to"},
      {"local:a?busy_timeout_ms=1s", CQL_BAD_URL, "from 1 to"},
      {"local::memory:?durability=full", CQL_BAD_URL, "no meaning"},
      {"cassandra://h1:9042/ks", CQL_UNSUPPORTED, "cluster are not built yet"},
      {"astra:bundle.zip", CQL_UNSUPPORTED, "Astra DB are not built yet"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cqli_url url;
    cql_error err;
    assert_int_equal(cqli_url_parse(&url, cases[i].url, &err), cases[i].status);
    if (strstr(err.message, cases[i].words) == NULL)
      fail_msg("%s: '%s' lacks '%s'", cases[i].url, err.message, cases[i].words);
  }
}

static void long_urls_are_refused(void **state) {
  (void)state;
  static char text[CQL_SESSION_URL_LEN + 10];
  memset(text, 'x', sizeof text - 1);
  memcpy(text, "local:", 6);
  cqli_url url;
  cql_error err;
  assert_int_equal(cqli_url_parse(&url, text, &err), CQL_BAD_URL);
  text[CQL_SESSION_URL_LEN - 1] = '\0';
  assert_int_equal(cqli_url_parse(&url, text, &err), CQL_OK);
  assert_int_equal(strlen(url.path), CQL_SESSION_URL_LEN - 1 - 6);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(parsed_parts),
      cmocka_unit_test(mistakes_are_named),
      cmocka_unit_test(long_urls_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
