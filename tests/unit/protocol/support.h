/* support.h: what the tests of this room share. */
#ifndef TEST_PROTOCOL_SUPPORT_H
#define TEST_PROTOCOL_SUPPORT_H

#include "protocol/protocol.h"

/* --- an allocator that counts, and fails once ----------------------------------------------------------------------
 */

typedef struct faulty {
  cql_alloc alloc;
  size_t fail_at; /* which allocation fails, from 1; 0: none */
  size_t asked, live_blocks, live_bytes, peak_bytes;
  bool fired;
} faulty;

void faulty_init(faulty *f, size_t fail_at);

/* --- envelopes -----------------------------------------------------------------------------------------------------
 */

/* How the bytes of a connection travel. */
typedef struct wire {
  uint8_t version;
  bool segments, lz4;
} wire;
extern const wire WIRES[];
enum { WIRE_COUNT = 4 };

cql_decoder *new_decoder(const wire *w, const cql_alloc *alloc);
cql_encoder *new_encoder(const wire *w, const cql_alloc *alloc);

/* Gives a decoder bytes, as often as it has room. */
void feed(cql_decoder *d, cql_slice bytes);

/* An envelope of so many bytes of body: random (LZ4 does not shorten it), or not. */
void put_blob(cql_buf *b, uint8_t version, size_t len, bool random, uint32_t seed);
uint32_t next_random(uint32_t *state);

/* The envelope that b holds alone, as a decoder gives it; borrows from b. */
cql_envelope envelope_of(const cql_buf *b);

/* Appends "version flags stream opcode length hash" of an envelope: two lists of them are alike when the envelopes are.
 */
void describe(cql_buf *out, const cql_envelope *e);

/* --- data files ----------------------------------------------------------------------------------------------------
 */

/* Calls seen for each line of a file of fields between tabs; lines that start with # are skipped. Returns how many. */
enum { FIELDS_MAX = 8 };
typedef struct fields {
  const char *file;
  size_t line;
  int count;
  char *at[FIELDS_MAX];
} fields;
size_t each_line(const char *name, void (*seen)(const fields *f));
cql_slice unhex(cql_arena *a, const char *hex); /* in an allocation of its own */

#endif
