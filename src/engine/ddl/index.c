/* index.c: CREATE INDEX and DROP INDEX. Cassandra: cql3/statements/schema/CreateIndexStatement.java,
 * schema/IndexMetadata, index/sai/StorageAttachedIndex.java (validateOptions). */
#include "engine/schema/options.h"
#include "engine/ddl/ddl_int.h"

#include <stdlib.h>
#include <string.h>

#include "engine/table/table.h"

typedef struct creation {
  cqle_exec *x;
  const cqle_create_index *def;
  const cqle_keyspace *ks;
  const cqle_table *table;
  cqle_index index;
  const cqle_term *options;   /* WITH OPTIONS = {…}; NULL: none */
  cqle_similarity similarity; /* of vectors */
} creation;

/* --- which kind --------------------------------------------------------------------------------------------------- */

static cql_status read_kind(creation *c) {
  cql_slice name = c->def->using_class;
  if (!name.data) {
    if (!c->def->custom) return CQL_OK;
    name = CQL_SLICE_LITERAL("legacy_local_table");
  } else if (cql_slice_eq_str(name, "org.apache.cassandra.index.sasi.SASIIndex")) {
    return cql_fail(c->x->err, CQL_INVALID, "SASI indexes are disabled. Enable in cassandra.yaml to use.");
  } else if (cql_slice_eq_nocase(name, "sai") || cql_slice_eq_nocase(name, "storageattachedindex") ||
             cql_slice_eq_str(name, "org.apache.cassandra.index.sai.StorageAttachedIndex")) {
    c->index.kind = CQLE_INDEX_SAI;
    return CQL_OK;
  } else if (cql_slice_eq_nocase(name, "legacy_local_table") && !c->def->custom) {
    return CQL_OK;
  }
  return cql_fail(c->x->err, CQL_CONFIG, "Unable to find custom indexer class '" CQL_SLICE_FMT "'",
                  CQL_SLICE_ARG(name));
}

static cql_status read_properties(creation *c) {
  for (uint32_t i = 0; i < c->def->property_count; i++) {
    const cqle_property *p = &c->def->properties[i];
    if (!cql_slice_eq_str(p->name, "options")) return cqle_property_unknown(p, c->x->err);
    CQLE_SCHEMA(cqle_property_map(p, &c->options, c->x->err));
  }
  if (c->options && c->index.kind == CQLE_INDEX_LEGACY)
    return cql_fail(c->x->err, CQL_INVALID, "Cannot specify options for a non-CUSTOM index");
  return CQL_OK;
}

/* --- what is indexed ---------------------------------------------------------------------------------------------- */

static const char *target_text(cqle_index_target target) {
  switch (target) {
  case CQLE_TARGET_KEYS: return "keys";
  case CQLE_TARGET_ENTRIES: return "entries";
  case CQLE_TARGET_FULL: return "full";
  default: return "values";
  }
}

static cql_status read_target_count(creation *c) {
  const cqle_create_index *def = c->def;
  cql_buf b;
  cql_status st;
  if (def->target_count == 1) return CQL_OK;
  if (def->target_count == 0)
    return cql_fail(c->x->err, CQL_INVALID, "Only CUSTOM indexes can be created without specifying a target column");
  if (c->index.kind == CQLE_INDEX_LEGACY)
    return cql_fail(c->x->err, CQL_INVALID, "Only CUSTOM indexes support multiple columns");
  cql_buf_init(&b, c->x->engine->alloc, CQL_ERROR_MESSAGE_LEN);
  for (uint32_t i = 0; i < def->target_count; i++) {
    if (i > 0) cql_buf_str(&b, ", ");
    cql_buf_slice(&b, def->columns[i]);
  }
  st = cql_fail(c->x->err, CQL_INVALID,
                "A storage-attached index cannot be created over multiple columns: " CQL_SLICE_FMT,
                CQL_SLICE_ARG(cql_buf_view(&b)));
  cql_buf_free(&b);
  return st;
}

/* A collection must be indexed as a whole when it is frozen, and by its parts when it is not. */
static cql_status check_collection_target(creation *c) {
  const cqle_column *column = c->index.column;
  cqle_index_target target = c->index.target;
  cql_error *err = c->x->err;
  bool is_frozen = cql_type_is_collection(column->type) && column->type->frozen;
  if (target == CQLE_TARGET_FULL) {
    if (is_frozen) return CQL_OK;
    return cql_fail(err, CQL_INVALID, "full() indexes can only be created on frozen collections");
  }
  if (is_frozen)
    return cql_fail(err, CQL_INVALID,
                    "Cannot create %s() index on frozen column %s. Frozen collections are immutable and must be fully "
                    "indexed by using the 'full(%s)' modifier",
                    target_text(target), column->name, column->name);
  if (!cql_type_is_collection(column->type)) {
    if (target == CQLE_TARGET_COLUMN) return CQL_OK;
    return cql_fail(err, CQL_INVALID,
                    "Cannot create %s() index on %s. Non-collection columns only support simple indexes",
                    target_text(target), column->name);
  }
  if ((target == CQLE_TARGET_KEYS || target == CQLE_TARGET_ENTRIES) && column->type->code != CQL_TYPE_MAP)
    return cql_fail(err, CQL_INVALID, "Cannot create index on %s of column %s with non-map type", target_text(target),
                    column->name);
  if (target == CQLE_TARGET_COLUMN) c->index.target = CQLE_TARGET_VALUES;
  return CQL_OK;
}

static cql_status read_target(creation *c) {
  const cqle_table *t = c->table;
  const cqle_column *column;
  CQLE_SCHEMA(read_target_count(c));
  column = cqle_table_column(t, c->def->columns[0]);
  if (!column)
    return cql_fail(c->x->err, CQL_INVALID, "Undefined column name " CQL_SLICE_FMT " in table %s.%s",
                    CQL_SLICE_ARG(c->def->columns[0]), c->ks->name, t->name);
  c->index.column = column;
  c->index.target = c->def->targets[0];
  if (column->type->code == CQL_TYPE_DURATION)
    return cql_fail(c->x->err, CQL_INVALID, "Secondary indexes are not supported on duration columns");
  if (column->kind == CQLE_PARTITION_KEY && t->partition_count == 1)
    return cql_fail(c->x->err, CQL_INVALID, "Cannot create secondary index on the only partition key column %s",
                    column->name);
  if (column->type->code == CQL_TYPE_UDT && cql_type_is_multicell(column->type))
    return cql_fail(c->x->err, CQL_INVALID, "Cannot create index on non-frozen UDT column %s", column->name);
  if (!cql_type_is_comparable(column->type))
    return cql_fail(c->x->err, CQL_INVALID, "Secondary indexes are not supported on columns that hold durations");
  return check_collection_target(c);
}

/* --- storage-attached indexes ------------------------------------------------------------------------------------- */

static cql_status check_vector_type(creation *c, const cql_type *type) {
  cql_error *err = c->x->err;
  if (type->args[0]->code != CQL_TYPE_FLOAT)
    return cql_fail(err, CQL_INVALID, "SAI ANN indexes are only allowed on vector columns with float elements");
  if (type->dimension == 1 && c->similarity == CQLE_COSINE)
    return cql_fail(err, CQL_INVALID, "Cosine similarity is not supported for single-dimension vectors");
  return CQL_OK;
}

static cql_status check_sai_type(creation *c, const cql_type *type) {
  char text[512];
  if (type->code == CQL_TYPE_VECTOR) return check_vector_type(c, type);
  if (type->code != CQL_TYPE_BLOB && type->code != CQL_TYPE_COUNTER && type->code != CQL_TYPE_CUSTOM) return CQL_OK;
  cql_type_to_cql(type, text, sizeof text);
  return cql_fail(c->x->err, CQL_INVALID, "Unsupported type: %s", text);
}

static cql_status check_sai_column(creation *c) {
  const cql_type *type = c->index.column->type;
  if (!cqle_name_is_valid(c->index.column->name_slice))
    return cql_fail(c->x->err, CQL_INVALID, "Column '%s' contains non-alphanumeric-underscore characters",
                    c->index.column->name);
  if (!cql_type_is_multicell(type)) return check_sai_type(c, type);
  if (c->index.target != CQLE_TARGET_VALUES) CQLE_SCHEMA(check_sai_type(c, type->args[0]));
  if (c->index.target == CQLE_TARGET_KEYS) return CQL_OK;
  return check_sai_type(c, type->args[type->arg_count - 1]);
}

static bool is_one_of(cql_slice key, const char *const *names) {
  for (; *names; names++)
    if (cql_slice_eq_str(key, *names)) return true;
  return false;
}

/* Analyzers change what a query finds: only the setting that changes nothing may be asked for. */
static cql_status check_analyzer(creation *c, cql_slice key, cql_slice value) {
  bool neutral = cql_slice_eq_str(key, "case_sensitive"), on = cql_slice_eq_nocase(value, "true");
  const cql_type *type = c->index.column->type;
  char text[512];
  if (type->code != CQL_TYPE_TEXT && type->code != CQL_TYPE_ASCII) {
    cql_type_to_cql(type, text, sizeof text);
    return cql_fail(c->x->err, CQL_INVALID, "CQL type %s cannot be analyzed.", text);
  }
  if (!on && !cql_slice_eq_nocase(value, "false"))
    return cql_fail(c->x->err, CQL_INVALID, "Illegal value for boolean option '" CQL_SLICE_FMT "': " CQL_SLICE_FMT,
                    CQL_SLICE_ARG(key), CQL_SLICE_ARG(value));
  if (on == neutral) return CQL_OK;
  return cql_fail(c->x->err, CQL_INVALID,
                  "The index option '" CQL_SLICE_FMT "' = '" CQL_SLICE_FMT "' is not supported by the embedded engine",
                  CQL_SLICE_ARG(key), CQL_SLICE_ARG(value));
}

static cql_slice upper_case(cql_arena *a, cql_slice s) {
  uint8_t *to = cql_arena_get(a, s.len);
  for (size_t i = 0; to != NULL && i < s.len; i++)
    to[i] = s.data[i] >= 'a' && s.data[i] <= 'z' ? (uint8_t)(s.data[i] - 'a' + 'A') : s.data[i];
  return to == NULL ? s : cql_slice_of(to, s.len);
}

/* A whole number of 1 to max. Such options shape a graph of neighbours, and there is none here: they are checked, and
 * shown as they were given. Cassandra calls every index null here. */
static cql_status check_graph_option(creation *c, const char *what, cql_slice value, long max) {
  char digits[12] = "";
  char *end = digits;
  if (value.len < sizeof digits) memcpy(digits, value.data, value.len);
  long n = strtol(digits, &end, 10);
  if (end == digits || *end != '\0')
    return cql_fail(c->x->err, CQL_INVALID, "%s " CQL_SLICE_FMT " is not a valid integer for index null", what,
                    CQL_SLICE_ARG(value));
  if (n >= 1 && n <= max) return CQL_OK;
  return cql_fail(c->x->err, CQL_INVALID, "%s for index null cannot be <= 0 or > %ld, was %ld", what, max, n);
}

static cql_status check_vector_option(creation *c, cql_slice key, cql_slice value) {
  char text[512];
  cql_slice upper = upper_case(c->x->arena, value);
  if (c->index.column->type->code != CQL_TYPE_VECTOR) {
    cql_type_to_cql(c->index.column->type, text, sizeof text);
    return cql_fail(c->x->err, CQL_INVALID, "CQL type %s cannot have vector options", text);
  }
  if (cql_slice_eq_str(key, "maximum_node_connections"))
    return check_graph_option(c, "Maximum number of connections", value, 512);
  if (cql_slice_eq_str(key, "construction_beam_width"))
    return check_graph_option(c, "Construction beam width", value, 3200);
  if (cql_slice_eq_str(key, "optimize_for")) {
    if (cql_slice_eq_nocase(value, "latency") || cql_slice_eq_nocase(value, "recall")) return CQL_OK;
    return cql_fail(c->x->err, CQL_INVALID,
                    "optimize_for '" CQL_SLICE_FMT
                    "' was not recognized for index null. Valid values are: LATENCY, RECALL",
                    CQL_SLICE_ARG(upper));
  }
  if (cqle_similarity_find(value, &c->similarity)) return CQL_OK;
  return cql_fail(c->x->err, CQL_INVALID,
                  "Similarity function " CQL_SLICE_FMT
                  " was not recognized for index null. Valid values are: EUCLIDEAN, DOT_PRODUCT, COSINE",
                  CQL_SLICE_ARG(upper));
}

static cql_status check_sai_options(creation *c) {
  static const char *const analyzers[] = {"case_sensitive", "normalize", "ascii", NULL};
  static const char *const vectors[] = {"similarity_function", "maximum_node_connections", "construction_beam_width",
                                        "optimize_for", NULL};
  static const char *const own[] = {"target", "class_name", NULL};
  for (uint32_t i = 0; c->options && i < c->options->count; i += 2) {
    cql_slice key = c->options->items[i]->text, value = c->options->items[i + 1]->text;
    if (is_one_of(key, own))
      return cql_fail(c->x->err, CQL_INVALID, "Cannot specify " CQL_SLICE_FMT " as a CUSTOM option",
                      CQL_SLICE_ARG(key));
    if (is_one_of(key, analyzers)) {
      CQLE_SCHEMA(check_analyzer(c, key, value));
    } else if (is_one_of(key, vectors)) {
      CQLE_SCHEMA(check_vector_option(c, key, value));
    } else {
      return cql_fail(c->x->err, CQL_CONFIG,
                      "Properties specified [" CQL_SLICE_FMT "] are not understood by StorageAttachedIndex",
                      CQL_SLICE_ARG(key));
    }
  }
  return CQL_OK;
}

/* --- names and duplicates ----------------------------------------------------------------------------------------- */

static const cqle_index *find_index(const cqle_keyspace *ks, cql_slice name, const cqle_table **table) {
  for (uint32_t t = 0; t < ks->table_count; t++)
    for (uint32_t i = 0; i < ks->tables[t]->index_count; i++)
      if (cql_slice_eq_str(name, ks->tables[t]->indexes[i]->name)) {
        *table = ks->tables[t];
        return ks->tables[t]->indexes[i];
      }
  return NULL;
}

/* table_column_idx, then table_column_idx_1, …; letters, digits and underscores of the column's name. */
static cql_status make_name(creation *c, const char **out) {
  const char *column = c->index.column->name;
  char *word = cql_arena_get(c->x->arena, strlen(column) + 1), *to = word;
  const cqle_table *table;
  if (!word) return cqle_out_of_memory(c->x->err);
  for (; *column; column++)
    if (cqle_name_is_valid(cql_slice_of(column, 1))) *to++ = *column;
  *to = 0;
  for (uint32_t n = 0; n <= CQLE_INDEXES_MAX * CQLE_TABLES_MAX; n++) {
    *out = n == 0 ? cql_arena_printf(c->x->arena, "%s_%s_idx", c->table->name, word)
                  : cql_arena_printf(c->x->arena, "%s_%s_idx_%u", c->table->name, word, n);
    if (!*out) return cqle_out_of_memory(c->x->err);
    if (!find_index(c->ks, cql_slice_str(*out), &table)) return CQL_OK;
  }
  return cql_fail(c->x->err, CQL_LIMIT, "There is no name left for an index on %s", c->table->name);
}

static cql_status read_name(creation *c) {
  if (!c->def->name.data) return make_name(c, &c->index.name);
  if (!cqle_name_is_valid(c->def->name))
    return cql_fail(c->x->err, CQL_CONFIG, "Illegal index name " CQL_SLICE_FMT, CQL_SLICE_ARG(c->def->name));
  c->index.name = cql_arena_str(c->x->arena, c->def->name);
  return c->index.name ? CQL_OK : cqle_out_of_memory(c->x->err);
}

static bool same_options(const cqle_index *x, const cqle_index *y) {
  if (x->option_count != y->option_count) return false;
  for (uint32_t i = 0; i < 2 * x->option_count; i++)
    if (strcmp(x->options[i], y->options[i]) != 0) return false;
  return true;
}

/* *same: an index like this one is there already, and that is fine. */
static cql_status check_duplicate(creation *c, bool *same) {
  const cqle_index *i = &c->index;
  *same = false;
  for (uint32_t n = 0; n < c->table->index_count; n++) {
    const cqle_index *other = c->table->indexes[n];
    if (other->kind != i->kind || other->column != i->column || other->target != i->target) continue;
    bool equal = same_options(i, other);
    *same = equal && c->def->if_not_exists;
    if (*same) return CQL_OK;
    if (i->kind == CQLE_INDEX_SAI && !equal)
      return cql_fail(c->x->err, CQL_INVALID,
                      "Cannot create more than one storage-attached index on the same column: %s", i->column->name);
    return cql_fail(c->x->err, CQL_INVALID, "Index %s is a duplicate of existing index %s", i->name, other->name);
  }
  return CQL_OK;
}

/* As system_schema.indexes shows them: class_name, what was given, target. */
static cql_status set_options(creation *c) {
  cqle_option_map m = {0};
  const char *target = c->index.column->name, **strings;
  if (c->index.target != CQLE_TARGET_COLUMN)
    target = cql_arena_printf(c->x->arena, "%s(%s)", target_text(c->index.target), target);
  if (!target) return cqle_out_of_memory(c->x->err);
  if (c->options) CQLE_SCHEMA(cqle_option_map_read(c->options, &m, c->x->err));
  if (c->index.kind == CQLE_INDEX_SAI)
    CQLE_SCHEMA(cqle_option_map_put(&m, CQL_SLICE_LITERAL("class_name"), c->def->using_class, c->x->err));
  CQLE_SCHEMA(cqle_option_map_put(&m, CQL_SLICE_LITERAL("target"), cql_slice_str(target), c->x->err));
  strings = cql_arena_array(c->x->arena, 2 * m.count, sizeof *strings);
  if (!strings) return cqle_out_of_memory(c->x->err);
  for (uint32_t i = 0; i < m.count; i++) {
    strings[2 * i] = cql_arena_str(c->x->arena, m.keys[i]);
    strings[2 * i + 1] = cql_arena_str(c->x->arena, m.values[i]);
    if (!strings[2 * i] || !strings[2 * i + 1]) return cqle_out_of_memory(c->x->err);
  }
  c->index.options = strings;
  c->index.option_count = m.count;
  return CQL_OK;
}

/* --- CREATE INDEX ------------------------------------------------------------------------------------------------- */

static cql_status find_table(creation *c, const char *default_keyspace) {
  cql_slice name;
  CQLE_SCHEMA(cqle_ddl_keyspace_name(c->x, default_keyspace, c->def->table.keyspace, &name));
  c->ks = cqle_schema_keyspace(c->x->schema, name);
  if (!c->ks)
    return cql_fail(c->x->err, CQL_INVALID, "Keyspace '" CQL_SLICE_FMT "' doesn't exist", CQL_SLICE_ARG(name));
  c->table = cqle_keyspace_table(c->ks, c->def->table.name);
  if (c->table) return CQL_OK;
  return cql_fail(c->x->err, CQL_INVALID, "Table '" CQL_SLICE_FMT "' doesn't exist", CQL_SLICE_ARG(c->def->table.name));
}

/* The table with the index put in its place by name. */
static cql_status with_index(creation *c, cqle_table *out) {
  const cqle_index **indexes;
  cqle_index *index = cql_arena_copy(c->x->arena, &c->index, sizeof *index);
  uint32_t at = c->table->index_count;
  if (!index) return cqle_out_of_memory(c->x->err);
  CQLE_SCHEMA(cqle_table_copy(c->x->arena, c->table, out, c->x->err));
  indexes = (const cqle_index **)out->indexes; /* the copy's own, with room for one more */
  for (; at > 0 && strcmp(indexes[at - 1]->name, index->name) > 0; at--) indexes[at] = indexes[at - 1];
  indexes[at] = index;
  out->index_count++;
  return CQL_OK;
}

static cql_status store_index(creation *c) {
  cqle_exec *x = c->x;
  cqle_table t;
  CQLE_SCHEMA(cqle_ddl_changed(x, "UPDATED", "TABLE", c->ks->name, c->table->name));
  CQLE_SCHEMA(cqle_catalog_new_id(x->txn, &c->index.id, x->err));
  CQLE_SCHEMA(with_index(c, &t));
  CQLE_SCHEMA(cqle_catalog_put_table(x->txn, x->engine->alloc, &t, x->err));
  return cqle_index_build(x->txn, &t, &c->index, x->err);
}

cql_status cqle_create_index_execute(cqle_exec *x, const char *default_keyspace, const cqle_create_index *def) {
  creation c = {.x = x, .def = def};
  const cqle_table *table;
  bool same;
  CQLE_SCHEMA(find_table(&c, default_keyspace));
  if (def->name.data && find_index(c.ks, def->name, &table)) {
    if (def->if_not_exists) return CQL_OK;
    return cql_fail(x->err, CQL_INVALID, "Index '" CQL_SLICE_FMT "' already exists", CQL_SLICE_ARG(def->name));
  }
  if (c.table->is_counter) return cql_fail(x->err, CQL_INVALID, "Secondary indexes on counter tables aren't supported");
  CQLE_SCHEMA(read_kind(&c));
  CQLE_SCHEMA(read_properties(&c));
  CQLE_SCHEMA(read_target(&c));
  CQLE_SCHEMA(read_name(&c));
  if (c.index.kind == CQLE_INDEX_SAI) {
    CQLE_SCHEMA(check_sai_options(&c));
    CQLE_SCHEMA(check_sai_column(&c));
  }
  CQLE_SCHEMA(set_options(&c));
  CQLE_SCHEMA(check_duplicate(&c, &same));
  if (same) return CQL_OK;
  if (c.table->index_count == CQLE_INDEXES_MAX)
    return cql_fail(x->err, CQL_LIMIT, "A table may have at most %d indexes", CQLE_INDEXES_MAX);
  return store_index(&c);
}

/* --- DROP INDEX --------------------------------------------------------------------------------------------------- */

cql_status cqle_drop_index_execute(cqle_exec *x, const char *default_keyspace, const cqle_drop *d) {
  const cqle_keyspace *ks;
  const cqle_table *old;
  const cqle_index *index, **indexes;
  cqle_table t;
  cql_slice name;
  uint32_t kept = 0;
  CQLE_SCHEMA(cqle_ddl_keyspace_name(x, default_keyspace, d->name.keyspace, &name));
  ks = cqle_schema_keyspace(x->schema, name);
  index = ks ? find_index(ks, d->name.name, &old) : NULL;
  if (!index) {
    if (d->if_exists) return CQL_OK;
    return cql_fail(x->err, CQL_INVALID, "Index '" CQL_SLICE_FMT "." CQL_SLICE_FMT "' doesn't exist'",
                    CQL_SLICE_ARG(name), CQL_SLICE_ARG(d->name.name));
  }
  CQLE_SCHEMA(cqle_index_drop(x->txn, index, x->err));
  CQLE_SCHEMA(cqle_table_copy(x->arena, old, &t, x->err));
  indexes = (const cqle_index **)t.indexes; /* the copy's own */
  for (uint32_t i = 0; i < t.index_count; i++)
    if (indexes[i] != index) indexes[kept++] = indexes[i];
  t.index_count = kept;
  CQLE_SCHEMA(cqle_catalog_put_table(x->txn, x->engine->alloc, &t, x->err));
  return cqle_ddl_changed(x, "UPDATED", "TABLE", ks->name, old->name);
}
