/* test_deadlines.c: the heap of moments, and how long one waits before one connects again. */
#include "cluster.h"

enum { ENTRIES = 300 };

static void assert_heap(const cqli_deadlines *d) {
  for (uint32_t i = 0; i < d->count; i++) {
    assert_int_equal(d->heap[i]->place, i + 1);
    if (i > 0) assert_true(d->heap[(i - 1) / 2]->at_ms <= d->heap[i]->at_ms);
  }
}

/* What is in the heap comes out in order, whatever was put, moved and removed before. */
static void test_order(void **state) {
  (void)state;
  rng r = {20260106};
  for (int round = 0; round < 30; round++) {
    cqli_deadline entries[ENTRIES] = {{.place = 0}};
    cqli_deadlines d;
    uint64_t last = 0;
    uint32_t in = 0;
    cqli_deadlines_init(&d, &cql_alloc_libc);
    for (int step = 0; step < 1000; step++) {
      cqli_deadline *e = &entries[rng_below(&r, ENTRIES)];
      if (rng_below(&r, 3) == 0) {
        cqli_deadlines_remove(&d, e);
        assert_int_equal(e->place, 0);
      } else {
        e->at_ms = rng_below(&r, 100);
        assert_int_equal(cqli_deadlines_put(&d, e), CQL_OK);
      }
      if (step % 10 == 0) assert_heap(&d);
    }
    for (uint32_t i = 0; i < ENTRIES; i++) in += entries[i].place > 0;
    assert_int_equal(d.count, in);
    for (cqli_deadline *e; (e = cqli_deadlines_first(&d)) != NULL; in--) {
      assert_true(e->at_ms >= last);
      last = e->at_ms;
      cqli_deadlines_remove(&d, e);
    }
    assert_int_equal(in, 0);
    cqli_deadlines_free(&d);
  }
}

static void test_far(void **state) {
  (void)state;
  cqli_deadline never = {.at_ms = UINT64_MAX}, now = {.at_ms = 0};
  cqli_deadlines d;
  cqli_deadlines_init(&d, &cql_alloc_libc);
  assert_null(cqli_deadlines_first(&d));
  cqli_deadlines_remove(&d, &now);
  assert_int_equal(cqli_deadlines_put(&d, &never), CQL_OK);
  assert_int_equal(cqli_deadlines_put(&d, &now), CQL_OK);
  assert_ptr_equal(cqli_deadlines_first(&d), &now);
  cqli_deadlines_free(&d);
  assert_int_equal(never.place, 0); /* forgotten, and may be put into another heap */
  assert_int_equal(now.place, 0);
  assert_null(cqli_deadlines_first(&d));
}

static void test_nomem(void **state) {
  (void)state;
  for (size_t nth = 0;; nth++) {
    faulty f = {.left = nth};
    cql_alloc alloc = faulty_alloc(&f);
    cqli_deadline entries[ENTRIES];
    cqli_deadlines d;
    uint32_t in = 0;
    cqli_deadlines_init(&d, &alloc);
    for (uint32_t i = 0; i < ENTRIES; i++) {
      entries[i] = (cqli_deadline){.at_ms = ENTRIES - i};
      cql_status st = cqli_deadlines_put(&d, &entries[i]);
      assert_int_equal(st == CQL_OK, entries[i].place > 0);
      assert_true(st == CQL_OK || st == CQL_NOMEM);
      in += st == CQL_OK;
    }
    assert_int_equal(d.count, in);
    assert_int_equal(in, f.fired ? ENTRIES - 1 : ENTRIES);
    assert_heap(&d);
    cqli_deadlines_free(&d);
    assert_int_equal(f.live_bytes, 0);
    if (!f.fired) break;
    assert_true(nth < 10);
  }
}

/* Others find the heap full; those that have a place of their own never do, however often they come and go. */
static void test_sure(void **state) {
  (void)state;
  rng r = {20260109};
  for (size_t nth = 0; nth < 4; nth++) {
    faulty f = {.left = nth};
    cql_alloc alloc = faulty_alloc(&f);
    cqli_deadline sure[8], entries[ENTRIES];
    cqli_deadlines d;
    uint32_t assured = 0;
    cqli_deadlines_init(&d, &alloc);
    for (uint32_t i = 0; i < 8; i++) {
      sure[i] = (cqli_deadline){.at_ms = i};
      assured += cqli_deadlines_assure(&d, &sure[i]) == CQL_OK;
      assert_int_equal(sure[i].is_sure, f.fired ? i > 0 : true);
    }
    assert_int_equal(assured, nth == 0 ? 7 : 8);
    for (uint32_t i = 0; i < ENTRIES; i++) entries[i] = (cqli_deadline){.at_ms = i};
    for (int step = 0; step < 3000; step++) {
      cqli_deadline *e = &entries[rng_below(&r, ENTRIES)], *s = &sure[1 + rng_below(&r, 7)];
      f.fired = false;
      f.left = 0; /* from now on there is no memory */
      s->at_ms = rng_below(&r, ENTRIES);
      if (rng_below(&r, 2) == 0)
        assert_int_equal(cqli_deadlines_put(&d, s), CQL_OK);
      else
        cqli_deadlines_remove(&d, s);
      (void)cqli_deadlines_put(&d, e);
      if (step % 100 == 0) assert_heap(&d);
      assert_true(d.count + d.absent <= d.room);
    }
    for (uint32_t i = 0; i < 8; i++) cqli_deadlines_let_go(&d, &sure[i]);
    assert_int_equal(d.absent, 0);
    f.fired = true; /* memory is back */
    cqli_deadlines_free(&d);
  }
}

static void test_backoff(void **state) {
  (void)state;
  rng r = {20260107};
  for (uint32_t attempt = 0; attempt < 100; attempt++) {
    uint64_t whole = attempt < 5 ? 200ULL << attempt : 5000;
    uint32_t least = UINT32_MAX, most = 0;
    for (int i = 0; i < 20000; i++) {
      uint32_t ms = cqli_backoff_ms(200, 5000, attempt, rng_next(&r));
      if (ms < least) least = ms;
      if (ms > most) most = ms;
    }
    assert_in_range(least, whole / 2, whole / 2 + 5);
    assert_in_range(most, whole - 5, whole);
  }
  assert_int_equal(cqli_backoff_ms(7, 7, 0, 4), 7);
  assert_int_equal(cqli_backoff_ms(0, 0, 3, 5), 0);
  assert_in_range(cqli_backoff_ms(UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT64_MAX), UINT32_MAX / 2, UINT32_MAX);
  assert_in_range(cqli_backoff_ms(UINT32_MAX, UINT32_MAX, 31, 0), UINT32_MAX / 2, UINT32_MAX / 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_order), cmocka_unit_test(test_far),     cmocka_unit_test(test_nomem),
      cmocka_unit_test(test_sure),  cmocka_unit_test(test_backoff),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
