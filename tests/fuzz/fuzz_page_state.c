/* fuzz_page_state.c: any bytes as the paging state of a statement.
 *
 * INPUT  which statement (u8), how (u8: 0 as it is, 1 behind a true version and fingerprint, with a true checksum),
 * bytes
 *
 * A state that is not the statement's is refused in words; one that is believed gives rows of the table, and comes to
 * an end.
 */
#include "database.h"
#include "fuzz.h"

#include <string.h>

enum { INPUT_LEN_MAX = 512, HEAD_LEN = 5, CHECKSUM_LEN = 4, PAGES_MAX = 100, ROWS_MAX = 100 };

static const char *const STATEMENTS[] = {
    "SELECT * FROM t",
    "SELECT * FROM t WHERE k = 1",
    "SELECT * FROM t WHERE k IN (1, 2) LIMIT 3",
    "SELECT * FROM t WHERE k = 1 AND c IN (1, 3) ORDER BY c DESC",
    "SELECT DISTINCT k, s FROM t",
    "SELECT k, count(*) FROM t GROUP BY k",
    "SELECT * FROM t WHERE v = 10",
    "SELECT * FROM t WHERE v > 0 ALLOW FILTERING",
    "SELECT * FROM t PER PARTITION LIMIT 2",
    "SELECT * FROM w WHERE token(a, b) > -9000000000000000000",
    "SELECT * FROM w WHERE m CONTAINS KEY 'a'",
    "SELECT * FROM system_schema.columns",
    "SELECT * FROM u",
    "SELECT * FROM v WHERE m['a'] = 'b'",
    "SELECT * FROM t WHERE s = 's'",
    "SELECT k, c FROM v ORDER BY e ANN OF [1, 2, 2] LIMIT 3",
};

static cql_status read_page(cql_engine *e, cql_plan *plan, cql_slice state, cql_result **out) {
  cql_request q = CQL_REQUEST_INIT;
  cql_error err = {.status = CQL_OK};
  q.page_size = 1;
  q.paging_state = state.data;
  q.paging_state_len = state.len;
  cql_status st = cql_engine_execute(e, plan, &q, out, &err);
  if (st != CQL_OK) {
    fuzz_require_words(st, &err);
    FUZZ_REQUIRE(st == CQL_PROTOCOL || st == CQL_INVALID || st == CQL_LIMIT, "%s: %s", cql_status_name(st),
                 err.message);
  }
  return st;
}

/* To the last page. */
static void read_on(cql_engine *e, cql_plan *plan, cql_slice state) {
  cql_result *r;
  uint64_t rows = 0;
  for (int page = 0; read_page(e, plan, state, &r) == CQL_OK; page++) {
    rows += r->row_count;
    FUZZ_REQUIRE(page < PAGES_MAX || rows < ROWS_MAX || r->column_count > 5, "%llu rows and no end",
                 (unsigned long long)rows);
    fuzz_free(state);
    state = r->paging_state.data == NULL || page >= PAGES_MAX ? (cql_slice){NULL, 0} : fuzz_block(r->paging_state);
    cql_result_free(r);
    if (state.data == NULL) return;
  }
  fuzz_free(state);
}

/* Version and fingerprint of the statement's own first page, the bytes, and what the checksum must be. */
static cql_slice make_state(cql_engine *e, cql_plan *plan, cql_slice bytes) {
  uint8_t state[INPUT_LEN_MAX + HEAD_LEN + CHECKSUM_LEN];
  cql_result *r;
  FUZZ_REQUIRE(read_page(e, plan, (cql_slice){NULL, 0}, &r) == CQL_OK, "a first page");
  bool more = r->paging_state.len >= HEAD_LEN;
  if (more) memcpy(state, r->paging_state.data, HEAD_LEN);
  cql_result_free(r);
  if (!more) return fuzz_block(bytes);
  memcpy(state + HEAD_LEN, bytes.data, bytes.len);
  size_t len = HEAD_LEN + bytes.len;
  cql_store_u32(state + len, (uint32_t)(uint64_t)cql_murmur3_token(cql_slice_of(state, len)));
  return fuzz_block(cql_slice_of(state, len + CHECKSUM_LEN));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 3 || size > INPUT_LEN_MAX) return 0;
  cql_engine *e = fuzz_database();
  cql_plan *plan;
  cql_error err = {.status = CQL_OK};
  const char *text = STATEMENTS[data[0] % (sizeof STATEMENTS / sizeof *STATEMENTS)];
  cql_slice bytes = cql_slice_of(data + 2, size - 2);
  FUZZ_REQUIRE(cql_engine_prepare(e, "ks", cql_slice_str(text), &plan, &err) == CQL_OK, "%s", err.message);
  read_on(e, plan, data[1] == 0 ? fuzz_block(bytes) : make_state(e, plan, bytes));
  cql_plan_release(plan);
  return 0;
}
