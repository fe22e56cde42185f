/* What a text says of itself without a schema: each case is what cql_engine_classify() must answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine.h"

enum { SELECT = 1, MODIFICATION = 2, CONDITIONAL = 4, IDEMPOTENT = 8 };

static int flags(cql_text_class c) {
  return c.is_select * SELECT | c.is_modification * MODIFICATION | c.is_conditional * CONDITIONAL |
         c.is_idempotent * IDEMPOTENT;
}

static void texts(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int flags;
  } cases[] = {
      {"SELECT * FROM t", SELECT | IDEMPOTENT},
      {"SELECT now() FROM t WHERE k = ?", SELECT | IDEMPOTENT},
      {"INSERT INTO t (k) VALUES (1)", MODIFICATION | IDEMPOTENT},
      {"INSERT INTO t (k, l) VALUES (?, [1, 2]) USING TTL ?", MODIFICATION | IDEMPOTENT},
      {"INSERT INTO t JSON '{\"k\": 1}'", MODIFICATION | IDEMPOTENT},
      {"INSERT INTO t (k) VALUES (1) IF NOT EXISTS", MODIFICATION | CONDITIONAL},
      {"INSERT INTO t (k) VALUES (uuid())", MODIFICATION},
      {"INSERT INTO t (k) VALUES (now())", MODIFICATION},
      {"INSERT INTO t (k) VALUES (current_timestamp())", MODIFICATION},
      {"INSERT INTO t (k) VALUES (toDate(now()))", MODIFICATION},
      {"INSERT INTO t (k) VALUES ([1, now()])", MODIFICATION},
      {"INSERT INTO t (k) VALUES (own.f(1))", MODIFICATION},
      {"INSERT INTO t (k) VALUES (f(1))", MODIFICATION},
      {"INSERT INTO t (k) VALUES (intAsBlob(1))", MODIFICATION | IDEMPOTENT},
      {"INSERT INTO t (k) VALUES (1 + 2)", MODIFICATION | IDEMPOTENT},
      {"UPDATE t SET v = 1 WHERE k = now()", MODIFICATION},
      {"UPDATE t SET v = 1 WHERE k IN (1, now())", MODIFICATION},
      {"UPDATE t SET v = 1, f.x = 2 WHERE k = 1", MODIFICATION | IDEMPOTENT},
      {"UPDATE t SET v = 1 WHERE k = 1 IF v = 2", MODIFICATION | CONDITIONAL},
      {"UPDATE t SET v = 1 WHERE k = 1 IF EXISTS", MODIFICATION | CONDITIONAL},
      {"UPDATE t SET c = c + 1 WHERE k = 1", MODIFICATION},
      {"UPDATE t SET c = c - 1 WHERE k = 1", MODIFICATION},
      {"UPDATE t SET c += 1 WHERE k = 1", MODIFICATION},
      {"UPDATE t SET l = l + [1] WHERE k = 1", MODIFICATION},
      {"UPDATE t SET l = l - [1] WHERE k = 1", MODIFICATION},
      {"UPDATE t SET l = [1] + l WHERE k = 1", MODIFICATION},
      {"UPDATE t SET l[0] = 1 WHERE k = 1", MODIFICATION},
      {"UPDATE t SET m['a'] = 1 WHERE k = 1", MODIFICATION | IDEMPOTENT},
      {"UPDATE t SET m[?] = 1 WHERE k = 1", MODIFICATION},
      {"UPDATE t SET s = s + {1} WHERE k = 1", MODIFICATION | IDEMPOTENT},
      {"UPDATE t SET m = m + {1: 2} WHERE k = 1", MODIFICATION | IDEMPOTENT},
      {"UPDATE t SET s = s - {1} WHERE k = 1", MODIFICATION | IDEMPOTENT},
      {"UPDATE t SET x = x + ? WHERE k = 1", MODIFICATION},
      {"DELETE FROM t WHERE k = 1", MODIFICATION | IDEMPOTENT},
      {"DELETE a, b FROM t WHERE k = 1", MODIFICATION | IDEMPOTENT},
      {"DELETE m['a'] FROM t WHERE k = 1", MODIFICATION | IDEMPOTENT},
      {"DELETE l[0] FROM t WHERE k = 1", MODIFICATION},
      {"DELETE FROM t WHERE k = 1 IF EXISTS", MODIFICATION | CONDITIONAL},
      {"BEGIN BATCH INSERT INTO t (k) VALUES (1); DELETE FROM t WHERE k = 2; APPLY BATCH", IDEMPOTENT},
      {"BEGIN BATCH INSERT INTO t (k) VALUES (1); DELETE FROM t WHERE k = 2 IF EXISTS; APPLY BATCH", CONDITIONAL},
      {"BEGIN BATCH INSERT INTO t (k) VALUES (uuid()); APPLY BATCH", 0},
      {"BEGIN COUNTER BATCH UPDATE t SET c = c + 1 WHERE k = 1; APPLY BATCH", 0},
      {"TRUNCATE t", 0},
      {"USE ks", 0},
      {"CREATE TABLE IF NOT EXISTS t (k int PRIMARY KEY)", 0},
      {"LIST ROLES", 0},
      {"PRUNE MATERIALIZED VIEW v", 0},
      {"", 0},
      {"\xff", 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int found = flags(cql_engine_classify(cql_slice_str(cases[i].text), NULL, 0));
    if (found != cases[i].flags) fail_msg("%s: %d, not %d", cases[i].text, found, cases[i].flags);
  }
}

/* The type of the one marker tells a set from a list; its name, a list's place from a map's key. */
static void markers(void **state) {
  (void)state;
  static const struct {
    const char *text, *name, *type;
    int flags;
  } cases[] = {
      {"UPDATE t SET x = x + ? WHERE k = 1", "x", "set<int>", MODIFICATION | IDEMPOTENT},
      {"UPDATE t SET x = x + ? WHERE k = 1", "x", "map<int, int>", MODIFICATION | IDEMPOTENT},
      {"UPDATE t SET x = x + ? WHERE k = 1", "x", "list<int>", MODIFICATION},
      {"UPDATE t SET x = x + ? WHERE k = 1", "x", "counter", MODIFICATION},
      {"UPDATE t SET x -= ? WHERE k = 1", "x", "set<int>", MODIFICATION | IDEMPOTENT},
      {"UPDATE t SET x[?] = 1 WHERE k = 1", "key(x)", "int", MODIFICATION | IDEMPOTENT},
      {"UPDATE t SET x[?] = 1 WHERE k = 1", "key(x)", "text", MODIFICATION | IDEMPOTENT},
      {"UPDATE t SET x[?] = 1 WHERE k = 1", "idx(x)", "int", MODIFICATION},
      {"UPDATE t SET x[:i] = 1 WHERE k = 1", "i", "int", MODIFICATION},
      {"UPDATE t SET x[:i] = 1 WHERE k = 1", "i", "uuid", MODIFICATION | IDEMPOTENT},
      {"DELETE x[?] FROM t WHERE k = 1", "idx(x)", "int", MODIFICATION},
      {"DELETE x[?] FROM t WHERE k = 1", "value(x)", "int", MODIFICATION | IDEMPOTENT},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cql_arena a;
    cql_arena_init(&a, &cql_alloc_libc, 1 << 20);
    cql_column bind = {"ks", "t", cases[i].name, NULL};
    const cql_type *type = NULL;
    assert_int_equal(cql_type_parse_cql(&a, cql_slice_str(cases[i].type), NULL, &type, NULL), CQL_OK);
    bind.type = type;
    int found = flags(cql_engine_classify(cql_slice_str(cases[i].text), &bind, 1));
    if (found != cases[i].flags) fail_msg("%s (%s): %d", cases[i].text, cases[i].type, found);
    cql_arena_free(&a);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(texts), cmocka_unit_test(markers)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
