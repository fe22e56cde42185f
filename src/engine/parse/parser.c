#include "engine/parse/parser.h"

#include <stdio.h>
#include <string.h>

void *cqle_list_add(cql_arena *a, cqle_list *list, size_t item_size) {
  if (list->count == list->cap) {
    uint32_t cap = list->cap ? list->cap * 2 : 4;
    void *items = cap > list->cap ? cql_arena_array(a, cap, item_size) : NULL;
    if (!items) return NULL;
    if (list->count) memcpy(items, list->items, list->count * item_size);
    list->items = items;
    list->cap = cap;
  }
  return memset((char *)list->items + list->count++ * item_size, 0, item_size);
}

cql_status cqle_p_nomem(cqle_parser *p) {
  p->a->failed = true; /* a rule that is only tried may pass over it */
  return cql_fail(p->err, CQL_NOMEM, "The statement needs more memory than there is");
}

cql_status cqle_p_next(cqle_parser *p) {
  p->last_end = p->tok.offset + p->tok.text.len;
  return cqle_lexer_next(&p->lexer, p->a, &p->tok, p->err);
}

cqle_token_kind cqle_p_peek(const cqle_parser *p, int n) {
  cqle_lexer l = p->lexer;
  cqle_token t = {.kind = CQLE_TOK_BAD};
  while (n-- > 0)
    if (cqle_lexer_next(&l, p->a, &t, NULL) != CQL_OK) return CQLE_TOK_BAD;
  return t.kind;
}

bool cqle_p_at(const cqle_parser *p, cqle_token_kind kind) {
  return p->tok.kind == kind;
}

cql_status cqle_p_accept(cqle_parser *p, cqle_token_kind kind, bool *found) {
  *found = p->tok.kind == kind;
  return *found ? cqle_p_next(p) : CQL_OK;
}

/* What Cassandra shows of a token: strings and quoted names without their quotes. */
static cql_slice shown(const cqle_parser *p) {
  if (p->tok.kind == CQLE_TOK_EMPTY_QUOTED_NAME) return p->tok.text;
  return p->tok.value;
}

cql_status cqle_p_expect(cqle_parser *p, cqle_token_kind kind) {
  if (p->tok.kind == kind) return cqle_p_next(p);
  return cqle_syntax_error(p->err, p->tok.pos, "mismatched input '" CQL_SLICE_FMT "' expecting %s",
                           CQL_SLICE_ARG(shown(p)), cqle_token_kind_name(kind));
}

cql_status cqle_p_no_viable(cqle_parser *p) {
  return cqle_syntax_error(p->err, p->tok.pos, "no viable alternative at input '" CQL_SLICE_FMT "'",
                           CQL_SLICE_ARG(shown(p)));
}

cql_status cqle_p_fail(cqle_parser *p, const char *format, ...) {
  char text[CQL_ERROR_MESSAGE_LEN];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return cql_fail(p->err, CQL_SYNTAX, "%s", text);
}

cql_status cqle_p_enter(cqle_parser *p) {
  if (p->depth == CQLE_PARSE_DEPTH_MAX)
    return cql_fail(p->err, CQL_LIMIT, "The statement nests deeper than %d levels", CQLE_PARSE_DEPTH_MAX);
  p->depth++;
  return CQL_OK;
}

void cqle_p_leave(cqle_parser *p) {
  p->depth--;
}

cql_status cqle_p_refuse(cqle_statement *s, cql_status status, const char *message) {
  s->kind = CQLE_STMT_REFUSED;
  s->as.refused.status = status;
  s->as.refused.message = message;
  return CQL_OK;
}

static cql_status parse_statement(cqle_parser *p, cqle_statement *s) {
  switch (p->tok.kind) {
  case CQLE_K_SELECT: return cqle_p_select(p, s);
  case CQLE_K_INSERT:
  case CQLE_K_UPDATE:
  case CQLE_K_DELETE: s->kind = CQLE_STMT_MODIFY; return cqle_p_modification(p, &s->as.modify);
  case CQLE_K_BEGIN: return cqle_p_batch(p, s);
  case CQLE_K_USE: return cqle_p_use(p, s);
  case CQLE_K_TRUNCATE: return cqle_p_truncate(p, s);
  case CQLE_K_CREATE: return cqle_p_create(p, s);
  case CQLE_K_ALTER: return cqle_p_alter(p, s);
  case CQLE_K_DROP: return cqle_p_drop(p, s);
  case CQLE_K_DESCRIBE:
  case CQLE_K_DESC: return cqle_p_describe(p, s);
  case CQLE_K_GRANT:
  case CQLE_K_REVOKE: return cqle_p_grant_or_revoke(p, s);
  case CQLE_K_LIST: return cqle_p_list(p, s);
  case CQLE_K_ADD: return cqle_p_add_identity(p, s);
  default: return cqle_p_no_viable(p);
  }
}

cql_status cqle_parse(cql_arena *a, cql_slice text, cqle_statement **out, cql_error *err) {
  cqle_parser p = {.a = a, .err = err};
  cqle_statement *s;
  bool more = true;
  *out = NULL;
  if (text.len > CQLE_TEXT_LEN_MAX)
    return cql_fail(err, CQL_LIMIT, "The statement is longer than %d bytes", CQLE_TEXT_LEN_MAX);
  if (!cql_utf8_valid(text)) return cql_fail(err, CQL_PROTOCOL, "The statement is not valid UTF-8");
  s = cql_arena_zero(a, sizeof *s);
  if (!s) return cqle_p_nomem(&p);
  cqle_lexer_init(&p.lexer, text);
  CQLE_PARSE(cqle_p_next(&p));
  CQLE_PARSE(parse_statement(&p, s));
  while (more) CQLE_PARSE(cqle_p_accept(&p, CQLE_TOK_SEMICOLON, &more));
  CQLE_PARSE(cqle_p_expect(&p, CQLE_TOK_EOF));
  s->marker_count = p.marker_count;
  s->marker_names = p.marker_names;
  *out = s;
  return CQL_OK;
}
