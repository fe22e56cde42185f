/* values.c: the values of a WHERE clause in one execution, with Cassandra's checks of null and unset. */
#include "engine/where/where_int.h"

cql_status cqle_buf_take(cql_buf *b, cql_arena *a, cql_slice *out) {
  if (b->st != CQL_OK) return b->st;
  cql_status st = cql_arena_slice(a, cql_buf_view(b), out);
  cql_buf_reset(b);
  return st;
}

static cql_status fail_null(cqle_exec *x, const cqle_restriction *r, uint32_t i, cqle_null_words words) {
  const char *name = r->columns[i]->name;
  bool filter = words == CQLE_NULL_FILTER || words == CQLE_NULL_FILTER_IN;
  if (r->kind == CQLE_REL_TOKEN) return cql_fail(x->err, CQL_INVALID, "Invalid null token value");
  if (filter) return cql_fail(x->err, CQL_INVALID, "Unsupported null value for column %s", name);
  if (r->kind != CQLE_REL_TUPLE || words == CQLE_NULL_KEY_SLICE)
    return cql_fail(x->err, CQL_INVALID, "Invalid null value in condition for column %s", name);
  if (r->op == CQLE_OP_EQ) return cql_fail(x->err, CQL_INVALID, "Invalid null value for column %s", name);
  const char *names = r->columns[0]->name;
  for (uint32_t k = 1; k < r->column_count && names != NULL; k++)
    names = cql_arena_printf(x->arena, "%s, %s", names, r->columns[k]->name);
  return cql_fail(x->err, CQL_INVALID, "Invalid null value in condition for columns: [%s]", names == NULL ? "" : names);
}

static cql_status fail_unset(cqle_exec *x, const cqle_restriction *r, uint32_t i, cqle_null_words words) {
  bool filter = words == CQLE_NULL_FILTER || words == CQLE_NULL_FILTER_IN;
  if (r->kind == CQLE_REL_TOKEN) return cql_fail(x->err, CQL_INVALID, "Invalid unset value for partition key token");
  if (r->kind == CQLE_REL_TUPLE)
    return cql_fail(x->err, CQL_INVALID, "Invalid unset value for tuple field number %u", i);
  return cql_fail(x->err, CQL_INVALID, "%s unset value for column %s", filter ? "Unsupported" : "Invalid",
                  r->columns[i]->name);
}

static bool null_allowed(const cqle_restriction *r, cqle_null_words words) {
  if (words == CQLE_NULL_FILTER_IN) return r->op == CQLE_OP_IN;
  return words == CQLE_NULL_KEY_SLICE && r->kind == CQLE_REL_COLUMN;
}

static cql_status check_value(cqle_exec *x, const cqle_restriction *r, uint32_t i, cqle_null_words words,
                              cql_slice value) {
  if (value.data != NULL || null_allowed(r, words)) return CQL_OK;
  return fail_null(x, r, i, words);
}

/* The fields of a tuple value; those that are missing are null. */
static cql_status split_tuple(cqle_exec *x, const cqle_restriction *r, const cql_type *type, cql_slice bytes,
                              cqle_null_words words, cql_slice *out) {
  cql_status st = CQL_OK;
  cql_elements e;
  CQL_TRY(cql_elements_open(&e, type, bytes));
  for (uint32_t i = 0; i < r->column_count; i++) {
    st = cql_elements_next(&e, &out[i]);
    if (st == CQL_DONE)
      out[i] = (cql_slice){NULL, 0};
    else if (st != CQL_OK)
      goto done;
    CQL_TRY(check_value(x, r, i, words, out[i]));
  }
done:
  return st;
}

static const cql_type *tuple_type(cqle_exec *x, const cqle_restriction *r) {
  const cql_type **fields = cql_arena_array(x->arena, r->column_count, sizeof *fields);
  if (fields == NULL) return NULL;
  for (uint32_t i = 0; i < r->column_count; i++) fields[i] = r->columns[i]->type;
  return cql_type_tuple(x->arena, fields, r->column_count);
}

static cql_status whole_values(cqle_exec *x, const cqle_restriction *r, const cqle_expr *whole, cqle_null_words words,
                               cql_slice *out) {
  cqle_value v;
  cql_status st = cqle_expr_eval(x, whole, &v);
  const cql_type *type = tuple_type(x, r);
  if (st != CQL_OK) return st;
  if (type == NULL) return CQL_NOMEM;
  if (v.unset) return cql_fail(x->err, CQL_INVALID, "Invalid unset value for column %s", r->columns[0]->name);
  if (v.bytes.data == NULL) return fail_null(x, r, 0, words);
  return split_tuple(x, r, type, v.bytes, words, out);
}

cql_status cqle_operand_values(cqle_exec *x, const cqle_restriction *r, const cqle_operand *o, cqle_null_words words,
                               cql_slice *out) {
  cql_status st = CQL_OK;
  uint32_t count = r->kind == CQLE_REL_TUPLE ? r->column_count : 1;
  if (o->whole != NULL) return whole_values(x, r, o->whole, words, out);
  for (uint32_t i = 0; i < count; i++) {
    cqle_value v;
    CQL_TRY(cqle_expr_eval(x, o->parts[i], &v));
    if (v.unset) {
      st = fail_unset(x, r, i, words);
      goto done;
    }
    CQL_TRY(check_value(x, r, i, words, v.bytes));
    out[i] = v.bytes;
  }
done:
  return st;
}

/* --- IN ----------------------------------------------------------------------------------------------------------- */

static cql_status list_values(cqle_exec *x, const cqle_restriction *r, cqle_null_words words, cql_slice **out,
                              uint32_t *count) {
  cql_status st = CQL_OK;
  cqle_value v;
  cql_elements e;
  bool tuples = r->kind == CQLE_REL_TUPLE;
  const cql_type *element = tuples ? tuple_type(x, r) : r->columns[0]->type;
  const cql_type *list = element == NULL ? NULL : cql_type_list(x->arena, element, false);
  CQL_CHECK(list != NULL, CQL_NOMEM);
  CQL_TRY(cqle_expr_eval(x, r->in_list, &v));
  if (v.unset || v.bytes.data == NULL) {
    const char *what = v.unset ? "unset" : "null";
    if (tuples) return cql_fail(x->err, CQL_INVALID, "Invalid %s value for IN restriction", what);
    return cql_fail(x->err, CQL_INVALID, "Invalid %s value for column %s", what, r->columns[0]->name);
  }
  CQL_TRY(cql_elements_open(&e, list, v.bytes));
  *count = e.left;
  *out = cql_arena_array(x->arena, (size_t)e.left + 1, (tuples ? r->column_count : 1) * sizeof **out);
  CQL_CHECK(*out != NULL, CQL_NOMEM);
  for (uint32_t i = 0; i < *count; i++) {
    cql_slice item;
    CQL_TRY(cql_elements_next(&e, &item));
    if (tuples && item.data != NULL)
      CQL_TRY(split_tuple(x, r, element, item, words, *out + (size_t)i * r->column_count));
    else {
      uint32_t width = tuples ? r->column_count : 1;
      CQL_TRY(check_value(x, r, 0, words, item));
      for (uint32_t k = 0; k < width; k++) (*out)[(size_t)i * width + k] = item;
    }
  }
done:
  return st;
}

cql_status cqle_in_values(cqle_exec *x, const cqle_restriction *r, cqle_null_words words, cql_slice **out,
                          uint32_t *count) {
  cql_status st = CQL_OK;
  uint32_t width = r->kind == CQLE_REL_TUPLE ? r->column_count : 1;
  if (r->in_list != NULL) return list_values(x, r, words, out, count);
  *count = r->operand_count;
  *out = cql_arena_array(x->arena, (size_t)r->operand_count + 1, width * sizeof **out);
  CQL_CHECK(*out != NULL, CQL_NOMEM);
  for (uint32_t i = 0; i < r->operand_count; i++)
    CQL_TRY(cqle_operand_values(x, r, &r->operands[i], words, *out + (size_t)i * width));
done:
  return st;
}

cql_status cqle_group_choices(cqle_exec *x, const cqle_group *g, cqle_choices *out) {
  cql_slice *values = NULL;
  cql_status st = cqle_in_values(x, g->members, CQLE_NULL_KEY_EQ, &values, &out->count);
  out->width = g->column_count;
  out->values = values;
  return st;
}
