/* cluster.h: what these tests share: chance, memory that runs out, rows of system tables, clusters that do not exist.
 */
#ifndef TEST_CLUSTER_H
#define TEST_CLUSTER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/map.h"

/* --- chance ------------------------------------------------------------------------------------------------------- */

typedef struct rng {
  uint64_t state; /* not 0 */
} rng;

uint64_t rng_next(rng *r);
uint32_t rng_below(rng *r, uint32_t n);

/* --- memory ------------------------------------------------------------------------------------------------------- */

typedef struct faulty {
  size_t left; /* allocations until the one that fails; SIZE_MAX: none does */
  bool fired;
  size_t live_bytes;
} faulty;

cql_alloc faulty_alloc(faulty *f);

/* --- rows --------------------------------------------------------------------------------------------------------- */

/* columns: pairs of name and CQL type, then NULL. */
cql_result *rows_new(const char *const *columns);
/* A row of literals, one for each column: "'dc1'", "null". A text that begins with 0x stands for bytes as they are. */
void rows_put(cql_result *r, const char *const *literals);

/* --- clusters ----------------------------------------------------------------------------------------------------- */

enum { CLUSTER_NODES_MAX = 1024 };

typedef struct cluster {
  cql_arena a;
  cqli_node *nodes;
  uint32_t count;
} cluster;

void cluster_init(cluster *c);
void cluster_free(cluster *c);
/* dc and rack are copied, tokens too. */
void cluster_add(cluster *c, const char *dc, const char *rack, const int64_t *tokens, uint32_t token_count);
/* A node with so many tokens by chance. */
void cluster_add_random(cluster *c, rng *r, const char *dc, const char *rack, uint32_t token_count);

cql_result *keyspaces_new(void);
void keyspaces_put(cql_result *r, const char *name, const char *replication);

#endif
