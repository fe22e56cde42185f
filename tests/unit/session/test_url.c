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
      {"ftp://me:hush@host", CQL_BAD_URL, "'ftp…' is not a session URL"},
      {"cassandra:h1", CQL_BAD_URL, "has // before its hosts"},
      {"cassandra://", CQL_BAD_URL, "host is empty"},
      {"cassandra:///ks", CQL_BAD_URL, "host is empty"},
      {"cassandra://a,,b", CQL_BAD_URL, "host is empty"},
      {"cassandra://u:p@", CQL_BAD_URL, "host is empty"},
      {"cassandra://u@h", CQL_BAD_URL, "a user and no password"},
      {"cassandra://:hush@h", CQL_BAD_URL, "a password and no user"},
      {"cassandra://u:hush%@h", CQL_BAD_URL, "password has a %"},
      {"cassandra://u:hu/sh@h", CQL_BAD_URL, "is written %2F"},
      {"cassandra://u:hu?sh@h", CQL_BAD_URL, "behind 'u' is a port"},
      {"cassandra://u:1?hush@h", CQL_BAD_URL, "'…' has no value"},
      {"cassandra://u:1?HUSH=@h", CQL_BAD_URL, "Unknown option '…'"},
      {"cassandra://h:", CQL_BAD_URL, "behind 'h' is a port"},
      {"cassandra://h:0", CQL_BAD_URL, "from 1 to 65535"},
      {"cassandra://h:65536", CQL_BAD_URL, "from 1 to 65535"},
      {"cassandra://::1", CQL_BAD_URL, "in brackets"},
      {"cassandra://[::1", CQL_BAD_URL, "no ] behind it"},
      {"cassandra://[]", CQL_BAD_URL, "host is empty"},
      {"cassandra://[::1]x", CQL_BAD_URL, "may follow the ]"},
      {"cassandra://h/ks?keyspace=l", CQL_BAD_URL, "keyspace is given twice"},
      {"cassandra://h?durability=full", CQL_BAD_URL, "Unknown option 'durability'"},
      {"cassandra://h?consistency=SOME", CQL_BAD_URL, "not 'SOME'"},
      {"cassandra://h?consistency=ANY", CQL_BAD_URL, "not 'ANY'"},
      {"cassandra://h?serial_consistency=ONE", CQL_BAD_URL, "SERIAL or LOCAL_SERIAL"},
      {"cassandra://h?local_dc=", CQL_BAD_URL, "local_dc is empty"},
      {"cassandra://h?request_timeout_ms=0", CQL_BAD_URL, "from 1 to 3600000"},
      {"cassandra://h?heartbeat_ms=99", CQL_BAD_URL, "from 100"},
      {"cassandra://h?compression=zip", CQL_BAD_URL, "lz4 or none"},
      {"cassandra://h?protocol=3", CQL_BAD_URL, "4 or 5"},
      {"cassandra://h?tls=yes", CQL_BAD_URL, "on or off"},
      {"cassandra://h?tls_check=maybe&tls=on", CQL_BAD_URL, "full, ca or none"},
      {"cassandra://h?tls_ca=ca.pem", CQL_BAD_URL, "no meaning without tls=on"},
      {"cassandra://h?tls=off&tls_check=ca", CQL_BAD_URL, "no meaning without tls=on"},
      {"cassandra://h?tls_key_password=hush", CQL_BAD_URL, "no meaning without tls=on"},
      {"cassandra://h?tls=on&tls_cert=c.pem", CQL_BAD_URL, "given together"},
      {"cassandra://h?tls=on&tls_key_password=hush", CQL_BAD_URL, "for a tls_key"},
      {"cassandra://h?reconnect_min_ms=6000", CQL_BAD_URL, "more than reconnect_max_ms"},
      {"cassandra://h?tls=on&tls=on", CQL_BAD_URL, "given twice"},
      {"cassandra://h?user=me", CQL_BAD_URL, "Unknown option 'user'"},
      {"cassandra://h?hosts=i", CQL_BAD_URL, "Unknown option 'hosts'"},
      {"Astra:b.zip?user=me&password=hush", CQL_BAD_URL, "'Astra:b.zip…' is not a session URL"},
      {"astra:", CQL_BAD_URL, "no secure connect bundle"},
      {"astra:?keyspace=k", CQL_BAD_URL, "no secure connect bundle"},
      {"astra://me:hush@h", CQL_BAD_URL, "no // and no hosts"},
      {"astra:b%zz.zip", CQL_BAD_URL, "path has a %"},
      {"astra:b.zip?user=me", CQL_BAD_URL, "the password is missing"},
      {"astra:b.zip?password=hush", CQL_BAD_URL, "the user is missing"},
      {"astra:b.zip?user=&password=hush", CQL_BAD_URL, "option user is empty"},
      {"astra:b.zip?user=me&password=%zhush", CQL_BAD_URL, "option password has a %"},
      {"astra:b.zip?password=x&hush&user=me", CQL_BAD_URL, "'…' has no value"},
      {"astra:b.zip?password=x&hush=1&user=me", CQL_BAD_URL, "Unknown option '…'"},
      {"astra:b.zip?tls=on", CQL_BAD_URL, "The option tls is not given for Astra DB"},
      {"astra:b.zip?tls_check=none", CQL_BAD_URL, "come from the secure connect bundle"},
      {"astra:b.zip?tls_ca=ca.pem", CQL_BAD_URL, "come from the secure connect bundle"},
      {"astra:b.zip?tls_key_password=hush", CQL_BAD_URL, "come from the secure connect bundle"},
      {"astra:b.zip?local_dc=dc1", CQL_BAD_URL, "come from the secure connect bundle"},
      {"astra:b.zip?hosts=h", CQL_BAD_URL, "come from the secure connect bundle"},
      {"astra:b.zip?durability=full", CQL_BAD_URL, "docs/ref/libcql.md lists those of Astra DB"},
      {"astra:b.zip?reconnect_min_ms=6000", CQL_BAD_URL, "more than reconnect_max_ms"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cqli_url url;
    cql_error err;
    assert_int_equal(cqli_url_parse(&url, cases[i].url, &err), cases[i].status);
    if (strcasestr(err.message, "hush") != NULL) fail_msg("a password is shown: %s", err.message);
    if (strstr(err.message, cases[i].words) == NULL)
      fail_msg("%s: '%s' lacks '%s'", cases[i].url, err.message, cases[i].words);
  }
}

static void parsed_clusters(void **state) {
  (void)state;
  cqli_url url;
  cql_error err;
  const char *text = "cassandra://me:a%40b%3Fc@[::1]:9043,n2,10.0.0.3:1/My%20Ks?local_dc=dc1&consistency=ONE"
                     "&serial_consistency=SERIAL&compression=lz4&tls=on&tls_check=ca&tls_ca=a%26b.pem&tls_name=n"
                     "&protocol=4&direct_connections=0&request_timeout_ms=7&speculative_delay_ms=0&queue_count=9";
  if (cqli_url_parse(&url, text, &err) != CQL_OK) fail_msg("%s", err.message);
  const cql_client_config *c = &url.client;
  assert_true(url.is_cluster);
  assert_string_equal(c->user, "me");
  assert_string_equal(c->password, "a@b?c");
  assert_int_equal(c->contact_count, 3);
  assert_string_equal(c->contacts[0].host, "::1");
  assert_int_equal(c->contacts[0].port, 9043);
  assert_string_equal(c->contacts[1].host, "n2");
  assert_int_equal(c->contacts[1].port, CQL_CLIENT_PORT);
  assert_int_equal(c->contacts[2].port, 1);
  assert_string_equal(c->keyspace, "My Ks");
  assert_string_equal(c->local_dc, "dc1");
  assert_int_equal(url.consistency, CQL_ONE);
  assert_int_equal(url.serial_consistency, CQL_SERIAL);
  assert_true(c->lz4 && c->tls.enabled);
  assert_int_equal(c->tls.check, CQL_TLS_CHECK_CA);
  assert_string_equal(c->tls.ca_path, "a&b.pem");
  assert_string_equal(c->tls.server_name, "n");
  assert_int_equal(c->protocol, CQL_VERSION_4);
  assert_int_equal(c->direct_connections, -1);
  assert_int_equal(c->request_timeout_ms, 7);
  assert_int_equal(c->queue_count, 9);
}

static void parsed_bundles(void **state) {
  (void)state;
  cqli_url url;
  cql_error err;
  const char *text = "astra:/my%20bundles/b%3F.zip?keyspace=k&user=token&password=AstraCS:a%26b&compression=lz4"
                     "&consistency=QUORUM&connect_timeout_ms=7";
  if (cqli_url_parse(&url, text, &err) != CQL_OK) fail_msg("%s", err.message);
  const cql_client_config *c = &url.client;
  assert_true(url.is_cluster);
  assert_string_equal(c->bundle_path, "/my bundles/b?.zip");
  assert_int_equal(c->contact_count, 0);
  assert_string_equal(c->user, "token");
  assert_string_equal(c->password, "AstraCS:a&b");
  assert_string_equal(c->keyspace, "k");
  assert_int_equal(url.consistency, CQL_QUORUM);
  assert_int_equal(url.serial_consistency, CQL_LOCAL_SERIAL);
  assert_true(c->lz4 && !c->tls.enabled);
  assert_int_equal(c->connect_timeout_ms, 7);
  assert_int_equal(cqli_url_parse(&url, "astra:b.zip", &err), CQL_OK); /* no user: the database may want none */
  assert_null(url.client.user);
  assert_null(url.client.keyspace);
  assert_int_equal(url.consistency, CQL_LOCAL_QUORUM);
}

static void a_plain_cluster_has_the_defaults(void **state) {
  (void)state;
  static const char *const texts[] = {"scylla://h", "cassandra://h/", "cassandra://h?", "cassandra://h/?tls=off"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    cqli_url url;
    assert_int_equal(cqli_url_parse(&url, texts[i], NULL), CQL_OK);
    assert_null(url.client.user);
    assert_null(url.client.keyspace);
    assert_int_equal(url.consistency, CQL_LOCAL_QUORUM);
    assert_int_equal(url.serial_consistency, CQL_LOCAL_SERIAL);
    assert_int_equal(url.client.direct_connections, 0);
  }
}

static void passwords_are_not_shown(void **state) {
  (void)state;
  static const struct {
    const char *url, *shown;
  } cases[] = {
      {"local:a@b:c", "local:a@b:c"},
      {"cassandra://h/ks?tls=on", "cassandra://h/ks?tls=on"},
      {"cassandra://u:p@h,i:1/ks?tls=on", "cassandra://u:***@h,i:1/ks?tls=on"},
      {"cassandra://u:p@q@h", "cassandra://u:***@h"},
      {"astra:b.zip?keyspace=k", "astra:b.zip?keyspace=k"},
      {"astra:b.zip?user=u&password=p&keyspace=k", "astra:b.zip?user=u&password=***&keyspace=k"},
      {"scylla://u:p@h?tls_key_password=p&tls=on", "scylla://u:***@h?tls_key_password=***&tls=on"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char shown[128];
    cql_session_url_show(cases[i].url, shown, sizeof shown);
    assert_string_equal(shown, cases[i].shown);
    cql_session_url_show(cases[i].url, shown, 4);
    assert_int_equal(strlen(shown), 3);
  }
}

static void too_many_hosts_are_refused(void **state) {
  (void)state;
  char text[512] = "cassandra://h";
  cqli_url url;
  cql_error err;
  for (int i = 1; i < CQL_CLIENT_CONTACTS_MAX; i++) strcat(text, ",h");
  assert_int_equal(cqli_url_parse(&url, text, &err), CQL_OK);
  strcat(text, ",h");
  assert_int_equal(cqli_url_parse(&url, text, &err), CQL_BAD_URL);
  assert_non_null(strstr(err.message, "more than 64 hosts"));
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
      cmocka_unit_test(parsed_clusters),
      cmocka_unit_test(parsed_bundles),
      cmocka_unit_test(a_plain_cluster_has_the_defaults),
      cmocka_unit_test(passwords_are_not_shown),
      cmocka_unit_test(too_many_hosts_are_refused),
      cmocka_unit_test(long_urls_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
