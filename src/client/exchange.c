/* exchange.c: a detached connection, in the hands of the one thread that waits for its answer.
 *
 *   peek, send, receive: three system calls. The receive waits in the system for up to CQLI_SLICE_MS at a time; the
 * last slice before the deadline is poll()'s, which can wait for less.
 */
#include "client/conn_int.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* --- to and fro --------------------------------------------------------------------------------------------------- */

void cqli_conn_detach(cqli_conn *c) {
  uv_poll_stop(&c->poll);
  uv_timer_stop(&c->timer);
  c->watched = 0;
  c->is_detached = true;
  if (cqli_transport_let_wait(&c->transport) != CQL_OK)
    cqli_transport_fail(&c->transport, CQL_IO, "the socket cannot be made to wait");
}

void cqli_conn_attach(cqli_conn *c) {
  c->is_detached = false;
  if (c->transport.status != CQL_OK) {
    cqli_conn_broke(c);
    return;
  }
  cqli_clock_start(c);
  cqli_conn_rearm(c);
  if (cqli_transport_has_more(&c->transport) && !cqli_conn_read(c)) return;
  cqli_conn_retire_if_idle(c);
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

static cql_status broken(cqli_conn *c, cql_status status, const char *words, cql_error *err) {
  if (c->transport.status == CQL_OK) cqli_transport_fail(&c->transport, status, words);
  return cql_fail(err, status, "The connection to %s broke: %s", c->host, words);
}

static cql_status transport_broke(cqli_conn *c, cql_error *err) {
  return cql_fail(err, CQL_CONNECTION, "The connection to %s broke: %s", c->host, c->transport.reason);
}

/* At most a slice; 0: the deadline has passed. */
static int left_ms(const cqli_patience *p) {
  int64_t ms = (p->deadline_us - cql_clock_monotonic_us() + 999) / 1000;
  return ms <= 0 ? 0 : ms > CQLI_SLICE_MS ? CQLI_SLICE_MS : (int)ms;
}

static cql_status look_up(const cqli_conn *c, const cqli_patience *p, int ms, cql_error *err) {
  if (ms == 0) return cql_fail(err, CQL_TIMEOUT, "No answer came in time from %s", c->host);
  if (p->interrupted != NULL && p->interrupted()) return cql_fail(err, CQL_INTERRUPTED, "Interrupted");
  if (p->hopeless != NULL && p->hopeless(p->of)) return cql_fail(err, CQL_TIMEOUT, "%s is silent", c->host);
  return CQL_OK;
}

/* Waits until the socket can be read, or written to. CQL_OK: look at it again. */
static cql_status await(cqli_conn *c, short events, const cqli_patience *p, cql_error *err) {
  struct pollfd fd = {.fd = c->transport.fd, .events = events};
  int ms = left_ms(p);
  int n = poll(&fd, 1, ms);
  if (n > 0) return CQL_OK;
  if (n < 0 && errno != EINTR) return broken(c, CQL_CONNECTION, "poll() failed", err);
  return look_up(c, p, ms, err);
}

/* --- sending ------------------------------------------------------------------------------------------------------ */

static cql_status write_all(cqli_conn *c, const cqli_patience *p, cql_error *err) {
  for (;;) {
    cqli_io io = cqli_conn_write(c);
    if (io == CQLI_IO_OK) return CQL_OK;
    if (io != CQLI_IO_AGAIN) return transport_broke(c, err);
    cql_status st = await(c, c->transport.ssl == NULL || c->transport.wants_write ? POLLOUT : POLLIN, p, err);
    if (st == CQL_OK) continue;
    (void)broken(c, CQL_CONNECTION, "a request was given up when half of it was sent", NULL); /* nothing can follow */
    return st;
  }
}

/* --- receiving ---------------------------------------------------------------------------------------------------- */

static short wanted(const cqli_conn *c) {
  return c->transport.wants_write ? POLLOUT : POLLIN;
}

/* Plain: one receive waits for a slice, or, near the deadline, not at all. */
static bool waits_in_receive(const cqli_conn *c, int ms) {
  return c->transport.ssl == NULL && ms == CQLI_SLICE_MS;
}

static cqli_io receive(cqli_conn *c, int ms, bool *is_out_of_memory) {
  size_t room, n = 0;
  uint8_t *to = cql_decoder_room(c->decoder, &room);
  *is_out_of_memory = to == NULL;
  if (to == NULL) return CQLI_IO_FAILED;
  c->transport.waits = waits_in_receive(c, ms);
  cqli_io io = cqli_transport_read(&c->transport, to, room, &n);
  c->transport.waits = false;
  if (io == CQLI_IO_OK) cql_decoder_filled(c->decoder, n);
  return io;
}

static cql_status read_some(cqli_conn *c, const cqli_patience *p, cql_error *err) {
  bool has_nothing = c->transport.ssl != NULL && !cqli_transport_has_more(&c->transport), is_out_of_memory;
  cql_status st = has_nothing ? await(c, wanted(c), p, err) : CQL_OK;
  while (st == CQL_OK) {
    int ms = left_ms(p);
    cqli_io io = receive(c, ms, &is_out_of_memory);
    if (io == CQLI_IO_OK) return CQL_OK;
    if (is_out_of_memory) return broken(c, CQL_NOMEM, "out of memory", err);
    if (io != CQLI_IO_AGAIN) return transport_broke(c, err);
    st = waits_in_receive(c, ms) ? look_up(c, p, ms, err) : await(c, wanted(c), p, err);
  }
  return st;
}

/* Nothing else can come: a connection that is detached has asked for nothing else, and for no events. */
static cql_status check_answer(cqli_conn *c, int16_t stream, const cql_envelope *e, cql_error *err) {
  char words[CQL_REASON_LEN];
  cqli_slot slot;
  const char *wrong = cqli_conn_judge(c, e);
  if (wrong != NULL) return broken(c, CQL_MALFORMED, wrong, err);
  if (e->stream == stream) {
    cqli_streams_give(&c->streams, stream, &slot);
    return CQL_OK;
  }
  cqli_conn_stray(c, e, words);
  return broken(c, CQL_MALFORMED, words, err);
}

static cql_status read_answer(cqli_conn *c, int16_t stream, const cqli_patience *p, cql_envelope *out, cql_error *err) {
  cql_status st;
  cql_error why;
  while ((st = cql_decoder_next(c->decoder, out, &why)) == CQL_NEED_MORE) {
    st = read_some(c, p, err);
    if (st != CQL_OK) return st;
  }
  if (st != CQL_OK) return broken(c, st, why.message, err);
  cqli_conn_heard(c);
  return check_answer(c, stream, out, err);
}

/* --- both --------------------------------------------------------------------------------------------------------- */

static void nobody(void *user, cqli_conn *c, cql_envelope *e, const cql_attempt *why, bool may_have_run) {
  (void)user;
  (void)c;
  (void)e;
  (void)why;
  (void)may_have_run;
}

/* Is the node still there, as far as can be told without asking it? The loop asks all idle connections; one that nobody
 * has asked for so long has slept through that, with the whole process. */
static cql_status check_alive(cqli_conn *c, cql_error *err) {
  cql_envelope e;
  int64_t silent_us = cql_clock_monotonic_us() - cqli_conn_used_us(c);
  if (silent_us > (int64_t)c->config.heartbeat_ms * 2000)
    return broken(c, CQL_CONNECTION, "it was not used for too long", err);
  if (c->transport.status != CQL_OK || cqli_transport_peek(&c->transport) != CQLI_IO_AGAIN)
    return transport_broke(c, err);
  if (cql_decoder_next(c->decoder, &e, NULL) != CQL_NEED_MORE) /* it came with the last answer */
    return broken(c, CQL_CONNECTION, "the node sent something that nobody had asked for", err);
  return CQL_OK;
}

cql_status cqli_conn_exchange(cqli_conn *c, cql_slice envelope, const cqli_patience *p, cql_envelope *out,
                              bool *may_have_run, cql_error *err) {
  int16_t stream;
  *may_have_run = false;
  cql_status st = check_alive(c, err);
  if (st != CQL_OK) return st;
  st = cqli_conn_put(c, envelope, nobody, NULL, &stream);
  if (st != CQL_OK) return broken(c, st, st == CQL_LIMIT ? "no stream is left" : "out of memory", err);
  uint64_t batch = c->batch;
  st = write_all(c, p, err);
  *may_have_run = c->batch != batch || c->batch_has_begun;
  if (st == CQL_OK) st = read_answer(c, stream, p, out, err);
  if (st == CQL_TIMEOUT || st == CQL_INTERRUPTED) cqli_streams_orphan(&c->streams, stream);
  return st;
}

/* --- fork --------------------------------------------------------------------------------------------------------- */

void cqli_conn_forget(cqli_conn *c) {
  if (c->transport.fd >= 0) close(c->transport.fd);
  c->transport.fd = -1;
}
