/* put_response.c: what a server sends (v5, section 4.2), but for errors (errors.c). */
#include "protocol/protocol_int.h"

#include <string.h>

void cql_put_ready(cql_buf *b, uint8_t version) {
  cqlp_end(b, cqlp_begin_response(b, version, CQL_OP_READY));
}

void cql_put_authenticate(cql_buf *b, uint8_t version, const char *authenticator) {
  size_t start = cqlp_begin_response(b, version, CQL_OP_AUTHENTICATE);
  cqlp_put_text(b, authenticator);
  cqlp_end(b, start);
}

static void put_token(cql_buf *b, uint8_t version, cql_opcode opcode, cql_slice token) {
  size_t start = cqlp_begin_response(b, version, opcode);
  cqlp_put_bytes(b, token);
  cqlp_end(b, start);
}

void cql_put_auth_challenge(cql_buf *b, uint8_t version, cql_slice token) {
  put_token(b, version, CQL_OP_AUTH_CHALLENGE, token);
}

void cql_put_auth_success(cql_buf *b, uint8_t version, cql_slice token) {
  put_token(b, version, CQL_OP_AUTH_SUCCESS, token);
}

/* How many pairs from i on have the name of i. */
static uint32_t run_of(const cql_pair *pairs, uint32_t count, uint32_t i) {
  uint32_t n = 1;
  while (i + n < count && cql_slice_eq(pairs[i + n].name, pairs[i].name)) n++;
  return n;
}

void cql_put_supported(cql_buf *b, uint8_t version, const cql_pair *pairs, uint32_t count) {
  size_t start = cqlp_begin_response(b, version, CQL_OP_SUPPORTED);
  uint32_t names = 0;
  for (uint32_t i = 0; i < count; i += run_of(pairs, count, i)) names++;
  cqlp_put_u16_count(b, names);
  for (uint32_t i = 0, n; i < count; i += n) {
    n = run_of(pairs, count, i);
    cqlp_put_string(b, pairs[i].name);
    cqlp_put_u16_count(b, n);
    for (uint32_t j = 0; j < n; j++) cqlp_put_string(b, pairs[i + j].value);
  }
  cqlp_end(b, start);
}

/* --- EVENT, SCHEMA_CHANGE ----------------------------------------------------------------------------------------- */

static void put_change(cql_buf *b, const cql_schema_change *change) {
  cqlp_put_string(b, change->change);
  cqlp_put_string(b, change->target);
  cqlp_put_string(b, change->keyspace);
  if (cql_slice_eq_str(change->target, "KEYSPACE")) return;
  cqlp_put_string(b, change->name);
  bool has_arguments = cql_slice_eq_str(change->target, "FUNCTION") || cql_slice_eq_str(change->target, "AGGREGATE");
  if (has_arguments) cql_buf_u16(b, 0);
}

void cql_put_event(cql_buf *b, uint8_t version, const cql_event *e) {
  size_t start = cqlp_begin_response(b, version, CQL_OP_EVENT);
  if (b->st == CQL_OK) cql_store_u16(b->data + start + 2, (uint16_t)CQL_STREAM_EVENT);
  cqlp_put_string(b, e->type);
  if (cql_slice_eq_str(e->type, "SCHEMA_CHANGE")) {
    put_change(b, &e->schema);
  } else {
    cqlp_put_string(b, e->change);
    cql_buf_u8(b, (uint8_t)e->address.len);
    cql_buf_slice(b, e->address);
    cql_buf_u32(b, (uint32_t)e->port);
  }
  cqlp_end(b, start);
}

/* --- RESULT ------------------------------------------------------------------------------------------------------- */

static size_t begin_result(cql_buf *b, uint8_t version, int32_t kind) {
  size_t start = cqlp_begin_response(b, version, CQL_OP_RESULT);
  cql_buf_u32(b, (uint32_t)kind);
  return start;
}

void cql_put_void(cql_buf *b, uint8_t version) {
  cqlp_end(b, begin_result(b, version, CQL_RESULT_VOID));
}

void cql_put_set_keyspace(cql_buf *b, uint8_t version, cql_slice keyspace) {
  size_t start = begin_result(b, version, CQL_RESULT_SET_KEYSPACE);
  cqlp_put_string(b, keyspace);
  cqlp_end(b, start);
}

void cql_put_schema_change(cql_buf *b, uint8_t version, const cql_schema_change *change) {
  size_t start = begin_result(b, version, CQL_RESULT_SCHEMA_CHANGE);
  put_change(b, change);
  cqlp_end(b, start);
}

static void put_rows_metadata(cql_buf *b, uint8_t version, const cql_rows_metadata *m) {
  bool changed = version >= CQL_VERSION_5 && m->new_metadata_id.data != NULL;
  uint32_t flags = 0;
  if (m->columns == NULL) flags |= CQLP_ROWS_NO_METADATA;
  if (m->columns != NULL && cqlp_columns_share_table(m->columns, m->column_count)) flags |= CQLP_ROWS_GLOBAL_TABLE;
  if (m->has_more_pages) flags |= CQLP_ROWS_HAS_MORE_PAGES;
  if (changed) flags |= CQLP_ROWS_METADATA_CHANGED;
  cql_buf_u32(b, flags);
  cql_buf_u32(b, m->column_count);
  if (m->has_more_pages) cqlp_put_bytes(b, m->paging_state);
  if (changed) cqlp_put_string(b, m->new_metadata_id);
  if (m->columns != NULL) cqlp_put_columns(b, version, m->columns, m->column_count);
}

void cql_put_prepared(cql_buf *b, uint8_t version, const cql_prepared_result *p) {
  size_t start = begin_result(b, version, CQL_RESULT_PREPARED);
  cqlp_put_string(b, p->id);
  if (version >= CQL_VERSION_5) cqlp_put_string(b, p->metadata_id);
  cql_buf_u32(b, cqlp_columns_share_table(p->binds, p->bind_count) ? CQLP_ROWS_GLOBAL_TABLE : 0);
  cql_buf_u32(b, p->bind_count);
  cql_buf_u32(b, p->key_index_count);
  for (uint32_t i = 0; i < p->key_index_count; i++) cql_buf_u16(b, p->key_indexes[i]);
  cqlp_put_columns(b, version, p->binds, p->bind_count);
  put_rows_metadata(b, version, &p->rows);
  cqlp_end(b, start);
}

void cql_put_rows(cql_buf *b, uint8_t version, const cql_rows_metadata *metadata, uint32_t row_count, cql_slice rows) {
  size_t start = begin_result(b, version, CQL_RESULT_ROWS);
  put_rows_metadata(b, version, metadata);
  cql_buf_u32(b, row_count);
  cql_buf_slice(b, rows);
  cqlp_end(b, start);
}
