#include "room.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CQL_LEN = 4096, ANSWER_LEN = 1 << 20, GROUP = 500, COLUMNS_MAX = 8 };

cql_session *session;
cql_relational *relational;

void room_open(const char *url) {
  cql_error err;
  if (cql_session_open(&session, url, &err) != CQL_OK) fail_msg("%s", err.message);
  run("CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
  run("USE ks");
  if (cql_relational_open(&relational, session, "ks", &err) != CQL_OK) fail_msg("%s", err.message);
}

int room_begin(void **state) {
  (void)state;
  room_open("local::memory:");
  return 0;
}

int room_end(void **state) {
  (void)state;
  cql_relational_close(relational);
  cql_session_close(session);
  return 0;
}

/* --- CQL ---------------------------------------------------------------------------------------------------------- */

void run(const char *format, ...) {
  char text[CQL_LEN];
  cql_error err;
  cql_request q = CQL_REQUEST_INIT;
  cql_result *r;
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  q.text = text;
  q.text_len = strlen(text);
  if (cql_session_execute(session, &q, &r, &err) != CQL_OK) fail_msg("%s: %s", text, err.message);
  cql_result_free(r);
}

static void insert_group(cql_prepared *insert, uint32_t column_count, const int32_t *values, uint32_t rows) {
  static uint8_t bytes[GROUP][COLUMNS_MAX][4];
  static cql_value cells[GROUP][COLUMNS_MAX];
  static cql_request requests[GROUP];
  static cql_outcome outcomes[GROUP];
  for (uint32_t i = 0; i < rows; i++) {
    for (uint32_t k = 0; k < column_count; k++) {
      int32_t n = values[i * column_count + k];
      cql_store_u32(bytes[i][k], (uint32_t)n);
      cells[i][k] = (cql_value){bytes[i][k], n == INT32_MIN ? CQL_UNSET : 4};
    }
    requests[i] = (cql_request)CQL_REQUEST_INIT;
    requests[i].prepared = insert;
    requests[i].values = cells[i];
    requests[i].value_count = column_count;
  }
  assert_int_equal(cql_session_execute_many(session, requests, rows, outcomes, NULL), CQL_OK);
  for (uint32_t i = 0; i < rows; i++) {
    if (outcomes[i].status != CQL_OK) fail_msg("%s", outcomes[i].error.message);
    cql_result_free(outcomes[i].result);
  }
}

void insert_ints(const char *table, const char *columns, uint32_t column_count, const int32_t *values, uint32_t rows) {
  char text[CQL_LEN];
  cql_error err;
  cql_prepared *insert;
  int len = snprintf(text, sizeof text, "INSERT INTO %s (%s) VALUES (", table, columns);
  for (uint32_t k = 0; k < column_count; k++)
    len += snprintf(text + len, sizeof text - (size_t)len, "%s?", k > 0 ? ", " : "");
  len += snprintf(text + len, sizeof text - (size_t)len, ")");
  if (cql_session_prepare(session, text, (size_t)len, "ks", &insert, &err) != CQL_OK)
    fail_msg("%s: %s", text, err.message);
  for (uint32_t i = 0; i < rows; i += GROUP)
    insert_group(insert, column_count, values + i * column_count, rows - i < GROUP ? rows - i : GROUP);
  cql_prepared_release(insert);
}

void attach(const char *table) {
  cql_error err;
  if (cql_relational_attach(relational, table, &err) != CQL_OK) fail_msg("%s: %s", table, err.message);
}

/* --- SQL ---------------------------------------------------------------------------------------------------------- */

cql_relational_query *prepare(const char *sql) {
  cql_error err;
  cql_relational_query *q;
  if (cql_relational_prepare(relational, sql, strlen(sql), &q, &err) != CQL_OK) fail_msg("%s: %s", sql, err.message);
  return q;
}

bool step(cql_relational_query *q) {
  cql_error err;
  bool has_row;
  if (cql_relational_step(q, &has_row, &err) != CQL_OK)
    fail_msg("%s: %s", sqlite3_sql(cql_relational_statement(q)), err.message);
  return has_row;
}

static size_t put_row(char *out, size_t room, sqlite3_stmt *s) {
  size_t len = 0;
  for (int i = 0; i < sqlite3_column_count(s); i++) {
    const unsigned char *text = sqlite3_column_text(s, i);
    len += (size_t)snprintf(out + len, room - len, "%s%s", i > 0 ? "," : "", text ? (const char *)text : "NULL");
    assert_true(len < room);
  }
  len += (size_t)snprintf(out + len, room - len, ";");
  assert_true(len < room);
  return len;
}

static void subtract(cql_relational_counts *after, const cql_relational_counts *before) {
  after->requests -= before->requests;
  after->rows -= before->rows;
  after->scans -= before->scans;
  after->waves -= before->waves;
}

const char *answer(const char *sql, cost *what) {
  static char texts[2][ANSWER_LEN];
  static int turn;
  char *out = texts[turn = !turn];
  size_t len = 0;
  cql_relational_counts before;
  cql_relational_counted(relational, &before);
  cql_relational_query *q = prepare(sql);
  out[0] = '\0';
  while (step(q)) len += put_row(out + len, ANSWER_LEN - len, cql_relational_statement(q));
  if (what != NULL) {
    what->spent = cql_relational_spent(q);
    cql_relational_counted(relational, &what->counts);
    subtract(&what->counts, &before);
  }
  cql_relational_finish(q);
  return out;
}

void expect(const char *sql, const char *wanted, cost *what) {
  assert_string_equal(answer(sql, what), wanted);
}

uint64_t sent_count(const cql_relational_query *q, const char *cql) {
  cql_relational_sent sent;
  for (uint32_t i = 0; cql_relational_sent_at(q, i, &sent); i++)
    if (strcmp(sent.cql, cql) == 0) return sent.requests;
  return 0;
}
