/* term.c: binds terms to receivers. Cassandra: the prepare() methods of cql3/Constants, Lists, Sets, Maps, Tuples,
 * UserTypes, Vectors, TypeCast, functions/FunctionCall.
 */
#include "engine/term/term_int.h"

#include <string.h>

cqle_receiver cqle_receiver_of(const cqle_table *t, const cqle_column *c) {
  return (cqle_receiver){t->keyspace->name, t->name, c->name, c->type};
}

cql_status cqle_binder_type(const cqle_binder *b, const cqle_raw_type *raw, const cql_type **out, cql_error *err) {
  cql_type_resolver resolver = cqle_type_resolver_of(b->home);
  return cql_type_parse_cql(b->arena, raw->text, &resolver, out, err);
}

static cql_status out_of_memory(const cqle_binder *b) {
  return cql_fail(b->err, CQL_NOMEM, "Out of memory");
}

static const char *type_text(cqle_binder *b, const cql_type *type) {
  char text[512];
  cql_type_to_cql(type, text, sizeof text);
  const char *copy = cql_arena_str(b->arena, cql_slice_str(text));
  return copy != NULL ? copy : "?";
}

static cqle_expr *new_expr(cqle_binder *b, cqle_expr_kind kind, const cqle_receiver *r) {
  cqle_expr *e = cql_arena_zero(b->arena, sizeof *e);
  if (e == NULL) return NULL;
  e->kind = kind;
  e->type = r->type;
  e->name = r->name;
  return e;
}

/* --- scalars ------------------------------------------------------------------------------------------------------ */

static const char *literal_kind_text(cql_literal_kind kind) {
  switch (kind) {
  case CQL_LITERAL_STRING: return "STRING";
  case CQL_LITERAL_INTEGER: return "INTEGER";
  case CQL_LITERAL_FLOAT: return "FLOAT";
  case CQL_LITERAL_BOOLEAN: return "BOOLEAN";
  case CQL_LITERAL_UUID: return "UUID";
  case CQL_LITERAL_HEX: return "HEX";
  case CQL_LITERAL_DURATION: return "DURATION";
  }
  return "?";
}

static cql_status bind_literal(cqle_binder *b, const cqle_term *t, const cqle_receiver *r, cqle_expr **out) {
  if (cql_literal_test(t->literal, r->type) == CQL_NOT_ASSIGNABLE)
    return cql_fail(b->err, CQL_INVALID, "Invalid %s constant (" CQL_SLICE_FMT ") for \"%s\" of type %s",
                    literal_kind_text(t->literal), CQL_SLICE_ARG(t->text), r->name, type_text(b, r->type));
  cqle_expr *e = new_expr(b, CQLE_EXPR_VALUE, r);
  if (e == NULL) return out_of_memory(b);
  cql_status st = cql_literal_encode(b->arena, t->literal, t->text, r->type, &e->value, b->err);
  if (st == CQL_OK) *out = e;
  return st;
}

static cql_status bind_null(cqle_binder *b, const cqle_receiver *r, cqle_expr **out) {
  if (r->type->code == CQL_TYPE_COUNTER)
    return cql_fail(b->err, CQL_INVALID, "Invalid null value for counter increment/decrement");
  *out = new_expr(b, CQLE_EXPR_VALUE, r);
  return *out != NULL ? CQL_OK : out_of_memory(b);
}

const cqle_expr *cqle_expr_of_place(cqle_binder *b, const cqle_receiver *receiver, uint32_t place) {
  cqle_expr *e = new_expr(b, CQLE_EXPR_PLACE, receiver);
  if (e != NULL) e->marker = place;
  return e;
}

static cql_status bind_marker(cqle_binder *b, const cqle_term *t, const cqle_receiver *r, cqle_expr **out) {
  cqle_expr *e = new_expr(b, CQLE_EXPR_MARKER, r);
  if (e == NULL) return out_of_memory(b);
  if (t->marker >= b->count) return cql_fail(b->err, CQL_MISUSE, "A bind marker is out of range");
  cql_column *bind = &b->binds[t->marker];
  bind->keyspace = r->keyspace;
  bind->table = r->table;
  bind->type = r->type;
  if (bind->name == NULL) bind->name = r->name;
  b->targets[t->marker] = r->name;
  e->marker = t->marker;
  *out = e;
  return CQL_OK;
}

/* --- collections -------------------------------------------------------------------------------------------------- */

static bool holds_marker(const cqle_expr *e) {
  if (e->kind == CQLE_EXPR_MARKER) return true;
  /* A call hides its markers, as it does in Cassandra: they take their names from the function's arguments. */
  if (e->kind == CQLE_EXPR_CALL) return false;
  for (uint32_t i = 0; i < e->count; i++)
    if (holds_marker(e->items[i])) return true;
  return false;
}

static bool all_values(const cqle_expr *e) {
  for (uint32_t i = 0; i < e->count; i++)
    if (e->items[i]->kind != CQLE_EXPR_VALUE) return false;
  return true;
}

/* An expression whose items are all known becomes a value at once. */
static cql_status fold(cqle_binder *b, cqle_expr *e) {
  if (!all_values(e)) return CQL_OK;
  cql_slice *values = cql_arena_array(b->arena, e->count, sizeof *values);
  if (values == NULL) return out_of_memory(b);
  for (uint32_t i = 0; i < e->count; i++) values[i] = e->items[i]->value;
  cql_status st = cqle_expr_pack(b->arena, e, values, &e->value, b->err);
  if (st == CQL_OK) e->kind = CQLE_EXPR_VALUE;
  return st;
}

static cqle_receiver part_of(cqle_binder *b, const cqle_receiver *r, const char *what, const cql_type *type) {
  const char *name = cql_arena_printf(b->arena, "%s(%s)", what, r->name);
  return (cqle_receiver){r->keyspace, r->table, name, type};
}

typedef struct collection_words {
  const char *kind;          /* "list" */
  const char *item, *second; /* what an item is called in errors; second for the values of a map */
  const char *first_part, *second_part;
} collection_words;

static cql_status check_items(cqle_binder *b, const cqle_term *t, const cqle_receiver *r, const collection_words *w,
                              const cqle_receiver parts[2], uint32_t stride) {
  for (uint32_t i = 0; i < t->count; i++) {
    const cqle_receiver *part = &parts[i % stride];
    if (cqle_term_test(b, t->items[i], part->type) != CQL_NOT_ASSIGNABLE) continue;
    return cql_fail(b->err, CQL_INVALID, "Invalid %s literal for %s: %s " CQL_SLICE_FMT " is not of type %s", w->kind,
                    r->name, i % stride == 0 ? w->item : w->second, CQL_SLICE_ARG(t->items[i]->source),
                    type_text(b, part->type));
  }
  return CQL_OK;
}

static cql_status bind_items(cqle_binder *b, const cqle_term *t, const cqle_receiver *r, const collection_words *w,
                             const cqle_receiver parts[2], uint32_t stride, cqle_expr *e) {
  cql_status st = check_items(b, t, r, w, parts, stride);
  if (st != CQL_OK) return st;
  e->items = cql_arena_array(b->arena, t->count, sizeof(cqle_expr *));
  if (e->items == NULL) return out_of_memory(b);
  for (uint32_t i = 0; i < t->count; i++) {
    st = cqle_term_bind(b, t->items[i], &parts[i % stride], &e->items[i]);
    if (st != CQL_OK) return st;
    if (holds_marker(e->items[i]))
      return cql_fail(b->err, CQL_INVALID,
                      "Invalid %s literal for %s: bind variables are not supported inside collection literals", w->kind,
                      r->name);
  }
  e->count = t->count;
  return fold(b, e);
}

static cql_status check_vector(cqle_binder *b, const cqle_term *t, const cqle_receiver *r) {
  if (t->count != r->type->dimension)
    return cql_fail(b->err, CQL_INVALID, "Invalid vector literal for %s of type %s; expected %u elements, but given %u",
                    r->name, type_text(b, r->type), r->type->dimension, t->count);
  return CQL_OK;
}

static cql_status bind_list(cqle_binder *b, const cqle_term *t, const cqle_receiver *r, cqle_expr **out) {
  static const collection_words list = {"list", "value", "value", "value", "value"};
  static const collection_words vector = {"vector", "value", "value", "value", "value"};
  bool is_vector = r->type->code == CQL_TYPE_VECTOR;
  if (r->type->code != CQL_TYPE_LIST && !is_vector)
    return cql_fail(b->err, CQL_INVALID, "Unexpected receiver type '%s'; only list and vector are expected",
                    type_text(b, r->type));
  if (is_vector) {
    cql_status st = check_vector(b, t, r);
    if (st != CQL_OK) return st;
  }
  cqle_expr *e = new_expr(b, is_vector ? CQLE_EXPR_VECTOR : CQLE_EXPR_LIST, r);
  if (e == NULL) return out_of_memory(b);
  cqle_receiver parts[2] = {part_of(b, r, "value", r->type->args[0])};
  *out = e;
  return bind_items(b, t, r, is_vector ? &vector : &list, parts, 1, e);
}

static cql_status bind_map(cqle_binder *b, const cqle_term *t, const cqle_receiver *r, cqle_expr **out) {
  static const collection_words map = {"map", "key", "value", "key", "value"};
  if (r->type->code != CQL_TYPE_MAP)
    return cql_fail(b->err, CQL_INVALID, "Invalid map literal for %s of type %s", r->name, type_text(b, r->type));
  cqle_expr *e = new_expr(b, CQLE_EXPR_MAP, r);
  if (e == NULL) return out_of_memory(b);
  cqle_receiver parts[2] = {part_of(b, r, "key", r->type->args[0]), part_of(b, r, "value", r->type->args[1])};
  *out = e;
  return bind_items(b, t, r, &map, parts, 2, e);
}

static cql_status bind_set(cqle_binder *b, const cqle_term *t, const cqle_receiver *r, cqle_expr **out) {
  static const collection_words set = {"set", "value", "value", "value", "value"};
  if (t->count == 0 && r->type->code == CQL_TYPE_MAP) return bind_map(b, t, r, out); /* {} has two readings */
  if (r->type->code != CQL_TYPE_SET)
    return cql_fail(b->err, CQL_INVALID, "Invalid set literal for %s of type %s", r->name, type_text(b, r->type));
  cqle_expr *e = new_expr(b, CQLE_EXPR_SET, r);
  if (e == NULL) return out_of_memory(b);
  cqle_receiver parts[2] = {part_of(b, r, "value", r->type->args[0])};
  *out = e;
  return bind_items(b, t, r, &set, parts, 1, e);
}

/* (x) is a tuple of one or x in parentheses: the receiver decides. A user type may be written as the tuple that it is.
 */
static cql_status bind_tuple(cqle_binder *b, const cqle_term *t, const cqle_receiver *r, cqle_expr **out) {
  if (r->type->code != CQL_TYPE_TUPLE && !(r->type->code == CQL_TYPE_UDT && t->count > 1)) {
    if (t->count == 1) return cqle_term_bind(b, t->items[0], r, (const cqle_expr **)out);
    return cql_fail(b->err, CQL_INVALID, "Invalid tuple type literal for %s of type %s", r->name,
                    type_text(b, r->type));
  }
  if (t->count > r->type->arg_count)
    return cql_fail(b->err, CQL_INVALID,
                    "Invalid tuple literal for %s: too many elements. Type %s expects %u but got %u", r->name,
                    type_text(b, r->type), r->type->arg_count, t->count);
  cqle_expr *e = new_expr(b, CQLE_EXPR_TUPLE, r);
  if (e == NULL) return out_of_memory(b);
  e->items = cql_arena_array(b->arena, t->count, sizeof(cqle_expr *));
  if (e->items == NULL) return out_of_memory(b);
  for (uint32_t i = 0; i < t->count; i++) {
    const cql_type *type = r->type->args[i];
    if (cqle_term_test(b, t->items[i], type) == CQL_NOT_ASSIGNABLE)
      return cql_fail(b->err, CQL_INVALID, "Invalid tuple literal for %s: component %u is not of type %s", r->name, i,
                      type_text(b, type));
    cqle_receiver part = {r->keyspace, r->table, cql_arena_printf(b->arena, "%s[%u]", r->name, i), type};
    cql_status st = cqle_term_bind(b, t->items[i], &part, &e->items[i]);
    if (st != CQL_OK) return st;
  }
  e->count = t->count;
  *out = e;
  return fold(b, e);
}

/* --- user types --------------------------------------------------------------------------------------------------- */

/* The term that was written for a field: of several the last. NULL: none. */
static const cqle_term *written_field(const cqle_term *t, cql_slice field) {
  for (uint32_t i = t->count; i-- > 0;)
    if (cql_slice_eq(t->names[i], field)) return t->items[i];
  return NULL;
}

static bool has_field(const cql_type *type, cql_slice name) {
  for (uint32_t i = 0; i < type->arg_count; i++)
    if (cql_slice_eq(type->field_names[i], name)) return true;
  return false;
}

static cql_status check_fields(cqle_binder *b, const cqle_term *t, const cqle_receiver *r) {
  const cql_type *type = r->type;
  if (type->code != CQL_TYPE_UDT)
    return cql_fail(b->err, CQL_INVALID, "Invalid user type literal for %s of type %s", r->name, type_text(b, type));
  for (uint32_t i = 0; i < type->arg_count; i++) {
    const cqle_term *item = written_field(t, type->field_names[i]);
    if (item == NULL || cqle_term_test(b, item, type->args[i]) != CQL_NOT_ASSIGNABLE) continue;
    return cql_fail(b->err, CQL_INVALID, "Invalid user type literal for %s: field " CQL_SLICE_FMT " is not of type %s",
                    r->name, CQL_SLICE_ARG(type->field_names[i]), type_text(b, type->args[i]));
  }
  return CQL_OK;
}

static cql_status bind_field(cqle_binder *b, const cqle_term *t, const cqle_receiver *r, uint32_t i,
                             const cqle_expr **out) {
  static const cqle_term null = {.kind = CQLE_TERM_NULL};
  cql_slice field = r->type->field_names[i];
  const cqle_term *item = written_field(t, field);
  const char *name = cql_arena_printf(b->arena, "%s." CQL_SLICE_FMT, r->name, CQL_SLICE_ARG(field));
  cqle_receiver part = {r->keyspace, r->table, name, r->type->args[i]};
  return cqle_term_bind(b, item != NULL ? item : &null, &part, out);
}

/* A field that is not written is null. */
static cql_status bind_udt(cqle_binder *b, const cqle_term *t, const cqle_receiver *r, cqle_expr **out) {
  cql_status st = check_fields(b, t, r);
  if (st != CQL_OK) return st;
  cqle_expr *e = new_expr(b, CQLE_EXPR_UDT, r);
  if (e == NULL) return out_of_memory(b);
  e->items = cql_arena_array(b->arena, r->type->arg_count, sizeof(cqle_expr *));
  if (e->items == NULL) return out_of_memory(b);
  for (uint32_t i = 0; i < r->type->arg_count; i++) {
    st = bind_field(b, t, r, i, &e->items[i]);
    if (st != CQL_OK) return st;
  }
  for (uint32_t i = 0; i < t->count; i++)
    if (!has_field(r->type, t->names[i]))
      return cql_fail(b->err, CQL_INVALID,
                      "Unknown field '" CQL_SLICE_FMT "' in value of user defined type " CQL_SLICE_FMT,
                      CQL_SLICE_ARG(t->names[i]), CQL_SLICE_ARG(r->type->name));
  e->count = r->type->arg_count;
  *out = e;
  return fold(b, e);
}

/* --- calls and hints ---------------------------------------------------------------------------------------------- */

static cql_status bind_call(cqle_binder *b, const cqle_term *t, const cqle_receiver *r, cqle_expr **out) {
  const cqle_function *f;
  cql_status st = cqle_term_function(b, t, r, r->type, &f, b->err);
  if (st != CQL_OK) return st;
  if (f->is_aggregate)
    return cql_fail(b->err, CQL_INVALID, "Aggregation function are not supported in the where clause");
  if (!cql_type_is_value_compatible(r->type, f->result))
    return cql_fail(b->err, CQL_INVALID,
                    "Type error: cannot assign result of function system.%s (type %s) to %s (type %s)", f->name,
                    type_text(b, f->result), r->name, type_text(b, r->type));
  cqle_expr *e = new_expr(b, CQLE_EXPR_CALL, r);
  if (e == NULL) return out_of_memory(b);
  e->items = cql_arena_array(b->arena, t->count, sizeof(cqle_expr *));
  if (e->items == NULL) return out_of_memory(b);
  e->function = f;
  for (uint32_t i = 0; i < t->count; i++) {
    cqle_receiver part = {r->keyspace, r->table, cql_arena_printf(b->arena, "arg%u(system.%s)", i, f->name),
                          f->args[i]};
    st = cqle_term_bind(b, t->items[i], &part, &e->items[i]);
    if (st != CQL_OK) return st;
  }
  e->count = t->count;
  *out = e;
  return CQL_OK;
}

static cql_status bind_hint(cqle_binder *b, const cqle_term *t, const cqle_receiver *r, cqle_expr **out) {
  const cql_type *type;
  cql_status st = cqle_binder_type(b, &t->type, &type, b->err);
  if (st != CQL_OK) return st;
  if (cqle_term_test(b, t->items[0], type) == CQL_NOT_ASSIGNABLE)
    return cql_fail(b->err, CQL_INVALID, "Cannot cast value " CQL_SLICE_FMT " to type %s",
                    CQL_SLICE_ARG(t->items[0]->source), type_text(b, type));
  if (!cql_type_is_value_compatible(r->type, type)) {
    cql_buf hint;
    cql_buf_init(&hint, b->arena->alloc, CQL_ERROR_MESSAGE_LEN);
    cql_type_print_full(&hint, type);
    st = cql_fail(b->err, CQL_INVALID, "Cannot assign value (" CQL_SLICE_FMT ")" CQL_SLICE_FMT " to %s of type %s",
                  CQL_SLICE_ARG(cql_buf_view(&hint)), CQL_SLICE_ARG(t->items[0]->source), r->name,
                  type_text(b, r->type));
    cql_buf_free(&hint);
    return st;
  }
  return cqle_term_bind(b, t->items[0], r, (const cqle_expr **)out);
}

/* --- the door ----------------------------------------------------------------------------------------------------- */

cql_status cqle_term_bind(cqle_binder *b, const cqle_term *term, const cqle_receiver *receiver, const cqle_expr **out) {
  cqle_expr **made = (cqle_expr **)out;
  if (receiver->name == NULL) return out_of_memory(b); /* a name that was printed into a full arena */
  switch (term->kind) {
  case CQLE_TERM_LITERAL: return bind_literal(b, term, receiver, made);
  case CQLE_TERM_NULL: return bind_null(b, receiver, made);
  case CQLE_TERM_MARKER: return bind_marker(b, term, receiver, made);
  case CQLE_TERM_LIST: return bind_list(b, term, receiver, made);
  case CQLE_TERM_SET: return bind_set(b, term, receiver, made);
  case CQLE_TERM_MAP: return bind_map(b, term, receiver, made);
  case CQLE_TERM_TUPLE: return bind_tuple(b, term, receiver, made);
  case CQLE_TERM_UDT: return bind_udt(b, term, receiver, made);
  case CQLE_TERM_CALL: return bind_call(b, term, receiver, made);
  case CQLE_TERM_HINT: return bind_hint(b, term, receiver, made);
  }
  return cql_fail(b->err, CQL_MISUSE, "Unknown kind of term");
}
