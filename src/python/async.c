/* async.c: the methods whose work is done in libcql.asynchronous, which is imported when one of them is first called:
 * asyncio takes longer to import than all the rest. */
#include "python/module.h"

enum { ARGUMENT_COUNT = 32 };

PyObject *cqlpy_forward(cqlpy_state *state, PyObject *self, const char *function, PyObject *const *args,
                        Py_ssize_t nargs, PyObject *names) {
  PyObject *stack[ARGUMENT_COUNT] = {self};
  Py_ssize_t count = nargs + (names == NULL ? 0 : PyTuple_GET_SIZE(names));
  if (count >= ARGUMENT_COUNT) {
    PyErr_Format(PyExc_TypeError, "%s() takes fewer than %d arguments", function, ARGUMENT_COUNT);
    return NULL;
  }
  for (Py_ssize_t i = 0; i < count; i++) stack[i + 1] = args[i];
  if (state->asynchronous == NULL) state->asynchronous = PyImport_ImportModule("libcql.asynchronous");
  PyObject *callable = state->asynchronous == NULL ? NULL : PyObject_GetAttrString(state->asynchronous, function);
  PyObject *coroutine = callable == NULL ? NULL : PyObject_Vectorcall(callable, stack, (size_t)nargs + 1, names);
  Py_XDECREF(callable);
  return coroutine;
}
