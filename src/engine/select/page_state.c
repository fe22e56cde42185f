/* page_state.c: where a page ended, as bytes that a client keeps. They hold all that is needed to go on, also after a
 * restart.
 *
 *   SIZE  FIELD
 *   1     version (1)
 *   4     fingerprint of the statement
 *   4 4   partition and interval of the plan
 *   8     remaining rows of LIMIT
 *   8     remaining rows of PER PARTITION LIMIT in that partition
 *   1     whether the partition had rows
 *   4 n   partition key
 *   4 n   position in the store
 *   4     checksum: the low half of the Murmur3 token of all that stands before
 */
#include "engine/select/select_int.h"

enum { VERSION = 1, CHECKSUM_LEN = 4 };
#define STATE_LEN_MAX ((size_t)8 << 20)

static uint32_t checksum(cql_slice bytes) {
  return (uint32_t)(uint64_t)cql_murmur3_token(bytes);
}

static void put_slice(cql_buf *b, cql_slice s) {
  cql_buf_u32(b, (uint32_t)s.len);
  cql_buf_slice(b, s);
}

cql_status cqle_page_state_put(cqle_exec *x, const cqle_select_plan *p, const cqle_page_state *s) {
  cql_buf b;
  cql_buf_init(&b, x->engine->alloc, STATE_LEN_MAX);
  cql_buf_u8(&b, VERSION);
  cql_buf_u32(&b, p->fingerprint);
  cql_buf_u32(&b, s->place.partition);
  cql_buf_u32(&b, s->place.bounds);
  cql_buf_u64(&b, s->remaining);
  cql_buf_u64(&b, s->partition_left);
  cql_buf_u8(&b, s->partition_had_rows);
  put_slice(&b, s->pkey);
  put_slice(&b, s->place.position);
  if (b.st == CQL_OK) cql_buf_u32(&b, checksum(cql_buf_view(&b)));
  cql_status st = b.st;
  if (st == CQL_OK) st = cql_arena_slice(&x->result->arena, cql_buf_view(&b), &x->result->paging_state);
  cql_buf_free(&b);
  return st == CQL_OK ? st : cql_fail(x->err, st, "The paging state could not be written");
}

static cql_status read_slice(cql_reader *r, cql_slice *out) {
  uint32_t len;
  cql_status st = cql_read_u32(r, &len);
  return st == CQL_OK ? cql_read_bytes(r, len, out) : st;
}

static cql_status read_state(cql_slice bytes, uint32_t fingerprint, cqle_page_state *s) {
  cql_status st = CQL_OK;
  uint8_t version, had_rows;
  uint32_t print;
  CQL_CHECK(bytes.len > CHECKSUM_LEN, CQL_MALFORMED);
  bytes.len -= CHECKSUM_LEN;
  CQL_CHECK(cql_load_u32(bytes.data + bytes.len) == checksum(bytes), CQL_MALFORMED);
  cql_reader r = cql_reader_of(bytes);
  CQL_TRY(cql_read_u8(&r, &version));
  CQL_TRY(cql_read_u32(&r, &print));
  CQL_CHECK(version == VERSION && print == fingerprint, CQL_MALFORMED);
  CQL_TRY(cql_read_u32(&r, &s->place.partition));
  CQL_TRY(cql_read_u32(&r, &s->place.bounds));
  CQL_TRY(cql_read_u64(&r, &s->remaining));
  CQL_TRY(cql_read_u64(&r, &s->partition_left));
  CQL_TRY(cql_read_u8(&r, &had_rows));
  CQL_TRY(read_slice(&r, &s->pkey));
  CQL_TRY(read_slice(&r, &s->place.position));
  CQL_CHECK(cql_reader_left(&r) == 0, CQL_MALFORMED);
  s->partition_had_rows = had_rows != 0;
  s->given = true;
done:
  return st;
}

cql_status cqle_page_state_get(cqle_exec *x, const cqle_select_plan *p, cqle_page_state *s) {
  const cql_request *q = x->request;
  if (q->paging_state == NULL) return CQL_OK;
  if (read_state(cql_slice_of(q->paging_state, q->paging_state_len), p->fingerprint, s) == CQL_OK) return CQL_OK;
  return cql_fail(x->err, CQL_PROTOCOL, "Invalid value for the paging state");
}
