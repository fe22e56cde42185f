#include "cluster.h"

#include <stdlib.h>
#include <string.h>

uint64_t rng_next(rng *r) {
  r->state ^= r->state << 13;
  r->state ^= r->state >> 7;
  r->state ^= r->state << 17;
  return r->state;
}

uint32_t rng_below(rng *r, uint32_t n) {
  return (uint32_t)((rng_next(r) >> 16) % n);
}

static void *resize(void *user, void *ptr, size_t old_size, size_t new_size) {
  faulty *f = user;
  if (new_size == 0) {
    f->live_bytes -= old_size;
    free(ptr);
    return NULL;
  }
  if (!f->fired && f->left-- == 0) {
    f->fired = true;
    return NULL;
  }
  f->live_bytes += new_size - old_size;
  return realloc(ptr, new_size);
}

cql_alloc faulty_alloc(faulty *f) {
  return (cql_alloc){resize, f};
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

cql_result *rows_new(const char *const *columns) {
  cql_result *r = cql_result_new(&cql_alloc_libc, 1 << 24);
  assert_non_null(r);
  r->kind = CQL_RESULT_ROWS;
  while (columns[2 * r->column_count] != NULL) r->column_count++;
  r->columns = cql_arena_zero(&r->arena, r->column_count * sizeof *r->columns);
  for (uint32_t i = 0; i < r->column_count; i++) {
    r->columns[i] = (cql_column){"system", "t", columns[2 * i], NULL};
    cql_slice type = cql_slice_str(columns[2 * i + 1]);
    assert_int_equal(cql_type_parse_cql(&r->arena, type, NULL, &r->columns[i].type, NULL), CQL_OK);
  }
  return r;
}

static cql_slice unhex(cql_arena *a, const char *hex) {
  size_t len = strlen(hex) / 2;
  uint8_t *out = cql_arena_get(a, len);
  for (size_t i = 0; i < len; i++) {
    char digits[] = {hex[2 * i], hex[2 * i + 1], '\0'};
    out[i] = (uint8_t)strtoul(digits, NULL, 16);
  }
  return cql_slice_of(out, len);
}

void rows_put(cql_result *r, const char *const *literals) {
  cql_error err = {0};
  for (uint32_t i = 0; i < r->column_count; i++) {
    cql_slice value;
    if (strncmp(literals[i], "0x", 2) == 0)
      value = unhex(&r->arena, literals[i] + 2);
    else if (cql_value_parse(&r->arena, r->columns[i].type, cql_slice_str(literals[i]), &value, &err) != CQL_OK)
      fail_msg("%s: %s", literals[i], err.message);
    cql_result_put_cell(r, value);
  }
  r->row_count++;
  assert_int_equal(r->body.st, CQL_OK);
}

/* --- clusters ----------------------------------------------------------------------------------------------------- */

void cluster_init(cluster *c) {
  *c = (cluster){.count = 0};
  cql_arena_init(&c->a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  c->nodes = cql_arena_zero(&c->a, CLUSTER_NODES_MAX * sizeof *c->nodes);
  assert_non_null(c->nodes);
}

void cluster_free(cluster *c) {
  cql_arena_free(&c->a);
}

void cluster_add(cluster *c, const char *dc, const char *rack, const int64_t *tokens, uint32_t token_count) {
  assert_true(c->count < CLUSTER_NODES_MAX);
  cqli_node *n = &c->nodes[c->count++];
  *n = (cqli_node){.release = "5.0.8", .token_count = token_count};
  cql_store_u32(n->host_id, c->count);
  n->address = (cqli_address){.len = 4, .bytes = {10, 0, (uint8_t)(c->count >> 8), (uint8_t)c->count}, .port = 9042};
  n->dc = cql_arena_str(&c->a, cql_slice_str(dc));
  n->rack = cql_arena_str(&c->a, cql_slice_str(rack));
  n->tokens = cql_arena_copy(&c->a, tokens, token_count * sizeof *tokens);
}

void cluster_add_random(cluster *c, rng *r, const char *dc, const char *rack, uint32_t token_count) {
  int64_t tokens[256];
  assert_true(token_count <= 256);
  for (uint32_t i = 0; i < token_count; i++) tokens[i] = (int64_t)rng_next(r);
  cluster_add(c, dc, rack, tokens, token_count);
}

cql_result *keyspaces_new(void) {
  static const char *const COLUMNS[] = {"keyspace_name", "text", "replication", "frozen<map<text, text>>", NULL};
  return rows_new(COLUMNS);
}

void keyspaces_put(cql_result *r, const char *name, const char *replication) {
  const char *quoted = cql_arena_printf(&r->arena, "'%s'", name);
  rows_put(r, (const char *const[]){quoted, replication});
}
