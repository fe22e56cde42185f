/* test_http.c: answers of HTTP servers, whole and in pieces of any length, and what is none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/bundle.h"
#include "cluster.h"

#define OK     "HTTP/1.1 200 OK\r\n"
#define JSON   "Content-Type: application/json\r\n"
#define CHUNKS "Transfer-Encoding: chunked\r\n\r\n"

typedef struct outcome {
  cqli_http h;
  cql_arena a;
  cql_error err;
  cql_status st;
  size_t taken; /* bytes until it was done, or refused */
} outcome;

/* In pieces of so many bytes, each in a block of its own. The server closes at the end. */
static void read_bytes(outcome *o, const char *data, size_t len, size_t piece) {
  cql_arena_init(&o->a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  memset(&o->err, 0, sizeof o->err);
  o->st = cqli_http_begin(&o->h, &o->a, &o->err);
  o->taken = 0;
  while (o->st == CQL_OK && o->taken < len) {
    size_t n = len - o->taken < piece ? len - o->taken : piece;
    uint8_t *block = malloc(n);
    memcpy(block, data + o->taken, n);
    o->st = cqli_http_feed(&o->h, cql_slice_of(block, n), &o->err);
    free(block);
    o->taken += n;
  }
  if (o->st == CQL_OK) o->st = cqli_http_end(&o->h, &o->err);
  if (o->st == CQL_DONE) return;
  assert_int_equal(o->st, CQL_CONNECTION);
  assert_int_equal(o->err.status, CQL_CONNECTION);
  assert_true(strlen(o->err.message) > 0);
}

static const size_t PIECES[] = {1, 2, 3, 7, SIZE_MAX};
enum { PIECES_COUNT = sizeof PIECES / sizeof *PIECES };

static void assert_answer(const char *text, int status, bool is_json, const char *body) {
  for (size_t i = 0; i < PIECES_COUNT; i++) {
    outcome o;
    read_bytes(&o, text, strlen(text), PIECES[i]);
    if (o.st != CQL_DONE) fail_msg("%s: %s", text, o.err.message);
    assert_int_equal(o.h.status, status);
    assert_int_equal(o.h.is_json, is_json);
    if (!cql_slice_eq_str(o.h.body, body)) fail_msg("%s: " CQL_SLICE_FMT, body, CQL_SLICE_ARG(o.h.body));
    assert_int_equal(cqli_http_feed(&o.h, CQL_SLICE_LITERAL("more"), &o.err), CQL_DONE);
    assert_int_equal(cqli_http_end(&o.h, &o.err), CQL_DONE);
    assert_true(cql_slice_eq_str(o.h.body, body));
    cql_arena_free(&o.a);
  }
}

static void assert_refused(const char *text, const char *words) {
  for (size_t i = 0; i < PIECES_COUNT; i++) {
    outcome o;
    read_bytes(&o, text, strlen(text), PIECES[i]);
    assert_int_equal(o.st, CQL_CONNECTION);
    if (strstr(o.err.message, words) == NULL) fail_msg("%s: %s: %s", text, words, o.err.message);
    cql_arena_free(&o.a);
  }
}

static void test_length(void **state) {
  (void)state;
  assert_answer(OK JSON "Content-Length: 2\r\n\r\n{}", 200, true, "{}");
  assert_answer(OK JSON "content-length:2\r\n\r\n{}x", 200, true, "{}");
  assert_answer(OK "CONTENT-LENGTH: \t 0002 \t\r\nContent-Length: 2\r\n\r\n{}", 200, false, "{}");
  assert_answer("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}", 200, false, "{}");
  assert_answer("HTTP/1.0 200 \r\nContent-Length: 2\r\n\r\n{}", 200, false, "{}");
  assert_answer("HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", 200, false, "{}"); /* LF alone, which may be read */
  assert_answer(OK "Content-Length: 0\r\n\r\n", 200, false, "");
  assert_answer("HTTP/1.1 401 Unauthorized\r\n" JSON "Content-Length: 15\r\n\r\n{\"message\":\"x\"}", 401, true,
                "{\"message\":\"x\"}");
}

static void test_content_type(void **state) {
  (void)state;
  static const struct {
    const char *type;
    bool is_json;
  } TYPES[] = {{"application/json", true},
               {"application/json; charset=utf-8", true},
               {"Application/JSON", true},
               {"application/problem+json", true},
               {"text/html", false},
               {"", false},
               {"jso", false},
               {"application/x; jso n", false}};
  for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
    char text[256];
    snprintf(text, sizeof text, OK "Content-Type: %s\r\nContent-Length: 2\r\n\r\n{}", TYPES[i].type);
    assert_answer(text, 200, TYPES[i].is_json, "{}");
  }
}

static void test_until_closed(void **state) {
  (void)state;
  assert_answer(OK JSON "\r\n{}", 200, true, "{}");
  assert_answer(OK "\r\n", 200, false, "");
  assert_answer(OK "Connection: close\r\nContent-Encoding: identity\r\n\r\na\r\n\r\nb", 200, false, "a\r\n\r\nb");
}

static void test_chunked(void **state) {
  (void)state;
  assert_answer(OK JSON CHUNKS "2\r\n{}\r\n0\r\n\r\n", 200, true, "{}");
  assert_answer(OK "transfer-encoding: Chunked\r\n\r\n1\r\n{\r\n0001;x=\"y\"\r\n}\r\n000\r\n\r\n", 200, false, "{}");
  assert_answer(OK CHUNKS "0\r\n\r\n", 200, false, "");
  assert_answer(OK CHUNKS "a \r\n0123456789\r\nB\r\n0123456789a\r\n0\r\nX: y\r\nContent-Length: 5\r\n\r\n", 200, false,
                "01234567890123456789a");
  assert_answer(OK CHUNKS "2\n{}\n0\n\n", 200, false, "{}");
}

static void test_no_body(void **state) {
  (void)state;
  assert_answer("HTTP/1.1 204 No Content\r\n\r\n", 204, false, "");
  assert_answer("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, false, "");
  assert_answer("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, false, "");
}

static void test_interim(void **state) {
  (void)state;
  assert_answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\nContent-Length: 9\r\n" JSON
                "\r\n" OK "Content-Length: 2\r\n\r\n{}",
                200, false, "{}");
  assert_refused("HTTP/1.1 100 Continue\r\n\r\n", "within its answer");
}

static void test_refused(void **state) {
  (void)state;
  static const struct {
    const char *text, *words;
  } CASES[] = {
      {"HTTP/2 200 OK\r\n\r\n", "its first line"},
      {"HTTP/1.x 200 OK\r\n\r\n", "its first line"},
      {"HTTP/1.1  200 OK\r\n\r\n", "its first line"},
      {"HTTP/1.1 20 OK\r\n\r\n", "its first line"},
      {"HTTP/1.1 2000 OK\r\n\r\n", "its first line"},
      {"HTTP/1.1 200\tOK\r\n\r\n", "its first line"},
      {"HTTP/1.1 200 O\rK\r\n\r\n", "its first line"},
      {"http/1.1 200 OK\r\n\r\n", "its first line"},
      {"\r\n" OK "\r\n", "its first line"},
      {"\x15\x03\x03\x01\x02\x02\x28\n", "its first line"},
      {"HTTP/1.1 099 OK\r\n\r\n", "its status"},
      {"HTTP/1.1 600 OK\r\n\r\n", "its status"},
      {"HTTP/1.1 101 Switching Protocols\r\n\r\n", "its status"},
      {OK "X: y\r\n z\r\n\r\n", "goes on in a second line"},
      {OK "X: y\r\n\tz\r\n\r\n", "goes on in a second line"},
      {OK " X: y\r\n\r\n", "goes on in a second line"},
      {OK "X\r\n\r\n", "one of its headers"},
      {OK ": y\r\n\r\n", "one of its headers"},
      {OK "X : y\r\n\r\n", "one of its headers"},
      {OK "X(: y\r\n\r\n", "one of its headers"},
      {OK "X\xC3\xA4: y\r\n\r\n", "one of its headers"},
      {OK "X: a\rb\r\n\r\n", "one of its headers"},
      {OK "X: a\x7F\r\n\r\n", "one of its headers"},
      {OK "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", "two lengths"},
      {OK "Content-Length: 2, 2\r\n\r\n{}", "no number"},
      {OK "Content-Length: -2\r\n\r\n{}", "no number"},
      {OK "Content-Length: +2\r\n\r\n{}", "no number"},
      {OK "Content-Length: 0x2\r\n\r\n{}", "no number"},
      {OK "Content-Length:\r\n\r\n{}", "no number"},
      {OK "Content-Length: 1048577\r\n\r\n", "body of more than 1048576 bytes"},
      {OK "Content-Length: 18446744073709551618\r\n\r\n{}", "body of more than 1048576 bytes"},
      {OK "Content-Length: 2\r\n" CHUNKS "0\r\n\r\n", "a length, and chunks"},
      {OK "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n", "a length, and chunks"},
      {OK "Transfer-Encoding: gzip\r\n\r\n", "Transfer-Encoding"},
      {OK "Transfer-Encoding: gzip, chunked\r\n\r\n", "Transfer-Encoding"},
      {OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "Transfer-Encoding"},
      {OK "Content-Encoding: gzip\r\n\r\n", "compressed"},
      {OK CHUNKS "\r\n", "length of a chunk"},
      {OK CHUNKS "x\r\n", "length of a chunk"},
      {OK CHUNKS "-1\r\n", "length of a chunk"},
      {OK CHUNKS "1 2\r\n", "length of a chunk"},
      {OK CHUNKS ";x\r\n", "length of a chunk"},
      {OK CHUNKS "100001\r\n", "body of more than 1048576 bytes"},
      {OK CHUNKS "ffffffffffffffffffff\r\n", "body of more than 1048576 bytes"},
      {OK CHUNKS "1\r\n{fffff\r\n", "longer than it says"},
      {OK CHUNKS "1\r\n{\r\n100000\r\n", "body of more than 1048576 bytes"},
      {OK CHUNKS "0\r\nX\r\n\r\n", "one of its headers"},
      {OK CHUNKS "0\r\n X: y\r\n\r\n", "goes on in a second line"},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) assert_refused(CASES[i].text, CASES[i].words);
  outcome o;
  read_bytes(&o, OK "X: \0\r\n\r\n", sizeof OK + 8, SIZE_MAX);
  assert_int_equal(o.st, CQL_CONNECTION);
  assert_int_equal(cqli_http_feed(&o.h, CQL_SLICE_LITERAL("x"), &o.err), CQL_CONNECTION);
  assert_non_null(strstr(o.err.message, "refused before"));
  assert_int_equal(cqli_http_end(&o.h, &o.err), CQL_CONNECTION);
  cql_arena_free(&o.a);
}

/* Closed anywhere within an answer whose length is known. */
static void test_cut(void **state) {
  (void)state;
  static const char *const TEXTS[] = {OK JSON "Content-Length: 2\r\n\r\n{}",
                                      OK CHUNKS "2\r\n{}\r\n1;x\r\na\r\n0\r\nX: y\r\n\r\n",
                                      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 x\r\n\r\n"};
  for (size_t i = 0; i < 3; i++)
    for (size_t len = 0; len < strlen(TEXTS[i]); len++) {
      outcome o;
      read_bytes(&o, TEXTS[i], len, SIZE_MAX);
      assert_int_equal(o.st, CQL_CONNECTION);
      assert_non_null(strstr(o.err.message, len == 0 ? "without an answer" : "within its answer"));
      cql_arena_free(&o.a);
    }
}

/* --- limits ------------------------------------------------------------------------------------------------------- */

/* A head of exactly so many bytes, which ends with "\r\n\r\n". */
static char *head_of(size_t len, bool in_lines) {
  char *out = malloc(len + 1);
  size_t at = (size_t)sprintf(out, OK "Content-Length: 0\r\n");
  while (at + 2 < len) {
    size_t line = in_lines && len - at > 40 ? 20 : len - at - 2;
    memset(out + at, 'x', line);
    out[at + 1] = ':';
    memcpy(out + at + line - 2, "\r\n", 2);
    at += line;
  }
  strcpy(out + at, "\r\n");
  assert_int_equal(strlen(out), len);
  return out;
}

static void test_head_limit(void **state) {
  (void)state;
  for (int in_lines = 0; in_lines < 2; in_lines++) {
    char *fits = head_of(CQLI_HTTP_HEAD_LEN, in_lines), *over = head_of(CQLI_HTTP_HEAD_LEN + 1, in_lines);
    assert_answer(fits, 200, false, "");
    assert_refused(over, "head of more than 16384 bytes");
    free(fits);
    free(over);
  }
  char *endless = malloc(CQLI_HTTP_HEAD_LEN + 100);
  size_t len = 0;
  while (len < CQLI_HTTP_HEAD_LEN) len += (size_t)sprintf(endless + len, "HTTP/1.1 100 Continue\r\n\r\n");
  assert_refused(endless, "head of more than 16384 bytes");
  len = (size_t)sprintf(endless, OK CHUNKS "0\r\n");
  while (len < CQLI_HTTP_HEAD_LEN + 10) len += (size_t)sprintf(endless + len, "X: trailer\r\n");
  assert_refused(endless, "head of more than 16384 bytes");
  len = (size_t)sprintf(endless, OK CHUNKS "1;");
  memset(endless + len, 'x', 300);
  strcpy(endless + len + 300, "\r\n");
  assert_refused(endless, "chunk's line of more than 256 bytes");
  free(endless);
}

static void test_body_limit(void **state) {
  (void)state;
  char *text = malloc(CQLI_METADATA_LEN + 200);
  for (size_t over = 0; over < 2; over++) {
    size_t head = strlen(strcpy(text, OK "\r\n")), body = CQLI_METADATA_LEN + over;
    memset(text + head, 'x', body);
    for (size_t piece = 1000; piece < 3000000; piece *= 1000) {
      outcome o;
      read_bytes(&o, text, head + body, piece);
      assert_int_equal(o.st, over == 0 ? CQL_DONE : CQL_CONNECTION);
      if (over == 0) assert_int_equal(o.h.body.len, body);
      if (over == 0) assert_int_equal(o.h.body.data[body - 1], 'x');
      if (over > 0) assert_non_null(strstr(o.err.message, "body of more than 1048576 bytes"));
      cql_arena_free(&o.a);
    }
  }
  size_t head = strlen(strcpy(text, OK "Content-Length: 1048576\r\n\r\n"));
  memset(text + head, 'y', CQLI_METADATA_LEN);
  outcome o;
  read_bytes(&o, text, head + CQLI_METADATA_LEN, SIZE_MAX);
  assert_int_equal(o.st, CQL_DONE);
  assert_int_equal(o.h.body.len, CQLI_METADATA_LEN);
  cql_arena_free(&o.a);
  free(text);
}

/* A length that is said costs nothing until the bytes are there. */
static void test_reserves_little(void **state) {
  (void)state;
  outcome o;
  read_bytes(&o, OK "Content-Length: 1000000\r\n\r\nx", strlen(OK "Content-Length: 1000000\r\n\r\nx"), SIZE_MAX);
  assert_int_equal(o.st, CQL_CONNECTION);
  assert_true(o.a.used < 32 * 1024);
  cql_arena_free(&o.a);
}

static void test_nomem(void **state) {
  (void)state;
  static char text[100000];
  size_t head = strlen(strcpy(text, OK "\r\n"));
  memset(text + head, 'x', sizeof text - head);
  for (size_t nth = 0;; nth++) {
    faulty f = {.left = nth};
    cql_alloc alloc = faulty_alloc(&f);
    cql_arena a;
    cqli_http h;
    cql_error err = {.status = CQL_OK};
    cql_arena_init(&a, &alloc, CQL_ARENA_LIMIT_DEFAULT);
    cql_status st = cqli_http_begin(&h, &a, &err);
    for (size_t at = 0; st == CQL_OK && at < sizeof text; at += 1000)
      st = cqli_http_feed(&h, cql_slice_of(text + at, 1000), &err);
    if (st == CQL_OK) st = cqli_http_end(&h, &err);
    cql_arena_free(&a);
    assert_int_equal(f.live_bytes, 0);
    assert_int_equal(st, f.fired ? CQL_NOMEM : CQL_DONE);
    if (!f.fired) break;
    assert_int_equal(err.status, CQL_NOMEM);
    assert_true(nth < 100);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_length),       cmocka_unit_test(test_content_type), cmocka_unit_test(test_chunked),
      cmocka_unit_test(test_until_closed), cmocka_unit_test(test_no_body),      cmocka_unit_test(test_interim),
      cmocka_unit_test(test_refused),      cmocka_unit_test(test_cut),          cmocka_unit_test(test_head_limit),
      cmocka_unit_test(test_body_limit),   cmocka_unit_test(test_nomem),        cmocka_unit_test(test_reserves_little),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
