/* function_operator.c: + - * / % and the minus sign. Cassandra: cql3/functions/OperationFcts.java,
 * db/marshal/NumberType.java. Whole numbers wrap at the width of the result; varint and decimal are exact.
 */
#include "engine/term/function_int.h"

#include <math.h>
#include <string.h>

#include "engine/term/calendar.h"
#include "engine/term/number.h"

typedef enum operation { ADD, SUBTRACT, MULTIPLY, DIVIDE, MODULO, NEGATE } operation;

static const struct {
  const char *name;
  char sign;
} operations[] = {{"_add", '+'},    {"_substract", '-'}, {"_multiply", '*'},
                  {"_divide", '/'}, {"_modulo", '%'},    {"_negate", '-'}};

typedef struct operands { /* of a resolved operation, in f->extra */
  operation op;
} operands;

static operation op_of(const cqle_function *f) {
  return ((const operands *)f->extra)->op;
}

static cql_status fail_operation(cqle_exec *x, const cqle_function *f, const char *why) {
  return cql_fail(x->err, CQL_FUNCTION_FAILURE, "the operation '%s %c %s' failed: %s",
                  cqle_type_text(x->arena, f->args[0]), operations[op_of(f)].sign,
                  cqle_type_text(x->arena, f->args[f->arg_count - 1]), why);
}

/* --- whole numbers ------------------------------------------------------------------------------------------------ */

static cql_status whole_call(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  int64_t a, b = 0, r = 0;
  *out = (cql_slice){NULL, 0};
  if (!cqle_load_integer(f->args[0]->code, args[0], &a)) return CQL_OK;
  if (f->arg_count > 1 && !cqle_load_integer(f->args[1]->code, args[1], &b)) return CQL_OK;
  operation op = op_of(f);
  if ((op == DIVIDE || op == MODULO) && b == 0) return fail_operation(x, f, "/ by zero");
  switch (op) {
  case ADD: r = (int64_t)((uint64_t)a + (uint64_t)b); break;
  case SUBTRACT: r = (int64_t)((uint64_t)a - (uint64_t)b); break;
  case MULTIPLY: r = (int64_t)((uint64_t)a * (uint64_t)b); break;
  case DIVIDE: r = b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b; break;
  case MODULO: r = b == -1 ? 0 : a % b; break;
  case NEGATE: r = (int64_t)(0 - (uint64_t)a); break;
  }
  return cqle_give_integer(x, f->result->code, r, out);
}

/* --- floats ------------------------------------------------------------------------------------------------------- */

static bool load_number(cql_type_code code, cql_slice bytes, double *out) {
  int64_t v;
  if (!cqle_is_integer(code)) return cqle_load_float(code, bytes, out);
  if (!cqle_load_integer(code, bytes, &v)) return false;
  *out = (double)v;
  return true;
}

static double float_result(operation op, double a, double b) {
  switch (op) {
  case ADD: return a + b;
  case SUBTRACT: return a - b;
  case MULTIPLY: return a * b;
  case DIVIDE: return a / b;
  case MODULO: return fmod(a, b);
  case NEGATE: break;
  }
  return -a;
}

static cql_status float_call(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  double a, b = 0;
  *out = (cql_slice){NULL, 0};
  if (!load_number(f->args[0]->code, args[0], &a)) return CQL_OK;
  if (f->arg_count > 1 && !load_number(f->args[1]->code, args[1], &b)) return CQL_OK;
  if (f->result->code == CQL_TYPE_FLOAT) { /* Java rounds each operand first */
    a = (float)a;
    b = (float)b;
  }
  return cqle_give_float(x, f->result->code, float_result(op_of(f), a, b), out);
}

/* --- varint ------------------------------------------------------------------------------------------------------- */

static cql_status load_big(cqle_exec *x, const cql_type *type, cql_slice bytes, cqle_big *out) {
  cqle_decimal d;
  cql_status st = cqle_decimal_from(x->arena, type->code, bytes, &d);
  *out = d.unscaled;
  return st;
}

static cql_status big_call(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  cql_status st = CQL_OK;
  cqle_big a = {0}, b = {0}, r = {0}, rest = {0};
  *out = (cql_slice){NULL, 0};
  if (args[0].len == 0 || (f->arg_count > 1 && args[1].len == 0)) return CQL_OK;
  CQL_TRY(load_big(x, f->args[0], args[0], &a));
  if (f->arg_count > 1) CQL_TRY(load_big(x, f->args[1], args[1], &b));
  operation op = op_of(f);
  if ((op == DIVIDE || op == MODULO) && cqle_big_is_zero(&b)) return fail_operation(x, f, "BigInteger divide by zero");
  if (op == SUBTRACT) b.negative = !b.negative && !cqle_big_is_zero(&b);
  switch (op) {
  case ADD:
  case SUBTRACT:
    CQL_TRY(cqle_big_add(x->arena, &a, &b));
    r = a;
    break;
  case MULTIPLY: CQL_TRY(cqle_big_mul(x->arena, &a, &b, &r)); break;
  case DIVIDE:
  case MODULO:
    CQL_TRY(cqle_big_divide(x->arena, &a, &b, &r, &rest));
    if (op == MODULO) r = rest;
    break;
  case NEGATE:
    r = a;
    r.negative = !a.negative && !cqle_big_is_zero(&a);
    break;
  }
  CQL_TRY(cqle_big_to_bytes(x->arena, &r, out));
done:
  return st;
}

/* --- decimal ------------------------------------------------------------------------------------------------------ */

enum { DIGITS_MIN = 32, SCALE_LEAST = 32, SCALE_MOST = 1000 }; /* DecimalType.java */

static int32_t at_least(int32_t v, int32_t least) {
  return v < least ? least : v;
}

static cql_status divide_decimal(cqle_exec *x, const cqle_decimal *a, const cqle_decimal *b, cqle_decimal *out) {
  int32_t pa, pb;
  cql_status st = cqle_decimal_precision(x->arena, a, &pa);
  if (st == CQL_OK) st = cqle_decimal_precision(x->arena, b, &pb);
  if (st != CQL_OK) return st;
  int32_t scale = DIGITS_MIN - ((pa - a->scale) - (pb - b->scale));
  scale = at_least(at_least(at_least(scale, a->scale), b->scale), SCALE_LEAST);
  if (scale > SCALE_MOST) scale = SCALE_MOST;
  st = cqle_decimal_divide(x->arena, a, b, scale, CQLE_HALF_UP, out);
  return st == CQL_OK ? cqle_decimal_strip(x->arena, out) : st;
}

/* The scale of the whole quotient as BigDecimal.divideToIntegralValue() leaves it: zeros at its end are cut off until
 * it has the scale of a less that of b. */
static cql_status quotient_scale(cqle_exec *x, const cqle_big *quotient, int64_t preferred, int64_t *out) {
  cql_status st = CQL_OK;
  cqle_decimal q = {.unscaled = *quotient};
  *out = preferred;
  if (cqle_big_is_zero(quotient) || preferred >= 0) return CQL_OK;
  CQL_TRY(cqle_decimal_strip(x->arena, &q));
  *out = q.scale > preferred ? q.scale : preferred;
done:
  return st;
}

/* a - b * (a / b without fraction), with the scale that BigDecimal.remainder() gives it. */
static cql_status modulo_decimal(cqle_exec *x, cqle_decimal *a, cqle_decimal *b, cqle_decimal *out) {
  cql_status st = CQL_OK;
  cqle_big quotient = {0};
  int64_t a_scale = a->scale, b_scale = b->scale, scale;
  int32_t common = at_least(a->scale, b->scale);
  CQL_TRY(cqle_decimal_set_scale(x->arena, a, common, CQLE_DOWN));
  CQL_TRY(cqle_decimal_set_scale(x->arena, b, common, CQLE_DOWN));
  memset(out, 0, sizeof *out);
  CQL_TRY(cqle_big_divide(x->arena, &a->unscaled, &b->unscaled, &quotient, &out->unscaled));
  CQL_TRY(quotient_scale(x, &quotient, a_scale - b_scale, &scale));
  scale = scale + b_scale > a_scale ? scale + b_scale : a_scale;
  out->scale = common;
  CQL_TRY(cqle_decimal_set_scale(x->arena, out, (int32_t)scale, CQLE_DOWN));
done:
  return st;
}

/* Java goes through a double where it has no exact number at hand: 7 becomes 7.0. */
static cql_status load_decimal(cqle_exec *x, const cql_type *type, cql_slice bytes, cqle_decimal *out) {
  double v;
  cql_slice wide;
  if (type->code == CQL_TYPE_DECIMAL || type->code == CQL_TYPE_VARINT)
    return cqle_decimal_from(x->arena, type->code, bytes, out);
  if (!load_number(type->code, bytes, &v)) return CQL_MALFORMED;
  if (!isfinite(v)) return cql_fail(x->err, CQL_FUNCTION_FAILURE, "Infinite or NaN");
  cql_status st = cqle_give_float(x, CQL_TYPE_DOUBLE, v, &wide);
  return st == CQL_OK ? cqle_decimal_from(x->arena, CQL_TYPE_DOUBLE, wide, out) : st;
}

static cql_status decimal_call(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  cql_status st = CQL_OK;
  cqle_decimal a = {0}, b = {0}, r = {0};
  operation op = op_of(f);
  *out = (cql_slice){NULL, 0};
  if (args[0].len == 0 || (f->arg_count > 1 && args[1].len == 0)) return CQL_OK;
  CQL_TRY(load_decimal(x, f->args[0], args[0], &a));
  if (f->arg_count > 1) CQL_TRY(load_decimal(x, f->args[1], args[1], &b));
  if ((op == DIVIDE || op == MODULO) && cqle_big_is_zero(&b.unscaled))
    return fail_operation(x, f, op == DIVIDE ? "BigInteger divide by zero" : "Division by zero");
  if (op == SUBTRACT) b.unscaled.negative = !b.unscaled.negative && !cqle_big_is_zero(&b.unscaled);
  switch (op) {
  case ADD:
  case SUBTRACT:
    CQL_TRY(cqle_decimal_add(x->arena, &a, &b));
    r = a;
    break;
  case MULTIPLY:
    CQL_TRY(cqle_big_mul(x->arena, &a.unscaled, &b.unscaled, &r.unscaled));
    r.scale = (int32_t)((uint32_t)a.scale + (uint32_t)b.scale);
    break;
  case DIVIDE: CQL_TRY(divide_decimal(x, &a, &b, &r)); break;
  case MODULO: CQL_TRY(modulo_decimal(x, &a, &b, &r)); break;
  case NEGATE:
    r = a;
    r.unscaled.negative = !a.unscaled.negative && !cqle_big_is_zero(&a.unscaled);
    break;
  }
  CQL_TRY(cqle_decimal_give(x, &r, out));
done:
  return st;
}

/* --- texts, dates ------------------------------------------------------------------------------------------------- */

static cql_status concat_call(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  (void)f;
  uint8_t *bytes = cql_arena_get(x->arena, args[0].len + args[1].len + 1);
  if (bytes == NULL) return CQL_NOMEM;
  memcpy(bytes, args[0].data, args[0].len);
  memcpy(bytes + args[0].len, args[1].data, args[1].len);
  *out = cql_slice_of(bytes, args[0].len + args[1].len);
  return CQL_OK;
}

static cql_status date_call(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  cql_duration d;
  bool is_date = f->args[0]->code == CQL_TYPE_DATE;
  *out = (cql_slice){NULL, 0};
  if (args[0].len != (is_date ? 4u : 8u)) return CQL_OK;
  cql_status st = cql_read_duration(args[1], &d);
  if (st != CQL_OK) return st;
  if (is_date ? d.nanoseconds != 0 : d.nanoseconds % CQLE_MS_NS != 0) {
    cql_buf b;
    cql_buf_init(&b, x->engine->alloc, 256);
    cql_value_print(&b, f->args[1], args[1]);
    const char *text = cql_arena_printf(x->arena, "The duration must have a %s precision. Was: " CQL_SLICE_FMT,
                                        is_date ? "day" : "millisecond", CQL_SLICE_ARG(cql_buf_view(&b)));
    cql_buf_free(&b);
    return fail_operation(x, f, text == NULL ? "" : text);
  }
  int sign = op_of(f) == SUBTRACT ? -1 : 1;
  if (!is_date) return cqle_give_bigint(x, cqle_timestamp_add((int64_t)cql_load_u64(args[0].data), d, sign), out);
  int64_t days = (int64_t)cql_load_u32(args[0].data) - CQLE_DATE_EPOCH;
  return cqle_give_int(x, (int32_t)(uint32_t)(cqle_days_add(days, d, sign) + CQLE_DATE_EPOCH), out);
}

/* --- choosing ----------------------------------------------------------------------------------------------------- */

static int size_of(cql_type_code code) {
  switch (code) {
  case CQL_TYPE_TINYINT: return 1;
  case CQL_TYPE_SMALLINT: return 2;
  case CQL_TYPE_INT:
  case CQL_TYPE_FLOAT: return 4;
  case CQL_TYPE_BIGINT:
  case CQL_TYPE_COUNTER:
  case CQL_TYPE_DOUBLE: return 8;
  default: return 100;
  }
}

static bool is_floating(cql_type_code code) {
  return code == CQL_TYPE_FLOAT || code == CQL_TYPE_DOUBLE || code == CQL_TYPE_DECIMAL;
}

static cql_type_code promote(cql_type_code a, cql_type_code b) {
  int size = size_of(a) > size_of(b) ? size_of(a) : size_of(b);
  if (is_floating(a) || is_floating(b))
    return size <= 4 ? CQL_TYPE_FLOAT : size == 8 ? CQL_TYPE_DOUBLE : CQL_TYPE_DECIMAL;
  switch (size) {
  case 1: return CQL_TYPE_TINYINT;
  case 2: return CQL_TYPE_SMALLINT;
  case 4: return CQL_TYPE_INT;
  case 8: return CQL_TYPE_BIGINT;
  default: return CQL_TYPE_VARINT;
  }
}

static cqle_call numeric_call(cql_type_code result) {
  if (result == CQL_TYPE_DECIMAL) return decimal_call;
  if (result == CQL_TYPE_VARINT) return big_call;
  return is_floating(result) ? float_call : whole_call;
}

static bool is_text(cql_type_code code) {
  return code == CQL_TYPE_TEXT || code == CQL_TYPE_ASCII;
}

static cqle_call choose(operation op, cql_type_code a, cql_type_code b, cql_type_code *result) {
  if (cqle_is_numeric(a) && cqle_is_numeric(b)) {
    *result = promote(a, b);
    return numeric_call(*result);
  }
  if (op == ADD && is_text(a) && is_text(b)) {
    *result = a == CQL_TYPE_ASCII && b == CQL_TYPE_ASCII ? CQL_TYPE_ASCII : CQL_TYPE_TEXT;
    return concat_call;
  }
  if ((op == ADD || op == SUBTRACT) && (a == CQL_TYPE_DATE || a == CQL_TYPE_TIMESTAMP) && b == CQL_TYPE_DURATION) {
    *result = a;
    return date_call;
  }
  return NULL;
}

static cql_status give(const cqle_lookup *l, operation op, const cql_type_code codes[2], cql_type_code result,
                       cqle_call call, const cqle_function **out) {
  const cql_type *types[2] = {cql_type_native(codes[0]), cql_type_native(codes[1])};
  cqle_function *f = cqle_function_new(l->a, l->name, l->count, types, cql_type_native(result));
  operands *extra = cql_arena_zero(l->a, sizeof *extra);
  if (f == NULL || extra == NULL) return CQL_NOMEM;
  extra->op = op;
  f->extra = extra;
  f->call = call;
  *out = f;
  return CQL_OK;
}

/* What operators work on, numbers first; of several functions that fit exactly the first one is taken. */
static const cql_type_code operand_codes[] = {
    CQL_TYPE_TINYINT, CQL_TYPE_SMALLINT,  CQL_TYPE_INT,    CQL_TYPE_BIGINT,   CQL_TYPE_FLOAT,
    CQL_TYPE_DOUBLE,  CQL_TYPE_DECIMAL,   CQL_TYPE_VARINT, CQL_TYPE_COUNTER,  CQL_TYPE_TEXT,
    CQL_TYPE_ASCII,   CQL_TYPE_TIMESTAMP, CQL_TYPE_DATE,   CQL_TYPE_DURATION,
};
enum { OPERAND_CODES = sizeof operand_codes / sizeof *operand_codes };

typedef struct choice {
  uint32_t fitting; /* functions that the arguments may be passed to, none of them exactly */
  cql_type_code codes[2], result;
  cqle_call call;
} choice;

/* With a receiver known, literals become what the receiver is. */
static bool is_of_receiver(const cqle_lookup *l, const choice *c) {
  return l->receiver != NULL && l->receiver->code == c->codes[0] && l->receiver->code == c->codes[1];
}

/* True when the arguments fit this one exactly: nothing is better. */
static bool consider(const cqle_lookup *l, choice *best, cql_assignable fit, const choice *one) {
  uint32_t fitting = best->fitting + 1;
  if (fit == CQL_NOT_ASSIGNABLE || !cqle_fits_receiver(l, cql_type_native(one->result))) return false;
  if (fit == CQL_EXACT_MATCH || fitting == 1 || is_of_receiver(l, one)) *best = *one;
  best->fitting = fit == CQL_EXACT_MATCH ? 1 : fitting;
  return fit == CQL_EXACT_MATCH;
}

static cql_status resolve_binary(const cqle_lookup *l, operation op, choice *best) {
  cql_assignable fits[2][OPERAND_CODES];
  for (uint32_t i = 0; i < OPERAND_CODES; i++)
    for (uint32_t k = 0; k < 2; k++) fits[k][i] = cqle_test_argument(l, k, cql_type_native(operand_codes[i]));
  for (uint32_t i = 0; i < OPERAND_CODES; i++)
    for (uint32_t k = 0; k < OPERAND_CODES; k++) {
      choice one = {.codes = {operand_codes[i], operand_codes[k]}};
      one.call = choose(op, one.codes[0], one.codes[1], &one.result);
      cql_assignable fit = fits[0][i] < fits[1][k] ? fits[0][i] : fits[1][k];
      if (one.call != NULL && consider(l, best, fit, &one)) return CQL_OK;
    }
  if (best->fitting == 0)
    return cql_fail(l->err, CQL_INVALID, "the '%c' operation is not supported between %s and %s", operations[op].sign,
                    cqle_argument_text(l, 0), cqle_argument_text(l, 1));
  if (best->fitting == 1 || (is_of_receiver(l, best) && !l->site->has_marker)) return CQL_OK;
  return cql_fail(l->err, CQL_INVALID,
                  "Ambiguous '%c' operation with args %s and %s: use type hint to disambiguate, example '(int) ?'",
                  operations[op].sign, cqle_argument_text(l, 0), cqle_argument_text(l, 1));
}

static cql_status resolve_negate(const cqle_lookup *l, choice *best) {
  for (uint32_t i = 0; i < OPERAND_CODES && cqle_is_numeric(operand_codes[i]); i++) {
    choice one = {.codes = {operand_codes[i], operand_codes[i]}, .result = operand_codes[i]};
    one.call = numeric_call(one.result);
    if (consider(l, best, cqle_test_argument(l, 0, cql_type_native(operand_codes[i])), &one)) return CQL_OK;
  }
  if (best->fitting == 1) return CQL_OK;
  if (best->fitting == 0)
    return cql_fail(l->err, CQL_INVALID, "Invalid call to function system._negate, none of its type signatures match");
  return cql_fail(l->err, CQL_INVALID,
                  "Ambiguous '-' operation with args %s: use type hint to disambiguate, example '(int) ?'",
                  cqle_argument_text(l, 0));
}

cql_status cqle_resolve_operator(const cqle_lookup *l, const cqle_function **out) {
  size_t i = 0, count = sizeof operations / sizeof *operations;
  choice best = {0};
  while (i < count && strcmp(operations[i].name, l->name) != 0) i++;
  if (i == count) return CQL_DONE;
  operation op = (operation)i;
  if (l->count != (op == NEGATE ? 1 : 2))
    return cql_fail(l->err, CQL_INVALID, "Invalid number of arguments for the '%c' operation", operations[i].sign);
  cql_status st = op == NEGATE ? resolve_negate(l, &best) : resolve_binary(l, op, &best);
  return st == CQL_OK ? give(l, op, best.codes, best.result, best.call, out) : st;
}
