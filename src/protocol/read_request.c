/* read_request.c: what a server reads (v5, section 4.1). Refused is what Cassandra refuses, in its words where it has
 * some. */
#include "protocol/protocol_int.h"

#include <inttypes.h>
#include <string.h>

enum {
  ITEM_LEN_MIN = 5, /* a kind, an id of no bytes, no values */
  VALUE_LEN_MIN = 4,
  NAMED_VALUE_LEN_MIN = VALUE_LEN_MIN + 2,
  STRING_LEN_MIN = 2
};

/* --- values and parameters ---------------------------------------------------------------------------------------- */

static cql_status read_values(cqlp_body *b, const cql_value **out, uint32_t *out_count, const cql_slice **out_names) {
  uint16_t count;
  cql_slice *names = NULL;
  cql_status st;
  CQL_TRY(cqlp_read_u16(b, "the number of values", &count));
  CQL_TRY(cqlp_check_count(b, "the values", count, out_names == NULL ? VALUE_LEN_MIN : NAMED_VALUE_LEN_MIN));
  cql_value *values = cql_arena_array(b->a, count, sizeof *values);
  if (out_names != NULL) *out_names = names = cql_arena_array(b->a, count, sizeof *names);
  if (values == NULL || (out_names != NULL && names == NULL)) return cqlp_fail_memory(b);
  for (uint32_t i = 0; i < count; i++) {
    if (names != NULL) CQL_TRY(cqlp_read_string(b, "the name of a value", &names[i]));
    CQL_TRY(cqlp_read_value(b, "a value", &values[i]));
  }
  *out = values;
  *out_count = count;
done:
  return st;
}

static cql_status read_consistency(cqlp_body *b, uint16_t *out) {
  cql_status st = cqlp_read_u16(b, "a consistency level", out);
  if (st == CQL_OK && *out > CQL_LOCAL_ONE)
    st = cqlp_fail(b, CQL_PROTOCOL, "Unknown code %u for a consistency level", *out);
  return st;
}

static cql_status read_flags(cqlp_body *b, uint32_t *out) {
  uint8_t narrow = 0;
  int32_t wide = 0;
  cql_status st =
      b->version < CQL_VERSION_5 ? cqlp_read_u8(b, "the flags", &narrow) : cqlp_read_i32(b, "the flags", &wide);
  *out = b->version < CQL_VERSION_5 ? narrow : (uint32_t)wide;
  return st;
}

static cql_status read_timestamp(cqlp_body *b, int64_t *out) {
  cql_status st = cqlp_read_i64(b, "a timestamp", out);
  if (st == CQL_OK && *out == INT64_MIN)
    st = cqlp_fail(b, CQL_PROTOCOL, "Out of bound timestamp, must be in [%" PRId64 ", %" PRId64 "] (got %" PRId64 ")",
                   INT64_MIN + 1, INT64_MAX, *out);
  return st;
}

static cql_status read_page_size(cqlp_body *b, int32_t *out) {
  return cqlp_read_i32(b, "the page size", out);
}

static cql_status read_parameters(cqlp_body *b, cql_message *m) {
  cql_parameters *p = &m->parameters;
  uint32_t flags;
  cql_status st;
  CQL_TRY(read_consistency(b, &p->consistency));
  CQL_TRY(read_flags(b, &flags));
  p->skip_metadata = (flags & CQLP_SKIP_METADATA) != 0;
  if (flags & CQLP_HAS_VALUES)
    CQL_TRY(read_values(b, &p->values, &p->value_count, flags & CQLP_HAS_NAMES ? &m->value_names : NULL));
  if (flags & CQLP_HAS_PAGE_SIZE) CQL_TRY(read_page_size(b, &p->page_size));
  if (flags & CQLP_HAS_PAGING_STATE) CQL_TRY(cqlp_read_bytes(b, "the paging state", &p->paging_state));
  if (flags & CQLP_HAS_SERIAL_CONSISTENCY) CQL_TRY(read_consistency(b, &p->serial_consistency));
  if (flags & CQLP_HAS_TIMESTAMP) CQL_TRY(read_timestamp(b, &p->timestamp));
  if (b->version < CQL_VERSION_5) goto done;
  if (flags & CQLP_HAS_KEYSPACE) CQL_TRY(cqlp_read_string(b, "the keyspace", &p->keyspace));
  if (flags & CQLP_HAS_NOW) st = cqlp_fail(b, CQL_PROTOCOL, "now_in_seconds is not supported");
done:
  return st;
}

/* --- the messages ------------------------------------------------------------------------------------------------- */

static cql_status read_startup(cqlp_body *b, cql_message *m) {
  return cqlp_read_pairs(b, "the options", false, &m->pairs, &m->pair_count);
}

static cql_status read_register(cqlp_body *b, cql_message *m) {
  uint16_t count;
  cql_status st;
  CQL_TRY(cqlp_read_u16(b, "the number of events", &count));
  if (count > CQL_STRING_MAP_COUNT_MAX) return cqlp_fail(b, CQL_LIMIT, "More than %d events", CQL_STRING_MAP_COUNT_MAX);
  CQL_TRY(cqlp_check_count(b, "the events", count, STRING_LEN_MIN));
  cql_pair *pairs = cql_arena_array(b->a, count, sizeof *pairs);
  if (pairs == NULL) return cqlp_fail_memory(b);
  for (uint32_t i = 0; i < count; i++) {
    pairs[i] = (cql_pair){{NULL, 0}, {NULL, 0}};
    CQL_TRY(cqlp_read_string(b, "an event", &pairs[i].name));
  }
  m->pairs = pairs;
  m->pair_count = count;
done:
  return st;
}

static cql_status read_query(cqlp_body *b, cql_message *m) {
  cql_status st = cqlp_read_long_string(b, "a statement", &m->text);
  return st == CQL_OK ? read_parameters(b, m) : st;
}

static cql_status read_prepare(cqlp_body *b, cql_message *m) {
  uint32_t flags = 0;
  cql_status st;
  CQL_TRY(cqlp_read_long_string(b, "a statement", &m->text));
  if (b->version >= CQL_VERSION_5) CQL_TRY(read_flags(b, &flags));
  if (flags & CQLP_PREPARE_HAS_KEYSPACE) CQL_TRY(cqlp_read_string(b, "the keyspace", &m->keyspace));
done:
  return st;
}

static cql_status read_execute(cqlp_body *b, cql_message *m) {
  cql_status st;
  CQL_TRY(cqlp_read_string(b, "the id of a statement", &m->id));
  if (b->version >= CQL_VERSION_5) CQL_TRY(cqlp_read_string(b, "the id of the metadata", &m->metadata_id));
  CQL_TRY(read_parameters(b, m));
done:
  return st;
}

static cql_status read_item(cqlp_body *b, cql_batch_item *item) {
  uint8_t kind;
  cql_status st;
  *item = (cql_batch_item){.value_count = 0};
  CQL_TRY(cqlp_read_u8(b, "the kind of a statement", &kind));
  if (kind > 1)
    return cqlp_fail(b, CQL_PROTOCOL, "Invalid query kind in BATCH messages. Must be 0 or 1 but got %d", (int8_t)kind);
  if (kind == 0)
    CQL_TRY(cqlp_read_long_string(b, "a statement", &item->text));
  else
    CQL_TRY(cqlp_read_string(b, "the id of a statement", &item->id));
  CQL_TRY(read_values(b, &item->values, &item->value_count, NULL));
done:
  return st;
}

static cql_status read_batch(cqlp_body *b, cql_message *m) {
  uint8_t type;
  uint16_t count;
  cql_status st;
  CQL_TRY(cqlp_read_u8(b, "the type of a batch", &type));
  if (type > CQL_BATCH_COUNTER) return cqlp_fail(b, CQL_PROTOCOL, "Invalid BATCH message type %d", (int8_t)type);
  CQL_TRY(cqlp_read_u16(b, "the number of statements", &count));
  CQL_TRY(cqlp_check_count(b, "the statements", count, ITEM_LEN_MIN));
  cql_batch_item *items = cql_arena_array(b->a, count, sizeof *items);
  if (items == NULL) return cqlp_fail_memory(b);
  for (uint32_t i = 0; i < count; i++) CQL_TRY(read_item(b, &items[i]));
  m->batch_type = (cql_batch_type)type;
  m->items = items;
  m->item_count = count;
  CQL_TRY(read_parameters(b, m));
done:
  return st;
}

static cql_status read_opcode(cqlp_body *b, cql_message *m) {
  switch (m->opcode) {
  case CQL_OP_OPTIONS: return CQL_OK;
  case CQL_OP_STARTUP: return read_startup(b, m);
  case CQL_OP_AUTH_RESPONSE: return cqlp_read_bytes(b, "the token", &m->token);
  case CQL_OP_REGISTER: return read_register(b, m);
  case CQL_OP_QUERY: return read_query(b, m);
  case CQL_OP_PREPARE: return read_prepare(b, m);
  case CQL_OP_EXECUTE: return read_execute(b, m);
  case CQL_OP_BATCH: return read_batch(b, m);
  default: return cql_fail(b->err, CQL_PROTOCOL, "Unknown opcode %u", (unsigned)m->opcode);
  }
}

cql_status cql_request_decode(cql_message *out, cql_arena *a, const cql_envelope *e, cql_error *err) {
  const cql_pair *payload;
  uint32_t payload_count;
  *out = (cql_message){.opcode = (cql_opcode)e->opcode,
                       .wants_tracing = (e->flags & CQL_FLAG_TRACING) != 0,
                       .parameters = {.timestamp = CQL_TIMESTAMP_NONE}};
  if (e->is_response)
    return cql_fail(err, CQL_PROTOCOL, "Wrong protocol direction (expected REQUEST, got RESPONSE) for opcode %u",
                    e->opcode);
  if (e->version != CQL_VERSION_4 && e->version != CQL_VERSION_5)
    return cql_fail(err, CQL_PROTOCOL,
                    "Invalid or unsupported protocol version (%u); supported versions are (4/v4, 5/v5)", e->version);
  cqlp_body b = cqlp_body_of(e, CQL_PROTOCOL, a, err);
  if (e->flags & CQL_FLAG_CUSTOM_PAYLOAD) { /* nothing here knows what to do with it */
    cql_status st = cqlp_read_pairs(&b, "the custom payload", true, &payload, &payload_count);
    if (st != CQL_OK) return st;
  }
  return read_opcode(&b, out);
}
