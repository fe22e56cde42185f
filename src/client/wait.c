/* wait.c: threads that wait for calls. */
#include "client/client_int.h"

#include <time.h>

enum { SLICE_MS = 100 }; /* between two looks at the interrupt check */

static _Atomic(uint64_t) last_group;
static bool (*_Atomic interrupt_check)(void);

void cql_client_set_interrupt_check(bool (*interrupted)(void)) {
  atomic_store(&interrupt_check, interrupted);
}

bool (*cqli_interrupt_check(void))(void) {
  return atomic_load(&interrupt_check);
}

void cqli_group_init(cqli_group *g, uint32_t count) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  g->id = atomic_fetch_add(&last_group, 1) + 1;
  g->left = count;
  g->next_cancel = NULL;
  pthread_mutex_init(&g->mutex, NULL);
  pthread_cond_init(&g->cond, &attributes);
  pthread_condattr_destroy(&attributes);
}

void cqli_group_count(cqli_group *g) {
  pthread_mutex_lock(&g->mutex);
  if (--g->left == 0) pthread_cond_signal(&g->cond);
  pthread_mutex_unlock(&g->mutex);
}

static void wait_a_slice(cqli_group *g) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += SLICE_MS * 1000000L;
  until.tv_sec += until.tv_nsec / 1000000000L;
  until.tv_nsec %= 1000000000L;
  pthread_cond_timedwait(&g->cond, &g->mutex, &until);
}

static void cancel(cqli_core *core, cqli_group *g) {
  cql_lock_take(&core->lock);
  g->next_cancel = core->cancels;
  core->cancels = g;
  cqli_core_wake(core);
  cql_lock_drop(&core->lock);
}

/* The loop may not have come to it before the last call ended by itself. */
static void withdraw(cqli_core *core, cqli_group *g) {
  cql_lock_take(&core->lock);
  for (cqli_group **at = &core->cancels; *at != NULL; at = &(*at)->next_cancel) {
    if (*at != g) continue;
    *at = g->next_cancel;
    break;
  }
  cql_lock_drop(&core->lock);
}

void cqli_group_wait(cqli_core *core, cqli_group *g) {
  bool (*interrupted)(void) = atomic_load(&interrupt_check);
  bool is_cancelled = false;
  pthread_mutex_lock(&g->mutex);
  while (g->left > 0) {
    if (interrupted == NULL || is_cancelled) {
      pthread_cond_wait(&g->cond, &g->mutex);
      continue;
    }
    wait_a_slice(g);
    if (g->left == 0) break;
    pthread_mutex_unlock(&g->mutex); /* the check may run the program's own code */
    is_cancelled = interrupted();
    if (is_cancelled) cancel(core, g);
    pthread_mutex_lock(&g->mutex);
  }
  pthread_mutex_unlock(&g->mutex);
  if (is_cancelled) withdraw(core, g);
  pthread_cond_destroy(&g->cond);
  pthread_mutex_destroy(&g->mutex);
}
