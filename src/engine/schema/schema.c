/* schema.c: loading a snapshot, finding things in it. */
#include "engine/schema/catalog.h"

#include <stdlib.h>
#include <string.h>

/* --- finding ------------------------------------------------------------------------------------------------------ */

static int compare_name(cql_slice name, const char *other) {
  return cql_slice_cmp(name, cql_slice_str(other));
}

const cqle_keyspace *cqle_schema_keyspace(const cqle_schema *s, cql_slice name) {
  uint32_t low = 0, high = s->keyspace_count;
  while (low < high) {
    uint32_t mid = low + (high - low) / 2;
    int order = compare_name(name, s->keyspaces[mid]->name);
    if (order == 0) return s->keyspaces[mid];
    if (order < 0)
      high = mid;
    else
      low = mid + 1;
  }
  return NULL;
}

const cqle_table *cqle_keyspace_table(const cqle_keyspace *ks, cql_slice name) {
  uint32_t low = 0, high = ks->table_count;
  while (low < high) {
    uint32_t mid = low + (high - low) / 2;
    int order = compare_name(name, ks->tables[mid]->name);
    if (order == 0) return ks->tables[mid];
    if (order < 0)
      high = mid;
    else
      low = mid + 1;
  }
  return NULL;
}

static const cqle_column *find_by_name(const cqle_column *const *columns, uint32_t count, cql_slice name) {
  uint32_t low = 0, high = count;
  while (low < high) {
    uint32_t mid = low + (high - low) / 2;
    int order = cql_slice_cmp(name, columns[mid]->name_slice);
    if (order == 0) return columns[mid];
    if (order < 0)
      high = mid;
    else
      low = mid + 1;
  }
  return NULL;
}

/* Key columns stand in the key's order, and are few; the others are sorted by name. */
const cqle_column *cqle_table_column(const cqle_table *t, cql_slice name) {
  const cqle_column *found;
  for (uint32_t i = 0; i < t->partition_count + t->clustering_count; i++)
    if (cql_slice_eq(name, t->columns[i].name_slice)) return &t->columns[i];
  found = find_by_name(t->regulars, t->regular_count, name);
  return found ? found : find_by_name(t->statics, t->static_count, name);
}

const cqle_column *cqle_table_column_by_id(const cqle_table *t, uint32_t id) {
  for (uint32_t i = 0; i < t->column_count; i++)
    if (t->columns[i].id == id) return &t->columns[i];
  return NULL;
}

cql_status cqle_schema_resolve(const cqle_schema *s, const char *default_keyspace, const cqle_qname *name,
                               const cqle_table **out, cql_error *err) {
  cql_slice keyspace = name->keyspace;
  const cqle_keyspace *ks;
  *out = NULL;
  if (!keyspace.data && default_keyspace) keyspace = cql_slice_str(default_keyspace);
  if (!keyspace.data)
    return cql_fail(err, CQL_INVALID,
                    "No keyspace has been specified. USE a keyspace, or explicitly specify keyspace.tablename");
  ks = cqle_schema_keyspace(s, keyspace);
  if (!ks) return cql_fail(err, CQL_INVALID, "keyspace " CQL_SLICE_FMT " does not exist", CQL_SLICE_ARG(keyspace));
  *out = cqle_keyspace_table(ks, name->name);
  if (!*out) return cql_fail(err, CQL_INVALID, "table " CQL_SLICE_FMT " does not exist", CQL_SLICE_ARG(name->name));
  return CQL_OK;
}

/* --- loading ------------------------------------------------------------------------------------------------------ */

typedef struct loader {
  cqle_txn *txn;
  cql_arena *a;
  const cqle_keyspace **keyspaces;
  uint32_t count, cap;
  cql_error *err;
} loader;

static cql_status add_keyspace(loader *l, const cqle_keyspace *ks) {
  if (l->count == l->cap) {
    uint32_t cap = l->cap ? l->cap * 2 : 8;
    const cqle_keyspace **grown = cql_arena_array(l->a, cap, sizeof *grown);
    if (!grown) return cqle_out_of_memory(l->err);
    if (l->count) memcpy(grown, l->keyspaces, l->count * sizeof *grown);
    l->keyspaces = grown;
    l->cap = cap;
  }
  l->keyspaces[l->count++] = ks;
  return CQL_OK;
}

static cql_status load_keyspace(loader *l, cql_slice name, cql_slice value) {
  cqle_keyspace *ks = cql_arena_get(l->a, sizeof *ks);
  if (!ks) return cqle_out_of_memory(l->err);
  if (l->count == CQLE_TABLES_MAX) return cqle_catalog_corrupt(l->err);
  CQLE_SCHEMA(cqle_catalog_decode_keyspace(l->a, name, value, ks, l->err));
  CQLE_SCHEMA(cqle_catalog_load_types(l->txn, l->a, ks, l->err));
  return add_keyspace(l, ks);
}

/* Tables come by keyspace and in the same order as keyspaces did: the current one only moves forwards. */
typedef struct table_list {
  uint32_t keyspace; /* index into keyspaces */
  const cqle_table **tables;
  uint32_t count, cap;
} table_list;

static void close_keyspace(loader *l, table_list *list) {
  cqle_keyspace *ks = (cqle_keyspace *)l->keyspaces[list->keyspace];
  ks->tables = list->tables;
  ks->table_count = list->count;
  *list = (table_list){.keyspace = list->keyspace + 1};
}

static cql_status load_table(loader *l, table_list *list, cql_slice name, cql_slice value) {
  const uint8_t *zero = name.len ? memchr(name.data, 0, name.len) : NULL;
  cqle_table *t = cql_arena_get(l->a, sizeof *t);
  cql_slice keyspace;
  if (!t) return cqle_out_of_memory(l->err);
  if (!zero) return cqle_catalog_corrupt(l->err);
  keyspace = cql_slice_of(name.data, (size_t)(zero - name.data));
  while (list->keyspace < l->count && compare_name(keyspace, l->keyspaces[list->keyspace]->name) != 0)
    close_keyspace(l, list);
  if (list->keyspace == l->count || list->count == CQLE_TABLES_MAX) return cqle_catalog_corrupt(l->err);
  t->keyspace = l->keyspaces[list->keyspace];
  CQLE_SCHEMA(cqle_catalog_decode_table(l->a, cql_slice_of(zero + 1, name.len - keyspace.len - 1), value, t, l->err));
  if (list->count == list->cap) {
    uint32_t cap = list->cap ? list->cap * 2 : 16;
    const cqle_table **grown = cql_arena_array(l->a, cap, sizeof *grown);
    if (!grown) return cqle_out_of_memory(l->err);
    if (list->count) memcpy(grown, list->tables, list->count * sizeof *grown);
    list->tables = grown;
    list->cap = cap;
  }
  list->tables[list->count++] = t;
  return CQL_OK;
}

static cql_status load_all(loader *l, uint8_t kind) {
  enum { HEAD_LEN = 5 };
  uint8_t from[HEAD_LEN], to[HEAD_LEN];
  table_list list = {0};
  cqle_cursor *cursor = NULL;
  cql_slice key, value;
  cql_status st;
  cqle_catalog_range(kind, from, to);
  CQL_TRY(
      cqle_cursor_open(l->txn, cql_slice_of(from, sizeof from), cql_slice_of(to, sizeof to), false, &cursor, l->err));
  while ((st = cqle_cursor_next(cursor, &key, &value, l->err)) == CQL_OK) {
    cql_slice name = cql_slice_of(key.data + HEAD_LEN, key.len - HEAD_LEN);
    CQL_TRY(kind == CQLE_CATALOG_KEYSPACE ? load_keyspace(l, name, value) : load_table(l, &list, name, value));
  }
  if (st != CQL_DONE) goto done;
  st = CQL_OK;
  if (kind == CQLE_CATALOG_TABLE)
    while (list.keyspace < l->count) close_keyspace(l, &list);
done:
  cqle_cursor_close(cursor);
  return st;
}

static int compare_keyspaces(const void *left, const void *right) {
  const cqle_keyspace *const *x = left, *const *y = right;
  return strcmp((*x)->name, (*y)->name);
}

static cql_status share_system(cqle_schema *s, const cqle_schema *known, cql_error *err) {
  if (!known) return cqle_system_new(&s->system, s->alloc, err);
  s->system = known->system;
  atomic_fetch_add(&s->system->refs, 1);
  return CQL_OK;
}

static cql_status load_into(loader *l, cqle_schema *s) {
  cqle_catalog_state state;
  CQLE_SCHEMA(cqle_catalog_get_state(l->txn, &state, l->err));
  s->version = state.version;
  memcpy(s->uuid, state.uuid, sizeof s->uuid);
  memcpy(s->host_id, state.host_id, sizeof s->host_id);
  CQLE_SCHEMA(load_all(l, CQLE_CATALOG_KEYSPACE));
  CQLE_SCHEMA(load_all(l, CQLE_CATALOG_TABLE));
  for (uint32_t i = 0; i < CQLE_SYSTEM_KEYSPACES; i++) CQLE_SCHEMA(add_keyspace(l, s->system->keyspaces[i]));
  qsort(l->keyspaces, l->count, sizeof(*l->keyspaces), compare_keyspaces);
  s->keyspaces = l->keyspaces;
  s->keyspace_count = l->count;
  return CQL_OK;
}

cql_status cqle_schema_load(cqle_txn *txn, const cql_alloc *alloc, const cqle_schema *known, cqle_schema **out,
                            cql_error *err) {
  cqle_schema *s = cql_alloc_new(alloc, sizeof *s);
  loader l = {.txn = txn, .err = err};
  cql_status st;
  *out = NULL;
  if (!s) return cqle_out_of_memory(err);
  s->alloc = alloc;
  s->refs = 1;
  cql_arena_init(&s->arena, alloc, CQL_ARENA_LIMIT_DEFAULT);
  l.a = &s->arena;
  st = share_system(s, known, err);
  if (st == CQL_OK) st = load_into(&l, s);
  if (st != CQL_OK) {
    cqle_schema_free(s);
    return st;
  }
  *out = s;
  return CQL_OK;
}

void cqle_schema_free(cqle_schema *s) {
  if (!s) return;
  cqle_system_release(s->system);
  cql_arena_free(&s->arena);
  cql_alloc_free(s->alloc, s, sizeof *s);
}
