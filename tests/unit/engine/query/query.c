/* query.c: see query.h. */
#include "query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t now_us(void *user) {
  const db *d = user;
  return d->now_us;
}

int query_setup(void **state) {
  db *d = calloc(1, sizeof *d);
  if (d == NULL) return -1;
  d->now_us = 1600000000000000;
  d->timestamp = CQL_TIMESTAMP_NONE;
  cql_engine_config config = {.now_us = now_us, .now_user = d};
  cql_status st = cql_engine_open(&d->engine, &config, &d->err);
  *state = d;
  if (st == CQL_OK)
    st = query_run(d, "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
  if (st != CQL_OK) fprintf(stderr, "setup: %s\n", d->err.message);
  return st == CQL_OK ? 0 : -1;
}

static void print_problem(void *user, const char *text) {
  (void)user;
  fprintf(stderr, "problem: %s\n", text);
}

uint64_t query_problems(db *d) {
  cql_check_report r;
  if (cql_engine_check_file(d->engine, NULL, print_problem, NULL, &r, &d->err) != CQL_OK) {
    print_problem(NULL, d->err.message);
    return 1;
  }
  if (r.stale_entries > 0) print_problem(NULL, "there are stale index entries");
  return r.problems + r.stale_entries;
}

int query_teardown(void **state) {
  db *d = *state;
  bool sound = query_problems(d) == 0;
  cql_engine_close(d->engine);
  free(d);
  return sound ? 0 : -1;
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static cql_value *next_value(db *d) {
  if (d->value_count == QUERY_VALUES_MAX) fail_msg("more than %d values", QUERY_VALUES_MAX);
  return &d->values[d->value_count++];
}

void bind_bytes(db *d, const void *data, size_t len) {
  *next_value(d) = (cql_value){data, (int32_t)len};
}

void bind_int(db *d, int32_t v) {
  cql_store_u32(d->bytes[d->value_count], (uint32_t)v);
  bind_bytes(d, d->bytes[d->value_count], 4);
}

void bind_bigint(db *d, int64_t v) {
  cql_store_u64(d->bytes[d->value_count], (uint64_t)v);
  bind_bytes(d, d->bytes[d->value_count], 8);
}

void bind_text(db *d, const char *v) {
  bind_bytes(d, v, strlen(v));
}
void bind_null(db *d) {
  *next_value(d) = (cql_value){NULL, CQL_NULL};
}
void bind_unset(db *d) {
  *next_value(d) = (cql_value){NULL, CQL_UNSET};
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

static void print_row(cql_buf *b, cql_result *r, const cql_value *cells) {
  cql_buf_u8(b, '\n');
  for (uint32_t i = 0; i < r->column_count; i++) {
    if (i > 0) cql_buf_u8(b, ' ');
    cql_value_print(b, r->columns[i].type,
                    cql_slice_of(cells[i].len < 0 ? NULL : cells[i].data, cells[i].len < 0 ? 0 : (size_t)cells[i].len));
  }
}

static void print_answer(db *d, cql_result *r) {
  cql_buf b;
  cql_value cells[256];
  cql_buf_init(&b, &cql_alloc_libc, QUERY_ANSWER_LEN - 1);
  assert_true(r->column_count <= 256);
  for (uint32_t i = 0; i < r->column_count; i++) cql_buf_printf(&b, "%s%s", i > 0 ? " " : "", r->columns[i].name);
  while (r->kind == CQL_RESULT_ROWS && cql_result_next(r, cells) == CQL_OK) print_row(&b, r, cells);
  assert_int_equal(b.st, CQL_OK);
  memcpy(d->answer, b.data != NULL ? (const char *)b.data : "", b.len);
  d->answer[b.len] = '\0';
  cql_buf_free(&b);
  d->warnings[0] = '\0';
  for (uint32_t i = 0; i < r->warning_count; i++) {
    size_t len = strlen(d->warnings);
    snprintf(d->warnings + len, sizeof d->warnings - len, "%s%s", i > 0 ? "\n" : "", r->warnings[i]);
  }
}

cql_status query_run(db *d, const char *cql) {
  cql_plan *plan;
  cql_result *result;
  cql_request request = CQL_REQUEST_INIT;
  request.values = d->values;
  request.value_count = d->value_count;
  request.timestamp = d->timestamp;
  d->value_count = 0;
  d->answer[0] = '\0';
  memset(&d->err, 0, sizeof d->err);
  cql_status st = cql_engine_prepare(d->engine, "ks", cql_slice_str(cql), &plan, &d->err);
  if (st != CQL_OK) return st;
  st = cql_engine_execute(d->engine, plan, &request, &result, &d->err);
  cql_plan_release(plan); /* a result keeps what it borrows */
  if (st != CQL_OK) return st;
  print_answer(d, result);
  cql_result_free(result);
  return CQL_OK;
}

void run(db *d, const char *cql) {
  cql_status st = query_run(d, cql);
  if (st != CQL_OK) fail_msg("%s\n  %s: %s", cql, cql_status_name(st), d->err.message);
}

void gives(db *d, const char *cql, const char *answer) {
  run(d, cql);
  if (strcmp(d->answer, answer) != 0) fail_msg("%s\n  gives\n%s\n  not\n%s", cql, d->answer, answer);
}

void refuses(db *d, const char *cql, cql_status status, const char *message) {
  cql_status st = query_run(d, cql);
  if (st == CQL_OK) fail_msg("%s\n  is not refused, but gives\n%s", cql, d->answer);
  if (st != status || strcmp(d->err.message, message) != 0)
    fail_msg("%s\n  is refused with %s: %s\n  not with %s: %s", cql, cql_status_name(st), d->err.message,
             cql_status_name(status), message);
}

void applied(db *d, const char *cql) {
  gives(d, cql, "[applied]\ntrue");
}
