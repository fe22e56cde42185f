/* calendar.h: dates, and durations added to them. Days and milliseconds count from 1970-01-01; the calendar is
 * Gregorian. */
#ifndef CQLE_CALENDAR_H
#define CQLE_CALENDAR_H

#include "value/value.h"

#define CQLE_DATE_EPOCH ((int64_t)1 << 31) /* the date type's number for 1970-01-01 */
#define CQLE_DAY_MS     ((int64_t)86400000)
#define CQLE_DAY_NS     ((int64_t)86400 * 1000000000)

typedef struct cqle_ymd {
  int64_t year;
  int32_t month, day; /* from 1 */
} cqle_ymd;
cqle_ymd cqle_ymd_of(int64_t days);
int64_t cqle_days_of(cqle_ymd d); /* month may be out of 1 to 12 */

int64_t cqle_floor_div(int64_t a, int64_t b); /* b > 0 */
/* sign 1 or -1. Months first, and the day is cut to the month's last one. */
int64_t cqle_days_add(int64_t days, cql_duration d, int sign);
int64_t cqle_timestamp_add(int64_t ms, cql_duration d, int sign);

#endif
