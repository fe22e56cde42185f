/* statement.c: the CQL of a scan. */
#include "relational/relational_int.h"

static void put_columns(cql_buf *b, const cqlr_table *t, const cqlr_wish *wish) {
  const char *between = "";
  for (uint32_t i = 0; i < t->column_count; i++) {
    if (wish->positions[i] < 0) continue;
    cql_buf_str(b, between);
    cqlr_put_name(b, t->columns[i].name);
    between = ", ";
  }
}

static void put_order(cql_buf *b, const cqlr_table *t) {
  for (uint32_t i = 0; i < t->clustering_count; i++) {
    const cqlr_column *c = &t->columns[t->partition_count + i];
    cql_buf_str(b, i == 0 ? " ORDER BY " : ", ");
    cqlr_put_name(b, c->name);
    cql_buf_str(b, c->is_descending ? " ASC" : " DESC");
  }
}

static void put_statement(cql_buf *b, const cqlr_table *t, const cqlr_wish *wish) {
  static const char *const SIGNS[] = {" = ?", " > ?", " >= ?", " < ?", " <= ?"};
  cql_buf_reset(b);
  cql_buf_str(b, "SELECT ");
  put_columns(b, t, wish);
  cql_buf_str(b, " FROM ");
  cqlr_put_name(b, t->keyspace);
  cql_buf_str(b, ".");
  cqlr_put_name(b, t->name);
  for (uint32_t i = 0; i < wish->access->count; i++) {
    const cqlr_term *term = &wish->access->terms[i];
    cql_buf_str(b, i == 0 ? " WHERE " : " AND ");
    cqlr_put_name(b, t->columns[term->column].name);
    cql_buf_str(b, SIGNS[term->op]);
  }
  if (wish->is_reversed) put_order(b, t);
}

/* Are the columns still those that the table is known by? */
static bool fits(const cql_prepared *prepared, const cqlr_table *t, const cqlr_wish *wish) {
  if (cql_prepared_column_count(prepared) != wish->cell_count) return false;
  for (uint32_t i = 0; i < t->column_count; i++) {
    int16_t cell = wish->positions[i];
    if (cell >= 0 && !cql_type_eq(cql_prepared_column(prepared, (uint32_t)cell)->type, t->columns[i].type))
      return false;
  }
  return true;
}

cql_status cqlr_statement_open(cqlr_statement *s, cql_relational *owner, cql_relational_query *q, const cqlr_table *t,
                               const cqlr_wish *wish, cql_error *err) {
  cql_buf *b = &owner->text;
  *s = (cqlr_statement){.key_cell = -1};
  put_statement(b, t, wish);
  if (b->st == CQL_LIMIT) return cql_fail(err, b->st, "A statement about %s is too long", t->name);
  if (b->st != CQL_OK || cqlr_sent_find(q, cql_buf_view(b), &s->sent) != CQL_OK)
    return cql_fail(err, CQL_NOMEM, "Out of memory");
  s->cell_count = wish->cell_count;
  s->key_cell = t->clustering_count > 0 ? wish->positions[t->partition_count] : -1;
  cql_status st = cql_session_prepare(owner->session, (const char *)b->data, b->len, NULL, &s->prepared, err);
  if (st != CQL_OK || fits(s->prepared, t, wish)) return st;
  cqlr_statement_close(s);
  return cql_fail(err, CQL_INVALID, "The columns of %s have changed since it was attached", t->name);
}

void cqlr_statement_close(cqlr_statement *s) {
  cql_prepared_release(s->prepared);
  s->prepared = NULL;
}

cql_request cqlr_statement_request(const cqlr_statement *s, const cql_value *values, uint32_t count) {
  cql_request q = CQL_REQUEST_INIT;
  q.prepared = s->prepared;
  q.values = values;
  q.value_count = count;
  q.page_size = CQL_RELATIONAL_PAGE_COUNT;
  return q;
}
