/* compress.c: LZ4 blocks, as bodies of version 4 and payloads of version 5 hold them. */
#include "protocol/protocol_int.h"

#include <lz4.h>

/* A byte of a block adds 255 bytes at most (a length continued by 0xFF); the first few do not even that. */
enum { LZ4_GROWTH_MAX = 255 };

size_t cqlp_lz4_pack(uint8_t *out, cql_slice in, size_t spare) {
  if (in.len <= spare + 1 || in.len > LZ4_MAX_INPUT_SIZE) return 0;
  int len = LZ4_compress_default((const char *)in.data, (char *)out, (int)in.len, (int)(in.len - spare - 1));
  return len > 0 ? (size_t)len : 0;
}

bool cqlp_lz4_may_unpack(size_t packed, size_t unpacked) {
  return unpacked / LZ4_GROWTH_MAX <= packed;
}

bool cqlp_lz4_unpack(uint8_t *out, size_t len, cql_slice in) {
  if (in.len > LZ4_MAX_INPUT_SIZE || len > LZ4_MAX_INPUT_SIZE) return false;
  return LZ4_decompress_safe((const char *)in.data, (char *)out, (int)in.len, (int)len) == (int)len;
}
