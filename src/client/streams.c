/* streams.c: the stream ids of a connection: which are free, and who waits for the answer of those that are not. */
#include "client/conn_int.h"

#include <string.h>

enum { FIRST_ROOM = 64 };

void cqli_streams_init(cqli_streams *s, const cql_alloc *alloc) {
  *s = (cqli_streams){.alloc = alloc, .first_free = -1};
}

void cqli_streams_free(cqli_streams *s) {
  cql_alloc_free(s->alloc, s->slots, s->room * sizeof *s->slots);
  s->slots = NULL;
  s->room = 0;
}

uint32_t cqli_streams_used(const cqli_streams *s) {
  return atomic_load_explicit(&s->used, memory_order_relaxed);
}

static void count(cqli_streams *s, uint32_t used) {
  atomic_store_explicit(&s->used, used, memory_order_relaxed);
}

static cql_status grow(cqli_streams *s) {
  uint32_t room = s->room == 0 ? FIRST_ROOM : s->room * 2;
  if (s->room >= CQL_STREAM_COUNT) return CQL_LIMIT;
  cqli_slot *slots = s->alloc->resize(s->alloc->user, s->slots, s->room * sizeof *slots, room * sizeof *slots);
  if (slots == NULL) return CQL_NOMEM;
  memset(slots + s->room, 0, (room - s->room) * sizeof *slots);
  for (uint32_t i = room; i > s->room; i--) { /* the lowest one is first */
    slots[i - 1].next_free = s->first_free;
    s->first_free = (int32_t)i - 1;
  }
  s->slots = slots;
  s->room = room;
  return CQL_OK;
}

cql_status cqli_streams_take(cqli_streams *s, cqli_answer *answer, void *user, uint64_t batch, int16_t *stream) {
  if (s->first_free < 0) {
    cql_status st = grow(s);
    if (st != CQL_OK) return st;
  }
  cqli_slot *slot = &s->slots[s->first_free];
  *stream = (int16_t)s->first_free;
  s->first_free = slot->next_free;
  *slot = (cqli_slot){.answer = answer, .user = user, .batch = batch, .is_used = true};
  count(s, cqli_streams_used(s) + 1);
  return CQL_OK;
}

static bool is_taken(const cqli_streams *s, int16_t stream) {
  return stream >= 0 && (uint32_t)stream < s->room && s->slots[stream].is_used;
}

bool cqli_streams_give(cqli_streams *s, int16_t stream, cqli_slot *was) {
  if (!is_taken(s, stream)) return false;
  cqli_slot *slot = &s->slots[stream];
  *was = *slot;
  *slot = (cqli_slot){.next_free = s->first_free};
  s->first_free = stream;
  count(s, cqli_streams_used(s) - 1);
  if (was->answer == NULL) s->orphans--;
  return true;
}

bool cqli_streams_orphan(cqli_streams *s, int16_t stream) {
  if (!is_taken(s, stream) || s->slots[stream].answer == NULL) return false;
  s->slots[stream].answer = NULL;
  s->orphans++;
  return true;
}
