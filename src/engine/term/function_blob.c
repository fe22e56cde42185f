/* function_blob.c: int_as_blob(v), blob_as_int(b) and their like, with the older names intAsBlob, blobAsInt (matched
 * without case). Cassandra: cql3/functions/BytesConversionFcts.java.
 */
#include "engine/term/function_int.h"

#include <string.h>

static cql_status to_blob(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  (void)x;
  (void)f;
  *out = args[0];
  return CQL_OK;
}

static cql_status from_blob(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  cql_error ignored;
  *out = args[0];
  if (cql_value_validate(f->result, args[0], &ignored) == CQL_OK) return CQL_OK;
  cql_buf b;
  cql_buf_init(&b, x->engine->alloc, 256);
  cql_value_print(&b, cql_type_native(CQL_TYPE_BLOB), args[0]);
  cql_fail(x->err, CQL_INVALID,
           "In call to function system.%s, value " CQL_SLICE_FMT " is not a valid binary representation for type %s",
           f->name, CQL_SLICE_ARG(cql_buf_view(&b)), cqle_type_text(x->arena, f->result));
  cql_buf_free(&b);
  return CQL_INVALID;
}

static const struct {
  const char *name;
  cql_type_code code;
} types[] = {
    {"ascii", CQL_TYPE_ASCII},       {"bigint", CQL_TYPE_BIGINT},     {"boolean", CQL_TYPE_BOOLEAN},
    {"counter", CQL_TYPE_COUNTER},   {"date", CQL_TYPE_DATE},         {"decimal", CQL_TYPE_DECIMAL},
    {"double", CQL_TYPE_DOUBLE},     {"duration", CQL_TYPE_DURATION}, {"float", CQL_TYPE_FLOAT},
    {"inet", CQL_TYPE_INET},         {"int", CQL_TYPE_INT},           {"smallint", CQL_TYPE_SMALLINT},
    {"text", CQL_TYPE_TEXT},         {"time", CQL_TYPE_TIME},         {"timestamp", CQL_TYPE_TIMESTAMP},
    {"timeuuid", CQL_TYPE_TIMEUUID}, {"tinyint", CQL_TYPE_TINYINT},   {"uuid", CQL_TYPE_UUID},
    {"varchar", CQL_TYPE_TEXT},      {"varint", CQL_TYPE_VARINT},
};

static bool is_type(const char *name, size_t len, cql_type_code *out) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    if (strlen(types[i].name) != len || memcmp(types[i].name, name, len) != 0) continue;
    *out = types[i].code;
    return true;
  }
  return false;
}

/* "int_as_blob", "intasblob", "blob_as_int", "blobasint" */
static bool parse(const char *name, bool *to, cql_type_code *code) {
  static const char *const suffixes[] = {"_as_blob", "asblob"}, *const prefixes[] = {"blob_as_", "blobas"};
  size_t len = strlen(name);
  for (size_t i = 0; i < 2; i++) {
    size_t suffix = strlen(suffixes[i]), prefix = strlen(prefixes[i]);
    *to = true;
    if (len > suffix && strcmp(name + len - suffix, suffixes[i]) == 0 && is_type(name, len - suffix, code)) return true;
    *to = false;
    if (len > prefix && strncmp(name, prefixes[i], prefix) == 0 && is_type(name + prefix, len - prefix, code))
      return true;
  }
  return false;
}

cql_status cqle_resolve_blob(const cqle_lookup *l, const cqle_function **out) {
  bool to;
  cql_type_code code;
  if (!parse(l->name, &to, &code)) return CQL_DONE;
  const cql_type *type = cql_type_native(code), *blob = cql_type_native(CQL_TYPE_BLOB);
  const cql_type *arg = to ? type : blob;
  if (l->count != 1)
    return cql_fail(l->err, CQL_INVALID,
                    "Invalid number of arguments in call to function system.%s: 1 required but %u provided", l->name,
                    l->count);
  if (l->args[0] != NULL && !cql_type_is_value_compatible(arg, l->args[0]))
    return cql_fail(l->err, CQL_INVALID,
                    "Type error: %s cannot be passed as argument 0 of function system.%s of type %s",
                    cqle_argument_text(l, 0), l->name, cqle_type_text(l->a, arg));
  cqle_function *f = cqle_function_new(l->a, l->name, 1, &arg, to ? blob : type);
  if (f == NULL) return CQL_NOMEM;
  f->call = to ? to_blob : from_blob;
  *out = f;
  return CQL_OK;
}
