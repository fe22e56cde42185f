/* prefetch.h: the next page of a result, asked for while this one is read. On a cluster. */
#ifndef CQLPY_PREFETCH_H
#define CQLPY_PREFETCH_H

#include "python/inbox.h"

/* Asks for the page; NULL without an exception: it could not be, and whoever needs the page asks and is told why. The
 * session must be entered. */
cqlpy_inbox *cqlpy_prefetch_start(SessionObject *s, const cql_request *q);
/* Waits for the page. -1 with an exception; then the prefetch is over too, but when a signal's handler raised. */
int cqlpy_prefetch_finish(SessionObject *s, cqlpy_inbox **b, cql_result **out);
/* Nobody wants the page any more; NULL is fine. */
void cqlpy_prefetch_drop(cqlpy_inbox *b);

#endif
