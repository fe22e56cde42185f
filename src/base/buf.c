/* buf.c: the growing buffer. Its status is sticky, so that builders check once, at the end. */
#include "base/base.h"

#include <stdio.h>
#include <string.h>

enum { FIRST_CAP = 256 };

void cql_buf_init(cql_buf *b, const cql_alloc *alloc, size_t limit) {
  *b = (cql_buf){.alloc = alloc, .limit = limit, .st = CQL_OK};
}

void cql_buf_free(cql_buf *b) {
  if (b->data != NULL) b->alloc->resize(b->alloc->user, b->data, b->cap, 0);
  b->data = NULL;
  b->len = b->cap = 0;
}

void cql_buf_reset(cql_buf *b) {
  b->len = 0;
  b->st = CQL_OK;
}

static bool grow(cql_buf *b, size_t need) {
  size_t cap = b->cap < FIRST_CAP ? FIRST_CAP : b->cap;
  while (cap < need) cap = cap > SIZE_MAX / 2 ? need : cap * 2;
  if (cap > b->limit) cap = b->limit; /* need itself is within the limit */
  uint8_t *data = b->alloc->resize(b->alloc->user, b->data, b->cap, cap);
  if (data == NULL) {
    b->st = CQL_NOMEM;
    return false;
  }
  b->data = data;
  b->cap = cap;
  return true;
}

uint8_t *cql_buf_room(cql_buf *b, size_t len) {
  if (b->st != CQL_OK) return NULL;
  if (len > b->limit || b->len > b->limit - len) {
    b->st = CQL_LIMIT;
    return NULL;
  }
  /* Also when len is 0: the caller may take the address, so there must be one. */
  if ((b->data == NULL || b->cap - b->len < len) && !grow(b, b->len + (len == 0 ? 1 : len))) return NULL;
  uint8_t *out = b->data + b->len;
  b->len += len;
  return out;
}

void cql_buf_put(cql_buf *b, const void *data, size_t len) {
  if (len == 0) return;
  uint8_t *out = cql_buf_room(b, len);
  if (out != NULL) memcpy(out, data, len);
}

void cql_buf_slice(cql_buf *b, cql_slice s) {
  cql_buf_put(b, s.data, s.len);
}

void cql_buf_str(cql_buf *b, const char *text) {
  cql_buf_put(b, text, strlen(text));
}

void cql_buf_printf(cql_buf *b, const char *format, ...) {
  char small[256];
  va_list args;
  va_start(args, format);
  int len = vsnprintf(small, sizeof small, format, args);
  va_end(args);
  if (len < 0) {
    b->st = CQL_NOMEM;
    return;
  }
  if ((size_t)len < sizeof small) {
    cql_buf_put(b, small, (size_t)len);
    return;
  }
  uint8_t *out = cql_buf_room(b, (size_t)len + 1);
  if (out == NULL) return;
  va_start(args, format);
  vsnprintf((char *)out, (size_t)len + 1, format, args);
  va_end(args);
  b->len--; /* the NUL */
}

void cql_buf_u8(cql_buf *b, uint8_t v) {
  uint8_t *out = cql_buf_room(b, 1);
  if (out != NULL) *out = v;
}

void cql_buf_u16(cql_buf *b, uint16_t v) {
  uint8_t *out = cql_buf_room(b, 2);
  if (out != NULL) cql_store_u16(out, v);
}

void cql_buf_u32(cql_buf *b, uint32_t v) {
  uint8_t *out = cql_buf_room(b, 4);
  if (out != NULL) cql_store_u32(out, v);
}

void cql_buf_u64(cql_buf *b, uint64_t v) {
  uint8_t *out = cql_buf_room(b, 8);
  if (out != NULL) cql_store_u64(out, v);
}

void cql_buf_uvarint(cql_buf *b, uint64_t v) {
  uint8_t bytes[10];
  size_t n = 0;
  while (v >= 0x80) {
    bytes[n++] = (uint8_t)(v | 0x80);
    v >>= 7;
  }
  bytes[n++] = (uint8_t)v;
  cql_buf_put(b, bytes, n);
}
