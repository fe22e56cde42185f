/* test_store.c: the ordered map: its keys, cursors, snapshots, stamps and copies, and what it says when it cannot. */
#include "helper.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static temp place;
static cqle_store *store;
static cql_error err;

static int setup_file(void **state) {
  (void)state;
  char path[128];
  temp_make(&place);
  temp_path(&place, "db.cql", path);
  store = store_open(path);
  return 0;
}

static int setup_memory(void **state) {
  (void)state;
  temp_make(&place);
  store = store_open(NULL);
  return 0;
}

static int setup_place(void **state) {
  (void)state;
  temp_make(&place);
  store = NULL;
  return 0;
}

static int teardown(void **state) {
  (void)state;
  cqle_store_close(store);
  temp_remove(&place);
  return 0;
}

static cqle_txn *begin(bool write) {
  cqle_txn *t;
  assert_ok(cqle_txn_begin(store, write, &t, &err), err);
  return t;
}

static void put(cqle_txn *t, const char *key, const char *value) {
  assert_ok(cqle_put(t, cql_slice_str(key), cql_slice_str(value), &err), err);
}

static void assert_value(cqle_txn *t, const char *key, const char *expected) {
  cql_slice value;
  cql_status st = cqle_get(t, cql_slice_str(key), &value, &err);
  if (expected == NULL) {
    assert_int_equal(st, CQL_DONE);
  } else {
    assert_ok(st, err);
    assert_true(cql_slice_eq_str(value, expected));
  }
}

/* --- keys and values ---------------------------------------------------------------------------------------------- */

static void a_value_comes_back_until_it_is_deleted(void **state) {
  (void)state;
  cqle_txn *t = begin(true);
  assert_value(t, "a", NULL);
  put(t, "a", "1");
  put(t, "", "the empty key");
  put(t, "b", "");
  put(t, "a", "2");
  assert_value(t, "a", "2");
  assert_ok(cqle_txn_commit(t, &err), err);
  t = begin(true);
  assert_value(t, "a", "2");
  assert_value(t, "", "the empty key");
  assert_value(t, "b", "");
  assert_ok(cqle_del(t, cql_slice_str("a"), &err), err);
  assert_ok(cqle_del(t, cql_slice_str("nothing"), &err), err);
  assert_value(t, "a", NULL);
  assert_ok(cqle_txn_commit(t, &err), err);
}

static void an_aborted_transaction_leaves_nothing(void **state) {
  (void)state;
  cqle_txn *t = begin(true);
  put(t, "a", "1");
  cqle_txn_abort(t);
  t = begin(false);
  assert_value(t, "a", NULL);
  cqle_txn_abort(t);
}

static void a_reader_does_not_write(void **state) {
  (void)state;
  int64_t stamp;
  cqle_txn *t = begin(false);
  assert_false(cqle_txn_is_write(t));
  assert_int_equal(cqle_put(t, cql_slice_str("a"), cql_slice_str("1"), &err), CQL_MISUSE);
  assert_int_equal(cqle_txn_timestamp(t, 1, &stamp, &err), CQL_MISUSE);
  cqle_txn_abort(t);
}

static void large_keys_and_values_are_kept(void **state) {
  (void)state;
  enum { KEY_LEN = 70000, VALUE_LEN = 3 << 20 };
  uint8_t *key = cql_alloc_new(&cql_alloc_libc, KEY_LEN), *value = cql_alloc_new(&cql_alloc_libc, VALUE_LEN);
  chance c = {1};
  for (size_t i = 0; i < KEY_LEN; i++) key[i] = (uint8_t)chance_next(&c);
  for (size_t i = 0; i < VALUE_LEN; i++) value[i] = (uint8_t)chance_next(&c);
  cqle_txn *t = begin(true);
  cql_slice back;
  assert_ok(cqle_put(t, cql_slice_of(key, KEY_LEN), cql_slice_of(value, VALUE_LEN), &err), err);
  assert_ok(cqle_get(t, cql_slice_of(key, KEY_LEN), &back, &err), err);
  assert_true(cql_slice_eq(back, cql_slice_of(value, VALUE_LEN)));
  assert_ok(cqle_txn_commit(t, &err), err);
  cql_alloc_free(&cql_alloc_libc, key, KEY_LEN);
  cql_alloc_free(&cql_alloc_libc, value, VALUE_LEN);
}

/* --- cursors ------------------------------------------------------------------------------------------------------ */

static void assert_walk(cqle_txn *t, const char *from, const char *to, bool reverse, const char *expected) {
  cqle_cursor *c;
  cql_slice key, value;
  char got[64] = "";
  cql_status st;
  assert_ok(cqle_cursor_open(t, cql_slice_str(from), cql_slice_str(to), reverse, &c, &err), err);
  while ((st = cqle_cursor_next(c, &key, &value, &err)) == CQL_OK) {
    strncat(got, (const char *)key.data, key.len);
    strcat(got, ".");
    assert_true(cql_slice_eq(key, value));
  }
  assert_int_equal(st, CQL_DONE);
  assert_int_equal(cqle_cursor_next(c, &key, &value, &err), CQL_DONE); /* and stays so */
  cqle_cursor_close(c);
  assert_string_equal(got, expected);
}

static void cursors_walk_a_half_open_range_either_way(void **state) {
  (void)state;
  static const char *const KEYS[] = {"b", "a", "ab", "\xFF", "c", "B"};
  cqle_txn *t = begin(true);
  for (size_t i = 0; i < 6; i++) put(t, KEYS[i], KEYS[i]);
  assert_walk(t, "", "", false, "B.a.ab.b.c.\xFF.");
  assert_walk(t, "", "", true, "\xFF.c.b.ab.a.B.");
  assert_walk(t, "a", "b", false, "a.ab.");
  assert_walk(t, "a", "b", true, "ab.a.");
  assert_walk(t, "aa", "", true, "\xFF.c.b.ab.");
  assert_walk(t, "b", "a", false, "");
  assert_ok(cqle_del_range(t, cql_slice_str("a"), cql_slice_str("b"), &err), err);
  assert_walk(t, "", "", false, "B.b.c.\xFF.");
  assert_ok(cqle_del_range(t, cql_slice_str("c"), cql_slice_str(""), &err), err);
  assert_walk(t, "", "", false, "B.b.");
  assert_ok(cqle_txn_commit(t, &err), err);
}

/* A row deletion walks and writes at once; what was lent stays readable until the next step. */
static void writing_at_an_open_cursor_is_allowed(void **state) {
  (void)state;
  enum { COUNT = 3000 };
  char name[16];
  cqle_cursor *c;
  cql_slice key, value;
  cqle_txn *t = begin(true);
  for (int i = 0; i < COUNT; i++) {
    snprintf(name, sizeof name, "k%05d", i);
    put(t, name, name);
  }
  int seen = 0;
  assert_ok(cqle_cursor_open(t, cql_slice_str("k"), cql_slice_str("l"), false, &c, &err), err);
  while (cqle_cursor_next(c, &key, &value, &err) == CQL_OK) {
    snprintf(name, sizeof name, "k%05d", seen);
    if (seen % 3 == 0) assert_ok(cqle_del(t, key, &err), err);
    if (seen % 3 == 1) assert_ok(cqle_put(t, key, cql_slice_str("a longer value than was there before"), &err), err);
    name[0] = seen % 2 == 0 ? 'a' : 'z'; /* outside the bounds on either side */
    put(t, name, "x");
    name[0] = 'k';
    assert_true(cql_slice_eq_str(key, name));
    assert_true(cql_slice_eq_str(value, name));
    seen++;
  }
  assert_int_equal(seen, COUNT);
  cqle_cursor_close(c);
  assert_ok(cqle_txn_commit(t, &err), err);
}

static void several_cursors_are_open_at_once_and_end_with_the_transaction(void **state) {
  (void)state;
  cql_slice key, value;
  for (int round = 0; round < 3; round++) {
    cqle_cursor *cursors[5];
    cqle_txn *t = begin(true);
    put(t, "a", "a");
    put(t, "b", "b");
    for (int i = 0; i < 5; i++) {
      assert_ok(cqle_cursor_open(t, cql_slice_str(""), cql_slice_str("c"), i % 2 == 1, &cursors[i], &err), err);
      assert_ok(cqle_cursor_next(cursors[i], &key, &value, &err), err);
      assert_true(cql_slice_eq_str(key, i % 2 == 1 ? "b" : "a"));
    }
    cqle_cursor_close(cursors[2]);
    assert_ok(cqle_cursor_next(cursors[0], &key, &value, &err), err);
    assert_true(cql_slice_eq_str(key, "b"));
    assert_ok(cqle_txn_commit(t, &err), err);
  }
}

/* --- who sees what ------------------------------------------------------------------------------------------------ */

static void a_reader_sees_the_state_at_its_begin(void **state) {
  (void)state;
  cqle_txn *writer = begin(true);
  put(writer, "a", "1");
  assert_ok(cqle_txn_commit(writer, &err), err);
  cqle_txn *reader = begin(false); /* reads nothing yet */
  writer = begin(true);
  put(writer, "a", "2");
  assert_value(reader, "a", "1");
  assert_ok(cqle_txn_commit(writer, &err), err);
  assert_value(reader, "a", "1");
  cqle_txn_abort(reader);
  reader = begin(false);
  assert_value(reader, "a", "2");
  cqle_txn_abort(reader);
}

static void a_second_writer_waits_and_then_says_so(void **state) {
  (void)state;
  char path[128];
  temp_path(&place, "db.cql", path);
  cqle_store_config config = {.path = path, .busy_timeout_ms = 30, .alloc = &cql_alloc_libc};
  cqle_store *other;
  cqle_txn *t, *blocked;
  assert_ok(cqle_store_open(&other, &config, &err), err);
  t = begin(true);
  int64_t start = cql_clock_monotonic_us();
  assert_int_equal(cqle_txn_begin(other, true, &blocked, &err), CQL_BUSY);
  assert_in_range(cql_clock_monotonic_us() - start, 30000, 5000000);
  assert_non_null(strstr(err.message, "locked by another writer"));
  assert_null(blocked);
  assert_ok(cqle_txn_commit(t, &err), err);
  assert_ok(cqle_txn_begin(other, true, &blocked, &err), err);
  cqle_txn_abort(blocked);
  cqle_store_close(other);
}

/* The store's busy timeout is seconds; a test that waited it out would not pass in time. */
static void a_hasty_writer_does_not_wait(void **state) {
  (void)state;
  cqle_txn *second, *t = begin(true);
  assert_int_equal(cqle_txn_begin_now(store, &second, &err), CQL_BUSY);
  assert_null(second);
  assert_ok(cqle_txn_commit(t, &err), err);
  assert_ok(cqle_txn_begin_now(store, &second, &err), err);
  put(second, "a", "1");
  assert_ok(cqle_txn_commit(second, &err), err);
}

static void free_pages_are_given_back(void **state) {
  (void)state;
  enum { KEYS = 2000 };
  cqle_store_size size;
  char key[16], value[500];
  memset(value, 'v', sizeof value - 1);
  value[sizeof value - 1] = '\0';
  cqle_txn *t = begin(true);
  for (int i = 0; i < KEYS; i++) {
    snprintf(key, sizeof key, "%05d", i);
    put(t, key, value);
  }
  assert_ok(cqle_txn_commit(t, &err), err);
  t = begin(true);
  assert_ok(cqle_del_range(t, cql_slice_str("00010"), cql_slice_str("01990"), &err), err);
  assert_ok(cqle_txn_size(t, &size, &err), err);
  uint64_t before = size.bytes;
  assert_in_range(size.free, before / 2, before);
  assert_ok(cqle_txn_shrink(t, 10, &err), err);
  assert_ok(cqle_txn_size(t, &size, &err), err);
  assert_true(size.bytes < before && size.free > 0);
  assert_ok(cqle_txn_shrink(t, KEYS, &err), err);
  assert_ok(cqle_txn_size(t, &size, &err), err);
  assert_int_equal(size.free, 0);
  assert_true(size.bytes < before / 10);
  assert_value(t, "00009", value);
  assert_value(t, "01990", value);
  assert_ok(cqle_txn_commit(t, &err), err);
  assert_ok(cqle_store_checkpoint(store, &err), err);
  t = begin(false);
  assert_int_equal(cqle_txn_shrink(t, 1, &err), CQL_MISUSE);
  assert_value(t, "01999", value);
  cqle_txn_abort(t);
}

static void a_thread_has_one_transaction_in_memory(void **state) {
  (void)state;
  cqle_txn *second, *t = begin(false);
  assert_int_equal(cqle_txn_begin(store, false, &second, &err), CQL_MISUSE);
  assert_null(second);
  cqle_txn_abort(t);
  t = begin(true);
  cqle_txn_abort(t);
}

/* --- many threads ------------------------------------------------------------------------------------------------- */

enum { THREADS = 4, STEPS = 200 };

static void *count_up(void *arg) {
  cql_error e = {0};
  cql_status *st = arg;
  for (int i = 0; i < STEPS && *st == CQL_OK; i++) {
    cqle_txn *t;
    cql_slice value;
    uint8_t bytes[4];
    if ((*st = cqle_txn_begin(store, true, &t, &e)) != CQL_OK) break;
    *st = cqle_get(t, cql_slice_str("count"), &value, &e);
    cql_store_u32(bytes, *st == CQL_OK ? cql_load_u32(value.data) + 1 : 1);
    if (*st == CQL_DONE) *st = CQL_OK;
    if (*st == CQL_OK) *st = cqle_put(t, cql_slice_str("count"), cql_slice_of(bytes, 4), &e);
    cql_status end = cqle_txn_commit(t, &e);
    if (*st == CQL_OK) *st = end;
  }
  return NULL;
}

static void threads_take_turns_at_writing(void **state) {
  (void)state;
  pthread_t threads[THREADS];
  cql_status results[THREADS] = {CQL_OK};
  cql_slice value;
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, count_up, &results[i]), 0);
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(results[i], CQL_OK);
  }
  cqle_txn *t = begin(false);
  assert_ok(cqle_get(t, cql_slice_str("count"), &value, &err), err);
  assert_int_equal(cql_load_u32(value.data), THREADS * STEPS);
  cqle_txn_abort(t);
}

/* --- stamps ------------------------------------------------------------------------------------------------------- */

static int64_t stamp(cqle_txn *t, int64_t now) {
  int64_t out = 0;
  assert_ok(cqle_txn_timestamp(t, now, &out, &err), err);
  return out;
}

static void stamps_never_repeat_nor_go_back(void **state) {
  (void)state;
  cqle_txn *t = begin(true);
  assert_int_equal(stamp(t, 1000), 1000);
  assert_int_equal(stamp(t, 1000), 1001);
  assert_int_equal(stamp(t, 500), 1002);
  put(t, "a", "1");
  assert_ok(cqle_txn_commit(t, &err), err);
  t = begin(true);
  assert_int_equal(stamp(t, 900), 1003); /* the clock was set back */
  assert_int_equal(stamp(t, 5000), 5000);
  cqle_txn_abort(t); /* nothing carries 5000 */
  t = begin(true);
  assert_int_equal(stamp(t, 1001), 1003);
  cqle_txn_abort(t);
}

static void stamps_go_on_when_the_file_is_opened_again(void **state) {
  (void)state;
  char path[128];
  temp_path(&place, "db.cql", path);
  cqle_txn *t = begin(true);
  assert_int_equal(stamp(t, 7000), 7000);
  put(t, "a", "1");
  assert_ok(cqle_txn_commit(t, &err), err);
  cqle_store_close(store);
  store = store_open(path);
  t = begin(true);
  assert_int_equal(stamp(t, 10), 7001);
  cqle_txn_abort(t);
}

/* --- files -------------------------------------------------------------------------------------------------------- */

static void write_file(const char *path, const void *data, size_t len) {
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(data, 1, len, f), len);
  fclose(f);
}

static size_t read_file(const char *path, uint8_t *out, size_t cap) {
  FILE *f = fopen(path, "rb");
  assert_non_null(f);
  size_t len = fread(out, 1, cap, f);
  fclose(f);
  return len;
}

static cql_status try_open(const char *path) {
  cqle_store_config config = {.path = path, .busy_timeout_ms = 100, .alloc = &cql_alloc_libc};
  memset(&err, 0, sizeof err);
  cql_status st = cqle_store_open(&store, &config, &err);
  if (st != CQL_OK) {
    assert_null(store);
    assert_int_equal(err.status, st);
    assert_true(strlen(err.message) > 20);
  }
  return st;
}

/* The file is refused with these words, keeps every byte and its time, and gets no companion. */
static void assert_refused(const char *path, cql_status expected, const char *words) {
  static uint8_t before[1 << 16], after[1 << 16];
  struct stat old, new;
  uint32_t files = temp_count(&place);
  size_t len = read_file(path, before, sizeof before);
  assert_int_equal(stat(path, &old), 0);
  assert_int_equal(try_open(path), expected);
  if (strstr(err.message, words) == NULL) fail_msg("no \"%s\" in: %s", words, err.message);
  assert_int_equal(read_file(path, after, sizeof after), len);
  assert_memory_equal(before, after, len);
  assert_int_equal(stat(path, &new), 0);
  assert_memory_equal(&old.st_mtim, &new.st_mtim, sizeof old.st_mtim);
  assert_int_equal(temp_count(&place), files);
}

static void make_sqlite(const char *path, const char *sql) {
  sqlite3 *db;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
}

static void a_file_that_is_not_ours_is_refused_unharmed(void **state) {
  (void)state;
  char path[128];
  temp_path(&place, "text", path);
  write_file(path, "x", 1);
  assert_refused(path, CQL_NOT_A_DATABASE, "is not a libcql database");
  write_file(path,
             "Dear diary, today I learned that a file is what you make of it. More tomorrow, if there is one.\n\n", 97);
  assert_refused(path, CQL_NOT_A_DATABASE, "give another path");
  temp_path(&place, "other.sqlite", path);
  make_sqlite(path, "CREATE TABLE auth_user (id); INSERT INTO auth_user VALUES (1)");
  assert_refused(path, CQL_NOT_A_DATABASE, "another application");
  temp_path(&place, "wal.sqlite", path);
  make_sqlite(path, "PRAGMA journal_mode = WAL; CREATE TABLE auth_user (id)");
  assert_refused(path, CQL_NOT_A_DATABASE, "another application");
}

/* A log beside it would be replayed by whoever opens the file with SQLite. */
static void a_foreign_database_in_use_is_left_to_its_owner(void **state) {
  (void)state;
  char path[128];
  sqlite3 *db;
  temp_path(&place, "live.sqlite", path);
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db,
                                "PRAGMA journal_mode = WAL; CREATE TABLE t (id); PRAGMA wal_checkpoint(TRUNCATE);"
                                "INSERT INTO t VALUES (1)",
                                NULL, NULL, NULL),
                   SQLITE_OK);
  assert_refused(path, CQL_NOT_A_DATABASE, "another application");
  assert_int_equal(sqlite3_exec(db, "INSERT INTO t VALUES (2)", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
}

static void a_file_of_another_format_is_refused_unharmed(void **state) {
  (void)state;
  char path[128];
  temp_path(&place, "new.cql", path);
  cqle_store_close(store_open(path));
  make_sqlite(path, "PRAGMA user_version = 2");
  assert_refused(path, CQL_VERSION, "has file format 2, and this libcql reads format 1");
}

static void a_cut_file_is_refused_unharmed(void **state) {
  (void)state;
  static uint8_t whole[1 << 16];
  char path[128];
  temp_path(&place, "cut.cql", path);
  cqle_store_close(store_open(path));
  size_t len = read_file(path, whole, sizeof whole);
  assert_in_range(len, 4096, sizeof whole - 1);
  static const size_t LENGTHS[] = {16, 50, 99, 100, 512, 4095, 4096};
  for (size_t i = 0; i < sizeof LENGTHS / sizeof LENGTHS[0]; i++) {
    write_file(path, whole, LENGTHS[i]);
    assert_refused(path, CQL_CORRUPT, "cut off");
  }
  write_file(path, whole, 10);
  assert_refused(path, CQL_NOT_A_DATABASE, "is not a libcql database");
}

/* Every page but the first is noise. */
static void damage_inside_is_an_error_in_words(void **state) {
  (void)state;
  static uint8_t whole[1 << 16];
  char path[128];
  cqle_txn *t = NULL;
  cql_slice value;
  temp_path(&place, "damaged.cql", path);
  cqle_store_close(store_open(path));
  size_t len = read_file(path, whole, sizeof whole);
  memset(whole + 4096, 0xA5, len - 4096);
  write_file(path, whole, len);
  cql_status st = try_open(path);
  if (st == CQL_OK) st = cqle_txn_begin(store, false, &t, &err);
  if (st == CQL_OK) st = cqle_get(t, cql_slice_str("a"), &value, &err);
  cqle_txn_abort(t);
  assert_int_equal(st, CQL_CORRUPT);
  assert_non_null(strstr(err.message, "malformed"));
  memset(whole + 100, 0xA5, 4096 - 100); /* and now the schema too */
  write_file(path, whole, len);
  cqle_store_close(store);
  assert_int_equal(try_open(path), CQL_CORRUPT);
}

static void places_that_cannot_hold_a_file_are_refused(void **state) {
  (void)state;
  char path[128];
  assert_int_equal(try_open(place.dir), CQL_IO);
  assert_non_null(strstr(err.message, "is a directory"));
  temp_path(&place, "no/such/dir/db.cql", path);
  assert_int_equal(try_open(path), CQL_IO);
  assert_non_null(strstr(err.message, "its directory is missing or cannot be written"));
  assert_int_equal(try_open(""), CQL_IO);
  assert_int_equal(try_open("/dev/null"), CQL_IO);
  assert_int_equal(temp_count(&place), 0);
}

static void an_empty_file_counts_as_new(void **state) {
  (void)state;
  char path[128];
  temp_path(&place, "empty", path);
  write_file(path, "", 0);
  assert_int_equal(try_open(path), CQL_OK);
  cqle_txn *t = begin(true);
  put(t, "a", "1");
  assert_ok(cqle_txn_commit(t, &err), err);
}

static void names_that_sqlite_reads_otherwise_are_files_here(void **state) {
  (void)state;
  char cwd[4096];
  assert_non_null(getcwd(cwd, sizeof cwd));
  assert_int_equal(chdir(place.dir), 0);
  assert_int_equal(try_open(":memory:"), CQL_OK);
  assert_int_equal(chdir(cwd), 0); /* the store still knows where its file is */
  cqle_txn *first = begin(false), *second = begin(false);
  cqle_txn_abort(first);
  cqle_txn_abort(second);
  cqle_store_close(store);
  store = NULL;
  assert_int_equal(temp_count(&place), 1);
}

static void nothing_but_the_file_is_left_after_closing(void **state) {
  (void)state;
  cqle_txn *t = begin(true);
  put(t, "a", "1");
  assert_ok(cqle_txn_commit(t, &err), err);
  cqle_store_close(store);
  store = NULL;
  assert_int_equal(temp_count(&place), 1);
}

/* --- backup ------------------------------------------------------------------------------------------------------- */

static void a_backup_is_a_store_of_its_own(void **state) {
  (void)state;
  char path[128];
  cqle_txn *t = begin(true);
  put(t, "a", "1");
  assert_int_equal(stamp(t, 42), 42);
  assert_ok(cqle_txn_commit(t, &err), err);
  temp_path(&place, "copy.cql", path);
  assert_ok(cqle_store_backup(store, path, &err), err);
  t = begin(true);
  put(t, "a", "2");
  assert_ok(cqle_txn_commit(t, &err), err);
  cqle_store_close(store);
  store = store_open(path);
  t = begin(true);
  assert_value(t, "a", "1");
  assert_int_equal(stamp(t, 1), 43);
  cqle_txn_abort(t);
}

static void a_backup_overwrites_nothing(void **state) {
  (void)state;
  char path[128];
  uint8_t back[8];
  temp_path(&place, "mine", path);
  write_file(path, "mine", 4);
  assert_int_equal(cqle_store_backup(store, path, &err), CQL_IO);
  assert_non_null(strstr(err.message, "exists already"));
  assert_int_equal(read_file(path, back, sizeof back), 4);
  temp_path(&place, "no/such/dir", path);
  assert_int_equal(cqle_store_backup(store, path, &err), CQL_IO);
}

#define ON_BOTH(test)                                                                                                  \
  {#test " (file)", test, setup_file, teardown, NULL}, {                                                               \
#test " (memory)", test, setup_memory, teardown, NULL                                                              \
  }
#define ON_FILE(test)  cmocka_unit_test_setup_teardown(test, setup_file, teardown)
#define ON_PLACE(test) cmocka_unit_test_setup_teardown(test, setup_place, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      ON_BOTH(a_value_comes_back_until_it_is_deleted),
      ON_BOTH(an_aborted_transaction_leaves_nothing),
      ON_BOTH(a_reader_does_not_write),
      ON_BOTH(large_keys_and_values_are_kept),
      ON_BOTH(cursors_walk_a_half_open_range_either_way),
      ON_BOTH(writing_at_an_open_cursor_is_allowed),
      ON_BOTH(several_cursors_are_open_at_once_and_end_with_the_transaction),
      ON_FILE(a_reader_sees_the_state_at_its_begin),
      ON_FILE(a_second_writer_waits_and_then_says_so),
      ON_FILE(a_hasty_writer_does_not_wait),
      ON_BOTH(free_pages_are_given_back),
      cmocka_unit_test_setup_teardown(a_thread_has_one_transaction_in_memory, setup_memory, teardown),
      ON_BOTH(threads_take_turns_at_writing),
      ON_BOTH(stamps_never_repeat_nor_go_back),
      ON_FILE(stamps_go_on_when_the_file_is_opened_again),
      ON_PLACE(a_file_that_is_not_ours_is_refused_unharmed),
      ON_PLACE(a_foreign_database_in_use_is_left_to_its_owner),
      ON_PLACE(a_file_of_another_format_is_refused_unharmed),
      ON_PLACE(a_cut_file_is_refused_unharmed),
      ON_PLACE(damage_inside_is_an_error_in_words),
      ON_PLACE(places_that_cannot_hold_a_file_are_refused),
      ON_PLACE(an_empty_file_counts_as_new),
      ON_PLACE(names_that_sqlite_reads_otherwise_are_files_here),
      ON_FILE(nothing_but_the_file_is_left_after_closing),
      ON_BOTH(a_backup_is_a_store_of_its_own),
      ON_BOTH(a_backup_overwrites_nothing),
  };
  return cmocka_run_group_tests_name("store: files and transactions", tests, NULL, NULL);
}
