/* bench.h: one connection to one fake server, driven by the test's own thread, in every way that bytes can travel. */
#ifndef TEST_BENCH_H
#define TEST_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "certificates.h"
#include "client/conn_int.h"
#include "fake_server.h"

/* --- modes -------------------------------------------------------------------------------------------------------- */

typedef struct mode {
  uint8_t version;
  bool lz4, tls;
} mode;

/* Calls body in all eight of them; a test that fails says in which one. */
void in_all_modes(void (*body)(const mode *m));

/* --- memory ------------------------------------------------------------------------------------------------------- */

typedef struct counted {
  cql_alloc alloc;
  size_t fail_at; /* the allocation that fails, from 1; 0: none */
  size_t asked;
  int64_t live;
  bool fired;
} counted;

void counted_init(counted *c, size_t fail_at);

/* --- the bench ---------------------------------------------------------------------------------------------------- */

enum { ANSWERS_MAX = 4096, WAIT_MS = 20000 };

typedef struct answer {
  bool came, failed, may_have_run;
  uint8_t opcode;
  cql_status why;
  uint32_t order; /* the how manieth answer it was, from 1 */
  size_t text_len;
  char text[64];      /* of the row, or of the error; its beginning */
  uint64_t text_hash; /* of all of it */
} answer;

typedef struct bench {
  fake_config server_config;
  fake_server *server;
  uv_loop_t loop;
  counted memory;
  cql_tls_config tls_config;
  cqli_tls *tls;
  cqli_conn_config config;
  cqli_conn *conn; /* NULL: closed */
  uint32_t opened, closed, events;
  uint32_t silent, spoken; /* how often silent() was told so */
  cql_attempt why;
  answer answers[ANSWERS_MAX];
  uint32_t sent, answered;
} bench;

/* Fills both configurations; a test changes them before bench_connect(). m NULL: version 5, plain. */
void bench_init(bench *b, const mode *m);
void bench_free(bench *b); /* the connection is closed; nothing may be left of it */

/* Starts the server (once) and a connection. bench_open() waits until it is open, bench_fail() until it has failed. */
void bench_connect(bench *b);
void bench_open(bench *b);
void bench_fail(bench *b, cql_status status, cql_stage stage, const char *words);

/* Runs the loop until *count is at least n; fails the test after WAIT_MS. */
void bench_until(bench *b, const uint32_t *count, uint32_t n);
void bench_run(bench *b, uint32_t ms); /* for so long */

/* QUERY with this text, appended; the place of its answer in b->answers. */
uint32_t bench_ask(bench *b, const char *text);
uint32_t bench_ask_bytes(bench *b, cql_slice text, int16_t *stream);
void bench_query(cql_buf *out, uint8_t version, cql_slice text);
/* The answer is this text. */
void bench_expect(const bench *b, uint32_t i, cql_slice text);
uint64_t bench_hash(cql_slice s);
/* The text of an echo, or of an error; data NULL: it is neither. */
cql_slice bench_text(const cql_envelope *e);

uint32_t count_descriptors(void);
/* Certificates of the modes with TLS: an authority, and a server that is 127.0.0.1 and localhost. */
extern authority *bench_authority;
extern char *bench_ca;
extern certificate bench_certificate;
int bench_setup(void **state);
int bench_teardown(void **state);

#endif
