#include "python/relational.h"

#include <datetime.h>

/* --- objects ------------------------------------------------------------------------------------------------------ */

static bool is_plain(PyObject *value) {
  return value == Py_None || PyLong_Check(value) || PyUnicode_Check(value) || PyFloat_Check(value) ||
         PyBytes_Check(value);
}

/* Dates, times and decimals go as their text, which is how the tables have them. 1, 0 or -1 with an exception. */
static int goes_as_text(cqlpy_state *state, PyObject *value) {
  if (PyDateTimeAPI == NULL) PyDateTime_IMPORT;
  if (PyDateTimeAPI == NULL || cqlpy_decimal_load(state) < 0) return -1;
  if (PyDate_Check(value) || PyTime_Check(value)) return 1;
  return PyObject_IsInstance(value, state->decimal_type);
}

/* Where in the parameters, as sqlite3 says it. */
static PyObject *place(const cqlpy_params *p, uint32_t i) {
  if (p->names != NULL) return PyUnicode_FromFormat("'%s'", p->names[i]);
  return PyUnicode_FromFormat("%u", i + 1);
}

static void refuse(const cqlpy_params *p, cqlpy_state *state, uint32_t i, cqlpy_exception kind, const char *format,
                   ...) {
  va_list args;
  va_start(args, format);
  PyObject *words = PyUnicode_FromFormatV(format, args);
  va_end(args);
  PyObject *where = words == NULL ? NULL : place(p, i);
  if (where != NULL) cqlpy_raise(state, kind, CQL_OK, "Error binding parameter %U: %U", where, words);
  Py_XDECREF(where);
  Py_XDECREF(words);
}

/* A new reference to an object of one of SQLite's types. */
static PyObject *adapt(const cqlpy_params *p, cqlpy_state *state, uint32_t i, PyObject *value) {
  if (is_plain(value)) return Py_NewRef(value);
  if (PyByteArray_Check(value) || PyMemoryView_Check(value)) return PyBytes_FromObject(value);
  int as_text = goes_as_text(state, value);
  if (as_text > 0) return PyObject_Str(value);
  if (as_text == 0)
    refuse(p, state, i, CQLPY_ProgrammingError, "type '%.200s' is not supported", Py_TYPE(value)->tp_name);
  return NULL;
}

static int convert(cqlpy_params *p, cqlpy_state *state, uint32_t i, PyObject *value) {
  PyObject *object = adapt(p, state, i, value);
  if (object == NULL) return -1;
  PyTuple_SET_ITEM(p->objects, (Py_ssize_t)i, object);
  if (cqlpy_cell_of(object, &p->cells[i]) == 1) return 0;
  if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
    PyErr_Clear();
    refuse(p, state, i, CQLPY_DataError, "the str holds a surrogate, which UTF-8 cannot express");
  }
  return -1;
}

/* --- where they stand --------------------------------------------------------------------------------------------- */

static int convert_sequence(cqlpy_params *p, cqlpy_state *state, PyObject *given) {
  p->names = NULL;
  PyObject *values = PySequence_Tuple(given); /* a list may change while its members are converted */
  if (values == NULL) return -1;
  int rc = 0;
  if (PyTuple_GET_SIZE(values) != (Py_ssize_t)p->count) {
    cqlpy_raise(state, CQLPY_ProgrammingError, CQL_OK,
                "Incorrect number of bindings supplied. The statement has %u parameters, and %zd were supplied.",
                p->count, PyTuple_GET_SIZE(values));
    rc = -1;
  }
  for (uint32_t i = 0; rc == 0 && i < p->count; i++) rc = convert(p, state, i, PyTuple_GET_ITEM(values, (Py_ssize_t)i));
  Py_DECREF(values);
  return rc;
}

/* A new reference. */
static PyObject *look_up(const cqlpy_params *p, cqlpy_state *state, PyObject *given, uint32_t i) {
  if (p->names[i] == NULL) {
    cqlpy_raise(state, CQLPY_ProgrammingError, CQL_OK, "Parameter %u has no name, and a dict has only names", i + 1);
    return NULL;
  }
  PyObject *key = PyUnicode_FromString(p->names[i] + 1); /* behind the colon */
  PyObject *value = key == NULL ? NULL : PyObject_GetItem(given, key);
  Py_XDECREF(key);
  if (value == NULL && PyErr_ExceptionMatches(PyExc_KeyError)) {
    PyErr_Clear();
    cqlpy_raise(state, CQLPY_ProgrammingError, CQL_OK, "You did not supply a value for parameter %s", p->names[i]);
  }
  return value;
}

static int convert_dict(cqlpy_params *p, cqlpy_state *state, PyObject *given) {
  int rc = 0;
  for (uint32_t i = 0; rc == 0 && i < p->count; i++) {
    PyObject *value = look_up(p, state, given, i);
    rc = value == NULL ? -1 : convert(p, state, i, value);
    Py_XDECREF(value);
  }
  return rc;
}

int cqlpy_params_convert(cqlpy_params *p, cqlpy_state *state, cql_arena *a, PyObject *given) {
  p->objects = PyTuple_New((Py_ssize_t)p->count);
  p->cells = cql_arena_array(a, (size_t)p->count + 1, sizeof *p->cells);
  if (p->objects == NULL) return -1;
  PyObject_GC_UnTrack(p->objects); /* nobody shall see it while it is being filled */
  if (p->cells == NULL) {
    PyErr_NoMemory();
    return -1;
  }
  if (PyDict_Check(given)) return convert_dict(p, state, given);
  if (PyTuple_Check(given) || PyList_Check(given)) return convert_sequence(p, state, given);
  PyErr_Format(PyExc_TypeError, "params is a tuple, a list or a dict, not %.200s", Py_TYPE(given)->tp_name);
  return -1;
}

void cqlpy_params_clear(cqlpy_params *p) {
  Py_CLEAR(p->objects);
}

/* --- binding, without the GIL ------------------------------------------------------------------------------------- */

static int bind(sqlite3_stmt *statement, int i, const cqlpy_cell *cell) {
  switch (cell->type) {
  case SQLITE_INTEGER: return sqlite3_bind_int64(statement, i, cell->integer);
  case SQLITE_FLOAT: return sqlite3_bind_double(statement, i, cell->real);
  case SQLITE_TEXT: return sqlite3_bind_text64(statement, i, cell->data, cell->len, SQLITE_TRANSIENT, SQLITE_UTF8);
  case SQLITE_BLOB: return sqlite3_bind_blob64(statement, i, cell->data, cell->len, SQLITE_TRANSIENT);
  default: return sqlite3_bind_null(statement, i);
  }
}

cql_status cqlpy_params_bind(const cqlpy_params *p, sqlite3_stmt *statement, cql_error *err) {
  for (uint32_t i = 0; i < p->count; i++) {
    int rc = bind(statement, (int)i + 1, &p->cells[i]);
    if (rc == SQLITE_NOMEM) return cql_fail(err, CQL_NOMEM, "Out of memory");
    if (rc != SQLITE_OK) return cql_fail(err, CQL_LIMIT, "Parameter %u: %s", i + 1, sqlite3_errstr(rc));
  }
  return CQL_OK;
}
