/* selector_text.c: selectors as Cassandra names result columns: system.max(v), cast(v as text), writetime(v), a + b. */
#include "engine/select/select_int.h"
#include "engine/table/row.h"
#include "engine/where/where_int.h"

#include <string.h>

enum { TEXT_LEN_MAX = 8192 };

static void put(cqle_select_compiler *c, cql_buf *b, const cqle_selector *s);

static const char *operator_of(cql_slice name) {
  static const struct {
    const char *name, *text;
  } operators[] = {
      {"_add", " + "}, {"_substract", " - "}, {"_multiply", " * "}, {"_divide", " / "}, {"_modulo", " % "}};
  for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
    if (cql_slice_eq_str(name, operators[i].name)) return operators[i].text;
  return NULL;
}

static void put_args(cqle_select_compiler *c, cql_buf *b, const cqle_selector *s, const char *open, const char *close) {
  cql_buf_str(b, open);
  for (uint32_t i = 0; i < s->count; i++) {
    bool map_value = s->kind == CQLE_SEL_MAP && i % 2 == 1;
    if (i > 0) cql_buf_str(b, map_value ? ": " : ", ");
    put(c, b, s->args[i]);
  }
  cql_buf_str(b, close);
}

static void put_call(cqle_select_compiler *c, cql_buf *b, const cqle_selector *s) {
  const char *op = operator_of(s->function.name);
  if (op != NULL && s->count == 2) {
    put(c, b, s->args[0]);
    cql_buf_str(b, op);
    put(c, b, s->args[1]);
  } else if (cql_slice_eq_str(s->function.name, "_negate") && s->count == 1) {
    cql_buf_str(b, "-");
    put(c, b, s->args[0]);
  } else {
    cql_buf_str(b, "system.");
    cql_buf_slice(b, s->function.name);
    put_args(c, b, s, "(", ")");
  }
}

/* A cast to the type that a value has already is not named. */
static bool is_idle_cast(cqle_select_compiler *c, const cqle_selector *s) {
  const cql_type *from = cqle_selector_type(c, s->args[0]), *to = cqle_selector_type(c, s);
  return from != NULL && to != NULL && cql_type_eq(from, to);
}

static void put_cast(cqle_select_compiler *c, cql_buf *b, const cqle_selector *s) {
  bool idle = is_idle_cast(c, s);
  if (!idle) cql_buf_str(b, "cast(");
  put(c, b, s->args[0]);
  if (idle) return;
  cql_buf_str(b, " as ");
  cql_buf_slice(b, s->type.text);
  cql_buf_str(b, ")");
}

static bool holds_user_type(const cql_type *type) {
  if (type->code == CQL_TYPE_UDT) return true;
  for (uint32_t i = 0; i < type->arg_count; i++)
    if (holds_user_type(type->args[i])) return true;
  return false;
}

/* A hint is shown as it was written, user types with their keyspace. */
static void put_hint(cqle_select_compiler *c, cql_buf *b, const cqle_selector *s) {
  const cql_type *type;
  cql_buf_str(b, "(");
  if (cqle_binder_type(c->b, &s->type, &type, NULL) == CQL_OK && holds_user_type(type))
    cql_type_print_full(b, type);
  else
    cql_buf_slice(b, s->type.text);
  cql_buf_str(b, ")");
  put(c, b, s->args[0]);
}

static void put_term(cqle_select_compiler *c, cql_buf *b, const cqle_term *t) {
  cql_buf_str(b, cqle_term_text(c->b->arena, t));
}

static void put_part(cqle_select_compiler *c, cql_buf *b, const cqle_selector *s) {
  put(c, b, s->args[0]);
  cql_buf_str(b, "[");
  if (s->from != NULL) put_term(c, b, s->from);
  if (s->kind == CQLE_SEL_SLICE) cql_buf_str(b, "..");
  if (s->to != NULL) put_term(c, b, s->to);
  cql_buf_str(b, "]");
}

static void put(cqle_select_compiler *c, cql_buf *b, const cqle_selector *s) {
  switch (s->kind) {
  case CQLE_SEL_COLUMN: cql_buf_slice(b, s->name); break;
  case CQLE_SEL_TERM: put_term(c, b, s->term); break;
  case CQLE_SEL_COUNT_STAR: cql_buf_str(b, "count"); break;
  case CQLE_SEL_CALL: put_call(c, b, s); break;
  case CQLE_SEL_CAST: put_cast(c, b, s); break;
  case CQLE_SEL_HINT: put_hint(c, b, s); break;
  case CQLE_SEL_WRITETIME: put_args(c, b, s, "writetime(", ")"); break;
  case CQLE_SEL_MAXWRITETIME: put_args(c, b, s, "maxwritetime(", ")"); break;
  case CQLE_SEL_TTL: put_args(c, b, s, "ttl(", ")"); break;
  case CQLE_SEL_FIELD:
    put(c, b, s->args[0]);
    cql_buf_str(b, ".");
    cql_buf_slice(b, s->name);
    break;
  case CQLE_SEL_ELEMENT:
  case CQLE_SEL_SLICE: put_part(c, b, s); break;
  case CQLE_SEL_TUPLE: put_args(c, b, s, "(", ")"); break;
  case CQLE_SEL_LIST: put_args(c, b, s, "[", "]"); break;
  case CQLE_SEL_SET:
  case CQLE_SEL_MAP: put_args(c, b, s, "{", "}"); break;
  }
}

const char *cqle_selector_text(cqle_select_compiler *c, const cqle_selector *sel) {
  cql_alloc alloc = cqle_arena_alloc(c->b->arena);
  cql_buf b;
  const char *text = NULL;
  cql_buf_init(&b, &alloc, TEXT_LEN_MAX);
  put(c, &b, sel);
  if (b.st == CQL_OK || b.st == CQL_LIMIT) text = cql_arena_str(c->b->arena, cql_buf_view(&b));
  return text == NULL ? "" : text; /* the arena has failed then, and so will the plan */
}
