/* call_type.c: a call as programs and tasks see it.
 *
 * It is the coroutine and the future that its task waits for, in one object. When the answer arrives the task goes on
 * at once, in the callback by which the loop hears of answers, and not by way of call_soon(), which costs more than all
 * the rest. Any task will do that treats futures as asyncio's own do (_asyncio_future_blocking, get_loop(),
 * add_done_callback(), result(), cancel()): those of asyncio in C and in Python, and uvloop's.
 */
#include "python/call.h"

/* --- the coroutine ------------------------------------------------------------------------------------------------ */

static PySendResult call_send(PyObject *self, PyObject *value, PyObject **out) {
  return cqlpy_call_step((CallObject *)self, value == NULL ? Py_None : value, out);
}

/* As an iterator's __next__() and a coroutine's send() have it: the end is StopIteration with the outcome. */
static PyObject *stepped(PySendResult sent, PyObject *out) {
  if (sent != PYGEN_RETURN) return out;
  PyObject *stop = PyObject_CallOneArg(PyExc_StopIteration, out);
  Py_DECREF(out);
  if (stop != NULL) PyErr_SetObject(PyExc_StopIteration, stop);
  Py_XDECREF(stop);
  return NULL;
}

static PyObject *call_send_method(PyObject *self, PyObject *value) {
  PyObject *out;
  PySendResult sent = call_send(self, value, &out);
  return stepped(sent, out);
}

static PyObject *call_next(PyObject *self) {
  return call_send_method(self, Py_None);
}

static PyObject *raise(PyObject *type, PyObject *value, PyObject *traceback) {
  if (PyExceptionInstance_Check(type)) {
    PyErr_SetObject((PyObject *)Py_TYPE(type), type);
  } else if (PyExceptionClass_Check(type)) {
    PyErr_SetObject(type, value);
  } else {
    PyErr_Format(PyExc_TypeError, "exceptions must be classes or instances deriving from BaseException, not %.200s",
                 Py_TYPE(type)->tp_name);
    return NULL;
  }
  if (traceback == NULL || traceback == Py_None) return NULL;
  PyObject *set_type, *set_value, *set_traceback;
  PyErr_Fetch(&set_type, &set_value, &set_traceback);
  Py_XSETREF(set_traceback, Py_NewRef(traceback));
  PyErr_Restore(set_type, set_value, set_traceback);
  return NULL;
}

/* The request goes on, its answer is dropped. */
static PyObject *call_throw(PyObject *self, PyObject *const *args, Py_ssize_t nargs) {
  CallObject *c = (CallObject *)self;
  if (nargs < 1 || nargs > 3) {
    PyErr_Format(PyExc_TypeError, "throw() takes 1 to 3 arguments, not %zd", nargs);
    return NULL;
  }
  if (c->stage == CQLPY_CALL_PASSED) {
    PyObject *method = PyObject_GetAttrString(c->passed_to, "throw");
    PyObject *out = method == NULL ? NULL : PyObject_Vectorcall(method, args, (size_t)nargs, NULL);
    Py_XDECREF(method);
    if (out == NULL) cqlpy_call_finish(c);
    return out;
  }
  if (c->stage == CQLPY_CALL_OVER) {
    PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
    return NULL;
  }
  cqlpy_call_finish(c);
  return raise(args[0], nargs > 1 ? args[1] : NULL, nargs > 2 ? args[2] : NULL);
}

static PyObject *call_close(PyObject *self, PyObject *unused) {
  CallObject *c = (CallObject *)self;
  (void)unused;
  PyObject *closed = c->passed_to == NULL ? Py_NewRef(Py_None) : PyObject_CallMethod(c->passed_to, "close", NULL);
  cqlpy_call_finish(c);
  return closed;
}

/* --- what its task takes for a future ----------------------------------------------------------------------------- */

/* None but while it is sent: until then it is a coroutine and no future. */
static PyObject *get_blocking(PyObject *self, void *unused) {
  CallObject *c = (CallObject *)self;
  (void)unused;
  if (c->stage == CQLPY_CALL_NEW || c->stage == CQLPY_CALL_PASSED) Py_RETURN_NONE;
  return PyBool_FromLong(c->is_blocking);
}

static int set_blocking(PyObject *self, PyObject *value, void *unused) {
  (void)unused;
  int truth = value == NULL ? 0 : PyObject_IsTrue(value);
  if (truth < 0) return -1;
  ((CallObject *)self)->is_blocking = truth != 0;
  return 0;
}

static PyObject *call_get_loop(PyObject *self, PyObject *unused) {
  CallObject *c = (CallObject *)self;
  (void)unused;
  return Py_NewRef(c->of != NULL ? c->of : Py_None);
}

static int call_soon(CallObject *c, PyObject *callback, PyObject *context) {
  PyObject *method = PyObject_GetAttrString(c->of, "call_soon");
  PyObject *args = Py_BuildValue("(OO)", callback, c), *names = Py_BuildValue("{sO}", "context", context);
  PyObject *handle = method == NULL || args == NULL || names == NULL ? NULL : PyObject_Call(method, args, names);
  Py_XDECREF(names);
  Py_XDECREF(args);
  Py_XDECREF(method);
  Py_XDECREF(handle);
  return handle == NULL ? -1 : 0;
}

static PyObject *callback_arguments(PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  bool has_name = names != NULL && PyTuple_GET_SIZE(names) == 1;
  if (nargs != 1 || (names != NULL && !has_name) ||
      (has_name && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "context") != 0)) {
    PyErr_SetString(PyExc_TypeError, "add_done_callback() takes a function and context=");
    return NULL;
  }
  return has_name && args[1] != Py_None ? Py_NewRef(args[1]) : PyContext_CopyCurrent();
}

static PyObject *call_add_done_callback(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  CallObject *c = (CallObject *)self;
  PyObject *context = callback_arguments(args, nargs, names);
  if (context == NULL) return NULL;
  int rc = 0;
  if (c->callback != NULL || c->of == NULL) {
    PyErr_SetString(PyExc_RuntimeError, "one task awaits a coroutine");
    rc = -1;
  } else if (c->stage != CQLPY_CALL_SENT) {
    rc = call_soon(c, args[0], context);
  } else {
    c->callback = Py_NewRef(args[0]);
    c->context = Py_NewRef(context);
  }
  Py_DECREF(context);
  return rc < 0 ? NULL : Py_NewRef(Py_None);
}

PyObject *cqlpy_raise_cancelled(CallObject *c) {
  PyObject *exceptions = PyImport_ImportModule("asyncio.exceptions");
  PyObject *type = exceptions == NULL ? NULL : PyObject_GetAttrString(exceptions, "CancelledError");
  PyObject *message = c->cancel_message;
  PyObject *error = type == NULL                            ? NULL
                    : message == NULL || message == Py_None ? PyObject_CallNoArgs(type)
                                                            : PyObject_CallOneArg(type, message);
  if (error != NULL) PyErr_SetObject(type, error);
  Py_XDECREF(error);
  Py_XDECREF(type);
  Py_XDECREF(exceptions);
  return NULL;
}

/* For the task, which has only to know whether to go on: what came of the call is what its coroutine returns. */
static PyObject *call_result(PyObject *self, PyObject *unused) {
  CallObject *c = (CallObject *)self;
  (void)unused;
  if (c->stage == CQLPY_CALL_CANCELLED) return cqlpy_raise_cancelled(c);
  Py_RETURN_NONE;
}

static PyObject *call_done(PyObject *self, PyObject *unused) {
  (void)unused;
  return PyBool_FromLong(((CallObject *)self)->stage != CQLPY_CALL_SENT);
}

/* The task is told by the loop, not from inside of whoever cancels it. */
static PyObject *call_cancel(PyObject *self, PyObject *args, PyObject *names) {
  static char *keywords[] = {"msg", NULL};
  CallObject *c = (CallObject *)self;
  PyObject *message = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, names, "|O:cancel", keywords, &message)) return NULL;
  if (c->stage != CQLPY_CALL_SENT) return Py_NewRef(Py_False);
  c->stage = CQLPY_CALL_CANCELLED;
  Py_XSETREF(c->cancel_message, Py_NewRef(message));
  int rc = c->callback == NULL ? 0 : call_soon(c, c->callback, c->context);
  Py_CLEAR(c->callback);
  Py_CLEAR(c->context);
  return rc < 0 ? NULL : Py_NewRef(Py_True);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static int call_traverse(PyObject *self, visitproc visit, void *arg) {
  CallObject *c = (CallObject *)self;
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(c->session);
  Py_VISIT(c->values);
  Py_VISIT(c->loop);
  Py_VISIT(c->of);
  Py_VISIT(c->callback);
  Py_VISIT(c->context);
  Py_VISIT(c->passed_to);
  Py_VISIT(c->cancel_message);
  return 0;
}

static int call_clear(PyObject *self) {
  CallObject *c = (CallObject *)self;
  cqlpy_call_finish(c);
  Py_CLEAR(c->session);
  Py_CLEAR(c->loop);
  Py_CLEAR(c->of);
  Py_CLEAR(c->cancel_message);
  return 0;
}

static void call_finalize(PyObject *self) {
  CallObject *c = (CallObject *)self;
  if (c->stage != CQLPY_CALL_NEW) return;
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  if (PyErr_WarnFormat(PyExc_RuntimeWarning, 1, "coroutine 'Session.%s' was never awaited", c->kind->name) < 0)
    PyErr_WriteUnraisable(self);
  PyErr_Restore(type, value, traceback);
}

static void call_dealloc(PyObject *self) {
  CallObject *c = (CallObject *)self;
  PyTypeObject *type = Py_TYPE(self);
  if (PyObject_CallFinalizerFromDealloc(self) < 0) return;
  PyObject_GC_UnTrack(self);
  cqlpy_answer_clear(&c->answer);
  cqlpy_request_clear(&c->request);
  call_clear(self);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyObject *get_name(PyObject *self, void *unused) {
  (void)unused;
  return PyUnicode_FromString(((CallObject *)self)->kind->name);
}

static PyObject *get_qualname(PyObject *self, void *unused) {
  (void)unused;
  return PyUnicode_FromFormat("Session.%s", ((CallObject *)self)->kind->name);
}

static PyObject *get_running(PyObject *self, void *unused) {
  (void)self;
  (void)unused;
  return Py_NewRef(Py_False); /* nobody sees it within a step */
}

static PyObject *call_repr(PyObject *self) {
  return PyUnicode_FromFormat("<coroutine Session.%s at %p>", ((CallObject *)self)->kind->name, (void *)self);
}

static PyMethodDef call_methods[] = {
    {"send", call_send_method, METH_O, "send($self, value, /)\n--\n\nGo on; StopIteration holds the Result."},
    {"throw", (PyCFunction)(void (*)(void))call_throw, METH_FASTCALL,
     "throw($self, type, value=None, traceback=None, /)\n--\n\nEnd with an exception; the request itself goes on."},
    {"close", call_close, METH_NOARGS, "close($self, /)\n--\n\nGive up; the request itself goes on."},
    {"get_loop", call_get_loop, METH_NOARGS, NULL},
    {"add_done_callback", (PyCFunction)(void (*)(void))call_add_done_callback, METH_FASTCALL | METH_KEYWORDS, NULL},
    {"result", call_result, METH_NOARGS, NULL},
    {"done", call_done, METH_NOARGS, NULL},
    {"cancel", (PyCFunction)(void (*)(void))call_cancel, METH_VARARGS | METH_KEYWORDS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef call_getset[] = {
    {"_asyncio_future_blocking", get_blocking, set_blocking, NULL, NULL},
    {"__name__", get_name, NULL, NULL, NULL},
    {"__qualname__", get_qualname, NULL, NULL, NULL},
    {"cr_running", get_running, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot call_slots[] = {
    {Py_tp_dealloc, call_dealloc}, {Py_tp_finalize, call_finalize},  {Py_tp_traverse, call_traverse},
    {Py_tp_clear, call_clear},     {Py_tp_repr, call_repr},          {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, call_next},   {Py_am_await, PyObject_SelfIter}, {Py_am_send, call_send},
    {Py_tp_methods, call_methods}, {Py_tp_getset, call_getset},      {0, NULL},
};

PyType_Spec cqlpy_call_spec = {
    .name = "libcql._libcql._Call",
    .basicsize = sizeof(CallObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = call_slots,
};
