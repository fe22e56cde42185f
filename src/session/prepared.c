/* prepared.c: prepared statements as callers hold them, shared through the cache. */
#include <stdlib.h>
#include <string.h>

#include "session/session_int.h"

/* --- life --------------------------------------------------------------------------------------------------------- */

void cqli_prepared_destroy(cql_prepared *p) {
  if (p == NULL) return;
  p->session->side->release(p);
  free(p);
}

static cql_status make(cql_session *s, const char *keyspace, cql_slice text, cql_prepared **out, cql_error *err) {
  if (text.len > SIZE_MAX - sizeof(cql_prepared) - 1) return cql_fail(err, CQL_NOMEM, "Out of memory");
  cql_prepared *p = calloc(1, sizeof *p + text.len + 1);
  if (p == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  p->session = s;
  memcpy(p->keyspace, keyspace, CQL_NAME_LEN);
  p->text_len = text.len;
  if (text.len > 0) memcpy(p->text, text.data, text.len);
  cql_status st = s->side->prepare(p, err);
  if (st == CQL_OK)
    *out = p;
  else
    free(p);
  return st;
}

static void hold(cql_prepared *p) {
  p->users++;
  cqli_session_retain(p->session);
}

void cql_prepared_release(cql_prepared *prepared) {
  if (prepared == NULL) return;
  cql_session *s = prepared->session;
  cql_lock_take(&s->lock);
  bool unwanted = --prepared->users == 0 && !prepared->cached;
  cql_lock_drop(&s->lock);
  if (unwanted) cqli_prepared_destroy(prepared);
  cqli_session_release(s);
}

/* --- sharing ------------------------------------------------------------------------------------------------------ */

/* Puts p into the cache; returns the statement that had to go and that nobody holds, or NULL. */
static cql_prepared *remember(cql_session *s, cql_prepared *p) {
  cqli_cache_put(&s->cache, p);
  if (s->cache.count <= CQL_SESSION_CACHE_COUNT) return NULL;
  cql_prepared *oldest = s->cache.oldest;
  cqli_cache_remove(&s->cache, oldest);
  return oldest->users == 0 ? oldest : NULL;
}

/* A statement from the cache, held for the caller; NULL: it is not there. */
static cql_prepared *recall(cql_session *s, const char *keyspace, cql_slice text) {
  cql_lock_take(&s->lock);
  cql_prepared *p = cqli_cache_find(&s->cache, keyspace, text);
  if (p != NULL) hold(p);
  cql_lock_drop(&s->lock);
  return p;
}

void cqli_prepared_forget(cql_prepared *p) {
  cql_lock_take(&p->session->lock);
  if (p->cached) cqli_cache_remove(&p->session->cache, p);
  cql_lock_drop(&p->session->lock);
}

void cql_prepared_doubt(cql_prepared *prepared) {
  if (cql_session_is_cluster(prepared->session)) cqli_prepared_forget(prepared);
}

/* Prepares the text anew and shares it, unless another thread has been faster. */
static cql_status prepare(cql_session *s, const char *keyspace, cql_slice text, cql_prepared **out, cql_error *err) {
  cql_prepared *made = NULL, *unwanted = NULL;
  cql_status st = make(s, keyspace, text, &made, err);
  if (st != CQL_OK) return st;
  cql_lock_take(&s->lock);
  cql_prepared *found = cqli_cache_find(&s->cache, keyspace, text);
  if (found != NULL) {
    unwanted = made;
    made = found;
  } else if (text.len <= CQL_SESSION_CACHE_TEXT_LEN) {
    unwanted = remember(s, made);
  }
  hold(made);
  cql_lock_drop(&s->lock);
  cqli_prepared_destroy(unwanted);
  *out = made;
  return CQL_OK;
}

cql_status cql_session_prepare(cql_session *session, const char *text, size_t text_len, const char *keyspace,
                               cql_prepared **out, cql_error *err) {
  *out = NULL;
  char name[CQL_NAME_LEN] = "";
  cql_slice key = cql_slice_of(text, text_len);
  cql_status st = cqli_session_request_keyspace(session, keyspace, name, err);
  if (st != CQL_OK) return st;
  cql_prepared *known = recall(session, name, key);
  if (known != NULL) {
    st = session->side->refresh(known, err);
    if (st == CQL_OK)
      *out = known;
    else
      cql_prepared_release(known);
    if (st != CQL_UNPREPARED) return st;
  }
  return prepare(session, name, key, out, err);
}

/* --- the face ----------------------------------------------------------------------------------------------------- */

bool cqli_same_columns(const cql_column *x, uint32_t x_count, const cql_column *y, uint32_t y_count) {
  if (x_count != y_count) return false;
  for (uint32_t i = 0; i < x_count; i++) {
    if (strcmp(x[i].name, y[i].name) != 0 || !cql_type_eq(x[i].type, y[i].type)) return false;
  }
  return true;
}

cql_status cqli_markers_changed(cql_error *err) {
  return cql_fail(err, CQL_UNPREPARED,
                  "The schema has changed and the bind markers with it: prepare the statement again");
}

uint32_t cql_prepared_bind_count(const cql_prepared *prepared) {
  return prepared->face.bind_count;
}

const cql_column *cql_prepared_bind(const cql_prepared *prepared, uint32_t i) {
  return i < prepared->face.bind_count ? &prepared->face.binds[i] : NULL;
}

uint32_t cql_prepared_column_count(const cql_prepared *prepared) {
  return prepared->face.column_count;
}

const cql_column *cql_prepared_column(const cql_prepared *prepared, uint32_t i) {
  return i < prepared->face.column_count ? &prepared->face.columns[i] : NULL;
}

bool cql_prepared_is_conditional(const cql_prepared *prepared) {
  return prepared->face.is_conditional;
}

bool cql_prepared_is_select(const cql_prepared *prepared) {
  return prepared->face.is_select;
}
