/* fuzz_envelope.c: the bytes of a connection of version 4: what it says, and that it says the same in pieces.
 *
 *   0   bit 0: LZ4 was agreed on; the others: the length of the pieces
 *   1…  the bytes
 */
#include "frames.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  fuzz_frames(cql_slice_of(data + 1, size - 1), false, data[0] & 1, (size_t)1 + (data[0] >> 1));
  return 0;
}
