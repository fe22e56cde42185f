/* put_body.c: the notations of the protocol (v5, section 3), written. */
#include "protocol/protocol_int.h"

#include <string.h>

static size_t begin(cql_buf *b, uint8_t version, cql_opcode opcode) {
  size_t start = b->len;
  uint8_t *head = cql_buf_room(b, CQL_ENVELOPE_HEADER_LEN);
  if (head == NULL) return start;
  memset(head, 0, CQL_ENVELOPE_HEADER_LEN);
  head[0] = version;
  head[4] = (uint8_t)opcode;
  return start;
}

size_t cqlp_begin_request(cql_buf *b, uint8_t version, cql_opcode opcode) {
  return begin(b, version, opcode);
}

size_t cqlp_begin_response(cql_buf *b, uint8_t version, cql_opcode opcode) {
  return begin(b, version | 0x80, opcode);
}

void cqlp_end(cql_buf *b, size_t start) {
  if (b->st == CQL_OK && b->len - start - CQL_ENVELOPE_HEADER_LEN > CQL_BODY_LEN_MAX) b->st = CQL_LIMIT;
  if (b->st == CQL_OK)
    cql_store_u32(b->data + start + 5, (uint32_t)(b->len - start - CQL_ENVELOPE_HEADER_LEN));
  else
    b->len = start;
}

void cqlp_refuse(cql_buf *b) {
  if (b->st == CQL_OK) b->st = CQL_LIMIT;
}

void cqlp_put_u16_count(cql_buf *b, uint32_t count) {
  if (count > UINT16_MAX) cqlp_refuse(b);
  cql_buf_u16(b, (uint16_t)count);
}

void cqlp_put_string(cql_buf *b, cql_slice s) {
  if (s.len > UINT16_MAX) cqlp_refuse(b);
  cql_buf_u16(b, (uint16_t)s.len);
  cql_buf_slice(b, s);
}

void cqlp_put_text(cql_buf *b, const char *text) {
  cqlp_put_string(b, cql_slice_str(text));
}

void cqlp_put_bytes(cql_buf *b, cql_slice s) {
  if (s.len > CQL_BODY_LEN_MAX) cqlp_refuse(b);
  cql_buf_u32(b, s.data == NULL ? UINT32_MAX : (uint32_t)s.len);
  if (s.data != NULL) cql_buf_slice(b, s);
}
