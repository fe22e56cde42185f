/* conn_int.h: what the files of a connection share. */
#ifndef CQLI_CONN_INT_H
#define CQLI_CONN_INT_H

#include <stdatomic.h>

#include "client/conn.h"

/* --- tls.c -------------------------------------------------------------------------------------------------------- */

typedef struct ssl_st cqli_ssl;

enum { CQLI_TLS_SESSIONS_COUNT = 64, CQLI_TLS_NAME_LEN = 256 };

/* Around every use of OpenSSL that may come while the process exits. enter waits for ever once it does. */
void cqli_tls_enter(void);
void cqli_tls_leave(void);
/* A TLS connection on fd, with the name that is checked. CQL_NOMEM, CQL_TLS. */
cql_status cqli_tls_open(cqli_tls *t, int fd, const char *server_name, const cqli_address *address, cqli_ssl **out,
                         cql_error *err);
void cqli_tls_close(cqli_ssl *ssl);
/* Why the last call on ssl failed, in words. rc: what it returned. */
void cqli_tls_reason(cqli_ssl *ssl, int rc, char out[CQL_REASON_LEN]);

/* --- transport.c: bytes over a socket, with or without TLS -------------------------------------------------------- */

typedef struct cqli_transport {
  int fd;           /* -1: none */
  cqli_ssl *ssl;    /* NULL: plain */
  bool wants_write; /* TLS: what it waits for is that the socket can be written to */
  cql_status status;
  char reason[CQL_REASON_LEN]; /* of a failure */
} cqli_transport;

typedef enum cqli_io { CQLI_IO_OK, CQLI_IO_AGAIN, CQLI_IO_END, CQLI_IO_FAILED } cqli_io;

/* Begins to connect; what goes wrong at once is told by cqli_transport_connected(). CQL_IO: no descriptor. */
cql_status cqli_transport_connect(cqli_transport *t, const cqli_address *address, cql_error *err);
cqli_io cqli_transport_connected(cqli_transport *t); /* the socket can be written to: OK or FAILED */
cqli_io cqli_transport_handshake(cqli_transport *t);
/* *n > 0 bytes when OK. AGAIN: the socket has none, or no room. END: the other side has closed. */
cqli_io cqli_transport_read(cqli_transport *t, uint8_t *out, size_t room, size_t *n);
cqli_io cqli_transport_write(cqli_transport *t, cql_slice bytes, size_t *n);
/* Has the other side closed, or said something that nobody asked for? Reads nothing. END, FAILED, AGAIN: neither. */
cqli_io cqli_transport_peek(cqli_transport *t);
bool cqli_transport_has_more(const cqli_transport *t); /* bytes that poll() does not see */
void cqli_transport_close(cqli_transport *t);

/* --- streams.c: who waits for which answer ------------------------------------------------------------------------ */

typedef struct cqli_slot {
  cqli_answer *answer; /* NULL: nobody waits any more */
  void *user;
  uint64_t batch; /* of the bytes that it was sent with */
  int32_t next_free;
  bool is_used;
} cqli_slot;

typedef struct cqli_streams {
  const cql_alloc *alloc;
  cqli_slot *slots;
  uint32_t room, used, orphans;
  int32_t first_free; /* -1: none */
} cqli_streams;

void cqli_streams_init(cqli_streams *s, const cql_alloc *alloc);
void cqli_streams_free(cqli_streams *s);
/* CQL_LIMIT: all are taken; CQL_NOMEM. */
cql_status cqli_streams_take(cqli_streams *s, int16_t *stream);
/* Gives stream back; false: it was not taken. */
bool cqli_streams_give(cqli_streams *s, int16_t stream, cqli_slot *was);
void cqli_streams_orphan(cqli_streams *s, int16_t stream);

/* --- conn.c ------------------------------------------------------------------------------------------------------- */

typedef enum cqli_conn_state {
  CQLI_CONNECTING,
  CQLI_TLS,
  CQLI_OPTIONS,
  CQLI_STARTUP,
  CQLI_AUTH,
  CQLI_REGISTER,
  CQLI_KEYSPACE,
  CQLI_CONN_OPEN,
  CQLI_CONN_CLOSED
} cqli_conn_state;

struct cqli_conn {
  cqli_conn_config config;
  cqli_conn_watch watch;
  uv_poll_t poll;
  uv_timer_t timer;
  uint32_t open_handles;
  cqli_transport transport;
  cqli_conn_state state;
  uint8_t version;
  bool lz4; /* settled with the node */
  bool is_retiring, is_detached, is_broken, has_keyspace, is_asking, is_reading;
  char host[CQL_HOST_LEN];
  cql_decoder *decoder;
  cql_encoder *encoder;
  cqli_streams streams;
  cql_arena arena; /* of SUPPORTED, and of one message of the handshake */
  cql_supported supported;
  uint64_t batch;       /* bytes that were put since everything had been sent belong together */
  bool batch_has_begun; /* some of them have been sent */
  _Atomic(int64_t) used_us;
  int64_t begun_us, asked_us, orphaned_us;
};

/* loop's thread; may call closed(). */
void cqli_conn_fail(cqli_conn *c, cql_status status, const char *reason);
cql_status cqli_conn_put(cqli_conn *c, cql_slice envelope, cqli_answer *answer, void *user, int16_t *stream);
void cqli_conn_rearm(cqli_conn *c);
void cqli_conn_start_clock(cqli_conn *c); /* heartbeats, and streams that nobody waits for any more */

/* --- handshake.c -------------------------------------------------------------------------------------------------- */

void cqli_handshake_begin(cqli_conn *c); /* the bytes flow: OPTIONS */
void cqli_conn_opened(cqli_conn *c);     /* conn.c: it is over */

#endif
