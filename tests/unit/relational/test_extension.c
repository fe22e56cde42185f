/* The extension, as a program loads it that knows nothing but SQLite.
 *
 *   test_relational_extension EXTENSION FILE
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <cql/cql.h>
#include <sqlite3.h>

enum { TEXT_LEN = 1024 };

static const char *extension, *file;
static sqlite3 *db;

static void run(cql_session *session, const char *text) {
  cql_error err;
  cql_result *r;
  cql_request q = CQL_REQUEST_INIT;
  q.text = text;
  q.text_len = strlen(text);
  if (cql_session_execute(session, &q, &r, &err) != CQL_OK) fail_msg("%s: %s", text, err.message);
  cql_result_free(r);
}

static int fill(void **state) {
  char url[TEXT_LEN];
  cql_error err;
  cql_session *session;
  (void)state;
  remove(file);
  snprintf(url, sizeof url, "local:%s", file);
  if (cql_session_open(&session, url, &err) != CQL_OK) fail_msg("%s", err.message);
  run(session, "CREATE KEYSPACE library WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
  run(session, "CREATE TABLE library.author (id int PRIMARY KEY, name text)");
  run(session, "CREATE TABLE library.book (author int, title text, PRIMARY KEY (author, title))");
  run(session, "INSERT INTO library.author (id, name) VALUES (1, 'Le Guin')");
  run(session, "INSERT INTO library.author (id, name) VALUES (2, 'Lem')");
  run(session, "INSERT INTO library.book (author, title) VALUES (2, 'Solaris')");
  run(session, "INSERT INTO library.book (author, title) VALUES (2, 'Fiasco')");
  run(session, "INSERT INTO library.book (author, title) VALUES (1, 'The Dispossessed')");
  cql_session_close(session);
  return 0;
}

static int empty(void **state) {
  (void)state;
  remove(file);
  return 0;
}

static int open_db(void **state) {
  char *message = NULL;
  (void)state;
  assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
  assert_int_equal(sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL), SQLITE_OK);
  if (sqlite3_load_extension(db, extension, NULL, &message) != SQLITE_OK) fail_msg("%s", message);
  return 0;
}

static int close_db(void **state) {
  (void)state;
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
  return 0;
}

/* %s: the file. NULL, or SQLite's words, which the next call ends. */
static const char *execute(const char *format) {
  static char words[TEXT_LEN];
  char *message = NULL, *sql = sqlite3_mprintf(format, file);
  int rc = sqlite3_exec(db, sql, NULL, NULL, &message);
  sqlite3_free(sql);
  if (rc == SQLITE_OK) return NULL;
  snprintf(words, sizeof words, "%s", message == NULL ? sqlite3_errstr(rc) : message);
  sqlite3_free(message);
  return words;
}

static void does(const char *format) {
  const char *words = execute(format);
  if (words != NULL) fail_msg("%s: %s", format, words);
}

static void fails(const char *format, const char *wanted) {
  const char *words = execute(format);
  if (words == NULL || strstr(words, wanted) == NULL) fail_msg("%s: %s", format, words == NULL ? "it does" : words);
}

static void gives(const char *sql, const char *wanted) {
  sqlite3_stmt *s;
  char out[TEXT_LEN] = "";
  size_t len = 0;
  assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
  while (sqlite3_step(s) == SQLITE_ROW)
    for (int i = 0; i < sqlite3_column_count(s); i++)
      len += (size_t)snprintf(out + len, sizeof out - len, "%s;", (const char *)sqlite3_column_text(s, i));
  assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
  assert_string_equal(out, wanted);
}

static void joins(void **state) {
  (void)state;
  does("CREATE VIRTUAL TABLE author USING cql('local:%s', 'library', 'author')");
  does("CREATE VIRTUAL TABLE book USING cql( \"local:%s\" , library )"); /* the same session */
  gives("SELECT a.name, count(*) FROM author a JOIN book b ON b.author = a.id GROUP BY 1 ORDER BY 1",
        "Le Guin;1;Lem;2;");
  does("CREATE TABLE mine (author int); INSERT INTO mine VALUES (1), (2), (3)"); /* a table of SQLite's own */
  gives("SELECT m.author, a.name FROM mine m JOIN author a ON a.id = m.author ORDER BY 1", "1;Le Guin;2;Lem;");
  does("CREATE VIRTUAL TABLE \"another name\" USING cql('local:%s', 'library', 'book')");
  gives("SELECT title FROM \"another name\" WHERE author = 2 ORDER BY title DESC", "Solaris;Fiasco;");
  does("DROP TABLE author");
  gives("SELECT count(*) FROM book", "3;");
}

static void what_is_wrong_is_said(void **state) {
  (void)state;
  fails("CREATE VIRTUAL TABLE t USING cql", "USING cql('URL', 'keyspace', 'table')");
  fails("CREATE VIRTUAL TABLE t USING cql('local:%s')", "USING cql('URL', 'keyspace', 'table')");
  fails("CREATE VIRTUAL TABLE t USING cql('local:%s', 'library', 'book', 'more')", "USING cql(");
  fails("CREATE VIRTUAL TABLE t USING cql('nowhere:%s', 'library', 'book')", "nowhere");
  fails("CREATE VIRTUAL TABLE t USING cql('local:%s', 'library', 'it''s')", "it's");
  fails("CREATE VIRTUAL TABLE t USING cql('local:%s', 'nothing', 'book')", "nothing");
  fails("SELECT * FROM cql", "no such table");
  does("CREATE VIRTUAL TABLE book USING cql('local:%s', 'library')");
  fails("INSERT INTO book VALUES (1, 'x')", "may not be modified");
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(joins, open_db, close_db),
      cmocka_unit_test_setup_teardown(what_is_wrong_is_said, open_db, close_db),
  };
  if (argc != 3) return 2;
  extension = argv[1];
  file = argv[2];
  return cmocka_run_group_tests(tests, fill, empty);
}
