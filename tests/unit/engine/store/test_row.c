/* test_row.c: which cell wins, how rows merge, what a reader sees, and the stored form under every damage. */
#include "helper.h"

#include <stdio.h>
#include <string.h>

static cql_arena arena;
static cqle_table *table;

enum { V = 4, N = 5, TAGS = 6, PRICES = 7, STEPS = 8 }; /* column ids; S is 3 */

static const column_spec COLUMNS[] = {
    {"k", CQLE_PARTITION_KEY, "int", false},
    {"c", CQLE_CLUSTERING, "decimal", false},
    {"s", CQLE_STATIC, "text", false},
    {"v", CQLE_REGULAR, "text", false},
    {"n", CQLE_REGULAR, "int", false},
    {"tags", CQLE_REGULAR, "set<text>", false},
    {"prices", CQLE_REGULAR, "map<int, int>", false},
    {"steps", CQLE_REGULAR, "list<int>", false},
};

static int setup(void **state) {
  (void)state;
  cql_arena_init(&arena, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  table = table_make(&arena, 7, COLUMNS, sizeof COLUMNS / sizeof COLUMNS[0]);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  cql_arena_free(&arena);
  return 0;
}

static cql_slice *clustering_of(const char *decimal) {
  cql_slice *out = cql_arena_array(&arena, 1, sizeof *out);
  assert_int_equal(cql_value_parse(&arena, cql_type_native(CQL_TYPE_DECIMAL), text_value(decimal), out, NULL), CQL_OK);
  return out;
}

static cql_slice encode(const cqle_row *r) {
  cql_alloc alloc = cqle_arena_alloc(&arena);
  cql_alloc *kept = cql_arena_copy(&arena, &alloc, sizeof alloc);
  cql_buf b;
  cql_buf_init(&b, kept, 1 << 20);
  cqle_row_encode(&b, table, r);
  assert_int_equal(b.st, CQL_OK);
  return cql_buf_view(&b);
}

/* --- which cell wins ---------------------------------------------------------------------------------------------- */

/* Each loser is followed by its winner: db/rows/Cells.java, resolveRegular(). */
static void cells_reconcile_as_cassandra_does(void **state) {
  (void)state;
  static const struct {
    const char *rule;
    cqle_cell loser, winner;
  } CASES[] = {
#define LIVE(ts, text) {.timestamp = ts, .at = CQLE_NO_EXPIRY, .value = {(const uint8_t *)text, sizeof text - 1}}
#define TTL(ts, seconds, end, text)                                                                                    \
  {                                                                                                                    \
    .timestamp = ts, .ttl = seconds, .at = end, .value = {(const uint8_t *)text, sizeof text - 1 }                     \
  }
#define DEAD(ts, end)                                                                                                  \
  {                                                                                                                    \
    .timestamp = ts, .tombstone = true, .at = end, .value = {(const uint8_t *)"", 0 }                                  \
  }
      {"a higher timestamp", LIVE(1, "z"), LIVE(2, "a")},
      {"a higher timestamp over a tombstone", DEAD(1, 100), LIVE(2, "a")},
      {"negative timestamps are ordered too", LIVE(-2, "z"), LIVE(-1, "a")},
      {"a tombstone over a live cell", LIVE(1, "z"), DEAD(1, 5)},
      {"an expiring cell over a live one", LIVE(1, "z"), TTL(1, 10, 5, "a")},
      {"a tombstone over an expiring cell, though it expires later", TTL(1, 10, 900, "z"), DEAD(1, 5)},
      {"of two tombstones the later one", DEAD(1, 5), DEAD(1, 6)},
      {"of two expiring cells the one that lasts longer, whatever the value", TTL(1, 10, 5, "z"), TTL(1, 10, 6, "a")},
      {"of two alike the larger value", TTL(1, 10, 5, "a"), TTL(1, 10, 5, "b")},
      {"of two live cells the larger value", LIVE(1, "a"), LIVE(1, "b")},
      {"values are unsigned bytes", LIVE(1, "\x7F"), LIVE(1, "\x80")},
      {"a longer value is larger", LIVE(1, "a"), LIVE(1, "aa")},
      {"an empty value is smallest", LIVE(1, ""), LIVE(1, "a")},
      {"of equal values the longer TTL", TTL(1, 10, 5, "a"), TTL(1, 11, 5, "a")},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    if (cqle_cell_reconcile(&CASES[i].winner, &CASES[i].loser) >= 0) fail_msg("%s: given first", CASES[i].rule);
    if (cqle_cell_reconcile(&CASES[i].loser, &CASES[i].winner) <= 0) fail_msg("%s: given second", CASES[i].rule);
    assert_int_equal(cqle_cell_reconcile(&CASES[i].winner, &CASES[i].winner), 0);
  }
}

/* db/LivenessInfo.java, supersedes() */
static void markers_reconcile_as_cassandra_does(void **state) {
  (void)state;
  static const struct {
    const char *rule;
    cqle_liveness loser, winner;
  } CASES[] = {
      {"any marker over none", {CQLE_NO_TIMESTAMP, 0, CQLE_NO_EXPIRY}, {1, 0, CQLE_NO_EXPIRY}},
      {"a higher timestamp", {1, 60, 100}, {2, 0, CQLE_NO_EXPIRY}},
      {"an expiring one over a lasting one", {1, 0, CQLE_NO_EXPIRY}, {1, 60, 100}},
      {"the one that lasts longer", {1, 60, 100}, {1, 60, 101}},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    if (cqle_liveness_reconcile(&CASES[i].winner, &CASES[i].loser) >= 0) fail_msg("%s: given first", CASES[i].rule);
    if (cqle_liveness_reconcile(&CASES[i].loser, &CASES[i].winner) <= 0) fail_msg("%s: given second", CASES[i].rule);
    assert_int_equal(cqle_liveness_reconcile(&CASES[i].loser, &CASES[i].loser), 0);
  }
}

/* db/rows/Cells.java, resolveCounter(); a value of another width is damage, and is not counted on */
static void counters_add_up_unless_one_is_deleted(void **state) {
  (void)state;
  static const uint8_t five[8] = {0, 0, 0, 0, 0, 0, 0, 5}, most[8] = {0x7F, 255, 255, 255, 255, 255, 255, 255};
  cqle_cell x = live_cell(7, cql_slice_of(five, 8)), y = live_cell(9, cql_slice_of(most, 8)), out;
  cqle_cell dead = {.timestamp = 1, .tombstone = true, .at = 5}, later = {.timestamp = 2, .tombstone = true, .at = 5};
  assert_int_equal(cqle_counter_merge(&arena, &x, &y, &out), CQL_OK);
  assert_int_equal(out.timestamp, 9);
  assert_true((int64_t)cql_load_u64(out.value.data) == INT64_MIN + 4);
  assert_int_equal(cqle_counter_merge(&arena, &x, &dead, &out), CQL_OK);
  assert_true(out.tombstone && out.timestamp == 1);
  assert_int_equal(cqle_counter_merge(&arena, &later, &dead, &out), CQL_OK);
  assert_true(out.tombstone && out.timestamp == 2);
  y.value.len = 7;
  assert_int_equal(cqle_counter_merge(&arena, &x, &y, &out), CQL_CORRUPT);
  assert_int_equal(cqle_counter_merge(&arena, &y, &x, &out), CQL_CORRUPT);
}

/* --- merge -------------------------------------------------------------------------------------------------------- */

static const cqle_deletion NO_DELETION = {CQLE_NO_TIMESTAMP, CQLE_NO_EXPIRY};

static void merge(const cqle_row *base, const cqle_row *update, cqle_deletion covering, cqle_row *out) {
  assert_int_equal(cqle_row_merge(&arena, table, base, update, covering, out), CQL_OK);
}

static void a_deletion_covers_its_own_timestamp_and_what_is_before(void **state) {
  (void)state;
  cqle_row base, update, out;
  row_start(&arena, &base, clustering_of("1"));
  base.marker = (cqle_liveness){10, 0, CQLE_NO_EXPIRY};
  row_add(&arena, &base, V, live_cell(10, text_value("old")));
  row_add(&arena, &base, N, live_cell(11, int_value(&arena, 1)));
  row_start(&arena, &update, clustering_of("1"));
  update.deletion = (cqle_deletion){10, 77};
  merge(&base, &update, NO_DELETION, &out);
  assert_true(out.marker.timestamp == CQLE_NO_TIMESTAMP);
  assert_null(cqle_row_column(&out, V));
  assert_non_null(cqle_row_column(&out, N));
  assert_int_equal(out.deletion.timestamp, 10);
}

static void a_covering_deletion_makes_narrower_ones_needless(void **state) {
  (void)state;
  cqle_row base, update, out;
  row_start(&arena, &base, clustering_of("1"));
  base.deletion = (cqle_deletion){10, 77};
  cqle_column_data *d = row_add_multicell(&arena, &base, TAGS, 1);
  d->deletion = (cqle_deletion){12, 77};
  row_start(&arena, &update, clustering_of("1"));
  merge(&base, &update, (cqle_deletion){12, 80}, &out);
  assert_int_equal(encode(&out).len, 0);
  merge(&base, &update, (cqle_deletion){11, 80}, &out);
  assert_true(out.deletion.timestamp == CQLE_NO_TIMESTAMP);
  assert_int_equal(cqle_row_column(&out, TAGS)->deletion.timestamp, 12);
}

/* `SET tags = {…}` is a deletion at ts − 1 and cells at ts: older elements go, its own stay (trap 6). */
static void a_column_deletion_spares_newer_elements(void **state) {
  (void)state;
  cqle_row base, update, out;
  row_start(&arena, &base, clustering_of("1"));
  cqle_column_data *d = row_add_multicell(&arena, &base, TAGS, 2);
  d->cells[d->count++] = (cqle_cell){.timestamp = 5, .at = CQLE_NO_EXPIRY, .path = text_value("a")};
  d->cells[d->count++] = (cqle_cell){.timestamp = 9, .at = CQLE_NO_EXPIRY, .path = text_value("z")};
  row_start(&arena, &update, clustering_of("1"));
  d = row_add_multicell(&arena, &update, TAGS, 1);
  d->deletion = (cqle_deletion){7, 100};
  d->cells[d->count++] = (cqle_cell){.timestamp = 8, .at = CQLE_NO_EXPIRY, .path = text_value("m")};
  merge(&base, &update, NO_DELETION, &out);
  const cqle_column_data *tags = cqle_row_column(&out, TAGS);
  assert_int_equal(tags->count, 2);
  assert_true(cql_slice_eq_str(tags->cells[0].path, "m"));
  assert_true(cql_slice_eq_str(tags->cells[1].path, "z"));
}

/* A row of a damaged file: no column is of one cell and of many. */
static void a_column_of_one_cell_and_of_many_is_refused(void **state) {
  (void)state;
  cqle_row simple, deleted, out;
  row_start(&arena, &simple, clustering_of("1"));
  row_add(&arena, &simple, TAGS, live_cell(10, text_value("a")));
  row_start(&arena, &deleted, clustering_of("1"));
  row_add_multicell(&arena, &deleted, TAGS, 0)->deletion = (cqle_deletion){5, 77};
  assert_int_equal(cqle_row_merge(&arena, table, &simple, &deleted, NO_DELETION, &out), CQL_CORRUPT);
  assert_int_equal(cqle_row_merge(&arena, table, &deleted, &simple, NO_DELETION, &out), CQL_CORRUPT);
}

static void equal_keys_keep_the_bytes_they_were_first_written_with(void **state) {
  (void)state;
  cqle_row first, second, out;
  row_start(&arena, &first, clustering_of("1.0"));
  first.marker = (cqle_liveness){1, 0, CQLE_NO_EXPIRY};
  row_start(&arena, &second, clustering_of("1.00"));
  second.marker = (cqle_liveness){2, 0, CQLE_NO_EXPIRY};
  merge(&first, &second, NO_DELETION, &out);
  assert_true(cql_slice_eq(out.clustering[0], first.clustering[0]));
  assert_false(cql_slice_eq(out.clustering[0], second.clustering[0]));
}

/* --- any order of updates gives the same bytes
 * ---------------------------------------------------------------------- */

static cqle_cell random_cell(chance *c) {
  static const char *const VALUES[] = {"", "a", "b", "\xFF"};
  int64_t timestamp = 1 + chance_below(c, 4), at = 100 + chance_below(c, 2);
  cql_slice value = text_value(VALUES[chance_below(c, 4)]);
  switch (chance_below(c, 3)) {
  case 0: return dead_cell(timestamp, at);
  case 1: return expiring_cell(timestamp, 60 + (int32_t)chance_below(c, 2), at, value);
  default: return live_cell(timestamp, value);
  }
}

static void add_random_multicell(chance *c, cqle_row *r, uint32_t id) {
  cqle_column_data *d = row_add_multicell(&arena, r, id, 4);
  if (chance_below(c, 3) == 0) d->deletion = (cqle_deletion){1 + chance_below(c, 4), 100 + chance_below(c, 2)};
  for (int32_t i = 0; i < 4; i++) {
    if (chance_below(c, 2) == 0) continue;
    cqle_cell cell = random_cell(c);
    uint8_t *uuid = cql_arena_zero(&arena, 16);
    uuid[3] = (uint8_t)i;
    uuid[6] = 0x10;
    cell.path = id == TAGS     ? text_value((const char *[]){"a", "b", "c", "d"}[i])
                : id == PRICES ? int_value(&arena, i - 2) /* Cassandra's order of ints, not of their bytes */
                               : cql_slice_of(uuid, 16);
    d->cells[d->count++] = cell;
  }
}

static void random_update(chance *c, cqle_row *r, cql_slice *clustering) {
  row_start(&arena, r, clustering);
  if (chance_below(c, 3) == 0) {
    bool expires = chance_below(c, 2) == 0;
    r->marker = (cqle_liveness){1 + chance_below(c, 4), expires ? 60 : 0, expires ? 100 : CQLE_NO_EXPIRY};
  }
  if (chance_below(c, 4) == 0) r->deletion = (cqle_deletion){1 + chance_below(c, 4), 100 + chance_below(c, 2)};
  for (uint32_t id = V; id <= N; id++)
    if (chance_below(c, 2) == 0) row_add(&arena, r, id, random_cell(c));
  for (uint32_t id = TAGS; id <= STEPS; id++)
    if (chance_below(c, 2) == 0) add_random_multicell(c, r, id);
}

enum { UPDATES = 5 };

/* Through the stored form each time, as the table does it. */
static cql_slice apply_in_order(const cqle_row *updates, const uint32_t *order, uint32_t count,
                                cqle_deletion covering) {
  cql_slice bytes = {NULL, 0};
  for (uint32_t i = 0; i < count; i++) {
    cqle_row base, merged;
    cqle_row_init(&base);
    if (bytes.len > 0) assert_int_equal(cqle_row_decode(&arena, table, bytes, &base), CQL_OK);
    merge(&base, &updates[order[i]], covering, &merged);
    bytes = encode(&merged);
  }
  return bytes;
}

static void shuffle(chance *c, uint32_t *order, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) order[i] = i % UPDATES; /* beyond UPDATES: some come twice */
  for (uint32_t i = count - 1; i > 0; i--) {
    uint32_t j = chance_below(c, i + 1), swap = order[i];
    order[i] = order[j];
    order[j] = swap;
  }
}

static void any_order_of_updates_gives_the_same_bytes(void **state) {
  (void)state;
  chance c = {1};
  for (int round = 0; round < 2000; round++) {
    cql_slice *clustering = clustering_of("1.5");
    cqle_row updates[UPDATES];
    uint32_t order[UPDATES + 2];
    for (int i = 0; i < UPDATES; i++) random_update(&c, &updates[i], clustering);
    cqle_deletion covering = {chance_below(&c, 2) == 0 ? CQLE_NO_TIMESTAMP : 1 + (int64_t)chance_below(&c, 3), 100};
    shuffle(&c, order, UPDATES);
    cql_slice expected = apply_in_order(updates, order, UPDATES, covering);
    for (int again = 0; again < 4; again++) {
      shuffle(&c, order, UPDATES + 2);
      cql_slice got = apply_in_order(updates, order, UPDATES + 2, covering);
      if (!cql_slice_eq(got, expected)) fail_msg("round %d: another order of updates gives another row", round);
    }
    teardown(NULL);
    setup(NULL);
  }
}

/* Merging two halves first and then each with the other is the same as one after the other. */
static void merging_is_associative(void **state) {
  (void)state;
  chance c = {2};
  for (int round = 0; round < 500; round++) {
    cql_slice *clustering = clustering_of("2");
    cqle_row x, y, z, xy, yz, left, right;
    random_update(&c, &x, clustering);
    random_update(&c, &y, clustering);
    random_update(&c, &z, clustering);
    merge(&x, &y, NO_DELETION, &xy);
    merge(&xy, &z, NO_DELETION, &left);
    merge(&y, &z, NO_DELETION, &yz);
    merge(&x, &yz, NO_DELETION, &right);
    assert_true(cql_slice_eq(encode(&left), encode(&right)));
  }
}

/* --- what a reader sees ------------------------------------------------------------------------------------------- */

static void a_ttl_ends_at_its_second(void **state) {
  (void)state;
  cqle_cell c = expiring_cell(1, 10, 110, text_value("x"));
  assert_true(cqle_cell_is_live(&c, 109));
  assert_false(cqle_cell_is_live(&c, 110));
  cqle_liveness l = {1, 10, 110};
  assert_true(cqle_liveness_is_live(&l, 109));
  assert_false(cqle_liveness_is_live(&l, 110));
}

/* Trap 2: an INSERT's row lives by its marker, an UPDATE's by its cells. */
static void a_row_lives_by_its_marker_or_any_cell(void **state) {
  (void)state;
  cqle_row r;
  row_start(&arena, &r, clustering_of("1"));
  row_add(&arena, &r, V, dead_cell(5, 100));
  assert_false(cqle_row_is_live(&r, 0));
  row_add(&arena, &r, N, expiring_cell(5, 10, 110, int_value(&arena, 1)));
  assert_true(cqle_row_is_live(&r, 109));
  assert_false(cqle_row_is_live(&r, 110));
  r.marker = (cqle_liveness){5, 0, CQLE_NO_EXPIRY};
  assert_true(cqle_row_is_live(&r, 110));
}

static void assert_prints(const cqle_row *r, const char *column, int64_t now_s, const char *expected) {
  const cqle_column *c = table_column(table, column);
  cql_slice value;
  cql_buf b;
  cql_buf_init(&b, &cql_alloc_libc, 1 << 16);
  assert_int_equal(cqle_row_value(&arena, r, c, now_s, &value), CQL_OK);
  cql_value_print(&b, c->type, value);
  cql_buf_u8(&b, 0);
  assert_string_equal((const char *)b.data, expected);
  cql_buf_free(&b);
}

static void collections_are_put_together_from_live_cells(void **state) {
  (void)state;
  cqle_row r;
  row_start(&arena, &r, clustering_of("1.50"));
  cqle_column_data *tags = row_add_multicell(&arena, &r, TAGS, 3);
  tags->cells[tags->count++] = (cqle_cell){.timestamp = 1, .at = CQLE_NO_EXPIRY, .path = text_value("a")};
  tags->cells[tags->count++] = (cqle_cell){.timestamp = 1, .ttl = 9, .at = 50, .path = text_value("b")};
  tags->cells[tags->count++] = (cqle_cell){.timestamp = 1, .tombstone = true, .at = 50, .path = text_value("c")};
  cqle_column_data *prices = row_add_multicell(&arena, &r, PRICES, 1);
  prices->cells[prices->count] = live_cell(1, int_value(&arena, 5));
  prices->cells[prices->count++].path = int_value(&arena, 3);
  cqle_column_data *steps = row_add_multicell(&arena, &r, STEPS, 1);
  steps->cells[steps->count] = dead_cell(1, 2);
  steps->cells[steps->count++].path = cql_slice_of("0123456789abcdef", 16);
  assert_prints(&r, "tags", 49, "{'a', 'b'}");
  assert_prints(&r, "tags", 50, "{'a'}");
  assert_prints(&r, "prices", 0, "{3: 5}");
  assert_prints(&r, "steps", 0, "null"); /* an empty collection is null */
  assert_prints(&r, "v", 0, "null");
  assert_prints(&r, "c", 0, "1.50");
}

/* --- the stored form ---------------------------------------------------------------------------------------------- */

static void assert_same_cell(const cqle_cell *x, const cqle_cell *y) {
  assert_int_equal(x->timestamp, y->timestamp);
  assert_int_equal(x->ttl, y->ttl);
  assert_int_equal(x->tombstone, y->tombstone);
  assert_int_equal(x->at, y->at);
  assert_true(cql_slice_eq(x->path, y->path));
  assert_true(cql_slice_eq(x->value, y->value));
}

static void assert_same_row(const cqle_row *x, const cqle_row *y) {
  assert_int_equal(x->is_static, y->is_static);
  for (uint32_t i = 0; !x->is_static && i < table->clustering_count; i++)
    assert_true(cql_slice_eq(x->clustering[i], y->clustering[i]));
  assert_memory_equal(&x->marker, &y->marker, sizeof x->marker);
  assert_int_equal(x->deletion.timestamp, y->deletion.timestamp);
  assert_int_equal(x->deletion.at, y->deletion.at);
  assert_int_equal(x->count, y->count);
  for (uint32_t i = 0; i < x->count; i++) {
    const cqle_column_data *p = &x->columns[i], *q = &y->columns[i];
    assert_int_equal(p->column_id, q->column_id);
    assert_int_equal(p->multicell, q->multicell);
    assert_int_equal(p->deletion.timestamp, q->deletion.timestamp);
    assert_int_equal(p->count, q->count);
    for (uint32_t j = 0; j < p->count; j++) assert_same_cell(&p->cells[j], &q->cells[j]);
  }
}

/* Merging with nothing drops what an encoder would not keep either: columns without anything. */
static void random_row(chance *c, cqle_row *out) {
  cqle_row update, nothing;
  random_update(c, &update, clustering_of("12.34"));
  cqle_row_init(&nothing);
  merge(&nothing, &update, NO_DELETION, out);
}

static void every_row_comes_back_as_it_was(void **state) {
  (void)state;
  chance c = {3};
  for (int round = 0; round < 2000; round++) {
    cqle_row r, back;
    random_row(&c, &r);
    cql_slice bytes = encode(&r);
    if (bytes.len == 0) continue;
    assert_int_equal(cqle_row_decode(&arena, table, bytes, &back), CQL_OK);
    assert_same_row(&r, &back);
    assert_true(cql_slice_eq(encode(&back), bytes));
  }
}

static void extreme_numbers_come_back(void **state) {
  (void)state;
  static const int64_t TIMES[] = {INT64_MIN + 1, -1, 0, 1, INT64_MAX};
  for (size_t i = 0; i < 5; i++)
    for (size_t j = 0; j < 5; j++) {
      cqle_row r, back;
      row_start(&arena, &r, clustering_of("0"));
      r.marker = (cqle_liveness){TIMES[i], INT32_MAX, TIMES[j]};
      r.deletion = (cqle_deletion){TIMES[j], TIMES[i]};
      row_add(&arena, &r, V, expiring_cell(TIMES[j], 1, TIMES[i], text_value("")));
      row_add(&arena, &r, UINT32_MAX, dead_cell(TIMES[i], TIMES[j]));
      assert_int_equal(cqle_row_decode(&arena, table, encode(&r), &back), CQL_OK);
      assert_same_row(&r, &back);
    }
}

static uint32_t wanted_of(const cqle_row *r, const cqle_wanted *wanted, cqle_column_data *out) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < r->count; i++)
    for (uint32_t j = 0; j < wanted->count; j++)
      if (r->columns[i].column_id == wanted->ids[j]) out[n++] = r->columns[i];
  return n;
}

/* The whole row, less what nobody asked for where the marker keeps it alive. */
static void a_reader_gets_what_it_wants_and_what_keeps_the_row_alive(void **state) {
  (void)state;
  chance c = {6};
  int cut = 0, whole = 0;
  for (int round = 0; round < 2000; round++) {
    cqle_row expected, back;
    uint32_t ids[STEPS + 1];
    cqle_column_data columns[STEPS + 1];
    cqle_wanted wanted = {0, ids, chance_below(&c, 200)};
    for (uint32_t id = V; id <= STEPS; id++)
      if (chance_below(&c, 2) == 0) ids[wanted.count++] = id;
    random_row(&c, &expected);
    cql_slice bytes = encode(&expected);
    if (bytes.len == 0) continue;
    assert_int_equal(cqle_row_decode_wanted(&arena, table, bytes, &wanted, &back), CQL_OK);
    bool live = cqle_row_is_live(&expected, wanted.now_s);
    if (cqle_liveness_is_live(&expected.marker, wanted.now_s)) {
      uint32_t n = wanted_of(&expected, &wanted, columns);
      cut += n < expected.count;
      expected.columns = columns;
      expected.count = n;
    } else
      whole += expected.count > 0;
    assert_same_row(&expected, &back);
    assert_int_equal(cqle_row_is_live(&back, wanted.now_s), live);
  }
  assert_true(cut > 100 && whole > 100);
}

/* 10 bytes of head, 1 of clustering length, 3 per column: what one INSERT shares is held once. */
static void a_plain_insert_is_stored_compactly(void **state) {
  (void)state;
  cqle_row r;
  row_start(&arena, &r, clustering_of("1")); /* 5 bytes */
  r.marker = (cqle_liveness){1700000000000000, 60, 1700000060};
  row_add(&arena, &r, V, expiring_cell(1700000000000000, 60, 1700000060, text_value("hello")));
  row_add(&arena, &r, N, expiring_cell(1700000000000000, 60, 1700000060, int_value(&arena, 1)));
  assert_int_equal(encode(&r).len, 10 + (1 + 5) + (1 + 5) + 1 + (3 + 5) + (3 + 4));
}

/* A copy of exactly that length, so that a read behind its end is seen by the sanitizer. */
static void decode_exactly(const uint8_t *bytes, size_t len, const cqle_row *update) {
  uint8_t *copy = cql_alloc_new(&cql_alloc_libc, len);
  memcpy(copy, bytes, len);
  cqle_row r;
  cql_status st = cqle_row_decode(&arena, table, cql_slice_of(copy, len), &r);
  assert_true(st == CQL_OK || st == CQL_CORRUPT);
  static const cqle_wanted NOTHING = {0, NULL, 0};
  cqle_row skimmed; /* what is not wanted is looked at as closely */
  assert_int_equal(cqle_row_decode_wanted(&arena, table, cql_slice_of(copy, len), &NOTHING, &skimmed), st);
  if (st == CQL_OK) { /* what was taken for a row can be used as one */
    cqle_row merged;
    cql_slice value;
    st = cqle_row_merge(&arena, table, &r, update, NO_DELETION, &merged);
    assert_true(st == CQL_OK || st == CQL_CORRUPT);
    for (uint32_t i = 0; i < table->column_count && st == CQL_OK; i++)
      if (table->columns[i].kind == CQLE_REGULAR) (void)cqle_row_value(&arena, &merged, &table->columns[i], 0, &value);
    if (st == CQL_OK) (void)encode(&merged);
  }
  cql_alloc_free(&cql_alloc_libc, copy, len);
}

/* No write has the timestamp that stands for none: a marker at it would be lost, and cells that end with it too. */
static void a_marker_or_deletion_without_a_time_is_refused(void **state) {
  (void)state;
  static const uint8_t NONE[8] = {0x80};
  cqle_row r, back;
  row_start(&arena, &r, clustering_of("1"));
  r.marker = (cqle_liveness){1, 60, 61};
  row_add(&arena, &r, V, expiring_cell(1, 60, 61, text_value("v")));
  cql_slice bytes = encode(&r);
  memcpy((uint8_t *)(uintptr_t)bytes.data + 2, NONE, sizeof NONE);
  assert_int_equal(cqle_row_decode(&arena, table, bytes, &back), CQL_CORRUPT);
  row_start(&arena, &r, clustering_of("1"));
  r.deletion = (cqle_deletion){1, 77};
  bytes = encode(&r);
  memcpy((uint8_t *)(uintptr_t)bytes.data + 2, NONE, sizeof NONE);
  assert_int_equal(cqle_row_decode(&arena, table, bytes, &back), CQL_CORRUPT);
}

static void damaged_rows_are_refused_or_are_rows(void **state) {
  (void)state;
  chance c = {4};
  for (int round = 0; round < 40; round++) {
    cqle_row r, update;
    random_row(&c, &r);
    random_row(&c, &update);
    cql_slice bytes = encode(&r);
    uint8_t copy[1024];
    assert_true(bytes.len < sizeof copy);
    for (size_t len = 0; len < bytes.len; len++) {
      cqle_row cut;
      assert_int_equal(cqle_row_decode(&arena, table, cql_slice_of(bytes.data, len), &cut), CQL_CORRUPT);
      decode_exactly(bytes.data, len, &update);
    }
    for (size_t bit = 0; bit < bytes.len * 8; bit++) {
      memcpy(copy, bytes.data, bytes.len);
      copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
      decode_exactly(copy, bytes.len, &update);
    }
    teardown(NULL);
    setup(NULL);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(cells_reconcile_as_cassandra_does, setup, teardown),
      cmocka_unit_test_setup_teardown(markers_reconcile_as_cassandra_does, setup, teardown),
      cmocka_unit_test_setup_teardown(counters_add_up_unless_one_is_deleted, setup, teardown),
      cmocka_unit_test_setup_teardown(a_deletion_covers_its_own_timestamp_and_what_is_before, setup, teardown),
      cmocka_unit_test_setup_teardown(a_covering_deletion_makes_narrower_ones_needless, setup, teardown),
      cmocka_unit_test_setup_teardown(a_column_deletion_spares_newer_elements, setup, teardown),
      cmocka_unit_test_setup_teardown(a_column_of_one_cell_and_of_many_is_refused, setup, teardown),
      cmocka_unit_test_setup_teardown(equal_keys_keep_the_bytes_they_were_first_written_with, setup, teardown),
      cmocka_unit_test_setup_teardown(any_order_of_updates_gives_the_same_bytes, setup, teardown),
      cmocka_unit_test_setup_teardown(merging_is_associative, setup, teardown),
      cmocka_unit_test_setup_teardown(a_ttl_ends_at_its_second, setup, teardown),
      cmocka_unit_test_setup_teardown(a_row_lives_by_its_marker_or_any_cell, setup, teardown),
      cmocka_unit_test_setup_teardown(collections_are_put_together_from_live_cells, setup, teardown),
      cmocka_unit_test_setup_teardown(every_row_comes_back_as_it_was, setup, teardown),
      cmocka_unit_test_setup_teardown(extreme_numbers_come_back, setup, teardown),
      cmocka_unit_test_setup_teardown(a_reader_gets_what_it_wants_and_what_keeps_the_row_alive, setup, teardown),
      cmocka_unit_test_setup_teardown(a_plain_insert_is_stored_compactly, setup, teardown),
      cmocka_unit_test_setup_teardown(a_marker_or_deletion_without_a_time_is_refused, setup, teardown),
      cmocka_unit_test_setup_teardown(damaged_rows_are_refused_or_are_rows, setup, teardown),
  };
  return cmocka_run_group_tests_name("store: rows", tests, NULL, NULL);
}
