/* segment.c: the header of a segment, and the two checksums. protocol_int.h has the layout. Sources:
 * org.apache.cassandra.net.Crc, FrameDecoderCrc, FrameDecoderLZ4. */
#include "protocol/protocol_int.h"

#include <zlib.h>

enum {
  LENGTH_BITS = 17,
  LENGTH_MASK = (1 << LENGTH_BITS) - 1,
  CRC24_LEN = 3,
  CRC24_START = 0x875060,
  CRC24_MASK = 0xFFFFFF,
  CRC32_START = 0x44777ED3 /* of FA 2D 55 CA */
};

/* What the polynomial 0x1974F0B makes of each four bits. */
static const uint32_t CRC24_TABLE[16] = {
    0x000000, 0x974F0B, 0xB9D11D, 0x2E9E16, 0xE4ED31, 0x73A23A, 0x5D3C2C, 0xCA7327,
    0x5E9569, 0xC9DA62, 0xE74474, 0x700B7F, 0xBA7858, 0x2D3753, 0x03A945, 0x94E64E,
};

uint32_t cqlp_crc24(const uint8_t *bytes, size_t len) {
  uint32_t crc = CRC24_START;
  for (size_t i = 0; i < len; i++) {
    crc ^= (uint32_t)bytes[i] << 16;
    crc = (crc << 4 & CRC24_MASK) ^ CRC24_TABLE[crc >> 20];
    crc = (crc << 4 & CRC24_MASK) ^ CRC24_TABLE[crc >> 20];
  }
  return crc;
}

uint32_t cqlp_crc32(const uint8_t *payload, size_t len) {
  return (uint32_t)crc32(CRC32_START, payload, (uInt)len);
}

void cqlp_store_u32_le(uint8_t *out, uint32_t v) {
  for (int i = 0; i < 4; i++) out[i] = (uint8_t)(v >> 8 * i);
}

uint32_t cqlp_load_u32_le(const uint8_t *bytes) {
  return (uint32_t)bytes[3] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[1] << 8 | bytes[0];
}

static void store_le(uint8_t *out, uint64_t v, size_t len) {
  for (size_t i = 0; i < len; i++) out[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t load_le(const uint8_t *bytes, size_t len) {
  uint64_t v = 0;
  for (size_t i = len; i > 0; i--) v = v << 8 | bytes[i - 1];
  return v;
}

size_t cqlp_segment_header_len(bool lz4) {
  return lz4 ? CQLP_SEGMENT_LZ4_HEADER_LEN : CQLP_SEGMENT_HEADER_LEN;
}

void cqlp_segment_store(uint8_t *header, const cqlp_segment *s, bool lz4) {
  size_t len = cqlp_segment_header_len(lz4) - CRC24_LEN;
  uint64_t bits = s->len;
  if (lz4) bits |= (uint64_t)s->unpacked << LENGTH_BITS;
  bits |= (uint64_t)s->is_self_contained << (lz4 ? 2 * LENGTH_BITS : LENGTH_BITS);
  store_le(header, bits, len);
  store_le(header + len, cqlp_crc24(header, len), CRC24_LEN);
}

bool cqlp_segment_load(const uint8_t *header, cqlp_segment *s, bool lz4) {
  size_t len = cqlp_segment_header_len(lz4) - CRC24_LEN;
  if (load_le(header + len, CRC24_LEN) != cqlp_crc24(header, len)) return false;
  uint64_t bits = load_le(header, len);
  s->len = (uint32_t)(bits & LENGTH_MASK);
  s->unpacked = lz4 ? (uint32_t)(bits >> LENGTH_BITS & LENGTH_MASK) : 0;
  s->is_self_contained = (bits >> (lz4 ? 2 * LENGTH_BITS : LENGTH_BITS) & 1) != 0;
  return true;
}
