/* loop.c: event loops. The answers of all calls that have arrived are given out at once, when the loop finds the
 * inbox's descriptor readable. Any loop will do that has add_reader() and call_soon().
 */
#include "python/call.h"

#include <stddef.h>
#include <unistd.h>

enum { TOGETHER_COUNT = 32 }; /* so many requests wait for each other: the nodes have something to do meanwhile */

/* --- going out together ------------------------------------------------------------------------------------------- */

/* No exception is made or lost here: a task may just have raised one. */
static void flush(LoopObject *loop) {
  SessionObject *s = loop->unflushed;
  loop->unflushed = NULL;
  loop->unflushed_count = 0;
  if (s != NULL && !s->closed) cql_session_flush(s->handle);
  Py_XDECREF(s);
}

bool cqlpy_loop_has_more(LoopObject *loop, SessionObject *s) {
  if (loop->unflushed != s) flush(loop);
  if (!loop->is_giving || ++loop->unflushed_count == TOGETHER_COUNT) {
    loop->unflushed_count = 0;
    Py_CLEAR(loop->unflushed);
    return false;
  }
  if (loop->unflushed == NULL) loop->unflushed = (SessionObject *)Py_NewRef(s);
  return true;
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static void take_arrived(LoopObject *loop) {
  cqlpy_answer **last = &loop->arrived;
  while (*last != NULL) last = &(*last)->next;
  *last = cqlpy_inbox_take(loop->inbox);
}

/* The next call whose answer has arrived, with the reference that was the client's; NULL: none. */
static CallObject *next_call(LoopObject *loop) {
  cqlpy_answer *a = loop->arrived;
  if (a == NULL) return NULL;
  loop->arrived = a->next;
  loop->in_flight--;
  return (CallObject *)((char *)a - offsetof(CallObject, answer));
}

/* -1: a task has ended the loop (Ctrl-C, SystemExit). The rest waits for the loop to run again. */
static int give_out(LoopObject *loop) {
  int rc = 0;
  take_arrived(loop);
  loop->is_giving = true;
  for (CallObject *c; rc == 0 && (c = next_call(loop)) != NULL;) {
    rc = cqlpy_call_answered(c);
    Py_DECREF(c);
  }
  loop->is_giving = false;
  flush(loop);
  if (loop->arrived != NULL) cqlpy_inbox_ring(loop->inbox);
  return rc;
}

/* The loop is gone, and its tasks with it. */
static void drop_arrived(LoopObject *loop) {
  take_arrived(loop);
  for (CallObject *c; (c = next_call(loop)) != NULL;) Py_DECREF(c);
}

static PyObject *loop_wake(PyObject *self, PyObject *unused) {
  (void)unused;
  Py_INCREF(self); /* the last call may hold the last reference */
  int rc = give_out((LoopObject *)self);
  Py_DECREF(self);
  return rc < 0 ? NULL : Py_NewRef(Py_None);
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
    if (loop->pid == getpid()) drop_arrived(loop);
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
  Py_VISIT(((LoopObject *)self)->unflushed);
  return 0;
}

static void loop_dealloc(PyObject *self) {
  LoopObject *loop = (LoopObject *)self;
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  Py_CLEAR(loop->ref);
  Py_CLEAR(loop->unflushed);
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

/* --- calls -------------------------------------------------------------------------------------------------------- */

int cqlpy_loop_enter(CallObject *c) {
  c->loop = running_loop(c->state, &c->of);
  if (c->loop == NULL) return -1;
  c->answer.inbox = cqlpy_inbox_retain(c->loop->inbox);
  c->loop->in_flight++;
  c->stage = CQLPY_CALL_SENT;
  Py_INCREF(c);
  return 0;
}

void cqlpy_loop_leave(CallObject *c) {
  cqlpy_inbox_release(c->answer.inbox);
  c->loop->in_flight--;
  Py_DECREF(c);
}
