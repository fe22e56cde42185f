/* database.c: see database.h. */
#include "database.h"

#include "fuzz.h"

enum { PAIRS_MAX = 4096 };

static const char *const SCHEMA[] = {
    "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "CREATE TABLE ks.t (k int, c int, v int, s text static, PRIMARY KEY (k, c))",
    "CREATE TABLE ks.w (a text, b int, c text, d timeuuid, v text, m map<text, int>, l list<int>, e set<text>, "
    "PRIMARY KEY ((a, b), c, d)) WITH CLUSTERING ORDER BY (c DESC, d ASC)",
    "CREATE TABLE ks.n (k int PRIMARY KEY, ti tinyint, si smallint, b bigint, vi varint, d decimal, f float, g double, "
    "bo boolean, bl blob, ip inet, da date, tm time, ts timestamp, du duration, id uuid, x tuple<int, text>, "
    "y vector<float, 3>, z frozen<map<int, frozen<set<text>>>>)",
    "CREATE TABLE ks.q (k text PRIMARY KEY, n counter)",
    "CREATE TYPE ks.inner (a int, b text)",
    "CREATE TYPE ks.home (street text, no int, i frozen<inner>, tags frozen<set<text>>)",
    "CREATE TABLE ks.u (k frozen<inner>, c frozen<home>, h home, f frozen<home>, l list<frozen<inner>>, "
    "m map<frozen<inner>, frozen<home>>, t tuple<int, frozen<inner>>, PRIMARY KEY (k, c))",
    "CREATE TABLE ks.v (k int, c int, e vector<float, 3>, s text static, m map<text, text>, f frozen<set<int>>, "
    "p text, PRIMARY KEY (k, c))",
    "CREATE INDEX t_v ON ks.t (v)",
    "CREATE INDEX t_s ON ks.t (s)",
    "CREATE INDEX t_c ON ks.t (c)",
    "CREATE INDEX w_m ON ks.w (keys(m))",
    "CREATE INDEX v_m ON ks.v (entries(m))",
    "CREATE INDEX v_f ON ks.v (full(f))",
    "CREATE INDEX u_l ON ks.u (values(l))",
    "CREATE CUSTOM INDEX v_e ON ks.v (e) USING 'StorageAttachedIndex'",
    "CREATE CUSTOM INDEX v_p ON ks.v (p) USING 'StorageAttachedIndex'",
    "INSERT INTO ks.t (k, c, v, s) VALUES (1, 1, 10, 's')",
    "INSERT INTO ks.t (k, c, v) VALUES (1, 2, 20)",
    "INSERT INTO ks.t (k, c, v) VALUES (1, 3, null)",
    "INSERT INTO ks.t (k, c) VALUES (2, 1)",
    "DELETE FROM ks.t WHERE k = 1 AND c > 8 AND c < 12",
    "DELETE FROM ks.t WHERE k = 3",
    "INSERT INTO ks.w (a, b, c, d, v, m, l, e) VALUES ('x', 1, 'c', 50554d6e-29bb-11e5-b345-feff819cdc9f, 'v', "
    "{'a': 1, 'b': 2}, [1, 2, 3], {'p', 'q'})",
    "INSERT INTO ks.n (k, ti, d, g, ts, du, x, y, z) VALUES (1, 1, 1.50, 2.5, 0, 1mo2d, (1, 'x'), [1, 2, 3], "
    "{1: {'a'}})",
    "UPDATE ks.q SET n = n + 5 WHERE k = 'x'",
    "INSERT INTO ks.u (k, c, h, f, l, m, t) VALUES ({a: 1, b: 'x'}, {street: 's', no: 1}, {street: 'r', i: {a: 2}}, "
    "{no: 3, tags: {'q'}}, [{a: 4}], {{a: 5}: {no: 6}}, (7, {b: 'y'}))",
    "INSERT INTO ks.u (k, c, h) VALUES ({a: 1, b: 'x'}, {street: 't'}, {no: 8})",
    "INSERT INTO ks.v (k, c, e, s, m, f, p) VALUES (1, 1, [1, 2, 3], 's', {'a': 'b'}, {1, 2}, 'secret')",
    "INSERT INTO ks.v (k, c, e) VALUES (1, 2, [3, 2, 1])",
    "INSERT INTO ks.v (k, c, e) VALUES (2, 1, [0, 1, 0]) USING TTL 1000",
};

static cql_engine *engine;
static bool changed;
static cql_arena kept; /* lives as long as the process, as the engine does */
static struct pair { cql_slice key, value; } pairs[PAIRS_MAX];
static uint32_t pair_count;

static int64_t clock_us(void *user) {
  (void)user;
  return 1600000000000000;
}

static void require(cql_status st, const cql_error *err) {
  FUZZ_REQUIRE(st == CQL_OK, "%s: %s", cql_status_name(st), err->message);
}

static void run_text(cql_slice text) {
  cql_plan *plan;
  cql_result *result = NULL;
  cql_request q = CQL_REQUEST_INIT;
  cql_error err = {.status = CQL_OK};
  require(cql_engine_prepare(engine, "ks", text, &plan, &err), &err);
  require(cql_engine_execute(engine, plan, &q, &result, &err), &err);
  cql_plan_release(plan);
  cql_result_free(result);
}

static const cql_slice ALL = {NULL, 0};

/* A snapshot whose version no database has: statements load their own, but need not define the system keyspaces. */
static cqle_schema *outdated;

static void keep_outdated(void) {
  outdated = engine->schema;
  outdated->refs++;
  outdated->version = 0;
}

static void keep_pairs(void) {
  cqle_txn *t;
  cqle_cursor *c;
  cql_slice key, value;
  cql_error err = {.status = CQL_OK};
  cql_arena_init(&kept, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  require(cqle_txn_begin(engine->store, false, &t, &err), &err);
  require(cqle_cursor_open(t, ALL, ALL, false, &c, &err), &err);
  while (cqle_cursor_next(c, &key, &value, &err) == CQL_OK) {
    FUZZ_REQUIRE(pair_count < PAIRS_MAX, "more than %d keys", PAIRS_MAX);
    struct pair *p = &pairs[pair_count++];
    require(cql_arena_slice(&kept, key, &p->key), &err);
    require(cql_arena_slice(&kept, value, &p->value), &err);
  }
  cqle_cursor_close(c);
  cqle_txn_abort(t);
}

/* The schema's version is an old one again, so the snapshot of the newer one must go. */
static void forget_schema(void) {
  cqle_schema_release(engine, engine->schema);
  engine->schema = outdated;
  outdated->refs++;
}

static void put_back(void) {
  cqle_txn *t;
  cql_error err = {.status = CQL_OK};
  require(cqle_txn_begin(engine->store, true, &t, &err), &err);
  require(cqle_del_range(t, ALL, ALL, &err), &err);
  for (uint32_t i = 0; i < pair_count; i++) require(cqle_put(t, pairs[i].key, pairs[i].value, &err), &err);
  require(cqle_txn_commit(t, &err), &err);
  forget_schema();
}

cql_engine *fuzz_database(void) {
  if (engine == NULL) {
    cql_engine_config config = {.now_us = clock_us};
    cql_error err = {.status = CQL_OK};
    require(cql_engine_open(&engine, &config, &err), &err);
    for (size_t i = 0; i < sizeof SCHEMA / sizeof *SCHEMA; i++) run_text(cql_slice_str(SCHEMA[i]));
    keep_pairs();
    keep_outdated();
  } else if (changed) {
    put_back();
  }
  changed = false;
  return engine;
}

void fuzz_database_changed(void) {
  changed = true;
}

void fuzz_database_damage(uint32_t n, cql_slice value) {
  cqle_txn *t;
  cql_error err = {.status = CQL_OK};
  cql_engine *e = fuzz_database();
  require(cqle_txn_begin(e->store, true, &t, &err), &err);
  require(cqle_put(t, pairs[n % pair_count].key, value, &err), &err);
  require(cqle_txn_commit(t, &err), &err);
  forget_schema();
  changed = true;
}

cql_slice fuzz_database_value(uint32_t n) {
  fuzz_database();
  return pairs[n % pair_count].value;
}
