/* alter_table.c: ALTER TABLE. Cassandra: cql3/statements/schema/AlterTableStatement.java. A column keeps its id when
 * it is renamed, and when it is dropped and added again: then its cells that are newer than the drop come back. */
#include "engine/ddl/ddl_int.h"

#include <string.h>

/* A table under change: t is a copy, columns its columns with room for more. */
typedef struct change {
  cqle_exec *x;
  const cqle_table *old;
  cqle_table t;
  cqle_column *columns;
  uint32_t count;
} change;

static cqle_column *find(change *c, cql_slice name) {
  for (uint32_t i = 0; i < c->count; i++)
    if (cql_slice_eq(c->columns[i].name_slice, name)) return &c->columns[i];
  return NULL;
}

static cqle_dropped_column *find_dropped(change *c, cql_slice name) {
  cqle_dropped_column *dropped = (cqle_dropped_column *)c->t.dropped; /* the copy's own */
  for (uint32_t i = 0; i < c->t.dropped_count; i++)
    if (cql_slice_eq_str(name, dropped[i].name)) return &dropped[i];
  return NULL;
}

static cql_status begin(change *c, cqle_exec *x, const cqle_table *old, uint32_t room) {
  c->x = x;
  c->old = old;
  CQLE_SCHEMA(cqle_table_copy(x->arena, old, &c->t, x->err));
  c->count = old->column_count;
  c->columns = cql_arena_array(x->arena, (size_t)c->count + room + 1, sizeof *c->columns);
  if (!c->columns) return cqle_out_of_memory(x->err);
  memcpy(c->columns, old->columns, c->count * sizeof *c->columns);
  return CQL_OK;
}

/* Indexes point at columns, which have moved. */
static cql_status move_indexes(change *c) {
  const cqle_index **indexes = (const cqle_index **)c->t.indexes; /* the copy's own */
  for (uint32_t i = 0; i < c->t.index_count; i++) {
    cqle_index *index = cql_arena_copy(c->x->arena, indexes[i], sizeof *index);
    if (!index) return cqle_out_of_memory(c->x->err);
    index->column = cqle_table_column_by_id(&c->t, index->column->id);
    indexes[i] = index;
  }
  return CQL_OK;
}

/* Writes the table unless nothing has changed: then the answer is void, as Cassandra's. */
static cql_status save(change *c) {
  cqle_exec *x = c->x;
  cql_buf before, after;
  cql_status st;
  bool same;
  CQLE_SCHEMA(cqle_table_arrange(x->arena, &c->t, c->columns, c->count, x->err));
  CQLE_SCHEMA(move_indexes(c));
  cql_buf_init(&before, x->engine->alloc, SIZE_MAX / 2);
  cql_buf_init(&after, x->engine->alloc, SIZE_MAX / 2);
  cqle_catalog_encode_table(&before, c->old);
  cqle_catalog_encode_table(&after, &c->t);
  st = before.st != CQL_OK ? before.st : after.st;
  same = cql_slice_eq(cql_buf_view(&before), cql_buf_view(&after));
  cql_buf_free(&before);
  cql_buf_free(&after);
  if (st != CQL_OK) return cql_fail(x->err, st, "Out of memory");
  if (same) return CQL_OK;
  CQLE_SCHEMA(cqle_catalog_put_table(x->txn, x->engine->alloc, &c->t, x->err));
  return cqle_ddl_changed(x, "UPDATED", "TABLE", c->t.keyspace->name, c->t.name);
}

/* --- ADD ---------------------------------------------------------------------------------------------------------- */

static bool may_be_added_again(const cql_type *type, const cql_type *dropped) {
  return cql_type_eq(type, dropped) ||
         (cql_type_is_value_compatible(type, dropped) && cql_type_fixed_len(type) == cql_type_fixed_len(dropped) &&
          cql_type_is_multicell(type) == cql_type_is_multicell(dropped));
}

static cql_status check_dropped(change *c, const cqle_column *added) {
  const cqle_dropped_column *d = find_dropped(c, added->name_slice);
  char type[512], old_type[512];
  if (!d) return CQL_OK;
  if (!may_be_added_again(added->type, d->type)) {
    cql_type_to_cql(added->type, type, sizeof type);
    cql_type_to_cql(d->type, old_type, sizeof old_type);
    return cql_fail(c->x->err, CQL_INVALID,
                    "Cannot add a column '%s' of type %s, incompatible with previously dropped column '%s' of type %s",
                    added->name, type, added->name, old_type);
  }
  if (d->kind == added->kind) {
    if (!c->t.is_counter) return CQL_OK;
    return cql_fail(c->x->err, CQL_INVALID, "Cannot re-add previously dropped counter column %s", added->name);
  }
  return cql_fail(c->x->err, CQL_INVALID,
                  "Cannot re-add previously dropped column '%s' of kind %s, incompatible with previous kind %s",
                  added->name, added->kind == CQLE_STATIC ? "STATIC" : "REGULAR",
                  d->kind == CQLE_STATIC ? "STATIC" : "REGULAR");
}

static cql_status add_column(change *c, const cqle_column_def *def, bool if_not_exists) {
  cql_error *err = c->x->err;
  cqle_column *column = &c->columns[c->count];
  const cqle_dropped_column *dropped;
  const cql_type *type;
  CQLE_SCHEMA(cqle_column_type(c->x->arena, c->t.keyspace, &def->type, &type, err));
  if (def->masked) return cql_fail(err, CQL_INVALID, CQLE_NO_MASKS);
  if (find(c, def->name)) {
    if (if_not_exists) return CQL_OK;
    return cql_fail(err, CQL_INVALID, "Column with name '" CQL_SLICE_FMT "' already exists", CQL_SLICE_ARG(def->name));
  }
  if (c->count == CQLE_COLUMNS_MAX)
    return cql_fail(err, CQL_LIMIT, "A table may have at most %d columns", CQLE_COLUMNS_MAX);
  if (c->t.next_column_id == UINT32_MAX)
    return cql_fail(err, CQL_LIMIT, "Table %s has no ids left for columns", c->t.name);
  CQLE_SCHEMA(cqle_column_init(c->x->arena, column, def->name, type, def->is_static ? CQLE_STATIC : CQLE_REGULAR, err));
  if (def->is_static && c->t.clustering_count == 0) return cql_fail(err, CQL_INVALID, CQLE_STATIC_USELESS);
  CQLE_SCHEMA(check_dropped(c, column));
  if ((type->code == CQL_TYPE_COUNTER) != c->t.is_counter)
    return cql_fail(err, CQL_CONFIG, "%s.%s: Cannot have a %scounter column (\"%s\") in a %scounter table",
                    c->t.keyspace->name, c->t.name, c->t.is_counter ? "non " : "", column->name,
                    c->t.is_counter ? "" : "non ");
  dropped = find_dropped(c, column->name_slice);
  bool again = dropped != NULL && dropped->id != CQLE_COLUMN_ID_NONE;
  column->id = again ? dropped->id : c->t.next_column_id++;
  c->count++;
  return CQL_OK;
}

/* --- DROP --------------------------------------------------------------------------------------------------------- */

/* "(a, b)": the indexes of a column, for error texts. */
static const char *index_names(change *c, const cqle_column *column) {
  const char *names = NULL;
  for (uint32_t i = 0; i < c->old->index_count; i++) {
    const cqle_index *index = c->old->indexes[i];
    if (index->column->id != column->id) continue;
    names = names ? cql_arena_printf(c->x->arena, "%s, %s", names, index->name) : index->name;
    if (!names) return "";
  }
  return names;
}

/* What is remembered of it does not hold on to user types: they may be dropped later. */
static cql_status drop_column(change *c, const cqle_column_def *def, bool if_exists, int64_t when_us) {
  cqle_column *column = find(c, def->name);
  cqle_dropped_column *dropped;
  const cql_type *type;
  const char *indexes;
  if (!column) {
    if (if_exists) return CQL_OK;
    return cql_fail(c->x->err, CQL_INVALID, "Column " CQL_SLICE_FMT " was not found in table '%s.%s'",
                    CQL_SLICE_ARG(def->name), c->t.keyspace->name, c->t.name);
  }
  if (column->kind == CQLE_PARTITION_KEY || column->kind == CQLE_CLUSTERING)
    return cql_fail(c->x->err, CQL_INVALID, "Cannot drop PRIMARY KEY column %s", column->name);
  indexes = index_names(c, column);
  if (indexes)
    return cql_fail(c->x->err, CQL_INVALID, "Cannot drop column %s because it has dependent secondary indexes (%s)",
                    column->name, indexes);
  if (column->type->code == CQL_TYPE_UDT && cql_type_is_multicell(column->type))
    return cql_fail(c->x->err, CQL_INVALID, "Cannot drop non-frozen column %s of user type " CQL_SLICE_FMT,
                    column->name, CQL_SLICE_ARG(column->type->name));
  type = cqle_type_without_names(c->x->arena, column->type);
  if (!type) return cqle_out_of_memory(c->x->err);
  dropped = find_dropped(c, column->name_slice);
  if (!dropped) {
    if (c->t.dropped_count == CQLE_DROPPED_COLUMNS_MAX)
      return cql_fail(c->x->err, CQL_LIMIT, "More than %d columns of table %s were dropped", CQLE_DROPPED_COLUMNS_MAX,
                      c->t.name);
    dropped = (cqle_dropped_column *)&c->t.dropped[c->t.dropped_count++];
    *dropped = (cqle_dropped_column){.id = column->id, .dropped_us = when_us};
  }
  /* What is gone stays gone, though the next drop names an earlier time. */
  if (dropped->dropped_us > when_us) when_us = dropped->dropped_us;
  *dropped = (cqle_dropped_column){column->name, type, column->kind, column->id, when_us};
  *column = c->columns[--c->count];
  return CQL_OK;
}

static cql_status drop_time(cqle_exec *x, const cqle_alter_table *a, int64_t *out) {
  *out = x->timestamp == CQL_TIMESTAMP_NONE ? x->now_us : x->timestamp;
  if (!a->drop_timestamp) return CQL_OK;
  cql_slice bytes;
  CQLE_SCHEMA(cql_literal_encode(x->arena, CQL_LITERAL_INTEGER, a->drop_timestamp->text,
                                 cql_type_native(CQL_TYPE_BIGINT), &bytes, x->err));
  *out = (int64_t)cql_load_u64(bytes.data);
  return CQL_OK;
}

static cql_status drop_columns(change *c, const cqle_alter_table *a) {
  int64_t when;
  /* The copy has room for one more; as many may be dropped as there are columns named. */
  cqle_dropped_column *room = cql_arena_array(c->x->arena, (size_t)c->t.dropped_count + a->column_count, sizeof *room);
  if (!room) return cqle_out_of_memory(c->x->err);
  if (c->t.dropped_count) memcpy(room, c->t.dropped, c->t.dropped_count * sizeof *room);
  c->t.dropped = room;
  CQLE_SCHEMA(drop_time(c->x, a, &when));
  for (uint32_t i = 0; i < a->column_count; i++) CQLE_SCHEMA(drop_column(c, &a->columns[i], a->if_column, when));
  return CQL_OK;
}

/* --- RENAME ------------------------------------------------------------------------------------------------------- */

static cql_status rename_column(change *c, cql_slice from, cql_slice to) {
  cqle_column *column = find(c, from);
  cql_error *err = c->x->err;
  const char *indexes;
  if (!column)
    return cql_fail(err, CQL_INVALID, "Undefined column name " CQL_SLICE_FMT " in table %s.%s", CQL_SLICE_ARG(from),
                    c->t.keyspace->name, c->t.name);
  if (column->kind != CQLE_PARTITION_KEY && column->kind != CQLE_CLUSTERING)
    return cql_fail(err, CQL_INVALID, "Cannot rename non PRIMARY KEY column %s", column->name);
  if (find(c, to))
    return cql_fail(err, CQL_INVALID,
                    "Cannot rename column %s to " CQL_SLICE_FMT
                    " in table '%s.%s'; another column with that name already exists",
                    column->name, CQL_SLICE_ARG(to), c->t.keyspace->name, c->t.name);
  indexes = index_names(c, column);
  if (indexes)
    return cql_fail(err, CQL_INVALID, "Can't rename column %s because it has dependent secondary indexes (%s)",
                    column->name, indexes);
  column->name = cql_arena_str(c->x->arena, to);
  if (!column->name) return cqle_out_of_memory(err);
  column->name_slice = cql_slice_of(column->name, to.len);
  return CQL_OK;
}

/* --- the statement ------------------------------------------------------------------------------------------------ */

static cql_status find_table(cqle_exec *x, const char *default_keyspace, const cqle_alter_table *a,
                             const cqle_table **out) {
  const cqle_keyspace *ks;
  cql_slice name;
  *out = NULL;
  CQLE_SCHEMA(cqle_ddl_keyspace_name(x, default_keyspace, a->name.keyspace, &name));
  ks = cqle_schema_keyspace(x->schema, name);
  if (ks) *out = cqle_keyspace_table(ks, a->name.name);
  if (*out || a->if_exists) return CQL_OK;
  return cql_fail(x->err, CQL_INVALID, "Table '" CQL_SLICE_FMT "." CQL_SLICE_FMT "' doesn't exist", CQL_SLICE_ARG(name),
                  CQL_SLICE_ARG(a->name.name));
}

static cql_status alter_other(change *c, const cqle_alter_table *a) {
  cqle_exec *x = c->x;
  if (strcmp(a->other, "DROP MASKED") == 0) { /* no column has a mask */
    if (a->if_column || find(c, a->columns[0].name)) return CQL_OK;
    return cql_fail(x->err, CQL_INVALID, "Column with name '" CQL_SLICE_FMT "' doesn't exist on table '%s'",
                    CQL_SLICE_ARG(a->columns[0].name), c->t.name);
  }
  if (strcmp(a->other, "MASKED") == 0) return cql_fail(x->err, CQL_INVALID, CQLE_NO_MASKS);
  return cql_fail(x->err, CQL_INVALID, "%s is disabled. Enable in cassandra.yaml to use.", a->other);
}

cql_status cqle_alter_table_execute(cqle_exec *x, const char *default_keyspace, const cqle_alter_table *a) {
  const cqle_table *old;
  change c = {0};
  CQLE_SCHEMA(find_table(x, default_keyspace, a, &old));
  if (!old) return CQL_OK;
  CQLE_SCHEMA(begin(&c, x, old, a->column_count));
  switch (a->kind) {
  case CQLE_ALTER_ADD:
    for (uint32_t i = 0; i < a->column_count; i++) CQLE_SCHEMA(add_column(&c, &a->columns[i], a->if_column));
    break;
  case CQLE_ALTER_DROP: CQLE_SCHEMA(drop_columns(&c, a)); break;
  case CQLE_ALTER_RENAME:
    for (uint32_t i = 0; i < a->column_count; i++) CQLE_SCHEMA(rename_column(&c, a->columns[i].name, a->renamed[i]));
    break;
  case CQLE_ALTER_WITH:
    CQLE_SCHEMA(cqle_options_apply(x->arena, &c.t, a->properties, a->property_count, false, x->err));
    break;
  case CQLE_ALTER_TYPE: return cql_fail(x->err, CQL_INVALID, "Altering column types is no longer supported");
  case CQLE_ALTER_OTHER: return alter_other(&c, a);
  }
  return save(&c);
}
