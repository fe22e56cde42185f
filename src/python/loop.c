/* loop.c: requests of event loops. A future is made for each, and the answers of all that have arrived are given out at
 * once, when the loop finds the inbox's descriptor readable. Any loop will do that has add_reader() and
 * create_future().
 */
#include "python/inbox.h"

#include <unistd.h>

/* What is kept of one event loop. It is found by the loop's address and does not keep the loop alive. */
typedef struct LoopObject {
  PyObject_HEAD cqlpy_state *state;
  PyObject *ref; /* weak */
  cqlpy_inbox *inbox;
  Py_ssize_t in_flight;
  pid_t pid; /* a child's loop may have its parent's address */
} LoopObject;

/* A request of a loop. */
typedef struct call {
  cqlpy_answer answer;
  LoopObject *loop;
  PyObject *future;
  SessionObject *session; /* NULL: the answer itself is nothing, it has been waited for */
  cqlpy_request request;
} call;

/* --- answers ------------------------------------------------------------------------------------------------------ */

static void call_free(call *c) {
  Py_CLEAR(c->future);
  Py_CLEAR(c->session);
  Py_CLEAR(c->loop);
  cqlpy_request_clear(&c->request);
  cqlpy_answer_free(&c->answer);
}

/* What the future is to hold; NULL with an exception. */
static PyObject *outcome_of(call *c) {
  cqlpy_answer *a = &c->answer;
  if (c->session == NULL) return Py_NewRef(Py_None);
  if (a->status != CQL_OK) return cqlpy_raise_answer(c->session->state, a);
  cql_result *page = a->result;
  a->result = NULL;
  return cqlpy_result_new(c->session, &c->request, page);
}

static int is_done(const cqlpy_state *state, PyObject *future) {
  PyObject *done = PyObject_CallMethodNoArgs(future, state->name_done);
  int truth = done == NULL ? -1 : PyObject_IsTrue(done);
  Py_XDECREF(done);
  return truth;
}

/* A future that was cancelled has no use for its answer. */
static void settle(const cqlpy_state *state, call *c) {
  int done = is_done(state, c->future);
  PyObject *returned = NULL;
  if (done == 0) {
    PyObject *outcome = outcome_of(c);
    bool failed = outcome == NULL;
    if (failed) outcome = cqlpy_take_exception();
    returned =
        PyObject_CallMethodOneArg(c->future, failed ? state->name_set_exception : state->name_set_result, outcome);
    Py_XDECREF(outcome);
  }
  if (done < 0 || (done == 0 && returned == NULL)) PyErr_WriteUnraisable(c->future);
  Py_XDECREF(returned);
}

/* Gives out what has arrived; deaf: the loop is gone, and its futures with it. */
static void give_out(LoopObject *loop, bool deaf) {
  cqlpy_answer *next = cqlpy_inbox_take(loop->inbox);
  while (next != NULL) {
    call *c = (call *)next;
    next = next->next;
    loop->in_flight--;
    if (!deaf) settle(loop->state, c);
    call_free(c);
  }
}

static PyObject *loop_wake(PyObject *self, PyObject *unused) {
  (void)unused;
  Py_INCREF(self); /* the last call may hold the last reference */
  give_out((LoopObject *)self, false);
  Py_DECREF(self);
  Py_RETURN_NONE;
}

/* --- loops -------------------------------------------------------------------------------------------------------- */

static bool is_gone(const cqlpy_state *state, const LoopObject *loop) {
  PyObject *found;
  if (loop->pid != getpid() || cqlpy_referent(loop->ref, &found) == 0) return true;
  PyObject *closed = PyObject_CallMethodNoArgs(found, state->name_is_closed);
  bool gone = closed == NULL || PyObject_IsTrue(closed) != 0;
  if (closed == NULL) PyErr_Clear();
  Py_XDECREF(closed);
  Py_DECREF(found);
  return gone;
}

/* Lets go of loops that were closed; of those whose requests are still in flight once these are answered. */
static int sweep(cqlpy_state *state) {
  PyObject *all = PyDict_Values(state->loops);
  for (Py_ssize_t i = 0; all != NULL && i < PyList_GET_SIZE(all); i++) {
    LoopObject *loop = (LoopObject *)PyList_GET_ITEM(all, i);
    if (!is_gone(state, loop)) continue;
    if (loop->pid == getpid()) give_out(loop, true);
    if (loop->in_flight > 0 && loop->pid == getpid()) continue;
    PyObject *keys = PyDict_Keys(state->loops); /* its key is its loop's address, which it does not know any more */
    for (Py_ssize_t k = 0; keys != NULL && k < PyList_GET_SIZE(keys); k++) {
      PyObject *key = PyList_GET_ITEM(keys, k);
      if (PyDict_GetItem(state->loops, key) == (PyObject *)loop) PyDict_DelItem(state->loops, key);
    }
    Py_XDECREF(keys);
  }
  Py_XDECREF(all);
  return PyErr_Occurred() ? -1 : 0;
}

static int watch(LoopObject *loop, PyObject *of) {
  PyObject *wake = PyObject_GetAttrString((PyObject *)loop, "_wake");
  PyObject *done = wake == NULL ? NULL : PyObject_CallMethod(of, "add_reader", "iO", cqlpy_inbox_fd(loop->inbox), wake);
  Py_XDECREF(wake);
  Py_XDECREF(done);
  return done == NULL ? -1 : 0;
}

static LoopObject *new_loop(cqlpy_state *state, PyObject *of) {
  if (sweep(state) < 0) return NULL;
  LoopObject *loop = (LoopObject *)PyType_GenericAlloc(state->loop_type, 0);
  if (loop == NULL) return NULL;
  loop->state = state;
  loop->pid = getpid();
  loop->ref = PyWeakref_NewRef(of, NULL);
  loop->inbox = loop->ref == NULL ? NULL : cqlpy_inbox_new(true);
  if (loop->inbox == NULL || watch(loop, of) < 0) Py_CLEAR(loop);
  return loop;
}

/* A loop of another process, or one that was closed and whose address serves another one now, is no match. */
static LoopObject *known_loop(cqlpy_state *state, PyObject *key, PyObject *of) {
  LoopObject *loop = (LoopObject *)PyDict_GetItemWithError(state->loops, key);
  if (loop == NULL || loop->pid != getpid()) return NULL;
  PyObject *found = NULL;
  cqlpy_referent(loop->ref, &found);
  Py_XDECREF(found);
  return found == of ? (LoopObject *)Py_NewRef(loop) : NULL;
}

/* What is kept of the running loop, which *of takes a reference on. New reference. */
static LoopObject *running_loop(cqlpy_state *state, PyObject **of) {
  if (state->get_running_loop == NULL) {
    PyObject *asyncio = PyImport_ImportModule("asyncio");
    if (asyncio != NULL) state->get_running_loop = PyObject_GetAttrString(asyncio, "get_running_loop");
    Py_XDECREF(asyncio);
    if (state->get_running_loop == NULL) return NULL;
  }
  *of = PyObject_CallNoArgs(state->get_running_loop);
  PyObject *key = *of == NULL ? NULL : PyLong_FromVoidPtr(*of);
  LoopObject *loop = key == NULL ? NULL : known_loop(state, key, *of);
  if (loop == NULL && key != NULL && !PyErr_Occurred()) {
    loop = new_loop(state, *of);
    if (loop != NULL && PyDict_SetItem(state->loops, key, (PyObject *)loop) < 0) Py_CLEAR(loop);
  }
  Py_XDECREF(key);
  if (loop == NULL) Py_CLEAR(*of);
  return loop;
}

static int loop_traverse(PyObject *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  return 0;
}

static void loop_dealloc(PyObject *self) {
  LoopObject *loop = (LoopObject *)self;
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  Py_CLEAR(loop->ref);
  cqlpy_inbox_release(loop->inbox);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyMethodDef loop_methods[] = {
    {"_wake", loop_wake, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot loop_slots[] = {
    {Py_tp_dealloc, loop_dealloc},
    {Py_tp_traverse, loop_traverse},
    {Py_tp_methods, loop_methods},
    {0, NULL},
};

PyType_Spec cqlpy_loop_spec = {
    .name = "libcql._libcql._Loop",
    .basicsize = sizeof(LoopObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = loop_slots,
};

/* --- submitting --------------------------------------------------------------------------------------------------- */

/* A call of the running loop with a future, not in flight yet. */
static call *call_new(cqlpy_state *state, SessionObject *s) {
  call *c = PyMem_RawCalloc(1, sizeof *c);
  if (c == NULL) return (call *)PyErr_NoMemory();
  cqlpy_request_init(&c->request);
  PyObject *of = NULL;
  c->loop = running_loop(state, &of);
  c->future = c->loop == NULL ? NULL : PyObject_CallMethodNoArgs(of, state->name_create_future);
  Py_XDECREF(of);
  c->session = (SessionObject *)Py_XNewRef(s);
  if (c->future != NULL) {
    c->answer.inbox = cqlpy_inbox_retain(c->loop->inbox);
    return c;
  }
  call_free(c);
  return NULL;
}

/* For a call that did not start. */
static void call_drop(call *c) {
  cqlpy_inbox_release(c->answer.inbox);
  call_free(c);
}

/* Behind a start: the future, or an exception when st says that there was none. */
static PyObject *started(call *c, PyObject *future, cql_status st, cql_error *err) {
  if (st == CQL_OK) return future;
  err->status = st;
  cqlpy_raise_error(c->session->state, err);
  c->loop->in_flight--;
  call_drop(c);
  Py_DECREF(future);
  return NULL;
}

/* Counted before it starts: once it has, the call belongs to the answer. */
static PyObject *start(call *c) {
  cql_error err;
  cqlpy_error_init(&err);
  PyObject *future = Py_NewRef(c->future);
  c->loop->in_flight++;
  cql_status st = cql_session_submit(c->session->handle, &c->request.c, cqlpy_inbox_deliver, c, &err);
  return started(c, future, st, &err);
}

static PyObject *submit(SessionObject *s, PyObject *const keywords[CQLPY_KEYWORD_COUNT]) {
  call *c = call_new(s->state, s);
  if (c == NULL) return NULL;
  int rc = cqlpy_request_options(s->state, &c->request, keywords);
  if (rc == 0) rc = cqlpy_bind_known(s, &c->request, keywords[CQLPY_KW_query], keywords[CQLPY_KW_params]);
  if (rc == 0) return start(c);
  call_drop(c);
  return rc < 0 ? NULL : Py_NewRef(Py_None);
}

PyObject *cqlpy_session_submit(SessionObject *s, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  PyObject *keywords[CQLPY_KEYWORD_COUNT] = {NULL};
  if (cqlpy_execute_arguments(s->state, "aexecute", args, nargs, names, keywords) < 0) return NULL;
  if (cqlpy_session_enter(s) < 0) return NULL;
  PyObject *future = submit(s, keywords);
  cqlpy_session_leave(s);
  return future;
}

static PyObject *submit_batch(SessionObject *s, cqlpy_batch *b) {
  int rc = cqlpy_batch_bind_known(s, b);
  if (rc != 0) return rc < 0 ? NULL : Py_NewRef(Py_None);
  call *c = call_new(s->state, s);
  if (c == NULL) return NULL;
  cql_error err;
  cqlpy_error_init(&err);
  PyObject *future = Py_NewRef(c->future);
  c->loop->in_flight++;
  cql_status st = cql_session_submit_batch(s->handle, b->type, b->c, (uint32_t)b->count, cqlpy_inbox_deliver, c, &err);
  return started(c, future, st, &err);
}

PyObject *cqlpy_session_submit_batch(SessionObject *s, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  cqlpy_batch b = {0};
  PyObject *keywords[CQLPY_KEYWORD_COUNT] = {NULL};
  if (cqlpy_batch_arguments(s->state, "aexecute_batch", args, nargs, names, keywords) < 0) return NULL;
  if (cqlpy_session_enter(s) < 0) return NULL;
  PyObject *future = cqlpy_batch_init(&b, s->state, "batch", keywords) < 0 ? NULL : submit_batch(s, &b);
  cqlpy_batch_clear(&b);
  cqlpy_session_leave(s);
  return future;
}

PyObject *cqlpy_loop_await(cqlpy_state *state, cqlpy_inbox *b) {
  call *c = call_new(state, NULL);
  if (c == NULL) return NULL;
  PyObject *future = Py_NewRef(c->future);
  bool later;
  c->loop->in_flight++;
  LoopObject *loop = c->loop;
  cqlpy_inbox_notify(b, 1, &c->answer, &later);
  if (later) return future;
  loop->in_flight--;
  call_drop(c);
  Py_DECREF(future);
  return Py_NewRef(Py_None);
}
