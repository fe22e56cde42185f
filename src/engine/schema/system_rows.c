/* system_rows.c: the rows of system.local and system_schema.*, made from the snapshot that the statement runs with. */
#include "engine/schema/system.h"

#include <stdlib.h>
#include <string.h>

/* One row under construction: cells in the order of the table's columns. */
typedef struct row {
  cqle_exec *x;
  const cqle_table *t;
  cql_slice *cells;
  cqle_emit emit;
  void *user;
} row;

static cql_status row_init(row *r, cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user) {
  *r = (row){.x = x, .t = t, .emit = emit, .user = user};
  r->cells = cql_arena_array(x->arena, t->column_count, sizeof *r->cells);
  if (!r->cells) return cqle_out_of_memory(x->err);
  memset(r->cells, 0, t->column_count * sizeof *r->cells);
  return CQL_OK;
}

static void set(row *r, const char *name, cql_slice value) {
  const cqle_column *c = cqle_table_column(r->t, cql_slice_str(name));
  if (c) r->cells[c - r->t->columns] = value;
}

static void set_text(row *r, const char *name, const char *text) {
  set(r, name, cql_slice_str(text));
}

static cql_status emit_row(row *r) {
  return r->emit(r->user, r->cells);
}

/* Bytes that live as long as the execution. */
static cql_status set_bytes(row *r, const char *name, const void *bytes, size_t len) {
  cql_slice value;
  if (cql_arena_slice(r->x->arena, cql_slice_of(bytes, len), &value) != CQL_OK) return cqle_out_of_memory(r->x->err);
  set(r, name, value);
  return CQL_OK;
}

static cql_status set_int(row *r, const char *name, int32_t v) {
  uint8_t bytes[4];
  cql_store_u32(bytes, (uint32_t)v);
  return set_bytes(r, name, bytes, sizeof bytes);
}

/* second NULL: a set of one */
static cql_status set_set(row *r, const char *name, const char *first, const char *second) {
  cql_buf b;
  cql_status st;
  cql_buf_init(&b, r->x->engine->alloc, 1024);
  cql_put_count(&b, second ? 2 : 1);
  cql_put_element(&b, cql_slice_str(first));
  if (second) cql_put_element(&b, cql_slice_str(second));
  st = b.st == CQL_OK ? set_bytes(r, name, b.data, b.len) : cqle_out_of_memory(r->x->err);
  cql_buf_free(&b);
  return st;
}

static cql_status set_map(row *r, const char *name, const char *const *strings, uint32_t entries) {
  cqle_option_map m = {0};
  cql_slice value;
  for (uint32_t i = 0; i < entries; i++)
    CQLE_SCHEMA(cqle_option_map_put(&m, cql_slice_str(strings[2 * i]), cql_slice_str(strings[2 * i + 1]), r->x->err));
  CQLE_SCHEMA(cqle_option_map_encode(r->x->arena, &m, &value, r->x->err));
  set(r, name, value);
  return CQL_OK;
}

static cql_status set_type(row *r, const char *name, const cql_type *type) {
  cql_buf b;
  cql_status st;
  cql_buf_init(&b, r->x->engine->alloc, CQLE_CATALOG_STRING_MAX);
  cql_type_print_cql(&b, type);
  st = b.st == CQL_OK ? set_bytes(r, name, b.data, b.len) : cqle_out_of_memory(r->x->err);
  cql_buf_free(&b);
  return st;
}

/* --- which keyspaces, in which order ------------------------------------------------------------------------------ */

static bool is_virtual(const cqle_keyspace *ks) {
  return strcmp(ks->name, CQLE_VIRTUAL_KEYSPACE) == 0 || strcmp(ks->name, CQLE_VIEWS_KEYSPACE) == 0;
}

static int compare_tokens(const void *left, const void *right) {
  const cqle_keyspace *const *x = left, *const *y = right;
  int64_t a = cql_murmur3_token(cql_slice_str((*x)->name)), b = cql_murmur3_token(cql_slice_str((*y)->name));
  return a != b ? (a < b ? -1 : 1) : strcmp((*x)->name, (*y)->name);
}

typedef cql_status (*visit_keyspace)(row *r, const cqle_keyspace *ks);

/* system_schema knows every keyspace but the virtual ones, and is partitioned by token as any table. */
static cql_status each_keyspace(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user, visit_keyspace visit) {
  const cqle_keyspace **sorted = cql_arena_array(x->arena, x->schema->keyspace_count, sizeof *sorted);
  uint32_t count = 0;
  row r;
  if (!sorted) return cqle_out_of_memory(x->err);
  CQLE_SCHEMA(row_init(&r, x, t, emit, user));
  for (uint32_t i = 0; i < x->schema->keyspace_count; i++)
    if (!is_virtual(x->schema->keyspaces[i])) sorted[count++] = x->schema->keyspaces[i];
  qsort(sorted, count, sizeof *sorted, compare_tokens);
  for (uint32_t i = 0; i < count; i++) {
    set_text(&r, "keyspace_name", sorted[i]->name);
    CQLE_SCHEMA(visit(&r, sorted[i]));
  }
  return CQL_OK;
}

/* Keyspaces are in the order of their names, and so are those of the virtual tables. */
static cql_status virtual_keyspace(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user,
                                   visit_keyspace visit) {
  row r;
  CQLE_SCHEMA(row_init(&r, x, t, emit, user));
  for (uint32_t i = 0; i < x->schema->keyspace_count; i++) {
    const cqle_keyspace *ks = x->schema->keyspaces[i];
    if (!is_virtual(ks)) continue;
    set_text(&r, "keyspace_name", ks->name);
    CQLE_SCHEMA(visit(&r, ks));
  }
  return CQL_OK;
}

/* --- system ------------------------------------------------------------------------------------------------------- */

cql_status cqle_read_nothing(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user) {
  (void)x;
  (void)t;
  (void)emit;
  (void)user;
  return CQL_OK;
}

cql_status cqle_read_local(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user) {
  static const uint8_t loopback[4] = {127, 0, 0, 1};
  enum { NATIVE_PORT = 9042, STORAGE_PORT = 7000, GENERATION = 1 };
  cql_slice address = cql_slice_of(loopback, sizeof loopback);
  row r;
  CQLE_SCHEMA(row_init(&r, x, t, emit, user));
  set_text(&r, "key", "local");
  set_text(&r, "bootstrapped", "COMPLETED");
  set(&r, "broadcast_address", address);
  set(&r, "listen_address", address);
  set(&r, "rpc_address", address);
  set_text(&r, "cluster_name", CQLE_CLUSTER_NAME);
  set_text(&r, "cql_version", "3.4.7");
  set_text(&r, "data_center", CQLE_DATA_CENTER);
  set_text(&r, "native_protocol_version", "5");
  set_text(&r, "partitioner", "org.apache.cassandra.dht.Murmur3Partitioner");
  set_text(&r, "rack", "rack1");
  set_text(&r, "release_version", CQLE_RELEASE_VERSION);
  set(&r, "host_id", cql_slice_of(x->schema->host_id, 16));
  set(&r, "schema_version", cql_slice_of(x->schema->uuid, 16));
  CQLE_SCHEMA(set_int(&r, "broadcast_port", STORAGE_PORT));
  CQLE_SCHEMA(set_int(&r, "listen_port", STORAGE_PORT));
  CQLE_SCHEMA(set_int(&r, "rpc_port", NATIVE_PORT));
  CQLE_SCHEMA(set_int(&r, "gossip_generation", GENERATION));
  CQLE_SCHEMA(set_set(&r, "tokens", "0", NULL));
  return emit_row(&r);
}

/* --- system_schema ------------------------------------------------------------------------------------------------ */

static cql_status keyspace_row(row *r, const cqle_keyspace *ks) {
  uint8_t durable = ks->durable_writes;
  CQLE_SCHEMA(set_bytes(r, "durable_writes", &durable, 1));
  CQLE_SCHEMA(set_map(r, "replication", ks->replication, ks->replication_count));
  return emit_row(r);
}

cql_status cqle_read_keyspaces(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user) {
  return each_keyspace(x, t, emit, user, keyspace_row);
}

static cql_status table_rows(row *r, const cqle_keyspace *ks) {
  static const uint8_t zero[8]; /* the double 0.0 */
  for (uint32_t i = 0; i < ks->table_count; i++) {
    const cqle_table *t = ks->tables[i];
    set_text(r, "table_name", t->name);
    for (uint32_t o = 0; o < t->option_count; o++) set(r, t->options[o].name, t->options[o].value);
    set(r, "dclocal_read_repair_chance", cql_slice_of(zero, sizeof zero));
    set(r, "read_repair_chance", cql_slice_of(zero, sizeof zero));
    set(r, "id", cql_slice_of(t->uuid, 16));
    CQLE_SCHEMA(set_set(r, "flags", "compound", t->is_counter ? "counter" : NULL));
    CQLE_SCHEMA(emit_row(r));
  }
  return CQL_OK;
}

cql_status cqle_read_tables(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user) {
  return each_keyspace(x, t, emit, user, table_rows);
}

static int compare_names(const void *left, const void *right) {
  const cqle_column *const *x = left, *const *y = right;
  return strcmp((*x)->name, (*y)->name);
}

static cql_status column_row(row *r, const cqle_column *c) {
  bool key = c->kind == CQLE_PARTITION_KEY || c->kind == CQLE_CLUSTERING;
  const char *order = c->reversed ? "desc" : "asc";
  set_text(r, "column_name", c->name);
  set(r, "column_name_bytes", c->name_slice);
  set_text(r, "clustering_order", c->kind == CQLE_CLUSTERING ? order : "none");
  set_text(r, "kind", cqle_column_kind_text(c->kind));
  CQLE_SCHEMA(set_int(r, "position", key ? (int32_t)c->position : -1));
  CQLE_SCHEMA(set_type(r, "type", c->type));
  return emit_row(r);
}

static cql_status column_rows(row *r, const cqle_keyspace *ks) {
  for (uint32_t i = 0; i < ks->table_count; i++) {
    const cqle_table *t = ks->tables[i];
    const cqle_column **sorted = cql_arena_array(r->x->arena, t->column_count, sizeof *sorted);
    if (!sorted) return cqle_out_of_memory(r->x->err);
    for (uint32_t c = 0; c < t->column_count; c++) sorted[c] = &t->columns[c];
    qsort(sorted, t->column_count, sizeof *sorted, compare_names);
    set_text(r, "table_name", t->name);
    for (uint32_t c = 0; c < t->column_count; c++) CQLE_SCHEMA(column_row(r, sorted[c]));
  }
  return CQL_OK;
}

cql_status cqle_read_columns(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user) {
  return each_keyspace(x, t, emit, user, column_rows);
}

static int compare_dropped(const void *left, const void *right) {
  const cqle_dropped_column *const *x = left, *const *y = right;
  return strcmp((*x)->name, (*y)->name);
}

static cql_status dropped_row(row *r, const cqle_dropped_column *d) {
  uint8_t millis[8];
  cql_store_u64(millis, (uint64_t)(d->dropped_us / 1000));
  set_text(r, "column_name", d->name);
  set_text(r, "kind", cqle_column_kind_text(d->kind));
  CQLE_SCHEMA(set_bytes(r, "dropped_time", millis, sizeof millis));
  CQLE_SCHEMA(set_type(r, "type", d->type));
  return emit_row(r);
}

static cql_status dropped_rows(row *r, const cqle_keyspace *ks) {
  for (uint32_t i = 0; i < ks->table_count; i++) {
    const cqle_table *t = ks->tables[i];
    const cqle_dropped_column **sorted = cql_arena_array(r->x->arena, t->dropped_count + 1, sizeof *sorted);
    if (!sorted) return cqle_out_of_memory(r->x->err);
    for (uint32_t d = 0; d < t->dropped_count; d++) sorted[d] = &t->dropped[d];
    qsort(sorted, t->dropped_count, sizeof *sorted, compare_dropped);
    set_text(r, "table_name", t->name);
    for (uint32_t d = 0; d < t->dropped_count; d++) CQLE_SCHEMA(dropped_row(r, sorted[d]));
  }
  return CQL_OK;
}

cql_status cqle_read_dropped_columns(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user) {
  return each_keyspace(x, t, emit, user, dropped_rows);
}

static cql_status index_rows(row *r, const cqle_keyspace *ks) {
  for (uint32_t i = 0; i < ks->table_count; i++) {
    const cqle_table *t = ks->tables[i];
    set_text(r, "table_name", t->name);
    for (uint32_t n = 0; n < t->index_count; n++) {
      set_text(r, "index_name", t->indexes[n]->name);
      set_text(r, "kind", t->indexes[n]->kind == CQLE_INDEX_SAI ? "CUSTOM" : "COMPOSITES");
      CQLE_SCHEMA(set_map(r, "options", t->indexes[n]->options, t->indexes[n]->option_count));
      CQLE_SCHEMA(emit_row(r));
    }
  }
  return CQL_OK;
}

cql_status cqle_read_indexes(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user) {
  return each_keyspace(x, t, emit, user, index_rows);
}

/* --- indexes that are built: all of them, since CREATE INDEX returns when its entries are there --------------------
 */

typedef struct table_index {
  const cqle_table *table;
  const cqle_index *index;
} table_index;

static int compare_indexes(const void *left, const void *right) {
  const table_index *a = left, *b = right;
  return strcmp(a->index->name, b->index->name);
}

/* The indexes of a keyspace by name, which is unique there. */
static cql_status sorted_indexes(row *r, const cqle_keyspace *ks, table_index **out, uint32_t *count) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < ks->table_count; i++) n += ks->tables[i]->index_count;
  *out = cql_arena_array(r->x->arena, n + 1, sizeof **out);
  *count = n;
  if (!*out) return cqle_out_of_memory(r->x->err);
  for (uint32_t i = 0, k = 0; i < ks->table_count; i++)
    for (uint32_t j = 0; j < ks->tables[i]->index_count; j++)
      (*out)[k++] = (table_index){ks->tables[i], ks->tables[i]->indexes[j]};
  qsort(*out, n, sizeof **out, compare_indexes);
  return CQL_OK;
}

static cql_status built_rows(row *r, const cqle_keyspace *ks) {
  table_index *found;
  uint32_t count;
  CQLE_SCHEMA(sorted_indexes(r, ks, &found, &count));
  set_text(r, "table_name", ks->name); /* the column's name is a relic; it holds the keyspace */
  for (uint32_t i = 0; i < count; i++) {
    set_text(r, "index_name", found[i].index->name);
    CQLE_SCHEMA(emit_row(r));
  }
  return CQL_OK;
}

cql_status cqle_read_built_indexes(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user) {
  return each_keyspace(x, t, emit, user, built_rows);
}

/* What a storage-attached index treats as a string (index/sai/utils/IndexTermType.java, isLiteral). */
static bool is_literal(const cqle_index *index) {
  const cql_type *type = index->column->type;
  if (index->target == CQLE_TARGET_ENTRIES) return true;
  if (index->target == CQLE_TARGET_KEYS) type = type->args[0];
  if (index->target == CQLE_TARGET_VALUES) type = type->args[type->arg_count - 1];
  switch (type->code) {
  case CQL_TYPE_TEXT:
  case CQL_TYPE_ASCII:
  case CQL_TYPE_BOOLEAN:
  case CQL_TYPE_TUPLE:
  case CQL_TYPE_VECTOR:
  case CQL_TYPE_UDT:
  case CQL_TYPE_LIST:
  case CQL_TYPE_SET:
  case CQL_TYPE_MAP: return true;
  default: return false;
  }
}

static cql_status sai_rows(row *r, const cqle_keyspace *ks) {
  static const uint8_t yes = 1, no = 0;
  table_index *found;
  uint32_t count;
  CQLE_SCHEMA(sorted_indexes(r, ks, &found, &count));
  for (uint32_t i = 0; i < count; i++) {
    const cqle_index *index = found[i].index;
    if (index->kind != CQLE_INDEX_SAI) continue;
    set_text(r, "index_name", index->name);
    set_text(r, "table_name", found[i].table->name);
    set_text(r, "column_name", index->column->name);
    set_text(r, "analyzer", "NoOpAnalyzer");
    set(r, "is_building", cql_slice_of(&no, 1));
    set(r, "is_queryable", cql_slice_of(&yes, 1));
    set(r, "is_string", cql_slice_of(is_literal(index) ? &yes : &no, 1));
    CQLE_SCHEMA(emit_row(r));
  }
  return CQL_OK;
}

cql_status cqle_read_sai_indexes(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user) {
  return each_keyspace(x, t, emit, user, sai_rows);
}

/* The names, or the types, of a user type's fields as a list. */
static cql_status set_fields(row *r, const char *name, const cql_type *type, bool types) {
  cql_buf list, text;
  cql_status st;
  cql_buf_init(&list, r->x->engine->alloc, CQL_VALUE_LEN_MAX);
  cql_buf_init(&text, r->x->engine->alloc, CQLE_CATALOG_STRING_MAX);
  cql_put_count(&list, type->arg_count);
  for (uint32_t i = 0; i < type->arg_count && text.st == CQL_OK; i++) {
    cql_buf_reset(&text);
    if (types)
      cql_type_print_cql(&text, type->args[i]);
    else
      cql_buf_slice(&text, type->field_names[i]);
    cql_put_element(&list, cql_buf_view(&text));
  }
  st = list.st == CQL_OK && text.st == CQL_OK ? set_bytes(r, name, list.data, list.len) : cqle_out_of_memory(r->x->err);
  cql_buf_free(&list);
  cql_buf_free(&text);
  return st;
}

static cql_status type_rows(row *r, const cqle_keyspace *ks) {
  for (uint32_t i = 0; i < ks->type_count; i++) {
    set(r, "type_name", ks->types[i]->name);
    CQLE_SCHEMA(set_fields(r, "field_names", ks->types[i], false));
    CQLE_SCHEMA(set_fields(r, "field_types", ks->types[i], true));
    CQLE_SCHEMA(emit_row(r));
  }
  return CQL_OK;
}

cql_status cqle_read_types(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user) {
  return each_keyspace(x, t, emit, user, type_rows);
}

/* --- system_virtual_schema ---------------------------------------------------------------------------------------- */

static cql_status virtual_keyspace_row(row *r, const cqle_keyspace *ks) {
  (void)ks;
  return emit_row(r);
}

cql_status cqle_read_virtual_keyspaces(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user) {
  return virtual_keyspace(x, t, emit, user, virtual_keyspace_row);
}

cql_status cqle_read_virtual_tables(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user) {
  return virtual_keyspace(x, t, emit, user, table_rows);
}

cql_status cqle_read_virtual_columns(cqle_exec *x, const cqle_table *t, cqle_emit emit, void *user) {
  return virtual_keyspace(x, t, emit, user, column_rows);
}
