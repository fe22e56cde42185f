/* inbox.h: where a cluster's answers wait until a thread that holds the GIL takes them.
 *
 * An answer arrives on the client's thread, which takes no GIL, calls nothing of Python and touches no PyObject. It
 * puts the answer into the inbox it was sent for, and wakes whoever looks there: once for as many answers as lie there
 * by then.
 *
 *   an event loop   watches a descriptor, which becomes readable when the first answer arrives     loop.c
 *   a thread        waits until so many have arrived                                               many.c, prefetch.c
 */
#ifndef CQLPY_INBOX_H
#define CQLPY_INBOX_H

#include "python/module.h"

typedef struct cqlpy_inbox cqlpy_inbox;
typedef struct cqlpy_answer cqlpy_answer;

/* One request in flight, then its answer. Who needs more puts this first in a struct of its own, whose memory is one
 * PyMem_RawCalloc(). */
struct cqlpy_answer {
  cqlpy_answer *next;
  cqlpy_inbox *inbox; /* one reference, while in flight */
  cql_status status;
  cql_result *result; /* NULL unless status is CQL_OK */
  cql_error *error;   /* NULL: status alone tells, as after CQL_OK */
};

/* watched: with a descriptor. NULL with an exception. */
cqlpy_inbox *cqlpy_inbox_new(bool watched);
cqlpy_inbox *cqlpy_inbox_retain(cqlpy_inbox *b);
void cqlpy_inbox_release(cqlpy_inbox *b);
int cqlpy_inbox_fd(const cqlpy_inbox *b);
/* From now on answers are freed when they arrive: what goes with them must hold no PyObject. */
void cqlpy_inbox_abandon(cqlpy_inbox *b);

/* The cql_done of a submitted request whose user is an answer with its inbox set. */
void cqlpy_inbox_deliver(void *answer, cql_outcome *o);
/* Puts an answer in that is known already; takes it and its reference on the inbox. */
void cqlpy_inbox_put(cqlpy_answer *a);
/* All answers that lie there, oldest first. */
cqlpy_answer *cqlpy_inbox_take(cqlpy_inbox *b);
/* The same, once there are count of them: gives up the GIL. NULL with an exception: a signal handler raised it. */
cqlpy_answer *cqlpy_inbox_wait(cqlpy_inbox *b, uint32_t count);
/* Without waiting: are there count? Otherwise a, with its inbox set, is put there once there are: *later is true then.
 * One such wish at a time. */
void cqlpy_inbox_notify(cqlpy_inbox *b, uint32_t count, cqlpy_answer *a, bool *later);

/* Raises what an answer says; returns NULL. */
PyObject *cqlpy_raise_answer(cqlpy_state *state, const cqlpy_answer *a);
/* Frees the answer and a result that nobody took. */
void cqlpy_answer_free(cqlpy_answer *a);

/* loop.c: a future of the running loop that is done once there is an answer in b; None: there is one. */
PyObject *cqlpy_loop_await(cqlpy_state *state, cqlpy_inbox *b);

#endif
