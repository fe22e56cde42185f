#include "python/module.h"

static cqlpy_exception class_of(cql_status status) {
  switch (status) {
  case CQL_MISUSE:
  case CQL_CLOSED:
  case CQL_BAD_URL: return CQLPY_InterfaceError;
  case CQL_NOT_A_DATABASE:
  case CQL_CORRUPT: return CQLPY_DatabaseError;
  case CQL_UNSUPPORTED: return CQLPY_NotSupportedError;
  case CQL_OK:
  case CQL_DONE:
  case CQL_NEED_MORE:
  case CQL_MALFORMED: return CQLPY_InternalError;
  case CQL_NOMEM: /* PEP 249 lists it there */
  case CQL_LIMIT:
  case CQL_IO:
  case CQL_BUSY:
  case CQL_NO_HOST:
  case CQL_TIMEOUT:
  case CQL_CONNECTION:
  case CQL_RESOLVE:
  case CQL_TLS:
  case CQL_QUEUE_FULL:
  case CQL_INTERRUPTED:
  case CQL_VERSION: return CQLPY_OperationalError;
  case CQL_SERVER: return CQLPY_ServerError;
  case CQL_PROTOCOL: return CQLPY_ProtocolException;
  case CQL_CREDENTIALS: return CQLPY_AuthenticationFailed;
  case CQL_UNAVAILABLE: return CQLPY_Unavailable;
  case CQL_OVERLOADED: return CQLPY_Overloaded;
  case CQL_BOOTSTRAPPING: return CQLPY_Bootstrapping;
  case CQL_TRUNCATE: return CQLPY_TruncateError;
  case CQL_WRITE_TIMEOUT: return CQLPY_WriteTimeout;
  case CQL_READ_TIMEOUT: return CQLPY_ReadTimeout;
  case CQL_READ_FAILURE: return CQLPY_ReadFailure;
  case CQL_FUNCTION_FAILURE: return CQLPY_FunctionFailure;
  case CQL_WRITE_FAILURE:
  case CQL_CDC_WRITE_FAILURE: return CQLPY_WriteFailure;
  case CQL_CAS_UNKNOWN: return CQLPY_CasWriteUnknown;
  case CQL_SYNTAX: return CQLPY_SyntaxException;
  case CQL_UNAUTHORIZED: return CQLPY_Unauthorized;
  case CQL_INVALID: return CQLPY_InvalidRequest;
  case CQL_CONFIG: return CQLPY_ConfigurationException;
  case CQL_ALREADY_EXISTS: return CQLPY_AlreadyExists;
  case CQL_UNPREPARED: return CQLPY_Unprepared;
  }
  return CQLPY_OperationalError; /* a status of a newer server */
}

/* Takes value (NULL: an exception is set already). */
static int set_attribute(PyObject *exception, const char *name, PyObject *value) {
  if (value == NULL) return -1;
  int rc = PyObject_SetAttrString(exception, name, value);
  Py_DECREF(value);
  return rc;
}

static PyObject *text_of(const char *text) {
  return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

/* Takes message. */
static PyObject *new_exception(cqlpy_state *state, cqlpy_exception kind, cql_status code, PyObject *message) {
  if (message == NULL) return NULL;
  PyObject *exception = PyObject_CallOneArg(state->exceptions[kind], message);
  Py_DECREF(message);
  if (exception == NULL || code == CQL_OK) return exception;
  if (set_attribute(exception, "code", PyUnicode_FromString(cql_status_name(code))) < 0) Py_CLEAR(exception);
  return exception;
}

static int add_details(PyObject *exception, const cql_error *err) {
  if (err->line > 0) {
    if (set_attribute(exception, "line", PyLong_FromUnsignedLong(err->line)) < 0) return -1;
    if (set_attribute(exception, "column", PyLong_FromUnsignedLong(err->column)) < 0) return -1;
  }
  if (err->status != CQL_ALREADY_EXISTS) return 0;
  if (set_attribute(exception, "keyspace", text_of(err->keyspace)) < 0) return -1;
  return set_attribute(exception, "table", text_of(err->table));
}

static PyObject *set_exception(PyObject *exception) {
  if (exception != NULL) {
    PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    Py_DECREF(exception);
  }
  return NULL;
}

PyObject *cqlpy_raise_error(cqlpy_state *state, const cql_error *err) {
  const char *message = err->message[0] != '\0' ? err->message : cql_status_text(err->status);
  PyObject *exception = new_exception(state, class_of(err->status), err->status, text_of(message));
  if (exception != NULL && add_details(exception, err) < 0) Py_CLEAR(exception);
  return set_exception(exception);
}

PyObject *cqlpy_raise(cqlpy_state *state, cqlpy_exception kind, cql_status code, const char *format, ...) {
  va_list args;
  va_start(args, format);
  PyObject *message = PyUnicode_FromFormatV(format, args);
  va_end(args);
  return set_exception(new_exception(state, kind, code, message));
}
