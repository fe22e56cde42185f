/* where.h: the relations of a WHERE clause checked against a table and turned into keys and bounds. Cassandra:
 * cql3/restrictions/StatementRestrictions.java and its texts (trap 15). Used by SELECT, UPDATE and DELETE.
 *
 *   where.c      relations bound and merged per column, as Cassandra's RestrictionSet does
 *   rules.c      what a statement may restrict, what must be filtered, which index can serve
 *   ann.c        what may stand beside ORDER BY … ANN OF
 *   values.c     the values of one execution, with the checks of null and unset
 *   keys.c       partitions, tokens, clusterings, bounds
 *   filter.c     rows checked against what the bounds do not cover
 *   relation_text.c  relations as Cassandra prints them in errors
 */
#ifndef CQLE_WHERE_H
#define CQLE_WHERE_H

#include "engine/table/table.h"
#include "engine/term/term.h"

enum { CQLE_WHERE_KEYS_MAX = 65536 }; /* partitions, or clusterings, that IN lists may multiply to */

/* A value of a relation: one per column it is about, or (a, b) = ? as a whole. */
typedef struct cqle_operand {
  const cqle_expr *whole;        /* a tuple marker; NULL: parts */
  const cqle_expr *const *parts; /* one per column of the relation */
} cqle_operand;

/* One relation, bound. */
typedef struct cqle_restriction {
  cqle_relation_kind kind;
  cqle_op op; /* IN with one written value has become EQ */
  uint32_t column_count;
  const cqle_column *const *columns;
  const cqle_expr *key;     /* ELEMENT */
  const cqle_expr *in_list; /* IN ?: a list value; NULL: operands */
  uint32_t operand_count;
  const cqle_operand *operands;
  const struct cqle_restriction *next; /* of the same group */
} cqle_restriction;

typedef enum cqle_group_kind { CQLE_GROUP_EQ, CQLE_GROUP_IN, CQLE_GROUP_SLICE, CQLE_GROUP_CONTAINS } cqle_group_kind;

/* What the relations say together about a column, or about columns that a tuple relation ties. */
typedef struct cqle_group {
  cqle_group_kind kind;
  bool on_token;
  uint32_t column_count;
  const cqle_column *const *columns;
  const cqle_restriction *members; /* EQ and IN: one; SLICE: one or two; CONTAINS: any number */
  bool in_bounds;                  /* the keys or bounds of a scan by partition cover it */
} cqle_group;

/* STATIC: the statement writes nothing but static columns, so it needs no clustering. */
typedef enum cqle_where_use {
  CQLE_WHERE_SELECT,
  CQLE_WHERE_UPDATE,
  CQLE_WHERE_DELETE,
  CQLE_WHERE_UPDATE_STATIC,
  CQLE_WHERE_DELETE_STATIC,
} cqle_where_use;

typedef struct cqle_where {
  const cqle_table *table;
  uint32_t group_count;
  const cqle_group *groups; /* in the order of their columns: partition key, clustering, others */
  bool partition_complete;  /* every partition key column has EQ or IN */
  bool partition_has_in, clustering_has_in;
  bool partition_restricted, clustering_restricted, regular_restricted, static_restricted;
  bool has_token;
  uint32_t clustering_count; /* how many leading clustering columns are restricted by what the store can follow */
  bool clustering_has_slice; /* the last of them is a slice */
  bool needs_filter;         /* some group is not in_bounds */
  bool key_range;            /* SELECT: more partitions than named ones */
  bool wants_filtering;      /* ALLOW FILTERING is missing: cqle_where_check_filtering() */
  bool uses_index;           /* Cassandra would ask an index: decides what is refused */
  const cqle_column *ann;    /* rows are wanted by their likeness in this column; NULL: as they come */
  const cqle_index *index;   /* the one to scan; NULL: none serves */
  const cqle_group *indexed; /* what it serves */
} cqle_where;

/* use decides which texts and rules hold. Not for SELECT. */
cql_status cqle_where_plan(cqle_binder *b, const cqle_table *t, const cqle_relation *relations, uint32_t count,
                           cqle_where_use use, cqle_where **out);
/* ann: the column of ORDER BY … ANN OF, which counts as one that is restricted; NULL: none. */
cql_status cqle_where_plan_select(cqle_binder *b, const cqle_table *t, const cqle_relation *relations, uint32_t count,
                                  bool only_statics, bool allow_filtering, const cqle_column *ann, cqle_where **out);
/* The last check of a SELECT, after those of its other clauses. */
cql_status cqle_where_check_filtering(const cqle_where *w, cql_error *err);
/* The group of a column, NULL when it is not restricted. */
const cqle_group *cqle_where_group(const cqle_where *w, const cqle_column *c);

/* The partitions, when partition_complete: sorted as Cassandra sorts them, without repeats. In x->arena. An empty key
 * may be among them. */
cql_status cqle_where_partitions(cqle_exec *x, const cqle_where *w, cqle_pkey **out, uint32_t *count);
/* The first and last token when has_token (or all). *empty: no token can match. */
cql_status cqle_where_tokens(cqle_exec *x, const cqle_where *w, int64_t *first, int64_t *last, bool *empty);
/* The bounds within a partition, in clustering order, without overlap: one per combination of IN values. No clustering
 * restriction: one that is open on both sides. */
cql_status cqle_where_bounds(cqle_exec *x, const cqle_where *w, cqle_slice_bounds **out, uint32_t *count);
/* Full clusterings, when every clustering column has EQ or IN (UPDATE, DELETE of rows): arrays of
 * table->clustering_count values. */
cql_status cqle_where_clusterings(cqle_exec *x, const cqle_where *w, cql_slice ***out, uint32_t *count);
/* The interval of encoded values to ask w->index for. */
cql_status cqle_where_index_range(cqle_exec *x, const cqle_where *w, cql_slice *start, cql_slice *end);

/* The part of a WHERE clause that rows are checked against one by one, with the values of this execution. */
typedef struct cqle_filter cqle_filter;
/* everything: also what the bounds cover, for scans that have no bounds. *out is NULL when there is nothing to check.
 */
cql_status cqle_filter_new(cqle_exec *x, const cqle_where *w, bool everything, const cqle_filter **out);
/* cells: one value per column of the table (cqle_column_index), data NULL: null. null never matches. statics_only:
 * looks at partition key, token and static columns. */
bool cqle_filter_match(const cqle_filter *f, const cql_slice *cells, int64_t token);
/* Where a column's value stands among the cells of a row: its place in table->columns. */
uint32_t cqle_column_index(const cqle_table *t, const cqle_column *c);

#endif
