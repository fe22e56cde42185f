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

static cql_status set_types(cqlr_statement *s, cql_arena *arena, const cqlr_wish *wish) {
  s->types = cql_arena_array(arena, s->cell_count, sizeof *s->types);
  if (s->types == NULL) return CQL_NOMEM;
  for (uint32_t i = 0; i < s->table->column_count; i++)
    if (wish->positions[i] >= 0) s->types[wish->positions[i]] = s->table->columns[i].type;
  return CQL_OK;
}

static cql_status changed(const cqlr_statement *s, cql_error *err) {
  cql_prepared_doubt(s->prepared);
  cql_prepared_doubt(s->table->all);
  return cql_fail(err, CQL_INVALID, "The columns of %s have changed since it was attached", s->table->name);
}

static bool fits(const cqlr_statement *s) {
  if (cql_prepared_column_count(s->prepared) != s->cell_count) return false;
  for (uint32_t i = 0; i < s->cell_count; i++)
    if (!cql_type_eq(cql_prepared_column(s->prepared, i)->type, s->types[i])) return false;
  return true;
}

cql_status cqlr_statement_check(const cqlr_statement *s, const cql_result *page, cql_error *err) {
  bool is_same = cql_result_column_count(page) == s->cell_count;
  for (uint32_t i = 0; is_same && i < s->cell_count; i++)
    is_same = cql_type_eq(cql_result_column(page, i)->type, s->types[i]);
  return is_same ? CQL_OK : changed(s, err);
}

cql_status cqlr_statement_open(cqlr_statement *s, cql_arena *arena, cql_relational *owner, cql_relational_query *q,
                               const cqlr_table *t, const cqlr_wish *wish, cql_error *err) {
  cql_buf *b = &owner->text;
  *s = (cqlr_statement){.table = t, .key_cell = -1};
  put_statement(b, t, wish);
  if (b->st == CQL_LIMIT) return cql_fail(err, b->st, "A statement about %s is too long", t->name);
  s->cell_count = wish->cell_count;
  s->key_cell = t->clustering_count > 0 ? wish->positions[t->partition_count] : -1;
  if (b->st != CQL_OK || cqlr_sent_find(q, cql_buf_view(b), &s->sent) != CQL_OK || set_types(s, arena, wish) != CQL_OK)
    return cql_fail(err, CQL_NOMEM, "Out of memory");
  cql_status st = cql_session_prepare(owner->session, (const char *)b->data, b->len, NULL, &s->prepared, err);
  if (st != CQL_OK || fits(s)) return st;
  st = changed(s, err);
  cqlr_statement_close(s);
  return st;
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
