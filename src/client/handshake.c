/* handshake.c: from the first byte to a connection that takes requests.
 *
 *   OPTIONS -> SUPPORTED         settles the version and the compression
 *   STARTUP -> READY             or AUTHENTICATE; from here on version 5 travels in segments
 *   AUTH_RESPONSE -> AUTH_SUCCESS   SASL PLAIN
 *   QUERY "USE …" -> RESULT      version 4 with a keyspace
 *
 * The control connection says REGISTER as well, and does not wait for its READY: it is open meanwhile, and what its
 * owner asks travels with it.
 */
#include "client/conn_int.h"

#include <stdio.h>

enum { HANDSHAKE_LEN_MAX = 64 * 1024, ARENA_LEN_MAX = 1024 * 1024, WORDS_LEN = 128 };

static void on_answer(void *user, cqli_conn *c, cql_envelope *e, const cql_attempt *why, bool may_have_run);
static void on_registered(void *user, cqli_conn *c, cql_envelope *e, const cql_attempt *why, bool may_have_run);

/* --- sending ------------------------------------------------------------------------------------------------------ */

/* Frees b. */
static void send_it(cqli_conn *c, cql_buf *b, cqli_conn_state next) {
  int16_t stream;
  cqli_conn_set_state(c, next);
  cql_status st = b->st;
  if (st == CQL_OK) st = cqli_conn_put(c, cql_buf_view(b), on_answer, NULL, &stream);
  cql_buf_free(b);
  if (st == CQL_OK)
    cqli_conn_flush(c);
  else
    cqli_conn_close(c, st, st == CQL_LIMIT ? "the user, the password or the keyspace is too long" : "out of memory");
}

static cql_buf message(const cqli_conn *c) {
  cql_buf b;
  cql_buf_init(&b, c->config.alloc, HANDSHAKE_LEN_MAX);
  return b;
}

void cqli_handshake_begin(cqli_conn *c) {
  cql_buf b = message(c);
  cql_put_options(&b, CQL_VERSION_4);
  send_it(c, &b, CQLI_OPTIONS);
}

static cql_pair pair(const char *name, const char *value) {
  return (cql_pair){cql_slice_str(name), cql_slice_str(value)};
}

static void send_startup(cqli_conn *c) {
  cql_pair options[5] = {pair("CQL_VERSION", "3.0.0"), pair("DRIVER_NAME", "libcql"),
                         pair("DRIVER_VERSION", CQL_VERSION_TEXT), pair("THROW_ON_OVERLOAD", "1")};
  uint32_t count = 4;
  if (c->lz4) options[count++] = pair("COMPRESSION", "lz4");
  cql_buf b = message(c);
  cql_put_startup(&b, c->version, options, count);
  if (c->version < CQL_VERSION_5 && c->lz4) { /* version 4: each body says whether it is packed; STARTUP's own is not */
    cql_decoder_use_lz4(c->decoder);
    cql_encoder_use_lz4(c->encoder);
  }
  send_it(c, &b, CQLI_STARTUP);
}

/* False: the connection is closed. */
static bool put_register(cqli_conn *c) {
  static const char *const events[] = {"TOPOLOGY_CHANGE", "STATUS_CHANGE", "SCHEMA_CHANGE"};
  int16_t stream;
  cql_buf b = message(c);
  cql_put_register(&b, c->version, events, 3);
  cql_status st = b.st;
  if (st == CQL_OK) st = cqli_conn_put(c, cql_buf_view(&b), on_registered, NULL, &stream);
  cql_buf_free(&b);
  if (st != CQL_OK) cqli_conn_close(c, st, "out of memory");
  return st == CQL_OK;
}

static void put_quoted(cql_buf *text, const char *name) {
  cql_buf_u8(text, '"');
  for (const char *p = name; *p != '\0'; p++) {
    if (*p == '"') cql_buf_u8(text, '"');
    cql_buf_u8(text, (uint8_t)*p);
  }
  cql_buf_u8(text, '"');
}

static void send_use(cqli_conn *c) {
  const cql_parameters p = {.consistency = CQL_ONE, .timestamp = CQL_TIMESTAMP_NONE};
  cql_buf text = message(c), b = message(c);
  cql_buf_str(&text, "USE ");
  put_quoted(&text, c->config.keyspace);
  cql_status st = text.st;
  if (st == CQL_OK) st = cql_put_query(&b, c->version, cql_buf_view(&text), &p, NULL);
  if (st != CQL_OK) b.st = st;
  cql_buf_free(&text);
  send_it(c, &b, CQLI_KEYSPACE);
}

/* --- SUPPORTED ---------------------------------------------------------------------------------------------------- */

static bool supports(const cqli_conn *c, const char *name, const char *value) {
  for (uint32_t i = 0; i < c->supported.count; i++) {
    const cql_pair *p = &c->supported.pairs[i];
    if (cql_slice_eq_str(p->name, name) && cql_slice_eq_str(p->value, value)) return true;
  }
  return false;
}

static bool is_told(const cqli_conn *c, const char *name) {
  for (uint32_t i = 0; i < c->supported.count; i++)
    if (cql_slice_eq_str(c->supported.pairs[i].name, name)) return true;
  return false;
}

/* Beta versions are written "6/v6-beta" and are other texts. A node that does not say its versions speaks 4. */
static uint8_t settle_version(const cqli_conn *c) {
  bool has_5 = supports(c, "PROTOCOL_VERSIONS", "5/v5");
  bool has_4 = supports(c, "PROTOCOL_VERSIONS", "4/v4") || !is_told(c, "PROTOCOL_VERSIONS");
  uint8_t wanted = c->config.protocol;
  if (has_5 && (wanted == 0 || wanted == CQL_VERSION_5)) return CQL_VERSION_5;
  return has_4 && (wanted == 0 || wanted == CQL_VERSION_4) ? CQL_VERSION_4 : 0;
}

/* SUPPORTED stays as long as the connection. */
static cql_status keep_supported(cqli_conn *c, const cql_supported *s) {
  cql_pair *pairs = cql_arena_array(&c->arena, s->count + 1, sizeof *pairs);
  if (pairs == NULL) return CQL_NOMEM;
  for (uint32_t i = 0; i < s->count; i++) {
    char *name = cql_arena_str(&c->arena, s->pairs[i].name), *value = cql_arena_str(&c->arena, s->pairs[i].value);
    if (name == NULL || value == NULL) return CQL_NOMEM;
    pairs[i] = pair(name, value); /* with a NUL behind each */
  }
  c->supported = (cql_supported){pairs, s->count};
  return CQL_OK;
}

static void on_supported(cqli_conn *c, const cql_response *r) {
  if (keep_supported(c, &r->supported) != CQL_OK) {
    cqli_conn_close(c, CQL_NOMEM, "out of memory");
    return;
  }
  c->version = settle_version(c);
  c->lz4 = c->config.lz4 && supports(c, "COMPRESSION", "lz4");
  if (c->version != 0)
    send_startup(c);
  else if (c->config.protocol != 0)
    cqli_conn_close(c, CQL_UNSUPPORTED,
                    c->config.protocol == CQL_VERSION_5 ? "the node does not speak version 5 of the native protocol"
                                                        : "the node does not speak version 4 of the native protocol");
  else
    cqli_conn_close(c, CQL_UNSUPPORTED, "the node speaks neither version 4 nor 5 of the native protocol");
}

/* --- logging in --------------------------------------------------------------------------------------------------- */

static void use_segments(cqli_conn *c) {
  if (c->version < CQL_VERSION_5) return;
  cql_decoder_use_segments(c->decoder, c->lz4);
  cql_encoder_use_segments(c->encoder, c->lz4);
}

/* SASL PLAIN: NUL, name, NUL, password. DataStax's authenticators ask for the mechanism first. */
static void send_plain(cqli_conn *c) {
  const char *user = c->config.user, *password = c->config.password == NULL ? "" : c->config.password;
  cql_buf token = message(c), b = message(c);
  cql_buf_u8(&token, 0);
  cql_buf_str(&token, user);
  cql_buf_u8(&token, 0);
  cql_buf_str(&token, password);
  cql_put_auth_response(&b, c->version, cql_buf_view(&token));
  if (token.st != CQL_OK) b.st = token.st;
  cql_buf_free(&token);
  send_it(c, &b, CQLI_AUTH);
}

static void on_authenticate(cqli_conn *c, const cql_response *r) {
  if (c->config.user == NULL) {
    cqli_conn_close(c, CQL_CREDENTIALS, "the node wants a user and a password, and none were given");
    return;
  }
  if (!cql_slice_eq_str(r->authenticator, "com.datastax.bdp.cassandra.auth.DseAuthenticator")) {
    send_plain(c);
    return;
  }
  cql_buf b = message(c); /* the mechanism; it answers with a challenge, "PLAIN-START" */
  cql_put_auth_response(&b, c->version, cql_slice_str("PLAIN"));
  send_it(c, &b, CQLI_AUTH);
}

static void on_challenge(cqli_conn *c, const cql_response *r) {
  if (cql_slice_eq_str(r->token, "PLAIN-START"))
    send_plain(c);
  else
    cqli_conn_close(c, CQL_CREDENTIALS, "the node asks for a way to log in that is not supported (only SASL PLAIN is)");
}

/* --- step by step ------------------------------------------------------------------------------------------------- */

static void go_on(cqli_conn *c) {
  bool has_keyspace = c->config.keyspace != NULL && c->config.keyspace[0] != '\0';
  if (c->config.wants_events && !put_register(c)) return;
  if (c->version < CQL_VERSION_5 && has_keyspace)
    send_use(c);
  else
    cqli_conn_opened(c);
}

static void on_error(cqli_conn *c, const cql_server_error *e) {
  cql_error err;
  cql_status st = cql_server_error_tell(e, &err);
  if (cqli_conn_state_of(c) == CQLI_KEYSPACE && (st == CQL_INVALID || st == CQL_UNAUTHORIZED))
    cqli_conn_opened(c); /* it may be created yet; until then requests say that it is missing */
  else
    cqli_conn_close(c, st, err.message);
}

static bool on_ready(cqli_conn *c) {
  if (cqli_conn_state_of(c) != CQLI_STARTUP) return false;
  use_segments(c);
  go_on(c);
  return true;
}

static bool on_result(cqli_conn *c, const cql_response *r) {
  if (cqli_conn_state_of(c) != CQLI_KEYSPACE || r->kind != CQL_RESULT_SET_KEYSPACE) return false;
  c->has_keyspace = true;
  cqli_conn_opened(c);
  return true;
}

/* False: this has no place here. */
static bool on_message(cqli_conn *c, const cql_response *r) {
  cqli_conn_state state = cqli_conn_state_of(c);
  switch (r->opcode) {
  case CQL_OP_ERROR: on_error(c, &r->error); return true;
  case CQL_OP_READY: return on_ready(c);
  case CQL_OP_RESULT: return on_result(c, r);
  case CQL_OP_SUPPORTED:
    if (state != CQLI_OPTIONS) return false;
    on_supported(c, r);
    return true;
  case CQL_OP_AUTHENTICATE:
    if (state != CQLI_STARTUP) return false;
    use_segments(c);
    cqli_conn_set_state(c, CQLI_AUTH);
    on_authenticate(c, r);
    return true;
  case CQL_OP_AUTH_CHALLENGE:
    if (state != CQLI_AUTH) return false;
    on_challenge(c, r);
    return true;
  case CQL_OP_AUTH_SUCCESS:
    if (state != CQLI_AUTH) return false;
    go_on(c);
    return true;
  default: return false;
  }
}

static void refuse(cqli_conn *c, const cql_response *r) {
  char words[WORDS_LEN];
  snprintf(words, sizeof words, "the node answers with opcode %d where that has no place", r->opcode);
  cqli_conn_misread(c, CQL_MALFORMED, words);
}

typedef void on_response(cqli_conn *c, const cql_response *r);

static void read_answer(cqli_conn *c, const cql_envelope *e, on_response *then) {
  cql_response r;
  cql_error err;
  cql_arena arena;
  cql_arena_init(&arena, c->config.alloc, ARENA_LEN_MAX);
  cql_status st = cql_response_decode(&r, &arena, e, &err);
  if (st == CQL_OK)
    then(c, &r);
  else
    cqli_conn_misread(c, st, err.message);
  cql_arena_free(&arena);
}

static void step(cqli_conn *c, const cql_response *r) {
  if (!on_message(c, r)) refuse(c, r);
}

/* e NULL: closed() tells. */
static void on_answer(void *user, cqli_conn *c, cql_envelope *e, const cql_attempt *why, bool may_have_run) {
  (void)user;
  (void)why;
  (void)may_have_run;
  if (e != NULL) read_answer(c, e, step);
}

/* A node that does not let us register has failed in its start-up, however far we are. */
static void step_registered(cqli_conn *c, const cql_response *r) {
  if (r->opcode == CQL_OP_READY) return;
  cql_error err;
  cqli_conn_set_state(c, CQLI_STARTUP);
  if (r->opcode != CQL_OP_ERROR) {
    refuse(c, r);
    return;
  }
  cql_status st = cql_server_error_tell(&r->error, &err);
  cqli_conn_close(c, st, err.message);
}

static void on_registered(void *user, cqli_conn *c, cql_envelope *e, const cql_attempt *why, bool may_have_run) {
  (void)user;
  (void)why;
  (void)may_have_run;
  if (e != NULL) read_answer(c, e, step_registered);
}
