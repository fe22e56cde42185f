/* request.c: what holds for a request wherever it runs; then its side takes over. */
#include "session/session_int.h"

cql_status cqli_request_check(const cql_session *s, const cql_request *request, cql_error *err) {
  if ((request->prepared == NULL) == (request->text == NULL))
    return cql_fail(err, CQL_MISUSE, "A request has either a text or a prepared statement");
  if (request->prepared != NULL && request->prepared->session != s)
    return cql_fail(err, CQL_MISUSE, "The prepared statement belongs to another session");
  if (request->value_count > 0 && request->values == NULL) return cql_fail(err, CQL_MISUSE, "The values are missing");
  return CQL_OK;
}

cql_status cqli_requests_check(const cql_session *s, const char *noun, const cql_request *requests, uint32_t count,
                               cql_error *err) {
  if (count > CQL_SESSION_BATCH_COUNT)
    return cql_fail(err, CQL_INVALID, "A %s has at most %d statements, not %u", noun, CQL_SESSION_BATCH_COUNT, count);
  cql_status st = CQL_OK;
  for (uint32_t i = 0; st == CQL_OK && i < count; i++) st = cqli_request_check(s, &requests[i], err);
  return st;
}

cql_status cqli_values_check(const cql_request *request, uint32_t count, cql_error *err) {
  if (request->value_count == count) return CQL_OK;
  return cql_fail(err, CQL_INVALID, "there were %u markers(?) in CQL but %u bound variables", count,
                  request->value_count);
}

cql_status cqli_changing_schema(cql_error *err) {
  return cql_fail(err, CQL_BUSY, "The schema changed %d times while the statement was planned; try again",
                  CQL_SESSION_REPLAN_COUNT);
}

cql_status cql_session_execute(cql_session *session, const cql_request *request, cql_result **out, cql_error *err) {
  *out = NULL;
  cql_status st = cqli_request_check(session, request, err);
  return st == CQL_OK ? session->side->execute(session, request, out, err) : st;
}

cql_status cql_session_batch(cql_session *session, cql_batch_type type, const cql_request *requests, uint32_t count,
                             cql_result **out, cql_error *err) {
  *out = NULL;
  cql_status st = cqli_requests_check(session, "batch", requests, count, err);
  return st == CQL_OK ? session->side->batch(session, type, requests, count, out, err) : st;
}

cql_status cql_session_execute_many(cql_session *session, const cql_request *requests, uint32_t count,
                                    cql_outcome *outcomes, cql_error *err) {
  if (count > CQL_EXECUTE_MANY_COUNT)
    return cql_fail(err, CQL_LIMIT, "At most %d requests run at once, not %u", CQL_EXECUTE_MANY_COUNT, count);
  return session->side->execute_many(session, requests, count, outcomes, err);
}

cql_status cql_session_submit(cql_session *session, const cql_request *request, cql_done done, void *user,
                              cql_error *err) {
  cql_status st = cqli_request_check(session, request, err);
  return st == CQL_OK ? session->side->submit(session, request, done, user, err) : st;
}

cql_status cql_session_submit_batch(cql_session *session, cql_batch_type type, const cql_request *requests,
                                    uint32_t count, cql_done done, void *user, cql_error *err) {
  cql_status st = cqli_requests_check(session, "batch", requests, count, err);
  return st == CQL_OK ? session->side->submit_batch(session, type, requests, count, done, user, err) : st;
}

void cql_session_flush(cql_session *session) {
  if (session->side->flush != NULL) session->side->flush(session);
}

void cql_set_rest_hook(void (*rest)(void)) {
  cql_client_set_rest_hook(rest);
}

void cql_take_turns(void) {
  cql_client_take_turns();
}

void cql_end_turn(void) {
  cql_client_end_turn();
}

void cql_set_interrupt_check(bool (*interrupted)(void)) {
  cql_client_set_interrupt_check(interrupted);
}
