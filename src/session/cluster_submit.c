/* cluster_submit.c: requests on a cluster whose answer goes to a function, on the client's thread. */
#include "session/session_int.h"

#include <stdlib.h>

/* How deep this thread is inside of the callers' functions. It is the client's thread then: were it to wait for an
 * answer, it would wait for itself. */
static _Thread_local unsigned inside_done;

cql_status cqli_cluster_may_wait(cql_error *err) {
  if (inside_done == 0) return CQL_OK;
  return cql_fail(err, CQL_MISUSE,
                  "A function that takes an answer cannot wait for another one: submit requests, with statements that "
                  "were prepared before");
}

cql_status cql_session_wait_check(cql_error *err) {
  cql_status st = cqli_cluster_may_wait(err);
  if (st != CQL_OK || !cql_client_is_interrupted()) return st;
  return cql_fail(err, CQL_INTERRUPTED, "Interrupted");
}

/* Lives from the submission to the answer. It holds no reference to the session: cql_session_close() answers all that
 * is in flight before it lets go of the session. */
typedef struct submission {
  cql_session *session;
  cql_done done;
  void *user;
  uint32_t count;
  const cql_statement *statements[]; /* only compared */
} submission;

static void follow(const submission *sub, cql_outcome *o) {
  cql_call_config call = {0};
  for (uint32_t i = 0; o->status == CQL_UNPREPARED && i < sub->count; i++)
    if (sub->statements[i] != NULL) cqli_cluster_forget(sub->session, sub->statements[i]);
  o->status = cqli_cluster_follow(sub->session, &call, o->status, o->result, &o->error);
}

static void answered(void *user, cql_outcome *o) {
  submission *sub = user;
  follow(sub, o);
  inside_done++;
  sub->done(sub->user, o);
  inside_done--;
  free(sub);
}

static cql_status start(cql_session *s, const cql_call_config *call, cql_done done, void *user, cql_error *err) {
  submission *sub = malloc(sizeof *sub + call->item_count * sizeof *sub->statements);
  if (sub == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  *sub = (submission){.session = s, .done = done, .user = user, .count = call->item_count};
  for (uint32_t i = 0; i < call->item_count; i++) sub->statements[i] = call->items[i].statement;
  cql_status st = cql_client_submit(s->client, call, answered, sub, err);
  if (st != CQL_OK) free(sub);
  return st;
}

cql_status cqli_cluster_submit(cql_session *s, const cql_request *q, cql_done done, void *user, cql_error *err) {
  cqli_call call;
  cql_status st = cqli_call_init(&call, s, q, err);
  if (st == CQL_OK) st = start(s, &call.config, done, user, err);
  cqli_call_clear(&call);
  return st;
}

cql_status cqli_cluster_submit_batch(cql_session *s, cql_batch_type type, const cql_request *requests, uint32_t count,
                                     cql_done done, void *user, cql_error *err) {
  cqli_batch_call call;
  cql_status st = cqli_batch_call_init(&call, s, type, requests, count, err);
  if (st == CQL_OK) st = start(s, &call.config, done, user, err);
  cqli_batch_call_clear(&call);
  return st;
}
