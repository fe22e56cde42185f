/* arrange.c: a table's columns in order, and everything that is read off them. */
#include "engine/schema/catalog.h"

#include <stdlib.h>
#include <string.h>

/* The order of SELECT *: the key by position, statics by name, the rest by name. */
static int compare_columns(const void *left, const void *right) {
  const cqle_column *x = left, *y = right;
  if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
  if (x->kind == CQLE_PARTITION_KEY || x->kind == CQLE_CLUSTERING)
    return x->position < y->position ? -1 : x->position > y->position;
  return strcmp(x->name, y->name);
}

static bool is_key(cqle_column_kind kind) {
  return kind == CQLE_PARTITION_KEY || kind == CQLE_CLUSTERING;
}

/* Positions of the key must be 0, 1, …; names must differ. */
static bool is_consistent(const cqle_column *columns, uint32_t count, const uint32_t counts[4]) {
  uint32_t place = 0;
  if (counts[CQLE_PARTITION_KEY] == 0) return false;
  for (uint32_t i = 0; i < count; i++) {
    place = i > 0 && columns[i].kind == columns[i - 1].kind ? place + 1 : 0;
    if (is_key(columns[i].kind) && columns[i].position != place) return false;
    if (i > 0 && !is_key(columns[i].kind) && compare_columns(&columns[i - 1], &columns[i]) == 0) return false;
  }
  return true;
}

cql_status cqle_table_arrange(cql_arena *a, cqle_table *t, cqle_column *columns, uint32_t count, cql_error *err) {
  const cqle_column **places = cql_arena_array(a, count + 1, sizeof *places);
  uint32_t counts[4] = {0}, place = 0;
  if (!places) return cqle_out_of_memory(err);
  qsort(columns, count, sizeof *columns, compare_columns);
  for (uint32_t i = 0; i < count; i++) counts[columns[i].kind]++;
  if (!is_consistent(columns, count, counts)) return cqle_catalog_corrupt(err);
  for (uint32_t i = 0; i < count; i++) {
    place = i > 0 && columns[i].kind == columns[i - 1].kind ? place + 1 : 0;
    columns[i].position = place;
    places[i] = &columns[i];
  }
  t->columns = columns;
  t->column_count = count;
  t->partition_count = counts[CQLE_PARTITION_KEY];
  t->clustering_count = counts[CQLE_CLUSTERING];
  t->static_count = counts[CQLE_STATIC];
  t->regular_count = counts[CQLE_REGULAR];
  t->partition = places;
  t->clustering = t->partition + t->partition_count;
  t->statics = t->clustering + t->clustering_count;
  t->regulars = t->statics + t->static_count;
  return CQL_OK;
}

static void *duplicate(cql_arena *a, const void *items, uint32_t count, uint32_t extra, size_t size) {
  void *copy = cql_arena_array(a, (size_t)count + extra, size);
  if (!copy) return NULL;
  memset(copy, 0, (count + extra) * size);
  if (count) memcpy(copy, items, count * size);
  return copy;
}

cql_status cqle_table_copy(cql_arena *a, const cqle_table *t, cqle_table *out, cql_error *err) {
  cqle_column *columns = duplicate(a, t->columns, t->column_count, 1, sizeof *columns);
  const cqle_index **indexes = duplicate(a, t->indexes, t->index_count, 1, sizeof *indexes);
  cqle_option *options = duplicate(a, t->options, t->option_count, 1, sizeof *options);
  cqle_dropped_column *dropped = duplicate(a, t->dropped, t->dropped_count, 1, sizeof *dropped);
  *out = *t;
  if (!columns || !indexes || !options || !dropped) return cqle_out_of_memory(err);
  out->indexes = indexes;
  out->options = options;
  out->dropped = dropped;
  return cqle_table_arrange(a, out, columns, t->column_count, err);
}

cql_status cqle_column_init(cql_arena *a, cqle_column *c, cql_slice name, const cql_type *type, cqle_column_kind kind,
                            cql_error *err) {
  memset(c, 0, sizeof *c);
  c->name = cql_arena_str(a, name);
  if (!c->name) return cqle_out_of_memory(err);
  c->name_slice = cql_slice_of(c->name, name.len);
  c->type = type;
  c->kind = kind;
  return CQL_OK;
}

const char *cqle_column_kind_text(cqle_column_kind kind) {
  static const char *const texts[] = {"partition_key", "clustering", "static", "regular"};
  return texts[kind];
}
