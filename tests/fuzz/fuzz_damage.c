/* fuzz_damage.c: a database with one damaged value: of the catalog, of a row, a deletion, an index entry.
 *
 * INPUT  which value (u8), how (u8: 0 replace it, else change bytes), then the bytes: the new value, or pairs of a
 *        place and a byte
 *
 * Reading and writing all tables gives answers or errors in words, never a crash; and what was damaged is refused or
 * read as what it says.
 */
#include "database.h"
#include "fuzz.h"

#include <string.h>

enum { INPUT_LEN_MAX = 1024 };

#define WRITE_W                                                                                                        \
  "UPDATE w SET m['a'] = 3, l = l + [4], e = e - {'p'} WHERE a = 'x' AND b = 1 AND c = 'c' AND d = "                   \
  "50554d6e-29bb-11e5-b345-feff819cdc9f"

static const char *const STATEMENTS[] = {
    "SELECT * FROM t",
    "SELECT * FROM t WHERE k = 1 ORDER BY c DESC",
    "SELECT * FROM t WHERE v = 10",
    "SELECT * FROM t WHERE k = 1 AND c = 2",
    "SELECT writetime(v), ttl(v) FROM t",
    "SELECT JSON * FROM w",
    "SELECT * FROM w WHERE m CONTAINS KEY 'a'",
    "SELECT max(d), sum(ti), count(z) FROM n",
    "SELECT * FROM n",
    "SELECT * FROM q",
    "SELECT k, c, h.street, f.i.a, l, m, t FROM u",
    "SELECT * FROM u WHERE l CONTAINS {a: 4}",
    "SELECT * FROM v WHERE m['a'] = 'b'",
    "SELECT * FROM v WHERE f = {1, 2}",
    "SELECT k, c FROM v WHERE p = 'secret'",
    "SELECT k, c, similarity_cosine(e, [1, 2, 3]) FROM v ORDER BY e ANN OF [1, 2, 2] LIMIT 2",
    "SELECT * FROM t WHERE s = 's'",
    "UPDATE t SET v = 11, s = 'y' WHERE k = 1 AND c = 1",
    "UPDATE t SET v = 12 WHERE k = 1 AND c = 2 IF v = 20",
    "DELETE FROM t WHERE k = 1 AND c >= 2 AND c < 10",
    WRITE_W,
    "UPDATE q SET n = n + 1 WHERE k = 'x'",
    "UPDATE u SET h.no = 5, m = m + {{a: 1}: {no: 2}} WHERE k = {a: 1, b: 'x'} AND c = {street: 's', no: 1}",
    "UPDATE v SET e = [1, 1, 1], p = 'x', s = 't', m['a'] = 'c' WHERE k = 1 AND c = 1",
    "SELECT * FROM system_schema.tables",
    "SELECT * FROM system_schema.columns",
    "DESCRIBE KEYSPACE ks",
    "SELECT * FROM system_schema.types",
    "SELECT * FROM system_schema.indexes",
    "ALTER TYPE inner ADD extra int",
    "ALTER TABLE t ADD extra int",
    "DROP INDEX t_v",
    "DROP TABLE w",
};

static void run(cql_engine *e, const char *text) {
  cql_plan *plan;
  cql_result *r = NULL;
  cql_request q = CQL_REQUEST_INIT;
  cql_error err = {.status = CQL_OK};
  cql_status st = cql_engine_prepare(e, "ks", cql_slice_str(text), &plan, &err);
  if (st == CQL_OK) st = cql_engine_execute(e, plan, &q, &r, &err);
  if (st != CQL_OK) fuzz_require_words(st, &err);
  cql_plan_release(plan);
  cql_result_free(r);
}

static void damage(uint8_t which, uint8_t how, cql_slice bytes) {
  uint8_t copy[INPUT_LEN_MAX];
  cql_slice old = fuzz_database_value(which);
  if (how == 0 || old.len == 0 || old.len > sizeof copy) {
    fuzz_database_damage(which, bytes);
    return;
  }
  memcpy(copy, old.data, old.len);
  for (size_t i = 0; i + 1 < bytes.len; i += 2) copy[bytes.data[i] % old.len] = bytes.data[i + 1];
  fuzz_database_damage(which, cql_slice_of(copy, old.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2 || size > INPUT_LEN_MAX) return 0;
  cql_engine *e = fuzz_database();
  damage(data[0], data[1], cql_slice_of(data + 2, size - 2));
  for (size_t i = 0; i < sizeof STATEMENTS / sizeof *STATEMENTS; i++) run(e, STATEMENTS[i]);
  return 0;
}
