/* test_schema.c: DDL as the files of tests/data/engine/schema say, each on an empty database: a statement, then its
 * answer.
 *
 *   cql     CREATE TABLE ks.t (a int PRIMARY KEY)
 *   answer  CREATED TABLE ks.t
 *
 * An error is its class and its whole text, as Cassandra 5.0.8 gave them. And: what is written is what is read; a
 * damaged
 * catalog is an error, whichever byte is wrong.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "helper.h"

enum { LINE_MAX_LEN = 8192 };

/* --- the data files ----------------------------------------------------------------------------------------------- */

static int run_file(const char *path) {
  static char line[LINE_MAX_LEN];
  fixture f;
  answer a;
  FILE *file = fopen(path, "r");
  int number = 0, checked = 0;
  assert_non_null(file);
  fixture_open(&f);
  memset(&a, 0, sizeof a);
  while (fgets(line, sizeof line, file)) {
    number++;
    line[strcspn(line, "\n")] = 0;
    if (strncmp(line, "cql     ", 8) == 0) a = run_cql(&f, NULL, line + 8);
    if (strncmp(line, "answer  ", 8) != 0) continue;
    if (strcmp(a.text, line + 8) != 0) fail_msg("%s:%d\n  want  %s\n  got   %s", path, number, line + 8, a.text);
    checked++;
  }
  fixture_close(&f);
  fclose(file);
  return checked;
}

static void test_data_files(void **state) {
  DIR *d = opendir(SCHEMA_DATA);
  struct dirent *entry;
  char path[1024];
  int checked = 0;
  (void)state;
  assert_non_null(d);
  while ((entry = readdir(d)) != NULL) {
    size_t len = strlen(entry->d_name);
    if (len < 6 || strcmp(entry->d_name + len - 5, ".test") != 0) continue;
    snprintf(path, sizeof path, "%s/%s", SCHEMA_DATA, entry->d_name);
    checked += run_file(path);
  }
  closedir(d);
  assert_true(checked > 200);
  print_message("%d statements\n", checked);
}

/* --- what is written is what is read ------------------------------------------------------------------------------ */

static void make_schema(fixture *f) {
  must_run(f, "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 2}");
  must_run(f,
           "CREATE KEYSPACE empty WITH replication = {'class': 'NetworkTopologyStrategy'} AND durable_writes = false");
  must_run(f, "CREATE TABLE ks.t (a int, b text, c timestamp, d list<int> static, e map<text, frozen<list<int>>>, "
              "f tuple<int, text>, \"G g\" vector<float, 3>, h text, PRIMARY KEY ((b, a), c)) "
              "WITH CLUSTERING ORDER BY (c DESC) AND default_time_to_live = 7 AND comment = 'x'");
  must_run(f, "CREATE TABLE ks.u (a int PRIMARY KEY, b text)");
  must_run(f, "CREATE INDEX ON ks.t (h)");
  must_run(f, "CREATE CUSTOM INDEX i ON ks.u (b) USING 'StorageAttachedIndex'");
  must_run(f, "ALTER TABLE ks.t ADD i int");
  must_run(f, "ALTER TABLE ks.t DROP f");
}

static const cqle_table *find_table(const cqle_schema *s, const char *keyspace, const char *name) {
  const cqle_table *t = NULL;
  cqle_qname q = {cql_slice_str(keyspace), cql_slice_str(name)};
  assert_int_equal(cqle_schema_resolve(s, NULL, &q, &t, NULL), CQL_OK);
  return t;
}

static void assert_type(const cqle_column *c, const char *want) {
  char text[256];
  cql_type_to_cql(c->type, text, sizeof text);
  assert_string_equal(text, want);
}

static void test_snapshot(void **state) {
  fixture f;
  cqle_schema *s;
  const cqle_table *t;
  (void)state;
  fixture_open(&f);
  make_schema(&f);
  assert_int_equal(load(&f, &s, NULL), CQL_OK);
  t = find_table(s, "ks", "t");
  assert_int_equal(t->partition_count, 2);
  assert_string_equal(t->partition[0]->name, "b");
  assert_string_equal(t->partition[1]->name, "a");
  assert_string_equal(t->clustering[0]->name, "c");
  assert_true(t->clustering[0]->reversed);
  assert_int_equal(t->static_count, 1);
  assert_int_equal(t->regular_count, 4);
  assert_string_equal(t->regulars[0]->name, "G g");
  assert_type(t->regulars[0], "vector<float, 3>");
  assert_type(cqle_table_column(t, cql_slice_str("e")), "map<text, frozen<list<int>>>");
  assert_null(cqle_table_column(t, cql_slice_str("f")));
  assert_int_equal(t->default_ttl, 7);
  assert_int_equal(t->gc_grace_seconds, 864000);
  assert_int_equal(t->index_count, 1);
  assert_ptr_equal(t->indexes[0]->column, cqle_table_column(t, cql_slice_str("h")));
  assert_int_equal(t->dropped_count, 1);
  assert_string_equal(t->dropped[0].name, "f");
  assert_int_equal(cqle_schema_keyspace(s, cql_slice_str("empty"))->table_count, 0);
  assert_false(cqle_schema_keyspace(s, cql_slice_str("empty"))->durable_writes);
  assert_non_null(find_table(s, "system_schema", "tables")->read);
  cqle_schema_free(s);
  fixture_close(&f);
}

static void test_ids_are_given_once(void **state) {
  fixture f;
  cqle_schema *s;
  uint32_t first, column;
  (void)state;
  fixture_open(&f);
  make_schema(&f);
  assert_int_equal(load(&f, &s, NULL), CQL_OK);
  first = find_table(s, "ks", "u")->id;
  column = cqle_table_column(find_table(s, "ks", "t"), cql_slice_str("i"))->id;
  cqle_schema_free(s);
  must_run(&f, "DROP TABLE ks.u");
  must_run(&f, "CREATE TABLE ks.u (a int PRIMARY KEY, b text)");
  must_run(&f, "ALTER TABLE ks.t DROP i");
  must_run(&f, "ALTER TABLE ks.t ADD i int");
  assert_int_equal(load(&f, &s, NULL), CQL_OK);
  assert_true(find_table(s, "ks", "u")->id > first);
  assert_int_equal(cqle_table_column(find_table(s, "ks", "t"), cql_slice_str("i"))->id,
                   column); /* its cells come back */
  cqle_schema_free(s);
  fixture_close(&f);
}

static void test_version_counts_changes(void **state) {
  fixture f;
  cqle_schema *before, *after;
  (void)state;
  fixture_open(&f);
  make_schema(&f);
  assert_int_equal(load(&f, &before, NULL), CQL_OK);
  must_run(&f, "CREATE TABLE IF NOT EXISTS ks.t (a int PRIMARY KEY)");
  must_run(&f, "ALTER TABLE ks.t WITH comment = 'x'");
  assert_int_equal(load(&f, &after, NULL), CQL_OK);
  assert_int_equal(after->version, before->version);
  assert_memory_equal(after->uuid, before->uuid, 16);
  cqle_schema_free(after);
  must_run(&f, "ALTER TABLE ks.t WITH comment = 'y'");
  assert_int_equal(load(&f, &after, NULL), CQL_OK);
  assert_true(after->version > before->version);
  assert_memory_not_equal(after->uuid, before->uuid, 16);
  assert_memory_equal(after->host_id, before->host_id, 16);
  cqle_schema_free(after);
  cqle_schema_free(before);
  fixture_close(&f);
}

static void test_drop_leaves_nothing(void **state) {
  fixture f;
  uint32_t before;
  (void)state;
  fixture_open(&f);
  before = count_keys(&f);
  make_schema(&f);
  assert_true(count_keys(&f) > before);
  must_run(&f, "DROP KEYSPACE ks");
  must_run(&f, "DROP KEYSPACE empty");
  assert_int_equal(count_keys(&f), before);
  fixture_close(&f);
}

/* --- a damaged catalog -------------------------------------------------------------------------------------------- */

static void put(fixture *f, cql_slice key, cql_slice value) {
  cqle_txn *txn;
  assert_int_equal(cqle_txn_begin(f->engine.store, true, &txn, NULL), CQL_OK);
  assert_int_equal(cqle_put(txn, key, value, NULL), CQL_OK);
  assert_int_equal(cqle_txn_commit(txn, NULL), CQL_OK);
}

static void load_damaged(fixture *f) {
  cqle_schema *s = NULL;
  cql_status st = load(f, &s, NULL);
  assert_true(st == CQL_OK || st == CQL_CORRUPT || st == CQL_VERSION);
  cqle_schema_free(s);
}

/* Cut at each byte it must be refused; with a byte changed it may still make sense, but must not break the reader. */
static void damage(fixture *f, cql_slice key, cql_slice value) {
  cqle_schema *s = NULL;
  uint8_t *copy = malloc(value.len);
  assert_non_null(copy);
  for (size_t len = 0; len < value.len; len++) {
    put(f, key, cql_slice_of(value.data, len));
    assert_int_equal(load(f, &s, NULL), CQL_CORRUPT);
  }
  for (size_t i = 0; i < value.len; i++) {
    static const uint8_t masks[] = {0x01, 0x80, 0xFF};
    for (size_t m = 0; m < sizeof masks; m++) {
      memcpy(copy, value.data, value.len);
      copy[i] ^= masks[m];
      put(f, key, cql_slice_of(copy, value.len));
      load_damaged(f);
    }
  }
  put(f, key, value);
  free(copy);
}

static void test_damaged_catalog(void **state) {
  fixture f;
  cqle_txn *txn;
  cqle_cursor *c;
  cql_slice key, value, keys[16], values[16];
  cql_arena a;
  uint32_t count = 0;
  (void)state;
  fixture_open(&f);
  make_schema(&f);
  cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  assert_int_equal(cqle_txn_begin(f.engine.store, false, &txn, NULL), CQL_OK);
  assert_int_equal(cqle_cursor_open(txn, CQL_SLICE_LITERAL("\0"), (cql_slice){0}, false, &c, NULL), CQL_OK);
  while (count < 16 && cqle_cursor_next(c, &key, &value, NULL) == CQL_OK) {
    assert_int_equal(cql_arena_slice(&a, key, &keys[count]), CQL_OK);
    assert_int_equal(cql_arena_slice(&a, value, &values[count]), CQL_OK);
    count++;
  }
  cqle_cursor_close(c);
  cqle_txn_abort(txn);
  assert_int_equal(count, 5); /* the state, two keyspaces, two tables */
  for (uint32_t i = 0; i < count; i++) damage(&f, keys[i], values[i]);
  load_damaged(&f);
  cql_arena_free(&a);
  fixture_close(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_data_files),          cmocka_unit_test(test_snapshot),
      cmocka_unit_test(test_ids_are_given_once),  cmocka_unit_test(test_version_counts_changes),
      cmocka_unit_test(test_drop_leaves_nothing), cmocka_unit_test(test_damaged_catalog),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
