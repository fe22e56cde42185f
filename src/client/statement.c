#include "client/client_int.h"

#include <string.h>

static bool copy_column(cql_arena *a, const cql_column *from, cql_column *to) {
  to->keyspace = cql_arena_str(a, cql_slice_str(from->keyspace));
  to->table = cql_arena_str(a, cql_slice_str(from->table));
  to->name = cql_arena_str(a, cql_slice_str(from->name));
  to->type = cql_type_clone(a, from->type);
  return to->keyspace != NULL && to->table != NULL && to->name != NULL && to->type != NULL;
}

static const cql_column *copy_columns(cql_arena *a, const cql_column *from, uint32_t count) {
  cql_column *columns = cql_arena_array(a, count > 0 ? count : 1, sizeof *columns);
  for (uint32_t i = 0; columns != NULL && i < count; i++)
    if (!copy_column(a, &from[i], &columns[i])) return NULL;
  return columns;
}

/* --- what its rows look like -------------------------------------------------------------------------------------- */

static void columns_free(const cql_alloc *alloc, cqli_columns *c) {
  cql_arena_free(&c->arena);
  cql_alloc_free(alloc, c, sizeof *c);
}

static cqli_columns *columns_new(const cql_alloc *alloc, const cql_column *columns, uint32_t count,
                                 cql_slice metadata_id) {
  cqli_columns *c = cql_alloc_new(alloc, sizeof *c);
  if (c == NULL) return NULL;
  cql_arena_init(&c->arena, alloc, CQL_ARENA_LIMIT_DEFAULT);
  c->count = columns == NULL ? 0 : count; /* left out, as for a conditional write */
  c->columns = copy_columns(&c->arena, columns, c->count);
  cql_status st = CQL_OK;
  if (metadata_id.data != NULL) st = cql_arena_slice(&c->arena, metadata_id, &c->metadata_id);
  if (c->columns != NULL && st == CQL_OK) return c;
  columns_free(alloc, c);
  return NULL;
}

cql_status cqli_statement_change(cql_statement *s, const cql_rows_metadata *m, cqli_columns **out, cql_error *err) {
  cqli_columns *made = NULL, *now = atomic_load(&s->columns);
  while (!cql_slice_eq(now->metadata_id, m->new_metadata_id)) { /* else another answer has told it already */
    if (made == NULL) made = columns_new(s->alloc, m->columns, m->column_count, m->new_metadata_id);
    if (made == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
    made->older = now;
    if (!atomic_compare_exchange_weak(&s->columns, &now, made)) continue;
    now = made;
    made = NULL;
    atomic_store(&s->is_stale, true);
  }
  if (made != NULL) columns_free(s->alloc, made);
  *out = now;
  return CQL_OK;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static void destroy(cql_statement *s) {
  cqli_columns *c = atomic_load(&s->columns);
  while (c != NULL) {
    cqli_columns *older = c->older;
    columns_free(s->alloc, c);
    c = older;
  }
  cql_arena_free(&s->arena);
  cql_alloc_free(s->alloc, s, sizeof *s);
}

static bool fill(cql_statement *s, const char *keyspace, cql_slice text, const cql_prepared_result *r) {
  cql_arena *a = &s->arena;
  cql_statement_info *info = &s->info;
  const char *name = r->bind_count > 0                                     ? r->binds[0].keyspace
                     : r->rows.columns != NULL && r->rows.column_count > 0 ? r->rows.columns[0].keyspace
                                                                           : keyspace;
  info->bind_count = r->bind_count;
  info->key_index_count = r->key_index_count;
  info->binds = copy_columns(a, r->binds, r->bind_count);
  info->key_indexes = cql_arena_copy(a, r->key_indexes, r->key_index_count * sizeof *r->key_indexes);
  info->keyspace = cql_arena_str(a, cql_slice_str(keyspace));
  s->routing_keyspace = cql_arena_str(a, cql_slice_str(name));
  cqli_columns *c = columns_new(s->alloc, r->rows.columns, r->rows.column_count, r->metadata_id);
  atomic_store(&s->columns, c);
  if (c != NULL) {
    info->column_count = c->count;
    info->columns = c->columns;
  }
  return c != NULL && info->binds != NULL && info->keyspace != NULL && s->routing_keyspace != NULL &&
         (r->key_index_count == 0 || info->key_indexes != NULL) && cql_arena_slice(a, text, &info->text) == CQL_OK &&
         cql_arena_slice(a, r->id, &s->id) == CQL_OK;
}

cql_status cqli_statement_new(cql_statement **out, const cql_alloc *alloc, const char *keyspace, cql_slice text,
                              const cql_prepared_result *r, cql_error *err) {
  cql_statement *s = cql_alloc_new(alloc, sizeof *s);
  if (s == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  s->alloc = alloc;
  atomic_store(&s->refs, 1);
  cql_arena_init(&s->arena, alloc, CQL_ARENA_LIMIT_DEFAULT);
  if (fill(s, keyspace, text, r)) {
    *out = s;
    return CQL_OK;
  }
  destroy(s);
  return cql_fail(err, CQL_NOMEM, "Out of memory");
}

cql_statement *cql_statement_retain(cql_statement *s) {
  atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
  return s;
}

void cql_statement_release(cql_statement *s) {
  if (s != NULL && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1) destroy(s);
}

const cql_statement_info *cql_statement_get_info(const cql_statement *s) {
  return &s->info;
}

bool cql_statement_is_stale(const cql_statement *s) {
  return atomic_load_explicit(&s->is_stale, memory_order_relaxed);
}

static bool same_binds(const cql_statement *s, const cql_prepared_result *r) {
  if (s->info.bind_count != r->bind_count) return false;
  for (uint32_t i = 0; i < r->bind_count; i++) {
    const cql_column *x = &s->info.binds[i], *y = &r->binds[i];
    if (strcmp(x->name, y->name) != 0 || !cql_type_eq(x->type, y->type)) return false;
  }
  return true;
}

bool cqli_statement_fits(const cql_statement *s, const cql_prepared_result *r) {
  return cql_slice_eq(s->id, r->id) && same_binds(s, r);
}
