/* define.c: a table from its definition: names, types and keys checked. For CREATE TABLE and for the system tables,
 * which are written as CQL. Cassandra: cql3/statements/schema/CreateTableStatement.java. */
#include "engine/schema/catalog.h"

#include <string.h>

bool cqle_name_is_valid(cql_slice name) {
  for (size_t i = 0; i < name.len; i++) {
    uint8_t c = name.data[i];
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return name.len > 0;
}

/* --- types of columns --------------------------------------------------------------------------------------------- */

/* A user type that is stored field by field cannot hold a collection that would be stored element by element. */
static bool holds_multicell(const cql_type *type) {
  for (uint32_t i = 0; i < type->arg_count; i++)
    if (cql_type_is_multicell(type->args[i])) return true;
  return false;
}

cql_status cqle_column_type(cql_arena *a, const cqle_keyspace *ks, const cqle_raw_type *raw, const cql_type **out,
                            cql_error *err) {
  cql_type_resolver resolver = cqle_type_resolver_of(ks);
  CQLE_SCHEMA(cql_type_parse_cql(a, raw->text, &resolver, out, err));
  if ((*out)->code == CQL_TYPE_CUSTOM)
    return cql_fail(err, CQL_INVALID, "Custom types are not supported by the embedded engine: " CQL_SLICE_FMT,
                    CQL_SLICE_ARG((*out)->name));
  if ((*out)->code == CQL_TYPE_UDT && !(*out)->frozen && holds_multicell(*out))
    return cql_fail(err, CQL_INVALID, "Non-frozen UDTs with nested non-frozen collections are not supported");
  return CQL_OK;
}

/* --- what may be a key -------------------------------------------------------------------------------------------- */

static bool holds_duration(const cql_type *type) {
  if (type->code == CQL_TYPE_DURATION) return true;
  for (uint32_t i = 0; i < type->arg_count; i++)
    if (holds_duration(type->args[i])) return true;
  return false;
}

static cql_status check_key_type(const cqle_column *c, cql_error *err) {
  char text[512];
  if (c->type->code == CQL_TYPE_UDT && cql_type_is_multicell(c->type))
    return cql_fail(err, CQL_INVALID,
                    "Invalid non-frozen user-defined type \"" CQL_SLICE_FMT "." CQL_SLICE_FMT
                    "\" for PRIMARY KEY column '%s'",
                    CQL_SLICE_ARG(c->type->keyspace), CQL_SLICE_ARG(c->type->name), c->name);
  if (cql_type_is_multicell(c->type)) {
    cql_type_to_cql(c->type, text, sizeof text);
    return cql_fail(err, CQL_INVALID, "Invalid non-frozen collection type %s for PRIMARY KEY column '%s'", text,
                    c->name);
  }
  if (c->type->code == CQL_TYPE_COUNTER)
    return cql_fail(err, CQL_INVALID, "counter type is not supported for PRIMARY KEY column '%s'", c->name);
  if (holds_duration(c->type))
    return cql_fail(err, CQL_INVALID, "duration type is not supported for PRIMARY KEY column '%s'", c->name);
  return CQL_OK;
}

/* --- columns ------------------------------------------------------------------------------------------------------ */

typedef struct definition {
  cql_arena *a;
  const cqle_keyspace *keyspace;
  const char *table;
  const char *written; /* the name as the statement has it, with or without its keyspace */
  const cqle_create_table *def;
  cqle_column *columns;
  cql_error *err;
} definition;

static cqle_column *find_column(definition *d, cql_slice name) {
  for (uint32_t i = 0; i < d->def->column_count; i++)
    if (cql_slice_eq(d->columns[i].name_slice, name)) return &d->columns[i];
  return NULL;
}

static cql_status read_columns(definition *d) {
  const cqle_create_table *def = d->def;
  if (def->column_count > CQLE_COLUMNS_MAX)
    return cql_fail(d->err, CQL_LIMIT, "A table may have at most %d columns", CQLE_COLUMNS_MAX);
  d->columns = cql_arena_array(d->a, def->column_count + 1, sizeof *d->columns);
  if (!d->columns) return cqle_out_of_memory(d->err);
  memset(d->columns, 0, (def->column_count + 1) * sizeof *d->columns);
  for (uint32_t i = 0; i < def->column_count; i++) {
    const cqle_column_def *c = &def->columns[i];
    const cql_type *type;
    if (find_column(d, c->name))
      return cql_fail(d->err, CQL_INVALID, "Duplicate column '" CQL_SLICE_FMT "' declaration for table '%s'",
                      CQL_SLICE_ARG(c->name), d->written);
    CQLE_SCHEMA(cqle_column_type(d->a, d->keyspace, &c->type, &type, d->err));
    CQLE_SCHEMA(
        cqle_column_init(d->a, &d->columns[i], c->name, type, c->is_static ? CQLE_STATIC : CQLE_REGULAR, d->err));
    d->columns[i].id = i;
  }
  return CQL_OK;
}

/* The columns of the key, in the key's order. */
static cql_status set_key(definition *d, const cql_slice *names, uint32_t count, cqle_column_kind kind) {
  for (uint32_t i = 0; i < count; i++) {
    cqle_column *c = find_column(d, names[i]);
    if (!c)
      return cql_fail(d->err, CQL_INVALID,
                      "Unknown column '" CQL_SLICE_FMT "' referenced in PRIMARY KEY for table '%s'",
                      CQL_SLICE_ARG(names[i]), d->table);
    if (c->kind == CQLE_PARTITION_KEY || c->kind == CQLE_CLUSTERING)
      return cql_fail(d->err, CQL_INVALID, "Duplicate column '%s' in PRIMARY KEY clause for table '%s'", c->name,
                      d->table);
    if (c->kind == CQLE_STATIC)
      return cql_fail(d->err, CQL_INVALID, "Static column '%s' cannot be part of the PRIMARY KEY", c->name);
    CQLE_SCHEMA(check_key_type(c, d->err));
    c->kind = kind;
    c->position = i;
  }
  return CQL_OK;
}

static cql_status set_primary_key(definition *d) {
  const cqle_create_table *def = d->def;
  if (def->primary_key_count != 1)
    return cql_fail(d->err, CQL_INVALID, "%s PRIMARY KEY %s for table '%s' (exactly one required)",
                    def->primary_key_count ? "Multiple" : "No", def->primary_key_count ? "specified" : "specifed",
                    d->written);
  CQLE_SCHEMA(set_key(d, def->partition, def->partition_count, CQLE_PARTITION_KEY));
  CQLE_SCHEMA(set_key(d, def->clustering, def->clustering_count, CQLE_CLUSTERING));
  for (uint32_t i = 0; i < def->column_count && def->clustering_count == 0; i++)
    if (d->columns[i].kind == CQLE_STATIC) return cql_fail(d->err, CQL_INVALID, CQLE_STATIC_USELESS);
  return CQL_OK;
}

static bool is_ordered(const cqle_create_table *def, cql_slice column) {
  for (uint32_t i = 0; i < def->order_count; i++)
    if (cql_slice_eq(def->clustering_order[i].column, column)) return true;
  return false;
}

/* CLUSTERING ORDER BY names leading clustering columns, in their order. */
static cql_status set_clustering_order(definition *d) {
  const cqle_create_table *def = d->def;
  for (uint32_t i = 0; i < def->order_count; i++) {
    const cqle_order *o = &def->clustering_order[i];
    for (uint32_t j = 0; j < i; j++)
      if (cql_slice_eq(def->clustering_order[j].column, o->column))
        return cql_fail(d->err, CQL_INVALID,
                        "Duplicate column '" CQL_SLICE_FMT "' in CLUSTERING ORDER BY clause for table '%s'",
                        CQL_SLICE_ARG(o->column), d->written);
  }
  for (uint32_t i = 0; i < def->order_count; i++) {
    cqle_column *c = find_column(d, def->clustering_order[i].column);
    if (!c || c->kind != CQLE_CLUSTERING)
      return cql_fail(d->err, CQL_INVALID,
                      "Only clustering key columns can be defined in CLUSTERING ORDER directive: [" CQL_SLICE_FMT
                      "] are not clustering columns",
                      CQL_SLICE_ARG(def->clustering_order[i].column));
  }
  for (uint32_t i = 0; i < def->order_count; i++) {
    cqle_column *c = find_column(d, def->clustering_order[i].column);
    if (c->position != i && !is_ordered(def, def->clustering[i]))
      return cql_fail(d->err, CQL_INVALID, "Missing CLUSTERING ORDER for column " CQL_SLICE_FMT,
                      CQL_SLICE_ARG(def->clustering[i]));
    if (c->position != i)
      return cql_fail(d->err, CQL_INVALID,
                      "The order of columns in the CLUSTERING ORDER directive must match that of the clustering "
                      "columns (" CQL_SLICE_FMT " must appear before %s)",
                      CQL_SLICE_ARG(def->clustering[i]), c->name);
    c->reversed = def->clustering_order[i].descending;
  }
  return CQL_OK;
}

static cql_status check_values(definition *d, bool *is_counter) {
  uint32_t counters = 0, others = 0;
  for (uint32_t i = 0; i < d->def->column_count; i++) {
    const cqle_column *c = &d->columns[i];
    if (c->kind == CQLE_PARTITION_KEY || c->kind == CQLE_CLUSTERING) continue;
    counters += c->type->code == CQL_TYPE_COUNTER;
    others += c->type->code != CQL_TYPE_COUNTER;
    if (d->def->columns[i].masked) return cql_fail(d->err, CQL_INVALID, CQLE_NO_MASKS);
  }
  if (counters && others)
    return cql_fail(d->err, CQL_INVALID, "Cannot mix counter and non counter columns in the same table");
  *is_counter = counters > 0;
  return CQL_OK;
}

cql_status cqle_table_define(cql_arena *a, const cqle_keyspace *ks, const cqle_create_table *def, cqle_table *out,
                             cql_error *err) {
  definition d = {.a = a, .keyspace = ks, .def = def, .err = err};
  memset(out, 0, sizeof *out);
  out->name = d.table = d.written = cql_arena_str(a, def->name.name);
  if (out->name && def->name.keyspace.data) d.written = cql_arena_printf(a, "%s.%s", ks->name, out->name);
  if (!d.written) return cqle_out_of_memory(err);
  CQLE_SCHEMA(read_columns(&d));
  CQLE_SCHEMA(set_primary_key(&d));
  CQLE_SCHEMA(set_clustering_order(&d));
  CQLE_SCHEMA(check_values(&d, &out->is_counter));
  out->next_column_id = def->column_count;
  CQLE_SCHEMA(cqle_table_arrange(a, out, d.columns, def->column_count, err));
  return cqle_options_default(a, out, err);
}
