/* similarity.c: what an index on vectors compares by. Cassandra: index/sai/disk/v1/IndexWriterConfig.java. */
#include "engine/schema/schema.h"

#include <string.h>

bool cqle_similarity_find(cql_slice name, cqle_similarity *out) {
  static const char *const names[] = {
      [CQLE_COSINE] = "cosine", [CQLE_DOT_PRODUCT] = "dot_product", [CQLE_EUCLIDEAN] = "euclidean"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (!cql_slice_eq_nocase(name, names[i])) continue;
    *out = (cqle_similarity)i;
    return true;
  }
  return false;
}

bool cqle_index_is_vector(const cqle_index *index) {
  return index->column->type->code == CQL_TYPE_VECTOR;
}

cqle_similarity cqle_index_similarity(const cqle_index *index) {
  cqle_similarity kind = CQLE_COSINE;
  for (uint32_t i = 0; i < index->option_count; i++)
    if (strcmp(index->options[2 * i], "similarity_function") == 0)
      cqle_similarity_find(cql_slice_str(index->options[2 * i + 1]), &kind);
  return kind;
}
