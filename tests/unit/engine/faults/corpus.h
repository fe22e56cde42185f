/* corpus.h: the statements of a tests/data/cql file, one after the other. Expectations are passed over: who runs the
 * statements here compares two engines.
 */
#ifndef TEST_CORPUS_H
#define TEST_CORPUS_H

#include "base/base.h"

typedef struct corpus_step {
  uint32_t line;
  cql_slice text; /* one statement; empty: a pause */
  cql_slice bind; /* its values as literals, separated by commas; data NULL: none */
  int32_t page_size;
  int32_t wait_s;
  bool any; /* the rows hold what is not the same twice: the file says any */
} corpus_step;

typedef struct corpus {
  cql_arena arena; /* all texts */
  corpus_step *steps;
  uint32_t count;
} corpus;

/* Reads a file; false: it cannot be read. tests/conformance/README.md is the format. {ks} becomes ks. */
bool corpus_read(corpus *c, const char *path);
void corpus_free(corpus *c);
/* The next literal of a list, without blanks around it; false: no more. */
bool corpus_next_literal(cql_slice *list, cql_slice *out);

#endif
