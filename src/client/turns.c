/* turns.c: threads of an interpreter, of which only one runs at a time.
 *
 * Were all threads woken whose answers have come in one round, they would only wait again, for the interpreter's lock,
 * with two more switches for each. So the first one is woken, and wakes the next when it lets go of that lock to make
 * its next request. A thread that does something else meanwhile does not hold up the others: when a millisecond has
 * passed without another turn, all that wait are woken.
 */
#include "client/client_int.h"

enum { TURN_MS = 1 };

static struct {
  cql_lock lock;
  _Atomic(bool) is_on;
  uint64_t turn, last_turn; /* the one that somebody has now, 0: nobody; the last one that was given out */
  cqli_group *first, **last;
} turns;

/* The turn that this thread has; another number than that of now: it has lost it. */
static _Thread_local uint64_t mine;

void cqli_turns_init(void) {
  cql_lock_init(&turns.lock, CQL_LOCK_TURNS);
  turns.last = &turns.first;
}

/* No other thread waits in a child. */
void cqli_turns_forget(void) {
  turns.turn = 0;
  turns.first = NULL;
  turns.last = &turns.first;
}

void cql_client_take_turns(void) {
  atomic_store(&turns.is_on, true);
}

/* Locked. The next one in the line has the turn; NULL: nobody waits for it. */
static cqli_group *next(void) {
  cqli_group *g = turns.first;
  turns.turn = g == NULL ? 0 : ++turns.last_turn;
  if (g == NULL) return NULL;
  g->turn = turns.turn;
  turns.first = g->next_turn;
  if (turns.first == NULL) turns.last = &turns.first;
  return g;
}

static void on_time(cqli_core *core, cqli_timer *t) {
  (void)t;
  cql_lock_take(&turns.lock);
  bool is_stuck = turns.turn == core->seen_turn;
  cqli_group *g = is_stuck ? turns.first : NULL;
  if (is_stuck) cqli_turns_forget();
  bool has_line = turns.first != NULL;
  core->seen_turn = turns.turn;
  cql_lock_drop(&turns.lock);
  for (cqli_group *after; g != NULL; g = after) {
    after = g->next_turn;
    cqli_group_call(g);
  }
  if (has_line) (void)cqli_timer_start(core, &core->turn, TURN_MS);
}

/* Without a timer nobody would wake those who stand in the line. */
static bool watch(cqli_core *core) {
  if (core->turn.deadline.place != 0) return true;
  core->turn.fire = on_time;
  core->seen_turn = turns.turn;
  return cqli_timer_start(core, &core->turn, TURN_MS) == CQL_OK;
}

bool cqli_turn_wait(cqli_core *core, cqli_group *g) {
  g->turn = 0;
  if (!atomic_load_explicit(&turns.is_on, memory_order_relaxed)) return false;
  cql_lock_take(&turns.lock);
  bool waits = turns.turn != 0 && watch(core);
  if (waits) {
    g->next_turn = NULL;
    *turns.last = g;
    turns.last = &g->next_turn;
  } else if (turns.turn == 0) {
    g->turn = turns.turn = ++turns.last_turn;
  }
  cql_lock_drop(&turns.lock);
  return waits;
}

bool cqli_turn_leave(cqli_group *g) {
  cql_lock_take(&turns.lock);
  cqli_group **at = &turns.first;
  while (*at != NULL && *at != g) at = &(*at)->next_turn;
  bool found = *at == g;
  if (found) {
    *at = g->next_turn;
    if (*at == NULL) turns.last = at;
  }
  cql_lock_drop(&turns.lock);
  return found;
}

void cqli_turn_begin(const cqli_group *g) {
  mine = g->turn;
}

void cql_client_end_turn(void) {
  if (mine == 0) return;
  cql_lock_take(&turns.lock);
  cqli_group *g = turns.turn == mine ? next() : NULL;
  cql_lock_drop(&turns.lock);
  mine = 0;
  if (g != NULL) cqli_group_call(g);
}
