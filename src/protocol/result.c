/* result.c: a response as a cql_result, its rows where they arrived. */
#include "protocol/protocol_int.h"

#include <string.h>

typedef struct maker {
  cql_result *result;
  cql_slice body; /* what the result owns; data NULL: nothing */
} maker;

static bool lies_in(cql_slice whole, cql_slice part) {
  uintptr_t from = (uintptr_t)whole.data, at = (uintptr_t)part.data; /* numbers: they may be of different blocks */
  return whole.data != NULL && at >= from && at - from <= whole.len && part.len <= whole.len - (at - from);
}

/* What lies in the body lives as long as the result does. */
static cql_status keep(maker *m, cql_slice s, cql_slice *out) {
  if (s.data == NULL || lies_in(m->body, s)) {
    *out = s;
    return CQL_OK;
  }
  return cql_arena_slice(&m->result->arena, s, out);
}

static cql_status keep_text(maker *m, cql_slice s, const char **out) {
  const char *text = cqlp_text_in(&m->result->arena, s);
  if (text == NULL) return CQL_NOMEM;
  *out = text;
  return CQL_OK;
}

static const char *copy_text(cql_arena *a, const char *text) {
  return cql_arena_str(a, cql_slice_str(text));
}

/* Columns of one table share their texts, as they did in the response. */
static cql_status copy_columns(maker *m, const cql_column *columns, uint32_t count) {
  cql_arena *a = &m->result->arena;
  cql_column *copies = cql_arena_array(a, count, sizeof *copies);
  if (copies == NULL) return CQL_NOMEM;
  for (uint32_t i = 0; i < count; i++) {
    bool same_keyspace = i > 0 && columns[i].keyspace == columns[i - 1].keyspace;
    bool same_table = i > 0 && columns[i].table == columns[i - 1].table;
    copies[i].keyspace = same_keyspace ? copies[i - 1].keyspace : copy_text(a, columns[i].keyspace);
    copies[i].table = same_table ? copies[i - 1].table : copy_text(a, columns[i].table);
    copies[i].name = copy_text(a, columns[i].name);
    copies[i].type = cql_type_clone(a, columns[i].type);
  }
  m->result->columns = copies;
  return a->failed ? CQL_NOMEM : CQL_OK;
}

static cql_status keep_warnings(maker *m, const cql_response *r) {
  cql_arena *a = &m->result->arena;
  if (r->warning_count == 0) return CQL_OK;
  const char **warnings = cql_arena_array(a, r->warning_count, sizeof *warnings);
  if (warnings == NULL) return CQL_NOMEM;
  for (uint32_t i = 0; i < r->warning_count; i++) warnings[i] = copy_text(a, r->warnings[i]);
  m->result->warnings = warnings;
  m->result->warning_count = r->warning_count;
  return a->failed ? CQL_NOMEM : CQL_OK;
}

static cql_status make_rows(maker *m, const cql_response *r, const cql_column *columns, uint32_t column_count,
                            cql_buf *body, cql_error *err) {
  cql_result *result = m->result;
  cql_slice rows;
  cql_status st;
  result->column_count = r->rows.column_count;
  if (r->rows.columns != NULL) {
    CQL_TRY(copy_columns(m, r->rows.columns, r->rows.column_count));
  } else if (r->rows.column_count == column_count) {
    result->columns = (cql_column *)columns; /* only read; the caller keeps them alive */
  } else {
    return cql_fail(err, CQL_MALFORMED, "The answer has %u columns, its statement %u", r->rows.column_count,
                    column_count);
  }
  CQL_TRY(keep(m, r->rows.paging_state, &result->paging_state));
  CQL_TRY(keep(m, r->row_bytes, &rows));
  cql_result_set_rows(result, body, rows, r->row_count);
done:
  return st;
}

static cql_status make_change(maker *m, const cql_response *r) {
  cql_status st;
  CQL_TRY(keep_text(m, r->change.change, &m->result->change));
  CQL_TRY(keep_text(m, r->change.target, &m->result->change_target));
  CQL_TRY(keep_text(m, r->change.keyspace, &m->result->keyspace));
  CQL_TRY(keep_text(m, r->change.name, &m->result->change_name));
done:
  return st;
}

static cql_status make_kind(maker *m, const cql_response *r, const cql_column *columns, uint32_t column_count,
                            cql_buf *body, cql_error *err) {
  m->result->kind = (cql_result_kind)r->kind;
  switch (r->kind) {
  case CQL_RESULT_VOID: return CQL_OK;
  case CQL_RESULT_ROWS: return make_rows(m, r, columns, column_count, body, err);
  case CQL_RESULT_SET_KEYSPACE: return keep_text(m, r->keyspace, &m->result->keyspace);
  case CQL_RESULT_SCHEMA_CHANGE: return make_change(m, r);
  default: return cql_fail(err, CQL_MISUSE, "A result of kind %d is none for a caller", r->kind);
  }
}

static cql_status refuse(const cql_response *r, cql_error *err) {
  if (r->opcode == CQL_OP_ERROR) return cql_server_error_tell(&r->error, err);
  return cql_fail(err, CQL_MISUSE, "Opcode 0x%02X is no result", (unsigned)r->opcode);
}

cql_status cql_response_result(const cql_response *r, cql_buf *body, const cql_column *columns, uint32_t column_count,
                               const cql_alloc *alloc, cql_result **out, cql_error *err) {
  maker m = {.result = NULL, .body = body == NULL ? cql_slice_of(NULL, 0) : cql_buf_view(body)};
  cql_status st = CQL_OK;
  *out = NULL;
  if (r->opcode != CQL_OP_RESULT) {
    st = refuse(r, err);
    goto done;
  }
  m.result = cql_result_new(alloc, CQL_BODY_LEN_MAX);
  if (m.result == NULL) {
    st = cql_fail(err, CQL_NOMEM, "out of memory");
    goto done;
  }
  st = keep_warnings(&m, r);
  if (st == CQL_OK) st = make_kind(&m, r, columns, column_count, body, err);
  if (st == CQL_NOMEM) cql_fail(err, CQL_NOMEM, "out of memory");
done:
  if (body != NULL) cql_buf_free(body); /* unless the result has it */
  if (st == CQL_OK)
    *out = m.result;
  else
    cql_result_free(m.result);
  return st;
}
