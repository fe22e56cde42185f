/* base.h: memory, bytes, errors, hash, clock. What every room stands on; it knows nothing above it. */
#ifndef CQL_BASE_H
#define CQL_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cql/status.h>

/* --- errors ------------------------------------------------------------------------------------------------------- */

/* Writes status and message into err (NULL is fine) and returns status, so that a failure is one line:
 *   return cql_fail(err, CQL_INVALID, "Unknown keyspace %s", name); */
cql_status cql_fail(cql_error *err, cql_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Makes err an error that says nothing yet; its texts, kilobytes that hardly any call needs, are only ended. */
static inline void cql_error_init(cql_error *err) {
  err->status = CQL_OK;
  err->line = err->column = 0;
  err->keyspace[0] = err->table[0] = err->message[0] = err->write_type[0] = '\0';
  err->consistency = 0;
  err->required = err->received = err->failures = 0;
  err->data_present = false;
  err->attempt_count = 0;
}

/* For functions with one exit. They store into a local `st` and jump to `done`. */
#define CQL_TRY(call)                                                                                                  \
  do {                                                                                                                 \
    st = (call);                                                                                                       \
    if (st != CQL_OK) goto done;                                                                                       \
  } while (0)
#define CQL_CHECK(condition, status)                                                                                   \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      st = (status);                                                                                                   \
      goto done;                                                                                                       \
    }                                                                                                                  \
  } while (0)

/* --- slices: bytes that somebody else owns ------------------------------------------------------------------------ */

typedef struct cql_slice {
  const uint8_t *data;
  size_t len;
} cql_slice;

#define CQL_SLICE_FMT           "%.*s"
#define CQL_SLICE_ARG(s)        (int)((s).len > 512 ? 512 : (s).len), (const char *)(s).data
#define CQL_SLICE_LITERAL(text) ((cql_slice){(const uint8_t *)(text), sizeof(text) - 1})

static inline cql_slice cql_slice_of(const void *data, size_t len) {
  return (cql_slice){data, len};
}
cql_slice cql_slice_str(const char *text);
bool cql_slice_eq(cql_slice a, cql_slice b);
bool cql_slice_eq_str(cql_slice a, const char *text);
bool cql_slice_eq_nocase(cql_slice a, const char *lower); /* ASCII */
int cql_slice_cmp(cql_slice a, cql_slice b);              /* unsigned bytes, then length */

/* --- allocation --------------------------------------------------------------------------------------------------- */

/* One function, as Lua's: new_size 0 frees; ptr NULL allocates. Returns NULL on failure and leaves ptr alone then. */
typedef struct cql_alloc {
  void *(*resize)(void *user, void *ptr, size_t old_size, size_t new_size);
  void *user;
} cql_alloc;

extern const cql_alloc cql_alloc_libc;

void *cql_alloc_new(const cql_alloc *alloc, size_t size); /* zeroed */
void cql_alloc_free(const cql_alloc *alloc, void *ptr, size_t size);

/* An arena: memory with one lifetime. Reset keeps the first chunk, so a warm arena allocates nothing. Not thread-safe.
 * limit is the most it will hand out between resets (bytes); past it allocation fails as if memory were out. */
typedef struct cql_arena_chunk cql_arena_chunk;
typedef struct cql_arena {
  const cql_alloc *alloc;
  cql_arena_chunk *chunks; /* newest first */
  uint8_t *cur, *end;
  size_t used, limit;
  bool failed; /* something was refused since the last reset: what was made in the arena may lack a part */
} cql_arena;

enum { CQL_ARENA_CHUNK_LEN = 8192 };
#define CQL_ARENA_LIMIT_DEFAULT ((size_t)1 << 30)

void cql_arena_init(cql_arena *a, const cql_alloc *alloc, size_t limit); /* allocates nothing yet */
void *cql_arena_get(cql_arena *a, size_t size);  /* 16-byte aligned; NULL: out of memory or limit */
void *cql_arena_zero(cql_arena *a, size_t size); /* the same, zeroed */
void *cql_arena_copy(cql_arena *a, const void *data, size_t len);
char *cql_arena_str(cql_arena *a, cql_slice s); /* copy, NUL-terminated */
char *cql_arena_printf(cql_arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
cql_status cql_arena_slice(cql_arena *a, cql_slice in, cql_slice *out); /* copies the bytes; CQL_NOMEM */
void cql_arena_reset(cql_arena *a);
void cql_arena_free(cql_arena *a);

/* count * size without overflow; NULL as above. */
void *cql_arena_array(cql_arena *a, size_t count, size_t size);

/* --- growing buffer with a ceiling -------------------------------------------------------------------------------- */

/* Sticky: after a failed put every later put does nothing; check st once at the end. */
typedef struct cql_buf {
  const cql_alloc *alloc;
  uint8_t *data;
  size_t len, cap, limit;
  cql_status st; /* CQL_OK, CQL_NOMEM or CQL_LIMIT */
} cql_buf;

void cql_buf_init(cql_buf *b, const cql_alloc *alloc, size_t limit);
void cql_buf_free(cql_buf *b);
void cql_buf_reset(cql_buf *b); /* length 0, status OK, memory kept */
void cql_buf_put(cql_buf *b, const void *data, size_t len);
void cql_buf_slice(cql_buf *b, cql_slice s);
void cql_buf_str(cql_buf *b, const char *text);
void cql_buf_printf(cql_buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cql_buf_u8(cql_buf *b, uint8_t v);
void cql_buf_u16(cql_buf *b, uint16_t v); /* all big-endian */
void cql_buf_u32(cql_buf *b, uint32_t v);
void cql_buf_u64(cql_buf *b, uint64_t v);
void cql_buf_uvarint(cql_buf *b, uint64_t v);  /* LEB128, at most 10 bytes */
uint8_t *cql_buf_room(cql_buf *b, size_t len); /* len bytes to fill, counted in len at once; NULL when sticky-failed */
/* Borrows until the next put. */
static inline cql_slice cql_buf_view(const cql_buf *b) {
  return cql_slice_of(b->data, b->len);
}

/* --- reader: bytes in, values out --------------------------------------------------------------------------------- */

typedef struct cql_reader {
  const uint8_t *p, *end;
} cql_reader;

static inline cql_reader cql_reader_of(cql_slice s) {
  /* end == p for an empty slice, whose data may be NULL: no arithmetic on NULL. */
  return (cql_reader){s.data, s.len == 0 ? s.data : s.data + s.len};
}

static inline size_t cql_reader_left(const cql_reader *r) {
  return (size_t)(r->end - r->p);
}

/* All return CQL_OK or CQL_MALFORMED (too few bytes; nothing consumed). */
static inline cql_status cql_read_u8(cql_reader *r, uint8_t *out) {
  if (r->p == r->end) return CQL_MALFORMED;
  *out = *r->p++;
  return CQL_OK;
}

cql_status cql_read_u16(cql_reader *r, uint16_t *out);
cql_status cql_read_u32(cql_reader *r, uint32_t *out);
cql_status cql_read_u64(cql_reader *r, uint64_t *out);
cql_status cql_read_uvarint(cql_reader *r, uint64_t *out);
cql_status cql_read_bytes(cql_reader *r, size_t len, cql_slice *out); /* borrows */

/* Big-endian, at any address. Here, so that they cost no call: every cell and every key passes through them. */
static inline uint16_t cql_load_u16(const uint8_t *p) {
  return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t cql_load_u32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

static inline uint64_t cql_load_u64(const uint8_t *p) {
  return (uint64_t)cql_load_u32(p) << 32 | cql_load_u32(p + 4);
}

static inline void cql_store_u16(uint8_t *p, uint16_t v) {
  p[0] = (uint8_t)(v >> 8);
  p[1] = (uint8_t)v;
}

static inline void cql_store_u32(uint8_t *p, uint32_t v) {
  p[0] = (uint8_t)(v >> 24);
  p[1] = (uint8_t)(v >> 16);
  p[2] = (uint8_t)(v >> 8);
  p[3] = (uint8_t)v;
}

static inline void cql_store_u64(uint8_t *p, uint64_t v) {
  cql_store_u32(p, (uint32_t)(v >> 32));
  cql_store_u32(p + 4, (uint32_t)v);
}

/* --- text, hash, clock, chance ------------------------------------------------------------------------------------ */

bool cql_utf8_valid(cql_slice s); /* as Java's strict decoder: no surrogates, no overlong forms */
bool cql_ascii_valid(cql_slice s);
void cql_utf8_mend(uint8_t *text, size_t len); /* each byte that is not part of a character becomes '?' */

/* Cassandra's partition token: its own variant of MurmurHash3 x64 128 (signed tail bytes; utils/MurmurHash.java), first
 * half, with INT64_MIN mapped to INT64_MAX. key is the serialized partition key. The empty key has token INT64_MIN. */
int64_t cql_murmur3_token(cql_slice key);

int64_t cql_clock_now_us(void);                                /* wall clock, microseconds since 1970 */
int64_t cql_clock_monotonic_us(void);                          /* for time-outs */
struct timespec cql_clock_after(clockid_t clock, uint32_t ms); /* so long from now, for a timed wait */
void cql_random_bytes(uint8_t *out, size_t len); /* getrandom(2) or /dev/urandom; aborts if the system has neither */

#endif
