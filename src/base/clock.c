/* clock.c: the two clocks, in microseconds. */
#include "base/base.h"

#include <time.h>

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
