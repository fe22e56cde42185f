#include "engine/parse/token.h"

#include <stdio.h>
#include <string.h>

/* Reading past the end gives END, which no rule accepts. */
enum { END = -1 };

void cqle_lexer_init(cqle_lexer *l, cql_slice text) {
  *l = (cqle_lexer){text, 0, 1, 0};
}

cql_status cqle_syntax_error(cql_error *err, cqle_pos pos, const char *format, ...) {
  char text[CQL_ERROR_MESSAGE_LEN];
  va_list args;
  if (!err) return CQL_SYNTAX;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  /* Cassandra has no position for the end of the text: it says line 0:-1. */
  if (pos.line == 0)
    cql_fail(err, CQL_SYNTAX, "line 0:-1 %s", text);
  else
    cql_fail(err, CQL_SYNTAX, "line %u:%u %s", pos.line, pos.column, text);
  err->line = pos.line;
  err->column = pos.column;
  return CQL_SYNTAX;
}

static int peek(const cqle_lexer *l, size_t ahead) {
  return ahead < l->text.len - l->at ? l->text.data[l->at + ahead] : END;
}

/* Moves over len bytes, counting lines and columns as Java does: in UTF-16 units. */
static void advance(cqle_lexer *l, size_t len) {
  for (size_t i = 0; i < len; i++) {
    uint8_t c = l->text.data[l->at + i];
    if (c == '\n') {
      l->line++;
      l->column = 0;
    } else if ((c & 0xC0) != 0x80) {
      l->column += c >= 0xF0 ? 2 : 1;
    }
  }
  l->at += len;
}

static bool is_digit(int c) {
  return c >= '0' && c <= '9';
}
static bool is_letter(int c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static bool is_hex(int c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
static bool is_word(int c) {
  return is_letter(c) || is_digit(c) || c == '_';
}
static int lower(int c) {
  return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

/* The character ahead does not continue the token that has begun. */
static cql_status fail_at(const cqle_lexer *l, size_t ahead, const char *expecting, cql_error *err) {
  cqle_lexer at = *l;
  cqle_pos pos;
  char shown[16] = "<EOF>";
  int c;
  advance(&at, ahead > l->text.len - l->at ? l->text.len - l->at : ahead);
  pos = (cqle_pos){at.line, at.column};
  c = peek(&at, 0);
  if (c == '\n') {
    strcpy(shown, "\\n");
  } else if (c != END) {
    size_t len = 1;
    while (len < 4 && (peek(&at, len) & 0xC0) == 0x80 && peek(&at, len) != END) len++;
    snprintf(shown, sizeof shown, "%.*s", (int)len, (const char *)at.text.data + at.at);
  }
  if (!expecting) return cqle_syntax_error(err, pos, "no viable alternative at character '%s'", shown);
  return cqle_syntax_error(err, pos, "mismatched character '%s' expecting %s", shown, expecting);
}

/* White space and comments. A line comment must end with its line; a block comment with its sign. */
static cql_status skip_blanks(cqle_lexer *l, cql_error *err) {
  for (;;) {
    int c = peek(l, 0);
    size_t len = 0;
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      advance(l, 1);
    } else if ((c == '-' && peek(l, 1) == '-') || (c == '/' && peek(l, 1) == '/')) {
      while (peek(l, len) != '\n' && peek(l, len) != '\r' && peek(l, len) != END) len++;
      if (peek(l, len) == END) return fail_at(l, len, "set null", err);
      advance(l, len + 1);
    } else if (c == '/' && peek(l, 1) == '*') {
      for (len = 2; peek(l, len) != END && !(peek(l, len) == '*' && peek(l, len + 1) == '/');) len++;
      if (peek(l, len) == END) return fail_at(l, len, "'*'", err);
      advance(l, len + 2);
    } else {
      return CQL_OK;
    }
  }
}

/* 'it''s' and "a ""b""": the text between the quotes, doubled quotes made one. */
static cql_status lex_quoted(cqle_lexer *l, cql_arena *a, int quote, cqle_token *out, size_t *len, cql_error *err) {
  size_t end = 1, escapes = 0, to = 0;
  uint8_t *bytes;
  for (;; end++) {
    if (peek(l, end) == END) return fail_at(l, end, quote == '"' ? "'\"'" : "'''", err);
    if (peek(l, end) != quote) continue;
    if (peek(l, end + 1) != quote) break;
    escapes++;
    end++;
  }
  *len = end + 1;
  out->value = cql_slice_of(l->text.data + l->at + 1, end - 1);
  if (escapes == 0) return CQL_OK;
  bytes = cql_arena_get(a, out->value.len - escapes);
  if (!bytes) return cql_fail(err, CQL_NOMEM, "out of memory");
  for (size_t i = 0; i < out->value.len; i++) {
    bytes[to++] = out->value.data[i];
    if (out->value.data[i] == quote) i++;
  }
  out->value = cql_slice_of(bytes, to);
  return CQL_OK;
}

/* Names end at a zero byte in the catalog and in the public headers; Cassandra lets them hold it. */
static cql_status lex_quoted_name(cqle_lexer *l, cql_arena *a, cqle_token *out, size_t *len, cql_error *err) {
  cql_status st = lex_quoted(l, a, '"', out, len, err);
  if (st != CQL_OK) return st;
  out->kind = *len == 2 ? CQLE_TOK_EMPTY_QUOTED_NAME : CQLE_TOK_QUOTED_NAME;
  if (*len == 2 || memchr(out->value.data, '\0', out->value.len) == NULL) return CQL_OK;
  return cql_fail(err, CQL_INVALID, "Names with a zero byte in them are not supported by the embedded engine");
}

/* $$ anything $$ */
static cql_status lex_dollars(cqle_lexer *l, cqle_token *out, size_t *len, cql_error *err) {
  size_t end = 2;
  if (peek(l, 1) != '$') return fail_at(l, 1, "'$'", err);
  while (peek(l, end) != END && !(peek(l, end) == '$' && peek(l, end + 1) == '$')) end++;
  if (peek(l, end) == END) return fail_at(l, end > 2 ? end - 1 : end, "'$'", err);
  *len = end + 2;
  out->value = cql_slice_of(l->text.data + l->at + 2, end - 2);
  return CQL_OK;
}

/* How many characters from `from` fit xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx; 36 is a UUID. */
static size_t uuid_prefix(const cqle_lexer *l) {
  size_t i = 0;
  for (; i < 36; i++) {
    int c = peek(l, i);
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? c != '-' : !is_hex(c)) break;
  }
  return i;
}

/* One unit of a duration: y mo w d h m s ms us µs ns. Returns its length, 0: none. */
static size_t duration_unit(const cqle_lexer *l, size_t at) {
  int c = lower(peek(l, at)), next = lower(peek(l, at + 1));
  if (c == 'm') return next == 'o' || next == 's' ? 2 : 1;
  if (c == 'u' || c == 'n') return next == 's' ? 2 : 0;
  if (c == 0xC2 && peek(l, at + 1) == 0xB5) return lower(peek(l, at + 2)) == 's' ? 3 : 0;
  return c == 'y' || c == 'w' || c == 'd' || c == 'h' || c == 's' ? 1 : 0;
}

static size_t digits(const cqle_lexer *l, size_t at) {
  size_t n = 0;
  while (is_digit(peek(l, at + n))) n++;
  return n;
}

/* A part of an ISO 8601 duration: digits and a designator out of units, each at most once and in their order. */
static size_t iso_parts(const cqle_lexer *l, size_t at, const char *units) {
  size_t len = 0;
  for (; *units; units++) {
    size_t n = digits(l, at + len);
    if (n > 0 && peek(l, at + len + n) == *units) len += n + 1;
  }
  return len;
}

/* PnYnMnDTnHnMnS, PnW, or Pyyyy-mm-ddThh:mm:ss, from the P on. 0: it is not one. */
static size_t iso_duration(const cqle_lexer *l, size_t at) {
  static const char pattern[] = "dddd-dd-ddTdd:dd:dd";
  size_t len = 1, part, n = digits(l, at + 1);
  while (len <= sizeof pattern - 1) {
    char want = pattern[len - 1];
    int c = peek(l, at + len);
    if (want == 'd' ? !is_digit(c) : c != want) break;
    len++;
  }
  if (len == sizeof pattern) return len;
  if (n > 0 && peek(l, at + 1 + n) == 'W') return n + 2;
  len = 1 + iso_parts(l, at + 1, "YMD");
  if (peek(l, at + len) == 'T') {
    part = iso_parts(l, at + len + 1, "HMS");
    if (part > 0) len += 1 + part;
  }
  return len > 1 ? len : 0;
}

/* 1y2mo3d; digits is what came before the first unit. Once a unit is followed by a digit another unit must come. */
static cql_status lex_duration(const cqle_lexer *l, size_t at, size_t *len, cql_error *err) {
  size_t unit = duration_unit(l, at);
  *len = 0;
  if (unit == 0) return fail_at(l, at + 1, "set null", err);
  for (;;) {
    size_t n;
    at += unit;
    n = digits(l, at);
    if (n == 0) break;
    at += n;
    unit = duration_unit(l, at);
    if (unit == 0) return fail_at(l, at, NULL, err);
  }
  *len = at;
  return CQL_OK;
}

/* Length of an exponent at `at`, 0: none. A sign without digits is an error of its own. */
static cql_status lex_exponent(const cqle_lexer *l, size_t at, size_t *len, cql_error *err) {
  size_t sign = peek(l, at + 1) == '+' || peek(l, at + 1) == '-' ? 1 : 0, n;
  *len = 0;
  if (lower(peek(l, at)) != 'e') return CQL_OK;
  n = digits(l, at + 1 + sign);
  if (n == 0) return fail_at(l, at + 1 + sign, NULL, err);
  *len = 1 + sign + n;
  return CQL_OK;
}

/* After n digits comes a letter that only a UUID can have there; Cassandra's lexer then takes it for one. */
static bool begins_uuid(const cqle_lexer *l, size_t n) {
  int c = lower(peek(l, n)), next = peek(l, n + 1);
  if (n >= 8) return false;
  if (c == 'd') return is_hex(next) && !is_digit(next);
  return c == 'a' || c == 'b' || c == 'c' || c == 'f';
}

/* What begins with a digit, or a minus and a digit: INTEGER, FLOAT, DURATION, HEXNUMBER, UUID. */
static cql_status lex_number(cqle_lexer *l, cqle_token *out, size_t *len, cql_error *err) {
  size_t sign = peek(l, 0) == '-' ? 1 : 0, n = sign + digits(l, sign), exponent;
  cql_status st;
  int c = lower(peek(l, n));
  if (sign == 0) {
    size_t fit = uuid_prefix(l);
    if (fit == 36) {
      out->kind = CQLE_TOK_UUID;
      *len = 36;
      return CQL_OK;
    }
    if (fit > 8 || begins_uuid(l, n))
      return fail_at(l, fit, fit == 8 || fit == 13 || fit == 18 || fit == 23 ? "'-'" : "set null", err);
    if (n == 1 && peek(l, 0) == '0' && c == 'x') {
      out->kind = CQLE_TOK_HEX;
      for (*len = 2; is_hex(peek(l, *len));) ++*len;
      return CQL_OK;
    }
  }
  *len = n;
  if (c == '.' && peek(l, n + 1) == '.' && peek(l, n + 2) != '.') return CQL_OK;
  if (c == '.') {
    out->kind = CQLE_TOK_FLOAT;
    *len = n + 1;
    if (peek(l, n + 1) == '.') return CQL_OK; /* "1..." is 1. and .. */
    *len += digits(l, n + 1);
  } else if (c == 'y' || c == 'm' || c == 'w' || c == 'd' || c == 'h' || c == 's' || c == 'u' || c == 'n' ||
             c == 0xC2) {
    out->kind = CQLE_TOK_DURATION;
    return lex_duration(l, n, len, err);
  }
  st = lex_exponent(l, *len, &exponent, err);
  if (st == CQL_OK && exponent > 0) {
    out->kind = CQLE_TOK_FLOAT;
    *len += exponent;
  }
  return st;
}

/* A word: a keyword, TRUE and FALSE, a name; or a UUID or ISO duration that begins with a letter. */
static cql_status lex_word(cqle_lexer *l, cqle_token *out, size_t *len, cql_error *err) {
  size_t fit = uuid_prefix(l), n = 1, iso;
  if (fit == 36) {
    out->kind = CQLE_TOK_UUID;
    *len = 36;
    return CQL_OK;
  }
  if (fit > 8) return fail_at(l, fit, fit == 13 || fit == 18 || fit == 23 ? "'-'" : "set null", err);
  while (is_word(peek(l, n))) n++;
  *len = n;
  if (peek(l, 0) == 'P') {
    iso = iso_duration(l, 0);
    if (iso > 0 && iso >= n) {
      out->kind = CQLE_TOK_DURATION;
      *len = iso;
      return CQL_OK;
    }
  }
  if (n == 4 && peek(l, 4) == '(' && memcmp(l->text.data + l->at, "expr", 4) == 0) {
    out->kind = CQLE_TOK_EXPR;
    *len = 5;
    return CQL_OK;
  }
  out->kind = cqle_keyword_find(cql_slice_of(l->text.data + l->at, n));
  return CQL_OK;
}

/* -NaN and -Infinity are one token each; Cassandra decides for them at the first letter. */
static cql_status lex_negative_word(cqle_lexer *l, const char *word, size_t *len, cql_error *err) {
  for (size_t i = 0; word[i]; i++)
    if (lower(peek(l, i + 1)) != word[i]) return fail_at(l, i + 1, "set null", err);
  *len = 1 + strlen(word);
  return CQL_OK;
}

static cql_status lex_minus(cqle_lexer *l, cqle_token *out, size_t *len, cql_error *err) {
  int c = peek(l, 1);
  out->kind = CQLE_TOK_MINUS;
  *len = 1;
  if (is_digit(c)) {
    out->kind = CQLE_TOK_INTEGER;
    return lex_number(l, out, len, err);
  }
  if (c == '=') {
    out->kind = CQLE_TOK_MINUS_EQ;
    *len = 2;
  } else if (lower(c) == 'n') {
    out->kind = CQLE_TOK_NEGATIVE_NAN;
    return lex_negative_word(l, "nan", len, err);
  } else if (lower(c) == 'i') {
    out->kind = CQLE_TOK_NEGATIVE_INFINITY;
    return lex_negative_word(l, "infinity", len, err);
  } else if (c == 'P') {
    size_t iso = iso_duration(l, 1);
    if (iso == 0) return is_digit(peek(l, 2)) ? fail_at(l, 2 + digits(l, 2), NULL, err) : CQL_OK;
    out->kind = CQLE_TOK_DURATION;
    *len = 1 + iso;
  }
  return CQL_OK;
}

/* Signs of one character, and those of two that begin like them. */
static cql_status lex_sign(cqle_lexer *l, cqle_token *out, size_t *len, cql_error *err) {
  static const struct {
    char sign, second;
    cqle_token_kind kind, kind_with_second;
  } signs[] = {
      {'(', 0, CQLE_TOK_LPAREN, CQLE_TOK_BAD},    {')', 0, CQLE_TOK_RPAREN, CQLE_TOK_BAD},
      {'[', 0, CQLE_TOK_LBRACKET, CQLE_TOK_BAD},  {']', 0, CQLE_TOK_RBRACKET, CQLE_TOK_BAD},
      {'{', 0, CQLE_TOK_LBRACE, CQLE_TOK_BAD},    {'}', 0, CQLE_TOK_RBRACE, CQLE_TOK_BAD},
      {',', 0, CQLE_TOK_COMMA, CQLE_TOK_BAD},     {':', 0, CQLE_TOK_COLON, CQLE_TOK_BAD},
      {';', 0, CQLE_TOK_SEMICOLON, CQLE_TOK_BAD}, {'?', 0, CQLE_TOK_QMARK, CQLE_TOK_BAD},
      {'*', 0, CQLE_TOK_STAR, CQLE_TOK_BAD},      {'/', 0, CQLE_TOK_SLASH, CQLE_TOK_BAD},
      {'%', 0, CQLE_TOK_PERCENT, CQLE_TOK_BAD},   {'=', 0, CQLE_TOK_EQ, CQLE_TOK_BAD},
      {'.', '.', CQLE_TOK_DOT, CQLE_TOK_RANGE},   {'<', '=', CQLE_TOK_LT, CQLE_TOK_LE},
      {'>', '=', CQLE_TOK_GT, CQLE_TOK_GE},       {'+', '=', CQLE_TOK_PLUS, CQLE_TOK_PLUS_EQ},
      {'!', '=', CQLE_TOK_BAD, CQLE_TOK_NE},
  };
  for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
    if (peek(l, 0) != signs[i].sign) continue;
    bool two = signs[i].second && peek(l, 1) == signs[i].second;
    out->kind = two ? signs[i].kind_with_second : signs[i].kind;
    *len = two ? 2 : 1;
    return out->kind == CQLE_TOK_BAD ? fail_at(l, 1, "'='", err) : CQL_OK;
  }
  return fail_at(l, 0, NULL, err);
}

static cql_status lex_one(cqle_lexer *l, cql_arena *a, cqle_token *out, size_t *len, cql_error *err) {
  int c = peek(l, 0);
  if (is_letter(c)) return lex_word(l, out, len, err);
  if (is_digit(c)) {
    out->kind = CQLE_TOK_INTEGER;
    return lex_number(l, out, len, err);
  }
  if (c == '-') return lex_minus(l, out, len, err);
  if (c == '\'') {
    out->kind = CQLE_TOK_STRING;
    return lex_quoted(l, a, c, out, len, err);
  }
  if (c == '"') return lex_quoted_name(l, a, out, len, err);
  if (c == '$') {
    out->kind = CQLE_TOK_STRING;
    return lex_dollars(l, out, len, err);
  }
  return lex_sign(l, out, len, err);
}

cql_status cqle_lexer_next(cqle_lexer *l, cql_arena *a, cqle_token *out, cql_error *err) {
  size_t len = 0;
  cql_status st;
  memset(out, 0, sizeof *out);
  out->kind = CQLE_TOK_BAD;
  st = skip_blanks(l, err);
  if (st != CQL_OK) return st;
  out->offset = l->at;
  out->pos = (cqle_pos){l->line, l->column};
  if (l->at == l->text.len) {
    out->kind = CQLE_TOK_EOF;
    out->pos = (cqle_pos){0, 0};
    out->text = out->value = CQL_SLICE_LITERAL("<EOF>");
    return CQL_OK;
  }
  st = lex_one(l, a, out, &len, err);
  if (st != CQL_OK) {
    out->kind = CQLE_TOK_BAD;
    return st;
  }
  out->text = cql_slice_of(l->text.data + l->at, len);
  if (!out->value.data) out->value = out->text;
  advance(l, len);
  return CQL_OK;
}
