/* vector.c: vectors. Those of the machine's own numbers are arrays, which other libraries read without a copy. */
#include "python/convert.h"

/* The type code of array.array whose items are the elements of a vector; '\0': there is none. */
static char array_code(const cql_type *element) {
  switch (element->code) {
  case CQL_TYPE_FLOAT: return 'f';
  case CQL_TYPE_DOUBLE: return 'd';
  case CQL_TYPE_INT: return 'i';
  case CQL_TYPE_BIGINT: return 'q';
  default: return '\0';
  }
}

/* From the wire's order of bytes to the machine's, or back. */
static void copy_items(uint8_t *to, const uint8_t *from, size_t count, size_t size) {
  for (size_t i = 0; i < count; i++, to += size, from += size) {
    if (size == 4) {
      uint32_t word = cql_load_u32(from);
      memcpy(to, &word, sizeof word);
    } else {
      uint64_t word = cql_load_u64(from);
      memcpy(to, &word, sizeof word);
    }
  }
}

int cqlpy_array_load(cqlpy_state *state) {
  if (state->array_type != NULL) return 0;
  PyObject *type = cqlpy_import_name("array", "array");
  if (type != NULL) Py_XSETREF(state->array_type, type);
  return type == NULL ? -1 : 0;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static PyObject *decode_array(const cqlpy_context *c, char code, size_t count, size_t size, cql_slice in) {
  PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(count * size));
  if (bytes == NULL) return NULL;
  copy_items((uint8_t *)PyBytes_AS_STRING(bytes), in.data, count, size);
  PyObject *array = PyObject_CallFunction(c->state->array_type, "CO", code, bytes);
  Py_DECREF(bytes);
  return array;
}

PyObject *cqlpy_decode_vector(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  const cql_type *element = d->type->args[0];
  char code = array_code(element);
  size_t size = cql_type_fixed_len(element), count = d->type->dimension;
  if (code == '\0' || d->hashable) return cqlpy_decode_list(c, d, in);
  return in.len == count * size ? decode_array(c, code, count, size, in) : cqlpy_bad_bytes(c, d);
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static bool is_little_endian(void) {
  const uint16_t one = 1;
  return *(const uint8_t *)&one == 1;
}

/* Does the buffer hold the elements as the machine has them? 'l' is an int or a bigint, by its size. */
static bool buffer_fits(const Py_buffer *b, char code, size_t size) {
  const char *format = b->format == NULL ? "B" : b->format;
  if (*format == '@' || *format == '=' || *format == (is_little_endian() ? '<' : '>')) format++;
  bool same = *format == code || (*format == 'l' && (code == 'i' || code == 'q'));
  return same && format[1] == '\0' && b->ndim == 1 && b->itemsize == (Py_ssize_t)size;
}

static int wrong_count(const cqlpy_context *c, const cql_type *type, Py_ssize_t count) {
  return cqlpy_refuse(c, "the vector has %u elements, not %zd", type->dimension, count);
}

/* 1: written; 0: value is no such buffer; -1. */
static int encode_buffer(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  char code = array_code(type->args[0]);
  size_t size = cql_type_fixed_len(type->args[0]), count = type->dimension;
  Py_buffer view;
  if (code == '\0' || !PyObject_CheckBuffer(value)) return 0;
  if (PyObject_GetBuffer(value, &view, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS) < 0) {
    PyErr_Clear(); /* its elements may be had one by one */
    return 0;
  }
  int rc = buffer_fits(&view, code, size);
  if (rc == 1 && view.len != (Py_ssize_t)(count * size)) rc = wrong_count(c, type, view.len / view.itemsize);
  if (rc == 1) {
    uint8_t *room = cql_buf_room(out, count * size);
    if (room != NULL) copy_items(room, view.buf, count, size);
  }
  PyBuffer_Release(&view);
  return rc;
}

static int encode_element(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *item) {
  if (item == Py_None || item == c->state->unset)
    return cqlpy_refuse(c, "an element of a vector is neither null nor UNSET");
  size_t start = out->len;
  if (cqlpy_encode(c, out, type->args[0], item) < 0) return -1;
  cql_vector_element_end(out, type, start);
  return 0;
}

int cqlpy_encode_vector(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value) {
  int rc = encode_buffer(c, out, type, value);
  if (rc != 0) return rc < 0 ? -1 : 0;
  PyObject *members = cqlpy_members(c, type, value, false);
  if (members == NULL) return -1;
  Py_ssize_t count = PyTuple_GET_SIZE(members);
  if (count != (Py_ssize_t)type->dimension) rc = wrong_count(c, type, count);
  for (Py_ssize_t i = 0; rc == 0 && i < count; i++) rc = encode_element(c, out, type, PyTuple_GET_ITEM(members, i));
  Py_DECREF(members);
  return rc;
}
