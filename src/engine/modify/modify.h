/* modify.h: INSERT, UPDATE, DELETE, conditions, batches. */
#ifndef CQLE_MODIFY_H
#define CQLE_MODIFY_H

#include "engine/term/term.h"

cql_status cqle_modify_plan_new(cqle_binder *b, const cqle_modify *ast, const cqle_modify_plan **out,
                                cql_plan_info *info);
cql_status cqle_modify_execute(cqle_exec *x, const cqle_modify_plan *plan);
cql_status cqle_batch_plan_new(cqle_binder *b, const cqle_batch *ast, const cqle_batch_plan **out, cql_plan_info *info);
cql_status cqle_batch_execute(cqle_exec *x, const cqle_batch_plan *plan);
/* A batch of the protocol: plans prepared one by one, each with its own request. x->request is the first one's. */
cql_status cqle_batch_execute_plans(cqle_exec *x, cql_batch_type type, const cqle_modify_plan *const *plans,
                                    const cql_request *requests, uint32_t count);

#endif
