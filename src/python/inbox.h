/* inbox.h: where a cluster's answers wait until a thread that holds the GIL takes them.
 *
 * An answer arrives on the client's thread, which takes no GIL, calls nothing of Python and touches nothing of a
 * PyObject but the answer in it. It puts the answer into the inbox it was sent for, and wakes whoever looks there: once
 * for as many answers as lie there by then.
 *
 *   an event loop   watches a descriptor, which becomes readable when the thread has no more answers   loop.c
 *   a thread        waits until so many have arrived                                               many.c, prefetch.c
 */
#ifndef CQLPY_INBOX_H
#define CQLPY_INBOX_H

#include "python/module.h"

typedef struct cqlpy_inbox cqlpy_inbox;
typedef struct cqlpy_answer cqlpy_answer;

/* One request in flight, then its answer. Who needs more has this in a struct of its own. */
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
/* From now on answers are freed when they arrive: they are first in one PyMem_RawCalloc(), and hold no PyObject. */
void cqlpy_inbox_abandon(cqlpy_inbox *b);

/* The cql_done of a submitted request whose user is an answer with its inbox set. */
void cqlpy_inbox_deliver(void *answer, cql_outcome *o);
/* The function of cql_set_rest_hook(). */
void cqlpy_inboxes_ring(void);
/* Becomes readable once more for what was taken and not used up. */
void cqlpy_inbox_ring(cqlpy_inbox *b);
/* All answers that lie there, oldest first. */
cqlpy_answer *cqlpy_inbox_take(cqlpy_inbox *b);
/* The same, once there are count of them: gives up the GIL. NULL with an exception: a signal handler raised it. */
cqlpy_answer *cqlpy_inbox_wait(cqlpy_inbox *b, uint32_t count);
/* Without waiting: are there count? Otherwise a, with its inbox set, is put there once there are: *later is true then.
 * One such wish at a time. */
void cqlpy_inbox_notify(cqlpy_inbox *b, uint32_t count, cqlpy_answer *a, bool *later);

/* Raises what an answer says; returns NULL. */
PyObject *cqlpy_raise_answer(cqlpy_state *state, const cqlpy_answer *a);
/* Frees a result that nobody took, and the error. */
void cqlpy_answer_clear(cqlpy_answer *a);
/* The same, and the answer itself: first in one PyMem_RawCalloc(). */
void cqlpy_answer_free(cqlpy_answer *a);

#endif
