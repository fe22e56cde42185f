/* fake_cluster.h: one or two fake servers that say that they are a cluster: what they tell of themselves and of each
 * other, which of them owns a key, statements that they know or have forgotten, schemas on which they agree or not.
 *
 * Both have the address 127.0.0.1, and a port of their own. Keyspace "ks" has one replica: node 0 owns the keys of
 * fake_key(0), node 1 those of fake_key(1), so that a test knows whom a request is sent to first.
 *
 * PREPARE gives a statement with one marker, the partition key, and rows of one column; EXECUTE echoes the value of the
 * marker. A QUERY that begins with CREATE changes the schema; others echo their text.
 */
#ifndef TEST_FAKE_CLUSTER_H
#define TEST_FAKE_CLUSTER_H

#include <stdatomic.h>

#include "cluster.h"
#include "fake_server.h"

enum { FAKE_NODES_MAX = 2 };

typedef struct fake_cluster fake_cluster;

typedef struct fake_node {
  fake_cluster *cluster;
  uint32_t index;
  fake_server *server;
  _Atomic(uint16_t) port; /* the others tell of it even when it is stopped */
  /* To be changed at any time. */
  _Atomic(uint32_t) schema;    /* what stands for the version of its schema; 0 at first, for all */
  _Atomic(uint32_t) gossip;    /* which one the other node has heard of */
  _Atomic(bool) has_forgotten; /* EXECUTE is UNPREPARED until the next PREPARE */
  _Atomic(bool) has_left;      /* the other one does not name it any more */
} fake_node;

struct fake_cluster {
  uint32_t count;
  const char *cert, *key, *client_ca; /* as of a fake_config */
  fake_node nodes[FAKE_NODES_MAX];
  _Atomic(uint32_t) shape; /* of the statement's rows: so many columns more than one; another one has another id */
};

fake_cluster *fake_cluster_start(uint32_t count); /* in version 5 */
/* With TLS; PEM, borrowed. */
fake_cluster *fake_cluster_start_secure(uint32_t count, const char *cert, const char *key, const char *client_ca);
void fake_cluster_stop(fake_cluster *c);

/* A key that this node owns, as CQL text; a literal. */
const char *fake_key(uint32_t node);
uint32_t fake_cluster_requests(fake_cluster *c, int opcode);    /* of all nodes */
void fake_cluster_rule(fake_cluster *c, const fake_rule *rule); /* at each node */
/* It goes, and comes again at that address, with its port. */
void fake_cluster_move(fake_cluster *c, uint32_t node, const char *address);
/* TOPOLOGY_CHANGE: the nodes are read anew. */
void fake_cluster_announce(fake_cluster *c);

#endif
