/* uuid.c: universally unique identifiers; version 1 carries a time. */
#include "value/value_int.h"

#include <string.h>

/* 100 ns ticks from 1582-10-15, where version 1 starts, to 1970. */
static const uint64_t UNIX_EPOCH_TICKS = 0x01B21DD213814000ULL;
static const int64_t TICKS_PER_MS = 10000;

uint64_t cql_timeuuid_ticks(const uint8_t uuid[16]) {
  uint64_t low = cql_load_u32(uuid), mid = cql_load_u16(uuid + 4), high = cql_load_u16(uuid + 6) & 0x0FFF;
  return high << 48 | mid << 32 | low;
}

int64_t cql_timeuuid_unix_ms(const uint8_t uuid[16]) {
  /* Toward zero, as Java divides. */
  return (int64_t)(cql_timeuuid_ticks(uuid) - UNIX_EPOCH_TICKS) / TICKS_PER_MS;
}

void cql_timeuuid_make(uint8_t out[16], uint64_t ticks, uint64_t clock_seq_and_node) {
  cql_store_u32(out, (uint32_t)ticks);
  cql_store_u16(out + 4, (uint16_t)(ticks >> 32));
  cql_store_u16(out + 6, (uint16_t)(0x1000 | (ticks >> 48 & 0x0FFF)));
  cql_store_u64(out + 8, clock_seq_and_node);
}

/* The low half is compared by signed bytes: 0x80 is the smallest byte, 0x7F the largest. */
void cql_timeuuid_min(uint8_t out[16], int64_t unix_ms) {
  cql_timeuuid_make(out, (uint64_t)unix_ms * TICKS_PER_MS + UNIX_EPOCH_TICKS, 0x8080808080808080ULL);
}

void cql_timeuuid_max(uint8_t out[16], int64_t unix_ms) {
  uint64_t next = ((uint64_t)unix_ms + 1) * TICKS_PER_MS + UNIX_EPOCH_TICKS;
  cql_timeuuid_make(out, next - 1, 0x7F7F7F7F7F7F7F7FULL);
}

void cql_uuid_random(uint8_t out[16]) {
  cql_random_bytes(out, 16);
  out[6] = (uint8_t)((out[6] & 0x0F) | 0x40);
  out[8] = (uint8_t)((out[8] & 0x3F) | 0x80);
}

/* Time high, mid, low: the version comes to stand in front. */
static uint64_t reorder_time(uint64_t msb) {
  return msb << 48 | (msb << 16 & 0xFFFF00000000ULL) | msb >> 32;
}

void cqlv_uuid_order(const cql_type *type, const uint8_t uuid[16], uint64_t out[3]) {
  uint64_t msb = cql_load_u64(uuid), lsb = cql_load_u64(uuid + 8);
  uint64_t version = msb >> 12 & 0x0F;
  bool timed = type->code == CQL_TYPE_TIMEUUID || version == 1;
  out[0] = type->code == CQL_TYPE_TIMEUUID ? 1 : version;
  out[1] = timed ? reorder_time(msb) : msb;
  out[2] = type->code == CQL_TYPE_TIMEUUID ? lsb ^ 0x8080808080808080ULL : lsb;
}

bool cqlv_uuid_parse(cql_slice text, uint8_t out[16]) {
  uint8_t hex[32];
  size_t n = 0;
  if (text.len != 36) return false;
  for (size_t i = 0; i < 36; i++) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text.data[i] == '-')) return false;
    if (!dash) hex[n++] = text.data[i];
  }
  return cqlv_hex_parse(cql_slice_of(hex, sizeof hex), out);
}

void cqlv_print_uuid(cql_buf *b, const uint8_t uuid[16]) {
  static const uint8_t ends[] = {4, 6, 8, 10, 16};
  for (size_t group = 0, from = 0; group < sizeof ends; from = ends[group++]) {
    if (group > 0) cql_buf_u8(b, '-');
    cqlv_print_hex(b, cql_slice_of(uuid + from, ends[group] - from));
  }
}
