/* random_value.h: seeded random types and valid values of them, for the property tests. */
#ifndef CQL_TEST_RANDOM_VALUE_H
#define CQL_TEST_RANDOM_VALUE_H

#include "value/value.h"

typedef struct rng {
  uint64_t state; /* never 0 */
} rng;

uint64_t rng_next(rng *r);
uint32_t rng_below(rng *r, uint32_t n); /* 0 … n - 1 */

/* A type of at most depth levels; comparable: no duration in it. Everything nested is frozen. */
const cql_type *random_type(rng *r, cql_arena *a, int depth, bool comparable);
/* Appends the bytes of a valid value. Few distinct parts, so that equal prefixes and equal values are common. */
void random_value(rng *r, cql_buf *b, const cql_type *type);

#endif
