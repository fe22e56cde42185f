/* test_limited.c: how fast a client sends against a database that lets so many requests through in a second: it comes
 * near that rate, is refused seldom, and forgets the limit when there is none any more. The clock is the test's.
 */
#include "cluster.h"

enum { STEP_US = 1000, SECOND_US = 1000 * 1000, TRAVEL_US = 3000, FLIGHT_MAX = 4096 };

/* So many requests in each second; what comes on top is refused. */
typedef struct database {
  uint32_t rate;
  uint64_t until_us;
  uint32_t left;
} database;

static bool admits(database *d, uint64_t now_us) {
  if (now_us >= d->until_us) {
    d->until_us = now_us + SECOND_US;
    d->left = d->rate;
  }
  if (d->left == 0) return false;
  d->left--;
  return true;
}

typedef struct load {
  cqli_limited limited;
  rng r;
  database db;
  uint64_t now_us;
  uint64_t sent_us[FLIGHT_MAX]; /* of requests that were refused, whose answers travel; a ring */
  uint32_t first, count;
  uint32_t passed, refused;
} load;

static void hear(load *l) {
  while (l->count > 0 && l->sent_us[l->first] + TRAVEL_US <= l->now_us) {
    cqli_limited_refused(&l->limited, l->sent_us[l->first], l->now_us, rng_next(&l->r));
    l->first = (l->first + 1) % FLIGHT_MAX;
    l->count--;
  }
}

static void send_one(load *l) {
  cqli_limited_sent(&l->limited, l->now_us, rng_next(&l->r));
  if (admits(&l->db, l->now_us)) {
    l->passed++;
    return;
  }
  l->refused++;
  l->sent_us[(l->first + l->count++) % FLIGHT_MAX] = l->now_us;
}

/* As many as may go, at most some in each step, as a program with so many at once sends them. */
static void run(load *l, uint32_t seconds, uint32_t at_once) {
  for (uint64_t end = l->now_us + (uint64_t)seconds * SECOND_US; l->now_us < end; l->now_us += STEP_US) {
    hear(l);
    for (uint32_t i = 0; i < at_once && cqli_limited_wait_ms(&l->limited, l->now_us) == 0; i++) send_one(l);
  }
}

static void comes_near_the_rate(void **state) {
  static const uint32_t RATES[] = {10, 50, 200, 1000, 4000};
  (void)state;
  for (size_t i = 0; i < sizeof RATES / sizeof *RATES; i++) {
    load l = {.r = {7}, .db = {.rate = RATES[i]}, .now_us = 10 * SECOND_US};
    run(&l, 5, 16);
    l.passed = l.refused = 0;
    run(&l, 30, 16);
    print_message("%u a second: %u passed in 30 s, %u refused\n", RATES[i], l.passed, l.refused);
    assert_true(l.passed > 30 * RATES[i] * 4 / 10);
    assert_true(l.refused < 30 * 60);
    assert_true(l.refused < l.passed);
  }
}

static void asks_seldom_where_nothing_passes(void **state) {
  (void)state;
  load l = {.r = {7}, .now_us = 10 * SECOND_US};
  run(&l, 5, 256);
  l.refused = 0;
  run(&l, 10, 256);
  assert_int_equal(l.passed, 0);
  assert_in_range(l.refused, 20, 100);
  l.db.rate = 1000 * 1000; /* and takes up speed when it does */
  run(&l, 6, 256);
  assert_true(l.passed > 100);
}

static void forgets_it(void **state) {
  (void)state;
  load l = {.r = {7}, .db = {.rate = 50}, .now_us = 10 * SECOND_US};
  assert_false(cqli_limited_is_on(&l.limited));
  run(&l, 5, 1);
  assert_true(cqli_limited_is_on(&l.limited));
  l.db.rate = 1000 * 1000;
  l.db.until_us = 0;
  run(&l, 15, 1);
  assert_false(cqli_limited_is_on(&l.limited));
  assert_int_equal(cqli_limited_wait_ms(&l.limited, l.now_us), 0);
}

/* Those that were on their way when the first was refused say nothing new. */
static void one_wave_counts_once(void **state) {
  (void)state;
  cqli_limited l = {.gap_us = 0};
  for (uint64_t i = 0; i < 300; i++) cqli_limited_refused(&l, SECOND_US + i, 2 * SECOND_US + i, 5);
  uint32_t wait_ms = cqli_limited_wait_ms(&l, 2 * SECOND_US + 300);
  assert_in_range(wait_ms, 40, 160);
  cqli_limited_refused(&l, 3 * SECOND_US, 3 * SECOND_US, 5); /* this one came later */
  assert_in_range(cqli_limited_wait_ms(&l, 3 * SECOND_US), 40, 160);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(comes_near_the_rate),
      cmocka_unit_test(asks_seldom_where_nothing_passes),
      cmocka_unit_test(forgets_it),
      cmocka_unit_test(one_wave_counts_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
