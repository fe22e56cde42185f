#include "python/relational.h"

PyObject *cqlpy_cell_object(const cqlpy_cell *cell) {
  switch (cell->type) {
  case SQLITE_INTEGER: return PyLong_FromLongLong(cell->integer);
  case SQLITE_FLOAT: return PyFloat_FromDouble(cell->real);
  case SQLITE_TEXT: return PyUnicode_DecodeUTF8(cell->data, (Py_ssize_t)cell->len, NULL);
  case SQLITE_BLOB: return PyBytes_FromStringAndSize(cell->data, (Py_ssize_t)cell->len);
  default: return Py_NewRef(Py_None);
  }
}

static int integer_of(PyObject *value, cqlpy_cell *out) {
  int overflow;
  out->type = SQLITE_INTEGER;
  out->integer = PyLong_AsLongLongAndOverflow(value, &overflow);
  if (overflow != 0) PyErr_SetString(PyExc_OverflowError, "Python int too large to convert to SQLite INTEGER");
  return PyErr_Occurred() ? -1 : 1;
}

static int text_of(PyObject *value, cqlpy_cell *out) {
  Py_ssize_t len;
  out->type = SQLITE_TEXT;
  out->data = PyUnicode_AsUTF8AndSize(value, &len);
  out->len = (size_t)len;
  return out->data == NULL ? -1 : 1;
}

int cqlpy_cell_of(PyObject *value, cqlpy_cell *out) {
  *out = (cqlpy_cell){.type = SQLITE_NULL};
  if (value == Py_None) return 1;
  if (PyLong_Check(value)) return integer_of(value, out);
  if (PyUnicode_Check(value)) return text_of(value, out);
  if (PyFloat_Check(value)) {
    out->type = SQLITE_FLOAT;
    out->real = PyFloat_AS_DOUBLE(value);
    return 1;
  }
  if (!PyBytes_Check(value)) return 0;
  out->type = SQLITE_BLOB;
  out->data = PyBytes_AS_STRING(value);
  out->len = (size_t)PyBytes_GET_SIZE(value);
  return 1;
}
