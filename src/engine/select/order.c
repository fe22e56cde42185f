/* order.c: what ORDER BY and GROUP BY allow. Cassandra: cql3/statements/SelectStatement.java. */
#include "engine/select/select_int.h"

static cql_status order_column(cqle_binder *b, const cqle_table *t, const cqle_order *o, const cqle_column **out) {
  return cqle_find_column(t, o->column, out, b->err);
}

static bool pinned(const cqle_where *w, const cqle_column *c) {
  const cqle_group *g = cqle_where_group(w, c);
  return g != NULL && g->kind == CQLE_GROUP_EQ;
}

static cql_status check_order(cqle_binder *b, const cqle_select_plan *p, uint32_t count,
                              const cqle_column *const *columns, const bool *descending, bool *reversed) {
  uint32_t next = 0;
  for (uint32_t i = 0; i < count; i++) {
    const cqle_column *c = columns[i];
    if (c->kind != CQLE_CLUSTERING)
      return cql_fail(b->err, CQL_INVALID,
                      "Order by is currently only supported on the clustered columns of the PRIMARY KEY, got %s",
                      c->name);
    while (next != c->position) {
      if (next < p->table->clustering_count && pinned(p->where, p->table->clustering[next++])) continue;
      return cql_fail(b->err, CQL_INVALID,
                      "Order by currently only supports the ordering of columns following their declared order in the "
                      "PRIMARY KEY");
    }
    next++;
    bool backwards = descending[i] != c->reversed;
    if (i > 0 && backwards != *reversed) return cql_fail(b->err, CQL_INVALID, "Unsupported order by relation");
    *reversed = backwards;
  }
  return CQL_OK;
}

/* The last ordering of a column counts, in the place of its first, as in Cassandra's LinkedHashMap. */
static uint32_t merge_order(const cqle_column **columns, bool *descending, uint32_t count, const cqle_column *c,
                            bool desc) {
  for (uint32_t i = 0; i < count; i++) {
    if (columns[i] != c) continue;
    descending[i] = desc;
    return count;
  }
  columns[count] = c;
  descending[count] = desc;
  return count + 1;
}

cql_status cqle_order_plan(cqle_binder *b, const cqle_select *ast, cqle_select_plan *p) {
  cql_status st = CQL_OK;
  uint32_t count = 0;
  const cqle_column **columns = cql_arena_array(b->arena, (size_t)ast->order_count + 1, sizeof *columns);
  bool *descending = cql_arena_zero(b->arena, ast->order_count + (size_t)1);
  CQL_CHECK(columns != NULL && descending != NULL, CQL_NOMEM);
  for (uint32_t i = 0; i < ast->order_count; i++) {
    const cqle_column *c;
    CQL_TRY(order_column(b, p->table, &ast->order_by[i], &c));
    count = merge_order(columns, descending, count, c, ast->order_by[i].descending);
  }
  if (count == 0 || p->ann != NULL) goto done;
  if (p->where->uses_index)
    return cql_fail(b->err, CQL_INVALID, "ORDER BY with 2ndary indexes is not supported, except for ANN queries.");
  if (p->where->key_range)
    return cql_fail(b->err, CQL_INVALID,
                    "ORDER BY is only supported when the partition key is restricted by an EQ or an IN.");
  CQL_TRY(check_order(b, p, count, columns, descending, &p->reversed));
  if (!p->where->partition_has_in) goto done;
  p->sort_count = count;
  p->sort_columns = columns;
  p->sort_descending = descending;
done:
  return st;
}

/* --- GROUP BY ----------------------------------------------------------------------------------------------------- */

typedef struct grouping {
  cqle_select_compiler *c;
  cqle_select_plan *p;
  uint32_t next; /* of the primary key columns, partition key first */
} grouping;

static const cqle_column *key_column(const cqle_table *t, uint32_t i) {
  if (i < t->partition_count) return t->partition[i];
  i -= t->partition_count;
  return i < t->clustering_count ? t->clustering[i] : NULL;
}

static cql_status take_key_columns(grouping *g, const cqle_column *upto) {
  for (;;) {
    const cqle_column *c = key_column(g->p->table, g->next++);
    if (c != NULL && c->kind == CQLE_CLUSTERING) g->p->group_clustering++;
    if (c == upto) return CQL_OK;
    if (c != NULL && pinned(g->p->where, c)) continue;
    return cql_fail(g->c->b->err, CQL_INVALID,
                    "Group by currently only support groups of columns following their declared order in the PRIMARY "
                    "KEY");
  }
}

/* The one clustering column that a function of GROUP BY reads. */
static void collect_columns(const cqle_node *n, const cqle_column **only, uint32_t *count) {
  if (n->kind == CQLE_NODE_COLUMN && *only != n->column) {
    *only = n->column;
    ++*count;
  }
  for (uint32_t i = 0; i < n->count; i++) collect_columns(n->args[i], only, count);
}

static cql_status group_function(grouping *g, const cqle_selector *sel, const cqle_column **out) {
  cqle_node *n = NULL;
  uint32_t count = 0;
  cql_error *err = g->c->b->err;
  cql_status st = cqle_selector_compile(g->c, sel, NULL, &n);
  if (st != CQL_OK) return st;
  if (cqle_selector_is_aggregate(g->c, sel))
    return cql_fail(err, CQL_INVALID, "Aggregate functions are not supported within the GROUP BY clause");
  *out = NULL;
  collect_columns(n, out, &count);
  if (count == 0)
    return cql_fail(err, CQL_INVALID, "GROUP BY functions must have one clustering column name as parameter");
  if (count > 1) return cql_fail(err, CQL_INVALID, "GROUP BY functions accept only one clustering column as parameter");
  if ((*out)->kind != CQLE_CLUSTERING)
    return cql_fail(err, CQL_INVALID, "Group by functions are only supported on clustering columns, got %s",
                    (*out)->name);
  g->p->group_by = n;
  return CQL_OK;
}

static cql_status group_column(grouping *g, const cqle_selector *sel, const cqle_column **out) {
  cqle_node *n = NULL;
  cql_error *err = g->c->b->err;
  if (sel->kind == CQLE_SEL_CALL) return group_function(g, sel, out);
  cql_status st = cqle_selector_compile(g->c, sel, NULL, &n);
  if (st != CQL_OK) return st;
  if (n->kind != CQLE_NODE_COLUMN)
    return cql_fail(err, CQL_INVALID, "Group by is currently only supported on the columns of the PRIMARY KEY");
  *out = n->column;
  if (n->column->kind != CQLE_PARTITION_KEY && n->column->kind != CQLE_CLUSTERING)
    return cql_fail(err, CQL_INVALID, "Group by is currently only supported on the columns of the PRIMARY KEY, got %s",
                    n->column->name);
  if (g->p->group_by != NULL)
    return cql_fail(err, CQL_INVALID, "Functions are only supported on the last element of the GROUP BY clause");
  return CQL_OK;
}

cql_status cqle_group_plan(cqle_select_compiler *c, const cqle_select *ast, cqle_select_plan *p) {
  cql_status st = CQL_OK;
  grouping g = {c, p, 0};
  for (uint32_t i = 0; i < ast->group_count; i++) {
    const cqle_column *column;
    CQL_TRY(group_column(&g, ast->group_by[i], &column));
    CQL_TRY(take_key_columns(&g, column));
  }
  p->groups = ast->group_count > 0;
  if (!p->groups) goto done;
  if (g.next < p->table->partition_count)
    return cql_fail(c->b->err, CQL_INVALID, "Group by is not supported on only a part of the partition key");
  if (p->group_clustering > 0 && p->distinct)
    return cql_fail(c->b->err, CQL_INVALID,
                    "Grouping on clustering columns is not allowed for SELECT DISTINCT queries");
done:
  return st;
}
