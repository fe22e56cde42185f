/* test_processes.c: several processes on one file: made at once, written in turns, forked in the middle, killed. */
#include "helper.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static temp place;
static char path[128];
static cql_error err;

static int setup(void **state) {
  (void)state;
  temp_make(&place);
  temp_path(&place, "db.cql", path);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  temp_remove(&place);
  return 0;
}

/* --- children: they report by exit status, and leave without cmocka's or a sanitizer's last words
 * ------------------- */

#define CHILD_TRY(call)                                                                                                \
  do {                                                                                                                 \
    cql_status child_st = (call);                                                                                      \
    if (child_st != CQL_OK) {                                                                                          \
      fprintf(stderr, "child: %s: %s: %s\n", #call, cql_status_name(child_st), err.message);                           \
      _exit(1);                                                                                                        \
    }                                                                                                                  \
  } while (0)

static void assert_child_ok(pid_t pid) {
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 0);
}

static cqle_store *child_open(void) {
  cqle_store_config config = {.path = path, .busy_timeout_ms = 30000, .alloc = &cql_alloc_libc};
  cqle_store *s;
  CHILD_TRY(cqle_store_open(&s, &config, &err));
  return s;
}

/* Adds one to a number under key. */
static cql_status increment(cqle_store *s, const char *key) {
  cqle_txn *t;
  cql_slice value;
  uint8_t bytes[4];
  cql_status st = cqle_txn_begin(s, true, &t, &err);
  if (st != CQL_OK) return st;
  st = cqle_get(t, cql_slice_str(key), &value, &err);
  cql_store_u32(bytes, st == CQL_OK ? cql_load_u32(value.data) + 1 : 1);
  if (st == CQL_OK || st == CQL_DONE) st = cqle_put(t, cql_slice_str(key), cql_slice_of(bytes, 4), &err);
  cql_status end = cqle_txn_commit(t, &err);
  return st == CQL_OK ? end : st;
}

static uint32_t number(cqle_store *s, const char *key) {
  cqle_txn *t;
  cql_slice value;
  assert_ok(cqle_txn_begin(s, false, &t, &err), err);
  cql_status st = cqle_get(t, cql_slice_str(key), &value, &err);
  uint32_t out = st == CQL_OK ? cql_load_u32(value.data) : 0;
  cqle_txn_abort(t);
  return out;
}

/* --- together ----------------------------------------------------------------------------------------------------- */

static void processes_make_the_file_at_the_same_moment(void **state) {
  (void)state;
  enum { PROCESSES = 4, ROUNDS = 10 };
  for (int round = 0; round < ROUNDS; round++) {
    pid_t pids[PROCESSES];
    int go[2];
    char byte;
    assert_int_equal(pipe(go), 0);
    for (int i = 0; i < PROCESSES; i++) {
      pids[i] = fork();
      if (pids[i] == 0) {
        close(go[1]);
        if (read(go[0], &byte, 1) != 0) _exit(2); /* until the parent lets go of its end */
        cqle_store *s = child_open();
        CHILD_TRY(increment(s, "n"));
        cqle_store_close(s);
        _exit(0);
      }
    }
    close(go[0]);
    close(go[1]);
    for (int i = 0; i < PROCESSES; i++) assert_child_ok(pids[i]);
    cqle_store *s = store_open(path);
    assert_int_equal(number(s, "n"), PROCESSES);
    cqle_store_close(s);
    assert_int_equal(unlink(path), 0);
  }
}

static void processes_take_turns_at_writing(void **state) {
  (void)state;
  enum { PROCESSES = 4, STEPS = 250 };
  pid_t pids[PROCESSES];
  for (int i = 0; i < PROCESSES; i++) {
    pids[i] = fork();
    if (pids[i] == 0) {
      cqle_store *s = child_open();
      for (int step = 0; step < STEPS; step++) CHILD_TRY(increment(s, "n"));
      cqle_store_close(s);
      _exit(0);
    }
  }
  for (int i = 0; i < PROCESSES; i++) assert_child_ok(pids[i]);
  cqle_store *s = store_open(path);
  assert_int_equal(number(s, "n"), PROCESSES * STEPS);
  cqle_store_close(s);
}

/* All ask with a clock that stands still, so each stamp must be the one before plus one, whoever gave that. */
static void stamps_rise_across_processes(void **state) {
  (void)state;
  enum { PROCESSES = 4, STEPS = 100 };
  pid_t pids[PROCESSES];
  for (int i = 0; i < PROCESSES; i++) {
    pids[i] = fork();
    if (pids[i] == 0) {
      cqle_store *s = child_open();
      for (int step = 0; step < STEPS; step++) {
        cqle_txn *t;
        int64_t stamp;
        uint8_t key[8];
        cql_slice value;
        CHILD_TRY(cqle_txn_begin(s, true, &t, &err));
        CHILD_TRY(cqle_txn_timestamp(t, 1000, &stamp, &err));
        cql_store_u64(key, (uint64_t)stamp);
        if (cqle_get(t, cql_slice_of(key, 8), &value, &err) != CQL_DONE) _exit(3); /* given before */
        CHILD_TRY(cqle_put(t, cql_slice_of(key, 8), cql_slice_of(key, 8), &err));
        CHILD_TRY(cqle_txn_commit(t, &err));
      }
      cqle_store_close(s);
      _exit(0);
    }
  }
  for (int i = 0; i < PROCESSES; i++) assert_child_ok(pids[i]);
  cqle_store *s = store_open(path);
  cqle_txn *t;
  int64_t stamp;
  assert_ok(cqle_txn_begin(s, true, &t, &err), err);
  assert_ok(cqle_txn_timestamp(t, 0, &stamp, &err), err);
  assert_int_equal(stamp, 1000 + PROCESSES * STEPS);
  cqle_txn_abort(t);
  cqle_store_close(s);
}

/* --- fork --------------------------------------------------------------------------------------------------------- */

/* The store is open and in use when the process forks; both sides go on with the same handle. */
static void parent_and_child_go_on_after_a_fork(void **state) {
  (void)state;
  enum { CHILDREN = 3, STEPS = 100 };
  pid_t pids[CHILDREN];
  cqle_store *s = store_open(path);
  assert_ok(increment(s, "n"), err);
  for (int i = 0; i < CHILDREN; i++) {
    pids[i] = fork();
    if (pids[i] == 0) {
      for (int step = 0; step < STEPS; step++) CHILD_TRY(increment(s, "n"));
      cqle_store_close(s);
      _exit(0);
    }
    for (int step = 0; step < STEPS; step++) assert_ok(increment(s, "n"), err);
  }
  for (int i = 0; i < CHILDREN; i++) assert_child_ok(pids[i]);
  assert_int_equal(number(s, "n"), 1 + 2 * CHILDREN * STEPS);
  cqle_store_close(s);
  assert_int_equal(temp_count(&place), 1);
}

/* SQLite keeps a process's locks by inode. A child that inherited them would hold none of its own: when its parent
 * closes, the last lock would be gone, and with it the log that the child still writes to. */
static void a_child_holds_locks_of_its_own(void **state) {
  (void)state;
  int ready[2], closed[2];
  char byte = 0;
  assert_int_equal(pipe(ready), 0);
  assert_int_equal(pipe(closed), 0);
  cqle_store *s = store_open(path);
  assert_ok(increment(s, "n"), err);
  pid_t pid = fork();
  if (pid == 0) {
    close(closed[1]);
    CHILD_TRY(increment(s, "n"));
    if (write(ready[1], &byte, 1) != 1) _exit(2);
    if (read(closed[0], &byte, 1) != 0) _exit(2); /* until the parent has closed the file */
    for (int i = 0; i < 100; i++) CHILD_TRY(increment(s, "n"));
    cqle_store_close(s);
    _exit(0);
  }
  assert_int_equal(read(ready[0], &byte, 1), 1);
  cqle_store_close(s);
  assert_int_equal(temp_count(&place), 3); /* the child's log and its index are still there */
  close(closed[0]);
  close(closed[1]);
  assert_child_ok(pid);
  close(ready[0]);
  close(ready[1]);
  s = store_open(path);
  assert_int_equal(number(s, "n"), 102);
  cqle_store_close(s);
}

static cqle_store *shared;
static atomic_bool stop;

static void *keep_writing(void *arg) {
  (void)arg;
  cql_error e;
  for (uint32_t i = 0; !stop; i++) {
    cqle_txn *t;
    uint8_t key[4];
    cql_store_u32(key, i % 100);
    if (cqle_txn_begin(shared, true, &t, &e) != CQL_OK) abort();
    if (cqle_put(t, cql_slice_of(key, 4), cql_slice_of(key, 4), &e) != CQL_OK) abort();
    if (cqle_txn_commit(t, &e) != CQL_OK) abort();
  }
  return NULL;
}

/* A fork finds other threads in the middle of their transactions. */
static void fork_while_threads(const char *where) {
  enum { THREADS = 2, FORKS = 20 };
  pthread_t threads[THREADS];
  shared = store_open(where);
  stop = false;
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, keep_writing, NULL), 0);
  for (int i = 0; i < FORKS; i++) {
    pid_t pid = fork();
    if (pid == 0) {
      alarm(30); /* a child that waits for a thread that is not there */
      for (int step = 0; step < 5; step++) CHILD_TRY(increment(shared, "child"));
      cqle_store_close(shared);
      _exit(0);
    }
    assert_child_ok(pid);
  }
  stop = true;
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  assert_int_equal(number(shared, "child"), where == NULL ? 0 : FORKS * 5);
  cqle_store_close(shared);
}

static void a_fork_waits_for_the_transactions_of_other_threads(void **state) {
  (void)state;
  fork_while_threads(path);
}

static void a_store_in_memory_goes_on_as_a_copy(void **state) {
  (void)state;
  fork_while_threads(NULL);
}

static void a_fork_inside_a_transaction_is_told_to_the_child(void **state) {
  (void)state;
  cqle_txn *t, *other;
  cqle_store *s = store_open(path);
  assert_ok(cqle_txn_begin(s, true, &t, &err), err);
  assert_ok(cqle_put(t, cql_slice_str("a"), cql_slice_str("1"), &err), err);
  pid_t pid = fork();
  if (pid == 0) _exit(cqle_txn_begin(s, false, &other, &err) == CQL_MISUSE ? 0 : 1);
  assert_child_ok(pid);
  assert_ok(cqle_txn_commit(t, &err), err);
  cqle_store_close(s);
}

/* --- kill -9 ------------------------------------------------------------------------------------------------------ */

/* Writes numbers 0, 1, 2, … of its own, and reports each to the pipe once it is committed. */
static void write_until_killed(uint32_t self, uint32_t first, int report) {
  cqle_store *s = child_open();
  for (uint32_t i = first;; i++) {
    cqle_txn *t;
    uint8_t key[8], value[600];
    int64_t stamp;
    cql_store_u32(key, self);
    cql_store_u32(key + 4, i);
    memset(value, (int)i, sizeof value);
    CHILD_TRY(cqle_txn_begin(s, true, &t, &err));
    CHILD_TRY(cqle_txn_timestamp(t, cql_clock_now_us(), &stamp, &err));
    CHILD_TRY(cqle_put(t, cql_slice_of(key, 8), cql_slice_of(value, sizeof value), &err));
    CHILD_TRY(cqle_txn_commit(t, &err));
    if (write(report, key, 8) != 8) _exit(2);
  }
}

static void drain(int fd, uint32_t *acknowledged) {
  uint8_t key[8];
  while (read(fd, key, 8) == 8) {
    uint32_t next = cql_load_u32(key + 4) + 1;
    if (next > acknowledged[cql_load_u32(key)]) acknowledged[cql_load_u32(key)] = next;
  }
}

static void assert_all_there(uint32_t writers, const uint32_t *acknowledged, uint32_t *there) {
  cqle_store *s = store_open(path);
  cqle_txn *t;
  assert_ok(cqle_txn_begin(s, false, &t, &err), err);
  for (uint32_t w = 0; w < writers; w++) {
    uint8_t key[8];
    cql_slice value;
    cql_status st = CQL_OK;
    cql_store_u32(key, w);
    for (uint32_t i = 0; st == CQL_OK; i++) {
      cql_store_u32(key + 4, i);
      st = cqle_get(t, cql_slice_of(key, 8), &value, &err);
      if (st != CQL_OK)
        there[w] = i;
      else
        assert_true(value.len == 600 && value.data[599] == (uint8_t)i);
    }
    assert_int_equal(st, CQL_DONE);
    assert_in_range(there[w], acknowledged[w], acknowledged[w] + 1); /* one may be done, but not reported */
  }
  cqle_txn_abort(t);
  cqle_store_close(s);
}

static void assert_sound(void) {
  sqlite3 *db;
  sqlite3_stmt *stmt;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
  assert_string_equal((const char *)sqlite3_column_text(stmt, 0), "ok");
  sqlite3_finalize(stmt);
  sqlite3_close(db);
}

static void no_acknowledged_write_is_lost_to_kill_9(void **state) {
  (void)state;
  enum { WRITERS = 4, ROUNDS = 20 };
  uint32_t acknowledged[WRITERS] = {0}, there[WRITERS] = {0};
  chance c = {9};
  for (int round = 0; round < ROUNDS; round++) {
    pid_t pids[WRITERS];
    int report[2];
    assert_int_equal(pipe(report), 0);
    fcntl(report[1], F_SETPIPE_SZ, 1 << 20);
    for (uint32_t w = 0; w < WRITERS; w++) {
      pids[w] = fork();
      if (pids[w] == 0) {
        close(report[0]);
        write_until_killed(w, there[w], report[1]);
      }
    }
    close(report[1]);
    nanosleep(&(struct timespec){0, 20000000 + (long)chance_below(&c, 60000000)}, NULL);
    for (uint32_t w = 0; w < WRITERS; w++) assert_int_equal(kill(pids[w], SIGKILL), 0);
    for (uint32_t w = 0; w < WRITERS; w++) {
      int status;
      waitpid(pids[w], &status, 0);
      assert_true(WIFSIGNALED(status)); /* not stopped by an error of its own */
    }
    drain(report[0], acknowledged);
    close(report[0]);
    assert_all_there(WRITERS, acknowledged, there);
    for (uint32_t w = 0; w < WRITERS; w++) acknowledged[w] = there[w];
  }
  assert_sound();
  assert_true(there[0] + there[1] + there[2] + there[3] > 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(processes_make_the_file_at_the_same_moment, setup, teardown),
      cmocka_unit_test_setup_teardown(processes_take_turns_at_writing, setup, teardown),
      cmocka_unit_test_setup_teardown(stamps_rise_across_processes, setup, teardown),
      cmocka_unit_test_setup_teardown(parent_and_child_go_on_after_a_fork, setup, teardown),
      cmocka_unit_test_setup_teardown(a_child_holds_locks_of_its_own, setup, teardown),
      cmocka_unit_test_setup_teardown(a_fork_waits_for_the_transactions_of_other_threads, setup, teardown),
      cmocka_unit_test_setup_teardown(a_store_in_memory_goes_on_as_a_copy, setup, teardown),
      cmocka_unit_test_setup_teardown(a_fork_inside_a_transaction_is_told_to_the_child, setup, teardown),
      cmocka_unit_test_setup_teardown(no_acknowledged_write_is_lost_to_kill_9, setup, teardown),
  };
  return cmocka_run_group_tests_name("store: processes", tests, NULL, NULL);
}
