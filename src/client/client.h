/* client.h: a cluster behind one handle. The header that other rooms include.
 *
 * A client has one thread of its own, the loop, which owns the connections. Calls come from any thread: their envelope
 * is encoded on the calling thread, and their answer is either given to a callback on the loop's thread, or waited for.
 * A thread that waits alone uses a connection by itself, without a hand-over to the loop (direct.c).
 *
 * A fork stops the loop before it happens. The parent goes on with its connections; the child begins anew with its own
 * at the first call, and touches nothing of the parent's but to close its descriptors.
 */
#ifndef CQL_CLIENT_H
#define CQL_CLIENT_H

#include "protocol/protocol.h"

/* --- settings ----------------------------------------------------------------------------------------------------- */

enum {
  CQL_CLIENT_CONTACTS_MAX = 64,
  CQL_CLIENT_PORT = 9042,
  CQL_CLIENT_CONNECT_TIMEOUT_MS = 5000,  /* from the first packet of one connection until it can be used; then, until
                                            a node has said which nodes there are */
  CQL_CLIENT_REQUEST_TIMEOUT_MS = 10000, /* a request with all its retries */
  CQL_CLIENT_HEARTBEAT_MS = 30000,       /* a connection that is silent for so long is asked whether it lives */
  CQL_CLIENT_AGREEMENT_TIMEOUT_MS = 10000,
  CQL_CLIENT_RECONNECT_MIN_MS = 200, /* doubled up to the maximum, with jitter */
  CQL_CLIENT_RECONNECT_MAX_MS = 5000,
  CQL_CLIENT_CONNECTIONS = 1,        /* shared by many requests, per node */
  CQL_CLIENT_DIRECT_CONNECTIONS = 8, /* used by one waiting thread at a time, per node; opened as needed */
  CQL_CLIENT_IN_FLIGHT_MAX = 2048,   /* requests on one connection; more wait in the client's queue */
  CQL_CLIENT_QUEUE_COUNT = 65536,    /* requests of a client that are not answered yet; one more is refused */
};

typedef enum cql_tls_check {
  CQL_TLS_CHECK_FULL = 0, /* the chain and the name */
  CQL_TLS_CHECK_CA,       /* the chain alone */
  CQL_TLS_CHECK_NONE
} cql_tls_check;

/* PEM: a path, or the bytes themselves (which go before the path). */
typedef struct cql_tls_config {
  bool enabled;
  bool is_of_bundle; /* what is wrong with certificates is told in words about the bundle */
  cql_tls_check check;
  const char *ca_path; /* NULL, and no ca_pem: the system's authorities */
  const char *cert_path, *key_path;
  cql_slice ca_pem, cert_pem, key_pem; /* data NULL: none */
  const char *key_password;
  const char *server_name; /* sent as SNI, and checked instead of the address. NULL: the contact point's name, and for
                              nodes that only the cluster named, their address */
} cql_tls_config;

typedef struct cql_contact {
  const char *host; /* a name or an address, IPv6 without brackets */
  uint16_t port;
} cql_contact;

/* All pointers are borrowed by cql_client_open(), which copies. 0 and NULL: the default. */
typedef struct cql_client_config {
  const cql_contact *contacts;
  uint32_t contact_count;
  /* Astra DB, in place of contacts, local_dc and tls: a secure connect bundle, the path of its file, or its bytes (data
   * not NULL), which go before the path. It is read once, in memory. */
  const char *bundle_path;
  cql_slice bundle;
  const char *user, *password;
  const char *local_dc; /* NULL: that of the first node that answers */
  const char
      *keyspace;    /* the default keyspace of requests that name none; need not exist. NULL: the bundle's, or none */
  uint8_t protocol; /* 0: the best that both sides know; CQL_VERSION_4, CQL_VERSION_5 */
  bool lz4;
  cql_tls_config tls;
  uint32_t connect_timeout_ms, request_timeout_ms, heartbeat_ms, agreement_timeout_ms;
  uint32_t reconnect_min_ms, reconnect_max_ms;
  uint32_t connections;
  int32_t direct_connections;    /* -1: none */
  uint32_t speculative_delay_ms; /* 0: no second node is asked before the first has answered */
  uint32_t queue_count;
  const cql_alloc *alloc; /* NULL: libc; must outlive the client and be usable from any thread */
} cql_client_config;

/* --- life --------------------------------------------------------------------------------------------------------- */

typedef struct cql_client cql_client;

/* Connects: returns when one node has answered and the cluster's nodes are known. Tries all addresses of all contact
 * points. CQL_NO_HOST, CQL_CREDENTIALS, CQL_RESOLVE, CQL_TLS, …: err holds an attempt for each address. CQL_BAD_URL: a
 * setting cannot be (a file of certificates is missing, a bundle is none). CQL_NOMEM. */
cql_status cql_client_open(cql_client **out, const cql_client_config *config, cql_error *err);
/* Answers what is in flight with CQL_CLOSED, after what the nodes still answer within drain_ms. No call may be running
 * on it. In a forked child it only forgets. NULL is fine. */
void cql_client_close(cql_client *c, uint32_t drain_ms);
/* The default keyspace; "" for none. Lent, as long as the client lives. */
const char *cql_client_keyspace(const cql_client *c);

/* The functions of cql_set_rest_hook() and cql_set_interrupt_check(). */
void cql_client_set_rest_hook(void (*rest)(void));
void cql_client_set_interrupt_check(bool (*interrupted)(void));
bool cql_client_is_interrupted(void); /* asks the latter; false where there is none */
/* cql_take_turns() and cql_end_turn(). */
void cql_client_take_turns(void);
void cql_client_end_turn(void);

/* --- statements --------------------------------------------------------------------------------------------------- */

/* A statement that some node has prepared. Counted; shared by threads. What it says of itself is immutable; what rows
 * look like now is cql_statement_rows(), which a schema change replaces. */
typedef struct cql_statement cql_statement;

typedef struct cql_statement_info {
  cql_slice text;
  const char *keyspace; /* it was prepared in; "" for none */
  uint32_t bind_count;
  const cql_column *binds;
  uint32_t key_index_count; /* 0: not all of the partition key is bound */
  const uint16_t *key_indexes;
  uint32_t column_count; /* as prepared; 0 for writes */
  const cql_column *columns;
} cql_statement_info;

/* Waits. keyspace NULL or "": none. CQL_SYNTAX, CQL_INVALID, … as the node answers; those of a call. */
cql_status cql_client_prepare(cql_client *c, const char *keyspace, cql_slice text, cql_statement **out, cql_error *err);
cql_statement *cql_statement_retain(cql_statement *s);
void cql_statement_release(cql_statement *s); /* NULL is fine; may outlive the client */
const cql_statement_info *cql_statement_get_info(const cql_statement *s);
/* Have the columns of its rows changed since it was prepared? Its holder prepares anew when it wants to know them. */
bool cql_statement_is_stale(const cql_statement *s);

/* --- calls -------------------------------------------------------------------------------------------------------- */

typedef struct cql_call_item {
  cql_statement *statement; /* NULL: text */
  cql_slice text;
  const cql_value *values;
  uint32_t value_count;
} cql_call_item;

/* What to run; everything is borrowed until the function that takes it returns. */
typedef struct cql_call_config {
  bool is_batch;
  cql_batch_type batch_type;
  const cql_call_item *items; /* one, or those of a batch */
  uint32_t item_count;
  const char *keyspace; /* of texts; NULL or "": none */
  uint16_t consistency, serial_consistency;
  int32_t page_size;
  cql_slice paging_state; /* data NULL: from the beginning */
  int64_t timestamp;      /* CQL_TIMESTAMP_NONE: the node's */
  uint32_t timeout_ms;    /* 0: the client's */
  bool is_idempotent;     /* may be sent again when it is not known whether it ran */
  bool is_conditional;    /* has IF: replicas are asked in the order of the ring, which spares Paxos a contest */
  bool more;              /* submitted: others follow, and cql_client_flush() */
} cql_call_config;

/* Runs one call and waits for it. *out takes the result. Statuses: Cassandra's (CQL_SERVER_BASE and above),
 * CQL_NO_HOST, CQL_TIMEOUT, CQL_CONNECTION, CQL_QUEUE_FULL, CQL_LIMIT, CQL_INTERRUPTED, CQL_NOMEM, CQL_MALFORMED.
 * CQL_UNPREPARED: the statement's markers have changed with the schema; prepare it anew. */
cql_status cql_client_execute(cql_client *c, const cql_call_config *call, cql_result **out, cql_error *err);
/* Starts a call; done is called once, on the loop's thread, and takes outcome->result. On failure it is not called. */
cql_status cql_client_submit(cql_client *c, const cql_call_config *call, cql_done done, void *user, cql_error *err);
/* Sends what was submitted with more. */
void cql_client_flush(cql_client *c);
/* Starts count calls with one wake-up of the loop and waits for all of them; outcomes[i] is written for each. */
void cql_client_execute_many(cql_client *c, const cql_call_config *calls, uint32_t count, cql_outcome *outcomes);

/* --- what is known ------------------------------------------------------------------------------------------------ */

/* Calls seen for each node of the cluster; what it is given is lent. In a forked child it connects first, and fails as
 * opening does. */
cql_status cql_client_nodes(cql_client *c, void (*seen)(void *user, const cql_node_info *node), void *user,
                            cql_error *err);

#endif
