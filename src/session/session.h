/* session.h: the one door to a database. Implements the session and prepared part of <cql/cql.h>; the rooms above
 * include this header and reach the values through it.
 */
#ifndef CQL_SESSION_H
#define CQL_SESSION_H

#include <cql/cql.h>

#include "value/value.h"

enum {
  CQL_SESSION_URL_LEN = 8192,           /* bytes of a session URL */
  CQL_SESSION_CACHE_COUNT = 1024,       /* prepared statements a session remembers; the least recently used one goes */
  CQL_SESSION_CACHE_TEXT_LEN = 1 << 16, /* a longer text is prepared for its caller alone */
  CQL_SESSION_REPLAN_COUNT = 100,       /* how often one call follows a schema that changes under it */
  CQL_SESSION_BATCH_COUNT = 65535,      /* statements of a batch: the protocol counts them in 16 bits */
  CQL_SESSION_BUSY_TIMEOUT_MS = 10000,  /* default of busy_timeout_ms */
  CQL_SESSION_TIMEOUT_MAX_MS = 3600000,
  CQL_SESSION_CONNECTIONS_MAX = 256, /* per node */
  CQL_SESSION_QUEUE_MAX = 1 << 20,
  CQL_SESSION_DRAIN_MS = 1000, /* how long closing waits for the answers to what is in flight */
};

/* Copies url as it may be shown: without its passwords. NUL-terminated, cut at cap; a result never is longer than the
 * url and 6 more bytes. */
void cql_session_url_show(const char *url, char *out, size_t cap);
/* The holder doubts what a statement of a cluster says of its markers, because values do not fit them: the next
 * cql_session_prepare() of its text asks a node. A statement of a file is checked at each prepare anyway. */
void cql_prepared_doubt(cql_prepared *prepared);
/* Is it a cluster? Then a call waits for the network, and cql_session_submit() does not. */
bool cql_session_is_cluster(const cql_session *session);
/* For a thread that waits for what it has submitted, ten times a second. CQL_INTERRUPTED: it shall give up, says the
 * function of cql_set_interrupt_check(); CQL_MISUSE: it is inside of a cql_done, and waits for itself. */
cql_status cql_session_wait_check(cql_error *err);

#endif
