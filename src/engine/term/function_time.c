/* function_time.c: now() and its like, conversions between times, floor. Cassandra: cql3/functions/TimeFcts.java,
 * cql3/Duration.java. */
#include "engine/term/function_int.h"

#include <string.h>

#include "engine/term/calendar.h"

/* --- values ------------------------------------------------------------------------------------------------------- */

static cql_status give_null(cql_slice *out) {
  *out = (cql_slice){NULL, 0};
  return CQL_OK;
}

static cql_status give_date(cqle_exec *x, int64_t ms, cql_slice *out) {
  int64_t days = ms / CQLE_DAY_MS + CQLE_DATE_EPOCH; /* towards 1970, as in Cassandra */
  return cqle_give_int(x, (int32_t)(uint32_t)days, out);
}

/* The moment a value stands for, in milliseconds since 1970; false: empty bytes. */
static bool load_ms(cql_type_code code, cql_slice v, int64_t *ms) {
  switch (code) {
  case CQL_TYPE_TIMEUUID:
    if (v.len != 16) return false;
    *ms = cql_timeuuid_unix_ms(v.data);
    return true;
  case CQL_TYPE_DATE:
    if (v.len != 4) return false;
    *ms = ((int64_t)cql_load_u32(v.data) - CQLE_DATE_EPOCH) * CQLE_DAY_MS;
    return true;
  default:
    if (v.len != 8) return false;
    *ms = (int64_t)cql_load_u64(v.data);
    return true;
  }
}

/* --- now ---------------------------------------------------------------------------------------------------------- */

/* Ticks of 100 ns from the execution's clock; the rest is chance, so that no two are the same, over processes too. */
static cql_status now_call(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  static const uint64_t gregorian = 0x01B21DD213814000ULL; /* ticks from 1582-10-15 to 1970 */
  uint8_t uuid[16], chance[8];
  (void)f;
  (void)args;
  cql_random_bytes(chance, sizeof chance);
  uint64_t rest = (cql_load_u64(chance) & 0x3FFFFFFFFFFFFFFFULL) | 0x8000010000000000ULL; /* variant, multicast node */
  uint64_t ticks = gregorian + (uint64_t)x->now_us * 10 + chance[0] % 10;
  cql_timeuuid_make(uuid, ticks, rest);
  return cqle_give_bytes(x, uuid, sizeof uuid, out);
}

static cql_status timestamp_call(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  (void)f;
  (void)args;
  return cqle_give_bigint(x, cqle_floor_div(x->now_us, 1000), out);
}

static cql_status date_call(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  (void)f;
  (void)args;
  return give_date(x, cqle_floor_div(x->now_us, 1000), out);
}

static cql_status time_call(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  (void)f;
  (void)args;
  int64_t days = cqle_floor_div(x->now_us, CQLE_DAY_MS * 1000);
  return cqle_give_bigint(x, (x->now_us - days * CQLE_DAY_MS * 1000) * 1000, out);
}

/* --- conversions -------------------------------------------------------------------------------------------------- */

static cql_status min_call(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  uint8_t uuid[16];
  int64_t ms;
  if (!load_ms(f->args[0]->code, args[0], &ms)) return give_null(out);
  cql_timeuuid_min(uuid, ms);
  return cqle_give_bytes(x, uuid, sizeof uuid, out);
}

static cql_status max_call(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  uint8_t uuid[16];
  int64_t ms;
  if (!load_ms(f->args[0]->code, args[0], &ms)) return give_null(out);
  cql_timeuuid_max(uuid, ms);
  return cqle_give_bytes(x, uuid, sizeof uuid, out);
}

static cql_status to_date(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  int64_t ms;
  return load_ms(f->args[0]->code, args[0], &ms) ? give_date(x, ms, out) : give_null(out);
}

static cql_status to_ms(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  int64_t ms;
  return load_ms(f->args[0]->code, args[0], &ms) ? cqle_give_bigint(x, ms, out) : give_null(out);
}

/* --- floor -------------------------------------------------------------------------------------------------------- */

static bool is_negative(cql_duration d) {
  return d.months < 0 || d.days < 0 || d.nanoseconds < 0;
}

static cql_status negative(cqle_exec *x) {
  return cql_fail(x->err, CQL_INVALID, "Negative durations are not supported by the floor function");
}

static int64_t add_times(int64_t start, cql_duration d, int64_t times) {
  cql_duration all = {(int32_t)(d.months * times), (int32_t)(d.days * times), 0};
  return cqle_timestamp_add(start, all, 1) + d.nanoseconds / 1000000 * times;
}

/* The last start + n durations that is not after ms. Months vary in length: begin below and step up. */
static cql_status floor_ms(cqle_exec *x, int64_t ms, cql_duration d, int64_t start, int64_t *out) {
  int64_t length = d.days * CQLE_DAY_MS + d.nanoseconds / 1000000;
  *out = ms;
  if (start > ms)
    return cql_fail(x->err, CQL_INVALID, "The floor function starting time is greater than the provided time");
  if (is_negative(d)) return negative(x);
  if (d.months == 0) {
    if (length != 0) *out = ms - (ms - start) % length;
    return CQL_OK;
  }
  int64_t times = (ms - start) / (d.months * 31 * CQLE_DAY_MS + length);
  if (times > INT32_MAX / d.months || (d.days > 0 && times > INT32_MAX / d.days))
    return cql_fail(x->err, CQL_INVALID, "The floor function's time is out of range");
  int64_t next = add_times(start, d, times);
  do {
    *out = next;
    next = add_times(start, d, ++times);
  } while (next <= ms);
  return CQL_OK;
}

static cql_status too_precise(cqle_exec *x, const cqle_function *f, cql_slice duration, bool is_date) {
  cql_buf b;
  cql_buf_init(&b, x->engine->alloc, 256);
  cql_value_print(&b, f->args[1], duration);
  cql_status st =
      cql_fail(x->err, CQL_INVALID,
               "The floor%s cannot be computed for the " CQL_SLICE_FMT " duration as precision is below 1 %s",
               is_date ? " on date values" : "", CQL_SLICE_ARG(cql_buf_view(&b)), is_date ? "day" : "millisecond");
  cql_buf_free(&b);
  return st;
}

static cql_status floor_call(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  cql_status st = CQL_OK;
  int64_t ms, start = 0;
  cql_duration d;
  bool is_date = f->args[0]->code == CQL_TYPE_DATE;
  if (!load_ms(f->args[0]->code, args[0], &ms)) return give_null(out);
  if (f->arg_count == 3 && !load_ms(f->args[2]->code, args[2], &start)) return give_null(out);
  CQL_TRY(cql_read_duration(args[1], &d));
  if (is_date ? d.nanoseconds != 0 : d.nanoseconds % CQLE_MS_NS != 0) return too_precise(x, f, args[1], is_date);
  CQL_TRY(floor_ms(x, ms, d, start, &ms));
  st = is_date ? give_date(x, ms, out) : cqle_give_bigint(x, ms, out);
done:
  return st;
}

static cql_status floor_time(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  cql_duration d;
  (void)f;
  if (args[0].len != 8) return give_null(out);
  cql_status st = cql_read_duration(args[1], &d);
  if (st != CQL_OK) return st;
  if (is_negative(d)) return negative(x);
  if (d.months != 0 || d.days != 0 || d.nanoseconds > CQLE_DAY_NS)
    return cql_fail(x->err, CQL_INVALID,
                    "For time values, the floor can only be computed for durations smaller that a day");
  int64_t ns = (int64_t)cql_load_u64(args[0].data);
  return cqle_give_bigint(x, d.nanoseconds == 0 ? ns : ns - ns % d.nanoseconds, out);
}

#define NOW(name, type, call)                                                                                          \
  { name, 0, {CQL_TYPE_CUSTOM}, CQL_TYPE_##type, call, 0, NULL, NULL, true, false }
#define ONE(name, arg, type, call)                                                                                     \
  { name, 1, {CQL_TYPE_##arg}, CQL_TYPE_##type, call, 0, NULL, NULL, false, false }
#define TWO(name, a, b, type, call)                                                                                    \
  { name, 2, {CQL_TYPE_##a, CQL_TYPE_##b}, CQL_TYPE_##type, call, 0, NULL, NULL, false, false }
#define THREE(name, a, b, c, type, call)                                                                               \
  { name, 3, {CQL_TYPE_##a, CQL_TYPE_##b, CQL_TYPE_##c}, CQL_TYPE_##type, call, 0, NULL, NULL, false, false }

const cqle_entry cqle_time_entries[] = {
    NOW("now", TIMEUUID, now_call),
    NOW("current_timeuuid", TIMEUUID, now_call),
    NOW("currenttimeuuid", TIMEUUID, now_call),
    NOW("current_timestamp", TIMESTAMP, timestamp_call),
    NOW("currenttimestamp", TIMESTAMP, timestamp_call),
    NOW("current_date", DATE, date_call),
    NOW("currentdate", DATE, date_call),
    NOW("current_time", TIME, time_call),
    NOW("currenttime", TIME, time_call),
    ONE("min_timeuuid", TIMESTAMP, TIMEUUID, min_call),
    ONE("mintimeuuid", TIMESTAMP, TIMEUUID, min_call),
    ONE("max_timeuuid", TIMESTAMP, TIMEUUID, max_call),
    ONE("maxtimeuuid", TIMESTAMP, TIMEUUID, max_call),
    ONE("to_date", TIMEUUID, DATE, to_date),
    ONE("to_date", TIMESTAMP, DATE, to_date),
    ONE("todate", TIMEUUID, DATE, to_date),
    ONE("todate", TIMESTAMP, DATE, to_date),
    ONE("to_timestamp", TIMEUUID, TIMESTAMP, to_ms),
    ONE("to_timestamp", DATE, TIMESTAMP, to_ms),
    ONE("totimestamp", TIMEUUID, TIMESTAMP, to_ms),
    ONE("totimestamp", DATE, TIMESTAMP, to_ms),
    ONE("to_unix_timestamp", TIMEUUID, BIGINT, to_ms),
    ONE("to_unix_timestamp", TIMESTAMP, BIGINT, to_ms),
    ONE("to_unix_timestamp", DATE, BIGINT, to_ms),
    ONE("tounixtimestamp", TIMEUUID, BIGINT, to_ms),
    ONE("tounixtimestamp", TIMESTAMP, BIGINT, to_ms),
    ONE("tounixtimestamp", DATE, BIGINT, to_ms),
    TWO("floor", TIMESTAMP, DURATION, TIMESTAMP, floor_call),
    THREE("floor", TIMESTAMP, DURATION, TIMESTAMP, TIMESTAMP, floor_call),
    TWO("floor", TIMEUUID, DURATION, TIMESTAMP, floor_call),
    THREE("floor", TIMEUUID, DURATION, TIMESTAMP, TIMESTAMP, floor_call),
    TWO("floor", DATE, DURATION, DATE, floor_call),
    THREE("floor", DATE, DURATION, DATE, DATE, floor_call),
    TWO("floor", TIME, DURATION, TIME, floor_time),
    {.name = NULL},
};
