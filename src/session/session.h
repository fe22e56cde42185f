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
  CQL_SESSION_BUSY_TIMEOUT_MAX_MS = 3600000,
};

#endif
