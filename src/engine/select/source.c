/* source.c: entries of the store in the order a query wants them: named partitions interval by interval, an index, or
 * all by token. */
#include "engine/select/select_int.h"

#include <string.h>

enum { INDEX_BATCH = 1024 };

/* Without an interval no partition is read, and then Cassandra does not look at the keys; except that it reads static
 * columns for an IN () on whole clusterings: those that are selected, or all of them when no regular one is. */
static cql_status settle_keys(cqle_source *s) {
  const cqle_where *w = s->p->where;
  bool names_rows = w->clustering_count == s->p->table->clustering_count && !w->clustering_has_slice;
  bool statics = s->p->static_count > 0 || (s->p->regular_count == 0 && s->p->table->static_count > 0);
  if (s->bounds_count == 0 && !(names_rows && statics)) s->partition_count = 0;
  for (uint32_t i = 0; i < s->partition_count; i++)
    if (s->partitions[i].bytes.len == 0) return cql_fail(s->x->err, CQL_INVALID, "Key may not be empty");
  s->settled = s->partition_count == 0;
  if (s->bounds_count == 0) s->partition_count = 0;
  return CQL_OK;
}

static cql_status open_keys(cqle_source *s, const cqle_place *from) {
  cql_status st = CQL_OK;
  CQL_TRY(cqle_where_partitions(s->x, s->p->where, &s->partitions, &s->partition_count));
  if (s->partition_count > 0) CQL_TRY(cqle_where_bounds(s->x, s->p->where, &s->bounds, &s->bounds_count));
  CQL_TRY(settle_keys(s));
  s->at.partition = from->partition;
  s->at.bounds = from->bounds;
  if (from->partition > s->partition_count || (from->bounds > 0 && from->bounds >= s->bounds_count))
    st = cql_fail(s->x->err, CQL_PROTOCOL, "Invalid value for the paging state");
done:
  return st;
}

static cql_status open_range(cqle_source *s) {
  cql_status st = CQL_OK;
  int64_t first, last;
  bool empty;
  const cqle_where *w = s->p->where;
  cql_slice start, end;
  CQL_TRY(cqle_where_tokens(s->x, w, &first, &last, &empty));
  if (w->index != NULL) {
    CQL_TRY(cqle_where_index_range(s->x, w, &start, &end));
    if (!empty)
      st = cqle_scan_index(s->x->txn, s->p->table, w->index, start, end, s->after, INDEX_BATCH, &s->scan, s->x->err);
  } else if (!empty)
    st = cqle_scan_tokens(s->x->txn, s->p->table, first, last, s->after, &s->scan, s->x->err);
  if (s->scan != NULL) cqle_scan_want(s->scan, &s->wanted);
done:
  return st;
}

cql_status cqle_source_open(cqle_source *s, cqle_exec *x, const cqle_select_plan *p, const cqle_place *from) {
  memset(s, 0, sizeof *s);
  s->x = x;
  s->p = p;
  s->wanted = (cqle_wanted){p->static_count + p->regular_count, p->fetch_ids, x->now_s};
  s->by_key = p->where->partition_complete;
  s->after = from->position;
  s->statics_given = p->where->index == NULL && from->position.data == NULL;
  return s->by_key ? open_keys(s, from) : open_range(s);
}

/* The scan of the interval that the source stands at; the first of a partition brings its static row. */
static cql_status open_interval(cqle_source *s) {
  uint32_t i = s->p->reversed ? s->bounds_count - 1 - s->at.bounds : s->at.bounds;
  bool statics = s->p->reads_statics && s->at.bounds == 0;
  cql_status st = cqle_scan_partition(s->x->txn, s->p->table, s->partitions[s->at.partition], s->bounds[i], statics,
                                      s->p->reversed, s->after, &s->scan, s->x->err);
  if (s->scan != NULL) cqle_scan_want(s->scan, &s->wanted);
  s->after = (cql_slice){NULL, 0};
  return st;
}

static void next_partition(cqle_source *s) {
  s->at.partition++;
  s->at.bounds = 0;
  s->began = false;
  s->statics_given = true;
}

static void close_scan(cqle_source *s) {
  cqle_scan_close(s->scan);
  s->scan = NULL;
}

static cql_status next_by_key(cqle_source *s) {
  while (s->at.partition < s->partition_count) {
    cql_status st = s->scan == NULL ? open_interval(s) : CQL_OK;
    if (st == CQL_OK) st = cqle_scan_next(s->scan, &s->entry, s->x->err);
    if (st != CQL_DONE) return st;
    close_scan(s);
    if (++s->at.bounds == s->bounds_count) next_partition(s);
  }
  return CQL_DONE;
}

cql_status cqle_source_next(cqle_source *s, cqle_found *out) {
  cql_status st = CQL_DONE;
  if (s->by_key)
    st = next_by_key(s);
  else if (s->scan != NULL)
    st = cqle_scan_next(s->scan, &s->entry, s->x->err);
  if (st != CQL_OK) return st;
  out->new_partition = s->by_key ? !s->began : s->entry.new_partition;
  if (!s->by_key && s->began && out->new_partition) s->statics_given = s->p->where->index == NULL;
  s->began = true;
  s->at.position = s->entry.position;
  out->pkey = s->entry.pkey;
  out->row = &s->entry.row;
  return CQL_OK;
}

cql_status cqle_source_skip_partition(cqle_source *s) {
  if (!s->by_key) return s->scan == NULL ? CQL_OK : cqle_scan_skip_partition(s->scan, s->x->err);
  close_scan(s);
  next_partition(s);
  return CQL_OK;
}

void cqle_source_close(cqle_source *s) {
  if (s->scan != NULL) close_scan(s);
}
