/* function_vector.c: similarity of two vectors. Cassandra: cql3/functions/VectorFcts.java. */
#include "engine/term/function_int.h"

#include <math.h>
#include <string.h>

#include "engine/term/number.h"

typedef struct products {
  double dot, left, right, distance;
} products;

static cql_status multiply(const cqle_function *f, const cql_slice *args, products *p) {
  cql_elements a, b;
  cql_status st = CQL_OK;
  memset(p, 0, sizeof *p);
  CQL_TRY(cql_elements_open(&a, f->args[0], args[0]));
  CQL_TRY(cql_elements_open(&b, f->args[1], args[1]));
  for (uint32_t i = 0; i < f->args[0]->dimension; i++) {
    cql_slice sx, sy;
    double vx = 0, vy = 0;
    CQL_TRY(cql_elements_next(&a, &sx));
    CQL_TRY(cql_elements_next(&b, &sy));
    CQL_CHECK(cqle_load_float(CQL_TYPE_FLOAT, sx, &vx) && cqle_load_float(CQL_TYPE_FLOAT, sy, &vy), CQL_MALFORMED);
    p->dot += vx * vy;
    p->left += vx * vx;
    p->right += vy * vy;
    p->distance += (vx - vy) * (vx - vy);
  }
done:
  return st;
}

static cql_status cosine(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  products p;
  cql_status st = multiply(f, args, &p);
  if (st != CQL_OK) return st;
  if (p.left == 0 || p.right == 0)
    return cql_fail(x->err, CQL_INVALID, "Function system.%s doesn't support all-zero vectors.", f->name);
  return cqle_give_float(x, CQL_TYPE_FLOAT, (1 + p.dot / sqrt(p.left * p.right)) / 2, out);
}

static cql_status euclidean(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  products p;
  cql_status st = multiply(f, args, &p);
  return st == CQL_OK ? cqle_give_float(x, CQL_TYPE_FLOAT, 1 / (1 + p.distance), out) : st;
}

static cql_status dot_product(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  products p;
  cql_status st = multiply(f, args, &p);
  return st == CQL_OK ? cqle_give_float(x, CQL_TYPE_FLOAT, (1 + p.dot) / 2, out) : st;
}

static bool is_float_vector(const cql_type *type) {
  return type != NULL && type->code == CQL_TYPE_VECTOR && type->args[0]->code == CQL_TYPE_FLOAT;
}

cql_status cqle_resolve_vector(const cqle_lookup *l, const cqle_function **out) {
  cqle_call call;
  if (strcmp(l->name, "similarity_cosine") == 0)
    call = cosine;
  else if (strcmp(l->name, "similarity_euclidean") == 0)
    call = euclidean;
  else if (strcmp(l->name, "similarity_dot_product") == 0)
    call = dot_product;
  else
    return CQL_DONE;
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
  f->call = call;
  *out = f;
  return CQL_OK;
}
