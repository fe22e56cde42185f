/* scan.c: the rows of one scan of a table, from the session or from a wave. */
#include "relational/relational_int.h"

/* --- life --------------------------------------------------------------------------------------------------------- */

void cqlr_scan_init(cqlr_scan *s, cql_relational *owner, const cqlr_table *table) {
  *s = (cqlr_scan){.owner = owner, .table = table, .is_over = true};
  cql_arena_init(&s->arena, owner->alloc, CQL_ARENA_LIMIT_DEFAULT);
}

static void drop_group(cqlr_scan *s) {
  for (uint32_t i = s->next_in_group; i < s->group_count; i++) cql_result_free(s->outcomes[i].result);
  s->group_count = s->next_in_group = 0;
}

static void set_page(cqlr_scan *s, cql_result *page) {
  if (!s->is_lent) cql_result_free(s->page);
  s->is_lent = false;
  s->page = page;
}

static void drop_ahead(cqlr_scan *s) {
  cqlr_ahead_drop(s->ahead);
  s->ahead = NULL;
  s->ask_in = 0;
}

void cqlr_scan_end(cqlr_scan *s) {
  drop_ahead(s);
  drop_group(s);
  set_page(s, NULL);
  if (s->wave != NULL) {
    cqlr_wave_leave(s->wave);
    s->wave = NULL;
    s->statement.prepared = NULL; /* the wave's */
  }
  cqlr_statement_close(&s->statement);
  s->is_over = true;
  s->request_count = s->next_request = 0;
  cql_arena_reset(&s->arena);
}

void cqlr_scan_free(cqlr_scan *s) {
  cqlr_scan_end(s);
  cql_arena_free(&s->arena);
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

static cql_value value_of(cql_slice s) {
  return (cql_value){s.data, (int32_t)s.len};
}

/* One request; of an IN one for each value. */
static cql_status make_requests(cqlr_scan *s, const cqlr_wish *wish) {
  uint32_t terms = wish->access->count, count = wish->access->has_in ? wish->in_count : 1;
  cql_value *values = cql_arena_array(&s->arena, (size_t)count * terms + 1, sizeof *values);
  uint32_t group = count < CQL_RELATIONAL_TOGETHER_COUNT ? count : CQL_RELATIONAL_TOGETHER_COUNT;
  cql_request *requests = cql_arena_array(&s->arena, count + 1, sizeof *requests);
  s->outcomes = cql_arena_array(&s->arena, group + 1, sizeof *s->outcomes);
  s->cells = cql_arena_array(&s->arena, wish->cell_count, sizeof *s->cells);
  if (values == NULL || requests == NULL || s->outcomes == NULL || s->cells == NULL) return CQL_NOMEM;
  for (uint32_t i = 0; i < count; i++) {
    cql_value *mine = values + (size_t)i * terms;
    for (uint32_t k = 0; k < terms; k++)
      mine[k] = value_of(wish->access->terms[k].is_in ? wish->in_values[i] : wish->values[k]);
    requests[i] = cqlr_statement_request(&s->statement, mine, terms);
  }
  s->requests = requests;
  s->request_count = count;
  return CQL_OK;
}

cql_status cqlr_scan_begin(cqlr_scan *s, cql_relational_query *q, const cqlr_wish *wish, cql_error *err) {
  cql_status st = cqlr_statement_open(&s->statement, &s->arena, s->owner, q, s->table, wish, err);
  if (st != CQL_OK) return st;
  if (make_requests(s, wish) != CQL_OK) return cql_fail(err, CQL_NOMEM, "Out of memory");
  s->owner->counts.scans += wish->access->way == CQLR_BY_SCAN;
  return cqlr_scan_next(s, err);
}

/* --- pages -------------------------------------------------------------------------------------------------------- */

/* The request for the page behind the present one; false: there is none. */
static bool rest_of(const cqlr_scan *s, cql_request *out) {
  size_t len;
  const uint8_t *state = cql_result_paging_state(s->page, &len);
  if (state == NULL) return false;
  *out = s->requests[s->page_request];
  out->page_size = CQL_RELATIONAL_PAGE_COUNT;
  out->paging_state = state;
  out->paging_state_len = len;
  return true;
}

/* The rest of what a request gives. */
static cql_status next_page(cqlr_scan *s, bool *has_one, cql_error *err) {
  cql_request q;
  cql_result *page;
  *has_one = rest_of(s, &q);
  if (!*has_one) return CQL_OK;
  cql_status st = cqlr_ahead_take(&s->ahead, s->owner, s->statement.sent, &q, &page, err);
  if (st != CQL_OK) return st;
  set_page(s, page);
  s->ask_in = cqlr_ahead_after(s->owner, page, false);
  return cqlr_statement_check(&s->statement, page, err);
}

/* A row was read. */
static void look_ahead(cqlr_scan *s) {
  cql_request q;
  if (s->ask_in == 0 || --s->ask_in > 0) return;
  if (rest_of(s, &q)) s->ahead = cqlr_ahead_ask(s->owner, s->statement.sent, &q);
}

static cql_status send_group(cqlr_scan *s, cql_error *err) {
  uint32_t left = s->request_count - s->next_request;
  uint32_t count = left < CQL_RELATIONAL_TOGETHER_COUNT ? left : CQL_RELATIONAL_TOGETHER_COUNT;
  const cql_request *first = s->requests + s->next_request;
  cql_status st = cqlr_send_many(s->owner, s->statement.sent, first, count, s->outcomes, err);
  if (st != CQL_OK) return st;
  s->group_first = s->next_request;
  s->next_request += count;
  s->group_count = count;
  s->next_in_group = 0;
  return CQL_OK;
}

/* The first page of the next request; page NULL: there is none. */
static cql_status next_request(cqlr_scan *s, cql_error *err) {
  set_page(s, NULL);
  if (s->next_in_group == s->group_count) {
    if (s->next_request == s->request_count) return CQL_OK;
    cql_status st = send_group(s, err);
    if (st != CQL_OK) return st;
  }
  uint32_t i = s->next_in_group++;
  cql_outcome *o = &s->outcomes[i];
  s->page_request = s->group_first + i;
  if (o->status != CQL_OK) {
    if (err != NULL) *err = o->error;
    return o->status;
  }
  set_page(s, o->result);
  s->ask_in = cqlr_ahead_after(s->owner, s->page, true);
  return cqlr_statement_check(&s->statement, o->result, err);
}

uint32_t cqlr_scan_page_count(const cqlr_scan *s) {
  uint32_t later =
      s->wave == NULL ? s->group_count - s->next_in_group : cqlr_wave_page_count(s->wave) - s->page_request - 1;
  return s->is_over ? 0 : 1 + later;
}

cql_result *cqlr_scan_page(const cqlr_scan *s, uint32_t i) {
  if (i == 0) return s->page;
  if (s->wave != NULL) return cqlr_wave_page(s->wave, s->page_request + i);
  const cql_outcome *o = &s->outcomes[s->next_in_group + i - 1];
  return o->status == CQL_OK ? o->result : NULL;
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

/* A partition that has nothing but static values is no row: its clustering columns are null. */
static bool is_row(const cqlr_scan *s) {
  return s->statement.key_cell < 0 || s->cells[s->statement.key_cell].len >= 0;
}

/* CQL_DONE: the page has no more. */
static cql_status next_in_page(cqlr_scan *s, cql_error *err) {
  cql_status st = CQL_DONE;
  if (s->page == NULL) return st;
  while ((st = cql_result_next(s->page, s->cells)) == CQL_OK)
    if (is_row(s)) return CQL_OK;
  return st == CQL_DONE ? st : cql_fail(err, st, "A row of %s is not in the protocol's form", s->table->name);
}

/* To the next page; NULL: there is none. */
static cql_status turn(cqlr_scan *s, cql_error *err) {
  bool has_one = false;
  cql_status st = s->page == NULL ? CQL_OK : next_page(s, &has_one, err);
  return st == CQL_OK && !has_one ? next_request(s, err) : st;
}

cql_status cqlr_scan_next(cqlr_scan *s, cql_error *err) {
  s->is_over = true;
  for (;;) {
    cql_status st = next_in_page(s, err);
    s->is_over = st != CQL_OK;
    if (st == CQL_OK) look_ahead(s);
    if (st != CQL_DONE) return st;
    st = turn(s, err);
    if (st != CQL_OK || s->page == NULL) return st;
  }
}
