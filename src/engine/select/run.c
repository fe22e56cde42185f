/* run.c: one page of a SELECT: rows from the reader through limits and groups into the result's body. */
#include "engine/select/select_int.h"

#include <stdlib.h>
#include <string.h>

#include "engine/term/json.h"

#define GROUP_ARENA_MAX ((size_t)1 << 30)
#define SORT_KEY_MAX    ((size_t)4 << 20)

typedef struct sorted_row {
  cql_slice key;
  size_t from, len; /* in the body */
} sorted_row;

typedef struct run {
  cqle_exec *x;
  const cqle_select_plan *p;
  cqle_reader reader;
  cqle_eval eval;
  cql_arena group_arena;
  uint64_t page_size; /* UINT64_MAX: no paging */
  uint64_t limit, partition_limit;
  uint64_t remaining, partition_left;
  bool group_open, page_full;
  cqle_page_state state; /* of the last row that was put */
  cql_buf key, kept_key; /* of the group */
  cql_buf order;         /* sorting: what places the row, or the group by its first row */
  cql_buf kept_pkey, kept_position;
  size_t sorted_count, sorted_cap;
  sorted_row *sorted;
  cql_slice ann_of; /* ORDER BY … ANN OF */
  cqle_topk topk;
  cql_buf json;
} run;

/* --- limits ------------------------------------------------------------------------------------------------------- */

static cql_status eval_limit(cqle_exec *x, const cqle_expr *e, uint64_t *out) {
  int32_t value;
  bool null, unset;
  *out = UINT64_MAX;
  if (e == NULL) return CQL_OK;
  cql_status st = cqle_expr_eval_int(x, e, &value, &null, &unset);
  if (st != CQL_OK || unset) return st;
  if (null) return cql_fail(x->err, CQL_INVALID, "Invalid null value of limit");
  if (value <= 0) return cql_fail(x->err, CQL_INVALID, "LIMIT must be strictly positive");
  *out = (uint64_t)value;
  return CQL_OK;
}

static bool one_group(const cqle_select_plan *p) {
  return p->aggregates && !p->groups;
}

/* All rows are looked at, and none of them fills a page or the limit. */
static cql_status begin_ann(run *r) {
  r->page_size = r->remaining = UINT64_MAX;
  cql_status st = cqle_ann_begin(r->x, r->p, r->limit, &r->ann_of);
  return st == CQL_OK ? cqle_topk_init(&r->topk, r->x->arena, (uint32_t)r->limit) : st;
}

static cql_status begin(run *r) {
  cql_status st = CQL_OK;
  cqle_exec *x = r->x;
  int32_t page_size = x->request->page_size;
  CQL_TRY(eval_limit(x, r->p->limit, &r->limit));
  CQL_TRY(eval_limit(x, r->p->partition_limit, &r->partition_limit));
  if (r->p->distinct) r->partition_limit = 1;
  if (one_group(r->p)) r->limit = UINT64_MAX;
  r->page_size = page_size > 0 && !one_group(r->p) ? (uint64_t)page_size : UINT64_MAX;
  r->remaining = r->limit;
  if (r->p->sort_count > 0) r->page_size = UINT64_MAX;
  if (r->p->ann != NULL) return begin_ann(r);
  CQL_TRY(cqle_page_state_get(x, r->p, &r->state));
  if (r->state.given) r->remaining = r->state.remaining;
done:
  return st;
}

/* Rows cannot be sorted page by page. Cassandra does not mind where the keys alone say that there are none. */
static cql_status check_sorting(run *r) {
  if (r->p->sort_count == 0 || r->x->request->page_size <= 0) return CQL_OK;
  if (!r->p->aggregates && r->reader.rows == NULL && r->reader.source.settled) return CQL_OK;
  return cql_fail(r->x->err, CQL_INVALID,
                  "Cannot page queries with both ORDER BY and a IN restriction on the partition key; you must either "
                  "remove the ORDER BY or the IN and sort client side, or disable paging for this query");
}

/* --- rows into the body ------------------------------------------------------------------------------------------- */

static cql_status value_for(run *r, const cqle_node *n, cql_slice *out) {
  if (r->p->aggregates) return cqle_eval_group_value(&r->eval, n, out);
  return cqle_eval_row(&r->eval, n, &r->reader.view, out);
}

static cql_status put_json(run *r) {
  cql_status st = CQL_OK;
  cql_buf_reset(&r->json);
  cql_buf_str(&r->json, "{");
  for (uint32_t i = 0; i < r->p->selection.count; i++) {
    cql_slice value;
    CQL_TRY(value_for(r, r->p->selection.nodes[i], &value));
    if (i > 0) cql_buf_str(&r->json, ", ");
    cqle_json_put_name(&r->json, r->p->selection.columns[i].name);
    cql_buf_str(&r->json, ": ");
    CQL_TRY(cqle_json_put(&r->json, r->p->selection.nodes[i]->type, value));
  }
  cql_buf_str(&r->json, "}");
  CQL_TRY(r->json.st);
  cql_result_put_cell(r->x->result, cql_buf_view(&r->json));
done:
  return st;
}

static cql_status put_cells(run *r) {
  const cqle_selection *s = &r->p->selection;
  if (r->p->is_json) return put_json(r);
  for (uint32_t i = 0; i < s->count; i++) {
    cql_slice value;
    cql_status st = value_for(r, s->nodes[i], &value);
    if (st != CQL_OK) return st;
    cql_result_put_cell(r->x->result, value);
  }
  return r->x->result->body.st;
}

/* CQL_DONE: the page or the limit is full. */
static cql_status put_row(run *r) {
  cql_status st = put_cells(r);
  if (st == CQL_LIMIT) st = cql_fail(r->x->err, st, "A page of rows is larger than the limit of a result");
  if (st != CQL_OK) return st;
  r->x->result->row_count++;
  if (r->partition_left != UINT64_MAX) r->partition_left--;
  if (r->p->sort_count > 0) return CQL_OK;
  if (r->remaining != UINT64_MAX && --r->remaining == 0) return CQL_DONE;
  if (r->x->result->row_count < r->page_size) return CQL_OK;
  r->page_full = true;
  return CQL_DONE;
}

static void begin_partition(run *r) {
  r->partition_left = r->partition_limit;
  if (r->reader.resumed && r->partition_limit != UINT64_MAX) r->partition_left = r->state.partition_left;
  r->reader.new_partition = false;
}

/* --- sorting ------------------------------------------------------------------------------------------------------ */

/* null, of static columns without a row, comes first in clustering order, so last when that is reversed. */
static cql_status take_order(run *r) {
  enum { NULL_FIRST, VALUE, NULL_LAST };
  cql_buf_reset(&r->order);
  for (uint32_t i = 0; i < r->p->sort_count; i++) {
    const cqle_column *c = r->p->sort_columns[i];
    cql_slice cell = r->reader.view.cells[cqle_column_index(r->p->table, c)];
    uint8_t null = r->p->reversed ? NULL_LAST : NULL_FIRST;
    cql_buf_u8(&r->order, cell.data == NULL ? null : VALUE);
    if (cell.data != NULL) cql_key_put(&r->order, c->type, cell, r->p->sort_descending[i]);
  }
  return r->order.st;
}

/* The row, or the group, whose order was taken. */
static cql_status add_sorted(run *r) {
  cql_status st = CQL_OK;
  size_t from = r->x->result->body.len;
  if (r->sorted_count == r->sorted_cap) {
    size_t cap = r->sorted_cap * 2 + 64;
    sorted_row *rows = cql_arena_array(r->x->arena, cap, sizeof *rows);
    CQL_CHECK(rows != NULL, CQL_NOMEM);
    if (r->sorted_count > 0) memcpy(rows, r->sorted, r->sorted_count * sizeof *rows);
    r->sorted = rows;
    r->sorted_cap = cap;
  }
  CQL_TRY(put_row(r));
  cql_buf_u32(&r->order, (uint32_t)r->sorted_count); /* equal keys stay in the order of their partitions */
  sorted_row *row = &r->sorted[r->sorted_count++];
  CQL_TRY(r->order.st);
  CQL_TRY(cql_arena_slice(r->x->arena, cql_buf_view(&r->order), &row->key));
  row->from = from;
  row->len = r->x->result->body.len - from;
done:
  return st;
}

static int sorted_cmp(const void *px, const void *py) {
  return cql_slice_cmp(((const sorted_row *)px)->key, ((const sorted_row *)py)->key);
}

static cql_status finish_sorted(run *r) {
  cql_result *result = r->x->result;
  cql_buf body;
  if (r->sorted_count == 0) return CQL_OK;
  qsort(r->sorted, r->sorted_count, sizeof *r->sorted, sorted_cmp);
  cql_buf_init(&body, result->alloc, result->body.limit);
  size_t count = r->sorted_count < r->limit ? r->sorted_count : (size_t)r->limit;
  for (size_t i = 0; i < count; i++) cql_buf_put(&body, result->body.data + r->sorted[i].from, r->sorted[i].len);
  cql_buf_free(&result->body);
  result->body = body;
  result->row_count = count;
  return body.st;
}

static cql_status add_near(run *r) {
  double score;
  size_t from = r->x->result->body.len;
  cql_status st = cqle_ann_score(r->p, r->ann_of, &r->reader.view, &score);
  if (st == CQL_DONE || (st == CQL_OK && !cqle_topk_wants(&r->topk, score))) return CQL_OK;
  if (st == CQL_OK) st = put_row(r);
  return st == CQL_OK ? cqle_topk_add(&r->topk, score, from, r->x->result) : st;
}

/* --- groups ------------------------------------------------------------------------------------------------------- */

static void keep(cql_buf *b, cql_slice s) {
  cql_buf_reset(b);
  cql_buf_slice(b, s);
}

/* What a paging state remembers, in memory that outlives the reader's next step. */
static cql_status keep_place(run *r) {
  keep(&r->kept_pkey, r->reader.pkey.bytes);
  keep(&r->kept_position, r->reader.place.position);
  r->state.place = r->reader.place;
  r->state.partition_had_rows = r->reader.had_rows;
  return r->kept_pkey.st != CQL_OK ? r->kept_pkey.st : r->kept_position.st;
}

static cql_status group_key(run *r) {
  const cqle_table *t = r->p->table;
  const cql_slice *cells = r->reader.view.cells;
  uint32_t plain = r->p->group_clustering - (r->p->group_by != NULL ? 1 : 0);
  cql_buf_reset(&r->key);
  for (uint32_t i = 0; i < t->partition_count + plain; i++) cql_put_element(&r->key, cells[i]);
  if (r->p->group_by != NULL) {
    cql_slice value;
    cql_status st = cqle_eval_row(&r->eval, r->p->group_by, &r->reader.view, &value);
    if (st != CQL_OK) return st;
    cql_put_element(&r->key, value);
  }
  return r->key.st;
}

static cql_status close_group(run *r) {
  if (!r->group_open) return CQL_OK;
  r->group_open = false;
  return r->p->sort_count > 0 ? add_sorted(r) : put_row(r);
}

static cql_status open_group(run *r) {
  r->group_open = true;
  if (r->p->groups && r->p->sort_count > 0) {
    cql_status st = take_order(r);
    if (st != CQL_OK) return st;
  }
  return cqle_eval_group_open(&r->eval);
}

static cql_status add_to_group(run *r) {
  cql_status st = CQL_OK;
  if (r->p->groups) {
    CQL_TRY(group_key(r));
    bool same = r->group_open && cql_slice_eq(cql_buf_view(&r->key), cql_buf_view(&r->kept_key));
    if (!same) {
      CQL_TRY(close_group(r));
      if (r->reader.new_partition) begin_partition(r);
      if (r->partition_left == 0) return cqle_reader_skip_partition(&r->reader);
      CQL_TRY(open_group(r));
      keep(&r->kept_key, cql_buf_view(&r->key));
      CQL_TRY(r->kept_key.st);
    }
    CQL_TRY(keep_place(r));
  }
  CQL_TRY(cqle_eval_group_add(&r->eval, &r->reader.view));
  if (r->p->distinct) st = cqle_reader_skip_partition(&r->reader);
done:
  return st;
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

static cql_status add_row(run *r) {
  cql_status st = CQL_OK;
  if (r->p->groups) return add_to_group(r);
  if (r->reader.new_partition) begin_partition(r);
  if (r->partition_left == 0) return cqle_reader_skip_partition(&r->reader);
  if (r->p->aggregates) {
    if (r->partition_left != UINT64_MAX) r->partition_left--;
    st = cqle_eval_group_add(&r->eval, &r->reader.view);
  } else if (r->p->ann != NULL) {
    st = add_near(r);
  } else if (r->p->sort_count > 0) {
    st = take_order(r);
    if (st == CQL_OK) st = add_sorted(r);
  } else
    st = put_row(r);
  if (st == CQL_OK && r->partition_left == 0) st = cqle_reader_skip_partition(&r->reader);
  return st;
}

static cql_status loop(run *r) {
  cql_status st;
  do {
    st = cqle_reader_next(&r->reader);
    if (st == CQL_OK) st = add_row(r);
  } while (st == CQL_OK);
  return st;
}

/* Plain rows: the reader still stands at the row that filled the page. Groups: the last row of the last group was kept.
 */
static cql_status put_state(run *r) {
  cqle_page_state *s = &r->state;
  if (!r->page_full) return CQL_OK;
  if (!r->p->groups) {
    cql_status st = keep_place(r);
    if (st != CQL_OK) return st;
  }
  s->pkey = cql_buf_view(&r->kept_pkey);
  s->place.position = cql_buf_view(&r->kept_position);
  s->remaining = r->remaining;
  s->partition_left = r->partition_left;
  return cqle_page_state_put(r->x, r->p, s);
}

static cql_status finish(run *r) {
  cql_status st = CQL_OK;
  if (r->p->groups && !r->page_full && r->remaining > 0) {
    st = close_group(r);
    if (st == CQL_DONE) st = CQL_OK;
  } else if (one_group(r->p))
    st = put_row(r);
  if (st == CQL_OK && r->p->sort_count > 0) st = finish_sorted(r);
  if (st == CQL_OK && r->p->ann != NULL) st = cqle_topk_finish(&r->topk, r->x->result);
  return st == CQL_OK ? put_state(r) : st;
}

static cql_status run_select(run *r) {
  cql_status st = CQL_OK;
  CQL_TRY(begin(r));
  CQL_TRY(cqle_reader_open(&r->reader, r->x, r->p, &r->state));
  CQL_TRY(check_sorting(r));
  CQL_TRY(cqle_eval_init(&r->eval, r->x, &r->p->selection, r->p->group_by, &r->reader.row_arena, &r->group_arena));
  r->partition_left = r->partition_limit;
  if (one_group(r->p)) CQL_TRY(open_group(r));
  st = loop(r);
  if (st == CQL_DONE) st = finish(r);
done:
  return st;
}

cql_status cqle_select_execute(cqle_exec *x, const cqle_select_plan *p) {
  run r = {.x = x, .p = p};
  const cql_alloc *alloc = x->engine->alloc;
  cql_arena_init(&r.group_arena, alloc, GROUP_ARENA_MAX);
  cql_buf_init(&r.key, alloc, SORT_KEY_MAX);
  cql_buf_init(&r.kept_key, alloc, SORT_KEY_MAX);
  cql_buf_init(&r.order, alloc, SORT_KEY_MAX);
  cql_buf_init(&r.kept_pkey, alloc, SORT_KEY_MAX);
  cql_buf_init(&r.kept_position, alloc, SORT_KEY_MAX);
  cql_buf_init(&r.json, alloc, x->result->body.limit);
  x->result->kind = CQL_RESULT_ROWS;
  x->result->column_count = p->column_count;
  x->result->columns = (cql_column *)p->columns; /* lives in the plan, which the result holds */
  cql_status st = run_select(&r);
  cqle_reader_close(&r.reader);
  cql_buf_free(&r.key);
  cql_buf_free(&r.kept_key);
  cql_buf_free(&r.order);
  cql_buf_free(&r.kept_pkey);
  cql_buf_free(&r.kept_position);
  cql_buf_free(&r.json);
  cql_arena_free(&r.group_arena);
  return st;
}
