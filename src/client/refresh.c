/* refresh.c: the nodes and keyspaces of the cluster, read through the control connection, one after the other, and a
 * map made of them.
 */
#include "client/client_int.h"

#include <stdio.h>
#include <string.h>

/* --- a question of our own ---------------------------------------------------------------------------------------- */

typedef struct ask {
  cqli_core *core;
  cqli_reply *reply;
  void *user;
} ask;

/* Takes body. */
static cql_status rows_of(cqli_core *core, const cql_envelope *e, cql_buf *body, cql_result **rows, cql_error *err) {
  cql_response r;
  cql_arena_reset(&core->scratch);
  cql_status st = cql_response_decode(&r, &core->scratch, e, err);
  if (st != CQL_OK) return st;
  if (r.opcode == CQL_OP_ERROR) return cql_server_error_tell(&r.error, err);
  if (r.opcode != CQL_OP_RESULT || r.kind != CQL_RESULT_ROWS)
    return cql_fail(err, CQL_MALFORMED, "The node gives no rows where it should");
  return cql_response_result(&r, body, NULL, 0, core->alloc, rows, err);
}

static cql_status read_rows(cqli_core *core, cqli_conn *conn, cql_envelope *e, cql_result **rows, cql_error *err) {
  cql_buf body;
  cql_buf_init(&body, core->alloc, CQL_BODY_LEN_MAX);
  cql_status st = cqli_conn_take(conn, e, &body);
  if (st == CQL_OK) st = rows_of(core, e, &body, rows, err);
  cql_buf_free(&body);
  return st;
}

static void answered(void *user, cqli_conn *conn, cql_envelope *e, const cql_attempt *why, bool may_have_run) {
  ask a = *(ask *)user;
  (void)why;
  (void)may_have_run;
  cql_alloc_free(a.core->alloc, user, sizeof(ask));
  if (e == NULL) {
    a.reply(a.core, a.user, NULL, NULL);
    return;
  }
  cql_error err = {.message = "out of memory"};
  cql_result *rows = NULL;
  cql_status st = read_rows(a.core, conn, e, &rows, &err);
  a.reply(a.core, a.user, rows, st == CQL_OK ? NULL : err.message);
  cql_result_free(rows);
}

cql_status cqli_ask(cqli_core *core, cqli_conn *conn, const char *query, cqli_reply *reply, void *user) {
  const cql_parameters p = {.consistency = CQL_ONE, .timestamp = CQL_TIMESTAMP_NONE};
  cql_buf envelope;
  cql_buf_init(&envelope, core->alloc, CQL_BODY_LEN_MAX);
  ask *a = cql_alloc_new(core->alloc, sizeof *a);
  cql_status st =
      a == NULL ? CQL_NOMEM : cql_put_query(&envelope, cqli_conn_version(conn), cql_slice_str(query), &p, NULL);
  if (st == CQL_OK) st = envelope.st;
  if (st == CQL_OK) {
    int16_t stream;
    *a = (ask){core, reply, user};
    st = cqli_conn_send(conn, cql_buf_view(&envelope), answered, a, &stream);
  }
  if (st == CQL_OK)
    cqli_conn_flush(conn);
  else
    cql_alloc_free(core->alloc, a, sizeof *a);
  cql_buf_free(&envelope);
  return st;
}

/* --- the nodes ---------------------------------------------------------------------------------------------------- */

static void give_up(cqli_core *core, const char *why) {
  cqli_control *k = &core->control;
  k->is_reading = false;
  cqli_conn_close(k->conn, CQL_CONNECTION, why); /* another node is asked */
}

static void ask_or_close(cqli_core *core, const char *query, cqli_reply *reply) {
  if (cqli_ask(core, core->control.conn, query, reply, NULL) != CQL_OK) give_up(core, "out of memory");
}

/* A datacenter that is written wrong would be a cluster without nodes, for ever. */
static bool has_local_dc(cqli_core *core, const cqli_map *map, cql_error *err) {
  char names[CQL_REASON_LEN] = "";
  size_t len = 0;
  for (uint32_t i = 0; i < cqli_map_node_count(map); i++) {
    const char *dc = cqli_map_node(map, i)->dc;
    if (strcmp(dc, core->local_dc) == 0) return true;
    if (strstr(names, dc) != NULL || len + strlen(dc) + 3 > sizeof names) continue;
    len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", len > 0 ? ", " : "", dc);
  }
  cql_fail(err, CQL_NO_HOST, "No node of the cluster is in the datacenter '%s' (local_dc); there is %s", core->local_dc,
           names);
  return false;
}

static void finish(cqli_core *core, cql_result *keyspaces) {
  cqli_control *k = &core->control;
  cqli_map *map = NULL;
  cql_error err = {.message = "out of memory"};
  cqli_node *nodes = cql_arena_array(&k->arena, k->peer_count + 1, sizeof *nodes);
  cql_status st = nodes == NULL ? CQL_NOMEM : CQL_OK;
  if (st == CQL_OK) {
    nodes[0] = k->local;
    for (uint32_t i = 0; i < k->peer_count; i++) nodes[i + 1] = k->peers[i];
    st = cqli_map_new(&map, core->alloc, nodes, k->peer_count + 1, keyspaces, &err);
  }
  if (st == CQL_OK && core->local_dc[0] == '\0') cqli_copy_text(core->local_dc, k->local.dc, sizeof core->local_dc);
  if (st == CQL_OK && atomic_load(&core->state) == CQLI_OPENING && !has_local_dc(core, map, &err)) {
    cqli_map_release(map);
    k->is_reading = false;
    cqli_core_fail(core, &err);
    return;
  }
  if (st == CQL_OK) st = cqli_view_publish(core, map);
  if (st != CQL_OK) {
    cqli_map_release(map);
    give_up(core, err.message);
    return;
  }
  k->is_reading = false;
  if (k->read_again) cqli_refresh_read(core);
  cqli_core_opened(core);
  cqli_calls_unqueue(core);
}

/* The connection has ended; its owner hears of that next, and begins anew. */
static bool is_lost(const cql_result *rows, const char *why) {
  return rows == NULL && why == NULL;
}

static void on_keyspaces(cqli_core *core, void *user, cql_result *rows, const char *why) {
  (void)user;
  if (is_lost(rows, why)) return;
  /* A role may not be allowed to read them: then requests go round, and still arrive. */
  finish(core, rows);
}

static void on_peers(cqli_core *core, void *user, cql_result *rows, const char *why) {
  (void)user;
  cqli_control *k = &core->control;
  if (is_lost(rows, why)) return;
  if (rows == NULL && !k->has_no_peers_v2) { /* before Cassandra 4.0, and Scylla */
    k->has_no_peers_v2 = true;
    ask_or_close(core, cqli_query_peers, on_peers);
    return;
  }
  cql_error err = {.message = ""};
  cql_status st = rows == NULL ? CQL_MALFORMED : CQL_OK;
  if (st == CQL_OK) st = cqli_nodes_read_peers(&k->arena, rows, k->self.port, &k->peers, &k->peer_count, &err);
  if (st != CQL_OK)
    give_up(core, rows == NULL ? why : err.message);
  else
    ask_or_close(core, cqli_query_keyspaces, on_keyspaces);
}

static void on_local(cqli_core *core, void *user, cql_result *rows, const char *why) {
  (void)user;
  cqli_control *k = &core->control;
  if (is_lost(rows, why)) return;
  cql_error err = {.message = ""};
  cql_status st = rows == NULL ? CQL_MALFORMED : cqli_nodes_read_local(&k->arena, rows, &k->self, &k->local, &err);
  if (st != CQL_OK)
    give_up(core, rows == NULL ? why : err.message);
  else
    ask_or_close(core, k->has_no_peers_v2 ? cqli_query_peers : cqli_query_peers_v2, on_peers);
}

void cqli_refresh_read(cqli_core *core) {
  cqli_control *k = &core->control;
  if (!k->is_open) return; /* it is read when the connection opens */
  k->read_again = k->is_reading;
  if (k->is_reading) return;
  k->is_reading = true;
  k->peer_count = 0;
  cql_arena_reset(&k->arena);
  ask_or_close(core, cqli_query_local, on_local);
}
