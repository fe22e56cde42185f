#include "client/client_int.h"

static void on_timer(uv_timer_t *t) {
  cqli_timers_fire(t->data);
}

/* Early is fine: whatever is not due yet is set again. */
static void arm(cqli_core *core) {
  cqli_deadline *first = cqli_deadlines_first(&core->deadlines);
  if (first == NULL || core->is_closing) return;
  uint64_t now = uv_now(&core->loop);
  uv_timer_start(&core->timer, on_timer, first->at_ms > now ? first->at_ms - now : 0, 0);
}

cql_status cqli_timer_start(cqli_core *core, cqli_timer *t, uint64_t delay_ms) {
  cqli_deadlines_remove(&core->deadlines, &t->deadline);
  t->deadline.at_ms = uv_now(&core->loop) + delay_ms;
  cql_status st = cqli_deadlines_put(&core->deadlines, &t->deadline);
  if (st == CQL_OK && cqli_deadlines_first(&core->deadlines) == &t->deadline) arm(core);
  return st;
}

cql_status cqli_timer_assure(cqli_core *core, cqli_timer *t) {
  return cqli_deadlines_assure(&core->deadlines, &t->deadline);
}

void cqli_timer_let_go(cqli_core *core, cqli_timer *t) {
  cqli_deadlines_let_go(&core->deadlines, &t->deadline);
}

void cqli_timer_stop(cqli_core *core, cqli_timer *t) {
  cqli_deadlines_remove(&core->deadlines, &t->deadline);
}

void cqli_timers_fire(cqli_core *core) {
  cqli_deadline *first;
  uint64_t now = uv_now(&core->loop);
  while ((first = cqli_deadlines_first(&core->deadlines)) != NULL && first->at_ms <= now) {
    cqli_deadlines_remove(&core->deadlines, first);
    cqli_timer *t = (cqli_timer *)first;
    t->fire(core, t);
  }
  arm(core);
}
