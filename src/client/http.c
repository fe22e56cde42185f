/* http.c: the answer of an HTTP/1.1 server, read as its bytes come (RFC 9112). See bundle.h. */
#include "client/bundle.h"

#include <string.h>

enum {
  CHUNK_LINE_LEN = 256,     /* bytes of a line that begins a chunk: its length, and extensions that nobody reads */
  BODY_FIRST_LEN = 4 * 1024 /* bytes that are reserved before they are there, whatever the head says */
};

typedef enum http_step {
  STATUS_LINE,
  HEADER,
  BODY,       /* left bytes of it */
  BODY_OPEN,  /* until the server closes */
  CHUNK_LINE, /* the length of the next chunk */
  CHUNK,      /* left bytes of it */
  CHUNK_END,  /* an empty line */
  TRAILER,
  WHOLE,
  REFUSED
} http_step;

typedef struct cqli_http_state {
  http_step step;
  size_t head_len; /* bytes of the head so far, trailers and the heads of interim answers among them */
  size_t line_len;
  size_t left; /* bytes of the body, or of the chunk, that are still to come */
  size_t body_cap;
  int status; /* of the head that is being read */
  bool has_length, is_chunked, is_json;
  char line[CQLI_HTTP_HEAD_LEN];
} cqli_http_state;

static cql_status refuse(cqli_http *h, cql_error *err, const char *why) {
  h->state->step = REFUSED;
  return cql_fail(err, CQL_CONNECTION, "The metadata service's answer is no HTTP/1.1: %s", why);
}

static cql_status refuse_long(cqli_http *h, cql_error *err, const char *what, int limit) {
  h->state->step = REFUSED;
  return cql_fail(err, CQL_CONNECTION, "The metadata service's answer has a %s of more than %d bytes", what, limit);
}

/* --- the body ----------------------------------------------------------------------------------------------------- */

static cql_status grow(cqli_http *h, size_t need, cql_error *err) {
  cqli_http_state *s = h->state;
  size_t cap = s->body_cap == 0 ? BODY_FIRST_LEN : s->body_cap;
  while (cap < need) cap *= 2; /* need is CQLI_METADATA_LEN at most */
  if (cap == s->body_cap) return CQL_OK;
  uint8_t *data = cql_arena_get(h->arena, cap);
  if (data == NULL) {
    s->step = REFUSED;
    return cql_fail(err, CQL_NOMEM, "The metadata service's answer cannot be read: out of memory");
  }
  if (h->body.len > 0) memcpy(data, h->body.data, h->body.len);
  h->body.data = data;
  s->body_cap = cap;
  return CQL_OK;
}

static cql_status put(cqli_http *h, cql_slice bytes, cql_error *err) {
  if (bytes.len > CQLI_METADATA_LEN - h->body.len) return refuse_long(h, err, "body", CQLI_METADATA_LEN);
  cql_status st = grow(h, h->body.len + bytes.len, err);
  if (st != CQL_OK) return st;
  memcpy((uint8_t *)(uintptr_t)h->body.data + h->body.len, bytes.data, bytes.len);
  h->body.len += bytes.len;
  return CQL_OK;
}

static cql_slice take(cql_slice *in, size_t len) {
  cql_slice out = cql_slice_of(in->data, len < in->len ? len : in->len);
  *in = cql_slice_of(in->data + out.len, in->len - out.len);
  return out;
}

/* The part of the body, or of its chunk, that is in *in. */
static cql_status put_some(cqli_http *h, cql_slice *in, http_step then, cql_error *err) {
  cql_slice part = take(in, h->state->left);
  cql_status st = put(h, part, err);
  if (st != CQL_OK) return st;
  h->state->left -= part.len;
  if (h->state->left == 0) h->state->step = then;
  return CQL_OK;
}

/* --- lines -------------------------------------------------------------------------------------------------------- */

static bool is_digit(uint8_t c) {
  return c >= '0' && c <= '9';
}

static bool is_blank(uint8_t c) {
  return c == ' ' || c == '\t';
}

static cql_slice trim(cql_slice s) {
  while (s.len > 0 && is_blank(s.data[0])) s = cql_slice_of(s.data + 1, s.len - 1);
  while (s.len > 0 && is_blank(s.data[s.len - 1])) s.len--;
  return s;
}

static bool is_text(cql_slice s) {
  for (size_t i = 0; i < s.len; i++)
    if ((s.data[i] < ' ' && s.data[i] != '\t') || s.data[i] == 0x7F) return false;
  return true;
}

/* A number of bytes, which is refused where it is larger than a body may be. 10 or 16 digits to a place. */
static bool length_of(cql_slice s, uint32_t base, size_t *out) {
  size_t n = 0;
  if (s.len == 0) return false;
  for (size_t i = 0; i < s.len; i++) {
    uint8_t c = s.data[i], lower = c | 0x20;
    bool is_letter = base == 16 && lower >= 'a' && lower <= 'f';
    if (!is_digit(c) && !is_letter) return false;
    n = n * base + (size_t)(is_digit(c) ? c - '0' : lower - 'a' + 10);
    if (n > CQLI_METADATA_LEN) n = CQLI_METADATA_LEN + 1; /* too long, however much */
  }
  *out = n;
  return true;
}

static cql_status read_status_line(cqli_http *h, cql_slice line, cql_error *err) {
  cqli_http_state *s = h->state;
  const uint8_t *p = line.data;
  bool fits = line.len >= 12 && memcmp(p, "HTTP/1.", 7) == 0 && is_digit(p[7]) && p[8] == ' ' && is_digit(p[9]) &&
              is_digit(p[10]) && is_digit(p[11]) && (line.len == 12 || p[12] == ' ');
  if (!fits || !is_text(line)) return refuse(h, err, "its first line is another");
  s->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
  if (s->status < 100 || s->status > 599 || s->status == 101)
    return refuse(h, err, "its status is none that was asked for");
  s->has_length = s->is_chunked = s->is_json = false;
  s->left = 0;
  s->step = HEADER;
  return CQL_OK;
}

static cql_status read_length(cqli_http *h, cql_slice value, cql_error *err) {
  cqli_http_state *s = h->state;
  size_t len;
  if (!length_of(value, 10, &len)) return refuse(h, err, "its Content-Length is no number");
  if (s->has_length && s->left != len) return refuse(h, err, "it has two lengths");
  if (len > CQLI_METADATA_LEN) return refuse_long(h, err, "body", CQLI_METADATA_LEN);
  s->has_length = true;
  s->left = len;
  return CQL_OK;
}

static bool says_json(cql_slice value) {
  for (; value.len >= 4; value = cql_slice_of(value.data + 1, value.len - 1))
    if (cql_slice_eq_nocase(cql_slice_of(value.data, 4), "json")) return true;
  return false;
}

static cql_status read_header(cqli_http *h, cql_slice line, cql_error *err) {
  static const char SIGNS[] = "!#$%&'*+-.^_`|~";
  cqli_http_state *s = h->state;
  size_t n = 0;
  if (is_blank(line.data[0])) return refuse(h, err, "a header goes on in a second line");
  for (; n < line.len && line.data[n] != ':'; n++) {
    uint8_t c = line.data[n], lower = c | 0x20;
    if (!is_digit(c) && !(lower >= 'a' && lower <= 'z') && (c == '\0' || strchr(SIGNS, c) == NULL)) break;
  }
  if (n == 0 || n == line.len || line.data[n] != ':' || !is_text(line))
    return refuse(h, err, "one of its headers is none");
  cql_slice name = cql_slice_of(line.data, n), value = trim(cql_slice_of(line.data + n + 1, line.len - n - 1));
  if (s->step == TRAILER) return CQL_OK; /* nothing that is said so late is of use */
  if (cql_slice_eq_nocase(name, "content-length")) return read_length(h, value, err);
  if (cql_slice_eq_nocase(name, "transfer-encoding")) {
    if (s->is_chunked || !cql_slice_eq_nocase(value, "chunked"))
      return refuse(h, err, "its Transfer-Encoding is not \"chunked\"");
    s->is_chunked = true;
  }
  if (cql_slice_eq_nocase(name, "content-encoding") && !cql_slice_eq_nocase(value, "identity"))
    return refuse(h, err, "its body is compressed, which was not asked for");
  if (cql_slice_eq_nocase(name, "content-type")) s->is_json = says_json(value);
  return CQL_OK;
}

/* The empty line behind the headers. */
static cql_status end_head(cqli_http *h, cql_error *err) {
  cqli_http_state *s = h->state;
  if (s->is_chunked && s->has_length) return refuse(h, err, "it has a length, and chunks");
  if (s->status < 200) {
    s->step = STATUS_LINE; /* an interim answer: the one that counts follows */
    return CQL_OK;
  }
  h->status = s->status;
  h->is_json = s->is_json;
  if (s->status == 204 || s->status == 304 || (s->has_length && s->left == 0))
    s->step = WHOLE;
  else
    s->step = s->is_chunked ? CHUNK_LINE : s->has_length ? BODY : BODY_OPEN;
  return CQL_OK;
}

static cql_status read_chunk_line(cqli_http *h, cql_slice line, cql_error *err) {
  cqli_http_state *s = h->state;
  const uint8_t *end = line.len == 0 ? NULL : memchr(line.data, ';', line.len);
  cql_slice digits = trim(cql_slice_of(line.data, end == NULL ? line.len : (size_t)(end - line.data)));
  if (!length_of(digits, 16, &s->left)) return refuse(h, err, "the length of a chunk is no number");
  if (s->left > CQLI_METADATA_LEN - h->body.len) return refuse_long(h, err, "body", CQLI_METADATA_LEN);
  s->step = s->left == 0 ? TRAILER : CHUNK;
  return CQL_OK;
}

static cql_status read_line(cqli_http *h, cql_slice line, cql_error *err) {
  cqli_http_state *s = h->state;
  switch (s->step) {
  case STATUS_LINE: return read_status_line(h, line, err);
  case CHUNK_LINE: return read_chunk_line(h, line, err);
  case CHUNK_END:
    if (line.len > 0) return refuse(h, err, "a chunk is longer than it says");
    s->step = CHUNK_LINE;
    return CQL_OK;
  case TRAILER:
    if (line.len > 0) return read_header(h, line, err);
    s->step = WHOLE;
    return CQL_OK;
  default: return line.len > 0 ? read_header(h, line, err) : end_head(h, err);
  }
}

/* Gathers a line, up to its LF, and reads it without its CR LF, or LF alone. */
static cql_status gather(cqli_http *h, cql_slice *in, cql_error *err) {
  cqli_http_state *s = h->state;
  bool in_head = s->step == STATUS_LINE || s->step == HEADER || s->step == TRAILER;
  size_t limit = in_head ? CQLI_HTTP_HEAD_LEN - s->head_len : CHUNK_LINE_LEN - s->line_len;
  const uint8_t *end = memchr(in->data, '\n', in->len);
  cql_slice part = take(in, end == NULL ? in->len : (size_t)(end + 1 - in->data));
  if (part.len > limit)
    return in_head ? refuse_long(h, err, "head", CQLI_HTTP_HEAD_LEN)
                   : refuse_long(h, err, "chunk's line", CHUNK_LINE_LEN);
  memcpy(s->line + s->line_len, part.data, part.len);
  s->line_len += part.len;
  if (in_head) s->head_len += part.len;
  if (end == NULL) return CQL_OK;
  size_t len = s->line_len - 1;
  if (len > 0 && s->line[len - 1] == '\r') len--;
  s->line_len = 0;
  return read_line(h, cql_slice_of(s->line, len), err);
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

cql_status cqli_http_begin(cqli_http *h, cql_arena *arena, cql_error *err) {
  *h = (cqli_http){.arena = arena};
  h->state = cql_arena_zero(arena, sizeof *h->state);
  if (h->state == NULL) return cql_fail(err, CQL_NOMEM, "The metadata service's answer cannot be read: out of memory");
  return CQL_OK;
}

static cql_status step(cqli_http *h, cql_slice *in, cql_error *err) {
  switch (h->state->step) {
  case BODY: return put_some(h, in, WHOLE, err);
  case CHUNK: return put_some(h, in, CHUNK_END, err);
  case BODY_OPEN: return put(h, take(in, in->len), err);
  case REFUSED: return refuse(h, err, "it was refused before");
  default: return gather(h, in, err);
  }
}

cql_status cqli_http_feed(cqli_http *h, cql_slice bytes, cql_error *err) {
  cql_status st = CQL_OK;
  while (st == CQL_OK && bytes.len > 0 && h->state->step != WHOLE) st = step(h, &bytes, err);
  return st == CQL_OK && h->state->step == WHOLE ? CQL_DONE : st;
}

cql_status cqli_http_end(cqli_http *h, cql_error *err) {
  cqli_http_state *s = h->state;
  if (s->step == BODY_OPEN) s->step = WHOLE;
  if (s->step == WHOLE) return CQL_DONE;
  bool is_silent = s->step == STATUS_LINE && s->head_len == 0;
  return cql_fail(err, CQL_CONNECTION,
                  is_silent ? "The metadata service closed the connection without an answer"
                            : "The metadata service closed the connection within its answer");
}
