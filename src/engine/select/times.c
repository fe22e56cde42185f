/* times.c: writetime(c), maxwritetime(c), ttl(c): one number for a cell, a list for the cells of a collection. */
#include "engine/select/select_int.h"

typedef struct span { /* the cells that are asked for: their paths as values of type */
  const cql_type *type;
  bool of_field; /* then: the path that says field */
  uint32_t field;
  cql_slice from, to;
  bool exact, open_from, open_to;
} span;

static bool in_span(const span *s, cql_slice path) {
  if (s->of_field) return path.len == 2 && cql_load_u16(path.data) == s->field;
  if (s->exact) return s->from.data != NULL && cql_value_cmp(s->type, path, s->from) == 0;
  if (!s->open_from && cql_value_cmp(s->type, path, s->from) < 0) return false;
  return s->open_to || cql_value_cmp(s->type, path, s->to) <= 0;
}

static span span_of(const cqle_eval *e, const cqle_node *n) {
  span s = {.of_field = n->of_field, .field = n->field, .open_from = true, .open_to = true};
  if (n->value == NULL && n->to == NULL) return s;
  s.type = n->column->type->args[0];
  s.exact = !n->of_slice;
  s.from = e->values[n->value_slot];
  s.to = e->values[n->value_slot + 1];
  s.open_from = s.from.data == NULL;
  s.open_to = s.to.data == NULL;
  return s;
}

/* false: null */
static bool number_of(const cqle_eval *e, const cqle_node *n, const cqle_cell *c, int64_t *out) {
  if (n->times != CQLE_TTL) {
    *out = c->timestamp;
    return true;
  }
  if (c->ttl <= 0) return false;
  *out = c->at - e->x.now_s;
  return true;
}

static cql_slice encode(const cqle_node *n, int64_t number, uint8_t bytes[8]) {
  if (n->times == CQLE_TTL) {
    cql_store_u32(bytes, (uint32_t)number);
    return cql_slice_of(bytes, 4);
  }
  cql_store_u64(bytes, (uint64_t)number);
  return cql_slice_of(bytes, 8);
}

static cql_status one(cqle_eval *e, const cqle_node *n, bool found, int64_t number, cql_slice *out) {
  uint8_t *bytes = NULL;
  *out = (cql_slice){NULL, 0};
  if (!found) return CQL_OK;
  bytes = cql_arena_get(e->row_arena, 8);
  if (bytes == NULL) return CQL_NOMEM;
  *out = encode(n, number, bytes);
  return CQL_OK;
}

/* Whether a frozen collection holds what is asked for: then its cell's times are those. */
static bool holds_span(const span *s, const cql_type *type, cql_slice value) {
  cql_elements walk;
  cql_slice key, item;
  if (cql_elements_open(&walk, type, value) != CQL_OK) return false;
  while (cql_elements_next(&walk, &key) == CQL_OK) {
    if (type->code == CQL_TYPE_MAP && cql_elements_next(&walk, &item) != CQL_OK) return false;
    if (in_span(s, key)) return true;
  }
  return false;
}

/* The newest, or the only one. */
static cql_status single(cqle_eval *e, const cqle_node *n, const cqle_column_data *d, const span *s, cql_slice *out) {
  bool found = false;
  int64_t best = 0;
  for (uint32_t i = 0; i < d->count; i++) {
    int64_t number;
    if (!cqle_cell_is_live(&d->cells[i], e->x.now_s)) continue;
    if (d->multicell && !in_span(s, d->cells[i].path)) continue;
    if (!d->multicell && s->type != NULL && !holds_span(s, n->column->type, d->cells[i].value)) continue;
    if (!number_of(e, n, &d->cells[i], &number)) continue;
    if (!found || number > best) best = number;
    found = true;
  }
  return one(e, n, found, best, out);
}

static cql_status several(cqle_eval *e, const cqle_node *n, const cqle_column_data *d, const span *s, cql_slice *out) {
  uint32_t count = 0;
  size_t width = n->times == CQLE_TTL ? 4 : 8, at = 4;
  *out = (cql_slice){NULL, 0};
  uint8_t *bytes = cql_arena_get(e->row_arena, 4 + (size_t)d->count * (4 + width));
  if (bytes == NULL) return CQL_NOMEM;
  for (uint32_t i = 0; i < d->count; i++) {
    int64_t number;
    if (!cqle_cell_is_live(&d->cells[i], e->x.now_s) || !in_span(s, d->cells[i].path)) continue;
    count++;
    bool set = number_of(e, n, &d->cells[i], &number);
    cql_store_u32(bytes + at, set ? (uint32_t)width : UINT32_MAX);
    at += 4;
    if (!set) continue;
    encode(n, number, bytes + at);
    at += width;
  }
  if (count == 0) return CQL_OK;
  cql_store_u32(bytes, count);
  *out = cql_slice_of(bytes, at);
  return CQL_OK;
}

/* One number for every field of the type; null where there is none. */
static cql_status of_fields(cqle_eval *e, const cqle_node *n, const cqle_column_data *d, cql_slice *out) {
  uint32_t count = n->column->type->arg_count, next = 0;
  size_t width = n->times == CQLE_TTL ? 4 : 8, at = 4;
  bool any = false;
  *out = (cql_slice){NULL, 0};
  uint8_t *bytes = cql_arena_get(e->row_arena, 4 + (size_t)count * (4 + width));
  if (bytes == NULL) return CQL_NOMEM;
  for (uint32_t field = 0; field < count; field++) {
    int64_t number;
    while (next < d->count && cql_load_u16(d->cells[next].path.data) < field) next++;
    bool live = next < d->count && cql_load_u16(d->cells[next].path.data) == field &&
                cqle_cell_is_live(&d->cells[next], e->x.now_s);
    bool set = live && number_of(e, n, &d->cells[next], &number);
    any = any || live;
    cql_store_u32(bytes + at, set ? (uint32_t)width : UINT32_MAX);
    at += 4;
    if (!set) continue;
    encode(n, number, bytes + at);
    at += width;
  }
  if (!any) return CQL_OK;
  cql_store_u32(bytes, count);
  *out = cql_slice_of(bytes, at);
  return CQL_OK;
}

cql_status cqle_eval_times(cqle_eval *e, const cqle_node *n, const cqle_view *v, cql_slice *out) {
  const cqle_row *row = n->column->kind == CQLE_STATIC ? v->static_row : v->row;
  const cqle_column_data *d = row == NULL ? NULL : cqle_row_column(row, n->column->id);
  *out = (cql_slice){NULL, 0};
  if (d == NULL) return CQL_OK;
  if (n->count > 0) {
    cql_slice field;
    cql_status st = cqle_eval_row(e, n->args[0], v, &field);
    if (st != CQL_OK || field.data == NULL) return st;
  }
  if (n->type->code == CQL_TYPE_LIST && n->column->type->code == CQL_TYPE_UDT) return of_fields(e, n, d, out);
  span s = span_of(e, n);
  return n->type->code == CQL_TYPE_LIST ? several(e, n, d, &s, out) : single(e, n, d, &s, out);
}
