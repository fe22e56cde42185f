/* arena.c: memory with one lifetime, cut from chunks that double in size. */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 16, CHUNK_LEN_MAX = 1 << 20 };

/* The header stands in front of the bytes it hands out; its size is a multiple of ALIGN. */
struct cql_arena_chunk {
  cql_arena_chunk *older;
  size_t size; /* of the whole block, header included */
};

static const size_t HEADER_LEN = (sizeof(cql_arena_chunk) + ALIGN - 1) / ALIGN * ALIGN;

static void *libc_resize(void *user, void *ptr, size_t old_size, size_t new_size) {
  (void)user;
  (void)old_size;
  if (new_size == 0) {
    free(ptr);
    return NULL;
  }
  return realloc(ptr, new_size);
}

const cql_alloc cql_alloc_libc = {libc_resize, NULL};

void *cql_alloc_new(const cql_alloc *alloc, size_t size) {
  void *ptr = alloc->resize(alloc->user, NULL, 0, size == 0 ? 1 : size);
  if (ptr != NULL) memset(ptr, 0, size);
  return ptr;
}

void cql_alloc_free(const cql_alloc *alloc, void *ptr, size_t size) {
  if (ptr != NULL) alloc->resize(alloc->user, ptr, size == 0 ? 1 : size, 0);
}

void cql_arena_init(cql_arena *a, const cql_alloc *alloc, size_t limit) {
  *a = (cql_arena){.alloc = alloc, .limit = limit};
}

static void use_chunk(cql_arena *a, cql_arena_chunk *chunk) {
  a->cur = (uint8_t *)chunk + HEADER_LEN;
  a->end = (uint8_t *)chunk + chunk->size;
}

static bool add_chunk(cql_arena *a, size_t size) {
  size_t len = a->chunks == NULL ? CQL_ARENA_CHUNK_LEN : a->chunks->size * 2;
  if (len > CHUNK_LEN_MAX) len = CHUNK_LEN_MAX;
  if (len < size + HEADER_LEN) len = size + HEADER_LEN;
  cql_arena_chunk *chunk = a->alloc->resize(a->alloc->user, NULL, 0, len);
  if (chunk == NULL) return false;
  chunk->size = len;
  chunk->older = a->chunks;
  a->chunks = chunk;
  use_chunk(a, chunk);
  return true;
}

static void *refuse(cql_arena *a) {
  a->failed = true;
  return NULL;
}

void *cql_arena_get(cql_arena *a, size_t size) {
  if (size > a->limit || a->limit - size < a->used) return refuse(a);
  /* An empty request still gets an address of its own, so that NULL always means failure. */
  size_t rounded = size == 0 ? ALIGN : (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
  if (rounded < size || rounded > SIZE_MAX - HEADER_LEN) return refuse(a);
  if ((a->cur == NULL || (size_t)(a->end - a->cur) < rounded) && !add_chunk(a, rounded)) return refuse(a);
  void *out = a->cur;
  a->cur += rounded;
  a->used += rounded;
  return out;
}

void *cql_arena_zero(cql_arena *a, size_t size) {
  void *out = cql_arena_get(a, size);
  if (out != NULL) memset(out, 0, size);
  return out;
}

void *cql_arena_copy(cql_arena *a, const void *data, size_t len) {
  void *out = cql_arena_get(a, len);
  if (out != NULL && len > 0) memcpy(out, data, len);
  return out;
}

char *cql_arena_str(cql_arena *a, cql_slice s) {
  if (s.len == SIZE_MAX) return refuse(a);
  char *out = cql_arena_get(a, s.len + 1);
  if (out == NULL) return NULL;
  if (s.len > 0) memcpy(out, s.data, s.len);
  out[s.len] = '\0';
  return out;
}

char *cql_arena_printf(cql_arena *a, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int len = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (len < 0) return NULL;
  char *out = cql_arena_get(a, (size_t)len + 1);
  if (out == NULL) return NULL;
  va_start(args, format);
  vsnprintf(out, (size_t)len + 1, format, args);
  va_end(args);
  return out;
}

cql_status cql_arena_slice(cql_arena *a, cql_slice in, cql_slice *out) {
  if (in.data == NULL) {
    *out = in;
    return CQL_OK;
  }
  uint8_t *copy = cql_arena_copy(a, in.data, in.len);
  if (copy == NULL) return CQL_NOMEM;
  *out = cql_slice_of(copy, in.len);
  return CQL_OK;
}

void *cql_arena_array(cql_arena *a, size_t count, size_t size) {
  if (size != 0 && count > SIZE_MAX / size) return refuse(a);
  return cql_arena_get(a, count * size);
}

static void free_chunks(cql_arena *a, bool keep_first) {
  while (a->chunks != NULL && !(keep_first && a->chunks->older == NULL)) {
    cql_arena_chunk *chunk = a->chunks;
    a->chunks = chunk->older;
    a->alloc->resize(a->alloc->user, chunk, chunk->size, 0);
  }
}

void cql_arena_reset(cql_arena *a) {
  free_chunks(a, true);
  if (a->chunks != NULL) use_chunk(a, a->chunks);
  a->used = 0;
  a->failed = false;
}

void cql_arena_free(cql_arena *a) {
  free_chunks(a, false);
  a->cur = a->end = NULL;
  a->used = 0;
  a->failed = false;
}
