/* eval.c: the value of a selector for a row, or for a group of rows. In an aggregate query what stands outside of the
 * aggregates has the value of the group's first row, as in Cassandra.
 */
#include "engine/select/select_int.h"
#include "engine/term/term_int.h"

#include <string.h>

/* --- once per execution ------------------------------------------------------------------------------------------- */

static cql_status read_value(cqle_eval *e, cqle_exec *x, const cqle_expr *expr, uint32_t slot) {
  cqle_value v;
  if (expr == NULL) return CQL_OK;
  cql_status st = cqle_expr_eval(x, expr, &v);
  if (st == CQL_OK && v.unset)
    st = cql_fail(x->err, CQL_INVALID, "Invalid unset value for argument in selection clause");
  if (st == CQL_OK) e->values[slot] = v.bytes;
  return st;
}

static cql_status prepare(cqle_eval *e, cqle_exec *x, const cqle_node *n, bool inside) {
  cql_status st = CQL_OK;
  bool aggregate = n->kind == CQLE_NODE_AGGREGATE || n->kind == CQLE_NODE_COUNT;
  bool leaf = n->kind == CQLE_NODE_COLUMN || n->kind == CQLE_NODE_TIMES;
  if (aggregate) e->aggregates[e->aggregate_count++] = n;
  if (leaf && !inside) e->leaves[e->leaf_count++] = n;
  if (n->kind != CQLE_NODE_PACK) {
    CQL_TRY(read_value(e, x, n->value, n->value_slot));
    CQL_TRY(read_value(e, x, n->to, n->value_slot + 1));
  }
  for (uint32_t i = 0; i < n->count; i++) CQL_TRY(prepare(e, x, n->args[i], inside || aggregate));
done:
  return st;
}

cql_status cqle_eval_init(cqle_eval *e, cqle_exec *x, const cqle_selection *s, const cqle_node *beside,
                          cql_arena *row_arena, cql_arena *group_arena) {
  cql_status st = CQL_OK;
  memset(e, 0, sizeof *e);
  e->x = *x;
  e->row_arena = row_arena;
  e->group_arena = group_arena;
  e->s = s;
  e->values = cql_arena_zero(x->arena, ((size_t)s->value_count + 1) * sizeof *e->values);
  e->captures = cql_arena_zero(x->arena, ((size_t)s->capture_count + 1) * sizeof *e->captures);
  e->states = cql_arena_zero(x->arena, ((size_t)s->state_count + 1) * sizeof *e->states);
  e->aggregates = cql_arena_array(x->arena, (size_t)s->state_count + 1, sizeof *e->aggregates);
  e->leaves = cql_arena_array(x->arena, (size_t)s->capture_count + 1, sizeof *e->leaves);
  CQL_CHECK(e->values && e->captures && e->states && e->aggregates && e->leaves, CQL_NOMEM);
  for (uint32_t i = 0; i < s->count; i++) CQL_TRY(prepare(e, x, s->nodes[i], false));
  if (beside != NULL) CQL_TRY(prepare(e, x, beside, true));
done:
  return st;
}

/* --- one value ---------------------------------------------------------------------------------------------------- */

static cql_status value_of(cqle_eval *e, const cqle_node *n, const cqle_view *v, cql_slice *out);

static cql_status eval_args(cqle_eval *e, const cqle_node *n, const cqle_view *v, cql_slice **out) {
  *out = cql_arena_array(e->row_arena, (size_t)n->count + 1, sizeof **out);
  if (*out == NULL) return CQL_NOMEM;
  for (uint32_t i = 0; i < n->count; i++) {
    cql_status st = value_of(e, n->args[i], v, &(*out)[i]);
    if (st != CQL_OK) return st;
  }
  return CQL_OK;
}

static cql_status eval_call(cqle_eval *e, const cqle_node *n, const cqle_view *v, cql_slice *out) {
  cql_slice *args;
  cql_status st = eval_args(e, n, v, &args);
  if (st != CQL_OK) return st;
  e->x.arena = e->row_arena;
  return cqle_function_call(&e->x, n->function, args, out);
}

static cql_status eval_pack(cqle_eval *e, const cqle_node *n, const cqle_view *v, cql_slice *out) {
  cql_slice *args;
  cql_status st = eval_args(e, n, v, &args);
  return st == CQL_OK ? cqle_expr_pack(e->row_arena, n->value, args, out, e->x.err) : st;
}

static cql_status eval_part(cqle_eval *e, const cqle_node *n, const cqle_view *v, cql_slice *out) {
  cql_slice whole;
  cql_status st = value_of(e, n->args[0], v, &whole);
  return st == CQL_OK ? cqle_eval_part(e, n, whole, out) : st;
}

static cql_status eval_aggregate(cqle_eval *e, const cqle_node *n, cql_slice *out) {
  if (n->kind == CQLE_NODE_COUNT) {
    uint8_t *bytes = cql_arena_get(e->row_arena, 8);
    if (bytes == NULL) return CQL_NOMEM;
    cql_store_u64(bytes, *(const uint64_t *)e->states[n->slot]);
    *out = cql_slice_of(bytes, 8);
    return CQL_OK;
  }
  e->x.arena = e->group_arena;
  return n->function->finish(&e->x, n->function, e->states[n->slot], out);
}

/* v NULL: the group's value. */
static cql_status value_of(cqle_eval *e, const cqle_node *n, const cqle_view *v, cql_slice *out) {
  switch (n->kind) {
  case CQLE_NODE_COLUMN: *out = v == NULL ? e->captures[n->slot] : v->cells[n->cell]; return CQL_OK;
  case CQLE_NODE_TIMES:
    if (v != NULL) return cqle_eval_times(e, n, v, out);
    *out = e->captures[n->slot];
    return CQL_OK;
  case CQLE_NODE_VALUE: *out = e->values[n->value_slot]; return CQL_OK;
  case CQLE_NODE_CALL: return eval_call(e, n, v, out);
  case CQLE_NODE_AGGREGATE:
  case CQLE_NODE_COUNT: return eval_aggregate(e, n, out);
  case CQLE_NODE_FIELD:
  case CQLE_NODE_ELEMENT:
  case CQLE_NODE_SLICE: return eval_part(e, n, v, out);
  case CQLE_NODE_PACK: return eval_pack(e, n, v, out);
  }
  return CQL_MISUSE;
}

cql_status cqle_eval_row(cqle_eval *e, const cqle_node *n, const cqle_view *v, cql_slice *out) {
  if (n->kind == CQLE_NODE_COLUMN) {
    *out = v->cells[n->cell];
    return CQL_OK;
  }
  return value_of(e, n, v, out);
}

/* --- groups ------------------------------------------------------------------------------------------------------- */

cql_status cqle_eval_group_open(cqle_eval *e) {
  cql_arena_reset(e->group_arena);
  memset(e->captures, 0, e->s->capture_count * sizeof *e->captures);
  e->group_empty = true;
  for (uint32_t i = 0; i < e->aggregate_count; i++) {
    const cqle_node *n = e->aggregates[i];
    size_t len = n->kind == CQLE_NODE_COUNT ? sizeof(uint64_t) : n->function->state_len;
    e->states[n->slot] = cql_arena_zero(e->group_arena, len + 1);
    if (e->states[n->slot] == NULL) return CQL_NOMEM;
  }
  return CQL_OK;
}

static cql_status capture(cqle_eval *e, const cqle_view *v) {
  cql_status st = CQL_OK;
  for (uint32_t i = 0; i < e->leaf_count; i++) {
    cql_slice value;
    CQL_TRY(value_of(e, e->leaves[i], v, &value));
    if (value.data != NULL) CQL_TRY(cql_arena_slice(e->group_arena, value, &e->captures[e->leaves[i]->slot]));
  }
  e->group_empty = false;
done:
  return st;
}

cql_status cqle_eval_group_add(cqle_eval *e, const cqle_view *v) {
  cql_status st = CQL_OK;
  if (e->group_empty) CQL_TRY(capture(e, v));
  for (uint32_t i = 0; i < e->aggregate_count; i++) {
    const cqle_node *n = e->aggregates[i];
    cql_slice *args;
    if (n->kind == CQLE_NODE_COUNT) {
      ++*(uint64_t *)e->states[n->slot];
      continue;
    }
    CQL_TRY(eval_args(e, n, v, &args));
    e->x.arena = e->group_arena;
    CQL_TRY(n->function->step(&e->x, n->function, e->states[n->slot], args));
  }
done:
  return st;
}

cql_status cqle_eval_group_value(cqle_eval *e, const cqle_node *n, cql_slice *out) {
  return value_of(e, n, NULL, out);
}
