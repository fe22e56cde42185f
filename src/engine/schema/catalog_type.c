/* catalog_type.c: user types in the store. Fields refer to other user types by name, so that a change of one type is
 * one write, and shows in every type and table that holds it. Counts and lengths are LEB128.
 *
 *   format (u8) · count · fields: name · CQL type
 *
 * A type names only types of its own keyspace, and never itself: they are resolved depth first.
 */
#include "engine/schema/catalog.h"

#include <string.h>

enum { HEAD_LEN = 5, VALUE_LEN_MAX = 16 * 1024 * 1024 };

/* --- finding ------------------------------------------------------------------------------------------------------ */

const cql_type *cqle_keyspace_type(const cqle_keyspace *ks, cql_slice name) {
  uint32_t low = 0, high = ks->type_count;
  while (low < high) {
    uint32_t mid = low + (high - low) / 2;
    int order = cql_slice_cmp(name, ks->types[mid]->name);
    if (order == 0) return ks->types[mid];
    if (order < 0)
      high = mid;
    else
      low = mid + 1;
  }
  return NULL;
}

static const cql_type *find_type(void *user, cql_slice keyspace, cql_slice name) {
  const cqle_keyspace *ks = user;
  return cql_slice_eq_str(keyspace, ks->name) ? cqle_keyspace_type(ks, name) : NULL;
}

static const cql_type *find_no_type(void *user, cql_slice keyspace, cql_slice name) {
  (void)user;
  (void)keyspace;
  (void)name;
  return NULL;
}

cql_type_resolver cqle_type_resolver_of(const cqle_keyspace *ks) {
  if (!ks) return (cql_type_resolver){find_no_type, NULL, {NULL, 0}};
  return (cql_type_resolver){find_type, (void *)ks, cql_slice_str(ks->name)};
}

bool cqle_type_refers(const cql_type *type, cql_slice name) {
  if (type->code == CQL_TYPE_UDT && cql_slice_eq(type->name, name)) return true;
  for (uint32_t i = 0; i < type->arg_count; i++)
    if (cqle_type_refers(type->args[i], name)) return true;
  return false;
}

const cql_type *cqle_type_without_names(cql_arena *a, const cql_type *type) {
  if (type->arg_count == 0) return type;
  const cql_type **args = cql_arena_array(a, type->arg_count, sizeof *args);
  cql_type *copy = cql_arena_copy(a, type, sizeof *type);
  if (!args || !copy) return NULL;
  for (uint32_t i = 0; i < type->arg_count; i++)
    if (!(args[i] = cqle_type_without_names(a, type->args[i]))) return NULL;
  if (type->code == CQL_TYPE_UDT) return cql_type_tuple(a, args, type->arg_count);
  copy->args = args;
  return copy;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static void put_key(cql_buf *b, cql_slice keyspace, cql_slice name) {
  uint8_t head[HEAD_LEN], end[HEAD_LEN];
  cqle_catalog_range(CQLE_CATALOG_TYPE, head, end);
  cql_buf_put(b, head, sizeof head);
  cql_buf_slice(b, keyspace);
  cql_buf_u8(b, 0);
  cql_buf_slice(b, name);
}

static void put_value(cql_buf *b, const cql_type *type) {
  cql_buf_u8(b, CQLE_CATALOG_FORMAT);
  cql_buf_uvarint(b, type->arg_count);
  for (uint32_t i = 0; i < type->arg_count; i++) {
    cql_buf_uvarint(b, type->field_names[i].len);
    cql_buf_slice(b, type->field_names[i]);
    cqle_catalog_write_type(b, type->args[i]);
  }
}

cql_status cqle_catalog_put_type(cqle_txn *txn, const cql_alloc *alloc, const cql_type *type, cql_error *err) {
  cql_buf key, value;
  cql_status st;
  cql_buf_init(&key, alloc, CQLE_CATALOG_STRING_MAX);
  cql_buf_init(&value, alloc, VALUE_LEN_MAX);
  put_key(&key, type->keyspace, type->name);
  put_value(&value, type);
  if (key.st == CQL_NOMEM || value.st == CQL_NOMEM)
    st = cqle_out_of_memory(err);
  else if (key.st != CQL_OK || value.st != CQL_OK)
    st = cql_fail(err, CQL_LIMIT, "The definition of type " CQL_SLICE_FMT " is too large", CQL_SLICE_ARG(type->name));
  else
    st = cqle_put(txn, cql_buf_view(&key), cql_buf_view(&value), err);
  cql_buf_free(&key);
  cql_buf_free(&value);
  return st;
}

cql_status cqle_catalog_del_type(cqle_txn *txn, const cql_alloc *alloc, const char *keyspace, cql_slice name,
                                 cql_error *err) {
  cql_buf key;
  cql_status st;
  cql_buf_init(&key, alloc, CQLE_CATALOG_STRING_MAX);
  put_key(&key, cql_slice_str(keyspace), name);
  st = key.st == CQL_OK ? cqle_del(txn, cql_buf_view(&key), err) : cqle_out_of_memory(err);
  cql_buf_free(&key);
  return st;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

typedef enum progress { UNRESOLVED, RESOLVING, RESOLVED } progress;

typedef struct stored_type {
  cql_type *type; /* its name and fields' names; args are set when it is resolved */
  const char **texts;
  progress state;
} stored_type;

typedef struct loader {
  cql_arena *a;
  const char *keyspace;
  stored_type *types;
  uint32_t count, cap;
  cql_status st; /* why a type could not be found: the resolver can only say that it was not */
} loader;

static cql_status read_fields(loader *l, cql_reader *r, stored_type *t, uint32_t count) {
  cql_slice *names = cql_arena_array(l->a, count, sizeof *names);
  t->texts = cql_arena_array(l->a, count, sizeof *t->texts);
  if (!names || !t->texts) return CQL_NOMEM;
  for (uint32_t i = 0; i < count; i++) {
    const char *name;
    CQLE_SCHEMA(cqle_catalog_read_string(r, l->a, &name));
    CQLE_SCHEMA(cqle_catalog_read_string(r, l->a, &t->texts[i]));
    names[i] = cql_slice_str(name);
    if (names[i].len == 0) return CQL_CORRUPT;
  }
  t->type->field_names = names;
  t->type->arg_count = count;
  return cql_reader_left(r) == 0 ? CQL_OK : CQL_CORRUPT;
}

static cql_status read_type(loader *l, cql_slice name, cql_slice value, stored_type *t) {
  cql_reader r = cql_reader_of(value);
  uint64_t count;
  uint8_t format;
  *t = (stored_type){.type = cql_arena_zero(l->a, sizeof *t->type)};
  if (!t->type) return CQL_NOMEM;
  t->type->code = CQL_TYPE_UDT;
  t->type->keyspace = cql_slice_str(l->keyspace);
  if (name.len == 0) return CQL_CORRUPT;
  if (cql_arena_slice(l->a, name, &t->type->name) != CQL_OK) return CQL_NOMEM;
  if (cql_read_u8(&r, &format) != CQL_OK || format != CQLE_CATALOG_FORMAT) return CQL_CORRUPT;
  if (cql_read_uvarint(&r, &count) != CQL_OK || count == 0 || count > CQL_TYPE_ARGS_MAX) return CQL_CORRUPT;
  return read_fields(l, &r, t, (uint32_t)count);
}

static cql_status add(loader *l, cql_slice name, cql_slice value) {
  if (l->count == CQLE_TYPES_MAX) return CQL_CORRUPT;
  if (l->count == l->cap) {
    uint32_t cap = l->cap ? l->cap * 2 : 8;
    stored_type *grown = cql_arena_array(l->a, cap, sizeof *grown);
    if (!grown) return CQL_NOMEM;
    if (l->count) memcpy(grown, l->types, l->count * sizeof *grown);
    l->types = grown;
    l->cap = cap;
  }
  return read_type(l, name, value, &l->types[l->count++]);
}

static cql_status read_all(loader *l, cqle_txn *txn, cql_error *err) {
  cql_buf from, to;
  cqle_cursor *cursor = NULL;
  cql_slice key, value;
  cql_status st;
  cql_alloc alloc = *l->a->alloc;
  cql_buf_init(&from, &alloc, CQLE_CATALOG_STRING_MAX);
  cql_buf_init(&to, &alloc, CQLE_CATALOG_STRING_MAX);
  put_key(&from, cql_slice_str(l->keyspace), (cql_slice){NULL, 0});
  cql_buf_slice(&to, cql_buf_view(&from));
  CQL_CHECK(from.st == CQL_OK && to.st == CQL_OK, CQL_NOMEM);
  to.data[to.len - 1] = 1; /* behind all that continue the keyspace's name with 00 */
  CQL_TRY(cqle_cursor_open(txn, cql_buf_view(&from), cql_buf_view(&to), false, &cursor, err));
  while ((st = cqle_cursor_next(cursor, &key, &value, err)) == CQL_OK)
    CQL_TRY(add(l, cql_slice_of(key.data + from.len, key.len - from.len), value));
  if (st == CQL_DONE) st = CQL_OK;
done:
  cqle_cursor_close(cursor);
  cql_buf_free(&from);
  cql_buf_free(&to);
  return st;
}

static cql_status resolve(loader *l, stored_type *t);

/* For cql_type_parse_cql(): the type that a field names, itself resolved. */
static const cql_type *find_stored(void *user, cql_slice keyspace, cql_slice name) {
  loader *l = user;
  (void)keyspace;
  for (uint32_t low = 0, high = l->count; low < high;) {
    uint32_t mid = low + (high - low) / 2;
    int order = cql_slice_cmp(name, l->types[mid].type->name);
    if (order == 0) {
      cql_status st = resolve(l, &l->types[mid]);
      if (st != CQL_OK) l->st = st;
      return st == CQL_OK ? l->types[mid].type : NULL;
    }
    if (order < 0)
      high = mid;
    else
      low = mid + 1;
  }
  return NULL;
}

/* Counts the types within one, and how deep they are nested; stops when either is too much. */
static bool fits(const cql_type *type, uint32_t depth, uint32_t *left) {
  if (depth > CQL_TYPE_DEPTH_MAX || *left == 0) return false;
  --*left;
  for (uint32_t i = 0; i < type->arg_count; i++)
    if (!fits(type->args[i], depth + 1, left)) return false;
  return true;
}

static cql_status resolve(loader *l, stored_type *t) {
  cql_type_resolver resolver = {find_stored, l, cql_slice_str(l->keyspace)};
  uint32_t left = CQLE_TYPE_PARTS_MAX;
  const cql_type **args;
  if (t->state == RESOLVED) return CQL_OK;
  if (t->state == RESOLVING) return CQL_CORRUPT;
  t->state = RESOLVING;
  args = cql_arena_array(l->a, t->type->arg_count, sizeof *args);
  if (!args) return CQL_NOMEM;
  for (uint32_t i = 0; i < t->type->arg_count; i++) {
    cql_status st = cql_type_parse_cql(l->a, cql_slice_str(t->texts[i]), &resolver, &args[i], NULL);
    if (st == CQL_INVALID && l->st != CQL_OK) st = l->st;
    if (st != CQL_OK) return st == CQL_NOMEM || st == CQL_LIMIT ? st : CQL_CORRUPT;
  }
  t->type->args = args;
  if (!fits(t->type, 1, &left)) return CQL_LIMIT;
  t->state = RESOLVED;
  return CQL_OK;
}

static cql_status load(loader *l, cqle_txn *txn, cqle_keyspace *ks, cql_error *err) {
  const cql_type **types;
  CQLE_SCHEMA(read_all(l, txn, err));
  types = cql_arena_array(l->a, l->count + 1, sizeof *types);
  if (!types) return CQL_NOMEM;
  for (uint32_t i = 0; i < l->count; i++) {
    CQLE_SCHEMA(resolve(l, &l->types[i]));
    types[i] = l->types[i].type;
  }
  ks->types = types;
  ks->type_count = l->count;
  return CQL_OK;
}

cql_status cqle_catalog_load_types(cqle_txn *txn, cql_arena *a, cqle_keyspace *ks, cql_error *err) {
  loader l = {.a = a, .keyspace = ks->name};
  cql_status st = load(&l, txn, ks, err);
  if (st == CQL_NOMEM) return cqle_out_of_memory(err);
  if (st == CQL_CORRUPT) return cqle_catalog_corrupt(err);
  if (st == CQL_LIMIT)
    return cql_fail(err, CQL_LIMIT, "A user type may be nested at most %d deep and hold at most %d types",
                    CQL_TYPE_DEPTH_MAX, CQLE_TYPE_PARTS_MAX);
  return st;
}
