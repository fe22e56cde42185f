#include "python/module.h"

/* The thread that waits, whose GIL the check for signals borrows back: one per thread, while it waits. */
static _Thread_local PyThreadState *waiting;

void cqlpy_wait_begin(void) {
  waiting = PyEval_SaveThread();
  cql_end_turn();
}

cql_status cqlpy_wait_end(cql_status st) {
  PyThreadState *thread = waiting;
  waiting = NULL;
  PyEval_RestoreThread(thread);
  return PyErr_Occurred() ? CQL_INTERRUPTED : st;
}

/* Signals' handlers run in the main thread alone; for others this finds nothing. */
bool cqlpy_interrupted(void) {
  if (waiting == NULL) return false; /* a waiting thread that is not Python's */
  PyEval_RestoreThread(waiting);
  bool raised = PyErr_CheckSignals() < 0;
  waiting = PyEval_SaveThread();
  return raised;
}
