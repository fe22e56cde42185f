/* conn.c: the life of a connection, what it sends, and what it is. Driven by the loop; exchange.c is for the thread
 * that has one for itself.
 *
 * The end may come in the midst of anything: cqli_conn_close() answers what is in flight and calls closed(), and every
 * function above it on the stack looks at the state before it goes on. The memory stays until libuv has let go of the
 * two handles, which is after the callback that the loop is in.
 */
#include "client/conn_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void on_poll(uv_poll_t *handle, int status, int events);

/* --- beginning ---------------------------------------------------------------------------------------------------- */

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
  if (config->sni[0] != '\0') {
    char address[CQL_HOST_LEN];
    memcpy(address, c->host, sizeof address);
    snprintf(c->host, sizeof c->host, "%s via %.*s", c->config.sni, CQL_HOST_LEN - CQLI_HOST_ID_LEN - 5, address);
  }
  cqli_streams_init(&c->streams, config->alloc);
  cql_arena_init(&c->arena, config->alloc, CQL_ARENA_LIMIT_DEFAULT);
  cql_status st = cql_decoder_new(&c->decoder, 0, config->alloc);
  if (st == CQL_OK) st = cql_encoder_new(&c->encoder, 0, config->alloc);
  if (st != CQL_OK) return cql_fail(err, st, "Out of memory");
  return cqli_transport_connect(&c->transport, &config->address, err);
}

cql_status cqli_conn_new(cqli_conn **out, uv_loop_t *loop, const cqli_conn_config *config, const cqli_conn_watch *watch,
                         cql_error *err) {
  *out = NULL;
  cqli_conn *c = cql_alloc_new(config->alloc, sizeof *c);
  if (c == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  cql_status st = init_parts(c, config, err);
  int rc = st == CQL_OK ? uv_poll_init(loop, &c->poll, c->transport.fd) : 0;
  if (rc != 0) st = cql_fail(err, CQL_IO, "The socket cannot be watched: %s", uv_strerror(rc));
  if (st != CQL_OK) {
    destroy(c);
    return st;
  }
  uv_timer_init(loop, &c->timer);
  c->poll.data = c->timer.data = c;
  c->open_handles = 2;
  c->watch = *watch;
  c->begun_us = cql_clock_monotonic_us();
  cqli_conn_heard(c);
  cqli_clock_start_opening(c, c->transport.status != CQL_OK);
  cqli_conn_rearm(c);
  *out = c;
  return CQL_OK;
}

void cqli_conn_opened(cqli_conn *c) {
  cqli_conn_set_state(c, CQLI_CONN_OPEN);
  cqli_clock_start(c);
  c->watch.opened(c->watch.owner, c);
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static cql_stage stage_of(const cqli_conn *c, cql_status status) {
  static const cql_stage stages[] = {CQL_STAGE_CONNECT, CQL_STAGE_TLS,      CQL_STAGE_OPTIONS, CQL_STAGE_STARTUP,
                                     CQL_STAGE_AUTH,    CQL_STAGE_KEYSPACE, CQL_STAGE_REQUEST, CQL_STAGE_REQUEST};
  cqli_conn_state state = cqli_conn_state_of(c);
  if (status == CQL_CREDENTIALS) return CQL_STAGE_AUTH;
  if (status == CQL_TLS && state < CQLI_CONN_OPEN) return CQL_STAGE_TLS; /* 1.3 is refused after its handshake */
  return stages[state];
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
  if (cqli_conn_state_of(c) == CQLI_CONN_CLOSED) return;
  cql_attempt why = {.stage = stage_of(c, status), .status = status};
  why.elapsed_ms = (uint32_t)((cql_clock_monotonic_us() - c->begun_us) / 1000);
  snprintf(why.host, sizeof why.host, "%s", c->host);
  snprintf(why.reason, sizeof why.reason, "%.*s", (int)sizeof why.reason - 1, reason);
  cql_utf8_mend((uint8_t *)why.reason, strlen(why.reason)); /* it may be a server's words, or cut */
  cqli_conn_set_state(c, CQLI_CONN_CLOSED);
  uv_poll_stop(&c->poll);
  uv_timer_stop(&c->timer);
  answer_all(c, &why);
  c->watch.closed(c->watch.owner, c, &why);
  uv_close((uv_handle_t *)&c->poll, on_handle_closed);
  uv_close((uv_handle_t *)&c->timer, on_handle_closed);
}

/* The system's words, or, when the node has gone before it said anything, what that may mean. */
static const char *words_of(const cqli_conn *c) {
  bool is_mute = cqli_conn_state_of(c) == CQLI_OPTIONS && !c->has_heard;
  if (!is_mute || c->transport.status != CQL_CONNECTION) return c->transport.reason;
  if (c->config.sni[0] != '\0') return "the proxy closed the connection: the node behind it may be down or replaced";
  return c->transport.ssl == NULL
             ? "the node closed the connection before it said anything: is it Cassandra, or does it want TLS (tls=on)?"
             : "the node closed the connection behind the TLS handshake: it may want a certificate of the client, or "
               "refuse it (tls_cert, tls_key)";
}

void cqli_conn_broke(cqli_conn *c) {
  cql_status st = c->transport.status;
  cqli_conn_close(c, st == CQL_OK ? CQL_CONNECTION : st, st == CQL_OK ? "the connection broke" : words_of(c));
}

bool cqli_conn_is_awaited(const cqli_conn *c) {
  return cqli_streams_used(&c->streams) > c->streams.orphans + c->asking;
}

void cqli_conn_retire_if_idle(cqli_conn *c) {
  if (!atomic_load_explicit(&c->is_retiring, memory_order_relaxed) || c->is_detached || c->is_reading) return;
  if (!cqli_conn_is_awaited(c)) cqli_conn_close(c, CQL_CLOSED, "the connection is not used any more");
}

void cqli_conn_retire(cqli_conn *c) {
  atomic_store_explicit(&c->is_retiring, true, memory_order_relaxed);
  if (cqli_conn_state_of(c) == CQLI_CONN_OPEN) cqli_conn_retire_if_idle(c);
}

/* --- sending ------------------------------------------------------------------------------------------------------ */

cql_status cqli_conn_put(cqli_conn *c, cql_slice envelope, cqli_answer *answer, void *user, int16_t *stream) {
  cql_status st = cqli_streams_take(&c->streams, answer, user, c->batch, stream);
  if (st != CQL_OK) return st;
  st = cql_encoder_put(c->encoder, envelope, *stream);
  cqli_slot unused;
  if (st != CQL_OK) cqli_streams_give(&c->streams, *stream, &unused);
  return st;
}

cql_status cqli_conn_send(cqli_conn *c, cql_slice envelope, cqli_answer *answer, void *user, int16_t *stream) {
  if (cqli_streams_used(&c->streams) >= c->config.in_flight_max) return CQL_LIMIT;
  cql_status st = cqli_heartbeat_after_sleep(c);
  if (!cqli_conn_is_awaited(c)) cqli_heartbeat_awaits(c);
  return st == CQL_OK ? cqli_conn_put(c, envelope, answer, user, stream) : st;
}

cqli_io cqli_conn_write(cqli_conn *c) {
  cql_slice bytes;
  while ((bytes = cql_encoder_pending(c->encoder)).len > 0) {
    size_t n = 0;
    cqli_io io = cqli_transport_write(&c->transport, bytes, &n);
    c->is_blocked = io == CQLI_IO_AGAIN;
    c->is_mute = io == CQLI_IO_FAILED && (c->transport.number == EPIPE || c->transport.number == ECONNRESET);
    if (io != CQLI_IO_OK) return io;
    cql_encoder_sent(c->encoder, n);
    c->batch_has_begun = true;
  }
  c->is_blocked = false;
  c->batch += c->batch_has_begun;
  c->batch_has_begun = false;
  return CQLI_IO_OK;
}

void cqli_conn_flush(cqli_conn *c) {
  cqli_conn_state state = cqli_conn_state_of(c);
  if (state <= CQLI_TLS || state == CQLI_CONN_CLOSED || c->is_detached || c->is_on_probe || c->is_mute) return;
  cqli_io io = cqli_conn_write(c);
  if (io == CQLI_IO_END || (io == CQLI_IO_FAILED && !c->is_mute))
    cqli_conn_broke(c);
  else if (!c->is_reading)
    cqli_conn_rearm(c);
}

void cqli_conn_orphan(cqli_conn *c, int16_t stream) {
  cqli_streams_orphan(&c->streams, stream);
}

cql_status cqli_conn_take(cqli_conn *c, cql_envelope *e, cql_buf *out) {
  return cql_decoder_take(c->decoder, e, out);
}

/* --- the loop's callbacks ----------------------------------------------------------------------------------------- */

/* uv_poll_start() costs two system calls even where nothing changes. */
void cqli_conn_rearm(cqli_conn *c) {
  cqli_conn_state state = cqli_conn_state_of(c);
  if (state == CQLI_CONN_CLOSED || c->is_detached) return;
  bool wants_write = state == CQLI_CONNECTING || c->transport.wants_write || c->is_blocked;
  int events = UV_READABLE | (wants_write ? UV_WRITABLE : 0);
  if (events != c->watched && uv_poll_start(&c->poll, events, on_poll) == 0) c->watched = events;
}

static void shake_hands(cqli_conn *c) {
  cqli_io io = cqli_transport_handshake(&c->transport);
  if (io == CQLI_IO_OK)
    cqli_handshake_begin(c);
  else if (io == CQLI_IO_END)
    cqli_conn_close(c, CQL_TLS, "the node closed the connection during the TLS handshake: does it speak TLS there?");
  else if (io == CQLI_IO_FAILED)
    cqli_conn_broke(c);
}

static void on_connected(cqli_conn *c) {
  cql_error err;
  if (cqli_transport_connected(&c->transport) != CQLI_IO_OK) {
    cqli_conn_broke(c);
    return;
  }
  if (c->config.tls == NULL) {
    cqli_handshake_begin(c);
    return;
  }
  cqli_conn_set_state(c, CQLI_TLS);
  cql_status st = cqli_tls_open(c->config.tls, &c->transport, c->config.server_name, c->config.sni, &c->config.address,
                                &c->transport.ssl, &err);
  if (st == CQL_OK)
    shake_hands(c);
  else
    cqli_conn_close(c, st, err.message);
}

static void on_poll(uv_poll_t *handle, int status, int events) {
  cqli_conn *c = handle->data;
  (void)events;                   /* reading and writing say what there is */
  if (status < 0) c->watched = 0; /* libuv has stopped it; the socket says why */
  cqli_conn_state state = cqli_conn_state_of(c);
  if (state == CQLI_CONNECTING) {
    on_connected(c);
  } else if (state == CQLI_TLS) {
    shake_hands(c);
  } else if (cqli_conn_read(c)) {
    if (c->is_mute)
      cqli_conn_broke(c);
    else
      cqli_conn_flush(c); /* what the answers have appended, and what the socket did not take before */
  }
  if (cqli_conn_state_of(c) == CQLI_CONN_CLOSED) return;
  cqli_conn_rearm(c);
  if (cqli_conn_state_of(c) == CQLI_CONN_OPEN) cqli_conn_retire_if_idle(c);
}

/* --- what it is --------------------------------------------------------------------------------------------------- */

bool cqli_conn_is_open(const cqli_conn *c) {
  return cqli_conn_state_of(c) == CQLI_CONN_OPEN && !atomic_load_explicit(&c->is_retiring, memory_order_relaxed);
}

uint8_t cqli_conn_version(const cqli_conn *c) {
  return c->version;
}

bool cqli_conn_has_keyspace(const cqli_conn *c) {
  return c->has_keyspace;
}

uint32_t cqli_conn_in_flight(const cqli_conn *c) {
  return cqli_streams_used(&c->streams);
}

const char *cqli_conn_host(const cqli_conn *c) {
  return c->host;
}

const cqli_address *cqli_conn_address(const cqli_conn *c) {
  return &c->config.address;
}

const char *cqli_conn_supported(const cqli_conn *c, const char *name) {
  for (uint32_t i = 0; i < c->supported.count; i++)
    if (cql_slice_eq_str(c->supported.pairs[i].name, name)) return (const char *)c->supported.pairs[i].value.data;
  return NULL;
}

int64_t cqli_conn_used_us(const cqli_conn *c) {
  return atomic_load_explicit(&c->used_us, memory_order_relaxed);
}

void cqli_conn_heard(cqli_conn *c) {
  atomic_store_explicit(&c->used_us, cql_clock_monotonic_us(), memory_order_relaxed);
}
