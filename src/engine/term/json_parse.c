/* json_parse.c: JSON text into a tree. A parser of our own: Cassandra's answers follow Jackson, which keeps integers of
 * any length, takes a lone surrogate, and stops behind the first value; jansson refuses the first two.
 */
#include "engine/term/json.h"

#include <stdlib.h>
#include <string.h>

typedef struct parser {
  cql_arena *a;
  const uint8_t *start, *p, *end;
  cql_error *err;
} parser;

/* --- errors ------------------------------------------------------------------------------------------------------- */

static cql_status fail(parser *p, const char *what) {
  uint32_t line = 1, column = 1;
  for (const uint8_t *c = p->start; c < p->p; c++) {
    column = *c == '\n' ? 1 : column + ((*c & 0xC0) != 0x80);
    line += *c == '\n';
  }
  return cql_fail(p->err, CQL_INVALID, "%s at line %u, column %u", what, line, column);
}

static cql_status out_of_memory(parser *p) {
  return cql_fail(p->err, CQL_NOMEM, "Out of memory");
}

/* --- small things ------------------------------------------------------------------------------------------------- */

static void skip_space(parser *p) {
  while (p->p < p->end && (*p->p == ' ' || *p->p == '\t' || *p->p == '\n' || *p->p == '\r')) p->p++;
}

static int peek(const parser *p) {
  return p->p < p->end ? *p->p : -1;
}

static bool take(parser *p, char c) {
  if (peek(p) != (uint8_t)c) return false;
  p->p++;
  return true;
}

static bool is_digit(int c) {
  return c >= '0' && c <= '9';
}

/* A letter that would make another token of a literal: nullx. */
static bool goes_on(int c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '$' || c >= 0x80;
}

static cql_status read_literal(parser *p, const char *word, cqle_json_kind kind, cqle_json *out) {
  size_t len = strlen(word);
  if ((size_t)(p->end - p->p) < len || memcmp(p->p, word, len) != 0) return fail(p, "Unrecognized token");
  *out = (cqle_json){.kind = kind, .text = cql_slice_of(p->p, len)};
  p->p += len;
  return goes_on(peek(p)) ? fail(p, "Unrecognized token") : CQL_OK;
}

/* --- numbers ------------------------------------------------------------------------------------------------------ */

static bool digits(parser *p) {
  const uint8_t *from = p->p;
  while (is_digit(peek(p))) p->p++;
  return p->p > from;
}

static cql_status read_number(parser *p, cqle_json *out) {
  const uint8_t *from = p->p;
  out->kind = CQLE_JSON_INTEGER;
  take(p, '-');
  bool zero = peek(p) == '0';
  if (!digits(p)) return fail(p, "A digit is expected");
  if (zero && p->p - from > 1 + (*from == '-')) return fail(p, "Leading zeroes are not allowed");
  if (take(p, '.')) {
    out->kind = CQLE_JSON_FLOAT;
    if (!digits(p)) return fail(p, "A digit is expected behind the decimal point");
  }
  if (peek(p) == 'e' || peek(p) == 'E') {
    out->kind = CQLE_JSON_FLOAT;
    p->p++;
    if (!take(p, '-')) take(p, '+');
    if (!digits(p)) return fail(p, "A digit is expected in the exponent");
  }
  if (goes_on(peek(p)) || peek(p) == '.') return fail(p, "Unexpected character in a number");
  out->text = cql_slice_of(from, (size_t)(p->p - from));
  if (out->text.len > CQLE_JSON_NUMBER_LEN_MAX) return fail(p, "A number is too long");
  return CQL_OK;
}

/* --- strings ------------------------------------------------------------------------------------------------------ */

static bool read_hex4(parser *p, uint32_t *out) {
  if (p->end - p->p < 4) return false;
  *out = 0;
  for (int i = 0; i < 4; i++) {
    int c = p->p[i], lower = c | 0x20;
    if (!is_digit(c) && !(lower >= 'a' && lower <= 'f')) return false;
    *out = *out << 4 | (uint32_t)(is_digit(c) ? c - '0' : lower - 'a' + 10);
  }
  p->p += 4;
  return true;
}

static uint8_t *put_utf8(uint8_t *to, uint32_t c) {
  if (c < 0x80) {
    *to++ = (uint8_t)c;
  } else if (c < 0x800) {
    *to++ = (uint8_t)(0xC0 | c >> 6);
    *to++ = (uint8_t)(0x80 | (c & 0x3F));
  } else {
    if (c < 0x10000) {
      *to++ = (uint8_t)(0xE0 | c >> 12);
    } else {
      *to++ = (uint8_t)(0xF0 | c >> 18);
      *to++ = (uint8_t)(0x80 | (c >> 12 & 0x3F));
    }
    *to++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
    *to++ = (uint8_t)(0x80 | (c & 0x3F));
  }
  return to;
}

static bool is_between(uint32_t c, uint32_t first, uint32_t last) {
  return c >= first && c <= last;
}

/* Behind \u: at most four bytes for six of text, or four for the twelve of a pair. */
static cql_status read_unicode(parser *p, uint8_t **to) {
  uint32_t c, low;
  if (!read_hex4(p, &c)) return fail(p, "Four hexadecimal digits are expected behind \\u");
  if (is_between(c, 0xD800, 0xDBFF) && p->end - p->p >= 2 && p->p[0] == '\\' && p->p[1] == 'u') {
    const uint8_t *back = p->p;
    p->p += 2;
    if (!read_hex4(p, &low)) return fail(p, "Four hexadecimal digits are expected behind \\u");
    if (is_between(low, 0xDC00, 0xDFFF))
      c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    else
      p->p = back;
  }
  *to = put_utf8(*to, is_between(c, 0xD800, 0xDFFF) ? '?' : c); /* what Java encodes half a pair as */
  return CQL_OK;
}

static cql_status read_escape(parser *p, uint8_t **to) {
  static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
  int c = peek(p);
  if (c < 0) return fail(p, "The text ends within a string");
  if (take(p, 'u')) return read_unicode(p, to);
  const char *at = c == 0 ? NULL : strchr(from, c);
  if (at == NULL) return fail(p, "Unrecognized character escape");
  *(*to)++ = (uint8_t)into[at - from];
  p->p++;
  return CQL_OK;
}

/* The string behind its first quote. Without escapes it is borrowed. */
static cql_status read_string(parser *p, cql_slice *out) {
  const uint8_t *from = p->p, *c = from;
  bool escaped = false;
  for (; c < p->end && *c != '"'; c++) {
    if (*c != '\\') continue;
    escaped = true;
    if (++c == p->end) break;
  }
  uint8_t *bytes = escaped ? cql_arena_get(p->a, (size_t)(c - from)) : NULL, *to = bytes;
  if (escaped && bytes == NULL) return out_of_memory(p);
  while (p->p < p->end && *p->p != '"') {
    if (*p->p < 0x20) return fail(p, "A control character must be escaped in a string");
    if (*p->p == '\\') {
      p->p++;
      cql_status st = read_escape(p, &to);
      if (st != CQL_OK) return st;
    } else if (escaped) {
      *to++ = *p->p++;
    } else {
      p->p++;
    }
  }
  *out = escaped ? cql_slice_of(bytes, (size_t)(to - bytes)) : cql_slice_of(from, (size_t)(p->p - from));
  return take(p, '"') ? CQL_OK : fail(p, "The text ends within a string");
}

/* --- arrays and objects ------------------------------------------------------------------------------------------- */

static cql_status read_value(parser *p, uint32_t depth, cqle_json *out);

/* Room for one more. Arrays double: 0, 1, 2, 4, … */
static cql_status grow(parser *p, cqle_json *v) {
  if ((v->count & (v->count - 1)) != 0) return CQL_OK;
  if (v->count > UINT32_MAX / 2) return out_of_memory(p);
  size_t room = v->count == 0 ? 1 : (size_t)v->count * 2;
  cqle_json *items = cql_arena_array(p->a, room, sizeof *items);
  if (items == NULL) return out_of_memory(p);
  if (v->count > 0) memcpy(items, v->items, v->count * sizeof *items);
  v->items = items;
  if (v->kind != CQLE_JSON_OBJECT) return CQL_OK;
  cql_slice *names = cql_arena_array(p->a, room, sizeof *names);
  if (names == NULL) return out_of_memory(p);
  if (v->count > 0) memcpy(names, v->names, v->count * sizeof *names);
  v->names = names;
  return CQL_OK;
}

static cql_status read_array(parser *p, uint32_t depth, cqle_json *out) {
  cql_status st = CQL_OK;
  out->kind = CQLE_JSON_ARRAY;
  skip_space(p);
  if (take(p, ']')) return CQL_OK;
  for (;;) {
    CQL_TRY(grow(p, out));
    CQL_TRY(read_value(p, depth, &out->items[out->count]));
    out->count++;
    skip_space(p);
    if (take(p, ']')) return CQL_OK;
    if (!take(p, ',')) return fail(p, peek(p) < 0 ? "The text ends within an array" : "A comma or ] is expected");
  }
done:
  return st;
}

typedef struct place {
  cql_slice name;
  uint32_t at;
} place;

static int place_cmp(const void *left, const void *right) {
  const place *x = left, *y = right;
  int order = cql_slice_cmp(x->name, y->name);
  return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

/* Of several values of one name the last stays, where the first stood. */
static cql_status unite_names(cql_arena *a, cqle_json *v) {
  place *places = cql_arena_array(a, v->count, sizeof *places);
  bool *gone = cql_arena_zero(a, (size_t)v->count + 1);
  if (places == NULL || gone == NULL) return CQL_NOMEM;
  for (uint32_t i = 0; i < v->count; i++) places[i] = (place){v->names[i], i};
  if (v->count > 1) qsort(places, v->count, sizeof *places, place_cmp);
  for (uint32_t i = 1, first = 0; i < v->count; i++) {
    if (!cql_slice_eq(places[first].name, places[i].name)) {
      first = i;
      continue;
    }
    v->items[places[first].at] = v->items[places[i].at];
    gone[places[i].at] = true;
  }
  uint32_t kept = 0;
  for (uint32_t i = 0; i < v->count; i++) {
    if (gone[i]) continue;
    v->names[kept] = v->names[i];
    v->items[kept++] = v->items[i];
  }
  v->count = kept;
  return CQL_OK;
}

static cql_status read_object(parser *p, uint32_t depth, cqle_json *out) {
  cql_status st = CQL_OK;
  out->kind = CQLE_JSON_OBJECT;
  skip_space(p);
  if (take(p, '}')) return CQL_OK;
  for (;;) {
    skip_space(p);
    if (!take(p, '"')) return fail(p, peek(p) < 0 ? "The text ends within an object" : "A name in quotes is expected");
    CQL_TRY(grow(p, out));
    CQL_TRY(read_string(p, &out->names[out->count]));
    skip_space(p);
    if (!take(p, ':')) return fail(p, "A colon is expected");
    CQL_TRY(read_value(p, depth, &out->items[out->count]));
    out->count++;
    skip_space(p);
    if (take(p, '}')) break;
    if (!take(p, ',')) return fail(p, peek(p) < 0 ? "The text ends within an object" : "A comma or } is expected");
  }
  st = unite_names(p->a, out);
  return st == CQL_OK ? st : out_of_memory(p);
done:
  return st;
}

static cql_status read_value(parser *p, uint32_t depth, cqle_json *out) {
  *out = (cqle_json){.kind = CQLE_JSON_NULL};
  skip_space(p);
  switch (peek(p)) {
  case -1: return fail(p, "The text ends where a value is expected");
  case '{':
  case '[': {
    if (depth == CQLE_JSON_DEPTH_MAX) return fail(p, "The nesting is too deep");
    bool is_array = *p->p++ == '[';
    return is_array ? read_array(p, depth + 1, out) : read_object(p, depth + 1, out);
  }
  case '"':
    p->p++;
    out->kind = CQLE_JSON_STRING;
    return read_string(p, &out->text);
  case 'n': return read_literal(p, "null", CQLE_JSON_NULL, out);
  case 't': return read_literal(p, "true", CQLE_JSON_BOOLEAN, out);
  case 'f': return read_literal(p, "false", CQLE_JSON_BOOLEAN, out);
  default:
    if (peek(p) == '-' || is_digit(peek(p))) return read_number(p, out);
    return fail(p, "Unexpected character");
  }
}

/* --- the doors ---------------------------------------------------------------------------------------------------- */

cql_status cqle_json_parse(cql_arena *a, cql_slice text, cqle_json *out, cql_error *err) {
  parser p = {a, text.data, text.data, text.data == NULL ? NULL : text.data + text.len, err};
  return read_value(&p, 0, out);
}

static bool is_quoted(cql_slice name) {
  return name.len > 0 && name.data[0] == '"' && name.data[name.len - 1] == '"';
}

static cql_status fold_name(cql_arena *a, cql_slice *name) {
  if (is_quoted(*name)) {
    *name = name->len == 1 ? cql_slice_of("", 0) : cql_slice_of(name->data + 1, name->len - 2);
    return CQL_OK;
  }
  uint8_t *lower = cql_arena_get(a, name->len);
  if (lower == NULL) return CQL_NOMEM;
  for (size_t i = 0; i < name->len; i++) {
    uint8_t c = name->data[i];
    lower[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
  }
  *name = cql_slice_of(lower, name->len);
  return CQL_OK;
}

cql_status cqle_json_fold_names(cql_arena *a, cqle_json *object) {
  for (uint32_t i = 0; i < object->count; i++) {
    cql_status st = fold_name(a, &object->names[i]);
    if (st != CQL_OK) return st;
  }
  return unite_names(a, object);
}
