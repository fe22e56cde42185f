/* core.c: the life of a core: everything that a client has in one process. A forked child makes itself a new one. */
#include "client/client_int.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

/* --- life --------------------------------------------------------------------------------------------------------- */

static void on_wake(uv_async_t *handle) {
  cqli_core_dispatch(handle->data);
}

static cql_status init_loop(cqli_core *core, cql_error *err) {
  int rc = uv_loop_init(&core->loop);
  if (rc != 0) return cql_fail(err, CQL_IO, "No event loop can be made: %s", uv_strerror(rc));
  core->loop.data = core;
  rc = uv_async_init(&core->loop, &core->wake, on_wake);
  if (rc != 0) {
    uv_loop_close(&core->loop);
    return cql_fail(err, CQL_IO, "No event loop can be made: %s", uv_strerror(rc));
  }
  uv_timer_init(&core->loop, &core->timer);
  uv_prepare_init(&core->loop, &core->before_poll);
  core->wake.data = core->timer.data = core->before_poll.data = core;
  return CQL_OK;
}

static cql_status init_timers(cqli_core *core, cql_error *err) {
  cql_status st = cqli_control_init(core);
  if (st == CQL_OK) st = cqli_heartbeats_init(core);
  if (st == CQL_OK) st = cqli_calls_init(core);
  return st == CQL_OK ? st : cql_fail(err, st, "Out of memory");
}

static void init_changed(cqli_core *core) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&core->changed, &attributes);
  pthread_condattr_destroy(&attributes);
}

cql_status cqli_core_new(cqli_core **out, cql_client *client, cql_error *err) {
  const cql_alloc *alloc = client->alloc;
  cqli_core *core = cql_alloc_new(alloc, sizeof *core);
  if (core == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  core->client = client;
  core->alloc = alloc;
  core->settings = &client->settings;
  core->incoming_end = &core->incoming;
  core->waiting_end = &core->waiting;
  cql_arena_init(&core->arena, alloc, CQL_ARENA_LIMIT_DEFAULT);
  cql_arena_init(&core->scratch, alloc, CQL_ARENA_LIMIT_DEFAULT);
  cqli_deadlines_init(&core->deadlines, alloc);
  cql_random_bytes((uint8_t *)&core->random, sizeof core->random);
  const cql_client_config *c = &core->settings->config;
  if (c->local_dc != NULL) cqli_copy_text(core->local_dc, c->local_dc, sizeof core->local_dc);
  atomic_store(&core->version, c->protocol);
  cqli_proxy_init(core);
  cql_status st = cqli_contacts_init(core, err);
  if (st == CQL_OK && c->tls.enabled) st = cqli_tls_new(&core->tls, &c->tls, err);
  if (st == CQL_OK) st = init_timers(core, err);
  if (st == CQL_OK) st = init_loop(core, err);
  if (st != CQL_OK) {
    cqli_tls_free(core->tls);
    cqli_deadlines_free(&core->deadlines);
    cql_arena_free(&core->arena);
    cql_alloc_free(alloc, core, sizeof *core);
    return st;
  }
  cql_lock_init(&core->lock, CQL_LOCK_CLIENT);
  init_changed(core);
  *out = core;
  return CQL_OK;
}

static void free_spare(cqli_core *core) {
  while (core->spare != NULL) {
    cqli_call *call = core->spare;
    core->spare = call->next;
    cql_buf_free(&call->envelope);
    cql_alloc_free(core->alloc, call, sizeof *call);
  }
}

static void close_handle(uv_handle_t *handle, void *unused) {
  (void)unused;
  if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

void cqli_core_dispose(cqli_core *core) {
  const cql_alloc *alloc = core->alloc;
  uv_walk(&core->loop, close_handle, NULL); /* of a loop that never ran */
  uv_run(&core->loop, UV_RUN_DEFAULT);
  uv_loop_close(&core->loop);
  cqli_view_put(core, core->view);
  free_spare(core);
  cqli_contacts_leave(core);
  cqli_proxy_free(core);
  cqli_control_free(core);
  cqli_tls_free(core->tls);
  cqli_deadlines_free(&core->deadlines);
  cql_arena_free(&core->scratch);
  cql_arena_free(&core->arena);
  pthread_cond_destroy(&core->changed);
  cql_lock_free(&core->lock);
  cql_alloc_free(alloc, core, sizeof *core);
}

/* The loop's descriptors are shared with the parent: they are closed here, and nothing is taken out of its epoll set.
 * What the core had in memory stays where it is: another thread may have been in the midst of changing it. */
void cqli_core_forget(cqli_core *core) {
  cqli_control_forget(core);
  cqli_proxy_forget(core);
  for (cqli_host *h = core->hosts; h != NULL; h = h->next) cqli_host_forget(h);
  for (cqli_link *l = core->direct; l != NULL; l = l->next_made) cqli_conn_forget(l->conn);
  if (core->loop.backend_fd >= 0) close(core->loop.backend_fd);
  if (core->loop.async_io_watcher.fd >= 0) close(core->loop.async_io_watcher.fd);
  for (int i = 0; i < 2; i++) /* every loop has it, whether it hears of signals or not */
    if (core->loop.signal_pipefd[i] >= 0) close(core->loop.signal_pipefd[i]);
}

/* --- the thread --------------------------------------------------------------------------------------------------- */

/* Signals are for the program's own threads. */
static int start_thread(cqli_core *core) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int rc = pthread_create(&core->thread, NULL, cqli_core_main, core);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return rc;
}

cql_status cqli_core_run(cqli_core *core, cql_error *err) {
  if (atomic_load(&core->is_running)) return CQL_OK;
  if (cqli_is_exiting()) return cql_fail(err, CQL_CLOSED, "The process is ending");
  if (core->must_stop) return CQL_OK; /* in_parent() starts it */
  int rc = start_thread(core);
  if (rc != 0) return cql_fail(err, CQL_NOMEM, "No thread can be started: %s", strerror(rc));
  atomic_store(&core->is_running, true);
  core->is_woken = false;
  cqli_core_wake(core); /* there may be work that came while no thread ran */
  return CQL_OK;
}

void cqli_core_wake(cqli_core *core) {
  if (core->is_woken) return;
  core->is_woken = true;
  uv_async_send(&core->wake);
}

void cqli_core_park(cqli_core *core) {
  cql_lock_take(&core->lock);
  bool running = atomic_load(&core->is_running);
  core->must_stop = true;
  core->is_woken = false;
  cqli_core_wake(core);
  cql_lock_drop(&core->lock);
  if (!running) return;
  pthread_join(core->thread, NULL);
  atomic_store(&core->is_running, false);
}

cql_status cqli_core_await(cqli_core *core, cql_error *err) {
  cql_status st = CQL_OK;
  cql_lock_take(&core->lock);
  while (atomic_load(&core->state) == CQLI_OPENING && st == CQL_OK) {
    const struct timespec until = cql_clock_after(CLOCK_MONOTONIC, 1000);
    st = cqli_core_run(core, err); /* a fork may have stopped it */
    if (st == CQL_OK) pthread_cond_timedwait(&core->changed, &core->lock.mutex, &until);
    cql_lock_drop(&core->lock);
    if (st == CQL_OK && cql_client_is_interrupted())
      st = cql_fail(err, CQL_INTERRUPTED, "Interrupted while connecting");
    cql_lock_take(&core->lock);
  }
  cqli_state state = atomic_load(&core->state);
  if (st == CQL_OK && state == CQLI_FAILED && err != NULL) *err = core->open_error;
  if (st == CQL_OK && state == CQLI_FAILED) st = core->open_error.status;
  if (st == CQL_OK && state == CQLI_CLOSING) st = cql_fail(err, CQL_CLOSED, "The session is closed");
  cql_lock_drop(&core->lock);
  return st;
}

uint64_t cqli_random(cqli_core *core) { /* splitmix64 */
  uint64_t z = core->random += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}
