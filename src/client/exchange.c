/* exchange.c: a detached connection, in the hands of the one thread that waits for it. */
#include "client/conn_int.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { SLICE_MS = 100 }; /* between two looks at the interrupt check */

void cqli_conn_detach(cqli_conn *c) {
  uv_poll_stop(&c->poll);
  uv_timer_stop(&c->timer);
  c->is_detached = true;
}

void cqli_conn_attach(cqli_conn *c) {
  c->is_detached = false;
  if (c->is_broken) {
    cqli_conn_fail(c, c->transport.status == CQL_OK ? CQL_CONNECTION : c->transport.status,
                   c->transport.status == CQL_OK ? "the connection broke" : c->transport.reason);
    return;
  }
  cqli_conn_start_clock(c);
  cqli_conn_rearm(c);
}

static cql_status broken(cqli_conn *c, cql_status status, const char *words, cql_error *err) {
  c->is_broken = true;
  return cql_fail(err, status, "The connection to %s broke: %s", c->host, words);
}

/* Waits for the socket. CQL_OK: something has happened. */
static cql_status await(cqli_conn *c, short events, int64_t deadline_us, bool (*interrupted)(void), cql_error *err) {
  struct pollfd p = {.fd = c->transport.fd, .events = c->transport.wants_write ? POLLOUT : events};
  for (;;) {
    int64_t left_ms = (deadline_us - cql_clock_monotonic_us() + 999) / 1000;
    if (left_ms <= 0) return cql_fail(err, CQL_TIMEOUT, "No answer came in time from %s", c->host);
    int slice = interrupted != NULL && left_ms > SLICE_MS ? SLICE_MS : left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
    int n = poll(&p, 1, slice);
    if (n > 0) return CQL_OK;
    if (n < 0 && errno != EINTR) return broken(c, CQL_IO, "poll() failed", err);
    if (interrupted != NULL && interrupted()) return cql_fail(err, CQL_INTERRUPTED, "Interrupted");
  }
}

static cql_status write_all(cqli_conn *c, int64_t deadline_us, bool (*interrupted)(void), bool *has_begun,
                            cql_error *err) {
  cql_slice bytes = cql_encoder_pending(c->encoder);
  while (bytes.len > 0) {
    size_t n = 0;
    switch (cqli_transport_write(&c->transport, bytes, &n)) {
    case CQLI_IO_OK:
      *has_begun = true;
      cql_encoder_sent(c->encoder, n);
      break;
    case CQLI_IO_AGAIN: {
      cql_status st = await(c, POLLOUT, deadline_us, interrupted, err);
      if (st == CQL_OK) break;
      c->is_broken = true; /* half a request is on its way: nothing can follow it */
      return st;
    }
    default: return broken(c, c->transport.status, c->transport.reason, err);
    }
    bytes = cql_encoder_pending(c->encoder);
  }
  return CQL_OK;
}

static cql_status read_some(cqli_conn *c, int64_t deadline_us, bool (*interrupted)(void), cql_error *err) {
  size_t room, n = 0;
  for (;;) {
    uint8_t *to = cql_decoder_room(c->decoder, &room);
    if (to == NULL) return broken(c, CQL_NOMEM, "out of memory", err);
    switch (cqli_transport_read(&c->transport, to, room, &n)) {
    case CQLI_IO_OK: cql_decoder_filled(c->decoder, n); return CQL_OK;
    case CQLI_IO_AGAIN: {
      cql_status st = await(c, POLLIN, deadline_us, interrupted, err);
      if (st != CQL_OK) return st;
      break;
    }
    default: return broken(c, c->transport.status, c->transport.reason, err);
    }
  }
}

/* The answer to stream; nothing else can come but events, which a direct connection does not ask for. */
static cql_status read_answer(cqli_conn *c, int16_t stream, int64_t deadline_us, bool (*interrupted)(void),
                              cql_envelope *out, cql_error *err) {
  cql_status st;
  cqli_slot slot;
  cql_error why;
  while ((st = cql_decoder_next(c->decoder, out, &why)) == CQL_NEED_MORE) {
    st = read_some(c, deadline_us, interrupted, err);
    if (st != CQL_OK) return st;
  }
  if (st != CQL_OK) return broken(c, st, why.message, err);
  if (out->stream != stream) return broken(c, CQL_MALFORMED, "the node answers a request that was not made", err);
  cqli_streams_give(&c->streams, stream, &slot);
  atomic_store_explicit(&c->used_us, cql_clock_monotonic_us(), memory_order_relaxed);
  return CQL_OK;
}

static void nobody(void *user, cqli_conn *c, cql_envelope *e, const cql_attempt *why, bool may_have_run) {
  (void)user;
  (void)c;
  (void)e;
  (void)why;
  (void)may_have_run;
}

cql_status cqli_conn_exchange(cqli_conn *c, cql_slice envelope, int64_t deadline_us, bool (*interrupted)(void),
                              cql_envelope *out, bool *may_have_run, cql_error *err) {
  int16_t stream;
  *may_have_run = false;
  if (cqli_transport_peek(&c->transport) != CQLI_IO_AGAIN) return broken(c, CQL_CONNECTION, c->transport.reason, err);
  cql_status st = cqli_conn_put(c, envelope, nobody, NULL, &stream);
  if (st != CQL_OK) return broken(c, st, "out of memory", err);
  st = write_all(c, deadline_us, interrupted, may_have_run, err);
  if (st == CQL_OK) st = read_answer(c, stream, deadline_us, interrupted, out, err);
  if (st == CQL_TIMEOUT || st == CQL_INTERRUPTED) cqli_streams_orphan(&c->streams, stream);
  return st;
}

void cqli_conn_forget(cqli_conn *c) {
  if (c->transport.fd >= 0) close(c->transport.fd);
  c->transport.fd = -1;
}
