/* bignum.h: whole numbers of any size, for varint and decimal arithmetic. */
#ifndef CQLE_BIGNUM_H
#define CQLE_BIGNUM_H

#include "base/base.h"

enum { CQLE_BIG_LIMBS_MAX = 1 << 15 }; /* 128 KiB of magnitude: twice the longest varint */

/* Sign and magnitude, limbs from the lowest. Zeroed memory is zero. Limbs live in an arena and grow in place where they
 * can, so that a sum over many rows takes no memory per row. */
typedef struct cqle_big {
  bool negative;
  uint32_t count, cap; /* no leading zero limbs */
  uint32_t *limbs;
} cqle_big;

/* All: CQL_NOMEM, CQL_LIMIT. */
cql_status cqle_big_from_bytes(cql_arena *a, cql_slice varint, cqle_big *out); /* empty: zero */
cql_status cqle_big_from_int(cql_arena *a, int64_t v, cqle_big *out);
cql_status cqle_big_to_bytes(cql_arena *a, const cqle_big *x, cql_slice *out); /* shortest two's complement */
cql_status cqle_big_copy(cql_arena *a, const cqle_big *x, cqle_big *out);
cql_status cqle_big_add(cql_arena *a, cqle_big *x, const cqle_big *y); /* x += y */
cql_status cqle_big_mul(cql_arena *a, const cqle_big *x, const cqle_big *y, cqle_big *out);
cql_status cqle_big_scale(cql_arena *a, cqle_big *x, uint32_t power); /* x *= 10^power */
/* Towards zero; the remainder has the sign of x. y is not zero. */
cql_status cqle_big_divide(cql_arena *a, const cqle_big *x, const cqle_big *y, cqle_big *quotient, cqle_big *rest);
void cqle_big_divide_small(cqle_big *x, uint32_t divisor, uint32_t *rest); /* in place; rest: its magnitude */
int cqle_big_cmp_magnitude(const cqle_big *x, const cqle_big *y);
bool cqle_big_is_zero(const cqle_big *x);

#endif
