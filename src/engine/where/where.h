/* where.h: the relations of a WHERE clause checked against a table and turned into keys and bounds. Cassandra:
 * cql3/restrictions/StatementRestrictions.java and its texts (trap 15). Used by SELECT, UPDATE and DELETE.
 */
#ifndef CQLE_WHERE_H
#define CQLE_WHERE_H

#include "engine/store/table.h"
#include "engine/term/term.h"

enum { CQLE_WHERE_KEYS_MAX = 65536 }; /* partitions, or clusterings, that IN lists may multiply to */

/* One relation, bound. */
typedef struct cqle_restriction {
  cqle_relation_kind kind;
  cqle_op op;
  uint32_t column_count;
  const cqle_column *const *columns;
  const cqle_expr *key;   /* ELEMENT */
  const cqle_expr *value; /* one value; a TUPLE: a tuple value; IN ?: a list value */
  uint32_t value_count;   /* IN (…): one each */
  const cqle_expr *const *values;
  bool in_list;
} cqle_restriction;

typedef enum cqle_where_use { CQLE_WHERE_SELECT, CQLE_WHERE_UPDATE, CQLE_WHERE_DELETE } cqle_where_use;

typedef struct cqle_where {
  const cqle_table *table;
  uint32_t count;
  const cqle_restriction *all;
  const cqle_restriction *const *partition; /* EQ or IN per partition key column, NULL where not restricted */
  bool partition_complete;                  /* every partition key column has EQ or IN */
  bool has_token;
  uint32_t clustering_count; /* how many leading clustering columns are restricted by what the store can follow */
  bool clustering_has_slice; /* the last of them is a slice */
  uint32_t residual_count;   /* restrictions that rows must be checked against */
  const cqle_restriction *const *residual;
} cqle_where;

/* use decides which texts and rules hold. filtering: ALLOW FILTERING was given, or an index will serve (SELECT). */
cql_status cqle_where_plan(cqle_binder *b, const cqle_table *t, const cqle_relation *relations, uint32_t count,
                           cqle_where_use use, cqle_where **out);

/* The partitions, when partition_complete: sorted as Cassandra sorts them, without repeats. In x->arena. */
cql_status cqle_where_partitions(cqle_exec *x, const cqle_where *w, cqle_pkey **out, uint32_t *count);
/* The first and last token when has_token (or all). *empty: no token can match. */
cql_status cqle_where_tokens(cqle_exec *x, const cqle_where *w, int64_t *first, int64_t *last, bool *empty);
/* The bounds within a partition, in clustering order, without overlap: one per combination of IN values. No clustering restriction: one that is open on both sides. */
cql_status cqle_where_bounds(cqle_exec *x, const cqle_where *w, cqle_slice_bounds **out, uint32_t *count);
/* Full clusterings, when every clustering column has EQ or IN (UPDATE, DELETE of rows): arrays of table->clustering_count values. */
cql_status cqle_where_clusterings(cqle_exec *x, const cqle_where *w, cql_slice ***out, uint32_t *count);

/* Does a row meet a restriction? Used for residual ones and by nobody else: IF conditions have rules of their own about null. */
cql_status cqle_restriction_match(cqle_exec *x, const cqle_restriction *r, const cqle_table *t, cqle_pkey pkey,
                                  const cqle_row *static_row, const cqle_row *row, bool *match);

#endif
