/* term_int.h: what term*.c share: the bound form of a term. */
#ifndef CQLE_TERM_INT_H
#define CQLE_TERM_INT_H

#include "engine/term/function.h"
#include "engine/term/term.h"

typedef enum cqle_expr_kind {
  CQLE_EXPR_VALUE,  /* known when the statement was planned */
  CQLE_EXPR_MARKER, /* request->values[marker] */
  CQLE_EXPR_LIST,   /* items, in order */
  CQLE_EXPR_SET,
  CQLE_EXPR_MAP, /* items alternate */
  CQLE_EXPR_TUPLE,
  CQLE_EXPR_VECTOR,
  CQLE_EXPR_CALL, /* function over items */
} cqle_expr_kind;

struct cqle_expr {
  cqle_expr_kind kind;
  const cql_type *type;
  const char *name; /* of the receiver, for error texts */
  cql_slice value;  /* VALUE; data NULL: null */
  uint32_t marker;
  uint32_t count;
  const cqle_expr **items;
  const cqle_function *function;
};

/* Packs evaluated items into the wire form of e (LIST to VECTOR); sets and maps are put in order. items are reordered
 * in place. */
cql_status cqle_expr_pack(cql_arena *a, const cqle_expr *e, cql_slice *items, cql_slice *out, cql_error *err);

/* The type of a term where it is known without a receiver: calls, hints, and literals by their look. NULL: not known.
 */
const cql_type *cqle_term_own_type(cqle_binder *b, const cqle_term *term);
/* The function of a CALL for this receiver type (NULL: any), in the table that receiver names. */
cql_status cqle_term_function(cqle_binder *b, const cqle_term *term, const cqle_receiver *receiver,
                              const cql_type *type, const cqle_function **out, cql_error *err);

#endif
