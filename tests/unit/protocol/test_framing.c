/* test_framing.c: envelopes to bytes and back, in both versions, with and without LZ4, whole and in pieces; and bytes
 * that are none. "Trap n" is the n-th of the list that the protocol's documents made us write.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/protocol_int.h"
#include "support.h"

static const size_t LENS[] = {0, 1, 9, 100, 511, 512, 700, 3000};
/* Around a segment's length, the receive buffer's, and the lengths from which a body has a buffer of its own. */
static const size_t LONG_LENS[] = {16375, 16384, 65527, 65536, 100000, 131061, 131062, 131063, 131072, 262143, 500000};
enum { LEN_COUNT = sizeof LENS / sizeof *LENS, LONG_LEN_COUNT = sizeof LONG_LENS / sizeof *LONG_LENS };

typedef struct talk {
  cql_buf bytes, expected;
} talk;

static void talk_init(talk *t) {
  cql_buf_init(&t->bytes, &cql_alloc_libc, SIZE_MAX);
  cql_buf_init(&t->expected, &cql_alloc_libc, SIZE_MAX);
}

static void talk_free(talk *t) {
  cql_buf_free(&t->bytes);
  cql_buf_free(&t->expected);
}

/* Puts an envelope, and sends now and then, so that some share a segment and some do not. */
static void say(talk *t, cql_encoder *e, const wire *w, size_t len, bool random, int16_t stream) {
  cql_buf b;
  cql_buf_init(&b, &cql_alloc_libc, SIZE_MAX);
  put_blob(&b, w->version, len, random, (uint32_t)stream);
  assert_int_equal(cql_encoder_put(e, cql_buf_view(&b), stream), CQL_OK);
  cql_envelope expected = envelope_of(&b);
  expected.stream = stream;
  describe(&t->expected, &expected);
  cql_buf_free(&b);
  if (stream % 3 != 0) return;
  cql_buf_slice(&t->bytes, cql_encoder_pending(e));
  cql_encoder_sent(e, cql_encoder_pending(e).len);
}

static void converse(talk *t, const wire *w, const size_t *lens, size_t count) {
  talk_init(t);
  cql_encoder *e = new_encoder(w, &cql_alloc_libc);
  int16_t stream = 1;
  for (size_t i = 0; i < count; i++)
    for (int random = 0; random < 2; random++) say(t, e, w, lens[i], random == 1, stream++);
  cql_buf_slice(&t->bytes, cql_encoder_pending(e));
  cql_encoder_free(e);
}

static void drain(cql_decoder *d, cql_buf *seen) {
  cql_envelope e;
  cql_error err;
  cql_status st;
  while ((st = cql_decoder_next(d, &e, &err)) == CQL_OK) describe(seen, &e);
  if (st != CQL_NEED_MORE) fail_msg("%s", err.message);
}

/* In pieces of at most so many bytes, and of what there is room for. */
static void feed_pieces(cql_decoder *d, cql_slice bytes, size_t piece, cql_buf *seen) {
  while (bytes.len > 0) {
    size_t room = 0;
    uint8_t *p = cql_decoder_room(d, &room);
    assert_non_null(p);
    assert_true(room > 0);
    size_t n = bytes.len < piece ? bytes.len : piece;
    if (n > room) n = room;
    memcpy(p, bytes.data, n);
    cql_decoder_filled(d, n);
    bytes = cql_slice_of(bytes.data + n, bytes.len - n);
    drain(d, seen);
  }
}

static void require_alike(const talk *t, const cql_buf *seen) {
  assert_int_equal(seen->len, t->expected.len);
  assert_memory_equal(seen->data, t->expected.data, seen->len);
}

static void decode_in_pieces(const talk *t, const wire *w, size_t piece) {
  cql_buf seen;
  cql_buf_init(&seen, &cql_alloc_libc, SIZE_MAX);
  cql_decoder *d = new_decoder(w, &cql_alloc_libc);
  feed_pieces(d, cql_buf_view(&t->bytes), piece, &seen);
  require_alike(t, &seen);
  cql_decoder_free(d);
  cql_buf_free(&seen);
}

static void test_pieces_of_every_size(void **state) {
  (void)state;
  static const size_t PIECES[] = {13, 1000, 4096, 65536, SIZE_MAX};
  for (int i = 0; i < WIRE_COUNT; i++) {
    talk t;
    converse(&t, &WIRES[i], LONG_LENS, LONG_LEN_COUNT);
    for (size_t j = 0; j < sizeof PIECES / sizeof *PIECES; j++) decode_in_pieces(&t, &WIRES[i], PIECES[j]);
    talk_free(&t);
  }
}

static void test_split_at_every_byte(void **state) {
  (void)state;
  for (int i = 0; i < WIRE_COUNT; i++) {
    talk t;
    converse(&t, &WIRES[i], LENS, LEN_COUNT);
    decode_in_pieces(&t, &WIRES[i], 1);
    for (size_t at = 0; at <= t.bytes.len; at++) {
      cql_buf seen;
      cql_buf_init(&seen, &cql_alloc_libc, SIZE_MAX);
      cql_decoder *d = new_decoder(&WIRES[i], &cql_alloc_libc);
      feed(d, cql_slice_of(t.bytes.data, at));
      drain(d, &seen);
      feed(d, cql_slice_of(t.bytes.data + at, t.bytes.len - at));
      drain(d, &seen);
      require_alike(&t, &seen);
      cql_decoder_free(d);
      cql_buf_free(&seen);
    }
    talk_free(&t);
  }
}

static void require_same(const cqlp_segment *x, const cqlp_segment *y) {
  assert_int_equal(x->len, y->len);
  assert_int_equal(x->unpacked, y->unpacked);
  assert_true(x->is_self_contained == y->is_self_contained);
}

/* What a segment must look like, from the specification alone. */
static void test_trap_2_segment_header_is_little_endian(void **state) {
  (void)state;
  uint8_t head[CQLP_SEGMENT_LZ4_HEADER_LEN];
  cqlp_segment s = {.len = 0x1ABCD, .is_self_contained = true}, seen;
  cqlp_segment_store(head, &s, false);
  assert_memory_equal(head, "\xCD\xAB\x03", 3); /* bit 16 of the length, and bit 17 */
  assert_true(cqlp_segment_load(head, &seen, false));
  require_same(&seen, &s);
  s.unpacked = 0x1FFFF;
  cqlp_segment_store(head, &s, true);
  assert_memory_equal(head, "\xCD\xAB\xFF\xFF\x07", 5); /* 17 bits, 17 bits, the flag at bit 34 */
  assert_true(cqlp_segment_load(head, &seen, true));
  require_same(&seen, &s);
  for (int bit = 0; bit < 64; bit++) {
    head[bit / 8] ^= (uint8_t)(1 << bit % 8);
    assert_false(cqlp_segment_load(head, &seen, true));
    head[bit / 8] ^= (uint8_t)(1 << bit % 8);
  }
}

static uint32_t crc24_by_bits(const uint8_t *bytes, size_t len) {
  uint32_t crc = 0x875060;
  for (size_t i = 0; i < len; i++) {
    crc ^= (uint32_t)bytes[i] << 16;
    for (int bit = 0; bit < 8; bit++) crc = crc << 1 & 0x1000000 ? (crc << 1 ^ 0x1974F0B) & 0xFFFFFF : crc << 1;
  }
  return crc;
}

static void test_trap_3_checksums(void **state) {
  (void)state;
  uint32_t seed = 3;
  for (int i = 0; i < 1000; i++) {
    uint8_t bytes[5];
    for (size_t j = 0; j < sizeof bytes; j++) bytes[j] = (uint8_t)next_random(&seed);
    assert_int_equal(cqlp_crc24(bytes, 3), crc24_by_bits(bytes, 3));
    assert_int_equal(cqlp_crc24(bytes, 5), crc24_by_bits(bytes, 5));
  }
  /* Of FA 2D 55 CA and the payload. */
  assert_int_equal(cqlp_crc32((const uint8_t *)"abc", 3), 0xC5367A08);
  assert_int_equal(cqlp_crc32((const uint8_t *)"", 0), 0x44777ED3);
}

/* Each envelope of a talk, as the encoder sends it. */
static cql_slice sent(cql_encoder *e) {
  return cql_encoder_pending(e);
}

static void put_one(cql_encoder *e, uint8_t version, size_t len, bool random) {
  cql_buf b;
  cql_buf_init(&b, &cql_alloc_libc, SIZE_MAX);
  put_blob(&b, version, len, random, 1);
  assert_int_equal(cql_encoder_put(e, cql_buf_view(&b), 5), CQL_OK);
  cql_buf_free(&b);
}

static cqlp_segment segment_at(cql_slice bytes, bool lz4) {
  cqlp_segment s;
  assert_true(bytes.len >= cqlp_segment_header_len(lz4));
  assert_true(cqlp_segment_load(bytes.data, &s, lz4));
  return s;
}

static void test_trap_4_a_payload_that_is_not_packed(void **state) {
  (void)state;
  cql_encoder *e = new_encoder(&WIRES[3], &cql_alloc_libc);
  put_one(e, 5, 2000, true);
  cqlp_segment s = segment_at(sent(e), true);
  assert_int_equal(s.unpacked, 0);
  assert_int_equal(s.len, 2009);
  cql_encoder_sent(e, sent(e).len);
  put_one(e, 5, 2000, false);
  s = segment_at(sent(e), true);
  assert_int_equal(s.unpacked, 2009);
  assert_true(s.len < 200);
  cql_encoder_free(e);
}

static void test_trap_5_many_in_one_segment_and_one_in_many(void **state) {
  (void)state;
  cql_encoder *e = new_encoder(&WIRES[2], &cql_alloc_libc);
  for (int i = 0; i < 10; i++) put_one(e, 5, 100, false);
  cqlp_segment s = segment_at(sent(e), false);
  assert_true(s.is_self_contained);
  assert_int_equal(s.len, 1090);
  assert_int_equal(sent(e).len, 1090 + 10);
  cql_encoder_sent(e, sent(e).len);

  put_one(e, 5, 300000, false);
  cql_slice bytes = sent(e);
  size_t payload = 0, segments = 0;
  for (size_t at = 0; at < bytes.len; segments++) {
    s = segment_at(cql_slice_of(bytes.data + at, bytes.len - at), false);
    assert_false(s.is_self_contained);
    payload += s.len;
    at += 6 + s.len + 4;
  }
  assert_int_equal(segments, 3);
  assert_int_equal(payload, 300009);
  cql_encoder_sent(e, bytes.len);

  for (int i = 0; i < 2; i++) put_one(e, 5, 131062, false); /* each fills a segment to its last byte */
  assert_int_equal(sent(e).len, 2 * (131071 + 10));
  assert_true(segment_at(sent(e), false).is_self_contained);
  cql_encoder_free(e);
}

/* --- version 4's LZ4 ---------------------------------------------------------------------------------------------- */

static void test_trap_6_lz4_body_has_its_length_in_front(void **state) {
  (void)state;
  cql_encoder *e = new_encoder(&WIRES[1], &cql_alloc_libc);
  put_one(e, 4, 2000, false);
  cql_slice bytes = sent(e);
  assert_int_equal(bytes.data[1], CQL_FLAG_COMPRESSED);
  assert_int_equal(cql_load_u32(bytes.data + 5), bytes.len - 9);
  assert_int_equal(cql_load_u32(bytes.data + 9), 2000);
  cql_encoder_free(e);
}

static void test_trap_7_the_flag_is_per_envelope(void **state) {
  (void)state;
  cql_encoder *e = new_encoder(&WIRES[1], &cql_alloc_libc);
  put_one(e, 4, CQL_COMPRESS_LEN_MIN - 1, false); /* short */
  assert_int_equal(sent(e).data[1], 0);
  cql_encoder_sent(e, sent(e).len);
  put_one(e, 4, 2000, true); /* would not get shorter */
  assert_int_equal(sent(e).data[1], 0);
  assert_int_equal(sent(e).len, 2009);
  cql_encoder_sent(e, sent(e).len);
  cql_buf b; /* STARTUP */
  cql_buf_init(&b, &cql_alloc_libc, SIZE_MAX);
  put_blob(&b, 4, 2000, false, 1);
  b.data[4] = CQL_OP_STARTUP;
  assert_int_equal(cql_encoder_put(e, cql_buf_view(&b), 0), CQL_OK);
  assert_int_equal(sent(e).data[1], 0);
  cql_buf_free(&b);
  cql_encoder_free(e);
}

static cql_status decode_all(const wire *w, cql_slice bytes, cql_error *err) {
  cql_decoder *d = new_decoder(w, &cql_alloc_libc);
  cql_envelope e;
  cql_status st;
  feed(d, bytes);
  while ((st = cql_decoder_next(d, &e, err)) == CQL_OK) continue;
  assert_int_equal(cql_decoder_next(d, &e, NULL), st); /* final, or still too few */
  cql_decoder_free(d);
  return st;
}

static void test_trap_6_in_version_5_the_flag_is_ignored(void **state) {
  (void)state;
  cql_error err;
  assert_int_equal(decode_all(&WIRES[0], CQL_SLICE_LITERAL("\x85\x01\0\0\x02\0\0\0\0"), &err), CQL_NEED_MORE);
  assert_int_equal(decode_all(&WIRES[0], CQL_SLICE_LITERAL("\x84\x01\0\0\x02\0\0\0\0"), &err), CQL_MALFORMED);
  assert_string_equal(err.message, "Byte 9 of the connection: a packed body, though no compression was agreed on");
}

/* An answer in another version than ours is an envelope all the same. */
static void test_trap_9_any_version_is_read(void **state) {
  (void)state;
  cql_decoder *d = new_decoder(&WIRES[0], &cql_alloc_libc);
  cql_envelope e;
  for (unsigned version = 0; version < 128; version++) {
    uint8_t bytes[] = {(uint8_t)(0x80 | version), 0, 0xFF, 0xFF, 0, 0, 0, 0, 1, 'x'};
    feed(d, cql_slice_of(bytes, sizeof bytes));
    assert_int_equal(cql_decoder_next(d, &e, NULL), CQL_OK);
    assert_int_equal(e.version, version);
    assert_true(e.is_response);
    assert_int_equal(e.stream, CQL_STREAM_EVENT); /* trap 10: signed */
    assert_int_equal(cql_decoder_next(d, &e, NULL), CQL_NEED_MORE);
  }
  cql_decoder_free(d);
}

/* Trap 10: stream ids are signed, and the same envelope goes out under any. */
static void test_trap_10_streams(void **state) {
  (void)state;
  static const int16_t STREAMS[] = {0, 1, 255, 256, 32767, CQL_STREAM_EVENT};
  for (int i = 0; i < WIRE_COUNT; i++) {
    cql_buf b;
    cql_envelope seen;
    cql_buf_init(&b, &cql_alloc_libc, SIZE_MAX);
    put_blob(&b, WIRES[i].version, 10, false, 1);
    cql_encoder *e = new_encoder(&WIRES[i], &cql_alloc_libc);
    cql_decoder *d = new_decoder(&WIRES[i], &cql_alloc_libc);
    for (size_t j = 0; j < sizeof STREAMS / sizeof *STREAMS; j++)
      assert_int_equal(cql_encoder_put(e, cql_buf_view(&b), STREAMS[j]), CQL_OK);
    assert_int_equal(cql_load_u16(b.data + 2), 0); /* only read */
    feed(d, cql_encoder_pending(e));
    for (size_t j = 0; j < sizeof STREAMS / sizeof *STREAMS; j++) {
      assert_int_equal(cql_decoder_next(d, &seen, NULL), CQL_OK);
      assert_int_equal(seen.stream, STREAMS[j]);
    }
    cql_decoder_free(d);
    cql_encoder_free(e);
    cql_buf_free(&b);
  }
}

/* READY travels bare, and segments begin behind it, be they in the same read. */
static void test_trap_1_segments_begin_behind_ready(void **state) {
  (void)state;
  cql_buf b;
  cql_envelope seen;
  cql_buf_init(&b, &cql_alloc_libc, SIZE_MAX);
  cql_encoder *e = new_encoder(&WIRES[0], &cql_alloc_libc);
  cql_put_ready(&b, 5);
  assert_int_equal(cql_encoder_put(e, cql_buf_view(&b), 0), CQL_OK);
  cql_encoder_use_segments(e, true);
  assert_int_equal(cql_encoder_put(e, cql_buf_view(&b), 1), CQL_OK);
  cql_slice bytes = cql_encoder_pending(e);
  assert_int_equal(bytes.len, 9 + 8 + 9 + 4);
  cql_decoder *d = new_decoder(&WIRES[0], &cql_alloc_libc);
  feed(d, bytes);
  assert_int_equal(cql_decoder_next(d, &seen, NULL), CQL_OK);
  cql_decoder_use_segments(d, true);
  assert_int_equal(cql_decoder_next(d, &seen, NULL), CQL_OK);
  assert_int_equal(seen.stream, 1);
  assert_int_equal(cql_decoder_next(d, &seen, NULL), CQL_NEED_MORE);
  cql_decoder_free(d);
  cql_encoder_free(e);
  cql_buf_free(&b);
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

/* A length is a promise: memory follows what has come. */
static void test_memory_follows_bytes(void **state) {
  (void)state;
  faulty f;
  faulty_init(&f, 0);
  cql_decoder *d = new_decoder(&WIRES[0], &f.alloc);
  cql_envelope e;
  size_t come = 9;
  feed(d, CQL_SLICE_LITERAL("\x84\0\0\0\x08\x10\0\0\0")); /* 256 MiB */
  while (come < 4 << 20) {
    size_t room;
    assert_int_equal(cql_decoder_next(d, &e, NULL), CQL_NEED_MORE);
    uint8_t *p = cql_decoder_room(d, &room);
    memset(p, 0, room);
    cql_decoder_filled(d, room);
    come += room;
    assert_true(f.live_bytes < 3 * come + (200 << 10));
  }
  cql_decoder_free(d);
  assert_int_equal(f.live_blocks, 0);
}

static void test_no_allocation_per_envelope(void **state) {
  (void)state;
  for (int i = 0; i < WIRE_COUNT; i++) {
    faulty in, out;
    faulty_init(&in, 0);
    faulty_init(&out, 0);
    cql_decoder *d = new_decoder(&WIRES[i], &in.alloc);
    cql_encoder *e = new_encoder(&WIRES[i], &out.alloc);
    size_t warm = 0;
    for (int round = 0; round < 100; round++) {
      cql_envelope seen;
      for (size_t j = 0; j < LEN_COUNT; j++) put_one(e, WIRES[i].version, LENS[j], false);
      feed(d, cql_encoder_pending(e));
      cql_encoder_sent(e, cql_encoder_pending(e).len);
      for (size_t j = 0; j < LEN_COUNT; j++) assert_int_equal(cql_decoder_next(d, &seen, NULL), CQL_OK);
      assert_int_equal(cql_decoder_next(d, &seen, NULL), CQL_NEED_MORE);
      if (round == 0) warm = in.asked + out.asked;
    }
    assert_int_equal(in.asked + out.asked, warm);
    cql_decoder_free(d);
    cql_encoder_free(e);
    assert_int_equal(in.live_blocks + out.live_blocks, 0);
  }
}

/* A long body is handed on in the memory that it was read into; a short one is copied. */
static void test_take(void **state) {
  (void)state;
  for (int i = 0; i < WIRE_COUNT; i++) {
    for (size_t j = 0; j < LONG_LEN_COUNT; j++) {
      cql_decoder *d = new_decoder(&WIRES[i], &cql_alloc_libc);
      cql_encoder *e = new_encoder(&WIRES[i], &cql_alloc_libc);
      cql_buf body, expected, scratch;
      cql_envelope seen;
      cql_buf_init(&scratch, &cql_alloc_libc, SIZE_MAX);
      cql_buf_init(&expected, &cql_alloc_libc, SIZE_MAX);
      put_blob(&expected, WIRES[i].version, LONG_LENS[j], true, 1);
      for (int twice = 0; twice < 2; twice++) put_one(e, WIRES[i].version, LONG_LENS[j], true);
      cql_slice bytes = cql_encoder_pending(e);
      for (int found = 0; found < 2;) {
        size_t room;
        uint8_t *p = cql_decoder_room(d, &room);
        size_t n = room < bytes.len ? room : bytes.len;
        memcpy(p, bytes.data, n);
        cql_decoder_filled(d, n);
        bytes = cql_slice_of(bytes.data + n, bytes.len - n);
        while (cql_decoder_next(d, &seen, NULL) == CQL_OK) {
          const uint8_t *before = seen.body.data;
          assert_int_equal(cql_decoder_take(d, &seen, &body), CQL_OK);
          assert_ptr_equal(seen.body.data, body.data);
          assert_int_equal(seen.body.len, LONG_LENS[j]);
          assert_true(body.cap <= 2 * body.len);
          assert_memory_equal(body.data, expected.data + 9, body.len);
          if (LONG_LENS[j] > CQL_SEGMENT_PAYLOAD_MAX) assert_ptr_equal(before, body.data);
          cql_buf_free(&body);
          found++;
        }
      }
      cql_buf_free(&expected);
      cql_buf_free(&scratch);
      cql_encoder_free(e);
      cql_decoder_free(d);
    }
  }
}

static void test_limits_of_both(void **state) {
  (void)state;
  cql_decoder *d;
  cql_encoder *e;
  cql_envelope seen;
  cql_error err;
  assert_int_equal(cql_decoder_new(&d, 100, &cql_alloc_libc), CQL_OK);
  feed(d, CQL_SLICE_LITERAL("\x04\0\0\0\x01\0\0\0\x65"));
  assert_int_equal(cql_decoder_next(d, &seen, &err), CQL_LIMIT);
  assert_string_equal(err.message, "Byte 0 of the connection: a body of 101 bytes is longer than 100");
  cql_decoder_free(d);
  assert_int_equal(cql_encoder_new(&e, 40, &cql_alloc_libc), CQL_OK);
  put_one(e, 4, 20, false);
  assert_int_equal(cql_encoder_put(e, CQL_SLICE_LITERAL("\x04\0\0\0\x05\0\0\0\x03xyz"), 1), CQL_LIMIT);
  assert_int_equal(cql_encoder_put(e, CQL_SLICE_LITERAL("\x04\0\0\0\x05\0\0\0\0"), 1), CQL_OK); /* goes on */
  assert_int_equal(cql_encoder_pending(e).len, 29 + 9);
  assert_int_equal(cql_encoder_put(e, CQL_SLICE_LITERAL("\x04\0\0\0\x05\0\0\0\1"), 1), CQL_MISUSE);
  assert_int_equal(cql_encoder_put(e, CQL_SLICE_LITERAL("\x04\0"), 1), CQL_MISUSE);
  cql_encoder_free(e);
}

/* Sent in pieces of every size, with more put meanwhile. */
static void test_partial_sends(void **state) {
  (void)state;
  for (int i = 0; i < WIRE_COUNT; i++) {
    for (size_t piece = 1; piece < 5000; piece += 13 + piece / 2) {
      talk t;
      cql_buf seen;
      talk_init(&t);
      cql_buf_init(&seen, &cql_alloc_libc, SIZE_MAX);
      cql_encoder *e = new_encoder(&WIRES[i], &cql_alloc_libc);
      cql_decoder *d = new_decoder(&WIRES[i], &cql_alloc_libc);
      for (int16_t n = 1; n < 60; n++) {
        cql_buf b;
        cql_buf_init(&b, &cql_alloc_libc, SIZE_MAX);
        put_blob(&b, WIRES[i].version, LENS[n % LEN_COUNT], n % 2, (uint32_t)n);
        assert_int_equal(cql_encoder_put(e, cql_buf_view(&b), n), CQL_OK);
        cql_envelope expected = envelope_of(&b);
        expected.stream = n;
        describe(&t.expected, &expected);
        cql_buf_free(&b);
        cql_slice out = cql_encoder_pending(e);
        if (out.len > piece) out.len = piece;
        feed_pieces(d, out, SIZE_MAX, &seen);
        cql_encoder_sent(e, out.len);
      }
      cql_slice rest = cql_encoder_pending(e);
      feed_pieces(d, rest, SIZE_MAX, &seen);
      cql_encoder_sent(e, rest.len);
      assert_int_equal(cql_encoder_pending(e).len, 0);
      assert_non_null(cql_encoder_pending(e).data);
      require_alike(&t, &seen);
      cql_decoder_free(d);
      cql_encoder_free(e);
      cql_buf_free(&seen);
      talk_free(&t);
    }
  }
}

/* --- damage ------------------------------------------------------------------------------------------------------- */

/* In segments no flipped bit goes unseen; elsewhere nothing worse than another envelope comes of it. */
static void test_every_flipped_bit(void **state) {
  (void)state;
  static const size_t FEW[] = {0, 30, 600};
  for (int i = 0; i < WIRE_COUNT; i++) {
    talk t;
    converse(&t, &WIRES[i], FEW, 3);
    for (size_t bit = 0; bit < 8 * t.bytes.len; bit++) {
      cql_error err = {.status = CQL_OK};
      t.bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
      cql_status st = decode_all(&WIRES[i], cql_buf_view(&t.bytes), &err);
      t.bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
      if (WIRES[i].segments) assert_int_equal(st, CQL_MALFORMED);
      if (st != CQL_NEED_MORE) assert_true(err.status == st && err.message[0] != '\0');
    }
    talk_free(&t);
  }
}

/* The n-th allocation fails in turn. */
static cql_status carry(const wire *w, const cql_alloc *alloc) {
  cql_buf b, body;
  cql_envelope seen;
  cql_status st = CQL_NOMEM;
  cql_buf_init(&b, &cql_alloc_libc, SIZE_MAX);
  put_blob(&b, w->version, 200000, false, 1);
  cql_encoder *e = new_encoder(w, alloc);
  cql_decoder *d = new_decoder(w, alloc);
  if (e == NULL || d == NULL) goto done;
  CQL_TRY(cql_encoder_put(e, cql_buf_view(&b), 1));
  for (cql_slice bytes = cql_encoder_pending(e);;) {
    size_t room;
    uint8_t *p = cql_decoder_room(d, &room);
    CQL_CHECK(p != NULL, CQL_NOMEM);
    size_t n = room < bytes.len ? room : bytes.len;
    memcpy(p, bytes.data, n);
    cql_decoder_filled(d, n);
    bytes = cql_slice_of(bytes.data + n, bytes.len - n);
    if ((st = cql_decoder_next(d, &seen, NULL)) != CQL_NEED_MORE) break;
    assert_true(n > 0);
  }
  if (st != CQL_OK) goto done;
  CQL_TRY(cql_decoder_take(d, &seen, &body));
  assert_true(cql_slice_eq(cql_buf_view(&body), cql_slice_of(b.data + 9, b.len - 9)));
  cql_buf_free(&body);
done:
  cql_decoder_free(d);
  cql_encoder_free(e);
  cql_buf_free(&b);
  return st;
}

static void test_each_allocation_fails(void **state) {
  (void)state;
  for (int i = 0; i < WIRE_COUNT; i++) {
    bool done = false;
    for (size_t nth = 1; !done; nth++) {
      faulty f;
      faulty_init(&f, nth);
      cql_status st = carry(&WIRES[i], &f.alloc);
      /* Without memory to pack in, a segment goes out as it is. */
      assert_true(st == CQL_OK || (f.fired && st == CQL_NOMEM));
      assert_int_equal(f.live_blocks, 0);
      done = !f.fired;
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pieces_of_every_size),
      cmocka_unit_test(test_split_at_every_byte),
      cmocka_unit_test(test_trap_1_segments_begin_behind_ready),
      cmocka_unit_test(test_trap_2_segment_header_is_little_endian),
      cmocka_unit_test(test_trap_3_checksums),
      cmocka_unit_test(test_trap_4_a_payload_that_is_not_packed),
      cmocka_unit_test(test_trap_5_many_in_one_segment_and_one_in_many),
      cmocka_unit_test(test_trap_6_lz4_body_has_its_length_in_front),
      cmocka_unit_test(test_trap_6_in_version_5_the_flag_is_ignored),
      cmocka_unit_test(test_trap_7_the_flag_is_per_envelope),
      cmocka_unit_test(test_trap_9_any_version_is_read),
      cmocka_unit_test(test_trap_10_streams),
      cmocka_unit_test(test_memory_follows_bytes),
      cmocka_unit_test(test_no_allocation_per_envelope),
      cmocka_unit_test(test_take),
      cmocka_unit_test(test_limits_of_both),
      cmocka_unit_test(test_partial_sends),
      cmocka_unit_test(test_every_flipped_bit),
      cmocka_unit_test(test_each_allocation_fails),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
