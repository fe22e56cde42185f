/* TLS: which certificates are believed, what is said of those that are not, sessions that are resumed. */
#include "bench.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static bench b;
static const mode secure = {CQL_VERSION_5, false, true};

static void doubt(const char *name, certificate *c, const char *words) {
  bench_init(&b, &secure);
  b.config.server_name = name;
  b.server_config.cert = c->cert;
  b.server_config.key = c->key;
  for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
    b.server_config.tls_version = version;
    if (b.server != NULL) fake_server_stop(b.server);
    b.server = NULL;
    bench_fail(&b, CQL_TLS, CQL_STAGE_TLS, words);
    assert_int_equal(fake_server_requests(b.server, FAKE_ANY), 0);
  }
  bench_free(&b);
  certificate_free(c);
}

static void a_wrong_name(void **state) {
  (void)state;
  certificate c = certificate_new(bench_authority, "x", "DNS:a.example,DNS:b.example", false);
  doubt(NULL, &c, "the certificate is for a.example, b.example, not for 127.0.0.1");
  c = certificate_new(bench_authority, "x", "DNS:a.example", false);
  doubt("c.example", &c, "the certificate is for a.example, not for c.example");
  c = certificate_new(bench_authority, "x", "IP:127.0.0.9", false);
  doubt(NULL, &c, "the certificate is for 127.0.0.9, not for 127.0.0.1");
  c = certificate_new(bench_authority, "x", "DNS:*.nodes.example", false);
  doubt("a.b.nodes.example", &c, "not for a.b.nodes.example");
}

static void an_expired_certificate(void **state) {
  (void)state;
  certificate c = certificate_new(bench_authority, "x", "IP:127.0.0.1", true);
  doubt(NULL, &c, "certificate has expired");
}

static void a_foreign_certificate(void **state) {
  (void)state;
  authority *other = authority_new("another authority");
  certificate c = certificate_new(other, "x", "IP:127.0.0.1", false);
  doubt(NULL, &c, "unable to get local issuer certificate");
  authority_free(other);
  c = certificate_new(NULL, "x", "IP:127.0.0.1", false);
  doubt(NULL, &c, "self-signed certificate");
}

/* OpenSSL takes ".example" for every host below, and "" for every name. */
static void names_that_are_none(void **state) {
  static char long_name[400];
  (void)state;
  memset(long_name, 'a', sizeof long_name - 1);
  certificate c = certificate_new(bench_authority, "x", "DNS:a.example", false);
  doubt("", &c, "not for 127.0.0.1");
  c = certificate_new(bench_authority, "x", "DNS:a.example", false);
  doubt(".example", &c, "no name that a certificate can be for");
  c = certificate_new(bench_authority, "x", "DNS:a.example", false);
  doubt(long_name, &c, "no name that a certificate can be for");
}

static void believe(cql_tls_check check, const char *name, const char *alt_names, const char *sni) {
  char word[256];
  certificate c = certificate_new(bench_authority, "x", alt_names, false);
  bench_init(&b, &secure);
  b.server_config.cert = c.cert;
  b.server_config.key = c.key;
  b.tls_config.check = check;
  b.config.server_name = name;
  bench_open(&b);
  fake_server_sni(b.server, word);
  assert_string_equal(word, sni);
  bench_free(&b);
  certificate_free(&c);
}

static void names_and_addresses_that_fit(void **state) {
  (void)state;
  believe(CQL_TLS_CHECK_FULL, NULL, "IP:127.0.0.1", "");
  believe(CQL_TLS_CHECK_FULL, "a.example", "DNS:b.example,DNS:a.example", "a.example");
  believe(CQL_TLS_CHECK_FULL, "A.example.", "DNS:a.example", "A.example");
  believe(CQL_TLS_CHECK_FULL, "a.nodes.example", "DNS:*.nodes.example", "a.nodes.example");
  believe(CQL_TLS_CHECK_FULL, "127.0.0.1", "IP:127.0.0.1", "");
  believe(CQL_TLS_CHECK_FULL, "::1", "IP:::1", "");
}

static void weaker_checks_are_a_choice(void **state) {
  (void)state;
  believe(CQL_TLS_CHECK_CA, NULL, "DNS:a.example", "");
  bench_init(&b, &secure);
  certificate c = certificate_new(NULL, "x", NULL, true);
  b.server_config.cert = c.cert;
  b.server_config.key = c.key;
  b.tls_config = (cql_tls_config){.enabled = true, .check = CQL_TLS_CHECK_NONE};
  bench_open(&b);
  bench_free(&b);
  certificate_free(&c);
  c = certificate_new(NULL, "x", "IP:127.0.0.1", false); /* the chain is checked still */
  bench_init(&b, &secure);
  b.server_config.cert = c.cert;
  b.server_config.key = c.key;
  b.tls_config.check = CQL_TLS_CHECK_CA;
  bench_fail(&b, CQL_TLS, CQL_STAGE_TLS, "self-signed certificate");
  bench_free(&b);
  certificate_free(&c);
}

/* --- the client's certificate ------------------------------------------------------------------------------------- */

static void a_certificate_of_the_client(void **state) {
  (void)state;
  for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
    certificate c = certificate_new(bench_authority, "the client", NULL, false);
    bench_init(&b, &secure);
    b.server_config.client_ca = bench_ca;
    b.server_config.tls_version = version;
    bench_fail(&b, CQL_TLS, CQL_STAGE_TLS, "wants a certificate of the client");
    cqli_tls_free(b.tls);
    b.tls = NULL;
    b.tls_config.cert_pem = cql_slice_str(c.cert);
    b.tls_config.key_pem = cql_slice_str(c.key);
    bench_open(&b);
    bench_free(&b);
    certificate_free(&c);
  }
}

/* Who has a bundle can do nothing about options of TLS. */
static void a_foreign_certificate_of_the_client(void **state) {
  static const char *const WORDS[] = {"the node refuses the client's certificate",
                                      "the certificate of the bundle is refused"};
  (void)state;
  authority *other = authority_new("another authority");
  for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
    for (int is_of_bundle = 0; is_of_bundle < 2; is_of_bundle++) {
      certificate c = certificate_new(other, "the client", NULL, false);
      bench_init(&b, &secure);
      b.server_config.client_ca = bench_ca;
      b.server_config.tls_version = version;
      b.tls_config.is_of_bundle = is_of_bundle != 0;
      b.tls_config.cert_pem = cql_slice_str(c.cert);
      b.tls_config.key_pem = cql_slice_str(c.key);
      bench_fail(&b, CQL_TLS, CQL_STAGE_TLS, WORDS[is_of_bundle]);
      bench_free(&b);
      certificate_free(&c);
    }
  authority_free(other);
}

/* --- files -------------------------------------------------------------------------------------------------------- */

static void expect_bad(const cql_tls_config *config, const char *words) {
  cqli_tls *t;
  cql_error err;
  assert_int_equal(cqli_tls_new(&t, config, &err), CQL_BAD_URL);
  assert_null(t);
  if (strstr(err.message, words) == NULL) fail_msg("\"%s\", where \"%s\" was expected", err.message, words);
}

static void bytes_that_cannot_be_read(void **state) {
  (void)state;
  certificate c = certificate_new(bench_authority, "a", NULL, false),
              d = certificate_new(bench_authority, "b", NULL, false);
  char *locked = certificate_locked_key(&c, "secret"), cut[4096];
  cql_slice cert = cql_slice_str(c.cert), key = cql_slice_str(c.key);
  expect_bad(&(cql_tls_config){.ca_path = "/nowhere/ca.pem"},
             "certificates of the authorities cannot be read from /nowhere/ca.pem: No such file or directory");
  expect_bad(&(cql_tls_config){.ca_pem = CQL_SLICE_LITERAL("hello")}, "PEM is expected");
  snprintf(cut, sizeof cut, "%s%.*s", bench_ca, 200, bench_ca); /* the second one is cut */
  expect_bad(&(cql_tls_config){.ca_pem = cql_slice_str(cut)}, "certificates of the authorities");
  expect_bad(&(cql_tls_config){.cert_pem = cert}, "the key is missing");
  expect_bad(&(cql_tls_config){.key_pem = key}, "the certificate is missing");
  expect_bad(&(cql_tls_config){.cert_pem = cert, .key_pem = cql_slice_str(d.key)}, "does not fit its certificate");
  expect_bad(&(cql_tls_config){.cert_pem = cert, .key_path = "/nowhere/key.pem"}, "/nowhere/key.pem: No such file");
  expect_bad(&(cql_tls_config){.cert_pem = cert, .key_pem = cql_slice_str(locked)}, "no password was given");
  expect_bad(&(cql_tls_config){.cert_pem = cert, .key_pem = cql_slice_str(locked), .key_password = "wrong"},
             "the password does not fit");
  cqli_tls *t;
  const cql_tls_config fine = {.cert_pem = cert, .key_pem = cql_slice_str(locked), .key_password = "secret"};
  assert_int_equal(cqli_tls_new(&t, &fine, NULL), CQL_OK);
  cqli_tls_free(t);
  free(locked);
  certificate_free(&c);
  certificate_free(&d);
}

static void authorities_from_a_file(void **state) {
  char path[] = "/tmp/libcql-ca-XXXXXX";
  int fd = mkstemp(path);
  (void)state;
  assert_true(fd >= 0);
  assert_int_equal(write(fd, bench_ca, strlen(bench_ca)), (ssize_t)strlen(bench_ca));
  close(fd);
  bench_init(&b, &secure);
  b.tls_config = (cql_tls_config){.enabled = true, .ca_path = path};
  bench_open(&b);
  bench_free(&b);
  unlink(path);
}

/* --- sessions ----------------------------------------------------------------------------------------------------- */

static void reopen(void) {
  cqli_conn_close(b.conn, CQL_CLOSED, "");
  bench_open(&b);
}

static void sessions_are_resumed(void **state) {
  (void)state;
  for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
    bench_init(&b, &secure);
    b.server_config.tls_version = version;
    bench_open(&b);
    assert_int_equal(fake_server_resumed(b.server), 0);
    reopen();
    reopen();
    assert_int_equal(fake_server_resumed(b.server), 2);
    b.config.server_name = "localhost"; /* another name: a session of its own */
    reopen();
    assert_int_equal(fake_server_resumed(b.server), 2);
    reopen();
    assert_int_equal(fake_server_resumed(b.server), 3);
    fake_server_drop(b.server); /* a connection that broke */
    bench_until(&b, &b.closed, b.closed + 1);
    bench_open(&b);
    assert_int_equal(fake_server_resumed(b.server), 4);
    bench_free(&b);
  }
}

/* Behind a proxy: the host id is sent, the proxy's name is checked, and no session of another node is resumed. */
static void a_name_for_a_proxy(void **state) {
  static const char *const ids[] = {"6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b811-9dad-11d1-80b4-00c04fd430c8"};
  (void)state;
  char word[256];
  bench_init(&b, &secure);
  b.config.server_name = "localhost";
  snprintf(b.config.sni, sizeof b.config.sni, "%s", ids[0]);
  bench_open(&b);
  fake_server_sni(b.server, word);
  assert_string_equal(word, ids[0]);
  snprintf(word, sizeof word, "%s via 127.0.0.1:%u", ids[0], fake_server_port(b.server));
  assert_string_equal(cqli_conn_host(b.conn), word);
  reopen();
  assert_int_equal(fake_server_resumed(b.server), 1);
  snprintf(b.config.sni, sizeof b.config.sni, "%s", ids[1]);
  reopen();
  assert_int_equal(fake_server_resumed(b.server), 1);
  b.config.server_name = "other.example"; /* a session of a name that was right says nothing of another one */
  cqli_conn_close(b.conn, CQL_CLOSED, "enough");
  bench_fail(&b, CQL_TLS, CQL_STAGE_TLS, "not for other.example");
  bench_free(&b);
}

/* --- no TLS ------------------------------------------------------------------------------------------------------- */

static void a_plain_text_server(void **state) {
  (void)state;
  bench_init(&b, &secure);
  b.server_config.cert = b.server_config.key = NULL;
  bench_fail(&b, CQL_TLS, CQL_STAGE_TLS, "speaks no TLS on this port");
  fake_server_stop(b.server);
  b.server = NULL;
  b.server_config.closes_at_once = true;
  bench_connect(&b);
  bench_until(&b, &b.closed, 2);
  assert_int_equal(b.why.stage, CQL_STAGE_TLS);
  bench_free(&b);
}

static void a_server_that_is_mute(void **state) {
  (void)state;
  bench_init(&b, &secure);
  b.config.connect_timeout_ms = 200;
  b.server = fake_server_start(&(fake_config){.version_max = CQL_VERSION_5});
  fake_server_pause(b.server, true);
  bench_fail(&b, CQL_TIMEOUT, CQL_STAGE_TLS, "no TLS handshake within 200 ms");
  bench_free(&b);
}

/* --- the end of the process --------------------------------------------------------------------------------------- */

static _Atomic(uint64_t) entered;

static void *enter_again_and_again(void *arg) {
  (void)arg;
  for (;;) {
    cqli_tls_enter();
    atomic_fetch_add(&entered, 1);
    cqli_tls_leave();
  }
  return NULL;
}

/* In a child: what is stopped cannot be started again. */
static void stop_and_exit(void) {
  pthread_t threads[4];
  for (int i = 0; i < 4; i++)
    if (pthread_create(&threads[i], NULL, enter_again_and_again, NULL) != 0) _exit(2);
  while (atomic_load(&entered) < 1000) uv_sleep(1);
  cqli_tls_stop();
  uint64_t count = atomic_load(&entered);
  uv_sleep(30);
  _exit(atomic_load(&entered) == count ? 0 : 1);
}

static void nobody_enters_when_the_process_ends(void **state) {
  int status;
  (void)state;
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) stop_and_exit();
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_and_addresses_that_fit),
      cmocka_unit_test(a_wrong_name),
      cmocka_unit_test(an_expired_certificate),
      cmocka_unit_test(a_foreign_certificate),
      cmocka_unit_test(names_that_are_none),
      cmocka_unit_test(weaker_checks_are_a_choice),
      cmocka_unit_test(a_certificate_of_the_client),
      cmocka_unit_test(a_foreign_certificate_of_the_client),
      cmocka_unit_test(bytes_that_cannot_be_read),
      cmocka_unit_test(authorities_from_a_file),
      cmocka_unit_test(sessions_are_resumed),
      cmocka_unit_test(a_name_for_a_proxy),
      cmocka_unit_test(a_plain_text_server),
      cmocka_unit_test(a_server_that_is_mute),
      cmocka_unit_test(nobody_enters_when_the_process_ends),
  };
  return cmocka_run_group_tests(tests, bench_setup, bench_teardown);
}
