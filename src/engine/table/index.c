/* index.c: which entries a row has in an index, and keeping them in step with the row. */
#include "engine/table/table_int.h"

#include <stdlib.h>

typedef struct entries {
  cql_slice *keys;
  uint32_t count, cap;
} entries;

/* What all entries of one row in one index have in common. */
typedef struct source {
  const cqle_table *table;
  const cqle_index *index;
  cqle_pkey pkey;
  cql_slice position;
  cql_arena *a;
} source;

/* --- one entry ---------------------------------------------------------------------------------------------------- */

/* The type of what is indexed; NULL for ENTRIES, which have two. */
static const cql_type *entry_type(const cqle_index *index) {
  const cql_type *type = index->column->type;
  if (!cql_type_is_multicell(type) || index->target == CQLE_TARGET_FULL) return type;
  switch (type->code) {
  case CQL_TYPE_LIST:
  case CQL_TYPE_SET: return type->args[0];
  case CQL_TYPE_MAP:
    if (index->target == CQLE_TARGET_ENTRIES) return NULL;
    return type->args[index->target == CQLE_TARGET_KEYS ? 0 : 1];
  default: return type;
  }
}

static void put_entry_value(cql_buf *b, const cqle_index *index, cql_slice value, cql_slice second) {
  const cql_type *type = entry_type(index);
  if (type != NULL) {
    cql_key_put(b, type, value, false);
  } else {
    cql_key_put(b, index->column->type->args[0], value, false);
    cql_key_put(b, index->column->type->args[1], second, false);
  }
}

void cqle_index_bound_put(cql_buf *b, const cqle_index *index, cql_slice value, bool after) {
  cql_slice pair[2] = {value, {NULL, 0}};
  if (entry_type(index) == NULL && cql_partition_key_split(value, pair, 2) != CQL_OK) pair[0] = value;
  put_entry_value(b, index, pair[0], pair[1]);
  if (after) cql_buf_u8(b, CQLE_BOUND_AFTER);
}

static cql_status add(const source *s, entries *e, cql_slice value, cql_slice second) {
  if (e->count == e->cap) {
    uint32_t cap = e->cap == 0 ? 4 : e->cap * 2;
    cql_slice *keys = cql_arena_array(s->a, cap, sizeof *keys);
    if (keys == NULL) return CQL_NOMEM;
    for (uint32_t i = 0; i < e->count; i++) keys[i] = e->keys[i];
    e->keys = keys;
    e->cap = cap;
  }
  cql_alloc alloc = cqle_arena_alloc(s->a);
  cql_buf b;
  cqle_key_buf(&b, &alloc);
  cql_buf_u32(&b, s->index->id);
  put_entry_value(&b, s->index, value, second);
  cql_buf_u8(&b, CQLE_ENTRY_SEPARATOR);
  cql_buf_slice(&b, s->position);
  e->keys[e->count++] = cql_buf_view(&b);
  return b.st;
}

/* --- the entries of a row ----------------------------------------------------------------------------------------- */

/* Expiring cells have entries too: nobody comes by when they expire. */
static bool has_life(const cqle_row *r) {
  if (r->marker.timestamp != CQLE_NO_TIMESTAMP) return true;
  for (uint32_t i = 0; i < r->count; i++)
    for (uint32_t j = 0; j < r->columns[i].count; j++)
      if (!r->columns[i].cells[j].tombstone) return true;
  return false;
}

static cql_status collect_key(const source *s, const cqle_row *r, entries *e) {
  const cqle_column *column = s->index->column;
  static const cql_slice NOTHING = {NULL, 0};
  if (!has_life(r)) return CQL_OK;
  if (column->kind == CQLE_CLUSTERING)
    return r->clustering == NULL ? CQL_OK : add(s, e, r->clustering[column->position], NOTHING);
  cql_slice *components = cql_arena_array(s->a, s->table->partition_count, sizeof *components);
  if (components == NULL) return CQL_NOMEM;
  if (cql_partition_key_split(s->pkey.bytes, components, s->table->partition_count) != CQL_OK) return CQL_CORRUPT;
  return add(s, e, components[column->position], NOTHING);
}

static cql_status collect_cells(const source *s, const cqle_column_data *d, entries *e) {
  cql_type_code code = s->index->column->type->code;
  cqle_index_target target = s->index->target;
  for (uint32_t i = 0; i < d->count; i++) {
    const cqle_cell *c = &d->cells[i];
    if (c->tombstone) continue;
    bool by_path = d->multicell && (code == CQL_TYPE_SET || (code == CQL_TYPE_MAP && target == CQLE_TARGET_KEYS));
    cql_slice value = d->multicell && code == CQL_TYPE_MAP && target == CQLE_TARGET_ENTRIES ? c->path
                      : by_path                                                             ? c->path
                                                                                            : c->value;
    cql_status st = add(s, e, value, c->value);
    if (st != CQL_OK) return st;
  }
  return CQL_OK;
}

static int slice_order(const void *x, const void *y) {
  return cql_slice_cmp(*(const cql_slice *)x, *(const cql_slice *)y);
}

/* Ascending; elements of equal value give one entry twice. */
static bool is_zero(cql_slice floats) {
  for (size_t i = 0; i < floats.len; i++)
    if ((floats.data[i] & (i % 4 == 0 ? 0x7F : 0xFF)) != 0) return false; /* -0 is zero as well */
  return true;
}

/* Vectors have no entries; but what has no direction cannot be compared by it. */
static cql_status check_vector(const source *s, const cqle_row *r) {
  const cqle_column_data *d = cqle_row_column(r, s->index->column->id);
  if (d == NULL || s->index->kind != CQLE_INDEX_SAI || cqle_index_similarity(s->index) != CQLE_COSINE) return CQL_OK;
  return d->cells[0].tombstone || !is_zero(d->cells[0].value) ? CQL_OK : CQL_INVALID;
}

static cql_status collect(const source *s, const cqle_row *r, entries *e) {
  cql_status st = CQL_OK;
  *e = (entries){0};
  if (r == NULL) return st;
  if (cqle_index_is_vector(s->index)) return check_vector(s, r);
  const cqle_column *column = s->index->column;
  if (column->kind == CQLE_PARTITION_KEY || column->kind == CQLE_CLUSTERING) {
    st = collect_key(s, r, e);
  } else {
    const cqle_column_data *d = cqle_row_column(r, column->id);
    if (d != NULL) st = collect_cells(s, d, e);
  }
  if (e->count > 1) qsort(e->keys, e->count, sizeof *e->keys, slice_order);
  return st;
}

cql_status cqle_index_entries(const cqle_table *table, const cqle_index *index, cqle_pkey pkey, cql_slice position,
                              const cqle_row *r, cql_arena *a, cql_slice **keys, uint32_t *count) {
  source s = {table, index, pkey, position, a};
  entries e;
  cql_status st = collect(&s, r, &e);
  *keys = e.keys;
  *count = e.count;
  return st;
}

/* --- in step ------------------------------------------------------------------------------------------------------ */

static cql_status put_entry(cqle_txn *t, const source *s, cql_slice key, cql_error *err) {
  cql_alloc alloc = cqle_arena_alloc(s->a);
  cql_buf b;
  cqle_key_buf(&b, &alloc);
  cql_buf_uvarint(&b, key.len - s->position.len - 1);
  return b.st == CQL_OK ? cqle_put(t, key, cql_buf_view(&b), err) : cqle_buf_failed(&b, err);
}

static uint32_t behind_equal(const entries *e, uint32_t i) {
  uint32_t next = i + 1;
  while (next < e->count && cql_slice_eq(e->keys[next], e->keys[i])) next++;
  return next;
}

static cql_status apply(cqle_txn *t, const source *s, const entries *before, const entries *after, cql_error *err) {
  cql_status st = CQL_OK;
  uint32_t i = 0, j = 0;
  while (st == CQL_OK && (i < before->count || j < after->count)) {
    int c = i == before->count ? 1 : j == after->count ? -1 : cql_slice_cmp(before->keys[i], after->keys[j]);
    if (c < 0) st = cqle_del(t, before->keys[i], err);
    if (c > 0) st = put_entry(t, s, after->keys[j], err);
    if (c <= 0) i = behind_equal(before, i);
    if (c >= 0) j = behind_equal(after, j);
  }
  return st;
}

static cql_status words(cql_status st, const source *s, cql_error *err) {
  if (st == CQL_CORRUPT) return cqle_row_corrupt(st, s->table, err);
  if (st == CQL_INVALID)
    return cql_fail(err, st,
                    "Zero and near-zero vectors cannot be indexed or queried with cosine similarity: column %s has the "
                    "index %s",
                    s->index->column->name, s->index->name);
  if (st == CQL_LIMIT) return cql_fail(err, st, "a value is too large for the index %s", s->index->name);
  return st == CQL_OK ? st : cqle_nomem(err);
}

/* All entries of all indexes are put together before any is written: until then before and after may borrow from the
 * transaction's last read. */
cql_status cqle_index_update(cqle_txn *t, const cqle_table *table, cqle_pkey pkey, cql_slice position,
                             const cqle_row *before, const cqle_row *after, cql_arena *a, cql_error *err) {
  uint32_t n = table->index_count;
  entries *lists = cql_arena_array(a, (size_t)n * 2, sizeof *lists);
  if (lists == NULL) return cqle_nomem(err);
  source s = {table, NULL, pkey, position, a};
  cql_status st = CQL_OK;
  for (uint32_t i = 0; i < n && st == CQL_OK; i++) {
    s.index = table->indexes[i];
    st = collect(&s, before, &lists[2 * i]);
    if (st == CQL_OK) st = collect(&s, after, &lists[2 * i + 1]);
  }
  if (st != CQL_OK) return words(st, &s, err);
  for (uint32_t i = 0; i < n && st == CQL_OK; i++) {
    s.index = table->indexes[i];
    st = apply(t, &s, &lists[2 * i], &lists[2 * i + 1], err);
  }
  return st;
}

/* --- build -------------------------------------------------------------------------------------------------------- */

static cql_status build_row(cqle_txn *t, const cqle_table *table, const cqle_index *index, const cqle_scan_row *r,
                            cql_arena *a, cql_error *err) {
  static const entries NONE = {0};
  source s = {table, index, r->pkey, r->position, a};
  entries e;
  cql_status st = words(collect(&s, &r->row, &e), &s, err);
  return st == CQL_OK ? apply(t, &s, &NONE, &e, err) : st;
}

cql_status cqle_index_build(cqle_txn *t, const cqle_table *table, const cqle_index *index, cql_error *err) {
  cqle_scan *scan;
  cqle_scan_row row;
  cql_arena scratch;
  cql_arena_init(&scratch, cqle_txn_alloc(t), CQL_ARENA_LIMIT_DEFAULT);
  cql_status st = cqle_scan_tokens(t, table, INT64_MIN, INT64_MAX, (cql_slice){NULL, 0}, &scan, err);
  while (st == CQL_OK && (st = cqle_scan_next(scan, &row, err)) == CQL_OK) {
    st = build_row(t, table, index, &row, &scratch, err);
    cql_arena_reset(&scratch);
  }
  cqle_scan_close(scan);
  cql_arena_free(&scratch);
  return st == CQL_DONE ? CQL_OK : st;
}
