/* selector_type.c: which type a selector has by itself, and which function a call means. Cassandra: the
 * getExactTypeIfKnown() of cql3/selection/Selectable.java.
 */
#include "engine/select/select_int.h"
#include "engine/term/term_int.h"

static bool is_literal(const cqle_selector *sel) {
  return sel->kind == CQLE_SEL_TERM && sel->term->kind == CQLE_TERM_LITERAL;
}

/* --- what may stand for what -------------------------------------------------------------------------------------- */

static cql_assignable test_items(cqle_select_compiler *c, const cqle_selector *sel, const cql_type *type) {
  cql_assignable worst = sel->count == 0 ? CQL_WEAKLY_ASSIGNABLE : CQL_EXACT_MATCH;
  for (uint32_t i = 0; i < sel->count && worst != CQL_NOT_ASSIGNABLE; i++) {
    const cql_type *item = type->args[type->code == CQL_TYPE_MAP ? i % 2 : type->code == CQL_TYPE_TUPLE ? i : 0];
    cql_assignable a = cqle_selector_test(c, sel->args[i], item);
    if (a < worst) worst = a;
  }
  return worst;
}

/* Each value may stand for the field of its name; names that are no fields are complained about later. */
static cql_assignable test_fields(cqle_select_compiler *c, const cqle_selector *sel, const cql_type *type) {
  for (uint32_t i = 0; i + 1 < sel->count; i += 2)
    for (uint32_t f = 0; f < type->arg_count; f++)
      if (sel->args[i]->kind == CQLE_SEL_COLUMN && cql_slice_eq(sel->args[i]->name, type->field_names[f]) &&
          cqle_selector_test(c, sel->args[i + 1], type->args[f]) == CQL_NOT_ASSIGNABLE)
        return CQL_NOT_ASSIGNABLE;
  return CQL_WEAKLY_ASSIGNABLE;
}

static bool is_of_kind(const cqle_selector *sel, const cql_type *type) {
  switch (type->code) {
  case CQL_TYPE_TUPLE: return sel->kind == CQLE_SEL_TUPLE && sel->count <= type->arg_count;
  case CQL_TYPE_LIST: return sel->kind == CQLE_SEL_LIST;
  case CQL_TYPE_VECTOR: return sel->kind == CQLE_SEL_LIST && sel->count == type->dimension;
  case CQL_TYPE_SET: return sel->kind == CQLE_SEL_SET;
  case CQL_TYPE_MAP: return sel->kind == CQLE_SEL_MAP || (sel->kind == CQLE_SEL_SET && sel->count == 0);
  default: return false;
  }
}

cql_assignable cqle_selector_test(cqle_select_compiler *c, const cqle_selector *sel, const cql_type *type) {
  if (sel->kind == CQLE_SEL_TERM) return cqle_term_test(c->b, sel->term, type);
  if (sel->kind == CQLE_SEL_MAP && type->code == CQL_TYPE_UDT) return test_fields(c, sel, type);
  if (sel->kind == CQLE_SEL_TUPLE && sel->count == 1 && type->code != CQL_TYPE_TUPLE)
    return cqle_selector_test(c, sel->args[0], type);
  if (sel->kind == CQLE_SEL_TUPLE || sel->kind == CQLE_SEL_LIST || sel->kind == CQLE_SEL_SET ||
      sel->kind == CQLE_SEL_MAP)
    return is_of_kind(sel, type) ? test_items(c, sel, type) : CQL_NOT_ASSIGNABLE;
  const cql_type *own = cqle_selector_type(c, sel);
  if (own == NULL) return CQL_NOT_ASSIGNABLE;
  if (cql_type_eq(type, own)) return CQL_EXACT_MATCH;
  return cql_type_is_value_compatible(type, own) ? CQL_WEAKLY_ASSIGNABLE : CQL_NOT_ASSIGNABLE;
}

/* --- calls -------------------------------------------------------------------------------------------------------- */

typedef struct selector_site {
  cqle_select_compiler *c;
  const cqle_selector *call;
} selector_site;

static cql_assignable test_argument(void *user, uint32_t i, const cql_type *type) {
  const selector_site *s = user;
  return cqle_selector_test(s->c, s->call->args[i], type);
}

static bool is_marker(const cqle_selector *sel) {
  return sel->kind == CQLE_SEL_TERM && sel->term->kind == CQLE_TERM_MARKER;
}

cql_status cqle_selector_function(cqle_select_compiler *c, const cqle_selector *sel, const cql_type *expected,
                                  const cqle_function **out, cql_error *err) {
  const cql_type *types[CQLE_FUNCTION_ARGS_MAX];
  const char *texts[CQLE_FUNCTION_ARGS_MAX];
  selector_site at = {c, sel};
  cqle_call_site site = {.count = sel->count, .types = types, .texts = texts, .test = test_argument, .user = &at};
  bool takes_any = cqle_function_takes_any(sel->function.name);
  if (sel->count > CQLE_FUNCTION_ARGS_MAX)
    return cql_fail(err, CQL_LIMIT, "A function takes at most %d arguments", CQLE_FUNCTION_ARGS_MAX);
  for (uint32_t i = 0; i < sel->count; i++) {
    bool is_term = is_literal(sel->args[i]);
    types[i] = is_term ? NULL : cqle_selector_type(c, sel->args[i]);
    if (is_term && takes_any) types[i] = cqle_term_own_type(c->b, sel->args[i]->term);
    texts[i] = err == NULL ? "" : cqle_selector_text(c, sel->args[i]);
    site.has_marker = site.has_marker || is_marker(sel->args[i]);
  }
  return cqle_function_find_at(c->b->arena, c->t, &sel->function, &site, expected, out, err);
}

static const cql_type *call_type(cqle_select_compiler *c, const cqle_selector *sel) {
  const cqle_function *f;
  cqle_memo *m = cqle_memo_of(c->b, sel);
  if (m != NULL && m->has_own) return m->own;
  const cql_type *type = cqle_selector_function(c, sel, NULL, &f, NULL) == CQL_OK ? f->result : NULL;
  if (m == NULL) return type;
  m->has_own = true;
  return m->own = type;
}

static const cql_type *part_type(cqle_select_compiler *c, const cqle_selector *sel) {
  const cql_type *of = cqle_selector_type(c, sel->args[0]);
  if (of == NULL) return NULL;
  if (sel->kind == CQLE_SEL_FIELD) {
    for (uint32_t i = 0; i < of->arg_count && of->code == CQL_TYPE_UDT; i++)
      if (cql_slice_eq(of->field_names[i], sel->name)) return of->args[i];
    return NULL;
  }
  if (of->code != CQL_TYPE_MAP && of->code != CQL_TYPE_SET) return NULL;
  return sel->kind == CQLE_SEL_SLICE ? of : of->args[of->arg_count - 1];
}

static const cql_type *times_type(cqle_select_compiler *c, const cqle_selector *sel) {
  const cql_type *type = cql_type_native(sel->kind == CQLE_SEL_TTL ? CQL_TYPE_INT : CQL_TYPE_BIGINT);
  const cqle_selector *of = sel->args[0];
  const cql_type *column = cqle_selector_type(c, of);
  if (sel->kind == CQLE_SEL_MAXWRITETIME || column == NULL || !cql_type_is_multicell(column)) return type;
  return of->kind == CQLE_SEL_COLUMN || of->kind == CQLE_SEL_SLICE ? cql_type_list(c->b->arena, type, false) : type;
}

/* A tuple when all of its items have types, a list or set when one has. */
static const cql_type *pack_type(cqle_select_compiler *c, const cqle_selector *sel) {
  const cql_type *types[CQLE_FUNCTION_ARGS_MAX], *known = NULL;
  if (sel->kind == CQLE_SEL_MAP || sel->count > CQLE_FUNCTION_ARGS_MAX) return NULL;
  if (sel->kind == CQLE_SEL_TUPLE && sel->count == 1) return NULL;
  for (uint32_t i = 0; i < sel->count; i++) {
    types[i] = cqle_selector_type(c, sel->args[i]);
    if (types[i] == NULL && sel->kind == CQLE_SEL_TUPLE) return NULL;
    if (known == NULL) known = types[i];
  }
  if (known == NULL) return NULL;
  if (sel->kind == CQLE_SEL_TUPLE) return cql_type_tuple(c->b->arena, types, sel->count);
  return sel->kind == CQLE_SEL_LIST ? cql_type_list(c->b->arena, known, false)
                                    : cql_type_set(c->b->arena, known, false);
}

const cql_type *cqle_selector_type(cqle_select_compiler *c, const cqle_selector *sel) {
  const cqle_column *column;
  const cql_type *type;
  switch (sel->kind) {
  case CQLE_SEL_COLUMN: column = cqle_table_column(c->t, sel->name); return column == NULL ? NULL : column->type;
  case CQLE_SEL_TERM: return sel->term->kind == CQLE_TERM_LITERAL ? NULL : cqle_term_own_type(c->b, sel->term);
  case CQLE_SEL_COUNT_STAR: return cql_type_native(CQL_TYPE_BIGINT);
  case CQLE_SEL_CALL: return call_type(c, sel);
  case CQLE_SEL_CAST:
  case CQLE_SEL_HINT: return cqle_binder_type(c->b, &sel->type, &type, NULL) == CQL_OK ? type : NULL;
  case CQLE_SEL_WRITETIME:
  case CQLE_SEL_MAXWRITETIME:
  case CQLE_SEL_TTL: return times_type(c, sel);
  case CQLE_SEL_FIELD:
  case CQLE_SEL_ELEMENT:
  case CQLE_SEL_SLICE: return part_type(c, sel);
  case CQLE_SEL_TUPLE:
  case CQLE_SEL_LIST:
  case CQLE_SEL_SET:
  case CQLE_SEL_MAP: return pack_type(c, sel);
  }
  return NULL;
}

bool cqle_selector_is_aggregate(cqle_select_compiler *c, const cqle_selector *sel) {
  const cqle_function *f;
  if (sel->kind == CQLE_SEL_COUNT_STAR) return true;
  if (sel->kind == CQLE_SEL_CALL && cqle_selector_function(c, sel, NULL, &f, NULL) == CQL_OK && f->is_aggregate)
    return true;
  for (uint32_t i = 0; i < sel->count; i++)
    if (cqle_selector_is_aggregate(c, sel->args[i])) return true;
  return false;
}
