#include "python/relational.h"

enum {
  FULL_LEN = 1 << 20, /* bytes after which a block takes no further row */
  KEPT_LEN = 4 << 20, /* of memory that is kept for the next block */
  KEPT_CELLS = KEPT_LEN / sizeof(cqlpy_cell)
};

void cqlpy_block_init(cqlpy_block *b) {
  *b = (cqlpy_block){.cells = NULL};
  cql_buf_init(&b->bytes, &cql_alloc_libc, PY_SSIZE_T_MAX);
}

void cqlpy_block_free(cqlpy_block *b) {
  cql_buf_free(&b->bytes);
  PyMem_RawFree(b->cells);
  b->cells = NULL;
  b->cell_room = 0;
}

void cqlpy_block_trim(cqlpy_block *b) {
  if (b->bytes.cap <= KEPT_LEN && b->cell_room <= KEPT_CELLS) return;
  cqlpy_block_free(b);
  cqlpy_block_init(b);
}

static bool make_room(cqlpy_block *b, uint32_t column_count, uint32_t row_count) {
  size_t wanted = (size_t)column_count * row_count;
  if (wanted <= b->cell_room) return true;
  cqlpy_cell *more = PyMem_RawRealloc(b->cells, wanted * sizeof *more);
  if (more == NULL) return false;
  b->cells = more;
  b->cell_room = wanted;
  return true;
}

/* Its bytes are put away: SQLite keeps them until the next step. */
static void copy_bytes(cqlpy_block *b, cqlpy_cell *cell, const void *data, int len) {
  if (data == NULL && len > 0) b->bytes.st = CQL_NOMEM;
  cell->offset = b->bytes.len;
  cell->len = (size_t)len;
  if (len > 0) cql_buf_put(&b->bytes, data, cell->len);
}

static void copy_cell(cqlpy_block *b, cqlpy_cell *cell, sqlite3_stmt *statement, int i) {
  cell->type = sqlite3_column_type(statement, i);
  switch (cell->type) {
  case SQLITE_INTEGER: cell->integer = sqlite3_column_int64(statement, i); break;
  case SQLITE_FLOAT: cell->real = sqlite3_column_double(statement, i); break;
  case SQLITE_TEXT: {
    const unsigned char *text = sqlite3_column_text(statement, i);
    if (text == NULL) b->bytes.st = CQL_NOMEM;
    copy_bytes(b, cell, text, sqlite3_column_bytes(statement, i));
    break;
  }
  case SQLITE_BLOB: {
    const void *data = sqlite3_column_blob(statement, i); /* NULL for an empty one */
    copy_bytes(b, cell, data, sqlite3_column_bytes(statement, i));
    break;
  }
  default: break;
  }
}

cql_status cqlpy_block_fill(cqlpy_block *b, cql_relational_query *q, uint32_t column_count, uint32_t row_count,
                            bool *is_over, cql_error *err) {
  sqlite3_stmt *statement = cql_relational_statement(q);
  *is_over = false;
  b->row_count = 0;
  b->column_count = column_count;
  cql_buf_reset(&b->bytes);
  if (!make_room(b, column_count, row_count)) return cql_fail(err, CQL_NOMEM, "Out of memory");
  while (b->row_count < row_count && b->bytes.len < FULL_LEN) {
    bool has_row;
    cql_status st = cql_relational_step(q, &has_row, err);
    if (st != CQL_OK) return st;
    *is_over = !has_row;
    if (!has_row) break;
    cqlpy_cell *cells = b->cells + (size_t)b->row_count * column_count;
    for (uint32_t i = 0; i < column_count; i++) copy_cell(b, &cells[i], statement, (int)i);
    if (b->bytes.st != CQL_OK) return cql_fail(err, b->bytes.st, "Out of memory");
    b->row_count++;
  }
  return CQL_OK;
}

cqlpy_cell cqlpy_block_cell(const cqlpy_block *b, uint32_t row, uint32_t column) {
  cqlpy_cell cell = b->cells[(size_t)row * b->column_count + column];
  if (cell.type != SQLITE_TEXT && cell.type != SQLITE_BLOB) return cell;
  cell.data = cell.len == 0 ? (const void *)"" : b->bytes.data + cell.offset;
  return cell;
}
