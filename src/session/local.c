/* local.c: a session over a file: the engine runs each request on the calling thread. */
#include "session/session_int.h"

static cql_status open_file(cql_session *s, const cqli_url *url, cql_error *err) {
  cql_engine_config config = {0};
  config.path = url->in_memory ? NULL : url->path;
  config.durability_full = url->durability_full;
  config.busy_timeout_ms = url->busy_timeout_ms;
  return cql_engine_open(&s->engine, &config, err);
}

static void close_file(cql_session *s) {
  cql_engine_close(s->engine);
}

/* --- submitting: the answer is there before the call returns ------------------------------------------------------ */

static cql_status submit(cql_session *s, const cql_request *q, cql_done done, void *user, cql_error *err) {
  cql_outcome o;
  (void)err;
  o.result = NULL;
  o.more = false;
  o.status = cqli_local_execute(s, q, &o.result, &o.error);
  done(user, &o);
  return CQL_OK;
}

static cql_status submit_batch(cql_session *s, cql_batch_type type, const cql_request *requests, uint32_t count,
                               cql_done done, void *user, cql_error *err) {
  cql_outcome o;
  (void)err;
  o.result = NULL;
  o.more = false;
  o.status = cqli_local_batch(s, type, requests, count, &o.result, &o.error);
  done(user, &o);
  return CQL_OK;
}

/* --- the file ----------------------------------------------------------------------------------------------------- */

static cql_status backup(cql_session *s, const char *path, cql_error *err) {
  return cql_engine_backup(s->engine, path, err);
}

static cql_status compact(cql_session *s, cql_progress progress, void *user, cql_compact_report *report,
                          cql_error *err) {
  return cql_engine_compact(s->engine, progress, user, report, err);
}

static cql_status check(cql_session *s, cql_progress progress, cql_check_found found, void *user,
                        cql_check_report *report, cql_error *err) {
  return cql_engine_check_file(s->engine, progress, found, user, report, err);
}

const cqli_side cqli_local_side = {
    .open = open_file,
    .close = close_file,
    .prepare = cqli_local_prepare,
    .refresh = cqli_local_refresh,
    .release = cqli_local_release,
    .execute = cqli_local_execute,
    .batch = cqli_local_batch,
    .execute_many = cqli_local_execute_many,
    .submit = submit,
    .submit_batch = submit_batch,
    .chain = cqli_local_chain,
    .backup = backup,
    .compact = compact,
    .check = check,
};
