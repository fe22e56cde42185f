/* test_turns.c: which of the threads is woken next, where only one of them runs at a time. */
#include "cluster.h"

#include "client/client_int.h"

#include <stdlib.h>

enum { GROUPS = 4 };

typedef struct scene {
  cqli_core core; /* as much of it as timers need */
  cqli_group groups[GROUPS];
} scene;

static int setup(void **state) {
  scene *s = *state = calloc(1, sizeof *s);
  s->core.alloc = &cql_alloc_libc;
  cqli_deadlines_init(&s->core.deadlines, &cql_alloc_libc);
  uv_loop_init(&s->core.loop);
  uv_timer_init(&s->core.loop, &s->core.timer);
  s->core.timer.data = &s->core;
  for (int i = 0; i < GROUPS; i++) cqli_group_init(&s->groups[i], 1);
  cqli_turns_forget();
  return 0;
}

static int teardown(void **state) {
  scene *s = *state;
  uv_close((uv_handle_t *)&s->core.timer, NULL);
  uv_run(&s->core.loop, UV_RUN_DEFAULT);
  uv_loop_close(&s->core.loop);
  cqli_deadlines_free(&s->core.deadlines);
  free(s);
  return 0;
}

static void answer_all(scene *s) {
  for (int i = 0; i < GROUPS; i++) cqli_group_count(&s->core, &s->groups[i]);
}

static int called(scene *s, int i) {
  int n;
  sem_getvalue(&s->groups[i].called, &n);
  return n;
}

/* Which of them may go on: "10.." is the first one, while those of the two last ones are not answered. */
static void assert_called(scene *s, const char *expected) {
  char seen[GROUPS + 1] = "";
  for (int i = 0; i < GROUPS; i++) seen[i] = expected[i] == '.' ? '.' : (char)('0' + called(s, i));
  assert_string_equal(seen, expected);
}

/* The threads of the groups one after the other: this one plays them all. */
static void run_thread(scene *s, int i) {
  cqli_turn_begin(&s->groups[i]);
  cql_client_end_turn();
}

static void one_after_another(void **state) {
  scene *s = *state;
  answer_all(s);
  assert_called(s, "1000");
  run_thread(s, 0);
  assert_called(s, "1100");
  run_thread(s, 1);
  run_thread(s, 2);
  assert_called(s, "1111");
  run_thread(s, 3);
  cqli_group next;
  cqli_group_init(&next, 1);
  cqli_group_count(&s->core, &next); /* the line is empty */
  int n;
  sem_getvalue(&next.called, &n);
  assert_int_equal(n, 1);
}

static void a_turn_ends_once(void **state) {
  scene *s = *state;
  answer_all(s);
  run_thread(s, 0);
  cql_client_end_turn();
  cql_client_end_turn();
  assert_called(s, "1100");
}

/* The first one has its turn and does something else. */
static void nobody_waits_for_long(void **state) {
  scene *s = *state;
  answer_all(s);
  uv_run(&s->core.loop, UV_RUN_ONCE);
  assert_called(s, "1111");
  run_thread(s, 0); /* it has lost its turn */
  cqli_group next;
  cqli_group_init(&next, 1);
  cqli_group_count(&s->core, &next);
  int n;
  sem_getvalue(&next.called, &n);
  assert_int_equal(n, 1);
}

static void a_line_that_moves_is_left_alone(void **state) {
  scene *s = *state;
  answer_all(s);
  run_thread(s, 0);
  uv_run(&s->core.loop, UV_RUN_ONCE); /* another one has the turn than a millisecond ago */
  assert_called(s, "1100");
  uv_run(&s->core.loop, UV_RUN_ONCE);
  assert_called(s, "1111");
}

static void one_leaves_the_line(void **state) {
  scene *s = *state;
  answer_all(s);
  assert_true(cqli_turn_leave(&s->groups[3]));
  assert_true(cqli_turn_leave(&s->groups[1]));
  assert_false(cqli_turn_leave(&s->groups[1]));
  assert_false(cqli_turn_leave(&s->groups[0])); /* it was called */
  run_thread(s, 0);
  assert_called(s, "1010");
  run_thread(s, 2);
  assert_called(s, "1010");
}

static void in_a_child_nobody_has_a_turn(void **state) {
  scene *s = *state;
  answer_all(s);
  cqli_turns_forget();
  cqli_group mine;
  cqli_group_init(&mine, 1);
  assert_false(cqli_turn_wait(&s->core, &mine));
  cqli_turn_begin(&mine);
  cql_client_end_turn();
  assert_called(s, "1000");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(one_after_another, setup, teardown),
      cmocka_unit_test_setup_teardown(a_turn_ends_once, setup, teardown),
      cmocka_unit_test_setup_teardown(nobody_waits_for_long, setup, teardown),
      cmocka_unit_test_setup_teardown(a_line_that_moves_is_left_alone, setup, teardown),
      cmocka_unit_test_setup_teardown(one_leaves_the_line, setup, teardown),
      cmocka_unit_test_setup_teardown(in_a_child_nobody_has_a_turn, setup, teardown),
  };
  cqli_turns_init();
  cql_client_take_turns();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
