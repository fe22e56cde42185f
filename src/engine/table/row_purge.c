/* row_purge.c: what of a row nobody needs any more. Cassandra: Row.purge(), AbstractCell.purge(),
 * DeletionTime.purge() in db/rows and db/DeletionPurger.java; its gcBefore is our gc_before.
 *
 * A stored row is merged and lies under no deletion, so what is taken out of it uncovers nothing that is stored: it
 * only lets in writes with an older timestamp that come later than the table's gc_grace_seconds.
 */
#include "engine/table/row.h"

static bool ends(const cqle_cell *c) {
  return c->tombstone || c->ttl > 0;
}

/* Up to when the cells of a column are gone by a drop; CQLE_NO_TIMESTAMP: none are. */
static int64_t dropped_until(const cqle_table *t, uint32_t column_id) {
  for (uint32_t i = 0; i < t->dropped_count; i++)
    if (t->dropped[i].id == column_id) return t->dropped[i].dropped_us;
  return cqle_table_column_by_id(t, column_id) == NULL ? INT64_MAX : CQLE_NO_TIMESTAMP;
}

static bool has_dropped_cells(const cqle_row *r, const cqle_table *t) {
  for (uint32_t i = 0; i < r->count && t->dropped_count > 0; i++) {
    const cqle_column_data *d = &r->columns[i];
    int64_t until = dropped_until(t, d->column_id);
    if (d->deletion.timestamp != CQLE_NO_TIMESTAMP && d->deletion.timestamp <= until) return true;
    for (uint32_t j = 0; j < d->count; j++)
      if (d->cells[j].timestamp <= until) return true;
  }
  return false;
}

static void lower(int64_t *least, int64_t v) {
  if (v < *least) *least = v;
}

int64_t cqle_row_first_end(const cqle_row *r, const cqle_table *t) {
  int64_t least = CQLE_NO_EXPIRY;
  if (has_dropped_cells(r, t)) return INT64_MIN;
  if (r->marker.timestamp != CQLE_NO_TIMESTAMP && r->marker.ttl > 0) lower(&least, r->marker.expires);
  if (r->deletion.timestamp != CQLE_NO_TIMESTAMP) lower(&least, r->deletion.at);
  for (uint32_t i = 0; i < r->count; i++) {
    const cqle_column_data *d = &r->columns[i];
    if (d->deletion.timestamp != CQLE_NO_TIMESTAMP) lower(&least, d->deletion.at);
    for (uint32_t j = 0; j < d->count; j++)
      if (ends(&d->cells[j])) lower(&least, d->cells[j].at);
  }
  return least;
}

static void purge_column(cqle_column_data *d, int64_t gc_before) {
  uint32_t n = 0;
  if (d->deletion.timestamp != CQLE_NO_TIMESTAMP && d->deletion.at < gc_before)
    d->deletion = (cqle_deletion){CQLE_NO_TIMESTAMP, CQLE_NO_EXPIRY};
  for (uint32_t i = 0; i < d->count; i++) {
    if (ends(&d->cells[i]) && d->cells[i].at < gc_before) continue;
    if (n < i) d->cells[n] = d->cells[i]; /* several cells: the merge made the array */
    n++;
  }
  d->count = n;
}

/* False: nothing of the column is left. */
static bool cut_column(cqle_column_data *d, int64_t until) {
  uint32_t n = 0;
  if (d->deletion.timestamp <= until) d->deletion = (cqle_deletion){CQLE_NO_TIMESTAMP, CQLE_NO_EXPIRY};
  for (uint32_t i = 0; i < d->count; i++) {
    if (d->cells[i].timestamp <= until) continue;
    if (n < i) d->cells[n] = d->cells[i];
    n++;
  }
  d->count = n;
  return n > 0 || d->deletion.timestamp != CQLE_NO_TIMESTAMP;
}

static void cut(cqle_row *r, const cqle_table *t, bool all_of_dropped) {
  uint32_t n = 0;
  if (t->dropped_count == 0) return;
  for (uint32_t i = 0; i < r->count; i++) {
    cqle_column_data d = r->columns[i];
    int64_t until = dropped_until(t, d.column_id);
    if (all_of_dropped && cqle_table_column_by_id(t, d.column_id) == NULL) continue;
    if (until == CQLE_NO_TIMESTAMP || cut_column(&d, until)) r->columns[n++] = d;
  }
  r->count = n;
}

void cqle_row_cut_dropped(cqle_row *r, const cqle_table *t) {
  cut(r, t, false);
}

void cqle_row_forget_dropped(cqle_row *r, const cqle_table *t) {
  cut(r, t, true);
}

void cqle_row_purge(cqle_row *r, const cqle_table *t, int64_t gc_before) {
  cqle_row_cut_dropped(r, t);
  if (r->marker.timestamp != CQLE_NO_TIMESTAMP && r->marker.ttl > 0 && r->marker.expires < gc_before)
    r->marker = (cqle_liveness){CQLE_NO_TIMESTAMP, 0, CQLE_NO_EXPIRY};
  if (r->deletion.timestamp != CQLE_NO_TIMESTAMP && r->deletion.at < gc_before)
    r->deletion = (cqle_deletion){CQLE_NO_TIMESTAMP, CQLE_NO_EXPIRY};
  for (uint32_t i = 0; i < r->count; i++) purge_column(&r->columns[i], gc_before);
}
