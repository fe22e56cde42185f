/* collection.c: parts of a value: a field, an element, a slice. Cassandra: cql3/selection/ElementsSelector.java,
 * FieldSelector.java. */
#include "engine/select/select_int.h"

static cql_status field(const cqle_node *n, cql_slice whole, cql_slice *out) {
  cql_elements e;
  cql_status st = cql_elements_open(&e, n->args[0]->type, whole);
  for (uint32_t i = 0; i <= n->field && st == CQL_OK; i++) st = cql_elements_next(&e, out);
  if (st == CQL_DONE) *out = (cql_slice){NULL, 0};
  return st == CQL_DONE ? CQL_OK : st;
}

/* A map's entry or a set's element: key and value are the same thing in a set. CQL_DONE at the end. */
static cql_status next_entry(cql_elements *e, bool map, cql_slice *key, cql_slice *value) {
  cql_status st = cql_elements_next(e, key);
  if (st != CQL_OK) return st;
  *value = *key;
  return map ? cql_elements_next(e, value) : CQL_OK;
}

static cql_status element(const cqle_node *n, cql_slice whole, cql_slice wanted, cql_slice *out) {
  const cql_type *type = n->args[0]->type;
  cql_elements e;
  cql_slice key, value;
  *out = (cql_slice){NULL, 0};
  if (wanted.data == NULL) return CQL_OK;
  cql_status st = cql_elements_open(&e, type, whole);
  while (st == CQL_OK && (st = next_entry(&e, type->code == CQL_TYPE_MAP, &key, &value)) == CQL_OK) {
    if (cql_value_cmp(type->args[0], key, wanted) != 0) continue;
    *out = value;
    return CQL_OK;
  }
  return st == CQL_DONE ? CQL_OK : st;
}

static uint8_t *put(uint8_t *p, cql_slice s) {
  cql_store_u32(p, s.data == NULL ? UINT32_MAX : (uint32_t)s.len);
  p += 4;
  for (size_t i = 0; i < s.len; i++) *p++ = s.data[i];
  return p;
}

/* The entries between two keys, both included. None is null, but of a frozen collection none is an empty one. */
static cql_status slice(cqle_eval *ev, const cqle_node *n, cql_slice whole, cql_slice *out) {
  const cql_type *type = n->args[0]->type;
  bool map = type->code == CQL_TYPE_MAP;
  cql_slice from = ev->values[n->value_slot], to = ev->values[n->value_slot + 1], key, value;
  cql_elements e;
  uint32_t count = 0;
  *out = (cql_slice){NULL, 0};
  uint8_t *bytes = cql_arena_get(ev->row_arena, whole.len + 4);
  if (bytes == NULL) return CQL_NOMEM;
  uint8_t *p = bytes + 4;
  cql_status st = cql_elements_open(&e, type, whole);
  while (st == CQL_OK && (st = next_entry(&e, map, &key, &value)) == CQL_OK) {
    if (n->value != NULL && (from.data == NULL || cql_value_cmp(type->args[0], key, from) < 0)) continue;
    if (n->to != NULL && (to.data == NULL || cql_value_cmp(type->args[0], key, to) > 0)) continue;
    p = put(p, key);
    if (map) p = put(p, value);
    count++;
  }
  if (st != CQL_DONE) return st;
  if (count == 0 && cql_type_is_multicell(type)) return CQL_OK;
  cql_store_u32(bytes, count);
  *out = cql_slice_of(bytes, (size_t)(p - bytes));
  return CQL_OK;
}

cql_status cqle_eval_part(cqle_eval *e, const cqle_node *n, cql_slice whole, cql_slice *out) {
  *out = (cql_slice){NULL, 0};
  if (whole.data == NULL) return CQL_OK;
  if (n->kind == CQLE_NODE_FIELD) return field(n, whole, out);
  if (n->kind == CQLE_NODE_ELEMENT) return element(n, whole, e->values[n->value_slot], out);
  return slice(e, n, whole, out);
}
