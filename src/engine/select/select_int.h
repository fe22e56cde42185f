/* select_int.h: what the files of this part share: the plan, its selectors, rows on their way to a page. */
#ifndef CQLE_SELECT_INT_H
#define CQLE_SELECT_INT_H

#include "engine/select/select.h"
#include "engine/term/function.h"
#include "engine/where/where.h"

/* --- selectors: trees that make one value of a row, or of a group of rows ----------------------------------------- */

typedef enum cqle_node_kind {
  CQLE_NODE_COLUMN,
  CQLE_NODE_TIMES, /* writetime, ttl, maxwritetime */
  CQLE_NODE_VALUE, /* a term: the same for all rows */
  CQLE_NODE_CALL,  /* a scalar function */
  CQLE_NODE_AGGREGATE,
  CQLE_NODE_COUNT,   /* count(*) */
  CQLE_NODE_FIELD,   /* args[0].field */
  CQLE_NODE_ELEMENT, /* args[0][value] */
  CQLE_NODE_SLICE,   /* args[0][value..to] */
  CQLE_NODE_PACK,    /* tuple, list, set or map of args */
} cqle_node_kind;

typedef enum cqle_times { CQLE_WRITETIME, CQLE_MAXWRITETIME, CQLE_TTL } cqle_times;

typedef struct cqle_node cqle_node;
struct cqle_node {
  cqle_node_kind kind;
  const cql_type *type;
  const cqle_column *column; /* COLUMN, TIMES */
  uint32_t cell;             /* its place among the cells of a row */
  cqle_times times;
  uint32_t field;              /* FIELD; TIMES of a field of a UDT that is not frozen */
  bool of_field;               /* TIMES */
  const cqle_expr *value, *to; /* VALUE; ELEMENT, SLICE (NULL: open); TIMES: the element, the slice */
  bool of_slice;               /* TIMES */
  const cqle_function *function;
  uint32_t count;
  cqle_node **args;    /* TIMES: of a field the field itself, which has no time when it is null */
  uint32_t slot;       /* AGGREGATE and COUNT: their state; COLUMN and TIMES: the group's first value */
  uint32_t value_slot; /* VALUE; ELEMENT, SLICE, TIMES: two of them */
};

/* What selectors need from the table, and how much room their states take. */
typedef struct cqle_selection {
  uint32_t count;
  cqle_node **nodes;
  const cql_column *columns; /* of the result */
  bool is_aggregate, wants_static_times;
  uint32_t value_count, state_count, capture_count;
  bool *fetch; /* one per column of the table: some selector, filter or order reads it */
} cqle_selection;

typedef struct cqle_select_compiler {
  cqle_binder *b;
  const cqle_table *t;
  cqle_selection *s;
  bool in_aggregate;
} cqle_select_compiler;

/* selector.c. expected may be NULL. */
cql_status cqle_selector_compile(cqle_select_compiler *c, const cqle_selector *sel, const cql_type *expected,
                                 cqle_node **out);
cql_status cqle_selector_column(cqle_select_compiler *c, const cqle_column *column, cqle_node **out);
/* All columns that it names are there: said before anything about functions and types. */
cql_status cqle_selector_check_columns(cqle_select_compiler *c, const cqle_selector *sel);
/* selector_type.c: the type of a selector where it can be told without being asked for one; NULL: not known. */
/* May the selector stand for a value of this type? */
cql_assignable cqle_selector_test(cqle_select_compiler *c, const cqle_selector *sel, const cql_type *type);
const cql_type *cqle_selector_type(cqle_select_compiler *c, const cqle_selector *sel);
cql_status cqle_selector_function(cqle_select_compiler *c, const cqle_selector *sel, const cql_type *expected,
                                  const cqle_function **out, cql_error *err);
bool cqle_selector_is_aggregate(cqle_select_compiler *c, const cqle_selector *sel);
/* selector_text.c: as Cassandra names it in results and errors. */
const char *cqle_selector_text(cqle_select_compiler *c, const cqle_selector *sel);

/* --- rows --------------------------------------------------------------------------------------------------------- */

/* A row as selectors and filters see it. */
typedef struct cqle_view {
  cql_slice *cells; /* one per column of the table; data NULL: null */
  int64_t token;
  const cqle_row *row, *static_row; /* for writetime and ttl; NULL: there is none */
} cqle_view;

/* eval.c */
typedef struct cqle_eval {
  cqle_exec x; /* a copy whose arena is the row's or the group's */
  cql_arena *row_arena, *group_arena;
  const cqle_selection *s;
  cql_slice *values;   /* of VALUE nodes: read once */
  void **states;       /* of aggregates */
  cql_slice *captures; /* of leaves: the first row's */
  uint32_t aggregate_count, leaf_count;
  const cqle_node **aggregates, **leaves;
  bool group_empty;
} cqle_eval;
/* beside: one more node that rows are asked for, GROUP BY's function; may be NULL. */
cql_status cqle_eval_init(cqle_eval *e, cqle_exec *x, const cqle_selection *s, const cqle_node *beside,
                          cql_arena *row_arena, cql_arena *group_arena);
/* A row that is not part of an aggregate: its value for a node. *out lives in the row arena, or borrows from the view.
 */
cql_status cqle_eval_row(cqle_eval *e, const cqle_node *n, const cqle_view *v, cql_slice *out);
/* Aggregates: open a group, feed it rows, read its values. */
cql_status cqle_eval_group_open(cqle_eval *e);
cql_status cqle_eval_group_add(cqle_eval *e, const cqle_view *v);
cql_status cqle_eval_group_value(cqle_eval *e, const cqle_node *n, cql_slice *out);
/* times.c: writetime and ttl of a column's cells. */
cql_status cqle_eval_times(cqle_eval *e, const cqle_node *n, const cqle_view *v, cql_slice *out);
/* collection.c: m[k], m[a..b], u.f */
cql_status cqle_eval_part(cqle_eval *e, const cqle_node *n, cql_slice whole, cql_slice *out);

/* --- the plan ----------------------------------------------------------------------------------------------------- */

struct cqle_select_plan {
  const cqle_table *table;
  const cqle_where *where;
  cqle_selection selection;
  bool distinct, is_json, reversed;
  bool aggregates;                      /* rows come in groups: GROUP BY, or one group of all */
  bool groups;                          /* GROUP BY */
  bool returns_partitions_without_rows; /* static content alone makes a row */
  bool reads_statics;
  uint32_t sort_count; /* ORDER BY over several partitions: sorted when all rows are there */
  const cqle_column **sort_columns;
  bool *sort_descending;
  const cqle_column *ann; /* ORDER BY … ANN OF; NULL: none */
  const cqle_expr *ann_of;
  cqle_similarity similarity;
  uint32_t group_clustering; /* GROUP BY: the partition and so many clustering columns */
  const cqle_node *group_by; /* the last of them through a function; NULL: as it is */
  const cqle_expr *limit, *partition_limit;
  uint32_t static_count, regular_count; /* columns to fetch */
  const cqle_column **statics, **regulars;
  const uint32_t *fetch_ids; /* of both, ascending */
  const cql_column *columns; /* of the result */
  uint32_t column_count;
  uint32_t fingerprint; /* of the statement: a paging state goes with its own */
};

/* --- source.c: the stored rows that keys, bounds or an index name, partition by partition ------------------------- */

typedef struct cqle_found {
  cqle_pkey pkey;
  bool new_partition;
  const cqle_row *row; /* is_static: the static row, first in its partition */
} cqle_found;

/* Where a page ended. */
typedef struct cqle_place {
  uint32_t partition, bounds; /* which key and which interval of the plan */
  cql_slice position;         /* data NULL: the start */
} cqle_place;

typedef struct cqle_source {
  cqle_exec *x;
  const cqle_select_plan *p;
  bool by_key;
  uint32_t partition_count, bounds_count;
  cqle_pkey *partitions;
  cqle_slice_bounds *bounds;
  cqle_place at; /* of the last entry; its position borrows from the scan */
  cql_slice after;
  cqle_scan *scan;
  cqle_wanted wanted; /* columns of the plan */
  cqle_scan_row entry;
  bool began, statics_given;
  bool settled; /* by key: the WHERE clause alone says that there is nothing */
} cqle_source;

/* from is borrowed until the first next. */
cql_status cqle_source_open(cqle_source *s, cqle_exec *x, const cqle_select_plan *p, const cqle_place *from);
cql_status cqle_source_next(cqle_source *s, cqle_found *out); /* valid until the next call; CQL_DONE */
cql_status cqle_source_skip_partition(cqle_source *s);
void cqle_source_close(cqle_source *s);

/* --- reader.c, virtual.c: rows as views, live and filtered -------------------------------------------------------- */

typedef struct cqle_page_state {
  bool given; /* a page came before */
  cqle_place place;
  cql_slice pkey; /* the partition of place */
  bool partition_had_rows;
  uint64_t remaining;      /* of LIMIT */
  uint64_t partition_left; /* of PER PARTITION LIMIT, in that partition */
} cqle_page_state;

typedef struct cqle_reader {
  cqle_exec *x;
  const cqle_select_plan *p;
  const cqle_page_state *from;
  cqle_source source;
  const cqle_filter *filter;
  cql_arena row_arena, partition_arena;
  cqle_view view;
  cqle_pkey pkey;
  bool new_partition; /* view is the first of its partition that was given */
  bool had_rows, resumed;
  cqle_place place; /* of view: what a paging state remembers */
  bool held;        /* found waits while a partition without rows is given */
  bool static_pending;
  cqle_place static_place;
  cqle_found found;
  cqle_row static_row;
  struct cqle_virtual_rows *rows; /* tables that are not in the store */
} cqle_reader;

cql_status cqle_reader_open(cqle_reader *r, cqle_exec *x, const cqle_select_plan *p, const cqle_page_state *from);
cql_status cqle_reader_next(cqle_reader *r); /* CQL_DONE at the end */
cql_status cqle_reader_skip_partition(cqle_reader *r);
void cqle_reader_close(cqle_reader *r);

cql_status cqle_virtual_open(cqle_reader *r);
cql_status cqle_virtual_next(cqle_reader *r);
cql_status cqle_virtual_skip_partition(cqle_reader *r);

/* --- ann.c: rows by how near they are to a vector ------------------------------------------------------------------
 */

enum { CQLE_ANN_LIMIT_MAX = 1000 }; /* cassandra.sai.vector_search.max_top_k */

/* The vector of this execution, and the checks of LIMIT. */
cql_status cqle_ann_begin(cqle_exec *x, const cqle_select_plan *p, uint64_t limit, cql_slice *out);
/* CQL_DONE: the row has no vector. */
cql_status cqle_ann_score(const cqle_select_plan *p, cql_slice wanted, const cqle_view *v, double *out);

/* --- topk.c ------------------------------------------------------------------------------------------------------- */

typedef struct cqle_topk_row {
  double score;
  uint64_t order;
  size_t from, len; /* in the result's body */
} cqle_topk_row;

typedef struct cqle_topk {
  uint32_t limit, count, room;
  uint64_t added;
  bool full; /* limit rows are held that are no worse than worst */
  double worst;
  cqle_topk_row *rows;
} cqle_topk;

/* rows live in a. */
cql_status cqle_topk_init(cqle_topk *k, cql_arena *a, uint32_t limit);
bool cqle_topk_wants(const cqle_topk *k, double score);
/* The row that was put into the result's body from `from` on. */
cql_status cqle_topk_add(cqle_topk *k, double score, size_t from, cql_result *result);
/* Leaves the nearest rows in the body, in their order. May be called again after more rows were added. */
cql_status cqle_topk_finish(cqle_topk *k, cql_result *result);

/* --- page_state.c ------------------------------------------------------------------------------------------------- */

/* Writes it into the result. */
cql_status cqle_page_state_put(cqle_exec *x, const cqle_select_plan *p, const cqle_page_state *s);
/* CQL_PROTOCOL: not a state of this statement. Borrows from the request. */
cql_status cqle_page_state_get(cqle_exec *x, const cqle_select_plan *p, cqle_page_state *s);

/* --- order.c: what ORDER BY and GROUP BY allow; sorting the rows of several partitions ---------------------------- */

cql_status cqle_order_plan(cqle_binder *b, const cqle_select *ast, cqle_select_plan *p);
/* ann.c: before the WHERE clause is planned; and after all other clauses are. */
cql_status cqle_ann_plan(cqle_binder *b, const cqle_select *ast, cqle_select_plan *p);
cql_status cqle_ann_check(cqle_binder *b, const cqle_select *ast, cqle_select_plan *p);
cql_status cqle_group_plan(cqle_select_compiler *c, const cqle_select *ast, cqle_select_plan *p);

#endif
