#include "python/module.h"

/* The thread that waits, whose GIL the check for signals borrows back: one per thread, while it waits. */
static _Thread_local PyThreadState *waiting;
/* What else may end its wait. */
static _Thread_local const atomic_bool *watched;

void cqlpy_wait_begin(void) {
  waiting = PyEval_SaveThread();
  cql_end_turn();
}

cql_status cqlpy_wait_end(cql_status st) {
  cqlpy_wait_pause();
  return PyErr_Occurred() ? CQL_INTERRUPTED : st;
}

/* What Python code does meanwhile may wait itself. */
void cqlpy_wait_pause(void) {
  PyThreadState *thread = waiting;
  waiting = NULL;
  PyEval_RestoreThread(thread);
}

void cqlpy_wait_resume(void) {
  cqlpy_wait_begin();
}

const atomic_bool *cqlpy_wait_watch(const atomic_bool *flag) {
  const atomic_bool *before = watched;
  watched = flag;
  return before;
}

/* Signals' handlers run in the main thread alone; for others this finds nothing. */
bool cqlpy_interrupted(void) {
  if (watched != NULL && atomic_load(watched)) return true;
  if (waiting == NULL) return false; /* a waiting thread that is not Python's */
  PyEval_RestoreThread(waiting);
  bool raised = PyErr_CheckSignals() < 0;
  waiting = PyEval_SaveThread();
  return raised;
}
