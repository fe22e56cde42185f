#include "print_ast.h"

static bool is_plain(cql_slice name) {
  for (size_t i = 0; i < name.len; i++) {
    uint8_t c = name.data[i];
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return name.len > 0;
}

void print_name(cql_buf *b, cql_slice name) {
  cql_buf_printf(b, is_plain(name) ? CQL_SLICE_FMT : "[" CQL_SLICE_FMT "]", CQL_SLICE_ARG(name));
}

void print_qname(cql_buf *b, const cqle_qname *q) {
  if (q->keyspace.data) {
    print_name(b, q->keyspace);
    cql_buf_str(b, ".");
  }
  print_name(b, q->name);
}

/* --- terms -------------------------------------------------------------------------------------------------------- */

static void print_items(cql_buf *b, const cqle_term *t, const char *kind) {
  cql_buf_printf(b, "%s(", kind);
  for (uint32_t i = 0; i < t->count; i++) {
    if (i > 0) cql_buf_str(b, ", ");
    if (t->names) cql_buf_printf(b, CQL_SLICE_FMT ": ", CQL_SLICE_ARG(t->names[i]));
    print_term(b, t->items[i]);
  }
  cql_buf_str(b, ")");
}

static void print_literal(cql_buf *b, const cqle_term *t) {
  static const char *const kinds[] = {"str", "int", "float", "bool", "uuid", "hex", "dur"};
  cql_buf_printf(b, "%s:" CQL_SLICE_FMT, kinds[t->literal], CQL_SLICE_ARG(t->text));
}

void print_term(cql_buf *b, const cqle_term *t) {
  switch (t->kind) {
  case CQLE_TERM_LITERAL: print_literal(b, t); return;
  case CQLE_TERM_NULL: cql_buf_str(b, "null"); return;
  case CQLE_TERM_MARKER:
    cql_buf_printf(b, "?%u", t->marker);
    if (t->text.data) cql_buf_printf(b, ":" CQL_SLICE_FMT, CQL_SLICE_ARG(t->text));
    return;
  case CQLE_TERM_LIST: print_items(b, t, "list"); return;
  case CQLE_TERM_SET: print_items(b, t, "set"); return;
  case CQLE_TERM_MAP: print_items(b, t, "map"); return;
  case CQLE_TERM_TUPLE: print_items(b, t, "tuple"); return;
  case CQLE_TERM_UDT: print_items(b, t, "udt"); return;
  case CQLE_TERM_CALL:
    print_qname(b, &t->function);
    print_items(b, t, "");
    return;
  case CQLE_TERM_HINT:
    cql_buf_printf(b, "hint<" CQL_SLICE_FMT ">", CQL_SLICE_ARG(t->type.text));
    print_items(b, t, "");
    return;
  }
}

/* --- selectors ---------------------------------------------------------------------------------------------------- */

static const char *const selector_kinds[] = {
    [CQLE_SEL_COLUMN] = "column",   [CQLE_SEL_TERM] = "term",       [CQLE_SEL_COUNT_STAR] = "count_star",
    [CQLE_SEL_CALL] = "call",       [CQLE_SEL_CAST] = "cast",       [CQLE_SEL_HINT] = "hint",
    [CQLE_SEL_WRITETIME] = "wtime", [CQLE_SEL_TTL] = "ttl",         [CQLE_SEL_MAXWRITETIME] = "maxwtime",
    [CQLE_SEL_FIELD] = "field",     [CQLE_SEL_ELEMENT] = "element", [CQLE_SEL_SLICE] = "slice",
    [CQLE_SEL_TUPLE] = "tuple",     [CQLE_SEL_LIST] = "list",       [CQLE_SEL_SET] = "set",
    [CQLE_SEL_MAP] = "map"};

static void print_bound(cql_buf *b, const char *label, const cqle_term *t) {
  if (!t) return;
  cql_buf_printf(b, " %s ", label);
  print_term(b, t);
}

void print_selector(cql_buf *b, const cqle_selector *s) {
  if (s->kind == CQLE_SEL_COLUMN) {
    print_name(b, s->name);
    return;
  }
  if (s->kind == CQLE_SEL_TERM) {
    print_term(b, s->term);
    return;
  }
  cql_buf_str(b, s->kind == CQLE_SEL_CALL ? "" : selector_kinds[s->kind]);
  if (s->kind == CQLE_SEL_CALL) print_qname(b, &s->function);
  if (s->type.text.data) cql_buf_printf(b, "<" CQL_SLICE_FMT ">", CQL_SLICE_ARG(s->type.text));
  cql_buf_str(b, "(");
  for (uint32_t i = 0; i < s->count; i++) {
    if (i > 0) cql_buf_str(b, ", ");
    print_selector(b, s->args[i]);
  }
  if (s->kind == CQLE_SEL_FIELD) cql_buf_printf(b, " ." CQL_SLICE_FMT, CQL_SLICE_ARG(s->name));
  print_bound(b, "from", s->from);
  print_bound(b, "to", s->to);
  cql_buf_str(b, ")");
}

/* --- relations ---------------------------------------------------------------------------------------------------- */

static void print_relation(cql_buf *b, const cqle_relation *r) {
  static const char *const kinds[] = {"", "tuple", "token", "element", "field", "expr"};
  cql_buf_str(b, kinds[r->kind]);
  cql_buf_str(b, "(");
  for (uint32_t i = 0; i < r->column_count; i++) {
    if (i > 0) cql_buf_str(b, ", ");
    print_name(b, r->columns[i]);
  }
  print_bound(b, "at", r->key);
  if (r->field.data) cql_buf_printf(b, " ." CQL_SLICE_FMT, CQL_SLICE_ARG(r->field));
  cql_buf_str(b, ")");
  if (r->kind != CQLE_REL_CUSTOM) cql_buf_printf(b, " %s", cqle_op_text(r->op));
  if (r->term) print_bound(b, "", r->term);
  if (!r->in_list) return;
  cql_buf_str(b, " [");
  for (uint32_t i = 0; i < r->value_count; i++) {
    if (i > 0) cql_buf_str(b, ", ");
    print_term(b, r->values[i]);
  }
  cql_buf_str(b, "]");
}

void print_relations(cql_buf *b, const char *label, const cqle_relation *r, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    cql_buf_printf(b, " %s ", i == 0 ? label : "and");
    print_relation(b, &r[i]);
  }
}
