/* ann.c: ORDER BY c ANN OF v (trap 16). Cassandra: SelectStatement.java, StatementRestrictions.java. */
#include "engine/select/select_int.h"

/* --- planning ----------------------------------------------------------------------------------------------------- */

static cql_status bind_ann(cqle_binder *b, const cqle_order *o, cqle_select_plan *p) {
  const cqle_column *c;
  cql_status st = cqle_find_column(p->table, o->column, &c, b->err);
  if (st != CQL_OK || o->ann_of == NULL) return st;
  cqle_receiver receiver = {p->table->keyspace->name, p->table->name, c->name, c->type};
  p->ann = c;
  return cqle_term_bind(b, o->ann_of, &receiver, &p->ann_of);
}

cql_status cqle_ann_plan(cqle_binder *b, const cqle_select *ast, cqle_select_plan *p) {
  uint32_t count = 0;
  bool descending = false;
  for (uint32_t i = 0; i < ast->order_count; i++) {
    const cqle_order *o = &ast->order_by[i];
    cql_status st = bind_ann(b, o, p);
    if (st != CQL_OK) return st;
    if (o->ann_of == NULL) continue;
    descending = o->descending;
    count++;
  }
  if (count > 1) return cql_fail(b->err, CQL_INVALID, "Cannot specify more than one ANN ordering");
  if (count == 1 && ast->order_count > 1)
    return cql_fail(b->err, CQL_INVALID, "ANN ordering does not support any other ordering");
  if (count == 1 && descending) return cql_fail(b->err, CQL_INVALID, "Descending ANN ordering is not supported");
  return CQL_OK;
}

static cqle_similarity similarity_of(const cqle_table *t, const cqle_column *c) {
  for (uint32_t i = 0; i < t->index_count; i++)
    if (t->indexes[i]->column == c && t->indexes[i]->kind == CQLE_INDEX_SAI)
      return cqle_index_similarity(t->indexes[i]);
  return CQLE_COSINE;
}

cql_status cqle_ann_check(cqle_binder *b, const cqle_select *ast, cqle_select_plan *p) {
  if (p->ann == NULL) return CQL_OK;
  p->similarity = similarity_of(p->table, p->ann);
  if (ast->limit == NULL)
    return cql_fail(b->err, CQL_INVALID,
                    "Top-K queries must have a limit specified and the limit must be less than the query page size");
  if (p->partition_limit != NULL)
    return cql_fail(b->err, CQL_INVALID, "Top-K queries do not support per-partition limits");
  if (p->groups || p->selection.is_aggregate)
    return cql_fail(b->err, CQL_INVALID, "Top-K queries can not be run with aggregation");
  return CQL_OK;
}

/* --- one execution ------------------------------------------------------------------------------------------------ */

static cql_status evaluate(cqle_exec *x, const cqle_select_plan *p, cql_slice *out) {
  cqle_value value;
  cql_status st = cqle_expr_eval(x, p->ann_of, &value);
  if (st != CQL_OK) return st;
  if (value.unset || value.bytes.data == NULL)
    return cql_fail(x->err, CQL_INVALID, "Unsupported %s value for column %s", value.unset ? "unset" : "null",
                    p->ann->name);
  *out = value.bytes;
  return CQL_OK;
}

cql_status cqle_ann_begin(cqle_exec *x, const cqle_select_plan *p, uint64_t limit, cql_slice *out) {
  double itself;
  int32_t page_size = x->request->page_size;
  if (limit > CQLE_ANN_LIMIT_MAX)
    return cql_fail(x->err, CQL_INVALID,
                    "Use of ANN OF in an ORDER BY clause requires a LIMIT that is not greater than %d. LIMIT was %llu",
                    CQLE_ANN_LIMIT_MAX, (unsigned long long)limit);
  cql_status st = evaluate(x, p, out);
  if (st != CQL_OK) return st;
  st = cqle_similarity_score(p->similarity, p->ann->type, *out, *out, &itself);
  if (st == CQL_DONE)
    return cql_fail(x->err, CQL_INVALID,
                    "Zero and near-zero vectors cannot be indexed or queried with cosine similarity");
  if (st != CQL_OK) return cql_fail(x->err, st, "The vector has another length than the type of %s", p->ann->name);
  if (page_size <= 0 || (uint64_t)page_size >= limit) return CQL_OK;
  return cqle_exec_warn(x,
                        "Top-K queries do not support paging and the page size is set to %d, which is less than LIMIT "
                        "%d. The page size has been set to %d to match the LIMIT.",
                        page_size, (int)limit, (int)limit);
}

cql_status cqle_ann_score(const cqle_select_plan *p, cql_slice wanted, const cqle_view *v, double *out) {
  cql_slice cell = v->cells[cqle_column_index(p->table, p->ann)];
  return cell.data == NULL ? CQL_DONE : cqle_similarity_score(p->similarity, p->ann->type, cell, wanted, out);
}
