/* cluster_prepared.c: prepared statements of a cluster. What the server does not say of them, their text does. */
#include "session/session_int.h"

static cql_status prepare_without(cql_prepared *p, cql_slice text, cql_status st, cql_error *err) {
  cql_error without;
  cql_status again = cql_client_prepare(p->session->client, "", text, &p->as.statement, &without);
  if (again != CQL_OK && cqli_cluster_wants_keyspace(again, &without)) return st;
  if (again != CQL_OK) *err = without;
  return again;
}

cql_status cqli_cluster_prepare(cql_prepared *p, cql_error *err) {
  cql_status st = cqli_cluster_may_wait(err);
  if (st != CQL_OK) return st;
  cql_slice text = cql_slice_of(p->text, p->text_len);
  st = cql_client_prepare(p->session->client, p->keyspace, text, &p->as.statement, err);
  if (cqli_cluster_lacks_keyspace(p->keyspace, st, err)) st = prepare_without(p, text, st, err);
  if (st != CQL_OK) return st;
  const cql_statement_info *info = cql_statement_get_info(p->as.statement);
  cql_text_class class = cql_engine_classify(text, info->binds, info->bind_count);
  p->face = (cqli_face){.bind_count = info->bind_count,
                        .binds = info->binds,
                        .column_count = info->column_count,
                        .columns = info->columns,
                        .is_select = class.is_select,
                        .is_conditional = class.is_conditional,
                        .is_idempotent = class.is_idempotent};
  return CQL_OK;
}

cql_status cqli_cluster_refresh(cql_prepared *p, cql_error *err) {
  (void)err;
  if (!cql_statement_is_stale(p->as.statement)) return CQL_OK;
  cqli_prepared_forget(p);
  return CQL_UNPREPARED;
}

void cqli_cluster_release(cql_prepared *p) {
  cql_statement_release(p->as.statement);
}

/* The whole cache is gone through: this is once in a schema change. A statement that nobody holds any more goes. */
void cqli_cluster_forget(cql_session *s, const cql_statement *statement) {
  cql_prepared *unwanted = NULL;
  cql_lock_take(&s->lock);
  for (cql_prepared *p = s->cache.newest; p != NULL; p = p->older) {
    if (p->as.statement != statement) continue;
    cqli_cache_remove(&s->cache, p);
    if (p->users == 0) unwanted = p;
    break;
  }
  cql_lock_drop(&s->lock);
  cqli_prepared_destroy(unwanted);
}
