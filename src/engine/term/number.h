/* number.h: numeric values as C numbers, and exact decimals. */
#ifndef CQLE_NUMBER_H
#define CQLE_NUMBER_H

#include "engine/engine_int.h"
#include "engine/term/bignum.h"

bool cqle_is_integer(cql_type_code code); /* tinyint to bigint, counter; not varint */
bool cqle_is_numeric(cql_type_code code); /* those, varint, float, double, decimal */
/* An integer type's value; empty bytes are no number: false. */
bool cqle_load_integer(cql_type_code code, cql_slice bytes, int64_t *out);
bool cqle_load_float(cql_type_code code, cql_slice bytes, double *out); /* float, double */
cql_status cqle_give_integer(cqle_exec *x, cql_type_code code, int64_t v,
                             cql_slice *out); /* wraps at the type's width */
cql_status cqle_give_float(cqle_exec *x, cql_type_code code, double v, cql_slice *out);

typedef struct cqle_decimal {
  int32_t scale;
  cqle_big unscaled;
} cqle_decimal;
cql_status cqle_decimal_load(cql_arena *a, cql_slice bytes, cqle_decimal *out);
cql_status cqle_decimal_give(cqle_exec *x, const cqle_decimal *d, cql_slice *out);
cql_status cqle_decimal_add(cql_arena *a, cqle_decimal *x,
                            const cqle_decimal *y); /* x += y; y's memory may be rescaled */
/* x / y with so many digits after the point. */
typedef enum cqle_rounding { CQLE_HALF_UP, CQLE_HALF_EVEN, CQLE_DOWN } cqle_rounding;
cql_status cqle_decimal_divide(cql_arena *a, const cqle_decimal *x, const cqle_decimal *y, int32_t scale,
                               cqle_rounding rounding, cqle_decimal *out);
cql_status cqle_decimal_set_scale(cql_arena *a, cqle_decimal *x, int32_t scale, cqle_rounding rounding);
cql_status cqle_decimal_strip(cql_arena *a, cqle_decimal *x);                         /* trailing zeros, as Java does */
cql_status cqle_decimal_precision(cql_arena *a, const cqle_decimal *x, int32_t *out); /* digits, at least 1 */
/* Any numeric value as a decimal, in Cassandra's way: floats by their shortest text. */
cql_status cqle_decimal_from(cql_arena *a, cql_type_code code, cql_slice bytes, cqle_decimal *out);

#endif
