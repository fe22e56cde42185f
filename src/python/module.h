/* module.h: what the files of the extension share. The room's only private header about objects; convert.h is the one
 * about values.
 *
 * Nothing here is global: all state hangs off the module, and every object carries a pointer to it (an object keeps its
 * type alive, the type keeps the module).
 */
#ifndef CQLPY_MODULE_H
#define CQLPY_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdatomic.h>

#ifdef CQL_CPPCHECK /* which does not read Python.h */
#define Py_BEGIN_ALLOW_THREADS
#define Py_END_ALLOW_THREADS
#define Py_RETURN_NONE return NULL
#endif

#include "session/session.h"

/* --- state -------------------------------------------------------------------------------------------------------- */

/* One class of libcql.exceptions per entry; CQLPY_Name is its place in the state. */
/* clang-format off */
#define CQLPY_EXCEPTION_MAP(X) \
  X(InterfaceError) X(DatabaseError) X(DataError) X(OperationalError) X(InternalError) X(ProgrammingError) \
  X(NotSupportedError) X(SyntaxException) X(InvalidRequest) X(ConfigurationException) X(AlreadyExists) \
  X(Unauthorized) X(ProtocolException) X(Unprepared) X(ServerError) X(AuthenticationFailed) X(Unavailable) \
  X(Overloaded) X(Bootstrapping) X(TruncateError) X(WriteTimeout) X(ReadTimeout) X(ReadFailure) \
  X(FunctionFailure) X(WriteFailure) X(CasWriteUnknown) X(ConnectionFailed) X(NoHostAvailable) X(RequestTimeout) \
  X(QueueFull)
/* clang-format on */

typedef enum cqlpy_exception {
#define CQLPY_EXCEPTION_ENUM(name) CQLPY_##name,
  CQLPY_EXCEPTION_MAP(CQLPY_EXCEPTION_ENUM)
#undef CQLPY_EXCEPTION_ENUM
      CQLPY_EXCEPTION_COUNT
} cqlpy_exception;

/* The keyword arguments of execute() and its sisters, and the interned strings that are their names. */
/* clang-format off */
#define CQLPY_KEYWORD_MAP(X) \
  X(query) X(statements) X(params) X(rows) X(type) X(keyspace) X(page_size) X(paging_state) X(consistency) \
  X(serial_consistency) X(timestamp) X(concurrency) X(return_exceptions) X(all_or_nothing) \
  X(timeout) X(idempotent)
/* clang-format on */

typedef enum cqlpy_keyword {
#define CQLPY_KEYWORD_ENUM(name) CQLPY_KW_##name,
  CQLPY_KEYWORD_MAP(CQLPY_KEYWORD_ENUM)
#undef CQLPY_KEYWORD_ENUM
      CQLPY_KEYWORD_COUNT
} cqlpy_keyword;

/* Classes of others that values are made of (NULL before a value of their type is met: convert.h), and attribute names,
 * looked up once. */
/* clang-format off */
#define CQLPY_OBJECT_MAP(X) \
  X(uuid_type) X(uuid_safety) X(decimal_type) X(ipv4_type) X(ipv6_type) X(duration_type) X(time_type) \
  X(unset) X(array_type) X(name_int) X(name_is_safe) X(name_packed) X(name_scope_id) X(name_months) X(name_days) \
  X(name_nanoseconds) X(name_utcoffset) X(name_keys) X(shift_64) \
  X(name_is_closed) X(name_step) X(name_finalize) \
  X(asynchronous) X(get_running_loop) X(loops) X(sessions) \
  X(decimal_model)
/* clang-format on */

typedef struct cqlpy_state {
  PyTypeObject *session_type, *statement_type, *prepared_type, *result_type, *rows_type, *column_type, *change_type;
  PyTypeObject *compact_type, *check_type, *attempt_type, *node_type, *loop_type, *call_type;
  PyTypeObject *relational_type, *relational_rows_type, *counts_type;
  PyObject *exceptions[CQLPY_EXCEPTION_COUNT];
  PyObject *keywords[CQLPY_KEYWORD_COUNT];
#define CQLPY_OBJECT_FIELD(name) PyObject *name;
  CQLPY_OBJECT_MAP(CQLPY_OBJECT_FIELD)
#undef CQLPY_OBJECT_FIELD
  bool uuid_by_slots; /* see identity.c */
  Py_ssize_t uuid_int_offset, uuid_safety_offset;
  bool decimal_by_fields; /* see decimal.c */
} cqlpy_state;

cqlpy_state *cqlpy_state_of(PyObject *module);
/* What a weak reference stands for, as a new reference when out is not NULL; 0: it is gone. */
int cqlpy_referent(PyObject *ref, PyObject **out);
/* module.name, imported; NULL with an exception. */
PyObject *cqlpy_import_name(const char *module, const char *name);
/* A reference to a new heap type that is also kept in *slot; -1 with an exception. */
int cqlpy_add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **slot);

/* --- errors.c ----------------------------------------------------------------------------------------------------- */

/* Both set an exception and return NULL. */
PyObject *cqlpy_raise_error(cqlpy_state *state, const cql_error *err);
PyObject *cqlpy_raise(cqlpy_state *state, cqlpy_exception kind, cql_status code, const char *format, ...);
/* The exception that is set, as an object; none is set afterwards. */
PyObject *cqlpy_take_exception(void);

/* --- wait.c: waiting for a cluster without the GIL ---------------------------------------------------------------- */

/* Around a call that may wait: as Py_BEGIN_ALLOW_THREADS and Py_END_ALLOW_THREADS, and Ctrl-C works in between. end
 * returns st, or CQL_INTERRUPTED when a signal's handler has raised an exception, which is set then. */
void cqlpy_wait_begin(void);
cql_status cqlpy_wait_end(cql_status st);
bool cqlpy_interrupted(void); /* for cql_set_interrupt_check() */
/* Within such a call, around Python code that it calls back: takes the GIL, and gives it up again. */
void cqlpy_wait_pause(void);
void cqlpy_wait_resume(void);
/* A flag that ends this thread's waits too, until the next one is watched; NULL: none. Returns the one before. */
const atomic_bool *cqlpy_wait_watch(const atomic_bool *flag);

/* --- plan.c: how the rows of a result are read -------------------------------------------------------------------- */

typedef struct cqlpy_plan cqlpy_plan;

/* Counted, under the GIL. The columns are copied. NULL with an exception. */
cqlpy_plan *cqlpy_plan_of_result(cqlpy_state *state, const cql_result *result);
cqlpy_plan *cqlpy_plan_retain(cqlpy_plan *plan);
void cqlpy_plan_release(cqlpy_plan *plan); /* NULL is fine */
bool cqlpy_plan_fits(const cqlpy_plan *plan, const cql_result *result);
uint32_t cqlpy_plan_column_count(const cqlpy_plan *plan);
bool cqlpy_plan_is_conditional(const cqlpy_plan *plan); /* the first column is [applied] */
/* The rows that are left of the page as a list of tuples. */
PyObject *cqlpy_plan_rows(cqlpy_plan *plan, cql_result *page, cql_value *cells);
/* New references: a row of cells as a tuple, a dict, a tuple of CQL literals; the columns; their names, interned. */
PyObject *cqlpy_plan_row(cqlpy_plan *plan, const cql_value *cells);
PyObject *cqlpy_plan_dict(cqlpy_plan *plan, const cql_value *cells);
PyObject *cqlpy_plan_literals(cqlpy_plan *plan, const cql_value *cells);
PyObject *cqlpy_plan_columns(cqlpy_plan *plan);
PyObject *cqlpy_plan_names(cqlpy_plan *plan);
/* A Column of column. */
PyObject *cqlpy_column(cqlpy_state *state, const cql_column *column);
PyObject *cqlpy_type_text(const cql_type *type);

/* --- statement.c: a prepared handle and what Python needs beside it ----------------------------------------------- */

/* Shared by the session's cache, Prepared objects and results. It holds no reference to the Session object, so that the
 * cache makes no cycle. */
typedef struct StatementObject {
  PyObject_HEAD cqlpy_state *state;
  cql_prepared *handle;
  cqlpy_plan *plan;     /* of the last result; NULL before the first */
  PyObject *bind_names; /* tuple of interned str */
} StatementObject;

extern PyType_Spec cqlpy_statement_spec;
/* Takes handle. */
StatementObject *cqlpy_statement_new(cqlpy_state *state, cql_prepared *handle);

/* --- session.c ---------------------------------------------------------------------------------------------------- */

typedef struct SessionObject {
  PyObject_HEAD cqlpy_state *state;
  cql_session *handle; /* NULL once it is closed */
  PyObject *url;
  PyObject *cache;    /* dict: text or (keyspace, text) -> Statement; see cqlpy_session_statement() */
  Py_ssize_t callers; /* threads inside the engine; the last one out closes a session that was asked to close */
  bool closed;
  bool is_cluster;
  PyObject *weakrefs;
} SessionObject;

extern PyType_Spec cqlpy_session_spec;
PyObject *cqlpy_connect(PyObject *module, PyObject *url);
/* Around every use of handle. enter: -1 with InterfaceError when the session is closed. */
int cqlpy_session_enter(SessionObject *s);
void cqlpy_session_leave(SessionObject *s);
/* The statement of a text, prepared or from the cache; renew asks the session again, after a schema change. keyspace
 * may be NULL. The session must be entered. New reference. */
StatementObject *cqlpy_session_statement(SessionObject *s, PyObject *text, PyObject *keyspace, bool renew);
/* The same from the cache alone; NULL without an exception: it is not there. */
StatementObject *cqlpy_session_known(SessionObject *s, PyObject *text, PyObject *keyspace);
/* At the interpreter's end: closes the sessions over clusters that nobody is inside of. */
PyObject *cqlpy_at_exit(PyObject *module, PyObject *unused);
PyObject *cqlpy_exact_text(PyObject *text, const char *what); /* a str that is no subclass; new reference; TypeError */

/* --- prepared.c --------------------------------------------------------------------------------------------------- */

typedef struct PreparedObject {
  PyObject_HEAD cqlpy_state *state;
  SessionObject *session;
  StatementObject *statement; /* replaced when the schema has changed its markers */
  PyObject *text;
  PyObject *keyspace; /* str or NULL */
  PyObject *weakrefs;
} PreparedObject;

extern PyType_Spec cqlpy_prepared_spec;
PyObject *cqlpy_session_prepare(SessionObject *s, PyObject *const *args, Py_ssize_t nargs, PyObject *names);

/* --- arguments.c -------------------------------------------------------------------------------------------------- */

#define CQLPY_BIT(keyword) (1u << CQLPY_KW_##keyword)
/* What every way to execute takes. */
#define CQLPY_SHARED_BITS                                                                                              \
  (CQLPY_BIT(keyspace) | CQLPY_BIT(consistency) | CQLPY_BIT(serial_consistency) | CQLPY_BIT(timestamp) |               \
   CQLPY_BIT(timeout) | CQLPY_BIT(idempotent))

/* Up to count positional arguments into out, by the keywords in places. TypeError. */
int cqlpy_positional(const char *function, PyObject *const *args, Py_ssize_t nargs, const cqlpy_keyword *places,
                     Py_ssize_t count, PyObject *out[CQLPY_KEYWORD_COUNT]);
/* Keyword arguments by cqlpy_keyword, borrowed, into out, which holds the positional ones already. NULL: not given, or
 * given as None (page_size alone tells the two apart). TypeError for a name outside allowed (a bit per keyword). */
int cqlpy_keywords(cqlpy_state *state, const char *function, uint32_t allowed, PyObject *const *values, PyObject *names,
                   PyObject *out[CQLPY_KEYWORD_COUNT]);
int cqlpy_consistency(PyObject *value, bool serial, uint16_t *out); /* NULL value: *out stays */
PyObject *cqlpy_consistency_name(uint16_t level);                   /* a str, or None */
int cqlpy_timeout(PyObject *value, uint32_t *out);
int cqlpy_idempotence(PyObject *value, uint8_t *out);
int cqlpy_batch_type(PyObject *value, cql_batch_type *out);

/* --- request.c: a request that owns its bytes --------------------------------------------------------------------- */

/* What is sent, kept as long as more pages may be asked for. Filled by the one who executes; cqlpy_request_clear()
 * frees. */
typedef struct cqlpy_request {
  StatementObject *statement; /* or NULL: text */
  PyObject *text;             /* str whose UTF-8 c.text borrows */
  PyObject *keyspace;         /* str whose UTF-8 c.keyspace borrows, or NULL */
  PyObject *paging_state;     /* bytes that c.paging_state borrows, or NULL */
  cql_buf bytes;              /* the values, one after the other */
  cql_value *values;
  uint32_t value_room;
  cql_request c;
} cqlpy_request;

void cqlpy_request_init(cqlpy_request *q);
void cqlpy_request_clear(cqlpy_request *q);
/* Options that all ways to execute share. */
int cqlpy_request_options(cqlpy_state *state, cqlpy_request *q, PyObject *const keywords[CQLPY_KEYWORD_COUNT]);
int cqlpy_request_set_text(cqlpy_request *q, PyObject *text);
/* Takes a new reference on statement; encodes params (NULL: none) for its markers. May be called again. */
int cqlpy_request_bind(cqlpy_state *state, cqlpy_request *q, StatementObject *statement, PyObject *params);

/* --- execute.c ---------------------------------------------------------------------------------------------------- */

PyObject *cqlpy_session_execute(SessionObject *s, PyObject *const *args, Py_ssize_t nargs, PyObject *names);
PyObject *cqlpy_session_execute_batch(SessionObject *s, PyObject *const *args, Py_ssize_t nargs, PyObject *names);
PyObject *cqlpy_session_execute_chain(SessionObject *s, PyObject *const *args, Py_ssize_t nargs, PyObject *names);
PyObject *cqlpy_session_execute_many(SessionObject *s, PyObject *const *args, Py_ssize_t nargs, PyObject *names);
/* Makes q ready to run query (a str or a Prepared) with params (NULL: none): a text alone goes as it is, all else as a
 * prepared statement. The session must be entered, here and below. */
int cqlpy_bind(SessionObject *s, cqlpy_request *q, PyObject *query, PyObject *params);
/* The same without waiting for the cluster. 1: that cannot be, the statement must be prepared first, or anew. */
int cqlpy_bind_known(SessionObject *s, cqlpy_request *q, PyObject *query, PyObject *params);
/* Binds, runs, and does so again when the schema has changed the markers. New reference to a Result. */
PyObject *cqlpy_execute(SessionObject *s, cqlpy_request *q, PyObject *query, PyObject *params);
/* The arguments of execute() and execute_batch(), under the names of their sisters too. */
int cqlpy_execute_arguments(cqlpy_state *state, const char *function, PyObject *const *args, Py_ssize_t nargs,
                            PyObject *names, PyObject *keywords[CQLPY_KEYWORD_COUNT]);
int cqlpy_batch_arguments(cqlpy_state *state, const char *function, PyObject *const *args, Py_ssize_t nargs,
                          PyObject *names, PyObject *keywords[CQLPY_KEYWORD_COUNT]);

/* Statements that run together; zeroed before init, cleared also when that failed. */
typedef struct cqlpy_batch {
  cql_batch_type type;
  Py_ssize_t count;
  PyObject *items; /* tuple of (query, params) */
  cqlpy_request *requests;
  cql_request *c;
} cqlpy_batch;

/* noun: "batch" or "chain". */
int cqlpy_batch_init(cqlpy_batch *b, cqlpy_state *state, const char *noun,
                     PyObject *const keywords[CQLPY_KEYWORD_COUNT]);
int cqlpy_batch_bind_known(SessionObject *s, cqlpy_batch *b); /* as cqlpy_bind_known() */
void cqlpy_batch_clear(cqlpy_batch *b);

/* Runs q with the GIL released. */
cql_status cqlpy_run(SessionObject *s, const cqlpy_request *q, cql_result **out, cql_error *err);

/* --- maintenance.c ------------------------------------------------------------------------------------------------ */

int cqlpy_add_report_types(PyObject *module, cqlpy_state *state);
PyObject *cqlpy_session_compact(SessionObject *s, PyObject *args, PyObject *names);
PyObject *cqlpy_session_check(SessionObject *s, PyObject *args, PyObject *names);

/* --- nodes.c ------------------------------------------------------------------------------------------------------ */

int cqlpy_add_node_type(PyObject *module, cqlpy_state *state);
PyObject *cqlpy_session_nodes(SessionObject *s);

/* --- relational.c ------------------------------------------------------------------------------------------------- */

extern PyType_Spec cqlpy_relational_spec, cqlpy_relational_rows_spec;
int cqlpy_add_counts_type(PyObject *module, cqlpy_state *state);
PyObject *cqlpy_session_relational(SessionObject *s, PyObject *keyspace);

/* --- result.c ----------------------------------------------------------------------------------------------------- */

extern PyType_Spec cqlpy_result_spec, cqlpy_rows_spec;
/* Takes page, and what q owns when more pages may follow; q is left empty in any case. */
PyObject *cqlpy_result_new(SessionObject *s, cqlpy_request *q, cql_result *page);

/* --- call.c: requests of event loops ------------------------------------------------------------------------------ */

/* Coroutines of execute() and execute_batch() on a cluster. */
PyObject *cqlpy_call_execute(SessionObject *s, PyObject *const *args, Py_ssize_t nargs, PyObject *names);
PyObject *cqlpy_call_execute_batch(SessionObject *s, PyObject *const *args, Py_ssize_t nargs, PyObject *names);
/* Sends a request for the running loop; returns a coroutine of the rest, or None: not without waiting. */
PyObject *cqlpy_session_submit(SessionObject *s, PyObject *const *args, Py_ssize_t nargs, PyObject *names);

/* --- async.c ------------------------------------------------------------------------------------------------------ */

/* Calls the function of that name in libcql.asynchronous with self before the arguments: a coroutine. */
PyObject *cqlpy_forward(cqlpy_state *state, PyObject *self, const char *function, PyObject *const *args,
                        Py_ssize_t nargs, PyObject *names);

#endif
