/* system.c: the keyspaces that every file has. Their tables are described in CQL, as Cassandra 5.0 describes them
 * (db/SystemKeyspace.java, schema/SchemaKeyspace.java, db/virtual/VirtualSchemaKeyspace.java); their rows are made
 * when they are read. */
#include "engine/schema/system.h"

#include <string.h>

typedef struct system_table {
  const char *cql;
  cqle_virtual_read read;
} system_table;

typedef struct system_keyspace {
  const char *name;
  bool is_replicated; /* a virtual keyspace is not */
  const system_table *tables;
  uint32_t table_count;
} system_keyspace;

#define LOCAL_WITH(uuid, comment)                                                                                      \
  " WITH id = " uuid " AND comment = '" comment "' AND gc_grace_seconds = 0 AND memtable_flush_period_in_ms = 3600000"
#define SCHEMA_WITH(uuid, comment)                                                                                     \
  " WITH id = " uuid " AND comment = '" comment                                                                        \
  "' AND gc_grace_seconds = 604800 AND memtable_flush_period_in_ms = 3600000"
#define TABLE_COLUMNS                                                                                                  \
  "additional_write_policy text, allow_auto_snapshot boolean, bloom_filter_fp_chance double, "                         \
  "caching frozen<map<text, text>>, cdc boolean, comment text, compaction frozen<map<text, text>>, "                   \
  "compression frozen<map<text, text>>, crc_check_chance double, dclocal_read_repair_chance double, "                  \
  "default_time_to_live int, extensions frozen<map<text, blob>>, gc_grace_seconds int, id uuid, "                      \
  "incremental_backups boolean, max_index_interval int, memtable text, memtable_flush_period_in_ms int, "              \
  "min_index_interval int, read_repair text, read_repair_chance double, speculative_retry text, "
#define COLUMN_COLUMNS                                                                                                 \
  "keyspace_name text, table_name text, column_name text, clustering_order text, column_name_bytes blob, "             \
  "kind text, position int, type text, PRIMARY KEY (keyspace_name, table_name, column_name))"

static const system_table local_tables[] = {
    {"CREATE TABLE \"IndexInfo\" (table_name text, index_name text, value blob, "
     "PRIMARY KEY (table_name, index_name))" LOCAL_WITH("9f5c6374-d485-3229-9a0a-5094af9ad1e3", "built column indexes"),
     cqle_read_built_indexes},
    {"CREATE TABLE local (key text PRIMARY KEY, bootstrapped text, broadcast_address inet, broadcast_port int, "
     "cluster_name text, cql_version text, data_center text, gossip_generation int, host_id uuid, listen_address inet, "
     "listen_port int, native_protocol_version text, partitioner text, rack text, release_version text, "
     "rpc_address inet, rpc_port int, schema_version uuid, tokens set<text>, truncated_at map<uuid, blob>)" LOCAL_WITH(
         "7ad54392-bcdd-35a6-8417-4e047860b377", "information about the local node"),
     cqle_read_local},
    {"CREATE TABLE peers (peer inet PRIMARY KEY, data_center text, host_id uuid, preferred_ip inet, rack text, "
     "release_version text, rpc_address inet, schema_version uuid, tokens set<text>)" LOCAL_WITH(
         "37f71aca-7dc2-383b-a706-72528af04d4f", "information about known peers in the cluster"),
     cqle_read_nothing},
    {"CREATE TABLE peers_v2 (peer inet, peer_port int, data_center text, host_id uuid, native_address inet, "
     "native_port int, preferred_ip inet, preferred_port int, rack text, release_version text, schema_version uuid, "
     "tokens set<text>, PRIMARY KEY (peer, peer_port))" LOCAL_WITH("c4325fbb-8e5e-3baf-bd07-0f9250ed818e",
                                                                   "information about known peers in the cluster"),
     cqle_read_nothing},
    {"CREATE TABLE prepared_statements (prepared_id blob PRIMARY KEY, logged_keyspace text, "
     "query_string text)" LOCAL_WITH("18a9c257-6a0c-3841-ba71-8cd529849fef", "prepared statements"),
     cqle_read_nothing},
};

static const system_table schema_tables[] = {
    {"CREATE TABLE aggregates (keyspace_name text, aggregate_name text, argument_types frozen<list<text>>, "
     "final_func text, initcond text, return_type text, state_func text, state_type text, "
     "PRIMARY KEY (keyspace_name, aggregate_name, argument_types))" SCHEMA_WITH("924c5587-2e3a-345b-b10c-12f37c1ba895",
                                                                                "user defined aggregate definitions"),
     cqle_read_nothing},
    {"CREATE TABLE column_masks (keyspace_name text, table_name text, column_name text, "
     "function_argument_nulls frozen<list<boolean>>, function_argument_types frozen<list<text>>, "
     "function_argument_values frozen<list<text>>, function_keyspace text, function_name text, "
     "PRIMARY KEY (keyspace_name, table_name, column_name))" SCHEMA_WITH("738cc5ed-0168-3268-b9d1-853d4bc278af",
                                                                         "column dynamic data masks"),
     cqle_read_nothing},
    {"CREATE TABLE columns (" COLUMN_COLUMNS SCHEMA_WITH("24101c25-a2ae-3af7-87c1-b40ee1aca33f", "column definitions"),
     cqle_read_columns},
    {"CREATE TABLE dropped_columns (keyspace_name text, table_name text, column_name text, dropped_time timestamp, "
     "kind text, type text, PRIMARY KEY (keyspace_name, table_name, column_name))" SCHEMA_WITH(
         "5e7583b5-f3f4-3af1-9a39-b7e1d6f5f11f", "dropped column registry"),
     cqle_read_dropped_columns},
    {"CREATE TABLE functions (keyspace_name text, function_name text, argument_types frozen<list<text>>, "
     "argument_names frozen<list<text>>, body text, called_on_null_input boolean, language text, return_type text, "
     "PRIMARY KEY (keyspace_name, function_name, argument_types))" SCHEMA_WITH("96489b79-80be-3e14-a701-66a0b9159450",
                                                                               "user defined function definitions"),
     cqle_read_nothing},
    {"CREATE TABLE indexes (keyspace_name text, table_name text, index_name text, kind text, "
     "options frozen<map<text, text>>, PRIMARY KEY (keyspace_name, table_name, index_name))" SCHEMA_WITH(
         "0feb57ac-311f-382f-ba6d-9024d305702f", "secondary index definitions"),
     cqle_read_indexes},
    {"CREATE TABLE keyspaces (keyspace_name text PRIMARY KEY, durable_writes boolean, "
     "replication frozen<map<text, text>>)" SCHEMA_WITH("abac5682-dea6-31c5-b535-b3d6cffd0fb6", "keyspace definitions"),
     cqle_read_keyspaces},
    {"CREATE TABLE tables (keyspace_name text, table_name text, flags frozen<set<text>>, " TABLE_COLUMNS
     "PRIMARY KEY (keyspace_name, table_name))" SCHEMA_WITH("afddfb9d-bc1e-3068-8056-eed6c302ba09",
                                                            "table definitions"),
     cqle_read_tables},
    {"CREATE TABLE triggers (keyspace_name text, table_name text, trigger_name text, "
     "options frozen<map<text, text>>, PRIMARY KEY (keyspace_name, table_name, trigger_name))" SCHEMA_WITH(
         "4df70b66-6b05-3251-95a1-32b54005fd48", "trigger definitions"),
     cqle_read_nothing},
    {"CREATE TABLE types (keyspace_name text, type_name text, field_names frozen<list<text>>, "
     "field_types frozen<list<text>>, PRIMARY KEY (keyspace_name, type_name))" SCHEMA_WITH(
         "5a8b1ca8-6602-3f77-a045-9273d308917a", "user defined type definitions"),
     cqle_read_types},
    {"CREATE TABLE views (keyspace_name text, view_name text, base_table_id uuid, base_table_name text, "
     "include_all_columns boolean, where_clause text, " TABLE_COLUMNS
     "PRIMARY KEY (keyspace_name, view_name))" SCHEMA_WITH("9786ac1c-dd58-3201-a7cd-ad556410c985", "view definitions"),
     cqle_read_nothing},
};

static const system_table views_tables[] = {
    {"CREATE TABLE sai_column_indexes (keyspace_name text, index_name text, analyzer text, column_name text, "
     "is_building boolean, is_queryable boolean, is_string boolean, table_name text, "
     "PRIMARY KEY (keyspace_name, index_name)) WITH comment = 'Storage-attached column index metadata'",
     cqle_read_sai_indexes},
};

static const system_table virtual_tables[] = {
    {"CREATE TABLE columns (" COLUMN_COLUMNS " WITH comment = 'virtual column definitions'", cqle_read_virtual_columns},
    {"CREATE TABLE keyspaces (keyspace_name text PRIMARY KEY) WITH comment = 'virtual keyspace definitions'",
     cqle_read_virtual_keyspaces},
    {"CREATE TABLE tables (keyspace_name text, table_name text, comment text, "
     "PRIMARY KEY (keyspace_name, table_name)) WITH comment = 'virtual table definitions'",
     cqle_read_virtual_tables},
};

#define TABLES(list) list, sizeof list / sizeof *list
static const system_keyspace system_keyspaces[CQLE_SYSTEM_KEYSPACES] = {
    {"system", true, TABLES(local_tables)},
    {"system_schema", true, TABLES(schema_tables)},
    {CQLE_VIEWS_KEYSPACE, false, TABLES(views_tables)},
    {CQLE_VIRTUAL_KEYSPACE, false, TABLES(virtual_tables)},
};

/* Names that a Cassandra has for itself; those without tables here stay unusable, so that a schema fits both. */
bool cqle_is_system_keyspace(cql_slice name) {
  static const char *const names[] = {"system",        "system_schema", "system_virtual_schema", "system_auth",
                                      "system_traces", "system_views",  "system_distributed"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (cql_slice_eq_str(name, names[i])) return true;
  return false;
}

static cql_status define(cql_arena *a, const cqle_keyspace *ks, const system_table *from, const cqle_table **out,
                         cql_error *err) {
  cqle_table *t = cql_arena_get(a, sizeof *t);
  cqle_statement *s;
  if (!t) return cqle_out_of_memory(err);
  CQLE_SCHEMA(cqle_parse(a, cql_slice_str(from->cql), &s, err));
  CQLE_SCHEMA(cqle_table_define(a, ks, &s->as.create_table, t, err));
  t->keyspace = ks;
  t->read = from->read;
  CQLE_SCHEMA(cqle_options_apply(a, t, s->as.create_table.properties, s->as.create_table.property_count, true, err));
  *out = t;
  return CQL_OK;
}

static cql_status define_all(cqle_system *s, cql_error *err) {
  static const char *const local[] = {"class", "org.apache.cassandra.locator.LocalStrategy"};
  for (uint32_t k = 0; k < CQLE_SYSTEM_KEYSPACES; k++) {
    const system_keyspace *from = &system_keyspaces[k];
    cqle_keyspace *ks = cql_arena_zero(&s->arena, sizeof *ks);
    const cqle_table **tables = cql_arena_array(&s->arena, from->table_count, sizeof *tables);
    if (!ks || !tables) return cqle_out_of_memory(err);
    ks->name = from->name;
    ks->durable_writes = ks->is_system = true;
    ks->replication = local;
    ks->replication_count = from->is_replicated ? 1 : 0;
    for (uint32_t t = 0; t < from->table_count; t++)
      CQLE_SCHEMA(define(&s->arena, ks, &from->tables[t], &tables[t], err));
    ks->tables = tables;
    ks->table_count = from->table_count;
    s->keyspaces[k] = ks;
  }
  return CQL_OK;
}

cql_status cqle_system_new(cqle_system **out, const cql_alloc *alloc, cql_error *err) {
  cqle_system *s = cql_alloc_new(alloc, sizeof *s);
  *out = NULL;
  if (!s) return cqle_out_of_memory(err);
  s->alloc = alloc;
  atomic_init(&s->refs, 1);
  cql_arena_init(&s->arena, alloc, CQL_ARENA_LIMIT_DEFAULT);
  cql_status st = define_all(s, err);
  if (st == CQL_OK)
    *out = s;
  else
    cqle_system_release(s);
  return st;
}

void cqle_system_release(cqle_system *s) {
  if (!s || atomic_fetch_sub(&s->refs, 1) > 1) return;
  cql_arena_free(&s->arena);
  cql_alloc_free(s->alloc, s, sizeof *s);
}
