/* vtab.c: a CQL table as SQLite sees it: what a scan costs with which conditions, and its rows. */
#include "relational/relational_int.h"

#include <stdlib.h>
#include <string.h>

typedef struct vtab {
  sqlite3_vtab base; /* first */
  cql_relational *owner;
  cqlr_table table;
} vtab;

typedef struct cursor {
  sqlite3_vtab_cursor base; /* first */
  cqlr_scan scan;
  cqlr_reader reader;
  cql_arena arena; /* of one xFilter(): values, until the scan has copied what it sends */
  cql_buf scratch;
  int16_t *positions;
} cursor;

/* --- errors ------------------------------------------------------------------------------------------------------- */

static int code_of(cql_status st) {
  switch (st) {
  case CQL_NOMEM: return SQLITE_NOMEM;
  case CQL_INTERRUPTED: return SQLITE_INTERRUPT;
  default: return SQLITE_ERROR;
  }
}

static int tell(cql_relational *owner, char **message, cql_status st, const cql_error *err) {
  owner->error = *err;
  owner->error.status = st;
  owner->has_error = true;
  sqlite3_free(*message);
  *message = sqlite3_mprintf("%s", err->message);
  return code_of(st);
}

static int tell_of(vtab *v, cql_status st, const cql_error *err) {
  return tell(v->owner, &v->base.zErrMsg, st, err);
}

/* --- tables ------------------------------------------------------------------------------------------------------- */

static int declare(sqlite3 *db, const cqlr_table *t) {
  cql_buf b;
  cql_buf_init(&b, &cql_alloc_libc, 1 << 20);
  cqlr_table_declare(t, &b);
  cql_buf_u8(&b, 0);
  int rc = b.st == CQL_OK ? sqlite3_declare_vtab(db, (const char *)b.data) : SQLITE_NOMEM;
  cql_buf_free(&b);
  return rc;
}

int cqlr_vtab_connect(sqlite3 *db, cql_relational *owner, const char *alias, const char *name, sqlite3_vtab **out,
                      char **message) {
  cql_error err = {0};
  vtab *v = sqlite3_malloc(sizeof *v);
  if (v == NULL) return SQLITE_NOMEM;
  memset(v, 0, sizeof *v);
  v->owner = owner;
  cql_status st = cqlr_table_read(&v->table, owner->session, owner->keyspace, name, alias, &err);
  int rc = st == CQL_OK ? declare(db, &v->table) : tell(owner, message, st, &err);
  if (rc == SQLITE_OK) {
    v->table.next = owner->tables;
    owner->tables = &v->table;
    *out = &v->base;
    return rc;
  }
  if (st == CQL_OK) cqlr_table_free(&v->table);
  sqlite3_free(v);
  return rc;
}

/* argv[2]: the table's name, which is the one that it has in CQL. */
static int on_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **message) {
  cql_relational *owner = aux;
  (void)argc;
  return cqlr_vtab_connect(db, owner, argv[2], owner->attached, out, message);
}

static int on_create(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **message) {
  return on_connect(db, aux, argc, argv, out, message);
}

static int on_disconnect(sqlite3_vtab *base) {
  vtab *v = (vtab *)base;
  cqlr_table **at = &v->owner->tables;
  while (*at != &v->table) at = &(*at)->next;
  *at = v->table.next;
  cqlr_table_free(&v->table);
  sqlite3_free(v);
  return SQLITE_OK;
}

/* --- planning ----------------------------------------------------------------------------------------------------- */

static bool op_of(unsigned char op, cqlr_op *out) {
  switch (op) {
  case SQLITE_INDEX_CONSTRAINT_EQ: *out = CQLR_EQ; return true;
  case SQLITE_INDEX_CONSTRAINT_GT: *out = CQLR_GT; return true;
  case SQLITE_INDEX_CONSTRAINT_GE: *out = CQLR_GE; return true;
  case SQLITE_INDEX_CONSTRAINT_LT: *out = CQLR_LT; return true;
  case SQLITE_INDEX_CONSTRAINT_LE: *out = CQLR_LE; return true;
  default: return false;
  }
}

static uint32_t read_terms(const cqlr_table *t, sqlite3_index_info *info, cqlr_term *out) {
  uint32_t count = 0;
  for (int i = 0; i < info->nConstraint && count < CQL_RELATIONAL_TERMS_MAX; i++) {
    const struct sqlite3_index_constraint *c = &info->aConstraint[i];
    cqlr_op op;
    if (!c->usable || c->iColumn < 0 || (uint32_t)c->iColumn >= t->column_count || !op_of(c->op, &op)) continue;
    if (!cqlr_can_compare(t->columns[c->iColumn].type, op)) continue;
    if (sqlite3_stricmp(sqlite3_vtab_collation(info, i), "BINARY") != 0) continue;
    bool is_in = op == CQLR_EQ && sqlite3_vtab_in(info, i, -1);
    out[count++] = (cqlr_term){(uint16_t)c->iColumn, op, is_in, i};
  }
  return count;
}

/* Do the rows come in the order that is wanted? *is_reversed: when they are asked for backwards. */
static bool is_in_order(const cqlr_table *t, const cqlr_access *a, const sqlite3_index_info *info, bool *is_reversed) {
  uint32_t at = t->partition_count + a->fixed_count, end = t->partition_count + t->clustering_count;
  bool has_begun = false;
  *is_reversed = false;
  if (!a->is_one_partition) return false;
  for (int i = 0; i < info->nOrderBy; i++) {
    if (info->aOrderBy[i].iColumn < 0) return false;
    uint32_t column = (uint32_t)info->aOrderBy[i].iColumn;
    if (column < t->partition_count + a->fixed_count) continue; /* one value */
    if (column != at || at == end || !cqlr_can_compare(t->columns[at].type, CQLR_GT)) return false;
    bool backwards = (info->aOrderBy[i].desc != 0) != t->columns[at].is_descending;
    if (has_begun && backwards != *is_reversed) return false;
    *is_reversed = backwards;
    has_begun = true;
    at++;
  }
  return true;
}

/* What xFilter() has to know: the columns that are used, the order, the terms as they stand in argv. */
static char *plan_text(const cqlr_access *a, uint64_t used, bool is_reversed) {
  sqlite3_str *s = sqlite3_str_new(NULL);
  sqlite3_str_appendf(s, "%llx %d", (unsigned long long)used, is_reversed);
  for (uint32_t i = 0; i < a->count; i++)
    sqlite3_str_appendf(s, " %d %d %d", a->terms[i].column, (int)a->terms[i].op, (int)a->terms[i].is_in);
  return sqlite3_str_finish(s);
}

static int on_best_index(sqlite3_vtab *base, sqlite3_index_info *info) {
  const cqlr_table *t = &((vtab *)base)->table;
  cqlr_term terms[CQL_RELATIONAL_TERMS_MAX];
  cqlr_access a;
  bool is_reversed;
  double rows;
  uint32_t count = read_terms(t, info, terms);
  cqlr_access_choose(t, terms, count, &a);
  info->orderByConsumed = info->nOrderBy > 0 && is_in_order(t, &a, info, &is_reversed);
  if (!info->orderByConsumed) is_reversed = false;
  for (uint32_t i = 0; i < a.count; i++) {
    info->aConstraintUsage[a.terms[i].source].argvIndex = (int)i + 1;
    if (a.terms[i].is_in) sqlite3_vtab_in(info, a.terms[i].source, 1);
  }
  info->idxNum = (int)a.way;
  info->idxStr = plan_text(&a, info->colUsed, is_reversed);
  info->needToFreeIdxStr = 1;
  info->estimatedCost = cqlr_access_cost(&a, terms, count, &rows);
  info->estimatedRows = (sqlite3_int64)rows;
  if (a.is_one_row && !a.has_in) info->idxFlags |= SQLITE_INDEX_SCAN_UNIQUE;
  return info->idxStr == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

/* --- scans -------------------------------------------------------------------------------------------------------- */

static int on_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out) {
  vtab *v = (vtab *)base;
  cursor *c = sqlite3_malloc(sizeof *c);
  if (c == NULL) return SQLITE_NOMEM;
  memset(c, 0, sizeof *c);
  c->positions = sqlite3_malloc64(v->table.column_count * sizeof *c->positions);
  if (c->positions == NULL) {
    sqlite3_free(c);
    return SQLITE_NOMEM;
  }
  cqlr_scan_init(&c->scan, v->owner, &v->table);
  cqlr_reader_open(&c->reader, &c->scan, c->positions);
  cql_arena_init(&c->arena, v->owner->alloc, CQL_ARENA_LIMIT_DEFAULT);
  cql_buf_init(&c->scratch, v->owner->alloc, CQL_VALUE_LEN_MAX);
  *out = &c->base;
  return SQLITE_OK;
}

static int on_close(sqlite3_vtab_cursor *base) {
  cursor *c = (cursor *)base;
  cqlr_scan_free(&c->scan); /* before the query goes */
  cqlr_reader_close(&c->reader);
  cql_arena_free(&c->arena);
  cql_buf_free(&c->scratch);
  sqlite3_free(c->positions);
  sqlite3_free(c);
  return SQLITE_OK;
}

static bool has_bit(uint64_t used, uint32_t column) {
  return used >> (column < 63 ? column : 63) & 1;
}

bool cqlr_is_used(const cqlr_table *t, uint64_t used, uint32_t column) {
  return has_bit(used, column) || has_bit(used, column + t->column_count);
}

/* The cells that the statement is asked for: what is used, and the primary key, by which SQLite tells rows apart that
 * meet several terms of an OR, without saying that it uses it. */
static uint32_t place_cells(cursor *c, const cqlr_table *t, uint64_t used) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < t->column_count; i++) {
    bool wanted = cqlr_is_used(t, used, i) || i < t->partition_count + t->clustering_count;
    c->positions[i] = wanted ? (int16_t)count++ : -1;
  }
  return count;
}

/* The conditions of one xFilter(), those that CQL can be told of. */
typedef struct filter {
  cqlr_term terms[CQL_RELATIONAL_TERMS_MAX];
  cql_slice values[CQL_RELATIONAL_TERMS_MAX];
  uint32_t count;
  cql_slice *in_values;
  uint32_t in_count, in_room;
  bool is_nothing; /* no row can meet them */
} filter;

static int by_bytes(const void *a, const void *b) {
  return cql_slice_cmp(*(const cql_slice *)a, *(const cql_slice *)b);
}

/* Values that are one in CQL, as 1 and 1.0 are, would give their rows twice. */
static void drop_repeated(filter *f) {
  uint32_t kept = 0;
  if (f->in_count > 1) qsort(f->in_values, f->in_count, sizeof *f->in_values, by_bytes);
  for (uint32_t i = 0; i < f->in_count; i++)
    if (kept == 0 || !cql_slice_eq(f->in_values[kept - 1], f->in_values[i])) f->in_values[kept++] = f->in_values[i];
  f->in_count = kept;
}

static cql_status add_in_value(cursor *c, filter *f, cql_slice value) {
  if (f->in_count == f->in_room) {
    uint32_t room = f->in_room == 0 ? 64 : f->in_room * 2;
    cql_slice *more = cql_arena_array(&c->arena, room, sizeof *more);
    if (more == NULL) return CQL_NOMEM;
    if (f->in_count > 0) memcpy(more, f->in_values, f->in_count * sizeof *more);
    f->in_values = more;
    f->in_room = room;
  }
  f->in_values[f->in_count++] = value;
  return CQL_OK;
}

static cql_status read_in(cursor *c, const cqlr_column *column, sqlite3_value *list, filter *f) {
  sqlite3_value *value = NULL;
  int rc = sqlite3_vtab_in_first(list, &value);
  for (; rc == SQLITE_OK && value != NULL; rc = sqlite3_vtab_in_next(list, &value)) {
    cql_slice out;
    cql_status st;
    cqlr_match match = cqlr_to_cql(column, CQLR_EQ, value, &c->arena, &out, &st);
    if (st == CQL_OK && match == CQLR_VALUE) st = add_in_value(c, f, out);
    if (st != CQL_OK) return st;
    if (f->in_count > CQL_RELATIONAL_IN_MAX) return CQL_LIMIT;
  }
  if (rc != SQLITE_DONE && rc != SQLITE_OK) return CQL_NOMEM;
  drop_repeated(f);
  f->is_nothing |= f->in_count == 0;
  return CQL_OK;
}

static cql_status read_term(cursor *c, const cqlr_table *t, cqlr_term term, sqlite3_value *value, filter *f) {
  const cqlr_column *column = &t->columns[term.column];
  cql_status st = CQL_OK;
  cqlr_match match = CQLR_VALUE;
  term.source = (int)f->count;
  if (term.is_in)
    st = read_in(c, column, value, f);
  else
    match = cqlr_to_cql(column, term.op, value, &c->arena, &f->values[f->count], &st);
  if (st != CQL_OK) return st;
  f->is_nothing |= match == CQLR_NOTHING;
  if (match == CQLR_VALUE) f->terms[f->count++] = term;
  return CQL_OK;
}

static cql_status read_filter(cursor *c, const cqlr_table *t, const char *text, int argc, sqlite3_value **argv,
                              filter *f) {
  char *at = strchr(strchr(text, ' ') + 1, ' '); /* behind what is said of the scan as a whole */
  for (int i = 0; i < argc; i++) {
    cqlr_term term = {0};
    term.column = (uint16_t)strtol(at, &at, 10);
    term.op = (cqlr_op)strtol(at, &at, 10);
    term.is_in = strtol(at, &at, 10) != 0;
    cql_status st = read_term(c, t, term, argv[i], f);
    if (st != CQL_OK || f->is_nothing) return st;
  }
  return CQL_OK;
}

/* Each term of the plan has one value: such a filter may be foretold. */
static bool is_plain(const cqlr_access *a, int argc) {
  return a->count == (uint32_t)argc && !a->has_in;
}

/* text and argc are the plan's. */
static cql_status begin(cursor *c, const cqlr_table *t, const filter *f, const char *text, int argc, cql_error *err) {
  cqlr_access a;
  char *rest;
  cql_slice values[CQL_RELATIONAL_TERMS_MAX];
  uint64_t used = strtoull(text, &rest, 16);
  c->reader.used = used;
  cqlr_access_choose(t, f->terms, f->count, &a);
  for (uint32_t i = 0; i < a.count; i++) values[i] = f->values[a.terms[i].source];
  const cqlr_wish wish = {.access = &a,
                          .values = values,
                          .in_values = f->in_values,
                          .in_count = f->in_count,
                          .positions = c->positions,
                          .cell_count = place_cells(c, t, used),
                          .is_reversed = strtol(rest, NULL, 10) != 0};
  if (is_plain(&a, argc)) return cqlr_wave_begin(&c->reader, text, &wish, err);
  return cqlr_scan_begin(&c->scan, c->reader.query, &wish, err);
}

static int on_filter(sqlite3_vtab_cursor *base, int number, const char *text, int argc, sqlite3_value **argv) {
  cursor *c = (cursor *)base;
  vtab *v = (vtab *)base->pVtab;
  cql_error err;
  filter f; /* large: as the error, it is not cleared for each of a join's filters */
  (void)number;
  cql_error_init(&err);
  f.count = f.in_count = f.in_room = 0;
  f.in_values = NULL;
  f.is_nothing = false;
  cqlr_scan_end(&c->scan);
  cql_arena_reset(&c->arena);
  cql_status st = read_filter(c, &v->table, text, argc, argv, &f);
  if (st == CQL_LIMIT) cql_fail(&err, st, "IN has more than %d values", CQL_RELATIONAL_IN_MAX);
  if (st == CQL_NOMEM) cql_fail(&err, st, "Out of memory");
  if (st == CQL_OK && !f.is_nothing) st = begin(c, &v->table, &f, text, argc, &err);
  if (st == CQL_OK) st = cqlr_reader_moved(&c->reader, &v->table, !c->scan.is_over, &err);
  return st == CQL_OK ? SQLITE_OK : tell_of(v, st, &err);
}

static int on_next(sqlite3_vtab_cursor *base) {
  cursor *c = (cursor *)base;
  vtab *v = (vtab *)base->pVtab;
  cql_error err;
  cql_error_init(&err);
  cql_status st = cqlr_scan_next(&c->scan, &err);
  if (st == CQL_OK) st = cqlr_reader_moved(&c->reader, &v->table, !c->scan.is_over, &err);
  return st == CQL_OK ? SQLITE_OK : tell_of(v, st, &err);
}

static int on_eof(sqlite3_vtab_cursor *base) {
  return ((cursor *)base)->scan.is_over;
}

static int on_column(sqlite3_vtab_cursor *base, sqlite3_context *out, int i) {
  cursor *c = (cursor *)base;
  const cqlr_table *t = &((vtab *)base->pVtab)->table;
  uint32_t column = (uint32_t)i % t->column_count;
  int16_t position = c->positions[column];
  if (position < 0) {
    sqlite3_result_null(out);
    return SQLITE_OK;
  }
  cql_value cell = c->scan.cells[position];
  if ((uint32_t)i < t->column_count)
    cqlr_to_sqlite(out, t->columns[column].type, cell, &c->scratch);
  else if (cell.len < 0)
    sqlite3_result_null(out);
  else
    sqlite3_result_blob64(out, cell.data, (sqlite3_uint64)cell.len, SQLITE_TRANSIENT);
  return SQLITE_OK;
}

const sqlite3_module cqlr_vtab_module = {
    .iVersion = 1,
    .xCreate = on_create,
    .xConnect = on_connect,
    .xBestIndex = on_best_index,
    .xDisconnect = on_disconnect,
    .xDestroy = on_disconnect,
    .xOpen = on_open,
    .xClose = on_close,
    .xFilter = on_filter,
    .xNext = on_next,
    .xEof = on_eof,
    .xColumn = on_column,
};
