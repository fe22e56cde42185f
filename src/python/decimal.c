/* decimal.c: decimals. Decimal has no way in that C can take but text, which is longer than all the rest of a row.
 *
 * CPython's own Decimal (_decimal, over libmpdec) is a plain struct, and a number of up to 18 digits differs from
 * another one only in four of its fields. cqlpy_decimal_load() looks at objects that the class has made: only when they
 * are, byte for byte, what make_small() makes, which it does on samples of all kinds, is make_small() used. Any other
 * Decimal is given text.
 *
 *   FIELD    MEANING
 *   flags    the lowest bit is the sign
 *   exp      the exponent
 *   digits   how many decimal digits
 *   word     the digits, as a number; the others of its kind are not looked at, for len says one
 */
#include "python/convert.h"

/* PyDecObject with its mpd_t, as they stand in Modules/_decimal since Python 3.3. */
typedef struct small_decimal {
  PyObject_HEAD Py_hash_t hash;
  uint8_t flags;
  Py_ssize_t exp, digits, len, alloc;
  uint64_t *data; /* word */
  uint64_t word, unused[3];
} small_decimal;

enum { SIGN = 1 };
#define SMALL_MAX UINT64_C(999999999999999999)

static Py_ssize_t digit_count(uint64_t n) {
  Py_ssize_t count = 1;
  for (; n >= 10000; n /= 10000) count += 4;
  return count + (n >= 10) + (n >= 100) + (n >= 1000);
}

/* model: what is the same in all small decimals, of a positive one. */
static PyObject *make_small(PyTypeObject *type, const small_decimal *model, int64_t unscaled, int64_t exponent) {
  small_decimal *out = (small_decimal *)type->tp_alloc(type, 0);
  if (out == NULL) return NULL;
  out->hash = model->hash;
  out->flags = unscaled < 0 ? model->flags | SIGN : model->flags;
  out->exp = (Py_ssize_t)exponent;
  out->word = unscaled < 0 ? 0 - (uint64_t)unscaled : (uint64_t)unscaled;
  out->digits = digit_count(out->word);
  out->len = model->len;
  out->alloc = model->alloc;
  out->data = &out->word;
  return (PyObject *)out;
}

/* --- by text ------------------------------------------------------------------------------------------------------ */

enum { SMALL_TEXT_LEN = 40 }; /* a sign, 19 digits, "E-2147483648" */

static char *put_digits(char *end, uint64_t n) {
  do *--end = (char)('0' + n % 10);
  while ((n /= 10) > 0);
  return end;
}

/* 150 and -2: "150E-2", which Decimal reads as exactly 1.50. */
static PyObject *small_text(int64_t unscaled, int64_t exponent) {
  char text[SMALL_TEXT_LEN], *end = text + sizeof text, *at = end;
  if (exponent != 0) {
    at = put_digits(at, (uint64_t)(exponent < 0 ? -exponent : exponent));
    if (exponent < 0) *--at = '-';
    *--at = 'E';
  }
  at = put_digits(at, unscaled < 0 ? 0 - (uint64_t)unscaled : (uint64_t)unscaled);
  if (unscaled < 0) *--at = '-';
  PyObject *out = PyUnicode_New(end - at, 127);
  if (out != NULL) memcpy(PyUnicode_1BYTE_DATA(out), at, (size_t)(end - at));
  return out;
}

static PyObject *large_text(cql_slice unscaled, int64_t exponent) {
  cql_buf digits;
  cql_buf_init(&digits, &cql_alloc_libc, CQL_VALUE_LEN_MAX);
  cql_print_varint(&digits, unscaled);
  cql_buf_printf(&digits, "E%lld", (long long)exponent);
  PyObject *text = digits.st == CQL_OK ? PyUnicode_FromStringAndSize((const char *)digits.data, (Py_ssize_t)digits.len)
                                       : PyErr_NoMemory();
  cql_buf_free(&digits);
  return text;
}

/* Takes text; NULL: an exception is set already. */
static PyObject *of_text(const cqlpy_state *state, PyObject *text) {
  PyObject *value = text == NULL ? NULL : PyObject_CallOneArg(state->decimal_type, text);
  Py_XDECREF(text);
  return value;
}

/* --- the proof ---------------------------------------------------------------------------------------------------- */

static bool same(const small_decimal *x, const small_decimal *y) {
  return x->hash == y->hash && x->flags == y->flags && x->exp == y->exp && x->digits == y->digits && x->len == y->len &&
         x->alloc == y->alloc && x->data == &x->word && y->data == &y->word && x->word == y->word;
}

/* Is it what the class makes, and does the class take it for that? 1, 0, -1. */
static int holds(const cqlpy_state *state, const small_decimal *model, int64_t unscaled, int64_t exponent) {
  PyObject *real = of_text(state, small_text(unscaled, exponent));
  PyObject *ours = real == NULL ? NULL : make_small((PyTypeObject *)state->decimal_type, model, unscaled, exponent);
  PyObject *x = ours == NULL ? NULL : PyObject_Str(real), *y = x == NULL ? NULL : PyObject_Str(ours);
  int rc = y == NULL ? -1 : same((small_decimal *)real, (small_decimal *)ours) && PyUnicode_Compare(x, y) == 0;
  if (rc == 1) rc = PyObject_RichCompareBool(real, ours, Py_EQ);
  Py_XDECREF(y);
  Py_XDECREF(x);
  Py_XDECREF(ours);
  Py_XDECREF(real);
  return rc;
}

/* Does the model look like a small_decimal at all? Only then is one made. */
static bool is_model(const small_decimal *m) {
  return m->hash == -1 && (m->flags & SIGN) == 0 && m->exp == -3 && m->digits == 4 && m->len == 1 && m->alloc == 4 &&
         m->data == &m->word && m->word == 1234;
}

static int prove_fields(cqlpy_state *state) {
  static const struct {
    int64_t unscaled, exponent;
  } samples[] = {{0, 0},
                 {0, -2},
                 {1, 0},
                 {-1, 0},
                 {150, -2},
                 {-150, -2},
                 {7, 30},
                 {7, -30000},
                 {10000, 2000000000},
                 {-12345, -2147483648LL},
                 {999999999999999999, -18}};
  PyTypeObject *type = (PyTypeObject *)state->decimal_type;
  PyObject *model = of_text(state, small_text(1234, -3));
  if (model == NULL) return -1;
  bool has_size = type->tp_basicsize == (Py_ssize_t)sizeof(small_decimal) && type->tp_itemsize == 0;
  int rc = has_size && is_model((small_decimal *)model);
  for (size_t i = 0; rc == 1 && i < sizeof samples / sizeof *samples; i++)
    rc = holds(state, (small_decimal *)model, samples[i].unscaled, samples[i].exponent);
  if (rc < 0 || state->decimal_model != NULL) { /* another thread was faster, and may be using its own */
    Py_DECREF(model);
    return rc < 0 ? -1 : 0;
  }
  state->decimal_by_fields = rc == 1;
  state->decimal_model = model;
  return 0;
}

int cqlpy_decimal_load(cqlpy_state *state) {
  if (state->decimal_model != NULL) return 0;
  PyObject *type = cqlpy_import_name("decimal", "Decimal");
  if (type == NULL) return -1;
  Py_XSETREF(state->decimal_type, type);
  return prove_fields(state);
}

/* --- the type ----------------------------------------------------------------------------------------------------- */

static int64_t load_signed(cql_slice in) {
  uint64_t n = in.data[0] & 0x80 ? UINT64_MAX : 0;
  for (size_t i = 0; i < in.len; i++) n = n << 8 | in.data[i];
  return (int64_t)n;
}

/* An int32 scale and an unscaled varint. */
PyObject *cqlpy_decode_decimal(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  if (in.len < 5) return cqlpy_bad_bytes(c, d);
  const cqlpy_state *state = c->state;
  int64_t exponent = -(int64_t)(int32_t)cql_load_u32(in.data);
  cql_slice unscaled = cql_slice_of(in.data + 4, in.len - 4);
  if (unscaled.len > sizeof(int64_t)) return of_text(state, large_text(unscaled, exponent));
  int64_t n = load_signed(unscaled);
  if (!state->decimal_by_fields || n > (int64_t)SMALL_MAX || n < -(int64_t)SMALL_MAX)
    return of_text(state, small_text(n, exponent));
  return make_small((PyTypeObject *)state->decimal_type, (const small_decimal *)state->decimal_model, n, exponent);
}

static bool is_finite_text(const char *text) {
  const char *p = text[0] == '-' ? text + 1 : text;
  return *p >= '0' && *p <= '9';
}

int cqlpy_encode_decimal(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  if (cqlpy_decimal_load(c->state) < 0) return -1;
  int is_decimal = PyObject_IsInstance(value, c->state->decimal_type);
  if (is_decimal < 0) return -1;
  if (!is_decimal && (!PyLong_Check(value) || PyBool_Check(value)))
    return cqlpy_refuse_type(c, type, "a decimal.Decimal or an int", value);
  PyObject *text = PyObject_Str(value);
  if (text == NULL) return -1;
  Py_ssize_t len;
  const char *utf8 = PyUnicode_AsUTF8AndSize(text, &len);
  int rc = utf8 == NULL ? -1 : 0;
  if (rc == 0 && !is_finite_text(utf8)) rc = cqlpy_refuse(c, "%U is no value of the type decimal", text);
  if (rc == 0) {
    cql_arena scratch;
    cql_arena_init(&scratch, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
    cql_status st = cql_put_decimal_text(out, &scratch, cql_slice_of(utf8, (size_t)len));
    cql_arena_free(&scratch);
    if (st != CQL_OK) rc = cqlpy_refuse(c, "%U has too many digits or too large an exponent for decimal", text);
  }
  Py_DECREF(text);
  return rc;
}
