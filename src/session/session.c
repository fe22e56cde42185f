#include "session/session_int.h"

#include <stdlib.h>
#include <string.h>

static cql_engine_config engine_config(const cqli_url *url) {
  cql_engine_config config = {0};
  config.path = url->in_memory ? NULL : url->path;
  config.durability_full = url->durability_full;
  config.busy_timeout_ms = url->busy_timeout_ms;
  return config;
}

cql_status cql_session_open(cql_session **out, const char *url_text, cql_error *err) {
  *out = NULL;
  cql_session *s = NULL;
  cqli_url *url = malloc(sizeof *url); /* too large for the stack of a thread that asked for a small one */
  cql_status st = url == NULL ? cql_fail(err, CQL_NOMEM, "Out of memory") : cqli_url_parse(url, url_text, err);
  if (st != CQL_OK) goto done;
  s = calloc(1, sizeof *s);
  if (s == NULL) {
    st = cql_fail(err, CQL_NOMEM, "Out of memory");
    goto done;
  }
  cql_engine_config config = engine_config(url);
  CQL_TRY(cql_engine_open(&s->engine, &config, err));
  memcpy(s->keyspace, url->keyspace, sizeof s->keyspace);
  cql_lock_init(&s->lock, CQL_LOCK_SESSION);
  s->refs = 1;
  *out = s;
  s = NULL;
done:
  free(s);
  free(url);
  return st;
}

void cql_session_close(cql_session *session) {
  if (session != NULL) cqli_session_release(session);
}

void cqli_session_retain(cql_session *s) {
  s->refs++;
}

/* Nobody holds a handle any more, so nobody else is here: what the cache remembers goes without the lock. */
static void destroy(cql_session *s) {
  while (s->cache.oldest != NULL) {
    cql_prepared *p = s->cache.oldest;
    cqli_cache_remove(&s->cache, p);
    cql_plan_release(p->current);
    cql_plan_release(p->described);
    free(p);
  }
  cql_engine_close(s->engine);
  cql_lock_free(&s->lock);
  free(s);
}

void cqli_session_release(cql_session *s) {
  cql_lock_take(&s->lock);
  bool last = --s->refs == 0;
  cql_lock_drop(&s->lock);
  if (last) destroy(s);
}

void cql_session_keyspace(cql_session *session, char out[CQL_NAME_LEN]) {
  cql_lock_take(&session->lock);
  memcpy(out, session->keyspace, CQL_NAME_LEN);
  cql_lock_drop(&session->lock);
}

cql_status cqli_session_request_keyspace(cql_session *s, const char *wanted, char out[CQL_NAME_LEN], cql_error *err) {
  if (wanted == NULL) {
    cql_session_keyspace(s, out);
    return CQL_OK;
  }
  size_t len = strnlen(wanted, CQL_NAME_LEN);
  if (len == CQL_NAME_LEN) return cql_fail(err, CQL_INVALID, "Keyspace '%.*s…' does not exist", CQL_NAME_LEN, wanted);
  memcpy(out, wanted, len + 1);
  return CQL_OK;
}

cql_status cql_session_backup(cql_session *session, const char *path, cql_error *err) {
  if (path == NULL || path[0] == '\0') return cql_fail(err, CQL_IO, "A backup needs the path of a new file");
  return cql_engine_backup(session->engine, path, err);
}

cql_status cql_session_compact(cql_session *session, cql_progress progress, void *user, cql_compact_report *report,
                               cql_error *err) {
  return cql_engine_compact(session->engine, progress, user, report, err);
}

cql_status cql_session_check(cql_session *session, cql_progress progress, cql_check_found found, void *user,
                             cql_check_report *report, cql_error *err) {
  return cql_engine_check_file(session->engine, progress, found, user, report, err);
}
