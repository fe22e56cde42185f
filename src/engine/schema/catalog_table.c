/* catalog_table.c: a table's definition as bytes. Counts and lengths are LEB128, strings led by their length, integers
 * big-endian.
 *
 *   format (u8: 2) · uuid (16) · id (u32) · counter (u8) · next column id (u32)
 *   columns:  name · CQL type · kind (u8) · position · id (u32) · reversed (u8)
 *   indexes:  name · kind (u8) · target (u8) · column id (u32) · id (u32) · options
 *   options:  name · null (u8) · value
 *   dropped:  name · CQL type · kind (u8) · id (u32) · when, µs (u64)
 */
#include "engine/schema/catalog.h"

#include <string.h>

/* The first format did not keep the ids of dropped columns; such a column begins anew when it is added again. */
enum { FORMAT_WITHOUT_IDS = 1, FORMAT = 2 };
enum { OPTION_LEN_MAX = 1024 * 1024, TYPE_TEXT_MAX = 65535 };

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* A type is printed into room of its own first: its length comes before it. */
void cqle_catalog_write_type(cql_buf *b, const cql_type *type) {
  cql_buf text;
  cql_buf_init(&text, b->alloc, TYPE_TEXT_MAX);
  cql_type_print_cql(&text, type);
  cql_buf_uvarint(b, text.len);
  cql_buf_slice(b, cql_buf_view(&text));
  if (text.st != CQL_OK && b->st == CQL_OK) b->st = text.st;
  cql_buf_free(&text);
}

static void put_column(cql_buf *b, const cqle_column *c) {
  cqle_catalog_put_string(b, c->name);
  cqle_catalog_write_type(b, c->type);
  cql_buf_u8(b, (uint8_t)c->kind);
  cql_buf_uvarint(b, c->position);
  cql_buf_u32(b, c->id);
  cql_buf_u8(b, c->reversed);
}

static void put_index(cql_buf *b, const cqle_index *i) {
  cqle_catalog_put_string(b, i->name);
  cql_buf_u8(b, (uint8_t)i->kind);
  cql_buf_u8(b, (uint8_t)i->target);
  cql_buf_u32(b, i->column->id);
  cql_buf_u32(b, i->id);
  cql_buf_uvarint(b, (uint64_t)i->option_count * 2);
  for (uint32_t o = 0; o < i->option_count * 2; o++) cqle_catalog_put_string(b, i->options[o]);
}

void cqle_catalog_encode_table(cql_buf *b, const cqle_table *t) {
  cql_buf_u8(b, FORMAT);
  cql_buf_put(b, t->uuid, 16);
  cql_buf_u32(b, t->id);
  cql_buf_u8(b, t->is_counter);
  cql_buf_u32(b, t->next_column_id);
  cql_buf_uvarint(b, t->column_count);
  for (uint32_t i = 0; i < t->column_count; i++) put_column(b, &t->columns[i]);
  cql_buf_uvarint(b, t->index_count);
  for (uint32_t i = 0; i < t->index_count; i++) put_index(b, t->indexes[i]);
  cql_buf_uvarint(b, t->option_count);
  for (uint32_t i = 0; i < t->option_count; i++) {
    cqle_catalog_put_string(b, t->options[i].name);
    cql_buf_u8(b, t->options[i].value.data == NULL);
    cql_buf_uvarint(b, t->options[i].value.len);
    cql_buf_slice(b, t->options[i].value);
  }
  cql_buf_uvarint(b, t->dropped_count);
  for (uint32_t i = 0; i < t->dropped_count; i++) {
    cqle_catalog_put_string(b, t->dropped[i].name);
    cqle_catalog_write_type(b, t->dropped[i].type);
    cql_buf_u8(b, (uint8_t)t->dropped[i].kind);
    cql_buf_u32(b, t->dropped[i].id);
    cql_buf_u64(b, (uint64_t)t->dropped[i].dropped_us);
  }
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* Everything that cannot be is CQL_CORRUPT; NEED() is for single facts. */
#define NEED(condition)                                                                                                \
  do {                                                                                                                 \
    if (!(condition)) return CQL_CORRUPT;                                                                              \
  } while (0)

static cql_status read_count(cql_reader *r, uint32_t max, size_t item_len_min, uint32_t *out) {
  uint64_t n;
  NEED(cql_read_uvarint(r, &n) == CQL_OK && n <= max && n <= cql_reader_left(r) / item_len_min);
  *out = (uint32_t)n;
  return CQL_OK;
}

static cql_status read_type(cql_reader *r, cql_arena *a, const cqle_keyspace *ks, const cql_type **out) {
  cql_type_resolver resolver = cqle_type_resolver_of(ks);
  const char *text;
  cql_status st;
  CQLE_SCHEMA(cqle_catalog_read_string(r, a, &text));
  st = cql_type_parse_cql(a, cql_slice_str(text), &resolver, out, NULL);
  return st == CQL_OK || st == CQL_NOMEM ? st : CQL_CORRUPT;
}

static cql_status read_column(cql_reader *r, cql_arena *a, const cqle_keyspace *ks, cqle_column *c) {
  uint8_t kind, reversed;
  uint64_t position;
  CQLE_SCHEMA(cqle_catalog_read_string(r, a, &c->name));
  c->name_slice = cql_slice_str(c->name);
  CQLE_SCHEMA(read_type(r, a, ks, &c->type));
  NEED(cql_read_u8(r, &kind) == CQL_OK && kind <= CQLE_REGULAR);
  NEED(cql_read_uvarint(r, &position) == CQL_OK && position < CQLE_COLUMNS_MAX);
  NEED(cql_read_u32(r, &c->id) == CQL_OK);
  NEED(cql_read_u8(r, &reversed) == CQL_OK && reversed <= 1);
  NEED(!reversed || kind == CQLE_CLUSTERING);
  c->kind = (cqle_column_kind)kind;
  c->position = (uint32_t)position;
  c->reversed = reversed;
  return CQL_OK;
}

static cql_status read_columns(cql_reader *r, cql_arena *a, cqle_table *t) {
  cqle_column *columns;
  uint32_t count;
  CQLE_SCHEMA(read_count(r, CQLE_COLUMNS_MAX, 9, &count));
  columns = cql_arena_array(a, count + 1, sizeof *columns);
  if (!columns) return CQL_NOMEM;
  memset(columns, 0, (count + 1) * sizeof *columns);
  for (uint32_t i = 0; i < count; i++) {
    CQLE_SCHEMA(read_column(r, a, t->keyspace, &columns[i]));
    NEED(columns[i].id < t->next_column_id);
    for (uint32_t j = 0; j < i; j++) NEED(columns[j].id != columns[i].id);
  }
  return cqle_table_arrange(a, t, columns, count, NULL);
}

/* As CREATE INDEX writes them: DESCRIBE and the index itself look for these. */
static bool has_option(const cqle_index *i, const char *name) {
  for (uint32_t o = 0; o < i->option_count; o++)
    if (strcmp(i->options[2 * o], name) == 0) return true;
  return false;
}

static cql_status read_index(cql_reader *r, cql_arena *a, const cqle_table *t, cqle_index *i) {
  uint8_t kind, target;
  uint32_t column_id;
  CQLE_SCHEMA(cqle_catalog_read_string(r, a, &i->name));
  NEED(cql_read_u8(r, &kind) == CQL_OK && kind <= CQLE_INDEX_SAI);
  NEED(cql_read_u8(r, &target) == CQL_OK && target <= CQLE_TARGET_FULL);
  NEED(cql_read_u32(r, &column_id) == CQL_OK && cql_read_u32(r, &i->id) == CQL_OK && i->id >= CQLE_FIRST_ID);
  i->kind = (cqle_index_kind)kind;
  i->target = (cqle_index_target)target;
  i->column = cqle_table_column_by_id(t, column_id);
  NEED(i->column != NULL);
  CQLE_SCHEMA(cqle_catalog_read_strings(r, a, &i->option_count, &i->options));
  NEED(i->option_count % 2 == 0);
  i->option_count /= 2;
  NEED(i->kind != CQLE_INDEX_SAI || has_option(i, "class_name"));
  return CQL_OK;
}

static cql_status read_indexes(cql_reader *r, cql_arena *a, cqle_table *t) {
  const cqle_index **indexes;
  CQLE_SCHEMA(read_count(r, CQLE_INDEXES_MAX, 12, &t->index_count));
  indexes = cql_arena_array(a, t->index_count + 1, sizeof *indexes);
  if (!indexes) return CQL_NOMEM;
  for (uint32_t i = 0; i < t->index_count; i++) {
    cqle_index *index = cql_arena_zero(a, sizeof *index);
    if (!index) return CQL_NOMEM;
    CQLE_SCHEMA(read_index(r, a, t, index));
    indexes[i] = index;
  }
  t->indexes = indexes;
  return CQL_OK;
}

static cql_status read_options(cql_reader *r, cql_arena *a, cqle_table *t) {
  cqle_option *options;
  CQLE_SCHEMA(read_count(r, 256, 3, &t->option_count));
  options = cql_arena_array(a, t->option_count + 1, sizeof *options);
  if (!options) return CQL_NOMEM;
  for (uint32_t i = 0; i < t->option_count; i++) {
    uint64_t len;
    uint8_t null;
    cql_slice value;
    CQLE_SCHEMA(cqle_catalog_read_string(r, a, &options[i].name));
    NEED(cql_read_u8(r, &null) == CQL_OK && null <= 1);
    NEED(cql_read_uvarint(r, &len) == CQL_OK && len <= OPTION_LEN_MAX && len <= cql_reader_left(r));
    NEED(cql_read_bytes(r, (size_t)len, &value) == CQL_OK);
    options[i].value = (cql_slice){0};
    if (null) continue;
    CQLE_SCHEMA(cql_arena_slice(a, value, &options[i].value));
  }
  t->options = options;
  return cqle_options_read(t, NULL);
}

static cql_status read_dropped(cql_reader *r, cql_arena *a, cqle_table *t, bool with_ids) {
  cqle_dropped_column *dropped;
  CQLE_SCHEMA(read_count(r, CQLE_DROPPED_COLUMNS_MAX, 11, &t->dropped_count));
  dropped = cql_arena_array(a, t->dropped_count + 1, sizeof *dropped);
  if (!dropped) return CQL_NOMEM;
  for (uint32_t i = 0; i < t->dropped_count; i++) {
    uint8_t kind;
    uint64_t when;
    CQLE_SCHEMA(cqle_catalog_read_string(r, a, &dropped[i].name));
    CQLE_SCHEMA(read_type(r, a, t->keyspace, &dropped[i].type));
    NEED(cql_read_u8(r, &kind) == CQL_OK && kind <= CQLE_REGULAR);
    dropped[i].id = CQLE_COLUMN_ID_NONE;
    if (with_ids) NEED(cql_read_u32(r, &dropped[i].id) == CQL_OK);
    NEED(cql_read_u64(r, &when) == CQL_OK);
    dropped[i].kind = (cqle_column_kind)kind;
    dropped[i].dropped_us = (int64_t)when;
  }
  t->dropped = dropped;
  return CQL_OK;
}

static cql_status read_table(cql_reader *r, cql_arena *a, cqle_table *t) {
  uint8_t format, counter;
  cql_slice uuid;
  NEED(cql_read_u8(r, &format) == CQL_OK && (format == FORMAT || format == FORMAT_WITHOUT_IDS));
  NEED(cql_read_bytes(r, 16, &uuid) == CQL_OK);
  memcpy(t->uuid, uuid.data, 16);
  NEED(cql_read_u32(r, &t->id) == CQL_OK && t->id >= CQLE_FIRST_ID);
  NEED(cql_read_u8(r, &counter) == CQL_OK && counter <= 1);
  NEED(cql_read_u32(r, &t->next_column_id) == CQL_OK);
  t->is_counter = counter;
  CQLE_SCHEMA(read_columns(r, a, t));
  CQLE_SCHEMA(read_indexes(r, a, t));
  CQLE_SCHEMA(read_options(r, a, t));
  CQLE_SCHEMA(read_dropped(r, a, t, format == FORMAT));
  NEED(cql_reader_left(r) == 0);
  return CQL_OK;
}

cql_status cqle_catalog_decode_table(cql_arena *a, cql_slice name, cql_slice value, cqle_table *out, cql_error *err) {
  cql_reader r = cql_reader_of(value);
  cql_status st;
  *out = (cqle_table){.keyspace = out->keyspace, .name = cql_arena_str(a, name)};
  st = out->name ? read_table(&r, a, out) : CQL_NOMEM;
  if (st == CQL_NOMEM) return cqle_out_of_memory(err);
  return st == CQL_OK && cqle_name_is_valid(name) ? CQL_OK : cqle_catalog_corrupt(err);
}
