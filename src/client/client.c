#include "client/client_int.h"

/* --- opening ------------------------------------------------------------------------------------------------------ */

static void destroy(cql_client *c) {
  const cql_alloc *alloc = c->alloc;
  cql_lock_free(&c->lock);
  cqli_settings_free(&c->settings);
  cql_alloc_free(alloc, c, sizeof *c);
}

static cql_status run(cqli_core *core, cql_error *err) {
  cql_lock_take(&core->lock);
  cql_status st = cqli_core_run(core, err);
  cql_lock_drop(&core->lock);
  return st;
}

static void close_core(cqli_core *core, uint32_t drain_ms) {
  cql_lock_take(&core->lock);
  atomic_store(&core->state, CQLI_CLOSING);
  core->drain_ms = drain_ms;
  pthread_cond_broadcast(&core->changed);
  cql_status st = cqli_core_run(core, NULL); /* the connections are closed on the loop */
  core->is_woken = false;
  cqli_core_wake(core);
  cql_lock_drop(&core->lock);
  if (st != CQL_OK) return; /* no thread can be had: the process ends, and takes what is left */
  pthread_join(core->thread, NULL);
  atomic_store(&core->is_running, false);
  cqli_core_dispose(core);
}

cql_status cql_client_open(cql_client **out, const cql_client_config *config, cql_error *err) {
  *out = NULL;
  const cql_alloc *alloc = config->alloc != NULL ? config->alloc : &cql_alloc_libc;
  cql_client *c = cql_alloc_new(alloc, sizeof *c);
  if (c == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  c->alloc = alloc;
  cql_status st = cqli_settings_copy(&c->settings, config, err);
  if (st != CQL_OK) {
    cql_alloc_free(alloc, c, sizeof *c);
    return st;
  }
  cql_lock_init(&c->lock, CQL_LOCK_CLIENT);
  cqli_core *core = NULL;
  st = cqli_core_new(&core, c, err);
  if (st != CQL_OK) {
    destroy(c);
    return st;
  }
  atomic_store(&c->core, core);
  atomic_store(&c->generation, cqli_forks());
  cqli_clients_add(c);
  st = run(core, err);
  if (st == CQL_OK) st = cqli_core_await(core, err);
  if (st == CQL_OK)
    *out = c;
  else
    cql_client_close(c, 0);
  return st;
}

const char *cql_client_keyspace(const cql_client *c) {
  const char *name = c->settings.config.keyspace;
  return name == NULL ? "" : name;
}

void cql_client_close(cql_client *c, uint32_t drain_ms) {
  if (c == NULL) return;
  cqli_core *core = atomic_load(&c->core);
  cqli_clients_hold(); /* a fork would stop the thread that closes, and join it as we do */
  cqli_clients_remove(c);
  if (atomic_load(&c->generation) == cqli_forks())
    close_core(core, drain_ms);
  else
    cqli_core_forget(core);
  cqli_clients_let_go();
  destroy(c);
}

/* --- in a forked child -------------------------------------------------------------------------------------------- */

/* The new core is made before the lock is taken: looking up names takes its time, and a fork would have to wait. */
static cql_status renew(cql_client *c, cql_error *err) {
  cqli_core *core = NULL;
  cql_status st = cqli_core_new(&core, c, err);
  if (st != CQL_OK) return st;
  cql_lock_take(&c->lock);
  bool is_first = atomic_load(&c->generation) != cqli_forks();
  if (is_first) {
    cqli_core_forget(atomic_load(&c->core));
    atomic_store(&c->core, core);
    atomic_store(&c->generation, cqli_forks());
  }
  cql_lock_drop(&c->lock);
  if (is_first) return run(core, err);
  cqli_core_dispose(core); /* another thread was faster */
  return CQL_OK;
}

/* A child that could not connect tries again at its next call. */
static cql_status reopen(cqli_core *core, cql_error *err) {
  cql_status st = CQL_OK;
  cql_lock_take(&core->lock);
  if (atomic_load(&core->state) == CQLI_FAILED) {
    atomic_store(&core->state, CQLI_OPENING);
    core->wants_open = true;
    st = cqli_core_run(core, err);
    cqli_core_wake(core);
  }
  cql_lock_drop(&core->lock);
  return st == CQL_OK ? cqli_core_await(core, err) : st;
}

/* A fork has stopped the thread. Requests on direct connections do without it, and so need not fail; but somebody has
 * to hear of events and look after the connections. */
static void go_on(cqli_core *core) {
  cql_lock_take(&core->lock);
  (void)cqli_core_run(core, NULL);
  cql_lock_drop(&core->lock);
}

cql_status cqli_client_enter(cql_client *c, cqli_core **out, cql_error *err) {
  cql_status st = CQL_OK;
  if (atomic_load(&c->generation) != cqli_forks()) st = renew(c, err);
  cqli_core *core = *out = atomic_load(&c->core);
  if (st != CQL_OK) return st;
  if (atomic_load(&core->state) != CQLI_OPEN) return reopen(core, err);
  if (!atomic_load(&core->is_running)) go_on(core);
  return CQL_OK;
}

bool cql_client_is_interrupted(void) {
  bool (*check)(void) = cqli_interrupt_check();
  return check != NULL && check();
}

/* --- what is known ------------------------------------------------------------------------------------------------ */

static cql_node_state state_of(const cqli_host *h) {
  if (h == NULL) return CQL_NODE_REMOTE;
  if (atomic_load(&h->open_count) == 0) return CQL_NODE_DOWN;
  return atomic_load(&h->is_silent) ? CQL_NODE_SILENT : CQL_NODE_UP;
}

cql_status cql_client_nodes(cql_client *c, void (*seen)(void *user, const cql_node_info *node), void *user,
                            cql_error *err) {
  cqli_core *core = NULL;
  cql_status st = cqli_client_enter(c, &core, err);
  if (st != CQL_OK) return st;
  cqli_view *v = cqli_view_get(core);
  for (uint32_t i = 0; v != NULL && i < v->count; i++) {
    const cqli_node *node = cqli_map_node(v->map, i);
    const cqli_host *h = v->hosts[i];
    char address[CQL_HOST_LEN];
    cqli_address_print(&node->address, address);
    const cql_node_info info = {.address = address,
                                .dc = node->dc,
                                .rack = node->rack,
                                .release = node->release,
                                .state = state_of(h),
                                .connections = h == NULL ? 0 : atomic_load(&h->open_count)};
    seen(user, &info);
  }
  cqli_view_put(core, v);
  return CQL_OK;
}
