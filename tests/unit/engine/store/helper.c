/* helper.c: see helper.h. */
#include "helper.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- places ------------------------------------------------------------------------------------------------------- */

void temp_make(temp *t) {
  strcpy(t->dir, "/tmp/cql-store-XXXXXX");
  assert_non_null(mkdtemp(t->dir));
}

void temp_path(const temp *t, const char *name, char out[128]) {
  snprintf(out, 128, "%s/%s", t->dir, name);
}

static uint32_t visit(const temp *t, bool remove_too) {
  char path[128 + 256];
  uint32_t count = 0;
  DIR *dir = opendir(t->dir);
  assert_non_null(dir);
  for (struct dirent *e; (e = readdir(dir)) != NULL;) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    count++;
    snprintf(path, sizeof path, "%s/%s", t->dir, e->d_name);
    if (remove_too) assert_int_equal(remove(path), 0);
  }
  closedir(dir);
  return count;
}

uint32_t temp_count(const temp *t) {
  return visit(t, false);
}

void temp_remove(temp *t) {
  visit(t, true);
  assert_int_equal(rmdir(t->dir), 0);
}

cqle_store *store_open(const char *path) {
  cql_error err = {0};
  cqle_store *s;
  cqle_store_config config = {.path = path, .busy_timeout_ms = 10000, .alloc = &cql_alloc_libc};
  assert_ok(cqle_store_open(&s, &config, &err), err);
  return s;
}

/* --- tables ------------------------------------------------------------------------------------------------------- */

static const cqle_column **pick(cql_arena *a, const cqle_column *columns, uint32_t count, cqle_column_kind kind,
                                uint32_t *n) {
  const cqle_column **out = cql_arena_array(a, count, sizeof *out);
  *n = 0;
  for (uint32_t i = 0; i < count; i++)
    if (columns[i].kind == kind) out[(*n)++] = &columns[i];
  return out;
}

cqle_table *table_make(cql_arena *a, uint32_t id, const column_spec *specs, uint32_t count) {
  cql_error err = {0};
  cqle_table *t = cql_arena_zero(a, sizeof *t);
  cqle_column *columns = cql_arena_zero(a, count * sizeof *columns);
  uint32_t places[4] = {0};
  for (uint32_t i = 0; i < count; i++) {
    cqle_column *c = &columns[i];
    c->name = specs[i].name;
    c->name_slice = cql_slice_str(c->name);
    c->kind = specs[i].kind;
    c->id = i + 1;
    c->reversed = specs[i].reversed;
    c->position = places[c->kind]++;
    assert_ok(cql_type_parse_cql(a, cql_slice_str(specs[i].type), NULL, &c->type, &err), err);
  }
  t->name = "t";
  t->id = id;
  t->column_count = count;
  t->columns = columns;
  t->partition = pick(a, columns, count, CQLE_PARTITION_KEY, &t->partition_count);
  t->clustering = pick(a, columns, count, CQLE_CLUSTERING, &t->clustering_count);
  t->statics = pick(a, columns, count, CQLE_STATIC, &t->static_count);
  t->regulars = pick(a, columns, count, CQLE_REGULAR, &t->regular_count);
  t->next_column_id = count + 1;
  static const cqle_keyspace keyspace = {.name = "ks"};
  t->keyspace = &keyspace;
  return t;
}

const cqle_column *table_column(const cqle_table *t, const char *name) {
  for (uint32_t i = 0; i < t->column_count; i++)
    if (strcmp(t->columns[i].name, name) == 0) return &t->columns[i];
  fail_msg("no column %s", name);
  return NULL;
}

void table_add_index(cql_arena *a, cqle_table *t, uint32_t id, const char *column, cqle_index_target target) {
  const cqle_index **all = cql_arena_array(a, t->index_count + 1, sizeof *all);
  cqle_index *index = cql_arena_zero(a, sizeof *index);
  *index = (cqle_index){.name = column, .target = target, .column = table_column(t, column), .id = id};
  for (uint32_t i = 0; i < t->index_count; i++) all[i] = t->indexes[i];
  all[t->index_count++] = index;
  t->indexes = all;
}

/* --- values ------------------------------------------------------------------------------------------------------- */

cql_slice int_value(cql_arena *a, int32_t v) {
  uint8_t *p = cql_arena_get(a, 4);
  cql_store_u32(p, (uint32_t)v);
  return cql_slice_of(p, 4);
}

cql_slice text_value(const char *text) {
  return cql_slice_str(text);
}

cqle_pkey int_pkey(cql_arena *a, int32_t v) {
  return cqle_pkey_of(int_value(a, v));
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

cqle_cell live_cell(int64_t timestamp, cql_slice value) {
  return (cqle_cell){.timestamp = timestamp, .at = CQLE_NO_EXPIRY, .value = value};
}

cqle_cell expiring_cell(int64_t timestamp, int32_t ttl, int64_t at, cql_slice value) {
  return (cqle_cell){.timestamp = timestamp, .ttl = ttl, .at = at, .value = value};
}

cqle_cell dead_cell(int64_t timestamp, int64_t at) {
  return (cqle_cell){.timestamp = timestamp, .tombstone = true, .at = at};
}

void row_start(cql_arena *a, cqle_row *r, cql_slice *clustering) {
  cqle_row_init(r);
  r->clustering = clustering;
  r->is_static = clustering == NULL;
  r->columns = cql_arena_array(a, 16, sizeof *r->columns);
}

void row_add(cql_arena *a, cqle_row *r, uint32_t column_id, cqle_cell cell) {
  cqle_column_data *d = &r->columns[r->count++];
  *d = (cqle_column_data){.column_id = column_id, .deletion = {CQLE_NO_TIMESTAMP, CQLE_NO_EXPIRY}, .count = 1};
  d->cells = cql_arena_copy(a, &cell, sizeof cell);
}

cqle_column_data *row_add_multicell(cql_arena *a, cqle_row *r, uint32_t column_id, uint32_t room) {
  cqle_column_data *d = &r->columns[r->count++];
  *d = (cqle_column_data){.column_id = column_id, .multicell = true, .deletion = {CQLE_NO_TIMESTAMP, CQLE_NO_EXPIRY}};
  d->cells = cql_arena_array(a, room, sizeof *d->cells);
  return d;
}

/* --- chance ------------------------------------------------------------------------------------------------------- */

uint64_t chance_next(chance *c) { /* splitmix64 */
  uint64_t z = c->state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

uint32_t chance_below(chance *c, uint32_t n) {
  return (uint32_t)(chance_next(c) % n);
}
