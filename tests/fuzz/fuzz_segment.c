/* fuzz_segment.c: the bytes of a connection of version 5: what it says, and that it says the same in pieces. Checksums
 * would stop nearly every input at once, so they are made here, but for raw ones.
 *
 *   0   bit 0: LZ4; bit 1: raw; the others: the length of the pieces
 *   1…  raw: the bytes; else segments: a byte (bit 0: self-contained), u16 length, u16 length unpacked, the payload
 */
#include "frames.h"
#include "fuzz.h"

#include "protocol/protocol_int.h"

enum { SEGMENT_HEAD_LEN = 5, BYTES_MAX = 1 << 20 };

static void put_segment(cql_buf *b, cql_reader *r, bool lz4) {
  uint8_t kind;
  uint16_t len, unpacked;
  cql_slice payload;
  cql_read_u8(r, &kind);
  cql_read_u16(r, &len);
  cql_read_u16(r, &unpacked);
  if (len > cql_reader_left(r)) len = (uint16_t)cql_reader_left(r);
  cql_read_bytes(r, len, &payload);
  cqlp_segment s = {.len = len, .unpacked = lz4 ? unpacked : 0, .is_self_contained = kind & 1};
  uint8_t *head = cql_buf_room(b, cqlp_segment_header_len(lz4));
  if (head != NULL) cqlp_segment_store(head, &s, lz4);
  cql_buf_slice(b, payload);
  uint8_t *crc = cql_buf_room(b, CQLP_SEGMENT_TRAILER_LEN);
  if (crc != NULL) cqlp_store_u32_le(crc, cqlp_crc32(payload.data, payload.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  bool lz4 = data[0] & 1, raw = data[0] & 2;
  cql_reader r = cql_reader_of(cql_slice_of(data + 1, size - 1));
  cql_buf b;
  cql_buf_init(&b, &cql_alloc_libc, BYTES_MAX);
  if (raw) cql_buf_put(&b, data + 1, size - 1);
  while (!raw && cql_reader_left(&r) >= SEGMENT_HEAD_LEN) put_segment(&b, &r, lz4);
  if (b.st == CQL_OK) fuzz_frames(cql_buf_view(&b), true, lz4, (size_t)1 + (data[0] >> 2));
  cql_buf_free(&b);
  return 0;
}
