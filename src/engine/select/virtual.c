/* virtual.c: tables whose rows are made when they are read: system.local, system_schema. All that pass the filter are
 * held. */
#include "engine/select/select_int.h"

#include <string.h>

enum { VIRTUAL_ROWS_MAX = 1000000 };

struct cqle_virtual_rows {
  size_t count, cap, at;
  cql_slice **rows;
};

typedef struct collector {
  cqle_reader *r;
  struct cqle_virtual_rows *rows;
} collector;

static cql_status grow(cqle_exec *x, struct cqle_virtual_rows *v) {
  size_t cap = v->cap * 2 + 64;
  cql_slice **rows = cql_arena_array(x->arena, cap, sizeof *rows);
  if (rows == NULL) return CQL_NOMEM;
  if (v->count > 0) memcpy(rows, v->rows, v->count * sizeof *rows);
  v->rows = rows;
  v->cap = cap;
  return CQL_OK;
}

static cql_status emit(void *user, const cql_slice *cells) {
  cql_status st = CQL_OK;
  collector *c = user;
  cqle_exec *x = c->r->x;
  uint32_t count = c->r->p->table->column_count;
  if (c->r->filter != NULL && !cqle_filter_match(c->r->filter, cells, 0)) return CQL_OK;
  CQL_CHECK(c->rows->count < VIRTUAL_ROWS_MAX, CQL_LIMIT);
  if (c->rows->count == c->rows->cap) CQL_TRY(grow(x, c->rows));
  cql_slice *copy = cql_arena_zero(x->arena, count * sizeof *copy);
  CQL_CHECK(copy != NULL, CQL_NOMEM);
  for (uint32_t i = 0; i < count; i++)
    if (cells[i].data != NULL) CQL_TRY(cql_arena_slice(x->arena, cells[i], &copy[i]));
  c->rows->rows[c->rows->count++] = copy;
done:
  return st;
}

static bool same_partition(const cqle_table *t, const cql_slice *x, const cql_slice *y) {
  for (uint32_t i = 0; i < t->partition_count; i++)
    if (!cql_slice_eq(x[i], y[i])) return false;
  return true;
}

static void reverse_partitions(const cqle_table *t, struct cqle_virtual_rows *v) {
  for (size_t from = 0; from < v->count;) {
    size_t to = from + 1;
    while (to < v->count && same_partition(t, v->rows[from], v->rows[to])) to++;
    for (size_t i = from, k = to; i + 1 < k; i++) {
      cql_slice *row = v->rows[i];
      v->rows[i] = v->rows[--k];
      v->rows[k] = row;
    }
    from = to;
  }
}

cql_status cqle_virtual_open(cqle_reader *r) {
  cql_status st = CQL_OK;
  cql_slice position = r->from->place.position;
  r->rows = cql_arena_zero(r->x->arena, sizeof *r->rows);
  CQL_CHECK(r->rows != NULL, CQL_NOMEM);
  CQL_TRY(cqle_filter_new(r->x, r->p->where, true, &r->filter));
  collector c = {r, r->rows};
  CQL_TRY(r->p->table->read(r->x, r->p->table, emit, &c));
  if (r->p->reversed) reverse_partitions(r->p->table, r->rows);
  if (position.data != NULL && position.len == 8)
    r->rows->at = (size_t)cql_load_u64(position.data);
  else if (position.len != 0)
    st = cql_fail(r->x->err, CQL_PROTOCOL, "Invalid value for the paging state");
done:
  return st;
}

cql_status cqle_virtual_next(cqle_reader *r) {
  struct cqle_virtual_rows *v = r->rows;
  const cqle_table *t = r->p->table;
  if (v->at >= v->count) return CQL_DONE;
  cql_arena_reset(&r->row_arena);
  r->new_partition = v->at == 0 || !same_partition(t, v->rows[v->at - 1], v->rows[v->at]);
  r->resumed = r->from->given;
  memcpy(r->view.cells, v->rows[v->at], t->column_count * sizeof *r->view.cells);
  v->at++;
  uint8_t *position = cql_arena_get(&r->row_arena, 8);
  if (position == NULL) return CQL_NOMEM;
  cql_store_u64(position, v->at);
  r->place = (cqle_place){0, 0, cql_slice_of(position, 8)};
  return CQL_OK;
}

cql_status cqle_virtual_skip_partition(cqle_reader *r) {
  struct cqle_virtual_rows *v = r->rows;
  while (v->at > 0 && v->at < v->count && same_partition(r->p->table, v->rows[v->at - 1], v->rows[v->at])) v->at++;
  return CQL_OK;
}
