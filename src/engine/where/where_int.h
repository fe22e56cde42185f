/* where_int.h: what the files of this part share. */
#ifndef CQLE_WHERE_INT_H
#define CQLE_WHERE_INT_H

#include "engine/where/where.h"

/* --- relation_text.c: as Cassandra prints them -------------------------------------------------------------------- */
const char *cqle_relation_text(cql_arena *a, const cqle_relation *r);
const char *cqle_term_text(cql_arena *a, const cqle_term *t);

/* --- rules.c ------------------------------------------------------------------------------------------------------ */
cql_status cqle_where_rules(cqle_binder *b, cqle_where *w, cqle_group *groups, cqle_where_use use, bool only_statics,
                            bool allow_filtering);
bool cqle_index_supports(const cqle_index *index, const cqle_restriction *r);
bool cqle_table_index_supports(const cqle_table *t, const cqle_restriction *r);

/* --- ann.c: vectors ------------------------------------------------------------------------------------------------
 */
/* Can some index serve ORDER BY … ANN OF? */
bool cqle_where_ann_index(const cqle_where *w);
/* What a query for near vectors may restrict beside; and that indexed vectors are for such queries alone. */
cql_status cqle_where_check_vectors(const cqle_where *w, bool partition_filtered, cql_error *err);
/* A vector cannot be both restricted and sorted by. */
cql_status cqle_where_check_ann_column(const cqle_where *w, cql_error *err);

/* --- values.c: the values of one execution ------------------------------------------------------------------------ */
typedef struct cqle_choices { /* what EQ or IN leaves to choose from: count tuples of width values each */
  uint32_t count, width;
  const cql_slice *values;
} cqle_choices;
/* CQL_INVALID for null and unset, in the words for conditions on keys. */
cql_status cqle_group_choices(cqle_exec *x, const cqle_group *g, cqle_choices *out);
/* One operand: column_count values. The words for null differ: see CQLE_NULL_*. */
typedef enum cqle_null_words {
  CQLE_NULL_KEY_EQ,    /* a key's EQ or IN */
  CQLE_NULL_KEY_SLICE, /* null is allowed for one column, not in a tuple */
  CQLE_NULL_FILTER,    /* "Unsupported null value for column" */
  CQLE_NULL_FILTER_IN, /* null is dropped by the caller */
} cqle_null_words;
cql_status cqle_operand_values(cqle_exec *x, const cqle_restriction *r, const cqle_operand *o, cqle_null_words words,
                               cql_slice *out);
/* IN of any form: *count tuples of column_count values. */
cql_status cqle_in_values(cqle_exec *x, const cqle_restriction *r, cqle_null_words words, cql_slice **out,
                          uint32_t *count);

cql_status cqle_buf_take(cql_buf *b, cql_arena *a, cql_slice *out); /* copies and resets */

#endif
