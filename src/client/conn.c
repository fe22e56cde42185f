#include "client/conn_int.h"

#include <stdio.h>
#include <string.h>

enum {
  READ_LEN_MAX = 256 * 1024, /* at one go: other connections are not kept waiting */
  TICK_MS = 1000,            /* how often a connection looks at its clocks */
  TLS_ALERT = 0x15           /* the first byte that a TLS server answers a plain-text client with */
};

static void on_poll(uv_poll_t *handle, int status, int events);
static void on_tick(uv_timer_t *timer);

static int64_t now_us(void) {
  return cql_clock_monotonic_us();
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static void destroy(cqli_conn *c) {
  const cql_alloc *alloc = c->config.alloc;
  cqli_transport_close(&c->transport);
  cql_decoder_free(c->decoder);
  cql_encoder_free(c->encoder);
  cqli_streams_free(&c->streams);
  cql_arena_free(&c->arena);
  cql_alloc_free(alloc, c, sizeof *c);
}

static void on_handle_closed(uv_handle_t *handle) {
  cqli_conn *c = handle->data;
  if (--c->open_handles == 0) destroy(c);
}

static cql_status init_parts(cqli_conn *c, const cqli_conn_config *config, cql_error *err) {
  c->config = *config;
  c->transport.fd = -1;
  cqli_address_print(&config->address, c->host);
  cqli_streams_init(&c->streams, config->alloc);
  cql_arena_init(&c->arena, config->alloc, CQL_ARENA_LIMIT_DEFAULT);
  cql_status st = cql_decoder_new(&c->decoder, 0, config->alloc);
  if (st == CQL_OK) st = cql_encoder_new(&c->encoder, 0, config->alloc);
  if (st != CQL_OK) return cql_fail(err, st, "out of memory");
  return cqli_transport_connect(&c->transport, &config->address, err);
}

cql_status cqli_conn_new(cqli_conn **out, uv_loop_t *loop, const cqli_conn_config *config, const cqli_conn_watch *watch,
                         cql_error *err) {
  *out = NULL;
  cqli_conn *c = cql_alloc_new(config->alloc, sizeof *c);
  if (c == NULL) return cql_fail(err, CQL_NOMEM, "out of memory");
  cql_status st = init_parts(c, config, err);
  if (st == CQL_OK && uv_poll_init(loop, &c->poll, c->transport.fd) != 0)
    st = cql_fail(err, CQL_IO, "the socket cannot be watched");
  if (st != CQL_OK) {
    destroy(c);
    return st;
  }
  uv_timer_init(loop, &c->timer);
  c->poll.data = c->timer.data = c;
  c->open_handles = 2;
  c->watch = *watch;
  c->begun_us = now_us();
  atomic_store(&c->used_us, c->begun_us);
  uint32_t tick = config->connect_timeout_ms < TICK_MS ? config->connect_timeout_ms : TICK_MS;
  bool has_failed = c->transport.status != CQL_OK; /* told by the first tick: closed() must not be called from here */
  uv_timer_start(&c->timer, on_tick, has_failed ? 0 : tick, tick);
  cqli_conn_rearm(c);
  *out = c;
  return CQL_OK;
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static cql_stage stage_of(const cqli_conn *c, cql_status status) {
  static const cql_stage stages[] = {CQL_STAGE_CONNECT,  CQL_STAGE_TLS,     CQL_STAGE_OPTIONS,
                                     CQL_STAGE_STARTUP,  CQL_STAGE_AUTH,    CQL_STAGE_STARTUP,
                                     CQL_STAGE_KEYSPACE, CQL_STAGE_REQUEST, CQL_STAGE_REQUEST};
  if (status == CQL_CREDENTIALS) return CQL_STAGE_AUTH;
  if (status == CQL_TLS && c->state < CQLI_CONN_OPEN) return CQL_STAGE_TLS; /* TLS 1.3 is refused after its handshake */
  return stages[c->state];
}

static void answer_all(cqli_conn *c, const cql_attempt *why) {
  for (uint32_t i = 0; i < c->streams.room; i++) {
    cqli_slot slot;
    if (!cqli_streams_give(&c->streams, (int16_t)i, &slot) || slot.answer == NULL) continue;
    bool may_have_run = slot.batch != c->batch || c->batch_has_begun;
    slot.answer(slot.user, c, NULL, why, may_have_run);
  }
}

void cqli_conn_close(cqli_conn *c, cql_status status, const char *reason) {
  if (c->state == CQLI_CONN_CLOSED) return;
  cql_attempt why = {.stage = stage_of(c, status), .status = status};
  why.elapsed_ms = (uint32_t)((now_us() - c->begun_us) / 1000);
  snprintf(why.host, sizeof why.host, "%s", c->host);
  snprintf(why.reason, sizeof why.reason, "%.*s", (int)sizeof why.reason - 1, reason);
  cql_utf8_mend((uint8_t *)why.reason, strlen(why.reason));
  c->state = CQLI_CONN_CLOSED;
  uv_poll_stop(&c->poll);
  uv_timer_stop(&c->timer);
  answer_all(c, &why);
  c->watch.closed(c->watch.owner, c, &why);
  uv_close((uv_handle_t *)&c->poll, on_handle_closed);
  uv_close((uv_handle_t *)&c->timer, on_handle_closed);
}

void cqli_conn_fail(cqli_conn *c, cql_status status, const char *reason) {
  cqli_conn_close(c, status, reason);
}

static void retire_if_empty(cqli_conn *c) {
  if (c->is_retiring && c->streams.used == 0 && !c->is_detached)
    cqli_conn_close(c, CQL_CLOSED, "the connection is not used any more");
}

void cqli_conn_retire(cqli_conn *c) {
  c->is_retiring = true;
  if (!c->is_reading) retire_if_empty(c);
}

/* --- sending ------------------------------------------------------------------------------------------------------ */

cql_status cqli_conn_put(cqli_conn *c, cql_slice envelope, cqli_answer *answer, void *user, int16_t *stream) {
  cql_status st = cqli_streams_take(&c->streams, stream);
  if (st != CQL_OK) return st;
  st = cql_encoder_put(c->encoder, envelope, *stream);
  if (st != CQL_OK) {
    cqli_slot unused;
    c->streams.slots[*stream].answer = answer;
    cqli_streams_give(&c->streams, *stream, &unused);
    return st;
  }
  cqli_slot *slot = &c->streams.slots[*stream];
  slot->answer = answer;
  slot->user = user;
  slot->batch = c->batch;
  return CQL_OK;
}

cql_status cqli_conn_send(cqli_conn *c, cql_slice envelope, cqli_answer *answer, void *user, int16_t *stream) {
  if (c->streams.used >= c->config.in_flight_max) return CQL_LIMIT;
  return cqli_conn_put(c, envelope, answer, user, stream);
}

/* Writes what waits. AGAIN: the rest when the socket can be written to. */
static cqli_io write_out(cqli_conn *c) {
  cql_slice bytes = cql_encoder_pending(c->encoder);
  while (bytes.len > 0) {
    size_t n = 0;
    cqli_io io = cqli_transport_write(&c->transport, bytes, &n);
    if (io != CQLI_IO_OK) return io;
    cql_encoder_sent(c->encoder, n);
    c->batch_has_begun = true;
    bytes = cql_encoder_pending(c->encoder);
  }
  c->batch++;
  c->batch_has_begun = false;
  return CQLI_IO_OK;
}

static void broke(cqli_conn *c) {
  cql_status st = c->transport.status;
  cqli_conn_fail(c, st == CQL_OK ? CQL_NOMEM : st, st == CQL_OK ? "out of memory" : c->transport.reason);
}

void cqli_conn_flush(cqli_conn *c) {
  if (c->state <= CQLI_TLS || c->state == CQLI_CONN_CLOSED || c->is_detached) return;
  cqli_io io = write_out(c);
  if (io == CQLI_IO_END || io == CQLI_IO_FAILED)
    broke(c);
  else if (io == CQLI_IO_AGAIN && !c->is_reading)
    cqli_conn_rearm(c);
}

void cqli_conn_orphan(cqli_conn *c, int16_t stream) {
  if (c->state == CQLI_CONN_CLOSED) return;
  if (c->streams.orphans == 0) c->orphaned_us = now_us();
  cqli_streams_orphan(&c->streams, stream);
}

cql_status cqli_conn_take(cqli_conn *c, cql_envelope *e, cql_buf *out) {
  return cql_decoder_take(c->decoder, e, out);
}

/* --- receiving ---------------------------------------------------------------------------------------------------- */

static void on_envelope(cqli_conn *c, cql_envelope *e) {
  cqli_slot slot;
  if (e->stream < 0) {
    if (c->watch.event != NULL) c->watch.event(c->watch.owner, c, e);
  } else if (!cqli_streams_give(&c->streams, e->stream, &slot)) {
    cqli_conn_fail(c, CQL_MALFORMED, "the node answers a request that was not made");
  } else if (slot.answer != NULL) {
    slot.answer(slot.user, c, e, NULL, true);
  }
}

/* False: the connection is closed. */
static bool read_envelopes(cqli_conn *c) {
  cql_envelope e;
  cql_error err;
  cql_status st;
  while ((st = cql_decoder_next(c->decoder, &e, &err)) == CQL_OK) {
    on_envelope(c, &e);
    if (c->state == CQLI_CONN_CLOSED) return false;
  }
  if (st == CQL_NEED_MORE) return true;
  char words[CQL_REASON_LEN];
  snprintf(words, sizeof words, "%s%.*s", c->state == CQLI_OPTIONS ? "what answers is not Cassandra: " : "",
           CQL_REASON_LEN - 40, err.message);
  cqli_conn_fail(c, st, words);
  return false;
}

/* Before its first answer a node closes the connection for one of few reasons, and tells none of them. */
static void end_of_input(cqli_conn *c) {
  if (c->state != CQLI_OPTIONS || c->transport.status != CQL_CONNECTION)
    broke(c);
  else if (c->transport.ssl == NULL)
    cqli_conn_fail(c, CQL_CONNECTION,
                   "the node closed the connection before it said anything: is it Cassandra, or does it want TLS?");
  else
    cqli_conn_fail(c, CQL_CONNECTION,
                   "the node closed the connection before it said anything: does it accept the client's certificate?");
}

/* False: the connection is closed. */
static bool read_in(cqli_conn *c) {
  size_t total = 0;
  for (;;) {
    size_t room, n = 0;
    uint8_t *to = cql_decoder_room(c->decoder, &room);
    if (to == NULL) {
      cqli_conn_fail(c, CQL_NOMEM, "out of memory");
      return false;
    }
    cqli_io io = cqli_transport_read(&c->transport, to, room, &n);
    if (io == CQLI_IO_AGAIN) return true;
    if (io != CQLI_IO_OK) {
      end_of_input(c);
      return false;
    }
    if (c->state == CQLI_OPTIONS && c->transport.ssl == NULL && to[0] == TLS_ALERT) {
      cqli_conn_fail(c, CQL_TLS, "the node speaks TLS on this port, and the session does not (tls=on)");
      return false;
    }
    atomic_store_explicit(&c->used_us, now_us(), memory_order_relaxed);
    cql_decoder_filled(c->decoder, n);
    if (!read_envelopes(c)) return false;
    total += n;
    bool has_more = cqli_transport_has_more(&c->transport);
    if (!has_more && (n < room || total >= READ_LEN_MAX)) return true;
  }
}

/* --- the loop's callbacks ----------------------------------------------------------------------------------------- */

void cqli_conn_rearm(cqli_conn *c) {
  if (c->state == CQLI_CONN_CLOSED || c->is_detached) return;
  int events = UV_READABLE;
  if (c->state == CQLI_CONNECTING || c->transport.wants_write) events |= UV_WRITABLE;
  if (c->state > CQLI_TLS && cql_encoder_pending(c->encoder).len > 0) events |= UV_WRITABLE;
  uv_poll_start(&c->poll, events, on_poll);
}

static void shake_hands(cqli_conn *c) {
  cqli_io io = cqli_transport_handshake(&c->transport);
  if (io == CQLI_IO_OK)
    cqli_handshake_begin(c);
  else if (io == CQLI_IO_END)
    cqli_conn_fail(c, CQL_TLS,
                   "the node closed the connection during the TLS handshake: does it speak TLS on this port?");
  else if (io == CQLI_IO_FAILED)
    broke(c);
}

static void on_connected(cqli_conn *c) {
  cql_error err;
  if (cqli_transport_connected(&c->transport) != CQLI_IO_OK) {
    broke(c);
    return;
  }
  if (c->config.tls == NULL) {
    cqli_handshake_begin(c);
    return;
  }
  c->state = CQLI_TLS;
  cql_status st =
      cqli_tls_open(c->config.tls, c->transport.fd, c->config.server_name, &c->config.address, &c->transport.ssl, &err);
  if (st == CQL_OK)
    shake_hands(c);
  else
    cqli_conn_fail(c, st, err.message);
}

static void on_poll(uv_poll_t *handle, int status, int events) {
  cqli_conn *c = handle->data;
  (void)status; /* reading and writing say what is wrong */
  (void)events;
  if (c->state == CQLI_CONNECTING) {
    on_connected(c);
  } else if (c->state == CQLI_TLS) {
    shake_hands(c);
  } else {
    c->is_reading = true;
    bool is_alive = read_in(c);
    c->is_reading = false;
    if (!is_alive) return;
    cqli_conn_flush(c);
  }
  if (c->state == CQLI_CONN_CLOSED) return;
  cqli_conn_rearm(c);
  retire_if_empty(c);
}

/* --- heartbeats --------------------------------------------------------------------------------------------------- */

static void on_heartbeat(void *user, cqli_conn *c, cql_envelope *e, const cql_attempt *why, bool may_have_run) {
  (void)user;
  (void)e;
  (void)why;
  (void)may_have_run;
  c->is_asking = false;
}

static void ask(cqli_conn *c) {
  cql_buf b;
  int16_t stream;
  cql_buf_init(&b, c->config.alloc, CQL_ENVELOPE_HEADER_LEN * 2);
  cql_put_options(&b, c->version);
  cql_status st = b.st;
  if (st == CQL_OK) st = cqli_conn_put(c, cql_buf_view(&b), on_heartbeat, NULL, &stream);
  cql_buf_free(&b);
  if (st != CQL_OK) {
    cqli_conn_fail(c, st, "no stream is left for a heartbeat");
    return;
  }
  c->is_asking = true;
  c->asked_us = now_us();
  cqli_conn_flush(c);
}

static bool has_passed(int64_t since_us, uint32_t ms) {
  return now_us() - since_us >= (int64_t)ms * 1000;
}

static void tick_opening(cqli_conn *c) {
  char words[CQL_REASON_LEN];
  if (c->transport.status != CQL_OK) {
    broke(c);
    return;
  }
  if (!has_passed(c->begun_us, c->config.connect_timeout_ms)) return;
  snprintf(words, sizeof words, "%s within %u ms",
           c->state == CQLI_CONNECTING ? "no connection"
           : c->state == CQLI_TLS      ? "no TLS handshake"
                                       : "no answer",
           c->config.connect_timeout_ms);
  cqli_conn_fail(c, CQL_TIMEOUT, words);
}

static void on_tick(uv_timer_t *timer) {
  cqli_conn *c = timer->data;
  if (c->state < CQLI_CONN_OPEN) {
    tick_opening(c);
    return;
  }
  if (c->is_detached) return;
  if (c->streams.orphans > CQLI_ORPHANS_MAX && has_passed(c->orphaned_us, CQLI_ORPHANS_MS)) cqli_conn_retire(c);
  if (c->state == CQLI_CONN_CLOSED) return;
  int64_t used = atomic_load_explicit(&c->used_us, memory_order_relaxed);
  if (c->is_asking && used < c->asked_us && has_passed(c->asked_us, c->config.connect_timeout_ms))
    cqli_conn_fail(c, CQL_TIMEOUT, "the node does not answer a heartbeat");
  else if (!c->is_asking && has_passed(used, c->config.heartbeat_ms))
    ask(c);
}

void cqli_conn_start_clock(cqli_conn *c) {
  uint32_t tick = c->config.heartbeat_ms < TICK_MS ? c->config.heartbeat_ms : TICK_MS;
  uv_timer_start(&c->timer, on_tick, tick, tick);
}

void cqli_conn_opened(cqli_conn *c) {
  c->state = CQLI_CONN_OPEN;
  cqli_conn_start_clock(c);
  c->watch.opened(c->watch.owner, c);
}

/* --- what it is --------------------------------------------------------------------------------------------------- */

bool cqli_conn_is_open(const cqli_conn *c) {
  return c->state == CQLI_CONN_OPEN && !c->is_retiring;
}

uint8_t cqli_conn_version(const cqli_conn *c) {
  return c->version;
}

bool cqli_conn_has_keyspace(const cqli_conn *c) {
  return c->has_keyspace;
}

uint32_t cqli_conn_in_flight(const cqli_conn *c) {
  return c->streams.used;
}

const char *cqli_conn_host(const cqli_conn *c) {
  return c->host;
}

const char *cqli_conn_supported(const cqli_conn *c, const char *name) {
  for (uint32_t i = 0; i < c->supported.count; i++)
    if (cql_slice_eq_str(c->supported.pairs[i].name, name)) return (const char *)c->supported.pairs[i].value.data;
  return NULL;
}

int64_t cqli_conn_used_us(const cqli_conn *c) {
  return atomic_load_explicit(&c->used_us, memory_order_relaxed);
}
