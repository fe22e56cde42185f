/* filter.c: rows checked one by one against what bounds and indexes do not settle. The values are read once per
 * execution; a check allocates nothing. Cassandra: db/filter/RowFilter.java. null matches nothing.
 */
#include "engine/where/where_int.h"

typedef struct test {
  cqle_op op;
  cqle_relation_kind kind;
  uint32_t width;          /* columns */
  const uint32_t *columns; /* their places among the cells */
  const cql_type *const *types;
  const cqle_column *const *of;
  uint32_t count; /* tuples of width values: one, or what IN lists */
  const cql_slice *values;
  cql_slice key;
  /* Equal values must be written equally, too: an index of the legacy kind finds bytes, and what a frozen collection
   * contains is compared as Java objects are (1.0 is not 1.00). */
  bool exact;
} test;

struct cqle_filter {
  uint32_t count;
  test *tests;
  bool has_tokens, no_token;
  bool nothing; /* a clustering column is to be IN nothing: no row can match */
  int64_t first, last;
};

/* --- building ----------------------------------------------------------------------------------------------------- */

static cql_status fill_columns(cqle_exec *x, const cqle_table *t, const cqle_restriction *r, test *out) {
  uint32_t *columns = cql_arena_array(x->arena, r->column_count, sizeof *columns);
  const cql_type **types = cql_arena_array(x->arena, r->column_count, sizeof *types);
  if (columns == NULL || types == NULL) return CQL_NOMEM;
  for (uint32_t i = 0; i < r->column_count; i++) {
    columns[i] = cqle_column_index(t, r->columns[i]);
    types[i] = r->columns[i]->type;
  }
  out->op = r->op;
  out->kind = r->kind;
  out->width = r->column_count;
  out->columns = columns;
  out->types = types;
  out->of = r->columns;
  return CQL_OK;
}

static cql_status map_key(cqle_exec *x, const cqle_restriction *r, cql_slice *out) {
  cqle_value v;
  cql_status st = cqle_expr_eval(x, r->key, &v);
  if (st != CQL_OK) return st;
  if (v.unset || v.bytes.data == NULL)
    return cql_fail(x->err, CQL_INVALID, "Unsupported %s map key for column %s", v.unset ? "unset" : "null",
                    r->columns[0]->name);
  *out = v.bytes;
  return CQL_OK;
}

/* covered: a scan's bounds could settle it, so null has the meaning it has there. */
static cql_status make_test(cqle_exec *x, const cqle_table *t, const cqle_group *g, const cqle_restriction *r,
                            test *out) {
  cql_status st = CQL_OK;
  bool clustering = r->columns[0]->kind == CQLE_CLUSTERING && g->in_bounds;
  cql_slice *values;
  CQL_TRY(fill_columns(x, t, r, out));
  if (r->kind == CQLE_REL_TUPLE && g->kind == CQLE_GROUP_SLICE && !clustering)
    return cql_fail(x->err, CQL_INVALID, "Multi-column slice restrictions cannot be used for filtering.");
  if (r->column_count > 1 && g->kind == CQLE_GROUP_IN && !clustering)
    return cql_fail(x->err, CQL_INVALID, "Multicolumn IN filters are not supported");
  if (r->key != NULL) CQL_TRY(map_key(x, r, &out->key));
  if (r->op == CQLE_OP_IN) {
    CQL_TRY(cqle_in_values(x, r, clustering ? CQLE_NULL_KEY_EQ : CQLE_NULL_FILTER_IN, &values, &out->count));
  } else {
    cqle_null_words words = CQLE_NULL_FILTER;
    if (clustering) words = g->kind == CQLE_GROUP_SLICE ? CQLE_NULL_KEY_SLICE : CQLE_NULL_KEY_EQ;
    values = cql_arena_array(x->arena, out->width, sizeof *values);
    CQL_CHECK(values != NULL, CQL_NOMEM);
    CQL_TRY(cqle_operand_values(x, r, &r->operands[0], words, values));
    out->count = 1;
  }
  out->values = values;
done:
  return st;
}

cql_status cqle_filter_new(cqle_exec *x, const cqle_where *w, bool everything, const cqle_filter **out) {
  cql_status st = CQL_OK;
  size_t room = 1;
  cqle_filter *f = cql_arena_zero(x->arena, sizeof *f);
  *out = NULL;
  for (uint32_t i = 0; i < w->group_count; i++)
    for (const cqle_restriction *r = w->groups[i].members; r != NULL; r = r->next) room++;
  if (f != NULL) f->tests = cql_arena_zero(x->arena, room * sizeof *f->tests);
  CQL_CHECK(f != NULL && f->tests != NULL, CQL_NOMEM);
  for (uint32_t i = 0; i < w->group_count; i++) {
    const cqle_group *g = &w->groups[i];
    if (g->on_token || (g->in_bounds && (!everything || f->nothing))) continue;
    bool exact = g == w->indexed && w->index != NULL && w->index->kind == CQLE_INDEX_LEGACY;
    for (const cqle_restriction *r = g->members; r != NULL; r = r->next) {
      bool contains = r->op == CQLE_OP_CONTAINS;
      f->tests[f->count].exact = exact || (contains && !cql_type_is_multicell(r->columns[0]->type));
      CQL_TRY(make_test(x, w->table, g, r, &f->tests[f->count++]));
    }
    /* The clustering columns behind it are not looked at then. */
    if (g->in_bounds && g->kind == CQLE_GROUP_IN && f->tests[f->count - 1].count == 0) f->nothing = true;
  }
  if (everything && w->has_token) {
    f->has_tokens = true;
    CQL_TRY(cqle_where_tokens(x, w, &f->first, &f->last, &f->no_token));
  }
  if (f->count > 0 || f->has_tokens) *out = f;
done:
  return st;
}

/* --- checking ----------------------------------------------------------------------------------------------------- */

static bool holds(cqle_op op, int cmp) {
  switch (op) {
  case CQLE_OP_EQ:
  case CQLE_OP_IN: return cmp == 0;
  case CQLE_OP_LT: return cmp < 0;
  case CQLE_OP_LE: return cmp <= 0;
  case CQLE_OP_GT: return cmp > 0;
  case CQLE_OP_GE: return cmp >= 0;
  default: return false;
  }
}

/* null stands first in clustering order: before every value, or behind every one where that order is descending. */
static int cell_cmp(const cqle_column *c, cql_slice cell, cql_slice value) {
  if (value.data == NULL) return c->reversed ? -1 : 1;
  return cql_value_cmp(c->type, cell, value);
}

/* Durations have no order, but they are equal when their bytes are. */
static bool same(const test *t, const cql_type *type, cql_slice cell, cql_slice value) {
  if (value.data == NULL) return false;
  if (t->exact || !cql_type_is_comparable(type)) return cql_slice_eq(cell, value);
  return cql_value_cmp(type, cell, value) == 0;
}

static bool match_tuple(const test *t, const cql_slice *cells, const cql_slice *values) {
  bool equality = t->op == CQLE_OP_EQ || t->op == CQLE_OP_IN;
  int cmp = 0;
  for (uint32_t i = 0; i < t->width; i++) {
    cql_slice cell = cells[t->columns[i]];
    if (cell.data == NULL) return false;
    if (equality) {
      if (!same(t, t->types[i], cell, values[i])) return false;
    } else if (cmp == 0)
      cmp = cell_cmp(t->of[i], cell, values[i]);
  }
  return equality || holds(t->op, cmp);
}

/* CONTAINS looks at elements or map values, CONTAINS KEY at map keys, m[k] = v at one entry. */
static bool match_collection(const test *t, cql_slice cell) {
  const cql_type *type = t->types[0];
  bool map = type->code == CQL_TYPE_MAP;
  cql_elements e;
  if (cell.data == NULL || cql_elements_open(&e, type, cell) != CQL_OK) return false;
  for (;;) {
    cql_slice key = {NULL, 0}, value;
    if (map && cql_elements_next(&e, &key) != CQL_OK) return false;
    if (cql_elements_next(&e, &value) != CQL_OK) return false;
    const cql_type *value_type = type->args[map ? 1 : 0];
    if (t->kind == CQLE_REL_ELEMENT) {
      if (same(t, type->args[0], key, t->key)) return value.data != NULL && same(t, value_type, value, t->values[0]);
    } else if (t->op == CQLE_OP_CONTAINS_KEY) {
      if (same(t, type->args[0], key, t->values[0])) return true;
    } else if (value.data != NULL && same(t, value_type, value, t->values[0]))
      return true;
  }
}

static bool match_test(const test *t, const cql_slice *cells) {
  if (t->kind == CQLE_REL_ELEMENT || t->op == CQLE_OP_CONTAINS || t->op == CQLE_OP_CONTAINS_KEY)
    return match_collection(t, cells[t->columns[0]]);
  for (uint32_t i = 0; i < t->count; i++)
    if (match_tuple(t, cells, t->values + (size_t)i * t->width)) return true;
  return false;
}

bool cqle_filter_match(const cqle_filter *f, const cql_slice *cells, int64_t token) {
  if (f->nothing) return false;
  if (f->has_tokens && (f->no_token || token < f->first || token > f->last)) return false;
  for (uint32_t i = 0; i < f->count; i++)
    if (!match_test(&f->tests[i], cells)) return false;
  return true;
}
