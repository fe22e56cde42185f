/* errors.c: ERROR (v5, section 9), both ways, and as a cql_error. */
#include "protocol/protocol_int.h"

#include <stdio.h>
#include <string.h>

enum { /* the codes that say more than words */
       UNAVAILABLE = 0x1000,
       WRITE_TIMEOUT = 0x1100,
       READ_TIMEOUT = 0x1200,
       READ_FAILURE = 0x1300,
       FUNCTION_FAILURE = 0x1400,
       WRITE_FAILURE = 0x1500,
       CAS_UNKNOWN = 0x1700,
       ALREADY_EXISTS = 0x2400,
       UNPREPARED = 0x2500
};

/* --- reading ------------------------------------------------------------------------------------------------------ */

static cql_status read_flag(cqlp_body *b, const char *field, bool *out) {
  uint8_t v = 0;
  cql_status st = cqlp_read_u8(b, field, &v);
  *out = v != 0;
  return st;
}

/* Version 5 says why each replica failed: [inetaddr] and a code, of which only their number is kept. */
static cql_status read_failures(cqlp_body *b, int32_t *out) {
  uint8_t len;
  uint16_t code;
  cql_slice address;
  cql_status st;
  CQL_TRY(cqlp_read_i32(b, "the number of failures", out));
  if (*out < 0) return cqlp_fail(b, b->malformed, "A negative number of failures (%d)", *out);
  if (b->version < CQL_VERSION_5) goto done;
  if (*out > CQL_FAILURE_COUNT_MAX)
    return cqlp_fail(b, CQL_LIMIT, "%d failures are more than %d", *out, CQL_FAILURE_COUNT_MAX);
  for (int32_t i = 0; i < *out; i++) {
    CQL_TRY(cqlp_read_u8(b, "the length of an address", &len));
    if (len != 4 && len != 16) return cqlp_fail(b, b->malformed, "An address of %u bytes", len);
    CQL_TRY(cqlp_read_raw(b, "an address", len, &address));
    CQL_TRY(cqlp_read_u16(b, "why a replica failed", &code));
  }
done:
  return st;
}

/* Consistency, how many answered, how many had to. */
static cql_status read_replicas(cqlp_body *b, cql_server_error *e) {
  bool required_first = e->code == UNAVAILABLE;
  cql_status st;
  CQL_TRY(cqlp_read_u16(b, "a consistency level", &e->consistency));
  CQL_TRY(cqlp_read_i32(b, "a number of replicas", required_first ? &e->required : &e->received));
  CQL_TRY(cqlp_read_i32(b, "a number of replicas", required_first ? &e->received : &e->required));
done:
  return st;
}

static cql_status read_write_timeout(cqlp_body *b, cql_server_error *e) {
  cql_status st;
  CQL_TRY(read_replicas(b, e));
  CQL_TRY(cqlp_read_string(b, "the type of a write", &e->write_type));
  if (b->version >= CQL_VERSION_5 && cql_slice_eq_str(e->write_type, "CAS"))
    CQL_TRY(cqlp_read_u16(b, "the number of contentions", &e->contentions));
done:
  return st;
}

static cql_status read_read_error(cqlp_body *b, cql_server_error *e) {
  cql_status st;
  CQL_TRY(read_replicas(b, e));
  if (e->code == READ_FAILURE) CQL_TRY(read_failures(b, &e->failures));
  CQL_TRY(read_flag(b, "whether data was present", &e->data_present));
done:
  return st;
}

static cql_status read_write_failure(cqlp_body *b, cql_server_error *e) {
  cql_status st;
  CQL_TRY(read_replicas(b, e));
  CQL_TRY(read_failures(b, &e->failures));
  CQL_TRY(cqlp_read_string(b, "the type of a write", &e->write_type));
done:
  return st;
}

static cql_status read_function_failure(cqlp_body *b, cql_server_error *e) {
  cql_status st;
  CQL_TRY(cqlp_read_string(b, "the keyspace of a function", &e->keyspace));
  CQL_TRY(cqlp_read_string(b, "the name of a function", &e->function));
  CQL_TRY(cqlp_skip_strings(b, "the types of a function's arguments"));
done:
  return st;
}

static cql_status read_already_exists(cqlp_body *b, cql_server_error *e) {
  cql_status st = cqlp_read_string(b, "a keyspace", &e->keyspace);
  return st == CQL_OK ? cqlp_read_string(b, "a table", &e->table) : st;
}

cql_status cqlp_read_error(cqlp_body *b, cql_server_error *e) {
  int32_t code;
  cql_status st = cqlp_read_i32(b, "the code of an error", &code);
  if (st == CQL_OK) st = cqlp_read_string(b, "the text of an error", &e->message);
  if (st != CQL_OK) return st;
  e->code = (uint32_t)code;
  switch (e->code) {
  case UNAVAILABLE:
  case CAS_UNKNOWN: return read_replicas(b, e);
  case WRITE_TIMEOUT: return read_write_timeout(b, e);
  case READ_TIMEOUT:
  case READ_FAILURE: return read_read_error(b, e);
  case FUNCTION_FAILURE: return read_function_failure(b, e);
  case WRITE_FAILURE: return read_write_failure(b, e);
  case ALREADY_EXISTS: return read_already_exists(b, e);
  case UNPREPARED: return cqlp_read_string(b, "the id of a statement", &e->id);
  default: return CQL_OK;
  }
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* A map of reasons needs addresses, which e does not have: 0.0.0.1, 0.0.0.2, …, for no known reason (0). */
static void put_failures(cql_buf *b, uint8_t version, int32_t failures) {
  uint32_t count = failures < 0 ? 0 : (uint32_t)failures;
  if (version >= CQL_VERSION_5 && count > CQL_FAILURE_COUNT_MAX) count = CQL_FAILURE_COUNT_MAX;
  cql_buf_u32(b, count);
  if (version < CQL_VERSION_5) return;
  for (uint32_t i = 1; i <= count; i++) {
    cql_buf_u8(b, 4);
    cql_buf_u32(b, i);
    cql_buf_u16(b, 0);
  }
}

static void put_replicas(cql_buf *b, const cql_server_error *e) {
  bool required_first = e->code == UNAVAILABLE;
  cql_buf_u16(b, e->consistency);
  cql_buf_u32(b, (uint32_t)(required_first ? e->required : e->received));
  cql_buf_u32(b, (uint32_t)(required_first ? e->received : e->required));
}

static void put_details(cql_buf *b, uint8_t version, const cql_server_error *e) {
  switch (e->code) {
  case UNAVAILABLE:
  case CAS_UNKNOWN: put_replicas(b, e); break;
  case WRITE_TIMEOUT:
    put_replicas(b, e);
    cqlp_put_string(b, e->write_type);
    if (version >= CQL_VERSION_5 && cql_slice_eq_str(e->write_type, "CAS")) cql_buf_u16(b, e->contentions);
    break;
  case READ_FAILURE:
  case READ_TIMEOUT:
    put_replicas(b, e);
    if (e->code == READ_FAILURE) put_failures(b, version, e->failures);
    cql_buf_u8(b, e->data_present);
    break;
  case WRITE_FAILURE:
    put_replicas(b, e);
    put_failures(b, version, e->failures);
    cqlp_put_string(b, e->write_type);
    break;
  case FUNCTION_FAILURE:
    cqlp_put_string(b, e->keyspace);
    cqlp_put_string(b, e->function);
    cql_buf_u16(b, 0);
    break;
  case ALREADY_EXISTS:
    cqlp_put_string(b, e->keyspace);
    cqlp_put_string(b, e->table);
    break;
  case UNPREPARED: cqlp_put_string(b, e->id); break;
  default: break;
  }
}

void cql_put_error(cql_buf *b, uint8_t version, const cql_server_error *e) {
  size_t start = cqlp_begin_response(b, version, CQL_OP_ERROR);
  cql_buf_u32(b, e->code);
  cqlp_put_string(b, e->message);
  put_details(b, version, e);
  cqlp_end(b, start);
}

/* --- as a cql_error ----------------------------------------------------------------------------------------------- */

static bool is_known(uint32_t code, cql_status *out) {
  switch ((uint64_t)CQL_SERVER_BASE + code) {
#define CASE(name, value, text)                                                                                        \
  case (value): *out = CQL_##name; return true;
    CQL_STATUS_MAP(CASE)
#undef CASE
  default: *out = CQL_SERVER; return false;
  }
}

/* "line 1:7 no viable alternative …": where in the statement. */
static void tell_position(const char *message, cql_error *err) {
  unsigned line, column;
  if (sscanf(message, "line %9u:%9u ", &line, &column) != 2) return;
  err->line = line;
  err->column = column;
}

static void tell_text(char *out, size_t size, cql_slice text) {
  size_t len = text.len < size - 1 ? text.len : size - 1;
  if (len > 0) memcpy(out, text.data, len);
  out[len] = '\0';
  cqlp_mend(out, len);
}

cql_status cql_server_error_tell(const cql_server_error *e, cql_error *err) {
  cql_status st;
  bool known = is_known(e->code, &st);
  if (err == NULL) return st;
  char message[CQL_ERROR_MESSAGE_LEN + 8]; /* longer, so that cql_fail() cuts at a character */
  tell_text(message, sizeof message, e->message.len > 0 ? e->message : cql_slice_str(cql_status_text(st)));
  if (known)
    cql_fail(err, st, "%s", message);
  else
    cql_fail(err, st, "Error 0x%04X: %s", (unsigned)e->code, message);
  tell_position(message, err);
  err->consistency = e->consistency;
  err->required = e->required;
  err->received = e->received;
  err->failures = e->failures;
  err->data_present = e->data_present;
  tell_text(err->write_type, sizeof err->write_type, e->write_type);
  if (e->code == ALREADY_EXISTS) {
    tell_text(err->keyspace, sizeof err->keyspace, e->keyspace);
    tell_text(err->table, sizeof err->table, e->table);
  }
  return st;
}
