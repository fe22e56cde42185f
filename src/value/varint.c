/* varint.c: whole numbers of any size, as two's complement bytes and as digits. */
#include "value/value_int.h"

#include <string.h>

enum { CHUNK_DIGITS = 9 };
static const uint32_t CHUNK = 1000000000; /* the largest power of ten in 32 bits */

bool cqlv_varint_is_negative(cql_slice bytes) {
  return bytes.len > 0 && (bytes.data[0] & 0x80) != 0;
}

cql_slice cqlv_varint_trim(cql_slice v) {
  while (v.len > 1) {
    bool negative = (v.data[1] & 0x80) != 0;
    if (v.data[0] != (negative ? 0xFF : 0x00)) break;
    v.data++;
    v.len--;
  }
  return v;
}

int cqlv_varint_cmp(cql_slice x, cql_slice y) {
  x = cqlv_varint_trim(x);
  y = cqlv_varint_trim(y);
  bool negative = cqlv_varint_is_negative(x);
  if (negative != cqlv_varint_is_negative(y)) return negative ? -1 : 1;
  /* Equal length and sign: two's complement orders as unsigned bytes do. */
  if (x.len == y.len) return cql_slice_cmp(x, y);
  return (x.len < y.len) != negative ? -1 : 1;
}

/* --- to digits ---------------------------------------------------------------------------------------------------- */

static size_t small_digits(cql_buf *b, cql_slice v) {
  uint64_t bits = cqlv_varint_is_negative(v) ? UINT64_MAX : 0;
  char digits[20];
  size_t n = sizeof digits;
  for (size_t i = 0; i < v.len; i++) bits = bits << 8 | v.data[i];
  if (cqlv_varint_is_negative(v)) bits = 0 - bits;
  do {
    digits[--n] = (char)('0' + bits % 10);
    bits /= 10;
  } while (bits > 0);
  cql_buf_put(b, digits + n, sizeof digits - n);
  return b->st == CQL_OK ? sizeof digits - n : 0;
}

/* |v| as count 32-bit words at out (any alignment), the least first. */
static void load_magnitude(uint8_t *out, size_t count, cql_slice v) {
  bool negative = cqlv_varint_is_negative(v);
  uint64_t carry = negative ? 1 : 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t word = 0;
    for (size_t k = 0; k < 4; k++) {
      size_t back = i * 4 + k;
      uint8_t byte = back < v.len ? v.data[v.len - 1 - back] : negative ? 0xFF : 0;
      word |= (uint32_t)byte << (8 * k);
    }
    uint64_t sum = carry + (negative ? ~word : word);
    carry = sum >> 32;
    word = (uint32_t)sum;
    memcpy(out + i * 4, &word, 4);
  }
}

/* Divides the words by CHUNK in place; returns the remainder and drops words that became zero at the top. */
static uint32_t divide(uint8_t *words, size_t *count) {
  uint64_t rest = 0;
  for (size_t i = *count; i-- > 0;) {
    uint32_t word;
    memcpy(&word, words + i * 4, 4);
    rest = rest << 32 | word;
    word = (uint32_t)(rest / CHUNK);
    rest %= CHUNK;
    memcpy(words + i * 4, &word, 4);
    if (word == 0 && i + 1 == *count) --*count;
  }
  return (uint32_t)rest;
}

size_t cqlv_varint_digits(cql_buf *b, cql_slice v) {
  v = cqlv_varint_trim(v);
  if (v.len <= 8) return small_digits(b, v);
  size_t start = b->len;
  size_t max = v.len / 5 * 13 + 13; /* 8 bits are 2.41 digits */
  size_t count = v.len / 4 + 1;
  uint8_t *out = cql_buf_room(b, max + count * 4);
  if (out == NULL) return 0;
  uint8_t *words = out + max;
  size_t at = max;
  load_magnitude(words, count, v);
  while (count > 0) {
    uint32_t chunk = divide(words, &count);
    for (int i = 0; i < CHUNK_DIGITS && (count > 0 || chunk > 0); i++, chunk /= 10)
      out[--at] = (uint8_t)('0' + chunk % 10);
  }
  memmove(out, out + at, max - at);
  b->len = start + (max - at);
  return max - at;
}

void cql_print_varint(cql_buf *b, cql_slice bytes) {
  if (cqlv_varint_is_negative(bytes)) cql_buf_u8(b, '-');
  cqlv_varint_digits(b, bytes);
}

/* --- from digits -------------------------------------------------------------------------------------------------- */

bool cqlv_int64_parse(cql_slice text, int64_t *out) {
  size_t i = 0;
  bool negative = text.len > 0 && text.data[0] == '-';
  if (text.len > 0 && (text.data[0] == '-' || text.data[0] == '+')) i++;
  if (i == text.len) return false;
  uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
  uint64_t v = 0;
  for (; i < text.len; i++) {
    uint8_t c = text.data[i];
    if (c < '0' || c > '9') return false;
    uint64_t digit = (uint64_t)(c - '0');
    if (v > (limit - digit) / 10) return false;
    v = v * 10 + digit;
  }
  *out = (int64_t)(negative ? 0 - v : v);
  return true;
}

/* words = words * factor + add */
static void multiply_add(uint32_t *words, size_t *count, uint32_t factor, uint32_t add) {
  uint64_t carry = add;
  for (size_t i = 0; i < *count; i++) {
    carry += (uint64_t)words[i] * factor;
    words[i] = (uint32_t)carry;
    carry >>= 32;
  }
  if (carry > 0) words[(*count)++] = (uint32_t)carry;
}

static void parse_words(uint32_t *words, size_t *count, cql_slice digits) {
  *count = 0;
  for (size_t i = 0; i < digits.len;) {
    size_t n = (digits.len - i) % CHUNK_DIGITS == 0 ? CHUNK_DIGITS : (digits.len - i) % CHUNK_DIGITS;
    uint32_t chunk = 0, scale = 1;
    for (size_t end = i + n; i < end; i++, scale *= 10) chunk = chunk * 10 + (uint32_t)(digits.data[i] - '0');
    multiply_add(words, count, scale, chunk);
  }
}

/* Two's complement, as few bytes as hold the sign; at least one. */
static void put_words(cql_buf *b, const uint32_t *words, size_t count, bool negative) {
  size_t len = count * 4 + 1, start = b->len;
  uint8_t *out = cql_buf_room(b, len);
  if (out == NULL) return;
  out[0] = 0;
  for (size_t i = 0; i < count; i++) cql_store_u32(out + 1 + i * 4, words[count - 1 - i]);
  for (size_t i = len, carry = 1; negative && i-- > 0;) {
    carry += (uint8_t)~out[i];
    out[i] = (uint8_t)carry;
    carry >>= 8;
  }
  cql_slice trimmed = cqlv_varint_trim(cql_slice_of(out, len));
  memmove(out, trimmed.data, trimmed.len);
  b->len = start + trimmed.len;
}

cql_status cql_put_varint_digits(cql_buf *b, cql_arena *scratch, cql_slice digits) {
  bool negative = digits.len > 0 && digits.data[0] == '-';
  if (digits.len > 0 && (digits.data[0] == '-' || digits.data[0] == '+')) {
    digits.data++;
    digits.len--;
  }
  if (digits.len == 0) return CQL_INVALID;
  for (size_t i = 0; i < digits.len; i++)
    if (digits.data[i] < '0' || digits.data[i] > '9') return CQL_INVALID;
  while (digits.len > 1 && digits.data[0] == '0') {
    digits.data++;
    digits.len--;
  }
  if (digits.len / 5 * 2 > CQL_VARINT_LEN_MAX) return CQL_LIMIT; /* before any work: a byte is less than 2.5 digits */
  size_t count = 0, start = b->len;
  uint32_t *words = cql_arena_array(scratch, digits.len / CHUNK_DIGITS + 1, sizeof *words);
  if (words == NULL) return CQL_NOMEM;
  parse_words(words, &count, digits);
  put_words(b, words, count, negative);
  if (b->st == CQL_OK && b->len - start > CQL_VARINT_LEN_MAX) {
    b->len = start;
    return CQL_LIMIT;
  }
  return b->st;
}
