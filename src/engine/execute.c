/* execute.c: one execution: a transaction, the check that the plan still fits the schema, the run, the commit. */
#include "engine/ddl/ddl.h"
#include "engine/engine_int.h"
#include "engine/sweep.h"

#include <stdio.h>
#include <string.h>

#include "engine/modify/modify.h"
#include "engine/select/select.h"

cql_status cqle_exec_warn(cqle_exec *x, const char *format, ...) {
  cql_result *r = x->result;
  char text[CQL_ERROR_MESSAGE_LEN];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  const char **grown = cql_arena_array(&r->arena, r->warning_count + (size_t)1, sizeof *grown);
  char *copy = cql_arena_str(&r->arena, cql_slice_str(text));
  if (grown == NULL || copy == NULL) return cql_fail(x->err, CQL_NOMEM, "Out of memory");
  if (r->warning_count > 0) memcpy(grown, r->warnings, r->warning_count * sizeof *grown);
  grown[r->warning_count++] = copy;
  r->warnings = grown;
  return CQL_OK;
}

/* --- what a statement needs --------------------------------------------------------------------------------------- */

static bool changes_schema(cqle_statement_kind kind) {
  switch (kind) {
  case CQLE_STMT_TRUNCATE:
  case CQLE_STMT_CREATE_KEYSPACE:
  case CQLE_STMT_ALTER_KEYSPACE:
  case CQLE_STMT_DROP_KEYSPACE:
  case CQLE_STMT_CREATE_TABLE:
  case CQLE_STMT_ALTER_TABLE:
  case CQLE_STMT_DROP_TABLE:
  case CQLE_STMT_CREATE_INDEX:
  case CQLE_STMT_DROP_INDEX:
  case CQLE_STMT_CREATE_TYPE:
  case CQLE_STMT_ALTER_TYPE:
  case CQLE_STMT_DROP_TYPE: return true;
  default: return false;
  }
}

static bool is_planned(cqle_statement_kind kind) {
  return kind == CQLE_STMT_SELECT || kind == CQLE_STMT_MODIFY || kind == CQLE_STMT_BATCH;
}

static bool writes(cqle_statement_kind kind) {
  return kind == CQLE_STMT_MODIFY || kind == CQLE_STMT_BATCH || changes_schema(kind);
}

static cql_status check_values(const cql_plan *p, const cql_request *request, cql_error *err) {
  if (request->value_count != p->info.bind_count || (request->value_count > 0 && request->values == NULL))
    return cql_fail(err, CQL_INVALID, "Invalid amount of bind variables");
  return CQL_OK;
}

/* --- one execution ------------------------------------------------------------------------------------------------ */

/* What the steps of an execution share; exec_end() undoes whatever of it was begun. */
typedef struct run {
  cqle_exec x;
  cql_arena arena;
  cqle_schema *schema; /* set when this run holds a reference of its own */
} run;

/* Starts a statement in a transaction that has begun. */
static cql_status run_join(run *r, cql_engine *e, cqle_txn *txn, const cql_request *request, cql_error *err) {
  *r = (run){.x = {.engine = e, .txn = txn, .request = request, .err = err, .timestamp = CQL_TIMESTAMP_NONE}};
  r->arena = cqle_engine_take_arena(e);
  r->x.arena = &r->arena;
  r->x.now_us = e->now_us(e->now_user);
  r->x.now_s = r->x.now_us >= 0 ? r->x.now_us / 1000000 : (r->x.now_us - 999999) / 1000000;
  r->x.result = cql_result_new(e->alloc, CQLE_RESULT_LEN_MAX);
  return r->x.result != NULL ? CQL_OK : cql_fail(err, CQL_NOMEM, "Out of memory");
}

static cql_status run_begin(run *r, cql_engine *e, const cql_request *request, bool write, cql_error *err) {
  cqle_txn *txn = NULL;
  *r = (run){.x = {.engine = e}};
  cql_status st = cqle_txn_begin(e->store, write, &txn, err);
  return st == CQL_OK ? run_join(r, e, txn, request, err) : st;
}

static void release_plan(void *plan) {
  cql_plan_release(plan);
}

/* Ends a statement, not its transaction; *out takes the result of a success. owner: the plan that the result's columns
 * borrow from, NULL: none. */
static cql_status run_leave(run *r, cql_status st, cql_plan *owner, cql_result **out) {
  cql_engine *e = r->x.engine;
  if (st == CQL_OK && r->x.result->body.st != CQL_OK)
    st = cql_fail(r->x.err, r->x.result->body.st, "The result is larger than %zu bytes", (size_t)CQLE_RESULT_LEN_MAX);
  if (r->arena.failed || (r->x.result != NULL && r->x.result->arena.failed))
    st = cql_fail(r->x.err, CQL_NOMEM, "Out of memory"); /* whoever was refused may have made do */
  if (r->x.arena != NULL) cqle_engine_give_arena(e, &r->arena);
  if (r->schema != NULL) cqle_schema_release(e, r->schema);
  if (st != CQL_OK) {
    cql_result_free(r->x.result);
    return st;
  }
  if (owner != NULL && r->x.result->column_count > 0) {
    r->x.result->release = release_plan;
    r->x.result->owner = cql_plan_retain(owner);
  }
  *out = r->x.result;
  return CQL_OK;
}

/* Commits or aborts. What was written pays for a step of the sweep. */
static cql_status txn_end(cql_engine *e, cqle_txn *txn, cql_status st, cql_error *err) {
  if (st != CQL_OK || !cqle_txn_is_write(txn)) {
    cqle_txn_abort(txn);
    return st;
  }
  uint64_t written = cqle_txn_write_count(txn);
  st = cqle_txn_commit(txn, err);
  if (st == CQL_OK) cqle_sweep_earn(e, written);
  return st;
}

static cql_status run_end(run *r, cql_status st, cql_plan *owner, cql_result **out) {
  cql_result *made = NULL;
  st = run_leave(r, st, owner, &made);
  st = txn_end(r->x.engine, r->x.txn, st, r->x.err);
  if (st == CQL_OK)
    *out = made;
  else
    cql_result_free(made);
  return st;
}

static cql_status check_schema(run *r, const cql_plan *p) {
  uint64_t version;
  cql_status st = cqle_schema_version(r->x.txn, &version);
  if (st != CQL_OK) return cql_fail(r->x.err, st, "The schema could not be read");
  r->x.schema = p->schema;
  if (version == p->schema->version) return CQL_OK;
  return cql_fail(r->x.err, CQL_UNPREPARED, "The schema has changed since the statement was prepared");
}

cql_status cql_engine_check(cql_engine *engine, const cql_plan *plan, cql_error *err) {
  if (!is_planned(plan->statement->kind)) return CQL_OK;
  run r = {.x = {.engine = engine, .err = err}};
  cql_status st = cqle_txn_begin(engine->store, false, &r.x.txn, err);
  if (st != CQL_OK) return st;
  st = check_schema(&r, plan);
  cqle_txn_abort(r.x.txn);
  return st;
}

/* Writes go by the request's timestamp, else by the file's own clock, which never gives the same one twice. A
 * condition's outcome depends on what is stored, so its write must be newer than that: it always goes by the file's
 * clock, as Cassandra goes by its ballot. */
static cql_status choose_timestamp(run *r, bool conditional) {
  int64_t given = r->x.request->timestamp;
  if (given != CQL_TIMESTAMP_NONE && !conditional) {
    r->x.timestamp = given;
    return CQL_OK;
  }
  return cqle_txn_timestamp(r->x.txn, r->x.now_us, &r->x.timestamp, r->x.err);
}

static cql_status run_planned(run *r, const cql_plan *p) {
  cql_status st = check_schema(r, p);
  if (st != CQL_OK) return st;
  if (p->statement->kind == CQLE_STMT_SELECT) return cqle_select_execute(&r->x, p->select);
  st = choose_timestamp(r, p->info.is_conditional);
  if (st != CQL_OK) return st;
  if (p->statement->kind == CQLE_STMT_MODIFY) return cqle_modify_execute(&r->x, p->modify);
  return cqle_batch_execute(&r->x, p->batch);
}

/* DDL, TRUNCATE, USE and DESCRIBE name things as they are now, not as they were when the text was prepared. */
static cql_status run_unplanned(run *r, const cql_plan *p) {
  const cqle_statement *s = p->statement;
  cql_status st = cqle_engine_schema(r->x.engine, r->x.txn, &r->schema, r->x.err);
  if (st != CQL_OK) return st;
  r->x.schema = r->schema;
  if (s->kind == CQLE_STMT_DESCRIBE) return cqle_describe_execute(&r->x, p->keyspace, &s->as.describe);
  if (cqle_txn_is_write(r->x.txn)) st = choose_timestamp(r, false);
  return st == CQL_OK ? cqle_ddl_execute(&r->x, p->keyspace, s) : st;
}

cql_status cql_engine_execute(cql_engine *engine, cql_plan *plan, const cql_request *request, cql_result **out,
                              cql_error *err) {
  *out = NULL;
  run r;
  cql_error local;
  cql_status st;
  local.status = CQL_OK;
  cqle_statement_kind kind = plan->statement->kind;
  st = check_values(plan, request, err);
  if (st != CQL_OK) return st;
  CQL_TRY(run_begin(&r, engine, request, writes(kind), &local));
  CQL_TRY(is_planned(kind) ? run_planned(&r, plan) : run_unplanned(&r, plan));
done:
  return cqle_end_call(run_end(&r, st, plan, out), &local, err);
}

/* --- many statements, few commits --------------------------------------------------------------------------------- */

/* One of several planned statements, inside a transaction that they share. */
static cql_status execute_joined(cql_engine *engine, cqle_txn *txn, cql_plan *plan, const cql_request *request,
                                 cql_result **out, cql_error *err) {
  run r;
  cql_status st = run_join(&r, engine, txn, request, err);
  if (st == CQL_OK) st = run_planned(&r, plan);
  return run_leave(&r, st, plan, out);
}

/* What happened to the transaction happened to all that had succeeded in it. */
static void share_failure(cql_outcome *outcomes, uint32_t count, const cql_error *err) {
  for (uint32_t i = 0; i < count; i++) {
    if (outcomes[i].status != CQL_OK) continue;
    cql_result_free(outcomes[i].result);
    outcomes[i] = (cql_outcome){.status = err->status, .error = *err};
  }
}

/* Runs count planned statements in one transaction. False: it was undone, and each has to run by itself, because one
 * failed after it had written, and there is no way back but for all. */
static bool execute_together(cql_engine *engine, cql_plan *const *plans, const cql_request *requests, uint32_t count,
                             bool write, cql_outcome *outcomes) {
  static const cql_error undone = {.status = CQL_MISUSE};
  cqle_txn *txn = NULL;
  cql_error err;
  uint32_t done = 0;
  bool whole = true;
  for (uint32_t i = 0; i < count; i++) outcomes[i] = (cql_outcome){.status = CQL_OK};
  cql_status st = cqle_txn_begin(engine->store, write, &txn, &err);
  for (; st == CQL_OK && done < count && whole; done++) {
    uint64_t before = cqle_txn_write_count(txn);
    cql_outcome *o = &outcomes[done];
    o->status = execute_joined(engine, txn, plans[done], &requests[done], &o->result, &o->error);
    o->status = cqle_end_call(o->status, &o->error, &o->error);
    whole = outcomes[done].status == CQL_OK || cqle_txn_write_count(txn) == before;
  }
  if (!whole) {
    cqle_txn_abort(txn);
    share_failure(outcomes, done, &undone);
    return false;
  }
  if (st == CQL_OK) st = txn_end(engine, txn, CQL_OK, &err);
  if (st != CQL_OK) share_failure(outcomes, count, &err);
  return true;
}

static void execute_alone(cql_engine *engine, cql_plan *plan, const cql_request *request, cql_outcome *out) {
  *out = (cql_outcome){.status = CQL_OK};
  out->status = cql_engine_execute(engine, plan, request, &out->result, &out->error);
}

/* How many statements from `from` on may share a transaction: those with a plan, and with the right number of values.
 */
static uint32_t shareable(cql_plan *const *plans, const cql_request *requests, uint32_t from, uint32_t count,
                          bool *write) {
  uint32_t i = from;
  *write = false;
  for (; i < count && is_planned(plans[i]->statement->kind); i++) {
    if (requests[i].value_count != plans[i]->info.bind_count) break;
    if (writes(plans[i]->statement->kind)) *write = true;
  }
  return i - from;
}

void cql_engine_execute_many(cql_engine *engine, cql_plan *const *plans, const cql_request *requests, uint32_t count,
                             cql_outcome *outcomes) {
  for (uint32_t i = 0; i < count;) {
    bool write;
    uint32_t group = shareable(plans, requests, i, count, &write);
    if (group > 1 && execute_together(engine, &plans[i], &requests[i], group, write, &outcomes[i])) {
      i += group;
      continue;
    }
    for (uint32_t end = i + (group > 0 ? group : 1); i < end; i++)
      execute_alone(engine, plans[i], &requests[i], &outcomes[i]);
  }
}

/* --- batches of the protocol -------------------------------------------------------------------------------------- */

static cql_status collect(run *r, cql_plan *const *plans, const cql_request *requests, uint32_t count,
                          const cqle_modify_plan ***out, bool *conditional) {
  const cqle_modify_plan **modify = cql_arena_array(&r->arena, count, sizeof(cqle_modify_plan *));
  if (modify == NULL) return cql_fail(r->x.err, CQL_NOMEM, "Out of memory");
  for (uint32_t i = 0; i < count; i++) {
    if (plans[i]->statement->kind != CQLE_STMT_MODIFY)
      return cql_fail(r->x.err, CQL_INVALID,
                      "Invalid statement in batch: only UPDATE, INSERT and DELETE statements are allowed.");
    cql_status st = check_values(plans[i], &requests[i], r->x.err);
    if (st == CQL_OK) st = check_schema(r, plans[i]);
    if (st != CQL_OK) return st;
    modify[i] = plans[i]->modify;
    if (plans[i]->info.is_conditional) *conditional = true;
  }
  *out = modify;
  return CQL_OK;
}

cql_status cql_engine_batch(cql_engine *engine, cql_batch_type type, cql_plan *const *plans,
                            const cql_request *requests, uint32_t count, cql_result **out, cql_error *err) {
  static const cql_request none = CQL_REQUEST_INIT;
  *out = NULL;
  run r;
  cql_error local;
  cql_status st;
  local.status = CQL_OK;
  const cqle_modify_plan **modify = NULL;
  bool conditional = false;
  CQL_TRY(run_begin(&r, engine, count > 0 ? &requests[0] : &none, true, &local));
  CQL_TRY(collect(&r, plans, requests, count, &modify, &conditional));
  CQL_TRY(choose_timestamp(&r, conditional));
  CQL_TRY(cqle_batch_execute_plans(&r.x, type, modify, requests, count));
done:
  return cqle_end_call(run_end(&r, st, count > 0 ? plans[0] : NULL, out), &local, err);
}

/* --- chains: several statements, one after the other, in one transaction -------------------------------------------
 */

static cql_status chain_check(cql_plan *const *plans, const cql_request *requests, uint32_t count, cql_error *err) {
  for (uint32_t i = 0; i < count; i++) {
    if (plans[i]->statement->kind != CQLE_STMT_MODIFY)
      return cql_fail(err, CQL_INVALID,
                      "Invalid statement in a chain: only UPDATE, INSERT and DELETE statements are allowed.");
    cql_status st = check_values(plans[i], &requests[i], err);
    if (st != CQL_OK) return st;
  }
  return CQL_OK;
}

/* Conditional statements answer with rows whose first cell is [applied]: four bytes of length, one of truth. */
static bool is_applied(const cql_plan *p, const cql_result *r) {
  return !p->info.is_conditional || (r->body.len > 4 && r->body.data[4] != 0);
}

cql_status cql_engine_chain(cql_engine *engine, cql_plan *const *plans, const cql_request *requests, uint32_t count,
                            bool all_or_nothing, cql_result **out, uint32_t *made, cql_error *err) {
  cqle_txn *txn = NULL;
  bool go_on = true;
  *made = 0;
  cql_status st = chain_check(plans, requests, count, err);
  if (st == CQL_OK) st = cqle_txn_begin(engine->store, true, &txn, err);
  while (st == CQL_OK && go_on && *made < count) {
    uint32_t i = *made;
    st = execute_joined(engine, txn, plans[i], &requests[i], &out[i], err);
    if (st != CQL_OK) break;
    go_on = !all_or_nothing || is_applied(plans[i], out[i]);
    (*made)++;
  }
  if (st == CQL_OK && go_on)
    st = cqle_txn_commit(txn, err);
  else
    cqle_txn_abort(txn);
  if (st == CQL_OK) return CQL_OK;
  while (*made > 0) cql_result_free(out[--*made]);
  return st;
}
