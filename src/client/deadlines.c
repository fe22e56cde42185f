/* deadlines.c: a binary heap of moments; what waits is part of whoever waits for it. */
#include "client/map.h"

enum { ROOM_MIN = 64 };

void cqli_deadlines_init(cqli_deadlines *d, const cql_alloc *alloc) {
  *d = (cqli_deadlines){.alloc = alloc};
}

void cqli_deadlines_free(cqli_deadlines *d) {
  for (uint32_t i = 0; i < d->count; i++) d->heap[i]->place = 0;
  cql_alloc_free(d->alloc, d->heap, d->room * sizeof(cqli_deadline *));
  cqli_deadlines_init(d, d->alloc);
}

static void set(cqli_deadlines *d, uint32_t i, cqli_deadline *entry) {
  d->heap[i] = entry;
  entry->place = i + 1;
}

/* Puts entry where it belongs, on the way from i to the first. */
static void rise(cqli_deadlines *d, uint32_t i, cqli_deadline *entry) {
  for (; i > 0 && d->heap[(i - 1) / 2]->at_ms > entry->at_ms; i = (i - 1) / 2) set(d, i, d->heap[(i - 1) / 2]);
  set(d, i, entry);
}

/* The same on the way to the last. */
static void sink(cqli_deadlines *d, uint32_t i, cqli_deadline *entry) {
  for (;;) {
    uint64_t child = 2 * (uint64_t)i + 1;
    if (child >= d->count) break;
    if (child + 1 < d->count && d->heap[child + 1]->at_ms < d->heap[child]->at_ms) child++;
    if (d->heap[child]->at_ms >= entry->at_ms) break;
    set(d, i, d->heap[child]);
    i = (uint32_t)child;
  }
  set(d, i, entry);
}

static cql_status grow(cqli_deadlines *d) {
  if (d->room > UINT32_MAX / 2 / sizeof(cqli_deadline *)) return CQL_NOMEM;
  uint32_t room = d->room == 0 ? ROOM_MIN : 2 * d->room;
  size_t old_size = d->room * sizeof(cqli_deadline *), new_size = room * sizeof(cqli_deadline *);
  cqli_deadline **heap = d->alloc->resize(d->alloc->user, d->heap, old_size, new_size);
  if (heap == NULL) return CQL_NOMEM;
  d->heap = heap;
  d->room = room;
  return CQL_OK;
}

static cql_status make_room(cqli_deadlines *d) {
  return d->count + d->absent < d->room ? CQL_OK : grow(d);
}

cql_status cqli_deadlines_put(cqli_deadlines *d, cqli_deadline *entry) {
  cqli_deadlines_remove(d, entry);
  if (!entry->is_sure && make_room(d) != CQL_OK) return CQL_NOMEM;
  d->absent -= entry->is_sure;
  rise(d, d->count++, entry);
  return CQL_OK;
}

void cqli_deadlines_remove(cqli_deadlines *d, cqli_deadline *entry) {
  if (entry->place == 0) return;
  uint32_t i = entry->place - 1;
  cqli_deadline *last = d->heap[--d->count];
  entry->place = 0;
  d->absent += entry->is_sure;
  if (last == entry) return;
  if (i > 0 && d->heap[(i - 1) / 2]->at_ms > last->at_ms)
    rise(d, i, last);
  else
    sink(d, i, last);
}

cql_status cqli_deadlines_assure(cqli_deadlines *d, cqli_deadline *entry) {
  if (make_room(d) != CQL_OK) return CQL_NOMEM;
  entry->is_sure = true;
  d->absent++;
  return CQL_OK;
}

void cqli_deadlines_let_go(cqli_deadlines *d, cqli_deadline *entry) {
  cqli_deadlines_remove(d, entry);
  d->absent -= entry->is_sure;
  entry->is_sure = false;
}

cqli_deadline *cqli_deadlines_first(const cqli_deadlines *d) {
  return d->count == 0 ? NULL : d->heap[0];
}
