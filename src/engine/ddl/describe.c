/* describe.c: DESCRIBE. Cassandra: cql3/statements/DescribeStatement.java. */
#include "engine/ddl/create_text.h"
#include "engine/ddl/ddl_int.h"

#include <stdlib.h>
#include <string.h>

#include "engine/schema/system.h"

enum { TEXT_LEN_MAX = 4 * 1024 * 1024 };

typedef struct description {
  cqle_exec *x;
  const cqle_describe *what;
  const char *default_keyspace;
  bool with_statement;
  cql_buf text;
} description;

/* --- the result --------------------------------------------------------------------------------------------------- */

static cql_status begin_rows(cqle_exec *x, const char *const *names, uint32_t count) {
  cql_result *r = x->result;
  r->columns = cql_arena_array(&r->arena, count, sizeof *r->columns);
  if (!r->columns) return cqle_out_of_memory(x->err);
  for (uint32_t i = 0; i < count; i++)
    r->columns[i] = (cql_column){"system", "describe", names[i], cql_type_native(CQL_TYPE_TEXT)};
  r->kind = CQL_RESULT_ROWS;
  r->column_count = count;
  return CQL_OK;
}

static cql_status begin(description *d) {
  static const char *const names[] = {"keyspace_name", "type", "name", "create_statement"};
  return begin_rows(d->x, names, d->with_statement ? 4 : 3);
}

static cql_status put_name_cell(description *d, cql_slice name) {
  cql_buf_reset(&d->text);
  cqle_text_name_slice(&d->text, name);
  if (d->text.st != CQL_OK) return cqle_out_of_memory(d->x->err);
  cql_result_put_cell(d->x->result, cql_buf_view(&d->text));
  return CQL_OK;
}

static cql_status begin_row(description *d, const cqle_keyspace *ks, const char *type, cql_slice name) {
  CQLE_SCHEMA(put_name_cell(d, cql_slice_str(ks->name)));
  cql_result_put_cell(d->x->result, cql_slice_str(type));
  CQLE_SCHEMA(put_name_cell(d, name));
  cql_buf_reset(&d->text);
  d->x->result->row_count++;
  return CQL_OK;
}

static cql_status end_row(description *d) {
  if (!d->with_statement) return CQL_OK;
  if (d->text.st != CQL_OK)
    return cql_fail(d->x->err, d->text.st, "A description is longer than %d bytes", TEXT_LEN_MAX);
  cql_result_put_cell(d->x->result, cql_buf_view(&d->text));
  return CQL_OK;
}

static cql_status put_keyspace(description *d, const cqle_keyspace *ks) {
  CQLE_SCHEMA(begin_row(d, ks, "keyspace", cql_slice_str(ks->name)));
  cqle_text_keyspace(&d->text, ks);
  return end_row(d);
}

static cql_status put_index(description *d, const cqle_table *t, const cqle_index *i) {
  CQLE_SCHEMA(begin_row(d, t->keyspace, "index", cql_slice_str(i->name)));
  cqle_text_index(&d->text, t, i);
  return end_row(d);
}

static cql_status put_table(description *d, const cqle_table *t) {
  CQLE_SCHEMA(begin_row(d, t->keyspace, "table", cql_slice_str(t->name)));
  if (!d->with_statement) return CQL_OK;
  CQLE_SCHEMA(cqle_text_table(&d->text, d->x->arena, t, d->what->internals, d->x->err));
  CQLE_SCHEMA(end_row(d));
  for (uint32_t i = 0; i < t->index_count; i++) CQLE_SCHEMA(put_index(d, t, t->indexes[i]));
  return CQL_OK;
}

static cql_status put_type(description *d, const cqle_keyspace *ks, const cql_type *type) {
  CQLE_SCHEMA(begin_row(d, ks, "type", type->name));
  cqle_text_type(&d->text, type);
  return end_row(d);
}

/* --- user types in an order in which they can be made again: by name, each behind what it holds ------------------- */

typedef struct type_order {
  const cqle_keyspace *ks;
  bool *given; /* one per type of the keyspace */
} type_order;

static cql_status put_type_once(description *d, type_order *o, uint32_t index);

static cql_status put_types_within(description *d, type_order *o, const cql_type *type) {
  for (uint32_t i = 0; i < type->arg_count; i++) CQLE_SCHEMA(put_types_within(d, o, type->args[i]));
  if (type->code != CQL_TYPE_UDT) return CQL_OK;
  for (uint32_t i = 0; i < o->ks->type_count; i++)
    if (cql_slice_eq(o->ks->types[i]->name, type->name)) return put_type_once(d, o, i);
  return CQL_OK;
}

static cql_status put_type_once(description *d, type_order *o, uint32_t index) {
  const cql_type *type = o->ks->types[index];
  if (o->given[index]) return CQL_OK;
  o->given[index] = true;
  for (uint32_t i = 0; i < type->arg_count; i++) CQLE_SCHEMA(put_types_within(d, o, type->args[i]));
  return put_type(d, o->ks, type);
}

static cql_status put_types(description *d, const cqle_keyspace *ks) {
  type_order o = {ks, cql_arena_zero(d->x->arena, ks->type_count + 1)};
  if (!o.given) return cqle_out_of_memory(d->x->err);
  for (uint32_t i = 0; i < ks->type_count; i++) CQLE_SCHEMA(put_type_once(d, &o, i));
  return CQL_OK;
}

static cql_status put_whole_keyspace(description *d, const cqle_keyspace *ks) {
  CQLE_SCHEMA(put_keyspace(d, ks));
  CQLE_SCHEMA(put_types(d, ks));
  for (uint32_t i = 0; i < ks->table_count; i++) CQLE_SCHEMA(put_table(d, ks->tables[i]));
  return CQL_OK;
}

/* --- finding ------------------------------------------------------------------------------------------------------ */

static cql_status not_found_in_keyspaces(description *d, cql_slice name) {
  return cql_fail(d->x->err, CQL_INVALID, "'" CQL_SLICE_FMT "' not found in keyspaces", CQL_SLICE_ARG(name));
}

static cql_status find_keyspace(description *d, cql_slice given, const cqle_keyspace **out) {
  if (!given.data && d->default_keyspace) given = cql_slice_str(d->default_keyspace);
  if (!given.data) return cql_fail(d->x->err, CQL_INVALID, "No keyspace specified and no current keyspace");
  *out = cqle_schema_keyspace(d->x->schema, given);
  return *out ? CQL_OK : not_found_in_keyspaces(d, given);
}

static const cqle_index *find_index(const cqle_keyspace *ks, cql_slice name, const cqle_table **table) {
  for (uint32_t t = 0; t < ks->table_count; t++)
    for (uint32_t i = 0; i < ks->tables[t]->index_count; i++)
      if (cql_slice_eq_str(name, ks->tables[t]->indexes[i]->name)) {
        *table = ks->tables[t];
        return ks->tables[t]->indexes[i];
      }
  return NULL;
}

static cql_status missing(description *d, const char *what, const cqle_keyspace *ks) {
  return cql_fail(d->x->err, CQL_INVALID, "%s '" CQL_SLICE_FMT "' not found in '%s'", what,
                  CQL_SLICE_ARG(d->what->name.name), ks->name);
}

/* --- what is described -------------------------------------------------------------------------------------------- */

static cql_status describe_cluster(cqle_exec *x) {
  static const char *const names[] = {"cluster", "partitioner", "snitch"};
  CQLE_SCHEMA(begin_rows(x, names, 3));
  cql_result_put_cell(x->result, cql_slice_str(CQLE_CLUSTER_NAME));
  cql_result_put_cell(x->result, cql_slice_str("Murmur3Partitioner"));
  cql_result_put_cell(x->result, cql_slice_str("SimpleSnitch"));
  x->result->row_count++;
  return CQL_OK;
}

static int compare_type_names(const void *left, const void *right) {
  const cql_type *const *x = left, *const *y = right;
  size_t n = (*x)->name.len < (*y)->name.len ? (*x)->name.len : (*y)->name.len;
  for (size_t i = 0; i < n; i++) {
    int a = (*x)->name.data[i], b = (*y)->name.data[i];
    if (a >= 'A' && a <= 'Z') a += 'a' - 'A';
    if (b >= 'A' && b <= 'Z') b += 'a' - 'A';
    if (a != b) return a - b;
  }
  if ((*x)->name.len != (*y)->name.len) return (*x)->name.len < (*y)->name.len ? -1 : 1;
  return cql_slice_cmp((*x)->name, (*y)->name);
}

/* A list of types goes by their names without regard to case. */
static cql_status list_types(description *d, const cqle_keyspace *ks) {
  const cql_type **sorted = cql_arena_array(d->x->arena, ks->type_count + 1, sizeof *sorted);
  if (!sorted) return cqle_out_of_memory(d->x->err);
  for (uint32_t i = 0; i < ks->type_count; i++) sorted[i] = ks->types[i];
  qsort(sorted, ks->type_count, sizeof *sorted, compare_type_names);
  for (uint32_t i = 0; i < ks->type_count; i++) CQLE_SCHEMA(put_type(d, ks, sorted[i]));
  return CQL_OK;
}

/* Names alone: of all keyspaces, or of the tables or types in the current one or in all. */
static cql_status list(description *d) {
  const cqle_schema *s = d->x->schema;
  CQLE_SCHEMA(begin(d));
  for (uint32_t k = 0; k < s->keyspace_count; k++) {
    const cqle_keyspace *ks = s->keyspaces[k];
    if (d->what->kind == CQLE_DESC_KEYSPACES) CQLE_SCHEMA(put_keyspace(d, ks));
    if (d->what->kind != CQLE_DESC_TABLES && d->what->kind != CQLE_DESC_TYPES) continue;
    if (d->default_keyspace && strcmp(d->default_keyspace, ks->name) != 0) continue;
    if (d->what->kind == CQLE_DESC_TYPES) {
      CQLE_SCHEMA(list_types(d, ks));
      continue;
    }
    for (uint32_t i = 0; i < ks->table_count; i++) CQLE_SCHEMA(put_table(d, ks->tables[i]));
  }
  return CQL_OK;
}

static cql_status describe_schema(description *d) {
  const cqle_schema *s = d->x->schema;
  CQLE_SCHEMA(begin(d));
  for (uint32_t i = 0; i < s->keyspace_count; i++)
    if (!s->keyspaces[i]->is_system || d->what->kind == CQLE_DESC_FULL_SCHEMA)
      CQLE_SCHEMA(put_whole_keyspace(d, s->keyspaces[i]));
  return CQL_OK;
}

static cql_status describe_keyspace(description *d) {
  const cqle_keyspace *ks;
  CQLE_SCHEMA(find_keyspace(d, d->what->name.name, &ks));
  CQLE_SCHEMA(begin(d));
  return d->what->kind == CQLE_DESC_ONLY_KEYSPACE ? put_keyspace(d, ks) : put_whole_keyspace(d, ks);
}

static cql_status describe_table(description *d) {
  const cqle_keyspace *ks;
  const cqle_table *t;
  CQLE_SCHEMA(find_keyspace(d, d->what->name.keyspace, &ks));
  t = cqle_keyspace_table(ks, d->what->name.name);
  if (!t)
    return cql_fail(d->x->err, CQL_INVALID, "Table '" CQL_SLICE_FMT "' not found in keyspace '%s'",
                    CQL_SLICE_ARG(d->what->name.name), ks->name);
  CQLE_SCHEMA(begin(d));
  return put_table(d, t);
}

static cql_status describe_index(description *d) {
  const cqle_keyspace *ks;
  const cqle_table *t;
  const cqle_index *i;
  CQLE_SCHEMA(find_keyspace(d, d->what->name.keyspace, &ks));
  i = find_index(ks, d->what->name.name, &t);
  if (!i) return missing(d, "Table for existing index", ks);
  CQLE_SCHEMA(begin(d));
  return put_index(d, t, i);
}

static cql_status describe_type(description *d) {
  const cqle_keyspace *ks;
  const cql_type *type;
  CQLE_SCHEMA(find_keyspace(d, d->what->name.keyspace, &ks));
  type = cqle_keyspace_type(ks, d->what->name.name);
  if (!type) return missing(d, "User defined type", ks);
  CQLE_SCHEMA(begin(d));
  return put_type(d, ks, type);
}

static cql_status describe_missing(description *d, const char *what) {
  const cqle_keyspace *ks;
  CQLE_SCHEMA(find_keyspace(d, d->what->name.keyspace, &ks));
  return missing(d, what, ks);
}

/* DESCRIBE name: a keyspace, else a table or index in the keyspace named or current. */
static cql_status describe_anything(description *d) {
  const cqle_qname *name = &d->what->name;
  const cqle_keyspace *ks = name->keyspace.data ? NULL : cqle_schema_keyspace(d->x->schema, name->name);
  const cqle_table *t;
  const cqle_index *i;
  if (ks) {
    CQLE_SCHEMA(begin(d));
    return put_whole_keyspace(d, ks);
  }
  if (!name->keyspace.data && !d->default_keyspace) return not_found_in_keyspaces(d, name->name);
  CQLE_SCHEMA(find_keyspace(d, name->keyspace, &ks));
  CQLE_SCHEMA(begin(d));
  t = cqle_keyspace_table(ks, name->name);
  if (t) return put_table(d, t);
  i = find_index(ks, name->name, &t);
  if (i) return put_index(d, t, i);
  return cql_fail(d->x->err, CQL_INVALID, "'" CQL_SLICE_FMT "' not found in keyspace '%s'", CQL_SLICE_ARG(name->name),
                  ks->name);
}

static cql_status execute(description *d) {
  switch (d->what->kind) {
  case CQLE_DESC_CLUSTER: return describe_cluster(d->x);
  case CQLE_DESC_SCHEMA:
  case CQLE_DESC_FULL_SCHEMA: return describe_schema(d);
  case CQLE_DESC_KEYSPACES:
  case CQLE_DESC_TABLES:
  case CQLE_DESC_TYPES:
  case CQLE_DESC_FUNCTIONS:
  case CQLE_DESC_AGGREGATES: d->with_statement = false; return list(d);
  case CQLE_DESC_KEYSPACE:
  case CQLE_DESC_ONLY_KEYSPACE: return describe_keyspace(d);
  case CQLE_DESC_TABLE: return describe_table(d);
  case CQLE_DESC_INDEX: return describe_index(d);
  case CQLE_DESC_TYPE: return describe_type(d);
  case CQLE_DESC_FUNCTION: return describe_missing(d, "User defined function");
  case CQLE_DESC_AGGREGATE: return describe_missing(d, "User defined aggregate");
  case CQLE_DESC_MATERIALIZED_VIEW: return describe_missing(d, "Materialized view");
  case CQLE_DESC_GENERIC: return describe_anything(d);
  }
  return cql_fail(d->x->err, CQL_MISUSE, "There is nothing of that kind to describe");
}

cql_status cqle_describe_execute(cqle_exec *x, const char *default_keyspace, const cqle_describe *describe) {
  description d = {.x = x, .what = describe, .default_keyspace = default_keyspace, .with_statement = true};
  cql_status st;
  cql_buf_init(&d.text, x->engine->alloc, TEXT_LEN_MAX);
  st = execute(&d);
  cql_buf_free(&d.text);
  return st;
}
