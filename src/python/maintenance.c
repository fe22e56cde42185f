#include "python/module.h"

/* Session.compact() and Session.check(): long calls that report on their way. */

enum { PROBLEMS_MAX = 1000 }; /* kept in words; all are counted */

/* --- the reports -------------------------------------------------------------------------------------------------- */

static PyTypeObject *new_compact_type(void) {
  PyStructSequence_Field fields[] = {
      {"keys_seen", "Rows and deletions looked at."},  {"keys_removed", "Of them those that are gone."},
      {"rows_rewritten", "Rows that lost something."}, {"bytes_before", "The size of the file before."},
      {"bytes_after", "The size of the file now."},    {NULL, NULL}};
  PyStructSequence_Desc desc = {"libcql.CompactReport", "What Session.compact() did.", fields, 5};
  return PyStructSequence_NewType(&desc);
}

static PyTypeObject *new_check_type(void) {
  PyStructSequence_Field fields[] = {{"tables", "Tables of the file."},
                                     {"indexes", "Indexes of the file."},
                                     {"rows", "Rows checked."},
                                     {"deletions", "Deletions of partitions and ranges checked."},
                                     {"entries", "Index entries checked."},
                                     {"stale_entries", "Of them those whose row is gone or changed: no error."},
                                     {"ahead_of_clock", "Rows written USING TIMESTAMP above the file's last one."},
                                     {"problem_count", "How many problems there are."},
                                     {"problems", "The first thousand of them, in words."},
                                     {NULL, NULL}};
  PyStructSequence_Desc desc = {"libcql.CheckReport", "What Session.check() found.", fields, 9};
  return PyStructSequence_NewType(&desc);
}

int cqlpy_add_report_types(PyObject *module, cqlpy_state *state) {
  if ((state->compact_type = new_compact_type()) == NULL || PyModule_AddType(module, state->compact_type) < 0)
    return -1;
  if ((state->check_type = new_check_type()) == NULL) return -1;
  return PyModule_AddType(module, state->check_type);
}

static PyObject *new_report(PyTypeObject *type, const uint64_t *numbers, Py_ssize_t count) {
  PyObject *report = PyStructSequence_New(type);
  for (Py_ssize_t i = 0; report != NULL && i < count; i++) {
    PyObject *number = PyLong_FromUnsignedLongLong(numbers[i]);
    if (number == NULL)
      Py_CLEAR(report);
    else
      PyStructSequence_SetItem(report, i, number);
  }
  return report;
}

/* --- on the way --------------------------------------------------------------------------------------------------- */

typedef struct call {
  PyThreadState *thread; /* while the GIL is given up */
  PyObject *progress;    /* borrowed; NULL: none */
  PyObject *problems;    /* list */
  bool failed;           /* an exception is set */
} call;

/* false with an exception ends the call; so does Ctrl-C. */
static bool on_progress(void *user, const char *doing, double done) {
  call *c = user;
  PyEval_RestoreThread(c->thread);
  if (!c->failed && c->progress != NULL) {
    PyObject *answer = PyObject_CallFunction(c->progress, "sd", doing, done);
    c->failed = answer == NULL;
    Py_XDECREF(answer);
  }
  if (!c->failed) c->failed = PyErr_CheckSignals() < 0;
  bool go_on = !c->failed;
  c->thread = PyEval_SaveThread();
  return go_on;
}

static void on_problem(void *user, const char *text) {
  call *c = user;
  PyEval_RestoreThread(c->thread);
  if (!c->failed && PyList_GET_SIZE(c->problems) < PROBLEMS_MAX) {
    PyObject *problem = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
    c->failed = problem == NULL || PyList_Append(c->problems, problem) < 0;
    Py_XDECREF(problem);
  }
  c->thread = PyEval_SaveThread();
}

static int read_progress(PyObject *args, PyObject *names, const char *format, PyObject **out) {
  static char *keywords[] = {"progress", NULL};
  *out = NULL;
  if (!PyArg_ParseTupleAndKeywords(args, names, format, keywords, out)) return -1;
  if (*out == Py_None) *out = NULL;
  if (*out == NULL || PyCallable_Check(*out)) return 0;
  PyErr_Format(PyExc_TypeError, "progress is a callable, not %.200s", Py_TYPE(*out)->tp_name);
  return -1;
}

/* --- methods ------------------------------------------------------------------------------------------------------ */

PyObject *cqlpy_session_compact(SessionObject *s, PyObject *args, PyObject *names) {
  call c = {0};
  cql_compact_report r;
  cql_error err = {.status = CQL_OK};
  if (read_progress(args, names, "|$O:compact", &c.progress) < 0 || cqlpy_session_enter(s) < 0) return NULL;
  c.thread = PyEval_SaveThread();
  cql_status st = cql_session_compact(s->handle, on_progress, &c, &r, &err);
  PyEval_RestoreThread(c.thread);
  err.status = st;
  PyObject *report = NULL;
  if (!c.failed && st != CQL_OK) cqlpy_raise_error(s->state, &err);
  if (!c.failed && st == CQL_OK) {
    const uint64_t numbers[] = {r.keys_seen, r.keys_removed, r.rows_rewritten, r.bytes_before, r.bytes_after};
    report = new_report(s->state->compact_type, numbers, 5);
  }
  cqlpy_session_leave(s);
  return report;
}

PyObject *cqlpy_session_check(SessionObject *s, PyObject *args, PyObject *names) {
  call c = {0};
  cql_check_report r;
  cql_error err = {.status = CQL_OK};
  if (read_progress(args, names, "|$O:check", &c.progress) < 0 || cqlpy_session_enter(s) < 0) return NULL;
  PyObject *report = NULL;
  c.problems = PyList_New(0);
  if (c.problems == NULL) goto done;
  c.thread = PyEval_SaveThread();
  cql_status st = cql_session_check(s->handle, on_progress, on_problem, &c, &r, &err);
  PyEval_RestoreThread(c.thread);
  err.status = st;
  if (!c.failed && st != CQL_OK) cqlpy_raise_error(s->state, &err);
  if (!c.failed && st == CQL_OK) {
    const uint64_t numbers[] = {r.tables,  r.indexes,       r.rows,           r.deletions,
                                r.entries, r.stale_entries, r.ahead_of_clock, r.problems};
    report = new_report(s->state->check_type, numbers, 8);
    if (report != NULL) PyStructSequence_SetItem(report, 8, Py_NewRef(c.problems));
  }
done:
  Py_XDECREF(c.problems);
  cqlpy_session_leave(s);
  return report;
}
