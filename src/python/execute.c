#include "python/module.h"

enum { ATTEMPT_COUNT = 4 }; /* how often the values are encoded anew when the schema changes a statement's markers */

/* An answer that came together with a signal whose handler raised goes. */
static cql_status keep(cql_status st, cql_result **out) {
  if (st != CQL_INTERRUPTED) return st;
  cql_result_free(*out);
  *out = NULL;
  return st;
}

cql_status cqlpy_run(SessionObject *s, const cqlpy_request *q, cql_result **out, cql_error *err) {
  cqlpy_wait_begin();
  cql_status st = cqlpy_wait_end(cql_session_execute(s->handle, &q->c, out, err));
  return keep(st, out);
}

/* --- one statement ------------------------------------------------------------------------------------------------ */

static int bind(SessionObject *s, cqlpy_request *q, PyObject *query, PyObject *params, bool renew) {
  StatementObject *statement;
  if (PyObject_TypeCheck(query, s->state->prepared_type)) {
    PreparedObject *p = (PreparedObject *)query;
    if (p->session != s) {
      cqlpy_raise(s->state, CQLPY_InterfaceError, CQL_MISUSE, "the prepared statement belongs to another session");
      return -1;
    }
    if (q->c.keyspace != NULL) {
      PyErr_SetString(PyExc_TypeError, "a prepared statement has its keyspace: give it to prepare()");
      return -1;
    }
    if (renew) {
      statement = cqlpy_session_statement(s, p->text, p->keyspace, true);
      if (statement == NULL) return -1;
      Py_SETREF(p->statement, statement);
    }
    statement = (StatementObject *)Py_NewRef(p->statement);
  } else {
    PyObject *text = cqlpy_exact_text(query, "query");
    if (text == NULL) return -1;
    if (params == NULL) {
      int rc = cqlpy_request_set_text(q, text);
      Py_DECREF(text);
      return rc;
    }
    statement = cqlpy_session_statement(s, text, q->keyspace, renew);
    Py_DECREF(text);
    if (statement == NULL) return -1;
  }
  int rc = cqlpy_request_bind(s->state, q, statement, params);
  Py_DECREF(statement);
  return rc;
}

/* 0, 1 or -1 as cqlpy_bind_known(). */
static int known_statement(SessionObject *s, const cqlpy_request *q, PyObject *query, StatementObject **out) {
  *out = NULL;
  if (PyObject_TypeCheck(query, s->state->prepared_type)) {
    *out = (StatementObject *)Py_NewRef(((PreparedObject *)query)->statement);
    return 0;
  }
  PyObject *text = cqlpy_exact_text(query, "query");
  if (text == NULL) return -1;
  *out = cqlpy_session_known(s, text, q->keyspace);
  Py_DECREF(text);
  return *out != NULL ? 0 : PyErr_Occurred() ? -1 : 1;
}

/* Where the way leads to a wait, as for values that do not fit the markers and perhaps fit new ones, or to an error,
 * the slow way goes there. */
int cqlpy_bind_known(SessionObject *s, cqlpy_request *q, PyObject *query, PyObject *params) {
  bool prepared = PyObject_TypeCheck(query, s->state->prepared_type);
  if (prepared && (((PreparedObject *)query)->session != s || q->c.keyspace != NULL)) return 1;
  if (!prepared && params == NULL) return bind(s, q, query, NULL, false);
  StatementObject *statement;
  int rc = known_statement(s, q, query, &statement);
  if (rc != 0) return rc;
  rc = cqlpy_request_bind(s->state, q, statement, params);
  Py_DECREF(statement);
  if (rc == 0 || !PyErr_ExceptionMatches(s->state->exceptions[CQLPY_DataError])) return rc;
  PyErr_Clear();
  return 1;
}

/* A value that does not fit may be one for a schema that has changed since the statement was cached: it is encoded once
 * more, for the markers as they are now. */
static int bind_anew(SessionObject *s, cqlpy_request *q, PyObject *query, PyObject *params) {
  if (q->statement == NULL || !PyErr_ExceptionMatches(s->state->exceptions[CQLPY_DataError])) return -1;
  PyErr_Clear();
  cql_prepared_doubt(q->statement->handle);
  return bind(s, q, query, params, true);
}

int cqlpy_bind(SessionObject *s, cqlpy_request *q, PyObject *query, PyObject *params) {
  return bind(s, q, query, params, false) < 0 ? bind_anew(s, q, query, params) : 0;
}

PyObject *cqlpy_execute(SessionObject *s, cqlpy_request *q, PyObject *query, PyObject *params) {
  cql_error err;
  for (int attempt = 0; attempt < ATTEMPT_COUNT; attempt++) {
    cql_result *page = NULL;
    cql_error_init(&err);
    if (bind(s, q, query, params, attempt > 0) < 0 && bind_anew(s, q, query, params) < 0) return NULL;
    cql_status st = cqlpy_run(s, q, &page, &err);
    if (st == CQL_OK) return cqlpy_result_new(s, q, page);
    err.status = st;
    if (st != CQL_UNPREPARED || q->statement == NULL) break;
  }
  return cqlpy_raise_error(s->state, &err);
}

int cqlpy_execute_arguments(cqlpy_state *state, const char *function, PyObject *const *args, Py_ssize_t nargs,
                            PyObject *names, PyObject *keywords[CQLPY_KEYWORD_COUNT]) {
  static const cqlpy_keyword places[] = {CQLPY_KW_query, CQLPY_KW_params};
  const uint32_t allowed =
      CQLPY_BIT(query) | CQLPY_BIT(params) | CQLPY_BIT(page_size) | CQLPY_BIT(paging_state) | CQLPY_SHARED_BITS;
  if (cqlpy_positional(function, args, nargs, places, 2, keywords) < 0) return -1;
  if (cqlpy_keywords(state, function, allowed, args + nargs, names, keywords) < 0) return -1;
  if (keywords[CQLPY_KW_query] != NULL) return 0;
  PyErr_Format(PyExc_TypeError, "%s() needs a query: a str or a Prepared", function);
  return -1;
}

PyObject *cqlpy_session_execute(SessionObject *s, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  PyObject *keywords[CQLPY_KEYWORD_COUNT] = {NULL};
  if (cqlpy_execute_arguments(s->state, "execute", args, nargs, names, keywords) < 0) return NULL;
  if (cqlpy_session_enter(s) < 0) return NULL;
  cqlpy_request q;
  cqlpy_request_init(&q);
  PyObject *result = NULL;
  if (cqlpy_request_options(s->state, &q, keywords) == 0)
    result = cqlpy_execute(s, &q, keywords[CQLPY_KW_query], keywords[CQLPY_KW_params]);
  cqlpy_request_clear(&q);
  cqlpy_session_leave(s);
  return result;
}

/* --- a batch ------------------------------------------------------------------------------------------------------ */

void cqlpy_batch_clear(cqlpy_batch *b) {
  for (Py_ssize_t i = 0; b->requests != NULL && i < b->count; i++) cqlpy_request_clear(&b->requests[i]);
  PyMem_Free(b->requests);
  PyMem_Free(b->c);
  Py_XDECREF(b->items);
}

int cqlpy_batch_init(cqlpy_batch *b, cqlpy_state *state, const char *noun,
                     PyObject *const keywords[CQLPY_KEYWORD_COUNT]) {
  PyObject *statements = keywords[CQLPY_KW_statements];
  if (cqlpy_batch_type(keywords[CQLPY_KW_type], &b->type) < 0) return -1;
  if (statements == NULL || PyUnicode_Check(statements)) {
    PyErr_Format(PyExc_TypeError, "execute_%s() needs a list of (query, params)", noun);
    return -1;
  }
  b->items = PySequence_Tuple(statements);
  if (b->items == NULL) return -1;
  Py_ssize_t count = PyTuple_GET_SIZE(b->items);
  if (count > CQL_SESSION_BATCH_COUNT) {
    cqlpy_raise(state, CQLPY_InvalidRequest, CQL_INVALID, "A %s has at most %d statements, not %zd", noun,
                CQL_SESSION_BATCH_COUNT, count);
    return -1;
  }
  b->requests = PyMem_Calloc((size_t)count, sizeof *b->requests);
  b->c = PyMem_Calloc((size_t)count, sizeof *b->c);
  if (b->requests == NULL || b->c == NULL) {
    PyErr_NoMemory();
    return -1;
  }
  b->count = count;
  for (Py_ssize_t i = 0; i < count; i++) cqlpy_request_init(&b->requests[i]);
  for (Py_ssize_t i = 0; i < count; i++) {
    PyObject *item = PyTuple_GET_ITEM(b->items, i);
    if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) != 2) {
      PyErr_Format(PyExc_TypeError, "a statement of a %s is a tuple (query, params), not %R", noun, item);
      return -1;
    }
    if (cqlpy_request_options(state, &b->requests[i], keywords) < 0) return -1;
  }
  return 0;
}

int cqlpy_batch_bind_known(SessionObject *s, cqlpy_batch *b) {
  for (Py_ssize_t i = 0; i < b->count; i++) {
    PyObject *item = PyTuple_GET_ITEM(b->items, i), *params = PyTuple_GET_ITEM(item, 1);
    int rc = cqlpy_bind_known(s, &b->requests[i], PyTuple_GET_ITEM(item, 0), params == Py_None ? NULL : params);
    if (rc != 0) return rc;
    b->c[i] = b->requests[i].c;
  }
  return 0;
}

static int batch_bind(SessionObject *s, cqlpy_batch *b, bool renew) {
  for (Py_ssize_t i = 0; i < b->count; i++) {
    PyObject *item = PyTuple_GET_ITEM(b->items, i), *params = PyTuple_GET_ITEM(item, 1);
    PyObject *query = PyTuple_GET_ITEM(item, 0);
    if (params == Py_None) params = NULL;
    if (bind(s, &b->requests[i], query, params, renew) < 0 && bind_anew(s, &b->requests[i], query, params) < 0)
      return -1;
    b->c[i] = b->requests[i].c;
  }
  return 0;
}

static PyObject *batch_run(SessionObject *s, cqlpy_batch *b) {
  cql_error err;
  for (int attempt = 0; attempt < ATTEMPT_COUNT; attempt++) {
    cql_result *page = NULL;
    cql_error_init(&err);
    if (batch_bind(s, b, attempt > 0) < 0) return NULL;
    cqlpy_wait_begin();
    cql_status st = cqlpy_wait_end(cql_session_batch(s->handle, b->type, b->c, (uint32_t)b->count, &page, &err));
    st = keep(st, &page);
    cqlpy_request none;
    cqlpy_request_init(&none);
    if (st == CQL_OK) return cqlpy_result_new(s, &none, page);
    err.status = st;
    if (st != CQL_UNPREPARED) break;
  }
  return cqlpy_raise_error(s->state, &err);
}

int cqlpy_batch_arguments(cqlpy_state *state, const char *function, PyObject *const *args, Py_ssize_t nargs,
                          PyObject *names, PyObject *keywords[CQLPY_KEYWORD_COUNT]) {
  static const cqlpy_keyword places[] = {CQLPY_KW_statements};
  const uint32_t allowed = CQLPY_BIT(statements) | CQLPY_BIT(type) | CQLPY_SHARED_BITS;
  if (cqlpy_positional(function, args, nargs, places, 1, keywords) < 0) return -1;
  return cqlpy_keywords(state, function, allowed, args + nargs, names, keywords);
}

PyObject *cqlpy_session_execute_batch(SessionObject *s, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  PyObject *keywords[CQLPY_KEYWORD_COUNT] = {NULL};
  if (cqlpy_batch_arguments(s->state, "execute_batch", args, nargs, names, keywords) < 0) return NULL;
  if (cqlpy_session_enter(s) < 0) return NULL;
  cqlpy_batch b = {0};
  PyObject *result = NULL;
  if (cqlpy_batch_init(&b, s->state, "batch", keywords) == 0) result = batch_run(s, &b);
  cqlpy_batch_clear(&b);
  cqlpy_session_leave(s);
  return result;
}

/* --- a chain ------------------------------------------------------------------------------------------------------ */

/* A list of Results; takes the results in any case. */
static PyObject *chain_results(SessionObject *s, cqlpy_batch *b, cql_result **results, uint32_t count) {
  PyObject *list = PyList_New((Py_ssize_t)count);
  for (uint32_t i = 0; i < count; i++) {
    PyObject *one = list == NULL ? NULL : cqlpy_result_new(s, &b->requests[i], results[i]);
    if (list == NULL) cql_result_free(results[i]); /* s is entered, so this is not its last reference */
    if (one == NULL)
      Py_CLEAR(list);
    else
      PyList_SET_ITEM(list, (Py_ssize_t)i, one);
  }
  return list;
}

static PyObject *chain_run(SessionObject *s, cqlpy_batch *b, bool all_or_nothing) {
  cql_result **results = PyMem_Calloc((size_t)b->count + 1, sizeof(cql_result *));
  PyObject *list = NULL;
  cql_error err;
  cql_error_init(&err);
  cql_status st = CQL_UNPREPARED;
  uint32_t made = 0;
  if (results == NULL) return PyErr_NoMemory();
  for (int attempt = 0; attempt < ATTEMPT_COUNT && st == CQL_UNPREPARED; attempt++) {
    if (batch_bind(s, b, attempt > 0) < 0) goto done;
    Py_BEGIN_ALLOW_THREADS st =
        cql_session_chain(s->handle, b->c, (uint32_t)b->count, all_or_nothing, results, &made, &err);
    Py_END_ALLOW_THREADS
  }
  err.status = st;
  list = st == CQL_OK ? chain_results(s, b, results, made) : cqlpy_raise_error(s->state, &err);
done:
  PyMem_Free(results);
  return list;
}

PyObject *cqlpy_session_execute_chain(SessionObject *s, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  static const cqlpy_keyword places[] = {CQLPY_KW_statements};
  const uint32_t allowed = CQLPY_BIT(statements) | CQLPY_BIT(all_or_nothing) | CQLPY_SHARED_BITS;
  PyObject *keywords[CQLPY_KEYWORD_COUNT] = {NULL};
  if (cqlpy_positional("execute_chain", args, nargs, places, 1, keywords) < 0) return NULL;
  if (cqlpy_keywords(s->state, "execute_chain", allowed, args + nargs, names, keywords) < 0) return NULL;
  PyObject *choice = keywords[CQLPY_KW_all_or_nothing];
  int all_or_nothing = choice == NULL ? 1 : PyObject_IsTrue(choice);
  if (all_or_nothing < 0 || cqlpy_session_enter(s) < 0) return NULL;
  cqlpy_batch b = {0};
  PyObject *list = NULL;
  if (cqlpy_batch_init(&b, s->state, "chain", keywords) == 0) list = chain_run(s, &b, all_or_nothing != 0);
  cqlpy_batch_clear(&b);
  cqlpy_session_leave(s);
  return list;
}
