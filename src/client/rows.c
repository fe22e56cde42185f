/* rows.c: rows of the system tables, whose columns differ from version to version: cells are found by name. */
#include "client/map_int.h"

#include <string.h>

cql_status cqli_rows_open(cqli_rows *r, cql_arena *a, cql_result *rows, cql_error *err) {
  r->result = rows;
  r->cells = cql_arena_array(a, rows->column_count, sizeof *r->cells);
  if (r->cells == NULL) return cql_fail(err, CQL_NOMEM, "out of memory");
  /* Each cell costs its length at least: a count that cannot be true is refused before anybody reserves room for it. */
  uint64_t cells = rows->column_count == 0 ? 1 : rows->column_count;
  if (rows->row_count > rows->body.len / 4 / cells)
    return cql_fail(err, CQL_MALFORMED, "%llu rows do not fit into %zu bytes", (unsigned long long)rows->row_count,
                    rows->body.len);
  cql_result_rewind(rows);
  return CQL_OK;
}

cql_status cqli_rows_next(cqli_rows *r, cql_error *err) {
  cql_status st = cql_result_next(r->result, r->cells);
  return st == CQL_MALFORMED ? cql_fail(err, st, "a row of a system table is cut short") : st;
}

/* The index of a column, or column_count. */
static uint32_t find(const cqli_rows *r, const char *name) {
  uint32_t i = 0;
  while (i < r->result->column_count && strcmp(r->result->columns[i].name, name) != 0) i++;
  return i;
}

cql_slice cqli_rows_cell(const cqli_rows *r, const char *name) {
  uint32_t i = find(r, name);
  if (i == r->result->column_count || r->cells[i].len < 0) return cql_slice_of(NULL, 0);
  return cql_slice_of(r->cells[i].data, (size_t)r->cells[i].len);
}

cql_status cqli_rows_elements(const cqli_rows *r, const char *name, cql_elements *out, cql_error *err) {
  cql_slice bytes = cqli_rows_cell(r, name);
  if (bytes.data == NULL) return CQL_DONE;
  const cql_type *type = r->result->columns[find(r, name)].type;
  if (type == NULL || !cql_type_is_collection(type) || cql_elements_open(out, type, bytes) != CQL_OK)
    return cql_fail(err, CQL_MALFORMED, "%s is no collection", name);
  return CQL_OK;
}
