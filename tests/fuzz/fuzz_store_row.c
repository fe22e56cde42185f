/* fuzz_store_row.c: any bytes as stored rows.
 *
 * INPUT  the length of x, of y (u8 each), x, y, and z to the end
 *
 * What is decoded is encoded, decoded again, and is the same. Rows that a writer could have made merge alike in any
 * order and grouping. Bytes that are no row are refused.
 */
#include "engine/table/row.h"
#include "fuzz.h"

#include <string.h>

enum { INPUT_LEN_MAX = 2048, ENCODED_LEN_MAX = 1 << 20, ROW_COUNT = 3, COLUMN_COUNT = 10 };
#define ARENA_LIMIT ((size_t)64 << 20)

static const struct {
  const char *name, *type;
  cqle_column_kind kind;
} SPECS[COLUMN_COUNT] = {
    {"k", "int", CQLE_PARTITION_KEY},
    {"c", "int", CQLE_CLUSTERING},
    {"s", "text", CQLE_STATIC},
    {"a", "int", CQLE_REGULAR},
    {"b", "blob", CQLE_REGULAR},
    {"l", "list<int>", CQLE_REGULAR},
    {"m", "map<text, int>", CQLE_REGULAR},
    {"t", "set<text>", CQLE_REGULAR},
    {"v", "decimal", CQLE_REGULAR},
    {"f", "frozen<list<int>>", CQLE_REGULAR},
};

static cqle_column columns[COLUMN_COUNT];
static const cqle_column *by_kind[CQLE_REGULAR + 1][COLUMN_COUNT];
static cqle_table table = {.name = "t", .id = 1, .columns = columns, .column_count = COLUMN_COUNT};

static void make_table(void) {
  static cql_arena types; /* lives as long as the process */
  uint32_t counts[CQLE_REGULAR + 1] = {0};
  if (columns[0].name != NULL) return;
  cql_arena_init(&types, &cql_alloc_libc, ARENA_LIMIT);
  for (uint32_t i = 0; i < COLUMN_COUNT; i++) {
    cqle_column *c = &columns[i];
    *c = (cqle_column){
        .name = SPECS[i].name, .name_slice = cql_slice_str(SPECS[i].name), .kind = SPECS[i].kind, .id = i};
    c->position = counts[c->kind]++;
    by_kind[c->kind][c->position] = c;
    cql_status st = cql_type_parse_cql(&types, cql_slice_str(SPECS[i].type), NULL, &c->type, NULL);
    FUZZ_REQUIRE(st == CQL_OK, "%s", SPECS[i].type);
  }
  table.partition = by_kind[CQLE_PARTITION_KEY];
  table.partition_count = counts[CQLE_PARTITION_KEY];
  table.clustering = by_kind[CQLE_CLUSTERING];
  table.clustering_count = counts[CQLE_CLUSTERING];
  table.statics = by_kind[CQLE_STATIC];
  table.static_count = counts[CQLE_STATIC];
  table.regulars = by_kind[CQLE_REGULAR];
  table.regular_count = counts[CQLE_REGULAR];
  table.next_column_id = COLUMN_COUNT;
}

static cql_slice encode(cql_arena *a, const cqle_row *r) {
  cql_buf b;
  cql_slice out = {NULL, 0};
  cql_buf_init(&b, &cql_alloc_libc, ENCODED_LEN_MAX);
  cqle_row_encode(&b, &table, r);
  FUZZ_REQUIRE(b.st == CQL_OK && cql_arena_slice(a, cql_buf_view(&b), &out) == CQL_OK, "%s", cql_status_name(b.st));
  cql_buf_free(&b);
  return out;
}

static void check_round_trip(cql_arena *a, const cqle_row *r) {
  cqle_row again;
  cql_slice bytes = encode(a, r);
  if (bytes.len == 0) return;
  FUZZ_REQUIRE(cqle_row_decode(a, &table, bytes, &again) == CQL_OK, "%zu bytes of our own", bytes.len);
  FUZZ_REQUIRE(cql_slice_eq(bytes, encode(a, &again)), "%zu bytes, then others", bytes.len);
}

/* A reader that asks for one column meets the same damage, and sees the row live as others do. */
static void check_wanted(cql_arena *a, cql_slice bytes, cql_status expected) {
  static const uint32_t ID = 4;
  static const cqle_wanted ONE = {1, &ID, 1};
  cqle_row all, some;
  FUZZ_REQUIRE(cqle_row_decode_wanted(a, &table, bytes, &ONE, &some) == expected, "%s", cql_status_name(expected));
  if (expected != CQL_OK || cqle_row_decode(a, &table, bytes, &all) != CQL_OK) return;
  FUZZ_REQUIRE(cqle_row_is_live(&all, 1) == cqle_row_is_live(&some, 1), "live for one reader alone");
  FUZZ_REQUIRE((cqle_row_column(&all, ID) == NULL) == (cqle_row_column(&some, ID) == NULL), "the column is lost");
}

/* As a reader uses a row, whatever the file says. */
static void read_row(cql_arena *a, const cqle_row *r) {
  cql_slice value;
  cqle_row_is_live(r, 1);
  for (uint32_t i = 0; i < COLUMN_COUNT; i++) {
    cql_status st = cqle_row_value(a, r, &columns[i], 1, &value);
    FUZZ_REQUIRE(st == CQL_OK || st == CQL_CORRUPT || st == CQL_LIMIT, "%s: %s", columns[i].name, cql_status_name(st));
  }
}

/* --- merge -------------------------------------------------------------------------------------------------------- */

static bool cell_could_be_written(const cqle_column *c, const cqle_cell *cell) {
  if (cell->timestamp == CQLE_NO_TIMESTAMP || (cell->tombstone && cell->value.len > 0)) return false;
  if (cell->path.data == NULL) return true;
  const cql_type *path = c->type->code == CQL_TYPE_LIST ? cql_type_native(CQL_TYPE_TIMEUUID) : c->type->args[0];
  return cell->path.len > 0 && cql_value_validate(path, cell->path, NULL) == CQL_OK;
}

static bool column_could_be_written(const cqle_column_data *d) {
  const cqle_column *c = cqle_table_column_by_id(&table, d->column_id);
  if (c == NULL || d->multicell != cql_type_is_multicell(c->type)) return false;
  if (c->kind != CQLE_REGULAR && c->kind != CQLE_STATIC) return false;
  for (uint32_t i = 0; i < d->count; i++) {
    if (!cell_could_be_written(c, &d->cells[i])) return false;
    if (i > 0 && cqle_path_cmp(c, d->cells[i - 1].path, d->cells[i].path) >= 0) return false;
  }
  return true;
}

static bool could_be_written(const cqle_row *r) {
  if (!r->is_static && (r->clustering[0].data == NULL || r->clustering[0].len != 4)) return false;
  for (uint32_t i = 0; i < r->count; i++)
    if (!column_could_be_written(&r->columns[i])) return false;
  return true;
}

static const cqle_deletion NO_DELETION = {CQLE_NO_TIMESTAMP, CQLE_NO_EXPIRY};

static cqle_row merge(cql_arena *a, const cqle_row *base, const cqle_row *update) {
  cqle_row out;
  FUZZ_REQUIRE(cqle_row_merge(a, &table, base, update, NO_DELETION, &out) == CQL_OK, "a merge failed");
  return out;
}

static void require_same(cql_arena *a, const cqle_row *x, const cqle_row *y, const char *what) {
  FUZZ_REQUIRE(cql_slice_eq(encode(a, x), encode(a, y)), "%s", what);
}

static void check_merge(cql_arena *a, cqle_row *rows) {
  cqle_row *x = &rows[0], *y = &rows[1], *z = &rows[2];
  x->clustering = y->clustering = z->clustering; /* one place in the table */
  x->is_static = y->is_static = z->is_static;
  cqle_row xy = merge(a, x, y), yx = merge(a, y, x), yz = merge(a, y, z);
  require_same(a, &xy, &yx, "x + y is not y + x");
  cqle_row left = merge(a, &xy, z), right = merge(a, x, &yz), twice = merge(a, &xy, &xy), late = merge(a, &xy, x);
  require_same(a, &left, &right, "(x + y) + z is not x + (y + z)");
  require_same(a, &xy, &twice, "a row and itself is another one");
  require_same(a, &xy, &late, "a write that comes twice changes the row");
}

/* A row of the file may be anything; what is merged into it comes from a statement. */
static void check_damaged_base(cql_arena *a, const cqle_row *base, const cqle_row *update) {
  cqle_row out;
  cql_status st = cqle_row_merge(a, &table, base, update, NO_DELETION, &out);
  FUZZ_REQUIRE(st == CQL_OK || st == CQL_CORRUPT, "%s", cql_status_name(st));
  if (st == CQL_OK) encode(a, &out);
}

static void check(cql_arena *a, const cql_slice *bytes) {
  cqle_row rows[ROW_COUNT];
  bool decoded[ROW_COUNT], writable[ROW_COUNT];
  for (int i = 0; i < ROW_COUNT; i++) {
    cql_status st = cqle_row_decode(a, &table, bytes[i], &rows[i]);
    FUZZ_REQUIRE(st == CQL_OK || st == CQL_CORRUPT, "%s", cql_status_name(st));
    decoded[i] = st == CQL_OK;
    check_wanted(a, bytes[i], st);
    writable[i] = decoded[i] && could_be_written(&rows[i]);
    if (!decoded[i]) continue;
    check_round_trip(a, &rows[i]);
    read_row(a, &rows[i]);
  }
  for (int i = 0; i < ROW_COUNT; i++)
    for (int j = 0; j < ROW_COUNT; j++)
      if (decoded[i] && writable[j]) check_damaged_base(a, &rows[i], &rows[j]);
  if (writable[0] && writable[1] && writable[2]) check_merge(a, rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < ROW_COUNT - 1 || size > INPUT_LEN_MAX) return 0;
  cql_slice bytes[ROW_COUNT], rest = cql_slice_of(data + ROW_COUNT - 1, size - ROW_COUNT + 1);
  cql_arena a;
  make_table();
  cql_arena_init(&a, &cql_alloc_libc, ARENA_LIMIT);
  for (int i = 0; i < ROW_COUNT; i++) {
    size_t len = i < ROW_COUNT - 1 && data[i] < rest.len ? data[i] : rest.len;
    bytes[i] = fuzz_block(cql_slice_of(rest.data, len));
    rest = cql_slice_of(rest.data + len, rest.len - len);
  }
  check(&a, bytes);
  for (int i = 0; i < ROW_COUNT; i++) fuzz_free(bytes[i]);
  cql_arena_free(&a);
  return 0;
}
