/* select.h: SELECT: choose one access path, run it over sorted cursors, fill a page. */
#ifndef CQLE_SELECT_H
#define CQLE_SELECT_H

#include "engine/term/term.h"

/* Plans the statement in b->arena and fills info's columns. */
cql_status cqle_select_plan_new(cqle_binder *b, const cqle_select *ast, const cqle_select_plan **out,
                                cql_plan_info *info);
/* Fills x->result with one page. */
cql_status cqle_select_execute(cqle_exec *x, const cqle_select_plan *plan);

#endif
