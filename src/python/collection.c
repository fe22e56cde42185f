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
  return cqlpy_decode_fast(c, &d->args[arg], in);
}

PyObject *cqlpy_members(const cqlpy_context *c, const cql_type *type, PyObject *value, bool any_order) {
  bool is_text = PyUnicode_Check(value) || PyBytes_Check(value) || PyByteArray_Check(value);
  bool is_list = PySequence_Check(value) && !is_text && !PyDict_Check(value);
  if (is_list || (any_order && PyAnySet_Check(value))) return PySequence_Tuple(value);
  cqlpy_refuse_type(c, type, any_order ? "a set, a frozenset, a list or a tuple" : "a list or a tuple", value);
  return NULL;
}

/* Sorts values, count of them, which borrow from bytes. false where they are not what a server takes. */
static bool sorted_members(const cql_type *type, cql_slice bytes, cql_slice *values, uint32_t *count) {
  cql_elements e;
  uint32_t stride = type->code == CQL_TYPE_MAP ? 2 : 1;
  if (cql_elements_open(&e, type, bytes) != CQL_OK) return false;
  for (uint32_t i = 0; i < *count; i++)
    if (cql_elements_next(&e, &values[i]) != CQL_OK || (i % stride == 0 && values[i].data == NULL)) return false;
  *count /= stride;
  if (stride == 1)
    cql_set_normalize(type->args[0], values, count);
  else
    cql_map_normalize(type->args[0], values, count);
  *count *= stride;
  return true;
}

/* Brings the count members of a set or map, which stand in out from start on, into Cassandra's order. The server does
 * it with those of a column, but not with a set or map inside of another value, which then equals no other. What it
 * refuses, as a null among them, stays as it is. */
static int sort_members(cql_buf *out, const cql_type *type, size_t start, uint32_t count) {
  if (out->st != CQL_OK || count <= (type->code == CQL_TYPE_MAP ? 2 : 1)) return 0;
  size_t len = out->len - start;
  cql_slice *values = PyMem_Malloc((size_t)count * sizeof *values);
  uint8_t *copy = PyMem_Malloc(len);
  if (values == NULL || copy == NULL) {
    PyMem_Free(values);
    PyMem_Free(copy);
    PyErr_NoMemory();
    return -1;
  }
  memcpy(copy, out->data + start, len);
  if (sorted_members(type, (cql_slice){copy, len}, values, &count)) {
    out->len = start;
    cql_put_count(out, type->code == CQL_TYPE_MAP ? count / 2 : count);
    for (uint32_t i = 0; i < count; i++) cql_put_element(out, values[i]);
  }
  PyMem_Free(values);
  PyMem_Free(copy);
  return 0;
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
  size_t start = out->len;
  cql_put_count(out, (uint32_t)count);
  for (Py_ssize_t i = 0; rc == 0 && i < count; i++)
    rc = cqlpy_encode_element(c, out, type->args[0], PyTuple_GET_ITEM(members, i));
  if (rc == 0 && type->code == CQL_TYPE_SET) rc = sort_members(out, type, start, (uint32_t)count);
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
  size_t start = out->len;
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
  if (rc == 0) rc = sort_members(out, type, start, (uint32_t)count * 2);
  Py_DECREF(pairs);
  return rc;
}
