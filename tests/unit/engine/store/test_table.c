/* test_table.c: rows in their table and their indexes, beside a model that knows nothing of keys: a grid of rows, a
 * list of deletions, and Cassandra's rule that any order of writes has one outcome.
 */
#include "helper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  PARTITIONS = 4,
  ROW_KEYS = 12, /* per partition: 4 values of c × 3 of d */
  ROWS = PARTITIONS * (1 + ROW_KEYS),
  DELETIONS_MAX = 400,
  /* column ids, in the order of COLUMNS */
  K1 = 1,
  K2,
  C,
  D,
  S,
  V,
  N,
  TAGS,
  PRICES,
};

static const column_spec COLUMNS[] = {
    {"k1", CQLE_PARTITION_KEY, "int", false},
    {"k2", CQLE_PARTITION_KEY, "blob", false},
    {"c", CQLE_CLUSTERING, "int", false},
    {"d", CQLE_CLUSTERING, "text", true},
    {"s", CQLE_STATIC, "text", false},
    {"v", CQLE_REGULAR, "text", false},
    {"n", CQLE_REGULAR, "int", false},
    {"tags", CQLE_REGULAR, "set<text>", false},
    {"prices", CQLE_REGULAR, "map<int, int>", false},
};

static const char *const TEXTS[] = {"", "a", "b"}; /* also the values of d */
static const int32_t CS[] = {-1, 0, 1, 256};

/* --- the model ---------------------------------------------------------------------------------------------------- */

typedef struct model_row {
  int partition, c, d; /* c and d index CS and TEXTS; -1: the static row */
  cqle_row row;
} model_row;

typedef struct bound { /* c, then d, as far as count says */
  uint32_t count;
  int c, d;
  bool after;
} bound;

typedef struct model_deletion {
  int partition;
  bool whole;
  bound start, end;
  cqle_deletion d;
} model_deletion;

static struct {
  temp place;
  cql_arena arena, scratch;
  cqle_table *table;
  cqle_store *store;
  cqle_txn *txn;
  cqle_pkey pkeys[PARTITIONS];
  model_row rows[ROWS]; /* in table order */
  model_deletion deletions[DELETIONS_MAX];
  int deletion_count;
  cql_error err;
} m;

static int sign(int64_t v) {
  return v > 0 ? 1 : v < 0 ? -1 : 0;
}

static int text_cmp(int x, int y) {
  return sign(strcmp(TEXTS[x], TEXTS[y]));
}

/* Table order: token, static row first, c upwards, d downwards. Tokens are distinct. */
static int model_cmp(const void *x, const void *y) {
  const model_row *p = x, *q = y;
  int64_t t = m.pkeys[p->partition].token, u = m.pkeys[q->partition].token;
  if (t != u) return t < u ? -1 : 1;
  if ((p->c < 0) != (q->c < 0)) return p->c < 0 ? -1 : 1;
  if (p->c < 0) return 0;
  return p->c != q->c ? sign(CS[p->c] - CS[q->c]) : -text_cmp(p->d, q->d);
}

/* Compares a row with the values of a bound, as many as it has. */
static int prefix_cmp(const model_row *r, const bound *b) {
  if (b->count >= 1 && r->c != b->c) return sign(CS[r->c] - CS[b->c]);
  return b->count >= 2 ? -text_cmp(r->d, b->d) : 0;
}

static bool within(const model_row *r, const bound *start, const bound *end) {
  if (r->c < 0) return false;
  int s = prefix_cmp(r, start), e = prefix_cmp(r, end);
  bool from = start->count == 0 || s > 0 || (s == 0 && !start->after);
  bool to = end->count == 0 || e < 0 || (e == 0 && end->after);
  return from && to;
}

static bool is_covered(const model_row *r, const model_deletion *d) {
  return r->partition == d->partition && (d->whole || within(r, &d->start, &d->end));
}

static cqle_deletion covering(const model_row *r) {
  cqle_deletion out = {CQLE_NO_TIMESTAMP, CQLE_NO_EXPIRY};
  for (int i = 0; i < m.deletion_count; i++)
    if (is_covered(r, &m.deletions[i]) && cqle_deletion_reconcile(&m.deletions[i].d, &out) < 0) out = m.deletions[i].d;
  return out;
}

static void model_write(model_row *r, const cqle_row *update) {
  cqle_row merged;
  assert_int_equal(cqle_row_merge(&m.arena, m.table, &r->row, update, covering(r), &merged), CQL_OK);
  r->row = merged;
}

static void model_delete(model_deletion d) {
  cqle_row nothing;
  cqle_row_init(&nothing);
  assert_true(m.deletion_count < DELETIONS_MAX);
  m.deletions[m.deletion_count++] = d;
  for (int i = 0; i < ROWS; i++)
    if (is_covered(&m.rows[i], &d)) model_write(&m.rows[i], &nothing);
}

static bool is_empty(const cqle_row *r) {
  return r->marker.timestamp == CQLE_NO_TIMESTAMP && r->deletion.timestamp == CQLE_NO_TIMESTAMP && r->count == 0;
}

/* --- set up ------------------------------------------------------------------------------------------------------- */

static cql_slice *clustering_of(int c, int d) {
  if (c < 0) return NULL;
  cql_slice *out = cql_arena_array(&m.arena, 2, sizeof *out);
  out[0] = int_value(&m.arena, CS[c]);
  out[1] = text_value(TEXTS[d]);
  return out;
}

static cqle_pkey make_pkey(int32_t k1, cql_slice k2) {
  cql_slice components[2] = {int_value(&m.arena, k1), k2};
  cql_alloc alloc = cqle_arena_alloc(&m.arena);
  cql_buf b;
  cql_buf_init(&b, &alloc, 1 << 16);
  cql_partition_key_put(&b, components, 2);
  return cqle_pkey_of(cql_buf_view(&b));
}

static void make_model(void) {
  static const cql_slice NAMES[PARTITIONS] = {
      {(const uint8_t *)"x", 1}, {(const uint8_t *)"x\0", 2}, {(const uint8_t *)"", 0}, {(const uint8_t *)"\0\xFF", 2}};
  model_row *r = m.rows;
  for (int p = 0; p < PARTITIONS; p++) {
    m.pkeys[p] = make_pkey(p / 2, NAMES[p]);
    for (int i = -1; i < ROW_KEYS; i++, r++) {
      *r = (model_row){.partition = p, .c = i < 0 ? -1 : i / 3, .d = i < 0 ? -1 : i % 3};
      cqle_row_init(&r->row);
    }
  }
  qsort(m.rows, ROWS, sizeof *m.rows, model_cmp);
  m.deletion_count = 0;
}

static int setup(void **state) {
  (void)state;
  char path[128];
  temp_make(&m.place);
  temp_path(&m.place, "db.cql", path);
  cql_arena_init(&m.arena, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  cql_arena_init(&m.scratch, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  m.table = table_make(&m.arena, 5, COLUMNS, sizeof COLUMNS / sizeof COLUMNS[0]);
  m.store = store_open(path);
  make_model();
  /* Neighbours on both sides of everything: a walk must not stray. */
  assert_ok(cqle_txn_begin(m.store, true, &m.txn, &m.err), m.err);
  for (uint8_t id = 4; id <= 30; id++) {
    uint8_t low[4] = {0, 0, 0, id}, high[] = {0, 0, 0, id, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    if (id != 4 && id < 30) continue;
    assert_ok(cqle_put(m.txn, cql_slice_of(low, 4), text_value("?"), &m.err), m.err);
    assert_ok(cqle_put(m.txn, cql_slice_of(high, sizeof high), text_value("?"), &m.err), m.err);
  }
  return 0;
}

static void print_problem(void *user, const char *text) {
  (void)user;
  fprintf(stderr, "problem: %s\n", text);
}

static const cqle_index *index_of(uint32_t id) {
  for (uint32_t i = 0; i < m.table->index_count; i++)
    if (m.table->indexes[i]->id == id) return m.table->indexes[i];
  return NULL;
}

/* Whatever a test has done, everything that must hold in a table still does. */
static void assert_table_sound(void) {
  cql_check_report report = {0};
  cqle_check check;
  cqle_cursor *c;
  cql_slice key, value, nothing = {NULL, 0};
  cql_status st;
  cqle_check_init(&check, m.txn, &report, print_problem, NULL);
  assert_ok(cqle_cursor_open(m.txn, nothing, nothing, false, &c, &m.err), m.err);
  while ((st = cqle_cursor_next(c, &key, &value, &m.err)) == CQL_OK) {
    uint32_t id = cql_load_u32(key.data);
    if (id == m.table->id)
      assert_ok(cqle_check_row_key(&check, m.table, key, value, &m.err), m.err);
    else if (index_of(id) != NULL)
      assert_ok(cqle_check_entry(&check, m.table, index_of(id), key, value, &m.err), m.err);
  }
  assert_int_equal(st, CQL_DONE);
  cqle_cursor_close(c);
  cqle_check_free(&check);
  assert_int_equal(report.problems + report.stale_entries, 0);
}

static int teardown(void **state) {
  (void)state;
  assert_table_sound();
  assert_ok(cqle_txn_commit(m.txn, &m.err), m.err);
  cqle_store_close(m.store);
  cql_arena_free(&m.scratch);
  cql_arena_free(&m.arena);
  temp_remove(&m.place);
  return 0;
}

/* --- random work, done to both
 * -------------------------------------------------------------------------------------- */

static cqle_cell random_cell(chance *c, cql_slice value) {
  int64_t timestamp = 1 + chance_below(c, 12);
  switch (chance_below(c, 4)) {
  case 0: return dead_cell(timestamp, 100);
  case 1: return expiring_cell(timestamp, 60, 160, value);
  default: return live_cell(timestamp, value);
  }
}

static void random_columns(chance *c, cqle_row *u) {
  if (chance_below(c, 2) == 0) row_add(&m.arena, u, V, random_cell(c, text_value(TEXTS[chance_below(c, 3)])));
  if (chance_below(c, 2) == 0)
    row_add(&m.arena, u, N, random_cell(c, int_value(&m.arena, (int32_t)chance_below(c, 5))));
  for (uint32_t id = TAGS; id <= PRICES; id++) {
    if (chance_below(c, 3) != 0) continue;
    cqle_column_data *d = row_add_multicell(&m.arena, u, id, 3);
    if (chance_below(c, 4) == 0) d->deletion = (cqle_deletion){1 + chance_below(c, 12), 100};
    for (int32_t i = 0; i < 3; i++) {
      if (chance_below(c, 2) == 0) continue;
      cqle_cell *cell = &d->cells[d->count++];
      *cell = random_cell(c, id == TAGS ? text_value("") : int_value(&m.arena, (int32_t)chance_below(c, 5)));
      cell->path = id == TAGS ? text_value(TEXTS[i]) : int_value(&m.arena, i);
    }
  }
}

static void write_random_row(chance *c) {
  model_row *r = &m.rows[chance_below(c, ROWS)];
  cqle_row u;
  row_start(&m.arena, &u, clustering_of(r->c, r->d));
  if (chance_below(c, 8) == 0) u.deletion = (cqle_deletion){1 + chance_below(c, 12), 100};
  if (r->c < 0) {
    row_add(&m.arena, &u, S, random_cell(c, text_value(TEXTS[chance_below(c, 3)])));
  } else {
    if (chance_below(c, 3) == 0) u.marker = (cqle_liveness){1 + chance_below(c, 12), 0, CQLE_NO_EXPIRY};
    random_columns(c, &u);
  }
  cql_arena_reset(&m.scratch);
  assert_ok(cqle_table_write(m.txn, m.table, m.pkeys[r->partition], &u, 0, &m.scratch, &m.err), m.err);
  model_write(r, &u);
}

static bound random_bound(chance *c) {
  return (bound){chance_below(c, 3), (int)chance_below(c, 4), (int)chance_below(c, 3), chance_below(c, 2) == 0};
}

static cql_slice bound_key(const bound *b) {
  cql_alloc alloc = cqle_arena_alloc(&m.arena);
  cql_buf out;
  cql_buf_init(&out, &alloc, 1 << 16);
  if (b->count == 0) return (cql_slice){NULL, 0};
  cqle_bound_put(&out, m.table, clustering_of(b->c, b->d), b->count, b->after);
  return cql_buf_view(&out);
}

static void delete_random(chance *c) {
  model_deletion d = {.partition = (int)chance_below(c, PARTITIONS), .d = {1 + chance_below(c, 12), 100}};
  d.whole = chance_below(c, 8) == 0;
  d.start = random_bound(c);
  d.end = random_bound(c);
  cqle_slice_bounds bounds = {bound_key(&d.start), bound_key(&d.end)};
  cql_arena_reset(&m.scratch);
  assert_ok(d.whole ? cqle_table_delete_partition(m.txn, m.table, m.pkeys[d.partition], d.d, 0, &m.scratch, &m.err)
                    : cqle_table_delete_range(m.txn, m.table, m.pkeys[d.partition], bounds, d.d, 0, &m.scratch, &m.err),
            m.err);
  model_delete(d);
}

static void work(chance *c, int steps) {
  for (int i = 0; i < steps; i++) {
    if (chance_below(c, 6) == 0)
      delete_random(c);
    else
      write_random_row(c);
  }
}

/* --- compare ------------------------------------------------------------------------------------------------------ */

static cql_slice encode(const cqle_row *r) {
  cql_alloc *alloc = cql_arena_get(&m.arena, sizeof *alloc);
  *alloc = cqle_arena_alloc(&m.arena);
  cql_buf b;
  cql_buf_init(&b, alloc, 1 << 20);
  cqle_row_encode(&b, m.table, r);
  return cql_buf_view(&b);
}

static void assert_gives(const cqle_scan_row *got, const model_row *expected, int partition_before) {
  assert_int_equal(got->pkey.token, m.pkeys[expected->partition].token);
  assert_true(cql_slice_eq(got->pkey.bytes, m.pkeys[expected->partition].bytes));
  assert_true(cql_slice_eq(encode(&got->row), encode(&expected->row)));
  assert_int_equal(got->new_partition, expected->partition != partition_before);
}

/* The scan gives exactly these rows, and from each of its positions a new one gives exactly the rest. */
typedef cql_status (*open_scan)(const void *what, cql_slice after, cqle_scan **out);

static void assert_scan(open_scan open, const void *what, const model_row *const *expected, uint32_t count) {
  cqle_scan *s;
  cqle_scan_row row;
  cql_slice positions[ROWS + 1] = {{NULL, 0}};
  for (uint32_t start = 0; start <= count; start++) {
    int partition = -1;
    assert_ok(open(what, positions[start], &s), m.err);
    for (uint32_t i = start; i < count; i++) {
      assert_ok(cqle_scan_next(s, &row, &m.err), m.err);
      assert_gives(&row, expected[i], partition);
      partition = expected[i]->partition;
      if (start == 0) assert_int_equal(cql_arena_slice(&m.arena, row.position, &positions[i + 1]), CQL_OK);
    }
    assert_int_equal(cqle_scan_next(s, &row, &m.err), CQL_DONE);
    cqle_scan_close(s);
  }
}

typedef struct partition_scan {
  int partition;
  bound start, end;
  bool want_static, reverse;
} partition_scan;

static cql_status open_partition(const void *what, cql_slice after, cqle_scan **out) {
  const partition_scan *p = what;
  return cqle_scan_partition(m.txn, m.table, m.pkeys[p->partition],
                             (cqle_slice_bounds){bound_key(&p->start), bound_key(&p->end)}, p->want_static, p->reverse,
                             after, out, &m.err);
}

static void assert_partition_scan(const partition_scan *p) {
  const model_row *expected[ROWS];
  uint32_t count = 0;
  for (int i = 0; i < ROWS; i++) {
    const model_row *r = &m.rows[p->reverse ? ROWS - 1 - i : i];
    if (r->partition != p->partition || is_empty(&r->row)) continue;
    if (r->c >= 0 && within(r, &p->start, &p->end)) expected[count++] = r;
    if (r->c >= 0 || !p->want_static) continue;
    memmove(expected + 1, expected, count * sizeof expected[0]); /* first, whatever the direction */
    expected[0] = r;
    count++;
  }
  assert_scan(open_partition, p, expected, count);
}

typedef struct token_scan {
  int64_t first, last;
} token_scan;

static cql_status open_tokens(const void *what, cql_slice after, cqle_scan **out) {
  const token_scan *t = what;
  return cqle_scan_tokens(m.txn, m.table, t->first, t->last, after, out, &m.err);
}

static void assert_token_scan(int64_t first, int64_t last) {
  const model_row *expected[ROWS];
  uint32_t count = 0;
  for (int i = 0; i < ROWS; i++) {
    int64_t token = m.pkeys[m.rows[i].partition].token;
    if (token >= first && token <= last && !is_empty(&m.rows[i].row)) expected[count++] = &m.rows[i];
  }
  assert_scan(open_tokens, &(token_scan){first, last}, expected, count);
}

/* --- tests of rows ------------------------------------------------------------------------------------------------ */

static void rows_and_scans_are_as_the_model_has_them(void **state) {
  (void)state;
  chance c = {11};
  for (int round = 0; round < 12; round++) {
    work(&c, 40);
    for (int i = 0; i < ROWS; i++) {
      cqle_row got;
      const model_row *r = &m.rows[i];
      cql_status st = cqle_table_get(m.txn, m.table, m.pkeys[r->partition], clustering_of(r->c, r->d), r->c < 0,
                                     &m.arena, &got, &m.err);
      assert_int_equal(st, is_empty(&r->row) ? CQL_DONE : CQL_OK);
      if (st == CQL_OK) assert_true(cql_slice_eq(encode(&got), encode(&r->row)));
    }
    assert_token_scan(INT64_MIN, INT64_MAX);
    for (int p = 0; p < PARTITIONS; p++) {
      assert_token_scan(m.pkeys[p].token, m.pkeys[(p + 1) % PARTITIONS].token);
      for (int k = 0; k < 6; k++) {
        partition_scan scan = {p, random_bound(&c), random_bound(&c), k % 2 == 0, chance_below(&c, 2) == 0};
        assert_partition_scan(&scan);
      }
    }
  }
}

/* Trap 21: the deletion outlives the rows it deleted. */
static void a_late_write_stays_covered_by_an_earlier_deletion(void **state) {
  (void)state;
  cqle_row u, got;
  bound start = {1, 1, 0, false}, end = {2, 2, 1, true};
  cqle_slice_bounds bounds = {bound_key(&start), bound_key(&end)};
  assert_ok(cqle_table_delete_range(m.txn, m.table, m.pkeys[0], bounds, (cqle_deletion){10, 1}, 0, &m.scratch, &m.err),
            m.err);
  for (int64_t timestamp = 9; timestamp <= 11; timestamp++) {
    row_start(&m.arena, &u, clustering_of(1, 2));
    u.marker = (cqle_liveness){timestamp, 0, CQLE_NO_EXPIRY};
    assert_ok(cqle_table_write(m.txn, m.table, m.pkeys[0], &u, 0, &m.scratch, &m.err), m.err);
    cql_status st = cqle_table_get(m.txn, m.table, m.pkeys[0], clustering_of(1, 2), false, &m.arena, &got, &m.err);
    assert_int_equal(st, timestamp <= 10 ? CQL_DONE : CQL_OK);
  }
}

static void skipping_goes_to_the_next_partition(void **state) {
  (void)state;
  chance c = {12};
  work(&c, 200);
  cqle_scan *s;
  cqle_scan_row row;
  cql_slice after = {NULL, 0};
  int seen = 0, expected = 0, partition = -1;
  for (int i = 0; i < ROWS; i++) {
    if (is_empty(&m.rows[i].row) || m.rows[i].partition == partition) continue;
    partition = m.rows[i].partition;
    expected++;
  }
  assert_ok(cqle_scan_tokens(m.txn, m.table, INT64_MIN, INT64_MAX, after, &s, &m.err), m.err);
  while (cqle_scan_next(s, &row, &m.err) == CQL_OK) {
    assert_true(row.new_partition);
    assert_ok(cqle_scan_skip_partition(s, &m.err), m.err);
    seen++;
  }
  cqle_scan_close(s);
  assert_int_equal(seen, expected);
  for (seen = 0;; seen++) { /* the same over pages of one row */
    cql_alloc alloc = cqle_arena_alloc(&m.arena);
    cql_buf behind;
    cql_buf_init(&behind, &alloc, 1 << 16);
    assert_ok(cqle_scan_tokens(m.txn, m.table, INT64_MIN, INT64_MAX, after, &s, &m.err), m.err);
    cql_status st = cqle_scan_next(s, &row, &m.err);
    if (st == CQL_OK) cqle_position_behind(&behind, row.pkey);
    cqle_scan_close(s);
    if (st == CQL_DONE) break;
    after = cql_buf_view(&behind);
  }
  assert_int_equal(seen, expected);
}

static void a_forged_position_is_refused_or_harmless(void **state) {
  (void)state;
  chance c = {13};
  work(&c, 100);
  cqle_scan *s;
  cqle_scan_row row;
  const cqle_slice_bounds ALL = {{NULL, 0}, {NULL, 0}};
  assert_ok(cqle_scan_partition(m.txn, m.table, m.pkeys[0], ALL, true, false, (cql_slice){NULL, 0}, &s, &m.err), m.err);
  assert_ok(cqle_scan_next(s, &row, &m.err), m.err);
  uint8_t forged[256];
  size_t len = row.position.len;
  assert_true(len < sizeof forged);
  memcpy(forged, row.position.data, len);
  cqle_scan_close(s);
  for (int round = 0; round < 2000; round++) {
    uint8_t copy[256];
    memcpy(copy, forged, len);
    copy[chance_below(&c, (uint32_t)len)] ^= (uint8_t)(1 + chance_below(&c, 255));
    cql_slice after = cql_slice_of(copy, 1 + chance_below(&c, (uint32_t)len));
    cql_status st = round % 2 == 0
                        ? cqle_scan_partition(m.txn, m.table, m.pkeys[0], ALL, true, round % 4 == 0, after, &s, &m.err)
                        : cqle_scan_tokens(m.txn, m.table, INT64_MIN, INT64_MAX, after, &s, &m.err);
    assert_true(st == CQL_OK || st == CQL_PROTOCOL);
    while (st == CQL_OK) st = cqle_scan_next(s, &row, &m.err);
    assert_true(st == CQL_DONE || st == CQL_PROTOCOL);
    cqle_scan_close(s);
  }
}

static uint32_t count_keys(cql_slice from, cql_slice to) {
  cqle_cursor *cursor;
  cql_slice key, value;
  uint32_t count = 0;
  assert_ok(cqle_cursor_open(m.txn, from, to, false, &cursor, &m.err), m.err);
  while (cqle_cursor_next(cursor, &key, &value, &m.err) == CQL_OK) count++;
  cqle_cursor_close(cursor);
  return count;
}

/* However many ranges are deleted, those kept never overlap, and joined ones are one. */
static void ranges_that_touch_become_one(void **state) {
  (void)state;
  for (int i = 3; i >= 0; i--) {
    bound at = {1, i, 0, false}, behind = {1, i, 0, true};
    cqle_slice_bounds bounds = {bound_key(&at), bound_key(&behind)};
    if (i < 3) { /* up to where the next one starts */
      bound next = {1, i + 1, 0, false};
      bounds.end = bound_key(&next);
    }
    assert_ok(
        cqle_table_delete_range(m.txn, m.table, m.pkeys[0], bounds, (cqle_deletion){10, 1}, 0, &m.scratch, &m.err),
        m.err);
  }
  bound inside = {2, 1, 1, false}, inside_end = {2, 1, 1, true};
  cqle_slice_bounds bounds = {bound_key(&inside), bound_key(&inside_end)};
  assert_ok(cqle_table_delete_range(m.txn, m.table, m.pkeys[0], bounds, (cqle_deletion){9, 1}, 0, &m.scratch, &m.err),
            m.err);
  uint8_t from[] = {0, 0, 0, 5, 0}, to[] = {0, 0, 0, 5, 0xFE};
  assert_in_range(count_keys(cql_slice_of(from, 5), cql_slice_of(to, 5)), 1, 2);
  assert_ok(cqle_table_delete_partition(m.txn, m.table, m.pkeys[0], (cqle_deletion){10, 1}, 0, &m.scratch, &m.err),
            m.err);
  assert_int_equal(count_keys(cql_slice_of(from, 5), cql_slice_of(to, 5)), 1); /* the partition's alone */
}

static void truncate_leaves_nothing_and_touches_nobody_else(void **state) {
  (void)state;
  chance c = {14};
  table_add_index(&m.arena, m.table, 20, "n", CQLE_TARGET_COLUMN);
  uint32_t before = count_keys(text_value(""), text_value(""));
  work(&c, 200);
  assert_true(count_keys(text_value(""), text_value("")) > before);
  assert_ok(cqle_table_truncate(m.txn, m.table, &m.err), m.err);
  assert_int_equal(count_keys(text_value(""), text_value("")), before);
}

/* --- indexes ------------------------------------------------------------------------------------------------------ */

enum { INDEXES = 8 };
static const struct {
  const char *column;
  cqle_index_target target;
} TARGETS[INDEXES] = {
    {"k2", CQLE_TARGET_COLUMN},   {"c", CQLE_TARGET_COLUMN},      {"s", CQLE_TARGET_COLUMN},
    {"v", CQLE_TARGET_COLUMN},    {"n", CQLE_TARGET_COLUMN},      {"tags", CQLE_TARGET_VALUES},
    {"prices", CQLE_TARGET_KEYS}, {"prices", CQLE_TARGET_VALUES},
};

static bool has_cells(const cqle_row *r) {
  if (r->marker.timestamp != CQLE_NO_TIMESTAMP) return true;
  for (uint32_t i = 0; i < r->count; i++)
    for (uint32_t j = 0; j < r->columns[i].count; j++)
      if (!r->columns[i].cells[j].tombstone) return true;
  return false;
}

/* Does the row hold a value of the index with lo <= value < hi? hi NULL: equal to lo. */
static bool in_range(const cql_type *type, cql_slice value, const cql_slice *lo, const cql_slice *hi) {
  if (hi == NULL) return cql_slice_eq(value, *lo);
  return cql_value_cmp(type, value, *lo) >= 0 && cql_value_cmp(type, value, *hi) < 0;
}

static bool holds(const model_row *r, int which, const cql_type *type, const cql_slice *lo, const cql_slice *hi) {
  const cqle_column *column = table_column(m.table, TARGETS[which].column);
  cql_slice components[2];
  if (column->kind == CQLE_PARTITION_KEY) {
    assert_int_equal(cql_partition_key_split(m.pkeys[r->partition].bytes, components, 2), CQL_OK);
    return has_cells(&r->row) && in_range(type, components[column->position], lo, hi);
  }
  if (column->kind == CQLE_CLUSTERING)
    return r->c >= 0 && has_cells(&r->row) && in_range(type, r->row.clustering[column->position], lo, hi);
  const cqle_column_data *d = cqle_row_column(&r->row, column->id);
  for (uint32_t i = 0; d != NULL && i < d->count; i++) {
    bool by_path = column->id == TAGS || TARGETS[which].target == CQLE_TARGET_KEYS;
    if (!d->cells[i].tombstone && in_range(type, by_path ? d->cells[i].path : d->cells[i].value, lo, hi)) return true;
  }
  return false;
}

typedef struct index_scan {
  const cqle_index *index;
  cql_slice start, end;
  uint32_t batch;
} index_scan;

static cql_status open_index(const void *what, cql_slice after, cqle_scan **out) {
  const index_scan *i = what;
  return cqle_scan_index(m.txn, m.table, i->index, i->start, i->end, after, i->batch, out, &m.err);
}

static cql_slice index_bound(const cqle_index *index, cql_slice value, bool after) {
  cql_alloc alloc = cqle_arena_alloc(&m.arena);
  cql_buf b;
  cql_buf_init(&b, &alloc, 1 << 16);
  cqle_index_bound_put(&b, index, value, after);
  return cql_buf_view(&b);
}

static void assert_index_scan(int which, const cql_type *type, cql_slice lo, const cql_slice *hi, uint32_t batch) {
  const cqle_index *index = m.table->indexes[which];
  const model_row *expected[ROWS];
  uint32_t count = 0;
  for (int i = 0; i < ROWS; i++)
    if (holds(&m.rows[i], which, type, &lo, hi)) expected[count++] = &m.rows[i];
  index_scan scan = {index, index_bound(index, lo, false),
                     hi == NULL ? index_bound(index, lo, true) : index_bound(index, *hi, false), batch};
  assert_scan(open_index, &scan, expected, count);
}

static const cql_type *indexed_type(int which) {
  const cql_type *type = table_column(m.table, TARGETS[which].column)->type;
  if (type->code == CQL_TYPE_SET) return type->args[0];
  return type->code == CQL_TYPE_MAP ? type->args[TARGETS[which].target == CQLE_TARGET_KEYS ? 0 : 1] : type;
}

static void assert_indexes(chance *c) {
  for (int which = 0; which < INDEXES; which++) {
    const cql_type *type = indexed_type(which);
    bool text = type->code == CQL_TYPE_TEXT;
    for (int32_t v = -1; v < 4; v++) {
      cql_slice value = text ? text_value(v < 0 || v > 2 ? "x" : TEXTS[v]) : int_value(&m.arena, v);
      cql_slice above = text ? text_value("zz") : int_value(&m.arena, v + 1 + (int32_t)chance_below(c, 3));
      assert_index_scan(which, type, value, NULL, 10);
      assert_index_scan(which, type, value, &above, 1 + chance_below(c, 4));
      assert_index_scan(which, type, value, &above, 1000);
    }
  }
}

static void indexes_follow_their_rows(void **state) {
  (void)state;
  chance c = {15};
  for (uint32_t i = 0; i < INDEXES; i++)
    table_add_index(&m.arena, m.table, 10 + i, TARGETS[i].column, TARGETS[i].target);
  for (int round = 0; round < 6; round++) {
    work(&c, 60);
    assert_indexes(&c);
  }
}

static void an_index_made_later_knows_the_rows_that_are_there(void **state) {
  (void)state;
  chance c = {16};
  work(&c, 200);
  for (uint32_t i = 0; i < INDEXES; i++) {
    table_add_index(&m.arena, m.table, 10 + i, TARGETS[i].column, TARGETS[i].target);
    assert_ok(cqle_index_build(m.txn, m.table, m.table->indexes[i], &m.err), m.err);
  }
  assert_indexes(&c);
  uint8_t from[] = {0, 0, 0, 10}, to[] = {0, 0, 0, 10 + INDEXES};
  for (uint32_t i = 0; i < INDEXES; i++) assert_ok(cqle_index_drop(m.txn, m.table->indexes[i], &m.err), m.err);
  assert_int_equal(count_keys(cql_slice_of(from, 4), cql_slice_of(to, 4)), 0);
  m.table->index_count = 0; /* as the catalog has it when they are dropped */
}

static void the_entries_of_a_map_are_found_by_key_and_value(void **state) {
  (void)state;
  cqle_row u;
  cqle_scan *s;
  cqle_scan_row row;
  table_add_index(&m.arena, m.table, 10, "prices", CQLE_TARGET_ENTRIES);
  row_start(&m.arena, &u, clustering_of(0, 0));
  cqle_column_data *d = row_add_multicell(&m.arena, &u, PRICES, 2);
  for (int32_t i = 0; i < 2; i++) {
    d->cells[d->count] = live_cell(1, int_value(&m.arena, 7 + i));
    d->cells[d->count++].path = int_value(&m.arena, i);
  }
  assert_ok(cqle_table_write(m.txn, m.table, m.pkeys[0], &u, 0, &m.scratch, &m.err), m.err);
  for (int32_t value = 6; value < 10; value++) {
    cql_slice pair[2] = {int_value(&m.arena, 1), int_value(&m.arena, value)};
    cql_alloc alloc = cqle_arena_alloc(&m.arena);
    cql_buf b;
    cql_buf_init(&b, &alloc, 1 << 16);
    cql_partition_key_put(&b, pair, 2);
    index_scan scan = {m.table->indexes[0], index_bound(m.table->indexes[0], cql_buf_view(&b), false),
                       index_bound(m.table->indexes[0], cql_buf_view(&b), true), 10};
    assert_ok(open_index(&scan, (cql_slice){NULL, 0}, &s), m.err);
    assert_int_equal(cqle_scan_next(s, &row, &m.err), value == 8 ? CQL_OK : CQL_DONE);
    cqle_scan_close(s);
  }
}

/* Skipping in an index goes on in the next partition, both where one value is walked and where a range is. */
static void skipping_works_in_an_index(void **state) {
  (void)state;
  chance c = {17};
  table_add_index(&m.arena, m.table, 10, "n", CQLE_TARGET_COLUMN);
  work(&c, 300);
  const cqle_index *index = m.table->indexes[0];
  for (int mode = 0; mode < 3; mode++) {
    cql_slice lo = int_value(&m.arena, 1), hi = int_value(&m.arena, 4);
    index_scan scan = {index, index_bound(index, lo, false),
                       mode == 0 ? index_bound(index, lo, true) : index_bound(index, hi, false), mode == 1 ? 1 : 100};
    cqle_scan *s;
    cqle_scan_row row;
    int expected = 0, seen = 0, partition = -1;
    for (int i = 0; i < ROWS; i++) {
      if (m.rows[i].partition == partition) continue;
      if (!holds(&m.rows[i], 4, cql_type_native(CQL_TYPE_INT), &lo, mode == 0 ? NULL : &hi)) continue;
      partition = m.rows[i].partition;
      expected++;
    }
    assert_ok(open_index(&scan, (cql_slice){NULL, 0}, &s), m.err);
    for (; cqle_scan_next(s, &row, &m.err) == CQL_OK; seen++) {
      assert_true(row.new_partition);
      assert_ok(cqle_scan_skip_partition(s, &m.err), m.err);
    }
    cqle_scan_close(s);
    assert_int_equal(seen, expected);
    assert_true(expected > 1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(rows_and_scans_are_as_the_model_has_them, setup, teardown),
      cmocka_unit_test_setup_teardown(a_late_write_stays_covered_by_an_earlier_deletion, setup, teardown),
      cmocka_unit_test_setup_teardown(skipping_goes_to_the_next_partition, setup, teardown),
      cmocka_unit_test_setup_teardown(a_forged_position_is_refused_or_harmless, setup, teardown),
      cmocka_unit_test_setup_teardown(ranges_that_touch_become_one, setup, teardown),
      cmocka_unit_test_setup_teardown(truncate_leaves_nothing_and_touches_nobody_else, setup, teardown),
      cmocka_unit_test_setup_teardown(indexes_follow_their_rows, setup, teardown),
      cmocka_unit_test_setup_teardown(an_index_made_later_knows_the_rows_that_are_there, setup, teardown),
      cmocka_unit_test_setup_teardown(the_entries_of_a_map_are_found_by_key_and_value, setup, teardown),
      cmocka_unit_test_setup_teardown(skipping_works_in_an_index, setup, teardown),
  };
  return cmocka_run_group_tests_name("store: tables and indexes", tests, NULL, NULL);
}
