/* plan.c: from the text of a statement to a plan: parse, resolve, bind, describe. A plan never changes afterwards. */
#include "engine/engine_int.h"

#include <string.h>

#include "engine/modify/modify.h"
#include "engine/select/select.h"
#include "engine/term/term.h"

static cql_plan *plan_new(cql_engine *engine, const char *keyspace, cql_slice text) {
  cql_plan *p = cql_alloc_new(engine->alloc, sizeof *p);
  if (p == NULL) return NULL;
  atomic_init(&p->refs, 1);
  p->engine = engine;
  cql_arena_init(&p->arena, engine->alloc, CQLE_PLAN_ARENA_MAX);
  const char *copy = cql_arena_str(&p->arena, text);
  if (copy != NULL && keyspace != NULL) p->keyspace = cql_arena_str(&p->arena, cql_slice_str(keyspace));
  if (copy == NULL || (keyspace != NULL && p->keyspace == NULL)) {
    cql_plan_release(p);
    return NULL;
  }
  p->text = cql_slice_of(copy, text.len);
  return p;
}

cql_plan *cql_plan_retain(cql_plan *plan) {
  atomic_fetch_add_explicit(&plan->refs, 1, memory_order_relaxed);
  return plan;
}

void cql_plan_release(cql_plan *plan) {
  if (plan == NULL || atomic_fetch_sub_explicit(&plan->refs, 1, memory_order_acq_rel) != 1) return;
  cql_engine *e = plan->engine;
  if (plan->schema != NULL) cqle_schema_release(e, plan->schema);
  cql_arena_free(&plan->arena);
  cql_alloc_free(e->alloc, plan, sizeof *plan);
}

const cql_plan_info *cql_plan_get_info(const cql_plan *plan) {
  return &plan->info;
}

/* --- markers ------------------------------------------------------------------------------------------------------ */

static cql_status binder_init(cqle_binder *b, cql_plan *p, cql_error *err) {
  const cqle_statement *s = p->statement;
  *b = (cqle_binder){
      .arena = &p->arena, .schema = p->schema, .keyspace = p->keyspace, .count = s->marker_count, .err = err};
  b->binds = cql_arena_zero(&p->arena, s->marker_count * sizeof *b->binds);
  b->targets = cql_arena_zero(&p->arena, s->marker_count * sizeof *b->targets);
  if (b->binds == NULL || b->targets == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  for (uint32_t i = 0; i < s->marker_count; i++) {
    if (s->marker_names[i].data == NULL) continue;
    b->binds[i].name = cql_arena_str(&p->arena, s->marker_names[i]);
    if (b->binds[i].name == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  }
  return CQL_OK;
}

/* The table whose partition key routes the statement; NULL: none, or several. */
static cql_status routing_table(const cql_plan *p, const cqle_table **out, cql_error *err) {
  const cqle_statement *s = p->statement;
  *out = NULL;
  if (s->kind == CQLE_STMT_SELECT) return cqle_schema_resolve(p->schema, p->keyspace, &s->as.select.table, out, err);
  if (s->kind == CQLE_STMT_MODIFY) return cqle_schema_resolve(p->schema, p->keyspace, &s->as.modify.table, out, err);
  if (s->kind != CQLE_STMT_BATCH) return CQL_OK;
  const cqle_table *first = NULL;
  for (uint32_t i = 0; i < s->as.batch.count; i++) {
    const cqle_table *t;
    cql_status st = cqle_schema_resolve(p->schema, p->keyspace, &s->as.batch.items[i].table, &t, err);
    if (st != CQL_OK) return st;
    if (i > 0 && t != first) return CQL_OK;
    first = t;
  }
  *out = first;
  return CQL_OK;
}

/* A marker stands for a partition key column when it was bound to that column's own name, not to "in(c)" or the like;
 * the last one counts. */
static cql_status find_key_indexes(cql_plan *p, const cqle_binder *b, cql_error *err) {
  const cqle_table *t;
  cql_status st = routing_table(p, &t, err);
  if (st != CQL_OK || t == NULL || b->count == 0 || b->count > UINT16_MAX) return st;
  uint16_t *indexes = cql_arena_array(&p->arena, t->partition_count, sizeof *indexes);
  if (indexes == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  for (uint32_t k = 0; k < t->partition_count; k++) {
    uint32_t i = b->count;
    while (i > 0 && b->targets[i - 1] != t->partition[k]->name) i--;
    if (i == 0) return CQL_OK;
    indexes[k] = (uint16_t)(i - 1);
  }
  p->info.key_indexes = indexes;
  p->info.key_index_count = t->partition_count;
  return CQL_OK;
}

static cql_status check_binds(const cqle_binder *b) {
  for (uint32_t i = 0; i < b->count; i++)
    if (b->binds[i].type == NULL)
      return cql_fail(b->err, CQL_INVALID, "Bind variable %u stands where no type can be known for it", i);
  return CQL_OK;
}

/* --- plans -------------------------------------------------------------------------------------------------------- */

static cql_status plan_by_kind(cql_plan *p, cqle_binder *b) {
  const cqle_statement *s = p->statement;
  switch (s->kind) {
  case CQLE_STMT_SELECT: p->info.is_select = true; return cqle_select_plan_new(b, &s->as.select, &p->select, &p->info);
  case CQLE_STMT_MODIFY:
    p->info.is_modification = true;
    return cqle_modify_plan_new(b, &s->as.modify, &p->modify, &p->info);
  case CQLE_STMT_BATCH: return cqle_batch_plan_new(b, &s->as.batch, &p->batch, &p->info);
  case CQLE_STMT_REFUSED: return cql_fail(b->err, s->as.refused.status, "%s", s->as.refused.message);
  default: return CQL_OK;
  }
}

static cql_status plan_statement(cql_plan *p, cql_error *err) {
  cqle_binder b;
  cql_status st;
  CQL_TRY(binder_init(&b, p, err));
  CQL_TRY(plan_by_kind(p, &b));
  CQL_TRY(check_binds(&b));
  p->info.bind_count = b.count;
  p->info.binds = b.binds;
  CQL_TRY(find_key_indexes(p, &b, err));
done:
  return st;
}

static cql_status load_schema(cql_engine *e, cqle_schema **out, cql_error *err) {
  cqle_txn *txn;
  cql_status st = cqle_txn_begin(e->store, false, &txn, err);
  if (st != CQL_OK) return st;
  st = cqle_engine_schema(e, txn, out, err);
  cqle_txn_abort(txn);
  return st;
}

static cql_status make_plan(cql_engine *engine, const char *keyspace, cql_slice text, cql_plan **out, cql_error *err) {
  cql_plan *p = plan_new(engine, keyspace, text);
  if (p == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  cql_status st;
  CQL_TRY(cqle_parse(&p->arena, p->text, &p->statement, err));
  CQL_TRY(load_schema(engine, &p->schema, err));
  CQL_TRY(plan_statement(p, err));
done:
  if (p->arena.failed) st = cql_fail(err, CQL_NOMEM, "Out of memory"); /* whoever was refused may have made do */
  if (st == CQL_OK)
    *out = p;
  else
    cql_plan_release(p);
  return st;
}

cql_status cql_engine_prepare(cql_engine *engine, const char *keyspace, cql_slice text, cql_plan **out,
                              cql_error *err) {
  cql_error local;
  *out = NULL;
  local.status = CQL_OK;
  if (text.len > CQLE_TEXT_LEN_MAX)
    return cql_fail(err, CQL_LIMIT, "The text is longer than %d bytes", CQLE_TEXT_LEN_MAX);
  return cqle_end_call(make_plan(engine, keyspace, text, out, &local), &local, err);
}
