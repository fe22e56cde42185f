/* fake_client.h: a client.h without a network, for tests of what stands above it. Its cluster is the embedded engine in
 * memory, one per client; its loop is a thread that answers submitted calls, in order, after a delay.
 */
#ifndef FAKE_CLIENT_H
#define FAKE_CLIENT_H

#include "client/client.h"

/* What the fake was told last, and what it is to do. Read and write it while no call is running. */
typedef struct fake_client {
  char host[CQL_HOST_LEN];
  uint16_t port;
  bool lz4;
  cql_call_config call; /* its pointers are not to be followed */
  char text[256];       /* of its first item; "" for a statement */
  char keyspace[CQL_NAME_LEN];
  unsigned prepared, executed, submitted, opened, closed; /* how often; closed: calls answered at close */
  /* to do */
  cql_status fail_next; /* the next call fails so, with one attempt at 127.0.0.1:1; CQL_OK: it does not */
  unsigned delay_us;    /* before a submitted call is answered; from the environment: FAKE_CLIENT_DELAY_US */
  _Atomic bool hold;    /* submitted calls are not answered before close; may change while they wait */
  bool refuse;          /* calls are not submitted: CQL_QUEUE_FULL */
} fake_client;

extern fake_client fake;

#endif
