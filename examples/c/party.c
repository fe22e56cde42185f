/* party.c: libcql from C. Makes a keyspace and a table, writes rows with a prepared statement, reads them page by page,
 * and joins a party with a lightweight transaction. On a file or on a cluster: the URL says which.
 *
 *   party                                 local:party.cql, a file
 *   party cassandra://127.0.0.1:9042      a cluster
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cql/cql.h>

enum { PARTY_COUNT = 25, PAGE_SIZE = 10 };

static void die(const char *what, const cql_error *err) {
  fprintf(stderr, "party: %s: %s (%s)\n", what, err->message, cql_status_name(err->status));
  exit(1);
}

/* --- values are big-endian, as in the native protocol (v5, section 6) --------------------------------------------- */

static cql_value text_value(const char *text) {
  return (cql_value){(const uint8_t *)text, (int32_t)strlen(text)};
}

static cql_value int_value(int32_t n, uint8_t room[4]) {
  for (int i = 0; i < 4; i++) room[i] = (uint8_t)((uint32_t)n >> (24 - 8 * i));
  return (cql_value){room, 4};
}

static int32_t int_of(cql_value v) {
  uint32_t n = 0;
  for (int32_t i = 0; i < v.len; i++) n = n << 8 | v.data[i];
  return (int32_t)n;
}

/* --- steps -------------------------------------------------------------------------------------------------------- */

static void run(cql_session *s, const char *text) {
  cql_error err;
  cql_result *r;
  cql_request q = CQL_REQUEST_INIT;
  q.text = text;
  q.text_len = strlen(text);
  if (cql_session_execute(s, &q, &r, &err) != CQL_OK) die(text, &err);
  cql_result_free(r);
}

static void make_schema(cql_session *s) {
  run(s, "CREATE KEYSPACE IF NOT EXISTS fun WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
  run(s, "USE fun");
  run(s, "CREATE TABLE IF NOT EXISTS party (city text, day int, name text, people int, PRIMARY KEY (city, day))");
}

static void insert_parties(cql_session *s) {
  const char *text = "INSERT INTO party (city, day, name, people) VALUES (?, ?, ?, ?)";
  cql_error err;
  cql_prepared *insert;
  if (cql_session_prepare(s, text, strlen(text), NULL, &insert, &err) != CQL_OK) die(text, &err);
  for (int day = 1; day <= PARTY_COUNT; day++) {
    char name[32];
    snprintf(name, sizeof name, "Party no. %d", day);
    uint8_t room[2][4];
    cql_value values[] = {text_value("Oslo"), int_value(day, room[0]), text_value(name), int_value(0, room[1])};
    cql_request q = CQL_REQUEST_INIT;
    q.prepared = insert;
    q.values = values;
    q.value_count = 4;
    cql_result *r;
    if (cql_session_execute(s, &q, &r, &err) != CQL_OK) die(text, &err);
    cql_result_free(r);
  }
  cql_prepared_release(insert);
}

static uint64_t print_page(cql_result *r) {
  cql_value cells[2];
  uint64_t count = 0;
  for (; cql_result_next(r, cells) == CQL_OK; count++)
    printf("  day %2" PRId32 "  %.*s\n", int_of(cells[0]), (int)cells[1].len, (const char *)cells[1].data);
  return count;
}

static void read_parties(cql_session *s) {
  cql_value city = text_value("Oslo");
  cql_request q = CQL_REQUEST_TEXT("SELECT day, name FROM party WHERE city = ?");
  q.values = &city;
  q.value_count = 1;
  q.page_size = PAGE_SIZE;
  cql_result *page = NULL;
  uint64_t count = 0;
  for (int number = 1; number == 1 || q.paging_state != NULL; number++) {
    cql_error err;
    cql_result *next; /* the paging state is borrowed from the page before, which goes after the call */
    if (cql_session_execute(s, &q, &next, &err) != CQL_OK) die(q.text, &err);
    cql_result_free(page);
    page = next;
    printf("page %d\n", number);
    count += print_page(page);
    q.paging_state = cql_result_paging_state(page, &q.paging_state_len);
  }
  cql_result_free(page);
  printf("%" PRIu64 " parties\n", count);
}

/* Counts one more guest in, if the count is still what we believe. */
static void join_party(cql_session *s, int32_t believed) {
  cql_error err;
  cql_result *r;
  uint8_t room[3][4];
  cql_value values[] = {int_value(believed + 1, room[0]), text_value("Oslo"), int_value(1, room[1]),
                        int_value(believed, room[2])};
  cql_request q = CQL_REQUEST_TEXT("UPDATE party SET people = ? WHERE city = ? AND day = ? IF people = ?");
  q.values = values;
  q.value_count = 4;
  if (cql_session_execute(s, &q, &r, &err) != CQL_OK) die(q.text, &err);
  cql_value cells[2]; /* [applied], and the present value when it is false */
  if (cql_result_next(r, cells) != CQL_OK) exit(1);
  if (cells[0].data[0])
    printf("joined: %" PRId32 " people now\n", believed + 1);
  else
    printf("not joined: there are %" PRId32 " people, not %" PRId32 "\n", int_of(cells[1]), believed);
  cql_result_free(r);
}

int main(int argc, char **argv) {
  const char *url = argc > 1 ? argv[1] : "local:party.cql";
  cql_error err;
  cql_session *s;
  if (cql_session_open(&s, url, &err) != CQL_OK) die(url, &err);
  make_schema(s);
  insert_parties(s);
  read_parties(s);
  join_party(s, 0);
  join_party(s, 0);
  cql_session_close(s);
  return 0;
}
