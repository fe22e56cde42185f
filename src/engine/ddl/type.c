/* type.c: CREATE TYPE, ALTER TYPE, DROP TYPE. Cassandra: cql3/statements/schema/CreateTypeStatement,
 * AlterTypeStatement, DropTypeStatement. Tables refer to types by name, so a change of a type writes the type alone. */
#include "engine/ddl/create_text.h"
#include "engine/ddl/ddl_int.h"

#include <string.h>

/* --- fields ------------------------------------------------------------------------------------------------------- */

static const cql_type *find_any(void *user, cql_slice keyspace, cql_slice name) {
  static const cql_type any = {.code = CQL_TYPE_UDT};
  (void)user;
  (void)keyspace;
  (void)name;
  return &any;
}

/* What Cassandra says of a field before it looks at the types that there are: so also of a type that is missing. */
static cql_status check_field(cqle_exec *x, const cqle_raw_type *raw) {
  const cql_type_resolver resolver = {find_any, NULL, {NULL, 0}};
  const cql_type *type;
  if (cql_type_parse_cql(x->arena, raw->text, &resolver, &type, NULL) != CQL_OK) return CQL_OK; /* said later, better */
  if (type->code == CQL_TYPE_COUNTER) return cql_fail(x->err, CQL_INVALID, "A user type cannot contain counters");
  if (type->code == CQL_TYPE_UDT && !type->frozen)
    return cql_fail(x->err, CQL_INVALID, "A user type cannot contain non-frozen UDTs");
  return CQL_OK;
}

static cql_status field_type(cqle_exec *x, const cqle_keyspace *ks, const cqle_raw_type *raw, const cql_type **out) {
  cql_type_resolver resolver = cqle_type_resolver_of(ks);
  CQLE_SCHEMA(cql_type_parse_cql(x->arena, raw->text, &resolver, out, x->err));
  if ((*out)->code != CQL_TYPE_CUSTOM) return CQL_OK;
  return cql_fail(x->err, CQL_INVALID, "Custom types are not supported by the embedded engine: " CQL_SLICE_FMT,
                  CQL_SLICE_ARG((*out)->name));
}

static cql_status check_field_count(cqle_exec *x, size_t count) {
  if (count <= CQL_TYPE_ARGS_MAX) return CQL_OK;
  return cql_fail(x->err, CQL_LIMIT, "A user type may have at most %d fields", CQL_TYPE_ARGS_MAX);
}

/* Moves what was printed into the arena. */
static cql_status take_text(cqle_exec *x, cql_buf *b, const char **out) {
  *out = b->st == CQL_OK ? cql_arena_str(x->arena, cql_buf_view(b)) : NULL;
  cql_buf_free(b);
  return *out ? CQL_OK : cqle_out_of_memory(x->err);
}

/* keyspace.name, in quotes where CQL needs them */
static cql_status full_name(cqle_exec *x, const cql_type *type, const char **out) {
  cql_buf b;
  cql_buf_init(&b, x->engine->alloc, CQLE_CATALOG_STRING_MAX);
  cqle_text_name_slice(&b, type->keyspace);
  cql_buf_u8(&b, '.');
  cqle_text_name_slice(&b, type->name);
  return take_text(x, &b, out);
}

static cql_status type_text(cqle_exec *x, const cql_type *type, const char **out) {
  cql_buf b;
  cql_buf_init(&b, x->engine->alloc, CQLE_CATALOG_STRING_MAX);
  cql_type_print_full(&b, type);
  return take_text(x, &b, out);
}

/* Writes the type, and sees that it and all that hold it can be read again. */
static cql_status save(cqle_exec *x, const cqle_keyspace *ks, const cql_type *type, const char *change) {
  cqle_keyspace after = *ks;
  const char *name = cql_arena_str(x->arena, type->name);
  if (!name) return cqle_out_of_memory(x->err);
  CQLE_SCHEMA(cqle_catalog_put_type(x->txn, x->engine->alloc, type, x->err));
  CQLE_SCHEMA(cqle_catalog_load_types(x->txn, x->arena, &after, x->err));
  return cqle_ddl_changed(x, change, "TYPE", ks->name, name);
}

/* --- CREATE TYPE -------------------------------------------------------------------------------------------------- */

static cql_status check_names(cqle_exec *x, const cqle_create_type *def) {
  for (uint32_t i = 0; i < def->count; i++)
    for (uint32_t j = 0; j < i; j++)
      if (cql_slice_eq(def->fields[i].name, def->fields[j].name))
        return cql_fail(x->err, CQL_INVALID, "Duplicate field name '" CQL_SLICE_FMT "' in type '" CQL_SLICE_FMT "'",
                        CQL_SLICE_ARG(def->fields[i].name), CQL_SLICE_ARG(def->name.name));
  return CQL_OK;
}

static cql_status define(cqle_exec *x, const cqle_keyspace *ks, const cqle_create_type *def, cql_type *out) {
  const cql_type **args = cql_arena_array(x->arena, def->count, sizeof *args);
  cql_slice *names = cql_arena_array(x->arena, def->count, sizeof *names);
  if (!args || !names) return cqle_out_of_memory(x->err);
  for (uint32_t i = 0; i < def->count; i++) CQLE_SCHEMA(check_field(x, &def->fields[i].type));
  for (uint32_t i = 0; i < def->count; i++) {
    CQLE_SCHEMA(field_type(x, ks, &def->fields[i].type, &args[i]));
    names[i] = def->fields[i].name;
  }
  *out = (cql_type){.code = CQL_TYPE_UDT,
                    .arg_count = def->count,
                    .args = args,
                    .keyspace = cql_slice_str(ks->name),
                    .name = def->name.name,
                    .field_names = names};
  return CQL_OK;
}

cql_status cqle_create_type_execute(cqle_exec *x, const char *default_keyspace, const cqle_create_type *def) {
  const cqle_keyspace *ks;
  cql_slice name;
  cql_type type;
  CQLE_SCHEMA(cqle_ddl_keyspace_name(x, default_keyspace, def->name.keyspace, &name));
  CQLE_SCHEMA(check_field_count(x, def->count));
  ks = cqle_schema_keyspace(x->schema, name);
  if (!ks) return cql_fail(x->err, CQL_INVALID, "Keyspace '" CQL_SLICE_FMT "' doesn't exist", CQL_SLICE_ARG(name));
  if (cqle_keyspace_type(ks, def->name.name)) {
    if (def->if_not_exists) return CQL_OK;
    return cql_fail(x->err, CQL_INVALID, "A user type with name '" CQL_SLICE_FMT "' already exists",
                    CQL_SLICE_ARG(def->name.name));
  }
  if (ks->type_count == CQLE_TYPES_MAX)
    return cql_fail(x->err, CQL_LIMIT, "A keyspace may have at most %d user types", CQLE_TYPES_MAX);
  CQLE_SCHEMA(check_names(x, def));
  CQLE_SCHEMA(define(x, ks, def, &type));
  return save(x, ks, &type, "CREATED");
}

/* --- ALTER TYPE --------------------------------------------------------------------------------------------------- */

static bool find_field(const cql_type *type, cql_slice name, uint32_t *out) {
  for (uint32_t i = 0; i < type->arg_count; i++)
    if (cql_slice_eq(type->field_names[i], name)) {
      *out = i;
      return true;
    }
  return false;
}

/* Adds ", name" to a list of names; NULL: the first. */
static cql_status add_name(cqle_exec *x, const char **names, const char *prefix, cql_slice name) {
  *names = cql_arena_printf(x->arena, "%s%s%s" CQL_SLICE_FMT, *names ? *names : "", *names ? ", " : "", prefix,
                            CQL_SLICE_ARG(name));
  return *names ? CQL_OK : cqle_out_of_memory(x->err);
}

/* The tables that have the type in their partition key: "ks.a, ks.b"; NULL: none. */
static cql_status partitioned_by(cqle_exec *x, const cqle_keyspace *ks, const cql_type *type, const char **names) {
  const char *prefix = cql_arena_printf(x->arena, "%s.", ks->name);
  if (!prefix) return cqle_out_of_memory(x->err);
  for (uint32_t t = 0; t < ks->table_count; t++) {
    const cqle_table *table = ks->tables[t];
    bool refers = false;
    for (uint32_t i = 0; i < table->partition_count; i++)
      refers |= cqle_type_refers(table->partition[i]->type, type->name);
    if (refers) CQLE_SCHEMA(add_name(x, names, prefix, cql_slice_str(table->name)));
  }
  return CQL_OK;
}

/* A type that does not hold the one that it is added to, which no partition key holds. */
static cql_status check_added(cqle_exec *x, const cqle_keyspace *ks, const cql_type *type, cql_slice field,
                              const cql_type *added) {
  const char *name, *text, *tables = NULL;
  bool circular = cqle_type_refers(added, type->name);
  CQLE_SCHEMA(partitioned_by(x, ks, type, &tables));
  if (!circular && !tables) return CQL_OK;
  CQLE_SCHEMA(full_name(x, type, &name));
  CQLE_SCHEMA(type_text(x, added, &text));
  if (circular)
    return cql_fail(x->err, CQL_INVALID,
                    "Cannot add new field " CQL_SLICE_FMT " of type %s to user type %s as it would create a circular "
                    "reference",
                    CQL_SLICE_ARG(field), text, name);
  return cql_fail(x->err, CQL_INVALID,
                  "Cannot add new field " CQL_SLICE_FMT " of type %s to user type %s as the type is being used in "
                  "partition key by the following tables: %s",
                  CQL_SLICE_ARG(field), text, name, tables);
}

static cql_status refuse_same_field(cqle_exec *x, const cql_type *type, cql_slice field) {
  const char *name;
  CQLE_SCHEMA(full_name(x, type, &name));
  return cql_fail(x->err, CQL_INVALID,
                  "Cannot add field " CQL_SLICE_FMT " to type %s: a field with name " CQL_SLICE_FMT " already exists",
                  CQL_SLICE_ARG(field), name, CQL_SLICE_ARG(field));
}

/* CQL_DONE: the field is there, as IF NOT EXISTS allows. */
static cql_status add_field(cqle_exec *x, const cqle_keyspace *ks, const cqle_alter_type *a, cql_type *type) {
  const cqle_field_def *f = &a->fields[0];
  const cql_type *added, **args;
  cql_slice *names;
  uint32_t found, count = type->arg_count;
  CQLE_SCHEMA(check_field(x, &f->type));
  if (find_field(type, f->name, &found)) return a->if_field ? CQL_DONE : refuse_same_field(x, type, f->name);
  CQLE_SCHEMA(field_type(x, ks, &f->type, &added));
  CQLE_SCHEMA(check_added(x, ks, type, f->name, added));
  CQLE_SCHEMA(check_field_count(x, (size_t)count + 1));
  args = cql_arena_array(x->arena, (size_t)count + 1, sizeof *args);
  names = cql_arena_array(x->arena, (size_t)count + 1, sizeof *names);
  if (!args || !names) return cqle_out_of_memory(x->err);
  memcpy(args, type->args, count * sizeof *args);
  memcpy(names, type->field_names, count * sizeof *names);
  args[count] = added;
  names[count] = f->name;
  type->args = args;
  type->field_names = names;
  type->arg_count = count + 1;
  return CQL_OK;
}

/* All renames are about the names as they were; of two for one field the last counts. */
static cql_status rename_fields(cqle_exec *x, const cqle_keyspace *ks, const cqle_alter_type *a, cql_type *type) {
  cql_slice *names = cql_arena_copy(x->arena, type->field_names, type->arg_count * sizeof *names);
  const char *name;
  uint32_t field;
  if (!names) return cqle_out_of_memory(x->err);
  for (uint32_t i = 0; i < a->count; i++) {
    if (find_field(type, a->fields[i].name, &field)) {
      names[field] = a->renamed[i];
      continue;
    }
    if (a->if_field) continue;
    CQLE_SCHEMA(full_name(x, type, &name));
    return cql_fail(x->err, CQL_INVALID, "Unkown field " CQL_SLICE_FMT " in user type %s",
                    CQL_SLICE_ARG(a->fields[i].name), name);
  }
  for (uint32_t i = 0; i < type->arg_count; i++)
    for (uint32_t j = 0; j < i; j++)
      if (cql_slice_eq(names[i], names[j]))
        return cql_fail(x->err, CQL_INVALID, "Duplicate field name " CQL_SLICE_FMT " in type %s",
                        CQL_SLICE_ARG(names[i]), ks->name);
  type->field_names = names;
  return CQL_OK;
}

static bool same_names(const cql_type *x, const cql_type *y) {
  if (x->arg_count != y->arg_count) return false;
  for (uint32_t i = 0; i < x->arg_count; i++)
    if (!cql_slice_eq(x->field_names[i], y->field_names[i])) return false;
  return true;
}

cql_status cqle_alter_type_execute(cqle_exec *x, const char *default_keyspace, const cqle_alter_type *a) {
  const cqle_keyspace *ks;
  const cql_type *old;
  cql_slice name;
  cql_type type;
  cql_status st;
  CQLE_SCHEMA(cqle_ddl_keyspace_name(x, default_keyspace, a->name.keyspace, &name));
  ks = cqle_schema_keyspace(x->schema, name);
  old = ks ? cqle_keyspace_type(ks, a->name.name) : NULL;
  if (!old) {
    if (a->if_exists) return CQL_OK;
    return cql_fail(x->err, CQL_INVALID, "Type " CQL_SLICE_FMT "." CQL_SLICE_FMT " doesn't exist", CQL_SLICE_ARG(name),
                    CQL_SLICE_ARG(a->name.name));
  }
  if (a->kind == CQLE_FIELD_ALTER) return cql_fail(x->err, CQL_INVALID, "Altering field types is no longer supported");
  type = *old;
  st = a->kind == CQLE_FIELD_ADD ? add_field(x, ks, a, &type) : rename_fields(x, ks, a, &type);
  if (st == CQL_DONE || (st == CQL_OK && same_names(old, &type)))
    return CQL_OK; /* nothing changes: no answer but void */
  return st == CQL_OK ? save(x, ks, &type, "UPDATED") : st;
}

/* --- DROP TYPE ---------------------------------------------------------------------------------------------------- */

static cql_status refuse_drop(cqle_exec *x, const cqle_keyspace *ks, cql_slice name, const char *what,
                              const char *users) {
  return cql_fail(x->err, CQL_INVALID, "Cannot drop user type '%s." CQL_SLICE_FMT "' as it is still used by %s %s",
                  ks->name, CQL_SLICE_ARG(name), what, users);
}

static bool table_refers(const cqle_table *t, cql_slice name) {
  for (uint32_t i = 0; i < t->column_count; i++)
    if (cqle_type_refers(t->columns[i].type, name)) return true;
  return false;
}

static cql_status check_unused(cqle_exec *x, const cqle_keyspace *ks, const cql_type *type) {
  const char *types = NULL, *tables = NULL;
  for (uint32_t i = 0; i < ks->type_count; i++)
    if (ks->types[i] != type && cqle_type_refers(ks->types[i], type->name))
      CQLE_SCHEMA(add_name(x, &types, "", ks->types[i]->name));
  if (types) return refuse_drop(x, ks, type->name, "user types", types);
  for (uint32_t i = 0; i < ks->table_count; i++)
    if (table_refers(ks->tables[i], type->name))
      CQLE_SCHEMA(add_name(x, &tables, "", cql_slice_str(ks->tables[i]->name)));
  return tables ? refuse_drop(x, ks, type->name, "tables", tables) : CQL_OK;
}

cql_status cqle_drop_type_execute(cqle_exec *x, const char *default_keyspace, const cqle_drop *d) {
  const cqle_keyspace *ks;
  const cql_type *type;
  const char *type_name;
  cql_slice name;
  CQLE_SCHEMA(cqle_ddl_keyspace_name(x, default_keyspace, d->name.keyspace, &name));
  ks = cqle_schema_keyspace(x->schema, name);
  type = ks ? cqle_keyspace_type(ks, d->name.name) : NULL;
  if (!type) {
    if (d->if_exists) return CQL_OK;
    return cql_fail(x->err, CQL_INVALID, "Type '" CQL_SLICE_FMT "." CQL_SLICE_FMT "' doesn't exist",
                    CQL_SLICE_ARG(name), CQL_SLICE_ARG(d->name.name));
  }
  CQLE_SCHEMA(check_unused(x, ks, type));
  type_name = cql_arena_str(x->arena, type->name);
  if (!type_name) return cqle_out_of_memory(x->err);
  CQLE_SCHEMA(cqle_catalog_del_type(x->txn, x->engine->alloc, ks->name, type->name, x->err));
  return cqle_ddl_changed(x, "DROPPED", "TYPE", ks->name, type_name);
}
