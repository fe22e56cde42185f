/* bignum.c: whole numbers of any size: schoolbook methods over 32-bit limbs, and Knuth's division (TAOCP 4.3.1 D). */
#include "engine/term/bignum.h"

#include <string.h>

static cql_status reserve(cql_arena *a, cqle_big *x, uint32_t count) {
  if (count <= x->cap) return CQL_OK;
  if (count > CQLE_BIG_LIMBS_MAX) return CQL_LIMIT;
  uint32_t cap = x->cap * 2 > count ? x->cap * 2 : count + 4;
  uint32_t *limbs = cql_arena_array(a, cap, sizeof *limbs);
  if (limbs == NULL) return CQL_NOMEM;
  if (x->count > 0) memcpy(limbs, x->limbs, x->count * sizeof *limbs);
  x->limbs = limbs;
  x->cap = cap;
  return CQL_OK;
}

static void trim(cqle_big *x) {
  while (x->count > 0 && x->limbs[x->count - 1] == 0) x->count--;
  if (x->count == 0) x->negative = false;
}

bool cqle_big_is_zero(const cqle_big *x) {
  return x->count == 0;
}

/* --- bytes -------------------------------------------------------------------------------------------------------- */

static void negate_limbs(uint32_t *limbs, uint32_t count) {
  uint64_t carry = 1;
  for (uint32_t i = 0; i < count; i++) {
    carry += (uint32_t)~limbs[i];
    limbs[i] = (uint32_t)carry;
    carry >>= 32;
  }
}

cql_status cqle_big_from_bytes(cql_arena *a, cql_slice varint, cqle_big *out) {
  bool negative = varint.len > 0 && (varint.data[0] & 0x80) != 0;
  if (varint.len > (size_t)(CQLE_BIG_LIMBS_MAX - 1) * 4) return CQL_LIMIT;
  uint32_t count = (uint32_t)(varint.len + 3) / 4;
  out->count = 0;
  cql_status st = reserve(a, out, count + 1);
  if (st != CQL_OK) return st;
  for (uint32_t i = 0; i < count; i++) out->limbs[i] = negative ? UINT32_MAX : 0;
  for (size_t i = 0; i < varint.len; i++) {
    size_t from_end = varint.len - 1 - i, shift = from_end % 4 * 8;
    uint32_t *limb = &out->limbs[from_end / 4];
    *limb = (*limb & ~((uint32_t)0xFF << shift)) | (uint32_t)varint.data[i] << shift;
  }
  if (negative) negate_limbs(out->limbs, count);
  out->count = count;
  out->negative = negative;
  trim(out);
  return CQL_OK;
}

cql_status cqle_big_from_int(cql_arena *a, int64_t v, cqle_big *out) {
  uint8_t bytes[8];
  cql_store_u64(bytes, (uint64_t)v);
  return cqle_big_from_bytes(a, cql_slice_of(bytes, sizeof bytes), out);
}

cql_status cqle_big_to_bytes(cql_arena *a, const cqle_big *x, cql_slice *out) {
  size_t len = (size_t)x->count * 4 + 1;
  uint8_t *bytes = cql_arena_zero(a, len);
  if (bytes == NULL) return CQL_NOMEM;
  for (size_t i = 0; i + 1 < len; i++) bytes[len - 1 - i] = (uint8_t)(x->limbs[i / 4] >> (i % 4 * 8));
  for (size_t i = len, carry = 1; x->negative && i-- > 0;) {
    carry += (uint8_t)~bytes[i];
    bytes[i] = (uint8_t)carry;
    carry >>= 8;
  }
  size_t skip = 0;
  while (skip + 1 < len && bytes[skip] == (x->negative ? 0xFF : 0) && (bytes[skip + 1] >> 7) == x->negative) skip++;
  *out = cql_slice_of(bytes + skip, len - skip);
  return CQL_OK;
}

cql_status cqle_big_copy(cql_arena *a, const cqle_big *x, cqle_big *out) {
  out->count = 0;
  cql_status st = reserve(a, out, x->count);
  if (st != CQL_OK) return st;
  if (x->count > 0) memcpy(out->limbs, x->limbs, x->count * sizeof *x->limbs);
  out->count = x->count;
  out->negative = x->negative;
  return CQL_OK;
}

/* --- sums --------------------------------------------------------------------------------------------------------- */

int cqle_big_cmp_magnitude(const cqle_big *x, const cqle_big *y) {
  if (x->count != y->count) return x->count < y->count ? -1 : 1;
  for (uint32_t i = x->count; i-- > 0;)
    if (x->limbs[i] != y->limbs[i]) return x->limbs[i] < y->limbs[i] ? -1 : 1;
  return 0;
}

static void add_magnitude(cqle_big *x, const cqle_big *y) {
  uint64_t carry = 0;
  uint32_t count = x->count > y->count ? x->count : y->count;
  for (uint32_t i = 0; i < count; i++) {
    carry += (uint64_t)(i < x->count ? x->limbs[i] : 0) + (i < y->count ? y->limbs[i] : 0);
    x->limbs[i] = (uint32_t)carry;
    carry >>= 32;
  }
  if (carry != 0) x->limbs[count++] = (uint32_t)carry;
  x->count = count;
}

/* big - small into x, which may be either; both are read before they are written. */
static void subtract_magnitude(cqle_big *x, const cqle_big *big, const cqle_big *small) {
  uint64_t borrow = 0;
  uint32_t count = big->count, small_count = small->count;
  for (uint32_t i = 0; i < count; i++) {
    uint64_t d = (uint64_t)big->limbs[i] - (i < small_count ? small->limbs[i] : 0) - borrow;
    x->limbs[i] = (uint32_t)d;
    borrow = d >> 63;
  }
  x->count = count;
}

cql_status cqle_big_add(cql_arena *a, cqle_big *x, const cqle_big *y) {
  uint32_t most = x->count > y->count ? x->count : y->count;
  cql_status st = reserve(a, x, most + 1);
  if (st != CQL_OK) return st;
  if (x->count == 0) x->negative = y->negative;
  if (x->negative == y->negative)
    add_magnitude(x, y);
  else if (cqle_big_cmp_magnitude(x, y) >= 0)
    subtract_magnitude(x, x, y);
  else {
    subtract_magnitude(x, y, x);
    x->negative = y->negative;
  }
  trim(x);
  return CQL_OK;
}

/* --- products ----------------------------------------------------------------------------------------------------- */

cql_status cqle_big_mul(cql_arena *a, const cqle_big *x, const cqle_big *y, cqle_big *out) {
  out->count = 0;
  cql_status st = reserve(a, out, x->count + y->count + 1);
  if (st != CQL_OK) return st;
  memset(out->limbs, 0, ((size_t)x->count + y->count + 1) * sizeof *out->limbs);
  for (uint32_t i = 0; i < x->count; i++) {
    uint64_t carry = 0;
    for (uint32_t k = 0; k < y->count; k++) {
      carry += (uint64_t)x->limbs[i] * y->limbs[k] + out->limbs[i + k];
      out->limbs[i + k] = (uint32_t)carry;
      carry >>= 32;
    }
    out->limbs[i + y->count] = (uint32_t)carry;
  }
  out->count = x->count + y->count;
  out->negative = x->negative != y->negative;
  trim(out);
  return CQL_OK;
}

static cql_status mul_small(cql_arena *a, cqle_big *x, uint32_t factor) {
  uint64_t carry = 0;
  cql_status st = reserve(a, x, x->count + 1);
  if (st != CQL_OK) return st;
  for (uint32_t i = 0; i < x->count; i++) {
    carry += (uint64_t)x->limbs[i] * factor;
    x->limbs[i] = (uint32_t)carry;
    carry >>= 32;
  }
  if (carry != 0) x->limbs[x->count++] = (uint32_t)carry;
  return CQL_OK;
}

cql_status cqle_big_scale(cql_arena *a, cqle_big *x, uint32_t power) {
  cql_status st = CQL_OK;
  if (x->count == 0) return CQL_OK;
  for (; power >= 9 && st == CQL_OK; power -= 9) st = mul_small(a, x, 1000000000);
  for (; power > 0 && st == CQL_OK; power--) st = mul_small(a, x, 10);
  return st;
}

/* --- division ----------------------------------------------------------------------------------------------------- */

static uint32_t divide_small(const uint32_t *x, uint32_t count, uint32_t divisor, uint32_t *quotient) {
  uint64_t rest = 0;
  for (uint32_t i = count; i-- > 0;) {
    rest = rest << 32 | x[i];
    quotient[i] = (uint32_t)(rest / divisor);
    rest %= divisor;
  }
  return (uint32_t)rest;
}

void cqle_big_divide_small(cqle_big *x, uint32_t divisor, uint32_t *rest) {
  *rest = divide_small(x->limbs, x->count, divisor, x->limbs);
  bool negative = x->negative;
  trim(x);
  if (x->count > 0) x->negative = negative;
}

static void shift_left(const uint32_t *x, uint32_t count, unsigned shift, uint32_t *out) {
  uint32_t carry = 0;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t limb = x[i];
    out[i] = shift == 0 ? limb : limb << shift | carry;
    carry = shift == 0 ? 0 : limb >> (32 - shift);
  }
  out[count] = carry;
}

/* One digit of the quotient: u (n + 1 limbs from u[0]) less digit times v (n limbs). */
static uint32_t divide_step(uint32_t *u, const uint32_t *v, uint32_t n) {
  uint64_t top = (uint64_t)u[n] << 32 | u[n - 1], digit = top / v[n - 1], rest = top % v[n - 1];
  while (digit > UINT32_MAX || digit * v[n - 2] > (rest << 32 | u[n - 2])) {
    digit--;
    rest += v[n - 1];
    if (rest > UINT32_MAX) break;
  }
  uint64_t carry = 0, borrow = 0;
  for (uint32_t i = 0; i < n; i++) {
    carry += digit * v[i];
    uint64_t d = (uint64_t)u[i] - (uint32_t)carry - borrow;
    u[i] = (uint32_t)d;
    borrow = d >> 63;
    carry >>= 32;
  }
  uint64_t d = (uint64_t)u[n] - carry - borrow;
  u[n] = (uint32_t)d;
  if ((d >> 63) == 0) return (uint32_t)digit;
  carry = 0; /* one too many */
  for (uint32_t i = 0; i < n; i++) {
    carry += (uint64_t)u[i] + v[i];
    u[i] = (uint32_t)carry;
    carry >>= 32;
  }
  u[n] += (uint32_t)carry;
  return (uint32_t)digit - 1;
}

static cql_status divide_long(cql_arena *a, const cqle_big *x, const cqle_big *y, cqle_big *quotient, cqle_big *rest) {
  uint32_t n = y->count, m = x->count - n;
  unsigned shift = (unsigned)__builtin_clz(y->limbs[n - 1]);
  uint32_t *u = cql_arena_array(a, (size_t)x->count + 2, sizeof *u), *v = cql_arena_array(a, (size_t)n + 1, sizeof *v);
  if (u == NULL || v == NULL) return CQL_NOMEM;
  shift_left(x->limbs, x->count, shift, u);
  shift_left(y->limbs, n, shift, v);
  for (uint32_t k = m + 1; k-- > 0;) quotient->limbs[k] = divide_step(u + k, v, n);
  for (uint32_t i = 0; i < n; i++) rest->limbs[i] = shift == 0 ? u[i] : u[i] >> shift | u[i + 1] << (32 - shift);
  quotient->count = m + 1;
  rest->count = n;
  return CQL_OK;
}

cql_status cqle_big_divide(cql_arena *a, const cqle_big *x, const cqle_big *y, cqle_big *quotient, cqle_big *rest) {
  cql_status st = CQL_OK;
  quotient->count = rest->count = 0;
  if (cqle_big_cmp_magnitude(x, y) < 0) return cqle_big_copy(a, x, rest);
  CQL_TRY(reserve(a, quotient, x->count + 1));
  CQL_TRY(reserve(a, rest, y->count + 1));
  if (y->count == 1) {
    rest->limbs[0] = divide_small(x->limbs, x->count, y->limbs[0], quotient->limbs);
    quotient->count = x->count;
    rest->count = 1;
  } else
    CQL_TRY(divide_long(a, x, y, quotient, rest));
  quotient->negative = x->negative != y->negative;
  rest->negative = x->negative;
  trim(quotient);
  trim(rest);
done:
  return st;
}
