/* condition.c: one condition of IF. Cassandra: cql3/conditions/ColumnCondition.java (trap 9). A null never orders, but
 * it can be equal. */
#include "engine/modify/modify_int.h"

/* --- planning ----------------------------------------------------------------------------------------------------- */

static bool holds_duration(const cql_type *type) {
  if (type->code == CQL_TYPE_DURATION) return true;
  for (uint32_t i = 0; i < type->arg_count; i++)
    if (holds_duration(type->args[i])) return true;
  return false;
}

static cql_status check_durations(cqle_binder *b, const cql_type *type, cqle_op op) {
  bool slice = op == CQLE_OP_LT || op == CQLE_OP_LE || op == CQLE_OP_GT || op == CQLE_OP_GE;
  if (!slice || !holds_duration(type)) return CQL_OK;
  if (cql_type_is_collection(type))
    return cql_fail(b->err, CQL_INVALID, "Slice conditions are not supported on collections containing durations");
  if (type->code == CQL_TYPE_UDT)
    return cql_fail(b->err, CQL_INVALID, "Slice conditions are not supported on UDTs containing durations");
  if (type->code == CQL_TYPE_TUPLE)
    return cql_fail(b->err, CQL_INVALID, "Slice conditions are not supported on tuples containing durations");
  return cql_fail(b->err, CQL_INVALID, "Slice conditions ( %s ) are not supported on durations", cqle_op_text(op));
}

/* "key" or "value" of a collection as the receiver of a term. */
static cqle_receiver part_of(cqle_binder *b, const cqle_table *t, const cqle_column *c, const char *what,
                             uint32_t arg) {
  return (cqle_receiver){t->keyspace->name, t->name, cql_arena_printf(b->arena, "%s(%s)", what, c->name),
                         c->type->args[arg]};
}

static uint32_t value_arg(const cqle_column *c) {
  return c->type->code == CQL_TYPE_MAP ? 1 : 0;
}

static cql_status plan_element(cqle_binder *b, const cqle_table *t, const cqle_relation *ast, cqle_condition *out,
                               cqle_receiver *r) {
  const cqle_column *c = out->column;
  if (!cql_type_is_collection(c->type))
    return cql_fail(b->err, CQL_INVALID, "Invalid element access syntax for non-collection column %s", c->name);
  if (c->type->code == CQL_TYPE_SET)
    return cql_fail(b->err, CQL_INVALID, "Invalid element access syntax for set column %s", c->name);
  bool is_map = c->type->code == CQL_TYPE_MAP;
  cqle_receiver key = part_of(b, t, c, is_map ? "key" : "idx", 0);
  if (!is_map) key.type = cql_type_native(CQL_TYPE_INT);
  *r = part_of(b, t, c, "value", value_arg(c));
  return cqle_term_bind(b, ast->key, &key, &out->key);
}

static cql_status plan_field(cqle_binder *b, const cqle_table *t, const cqle_relation *ast, cqle_condition *out,
                             cqle_receiver *r) {
  const cqle_column *c = out->column;
  if (c->type->code != CQL_TYPE_UDT)
    return cql_fail(b->err, CQL_INVALID, "Invalid field access syntax for non-UDT column %s", c->name);
  if (!cqle_has_field(c->type, ast->field, &out->field))
    return cql_fail(b->err, CQL_INVALID, "Unknown field " CQL_SLICE_FMT " for column %s", CQL_SLICE_ARG(ast->field),
                    c->name);
  out->of_field = true;
  *r = cqle_field_receiver(b, t, c, out->field);
  return CQL_OK;
}

static cql_status plan_contains(cqle_binder *b, const cqle_table *t, cqle_condition *out, cqle_receiver *r) {
  const cqle_column *c = out->column;
  bool by_key = out->op == CQLE_OP_CONTAINS_KEY;
  if (by_key && c->type->code != CQL_TYPE_MAP)
    return cql_fail(b->err, CQL_INVALID, "Cannot use CONTAINS KEY on non-map column %s", c->name);
  if (!cql_type_is_collection(c->type))
    return cql_fail(b->err, CQL_INVALID, "Cannot use CONTAINS on non-collection column %s", c->name);
  *r = by_key ? part_of(b, t, c, "key", 0) : part_of(b, t, c, "value", value_arg(c));
  return CQL_OK;
}

static cql_status bind_values(cqle_binder *b, const cqle_relation *ast, const cqle_receiver *r, cqle_condition *out) {
  if (ast->op == CQLE_OP_IN && !ast->in_list) {
    cqle_receiver list = {r->keyspace, r->table, cql_arena_printf(b->arena, "in(%s)", r->name),
                          cql_type_list(b->arena, r->type, false)};
    if (list.type == NULL) return cql_fail(b->err, CQL_NOMEM, "Out of memory");
    return cqle_term_bind(b, ast->term, &list, &out->in_list);
  }
  out->value_count = ast->op == CQLE_OP_IN ? ast->value_count : 1;
  out->values = cql_arena_array(b->arena, out->value_count, sizeof(cqle_expr *));
  if (out->values == NULL) return cql_fail(b->err, CQL_NOMEM, "Out of memory");
  for (uint32_t i = 0; i < out->value_count; i++) {
    const cqle_term *term = ast->op == CQLE_OP_IN ? ast->values[i] : ast->term;
    cql_status st = cqle_term_bind(b, term, r, &out->values[i]);
    if (st != CQL_OK) return st;
  }
  return CQL_OK;
}

cql_status cqle_condition_plan(cqle_binder *b, const cqle_table *t, const cqle_relation *ast, cqle_condition *out) {
  const cqle_column *c;
  cql_status st = cqle_find_column(t, ast->columns[0], &c, b->err);
  if (st != CQL_OK) return st;
  *out = (cqle_condition){.column = c, .op = ast->op};
  if (c->type->code == CQL_TYPE_COUNTER)
    return cql_fail(b->err, CQL_INVALID, "Conditions on counters are not supported");
  cqle_receiver r = cqle_receiver_of(t, c);
  if (ast->kind == CQLE_REL_FIELD) CQL_TRY(plan_field(b, t, ast, out, &r));
  if (ast->kind == CQLE_REL_ELEMENT) CQL_TRY(plan_element(b, t, ast, out, &r));
  if (ast->op == CQLE_OP_CONTAINS || ast->op == CQLE_OP_CONTAINS_KEY) CQL_TRY(plan_contains(b, t, out, &r));
  CQL_TRY(check_durations(b, r.type, ast->op));
  CQL_TRY(bind_values(b, ast, &r, out));
  if (c->kind == CQLE_PARTITION_KEY || c->kind == CQLE_CLUSTERING)
    st = cql_fail(b->err, CQL_INVALID, "PRIMARY KEY column '%s' cannot have IF conditions", c->name);
done:
  return st;
}

/* --- deciding ----------------------------------------------------------------------------------------------------- */

static cql_status invalid_null(cqle_exec *x, cqle_op op) {
  return cql_fail(x->err, CQL_INVALID, "Invalid comparison with null for operator \"%s\"", cqle_op_text(op));
}

static bool ordered_as(cqle_op op, int order) {
  switch (op) {
  case CQLE_OP_EQ:
  case CQLE_OP_IN: return order == 0;
  case CQLE_OP_NE: return order != 0;
  case CQLE_OP_LT: return order < 0;
  case CQLE_OP_LE: return order <= 0;
  case CQLE_OP_GT: return order > 0;
  case CQLE_OP_GE: return order >= 0;
  default: return false;
  }
}

static const char *collection_kind(const cql_type *type) {
  return type->code == CQL_TYPE_LIST ? "list" : type->code == CQL_TYPE_MAP ? "map" : "set";
}

/* A multi-cell collection without elements is null, on either side of the operator. */
static cql_status empty_is_null(cqle_exec *x, const cqle_condition *c, bool by_equality, cql_slice *value) {
  const cql_type *type = c->column->type;
  if (value->data == NULL || c->key != NULL || !cql_type_is_collection(type) || !cql_type_is_multicell(type))
    return CQL_OK;
  cql_elements walk;
  if (cql_elements_open(&walk, c->column->type, *value) != CQL_OK)
    return cql_fail(x->err, CQL_INVALID, "Malformed value for %s", c->column->name);
  if (walk.left > 0) return CQL_OK;
  if (!by_equality)
    return cql_fail(x->err, CQL_INVALID, "Invalid comparison with an empty %s for operator \"%s\"",
                    collection_kind(c->column->type), cqle_op_text(c->op));
  *value = (cql_slice){NULL, 0};
  return CQL_OK;
}

static cql_status compare(cqle_exec *x, const cqle_condition *c, const cql_type *type, cql_slice current,
                          cql_slice value, bool *out) {
  bool by_equality = c->op == CQLE_OP_EQ || c->op == CQLE_OP_IN || c->op == CQLE_OP_NE;
  if (value.data == NULL && !by_equality) return invalid_null(x, c->op);
  cql_status st = empty_is_null(x, c, by_equality, &value);
  if (st != CQL_OK) return st;
  if (value.data == NULL)
    *out = (current.data == NULL) == (c->op != CQLE_OP_NE);
  else if (current.data == NULL)
    *out = c->op == CQLE_OP_NE;
  else
    *out = ordered_as(c->op, cql_value_cmp(type, current, value));
  return CQL_OK;
}

/* --- elements ----------------------------------------------------------------------------------------------------- */

static cql_status find_by_key(const cqle_condition *c, cql_slice collection, cql_slice key, cql_slice *out) {
  cql_elements walk;
  cql_slice k, v;
  if (cql_elements_open(&walk, c->column->type, collection) != CQL_OK) return CQL_CORRUPT;
  while (cql_elements_next(&walk, &k) == CQL_OK && cql_elements_next(&walk, &v) == CQL_OK)
    if (cql_value_cmp(c->column->type->args[0], k, key) == 0) *out = v;
  return CQL_OK;
}

static cql_status find_by_index(const cqle_condition *c, cql_slice collection, int32_t index, cql_slice *out) {
  cql_elements walk;
  cql_slice v;
  if (cql_elements_open(&walk, c->column->type, collection) != CQL_OK) return CQL_CORRUPT;
  while (cql_elements_next(&walk, &v) == CQL_OK)
    if (index-- == 0) *out = v;
  return CQL_OK;
}

/* Replaces *current, the collection, by the element that the condition is about. */
static cql_status take_element(cqle_exec *x, const cqle_condition *c, cql_slice *current) {
  bool is_map = c->column->type->code == CQL_TYPE_MAP;
  cqle_value key;
  cql_slice found = {NULL, 0};
  cql_status st = cqle_expr_eval(x, c->key, &key);
  if (st != CQL_OK) return st;
  if (key.unset) { /* an element that no collection has */
    *current = found;
    return CQL_OK;
  }
  if (key.bytes.data == NULL || (!is_map && key.bytes.len != 4))
    return cql_fail(x->err, CQL_INVALID, "Invalid null value for %s element access", is_map ? "map" : "list");
  int32_t index = is_map ? 0 : (int32_t)cql_load_u32(key.bytes.data);
  if (index < 0) return cql_fail(x->err, CQL_INVALID, "Invalid negative list index %d", (int)index);
  if (current->data != NULL)
    st = is_map ? find_by_key(c, *current, key.bytes, &found) : find_by_index(c, *current, index, &found);
  if (st != CQL_OK) return cql_fail(x->err, st, "A stored value of %s is malformed", c->column->name);
  *current = found;
  return CQL_OK;
}

/* Replaces *current, the value of a user type, by the field that the condition is about. */
static cql_status take_field(cqle_exec *x, const cqle_condition *c, cql_slice *current) {
  cql_elements walk;
  cql_slice found = {NULL, 0};
  if (current->data == NULL) return CQL_OK;
  cql_status st = cql_elements_open(&walk, c->column->type, *current);
  for (uint32_t i = 0; st == CQL_OK && i <= c->field; i++) st = cql_elements_next(&walk, &found);
  if (st != CQL_OK && st != CQL_DONE) return cql_fail(x->err, st, "A stored value of %s is malformed", c->column->name);
  *current = st == CQL_OK ? found : (cql_slice){NULL, 0};
  return CQL_OK;
}

static cql_status contains(cqle_exec *x, const cqle_condition *c, cql_slice current, cql_slice value, bool *out) {
  bool is_map = c->column->type->code == CQL_TYPE_MAP, by_key = c->op == CQLE_OP_CONTAINS_KEY;
  const cql_type *type = c->column->type->args[is_map && !by_key ? 1 : 0];
  cql_elements walk;
  cql_slice item;
  *out = false;
  if (value.data == NULL) return invalid_null(x, c->op);
  if (current.data == NULL) return CQL_OK;
  if (cql_elements_open(&walk, c->column->type, current) != CQL_OK)
    return cql_fail(x->err, CQL_CORRUPT, "A stored value of %s is malformed", c->column->name);
  for (uint32_t i = 0; cql_elements_next(&walk, &item) == CQL_OK; i++)
    if ((!is_map || (i % 2 == 0) == by_key) && cql_value_cmp(type, item, value) == 0) *out = true;
  return CQL_OK;
}

/* --- the whole condition ------------------------------------------------------------------------------------------ */

static cql_status holds_in_list(cqle_exec *x, const cqle_condition *c, const cql_type *type, cql_slice current,
                                bool *out) {
  cqle_value v;
  cql_elements walk;
  cql_slice item;
  cql_status st = cqle_expr_eval(x, c->in_list, &v);
  if (st != CQL_OK) return st;
  if (v.unset) return cql_fail(x->err, CQL_INVALID, "Invalid 'unset' value in condition");
  if (v.bytes.data == NULL) return cql_fail(x->err, CQL_INVALID, "Invalid null list in IN condition");
  cql_type list = {.code = CQL_TYPE_LIST, .arg_count = 1, .args = &type};
  if (cql_elements_open(&walk, &list, v.bytes) != CQL_OK)
    return cql_fail(x->err, CQL_INVALID, "Malformed value for %s", c->column->name);
  while (!*out && cql_elements_next(&walk, &item) == CQL_OK) {
    st = compare(x, c, type, current, item, out);
    if (st != CQL_OK) return st;
  }
  return CQL_OK;
}

static cql_status holds_any(cqle_exec *x, const cqle_condition *c, const cql_type *type, cql_slice current, bool *out) {
  for (uint32_t i = 0; i < c->value_count && !*out; i++) {
    cqle_value v;
    cql_status st = cqle_expr_eval(x, c->values[i], &v);
    if (st != CQL_OK) return st;
    if (v.unset && c->op == CQLE_OP_IN) continue;
    if (v.unset) return cql_fail(x->err, CQL_INVALID, "Invalid 'unset' value in condition");
    bool by_content = c->op == CQLE_OP_CONTAINS || c->op == CQLE_OP_CONTAINS_KEY;
    st = by_content ? contains(x, c, current, v.bytes, out) : compare(x, c, type, current, v.bytes, out);
    if (st != CQL_OK) return st;
  }
  return CQL_OK;
}

cql_status cqle_condition_holds(cqle_exec *x, const cqle_condition *c, const cqle_row *row, bool *out) {
  const cql_type *type = c->column->type;
  if (c->key != NULL) type = type->args[value_arg(c->column)];
  if (c->of_field) type = type->args[c->field];
  cql_slice current = {NULL, 0};
  cql_status st = CQL_OK;
  *out = false;
  if (row != NULL) st = cqle_row_value(x->arena, row, c->column, x->now_s, &current);
  if (st == CQL_OK && c->key != NULL) st = take_element(x, c, &current);
  if (st == CQL_OK && c->of_field) st = take_field(x, c, &current);
  if (st != CQL_OK) return st;
  return c->in_list != NULL ? holds_in_list(x, c, type, current, out) : holds_any(x, c, type, current, out);
}
