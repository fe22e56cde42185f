#include "python/convert.h"

/* --- uuid --------------------------------------------------------------------------------------------------------- */

/* uuid.UUID(bytes=…) runs about a microsecond of Python per value. A UUID is two slots, `int` and `is_safe`, behind a
 * __setattr__ that refuses; filling the slots through the generic attribute access (what object.__setattr__ is) gives
 * the same object several times as fast. cqlpy_identity_init() proves on one value that it does, or else the class is
 * called. */

static PyObject *number_of(const cqlpy_state *state, const uint8_t bytes[16]) {
  PyObject *high = PyLong_FromUnsignedLongLong(cql_load_u64(bytes));
  PyObject *low = high == NULL ? NULL : PyLong_FromUnsignedLongLong(cql_load_u64(bytes + 8));
  PyObject *shifted = low == NULL ? NULL : PyNumber_Lshift(high, state->shift_64);
  PyObject *number = shifted == NULL ? NULL : PyNumber_Or(shifted, low);
  Py_XDECREF(shifted);
  Py_XDECREF(low);
  Py_XDECREF(high);
  return number;
}

static PyObject *uuid_by_slots(const cqlpy_state *state, const uint8_t bytes[16]) {
  PyObject *number = number_of(state, bytes);
  if (number == NULL) return NULL;
  PyObject *uuid = PyType_GenericAlloc((PyTypeObject *)state->uuid_type, 0);
  if (uuid != NULL && (PyObject_GenericSetAttr(uuid, state->name_int, number) < 0 ||
                       PyObject_GenericSetAttr(uuid, state->name_is_safe, state->uuid_safety) < 0))
    Py_CLEAR(uuid);
  Py_DECREF(number);
  return uuid;
}

static PyObject *uuid_by_class(const cqlpy_state *state, const uint8_t bytes[16]) {
  PyObject *args = PyTuple_New(0);
  PyObject *names = args == NULL ? NULL : Py_BuildValue("{sy#}", "bytes", bytes, (Py_ssize_t)16);
  PyObject *uuid = names == NULL ? NULL : PyObject_Call(state->uuid_type, args, names);
  Py_XDECREF(names);
  Py_XDECREF(args);
  return uuid;
}

int cqlpy_identity_init(cqlpy_state *state) {
  static const uint8_t sample[16] = {0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x40, 0x10, 0x80, 0, 0, 0, 0, 0, 0, 1};
  PyObject *expected = uuid_by_class(state, sample);
  if (expected == NULL) return -1;
  PyObject *fast = uuid_by_slots(state, sample);
  int same = fast == NULL ? -1 : PyObject_RichCompareBool(fast, expected, Py_EQ);
  if (same < 0) PyErr_Clear(); /* another make of uuid.UUID: slower, but right */
  state->uuid_by_slots = same > 0;
  Py_XDECREF(fast);
  Py_DECREF(expected);
  return 0;
}

PyObject *cqlpy_decode_uuid(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  (void)d;
  return c->state->uuid_by_slots ? uuid_by_slots(c->state, in.data) : uuid_by_class(c->state, in.data);
}

int cqlpy_encode_uuid(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  int is_uuid = PyObject_IsInstance(value, c->state->uuid_type);
  if (is_uuid <= 0) return is_uuid < 0 ? -1 : cqlpy_refuse_type(c, type, "a uuid.UUID", value);
  PyObject *number = PyObject_GetAttr(value, c->state->name_int);
  PyObject *high = number == NULL ? NULL : PyNumber_Rshift(number, c->state->shift_64);
  if (high != NULL) {
    uint64_t top = PyLong_AsUnsignedLongLongMask(high);
    uint64_t bottom = PyLong_AsUnsignedLongLongMask(number);
    if (type->code == CQL_TYPE_TIMEUUID && (top >> 12 & 0xF) != 1) {
      cqlpy_refuse(c, "%R is not a version 1 UUID, as a timeuuid is", value);
    } else {
      cql_buf_u64(out, top);
      cql_buf_u64(out, bottom);
    }
  }
  Py_XDECREF(high);
  Py_XDECREF(number);
  return PyErr_Occurred() ? -1 : 0;
}

/* --- inet --------------------------------------------------------------------------------------------------------- */

PyObject *cqlpy_decode_inet(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  if (in.len != 4 && in.len != 16) return cqlpy_bad_bytes(c, d);
  PyObject *packed = PyBytes_FromStringAndSize((const char *)in.data, (Py_ssize_t)in.len);
  if (packed == NULL) return NULL;
  PyObject *address = PyObject_CallOneArg(in.len == 4 ? c->state->ipv4_type : c->state->ipv6_type, packed);
  Py_DECREF(packed);
  return address;
}

/* A new reference to the address that a str names: no colon, no IPv6. */
static PyObject *address_of_text(const cqlpy_context *c, PyObject *text) {
  Py_ssize_t colon = PyUnicode_FindChar(text, ':', 0, PyUnicode_GET_LENGTH(text), 1);
  if (colon == -2) return NULL;
  PyObject *address = PyObject_CallOneArg(colon >= 0 ? c->state->ipv6_type : c->state->ipv4_type, text);
  if (address != NULL || !PyErr_ExceptionMatches(PyExc_ValueError)) return address;
  PyErr_Clear();
  cqlpy_refuse(c, "%R is not an IP address", text);
  return NULL;
}

/* inet holds the bytes of an address alone; an IPv6 scope ("fe80::1%eth0") would be lost. */
static int check_scope(const cqlpy_context *c, PyObject *address) {
  if (!PyObject_TypeCheck(address, (PyTypeObject *)c->state->ipv6_type)) return 0;
  PyObject *scope = PyObject_GetAttr(address, c->state->name_scope_id);
  if (scope == NULL) return -1;
  int rc = scope == Py_None ? 0 : cqlpy_refuse(c, "%R has a scope, which the type inet cannot keep", address);
  Py_DECREF(scope);
  return rc;
}

static PyObject *address_of(const cqlpy_context *c, const cql_type *type, PyObject *value) {
  if (PyUnicode_Check(value)) return address_of_text(c, value);
  int known = PyObject_IsInstance(value, c->state->ipv4_type);
  if (known == 0) known = PyObject_IsInstance(value, c->state->ipv6_type);
  if (known > 0) return Py_NewRef(value);
  if (known == 0) cqlpy_refuse_type(c, type, "an ipaddress.IPv4Address, an IPv6Address or a str", value);
  return NULL;
}

int cqlpy_encode_inet(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  PyObject *address = address_of(c, type, value);
  if (address == NULL) return -1;
  PyObject *packed = check_scope(c, address) < 0 ? NULL : PyObject_GetAttr(address, c->state->name_packed);
  Py_DECREF(address);
  if (packed == NULL) return -1;
  char *bytes;
  Py_ssize_t len;
  int rc = PyBytes_AsStringAndSize(packed, &bytes, &len);
  if (rc == 0) cql_buf_put(out, bytes, (size_t)len);
  Py_DECREF(packed);
  return rc;
}
