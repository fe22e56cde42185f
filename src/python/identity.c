#include "python/convert.h"

#include <structmember.h>

/* --- uuid --------------------------------------------------------------------------------------------------------- */

/* uuid.UUID(bytes=…) runs about a microsecond of Python per value. A UUID is two slots, `int` and `is_safe`, behind a
 * __setattr__ that refuses. Their member descriptors say where the slots are; filling them gives the same object many
 * times as fast. cqlpy_uuid_load() proves on one value that it does, or else the class is called. */

static PyObject *number_of(const uint8_t bytes[16]) {
#if PY_VERSION_HEX >= 0x030D0000
  return PyLong_FromUnsignedNativeBytes(bytes, 16, Py_ASNATIVEBYTES_BIG_ENDIAN);
#else
  return _PyLong_FromByteArray(bytes, 16, 0, 0);
#endif
}

static void set_slot(PyObject *object, Py_ssize_t offset, PyObject *value) {
  *(PyObject **)((char *)object + offset) = value;
}

/* What a UUID holds can make no cycle: the collector need not look at it. */
static PyObject *uuid_by_slots(const cqlpy_state *state, const uint8_t bytes[16]) {
  PyObject *number = number_of(bytes);
  if (number == NULL) return NULL;
  PyTypeObject *type = (PyTypeObject *)state->uuid_type;
  PyObject *uuid = type->tp_alloc(type, 0);
  if (uuid == NULL) {
    Py_DECREF(number);
    return NULL;
  }
  set_slot(uuid, state->uuid_int_offset, number);
  set_slot(uuid, state->uuid_safety_offset, Py_NewRef(state->uuid_safety));
  if (PyType_IS_GC(type)) PyObject_GC_UnTrack(uuid);
  return uuid;
}

/* Where the slot of that name is; 0: it is no slot. */
static Py_ssize_t slot_offset(const cqlpy_state *state, PyObject *name) {
  PyObject *found = PyObject_GetAttr(state->uuid_type, name);
  Py_ssize_t offset = 0;
  if (found == NULL) PyErr_Clear();
  if (found != NULL && Py_IS_TYPE(found, &PyMemberDescr_Type)) {
    const PyMemberDef *member = ((PyMemberDescrObject *)found)->d_member;
    if (member->type == T_OBJECT_EX && member->offset > 0) offset = member->offset;
  }
  Py_XDECREF(found);
  return offset;
}

static PyObject *uuid_by_class(const cqlpy_state *state, const uint8_t bytes[16]) {
  PyObject *args = PyTuple_New(0);
  PyObject *names = args == NULL ? NULL : Py_BuildValue("{sy#}", "bytes", bytes, (Py_ssize_t)16);
  PyObject *uuid = names == NULL ? NULL : PyObject_Call(state->uuid_type, args, names);
  Py_XDECREF(names);
  Py_XDECREF(args);
  return uuid;
}

/* Finds out whether the slots can be filled. */
static int prove_slots(cqlpy_state *state) {
  static const uint8_t sample[16] = {0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x40, 0x10, 0x80, 0, 0, 0, 0, 0, 0, 1};
  PyObject *expected = uuid_by_class(state, sample);
  if (expected == NULL) return -1;
  state->uuid_int_offset = slot_offset(state, state->name_int);
  state->uuid_safety_offset = slot_offset(state, state->name_is_safe);
  bool slots = state->uuid_int_offset > 0 && state->uuid_safety_offset > 0;
  PyObject *fast = slots ? uuid_by_slots(state, sample) : NULL;
  int same = fast == NULL ? -1 : PyObject_RichCompareBool(fast, expected, Py_EQ);
  if (same < 0) PyErr_Clear(); /* another make of uuid.UUID: slower, but right */
  state->uuid_by_slots = same > 0;
  Py_XDECREF(fast);
  Py_DECREF(expected);
  return 0;
}

int cqlpy_uuid_load(cqlpy_state *state) {
  if (state->uuid_type != NULL) return 0;
  PyObject *type = cqlpy_import_name("uuid", "UUID");
  PyObject *safety = type == NULL ? NULL : cqlpy_import_name("uuid", "SafeUUID");
  PyObject *unknown = safety == NULL ? NULL : PyObject_GetAttrString(safety, "unknown");
  Py_XDECREF(safety);
  if (unknown == NULL) {
    Py_XDECREF(type);
    return -1;
  }
  Py_XSETREF(state->uuid_safety, unknown);
  Py_XSETREF(state->uuid_type, type);
  if (prove_slots(state) == 0) return 0;
  Py_CLEAR(state->uuid_type);
  return -1;
}

PyObject *cqlpy_decode_uuid(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  (void)d;
  return c->state->uuid_by_slots ? uuid_by_slots(c->state, in.data) : uuid_by_class(c->state, in.data);
}

int cqlpy_encode_uuid(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  if (cqlpy_uuid_load(c->state) < 0) return -1;
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

int cqlpy_inet_load(cqlpy_state *state) {
  if (state->ipv6_type != NULL) return 0;
  PyObject *four = cqlpy_import_name("ipaddress", "IPv4Address");
  PyObject *six = four == NULL ? NULL : cqlpy_import_name("ipaddress", "IPv6Address");
  if (six == NULL) {
    Py_XDECREF(four);
    return -1;
  }
  Py_XSETREF(state->ipv4_type, four);
  Py_XSETREF(state->ipv6_type, six);
  return 0;
}

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
  if (cqlpy_inet_load(c->state) < 0) return NULL;
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
