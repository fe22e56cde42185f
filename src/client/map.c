/* map.c: one picture of the cluster, for all threads: what it was made of, and what follows from it. */
#include "client/map_int.h"

#include <stdlib.h>
#include <string.h>

/* What the lists of all replications of one map may take. A keyspace beyond has no replicas to prefer: its requests go
 * round, which is slower and not wrong. */
#define LISTS_LEN_MAX ((size_t)64 << 20)

/* --- nodes -------------------------------------------------------------------------------------------------------- */

static bool is_known(const cqli_map *m, const cqli_node *n) {
  static const uint8_t NO_ID[16];
  if (memcmp(n->host_id, NO_ID, 16) == 0) return false;
  for (uint32_t i = 0; i < m->node_count; i++)
    if (memcmp(m->nodes[i].host_id, n->host_id, 16) == 0) return true;
  return false;
}

static cql_status copy_node(cqli_map *m, const cqli_node *n) {
  cqli_node *out = &m->nodes[m->node_count];
  *out = *n;
  out->dc = cql_arena_str(&m->arena, cql_slice_str(n->dc));
  out->rack = cql_arena_str(&m->arena, cql_slice_str(n->rack));
  out->release = cql_arena_str(&m->arena, cql_slice_str(n->release));
  out->tokens = cql_arena_copy(&m->arena, n->tokens, n->token_count * sizeof *n->tokens);
  if (m->arena.failed) return CQL_NOMEM;
  m->node_count++;
  return CQL_OK;
}

static cql_status copy_nodes(cqli_map *m, const cqli_node *nodes, uint32_t count) {
  m->nodes = cql_arena_array(&m->arena, count, sizeof *m->nodes);
  if (m->nodes == NULL) return CQL_NOMEM;
  for (uint32_t i = 0; i < count; i++)
    if (!is_known(m, &nodes[i]) && copy_node(m, &nodes[i]) != CQL_OK) return CQL_NOMEM;
  return CQL_OK;
}

/* --- keyspaces ---------------------------------------------------------------------------------------------------- */

static int cmp_keyspaces(const void *x, const void *y) {
  return strcmp(((const cqli_keyspace *)x)->name, ((const cqli_keyspace *)y)->name);
}

/* The one that is equal to p already, else p. */
static cqli_replication *share_replication(cqli_map *m, cqli_replication *p) {
  for (uint32_t i = 0; i < m->replication_count; i++)
    if (cqli_replication_eq(m->replications[i], p)) return m->replications[i];
  return m->replications[m->replication_count++] = p;
}

static cql_status read_keyspace(cqli_map *m, const cqli_rows *r, cql_error *err) {
  cql_elements options;
  cqli_replication *p;
  cql_slice name = cqli_rows_cell(r, "keyspace_name");
  cql_status st = cqli_rows_elements(r, "replication", &options, err);
  if (st == CQL_DONE || name.data == NULL) return CQL_OK;
  if (st != CQL_OK) return st;
  if (options.type->code != CQL_TYPE_MAP) return cql_fail(err, CQL_MALFORMED, "replication is no map");
  st = cqli_replication_read(&p, &m->arena, &options, &m->topology, err);
  if (st != CQL_OK || p == NULL) return st;
  cqli_keyspace *k = &m->keyspaces[m->keyspace_count];
  k->name = cql_arena_str(&m->arena, name);
  k->replication = share_replication(m, p);
  if (k->name == NULL) return cql_fail(err, CQL_NOMEM, "out of memory");
  m->keyspace_count++;
  return CQL_OK;
}

static cql_status read_keyspaces(cqli_map *m, cql_result *rows, cql_error *err) {
  cqli_rows r;
  cql_status st = cqli_rows_open(&r, &m->arena, rows, err);
  if (st != CQL_OK) return st;
  m->keyspaces = cql_arena_array(&m->arena, rows->row_count, sizeof *m->keyspaces);
  m->replications = cql_arena_array(&m->arena, rows->row_count, sizeof *m->replications);
  if (m->keyspaces == NULL || m->replications == NULL) return cql_fail(err, CQL_NOMEM, "out of memory");
  while ((st = cqli_rows_next(&r, err)) == CQL_OK)
    if ((st = read_keyspace(m, &r, err)) != CQL_OK) return st;
  if (m->keyspace_count > 0) qsort(m->keyspaces, m->keyspace_count, sizeof *m->keyspaces, cmp_keyspaces);
  return st == CQL_DONE ? CQL_OK : st;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static cql_status build(cqli_map *m, const cqli_node *nodes, uint32_t count) {
  cql_status st;
  CQL_TRY(copy_nodes(m, nodes, count));
  CQL_TRY(cqli_ring_build(&m->ring, &m->arena, m->alloc, m->nodes, m->node_count));
  CQL_TRY(cqli_topology_build(&m->topology, &m->arena, m->nodes, m->node_count, &m->ring));
  m->lists_len = cql_arena_get(&m->arena, sizeof *m->lists_len);
  CQL_CHECK(m->lists_len != NULL, CQL_NOMEM);
  atomic_init(m->lists_len, 0);
done:
  return st;
}

cql_status cqli_map_new(cqli_map **out, const cql_alloc *alloc, const cqli_node *nodes, uint32_t count,
                        cql_result *keyspaces, cql_error *err) {
  *out = NULL;
  if (count > CQLI_NODES_MAX) return cql_fail(err, CQL_LIMIT, "a cluster of more than %d nodes", CQLI_NODES_MAX);
  cqli_map *m = cql_alloc_new(alloc, sizeof *m);
  if (m == NULL) return cql_fail(err, CQL_NOMEM, "out of memory");
  m->alloc = alloc;
  cql_arena_init(&m->arena, alloc, CQL_ARENA_LIMIT_DEFAULT);
  atomic_init(&m->holders, 1);
  cql_status st = build(m, nodes, count);
  if (st != CQL_OK) cql_fail(err, st, "out of memory");
  if (st == CQL_OK && keyspaces != NULL) st = read_keyspaces(m, keyspaces, err);
  if (st == CQL_OK)
    *out = m;
  else
    cqli_map_release(m);
  return st;
}

cqli_map *cqli_map_retain(cqli_map *m) {
  atomic_fetch_add_explicit(&m->holders, 1, memory_order_relaxed);
  return m;
}

static size_t lists_size(const cqli_map *m, const cqli_replication *p) {
  return (size_t)m->ring.count * p->width * sizeof(uint16_t);
}

void cqli_map_release(cqli_map *m) {
  if (m == NULL || atomic_fetch_sub_explicit(&m->holders, 1, memory_order_acq_rel) > 1) return;
  for (uint32_t i = 0; i < m->replication_count; i++) {
    cqli_replication *p = m->replications[i];
    cql_alloc_free(m->alloc, (uint16_t *)atomic_load(&p->lists), lists_size(m, p));
  }
  cql_arena_free(&m->arena);
  cql_alloc_free(m->alloc, m, sizeof *m);
}

uint32_t cqli_map_node_count(const cqli_map *m) {
  return m->node_count;
}

const cqli_node *cqli_map_node(const cqli_map *m, uint32_t i) {
  return &m->nodes[i];
}

/* --- replicas ----------------------------------------------------------------------------------------------------- */

/* Makes the lists and shows them to all threads. NULL: they may not, or cannot be made now. */
static const uint16_t *make_lists(const cqli_map *m, cqli_replication *p) {
  size_t size = lists_size(m, p);
  const uint16_t *others = NULL;
  uint16_t *lists = NULL;
  if (size > LISTS_LEN_MAX) return NULL;
  if (atomic_fetch_add(m->lists_len, size) <= LISTS_LEN_MAX - size) lists = cql_alloc_new(m->alloc, size);
  bool made = lists != NULL && cqli_place(p, &m->ring, &m->topology, m->node_count, m->alloc, lists) == CQL_OK;
  if (made && atomic_compare_exchange_strong(&p->lists, &others, lists)) return lists;
  atomic_fetch_sub(m->lists_len, size);
  cql_alloc_free(m->alloc, lists, size);
  return others; /* another thread was faster */
}

void cqli_map_replicas(const cqli_map *m, const char *keyspace, int64_t token, const uint16_t **out, uint32_t *count) {
  cqli_keyspace sought = {.name = keyspace};
  *out = NULL;
  *count = 0;
  if (m->keyspace_count == 0) return;
  const cqli_keyspace *k = bsearch(&sought, m->keyspaces, m->keyspace_count, sizeof sought, cmp_keyspaces);
  if (k == NULL) return;
  const uint16_t *lists = atomic_load_explicit(&k->replication->lists, memory_order_acquire);
  if (lists == NULL) lists = make_lists(m, k->replication);
  if (lists == NULL) return;
  *out = lists + (size_t)cqli_ring_find(&m->ring, token) * k->replication->width;
  *count = k->replication->width;
}
