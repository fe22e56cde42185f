/* put_request.c: what a client sends (v5, section 4.1). */
#include "protocol/protocol_int.h"

#include <string.h>

/* --- requests without values -------------------------------------------------------------------------------------- */

void cql_put_options(cql_buf *b, uint8_t version) {
  cqlp_end(b, cqlp_begin_request(b, version, CQL_OP_OPTIONS));
}

void cql_put_startup(cql_buf *b, uint8_t version, const cql_pair *options, uint32_t count) {
  size_t start = cqlp_begin_request(b, version, CQL_OP_STARTUP);
  cqlp_put_u16_count(b, count);
  for (uint32_t i = 0; i < count && b->st == CQL_OK; i++) {
    cqlp_put_string(b, options[i].name);
    cqlp_put_string(b, options[i].value);
  }
  cqlp_end(b, start);
}

void cql_put_auth_response(cql_buf *b, uint8_t version, cql_slice token) {
  size_t start = cqlp_begin_request(b, version, CQL_OP_AUTH_RESPONSE);
  cqlp_put_bytes(b, token);
  cqlp_end(b, start);
}

void cql_put_register(cql_buf *b, uint8_t version, const char *const *events, uint32_t count) {
  size_t start = cqlp_begin_request(b, version, CQL_OP_REGISTER);
  cqlp_put_u16_count(b, count);
  for (uint32_t i = 0; i < count && b->st == CQL_OK; i++) cqlp_put_text(b, events[i]);
  cqlp_end(b, start);
}

/* --- what can be refused ------------------------------------------------------------------------------------------ */

static cql_status check_values(const cql_value *values, uint32_t count, cql_error *err) {
  if (count > CQL_COLUMN_COUNT_MAX)
    return cql_fail(err, CQL_LIMIT, "%u values are more than the %d that a statement can have", count,
                    CQL_COLUMN_COUNT_MAX);
  for (uint32_t i = 0; i < count; i++)
    if (values[i].len < CQL_UNSET)
      return cql_fail(err, CQL_MISUSE, "Value %u has a length of %d", i, (int)values[i].len);
  return CQL_OK;
}

static cql_status check_text(cql_slice text, size_t len_max, const char *what, cql_error *err) {
  if (text.len <= len_max) return CQL_OK;
  return cql_fail(err, CQL_LIMIT, "%s of %zu bytes is longer than %zu", what, text.len, len_max);
}

static cql_status check_keyspace(uint8_t version, cql_slice keyspace, cql_error *err) {
  if (keyspace.data == NULL) return CQL_OK;
  if (version < CQL_VERSION_5)
    return cql_fail(err, CQL_UNSUPPORTED, "Version %u of the protocol has no keyspace of a request", version);
  return check_text(keyspace, UINT16_MAX, "A keyspace", err);
}

static cql_status check_parameters(uint8_t version, const cql_parameters *p, cql_error *err) {
  cql_status st = check_values(p->values, p->value_count, err);
  if (st == CQL_OK) st = check_text(p->paging_state, CQL_BODY_LEN_MAX, "A paging state", err);
  return st == CQL_OK ? check_keyspace(version, p->keyspace, err) : st;
}

/* Ends an envelope; what the buffer refused is told in words. */
static cql_status end(cql_buf *b, size_t start, cql_error *err) {
  cqlp_end(b, start);
  if (b->st == CQL_OK) return CQL_OK;
  return cql_fail(err, b->st, "%s", b->st == CQL_LIMIT ? "The request is too long" : cql_status_text(b->st));
}

/* --- values and parameters ---------------------------------------------------------------------------------------- */

static void put_values(cql_buf *b, const cql_value *values, uint32_t count) {
  cql_buf_u16(b, (uint16_t)count);
  for (uint32_t i = 0; i < count; i++) {
    cql_buf_u32(b, (uint32_t)values[i].len);
    if (values[i].len > 0) cql_buf_put(b, values[i].data, (size_t)values[i].len);
  }
}

static void put_flags(cql_buf *b, uint8_t version, uint32_t flags) {
  if (version < CQL_VERSION_5)
    cql_buf_u8(b, (uint8_t)flags);
  else
    cql_buf_u32(b, flags);
}

static uint32_t flags_of(const cql_parameters *p) {
  uint32_t flags = 0;
  if (p->value_count > 0) flags |= CQLP_HAS_VALUES;
  if (p->skip_metadata) flags |= CQLP_SKIP_METADATA;
  if (p->page_size > 0) flags |= CQLP_HAS_PAGE_SIZE;
  if (p->paging_state.data != NULL) flags |= CQLP_HAS_PAGING_STATE;
  if (p->serial_consistency != 0) flags |= CQLP_HAS_SERIAL_CONSISTENCY;
  if (p->timestamp != CQL_TIMESTAMP_NONE) flags |= CQLP_HAS_TIMESTAMP;
  if (p->keyspace.data != NULL) flags |= CQLP_HAS_KEYSPACE;
  return flags;
}

/* The order is the protocol's. */
static void put_parameters(cql_buf *b, uint8_t version, const cql_parameters *p) {
  cql_buf_u16(b, p->consistency);
  put_flags(b, version, flags_of(p));
  if (p->value_count > 0) put_values(b, p->values, p->value_count);
  if (p->page_size > 0) cql_buf_u32(b, (uint32_t)p->page_size);
  if (p->paging_state.data != NULL) cqlp_put_bytes(b, p->paging_state);
  if (p->serial_consistency != 0) cql_buf_u16(b, p->serial_consistency);
  if (p->timestamp != CQL_TIMESTAMP_NONE) cql_buf_u64(b, (uint64_t)p->timestamp);
  if (p->keyspace.data != NULL) cqlp_put_string(b, p->keyspace);
}

/* --- statements --------------------------------------------------------------------------------------------------- */

/* A text is never null on the wire. */
static void put_long_string(cql_buf *b, cql_slice text) {
  cql_buf_u32(b, (uint32_t)text.len);
  cql_buf_slice(b, text);
}

cql_status cql_put_query(cql_buf *b, uint8_t version, cql_slice text, const cql_parameters *p, cql_error *err) {
  cql_status st = check_text(text, CQL_BODY_LEN_MAX, "A statement", err);
  if (st == CQL_OK) st = check_parameters(version, p, err);
  if (st != CQL_OK) return st;
  size_t start = cqlp_begin_request(b, version, CQL_OP_QUERY);
  put_long_string(b, text);
  put_parameters(b, version, p);
  return end(b, start, err);
}

cql_status cql_put_prepare(cql_buf *b, uint8_t version, cql_slice text, cql_slice keyspace, cql_error *err) {
  cql_status st = check_text(text, CQL_BODY_LEN_MAX, "A statement", err);
  if (st == CQL_OK) st = check_keyspace(version, keyspace, err);
  if (st != CQL_OK) return st;
  size_t start = cqlp_begin_request(b, version, CQL_OP_PREPARE);
  put_long_string(b, text);
  if (version >= CQL_VERSION_5) cql_buf_u32(b, keyspace.data != NULL ? CQLP_PREPARE_HAS_KEYSPACE : 0);
  if (keyspace.data != NULL) cqlp_put_string(b, keyspace);
  return end(b, start, err);
}

cql_status cql_put_execute(cql_buf *b, uint8_t version, cql_slice id, cql_slice metadata_id, const cql_parameters *p,
                           cql_error *err) {
  cql_status st = check_text(id, UINT16_MAX, "The id of a statement", err);
  if (st == CQL_OK) st = check_text(metadata_id, UINT16_MAX, "The id of a result's metadata", err);
  if (st == CQL_OK) st = check_parameters(version, p, err);
  if (st != CQL_OK) return st;
  size_t start = cqlp_begin_request(b, version, CQL_OP_EXECUTE);
  cqlp_put_string(b, id);
  if (version >= CQL_VERSION_5) cqlp_put_string(b, metadata_id);
  put_parameters(b, version, p);
  return end(b, start, err);
}

/* --- batches ------------------------------------------------------------------------------------------------------ */

static cql_status check_items(const cql_batch_item *items, uint32_t count, cql_error *err) {
  if (count > UINT16_MAX)
    return cql_fail(err, CQL_LIMIT, "%u statements are more than the %d that a batch can have", count, UINT16_MAX);
  for (uint32_t i = 0; i < count; i++) {
    cql_status st = check_text(items[i].id, UINT16_MAX, "The id of a statement", err);
    if (st == CQL_OK) st = check_text(items[i].text, CQL_BODY_LEN_MAX, "A statement", err);
    if (st == CQL_OK) st = check_values(items[i].values, items[i].value_count, err);
    if (st != CQL_OK) return st;
  }
  return CQL_OK;
}

static void put_item(cql_buf *b, const cql_batch_item *item) {
  bool is_prepared = item->id.data != NULL;
  cql_buf_u8(b, is_prepared ? 1 : 0);
  if (is_prepared)
    cqlp_put_string(b, item->id);
  else
    put_long_string(b, item->text);
  put_values(b, item->values, item->value_count);
}

cql_status cql_put_batch(cql_buf *b, uint8_t version, cql_batch_type type, const cql_batch_item *items, uint32_t count,
                         const cql_parameters *p, cql_error *err) {
  cql_status st = check_items(items, count, err);
  if (st == CQL_OK) st = check_keyspace(version, p->keyspace, err);
  if (st != CQL_OK) return st;
  cql_parameters shared = {.consistency = p->consistency,
                           .serial_consistency = p->serial_consistency,
                           .timestamp = p->timestamp,
                           .keyspace = p->keyspace};
  size_t start = cqlp_begin_request(b, version, CQL_OP_BATCH);
  cql_buf_u8(b, (uint8_t)type);
  cql_buf_u16(b, (uint16_t)count);
  for (uint32_t i = 0; i < count && b->st == CQL_OK; i++) put_item(b, &items[i]);
  put_parameters(b, version, &shared);
  return end(b, start, err);
}
