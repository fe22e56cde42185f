/* test_check.c: the checker sees what is wrong. A small sound file is damaged in one place, through the store, and the
 * check must name it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/store/store.h"
#include "query.h"

enum { T = 256, INDEX = 257, U = 258, KEY = 256, VALUE = 4096 };
enum { PARTITION_DELETION = 0x10, RANGE_DELETION = 0x18, STATIC = 0x20, ROW = 0x40 };

typedef struct file {
  char path[64];
  cqle_txn *txn;
  char problems[8192];
  cql_check_report report;
  cql_error err;
} file;

/* --- a file ------------------------------------------------------------------------------------------------------- */

static void must(file *f, cql_status st) {
  if (st != CQL_OK) fail_msg("%s: %s", cql_status_name(st), f->err.message);
}

static void execute(file *f, cql_engine *e, const char *cql) {
  cql_plan *plan;
  cql_result *result;
  cql_request request = CQL_REQUEST_INIT;
  must(f, cql_engine_prepare(e, "ks", cql_slice_str(cql), &plan, &f->err));
  must(f, cql_engine_execute(e, plan, &request, &result, &f->err));
  cql_plan_release(plan);
  cql_result_free(result);
}

static cql_engine *open_engine(file *f) {
  cql_engine *e;
  cql_engine_config config = {.path = f->path};
  must(f, cql_engine_open(&e, &config, &f->err));
  return e;
}

static void make(file *f) {
  snprintf(f->path, sizeof f->path, "/tmp/cql-check-XXXXXX");
  int fd = mkstemp(f->path);
  assert_true(fd >= 0);
  close(fd);
  cql_engine *e = open_engine(f);
  execute(f, e, "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
  execute(f, e, "CREATE TABLE t (k int, c int, v int, s int static, m map<int, int>, PRIMARY KEY (k, c))");
  execute(f, e, "CREATE INDEX ON t (v)");
  execute(f, e, "CREATE TABLE u (k int PRIMARY KEY)");
  execute(f, e, "INSERT INTO t (k, c, v, m) VALUES (1, 1, 7, {1: 1, 2: 2})");
  execute(f, e, "INSERT INTO t (k, c, v) VALUES (1, 2, 8)");
  execute(f, e, "UPDATE t SET s = 1 WHERE k = 1");
  execute(f, e, "DELETE FROM t WHERE k = 1 AND c > 10 AND c < 20");
  cql_engine_close(e);
}

static void remember(void *user, const char *text) {
  file *f = user;
  size_t len = strlen(f->problems);
  snprintf(f->problems + len, sizeof f->problems - len, "%s\n", text);
}

static void check(file *f) {
  cql_engine *e = open_engine(f);
  f->problems[0] = '\0';
  must(f, cql_engine_check_file(e, NULL, remember, f, &f->report, &f->err));
  cql_engine_close(e);
}

static void remove_file(const file *f) {
  char name[80];
  static const char *const suffixes[] = {"", "-wal", "-shm"};
  for (size_t i = 0; i < 3; i++) {
    snprintf(name, sizeof name, "%s%s", f->path, suffixes[i]);
    unlink(name);
  }
}

/* --- keys by hand ------------------------------------------------------------------------------------------------- */

/* The key of a row or deletion of table T in the partition `bytes`; clustering by its int, none: INT32_MIN. */
static cql_slice key_of(uint8_t out[KEY], cql_slice bytes, uint8_t kind, int32_t clustering) {
  cql_buf b;
  cql_buf_init(&b, &cql_alloc_libc, KEY);
  cql_buf_u32(&b, T);
  cql_buf_u64(&b, (uint64_t)cql_murmur3_token(bytes) ^ (uint64_t)1 << 63);
  for (size_t i = 0; i < bytes.len; i++) {
    cql_buf_u8(&b, bytes.data[i]);
    if (bytes.data[i] == 0) cql_buf_u8(&b, 0xFF);
  }
  cql_buf_u16(&b, 0);
  cql_buf_u8(&b, kind);
  if (clustering != INT32_MIN) {
    uint8_t four[4];
    cql_store_u32(four, (uint32_t)clustering);
    cql_key_put(&b, cql_type_native(CQL_TYPE_INT), cql_slice_of(four, 4), false);
  }
  assert_int_equal(b.st, CQL_OK);
  size_t len = b.len;
  memcpy(out, b.data, len);
  cql_buf_free(&b);
  return cql_slice_of(out, len);
}

static cql_slice in_partition_1(uint8_t out[KEY], uint8_t kind, int32_t clustering) {
  static const uint8_t one[4] = {0, 0, 0, 1};
  return key_of(out, cql_slice_of(one, 4), kind, clustering);
}

static void put(file *f, cql_slice key, cql_slice value) {
  must(f, cqle_put(f->txn, key, value, &f->err));
}

static void put_text(file *f, cql_slice key, const char *value) {
  put(f, key, cql_slice_str(value));
}

static size_t get(file *f, cql_slice key, uint8_t out[VALUE]) {
  cql_slice value;
  must(f, cqle_get(f->txn, key, &value, &f->err));
  assert_true(value.len < VALUE);
  memcpy(out, value.data, value.len);
  return value.len;
}

/* The first key of an id, of at most KEY bytes. */
static cql_slice first_key(file *f, uint32_t id, uint8_t out[KEY]) {
  uint8_t from[4];
  cqle_cursor *c;
  cql_slice key, value;
  cql_store_u32(from, id);
  must(f, cqle_cursor_open(f->txn, cql_slice_of(from, 4), (cql_slice){NULL, 0}, false, &c, &f->err));
  must(f, cqle_cursor_next(c, &key, &value, &f->err));
  assert_true(key.len <= KEY && cql_load_u32(key.data) == id);
  memcpy(out, key.data, key.len);
  size_t len = key.len;
  cqle_cursor_close(c);
  return cql_slice_of(out, len);
}

static void put_deletion(file *f, uint8_t kind, int32_t start, int64_t timestamp, int32_t end) {
  uint8_t key[KEY], bound[KEY], value[VALUE] = {1};
  cql_slice until = in_partition_1(bound, kind, end);
  size_t head = in_partition_1(key, kind, INT32_MIN).len, len = end == INT32_MIN ? 0 : until.len - head;
  cql_store_u64(value + 1, (uint64_t)timestamp);
  cql_store_u64(value + 9, 1);
  memcpy(value + 17, until.data + head, len);
  put(f, in_partition_1(key, kind, start), cql_slice_of(value, 17 + len));
}

/* A static row with one cell: column head, flags, then what is given. */
static void put_static_cell(file *f, uint8_t head, const char *rest, size_t len) {
  uint8_t key[KEY], value[64] = {1, 8, 0, 0, 0, 0, 0, 0, 0, 9, 1, head};
  memcpy(value + 12, rest, len);
  put(f, in_partition_1(key, STATIC, INT32_MIN), cql_slice_of(value, 12 + len));
}

/* --- damages ------------------------------------------------------------------------------------------------------ */

static void bytes_no_row(file *f) {
  uint8_t key[KEY];
  put_text(f, in_partition_1(key, ROW, 1), "no row");
}

static void wrong_token(file *f) {
  uint8_t key[KEY], value[VALUE];
  cql_slice right = in_partition_1(key, ROW, 2);
  size_t len = get(f, right, value);
  key[6] ^= 1; /* a byte of the token */
  put(f, right, cql_slice_of(value, len));
}

static void wrong_clustering(file *f) {
  uint8_t key[KEY], value[VALUE];
  size_t len = get(f, in_partition_1(key, ROW, 2), value);
  put(f, in_partition_1(key, ROW, 3), cql_slice_of(value, len));
}

static void other_bytes(file *f) { /* the count of columns in two bytes instead of one */
  uint8_t key[KEY], value[VALUE], longer[VALUE];
  cql_slice at = in_partition_1(key, STATIC, INT32_MIN);
  size_t len = get(f, at, value);
  memcpy(longer, value, 10);
  longer[10] = 0x81;
  longer[11] = 0x00;
  memcpy(longer + 12, value + 11, len - 11);
  put(f, at, cql_slice_of(longer, len + 1));
}

static void overlapping_ranges(file *f) {
  put_deletion(f, RANGE_DELETION, 15, 5, 30);
}

static void range_backwards(file *f) {
  put_deletion(f, RANGE_DELETION, 40, 5, 30);
}

static void range_under_partition(file *f) {
  put_deletion(f, PARTITION_DELETION, INT32_MIN, 1, INT32_MIN);
  put_deletion(f, RANGE_DELETION, 40, 1, 50);
}

static void cell_under_partition(file *f) {
  put_deletion(f, PARTITION_DELETION, INT32_MIN, INT64_MAX - 1, INT32_MIN);
}

static void cell_under_range(file *f) {
  put_deletion(f, RANGE_DELETION, 1, INT64_MAX - 1, 2);
}

static void no_deletion(file *f) {
  uint8_t key[KEY];
  put_text(f, in_partition_1(key, PARTITION_DELETION, INT32_MIN), "?");
}

static void lost_entry(file *f) {
  uint8_t key[KEY];
  must(f, cqle_del(f->txn, first_key(f, INDEX, key), &f->err));
}

static void entry_to_nowhere(file *f) {
  uint8_t key[KEY];
  put_text(f, first_key(f, INDEX, key), "\xFF");
}

static void unknown_id(file *f) {
  static const uint8_t key[] = {0, 1, 0, 0, 7};
  put_text(f, cql_slice_of(key, sizeof key), "");
}

static cql_slice catalog_state(uint8_t key[5]) {
  memcpy(key, "\0\0\0\1\1", 5);
  return cql_slice_of(key, 5);
}

static void low_next_id(file *f) {
  uint8_t key[5], value[VALUE];
  size_t len = get(f, catalog_state(key), value);
  cql_store_u32(value + len - 4, U);
  put(f, cql_slice_of(key, 5), cql_slice_of(value, len));
}

static void one_id_twice(file *f) {
  static const char key[] = "\0\0\0\1\3ks\0u";
  uint8_t value[VALUE];
  cql_slice at = cql_slice_of((const uint8_t *)key, sizeof key - 1);
  size_t len = get(f, at, value);
  cql_store_u32(value + 17, T);
  put(f, at, cql_slice_of(value, len));
}

static void broken_schema(file *f) {
  static const char key[] = "\0\0\0\1\3ks\0u";
  put_text(f, cql_slice_of((const uint8_t *)key, sizeof key - 1), "?");
}

static void short_partition_key(file *f) {
  uint8_t key[KEY], value[VALUE];
  size_t len = get(f, in_partition_1(key, ROW, 2), value);
  put(f, key_of(key, cql_slice_str("abc"), ROW, 2), cql_slice_of(value, len));
}

static void no_table_key(file *f) {
  static const uint8_t key[] = {0, 0, 1, 0, 7};
  put_text(f, cql_slice_of(key, sizeof key), "");
}

static void unknown_kind(file *f) {
  uint8_t key[KEY];
  put_text(f, in_partition_1(key, 0x30, INT32_MIN), "");
}

static void short_int(file *f) {
  put_static_cell(f, 3 << 1,
                  "\x10\x03"
                  "abc",
                  5);
}

static void wrong_place(file *f) {
  put_static_cell(f, 2 << 1,
                  "\x10\x04"
                  "abcd",
                  6);
}

static void unknown_column(file *f) {
  put_static_cell(f, 50 << 1,
                  "\x10\x04"
                  "abcd",
                  6);
}

static void single_cell_for_many(file *f) {
  put_static_cell(f, 3 << 1 | 1,
                  "\x02\x00\x10\x04"
                  "abcd",
                  8);
}

static void tombstone_with_value(file *f) {
  put_static_cell(f, 3 << 1,
                  "\x12\x02\x04"
                  "abcd",
                  7);
}

static void broken_sweep(file *f) {
  static const uint8_t key[] = {0, 0, 0, 2};
  put_text(f, cql_slice_of(key, sizeof key), "?");
}

static const struct damage {
  void (*make)(file *f);
  const char *problem;
} DAMAGES[] = {
    {bytes_no_row, "the bytes are no row"},
    {wrong_token, "the token is not that of the partition key"},
    {wrong_clustering, "the row's clustering is not that of its key"},
    {other_bytes, "the row would be written with other bytes"},
    {overlapping_ranges, "two deleted ranges overlap"},
    {range_backwards, "a range ends before it starts"},
    {range_under_partition, "a deleted range lies under its partition's deletion"},
    {cell_under_partition, "a cell of column v lives under a deletion"},
    {cell_under_range, "the row's marker lives under a deletion"},
    {no_deletion, "the bytes are no deletion"},
    {lost_entry, "index t_v_idx lacks an entry for the row"},
    {entry_to_nowhere, "index t_v_idx has an entry that points nowhere"},
    {unknown_id, "there are keys of id 65536, which no table or index has"},
    {low_next_id, "the next id to give is 258, and 258 is in use"},
    {one_id_twice, "two tables or indexes have the id 256"},
    {broken_schema, "The schema in the file is damaged"},
    {short_partition_key, "the partition key does not fit the table's columns"},
    {no_table_key, "the key is none of a table"},
    {unknown_kind, "the key is of no known kind"},
    {short_int, "column s holds bytes that are no int"},
    {wrong_place, "column v stands in a row where it does not belong"},
    {unknown_column, "a column has an id that was never given"},
    {single_cell_for_many, "column s is stored as more than one cell"},
    {tombstone_with_value, "a tombstone of column s has a value"},
    {broken_sweep, "the state of the sweep is damaged"},
};

static void damage(file *f, void (*how)(file *f)) {
  cqle_store *s;
  cqle_store_config config = {.path = f->path, .busy_timeout_ms = 1000, .alloc = &cql_alloc_libc};
  must(f, cqle_store_open(&s, &config, &f->err));
  must(f, cqle_txn_begin(s, true, &f->txn, &f->err));
  how(f);
  must(f, cqle_txn_commit(f->txn, &f->err));
  cqle_store_close(s);
}

static void each_damage_is_named(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof DAMAGES / sizeof *DAMAGES; i++) {
    file f;
    make(&f);
    check(&f);
    if (f.report.problems > 0) fail_msg("a sound file: %s", f.problems);
    assert_int_equal(f.report.tables, 2);
    assert_int_equal(f.report.indexes, 1);
    assert_int_equal(f.report.rows, 3);
    assert_int_equal(f.report.deletions, 1);
    assert_int_equal(f.report.entries, 2);
    assert_int_equal(f.report.ahead_of_clock, 0);
    damage(&f, DAMAGES[i].make);
    check(&f);
    if (strstr(f.problems, DAMAGES[i].problem) == NULL)
      fail_msg("\"%s\" is not among the problems:\n%s", DAMAGES[i].problem, f.problems);
    assert_true(f.report.problems > 0);
    remove_file(&f);
  }
}

/* --- what is no damage -------------------------------------------------------------------------------------------- */

static void entry_without_a_row(file *f) {
  uint8_t key[KEY], value[VALUE];
  cql_slice first = first_key(f, INDEX, key);
  size_t len = get(f, first, value);
  key[first.len - 1] ^= 0x40; /* another row's clustering */
  put(f, first, cql_slice_of(value, len));
}

static void a_stale_entry_is_counted(void **state) {
  (void)state;
  file f;
  make(&f);
  damage(&f, entry_without_a_row);
  check(&f);
  assert_int_equal(f.report.problems, 0);
  assert_int_equal(f.report.stale_entries, 1);
  remove_file(&f);
}

static void a_timestamp_of_the_user_s_own_is_counted(void **state) {
  (void)state;
  file f;
  make(&f);
  cql_engine *e = open_engine(&f);
  execute(&f, e, "INSERT INTO u (k) VALUES (1) USING TIMESTAMP 9000000000000000");
  cql_engine_close(e);
  check(&f);
  assert_int_equal(f.report.problems, 0);
  assert_int_equal(f.report.ahead_of_clock, 1);
  remove_file(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_damage_is_named),
      cmocka_unit_test(a_stale_entry_is_counted),
      cmocka_unit_test(a_timestamp_of_the_user_s_own_is_counted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
