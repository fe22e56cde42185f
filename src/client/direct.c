/* direct.c: connections that one waiting thread has for itself.
 *
 * A thread that waits for one answer gains nothing from the loop: handing the request over and the answer back costs
 * two switches of threads. So each host keeps some connections that the loop opens, detaches and puts aside; a thread
 * takes one, writes its request, reads its answer, and gives it back. What does not end that way (an error that asks
 * for another try, an answer that does not come) goes on with the loop.
 */
#include "client/client_int.h"

#include <string.h>

/* --- opening and closing: the loop's side ------------------------------------------------------------------------- */

static void rest(cqli_link *l) {
  l->next = l->host->resting;
  l->host->resting = l;
}

static void unlink_resting(cqli_link *l) {
  for (cqli_link **at = &l->host->resting; *at != NULL; at = &(*at)->next) {
    if (*at != l) continue;
    *at = l->next;
    return;
  }
}

/* Not at once: the connection's own code is still at work above us, and a thread may take what is idle. */
static void settle_later(cqli_link *l) {
  l->next_settling = l->host->core->settling;
  l->host->core->settling = l;
}

static void forget_settling(cqli_link *l) {
  for (cqli_link **at = &l->host->core->settling; *at != NULL; at = &(*at)->next_settling) {
    if (*at != l) continue;
    *at = l->next_settling;
    return;
  }
}

void cqli_direct_settle(cqli_core *core) {
  while (core->settling != NULL) {
    cqli_link *l = core->settling;
    core->settling = l->next_settling;
    if (cqli_conn_in_flight(l->conn) > 0) { /* the connection's own heartbeat: rather another connection */
      cqli_conn_retire(l->conn);
      continue;
    }
    unlink_resting(l);
    cqli_conn_detach(l->conn);
    cql_lock_take(&core->lock);
    l->next = l->host->idle;
    l->host->idle = l;
    cql_lock_drop(&core->lock);
  }
}

static void on_opened(void *owner, cqli_conn *conn) {
  cqli_link *l = owner;
  l->is_open = true;
  cqli_proxy_note(l->host->core, conn, NULL);
  if (l->host->is_removed || l->host->core->is_closing)
    cqli_conn_close(l->conn, CQL_CLOSED, "the session is closed");
  else
    settle_later(l);
}

static void remember(cqli_link *l) {
  cqli_core *core = l->host->core;
  l->next_made = core->direct;
  l->back = &core->direct;
  if (l->next_made != NULL) l->next_made->back = &l->next_made;
  core->direct = l;
}

static void forget(cqli_link *l) {
  *l->back = l->next_made;
  if (l->next_made != NULL) l->next_made->back = l->back;
}

static void destroy(cqli_link *l) {
  cqli_core *core = l->host->core;
  cql_arena_free(&l->arena);
  cql_buf_free(&l->envelope);
  cql_lock_take(&core->lock);
  l->host->direct_count--;
  cqli_host_release(l->host);
  cql_lock_drop(&core->lock);
  cql_alloc_free(core->alloc, l, sizeof *l);
}

static void on_closed(void *owner, cqli_conn *conn, const cql_attempt *why) {
  cqli_link *l = owner;
  cqli_proxy_note(l->host->core, conn, why);
  forget_settling(l);
  unlink_resting(l);
  forget(l);
  destroy(l);
}

void cqli_host_open_direct(cqli_host *h) {
  cqli_core *core = h->core;
  if (h->is_removed || core->is_closing || atomic_load(&h->open_count) == 0) return;
  cqli_link *l = cql_alloc_new(core->alloc, sizeof *l);
  if (l == NULL) return; /* threads go on with the loop */
  l->host = h;
  l->is_direct = true;
  cql_arena_init(&l->arena, core->alloc, CQL_ARENA_LIMIT_DEFAULT);
  cql_buf_init(&l->envelope, core->alloc, CQL_BODY_LEN_MAX);
  cql_lock_take(&core->lock);
  h->direct_count++;
  h->refs++;
  cql_lock_drop(&core->lock);
  const cqli_conn_watch watch = {l, on_opened, on_closed, NULL, NULL};
  cqli_conn_config config = cqli_conn_config_of(core, &h->address);
  if (cqli_conn_new(&l->conn, &core->loop, &config, &watch, NULL) != CQL_OK) {
    destroy(l);
    return;
  }
  remember(l);
  rest(l);
}

/* A link that came back with an answer outstanding, or broken: the loop waits for the end of it. It may be the last one
 * that holds its host. */
void cqli_direct_return(cqli_link *l) {
  cqli_host *h = l->host;
  cql_lock_take(&h->core->lock);
  h->refs++;
  cql_lock_drop(&h->core->lock);
  rest(l);
  cqli_conn_attach(l->conn);
  if (h->resting == l) cqli_conn_retire(l->conn); /* else it is closed, and l is gone */
  cqli_core *core = h->core;
  cql_lock_take(&core->lock);
  cqli_host_release(h);
  cql_lock_drop(&core->lock);
}

static cqli_link *take_idle(cqli_host *h, int64_t silent_since_us) {
  cql_lock_take(&h->core->lock);
  cqli_link **at = &h->idle;
  while (*at != NULL && cqli_conn_used_us((*at)->conn) > silent_since_us) at = &(*at)->next;
  cqli_link *l = *at;
  if (l != NULL) *at = l->next;
  cql_lock_drop(&h->core->lock);
  return l;
}

void cqli_direct_close_idle(cqli_host *h) {
  cqli_link *l;
  while ((l = take_idle(h, INT64_MAX)) != NULL) {
    rest(l);
    cqli_conn *conn = l->conn;
    cqli_conn_attach(conn);
    if (h->resting == l) cqli_conn_close(conn, CQL_CLOSED, "the connection is not needed any more");
  }
  cqli_link *next;
  for (l = h->resting; l != NULL; l = next) {
    next = l->next;
    cqli_conn_close(l->conn, CQL_CLOSED, "the connection is not needed any more");
  }
}

/* --- heartbeats --------------------------------------------------------------------------------------------------- */

static void on_heartbeat(void *user, cqli_conn *conn, cql_envelope *e, const cql_attempt *why, bool may_have_run) {
  cqli_link *l = user;
  (void)conn;
  (void)why;
  (void)may_have_run;
  if (e != NULL) settle_later(l); /* else on_closed() follows */
}

static void ask(cqli_link *l) {
  int16_t stream;
  cql_buf_reset(&l->envelope);
  cql_put_options(&l->envelope, cqli_conn_version(l->conn));
  cql_status st = l->envelope.st;
  if (st == CQL_OK) st = cqli_conn_send(l->conn, cql_buf_view(&l->envelope), on_heartbeat, l, &stream);
  if (st == CQL_OK)
    cqli_conn_flush(l->conn);
  else
    cqli_conn_close(l->conn, st, "out of memory");
}

void cqli_hosts_heartbeat(cqli_core *core) {
  int64_t since = cql_clock_monotonic_us() - (int64_t)core->settings->config.heartbeat_ms * 1000;
  for (cqli_host *h = core->hosts; h != NULL; h = h->next) {
    cqli_link *l;
    while ((l = take_idle(h, since)) != NULL) {
      rest(l);
      cqli_conn_attach(l->conn);
      if (h->resting == l) ask(l);
    }
  }
}

/* --- the other threads' side -------------------------------------------------------------------------------------- */

cqli_link *cqli_direct_take(cqli_core *core, cqli_host *h) {
  cql_lock_take(&core->lock);
  cqli_link *l = h->idle;
  if (l != NULL) {
    h->idle = l->next;
  } else if (!h->wants_direct && h->direct_count < (uint32_t)core->settings->config.direct_connections) {
    h->wants_direct = core->wants_direct = true;
    cqli_core_wake(core);
  }
  cql_lock_drop(&core->lock);
  return l;
}

void cqli_direct_give(cqli_core *core, cqli_link *l, bool is_sound) {
  cql_lock_take(&core->lock);
  if (is_sound && !l->host->is_removed) {
    l->next = l->host->idle;
    l->host->idle = l;
  } else {
    l->next = core->returned;
    core->returned = l;
    cqli_core_wake(core);
  }
  cql_lock_drop(&core->lock);
}

void cqli_host_doubt(cqli_core *core, cqli_host *h) {
  cql_lock_take(&core->lock);
  h->wants_doubt = core->wants_doubt = true;
  (void)cqli_core_run(core, NULL); /* a fork may have stopped it */
  cqli_core_wake(core);
  cql_lock_drop(&core->lock);
}
