#include "python/relational.h"

#include <stddef.h>
#include <structmember.h>

enum {
  BLOCK_COUNT = 128, /* rows that are read at a time, after 1, 2, 4, … */
  FETCH_COUNT = 2048 /* the same of fetchmany() */
};

struct RelationalRowsObject {
  PyObject_HEAD cqlpy_state *state;
  RelationalObject *owner;
  cqlpy_slot *slot; /* NULL: the query is finished */
  cql_arena arena;
  uint32_t column_count;
  cqlpy_decoder *raw; /* per column; decode NULL: a value of SQLite's. NULL: all are */
  PyObject *names, *types;
  bool is_atomic;  /* rows hold nothing that can be changed */
  PyObject *block; /* list of rows that have been read; NULL: none is left */
  Py_ssize_t next; /* of them to be given */
  uint32_t block_count;
  PyObject *failure; /* what comes behind them */
  uint64_t spent;
  cql_relational_sent *sent; /* what the query had sent when it was finished; in the arena */
  uint32_t sent_count;
  const char *closed; /* why there is no row any more; NULL: because there is none */
  bool is_reading;    /* a thread is between two looks at slot: closing is left to it */
  PyObject *weakrefs;
};

/* --- reading, with the connection entered ------------------------------------------------------------------------- */

static void end(RelationalRowsObject *rows) {
  cqlpy_relational_unlink(rows->owner, rows->slot);
  PyMem_Free(rows->slot);
  rows->slot = NULL;
}

/* Its query is finished when the connection is left, at the latest. */
static void drop_slot(RelationalRowsObject *rows) {
  cqlpy_slot *slot = rows->slot;
  rows->slot = NULL;
  if (slot != NULL) cqlpy_relational_drop(rows->owner, slot);
}

static PyObject *raw_value(const RelationalRowsObject *rows, uint32_t i, const cqlpy_cell *cell) {
  if (cell->type == SQLITE_NULL) return Py_NewRef(Py_None);
  cqlpy_context c = {rows->state, PyUnicode_AsUTF8(PyTuple_GET_ITEM(rows->names, (Py_ssize_t)i))};
  if (c.column == NULL) return NULL;
  if (cell->type == SQLITE_BLOB) return cqlpy_decode_fast(&c, &rows->raw[i], cql_slice_of(cell->data, cell->len));
  return cqlpy_raise(rows->state, CQLPY_ProgrammingError, CQL_OK,
                     "Column %u of the result, %s, is no NAME$raw: its entry in raw is None", i + 1, c.column);
}

static PyObject *plain_value(const RelationalRowsObject *rows, uint32_t i, const cqlpy_cell *cell) {
  PyObject *value = cqlpy_cell_object(cell);
  if (value != NULL || !PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) return value;
  PyErr_Clear();
  return cqlpy_raise(rows->state, CQLPY_OperationalError, CQL_MALFORMED,
                     "Column %u of the result, %U, has a text that is not UTF-8", i + 1,
                     PyTuple_GET_ITEM(rows->names, (Py_ssize_t)i));
}

static PyObject *make_row(const RelationalRowsObject *rows, uint32_t at) {
  PyObject *row = PyTuple_New((Py_ssize_t)rows->column_count);
  for (uint32_t i = 0; row != NULL && i < rows->column_count; i++) {
    cqlpy_cell cell = cqlpy_block_cell(&rows->owner->block, at, i);
    bool is_raw = rows->raw != NULL && rows->raw[i].decode != NULL;
    PyObject *value = is_raw ? raw_value(rows, i, &cell) : plain_value(rows, i, &cell);
    if (value == NULL)
      Py_CLEAR(row);
    else
      PyTuple_SET_ITEM(row, (Py_ssize_t)i, value);
  }
  if (row != NULL && rows->is_atomic) PyObject_GC_UnTrack(row); /* as in plan.c */
  return row;
}

/* The rows of the block, until one cannot be made. */
static int make_rows(RelationalRowsObject *rows, PyObject *list) {
  int rc = 0;
  for (uint32_t i = 0; rc == 0 && i < rows->owner->block.row_count; i++) {
    PyObject *row = make_row(rows, i);
    rc = row == NULL ? -1 : PyList_Append(list, row);
    Py_XDECREF(row);
  }
  cqlpy_block_trim(&rows->owner->block);
  return rc;
}

/* An exception is set. It waits until the rows before it have been given; Ctrl-C does not. */
static int fail(RelationalRowsObject *rows, PyObject *list) {
  drop_slot(rows);
  if (PyList_GET_SIZE(list) == 0 || !PyErr_ExceptionMatches(PyExc_Exception)) return -1;
  Py_XSETREF(rows->failure, cqlpy_take_exception());
  return 0;
}

/* One reading of rows, without the GIL. */
typedef struct reading {
  const cqlpy_params *params; /* before the first one; NULL: they are bound */
  uint32_t count;
  uint64_t spent;
  bool is_finished;
  cql_error err;
} reading;

/* What is told of a query that will be finished. Short of memory it is told less. */
static void keep_sent(RelationalRowsObject *rows, const cql_relational_query *q) {
  cql_relational_sent one;
  rows->sent = cql_arena_array(&rows->arena, CQL_RELATIONAL_SENT_COUNT, sizeof *rows->sent);
  while (rows->sent != NULL && rows->sent_count < CQL_RELATIONAL_SENT_COUNT &&
         cql_relational_sent_at(q, rows->sent_count, &one)) {
    one.cql = cql_arena_str(&rows->arena, cql_slice_str(one.cql));
    if (one.cql == NULL) return;
    rows->sent[rows->sent_count++] = one;
  }
}

/* A query that is over, one way or the other, is finished. */
static cql_status read_rows(RelationalRowsObject *rows, reading *to) {
  cql_relational_query *q = rows->slot->query;
  cql_status st = to->params == NULL ? CQL_OK : cqlpy_params_bind(to->params, cql_relational_statement(q), &to->err);
  if (st == CQL_OK)
    st = cqlpy_block_fill(&rows->owner->block, q, rows->column_count, to->count, &to->is_finished, &to->err);
  to->spent = cql_relational_spent(q);
  to->is_finished |= st != CQL_OK;
  if (!to->is_finished) return st;
  keep_sent(rows, q);
  cql_relational_finish(q);
  return st;
}

static int read_into(RelationalRowsObject *rows, const cqlpy_params *p, uint32_t count, PyObject *list) {
  RelationalObject *r = rows->owner;
  reading to = {.params = p, .count = count};
  cql_error_init(&to.err);
  r->block.row_count = 0;
  cqlpy_relational_begin(r);
  cql_status st = cqlpy_relational_end(r, read_rows(rows, &to));
  rows->spent = to.spent;
  if (to.is_finished) end(rows);
  if (st == CQL_OK && r->raised == NULL) return make_rows(rows, list) == 0 ? 0 : fail(rows, list);
  cqlpy_relational_raise(r, st, &to.err);
  PyObject *failure = cqlpy_take_exception();
  if (make_rows(rows, list) == 0) PyErr_SetObject((PyObject *)Py_TYPE(failure), failure);
  Py_DECREF(failure);
  return fail(rows, list);
}

/* Reads count rows, or fewer, and appends them to list. There is a slot. -1 with an exception. */
static int fill(RelationalRowsObject *rows, const cqlpy_params *p, uint32_t count, PyObject *list) {
  rows->is_reading = true;
  int rc = read_into(rows, p, count, list);
  rows->is_reading = false;
  if (rows->closed != NULL) drop_slot(rows); /* meanwhile */
  return rc;
}

/* --- rows in hand ------------------------------------------------------------------------------------------------- */

static Py_ssize_t in_hand(const RelationalRowsObject *rows) {
  return rows->block == NULL ? 0 : PyList_GET_SIZE(rows->block) - rows->next;
}

static PyObject *take_one(RelationalRowsObject *rows) {
  PyObject *row = Py_NewRef(PyList_GET_ITEM(rows->block, rows->next));
  rows->next++;
  if (in_hand(rows) == 0) Py_CLEAR(rows->block);
  return row;
}

/* A list of at most count of them. */
static PyObject *take_many(RelationalRowsObject *rows, Py_ssize_t count) {
  if (rows->block == NULL) return PyList_New(0);
  if (count > in_hand(rows)) count = in_hand(rows);
  PyObject *list = PyList_GetSlice(rows->block, rows->next, rows->next + count);
  if (list == NULL) return NULL;
  rows->next += count;
  if (in_hand(rows) == 0) Py_CLEAR(rows->block);
  return list;
}

static int raise_failure(RelationalRowsObject *rows) {
  PyObject *failure = rows->failure;
  rows->failure = NULL;
  PyErr_SetObject((PyObject *)Py_TYPE(failure), failure);
  Py_DECREF(failure);
  return -1;
}

/* 1: more may be read; 0: there are no more; -1 with an exception. None are in hand. */
static int has_more(RelationalRowsObject *rows) {
  if (rows->failure != NULL) return raise_failure(rows);
  if (rows->closed == NULL) return rows->slot != NULL;
  cqlpy_raise(rows->state, CQLPY_InterfaceError, CQL_CLOSED, "the %s closed", rows->closed);
  return -1;
}

static uint32_t grow(RelationalRowsObject *rows) {
  uint32_t count = rows->block_count;
  if (count < BLOCK_COUNT) rows->block_count *= 2;
  return count;
}

/* Another thread may have read meanwhile. */
static int read_block(RelationalRowsObject *rows) {
  if (cqlpy_relational_enter(rows->owner) < 0) return -1;
  int rc = 0;
  if (rows->slot != NULL && in_hand(rows) == 0) {
    PyObject *list = PyList_New(0);
    rc = list == NULL ? -1 : fill(rows, NULL, grow(rows), list);
    if (rc == 0 && PyList_GET_SIZE(list) > 0 && rows->closed == NULL) {
      Py_XSETREF(rows->block, Py_NewRef(list));
      rows->next = 0;
    }
    Py_XDECREF(list);
  }
  cqlpy_relational_leave(rows->owner);
  return rc;
}

static PyObject *rows_next(PyObject *self) {
  RelationalRowsObject *rows = (RelationalRowsObject *)self;
  while (in_hand(rows) == 0) {
    if (has_more(rows) <= 0 || read_block(rows) < 0) return NULL;
  }
  return take_one(rows);
}

static int read_more(RelationalRowsObject *rows, uint32_t count, PyObject *list) {
  if (cqlpy_relational_enter(rows->owner) < 0) return -1;
  int rc = rows->slot == NULL ? 0 : fill(rows, NULL, count, list);
  cqlpy_relational_leave(rows->owner);
  return rc;
}

/* Of two threads that read at once each gets some. */
static PyObject *gather(RelationalRowsObject *rows, Py_ssize_t wanted, bool is_all) {
  PyObject *list = take_many(rows, wanted);
  int more = list == NULL ? -1 : 1;
  while (more > 0 && PyList_GET_SIZE(list) < wanted && (more = has_more(rows)) > 0) {
    Py_ssize_t left = wanted - PyList_GET_SIZE(list);
    uint32_t count = is_all ? grow(rows) : left < FETCH_COUNT ? (uint32_t)left : FETCH_COUNT;
    more = read_more(rows, count, list) < 0 ? -1 : 1;
  }
  if (more < 0) Py_CLEAR(list);
  return list;
}

/* --- execute() ---------------------------------------------------------------------------------------------------- */

/* What a statement looks like; the texts are its own until its first step. */
typedef struct shape {
  uint32_t param_count, column_count;
  const char **param_names, **column_names, **column_types; /* a type may be NULL: of what is computed */
  bool is_complete;                                         /* nothing follows it */
} shape;

/* A comment or a blank at the start of text; its end. */
static const char *skip_one(const char *text) {
  if (strchr(" \t\r\n\f;", *text) != NULL) return text + 1;
  const char *end = text[0] == '-' && text[1] == '-'   ? strchr(text, '\n')
                    : text[0] == '/' && text[1] == '*' ? strstr(text + 2, "*/")
                                                       : text;
  if (end == text) return text;
  return end == NULL ? text + strlen(text) : end + (*end == '*' ? 2 : 1);
}

static bool is_blank(const char *text) {
  while (*text != '\0') {
    const char *end = skip_one(text);
    if (end == text) return false;
    text = end;
  }
  return true;
}

/* Without the GIL. sql ends with a NUL. */
static cql_status read_shape(sqlite3_stmt *statement, const char *sql, cql_arena *a, shape *out, cql_error *err) {
  out->param_count = (uint32_t)sqlite3_bind_parameter_count(statement);
  out->column_count = (uint32_t)sqlite3_column_count(statement);
  out->param_names = cql_arena_array(a, (size_t)out->param_count + 1, sizeof *out->param_names);
  out->column_names = cql_arena_array(a, (size_t)out->column_count + 1, sizeof *out->column_names);
  out->column_types = cql_arena_array(a, (size_t)out->column_count + 1, sizeof *out->column_types);
  if (out->param_names == NULL || out->column_names == NULL || out->column_types == NULL)
    return cql_fail(err, CQL_NOMEM, "Out of memory");
  for (uint32_t i = 0; i < out->param_count; i++)
    out->param_names[i] = sqlite3_bind_parameter_name(statement, (int)i + 1);
  for (uint32_t i = 0; i < out->column_count; i++) {
    out->column_names[i] = sqlite3_column_name(statement, (int)i);
    out->column_types[i] = sqlite3_column_decltype(statement, (int)i);
    if (out->column_names[i] == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  }
  out->is_complete = is_blank(sql + strlen(sqlite3_sql(statement)));
  return CQL_OK;
}

typedef struct arguments {
  PyObject *sql, *params, *budget, *raw; /* borrowed; NULL: not given */
  const char *text;
  Py_ssize_t text_len;
  uint64_t budget_rows;
} arguments;

static int read_budget(PyObject *budget, uint64_t *out) {
  *out = UINT64_MAX;
  if (budget == NULL || budget == Py_None) return 0;
  *out = PyLong_Check(budget) && !PyBool_Check(budget) ? PyLong_AsUnsignedLongLong(budget) : UINT64_MAX;
  if (*out != UINT64_MAX) return 0;
  PyErr_Clear();
  PyErr_Format(PyExc_ValueError, "budget is None or a number of rows, not %R", budget);
  return -1;
}

static int read_arguments(cqlpy_state *state, PyObject *args, PyObject *names, arguments *out) {
  static char *keywords[] = {"sql", "params", "budget", "raw", NULL};
  *out = (arguments){.sql = NULL};
  if (!PyArg_ParseTupleAndKeywords(args, names, "U|O$OO:execute", keywords, &out->sql, &out->params, &out->budget,
                                   &out->raw) ||
      read_budget(out->budget, &out->budget_rows) < 0)
    return -1;
  out->text = PyUnicode_AsUTF8AndSize(out->sql, &out->text_len);
  if (out->text == NULL) return -1;
  if (strlen(out->text) == (size_t)out->text_len) return 0;
  cqlpy_raise(state, CQLPY_ProgrammingError, CQL_SYNTAX, "The statement holds a NUL character");
  return -1;
}

static RelationalRowsObject *new_rows(RelationalObject *r) {
  RelationalRowsObject *rows = (RelationalRowsObject *)PyType_GenericAlloc(r->state->relational_rows_type, 0);
  if (rows == NULL) return NULL;
  rows->state = r->state;
  rows->owner = (RelationalObject *)Py_NewRef(r);
  rows->block_count = 1;
  rows->is_atomic = true;
  cql_arena_init(&rows->arena, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  return rows;
}

/* Takes query. */
static int set_slot(RelationalRowsObject *rows, cql_relational_query *query) {
  cqlpy_slot *slot = PyMem_Calloc(1, sizeof *slot);
  if (slot == NULL) {
    cqlpy_relational_begin(rows->owner);
    cql_relational_finish(query);
    cqlpy_relational_end(rows->owner, CQL_OK);
    PyErr_NoMemory();
    return -1;
  }
  *slot = (cqlpy_slot){.next = rows->owner->open, .query = query, .rows = rows};
  rows->owner->open = rows->slot = slot;
  return 0;
}

static int prepare(RelationalRowsObject *rows, const arguments *given, shape *out) {
  RelationalObject *r = rows->owner;
  cql_relational_query *query = NULL;
  cql_error err;
  cql_error_init(&err);
  cqlpy_relational_begin(r);
  cql_status st = cql_relational_prepare(r->handle, given->text, (size_t)given->text_len, &query, &err);
  if (st == CQL_OK) st = read_shape(cql_relational_statement(query), given->text, &rows->arena, out, &err);
  st = cqlpy_relational_end(r, st);
  if (query != NULL && set_slot(rows, query) < 0) return -1;
  if (st != CQL_OK) {
    cqlpy_relational_raise(r, st, &err);
    return -1;
  }
  cql_relational_set_budget(query, given->budget_rows);
  if (out->is_complete) return 0;
  cqlpy_raise(r->state, CQLPY_ProgrammingError, CQL_SYNTAX, "One statement can be executed at a time");
  return -1;
}

/* A tuple of str, None for NULL. */
static PyObject *texts(const char **of, uint32_t count) {
  PyObject *tuple = PyTuple_New((Py_ssize_t)count);
  for (uint32_t i = 0; tuple != NULL && i < count; i++) {
    PyObject *text =
        of[i] == NULL ? Py_NewRef(Py_None) : PyUnicode_DecodeUTF8(of[i], (Py_ssize_t)strlen(of[i]), "replace");
    if (text == NULL)
      Py_CLEAR(tuple);
    else
      PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, text);
  }
  return tuple;
}

static int set_names(RelationalRowsObject *rows, const shape *of) {
  rows->column_count = of->column_count;
  rows->names = texts(of->column_names, of->column_count);
  rows->types = rows->names == NULL ? NULL : texts(of->column_types, of->column_count);
  return rows->types == NULL ? -1 : 0;
}

/* entry: (table, column). */
static int set_decoder(RelationalRowsObject *rows, cqlpy_decoder *d, PyObject *entry) {
  const char *table, *column;
  if (!PyTuple_Check(entry)) {
    PyErr_Format(PyExc_TypeError, "an entry of raw is None or (table, column), not %R", entry);
    return -1;
  }
  if (!PyArg_ParseTuple(entry, "ss;an entry of raw is None or (table, column)", &table, &column)) return -1;
  const cql_type *type = cql_relational_type(rows->owner->handle, table, column);
  if (type == NULL) {
    cqlpy_raise(rows->state, CQLPY_ProgrammingError, CQL_OK, "raw names %s.%s: no table with such a column is attached",
                table, column);
    return -1;
  }
  type = cql_type_clone(&rows->arena, type);
  if (type != NULL) return cqlpy_decoder_init(rows->state, d, &rows->arena, type, false);
  PyErr_NoMemory();
  return -1;
}

static int set_decoders(RelationalRowsObject *rows, PyObject *given) {
  if (given == NULL || given == Py_None) return 0;
  PyObject *raw = PySequence_Tuple(given);
  if (raw == NULL) return -1;
  int rc = 0;
  if (PyTuple_GET_SIZE(raw) != (Py_ssize_t)rows->column_count) {
    cqlpy_raise(rows->state, CQLPY_ProgrammingError, CQL_OK, "raw has %zd entries, and the result %u columns",
                PyTuple_GET_SIZE(raw), rows->column_count);
    rc = -1;
  } else if ((rows->raw = cql_arena_zero(&rows->arena, (rows->column_count + 1) * sizeof *rows->raw)) == NULL) {
    PyErr_NoMemory();
    rc = -1;
  }
  for (uint32_t i = 0; rc == 0 && i < rows->column_count; i++) {
    PyObject *entry = PyTuple_GET_ITEM(raw, (Py_ssize_t)i);
    if (entry == Py_None) continue;
    rc = set_decoder(rows, &rows->raw[i], entry);
    rows->is_atomic = rows->is_atomic && rows->raw[i].atomic;
  }
  Py_DECREF(raw);
  return rc;
}

/* Runs to the first row, so that what is wrong is said here, and what gives no rows is done. */
static int start(RelationalRowsObject *rows, const shape *of, PyObject *given) {
  cqlpy_params p = {.count = of->param_count};
  PyObject *none = given == NULL || given == Py_None ? PyTuple_New(0) : NULL;
  if (given != NULL && PyDict_Check(given)) p.names = of->param_names;
  PyObject *list = PyList_New(0);
  int rc = list == NULL || (none == NULL && PyErr_Occurred()) ? -1 : 0;
  if (rc == 0) rc = cqlpy_params_convert(&p, rows->state, &rows->arena, none != NULL ? none : given);
  if (rc == 0) rc = fill(rows, &p, grow(rows), list);
  if (rc == 0 && PyList_GET_SIZE(list) > 0) rows->block = Py_NewRef(list);
  cqlpy_params_clear(&p);
  Py_XDECREF(none);
  Py_XDECREF(list);
  return rc;
}

PyObject *cqlpy_relational_execute(RelationalObject *r, PyObject *args, PyObject *names) {
  arguments given;
  shape of;
  if (read_arguments(r->state, args, names, &given) < 0 || cqlpy_relational_enter(r) < 0) return NULL;
  RelationalRowsObject *rows = new_rows(r);
  if (rows != NULL && (prepare(rows, &given, &of) < 0 || set_names(rows, &of) < 0 ||
                       set_decoders(rows, given.raw) < 0 || start(rows, &of, given.params) < 0))
    Py_CLEAR(rows);
  cqlpy_relational_leave(r);
  return (PyObject *)rows;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

void cqlpy_relational_rows_cut(RelationalRowsObject *rows) {
  rows->slot = NULL;
  rows->closed = "connection is";
}

static PyObject *rows_close(PyObject *self, PyObject *unused) {
  (void)unused;
  RelationalRowsObject *rows = (RelationalRowsObject *)self;
  if (!rows->is_reading) drop_slot(rows);
  rows->closed = "rows are";
  Py_CLEAR(rows->failure);
  Py_CLEAR(rows->block);
  Py_RETURN_NONE;
}

static int rows_traverse(PyObject *self, visitproc visit, void *arg) {
  RelationalRowsObject *rows = (RelationalRowsObject *)self;
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(rows->owner);
  Py_VISIT(rows->block);
  Py_VISIT(rows->failure);
  return 0;
}

/* An exception leads to the frames it came through, which may hold the rows. */
static int rows_clear(PyObject *self) {
  Py_CLEAR(((RelationalRowsObject *)self)->failure);
  return 0;
}

static void rows_dealloc(PyObject *self) {
  RelationalRowsObject *rows = (RelationalRowsObject *)self;
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (rows->weakrefs != NULL) PyObject_ClearWeakRefs(self);
  drop_slot(rows);
  Py_CLEAR(rows->failure);
  Py_CLEAR(rows->block);
  Py_CLEAR(rows->names);
  Py_CLEAR(rows->types);
  cql_arena_free(&rows->arena);
  Py_CLEAR(rows->owner);
  type->tp_free(self);
  Py_DECREF(type);
}

/* --- methods ------------------------------------------------------------------------------------------------------ */

static PyObject *rows_fetchone(PyObject *self, PyObject *unused) {
  (void)unused;
  PyObject *row = rows_next(self);
  return row == NULL && !PyErr_Occurred() ? Py_NewRef(Py_None) : row;
}

static PyObject *rows_fetchmany(PyObject *self, PyObject *args, PyObject *names) {
  static char *keywords[] = {"size", NULL};
  Py_ssize_t size = 1;
  if (!PyArg_ParseTupleAndKeywords(args, names, "|n:fetchmany", keywords, &size)) return NULL;
  if (size >= 0) return gather((RelationalRowsObject *)self, size, false);
  PyErr_Format(PyExc_ValueError, "size is a number of rows, not %zd", size);
  return NULL;
}

static PyObject *rows_fetchall(PyObject *self, PyObject *unused) {
  (void)unused;
  return gather((RelationalRowsObject *)self, PY_SSIZE_T_MAX, true);
}

static PyObject *get_column_names(PyObject *self, void *unused) {
  (void)unused;
  return Py_NewRef(((RelationalRowsObject *)self)->names);
}

static PyObject *get_column_types(PyObject *self, void *unused) {
  (void)unused;
  return Py_NewRef(((RelationalRowsObject *)self)->types);
}

static PyObject *get_spent(PyObject *self, void *unused) {
  (void)unused;
  return PyLong_FromUnsignedLongLong(((RelationalRowsObject *)self)->spent);
}

static int add_sent(PyObject *list, const cql_relational_sent *sent) {
  PyObject *entry = Py_BuildValue("sKKK", sent->cql, (unsigned long long)sent->requests, (unsigned long long)sent->rows,
                                  (unsigned long long)sent->waves);
  int rc = entry == NULL ? -1 : PyList_Append(list, entry);
  Py_XDECREF(entry);
  return rc;
}

static PyObject *get_statements(PyObject *self, void *unused) {
  (void)unused;
  RelationalRowsObject *rows = (RelationalRowsObject *)self;
  bool is_open = rows->slot != NULL;
  if (is_open && cqlpy_relational_enter(rows->owner) < 0) return NULL;
  PyObject *list = PyList_New(0);
  cql_relational_sent one;
  int rc = list == NULL ? -1 : 0;
  if (rows->slot == NULL)
    for (uint32_t i = 0; rc == 0 && i < rows->sent_count; i++) rc = add_sent(list, &rows->sent[i]);
  else
    for (uint32_t i = 0; rc == 0 && cql_relational_sent_at(rows->slot->query, i, &one); i++) rc = add_sent(list, &one);
  if (is_open) cqlpy_relational_leave(rows->owner);
  if (rc < 0) Py_CLEAR(list);
  return list;
}

PyDoc_STRVAR(rows_doc, "The rows of a statement of SQL, tuples. Made by Relational.execute().\n\n"
                       "Iterating gives each row once. They are read as they are asked for, some at a time.");
PyDoc_STRVAR(fetchone_doc, "fetchone($self, /)\n--\n\nReturn the next row, or None when there is none left.");
PyDoc_STRVAR(fetchmany_doc, "fetchmany($self, size=1)\n--\n\n"
                            "Return the next rows, a list of at most size. No more than those are read.");
PyDoc_STRVAR(fetchall_doc, "fetchall($self, /)\n--\n\nReturn the rows that are left, as a list.");
PyDoc_STRVAR(close_doc, "close($self, /)\n--\n\nDrop the rows that are left. Asking for one raises InterfaceError.");

static PyMethodDef methods[] = {
    {"fetchone", rows_fetchone, METH_NOARGS, fetchone_doc},
    {"fetchmany", (PyCFunction)(void (*)(void))rows_fetchmany, METH_VARARGS | METH_KEYWORDS, fetchmany_doc},
    {"fetchall", rows_fetchall, METH_NOARGS, fetchall_doc},
    {"close", rows_close, METH_NOARGS, close_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getset[] = {
    {"column_names", get_column_names, NULL, "The names of the columns, a tuple of str.", NULL},
    {"column_types", get_column_types, NULL,
     "What the columns are declared as, a tuple of str: 'TIMESTAMP TEXT', 'INTEGER' …; None for what is computed.",
     NULL},
    {"spent", get_spent, NULL, "How many rows of tables have been read that are not returned.", NULL},
    {"statements", get_statements, NULL,
     "What has been sent: a list of (CQL statement, number of requests, rows that came, waves: how often answers were "
     "waited for).",
     NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(RelationalRowsObject, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)rows_doc},   {Py_tp_dealloc, rows_dealloc},
    {Py_tp_traverse, rows_traverse}, {Py_tp_clear, rows_clear},
    {Py_tp_iter, PyObject_SelfIter}, {Py_tp_iternext, rows_next},
    {Py_tp_methods, methods},        {Py_tp_getset, getset},
    {Py_tp_members, members},        {0, NULL},
};

PyType_Spec cqlpy_relational_rows_spec = {
    .name = "libcql.Rows",
    .basicsize = sizeof(RelationalRowsObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
