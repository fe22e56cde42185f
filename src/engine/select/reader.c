/* reader.c: from stored entries to rows as a query sees them: live, with their static columns, filtered. A partition
 * that holds nothing but a static row is one row with null clustering columns, where the query reads whole partitions
 * (trap 8).
 */
#include "engine/select/select_int.h"

#include <string.h>

#define ROW_ARENA_MAX       ((size_t)1 << 30)
#define PARTITION_ARENA_MAX ((size_t)1 << 30)

cql_status cqle_reader_open(cqle_reader *r, cqle_exec *x, const cqle_select_plan *p, const cqle_page_state *from) {
  cql_status st = CQL_OK;
  memset(r, 0, sizeof *r);
  r->x = x;
  r->p = p;
  r->from = from;
  cql_arena_init(&r->row_arena, x->engine->alloc, ROW_ARENA_MAX);
  cql_arena_init(&r->partition_arena, x->engine->alloc, PARTITION_ARENA_MAX);
  r->view.cells = cql_arena_zero(x->arena, ((size_t)p->table->column_count + 1) * sizeof *r->view.cells);
  CQL_CHECK(r->view.cells != NULL, CQL_NOMEM);
  if (p->table->read != NULL)
    CQL_TRY(cqle_virtual_open(r));
  else {
    CQL_TRY(cqle_filter_new(x, p->where, !p->where->partition_complete, &r->filter));
    CQL_TRY(cqle_source_open(&r->source, x, p, &from->place));
  }
done:
  return st;
}

void cqle_reader_close(cqle_reader *r) {
  if (r->x == NULL) return;
  cqle_source_close(&r->source);
  cql_arena_free(&r->row_arena);
  cql_arena_free(&r->partition_arena);
}

/* --- partitions --------------------------------------------------------------------------------------------------- */

static cql_slice *cells_from(cqle_reader *r, uint32_t first) {
  return r->view.cells + first;
}

static void clear_cells(cqle_reader *r, uint32_t first, uint32_t count) {
  if (count > 0) memset(cells_from(r, first), 0, count * sizeof(cql_slice));
}

/* The scan's memory is gone at the next entry; a partition's is not. */
static cql_status load_statics(cqle_reader *r, const cqle_row *row) {
  cql_status st = CQL_OK;
  const cqle_table *t = r->p->table;
  if (r->p->selection.wants_static_times) {
    st = cqle_table_get(r->x->txn, t, r->pkey, NULL, true, &r->partition_arena, &r->static_row, r->x->err);
    if (st != CQL_OK) return st == CQL_DONE ? CQL_OK : st;
    r->view.static_row = &r->static_row;
    row = &r->static_row;
  }
  for (uint32_t i = 0; i < r->p->static_count; i++) {
    const cqle_column *c = r->p->statics[i];
    cql_slice value;
    CQL_TRY(cqle_row_value(&r->row_arena, row, c, r->x->now_s, &value));
    if (value.data != NULL)
      CQL_TRY(cql_arena_slice(&r->partition_arena, value, &r->view.cells[cqle_column_index(t, c)]));
  }
done:
  return st;
}

/* Sources that start in the middle of a partition, and indexes, do not bring the static row. */
static cql_status get_statics(cqle_reader *r) {
  cqle_row row;
  cql_status st = cqle_table_get(r->x->txn, r->p->table, r->pkey, NULL, true, &r->row_arena, &row, r->x->err);
  if (st == CQL_DONE) return CQL_OK;
  return st == CQL_OK ? load_statics(r, &row) : st;
}

static cql_status begin_partition(cqle_reader *r) {
  cql_status st = CQL_OK;
  const cqle_table *t = r->p->table;
  cql_arena_reset(&r->partition_arena);
  r->pkey.token = r->found.pkey.token;
  CQL_TRY(cql_arena_slice(&r->partition_arena, r->found.pkey.bytes, &r->pkey.bytes));
  CQL_TRY(cql_partition_key_split(r->pkey.bytes, r->view.cells, t->partition_count));
  clear_cells(r, t->partition_count, t->column_count - t->partition_count);
  r->view.token = r->pkey.token;
  r->view.static_row = NULL;
  r->resumed = r->from->given && r->from->pkey.data != NULL && cql_slice_eq(r->from->pkey, r->pkey.bytes);
  r->had_rows = r->resumed && r->from->partition_had_rows;
  r->new_partition = true;
  r->static_pending = false;
  if (!r->found.row->is_static && r->p->reads_statics && t->static_count > 0 && !r->source.statics_given)
    CQL_TRY(get_statics(r));
done:
  return st;
}

static cql_status keep_place(cqle_reader *r, cqle_place *out) {
  *out = r->source.at;
  return cql_arena_slice(&r->partition_arena, r->source.at.position, &out->position);
}

/* A walk over partitions is done with one that it gave without a row, even if it gets rows before the next page. */
static cql_status keep_static_place(cqle_reader *r) {
  cql_status st = keep_place(r, &r->static_place);
  if (st != CQL_OK || r->source.by_key || r->p->where->index != NULL) return st;
  cql_alloc alloc = cqle_arena_alloc(&r->partition_arena);
  cql_buf behind;
  cql_buf_init(&behind, &alloc, SIZE_MAX / 2);
  cqle_position_behind(&behind, r->pkey);
  r->static_place.position = cql_buf_view(&behind);
  return behind.st;
}

static cql_status begin_static(cqle_reader *r) {
  cql_status st = load_statics(r, r->found.row);
  bool live = cqle_row_is_live(r->found.row, r->x->now_s);
  r->static_pending = live && r->p->returns_partitions_without_rows && !r->had_rows;
  return st == CQL_OK && r->static_pending ? keep_static_place(r) : st;
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

static cql_status fill_row(cqle_reader *r) {
  const cqle_table *t = r->p->table;
  const cqle_row *row = r->found.row;
  cql_slice *clustering = cells_from(r, t->partition_count);
  for (uint32_t i = 0; i < t->clustering_count; i++) clustering[i] = row->clustering[i];
  cql_slice *regular = cells_from(r, t->partition_count + t->clustering_count + t->static_count);
  for (uint32_t i = 0; i < r->p->regular_count; i++) {
    const cqle_column *c = r->p->regulars[i];
    cql_status st = cqle_row_value(&r->row_arena, row, c, r->x->now_s, &regular[c->position]);
    if (st != CQL_OK) return st;
  }
  r->view.row = row;
  r->place = r->source.at;
  return CQL_OK;
}

static bool passes(const cqle_reader *r) {
  return r->filter == NULL || cqle_filter_match(r->filter, r->view.cells, r->view.token);
}

/* The partition that ended had live static columns and no row. true: its row is in the view. */
static bool give_static(cqle_reader *r) {
  const cqle_table *t = r->p->table;
  if (!r->static_pending) return false;
  r->static_pending = false;
  clear_cells(r, t->partition_count, t->clustering_count);
  clear_cells(r, t->partition_count + t->clustering_count + t->static_count, t->regular_count);
  r->view.row = NULL;
  r->place = r->static_place;
  return passes(r);
}

/* One entry of the source. CQL_OK with *given: a row is in the view. */
static cql_status take(cqle_reader *r, bool *given) {
  cql_status st = CQL_OK;
  *given = false;
  if (r->found.new_partition && !r->held && r->static_pending) {
    r->held = true;
    *given = give_static(r);
    return CQL_OK;
  }
  if (r->found.new_partition) CQL_TRY(begin_partition(r));
  r->held = false;
  if (r->found.row->is_static) return begin_static(r);
  if (!cqle_row_is_live(r->found.row, r->x->now_s)) return CQL_OK;
  r->had_rows = true;
  r->static_pending = false;
  CQL_TRY(fill_row(r));
  *given = passes(r);
done:
  return st;
}

cql_status cqle_reader_next(cqle_reader *r) {
  bool given = false;
  if (r->rows != NULL) return cqle_virtual_next(r);
  while (!given) {
    cql_arena_reset(&r->row_arena);
    cql_status st = r->held ? CQL_OK : cqle_source_next(&r->source, &r->found);
    if (st == CQL_DONE && r->static_pending) return give_static(r) ? CQL_OK : CQL_DONE;
    if (st != CQL_OK) return st;
    st = take(r, &given);
    if (st != CQL_OK) return st;
  }
  return CQL_OK;
}

cql_status cqle_reader_skip_partition(cqle_reader *r) {
  if (r->rows != NULL) return cqle_virtual_skip_partition(r);
  r->static_pending = false;
  if (r->held) return CQL_OK; /* the next partition's first entry is here already */
  return cqle_source_skip_partition(&r->source);
}
