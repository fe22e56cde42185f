/* fuzz_statement.c: a script of CQL statements, one a line, run on an engine in memory whose keyspace has tables of all
 * kinds. Values for the markers are made of the text, so that an input is a script and nothing else.
 *
 * A failure comes in words. The cells of a result are values of its columns' types. A read gives in pages of two what
 * it gives at once. What a script wrote is taken back before the next input runs.
 */
#include "../unit/value/random_value.h"
#include "database.h"
#include "fuzz.h"

#include <string.h>

enum { SCRIPT_LEN_MAX = 4096, STATEMENTS_MAX = 24, VALUES_MAX = 64, VALUE_LEN_MAX = 1 << 16, PAGES_MAX = 400 };
enum { ONE_IN = 8 }; /* so many values are null, and so many unset */

static cql_engine *engine;

/* --- values ------------------------------------------------------------------------------------------------------- */

typedef struct values {
  cql_value items[VALUES_MAX];
  cql_buf bytes;
  size_t at[VALUES_MAX];
} values;

/* Of the markers' types; the text decides which. */
static uint32_t make_values(values *v, const cql_plan_info *info, cql_slice text) {
  rng r = {(uint64_t)cql_murmur3_token(text) | 1};
  uint32_t count = info->bind_count < VALUES_MAX ? info->bind_count : VALUES_MAX;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t kind = rng_below(&r, ONE_IN);
    v->at[i] = v->bytes.len;
    v->items[i] = (cql_value){NULL, kind == 0 ? CQL_NULL : CQL_UNSET};
    if (kind < 2) continue;
    random_value(&r, &v->bytes, info->binds[i].type);
    v->items[i].len = (int32_t)(v->bytes.len - v->at[i]);
  }
  FUZZ_REQUIRE(v->bytes.st == CQL_OK, "%s", cql_status_name(v->bytes.st));
  for (uint32_t i = 0; i < count; i++)
    if (v->items[i].len >= 0) v->items[i].data = v->items[i].len == 0 ? (const uint8_t *)"" : v->bytes.data + v->at[i];
  return info->bind_count;
}

/* --- results ------------------------------------------------------------------------------------------------------ */

/* The times of a column of many cells are a list, with a null for each field of a user type that is null. */
static cql_status check_cell(const cql_type *type, cql_slice bytes, cql_error *err) {
  cql_elements walk;
  cql_slice item;
  if (type->code != CQL_TYPE_LIST) return cql_value_validate_stored(type, bytes, err);
  cql_status st = cql_elements_open(&walk, type, bytes);
  while (st == CQL_OK && (st = cql_elements_next(&walk, &item)) == CQL_OK)
    if (item.data != NULL) st = cql_value_validate_stored(type->args[0], item, err);
  if (st == CQL_DONE && cql_reader_left(&walk.r) == 0) return CQL_OK;
  return st == CQL_INVALID ? st : cql_fail(err, CQL_INVALID, "the list is cut off, or goes on behind its end");
}

static void check_cells(cql_result *r, cql_slice text) {
  cql_value *cells = cql_arena_array(&r->arena, (size_t)r->column_count + 1, sizeof *cells);
  uint64_t rows = 0;
  cql_error err = {.status = CQL_OK};
  FUZZ_REQUIRE(cells != NULL, "no memory");
  if (r->kind != CQL_RESULT_ROWS) return;
  while (cql_result_next(r, cells) == CQL_OK) {
    rows++;
    for (uint32_t i = 0; i < r->column_count; i++) {
      if (cells[i].len < 0) continue;
      cql_status st = check_cell(r->columns[i].type, cql_slice_of(cells[i].data, (size_t)cells[i].len), &err);
      FUZZ_REQUIRE(st == CQL_OK, CQL_SLICE_FMT ": %s is no %s: %s", CQL_SLICE_ARG(text), r->columns[i].name,
                   fuzz_type(&r->arena, r->columns[i].type), err.message);
    }
  }
  FUZZ_REQUIRE(rows == r->row_count, CQL_SLICE_FMT ": %llu rows, %llu said", CQL_SLICE_ARG(text),
               (unsigned long long)rows, (unsigned long long)r->row_count);
}

/* Rows over all pages; false: some page was refused. */
static bool count_in_pages(cql_plan *plan, cql_request q, uint64_t *rows) {
  uint8_t *state = NULL;
  bool done = false;
  *rows = 0;
  for (int page = 0; page < PAGES_MAX && !done; page++) {
    cql_result *r;
    cql_error err = {.status = CQL_OK};
    cql_status st = cql_engine_execute(engine, plan, &q, &r, &err);
    fuzz_free(cql_slice_of(state, 0));
    if (st != CQL_OK) {
      fuzz_require_words(st, &err);
      return false;
    }
    *rows += r->row_count;
    done = r->paging_state.data == NULL;
    state = done ? NULL : (uint8_t *)(uintptr_t)fuzz_block(r->paging_state).data;
    q.paging_state = state;
    q.paging_state_len = r->paging_state.len;
    cql_result_free(r);
  }
  fuzz_free(cql_slice_of(state, 0));
  return done;
}

/* ------------------------------------------------------------------------------------------------------------------ */

static bool execute(cql_plan *plan, cql_slice text) {
  const cql_plan_info *info = cql_plan_get_info(plan);
  values v;
  cql_request q = CQL_REQUEST_INIT;
  cql_result *r = NULL;
  cql_error err = {.status = CQL_OK};
  cql_buf_init(&v.bytes, &cql_alloc_libc, VALUE_LEN_MAX * VALUES_MAX);
  q.value_count = make_values(&v, info, text);
  q.values = v.items;
  if (q.value_count > VALUES_MAX) q.value_count = VALUES_MAX;
  cql_status st = cql_engine_execute(engine, plan, &q, &r, &err);
  if (st == CQL_OK) {
    uint64_t rows = 0, at_once = r->row_count;
    check_cells(r, text);
    cql_result_free(r);
    q.page_size = 2;
    if (info->is_select && count_in_pages(plan, q, &rows))
      FUZZ_REQUIRE(rows == at_once, CQL_SLICE_FMT ": %llu rows in pages, %llu at once", CQL_SLICE_ARG(text),
                   (unsigned long long)rows, (unsigned long long)at_once);
  } else {
    fuzz_require_words(st, &err);
    FUZZ_REQUIRE(st != CQL_CORRUPT && st != CQL_MISUSE && st != CQL_SERVER, CQL_SLICE_FMT ": %s", CQL_SLICE_ARG(text),
                 err.message);
  }
  cql_buf_free(&v.bytes);
  return st == CQL_OK && !info->is_select;
}

/* True: it may have changed something. */
static bool run(cql_slice line) {
  cql_plan *plan;
  cql_error err = {.status = CQL_OK};
  cql_slice text = fuzz_block(line);
  cql_status st = cql_engine_prepare(engine, "ks", text, &plan, &err);
  fuzz_free(text);
  if (st != CQL_OK) {
    fuzz_require_words(st, &err);
    return false;
  }
  bool changed = execute(plan, line);
  cql_plan_release(plan);
  return changed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > SCRIPT_LEN_MAX) return 0;
  cql_slice rest = cql_slice_of(data, size);
  bool changed = false;
  engine = fuzz_database();
  for (int i = 0; i < STATEMENTS_MAX && rest.len > 0; i++) {
    cql_slice line = fuzz_until(&rest, '\n');
    if (line.len > 0 && run(line)) changed = true;
  }
  if (changed) fuzz_database_changed();
  return 0;
}
