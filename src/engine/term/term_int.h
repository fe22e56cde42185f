/* term_int.h: what term*.c share: the bound form of a term. */
#ifndef CQLE_TERM_INT_H
#define CQLE_TERM_INT_H

#include "engine/term/function.h"
#include "engine/term/term.h"

typedef enum cqle_expr_kind {
  CQLE_EXPR_VALUE,  /* known when the statement was planned */
  CQLE_EXPR_MARKER, /* request->values[marker] */
  CQLE_EXPR_PLACE,  /* the same, of INSERT JSON: a value of its type already, in order and whole */
  CQLE_EXPR_LIST,   /* items, in order */
  CQLE_EXPR_SET,
  CQLE_EXPR_MAP, /* items alternate */
  CQLE_EXPR_TUPLE,
  CQLE_EXPR_UDT, /* one item for each field of the type */
  CQLE_EXPR_VECTOR,
  CQLE_EXPR_CALL, /* function over items */
} cqle_expr_kind;

struct cqle_expr {
  cqle_expr_kind kind;
  const cql_type *type;
  const char *name; /* of the receiver, for error texts */
  bool nulls;       /* a list's items may be null: it is selected, not written */
  cql_slice value;  /* VALUE; data NULL: null */
  uint32_t marker;  /* MARKER, PLACE */
  uint32_t count;
  const cqle_expr **items;
  const cqle_function *function;
};

/* Packs evaluated items into the wire form of e (LIST to VECTOR); sets and maps are put in order. items are reordered
 * in place. */
cql_status cqle_expr_pack(cql_arena *a, const cqle_expr *e, cql_slice *items, cql_slice *out, cql_error *err);

/* Nested calls are asked for many types, each time from above: their answers are kept. */
typedef struct cqle_memo {
  const void *call; /* a cqle_term or a cqle_selector */
  struct cqle_memo *next;
  bool has_own;
  const cql_type *own;
  uint32_t tested; /* native types whose answer is known, by code */
  cql_assignable answers[32];
} cqle_memo;
/* NULL: out of memory; then there is just no memory of it. */
cqle_memo *cqle_memo_of(cqle_binder *b, const void *call);

/* The type of a term where it is known without a receiver: calls, hints, and literals by their look. NULL: not known.
 */
const cql_type *cqle_term_own_type(cqle_binder *b, const cqle_term *term);
/* The function of a CALL for this receiver type (NULL: any), in the table that receiver names. */
cql_status cqle_term_function(cqle_binder *b, const cqle_term *term, const cqle_receiver *receiver,
                              const cql_type *type, const cqle_function **out, cql_error *err);

#endif
