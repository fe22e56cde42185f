/* modify_int.h: what the files of this room share.
 *
 *   plan.c        INSERT, UPDATE, DELETE resolved and checked
 *   insert_json.c INSERT JSON: one value for each column, at places behind those of the markers
 *   operation_plan.c  one assignment or deletion: what it means for its column
 *   operation.c   the same turned into cells
 *   attributes.c  USING TIMESTAMP and TTL
 *   row_builder.c cells gathered into a row
 *   mutation.c    statements into mutations, mutations into the store
 *   condition.c   IF conditions: planned, evaluated
 *   cas.c         conditional statements: read, decide, write or answer with what was found
 *   batch.c       BATCH of either kind
 */
#ifndef CQLE_MODIFY_INT_H
#define CQLE_MODIFY_INT_H

#include "engine/modify/modify.h"
#include "engine/table/table.h"
#include "engine/term/function.h"
#include "engine/where/where.h"

enum {
  CQLE_TTL_MAX = 20 * 365 * 24 * 60 * 60, /* s; Attributes.MAX_TTL */
  CQLE_BATCH_WARN_LEN = 5 * 1024,         /* batch_size_warn_threshold */
  CQLE_BATCH_FAIL_LEN = 50 * 1024,        /* batch_size_fail_threshold */
  CQLE_BATCH_UNLOGGED_PARTITIONS = 10,    /* unlogged_batch_across_partitions_warn_threshold */
};
#define CQLE_EXPIRY_MAX                                                                                                \
  ((int64_t)2147483646) /* s: 2038-01-19T03:14:06, as storage_compatibility_mode CASSANDRA_4 has it */

/* --- plans -------------------------------------------------------------------------------------------------------- */

typedef enum cqle_operation_kind {
  CQLE_OPERATION_SET,            /* c = value; null deletes */
  CQLE_OPERATION_DELETE,         /* DELETE c */
  CQLE_OPERATION_ADD,            /* collections: append, add, put */
  CQLE_OPERATION_SUBTRACT,       /* collections: by value, or by key of a map */
  CQLE_OPERATION_PREPEND,        /* lists */
  CQLE_OPERATION_SET_ELEMENT,    /* c[key] = value */
  CQLE_OPERATION_DELETE_ELEMENT, /* DELETE c[key] */
  CQLE_OPERATION_SET_FIELD,      /* c.field = value; null deletes */
  CQLE_OPERATION_DELETE_FIELD,   /* DELETE c.field */
  CQLE_OPERATION_INCREASE,       /* numbers and texts, in conditional statements: c = c + value */
  CQLE_OPERATION_COUNT_UP,       /* counters: c = c + value */
  CQLE_OPERATION_COUNT_DOWN,     /* counters: c = c - value */
} cqle_operation_kind;

typedef struct cqle_operation {
  cqle_operation_kind kind;
  const cqle_column *column;
  const cqle_expr *key, *value;
  uint32_t field;
  const cqle_function *sum; /* INCREASE of a number */
  bool reads;               /* needs the row as it is */
} cqle_operation;

typedef struct cqle_condition {
  const cqle_column *column;
  cqle_op op;
  const cqle_expr *key; /* c[key] */
  bool of_field;        /* c.field */
  uint32_t field;
  const cqle_expr *in_list; /* IN ?; NULL: values */
  uint32_t value_count;
  const cqle_expr **values;
} cqle_condition;

/* INSERT JSON. Its columns read their values from a request of its own, behind the values of the statement's markers:
 * a text is taken apart once for all columns. */
typedef struct cqle_json_plan {
  const cqle_expr *text;   /* NULL: the text was known when the statement was planned */
  const cql_value *values; /* then: one for each column of the table */
  int32_t missing;         /* CQL_NULL or CQL_UNSET: what is not in the text */
  uint32_t first;          /* place of the first column's value */
} cqle_json_plan;

struct cqle_modify_plan {
  cqle_modify_kind kind; /* INSERT for INSERT JSON too */
  const cqle_table *table;
  const cqle_expr *timestamp, *ttl; /* NULL: not given */
  const cqle_where *where;          /* UPDATE, DELETE */
  const cqle_json_plan *json;       /* INSERT JSON */
  const cqle_expr **key;            /* INSERT: partition key, then clustering columns; those not given are NULL */
  uint32_t operation_count;
  cqle_operation *operations;
  bool sets_statics, sets_regulars;
  bool static_only; /* has to do with static columns alone: no clustering, no row */
  bool reads;
  bool if_exists, if_not_exists;
  uint32_t condition_count;
  cqle_condition *conditions;
  bool asks_statics, asks_regulars;
};

bool cqle_modify_is_conditional(const cqle_modify_plan *p);
/* Everything but info. */
cql_status cqle_modify_plan_make(cqle_binder *b, const cqle_modify *ast, cqle_modify_plan **out);
/* Does it touch one whole row (or write rows), rather than static columns alone or a range? */
bool cqle_modify_names_row(const cqle_modify_plan *p);

/* operation.c. conditional: increments of plain numbers are allowed. */
cql_status cqle_operation_from_value(cqle_binder *b, const cqle_table *t, const cqle_column *c, const cqle_term *value,
                                     cqle_operation *out);
cql_status cqle_operation_from_assignment(cqle_binder *b, const cqle_table *t, const cqle_column *c,
                                          const cqle_assignment *a, bool conditional, cqle_operation *out);
cql_status cqle_operation_from_target(cqle_binder *b, const cqle_table *t, const cqle_column *c,
                                      const cqle_delete_target *target, cqle_operation *out);

/* insert_json.c */
cql_status cqle_json_plan_make(cqle_binder *b, const cqle_table *t, const cqle_modify *ast, cqle_json_plan **out);
/* Gives x the request that the plan's terms read: its own, or one with the values of INSERT JSON behind. */
cql_status cqle_json_request(cqle_exec *x, const cqle_modify_plan *p);

/* A field of a user type by its name, and what is assigned to it or compared with it. */
bool cqle_has_field(const cql_type *type, cql_slice name, uint32_t *out);
cqle_receiver cqle_field_receiver(cqle_binder *b, const cqle_table *t, const cqle_column *c, uint32_t field);

/* attributes.c. batch: the names of its receivers are those of BATCH. */
cql_status cqle_attributes_bind(cqle_binder *b, const cqle_attributes *ast, const char *keyspace, const char *table,
                                const cqle_expr **timestamp, const cqle_expr **ttl);
/* timestamp NULL, or bound to unset: otherwise. */
cql_status cqle_attributes_timestamp(cqle_exec *x, const cqle_expr *timestamp, int64_t otherwise, int64_t *out);
cql_status cqle_attributes_ttl(cqle_exec *x, const cqle_table *t, const cqle_expr *ttl, int32_t *out);

/* condition.c */
cql_status cqle_condition_plan(cqle_binder *b, const cqle_table *t, const cqle_relation *ast, cqle_condition *out);
/* row NULL: there is none. */
cql_status cqle_condition_holds(cqle_exec *x, const cqle_condition *c, const cqle_row *row, bool *out);

/* --- rows being written ------------------------------------------------------------------------------------------- */

typedef struct cqle_row_builder {
  cqle_exec *x;
  const cqle_table *table;
  uint32_t count, room;
  const cqle_column **owners; /* beside data */
  cqle_column_data *data;
  uint32_t *rooms;
} cqle_row_builder;

cql_status cqle_row_builder_init(cqle_row_builder *rb, cqle_exec *x, const cqle_table *t, uint32_t column_room);
cql_status cqle_row_builder_cell(cqle_row_builder *rb, const cqle_column *c, const cqle_cell *cell);
cql_status cqle_row_builder_delete(cqle_row_builder *rb, const cqle_column *c, cqle_deletion d);
/* Moves what was gathered into row: columns by id, cells by path, each path once; of a counter the sum. */
cql_status cqle_row_builder_finish(cqle_row_builder *rb, cqle_row *row);

typedef enum cqle_mutation_kind { CQLE_MUTATION_ROW, CQLE_MUTATION_PARTITION, CQLE_MUTATION_RANGE } cqle_mutation_kind;

typedef struct cqle_mutation {
  struct cqle_mutation *next;
  cqle_mutation_kind kind;
  const cqle_table *table;
  cqle_pkey pkey;
  cqle_row row;             /* ROW */
  cqle_slice_bounds bounds; /* RANGE */
  cqle_deletion deletion;   /* PARTITION, RANGE */
} cqle_mutation;

/* All that one execution is going to write. Statements are turned into mutations first and applied together: what they
 * read before they write is the state before the batch. */
typedef struct cqle_write {
  cqle_exec *x;
  int64_t timestamp; /* of statements that give none */
  bool conditional; /* one timestamp for all, and deletions one below it: they never hide what the same write inserts */
  int64_t list_clock;           /* µs; where new list elements stand in time; CQL_TIMESTAMP_NONE: not asked for yet */
  uint64_t appended, prepended; /* list elements so far */
  uint32_t count;
  cqle_mutation *first, **tail;
} cqle_write;

/* The rows that a statement names: clusterings of every partition. None when it is about static columns alone, whole
 * partitions or ranges. */
typedef struct cqle_modify_keys {
  cqle_pkey *partitions;
  uint32_t partition_count;
  cql_slice **clusterings;
  uint32_t clustering_count;
} cqle_modify_keys;
cql_status cqle_modify_keys_eval(cqle_exec *x, const cqle_modify_plan *p, cqle_modify_keys *out);

/* One statement within it. */
typedef struct cqle_writer {
  cqle_write *w;
  cqle_exec *x; /* with this statement's request */
  const cqle_modify_plan *plan;
  int64_t timestamp, deletion_timestamp;
  int32_t ttl;
  int64_t expires;
} cqle_writer;

void cqle_write_init(cqle_write *w, cqle_exec *x, int64_t timestamp);
cql_status cqle_write_add(cqle_write *w, cqle_exec *x, const cqle_modify_plan *plan); /* x: with its request */
/* The same at keys that were evaluated before: a key made by uuid() must not become another one. */
cql_status cqle_write_add_at(cqle_write *w, cqle_exec *x, const cqle_modify_plan *plan, const cqle_modify_keys *keys);
cql_status cqle_write_apply(cqle_write *w);

/* Adds what the operation does to a row. row: as it is now, for operations that read; NULL: there is none. */
cql_status cqle_operation_apply(cqle_writer *wr, const cqle_operation *op, const cqle_row *row, cqle_row_builder *rb);

/* --- conditional statements --------------------------------------------------------------------------------------- */

/* Decides and writes; x->result becomes rows. in_batch: the primary key is told apart in the answer. */
cql_status cqle_cas_execute(cqle_exec *x, const cqle_modify_plan *const *plans, const cql_request *const *requests,
                            uint32_t count, bool in_batch);

#endif
