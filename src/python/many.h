/* many.h: what the two ways to run one statement with many rows of values share: many.c, window.c. */
#ifndef CQLPY_MANY_H
#define CQLPY_MANY_H

#include "python/module.h"

/* One row of values while it runs. */
typedef struct cqlpy_slot {
  PyObject *params;
  PyObject *error; /* an exception that was to be returned: the row did not run */
  Py_ssize_t row;  /* window.c */
  cqlpy_request request;
} cqlpy_slot;

typedef struct cqlpy_many {
  SessionObject *session;
  PyObject *query;
  PyObject *const *keywords;
  PyObject *rows; /* an iterator */
  PyObject *results;
  bool return_exceptions;
  Py_ssize_t room; /* slots: how many run at once */
  cqlpy_slot *slots;
  cql_request *c; /* those of the slots that run, without gaps */
  cql_outcome *outcomes;
} cqlpy_many;

void cqlpy_slot_empty(cqlpy_slot *at);
/* Encodes the row of a slot. */
int cqlpy_slot_prepare(cqlpy_many *m, cqlpy_slot *at);
/* What is returned for a row that ran: a Result, or None where there is nothing in it. Takes page. */
PyObject *cqlpy_slot_result(cqlpy_many *m, cqlpy_slot *at, cql_result *page);
/* The exception that is set, told which row it is about. NULL: it goes on its way. */
PyObject *cqlpy_exception_of_row(const cqlpy_many *m, Py_ssize_t row);

/* window.c: runs all rows on a cluster; 0, or -1 with an exception. */
int cqlpy_window_run(cqlpy_many *m);

#endif
