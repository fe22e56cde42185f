#include "python/module.h"

/* Session.nodes(): what the session knows of its cluster. */

enum { FIELD_COUNT = 6 };

int cqlpy_add_node_type(PyObject *module, cqlpy_state *state) {
  PyStructSequence_Field fields[] = {{"address", "address:port."},
                                     {"state", "up, silent, down, or remote: of another data centre."},
                                     {"datacenter", "Its data centre."},
                                     {"rack", "Its rack."},
                                     {"release", "The version of its software."},
                                     {"connections", "Open connections that requests share."},
                                     {NULL, NULL}};
  PyStructSequence_Desc desc = {"libcql.Node", "A node of the cluster, in Session.nodes().", fields, FIELD_COUNT};
  state->node_type = PyStructSequence_NewType(&desc);
  return state->node_type == NULL ? -1 : PyModule_AddType(module, state->node_type);
}

static const char *state_name(cql_node_state state) {
  switch (state) {
  case CQL_NODE_UP: return "up";
  case CQL_NODE_SILENT: return "silent";
  case CQL_NODE_DOWN: return "down";
  case CQL_NODE_REMOTE: return "remote";
  }
  return "";
}

static PyObject *text_of(const char *text) {
  return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

typedef struct visit {
  cqlpy_state *state;
  PyThreadState *thread; /* while the GIL is given up: a forked child connects first */
  PyObject *list;        /* NULL: an exception is set */
} visit;

static void append(visit *v, const cql_node_info *info) {
  PyObject *fields[FIELD_COUNT] = {text_of(info->address), text_of(state_name(info->state)),
                                   text_of(info->dc),      text_of(info->rack),
                                   text_of(info->release), PyLong_FromUnsignedLong(info->connections)};
  PyObject *node = PyStructSequence_New(v->state->node_type);
  bool is_whole = node != NULL;
  for (Py_ssize_t i = 0; i < FIELD_COUNT; i++) {
    is_whole = is_whole && fields[i] != NULL;
    if (node != NULL)
      PyStructSequence_SetItem(node, i, fields[i]); /* takes it */
    else
      Py_XDECREF(fields[i]);
  }
  if (!is_whole || PyList_Append(v->list, node) < 0) Py_CLEAR(v->list);
  Py_XDECREF(node);
}

static void on_node(void *user, const cql_node_info *info) {
  visit *v = user;
  PyEval_RestoreThread(v->thread);
  if (v->list != NULL) append(v, info);
  v->thread = PyEval_SaveThread();
}

PyObject *cqlpy_session_nodes(SessionObject *s) {
  if (cqlpy_session_enter(s) < 0) return NULL;
  cql_error err = {.status = CQL_OK};
  visit v = {.state = s->state, .list = PyList_New(0)};
  v.thread = PyEval_SaveThread();
  cql_status st = cql_session_nodes(s->handle, on_node, &v, &err);
  PyEval_RestoreThread(v.thread);
  if (st != CQL_OK) {
    Py_CLEAR(v.list);
    err.status = st;
    cqlpy_raise_error(s->state, &err);
  }
  cqlpy_session_leave(s);
  return v.list;
}
