/* row_builder.c: cells in the order statements make them, into a row in the order the store keeps. */
#include "engine/modify/modify_int.h"

#include <string.h>

static cql_status out_of_memory(const cqle_row_builder *rb) {
  return cql_fail(rb->x->err, CQL_NOMEM, "Out of memory");
}

cql_status cqle_row_builder_init(cqle_row_builder *rb, cqle_exec *x, const cqle_table *t, uint32_t column_room) {
  *rb = (cqle_row_builder){.x = x, .table = t, .room = column_room};
  rb->owners = cql_arena_array(x->arena, column_room, sizeof(cqle_column *));
  rb->data = cql_arena_array(x->arena, column_room, sizeof *rb->data);
  rb->rooms = cql_arena_array(x->arena, column_room, sizeof *rb->rooms);
  return rb->owners != NULL && rb->data != NULL && rb->rooms != NULL ? CQL_OK : out_of_memory(rb);
}

/* The part of a column, made when it is new. Every statement makes room for as many columns as it has operations. */
static uint32_t part_of(cqle_row_builder *rb, const cqle_column *c) {
  uint32_t i = rb->count;
  while (i > 0 && rb->owners[i - 1] != c) i--;
  if (i > 0) return i - 1;
  i = rb->count++;
  rb->owners[i] = c;
  rb->rooms[i] = 0;
  rb->data[i] = (cqle_column_data){
      .column_id = c->id, .multicell = cql_type_is_multicell(c->type), .deletion = {CQLE_NO_TIMESTAMP, CQLE_NO_EXPIRY}};
  return i;
}

cql_status cqle_row_builder_cell(cqle_row_builder *rb, const cqle_column *c, const cqle_cell *cell) {
  uint32_t i = part_of(rb, c);
  cqle_column_data *d = &rb->data[i];
  if (d->count == rb->rooms[i]) {
    uint32_t room = d->count == 0 ? 1 : d->count * 2;
    cqle_cell *grown = cql_arena_array(rb->x->arena, room, sizeof *grown);
    if (grown == NULL) return out_of_memory(rb);
    if (d->count > 0) memcpy(grown, d->cells, d->count * sizeof *grown);
    d->cells = grown;
    rb->rooms[i] = room;
  }
  d->cells[d->count++] = *cell;
  return CQL_OK;
}

cql_status cqle_row_builder_delete(cqle_row_builder *rb, const cqle_column *c, cqle_deletion d) {
  cqle_column_data *data = &rb->data[part_of(rb, c)];
  if (data->deletion.timestamp < d.timestamp) data->deletion = d;
  return CQL_OK;
}

/* --- order -------------------------------------------------------------------------------------------------------- */

static const cql_type *path_type(const cqle_column *c) {
  if (c->type->code == CQL_TYPE_UDT) return cql_type_native(CQL_TYPE_BLOB); /* a field's number, big-endian */
  return c->type->code == CQL_TYPE_LIST ? cql_type_native(CQL_TYPE_TIMEUUID) : c->type->args[0];
}

/* Merge sort: elements mostly come sorted, and equal paths must keep their order. */
static void sort_cells(const cql_type *type, cqle_cell *cells, cqle_cell *scratch, uint32_t count) {
  if (count < 2) return;
  uint32_t half = count / 2;
  sort_cells(type, cells, scratch, half);
  sort_cells(type, cells + half, scratch, count - half);
  if (cql_value_cmp(type, cells[half - 1].path, cells[half].path) <= 0) return;
  memcpy(scratch, cells, half * sizeof *cells);
  uint32_t left = 0, right = half, out = 0;
  while (left < half)
    cells[out++] = right < count && cql_value_cmp(type, cells[right].path, scratch[left].path) < 0 ? cells[right++]
                                                                                                   : scratch[left++];
}

static uint32_t unite_equal(const cql_type *type, cqle_cell *cells, uint32_t count) {
  uint32_t out = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (out > 0 && cql_value_cmp(type, cells[out - 1].path, cells[i].path) == 0) {
      if (cqle_cell_reconcile(&cells[out - 1], &cells[i]) > 0) cells[out - 1] = cells[i];
    } else {
      cells[out++] = cells[i];
    }
  }
  return out;
}

static cql_status sum_counter(cqle_row_builder *rb, cqle_column_data *d) {
  for (; d->count > 1; d->count--)
    if (cqle_counter_merge(rb->x->arena, &d->cells[0], &d->cells[d->count - 1], &d->cells[0]) != CQL_OK)
      return out_of_memory(rb);
  return CQL_OK;
}

static cql_status order_cells(cqle_row_builder *rb, uint32_t i) {
  cqle_column_data *d = &rb->data[i];
  if (rb->table->is_counter) return sum_counter(rb, d);
  if (!d->multicell || d->count < 2) return CQL_OK;
  cqle_cell *scratch = cql_arena_array(rb->x->arena, d->count, sizeof *scratch);
  if (scratch == NULL) return out_of_memory(rb);
  const cql_type *type = path_type(rb->owners[i]);
  sort_cells(type, d->cells, scratch, d->count);
  d->count = unite_equal(type, d->cells, d->count);
  return CQL_OK;
}

cql_status cqle_row_builder_finish(cqle_row_builder *rb, cqle_row *row) {
  for (uint32_t i = 0; i < rb->count; i++) {
    cql_status st = order_cells(rb, i);
    if (st != CQL_OK) return st;
  }
  for (uint32_t i = 1; i < rb->count; i++) {
    cqle_column_data moved = rb->data[i];
    uint32_t at = i;
    for (; at > 0 && rb->data[at - 1].column_id > moved.column_id; at--) rb->data[at] = rb->data[at - 1];
    rb->data[at] = moved;
  }
  row->count = rb->count;
  row->columns = rb->data;
  return CQL_OK;
}
