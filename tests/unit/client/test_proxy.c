/* test_proxy.c: a client with a secure connect bundle, a metadata service, and one node behind what is a proxy to it:
 * what each of them is asked, answers that are none, addresses that are dead, and memory that runs out at each point.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <zip.h>

#include "bench.h"
#include "client/client.h"
#include "fake_cluster.h"

#define HOST_ID "00000001-0000-4000-8000-000000000000"

enum { LEN = 4096, PATIENCE_MS = 500 };

/* --- memory ------------------------------------------------------------------------------------------------------- */

static _Atomic(size_t) asked, fail_at; /* the allocation that fails, from 1; 0: none */
static _Atomic(int64_t) live;

static void *resize(void *user, void *ptr, size_t old_size, size_t new_size) {
  (void)user;
  (void)old_size;
  if (new_size == 0) {
    if (ptr != NULL) atomic_fetch_sub(&live, 1);
    free(ptr);
    return NULL;
  }
  if (atomic_fetch_add(&asked, 1) + 1 == atomic_load(&fail_at)) return NULL;
  void *out = realloc(ptr, new_size);
  if (ptr == NULL) atomic_fetch_add(&live, 1);
  return out;
}

static const cql_alloc memory = {resize, NULL};

/* --- the metadata service ----------------------------------------------------------------------------------------- */

static SSL_CTX *context;
static int listener;
static uint16_t service_port;
static pthread_t thread;
static char said[LEN], request[LEN]; /* what it answers; the last request, whole */
static _Atomic(uint32_t) requests;
static _Atomic(bool) must_end;

static void serve(SSL *ssl) {
  size_t len = 0, n;
  request[0] = '\0';
  while (strstr(request, "\r\n\r\n") == NULL && len < LEN - 1 &&
         SSL_read_ex(ssl, request + len, LEN - 1 - len, &n) == 1)
    request[len += n] = '\0';
  if (len == 0) return;
  atomic_fetch_add(&requests, 1);
  if (said[0] == '\0') { /* says nothing, until the client has gone */
    (void)SSL_read_ex(ssl, request + len, 1, &n);
    return;
  }
  (void)SSL_write_ex(ssl, said, strlen(said), &n);
  SSL_shutdown(ssl);
}

static void *serve_all(void *unused) {
  (void)unused;
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (atomic_load(&must_end) || fd < 0) {
      if (fd >= 0) close(fd);
      return NULL;
    }
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1) serve(ssl);
    SSL_free(ssl);
    ERR_clear_error();
    close(fd);
  }
}

static X509 *read_certificate(const char *pem) {
  BIO *b = BIO_new_mem_buf(pem, -1);
  X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);
  BIO_free(b);
  assert_non_null(x);
  return x;
}

static void use_certificate(const certificate *c) {
  X509 *x = read_certificate(c->cert), *ca = read_certificate(bench_ca);
  BIO *b = BIO_new_mem_buf(c->key, -1);
  EVP_PKEY *key = PEM_read_bio_PrivateKey(b, NULL, NULL, NULL);
  assert_int_equal(SSL_CTX_use_certificate(context, x), 1);
  assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
  assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca), 1);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  EVP_PKEY_free(key);
  BIO_free(b);
  X509_free(x);
  X509_free(ca);
}

static void start_service(void) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof at;
  context = SSL_CTX_new(TLS_server_method());
  use_certificate(&bench_certificate);
  SSL_CTX_set_session_id_context(context, (const uint8_t *)"service", 7); /* sessions are resumed, certificates too */
  listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(listener, (struct sockaddr *)&at, len), 0);
  assert_int_equal(listen(listener, 64), 0);
  assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
  service_port = ntohs(at.sin_port);
  atomic_store(&must_end, false);
  atomic_store(&requests, 0);
  pthread_create(&thread, NULL, serve_all, NULL);
}

static void stop_service(void) {
  atomic_store(&must_end, true);
  shutdown(listener, SHUT_RDWR);
  pthread_join(thread, NULL);
  close(listener);
  SSL_CTX_free(context);
}

static void answer_with(int status, const char *body) {
  snprintf(said, sizeof said, "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
           status, strlen(body), body);
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static fake_cluster *cluster_now;
static certificate client_certificate;
static uint8_t bundle[LEN * 4];
static size_t bundle_len;
static cql_client *client;
static cql_client_config config;
static cql_error err;

static void add_entry(zip_t *z, const char *name, const char *text) {
  assert_true(zip_file_add(z, name, zip_source_buffer(z, text, strlen(text), 0), 0) >= 0);
}

static void make_bundle(const certificate *c) {
  char json[256];
  snprintf(json, sizeof json, "{\"host\": \"localhost\", \"port\": %u, \"keyspace\": \"ks\"}", service_port);
  zip_source_t *whole = zip_source_buffer_create(NULL, 0, 0, NULL);
  zip_t *z = zip_open_from_source(whole, ZIP_TRUNCATE, NULL);
  zip_source_keep(whole);
  add_entry(z, "config.json", json);
  add_entry(z, "ca.crt", bench_ca);
  add_entry(z, "cert", c->cert);
  add_entry(z, "key", c->key);
  assert_int_equal(zip_close(z), 0);
  assert_int_equal(zip_source_open(whole), 0);
  bundle_len = (size_t)zip_source_read(whole, bundle, sizeof bundle);
  zip_source_free(whole);
  assert_in_range(bundle_len, 1, sizeof bundle - 1);
}

static void describe(void) {
  char body[LEN / 2];
  snprintf(
      body, sizeof body,
      "{\"contact_info\": {\"type\": \"sni_proxy\", \"local_dc\": \"dc1\", \"sni_proxy_address\": \"localhost:%u\", "
      "\"contact_points\": [\"" HOST_ID "\"]}}",
      fake_server_port(cluster_now->nodes[0].server));
  answer_with(200, body);
}

static void start(void) {
  start_service();
  client_certificate = certificate_new(bench_authority, "a client", NULL, false);
  cluster_now = fake_cluster_start_secure(1, bench_certificate.cert, bench_certificate.key, bench_ca);
  make_bundle(&client_certificate);
  describe();
  config = (cql_client_config){.bundle = cql_slice_of(bundle, bundle_len),
                               .connect_timeout_ms = WAIT_MS,
                               .reconnect_min_ms = 1,
                               .reconnect_max_ms = 20,
                               .alloc = &memory};
}

static void end(void) {
  cql_client_close(client, 0);
  client = NULL;
  fake_cluster_stop(cluster_now);
  stop_service();
  certificate_free(&client_certificate);
  assert_int_equal(atomic_load(&live), 0);
}

static void opens(void) {
  if (cql_client_open(&client, &config, &err) != CQL_OK) fail_msg("%s", err.message);
}

/* And says what, and what to do about it (NULL: nothing). */
static void fails(cql_status status, cql_stage stage, const char *words, const char *advice) {
  int64_t began = cql_clock_monotonic_us();
  assert_int_not_equal(cql_client_open(&client, &config, &err), CQL_OK);
  assert_in_range(cql_clock_monotonic_us() - began, 0, 5 * 1000 * 1000);
  assert_true(err.attempt_count > 0);
  const cql_attempt *a = &err.attempts[err.attempt_count - 1];
  if (a->status != status || a->stage != stage || strstr(a->reason, words) == NULL)
    fail_msg("stage %s, status %s: %s", cql_stage_name(a->stage), cql_status_name(a->status), a->reason);
  if (advice != NULL && strstr(err.message, advice) == NULL) fail_msg("%s lacks '%s'", err.message, advice);
}

static void see_node(void *user, const cql_node_info *node) {
  snprintf(user, CQL_HOST_LEN, "%s", node->address);
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

static void each_is_asked_what_it_knows(void **state) {
  (void)state;
  char word[256], host[64];
  start();
  opens();
  snprintf(host, sizeof host, "\r\nHost: localhost:%u\r\n", service_port);
  assert_memory_equal(request, "GET /metadata?version=1 HTTP/1.1\r\n", 34);
  assert_non_null(strstr(request, host));
  assert_non_null(strstr(request, "\r\nConnection: close\r\n"));
  fake_server_sni(cluster_now->nodes[0].server, word);
  assert_string_equal(word, HOST_ID);
  assert_int_equal(cql_client_nodes(client, see_node, word, &err), CQL_OK);
  assert_string_equal(word, HOST_ID);
  assert_string_equal(cql_client_keyspace(client), "ks");
  end();
}

static void a_keyspace_of_ones_own(void **state) {
  (void)state;
  start();
  config.keyspace = "mine";
  opens();
  assert_string_equal(cql_client_keyspace(client), "mine");
  end();
}

static void what_the_bundle_says_is_not_said_twice(void **state) {
  (void)state;
  const cql_contact contact = {"127.0.0.1", 1};
  start();
  cql_client_config good = config;
  for (int i = 0; i < 3; i++) {
    config = good;
    if (i == 0) config.contacts = &contact, config.contact_count = 1;
    if (i == 1) config.tls.enabled = true;
    if (i == 2) config.local_dc = "dc1";
    assert_int_equal(cql_client_open(&client, &config, &err), CQL_BAD_URL);
    assert_non_null(strstr(err.message, "come from the secure connect bundle"));
  }
  end();
}

static void answers_that_are_none(void **state) {
  static const char resume[] = "`manage.py astra resume`";
  (void)state;
  start();
  answer_with(401, "{\"message\": \"who are you\"}");
  fails(CQL_NO_HOST, CQL_STAGE_METADATA, "HTTP status 401: who are you", resume);
  answer_with(503, "later");
  fails(CQL_NO_HOST, CQL_STAGE_METADATA, "HTTP status 503", resume);
  answer_with(200, "{}");
  fails(CQL_CONNECTION, CQL_STAGE_METADATA, "contact_info", NULL);
  snprintf(said, sizeof said, "SSH-2.0\r\n\r\n");
  fails(CQL_CONNECTION, CQL_STAGE_METADATA, "is no HTTP/1.1", NULL);
  snprintf(said, sizeof said, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{");
  fails(CQL_CONNECTION, CQL_STAGE_METADATA, "", NULL);
  said[0] = '\0';
  config.connect_timeout_ms = PATIENCE_MS;
  fails(CQL_TIMEOUT, CQL_STAGE_METADATA, "no answer within 500 ms", resume);
  end();
}

static void a_certificate_of_another_database(void **state) {
  (void)state;
  start();
  authority *other = authority_new("another authority");
  certificate foreign = certificate_new(other, "a client", NULL, false);
  make_bundle(&foreign);
  config.bundle = cql_slice_of(bundle, bundle_len);
  assert_int_not_equal(cql_client_open(&client, &config, &err), CQL_OK); /* an alert, or it is lost with a reset */
  assert_true(err.status == CQL_TLS || err.status == CQL_CONNECTION || err.status == CQL_NO_HOST);
  assert_non_null(strstr(err.message, "download a new bundle"));
  certificate_free(&foreign);
  authority_free(other);
  end();
}

/* The node has gone, and is somewhere else when it comes back: the service is asked where. */
static void a_proxy_that_moves(void **state) {
  (void)state;
  start();
  opens();
  uint32_t before = atomic_load(&requests);
  fake_cluster_stop(cluster_now);
  cluster_now = fake_cluster_start_secure(1, bench_certificate.cert, bench_certificate.key, bench_ca);
  describe();
  cql_call_item item = {.text = CQL_SLICE_LITERAL("SELECT here")};
  const cql_call_config call = {
      .items = &item, .item_count = 1, .consistency = CQL_ONE, .timestamp = CQL_TIMESTAMP_NONE, .is_idempotent = true};
  cql_result *r = NULL;
  for (int64_t until = cql_clock_monotonic_us() + INT64_C(1000) * WAIT_MS;;) {
    cql_status st = cql_client_execute(client, &call, &r, &err);
    if (st == CQL_OK) break;
    if (cql_clock_monotonic_us() > until) fail_msg("%s", err.message);
    usleep(1000);
  }
  cql_result_free(r);
  assert_true(atomic_load(&requests) > before);
  end();
}

/* It opens, or it fails and says that memory was out, or how far it came; nothing is left of it. */
static void memory_runs_out_at_each_point(void **state) {
  (void)state;
  start();
  config.direct_connections = -1;
  bool is_over = false;
  for (size_t nth = 1; !is_over; nth++) {
    atomic_store(&asked, 0);
    atomic_store(&fail_at, nth);
    cql_status st = cql_client_open(&client, &config, &err);
    is_over = st == CQL_OK && atomic_load(&asked) < nth;
    cql_client_close(client, 0);
    client = NULL;
    assert_int_equal(atomic_load(&live), 0);
  }
  atomic_store(&fail_at, 0);
  end();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_is_asked_what_it_knows),
      cmocka_unit_test(a_keyspace_of_ones_own),
      cmocka_unit_test(what_the_bundle_says_is_not_said_twice),
      cmocka_unit_test(answers_that_are_none),
      cmocka_unit_test(a_certificate_of_another_database),
      cmocka_unit_test(a_proxy_that_moves),
      cmocka_unit_test(memory_runs_out_at_each_point),
  };
  return cmocka_run_group_tests(tests, bench_setup, bench_teardown);
}
