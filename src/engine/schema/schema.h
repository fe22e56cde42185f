/* schema.h: keyspaces, tables, columns, indexes, as one immutable snapshot; how it is stored, changed and shown.
 *
 * A snapshot is counted and never changes: DDL writes a new catalog in its transaction and the next statement that sees
 * another schema version loads a new snapshot. Plans hold the snapshot they were made with.
 */
#ifndef CQLE_SCHEMA_H
#define CQLE_SCHEMA_H

#include "engine/parse/ast.h"
#include "engine/store/store.h"
#include "value/value.h"

#define CQLE_COLUMN_ID_NONE UINT32_MAX

enum { CQLE_NAME_MAX = 48, CQLE_COLUMNS_MAX = 4096 };

typedef enum cqle_column_kind { CQLE_PARTITION_KEY, CQLE_CLUSTERING, CQLE_STATIC, CQLE_REGULAR } cqle_column_kind;

typedef struct cqle_column {
  const char *name; /* NUL-terminated; also as a slice */
  cql_slice name_slice;
  const cql_type *type;
  cqle_column_kind kind;
  uint32_t
      position;  /* among the partition key or clustering columns; else its place in table->regular or table->statics */
  uint32_t id;   /* the number rows are stored under: stable over renames, and over DROP and ADD of the same name */
  bool reversed; /* clustering order DESC */
} cqle_column;

typedef enum cqle_index_kind { CQLE_INDEX_LEGACY, CQLE_INDEX_SAI } cqle_index_kind;

typedef struct cqle_index {
  const char *name;
  cqle_index_kind kind;
  cqle_index_target target;
  const cqle_column *column;
  uint32_t id; /* its entries' table id in the store */
  uint32_t option_count;
  const char *const *options; /* key, value, …, as given; shown in system_schema.indexes */
} cqle_index;

/* How near two vectors are. */
typedef enum cqle_similarity { CQLE_COSINE, CQLE_DOT_PRODUCT, CQLE_EUCLIDEAN } cqle_similarity;
bool cqle_similarity_find(cql_slice name, cqle_similarity *out); /* in any case; false: there is none */
/* Serves ORDER BY … ANN OF. Such an index has no entries in the store: a search compares every row that the rest of
 * the statement leaves. */
bool cqle_index_is_vector(const cqle_index *index);
cqle_similarity cqle_index_similarity(const cqle_index *index); /* of its options; cosine when none is given */

typedef struct cqle_option { /* of WITH: the value as system_schema.tables shows it, encoded in that column's type */
  const char *name;
  cql_slice value;
} cqle_option;

typedef struct cqle_dropped_column {
  const char *name;
  const cql_type *type;
  cqle_column_kind kind;
  uint32_t id;        /* CQLE_COLUMN_ID_NONE: not known, of a file made before it was kept */
  int64_t dropped_us; /* cells at or below it are gone, also when the column is there again */
} cqle_dropped_column;

typedef struct cqle_table cqle_table;
typedef struct cqle_keyspace cqle_keyspace;

/* Rows of a table that is not in the store: system.local, system_schema.*. Calls emit once per row, with one cell per
 * column in the order of table->columns (data NULL: null), in partition order; stops at the first status other than
 * CQL_OK and returns it. */
typedef cql_status (*cqle_emit)(void *user, const cql_slice *cells);
typedef struct cqle_exec cqle_exec; /* engine_int.h */
typedef cql_status (*cqle_virtual_read)(cqle_exec *x, const cqle_table *table, cqle_emit emit, void *user);

struct cqle_table {
  const cqle_keyspace *keyspace;
  const char *name;
  uint8_t uuid[16];
  uint32_t id; /* its rows' prefix in the store; never used twice in a file */
  uint32_t column_count;
  const cqle_column
      *columns; /* in the order of SELECT *: partition key, clustering, statics, regulars; the last two by name */
  uint32_t partition_count, clustering_count, static_count, regular_count;
  const cqle_column *const *partition; /* by position */
  const cqle_column *const *clustering;
  const cqle_column *const *statics;
  const cqle_column *const *regulars;
  uint32_t index_count;
  const cqle_index *const *indexes;
  uint32_t option_count;
  const cqle_option *options;
  uint32_t dropped_count;
  const cqle_dropped_column *dropped;
  int32_t default_ttl, gc_grace_seconds; /* read out of options */
  uint32_t next_column_id;
  bool is_counter;
  cqle_virtual_read read; /* NULL: rows are in the store */
};

struct cqle_keyspace {
  const char *name;
  bool durable_writes, is_system; /* system keyspaces cannot be changed */
  uint32_t replication_count;
  const char *const *replication; /* key, value, …; "class" first */
  uint32_t table_count;
  const cqle_table *const *tables; /* by name */
  uint32_t type_count;
  const cql_type *const *types; /* user types, by name; not frozen, their fields as they were declared */
};

typedef struct cqle_system cqle_system; /* the system keyspaces: the same in every snapshot of a process */

typedef struct cqle_schema {
  const cql_alloc *alloc;
  cql_arena arena;
  cqle_system *system; /* shared with other snapshots */
  int refs;            /* guarded by the engine's lock */
  uint64_t version;    /* counts DDL in this file */
  uint8_t uuid[16];    /* schema_version of system.local */
  uint8_t host_id[16]; /* of this file, made when the file was */
  uint32_t keyspace_count;
  const cqle_keyspace *const *keyspaces; /* by name, system keyspaces included */
} cqle_schema;

/* Gives a new file its identity (host id, first schema version), once: in a write transaction, when the version is 0.
 * */
cql_status cqle_schema_create(cqle_txn *txn, cql_error *err);
/* Loads the snapshot that txn sees. known (may be NULL): another snapshot of the same allocator, whose system keyspaces
 * need not be defined once more. CQL_CORRUPT, CQL_NOMEM, CQL_IO. */
cql_status cqle_schema_load(cqle_txn *txn, const cql_alloc *alloc, const cqle_schema *known, cqle_schema **out,
                            cql_error *err);
void cqle_schema_free(cqle_schema *s);
/* The version number that txn sees, by one read; 0 for a file without any DDL yet. */
cql_status cqle_schema_version(cqle_txn *txn, uint64_t *out);

const cqle_keyspace *cqle_schema_keyspace(const cqle_schema *s, cql_slice name);
const cqle_table *cqle_keyspace_table(const cqle_keyspace *ks, cql_slice name);
const cql_type *cqle_keyspace_type(const cqle_keyspace *ks, cql_slice name); /* a user type; NULL: none */
/* Finds user types for cql_type_parse_cql(). ks NULL: finds none. Borrows ks. */
cql_type_resolver cqle_type_resolver_of(const cqle_keyspace *ks);
const cqle_column *cqle_table_column(const cqle_table *t, cql_slice name);    /* NULL: none */
const cqle_column *cqle_table_column_by_id(const cqle_table *t, uint32_t id); /* NULL: dropped */
/* Resolves [keyspace.]name with the default keyspace (may be NULL). CQL_INVALID with Cassandra's texts: "No keyspace
 * has been specified. …", "keyspace x does not exist", "table x does not exist". */
cql_status cqle_schema_resolve(const cqle_schema *s, const char *default_keyspace, const cqle_qname *name,
                               const cqle_table **out, cql_error *err);

#endif
