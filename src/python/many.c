/* many.c: one statement with many rows of values, in groups that run at once. */
#include "python/many.h"

enum { DEFAULT_CONCURRENCY = 128 };

/* --- life --------------------------------------------------------------------------------------------------------- */

void cqlpy_slot_empty(cqlpy_slot *at) {
  Py_CLEAR(at->params);
  Py_CLEAR(at->error);
}

static void many_clear(cqlpy_many *m) {
  for (Py_ssize_t i = 0; m->slots != NULL && i < m->room; i++) {
    cqlpy_slot_empty(&m->slots[i]);
    cqlpy_request_clear(&m->slots[i].request);
  }
  PyMem_Free(m->slots);
  PyMem_Free(m->c);
  PyMem_Free(m->outcomes);
  Py_XDECREF(m->rows);
  Py_XDECREF(m->results);
}

static int read_concurrency(PyObject *value, Py_ssize_t *out) {
  *out = DEFAULT_CONCURRENCY;
  if (value == NULL) return 0;
  long n = PyLong_Check(value) ? PyLong_AsLong(value) : -1;
  if (n >= 1 && n <= CQL_EXECUTE_MANY_COUNT) {
    *out = n;
    return 0;
  }
  PyErr_Clear();
  PyErr_Format(PyExc_ValueError, "concurrency is a number of rows from 1 to %d", CQL_EXECUTE_MANY_COUNT);
  return -1;
}

static int many_init(cqlpy_many *m, PyObject *const keywords[CQLPY_KEYWORD_COUNT]) {
  m->query = keywords[CQLPY_KW_query];
  m->keywords = keywords;
  if (m->query == NULL || keywords[CQLPY_KW_rows] == NULL) {
    PyErr_SetString(PyExc_TypeError, "execute_many() needs a query and the rows of its values");
    return -1;
  }
  if (read_concurrency(keywords[CQLPY_KW_concurrency], &m->room) < 0) return -1;
  PyObject *returned = keywords[CQLPY_KW_return_exceptions];
  int truth = returned == NULL ? 0 : PyObject_IsTrue(returned);
  if (truth < 0) return -1;
  m->return_exceptions = truth != 0;
  m->rows = PyObject_GetIter(keywords[CQLPY_KW_rows]);
  m->results = m->rows == NULL ? NULL : PyList_New(0);
  if (m->results == NULL) return -1;
  m->slots = PyMem_Calloc((size_t)m->room, sizeof *m->slots);
  m->c = PyMem_Calloc((size_t)m->room, sizeof *m->c);
  m->outcomes = PyMem_Calloc((size_t)m->room, sizeof *m->outcomes);
  if (m->slots == NULL || m->c == NULL || m->outcomes == NULL) {
    PyErr_NoMemory();
    return -1;
  }
  for (Py_ssize_t i = 0; i < m->room; i++) cqlpy_request_init(&m->slots[i].request);
  return 0;
}

/* --- errors ------------------------------------------------------------------------------------------------------- */

PyObject *cqlpy_exception_of_row(const cqlpy_many *m, Py_ssize_t row) {
  bool kept = m->return_exceptions && PyErr_ExceptionMatches(PyExc_Exception);
  PyObject *error = cqlpy_take_exception();
  PyObject *index = PyLong_FromSsize_t(row);
  if (index == NULL || PyObject_SetAttrString(error, "row", index) < 0) PyErr_Clear(); /* an exception without a dict */
  Py_XDECREF(index);
  if (kept) return error;
  PyErr_SetObject((PyObject *)Py_TYPE(error), error);
  Py_DECREF(error);
  return NULL;
}

/* --- a group ------------------------------------------------------------------------------------------------------ */

int cqlpy_slot_prepare(cqlpy_many *m, cqlpy_slot *at) {
  cqlpy_request *q = &at->request;
  if (q->statement == NULL && cqlpy_request_options(m->session->state, q, m->keywords) < 0) return -1;
  return cqlpy_bind(m->session, q, m->query, at->params);
}

/* Takes the next rows and encodes them: how many, or -1. *running counts those that are to run. */
static Py_ssize_t fill(cqlpy_many *m, uint32_t *running) {
  Py_ssize_t first = PyList_GET_SIZE(m->results), count = 0;
  *running = 0;
  for (; count < m->room; count++) {
    cqlpy_slot *at = &m->slots[count];
    at->params = PyIter_Next(m->rows);
    if (at->params == NULL) return PyErr_Occurred() ? -1 : count;
    if (cqlpy_slot_prepare(m, at) == 0)
      m->c[(*running)++] = at->request.c;
    else if ((at->error = cqlpy_exception_of_row(m, first + count)) == NULL)
      return -1;
  }
  return count;
}

PyObject *cqlpy_slot_result(cqlpy_many *m, cqlpy_slot *at, cql_result *page) {
  if (cql_result_get_kind(page) != CQL_RESULT_VOID || cql_result_warning_count(page) > 0)
    return cqlpy_result_new(m->session, &at->request, page);
  cql_result_free(page);
  return Py_NewRef(Py_None);
}

/* What became of a row that ran. */
static PyObject *result_of(cqlpy_many *m, cqlpy_slot *at, cql_outcome *o) {
  cql_result *page = o->result;
  o->result = NULL;
  o->error.status = o->status;
  if (o->status == CQL_UNPREPARED) return cqlpy_execute(m->session, &at->request, m->query, at->params);
  if (o->status != CQL_OK) return cqlpy_raise_error(m->session->state, &o->error);
  return cqlpy_slot_result(m, at, page);
}

static int append(cqlpy_many *m, PyObject *result) {
  int rc = result == NULL ? -1 : PyList_Append(m->results, result);
  Py_XDECREF(result);
  return rc;
}

static int collect(cqlpy_many *m, Py_ssize_t count) {
  cql_outcome *o = m->outcomes;
  int rc = 0;
  for (Py_ssize_t i = 0; i < count; i++) {
    cqlpy_slot *at = &m->slots[i];
    if (at->error != NULL) {
      if (rc == 0) rc = append(m, Py_NewRef(at->error));
    } else if (rc < 0) {
      cql_result_free((o++)->result);
    } else {
      PyObject *result = result_of(m, at, o++);
      if (result == NULL) result = cqlpy_exception_of_row(m, PyList_GET_SIZE(m->results));
      rc = append(m, result);
    }
    cqlpy_slot_empty(at);
  }
  return rc;
}

/* 1: there may be more rows; 0: these were the last; -1. */
static int run_group(cqlpy_many *m) {
  uint32_t running;
  Py_ssize_t count = fill(m, &running);
  if (count < 0) return -1;
  cql_error err = {.status = CQL_OK};
  cql_status st = CQL_OK;
  if (running > 0) {
    Py_BEGIN_ALLOW_THREADS st = cql_session_execute_many(m->session->handle, m->c, running, m->outcomes, &err);
    Py_END_ALLOW_THREADS
  }
  if (st != CQL_OK) {
    err.status = st;
    cqlpy_raise_error(m->session->state, &err);
    return -1;
  }
  if (collect(m, count) < 0) return -1;
  return count == m->room;
}

PyObject *cqlpy_session_execute_many(SessionObject *s, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  static const cqlpy_keyword places[] = {CQLPY_KW_query, CQLPY_KW_rows};
  const uint32_t allowed = CQLPY_BIT(query) | CQLPY_BIT(rows) | CQLPY_BIT(concurrency) | CQLPY_BIT(return_exceptions) |
                           CQLPY_BIT(page_size) | CQLPY_SHARED_BITS;
  PyObject *keywords[CQLPY_KEYWORD_COUNT] = {NULL};
  if (cqlpy_positional("execute_many", args, nargs, places, 2, keywords) < 0) return NULL;
  if (cqlpy_keywords(s->state, "execute_many", allowed, args + nargs, names, keywords) < 0) return NULL;
  if (cqlpy_session_enter(s) < 0) return NULL;
  cqlpy_many m = {.session = s};
  int more = many_init(&m, keywords) < 0 ? -1 : 1;
  if (more > 0 && s->is_cluster) more = cqlpy_window_run(&m);
  while (more > 0) more = run_group(&m);
  PyObject *results = more < 0 ? NULL : Py_NewRef(m.results);
  many_clear(&m);
  cqlpy_session_leave(s);
  return results;
}
