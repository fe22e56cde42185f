#include "python/convert.h"

struct cqlpy_plan {
  Py_ssize_t refs;
  cqlpy_state *state;
  cql_arena arena; /* columns and decoders */
  uint32_t column_count;
  cql_column *columns;
  cqlpy_decoder *decoders;
  bool is_conditional;
  bool atomic;                     /* rows hold nothing that can be changed */
  PyObject *py_columns, *py_names; /* made when somebody asks */
};

/* --- life --------------------------------------------------------------------------------------------------------- */

static char *copy_text(cql_arena *a, const char *text) {
  return cql_arena_str(a, cql_slice_str(text != NULL ? text : ""));
}

static int copy_column(cqlpy_plan *plan, uint32_t i, const cql_column *from) {
  cql_arena *a = &plan->arena;
  cql_column *to = &plan->columns[i];
  to->keyspace = copy_text(a, from->keyspace);
  to->table = copy_text(a, from->table);
  to->name = copy_text(a, from->name);
  to->type = cql_type_clone(a, from->type);
  if (to->keyspace != NULL && to->table != NULL && to->name != NULL && to->type != NULL)
    return cqlpy_decoder_init(plan->state, &plan->decoders[i], a, to->type, false);
  PyErr_NoMemory();
  return -1;
}

cqlpy_plan *cqlpy_plan_of_result(cqlpy_state *state, const cql_result *result) {
  cqlpy_plan *plan = PyMem_Calloc(1, sizeof *plan);
  if (plan == NULL) return (cqlpy_plan *)PyErr_NoMemory();
  plan->refs = 1;
  plan->state = state;
  cql_arena_init(&plan->arena, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  plan->column_count = cql_result_column_count(result);
  plan->columns = cql_arena_array(&plan->arena, plan->column_count, sizeof *plan->columns);
  plan->decoders = cql_arena_array(&plan->arena, plan->column_count, sizeof *plan->decoders);
  int rc = 0;
  if (plan->column_count > 0 && (plan->columns == NULL || plan->decoders == NULL)) {
    PyErr_NoMemory();
    rc = -1;
  }
  for (uint32_t i = 0; rc == 0 && i < plan->column_count; i++) rc = copy_column(plan, i, cql_result_column(result, i));
  if (rc < 0) {
    cqlpy_plan_release(plan);
    return NULL;
  }
  plan->atomic = true;
  for (uint32_t i = 0; i < plan->column_count; i++) plan->atomic = plan->atomic && plan->decoders[i].atomic;
  plan->is_conditional = plan->column_count > 0 && strcmp(plan->columns[0].name, "[applied]") == 0;
  return plan;
}

cqlpy_plan *cqlpy_plan_retain(cqlpy_plan *plan) {
  plan->refs++;
  return plan;
}

void cqlpy_plan_release(cqlpy_plan *plan) {
  if (plan == NULL || --plan->refs > 0) return;
  Py_XDECREF(plan->py_columns);
  Py_XDECREF(plan->py_names);
  cql_arena_free(&plan->arena);
  PyMem_Free(plan);
}

/* A schema change gives a prepared SELECT * other columns. */
bool cqlpy_plan_fits(const cqlpy_plan *plan, const cql_result *result) {
  if (plan->column_count != cql_result_column_count(result)) return false;
  for (uint32_t i = 0; i < plan->column_count; i++) {
    const cql_column *x = &plan->columns[i], *y = cql_result_column(result, i);
    if (strcmp(x->name, y->name) != 0 || !cql_type_eq(x->type, y->type)) return false;
  }
  return true;
}

uint32_t cqlpy_plan_column_count(const cqlpy_plan *plan) {
  return plan->column_count;
}

bool cqlpy_plan_is_conditional(const cqlpy_plan *plan) {
  return plan->is_conditional;
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

static PyObject *decode(const cqlpy_plan *plan, uint32_t i, const cql_value *cells) {
  cqlpy_context c = {plan->state, plan->columns[i].name};
  cql_slice in = cells[i].len < 0 ? (cql_slice){NULL, 0} : cql_slice_of(cells[i].data, (size_t)cells[i].len);
  return cqlpy_decode_fast(&c, &plan->decoders[i], in);
}

/* A row of unchangeable values can be in no cycle: the collector, which would find that out by itself, is spared the
 * look. With ten thousand rows this is a fifth of the time. */
PyObject *cqlpy_plan_row(cqlpy_plan *plan, const cql_value *cells) {
  PyObject *row = PyTuple_New((Py_ssize_t)plan->column_count);
  if (row == NULL) return NULL;
  for (uint32_t i = 0; i < plan->column_count; i++) {
    PyObject *value = decode(plan, i, cells);
    if (value == NULL) {
      Py_DECREF(row);
      return NULL;
    }
    PyTuple_SET_ITEM(row, (Py_ssize_t)i, value);
  }
  if (plan->atomic && plan->column_count > 0) PyObject_GC_UnTrack(row);
  return row;
}

enum { ROWS_RESERVED_MAX = 1 << 16 }; /* a page that says of itself that it has more is believed as they come */

/* Puts the next row into its place, or at the end. CQL_OK, CQL_DONE; else an exception is set. */
static cql_status add_row(cqlpy_plan *plan, cql_result *page, cql_value *cells, PyObject *list, Py_ssize_t at) {
  cql_status st = cql_result_next(page, cells);
  if (st == CQL_DONE) return st;
  if (st != CQL_OK) {
    cqlpy_raise(plan->state, CQLPY_InternalError, st, "the page of rows is malformed");
    return st;
  }
  PyObject *row = cqlpy_plan_row(plan, cells);
  if (row == NULL) return CQL_MALFORMED;
  if (at < PyList_GET_SIZE(list)) {
    PyList_SET_ITEM(list, at, row);
    return CQL_OK;
  }
  int rc = PyList_Append(list, row);
  Py_DECREF(row);
  return rc < 0 ? CQL_NOMEM : CQL_OK;
}

PyObject *cqlpy_plan_rows(cqlpy_plan *plan, cql_result *page, cql_value *cells) {
  uint64_t expected = cql_result_row_count(page);
  PyObject *list = PyList_New(expected < ROWS_RESERVED_MAX ? (Py_ssize_t)expected : ROWS_RESERVED_MAX);
  if (list == NULL) return NULL;
  Py_ssize_t count = 0;
  cql_status st;
  while ((st = add_row(plan, page, cells, list, count)) == CQL_OK) count++;
  /* What is behind the last row is NULL, which no list may show. */
  Py_ssize_t room = PyList_GET_SIZE(list);
  if (st != CQL_DONE || (count < room && PyList_SetSlice(list, count, room, NULL) < 0)) Py_CLEAR(list);
  return list;
}

PyObject *cqlpy_plan_dict(cqlpy_plan *plan, const cql_value *cells) {
  PyObject *names = cqlpy_plan_names(plan);
  PyObject *row = names == NULL ? NULL : PyDict_New();
  for (uint32_t i = 0; row != NULL && i < plan->column_count; i++) {
    PyObject *value = decode(plan, i, cells);
    if (value == NULL || PyDict_SetItem(row, PyTuple_GET_ITEM(names, (Py_ssize_t)i), value) < 0) Py_CLEAR(row);
    Py_XDECREF(value);
  }
  Py_XDECREF(names);
  return row;
}

static PyObject *literal(const cql_type *type, const cql_value *cell) {
  cql_buf text;
  cql_buf_init(&text, &cql_alloc_libc, PY_SSIZE_T_MAX);
  cql_value_print(&text, type, cell->len < 0 ? (cql_slice){NULL, 0} : cql_slice_of(cell->data, (size_t)cell->len));
  cql_slice view = cql_buf_view(&text);
  PyObject *out = text.st == CQL_OK ? PyUnicode_DecodeUTF8((const char *)view.data, (Py_ssize_t)view.len, "replace")
                                    : PyErr_NoMemory();
  cql_buf_free(&text);
  return out;
}

PyObject *cqlpy_plan_literals(cqlpy_plan *plan, const cql_value *cells) {
  PyObject *row = PyTuple_New((Py_ssize_t)plan->column_count);
  for (uint32_t i = 0; row != NULL && i < plan->column_count; i++) {
    PyObject *text = literal(plan->columns[i].type, &cells[i]);
    if (text == NULL)
      Py_CLEAR(row);
    else
      PyTuple_SET_ITEM(row, (Py_ssize_t)i, text);
  }
  return row;
}

/* --- columns ------------------------------------------------------------------------------------------------------ */

PyObject *cqlpy_type_text(const cql_type *type) {
  char small[128];
  size_t len = cql_type_to_cql(type, small, sizeof small);
  if (len < sizeof small) return PyUnicode_DecodeUTF8(small, (Py_ssize_t)len, "replace");
  char *large = PyMem_Malloc(len + 1);
  if (large == NULL) return PyErr_NoMemory();
  cql_type_to_cql(type, large, len + 1);
  PyObject *text = PyUnicode_DecodeUTF8(large, (Py_ssize_t)len, "replace");
  PyMem_Free(large);
  return text;
}

PyObject *cqlpy_column(cqlpy_state *state, const cql_column *from) {
  PyObject *column = PyStructSequence_New(state->column_type);
  if (column == NULL) return NULL;
  PyObject *fields[] = {
      PyUnicode_InternFromString(from->name),
      cqlpy_type_text(from->type),
      PyUnicode_InternFromString(from->keyspace != NULL ? from->keyspace : ""),
      PyUnicode_InternFromString(from->table != NULL ? from->table : ""),
  };
  bool complete = true;
  for (Py_ssize_t i = 0; i < 4; i++) {
    complete = complete && fields[i] != NULL;
    PyStructSequence_SetItem(column, i, fields[i]); /* takes it */
  }
  if (!complete) Py_CLEAR(column);
  return column;
}

PyObject *cqlpy_plan_columns(cqlpy_plan *plan) {
  if (plan->py_columns == NULL) {
    PyObject *columns = PyTuple_New((Py_ssize_t)plan->column_count);
    for (uint32_t i = 0; columns != NULL && i < plan->column_count; i++) {
      PyObject *column = cqlpy_column(plan->state, &plan->columns[i]);
      if (column == NULL)
        Py_CLEAR(columns);
      else
        PyTuple_SET_ITEM(columns, (Py_ssize_t)i, column);
    }
    Py_XSETREF(plan->py_columns, columns);
  }
  return Py_XNewRef(plan->py_columns);
}

PyObject *cqlpy_plan_names(cqlpy_plan *plan) {
  if (plan->py_names == NULL) {
    PyObject *names = PyTuple_New((Py_ssize_t)plan->column_count);
    for (uint32_t i = 0; names != NULL && i < plan->column_count; i++) {
      PyObject *name = PyUnicode_InternFromString(plan->columns[i].name);
      if (name == NULL)
        Py_CLEAR(names);
      else
        PyTuple_SET_ITEM(names, (Py_ssize_t)i, name);
    }
    Py_XSETREF(plan->py_names, names);
  }
  return Py_XNewRef(plan->py_names);
}
