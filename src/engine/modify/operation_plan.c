/* operation_plan.c: what an assignment or a deleted thing means for its column. Cassandra: the prepare() methods of
 * cql3/Operation.java. */
#include "engine/modify/modify_int.h"
#include "engine/where/where_int.h"

static const char *term_text(cqle_binder *b, const cqle_term *t) {
  const char *text = t != NULL ? cqle_term_text(b->arena, t) : "";
  return text != NULL ? text : "?";
}

/* The assignment as Cassandra prints it in errors; a prepended list shows a minus there. */
static const char *assignment_text(cqle_binder *b, const cqle_column *c, const cqle_assignment *a) {
  const char *value = term_text(b, a->term), *text = NULL;
  switch (a->kind) {
  case CQLE_SET_VALUE: text = cql_arena_printf(b->arena, "%s = %s", c->name, value); break;
  case CQLE_SET_ADD: text = cql_arena_printf(b->arena, "%s = %s + %s", c->name, c->name, value); break;
  case CQLE_SET_SUB: text = cql_arena_printf(b->arena, "%s = %s - %s", c->name, c->name, value); break;
  case CQLE_SET_PREPEND: text = cql_arena_printf(b->arena, "%s = %s - %s", c->name, value, c->name); break;
  case CQLE_SET_ELEMENT: text = cql_arena_printf(b->arena, "%s[%s] = %s", c->name, term_text(b, a->key), value); break;
  case CQLE_SET_FIELD:
    text = cql_arena_printf(b->arena, "%s." CQL_SLICE_FMT " = %s", c->name, CQL_SLICE_ARG(a->field), value);
    break;
  }
  return text != NULL ? text : "?";
}

static cql_status invalid_operation(cqle_binder *b, const cqle_column *c, const cqle_assignment *a, const char *what) {
  return cql_fail(b->err, CQL_INVALID, "Invalid operation (%s) for %s column %s", assignment_text(b, c, a), what,
                  c->name);
}

static cqle_receiver part_of(cqle_binder *b, const cqle_table *t, const cqle_column *c, const char *what,
                             const cql_type *type) {
  return (cqle_receiver){t->keyspace->name, t->name, cql_arena_printf(b->arena, "%s(%s)", what, c->name), type};
}

/* --- c = value ---------------------------------------------------------------------------------------------------- */

cql_status cqle_operation_from_value(cqle_binder *b, const cqle_table *t, const cqle_column *c, const cqle_term *value,
                                     cqle_operation *out) {
  cqle_receiver r = cqle_receiver_of(t, c);
  *out = (cqle_operation){.kind = CQLE_OPERATION_SET, .column = c};
  if (c->type->code == CQL_TYPE_UDT && value->kind == CQLE_TERM_TUPLE && value->count > 1)
    return cql_fail(b->err, CQL_INVALID,
                    "Invalid tuple type literal for %s: a user type is set by a literal with names", c->name);
  cql_status st = cqle_term_bind(b, value, &r, &out->value);
  if (st != CQL_OK || c->type->code != CQL_TYPE_COUNTER) return st;
  return cql_fail(b->err, CQL_INVALID,
                  "Cannot set the value of counter column %s (counters can only be incremented/decremented, not set)",
                  c->name);
}

/* --- c[key] = value ----------------------------------------------------------------------------------------------- */

static cql_status bind_key(cqle_binder *b, const cqle_table *t, const cqle_column *c, const cqle_term *key,
                           cqle_operation *out) {
  const char *what = c->type->code == CQL_TYPE_LIST ? "idx" : c->type->code == CQL_TYPE_MAP ? "key" : "value";
  const cql_type *type = c->type->code == CQL_TYPE_LIST ? cql_type_native(CQL_TYPE_INT) : c->type->args[0];
  cqle_receiver r = part_of(b, t, c, what, type);
  out->reads = c->type->code == CQL_TYPE_LIST;
  return cqle_term_bind(b, key, &r, &out->key);
}

static cql_status plan_element(cqle_binder *b, const cqle_table *t, const cqle_column *c, const cqle_assignment *a,
                               cqle_operation *out) {
  if (!cql_type_is_collection(c->type)) return invalid_operation(b, c, a, "non collection");
  if (!cql_type_is_multicell(c->type)) return invalid_operation(b, c, a, "frozen collection");
  if (c->type->code == CQL_TYPE_SET) return invalid_operation(b, c, a, "set");
  out->kind = CQLE_OPERATION_SET_ELEMENT;
  cql_status st = bind_key(b, t, c, a->key, out);
  if (st != CQL_OK) return st;
  cqle_receiver r = part_of(b, t, c, "value", c->type->args[c->type->code == CQL_TYPE_MAP ? 1 : 0]);
  return cqle_term_bind(b, a->term, &r, &out->value);
}

/* --- c.field = value ---------------------------------------------------------------------------------------------- */

bool cqle_has_field(const cql_type *type, cql_slice name, uint32_t *out) {
  for (uint32_t i = 0; i < type->arg_count; i++) {
    if (!cql_slice_eq(type->field_names[i], name)) continue;
    *out = i;
    return true;
  }
  return false;
}

static cql_status find_field(cqle_binder *b, const cqle_column *c, cql_slice name, uint32_t *out) {
  if (cqle_has_field(c->type, name, out)) return CQL_OK;
  return cql_fail(b->err, CQL_INVALID, "UDT column %s does not have a field named " CQL_SLICE_FMT, c->name,
                  CQL_SLICE_ARG(name));
}

cqle_receiver cqle_field_receiver(cqle_binder *b, const cqle_table *t, const cqle_column *c, uint32_t field) {
  const char *name =
      cql_arena_printf(b->arena, "%s." CQL_SLICE_FMT, c->name, CQL_SLICE_ARG(c->type->field_names[field]));
  return (cqle_receiver){t->keyspace->name, t->name, name, c->type->args[field]};
}

static cql_status plan_field(cqle_binder *b, const cqle_table *t, const cqle_column *c, const cqle_assignment *a,
                             cqle_operation *out) {
  cql_status st = find_field(b, c, a->field, &out->field);
  if (st != CQL_OK) return st;
  cqle_receiver r = cqle_field_receiver(b, t, c, out->field);
  out->kind = CQLE_OPERATION_SET_FIELD;
  return cqle_term_bind(b, a->term, &r, &out->value);
}

/* --- c = c + value ------------------------------------------------------------------------------------------------ */

static bool is_number(const cql_type *type) {
  switch (type->code) {
  case CQL_TYPE_TINYINT:
  case CQL_TYPE_SMALLINT:
  case CQL_TYPE_INT:
  case CQL_TYPE_BIGINT:
  case CQL_TYPE_VARINT:
  case CQL_TYPE_DECIMAL:
  case CQL_TYPE_FLOAT:
  case CQL_TYPE_DOUBLE: return true;
  default: return false;
  }
}

static cql_status plan_increase(cqle_binder *b, const cqle_table *t, const cqle_column *c, const cqle_assignment *a,
                                cqle_operation *out) {
  cqle_receiver r = cqle_receiver_of(t, c);
  out->kind = CQLE_OPERATION_INCREASE;
  out->reads = true;
  cql_status st = cqle_term_bind(b, a->term, &r, &out->value);
  if (st != CQL_OK || !is_number(c->type)) return st;
  const cql_type *types[2] = {c->type, c->type};
  cqle_qname add = {{NULL, 0}, CQL_SLICE_LITERAL("_add")};
  return cqle_function_find(b->arena, NULL, &add, 2, types, c->type, &out->sum, b->err);
}

static cql_status plan_count(cqle_binder *b, const cqle_table *t, const cqle_column *c, const cqle_assignment *a,
                             cqle_operation *out) {
  cqle_receiver r = cqle_receiver_of(t, c);
  out->kind = a->kind == CQLE_SET_ADD ? CQLE_OPERATION_COUNT_UP : CQLE_OPERATION_COUNT_DOWN;
  return cqle_term_bind(b, a->term, &r, &out->value);
}

static cql_status plan_addition(cqle_binder *b, const cqle_table *t, const cqle_column *c, const cqle_assignment *a,
                                bool conditional, cqle_operation *out) {
  const cql_type *type = c->type;
  if (cql_type_is_collection(type)) {
    if (!cql_type_is_multicell(type)) return invalid_operation(b, c, a, "frozen collection");
    cqle_receiver r = cqle_receiver_of(t, c);
    out->kind = CQLE_OPERATION_ADD;
    if (type->code == CQL_TYPE_MAP && cqle_term_test(b, a->term, type) == CQL_NOT_ASSIGNABLE)
      return cql_fail(b->err, CQL_INVALID, "Value for a map addition has to be a map, but was: '%s'",
                      term_text(b, a->term));
    return cqle_term_bind(b, a->term, &r, &out->value);
  }
  if (type->code == CQL_TYPE_TUPLE || type->code == CQL_TYPE_UDT) return invalid_operation(b, c, a, "tuple");
  if (type->code == CQL_TYPE_COUNTER) return plan_count(b, t, c, a, out);
  bool text = type->code == CQL_TYPE_TEXT || type->code == CQL_TYPE_ASCII;
  if (!conditional || (!text && !is_number(type))) return invalid_operation(b, c, a, "non counter");
  return plan_increase(b, t, c, a, out);
}

/* --- c = c - value, c = value + c --------------------------------------------------------------------------------- */

static cql_status plan_subtraction(cqle_binder *b, const cqle_table *t, const cqle_column *c, const cqle_assignment *a,
                                   cqle_operation *out) {
  const cql_type *type = c->type;
  if (type->code == CQL_TYPE_COUNTER) return plan_count(b, t, c, a, out);
  if (!cql_type_is_collection(type)) return invalid_operation(b, c, a, "non counter");
  if (!cql_type_is_multicell(type)) return invalid_operation(b, c, a, "frozen collection");
  cqle_receiver r = cqle_receiver_of(t, c);
  out->kind = CQLE_OPERATION_SUBTRACT;
  out->reads = type->code == CQL_TYPE_LIST;
  if (type->code == CQL_TYPE_MAP) {
    r.type = cql_type_set(b->arena, type->args[0], false);
    if (r.type == NULL) return cql_fail(b->err, CQL_NOMEM, "Out of memory");
    if (cqle_term_test(b, a->term, r.type) == CQL_NOT_ASSIGNABLE)
      return cql_fail(b->err, CQL_INVALID, "Value for a map substraction has to be a set, but was: '%s'",
                      term_text(b, a->term));
  }
  return cqle_term_bind(b, a->term, &r, &out->value);
}

static cql_status plan_prepend(cqle_binder *b, const cqle_table *t, const cqle_column *c, const cqle_assignment *a,
                               cqle_operation *out) {
  cqle_receiver r = cqle_receiver_of(t, c);
  out->kind = CQLE_OPERATION_PREPEND;
  cql_status st = cqle_term_bind(b, a->term, &r, &out->value);
  if (st != CQL_OK) return st;
  if (c->type->code != CQL_TYPE_LIST) return invalid_operation(b, c, a, "non list");
  return cql_type_is_multicell(c->type) ? CQL_OK : invalid_operation(b, c, a, "frozen list");
}

cql_status cqle_operation_from_assignment(cqle_binder *b, const cqle_table *t, const cqle_column *c,
                                          const cqle_assignment *a, bool conditional, cqle_operation *out) {
  *out = (cqle_operation){.column = c};
  switch (a->kind) {
  case CQLE_SET_VALUE: return cqle_operation_from_value(b, t, c, a->term, out);
  case CQLE_SET_ADD: return plan_addition(b, t, c, a, conditional, out);
  case CQLE_SET_SUB: return plan_subtraction(b, t, c, a, out);
  case CQLE_SET_PREPEND: return plan_prepend(b, t, c, a, out);
  case CQLE_SET_ELEMENT: return plan_element(b, t, c, a, out);
  case CQLE_SET_FIELD:
    if (c->type->code != CQL_TYPE_UDT) return invalid_operation(b, c, a, "non-UDT");
    if (!cql_type_is_multicell(c->type)) return invalid_operation(b, c, a, "frozen UDT");
    return plan_field(b, t, c, a, out);
  }
  return cql_fail(b->err, CQL_MISUSE, "Unknown kind of assignment");
}

/* --- DELETE c, c[key] --------------------------------------------------------------------------------------------- */

cql_status cqle_operation_from_target(cqle_binder *b, const cqle_table *t, const cqle_column *c,
                                      const cqle_delete_target *target, cqle_operation *out) {
  *out = (cqle_operation){.kind = CQLE_OPERATION_DELETE, .column = c};
  if (target->field.data != NULL) {
    if (c->type->code != CQL_TYPE_UDT)
      return cql_fail(b->err, CQL_INVALID, "Invalid field deletion operation for non-UDT column %s", c->name);
    if (!cql_type_is_multicell(c->type))
      return cql_fail(b->err, CQL_INVALID, "Frozen UDT column %s does not support field deletions", c->name);
    out->kind = CQLE_OPERATION_DELETE_FIELD;
    return find_field(b, c, target->field, &out->field);
  }
  if (target->key == NULL) return CQL_OK;
  if (!cql_type_is_collection(c->type))
    return cql_fail(b->err, CQL_INVALID, "Invalid deletion operation for non collection column %s", c->name);
  if (!cql_type_is_multicell(c->type))
    return cql_fail(b->err, CQL_INVALID, "Invalid deletion operation for frozen collection column %s", c->name);
  out->kind = CQLE_OPERATION_DELETE_ELEMENT;
  return bind_key(b, t, c, target->key, out);
}
