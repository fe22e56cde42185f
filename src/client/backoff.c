/* backoff.c: how long to wait before one connects again. */
#include "client/map.h"

uint32_t cqli_backoff_ms(uint32_t min_ms, uint32_t max_ms, uint32_t attempt, uint64_t random) {
  uint64_t ms = attempt < 32 ? (uint64_t)min_ms << attempt : max_ms;
  if (ms > max_ms) ms = max_ms;
  uint64_t half = ms / 2;
  /* Thousands of clients lose the same node at the same moment: each waits another time. */
  return (uint32_t)(half + random % (ms - half + 1));
}
