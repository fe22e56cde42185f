#include "python/relational.h"

enum { RESULT_KEPT_LEN = 1 << 20 }; /* of memory that is kept for the next result */

struct cqlpy_function {
  RelationalObject *owner;
  cqlpy_function *next;
  PyObject *callable; /* NULL: the collector has taken it */
  cqlpy_cell *args;   /* of the call that is made: SQLite does not nest those of one function */
  int arg_room;
  cql_buf result; /* the bytes of what it has returned */
};

/* --- life --------------------------------------------------------------------------------------------------------- */

static cqlpy_function *new_function(RelationalObject *r, PyObject *callable) {
  cqlpy_function *f = PyMem_RawCalloc(1, sizeof *f);
  if (f == NULL) return (cqlpy_function *)PyErr_NoMemory();
  f->owner = r;
  f->callable = Py_NewRef(callable);
  f->next = r->functions;
  r->functions = f;
  cql_buf_init(&f->result, &cql_alloc_libc, PY_SSIZE_T_MAX);
  return f;
}

/* SQLite drops it: it was replaced, or its connection is closed. */
static void on_destroy(void *user) {
  cqlpy_function *f = user;
  cqlpy_wait_pause();
  cqlpy_function **at = &f->owner->functions;
  while (*at != f) at = &(*at)->next;
  *at = f->next;
  PyObject *kind, *error, *trace;
  PyErr_Fetch(&kind, &error, &trace);
  Py_CLEAR(f->callable);
  PyErr_Restore(kind, error, trace);
  cqlpy_wait_resume();
  PyMem_RawFree(f->args);
  cql_buf_free(&f->result);
  PyMem_RawFree(f);
}

int cqlpy_functions_traverse(RelationalObject *r, visitproc visit, void *arg) {
  for (cqlpy_function *f = r->functions; f != NULL; f = f->next) Py_VISIT(f->callable);
  return 0;
}

/* What goes may run code that changes the list. */
void cqlpy_functions_clear(RelationalObject *r) {
  cqlpy_function *f = r->functions;
  while (f != NULL) {
    bool is_changed = f->callable != NULL;
    Py_CLEAR(f->callable);
    f = is_changed ? r->functions : f->next;
  }
}

/* --- arguments and results, without the GIL ----------------------------------------------------------------------- */

static void read_argument(cqlpy_cell *out, sqlite3_value *value) {
  *out = (cqlpy_cell){.type = sqlite3_value_type(value)};
  switch (out->type) {
  case SQLITE_INTEGER: out->integer = sqlite3_value_int64(value); return;
  case SQLITE_FLOAT: out->real = sqlite3_value_double(value); return;
  case SQLITE_TEXT: out->data = sqlite3_value_text(value); break;
  case SQLITE_BLOB: out->data = sqlite3_value_blob(value); break;
  default: return;
  }
  out->len = (size_t)sqlite3_value_bytes(value);
  if (out->data == NULL) *out = (cqlpy_cell){.type = out->type, .data = ""};
}

static bool read_arguments(cqlpy_function *f, int count, sqlite3_value **values) {
  if (count > f->arg_room) {
    cqlpy_cell *more = PyMem_RawRealloc(f->args, (size_t)count * sizeof *more);
    if (more == NULL) return false;
    f->args = more;
    f->arg_room = count;
  }
  for (int i = 0; i < count; i++) read_argument(&f->args[i], values[i]);
  return true;
}

static void give_result(sqlite3_context *c, cqlpy_function *f, const cqlpy_cell *cell) {
  const char *bytes = cell->len == 0 ? "" : (const char *)f->result.data;
  switch (cell->type) {
  case SQLITE_INTEGER: sqlite3_result_int64(c, cell->integer); break;
  case SQLITE_FLOAT: sqlite3_result_double(c, cell->real); break;
  case SQLITE_TEXT: sqlite3_result_text64(c, bytes, cell->len, SQLITE_TRANSIENT, SQLITE_UTF8); break;
  case SQLITE_BLOB: sqlite3_result_blob64(c, bytes, cell->len, SQLITE_TRANSIENT); break;
  default: sqlite3_result_null(c); break;
  }
  if (f->result.cap > RESULT_KEPT_LEN) {
    cql_buf_free(&f->result);
    cql_buf_init(&f->result, &cql_alloc_libc, PY_SSIZE_T_MAX);
  }
}

/* Something has been raised, or shall be once SQLite has ended. */
static void give_error(sqlite3_context *c, cqlpy_function *f) {
  sqlite3_result_error(c, "user-defined function raised exception", -1);
  if (atomic_load(&f->owner->stop)) sqlite3_result_error_code(c, SQLITE_INTERRUPT);
}

/* --- calls, with the GIL ------------------------------------------------------------------------------------------ */

/* Not once the statement is about to end: SQLite then still asks aggregates for what they have come to. */
static bool may_call(const cqlpy_function *f) {
  const RelationalObject *r = f->owner;
  return f->callable != NULL && r->raised == NULL && !r->is_finishing && !atomic_load(&r->stop) && !PyErr_Occurred();
}

static void keep_exception(cqlpy_function *f) {
  PyObject *error = cqlpy_take_exception();
  if (f->owner->raised == NULL)
    f->owner->raised = error;
  else
    Py_XDECREF(error);
}

/* NULL with an exception. */
static PyObject *call(cqlpy_function *f, PyObject *callable, int count) {
  PyObject *args = PyTuple_New(count);
  for (int i = 0; args != NULL && i < count; i++) {
    PyObject *value = cqlpy_cell_object(&f->args[i]);
    if (value == NULL)
      Py_CLEAR(args);
    else
      PyTuple_SET_ITEM(args, i, value);
  }
  if (args == NULL) return NULL;
  PyObject *value = PyObject_CallObject(callable, args);
  Py_DECREF(args);
  return value;
}

/* Takes value; its bytes are copied, so that it may go while the GIL is there. */
static int copy_result(cqlpy_function *f, PyObject *value, cqlpy_cell *out) {
  int rc = cqlpy_cell_of(value, out);
  if (rc == 0)
    PyErr_Format(PyExc_TypeError, "an SQL function returns None, int, float, str or bytes, not %.200s",
                 Py_TYPE(value)->tp_name);
  cql_buf_reset(&f->result);
  if (rc == 1 && out->len > 0) cql_buf_put(&f->result, out->data, out->len);
  if (f->result.st != CQL_OK) PyErr_NoMemory();
  Py_DECREF(value);
  return rc == 1 && f->result.st == CQL_OK ? 0 : -1;
}

/* Takes value (NULL: an exception is set). */
static bool take_result(cqlpy_function *f, PyObject *value, cqlpy_cell *out) {
  if (value != NULL && copy_result(f, value, out) == 0) return true;
  keep_exception(f);
  return false;
}

static void on_call(sqlite3_context *c, int count, sqlite3_value **values) {
  cqlpy_function *f = sqlite3_user_data(c);
  if (!read_arguments(f, count, values)) {
    sqlite3_result_error_nomem(c);
    return;
  }
  cqlpy_cell cell;
  cqlpy_wait_pause();
  bool is_done = may_call(f) && take_result(f, call(f, f->callable, count), &cell);
  cqlpy_wait_resume();
  if (is_done)
    give_result(c, f, &cell);
  else
    give_error(c, f);
}

/* --- aggregates --------------------------------------------------------------------------------------------------- */

/* The object of a group is made with its first row. */
static bool step(cqlpy_function *f, PyObject **group, int count) {
  if (*group == NULL) *group = PyObject_CallNoArgs(f->callable);
  PyObject *method = *group == NULL ? NULL : PyObject_GetAttr(*group, f->owner->state->name_step);
  PyObject *done = method == NULL ? NULL : call(f, method, count);
  Py_XDECREF(method);
  if (done == NULL) keep_exception(f);
  Py_XDECREF(done);
  return done != NULL;
}

static void on_step(sqlite3_context *c, int count, sqlite3_value **values) {
  cqlpy_function *f = sqlite3_user_data(c);
  PyObject **group = sqlite3_aggregate_context(c, sizeof *group);
  if (group == NULL || !read_arguments(f, count, values)) {
    sqlite3_result_error_nomem(c);
    return;
  }
  cqlpy_wait_pause();
  bool is_done = may_call(f) && step(f, group, count);
  cqlpy_wait_resume();
  if (!is_done) give_error(c, f);
}

static void on_final(sqlite3_context *c) {
  cqlpy_function *f = sqlite3_user_data(c);
  PyObject **group = sqlite3_aggregate_context(c, 0);
  if (group == NULL || *group == NULL) { /* there was no row, or it could not be made */
    sqlite3_result_null(c);
    return;
  }
  cqlpy_cell cell;
  cqlpy_wait_pause();
  bool is_done =
      may_call(f) && take_result(f, PyObject_CallMethodNoArgs(*group, f->owner->state->name_finalize), &cell);
  PyObject *kind, *error, *trace; /* of a signal's handler */
  PyErr_Fetch(&kind, &error, &trace);
  Py_CLEAR(*group);
  PyErr_Restore(kind, error, trace);
  cqlpy_wait_resume();
  if (is_done)
    give_result(c, f, &cell);
  else
    give_error(c, f);
}

/* --- making them -------------------------------------------------------------------------------------------------- */

typedef struct definition {
  const char *name;
  int arg_count, is_deterministic;
  PyObject *callable; /* None: there shall be no such function */
  bool is_aggregate;
} definition;

/* Without the GIL. SQLite destroys f when it does not take it. */
static cql_status create(sqlite3 *db, const definition *d, cqlpy_function *f, cql_error *err) {
  int flags = SQLITE_UTF8 | (d->is_deterministic ? SQLITE_DETERMINISTIC : 0);
  bool is_call = f != NULL && !d->is_aggregate, is_steps = f != NULL && d->is_aggregate;
  int rc =
      sqlite3_create_function_v2(db, d->name, d->arg_count, flags, f, is_call ? on_call : NULL,
                                 is_steps ? on_step : NULL, is_steps ? on_final : NULL, f != NULL ? on_destroy : NULL);
  if (rc == SQLITE_OK) return CQL_OK;
  return cql_fail(err, rc == SQLITE_BUSY ? CQL_BUSY : CQL_MISUSE, "The SQL function %s with %d arguments: %s", d->name,
                  d->arg_count, rc == SQLITE_BUSY ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
}

static PyObject *define(RelationalObject *r, const definition *d) {
  if (d->callable != Py_None && !PyCallable_Check(d->callable)) {
    PyErr_Format(PyExc_TypeError, "an SQL function is made of a callable or None, not of %.200s",
                 Py_TYPE(d->callable)->tp_name);
    return NULL;
  }
  if (cqlpy_relational_enter(r) < 0) return NULL;
  cqlpy_function *f = d->callable == Py_None ? NULL : new_function(r, d->callable);
  PyObject *result = NULL;
  if (f != NULL || d->callable == Py_None) {
    cql_error err;
    cql_error_init(&err);
    cqlpy_relational_begin(r);
    cql_status st = cqlpy_relational_end(r, create(cql_relational_db(r->handle), d, f, &err));
    result = st == CQL_OK ? Py_NewRef(Py_None) : cqlpy_relational_raise(r, st, &err);
  }
  cqlpy_relational_leave(r);
  return result;
}

PyObject *cqlpy_relational_create_function(RelationalObject *r, PyObject *args, PyObject *names) {
  static char *keywords[] = {"name", "narg", "func", "deterministic", NULL};
  definition d = {.is_aggregate = false};
  if (!PyArg_ParseTupleAndKeywords(args, names, "siO|$p:create_function", keywords, &d.name, &d.arg_count, &d.callable,
                                   &d.is_deterministic))
    return NULL;
  return define(r, &d);
}

PyObject *cqlpy_relational_create_aggregate(RelationalObject *r, PyObject *args, PyObject *names) {
  static char *keywords[] = {"name", "narg", "cls", NULL};
  definition d = {.is_aggregate = true};
  if (!PyArg_ParseTupleAndKeywords(args, names, "siO:create_aggregate", keywords, &d.name, &d.arg_count, &d.callable))
    return NULL;
  return define(r, &d);
}
