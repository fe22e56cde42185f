/* calendar.c: days to dates and back (Howard Hinnant's method), and durations added to them. */
#include "engine/term/calendar.h"

int64_t cqle_floor_div(int64_t a, int64_t b) {
  int64_t q = a / b;
  return a % b < 0 ? q - 1 : q;
}

cqle_ymd cqle_ymd_of(int64_t days) {
  int64_t z = days + 719468, era = cqle_floor_div(z, 146097), doe = z - era * 146097;
  int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
  cqle_ymd d;
  d.day = (int32_t)(doy - (153 * mp + 2) / 5 + 1);
  d.month = (int32_t)(mp < 10 ? mp + 3 : mp - 9);
  d.year = yoe + era * 400 + (d.month <= 2);
  return d;
}

int64_t cqle_days_of(cqle_ymd d) {
  int64_t months = d.year * 12 + d.month - 1, year = cqle_floor_div(months, 12), month = months - year * 12 + 1;
  int64_t y = year - (month <= 2), era = cqle_floor_div(y, 400), yoe = y - era * 400;
  int64_t doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + d.day - 1;
  int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + doe - 719468;
}

static int32_t month_length(int64_t year, int64_t month) {
  cqle_ymd first = {year, (int32_t)month, 1}, next = {year, (int32_t)month + 1, 1};
  return (int32_t)(cqle_days_of(next) - cqle_days_of(first));
}

static int64_t add_months(int64_t days, int64_t months) {
  cqle_ymd d = cqle_ymd_of(days);
  int64_t all = d.year * 12 + d.month - 1 + months;
  d.year = cqle_floor_div(all, 12);
  d.month = (int32_t)(all - d.year * 12) + 1;
  int32_t last = month_length(d.year, d.month);
  if (d.day > last) d.day = last;
  return cqle_days_of(d);
}

int64_t cqle_days_add(int64_t days, cql_duration d, int sign) {
  if (d.months != 0) days = add_months(days, (int64_t)sign * d.months);
  return days + (int64_t)sign * d.days;
}

int64_t cqle_timestamp_add(int64_t ms, cql_duration d, int sign) {
  int64_t days = cqle_floor_div(ms, CQLE_DAY_MS), rest = ms - days * CQLE_DAY_MS;
  days = cqle_days_add(days, d, sign);
  return days * CQLE_DAY_MS + rest + sign * (d.nanoseconds / 1000000);
}
