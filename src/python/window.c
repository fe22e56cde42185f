/* window.c: one statement with many rows of values on a cluster. As many rows as there are slots are in flight. When
 * half of them are answered, their slots are filled again while the other half still is in flight, so that the cluster
 * is never idle, and the client is woken for many rows at once.
 */
#include "python/inbox.h"
#include "python/many.h"

typedef struct flight {
  cqlpy_answer answer;
  uint32_t slot;
} flight;

typedef struct window {
  cqlpy_many *many;
  cqlpy_inbox *inbox;
  uint32_t *free_slots; /* a stack */
  uint32_t free_count, in_flight;
  bool exhausted;
  PyObject *error; /* to be raised, with the lowest row of those that failed */
  Py_ssize_t error_row;
} window;

/* An exception is set. Either it is the outcome of the row, or it ends all. */
static int row_failed(window *w, Py_ssize_t row) {
  PyObject *error = cqlpy_exception_of_row(w->many, row);
  if (error != NULL) return PyList_SetItem(w->many->results, row, error);
  error = cqlpy_take_exception();
  if (w->error == NULL || row < w->error_row) {
    Py_XSETREF(w->error, error);
    w->error_row = row;
  } else {
    Py_DECREF(error);
  }
  return 0;
}

static void give_back(window *w, uint32_t slot) {
  cqlpy_slot_empty(&w->many->slots[slot]);
  w->free_slots[w->free_count++] = slot;
}

/* Sends the row of a slot. 1: the client has too many already. */
static int launch(window *w, uint32_t slot) {
  cql_error err;
  cql_error_init(&err);
  flight *f = PyMem_RawCalloc(1, sizeof *f);
  if (f == NULL) {
    PyErr_NoMemory();
    return -1;
  }
  f->slot = slot;
  f->answer.inbox = cqlpy_inbox_retain(w->inbox);
  const cql_request *q = &w->many->slots[slot].request.c;
  cql_status st = cql_session_submit(w->many->session->handle, q, cqlpy_inbox_deliver, f, &err);
  if (st == CQL_OK) {
    w->in_flight++;
    return 0;
  }
  cqlpy_inbox_release(w->inbox);
  cqlpy_answer_free(&f->answer);
  if (st == CQL_QUEUE_FULL && w->in_flight > 0) return 1;
  err.status = st;
  cqlpy_raise_error(w->many->session->state, &err);
  return -1;
}

static int settle(window *w, flight *f) {
  cqlpy_many *m = w->many;
  cqlpy_slot *at = &m->slots[f->slot];
  cql_result *page = f->answer.result;
  PyObject *result;
  f->answer.result = NULL;
  if (f->answer.status == CQL_OK)
    result = cqlpy_slot_result(m, at, page);
  else if (f->answer.status == CQL_UNPREPARED)
    result = cqlpy_execute(m->session, &at->request, m->query, at->params);
  else
    result = cqlpy_raise_answer(m->session->state, &f->answer);
  int rc = result != NULL ? PyList_SetItem(m->results, at->row, result) : row_failed(w, at->row);
  give_back(w, f->slot);
  return rc;
}

/* Waits until count rows are answered, and settles all that are. */
static int collect(window *w, uint32_t count) {
  int rc = 0;
  cqlpy_answer *next = cqlpy_inbox_wait(w->inbox, count);
  if (next == NULL) return -1;
  while (next != NULL) {
    flight *f = (flight *)next;
    next = next->next;
    w->in_flight--;
    if (rc == 0) rc = settle(w, f);
    cqlpy_answer_free(&f->answer);
  }
  return rc;
}

/* Takes the next row into a slot and sends it. */
static int fill_one(window *w) {
  cqlpy_many *m = w->many;
  uint32_t slot = w->free_slots[w->free_count - 1];
  cqlpy_slot *at = &m->slots[slot];
  at->params = PyIter_Next(m->rows);
  if (at->params == NULL) {
    w->exhausted = true;
    return PyErr_Occurred() ? -1 : 0;
  }
  at->row = PyList_GET_SIZE(m->results);
  if (PyList_Append(m->results, Py_None) < 0) return -1;
  w->free_count--;
  int rc = cqlpy_slot_prepare(m, at) < 0 ? -1 : launch(w, slot);
  while (rc == 1) rc = collect(w, 1) < 0 ? -1 : launch(w, slot);
  if (rc == 0) return 0;
  give_back(w, slot);
  return PyErr_ExceptionMatches(PyExc_Exception) ? row_failed(w, at->row) : -1;
}

static int run(window *w) {
  for (;;) {
    while (!w->exhausted && w->error == NULL && w->free_count > 0)
      if (fill_one(w) < 0) return -1;
    if (w->in_flight == 0) return 0;
    bool last = w->exhausted || w->error != NULL;
    if (collect(w, last ? w->in_flight : (w->in_flight + 1) / 2) < 0) return -1;
  }
}

/* An exception is set, or w->error is to be raised. What is in flight is waited for unless a signal says otherwise:
 * afterwards the caller knows what was written. */
static int finish(window *w, int rc) {
  PyObject *kind = NULL, *error = NULL, *trace = NULL;
  if (rc < 0) PyErr_Fetch(&kind, &error, &trace);
  bool interrupted = rc < 0 && !PyErr_GivenExceptionMatches(kind, PyExc_Exception);
  while (!interrupted && w->in_flight > 0) {
    if (collect(w, w->in_flight) == 0) continue;
    PyErr_Clear();
    interrupted = true;
  }
  if (rc < 0) PyErr_Restore(kind, error, trace);
  if (rc == 0 && w->error != NULL) {
    PyErr_SetObject((PyObject *)Py_TYPE(w->error), w->error);
    rc = -1;
  }
  Py_CLEAR(w->error);
  return rc;
}

int cqlpy_window_run(cqlpy_many *m) {
  window w = {.many = m};
  w.inbox = cqlpy_inbox_new(false);
  w.free_slots = PyMem_Calloc((size_t)m->room, sizeof *w.free_slots);
  int rc = w.inbox == NULL ? -1 : 0;
  if (rc == 0 && w.free_slots == NULL) {
    PyErr_NoMemory();
    rc = -1;
  }
  while (rc == 0 && w.free_count < (uint32_t)m->room) {
    w.free_slots[w.free_count] = (uint32_t)m->room - 1 - w.free_count;
    w.free_count++;
  }
  if (rc == 0) rc = finish(&w, run(&w));
  if (w.inbox != NULL) {
    cqlpy_inbox_abandon(w.inbox);
    cqlpy_inbox_release(w.inbox);
  }
  PyMem_Free(w.free_slots);
  return rc;
}
