#include "python/module.h"

#include <stddef.h>
#include <structmember.h>

static PyObject *new_prepared(SessionObject *s, PyObject *text, PyObject *keyspace) {
  StatementObject *statement = cqlpy_session_statement(s, text, keyspace, true);
  if (statement == NULL) return NULL;
  PreparedObject *p = (PreparedObject *)PyType_GenericAlloc(s->state->prepared_type, 0);
  if (p == NULL) {
    Py_DECREF(statement);
    return NULL;
  }
  p->state = s->state;
  p->session = (SessionObject *)Py_NewRef(s);
  p->statement = statement;
  p->text = Py_NewRef(text);
  p->keyspace = Py_XNewRef(keyspace);
  return (PyObject *)p;
}

PyObject *cqlpy_session_prepare(SessionObject *s, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  PyObject *keywords[CQLPY_KEYWORD_COUNT] = {NULL};
  if (nargs != 1) {
    PyErr_Format(PyExc_TypeError, "prepare() takes one positional argument, the text (%zd given)", nargs);
    return NULL;
  }
  if (cqlpy_keywords(s->state, "prepare", 1u << CQLPY_KW_keyspace, args + nargs, names, keywords) < 0) return NULL;
  PyObject *keyspace = keywords[CQLPY_KW_keyspace];
  PyObject *text = cqlpy_exact_text(args[0], "text");
  if (text == NULL) return NULL;
  PyObject *exact = keyspace == NULL ? NULL : cqlpy_exact_text(keyspace, "keyspace");
  PyObject *prepared = NULL;
  if ((keyspace == NULL || exact != NULL) && cqlpy_session_enter(s) == 0) {
    prepared = new_prepared(s, text, exact);
    cqlpy_session_leave(s);
  }
  Py_XDECREF(exact);
  Py_DECREF(text);
  return prepared;
}

static int prepared_traverse(PyObject *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(((PreparedObject *)self)->session);
  return 0;
}

static void prepared_dealloc(PyObject *self) {
  PreparedObject *p = (PreparedObject *)self;
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (p->weakrefs != NULL) PyObject_ClearWeakRefs(self);
  Py_CLEAR(p->statement);
  Py_CLEAR(p->session);
  Py_CLEAR(p->text);
  Py_CLEAR(p->keyspace);
  type->tp_free(self);
  Py_DECREF(type);
}

static cql_prepared *handle_of(PyObject *self) {
  return ((PreparedObject *)self)->statement->handle;
}

static PyObject *get_text(PyObject *self, void *unused) {
  (void)unused;
  return Py_NewRef(((PreparedObject *)self)->text);
}

static PyObject *get_bind_names(PyObject *self, void *unused) {
  (void)unused;
  return Py_NewRef(((PreparedObject *)self)->statement->bind_names);
}

static PyObject *get_bind_types(PyObject *self, void *unused) {
  (void)unused;
  cql_prepared *handle = handle_of(self);
  uint32_t count = cql_prepared_bind_count(handle);
  PyObject *types = PyTuple_New((Py_ssize_t)count);
  for (uint32_t i = 0; types != NULL && i < count; i++) {
    PyObject *text = cqlpy_type_text(cql_prepared_bind(handle, i)->type);
    if (text == NULL)
      Py_CLEAR(types);
    else
      PyTuple_SET_ITEM(types, (Py_ssize_t)i, text);
  }
  return types;
}

static PyObject *get_columns(PyObject *self, void *unused) {
  (void)unused;
  cql_prepared *handle = handle_of(self);
  uint32_t count = cql_prepared_column_count(handle);
  PyObject *columns = PyTuple_New((Py_ssize_t)count);
  for (uint32_t i = 0; columns != NULL && i < count; i++) {
    PyObject *column = cqlpy_column(((PreparedObject *)self)->state, cql_prepared_column(handle, i));
    if (column == NULL)
      Py_CLEAR(columns);
    else
      PyTuple_SET_ITEM(columns, (Py_ssize_t)i, column);
  }
  return columns;
}

static PyObject *get_is_conditional(PyObject *self, void *unused) {
  (void)unused;
  return PyBool_FromLong(cql_prepared_is_conditional(handle_of(self)));
}

static PyObject *get_is_select(PyObject *self, void *unused) {
  (void)unused;
  return PyBool_FromLong(cql_prepared_is_select(handle_of(self)));
}

static PyObject *prepared_repr(PyObject *self) {
  return PyUnicode_FromFormat("<libcql.Prepared %R>", ((PreparedObject *)self)->text);
}

PyDoc_STRVAR(prepared_doc,
             "A statement that was parsed and planned once. Made by Session.prepare(), run by Session.execute().\n\n"
             "It stays usable after a schema change: it is planned again when it is next executed.");

static PyGetSetDef getset[] = {
    {"text", get_text, NULL, "The CQL text.", NULL},
    {"bind_names", get_bind_names, NULL, "Names of the markers in order of appearance, a tuple of str.", NULL},
    {"bind_types", get_bind_types, NULL, "Types of the markers as CQL text, a tuple of str.", NULL},
    {"columns", get_columns, NULL, "Columns of the rows it gives, a tuple of Column; () for a write.", NULL},
    {"is_conditional", get_is_conditional, NULL, "Whether the statement has IF.", NULL},
    {"is_select", get_is_select, NULL, "Whether the statement is a SELECT.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(PreparedObject, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)prepared_doc},
    {Py_tp_dealloc, prepared_dealloc},
    {Py_tp_traverse, prepared_traverse},
    {Py_tp_getset, getset},
    {Py_tp_members, members},
    {Py_tp_repr, prepared_repr},
    {0, NULL},
};

PyType_Spec cqlpy_prepared_spec = {
    .name = "libcql.Prepared",
    .basicsize = sizeof(PreparedObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
