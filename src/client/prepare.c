/* prepare.c: a node that does not know a statement is told it again: once, however many calls found that out.
 */
#include "client/client_int.h"

static void unlink_prepare(cqli_prepare *p) {
  for (cqli_prepare **at = &p->host->prepares; *at != NULL; at = &(*at)->next) {
    if (*at != p) continue;
    *at = p->next;
    return;
  }
}

/* Takes the calls out of p, which goes. */
static cqli_call *dissolve(cqli_prepare *p) {
  const cql_alloc *alloc = p->host->core->alloc;
  cqli_call *calls = p->calls;
  for (cqli_call *call = calls; call != NULL; call = call->next_prepare) call->preparing = NULL;
  unlink_prepare(p);
  cql_statement_release(p->statement);
  cql_alloc_free(alloc, p, sizeof *p);
  return calls;
}

void cqli_prepare_leave(cqli_call *call) {
  if (call->preparing == NULL) return;
  for (cqli_call **at = &call->preparing->calls; *at != NULL; at = &(*at)->next_prepare) {
    if (*at != call) continue;
    *at = call->next_prepare;
    break;
  }
  call->preparing = NULL; /* the answer still comes, for nobody */
}

/* --- the answer --------------------------------------------------------------------------------------------------- */

static cql_status read_answer(cqli_core *core, cql_statement *s, cql_envelope *e, cql_error *err) {
  cql_response r;
  cql_arena_reset(&core->scratch);
  cql_status st = cql_response_decode(&r, &core->scratch, e, err);
  if (st != CQL_OK) return st;
  if (r.opcode == CQL_OP_ERROR) return cql_server_error_tell(&r.error, err);
  if (r.opcode != CQL_OP_RESULT || r.kind != CQL_RESULT_PREPARED)
    return cql_fail(err, CQL_MALFORMED, "The node answers PREPARE with something else");
  if (cqli_statement_fits(s, &r.prepared)) return CQL_OK;
  atomic_store(&s->is_stale, true);
  return cql_fail(err, CQL_UNPREPARED,
                  "The schema has changed and the bind markers with it: prepare the statement again");
}

/* To the next node, or to the one that had forgotten the statement as well. */
static void go_elsewhere(cqli_call *call, const cql_error *err) {
  cqli_host *h = call->forgetful;
  call->forgetful = NULL;
  if (h != NULL)
    cqli_prepare_at(call, h, call->forgotten->id, err);
  else
    cqli_call_next(call, err);
}

static void on_prepared(void *user, cqli_conn *conn, cql_envelope *e, const cql_attempt *why, bool may_have_run) {
  cqli_prepare *p = user;
  cqli_host *h = p->host;
  (void)conn;
  (void)may_have_run;
  cql_error err;
  cql_status st = e == NULL ? cql_fail(&err, CQL_CONNECTION, "%s: %s", h->name, why->reason)
                            : read_answer(h->core, p->statement, e, &err);
  for (cqli_call *call = dissolve(p), *next; call != NULL; call = next) {
    next = call->next_prepare;
    if (e == NULL)
      go_elsewhere(call, &err);
    else if (st == CQL_OK)
      cqli_call_again(call, h, &err);
    else if (cqli_is_rate_limit(&err))
      cqli_call_later(call, uv_now(&h->core->loop));
    else
      cqli_call_fail(call, &err);
  }
}

/* --- the request -------------------------------------------------------------------------------------------------- */

static cql_statement *find_statement(const cqli_call *call, cql_slice id) {
  for (uint32_t i = 0; i < call->statement_count; i++)
    if (cql_slice_eq(call->statements[i]->id, id)) return call->statements[i];
  return NULL;
}

static cqli_prepare *find_prepare(cqli_host *h, const cql_statement *s) {
  cqli_prepare *p = h->prepares;
  while (p != NULL && p->statement != s) p = p->next;
  return p;
}

static cql_slice keyspace_of(cqli_core *core, const cql_statement *s) {
  bool has_keyspace = s->info.keyspace[0] != '\0' && atomic_load(&core->version) >= CQL_VERSION_5;
  return has_keyspace ? cql_slice_str(s->info.keyspace) : (cql_slice){NULL, 0};
}

static cql_status send_prepare(cqli_prepare *p) {
  cqli_core *core = p->host->core;
  cqli_link *l = cqli_host_pick(p->host);
  if (l == NULL) return CQL_NO_HOST;
  cql_buf envelope;
  int16_t stream;
  cql_buf_init(&envelope, core->alloc, CQL_BODY_LEN_MAX);
  cql_status st = cql_put_prepare(&envelope, cqli_conn_version(l->conn), p->statement->info.text,
                                  keyspace_of(core, p->statement), NULL);
  if (st == CQL_OK) st = envelope.st;
  if (st == CQL_OK) st = cqli_link_send(l, cql_buf_view(&envelope), on_prepared, p, &stream);
  cql_buf_free(&envelope);
  return st;
}

static cql_status begin(cqli_host *h, cql_statement *s, cqli_prepare **out) {
  cqli_prepare *p = *out = cql_alloc_new(h->core->alloc, sizeof *p);
  if (p == NULL) return CQL_NOMEM;
  p->host = h;
  p->statement = cql_statement_retain(s);
  p->next = h->prepares;
  h->prepares = p;
  cql_status st = send_prepare(p);
  if (st != CQL_OK) dissolve(p);
  return st;
}

void cqli_prepare_at(cqli_call *call, cqli_host *h, cql_slice id, const cql_error *err) {
  cql_statement *s = find_statement(call, id);
  if (s == NULL) {
    cqli_call_fail(call, err);
    return;
  }
  if (call->preparing != NULL) { /* the first node goes on; this one is asked if that breaks */
    call->forgetful = h;
    call->forgotten = s;
    return;
  }
  cqli_prepare *p = find_prepare(h, s);
  cql_status st = p == NULL ? begin(h, s, &p) : CQL_OK;
  if (st != CQL_OK) { /* UNPREPARED would blame the schema for it */
    cql_error why;
    cql_fail(&why, st, "Out of memory");
    cqli_call_next(call, st == CQL_NOMEM ? &why : err);
    return;
  }
  call->preparing = p;
  call->next_prepare = p->calls;
  p->calls = call;
}
