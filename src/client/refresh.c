/* refresh.c: the nodes and keyspaces of the cluster, read through the control connection, and a map made of them. The
 * questions are asked together, and may be answered in any order; the last answer makes the map.
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
  cql_error err = {.status = CQL_NOMEM, .message = "out of memory"};
  cql_result *rows = NULL;
  cql_status st = read_rows(a.core, conn, e, &rows, &err);
  a.reply(a.core, a.user, rows, st == CQL_OK ? NULL : &err);
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
  if (st != CQL_OK) cql_alloc_free(core->alloc, a, sizeof *a);
  cql_buf_free(&envelope);
  return st;
}

/* --- the nodes ---------------------------------------------------------------------------------------------------- */

/* Another node is asked. */
static void give_up(cqli_core *core, cql_status status, const char *why) {
  cqli_conn_close(core->control.conn, status, why);
}

static bool ask_for(cqli_core *core, const char *query, cqli_reply *reply) {
  cql_status st = cqli_ask(core, core->control.conn, query, reply, NULL);
  if (st == CQL_OK)
    core->control.unanswered++;
  else
    give_up(core, st, "out of memory");
  return st == CQL_OK;
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

static cql_status make_map(cqli_core *core, cqli_map **out, cql_error *err) {
  cqli_control *k = &core->control;
  cqli_node *nodes = cql_arena_array(&k->arena, k->peer_count + 1, sizeof *nodes);
  if (nodes == NULL) return CQL_NOMEM;
  nodes[0] = k->local;
  for (uint32_t i = 0; i < k->peer_count; i++) nodes[i + 1] = k->peers[i];
  return cqli_map_new(out, core->alloc, nodes, k->peer_count + 1, k->keyspaces, err);
}

void cqli_refresh_drop(cqli_core *core) {
  cqli_control *k = &core->control;
  cqli_timer_stop(core, &k->patience);
  cql_result_free(k->keyspaces);
  k->keyspaces = NULL;
  k->is_reading = k->is_limited = false;
  k->unanswered = 0;
}

static void fail_limited(cqli_core *core) {
  cqli_control *k = &core->control;
  cql_error err;
  cql_attempt a = {.stage = CQL_STAGE_REQUEST, .status = CQL_OVERLOADED};
  a.elapsed_ms = (uint32_t)((cql_clock_monotonic_us() - k->limited_since_us) / 1000);
  cqli_copy_text(a.host, cqli_conn_host(k->conn), sizeof a.host);
  snprintf(a.reason, sizeof a.reason,
           "Rate limit reached: the database has refused for %u ms to say which nodes there are", a.elapsed_ms);
  cqli_fail_attempts(&err, CQL_OVERLOADED, &a, 1);
  cqli_core_fail(core, &err);
}

/* Refused over the database's rate: what is known holds on. A client that knows nothing yet waits for as long as it may
 * take to connect. */
static void read_later(cqli_core *core) {
  cqli_control *k = &core->control;
  int64_t now = cql_clock_monotonic_us();
  cqli_refresh_drop(core);
  if (k->limited_count == 0) k->limited_since_us = now;
  bool is_over = now - k->limited_since_us >= (int64_t)core->settings->config.connect_timeout_ms * 1000;
  uint32_t delay = cqli_backoff_ms(CQLI_REFRESH_MS / 10, CQLI_REFRESH_MS, k->limited_count, cqli_random(core));
  if (is_over && core->view == NULL) {
    k->limited_count = 0;
    fail_limited(core);
    return;
  }
  if (k->limited_count < UINT32_MAX) k->limited_count++;
  cqli_control_refresh(core, delay);
}

static void finish(cqli_core *core) {
  cqli_control *k = &core->control;
  if (k->is_limited) {
    read_later(core);
    return;
  }
  k->limited_count = 0;
  cqli_map *map = NULL;
  cql_error err = {.message = "out of memory"};
  cql_status st = make_map(core, &map, &err);
  cqli_refresh_drop(core);
  if (st == CQL_OK && core->local_dc[0] == '\0') cqli_copy_text(core->local_dc, k->local.dc, sizeof core->local_dc);
  if (st == CQL_OK && atomic_load(&core->state) == CQLI_OPENING && !has_local_dc(core, map, &err)) {
    cqli_map_release(map);
    cqli_core_fail(core, &err);
    return;
  }
  if (st == CQL_OK) st = cqli_view_publish(core, map);
  if (st != CQL_OK) {
    cqli_map_release(map);
    give_up(core, CQL_CONNECTION, err.message);
    return;
  }
  cqli_control_begin_round(core); /* the next search begins with these nodes */
  if (k->read_again)
    cqli_refresh_read(core);
  else if (k->may_lag)
    cqli_control_refresh(core, CQLI_REFRESH_MS);
  k->may_lag = false;
  cqli_core_opened(core);
  cqli_calls_unqueue(core);
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

/* The connection has ended; its owner hears of that next, and begins anew. */
static bool is_lost(const cql_result *rows, const cql_error *err) {
  return rows == NULL && err == NULL;
}

static void count_answer(cqli_core *core) {
  if (--core->control.unanswered == 0) finish(core);
}

static bool is_put_off(cqli_core *core, const cql_error *err) {
  if (err == NULL || !cqli_is_rate_limit(err)) return false;
  core->control.is_limited = true;
  count_answer(core);
  return true;
}

/* What an answer has been read to. */
static void judge(cqli_core *core, cql_status st, const cql_error *err) {
  if (st == CQL_OK)
    count_answer(core);
  else
    give_up(core, CQL_CONNECTION, err->message);
}

static void on_keyspaces(cqli_core *core, void *user, cql_result *rows, const cql_error *err) {
  (void)user;
  if (is_lost(rows, err) || is_put_off(core, err)) return;
  core->control.keyspaces = rows; /* a role may not be allowed to read them: then requests go round, and still arrive */
  count_answer(core);
}

/* Before Cassandra 4.0, in Scylla, and, in words of its own, in DSE 6.0. Another error says nothing of the table. */
static bool is_without_peers_v2(const cql_error *err) {
  return err->status == CQL_INVALID || (err->status == CQL_SERVER && strstr(err->message, "peers_v2") != NULL);
}

static void on_peers(cqli_core *core, void *user, cql_result *rows, const cql_error *err) {
  (void)user;
  cqli_control *k = &core->control;
  if (is_lost(rows, err) || is_put_off(core, err)) return;
  if (rows == NULL && !k->has_no_peers_v2 && is_without_peers_v2(err)) {
    k->has_no_peers_v2 = true;
    if (ask_for(core, cqli_query_peers, on_peers)) {
      k->unanswered--; /* for this answer */
      cqli_conn_flush(k->conn);
    }
    return;
  }
  cql_error own = {.message = ""};
  cql_status st =
      rows == NULL ? CQL_MALFORMED : cqli_nodes_read_peers(&k->arena, rows, &k->self, &k->peers, &k->peer_count, &own);
  judge(core, st, rows == NULL ? err : &own);
  cql_result_free(rows);
}

static void on_local(cqli_core *core, void *user, cql_result *rows, const cql_error *err) {
  (void)user;
  cqli_control *k = &core->control;
  if (is_lost(rows, err) || is_put_off(core, err)) return;
  cql_error own = {.message = ""};
  cql_status st = rows == NULL ? CQL_MALFORMED : cqli_nodes_read_local(&k->arena, rows, &k->self, &k->local, &own);
  judge(core, st, rows == NULL ? err : &own);
  cql_result_free(rows);
}

/* --- questions ---------------------------------------------------------------------------------------------------- */

static void on_patience(cqli_core *core, cqli_timer *t) {
  (void)t;
  char words[CQL_REASON_LEN];
  snprintf(words, sizeof words, "the node did not say within %u ms which nodes there are",
           core->settings->config.connect_timeout_ms);
  give_up(core, CQL_TIMEOUT, words);
}

void cqli_refresh_init(cqli_core *core) {
  core->control.patience.fire = on_patience;
}

void cqli_refresh_read(cqli_core *core) {
  cqli_control *k = &core->control;
  if (!k->is_open) return; /* it is read when the connection opens */
  k->read_again = k->is_reading;
  if (k->is_reading) return;
  k->is_reading = true;
  k->peer_count = 0;
  cql_arena_reset(&k->arena);
  (void)cqli_timer_start(core, &k->patience, core->settings->config.connect_timeout_ms); /* assured */
  if (ask_for(core, cqli_query_local, on_local) &&
      ask_for(core, k->has_no_peers_v2 ? cqli_query_peers : cqli_query_peers_v2, on_peers) &&
      ask_for(core, cqli_query_keyspaces, on_keyspaces))
    cqli_conn_flush(k->conn);
}
