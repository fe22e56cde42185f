/* calendar.c: durations added to dates, which days become and which become days (Howard Hinnant's method). Months are
 * added by Java's calendar, which is Julian before 1582-10-15. */
#include "engine/term/calendar.h"

int64_t cqle_floor_div(int64_t a, int64_t b) {
  int64_t q = a / b;
  return a % b < 0 ? q - 1 : q;
}

typedef struct ymd {
  int64_t year;
  int32_t month, day; /* from 1 */
} ymd;

enum { GREGORIAN_START = -141427 }; /* 1582-10-15 in days since 1970 */

/* Years begin with March here: leap days stand at their end. */
static ymd ymd_of_year(int64_t year, int64_t day_of_year) {
  int64_t mp = (5 * day_of_year + 2) / 153;
  ymd d;
  d.day = (int32_t)(day_of_year - (153 * mp + 2) / 5 + 1);
  d.month = (int32_t)(mp < 10 ? mp + 3 : mp - 9);
  d.year = year + (d.month <= 2);
  return d;
}

static ymd julian_ymd_of(int64_t days) {
  int64_t z = days + 719470, era = cqle_floor_div(z, 1461), doe = z - era * 1461, yoe = (doe - doe / 1460) / 365;
  return ymd_of_year(yoe + era * 4, doe - 365 * yoe);
}

static ymd ymd_of(int64_t days) {
  if (days < GREGORIAN_START) return julian_ymd_of(days);
  int64_t z = days + 719468, era = cqle_floor_div(z, 146097), doe = z - era * 146097;
  int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  return ymd_of_year(yoe + era * 400, doe - (365 * yoe + yoe / 4 - yoe / 100));
}

static int64_t days_of(ymd d) {
  int64_t y = d.year - (d.month <= 2), era = cqle_floor_div(y, 400), yoe = y - era * 400;
  int64_t doy = (153 * (d.month > 2 ? d.month - 3 : d.month + 9) + 2) / 5 + d.day - 1;
  int64_t days = era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
  if (days >= GREGORIAN_START) return days;
  era = cqle_floor_div(y, 4);
  return era * 1461 + (y - era * 4) * 365 + doy - 719470;
}

static int32_t month_length(int64_t year, int32_t month) {
  static const int32_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = year % 4 == 0 && (year <= 1582 || year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : lengths[month - 1];
}

static int64_t add_months(int64_t days, int64_t months) {
  ymd d = ymd_of(days);
  int64_t all = d.year * 12 + d.month - 1 + months;
  d.year = cqle_floor_div(all, 12);
  d.month = (int32_t)(all - d.year * 12) + 1;
  int32_t last = month_length(d.year, d.month);
  if (d.day > last) d.day = last;
  return days_of(d);
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
