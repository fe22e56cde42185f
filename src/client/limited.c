/* limited.c: how fast a client sends to a database that refuses requests over a rate, as Astra DB does.
 *
 * One moment for the whole client, before which nothing is sent. Each request that goes puts it a gap further. A
 * refusal makes the gap wider and puts the moment off, by chance a little more or less, since other clients were
 * refused as well; refusals of what was already on its way then say nothing new. Time makes the gap narrower again,
 * until there is none. So a bulk load finds the rate that it is given, and a lone request waits for a moment only.
 */
#include "client/map.h"

enum {
  GAP_FIRST_US = 1000,
  GAP_MAX_US = 250 * 1000, /* a database that lets nothing through is asked so often */
  GAP_MIN_US = 100,        /* below, it is none */
  HALF_LIFE_US = 1000 * 1000,
  EASE_US = 50 * 1000,
  PAUSE_US = 100 * 1000, /* behind a refusal */
  LAG_US = 20 * 1000     /* what the loop was late may be made up for, up to here */
};

/* From a half to one and a half of it. */
static uint64_t about(uint64_t us, uint64_t random) {
  return us / 2 + random % (us + 1);
}

static void ease(cqli_limited *l, uint64_t now_us) {
  uint64_t past = now_us > l->eased_us ? now_us - l->eased_us : 0;
  if (past < EASE_US) return; /* a part of the gap that small is none */
  l->eased_us = now_us;
  for (; past >= HALF_LIFE_US && l->gap_us >= GAP_MIN_US; past -= HALF_LIFE_US) l->gap_us /= 2;
  if (past < HALF_LIFE_US) l->gap_us -= l->gap_us * past / (2 * HALF_LIFE_US);
  if (l->gap_us < GAP_MIN_US) atomic_store(&l->is_on, false);
}

void cqli_limited_refused(cqli_limited *l, uint64_t sent_us, uint64_t now_us, uint64_t random) {
  bool is_first = !atomic_load(&l->is_on);
  if (!is_first && sent_us < l->widened_us) return;
  if (!is_first) ease(l, now_us);
  l->gap_us = is_first ? GAP_FIRST_US : l->gap_us + l->gap_us / 2;
  if (l->gap_us > GAP_MAX_US) l->gap_us = GAP_MAX_US;
  if (l->gap_us < GAP_FIRST_US) l->gap_us = GAP_FIRST_US;
  l->widened_us = l->eased_us = now_us;
  l->next_us = now_us + about(l->gap_us > PAUSE_US ? l->gap_us : PAUSE_US, random);
  atomic_store(&l->is_on, true);
}

uint32_t cqli_limited_wait_ms(cqli_limited *l, uint64_t now_us) {
  if (!cqli_limited_is_on(l)) return 0;
  return l->next_us <= now_us ? 0 : (uint32_t)((l->next_us - now_us + 999) / 1000);
}

void cqli_limited_sent(cqli_limited *l, uint64_t now_us, uint64_t random) {
  if (!cqli_limited_is_on(l)) return;
  ease(l, now_us);
  if (l->next_us + LAG_US < now_us) l->next_us = now_us - LAG_US;
  l->next_us += about(l->gap_us, random);
}
