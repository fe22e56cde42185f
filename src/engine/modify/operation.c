/* operation.c: an operation turned into cells. Cassandra: the execute() methods of cql3/Constants, Lists, Sets, Maps,
 * UserTypes (traps 4, 6, 7). */
#include "engine/modify/modify_int.h"

#include <inttypes.h>
#include <string.h>

/* --- cells -------------------------------------------------------------------------------------------------------- */

static cqle_deletion deletion_at(const cqle_writer *wr, int64_t timestamp) {
  return (cqle_deletion){timestamp, wr->x->now_s};
}

static cql_status add_cell(cqle_writer *wr, const cqle_column *c, cql_slice path, cql_slice value,
                           cqle_row_builder *rb) {
  cqle_cell cell = {wr->timestamp, wr->ttl, false, wr->expires, path, value};
  return cqle_row_builder_cell(rb, c, &cell);
}

static cql_status add_tombstone(cqle_writer *wr, const cqle_column *c, cql_slice path, cqle_row_builder *rb) {
  cqle_cell cell = {wr->timestamp, 0, true, wr->x->now_s, path, {NULL, 0}};
  return cqle_row_builder_cell(rb, c, &cell);
}

/* A cell's value must not look like null: an empty one gets an address. */
static cql_slice present(cql_slice s) {
  return s.data != NULL ? s : cql_slice_of("", 0);
}

static cql_status malformed(cqle_writer *wr, const cqle_column *c) {
  return cql_fail(wr->x->err, CQL_INVALID, "Malformed value for %s", c->name);
}

/* --- list elements ------------------------------------------------------------------------------------------------ */

/* The path of a list element is a version 1 UUID, by which the list is ordered. Its time is a moment of the file's own
 * clock, which never comes twice; elements of one execution are told apart by a counter in the node part, seven bits to
 * a byte because Cassandra compares those bytes as signed ones. Prepended elements count time backwards from 2010
 * (Lists.Prepender). */
enum { LIST_COUNTER_BYTES = 7, LIST_COUNTER_BITS = 7 };
static const int64_t LIST_REFERENCE_US = 1262304000000000;   /* 2010-01-01 */
static const uint64_t GREGORIAN_TICKS = 0x01B21DD213814000u; /* 100 ns from 1582-10-15 to 1970-01-01 */

static cql_status list_clock(cqle_writer *wr, int64_t *out) {
  cqle_write *w = wr->w;
  if (w->list_clock == CQL_TIMESTAMP_NONE) {
    cql_status st = cqle_txn_timestamp(w->x->txn, w->x->now_us, &w->list_clock, w->x->err);
    if (st != CQL_OK) return st;
  }
  *out = w->list_clock;
  return CQL_OK;
}

static cql_status list_path(cqle_writer *wr, int64_t us, uint64_t counter, cql_slice *out) {
  uint8_t *uuid = cql_arena_get(wr->x->arena, 16);
  if (uuid == NULL) return cql_fail(wr->x->err, CQL_NOMEM, "Out of memory");
  uint64_t low = 0x80; /* the variant of RFC 4122 */
  for (int i = LIST_COUNTER_BYTES - 1; i >= 0; i--)
    low = low << 8 | ((counter >> (i * LIST_COUNTER_BITS)) & ((1u << LIST_COUNTER_BITS) - 1));
  cql_timeuuid_make(uuid, (uint64_t)us * 10 + GREGORIAN_TICKS, low);
  *out = cql_slice_of(uuid, 16);
  return CQL_OK;
}

static cql_status append_path(cqle_writer *wr, cql_slice *out) {
  int64_t us;
  cql_status st = list_clock(wr, &us);
  return st == CQL_OK ? list_path(wr, us, wr->w->appended++, out) : st;
}

/* --- whole collections -------------------------------------------------------------------------------------------- */

/* The path of a field is its number, so that fields can be renamed. */
static cql_status field_path(cqle_writer *wr, uint32_t field, cql_slice *out) {
  uint8_t *path = cql_arena_get(wr->x->arena, 2);
  if (path == NULL) return cql_fail(wr->x->err, CQL_NOMEM, "Out of memory");
  cql_store_u16(path, (uint16_t)field);
  *out = cql_slice_of(path, 2);
  return CQL_OK;
}

/* Adds every field of a serialized user type that is not null. */
static cql_status add_fields(cqle_writer *wr, const cqle_column *c, cql_slice bytes, cqle_row_builder *rb) {
  cql_elements walk;
  cql_slice value, path;
  cql_status st;
  if (cql_elements_open(&walk, c->type, bytes) != CQL_OK) return malformed(wr, c);
  for (uint32_t i = 0; (st = cql_elements_next(&walk, &value)) == CQL_OK; i++) {
    if (value.data == NULL) continue;
    st = field_path(wr, i, &path);
    if (st == CQL_OK) st = add_cell(wr, c, path, value, rb);
    if (st != CQL_OK) return st;
  }
  return st == CQL_DONE ? CQL_OK : malformed(wr, c);
}

/* Adds every element of a serialized collection (trap 7: a list is appended to). */
static cql_status add_elements(cqle_writer *wr, const cqle_column *c, cql_slice bytes, cqle_row_builder *rb) {
  cql_elements walk;
  cql_slice item, value, path;
  if (cql_elements_open(&walk, c->type, bytes) != CQL_OK) return malformed(wr, c);
  cql_status st;
  while ((st = cql_elements_next(&walk, &item)) == CQL_OK) {
    path = present(item);
    value = cql_slice_of("", 0);
    if (c->type->code == CQL_TYPE_MAP) {
      if (cql_elements_next(&walk, &value) != CQL_OK) return malformed(wr, c);
    } else if (c->type->code == CQL_TYPE_LIST) {
      value = item;
      st = append_path(wr, &path);
    }
    if (st == CQL_OK) st = add_cell(wr, c, path, present(value), rb);
    if (st != CQL_OK) return st;
  }
  return st == CQL_DONE ? CQL_OK : malformed(wr, c);
}

static cql_status set_value(cqle_writer *wr, const cqle_operation *op, cqle_row_builder *rb) {
  const cqle_column *c = op->column;
  cqle_value v;
  cql_status st = cqle_expr_eval(wr->x, op->value, &v);
  if (st != CQL_OK || v.unset) return st;
  if (!cql_type_is_multicell(c->type)) {
    cql_slice no_path = {NULL, 0};
    return v.bytes.data == NULL ? add_tombstone(wr, c, no_path, rb) : add_cell(wr, c, no_path, v.bytes, rb);
  }
  st = cqle_row_builder_delete(rb, c, deletion_at(wr, wr->timestamp - 1));
  if (st != CQL_OK || v.bytes.data == NULL) return st;
  return c->type->code == CQL_TYPE_UDT ? add_fields(wr, c, v.bytes, rb) : add_elements(wr, c, v.bytes, rb);
}

static cql_status delete_column(cqle_writer *wr, const cqle_operation *op, cqle_row_builder *rb) {
  if (cql_type_is_multicell(op->column->type))
    return cqle_row_builder_delete(rb, op->column, deletion_at(wr, wr->timestamp));
  return add_tombstone(wr, op->column, (cql_slice){NULL, 0}, rb);
}

static cql_status add_to(cqle_writer *wr, const cqle_operation *op, cqle_row_builder *rb) {
  cqle_value v;
  cql_status st = cqle_expr_eval(wr->x, op->value, &v);
  if (st != CQL_OK || v.unset || v.bytes.data == NULL) return st;
  return add_elements(wr, op->column, v.bytes, rb);
}

static cql_status prepend(cqle_writer *wr, const cqle_operation *op, cqle_row_builder *rb) {
  cqle_value v;
  cql_elements walk;
  cql_slice item, path;
  int64_t us;
  cql_status st = cqle_expr_eval(wr->x, op->value, &v);
  if (st != CQL_OK || v.unset || v.bytes.data == NULL) return st;
  if (cql_elements_open(&walk, op->column->type, v.bytes) != CQL_OK) return malformed(wr, op->column);
  st = list_clock(wr, &us);
  if (st != CQL_OK) return st;
  /* The elements of one list keep their order; a later list of the same execution comes in front of them. */
  uint64_t top = (uint64_t)1 << (LIST_COUNTER_BYTES * LIST_COUNTER_BITS);
  wr->w->prepended += walk.left;
  uint64_t counter = top - wr->w->prepended;
  while ((st = cql_elements_next(&walk, &item)) == CQL_OK) {
    st = list_path(wr, 2 * LIST_REFERENCE_US - us, counter++, &path);
    if (st == CQL_OK) st = add_cell(wr, op->column, path, present(item), rb);
    if (st != CQL_OK) return st;
  }
  return st == CQL_DONE ? CQL_OK : malformed(wr, op->column);
}

/* --- elements ----------------------------------------------------------------------------------------------------- */

static const cqle_cell *live_cell(const cqle_writer *wr, const cqle_column_data *d, uint32_t index) {
  for (uint32_t i = 0; d != NULL && i < d->count; i++)
    if (cqle_cell_is_live(&d->cells[i], wr->x->now_s) && index-- == 0) return &d->cells[i];
  return NULL;
}

static uint32_t live_count(const cqle_writer *wr, const cqle_column_data *d) {
  uint32_t count = 0;
  for (uint32_t i = 0; d != NULL && i < d->count; i++) count += cqle_cell_is_live(&d->cells[i], wr->x->now_s);
  return count;
}

/* The path of l[index] in the row as it is. *path NULL: the index is unset, and deleting it does nothing. The same
 * holds for set elements, but not for map keys. */
static cql_status list_element(cqle_writer *wr, const cqle_operation *op, const cqle_row *row, cql_slice *path) {
  bool deletes = op->kind == CQLE_OPERATION_DELETE_ELEMENT, is_null, is_unset;
  const cqle_column_data *d = row != NULL ? cqle_row_column(row, op->column->id) : NULL;
  cql_error *err = wr->x->err;
  int32_t index;
  *path = (cql_slice){NULL, 0};
  cql_status st = cqle_expr_eval_int(wr->x, op->key, &index, &is_null, &is_unset);
  if (st != CQL_OK || (is_unset && deletes)) return st;
  if (is_null) return cql_fail(err, CQL_INVALID, "Invalid null value for list index");
  if (is_unset) return cql_fail(err, CQL_INVALID, "Invalid unset value for list index");
  uint32_t size = live_count(wr, d);
  if (size == 0)
    return cql_fail(err, CQL_INVALID, "Attempted to %s a list which is null",
                    deletes ? "delete an element from" : "set an element on");
  if (index < 0 || (uint32_t)index >= size)
    return cql_fail(err, CQL_INVALID, "List index %d out of bound, list has size %u", (int)index, size);
  *path = live_cell(wr, d, (uint32_t)index)->path;
  return CQL_OK;
}

static cql_status key_path(cqle_writer *wr, const cqle_operation *op, cql_slice *path) {
  const char *what = op->column->type->code == CQL_TYPE_MAP ? "map key" : "set element";
  cqle_value v;
  cql_status st = cqle_expr_eval(wr->x, op->key, &v);
  if (st != CQL_OK) return st;
  *path = v.bytes;
  if (v.unset && op->column->type->code == CQL_TYPE_SET) return CQL_OK;
  if (v.unset) return cql_fail(wr->x->err, CQL_INVALID, "Invalid unset %s", what);
  if (v.bytes.data == NULL) return cql_fail(wr->x->err, CQL_INVALID, "Invalid null %s", what);
  return CQL_OK;
}

static cql_status element_path(cqle_writer *wr, const cqle_operation *op, const cqle_row *row, cql_slice *path) {
  return op->column->type->code == CQL_TYPE_LIST ? list_element(wr, op, row, path) : key_path(wr, op, path);
}

static cql_status set_element(cqle_writer *wr, const cqle_operation *op, const cqle_row *row, cqle_row_builder *rb) {
  cql_slice path;
  cqle_value v;
  cql_status st = element_path(wr, op, row, &path);
  if (st != CQL_OK) return st;
  st = cqle_expr_eval(wr->x, op->value, &v);
  if (st != CQL_OK || v.unset) return st;
  return v.bytes.data == NULL ? add_tombstone(wr, op->column, path, rb) : add_cell(wr, op->column, path, v.bytes, rb);
}

static cql_status delete_element(cqle_writer *wr, const cqle_operation *op, const cqle_row *row, cqle_row_builder *rb) {
  cql_slice path;
  cql_status st = element_path(wr, op, row, &path);
  if (st != CQL_OK || path.data == NULL) return st;
  return add_tombstone(wr, op->column, path, rb);
}

/* --- fields ------------------------------------------------------------------------------------------------------- */

static cql_status set_field(cqle_writer *wr, const cqle_operation *op, cqle_row_builder *rb) {
  cql_slice path;
  cqle_value v;
  cql_status st = cqle_expr_eval(wr->x, op->value, &v);
  if (st != CQL_OK || v.unset) return st;
  st = field_path(wr, op->field, &path);
  if (st != CQL_OK) return st;
  return v.bytes.data == NULL ? add_tombstone(wr, op->column, path, rb) : add_cell(wr, op->column, path, v.bytes, rb);
}

static cql_status delete_field(cqle_writer *wr, const cqle_operation *op, cqle_row_builder *rb) {
  cql_slice path;
  cql_status st = field_path(wr, op->field, &path);
  return st == CQL_OK ? add_tombstone(wr, op->column, path, rb) : st;
}

/* --- c = c - value ------------------------------------------------------------------------------------------------ */

/* Tombstones for the live elements of the list that are equal to item. */
static cql_status discard_from_list(cqle_writer *wr, const cqle_operation *op, const cqle_column_data *d,
                                    cql_slice item, cqle_row_builder *rb) {
  for (uint32_t i = 0; i < d->count; i++) {
    if (!cqle_cell_is_live(&d->cells[i], wr->x->now_s) || !cql_slice_eq(d->cells[i].value, item)) continue;
    cql_status st = add_tombstone(wr, op->column, d->cells[i].path, rb);
    if (st != CQL_OK) return st;
  }
  return CQL_OK;
}

static cql_status subtract(cqle_writer *wr, const cqle_operation *op, const cqle_row *row, cqle_row_builder *rb) {
  bool is_list = op->column->type->code == CQL_TYPE_LIST;
  const cqle_column_data *d = row != NULL ? cqle_row_column(row, op->column->id) : NULL;
  cqle_value v;
  cql_elements walk;
  cql_slice item;
  cql_status st = cqle_expr_eval(wr->x, op->value, &v);
  if (st != CQL_OK || v.unset || v.bytes.data == NULL || (is_list && d == NULL)) return st;
  cql_type keys = {.code = is_list ? CQL_TYPE_LIST : CQL_TYPE_SET, .arg_count = 1, .args = op->column->type->args};
  if (cql_elements_open(&walk, &keys, v.bytes) != CQL_OK) return malformed(wr, op->column);
  while ((st = cql_elements_next(&walk, &item)) == CQL_OK) {
    st = is_list ? discard_from_list(wr, op, d, item, rb) : add_tombstone(wr, op->column, present(item), rb);
    if (st != CQL_OK) return st;
  }
  return st == CQL_DONE ? CQL_OK : malformed(wr, op->column);
}

/* --- c = c + value of a number or a text ---------------------------------------------------------------------------
 */

static cql_status join_texts(cqle_exec *x, cql_slice left, cql_slice right, cql_slice *out) {
  uint8_t *bytes = cql_arena_get(x->arena, left.len + right.len);
  if (bytes == NULL) return cql_fail(x->err, CQL_NOMEM, "Out of memory");
  if (left.len > 0) memcpy(bytes, left.data, left.len);
  if (right.len > 0) memcpy(bytes + left.len, right.data, right.len);
  *out = cql_slice_of(bytes, left.len + right.len);
  return CQL_OK;
}

/* Nothing plus something stays nothing, as in Cassandra. */
static cql_status increase(cqle_writer *wr, const cqle_operation *op, const cqle_row *row, cqle_row_builder *rb) {
  cqle_exec *x = wr->x;
  cqle_value v;
  cql_slice now = {NULL, 0}, sum;
  cql_status st = cqle_expr_eval(x, op->value, &v);
  if (st != CQL_OK || v.unset) return st;
  if (v.bytes.data == NULL)
    return cql_fail(x->err, CQL_INVALID,
                    op->sum != NULL ? "Invalid null value for number increment"
                                    : "Invalid null value for string append");
  if (row != NULL) st = cqle_row_value(x->arena, row, op->column, x->now_s, &now);
  if (st != CQL_OK || now.data == NULL) return st;
  cql_slice args[2] = {now, v.bytes};
  st = op->sum != NULL ? cqle_function_call(x, op->sum, args, &sum) : join_texts(x, now, v.bytes, &sum);
  return st == CQL_OK ? add_cell(wr, op->column, (cql_slice){NULL, 0}, sum, rb) : st;
}

/* --- counters ----------------------------------------------------------------------------------------------------- */

/* A cell of what is to be added: the store sums (table/row.c). Cassandra says "increment" both ways. */
static cql_status count(cqle_writer *wr, const cqle_operation *op, cqle_row_builder *rb) {
  cqle_exec *x = wr->x;
  int64_t by;
  bool is_null, is_unset;
  cql_status st = cqle_expr_eval_bigint(x, op->value, &by, &is_null, &is_unset);
  if (st != CQL_OK || is_unset) return st;
  if (is_null) return cql_fail(x->err, CQL_INVALID, "Invalid null value for counter increment");
  if (op->kind == CQLE_OPERATION_COUNT_DOWN) {
    if (by == INT64_MIN)
      return cql_fail(x->err, CQL_INVALID,
                      "The negation of %" PRId64 " overflows supported counter precision (signed 8 bytes integer)", by);
    by = -by;
  }
  uint8_t *bytes = cql_arena_get(x->arena, sizeof by);
  if (bytes == NULL) return cql_fail(x->err, CQL_NOMEM, "Out of memory");
  cql_store_u64(bytes, (uint64_t)by);
  return add_cell(wr, op->column, (cql_slice){NULL, 0}, cql_slice_of(bytes, sizeof by), rb);
}

cql_status cqle_operation_apply(cqle_writer *wr, const cqle_operation *op, const cqle_row *row, cqle_row_builder *rb) {
  switch (op->kind) {
  case CQLE_OPERATION_SET: return set_value(wr, op, rb);
  case CQLE_OPERATION_DELETE: return delete_column(wr, op, rb);
  case CQLE_OPERATION_ADD: return add_to(wr, op, rb);
  case CQLE_OPERATION_SUBTRACT: return subtract(wr, op, row, rb);
  case CQLE_OPERATION_PREPEND: return prepend(wr, op, rb);
  case CQLE_OPERATION_SET_ELEMENT: return set_element(wr, op, row, rb);
  case CQLE_OPERATION_DELETE_ELEMENT: return delete_element(wr, op, row, rb);
  case CQLE_OPERATION_SET_FIELD: return set_field(wr, op, rb);
  case CQLE_OPERATION_DELETE_FIELD: return delete_field(wr, op, rb);
  case CQLE_OPERATION_INCREASE: return increase(wr, op, row, rb);
  case CQLE_OPERATION_COUNT_UP:
  case CQLE_OPERATION_COUNT_DOWN: return count(wr, op, rb);
  }
  return cql_fail(wr->x->err, CQL_MISUSE, "Unknown kind of operation");
}
