/* local_many.c: many requests at once on a file, each with an outcome of its own. */
#include "session/session_int.h"

#include <stdlib.h>

/* Beside each request; owns a reference on both. */
typedef struct item {
  cql_prepared *own; /* prepared here, because the request had a text; else NULL */
  cql_plan *plan;    /* NULL: the request failed before it could run */
} item;

static const cql_prepared *statement_of(const item *it, const cql_request *q) {
  return q->prepared != NULL ? q->prepared : it->own;
}

static cql_status prepare(cql_session *s, const cql_request *q, item *it, cql_error *err) {
  cql_status st = cqli_request_check(s, q, err);
  if (st == CQL_OK && q->prepared == NULL)
    st = cql_session_prepare(s, q->text, q->text_len, q->keyspace, &it->own, err);
  if (st != CQL_OK) return st;
  cql_plan *plan = cqli_local_plan(statement_of(it, q));
  st = cqli_local_check(q, plan, err);
  if (st == CQL_OK)
    it->plan = plan;
  else
    cql_plan_release(plan);
  return st;
}

static void settle(cql_session *s, const item *it, const cql_request *q, cql_outcome *o) {
  cql_result *made = o->result;
  o->result = NULL;
  if (o->status == CQL_OK)
    o->status = cqli_local_adopt(s, made, &o->result, &o->error);
  else if (o->status == CQL_UNPREPARED)
    o->status = cqli_local_run(s, statement_of(it, q), q, &o->result, &o->error);
}

/* The stretches of requests that can run, each in one call. */
static void run(cql_session *s, const item *items, cql_plan **plans, const cql_request *requests, uint32_t count,
                cql_outcome *outcomes) {
  for (uint32_t i = 0; i < count; i++) {
    uint32_t end = i;
    for (; end < count && items[end].plan != NULL; end++) plans[end] = items[end].plan;
    if (end > i) cql_engine_execute_many(s->engine, &plans[i], &requests[i], end - i, &outcomes[i]);
    for (; i < end; i++) settle(s, &items[i], &requests[i], &outcomes[i]);
  }
}

cql_status cqli_local_execute_many(cql_session *session, const cql_request *requests, uint32_t count,
                                   cql_outcome *outcomes, cql_error *err) {
  item *items = calloc(count > 0 ? count : 1, sizeof *items);
  cql_plan **plans = calloc(count > 0 ? count : 1, sizeof *plans);
  cql_status st = items != NULL && plans != NULL ? CQL_OK : cql_fail(err, CQL_NOMEM, "Out of memory");
  if (st == CQL_OK) {
    for (uint32_t i = 0; i < count; i++) {
      outcomes[i].result = NULL;
      outcomes[i].status = prepare(session, &requests[i], &items[i], &outcomes[i].error);
    }
    run(session, items, plans, requests, count, outcomes);
  }
  for (uint32_t i = 0; items != NULL && i < count; i++) {
    cql_plan_release(items[i].plan);
    cql_prepared_release(items[i].own);
  }
  free(items);
  free(plans);
  return st;
}
