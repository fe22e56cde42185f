/* local_request.c: statements, batches and chains on a file. */
#include "session/session_int.h"

#include <stdlib.h>

/* --- a result keeps its session ----------------------------------------------------------------------------------- */

typedef struct tie {
  cql_session *session;
  void (*release)(void *owner);
  void *owner;
} tie;

static void untie(void *data) {
  tie *t = data;
  t->release(t->owner);
  cqli_session_release(t->session);
  free(t);
}

/* A result whose columns borrow from a plan holds a reference on the session, so that the engine outlives the plan. */
static cql_status tie_result(cql_session *s, cql_result *r, cql_error *err) {
  if (r->release == NULL) return CQL_OK;
  tie *t = malloc(sizeof *t);
  if (t == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  *t = (tie){s, r->release, r->owner};
  cql_lock_take(&s->lock);
  cqli_session_retain(s);
  cql_lock_drop(&s->lock);
  r->release = untie;
  r->owner = t;
  return CQL_OK;
}

cql_status cqli_local_adopt(cql_session *s, cql_result *made, cql_result **out, cql_error *err) {
  cql_status st = tie_result(s, made, err);
  if (st != CQL_OK) {
    cql_result_free(made);
    return st;
  }
  if (made->kind == CQL_RESULT_SET_KEYSPACE) cqli_session_use(s, made->keyspace);
  *out = made;
  return CQL_OK;
}

/* --- one statement ------------------------------------------------------------------------------------------------ */

cql_status cqli_local_check(const cql_request *request, const cql_plan *plan, cql_error *err) {
  const cql_plan_info *info = cql_plan_get_info(plan);
  cql_status st = cqli_values_check(request, info->bind_count, err);
  return st == CQL_OK ? cqli_consistency_check(request, info, err) : st;
}

static cql_status run(cql_session *s, cql_plan *plan, const cql_request *request, cql_result **out, cql_error *err) {
  cql_result *made = NULL;
  cql_status st = cqli_local_check(request, plan, err);
  if (st == CQL_OK) st = cql_engine_execute(s->engine, plan, request, &made, err);
  return st == CQL_OK ? cqli_local_adopt(s, made, out, err) : st;
}

cql_status cqli_local_run(cql_session *s, const cql_prepared *p, const cql_request *request, cql_result **out,
                          cql_error *err) {
  for (int i = 0; i < CQL_SESSION_REPLAN_COUNT; i++) {
    cql_plan *plan = cqli_local_plan(p);
    cql_status st = run(s, plan, request, out, err);
    bool stale = st == CQL_UNPREPARED;
    if (stale) st = cqli_local_replan(p, plan, err);
    cql_plan_release(plan);
    if (!stale || st != CQL_OK) return st;
  }
  return cqli_changing_schema(err);
}

/* A text without markers is planned for this one call: literals would only push prepared statements out of the cache.
 */
static cql_status execute_once(cql_session *s, const cql_request *request, cql_result **out, cql_error *err) {
  char keyspace[CQL_NAME_LEN] = "";
  cql_status st = cqli_session_request_keyspace(s, request->keyspace, keyspace, err);
  if (st != CQL_OK) return st;
  cql_slice text = cql_slice_of(request->text, request->text_len);
  for (int i = 0; i < CQL_SESSION_REPLAN_COUNT; i++) {
    cql_plan *plan = NULL;
    st = cql_engine_prepare(s->engine, keyspace[0] != '\0' ? keyspace : NULL, text, &plan, err);
    if (st != CQL_OK) return st;
    st = run(s, plan, request, out, err);
    cql_plan_release(plan);
    if (st != CQL_UNPREPARED) return st;
  }
  return cqli_changing_schema(err);
}

cql_status cqli_local_execute(cql_session *session, const cql_request *request, cql_result **out, cql_error *err) {
  if (request->prepared != NULL) return cqli_local_run(session, request->prepared, request, out, err);
  if (request->value_count == 0) return execute_once(session, request, out, err);
  cql_prepared *p = NULL;
  cql_status st = cql_session_prepare(session, request->text, request->text_len, request->keyspace, &p, err);
  if (st != CQL_OK) return st;
  st = cqli_local_run(session, p, request, out, err);
  cql_prepared_release(p);
  return st;
}

/* --- a batch ------------------------------------------------------------------------------------------------------ */

typedef struct batch {
  uint32_t count;
  cql_prepared **own; /* prepared here, because the request had a text; else NULL */
  cql_plan **plans;
} batch;

static void batch_free(batch *b) {
  for (uint32_t i = 0; i < b->count; i++) {
    if (b->plans != NULL) cql_plan_release(b->plans[i]);
    if (b->own != NULL) cql_prepared_release(b->own[i]);
  }
  free(b->plans);
  free(b->own);
}

static const cql_prepared *batch_statement(const batch *b, const cql_request *requests, uint32_t i) {
  return requests[i].prepared != NULL ? requests[i].prepared : b->own[i];
}

static cql_status batch_prepare(cql_session *s, batch *b, const cql_request *requests, uint32_t count, cql_error *err) {
  b->own = calloc(count > 0 ? count : 1, sizeof(*b->own));
  b->plans = calloc(count > 0 ? count : 1, sizeof(*b->plans));
  if (b->own == NULL || b->plans == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  b->count = count;
  for (uint32_t i = 0; i < count; i++) {
    const cql_request *q = &requests[i];
    cql_status st = CQL_OK;
    if (q->prepared == NULL) st = cql_session_prepare(s, q->text, q->text_len, q->keyspace, &b->own[i], err);
    if (st != CQL_OK) return st;
    b->plans[i] = cqli_local_plan(batch_statement(b, requests, i));
    st = cqli_local_check(q, b->plans[i], err);
    if (st != CQL_OK) return st;
  }
  return CQL_OK;
}

static cql_status batch_replan(batch *b, const cql_request *requests, cql_error *err) {
  for (uint32_t i = 0; i < b->count; i++) {
    const cql_prepared *p = batch_statement(b, requests, i);
    cql_status st = cqli_local_replan(p, b->plans[i], err);
    if (st != CQL_OK) return st;
    cql_plan_release(b->plans[i]);
    b->plans[i] = cqli_local_plan(p);
  }
  return CQL_OK;
}

cql_status cqli_local_batch(cql_session *session, cql_batch_type type, const cql_request *requests, uint32_t count,
                            cql_result **out, cql_error *err) {
  batch b = {0};
  cql_result *made = NULL;
  cql_status st = batch_prepare(session, &b, requests, count, err);
  for (int i = 0; st == CQL_OK && made == NULL; i++) {
    if (i == CQL_SESSION_REPLAN_COUNT)
      st = cqli_changing_schema(err);
    else
      st = cql_engine_batch(session->engine, type, b.plans, requests, count, &made, err);
    if (st == CQL_UNPREPARED) st = batch_replan(&b, requests, err);
  }
  if (st == CQL_OK) st = cqli_local_adopt(session, made, out, err);
  batch_free(&b);
  return st;
}

/* --- a chain ------------------------------------------------------------------------------------------------------ */

static cql_status adopt_all(cql_session *s, cql_result **results, uint32_t *count, cql_error *err) {
  cql_status st = CQL_OK;
  uint32_t adopted = 0;
  for (; adopted < *count && st == CQL_OK; adopted += st == CQL_OK)
    st = cqli_local_adopt(s, results[adopted], &results[adopted], err);
  if (st == CQL_OK) return CQL_OK;
  for (uint32_t i = 0; i < *count; i++)
    if (i != adopted) cql_result_free(results[i]); /* cqli_local_adopt() has freed the one it failed on */
  *count = 0;
  return st;
}

cql_status cqli_local_chain(cql_session *session, const cql_request *requests, uint32_t count, bool all_or_nothing,
                            cql_result **out, uint32_t *made, cql_error *err) {
  batch b = {0};
  cql_status st = batch_prepare(session, &b, requests, count, err);
  for (int i = 0; st == CQL_OK; i++) {
    if (i == CQL_SESSION_REPLAN_COUNT) {
      st = cqli_changing_schema(err);
      break;
    }
    st = cql_engine_chain(session->engine, b.plans, requests, count, all_or_nothing, out, made, err);
    if (st != CQL_UNPREPARED) break;
    st = batch_replan(&b, requests, err);
  }
  if (st == CQL_OK) st = adopt_all(session, out, made, err);
  batch_free(&b);
  return st;
}
