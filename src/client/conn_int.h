/* conn_int.h: what the files of a connection share. */
#ifndef CQLI_CONN_INT_H
#define CQLI_CONN_INT_H

#include <stdatomic.h>
#include <sys/types.h>

#include "client/conn.h"

struct sockaddr_storage;

/* --- address.c ---------------------------------------------------------------------------------------------------- */

void cqli_address_print_bare(const cqli_address *a, char out[CQL_HOST_LEN]);     /* "127.0.0.1", "::1" */
uint32_t cqli_address_fill(const cqli_address *a, struct sockaddr_storage *out); /* its length */

/* --- transport.c: bytes over a socket, with or without TLS -------------------------------------------------------- */

typedef struct ssl_st cqli_ssl;

/* Does not move while ssl lives. */
typedef struct cqli_transport {
  int fd;           /* -1: none */
  cqli_ssl *ssl;    /* NULL: plain */
  bool wants_write; /* TLS: what it waits for is that the socket can be written to */
  bool is_dry;      /* the next receive answers AGAIN without a system call: all that had come was read */
  bool waits;       /* a receive may wait for CQLI_SLICE_MS; only after cqli_transport_let_wait() */
  cql_status status;
  int number;                  /* errno of a failure; 0: it is none of the system's */
  char reason[CQL_REASON_LEN]; /* of a failure */
} cqli_transport;

enum { CQLI_SLICE_MS = 100 }; /* the longest wait between two looks at an interrupt check */

typedef enum cqli_io { CQLI_IO_OK, CQLI_IO_AGAIN, CQLI_IO_END, CQLI_IO_FAILED } cqli_io;

/* Begins to connect; what goes wrong at once is told by cqli_transport_connected(). CQL_IO: no descriptor. */
cql_status cqli_transport_connect(cqli_transport *t, const cqli_address *address, cql_error *err);
cqli_io cqli_transport_connected(cqli_transport *t); /* the socket can be written to: OK or FAILED */
cqli_io cqli_transport_handshake(cqli_transport *t);
/* *n > 0 bytes when OK. AGAIN: the socket has none, or no room. END: the other side has closed. */
cqli_io cqli_transport_read(cqli_transport *t, uint8_t *out, size_t room, size_t *n);
cqli_io cqli_transport_write(cqli_transport *t, cql_slice bytes, size_t *n);
/* Has the other side closed, or said something that nobody asked for? END, FAILED, AGAIN: neither. */
cqli_io cqli_transport_peek(cqli_transport *t);
/* Nothing more is received before the next AGAIN: reads give what lies on our side of the socket. */
void cqli_transport_pause(cqli_transport *t);
bool cqli_transport_has_more(const cqli_transport *t); /* on our side: bytes that poll() does not see */
/* From now on t->waits may be set. */
cql_status cqli_transport_let_wait(cqli_transport *t);
void cqli_transport_fail(cqli_transport *t, cql_status status, const char *reason);
void cqli_transport_close(cqli_transport *t);

/* For TLS: recv() and send() as a transport does them. */
ssize_t cqli_transport_receive(cqli_transport *t, void *out, size_t room);
ssize_t cqli_transport_send(cqli_transport *t, const void *bytes, size_t len);

/* --- tls.c -------------------------------------------------------------------------------------------------------- */

/* Around every use of OpenSSL that may come while the process exits. enter waits for ever once it does. */
void cqli_tls_enter(void);
void cqli_tls_leave(void);
/* TLS on the socket of transport, which it borrows. server_name is checked, and sent unless sni is not "". CQL_NOMEM;
 * CQL_TLS: a name that cannot be checked. */
cql_status cqli_tls_open(cqli_tls *t, cqli_transport *transport, const char *server_name, const char *sni,
                         const cqli_address *address, cqli_ssl **out, cql_error *err);
void cqli_tls_close(cqli_ssl *ssl, bool is_sound); /* is_sound: says goodbye, if that can be done at once */
/* tls_words.c. Why the last call on ssl failed. */
void cqli_tls_reason(cqli_ssl *ssl, char out[CQL_REASON_LEN]);

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
  uint32_t room;
  _Atomic(uint32_t) used; /* written by whoever has the connection, read by all */
  uint32_t orphans;
  int32_t first_free; /* -1: none */
} cqli_streams;

void cqli_streams_init(cqli_streams *s, const cql_alloc *alloc);
void cqli_streams_free(cqli_streams *s);
uint32_t cqli_streams_used(const cqli_streams *s);
/* CQL_LIMIT: all are taken; CQL_NOMEM. answer is not NULL. */
cql_status cqli_streams_take(cqli_streams *s, cqli_answer *answer, void *user, uint64_t batch, int16_t *stream);
/* Gives stream back; false: it was not taken. */
bool cqli_streams_give(cqli_streams *s, int16_t stream, cqli_slot *was);
bool cqli_streams_orphan(cqli_streams *s, int16_t stream); /* false: it was one, or is not taken */

/* --- conn.c ------------------------------------------------------------------------------------------------------- */

typedef enum cqli_conn_state {
  CQLI_CONNECTING,
  CQLI_TLS,
  CQLI_OPTIONS,
  CQLI_STARTUP,
  CQLI_AUTH,
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
  int watched; /* what poll waits for: UV_READABLE | UV_WRITABLE; 0: it is stopped */
  cqli_transport transport;
  _Atomic(uint32_t) state; /* cqli_conn_state */
  _Atomic(bool) is_retiring;
  uint8_t version; /* 0: not settled yet */
  bool lz4;        /* settled with the node */
  bool is_detached, has_keyspace, has_heard;
  bool is_reading; /* answers are being called */
  bool is_blocked; /* the socket takes no more bytes */
  bool is_mute;    /* what is sent is lost; what the node said before it went is still read */
  char host[CQL_HOST_LEN];
  cql_decoder *decoder;
  cql_encoder *encoder;
  cqli_streams streams;
  cql_arena arena; /* of SUPPORTED */
  cql_supported supported;
  uint64_t batch;       /* bytes that were put since everything had been sent belong together */
  bool batch_has_begun; /* some of them have been sent */
  int64_t begun_us;
  /* heartbeat.c */
  _Atomic(int64_t) used_us; /* when the node was heard of */
  int64_t asked_us, crowded_us;
  int64_t awaited_us; /* since when an answer is due, when one is */
  uint64_t tick_ms;
  uint32_t asking;  /* heartbeats without an answer */
  bool is_on_probe; /* nothing is sent before they have one */
  bool is_silent;   /* the owner was told so */
  bool is_crowded;  /* too many orphans, since crowded_us */
};

static inline cqli_conn_state cqli_conn_state_of(const cqli_conn *c) {
  return (cqli_conn_state)atomic_load_explicit(&c->state, memory_order_relaxed);
}

static inline void cqli_conn_set_state(cqli_conn *c, cqli_conn_state state) {
  atomic_store_explicit(&c->state, state, memory_order_relaxed);
}

/* Loop's thread, or that of a detached connection. */
cql_status cqli_conn_put(cqli_conn *c, cql_slice envelope, cqli_answer *answer, void *user, int16_t *stream);
/* Writes what waits. AGAIN: the rest when the socket can be written to. Calls nobody. */
cqli_io cqli_conn_write(cqli_conn *c);
void cqli_conn_heard(cqli_conn *c);
bool cqli_conn_is_awaited(const cqli_conn *c); /* answers are due that somebody waits for: no orphans, no heartbeats */
/* The loop's thread; may call closed(). */
void cqli_conn_rearm(cqli_conn *c);
void cqli_conn_retire_if_idle(cqli_conn *c);
void cqli_conn_broke(cqli_conn *c); /* the transport knows why */
void cqli_conn_opened(cqli_conn *c);

/* receive.c. False: the connection is closed. */
bool cqli_conn_read(cqli_conn *c);
/* Closes it: what came makes no sense. Before the node has introduced itself, the address is somebody else's. */
void cqli_conn_misread(cqli_conn *c, cql_status status, const char *reason);
/* What is wrong with an envelope that came, whoever waits for it; NULL: nothing. */
const char *cqli_conn_judge(const cqli_conn *c, const cql_envelope *e);
/* In words: what came that nobody waits for. Returns the status for it. */
cql_status cqli_conn_stray(const cqli_conn *c, const cql_envelope *e, char words[CQL_REASON_LEN]);

/* heartbeat.c. Loop's thread. */
void cqli_clock_start_opening(cqli_conn *c, bool has_failed);
void cqli_clock_start(cqli_conn *c); /* open and attached */
/* Before a request is put: did the loop sleep for so long that the node must be asked first? CQL_NOMEM, CQL_LIMIT. */
cql_status cqli_heartbeat_after_sleep(cqli_conn *c);
/* Nothing was due, and now an answer will be. */
void cqli_heartbeat_awaits(cqli_conn *c);
void cqli_heartbeat_heard(cqli_conn *c); /* bytes have come */

/* handshake.c */
void cqli_handshake_begin(cqli_conn *c); /* the bytes flow: OPTIONS */

#endif
