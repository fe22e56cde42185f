/* local_prepared.c: prepared statements of a file are plans, which a schema change makes anew. */
#include "session/session_int.h"

static cql_status make_plan(const cql_prepared *p, cql_plan **out, cql_error *err) {
  cql_slice text = cql_slice_of(p->text, p->text_len);
  return cql_engine_prepare(p->session->engine, p->keyspace[0] != '\0' ? p->keyspace : NULL, text, out, err);
}

cql_status cqli_local_prepare(cql_prepared *p, cql_error *err) {
  cql_status st = make_plan(p, &p->as.local.described, err);
  if (st != CQL_OK) return st;
  const cql_plan_info *info = cql_plan_get_info(p->as.local.described);
  p->face = (cqli_face){.bind_count = info->bind_count,
                        .binds = info->binds,
                        .column_count = info->column_count,
                        .columns = info->columns,
                        .is_select = info->is_select,
                        .is_conditional = info->is_conditional};
  p->as.local.current = cql_plan_retain(p->as.local.described);
  return CQL_OK;
}

void cqli_local_release(cql_prepared *p) {
  cql_plan_release(p->as.local.current);
  cql_plan_release(p->as.local.described);
}

cql_status cqli_local_refresh(cql_prepared *p, cql_error *err) {
  cql_plan *plan = cqli_local_plan(p);
  cql_status st = cql_engine_check(p->session->engine, plan, err);
  if (st == CQL_UNPREPARED) {
    st = cqli_local_replan(p, plan, err);
    cql_lock_take(&p->session->lock);
    if (st == CQL_OK && !p->cached) st = CQL_UNPREPARED; /* it runs, but its columns have changed */
    cql_lock_drop(&p->session->lock);
  }
  cql_plan_release(plan);
  return st;
}

cql_plan *cqli_local_plan(const cql_prepared *p) {
  cql_lock_take(&p->session->lock);
  cql_plan *plan = cql_plan_retain(p->as.local.current);
  cql_lock_drop(&p->session->lock);
  return plan;
}

/* Makes plan what p runs, unless another thread has planned it already. Takes plan. */
static void replace(cql_prepared *p, const cql_plan *stale, cql_plan *plan) {
  cql_lock_take(&p->session->lock);
  if (p->as.local.current == stale) {
    cql_plan *old = p->as.local.current;
    p->as.local.current = plan;
    plan = old;
  }
  cql_lock_drop(&p->session->lock);
  cql_plan_release(plan);
}

cql_status cqli_local_replan(const cql_prepared *prepared, const cql_plan *stale, cql_error *err) {
  cql_prepared *p = (cql_prepared *)prepared; /* callers see it const: its face does not change */
  cql_plan *plan = NULL;
  cql_status st = make_plan(p, &plan, err);
  if (st != CQL_OK) {
    cqli_prepared_forget(p);
    return st;
  }
  const cql_plan_info *now = cql_plan_get_info(plan);
  if (!cqli_same_columns(now->binds, now->bind_count, p->face.binds, p->face.bind_count)) {
    cql_plan_release(plan);
    cqli_prepared_forget(p);
    return cqli_markers_changed(err);
  }
  if (!cqli_same_columns(now->columns, now->column_count, p->face.columns, p->face.column_count))
    cqli_prepared_forget(p);
  replace(p, stale, plan);
  return CQL_OK;
}
