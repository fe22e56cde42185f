#include "python/convert.h"

/* Values with a fixed list of fields: tuples and user-defined types. */

PyObject *cqlpy_decode_tuple(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  cql_elements e;
  if (cql_elements_open(&e, d->type, in) != CQL_OK) return cqlpy_bad_bytes(c, d);
  PyObject *tuple = PyTuple_New((Py_ssize_t)d->arg_count);
  for (uint32_t i = 0; tuple != NULL && i < d->arg_count; i++) {
    cql_slice field = {NULL, 0};
    cql_status st = cql_elements_next(&e, &field); /* CQL_DONE: written before the type had this field */
    PyObject *item = st == CQL_OK || st == CQL_DONE ? cqlpy_decode_cell(c, &d->args[i], field) : cqlpy_bad_bytes(c, d);
    if (item == NULL)
      Py_CLEAR(tuple);
    else
      PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, item);
  }
  return tuple;
}

static PyObject *field_name(const cql_type *type, uint32_t i) {
  return PyUnicode_DecodeUTF8((const char *)type->field_names[i].data, (Py_ssize_t)type->field_names[i].len, "replace");
}

PyObject *cqlpy_decode_udt(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  PyObject *values = cqlpy_decode_tuple(c, d, in);
  if (values == NULL || d->hashable) return values;
  PyObject *fields = PyDict_New();
  for (uint32_t i = 0; fields != NULL && i < d->arg_count; i++) {
    PyObject *name = field_name(d->type, i);
    if (name == NULL || PyDict_SetItem(fields, name, PyTuple_GET_ITEM(values, (Py_ssize_t)i)) < 0) Py_CLEAR(fields);
    Py_XDECREF(name);
  }
  Py_DECREF(values);
  return fields;
}

static int encode_fields(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *fields) {
  if (PyTuple_GET_SIZE(fields) != (Py_ssize_t)type->arg_count)
    return cqlpy_refuse(c, "the type has %u fields, not %zd", type->arg_count, PyTuple_GET_SIZE(fields));
  for (uint32_t i = 0; i < type->arg_count; i++) {
    if (cqlpy_encode_element(c, out, type->args[i], PyTuple_GET_ITEM(fields, (Py_ssize_t)i)) < 0) return -1;
  }
  return 0;
}

int cqlpy_encode_tuple(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  if (!PyTuple_Check(value) && !PyList_Check(value)) return cqlpy_refuse_type(c, type, "a tuple or a list", value);
  PyObject *fields = PySequence_Tuple(value);
  if (fields == NULL) return -1;
  int rc = encode_fields(c, out, type, fields);
  Py_DECREF(fields);
  return rc;
}

/* The values of a dict in the order of the type's fields; a field that is not there is null, as in a CQL literal. */
static PyObject *fields_of_dict(const cqlpy_context *c, const cql_type *type, PyObject *dict) {
  Py_ssize_t found = 0;
  PyObject *fields = PyTuple_New((Py_ssize_t)type->arg_count);
  for (uint32_t i = 0; fields != NULL && i < type->arg_count; i++) {
    PyObject *name = field_name(type, i);
    PyObject *value = name == NULL ? NULL : PyDict_GetItemWithError(dict, name); /* borrowed */
    Py_XDECREF(name);
    if (value == NULL && PyErr_Occurred()) {
      Py_CLEAR(fields);
      break;
    }
    found += value != NULL;
    PyTuple_SET_ITEM(fields, (Py_ssize_t)i, Py_NewRef(value != NULL ? value : Py_None));
  }
  if (fields != NULL && found != PyDict_GET_SIZE(dict)) {
    Py_CLEAR(fields);
    cqlpy_refuse(c, "%R has keys that are no fields of the type", dict);
  }
  return fields;
}

/* The attributes of an object in the order of the type's fields; one that is not there is null, but not all of them. */
static PyObject *fields_of_object(const cqlpy_context *c, const cql_type *type, PyObject *object) {
  Py_ssize_t found = 0;
  PyObject *fields = PyTuple_New((Py_ssize_t)type->arg_count);
  for (uint32_t i = 0; fields != NULL && i < type->arg_count; i++) {
    PyObject *name = field_name(type, i);
    PyObject *value = name == NULL ? NULL : PyObject_GetAttr(object, name);
    Py_XDECREF(name);
    if (value == NULL && !PyErr_ExceptionMatches(PyExc_AttributeError)) {
      Py_CLEAR(fields);
      break;
    }
    found += value != NULL;
    if (value == NULL) PyErr_Clear();
    PyTuple_SET_ITEM(fields, (Py_ssize_t)i, value != NULL ? value : Py_NewRef(Py_None));
  }
  if (fields != NULL && found == 0) {
    Py_CLEAR(fields);
    cqlpy_refuse_type(c, type, "a dict, a tuple or an object with the type's fields", object);
  }
  return fields;
}

static PyObject *fields_of_mapping(const cqlpy_context *c, const cql_type *type, PyObject *mapping) {
  PyObject *dict = PyDict_New(), *fields = NULL;
  if (dict != NULL && PyDict_Update(dict, mapping) == 0) fields = fields_of_dict(c, type, dict);
  Py_XDECREF(dict);
  return fields;
}

static bool has(PyObject *value, const char *name) {
  PyObject *attribute = PyObject_GetAttrString(value, name);
  if (attribute == NULL) PyErr_Clear();
  Py_XDECREF(attribute);
  return attribute != NULL;
}

/* By name from a dict, another mapping, a named tuple or an object with attributes; by place from a tuple or list. */
int cqlpy_encode_udt(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  bool sequence = PyTuple_Check(value) || PyList_Check(value);
  PyObject *fields;
  if (sequence && !has(value, "_fields")) return cqlpy_encode_tuple(c, out, type, value);
  if (PyDict_Check(value))
    fields = fields_of_dict(c, type, value);
  else if (!sequence && has(value, "keys"))
    fields = fields_of_mapping(c, type, value);
  else if (sequence || has(value, "__dict__") || has(value, "__slots__"))
    fields = fields_of_object(c, type, value);
  else
    return cqlpy_refuse_type(c, type, "a dict, a tuple or an object with the type's fields", value);
  if (fields == NULL) return -1;
  int rc = encode_fields(c, out, type, fields);
  Py_DECREF(fields);
  return rc;
}
