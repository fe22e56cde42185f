/* relation_text.c: relations and terms in the words of Cassandra's toString(), for error texts. */
#include "engine/table/row.h"
#include "engine/where/where_int.h"

enum { TEXT_LEN_MAX = 4096 };

static void put_name(cql_buf *b, cql_slice name) {
  if (!cqle_needs_quotes(name)) {
    cql_buf_slice(b, name);
    return;
  }
  cql_buf_u8(b, '"');
  for (size_t i = 0; i < name.len; i++) {
    if (name.data[i] == '"') cql_buf_u8(b, '"');
    cql_buf_u8(b, name.data[i]);
  }
  cql_buf_u8(b, '"');
}

static void put_term(cql_buf *b, const cqle_term *t, int depth);

static void put_items(cql_buf *b, const cqle_term *t, const char *open, const char *close, int depth) {
  cql_buf_str(b, open);
  for (uint32_t i = 0; i < t->count; i++) {
    bool is_value = t->kind == CQLE_TERM_MAP && i % 2 == 1;
    if (i > 0) cql_buf_str(b, is_value ? ": " : ", ");
    if (t->kind == CQLE_TERM_UDT) {
      cql_buf_slice(b, t->names[i]);
      cql_buf_str(b, ": ");
    }
    put_term(b, t->items[i], depth + 1);
  }
  cql_buf_str(b, close);
}

static void put_call(cql_buf *b, const cqle_term *t, int depth) {
  if (t->function.keyspace.data != NULL) {
    cql_buf_slice(b, t->function.keyspace);
    cql_buf_str(b, ".");
  }
  cql_buf_slice(b, t->function.name);
  put_items(b, t, "(", ")", depth);
}

static void put_term(cql_buf *b, const cqle_term *t, int depth) {
  if (depth > CQLE_PARSE_DEPTH_MAX) return;
  switch (t->kind) {
  case CQLE_TERM_LITERAL:
    if (t->literal == CQL_LITERAL_STRING) cql_buf_str(b, "'");
    cql_buf_slice(b, t->text);
    if (t->literal == CQL_LITERAL_STRING) cql_buf_str(b, "'");
    break;
  case CQLE_TERM_NULL: cql_buf_str(b, "NULL"); break;
  case CQLE_TERM_MARKER:
    cql_buf_str(b, t->text.data == NULL ? "?" : ":");
    cql_buf_slice(b, t->text);
    break;
  case CQLE_TERM_LIST: put_items(b, t, "[", "]", depth); break;
  case CQLE_TERM_SET:
  case CQLE_TERM_MAP:
  case CQLE_TERM_UDT: put_items(b, t, "{", "}", depth); break;
  case CQLE_TERM_TUPLE: put_items(b, t, "(", ")", depth); break;
  case CQLE_TERM_CALL: put_call(b, t, depth); break;
  case CQLE_TERM_HINT:
    cql_buf_str(b, "(");
    cql_buf_slice(b, t->type.text);
    cql_buf_str(b, ")");
    if (t->count > 0) put_term(b, t->items[0], depth + 1);
    break;
  }
}

static void put_left(cql_buf *b, const cqle_relation *r) {
  if (r->kind == CQLE_REL_TOKEN) cql_buf_str(b, "token");
  if (r->kind == CQLE_REL_TUPLE || r->kind == CQLE_REL_TOKEN) cql_buf_str(b, "(");
  for (uint32_t i = 0; i < r->column_count; i++) {
    if (i > 0) cql_buf_str(b, ", ");
    put_name(b, r->columns[i]);
  }
  if (r->kind == CQLE_REL_TUPLE || r->kind == CQLE_REL_TOKEN) cql_buf_str(b, ")");
  if (r->kind == CQLE_REL_ELEMENT) {
    cql_buf_str(b, "[");
    put_term(b, r->key, 0);
    cql_buf_str(b, "]");
  }
}

static void put_right(cql_buf *b, const cqle_relation *r) {
  cql_buf_str(b, r->op == CQLE_OP_IS_NOT_NULL ? " NULL" : " ");
  if (r->in_list) {
    cql_buf_str(b, "(");
    for (uint32_t i = 0; i < r->value_count; i++) {
      if (i > 0) cql_buf_str(b, ", ");
      put_term(b, r->values[i], 0);
    }
    cql_buf_str(b, ")");
  } else if (r->term != NULL)
    put_term(b, r->term, 0);
}

/* The texts grow in the arena: when it is out of memory it says so, and what is being planned fails. */
static const char *finish(cql_arena *a, const cql_buf *b) {
  const char *text = NULL;
  if (b->st == CQL_OK || b->st == CQL_LIMIT) text = cql_arena_str(a, cql_buf_view(b));
  return text == NULL ? "" : text;
}

const char *cqle_relation_text(cql_arena *a, const cqle_relation *r) {
  cql_alloc alloc = cqle_arena_alloc(a);
  cql_buf b;
  cql_buf_init(&b, &alloc, TEXT_LEN_MAX);
  put_left(&b, r);
  cql_buf_str(&b, " ");
  cql_buf_str(&b, cqle_op_text(r->op));
  put_right(&b, r);
  return finish(a, &b);
}

const char *cqle_term_text(cql_arena *a, const cqle_term *t) {
  cql_alloc alloc = cqle_arena_alloc(a);
  cql_buf b;
  cql_buf_init(&b, &alloc, TEXT_LEN_MAX);
  put_term(&b, t, 0);
  return finish(a, &b);
}
