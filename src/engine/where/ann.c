/* ann.c: what may stand beside ORDER BY … ANN OF, and what an index on vectors forbids. StatementRestrictions.java. */
#include "engine/where/where_int.h"

static bool has_index_on(const cqle_table *t, const cqle_column *c) {
  for (uint32_t i = 0; i < t->index_count; i++)
    if (t->indexes[i]->column == c) return true;
  return false;
}

bool cqle_where_ann_index(const cqle_where *w) {
  for (uint32_t i = 0; w->ann != NULL && i < w->table->index_count; i++)
    if (w->table->indexes[i]->column == w->ann && w->table->indexes[i]->kind == CQLE_INDEX_SAI) return true;
  return false;
}

cql_status cqle_where_check_ann_column(const cqle_where *w, cql_error *err) {
  const cqle_group *g = w->ann != NULL ? cqle_where_group(w, w->ann) : NULL;
  if (g == NULL) return CQL_OK;
  if (g->kind == CQLE_GROUP_SLICE)
    return cql_fail(err, CQL_INVALID,
                    "Column \"%s\" cannot be restricted by both an equality and an inequality relation", w->ann->name);
  return cql_fail(err, CQL_INVALID, "%s cannot be restricted by more than one relation if it includes an Equal",
                  w->ann->name);
}

/* Clustering columns need no index where they only narrow a partition that is named. */
static bool is_served(const cqle_where *w, const cqle_group *g) {
  cqle_column_kind kind = g->columns[0]->kind;
  if (g->on_token || kind == CQLE_PARTITION_KEY) return true;
  if (kind == CQLE_CLUSTERING && w->partition_complete && g->in_bounds) return true;
  for (uint32_t i = 0; i < g->column_count; i++)
    if (!has_index_on(w->table, g->columns[i])) return false;
  return true;
}

static cql_status check_ann(const cqle_where *w, bool partition_filtered, cql_error *err) {
  const cql_type *type = w->ann->type;
  bool served = !partition_filtered;
  if (type->code != CQL_TYPE_VECTOR || type->args[0]->code != CQL_TYPE_FLOAT)
    return cql_fail(err, CQL_INVALID, "ANN ordering is only supported on float vector indexes");
  if (!has_index_on(w->table, w->ann))
    return cql_fail(err, CQL_INVALID, "ANN ordering by vector requires the column to be indexed");
  for (uint32_t i = 0; i < w->group_count; i++) served = served && is_served(w, &w->groups[i]);
  if (!served)
    return cql_fail(err, CQL_INVALID, "ANN ordering by vector requires all restricted column(s) to be indexed");
  return CQL_OK;
}

cql_status cqle_where_check_vectors(const cqle_where *w, bool partition_filtered, cql_error *err) {
  for (uint32_t i = 0; i < w->group_count; i++) {
    const cqle_group *g = &w->groups[i];
    if (g->on_token || g->columns[0]->kind == CQLE_PARTITION_KEY || g->columns[0]->kind == CQLE_CLUSTERING) continue;
    if (g->columns[0]->type->code == CQL_TYPE_VECTOR && has_index_on(w->table, g->columns[0]))
      return cql_fail(err, CQL_INVALID, "Vector indexes only support ANN queries");
  }
  return w->ann == NULL ? CQL_OK : check_ann(w, partition_filtered, err);
}
