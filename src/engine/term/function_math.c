/* function_math.c: abs, exp, log, log10, round. Cassandra: cql3/functions/MathFcts.java, db/marshal/NumberType.java.
 * The result has the type of the argument: a whole number's logarithm loses its fraction. Logarithms and powers of
 * varint and decimal would need 32 exact digits: refused.
 */
#include "engine/term/function_int.h"

#include <math.h>

#include "engine/term/number.h"

static cql_status give_null(cql_slice *out) {
  *out = (cql_slice){NULL, 0};
  return CQL_OK;
}

/* Java's narrowing of a double: cut to the range, NaN is 0. */
static int64_t to_whole(double v, int64_t least, int64_t most) {
  if (isnan(v)) return 0;
  if (v <= (double)least) return least;
  if (v >= (double)most) return most;
  return (int64_t)v;
}

static cql_status apply(cqle_exec *x, const cqle_function *f, const cql_slice *args, double (*fn)(double),
                        cql_slice *out) {
  cql_type_code code = f->args[0]->code;
  int64_t i;
  double v;
  if (cqle_is_integer(code)) {
    if (!cqle_load_integer(code, args[0], &i)) return give_null(out);
    bool is_long = code == CQL_TYPE_BIGINT || code == CQL_TYPE_COUNTER;
    v = fn((double)i);
    return cqle_give_integer(x, code, is_long ? to_whole(v, INT64_MIN, INT64_MAX) : to_whole(v, INT32_MIN, INT32_MAX),
                             out);
  }
  if (!cqle_load_float(code, args[0], &v)) return give_null(out);
  return cqle_give_float(x, code, fn(v), out);
}

static cql_status exp_call(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  return apply(x, f, args, exp, out);
}

static cql_status log_call(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  return apply(x, f, args, log, out);
}

static cql_status log10_call(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  return apply(x, f, args, log10, out);
}

static cql_status refuse_call(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  (void)args;
  (void)out;
  return cql_fail(x->err, CQL_INVALID, "Function system.%s of type %s is not supported by the embedded engine", f->name,
                  cqle_type_text(x->arena, f->args[0]));
}

static cql_status abs_call(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  cql_type_code code = f->args[0]->code;
  int64_t i;
  double v;
  if (cqle_is_integer(code)) {
    if (!cqle_load_integer(code, args[0], &i)) return give_null(out);
    return cqle_give_integer(x, code, i < 0 ? (int64_t)(0 - (uint64_t)i) : i, out);
  }
  if (!cqle_load_float(code, args[0], &v)) return give_null(out);
  return cqle_give_float(x, code, fabs(v), out);
}

static cql_status abs_exact(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  cqle_decimal d;
  if (args[0].len == 0) return give_null(out);
  cql_status st = cqle_decimal_from(x->arena, f->args[0]->code, args[0], &d);
  if (st != CQL_OK) return st;
  d.unscaled.negative = false;
  if (f->result->code == CQL_TYPE_VARINT) return cqle_big_to_bytes(x->arena, &d.unscaled, out);
  return cqle_decimal_give(x, &d, out);
}

/* Math.round(): the floor of v + 1/2, within a long, or an int for a float. */
static cql_status round_float(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  cql_type_code code = f->args[0]->code;
  double v;
  if (!cqle_load_float(code, args[0], &v)) return give_null(out);
  bool single = code == CQL_TYPE_FLOAT;
  double whole = floor(v), rounded = v - whole >= 0.5 ? whole + 1 : whole;
  int64_t i = to_whole(rounded, single ? INT32_MIN : INT64_MIN, single ? INT32_MAX : INT64_MAX);
  return cqle_give_float(x, code, single ? (double)(float)i : (double)i, out);
}

static cql_status round_decimal(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  cqle_decimal d = {0};
  (void)f;
  if (args[0].len == 0) return give_null(out);
  cql_status st = cqle_decimal_load(x->arena, args[0], &d);
  if (st == CQL_OK) st = cqle_decimal_set_scale(x->arena, &d, 0, CQLE_HALF_UP);
  return st == CQL_OK ? cqle_decimal_give(x, &d, out) : st;
}

static cql_status same_call(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  (void)x;
  (void)f;
  *out = args[0];
  return CQL_OK;
}

#define MATH(name, type, call)                                                                                         \
  { name, 1, {CQL_TYPE_##type}, CQL_TYPE_##type, call, 0, NULL, NULL, false, false }
#define WHOLE(type)                                                                                                    \
  MATH("abs", type, abs_call), MATH("exp", type, exp_call), MATH("log", type, log_call),                               \
      MATH("log10", type, log10_call), MATH("round", type, same_call)
#define FLOATING(type)                                                                                                 \
  MATH("abs", type, abs_call), MATH("exp", type, exp_call), MATH("log", type, log_call),                               \
      MATH("log10", type, log10_call), MATH("round", type, round_float)
#define EXACT(type, round)                                                                                             \
  MATH("abs", type, abs_exact), MATH("exp", type, refuse_call), MATH("log", type, refuse_call),                        \
      MATH("log10", type, refuse_call), MATH("round", type, round)

const cqle_entry cqle_math_entries[] = {WHOLE(TINYINT),   WHOLE(SMALLINT),          WHOLE(INT),
                                        WHOLE(BIGINT),    WHOLE(COUNTER),           FLOATING(FLOAT),
                                        FLOATING(DOUBLE), EXACT(VARINT, same_call), EXACT(DECIMAL, round_decimal),
                                        {.name = NULL}};
