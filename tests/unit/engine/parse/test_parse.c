/* test_parse.c: the files of tests/data/engine/parse: a statement, then what becomes of it.
 *
 *   cql    SELECT a FROM t
 *   ast    select a from t
 *   cql    SELECT a FROM
 *   error  0:-1                     where Cassandra's error stands, or its text when it has no place
 *
 * A line break inside a statement is written \n. Lines that begin with # are comments.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "print_ast.h"

enum { LINE_MAX_LEN = 8192 };

static int checked;

/* --- one case ----------------------------------------------------------------------------------------------------- */

static void describe(cql_buf *b, cql_slice text) {
  cql_arena a;
  cqle_statement *s;
  cql_error err;
  cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  memset(&err, 0, sizeof err);
  if (cqle_parse(&a, text, &s, &err) == CQL_OK)
    print_statement(b, s);
  else
    cql_buf_printf(b, "%s %s", cql_status_name(err.status), err.message);
  cql_buf_u8(b, 0);
  cql_arena_free(&a);
}

static bool matches(const char *got, const char *kind, const char *want) {
  char prefix[LINE_MAX_LEN];
  if (strcmp(kind, "ast") == 0) return strcmp(got, want) == 0;
  snprintf(prefix, sizeof prefix, "SYNTAX line %s ", want);
  if (strncmp(got, prefix, strlen(prefix)) == 0) return true;
  return strcmp(got, want) == 0;
}

static void check(const char *file, int line, cql_slice text, const char *kind, const char *want) {
  cql_buf b;
  cql_buf_init(&b, &cql_alloc_libc, 1024 * 1024);
  describe(&b, text);
  assert_int_equal(b.st, CQL_OK);
  if (!matches((const char *)b.data, kind, want))
    fail_msg("%s:%d\n  cql   %.*s\n  want  %s\n  got   %s", file, line, (int)text.len, (const char *)text.data, want,
             (const char *)b.data);
  cql_buf_free(&b);
  checked++;
}

/* --- reading the files -------------------------------------------------------------------------------------------- */

typedef void (*visitor)(const char *file, int line, cql_slice cql, const char *kind, const char *want);

static size_t unescape(const char *from, char *to) {
  size_t len = 0;
  for (; *from; from++) {
    bool newline = from[0] == '\\' && from[1] == 'n';
    to[len++] = newline ? '\n' : *from;
    from += newline;
  }
  return len;
}

static void read_file(const char *path, visitor visit) {
  static char line[LINE_MAX_LEN], cql[LINE_MAX_LEN];
  FILE *f = fopen(path, "r");
  size_t cql_len = 0;
  int number = 0;
  assert_non_null(f);
  while (fgets(line, sizeof line, f)) {
    char *value = strchr(line, ' ');
    number++;
    line[strcspn(line, "\n")] = 0;
    if (line[0] == '#' || line[0] == 0) continue;
    assert_non_null(value);
    *value++ = 0;
    value += strspn(value, " ");
    if (strcmp(line, "cql") == 0)
      cql_len = unescape(value, cql);
    else
      visit(path, number, cql_slice_of(cql, cql_len), line, value);
  }
  fclose(f);
}

static void read_all(visitor visit) {
  DIR *d = opendir(PARSE_DATA);
  struct dirent *entry;
  char path[1024];
  assert_non_null(d);
  while ((entry = readdir(d)) != NULL) {
    size_t len = strlen(entry->d_name);
    if (len < 6 || strcmp(entry->d_name + len - 5, ".test") != 0) continue;
    snprintf(path, sizeof path, "%s/%s", PARSE_DATA, entry->d_name);
    read_file(path, visit);
  }
  closedir(d);
}

static void test_data_files(void **state) {
  (void)state;
  checked = 0;
  read_all(check);
  assert_true(checked > 200);
  print_message("%d statements\n", checked);
}

/* --- broken texts ------------------------------------------------------------------------------------------------- */

/* The bytes stand alone in memory, so that one read too many is seen. */
static void parse_alone(cql_slice text) {
  uint8_t *copy = malloc(text.len ? text.len : 1);
  cql_buf b;
  assert_non_null(copy);
  memcpy(copy, text.data, text.len);
  cql_buf_init(&b, &cql_alloc_libc, 1024 * 1024);
  describe(&b, cql_slice_of(copy, text.len));
  cql_buf_free(&b);
  free(copy);
}

static void truncate_all(const char *file, int line, cql_slice cql, const char *kind, const char *want) {
  (void)file;
  (void)line;
  (void)kind;
  (void)want;
  for (size_t len = 0; len < cql.len; len++) parse_alone(cql_slice_of(cql.data, len));
  for (size_t from = 1; from < cql.len; from++) parse_alone(cql_slice_of(cql.data + from, cql.len - from));
}

static void test_truncations(void **state) {
  (void)state;
  read_all(truncate_all);
}

/* Each byte in turn becomes one that means something to the lexer. */
static void corrupt_all(const char *file, int line, cql_slice cql, const char *kind, const char *want) {
  static const char bytes[] = "'\"$(){}[]<>.,:;?-+*/%!=0xPa \n\x80";
  uint8_t *copy = malloc(cql.len);
  (void)file;
  (void)line;
  (void)kind;
  (void)want;
  assert_non_null(copy);
  for (size_t i = 0; i < cql.len; i++) {
    memcpy(copy, cql.data, cql.len);
    copy[i] = (uint8_t)bytes[i % (sizeof bytes - 1)];
    parse_alone(cql_slice_of(copy, cql.len));
  }
  free(copy);
}

static void test_corruptions(void **state) {
  (void)state;
  read_all(corrupt_all);
}

/* --- limits ------------------------------------------------------------------------------------------------------- */

static cql_status parse_repeated(const char *head, const char *body, int count, const char *tail) {
  cql_arena a;
  cql_buf b;
  cqle_statement *s;
  cql_status st;
  cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  cql_buf_init(&b, &cql_alloc_libc, 64 * 1024 * 1024);
  cql_buf_str(&b, head);
  for (int i = 0; i < count; i++) cql_buf_str(&b, body);
  cql_buf_str(&b, tail);
  st = cqle_parse(&a, cql_buf_view(&b), &s, NULL);
  cql_buf_free(&b);
  cql_arena_free(&a);
  return st;
}

static void test_depth_is_limited(void **state) {
  (void)state;
  assert_int_equal(parse_repeated("INSERT INTO t (a) VALUES (", "[", CQLE_PARSE_DEPTH_MAX + 1, ""), CQL_LIMIT);
  assert_int_equal(parse_repeated("SELECT ", "(", 100000, ""), CQL_LIMIT);
  assert_int_equal(parse_repeated("SELECT ", "- ", 100000, "1 FROM t"), CQL_LIMIT);
  assert_int_equal(parse_repeated("SELECT a", ".b", 100000, " FROM t"), CQL_LIMIT);
  assert_int_equal(parse_repeated("SELECT 1", " + 1", 100000, " FROM t"), CQL_LIMIT);
  assert_int_equal(parse_repeated("SELECT a FROM t WHERE ", "(", 100000, ""), CQL_LIMIT);
  assert_int_equal(parse_repeated("CREATE TABLE t (a ", "list<", 100000, ""), CQL_LIMIT);
  assert_int_equal(parse_repeated("SELECT a FROM t WHERE a = ", "(int) ", 100000, "1"), CQL_LIMIT);
}

static void test_counts_are_limited(void **state) {
  (void)state;
  assert_int_equal(parse_repeated("SELECT a FROM t WHERE a IN (?", ",?", CQLE_MARKERS_MAX, ")"), CQL_LIMIT);
  assert_int_equal(parse_repeated("SELECT a FROM t WHERE a IN (?", ",?", CQLE_MARKERS_MAX - 1, ")"), CQL_OK);
  assert_int_equal(parse_repeated("", " ", CQLE_TEXT_LEN_MAX + 1, ""), CQL_LIMIT);
}

static void test_text_must_be_utf8(void **state) {
  (void)state;
  assert_int_equal(parse_repeated("SELECT '", "\xff", 1, "' FROM t"), CQL_PROTOCOL);
}

static void test_markers_have_names(void **state) {
  cql_arena a;
  cqle_statement *s;
  (void)state;
  cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  assert_int_equal(cqle_parse(&a, cql_slice_str("UPDATE t SET a = ?, b = :New WHERE k = :\"Key\""), &s, NULL), CQL_OK);
  assert_int_equal(s->marker_count, 3);
  assert_null(s->marker_names[0].data);
  assert_true(cql_slice_eq_str(s->marker_names[1], "new"));
  assert_true(cql_slice_eq_str(s->marker_names[2], "Key"));
  cql_arena_free(&a);
}

/* --- out of memory ------------------------------------------------------------------------------------------------ */

typedef struct failing {
  int left;
} failing;

static void *failing_resize(void *user, void *ptr, size_t old_size, size_t new_size) {
  failing *f = user;
  if (new_size > 0 && f->left-- <= 0) return NULL;
  return cql_alloc_libc.resize(cql_alloc_libc.user, ptr, old_size, new_size);
}

static void test_out_of_memory(void **state) {
  static const char cql[] = "SELECT a, [1, 2], 'it''s' FROM ks.T WHERE a = {'k': (1, 'x')} AND b IN (?, :x)";
  (void)state;
  for (int n = 0;; n++) {
    failing f = {n};
    cql_alloc alloc = {failing_resize, &f};
    cql_arena a;
    cqle_statement *s;
    cql_status st;
    cql_arena_init(&a, &alloc, CQL_ARENA_LIMIT_DEFAULT);
    st = cqle_parse(&a, cql_slice_str(cql), &s, NULL);
    cql_arena_free(&a);
    if (f.left >= 0) {
      assert_int_equal(st, CQL_OK);
      break;
    }
    assert_int_equal(st, CQL_NOMEM);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_data_files),         cmocka_unit_test(test_truncations),
      cmocka_unit_test(test_corruptions),        cmocka_unit_test(test_depth_is_limited),
      cmocka_unit_test(test_counts_are_limited), cmocka_unit_test(test_text_must_be_utf8),
      cmocka_unit_test(test_markers_have_names), cmocka_unit_test(test_out_of_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
