#include "engine/parse/parser.h"

#include <string.h>

bool cqle_p_is_name(cqle_token_kind kind) {
  return kind == CQLE_TOK_IDENT || kind == CQLE_TOK_QUOTED_NAME || (cqle_token_keyword_use(kind) & CQLE_KW_NAME);
}

/* An unquoted name is folded to lower case; bytes are copied only when that changes them. */
static cql_status fold(cqle_parser *p, cql_slice *out) {
  cql_slice text = p->tok.text;
  uint8_t *copy;
  size_t i = 0;
  while (i < text.len && !(text.data[i] >= 'A' && text.data[i] <= 'Z')) i++;
  *out = text;
  if (i == text.len) return CQL_OK;
  copy = cql_arena_copy(p->a, text.data, text.len);
  if (!copy) return cqle_p_nomem(p);
  for (; i < text.len; i++)
    if (copy[i] >= 'A' && copy[i] <= 'Z') copy[i] = (uint8_t)(copy[i] + 32);
  *out = cql_slice_of(copy, text.len);
  return CQL_OK;
}

static cql_status take_name(cqle_parser *p, cql_slice *out) {
  if (p->tok.kind == CQLE_TOK_QUOTED_NAME)
    *out = p->tok.value;
  else
    CQLE_PARSE(fold(p, out));
  return cqle_p_next(p);
}

cql_status cqle_p_ident(cqle_parser *p, cql_slice *out) {
  return cqle_p_is_name(p->tok.kind) ? take_name(p, out) : cqle_p_no_viable(p);
}

cql_status cqle_p_cident(cqle_parser *p, cql_slice *out) {
  if (p->tok.kind != CQLE_TOK_EMPTY_QUOTED_NAME) return cqle_p_ident(p, out);
  *out = CQL_SLICE_LITERAL("");
  return cqle_p_next(p);
}

/* A name that cannot be bound: what says which. */
static cql_status fixed_name(cqle_parser *p, const char *what, cql_slice *out) {
  if (p->tok.kind == CQLE_TOK_QMARK) return cqle_p_fail(p, "Bind variables cannot be used for %s names", what);
  return cqle_p_ident(p, out);
}

cql_status cqle_p_keyspace_name(cqle_parser *p, cql_slice *out) {
  return fixed_name(p, "keyspace", out);
}

static cql_status qualified(cqle_parser *p, const char *what, cqle_qname *out) {
  bool dot;
  memset(out, 0, sizeof *out);
  if (p->tok.kind == CQLE_TOK_QMARK && cqle_p_peek(p, 1) == CQLE_TOK_DOT) what = "keyspace";
  CQLE_PARSE(fixed_name(p, what, &out->name));
  CQLE_PARSE(cqle_p_accept(p, CQLE_TOK_DOT, &dot));
  if (!dot) return CQL_OK;
  out->keyspace = out->name;
  return fixed_name(p, what, &out->name);
}

cql_status cqle_p_table_name(cqle_parser *p, cqle_qname *out) {
  return qualified(p, "table", out);
}

cql_status cqle_p_index_name(cqle_parser *p, cqle_qname *out) {
  return qualified(p, "index", out);
}

cql_status cqle_p_single_index_name(cqle_parser *p, cql_slice *out) {
  return fixed_name(p, "index", out);
}

cql_status cqle_p_type_name(cqle_parser *p, cqle_qname *out) {
  static const char *const reserved[] = {"byte", "complex", "enum", "date", "interval", "macaddr", "bitstring"};
  memset(out, 0, sizeof *out);
  if (cqle_p_is_name(p->tok.kind) && cqle_p_peek(p, 1) == CQLE_TOK_DOT) {
    CQLE_PARSE(cqle_p_ident(p, &out->keyspace));
    CQLE_PARSE(cqle_p_next(p));
  }
  if (p->tok.kind == CQLE_TOK_IDENT)
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
      if (cql_slice_eq_str(p->tok.text, reserved[i]))
        return cqle_p_fail(p, "Invalid (reserved) user type name %s", reserved[i]);
  if (p->tok.kind == CQLE_TOK_IDENT || p->tok.kind == CQLE_TOK_QUOTED_NAME ||
      (cqle_token_keyword_use(p->tok.kind) & CQLE_KW_TYPE_NAME))
    return take_name(p, &out->name);
  /* Other words can only be the keyspace. */
  if (!cqle_p_is_name(p->tok.kind)) return cqle_p_no_viable(p);
  CQLE_PARSE(cqle_p_next(p));
  return cqle_p_expect(p, CQLE_TOK_DOT);
}

cql_status cqle_p_role_name(cqle_parser *p) {
  cql_slice name;
  if (p->tok.kind == CQLE_TOK_STRING) return cqle_p_next(p);
  return fixed_name(p, "role", &name);
}

bool cqle_p_is_function_name(cqle_token_kind kind) {
  return kind == CQLE_TOK_IDENT || kind == CQLE_TOK_QUOTED_NAME || kind == CQLE_K_TOKEN || kind == CQLE_K_COUNT ||
         (cqle_token_keyword_use(kind) & CQLE_KW_FUNCTION);
}

cql_status cqle_p_function_name(cqle_parser *p, cqle_qname *out) {
  memset(out, 0, sizeof *out);
  if (cqle_p_is_name(p->tok.kind) && cqle_p_peek(p, 1) == CQLE_TOK_DOT) {
    CQLE_PARSE(take_name(p, &out->keyspace));
    CQLE_PARSE(cqle_p_next(p));
  }
  if (!cqle_p_is_function_name(p->tok.kind)) return cqle_p_no_viable(p);
  return take_name(p, &out->name);
}

bool cqle_p_at_function(const cqle_parser *p) {
  if (cqle_p_is_function_name(p->tok.kind) && cqle_p_peek(p, 1) == CQLE_TOK_LPAREN) return true;
  return cqle_p_is_name(p->tok.kind) && cqle_p_peek(p, 1) == CQLE_TOK_DOT &&
         cqle_p_is_function_name(cqle_p_peek(p, 2)) && cqle_p_peek(p, 3) == CQLE_TOK_LPAREN;
}

cql_status cqle_p_if_not_exists(cqle_parser *p, bool *found) {
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_IF, found));
  if (!*found) return CQL_OK;
  CQLE_PARSE(cqle_p_expect(p, CQLE_K_NOT));
  return cqle_p_expect(p, CQLE_K_EXISTS);
}

cql_status cqle_p_if_exists(cqle_parser *p, bool *found) {
  CQLE_PARSE(cqle_p_accept(p, CQLE_K_IF, found));
  return *found ? cqle_p_expect(p, CQLE_K_EXISTS) : CQL_OK;
}

/* --- types -------------------------------------------------------------------------------------------------------- */

/* Adds the current token to the type's text, without the blanks and comments that stood between, and moves on. */
static cql_status type_token(cqle_parser *p, cql_buf *b, cqle_token_kind kind) {
  if (p->tok.kind == kind) {
    cql_buf_slice(b, p->tok.text);
    if (kind == CQLE_TOK_COMMA) cql_buf_u8(b, ' ');
  }
  return cqle_p_expect(p, kind);
}

static cql_status type_into(cqle_parser *p, cql_buf *b);

/* The arguments in angle brackets: so many types; 0: one or more. */
static cql_status type_arguments(cqle_parser *p, cql_buf *b, int count) {
  CQLE_PARSE(type_token(p, b, CQLE_TOK_LT));
  CQLE_PARSE(type_into(p, b));
  for (int i = 1; count == 0 ? cqle_p_at(p, CQLE_TOK_COMMA) : i < count; i++) {
    CQLE_PARSE(type_token(p, b, CQLE_TOK_COMMA));
    CQLE_PARSE(type_into(p, b));
  }
  return type_token(p, b, CQLE_TOK_GT);
}

static cql_status type_vector(cqle_parser *p, cql_buf *b) {
  CQLE_PARSE(type_token(p, b, CQLE_TOK_LT));
  CQLE_PARSE(type_into(p, b));
  CQLE_PARSE(type_token(p, b, CQLE_TOK_COMMA));
  CQLE_PARSE(type_token(p, b, CQLE_TOK_INTEGER));
  return type_token(p, b, CQLE_TOK_GT);
}

/* A name that may be one of a user-defined type: [keyspace.]name */
static cql_status type_user(cqle_parser *p, cql_buf *b) {
  size_t start = p->tok.offset;
  cqle_qname name;
  CQLE_PARSE(cqle_p_type_name(p, &name));
  cql_buf_slice(b, cql_slice_of(p->lexer.text.data + start, p->last_end - start));
  return CQL_OK;
}

static cql_status type_rule(cqle_parser *p, cql_buf *b) {
  cqle_token_kind kind = p->tok.kind;
  if (cqle_token_is_native_type(kind) && cqle_p_peek(p, 1) != CQLE_TOK_DOT) return type_token(p, b, kind);
  if (kind == CQLE_TOK_STRING) return type_token(p, b, kind);
  if (kind == CQLE_K_SET || cqle_p_peek(p, 1) == CQLE_TOK_LT) {
    switch (kind) {
    case CQLE_K_SET:
    case CQLE_K_LIST:
    case CQLE_K_FROZEN: CQLE_PARSE(type_token(p, b, kind)); return type_arguments(p, b, 1);
    case CQLE_K_MAP: CQLE_PARSE(type_token(p, b, kind)); return type_arguments(p, b, 2);
    case CQLE_K_TUPLE: CQLE_PARSE(type_token(p, b, kind)); return type_arguments(p, b, 0);
    case CQLE_K_VECTOR: CQLE_PARSE(type_token(p, b, kind)); return type_vector(p, b);
    default: break;
    }
  }
  return type_user(p, b);
}

static cql_status type_into(cqle_parser *p, cql_buf *b) {
  CQLE_PARSE(cqle_p_enter(p));
  CQLE_PARSE(type_rule(p, b));
  cqle_p_leave(p);
  return CQL_OK;
}

cql_status cqle_p_type(cqle_parser *p, cqle_raw_type *out) {
  cql_buf b;
  cql_status st;
  cql_buf_init(&b, p->a->alloc, CQLE_TEXT_LEN_MAX);
  out->pos = p->tok.pos;
  st = type_into(p, &b);
  if (st == CQL_OK && b.st != CQL_OK) st = cqle_p_nomem(p);
  if (st == CQL_OK && cql_arena_slice(p->a, cql_buf_view(&b), &out->text) != CQL_OK) st = cqle_p_nomem(p);
  cql_buf_free(&b);
  return st;
}

cql_status cqle_p_native_type(cqle_parser *p, cqle_raw_type *out) {
  if (!cqle_token_is_native_type(p->tok.kind)) return cqle_p_no_viable(p);
  out->pos = p->tok.pos;
  out->text = p->tok.text;
  return cqle_p_next(p);
}
