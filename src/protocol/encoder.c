/* encoder.c: envelopes to the bytes of a socket, in one buffer that is written at its end and sent from its front.
 *
 *   bare      header body header body …
 *   segments  [header] envelope envelope … [checksum]     the last one is open: its header and checksum are room, and
 *                                                         its payload is plain, until cql_encoder_pending() */
#include "protocol/protocol_int.h"

#include <string.h>

enum {
  FIRST_CAP = 4 * 1024,
  KEEP_LEN = 1024 * 1024, /* a longer buffer is not kept once all was sent */
  STREAM_AT = 2,          /* in the header of an envelope */
  LENGTH_AT = 5
};

struct cql_encoder {
  const cql_alloc *alloc;
  size_t limit;
  bool in_segments, lz4;
  uint8_t *out;
  size_t start, end, cap; /* what waits: out[start … end) */
  bool is_open;           /* a segment, at segment_at, whose payload goes to end */
  size_t segment_at;
  cql_buf packed; /* what LZ4 makes of a payload */
};

cql_status cql_encoder_new(cql_encoder **out, size_t limit, const cql_alloc *alloc) {
  cql_encoder *e = *out = cql_alloc_new(alloc, sizeof *e);
  if (e == NULL) return CQL_NOMEM;
  e->alloc = alloc;
  e->limit = limit == 0 ? SIZE_MAX : limit;
  cql_buf_init(&e->packed, alloc, CQL_SEGMENT_PAYLOAD_MAX);
  return CQL_OK;
}

void cql_encoder_free(cql_encoder *e) {
  if (e == NULL) return;
  cql_alloc_free(e->alloc, e->out, e->cap);
  cql_buf_free(&e->packed);
  cql_alloc_free(e->alloc, e, sizeof *e);
}

/* --- the buffer --------------------------------------------------------------------------------------------------- */

static void to_front(cql_encoder *e) {
  if (e->start == 0) return;
  memmove(e->out, e->out + e->start, e->end - e->start);
  e->end -= e->start;
  e->segment_at -= e->is_open ? e->start : 0;
  e->start = 0;
}

/* Makes room for so many bytes at the end, of which len count against the limit. */
static cql_status reserve(cql_encoder *e, size_t len) {
  size_t waits = e->end - e->start;
  if (len > e->limit || waits > e->limit - len) return CQL_LIMIT;
  if (e->cap - e->end >= len) return CQL_OK;
  /* Moving pays when it frees at least half of the buffer: each byte moves a bounded number of times. */
  if (e->start >= e->cap / 2 && e->start > 0) to_front(e);
  if (e->cap - e->end >= len) return CQL_OK;
  size_t cap = e->cap < FIRST_CAP ? FIRST_CAP : e->cap;
  while (cap - e->end < len) {
    if (cap > SIZE_MAX / 2) return CQL_NOMEM;
    cap *= 2;
  }
  uint8_t *out = e->alloc->resize(e->alloc->user, e->out, e->cap, cap);
  if (out == NULL) return CQL_NOMEM;
  e->out = out;
  e->cap = cap;
  return CQL_OK;
}

static uint8_t *put_envelope(cql_encoder *e, cql_slice envelope, int16_t stream) {
  uint8_t *at = e->out + e->end;
  memcpy(at, envelope.data, envelope.len);
  cql_store_u16(at + STREAM_AT, (uint16_t)stream);
  e->end += envelope.len;
  return at;
}

/* --- bare --------------------------------------------------------------------------------------------------------- */

static bool is_packable(const cql_encoder *e, cql_slice envelope) {
  cql_opcode opcode = envelope.data[4];
  return e->lz4 && envelope.len - CQL_ENVELOPE_HEADER_LEN >= CQL_COMPRESS_LEN_MIN && opcode != CQL_OP_STARTUP &&
         opcode != CQL_OP_OPTIONS && (envelope.data[0] & 0x7F) < CQL_VERSION_5;
}

static cql_status put_bare(cql_encoder *e, cql_slice envelope, int16_t stream) {
  cql_status st = reserve(e, envelope.len);
  if (st != CQL_OK) return st;
  if (!is_packable(e, envelope)) {
    put_envelope(e, envelope, stream);
    return CQL_OK;
  }
  cql_slice body = cql_slice_of(envelope.data + CQL_ENVELOPE_HEADER_LEN, envelope.len - CQL_ENVELOPE_HEADER_LEN);
  uint8_t *at = e->out + e->end;
  size_t packed = cqlp_lz4_pack(at + CQL_ENVELOPE_HEADER_LEN + 4, body, 4);
  if (packed == 0) {
    put_envelope(e, envelope, stream);
    return CQL_OK;
  }
  put_envelope(e, cql_slice_of(envelope.data, CQL_ENVELOPE_HEADER_LEN), stream);
  at[1] |= CQL_FLAG_COMPRESSED;
  cql_store_u32(at + LENGTH_AT, (uint32_t)(packed + 4));
  cql_store_u32(at + CQL_ENVELOPE_HEADER_LEN, (uint32_t)body.len);
  e->end += 4 + packed;
  return CQL_OK;
}

/* --- segments ----------------------------------------------------------------------------------------------------- */

/* Finishes a segment at `at` whose plain payload of so many bytes stands behind room for its header. Packing may fail
 * for want of memory; the payload is then sent plain. */
static void finish_segment(cql_encoder *e, size_t at, size_t len, bool is_self_contained) {
  size_t head_len = cqlp_segment_header_len(e->lz4);
  uint8_t *payload = e->out + at + head_len;
  cqlp_segment s = {.len = (uint32_t)len, .is_self_contained = is_self_contained};
  if (e->lz4 && len >= CQL_COMPRESS_LEN_MIN) {
    cql_buf_reset(&e->packed);
    uint8_t *packed = cql_buf_room(&e->packed, len);
    size_t packed_len = packed == NULL ? 0 : cqlp_lz4_pack(packed, cql_slice_of(payload, len), 0);
    if (packed_len > 0) {
      memcpy(payload, packed, packed_len);
      s.unpacked = (uint32_t)len;
      s.len = (uint32_t)packed_len;
    }
  }
  cqlp_segment_store(e->out + at, &s, e->lz4);
  cqlp_store_u32_le(payload + s.len, cqlp_crc32(payload, s.len));
  e->end = at + head_len + s.len + CQLP_SEGMENT_TRAILER_LEN;
}

/* The room for its checksum was reserved when its payload was put. */
static void close_segment(cql_encoder *e) {
  if (!e->is_open) return;
  e->is_open = false;
  finish_segment(e, e->segment_at, e->end - e->segment_at - cqlp_segment_header_len(e->lz4), true);
}

/* A long envelope: segments that hold nothing else. */
static cql_status put_long(cql_encoder *e, cql_slice envelope, int16_t stream) {
  size_t frame = cqlp_segment_header_len(e->lz4) + CQLP_SEGMENT_TRAILER_LEN;
  size_t count = (envelope.len + CQL_SEGMENT_PAYLOAD_MAX - 1) / CQL_SEGMENT_PAYLOAD_MAX;
  size_t closing = e->is_open ? CQLP_SEGMENT_TRAILER_LEN : 0;
  cql_status st = reserve(e, closing + envelope.len + count * frame);
  if (st != CQL_OK) return st;
  close_segment(e);
  for (size_t done = 0; done < envelope.len;) {
    size_t at = e->end, len = envelope.len - done;
    if (len > CQL_SEGMENT_PAYLOAD_MAX) len = CQL_SEGMENT_PAYLOAD_MAX;
    uint8_t *payload = e->out + at + cqlp_segment_header_len(e->lz4);
    memcpy(payload, envelope.data + done, len);
    if (done == 0) cql_store_u16(payload + STREAM_AT, (uint16_t)stream);
    finish_segment(e, at, len, false);
    done += len;
  }
  return CQL_OK;
}

static cql_status put_in_segment(cql_encoder *e, cql_slice envelope, int16_t stream) {
  size_t head_len = cqlp_segment_header_len(e->lz4);
  if (envelope.len > CQL_SEGMENT_PAYLOAD_MAX) return put_long(e, envelope, stream);
  bool fits = e->is_open && e->end - e->segment_at - head_len + envelope.len <= CQL_SEGMENT_PAYLOAD_MAX;
  size_t closing = e->is_open ? CQLP_SEGMENT_TRAILER_LEN : 0;
  cql_status st = reserve(e, closing + head_len + envelope.len + CQLP_SEGMENT_TRAILER_LEN);
  if (st != CQL_OK) return st;
  if (!fits) {
    close_segment(e);
    e->is_open = true;
    e->segment_at = e->end;
    e->end += head_len;
  }
  put_envelope(e, envelope, stream);
  return CQL_OK;
}

/* --- in and out --------------------------------------------------------------------------------------------------- */

cql_status cql_encoder_put(cql_encoder *e, cql_slice envelope, int16_t stream) {
  if (envelope.len < CQL_ENVELOPE_HEADER_LEN ||
      cql_load_u32(envelope.data + LENGTH_AT) != envelope.len - CQL_ENVELOPE_HEADER_LEN)
    return CQL_MISUSE;
  return e->in_segments ? put_in_segment(e, envelope, stream) : put_bare(e, envelope, stream);
}

cql_slice cql_encoder_pending(cql_encoder *e) {
  close_segment(e);
  if (e->start == e->end) return CQL_SLICE_LITERAL("");
  return cql_slice_of(e->out + e->start, e->end - e->start);
}

void cql_encoder_sent(cql_encoder *e, size_t len) {
  e->start += len;
  if (e->start < e->end) return;
  e->start = e->end = 0;
  if (e->cap <= KEEP_LEN) return;
  cql_alloc_free(e->alloc, e->out, e->cap);
  e->out = NULL;
  e->cap = 0;
}

void cql_encoder_use_segments(cql_encoder *e, bool lz4) {
  close_segment(e);
  e->in_segments = true;
  e->lz4 = lz4;
}

void cql_encoder_use_lz4(cql_encoder *e) {
  e->lz4 = true;
}
