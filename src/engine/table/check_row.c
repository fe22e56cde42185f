/* check_row.c: what a row holds: columns the table has, values of their types, nothing under a deletion. */
#include "engine/table/check_int.h"

typedef struct place {
  cqle_check *c;
  const cqle_table *table;
  cql_slice key;
  const cqle_row *row;
  int64_t newest;
} place;

#define TELL(p, ...) cqle_check_key_problem((p)->c, (p)->table, (p)->key, __VA_ARGS__)

static void see(place *p, int64_t timestamp) {
  if (timestamp > p->newest) p->newest = timestamp;
}

static void check_value(place *p, const cqle_column *column, const cql_type *type, cql_slice value) {
  char name[64];
  if (value.len == 0 || cql_value_validate_stored(type, value, NULL) == CQL_OK) return;
  cql_type_to_cql(type, name, sizeof name);
  TELL(p, "column %s holds bytes that are no %s", column->name, name);
}

/* What a multi-cell column's path and value must be. */
static void check_element(place *p, const cqle_column *column, const cqle_cell *cell) {
  const cql_type *type = column->type;
  const cql_type *path = NULL, *value = NULL;
  switch (type->code) {
  case CQL_TYPE_LIST:
    path = cql_type_native(CQL_TYPE_TIMEUUID);
    value = type->args[0];
    break;
  case CQL_TYPE_SET: path = type->args[0]; break;
  case CQL_TYPE_MAP:
    path = type->args[0];
    value = type->args[1];
    break;
  case CQL_TYPE_UDT:
    if (cell->path.len != 2 || cql_load_u16(cell->path.data) >= type->arg_count) {
      TELL(p, "column %s has a field that its type has not", column->name);
      return;
    }
    value = type->args[cql_load_u16(cell->path.data)];
    break;
  default: return;
  }
  if (path != NULL) check_value(p, column, path, cell->path);
  if (value != NULL && !cell->tombstone) check_value(p, column, value, cell->value);
}

static void check_cell(place *p, const cqle_column *column, const cqle_cell *cell, int64_t covered) {
  const char *name = column == NULL ? "that was dropped" : column->name;
  see(p, cell->timestamp);
  if (cell->timestamp <= covered) TELL(p, "a cell of column %s lives under a deletion", name);
  if (cell->tombstone && cell->value.len > 0) TELL(p, "a tombstone of column %s has a value", name);
  if (column == NULL) return;
  if (cql_type_is_multicell(column->type))
    check_element(p, column, cell);
  else if (!cell->tombstone)
    check_value(p, column, column->type, cell->value);
}

static void check_column(place *p, const cqle_column_data *d, int64_t covered) {
  const cqle_column *column = cqle_table_column_by_id(p->table, d->column_id);
  if (column == NULL && d->column_id >= p->table->next_column_id) TELL(p, "a column has an id that was never given");
  if (column != NULL) {
    if (column->kind != (p->row->is_static ? CQLE_STATIC : CQLE_REGULAR))
      TELL(p, "column %s stands in a row where it does not belong", column->name);
    if (cql_type_is_multicell(column->type) != d->multicell) {
      TELL(p, "column %s is stored as %s cell", column->name, d->multicell ? "more than one" : "a single");
      return;
    }
  }
  if (d->deletion.timestamp != CQLE_NO_TIMESTAMP) {
    see(p, d->deletion.timestamp);
    if (d->deletion.timestamp <= covered) TELL(p, "a column's deletion lies under a wider one");
    if (d->deletion.timestamp > covered) covered = d->deletion.timestamp;
  }
  for (uint32_t i = 0; i < d->count; i++) {
    check_cell(p, column, &d->cells[i], covered);
    if (i > 0 && cqle_path_cmp(column, d->cells[i - 1].path, d->cells[i].path) >= 0)
      TELL(p, "the elements of column %s are out of order", column == NULL ? "that was dropped" : column->name);
  }
}

void cqle_check_row(cqle_check *c, const cqle_table *table, cql_slice key, const cqle_row *row,
                    cqle_deletion covering) {
  place p = {c, table, key, row, INT64_MIN};
  int64_t covered = covering.timestamp;
  for (uint32_t i = 0; i < table->clustering_count && !row->is_static; i++)
    check_value(&p, table->clustering[i], table->clustering[i]->type, row->clustering[i]);
  if (row->deletion.timestamp != CQLE_NO_TIMESTAMP) {
    see(&p, row->deletion.timestamp);
    if (row->deletion.timestamp <= covered) TELL(&p, "the row's deletion lies under a wider one");
    if (row->deletion.timestamp > covered) covered = row->deletion.timestamp;
  }
  if (row->marker.timestamp != CQLE_NO_TIMESTAMP) {
    see(&p, row->marker.timestamp);
    if (row->marker.timestamp <= covered) TELL(&p, "the row's marker lives under a deletion");
  }
  for (uint32_t i = 0; i < row->count; i++) check_column(&p, &row->columns[i], covered);
  if (p.newest > cqle_txn_last_timestamp(c->t)) c->report->ahead_of_clock++;
}
