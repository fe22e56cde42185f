/* heartbeat.c: the clock of a connection: the time-out of opening it, heartbeats, orphans that are too many.
 *
 *   nothing heard for heartbeat_ms           -> OPTIONS
 *   answers are due: for CQLI_DOUBT_MS       -> OPTIONS; a frozen node keeps its connections
 *   no byte for CQLI_SILENT_MS after that    -> it is silent, and its owner is told; a byte, and it speaks again
 *   no byte for connect_timeout_ms after it  -> closed
 *   the loop itself slept (the process was frozen, the machine suspended) for heartbeat_ms: what is between us and the
 *   node may have forgotten the connection -> OPTIONS, and nothing else is sent before it is answered. What waits can
 *   then be sent elsewhere: no byte of it has left.
 */
#include "client/conn_int.h"

#include <stdio.h>

enum { TICK_MS = 1000 }; /* how often an open connection looks at its clocks; more often for short heartbeats */

static bool has_passed(int64_t since_us, uint32_t ms) {
  return cql_clock_monotonic_us() - since_us >= (int64_t)ms * 1000;
}

static uint64_t loop_ms(const cqli_conn *c) {
  return uv_now(c->timer.loop);
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static void on_opening_end(uv_timer_t *timer) {
  cqli_conn *c = timer->data;
  char words[CQL_REASON_LEN];
  if (c->transport.status != CQL_OK) {
    cqli_conn_broke(c);
    return;
  }
  cqli_conn_state state = cqli_conn_state_of(c);
  const char *what = state == CQLI_CONNECTING ? "no connection" : state == CQLI_TLS ? "no TLS handshake" : "no answer";
  snprintf(words, sizeof words, "%s within %u ms", what, c->config.connect_timeout_ms);
  cqli_conn_close(c, CQL_TIMEOUT, words);
}

/* has_failed: closed() must not be called from where the connection is made, so the timer does. */
void cqli_clock_start_opening(cqli_conn *c, bool has_failed) {
  uv_timer_start(&c->timer, on_opening_end, has_failed ? 0 : c->config.connect_timeout_ms, 0);
}

/* --- heartbeats --------------------------------------------------------------------------------------------------- */

static void on_answer(void *user, cqli_conn *c, cql_envelope *e, const cql_attempt *why, bool may_have_run) {
  (void)user;
  (void)e;
  (void)why;
  (void)may_have_run;
  if (--c->asking == 0) c->is_on_probe = false; /* whoever reads now flushes when all is read */
}

/* Puts OPTIONS. CQL_LIMIT: no stream is free. */
static cql_status ask(cqli_conn *c) {
  cql_buf b;
  int16_t stream;
  cql_buf_init(&b, c->config.alloc, CQL_ENVELOPE_HEADER_LEN);
  cql_put_options(&b, c->version);
  cql_status st = b.st;
  if (st == CQL_OK) st = cqli_conn_put(c, cql_buf_view(&b), on_answer, NULL, &stream);
  cql_buf_free(&b);
  if (st != CQL_OK) return st;
  c->asking++;
  c->asked_us = cql_clock_monotonic_us();
  return CQL_OK;
}

static void end_if(cqli_conn *c, cql_status st) {
  if (st != CQL_OK) cqli_conn_close(c, st, st == CQL_LIMIT ? "no stream is left for a heartbeat" : "out of memory");
}

static void beat(cqli_conn *c) {
  cql_status st = ask(c);
  if (st == CQL_OK)
    cqli_conn_flush(c);
  else
    end_if(c, st);
}

/* An answer that other bytes overtake for ever is none either: from the last byte on the clock runs again. */
static bool is_lost(const cqli_conn *c) {
  int64_t used = cqli_conn_used_us(c);
  if (c->asking == 0) return false;
  return used < c->asked_us || c->is_on_probe ? has_passed(c->asked_us, c->config.connect_timeout_ms)
                                              : has_passed(used, c->config.heartbeat_ms + c->config.connect_timeout_ms);
}

/* --- silence ------------------------------------------------------------------------------------------------------ */

void cqli_heartbeat_awaits(cqli_conn *c) {
  c->awaited_us = cql_clock_monotonic_us();
}

/* It has said nothing for so long, while an answer was due, that it is asked before its time. One that works at a long
 * query answers beside it. */
static bool is_doubtful(const cqli_conn *c) {
  int64_t used = cqli_conn_used_us(c);
  return cqli_conn_is_awaited(c) && has_passed(used > c->awaited_us ? used : c->awaited_us, CQLI_DOUBT_MS);
}

static bool is_due(const cqli_conn *c) {
  return c->asking == 0 && (has_passed(cqli_conn_used_us(c), c->config.heartbeat_ms) || is_doubtful(c));
}

static void tell_silence(cqli_conn *c, bool is_silent) {
  c->is_silent = is_silent;
  if (c->watch.silent != NULL) c->watch.silent(c->watch.owner, c, is_silent);
}

static void tell_if_silent(cqli_conn *c) {
  bool has_no_answer = c->asking > 0 && cqli_conn_used_us(c) < c->asked_us;
  if (has_no_answer && has_passed(c->asked_us, CQLI_SILENT_MS)) tell_silence(c, true);
}

void cqli_heartbeat_heard(cqli_conn *c) {
  cqli_conn_heard(c);
  if (c->is_silent) tell_silence(c, false);
}

bool cqli_conn_is_silent(const cqli_conn *c) {
  return c->is_silent;
}

void cqli_conn_doubt(cqli_conn *c) {
  if (cqli_conn_state_of(c) == CQLI_CONN_OPEN && !c->is_detached && c->asking == 0) beat(c);
}

/* --- after a sleep ------------------------------------------------------------------------------------------------ */

static bool has_slept(const cqli_conn *c) {
  return loop_ms(c) - c->tick_ms > c->config.heartbeat_ms;
}

/* What was put already goes along: it was put before the loop slept. A write that fails is told by the socket; one that
 * is not taken whole is no reason to hold back what follows. */
static cql_status probe(cqli_conn *c) {
  c->tick_ms = loop_ms(c);
  cql_status st = ask(c);
  if (st != CQL_OK) return st;
  c->is_on_probe = cqli_conn_write(c) != CQLI_IO_AGAIN;
  cqli_conn_rearm(c);
  return CQL_OK;
}

cql_status cqli_heartbeat_after_sleep(cqli_conn *c) {
  return has_slept(c) ? probe(c) : CQL_OK;
}

/* --- the clock ---------------------------------------------------------------------------------------------------- */

static void retire_if_crowded(cqli_conn *c) {
  bool is_crowded = c->streams.orphans > CQLI_ORPHANS_MAX;
  if (is_crowded && !c->is_crowded) c->crowded_us = cql_clock_monotonic_us();
  c->is_crowded = is_crowded;
  if (is_crowded && has_passed(c->crowded_us, CQLI_ORPHANS_MS)) cqli_conn_retire(c);
}

static void on_tick(uv_timer_t *timer) {
  cqli_conn *c = timer->data;
  bool slept = has_slept(c);
  c->tick_ms = loop_ms(c);
  if (is_lost(c) && !slept)
    cqli_conn_close(c, CQL_TIMEOUT, "the node does not answer a heartbeat");
  else if (slept)
    end_if(c, probe(c));
  else if (is_due(c))
    beat(c);
  else
    tell_if_silent(c);
  if (cqli_conn_state_of(c) == CQLI_CONN_OPEN) retire_if_crowded(c);
}

void cqli_clock_start(cqli_conn *c) {
  uint32_t tick = c->config.heartbeat_ms / 2 < TICK_MS ? c->config.heartbeat_ms / 2 : TICK_MS;
  c->tick_ms = loop_ms(c);
  uv_timer_start(&c->timer, on_tick, tick > 0 ? tick : 1, tick > 0 ? tick : 1);
}
