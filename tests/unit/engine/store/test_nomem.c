/* test_nomem.c: one scenario, run again and again, with the first allocation failing, then the second, and so on. */
#include "helper.h"

#include <sqlite3.h>
#include <stdlib.h>

/* An allocator that fails once, and counts what is alive. */
typedef struct faulty {
  uint32_t calls, fail_at;
  int64_t live;
  bool fired;
} faulty;

static void *faulty_resize(void *user, void *ptr, size_t old_size, size_t new_size) {
  faulty *f = user;
  if (new_size > 0 && ++f->calls == f->fail_at) {
    f->fired = true;
    return NULL;
  }
  f->live += (int64_t)new_size - (int64_t)(ptr == NULL ? 0 : old_size);
  if (new_size == 0) {
    free(ptr);
    return NULL;
  }
  return realloc(ptr, new_size);
}

static cql_arena fixture;
static cqle_table *table;

static int setup(void **state) {
  static const column_spec COLUMNS[] = {
      {"k", CQLE_PARTITION_KEY, "int", false},    {"c", CQLE_CLUSTERING, "int", false},
      {"s", CQLE_STATIC, "text", false},          {"v", CQLE_REGULAR, "int", false},
      {"tags", CQLE_REGULAR, "set<text>", false},
  };
  (void)state;
  cql_arena_init(&fixture, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  table = table_make(&fixture, 5, COLUMNS, 5);
  table_add_index(&fixture, table, 6, "v", CQLE_TARGET_COLUMN);
  table_add_index(&fixture, table, 7, "tags", CQLE_TARGET_VALUES);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  cql_arena_free(&fixture);
  return 0;
}

static cql_status drain(cqle_scan *s, uint32_t *count, cql_error *err) {
  cqle_scan_row row;
  cql_status st;
  while ((st = cqle_scan_next(s, &row, err)) == CQL_OK) ++*count;
  cqle_scan_close(s);
  return st == CQL_DONE ? CQL_OK : st;
}

static cql_status write_rows(cqle_txn *t, cql_arena *a, cql_error *err) {
  cql_status st = CQL_OK;
  for (int32_t i = -1; i < 10 && st == CQL_OK; i++) {
    cqle_row r;
    cql_slice clustering = int_value(&fixture, i);
    row_start(&fixture, &r, i < 0 ? NULL : &clustering);
    if (i < 0) {
      row_add(&fixture, &r, 3, live_cell(5, text_value("s")));
    } else {
      row_add(&fixture, &r, 4, live_cell(5, int_value(&fixture, i % 3)));
      cqle_column_data *d = row_add_multicell(&fixture, &r, 5, 2);
      d->cells[d->count] = live_cell(5, text_value(""));
      d->cells[d->count++].path = text_value("a");
      d->cells[d->count] = live_cell(5, text_value(""));
      d->cells[d->count++].path = text_value("b");
    }
    cql_arena_reset(a);
    st = cqle_table_write(t, table, int_pkey(&fixture, 1), &r, 0, a, err);
  }
  return st;
}

static cql_slice bound_of(int32_t v, bool after) {
  cql_alloc alloc = cqle_arena_alloc(&fixture);
  cql_buf b;
  cql_buf_init(&b, &alloc, 1 << 10);
  cqle_index_bound_put(&b, table->indexes[0], int_value(&fixture, v), after);
  return cql_buf_view(&b);
}

static cql_status read_rows(cqle_txn *t, cql_error *err) {
  static const cql_slice NOTHING = {NULL, 0};
  static const cqle_slice_bounds ALL = {{NULL, 0}, {NULL, 0}};
  uint32_t count = 0;
  cqle_scan *s;
  cql_status st;
  CQL_TRY(cqle_scan_tokens(t, table, INT64_MIN, INT64_MAX, NOTHING, &s, err));
  CQL_TRY(drain(s, &count, err));
  assert_int_equal(count, 11 - 3);
  CQL_TRY(cqle_scan_partition(t, table, int_pkey(&fixture, 1), ALL, true, true, NOTHING, &s, err));
  CQL_TRY(drain(s, &count, err));
  assert_int_equal(count, 2 * (11 - 3));
  CQL_TRY(cqle_scan_index(t, table, table->indexes[0], bound_of(0, false), bound_of(2, true), NOTHING, 2, &s, err));
  CQL_TRY(drain(s, &count, err));
  assert_int_equal(count, 3 * (11 - 3) - 1); /* the static row has no entry */
done:
  return st;
}

static cql_status work(cqle_txn *t, cql_arena *a, cql_error *err) {
  cql_status st;
  cql_slice from = int_value(&fixture, 2), to = int_value(&fixture, 4);
  cql_alloc alloc = cqle_arena_alloc(&fixture);
  cql_buf start, end;
  cql_buf_init(&start, &alloc, 1 << 10);
  cql_buf_init(&end, &alloc, 1 << 10);
  cqle_bound_put(&start, table, &from, 1, false);
  cqle_bound_put(&end, table, &to, 1, true);
  CQL_TRY(write_rows(t, a, err));
  CQL_TRY(cqle_table_delete_range(t, table, int_pkey(&fixture, 1),
                                  (cqle_slice_bounds){cql_buf_view(&start), cql_buf_view(&end)}, (cqle_deletion){9, 9},
                                  0, a, err));
  CQL_TRY(cqle_index_drop(t, table->indexes[0], err));
  CQL_TRY(cqle_index_build(t, table, table->indexes[0], err));
  CQL_TRY(read_rows(t, err));
done:
  return st;
}

static cql_status scenario(const char *path, const cql_alloc *alloc, cql_error *err) {
  cqle_store_config config = {.path = path, .busy_timeout_ms = 1000, .alloc = alloc};
  cqle_store *s = NULL;
  cqle_txn *t;
  cql_arena a;
  cql_arena_init(&a, alloc, CQL_ARENA_LIMIT_DEFAULT);
  cql_status st;
  CQL_TRY(cqle_store_open(&s, &config, err));
  CQL_TRY(cqle_txn_begin(s, true, &t, err));
  st = work(t, &a, err);
  cqle_txn_abort(t);
done:
  cqle_store_close(s);
  cql_arena_free(&a);
  return st;
}

static void fail_each(const char *path) {
  for (uint32_t nth = 1;; nth++) {
    faulty f = {.fail_at = nth};
    cql_alloc alloc = {faulty_resize, &f};
    cql_error err = {0};
    cql_status st = scenario(path, &alloc, &err);
    assert_int_equal(f.live, 0);
    if (!f.fired) {
      assert_ok(st, err);
      assert_true(nth > 20);
      break;
    }
    assert_int_equal(st, CQL_NOMEM);
    assert_int_equal(err.status, CQL_NOMEM);
    assert_true(err.message[0] != '\0');
  }
}

static void each_failed_allocation_is_reported_in_memory(void **state) {
  (void)state;
  fail_each(NULL);
}

static void each_failed_allocation_is_reported_on_a_file(void **state) {
  (void)state;
  temp place;
  char path[128];
  temp_make(&place);
  temp_path(&place, "db.cql", path);
  fail_each(path);
  temp_remove(&place);
}

/* --- SQLite's own memory ------------------------------------------------------------------------------------------ */

static sqlite3_mem_methods sqlite_memory;
static uint32_t sqlite_calls, sqlite_fail_at;

static void *sqlite_malloc(int size) {
  return ++sqlite_calls == sqlite_fail_at ? NULL : sqlite_memory.xMalloc(size);
}

static void *sqlite_realloc(void *ptr, int size) {
  return ++sqlite_calls == sqlite_fail_at ? NULL : sqlite_memory.xRealloc(ptr, size);
}

/* Before the first connection; without a store of small blocks, so that each of them is one call. */
static void count_memory_of_sqlite(void) {
  sqlite3_mem_methods counting;
  assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_memory), SQLITE_OK);
  counting = sqlite_memory;
  counting.xMalloc = sqlite_malloc;
  counting.xRealloc = sqlite_realloc;
  assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &counting), SQLITE_OK);
  assert_int_equal(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);
}

/* SQLite does without some of its blocks; what it needs must be reported by one status, in words. */
static void a_file_opens_or_says_why_when_sqlite_has_no_memory(void **state) {
  (void)state;
  temp place;
  char path[128];
  uint32_t refused = 0;
  temp_make(&place);
  temp_path(&place, "db.cql", path);
  cqle_store_config config = {.path = path, .busy_timeout_ms = 100, .alloc = &cql_alloc_libc};
  cqle_store_close(store_open(path));
  for (uint32_t nth = 1;; nth++) {
    cqle_store *s = NULL;
    cql_error err = {0};
    sqlite_calls = 0;
    sqlite_fail_at = nth;
    cql_status st = cqle_store_open(&s, &config, &err);
    bool all = sqlite_calls < nth;
    sqlite_fail_at = 0;
    cqle_store_close(s);
    if (all) break;
    if (st == CQL_OK) continue;
    refused++;
    if (err.status != st) fail_msg("block %u: %s returned, %s said", nth, cql_status_name(st), err.message);
    assert_true(err.message[0] != '\0');
  }
  assert_true(refused > 20);
  temp_remove(&place);
}

int main(void) {
  count_memory_of_sqlite();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(each_failed_allocation_is_reported_in_memory, setup, teardown),
      cmocka_unit_test_setup_teardown(each_failed_allocation_is_reported_on_a_file, setup, teardown),
      cmocka_unit_test(a_file_opens_or_says_why_when_sqlite_has_no_memory),
  };
  return cmocka_run_group_tests_name("store: out of memory", tests, NULL, NULL);
}
