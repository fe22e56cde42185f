/* cluster.c: a session over a cluster: the client sends each request and gets its answer. */
#include <stdio.h>

#include "session/session_int.h"

static cql_status open_cluster(cql_session *s, const cqli_url *url, cql_error *err) {
  s->consistency = url->consistency;
  s->serial_consistency = url->serial_consistency;
  cql_status st = cql_client_open(&s->client, &url->client, err);
  if (st == CQL_OK && s->keyspace[0] == '\0') /* a secure connect bundle may name one */
    snprintf(s->keyspace, sizeof s->keyspace, "%s", cql_client_keyspace(s->client));
  return st;
}

/* Connections go with the owner, not with the last handle: what is in flight is answered before this returns. */
static void leave_cluster(cql_session *s) {
  cql_client_close(s->client, CQL_SESSION_DRAIN_MS);
  s->client = NULL;
}

static void close_cluster(cql_session *s) {
  cql_client_close(s->client, 0); /* NULL: its owner has closed it */
}

static void flush(cql_session *s) {
  cql_client_flush(s->client);
}

static cql_status nodes(cql_session *s, void (*seen)(void *user, const cql_node_info *node), void *user,
                        cql_error *err) {
  return cql_client_nodes(s->client, seen, user, err);
}

const cqli_side cqli_cluster_side = {
    .open = open_cluster,
    .leave = leave_cluster,
    .close = close_cluster,
    .prepare = cqli_cluster_prepare,
    .refresh = cqli_cluster_refresh,
    .release = cqli_cluster_release,
    .execute = cqli_cluster_execute,
    .batch = cqli_cluster_batch,
    .execute_many = cqli_cluster_execute_many,
    .submit = cqli_cluster_submit,
    .submit_batch = cqli_cluster_submit_batch,
    .flush = flush,
    .nodes = nodes,
};
