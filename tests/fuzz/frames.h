/* frames.h: what the targets of framing share. */
#ifndef TEST_FUZZ_FRAMES_H
#define TEST_FUZZ_FRAMES_H

#include "protocol/protocol.h"

/* Feeds bytes to a decoder, at once and in pieces of so many bytes: it must say the same both times, take memory in
 * proportion, and give envelopes that survive the way through an encoder and back. */
void fuzz_frames(cql_slice bytes, bool segments, bool lz4, size_t piece);

#endif
