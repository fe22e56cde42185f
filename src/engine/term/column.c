/* column.c: columns found by name, and what is said of those that are not there. */
#include "engine/parse/token.h"
#include "engine/term/term.h"

enum { QUOTED_LEN_MAX = 256 };

bool cqle_needs_quotes(cql_slice name) {
  for (size_t i = 0; i < name.len; i++) {
    uint8_t c = name.data[i];
    bool letter = c >= 'a' && c <= 'z', digit = (c >= '0' && c <= '9') || c == '_';
    if (!letter && !(digit && i > 0)) return true;
  }
  cqle_token_kind kind = cqle_keyword_find(name);
  return name.len == 0 || (kind != CQLE_TOK_IDENT && (cqle_token_keyword_use(kind) & CQLE_KW_NAME) == 0);
}

/* The name as CQL text; a very long one is cut, as the message would be. */
static const char *quoted(cql_slice name, char out[QUOTED_LEN_MAX]) {
  bool quotes = cqle_needs_quotes(name);
  size_t at = 0;
  if (quotes) out[at++] = '"';
  for (size_t i = 0; i < name.len && at < QUOTED_LEN_MAX - 4; i++) {
    if (name.data[i] == '"') out[at++] = '"';
    out[at++] = (char)name.data[i];
  }
  if (quotes) out[at++] = '"';
  out[at] = '\0';
  return out;
}

cql_status cqle_find_column(const cqle_table *t, cql_slice name, const cqle_column **out, cql_error *err) {
  char column[QUOTED_LEN_MAX], keyspace[QUOTED_LEN_MAX], table[QUOTED_LEN_MAX];
  *out = cqle_table_column(t, name);
  if (*out != NULL) return CQL_OK;
  return cql_fail(err, CQL_INVALID, "Undefined column name %s in table %s.%s", quoted(name, column),
                  quoted(cql_slice_str(t->keyspace->name), keyspace), quoted(cql_slice_str(t->name), table));
}
