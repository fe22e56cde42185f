/* query.c: a statement of SQL that is read row by row, and what it has read in vain. */
#include "relational/relational_int.h"

#include <stdio.h>
#include <string.h>

/* --- readers ------------------------------------------------------------------------------------------------------ */

void cqlr_query_init(cql_relational_query *q, cql_relational *owner) {
  *q = (cql_relational_query){.owner = owner, .budget = UINT64_MAX};
  cql_arena_init(&q->arena, owner->alloc, CQL_ARENA_LIMIT_DEFAULT);
}

void cqlr_query_clear(cql_relational_query *q) {
  cqlr_waves_free(q);
  cql_arena_free(&q->arena);
}

static void end_query(cql_relational_query *q) {
  cqlr_query_clear(q);
  cql_alloc_free(q->owner->alloc, q, sizeof *q);
}

void cqlr_reader_open(cqlr_reader *reader, cqlr_scan *scan, const int16_t *positions) {
  *reader = (cqlr_reader){.query = scan->owner->query, .scan = scan, .positions = positions};
  cqlr_reader **at = &reader->query->readers;
  while (*at != NULL) at = &(*at)->next;
  *at = reader;
}

void cqlr_reader_close(cqlr_reader *reader) {
  cql_relational_query *q = reader->query;
  cqlr_reader **at = &q->readers;
  while (*at != reader) at = &(*at)->next;
  *at = reader->next;
  q->spent += reader->is_fresh; /* a subquery has made something of it */
  if (q->readers != NULL) return;
  if (q == &q->owner->own)
    cqlr_query_clear(q);
  else if (q->is_finished)
    end_query(q);
}

cql_status cqlr_reader_moved(cqlr_reader *reader, const cqlr_table *table, bool has_row, cql_error *err) {
  cql_relational_query *q = reader->query;
  q->spent += reader->is_fresh;
  reader->is_fresh = has_row;
  if (q->spent <= q->budget) return CQL_OK;
  cql_status st = cql_fail(err, CQL_BUDGET, "%llu rows were read that are not returned, the last of them of %s",
                           (unsigned long long)q->spent, table->name);
  snprintf(err->table, sizeof err->table, "%s", table->name);
  return st;
}

/* The row that is given has one of each of them. */
static void give(cql_relational_query *q) {
  for (cqlr_reader *r = q->readers; r != NULL; r = r->next) r->is_fresh = false;
}

/* --- queries ------------------------------------------------------------------------------------------------------ */

/* The session's own error, or SQLite's words. */
static cql_status tell(cql_relational *r, int rc, cql_status otherwise, cql_error *err) {
  cql_error cause;
  if (cql_relational_error(r, &cause)) {
    if (err != NULL) *err = cause;
    return cause.status;
  }
  switch (rc) {
  case SQLITE_NOMEM: return cql_fail(err, CQL_NOMEM, "Out of memory");
  case SQLITE_INTERRUPT: return cql_fail(err, CQL_INTERRUPTED, "The query was interrupted");
  case SQLITE_TOOBIG: return cql_fail(err, CQL_LIMIT, "%s", sqlite3_errmsg(r->db));
  default: return cql_fail(err, otherwise, "%s", sqlite3_errmsg(r->db));
  }
}

cql_status cql_relational_prepare(cql_relational *r, const char *sql, size_t len, cql_relational_query **out,
                                  cql_error *err) {
  *out = NULL;
  if (len > INT32_MAX) return cql_fail(err, CQL_LIMIT, "The statement is too long");
  cql_relational_query *q = cql_alloc_new(r->alloc, sizeof *q);
  if (q == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  cqlr_query_init(q, r);
  r->has_error = false;
  int rc = sqlite3_prepare_v2(r->db, sql, (int)len, &q->statement, NULL);
  if (rc == SQLITE_OK && q->statement != NULL) {
    *out = q;
    return CQL_OK;
  }
  cql_alloc_free(r->alloc, q, sizeof *q);
  if (rc == SQLITE_OK) return cql_fail(err, CQL_SYNTAX, "The text has no statement");
  return tell(r, rc, CQL_SYNTAX, err);
}

void cql_relational_finish(cql_relational_query *q) {
  if (q == NULL) return;
  sqlite3_finalize(q->statement);
  q->is_finished = true;
  if (q->readers == NULL) end_query(q);
}

sqlite3_stmt *cql_relational_statement(cql_relational_query *q) {
  return q->statement;
}

void cql_relational_set_budget(cql_relational_query *q, uint64_t rows) {
  q->budget = rows;
}

uint64_t cql_relational_spent(const cql_relational_query *q) {
  return q->spent;
}

/* Steps may nest: a function of the program's may have a query of its own. */
cql_status cql_relational_step(cql_relational_query *q, bool *has_row, cql_error *err) {
  cql_relational *r = q->owner;
  cql_relational_query *outer = r->query;
  *has_row = false;
  if (q->is_over) return CQL_OK;
  r->query = q;
  r->has_error = false;
  int rc = sqlite3_step(q->statement);
  r->query = outer;
  if (rc == SQLITE_ROW) {
    give(q);
    *has_row = true;
    return CQL_OK;
  }
  q->is_over = true;
  cql_status st = rc == SQLITE_DONE ? CQL_OK : tell(r, rc, CQL_INVALID, err);
  sqlite3_reset(q->statement); /* cursors and what sorts have kept */
  if (q->readers == NULL) cqlr_waves_free(q);
  return st;
}
