/* mutation.c: a statement with its values into mutations, and mutations into the store. Cassandra:
 * ModificationStatement.addUpdates(), UpdateStatement and DeleteStatement.addUpdateForKey().
 */
#include "engine/modify/modify_int.h"

#include <string.h>

static cql_status out_of_memory(cqle_exec *x) {
  return cql_fail(x->err, CQL_NOMEM, "Out of memory");
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

static cql_status check_length(cqle_exec *x, size_t len) {
  if (len <= CQL_KEY_LEN_MAX) return CQL_OK;
  return cql_fail(x->err, CQL_INVALID, "Key length of %zu is longer than maximum of %d", len, CQL_KEY_LEN_MAX);
}

static cql_status eval_key_column(cqle_exec *x, const cqle_expr *e, const cqle_column *c, cql_slice *out) {
  cqle_value v;
  cql_status st = cqle_expr_eval(x, e, &v);
  if (st != CQL_OK) return st;
  if (v.unset) return cql_fail(x->err, CQL_INVALID, "Invalid unset value for column %s", c->name);
  if (v.bytes.data == NULL)
    return cql_fail(x->err, CQL_INVALID, "Invalid null value in condition for column %s", c->name);
  *out = v.bytes;
  return CQL_OK;
}

/* The serialized partition key; one column stands for itself, without a copy. */
static cql_status join_key(cqle_exec *x, const cql_slice *columns, uint32_t count, cql_slice *out) {
  *out = columns[0];
  if (count == 1) return CQL_OK;
  size_t len = 0;
  for (uint32_t i = 0; i < count; i++) len += columns[i].len;
  cql_status st = check_length(x, len);
  if (st != CQL_OK) return st;
  len += 3 * (size_t)count;
  uint8_t *p = cql_arena_get(x->arena, len);
  if (p == NULL) return out_of_memory(x);
  *out = cql_slice_of(p, len);
  for (uint32_t i = 0; i < count; i++) {
    cql_store_u16(p, (uint16_t)columns[i].len);
    if (columns[i].len > 0) memcpy(p + 2, columns[i].data, columns[i].len);
    p += 2 + columns[i].len;
    *p++ = 0;
  }
  return CQL_OK;
}

static cql_status inserted_partition(cqle_exec *x, const cqle_modify_plan *p, cqle_pkey **out) {
  const cqle_table *t = p->table;
  cql_slice *columns = cql_arena_array(x->arena, t->partition_count, sizeof *columns), bytes;
  *out = cql_arena_get(x->arena, sizeof **out);
  if (columns == NULL || *out == NULL) return out_of_memory(x);
  cql_status st = CQL_OK;
  for (uint32_t i = 0; i < t->partition_count && st == CQL_OK; i++)
    st = eval_key_column(x, p->key[i], t->partition[i], &columns[i]);
  if (st == CQL_OK) st = join_key(x, columns, t->partition_count, &bytes);
  if (st == CQL_OK) **out = cqle_pkey_of(bytes);
  return st;
}

static cql_status eval_partitions(cqle_exec *x, const cqle_modify_plan *p, cqle_pkey **out, uint32_t *count) {
  *count = 1;
  cql_status st = p->where == NULL ? inserted_partition(x, p, out) : cqle_where_partitions(x, p->where, out, count);
  for (uint32_t i = 0; i < *count && st == CQL_OK; i++) {
    if ((*out)[i].bytes.len == 0) return cql_fail(x->err, CQL_INVALID, "Key may not be empty");
    st = check_length(x, (*out)[i].bytes.len);
  }
  return st;
}

static cql_status inserted_clustering(cqle_exec *x, const cqle_modify_plan *p, cql_slice ***out, uint32_t *count) {
  const cqle_table *t = p->table;
  cql_slice *values = cql_arena_array(x->arena, t->clustering_count, sizeof *values);
  *out = cql_arena_get(x->arena, sizeof **out);
  if (values == NULL || *out == NULL) return out_of_memory(x);
  for (uint32_t i = 0; i < t->clustering_count; i++) {
    cql_status st = eval_key_column(x, p->key[t->partition_count + i], t->clustering[i], &values[i]);
    if (st != CQL_OK) return st;
  }
  (*out)[0] = values;
  *count = 1;
  return CQL_OK;
}

bool cqle_modify_names_row(const cqle_modify_plan *p) {
  if (p->static_only) return false;
  return p->kind != CQLE_DELETE ||
         (p->where->clustering_count == p->table->clustering_count && !p->where->clustering_has_slice);
}

static cql_status eval_clusterings(cqle_exec *x, const cqle_modify_plan *p, cql_slice ***out, uint32_t *count) {
  *count = 0;
  if (!cqle_modify_names_row(p)) return CQL_OK;
  cql_status st = p->where == NULL || p->table->clustering_count == 0 ? inserted_clustering(x, p, out, count)
                                                                      : cqle_where_clusterings(x, p->where, out, count);
  for (uint32_t i = 0; i < *count && st == CQL_OK; i++) {
    size_t len = 0;
    for (uint32_t c = 0; c < p->table->clustering_count; c++) len += (*out)[i][c].len;
    st = check_length(x, len);
  }
  return st;
}

cql_status cqle_modify_keys_eval(cqle_exec *x, const cqle_modify_plan *p, cqle_modify_keys *out) {
  *out = (cqle_modify_keys){0};
  cql_status st = eval_partitions(x, p, &out->partitions, &out->partition_count);
  return st == CQL_OK ? eval_clusterings(x, p, &out->clusterings, &out->clustering_count) : st;
}

/* --- building ----------------------------------------------------------------------------------------------------- */

static cqle_mutation *add_mutation(cqle_writer *wr, cqle_mutation_kind kind, cqle_pkey pkey) {
  cqle_mutation *m = cql_arena_zero(wr->x->arena, sizeof *m);
  if (m == NULL) return NULL;
  m->kind = kind;
  m->table = wr->plan->table;
  m->pkey = pkey;
  m->deletion = (cqle_deletion){wr->deletion_timestamp, wr->x->now_s};
  cqle_row_init(&m->row);
  *wr->w->tail = m;
  wr->w->tail = &m->next;
  wr->w->count++;
  return m;
}

/* The row as it is, for operations that look at it. *out NULL: nothing is stored. */
static cql_status read_row(cqle_writer *wr, cqle_pkey pkey, const cql_slice *clustering, bool is_static,
                           cqle_row *buffer, const cqle_row **out) {
  cqle_exec *x = wr->x;
  *out = NULL;
  if (!wr->plan->reads) return CQL_OK;
  cql_status st = cqle_table_get(x->txn, wr->plan->table, pkey, clustering, is_static, x->arena, buffer, x->err);
  if (st == CQL_OK) *out = buffer;
  return st == CQL_DONE ? CQL_OK : st;
}

static cql_status apply_operations(cqle_writer *wr, bool statics, const cqle_row *now, cqle_row *row) {
  const cqle_modify_plan *p = wr->plan;
  cqle_row_builder rb;
  cql_status st = cqle_row_builder_init(&rb, wr->x, p->table, p->operation_count);
  for (uint32_t i = 0; i < p->operation_count && st == CQL_OK; i++)
    if ((p->operations[i].column->kind == CQLE_STATIC) == statics)
      st = cqle_operation_apply(wr, &p->operations[i], now, &rb);
  return st == CQL_OK ? cqle_row_builder_finish(&rb, row) : st;
}

static cql_status build_static_row(cqle_writer *wr, cqle_pkey pkey) {
  const cqle_row *now;
  cqle_row buffer, row;
  cqle_row_init(&row);
  row.is_static = true;
  cql_status st = read_row(wr, pkey, NULL, true, &buffer, &now);
  if (st == CQL_OK) st = apply_operations(wr, true, now, &row);
  if (st != CQL_OK || row.count == 0) return st;
  cqle_mutation *m = add_mutation(wr, CQLE_MUTATION_ROW, pkey);
  if (m == NULL) return out_of_memory(wr->x);
  m->row = row;
  return CQL_OK;
}

/* INSERT marks the row, UPDATE does not (trap 2); DELETE without columns deletes it. */
static cql_status build_row(cqle_writer *wr, cqle_pkey pkey, cql_slice *clustering) {
  const cqle_modify_plan *p = wr->plan;
  const cqle_row *now;
  cqle_row buffer, row;
  cqle_row_init(&row);
  row.clustering = clustering;
  if (p->kind == CQLE_INSERT) row.marker = (cqle_liveness){wr->timestamp, wr->ttl, wr->expires};
  bool deletes = p->kind == CQLE_DELETE && p->operation_count == 0;
  /* Also in a conditional batch a row's deletion hides what the batch puts into that row; without clustering columns it
   * is the partition's. */
  int64_t at = wr->plan->table->clustering_count > 0 ? wr->timestamp : wr->deletion_timestamp;
  if (deletes) row.deletion = (cqle_deletion){at, wr->x->now_s};
  cql_status st = read_row(wr, pkey, clustering, false, &buffer, &now);
  if (st == CQL_OK) st = apply_operations(wr, false, now, &row);
  if (st != CQL_OK) return st;
  if (row.count == 0 && p->kind != CQLE_INSERT && !deletes) return CQL_OK;
  cqle_mutation *m = add_mutation(wr, CQLE_MUTATION_ROW, pkey);
  if (m == NULL) return out_of_memory(wr->x);
  m->row = row;
  return CQL_OK;
}

static cql_status build_ranges(cqle_writer *wr, cqle_pkey pkey) {
  const cqle_modify_plan *p = wr->plan;
  cqle_slice_bounds *bounds;
  uint32_t count;
  if (!p->where->clustering_restricted && p->operation_count == 0)
    return add_mutation(wr, CQLE_MUTATION_PARTITION, pkey) != NULL ? CQL_OK : out_of_memory(wr->x);
  cql_status st = cqle_where_bounds(wr->x, p->where, &bounds, &count);
  if (st == CQL_OK && count > 0 && p->operation_count > 0)
    return cql_fail(wr->x->err, CQL_INVALID, "Range deletions are not supported for specific columns");
  for (uint32_t i = 0; i < count && st == CQL_OK; i++) {
    cqle_mutation *m = add_mutation(wr, CQLE_MUTATION_RANGE, pkey);
    if (m == NULL) return out_of_memory(wr->x);
    m->bounds = bounds[i];
  }
  return st;
}

static cql_status build_partition(cqle_writer *wr, cqle_pkey pkey, cql_slice **clusterings, uint32_t count) {
  const cqle_modify_plan *p = wr->plan;
  cql_status st = CQL_OK;
  if (!p->static_only && !cqle_modify_names_row(p)) return build_ranges(wr, pkey);
  for (uint32_t i = 0; i < count && st == CQL_OK; i++) st = build_row(wr, pkey, clusterings[i]);
  /* As Cassandra does it, once for each row: a list then holds its new elements as often. An empty IN on the clustering
   * names no row, and leaves the static columns alone. */
  uint32_t times = p->static_only ? 1 : count;
  for (uint32_t i = 0; i < times && p->sets_statics && st == CQL_OK; i++) st = build_static_row(wr, pkey);
  return st;
}

static cql_status writer_init(cqle_writer *wr, cqle_write *w, cqle_exec *x, const cqle_modify_plan *plan) {
  *wr = (cqle_writer){.w = w, .x = x, .plan = plan, .timestamp = w->timestamp, .expires = CQLE_NO_EXPIRY};
  cql_status st = CQL_OK;
  if (!w->conditional) st = cqle_attributes_timestamp(x, plan->timestamp, w->timestamp, &wr->timestamp);
  if (st == CQL_OK) st = cqle_attributes_ttl(x, plan->table, plan->ttl, &wr->ttl);
  if (wr->ttl > 0) wr->expires = x->now_s + wr->ttl;
  wr->deletion_timestamp = w->conditional ? wr->timestamp - 1 : wr->timestamp;
  return st;
}

void cqle_write_init(cqle_write *w, cqle_exec *x, int64_t timestamp) {
  *w = (cqle_write){.x = x, .timestamp = timestamp, .list_clock = CQL_TIMESTAMP_NONE};
  w->tail = &w->first;
}

cql_status cqle_write_add_at(cqle_write *w, cqle_exec *x, const cqle_modify_plan *plan, const cqle_modify_keys *keys) {
  cqle_writer wr;
  cql_status st = writer_init(&wr, w, x, plan);
  for (uint32_t i = 0; i < keys->partition_count && st == CQL_OK; i++)
    st = build_partition(&wr, keys->partitions[i], keys->clusterings, keys->clustering_count);
  return st;
}

cql_status cqle_write_add(cqle_write *w, cqle_exec *x, const cqle_modify_plan *plan) {
  cqle_modify_keys keys;
  cql_status st = cqle_modify_keys_eval(x, plan, &keys);
  return st == CQL_OK ? cqle_write_add_at(w, x, plan, &keys) : st;
}

/* --- applying ----------------------------------------------------------------------------------------------------- */

cql_status cqle_write_apply(cqle_write *w) {
  cqle_exec *x = w->x;
  cql_status st = CQL_OK;
  for (const cqle_mutation *m = w->first; m != NULL && st == CQL_OK; m = m->next) {
    switch (m->kind) {
    case CQLE_MUTATION_ROW:
      st = cqle_table_write(x->txn, m->table, m->pkey, &m->row, x->now_s, x->arena, x->err);
      break;
    case CQLE_MUTATION_PARTITION:
      st = cqle_table_delete_partition(x->txn, m->table, m->pkey, m->deletion, x->now_s, x->arena, x->err);
      break;
    case CQLE_MUTATION_RANGE:
      st = cqle_table_delete_range(x->txn, m->table, m->pkey, m->bounds, m->deletion, x->now_s, x->arena, x->err);
      break;
    }
  }
  return st;
}
