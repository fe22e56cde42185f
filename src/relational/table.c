/* table.c: what a table is, as system_schema and a prepared SELECT tell it. */
#include "relational/relational_int.h"

#include <string.h>

/* --- asking ------------------------------------------------------------------------------------------------------- */

static cql_value text_value(const char *text) {
  return (cql_value){(const uint8_t *)text, (int32_t)strlen(text)};
}

static cql_status ask(cql_session *session, const char *text, const cqlr_table *t, cql_result **out, cql_error *err) {
  cql_prepared *p = NULL;
  cql_status st = cql_session_prepare(session, text, strlen(text), NULL, &p, err);
  if (st != CQL_OK) return st;
  const cql_value values[2] = {text_value(t->keyspace), text_value(t->name)};
  cql_request q = CQL_REQUEST_INIT;
  q.prepared = p;
  q.values = values;
  q.value_count = 2;
  st = cql_session_execute(session, &q, out, err);
  cql_prepared_release(p);
  return st;
}

/* After a loop over rows: was it their end? */
static cql_status end_of_rows(cql_status st, cql_error *err) {
  return st == CQL_DONE ? CQL_OK : cql_fail(err, st, "A row of system_schema is not in the protocol's form");
}

static cql_slice cell(const cql_value *v) {
  return (cql_slice){v->len < 0 ? NULL : v->data, v->len < 0 ? 0 : (size_t)v->len};
}

/* --- columns ------------------------------------------------------------------------------------------------------ */

static cqlr_column *find(const cqlr_table *t, cql_slice name) {
  for (uint32_t i = 0; i < t->column_count; i++)
    if (cql_slice_eq_str(name, t->columns[i].name)) return &t->columns[i];
  return NULL;
}

static cqlr_column_kind kind_of(cql_slice text) {
  if (cql_slice_eq_str(text, "partition_key")) return CQLR_PARTITION;
  if (cql_slice_eq_str(text, "clustering")) return CQLR_CLUSTERING;
  return cql_slice_eq_str(text, "static") ? CQLR_STATIC : CQLR_REGULAR;
}

static cql_status read_columns(cqlr_table *t, cql_error *err) {
  t->column_count = cql_prepared_column_count(t->all);
  if (t->column_count > CQL_RELATIONAL_COLUMNS_MAX)
    return cql_fail(err, CQL_LIMIT, "The table %s has more than %d columns", t->name, CQL_RELATIONAL_COLUMNS_MAX);
  t->columns = cql_arena_array(&t->arena, t->column_count, sizeof *t->columns);
  if (t->columns == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  for (uint32_t i = 0; i < t->column_count; i++) {
    const cql_column *c = cql_prepared_column(t->all, i);
    t->columns[i] = (cqlr_column){.name = cql_arena_str(&t->arena, cql_slice_str(c->name)), .type = c->type};
    if (t->columns[i].name == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  }
  return CQL_OK;
}

static cql_status read_kinds(cqlr_table *t, cql_session *session, cql_error *err) {
  cql_result *r;
  cql_value cells[4];
  cql_status st = ask(session,
                      "SELECT column_name, kind, position, clustering_order FROM system_schema.columns "
                      "WHERE keyspace_name = ? AND table_name = ?",
                      t, &r, err);
  if (st != CQL_OK) return st;
  while ((st = cql_result_next(r, cells)) == CQL_OK) {
    cqlr_column *c = find(t, cell(&cells[0]));
    if (c == NULL) continue; /* it has come meanwhile */
    c->kind = kind_of(cell(&cells[1]));
    c->position = cells[2].len == 4 ? cql_load_u32(cells[2].data) : 0;
    c->is_descending = cql_slice_eq_str(cell(&cells[3]), "desc");
    t->partition_count += c->kind == CQLR_PARTITION;
    t->clustering_count += c->kind == CQLR_CLUSTERING;
  }
  cql_result_free(r);
  st = end_of_rows(st, err);
  if (st != CQL_OK) return st;
  if (t->partition_count == 0) return cql_fail(err, CQL_INVALID, "There is no table %s.%s", t->keyspace, t->name);
  return CQL_OK;
}

/* The column that an index is about: its target names it, in quotes where the name needs them. An index on the keys or
 * values of a collection serves no comparison of SQL's. */
static void mark_indexed(cqlr_table *t, cql_slice target) {
  cqlr_column *c = NULL;
  if (target.len > 2 && target.data[0] == '"' && target.data[target.len - 1] == '"')
    c = find(t, cql_slice_of(target.data + 1, target.len - 2));
  else
    c = find(t, target);
  if (c != NULL) c->is_indexed = true;
}

static void read_target(cqlr_table *t, const cql_type *type, cql_slice options) {
  cql_elements e;
  cql_slice key, value;
  if (options.data == NULL || cql_elements_open(&e, type, options) != CQL_OK) return;
  while (cql_elements_next(&e, &key) == CQL_OK && cql_elements_next(&e, &value) == CQL_OK)
    if (cql_slice_eq_str(key, "target")) mark_indexed(t, value);
}

static cql_status read_indexes(cqlr_table *t, cql_session *session, cql_error *err) {
  cql_result *r;
  cql_value cells[1];
  cql_status st =
      ask(session, "SELECT options FROM system_schema.indexes WHERE keyspace_name = ? AND table_name = ?", t, &r, err);
  if (st != CQL_OK) return st;
  while ((st = cql_result_next(r, cells)) == CQL_OK) read_target(t, cql_result_column(r, 0)->type, cell(&cells[0]));
  cql_result_free(r);
  return end_of_rows(st, err);
}

static int rank(const cqlr_column *c) {
  return c->kind == CQLR_PARTITION ? 0 : c->kind == CQLR_CLUSTERING ? 1 : 2;
}

/* Key columns first, in their order; the others stay as they are. */
static void sort_columns(cqlr_table *t) {
  for (uint32_t i = 1; i < t->column_count; i++) {
    cqlr_column c = t->columns[i];
    uint32_t at = i;
    for (; at > 0; at--) {
      const cqlr_column *before = &t->columns[at - 1];
      bool stays =
          rank(before) < rank(&c) || (rank(before) == rank(&c) && (rank(&c) == 2 || before->position <= c.position));
      if (stays) break;
      t->columns[at] = *before;
    }
    t->columns[at] = c;
  }
}

/* Asked of a node, not of what the session remembers: who attaches a table anew wants it as it is now. */
static cql_status prepare_now(cql_session *session, const cql_buf *text, cql_prepared **out, cql_error *err) {
  cql_status st = cql_session_prepare(session, (const char *)text->data, text->len, NULL, out, err);
  if (st != CQL_OK || !cql_session_is_cluster(session)) return st;
  cql_prepared_doubt(*out);
  cql_prepared_release(*out);
  return cql_session_prepare(session, (const char *)text->data, text->len, NULL, out, err);
}

static cql_status prepare_all(cqlr_table *t, cql_session *session, cql_error *err) {
  cql_buf b;
  cql_buf_init(&b, &cql_alloc_libc, 1024);
  cql_buf_str(&b, "SELECT * FROM ");
  cqlr_put_name(&b, t->keyspace);
  cql_buf_str(&b, ".");
  cqlr_put_name(&b, t->name);
  cql_status st = b.st != CQL_OK ? cql_fail(err, b.st, "Out of memory") : prepare_now(session, &b, &t->all, err);
  cql_buf_free(&b);
  return st;
}

cql_status cqlr_table_read(cqlr_table *out, cql_session *session, const char *keyspace, const char *name,
                           const char *alias, cql_error *err) {
  memset(out, 0, sizeof *out);
  cql_arena_init(&out->arena, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  out->keyspace = cql_arena_str(&out->arena, cql_slice_str(keyspace));
  out->name = cql_arena_str(&out->arena, cql_slice_str(name));
  out->alias = cql_arena_str(&out->arena, cql_slice_str(alias));
  cql_status st = CQL_OK;
  if (out->keyspace == NULL || out->name == NULL || out->alias == NULL) st = cql_fail(err, CQL_NOMEM, "Out of memory");
  if (st == CQL_OK) st = prepare_all(out, session, err);
  if (st == CQL_OK) st = read_columns(out, err);
  if (st == CQL_OK) st = read_kinds(out, session, err);
  if (st == CQL_OK) st = read_indexes(out, session, err);
  if (st == CQL_OK)
    sort_columns(out);
  else
    cqlr_table_free(out);
  return st;
}

void cqlr_table_free(cqlr_table *t) {
  cql_prepared_release(t->all);
  cql_arena_free(&t->arena);
  t->all = NULL;
}

/* --- as SQL ------------------------------------------------------------------------------------------------------- */

static void put_quoted(cql_buf *b, const char *name, const char *suffix) {
  cql_buf_str(b, "\"");
  for (const char *p = name; *p != '\0'; p++) {
    if (*p == '"') cql_buf_str(b, "\"");
    cql_buf_u8(b, (uint8_t)*p);
  }
  cql_buf_str(b, suffix);
  cql_buf_str(b, "\"");
}

void cqlr_put_name(cql_buf *b, const char *name) {
  put_quoted(b, name, "");
}

/* Without row ids: the key tells rows apart, the same one in each scan of a statement. */
void cqlr_table_declare(const cqlr_table *t, cql_buf *b) {
  cql_buf_str(b, "CREATE TABLE x(");
  for (uint32_t i = 0; i < t->column_count; i++) {
    cqlr_put_name(b, t->columns[i].name);
    cql_buf_printf(b, " %s, ", cqlr_declared_type(t->columns[i].type));
  }
  for (uint32_t i = 0; i < t->column_count; i++) {
    put_quoted(b, t->columns[i].name, "$raw");
    cql_buf_str(b, " BLOB HIDDEN, ");
  }
  cql_buf_str(b, "PRIMARY KEY (");
  for (uint32_t i = 0; i < t->partition_count + t->clustering_count; i++) {
    if (i > 0) cql_buf_str(b, ", ");
    cqlr_put_name(b, t->columns[i].name);
  }
  cql_buf_str(b, ")) WITHOUT ROWID");
}
