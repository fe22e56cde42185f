#include "helper.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

void fixture_open(fixture *f) {
  cqle_store_config config = {.alloc = &cql_alloc_libc};
  cql_error err;
  cqle_txn *txn;
  memset(f, 0, sizeof *f);
  f->engine.alloc = &cql_alloc_libc;
  f->now_us = INT64_C(1700000000000000);
  assert_int_equal(cqle_store_open(&f->engine.store, &config, &err), CQL_OK);
  assert_int_equal(cqle_txn_begin(f->engine.store, true, &txn, &err), CQL_OK);
  assert_int_equal(cqle_schema_create(txn, &err), CQL_OK);
  assert_int_equal(cqle_txn_commit(txn, &err), CQL_OK);
}

void fixture_close(fixture *f) {
  cqle_store_close(f->engine.store);
}

cql_status load(fixture *f, cqle_schema **out, cql_error *err) {
  cqle_txn *txn;
  cql_status st;
  assert_int_equal(cqle_txn_begin(f->engine.store, false, &txn, err), CQL_OK);
  st = cqle_schema_load(txn, &cql_alloc_libc, NULL, out, err);
  cqle_txn_abort(txn);
  return st;
}

static void tell(answer *a, const cql_result *r) {
  if (r->kind == CQL_RESULT_VOID)
    snprintf(a->text, sizeof a->text, "void");
  else if (r->kind == CQL_RESULT_SET_KEYSPACE)
    snprintf(a->text, sizeof a->text, "use %s", r->keyspace);
  else
    snprintf(a->text, sizeof a->text, "%s %s %s%s%s", r->change, r->change_target, r->keyspace,
             r->change_name[0] ? "." : "", r->change_name);
}

static cql_status run_in(fixture *f, cqle_txn *txn, const char *keyspace, const char *cql, answer *a, cql_error *err) {
  cql_arena arena;
  cqle_schema *schema = NULL;
  cqle_statement *s;
  cql_result *result = cql_result_new(&cql_alloc_libc, 1024 * 1024);
  cqle_exec x = {.engine = &f->engine, .txn = txn, .arena = &arena, .err = err, .result = result};
  cql_status st;
  assert_non_null(result);
  cql_arena_init(&arena, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  x.now_us = x.timestamp = ++f->now_us;
  CQL_TRY(cqle_parse(&arena, cql_slice_str(cql), &s, err));
  CQL_TRY(cqle_schema_load(txn, &cql_alloc_libc, NULL, &schema, err));
  x.schema = schema;
  CQL_TRY(cqle_ddl_execute(&x, keyspace, s));
  tell(a, result);
done:
  cqle_schema_free(schema);
  cql_arena_free(&arena);
  cql_result_free(result);
  return st;
}

answer run_cql(fixture *f, const char *keyspace, const char *cql) {
  answer a;
  cql_error err;
  cqle_txn *txn;
  memset(&a, 0, sizeof a);
  memset(&err, 0, sizeof err);
  assert_int_equal(cqle_txn_begin(f->engine.store, true, &txn, &err), CQL_OK);
  a.status = run_in(f, txn, keyspace, cql, &a, &err);
  if (a.status == CQL_OK) {
    assert_int_equal(cqle_txn_commit(txn, &err), CQL_OK);
    return a;
  }
  cqle_txn_abort(txn);
  snprintf(a.text, sizeof a.text, "%s %s", cql_status_name(a.status), err.message);
  return a;
}

void must_run(fixture *f, const char *cql) {
  answer a = run_cql(f, NULL, cql);
  if (a.status != CQL_OK) fail_msg("%s\n  %s", cql, a.text);
}

uint32_t count_keys(fixture *f) {
  uint32_t n = 0;
  cqle_txn *txn;
  cqle_cursor *c;
  cql_slice key, value;
  assert_int_equal(cqle_txn_begin(f->engine.store, false, &txn, NULL), CQL_OK);
  assert_int_equal(cqle_cursor_open(txn, CQL_SLICE_LITERAL("\0"), (cql_slice){0}, false, &c, NULL), CQL_OK);
  while (cqle_cursor_next(c, &key, &value, NULL) == CQL_OK) n++;
  cqle_cursor_close(c);
  cqle_txn_abort(txn);
  return n;
}
