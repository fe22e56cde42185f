/* date.c: timestamps, dates and times of day, in the forms that Cassandra's serializers read and write. */
#include "value/value_int.h"

#include <string.h>

static const int64_t MS_PER_DAY = 86400000;
static const int64_t NS_PER_DAY = 86400000000000;
static const int64_t DATE_EPOCH = (int64_t)1 << 31; /* a date counts days, with 1970-01-01 in the middle */

/* --- the calendar (proleptic Gregorian; year 0 is 1 BC) ----------------------------------------------------------- */

/* Years are counted from 1 March of year 0, in cycles of 400, so that the leap day is the last of its year. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2;
  int64_t cycle = (year >= 0 ? year : year - 399) / 400;
  int64_t year_of_cycle = year - cycle * 400;
  int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return cycle * 146097 + year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year - 719468;
}

typedef struct civil {
  int64_t year;
  int month, day;
} civil;

static civil civil_from_days(int64_t days) {
  days += 719468;
  int64_t cycle = (days >= 0 ? days : days - 146096) / 146097;
  int64_t day_of_cycle = days - cycle * 146097;
  int64_t year_of_cycle = (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36524 - day_of_cycle / 146096) / 365;
  int64_t day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
  int month = (int)((5 * day_of_year + 2) / 153);
  civil c;
  c.day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
  c.month = month < 10 ? month + 3 : month - 9;
  c.year = year_of_cycle + cycle * 400 + (c.month <= 2);
  return c;
}

static int64_t month_len(int64_t year, int64_t month) {
  static const uint8_t lens[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : lens[month - 1];
}

/* --- scanning ----------------------------------------------------------------------------------------------------- */

typedef struct scanner {
  const uint8_t *p, *end;
} scanner;

static bool take(scanner *s, char c) {
  if (s->p == s->end || *s->p != (uint8_t)c) return false;
  s->p++;
  return true;
}

static bool take_text(scanner *s, const char *text) {
  size_t n = strlen(text);
  if ((size_t)(s->end - s->p) < n || memcmp(s->p, text, n) != 0) return false;
  s->p += n;
  return true;
}

/* Between min and max digits; a value past 10^10 is refused, as no field may be so large. */
static bool take_number(scanner *s, int min, int max, int64_t *out) {
  int n = 0;
  int64_t v = 0;
  for (; n < max && s->p < s->end && *s->p >= '0' && *s->p <= '9'; n++, s->p++) {
    v = v * 10 + (*s->p - '0');
    if (v > 9999999999) return false;
  }
  *out = v;
  return n >= min;
}

/* Z, +hh, +hhmm, +hh:mm, +hh:mm:ss: seconds east of Greenwich. */
static bool take_offset(scanner *s, int64_t *out) {
  int64_t hours = 0, minutes = 0, seconds = 0;
  *out = 0;
  if (take(s, 'Z')) return true;
  bool west = s->p < s->end && *s->p == '-';
  if (!take(s, '+') && !take(s, '-')) return false;
  if (!take_number(s, 2, 2, &hours)) return false;
  if (take(s, ':')) {
    if (!take_number(s, 2, 2, &minutes)) return false;
    if (take(s, ':') && !take_number(s, 2, 2, &seconds)) return false;
  } else if (s->p < s->end && !take_number(s, 2, 2, &minutes)) {
    return false;
  }
  int64_t total = hours * 3600 + minutes * 60 + seconds;
  if (minutes > 59 || seconds > 59 || total > 18 * 3600) return false;
  *out = west ? -total : total;
  return true;
}

/* What may follow a date and time; nothing means UTC. Of zone names those that mean UTC everywhere are known, alone or
 * with an offset behind them. Seconds belong to an offset only after a space, or after a mere date. */
static bool take_zone(scanner *s, bool seconds_may_be, int64_t *offset) {
  *offset = 0;
  if (s->p == s->end) return true;
  const uint8_t *from = s->p;
  bool spaced = take(s, ' ');
  bool named = spaced && (take_text(s, "UTC") || take_text(s, "GMT") || take_text(s, "UT"));
  if (named && s->p == s->end) return true;
  if (!take_offset(s, offset) || s->p != s->end) return false;
  return spaced || seconds_may_be || s->p - from < 9;
}

/* --- timestamp ---------------------------------------------------------------------------------------------------- */

static bool take_fraction(scanner *s, int64_t *ms) {
  int64_t v = 0, digits = 0;
  *ms = 0;
  if (!take(s, '.')) return true;
  for (; digits < 9 && s->p < s->end && *s->p >= '0' && *s->p <= '9'; digits++, s->p++)
    if (digits < 3) v = v * 10 + (*s->p - '0');
  for (; digits < 3; digits++) v *= 10;
  *ms = v;
  return true;
}

static bool take_clock(scanner *s, int64_t *ms) {
  int64_t hour, minute, second = 0, fraction = 0;
  if (!take_number(s, 1, 19, &hour) || !take(s, ':') || !take_number(s, 1, 19, &minute)) return false;
  if (take(s, ':') && !(take_number(s, 1, 19, &second) && take_fraction(s, &fraction))) return false;
  bool midnight = hour == 24 && minute == 0 && second == 0 && fraction == 0;
  if ((hour > 23 && !midnight) || minute > 59 || second > 59) return false;
  *ms = ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
  return true;
}

/* The 31st of a shorter month is its last day; past 31 is no day. */
static bool to_days(int64_t year, int64_t month, int64_t day, int64_t *out) {
  if (month < 1 || month > 12 || day < 1 || day > 31) return false;
  int64_t last = month_len(year, month);
  *out = days_from_civil(year, month, day < last ? day : last);
  return true;
}

static bool parse_date_time(cql_slice text, int64_t *ms) {
  scanner s = {text.data, text.data + text.len};
  int64_t year, month, day, days, clock, offset;
  if (!take_number(&s, 1, 19, &year) || !take(&s, '-') || !take_number(&s, 1, 19, &month) || !take(&s, '-') ||
      !take_number(&s, 1, 19, &day))
    return false;
  if (!take(&s, 'T') && !take(&s, ' ')) return false;
  if (!take_clock(&s, &clock) || !take_zone(&s, false, &offset)) return false;
  if (year < 1 || year > 292278993 || !to_days(year, month, day, &days)) return false;
  *ms = days * MS_PER_DAY + clock - offset * 1000;
  return true;
}

static bool parse_date_only(cql_slice text, int64_t *ms) {
  scanner s = {text.data, text.data + text.len};
  int64_t year, month, day, days, offset;
  bool before = take(&s, '-');
  bool plus = !before && take(&s, '+');
  const uint8_t *from = s.p;
  if (!take_number(&s, 4, 9, &year) || plus != (s.p - from > 4) || !take(&s, '-')) return false;
  if (!take_number(&s, 2, 2, &month) || !take(&s, '-') || !take_number(&s, 2, 2, &day)) return false;
  if (before) year = -year;
  if (year < -292275054 || year > 292278993 || !take_zone(&s, true, &offset) || !to_days(year, month, day, &days))
    return false;
  *ms = days * MS_PER_DAY - offset * 1000;
  return true;
}

static bool is_whole_number(cql_slice text) {
  size_t i = text.len > 0 && text.data[0] == '-' ? 1 : 0;
  if (i == text.len) return false;
  for (; i < text.len; i++)
    if (text.data[i] < '0' || text.data[i] > '9') return false;
  return true;
}

cql_status cqlv_timestamp_parse(cql_slice text, int64_t *ms, cql_error *err) {
  if (cql_slice_eq_nocase(text, "now")) {
    *ms = cql_clock_now_us() / 1000;
    return CQL_OK;
  }
  if (is_whole_number(text)) {
    if (cqlv_int64_parse(text, ms)) return CQL_OK;
    return cql_fail(err, CQL_INVALID, "Unable to make long (for date) from: '" CQL_SLICE_FMT "'", CQL_SLICE_ARG(text));
  }
  if (parse_date_time(text, ms) || parse_date_only(text, ms)) return CQL_OK;
  return cql_fail(err, CQL_INVALID, "Unable to parse a date/time from '" CQL_SLICE_FMT "'", CQL_SLICE_ARG(text));
}

/* printf() is slow, and a scan may print a moment for each of its rows. */
static void put_digits(uint8_t *out, int count, int64_t n) {
  for (int i = count; i-- > 0; n /= 10) out[i] = (uint8_t)('0' + n % 10);
}

void cqlv_print_timestamp(cql_buf *b, int64_t ms) {
  int64_t days = ms / MS_PER_DAY, rest = ms % MS_PER_DAY;
  if (rest < 0) {
    rest += MS_PER_DAY;
    days--;
  }
  civil c = civil_from_days(days);
  /* Java prints the year of its era, without saying which. */
  int64_t year = c.year > 0 ? c.year : 1 - c.year;
  if (year > 9999) cql_buf_printf(b, "+%lld", (long long)year);
  uint8_t text[] = "0000-00-00T00:00:00.000Z";
  put_digits(text, 4, year);
  put_digits(text + 5, 2, c.month);
  put_digits(text + 8, 2, c.day);
  put_digits(text + 11, 2, rest / 3600000);
  put_digits(text + 14, 2, rest / 60000 % 60);
  put_digits(text + 17, 2, rest / 1000 % 60);
  put_digits(text + 20, 3, rest % 1000);
  size_t skipped = year > 9999 ? 4 : 0;
  cql_buf_put(b, text + skipped, sizeof text - 1 - skipped);
}

/* --- date --------------------------------------------------------------------------------------------------------- */

static cql_status fail_date_range(cql_slice text, bool low, cql_error *err) {
  return cql_fail(err, CQL_INVALID, "Input date " CQL_SLICE_FMT " is %s", CQL_SLICE_ARG(text),
                  low ? "less than min supported date -5877641-06-23T00:00Z"
                      : "greater than max supported date +5881580-07-11T00:00Z");
}

cql_status cqlv_date_parse(cql_slice text, uint32_t *days, cql_error *err) {
  int64_t raw, year, month, day;
  if (is_whole_number(text)) {
    bool fits = cqlv_int64_parse(text, &raw) && raw >= 0 && raw <= UINT32_MAX;
    if (!fits)
      return cql_fail(err, CQL_INVALID, "Unable to make unsigned int (for date) from: '" CQL_SLICE_FMT "'",
                      CQL_SLICE_ARG(text));
    *days = (uint32_t)raw;
    return CQL_OK;
  }
  scanner s = {text.data, text.data + text.len};
  bool before = take(&s, '-'), plus = !before && take(&s, '+');
  const uint8_t *from = s.p;
  bool ok = take_number(&s, 4, 10, &year) && plus == (s.p - from > 4 && !before) && take(&s, '-') &&
            take_number(&s, 2, 2, &month) && take(&s, '-') && take_number(&s, 2, 2, &day) && s.p == s.end;
  if (ok && before) year = -year;
  ok = ok && year >= -999999999 && year <= 999999999 && month >= 1 && month <= 12 && day >= 1 &&
       day <= month_len(year, month);
  if (!ok)
    return cql_fail(err, CQL_INVALID, "Unable to coerce '" CQL_SLICE_FMT "' to a formatted date (long)",
                    CQL_SLICE_ARG(text));
  raw = days_from_civil(year, month, day);
  if (raw < INT32_MIN || raw > INT32_MAX) return fail_date_range(text, raw < 0, err);
  *days = (uint32_t)(raw + DATE_EPOCH);
  return CQL_OK;
}

void cqlv_print_date(cql_buf *b, uint32_t days) {
  civil c = civil_from_days((int64_t)days - DATE_EPOCH);
  const char *sign = c.year < 0 ? "-" : c.year > 9999 ? "+" : "";
  cql_buf_printf(b, "%s%04lld-%02d-%02d", sign, (long long)(c.year < 0 ? -c.year : c.year), c.month, c.day);
}

/* --- time of day -------------------------------------------------------------------------------------------------- */

/* As Java's Integer.parseInt: a sign, and any number of digits. */
static bool part(cql_slice text, int64_t *out) {
  return text.len <= 18 && cqlv_int64_parse(text, out);
}

static cql_slice until(cql_slice *rest, char c) {
  const uint8_t *hit = rest->len == 0 ? NULL : memchr(rest->data, c, rest->len);
  cql_slice head = cql_slice_of(rest->data, hit == NULL ? rest->len : (size_t)(hit - rest->data));
  *rest = hit == NULL ? cql_slice_of(NULL, 0) : cql_slice_of(hit + 1, rest->len - head.len - 1);
  return head;
}

static bool parse_time_of_day(cql_slice text, int64_t *ns) {
  int64_t hour, minute, second, nanos = 0;
  cql_slice rest = text;
  cql_slice hours = until(&rest, ':'), minutes = until(&rest, ':'), seconds = until(&rest, '.');
  if (!part(hours, &hour) || !part(minutes, &minute) || !part(seconds, &second)) return false;
  if (rest.data != NULL) {
    if (rest.len == 0 || rest.len > 9 || rest.data[0] < '0' || rest.data[0] > '9' || !part(rest, &nanos)) return false;
    for (size_t i = rest.len; i < 9; i++) nanos *= 10;
  }
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return false;
  *ns = ((hour * 60 + minute) * 60 + second) * 1000000000 + nanos;
  return true;
}

cql_status cqlv_time_parse(cql_slice text, int64_t *ns, cql_error *err) {
  if (is_whole_number(text)) {
    if (cqlv_int64_parse(text, ns) && *ns >= 0 && *ns < NS_PER_DAY) return CQL_OK;
    return cql_fail(err, CQL_INVALID, "Unable to make long (for time) from: '" CQL_SLICE_FMT "'", CQL_SLICE_ARG(text));
  }
  if (parse_time_of_day(text, ns)) return CQL_OK;
  return cql_fail(err, CQL_INVALID, "(TimeType) Unable to coerce '" CQL_SLICE_FMT "' to a formatted time (long)",
                  CQL_SLICE_ARG(text));
}

void cqlv_print_time(cql_buf *b, int64_t ns) {
  uint64_t v = (uint64_t)ns;
  cql_buf_printf(b, "%02llu:%02llu:%02llu.%09llu", (unsigned long long)(v / 3600000000000),
                 (unsigned long long)(v / 60000000000 % 60), (unsigned long long)(v / 1000000000 % 60),
                 (unsigned long long)(v % 1000000000));
}
