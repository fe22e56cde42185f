/* conn.h: one connection to one node, from connect() to close(): TCP, TLS, the handshake of the protocol, requests and
 * their answers, heartbeats. Private to this room.
 *
 * A connection is driven either by the loop (its descriptor is watched by a uv_poll_t; everything happens on the loop's
 * thread) or, detached, by one other thread that exchanges one request for one answer, with nobody else near it.
 *
 *   connecting -> tls -> options -> startup -> auth -> [keyspace] -> open -> closed
 *
 * OPTIONS settles the version and the compression: the best of what SUPPORTED offers and the configuration allows. It
 * travels as version 4, and so does STARTUP unless the version is 5.
 */
#ifndef CQLI_CONN_H
#define CQLI_CONN_H

#include <uv.h>

#include "client/client.h"

/* --- addresses ---------------------------------------------------------------------------------------------------- */

/* Where a node is. Behind a proxy that is its host id: which address leads there is chosen for each connection
 * (proxy.c). */
typedef struct cqli_address {
  uint8_t len; /* 4 or 16 */
  uint8_t bytes[16];
  uint16_t port;
  uint32_t scope;  /* of a link-local IPv6 address, else 0 */
  bool is_host_id; /* behind a proxy: bytes are the host id; port and scope are 0 */
} cqli_address;

enum { CQLI_HOST_ID_LEN = 37 }; /* as text, with its NUL */

bool cqli_address_eq(const cqli_address *x, const cqli_address *y);
/* "127.0.0.1:9042", "[::1]:9042", "6ba7b810-9dad-11d1-80b4-00c04fd430c8" */
void cqli_address_print(const cqli_address *a, char out[CQL_HOST_LEN]);
cqli_address cqli_address_of_host_id(const uint8_t host_id[16]);
bool cqli_address_read_host_id(const char *text, cqli_address *out); /* false: it is none */

/* resolve.c. The addresses of a name, in the system's order, without doubles; an address as text needs no look-up.
 * Waits at most timeout_ms on a thread of its own, which is gone when this returns unless the system still waits for a
 * name server (that thread ends by itself and touches nothing of the caller's). CQL_RESOLVE, CQL_TIMEOUT, CQL_NOMEM. */
enum { CQLI_ADDRESSES_MAX = 32 };
cql_status cqli_resolve(const char *host, uint16_t port, uint32_t timeout_ms, cqli_address out[CQLI_ADDRESSES_MAX],
                        uint32_t *count, cql_error *err);
/* An address as text; false: host is a name. */
bool cqli_resolve_literal(const char *host, uint16_t port, cqli_address out[CQLI_ADDRESSES_MAX], uint32_t *count);

/* The same for who must not wait: begin, ask now and then whether it is done, then end it (statuses as above); or leave
 * it, done or not. Both free it. One thread, or one after the other. */
typedef struct cqli_lookup cqli_lookup;
cql_status cqli_lookup_begin(cqli_lookup **out, const char *host, cql_error *err);
bool cqli_lookup_is_done(cqli_lookup *l);
cql_status cqli_lookup_end(cqli_lookup *l, uint16_t port, cqli_address out[CQLI_ADDRESSES_MAX], uint32_t *count,
                           cql_error *err);
void cqli_lookup_leave(cqli_lookup *l);

/* --- TLS ---------------------------------------------------------------------------------------------------------- */

/* tls.c. What all connections of a client share: certificates, and sessions to resume, by server name and address.
 * CQL_BAD_URL: a file is missing or no PEM, the key does not fit the certificate (words say which); CQL_NOMEM. */
typedef struct cqli_tls cqli_tls;
cql_status cqli_tls_new(cqli_tls **out, const cql_tls_config *config, cql_error *err);
void cqli_tls_free(cqli_tls *t); /* NULL is fine; no connection may use it any more */

/* --- a connection ------------------------------------------------------------------------------------------------- */

typedef struct cqli_conn cqli_conn;

/* Borrowed for the life of the connection, but for address and sni, which are copied. */
typedef struct cqli_conn_config {
  const cql_alloc *alloc;
  cqli_address address;
  cqli_tls *tls;               /* NULL: plain */
  const char *server_name;     /* SNI, and what is checked; NULL: no SNI, the address is checked */
  char sni[CQLI_HOST_ID_LEN];  /* sent instead, to a proxy: the node's host id; "": nothing else is. Copied */
  const char *user, *password; /* NULL: none */
  uint8_t protocol;            /* 0: the best */
  bool lz4;
  const char *keyspace; /* for version 4: USE it once logged in. That it does not exist is no failure; see
                           cqli_conn_has_keyspace(). NULL or "": none */
  bool wants_events; /* REGISTER for topology, status and schema changes; its answer is not waited for, so that events
                        may be missed that come before what is asked first is answered */
  uint32_t connect_timeout_ms, heartbeat_ms; /* not 0 */
  uint32_t in_flight_max;
} cqli_conn_config;

/* Called on the loop's thread. */
typedef struct cqli_conn_watch {
  void *owner;
  void (*opened)(void *owner, cqli_conn *c);
  /* Once, at the end, whether it had been open or not; requests in flight have been answered before. why is lent. The
   * connection is gone for its owner when this returns. It, and answers, may be called from inside of any cqli_conn_…()
   * function that a loop's callback calls, but never from inside of cqli_conn_new(), cqli_conn_send() and
   * cqli_conn_orphan(). All of these may be called from inside of it and of an answer. */
  void (*closed)(void *owner, cqli_conn *c, const cql_attempt *why);
  void (*event)(void *owner, cqli_conn *c, const cql_envelope *e); /* NULL: none are asked for */
  /* The node was asked whether it lives and has said nothing for CQLI_SILENT_MS: told about once a second until c is
   * closed, or the node speaks again, which is told once with is_silent false. Must not close c. NULL: nobody minds. */
  void (*silent)(void *owner, cqli_conn *c, bool is_silent);
} cqli_conn_watch;

enum {
  CQLI_DOUBT_MS = 1000, /* answers are due and nothing comes: the node is asked whether it lives, before its time */
  CQLI_SILENT_MS = 1000 /* no answer to that: those who may ask another node do so */
};

/* Begins to connect. loop's thread. CQL_NOMEM, CQL_IO (no descriptor left): *out is NULL. */
cql_status cqli_conn_new(cqli_conn **out, uv_loop_t *loop, const cqli_conn_config *config, const cqli_conn_watch *watch,
                         cql_error *err);

/* An answer; e NULL: the connection ended before one came, why says how, and may_have_run whether any byte of the
 * request may have reached the node. The body of e may be taken with cqli_conn_take(). Loop's thread. */
typedef void cqli_answer(void *user, cqli_conn *c, cql_envelope *e, const cql_attempt *why, bool may_have_run);

/* Appends a request; the bytes go out at the next cqli_conn_flush(), or, when the loop had slept for longer than the
 * heartbeat, once the node has said that it is there (heartbeat.c). Open and attached. CQL_LIMIT: in_flight_max are in
 * flight, or no stream is free; CQL_NOMEM. envelope is copied. */
cql_status cqli_conn_send(cqli_conn *c, cql_slice envelope, cqli_answer *answer, void *user, int16_t *stream);
/* Sends what was appended, as much as the socket takes; the rest follows when it can be written to. */
void cqli_conn_flush(cqli_conn *c);
/* Nobody waits for this answer any more: it is not called. The stream stays taken until it has come. A connection with
 * too many such streams for too long (CQLI_ORPHANS_MAX, CQLI_ORPHANS_MS) takes no requests any more and closes when
 * those of others are answered. */
enum { CQLI_ORPHANS_MAX = 1024, CQLI_ORPHANS_MS = 1000 };
void cqli_conn_orphan(cqli_conn *c, int16_t stream);
cql_status cqli_conn_take(cqli_conn *c, cql_envelope *e, cql_buf *out); /* as cql_decoder_take() */

/* Ends it (attached): at once, answering what is in flight with why; or when all of that is answered, taking no more
 * requests. */
void cqli_conn_close(cqli_conn *c, cql_status status, const char *reason);
void cqli_conn_retire(cqli_conn *c);

/* Asks the node whether it lives, if that is not being asked. Loop's thread; may call closed(). */
void cqli_conn_doubt(cqli_conn *c);
bool cqli_conn_is_silent(const cqli_conn *c); /* as its owner was told. Loop's thread */

/* What it is. Any thread, once open. */
bool cqli_conn_is_open(const cqli_conn *c); /* and takes requests */
uint8_t cqli_conn_version(const cqli_conn *c);
bool cqli_conn_has_keyspace(const cqli_conn *c);
uint32_t cqli_conn_in_flight(const cqli_conn *c);          /* orphans are counted */
const char *cqli_conn_host(const cqli_conn *c);            /* "address:port", "host id via address:port" */
const cqli_address *cqli_conn_address(const cqli_conn *c); /* as configured */
/* A value of SUPPORTED, NULL when the node did not say it: "SCYLLA_NR_SHARDS", "PRODUCT_TYPE". */
const char *cqli_conn_supported(const cqli_conn *c, const char *name);

/* --- detached ----------------------------------------------------------------------------------------------------- */

/* The loop watches it no more, until it is attached again. Open, nothing in flight. Loop's thread. */
void cqli_conn_detach(cqli_conn *c);
/* Loop's thread; the thread that had it has let go of it. What is still in flight (an exchange that gave up) is an
 * orphan. Closed by the node meanwhile: closed() is called. */
void cqli_conn_attach(cqli_conn *c);

/* How long a thread waits for an answer. */
typedef struct cqli_patience {
  int64_t deadline_us; /* of cql_clock_monotonic_us() */
  /* Both are asked about every CQLI_SLICE_MS while nothing comes; NULL: never. */
  bool (*interrupted)(void);  /* true: CQL_INTERRUPTED */
  bool (*hopeless)(void *of); /* true: CQL_TIMEOUT, before the deadline */
  void *of;
} cqli_patience;

/* On the one thread that has the detached connection: sends envelope and waits for its answer, whose body it may take.
 * At the first sign that the node has closed it, before anything was sent: CQL_CONNECTION and *may_have_run false.
 * CQL_TIMEOUT, CQL_INTERRUPTED: the answer is outstanding; the connection can be attached, and can not be used for
 * another exchange before. CQL_CONNECTION, CQL_MALFORMED, CQL_LIMIT (a body that is too long), CQL_NOMEM: it is broken,
 * attach it. One that was not heard of for two heartbeats is taken for broken: the loop asks those that it knows of
 * sooner. Malloc-free in the usual case, three system calls. */
cql_status cqli_conn_exchange(cqli_conn *c, cql_slice envelope, const cqli_patience *patience, cql_envelope *out,
                              bool *may_have_run, cql_error *err);
int64_t cqli_conn_used_us(const cqli_conn *c); /* when it last heard of its node; of cql_clock_monotonic_us() */

/* --- fork, exit --------------------------------------------------------------------------------------------------- */

/* In a forked child: closes the descriptor without a word to the node, and forgets everything else (no lock is taken,
 * nothing is freed that another thread may have been changing). */
void cqli_conn_forget(cqli_conn *c);
/* The process exits: from now on no thread enters OpenSSL (those that would wait for ever), and when this returns none
 * is inside. Registered with atexit() behind OpenSSL's own, so that it runs before it. */
void cqli_tls_stop(void);

#endif
