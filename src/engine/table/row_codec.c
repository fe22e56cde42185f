/* row_codec.c: the stored form of a row.
 *
 *   OFFSET  FIELD
 *   0       u8       format: 1
 *   1       u8       flags: 01 marker, 02 marker expires, 04 row deletion, 08 static row
 *   2       i64      base timestamp: the marker's; without one, the first to be found below; 0 if there is none
 *   10      bytes*   clustering, one per clustering column, as written; a static row has none
 *   …       uvarint  marker's TTL           when 02
 *   …       signed   marker's expiry        when 02
 *   …       deletion row deletion           when 04
 *   …       uvarint  number of columns, then for each, ids ascending:
 *             uvarint  id × 2, plus 1 for multi-cell
 *             simple:      cell
 *             multi-cell:  uvarint  count × 2, plus 1 when the column has a deletion
 *                          deletion
 *                          count × (uvarint length, path, cell), in order of path
 *
 *   cell      u8       flags: 01 timestamp, 02 tombstone, 04 expires, 08 expires with the marker, 10 value
 *             signed   timestamp − base     when 01; else it is the base
 *             signed   local deletion time  when 02
 *             uvarint  TTL, signed expiry   when 04
 *             uvarint  length, value        when 10; else the value is empty
 *   deletion  signed   timestamp − base, signed local deletion time
 *   bytes     uvarint  length + 1 (0: null), then the bytes
 *   uvarint   LEB128; signed: zig-zag in a uvarint; differences wrap at 64 bits
 *
 * A row that one INSERT wrote thus holds its timestamp and TTL once. Equal rows have equal bytes: a writer can tell by
 * them that nothing changed.
 */
#include "engine/table/row.h"

#include <limits.h>

enum {
  FORMAT = 1,

  ROW_MARKER = 0x01,
  ROW_EXPIRES = 0x02,
  ROW_DELETION = 0x04,
  ROW_STATIC = 0x08,
  ROW_FLAGS = 0x0F,

  CELL_TIMESTAMP = 0x01,
  CELL_TOMBSTONE = 0x02,
  CELL_EXPIRES = 0x04,
  CELL_EXPIRES_AS_ROW = 0x08,
  CELL_VALUE = 0x10,
  CELL_FLAGS = 0x1F,

  CELL_LEN_MIN = 1,
  COLUMN_LEN_MIN = 2,
};

/* --- encode ------------------------------------------------------------------------------------------------------- */

static void put_signed(cql_buf *b, int64_t v) {
  cql_buf_uvarint(b, ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0));
}

static void put_timestamp(cql_buf *b, int64_t timestamp, int64_t base) {
  put_signed(b, (int64_t)((uint64_t)timestamp - (uint64_t)base));
}

static void put_bytes(cql_buf *b, cql_slice s) {
  cql_buf_uvarint(b, s.len);
  cql_buf_slice(b, s);
}

static void put_deletion(cql_buf *b, const cqle_deletion *d, int64_t base) {
  put_timestamp(b, d->timestamp, base);
  put_signed(b, d->at);
}

static uint8_t cell_flags(const cqle_cell *c, const cqle_row *r, int64_t base) {
  uint8_t flags = c->timestamp != base ? CELL_TIMESTAMP : 0;
  if (c->tombstone) flags |= CELL_TOMBSTONE;
  if (c->ttl > 0) flags |= c->ttl == r->marker.ttl && c->at == r->marker.expires ? CELL_EXPIRES_AS_ROW : CELL_EXPIRES;
  if (c->value.len > 0) flags |= CELL_VALUE;
  return flags;
}

static void put_cell(cql_buf *b, const cqle_cell *c, const cqle_row *r, int64_t base) {
  uint8_t flags = cell_flags(c, r, base);
  cql_buf_u8(b, flags);
  if (flags & CELL_TIMESTAMP) put_timestamp(b, c->timestamp, base);
  if (flags & CELL_TOMBSTONE) put_signed(b, c->at);
  if (flags & CELL_EXPIRES) {
    cql_buf_uvarint(b, (uint32_t)c->ttl);
    put_signed(b, c->at);
  }
  if (flags & CELL_VALUE) put_bytes(b, c->value);
}

static bool is_there(const cqle_column_data *d) {
  return d->count > 0 || d->deletion.timestamp != CQLE_NO_TIMESTAMP;
}

static void put_column(cql_buf *b, const cqle_column_data *d, const cqle_row *r, int64_t base) {
  cql_buf_uvarint(b, (uint64_t)d->column_id << 1 | (d->multicell ? 1 : 0));
  if (!d->multicell) {
    put_cell(b, d->cells, r, base);
    return;
  }
  bool deletion = d->deletion.timestamp != CQLE_NO_TIMESTAMP;
  cql_buf_uvarint(b, (uint64_t)d->count << 1 | (deletion ? 1 : 0));
  if (deletion) put_deletion(b, &d->deletion, base);
  for (uint32_t i = 0; i < d->count; i++) {
    put_bytes(b, d->cells[i].path);
    put_cell(b, &d->cells[i], r, base);
  }
}

static int64_t base_timestamp(const cqle_row *r) {
  if (r->marker.timestamp != CQLE_NO_TIMESTAMP) return r->marker.timestamp;
  if (r->deletion.timestamp != CQLE_NO_TIMESTAMP) return r->deletion.timestamp;
  for (uint32_t i = 0; i < r->count; i++) {
    const cqle_column_data *d = &r->columns[i];
    if (d->count > 0) return d->cells[0].timestamp;
    if (is_there(d)) return d->deletion.timestamp;
  }
  return 0;
}

void cqle_row_encode(cql_buf *b, const cqle_table *t, const cqle_row *r) {
  bool marker = r->marker.timestamp != CQLE_NO_TIMESTAMP, deletion = r->deletion.timestamp != CQLE_NO_TIMESTAMP;
  bool expires = marker && r->marker.ttl > 0;
  uint32_t count = 0;
  for (uint32_t i = 0; i < r->count; i++) count += is_there(&r->columns[i]);
  if (!marker && !deletion && count == 0) return;
  int64_t base = base_timestamp(r);
  cql_buf_u8(b, FORMAT);
  cql_buf_u8(b, (uint8_t)((marker ? ROW_MARKER : 0) | (expires ? ROW_EXPIRES : 0) | (deletion ? ROW_DELETION : 0) |
                          (r->is_static ? ROW_STATIC : 0)));
  cql_buf_u64(b, (uint64_t)base);
  for (uint32_t i = 0; i < t->clustering_count && !r->is_static; i++) {
    cql_slice value = r->clustering[i];
    cql_buf_uvarint(b, value.data == NULL ? 0 : (uint64_t)value.len + 1);
    cql_buf_slice(b, value);
  }
  if (expires) {
    cql_buf_uvarint(b, (uint32_t)r->marker.ttl);
    put_signed(b, r->marker.expires);
  }
  if (deletion) put_deletion(b, &r->deletion, base);
  cql_buf_uvarint(b, count);
  for (uint32_t i = 0; i < r->count; i++)
    if (is_there(&r->columns[i])) put_column(b, &r->columns[i], r, base);
}

/* --- decode ------------------------------------------------------------------------------------------------------- */

typedef struct decoder {
  cql_reader r;
  cql_arena *a;
  cqle_row *row;
  int64_t base;
  const cqle_wanted *wanted; /* NULL: all columns */
} decoder;

/* Nearly every number takes one byte. */
static inline cql_status read_uvarint(cql_reader *r, uint64_t *out) {
  if (r->p < r->end && *r->p < 0x80) {
    *out = *r->p++;
    return CQL_OK;
  }
  return cql_read_uvarint(r, out);
}

static cql_status read_signed(cql_reader *r, int64_t *out) {
  uint64_t v;
  cql_status st = read_uvarint(r, &v);
  if (st == CQL_OK) *out = (int64_t)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0));
  return st;
}

static cql_status read_timestamp(cql_reader *r, int64_t base, int64_t *out) {
  int64_t difference;
  cql_status st = read_signed(r, &difference);
  if (st == CQL_OK) *out = (int64_t)((uint64_t)base + (uint64_t)difference);
  return st;
}

static cql_status read_bytes(cql_reader *r, uint64_t len, cql_slice *out) {
  if (len > cql_reader_left(r)) return CQL_MALFORMED;
  *out = cql_slice_of(r->p, (size_t)len);
  r->p += len;
  return CQL_OK;
}

static cql_status read_ttl(cql_reader *r, int32_t *ttl, int64_t *at) {
  uint64_t v;
  cql_status st = read_uvarint(r, &v);
  if (st != CQL_OK) return st;
  if (v == 0 || v > INT32_MAX) return CQL_MALFORMED;
  *ttl = (int32_t)v;
  return read_signed(r, at);
}

static cql_status read_deletion(cql_reader *r, int64_t base, cqle_deletion *out) {
  cql_status st = read_timestamp(r, base, &out->timestamp);
  if (st == CQL_OK) st = read_signed(r, &out->at);
  return st == CQL_OK && out->timestamp == CQLE_NO_TIMESTAMP ? CQL_MALFORMED : st;
}

static bool cell_flags_fit(uint8_t flags, const cqle_row *row) {
  if (flags & ~CELL_FLAGS) return false;
  int ends = !!(flags & CELL_TOMBSTONE) + !!(flags & CELL_EXPIRES) + !!(flags & CELL_EXPIRES_AS_ROW);
  if (ends > 1) return false;
  return !(flags & CELL_EXPIRES_AS_ROW) || row->marker.ttl > 0;
}

static cql_status read_any_cell(decoder *d, cqle_cell *c) {
  cql_status st;
  uint8_t flags;
  CQL_TRY(cql_read_u8(&d->r, &flags));
  CQL_CHECK(cell_flags_fit(flags, d->row), CQL_MALFORMED);
  c->timestamp = d->base;
  c->ttl = 0;
  c->tombstone = (flags & CELL_TOMBSTONE) != 0;
  c->at = CQLE_NO_EXPIRY;
  c->value = cql_slice_of(d->r.p, 0);
  if (flags & CELL_TIMESTAMP) CQL_TRY(read_timestamp(&d->r, d->base, &c->timestamp));
  if (flags & CELL_TOMBSTONE) CQL_TRY(read_signed(&d->r, &c->at));
  if (flags & CELL_EXPIRES) CQL_TRY(read_ttl(&d->r, &c->ttl, &c->at));
  if (flags & CELL_EXPIRES_AS_ROW) {
    c->ttl = d->row->marker.ttl;
    c->at = d->row->marker.expires;
  }
  if (flags & CELL_VALUE) {
    uint64_t len;
    CQL_TRY(read_uvarint(&d->r, &len));
    CQL_TRY(read_bytes(&d->r, len, &c->value));
  }
done:
  return st;
}

/* Nearly every cell is a short value with the row's timestamp, which does not end. */
static inline cql_status read_cell(decoder *d, cqle_cell *c) {
  const uint8_t *p = d->r.p;
  size_t left = cql_reader_left(&d->r);
  if (left < 2 || p[0] != CELL_VALUE || p[1] >= 0x80 || p[1] > left - 2) return read_any_cell(d, c);
  c->timestamp = d->base;
  c->ttl = 0;
  c->tombstone = false;
  c->at = CQLE_NO_EXPIRY;
  c->value = cql_slice_of(p + 2, p[1]);
  d->r.p += 2 + p[1];
  return CQL_OK;
}

static cql_status read_cells(decoder *d, cqle_column_data *column) {
  cql_status st;
  uint64_t head, len;
  CQL_TRY(read_uvarint(&d->r, &head));
  CQL_CHECK(head >> 1 <= cql_reader_left(&d->r) / (CELL_LEN_MIN + 1), CQL_MALFORMED);
  column->count = (uint32_t)(head >> 1);
  if (head & 1) CQL_TRY(read_deletion(&d->r, d->base, &column->deletion));
  column->cells = cql_arena_array(d->a, column->count, sizeof *column->cells);
  CQL_CHECK(column->cells != NULL, CQL_NOMEM);
  for (uint32_t i = 0; i < column->count; i++) {
    CQL_TRY(read_uvarint(&d->r, &len));
    CQL_TRY(read_bytes(&d->r, len, &column->cells[i].path));
    CQL_TRY(read_cell(d, &column->cells[i]));
  }
done:
  return st;
}

static cql_status read_column(decoder *d, cqle_column_data *column) {
  if (column->multicell) return read_cells(d, column);
  column->count = 1;
  column->cells->path = (cql_slice){NULL, 0};
  return read_cell(d, column->cells);
}

/* As strict as read_column(). */
static cql_status step_over_column(decoder *d, bool multicell) {
  cqle_cell cell;
  cqle_column_data column;
  return multicell ? read_cells(d, &column) : read_cell(d, &cell);
}

/* Ids ascend on both sides: *next is the first of those wanted that may still come. */
static bool is_wanted(const cqle_wanted *wanted, uint32_t id, uint32_t *next) {
  if (wanted == NULL) return true;
  while (*next < wanted->count && wanted->ids[*next] < id) ++*next;
  return *next < wanted->count && wanted->ids[*next] == id;
}

static cql_status read_columns(decoder *d) {
  cql_status st;
  uint64_t count, head, least = 0;
  uint32_t next = 0;
  CQL_TRY(read_uvarint(&d->r, &count));
  CQL_CHECK(count <= cql_reader_left(&d->r) / COLUMN_LEN_MIN, CQL_MALFORMED);
  /* One array of columns and one of the cells that each may have: two steps of the arena, not one per column. */
  cqle_row *row = d->row;
  row->columns = cql_arena_array(d->a, (size_t)count, sizeof *row->columns);
  cqle_cell *cells = cql_arena_array(d->a, (size_t)count, sizeof *cells);
  CQL_CHECK(row->columns != NULL && cells != NULL, CQL_NOMEM);
  const cqle_wanted *wanted =
      d->wanted != NULL && cqle_liveness_is_live(&row->marker, d->wanted->now_s) ? d->wanted : NULL;
  for (; count > 0; count--) {
    CQL_TRY(read_uvarint(&d->r, &head));
    CQL_CHECK(least <= head >> 1 && head >> 1 <= UINT32_MAX, CQL_MALFORMED);
    least = (head >> 1) + 1;
    if (!is_wanted(wanted, (uint32_t)(head >> 1), &next)) {
      CQL_TRY(step_over_column(d, head & 1));
      continue;
    }
    cqle_column_data *column = &row->columns[row->count];
    *column = (cqle_column_data){.column_id = (uint32_t)(head >> 1),
                                 .multicell = head & 1,
                                 .deletion = {CQLE_NO_TIMESTAMP, CQLE_NO_EXPIRY},
                                 .cells = &cells[row->count++]};
    CQL_TRY(read_column(d, column));
  }
done:
  return st;
}

static cql_status read_clustering(decoder *d, uint32_t count) {
  cql_status st = CQL_OK;
  uint64_t len;
  d->row->clustering = cql_arena_array(d->a, count, sizeof *d->row->clustering);
  CQL_CHECK(d->row->clustering != NULL, CQL_NOMEM);
  for (uint32_t i = 0; i < count; i++) {
    CQL_TRY(read_uvarint(&d->r, &len));
    d->row->clustering[i] = (cql_slice){NULL, 0};
    if (len > 0) CQL_TRY(read_bytes(&d->r, len - 1, &d->row->clustering[i]));
  }
done:
  return st;
}

static cql_status read_row(decoder *d, const cqle_table *t) {
  cql_status st;
  uint8_t format, flags;
  uint64_t base;
  CQL_TRY(cql_read_u8(&d->r, &format));
  CQL_TRY(cql_read_u8(&d->r, &flags));
  CQL_TRY(cql_read_u64(&d->r, &base));
  CQL_CHECK(format == FORMAT && !(flags & ~ROW_FLAGS), CQL_MALFORMED);
  CQL_CHECK((flags & ROW_MARKER) || !(flags & ROW_EXPIRES), CQL_MALFORMED);
  d->base = (int64_t)base;
  CQL_CHECK(!(flags & ROW_MARKER) || d->base != CQLE_NO_TIMESTAMP, CQL_MALFORMED);
  d->row->is_static = (flags & ROW_STATIC) != 0;
  if (!d->row->is_static) CQL_TRY(read_clustering(d, t->clustering_count));
  if (flags & ROW_MARKER) d->row->marker.timestamp = d->base;
  if (flags & ROW_EXPIRES) CQL_TRY(read_ttl(&d->r, &d->row->marker.ttl, &d->row->marker.expires));
  if (flags & ROW_DELETION) CQL_TRY(read_deletion(&d->r, d->base, &d->row->deletion));
  CQL_TRY(read_columns(d));
  CQL_CHECK(cql_reader_left(&d->r) == 0, CQL_MALFORMED);
done:
  return st;
}

cql_status cqle_row_decode_wanted(cql_arena *a, const cqle_table *t, cql_slice bytes, const cqle_wanted *wanted,
                                  cqle_row *out) {
  cqle_row_init(out);
  decoder d = {.r = cql_reader_of(bytes), .a = a, .row = out, .wanted = wanted};
  cql_status st = read_row(&d, t);
  return st == CQL_MALFORMED ? CQL_CORRUPT : st;
}

cql_status cqle_row_decode(cql_arena *a, const cqle_table *t, cql_slice bytes, cqle_row *out) {
  return cqle_row_decode_wanted(a, t, bytes, NULL, out);
}
