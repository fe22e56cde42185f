/* duration.c: months, days and nanoseconds. */
#include "value/value_int.h"

#include <string.h>

size_t cqlv_duration_store(uint8_t out[CQLV_DURATION_LEN_MAX], cql_duration d) {
  size_t n = cqlv_uvint_store(out, cqlv_zigzag(d.months));
  n += cqlv_uvint_store(out + n, cqlv_zigzag(d.days));
  return n + cqlv_uvint_store(out + n, cqlv_zigzag(d.nanoseconds));
}

void cql_put_duration(cql_buf *b, cql_duration d) {
  uint8_t bytes[CQLV_DURATION_LEN_MAX];
  cql_buf_put(b, bytes, cqlv_duration_store(bytes, d));
}

cql_status cql_read_duration(cql_slice bytes, cql_duration *out) {
  cql_reader r = cql_reader_of(bytes);
  int64_t months, days, nanoseconds;
  cql_status st;
  CQL_TRY(cql_read_vint(&r, &months));
  CQL_TRY(cql_read_vint(&r, &days));
  CQL_TRY(cql_read_vint(&r, &nanoseconds));
  CQL_CHECK(months == (int32_t)months && days == (int32_t)days && cql_reader_left(&r) == 0, CQL_MALFORMED);
  *out = (cql_duration){(int32_t)months, (int32_t)days, nanoseconds};
done:
  return st;
}

/* --- text --------------------------------------------------------------------------------------------------------- */

typedef enum field { MONTHS, DAYS, NANOSECONDS, FIELD_COUNT } field;

static const char *const field_names[FIELD_COUNT] = {"months", "days", "nanoseconds"};

static const struct {
  const char *symbol, *name;
  field into;
  int64_t factor;
} units[] = {
    {"y", "years", MONTHS, 12},
    {"mo", "months", MONTHS, 1},
    {"w", "weeks", DAYS, 7},
    {"d", "days", DAYS, 1},
    {"h", "hours", NANOSECONDS, 3600000000000},
    {"m", "minutes", NANOSECONDS, 60000000000},
    {"s", "seconds", NANOSECONDS, 1000000000},
    {"ms", "milliseconds", NANOSECONDS, 1000000},
    {"us", "microseconds", NANOSECONDS, 1000},
    {"ns", "nanoseconds", NANOSECONDS, 1},
};
enum { YEARS, MONTH, WEEKS, DAY, HOURS, MINUTES, SECONDS, UNIT_COUNT = 10, NO_UNIT = -1 };

typedef struct parser {
  cql_slice text; /* without the sign, for errors */
  const uint8_t *p, *end;
  int64_t sums[FIELD_COUNT];
  int last_unit;
  cql_error *err;
} parser;

static cql_status fail_text(parser *p) {
  return cql_fail(p->err, CQL_INVALID, "Unable to convert '" CQL_SLICE_FMT "' to a duration", CQL_SLICE_ARG(p->text));
}

static bool take(parser *p, char c) {
  if (p->p == p->end || *p->p != (uint8_t)c) return false;
  p->p++;
  return true;
}

static bool take_number(parser *p, int64_t *out) {
  const uint8_t *from = p->p;
  while (p->p < p->end && *p->p >= '0' && *p->p <= '9') p->p++;
  return cqlv_int64_parse(cql_slice_of(from, (size_t)(p->p - from)), out);
}

static cql_status add(parser *p, int unit, int64_t n) {
  field into = units[unit].into;
  int64_t max = into == NANOSECONDS ? INT64_MAX : INT32_MAX;
  if (unit == p->last_unit)
    return cql_fail(p->err, CQL_INVALID, "Invalid duration. The %s are specified multiple times", units[unit].name);
  if (unit < p->last_unit)
    return cql_fail(p->err, CQL_INVALID, "Invalid duration. The %s should be after %s", units[p->last_unit].name,
                    units[unit].name);
  if (n > (max - p->sums[into]) / units[unit].factor)
    return cql_fail(p->err, CQL_INVALID, "Invalid duration. The total number of %s must be less or equal to %d",
                    field_names[into], INT32_MAX);
  p->sums[into] += n * units[unit].factor;
  p->last_unit = unit;
  return CQL_OK;
}

static int find_unit(cql_slice symbol) {
  static const char micro_sign[] = "\xC2\xB5"; /* µs */
  char ascii[3] = "us";
  if (symbol.len == 3 && memcmp(symbol.data, micro_sign, 2) == 0) {
    ascii[1] = (char)symbol.data[2];
    symbol = cql_slice_str(ascii);
  }
  for (int i = 0; i < UNIT_COUNT; i++)
    if (cql_slice_eq_nocase(symbol, units[i].symbol)) return i;
  return NO_UNIT;
}

/* 1y2mo3w4d5h6m7s8ms9us10ns */
static cql_status parse_standard(parser *p) {
  cql_status st = p->p == p->end ? fail_text(p) : CQL_OK;
  while (st == CQL_OK && p->p < p->end) {
    int64_t n;
    if (!take_number(p, &n)) return fail_text(p);
    const uint8_t *from = p->p;
    while (p->p < p->end && (*p->p < '0' || *p->p > '9')) p->p++;
    int unit = find_unit(cql_slice_of(from, (size_t)(p->p - from)));
    if (unit == NO_UNIT) return fail_text(p);
    st = add(p, unit, n);
  }
  return st;
}

/* The designators of one half of P1Y2M3DT4H5M6S, each at most once and in their order. */
static cql_status parse_designators(parser *p, const char *letters, const int *ids) {
  while (p->p < p->end && *p->p != 'T') {
    int64_t n;
    if (!take_number(p, &n) || p->p == p->end) return fail_text(p);
    const char *hit = *p->p == '\0' ? NULL : strchr(letters, *p->p);
    if (hit == NULL || ids[hit - letters] <= p->last_unit) return fail_text(p);
    p->p++;
    cql_status st = add(p, ids[hit - letters], n);
    if (st != CQL_OK) return st;
  }
  return CQL_OK;
}

static cql_status parse_iso(parser *p) {
  static const int date_ids[] = {YEARS, MONTH, DAY}, time_ids[] = {HOURS, MINUTES, SECONDS};
  cql_status st = parse_designators(p, "YMD", date_ids);
  if (st == CQL_OK && take(p, 'T')) st = parse_designators(p, "HMS", time_ids);
  if (st == CQL_OK && p->p < p->end) st = fail_text(p);
  return st;
}

static cql_status parse_weeks(parser *p) {
  int64_t n;
  if (!take_number(p, &n) || !take(p, 'W') || p->p != p->end) return fail_text(p);
  return add(p, WEEKS, n);
}

/* P0001-02-03T04:05:06 */
static cql_status parse_alternative(parser *p) {
  static const char shape[] = "dddd-dd-ddTdd:dd:dd";
  static const int ids[] = {YEARS, MONTH, DAY, HOURS, MINUTES, SECONDS};
  if ((size_t)(p->end - p->p) != sizeof shape - 1) return fail_text(p);
  int64_t n = 0;
  int id = 0;
  for (size_t i = 0; i <= sizeof shape - 1; i++) {
    if (shape[i] == 'd') {
      uint8_t c = p->p[i];
      if (c < '0' || c > '9') return fail_text(p);
      n = n * 10 + (c - '0');
      continue;
    }
    if (shape[i] != '\0' && p->p[i] != (uint8_t)shape[i]) return fail_text(p);
    cql_status st = add(p, ids[id++], n);
    if (st != CQL_OK) return st;
    n = 0;
  }
  return CQL_OK;
}

static cql_status parse_any(parser *p) {
  if (!take(p, 'P')) return parse_standard(p);
  if (p->p < p->end && p->end[-1] == 'W') return parse_weeks(p);
  if (p->p < p->end && memchr(p->p, '-', (size_t)(p->end - p->p)) != NULL) return parse_alternative(p);
  return parse_iso(p);
}

cql_status cqlv_duration_parse(cql_slice text, cql_duration *out, cql_error *err) {
  parser p = {.text = text, .p = text.data, .end = text.data, .last_unit = NO_UNIT, .err = err};
  if (text.len > 0) p.end += text.len;
  int sign = take(&p, '-') ? -1 : 1;
  p.text = cql_slice_of(p.p, (size_t)(p.end - p.p));
  cql_status st = parse_any(&p);
  if (st != CQL_OK) return st;
  *out = (cql_duration){(int32_t)(sign * p.sums[MONTHS]), (int32_t)(sign * p.sums[DAYS]), sign * p.sums[NANOSECONDS]};
  return CQL_OK;
}

static uint64_t magnitude(int64_t v) {
  return v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
}

void cqlv_print_duration(cql_buf *b, cql_duration d) {
  uint64_t rest[FIELD_COUNT] = {magnitude(d.months), magnitude(d.days), magnitude(d.nanoseconds)};
  if (d.months < 0 || d.days < 0 || d.nanoseconds < 0) cql_buf_u8(b, '-');
  for (int i = 0; i < UNIT_COUNT; i++) {
    uint64_t factor = (uint64_t)units[i].factor, *left = &rest[units[i].into];
    if (i == WEEKS || *left < factor) continue; /* days are not gathered into weeks */
    cql_buf_printf(b, "%llu%s", (unsigned long long)(*left / factor), units[i].symbol);
    *left %= factor;
  }
}
