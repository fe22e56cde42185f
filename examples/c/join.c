/* join.c: SQL over CQL tables. Makes two tables with libcql, then asks SQLite about both of them at once: joins, groups
 * and sorts, which CQL has none of. SQLite loads an extension for that, and needs to know nothing else.
 *
 *   join cql_relational_ext.so local:library.cql                   a file
 *   join cql_relational_ext.so cassandra://127.0.0.1:9042          a cluster
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cql/cql.h>
#include <sqlite3.h>

static void die(const char *what, const char *why) {
  fprintf(stderr, "join: %s: %s\n", what, why);
  exit(1);
}

/* --- CQL ---------------------------------------------------------------------------------------------------------- */

static void run(cql_session *s, const char *text) {
  cql_error err;
  cql_result *r;
  cql_request q = CQL_REQUEST_INIT;
  q.text = text;
  q.text_len = strlen(text);
  if (cql_session_execute(s, &q, &r, &err) != CQL_OK) die(text, err.message);
  cql_result_free(r);
}

static void fill(const char *url) {
  cql_error err;
  cql_session *s;
  if (cql_session_open(&s, url, &err) != CQL_OK) die(url, err.message);
  run(s,
      "CREATE KEYSPACE IF NOT EXISTS library WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
  run(s, "CREATE TABLE IF NOT EXISTS library.author (id int PRIMARY KEY, name text)");
  run(s, "CREATE TABLE IF NOT EXISTS library.book (id int PRIMARY KEY, author int, title text, year int)");
  run(s, "INSERT INTO library.author (id, name) VALUES (1, 'Ursula K. Le Guin')");
  run(s, "INSERT INTO library.author (id, name) VALUES (2, 'Stanisław Lem')");
  run(s, "INSERT INTO library.book (id, author, title, year) VALUES (1, 2, 'Solaris', 1961)");
  run(s, "INSERT INTO library.book (id, author, title, year) VALUES (2, 1, 'The Dispossessed', 1974)");
  run(s, "INSERT INTO library.book (id, author, title, year) VALUES (3, 2, 'Fiasco', 1986)");
  run(s, "INSERT INTO library.book (id, author, title, year) VALUES (4, 1, 'The Telling', 2000)");
  cql_session_close(s);
}

/* --- SQL ---------------------------------------------------------------------------------------------------------- */

static void load(sqlite3 *db, const char *extension) {
  char *why = NULL;
  sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL);
  if (sqlite3_load_extension(db, extension, NULL, &why) != SQLITE_OK) die(extension, why);
}

static void attach(sqlite3 *db, const char *url, const char *table) {
  char *sql = sqlite3_mprintf("CREATE VIRTUAL TABLE %s USING cql(%Q, 'library', %Q)", table, url, table), *why = NULL;
  if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) die(sql, why);
  sqlite3_free(sql);
}

static void print_authors(sqlite3 *db) {
  const char *sql = "SELECT author.name, count(*), max(book.year) FROM book JOIN author ON author.id = book.author "
                    "WHERE book.year > 1970 GROUP BY author.id ORDER BY count(*) DESC";
  sqlite3_stmt *s;
  if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK) die(sql, sqlite3_errmsg(db));
  while (sqlite3_step(s) == SQLITE_ROW)
    printf("%s: %d since 1970, the last one of %d\n", (const char *)sqlite3_column_text(s, 0), sqlite3_column_int(s, 1),
           sqlite3_column_int(s, 2));
  if (sqlite3_finalize(s) != SQLITE_OK) die(sql, sqlite3_errmsg(db));
}

int main(int argc, char **argv) {
  if (argc != 3) die("arguments", "join EXTENSION URL");
  sqlite3 *db;
  fill(argv[2]);
  if (sqlite3_open(":memory:", &db) != SQLITE_OK) die("SQLite", sqlite3_errmsg(db));
  load(db, argv[1]);
  attach(db, argv[2], "author");
  attach(db, argv[2], "book");
  print_authors(db);
  sqlite3_close(db);
  return 0;
}
