/* create_text.c: the CQL that makes a keyspace, table or index again, as DESCRIBE shows it. Cassandra:
 * schema/TableMetadata.appendCqlTo, KeyspaceMetadata.toCqlString, IndexMetadata.appendCqlTo. */
#include "engine/ddl/create_text.h"
#include "engine/ddl/ddl_int.h"

#include <string.h>

#include "engine/parse/token.h"

static bool is_plain_name(cql_slice s) {
  cqle_token_kind kind = cqle_keyword_find(s);
  if (s.len == 0 || s.data[0] < 'a' || s.data[0] > 'z') return false;
  if (kind != CQLE_TOK_IDENT && !(cqle_token_keyword_use(kind) & CQLE_KW_NAME)) return false;
  for (size_t i = 0; i < s.len; i++)
    if (!((s.data[i] >= 'a' && s.data[i] <= 'z') || (s.data[i] >= '0' && s.data[i] <= '9') || s.data[i] == '_'))
      return false;
  return true;
}

void cqle_text_name_slice(cql_buf *b, cql_slice s) {
  if (is_plain_name(s)) {
    cql_buf_slice(b, s);
    return;
  }
  cql_buf_u8(b, '"');
  for (size_t i = 0; i < s.len; i++) {
    if (s.data[i] == '"') cql_buf_u8(b, '"');
    cql_buf_u8(b, s.data[i]);
  }
  cql_buf_u8(b, '"');
}

void cqle_text_name(cql_buf *b, const char *name) {
  cqle_text_name_slice(b, cql_slice_str(name));
}

static void put_string(cql_buf *b, const char *text) {
  cql_value_print(b, cql_type_native(CQL_TYPE_TEXT), cql_slice_str(text));
}

static void put_table_name(cql_buf *b, const cqle_table *t) {
  cqle_text_name(b, t->keyspace->name);
  cql_buf_str(b, ".");
  cqle_text_name(b, t->name);
}

/* --- keyspaces ---------------------------------------------------------------------------------------------------- */

void cqle_text_keyspace(cql_buf *b, const cqle_keyspace *ks) {
  static const char package[] = "org.apache.cassandra.locator.";
  if (ks->replication_count == 0) {
    cql_buf_printf(b,
                   "/*\nWarning: Keyspace %s is a virtual keyspace and cannot be recreated with CQL.\n"
                   "Structure, for reference:\nVIRTUAL KEYSPACE %s;\n*/",
                   ks->name, ks->name);
    return;
  }
  cql_buf_str(b, "CREATE KEYSPACE ");
  cqle_text_name(b, ks->name);
  cql_buf_str(b, " WITH replication = {");
  for (uint32_t i = 0; i < ks->replication_count; i++) {
    const char *value = ks->replication[2 * i + 1];
    if (strncmp(value, package, sizeof package - 1) == 0) value += sizeof package - 1;
    if (i > 0) cql_buf_str(b, ", ");
    put_string(b, ks->replication[2 * i]);
    cql_buf_str(b, ": ");
    put_string(b, value);
  }
  cql_buf_printf(b, "}  AND durable_writes = %s;", ks->durable_writes ? "true" : "false");
}

/* --- user types --------------------------------------------------------------------------------------------------- */

void cqle_text_type(cql_buf *b, const cql_type *type) {
  cql_buf_str(b, "CREATE TYPE ");
  cqle_text_name_slice(b, type->keyspace);
  cql_buf_u8(b, '.');
  cqle_text_name_slice(b, type->name);
  cql_buf_str(b, " (\n");
  for (uint32_t i = 0; i < type->arg_count; i++) {
    if (i > 0) cql_buf_str(b, ",\n");
    cql_buf_str(b, "    ");
    cqle_text_name_slice(b, type->field_names[i]);
    cql_buf_u8(b, ' ');
    cql_type_print_cql(b, type->args[i]);
  }
  cql_buf_str(b, "\n);");
}

/* --- indexes ------------------------------------------------------------------------------------------------------ */

static const char *option(const cqle_index *i, const char *name) {
  for (uint32_t o = 0; o < i->option_count; o++)
    if (strcmp(i->options[2 * o], name) == 0) return i->options[2 * o + 1];
  return NULL;
}

static bool is_own(const char *key) {
  return strcmp(key, "target") == 0 || strcmp(key, "class_name") == 0;
}

static void put_index_options(cql_buf *b, const cqle_index *i) {
  uint32_t count = 0;
  for (uint32_t o = 0; o < i->option_count; o++) {
    if (is_own(i->options[2 * o])) continue;
    cql_buf_str(b, count++ == 0 ? " WITH OPTIONS = {" : ", ");
    put_string(b, i->options[2 * o]);
    cql_buf_str(b, ": ");
    put_string(b, i->options[2 * o + 1]);
  }
  if (count) cql_buf_str(b, "}");
}

static void put_index_target(cql_buf *b, const cqle_index *i) {
  static const char *const wraps[] = {NULL, "values(", "keys(", "entries(", "full("};
  const char *wrap = wraps[i->target];
  if (wrap) cql_buf_str(b, wrap);
  cqle_text_name(b, i->column->name);
  if (wrap) cql_buf_str(b, ")");
}

void cqle_text_index(cql_buf *b, const cqle_table *t, const cqle_index *i) {
  cql_buf_str(b, i->kind == CQLE_INDEX_SAI ? "CREATE CUSTOM INDEX " : "CREATE INDEX ");
  cqle_text_name(b, i->name);
  cql_buf_str(b, " ON ");
  put_table_name(b, t);
  cql_buf_str(b, " (");
  put_index_target(b, i);
  cql_buf_str(b, ")");
  if (i->kind == CQLE_INDEX_SAI) {
    cql_buf_str(b, " USING ");
    put_string(b, option(i, "class_name"));
    put_index_options(b, i);
  }
  cql_buf_str(b, ";");
}

/* --- tables: columns ---------------------------------------------------------------------------------------------- */

static const cqle_dropped_column *find_dropped(const cqle_table *t, const char *name) {
  for (uint32_t i = 0; i < t->dropped_count; i++)
    if (strcmp(t->dropped[i].name, name) == 0) return &t->dropped[i];
  return NULL;
}

static void put_column(cql_buf *b, const char *name, const cql_type *type, bool is_static, bool is_key) {
  cql_buf_str(b, "    ");
  cqle_text_name(b, name);
  cql_buf_str(b, " ");
  cql_type_print_cql(b, type);
  if (is_static) cql_buf_str(b, " static");
  if (is_key) cql_buf_str(b, " PRIMARY KEY");
}

/* Plain columns come before those of many cells, as they do in Cassandra's storage. */
static void put_values(cql_buf *b, const cqle_table *t, bool internals) {
  for (int pass = 0; pass < 4; pass++) {
    cqle_column_kind kind = pass < 2 ? CQLE_STATIC : CQLE_REGULAR;
    for (uint32_t i = 0; i < t->column_count; i++) {
      const cqle_column *c = &t->columns[i];
      if (c->kind != kind || cql_type_is_multicell(c->type) != (pass % 2 == 1)) continue;
      if (internals && find_dropped(t, c->name)) continue; /* added again below */
      cql_buf_str(b, ",\n");
      put_column(b, c->name, c->type, c->kind == CQLE_STATIC, false);
    }
  }
  for (uint32_t i = 0; internals && i < t->dropped_count; i++) {
    cql_buf_str(b, ",\n");
    put_column(b, t->dropped[i].name, t->dropped[i].type, t->dropped[i].kind == CQLE_STATIC, false);
  }
}

static void put_names(cql_buf *b, const cqle_column *const *columns, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0) cql_buf_str(b, ", ");
    cqle_text_name(b, columns[i]->name);
  }
}

static void put_columns(cql_buf *b, const cqle_table *t, bool internals) {
  uint32_t keys = t->partition_count + t->clustering_count;
  for (uint32_t i = 0; i < keys; i++) {
    if (i > 0) cql_buf_str(b, ",\n");
    put_column(b, t->columns[i].name, t->columns[i].type, false, keys == 1);
  }
  put_values(b, t, internals);
  if (keys == 1) return;
  cql_buf_str(b, ",\n    PRIMARY KEY (");
  if (t->partition_count > 1) cql_buf_str(b, "(");
  put_names(b, t->partition, t->partition_count);
  if (t->partition_count > 1) cql_buf_str(b, ")");
  if (t->clustering_count) cql_buf_str(b, ", ");
  put_names(b, t->clustering, t->clustering_count);
  cql_buf_str(b, ")");
}

/* --- tables: options ---------------------------------------------------------------------------------------------- */

/* In the order of TableParams.appendCqlTo; absent: what stands for null. */
static const struct {
  const char *name, *absent;
} shown_options[] = {{"additional_write_policy", NULL},
                     {"allow_auto_snapshot", "true"},
                     {"bloom_filter_fp_chance", NULL},
                     {"caching", NULL},
                     {"cdc", "false"},
                     {"comment", NULL},
                     {"compaction", NULL},
                     {"compression", NULL},
                     {"memtable", "'default'"},
                     {"crc_check_chance", NULL},
                     {"default_time_to_live", NULL},
                     {"extensions", NULL},
                     {"gc_grace_seconds", NULL},
                     {"incremental_backups", "true"},
                     {"max_index_interval", NULL},
                     {"memtable_flush_period_in_ms", NULL},
                     {"min_index_interval", NULL},
                     {"read_repair", NULL},
                     {"speculative_retry", NULL}};

static cql_status put_option(cql_buf *b, cql_arena *a, const cqle_table *t, const char *name, const char *absent,
                             cql_error *err) {
  for (uint32_t i = 0; i < t->option_count; i++) {
    const cqle_option *o = &t->options[i];
    if (strcmp(o->name, name) != 0) continue;
    cql_buf_printf(b, "%s = ", name);
    if (o->value.data) {
      const cql_type *type = cqle_option_type(a, name);
      if (!type) return cqle_out_of_memory(err);
      cql_value_print(b, type, o->value);
    } else {
      cql_buf_str(b, absent);
    }
  }
  return CQL_OK;
}

static void put_clustering_order(cql_buf *b, const cqle_table *t) {
  for (uint32_t i = 0; i < t->clustering_count; i++) {
    cql_buf_str(b, i == 0 ? "CLUSTERING ORDER BY (" : ", ");
    cqle_text_name(b, t->clustering[i]->name);
    cql_buf_str(b, t->clustering[i]->reversed ? " DESC" : " ASC");
  }
  if (t->clustering_count) cql_buf_str(b, ")\n    AND ");
}

static void put_dropped(cql_buf *b, const cqle_table *t) {
  for (uint32_t i = 0; i < t->dropped_count; i++) {
    const cqle_dropped_column *d = &t->dropped[i];
    const cqle_column *again = cqle_table_column(t, cql_slice_str(d->name));
    cql_buf_str(b, "\nALTER TABLE ");
    put_table_name(b, t);
    cql_buf_str(b, " DROP ");
    cqle_text_name(b, d->name);
    cql_buf_printf(b, " USING TIMESTAMP %lld;", (long long)d->dropped_us);
    if (!again) continue;
    cql_buf_str(b, "\nALTER TABLE ");
    put_table_name(b, t);
    cql_buf_str(b, " ADD ");
    cqle_text_name(b, again->name);
    cql_buf_str(b, " ");
    cql_type_print_cql(b, again->type);
    cql_buf_str(b, again->kind == CQLE_STATIC ? " static;" : ";");
  }
}

static void put_uuid(cql_buf *b, const uint8_t uuid[16]) {
  cql_value_print(b, cql_type_native(CQL_TYPE_UUID), cql_slice_of(uuid, 16));
}

/* A virtual table shows its comment only, in words that say that it cannot be made. */
static cql_status virtual_table(cql_buf *b, cql_arena *a, const cqle_table *t, cql_error *err) {
  cql_buf_str(b, "/*\nWarning: Table ");
  put_table_name(b, t);
  cql_buf_str(b, " is a virtual table and cannot be recreated with CQL.\nStructure, for reference:\nVIRTUAL TABLE ");
  put_table_name(b, t);
  cql_buf_str(b, " (\n");
  put_columns(b, t, false);
  cql_buf_str(b, "\n) WITH ");
  put_clustering_order(b, t);
  CQLE_SCHEMA(put_option(b, a, t, "comment", NULL, err));
  cql_buf_str(b, ";\n*/");
  return CQL_OK;
}

cql_status cqle_text_table(cql_buf *b, cql_arena *a, const cqle_table *t, bool internals, cql_error *err) {
  if (t->keyspace->replication_count == 0) return virtual_table(b, a, t, err);
  cql_buf_str(b, "CREATE TABLE ");
  put_table_name(b, t);
  cql_buf_str(b, " (\n");
  put_columns(b, t, internals);
  cql_buf_str(b, "\n) WITH ");
  if (internals) {
    cql_buf_str(b, "ID = ");
    put_uuid(b, t->uuid);
    cql_buf_str(b, "\n    AND ");
  }
  put_clustering_order(b, t);
  for (size_t i = 0; i < sizeof shown_options / sizeof *shown_options; i++) {
    if (i > 0) cql_buf_str(b, "\n    AND ");
    CQLE_SCHEMA(put_option(b, a, t, shown_options[i].name, shown_options[i].absent, err));
  }
  cql_buf_str(b, ";");
  if (internals) put_dropped(b, t);
  return CQL_OK;
}
