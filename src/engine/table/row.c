/* row.c: reconciliation and merge, and what a reader sees of a row. */
#include "engine/table/row.h"

#include <assert.h>
#include <string.h>

void cqle_row_init(cqle_row *r) {
  *r = (cqle_row){
      .marker = {CQLE_NO_TIMESTAMP, 0, CQLE_NO_EXPIRY},
      .deletion = {CQLE_NO_TIMESTAMP, CQLE_NO_EXPIRY},
  };
}

const cqle_column_data *cqle_row_column(const cqle_row *r, uint32_t column_id) {
  uint32_t low = 0, high = r->count;
  while (low < high) {
    uint32_t mid = low + (high - low) / 2;
    if (r->columns[mid].column_id < column_id)
      low = mid + 1;
    else
      high = mid;
  }
  return low < r->count && r->columns[low].column_id == column_id ? &r->columns[low] : NULL;
}

static void *arena_resize(void *user, void *ptr, size_t old_size, size_t new_size) {
  if (new_size == 0) return NULL; /* goes with the arena */
  if (new_size <= old_size) return ptr;
  void *out = cql_arena_get(user, new_size);
  if (out != NULL && old_size > 0) memcpy(out, ptr, old_size);
  return out;
}

cql_alloc cqle_arena_alloc(cql_arena *a) {
  return (cql_alloc){arena_resize, a};
}

/* --- which of two wins -------------------------------------------------------------------------------------------- */

static int larger_first(int64_t x, int64_t y) {
  return x > y ? -1 : x < y;
}

/* Cells.resolveRegular(). Expiring cells count as tombstones against live ones, so that the outcome does not depend on
 * when it is decided (CASSANDRA-14592). The last rule is ours: it leaves no two different cells that tie. */
int cqle_cell_reconcile(const cqle_cell *x, const cqle_cell *y) {
  if (x->timestamp != y->timestamp) return larger_first(x->timestamp, y->timestamp);
  bool x_ends = x->tombstone || x->ttl > 0, y_ends = y->tombstone || y->ttl > 0;
  if (x_ends != y_ends) return x_ends ? -1 : 1;
  if (x_ends) {
    if (x->tombstone != y->tombstone) return x->tombstone ? -1 : 1;
    if (x->at != y->at) return larger_first(x->at, y->at);
  }
  int c = cql_slice_cmp(y->value, x->value);
  return c != 0 ? c : larger_first(x->ttl, y->ttl);
}

/* LivenessInfo.supersedes(); a marker that was deleted outright is a row deletion here. */
int cqle_liveness_reconcile(const cqle_liveness *x, const cqle_liveness *y) {
  if (x->timestamp != y->timestamp) return larger_first(x->timestamp, y->timestamp);
  if ((x->ttl > 0) != (y->ttl > 0)) return x->ttl > 0 ? -1 : 1;
  if (x->expires != y->expires) return larger_first(x->expires, y->expires);
  return larger_first(x->ttl, y->ttl);
}

int cqle_deletion_reconcile(const cqle_deletion *x, const cqle_deletion *y) {
  if (x->timestamp != y->timestamp) return larger_first(x->timestamp, y->timestamp);
  return x->timestamp == CQLE_NO_TIMESTAMP ? 0 : larger_first(x->at, y->at);
}

static bool supersedes(const cqle_deletion *x, const cqle_deletion *y) {
  return cqle_deletion_reconcile(x, y) < 0;
}

int cqle_path_cmp(const cqle_column *column, cql_slice x, cql_slice y) {
  if (column == NULL) return cql_slice_cmp(x, y);
  const cql_type *type = column->type;
  switch (type->code) {
  case CQL_TYPE_LIST: return cql_value_cmp(cql_type_native(CQL_TYPE_TIMEUUID), x, y);
  case CQL_TYPE_SET:
  case CQL_TYPE_MAP: return cql_value_cmp(type->args[0], x, y);
  default: return cql_slice_cmp(x, y);
  }
}

/* --- merge -------------------------------------------------------------------------------------------------------- */

static bool survives(const cqle_cell *c, const cqle_deletion *active) {
  return c->timestamp > active->timestamp;
}

#ifndef NDEBUG
static bool paths_ascend(const cqle_column *column, const cqle_column_data *d) {
  for (uint32_t i = 1; i < d->count; i++)
    if (cqle_path_cmp(column, d->cells[i - 1].path, d->cells[i].path) >= 0) return false;
  return true;
}
#endif

static void merge_simple(const cqle_column_data *x, const cqle_column_data *y, const cqle_deletion *active,
                         cqle_column_data *out) {
  cqle_cell *winner = NULL;
  if (x != NULL && survives(x->cells, active)) winner = x->cells;
  if (y != NULL && survives(y->cells, active) && (winner == NULL || cqle_cell_reconcile(winner, y->cells) > 0))
    winner = y->cells;
  out->cells = winner;
  out->count = winner == NULL ? 0 : 1;
}

static bool is_counter(const cqle_cell *c) {
  return c->tombstone || c->value.len == sizeof(int64_t);
}

cql_status cqle_counter_merge(cql_arena *a, const cqle_cell *x, const cqle_cell *y, cqle_cell *out) {
  if (!is_counter(x) || !is_counter(y)) return CQL_CORRUPT;
  if (x->tombstone || y->tombstone) {
    bool first = x->tombstone && (!y->tombstone || cqle_cell_reconcile(x, y) <= 0);
    *out = first ? *x : *y;
    return CQL_OK;
  }
  uint8_t *sum = cql_arena_get(a, sizeof(int64_t));
  if (sum == NULL) return CQL_NOMEM;
  cql_store_u64(sum, cql_load_u64(x->value.data) + cql_load_u64(y->value.data));
  *out = x->timestamp > y->timestamp ? *x : *y;
  out->value = cql_slice_of(sum, sizeof(int64_t));
  return CQL_OK;
}

static cql_status merge_counters(cql_arena *a, const cqle_column_data *x, const cqle_column_data *y,
                                 const cqle_deletion *active, cqle_column_data *out) {
  bool both = x != NULL && y != NULL && survives(x->cells, active) && survives(y->cells, active);
  if (!both) {
    merge_simple(x, y, active, out);
    return CQL_OK;
  }
  out->cells = cql_arena_get(a, sizeof *out->cells);
  out->count = 1;
  return out->cells != NULL ? cqle_counter_merge(a, x->cells, y->cells, out->cells) : CQL_NOMEM;
}

static const cqle_column_data NO_CELLS = {.deletion = {CQLE_NO_TIMESTAMP, CQLE_NO_EXPIRY}};

static cql_status merge_cells(cql_arena *a, const cqle_column *column, const cqle_column_data *x,
                              const cqle_column_data *y, const cqle_deletion *active, cqle_column_data *out) {
  cqle_cell *cells = cql_arena_array(a, (size_t)x->count + y->count, sizeof *cells);
  if (cells == NULL) return CQL_NOMEM;
  uint32_t i = 0, j = 0, n = 0;
  while (i < x->count || j < y->count) {
    int c = i == x->count ? 1 : j == y->count ? -1 : cqle_path_cmp(column, x->cells[i].path, y->cells[j].path);
    const cqle_cell *cell = c <= 0 ? &x->cells[i] : &y->cells[j];
    if (c == 0 && cqle_cell_reconcile(&x->cells[i], &y->cells[j]) > 0) cell = &y->cells[j];
    if (c <= 0) i++;
    if (c >= 0) j++;
    if (survives(cell, active)) cells[n++] = *cell;
  }
  out->cells = cells;
  out->count = n;
  return CQL_OK;
}

static cql_status merge_multicell(cql_arena *a, const cqle_table *t, const cqle_column_data *x,
                                  const cqle_column_data *y, cqle_deletion active, cqle_column_data *out) {
  const cqle_column *column = cqle_table_column_by_id(t, out->column_id);
  if (x == NULL) x = &NO_CELLS;
  if (y == NULL) y = &NO_CELLS;
  assert(paths_ascend(column, y));
  const cqle_deletion *newest = supersedes(&x->deletion, &y->deletion) ? &x->deletion : &y->deletion;
  if (supersedes(newest, &active)) out->deletion = active = *newest;
  return merge_cells(a, column, x, y, &active, out);
}

static cql_status merge_column(cql_arena *a, const cqle_table *t, const cqle_column_data *x, const cqle_column_data *y,
                               const cqle_deletion *active, cqle_column_data *out) {
  const cqle_column_data *any = x != NULL ? x : y, *other = y != NULL ? y : x;
  *out = (cqle_column_data){
      .column_id = any->column_id, .multicell = any->multicell, .deletion = {CQLE_NO_TIMESTAMP, CQLE_NO_EXPIRY}};
  if (any->multicell != other->multicell) return CQL_CORRUPT;
  if (any->multicell) return merge_multicell(a, t, x, y, *active, out);
  if (t->is_counter) return merge_counters(a, x, y, active, out);
  merge_simple(x, y, active, out);
  return CQL_OK;
}

static cql_status merge_columns(cql_arena *a, const cqle_table *t, const cqle_row *base, const cqle_row *update,
                                const cqle_deletion *active, cqle_row *out) {
  uint32_t i = 0, j = 0;
  out->columns = cql_arena_array(a, (size_t)base->count + update->count, sizeof *out->columns);
  if (out->columns == NULL) return CQL_NOMEM;
  while (i < base->count || j < update->count) {
    const cqle_column_data *x = i < base->count ? &base->columns[i] : NULL;
    const cqle_column_data *y = j < update->count ? &update->columns[j] : NULL;
    assert(j == 0 || y == NULL || update->columns[j - 1].column_id < y->column_id);
    if (x != NULL && y != NULL && x->column_id != y->column_id) *(x->column_id < y->column_id ? &y : &x) = NULL;
    cqle_column_data *merged = &out->columns[out->count];
    cql_status st = merge_column(a, t, x, y, active, merged);
    if (st != CQL_OK) return st;
    if (merged->count > 0 || merged->deletion.timestamp != CQLE_NO_TIMESTAMP) out->count++;
    if (x != NULL) i++;
    if (y != NULL) j++;
  }
  return CQL_OK;
}

/* Row.Merger.merge() */
cql_status cqle_row_merge(cql_arena *a, const cqle_table *t, const cqle_row *base, const cqle_row *update,
                          cqle_deletion covering, cqle_row *out) {
  cqle_row_init(out);
  out->is_static = base->is_static || update->is_static;
  /* Equal keys may have different bytes (1.0 and 1.00): the row keeps those it was first written with. */
  out->clustering = base->clustering != NULL ? base->clustering : update->clustering;
  cqle_deletion active = covering;
  const cqle_deletion *deletion = supersedes(&base->deletion, &update->deletion) ? &base->deletion : &update->deletion;
  if (supersedes(deletion, &covering)) out->deletion = active = *deletion;
  const cqle_liveness *marker =
      cqle_liveness_reconcile(&base->marker, &update->marker) <= 0 ? &base->marker : &update->marker;
  if (marker->timestamp > active.timestamp) out->marker = *marker;
  return merge_columns(a, t, base, update, &active, out);
}

/* --- what a reader sees ------------------------------------------------------------------------------------------- */

bool cqle_cell_is_live(const cqle_cell *c, int64_t now_s) {
  return !c->tombstone && (c->ttl == 0 || now_s < c->at);
}

bool cqle_liveness_is_live(const cqle_liveness *l, int64_t now_s) {
  return l->timestamp != CQLE_NO_TIMESTAMP && (l->ttl == 0 || now_s < l->expires);
}

bool cqle_row_is_live(const cqle_row *r, int64_t now_s) {
  if (cqle_liveness_is_live(&r->marker, now_s)) return true;
  for (uint32_t i = 0; i < r->count; i++)
    for (uint32_t j = 0; j < r->columns[i].count; j++)
      if (cqle_cell_is_live(&r->columns[i].cells[j], now_s)) return true;
  return false;
}

static void put_elements(cql_buf *b, const cqle_column_data *d, cql_type_code code, int64_t now_s) {
  for (uint32_t i = 0; i < d->count; i++) {
    const cqle_cell *c = &d->cells[i];
    if (!cqle_cell_is_live(c, now_s)) continue;
    if (code != CQL_TYPE_LIST) cql_put_element(b, c->path);
    if (code != CQL_TYPE_SET) cql_put_element(b, c->value);
  }
}

/* Every field of the type; the value of one that is not set is null. */
static void put_fields(cql_buf *b, const cqle_column_data *d, uint32_t field_count, int64_t now_s) {
  uint32_t next = 0;
  for (uint32_t i = 0; i < d->count; i++) {
    const cqle_cell *c = &d->cells[i];
    if (!cqle_cell_is_live(c, now_s) || c->path.len != 2) continue;
    uint32_t field = cql_load_u16(c->path.data);
    for (; next < field && next < field_count; next++) cql_put_element(b, (cql_slice){NULL, 0});
    if (field >= field_count || field < next) continue;
    cql_put_element(b, c->value);
    next = field + 1;
  }
  for (; next < field_count; next++) cql_put_element(b, (cql_slice){NULL, 0});
}

static cql_status assemble(cql_arena *a, const cqle_column_data *d, const cql_type *type, int64_t now_s,
                           cql_slice *out) {
  uint32_t live = 0;
  size_t size = sizeof(uint32_t);
  for (uint32_t i = 0; i < d->count; i++) {
    const cqle_cell *c = &d->cells[i];
    if (!cqle_cell_is_live(c, now_s)) continue;
    live++;
    size += c->path.len + c->value.len + 2 * sizeof(uint32_t);
  }
  if (live == 0) return CQL_OK; /* an empty multi-cell collection is null */
  cql_alloc alloc = cqle_arena_alloc(a);
  cql_buf b;
  cql_buf_init(&b, &alloc, CQL_VALUE_LEN_MAX);
  if (type->code == CQL_TYPE_UDT) {
    put_fields(&b, d, type->arg_count, now_s);
  } else {
    if (size <= CQL_VALUE_LEN_MAX) { /* one piece of the right size */
      cql_buf_room(&b, size);
      b.len = 0;
    }
    cql_put_count(&b, live);
    put_elements(&b, d, type->code, now_s);
  }
  *out = cql_buf_view(&b);
  return b.st;
}

cql_status cqle_row_value(cql_arena *a, const cqle_row *r, const cqle_column *c, int64_t now_s, cql_slice *out) {
  *out = (cql_slice){NULL, 0};
  if (c->kind == CQLE_CLUSTERING) {
    if (r->clustering != NULL) *out = r->clustering[c->position];
    return CQL_OK;
  }
  const cqle_column_data *d = cqle_row_column(r, c->id);
  if (d == NULL) return CQL_OK;
  if (d->multicell) return assemble(a, d, c->type, now_s, out);
  if (cqle_cell_is_live(d->cells, now_s)) *out = d->cells->value;
  return CQL_OK;
}
