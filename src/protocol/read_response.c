/* read_response.c: what a client reads (v5, section 4.2), but for errors (errors.c). */
#include "protocol/protocol_int.h"

#include <string.h>

enum { TRACING_ID_LEN = 16, STRING_LEN_MIN = 2, CELL_LEN_MIN = 4 };

/* --- what stands before the body proper --------------------------------------------------------------------------- */

static cql_status read_warnings(cqlp_body *b, cql_response *r) {
  uint16_t count;
  cql_slice text;
  cql_status st;
  CQL_TRY(cqlp_read_u16(b, "the number of warnings", &count));
  CQL_TRY(cqlp_check_count(b, "the warnings", count, STRING_LEN_MIN));
  uint32_t kept = count < CQL_WARNING_COUNT_MAX ? count : CQL_WARNING_COUNT_MAX;
  r->warnings = cql_arena_array(b->a, kept, sizeof *r->warnings);
  if (r->warnings == NULL) return cqlp_fail_memory(b);
  for (uint32_t i = 0; i < count; i++) {
    CQL_TRY(cqlp_read_string(b, "a warning", &text));
    if (i < kept && (r->warnings[i] = cqlp_text(b, text)) == NULL) return cqlp_fail_memory(b);
  }
  r->warning_count = kept;
done:
  return st;
}

static cql_status read_prefix(cqlp_body *b, uint8_t flags, cql_response *r) {
  cql_status st = CQL_OK;
  if (flags & CQL_FLAG_TRACING) CQL_TRY(cqlp_read_raw(b, "the tracing id", TRACING_ID_LEN, &r->tracing_id));
  if (flags & CQL_FLAG_WARNING) CQL_TRY(read_warnings(b, r));
  if (flags & CQL_FLAG_CUSTOM_PAYLOAD)
    CQL_TRY(cqlp_read_pairs(b, "the custom payload", true, &r->payload, &r->payload_count));
done:
  return st;
}

/* --- SUPPORTED ---------------------------------------------------------------------------------------------------- */

/* Goes through a [string multimap], counting its values and, when pairs is not NULL, writing them there. */
static cql_status walk_multimap(cqlp_body *b, cql_pair *pairs, uint32_t *count) {
  uint16_t names, values;
  cql_slice name, value;
  cql_status st;
  uint32_t n = 0;
  CQL_TRY(cqlp_read_u16(b, "the number of options", &names));
  for (uint32_t i = 0; i < names; i++) {
    CQL_TRY(cqlp_read_string(b, "an option", &name));
    CQL_TRY(cqlp_read_u16(b, "the number of values of an option", &values));
    for (uint32_t j = 0; j < values; j++, n++) {
      CQL_TRY(cqlp_read_string(b, "a value of an option", &value));
      if (pairs != NULL) pairs[n] = (cql_pair){name, value};
    }
  }
  *count = n;
done:
  return st;
}

static cql_status read_supported(cqlp_body *b, cql_supported *out) {
  cqlp_body again = *b;
  uint32_t count;
  cql_status st;
  CQL_TRY(walk_multimap(&again, NULL, &count));
  if (count > CQL_STRING_MAP_COUNT_MAX)
    return cqlp_fail(b, CQL_LIMIT, "More than %d values of options", CQL_STRING_MAP_COUNT_MAX);
  cql_pair *pairs = cql_arena_array(b->a, count, sizeof *pairs);
  if (pairs == NULL) return cqlp_fail_memory(b);
  CQL_TRY(walk_multimap(b, pairs, &out->count));
  out->pairs = pairs;
done:
  return st;
}

/* --- EVENT, SCHEMA_CHANGE ----------------------------------------------------------------------------------------- */

/* Behind the name of a function stand the types of its arguments, which nobody needs. */
static cql_status read_schema_change(cqlp_body *b, cql_schema_change *out) {
  cql_status st;
  out->name = CQL_SLICE_LITERAL("");
  CQL_TRY(cqlp_read_string(b, "the kind of a change", &out->change));
  CQL_TRY(cqlp_read_string(b, "the target of a change", &out->target));
  CQL_TRY(cqlp_read_string(b, "the keyspace of a change", &out->keyspace));
  if (!cql_slice_eq_str(out->target, "KEYSPACE")) CQL_TRY(cqlp_read_string(b, "the name of what changed", &out->name));
done:
  return st;
}

/* [inet] */
static cql_status read_inet(cqlp_body *b, cql_slice *address, int32_t *port) {
  uint8_t len;
  cql_status st;
  CQL_TRY(cqlp_read_u8(b, "the length of an address", &len));
  if (len != 4 && len != 16) return cqlp_fail(b, b->malformed, "An address of %u bytes", len);
  CQL_TRY(cqlp_read_raw(b, "an address", len, address));
  CQL_TRY(cqlp_read_i32(b, "a port", port));
done:
  return st;
}

static cql_status read_event(cqlp_body *b, cql_event *out) {
  cql_status st;
  CQL_TRY(cqlp_read_string(b, "the type of an event", &out->type));
  if (cql_slice_eq_str(out->type, "SCHEMA_CHANGE")) return read_schema_change(b, &out->schema);
  if (!cql_slice_eq_str(out->type, "TOPOLOGY_CHANGE") && !cql_slice_eq_str(out->type, "STATUS_CHANGE")) return CQL_OK;
  CQL_TRY(cqlp_read_string(b, "the kind of a change", &out->change));
  CQL_TRY(read_inet(b, &out->address, &out->port));
done:
  return st;
}

/* --- RESULT ------------------------------------------------------------------------------------------------------- */

static cql_status read_column_count(cqlp_body *b, const char *field, uint32_t *out) {
  int32_t count;
  cql_status st = cqlp_read_i32(b, field, &count);
  if (st != CQL_OK) return st;
  if (count < 0) return cqlp_fail(b, b->malformed, "A negative value (%d) of %s", count, field);
  if (count > CQL_COLUMN_COUNT_MAX)
    return cqlp_fail(b, CQL_LIMIT, "A value (%d) of %s above %d", count, field, CQL_COLUMN_COUNT_MAX);
  *out = (uint32_t)count;
  return CQL_OK;
}

/* The order: the number of columns, the paging state, the id of new metadata, the columns. */
static cql_status read_rows_metadata(cqlp_body *b, cql_rows_metadata *out) {
  int32_t flags;
  cql_status st;
  CQL_TRY(cqlp_read_i32(b, "the flags of metadata", &flags));
  CQL_TRY(read_column_count(b, "the number of columns", &out->column_count));
  out->has_more_pages = (flags & CQLP_ROWS_HAS_MORE_PAGES) != 0;
  if (out->has_more_pages) CQL_TRY(cqlp_read_bytes(b, "the paging state", &out->paging_state));
  if (flags & CQLP_ROWS_METADATA_CHANGED) CQL_TRY(cqlp_read_string(b, "the id of new metadata", &out->new_metadata_id));
  if (flags & CQLP_ROWS_NO_METADATA) goto done;
  CQL_TRY(cqlp_read_columns(b, (flags & CQLP_ROWS_GLOBAL_TABLE) != 0, out->column_count, &out->columns));
done:
  return st;
}

static cql_status read_rows(cqlp_body *b, cql_response *r) {
  int32_t count;
  cql_status st;
  CQL_TRY(read_rows_metadata(b, &r->rows));
  CQL_TRY(cqlp_read_i32(b, "the number of rows", &count));
  if (count < 0) return cqlp_fail(b, b->malformed, "A negative number of rows (%d)", count);
  if (count > 0 && r->rows.column_count == 0) return cqlp_fail(b, b->malformed, "%d rows without columns", count);
  if (count > 0) CQL_TRY(cqlp_check_count(b, "the rows", (uint64_t)count, (size_t)CELL_LEN_MIN * r->rows.column_count));
  r->row_count = (uint32_t)count;
  CQL_TRY(cqlp_read_raw(b, "the rows", cql_reader_left(&b->r), &r->row_bytes));
done:
  return st;
}

/* Which markers make the partition key. */
static cql_status read_key_indexes(cqlp_body *b, cql_prepared_result *out) {
  int32_t count;
  cql_status st;
  CQL_TRY(cqlp_read_i32(b, "the number of key markers", &count));
  if (count < 0) return cqlp_fail(b, b->malformed, "A negative number of key markers (%d)", count);
  CQL_TRY(cqlp_check_count(b, "the key markers", (uint64_t)count, sizeof(uint16_t)));
  uint16_t *indexes = cql_arena_array(b->a, (size_t)count, sizeof *indexes);
  if (indexes == NULL) return cqlp_fail_memory(b);
  for (int32_t i = 0; i < count; i++) {
    CQL_TRY(cqlp_read_u16(b, "a key marker", &indexes[i]));
    if (indexes[i] >= out->bind_count)
      return cqlp_fail(b, b->malformed, "Key marker %u of a statement with %u markers", indexes[i], out->bind_count);
  }
  out->key_indexes = indexes;
  out->key_index_count = (uint32_t)count;
done:
  return st;
}

static cql_status read_prepared(cqlp_body *b, cql_prepared_result *out) {
  int32_t flags;
  cql_status st;
  CQL_TRY(cqlp_read_string(b, "the id of a statement", &out->id));
  if (b->version >= CQL_VERSION_5) CQL_TRY(cqlp_read_string(b, "the id of metadata", &out->metadata_id));
  CQL_TRY(cqlp_read_i32(b, "the flags of markers", &flags));
  CQL_TRY(read_column_count(b, "the number of markers", &out->bind_count));
  CQL_TRY(read_key_indexes(b, out));
  if (flags & CQLP_ROWS_NO_METADATA)
    return out->bind_count == 0 ? read_rows_metadata(b, &out->rows)
                                : cqlp_fail(b, b->malformed, "A statement does not say what its markers are");
  CQL_TRY(cqlp_read_columns(b, (flags & CQLP_ROWS_GLOBAL_TABLE) != 0, out->bind_count, &out->binds));
  CQL_TRY(read_rows_metadata(b, &out->rows));
done:
  return st;
}

static cql_status read_result(cqlp_body *b, cql_response *r) {
  cql_status st = cqlp_read_i32(b, "the kind of a result", &r->kind);
  if (st != CQL_OK) return st;
  switch (r->kind) {
  case CQL_RESULT_VOID: return CQL_OK;
  case CQL_RESULT_ROWS: return read_rows(b, r);
  case CQL_RESULT_SET_KEYSPACE: return cqlp_read_string(b, "the keyspace", &r->keyspace);
  case CQL_RESULT_PREPARED: return read_prepared(b, &r->prepared);
  case CQL_RESULT_SCHEMA_CHANGE: return read_schema_change(b, &r->change);
  default: return cqlp_fail(b, b->malformed, "Unknown kind of result (%d)", r->kind);
  }
}

/* --- the door ----------------------------------------------------------------------------------------------------- */

static cql_status read_opcode(cqlp_body *b, cql_response *r) {
  switch (r->opcode) {
  case CQL_OP_READY: return CQL_OK;
  case CQL_OP_ERROR: return cqlp_read_error(b, &r->error);
  case CQL_OP_AUTHENTICATE: return cqlp_read_string(b, "the authenticator", &r->authenticator);
  case CQL_OP_AUTH_CHALLENGE:
  case CQL_OP_AUTH_SUCCESS: return cqlp_read_bytes(b, "the token", &r->token);
  case CQL_OP_SUPPORTED: return read_supported(b, &r->supported);
  case CQL_OP_RESULT: return read_result(b, r);
  case CQL_OP_EVENT: return read_event(b, &r->event);
  default: return cql_fail(b->err, CQL_MALFORMED, "Opcode 0x%02X is no response", (unsigned)r->opcode);
  }
}

cql_status cql_response_decode(cql_response *out, cql_arena *a, const cql_envelope *e, cql_error *err) {
  cqlp_body b = cqlp_body_of(e, CQL_MALFORMED, a, err);
  *out = (cql_response){.opcode = (cql_opcode)e->opcode};
  if (!e->is_response)
    return cql_fail(err, CQL_MALFORMED, "A request (opcode 0x%02X) where a response should be", e->opcode);
  cql_status st = read_prefix(&b, e->flags, out);
  return st == CQL_OK ? read_opcode(&b, out) : st;
}
