/* fuzz.h: what the fuzz targets share. A target is one file with one LLVMFuzzerTestOneInput(): it links with libFuzzer
 * under clang, and with replay.c everywhere else.
 */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include "value/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for every input. A broken one is printed and ends the process, as a crash does. */
#define FUZZ_REQUIRE(condition, ...)                                                                                   \
  do {                                                                                                                 \
    if (!(condition)) fuzz_broken(__FILE__, __LINE__, #condition, __VA_ARGS__);                                        \
  } while (0)
_Noreturn void fuzz_broken(const char *file, int line, const char *condition, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A failed call must say what is wrong: a status that is not OK, the same one in err, and words. */
void fuzz_require_words(cql_status st, const cql_error *err);

/* The bytes up to the next separator, which goes too; *rest moves behind it. */
cql_slice fuzz_until(cql_slice *rest, uint8_t separator);
/* A copy in a block of its own, so that a read past its end is seen. The caller frees data. */
cql_slice fuzz_block(cql_slice s);
void fuzz_free(cql_slice block);

/* The text of a value, or of a type, for words; lives in a. */
const char *fuzz_text(cql_arena *a, const cql_type *type, cql_slice value);
const char *fuzz_type(cql_arena *a, const cql_type *type);

#endif
