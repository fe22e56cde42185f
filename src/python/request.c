#include "python/convert.h"

enum { DEFAULT_PAGE_SIZE = 5000 }; /* rows; what Cassandra's drivers use */

void cqlpy_request_init(cqlpy_request *q) {
  memset(q, 0, sizeof *q);
  cql_buf_init(&q->bytes, &cql_alloc_libc, CQL_VALUE_LEN_MAX);
  q->c = (cql_request)CQL_REQUEST_INIT;
}

void cqlpy_request_clear(cqlpy_request *q) {
  Py_CLEAR(q->statement);
  Py_CLEAR(q->text);
  Py_CLEAR(q->keyspace);
  Py_CLEAR(q->paging_state);
  cql_buf_free(&q->bytes);
  PyMem_Free(q->values);
  cqlpy_request_init(q);
}

/* --- options ------------------------------------------------------------------------------------------------------ */

static int set_keyspace(cqlpy_request *q, PyObject *value) {
  if (value == NULL) return 0;
  if (!PyUnicode_Check(value)) {
    PyErr_Format(PyExc_TypeError, "keyspace is a str, not %.200s", Py_TYPE(value)->tp_name);
    return -1;
  }
  q->c.keyspace = PyUnicode_AsUTF8(value);
  if (q->c.keyspace == NULL) return -1;
  Py_XSETREF(q->keyspace, Py_NewRef(value));
  return 0;
}

static int set_timestamp(cqlpy_state *state, cqlpy_request *q, PyObject *value) {
  if (value == NULL) return 0;
  if (!PyLong_Check(value) || PyBool_Check(value)) {
    PyErr_SetString(PyExc_TypeError, "timestamp is an int of microseconds since 1970");
    return -1;
  }
  int overflow;
  long long n = PyLong_AsLongLongAndOverflow(value, &overflow);
  if (overflow != 0 || n == CQL_TIMESTAMP_NONE) {
    cqlpy_raise(state, CQLPY_DataError, CQL_OK, "timestamp: %R is out of range", value);
    return -1;
  }
  q->c.timestamp = n;
  return 0;
}

static int set_paging(cqlpy_request *q, PyObject *size, PyObject *paging_state) {
  q->c.page_size = DEFAULT_PAGE_SIZE;
  if (size == Py_None)
    q->c.page_size = 0;
  else if (size != NULL) {
    long n = PyLong_Check(size) ? PyLong_AsLong(size) : -1;
    if (n < 1 || n > INT32_MAX) {
      PyErr_Clear();
      PyErr_SetString(PyExc_ValueError, "page_size is a number of rows from 1 on, or None for one page of all rows");
      return -1;
    }
    q->c.page_size = (int32_t)n;
  }
  if (paging_state == NULL) return 0;
  if (!PyBytes_Check(paging_state)) {
    PyErr_Format(PyExc_TypeError, "paging_state is bytes, not %s", Py_TYPE(paging_state)->tp_name);
    return -1;
  }
  q->paging_state = Py_NewRef(paging_state);
  q->c.paging_state = (const uint8_t *)PyBytes_AS_STRING(paging_state);
  q->c.paging_state_len = (size_t)PyBytes_GET_SIZE(paging_state);
  return 0;
}

int cqlpy_request_options(cqlpy_state *state, cqlpy_request *q, PyObject *const keywords[CQLPY_KEYWORD_COUNT]) {
  if (set_keyspace(q, keywords[CQLPY_KW_keyspace]) < 0) return -1;
  if (cqlpy_consistency(keywords[CQLPY_KW_consistency], false, &q->c.consistency) < 0) return -1;
  if (cqlpy_consistency(keywords[CQLPY_KW_serial_consistency], true, &q->c.serial_consistency) < 0) return -1;
  if (set_timestamp(state, q, keywords[CQLPY_KW_timestamp]) < 0) return -1;
  if (cqlpy_timeout(keywords[CQLPY_KW_timeout], &q->c.timeout_ms) < 0) return -1;
  if (cqlpy_idempotence(keywords[CQLPY_KW_idempotent], &q->c.idempotence) < 0) return -1;
  return set_paging(q, keywords[CQLPY_KW_page_size], keywords[CQLPY_KW_paging_state]);
}

int cqlpy_request_set_text(cqlpy_request *q, PyObject *text) {
  Py_ssize_t len;
  const char *utf8 = PyUnicode_AsUTF8AndSize(text, &len);
  if (utf8 == NULL) return -1;
  Py_XSETREF(q->text, Py_NewRef(text));
  q->c.text = utf8;
  q->c.text_len = (size_t)len;
  return 0;
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static int encode_value(cqlpy_state *state, cqlpy_request *q, const cql_column *marker, PyObject *value, uint32_t i) {
  cqlpy_context c = {state, marker->name};
  cql_value *out = &q->values[i];
  out->data = NULL;
  out->len = value == state->unset ? CQL_UNSET : CQL_NULL;
  if (value == state->unset || value == Py_None) return 0;
  size_t start = q->bytes.len;
  if (cqlpy_encode(&c, &q->bytes, marker->type, value) < 0) return -1;
  if (q->bytes.st == CQL_NOMEM) {
    PyErr_NoMemory();
    return -1;
  }
  if (q->bytes.st != CQL_OK)
    return cqlpy_refuse(&c, "the values of a statement take more than %zu bytes", CQL_VALUE_LEN_MAX);
  out->len = (int32_t)(q->bytes.len - start);
  return 0;
}

/* The buffer may have moved while it grew: the pointers are set when it is complete. */
static void point_values(cqlpy_request *q, uint32_t count) {
  static const uint8_t nothing[1] = {0};
  const uint8_t *at = q->bytes.data != NULL ? q->bytes.data : nothing;
  for (uint32_t i = 0; i < count; i++) {
    if (q->values[i].len < 0) continue;
    q->values[i].data = at;
    at += q->values[i].len;
  }
  q->c.values = q->values;
  q->c.value_count = count;
}

static bool is_mapping(cqlpy_state *state, PyObject *params) {
  if (PyDict_Check(params)) return true;
  if (PyList_Check(params) || PyTuple_Check(params)) return false;
  return PyObject_HasAttr(params, state->name_keys);
}

/* A new tuple with one value per marker. */
static PyObject *values_of_mapping(cqlpy_state *state, PyObject *params, PyObject *names) {
  Py_ssize_t count = PyTuple_GET_SIZE(names);
  PyObject *values = PyTuple_New(count);
  for (Py_ssize_t i = 0; values != NULL && i < count; i++) {
    PyObject *name = PyTuple_GET_ITEM(names, i);
    PyObject *value = PyObject_GetItem(params, name);
    if (value != NULL) {
      PyTuple_SET_ITEM(values, i, value);
      continue;
    }
    Py_CLEAR(values);
    if (!PyErr_ExceptionMatches(PyExc_KeyError)) break;
    PyErr_Clear();
    cqlpy_raise(state, CQLPY_InvalidRequest, CQL_INVALID, "there is no value for the marker %R", name);
  }
  return values;
}

static PyObject *values_of(cqlpy_state *state, PyObject *params, PyObject *names) {
  if (params == NULL) return PyTuple_New(0);
  if (is_mapping(state, params)) return values_of_mapping(state, params, names);
  if (PySequence_Check(params) && !PyUnicode_Check(params) && !PyBytes_Check(params) && !PyByteArray_Check(params))
    return PySequence_Tuple(params);
  PyErr_Format(PyExc_TypeError, "params is a sequence or a mapping of values, not %.200s", Py_TYPE(params)->tp_name);
  return NULL;
}

/* A request that is bound again, row after row, keeps its memory. */
static int make_room(cqlpy_request *q, uint32_t count) {
  if (count <= q->value_room) return 0;
  PyMem_Free(q->values);
  q->value_room = 0;
  q->values = PyMem_Calloc(count, sizeof *q->values);
  if (q->values == NULL) {
    PyErr_NoMemory();
    return -1;
  }
  q->value_room = count;
  return 0;
}

int cqlpy_request_bind(cqlpy_state *state, cqlpy_request *q, StatementObject *statement, PyObject *params) {
  Py_XSETREF(q->statement, (StatementObject *)Py_NewRef(statement));
  q->c.prepared = statement->handle;
  q->c.text = NULL;
  cql_buf_reset(&q->bytes);
  PyObject *values = values_of(state, params, statement->bind_names);
  if (values == NULL) return -1;
  uint32_t count = cql_prepared_bind_count(statement->handle);
  int rc = 0;
  if (PyTuple_GET_SIZE(values) != (Py_ssize_t)count) {
    cqlpy_raise(state, CQLPY_InvalidRequest, CQL_INVALID, "there were %u markers(?) in CQL but %zd bound variables",
                count, PyTuple_GET_SIZE(values));
    rc = -1;
  }
  if (rc == 0) rc = make_room(q, count);
  for (uint32_t i = 0; rc == 0 && i < count; i++)
    rc = encode_value(state, q, cql_prepared_bind(statement->handle, i), PyTuple_GET_ITEM(values, (Py_ssize_t)i), i);
  Py_DECREF(values);
  if (rc == 0) point_values(q, count);
  return rc;
}
