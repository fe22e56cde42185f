/* send.c: requests to the session, and what is counted of them. */
#include "relational/relational_int.h"

static const char OTHERS[] = "other statements";

/* --- what a query has sent ---------------------------------------------------------------------------------------- */

cql_status cqlr_sent_find(cql_relational_query *q, cql_slice text, cql_relational_sent **out) {
  *out = NULL;
  if (q == &q->owner->own) return CQL_OK;
  for (uint32_t i = 0; i < q->sent_count && *out == NULL; i++)
    if (cql_slice_eq_str(text, q->sent[i].cql)) *out = &q->sent[i];
  if (*out != NULL) return CQL_OK;
  uint32_t last = CQL_RELATIONAL_SENT_COUNT - 1;
  if (q->sent_count <= last) {
    const char *cql = q->sent_count == last ? OTHERS : cql_arena_str(&q->arena, text);
    if (cql == NULL) return CQL_NOMEM;
    q->sent[q->sent_count++] = (cql_relational_sent){.cql = cql};
  }
  *out = &q->sent[q->sent_count - 1];
  return CQL_OK;
}

bool cql_relational_sent_at(const cql_relational_query *q, uint32_t i, cql_relational_sent *out) {
  if (i >= q->sent_count) return false;
  *out = q->sent[i];
  return true;
}

/* --- sending ------------------------------------------------------------------------------------------------------ */

void cqlr_count(cql_relational *owner, cql_relational_sent *sent, uint64_t requests, uint64_t rows) {
  owner->counts.requests += requests;
  owner->counts.rows += rows;
  if (sent == NULL) return;
  sent->requests += requests;
  sent->rows += rows;
}

void cqlr_count_wave(cql_relational *owner, cql_relational_sent *sent) {
  owner->counts.waves++;
  if (sent != NULL) sent->waves++;
}

cql_status cqlr_send(cql_relational *owner, cql_relational_sent *sent, const cql_request *request, cql_result **out,
                     cql_error *err) {
  cqlr_count_wave(owner, sent);
  cql_status st = cql_session_execute(owner->session, request, out, err);
  cqlr_count(owner, sent, 1, st == CQL_OK ? cql_result_row_count(*out) : 0);
  return st;
}

cql_status cqlr_send_many(cql_relational *owner, cql_relational_sent *sent, const cql_request *requests, uint32_t many,
                          cql_outcome *outcomes, cql_error *err) {
  uint64_t rows = 0;
  if (many == 1) { /* by the shortest road */
    outcomes[0].result = NULL;
    outcomes[0].status = cqlr_send(owner, sent, requests, &outcomes[0].result, &outcomes[0].error);
    return CQL_OK;
  }
  cqlr_count_wave(owner, sent);
  cql_status st = cql_session_execute_many(owner->session, requests, many, outcomes, err);
  if (st != CQL_OK) return st;
  for (uint32_t i = 0; i < many; i++)
    if (outcomes[i].status == CQL_OK) rows += cql_result_row_count(outcomes[i].result);
  cqlr_count(owner, sent, many, rows);
  return CQL_OK;
}
