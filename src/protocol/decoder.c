/* decoder.c: bytes of a socket to envelopes.
 *
 * Bytes arrive in one receive buffer, and an envelope that is whole there is lent from it. Two things have buffers of
 * their own: a long body, which is read (or put together from segments) into the memory that cql_decoder_take() hands
 * on, and what LZ4 unpacks.
 *
 *   bare      in: header body header body …           a long body: the rest of it is read straight into own
 *   segments  in: segment segment …                   self-contained: its envelopes are lent from in, or from plain
 *                                                     else: header and body are put together in head and own */
#include "protocol/protocol_int.h"

#include <stdio.h>
#include <string.h>

enum {
  RECEIVE_LEN = 64 * 1024,
  RECEIVE_SEGMENT_LEN = (CQLP_SEGMENT_LEN_MAX + 4095) / 4096 * 4096, /* once a segment longer than RECEIVE_LEN comes */
  ROOM_LEN_MIN = 8 * 1024,     /* less room than this: what is left moves to the front first */
  OWN_LEN_MIN = 16 * 1024,     /* a body of this length that has not all come gets a buffer of its own */
  OWN_FIRST_LEN = 64 * 1024,   /* which starts with so much and doubles as bytes arrive */
  PLAIN_KEEP_LEN = 256 * 1024, /* a longer one is not kept for the next body */
  WHY_LEN = 160
};

struct cql_decoder {
  const cql_alloc *alloc;
  size_t body_limit;
  bool in_segments, lz4;
  uint64_t consumed; /* bytes of the connection before in[start] */

  uint8_t *in;
  size_t start, end, cap; /* what has come and was not consumed: in[start … end) */

  size_t payload_left;    /* of the self-contained segment that is being read */
  bool payload_is_packed; /* it lies in plain, at plain_at; else in in, at start */
  size_t plain_at;
  cql_buf plain; /* what LZ4 made */

  uint8_t head[CQL_ENVELOPE_HEADER_LEN]; /* of an envelope that is longer than a segment */
  size_t head_len;
  cql_envelope own_head; /* of the body in own */
  cql_buf own;
  size_t own_len; /* how long that body will be */
  bool has_own, own_is_lent;

  cql_status st; /* a final failure */
  char why[WHY_LEN];
};

cql_status cql_decoder_new(cql_decoder **out, size_t body_limit, const cql_alloc *alloc) {
  cql_decoder *d = *out = cql_alloc_new(alloc, sizeof *d);
  if (d == NULL) return CQL_NOMEM;
  d->alloc = alloc;
  d->body_limit = body_limit == 0 || body_limit > CQL_BODY_LEN_MAX ? CQL_BODY_LEN_MAX : body_limit;
  cql_buf_init(&d->own, alloc, 0);
  cql_buf_init(&d->plain, alloc, CQL_BODY_LEN_MAX);
  d->in = alloc->resize(alloc->user, NULL, 0, RECEIVE_LEN);
  if (d->in == NULL) {
    cql_decoder_free(d);
    *out = NULL;
    return CQL_NOMEM;
  }
  d->cap = RECEIVE_LEN;
  return CQL_OK;
}

void cql_decoder_free(cql_decoder *d) {
  if (d == NULL) return;
  cql_alloc_free(d->alloc, d->in, d->cap);
  cql_buf_free(&d->own);
  cql_buf_free(&d->plain);
  cql_alloc_free(d->alloc, d, sizeof *d);
}

void cql_decoder_use_segments(cql_decoder *d, bool lz4) {
  d->in_segments = true;
  d->lz4 = lz4;
}

void cql_decoder_use_lz4(cql_decoder *d) {
  d->lz4 = true;
}

/* --- failures ----------------------------------------------------------------------------------------------------- */

static cql_status repeat(const cql_decoder *d, cql_error *err) {
  return cql_fail(err, d->st, "%s", d->why);
}

static cql_status fail_at(cql_decoder *d, cql_error *err, cql_status st, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static cql_status fail_at(cql_decoder *d, cql_error *err, cql_status st, const char *format, ...) {
  int len = snprintf(d->why, sizeof d->why, "Byte %llu of the connection: ", (unsigned long long)d->consumed);
  va_list args;
  va_start(args, format);
  vsnprintf(d->why + len, sizeof d->why - (size_t)len, format, args);
  va_end(args);
  d->st = st;
  return repeat(d, err);
}

static cql_status fail_memory(cql_decoder *d, cql_error *err) {
  return fail_at(d, err, CQL_NOMEM, "out of memory");
}

/* --- bytes in ----------------------------------------------------------------------------------------------------- */

static void to_front(cql_decoder *d) {
  if (d->start == 0) return;
  if (d->end > d->start) memmove(d->in, d->in + d->start, d->end - d->start);
  d->end -= d->start;
  d->start = 0;
}

/* A body that is read straight into own: never in segments, whose payloads are checked first. */
static bool reads_into_own(const cql_decoder *d) {
  return d->has_own && d->own.len < d->own_len && !d->in_segments;
}

/* Makes b longer than it is, if it may: doubling, from the length that it starts with. */
static bool reserve_more(cql_buf *b, size_t whole) {
  if (b->len < b->cap || b->len == whole) return true;
  size_t first = whole < OWN_FIRST_LEN ? whole : OWN_FIRST_LEN;
  size_t more = b->cap == 0 ? first : 1; /* cql_buf doubles, and stops at its limit, which is whole */
  if (cql_buf_room(b, more) == NULL) return false;
  b->len -= more;
  return true;
}

uint8_t *cql_decoder_room(cql_decoder *d, size_t *len) {
  *len = 0;
  if (reads_into_own(d)) {
    if (!reserve_more(&d->own, d->own_len)) return NULL;
    *len = d->own.cap - d->own.len;
    return d->own.data + d->own.len;
  }
  if (d->start == d->end || d->cap - d->end < ROOM_LEN_MIN) to_front(d);
  if (d->end == d->cap) { /* a segment that is longer than the buffer */
    uint8_t *in =
        d->cap < RECEIVE_SEGMENT_LEN ? d->alloc->resize(d->alloc->user, d->in, d->cap, RECEIVE_SEGMENT_LEN) : NULL;
    if (in == NULL) return NULL;
    d->in = in;
    d->cap = RECEIVE_SEGMENT_LEN;
  }
  *len = d->cap - d->end;
  return d->in + d->end;
}

void cql_decoder_filled(cql_decoder *d, size_t len) {
  if (reads_into_own(d)) {
    d->own.len += len;
    d->consumed += len;
  } else {
    d->end += len;
  }
}

static void consume(cql_decoder *d, size_t len) {
  d->start += len;
  d->consumed += len;
}

static size_t waiting(const cql_decoder *d) {
  return d->end - d->start;
}

/* --- envelopes ---------------------------------------------------------------------------------------------------- */

/* Reads the nine bytes of a header; *len is the length of the body as it travels. */
static cql_status read_head(cql_decoder *d, const uint8_t *p, cql_envelope *out, size_t *len, cql_error *err) {
  uint32_t body_len = cql_load_u32(p + 5);
  *out = (cql_envelope){.version = p[0] & 0x7F,
                        .is_response = (p[0] & 0x80) != 0,
                        .flags = p[1],
                        .stream = (int16_t)cql_load_u16(p + 2),
                        .opcode = p[4]};
  if (body_len > INT32_MAX)
    return fail_at(d, err, CQL_MALFORMED, "a body of negative length (%d)", (int)(int32_t)body_len);
  if (body_len > d->body_limit)
    return fail_at(d, err, CQL_LIMIT, "a body of %u bytes is longer than %zu", body_len, d->body_limit);
  *len = body_len;
  return CQL_OK;
}

static cql_slice body_of(const void *data, size_t len) {
  return len == 0 ? CQL_SLICE_LITERAL("") : cql_slice_of(data, len); /* empty, not null */
}

/* Version 4: the length unpacked (big-endian), then a block. Its flag says so for each body; version 5 ignores it. */
static cql_status unpack_body(cql_decoder *d, cql_envelope *e, cql_error *err) {
  if ((e->flags & CQL_FLAG_COMPRESSED) == 0 || e->version >= CQL_VERSION_5) return CQL_OK;
  if (!d->lz4) return fail_at(d, err, CQL_MALFORMED, "a packed body, though no compression was agreed on");
  if (e->body.len < 4) return fail_at(d, err, CQL_MALFORMED, "a packed body without its length");
  size_t len = cql_load_u32(e->body.data);
  cql_slice block = cql_slice_of(e->body.data + 4, e->body.len - 4);
  if (len > d->body_limit)
    return fail_at(d, err, CQL_LIMIT, "a body of %zu bytes is longer than %zu", len, d->body_limit);
  if (!cqlp_lz4_may_unpack(block.len, len))
    return fail_at(d, err, CQL_MALFORMED, "%zu bytes can not unpack to %zu", block.len, len);
  cql_buf_reset(&d->plain);
  uint8_t *plain = cql_buf_room(&d->plain, len);
  if (plain == NULL) return fail_memory(d, err);
  if (!cqlp_lz4_unpack(plain, len, block)) return fail_at(d, err, CQL_MALFORMED, "a packed body is damaged");
  e->body = body_of(plain, len);
  e->flags &= (uint8_t)~CQL_FLAG_COMPRESSED;
  return CQL_OK;
}

static cql_status start_own(cql_decoder *d, const cql_envelope *e, size_t len) {
  d->own_head = *e;
  d->own_len = len;
  d->has_own = true;
  cql_buf_init(&d->own, d->alloc, len);
  return reserve_more(&d->own, len) ? CQL_OK : CQL_NOMEM;
}

static cql_status lend_own(cql_decoder *d, cql_envelope *out) {
  d->own_is_lent = true;
  *out = d->own_head;
  out->body = body_of(d->own.data, d->own_len);
  return CQL_OK;
}

static void drop_own(cql_decoder *d) {
  cql_buf_free(&d->own);
  d->has_own = d->own_is_lent = false;
}

/* What was lent last is needed no more. */
static void forget_lent(cql_decoder *d) {
  if (d->own_is_lent) drop_own(d);
  if (d->plain.cap > PLAIN_KEEP_LEN && !(d->payload_is_packed && d->payload_left > 0)) cql_buf_free(&d->plain);
}

static cql_status next_own(cql_decoder *d, cql_envelope *out, cql_error *err) {
  if (d->own.len < d->own_len) return CQL_NEED_MORE;
  lend_own(d, out);
  cql_status st = unpack_body(d, out, err);
  if (st == CQL_OK && out->body.data != d->own.data) drop_own(d); /* not twice the memory while plain is read */
  return st;
}

static cql_status next_bare(cql_decoder *d, cql_envelope *out, cql_error *err) {
  if (d->has_own) return next_own(d, out, err);
  size_t len;
  if (waiting(d) < CQL_ENVELOPE_HEADER_LEN) return CQL_NEED_MORE;
  cql_status st = read_head(d, d->in + d->start, out, &len, err);
  if (st != CQL_OK) return st;
  size_t come = waiting(d) - CQL_ENVELOPE_HEADER_LEN;
  if (come < len) {
    if (len < OWN_LEN_MIN) return CQL_NEED_MORE;
    if (start_own(d, out, len) != CQL_OK) return fail_memory(d, err);
    consume(d, CQL_ENVELOPE_HEADER_LEN);
    cql_buf_put(&d->own, d->in + d->start, come);
    if (d->own.st != CQL_OK) return fail_memory(d, err);
    consume(d, come);
    return CQL_NEED_MORE;
  }
  consume(d, CQL_ENVELOPE_HEADER_LEN);
  out->body = body_of(d->in + d->start, len);
  st = unpack_body(d, out, err);
  if (st == CQL_OK) consume(d, len);
  return st;
}

/* --- segments ----------------------------------------------------------------------------------------------------- */

/* A payload that is not self-contained: a part of one envelope. */
static cql_status add_part(cql_decoder *d, cql_slice part, cql_error *err) {
  size_t n = CQL_ENVELOPE_HEADER_LEN - d->head_len;
  if (n > part.len) n = part.len;
  if (n > 0) memcpy(d->head + d->head_len, part.data, n);
  d->head_len += n;
  if (d->head_len < CQL_ENVELOPE_HEADER_LEN) return CQL_OK;
  if (!d->has_own) {
    cql_envelope e;
    size_t len;
    cql_status st = read_head(d, d->head, &e, &len, err);
    if (st != CQL_OK) return st;
    if (start_own(d, &e, len) != CQL_OK) return fail_memory(d, err);
  }
  if (part.len - n > d->own_len - d->own.len)
    return fail_at(d, err, CQL_MALFORMED, "a segment goes on behind the end of its envelope");
  if (part.len > n) cql_buf_put(&d->own, part.data + n, part.len - n);
  return d->own.st == CQL_OK ? CQL_OK : fail_memory(d, err);
}

/* Gives the payload of a whole segment that starts at p, unpacked. */
static cql_status read_payload(cql_decoder *d, const uint8_t *p, const cqlp_segment *s, cql_slice *out,
                               cql_error *err) {
  *out = cql_slice_of(p, s->len);
  d->payload_is_packed = s->unpacked > 0;
  if (cqlp_crc32(p, s->len) != cqlp_load_u32_le(p + s->len))
    return fail_at(d, err, CQL_MALFORMED, "the checksum of a segment's payload differs");
  if (s->unpacked == 0) return CQL_OK;
  cql_buf_reset(&d->plain);
  uint8_t *plain = cql_buf_room(&d->plain, s->unpacked);
  if (plain == NULL) return fail_memory(d, err);
  if (!cqlp_lz4_unpack(plain, s->unpacked, *out)) return fail_at(d, err, CQL_MALFORMED, "a packed segment is damaged");
  *out = cql_slice_of(plain, s->unpacked);
  return CQL_OK;
}

/* Takes one segment from in. CQL_NEED_MORE: it has not all come. */
static cql_status next_segment(cql_decoder *d, cql_error *err) {
  cqlp_segment s;
  size_t head_len = cqlp_segment_header_len(d->lz4);
  if (waiting(d) < head_len) return CQL_NEED_MORE;
  if (!cqlp_segment_load(d->in + d->start, &s, d->lz4))
    return fail_at(d, err, CQL_MALFORMED, "the checksum of a segment's header differs");
  if (waiting(d) < head_len + s.len + CQLP_SEGMENT_TRAILER_LEN) return CQL_NEED_MORE;
  cql_slice payload;
  cql_status st = read_payload(d, d->in + d->start + head_len, &s, &payload, err);
  if (st != CQL_OK) return st;
  if (s.is_self_contained && d->head_len > 0)
    return fail_at(d, err, CQL_MALFORMED, "a self-contained segment amid a longer envelope");
  if (!s.is_self_contained) {
    st = add_part(d, payload, err);
    if (st == CQL_OK) consume(d, head_len + s.len + CQLP_SEGMENT_TRAILER_LEN);
    return st;
  }
  d->payload_left = payload.len;
  d->plain_at = 0;
  /* An unpacked payload is consumed envelope by envelope, and what is behind it with the last of them. */
  consume(d, head_len + (d->payload_is_packed ? s.len + CQLP_SEGMENT_TRAILER_LEN : 0));
  if (payload.len == 0 && !d->payload_is_packed) consume(d, CQLP_SEGMENT_TRAILER_LEN);
  return CQL_OK;
}

static cql_status next_in_payload(cql_decoder *d, cql_envelope *out, cql_error *err) {
  const uint8_t *p = d->payload_is_packed ? d->plain.data + d->plain_at : d->in + d->start;
  size_t len;
  if (d->payload_left < CQL_ENVELOPE_HEADER_LEN)
    return fail_at(d, err, CQL_MALFORMED, "a segment ends within the header of an envelope");
  cql_status st = read_head(d, p, out, &len, err);
  if (st != CQL_OK) return st;
  if (d->payload_left - CQL_ENVELOPE_HEADER_LEN < len)
    return fail_at(d, err, CQL_MALFORMED, "a body of %zu bytes goes on behind its segment", len);
  out->body = body_of(p + CQL_ENVELOPE_HEADER_LEN, len);
  size_t whole = CQL_ENVELOPE_HEADER_LEN + len;
  d->payload_left -= whole;
  if (d->payload_is_packed)
    d->plain_at += whole;
  else
    consume(d, whole + (d->payload_left == 0 ? CQLP_SEGMENT_TRAILER_LEN : 0));
  return CQL_OK;
}

static cql_status next_in_segments(cql_decoder *d, cql_envelope *out, cql_error *err) {
  while (d->payload_left == 0) {
    cql_status st = next_segment(d, err);
    if (st != CQL_OK) return st;
    if (d->has_own && d->own.len == d->own_len) {
      d->head_len = 0;
      return lend_own(d, out);
    }
  }
  return next_in_payload(d, out, err);
}

cql_status cql_decoder_next(cql_decoder *d, cql_envelope *out, cql_error *err) {
  if (d->st != CQL_OK) return repeat(d, err);
  forget_lent(d);
  return d->in_segments ? next_in_segments(d, out, err) : next_bare(d, out, err);
}

/* --- bodies that outlive the next call ---------------------------------------------------------------------------- */

/* When the body is all that b holds, and b is not much longer than it. */
static bool move(cql_buf *b, cql_slice body, cql_buf *out) {
  if (b->data == NULL || body.data != b->data || body.len != b->len || b->cap / 2 > b->len) return false;
  *out = *b;
  cql_buf_init(b, out->alloc, CQL_BODY_LEN_MAX);
  return true;
}

cql_status cql_decoder_take(cql_decoder *d, cql_envelope *e, cql_buf *out) {
  if (move(&d->own, e->body, out) || move(&d->plain, e->body, out)) return CQL_OK;
  cql_buf_init(out, d->alloc, e->body.len);
  cql_buf_put(out, e->body.data, e->body.len);
  if (out->st != CQL_OK) return out->st;
  e->body = body_of(out->data, e->body.len);
  return CQL_OK;
}
