/* test_faults_corpus.c: every statement of tests/data/cql, with each of its allocations, pieces of an arena and calls
 * of the store failing in turn. A statement that met a fault fails in words and changes nothing; without the fault it
 * then does what it does on an engine that never saw one. Nothing is leaked.
 *
 *   CQL_FAULTS=all   every n; otherwise a step that grows with n, so that it stays within seconds
 *   arguments        only these files
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>

#include "corpus.h"
#include "engine/engine_int.h"
#include "faults.h"

enum { VALUES_MAX = 64, ANSWER_LEN_MAX = 1 << 22, PAGES_MAX = 1000, FILES_MAX = 200, SHOWN_MAX = 20 };

/* One engine and what its last statement came to. */
typedef struct side {
  cql_engine *engine;
  int64_t now_us;
  char keyspace[CQL_NAME_LEN];
  cql_status status;
  cql_error err;
  cql_buf answer;
} side;

typedef struct pair {
  side steady, faulty;
  const char *path;
  const corpus_step *step;
  bool every;
  uint64_t fired;
} pair;

static int64_t clock_of(void *user) {
  const side *s = user;
  return s->now_us;
}

static void side_open(side *s, const cql_alloc *alloc) {
  *s = (side){.now_us = 1700000000000000};
  cql_engine_config config = {.alloc = alloc, .now_us = clock_of, .now_user = s};
  cql_buf_init(&s->answer, &cql_alloc_libc, ANSWER_LEN_MAX);
  assert_int_equal(cql_engine_open(&s->engine, &config, &s->err), CQL_OK);
}

static void side_close(side *s) {
  cql_engine_close(s->engine);
  cql_buf_free(&s->answer);
}

/* --- running a statement ------------------------------------------------------------------------------------------ */

/* Values by the plan's markers; what is no literal of the type is a null. */
static uint32_t bind_values(cql_arena *a, const cql_plan_info *info, cql_slice list, cql_value *out) {
  cql_slice literal, bytes;
  uint32_t n = 0;
  while (n < VALUES_MAX && corpus_next_literal(&list, &literal)) {
    cql_value *v = &out[n];
    *v = (cql_value){NULL, CQL_NULL};
    if (cql_slice_eq_str(literal, "unset")) {
      v->len = CQL_UNSET;
    } else if (cql_slice_eq_str(literal, "empty")) {
      *v = (cql_value){(const uint8_t *)"", 0};
    } else if (n < info->bind_count && cql_value_parse(a, info->binds[n].type, literal, &bytes, NULL) == CQL_OK &&
               bytes.data != NULL) {
      *v = (cql_value){bytes.data, (int32_t)bytes.len};
    }
    n++;
  }
  return n;
}

static void put_rows(cql_buf *b, cql_result *r) {
  cql_buf_printf(b, "kind %d\n", (int)r->kind);
  for (uint32_t i = 0; i < r->column_count; i++) {
    cql_buf_printf(b, " %s ", r->columns[i].name);
    cql_type_print_cql(b, r->columns[i].type);
  }
  cql_buf_slice(b, cql_buf_view(&r->body));
  for (uint32_t i = 0; i < r->warning_count; i++) cql_buf_str(b, r->warnings[i]);
}

static cql_status run_pages(side *s, cql_plan *plan, const corpus_step *step, const cql_value *values, uint32_t count) {
  cql_request q = CQL_REQUEST_INIT;
  cql_arena states;
  cql_status st = CQL_OK;
  cql_arena_init(&states, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  q.values = values;
  q.value_count = count;
  q.page_size = step->page_size;
  for (int page = 0; st == CQL_OK && page < PAGES_MAX; page++) {
    cql_result *r;
    st = cql_engine_execute(s->engine, plan, &q, &r, &s->err);
    if (st != CQL_OK) break;
    put_rows(&s->answer, r);
    if (r->kind == CQL_RESULT_SET_KEYSPACE) snprintf(s->keyspace, sizeof s->keyspace, "%s", r->keyspace);
    bool more = r->paging_state.data != NULL;
    if (more) {
      uint8_t *copy = malloc(r->paging_state.len);
      memcpy(copy, r->paging_state.data, r->paging_state.len);
      free((void *)(uintptr_t)q.paging_state);
      q.paging_state = copy;
      q.paging_state_len = r->paging_state.len;
    }
    cql_result_free(r);
    if (!more) break;
  }
  free((void *)(uintptr_t)q.paging_state);
  cql_arena_free(&states);
  return st;
}

static void run(side *s, const corpus_step *step) {
  cql_plan *plan = NULL;
  cql_value values[VALUES_MAX];
  cql_arena a;
  uint32_t count = 0;
  cql_buf_reset(&s->answer);
  s->err = (cql_error){.status = CQL_OK};
  cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  s->status = cql_engine_prepare(s->engine, s->keyspace[0] == '\0' ? NULL : s->keyspace, step->text, &plan, &s->err);
  if (s->status == CQL_OK) {
    fault_pause(true);
    if (step->bind.data != NULL) count = bind_values(&a, cql_plan_get_info(plan), step->bind, values);
    fault_pause(false);
    s->status = run_pages(s, plan, step, values, count);
  }
  cql_plan_release(plan);
  cql_arena_free(&a);
}

/* --- what must hold ----------------------------------------------------------------------------------------------- */

/* All keys and values; a transaction that was left open makes this fail. */
static uint64_t digest(cql_engine *e) {
  static const cql_slice ALL = {NULL, 0};
  cqle_txn *t;
  cqle_cursor *c;
  cql_slice key, value;
  cql_error err = {.status = CQL_OK};
  uint64_t sum = 0;
  if (cqle_txn_begin(e->store, false, &t, &err) != CQL_OK) fail_msg("a transaction is left open: %s", err.message);
  assert_int_equal(cqle_cursor_open(t, ALL, ALL, false, &c, &err), CQL_OK);
  while (cqle_cursor_next(c, &key, &value, &err) == CQL_OK) {
    sum = sum * 0x9E3779B97F4A7C15ULL + (uint64_t)cql_murmur3_token(key);
    sum = sum * 0x9E3779B97F4A7C15ULL + (uint64_t)cql_murmur3_token(value);
  }
  cqle_cursor_close(c);
  cqle_txn_abort(t);
  return sum;
}

static unsigned broken;

static void explain(const pair *p, fault_kind kind, uint64_t n, const char *what) {
  static const char *const NAMES[] = {"none", "malloc", "arena", "store"};
  if (broken++ >= SHOWN_MAX) return;
  print_error("%s:%u: " CQL_SLICE_FMT "\n  %s %llu: %s\n  with the fault %s: %s\n  without %s: %s\n", p->path,
              p->step->line, CQL_SLICE_ARG(p->step->text), NAMES[kind], (unsigned long long)n, what,
              cql_status_name(p->faulty.status), p->faulty.err.message, cql_status_name(p->steady.status),
              p->steady.err.message);
  if (fault_fired()) fault_print_callers();
}

/* What they show is made by chance: ids of tables, schema versions. */
static bool is_random(cql_slice text) {
  static const char *const WORDS[] = {"now(", "uuid(", "NOW(", "UUID(", "system", "DESCRIBE"};
  for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
    if (memmem(text.data, text.len, WORDS[i], strlen(WORDS[i])) != NULL) return true;
  return false;
}

static void check_same_answer(const pair *p, fault_kind kind, uint64_t n) {
  const side *x = &p->faulty, *y = &p->steady;
  if (x->status != y->status) explain(p, kind, n, "another status");
  if (p->step->any || is_random(p->step->text)) return;
  if (strcmp(x->err.message, y->err.message) != 0) explain(p, kind, n, "other words");
  if (!cql_slice_eq(cql_buf_view(&x->answer), cql_buf_view(&y->answer))) explain(p, kind, n, "other rows");
}

static cql_status status_for(fault_kind kind, uint64_t n) {
  static const cql_status STORE[] = {CQL_IO, CQL_BUSY, CQL_NOMEM, CQL_CORRUPT};
  return kind == FAULT_STORE ? STORE[n % 4] : CQL_NOMEM;
}

/* Runs it with the nth call failing; false: there is no nth call, so it has run as always. */
static bool fail_nth(pair *p, fault_kind kind, uint64_t n, uint64_t before) {
  side *s = &p->faulty;
  cql_status want = status_for(kind, n);
  fault_arm(kind, n, want);
  run(s, p->step);
  fault_disarm();
  if (!fault_fired()) return false;
  p->fired++;
  if (s->status == CQL_OK) explain(p, kind, n, "the fault was swallowed");
  /* A statement that is refused anyway may be so in poorer words. */
  if (s->status != want && s->status != p->steady.status) explain(p, kind, n, "another status than the fault's");
  if (s->status != CQL_OK && (s->err.status != s->status || s->err.message[0] == '\0')) explain(p, kind, n, "no words");
  if (digest(s->engine) != before) explain(p, kind, n, "the fault left something behind");
  return true;
}

static uint64_t step_behind(const pair *p, uint64_t n) {
  return p->every ? 1 : 1 + n / 6;
}

/* Every n of one kind, until there is no nth call. */
static void fail_each_of(pair *p, fault_kind kind, uint64_t before) {
  uint64_t n = 1;
  while (fail_nth(p, kind, n, before)) n += step_behind(p, n);
  if (!fault_stopped_commit()) check_same_answer(p, kind, n);
}

/* A run that meets no fault would stay; so commits are stopped but for the last kind's. */
static void fail_each(pair *p) {
  uint64_t before = digest(p->faulty.engine);
  run(&p->steady, p->step);
  fault_stop_commits(true);
  fail_each_of(p, FAULT_MALLOC, before);
  fail_each_of(p, FAULT_ARENA, before);
  if (digest(p->faulty.engine) != before) explain(p, FAULT_ARENA, 0, "a stopped commit left something behind");
  fault_stop_commits(false);
  fail_each_of(p, FAULT_STORE, before);
}

static void run_file(const char *path, bool every, uint64_t *fired) {
  static const char *const FIRST[] = {
      "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}", "USE ks"};
  corpus c;
  pair p = {.path = path, .every = every};
  if (!corpus_read(&c, path)) fail_msg("%s cannot be read", path);
  assert_true(c.count > 0);
  side_open(&p.steady, NULL);
  side_open(&p.faulty, &fault_alloc);
  for (size_t i = 0; i < 2; i++) {
    corpus_step first = {.text = cql_slice_str(FIRST[i])};
    p.step = &first;
    fail_each(&p);
  }
  for (uint32_t i = 0; i < c.count; i++) {
    p.step = &c.steps[i];
    p.steady.now_us += 1000 + c.steps[i].wait_s * INT64_C(1000000);
    p.faulty.now_us = p.steady.now_us;
    if (c.steps[i].text.len > 0) fail_each(&p);
  }
  side_close(&p.steady);
  side_close(&p.faulty);
  corpus_free(&c);
  *fired += p.fired;
  if (fault_live_blocks() != 0) fail_msg("%s: %lld blocks are left", path, (long long)fault_live_blocks());
}

static int files_count;
static char **files;

static void each_fault_is_reported_and_leaves_nothing(void **state) {
  (void)state;
  uint64_t fired = 0;
  const char *mode = getenv("CQL_FAULTS");
  bool every = mode != NULL && strcmp(mode, "all") == 0;
  for (int i = 0; i < files_count; i++) run_file(files[i], every, &fired);
  print_message("%d files, %llu faults\n", files_count, (unsigned long long)fired);
  if (broken > 0) fail_msg("%u faults were not met as they should", broken);
  assert_true(fired > 100);
}

static int is_test_file(const struct dirent *e) {
  size_t len = strlen(e->d_name);
  return len > 5 && strcmp(e->d_name + len - 5, ".test") == 0;
}

/* The paths live as long as the process. */
static void find_files(void) {
  static char paths[FILES_MAX][512], *pointers[FILES_MAX];
  struct dirent **entries;
  int n = scandir(CORPUS_DIR, &entries, is_test_file, alphasort);
  for (int i = 0; i < n && i < FILES_MAX; i++) {
    snprintf(paths[i], sizeof paths[i], "%s/%s", CORPUS_DIR, entries[i]->d_name);
    pointers[i] = paths[i];
    free(entries[i]);
    files_count = i + 1;
  }
  free(entries);
  files = pointers;
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(each_fault_is_reported_and_leaves_nothing)};
  if (argc > 1) { /* without cmocka, so that a crash shows where it was */
    files = argv + 1;
    files_count = argc - 1;
    each_fault_is_reported_and_leaves_nothing(NULL);
    return 0;
  } else {
    find_files();
  }
  return cmocka_run_group_tests_name("faults over the corpus", tests, NULL, NULL);
}
