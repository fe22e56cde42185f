/* murmur3.c: Cassandra's partition token.
 *
 * MurmurHash3 x64 128 (Austin Appleby, public domain) with one difference that Cassandra can no longer change: the
 * bytes of the tail (the last len % 16) are widened with their sign, so a byte from 0x80 on sets all the higher bits.
 */
#include "base/base.h"

static uint64_t rotl(uint64_t x, unsigned n) {
  return (x << n) | (x >> (64 - n));
}

static uint64_t mix(uint64_t k) {
  k ^= k >> 33;
  k *= 0xff51afd7ed558ccdULL;
  k ^= k >> 33;
  k *= 0xc4ceb9fe1a85ec53ULL;
  k ^= k >> 33;
  return k;
}

static uint64_t load_little(const uint8_t *p) {
  return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 |
         (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

static uint64_t load_tail(const uint8_t *p, size_t n) {
  uint64_t k = 0;
  for (size_t i = 0; i < n; i++) k ^= (uint64_t)(int64_t)(int8_t)p[i] << (8 * i);
  return k;
}

static const uint64_t C1 = 0x87c37b91114253d5ULL;
static const uint64_t C2 = 0x4cf5ad432745937fULL;

int64_t cql_murmur3_token(cql_slice key) {
  if (key.len == 0) return INT64_MIN;
  uint64_t h1 = 0, h2 = 0;
  const uint8_t *p = key.data;
  size_t left = key.len;
  for (; left >= 16; left -= 16, p += 16) {
    h1 ^= rotl(load_little(p) * C1, 31) * C2;
    h1 = (rotl(h1, 27) + h2) * 5 + 0x52dce729;
    h2 ^= rotl(load_little(p + 8) * C2, 33) * C1;
    h2 = (rotl(h2, 31) + h1) * 5 + 0x38495ab5;
  }
  if (left > 8) h2 ^= rotl(load_tail(p + 8, left - 8) * C2, 33) * C1;
  if (left > 0) h1 ^= rotl(load_tail(p, left < 8 ? left : 8) * C1, 31) * C2;
  h1 ^= key.len;
  h2 ^= key.len;
  h1 += h2;
  h2 += h1;
  h1 = mix(h1);
  h2 = mix(h2);
  int64_t token = (int64_t)(h1 + h2);
  return token == INT64_MIN ? INT64_MAX : token;
}
