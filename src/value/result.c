/* result.c: a page of rows, in wire format, and what stands beside it. */
#include "value/value_int.h"

cql_result *cql_result_new(const cql_alloc *alloc, size_t body_limit) {
  cql_result *r = cql_alloc_new(alloc, sizeof *r);
  if (r == NULL) return NULL;
  r->alloc = alloc;
  r->kind = CQL_RESULT_VOID;
  r->keyspace = r->change = r->change_target = r->change_name = "";
  cql_arena_init(&r->arena, alloc, CQL_ARENA_LIMIT_DEFAULT);
  cql_buf_init(&r->body, alloc, body_limit);
  return r;
}

void cql_result_put_cell(cql_result *r, cql_slice value) {
  cql_put_element(&r->body, value);
}

void cql_result_set_rows(cql_result *r, cql_buf *body, cql_slice rows, uint64_t row_count) {
  r->kind = CQL_RESULT_ROWS;
  r->rows = rows;
  r->row_count = row_count;
  r->rows_read = 0;
  if (body == NULL) return;
  cql_buf_free(&r->body);
  r->body = *body;
  cql_buf_init(body, r->body.alloc, r->body.limit);
}

static cql_slice rows_of(const cql_result *r) {
  return r->rows.data == NULL ? cql_buf_view(&r->body) : r->rows;
}

size_t cql_result_rows_len(const cql_result *r) {
  return rows_of(r).len;
}

cql_result_kind cql_result_get_kind(const cql_result *result) {
  return result->kind;
}

uint32_t cql_result_column_count(const cql_result *result) {
  return result->column_count;
}

const cql_column *cql_result_column(const cql_result *result, uint32_t i) {
  return i < result->column_count ? &result->columns[i] : NULL;
}

uint64_t cql_result_row_count(const cql_result *result) {
  return result->row_count;
}

cql_status cql_result_next(cql_result *result, cql_value *cells) {
  if (result->rows_read == result->row_count) return CQL_DONE;
  if (result->rows_read == 0) result->cursor = cql_reader_of(rows_of(result));
  const uint8_t *p = result->cursor.p, *end = result->cursor.end;
  for (uint32_t i = 0; i < result->column_count; i++) {
    if (end - p < 4) return CQL_MALFORMED;
    int32_t len = (int32_t)cql_load_u32(p);
    p += 4;
    if (len > end - p) return CQL_MALFORMED;
    cells[i] = (cql_value){len < 0 ? NULL : p, len < 0 ? CQL_NULL : len};
    if (len > 0) p += len;
  }
  result->cursor.p = p;
  result->rows_read++;
  return CQL_OK;
}

void cql_result_rewind(cql_result *result) {
  result->rows_read = 0;
}

cql_result_place cql_result_tell(const cql_result *r) {
  return (cql_result_place){r->cursor, r->rows_read};
}

void cql_result_seek(cql_result *r, cql_result_place place) {
  r->cursor = place.cursor;
  r->rows_read = place.rows_read;
}

const uint8_t *cql_result_paging_state(const cql_result *result, size_t *len) {
  *len = result->paging_state.data == NULL ? 0 : result->paging_state.len;
  return result->paging_state.data;
}

uint32_t cql_result_warning_count(const cql_result *result) {
  return result->warning_count;
}

const char *cql_result_warning(const cql_result *result, uint32_t i) {
  return i < result->warning_count ? result->warnings[i] : NULL;
}

const char *cql_result_keyspace(const cql_result *result) {
  return result->keyspace;
}

const char *cql_result_change(const cql_result *result) {
  return result->change;
}

const char *cql_result_change_target(const cql_result *result) {
  return result->change_target;
}

const char *cql_result_change_name(const cql_result *result) {
  return result->change_name;
}

void cql_result_free(cql_result *result) {
  if (result == NULL) return;
  void (*release)(void *) = result->release;
  void *owner = result->owner;
  cql_buf_free(&result->body);
  cql_arena_free(&result->arena);
  cql_alloc_free(result->alloc, result, sizeof *result);
  if (release != NULL) release(owner);
}
