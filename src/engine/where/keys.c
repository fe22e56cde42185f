/* keys.c: what a WHERE clause names: partitions, tokens, clusterings, and the intervals of clusterings between bounds.
 */
#include "engine/where/where_int.h"

#include <stdlib.h>
#include <string.h>

#define KEY_BUF_MAX ((size_t)4 << 20) /* one bound: at most 65535 bytes a component, escaped */

/* --- combinations of the values of several groups ----------------------------------------------------------------- */

typedef struct combos {
  uint32_t group_count;
  cqle_choices *choices;
  uint32_t *at; /* an odometer over the choices */
  uint32_t width;
  size_t count; /* how many combinations there are */
} combos;

static cql_status combos_open(cqle_exec *x, const cqle_group *const *groups, uint32_t group_count, combos *c) {
  cql_status st = CQL_OK;
  memset(c, 0, sizeof *c);
  c->group_count = group_count;
  c->choices = cql_arena_array(x->arena, (size_t)group_count + 1, sizeof *c->choices);
  c->at = cql_arena_zero(x->arena, ((size_t)group_count + 1) * sizeof *c->at);
  CQL_CHECK(c->choices != NULL && c->at != NULL, CQL_NOMEM);
  c->count = 1;
  /* Behind an IN () nothing is looked at. */
  for (uint32_t i = 0; i < group_count && c->count > 0; i++) {
    CQL_TRY(cqle_group_choices(x, groups[i], &c->choices[i]));
    c->width += c->choices[i].width;
    c->count *= c->choices[i].count;
    if (c->count > CQLE_WHERE_KEYS_MAX) {
      st = cql_fail(x->err, CQL_LIMIT, "The IN restrictions multiply to more than %d keys", CQLE_WHERE_KEYS_MAX);
      goto done;
    }
  }
done:
  return st;
}

/* The combination under the odometer into values (width of them), then one step on. */
static void combos_next(combos *c, cql_slice *values) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < c->group_count; i++) {
    const cqle_choices *ch = &c->choices[i];
    for (uint32_t k = 0; k < ch->width; k++) values[n++] = ch->values[(size_t)c->at[i] * ch->width + k];
  }
  for (uint32_t i = c->group_count; i-- > 0;) {
    if (++c->at[i] < c->choices[i].count) return;
    c->at[i] = 0;
  }
}

/* The groups whose first column is of a kind and that bounds cover, in column order. */
static cql_status bound_groups(cqle_exec *x, const cqle_where *w, cqle_column_kind kind, const cqle_group ***out,
                               uint32_t *count) {
  *out = cql_arena_array(x->arena, (size_t)w->group_count + 1, sizeof **out);
  *count = 0;
  if (*out == NULL) return CQL_NOMEM;
  for (uint32_t i = 0; i < w->group_count; i++) {
    const cqle_group *g = &w->groups[i];
    if (!g->on_token && g->in_bounds && g->columns[0]->kind == kind) (*out)[(*count)++] = g;
  }
  return CQL_OK;
}

/* --- partitions --------------------------------------------------------------------------------------------------- */

typedef struct sortable {
  cql_slice order; /* bytes in the order of the key columns' types */
  uint32_t index;
  union {
    cqle_pkey pkey;
    cqle_slice_bounds bounds;
    cql_slice *values;
  } as;
} sortable;

static int sortable_cmp(const void *px, const void *py) {
  const sortable *x = px, *y = py;
  int c = cql_slice_cmp(x->order, y->order);
  if (c != 0) return c;
  return x->index < y->index ? -1 : x->index > y->index;
}

/* Sorts and drops repeats; of equal ones the first written stays. */
static uint32_t sort_unique(sortable *items, size_t count) {
  uint32_t kept = 0;
  if (count > 1) qsort(items, count, sizeof *items, sortable_cmp);
  for (size_t i = 0; i < count; i++)
    if (kept == 0 || !cql_slice_eq(items[kept - 1].order, items[i].order)) items[kept++] = items[i];
  return kept;
}

/* Cassandra measures the values themselves first, then the key with the lengths between them. An empty key is for the
 * caller to refuse: a SELECT that is settled without it has no objection. */
static cql_status check_length(cqle_exec *x, const cqle_table *t, const cql_slice *values) {
  if (t->read != NULL) return CQL_OK;
  size_t len = 0, between = t->partition_count == 1 ? 0 : 3 * (size_t)t->partition_count;
  for (uint32_t i = 0; i < t->partition_count; i++) len += values[i].len;
  if (len <= CQL_KEY_LEN_MAX) len += between;
  if (len <= CQL_KEY_LEN_MAX) return CQL_OK;
  return cql_fail(x->err, CQL_INVALID, "Key length of %zu is longer than maximum of %d", len, CQL_KEY_LEN_MAX);
}

static cql_status make_partition(cqle_exec *x, const cqle_table *t, const cql_slice *values, cql_buf *b,
                                 sortable *out) {
  cql_status st = CQL_OK;
  cql_slice key;
  CQL_TRY(check_length(x, t, values));
  cql_partition_key_put(b, values, t->partition_count);
  CQL_TRY(cqle_buf_take(b, x->arena, &key));
  for (uint32_t i = 0; i < t->partition_count; i++) cql_key_put(b, t->partition[i]->type, values[i], false);
  CQL_TRY(cqle_buf_take(b, x->arena, &out->order));
  out->as.pkey = cqle_pkey_of(key);
done:
  return st;
}

static bool token_allows(int64_t first, int64_t last, bool empty, int64_t token) {
  return !empty && token >= first && token <= last;
}

cql_status cqle_where_partitions(cqle_exec *x, const cqle_where *w, cqle_pkey **out, uint32_t *count) {
  cql_status st = CQL_OK;
  cql_buf b;
  const cqle_group **groups;
  uint32_t group_count;
  combos c;
  sortable *items;
  cql_slice *values;
  int64_t first, last;
  bool empty;
  cql_buf_init(&b, x->engine->alloc, KEY_BUF_MAX);
  CQL_CHECK(w->partition_complete, CQL_MISUSE);
  CQL_TRY(bound_groups(x, w, CQLE_PARTITION_KEY, &groups, &group_count));
  CQL_TRY(combos_open(x, groups, group_count, &c));
  items = cql_arena_zero(x->arena, (c.count + 1) * sizeof *items);
  values = cql_arena_array(x->arena, (size_t)c.width + 1, sizeof *values);
  CQL_CHECK(items != NULL && values != NULL, CQL_NOMEM);
  for (size_t i = 0; i < c.count; i++) {
    combos_next(&c, values);
    items[i].index = (uint32_t)i;
    CQL_TRY(make_partition(x, w->table, values, &b, &items[i]));
  }
  CQL_TRY(cqle_where_tokens(x, w, &first, &last, &empty));
  uint32_t unique = sort_unique(items, c.count);
  *count = 0;
  *out = cql_arena_array(x->arena, (size_t)unique + 1, sizeof **out);
  CQL_CHECK(*out != NULL, CQL_NOMEM);
  for (uint32_t i = 0; i < unique; i++)
    if (token_allows(first, last, empty, items[i].as.pkey.token)) (*out)[(*count)++] = items[i].as.pkey;
done:
  cql_buf_free(&b);
  return st;
}

/* --- tokens ------------------------------------------------------------------------------------------------------- */

/* As an upper bound the smallest token stands for the end of the ring, as in Cassandra. */
static void restrict_tokens(cqle_op op, int64_t token, int64_t *first, int64_t *last, bool *empty) {
  switch (op) {
  case CQLE_OP_EQ:
    if (token > *first) *first = token;
    if (token != INT64_MIN && token < *last) *last = token;
    break;
  case CQLE_OP_GE:
    if (token > *first) *first = token;
    break;
  case CQLE_OP_LE:
    if (token != INT64_MIN && token < *last) *last = token;
    break;
  case CQLE_OP_GT:
    if (token == INT64_MAX)
      *empty = true;
    else if (token + 1 > *first)
      *first = token + 1;
    break;
  case CQLE_OP_LT:
    if (token != INT64_MIN && token - 1 < *last) *last = token - 1;
    break;
  default: break;
  }
}

cql_status cqle_where_tokens(cqle_exec *x, const cqle_where *w, int64_t *first, int64_t *last, bool *empty) {
  cql_status st = CQL_OK;
  *first = INT64_MIN;
  *last = INT64_MAX;
  *empty = false;
  for (uint32_t i = 0; i < w->group_count && w->has_token; i++) {
    if (!w->groups[i].on_token) continue;
    for (const cqle_restriction *r = w->groups[i].members; r != NULL; r = r->next) {
      cql_slice value;
      CQL_TRY(cqle_operand_values(x, r, &r->operands[0], CQLE_NULL_KEY_EQ, &value));
      if (value.len != 8) return cql_fail(x->err, CQL_INVALID, "Invalid token value");
      restrict_tokens(r->op, (int64_t)cql_load_u64(value.data), first, last, empty);
    }
  }
  if (*first > *last) *empty = true;
done:
  return st;
}

/* --- intervals of one slice relation ------------------------------------------------------------------------------ */

typedef struct intervals {
  uint32_t count;
  cqle_slice_bounds *items;
} intervals;

typedef struct slicer {
  cqle_exec *x;
  const cqle_table *t;
  cql_buf buf;
  cql_slice *values; /* the prefix, then the slice's own values: clustering_count of them */
} slicer;

static cql_status put_bound(slicer *s, uint32_t count, bool after, cql_slice *out) {
  if (count == 0) {
    *out = (cql_slice){NULL, 0};
    return CQL_OK;
  }
  cqle_bound_put(&s->buf, s->t, s->values, count, after);
  return cqle_buf_take(&s->buf, s->x->arena, out);
}

/* Everything below the first `prefix` values whose next column stands in relation op to its value. */
static cql_status one_interval(slicer *s, uint32_t prefix, uint32_t count, cqle_op op, bool reversed,
                               cqle_slice_bounds *out) {
  cql_status st = CQL_OK;
  bool from = (op == CQLE_OP_GT || op == CQLE_OP_GE) != reversed;
  bool inclusive = op == CQLE_OP_GE || op == CQLE_OP_LE;
  bool null = s->values[count - 1].data == NULL; /* before every value, whatever the direction */
  if (from) {
    CQL_TRY(null ? put_bound(s, prefix, false, &out->start) : put_bound(s, count, !inclusive, &out->start));
    CQL_TRY(put_bound(s, prefix, true, &out->end));
  } else {
    CQL_TRY(put_bound(s, prefix, false, &out->start));
    CQL_TRY(null ? put_bound(s, prefix, false, &out->end) : put_bound(s, count, inclusive, &out->end));
    if (null && prefix == 0) out->end = out->start = CQL_SLICE_LITERAL("\xFF"); /* no row: behind every key */
  }
done:
  return st;
}

static cqle_op strict(cqle_op op) {
  if (op == CQLE_OP_GE) return CQLE_OP_GT;
  return op == CQLE_OP_LE ? CQLE_OP_LT : op;
}

static int bounds_cmp(const void *px, const void *py) {
  const cqle_slice_bounds *x = px, *y = py;
  return cql_slice_cmp(x->start, y->start);
}

/* Columns of one direction make one interval. Else (a, b) > (x, y) is a = x and b > y, or a > x: one interval for each
 * column. */
static cql_status slice_intervals(slicer *s, uint32_t prefix, const cqle_restriction *r, intervals *out) {
  cql_status st = CQL_OK;
  bool mixed = false;
  for (uint32_t i = 1; i < r->column_count; i++) mixed |= r->columns[i]->reversed != r->columns[0]->reversed;
  out->items = cql_arena_array(s->x->arena, r->column_count, sizeof *out->items);
  CQL_CHECK(out->items != NULL, CQL_NOMEM);
  CQL_TRY(cqle_operand_values(s->x, r, &r->operands[0], CQLE_NULL_KEY_SLICE, s->values + prefix));
  out->count = mixed ? r->column_count : 1;
  if (!mixed) CQL_TRY(one_interval(s, prefix, prefix + r->column_count, r->op, r->columns[0]->reversed, out->items));
  for (uint32_t i = 0; i < r->column_count && mixed; i++) {
    cqle_op op = i + 1 == r->column_count ? r->op : strict(r->op);
    CQL_TRY(one_interval(s, prefix + i, prefix + i + 1, op, r->columns[i]->reversed, &out->items[i]));
  }
  if (out->count > 1) qsort(out->items, out->count, sizeof *out->items, bounds_cmp);
done:
  return st;
}

static bool is_empty(cqle_slice_bounds b) {
  return b.end.len > 0 && cql_slice_cmp(b.start, b.end) >= 0;
}

static cqle_slice_bounds intersect(cqle_slice_bounds a, cqle_slice_bounds b) {
  cqle_slice_bounds out;
  out.start = cql_slice_cmp(a.start, b.start) >= 0 ? a.start : b.start;
  if (a.end.len == 0)
    out.end = b.end;
  else if (b.end.len == 0)
    out.end = a.end;
  else
    out.end = cql_slice_cmp(a.end, b.end) <= 0 ? a.end : b.end;
  return out;
}

/* --- bounds ------------------------------------------------------------------------------------------------------- */

typedef struct bounds_list {
  sortable *items;
  size_t count, cap;
} bounds_list;

static cql_status add(cqle_exec *x, bounds_list *l, cqle_slice_bounds b) {
  if (is_empty(b)) return CQL_OK;
  if (l->count == l->cap) {
    size_t cap = l->cap * 2 + 4;
    sortable *items = cql_arena_array(x->arena, cap, sizeof *items);
    if (items == NULL) return CQL_NOMEM;
    if (l->count > 0) memcpy(items, l->items, l->count * sizeof *items);
    l->items = items;
    l->cap = cap;
  }
  l->items[l->count] = (sortable){.order = b.start, .index = (uint32_t)l->count, .as.bounds = b};
  l->count++;
  return CQL_OK;
}

static cql_status add_prefix(slicer *s, uint32_t prefix, const cqle_group *slice, bounds_list *l) {
  cql_status st = CQL_OK;
  cqle_slice_bounds whole = {{NULL, 0}, {NULL, 0}};
  if (slice == NULL) {
    CQL_TRY(put_bound(s, prefix, false, &whole.start));
    CQL_TRY(put_bound(s, prefix, true, &whole.end));
    return add(s->x, l, whole);
  }
  intervals first = {0, NULL}, second = {1, &whole};
  CQL_TRY(slice_intervals(s, prefix, slice->members, &first));
  if (slice->members->next != NULL) CQL_TRY(slice_intervals(s, prefix, slice->members->next, &second));
  for (uint32_t i = 0; i < first.count; i++)
    for (uint32_t k = 0; k < second.count; k++) CQL_TRY(add(s->x, l, intersect(first.items[i], second.items[k])));
done:
  return st;
}

cql_status cqle_where_bounds(cqle_exec *x, const cqle_where *w, cqle_slice_bounds **out, uint32_t *count) {
  cql_status st = CQL_OK;
  slicer s = {.x = x, .t = w->table};
  const cqle_group **groups, *slice = NULL;
  uint32_t group_count;
  combos c;
  bounds_list l = {NULL, 0, 0};
  cql_buf_init(&s.buf, x->engine->alloc, KEY_BUF_MAX);
  CQL_TRY(bound_groups(x, w, CQLE_CLUSTERING, &groups, &group_count));
  if (w->clustering_has_slice) slice = groups[--group_count];
  CQL_TRY(combos_open(x, groups, group_count, &c));
  s.values = cql_arena_array(x->arena, (size_t)w->table->clustering_count + 1, sizeof *s.values);
  CQL_CHECK(s.values != NULL, CQL_NOMEM);
  for (size_t i = 0; i < c.count; i++) {
    combos_next(&c, s.values);
    CQL_TRY(add_prefix(&s, c.width, slice, &l));
  }
  uint32_t unique = sort_unique(l.items, l.count);
  *count = unique;
  *out = cql_arena_array(x->arena, (size_t)unique + 1, sizeof **out);
  CQL_CHECK(*out != NULL, CQL_NOMEM);
  for (uint32_t i = 0; i < unique; i++) (*out)[i] = l.items[i].as.bounds;
done:
  cql_buf_free(&s.buf);
  return st;
}

/* --- full clusterings --------------------------------------------------------------------------------------------- */

cql_status cqle_where_clusterings(cqle_exec *x, const cqle_where *w, cql_slice ***out, uint32_t *count) {
  cql_status st = CQL_OK;
  const cqle_table *t = w->table;
  cql_buf b;
  const cqle_group **groups;
  uint32_t group_count;
  combos c;
  sortable *items;
  cql_buf_init(&b, x->engine->alloc, KEY_BUF_MAX);
  CQL_CHECK(w->clustering_count == t->clustering_count && !w->clustering_has_slice, CQL_MISUSE);
  CQL_TRY(bound_groups(x, w, CQLE_CLUSTERING, &groups, &group_count));
  CQL_TRY(combos_open(x, groups, group_count, &c));
  items = cql_arena_zero(x->arena, (c.count + 1) * sizeof *items);
  CQL_CHECK(items != NULL, CQL_NOMEM);
  for (size_t i = 0; i < c.count; i++) {
    cql_slice *values = cql_arena_array(x->arena, (size_t)c.width + 1, sizeof *values);
    CQL_CHECK(values != NULL, CQL_NOMEM);
    combos_next(&c, values);
    if (c.width > 0) cqle_bound_put(&b, t, values, c.width, false);
    CQL_TRY(cqle_buf_take(&b, x->arena, &items[i].order));
    items[i].index = (uint32_t)i;
    items[i].as.values = values;
  }
  *count = sort_unique(items, c.count);
  *out = cql_arena_array(x->arena, (size_t)*count + 1, sizeof **out);
  CQL_CHECK(*out != NULL, CQL_NOMEM);
  for (uint32_t i = 0; i < *count; i++) (*out)[i] = items[i].as.values;
done:
  cql_buf_free(&b);
  return st;
}

/* --- an index's interval ------------------------------------------------------------------------------------------ */

/* The member of the group that the index answers: of several CONTAINS the first that it can. */
static const cqle_restriction *index_member(const cqle_where *w) {
  for (const cqle_restriction *r = w->indexed->members; r != NULL; r = r->next) {
    if (w->indexed->kind != CQLE_GROUP_CONTAINS) return r;
    if (cqle_index_supports(w->index, r)) return r;
  }
  return NULL;
}

cql_status cqle_where_index_range(cqle_exec *x, const cqle_where *w, cql_slice *start, cql_slice *end) {
  cql_status st = CQL_OK;
  cql_buf b;
  *start = *end = (cql_slice){NULL, 0};
  cql_buf_init(&b, x->engine->alloc, KEY_BUF_MAX);
  for (const cqle_restriction *r = index_member(w); r != NULL; r = r->next) {
    cql_slice value;
    CQL_TRY(cqle_operand_values(x, r, &r->operands[0], CQLE_NULL_FILTER, &value));
    bool slice = w->indexed->kind == CQLE_GROUP_SLICE, from = r->op == CQLE_OP_GT || r->op == CQLE_OP_GE;
    if (!slice || from) {
      cqle_index_bound_put(&b, w->index, value, r->op == CQLE_OP_GT);
      CQL_TRY(cqle_buf_take(&b, x->arena, start));
    }
    if (!slice || !from) {
      cqle_index_bound_put(&b, w->index, value, r->op != CQLE_OP_LT);
      CQL_TRY(cqle_buf_take(&b, x->arena, end));
    }
    if (!slice) break;
  }
done:
  cql_buf_free(&b);
  return st;
}
