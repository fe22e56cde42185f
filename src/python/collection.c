#include "python/convert.h"

/* The elements of a collection; more of them than bytes would be a lie. */
static int open_elements(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in, cql_elements *e) {
  if (cql_elements_open(e, d->type, in) == CQL_OK && (e->left <= in.len || d->type->code == CQL_TYPE_VECTOR)) return 0;
  cqlpy_bad_bytes(c, d);
  return -1;
}

static PyObject *next_element(const cqlpy_context *c, const cqlpy_decoder *d, cql_elements *e, uint32_t arg) {
  cql_slice in;
  if (cql_elements_next(e, &in) != CQL_OK) return cqlpy_bad_bytes(c, d);
  return cqlpy_decode_cell(c, &d->args[arg], in);
}

PyObject *cqlpy_members(const cqlpy_context *c, const cql_type *type, PyObject *value, bool any_order) {
  bool is_text = PyUnicode_Check(value) || PyBytes_Check(value) || PyByteArray_Check(value);
  bool is_list = PySequence_Check(value) && !is_text && !PyDict_Check(value);
  if (is_list || (any_order && PyAnySet_Check(value))) return PySequence_Tuple(value);
  cqlpy_refuse_type(c, type, any_order ? "a set, a frozenset, a list or a tuple" : "a list or a tuple", value);
  return NULL;
}

/* --- list --------------------------------------------------------------------------------------------------------- */

PyObject *cqlpy_decode_list(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  cql_elements e;
  if (open_elements(c, d, in, &e) < 0) return NULL;
  Py_ssize_t count = (Py_ssize_t)e.left;
  PyObject *list = d->hashable ? PyTuple_New(count) : PyList_New(count);
  for (Py_ssize_t i = 0; list != NULL && i < count; i++) {
    PyObject *item = next_element(c, d, &e, 0);
    if (item == NULL)
      Py_CLEAR(list);
    else if (d->hashable)
      PyTuple_SET_ITEM(list, i, item);
    else
      PyList_SET_ITEM(list, i, item);
  }
  return list;
}

static int encode_members(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value, bool any_order) {
  PyObject *members = cqlpy_members(c, type, value, any_order);
  if (members == NULL) return -1;
  Py_ssize_t count = PyTuple_GET_SIZE(members);
  int rc = count > INT32_MAX ? cqlpy_refuse(c, "too many elements") : 0;
  cql_put_count(out, (uint32_t)count);
  for (Py_ssize_t i = 0; rc == 0 && i < count; i++)
    rc = cqlpy_encode_element(c, out, type->args[0], PyTuple_GET_ITEM(members, i));
  Py_DECREF(members);
  return rc;
}

int cqlpy_encode_list(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  return encode_members(c, out, type, value, false);
}

/* --- set ---------------------------------------------------------------------------------------------------------- */

PyObject *cqlpy_decode_set(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  cql_elements e;
  if (open_elements(c, d, in, &e) < 0) return NULL;
  uint32_t count = e.left;
  PyObject *set = d->hashable ? PyFrozenSet_New(NULL) : PySet_New(NULL);
  for (uint32_t i = 0; set != NULL && i < count; i++) {
    PyObject *item = next_element(c, d, &e, 0);
    if (item == NULL || PySet_Add(set, item) < 0) Py_CLEAR(set); /* a frozenset may be filled until others see it */
    Py_XDECREF(item);
  }
  return set;
}

int cqlpy_encode_set(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  return encode_members(c, out, type, value, true);
}

/* --- map ---------------------------------------------------------------------------------------------------------- */

/* (key, value), or NULL. */
static PyObject *next_pair(const cqlpy_context *c, const cqlpy_decoder *d, cql_elements *e) {
  PyObject *key = next_element(c, d, e, 0);
  PyObject *value = key == NULL ? NULL : next_element(c, d, e, 1);
  PyObject *pair = value == NULL ? NULL : PyTuple_Pack(2, key, value);
  Py_XDECREF(value);
  Py_XDECREF(key);
  return pair;
}

static PyObject *decode_pairs(const cqlpy_context *c, const cqlpy_decoder *d, cql_elements *e) {
  Py_ssize_t count = (Py_ssize_t)(e->left / 2);
  PyObject *pairs = PyTuple_New(count);
  for (Py_ssize_t i = 0; pairs != NULL && i < count; i++) {
    PyObject *pair = next_pair(c, d, e);
    if (pair == NULL)
      Py_CLEAR(pairs);
    else
      PyTuple_SET_ITEM(pairs, i, pair);
  }
  return pairs;
}

PyObject *cqlpy_decode_map(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  cql_elements e;
  if (open_elements(c, d, in, &e) < 0) return NULL;
  if (d->hashable) return decode_pairs(c, d, &e);
  uint32_t count = e.left / 2;
  PyObject *map = PyDict_New();
  for (uint32_t i = 0; map != NULL && i < count; i++) {
    PyObject *key = next_element(c, d, &e, 0);
    PyObject *value = key == NULL ? NULL : next_element(c, d, &e, 1);
    if (value == NULL || PyDict_SetItem(map, key, value) < 0) Py_CLEAR(map);
    Py_XDECREF(value);
    Py_XDECREF(key);
  }
  return map;
}

/* A tuple of pairs: what a mapping holds, or what decode_pairs() gave. */
static PyObject *pairs_of(const cqlpy_context *c, const cql_type *type, PyObject *value) {
  if (PyTuple_Check(value)) return Py_NewRef(value);
  if (!PyDict_Check(value) && !PyObject_HasAttr(value, c->state->name_keys)) {
    cqlpy_refuse_type(c, type, "a dict or another mapping", value);
    return NULL;
  }
  PyObject *items = PyMapping_Items(value);
  PyObject *pairs = items == NULL ? NULL : PySequence_Tuple(items);
  Py_XDECREF(items);
  return pairs;
}

int cqlpy_encode_map(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  PyObject *pairs = pairs_of(c, type, value);
  if (pairs == NULL) return -1;
  Py_ssize_t count = PyTuple_GET_SIZE(pairs);
  int rc = count > INT32_MAX ? cqlpy_refuse(c, "too many entries") : 0;
  cql_put_count(out, (uint32_t)count);
  for (Py_ssize_t i = 0; rc == 0 && i < count; i++) {
    PyObject *pair = PyTuple_GET_ITEM(pairs, i);
    if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2) {
      rc = cqlpy_refuse_type(c, type, "a dict or another mapping", value);
      break;
    }
    rc = cqlpy_encode_element(c, out, type->args[0], PyTuple_GET_ITEM(pair, 0));
    if (rc == 0) rc = cqlpy_encode_element(c, out, type->args[1], PyTuple_GET_ITEM(pair, 1));
  }
  Py_DECREF(pairs);
  return rc;
}
