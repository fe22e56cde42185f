/* float.c: binary floating point, as Java reads and writes it. */
#include "value/value_int.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

float cqlv_load_float(const uint8_t *p) {
  uint32_t bits = cql_load_u32(p);
  float v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

double cqlv_load_double(const uint8_t *p) {
  uint64_t bits = cql_load_u64(p);
  double v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

/* strtod() obeys the locale's decimal point; the host program may have set one. */
static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void) {
  c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

enum { FLOAT_TEXT_MAX = 4096 };

/* Java's grammar for decimal numbers: no hex floats, no "inf", digits on one side of the point at least. */
static bool looks_like_number(cql_slice text) {
  size_t i = 0, digits = 0;
  if (i < text.len && (text.data[i] == '-' || text.data[i] == '+')) i++;
  for (; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++) digits++;
  if (i < text.len && text.data[i] == '.') i++;
  for (; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++) digits++;
  if (digits == 0) return false;
  if (i == text.len) return true;
  if (text.data[i] != 'e' && text.data[i] != 'E') return false;
  i++;
  if (i < text.len && (text.data[i] == '-' || text.data[i] == '+')) i++;
  size_t from = i;
  while (i < text.len && text.data[i] >= '0' && text.data[i] <= '9') i++;
  return i == text.len && i > from;
}

static bool special(cql_slice text, double *out) {
  bool negative = text.len > 0 && text.data[0] == '-';
  if (text.len > 0 && (text.data[0] == '-' || text.data[0] == '+')) {
    text.data++;
    text.len--;
  }
  if (cql_slice_eq_nocase(text, "nan")) {
    *out = (double)NAN;
    return true;
  }
  if (!cql_slice_eq_nocase(text, "infinity")) return false;
  *out = negative ? -HUGE_VAL : HUGE_VAL;
  return true;
}

static bool copy_number(cql_slice text, char out[FLOAT_TEXT_MAX]) {
  if (!looks_like_number(text) || text.len >= FLOAT_TEXT_MAX) return false;
  memcpy(out, text.data, text.len);
  out[text.len] = '\0';
  return pthread_once(&c_locale_once, make_c_locale) == 0 && c_locale != (locale_t)0;
}

bool cqlv_double_parse(cql_slice text, double *out) {
  char copy[FLOAT_TEXT_MAX];
  if (special(text, out)) return true;
  if (!copy_number(text, copy)) return false;
  *out = strtod_l(copy, NULL, c_locale);
  return true;
}

bool cqlv_float_parse(cql_slice text, float *out) {
  char copy[FLOAT_TEXT_MAX];
  double wide;
  if (special(text, &wide)) {
    *out = (float)wide;
    return true;
  }
  if (!copy_number(text, copy)) return false;
  *out = strtof_l(copy, NULL, c_locale);
  return true;
}

/* Java looks for the shortest digits that read back as v, but among those of two digits at least: 4.9E-324, not 5. */
enum { MIN_DIGITS = 2 };

/* The digits of v with `precision` of them, without point; returns the decimal exponent. */
static int scientific(double v, int precision, char digits[32]) {
  char text[64];
  int n = 0;
  snprintf(text, sizeof text, "%.*e", precision - 1, v);
  const char *p = text;
  for (; *p != 'e'; p++)
    if (*p >= '0' && *p <= '9') digits[n++] = *p;
  while (n > 1 && digits[n - 1] == '0') n--;
  digits[n] = '\0';
  return atoi(p + 1);
}

/* Java's layout: plain from 10^-3 up to 10^7, else one digit before the point and an E; always a digit behind the
 * point. */
static void print_java(cql_buf *b, const char *digits, int exponent) {
  int n = (int)strlen(digits);
  if (exponent < -3 || exponent >= 7) {
    cql_buf_printf(b, "%c.%sE%d", digits[0], n > 1 ? digits + 1 : "0", exponent);
    return;
  }
  if (exponent < 0) {
    cql_buf_printf(b, "0.%.*s%s", -exponent - 1, "000000", digits);
    return;
  }
  for (int i = 0; i <= exponent; i++) cql_buf_u8(b, i < n ? (uint8_t)digits[i] : '0');
  cql_buf_printf(b, ".%s", n > exponent + 1 ? digits + exponent + 1 : "0");
}

static bool print_special(cql_buf *b, double v) {
  if (isnan(v)) {
    cql_buf_str(b, "NaN");
    return true;
  }
  if (signbit(v)) cql_buf_u8(b, '-');
  if (isinf(v)) cql_buf_str(b, "Infinity");
  if (v == 0) cql_buf_str(b, "0.0");
  return isinf(v) || v == 0;
}

void cqlv_print_double(cql_buf *b, double v) {
  char digits[32];
  if (print_special(b, v)) return;
  v = fabs(v);
  for (int precision = MIN_DIGITS; precision <= 17; precision++) {
    char text[64];
    int exponent = scientific(v, precision, digits);
    double back;
    snprintf(text, sizeof text, "%se%d", digits, exponent - (int)strlen(digits) + 1);
    if (!cqlv_double_parse(cql_slice_str(text), &back) || (back != v && precision < 17)) continue;
    print_java(b, digits, exponent);
    return;
  }
}

void cqlv_print_float(cql_buf *b, float v) {
  char digits[32];
  if (print_special(b, (double)v)) return;
  v = fabsf(v);
  for (int precision = MIN_DIGITS; precision <= 9; precision++) {
    char text[64];
    int exponent = scientific((double)v, precision, digits);
    float back;
    snprintf(text, sizeof text, "%se%d", digits, exponent - (int)strlen(digits) + 1);
    if (!cqlv_float_parse(cql_slice_str(text), &back) || (back != v && precision < 9)) continue;
    print_java(b, digits, exponent);
    return;
  }
}
