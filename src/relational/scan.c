/* scan.c: the rows of one scan of a table, from the session. */
#include "relational/relational_int.h"

#include <string.h>

/* --- life --------------------------------------------------------------------------------------------------------- */

void cqlr_scan_init(cqlr_scan *s, cql_relational *owner, const cqlr_table *table) {
  *s = (cqlr_scan){.owner = owner, .table = table, .is_over = true};
  cql_arena_init(&s->arena, owner->alloc, CQL_ARENA_LIMIT_DEFAULT);
  cql_buf_init(&s->text, owner->alloc, CQL_SESSION_CACHE_TEXT_LEN);
}

static void drop_group(cqlr_scan *s) {
  for (uint32_t i = s->next_in_group; i < s->group_count; i++) cql_result_free(s->outcomes[i].result);
  s->group_count = s->next_in_group = 0;
}

void cqlr_scan_end(cqlr_scan *s) {
  drop_group(s);
  cql_result_free(s->page);
  cql_prepared_release(s->prepared);
  s->page = NULL;
  s->prepared = NULL;
  s->is_over = true;
  s->request_count = s->next_request = 0;
  cql_arena_reset(&s->arena);
}

void cqlr_scan_free(cqlr_scan *s) {
  cqlr_scan_end(s);
  cql_buf_free(&s->text);
  cql_arena_free(&s->arena);
}

/* --- the statement ------------------------------------------------------------------------------------------------ */

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

static cql_value value_of(cql_slice s) {
  return (cql_value){s.data, (int32_t)s.len};
}

/* One request; of an IN one for each value. */
static cql_status make_requests(cqlr_scan *s, const cqlr_wish *wish) {
  uint32_t terms = wish->access->count, count = wish->access->has_in ? wish->in_count : 1;
  cql_value *values = cql_arena_array(&s->arena, (size_t)count * terms + 1, sizeof *values);
  uint32_t group = count < CQL_RELATIONAL_TOGETHER_COUNT ? count : CQL_RELATIONAL_TOGETHER_COUNT;
  s->requests = cql_arena_array(&s->arena, count + 1, sizeof *s->requests);
  s->outcomes = cql_arena_array(&s->arena, group + 1, sizeof *s->outcomes);
  s->cells = cql_arena_array(&s->arena, wish->cell_count, sizeof *s->cells);
  if (values == NULL || s->requests == NULL || s->outcomes == NULL || s->cells == NULL) return CQL_NOMEM;
  for (uint32_t i = 0; i < count; i++) {
    cql_value *mine = values + (size_t)i * terms;
    for (uint32_t k = 0; k < terms; k++)
      mine[k] = value_of(wish->access->terms[k].is_in ? wish->in_values[i] : wish->values[k]);
    cql_request *q = &s->requests[i];
    *q = (cql_request)CQL_REQUEST_INIT;
    q->prepared = s->prepared;
    q->values = mine;
    q->value_count = terms;
    q->page_size = CQL_RELATIONAL_PAGE_COUNT;
  }
  s->request_count = count;
  return CQL_OK;
}

cql_status cqlr_scan_begin(cqlr_scan *s, const cqlr_wish *wish, cql_error *err) {
  put_statement(&s->text, s->table, wish);
  if (s->text.st != CQL_OK) return cql_fail(err, s->text.st, "A statement about %s is too long", s->table->name);
  cql_session *session = s->owner->session;
  cql_status st = cql_session_prepare(session, (const char *)s->text.data, s->text.len, NULL, &s->prepared, err);
  if (st != CQL_OK) return st;
  if (make_requests(s, wish) != CQL_OK) return cql_fail(err, CQL_NOMEM, "Out of memory");
  s->owner->counts.scans += wish->access->way == CQLR_BY_SCAN;
  s->key_cell = s->table->clustering_count > 0 ? wish->positions[s->table->partition_count] : -1;
  s->is_over = false;
  return cqlr_scan_next(s, err);
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

static void take_page(cqlr_scan *s, cql_result *page, uint32_t request) {
  s->page = page;
  s->page_request = request;
  s->owner->counts.requests++;
  s->owner->counts.rows += cql_result_row_count(page);
}

/* The rest of what a request gives. */
static cql_status next_page(cqlr_scan *s, bool *has_one, cql_error *err) {
  size_t len;
  const uint8_t *state = cql_result_paging_state(s->page, &len);
  *has_one = state != NULL;
  if (state == NULL) return CQL_OK;
  cql_request q = s->requests[s->page_request];
  q.paging_state = state;
  q.paging_state_len = len;
  cql_result *page;
  cql_status st = cql_session_execute(s->owner->session, &q, &page, err);
  if (st != CQL_OK) return st;
  cql_result_free(s->page);
  take_page(s, page, s->page_request);
  return CQL_OK;
}

static cql_status send_group(cqlr_scan *s, cql_error *err) {
  uint32_t left = s->request_count - s->next_request;
  uint32_t count = left < CQL_RELATIONAL_TOGETHER_COUNT ? left : CQL_RELATIONAL_TOGETHER_COUNT;
  const cql_request *first = s->requests + s->next_request;
  cql_status st = CQL_OK;
  if (count == 1) { /* by the shortest road */
    s->outcomes[0] = (cql_outcome){.status = CQL_OK};
    st = cql_session_execute(s->owner->session, first, &s->outcomes[0].result, err);
  } else {
    st = cql_session_execute_many(s->owner->session, first, count, s->outcomes, err);
  }
  if (st != CQL_OK) return st;
  s->group_first = s->next_request;
  s->next_request += count;
  s->group_count = count;
  s->next_in_group = 0;
  return CQL_OK;
}

/* The first page of the next request; page NULL: there is none. */
static cql_status next_request(cqlr_scan *s, cql_error *err) {
  cql_result_free(s->page);
  s->page = NULL;
  if (s->next_in_group == s->group_count) {
    if (s->next_request == s->request_count) return CQL_OK;
    cql_status st = send_group(s, err);
    if (st != CQL_OK) return st;
  }
  uint32_t i = s->next_in_group++;
  cql_outcome *o = &s->outcomes[i];
  if (o->status == CQL_OK)
    take_page(s, o->result, s->group_first + i);
  else if (err != NULL)
    *err = o->error;
  return o->status;
}

/* A partition that has nothing but static values is no row: its clustering columns are null. */
static bool is_row(const cqlr_scan *s) {
  return s->table->clustering_count == 0 || s->cells[s->key_cell].len >= 0;
}

cql_status cqlr_scan_next(cqlr_scan *s, cql_error *err) {
  for (;;) {
    while (s->page != NULL && cql_result_next(s->page, s->cells) == CQL_OK)
      if (is_row(s)) return CQL_OK;
    bool has_one = false;
    cql_status st = s->page == NULL ? CQL_OK : next_page(s, &has_one, err);
    if (st == CQL_OK && !has_one) st = next_request(s, err);
    if (st != CQL_OK) return st;
    if (s->page == NULL) {
      s->is_over = true;
      return CQL_OK;
    }
  }
}
