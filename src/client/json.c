/* json.c: see json_int.h.
 *
 * jansson is told of no allocator: it has one for the process, which others that use the library share. Where its
 * memory runs out it often says nothing of it, or goes on with a token that lacks bytes (2.14, lex_scan_string(),
 * lex_save()): errno tells. Should the closing quote of a text be what is lost, it reads past the token; that is
 * jansson's to mend.
 */
#include "client/json_int.h"

#include <errno.h>
#include <string.h>

/* --- the text ----------------------------------------------------------------------------------------------------- */

static bool begins_with(cql_slice s, const char *bytes, size_t len) {
  return s.len >= len && memcmp(s.data, bytes, len) == 0;
}

static uint8_t *put_utf8(uint8_t *p, uint32_t c) {
  if (c < 0x80) {
    *p++ = (uint8_t)c;
  } else if (c < 0x800) {
    *p++ = (uint8_t)(0xC0 | c >> 6);
    *p++ = (uint8_t)(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    *p++ = (uint8_t)(0xE0 | c >> 12);
    *p++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
    *p++ = (uint8_t)(0x80 | (c & 0x3F));
  } else {
    *p++ = (uint8_t)(0xF0 | c >> 18);
    *p++ = (uint8_t)(0x80 | (c >> 12 & 0x3F));
    *p++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
    *p++ = (uint8_t)(0x80 | (c & 0x3F));
  }
  return p;
}

static uint32_t unit_at(const uint8_t *p, bool is_little) {
  return is_little ? (uint32_t)(p[1] << 8 | p[0]) : cql_load_u16(p);
}

/* A surrogate without its other half is written as it is: no UTF-8, which jansson refuses. So is half a unit at the
 * end. */
static cql_status from_utf16(cql_arena *arena, cql_slice in, bool is_little, cql_slice *out) {
  uint8_t *start = cql_arena_array(arena, in.len / 2 + 1, 3), *p = start;
  if (start == NULL) return CQL_NOMEM;
  for (size_t i = 0; i + 1 < in.len; i += 2) {
    uint32_t c = unit_at(in.data + i, is_little);
    uint32_t next = i + 3 < in.len ? unit_at(in.data + i + 2, is_little) : 0;
    if ((c & 0xFC00) == 0xD800 && (next & 0xFC00) == 0xDC00) {
      c = 0x10000 + ((c & 0x3FF) << 10) + (next & 0x3FF);
      i += 2;
    }
    p = put_utf8(p, c);
  }
  if (in.len % 2 != 0) *p++ = 0xFF;
  *out = cql_slice_of(start, (size_t)(p - start));
  return CQL_OK;
}

static cql_status as_utf8(cql_arena *arena, cql_slice in, cql_slice *out) {
  bool is_little = begins_with(in, "\xFF\xFE", 2);
  if (is_little || begins_with(in, "\xFE\xFF", 2))
    return from_utf16(arena, cql_slice_of(in.data + 2, in.len - 2), is_little, out);
  size_t mark = begins_with(in, "\xEF\xBB\xBF", 3) ? 3 : 0;
  *out = cql_slice_of(in.data + mark, in.len - mark);
  return CQL_OK;
}

static bool is_too_deep(cql_slice s) {
  uint32_t depth = 0;
  bool in_text = false;
  for (size_t i = 0; i < s.len; i++) {
    uint8_t c = s.data[i];
    if (c == '"') in_text = !in_text;
    if (in_text && c == '\\') i++;
    if (in_text) continue;
    if ((c == '{' || c == '[') && ++depth > CQLI_JSON_DEPTH_MAX) return true;
    if ((c == '}' || c == ']') && depth > 0) depth--;
  }
  return false;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static cql_status no_memory(cql_error *err, const cqli_json_source *source) {
  return cql_fail(err, CQL_NOMEM, "%s cannot be read: out of memory", source->name);
}

static cql_status cannot_parse(cql_error *err, const cqli_json_source *source, const json_error_t *why) {
  if (json_error_code(why) == json_error_duplicate_key)
    return cql_fail(err, source->bad, "%s names a key twice (line %d)", source->name, why->line);
  return cql_fail(err, source->bad, "%s is not understood as JSON (line %d, column %d)", source->name, why->line,
                  why->column);
}

static cql_status parse(json_t **out, cql_slice text, const cqli_json_source *source, cql_error *err) {
  json_error_t why;
  errno = 0;
  *out = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &why);
  if (errno == ENOMEM) return no_memory(err, source);
  if (*out == NULL) return cannot_parse(err, source, &why);
  if (!json_is_object(*out)) return cql_fail(err, source->bad, "%s is a list, not an object", source->name);
  return CQL_OK;
}

cql_status cqli_json_read(json_t **out, cql_slice text, const cqli_json_source *source, cql_arena *arena,
                          cql_error *err) {
  cql_slice s;
  *out = NULL;
  if (as_utf8(arena, text, &s) != CQL_OK) return no_memory(err, source);
  if (is_too_deep(s))
    return cql_fail(err, source->bad, "%s is nested deeper than %d", source->name, CQLI_JSON_DEPTH_MAX);
  cql_status st = parse(out, s, source, err);
  if (st != CQL_OK) {
    json_decref(*out);
    *out = NULL;
  }
  return st;
}

/* --- what is in it ------------------------------------------------------------------------------------------------ */

cql_status cqli_json_text(const json_t *object, const char *key, const char **out, const cqli_json_source *source,
                          cql_error *err) {
  const json_t *value = json_object_get(object, key);
  *out = NULL;
  if (value == NULL || json_is_null(value)) return CQL_OK;
  if (!json_is_string(value)) return cql_fail(err, source->bad, "%s has a \"%s\" that is no text", source->name, key);
  if (json_string_length(value) > 0) *out = json_string_value(value);
  return CQL_OK;
}

cql_status cqli_json_port(const json_t *object, const char *key, uint16_t *out, const cqli_json_source *source,
                          cql_error *err) {
  const json_t *value = json_object_get(object, key);
  if (value == NULL || json_is_null(value)) return cql_fail(err, source->bad, "%s has no \"%s\"", source->name, key);
  json_int_t port = json_is_integer(value) ? json_integer_value(value) : 0;
  if (port < 1 || port > UINT16_MAX)
    return cql_fail(err, source->bad, "%s has a \"%s\" that is no port (1 to 65535)", source->name, key);
  *out = (uint16_t)port;
  return CQL_OK;
}

bool cqli_host_valid(cql_slice host) {
  static const char SIGNS[] = "-._:";
  if (host.len == 0 || host.len > 255) return false;
  for (size_t i = 0; i < host.len; i++) {
    uint8_t c = host.data[i], lower = c | 0x20;
    bool is_alnum = (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'z');
    if (!is_alnum && (c == '\0' || strchr(SIGNS, c) == NULL)) return false;
  }
  return true;
}
