/* fake_server.c: see fake_server.h. */
#include "fake_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lz4.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

enum { WORD_LEN = 256, ANSWER_LEN_MAX = 64 * 1024 * 1024, OPCODES = 32 };

/* An answer that is sent later. */
typedef struct later {
  struct later *next;
  int64_t due_us; /* INT64_MAX: behind the next answer */
  int16_t stream;
  cql_buf envelope;
} later;

typedef struct client {
  struct client *next;
  fake_server *server;
  pthread_t thread;
  int fd, wake;
  SSL *ssl;
  cql_decoder *decoder;
  cql_encoder *encoder;
  uint8_t version;
  bool lz4, is_registered, asked_mechanism;
  uint32_t opcodes; /* bit n: a request with opcode n has come. Under the server's mutex */
  later *laters;
  bool is_open, must_end; /* under the server's mutex */
} client;

struct fake_server {
  fake_config config;
  SSL_CTX *tls;
  int fd;
  uint16_t port;
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  client *clients;
  bool is_stopping, is_paused;
  fake_rule rules[FAKE_RULES_MAX];
  uint32_t seen[FAKE_RULES_MAX]; /* requests that matched a rule */
  uint32_t rule_count;
  cql_buf pushed; /* envelopes, one behind the other */
  uint32_t accepted, requests[OPCODES], all_requests, handled, resumed;
  char startup[16][2][WORD_LEN], sni[WORD_LEN], token[WORD_LEN];
  uint32_t startup_count;
};

static void lock(fake_server *s) {
  pthread_mutex_lock(&s->mutex);
}

static void unlock(fake_server *s) {
  pthread_mutex_unlock(&s->mutex);
}

static void copy_word(char *out, cql_slice in) {
  snprintf(out, WORD_LEN, "%.*s", (int)(in.len < WORD_LEN ? in.len : WORD_LEN - 1), (const char *)in.data);
}

/* --- bytes -------------------------------------------------------------------------------------------------------- */

static bool write_all(client *k, const uint8_t *data, size_t len) {
  while (len > 0) {
    ssize_t n = k->ssl != NULL ? SSL_write(k->ssl, data, (int)(len > 65536 ? 65536 : len))
                               : send(k->fd, data, len, MSG_NOSIGNAL);
    if (n <= 0) return false;
    data += n;
    len -= (size_t)n;
  }
  return true;
}

static bool flush(client *k) {
  cql_slice bytes = cql_encoder_pending(k->encoder);
  bool ok = write_all(k, bytes.data, bytes.len);
  cql_encoder_sent(k->encoder, bytes.len);
  return ok;
}

static void cut(client *k, bool with_reset) {
  struct linger none = {1, 0};
  if (with_reset) setsockopt(k->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  if (with_reset) { /* shutdown() would send a FIN */
    lock(k->server);
    close(k->fd);
    k->fd = -1;
    unlock(k->server);
  }
}

/* --- what a node answers ------------------------------------------------------------------------------------------ */

static uint8_t version_max(const fake_server *s) {
  return s->config.version_max == 0 ? CQL_VERSION_5 : s->config.version_max;
}

static void put_supported(const fake_server *s, uint8_t version, cql_buf *out) {
  cql_pair pairs[64];
  char versions[WORD_LEN];
  uint32_t n = 0;
  const char *all = version_max(s) >= CQL_VERSION_5 ? "3/v3 4/v4 5/v5 6/v6-beta" : "3/v3 4/v4 5/v5-beta";
  snprintf(versions, sizeof versions, "%s", s->config.versions != NULL ? s->config.versions : all);
  if (s->config.has_lz4) pairs[n++] = (cql_pair){cql_slice_str("COMPRESSION"), cql_slice_str("lz4")};
  pairs[n++] = (cql_pair){cql_slice_str("COMPRESSION"), cql_slice_str("snappy")};
  pairs[n++] = (cql_pair){cql_slice_str("CQL_VERSION"), cql_slice_str("3.4.7")};
  char *rest = versions;
  for (char *word; (word = strsep(&rest, " ")) != NULL;)
    if (word[0] != '\0') pairs[n++] = (cql_pair){cql_slice_str("PROTOCOL_VERSIONS"), cql_slice_str(word)};
  for (uint32_t i = 0; i < s->config.supported_count; i++) pairs[n++] = s->config.supported[i];
  cql_put_supported(out, version, pairs, n);
}

static void put_failure(cql_buf *out, uint8_t version, uint32_t code, const char *text) {
  const cql_server_error e = {.code = code, .message = cql_slice_str(text)};
  cql_put_error(out, version, &e);
}

static const char *authenticator(const fake_server *s) {
  return s->config.authenticator != NULL ? s->config.authenticator : "org.apache.cassandra.auth.PasswordAuthenticator";
}

static bool is_datastax(const fake_server *s) {
  return strstr(authenticator(s), "DseAuthenticator") != NULL;
}

static void put_login(client *k, const cql_message *m, cql_buf *out) {
  const fake_config *c = &k->server->config;
  uint8_t wanted[WORD_LEN] = {0};
  size_t user = strlen(c->user), password = strlen(c->password);
  memcpy(wanted + 1, c->user, user);
  memcpy(wanted + user + 2, c->password, password);
  if (is_datastax(k->server) && !k->asked_mechanism && cql_slice_eq_str(m->token, "PLAIN")) {
    k->asked_mechanism = true;
    cql_put_auth_challenge(out, k->version, cql_slice_str("PLAIN-START"));
  } else if (cql_slice_eq(m->token, cql_slice_of(wanted, user + password + 2)))
    cql_put_auth_success(out, k->version, (cql_slice){NULL, 0}); /* a null token */
  else
    put_failure(out, k->version, 0x0100, "Provided username and/or password are incorrect");
}

/* One row with one column. */
static void put_echo(cql_buf *out, uint8_t version, cql_slice text) {
  const cql_column column = {"ks", "t", "echo", cql_type_native(CQL_TYPE_TEXT)};
  const cql_rows_metadata metadata = {.column_count = 1, .columns = &column};
  cql_buf row;
  cql_buf_init(&row, &cql_alloc_libc, ANSWER_LEN_MAX);
  cql_buf_u32(&row, (uint32_t)text.len);
  cql_buf_slice(&row, text);
  cql_put_rows(out, version, &metadata, 1, cql_buf_view(&row));
  cql_buf_free(&row);
}

static void put_use(client *k, const cql_message *m, cql_buf *out) {
  char wanted[WORD_LEN];
  const char *keyspace = k->server->config.keyspace;
  snprintf(wanted, sizeof wanted, "USE \"%s\"", keyspace == NULL ? "" : keyspace);
  if (keyspace != NULL && cql_slice_eq_str(m->text, wanted))
    cql_put_set_keyspace(out, k->version, cql_slice_str(keyspace));
  else
    put_failure(out, k->version, 0x2200, "Keyspace does not exist");
}

static void put_query(client *k, const cql_message *m, cql_buf *out) {
  if (m->text.len > 4 && memcmp(m->text.data, "USE ", 4) == 0)
    put_use(k, m, out);
  else
    put_echo(out, k->version, m->text);
}

static void put_startup_answer(client *k, cql_buf *out) {
  if (k->server->config.user != NULL)
    cql_put_authenticate(out, k->version, authenticator(k->server));
  else
    cql_put_ready(out, k->version);
}

static void put_answer(client *k, const cql_message *m, cql_buf *out) {
  const fake_config *c = &k->server->config;
  if (c->answer != NULL && c->answer(c->user_of_answer, k->version, m, out)) return;
  switch (m->opcode) {
  case CQL_OP_OPTIONS: put_supported(k->server, k->version, out); break;
  case CQL_OP_STARTUP: put_startup_answer(k, out); break;
  case CQL_OP_AUTH_RESPONSE: put_login(k, m, out); break;
  case CQL_OP_REGISTER:
    lock(k->server);
    k->is_registered = true;
    unlock(k->server);
    cql_put_ready(out, k->version);
    break;
  case CQL_OP_QUERY: put_query(k, m, out); break;
  case CQL_OP_PREPARE: {
    const cql_prepared_result p = {.id = m->text, .metadata_id = CQL_SLICE_LITERAL("m")};
    cql_put_prepared(out, k->version, &p);
    break;
  }
  case CQL_OP_EXECUTE: put_echo(out, k->version, m->id); break;
  default: cql_put_void(out, k->version); break;
  }
}

/* --- what a rule makes of it -------------------------------------------------------------------------------------- */

static bool contains(cql_slice text, const char *part) {
  return text.data != NULL && memmem(text.data, text.len, part, strlen(part)) != NULL;
}

static fake_rule rule_for(fake_server *s, const cql_message *m) {
  fake_rule out = {.act = FAKE_ANSWER};
  lock(s);
  for (uint32_t i = s->rule_count; i > 0; i--) {
    const fake_rule *r = &s->rules[i - 1];
    if (r->opcode != FAKE_ANY && r->opcode != (int)m->opcode) continue;
    if (r->text != NULL && !contains(m->text, r->text)) continue;
    uint32_t seen = s->seen[i - 1]++;
    if (seen < r->skip || (r->times > 0 && seen >= r->skip + r->times)) continue;
    out = *r;
    break;
  }
  unlock(s);
  return out;
}

static void put_later(client *k, cql_buf *envelope, int16_t stream, int64_t due_us) {
  later *l = calloc(1, sizeof *l);
  assert_non_null(l);
  *l = (later){k->laters, due_us, stream, *envelope};
  k->laters = l;
  cql_buf_init(envelope, &cql_alloc_libc, 0);
}

/* Those that are due; those that are held when behind_answer. */
static void put_due(client *k, bool behind_answer) {
  for (later **at = &k->laters; *at != NULL;) {
    later *l = *at;
    if (l->due_us == INT64_MAX ? !behind_answer : l->due_us > cql_clock_monotonic_us()) {
      at = &l->next;
      continue;
    }
    cql_encoder_put(k->encoder, cql_buf_view(&l->envelope), l->stream);
    *at = l->next;
    cql_buf_free(&l->envelope);
    free(l);
  }
}

/* The bytes of one answer as they travel, alone. */
static bool send_bent(client *k, const fake_rule *r, cql_slice envelope, int16_t stream) {
  flush(k);
  cql_encoder_put(k->encoder, envelope, stream);
  cql_slice bytes = cql_encoder_pending(k->encoder);
  uint8_t *copy = malloc(bytes.len);
  size_t len = r->act == FAKE_CUT && r->n < bytes.len ? r->n : bytes.len;
  assert_non_null(copy);
  memcpy(copy, bytes.data, bytes.len);
  cql_encoder_sent(k->encoder, bytes.len);
  if (r->act == FAKE_FLIP && r->n < len) copy[r->n] ^= 1;
  bool ok = true;
  size_t step = r->act == FAKE_SLOW ? r->n : len;
  for (size_t done = 0; ok && done < len; done += step) {
    ok = write_all(k, copy + done, len - done < step ? len - done : step);
    if (r->act == FAKE_SLOW) usleep(1000);
  }
  free(copy);
  return ok && r->act != FAKE_CUT;
}

/* Version 4: the body packed, however short it is; the encoder would not. */
static bool send_packed(client *k, cql_slice envelope, int16_t stream) {
  uint8_t out[4096];
  cql_slice body = cql_slice_of(envelope.data + 9, envelope.len - 9);
  int n = LZ4_compress_default((const char *)body.data, (char *)out + 13, (int)body.len, sizeof out - 13);
  memcpy(out, envelope.data, 9);
  out[1] |= CQL_FLAG_COMPRESSED;
  cql_store_u16(out + 2, (uint16_t)stream);
  cql_store_u32(out + 5, (uint32_t)n + 4);
  cql_store_u32(out + 9, (uint32_t)body.len);
  return write_all(k, out, (size_t)n + 13);
}

/* False: the connection ends. */
static bool send_answer(client *k, const fake_rule *r, cql_buf *envelope, int16_t stream, bool is_startup) {
  cql_slice bytes = cql_buf_view(envelope);
  switch (r->act) {
  case FAKE_SILENT: return true;
  case FAKE_LATE: put_later(k, envelope, stream, cql_clock_monotonic_us() + (int64_t)r->ms * 1000); return true;
  case FAKE_HOLD: put_later(k, envelope, stream, INT64_MAX); return true;
  case FAKE_RESET: cut(k, true); return false;
  case FAKE_CLOSE: return false;
  case FAKE_CUT:
  case FAKE_SLOW:
  case FAKE_FLIP: return send_bent(k, r, bytes, stream);
  case FAKE_RAW: return flush(k) && write_all(k, r->bytes.data, r->bytes.len);
  case FAKE_LENGTH: /* bare: the encoder would find out */
    cql_store_u16(envelope->data + 2, (uint16_t)stream);
    cql_store_u32(envelope->data + 5, r->n);
    return flush(k) && write_all(k, bytes.data, bytes.len);
  case FAKE_STREAM: stream = (int16_t)r->n; break;
  case FAKE_TWICE: cql_encoder_put(k->encoder, bytes, stream); break;
  default: break;
  }
  if (is_startup && k->server->config.packs_all && k->lz4 && k->version < CQL_VERSION_5)
    return send_packed(k, bytes, stream);
  cql_encoder_put(k->encoder, bytes, stream);
  put_due(k, true);
  return true;
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

static void note(client *k, const cql_message *m) {
  fake_server *s = k->server;
  lock(s);
  k->opcodes |= UINT32_C(1) << m->opcode % OPCODES;
  s->requests[m->opcode % OPCODES]++;
  s->all_requests++;
  if (m->opcode == CQL_OP_AUTH_RESPONSE) {
    copy_word(s->token, m->token);
    for (size_t i = 0; i < m->token.len && i < WORD_LEN - 1; i++)
      s->token[i] = (char)(m->token.data[i] == 0 ? '/' : m->token.data[i]);
    s->token[m->token.len < WORD_LEN ? m->token.len : WORD_LEN - 1] = '\0';
  }
  if (m->opcode == CQL_OP_STARTUP) {
    s->startup_count = m->pair_count < 16 ? m->pair_count : 16;
    for (uint32_t i = 0; i < s->startup_count; i++) {
      copy_word(s->startup[i][0], m->pairs[i].name);
      copy_word(s->startup[i][1], m->pairs[i].value);
    }
  }
  unlock(s);
}

static void settle(client *k, const cql_message *m) {
  for (uint32_t i = 0; i < m->pair_count; i++)
    if (cql_slice_eq_str(m->pairs[i].name, "COMPRESSION") && cql_slice_eq_str(m->pairs[i].value, "lz4")) k->lz4 = true;
  if (k->version >= CQL_VERSION_5)
    cql_decoder_use_segments(k->decoder, k->lz4);
  else if (k->lz4)
    cql_decoder_use_lz4(k->decoder);
}

static bool handle(client *k, const cql_envelope *e) {
  cql_message m;
  cql_arena a;
  cql_error err;
  cql_buf out;
  cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  cql_buf_init(&out, &cql_alloc_libc, ANSWER_LEN_MAX);
  if (k->version == 0 || e->opcode == CQL_OP_STARTUP || e->opcode == CQL_OP_OPTIONS) k->version = e->version;
  fake_rule r = {.act = FAKE_ANSWER};
  if (cql_request_decode(&m, &a, e, &err) != CQL_OK) {
    put_failure(&out, k->version, 0x000A, err.message);
    m.opcode = CQL_OP_ERROR;
  } else {
    note(k, &m);
    r = rule_for(k->server, &m);
    if (r.act == FAKE_ERROR)
      cql_put_error(&out, k->version, &r.error);
    else if (r.act == FAKE_PUT)
      cql_buf_slice(&out, r.bytes);
    else
      put_answer(k, &m, &out);
    if (m.opcode == CQL_OP_STARTUP) settle(k, &m);
  }
  bool is_startup = m.opcode == CQL_OP_STARTUP;
  bool ok = send_answer(k, &r, &out, e->stream, is_startup);
  if (ok && is_startup && r.act == FAKE_ANSWER) {
    ok = flush(k); /* bare; what follows is not */
    if (k->version >= CQL_VERSION_5)
      cql_encoder_use_segments(k->encoder, k->lz4);
    else if (k->lz4)
      cql_encoder_use_lz4(k->encoder);
  }
  cql_buf_free(&out);
  cql_arena_free(&a);
  lock(k->server);
  k->server->handled++;
  unlock(k->server);
  return ok;
}

static bool refuse(client *k) {
  cql_buf out;
  cql_buf_init(&out, &cql_alloc_libc, ANSWER_LEN_MAX);
  put_failure(&out, CQL_VERSION_4, 0x000A, "Invalid or unsupported protocol version");
  write_all(k, out.data, out.len);
  cql_buf_free(&out);
  return false;
}

static bool read_requests(client *k) {
  size_t room;
  uint8_t *to = cql_decoder_room(k->decoder, &room);
  ssize_t n = k->ssl != NULL ? SSL_read(k->ssl, to, (int)room) : recv(k->fd, to, room, 0);
  if (n <= 0) return false;
  if (k->version == 0 && (to[0] < 3 || to[0] > 6)) return refuse(k); /* as Cassandra does, before it looks further */
  cql_decoder_filled(k->decoder, (size_t)n);
  cql_envelope e;
  cql_status st;
  while ((st = cql_decoder_next(k->decoder, &e, NULL)) == CQL_OK)
    if (!handle(k, &e)) {
      flush(k);
      return false;
    }
  return st == CQL_NEED_MORE ? flush(k) : refuse(k);
}

/* --- a connection's thread ---------------------------------------------------------------------------------------- */

/* So that what was said last is not lost to a reset because something was not read. */
static void hear_out(client *k) {
  const struct timeval most = {.tv_sec = 2};
  char unread[256];
  setsockopt(k->fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  shutdown(k->fd, SHUT_WR);
  while (recv(k->fd, unread, sizeof unread, 0) > 0) continue;
}

static bool greet(client *k) {
  fake_server *s = k->server;
  if (s->config.closes_at_once) return false;
  if (s->tls == NULL) return true;
  k->ssl = SSL_new(s->tls);
  SSL_set_fd(k->ssl, k->fd);
  bool ok = SSL_accept(k->ssl) == 1;
  const char *name = SSL_get_servername(k->ssl, TLSEXT_NAMETYPE_host_name);
  lock(s);
  if (ok && SSL_session_reused(k->ssl)) s->resumed++;
  snprintf(s->sni, sizeof s->sni, "%s", name == NULL ? "" : name);
  unlock(s);
  if (!ok) hear_out(k);
  return ok;
}

static int wait_ms(const client *k) {
  int64_t first = INT64_MAX;
  for (const later *l = k->laters; l != NULL; l = l->next)
    if (l->due_us < first) first = l->due_us;
  if (first == INT64_MAX) return -1;
  int64_t ms = (first - cql_clock_monotonic_us() + 999) / 1000;
  return ms < 0 ? 0 : (int)ms;
}

/* False: the server stops, or drops its connections. */
static bool go_on(client *k, size_t *pushed) {
  fake_server *s = k->server;
  lock(s);
  while (s->is_paused && !s->is_stopping && !k->must_end) pthread_cond_wait(&s->changed, &s->mutex);
  bool ok = !s->is_stopping && !k->must_end;
  cql_slice news = cql_slice_of(s->pushed.data + *pushed, s->pushed.len - *pushed);
  while (news.len > 0 && k->is_registered) {
    size_t len = 9 + cql_load_u32(news.data + 5);
    cql_encoder_put(k->encoder, cql_slice_of(news.data, len), (int16_t)cql_load_u16(news.data + 2));
    news = cql_slice_of(news.data + len, news.len - len);
  }
  *pushed = s->pushed.len;
  unlock(s);
  return ok;
}

static void converse(client *k) {
  size_t pushed = 0;
  if (!greet(k)) return;
  while (go_on(k, &pushed)) {
    put_due(k, false);
    if (!flush(k)) return;
    struct pollfd fds[] = {{.fd = k->fd, .events = POLLIN}, {.fd = k->wake, .events = POLLIN}};
    bool has_more = k->ssl != NULL && SSL_pending(k->ssl) > 0;
    poll(fds, 2, has_more ? 0 : wait_ms(k));
    uint64_t woken;
    if (fds[1].revents != 0 && read(k->wake, &woken, sizeof woken) < 0) return;
    if (!go_on(k, &pushed)) return;
    if ((has_more || fds[0].revents != 0) && !read_requests(k)) return;
  }
}

static void *client_main(void *arg) {
  client *k = arg;
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, NULL); /* OpenSSL writes with write() */
  converse(k);
  if (k->ssl != NULL && SSL_is_init_finished(k->ssl)) SSL_shutdown(k->ssl);
  ERR_clear_error();
  SSL_free(k->ssl);
  lock(k->server);
  if (k->fd >= 0) close(k->fd);
  close(k->wake);
  k->fd = -1;
  k->is_open = false;
  unlock(k->server);
  while (k->laters != NULL) {
    later *l = k->laters;
    k->laters = l->next;
    cql_buf_free(&l->envelope);
    free(l);
  }
  cql_decoder_free(k->decoder);
  cql_encoder_free(k->encoder);
  return NULL;
}

static void take_client(fake_server *s, int fd) {
  const int one = 1;
  client *k = calloc(1, sizeof *k);
  assert_non_null(k);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  *k = (client){.server = s, .fd = fd, .wake = eventfd(0, EFD_CLOEXEC), .is_open = true};
  assert_int_equal(cql_decoder_new(&k->decoder, 0, &cql_alloc_libc), CQL_OK);
  assert_int_equal(cql_encoder_new(&k->encoder, 0, &cql_alloc_libc), CQL_OK);
  lock(s);
  s->accepted++;
  k->next = s->clients;
  s->clients = k;
  assert_int_equal(pthread_create(&k->thread, NULL, client_main, k), 0);
  unlock(s);
}

static void *server_main(void *arg) {
  fake_server *s = arg;
  for (;;) {
    int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) return NULL;
    take_client(s, fd);
  }
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static void load_tls(fake_server *s) {
  const fake_config *c = &s->config;
  s->tls = SSL_CTX_new(TLS_server_method());
  BIO *b = BIO_new_mem_buf(c->cert, -1);
  X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);
  BIO_free(b);
  b = BIO_new_mem_buf(c->key, -1);
  EVP_PKEY *key = PEM_read_bio_PrivateKey(b, NULL, NULL, NULL);
  BIO_free(b);
  assert_int_equal(SSL_CTX_use_certificate(s->tls, x), 1);
  assert_int_equal(SSL_CTX_use_PrivateKey(s->tls, key), 1);
  X509_free(x);
  EVP_PKEY_free(key);
  if (c->tls_version != 0) SSL_CTX_set_min_proto_version(s->tls, c->tls_version);
  if (c->tls_version != 0) SSL_CTX_set_max_proto_version(s->tls, c->tls_version);
  SSL_CTX_set_session_id_context(s->tls, (const uint8_t *)"fake", 4);
  if (c->client_ca == NULL) return;
  b = BIO_new_mem_buf(c->client_ca, -1);
  x = PEM_read_bio_X509(b, NULL, NULL, NULL);
  BIO_free(b);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(s->tls), x);
  X509_free(x);
  SSL_CTX_set_verify(s->tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

static void listen_at(fake_server *s) {
  const int one = 1;
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(s->config.port)};
  socklen_t len = sizeof at;
  inet_pton(AF_INET, s->config.address == NULL ? "127.0.0.1" : s->config.address, &at.sin_addr);
  s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof at), 0);
  assert_int_equal(listen(s->fd, 128), 0);
  getsockname(s->fd, (struct sockaddr *)&at, &len);
  s->port = ntohs(at.sin_port);
}

fake_server *fake_server_start(const fake_config *config) {
  fake_server *s = calloc(1, sizeof *s);
  assert_non_null(s);
  s->config = *config;
  pthread_mutex_init(&s->mutex, NULL);
  pthread_cond_init(&s->changed, NULL);
  cql_buf_init(&s->pushed, &cql_alloc_libc, ANSWER_LEN_MAX);
  if (config->cert != NULL) load_tls(s);
  listen_at(s);
  assert_int_equal(pthread_create(&s->thread, NULL, server_main, s), 0);
  return s;
}

static void wake(client *k) {
  const uint64_t one = 1;
  if (k->is_open && write(k->wake, &one, sizeof one) < 0) return;
}

/* The lock is held. */
static void wake_all(fake_server *s) {
  pthread_cond_broadcast(&s->changed);
  for (client *k = s->clients; k != NULL; k = k->next) wake(k);
}

static void end_all(fake_server *s) {
  lock(s);
  for (client *k = s->clients; k != NULL; k = k->next) {
    k->must_end = true;
    if (k->fd >= 0) shutdown(k->fd, SHUT_RDWR);
  }
  wake_all(s);
  unlock(s);
}

void fake_server_stop(fake_server *s) {
  lock(s);
  s->is_stopping = true;
  unlock(s);
  fake_server_close_port(s);
  end_all(s);
  while (s->clients != NULL) {
    client *k = s->clients;
    s->clients = k->next;
    pthread_join(k->thread, NULL);
    free(k);
  }
  cql_buf_free(&s->pushed);
  SSL_CTX_free(s->tls);
  pthread_cond_destroy(&s->changed);
  pthread_mutex_destroy(&s->mutex);
  free(s);
}

void fake_server_close_port(fake_server *s) {
  if (s->fd < 0) return;
  shutdown(s->fd, SHUT_RDWR);
  pthread_join(s->thread, NULL);
  close(s->fd);
  s->fd = -1;
}

uint16_t fake_server_port(const fake_server *s) {
  return s->port;
}

/* --- from the test ------------------------------------------------------------------------------------------------ */

void fake_server_rule(fake_server *s, const fake_rule *rule) {
  lock(s);
  assert_true(s->rule_count < FAKE_RULES_MAX);
  s->seen[s->rule_count] = 0;
  s->rules[s->rule_count++] = *rule;
  unlock(s);
}

void fake_server_clear_rules(fake_server *s) {
  lock(s);
  s->rule_count = 0;
  unlock(s);
}

void fake_server_pause(fake_server *s, bool is_paused) {
  lock(s);
  s->is_paused = is_paused;
  wake_all(s);
  unlock(s);
}

void fake_server_drop(fake_server *s) {
  end_all(s);
}

void fake_server_push(fake_server *s, cql_slice envelope) {
  lock(s);
  cql_buf_slice(&s->pushed, envelope);
  wake_all(s);
  unlock(s);
}

static uint32_t read_count(fake_server *s, const uint32_t *count) {
  lock(s);
  uint32_t n = *count;
  unlock(s);
  return n;
}

uint32_t fake_server_accepted(fake_server *s) {
  return read_count(s, &s->accepted);
}

uint32_t fake_server_open(fake_server *s) {
  uint32_t n = 0;
  lock(s);
  for (client *k = s->clients; k != NULL; k = k->next) n += k->is_open;
  unlock(s);
  return n;
}

uint32_t fake_server_requests(fake_server *s, int opcode) {
  return read_count(s, opcode == FAKE_ANY ? &s->all_requests : &s->requests[opcode]);
}

uint32_t fake_server_handled(fake_server *s) {
  return read_count(s, &s->handled);
}

uint32_t fake_server_askers(fake_server *s, int opcode) {
  uint32_t n = 0;
  lock(s);
  for (client *k = s->clients; k != NULL; k = k->next) n += k->opcodes >> opcode % OPCODES & 1;
  unlock(s);
  return n;
}

uint32_t fake_server_resumed(fake_server *s) {
  return read_count(s, &s->resumed);
}

void fake_server_startup(fake_server *s, const char *option, char *out) {
  out[0] = '\0';
  lock(s);
  for (uint32_t i = 0; i < s->startup_count; i++)
    if (strcmp(s->startup[i][0], option) == 0) snprintf(out, WORD_LEN, "%s", s->startup[i][1]);
  unlock(s);
}

void fake_server_sni(fake_server *s, char *out) {
  lock(s);
  memcpy(out, s->sni, WORD_LEN);
  unlock(s);
}

void fake_server_token(fake_server *s, char *out) {
  lock(s);
  memcpy(out, s->token, WORD_LEN);
  unlock(s);
}
