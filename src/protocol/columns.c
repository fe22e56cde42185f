/* columns.c: the columns of rows, and the markers of a statement (v5 4.2.5.2 and 4.2.5.4), both ways. */
#include "protocol/protocol_int.h"

#include <string.h>

enum { COLUMN_LEN_MIN = 4 }; /* an empty name, and a type */

static cql_status read_text(cqlp_body *b, const char *field, const char **out) {
  cql_slice s;
  cql_status st = cqlp_read_string(b, field, &s);
  if (st == CQL_OK && (*out = cqlp_text(b, s)) == NULL) st = cqlp_fail_memory(b);
  return st;
}

/* The same text as before is not copied again: a table has many columns. */
static cql_status read_text_like(cqlp_body *b, const char *field, const char *before, const char **out) {
  cqlp_body again = *b;
  cql_slice s;
  cql_status st = cqlp_read_string(b, field, &s);
  if (st != CQL_OK) return st;
  if (before != NULL && cql_slice_eq_str(s, before)) {
    *out = before;
    return CQL_OK;
  }
  *b = again;
  return read_text(b, field, out);
}

static cql_status read_table(cqlp_body *b, const cql_column *before, cql_column *out) {
  cql_status st = read_text_like(b, "a keyspace", before == NULL ? NULL : before->keyspace, &out->keyspace);
  if (st != CQL_OK) return st;
  return read_text_like(b, "a table", before == NULL ? NULL : before->table, &out->table);
}

cql_status cqlp_read_columns(cqlp_body *b, bool global, uint32_t count, const cql_column **out) {
  cql_column common = {NULL, NULL, NULL, NULL};
  cql_status st;
  if (global) CQL_TRY(read_table(b, NULL, &common));
  CQL_TRY(cqlp_check_count(b, "the columns", count, COLUMN_LEN_MIN));
  cql_column *columns = cql_arena_array(b->a, count, sizeof *columns);
  if (columns == NULL) return cqlp_fail_memory(b);
  for (uint32_t i = 0; i < count; i++) {
    columns[i] = common;
    if (!global) CQL_TRY(read_table(b, i == 0 ? NULL : &columns[i - 1], &columns[i]));
    CQL_TRY(read_text(b, "the name of a column", &columns[i].name));
    CQL_TRY(cqlp_read_type(b, &columns[i].type));
  }
  *out = columns;
done:
  return st;
}

bool cqlp_columns_share_table(const cql_column *columns, uint32_t count) {
  for (uint32_t i = 1; i < count; i++)
    if (strcmp(columns[i].keyspace, columns[0].keyspace) != 0 || strcmp(columns[i].table, columns[0].table) != 0)
      return false;
  return count > 0;
}

void cqlp_put_columns(cql_buf *b, uint8_t version, const cql_column *columns, uint32_t count) {
  bool global = cqlp_columns_share_table(columns, count);
  for (uint32_t i = 0; i < count; i++) {
    if (!global || i == 0) {
      cqlp_put_text(b, columns[i].keyspace);
      cqlp_put_text(b, columns[i].table);
    }
    cqlp_put_text(b, columns[i].name);
    cqlp_put_type(b, version, columns[i].type);
  }
}
