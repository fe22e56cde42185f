/* bench.c: see bench.h. */
#include "bench.h"

#include <dirent.h>
#include <stdio.h>

authority *bench_authority;
char *bench_ca;
certificate bench_certificate;

int bench_setup(void **state) {
  uv_loop_t first; /* libuv keeps two descriptors for the whole process */
  (void)state;
  assert_int_equal(uv_loop_init(&first), 0);
  assert_int_equal(uv_loop_close(&first), 0);
  bench_authority = authority_new("an authority");
  bench_ca = authority_pem(bench_authority);
  bench_certificate = certificate_new(bench_authority, "node", "IP:127.0.0.1,DNS:localhost", false);
  return 0;
}

int bench_teardown(void **state) {
  (void)state;
  certificate_free(&bench_certificate);
  free(bench_ca);
  authority_free(bench_authority);
  return 0;
}

uint32_t count_descriptors(void) {
  uint32_t n = 0;
  DIR *d = opendir("/proc/self/fd");
  assert_non_null(d);
  while (readdir(d) != NULL) n++;
  closedir(d);
  return n;
}

/* --- modes -------------------------------------------------------------------------------------------------------- */

void in_all_modes(void (*body)(const mode *m)) {
  for (uint32_t i = 0; i < 8; i++) {
    const mode m = {(i & 1) != 0 ? CQL_VERSION_5 : CQL_VERSION_4, (i & 2) != 0, (i & 4) != 0};
    print_message("           v%u%s%s\n", m.version, m.lz4 ? " LZ4" : "", m.tls ? " TLS" : "");
    body(&m);
  }
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

static void *resize(void *user, void *ptr, size_t old_size, size_t new_size) {
  counted *c = user;
  if (new_size > 0 && ++c->asked == c->fail_at) {
    c->fired = true;
    return NULL;
  }
  void *out = new_size > 0 ? malloc(new_size) : NULL; /* always moves, so that a stale pointer is seen */
  if (out != NULL && ptr != NULL) memcpy(out, ptr, old_size < new_size ? old_size : new_size);
  free(ptr);
  c->live += (new_size > 0) - (ptr != NULL);
  return out;
}

void counted_init(counted *c, size_t fail_at) {
  *c = (counted){.alloc = {resize, c}, .fail_at = fail_at};
}

/* --- life --------------------------------------------------------------------------------------------------------- */

void bench_init(bench *b, const mode *m) {
  const mode plain = {CQL_VERSION_5, false, false};
  if (m == NULL) m = &plain;
  memset(b, 0, sizeof *b);
  counted_init(&b->memory, 0);
  assert_int_equal(uv_loop_init(&b->loop), 0);
  b->server_config = (fake_config){.version_max = m->version, .has_lz4 = m->lz4};
  b->config =
      (cqli_conn_config){.lz4 = m->lz4, .connect_timeout_ms = 10000, .heartbeat_ms = 30000, .in_flight_max = 2048};
  if (!m->tls) return;
  b->server_config.cert = bench_certificate.cert;
  b->server_config.key = bench_certificate.key;
  b->tls_config = (cql_tls_config){.enabled = true, .ca_pem = cql_slice_str(bench_ca)};
}

void bench_free(bench *b) {
  if (b->conn != NULL) cqli_conn_close(b->conn, CQL_CLOSED, "the test is over");
  assert_null(b->conn);
  uv_run(&b->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&b->loop), 0);
  assert_int_equal(b->memory.live, 0);
  cqli_tls_free(b->tls);
  if (b->server != NULL) fake_server_stop(b->server);
}

/* --- what the connection says ------------------------------------------------------------------------------------- */

static void on_opened(void *owner, cqli_conn *c) {
  bench *b = owner;
  assert_ptr_equal(b->conn, c);
  assert_true(cqli_conn_is_open(c));
  b->opened++;
}

static void on_closed(void *owner, cqli_conn *c, const cql_attempt *why) {
  bench *b = owner;
  assert_ptr_equal(b->conn, c);
  assert_false(cqli_conn_is_open(c));
  b->why = *why;
  b->closed++;
  b->conn = NULL;
}

static void on_event(void *owner, cqli_conn *c, const cql_envelope *e) {
  bench *b = owner;
  assert_ptr_equal(b->conn, c);
  assert_int_equal(e->opcode, CQL_OP_EVENT);
  b->events++;
}

static void on_silent(void *owner, cqli_conn *c, bool is_silent) {
  bench *b = owner;
  assert_ptr_equal(b->conn, c);
  assert_int_equal(cqli_conn_is_silent(c), is_silent);
  ++*(is_silent ? &b->silent : &b->spoken);
}

void bench_connect(bench *b) {
  cql_error err;
  const cqli_conn_watch watch = {b, on_opened, on_closed, on_event, on_silent};
  if (b->server == NULL) b->server = fake_server_start(&b->server_config);
  if (b->tls_config.enabled && b->tls == NULL && cqli_tls_new(&b->tls, &b->tls_config, &err) != CQL_OK)
    fail_msg("%s", err.message);
  b->config.tls = b->tls;
  b->config.alloc = &b->memory.alloc;
  b->config.address = (cqli_address){.len = 4, .bytes = {127, 0, 0, 1}, .port = fake_server_port(b->server)};
  cql_status st = cqli_conn_new(&b->conn, &b->loop, &b->config, &watch, &err);
  assert_true(st == CQL_OK || st == CQL_NOMEM);
  if (st == CQL_OK) return;
  assert_null(b->conn);
  b->why = (cql_attempt){.status = st};
  b->closed++;
}

static void on_guard(uv_timer_t *timer) {
  *(bool *)timer->data = true;
}

static void run(bench *b, const uint32_t *count, uint32_t n, uint32_t ms, bool must) {
  uv_timer_t guard;
  bool is_over = false;
  uv_update_time(&b->loop);
  uv_timer_init(&b->loop, &guard);
  guard.data = &is_over;
  uv_timer_start(&guard, on_guard, ms, 0);
  while (!is_over && (count == NULL || *count < n)) uv_run(&b->loop, UV_RUN_ONCE);
  uv_close((uv_handle_t *)&guard, NULL);
  uv_run(&b->loop, UV_RUN_NOWAIT);
  if (must && *count < n) fail_msg("waited in vain; the connection says: %s", b->why.reason);
}

void bench_until(bench *b, const uint32_t *count, uint32_t n) {
  run(b, count, n, WAIT_MS, true);
}

void bench_run(bench *b, uint32_t ms) {
  run(b, NULL, 0, ms, false);
}

static void until_settled(bench *b, uint32_t opened, uint32_t closed) {
  int64_t end = cql_clock_monotonic_us() + WAIT_MS * 1000;
  while (b->opened == opened && b->closed == closed && cql_clock_monotonic_us() < end)
    run(b, &b->opened, opened + 1, 50, false);
}

void bench_open(bench *b) {
  uint32_t opened = b->opened, closed = b->closed;
  bench_connect(b);
  until_settled(b, opened, closed);
  if (b->opened == opened) fail_msg("it did not open: %s: %s", cql_stage_name(b->why.stage), b->why.reason);
}

void bench_fail(bench *b, cql_status status, cql_stage stage, const char *words) {
  uint32_t opened = b->opened, closed = b->closed;
  bench_connect(b);
  until_settled(b, opened, closed);
  if (b->closed == closed) fail_msg("it did not fail, where \"%s\" was expected", words);
  if (b->why.status != status || b->why.stage != stage || strstr(b->why.reason, words) == NULL)
    fail_msg("%s at %s: \"%s\", where %s at %s: \"%s\" was expected", cql_status_name(b->why.status),
             cql_stage_name(b->why.stage), b->why.reason, cql_status_name(status), cql_stage_name(stage), words);
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

uint64_t bench_hash(cql_slice s) {
  uint64_t h = 14695981039346656037u;
  for (size_t i = 0; i < s.len; i++) h = (h ^ s.data[i]) * 1099511628211u;
  return h;
}

void bench_query(cql_buf *out, uint8_t version, cql_slice text) {
  const cql_parameters p = {.consistency = CQL_ONE, .timestamp = CQL_TIMESTAMP_NONE};
  cql_buf_init(out, &cql_alloc_libc, CQL_BODY_LEN_MAX);
  assert_int_equal(cql_put_query(out, version, text, &p, NULL), CQL_OK);
}

cql_slice bench_text(const cql_envelope *e) {
  cql_arena a;
  cql_response r;
  cql_slice out = {NULL, 0};
  cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  cql_status st = cql_response_decode(&r, &a, e, NULL);
  if (st == CQL_OK && r.opcode == CQL_OP_ERROR)
    out = r.error.message;
  else if (st == CQL_OK && r.opcode == CQL_OP_RESULT && r.kind == CQL_RESULT_ROWS)
    out = cql_slice_of(r.row_bytes.data + 4, r.row_bytes.len - 4);
  cql_arena_free(&a);
  return out;
}

typedef struct waiter {
  bench *b;
  uint32_t place;
} waiter;

static waiter waiters[ANSWERS_MAX];

static void on_answer(void *user, cqli_conn *c, cql_envelope *e, const cql_attempt *why, bool may_have_run) {
  waiter *w = user;
  bench *b = w->b;
  answer *a = &b->answers[w->place];
  (void)c;
  assert_false(a->came); /* once */
  a->came = true;
  a->may_have_run = may_have_run;
  a->order = ++b->answered;
  if (e == NULL) {
    a->failed = true;
    a->why = why->status;
    return;
  }
  assert_null(why);
  cql_slice text = bench_text(e);
  a->opcode = e->opcode;
  a->text_len = text.len;
  a->text_hash = bench_hash(text);
  if (text.data != NULL)
    snprintf(a->text, sizeof a->text, "%.*s", (int)(text.len < 63 ? text.len : 63), (const char *)text.data);
}

uint32_t bench_ask_bytes(bench *b, cql_slice text, int16_t *stream) {
  cql_buf q;
  int16_t unused;
  uint32_t place = b->sent++;
  assert_true(place < ANSWERS_MAX);
  waiters[place] = (waiter){b, place};
  bench_query(&q, cqli_conn_version(b->conn), text);
  assert_int_equal(
      cqli_conn_send(b->conn, cql_buf_view(&q), on_answer, &waiters[place], stream == NULL ? &unused : stream), CQL_OK);
  cql_buf_free(&q);
  return place;
}

uint32_t bench_ask(bench *b, const char *text) {
  return bench_ask_bytes(b, cql_slice_str(text), NULL);
}

void bench_expect(const bench *b, uint32_t i, cql_slice text) {
  const answer *a = &b->answers[i];
  assert_true(a->came);
  assert_false(a->failed);
  if (a->text_len != text.len || a->text_hash != bench_hash(text))
    fail_msg("answer %u is \"%s\" (%zu bytes), not \"%.40s\" (%zu bytes)", i, a->text, a->text_len,
             (const char *)text.data, text.len);
}
