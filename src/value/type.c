/* type.c: making types, and asking them questions. */
#include "value/value_int.h"

#include <string.h>

/* By their code; the places of the codes that need arguments are left empty. */
#define NATIVE(name) [CQL_TYPE_##name] = {.code = CQL_TYPE_##name}
static const cql_type natives[] = {
    NATIVE(ASCII),   NATIVE(BIGINT), NATIVE(BLOB),     NATIVE(BOOLEAN),  NATIVE(COUNTER),
    NATIVE(DECIMAL), NATIVE(DOUBLE), NATIVE(FLOAT),    NATIVE(INT),      NATIVE(TIMESTAMP),
    NATIVE(UUID),    NATIVE(TEXT),   NATIVE(VARINT),   NATIVE(TIMEUUID), NATIVE(INET),
    NATIVE(DATE),    NATIVE(TIME),   NATIVE(SMALLINT), NATIVE(TINYINT),  NATIVE(DURATION),
};
#undef NATIVE

const cql_type *cql_type_native(cql_type_code code) {
  size_t i = (size_t)code;
  return i > 0 && i < sizeof natives / sizeof *natives && natives[i].code == code ? &natives[i] : NULL;
}

static const struct {
  cql_type_code code;
  const char *cql, *java;
} names[] = {
#define NAMES(name, value, cql, java) {CQL_TYPE_##name, cql, java},
    CQL_TYPE_MAP(NAMES)
#undef NAMES
};

enum { NAME_COUNT = sizeof names / sizeof names[0] };

const char *cqlv_type_cql_name(cql_type_code code) {
  for (size_t i = 0; i < NAME_COUNT; i++)
    if (names[i].code == code) return names[i].cql;
  return "custom";
}

const char *cqlv_type_java_name(cql_type_code code) {
  for (size_t i = 0; i < NAME_COUNT; i++)
    if (names[i].code == code) return names[i].java;
  return "";
}

const cql_type *cqlv_native_by_cql(cql_slice name) {
  if (cql_slice_eq_nocase(name, "varchar")) return &natives[CQL_TYPE_TEXT];
  for (size_t i = 0; i < NAME_COUNT; i++)
    if (cql_slice_eq_nocase(name, names[i].cql)) return cql_type_native(names[i].code);
  return NULL;
}

const cql_type *cqlv_native_by_java(cql_slice name) {
  for (size_t i = 0; i < NAME_COUNT; i++)
    if (cql_slice_eq_str(name, names[i].java)) return cql_type_native(names[i].code);
  return NULL;
}

cql_type *cqlv_type_new(cql_arena *a, cql_type_code code, uint32_t arg_count, const cql_type *const *args) {
  cql_type *type = cql_arena_zero(a, sizeof *type);
  if (type == NULL) return NULL;
  type->code = code;
  type->arg_count = arg_count;
  if (arg_count == 0) return type;
  const cql_type **copy = cql_arena_array(a, arg_count, sizeof *copy);
  if (copy == NULL) return NULL;
  memcpy(copy, args, arg_count * sizeof *copy);
  type->args = copy;
  return type;
}

static const cql_type *collection(cql_arena *a, cql_type_code code, const cql_type *x, const cql_type *y, bool frozen) {
  const cql_type *args[2] = {x, y};
  cql_type *type = cqlv_type_new(a, code, y == NULL ? 1 : 2, args);
  if (type != NULL) type->frozen = frozen;
  return type;
}

const cql_type *cql_type_list(cql_arena *a, const cql_type *element, bool frozen) {
  return collection(a, CQL_TYPE_LIST, element, NULL, frozen);
}

const cql_type *cql_type_set(cql_arena *a, const cql_type *element, bool frozen) {
  return collection(a, CQL_TYPE_SET, element, NULL, frozen);
}

const cql_type *cql_type_map(cql_arena *a, const cql_type *key, const cql_type *value, bool frozen) {
  return collection(a, CQL_TYPE_MAP, key, value, frozen);
}

const cql_type *cql_type_tuple(cql_arena *a, const cql_type *const *fields, uint32_t count) {
  cql_type *type = cqlv_type_new(a, CQL_TYPE_TUPLE, count, fields);
  if (type != NULL) type->frozen = true;
  return type;
}

const cql_type *cql_type_vector(cql_arena *a, const cql_type *element, uint32_t dimension) {
  cql_type *type = cqlv_type_new(a, CQL_TYPE_VECTOR, 1, &element);
  if (type == NULL) return NULL;
  type->frozen = true;
  type->dimension = dimension;
  return type;
}

/* True when freezing would change nothing: a vector keeps what it holds as it was declared. */
static bool is_frozen_throughout(const cql_type *type) {
  if (type->code == CQL_TYPE_VECTOR) return true;
  if (cql_type_is_multicell(type)) return false;
  for (uint32_t i = 0; i < type->arg_count; i++)
    if (!is_frozen_throughout(type->args[i])) return false;
  return true;
}

const cql_type *cql_type_freeze(cql_arena *a, const cql_type *type) {
  if (is_frozen_throughout(type)) return type;
  cql_type *copy = cql_arena_copy(a, type, sizeof *type);
  const cql_type **args = cql_arena_array(a, type->arg_count, sizeof *args);
  if (copy == NULL || args == NULL) return NULL;
  for (uint32_t i = 0; i < type->arg_count; i++)
    if ((args[i] = cql_type_freeze(a, type->args[i])) == NULL) return NULL;
  copy->args = args;
  copy->frozen = true;
  return copy;
}

const cql_type *cql_type_clone(cql_arena *a, const cql_type *type) {
  const cql_type *native = cql_type_native(type->code);
  if (native != NULL) return native;
  cql_type *copy = cql_arena_copy(a, type, sizeof *type);
  if (copy == NULL) return NULL;
  if (cql_arena_slice(a, type->keyspace, &copy->keyspace) != CQL_OK) return NULL;
  if (cql_arena_slice(a, type->name, &copy->name) != CQL_OK) return NULL;
  if (type->arg_count == 0) return copy;
  const cql_type **args = cql_arena_array(a, type->arg_count, sizeof *args);
  if (args == NULL) return NULL;
  for (uint32_t i = 0; i < type->arg_count; i++)
    if ((args[i] = cql_type_clone(a, type->args[i])) == NULL) return NULL;
  copy->args = args;
  if (type->field_names == NULL) return copy;
  cql_slice *fields = cql_arena_array(a, type->arg_count, sizeof *fields);
  if (fields == NULL) return NULL;
  for (uint32_t i = 0; i < type->arg_count; i++)
    if (cql_arena_slice(a, type->field_names[i], &fields[i]) != CQL_OK) return NULL;
  copy->field_names = fields;
  return copy;
}

cql_type_code cql_type_get_code(const cql_type *type) {
  return type->code;
}

uint32_t cql_type_arg_count(const cql_type *type) {
  return type->arg_count;
}

const cql_type *cql_type_arg(const cql_type *type, uint32_t i) {
  return i < type->arg_count ? type->args[i] : NULL;
}

bool cql_type_eq(const cql_type *x, const cql_type *y) {
  if (x == y) return true;
  if (x->code != y->code || x->arg_count != y->arg_count || x->dimension != y->dimension) return false;
  if (cql_type_is_multicell(x) != cql_type_is_multicell(y)) return false;
  if (!cql_slice_eq(x->keyspace, y->keyspace) || !cql_slice_eq(x->name, y->name)) return false;
  for (uint32_t i = 0; i < x->arg_count; i++) {
    if (x->field_names != NULL && y->field_names != NULL && !cql_slice_eq(x->field_names[i], y->field_names[i]))
      return false;
    if (!cql_type_eq(x->args[i], y->args[i])) return false;
  }
  return true;
}

bool cql_type_is_collection(const cql_type *type) {
  return type->code == CQL_TYPE_LIST || type->code == CQL_TYPE_SET || type->code == CQL_TYPE_MAP;
}

bool cql_type_is_multicell(const cql_type *type) {
  return !type->frozen && (cql_type_is_collection(type) || type->code == CQL_TYPE_UDT);
}

bool cql_type_is_comparable(const cql_type *type) {
  if (type->code == CQL_TYPE_DURATION) return false;
  for (uint32_t i = 0; i < type->arg_count; i++)
    if (!cql_type_is_comparable(type->args[i])) return false;
  return true;
}

size_t cql_type_fixed_len(const cql_type *type) {
  switch (type->code) {
  case CQL_TYPE_BOOLEAN: return 1;
  case CQL_TYPE_INT:
  case CQL_TYPE_FLOAT: return 4;
  case CQL_TYPE_BIGINT:
  case CQL_TYPE_DOUBLE:
  case CQL_TYPE_TIMESTAMP: return 8;
  case CQL_TYPE_UUID:
  case CQL_TYPE_TIMEUUID: return 16;
  case CQL_TYPE_VECTOR: return cql_type_fixed_len(type->args[0]) * type->dimension;
  default: return 0;
  }
}
