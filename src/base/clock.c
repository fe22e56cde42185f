/* clock.c: the two clocks, in microseconds, and when a wait ends. */
#include "base/base.h"

static int64_t now_us(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t cql_clock_now_us(void) {
  return now_us(CLOCK_REALTIME);
}

int64_t cql_clock_monotonic_us(void) {
  return now_us(CLOCK_MONOTONIC);
}

struct timespec cql_clock_after(clockid_t clock, uint32_t ms) {
  struct timespec t;
  clock_gettime(clock, &t);
  t.tv_nsec += (long)(ms % 1000) * 1000000L;
  t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000L;
  t.tv_nsec %= 1000000000L;
  return t;
}
