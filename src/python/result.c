#include "python/call.h"
#include "python/prefetch.h"

#include <stddef.h>
#include <structmember.h>

typedef struct ResultObject {
  PyObject_HEAD cqlpy_state *state;
  SessionObject *session;
  cqlpy_request request; /* empty unless more pages may follow */
  cql_result *page;
  cqlpy_plan *plan;       /* NULL when the answer is not rows */
  cql_value *cells;       /* of the row that is being read */
  cqlpy_inbox *next_page; /* asked for; NULL: not yet */
  uint8_t rows_given;     /* 0, 1, 2 for two and more */
  bool was_applied;
  bool busy; /* a thread is inside: reading a row may run Python code, fetching a page releases the GIL */
  PyObject *weakrefs;
} ResultObject;

typedef PyObject *row_maker(cqlpy_plan *plan, const cql_value *cells);

/* An iterator over the rows in another form than tuples. */
typedef struct RowsObject {
  PyObject_HEAD ResultObject *result;
  row_maker *make;
} RowsObject;

/* --- life --------------------------------------------------------------------------------------------------------- */

/* Frees a page. When the session is closed this may be its last reference, and closing the file is not done under the
 * GIL. */
static void free_page(SessionObject *s, cql_result *page) {
  if (page == NULL) return;
  if (!s->closed) {
    cql_result_free(page);
    return;
  }
  Py_BEGIN_ALLOW_THREADS cql_result_free(page);
  Py_END_ALLOW_THREADS
}

/* How to read the rows of r->page: the way that served the statement before, while its columns are the same. */
static int set_plan(ResultObject *r, StatementObject *statement) {
  cqlpy_plan *plan = r->plan != NULL || statement == NULL ? r->plan : statement->plan;
  if (plan != NULL && cqlpy_plan_fits(plan, r->page)) {
    plan = cqlpy_plan_retain(plan);
  } else {
    plan = cqlpy_plan_of_result(r->state, r->page);
    if (plan == NULL) return -1;
    if (statement != NULL) {
      cqlpy_plan_release(statement->plan);
      statement->plan = cqlpy_plan_retain(plan);
    }
  }
  cqlpy_plan_release(r->plan);
  r->plan = plan;
  PyMem_Free(r->cells);
  r->cells = PyMem_Calloc(cqlpy_plan_column_count(plan) + 1, sizeof *r->cells);
  if (r->cells != NULL) return 0;
  PyErr_NoMemory();
  return -1;
}

static void read_applied(ResultObject *r) {
  if (!cqlpy_plan_is_conditional(r->plan) || cql_result_next(r->page, r->cells) != CQL_OK) return;
  r->was_applied = r->cells[0].len == 1 && r->cells[0].data[0] != 0;
  cql_result_rewind(r->page);
}

PyObject *cqlpy_result_new(SessionObject *s, cqlpy_request *q, cql_result *page) {
  ResultObject *r = (ResultObject *)PyType_GenericAlloc(s->state->result_type, 0);
  if (r == NULL) {
    cql_result_free(page); /* s is entered, so this is not its last reference */
    return NULL;
  }
  r->state = s->state;
  r->session = (SessionObject *)Py_NewRef(s);
  r->page = page;
  r->was_applied = true;
  cqlpy_request_init(&r->request);
  cql_result_kind kind = cql_result_get_kind(page);
  if (kind == CQL_RESULT_SET_KEYSPACE) PyDict_Clear(s->cache); /* texts mean other tables now */
  if (kind == CQL_RESULT_ROWS) {
    if (set_plan(r, q->statement) < 0) {
      Py_DECREF(r);
      return NULL;
    }
    read_applied(r);
  }
  size_t len;
  if (cql_result_paging_state(page, &len) != NULL) {
    r->request = *q;
    cqlpy_request_init(q);
  }
  return (PyObject *)r;
}

static int result_traverse(PyObject *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(((ResultObject *)self)->session);
  return 0;
}

static void result_dealloc(PyObject *self) {
  ResultObject *r = (ResultObject *)self;
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (r->weakrefs != NULL) PyObject_ClearWeakRefs(self);
  cqlpy_prefetch_drop(r->next_page);
  free_page(r->session, r->page);
  cqlpy_request_clear(&r->request);
  cqlpy_plan_release(r->plan);
  PyMem_Free(r->cells);
  Py_CLEAR(r->session);
  type->tp_free(self);
  Py_DECREF(type);
}

/* --- pages -------------------------------------------------------------------------------------------------------- */

static int take(ResultObject *r) {
  if (r->busy) {
    cqlpy_raise(r->state, CQLPY_InterfaceError, CQL_MISUSE, "the result is being read by another thread");
    return -1;
  }
  r->busy = true;
  return 0;
}

static bool has_more_pages(const ResultObject *r) {
  size_t len;
  return cql_result_paging_state(r->page, &len) != NULL;
}

/* The next page, by now on its way or not. */
static int get_page(ResultObject *r, cql_result **out) {
  if (r->next_page != NULL) return cqlpy_prefetch_finish(r->session, &r->next_page, out);
  cqlpy_request *q = &r->request;
  q->c.paging_state = cql_result_paging_state(r->page, &q->c.paging_state_len);
  cql_error err;
  cql_error_init(&err);
  cql_status st = cqlpy_run(r->session, q, out, &err);
  q->c.paging_state = NULL;
  if (st == CQL_OK) return 0;
  err.status = st;
  cqlpy_raise_error(r->state, &err);
  return -1;
}

static int fetch_entered(ResultObject *r) {
  cql_result *page = NULL;
  if (get_page(r, &page) < 0) return -1;
  free_page(r->session, r->page);
  r->page = page;
  if (set_plan(r, r->request.statement) < 0) return -1;
  if (!has_more_pages(r)) cqlpy_request_clear(&r->request);
  return 0;
}

/* Asks for the next page, once it is clear that rows are read one after the other: with the second of them. */
static void look_ahead(ResultObject *r) {
  if (r->rows_given < 2 && ++r->rows_given < 2) return;
  if (r->next_page != NULL || !has_more_pages(r) || r->session->closed) return;
  cqlpy_request *q = &r->request;
  q->c.paging_state = cql_result_paging_state(r->page, &q->c.paging_state_len);
  r->next_page = cqlpy_prefetch_start(r->session, &q->c);
  q->c.paging_state = NULL;
}

/* Replaces the page by the next one; there must be one. */
static int fetch(ResultObject *r) {
  if (cqlpy_session_enter(r->session) < 0) return -1;
  int rc = fetch_entered(r);
  cqlpy_session_leave(r->session);
  return rc;
}

/* The next row of this page; NULL without an exception at its end. */
static PyObject *next_of_page(ResultObject *r, row_maker *make) {
  cql_status st = cql_result_next(r->page, r->cells);
  if (st == CQL_OK) return make(r->plan, r->cells);
  if (st != CQL_DONE) cqlpy_raise(r->state, CQLPY_InternalError, st, "the page of rows is malformed");
  return NULL;
}

/* The next row of all pages; NULL without an exception at the end. */
static PyObject *next_of_all(ResultObject *r, row_maker *make) {
  if (r->plan == NULL) return NULL;
  PyObject *row = next_of_page(r, make);
  while (row == NULL && !PyErr_Occurred() && has_more_pages(r)) { /* a page may be empty and not the last */
    if (fetch(r) == 0) row = next_of_page(r, make);
  }
  if (row != NULL && r->session->is_cluster) look_ahead(r);
  return row;
}

static PyObject *result_next(PyObject *self) {
  ResultObject *r = (ResultObject *)self;
  if (take(r) < 0) return NULL;
  PyObject *row = next_of_all(r, cqlpy_plan_row);
  r->busy = false;
  return row;
}

static PyObject *result_one(PyObject *self, PyObject *unused) {
  (void)unused;
  PyObject *row = result_next(self);
  return row == NULL && !PyErr_Occurred() ? Py_NewRef(Py_None) : row;
}

static int append_page(ResultObject *r, PyObject **rows) {
  PyObject *more = cqlpy_plan_rows(r->plan, r->page, r->cells);
  if (more == NULL) return -1;
  if (*rows == NULL) {
    *rows = more;
    return 0;
  }
  Py_ssize_t end = PyList_GET_SIZE(*rows);
  int rc = PyList_SetSlice(*rows, end, end, more);
  Py_DECREF(more);
  return rc;
}

/* While a page is read, the next one is on its way. */
static int append_pages(ResultObject *r, PyObject **rows) {
  for (;;) {
    r->rows_given = 2;
    if (r->session->is_cluster) look_ahead(r);
    if (append_page(r, rows) < 0) return -1;
    if (!has_more_pages(r)) return 0;
    if (fetch(r) < 0) return -1;
  }
}

static PyObject *collect(ResultObject *r, int (*append)(ResultObject *, PyObject **)) {
  if (r->plan == NULL) return PyList_New(0);
  if (take(r) < 0) return NULL;
  PyObject *rows = NULL;
  if (append(r, &rows) < 0) Py_CLEAR(rows);
  r->busy = false;
  return rows;
}

static PyObject *result_all(PyObject *self, PyObject *unused) {
  (void)unused;
  return collect((ResultObject *)self, append_pages);
}

static PyObject *result_page(PyObject *self, PyObject *unused) {
  (void)unused;
  return collect((ResultObject *)self, append_page);
}

static PyObject *result_fetch_next_page(PyObject *self, PyObject *unused) {
  (void)unused;
  ResultObject *r = (ResultObject *)self;
  if (take(r) < 0) return NULL;
  bool more = has_more_pages(r);
  int rc = more ? fetch(r) : 0;
  r->busy = false;
  return rc < 0 ? NULL : PyBool_FromLong(more);
}

static PyObject *result_one_of_page(PyObject *self, PyObject *unused) {
  (void)unused;
  ResultObject *r = (ResultObject *)self;
  if (take(r) < 0) return NULL;
  PyObject *row = r->plan == NULL ? NULL : next_of_page(r, cqlpy_plan_row);
  if (row != NULL && r->session->is_cluster) look_ahead(r);
  r->busy = false;
  return row == NULL && !PyErr_Occurred() ? Py_NewRef(Py_None) : row;
}

/* --- coroutines --------------------------------------------------------------------------------------------------- */

static PyObject *result_aone(PyObject *self, PyObject *unused) {
  (void)unused;
  return cqlpy_forward(((ResultObject *)self)->state, self, "aone", NULL, 0, NULL);
}

static PyObject *result_aall(PyObject *self, PyObject *unused) {
  (void)unused;
  return cqlpy_forward(((ResultObject *)self)->state, self, "aall", NULL, 0, NULL);
}

static PyObject *result_afetch_next_page(PyObject *self, PyObject *unused) {
  (void)unused;
  return cqlpy_forward(((ResultObject *)self)->state, self, "afetch_next_page", NULL, 0, NULL);
}

/* A future of the running loop that is done when fetch_next_page() need not wait; None: it is so already. */
static PyObject *result_page_future(PyObject *self, PyObject *unused) {
  (void)unused;
  ResultObject *r = (ResultObject *)self;
  if (take(r) < 0) return NULL;
  r->rows_given = 2;
  look_ahead(r);
  PyObject *future = r->next_page == NULL ? Py_NewRef(Py_None) : cqlpy_await_inbox(r->state, r->next_page);
  r->busy = false;
  return future;
}

static PyObject *result_aiter(PyObject *self) {
  return cqlpy_forward(((ResultObject *)self)->state, self, "Rows", NULL, 0, NULL);
}

/* --- rows in other forms ------------------------------------------------------------------------------------------ */

static PyObject *rows_new(PyObject *self, row_maker *make) {
  RowsObject *rows = (RowsObject *)PyType_GenericAlloc(((ResultObject *)self)->state->rows_type, 0);
  if (rows == NULL) return NULL;
  rows->result = (ResultObject *)Py_NewRef(self);
  rows->make = make;
  return (PyObject *)rows;
}

static PyObject *result_dicts(PyObject *self, PyObject *unused) {
  (void)unused;
  return rows_new(self, cqlpy_plan_dict);
}

static PyObject *result_literals(PyObject *self, PyObject *unused) {
  (void)unused;
  return rows_new(self, cqlpy_plan_literals);
}

static PyObject *rows_next(PyObject *self) {
  RowsObject *rows = (RowsObject *)self;
  if (take(rows->result) < 0) return NULL;
  PyObject *row = next_of_all(rows->result, rows->make);
  rows->result->busy = false;
  return row;
}

static int rows_traverse(PyObject *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(((RowsObject *)self)->result);
  return 0;
}

static void rows_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  Py_CLEAR(((RowsObject *)self)->result);
  type->tp_free(self);
  Py_DECREF(type);
}

/* --- attributes --------------------------------------------------------------------------------------------------- */

static PyObject *get_columns(PyObject *self, void *unused) {
  (void)unused;
  ResultObject *r = (ResultObject *)self;
  return r->plan == NULL ? PyTuple_New(0) : cqlpy_plan_columns(r->plan);
}

static PyObject *get_column_names(PyObject *self, void *unused) {
  (void)unused;
  ResultObject *r = (ResultObject *)self;
  return r->plan == NULL ? PyTuple_New(0) : cqlpy_plan_names(r->plan);
}

static PyObject *get_was_applied(PyObject *self, void *unused) {
  (void)unused;
  return PyBool_FromLong(((ResultObject *)self)->was_applied);
}

static PyObject *get_paging_state(PyObject *self, void *unused) {
  (void)unused;
  ResultObject *r = (ResultObject *)self;
  if (r->busy) { /* the page may be going away */
    if (take(r) < 0) return NULL;
  }
  size_t len;
  const uint8_t *state = cql_result_paging_state(r->page, &len);
  return state == NULL ? Py_NewRef(Py_None) : PyBytes_FromStringAndSize((const char *)state, (Py_ssize_t)len);
}

static PyObject *get_has_more_pages(PyObject *self, void *unused) {
  (void)unused;
  return PyBool_FromLong(has_more_pages((ResultObject *)self));
}

static PyObject *text_of(const char *text) {
  return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

static PyObject *get_warnings(PyObject *self, void *unused) {
  (void)unused;
  const cql_result *page = ((ResultObject *)self)->page;
  uint32_t count = cql_result_warning_count(page);
  PyObject *warnings = PyList_New((Py_ssize_t)count);
  for (uint32_t i = 0; warnings != NULL && i < count; i++) {
    PyObject *text = text_of(cql_result_warning(page, i));
    if (text == NULL)
      Py_CLEAR(warnings);
    else
      PyList_SET_ITEM(warnings, (Py_ssize_t)i, text);
  }
  return warnings;
}

static PyObject *get_kind(PyObject *self, void *unused) {
  (void)unused;
  switch (cql_result_get_kind(((ResultObject *)self)->page)) {
  case CQL_RESULT_ROWS: return PyUnicode_InternFromString("rows");
  case CQL_RESULT_SET_KEYSPACE: return PyUnicode_InternFromString("set_keyspace");
  case CQL_RESULT_SCHEMA_CHANGE: return PyUnicode_InternFromString("schema_change");
  case CQL_RESULT_VOID: break;
  }
  return PyUnicode_InternFromString("void");
}

static PyObject *get_schema_change(PyObject *self, void *unused) {
  (void)unused;
  ResultObject *r = (ResultObject *)self;
  if (cql_result_get_kind(r->page) != CQL_RESULT_SCHEMA_CHANGE) return Py_NewRef(Py_None);
  PyObject *change = PyStructSequence_New(r->state->change_type);
  if (change == NULL) return NULL;
  const char *texts[] = {cql_result_change(r->page), cql_result_change_target(r->page), cql_result_keyspace(r->page),
                         cql_result_change_name(r->page)};
  bool complete = true;
  for (Py_ssize_t i = 0; i < 4; i++) {
    PyObject *text = text_of(texts[i]);
    complete = complete && text != NULL;
    PyStructSequence_SetItem(change, i, text); /* takes it */
  }
  if (!complete) Py_CLEAR(change);
  return change;
}

static PyObject *get_on_cluster(PyObject *self, void *unused) {
  (void)unused;
  return PyBool_FromLong(((ResultObject *)self)->session->is_cluster);
}

PyDoc_STRVAR(
    result_doc,
    "The answer to a statement. Iterating it gives the rows of all pages as tuples; pages are fetched as they\n"
    "are needed, with `async for` without blocking the event loop. A row is given once. A result belongs to one\n"
    "thread at a time.");
PyDoc_STRVAR(one_doc, "one($self, /)\n--\n\nReturn the next row, or None when there is none left.");
PyDoc_STRVAR(all_doc, "all($self, /)\n--\n\nReturn the rows that are left, of all pages, as a list.");
PyDoc_STRVAR(page_doc, "page($self, /)\n--\n\nReturn the rows that are left of the current page, as a list.");
PyDoc_STRVAR(dicts_doc,
             "dicts($self, /)\n--\n\nReturn an iterator that gives the rows that are left as dicts by column name.");
PyDoc_STRVAR(literals_doc,
             "literals($self, /)\n--\n\n"
             "Return an iterator that gives the rows that are left as tuples of str: the values as CQL writes them,\n"
             "such as 'it''s', 0xcafe or {1, 2}.");
PyDoc_STRVAR(fetch_doc,
             "fetch_next_page($self, /)\n--\n\n"
             "Replace the current page by the next one; what is left of it is dropped. False: there is none.");

PyDoc_STRVAR(one_of_page_doc,
             "one_of_page($self, /)\n--\n\nReturn the next row of the current page, or None at its end.");
PyDoc_STRVAR(aone_doc, "aone($self)\n--\n\none() as a coroutine.");
PyDoc_STRVAR(aall_doc, "aall($self)\n--\n\nall() as a coroutine.");
PyDoc_STRVAR(afetch_doc, "afetch_next_page($self)\n--\n\nfetch_next_page() as a coroutine.");

static PyMethodDef methods[] = {
    {"one", result_one, METH_NOARGS, one_doc},
    {"all", result_all, METH_NOARGS, all_doc},
    {"page", result_page, METH_NOARGS, page_doc},
    {"dicts", result_dicts, METH_NOARGS, dicts_doc},
    {"literals", result_literals, METH_NOARGS, literals_doc},
    {"fetch_next_page", result_fetch_next_page, METH_NOARGS, fetch_doc},
    {"one_of_page", result_one_of_page, METH_NOARGS, one_of_page_doc},
    {"_page_future", result_page_future, METH_NOARGS, NULL},
    {"aone", result_aone, METH_NOARGS, aone_doc},
    {"aall", result_aall, METH_NOARGS, aall_doc},
    {"afetch_next_page", result_afetch_next_page, METH_NOARGS, afetch_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getset[] = {
    {"columns", get_columns, NULL, "The columns, a tuple of Column; () when the answer is not rows.", NULL},
    {"column_names", get_column_names, NULL, "Their names, a tuple of str.", NULL},
    {"was_applied", get_was_applied, NULL, "False when the statement had conditions and they were not met.", NULL},
    {"paging_state", get_paging_state, NULL, "bytes that say where the next page begins, or None.", NULL},
    {"has_more_pages", get_has_more_pages, NULL, "Whether there may be more pages than this one.", NULL},
    {"warnings", get_warnings, NULL, "Warnings of the server, a list of str.", NULL},
    {"kind", get_kind, NULL, "'void', 'rows', 'set_keyspace' or 'schema_change'.", NULL},
    {"_on_cluster", get_on_cluster, NULL, NULL, NULL},
    {"schema_change", get_schema_change, NULL, "(change, target, keyspace, name) of a DDL statement, or None.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(ResultObject, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot result_slots[] = {
    {Py_tp_doc, (void *)result_doc},
    {Py_tp_dealloc, result_dealloc},
    {Py_tp_traverse, result_traverse},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, result_next},
    {Py_tp_methods, methods},
    {Py_tp_getset, getset},
    {Py_tp_members, members},
    {Py_am_aiter, result_aiter},
    {0, NULL},
};

PyType_Spec cqlpy_result_spec = {
    .name = "libcql.Result",
    .basicsize = sizeof(ResultObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = result_slots,
};

static PyType_Slot rows_slots[] = {
    {Py_tp_dealloc, rows_dealloc},
    {Py_tp_traverse, rows_traverse},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, rows_next},
    {0, NULL},
};

PyType_Spec cqlpy_rows_spec = {
    .name = "libcql._libcql._Rows",
    .basicsize = sizeof(RowsObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = rows_slots,
};
