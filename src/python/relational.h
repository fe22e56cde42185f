/* relational.h: what the files about SQL over CQL tables share, relational*.c.
 *
 * SQLite is called without the GIL, always: what goes to it and what comes from it crosses the line as cells, which
 * know nothing of Python. One thread at a time is inside of a connection; whatever is done with its handle is done
 * between cqlpy_relational_enter() and cqlpy_relational_leave(), with the GIL given up between cqlpy_relational_begin()
 * and cqlpy_relational_end(). Functions of the program's borrow it back meanwhile.
 */
#ifndef CQLPY_RELATIONAL_H
#define CQLPY_RELATIONAL_H

#include "python/convert.h"
#include "relational/relational.h"

/* --- relational_values.c: a value of SQLite's --------------------------------------------------------------------- */

typedef struct cqlpy_cell {
  int type; /* SQLITE_INTEGER, SQLITE_FLOAT, SQLITE_TEXT, SQLITE_BLOB or SQLITE_NULL */
  union {
    int64_t integer;
    double real;
    const void *data; /* of a text or blob, borrowed; not NULL */
    size_t offset;    /* the same in a block */
  };
  size_t len;
} cqlpy_cell;

/* New reference. UnicodeDecodeError: a text that is not UTF-8. */
PyObject *cqlpy_cell_object(const cqlpy_cell *cell);
/* Borrows the bytes from value. 1; 0: SQLite has no such type; -1 with an exception. */
int cqlpy_cell_of(PyObject *value, cqlpy_cell *out);

/* --- relational_block.c: rows that are copied out of SQLite, many at a time, without the GIL ---------------------- */

/* Memory for rows, used again and again. */
typedef struct cqlpy_block {
  cql_buf bytes;
  cqlpy_cell *cells;
  size_t cell_room;
  uint32_t row_count, column_count;
} cqlpy_block;

void cqlpy_block_init(cqlpy_block *b);
void cqlpy_block_free(cqlpy_block *b);
void cqlpy_block_trim(cqlpy_block *b); /* gives back what an unusually large row took */
/* Steps q until there are row_count rows of column_count cells, or so many bytes that it is time to look at them. Rows
 * that came before a failure are there. */
cql_status cqlpy_block_fill(cqlpy_block *b, cql_relational_query *q, uint32_t column_count, uint32_t row_count,
                            bool *is_over, cql_error *err);
cqlpy_cell cqlpy_block_cell(const cqlpy_block *b, uint32_t row, uint32_t column); /* borrows until the next fill */

/* --- relational.c: the connection --------------------------------------------------------------------------------- */

typedef struct RelationalRowsObject RelationalRowsObject;
typedef struct cqlpy_function cqlpy_function;

/* A query that is not finished yet. */
typedef struct cqlpy_slot {
  struct cqlpy_slot *next;
  cql_relational_query *query;
  RelationalRowsObject *rows; /* borrowed */
} cqlpy_slot;

typedef struct RelationalObject {
  PyObject_HEAD cqlpy_state *state;
  SessionObject *session;
  cql_relational *handle; /* NULL once it is closed */
  PyThread_type_lock lock;
  unsigned long inside; /* the thread that holds the lock; 0: none does, or the one that does has not got the GIL yet */
  pid_t process;        /* where it was taken last: a lock that another process holds is never dropped */
  atomic_bool stop;     /* interrupt() */
  const atomic_bool *watched_before;
  int64_t looked_us; /* when signals were looked for last */
  bool is_finishing; /* no row is wanted any more: aggregates need not say what they have come to */
  cqlpy_slot *open, *dropped;
  cqlpy_function *functions;
  PyObject *raised; /* by a function of the statement that runs */
  cql_relational_counts counts;
  cqlpy_block block;
  PyObject *weakrefs;
} RelationalObject;

/* Waits for the thread that is inside, if one is. -1 with InterfaceError: connection or session are closed, or this
 * thread is inside. */
int cqlpy_relational_enter(RelationalObject *r);
void cqlpy_relational_leave(RelationalObject *r); /* an exception on its way stays */
/* As cqlpy_wait_begin() and cqlpy_wait_end(). */
void cqlpy_relational_begin(RelationalObject *r);
cql_status cqlpy_relational_end(RelationalObject *r, cql_status st);
/* Sets the exception of a call that ended with st, or of the function that ended it. Returns NULL. */
PyObject *cqlpy_relational_raise(RelationalObject *r, cql_status st, cql_error *err);
/* Finishes the query now or, when a thread is inside, as soon as that leaves. Takes the slot. Never waits. */
void cqlpy_relational_drop(RelationalObject *r, cqlpy_slot *slot);
void cqlpy_relational_unlink(RelationalObject *r, cqlpy_slot *slot); /* out of r->open */

/* --- relational_functions.c: functions of the program's ----------------------------------------------------------- */

PyObject *cqlpy_relational_create_function(RelationalObject *r, PyObject *args, PyObject *names);
PyObject *cqlpy_relational_create_aggregate(RelationalObject *r, PyObject *args, PyObject *names);
/* For the collector: a function may lead back to its connection. */
int cqlpy_functions_traverse(RelationalObject *r, visitproc visit, void *arg);
void cqlpy_functions_clear(RelationalObject *r);

/* --- relational_params.c: the values of a statement's parameters -------------------------------------------------- */

typedef struct cqlpy_params {
  uint32_t count;
  const char **names; /* NULL: they go by their places */
  PyObject *objects;  /* a tuple, from which the cells borrow */
  cqlpy_cell *cells;
} cqlpy_params;

/* Converts given, a tuple, a list or a dict, for the count parameters of a statement. What is no object lives in
 * a. */
int cqlpy_params_convert(cqlpy_params *p, cqlpy_state *state, cql_arena *a, PyObject *given);
void cqlpy_params_clear(cqlpy_params *p);
/* Without the GIL. Copies. CQL_NOMEM, CQL_LIMIT. */
cql_status cqlpy_params_bind(const cqlpy_params *p, sqlite3_stmt *statement, cql_error *err);

/* --- relational_rows.c -------------------------------------------------------------------------------------------- */

PyObject *cqlpy_relational_execute(RelationalObject *r, PyObject *args, PyObject *names);
/* The connection is closed: there will be no more rows. */
void cqlpy_relational_rows_cut(RelationalRowsObject *rows);

#endif
