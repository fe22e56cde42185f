/* relational.c: the connection. */
#include "relational/relational_int.h"

#include <string.h>

cql_status cqlr_connection_init(cql_relational *r, cql_session *session, const char *keyspace) {
  *r = (cql_relational){.session = session, .alloc = &cql_alloc_libc, .query = &r->own};
  cql_arena_init(&r->arena, r->alloc, CQL_ARENA_LIMIT_DEFAULT);
  cql_buf_init(&r->text, r->alloc, CQL_SESSION_CACHE_TEXT_LEN);
  cqlr_query_init(&r->own, r);
  r->keyspace = cql_arena_str(&r->arena, cql_slice_str(keyspace));
  return r->keyspace == NULL ? CQL_NOMEM : CQL_OK;
}

void cqlr_connection_clear(cql_relational *r) {
  cqlr_query_clear(&r->own);
  cql_buf_free(&r->text);
  cql_arena_free(&r->arena);
}

cql_status cql_relational_open(cql_relational **out, cql_session *session, const char *keyspace, cql_error *err) {
  *out = NULL;
  cql_relational *r = cql_alloc_new(&cql_alloc_libc, sizeof *r);
  if (r == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  cql_status st = cqlr_connection_init(r, session, keyspace);
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX;
  int rc = st != CQL_OK ? SQLITE_NOMEM : sqlite3_open_v2(":memory:", &r->db, flags, NULL);
  if (rc == SQLITE_OK) rc = sqlite3_create_module_v2(r->db, "cql", &cqlr_vtab_module, r, NULL);
  if (rc == SQLITE_OK) rc = cqlr_exact_register(r->db);
  if (rc == SQLITE_OK) {
    *out = r;
    return CQL_OK;
  }
  cql_relational_close(r);
  return cql_fail(err, rc == SQLITE_NOMEM ? CQL_NOMEM : CQL_LIMIT, "SQLite does not open: %s", sqlite3_errstr(rc));
}

void cql_relational_close(cql_relational *r) {
  if (r == NULL) return;
  sqlite3_close(r->db);
  cqlr_connection_clear(r);
  cql_alloc_free(r->alloc, r, sizeof *r);
}

sqlite3 *cql_relational_db(cql_relational *r) {
  return r->db;
}

cql_status cql_relational_attach(cql_relational *r, const char *table, cql_error *err) {
  return cql_relational_attach_as(r, table, table, err);
}

cql_status cql_relational_attach_as(cql_relational *r, const char *name, const char *table, cql_error *err) {
  cql_buf b;
  cql_buf_init(&b, r->alloc, 4096);
  cql_buf_str(&b, "DROP TABLE IF EXISTS ");
  cqlr_put_name(&b, name);
  cql_buf_str(&b, "; CREATE VIRTUAL TABLE ");
  cqlr_put_name(&b, name);
  cql_buf_str(&b, " USING cql");
  cql_buf_u8(&b, 0);
  r->has_error = false;
  r->attached = table;
  int rc = b.st == CQL_OK ? sqlite3_exec(r->db, (const char *)b.data, NULL, NULL, NULL) : SQLITE_NOMEM;
  cql_buf_free(&b);
  if (rc == SQLITE_OK) return CQL_OK;
  cql_error cause;
  if (cql_relational_error(r, &cause)) {
    if (err != NULL) *err = cause;
    return cause.status;
  }
  return cql_fail(err, rc == SQLITE_NOMEM ? CQL_NOMEM : CQL_LIMIT, "%s", sqlite3_errmsg(r->db));
}

const cql_type *cql_relational_type(const cql_relational *r, const char *table, const char *column) {
  for (const cqlr_table *t = r->tables; t != NULL; t = t->next) {
    if (strcmp(t->alias, table) != 0) continue;
    for (uint32_t i = 0; i < t->column_count; i++)
      if (strcmp(t->columns[i].name, column) == 0) return t->columns[i].type;
  }
  return NULL;
}

bool cql_relational_error(cql_relational *r, cql_error *err) {
  if (!r->has_error) return false;
  r->has_error = false;
  *err = r->error;
  return true;
}

void cql_relational_counted(const cql_relational *r, cql_relational_counts *out) {
  *out = r->counts;
}
