/* decimal.c: scale and unscaled varint. 1.0 and 1.00 are equal in order and different in bytes. */
#include "value/value_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool cqlv_decimal_split(cql_slice bytes, cqlv_decimal *out) {
  if (bytes.len < 5) return false;
  out->scale = (int32_t)cql_load_u32(bytes.data);
  out->unscaled = cqlv_varint_trim(cql_slice_of(bytes.data + 4, bytes.len - 4));
  return true;
}

/* --- order -------------------------------------------------------------------------------------------------------- */

static int sign_of(cql_slice v) {
  if (cqlv_varint_is_negative(v)) return -1;
  return v.len == 1 && v.data[0] == 0 ? 0 : 1;
}

/* |v| as little-endian words. count is at least v.len / 4 + 1. */
static size_t load_words(uint32_t *words, cql_slice v) {
  size_t count = v.len / 4 + 1;
  bool negative = cqlv_varint_is_negative(v);
  uint64_t carry = negative ? 1 : 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t word = 0;
    for (size_t k = 0; k < 4; k++) {
      size_t back = i * 4 + k;
      uint8_t byte = back < v.len ? v.data[v.len - 1 - back] : negative ? 0xFF : 0;
      word |= (uint32_t)byte << (8 * k);
    }
    carry += negative ? ~word : word;
    words[i] = (uint32_t)carry;
    carry >>= 32;
  }
  while (count > 0 && words[count - 1] == 0) count--;
  return count;
}

/* log10 |v| lies in [low, low + log10 2). */
static double log10_low(cql_slice v) {
  uint8_t top = v.data[0];
  size_t bits = v.len * 8;
  if (cqlv_varint_is_negative(v)) top = (uint8_t)~top;
  for (uint8_t probe = 0x80; probe != 0 && (top & probe) == 0; probe >>= 1) bits--;
  return ((double)bits - 1) * 0.30102999566398120;
}

enum { WORDS_MAX = CQL_VARINT_LEN_MAX / 4 + 4 };

/* Compares |x| * 10^power with |y|. The caller knows that both are of nearly the same size, so the product fits beside
 * y. Its own function, never inlined: the words take stack that the common path must not pay for. */
__attribute__((noinline)) static int cmp_scaled(cql_slice x, int64_t power, cql_slice y) {
  uint32_t words[WORDS_MAX];
  size_t count = load_words(words, x);
  for (; power > 0; power -= power < 9 ? power : 9) {
    uint32_t factor = 1;
    for (int64_t i = 0; i < 9 && i < power; i++) factor *= 10;
    uint64_t carry = 0;
    for (size_t i = 0; i < count; i++) {
      carry += (uint64_t)words[i] * factor;
      words[i] = (uint32_t)carry;
      carry >>= 32;
    }
    if (carry == 0) continue;
    if (count == WORDS_MAX) return 1;
    words[count++] = (uint32_t)carry;
  }
  bool negative = cqlv_varint_is_negative(y);
  size_t y_count = y.len / 4 + 1;
  /* y's words from the top; the carry of a two's complement reaches only as far as the low words are all zero. */
  size_t zeros = 0;
  while (zeros < y.len && y.data[y.len - 1 - zeros] == 0) zeros++;
  for (size_t i = count > y_count ? count : y_count; i-- > 0;) {
    uint32_t a = i < count ? words[i] : 0, b = 0;
    for (size_t k = 4; k-- > 0;) {
      size_t back = i * 4 + k;
      uint8_t byte = back < y.len ? y.data[y.len - 1 - back] : negative ? 0xFF : 0;
      if (negative) byte = (uint8_t)(back > zeros ? ~byte : back == zeros ? 0 - byte : 0);
      b = b << 8 | byte;
    }
    if (a != b) return a < b ? -1 : 1;
  }
  return 0;
}

static int cmp_magnitude(const cqlv_decimal *x, const cqlv_decimal *y) {
  static const double LOG10_2 = 0.30103, SLACK = 1e-6;
  double low_x = log10_low(x->unscaled) - x->scale, low_y = log10_low(y->unscaled) - y->scale;
  if (low_x > low_y + LOG10_2 + SLACK) return 1;
  if (low_y > low_x + LOG10_2 + SLACK) return -1;
  if (x->unscaled.len > CQL_VARINT_LEN_MAX || y->unscaled.len > CQL_VARINT_LEN_MAX)
    return low_x < low_y ? -1 : 1; /* not valid values: any fixed answer will do */
  int64_t power = (int64_t)y->scale - x->scale;
  if (power >= 0) return cmp_scaled(x->unscaled, power, y->unscaled);
  return -cmp_scaled(y->unscaled, -power, x->unscaled);
}

static bool as_int64(cql_slice v, int64_t *out) {
  if (v.len > 7) return false;
  uint64_t bits = cqlv_varint_is_negative(v) ? UINT64_MAX : 0;
  for (size_t i = 0; i < v.len; i++) bits = bits << 8 | v.data[i];
  *out = (int64_t)bits;
  return true;
}

__extension__ typedef __int128 int128;

/* Both small, as prices and measures are: 56 bits by at most 10^18 fit in 128. */
static bool cmp_small(const cqlv_decimal *x, const cqlv_decimal *y, int *out) {
  int64_t a, b, power = (int64_t)y->scale - x->scale;
  if (power > 18 || power < -18 || !as_int64(x->unscaled, &a) || !as_int64(y->unscaled, &b)) return false;
  int128 p = a, q = b;
  for (; power > 0; power--) p *= 10;
  for (; power < 0; power++) q *= 10;
  *out = (p > q) - (p < q);
  return true;
}

int cqlv_decimal_cmp(cql_slice x, cql_slice y) {
  cqlv_decimal a, b;
  bool has_a = cqlv_decimal_split(x, &a), has_b = cqlv_decimal_split(y, &b);
  int out;
  if (!has_a || !has_b) return has_a - has_b;
  if (a.scale == b.scale) return cqlv_varint_cmp(a.unscaled, b.unscaled);
  int sign = sign_of(a.unscaled), other = sign_of(b.unscaled);
  if (sign != other) return sign < other ? -1 : 1;
  if (sign == 0) return 0;
  if (cmp_small(&a, &b, &out)) return out;
  return sign * cmp_magnitude(&a, &b);
}

/* --- text --------------------------------------------------------------------------------------------------------- */

static size_t count_digits(cql_slice text, size_t from) {
  size_t i = from;
  while (i < text.len && text.data[i] >= '0' && text.data[i] <= '9') i++;
  return i - from;
}

static bool parse_exponent(cql_slice text, size_t at, int64_t *out) {
  *out = 0;
  if (at == text.len) return true;
  if (text.data[at] != 'e' && text.data[at] != 'E') return false;
  cql_slice rest = cql_slice_of(text.data + at + 1, text.len - at - 1);
  return cqlv_int64_parse(rest, out) && *out >= INT32_MIN && *out <= INT32_MAX;
}

cql_status cql_put_decimal_text(cql_buf *b, cql_arena *scratch, cql_slice text) {
  size_t sign = text.len > 0 && (text.data[0] == '-' || text.data[0] == '+') ? 1 : 0;
  size_t whole = count_digits(text, sign), at = sign + whole, fraction = 0;
  int64_t exponent;
  if (at < text.len && text.data[at] == '.') {
    fraction = count_digits(text, ++at);
    at += fraction;
  }
  if (whole + fraction == 0 || !parse_exponent(text, at, &exponent)) return CQL_INVALID;
  int64_t scale = (int64_t)fraction - exponent;
  if (scale < INT32_MIN || scale > INT32_MAX) return CQL_INVALID;
  uint8_t *digits = cql_arena_get(scratch, sign + whole + fraction);
  if (digits == NULL) return CQL_NOMEM;
  memcpy(digits, text.data, sign + whole);
  if (fraction > 0) memcpy(digits + sign + whole, text.data + sign + whole + 1, fraction);
  size_t start = b->len;
  cql_buf_u32(b, (uint32_t)scale);
  cql_status st = cql_put_varint_digits(b, scratch, cql_slice_of(digits, sign + whole + fraction));
  if (st != CQL_OK) b->len = start;
  return st;
}

/* Makes room for n bytes at offset at, moving what is behind. */
static uint8_t *insert_room(cql_buf *b, size_t at, size_t n) {
  size_t tail = b->len - at;
  if (cql_buf_room(b, n) == NULL) return NULL;
  memmove(b->data + at + n, b->data + at, tail);
  return b->data + at;
}

void cql_print_decimal(cql_buf *b, cql_slice bytes) {
  cqlv_decimal d;
  if (!cqlv_decimal_split(bytes, &d)) return;
  if (cqlv_varint_is_negative(d.unscaled)) cql_buf_u8(b, '-');
  size_t start = b->len;
  size_t n = cqlv_varint_digits(b, d.unscaled);
  if (n == 0) return;
  int64_t scale = d.scale, adjusted = (int64_t)n - 1 - scale;
  if (scale == 0) return;
  if (scale > 0 && adjusted >= -6) {
    size_t zeros = adjusted < 0 ? (size_t)-adjusted : 0; /* in front, the one before the point included */
    uint8_t *room = zeros == 0 ? NULL : insert_room(b, start, zeros);
    if (room != NULL) memset(room, '0', zeros);
    uint8_t *point = insert_room(b, b->len - (size_t)scale, 1);
    if (point != NULL) *point = '.';
    return;
  }
  if (n > 1) {
    uint8_t *point = insert_room(b, start + 1, 1);
    if (point != NULL) *point = '.';
  }
  if (adjusted != 0) cql_buf_printf(b, "E%+lld", (long long)adjusted);
}

/* --- as a double -------------------------------------------------------------------------------------------------- */

enum { DIGITS_ENOUGH = 60 }; /* of a decimal, to find the double that is nearest to it */

/* Both numbers are doubles, so that one division gives the nearest one. */
static bool small_to_double(cql_slice bytes, double *out) {
  static const double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  if (bytes.len < 5 || bytes.len > 4 + 6) return false;
  uint32_t scale = cql_load_u32(bytes.data);
  if (scale >= sizeof POWERS / sizeof *POWERS) return false;
  uint64_t n = bytes.data[4] & 0x80 ? UINT64_MAX : 0; /* of 48 bits */
  for (size_t i = 4; i < bytes.len; i++) n = n << 8 | bytes.data[i];
  *out = (double)(int64_t)n / POWERS[scale];
  return true;
}

bool cql_decimal_to_double(cql_buf *scratch, cql_slice bytes, double *out) {
  if (small_to_double(bytes, out)) return true;
  cql_buf_reset(scratch);
  cql_print_decimal(scratch, bytes);
  cql_buf_u8(scratch, 0);
  if (scratch->st != CQL_OK) return false;
  const char *text = (const char *)scratch->data, *end = text + strcspn(text, "E"),
             *dot = memchr(text, '.', (size_t)(end - text));
  size_t len = (size_t)(end - text), whole = dot == NULL ? len : (size_t)(dot - text);
  size_t kept = len < DIGITS_ENOUGH ? len : DIGITS_ENOUGH;
  long exponent = *end == 'E' ? strtol(end + 1, NULL, 10) : 0;
  char copy[DIGITS_ENOUGH + 32];
  memcpy(copy, text, kept);
  if (whole > kept) exponent += (long)(whole - kept);
  int more = snprintf(copy + kept, sizeof copy - kept, "E%ld", exponent);
  return cqlv_double_parse(cql_slice_of(copy, kept + (size_t)more), out);
}
