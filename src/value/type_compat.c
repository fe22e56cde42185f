/* type_compat.c: which bytes may be read as another type. Cassandra asks three questions, and so do we:
 *
 *   same order        may keys written as `from` be sorted as `to`?          (AbstractType.isCompatibleWith)
 *   same values       may a whole value of `from` be read as one of `to`?    (isValueCompatibleWith)
 *   same cells        the same, for values that stand in cells of their own: they must also take the same room
 */
#include "value/value_int.h"

static bool is_tuple(const cql_type *type) {
  return type->code == CQL_TYPE_TUPLE || type->code == CQL_TYPE_UDT;
}

/* Of one kind, frozen or not. A tuple may have grown fields at its end; they read as null. A tuple reads a user type's
 * bytes too, and names do not matter. */
static bool same_shape(const cql_type *to, const cql_type *from) {
  if (to->code == CQL_TYPE_TUPLE && is_tuple(from)) return from->arg_count <= to->arg_count;
  if (to->code != from->code || cql_type_is_multicell(to) != cql_type_is_multicell(from)) return false;
  return is_tuple(to) ? from->arg_count <= to->arg_count : from->arg_count == to->arg_count;
}

static bool same_order(const cql_type *to, const cql_type *from) {
  if (cql_type_eq(to, from)) return true;
  if (to->code == CQL_TYPE_TEXT) return from->code == CQL_TYPE_ASCII;
  if (to->code == CQL_TYPE_BLOB) return from->code == CQL_TYPE_ASCII || from->code == CQL_TYPE_TEXT;
  if (from->arg_count == 0 || to->code == CQL_TYPE_VECTOR || !same_shape(to, from)) return false;
  for (uint32_t i = 0; i < from->arg_count; i++)
    if (!same_order(to->args[i], from->args[i])) return false;
  return true;
}

static bool same_native_values(cql_type_code to, cql_type_code from) {
  switch (to) {
  case CQL_TYPE_TEXT: return from == CQL_TYPE_ASCII;
  case CQL_TYPE_UUID: return from == CQL_TYPE_TIMEUUID;
  case CQL_TYPE_BIGINT: return from == CQL_TYPE_TIMESTAMP;
  case CQL_TYPE_TIMESTAMP: return from == CQL_TYPE_BIGINT;
  case CQL_TYPE_DATE: return from == CQL_TYPE_INT;
  case CQL_TYPE_TIME: return from == CQL_TYPE_BIGINT;
  case CQL_TYPE_VARINT: return from == CQL_TYPE_INT || from == CQL_TYPE_BIGINT || from == CQL_TYPE_TIMESTAMP;
  default: return false;
  }
}

static bool same_cells(const cql_type *to, const cql_type *from) {
  return cql_type_is_value_compatible(to, from) && cql_type_fixed_len(to) == cql_type_fixed_len(from);
}

static bool same_collections(const cql_type *to, const cql_type *from) {
  const cql_type *value = to->args[to->arg_count - 1], *from_value = from->args[from->arg_count - 1];
  if (to->code != CQL_TYPE_LIST && !same_order(to->args[0], from->args[0])) return false;
  if (to->code == CQL_TYPE_SET) return true;
  return cql_type_is_multicell(to) ? same_cells(value, from_value) : cql_type_is_value_compatible(value, from_value);
}

bool cql_type_is_value_compatible(const cql_type *to, const cql_type *from) {
  if (to->code == CQL_TYPE_BLOB || cql_type_eq(to, from)) return true;
  if (same_native_values(to->code, from->code)) return true;
  if (from->arg_count == 0 || to->code == CQL_TYPE_VECTOR || !same_shape(to, from)) return false;
  if (cql_type_is_collection(to)) return same_collections(to, from);
  for (uint32_t i = 0; i < from->arg_count; i++)
    if (!cql_type_is_value_compatible(to->args[i], from->args[i])) return false;
  return true;
}
