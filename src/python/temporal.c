#include "python/convert.h"

#include <datetime.h>

/* Days are counted from 1970-01-01, in the proleptic Gregorian calendar, as datetime and Cassandra both do. */
enum { MIN_YEAR_DAYS = -719162, MAX_YEAR_DAYS = 2932896 }; /* 0001-01-01 and 9999-12-31: what datetime can hold */

#define US_PER_SECOND   INT64_C(1000000)
#define SECONDS_PER_DAY 86400
#define MS_PER_DAY      INT64_C(86400000)
#define NS_PER_DAY      INT64_C(86400000000000)
#define DATE_EPOCH      INT64_C(0x80000000) /* the wire form of a date is unsigned, 1970-01-01 in the middle */

int cqlpy_datetime_load(void) {
  if (PyDateTimeAPI == NULL) PyDateTime_IMPORT;
  return PyDateTimeAPI == NULL ? -1 : 0;
}

int cqlpy_temporal_load(cqlpy_state *state) {
  if (state->duration_type != NULL) return 0;
  if (cqlpy_datetime_load() < 0) return -1;
  PyObject *time = cqlpy_import_name("libcql.types", "Time");
  PyObject *duration = time == NULL ? NULL : cqlpy_import_name("libcql.types", "Duration");
  if (duration == NULL) {
    Py_XDECREF(time);
    return -1;
  }
  Py_XSETREF(state->time_type, time);
  Py_XSETREF(state->duration_type, duration);
  return 0;
}

typedef struct civil {
  int year, month, day;
} civil;

/* Years counted from March, so that the leap day is the last; eras of 400 years. After Howard Hinnant's
 * chrono-compatible date algorithms. days is within the range of datetime. */
static civil civil_from_days(int64_t days) {
  int64_t z = days + 719468; /* since 0000-03-01; never negative here */
  int64_t era = z / 146097, day_of_era = z % 146097;
  int64_t year = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  int64_t day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
  int64_t month = (5 * day_of_year + 2) / 153; /* 0: March */
  civil out;
  out.day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
  out.month = (int)(month < 10 ? month + 3 : month - 9);
  out.year = (int)(year + era * 400 + (out.month <= 2));
  return out;
}

static int64_t days_from_civil(int year, int month, int day) {
  int64_t y = year - (month <= 2);
  int64_t era = y / 400, year_of_era = y % 400; /* y >= 0: datetime's years begin at 1 */
  int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static int64_t floor_div(int64_t x, int64_t y) {
  return x / y - (x % y < 0);
}

/* --- timestamp ---------------------------------------------------------------------------------------------------- */

PyObject *cqlpy_decode_timestamp(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  (void)d;
  int64_t ms = (int64_t)cql_load_u64(in.data);
  int64_t days = floor_div(ms, MS_PER_DAY);
  if (days < MIN_YEAR_DAYS || days > MAX_YEAR_DAYS) {
    cqlpy_refuse(c, "the timestamp of %lld ms since 1970 lies outside datetime's years 1 to 9999", (long long)ms);
    return NULL;
  }
  civil date = civil_from_days(days);
  int rest = (int)(ms - days * MS_PER_DAY);
  int seconds = rest / 1000;
  return PyDateTimeAPI->DateTime_FromDateAndTime(date.year, date.month, date.day, seconds / 3600, seconds / 60 % 60,
                                                 seconds % 60, rest % 1000 * 1000, PyDateTime_TimeZone_UTC,
                                                 PyDateTimeAPI->DateTimeType);
}

/* How far local time is ahead of UTC, in microseconds. */
static int utc_offset(const cqlpy_context *c, PyObject *value, int64_t *out) {
  *out = 0;
  PyObject *zone = PyDateTime_DATE_GET_TZINFO(value); /* borrowed */
  if (zone == PyDateTime_TimeZone_UTC) return 0;
  PyObject *offset = zone == Py_None ? Py_NewRef(Py_None) : PyObject_CallMethodNoArgs(value, c->state->name_utcoffset);
  if (offset == NULL) return -1;
  int rc = 0;
  if (PyDelta_Check(offset)) {
    int64_t seconds =
        (int64_t)PyDateTime_DELTA_GET_DAYS(offset) * SECONDS_PER_DAY + PyDateTime_DELTA_GET_SECONDS(offset);
    *out = seconds * US_PER_SECOND + PyDateTime_DELTA_GET_MICROSECONDS(offset);
  } else {
    rc = cqlpy_refuse(c,
                      "%R has no time zone; a timestamp is a moment: pass an aware datetime, such as "
                      "value.replace(tzinfo=datetime.timezone.utc) when it is meant in UTC",
                      value);
  }
  Py_DECREF(offset);
  return rc;
}

static int encode_ms(const cqlpy_context *c, cql_buf *out, PyObject *value) {
  int overflow;
  int64_t ms = PyLong_AsLongLongAndOverflow(value, &overflow);
  if (overflow != 0) return cqlpy_refuse(c, "%R milliseconds are out of range for timestamp", value);
  cql_buf_u64(out, (uint64_t)ms);
  return 0;
}

int cqlpy_encode_timestamp(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  if (cqlpy_datetime_load() < 0) return -1;
  if (PyLong_Check(value) && !PyBool_Check(value)) return encode_ms(c, out, value);
  if (!PyDateTime_Check(value)) return cqlpy_refuse_type(c, type, "an aware datetime.datetime", value);
  int64_t offset;
  if (utc_offset(c, value, &offset) < 0) return -1;
  int64_t days = days_from_civil(PyDateTime_GET_YEAR(value), PyDateTime_GET_MONTH(value), PyDateTime_GET_DAY(value));
  int64_t seconds = days * SECONDS_PER_DAY + PyDateTime_DATE_GET_HOUR(value) * 3600 +
                    PyDateTime_DATE_GET_MINUTE(value) * 60 + PyDateTime_DATE_GET_SECOND(value);
  int64_t us = seconds * US_PER_SECOND + PyDateTime_DATE_GET_MICROSECOND(value) - offset;
  cql_buf_u64(out, (uint64_t)floor_div(us, 1000));
  return 0;
}

/* --- date --------------------------------------------------------------------------------------------------------- */

PyObject *cqlpy_decode_date(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  (void)d;
  int64_t days = (int64_t)cql_load_u32(in.data) - DATE_EPOCH;
  if (days < MIN_YEAR_DAYS || days > MAX_YEAR_DAYS) {
    cqlpy_refuse(c, "the date of %lld days since 1970-01-01 lies outside datetime's years 1 to 9999", (long long)days);
    return NULL;
  }
  civil date = civil_from_days(days);
  return PyDate_FromDate(date.year, date.month, date.day);
}

int cqlpy_encode_date(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  if (cqlpy_datetime_load() < 0) return -1;
  if (!PyDate_Check(value) || PyDateTime_Check(value)) /* a datetime is a date to Python; its time would be lost */
    return cqlpy_refuse_type(c, type, "a datetime.date", value);
  int64_t days = days_from_civil(PyDateTime_GET_YEAR(value), PyDateTime_GET_MONTH(value), PyDateTime_GET_DAY(value));
  cql_buf_u32(out, (uint32_t)(days + DATE_EPOCH));
  return 0;
}

/* --- time --------------------------------------------------------------------------------------------------------- */

PyObject *cqlpy_decode_time(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  int64_t ns = (int64_t)cql_load_u64(in.data);
  if (ns < 0 || ns >= NS_PER_DAY) return cqlpy_bad_bytes(c, d);
  if (ns % 1000 != 0) return PyObject_CallFunction(c->state->time_type, "L", (long long)ns);
  int64_t us = ns / 1000;
  int seconds = (int)(us / US_PER_SECOND);
  return PyTime_FromTime(seconds / 3600, seconds / 60 % 60, seconds % 60, (int)(us % US_PER_SECOND));
}

static int encode_own_time(const cqlpy_context *c, cql_buf *out, PyObject *value) {
  PyObject *ns = PyObject_GetAttr(value, c->state->name_nanoseconds);
  if (ns == NULL) return -1;
  long long n = PyLong_AsLongLong(ns);
  Py_DECREF(ns);
  if (n == -1 && PyErr_Occurred()) return -1;
  cql_buf_u64(out, (uint64_t)n);
  return 0;
}

int cqlpy_encode_time(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  if (cqlpy_temporal_load(c->state) < 0) return -1;
  if ((PyObject *)Py_TYPE(value) == c->state->time_type) return encode_own_time(c, out, value);
  if (!PyTime_Check(value)) return cqlpy_refuse_type(c, type, "a datetime.time or a libcql.Time", value);
  if (PyDateTime_TIME_GET_TZINFO(value) != Py_None)
    return cqlpy_refuse(c, "%R has a time zone, which the type time cannot keep", value);
  int64_t seconds = PyDateTime_TIME_GET_HOUR(value) * 3600 + PyDateTime_TIME_GET_MINUTE(value) * 60 +
                    PyDateTime_TIME_GET_SECOND(value);
  cql_buf_u64(out, (uint64_t)((seconds * US_PER_SECOND + PyDateTime_TIME_GET_MICROSECOND(value)) * 1000));
  return 0;
}

/* --- duration ----------------------------------------------------------------------------------------------------- */

PyObject *cqlpy_decode_duration(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  cql_duration value;
  if (cql_read_duration(in, &value) != CQL_OK) return cqlpy_bad_bytes(c, d);
  return PyObject_CallFunction(c->state->duration_type, "iiL", (int)value.months, (int)value.days,
                               (long long)value.nanoseconds);
}

static int read_part(PyObject *value, PyObject *name, int64_t *out) {
  PyObject *part = PyObject_GetAttr(value, name);
  if (part == NULL) return -1;
  *out = PyLong_AsLongLong(part);
  Py_DECREF(part);
  return *out == -1 && PyErr_Occurred() ? -1 : 0;
}

/* Duration has checked its parts when it was made. */
int cqlpy_encode_duration(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  cqlpy_state *state = c->state;
  if (cqlpy_temporal_load(state) < 0) return -1;
  if ((PyObject *)Py_TYPE(value) != state->duration_type) return cqlpy_refuse_type(c, type, "a libcql.Duration", value);
  int64_t months, days, nanoseconds;
  if (read_part(value, state->name_months, &months) < 0 || read_part(value, state->name_days, &days) < 0 ||
      read_part(value, state->name_nanoseconds, &nanoseconds) < 0)
    return -1;
  cql_put_duration(out, (cql_duration){(int32_t)months, (int32_t)days, nanoseconds});
  return 0;
}
