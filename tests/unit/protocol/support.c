/* support.c: what the tests of this room share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support.h"

/* --- an allocator that counts, and fails once ----------------------------------------------------------------------
 */

static void *faulty_resize(void *user, void *ptr, size_t old_size, size_t new_size) {
  faulty *f = user;
  if (new_size > 0 && ++f->asked == f->fail_at) {
    f->fired = true;
    return NULL;
  }
  void *out = NULL;
  if (new_size > 0) { /* always moves, so that a stale pointer is seen */
    out = malloc(new_size);
    assert_non_null(out);
    if (ptr != NULL) memcpy(out, ptr, old_size < new_size ? old_size : new_size);
  }
  free(ptr);
  f->live_blocks += (new_size > 0) - (ptr != NULL);
  f->live_bytes += new_size - (ptr != NULL ? old_size : 0);
  if (f->live_bytes > f->peak_bytes) f->peak_bytes = f->live_bytes;
  return out;
}

void faulty_init(faulty *f, size_t fail_at) {
  *f = (faulty){.alloc = {faulty_resize, f}, .fail_at = fail_at};
}

/* --- envelopes -----------------------------------------------------------------------------------------------------
 */

const wire WIRES[] = {{4, false, false}, {4, false, true}, {5, true, false}, {5, true, true}};

cql_decoder *new_decoder(const wire *w, const cql_alloc *alloc) {
  cql_decoder *d;
  if (cql_decoder_new(&d, 0, alloc) != CQL_OK) return NULL;
  if (w->segments)
    cql_decoder_use_segments(d, w->lz4);
  else if (w->lz4)
    cql_decoder_use_lz4(d);
  return d;
}

cql_encoder *new_encoder(const wire *w, const cql_alloc *alloc) {
  cql_encoder *e;
  if (cql_encoder_new(&e, 0, alloc) != CQL_OK) return NULL;
  if (w->segments)
    cql_encoder_use_segments(e, w->lz4);
  else if (w->lz4)
    cql_encoder_use_lz4(e);
  return e;
}

void feed(cql_decoder *d, cql_slice bytes) {
  size_t room = 0;
  uint8_t *p = cql_decoder_room(d, &room);
  assert_non_null(p);
  assert_true(room >= bytes.len);
  if (bytes.len > 0) memcpy(p, bytes.data, bytes.len);
  cql_decoder_filled(d, bytes.len);
}

uint32_t next_random(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

void put_blob(cql_buf *b, uint8_t version, size_t len, bool random, uint32_t seed) {
  uint8_t *p = cql_buf_room(b, CQL_ENVELOPE_HEADER_LEN + len);
  assert_non_null(p);
  memset(p, 0, CQL_ENVELOPE_HEADER_LEN);
  p[0] = version;
  p[4] = CQL_OP_QUERY;
  cql_store_u32(p + 5, (uint32_t)len);
  for (size_t i = 0; i < len; i++)
    p[CQL_ENVELOPE_HEADER_LEN + i] = random ? (uint8_t)next_random(&seed) : (uint8_t)(seed + i / 100);
}

cql_envelope envelope_of(const cql_buf *b) {
  assert_int_equal(b->st, CQL_OK);
  assert_true(b->len >= CQL_ENVELOPE_HEADER_LEN);
  assert_int_equal(cql_load_u32(b->data + 5), b->len - CQL_ENVELOPE_HEADER_LEN);
  return (cql_envelope){.version = b->data[0] & 0x7F,
                        .is_response = b->data[0] > 0x7F,
                        .flags = b->data[1],
                        .stream = (int16_t)cql_load_u16(b->data + 2),
                        .opcode = b->data[4],
                        .body = cql_slice_of(b->data + CQL_ENVELOPE_HEADER_LEN, b->len - CQL_ENVELOPE_HEADER_LEN)};
}

void describe(cql_buf *out, const cql_envelope *e) {
  cql_buf_printf(out, "%u%s %02x %d %02x %zu %016llx\n", e->version, e->is_response ? "r" : "", e->flags, e->stream,
                 e->opcode, e->body.len, (unsigned long long)cql_murmur3_token(e->body));
}

/* --- data files ----------------------------------------------------------------------------------------------------
 */

enum { LINE_LEN_MAX = 4 << 20 };

static void split(fields *f, char *line) {
  line[strcspn(line, "\n")] = '\0';
  for (f->count = 0; f->count < FIELDS_MAX && line != NULL; f->count++) {
    f->at[f->count] = line;
    line = strchr(line, '\t');
    if (line != NULL) *line++ = '\0';
  }
}

size_t each_line(const char *name, void (*seen)(const fields *f)) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", getenv("CQL_TEST_DATA"), name);
  FILE *file = fopen(path, "r");
  if (file == NULL) fail_msg("cannot open %s", path);
  char *line = malloc(LINE_LEN_MAX);
  fields f = {.file = name};
  size_t count = 0;
  for (f.line = 1; fgets(line, LINE_LEN_MAX, file) != NULL; f.line++) {
    if (line[0] == '#' || line[0] == '\n') continue;
    split(&f, line);
    seen(&f);
    count++;
  }
  free(line);
  fclose(file);
  return count;
}

cql_slice unhex(cql_arena *a, const char *hex) {
  size_t n = strlen(hex) / 2;
  uint8_t *out = cql_arena_get(a, n);
  for (size_t i = 0; i < n; i++) {
    unsigned byte = 0;
    if (sscanf(hex + 2 * i, "%2x", &byte) != 1) fail_msg("not hex: %.60s", hex);
    out[i] = (uint8_t)byte;
  }
  return cql_slice_of(out, n);
}
