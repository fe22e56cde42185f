#include "python/module.h"

#include <stdio.h>

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
  case CQL_BUDGET:
  case CQL_INTERRUPTED:
  case CQL_VERSION: return CQLPY_OperationalError;
  case CQL_NO_HOST: return CQLPY_NoHostAvailable;
  case CQL_CONNECTION:
  case CQL_RESOLVE:
  case CQL_TLS: return CQLPY_ConnectionFailed;
  case CQL_TIMEOUT: return CQLPY_RequestTimeout;
  case CQL_QUEUE_FULL: return CQLPY_QueueFull;
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

/* --- what a cluster tells ----------------------------------------------------------------------------------------- */

static PyObject *attempt_of(cqlpy_state *state, const cql_attempt *from) {
  PyObject *attempt = PyStructSequence_New(state->attempt_type);
  if (attempt == NULL) return NULL;
  PyObject *fields[] = {text_of(from->host), text_of(cql_stage_name(from->stage)),
                        text_of(from->reason[0] != '\0' ? from->reason : cql_status_text(from->status)),
                        PyFloat_FromDouble(from->elapsed_ms / 1000.0)};
  bool complete = true;
  for (Py_ssize_t i = 0; i < 4; i++) {
    complete = complete && fields[i] != NULL;
    PyStructSequence_SetItem(attempt, i, fields[i]); /* takes it */
  }
  if (!complete) Py_CLEAR(attempt);
  return attempt;
}

static PyObject *attempts_of(cqlpy_state *state, const cql_error *err) {
  PyObject *list = PyList_New((Py_ssize_t)err->attempt_count);
  for (uint32_t i = 0; list != NULL && i < err->attempt_count; i++) {
    PyObject *attempt = attempt_of(state, &err->attempts[i]);
    if (attempt == NULL)
      Py_CLEAR(list);
    else
      PyList_SET_ITEM(list, (Py_ssize_t)i, attempt);
  }
  return list;
}

/* The consistency level stands in every error that counts replicas. */
static int add_replicas(PyObject *exception, const cql_error *err) {
  switch (err->status) {
  case CQL_UNAVAILABLE:
  case CQL_WRITE_TIMEOUT:
  case CQL_READ_TIMEOUT:
  case CQL_READ_FAILURE:
  case CQL_WRITE_FAILURE:
  case CQL_CAS_UNKNOWN: break;
  default: return 0;
  }
  if (set_attribute(exception, "consistency", cqlpy_consistency_name(err->consistency)) < 0) return -1;
  if (set_attribute(exception, "required", PyLong_FromLong(err->required)) < 0) return -1;
  if (set_attribute(exception, "received", PyLong_FromLong(err->received)) < 0) return -1;
  if (err->failures > 0 && set_attribute(exception, "failures", PyLong_FromLong(err->failures)) < 0) return -1;
  return err->write_type[0] == '\0' ? 0 : set_attribute(exception, "write_type", text_of(err->write_type));
}

static int add_details(cqlpy_state *state, PyObject *exception, const cql_error *err) {
  if (err->attempt_count > 0 && set_attribute(exception, "attempts", attempts_of(state, err)) < 0) return -1;
  if (add_replicas(exception, err) < 0) return -1;
  if (err->line > 0) {
    if (set_attribute(exception, "line", PyLong_FromUnsignedLong(err->line)) < 0) return -1;
    if (set_attribute(exception, "column", PyLong_FromUnsignedLong(err->column)) < 0) return -1;
  }
  if (err->status != CQL_ALREADY_EXISTS && err->status != CQL_BUDGET) return 0;
  if (err->status == CQL_ALREADY_EXISTS && set_attribute(exception, "keyspace", text_of(err->keyspace)) < 0) return -1;
  return set_attribute(exception, "table", text_of(err->table));
}

static PyObject *set_exception(PyObject *exception) {
  if (exception != NULL) {
    PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    Py_DECREF(exception);
  }
  return NULL;
}

/* The message names the host that was tried last, unless it does so already. */
static PyObject *message_of(const cql_error *err) {
  const char *message = err->message[0] != '\0' ? err->message : cql_status_text(err->status);
  const cql_attempt *last = err->attempt_count > 0 ? &err->attempts[err->attempt_count - 1] : NULL;
  if (last == NULL || strstr(message, last->host) != NULL) return text_of(message);
  char text[sizeof err->message + sizeof *last];
  snprintf(text, sizeof text, "%s (%s: %s%s%s)", message, last->host, cql_stage_name(last->stage),
           last->reason[0] != '\0' ? ": " : "", last->reason);
  return text_of(text);
}

PyObject *cqlpy_raise_error(cqlpy_state *state, const cql_error *err) {
  if (err->status == CQL_INTERRUPTED && PyErr_Occurred()) return NULL; /* what a signal's handler raised */
  PyObject *exception = new_exception(state, class_of(err->status), err->status, message_of(err));
  if (exception != NULL && add_details(state, exception, err) < 0) Py_CLEAR(exception);
  return set_exception(exception);
}

PyObject *cqlpy_raise(cqlpy_state *state, cqlpy_exception kind, cql_status code, const char *format, ...) {
  va_list args;
  va_start(args, format);
  PyObject *message = PyUnicode_FromFormatV(format, args);
  va_end(args);
  return set_exception(new_exception(state, kind, code, message));
}

PyObject *cqlpy_take_exception(void) {
  PyObject *kind, *error, *trace;
  PyErr_Fetch(&kind, &error, &trace);
  PyErr_NormalizeException(&kind, &error, &trace);
  if (trace != NULL) PyException_SetTraceback(error, trace);
  Py_XDECREF(kind);
  Py_XDECREF(trace);
  return error;
}
