/* call.c: what requests of event loops do: they are sent, or handed to Python where that cannot be done without
 * waiting, and when an answer arrives their task goes on.
 */
#include "python/call.h"

void cqlpy_call_finish(CallObject *c) {
  c->stage = CQLPY_CALL_OVER;
  Py_CLEAR(c->values);
  Py_CLEAR(c->names);
  Py_CLEAR(c->passed_to);
  Py_CLEAR(c->callback);
  Py_CLEAR(c->context);
}

static PySendResult fail(CallObject *c) {
  cqlpy_call_finish(c);
  return PYGEN_ERROR;
}

/* --- going on in Python ------------------------------------------------------------------------------------------- */

static PySendResult give(CallObject *c, PyObject *value, PyObject **out) {
  PySendResult sent = PyIter_Send(c->passed_to, value, out);
  if (sent != PYGEN_NEXT) cqlpy_call_finish(c);
  return sent;
}

static PySendResult pass(CallObject *c, const char *function, PyObject **out) {
  PyObject *const *args = ((PyTupleObject *)c->values)->ob_item;
  Py_ssize_t nargs = PyTuple_GET_SIZE(c->values) - (c->names == NULL ? 0 : PyTuple_GET_SIZE(c->names));
  c->passed_to = cqlpy_forward(c->state, (PyObject *)c->session, function, args, nargs, c->names);
  if (c->passed_to == NULL) return fail(c);
  c->stage = CQLPY_CALL_PASSED;
  return give(c, Py_None, out);
}

/* --- sending ------------------------------------------------------------------------------------------------------ */

/* Between cqlpy_loop_enter() and the client: the call is the client's when st says so. */
static int sent(CallObject *c, cql_status st, cql_error *err) {
  if (st == CQL_OK) return 0;
  cqlpy_loop_leave(c);
  err->status = st;
  cqlpy_raise_error(c->state, err);
  return -1;
}

static int send_execute(CallObject *c) {
  cql_error err;
  cql_error_init(&err);
  if (cqlpy_loop_enter(c) < 0) return -1;
  c->request.c.more = cqlpy_loop_has_more(c->loop, c->session);
  return sent(c, cql_session_submit(c->session->handle, &c->request.c, cqlpy_inbox_deliver, &c->answer, &err), &err);
}

static int begin_execute(CallObject *c, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  PyObject *keywords[CQLPY_KEYWORD_COUNT] = {NULL};
  if (cqlpy_execute_arguments(c->state, "aexecute", args, nargs, names, keywords) < 0) return -1;
  if (cqlpy_session_enter(c->session) < 0) return -1;
  int rc = cqlpy_request_options(c->state, &c->request, keywords);
  if (rc == 0) rc = cqlpy_bind_known(c->session, &c->request, keywords[CQLPY_KW_query], keywords[CQLPY_KW_params]);
  if (rc == 0) rc = send_execute(c);
  cqlpy_session_leave(c->session);
  return rc;
}

static int send_batch(CallObject *c, cqlpy_batch *b) {
  cql_error err;
  cql_error_init(&err);
  if (cqlpy_loop_enter(c) < 0) return -1;
  return sent(c,
              cql_session_submit_batch(c->session->handle, b->type, b->c, (uint32_t)b->count, cqlpy_inbox_deliver,
                                       &c->answer, &err),
              &err);
}

static int begin_batch(CallObject *c, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  cqlpy_batch b = {0};
  PyObject *keywords[CQLPY_KEYWORD_COUNT] = {NULL};
  if (cqlpy_batch_arguments(c->state, "aexecute_batch", args, nargs, names, keywords) < 0) return -1;
  if (cqlpy_session_enter(c->session) < 0) return -1;
  int rc = cqlpy_batch_init(&b, c->state, "batch", keywords);
  if (rc == 0) rc = cqlpy_batch_bind_known(c->session, &b);
  if (rc == 0) rc = send_batch(c, &b);
  cqlpy_batch_clear(&b);
  cqlpy_session_leave(c->session);
  return rc;
}

static PySendResult wait(CallObject *c, PyObject **out) {
  c->is_blocking = true;
  *out = Py_NewRef(c);
  return PYGEN_NEXT;
}

static PySendResult begin(CallObject *c, PyObject *value, PyObject **out) {
  if (value != Py_None) {
    PyErr_SetString(PyExc_TypeError, "can't send non-None value to a just-started coroutine");
    return PYGEN_ERROR;
  }
  PyObject *const *args = ((PyTupleObject *)c->values)->ob_item;
  Py_ssize_t nargs = PyTuple_GET_SIZE(c->values) - (c->names == NULL ? 0 : PyTuple_GET_SIZE(c->names));
  int rc = c->kind->begin(c, args, nargs, c->names);
  return rc < 0 ? fail(c) : rc > 0 ? pass(c, c->kind->prepare, out) : wait(c, out);
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static PySendResult end(CallObject *c, PyObject **out) {
  cqlpy_answer *a = &c->answer;
  if (a->status == CQL_UNPREPARED && c->values != NULL) { /* the schema has changed the markers: encoded anew */
    cqlpy_answer_clear(a);
    return pass(c, c->kind->anew, out);
  }
  cqlpy_call_finish(c);
  if (c->session == NULL) {
    *out = Py_NewRef(Py_None);
  } else if (a->status != CQL_OK) {
    *out = cqlpy_raise_answer(c->state, a);
  } else {
    *out = cqlpy_result_new(c->session, &c->request, a->result);
    a->result = NULL;
  }
  return *out == NULL ? PYGEN_ERROR : PYGEN_RETURN;
}

/* Runs the task's next step, in its context. */
static int go_on(CallObject *c) {
  PyObject *callback = c->callback, *context = c->context;
  c->callback = c->context = NULL;
  int rc = PyContext_Enter(context);
  PyObject *done = rc < 0 ? NULL : PyObject_CallOneArg(callback, (PyObject *)c);
  if (rc == 0 && PyContext_Exit(context) < 0) Py_CLEAR(done);
  rc = done == NULL ? -1 : 0;
  if (rc < 0 && !PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) && !PyErr_ExceptionMatches(PyExc_SystemExit)) {
    PyErr_WriteUnraisable(callback);
    rc = 0;
  }
  Py_XDECREF(done);
  Py_DECREF(callback);
  Py_DECREF(context);
  return rc;
}

/* A task that was cancelled has no use for the answer. */
int cqlpy_call_answered(CallObject *c) {
  if (c->stage != CQLPY_CALL_SENT) {
    cqlpy_answer_clear(&c->answer);
    return 0;
  }
  c->stage = CQLPY_CALL_ANSWERED;
  return c->callback == NULL ? 0 : go_on(c);
}

PySendResult cqlpy_call_step(CallObject *c, PyObject *value, PyObject **out) {
  *out = NULL;
  switch (c->stage) {
  case CQLPY_CALL_NEW: return begin(c, value, out);
  case CQLPY_CALL_PASSED: return give(c, value, out);
  case CQLPY_CALL_ANSWERED: return end(c, out);
  case CQLPY_CALL_CANCELLED: cqlpy_raise_cancelled(c); return fail(c);
  case CQLPY_CALL_SENT:
    if (c->callback == NULL && !c->is_blocking) return wait(c, out);
    PyErr_SetString(PyExc_RuntimeError, "await wasn't used with future");
    return PYGEN_ERROR;
  case CQLPY_CALL_OVER: break;
  }
  PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
  return PYGEN_ERROR;
}

/* --- making them -------------------------------------------------------------------------------------------------- */

static const cqlpy_call_kind execute_kind = {"aexecute", "cluster_aexecute", "aexecute", begin_execute};
static const cqlpy_call_kind batch_kind = {"aexecute_batch", "aexecute_batch", "aexecute_batch", begin_batch};
static const cqlpy_call_kind page_kind = {"afetch_next_page", NULL, NULL, NULL};

static CallObject *call_new(cqlpy_state *state, const cqlpy_call_kind *kind, SessionObject *s) {
  CallObject *c = (CallObject *)PyType_GenericAlloc(state->call_type, 0);
  if (c == NULL) return NULL;
  cqlpy_request_init(&c->request);
  c->state = state;
  c->kind = kind;
  c->session = (SessionObject *)Py_XNewRef(s);
  return c;
}

static PyObject *call_with(SessionObject *s, const cqlpy_call_kind *kind, PyObject *const *args, Py_ssize_t nargs,
                           PyObject *names) {
  CallObject *c = call_new(s->state, kind, s);
  if (c == NULL) return NULL;
  Py_ssize_t count = nargs + (names == NULL ? 0 : PyTuple_GET_SIZE(names));
  c->values = PyTuple_New(count);
  for (Py_ssize_t i = 0; c->values != NULL && i < count; i++) PyTuple_SET_ITEM(c->values, i, Py_NewRef(args[i]));
  c->names = Py_XNewRef(names);
  if (c->values == NULL) Py_CLEAR(c);
  return (PyObject *)c;
}

PyObject *cqlpy_call_execute(SessionObject *s, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  return call_with(s, &execute_kind, args, nargs, names);
}

PyObject *cqlpy_call_execute_batch(SessionObject *s, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  return call_with(s, &batch_kind, args, nargs, names);
}

PyObject *cqlpy_session_submit(SessionObject *s, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  CallObject *c = call_new(s->state, &execute_kind, s);
  int rc = c == NULL ? -1 : begin_execute(c, args, nargs, names);
  if (rc == 0) return (PyObject *)c;
  if (c != NULL) cqlpy_call_finish(c);
  Py_XDECREF(c);
  return rc < 0 ? NULL : Py_NewRef(Py_None);
}

PyObject *cqlpy_await_inbox(cqlpy_state *state, cqlpy_inbox *b) {
  CallObject *c = call_new(state, &page_kind, NULL);
  if (c == NULL) return NULL;
  bool later = false;
  int rc = cqlpy_loop_enter(c);
  if (rc == 0) {
    cqlpy_inbox_notify(b, 1, &c->answer, &later);
    if (!later) cqlpy_loop_leave(c);
  }
  if (later) return (PyObject *)c;
  cqlpy_call_finish(c);
  Py_DECREF(c);
  return rc < 0 ? NULL : Py_NewRef(Py_None);
}
