/* selector.c: selectors bound to columns, functions and types. Cassandra: cql3/selection/Selectable.java. */
#include "engine/select/select_int.h"
#include "engine/term/json.h"
#include "engine/term/term_int.h"

#include <string.h>

#define MARKER_NAME "[selection]"

static const char *type_text(cqle_select_compiler *c, const cql_type *type) {
  size_t len = cql_type_to_cql(type, NULL, 0);
  char *text = cql_arena_get(c->b->arena, len + 1);
  if (text == NULL) return "";
  cql_type_to_cql(type, text, len + 1);
  return text;
}

static cqle_node *new_node(cqle_select_compiler *c, cqle_node_kind kind, const cql_type *type) {
  cqle_node *n = cql_arena_zero(c->b->arena, sizeof *n);
  if (n == NULL) return NULL;
  n->kind = kind;
  n->type = type;
  return n;
}

static cql_status find_column(cqle_select_compiler *c, cql_slice name, const cqle_column **out) {
  return cqle_find_column(c->t, name, out, c->b->err);
}

cql_status cqle_selector_check_columns(cqle_select_compiler *c, const cqle_selector *sel) {
  const cqle_column *column;
  if (sel->kind == CQLE_SEL_COLUMN) return find_column(c, sel->name, &column);
  for (uint32_t i = 0; i < sel->count; i++) {
    /* The names before the colons may be fields: if they are not, compiling says so. */
    if (sel->kind == CQLE_SEL_MAP && i % 2 == 0 && sel->args[i]->kind == CQLE_SEL_COLUMN) continue;
    cql_status st = cqle_selector_check_columns(c, sel->args[i]);
    if (st != CQL_OK) return st;
  }
  return CQL_OK;
}

static void fetch(cqle_select_compiler *c, const cqle_column *column) {
  c->s->fetch[cqle_column_index(c->t, column)] = true;
}

cql_status cqle_selector_column(cqle_select_compiler *c, const cqle_column *column, cqle_node **out) {
  cqle_node *n = new_node(c, CQLE_NODE_COLUMN, column->type);
  if (n == NULL) return CQL_NOMEM;
  n->column = column;
  n->cell = cqle_column_index(c->t, column);
  n->slot = c->s->capture_count++;
  fetch(c, column);
  *out = n;
  return CQL_OK;
}

/* --- terms -------------------------------------------------------------------------------------------------------- */

static cql_status cannot_infer(cqle_select_compiler *c, const cqle_selector *sel) {
  return cql_fail(c->b->err, CQL_INVALID,
                  "Cannot infer type for term %s in selection clause (try using a cast to force a type)",
                  cqle_selector_text(c, sel));
}

static cql_status bind_term(cqle_select_compiler *c, const cqle_term *term, const char *name, const cql_type *type,
                            const cqle_expr **out) {
  cqle_receiver receiver = {c->t->keyspace->name, c->t->name, name, type};
  return cqle_term_bind(c->b, term, &receiver, out);
}

static cql_status compile_term(cqle_select_compiler *c, const cqle_selector *sel, const cql_type *expected,
                               cqle_node **out) {
  if (expected == NULL) return cannot_infer(c, sel);
  cqle_node *n = new_node(c, CQLE_NODE_VALUE, expected);
  if (n == NULL) return CQL_NOMEM;
  n->value_slot = c->s->value_count++;
  *out = n;
  return bind_term(c, sel->term, MARKER_NAME, expected, &n->value);
}

/* --- functions ---------------------------------------------------------------------------------------------------- */

static cql_status new_args(cqle_select_compiler *c, cqle_node *n, uint32_t count) {
  n->args = cql_arena_zero(c->b->arena, ((size_t)count + 1) * sizeof *n->args);
  n->count = count;
  return n->args == NULL ? CQL_NOMEM : CQL_OK;
}

static cql_status check_argument(cqle_select_compiler *c, const cqle_selector *sel, const cqle_function *f,
                                 uint32_t i) {
  const cql_type *type = cqle_selector_type(c, sel->args[i]);
  if (type == NULL || cql_type_is_value_compatible(f->args[i], type)) return CQL_OK;
  return cql_fail(c->b->err, CQL_INVALID,
                  "Type error: %s cannot be passed as argument %u of function system.%s of type %s",
                  cqle_selector_text(c, sel->args[i]), i, f->name, type_text(c, f->args[i]));
}

static cql_status compile_call(cqle_select_compiler *c, const cqle_selector *sel, const cql_type *expected,
                               cqle_node **out) {
  cql_status st = CQL_OK;
  const cqle_function *f;
  bool outer = c->in_aggregate;
  CQL_TRY(cqle_selector_function(c, sel, expected, &f, c->b->err));
  if (f->not_selected) return cqle_json_not_selected(f->name, c->b->err);
  cqle_node *n = new_node(c, f->is_aggregate ? CQLE_NODE_AGGREGATE : CQLE_NODE_CALL, f->result);
  CQL_CHECK(n != NULL, CQL_NOMEM);
  if (f->is_aggregate && c->in_aggregate)
    return cql_fail(c->b->err, CQL_INVALID, "aggregate functions cannot be used as arguments of aggregate functions");
  n->function = f;
  if (f->is_aggregate) {
    n->slot = c->s->state_count++;
    c->in_aggregate = true;
  }
  CQL_TRY(new_args(c, n, sel->count));
  for (uint32_t i = 0; i < sel->count; i++) {
    CQL_TRY(check_argument(c, sel, f, i));
    CQL_TRY(cqle_selector_compile(c, sel->args[i], f->args[i], &n->args[i]));
  }
  *out = n;
done:
  c->in_aggregate = outer;
  return st;
}

static cql_status compile_count(cqle_select_compiler *c, cqle_node **out) {
  if (c->in_aggregate)
    return cql_fail(c->b->err, CQL_INVALID, "aggregate functions cannot be used as arguments of aggregate functions");
  cqle_node *n = new_node(c, CQLE_NODE_COUNT, cql_type_native(CQL_TYPE_BIGINT));
  if (n == NULL) return CQL_NOMEM;
  n->slot = c->s->state_count++;
  *out = n;
  return CQL_OK;
}

static cql_status parse_type(cqle_select_compiler *c, const cqle_selector *sel, const cql_type **out) {
  return cqle_binder_type(c->b, &sel->type, out, c->b->err);
}

static cql_status compile_cast(cqle_select_compiler *c, const cqle_selector *sel, cqle_node **out) {
  cql_status st = CQL_OK;
  cqle_node *arg = NULL;
  const cql_type *to;
  const cqle_function *f;
  CQL_TRY(parse_type(c, sel, &to));
  CQL_TRY(cqle_selector_compile(c, sel->args[0], NULL, &arg));
  if (arg->type->code == to->code && cql_type_eq(arg->type, to)) {
    *out = arg;
    return CQL_OK;
  }
  st = cqle_function_cast(c->b->arena, arg->type, to, &f, c->b->err);
  if (st == CQL_DONE)
    st = cql_fail(c->b->err, CQL_INVALID, "%s cannot be cast to %s", cqle_selector_text(c, sel->args[0]),
                  type_text(c, to));
  CQL_TRY(st);
  cqle_node *n = new_node(c, CQLE_NODE_CALL, f->result);
  CQL_CHECK(n != NULL, CQL_NOMEM);
  n->function = f;
  CQL_TRY(new_args(c, n, 1));
  n->args[0] = arg;
  *out = n;
done:
  return st;
}

static cql_status compile_hint(cqle_select_compiler *c, const cqle_selector *sel, cqle_node **out) {
  const cql_type *type, *own = cqle_selector_type(c, sel->args[0]);
  cql_status st = parse_type(c, sel, &type);
  if (st != CQL_OK) return st;
  bool foreign = own != NULL && !cql_type_eq(own, type) && !cql_type_is_value_compatible(type, own);
  bool literal = type->code == CQL_TYPE_UDT && sel->args[0]->kind == CQLE_SEL_MAP;
  if (foreign || (literal && cqle_selector_test(c, sel->args[0], type) == CQL_NOT_ASSIGNABLE)) {
    const char *text = cqle_selector_text(c, sel);
    return cql_fail(c->b->err, CQL_INVALID, "Cannot assign value %s to %s of type %s", text, text, type_text(c, type));
  }
  return cqle_selector_compile(c, sel->args[0], type, out);
}

/* --- writetime, ttl ----------------------------------------------------------------------------------------------- */

static const char *times_name(cqle_selector_kind kind) {
  if (kind == CQLE_SEL_WRITETIME) return "writetime";
  return kind == CQLE_SEL_TTL ? "ttl" : "maxwritetime";
}

static cql_status compile_times_part(cqle_select_compiler *c, const cqle_selector *of, const cqle_selector *base,
                                     cqle_node *n);

static cql_status compile_times(cqle_select_compiler *c, const cqle_selector *sel, cqle_node **out) {
  cql_status st = CQL_OK;
  const cqle_selector *of = sel->args[0], *base = of;
  bool max = sel->kind == CQLE_SEL_MAXWRITETIME, many = false;
  while (base->kind == CQLE_SEL_FIELD || base->kind == CQLE_SEL_ELEMENT || base->kind == CQLE_SEL_SLICE)
    base = base->args[0];
  if (base->kind != CQLE_SEL_COLUMN)
    return cql_fail(c->b->err, CQL_INVALID, "Cannot use selection function %s on %s", times_name(sel->kind),
                    cqle_selector_text(c, of));
  cqle_node *n = new_node(c, CQLE_NODE_TIMES, NULL);
  CQL_CHECK(n != NULL, CQL_NOMEM);
  CQL_TRY(find_column(c, base->name, &n->column));
  if (n->column->kind == CQLE_PARTITION_KEY || n->column->kind == CQLE_CLUSTERING)
    return cql_fail(c->b->err, CQL_INVALID, "Cannot use selection function %s on PRIMARY KEY part %s",
                    times_name(sel->kind), n->column->name);
  n->times = sel->kind == CQLE_SEL_WRITETIME ? CQLE_WRITETIME : max ? CQLE_MAXWRITETIME : CQLE_TTL;
  n->slot = c->s->capture_count++;
  many = cql_type_is_multicell(n->column->type) && !max;
  if (of != base) {
    CQL_TRY(compile_times_part(c, of, base, n));
    many = many && n->of_slice;
  }
  n->type = cql_type_native(n->times == CQLE_TTL ? CQL_TYPE_INT : CQL_TYPE_BIGINT);
  if (many) n->type = cql_type_list(c->b->arena, n->type, false);
  CQL_CHECK(n->type != NULL, CQL_NOMEM);
  if (n->column->kind == CQLE_STATIC) c->s->wants_static_times = true;
  fetch(c, n->column);
  *out = n;
done:
  return st;
}

/* --- parts of collections and types ------------------------------------------------------------------------------- */

static cql_status check_element(cqle_select_compiler *c, const cqle_selector *sel, const cql_type *type) {
  const char *of = cqle_selector_text(c, sel->args[0]);
  if (!cql_type_is_collection(type))
    return cql_fail(c->b->err, CQL_INVALID, "Invalid element selection: %s is of type %s is not a collection", of,
                    type_text(c, type));
  if (type->code == CQL_TYPE_LIST)
    return cql_fail(c->b->err, CQL_INVALID, "Element selection is only allowed on sets and maps, but %s is a list", of);
  return CQL_OK;
}

static cql_status bind_element(cqle_select_compiler *c, const cqle_selector *sel, const cql_type *type, cqle_node *n) {
  cql_status st = CQL_OK;
  const char *name = cql_arena_printf(c->b->arena, "%s(%s)", type->code == CQL_TYPE_MAP ? "key" : "value",
                                      cqle_selector_text(c, sel->args[0]));
  CQL_CHECK(name != NULL, CQL_NOMEM);
  n->value_slot = c->s->value_count;
  c->s->value_count += 2;
  if (sel->from != NULL) CQL_TRY(bind_term(c, sel->from, name, type->args[0], &n->value));
  if (sel->to != NULL) CQL_TRY(bind_term(c, sel->to, name, type->args[0], &n->to));
done:
  return st;
}

static cql_status compile_element(cqle_select_compiler *c, const cqle_selector *sel, cqle_node **out) {
  cql_status st = CQL_OK;
  cqle_node *arg = NULL;
  bool slice = sel->kind == CQLE_SEL_SLICE;
  CQL_TRY(cqle_selector_compile(c, sel->args[0], NULL, &arg));
  CQL_TRY(check_element(c, sel, arg->type));
  const cql_type *element = arg->type->args[arg->type->arg_count - 1];
  cqle_node *n = new_node(c, slice ? CQLE_NODE_SLICE : CQLE_NODE_ELEMENT, slice ? arg->type : element);
  CQL_CHECK(n != NULL, CQL_NOMEM);
  CQL_TRY(new_args(c, n, 1));
  n->args[0] = arg;
  CQL_TRY(bind_element(c, sel, arg->type, n));
  *out = n;
done:
  return st;
}

static cql_status find_field(cqle_select_compiler *c, const cqle_selector *sel, const cql_type *type, uint32_t *out) {
  const char *of = cqle_selector_text(c, sel->args[0]);
  if (type->code != CQL_TYPE_UDT)
    return cql_fail(c->b->err, CQL_INVALID, "Invalid field selection: %s of type %s is not a user type", of,
                    type_text(c, type));
  for (uint32_t i = 0; i < type->arg_count; i++) {
    if (!cql_slice_eq(type->field_names[i], sel->name)) continue;
    *out = i;
    return CQL_OK;
  }
  return cql_fail(c->b->err, CQL_INVALID, "%s of type %s has no field " CQL_SLICE_FMT, of, type_text(c, type),
                  CQL_SLICE_ARG(sel->name));
}

static cql_status compile_field(cqle_select_compiler *c, const cqle_selector *sel, cqle_node **out) {
  cql_status st = CQL_OK;
  cqle_node *arg = NULL;
  uint32_t field = 0;
  const cqle_selector *of = sel->args[0];
  while (of->kind == CQLE_SEL_TUPLE && of->count == 1) of = of->args[0]; /* only parentheses */
  CQL_TRY(cqle_selector_compile(c, of, NULL, &arg));
  CQL_TRY(find_field(c, sel, arg->type, &field));
  cqle_node *n = new_node(c, CQLE_NODE_FIELD, arg->type->args[field]);
  CQL_CHECK(n != NULL, CQL_NOMEM);
  n->field = field;
  CQL_TRY(new_args(c, n, 1));
  n->args[0] = arg;
  *out = n;
done:
  return st;
}

/* writetime(m[k]), writetime(u.f): the times of one cell. Frozen values have one time for all they hold, so that what
 * is selected of a part does not matter; but a field that is null has none. */
static cql_status compile_times_part(cqle_select_compiler *c, const cqle_selector *of, const cqle_selector *base,
                                     cqle_node *n) {
  const cql_type *type = n->column->type;
  const cqle_selector *part = of;
  cql_status st = CQL_OK;
  while (part->args[0] != base) part = part->args[0];
  if (part->kind == CQLE_SEL_FIELD) {
    CQL_TRY(find_field(c, part, type, &n->field));
    n->of_field = cql_type_is_multicell(type);
  } else {
    CQL_TRY(check_element(c, part, type));
    CQL_TRY(bind_element(c, part, type, n));
    n->of_slice = part->kind == CQLE_SEL_SLICE && part == of;
  }
  if (of->kind != CQLE_SEL_FIELD) return CQL_OK;
  CQL_TRY(new_args(c, n, 1));
  CQL_TRY(cqle_selector_compile(c, of, NULL, &n->args[0]));
done:
  return st;
}

/* --- tuples and collections of selectors -------------------------------------------------------------------------- */

static const cql_type *item_type(const cql_type *type, uint32_t i) {
  if (type->code == CQL_TYPE_TUPLE) return i < type->arg_count ? type->args[i] : NULL;
  return type->code == CQL_TYPE_MAP ? type->args[i % 2] : type->args[0];
}

static bool fits(cqle_selector_kind kind, const cql_type *type) {
  switch (type->code) {
  case CQL_TYPE_TUPLE: return kind == CQLE_SEL_TUPLE;
  case CQL_TYPE_LIST:
  case CQL_TYPE_VECTOR: return kind == CQLE_SEL_LIST;
  case CQL_TYPE_SET: return kind == CQLE_SEL_SET;
  case CQL_TYPE_MAP: return kind == CQLE_SEL_MAP || kind == CQLE_SEL_SET;
  case CQL_TYPE_UDT: return kind == CQLE_SEL_MAP;
  default: return false;
  }
}

/* The bound term that knows how to put evaluated items together. */
static cql_status pack_form(cqle_select_compiler *c, cqle_node *n) {
  cqle_expr *form = cql_arena_zero(c->b->arena, sizeof *form);
  if (form == NULL) return CQL_NOMEM;
  switch (n->type->code) {
  case CQL_TYPE_LIST:
    form->kind = CQLE_EXPR_LIST;
    form->nulls = true;
    break;
  case CQL_TYPE_VECTOR: form->kind = CQLE_EXPR_VECTOR; break;
  case CQL_TYPE_SET: form->kind = CQLE_EXPR_SET; break;
  case CQL_TYPE_MAP: form->kind = CQLE_EXPR_MAP; break;
  case CQL_TYPE_UDT: form->kind = CQLE_EXPR_UDT; break;
  default: form->kind = CQLE_EXPR_TUPLE; break;
  }
  form->type = n->type;
  form->name = MARKER_NAME;
  form->count = n->count;
  n->value = form;
  return CQL_OK;
}

/* What is selected for a field: of several the last; NULL: nothing. */
static const cqle_selector *selected_field(const cqle_selector *sel, cql_slice field) {
  for (uint32_t i = sel->count; i > 1; i -= 2)
    if (sel->args[i - 2]->kind == CQLE_SEL_COLUMN && cql_slice_eq(sel->args[i - 2]->name, field))
      return sel->args[i - 1];
  return NULL;
}

static cql_status check_fields(cqle_select_compiler *c, const cqle_selector *sel, const cql_type *type) {
  for (uint32_t i = 0; i < sel->count; i += 2) {
    const cqle_selector *key = sel->args[i];
    uint32_t field = 0;
    if (key->kind != CQLE_SEL_COLUMN)
      return cql_fail(c->b->err, CQL_INVALID, "%s is not a valid field identifier of type %s",
                      cqle_selector_text(c, key), type_text(c, type));
    while (field < type->arg_count && !cql_slice_eq(type->field_names[field], key->name)) field++;
    if (field == type->arg_count)
      return cql_fail(c->b->err, CQL_INVALID,
                      "Unknown field '" CQL_SLICE_FMT "' in value of user defined type " CQL_SLICE_FMT,
                      CQL_SLICE_ARG(key->name), CQL_SLICE_ARG(type->name));
  }
  return CQL_OK;
}

/* {field: selector, …}; a field that is not there is null. */
static cql_status compile_user_type(cqle_select_compiler *c, const cqle_selector *sel, const cql_type *type,
                                    cqle_node **out) {
  static const cqle_term null = {.kind = CQLE_TERM_NULL};
  static const cqle_selector nothing = {.kind = CQLE_SEL_TERM, .term = (cqle_term *)&null};
  cql_status st = check_fields(c, sel, type);
  if (st != CQL_OK) return st;
  cqle_node *n = new_node(c, CQLE_NODE_PACK, type);
  CQL_CHECK(n != NULL, CQL_NOMEM);
  CQL_TRY(new_args(c, n, type->arg_count));
  for (uint32_t i = 0; i < type->arg_count; i++) {
    const cqle_selector *field = selected_field(sel, type->field_names[i]);
    CQL_TRY(cqle_selector_compile(c, field != NULL ? field : &nothing, type->args[i], &n->args[i]));
  }
  CQL_TRY(pack_form(c, n));
  *out = n;
done:
  return st;
}

static cql_status compile_pack(cqle_select_compiler *c, const cqle_selector *sel, const cql_type *expected,
                               cqle_node **out) {
  cql_status st = CQL_OK;
  const cql_type *type = cqle_selector_type(c, sel);
  if (type == NULL) type = expected;
  if (sel->kind == CQLE_SEL_TUPLE && sel->count == 1 && expected != NULL && expected->code != CQL_TYPE_TUPLE)
    return cqle_selector_compile(c, sel->args[0], expected, out);
  if (type == NULL) return cannot_infer(c, sel);
  if (!fits(sel->kind, type))
    return cql_fail(c->b->err, CQL_INVALID, "Invalid literal %s for type %s", cqle_selector_text(c, sel),
                    type_text(c, type));
  if (type->code == CQL_TYPE_UDT) return compile_user_type(c, sel, type, out);
  if (type->code == CQL_TYPE_TUPLE && sel->count > type->arg_count)
    return cql_fail(c->b->err, CQL_INVALID, "Invalid tuple literal %s: too many elements for type %s",
                    cqle_selector_text(c, sel), type_text(c, type));
  if (type->code == CQL_TYPE_VECTOR && sel->count != type->dimension)
    return cql_fail(c->b->err, CQL_INVALID, "All arguments must have the same vector dimensions");
  cqle_node *n = new_node(c, CQLE_NODE_PACK, type);
  CQL_CHECK(n != NULL, CQL_NOMEM);
  CQL_TRY(new_args(c, n, sel->count));
  for (uint32_t i = 0; i < sel->count; i++)
    CQL_TRY(cqle_selector_compile(c, sel->args[i], item_type(type, i), &n->args[i]));
  CQL_TRY(pack_form(c, n));
  *out = n;
done:
  return st;
}

cql_status cqle_selector_compile(cqle_select_compiler *c, const cqle_selector *sel, const cql_type *expected,
                                 cqle_node **out) {
  const cqle_column *column;
  cql_status st;
  switch (sel->kind) {
  case CQLE_SEL_COLUMN:
    st = find_column(c, sel->name, &column);
    return st == CQL_OK ? cqle_selector_column(c, column, out) : st;
  case CQLE_SEL_TERM: return compile_term(c, sel, expected, out);
  case CQLE_SEL_COUNT_STAR: return compile_count(c, out);
  case CQLE_SEL_CALL: return compile_call(c, sel, expected, out);
  case CQLE_SEL_CAST: return compile_cast(c, sel, out);
  case CQLE_SEL_HINT: return compile_hint(c, sel, out);
  case CQLE_SEL_WRITETIME:
  case CQLE_SEL_MAXWRITETIME:
  case CQLE_SEL_TTL: return compile_times(c, sel, out);
  case CQLE_SEL_FIELD: return compile_field(c, sel, out);
  case CQLE_SEL_ELEMENT:
  case CQLE_SEL_SLICE: return compile_element(c, sel, out);
  case CQLE_SEL_TUPLE:
  case CQLE_SEL_LIST:
  case CQLE_SEL_SET:
  case CQLE_SEL_MAP: return compile_pack(c, sel, expected, out);
  }
  return CQL_MISUSE;
}
