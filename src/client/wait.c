/* wait.c: threads that wait for calls. */
#include "client/client_int.h"

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
  g->id = atomic_fetch_add(&last_group, 1) + 1;
  atomic_init(&g->left, count);
  g->next_cancel = NULL;
  sem_init(&g->called, 0, 0);
}

/* The waiting thread is gone, and the group with it, as soon as it has been called. */
void cqli_group_call(cqli_group *g) {
  sem_post(&g->called);
}

void cqli_group_count(cqli_core *core, cqli_group *g) {
  if (atomic_fetch_sub(&g->left, 1) == 1 && !cqli_turn_wait(core, g)) cqli_group_call(g);
}

/* By the wall clock: a jump of it makes one slice longer or shorter. */
static bool wait_a_slice(cqli_group *g) {
  const struct timespec until = cql_clock_after(CLOCK_REALTIME, SLICE_MS);
  return sem_timedwait(&g->called, &until) == 0;
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
  while (!wait_a_slice(g)) {
    if (atomic_load(&g->left) == 0) {
      if (cqli_turn_leave(g)) break;
    } else if (!is_cancelled && interrupted != NULL && interrupted()) {
      is_cancelled = true;
      cancel(core, g);
    }
  }
  cqli_turn_begin(g);
  if (is_cancelled) withdraw(core, g);
  sem_destroy(&g->called);
}
