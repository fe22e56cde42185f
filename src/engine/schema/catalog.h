/* catalog.h: how the schema stands in the store, and what is made of it. For src/engine/schema and src/engine/ddl.
 *
 *   STORE KEY                                         VALUE, each led by a format byte (CQLE_CATALOG_FORMAT)
 *   catalog id (u32) · 01                             version (u64) · schema uuid · host id · next id (u32)
 *   catalog id (u32) · 02 · keyspace                  durable writes (u8) · replication
 *   catalog id (u32) · 03 · keyspace · 00 · table     see catalog_table.c
 *   catalog id (u32) · 04 · keyspace · 00 · type      see catalog_type.c
 *
 * Ids from CQLE_FIRST_ID on belong to tables and indexes; they are given once in the life of a file.
 */
#ifndef CQLE_CATALOG_H
#define CQLE_CATALOG_H

#include <stdatomic.h>

#include "engine/engine_int.h"

enum {
  CQLE_CATALOG_ID = 1,
  CQLE_FIRST_ID = 256,
  CQLE_CATALOG_FORMAT = 1,
  CQLE_CATALOG_STRING_MAX = 65535,
  CQLE_TABLE_NAME_MAX = 222, /* Cassandra 5.0.8: SchemaConstants.TABLE_NAME_LENGTH */
  CQLE_TABLES_MAX = 65536,   /* in one keyspace, and keyspaces in one file */
  CQLE_INDEXES_MAX = 256,    /* of one table */
  CQLE_DROPPED_COLUMNS_MAX = 65536,
  CQLE_TYPES_MAX = 65536,     /* user types in one keyspace */
  CQLE_TYPE_PARTS_MAX = 8192, /* types within a user type, each counted as often as it occurs */
};

/* Early return: all memory here is an arena's. */
#define CQLE_SCHEMA(call)                                                                                              \
  do {                                                                                                                 \
    cql_status schema_status_ = (call);                                                                                \
    if (schema_status_ != CQL_OK) return schema_status_;                                                               \
  } while (0)

typedef struct cqle_catalog_state {
  uint64_t version; /* 0: not written yet */
  uint8_t uuid[16], host_id[16];
  uint32_t next_id;
} cqle_catalog_state;

cql_status cqle_out_of_memory(cql_error *err);
cql_status cqle_catalog_corrupt(cql_error *err);

/* --- reading and writing (catalog.c, catalog_table.c) ------------------------------------------------------------- */

cql_status cqle_catalog_get_state(cqle_txn *txn, cqle_catalog_state *out, cql_error *err);
cql_status cqle_catalog_put_state(cqle_txn *txn, const cqle_catalog_state *s, cql_error *err);
/* Counts one change of the schema: a new version and schema uuid. */
cql_status cqle_catalog_bump(cqle_txn *txn, cql_error *err);
cql_status cqle_catalog_new_id(cqle_txn *txn, uint32_t *out, cql_error *err);
cql_status cqle_catalog_put_keyspace(cqle_txn *txn, const cql_alloc *alloc, const cqle_keyspace *ks, cql_error *err);
cql_status cqle_catalog_del_keyspace(cqle_txn *txn, const cql_alloc *alloc, const char *name, cql_error *err);
cql_status cqle_catalog_put_table(cqle_txn *txn, const cql_alloc *alloc, const cqle_table *t, cql_error *err);
cql_status cqle_catalog_del_table(cqle_txn *txn, const cql_alloc *alloc, const cqle_table *t, cql_error *err);
/* The start and end of all keyspaces' or tables' keys. */
void cqle_catalog_range(uint8_t kind, uint8_t from[5], uint8_t to[5]);
enum { CQLE_CATALOG_STATE = 1, CQLE_CATALOG_KEYSPACE = 2, CQLE_CATALOG_TABLE = 3, CQLE_CATALOG_TYPE = 4 };
cql_status cqle_catalog_decode_keyspace(cql_arena *a, cql_slice name, cql_slice value, cqle_keyspace *out,
                                        cql_error *err);
void cqle_catalog_encode_table(cql_buf *b, const cqle_table *t);
/* out->keyspace is set beforehand: its user types are what columns refer to. */
cql_status cqle_catalog_decode_table(cql_arena *a, cql_slice name, cql_slice value, cqle_table *out, cql_error *err);

/* User types (catalog_type.c). type: as cqle_keyspace_type() gives it. */
cql_status cqle_catalog_put_type(cqle_txn *txn, const cql_alloc *alloc, const cql_type *type, cql_error *err);
cql_status cqle_catalog_del_type(cqle_txn *txn, const cql_alloc *alloc, const char *keyspace, cql_slice name,
                                 cql_error *err);
/* Sets ks->types to what txn sees, each field's type resolved. CQL_CORRUPT; CQL_LIMIT: types nested too deep, or
 * holding too much. */
cql_status cqle_catalog_load_types(cqle_txn *txn, cql_arena *a, cqle_keyspace *ks, cql_error *err);
/* Does the type hold the user type of that name, or is it that one? */
bool cqle_type_refers(const cql_type *type, cql_slice name);
/* The type with tuples in the place of user types; NULL: out of memory. */
const cql_type *cqle_type_without_names(cql_arena *a, const cql_type *type);
/* catalog_table.c and catalog_type.c: a type by its CQL text, led by its length. */
void cqle_catalog_write_type(cql_buf *b, const cql_type *type);

/* Strings with their length, for the values above. */
void cqle_catalog_put_string(cql_buf *b, const char *s);
cql_status cqle_catalog_read_string(cql_reader *r, cql_arena *a, const char **out);
cql_status cqle_catalog_read_strings(cql_reader *r, cql_arena *a, uint32_t *count, const char *const **out);

/* --- building a table (arrange.c) --------------------------------------------------------------------------------- */

/* Sorts columns (which it keeps) into the order of SELECT * and sets everything of *t that follows from them. Key
 * columns come with their position. */
cql_status cqle_table_arrange(cql_arena *a, cqle_table *t, cqle_column *columns, uint32_t count, cql_error *err);
/* A copy whose arrays may be changed: columns, indexes, dropped and options are new, what they point to is shared. */
cql_status cqle_table_copy(cql_arena *a, const cqle_table *t, cqle_table *out, cql_error *err);
cql_status cqle_column_init(cql_arena *a, cqle_column *c, cql_slice name, const cql_type *type, cqle_column_kind kind,
                            cql_error *err);

/* --- options (options.c) ------------------------------------------------------------------------------------------ */

/* Sets *t's options to the defaults, then to what the properties say. CREATE (is_new) and ALTER. CQL_SYNTAX,
 * CQL_CONFIG. */
cql_status cqle_options_default(cql_arena *a, cqle_table *t, cql_error *err);
cql_status cqle_options_parse(cql_arena *a, const cqle_property *properties, uint32_t count, cql_error *err);
cql_status cqle_options_apply(cql_arena *a, cqle_table *t, const cqle_property *properties, uint32_t count, bool is_new,
                              cql_error *err);
/* Reads default_time_to_live and gc_grace_seconds out of the options. CQL_CORRUPT. */
cql_status cqle_options_read(cqle_table *t, cql_error *err);
const cql_type *cqle_option_type(cql_arena *a, const char *name); /* NULL: no such option, or out of memory */
cql_status cqle_property_text(const cqle_property *p, cql_slice *out, cql_error *err);
cql_status cqle_property_map(const cqle_property *p, const cqle_term **out, cql_error *err);
cql_status cqle_property_bool(const cqle_property *p, bool *out, cql_error *err);
cql_status cqle_property_unknown(const cqle_property *p, cql_error *err);

#define CQLE_DATA_CENTER "datacenter1"
#define CQLE_STATIC_USELESS                                                                                            \
  "Static columns are only useful (and thus allowed) if the table has at least one clustering column"
#define CQLE_NO_MASKS                                                                                                  \
  "Cannot mask columns because dynamic data masking is not enabled. You can enable it with the "                       \
  "dynamic_data_masking_enabled property on cassandra.yaml"

/* --- definitions (define.c) --------------------------------------------------------------------------------------- */

bool cqle_name_is_valid(cql_slice name); /* letters, digits, underscores; not empty */
/* Reads a written type and checks what holds for every column's type. CQL_SYNTAX, CQL_INVALID, CQL_LIMIT, CQL_NOMEM. */
cql_status cqle_column_type(cql_arena *a, const cqle_keyspace *ks, const cqle_raw_type *raw, const cql_type **out,
                            cql_error *err);
/* Makes a table of a definition, without ids: names, types and keys checked. */
cql_status cqle_table_define(cql_arena *a, const cqle_keyspace *ks, const cqle_create_table *def, cqle_table *out,
                             cql_error *err);
const char *cqle_column_kind_text(cqle_column_kind kind); /* "partition_key", …, as system_schema shows it */

/* --- system keyspaces (system.c) ---------------------------------------------------------------------------------- */

enum { CQLE_SYSTEM_KEYSPACES = 4 };
struct cqle_system {
  const cql_alloc *alloc;
  cql_arena arena;
  atomic_int refs;
  const cqle_keyspace *keyspaces[CQLE_SYSTEM_KEYSPACES];
};
/* Defines system, system_schema, system_views and system_virtual_schema, with one reference for the caller. */
cql_status cqle_system_new(cqle_system **out, const cql_alloc *alloc, cql_error *err);
void cqle_system_release(cqle_system *s);
bool cqle_is_system_keyspace(cql_slice name);

#endif
