/* term_test.c: may a term stand for a type, and which type has it by itself? Cassandra:
 * AssignmentTestable.testAssignment() and getExactTypeIfKnown() of the terms.
 */
#include "engine/term/term_int.h"

#include <string.h>

static cql_assignable worse(cql_assignable x, cql_assignable y) {
  return x < y ? x : y;
}

/* The smallest of int, bigint and varint that holds the digits. */
static const cql_type *integer_type(cql_slice text) {
  bool negative = text.len > 0 && text.data[0] == '-';
  uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0), v = 0;
  for (size_t i = negative ? 1 : 0; i < text.len; i++) {
    uint64_t digit = (uint64_t)(text.data[i] - '0');
    if (digit > 9 || v > (limit - digit) / 10) return cql_type_native(CQL_TYPE_VARINT);
    v = v * 10 + digit;
  }
  return cql_type_native(v <= (uint64_t)INT32_MAX + (negative ? 1 : 0) ? CQL_TYPE_INT : CQL_TYPE_BIGINT);
}

static const cql_type *literal_type(const cqle_term *t) {
  switch (t->literal) {
  case CQL_LITERAL_STRING: return cql_type_native(cql_ascii_valid(t->text) ? CQL_TYPE_ASCII : CQL_TYPE_TEXT);
  case CQL_LITERAL_INTEGER: return integer_type(t->text);
  case CQL_LITERAL_FLOAT: return cql_type_native(CQL_TYPE_DOUBLE);
  case CQL_LITERAL_BOOLEAN: return cql_type_native(CQL_TYPE_BOOLEAN);
  case CQL_LITERAL_UUID: return cql_type_native(CQL_TYPE_UUID);
  case CQL_LITERAL_HEX: return cql_type_native(CQL_TYPE_BLOB);
  case CQL_LITERAL_DURATION: return cql_type_native(CQL_TYPE_DURATION);
  }
  return NULL;
}

/* Of the types that a literal fits the one that it looks like is the exact one. */
static cql_assignable test_literal(const cqle_term *t, const cql_type *type) {
  if (cql_literal_test(t->literal, type) == CQL_NOT_ASSIGNABLE) return CQL_NOT_ASSIGNABLE;
  return cql_type_eq(literal_type(t), type) ? CQL_EXACT_MATCH : CQL_WEAKLY_ASSIGNABLE;
}

/* An empty collection fits any type of its kind, so it is never an exact match. */
static cql_assignable test_items(cqle_binder *b, const cqle_term *t, const cql_type *const *types, uint32_t stride) {
  cql_assignable a = t->count == 0 ? CQL_WEAKLY_ASSIGNABLE : CQL_EXACT_MATCH;
  for (uint32_t i = 0; i < t->count && a != CQL_NOT_ASSIGNABLE; i++)
    a = worse(a, cqle_term_test(b, t->items[i], types[i % stride]));
  return a;
}

static cql_assignable test_type(const cql_type *to, const cql_type *from) {
  if (cql_type_eq(to, from)) return CQL_EXACT_MATCH;
  return cql_type_is_value_compatible(to, from) ? CQL_WEAKLY_ASSIGNABLE : CQL_NOT_ASSIGNABLE;
}

static cql_assignable test_tuple(cqle_binder *b, const cqle_term *t, const cql_type *type) {
  bool fields = type->code == CQL_TYPE_TUPLE || (type->code == CQL_TYPE_UDT && t->count > 1);
  if (!fields) return t->count == 1 ? cqle_term_test(b, t->items[0], type) : CQL_NOT_ASSIGNABLE;
  if (t->count > type->arg_count) return CQL_NOT_ASSIGNABLE;
  cql_assignable a = CQL_EXACT_MATCH;
  for (uint32_t i = 0; i < t->count && a != CQL_NOT_ASSIGNABLE; i++)
    a = worse(a, cqle_term_test(b, t->items[i], type->args[i]));
  return a;
}

/* Fields that the type does not have are complained about when the literal is bound. */
static cql_assignable test_udt(cqle_binder *b, const cqle_term *t, const cql_type *type) {
  if (type->code != CQL_TYPE_UDT) return CQL_NOT_ASSIGNABLE;
  for (uint32_t i = 0; i < t->count; i++)
    for (uint32_t f = 0; f < type->arg_count; f++)
      if (cql_slice_eq(t->names[i], type->field_names[f]) &&
          cqle_term_test(b, t->items[i], type->args[f]) == CQL_NOT_ASSIGNABLE)
        return CQL_NOT_ASSIGNABLE;
  return CQL_WEAKLY_ASSIGNABLE;
}

static cql_assignable test_hint(cqle_binder *b, const cqle_term *t, const cql_type *type) {
  const cql_type *hint;
  if (cqle_binder_type(b, &t->type, &hint, NULL) != CQL_OK) return CQL_NOT_ASSIGNABLE;
  return test_type(type, hint);
}

cqle_memo *cqle_memo_of(cqle_binder *b, const void *call) {
  cqle_memo *m = b->memo;
  while (m != NULL && m->call != call) m = m->next;
  if (m != NULL) return m;
  m = cql_arena_zero(b->arena, sizeof *m);
  if (m == NULL) return NULL;
  m->call = call;
  m->next = b->memo;
  b->memo = m;
  return m;
}

/* A call that cannot be resolved is let through: binding it then says what is wrong with it. */
static cql_assignable test_call(cqle_binder *b, const cqle_term *t, const cql_type *type) {
  const cqle_function *f;
  cqle_memo *m = type->code < 32 ? cqle_memo_of(b, t) : NULL;
  if (m != NULL && (m->tested >> type->code & 1)) return m->answers[type->code];
  cql_assignable a = CQL_EXACT_MATCH;
  if (cqle_term_function(b, t, NULL, type, &f, NULL) == CQL_OK) a = test_type(type, f->result);
  if (m == NULL) return a;
  m->tested |= UINT32_C(1) << type->code;
  m->answers[type->code] = a;
  return a;
}

cql_assignable cqle_term_test(cqle_binder *b, const cqle_term *term, const cql_type *type) {
  switch (term->kind) {
  case CQLE_TERM_LITERAL: return test_literal(term, type);
  case CQLE_TERM_NULL: return type->code == CQL_TYPE_COUNTER ? CQL_NOT_ASSIGNABLE : CQL_WEAKLY_ASSIGNABLE;
  case CQLE_TERM_MARKER: return CQL_WEAKLY_ASSIGNABLE;
  case CQLE_TERM_LIST:
    if (type->code == CQL_TYPE_VECTOR && term->count != type->dimension) return CQL_NOT_ASSIGNABLE;
    if (type->code != CQL_TYPE_LIST && type->code != CQL_TYPE_VECTOR) return CQL_NOT_ASSIGNABLE;
    return test_items(b, term, type->args, 1);
  case CQLE_TERM_SET:
    if (type->code == CQL_TYPE_MAP && term->count == 0) return CQL_WEAKLY_ASSIGNABLE;
    return type->code == CQL_TYPE_SET ? test_items(b, term, type->args, 1) : CQL_NOT_ASSIGNABLE;
  case CQLE_TERM_MAP: return type->code == CQL_TYPE_MAP ? test_items(b, term, type->args, 2) : CQL_NOT_ASSIGNABLE;
  case CQLE_TERM_TUPLE: return test_tuple(b, term, type);
  case CQLE_TERM_UDT: return test_udt(b, term, type);
  case CQLE_TERM_CALL: return test_call(b, term, type);
  case CQLE_TERM_HINT: return test_hint(b, term, type);
  }
  return CQL_NOT_ASSIGNABLE;
}

/* --- types of their own ------------------------------------------------------------------------------------------- */

static const cql_type *call_type(cqle_binder *b, const cqle_term *term) {
  const cqle_function *f;
  cqle_memo *m = cqle_memo_of(b, term);
  if (m != NULL && m->has_own) return m->own;
  const cql_type *type = cqle_term_function(b, term, NULL, NULL, &f, NULL) == CQL_OK ? f->result : NULL;
  if (m == NULL) return type;
  m->has_own = true;
  return m->own = type;
}

const cql_type *cqle_term_own_type(cqle_binder *b, const cqle_term *term) {
  const cql_type *type;
  switch (term->kind) {
  case CQLE_TERM_LITERAL: return literal_type(term);
  case CQLE_TERM_HINT: return cqle_binder_type(b, &term->type, &type, NULL) == CQL_OK ? type : NULL;
  case CQLE_TERM_CALL: return call_type(b, term);
  case CQLE_TERM_TUPLE: return term->count == 1 ? cqle_term_own_type(b, term->items[0]) : NULL;
  default: return NULL;
  }
}

/* --- functions ---------------------------------------------------------------------------------------------------- */

static const cqle_table *receiver_table(const cqle_binder *b, const cqle_receiver *r) {
  if (r == NULL || r->keyspace == NULL || r->table == NULL) return NULL;
  const cqle_keyspace *ks = cqle_schema_keyspace(b->schema, cql_slice_str(r->keyspace));
  return ks != NULL ? cqle_keyspace_table(ks, cql_slice_str(r->table)) : NULL;
}

static const char *term_text(cqle_binder *b, const cqle_term *term) {
  const char *text = cql_arena_str(b->arena, term->source);
  return text == NULL ? "?" : text;
}

typedef struct term_site {
  cqle_binder *b;
  const cqle_term *call;
} term_site;

static cql_assignable test_argument(void *user, uint32_t i, const cql_type *type) {
  const term_site *s = user;
  return cqle_term_test(s->b, s->call->items[i], type);
}

cql_status cqle_term_function(cqle_binder *b, const cqle_term *term, const cqle_receiver *receiver,
                              const cql_type *type, const cqle_function **out, cql_error *err) {
  if (term->count > CQLE_FUNCTION_ARGS_MAX)
    return cql_fail(err, CQL_LIMIT, "A function takes at most %d arguments", CQLE_FUNCTION_ARGS_MAX);
  const cql_type *types[CQLE_FUNCTION_ARGS_MAX];
  const char *texts[CQLE_FUNCTION_ARGS_MAX];
  term_site at = {b, term};
  cqle_call_site site = {.count = term->count, .types = types, .texts = texts, .test = test_argument, .user = &at};
  bool takes_any = cqle_function_takes_any(term->function.name);
  for (uint32_t i = 0; i < term->count; i++) {
    const cqle_term *arg = term->items[i];
    /* A literal fits parameters of many types, so it chooses none; only a function of any type is told what it is. */
    types[i] = arg->kind == CQLE_TERM_LITERAL && !takes_any ? NULL : cqle_term_own_type(b, arg);
    texts[i] = err == NULL ? "" : term_text(b, arg);
    site.has_marker = site.has_marker || arg->kind == CQLE_TERM_MARKER;
  }
  return cqle_function_find_at(b->arena, receiver_table(b, receiver), &term->function, &site, type, out, err);
}
