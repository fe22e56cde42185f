/* engine_int.h: what the parts of the engine share: the engine, a plan, one execution. */
#ifndef CQLE_ENGINE_INT_H
#define CQLE_ENGINE_INT_H

#include <stdatomic.h>

#include "base/lock.h"
#include "engine/engine.h"
#include "engine/parse/ast.h"
#include "engine/schema/schema.h"
#include "engine/store/store.h"

enum { CQLE_ARENA_POOL_COUNT = 8 };
#define CQLE_PLAN_ARENA_MAX ((size_t)256 << 20) /* bytes of one statement's text, AST and plan */
#define CQLE_EXEC_ARENA_MAX ((size_t)1 << 30)   /* bytes one execution may hold at a time */
#define CQLE_RESULT_LEN_MAX ((size_t)256 << 20) /* bytes of the rows of one page */

struct cql_engine {
  const cql_alloc *alloc;
  cqle_store *store;
  cql_lock lock;                         /* guards schema, refs of snapshots, the pool */
  cqle_schema *schema;                   /* the newest snapshot that a statement has seen; holds one reference */
  cql_arena pool[CQLE_ARENA_POOL_COUNT]; /* warm arenas that no execution uses */
  uint32_t pool_count;
  atomic_uint sweep_credit; /* keys written for which no step of a sweep was done yet; sweep.h */
  int64_t (*now_us)(void *user);
  void *now_user;
};

void cqle_schema_release(cql_engine *e, cqle_schema *s);
/* The snapshot that txn sees, one reference for the caller; loads it when another process changed the schema. */
cql_status cqle_engine_schema(cql_engine *e, cqle_txn *txn, cqle_schema **out, cql_error *err);

/* One statement running in one transaction. Everything that must be the same all through it is decided once. */
struct cqle_exec {
  cql_engine *engine;
  cqle_txn *txn;
  const cqle_schema *schema;
  cql_arena *arena; /* lives as long as the execution */
  const cql_request *request;
  int64_t now_us, now_s; /* the clock, read once; now() and TTLs go by it */
  int64_t timestamp;     /* of this statement's writes; CQL_TIMESTAMP_NONE in reads */
  cql_result *result;
  cql_error *err;
};

/* An empty arena for one execution, and its way back. */
cql_arena cqle_engine_take_arena(cql_engine *e);
void cqle_engine_give_arena(cql_engine *e, cql_arena *a);

/* The end of a call that wrote its error into local: copies it to err when the call failed, with words for a status
 * that came without any. Returns st. */
cql_status cqle_end_call(cql_status st, cql_error *local, cql_error *err);

/* Adds a warning to the result; the text is copied. */
cql_status cqle_exec_warn(cqle_exec *x, const char *format, ...) __attribute__((format(printf, 2, 3)));

typedef struct cqle_select_plan cqle_select_plan;
typedef struct cqle_modify_plan cqle_modify_plan;
typedef struct cqle_batch_plan cqle_batch_plan;

struct cql_plan {
  atomic_int refs;
  cql_engine *engine;
  cql_arena arena; /* the text, the AST, the plan */
  cqle_schema *schema;
  cql_slice text;
  const char *keyspace; /* default keyspace it was made with; NULL: none */
  cqle_statement *statement;
  const cqle_select_plan *select; /* one of these three, by statement->kind; none for DDL */
  const cqle_modify_plan *modify;
  const cqle_batch_plan *batch;
  cql_plan_info info;
};

#endif
