/* cluster_request.c: requests on a cluster that the calling thread waits for. */
#include "session/session_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cql_status cqli_cluster_follow(cql_session *s, const cql_call_config *call, cql_status st, const cql_result *result,
                               cql_error *err) {
  if (st == CQL_OK) {
    if (cql_result_get_kind(result) == CQL_RESULT_SET_KEYSPACE) cqli_session_use(s, cql_result_keyspace(result));
    return CQL_OK;
  }
  if (st != CQL_UNPREPARED) return st;
  for (uint32_t i = 0; i < call->item_count; i++)
    if (call->items[i].statement != NULL) cqli_cluster_forget(s, call->items[i].statement);
  return cqli_markers_changed(err);
}

/* --- one statement, a batch --------------------------------------------------------------------------------------- */

/* Version 5 sends the session's keyspace with every text, and a node refuses the text when there is none of that name:
 * even CREATE KEYSPACE, and what names its tables in full. Nothing has run then. */
bool cqli_cluster_lacks_keyspace(const char *keyspace, cql_status st, const cql_error *err) {
  char words[CQL_NAME_LEN + 64];
  if (st != CQL_INVALID || keyspace[0] == '\0' || err == NULL) return false;
  snprintf(words, sizeof words, "Keyspace '%s' does not exist", keyspace);
  return strcmp(err->message, words) == 0;
}

/* A statement that does need the keyspace fails without it in other words; those that name it are the better ones. */
bool cqli_cluster_wants_keyspace(cql_status st, const cql_error *err) {
  return st == CQL_INVALID && strncmp(err->message, "No keyspace has been specified", 30) == 0;
}

static cql_status run_text(cql_session *s, const cql_request *q, cqli_call *call, cql_result **out, cql_error *err) {
  cql_status st = cql_client_execute(s->client, &call->config, out, err);
  if (call->item.statement != NULL || q->keyspace != NULL || !cqli_cluster_lacks_keyspace(call->keyspace, st, err))
    return st;
  cql_error without;
  call->config.keyspace = NULL;
  cql_status again = cql_client_execute(s->client, &call->config, out, &without);
  if (again != CQL_OK && cqli_cluster_wants_keyspace(again, &without)) return st;
  if (again != CQL_OK) *err = without;
  return again;
}

/* A text that was prepared here is prepared anew when its markers have changed: its values are the caller's own idea of
 * them, as on a file. */
cql_status cqli_cluster_execute(cql_session *s, const cql_request *q, cql_result **out, cql_error *err) {
  cql_status st = cqli_cluster_may_wait(err);
  if (st != CQL_OK) return st;
  for (int i = 0; i < CQL_SESSION_REPLAN_COUNT; i++) {
    cqli_call call;
    st = cqli_call_init(&call, s, q, err);
    if (st == CQL_OK) {
      st = run_text(s, q, &call, out, err);
      st = cqli_cluster_follow(s, &call.config, st, *out, err);
    }
    bool again = st == CQL_UNPREPARED && call.own != NULL;
    cqli_call_clear(&call);
    if (!again) return st;
  }
  return cqli_changing_schema(err);
}

static bool is_all_own(const cqli_batch_call *call) {
  for (uint32_t i = 0; i < call->count; i++)
    if (call->items[i].statement != NULL && call->own[i] == NULL) return false;
  return true;
}

cql_status cqli_cluster_batch(cql_session *s, cql_batch_type type, const cql_request *requests, uint32_t count,
                              cql_result **out, cql_error *err) {
  cql_status st = cqli_cluster_may_wait(err);
  if (st != CQL_OK) return st;
  for (int i = 0; i < CQL_SESSION_REPLAN_COUNT; i++) {
    cqli_batch_call call;
    st = cqli_batch_call_init(&call, s, type, requests, count, err);
    if (st == CQL_OK) {
      st = cql_client_execute(s->client, &call.config, out, err);
      st = cqli_cluster_follow(s, &call.config, st, *out, err);
    }
    bool again = st == CQL_UNPREPARED && is_all_own(&call);
    cqli_batch_call_clear(&call);
    if (!again) return st;
  }
  return cqli_changing_schema(err);
}

/* --- many --------------------------------------------------------------------------------------------------------- */

/* The calls from first on that can run, up to one that cannot. */
static uint32_t run_stretch(cql_session *s, cqli_call *calls, cql_call_config *configs, uint32_t first, uint32_t count,
                            cql_outcome *outcomes) {
  uint32_t end = first;
  for (; end < count && outcomes[end].status == CQL_OK; end++) configs[end] = calls[end].config;
  if (end > first) cql_client_execute_many(s->client, &configs[first], end - first, &outcomes[first]);
  return end;
}

static void settle(cql_session *s, const cqli_call *call, const cql_request *q, cql_outcome *o) {
  o->status = cqli_cluster_follow(s, &call->config, o->status, o->result, &o->error);
  if (o->status == CQL_UNPREPARED && call->own != NULL) o->status = cqli_cluster_execute(s, q, &o->result, &o->error);
}

cql_status cqli_cluster_execute_many(cql_session *s, const cql_request *requests, uint32_t count, cql_outcome *outcomes,
                                     cql_error *err) {
  cql_status st = cqli_cluster_may_wait(err);
  if (st != CQL_OK) return st;
  cqli_call *calls = calloc(count > 0 ? count : 1, sizeof *calls);
  cql_call_config *configs = calloc(count > 0 ? count : 1, sizeof *configs);
  if (calls == NULL || configs == NULL) st = cql_fail(err, CQL_NOMEM, "Out of memory");
  for (uint32_t i = 0; st == CQL_OK && i < count; i++) {
    cql_outcome *o = &outcomes[i];
    o->result = NULL;
    o->status = cqli_request_check(s, &requests[i], &o->error);
    if (o->status == CQL_OK) o->status = cqli_call_init(&calls[i], s, &requests[i], &o->error);
  }
  for (uint32_t i = 0; st == CQL_OK && i < count; i++) {
    uint32_t end = run_stretch(s, calls, configs, i, count, outcomes);
    for (; i < end; i++) settle(s, &calls[i], &requests[i], &outcomes[i]);
  }
  for (uint32_t i = 0; st == CQL_OK && i < count; i++) cqli_call_clear(&calls[i]);
  free(configs);
  free(calls);
  return st;
}
