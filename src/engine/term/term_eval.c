/* term_eval.c: the value of a bound term in one execution. */
#include "engine/term/term_int.h"

#include <string.h>

/* --- packing ------------------------------------------------------------------------------------------------------ */

static cql_status pack_lengths(cql_arena *a, const cql_slice *items, uint32_t count, bool with_count, cql_slice *out) {
  size_t len = with_count ? 4 : 0;
  for (uint32_t i = 0; i < count; i++) {
    if (items[i].len > CQL_VALUE_LEN_MAX || len > CQL_VALUE_LEN_MAX) return CQL_LIMIT;
    len += 4 + items[i].len;
  }
  uint8_t *p = cql_arena_get(a, len);
  if (p == NULL) return CQL_NOMEM;
  *out = cql_slice_of(p, len);
  if (with_count) {
    cql_store_u32(p, count);
    p += 4;
  }
  for (uint32_t i = 0; i < count; i++) {
    cql_store_u32(p, items[i].data == NULL ? UINT32_MAX : (uint32_t)items[i].len);
    p += 4;
    if (items[i].len > 0) memcpy(p, items[i].data, items[i].len);
    p += items[i].len;
  }
  return CQL_OK;
}

static cql_status pack_vector(cql_arena *a, const cql_type *vector, const cql_slice *items, uint32_t count,
                              cql_slice *out) {
  uint8_t head[CQL_VECTOR_HEAD_MAX];
  size_t len = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (items[i].len > CQL_VALUE_LEN_MAX || len > CQL_VALUE_LEN_MAX) return CQL_LIMIT;
    len += cql_vector_element_head(head, vector, items[i].len) + items[i].len;
  }
  uint8_t *p = cql_arena_get(a, len);
  if (p == NULL) return CQL_NOMEM;
  *out = cql_slice_of(p, len);
  for (uint32_t i = 0; i < count; i++) {
    size_t head_len = cql_vector_element_head(head, vector, items[i].len);
    memcpy(p, head, head_len);
    p += head_len;
    if (items[i].len > 0) memcpy(p, items[i].data, items[i].len);
    p += items[i].len;
  }
  return CQL_OK;
}

/* Of most types an empty element counts as null in a vector (TypeSerializer.isNull()). */
static bool may_be_empty(const cql_type *type) {
  switch (type->code) {
  case CQL_TYPE_ASCII:
  case CQL_TYPE_TEXT:
  case CQL_TYPE_BLOB: return true;
  default: return false;
  }
}

static cql_status refuse_nulls(const cqle_expr *e, const cql_slice *items, uint32_t count, cql_error *err) {
  bool is_vector = e->kind == CQLE_EXPR_VECTOR;
  bool no_empty = is_vector && !may_be_empty(e->type->args[0]);
  for (uint32_t i = 0; i < count; i++) {
    if (items[i].data == NULL || (no_empty && items[i].len == 0))
      return cql_fail(err, CQL_INVALID, "null is not supported inside %s", is_vector ? "vectors" : "collections");
  }
  return CQL_OK;
}

cql_status cqle_expr_pack(cql_arena *a, const cqle_expr *e, cql_slice *items, cql_slice *out, cql_error *err) {
  uint32_t count = e->count;
  bool fields = e->kind == CQLE_EXPR_TUPLE || e->kind == CQLE_EXPR_UDT;
  cql_status st = fields || e->nulls ? CQL_OK : refuse_nulls(e, items, count, err);
  if (st != CQL_OK) return st;
  if (fields) {
    st = pack_lengths(a, items, count, false, out);
  } else if (e->kind == CQLE_EXPR_VECTOR) {
    st = pack_vector(a, e->type, items, count, out);
  } else if (e->kind == CQLE_EXPR_MAP) {
    uint32_t entries = count / 2;
    cql_map_normalize(e->type->args[0], items, &entries);
    st = pack_lengths(a, items, entries * 2, true, out);
    if (st == CQL_OK) cql_store_u32((uint8_t *)out->data, entries);
  } else {
    if (e->kind == CQLE_EXPR_SET) cql_set_normalize(e->type->args[0], items, &count);
    st = pack_lengths(a, items, count, true, out);
  }
  if (st == CQL_LIMIT)
    return cql_fail(err, st, "The value for %s is longer than %zu bytes", e->name, (size_t)CQL_VALUE_LEN_MAX);
  return st == CQL_OK ? st : cql_fail(err, st, "Out of memory");
}

/* --- bound values ------------------------------------------------------------------------------------------------- */

/* A bound set or map may come in any order and hold repeats. */
static cql_status normalize(cqle_exec *x, const cqle_expr *e, cql_slice *bytes) {
  bool is_map = e->type->code == CQL_TYPE_MAP;
  cql_elements walk;
  cql_status st = cql_elements_open(&walk, e->type, *bytes);
  if (st != CQL_OK) return cql_fail(x->err, CQL_INVALID, "Malformed value for %s", e->name);
  uint32_t count = walk.left;
  if (count < 2) return CQL_OK;
  cql_slice *items = cql_arena_array(x->arena, count, sizeof *items);
  if (items == NULL) return cql_fail(x->err, CQL_NOMEM, "Out of memory");
  for (uint32_t i = 0; i < count; i++)
    if (cql_elements_next(&walk, &items[i]) != CQL_OK)
      return cql_fail(x->err, CQL_INVALID, "Malformed value for %s", e->name);
  cqle_expr shape = {.kind = is_map ? CQLE_EXPR_MAP : CQLE_EXPR_SET, .type = e->type, .name = e->name, .count = count};
  return cqle_expr_pack(x->arena, &shape, items, bytes, x->err);
}

static cql_status eval_marker(cqle_exec *x, const cqle_expr *e, cqle_value *out) {
  const cql_value *v = &x->request->values[e->marker];
  *out = (cqle_value){{NULL, 0}, v->len == CQL_UNSET};
  if (v->len < 0) {
    if (v->len == CQL_UNSET || v->len == CQL_NULL) return CQL_OK;
    return cql_fail(x->err, CQL_INVALID, "Invalid length of a bound value");
  }
  /* An empty value is a value: it must not look like null. */
  out->bytes = cql_slice_of(v->data != NULL ? v->data : (const uint8_t *)"", (size_t)v->len);
  /* INSERT JSON may hold what cannot be bound: an empty duration. */
  if (e->kind == CQLE_EXPR_PLACE) return CQL_OK;
  cql_status st = cql_value_validate(e->type, out->bytes, x->err);
  if (st != CQL_OK) return st;
  if (e->type->code == CQL_TYPE_SET || e->type->code == CQL_TYPE_MAP) return normalize(x, e, &out->bytes);
  return CQL_OK;
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static cql_status eval_call(cqle_exec *x, const cqle_expr *e, cqle_value *out) {
  cql_slice args[CQLE_FUNCTION_ARGS_MAX];
  for (uint32_t i = 0; i < e->count; i++) {
    cqle_value v;
    cql_status st = cqle_expr_eval(x, e->items[i], &v);
    if (st != CQL_OK) return st;
    if (v.unset)
      return cql_fail(x->err, CQL_INVALID, "Invalid unset value for argument in call to function %s",
                      e->function->name);
    args[i] = v.bytes;
  }
  *out = (cqle_value){{NULL, 0}, false};
  return cqle_function_call(x, e->function, args, &out->bytes);
}

static cql_status eval_items(cqle_exec *x, const cqle_expr *e, cqle_value *out) {
  *out = (cqle_value){{NULL, 0}, false};
  cql_slice *items = cql_arena_array(x->arena, e->count, sizeof *items);
  if (items == NULL) return cql_fail(x->err, CQL_NOMEM, "Out of memory");
  for (uint32_t i = 0; i < e->count; i++) {
    cqle_value v;
    cql_status st = cqle_expr_eval(x, e->items[i], &v);
    if (st != CQL_OK) return st;
    if (v.unset && e->kind == CQLE_EXPR_TUPLE)
      return cql_fail(x->err, CQL_INVALID, "Invalid unset value for tuple field number %u", i);
    if (v.unset && e->kind == CQLE_EXPR_UDT)
      return cql_fail(x->err, CQL_INVALID,
                      "Invalid unset value for field '" CQL_SLICE_FMT "' of user defined type " CQL_SLICE_FMT,
                      CQL_SLICE_ARG(e->type->field_names[i]), CQL_SLICE_ARG(e->type->name));
    if (v.unset) {
      out->unset = true;
      return CQL_OK;
    }
    items[i] = v.bytes;
  }
  return cqle_expr_pack(x->arena, e, items, &out->bytes, x->err);
}

cql_status cqle_expr_eval(cqle_exec *x, const cqle_expr *e, cqle_value *out) {
  switch (e->kind) {
  case CQLE_EXPR_VALUE: *out = (cqle_value){e->value, false}; return CQL_OK;
  case CQLE_EXPR_MARKER:
  case CQLE_EXPR_PLACE: return eval_marker(x, e, out);
  case CQLE_EXPR_CALL: return eval_call(x, e, out);
  default: return eval_items(x, e, out);
  }
}

/* --- integers ----------------------------------------------------------------------------------------------------- */

/* Empty bytes are a value of int and bigint in Cassandra, and mean null there. */
static cql_status eval_fixed(cqle_exec *x, const cqle_expr *e, size_t len, cql_slice *bytes, bool *is_null,
                             bool *is_unset) {
  cqle_value v;
  cql_status st = cqle_expr_eval(x, e, &v);
  if (st != CQL_OK) return st;
  *is_unset = v.unset;
  *is_null = !v.unset && v.bytes.len == 0;
  *bytes = v.bytes;
  if (*is_unset || *is_null || v.bytes.len == len) return CQL_OK;
  return cql_fail(x->err, CQL_INVALID, "Invalid value for %s", e->name);
}

cql_status cqle_expr_eval_int(cqle_exec *x, const cqle_expr *e, int32_t *out, bool *is_null, bool *is_unset) {
  cql_slice bytes;
  cql_status st = eval_fixed(x, e, 4, &bytes, is_null, is_unset);
  *out = st == CQL_OK && bytes.len == 4 ? (int32_t)cql_load_u32(bytes.data) : 0;
  return st;
}

cql_status cqle_expr_eval_bigint(cqle_exec *x, const cqle_expr *e, int64_t *out, bool *is_null, bool *is_unset) {
  cql_slice bytes;
  cql_status st = eval_fixed(x, e, 8, &bytes, is_null, is_unset);
  *out = st == CQL_OK && bytes.len == 8 ? (int64_t)cql_load_u64(bytes.data) : 0;
  return st;
}
