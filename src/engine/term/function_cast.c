/* function_cast.c: CAST(x AS type). Cassandra: cql3/functions/CastFcts.java; numbers are narrowed as Java narrows them.
 */
#include "engine/term/function_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/term/calendar.h"
#include "engine/term/number.h"

static cql_status give_null(cql_slice *out) {
  *out = (cql_slice){NULL, 0};
  return CQL_OK;
}

static cql_status print(cqle_exec *x, const cql_type *type, cql_slice value, cql_slice *out) {
  cql_buf b;
  cql_buf_init(&b, x->engine->alloc, CQL_VALUE_LEN_MAX);
  cql_value_print(&b, type, value);
  cql_slice text = cql_buf_view(&b);
  if (text.len >= 2 && text.data[0] == '\'') text = cql_slice_of(text.data + 1, text.len - 2);
  cql_status st = b.st == CQL_OK ? cql_arena_slice(x->arena, text, out) : b.st;
  cql_buf_free(&b);
  return st;
}

/* --- to numbers --------------------------------------------------------------------------------------------------- */

static int64_t narrow(double v, int64_t least, int64_t most) {
  if (isnan(v)) return 0;
  if (v <= (double)least) return least;
  if (v >= (double)most) return most;
  return (int64_t)v;
}

/* The low 64 bits of a whole number, as BigInteger.longValue(). */
static int64_t low_bits(const cqle_big *b) {
  uint64_t v = 0;
  for (uint32_t i = b->count < 2 ? b->count : 2; i-- > 0;) v = v << 32 | b->limbs[i];
  return (int64_t)(b->negative ? 0 - v : v);
}

static cql_status whole_of(cqle_exec *x, const cqle_function *f, cql_slice value, int64_t *out) {
  cql_type_code from = f->args[0]->code;
  bool to_long = f->result->code == CQL_TYPE_BIGINT || f->result->code == CQL_TYPE_VARINT;
  double v;
  cqle_decimal d;
  if (cqle_is_integer(from)) return cqle_load_integer(from, value, out) ? CQL_OK : CQL_DONE;
  if (from == CQL_TYPE_FLOAT || from == CQL_TYPE_DOUBLE) {
    if (!cqle_load_float(from, value, &v)) return CQL_DONE;
    *out = to_long ? narrow(v, INT64_MIN, INT64_MAX) : narrow(v, INT32_MIN, INT32_MAX);
    return CQL_OK;
  }
  cql_status st = cqle_decimal_from(x->arena, from, value, &d);
  if (st == CQL_OK) st = cqle_decimal_set_scale(x->arena, &d, 0, CQLE_DOWN);
  if (st == CQL_OK) *out = low_bits(&d.unscaled);
  return st;
}

static cql_status to_whole(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  int64_t v = 0;
  cqle_big big = {0};
  if (args[0].len == 0) return give_null(out);
  cql_status st = whole_of(x, f, args[0], &v);
  if (st == CQL_DONE) return give_null(out);
  if (st != CQL_OK) return st;
  if (f->result->code != CQL_TYPE_VARINT) return cqle_give_integer(x, f->result->code, v, out);
  st = cqle_big_from_int(x->arena, v, &big);
  return st == CQL_OK ? cqle_big_to_bytes(x->arena, &big, out) : st;
}

static cql_status to_float(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  cql_type_code from = f->args[0]->code;
  int64_t i;
  double v;
  if (args[0].len == 0) return give_null(out);
  if (cqle_is_integer(from)) {
    if (!cqle_load_integer(from, args[0], &i)) return give_null(out);
    v = f->result->code == CQL_TYPE_FLOAT ? (double)(float)i : (double)i;
  } else if (from == CQL_TYPE_FLOAT || from == CQL_TYPE_DOUBLE) {
    if (!cqle_load_float(from, args[0], &v)) return give_null(out);
  } else { /* through the digits, so that it is rounded once */
    cql_slice text;
    cql_status st = print(x, f->args[0], args[0], &text);
    const char *digits = st == CQL_OK ? cql_arena_str(x->arena, text) : NULL;
    if (digits == NULL) return st == CQL_OK ? CQL_NOMEM : st;
    v = f->result->code == CQL_TYPE_FLOAT ? (double)strtof(digits, NULL) : strtod(digits, NULL);
  }
  return cqle_give_float(x, f->result->code, v, out);
}

static cql_status to_decimal(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  cqle_decimal d;
  double v;
  if (args[0].len == 0) return give_null(out);
  cql_type_code from = f->args[0]->code;
  if ((from == CQL_TYPE_FLOAT || from == CQL_TYPE_DOUBLE) && cqle_load_float(from, args[0], &v) && !isfinite(v))
    return cql_fail(x->err, CQL_INVALID, "%s cannot be converted to a decimal", isnan(v) ? "NaN" : "Infinity");
  cql_status st = cqle_decimal_from(x->arena, from, args[0], &d);
  return st == CQL_OK ? cqle_decimal_give(x, &d, out) : st;
}

/* --- to text and times -------------------------------------------------------------------------------------------- */

static cql_status to_text(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  if (f->args[0]->code == CQL_TYPE_ASCII) {
    *out = args[0];
    return CQL_OK;
  }
  if (args[0].len == 0) return give_null(out);
  return print(x, f->args[0], args[0], out);
}

static cql_status to_time(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  cql_type_code from = f->args[0]->code;
  int64_t ms;
  if (from == CQL_TYPE_TIMEUUID && args[0].len == 16)
    ms = cql_timeuuid_unix_ms(args[0].data);
  else if (from == CQL_TYPE_TIMESTAMP && args[0].len == 8)
    ms = (int64_t)cql_load_u64(args[0].data);
  else if (from == CQL_TYPE_DATE && args[0].len == 4)
    ms = ((int64_t)cql_load_u32(args[0].data) - CQLE_DATE_EPOCH) * CQLE_DAY_MS;
  else
    return give_null(out);
  if (f->result->code == CQL_TYPE_TIMESTAMP) return cqle_give_bigint(x, ms, out);
  return cqle_give_int(x, (int32_t)(uint32_t)(ms / CQLE_DAY_MS + CQLE_DATE_EPOCH), out); /* towards 1970, too */
}

/* --- the matrix --------------------------------------------------------------------------------------------------- */

static bool is_printable(cql_type_code code) {
  switch (code) {
  case CQL_TYPE_BOOLEAN:
  case CQL_TYPE_TIMEUUID:
  case CQL_TYPE_UUID:
  case CQL_TYPE_TIMESTAMP:
  case CQL_TYPE_DATE:
  case CQL_TYPE_TIME:
  case CQL_TYPE_INET: return true;
  default: return cqle_is_numeric(code);
  }
}

static cqle_call choose(cql_type_code from, cql_type_code to) {
  switch (to) {
  case CQL_TYPE_TINYINT:
  case CQL_TYPE_SMALLINT:
  case CQL_TYPE_INT:
  case CQL_TYPE_BIGINT:
  case CQL_TYPE_VARINT: return cqle_is_numeric(from) ? to_whole : NULL;
  case CQL_TYPE_FLOAT:
  case CQL_TYPE_DOUBLE: return cqle_is_numeric(from) ? to_float : NULL;
  case CQL_TYPE_DECIMAL: return cqle_is_numeric(from) ? to_decimal : NULL;
  case CQL_TYPE_TEXT: return from == CQL_TYPE_ASCII || is_printable(from) ? to_text : NULL;
  case CQL_TYPE_ASCII: return is_printable(from) ? to_text : NULL;
  case CQL_TYPE_DATE: return from == CQL_TYPE_TIMEUUID || from == CQL_TYPE_TIMESTAMP ? to_time : NULL;
  case CQL_TYPE_TIMESTAMP: return from == CQL_TYPE_TIMEUUID || from == CQL_TYPE_DATE ? to_time : NULL;
  default: return NULL;
  }
}

/* A type that can be cast, and whose bytes a value of `from` has: a bigint passes for a timestamp. */
static bool passes_for(const cql_type *from, cql_type_code code, const cql_type *to) {
  const cql_type *type = cql_type_native(code);
  if (type == NULL || code == to->code || choose(code, to->code) == NULL) return false;
  return from == NULL || cql_type_is_value_compatible(type, from);
}

/* of NULL: all of them; else those that it passes for. */
static const char *signatures(cql_arena *a, const cql_type *of, const cql_type *to) {
  const char *text = "", *name = cqle_type_text(a, to);
  for (int code = CQL_TYPE_ASCII; code <= CQL_TYPE_DURATION && text != NULL; code++) {
    if (!passes_for(of, (cql_type_code)code, to)) continue;
    text = cql_arena_printf(a, "%s%ssystem.cast_as_%s : (%s) -> %s", text, *text == '\0' ? "" : ", ", name,
                            cqle_type_text(a, cql_type_native((cql_type_code)code)), name);
  }
  return text == NULL ? "" : text;
}

/* The type to cast as: the value's own, or the only one that it passes for. */
static cql_status find_source(cql_arena *a, const cql_type *from, const cql_type *to, const cql_type **out,
                              cql_error *err) {
  uint32_t count = 0;
  *out = from;
  if (choose(from->code, to->code) != NULL) return CQL_OK;
  for (int code = CQL_TYPE_ASCII; code <= CQL_TYPE_DURATION; code++) {
    if (!passes_for(from, (cql_type_code)code, to)) continue;
    *out = cql_type_native((cql_type_code)code);
    count++;
  }
  if (count == 1) return CQL_OK;
  const char *name = cqle_type_text(a, to);
  if (count > 1)
    return cql_fail(err, CQL_INVALID,
                    "Ambiguous call to function system.cast_as_%s (can be matched by following signatures: %s): use "
                    "type casts to disambiguate",
                    name, signatures(a, from, to));
  return cql_fail(err, CQL_INVALID,
                  "Invalid call to function system.cast_as_%s, none of its type signatures match (known type "
                  "signatures: %s)",
                  name, signatures(a, NULL, to));
}

static bool is_target(cql_type_code to) {
  return choose(CQL_TYPE_FLOAT, to) != NULL || choose(CQL_TYPE_DATE, to) != NULL ||
         choose(CQL_TYPE_TIMESTAMP, to) != NULL;
}

cql_status cqle_function_cast(cql_arena *a, const cql_type *from, const cql_type *to, const cqle_function **out,
                              cql_error *err) {
  const cql_type *as;
  if (choose(from->code, to->code) == NULL && !is_target(to->code)) return CQL_DONE;
  cql_status st = find_source(a, from, to, &as, err);
  if (st != CQL_OK) return st;
  cqle_function *f = cqle_function_new(a, "cast", 1, &as, to);
  if (f == NULL) return CQL_NOMEM;
  f->call = choose(as->code, to->code);
  *out = f;
  return CQL_OK;
}
