/* fuzz_type_name.c: any text as the name of a type, in CQL and as Cassandra's Java classes. What is read is printed,
 * read again, and is the same; a copy of it too.
 */
#include "fuzz.h"

enum { TEXT_LEN_MAX = 4096, PRINTED_LEN_MAX = 1 << 24 };
#define ARENA_LIMIT ((size_t)64 << 20)

/* One user type, so that names lead somewhere: ks.udt (a int, "B b" frozen<list<text>>). */
static const cql_type *find(void *user, cql_slice keyspace, cql_slice name) {
  cql_arena *a = user;
  static const cql_slice FIELDS[] = {{(const uint8_t *)"a", 1}, {(const uint8_t *)"B b", 3}};
  if (!cql_slice_eq_str(keyspace, "ks") && keyspace.len > 0) return NULL;
  if (!cql_slice_eq_str(name, "udt")) return NULL;
  const cql_type **args = cql_arena_array(a, 2, sizeof *args);
  cql_type *t = cql_arena_zero(a, sizeof *t);
  if (args == NULL || t == NULL) return NULL;
  args[0] = cql_type_native(CQL_TYPE_INT);
  args[1] = cql_type_list(a, cql_type_native(CQL_TYPE_TEXT), true);
  if (args[1] == NULL) return NULL;
  *t = (cql_type){.code = CQL_TYPE_UDT,
                  .arg_count = 2,
                  .args = args,
                  .keyspace = CQL_SLICE_LITERAL("ks"),
                  .name = CQL_SLICE_LITERAL("udt"),
                  .field_names = FIELDS};
  return t;
}

static cql_status parse(cql_arena *a, cql_slice text, bool java, const cql_type **out, cql_error *err) {
  cql_type_resolver resolver = {.find = find, .user = a, .keyspace = CQL_SLICE_LITERAL("ks")};
  bool reversed;
  if (java) return cql_type_parse_java(a, text, out, &reversed, err);
  return cql_type_parse_cql(a, text, &resolver, out, err);
}

static void print_and_parse(cql_arena *a, const cql_type *type, bool java) {
  const cql_type *again;
  cql_error err = {.status = CQL_OK};
  cql_buf b;
  cql_buf_init(&b, &cql_alloc_libc, PRINTED_LEN_MAX);
  (java ? cql_type_print_java : cql_type_print_cql)(&b, type);
  FUZZ_REQUIRE(b.st == CQL_OK, "%s", cql_status_name(b.st));
  cql_status st = parse(a, cql_buf_view(&b), java, &again, &err);
  FUZZ_REQUIRE(st == CQL_OK, "printed " CQL_SLICE_FMT ": %s", CQL_SLICE_ARG(cql_buf_view(&b)), err.message);
  FUZZ_REQUIRE(cql_type_eq(type, again), "%s became %s", fuzz_type(a, type), fuzz_type(a, again));
  cql_buf_free(&b);
}

static void try_as(cql_slice text, bool java) {
  cql_arena a;
  cql_error err = {.status = CQL_OK};
  const cql_type *type;
  cql_arena_init(&a, &cql_alloc_libc, ARENA_LIMIT);
  cql_status st = parse(&a, text, java, &type, &err);
  if (st != CQL_OK) {
    fuzz_require_words(st, &err);
  } else {
    print_and_parse(&a, type, java);
    const cql_type *copy = cql_type_clone(&a, type);
    FUZZ_REQUIRE(copy != NULL && cql_type_eq(type, copy), "%s", fuzz_type(&a, type));
    const cql_type *frozen = cql_type_freeze(&a, type);
    FUZZ_REQUIRE(frozen != NULL && !cql_type_is_multicell(frozen), "%s", fuzz_type(&a, type));
    FUZZ_REQUIRE(cql_type_is_value_compatible(type, copy), "%s", fuzz_type(&a, type));
  }
  cql_arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > TEXT_LEN_MAX) return 0;
  try_as(cql_slice_of(data, size), false);
  try_as(cql_slice_of(data, size), true);
  return 0;
}
