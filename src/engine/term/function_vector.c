/* function_vector.c: similarity of two vectors. Cassandra: cql3/functions/VectorFcts.java. */
#include "engine/term/function_int.h"

#include <math.h>
#include <string.h>

#include "engine/term/number.h"

typedef struct products {
  double dot, left, right, distance;
} products;

static double load(const uint8_t *at) {
  uint32_t word = cql_load_u32(at);
  float value;
  memcpy(&value, &word, sizeof value);
  return (double)value;
}

static products multiply(uint32_t dimension, const uint8_t *x, const uint8_t *y) {
  products p = {0};
  for (uint32_t i = 0; i < dimension; i++) {
    double vx = load(x + 4 * (size_t)i), vy = load(y + 4 * (size_t)i);
    p.dot += vx * vy;
    p.left += vx * vx;
    p.right += vy * vy;
    p.distance += (vx - vy) * (vx - vy);
  }
  return p;
}

cql_status cqle_similarity_score(cqle_similarity kind, const cql_type *type, cql_slice x, cql_slice y, double *out) {
  size_t len = (size_t)type->dimension * 4;
  if (x.len != len || y.len != len) return CQL_MALFORMED;
  products p = multiply(type->dimension, x.data, y.data);
  switch (kind) {
  case CQLE_DOT_PRODUCT: *out = (1 + p.dot) / 2; return CQL_OK;
  case CQLE_EUCLIDEAN: *out = 1 / (1 + p.distance); return CQL_OK;
  case CQLE_COSINE: break;
  }
  if (p.left == 0 || p.right == 0) return CQL_DONE;
  *out = (1 + p.dot / sqrt(p.left * p.right)) / 2;
  return CQL_OK;
}

static cql_status similarity(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  double score;
  cql_status st = cqle_similarity_score(*(const cqle_similarity *)f->extra, f->args[0], args[0], args[1], &score);
  if (st == CQL_DONE)
    return cql_fail(x->err, CQL_INVALID, "Function system.%s doesn't support all-zero vectors.", f->name);
  return st == CQL_OK ? cqle_give_float(x, CQL_TYPE_FLOAT, score, out) : st;
}

static bool is_float_vector(const cql_type *type) {
  return type != NULL && type->code == CQL_TYPE_VECTOR && type->args[0]->code == CQL_TYPE_FLOAT;
}

cql_status cqle_resolve_vector(const cqle_lookup *l, const cqle_function **out) {
  static const cqle_similarity kinds[] = {CQLE_COSINE, CQLE_DOT_PRODUCT, CQLE_EUCLIDEAN};
  static const char prefix[] = "similarity_";
  cqle_similarity kind;
  if (strncmp(l->name, prefix, sizeof prefix - 1) != 0) return CQL_DONE;
  if (!cqle_similarity_find(cql_slice_str(l->name + sizeof prefix - 1), &kind)) return CQL_DONE;
  if (l->count != 2)
    return cql_fail(l->err, CQL_INVALID, "Invalid number of arguments for function system.%s", l->name);
  const cql_type *known = l->args[0] != NULL ? l->args[0] : l->args[1];
  for (uint32_t i = 0; i < 2; i++) {
    if (is_float_vector(l->args[i]) || (l->args[i] == NULL && is_float_vector(known))) continue;
    return cql_fail(l->err, CQL_INVALID,
                    "Function system.%s requires a float vector argument, but found argument %s of type %s", l->name,
                    cqle_argument_text(l, i), l->args[i] == NULL ? "unknown" : cqle_type_text(l->a, l->args[i]));
  }
  const cql_type *types[2] = {l->args[0] != NULL ? l->args[0] : known, l->args[1] != NULL ? l->args[1] : known};
  if (types[0]->dimension != types[1]->dimension)
    return cql_fail(l->err, CQL_INVALID, "All arguments must have the same vector dimensions");
  cqle_function *f = cqle_function_new(l->a, l->name, 2, types, cql_type_native(CQL_TYPE_FLOAT));
  if (f == NULL) return CQL_NOMEM;
  f->call = similarity;
  f->extra = &kinds[kind];
  *out = f;
  return CQL_OK;
}
