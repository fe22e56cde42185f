/* answer.c: what a node has said to a call: a result, an error, or nothing because the connection broke. */
#include "client/client_int.h"

#include <string.h>

/* --- results ------------------------------------------------------------------------------------------------------ */

static void release_statement(void *owner) {
  cql_statement_release(owner);
}

static cql_status answer_result(const cql_alloc *alloc, const cql_response *r, cql_buf *body, cql_statement *statement,
                                cqli_columns *columns, cql_result **out, cql_error *err) {
  cql_status st = CQL_OK;
  bool is_rows = r->kind == CQL_RESULT_ROWS;
  if (is_rows && statement != NULL && r->rows.new_metadata_id.data != NULL && r->rows.columns != NULL)
    st = cqli_statement_change(statement, &r->rows, &columns, err);
  bool borrows = is_rows && columns != NULL && (r->rows.columns == NULL || r->rows.new_metadata_id.data != NULL);
  if (st == CQL_OK)
    st = cql_response_result(r, body, borrows ? columns->columns : NULL, borrows ? columns->count : 0, alloc, out, err);
  if (st != CQL_OK || !borrows) return st;
  (*out)->owner = cql_statement_retain(statement);
  (*out)->release = release_statement;
  return CQL_OK;
}

/* A result takes body. */
static cql_status read_body(cql_arena *arena, const cql_envelope *e, cql_buf *body, cql_statement *statement,
                            cqli_columns *columns, cql_response *r, cql_result **out, cql_error *err) {
  cql_status st = cql_response_decode(r, arena, e, err);
  if (st != CQL_OK) return st;
  if (r->opcode == CQL_OP_ERROR) return cql_server_error_tell(&r->error, err);
  if (r->opcode != CQL_OP_RESULT)
    return cql_fail(err, CQL_MALFORMED, "The node answers a request with opcode %d", r->opcode);
  if (r->kind == CQL_RESULT_PREPARED) return CQL_OK;
  return answer_result(arena->alloc, r, body, statement, columns, out, err);
}

cql_status cqli_answer_read(cql_arena *arena, cqli_conn *conn, cql_envelope *e, cql_buf *body, cql_statement *statement,
                            cqli_columns *columns, cql_response *r, cql_result **out, cql_error *err) {
  *out = NULL;
  cql_buf_init(body, arena->alloc, CQL_BODY_LEN_MAX);
  cql_arena_reset(arena);
  cql_status st = e->opcode == CQL_OP_RESULT ? cqli_conn_take(conn, e, body) : CQL_OK;
  if (st != CQL_OK) return cql_fail(err, st, "Out of memory");
  return read_body(arena, e, body, statement, columns, r, out, err);
}

void cqli_result_warn(cql_result *result, const char *text) {
  const char **warnings = cql_arena_array(&result->arena, result->warning_count + 1, sizeof *warnings);
  char *copy = cql_arena_str(&result->arena, cql_slice_str(text));
  if (warnings == NULL || copy == NULL) return;
  if (result->warning_count > 0) memcpy(warnings, result->warnings, result->warning_count * sizeof *warnings);
  warnings[result->warning_count++] = copy;
  result->warnings = warnings;
}

/* --- errors ------------------------------------------------------------------------------------------------------- */

static void remember(cqli_call *call, const cqli_try *at, const cql_error *err) {
  cql_attempt a = {.stage = CQL_STAGE_REQUEST, .status = err->status};
  a.elapsed_ms = (uint32_t)(uv_now(&call->core->loop) - at->started_ms);
  memcpy(a.host, at->host->name, CQL_HOST_LEN);
  cqli_reason(&a, err->message);
  cqli_call_remember(call, &a);
}

/* unprepared: the id of the statement that the node does not know. */
static void prepare_at(cqli_call *call, cqli_host *h, const cql_error *err, cql_slice unprepared) {
  bool is_known = err->status == CQL_INVALID; /* but is it what was prepared? */
  cql_slice id = is_known ? call->statements[call->doubts++]->id : unprepared;
  call->prepares += !is_known;
  cqli_prepare_at(call, h, id, err);
}

/* unprepared: the statement that the node does not know. */
static void failed(cqli_call *call, const cqli_try *at, const cql_error *err, bool may_have_run, cql_slice unprepared) {
  const cqli_failure f = {.error = err,
                          .may_have_run = may_have_run,
                          .is_idempotent = call->is_idempotent,
                          .is_conditional = call->is_conditional,
                          .is_one_write = call->is_one_write,
                          .retries = call->retries,
                          .prepares = call->prepares,
                          .doubts = call->doubts,
                          .statement_count = call->statement_count};
  cqli_verdict verdict = cqli_retry(&f);
  cqli_host *h = at->host;
  if (verdict != CQLI_PREPARE && verdict != CQLI_LATER) remember(call, at, err);
  switch (verdict) {
  case CQLI_GIVE_UP: cqli_call_fail(call, err); return;
  case CQLI_PREPARE: prepare_at(call, h, err, unprepared); return;
  case CQLI_SAME_NODE:
    call->retries++;
    cqli_call_again(call, h, err);
    return;
  case CQLI_NEXT_NODE:
    call->retries++;
    cqli_call_next(call, err);
    return;
  case CQLI_LATER: cqli_call_later(call, at->started_ms); return;
  }
}

/* --- one answer --------------------------------------------------------------------------------------------------- */

static void finish(cqli_call *call, cqli_host *host, cql_result *result) {
  if (result->kind == CQL_RESULT_SCHEMA_CHANGE) {
    cqli_agreement_wait(call, host, result);
    return;
  }
  cql_outcome outcome;
  outcome.status = CQL_OK;
  outcome.result = result;
  cqli_call_finish(call, &outcome);
}

static cql_status take_prepared(cqli_call *call, const cql_response *r, cql_result **out, cql_error *err) {
  if (r->kind != CQL_RESULT_PREPARED || call->prepared == NULL)
    return cql_fail(err, CQL_MALFORMED, "The node answers with another kind of result than was asked for");
  cql_status st = cqli_statement_new(call->prepared, call->core->alloc, call->prepare_keyspace, call->prepare_text,
                                     &r->prepared, err);
  if (st != CQL_OK) return st;
  *out = cql_result_new(call->core->alloc, CQL_BODY_LEN_MAX); /* a void one: the statement is what counts */
  if (*out != NULL) return CQL_OK;
  cql_statement_release(*call->prepared);
  *call->prepared = NULL;
  return cql_fail(err, CQL_NOMEM, "Out of memory");
}

/* The result of PREPARE is a void one: the statement is what counts. */
static cql_status read_answer(cqli_call *call, cqli_conn *conn, cql_envelope *e, cql_response *r, cql_result **out,
                              cql_error *err) {
  cql_buf body;
  cql_statement *s = call->statement_count == 1 ? call->one : NULL;
  cql_status st = cqli_answer_read(&call->core->scratch, conn, e, &body, s, call->columns, r, out, err);
  if (st == CQL_OK && (r->kind == CQL_RESULT_PREPARED || call->prepared != NULL)) {
    cql_result_free(*out);
    *out = NULL;
    st = take_prepared(call, r, out, err);
  }
  cql_buf_free(&body);
  return st;
}

void cqli_call_answered(cqli_call *call, cqli_try *at, cql_envelope *e, const cql_attempt *why, bool may_have_run) {
  cqli_core *core = call->core;
  cqli_try t = *at; /* the call may end, and its tries be used again */
  at->call = NULL;
  cql_error err;
  if (e == NULL) {
    cql_fail(&err, CQL_CONNECTION, "The connection to %s broke before the answer came: %s", t.host->name, why->reason);
    failed(call, &t, &err, may_have_run, (cql_slice){NULL, 0});
    return; /* the connection's owner looks after those who wait */
  }
  cql_response r;
  cql_result *result = NULL;
  cql_status st = read_answer(call, t.conn, e, &r, &result, &err);
  if (st == CQL_OK)
    finish(call, t.host, result);
  else
    failed(call, &t, &err, true, st == CQL_UNPREPARED ? r.error.id : (cql_slice){NULL, 0});
  if (core->waiting != NULL) cqli_calls_unqueue(core);
}
