/* receive.c: bytes to envelopes to those who wait for them. */
#include "client/conn_int.h"

#include <stdio.h>

enum {
  READ_LEN_MAX = 256 * 1024, /* at one go: other connections are not kept waiting */
  TLS_ALERT = 0x15,          /* the first byte that a TLS server answers a plain-text client with */
  RESPONSE_BIT = 0x80
};

/* --- the first byte ----------------------------------------------------------------------------------------------- */

/* Something else may speak on that port. False: it does, and the connection is closed. */
static bool greet(cqli_conn *c, uint8_t first) {
  if (c->has_heard) return true;
  c->has_heard = true;
  if ((first & RESPONSE_BIT) != 0) return true;
  char words[CQL_REASON_LEN];
  if (first == TLS_ALERT && c->transport.ssl == NULL) {
    cqli_conn_close(c, CQL_TLS, "the node speaks TLS on this port, and the session does not (tls=on)");
    return false;
  }
  snprintf(words, sizeof words, "its first byte is 0x%02x", first);
  cqli_conn_misread(c, CQL_MALFORMED, words);
  return false;
}

void cqli_conn_misread(cqli_conn *c, cql_status status, const char *reason) {
  char words[CQL_REASON_LEN];
  bool is_other = cqli_conn_state_of(c) == CQLI_OPTIONS && status != CQL_NOMEM;
  snprintf(words, sizeof words, "%s%.*s", is_other ? "what answers is not Cassandra: " : "", CQL_REASON_LEN - 40,
           status == CQL_NOMEM ? "out of memory" : reason);
  cqli_conn_close(c, is_other ? CQL_CONNECTION : status, words);
}

/* --- envelopes ---------------------------------------------------------------------------------------------------- */

const char *cqli_conn_judge(const cqli_conn *c, const cql_envelope *e) {
  if (!e->is_response) return "the node sent a request";
  if (c->version != 0 && e->version != c->version && e->opcode != CQL_OP_ERROR)
    return "the node answers in another version of the protocol";
  return NULL;
}

/* A node that cannot make sense of what we sent says so on a stream of its choice. */
cql_status cqli_conn_stray(const cqli_conn *c, const cql_envelope *e, char words[CQL_REASON_LEN]) {
  cql_response r;
  cql_arena arena;
  cql_error err;
  cql_status st = CQL_MALFORMED;
  snprintf(words, CQL_REASON_LEN, "the node answers a request that was not made (stream %d)", e->stream);
  if (e->opcode != CQL_OP_ERROR) return st;
  cql_arena_init(&arena, c->config.alloc, CQL_ARENA_LIMIT_DEFAULT);
  if (cql_response_decode(&r, &arena, e, NULL) == CQL_OK) {
    st = cql_server_error_tell(&r.error, &err);
    snprintf(words, CQL_REASON_LEN, "%.*s", CQL_REASON_LEN - 1, err.message);
  }
  cql_arena_free(&arena);
  return st;
}

static void on_stray(cqli_conn *c, const cql_envelope *e) {
  char words[CQL_REASON_LEN];
  cql_status st = cqli_conn_stray(c, e, words);
  cqli_conn_close(c, st, words);
}

/* Events that come before the owner knows that it is open tell nothing: it has not looked at anything yet. */
static void on_event(cqli_conn *c, const cql_envelope *e) {
  if (e->opcode != CQL_OP_EVENT)
    on_stray(c, e);
  else if (c->watch.event != NULL && cqli_conn_state_of(c) == CQLI_CONN_OPEN)
    c->watch.event(c->watch.owner, c, e);
}

static void on_envelope(cqli_conn *c, cql_envelope *e) {
  cqli_slot slot;
  const char *wrong = cqli_conn_judge(c, e);
  if (wrong != NULL)
    cqli_conn_close(c, CQL_MALFORMED, wrong);
  else if (e->stream == CQL_STREAM_EVENT)
    on_event(c, e);
  else if (!cqli_streams_give(&c->streams, e->stream, &slot))
    on_stray(c, e);
  else if (slot.answer != NULL)
    slot.answer(slot.user, c, e, NULL, true);
}

static bool read_envelopes(cqli_conn *c) {
  cql_envelope e;
  cql_error err;
  cql_status st;
  while ((st = cql_decoder_next(c->decoder, &e, &err)) == CQL_OK) {
    on_envelope(c, &e);
    if (cqli_conn_state_of(c) == CQLI_CONN_CLOSED) return false;
  }
  if (st == CQL_NEED_MORE) return true;
  cqli_conn_misread(c, st, err.message);
  return false;
}

/* --- bytes -------------------------------------------------------------------------------------------------------- */

/* One receive. AGAIN: all that there is was read; FAILED: the connection is closed. */
static cqli_io read_some(cqli_conn *c, size_t *total) {
  size_t room, n = 0;
  uint8_t *to = cql_decoder_room(c->decoder, &room);
  if (to == NULL) {
    cqli_conn_close(c, CQL_NOMEM, "out of memory");
    return CQLI_IO_FAILED;
  }
  cqli_io io = cqli_transport_read(&c->transport, to, room, &n);
  if (io == CQLI_IO_AGAIN) return io;
  if (io != CQLI_IO_OK) {
    cqli_conn_broke(c);
    return CQLI_IO_FAILED;
  }
  if (!greet(c, to[0])) return CQLI_IO_FAILED;
  cqli_heartbeat_heard(c);
  cql_decoder_filled(c->decoder, n);
  *total += n;
  return read_envelopes(c) ? CQLI_IO_OK : CQLI_IO_FAILED;
}

bool cqli_conn_read(cqli_conn *c) {
  size_t total = 0;
  cqli_io io;
  c->is_reading = true;
  while ((io = read_some(c, &total)) == CQLI_IO_OK)
    if (total >= READ_LEN_MAX) cqli_transport_pause(&c->transport);
  c->is_reading = false;
  return io == CQLI_IO_AGAIN;
}
