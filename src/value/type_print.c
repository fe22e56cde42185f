/* type_print.c: types as CQL and as Cassandra's Java classes. */
#include "value/value_int.h"

#include <string.h>

#define JAVA_PACKAGE "org.apache.cassandra.db.marshal."

/* Words of the grammar that are no names unless they are quoted; engine/parse/token.h has all keywords. */
static const char *const reserved[] = {
    "add",  "allow",        "alter",  "and",          "apply",    "asc",      "authorize",   "batch",   "begin",
    "by",   "columnfamily", "create", "delete",       "desc",     "describe", "drop",        "entries", "execute",
    "from", "full",         "grant",  "if",           "in",       "index",    "infinity",    "insert",  "into",
    "is",   "keyspace",     "limit",  "materialized", "modify",   "nan",      "norecursive", "not",     "null",
    "of",   "on",           "or",     "order",        "primary",  "rename",   "revoke",      "schema",  "select",
    "set",  "table",        "to",     "token",        "truncate", "unlogged", "update",      "use",     "using",
    "view", "where",        "with",   "true",         "false"};

static bool is_plain_name(cql_slice name) {
  for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
    if (cql_slice_eq_str(name, reserved[i])) return false;
  if (name.len == 0 || name.data[0] < 'a' || name.data[0] > 'z') return false;
  for (size_t i = 0; i < name.len; i++) {
    uint8_t c = name.data[i];
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return true;
}

static void print_quoted(cql_buf *b, cql_slice text, uint8_t quote) {
  cql_buf_u8(b, quote);
  for (size_t i = 0; i < text.len; i++) {
    if (text.data[i] == quote) cql_buf_u8(b, quote);
    cql_buf_u8(b, text.data[i]);
  }
  cql_buf_u8(b, quote);
}

void cqlv_print_name(cql_buf *b, cql_slice name) {
  if (is_plain_name(name))
    cql_buf_slice(b, name);
  else
    print_quoted(b, name, '"');
}

/* A user type that is called "int" keeps its quotes, so that it is read back as what it is. */
static void print_type_name(cql_buf *b, cql_slice name) {
  if (cqlv_native_by_cql(name) != NULL)
    print_quoted(b, name, '"');
  else
    cqlv_print_name(b, name);
}

static void print_cql(cql_buf *b, const cql_type *type, bool full);

static void print_args(cql_buf *b, const cql_type *type, bool full) {
  cql_buf_str(b, cqlv_type_cql_name(type->code));
  cql_buf_u8(b, '<');
  for (uint32_t i = 0; i < type->arg_count; i++) {
    if (i > 0) cql_buf_str(b, ", ");
    print_cql(b, type->args[i], full);
  }
  if (type->code == CQL_TYPE_VECTOR) cql_buf_printf(b, ", %u", type->dimension);
  cql_buf_u8(b, '>');
}

static void print_cql(cql_buf *b, const cql_type *type, bool full) {
  bool frozen = type->frozen && type->code != CQL_TYPE_VECTOR;
  switch (type->code) {
  case CQL_TYPE_LIST:
  case CQL_TYPE_SET:
  case CQL_TYPE_MAP:
  case CQL_TYPE_TUPLE:
  case CQL_TYPE_VECTOR:
    if (frozen) cql_buf_str(b, "frozen<");
    print_args(b, type, full);
    if (frozen) cql_buf_u8(b, '>');
    return;
  case CQL_TYPE_UDT:
    if (frozen) cql_buf_str(b, "frozen<");
    if (full) {
      cql_buf_slice(b, type->keyspace);
      cql_buf_u8(b, '.');
      cql_buf_slice(b, type->name);
    } else {
      print_type_name(b, type->name);
    }
    if (frozen) cql_buf_u8(b, '>');
    return;
  case CQL_TYPE_CUSTOM: print_quoted(b, type->name, '\''); return;
  default: cql_buf_str(b, cqlv_type_cql_name(type->code));
  }
}

void cql_type_print_cql(cql_buf *b, const cql_type *type) {
  print_cql(b, type, false);
}

void cql_type_print_full(cql_buf *b, const cql_type *type) {
  print_cql(b, type, true);
}

/* A frozen type says so once, at the outermost place: what is inside it is frozen anyway. */
static void print_java(cql_buf *b, const cql_type *type, bool inside_frozen) {
  if (type->code == CQL_TYPE_CUSTOM) {
    cql_buf_slice(b, type->name);
    return;
  }
  bool says_frozen = type->frozen && !inside_frozen && (cql_type_is_collection(type) || type->code == CQL_TYPE_UDT);
  if (says_frozen) cql_buf_str(b, JAVA_PACKAGE "FrozenType(");
  cql_buf_str(b, JAVA_PACKAGE);
  cql_buf_str(b, cqlv_type_java_name(type->code));
  if (type->arg_count > 0 || type->code == CQL_TYPE_UDT) {
    cql_buf_u8(b, '(');
    if (type->code == CQL_TYPE_UDT) {
      cql_buf_slice(b, type->keyspace);
      cql_buf_u8(b, ',');
      cqlv_print_hex(b, type->name);
    }
    for (uint32_t i = 0; i < type->arg_count; i++) {
      if (i > 0 || type->code == CQL_TYPE_UDT) cql_buf_u8(b, ',');
      if (type->code == CQL_TYPE_UDT) {
        cqlv_print_hex(b, type->field_names[i]);
        cql_buf_u8(b, ':');
      }
      /* A vector is no frozen thing to Cassandra: what is in it says so again. */
      print_java(b, type->args[i], inside_frozen || (type->frozen && type->code != CQL_TYPE_VECTOR));
    }
    if (type->code == CQL_TYPE_VECTOR) cql_buf_printf(b, " , %u", type->dimension);
    cql_buf_u8(b, ')');
  }
  if (says_frozen) cql_buf_u8(b, ')');
}

void cql_type_print_java(cql_buf *b, const cql_type *type) {
  print_java(b, type, false);
}

size_t cql_type_to_cql(const cql_type *type, char *out, size_t cap) {
  cql_buf b;
  cql_buf_init(&b, &cql_alloc_libc, SIZE_MAX / 2);
  cql_type_print_cql(&b, type);
  size_t len = b.len;
  if (cap > 0) {
    size_t n = len < cap - 1 ? len : cap - 1;
    if (n > 0) memcpy(out, b.data, n);
    out[n] = '\0';
  }
  cql_buf_free(&b);
  return len;
}
