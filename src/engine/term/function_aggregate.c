/* function_aggregate.c: count, min, max, sum, avg. Cassandra: cql3/functions/AggregateFcts.java. sum keeps the type of
 * its input and wraps at its width; avg of whole numbers drops the fraction; nulls are passed over; without any input
 * sum and avg are 0.
 */
#include "engine/term/function_int.h"

#include <math.h>
#include <string.h>

#include "engine/term/number.h"

/* --- count, min, max: any type ------------------------------------------------------------------------------------ */

static cql_status count_step(cqle_exec *x, const cqle_function *f, void *state, const cql_slice *args) {
  (void)x;
  (void)f;
  if (args[0].data != NULL) ++*(uint64_t *)state;
  return CQL_OK;
}

static cql_status count_finish(cqle_exec *x, const cqle_function *f, void *state, cql_slice *out) {
  (void)f;
  return cqle_give_bigint(x, (int64_t) * (uint64_t *)state, out);
}

typedef struct extreme {
  bool set;
  uint8_t *data; /* grows, so that many rows take the memory of the longest value */
  size_t len, cap;
} extreme;

static cql_status take(cqle_exec *x, extreme *e, cql_slice value) {
  if (value.len > e->cap || e->data == NULL) {
    size_t cap = value.len * 2 + 16;
    e->data = cql_arena_get(x->arena, cap);
    if (e->data == NULL) return CQL_NOMEM;
    e->cap = cap;
  }
  if (value.len > 0) memcpy(e->data, value.data, value.len);
  e->len = value.len;
  e->set = true;
  return CQL_OK;
}

static cql_status max_step(cqle_exec *x, const cqle_function *f, void *state, const cql_slice *args) {
  extreme *e = state;
  if (args[0].data == NULL) return CQL_OK;
  if (e->set && cql_value_cmp(f->args[0], args[0], cql_slice_of(e->data, e->len)) <= 0) return CQL_OK;
  return take(x, e, args[0]);
}

static cql_status min_step(cqle_exec *x, const cqle_function *f, void *state, const cql_slice *args) {
  extreme *e = state;
  if (args[0].data == NULL) return CQL_OK;
  if (e->set && cql_value_cmp(f->args[0], args[0], cql_slice_of(e->data, e->len)) >= 0) return CQL_OK;
  return take(x, e, args[0]);
}

static cql_status extreme_finish(cqle_exec *x, const cqle_function *f, void *state, cql_slice *out) {
  const extreme *e = state;
  (void)x;
  (void)f;
  *out = e->set ? cql_slice_of(e->data, e->len) : (cql_slice){NULL, 0};
  return CQL_OK;
}

cql_status cqle_resolve_any_aggregate(const cqle_lookup *l, const cqle_function **out) {
  bool count = strcmp(l->name, "count") == 0, min = strcmp(l->name, "min") == 0;
  if (!count && !min && strcmp(l->name, "max") != 0) return CQL_DONE;
  if (l->count != 1)
    return cql_fail(l->err, CQL_INVALID, "Invalid number of arguments for function system.%s(any)", l->name);
  const cql_type *type = l->args[0];
  if (type == NULL && count) type = cql_type_native(CQL_TYPE_BLOB);
  if (type == NULL)
    return cql_fail(
        l->err, CQL_INVALID,
        "Cannot infer type of argument %s in call to function system.%s(any): use type casts to disambiguate",
        cqle_argument_text(l, 0), l->name);
  cqle_function *f = cqle_function_new(l->a, l->name, 1, &type, count ? cql_type_native(CQL_TYPE_BIGINT) : type);
  if (f == NULL) return CQL_NOMEM;
  f->is_aggregate = true;
  f->state_len = count ? sizeof(uint64_t) : sizeof(extreme);
  f->step = count ? count_step : min ? min_step : max_step;
  f->finish = count ? count_finish : extreme_finish;
  *out = f;
  return CQL_OK;
}

/* --- whole numbers ------------------------------------------------------------------------------------------------ */

__extension__ typedef __int128 wide;

typedef struct whole {
  wide sum;
  uint64_t count;
} whole;

static cql_status whole_step(cqle_exec *x, const cqle_function *f, void *state, const cql_slice *args) {
  whole *w = state;
  int64_t v;
  (void)x;
  if (!cqle_load_integer(f->args[0]->code, args[0], &v)) return CQL_OK;
  w->sum += v;
  w->count++;
  return CQL_OK;
}

static cql_status whole_sum(cqle_exec *x, const cqle_function *f, void *state, cql_slice *out) {
  const whole *w = state;
  return cqle_give_integer(x, f->result->code, (int64_t)(uint64_t)w->sum, out);
}

static cql_status whole_avg(cqle_exec *x, const cqle_function *f, void *state, cql_slice *out) {
  const whole *w = state;
  int64_t avg = w->count == 0 ? 0 : (int64_t)(w->sum / (wide)w->count);
  return cqle_give_integer(x, f->result->code, avg, out);
}

/* --- floats: summed with compensation, as Java's DoubleSummaryStatistics ------------------------------------------ */

typedef struct floating {
  double sum, compensation, simple;
  uint64_t count;
} floating;

static cql_status float_step(cqle_exec *x, const cqle_function *f, void *state, const cql_slice *args) {
  floating *s = state;
  double v;
  (void)x;
  if (!cqle_load_float(f->args[0]->code, args[0], &v)) return CQL_OK;
  double part = v - s->compensation, rounded = s->sum + part;
  s->compensation = (rounded - s->sum) - part;
  s->sum = rounded;
  s->simple += v;
  s->count++;
  return CQL_OK;
}

static double float_total(const floating *s) {
  double total = s->sum + s->compensation;
  return isnan(total) && isinf(s->simple) ? s->simple : total;
}

static cql_status float_sum(cqle_exec *x, const cqle_function *f, void *state, cql_slice *out) {
  return cqle_give_float(x, f->result->code, float_total(state), out);
}

static cql_status float_avg(cqle_exec *x, const cqle_function *f, void *state, cql_slice *out) {
  const floating *s = state;
  return cqle_give_float(x, f->result->code, s->count == 0 ? 0 : float_total(s) / (double)s->count, out);
}

/* --- varint, decimal: exact --------------------------------------------------------------------------------------- */

typedef struct exact {
  cqle_decimal sum, value, other; /* sum: an average of decimals as it grows. value, other: scratch */
  uint64_t count;
} exact;

static cql_status exact_step(cqle_exec *x, const cqle_function *f, void *state, const cql_slice *args) {
  exact *e = state;
  cql_status st;
  if (args[0].data == NULL || args[0].len == 0) return CQL_OK;
  if (f->args[0]->code == CQL_TYPE_VARINT)
    st = cqle_big_from_bytes(x->arena, args[0], &e->value.unscaled);
  else
    st = cqle_decimal_load(x->arena, args[0], &e->value);
  if (st == CQL_OK) st = cqle_decimal_add(x->arena, &e->sum, &e->value);
  e->count++;
  return st;
}

static cql_status exact_give(cqle_exec *x, const cqle_function *f, const cqle_decimal *d, cql_slice *out) {
  if (f->result->code == CQL_TYPE_VARINT) return cqle_big_to_bytes(x->arena, &d->unscaled, out);
  return cqle_decimal_give(x, d, out);
}

static cql_status exact_sum(cqle_exec *x, const cqle_function *f, void *state, cql_slice *out) {
  return exact_give(x, f, &((exact *)state)->sum, out);
}

/* avg += (value - avg) / count, each step rounded half to even at the scale that it has: Cassandra's way, which differs
 * from dividing the sum. */
static cql_status running_avg_step(cqle_exec *x, const cqle_function *f, void *state, const cql_slice *args) {
  exact *e = state;
  cql_status st = CQL_OK;
  cqle_big one = {0};
  uint32_t rest;
  (void)f;
  if (args[0].data == NULL || args[0].len == 0) return CQL_OK;
  CQL_TRY(cqle_decimal_load(x->arena, args[0], &e->value));
  CQL_CHECK(++e->count <= UINT32_MAX, CQL_LIMIT);
  CQL_TRY(cqle_big_copy(x->arena, &e->sum.unscaled, &e->other.unscaled));
  e->other.scale = e->sum.scale;
  e->other.unscaled.negative = !e->sum.unscaled.negative && !cqle_big_is_zero(&e->sum.unscaled);
  CQL_TRY(cqle_decimal_add(x->arena, &e->value, &e->other));
  bool negative = e->value.unscaled.negative;
  cqle_big_divide_small(&e->value.unscaled, (uint32_t)e->count, &rest);
  bool odd = !cqle_big_is_zero(&e->value.unscaled) && (e->value.unscaled.limbs[0] & 1) != 0;
  if ((uint64_t)rest * 2 > e->count || ((uint64_t)rest * 2 == e->count && odd)) {
    uint32_t limb = 1;
    one = (cqle_big){negative, 1, 1, &limb};
    CQL_TRY(cqle_big_add(x->arena, &e->value.unscaled, &one));
  }
  st = cqle_decimal_add(x->arena, &e->sum, &e->value);
done:
  return st;
}

static cql_status exact_avg(cqle_exec *x, const cqle_function *f, void *state, cql_slice *out) {
  exact *e = state;
  cqle_decimal count = {0}, avg = {0};
  if (e->count == 0) return exact_give(x, f, &avg, out);
  cql_status st = cqle_big_from_int(x->arena, (int64_t)e->count, &count.unscaled);
  if (st == CQL_OK) st = cqle_decimal_divide(x->arena, &e->sum, &count, 0, CQLE_DOWN, &avg);
  return st == CQL_OK ? exact_give(x, f, &avg, out) : st;
}

#define AGGREGATE(name, type, state, step, finish)                                                                     \
  { name, 1, {CQL_TYPE_##type}, CQL_TYPE_##type, NULL, sizeof(state), step, finish, false, true }
#define BOTH(type, state, step, sum, avg)                                                                              \
  AGGREGATE("sum", type, state, step, sum), AGGREGATE("avg", type, state, step, avg)

const cqle_entry cqle_aggregate_entries[] = {BOTH(TINYINT, whole, whole_step, whole_sum, whole_avg),
                                             BOTH(SMALLINT, whole, whole_step, whole_sum, whole_avg),
                                             BOTH(INT, whole, whole_step, whole_sum, whole_avg),
                                             BOTH(BIGINT, whole, whole_step, whole_sum, whole_avg),
                                             BOTH(COUNTER, whole, whole_step, whole_sum, whole_avg),
                                             BOTH(FLOAT, floating, float_step, float_sum, float_avg),
                                             BOTH(DOUBLE, floating, float_step, float_sum, float_avg),
                                             BOTH(VARINT, exact, exact_step, exact_sum, exact_avg),
                                             AGGREGATE("sum", DECIMAL, exact, exact_step, exact_sum),
                                             AGGREGATE("avg", DECIMAL, exact, running_avg_step, exact_sum),
                                             {.name = NULL}};
