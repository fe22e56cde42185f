#include <stdlib.h>
#include <string.h>

#include "session/session_int.h"

/* --- life --------------------------------------------------------------------------------------------------------- */

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
  s->side = url->is_cluster ? &cqli_cluster_side : &cqli_local_side;
  memcpy(s->keyspace, url->keyspace, sizeof s->keyspace);
  CQL_TRY(s->side->open(s, url, err));
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
  if (session == NULL) return;
  if (session->side->leave != NULL) session->side->leave(session);
  cqli_session_release(session);
}

void cqli_session_retain(cql_session *s) {
  s->refs++;
}

/* Nobody holds a handle any more, so nobody else is here: what the cache remembers goes without the lock. */
static void destroy(cql_session *s) {
  while (s->cache.oldest != NULL) {
    cql_prepared *p = s->cache.oldest;
    cqli_cache_remove(&s->cache, p);
    cqli_prepared_destroy(p);
  }
  s->side->close(s);
  cql_lock_free(&s->lock);
  free(s);
}

void cqli_session_release(cql_session *s) {
  cql_lock_take(&s->lock);
  bool last = --s->refs == 0;
  cql_lock_drop(&s->lock);
  if (last) destroy(s);
}

bool cql_session_is_cluster(const cql_session *session) {
  return session->side == &cqli_cluster_side;
}

cql_status cql_session_nodes(cql_session *session, void (*seen)(void *user, const cql_node_info *node), void *user,
                             cql_error *err) {
  if (session->side->nodes == NULL)
    return cql_fail(err, CQL_UNSUPPORTED, "A file is on this machine and has no nodes; they are a cluster's");
  return session->side->nodes(session, seen, user, err);
}

/* --- the keyspace ------------------------------------------------------------------------------------------------- */

void cql_session_keyspace(cql_session *session, char out[CQL_NAME_LEN]) {
  cql_lock_take(&session->lock);
  memcpy(out, session->keyspace, CQL_NAME_LEN);
  cql_lock_drop(&session->lock);
}

void cqli_session_use(cql_session *s, const char *keyspace) {
  size_t len = strnlen(keyspace, CQL_NAME_LEN - 1);
  cql_lock_take(&s->lock);
  memcpy(s->keyspace, keyspace, len);
  s->keyspace[len] = '\0';
  cql_lock_drop(&s->lock);
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
