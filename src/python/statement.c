#include "python/module.h"

static PyObject *names_of_binds(cql_prepared *handle) {
  uint32_t count = cql_prepared_bind_count(handle);
  PyObject *names = PyTuple_New((Py_ssize_t)count);
  for (uint32_t i = 0; names != NULL && i < count; i++) {
    PyObject *name = PyUnicode_InternFromString(cql_prepared_bind(handle, i)->name);
    if (name == NULL)
      Py_CLEAR(names);
    else
      PyTuple_SET_ITEM(names, (Py_ssize_t)i, name);
  }
  return names;
}

StatementObject *cqlpy_statement_new(cqlpy_state *state, cql_prepared *handle) {
  StatementObject *p = PyObject_New(StatementObject, state->statement_type);
  if (p == NULL) {
    cql_prepared_release(handle);
    return NULL;
  }
  p->state = state;
  p->handle = handle;
  p->plan = NULL;
  p->bind_names = names_of_binds(handle);
  if (p->bind_names == NULL) Py_CLEAR(p);
  return p;
}

/* The last holder of a closed session's statement closes the database, which may write to the file: not under the GIL.
 */
static void statement_dealloc(PyObject *self) {
  StatementObject *p = (StatementObject *)self;
  PyTypeObject *type = Py_TYPE(self);
  cql_prepared *handle = p->handle;
  Py_BEGIN_ALLOW_THREADS cql_prepared_release(handle);
  Py_END_ALLOW_THREADS cqlpy_plan_release(p->plan);
  Py_XDECREF(p->bind_names);
  PyObject_Free(self);
  Py_DECREF(type);
}

static PyType_Slot slots[] = {
    {Py_tp_dealloc, statement_dealloc},
    {0, NULL},
};

PyType_Spec cqlpy_statement_spec = {
    .name = "libcql._libcql._Statement",
    .basicsize = sizeof(StatementObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
