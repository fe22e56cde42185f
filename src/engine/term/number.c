/* number.c: numeric values as C numbers, and exact decimals as Java's BigDecimal makes them. */
#include "engine/term/number.h"

#include <string.h>

enum { SCALE_MAX = 100000 }; /* digits that a sum or product may have to be padded with */

bool cqle_is_integer(cql_type_code code) {
  switch (code) {
  case CQL_TYPE_TINYINT:
  case CQL_TYPE_SMALLINT:
  case CQL_TYPE_INT:
  case CQL_TYPE_BIGINT:
  case CQL_TYPE_COUNTER: return true;
  default: return false;
  }
}

bool cqle_is_numeric(cql_type_code code) {
  return cqle_is_integer(code) || code == CQL_TYPE_VARINT || code == CQL_TYPE_FLOAT || code == CQL_TYPE_DOUBLE ||
         code == CQL_TYPE_DECIMAL;
}

static size_t width_of(cql_type_code code) {
  switch (code) {
  case CQL_TYPE_TINYINT: return 1;
  case CQL_TYPE_SMALLINT: return 2;
  case CQL_TYPE_INT:
  case CQL_TYPE_FLOAT: return 4;
  default: return 8;
  }
}

bool cqle_load_integer(cql_type_code code, cql_slice bytes, int64_t *out) {
  if (bytes.data == NULL || bytes.len != width_of(code)) return false;
  switch (bytes.len) {
  case 1: *out = (int8_t)bytes.data[0]; break;
  case 2: *out = (int16_t)cql_load_u16(bytes.data); break;
  case 4: *out = (int32_t)cql_load_u32(bytes.data); break;
  default: *out = (int64_t)cql_load_u64(bytes.data); break;
  }
  return true;
}

bool cqle_load_float(cql_type_code code, cql_slice bytes, double *out) {
  if (bytes.data == NULL || bytes.len != width_of(code)) return false;
  if (bytes.len == 4) {
    float f;
    uint32_t bits = cql_load_u32(bytes.data);
    memcpy(&f, &bits, sizeof f);
    *out = f;
  } else {
    uint64_t bits = cql_load_u64(bytes.data);
    memcpy(out, &bits, sizeof *out);
  }
  return true;
}

static cql_status give(cqle_exec *x, const uint8_t *bytes, size_t len, cql_slice *out) {
  return cql_arena_slice(x->arena, cql_slice_of(bytes, len), out);
}

cql_status cqle_give_integer(cqle_exec *x, cql_type_code code, int64_t v, cql_slice *out) {
  uint8_t bytes[8];
  size_t width = width_of(code);
  cql_store_u64(bytes, (uint64_t)v);
  return give(x, bytes + 8 - width, width, out);
}

cql_status cqle_give_float(cqle_exec *x, cql_type_code code, double v, cql_slice *out) {
  uint8_t bytes[8];
  if (code == CQL_TYPE_FLOAT) {
    float f = (float)v;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    cql_store_u32(bytes, bits);
    return give(x, bytes, 4, out);
  }
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  cql_store_u64(bytes, bits);
  return give(x, bytes, 8, out);
}

/* --- decimals ----------------------------------------------------------------------------------------------------- */

cql_status cqle_decimal_load(cql_arena *a, cql_slice bytes, cqle_decimal *out) {
  if (bytes.data == NULL || bytes.len < 4) return CQL_MALFORMED;
  out->scale = (int32_t)cql_load_u32(bytes.data);
  return cqle_big_from_bytes(a, cql_slice_of(bytes.data + 4, bytes.len - 4), &out->unscaled);
}

cql_status cqle_decimal_give(cqle_exec *x, const cqle_decimal *d, cql_slice *out) {
  cql_slice unscaled;
  cql_status st = cqle_big_to_bytes(x->arena, &d->unscaled, &unscaled);
  if (st != CQL_OK) return st;
  uint8_t *bytes = cql_arena_get(x->arena, unscaled.len + 4);
  if (bytes == NULL) return CQL_NOMEM;
  cql_store_u32(bytes, (uint32_t)d->scale);
  memcpy(bytes + 4, unscaled.data, unscaled.len);
  *out = cql_slice_of(bytes, unscaled.len + 4);
  return CQL_OK;
}

static cql_status raise_scale(cql_arena *a, cqle_decimal *x, int32_t scale) {
  int64_t power = (int64_t)scale - x->scale;
  if (power <= 0) return CQL_OK;
  if (power > SCALE_MAX) return CQL_LIMIT;
  x->scale = scale;
  return cqle_big_scale(a, &x->unscaled, (uint32_t)power);
}

cql_status cqle_decimal_add(cql_arena *a, cqle_decimal *x, const cqle_decimal *y) {
  cqle_decimal other = *y;
  cql_status st = raise_scale(a, x, y->scale);
  if (st != CQL_OK) return st;
  if (other.scale < x->scale) {
    other.unscaled = (cqle_big){0};
    CQL_TRY(cqle_big_copy(a, &y->unscaled, &other.unscaled));
    CQL_TRY(raise_scale(a, &other, x->scale));
  }
  st = cqle_big_add(a, &x->unscaled, &other.unscaled);
done:
  return st;
}

/* quotient, rounded by what is left of the division by divisor. */
static cql_status round_quotient(cql_arena *a, cqle_big *quotient, const cqle_big *rest, const cqle_big *divisor,
                                 bool negative, cqle_rounding rounding) {
  cqle_big twice = {0}, one = {0};
  cql_status st = CQL_OK;
  if (rounding == CQLE_DOWN || cqle_big_is_zero(rest)) return CQL_OK;
  CQL_TRY(cqle_big_copy(a, rest, &twice));
  CQL_TRY(cqle_big_add(a, &twice, rest));
  int cmp = cqle_big_cmp_magnitude(&twice, divisor);
  bool odd = quotient->count > 0 && (quotient->limbs[0] & 1) != 0;
  if (cmp < 0 || (cmp == 0 && rounding == CQLE_HALF_EVEN && !odd)) return CQL_OK;
  CQL_TRY(cqle_big_from_int(a, negative ? -1 : 1, &one));
  CQL_TRY(cqle_big_add(a, quotient, &one));
done:
  return st;
}

cql_status cqle_decimal_divide(cql_arena *a, const cqle_decimal *x, const cqle_decimal *y, int32_t scale,
                               cqle_rounding rounding, cqle_decimal *out) {
  cql_status st = CQL_OK;
  cqle_big n = {0}, d = {0}, rest = {0};
  int64_t power = (int64_t)scale + y->scale - x->scale;
  CQL_CHECK(power <= SCALE_MAX && power >= -SCALE_MAX, CQL_LIMIT);
  CQL_TRY(cqle_big_copy(a, &x->unscaled, &n));
  CQL_TRY(cqle_big_copy(a, &y->unscaled, &d));
  CQL_TRY(power >= 0 ? cqle_big_scale(a, &n, (uint32_t)power) : cqle_big_scale(a, &d, (uint32_t)-power));
  memset(&out->unscaled, 0, sizeof out->unscaled);
  CQL_TRY(cqle_big_divide(a, &n, &d, &out->unscaled, &rest));
  CQL_TRY(round_quotient(a, &out->unscaled, &rest, &d, n.negative != d.negative, rounding));
  out->scale = scale;
done:
  return st;
}

cql_status cqle_decimal_set_scale(cql_arena *a, cqle_decimal *x, int32_t scale, cqle_rounding rounding) {
  cqle_decimal one = {0}, out = {0};
  if (scale >= x->scale) return raise_scale(a, x, scale);
  cql_status st = cqle_big_from_int(a, 1, &one.unscaled);
  if (st == CQL_OK) st = cqle_decimal_divide(a, x, &one, scale, rounding, &out);
  if (st == CQL_OK) *x = out;
  return st;
}

cql_status cqle_decimal_strip(cql_arena *a, cqle_decimal *x) {
  cql_status st = CQL_OK;
  cqle_big ten = {0};
  if (cqle_big_is_zero(&x->unscaled)) {
    x->scale = 0;
    return CQL_OK;
  }
  CQL_TRY(cqle_big_from_int(a, 10, &ten));
  for (;;) {
    cqle_big quotient = {0}, rest = {0};
    if ((x->unscaled.limbs[0] & 1) != 0) break;
    CQL_TRY(cqle_big_divide(a, &x->unscaled, &ten, &quotient, &rest));
    if (!cqle_big_is_zero(&rest)) break;
    x->unscaled = quotient;
    x->scale--;
  }
done:
  return st;
}

cql_status cqle_decimal_precision(cql_arena *a, const cqle_decimal *x, int32_t *out) {
  cqle_big power = {0};
  cql_status st = cqle_big_from_int(a, 1, &power);
  int32_t digits = 1;
  while (st == CQL_OK) {
    st = cqle_big_scale(a, &power, 1);
    if (cqle_big_cmp_magnitude(&power, &x->unscaled) > 0) break;
    digits++;
  }
  *out = digits;
  return st;
}

static cql_status from_text(cql_arena *a, cql_slice text, cqle_decimal *out) {
  cql_buf b;
  cql_buf_init(&b, a->alloc, 1 << 16);
  cql_status st = cql_put_decimal_text(&b, a, text);
  if (st == CQL_OK) st = b.st;
  if (st == CQL_OK) st = cqle_decimal_load(a, cql_buf_view(&b), out);
  cql_buf_free(&b);
  return st;
}

cql_status cqle_decimal_from(cql_arena *a, cql_type_code code, cql_slice bytes, cqle_decimal *out) {
  int64_t v;
  memset(out, 0, sizeof *out);
  if (code == CQL_TYPE_DECIMAL) return cqle_decimal_load(a, bytes, out);
  if (code == CQL_TYPE_VARINT) return cqle_big_from_bytes(a, bytes, &out->unscaled);
  if (cqle_is_integer(code))
    return cqle_load_integer(code, bytes, &v) ? cqle_big_from_int(a, v, &out->unscaled) : CQL_MALFORMED;
  cql_buf text;
  cql_buf_init(&text, a->alloc, 256);
  cql_value_print(&text, cql_type_native(code), bytes);
  cql_status st = text.st == CQL_OK ? from_text(a, cql_buf_view(&text), out) : text.st;
  cql_buf_free(&text);
  return st;
}
