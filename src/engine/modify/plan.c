/* plan.c: INSERT, UPDATE and DELETE resolved against their table. Cassandra: the prepareInternal() methods of
 * UpdateStatement, DeleteStatement and ModificationStatement.
 */
#include "engine/modify/modify_int.h"

#include <string.h>

static cql_status out_of_memory(const cqle_binder *b) {
  return cql_fail(b->err, CQL_NOMEM, "Out of memory");
}

bool cqle_modify_is_conditional(const cqle_modify_plan *p) {
  return p->if_exists || p->if_not_exists || p->condition_count > 0;
}

static bool is_key(const cqle_column *c) {
  return c->kind == CQLE_PARTITION_KEY || c->kind == CQLE_CLUSTERING;
}

static void add_operation(cqle_modify_plan *p, const cqle_operation *op) {
  p->operations[p->operation_count++] = *op;
  p->reads |= op->reads;
  if (op->column->kind == CQLE_STATIC)
    p->sets_statics = true;
  else
    p->sets_regulars = true;
}

static cql_status make_room(cqle_binder *b, cqle_modify_plan *p, uint32_t count) {
  p->operations = cql_arena_array(b->arena, count, sizeof *p->operations);
  return p->operations != NULL ? CQL_OK : out_of_memory(b);
}

/* --- conditions --------------------------------------------------------------------------------------------------- */

static cql_status plan_conditions(cqle_binder *b, const cqle_modify *ast, cqle_modify_plan *p) {
  p->if_exists = ast->if_exists;
  p->if_not_exists = ast->if_not_exists;
  p->condition_count = ast->if_count;
  if (!cqle_modify_is_conditional(p)) return CQL_OK;
  if (p->timestamp != NULL)
    return cql_fail(b->err, CQL_INVALID, "Cannot provide custom timestamp for conditional updates");
  p->conditions = cql_arena_zero(b->arena, ast->if_count * sizeof *p->conditions);
  if (p->conditions == NULL) return out_of_memory(b);
  for (uint32_t i = 0; i < ast->if_count; i++) {
    cql_status st = cqle_condition_plan(b, p->table, &ast->ifs[i], &p->conditions[i]);
    if (st != CQL_OK) return st;
    if (p->conditions[i].column->kind == CQLE_STATIC)
      p->asks_statics = true;
    else
      p->asks_regulars = true;
  }
  if (p->table->is_counter)
    return cql_fail(b->err, CQL_INVALID, "Conditional updates are not supported on counter tables");
  return CQL_OK;
}

/* --- INSERT ------------------------------------------------------------------------------------------------------- */

static cql_status missing_keys(cqle_binder *b, const cqle_column *const *columns, const cqle_expr *const *key,
                               uint32_t count, const char *what) {
  const char *names = NULL;
  for (uint32_t i = 0; i < count; i++) {
    if (key[i] != NULL) continue;
    names = names == NULL ? columns[i]->name : cql_arena_printf(b->arena, "%s, %s", names, columns[i]->name);
    if (names == NULL) return out_of_memory(b);
  }
  return names == NULL ? CQL_OK : cql_fail(b->err, CQL_INVALID, "Some %s are missing: %s", what, names);
}

static cql_status check_insert(cqle_binder *b, const cqle_modify *ast, const cqle_table *t) {
  if (t->is_counter)
    return cql_fail(b->err, CQL_INVALID, "INSERT statements are not allowed on counter tables, use UPDATE instead");
  if (ast->kind == CQLE_INSERT_JSON) return CQL_OK;
  if (ast->column_count == 0) return cql_fail(b->err, CQL_INVALID, "No columns provided to INSERT");
  if (ast->column_count != ast->value_count) return cql_fail(b->err, CQL_INVALID, "Unmatched column names/values");
  for (uint32_t i = 0; i < ast->column_count; i++)
    for (uint32_t j = 0; j < i; j++)
      if (cql_slice_eq(ast->columns[i], ast->columns[j]))
        return cql_fail(b->err, CQL_INVALID, "The column names contains duplicates");
  return CQL_OK;
}

static cql_status plan_insert_column(cqle_binder *b, cqle_modify_plan *p, cql_slice name, const cqle_term *value) {
  const cqle_table *t = p->table;
  const cqle_column *c;
  cqle_operation op;
  cql_status st = cqle_find_column(t, name, &c, b->err);
  if (st != CQL_OK) return st;
  if (is_key(c)) {
    cqle_receiver r = cqle_receiver_of(t, c);
    uint32_t at = c->kind == CQLE_CLUSTERING ? t->partition_count + c->position : c->position;
    return cqle_term_bind(b, value, &r, &p->key[at]);
  }
  st = cqle_operation_from_value(b, t, c, value, &op);
  if (st == CQL_OK) add_operation(p, &op);
  return st;
}

/* Every column of the table is written, from its place in the request. */
static cql_status plan_insert_json(cqle_binder *b, const cqle_modify *ast, cqle_modify_plan *p) {
  const cqle_table *t = p->table;
  cqle_json_plan *json;
  cql_status st = cqle_json_plan_make(b, t, ast, &json);
  if (st != CQL_OK) return st;
  p->kind = CQLE_INSERT;
  p->json = json;
  for (uint32_t i = 0; i < t->column_count; i++) {
    const cqle_column *c = &t->columns[i];
    cqle_receiver r = cqle_receiver_of(t, c);
    const cqle_expr *value = cqle_expr_of_place(b, &r, json->first + i);
    if (value == NULL) return out_of_memory(b);
    if (is_key(c))
      p->key[c->kind == CQLE_CLUSTERING ? t->partition_count + c->position : c->position] = value;
    else
      add_operation(p, &(cqle_operation){.kind = CQLE_OPERATION_SET, .column = c, .value = value});
  }
  return CQL_OK;
}

static cql_status plan_insert(cqle_binder *b, const cqle_modify *ast, cqle_modify_plan *p) {
  const cqle_table *t = p->table;
  cql_status st;
  CQL_TRY(check_insert(b, ast, t));
  CQL_TRY(make_room(b, p, ast->kind == CQLE_INSERT_JSON ? t->column_count : ast->column_count));
  p->key = cql_arena_zero(b->arena, (t->partition_count + t->clustering_count) * sizeof(cqle_expr *));
  if (p->key == NULL) return out_of_memory(b);
  if (ast->kind == CQLE_INSERT_JSON) return plan_insert_json(b, ast, p);
  for (uint32_t i = 0; i < ast->column_count; i++) CQL_TRY(plan_insert_column(b, p, ast->columns[i], ast->values[i]));
  CQL_TRY(missing_keys(b, t->partition, p->key, t->partition_count, "partition key parts"));
  const cqle_expr **clustering = p->key + t->partition_count;
  bool any = false;
  for (uint32_t i = 0; i < t->clustering_count; i++) any |= clustering[i] != NULL;
  p->static_only = !any && t->clustering_count > 0 && p->sets_statics && !p->sets_regulars;
  if (!p->static_only) CQL_TRY(missing_keys(b, t->clustering, clustering, t->clustering_count, "clustering keys"));
done:
  return st;
}

/* --- UPDATE ------------------------------------------------------------------------------------------------------- */

/* A column may be assigned once, or changed by several operations that do not replace it. */
static cql_status check_assignments(cqle_binder *b, const cqle_modify *ast) {
  for (uint32_t i = 0; i < ast->set_count; i++)
    for (uint32_t j = 0; j < i; j++) {
      const cqle_assignment *x = &ast->sets[i], *y = &ast->sets[j];
      if (cql_slice_eq(x->column, y->column) && (x->kind == CQLE_SET_VALUE || y->kind == CQLE_SET_VALUE))
        return cql_fail(b->err, CQL_SYNTAX, "Multiple incompatible setting of column " CQL_SLICE_FMT,
                        CQL_SLICE_ARG(x->column));
    }
  return CQL_OK;
}

static cql_status plan_where(cqle_binder *b, const cqle_modify *ast, cqle_modify_plan *p) {
  p->static_only = !p->sets_regulars && !p->asks_regulars && (p->sets_statics || p->asks_statics);
  cqle_where_use use = p->static_only ? CQLE_WHERE_UPDATE_STATIC : CQLE_WHERE_UPDATE;
  if (p->kind == CQLE_DELETE) use = p->static_only ? CQLE_WHERE_DELETE_STATIC : CQLE_WHERE_DELETE;
  cqle_where *where;
  cql_status st = cqle_where_plan(b, p->table, ast->where, ast->where_count, use, &where);
  p->where = where;
  return st;
}

static cql_status plan_update(cqle_binder *b, const cqle_modify *ast, cqle_modify_plan *p) {
  cql_status st;
  CQL_TRY(check_assignments(b, ast));
  CQL_TRY(make_room(b, p, ast->set_count));
  for (uint32_t i = 0; i < ast->set_count; i++) {
    const cqle_column *c;
    cqle_operation op;
    CQL_TRY(cqle_find_column(p->table, ast->sets[i].column, &c, b->err));
    if (is_key(c)) return cql_fail(b->err, CQL_INVALID, "PRIMARY KEY part %s found in SET part", c->name);
    CQL_TRY(cqle_operation_from_assignment(b, p->table, c, &ast->sets[i], cqle_modify_is_conditional(p), &op));
    add_operation(p, &op);
  }
  CQL_TRY(plan_where(b, ast, p));
done:
  return st;
}

/* --- DELETE ------------------------------------------------------------------------------------------------------- */

static cql_status check_conditional_delete(cqle_binder *b, const cqle_modify_plan *p) {
  const cqle_where *w = p->where;
  bool whole = w->partition_complete && !w->partition_has_in && !w->clustering_has_in && !w->clustering_has_slice &&
               w->clustering_count == p->table->clustering_count;
  if (whole || !cqle_modify_is_conditional(p)) return CQL_OK;
  const char *must = "DELETE statements must restrict all PRIMARY KEY columns with equality relations in order to";
  if (p->sets_regulars) return cql_fail(b->err, CQL_INVALID, "%s delete non static columns", must);
  if (p->asks_regulars) return cql_fail(b->err, CQL_INVALID, "%s use IF condition on non static columns", must);
  return CQL_OK;
}

static cql_status plan_delete(cqle_binder *b, const cqle_modify *ast, cqle_modify_plan *p) {
  cql_status st;
  CQL_TRY(make_room(b, p, ast->target_count));
  for (uint32_t i = 0; i < ast->target_count; i++) {
    const cqle_column *c;
    cqle_operation op;
    CQL_TRY(cqle_find_column(p->table, ast->targets[i].column, &c, b->err));
    if (is_key(c))
      return cql_fail(b->err, CQL_INVALID, "Invalid identifier %s for deletion (should not be a PRIMARY KEY part)",
                      c->name);
    CQL_TRY(cqle_operation_from_target(b, p->table, c, &ast->targets[i], &op));
    add_operation(p, &op);
  }
  if (ast->target_count == 0) p->sets_regulars = true; /* the row */
  CQL_TRY(plan_where(b, ast, p));
  CQL_TRY(check_conditional_delete(b, p));
done:
  return st;
}

/* --- the door ----------------------------------------------------------------------------------------------------- */

static cql_status check_table(cqle_binder *b, const cqle_modify_plan *p) {
  const cqle_table *t = p->table;
  if (t->keyspace->is_system || t->read != NULL)
    return cql_fail(b->err, CQL_UNAUTHORIZED, "%s keyspace is not user-modifiable.", t->keyspace->name);
  if (t->is_counter && p->timestamp != NULL)
    return cql_fail(b->err, CQL_INVALID, "Cannot provide custom timestamp for counter updates");
  if (t->is_counter && p->ttl != NULL)
    return cql_fail(b->err, CQL_INVALID, "Cannot provide custom TTL for counter updates");
  return CQL_OK;
}

cql_status cqle_modify_plan_make(cqle_binder *b, const cqle_modify *ast, cqle_modify_plan **out) {
  cqle_modify_plan *p = cql_arena_zero(b->arena, sizeof *p);
  if (p == NULL) return out_of_memory(b);
  cql_status st;
  p->kind = ast->kind;
  CQL_TRY(cqle_schema_resolve(b->schema, b->keyspace, &ast->table, &p->table, b->err));
  b->home = p->table->keyspace;
  CQL_TRY(cqle_attributes_bind(b, &ast->using, p->table->keyspace->name, p->table->name, &p->timestamp, &p->ttl));
  CQL_TRY(check_table(b, p));
  CQL_TRY(plan_conditions(b, ast, p));
  switch (ast->kind) {
  case CQLE_INSERT:
  case CQLE_INSERT_JSON: CQL_TRY(plan_insert(b, ast, p)); break;
  case CQLE_UPDATE: CQL_TRY(plan_update(b, ast, p)); break;
  case CQLE_DELETE: CQL_TRY(plan_delete(b, ast, p)); break;
  }
  *out = p;
done:
  return st;
}

cql_status cqle_modify_plan_new(cqle_binder *b, const cqle_modify *ast, const cqle_modify_plan **out,
                                cql_plan_info *info) {
  cqle_modify_plan *p;
  cql_status st = cqle_modify_plan_make(b, ast, &p);
  if (st != CQL_OK) return st;
  info->is_conditional = cqle_modify_is_conditional(p);
  *out = p;
  return CQL_OK;
}

cql_status cqle_modify_execute(cqle_exec *x, const cqle_modify_plan *plan) {
  if (cqle_modify_is_conditional(plan)) return cqle_cas_execute(x, &plan, &x->request, 1, false);
  cqle_write w;
  cql_status st = cqle_json_request(x, plan);
  if (st != CQL_OK) return st;
  cqle_write_init(&w, x, x->timestamp);
  st = cqle_write_add(&w, x, plan);
  return st == CQL_OK ? cqle_write_apply(&w) : st;
}
