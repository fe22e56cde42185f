/* fetch.c: what Astra's metadata service says, asked for with the bundle's certificate, on the loop.
 *
 * The service's name may have several addresses, and one of them may be dead without a word. So they race: each begins
 * a moment behind the one before, or when that one has failed, and the first whole answer counts. A server that says
 * nothing, or a byte now and then, is given up by whoever asked (proxy.c), for whom the whole has one time-out.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/client_int.h"
#include "client/conn_int.h"

enum { HEAD_START_MS = 250, REQUEST_LEN = 1024, PIECE_LEN = 4096, MESSAGE_LEN = 96 };

typedef enum step { WAITING, CONNECTING, SHAKING_HANDS, SENDING, READING, FAILED, ANSWERED } step;

/* One address. */
typedef struct dial {
  cqli_fetch *fetch;
  cqli_address address;
  step step;
  bool is_watched; /* poll is a handle of the loop */
  uv_poll_t poll;
  int events;
  cqli_transport transport;
  size_t sent;
  cql_arena arena;
  cqli_http http;
  int64_t began_us;
} dial;

struct cqli_fetch {
  cqli_core *core;
  dial dials[CQLI_ADDRESSES_MAX];
  uint32_t count, begun;
  uint32_t watched; /* handles that libuv has */
  bool is_left;
  dial *winner;
  char request[REQUEST_LEN];
  size_t request_len;
  cql_attempt failures[CQL_ATTEMPT_COUNT]; /* the last ones */
  uint32_t failure_count;
};

static void on_poll(uv_poll_t *handle, int status, int events);

/* --- the end of one ----------------------------------------------------------------------------------------------- */

static void destroy(cqli_fetch *f) {
  for (uint32_t i = 0; i < f->begun; i++) {
    cqli_transport_close(&f->dials[i].transport);
    cql_arena_free(&f->dials[i].arena);
  }
  cql_alloc_free(f->core->alloc, f, sizeof *f);
}

static void on_closed(uv_handle_t *handle) {
  dial *d = handle->data;
  cqli_fetch *f = d->fetch;
  cqli_transport_close(&d->transport);
  if (--f->watched == 0 && f->is_left) destroy(f);
}

static void hang_up(dial *d) {
  if (!d->is_watched) return;
  d->is_watched = false;
  uv_poll_stop(&d->poll);
  uv_close((uv_handle_t *)&d->poll, on_closed);
}

static void fail(dial *d, cql_stage stage, cql_status status, const char *reason) {
  cqli_fetch *f = d->fetch;
  cql_attempt a = {.stage = stage, .status = status};
  a.elapsed_ms = (uint32_t)((cql_clock_monotonic_us() - d->began_us) / 1000);
  cqli_address_print(&d->address, a.host);
  cqli_reason(&a, reason);
  if (f->failure_count == CQL_ATTEMPT_COUNT) {
    memmove(f->failures, f->failures + 1, (CQL_ATTEMPT_COUNT - 1) * sizeof a);
    f->failure_count--;
  }
  f->failures[f->failure_count++] = a;
  d->step = FAILED;
  hang_up(d);
}

/* An alert may be lost with the connection. */
static const char mute[] = "the metadata service closed the connection without an answer: the bundle may be of another "
                           "database, or too old; download a new bundle";

/* With TLS 1.3 the service looks at our certificate when our side of the handshake is over. */
static void fail_transport(dial *d) {
  static const cql_stage stages[] = {[CONNECTING] = CQL_STAGE_CONNECT,
                                     [SHAKING_HANDS] = CQL_STAGE_TLS,
                                     [SENDING] = CQL_STAGE_METADATA,
                                     [READING] = CQL_STAGE_METADATA};
  cql_status st = d->transport.status == CQL_OK ? CQL_CONNECTION : d->transport.status;
  bool is_mute = d->step >= SENDING && d->http.status == 0 && st == CQL_CONNECTION;
  fail(d, st == CQL_TLS ? CQL_STAGE_TLS : stages[d->step], st, is_mute ? mute : d->transport.reason);
}

/* --- the answer --------------------------------------------------------------------------------------------------- */

static void refused(dial *d) {
  char message[MESSAGE_LEN], words[CQL_REASON_LEN];
  cqli_metadata_message(d->http.body, message, sizeof message);
  snprintf(words, sizeof words, "the metadata service answers with HTTP status %d%s%s", d->http.status,
           message[0] == '\0' ? "" : ": ", message);
  fail(d, CQL_STAGE_METADATA, CQL_NO_HOST, words);
}

static void answered(dial *d) {
  if (d->http.status != 200) {
    refused(d);
  } else if (!d->http.is_json) {
    fail(d, CQL_STAGE_METADATA, CQL_CONNECTION, "what answers is not the metadata service: it sends no JSON");
  } else {
    d->step = ANSWERED;
    if (d->fetch->winner == NULL) d->fetch->winner = d; /* a second one may come before anybody has looked */
    hang_up(d);
  }
}

/* --- step by step ------------------------------------------------------------------------------------------------- */

static void read_answer(dial *d) {
  uint8_t piece[PIECE_LEN];
  cql_error err = {.message = ""};
  for (;;) {
    size_t n = 0;
    cqli_io io = cqli_transport_read(&d->transport, piece, sizeof piece, &n);
    if (io == CQLI_IO_AGAIN) return;
    if (io == CQLI_IO_FAILED || (io == CQLI_IO_END && d->http.status == 0)) {
      fail_transport(d);
      return;
    }
    cql_status st =
        io == CQLI_IO_END ? cqli_http_end(&d->http, &err) : cqli_http_feed(&d->http, cql_slice_of(piece, n), &err);
    if (st == CQL_OK) continue;
    if (st == CQL_DONE)
      answered(d);
    else
      fail(d, CQL_STAGE_METADATA, st, err.message);
    return;
  }
}

static void send_request(dial *d) {
  const cqli_fetch *f = d->fetch;
  while (d->sent < f->request_len) {
    size_t n = 0;
    const uint8_t *rest = (const uint8_t *)f->request + d->sent;
    cqli_io io = cqli_transport_write(&d->transport, cql_slice_of(rest, f->request_len - d->sent), &n);
    if (io == CQLI_IO_AGAIN) return;
    if (io != CQLI_IO_OK) {
      fail_transport(d);
      return;
    }
    d->sent += n;
  }
  d->step = READING;
  read_answer(d);
}

static void shake_hands(dial *d) {
  cqli_io io = cqli_transport_handshake(&d->transport);
  if (io == CQLI_IO_AGAIN) return;
  if (io == CQLI_IO_OK) {
    d->step = SENDING;
    send_request(d);
  } else if (io == CQLI_IO_END) {
    fail(d, CQL_STAGE_TLS, CQL_TLS, "the metadata service closed the connection during the TLS handshake");
  } else {
    fail_transport(d);
  }
}

static void connected(dial *d) {
  const cqli_core *core = d->fetch->core;
  cql_error err;
  if (cqli_transport_connected(&d->transport) != CQLI_IO_OK) {
    fail_transport(d);
    return;
  }
  d->step = SHAKING_HANDS;
  cql_status st =
      cqli_tls_open(core->tls, &d->transport, core->settings->bundle.host, "", &d->address, &d->transport.ssl, &err);
  if (st == CQL_OK)
    shake_hands(d);
  else
    fail(d, CQL_STAGE_TLS, st, err.message);
}

static void watch(dial *d) {
  if (!d->is_watched) return;
  bool wants_write = d->step == CONNECTING || d->transport.wants_write || d->step == SENDING;
  int events = UV_READABLE | (wants_write ? UV_WRITABLE : 0);
  if (events != d->events && uv_poll_start(&d->poll, events, on_poll) == 0) d->events = events;
}

static void on_poll(uv_poll_t *handle, int status, int events) {
  dial *d = handle->data;
  (void)events;
  if (status < 0) d->events = 0; /* libuv has stopped it; the socket says why */
  switch (d->step) {
  case CONNECTING: connected(d); break;
  case SHAKING_HANDS: shake_hands(d); break;
  case SENDING: send_request(d); break;
  case READING: read_answer(d); break;
  default: return;
  }
  watch(d);
}

/* --- begin -------------------------------------------------------------------------------------------------------- */

static void dial_next(cqli_fetch *f) {
  dial *d = &f->dials[f->begun++];
  cqli_core *core = f->core;
  cql_error err = {.message = "out of memory"};
  d->began_us = cql_clock_monotonic_us();
  d->transport.fd = -1;
  cql_arena_init(&d->arena, core->alloc, CQL_ARENA_LIMIT_DEFAULT);
  cql_status st = cqli_http_begin(&d->http, &d->arena, &err);
  if (st == CQL_OK) st = cqli_transport_connect(&d->transport, &d->address, &err);
  if (st == CQL_OK) {
    int rc = uv_poll_init(&core->loop, &d->poll, d->transport.fd);
    if (rc != 0) st = cql_fail(&err, CQL_IO, "the socket cannot be watched: %s", uv_strerror(rc));
  }
  if (st != CQL_OK) {
    fail(d, CQL_STAGE_CONNECT, st, err.message);
    return;
  }
  d->poll.data = d;
  d->is_watched = true;
  f->watched++;
  d->step = CONNECTING;
  if (d->transport.status != CQL_OK)
    fail_transport(d);
  else
    watch(d);
}

static bool write_request(cqli_fetch *f) {
  const cqli_bundle *b = &f->core->settings->bundle;
  const char *open = strchr(b->host, ':') != NULL ? "[" : "", *close = open[0] != '\0' ? "]" : "";
  int n = snprintf(f->request, sizeof f->request,
                   "GET /metadata?version=1 HTTP/1.1\r\nHost: %s%s%s:%u\r\nAccept: application/json\r\n"
                   "User-Agent: libcql/" CQL_VERSION_TEXT "\r\nConnection: close\r\n\r\n",
                   open, b->host, close, b->port);
  f->request_len = n > 0 ? (size_t)n : 0;
  return f->request_len > 0 && f->request_len < sizeof f->request;
}

cql_status cqli_fetch_begin(cqli_fetch **out, cqli_core *core, const cqli_address *addresses, uint32_t count) {
  cqli_fetch *f = *out = cql_alloc_new(core->alloc, sizeof *f);
  if (f == NULL) return CQL_NOMEM;
  f->core = core;
  f->count = count;
  for (uint32_t i = 0; i < count; i++) {
    f->dials[i].fetch = f;
    f->dials[i].address = addresses[i];
  }
  if (write_request(f)) return CQL_OK;
  cql_alloc_free(core->alloc, f, sizeof *f);
  *out = NULL;
  return CQL_LIMIT;
}

/* --- meanwhile, and afterwards ------------------------------------------------------------------------------------ */

static bool is_under_way(const dial *d) {
  return d->step > WAITING && d->step < FAILED;
}

static uint32_t count_under_way(const cqli_fetch *f) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < f->begun; i++) n += is_under_way(&f->dials[i]);
  return n;
}

/* The last one that has begun has had its head start. */
static bool is_late(const cqli_fetch *f) {
  return f->begun == 0 || cql_clock_monotonic_us() - f->dials[f->begun - 1].began_us >= HEAD_START_MS * 1000;
}

bool cqli_fetch_go_on(cqli_fetch *f) {
  if (f->winner != NULL) return false;
  while (f->begun < f->count && (count_under_way(f) == 0 || is_late(f))) dial_next(f);
  return count_under_way(f) > 0;
}

void cqli_fetch_give_up(cqli_fetch *f, uint32_t after_ms) {
  static const char *const lacks[] = {
      [CONNECTING] = "connection", [SHAKING_HANDS] = "TLS handshake", [SENDING] = "answer", [READING] = "answer"};
  static const cql_stage stages[] = {[CONNECTING] = CQL_STAGE_CONNECT,
                                     [SHAKING_HANDS] = CQL_STAGE_TLS,
                                     [SENDING] = CQL_STAGE_METADATA,
                                     [READING] = CQL_STAGE_METADATA};
  char words[CQL_REASON_LEN];
  for (uint32_t i = 0; i < f->begun; i++) {
    dial *d = &f->dials[i];
    if (!is_under_way(d)) continue;
    snprintf(words, sizeof words, "no %s within %u ms", lacks[d->step], after_ms);
    fail(d, stages[d->step], CQL_TIMEOUT, words);
  }
}

cql_status cqli_fetch_read(cqli_fetch *f, cql_arena *arena, cqli_metadata *out) {
  cql_error err = {.message = ""};
  dial *d = f->winner;
  if (d == NULL) return CQL_NO_HOST;
  cql_status st = cqli_metadata_read(out, d->http.body, arena, &err);
  if (st != CQL_OK) fail(d, CQL_STAGE_METADATA, st, err.message);
  return st;
}

const cql_attempt *cqli_fetch_failures(const cqli_fetch *f, uint32_t *count) {
  *count = f->failure_count;
  return f->failures;
}

/* It failed, or had more time than the one that has answered. Who began behind that one may be as good. */
static bool was_in_vain(const cqli_fetch *f, const dial *d) {
  return d->step == FAILED || (is_under_way(d) && d < f->winner);
}

bool cqli_fetch_was_in_vain(const cqli_fetch *f, const cqli_address *address) {
  for (uint32_t i = 0; i < f->begun; i++) {
    const cqli_address *a = &f->dials[i].address;
    if (a->len == address->len && memcmp(a->bytes, address->bytes, a->len) == 0) return was_in_vain(f, &f->dials[i]);
  }
  return false;
}

void cqli_fetch_leave(cqli_fetch *f) {
  if (f == NULL) return;
  f->is_left = true;
  if (f->watched == 0) {
    destroy(f);
    return;
  }
  for (uint32_t i = 0; i < f->begun; i++) hang_up(&f->dials[i]);
}

void cqli_fetch_forget(cqli_fetch *f) {
  for (uint32_t i = 0; i < f->begun; i++)
    if (f->dials[i].transport.fd >= 0) close(f->dials[i].transport.fd);
}
