/* batch.c: BATCH, as a statement and as a message of the protocol. Cassandra: cql3/statements/BatchStatement.java
 * (traps 3, 10). */
#include "engine/modify/modify_int.h"

#include <stdlib.h>
#include <string.h>

struct cqle_batch_plan {
  cql_batch_type type;
  const cqle_expr *timestamp;
  uint32_t count;
  const cqle_modify_plan **items;
};

/* --- rules -------------------------------------------------------------------------------------------------------- */

static bool any_condition(const cqle_modify_plan *const *plans, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (cqle_modify_is_conditional(plans[i])) return true;
  return false;
}

static cql_status check_counters(cql_batch_type type, const cqle_modify_plan *const *plans, uint32_t count,
                                 bool timestamp_given, cql_error *err) {
  bool counters = false, others = false;
  for (uint32_t i = 0; i < count; i++) {
    counters |= plans[i]->table->is_counter;
    others |= !plans[i]->table->is_counter;
  }
  if (timestamp_given && counters)
    return cql_fail(err, CQL_INVALID, "Cannot provide custom timestamp for a BATCH containing counters");
  if (type == CQL_BATCH_COUNTER && others)
    return cql_fail(err, CQL_INVALID, "Cannot include non-counter statement in a counter batch");
  if (counters && others)
    return cql_fail(err, CQL_INVALID, "Counter and non-counter mutations cannot exist in the same batch");
  if (type == CQL_BATCH_LOGGED && counters)
    return cql_fail(err, CQL_INVALID, "Cannot include a counter statement in a logged batch");
  return CQL_OK;
}

static cql_status check_batch(cql_batch_type type, const cqle_modify_plan *const *plans, uint32_t count,
                              bool timestamp_given, cql_error *err) {
  bool conditional = any_condition(plans, count);
  if (timestamp_given && conditional)
    return cql_fail(err, CQL_INVALID, "Cannot provide custom timestamp for conditional BATCH");
  if (timestamp_given && type == CQL_BATCH_COUNTER)
    return cql_fail(err, CQL_INVALID, "Cannot provide custom timestamp for counter BATCH");
  for (uint32_t i = 0; i < count; i++)
    if (timestamp_given && plans[i]->timestamp != NULL)
      return cql_fail(err, CQL_INVALID, "Timestamp must be set either on BATCH or individual statements");
  cql_status st = check_counters(type, plans, count, timestamp_given, err);
  for (uint32_t i = 1; i < count && conditional && st == CQL_OK; i++)
    if (plans[i]->table != plans[0]->table && plans[i]->table->id != plans[0]->table->id)
      st = cql_fail(err, CQL_INVALID, "Batch with conditions cannot span multiple tables");
  return st;
}

/* --- planning ----------------------------------------------------------------------------------------------------- */

cql_status cqle_batch_plan_new(cqle_binder *b, const cqle_batch *ast, const cqle_batch_plan **out,
                               cql_plan_info *info) {
  cqle_batch_plan *p = cql_arena_zero(b->arena, sizeof *p);
  const cqle_expr *ttl;
  cql_status st;
  if (p == NULL) return cql_fail(b->err, CQL_NOMEM, "Out of memory");
  p->items = cql_arena_array(b->arena, ast->count, sizeof(cqle_modify_plan *));
  if (p->items == NULL) return cql_fail(b->err, CQL_NOMEM, "Out of memory");
  p->type = ast->type;
  p->count = ast->count;
  for (uint32_t i = 0; i < ast->count; i++) {
    cqle_modify_plan *item;
    CQL_TRY(cqle_modify_plan_make(b, &ast->items[i], &item));
    p->items[i] = item;
  }
  CQL_TRY(cqle_attributes_bind(b, &ast->using, "[batch]", "[batch]", &p->timestamp, &ttl));
  if (ttl != NULL) return cql_fail(b->err, CQL_INVALID, "Global TTL on the BATCH statement is not supported.");
  CQL_TRY(check_batch(p->type, p->items, p->count, p->timestamp != NULL, b->err));
  info->is_conditional = any_condition(p->items, p->count);
  *out = p;
done:
  return st;
}

/* --- size --------------------------------------------------------------------------------------------------------- */

/* What Cassandra's dataSize() adds up to for the same update; a partition and a row cost something even when empty. */
enum { PARTITION_LEN = 12 + 21, ROW_LEN = 8 + 13, CELL_LEN = 16, DELETION_LEN = 12, RANGE_LEN = 2 * 12 };

static size_t mutation_len(const cqle_mutation *m) {
  if (m->kind == CQLE_MUTATION_PARTITION) return 0;
  if (m->kind == CQLE_MUTATION_RANGE) return RANGE_LEN + m->bounds.start.len + m->bounds.end.len;
  bool is_deletion = m->row.count == 0 && m->row.deletion.timestamp != CQLE_NO_TIMESTAMP;
  if (is_deletion && m->table->clustering_count == 0) return 0; /* to Cassandra it is the partition's */
  size_t len = m->row.is_static ? 0 : ROW_LEN;
  for (uint32_t i = 0; i < m->table->clustering_count && !m->row.is_static; i++) len += m->row.clustering[i].len;
  for (uint32_t i = 0; i < m->row.count; i++) {
    const cqle_column_data *d = &m->row.columns[i];
    len += d->multicell ? DELETION_LEN : 0;
    for (uint32_t k = 0; k < d->count; k++) len += CELL_LEN + d->cells[k].path.len + d->cells[k].value.len;
  }
  return len;
}

/* --- limits ------------------------------------------------------------------------------------------------------- */

/* Orders by keyspace, partition key, table. */
static int mutation_cmp(const void *left, const void *right) {
  const cqle_mutation *a = *(const cqle_mutation *const *)left, *b = *(const cqle_mutation *const *)right;
  int order = strcmp(a->table->keyspace->name, b->table->keyspace->name);
  if (order == 0) order = cql_slice_cmp(a->pkey.bytes, b->pkey.bytes);
  if (order == 0) order = (a->table->id > b->table->id) - (a->table->id < b->table->id);
  return order;
}

typedef struct batch_size {
  size_t len;
  uint32_t keys; /* (keyspace, partition key): what travels as one mutation */
} batch_size;

static cql_status measure(const cqle_write *w, batch_size *out) {
  *out = (batch_size){0, 0};
  const cqle_mutation **sorted = cql_arena_array(w->x->arena, w->count, sizeof(cqle_mutation *));
  if (sorted == NULL) return cql_fail(w->x->err, CQL_NOMEM, "Out of memory");
  uint32_t n = 0;
  for (const cqle_mutation *m = w->first; m != NULL; m = m->next) sorted[n++] = m;
  qsort(sorted, n, sizeof *sorted, mutation_cmp);
  for (uint32_t i = 0; i < n; i++) {
    bool same_partition = i > 0 && mutation_cmp(&sorted[i - 1], &sorted[i]) == 0;
    bool same_key = i > 0 && sorted[i - 1]->table->keyspace == sorted[i]->table->keyspace &&
                    cql_slice_eq(sorted[i - 1]->pkey.bytes, sorted[i]->pkey.bytes);
    out->len += mutation_len(sorted[i]) + (same_partition ? 0 : PARTITION_LEN);
    out->keys += !same_key;
  }
  return CQL_OK;
}

typedef bool (*table_test)(const cqle_table *t);
static bool any_table(const cqle_table *t) {
  return t != NULL;
}
static bool without_grace(const cqle_table *t) {
  return t->gc_grace_seconds == 0;
}

/* "[ks.a, ks.b]": the tables of a batch that pass the test, each once; *count says how many. */
static const char *table_names(cqle_exec *x, const cqle_modify_plan *const *plans, uint32_t count, table_test test,
                               uint32_t *found) {
  const char *names = "[";
  *found = 0;
  for (uint32_t i = 0; i < count && names != NULL; i++) {
    bool seen = !test(plans[i]->table);
    for (uint32_t k = 0; k < i && !seen; k++) seen = plans[k]->table->id == plans[i]->table->id;
    if (seen) continue;
    names = cql_arena_printf(x->arena, "%s%s%s.%s", names, *found > 0 ? ", " : "", plans[i]->table->keyspace->name,
                             plans[i]->table->name);
    ++*found;
  }
  return names != NULL ? cql_arena_printf(x->arena, "%s]", names) : NULL;
}

static cql_status check_size(cqle_write *w, const cqle_modify_plan *const *plans, uint32_t count,
                             const batch_size *size) {
  cqle_exec *x = w->x;
  uint32_t tables;
  if (size->keys <= 1 || size->len <= CQLE_BATCH_WARN_LEN) return CQL_OK;
  if (size->len > CQLE_BATCH_FAIL_LEN) return cql_fail(x->err, CQL_INVALID, "Batch too large");
  const char *names = table_names(x, plans, count, any_table, &tables);
  if (names == NULL) return cql_fail(x->err, CQL_NOMEM, "Out of memory");
  return cqle_exec_warn(x, "Batch for %s is of size %zu, exceeding specified threshold of %d by %zu.", names, size->len,
                        CQLE_BATCH_WARN_LEN, size->len - CQLE_BATCH_WARN_LEN);
}

static cql_status warn_of_spread(cqle_write *w, const cqle_modify_plan *const *plans, uint32_t count, uint32_t keys) {
  uint32_t tables;
  if (keys <= CQLE_BATCH_UNLOGGED_PARTITIONS) return CQL_OK;
  const char *names = table_names(w->x, plans, count, any_table, &tables);
  if (names == NULL) return cql_fail(w->x->err, CQL_NOMEM, "Out of memory");
  return cqle_exec_warn(
      w->x,
      "Unlogged batch covering %u partitions detected against table%s %s. You should use a logged batch "
      "for atomicity, or asynchronous writes for performance.",
      keys, tables == 1 ? "" : "s", names);
}

static cql_status warn_of_grace(cqle_exec *x, const cqle_modify_plan *const *plans, uint32_t count) {
  uint32_t tables;
  const char *names = table_names(x, plans, count, without_grace, &tables);
  if (names == NULL) return cql_fail(x->err, CQL_NOMEM, "Out of memory");
  if (tables == 0) return CQL_OK;
  return cqle_exec_warn(
      x,
      "Executing a LOGGED BATCH on table%s %s, configured with a gc_grace_seconds of 0. The "
      "gc_grace_seconds is used to TTL batchlog entries, so setting gc_grace_seconds too low on tables "
      "involved in an atomic batch might cause batchlog entries to expire before being replayed.",
      tables == 1 ? "" : "s", names);
}

static cql_status check_limits(cqle_write *w, cql_batch_type type, const cqle_modify_plan *const *plans,
                               uint32_t count) {
  batch_size size;
  cql_status st;
  if (type == CQL_BATCH_LOGGED) CQL_TRY(warn_of_grace(w->x, plans, count));
  CQL_TRY(measure(w, &size));
  CQL_TRY(check_size(w, plans, count, &size));
  if (type != CQL_BATCH_LOGGED) CQL_TRY(warn_of_spread(w, plans, count, size.keys));
done:
  return st;
}

/* --- execution ---------------------------------------------------------------------------------------------------- */

static cql_status run(cqle_exec *x, cql_batch_type type, const cqle_modify_plan *const *plans,
                      const cql_request *const *requests, uint32_t count, int64_t timestamp) {
  cqle_write w;
  cql_status st = CQL_OK;
  if (count == 0) return CQL_OK;
  if (any_condition(plans, count)) return cqle_cas_execute(x, plans, requests, count, true);
  cqle_write_init(&w, x, timestamp);
  cqle_exec *execs = cql_arena_array(x->arena, count, sizeof *execs);
  if (execs == NULL) return cql_fail(x->err, CQL_NOMEM, "Out of memory");
  for (uint32_t i = 0; i < count; i++) {
    execs[i] = *x;
    execs[i].request = requests[i];
    CQL_TRY(cqle_json_request(&execs[i], plans[i]));
    CQL_TRY(cqle_write_add(&w, &execs[i], plans[i]));
  }
  CQL_TRY(check_limits(&w, type, plans, count));
  CQL_TRY(cqle_write_apply(&w));
done:
  return st;
}

cql_status cqle_batch_execute(cqle_exec *x, const cqle_batch_plan *plan) {
  int64_t timestamp;
  const cql_request **requests = cql_arena_array(x->arena, plan->count, sizeof(cql_request *));
  if (requests == NULL) return cql_fail(x->err, CQL_NOMEM, "Out of memory");
  for (uint32_t i = 0; i < plan->count; i++) requests[i] = x->request;
  cql_status st = cqle_attributes_timestamp(x, plan->timestamp, x->timestamp, &timestamp);
  return st == CQL_OK ? run(x, plan->type, plan->items, requests, plan->count, timestamp) : st;
}

cql_status cqle_batch_execute_plans(cqle_exec *x, cql_batch_type type, const cqle_modify_plan *const *plans,
                                    const cql_request *requests, uint32_t count) {
  cql_status st = check_batch(type, plans, count, false, x->err);
  if (st != CQL_OK) return st;
  const cql_request **each = cql_arena_array(x->arena, count, sizeof(cql_request *));
  if (each == NULL) return cql_fail(x->err, CQL_NOMEM, "Out of memory");
  for (uint32_t i = 0; i < count; i++) each[i] = &requests[i];
  return run(x, type, plans, each, count, x->timestamp);
}
