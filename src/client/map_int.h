/* map_int.h: what the files of the map share: rows by column name, the ring, datacenters, replications. */
#ifndef CQLI_MAP_INT_H
#define CQLI_MAP_INT_H

#include <stdatomic.h>

#include "client/map.h"

/* --- rows by column name (rows.c) --------------------------------------------------------------------------------- */

typedef struct cqli_rows {
  cql_result *result;
  cql_value *cells;
} cqli_rows;

/* Begins before the first row, wherever rows was. CQL_MALFORMED: it promises more rows than its bytes can hold. */
cql_status cqli_rows_open(cqli_rows *r, cql_arena *a, cql_result *rows, cql_error *err);
/* CQL_DONE at the end; CQL_MALFORMED. */
cql_status cqli_rows_next(cqli_rows *r, cql_error *err);
/* The cell of this row. data NULL: null, or there is no such column. */
cql_slice cqli_rows_cell(const cqli_rows *r, const char *name);
/* The same for a set, list or map of texts. CQL_DONE: null, or no such column; CQL_MALFORMED. */
cql_status cqli_rows_elements(const cqli_rows *r, const char *name, cql_elements *out, cql_error *err);

/* --- the ring (ring.c) -------------------------------------------------------------------------------------------- */

typedef struct cqli_ring {
  const int64_t *tokens; /* ascending, each once */
  const uint16_t *owners;
  uint32_t count;
} cqli_ring;

/* Of two nodes that claim a token the first in nodes has it. CQL_NOMEM. */
cql_status cqli_ring_build(cqli_ring *out, cql_arena *a, const cql_alloc *alloc, const cqli_node *nodes,
                           uint32_t count);
/* The place whose owner holds token: the first at or behind it, round the end. The ring is not empty. */
uint32_t cqli_ring_find(const cqli_ring *r, int64_t token);

/* --- datacenters and racks (topology.c) --------------------------------------------------------------------------- */

typedef struct cqli_dc {
  const char *name;
  uint16_t *nodes; /* indexes, ascending */
  uint32_t node_count;
  uint32_t owner_count; /* nodes that have a place in the ring: replicas can be no others */
  uint32_t rack_count;  /* of those */
} cqli_dc;

typedef struct cqli_topology {
  cqli_dc *dcs;
  uint32_t dc_count;
  uint32_t owner_count, rack_count; /* of all datacenters */
  uint16_t *dc_of;                  /* by node */
  uint16_t *rack_of;                /* by node; racks of two datacenters are two, whatever their names. Owners only */
} cqli_topology;

cql_status cqli_topology_build(cqli_topology *out, cql_arena *a, const cqli_node *nodes, uint32_t count,
                               const cqli_ring *ring);                   /* CQL_NOMEM */
const cqli_dc *cqli_topology_dc(const cqli_topology *t, cql_slice name); /* NULL: there is none */

/* --- replication (replication.c) and where it puts replicas (placement.c) ----------------------------------------- */

/* So many replicas in a datacenter, or, dc being CQLI_ANYWHERE, in the cluster whatever the racks. */
enum { CQLI_ANYWHERE = 0xFFFF };
typedef struct cqli_share {
  uint16_t dc;
  uint16_t factor; /* 1 … the nodes that there are */
} cqli_share;

/* What keyspaces of the same replication have in common. Their lists are made when somebody first asks: a cluster has
 * more keyspaces than one program uses. Two threads may make them at once; one of the two is kept. */
typedef struct cqli_replication {
  cqli_share *shares; /* by dc */
  uint32_t share_count;
  uint32_t width;                  /* replicas of each token */
  _Atomic(const uint16_t *) lists; /* width indexes for each place of the ring; NULL: not made yet */
} cqli_replication;

/* The value of `replication`, a map of texts. *out is NULL when the strategy is not known, or there are no replicas to
 * prefer. CQL_MALFORMED, CQL_NOMEM. */
cql_status cqli_replication_read(cqli_replication **out, cql_arena *a, cql_elements *options, const cqli_topology *t,
                                 cql_error *err);
bool cqli_replication_eq(const cqli_replication *x, const cqli_replication *y);

/* Fills lists (ring->count * p->width indexes). CQL_NOMEM; CQL_LIMIT: it would take too long. */
cql_status cqli_place(const cqli_replication *p, const cqli_ring *ring, const cqli_topology *t, uint32_t node_count,
                      const cql_alloc *alloc, uint16_t *lists);

/* --- the map ------------------------------------------------------------------------------------------------------ */

typedef struct cqli_keyspace {
  const char *name;
  cqli_replication *replication; /* NULL: unknown */
} cqli_keyspace;

struct cqli_map {
  const cql_alloc *alloc;
  cql_arena arena; /* everything but the lists */
  atomic_uint holders;
  cqli_node *nodes;
  uint32_t node_count;
  cqli_ring ring;
  cqli_topology topology;
  cqli_keyspace *keyspaces; /* by name */
  uint32_t keyspace_count;
  cqli_replication **replications; /* each once */
  uint32_t replication_count;
  atomic_size_t *lists_len; /* bytes of all lists */
};

#endif
