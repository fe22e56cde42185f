/* topk.c: the rows nearest to a vector, out of all that a query leaves: no more than a few times LIMIT of them are
 * held. Every one is compared, so what is found is exact; Cassandra's graph of neighbours may miss one.
 */
#include "engine/select/select_int.h"

#include <stdlib.h>
#include <string.h>

enum { SLACK = 64 };

cql_status cqle_topk_init(cqle_topk *k, cql_arena *a, uint32_t limit) {
  *k = (cqle_topk){.limit = limit, .room = 2 * limit + SLACK};
  k->rows = cql_arena_array(a, k->room, sizeof *k->rows);
  return k->rows != NULL ? CQL_OK : CQL_NOMEM;
}

/* The nearest first; of equal ones the one that came first. */
static int nearer(const void *px, const void *py) {
  const cqle_topk_row *x = px, *y = py;
  if (x->score != y->score) return x->score > y->score ? -1 : 1;
  return x->order < y->order ? -1 : x->order > y->order;
}

cql_status cqle_topk_finish(cqle_topk *k, cql_result *result) {
  cql_buf body;
  qsort(k->rows, k->count, sizeof *k->rows, nearer);
  if (k->count > k->limit) k->count = k->limit;
  cql_buf_init(&body, result->alloc, result->body.limit);
  for (uint32_t i = 0; i < k->count; i++) {
    size_t from = body.len;
    cql_buf_put(&body, result->body.data + k->rows[i].from, k->rows[i].len);
    k->rows[i].from = from;
  }
  cql_buf_free(&result->body);
  result->body = body;
  result->row_count = k->count;
  if (k->count == k->limit) {
    k->full = true;
    k->worst = k->rows[k->count - 1].score;
  }
  return body.st;
}

bool cqle_topk_wants(const cqle_topk *k, double score) {
  return !k->full || score > k->worst;
}

cql_status cqle_topk_add(cqle_topk *k, double score, size_t from, cql_result *result) {
  k->rows[k->count++] = (cqle_topk_row){score, k->added++, from, result->body.len - from};
  return k->count == k->room ? cqle_topk_finish(k, result) : CQL_OK;
}
