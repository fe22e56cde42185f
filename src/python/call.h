/* call.h: a request of an event loop, as the one object that it needs: the coroutine that a program awaits, what its
 * task waits for, and the place of the answer.
 *
 *   call.c        what it does: it is sent, answered, handed to Python
 *   call_type.c   what the program has: send(), throw(), close(), and what a task asks of a future
 *   loop.c        the loop: whom it belongs to, answers that arrive, requests that go out together
 */
#ifndef CQLPY_CALL_H
#define CQLPY_CALL_H

#include "python/inbox.h"

/* What is kept of one event loop. It is found by the loop's address and does not keep the loop alive. */
typedef struct LoopObject {
  PyObject_HEAD cqlpy_state *state;
  PyObject *ref; /* weak */
  cqlpy_inbox *inbox;
  cqlpy_answer *arrived; /* taken out of the inbox, their calls not told yet */
  Py_ssize_t in_flight;
  bool is_giving;           /* tasks go on from inside of its callback: what they send goes out together */
  SessionObject *unflushed; /* has such requests; NULL: none */
  uint32_t unflushed_count;
  pid_t pid; /* a child's loop may have its parent's address */
} LoopObject;

typedef enum cqlpy_call_state {
  CQLPY_CALL_NEW,
  CQLPY_CALL_SENT,
  CQLPY_CALL_ANSWERED,
  CQLPY_CALL_CANCELLED,
  CQLPY_CALL_PASSED, /* a coroutine of libcql.asynchronous goes on with it */
  CQLPY_CALL_OVER
} cqlpy_call_state;

typedef struct CallObject CallObject;

/* What kinds of calls differ in. */
typedef struct cqlpy_call_kind {
  const char *name;
  const char *prepare, *anew; /* functions of libcql.asynchronous: when it cannot be sent at once; after Unprepared */
  int (*begin)(CallObject *c, PyObject *const *args, Py_ssize_t nargs, PyObject *names); /* as cqlpy_bind_known() */
} cqlpy_call_kind;

struct CallObject {
  PyObject_HEAD cqlpy_state *state;
  const cqlpy_call_kind *kind;
  SessionObject *session;   /* NULL: the answer itself is nothing, it has been waited for */
  PyObject *values, *names; /* of the arguments, as vectorcall has them; NULL once they are of no use */
  cqlpy_answer answer;      /* the client's while the call is sent, which has a reference then */
  cqlpy_request request;
  LoopObject *loop;
  PyObject *of;                 /* asyncio's loop */
  PyObject *callback, *context; /* of the task that waits */
  PyObject *passed_to;
  PyObject *cancel_message;
  cqlpy_call_state stage;
  bool is_blocking; /* asyncio's mark of what a task shall wait for */
};

extern PyType_Spec cqlpy_call_spec, cqlpy_loop_spec;

/* --- call.c ------------------------------------------------------------------------------------------------------- */

/* The coroutine's next step; value is not NULL. */
PySendResult cqlpy_call_step(CallObject *c, PyObject *value, PyObject **out);
/* Lets go of what is of no use any more. The request goes on, its answer is dropped. */
void cqlpy_call_finish(CallObject *c);
/* An answer has arrived: the task goes on, inside of this. -1 with an exception that ends the loop. */
int cqlpy_call_answered(CallObject *c);
/* A coroutine that ends once there is an answer in b; None: there is one. */
PyObject *cqlpy_await_inbox(cqlpy_state *state, cqlpy_inbox *b);

/* --- call_type.c -------------------------------------------------------------------------------------------------- */

PyObject *cqlpy_raise_cancelled(CallObject *c); /* returns NULL */

/* --- loop.c ------------------------------------------------------------------------------------------------------- */

/* Ties a call to the running loop: from then on it is in flight. */
int cqlpy_loop_enter(CallObject *c);
/* It is not, after all: it could not be sent. */
void cqlpy_loop_leave(CallObject *c);
/* Does a request that is sent now wait for others of its kind? */
bool cqlpy_loop_has_more(LoopObject *loop, SessionObject *s);

#endif
