#include "python/relational.h"

#include <stddef.h>
#include <structmember.h>
#include <unistd.h>

enum {
  STEPS = 10000,             /* of SQLite's machine between two looks at whether it shall stop */
  LOOK_US = 100 * 1000,      /* between two looks for signals, which take the GIL */
  LOCK_SLICE_US = 100 * 1000 /* the same while a thread waits for another one */
};

/* --- one thread at a time ----------------------------------------------------------------------------------------- */

static int refuse(RelationalObject *r, const char *words) {
  cqlpy_raise(r->state, CQLPY_InterfaceError, CQL_MISUSE, "%s", words);
  return -1;
}

static int refuse_closed(RelationalObject *r) {
  cqlpy_raise(r->state, CQLPY_InterfaceError, CQL_CLOSED, "the connection is closed");
  return -1;
}

static bool is_mine(const RelationalObject *r) {
  return r->inside == PyThread_get_thread_ident();
}

static void taken(RelationalObject *r) {
  r->inside = PyThread_get_thread_ident();
  r->process = getpid();
  r->looked_us = cql_clock_monotonic_us();
  atomic_store(&r->stop, false);
}

static int wait_for_lock(RelationalObject *r) {
  PyLockStatus got = PY_LOCK_FAILURE;
  while (got != PY_LOCK_ACQUIRED) {
    if (r->process != getpid())
      return refuse(r, "another thread was using the connection when this process was forked: open another one");
    Py_BEGIN_ALLOW_THREADS got = PyThread_acquire_lock_timed(r->lock, LOCK_SLICE_US, 1);
    Py_END_ALLOW_THREADS if (got != PY_LOCK_ACQUIRED && PyErr_CheckSignals() < 0) return -1;
  }
  return 0;
}

static int take(RelationalObject *r) {
  if (is_mine(r))
    return refuse(r, "an SQL function cannot use the connection whose statement calls it: open another one");
  if (PyThread_acquire_lock(r->lock, NOWAIT_LOCK) == 0 && wait_for_lock(r) < 0) return -1;
  taken(r);
  return 0;
}

/* Finishes the queries that nobody reads any more; functions' destructors may drop others meanwhile. */
static void finish_dropped(RelationalObject *r) {
  PyObject *kind, *error, *trace;
  PyErr_Fetch(&kind, &error, &trace);
  r->is_finishing = true;
  while (r->dropped != NULL) {
    cqlpy_slot *slot = r->dropped;
    r->dropped = slot->next;
    cqlpy_relational_begin(r);
    cql_relational_finish(slot->query);
    cqlpy_relational_end(r, CQL_OK);
    PyMem_Free(slot);
  }
  r->is_finishing = false;
  PyErr_Restore(kind, error, trace);
}

static void give_back(RelationalObject *r) {
  finish_dropped(r);
  if (r->handle != NULL) cql_relational_counted(r->handle, &r->counts);
  r->inside = 0;
  PyThread_release_lock(r->lock);
}

int cqlpy_relational_enter(RelationalObject *r) {
  if (take(r) < 0) return -1;
  if (r->handle != NULL && cqlpy_session_enter(r->session) == 0) return 0;
  if (r->handle == NULL) refuse_closed(r);
  give_back(r);
  return -1;
}

void cqlpy_relational_leave(RelationalObject *r) {
  cqlpy_session_leave(r->session);
  give_back(r);
}

void cqlpy_relational_begin(RelationalObject *r) {
  cqlpy_wait_begin();
  r->watched_before = cqlpy_wait_watch(&r->stop);
}

cql_status cqlpy_relational_end(RelationalObject *r, cql_status st) {
  cqlpy_wait_watch(r->watched_before);
  return cqlpy_wait_end(st);
}

void cqlpy_relational_unlink(RelationalObject *r, cqlpy_slot *slot) {
  cqlpy_slot **at = &r->open;
  while (*at != slot) at = &(*at)->next;
  *at = slot->next;
}

/* All lists change under the GIL: a query that is dropped while the lock is held is found by the one who gives it back.
 */
void cqlpy_relational_drop(RelationalObject *r, cqlpy_slot *slot) {
  cqlpy_relational_unlink(r, slot);
  slot->rows = NULL;
  slot->next = r->dropped;
  r->dropped = slot;
  if (PyThread_acquire_lock(r->lock, NOWAIT_LOCK) == 0) return;
  taken(r);
  give_back(r);
}

/* --- errors ------------------------------------------------------------------------------------------------------- */

/* Takes cause, what a function of the program's has raised. KeyboardInterrupt and their like are not ours to wrap. */
static void raise_of_function(RelationalObject *r, PyObject *cause) {
  if (!PyErr_GivenExceptionMatches(cause, PyExc_Exception)) {
    PyErr_SetObject((PyObject *)Py_TYPE(cause), cause);
    Py_DECREF(cause);
    return;
  }
  cqlpy_raise(r->state, CQLPY_OperationalError, CQL_INVALID, "user-defined function raised exception");
  PyObject *error = cqlpy_take_exception();
  PyException_SetCause(error, cause);
  PyErr_SetObject((PyObject *)Py_TYPE(error), error);
  Py_DECREF(error);
}

PyObject *cqlpy_relational_raise(RelationalObject *r, cql_status st, cql_error *err) {
  PyObject *cause = r->raised;
  r->raised = NULL;
  if (PyErr_Occurred()) { /* a signal's handler has raised */
    Py_XDECREF(cause);
    return NULL;
  }
  if (cause != NULL && (st == CQL_OK || st == CQL_INVALID || !PyErr_GivenExceptionMatches(cause, PyExc_Exception))) {
    raise_of_function(r, cause);
    return NULL;
  }
  Py_XDECREF(cause);
  err->status = st;
  return cqlpy_raise_error(r->state, err);
}

/* --- opening and closing ------------------------------------------------------------------------------------------ */

/* Long work within SQLite is looked at now and then. */
static int on_progress(void *user) {
  RelationalObject *r = user;
  if (atomic_load(&r->stop)) return 1;
  int64_t now = cql_clock_monotonic_us();
  if (now - r->looked_us < LOOK_US) return 0;
  r->looked_us = now;
  return cqlpy_interrupted();
}

static cql_status open_handle(RelationalObject *r, const char *keyspace, cql_error *err) {
  cql_status st = cql_relational_open(&r->handle, r->session->handle, keyspace, err);
  if (st == CQL_OK) sqlite3_progress_handler(cql_relational_db(r->handle), STEPS, on_progress, r);
  return st;
}

static RelationalObject *new_relational(SessionObject *s) {
  RelationalObject *r = (RelationalObject *)PyType_GenericAlloc(s->state->relational_type, 0); /* zeroed */
  if (r == NULL) return NULL;
  r->state = s->state;
  r->session = (SessionObject *)Py_NewRef(s);
  r->process = getpid();
  atomic_init(&r->stop, false);
  cqlpy_block_init(&r->block);
  r->lock = PyThread_allocate_lock();
  if (r->lock != NULL) return r;
  Py_DECREF(r);
  return (RelationalObject *)PyErr_NoMemory();
}

/* The text of a name, which *object keeps; NULL with an exception. */
static const char *name_of(PyObject *arg, const char *what, PyObject **object) {
  Py_ssize_t len = 0;
  *object = cqlpy_exact_text(arg, what);
  const char *text = *object == NULL ? NULL : PyUnicode_AsUTF8AndSize(*object, &len);
  if (text == NULL || strlen(text) == (size_t)len) return text;
  PyErr_Format(PyExc_ValueError, "%s holds a NUL character", what);
  return NULL;
}

PyObject *cqlpy_session_relational(SessionObject *s, PyObject *arg) {
  PyObject *text;
  const char *keyspace = name_of(arg, "keyspace", &text);
  RelationalObject *r = keyspace == NULL ? NULL : new_relational(s);
  cql_error err;
  cql_error_init(&err);
  if (r != NULL && cqlpy_session_enter(s) < 0) {
    Py_CLEAR(r);
  } else if (r != NULL) {
    cqlpy_relational_begin(r);
    cql_status st = cqlpy_relational_end(r, open_handle(r, keyspace, &err));
    if (st != CQL_OK) {
      cqlpy_relational_raise(r, st, &err);
      Py_CLEAR(r);
    }
    cqlpy_session_leave(s);
  }
  Py_XDECREF(text);
  return (PyObject *)r;
}

/* The lock is held, or nobody else knows r any more. */
static void shut(RelationalObject *r) {
  cql_relational *handle = r->handle;
  r->handle = NULL;
  while (r->open != NULL) {
    cqlpy_slot *slot = r->open;
    cqlpy_relational_rows_cut(slot->rows);
    r->open = slot->next;
    slot->next = r->dropped;
    r->dropped = slot;
  }
  finish_dropped(r);
  cqlpy_relational_begin(r);
  cql_relational_close(handle);
  cqlpy_relational_end(r, CQL_OK);
}

static PyObject *relational_close(PyObject *self, PyObject *unused) {
  (void)unused;
  RelationalObject *r = (RelationalObject *)self;
  if (r->handle == NULL) Py_RETURN_NONE;
  if (take(r) < 0) return NULL;
  if (r->handle != NULL) {
    cql_relational_counted(r->handle, &r->counts);
    shut(r);
  }
  give_back(r);
  Py_RETURN_NONE;
}

static int relational_traverse(PyObject *self, visitproc visit, void *arg) {
  RelationalObject *r = (RelationalObject *)self;
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(r->session);
  Py_VISIT(r->raised);
  return cqlpy_functions_traverse(r, visit, arg);
}

static int relational_clear(PyObject *self) {
  cqlpy_functions_clear((RelationalObject *)self);
  return 0;
}

/* In a child whose parent's other thread was inside, the connection is in pieces, and stays where it is. */
static void relational_dealloc(PyObject *self) {
  RelationalObject *r = (RelationalObject *)self;
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (r->weakrefs != NULL) PyObject_ClearWeakRefs(self);
  if (r->inside == 0) {
    PyObject *kind, *error, *trace;
    PyErr_Fetch(&kind, &error, &trace);
    if (r->handle != NULL) shut(r);
    PyErr_Restore(kind, error, trace);
    if (r->lock != NULL) PyThread_free_lock(r->lock);
    cqlpy_block_free(&r->block);
  }
  Py_CLEAR(r->raised);
  Py_CLEAR(r->session);
  type->tp_free(self);
  Py_DECREF(type);
}

/* --- methods ------------------------------------------------------------------------------------------------------ */

static PyObject *relational_execute(PyObject *self, PyObject *args, PyObject *names) {
  return cqlpy_relational_execute((RelationalObject *)self, args, names);
}

static PyObject *relational_create_function(PyObject *self, PyObject *args, PyObject *names) {
  return cqlpy_relational_create_function((RelationalObject *)self, args, names);
}

static PyObject *relational_create_aggregate(PyObject *self, PyObject *args, PyObject *names) {
  return cqlpy_relational_create_aggregate((RelationalObject *)self, args, names);
}

static PyObject *relational_attach(PyObject *self, PyObject *args, PyObject *names) {
  static char *keywords[] = {"name", "table", NULL};
  RelationalObject *r = (RelationalObject *)self;
  const char *name, *table = NULL;
  PyObject *result = NULL;
  if (!PyArg_ParseTupleAndKeywords(args, names, "s|z:attach", keywords, &name, &table)) return NULL;
  if (cqlpy_relational_enter(r) == 0) {
    cql_error err;
    cql_error_init(&err);
    cqlpy_relational_begin(r);
    if (table == NULL) table = name;
    cql_status st = cqlpy_relational_end(r, cql_relational_attach_as(r->handle, name, table, &err));
    result = st == CQL_OK ? Py_NewRef(Py_None) : cqlpy_relational_raise(r, st, &err);
    cqlpy_relational_leave(r);
  }
  return result;
}

/* SQLite's own interruption would last until no row of any statement is left to be read. */
static PyObject *relational_interrupt(PyObject *self, PyObject *unused) {
  (void)unused;
  RelationalObject *r = (RelationalObject *)self;
  if (r->inside != 0) atomic_store(&r->stop, true);
  Py_RETURN_NONE;
}

static PyObject *relational_repr(PyObject *self) {
  RelationalObject *r = (RelationalObject *)self;
  return PyUnicode_FromFormat("<libcql.Relational of %R%s>", r->session, r->handle == NULL ? " (closed)" : "");
}

/* --- counts ------------------------------------------------------------------------------------------------------- */

enum { COUNT_FIELDS = 4 };

int cqlpy_add_counts_type(PyObject *module, cqlpy_state *state) {
  PyStructSequence_Field fields[] = {{"requests", "Pages that the session was asked for."},
                                     {"rows", "Rows that came."},
                                     {"scans", "Statements that read a whole table."},
                                     {"waves", "How often answers were waited for."},
                                     {NULL, NULL}};
  PyStructSequence_Desc desc = {"libcql.RelationalCounts", "What a Relational has asked its session for.", fields,
                                COUNT_FIELDS};
  state->counts_type = PyStructSequence_NewType(&desc);
  return state->counts_type == NULL ? -1 : PyModule_AddType(module, state->counts_type);
}

static PyObject *get_counts(PyObject *self, void *unused) {
  (void)unused;
  RelationalObject *r = (RelationalObject *)self;
  const uint64_t numbers[COUNT_FIELDS] = {r->counts.requests, r->counts.rows, r->counts.scans, r->counts.waves};
  PyObject *counts = PyStructSequence_New(r->state->counts_type);
  for (Py_ssize_t i = 0; counts != NULL && i < COUNT_FIELDS; i++) {
    PyObject *number = PyLong_FromUnsignedLongLong(numbers[i]);
    if (number == NULL)
      Py_CLEAR(counts);
    else
      PyStructSequence_SetItem(counts, i, number);
  }
  return counts;
}

/* --- the type ----------------------------------------------------------------------------------------------------- */

PyDoc_STRVAR(
    relational_doc,
    "SQL over the CQL tables of a keyspace, by SQLite. Made by Session.relational().\n\n"
    "Threads may share it: one is inside at a time, the others wait. What an SQL function does cannot use the\n"
    "connection whose statement calls it.");
PyDoc_STRVAR(attach_doc, "attach($self, name, table=None)\n--\n\n"
                         "Make a table known in SQL as name, anew if it was: its definition is read now. table is its\n"
                         "name in CQL where that is another one.");
PyDoc_STRVAR(create_function_doc,
             "create_function($self, name, narg, func, *, deterministic=False)\n--\n\n"
             "Make func an SQL function of narg arguments (-1: any number), as sqlite3 does; None takes it away.\n\n"
             "It is given None, int, float, str and bytes, and returns one of them. What it raises is the cause of\n"
             "an OperationalError.");
PyDoc_STRVAR(create_aggregate_doc,
             "create_aggregate($self, name, narg, cls)\n--\n\n"
             "Make cls an SQL aggregate of narg arguments, as sqlite3 does; None takes it away.\n\n"
             "For each group one object is made: step() is called with each row's arguments, finalize() returns the\n"
             "value. Without a row the value is NULL, and cls is not called.");
PyDoc_STRVAR(execute_doc,
             "execute($self, sql, params=(), *, budget=None, raw=None)\n--\n\n"
             "Run one statement of SQL and return its Rows, which are read as they are asked for.\n\n"
             "params are the values of its parameters, a tuple or list for ?, a dict for :name. budget is how many\n"
             "rows of tables may be read and not returned; past it the exception is an OperationalError with the\n"
             "code BUDGET. raw has an entry for each column of the result: None, or (table, column) where it is\n"
             "a NAME$raw, which then comes as Session.execute() would give that column.");
PyDoc_STRVAR(interrupt_doc, "interrupt($self, /)\n--\n\n"
                            "End the statement that another thread is running at the moment, if one is, with\n"
                            "OperationalError.");
PyDoc_STRVAR(close_doc, "close($self, /)\n--\n\n"
                        "Close the connection; later calls raise InterfaceError. The session stays open.");

#define KEYWORD_METHOD(name)                                                                                           \
  { #name, (PyCFunction)(void (*)(void))relational_##name, METH_VARARGS | METH_KEYWORDS, name##_doc }

static PyMethodDef methods[] = {
    KEYWORD_METHOD(execute),
    KEYWORD_METHOD(create_function),
    KEYWORD_METHOD(create_aggregate),
    KEYWORD_METHOD(attach),
    {"interrupt", relational_interrupt, METH_NOARGS, interrupt_doc},
    {"close", relational_close, METH_NOARGS, close_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getset[] = {
    {"counts", get_counts, NULL, "(requests, rows, scans, waves) since it was opened, a RelationalCounts.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(RelationalObject, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)relational_doc},
    {Py_tp_dealloc, relational_dealloc},
    {Py_tp_traverse, relational_traverse},
    {Py_tp_clear, relational_clear},
    {Py_tp_methods, methods},
    {Py_tp_getset, getset},
    {Py_tp_members, members},
    {Py_tp_repr, relational_repr},
    {0, NULL},
};

PyType_Spec cqlpy_relational_spec = {
    .name = "libcql.Relational",
    .basicsize = sizeof(RelationalObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
