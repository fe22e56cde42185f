#include "python/module.h"

#include <stddef.h>
#include <structmember.h>

/* --- opening and closing ------------------------------------------------------------------------------------------ */

/* The URL without its passwords, which is all that is kept of it. */
static PyObject *shown(const char *url) {
  size_t cap = strlen(url) + 8;
  char *text = PyMem_Malloc(cap);
  if (text == NULL) return PyErr_NoMemory();
  cql_session_url_show(url, text, cap);
  PyObject *object = PyUnicode_FromString(text);
  PyMem_Free(text);
  return object;
}

/* For the interpreter's end. References to sessions that are gone leave when another one comes. */
static int remember_session(SessionObject *s) {
  PyObject *all = s->state->sessions;
  for (Py_ssize_t i = PyList_GET_SIZE(all); i > 0; i--)
    if (cqlpy_referent(PyList_GET_ITEM(all, i - 1), NULL) == 0 && PyList_SetSlice(all, i - 1, i, NULL) < 0) return -1;
  PyObject *ref = PyWeakref_NewRef((PyObject *)s, NULL);
  int rc = ref == NULL ? -1 : PyList_Append(all, ref);
  Py_XDECREF(ref);
  return rc;
}

static SessionObject *new_session(cqlpy_state *state, PyObject *url) {
  SessionObject *s = (SessionObject *)PyType_GenericAlloc(state->session_type, 0); /* zeroed */
  if (s == NULL) return NULL;
  s->state = state;
  s->url = Py_NewRef(url);
  s->cache = PyDict_New();
  if (s->cache == NULL) Py_CLEAR(s);
  return s;
}

PyObject *cqlpy_connect(PyObject *module, PyObject *arg) {
  cqlpy_state *state = cqlpy_state_of(module);
  PyObject *url = cqlpy_exact_text(arg, "url");
  if (url == NULL) return NULL;
  SessionObject *s = NULL;
  PyObject *kept = NULL;
  Py_ssize_t len;
  const char *text = PyUnicode_AsUTF8AndSize(url, &len);
  if (text == NULL) goto done;
  if (strlen(text) != (size_t)len) {
    cqlpy_raise(state, CQLPY_InterfaceError, CQL_BAD_URL, "The session URL holds a NUL byte");
    goto done;
  }
  kept = shown(text);
  s = kept == NULL ? NULL : new_session(state, kept);
  if (s == NULL) goto done;
  cql_error err = {.status = CQL_OK};
  cqlpy_wait_begin();
  cql_status st = cqlpy_wait_end(cql_session_open(&s->handle, text, &err));
  if (st != CQL_OK) {
    err.status = st;
    cqlpy_raise_error(state, &err);
    Py_CLEAR(s);
  } else if ((s->is_cluster = cql_session_is_cluster(s->handle)) && remember_session(s) < 0) {
    Py_CLEAR(s);
  }
done:
  Py_XDECREF(kept);
  Py_DECREF(url);
  return (PyObject *)s;
}

static void shut(SessionObject *s) {
  cql_session *handle = s->handle;
  if (handle == NULL) return;
  s->handle = NULL;
  Py_BEGIN_ALLOW_THREADS cql_session_close(handle);
  Py_END_ALLOW_THREADS
}

int cqlpy_session_enter(SessionObject *s) {
  if (s->closed) {
    cqlpy_raise(s->state, CQLPY_InterfaceError, CQL_CLOSED, "the session is closed");
    return -1;
  }
  s->callers++;
  return 0;
}

void cqlpy_session_leave(SessionObject *s) {
  if (--s->callers > 0 || !s->closed) return;
  PyObject *kind, *error, *trace; /* closing must not disturb an exception on its way */
  PyErr_Fetch(&kind, &error, &trace);
  shut(s);
  PyErr_Restore(kind, error, trace);
}

static PyObject *session_close(PyObject *self, PyObject *unused) {
  (void)unused;
  SessionObject *s = (SessionObject *)self;
  if (s->closed) Py_RETURN_NONE;
  s->closed = true;
  PyDict_Clear(s->cache);
  if (s->callers == 0) shut(s);
  Py_RETURN_NONE;
}

PyObject *cqlpy_at_exit(PyObject *module, PyObject *unused) {
  (void)unused;
  cqlpy_state *state = cqlpy_state_of(module);
  for (Py_ssize_t i = PyList_GET_SIZE(state->sessions); i > 0; i--) {
    PyObject *found;
    if (cqlpy_referent(PyList_GET_ITEM(state->sessions, i - 1), &found) == 0) continue;
    Py_DECREF(session_close(found, NULL));
    Py_DECREF(found);
  }
  Py_RETURN_NONE;
}

static int session_traverse(PyObject *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(((SessionObject *)self)->cache);
  return 0;
}

static void session_dealloc(PyObject *self) {
  SessionObject *s = (SessionObject *)self;
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (s->weakrefs != NULL) PyObject_ClearWeakRefs(self);
  Py_CLEAR(s->cache);
  shut(s);
  Py_CLEAR(s->url);
  type->tp_free(self);
  Py_DECREF(type);
}

/* --- statements by text ------------------------------------------------------------------------------------------- */

PyObject *cqlpy_exact_text(PyObject *text, const char *what) {
  if (PyUnicode_Check(text)) return PyUnicode_FromObject(text);
  PyErr_Format(PyExc_TypeError, "%s is a str, not %.200s", what, Py_TYPE(text)->tp_name);
  return NULL;
}

static StatementObject *prepare(SessionObject *s, PyObject *text, PyObject *keyspace) {
  Py_ssize_t len;
  const char *utf8 = PyUnicode_AsUTF8AndSize(text, &len);
  const char *ks = keyspace == NULL ? NULL : PyUnicode_AsUTF8(keyspace);
  if (utf8 == NULL || (keyspace != NULL && ks == NULL)) return NULL;
  cql_prepared *handle = NULL;
  cql_error err = {.status = CQL_OK};
  cqlpy_wait_begin();
  cql_status st = cqlpy_wait_end(cql_session_prepare(s->handle, utf8, (size_t)len, ks, &handle, &err));
  if (st == CQL_OK) return cqlpy_statement_new(s->state, handle);
  cql_prepared_release(handle); /* it came together with a signal */
  err.status = st;
  cqlpy_raise_error(s->state, &err);
  return NULL;
}

/* The oldest entry goes when the cache is full; its statement lives on with those who hold it. */
static int remember(SessionObject *s, PyObject *key, StatementObject *statement) {
  if (PyDict_GET_SIZE(s->cache) >= CQL_SESSION_CACHE_COUNT) {
    PyObject *oldest, *value;
    Py_ssize_t at = 0;
    if (PyDict_Next(s->cache, &at, &oldest, &value)) {
      Py_INCREF(oldest);
      int rc = PyDict_DelItem(s->cache, oldest);
      Py_DECREF(oldest);
      if (rc < 0) return -1;
    }
  }
  return PyDict_SetItem(s->cache, key, (PyObject *)statement);
}

StatementObject *cqlpy_session_known(SessionObject *s, PyObject *text, PyObject *keyspace) {
  PyObject *key = keyspace == NULL ? Py_NewRef(text) : PyTuple_Pack(2, keyspace, text);
  PyObject *found = key == NULL ? NULL : PyDict_GetItemWithError(s->cache, key);
  Py_XINCREF(found);
  Py_XDECREF(key);
  return (StatementObject *)found;
}

/* The session has a cache of its own; this one also spares making the Python side anew and keeps the plan for reading
 * rows. */
StatementObject *cqlpy_session_statement(SessionObject *s, PyObject *text, PyObject *keyspace, bool renew) {
  PyObject *key = keyspace == NULL ? Py_NewRef(text) : PyTuple_Pack(2, keyspace, text);
  if (key == NULL) return NULL;
  StatementObject *known = (StatementObject *)Py_XNewRef(PyDict_GetItemWithError(s->cache, key));
  StatementObject *statement = known;
  if (known == NULL && PyErr_Occurred()) goto done;
  if (known != NULL && !renew) goto done;
  statement = prepare(s, text, keyspace);
  if (statement != NULL && known != NULL && statement->handle == known->handle) {
    Py_SETREF(statement, (StatementObject *)Py_NewRef(known));
  } else if (statement != NULL && !s->closed && PyUnicode_GET_LENGTH(text) <= CQL_SESSION_CACHE_TEXT_LEN) {
    if (remember(s, key, statement) < 0) Py_CLEAR(statement);
  }
  Py_XDECREF(known);
done:
  Py_DECREF(key);
  return statement;
}

/* --- methods ------------------------------------------------------------------------------------------------------ */

static PyObject *session_execute(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  return cqlpy_session_execute((SessionObject *)self, args, nargs, names);
}

static PyObject *session_execute_many(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  return cqlpy_session_execute_many((SessionObject *)self, args, nargs, names);
}

static PyObject *session_execute_batch(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  return cqlpy_session_execute_batch((SessionObject *)self, args, nargs, names);
}

static PyObject *session_execute_chain(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  return cqlpy_session_execute_chain((SessionObject *)self, args, nargs, names);
}

static PyObject *session_prepare(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  return cqlpy_session_prepare((SessionObject *)self, args, nargs, names);
}

static PyObject *session_backup(PyObject *self, PyObject *arg) {
  SessionObject *s = (SessionObject *)self;
  PyObject *path;
  if (!PyUnicode_FSConverter(arg, &path)) return NULL;
  if (cqlpy_session_enter(s) < 0) {
    Py_DECREF(path);
    return NULL;
  }
  cql_error err = {.status = CQL_OK};
  cql_status st;
  Py_BEGIN_ALLOW_THREADS st = cql_session_backup(s->handle, PyBytes_AS_STRING(path), &err);
  Py_END_ALLOW_THREADS Py_DECREF(path);
  err.status = st;
  PyObject *result = st == CQL_OK ? Py_NewRef(Py_None) : cqlpy_raise_error(s->state, &err);
  cqlpy_session_leave(s);
  return result;
}

static PyObject *session_nodes(PyObject *self, PyObject *unused) {
  (void)unused;
  return cqlpy_session_nodes((SessionObject *)self);
}

static PyObject *session_relational(PyObject *self, PyObject *arg) {
  return cqlpy_session_relational((SessionObject *)self, arg);
}

#define FORWARD(name)                                                                                                  \
  static PyObject *session_##name(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {          \
    return cqlpy_forward(((SessionObject *)self)->state, self, #name, args, nargs, names);                             \
  }
/* On a cluster nothing is waited for in a thread. */
#define CHOOSE(name, on_cluster)                                                                                       \
  static PyObject *session_##name(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {          \
    SessionObject *s = (SessionObject *)self;                                                                          \
    return s->is_cluster ? on_cluster : cqlpy_forward(s->state, self, #name, args, nargs, names);                      \
  }
CHOOSE(aexecute, cqlpy_call_execute(s, args, nargs, names))
CHOOSE(aexecute_batch, cqlpy_call_execute_batch(s, args, nargs, names))
CHOOSE(aexecute_many, cqlpy_forward(s->state, self, "cluster_aexecute_many", args, nargs, names))
FORWARD(aprepare)
FORWARD(aclose)
FORWARD(aenter)
FORWARD(aexit)

static PyObject *session_submit(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
  return cqlpy_session_submit((SessionObject *)self, args, nargs, names);
}

static PyObject *session_compact(PyObject *self, PyObject *args, PyObject *names) {
  return cqlpy_session_compact((SessionObject *)self, args, names);
}

static PyObject *session_check(PyObject *self, PyObject *args, PyObject *names) {
  return cqlpy_session_check((SessionObject *)self, args, names);
}

static PyObject *session_enter_context(PyObject *self, PyObject *unused) {
  (void)unused;
  if (cqlpy_session_enter((SessionObject *)self) < 0) return NULL;
  cqlpy_session_leave((SessionObject *)self);
  return Py_NewRef(self);
}

static PyObject *session_exit_context(PyObject *self, PyObject *args) {
  (void)args;
  return session_close(self, NULL);
}

static PyObject *session_repr(PyObject *self) {
  SessionObject *s = (SessionObject *)self;
  return PyUnicode_FromFormat("<libcql.Session %U%s>", s->url, s->closed ? " (closed)" : "");
}

static PyObject *get_keyspace(PyObject *self, void *unused) {
  (void)unused;
  SessionObject *s = (SessionObject *)self;
  char name[CQL_NAME_LEN] = "";
  if (s->handle != NULL) cql_session_keyspace(s->handle, name);
  return name[0] == '\0' ? Py_NewRef(Py_None) : PyUnicode_DecodeUTF8(name, (Py_ssize_t)strlen(name), "replace");
}

static PyObject *get_url(PyObject *self, void *unused) {
  (void)unused;
  return Py_NewRef(((SessionObject *)self)->url);
}

static PyObject *get_closed(PyObject *self, void *unused) {
  (void)unused;
  return PyBool_FromLong(((SessionObject *)self)->closed);
}

PyDoc_STRVAR(session_doc,
             "A session over a database. Made by libcql.connect(); closed by close() or at the end of a with block.\n\n"
             "Threads may share a session. After a fork the child goes on using it.");
PyDoc_STRVAR(execute_doc,
             "execute($self, query, params=None, *, keyspace=None, page_size=5000, paging_state=None,\n"
             "        consistency=None, serial_consistency=None, timestamp=None, timeout=None, idempotent=None)\n--\n\n"
             "Run a statement and return its Result.\n\n"
             "query is CQL text or a Prepared. params are the values of its markers: a sequence for ?, a mapping\n"
             "for :name; they are encoded by the markers' types and travel beside the text. page_size is a number\n"
             "of rows, None for one page; paging_state continues where Result.paging_state ended. timestamp is in\n"
             "microseconds since 1970, for writes. Raises the exceptions of libcql.exceptions.");
PyDoc_STRVAR(execute_many_doc,
             "execute_many($self, query, rows, *, concurrency=128, return_exceptions=False, keyspace=None,\n"
             "             page_size=5000, consistency=None, serial_consistency=None, timestamp=None, timeout=None, "
             "idempotent=None)\n--\n\n"
             "Run a statement once for each of rows, an iterable of params; return a list with what became of each:\n"
             "its Result, or None where there is nothing in it, as after an INSERT.\n\n"
             "This is no batch: each row has an outcome and a timestamp of its own, and no order is promised. rows\n"
             "is read as it is needed: concurrency is how many rows are in hand, and run at once. On a file these\n"
             "share a commit, which is what makes this many times faster than execute() in a loop. The first error\n"
             "is raised, with the row's index as its attribute row; rows before it were written, and so may be\n"
             "others of its group. With return_exceptions all rows are tried, and errors stand in the list.");
PyDoc_STRVAR(aexecute_doc, "aexecute($self, query, params=None, **options)\n--\n\nexecute() as a coroutine.");
PyDoc_STRVAR(aexecute_many_doc, "aexecute_many($self, query, rows, **options)\n--\n\n"
                                "execute_many() as a coroutine. rows is read in another thread on a file.");
PyDoc_STRVAR(aexecute_batch_doc, "aexecute_batch($self, statements, **options)\n--\n\nexecute_batch() as a coroutine.");
PyDoc_STRVAR(aprepare_doc, "aprepare($self, text, *, keyspace=None)\n--\n\nprepare() as a coroutine.");
PyDoc_STRVAR(aclose_doc, "aclose($self)\n--\n\nclose() as a coroutine.");
PyDoc_STRVAR(execute_batch_doc,
             "execute_batch($self, statements, *, type='logged', keyspace=None, consistency=None,\n"
             "              serial_consistency=None, timestamp=None, timeout=None, idempotent=None)\n--\n\n"
             "Run INSERT, UPDATE and DELETE statements, a list of (query, params), as one batch.\n\n"
             "type is 'logged', 'unlogged' or 'counter'. With conditions (IF) the batch applies as a whole or not\n"
             "at all: see Result.was_applied.");
PyDoc_STRVAR(execute_chain_doc,
             "execute_chain($self, statements, *, all_or_nothing=True, keyspace=None, consistency=None,\n"
             "              serial_consistency=None, timestamp=None, timeout=None, idempotent=None)\n--\n\n"
             "Run INSERT, UPDATE and DELETE statements, a list of (query, params), one after the other in one\n"
             "transaction of the file; return the list of their Results. Each sees what those before it wrote.\n\n"
             "all_or_nothing: the first condition (IF) that is not met ends the chain, nothing of it is kept, and\n"
             "its Result is the last of the list. Otherwise all run, and what applied is kept. An error keeps\n"
             "nothing. A cluster has nothing like it.");
PyDoc_STRVAR(prepare_doc, "prepare($self, text, *, keyspace=None)\n--\n\n"
                          "Parse and plan a statement once; return a Prepared. execute() with params does the same\n"
                          "behind the scenes; this tells names and types of markers and columns beforehand.");
PyDoc_STRVAR(relational_doc, "relational($self, keyspace, /)\n--\n\n"
                             "Open a connection that runs SQL over the tables of a keyspace; return a Relational.");
PyDoc_STRVAR(nodes_doc, "nodes($self, /)\n--\n\n"
                        "The nodes of the cluster as they are known at the moment, a list of Node. Asks none of them.");
PyDoc_STRVAR(backup_doc,
             "backup($self, path, /)\n--\n\n"
             "Copy the database to a new file while others read and write. OperationalError when it exists.");
PyDoc_STRVAR(compact_doc,
             "compact($self, *, progress=None)\n--\n\n"
             "Take out of the file what nobody needs any more and give free space back; return a CompactReport.\n\n"
             "What goes: values that expired and deletions that were made more than the table's gc_grace_seconds\n"
             "ago, and the values of dropped columns. Others read and write meanwhile. progress(doing, done) is\n"
             "called now and then, with 'sweep' or 'shrink' and how much of that is done, 0.0 to 1.0; an exception\n"
             "it raises ends the call, with what is done done.");
PyDoc_STRVAR(check_doc,
             "check($self, *, progress=None)\n--\n\n"
             "Check everything that must hold in the file, writing nothing; return a CheckReport.\n\n"
             "The file is sound when its problem_count is 0. Others read and write meanwhile; the check sees the\n"
             "state at its start. progress(doing, done) is called now and then, with 'check' and 0.0 to 1.0.");
PyDoc_STRVAR(close_doc, "close($self, /)\n--\n\n"
                        "Close the session; later calls raise InterfaceError. Rows that results hold stay readable.");

#define KEYWORD_METHOD(name)                                                                                           \
  { #name, (PyCFunction)(void (*)(void))session_##name, METH_FASTCALL | METH_KEYWORDS, name##_doc }

static PyMethodDef methods[] = {
    KEYWORD_METHOD(execute),
    KEYWORD_METHOD(execute_many),
    KEYWORD_METHOD(execute_batch),
    KEYWORD_METHOD(execute_chain),
    KEYWORD_METHOD(aexecute),
    KEYWORD_METHOD(aexecute_many),
    KEYWORD_METHOD(aexecute_batch),
    KEYWORD_METHOD(aprepare),
    KEYWORD_METHOD(aclose),
    KEYWORD_METHOD(prepare),
    {"relational", session_relational, METH_O, relational_doc},
    {"nodes", session_nodes, METH_NOARGS, nodes_doc},
    {"backup", session_backup, METH_O, backup_doc},
    {"compact", (PyCFunction)(void (*)(void))session_compact, METH_VARARGS | METH_KEYWORDS, compact_doc},
    {"check", (PyCFunction)(void (*)(void))session_check, METH_VARARGS | METH_KEYWORDS, check_doc},
    {"close", session_close, METH_NOARGS, close_doc},
    {"_submit", (PyCFunction)(void (*)(void))session_submit, METH_FASTCALL | METH_KEYWORDS, NULL},
    {"__aenter__", (PyCFunction)(void (*)(void))session_aenter, METH_FASTCALL | METH_KEYWORDS, NULL},
    {"__aexit__", (PyCFunction)(void (*)(void))session_aexit, METH_FASTCALL | METH_KEYWORDS, NULL},
    {"__enter__", session_enter_context, METH_NOARGS, NULL},
    {"__exit__", session_exit_context, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getset[] = {
    {"keyspace", get_keyspace, NULL, "The default keyspace, or None.", NULL},
    {"url", get_url, NULL, "What the session was opened with; for a password it has ***.", NULL},
    {"closed", get_closed, NULL, "Whether close() was called.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(SessionObject, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)session_doc},
    {Py_tp_dealloc, session_dealloc},
    {Py_tp_traverse, session_traverse},
    {Py_tp_methods, methods},
    {Py_tp_getset, getset},
    {Py_tp_members, members},
    {Py_tp_repr, session_repr},
    {0, NULL},
};

PyType_Spec cqlpy_session_spec = {
    .name = "libcql.Session",
    .basicsize = sizeof(SessionObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
