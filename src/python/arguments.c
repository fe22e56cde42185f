#include "python/module.h"

static int find_keyword(cqlpy_state *state, PyObject *name) {
  for (int i = 0; i < CQLPY_KEYWORD_COUNT; i++) {
    if (state->keywords[i] == name) return i; /* names in a call are interned */
  }
  for (int i = 0; i < CQLPY_KEYWORD_COUNT; i++) {
    int same = PyObject_RichCompareBool(state->keywords[i], name, Py_EQ);
    if (same != 0) return same < 0 ? -2 : i;
  }
  return -1;
}

int cqlpy_keywords(cqlpy_state *state, const char *function, uint32_t allowed, PyObject *const *values, PyObject *names,
                   PyObject *out[CQLPY_KEYWORD_COUNT]) {
  Py_ssize_t count = names == NULL ? 0 : PyTuple_GET_SIZE(names);
  for (Py_ssize_t i = 0; i < count; i++) {
    PyObject *name = PyTuple_GET_ITEM(names, i);
    int keyword = find_keyword(state, name);
    if (keyword == -2) return -1;
    if (keyword < 0 || !(allowed & 1u << keyword)) {
      PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument %R", function, name);
      return -1;
    }
    if (values[i] == Py_None && keyword != CQLPY_KW_page_size) continue;
    if (out[keyword] != NULL) {
      PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument %R", function, name);
      return -1;
    }
    out[keyword] = values[i];
  }
  return 0;
}

int cqlpy_positional(const char *function, PyObject *const *args, Py_ssize_t nargs, const cqlpy_keyword *places,
                     Py_ssize_t count, PyObject *out[CQLPY_KEYWORD_COUNT]) {
  if (nargs > count) {
    PyErr_Format(PyExc_TypeError, "%s() takes at most %zd positional arguments (%zd given)", function, count, nargs);
    return -1;
  }
  for (Py_ssize_t i = 0; i < nargs; i++) out[places[i]] = args[i] == Py_None ? NULL : args[i];
  return 0;
}

static const char *const level_names[] = {"ANY",          "ONE",         "TWO",    "THREE",        "QUORUM",   "ALL",
                                          "LOCAL_QUORUM", "EACH_QUORUM", "SERIAL", "LOCAL_SERIAL", "LOCAL_ONE"};
enum { LEVEL_COUNT = sizeof level_names / sizeof *level_names };

static int level_of(PyObject *value) {
  if (PyUnicode_Check(value)) {
    for (int i = 0; i < LEVEL_COUNT; i++) {
      if (PyUnicode_CompareWithASCIIString(value, level_names[i]) == 0) return i;
    }
  } else if (PyLong_Check(value) && !PyBool_Check(value)) {
    int overflow;
    long n = PyLong_AsLongAndOverflow(value, &overflow);
    if (overflow == 0 && n >= 0 && n < LEVEL_COUNT) return (int)n;
  }
  PyErr_Format(PyExc_ValueError, "%R is not a consistency level", value);
  return -1;
}

int cqlpy_consistency(PyObject *value, bool serial, uint16_t *out) {
  if (value == NULL) return 0;
  int level = level_of(value);
  if (level < 0) return -1;
  if (serial && level != CQL_SERIAL && level != CQL_LOCAL_SERIAL) {
    PyErr_Format(PyExc_ValueError, "the serial consistency is SERIAL or LOCAL_SERIAL, not %s", level_names[level]);
    return -1;
  }
  *out = (uint16_t)level;
  return 0;
}

PyObject *cqlpy_consistency_name(uint16_t level) {
  return level < LEVEL_COUNT ? PyUnicode_InternFromString(level_names[level]) : Py_NewRef(Py_None);
}

/* Seconds, whole or not, as milliseconds. */
int cqlpy_timeout(PyObject *value, uint32_t *out) {
  if (value == NULL) return 0;
  double seconds = PyBool_Check(value) ? -1 : PyFloat_AsDouble(value);
  if (seconds == -1 && PyErr_Occurred()) return -1;
  if (!(seconds > 0) || seconds * 1000 > CQL_SESSION_TIMEOUT_MAX_MS) {
    PyErr_Format(PyExc_ValueError, "timeout is a number of seconds above 0 and up to %d, not %R",
                 CQL_SESSION_TIMEOUT_MAX_MS / 1000, value);
    return -1;
  }
  *out = seconds < 0.001 ? 1 : (uint32_t)(seconds * 1000 + 0.5);
  return 0;
}

int cqlpy_idempotence(PyObject *value, uint8_t *out) {
  int truth = value == NULL ? -2 : PyObject_IsTrue(value);
  if (truth == -1) return -1;
  *out = truth == -2 ? CQL_IDEMPOTENCE_BY_TEXT : truth ? CQL_IDEMPOTENT : CQL_NOT_IDEMPOTENT;
  return 0;
}

int cqlpy_batch_type(PyObject *value, cql_batch_type *out) {
  static const char *const names[] = {"logged", "unlogged", "counter"};
  *out = CQL_BATCH_LOGGED;
  if (value == NULL) return 0;
  for (int i = 0; PyUnicode_Check(value) && i < 3; i++) {
    if (PyUnicode_CompareWithASCIIString(value, names[i]) != 0) continue;
    *out = (cql_batch_type)i;
    return 0;
  }
  PyErr_Format(PyExc_ValueError, "the type of a batch is 'logged', 'unlogged' or 'counter', not %R", value);
  return -1;
}
