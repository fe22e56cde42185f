#include "engine/parse/token.h"

#include <string.h>

typedef struct keyword {
  const char *text;
  const char *name; /* as Cassandra's grammar has it */
  unsigned use;
} keyword;

static const keyword keywords[] = {
#define KEYWORD_ROW(name, text, use) {text, "K_" #name, use},
    CQLE_KEYWORD_MAP(KEYWORD_ROW)
#undef KEYWORD_ROW
};

enum {
  KEYWORD_COUNT = sizeof keywords / sizeof *keywords,
  KEYWORD_FIRST = CQLE_TOKEN_KIND_COUNT - KEYWORD_COUNT,
  KEYWORD_LEN_MAX = 16,
};

/* Two spellings that Cassandra's lexer gives one name. */
static cqle_token_kind fold_synonym(cqle_token_kind kind) {
  if (kind == CQLE_K_TABLE) return CQLE_K_COLUMNFAMILY;
  if (kind == CQLE_K_COLUMNFAMILIES) return CQLE_K_TABLES;
  return kind;
}

cqle_token_kind cqle_keyword_find(cql_slice word) {
  char lower[KEYWORD_LEN_MAX + 1];
  int low = 0, high = KEYWORD_COUNT - 1;
  if (word.len > KEYWORD_LEN_MAX) return CQLE_TOK_IDENT;
  for (size_t i = 0; i < word.len; i++) {
    uint8_t c = word.data[i];
    lower[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
  }
  lower[word.len] = 0;
  if (strcmp(lower, "true") == 0 || strcmp(lower, "false") == 0) return CQLE_TOK_BOOLEAN;
  while (low <= high) {
    int mid = (low + high) / 2;
    int order = strcmp(lower, keywords[mid].text);
    if (order == 0) return fold_synonym((cqle_token_kind)(KEYWORD_FIRST + mid));
    if (order < 0)
      high = mid - 1;
    else
      low = mid + 1;
  }
  return CQLE_TOK_IDENT;
}

static const keyword *keyword_of(cqle_token_kind kind) {
  return (int)kind >= KEYWORD_FIRST && kind < CQLE_TOKEN_KIND_COUNT ? &keywords[(int)kind - KEYWORD_FIRST] : NULL;
}

unsigned cqle_token_keyword_use(cqle_token_kind kind) {
  const keyword *k = keyword_of(kind);
  return k ? k->use : 0;
}

bool cqle_token_is_native_type(cqle_token_kind kind) {
  return cqle_token_keyword_use(kind) == CQLE_KW_NATIVE;
}

const char *cqle_keyword_text(cqle_token_kind kind) {
  const keyword *k = keyword_of(kind);
  return k ? k->text : "";
}

const char *cqle_token_kind_name(cqle_token_kind kind) {
  static const char *const names[] = {
      [CQLE_TOK_BAD] = "<invalid>",
      [CQLE_TOK_EOF] = "EOF",
      [CQLE_TOK_IDENT] = "IDENT",
      [CQLE_TOK_QUOTED_NAME] = "QUOTED_NAME",
      [CQLE_TOK_EMPTY_QUOTED_NAME] = "EMPTY_QUOTED_NAME",
      [CQLE_TOK_STRING] = "STRING_LITERAL",
      [CQLE_TOK_INTEGER] = "INTEGER",
      [CQLE_TOK_FLOAT] = "FLOAT",
      [CQLE_TOK_BOOLEAN] = "BOOLEAN",
      [CQLE_TOK_DURATION] = "DURATION",
      [CQLE_TOK_UUID] = "UUID",
      [CQLE_TOK_HEX] = "HEXNUMBER",
      [CQLE_TOK_NEGATIVE_NAN] = "K_NEGATIVE_NAN",
      [CQLE_TOK_NEGATIVE_INFINITY] = "K_NEGATIVE_INFINITY",
      [CQLE_TOK_QMARK] = "QMARK",
      [CQLE_TOK_RANGE] = "RANGE",
      [CQLE_TOK_EXPR] = "'expr('",
      [CQLE_TOK_LT] = "'<'",
      [CQLE_TOK_LE] = "'<='",
      [CQLE_TOK_GT] = "'>'",
      [CQLE_TOK_GE] = "'>='",
      [CQLE_TOK_EQ] = "'='",
      [CQLE_TOK_NE] = "'!='",
      [CQLE_TOK_PLUS] = "'+'",
      [CQLE_TOK_PLUS_EQ] = "'+='",
      [CQLE_TOK_MINUS] = "'-'",
      [CQLE_TOK_MINUS_EQ] = "'-='",
      [CQLE_TOK_STAR] = "'*'",
      [CQLE_TOK_SLASH] = "'/'",
      [CQLE_TOK_PERCENT] = "'%'",
      [CQLE_TOK_LPAREN] = "'('",
      [CQLE_TOK_RPAREN] = "')'",
      [CQLE_TOK_LBRACKET] = "'['",
      [CQLE_TOK_RBRACKET] = "']'",
      [CQLE_TOK_LBRACE] = "'{'",
      [CQLE_TOK_RBRACE] = "'}'",
      [CQLE_TOK_COMMA] = "','",
      [CQLE_TOK_DOT] = "'.'",
      [CQLE_TOK_COLON] = "':'",
      [CQLE_TOK_SEMICOLON] = "';'",
  };
  const keyword *k = keyword_of(kind);
  return k ? k->name : names[kind];
}
