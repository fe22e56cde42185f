/* frames.c: what the targets of framing share. */
#include "frames.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { STEADY_LEN = 600 * 1024, LZ4_GROWTH_MAX = 255, ENVELOPES_MAX = 1 << 16 };

/* --- an allocator that counts --------------------------------------------------------------------------------------
 */

typedef struct counted {
  cql_alloc alloc;
  size_t live, peak;
} counted;

static void *resize(void *user, void *ptr, size_t old_size, size_t new_size) {
  counted *c = user;
  void *out = cql_alloc_libc.resize(NULL, ptr, old_size, new_size);
  if (out == NULL && new_size > 0) return NULL;
  c->live += new_size - (ptr == NULL ? 0 : old_size);
  if (c->live > c->peak) c->peak = c->live;
  return out;
}

/* --- what a decoder says --------------------------------------------------------------------------------------------
 */

typedef struct heard {
  cql_buf envelopes; /* one after the other, bare */
  size_t count;
  cql_status st;
  char message[CQL_ERROR_MESSAGE_LEN];
} heard;

static void add(heard *h, const cql_envelope *e) {
  uint8_t head[CQL_ENVELOPE_HEADER_LEN] = {(uint8_t)(e->version | (e->is_response ? 0x80 : 0)), e->flags, 0, 0,
                                           e->opcode};
  cql_store_u16(head + 2, (uint16_t)e->stream);
  cql_store_u32(head + 5, (uint32_t)e->body.len);
  cql_buf_put(&h->envelopes, head, sizeof head);
  cql_buf_slice(&h->envelopes, e->body);
  h->count++;
}

/* Every third body is taken, so that this way is gone too. */
static void drain(cql_decoder *d, heard *h) {
  cql_envelope e;
  cql_error err = {.status = CQL_OK};
  while ((h->st = cql_decoder_next(d, &e, &err)) == CQL_OK) {
    cql_buf body = {.data = NULL};
    FUZZ_REQUIRE(e.body.data != NULL, "an empty body has an address");
    if (h->count % 3 == 0) {
      cql_status st = cql_decoder_take(d, &e, &body);
      FUZZ_REQUIRE(st == CQL_OK, "%s", cql_status_name(st));
    }
    add(h, &e);
    cql_buf_free(&body);
  }
  if (h->st == CQL_NEED_MORE) return;
  fuzz_require_words(h->st, &err);
  FUZZ_REQUIRE(h->st == CQL_MALFORMED || h->st == CQL_LIMIT, "%s", cql_status_name(h->st));
  memcpy(h->message, err.message, sizeof h->message);
  FUZZ_REQUIRE(cql_decoder_next(d, &e, NULL) == h->st, "final");
}

static void hear(heard *h, cql_slice bytes, bool segments, bool lz4, size_t piece) {
  counted c = {.alloc = {resize, &c}};
  cql_decoder *d;
  *h = (heard){.st = CQL_NEED_MORE};
  cql_buf_init(&h->envelopes, &cql_alloc_libc, (size_t)1 << 30);
  FUZZ_REQUIRE(cql_decoder_new(&d, 0, &c.alloc) == CQL_OK, "memory");
  if (segments)
    cql_decoder_use_segments(d, lz4);
  else if (lz4)
    cql_decoder_use_lz4(d);
  for (size_t done = 0; done < bytes.len && h->st == CQL_NEED_MORE;) {
    size_t room, n = bytes.len - done;
    uint8_t *p = cql_decoder_room(d, &room);
    FUZZ_REQUIRE(p != NULL && room > 0, "room");
    if (n > room) n = room;
    if (n > piece) n = piece;
    memcpy(p, bytes.data + done, n);
    cql_decoder_filled(d, n);
    done += n;
    drain(d, h);
  }
  cql_decoder_free(d);
  FUZZ_REQUIRE(c.live == 0, "%zu bytes leaked", c.live);
  size_t growth = lz4 ? LZ4_GROWTH_MAX + 2 : 3;
  FUZZ_REQUIRE(c.peak <= STEADY_LEN + growth * bytes.len, "%zu bytes for %zu", c.peak, bytes.len);
  FUZZ_REQUIRE(h->envelopes.st == CQL_OK, "%s", cql_status_name(h->envelopes.st));
}

/* --- and back ------------------------------------------------------------------------------------------------------
 */

static void send(cql_encoder *e, cql_slice envelopes, cql_buf *out) {
  while (envelopes.len > 0) {
    size_t len = CQL_ENVELOPE_HEADER_LEN + cql_load_u32(envelopes.data + 5);
    int16_t stream = (int16_t)cql_load_u16(envelopes.data + 2);
    cql_status st = cql_encoder_put(e, cql_slice_of(envelopes.data, len), stream);
    FUZZ_REQUIRE(st == CQL_OK, "%s", cql_status_name(st));
    envelopes = cql_slice_of(envelopes.data + len, envelopes.len - len);
    if (stream % 2 != 0 || envelopes.len == 0) {
      cql_slice pending = cql_encoder_pending(e);
      cql_buf_slice(out, pending);
      cql_encoder_sent(e, pending.len);
    }
  }
}

/* Envelopes that say they are packed can not be put again bare: nobody puts such. */
static bool has_packed(cql_slice envelopes) {
  while (envelopes.len > 0) {
    if (envelopes.data[1] & CQL_FLAG_COMPRESSED) return true;
    size_t len = CQL_ENVELOPE_HEADER_LEN + cql_load_u32(envelopes.data + 5);
    envelopes = cql_slice_of(envelopes.data + len, envelopes.len - len);
  }
  return false;
}

static void back(const heard *h, bool segments, bool lz4) {
  cql_encoder *e;
  cql_buf bytes;
  heard again;
  if (h->envelopes.len == 0 || (!segments && has_packed(cql_buf_view(&h->envelopes)))) return;
  cql_buf_init(&bytes, &cql_alloc_libc, (size_t)1 << 30);
  FUZZ_REQUIRE(cql_encoder_new(&e, 0, &cql_alloc_libc) == CQL_OK, "memory");
  if (segments)
    cql_encoder_use_segments(e, lz4);
  else if (lz4)
    cql_encoder_use_lz4(e);
  send(e, cql_buf_view(&h->envelopes), &bytes);
  cql_encoder_free(e);
  hear(&again, cql_buf_view(&bytes), segments, lz4, SIZE_MAX);
  FUZZ_REQUIRE(again.st == CQL_NEED_MORE, "%s", again.message);
  FUZZ_REQUIRE(cql_slice_eq(cql_buf_view(&again.envelopes), cql_buf_view(&h->envelopes)), "%zu and %zu envelopes",
               again.count, h->count);
  cql_buf_free(&again.envelopes);
  cql_buf_free(&bytes);
}

void fuzz_frames(cql_slice bytes, bool segments, bool lz4, size_t piece) {
  heard whole, pieces;
  hear(&whole, bytes, segments, lz4, SIZE_MAX);
  hear(&pieces, bytes, segments, lz4, piece == 0 ? 1 : piece);
  FUZZ_REQUIRE(whole.st == pieces.st && strcmp(whole.message, pieces.message) == 0, "%s; %s", whole.message,
               pieces.message);
  FUZZ_REQUIRE(cql_slice_eq(cql_buf_view(&whole.envelopes), cql_buf_view(&pieces.envelopes)), "%zu and %zu envelopes",
               whole.count, pieces.count);
  back(&whole, segments, lz4);
  cql_buf_free(&whole.envelopes);
  cql_buf_free(&pieces.envelopes);
}
