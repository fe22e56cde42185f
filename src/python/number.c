#include "python/convert.h"

#include <float.h>
#include <math.h>

/* --- boolean ------------------------------------------------------------------------------------------------------ */

PyObject *cqlpy_decode_boolean(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  (void)c, (void)d;
  return PyBool_FromLong(in.data[0] != 0);
}

int cqlpy_encode_boolean(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  if (!PyBool_Check(value)) return cqlpy_refuse_type(c, type, "a bool", value);
  cql_buf_u8(out, value == Py_True);
  return 0;
}

/* --- integers ----------------------------------------------------------------------------------------------------- */

PyObject *cqlpy_decode_int8(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  (void)c, (void)d;
  return PyLong_FromLong((int8_t)in.data[0]);
}

PyObject *cqlpy_decode_int16(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  (void)c, (void)d;
  return PyLong_FromLong((int16_t)cql_load_u16(in.data));
}

PyObject *cqlpy_decode_int32(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  (void)c, (void)d;
  return PyLong_FromLong((int32_t)cql_load_u32(in.data));
}

PyObject *cqlpy_decode_int64(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  (void)c, (void)d;
  return PyLong_FromLongLong((int64_t)cql_load_u64(in.data));
}

/* A new reference to value as an exact int, or NULL. bool is an int to Python, but not to CQL. */
static PyObject *integer_of(const cqlpy_context *c, const cql_type *type, PyObject *value) {
  if (!PyBool_Check(value) && PyIndex_Check(value)) return PyNumber_Index(value);
  cqlpy_refuse_type(c, type, "an int", value);
  return NULL;
}

static int refuse_range(const cqlpy_context *c, const char *type, int64_t low, int64_t high, PyObject *value) {
  return cqlpy_refuse(c, "%R is out of range for %s (%lld to %lld)", value, type, (long long)low, (long long)high);
}

int cqlpy_encode_integer(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  PyObject *number = integer_of(c, type, value);
  if (number == NULL) return -1;
  int overflow = 0;
  int64_t n = PyLong_AsLongLongAndOverflow(number, &overflow);
  Py_DECREF(number);
  if (n == -1 && overflow == 0 && PyErr_Occurred()) return -1;
  switch (type->code) {
  case CQL_TYPE_TINYINT:
    if (overflow != 0 || n < INT8_MIN || n > INT8_MAX) return refuse_range(c, "tinyint", INT8_MIN, INT8_MAX, value);
    cql_buf_u8(out, (uint8_t)n);
    return 0;
  case CQL_TYPE_SMALLINT:
    if (overflow != 0 || n < INT16_MIN || n > INT16_MAX)
      return refuse_range(c, "smallint", INT16_MIN, INT16_MAX, value);
    cql_buf_u16(out, (uint16_t)n);
    return 0;
  case CQL_TYPE_INT:
    if (overflow != 0 || n < INT32_MIN || n > INT32_MAX) return refuse_range(c, "int", INT32_MIN, INT32_MAX, value);
    cql_buf_u32(out, (uint32_t)n);
    return 0;
  default:
    if (overflow != 0)
      return refuse_range(c, type->code == CQL_TYPE_COUNTER ? "counter" : "bigint", INT64_MIN, INT64_MAX, value);
    cql_buf_u64(out, (uint64_t)n);
    return 0;
  }
}

/* --- varint ------------------------------------------------------------------------------------------------------- */

static int64_t load_signed(cql_slice in) {
  uint64_t n = in.data[0] & 0x80 ? UINT64_MAX : 0;
  for (size_t i = 0; i < in.len; i++) n = n << 8 | in.data[i];
  return (int64_t)n;
}

PyObject *cqlpy_decode_varint(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  (void)c, (void)d;
  if (in.len <= sizeof(int64_t)) return PyLong_FromLongLong(load_signed(in));
  PyObject *method = PyObject_GetAttrString((PyObject *)&PyLong_Type, "from_bytes");
  PyObject *args = method == NULL ? NULL : Py_BuildValue("(y#s)", in.data, (Py_ssize_t)in.len, "big");
  PyObject *names = args == NULL ? NULL : Py_BuildValue("{sO}", "signed", Py_True);
  PyObject *number = names == NULL ? NULL : PyObject_Call(method, args, names);
  Py_XDECREF(names);
  Py_XDECREF(args);
  Py_XDECREF(method);
  return number;
}

static void put_small_varint(cql_buf *out, int64_t n) {
  uint8_t bytes[8];
  cql_store_u64(bytes, (uint64_t)n);
  size_t skip = 0; /* leading bytes that only repeat the sign */
  while (skip < 7 && bytes[skip] == (n < 0 ? 0xFF : 0) && (bytes[skip + 1] & 0x80) == (n < 0 ? 0x80 : 0)) skip++;
  cql_buf_put(out, bytes + skip, sizeof bytes - skip);
}

static int put_big_varint(const cqlpy_context *c, cql_buf *out, PyObject *number) {
  int rc = -1;
  PyObject *args = NULL, *names = NULL, *method = NULL, *bytes = NULL;
  PyObject *bits = PyObject_CallMethod(number, "bit_length", NULL);
  if (bits == NULL) return -1;
  size_t len = PyLong_AsSize_t(bits) / 8 + 1; /* one more bit for the sign */
  Py_DECREF(bits);
  if (len > CQL_VARINT_LEN_MAX) return cqlpy_refuse(c, "a varint has at most %d bytes", CQL_VARINT_LEN_MAX);
  method = PyObject_GetAttrString(number, "to_bytes");
  if (method != NULL) args = Py_BuildValue("(ns)", (Py_ssize_t)len, "big");
  if (args != NULL) names = Py_BuildValue("{sO}", "signed", Py_True);
  if (names != NULL) bytes = PyObject_Call(method, args, names);
  if (bytes != NULL) {
    cql_buf_put(out, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    rc = 0;
  }
  Py_XDECREF(bytes);
  Py_XDECREF(names);
  Py_XDECREF(args);
  Py_XDECREF(method);
  return rc;
}

int cqlpy_encode_varint(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  PyObject *number = integer_of(c, type, value);
  if (number == NULL) return -1;
  int overflow = 0, rc = 0;
  int64_t n = PyLong_AsLongLongAndOverflow(number, &overflow);
  if (n == -1 && overflow == 0 && PyErr_Occurred())
    rc = -1;
  else if (overflow != 0)
    rc = put_big_varint(c, out, number);
  else
    put_small_varint(out, n);
  Py_DECREF(number);
  return rc;
}

/* --- float, double ------------------------------------------------------------------------------------------------ */

PyObject *cqlpy_decode_float(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  (void)c, (void)d;
  uint32_t bits = cql_load_u32(in.data);
  float x;
  memcpy(&x, &bits, sizeof x);
  return PyFloat_FromDouble(x);
}

PyObject *cqlpy_decode_double(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  (void)c, (void)d;
  uint64_t bits = cql_load_u64(in.data);
  double x;
  memcpy(&x, &bits, sizeof x);
  return PyFloat_FromDouble(x);
}

static int double_of(const cqlpy_context *c, const cql_type *type, PyObject *value, double *out) {
  if (!PyFloat_Check(value) && (!PyLong_Check(value) || PyBool_Check(value)))
    return cqlpy_refuse_type(c, type, "a float or an int", value);
  *out = PyFloat_AsDouble(value);
  if (*out != -1.0 || !PyErr_Occurred()) return 0;
  if (!PyErr_ExceptionMatches(PyExc_OverflowError)) return -1;
  PyErr_Clear();
  return cqlpy_refuse(c, "the int is too large for a floating-point number");
}

int cqlpy_encode_float(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  double x;
  if (double_of(c, type, value, &x) < 0) return -1;
  if (isfinite(x) && fabs(x) > FLT_MAX) return cqlpy_refuse(c, "%R is out of range for float", value);
  float narrow = (float)x;
  uint32_t bits;
  memcpy(&bits, &narrow, sizeof bits);
  cql_buf_u32(out, bits);
  return 0;
}

int cqlpy_encode_double(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  double x;
  if (double_of(c, type, value, &x) < 0) return -1;
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  cql_buf_u64(out, bits);
  return 0;
}
