/* calendar.h: durations added to dates. Days and milliseconds count from 1970-01-01. */
#ifndef CQLE_CALENDAR_H
#define CQLE_CALENDAR_H

#include "value/value.h"

#define CQLE_DATE_EPOCH ((int64_t)1 << 31) /* the date type's number for 1970-01-01 */
#define CQLE_DAY_MS     ((int64_t)86400000)
#define CQLE_MS_NS      ((int64_t)1000000)
#define CQLE_DAY_NS     ((int64_t)86400 * 1000000000)

int64_t cqle_floor_div(int64_t a, int64_t b); /* b > 0 */
/* sign 1 or -1. Months first, and the day is cut to the month's last one. */
int64_t cqle_days_add(int64_t days, cql_duration d, int sign);
int64_t cqle_timestamp_add(int64_t ms, cql_duration d, int sign);

#endif
