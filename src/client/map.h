/* map.h: what the cluster looks like, and what to do about it: nodes, the ring, replicas, which node to ask, whether to
 * ask again. Private to this room. Nothing here does I/O, takes a lock or reads a clock.
 */
#ifndef CQLI_MAP_H
#define CQLI_MAP_H

#include <stdatomic.h>

#include "client/conn.h"

/* --- nodes (nodes.c) ---------------------------------------------------------------------------------------------- */

typedef struct cqli_node {
  uint8_t host_id[16];
  cqli_address address;            /* where CQL is spoken, as we reach it */
  cqli_address native;             /* behind a proxy: where the node says so, of which events tell; len 0: unknown */
  const char *dc, *rack, *release; /* NUL-terminated */
  uint8_t schema_version[16];
  bool has_schema_version;
  const int64_t *tokens;
  uint32_t token_count;
} cqli_node;

/* The statements that read it. The port of peers comes from peers_v2 where it exists (Cassandra 4.0 and later). */
extern const char *const cqli_query_local, *const cqli_query_peers_v2, *const cqli_query_peers,
                                                                           *const cqli_query_keyspaces;

/* Rows of system.local (whose address is of no use: `self` is how we reached it), of system.peers_v2, of system.peers
 * (the port of self is used). Where self is a host id, all nodes are reached by theirs. Columns are found by name;
 * unknown ones are ignored. Peers without host id, address, datacenter or tokens are left out (they join, or are gone),
 * and so are those whose address is 0.0.0.0 or :: unless `peer` gives another. A missing rack or release is "". Tokens
 * of another partitioner than Murmur3Partitioner are counted as none, and the node is kept. Reads from the first row
 * on, wherever rows was. Everything is copied into a. CQL_NOMEM; CQL_MALFORMED: lengths lie, a value has an odd length,
 * or system.local is empty. */
cql_status cqli_nodes_read_local(cql_arena *a, cql_result *rows, const cqli_address *self, cqli_node *out,
                                 cql_error *err);
cql_status cqli_nodes_read_peers(cql_arena *a, cql_result *rows, const cqli_address *self, cqli_node **out,
                                 uint32_t *count, cql_error *err);

/* --- the map (map.c, ring.c, replication.c) ----------------------------------------------------------------------- */

/* Immutable to look at, counted (atomically), shared by threads. alloc must be usable from any of them: lists of
 * replicas are made when they are first asked for. They take 2 bytes a replica and token (256,000 tokens with 3
 * replicas: 1.5 MB and 15 to 20 ms), once for all keyspaces of one replication, and at most 64 MB in all; what would
 * not fit is unknown. The map itself takes some 20 bytes a token. */
typedef struct cqli_map cqli_map;

enum { CQLI_NODES_MAX = 16384 };

/* Of nodes with the same host id the first is kept: put the local one first, since peers may list it as well.
 * keyspaces: rows of cqli_query_keyspaces, or NULL: none are known, every request goes round. For a keyspace whose
 * strategy is not SimpleStrategy, NetworkTopologyStrategy or EverywhereStrategy there are no replicas to prefer; of
 * LocalStrategy each node has its own rows. Copies all. CQL_NOMEM, CQL_MALFORMED; CQL_LIMIT: too many nodes. */
cql_status cqli_map_new(cqli_map **out, const cql_alloc *alloc, const cqli_node *nodes, uint32_t count,
                        cql_result *keyspaces, cql_error *err);
cqli_map *cqli_map_retain(cqli_map *m);
void cqli_map_release(cqli_map *m); /* NULL is fine */
uint32_t cqli_map_node_count(const cqli_map *m);
const cqli_node *cqli_map_node(const cqli_map *m, uint32_t i);
/* Indexes of the nodes that hold token in a keyspace, in the order of the ring (NetworkTopologyStrategy: racks that
 * were seen are skipped until all were seen, as NetworkTopologyStrategy.java does); transient ones too. *count 0:
 * unknown. Borrowed from m. */
void cqli_map_replicas(const cqli_map *m, const char *keyspace, int64_t token, const uint16_t **out, uint32_t *count);

/* --- which nodes to ask, in which order (plan.c) ------------------------------------------------------------------ */

enum { CQLI_PLAN_MAX = 1024 }; /* nodes of a cluster that one request may try */

typedef struct cqli_plan_question {
  const char *keyspace; /* of the routing key; NULL: no routing key */
  int64_t token;
  const char *local_dc; /* not NULL */
  bool in_ring_order;   /* conditional: the same replica first for everybody */
  uint64_t random;      /* spreads load: replicas are tried in a random order, the others beginning at a random one */
} cqli_plan_question;

/* Fills out with indexes of nodes: replicas of the local datacenter, then the others of it, each once. Nodes of other
 * datacenters are not asked. Returns how many: 0 when the datacenter is not known. Whether a node is up is not looked
 * at. */
uint32_t cqli_plan_fill(const cqli_map *m, const cqli_plan_question *q, uint16_t *out, uint32_t room);

/* --- ask again? (retry.c) ----------------------------------------------------------------------------------------- */

typedef enum cqli_verdict {
  CQLI_GIVE_UP,   /* the error is the answer */
  CQLI_SAME_NODE, /* once more there */
  CQLI_NEXT_NODE,
  CQLI_LATER,  /* anywhere, when the rate limit lets it */
  CQLI_PREPARE /* the statement that the error names, there, then once more */
} cqli_verdict;

typedef struct cqli_failure {
  const cql_error *error; /* a server's, or the connection's: CQL_CONNECTION, CQL_TIMEOUT (of a handshake or heartbeat;
                             the request's own deadline is final, and not asked about), … */
  bool may_have_run;      /* false: no byte of it can have reached a node that acts on it */
  bool is_idempotent;
  bool is_conditional;
  bool is_one_write; /* for certain: to one partition, or as a batch that is logged first */
  uint32_t retries;  /* so far, of this request, wherever; nodes that were skipped do not count */
  uint32_t prepares;
  uint32_t doubts;          /* of its statements were prepared anew because a node held its values invalid */
  uint32_t statement_count; /* of a batch, each of which may have to be prepared; 0: one */
} cqli_failure;

/* The table, with its reasons, stands in retry.c. Nothing that may have run is sent again unless it is idempotent.
 * CQLI_NEXT_NODE when the plan has no further node: the error is the answer. */
cqli_verdict cqli_retry(const cqli_failure *f);
bool cqli_is_rate_limit(const cql_error *err); /* the database refuses requests over its rate, before they run */

/* --- slower? (limited.c) ------------------------------------------------------------------------------------------ */

typedef struct cqli_limited {
  _Atomic(bool) is_on; /* the others belong to the loop, and count while it is */
  uint64_t gap_us;     /* between two requests */
  uint64_t next_us;    /* nothing is sent before */
  uint64_t widened_us, eased_us;
} cqli_limited;

/* Times are any clock's that does not go back; random: any number, another one each time. */
void cqli_limited_refused(cqli_limited *l, uint64_t sent_us, uint64_t now_us, uint64_t random);
uint32_t cqli_limited_wait_ms(cqli_limited *l, uint64_t now_us); /* until the next request may be sent; 0: now */
void cqli_limited_sent(cqli_limited *l, uint64_t now_us, uint64_t random);
static inline bool cqli_limited_is_on(const cqli_limited *l) {
  return atomic_load_explicit(&l->is_on, memory_order_relaxed);
}

/* --- time (backoff.c, deadlines.c) -------------------------------------------------------------------------------- */

/* How long to wait before the next attempt to connect: min, doubled each time up to max, and of that a random part from
 * a half to the whole. attempt counts from 0; min_ms <= max_ms. */
uint32_t cqli_backoff_ms(uint32_t min_ms, uint32_t max_ms, uint32_t attempt, uint64_t random);

/* A heap of moments. An entry is part of what waits (no allocation per entry), and knows its place; it begins with
 * place 0. at_ms may be written while it is in the heap only if cqli_deadlines_put() follows at once. */
typedef struct cqli_deadline {
  uint64_t at_ms;
  uint32_t place; /* 0: not in the heap, else its index + 1 */
  bool is_sure;   /* it has a place of its own */
} cqli_deadline;

typedef struct cqli_deadlines {
  const cql_alloc *alloc;
  cqli_deadline **heap;
  uint32_t count, room;
  uint32_t absent; /* sure ones that are not in the heap: so much room is left for them */
} cqli_deadlines;

void cqli_deadlines_init(cqli_deadlines *d, const cql_alloc *alloc);
void cqli_deadlines_free(cqli_deadlines *d);
cql_status cqli_deadlines_put(cqli_deadlines *d, cqli_deadline *entry); /* moves one that is there; CQL_NOMEM: is out */
void cqli_deadlines_remove(cqli_deadlines *d, cqli_deadline *entry);    /* not in it: fine */
/* From now on, until it is let go, it can always be put in. It is not in it. CQL_NOMEM. Let go of an entry that is not
 * sure, it is only removed. */
cql_status cqli_deadlines_assure(cqli_deadlines *d, cqli_deadline *entry);
void cqli_deadlines_let_go(cqli_deadlines *d, cqli_deadline *entry);
cqli_deadline *cqli_deadlines_first(const cqli_deadlines *d); /* NULL: empty */

#endif
