/* column_types.c: the type of a column (v5 4.2.5.2, [option]), both ways.
 *
 * The protocol says nothing of frozen. Where a type stands inside of another it is taken for frozen, as it nearly
 * always is; the outermost one is not. */
#include "protocol/protocol_int.h"

#include <string.h>

enum {
  OPTION_LEN_MIN = 2, /* bytes of a type */
  FIELD_LEN_MIN = 2 + OPTION_LEN_MIN
};

static cql_status read_type(cqlp_body *b, uint32_t depth, const cql_type **out);

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* Names outlive the body. */
static cql_status read_name(cqlp_body *b, const char *field, cql_slice *out) {
  cql_slice name;
  cql_status st = cqlp_read_string(b, field, &name);
  if (st != CQL_OK) return st;
  const char *text = cqlp_text(b, name);
  if (text == NULL) return cqlp_fail_memory(b);
  *out = cql_slice_of(text, name.len);
  return CQL_OK;
}

static uint32_t depth_of(const cql_type *type) {
  uint32_t deepest = 0;
  for (uint32_t i = 0; i < type->arg_count; i++) {
    uint32_t depth = depth_of(type->args[i]);
    if (depth > deepest) deepest = depth;
  }
  return deepest + 1;
}

static cql_status fail_depth(cqlp_body *b) {
  return cqlp_fail(b, CQL_LIMIT, "Types are nested more than %d deep", CQL_TYPE_DEPTH_MAX);
}

/* A class by its name: types that have no number of their own, vectors among them. */
static cql_status read_custom(cqlp_body *b, uint32_t depth, const cql_type **out) {
  cql_slice name;
  bool reversed;
  cql_error why = {.status = CQL_OK};
  cql_status st = read_name(b, "the class of a type", &name);
  if (st != CQL_OK) return st;
  st = cql_type_parse_java(b->a, name, out, &reversed, &why);
  if (st == CQL_OK) return depth + depth_of(*out) <= CQL_TYPE_DEPTH_MAX ? CQL_OK : fail_depth(b);
  if (st == CQL_NOMEM) return cqlp_fail_memory(b);
  return cqlp_fail(b, st == CQL_LIMIT ? CQL_LIMIT : b->malformed, "A type: %s", why.message);
}

static cql_status read_collection(cqlp_body *b, cql_type_code code, uint32_t depth, const cql_type **out) {
  const cql_type *first = NULL, *second = NULL;
  cql_status st;
  CQL_TRY(read_type(b, depth + 1, &first));
  if (code == CQL_TYPE_MAP) CQL_TRY(read_type(b, depth + 1, &second));
  bool frozen = depth > 0;
  *out = code == CQL_TYPE_MAP   ? cql_type_map(b->a, first, second, frozen)
         : code == CQL_TYPE_SET ? cql_type_set(b->a, first, frozen)
                                : cql_type_list(b->a, first, frozen);
  if (*out == NULL) return cqlp_fail_memory(b);
done:
  return st;
}

/* How many fields follow, each of at least so many bytes. */
static cql_status read_field_count(cqlp_body *b, size_t field_len, uint16_t *count) {
  cql_status st;
  CQL_TRY(cqlp_read_u16(b, "the number of fields of a type", count));
  if (*count > CQL_TYPE_ARGS_MAX)
    return cqlp_fail(b, CQL_LIMIT, "A type has %u fields, more than %d", *count, CQL_TYPE_ARGS_MAX);
  CQL_TRY(cqlp_check_count(b, "the fields of a type", *count, field_len));
done:
  return st;
}

static cql_status read_tuple(cqlp_body *b, uint32_t depth, const cql_type **out) {
  uint16_t count;
  cql_status st;
  CQL_TRY(read_field_count(b, OPTION_LEN_MIN, &count));
  const cql_type **fields = cql_arena_array(b->a, count, sizeof *fields);
  if (fields == NULL) return cqlp_fail_memory(b);
  for (uint32_t i = 0; i < count; i++) CQL_TRY(read_type(b, depth + 1, &fields[i]));
  if ((*out = cql_type_tuple(b->a, fields, count)) == NULL) return cqlp_fail_memory(b);
done:
  return st;
}

static cql_status read_udt(cqlp_body *b, uint32_t depth, const cql_type **out) {
  uint16_t count;
  cql_status st;
  cql_type *type = cql_arena_zero(b->a, sizeof *type);
  if (type == NULL) return cqlp_fail_memory(b);
  type->code = CQL_TYPE_UDT;
  type->frozen = depth > 0;
  CQL_TRY(read_name(b, "the keyspace of a type", &type->keyspace));
  CQL_TRY(read_name(b, "the name of a type", &type->name));
  CQL_TRY(read_field_count(b, FIELD_LEN_MIN, &count));
  const cql_type **args = cql_arena_array(b->a, count, sizeof *args);
  cql_slice *names = cql_arena_array(b->a, count, sizeof *names);
  if (args == NULL || names == NULL) return cqlp_fail_memory(b);
  for (uint32_t i = 0; i < count; i++) {
    CQL_TRY(read_name(b, "the name of a field", &names[i]));
    CQL_TRY(read_type(b, depth + 1, &args[i]));
  }
  type->arg_count = count;
  type->args = args;
  type->field_names = names;
  *out = type;
done:
  return st;
}

static cql_status read_type(cqlp_body *b, uint32_t depth, const cql_type **out) {
  uint16_t id;
  cql_status st = cqlp_read_u16(b, "a type", &id);
  if (st != CQL_OK) return st;
  if (depth >= CQL_TYPE_DEPTH_MAX) return fail_depth(b);
  switch ((cql_type_code)id) {
  case CQL_TYPE_CUSTOM: return read_custom(b, depth, out);
  case CQL_TYPE_LIST:
  case CQL_TYPE_SET:
  case CQL_TYPE_MAP: return read_collection(b, (cql_type_code)id, depth, out);
  case CQL_TYPE_UDT: return read_udt(b, depth, out);
  case CQL_TYPE_TUPLE: return read_tuple(b, depth, out);
  default: break;
  }
  *out = cql_type_native((cql_type_code)id);
  return *out != NULL ? CQL_OK : cqlp_fail(b, b->malformed, "Unknown type 0x%04X", id);
}

cql_status cqlp_read_type(cqlp_body *b, const cql_type **out) {
  return read_type(b, 0, out);
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* Types that have no number (a duration has none in version 4) go by their Java class. */
static void put_class(cql_buf *b, const cql_type *type) {
  cql_buf_u16(b, CQL_TYPE_CUSTOM);
  size_t at = b->len;
  cql_buf_u16(b, 0);
  cql_type_print_java(b, type);
  if (b->st != CQL_OK) return;
  size_t len = b->len - at - 2;
  if (len > UINT16_MAX)
    cqlp_refuse(b);
  else
    cql_store_u16(b->data + at, (uint16_t)len);
}

static void put_udt(cql_buf *b, uint8_t version, const cql_type *type) {
  cqlp_put_string(b, type->keyspace);
  cqlp_put_string(b, type->name);
  cqlp_put_u16_count(b, type->arg_count);
  for (uint32_t i = 0; i < type->arg_count; i++) {
    cqlp_put_string(b, type->field_names[i]);
    cqlp_put_type(b, version, type->args[i]);
  }
}

void cqlp_put_type(cql_buf *b, uint8_t version, const cql_type *type) {
  bool has_number = type->code != CQL_TYPE_CUSTOM && type->code != CQL_TYPE_VECTOR &&
                    (type->code != CQL_TYPE_DURATION || version >= CQL_VERSION_5);
  if (!has_number) {
    put_class(b, type);
    return;
  }
  cql_buf_u16(b, (uint16_t)type->code);
  if (type->code == CQL_TYPE_UDT) {
    put_udt(b, version, type);
    return;
  }
  if (type->code == CQL_TYPE_TUPLE) cqlp_put_u16_count(b, type->arg_count);
  for (uint32_t i = 0; i < type->arg_count; i++) cqlp_put_type(b, version, type->args[i]);
}
