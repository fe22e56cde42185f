#include "python/convert.h"

PyObject *cqlpy_decode_text(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  PyObject *text = PyUnicode_DecodeUTF8((const char *)in.data, (Py_ssize_t)in.len, NULL);
  if (text != NULL || !PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) return text;
  PyErr_Clear();
  return cqlpy_bad_bytes(c, d);
}

PyObject *cqlpy_decode_blob(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  (void)c, (void)d;
  return PyBytes_FromStringAndSize((const char *)in.data, (Py_ssize_t)in.len);
}

int cqlpy_encode_text(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  if (!PyUnicode_Check(value)) return cqlpy_refuse_type(c, type, "a str", value);
  Py_ssize_t len;
  const char *utf8 = PyUnicode_AsUTF8AndSize(value, &len);
  if (utf8 != NULL) {
    cql_buf_put(out, utf8, (size_t)len);
    return 0;
  }
  if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) return -1;
  PyErr_Clear();
  return cqlpy_refuse(c, "the str holds a surrogate, which UTF-8 cannot express");
}

int cqlpy_encode_ascii(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  if (!PyUnicode_Check(value)) return cqlpy_refuse_type(c, type, "a str", value);
  if (!PyUnicode_IS_ASCII(value)) return cqlpy_refuse(c, "%R holds characters that are not ASCII", value);
  return cqlpy_encode_text(c, out, type, value);
}

int cqlpy_encode_blob(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  if (!PyObject_CheckBuffer(value)) return cqlpy_refuse_type(c, type, "bytes or another buffer", value);
  Py_buffer view;
  if (PyObject_GetBuffer(value, &view, PyBUF_SIMPLE) < 0) {
    if (!PyErr_ExceptionMatches(PyExc_BufferError)) return -1;
    PyErr_Clear();
    return cqlpy_refuse(c, "the buffer is not contiguous");
  }
  cql_buf_put(out, view.buf, (size_t)view.len);
  PyBuffer_Release(&view);
  return 0;
}
