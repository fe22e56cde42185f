/* test_result.c: a page of rows, written cell by cell and read row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "value/value.h"

static int released;

static void count_release(void *owner) {
  released += *(int *)owner;
}

static cql_result *two_rows(void) {
  cql_result *r = cql_result_new(&cql_alloc_libc, 1 << 16);
  assert_non_null(r);
  r->kind = CQL_RESULT_ROWS;
  r->column_count = 2;
  r->columns = cql_arena_zero(&r->arena, 2 * sizeof *r->columns);
  r->columns[0] = (cql_column){"ks", "t", "a", cql_type_native(CQL_TYPE_TEXT)};
  r->columns[1] = (cql_column){"ks", "t", "b", cql_type_native(CQL_TYPE_INT)};
  cql_result_put_cell(r, CQL_SLICE_LITERAL("x"));
  cql_result_put_cell(r, cql_slice_of(NULL, 0));
  cql_result_put_cell(r, CQL_SLICE_LITERAL(""));
  cql_result_put_cell(r, CQL_SLICE_LITERAL("\0\0\0\1"));
  r->row_count = 2;
  return r;
}

static void test_rows(void **state) {
  (void)state;
  cql_result *r = two_rows();
  cql_value cells[2];
  assert_int_equal(cql_result_get_kind(r), CQL_RESULT_ROWS);
  assert_int_equal(cql_result_row_count(r), 2);
  assert_int_equal(cql_result_column_count(r), 2);
  assert_string_equal(cql_result_column(r, 1)->name, "b");
  assert_null(cql_result_column(r, 2));
  for (int round = 0; round < 2; round++) {
    assert_int_equal(cql_result_next(r, cells), CQL_OK);
    assert_true(cells[0].len == 1 && cells[0].data[0] == 'x');
    assert_true(cells[1].len == CQL_NULL && cells[1].data == NULL);
    assert_int_equal(cql_result_next(r, cells), CQL_OK);
    assert_true(cells[0].len == 0 && cells[0].data != NULL);
    assert_int_equal(cells[1].len, 4);
    assert_int_equal(cql_result_next(r, cells), CQL_DONE);
    assert_int_equal(cql_result_next(r, cells), CQL_DONE);
    cql_result_rewind(r);
  }
  cql_result_free(r);
}

static void test_a_look_ahead(void **state) {
  (void)state;
  cql_result *r = two_rows();
  cql_value cells[2], later[2];
  cql_result_place start = cql_result_tell(r);
  assert_int_equal(cql_result_rows_len(r), 4 * 4 + 1 + 4);
  assert_int_equal(cql_result_next(r, cells), CQL_OK);
  cql_result_place place = cql_result_tell(r);
  assert_int_equal(cql_result_next(r, later), CQL_OK);
  assert_int_equal(cql_result_next(r, later), CQL_DONE);
  assert_true(cells[0].len == 1 && cells[0].data[0] == 'x');
  cql_result_seek(r, place);
  assert_int_equal(cql_result_next(r, cells), CQL_OK);
  assert_true(cells[0].len == 0 && cells[0].data == later[0].data);
  assert_int_equal(cql_result_next(r, cells), CQL_DONE);
  cql_result_seek(r, start);
  assert_int_equal(cql_result_next(r, cells), CQL_OK);
  assert_true(cells[0].len == 1 && cells[0].data[0] == 'x');
  cql_result_free(r);
}

/* More rows promised than the body holds, and lengths that lie. */
static void test_malformed(void **state) {
  (void)state;
  cql_value cells[2];
  cql_result *r = two_rows();
  r->row_count = 3;
  assert_int_equal(cql_result_next(r, cells), CQL_OK);
  assert_int_equal(cql_result_next(r, cells), CQL_OK);
  assert_int_equal(cql_result_next(r, cells), CQL_MALFORMED);
  for (size_t at = 0; at <= 5; at += 5) { /* the lengths of the first and of the last cell of a row */
    cql_result_rewind(r);
    cql_store_u32(r->body.data + at, 0x7FFFFFFF);
    assert_int_equal(cql_result_next(r, cells), CQL_MALFORMED);
    cql_store_u32(r->body.data + at, at == 0 ? 1 : UINT32_MAX);
  }
  cql_result_free(r);
}

/* Rows within somebody else's buffer, which the result then owns. */
static void test_rows_of_a_body(void **state) {
  (void)state;
  cql_value cells[2];
  cql_buf body;
  cql_result *r = two_rows(); /* its own rows go */
  cql_buf_init(&body, &cql_alloc_libc, 100);
  cql_buf_str(&body, "head");
  for (int i = 0; i < 3; i++) cql_put_element(&body, CQL_SLICE_LITERAL("cell"));
  cql_buf_str(&body, "tail");
  cql_result_set_rows(r, &body, cql_slice_of(body.data + 4, 24), 1);
  assert_true(body.data == NULL && body.len == 0);
  assert_int_equal(cql_result_row_count(r), 1);
  for (int round = 0; round < 2; round++) {
    assert_int_equal(cql_result_next(r, cells), CQL_OK);
    assert_memory_equal(cells[1].data, "cell", 4);
    assert_int_equal(cql_result_next(r, cells), CQL_DONE);
    cql_result_rewind(r);
  }
  r->row_count = 2; /* more than the part holds, though the body goes on */
  assert_int_equal(cql_result_next(r, cells), CQL_OK);
  assert_int_equal(cql_result_next(r, cells), CQL_MALFORMED);
  cql_result_free(r);
}

static void test_beside_rows(void **state) {
  (void)state;
  int one = 1;
  size_t len = 99;
  cql_result *r = cql_result_new(&cql_alloc_libc, 16);
  const char *warnings[] = {"slow"};
  assert_int_equal(cql_result_get_kind(r), CQL_RESULT_VOID);
  assert_string_equal(cql_result_keyspace(r), "");
  assert_string_equal(cql_result_change(r), "");
  assert_string_equal(cql_result_change_target(r), "");
  assert_string_equal(cql_result_change_name(r), "");
  assert_null(cql_result_paging_state(r, &len));
  assert_int_equal(len, 0);
  assert_null(cql_result_warning(r, 0));
  r->paging_state = CQL_SLICE_LITERAL("next");
  r->warnings = warnings;
  r->warning_count = 1;
  r->release = count_release;
  r->owner = &one;
  assert_memory_equal(cql_result_paging_state(r, &len), "next", 4);
  assert_int_equal(len, 4);
  assert_int_equal(cql_result_warning_count(r), 1);
  assert_string_equal(cql_result_warning(r, 0), "slow");
  assert_null(cql_result_warning(r, 1));
  for (int i = 0; i < 4; i++) cql_result_put_cell(r, CQL_SLICE_LITERAL("12345678")); /* past the page's limit */
  assert_int_equal(r->body.st, CQL_LIMIT);
  cql_result_free(r);
  assert_int_equal(released, 1);
  cql_result_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rows),           cmocka_unit_test(test_a_look_ahead), cmocka_unit_test(test_malformed),
      cmocka_unit_test(test_rows_of_a_body), cmocka_unit_test(test_beside_rows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
