/* plan.c: a SELECT checked and bound: selection, restrictions, order, groups, limits, in the order in which Cassandra
 * complains. */
#include "engine/select/select_int.h"

#include <stdlib.h>
#include <string.h>

typedef struct planner {
  cqle_binder *b;
  const cqle_select *ast;
  cqle_select_plan *p;
  cqle_select_compiler c;
} planner;

/* --- selection ---------------------------------------------------------------------------------------------------- */

static cql_status select_all(planner *pl) {
  cqle_selection *s = &pl->p->selection;
  const cqle_table *t = pl->p->table;
  for (uint32_t i = 0; i < t->column_count; i++) {
    cql_status st = cqle_selector_column(&pl->c, &t->columns[i], &s->nodes[i]);
    if (st != CQL_OK) return st;
  }
  return CQL_OK;
}

static const char *item_name(planner *pl, const cqle_select_item *item) {
  if (item->alias.data != NULL) return cql_arena_str(pl->b->arena, item->alias);
  return cqle_selector_text(&pl->c, item->selector);
}

static cql_status select_items(planner *pl, cql_column *columns) {
  cqle_selection *s = &pl->p->selection;
  for (uint32_t i = 0; i < s->count; i++) {
    const cqle_select_item *item = &pl->ast->items[i];
    cql_status st = cqle_selector_check_columns(&pl->c, item->selector);
    if (st != CQL_OK) return st;
    st = cqle_selector_compile(&pl->c, item->selector, NULL, &s->nodes[i]);
    if (st != CQL_OK) return st;
    columns[i].name = item_name(pl, item);
    if (columns[i].name == NULL) return CQL_NOMEM;
    if (cqle_selector_is_aggregate(&pl->c, item->selector)) s->is_aggregate = true;
  }
  return CQL_OK;
}

static cql_status plan_selection(planner *pl) {
  cql_status st = CQL_OK;
  cqle_selection *s = &pl->p->selection;
  const cqle_table *t = pl->p->table;
  bool all = pl->ast->wildcard;
  s->count = all ? t->column_count : pl->ast->item_count;
  s->nodes = cql_arena_zero(pl->b->arena, ((size_t)s->count + 1) * sizeof *s->nodes);
  s->fetch = cql_arena_zero(pl->b->arena, (size_t)t->column_count + 1);
  cql_column *columns = cql_arena_zero(pl->b->arena, ((size_t)s->count + 1) * sizeof *columns);
  CQL_CHECK(s->nodes != NULL && s->fetch != NULL && columns != NULL, CQL_NOMEM);
  pl->c = (cqle_select_compiler){.b = pl->b, .t = t, .s = s};
  CQL_TRY(all ? select_all(pl) : select_items(pl, columns));
  for (uint32_t i = 0; i < s->count; i++) {
    columns[i].keyspace = t->keyspace->name;
    columns[i].table = t->name;
    columns[i].type = s->nodes[i]->type;
    if (all) columns[i].name = t->columns[i].name;
  }
  s->columns = columns;
done:
  return st;
}

/* Some static column, and nothing else but the partition key. */
static bool only_statics(const planner *pl) {
  const cqle_table *t = pl->p->table;
  bool statics = false;
  if (pl->ast->wildcard) return false;
  for (uint32_t i = 0; i < t->column_count; i++) {
    if (!pl->p->selection.fetch[i] || t->columns[i].kind == CQLE_PARTITION_KEY) continue;
    if (t->columns[i].kind != CQLE_STATIC) return false;
    statics = true;
  }
  return statics;
}

static cql_status not_distinct(cql_error *err, const cqle_column *c) {
  return cql_fail(err, CQL_INVALID,
                  "SELECT DISTINCT queries must only request partition key columns and/or static columns (not %s)",
                  c->name);
}

static cql_status check_distinct(const planner *pl) {
  const cqle_where *w = pl->p->where;
  const cqle_table *t = pl->p->table;
  cql_error *err = pl->b->err;
  if (w->clustering_restricted || w->regular_restricted)
    return cql_fail(err, CQL_INVALID,
                    "SELECT DISTINCT with WHERE clause only supports restriction by partition key and/or static "
                    "columns.");
  if (pl->ast->per_partition_limit != NULL)
    return cql_fail(err, CQL_INVALID, "PER PARTITION LIMIT is not allowed with SELECT DISTINCT queries");
  for (uint32_t i = 0; i < t->column_count; i++) {
    cqle_column_kind kind = t->columns[i].kind;
    if (!pl->p->selection.fetch[i] || kind == CQLE_PARTITION_KEY || kind == CQLE_STATIC) continue;
    return not_distinct(err, &t->columns[i]);
  }
  for (uint32_t i = 0; i < pl->ast->order_count && w->partition_has_in; i++) {
    const cqle_column *c = cqle_table_column(t, pl->ast->order_by[i].column); /* rows to sort bring it along */
    if (c == NULL || c->kind == CQLE_PARTITION_KEY || c->kind == CQLE_STATIC) continue;
    return not_distinct(err, c);
  }
  for (uint32_t i = 0; i < t->partition_count && w->key_range; i++)
    if (!pl->p->selection.fetch[i])
      return cql_fail(err, CQL_INVALID,
                      "SELECT DISTINCT queries must request all the partition key columns (missing %s)",
                      t->partition[i]->name);
  return CQL_OK;
}

/* --- limits ------------------------------------------------------------------------------------------------------- */

static cql_status bind_limit(planner *pl, const cqle_term *term, const char *name, const cqle_expr **out) {
  if (term == NULL) return CQL_OK;
  cqle_receiver receiver = {pl->p->table->keyspace->name, pl->p->table->name, name, cql_type_native(CQL_TYPE_INT)};
  return cqle_term_bind(pl->b, term, &receiver, out);
}

static cql_status plan_limits(planner *pl) {
  cql_status st = CQL_OK;
  CQL_TRY(bind_limit(pl, pl->ast->per_partition_limit, "[per_partition_limit]", &pl->p->partition_limit));
  CQL_TRY(bind_limit(pl, pl->ast->limit, "[limit]", &pl->p->limit));
  if (pl->p->partition_limit != NULL && pl->p->selection.is_aggregate && pl->ast->group_count == 0)
    st = cql_fail(pl->b->err, CQL_INVALID, "PER PARTITION LIMIT is not allowed with aggregate queries.");
done:
  return st;
}

/* --- what is fetched ---------------------------------------------------------------------------------------------- */

static void fetch_restricted(cqle_select_plan *p) {
  for (uint32_t i = 0; i < p->where->group_count; i++)
    for (uint32_t k = 0; k < p->where->groups[i].column_count; k++)
      p->selection.fetch[cqle_column_index(p->table, p->where->groups[i].columns[k])] = true;
}

static int id_order(const void *x, const void *y) {
  uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
  return (a > b) - (a < b);
}

static cql_status order_fetch(cqle_select_plan *p, cql_arena *a) {
  uint32_t n = 0, *ids = cql_arena_array(a, (size_t)p->static_count + p->regular_count + 1, sizeof *ids);
  if (ids == NULL) return CQL_NOMEM;
  for (uint32_t i = 0; i < p->static_count; i++) ids[n++] = p->statics[i]->id;
  for (uint32_t i = 0; i < p->regular_count; i++) ids[n++] = p->regulars[i]->id;
  qsort(ids, n, sizeof *ids, id_order);
  p->fetch_ids = ids;
  return CQL_OK;
}

static cql_status plan_fetch(planner *pl) {
  cqle_select_plan *p = pl->p;
  const cqle_table *t = p->table;
  p->statics = cql_arena_array(pl->b->arena, (size_t)t->static_count + 1, sizeof *p->statics);
  p->regulars = cql_arena_array(pl->b->arena, (size_t)t->regular_count + 1, sizeof *p->regulars);
  if (p->statics == NULL || p->regulars == NULL) return CQL_NOMEM;
  fetch_restricted(p);
  if (p->ann != NULL) p->selection.fetch[cqle_column_index(t, p->ann)] = true;
  for (uint32_t i = 0; i < t->column_count; i++) {
    const cqle_column *c = &t->columns[i];
    if (!p->selection.fetch[i]) continue;
    if (c->kind == CQLE_STATIC) p->statics[p->static_count++] = c;
    if (c->kind == CQLE_REGULAR) p->regulars[p->regular_count++] = c;
  }
  p->returns_partitions_without_rows =
      t->static_count > 0 && !p->where->clustering_restricted && !p->where->regular_restricted;
  p->reads_statics = p->static_count > 0 || p->returns_partitions_without_rows;
  return order_fetch(p, pl->b->arena);
}

/* A paging state is only taken back by a statement that looks the same. */
static uint32_t fingerprint(const cqle_select_plan *p) {
  uint32_t h = 2166136261u;
  for (uint32_t i = 0; i < sizeof p->table->uuid; i++) h = (h ^ p->table->uuid[i]) * 16777619u;
  for (uint32_t i = 0; i < p->selection.count; i++)
    for (const char *c = p->selection.columns[i].name; *c != '\0'; c++) h = (h ^ (uint8_t)*c) * 16777619u;
  uint32_t shape[] = {p->selection.count, p->where->group_count, p->distinct, p->reversed,
                      p->groups,          p->group_clustering,   p->is_json,  p->where->index != NULL};
  for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) h = (h ^ shape[i]) * 16777619u;
  return h;
}

static cql_status plan_result(planner *pl) {
  cqle_select_plan *p = pl->p;
  p->columns = p->selection.columns;
  p->column_count = p->selection.count;
  if (!p->is_json) return CQL_OK;
  cql_column *json = cql_arena_zero(pl->b->arena, sizeof *json);
  if (json == NULL) return CQL_NOMEM;
  json->keyspace = p->table->keyspace->name;
  json->table = p->table->name;
  json->name = "[json]";
  json->type = cql_type_native(CQL_TYPE_TEXT);
  p->columns = json;
  p->column_count = 1;
  return CQL_OK;
}

cql_status cqle_select_plan_new(cqle_binder *b, const cqle_select *ast, const cqle_select_plan **out,
                                cql_plan_info *info) {
  cql_status st = CQL_OK;
  cqle_where *where = NULL;
  cqle_select_plan *p = cql_arena_zero(b->arena, sizeof *p);
  planner pl = {.b = b, .ast = ast, .p = p};
  CQL_CHECK(p != NULL, CQL_NOMEM);
  CQL_TRY(cqle_schema_resolve(b->schema, b->keyspace, &ast->table, &p->table, b->err));
  b->home = p->table->keyspace;
  p->distinct = ast->distinct;
  p->is_json = ast->is_json;
  CQL_TRY(plan_selection(&pl));
  CQL_TRY(cqle_ann_plan(b, ast, p));
  CQL_TRY(cqle_where_plan_select(b, p->table, ast->where, ast->where_count, only_statics(&pl), ast->allow_filtering,
                                 p->ann, &where));
  p->where = where;
  if (p->distinct) CQL_TRY(check_distinct(&pl));
  CQL_TRY(cqle_group_plan(&pl.c, ast, p));
  CQL_TRY(plan_limits(&pl));
  CQL_TRY(cqle_order_plan(b, ast, p));
  CQL_TRY(cqle_ann_check(b, ast, p));
  CQL_TRY(cqle_where_check_filtering(where, b->err));
  p->aggregates = p->groups || p->selection.is_aggregate;
  CQL_TRY(plan_fetch(&pl));
  CQL_TRY(plan_result(&pl));
  p->fingerprint = fingerprint(p);
  info->columns = p->columns;
  info->column_count = p->column_count;
  *out = p;
done:
  return st;
}
