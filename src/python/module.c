#include "python/call.h"
#include "python/convert.h"

/* --- state -------------------------------------------------------------------------------------------------------- */

cqlpy_state *cqlpy_state_of(PyObject *module) {
  return PyModule_GetState(module);
}

int cqlpy_referent(PyObject *ref, PyObject **out) {
  PyObject *found = NULL;
#if PY_VERSION_HEX >= 0x030D0000
  if (PyWeakref_GetRef(ref, &found) < 0) PyErr_Clear();
#else
  found = PyWeakref_GetObject(ref);
  found = found == NULL || found == Py_None ? NULL : Py_NewRef(found);
#endif
  bool lives = found != NULL;
  if (out != NULL)
    *out = found;
  else
    Py_XDECREF(found);
  return lives;
}

int cqlpy_add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **slot) {
  *slot = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
  return *slot == NULL ? -1 : 0;
}

static int state_traverse(PyObject *module, visitproc visit, void *arg) {
  cqlpy_state *state = cqlpy_state_of(module);
  PyTypeObject *types[] = {state->session_type, state->statement_type,  state->prepared_type,
                           state->result_type,  state->rows_type,       state->column_type,
                           state->change_type,  state->compact_type,    state->check_type,
                           state->attempt_type, state->node_type,       state->loop_type,
                           state->call_type,    state->relational_type, state->relational_rows_type,
                           state->counts_type};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) Py_VISIT(types[i]);
  for (int i = 0; i < CQLPY_EXCEPTION_COUNT; i++) Py_VISIT(state->exceptions[i]);
#define VISIT(name) Py_VISIT(state->name);
  CQLPY_OBJECT_MAP(VISIT)
#undef VISIT
  return 0;
}

static int state_clear(PyObject *module) {
  cqlpy_state *state = cqlpy_state_of(module);
  Py_CLEAR(state->session_type);
  Py_CLEAR(state->statement_type);
  Py_CLEAR(state->prepared_type);
  Py_CLEAR(state->result_type);
  Py_CLEAR(state->rows_type);
  Py_CLEAR(state->column_type);
  Py_CLEAR(state->change_type);
  Py_CLEAR(state->compact_type);
  Py_CLEAR(state->check_type);
  Py_CLEAR(state->attempt_type);
  Py_CLEAR(state->node_type);
  Py_CLEAR(state->loop_type);
  Py_CLEAR(state->call_type);
  Py_CLEAR(state->relational_type);
  Py_CLEAR(state->relational_rows_type);
  Py_CLEAR(state->counts_type);
  for (int i = 0; i < CQLPY_EXCEPTION_COUNT; i++) Py_CLEAR(state->exceptions[i]);
  for (int i = 0; i < CQLPY_KEYWORD_COUNT; i++) Py_CLEAR(state->keywords[i]);
#define CLEAR(name) Py_CLEAR(state->name);
  CQLPY_OBJECT_MAP(CLEAR)
#undef CLEAR
  return 0;
}

static void state_free(void *module) {
  state_clear((PyObject *)module);
}

/* --- what the state holds ----------------------------------------------------------------------------------------- */

static int load_exceptions(cqlpy_state *state) {
  static const char *const names[] = {
#define NAME(name) #name,
      CQLPY_EXCEPTION_MAP(NAME)
#undef NAME
  };
  PyObject *module = PyImport_ImportModule("libcql.exceptions");
  if (module == NULL) return -1;
  int rc = 0;
  for (int i = 0; rc == 0 && i < CQLPY_EXCEPTION_COUNT; i++) {
    state->exceptions[i] = PyObject_GetAttrString(module, names[i]);
    if (state->exceptions[i] == NULL) rc = -1;
  }
  Py_DECREF(module);
  return rc;
}

static int load_keywords(cqlpy_state *state) {
  static const char *const names[] = {
#define NAME(name) #name,
      CQLPY_KEYWORD_MAP(NAME)
#undef NAME
  };
  for (int i = 0; i < CQLPY_KEYWORD_COUNT; i++) {
    state->keywords[i] = PyUnicode_InternFromString(names[i]);
    if (state->keywords[i] == NULL) return -1;
  }
  return 0;
}

PyObject *cqlpy_import_name(const char *module_name, const char *name) {
  PyObject *module = PyImport_ImportModule(module_name);
  PyObject *value = module == NULL ? NULL : PyObject_GetAttrString(module, name);
  Py_XDECREF(module);
  return value;
}

static int load_names(cqlpy_state *state) {
  if ((state->name_int = PyUnicode_InternFromString("int")) == NULL) return -1;
  if ((state->name_is_safe = PyUnicode_InternFromString("is_safe")) == NULL) return -1;
  if ((state->name_packed = PyUnicode_InternFromString("packed")) == NULL) return -1;
  if ((state->name_scope_id = PyUnicode_InternFromString("scope_id")) == NULL) return -1;
  if ((state->name_months = PyUnicode_InternFromString("months")) == NULL) return -1;
  if ((state->name_days = PyUnicode_InternFromString("days")) == NULL) return -1;
  if ((state->name_nanoseconds = PyUnicode_InternFromString("nanoseconds")) == NULL) return -1;
  if ((state->name_utcoffset = PyUnicode_InternFromString("utcoffset")) == NULL) return -1;
  if ((state->name_keys = PyUnicode_InternFromString("keys")) == NULL) return -1;
  if ((state->name_is_closed = PyUnicode_InternFromString("is_closed")) == NULL) return -1;
  if ((state->name_step = PyUnicode_InternFromString("step")) == NULL) return -1;
  if ((state->name_finalize = PyUnicode_InternFromString("finalize")) == NULL) return -1;
  if ((state->unset = cqlpy_import_name("libcql.unset", "UNSET")) == NULL) return -1;
  if ((state->loops = PyDict_New()) == NULL || (state->sessions = PyList_New(0)) == NULL) return -1;
  return (state->shift_64 = PyLong_FromLong(64)) == NULL ? -1 : 0;
}

/* --- types -------------------------------------------------------------------------------------------------------- */

static PyTypeObject *new_column_type(void) {
  PyStructSequence_Field fields[] = {{"name", "The name of the column, or of the marker."},
                                     {"type", "The type as CQL text, such as map<text, int>."},
                                     {"keyspace", "The keyspace of its table."},
                                     {"table", "The table."},
                                     {NULL, NULL}};
  PyStructSequence_Desc desc = {"libcql.Column", "A column of a result. As a tuple it is (name, type).", fields, 2};
  return PyStructSequence_NewType(&desc);
}

static PyTypeObject *new_change_type(void) {
  PyStructSequence_Field fields[] = {{"change", "CREATED, UPDATED or DROPPED."},
                                     {"target", "KEYSPACE, TABLE or TYPE."},
                                     {"keyspace", "The keyspace."},
                                     {"name", "The table or type; empty for a keyspace."},
                                     {NULL, NULL}};
  PyStructSequence_Desc desc = {"libcql.SchemaChange", "What a DDL statement changed.", fields, 4};
  return PyStructSequence_NewType(&desc);
}

static PyTypeObject *new_attempt_type(void) {
  PyStructSequence_Field fields[] = {{"host", "address:port, or the name that was looked up."},
                                     {"stage", "Where it ended: resolve, connect, tls, …, request."},
                                     {"error", "What went wrong, in words."},
                                     {"seconds", "How long it took."},
                                     {NULL, NULL}};
  PyStructSequence_Desc desc = {"libcql.Attempt", "One host that was tried, in Error.attempts.", fields, 4};
  return PyStructSequence_NewType(&desc);
}

static int add_types(PyObject *module, cqlpy_state *state) {
  if (cqlpy_add_type(module, &cqlpy_session_spec, &state->session_type) < 0) return -1;
  if (cqlpy_add_type(module, &cqlpy_statement_spec, &state->statement_type) < 0) return -1;
  if (cqlpy_add_type(module, &cqlpy_prepared_spec, &state->prepared_type) < 0) return -1;
  if (cqlpy_add_type(module, &cqlpy_result_spec, &state->result_type) < 0) return -1;
  if (cqlpy_add_type(module, &cqlpy_rows_spec, &state->rows_type) < 0) return -1;
  if ((state->column_type = new_column_type()) == NULL) return -1;
  if ((state->change_type = new_change_type()) == NULL) return -1;
  if ((state->attempt_type = new_attempt_type()) == NULL) return -1;
  if (cqlpy_add_type(module, &cqlpy_loop_spec, &state->loop_type) < 0) return -1;
  if (cqlpy_add_type(module, &cqlpy_call_spec, &state->call_type) < 0) return -1;
  if (cqlpy_add_type(module, &cqlpy_relational_spec, &state->relational_type) < 0) return -1;
  if (cqlpy_add_type(module, &cqlpy_relational_rows_spec, &state->relational_rows_type) < 0) return -1;
  PyTypeObject *shown[] = {state->session_type,    state->prepared_type,       state->result_type,
                           state->column_type,     state->change_type,         state->attempt_type,
                           state->relational_type, state->relational_rows_type};
  for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
    if (PyModule_AddType(module, shown[i]) < 0) return -1;
  }
  if (cqlpy_add_node_type(module, state) < 0 || cqlpy_add_counts_type(module, state) < 0) return -1;
  return cqlpy_add_report_types(module, state);
}

/* --- module ------------------------------------------------------------------------------------------------------- */

/* Connections are closed while the interpreter is whole: the client's thread is gone before what it stands on. */
static int register_at_exit(PyObject *module) {
  PyObject *atexit = PyImport_ImportModule("atexit");
  PyObject *close = atexit == NULL ? NULL : PyObject_GetAttrString(module, "_at_exit");
  PyObject *done = close == NULL ? NULL : PyObject_CallMethod(atexit, "register", "O", close);
  Py_XDECREF(done);
  Py_XDECREF(close);
  Py_XDECREF(atexit);
  return done == NULL ? -1 : 0;
}

static int module_exec(PyObject *module) {
  cql_set_interrupt_check(cqlpy_interrupted);
  cql_set_rest_hook(cqlpy_inboxes_ring);
  cql_take_turns();
  cqlpy_state *state = cqlpy_state_of(module);
  if (load_exceptions(state) < 0 || load_keywords(state) < 0 || load_names(state) < 0) return -1;
  return add_types(module, state) < 0 ? -1 : register_at_exit(module);
}

static PyMethodDef functions[] = {
    {"connect", cqlpy_connect, METH_O, "connect($module, url, /)\n--\n\nOpen a session; see libcql.connect()."},
    {"_at_exit", cqlpy_at_exit, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, module_exec},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_SUPPORTED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "libcql._libcql",
    .m_doc = "Sessions, prepared statements and results of libcql. Import these names from libcql.",
    .m_size = sizeof(cqlpy_state),
    .m_methods = functions,
    .m_slots = slots,
    .m_traverse = state_traverse,
    .m_clear = state_clear,
    .m_free = state_free,
};

PyMODINIT_FUNC PyInit__libcql(void);
PyMODINIT_FUNC PyInit__libcql(void) {
  return PyModuleDef_Init(&definition);
}
