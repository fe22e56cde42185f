/* test_select_model.c: random SELECTs against a model of a few lines: all rows in an array, every relation tried on
 * every row. Mixed clustering directions, IN lists, single and tuple slices, both orders, limits; the same answer must
 * come in one page and in pages of any size.
 */
#include "query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES = 4, ROWS = VALUES * VALUES * VALUES * VALUES, QUERIES = 1500, TEXT = 2048, LINE = 32 };

typedef struct row {
  int key[4]; /* p, a, b, c */
  int64_t token;
} row;

typedef struct model {
  db *d;
  row rows[ROWS];
  int count;
  uint32_t seed;
} model;

static int pick(model *m, int below) {
  m->seed = m->seed * 1664525u + 1013904223u;
  return (int)((m->seed >> 8) % (uint32_t)below);
}

/* --- the table: clustered by a DESC, b ASC, c DESC ---------------------------------------------------------------- */

static const int direction[4] = {1, -1, 1, -1};

static int stored_order(const void *px, const void *py) {
  const row *x = px, *y = py;
  if (x->token != y->token) return x->token < y->token ? -1 : 1;
  for (int i = 1; i < 4; i++)
    if (x->key[i] != y->key[i]) return (x->key[i] < y->key[i] ? -1 : 1) * direction[i];
  return 0;
}

static void fill(model *m) {
  char cql[TEXT];
  run(m->d, "CREATE TABLE m (p int, a int, b int, c int, v int, PRIMARY KEY (p, a, b, c)) "
            "WITH CLUSTERING ORDER BY (a DESC, b ASC, c DESC)");
  for (int i = 0; i < ROWS; i++) {
    if (pick(m, 3) == 0) continue;
    row *r = &m->rows[m->count++];
    uint8_t bytes[4];
    for (int k = 0, rest = i; k < 4; k++, rest /= VALUES) r->key[k] = rest % VALUES;
    cql_store_u32(bytes, (uint32_t)r->key[0]);
    r->token = cql_murmur3_token(cql_slice_of(bytes, sizeof bytes));
    snprintf(cql, sizeof cql, "INSERT INTO m (p, a, b, c, v) VALUES (%d, %d, %d, %d, %d)", r->key[0], r->key[1],
             r->key[2], r->key[3], i);
    run(m->d, cql);
  }
  qsort(m->rows, (size_t)m->count, sizeof *m->rows, stored_order);
}

/* --- a random query ----------------------------------------------------------------------------------------------- */

typedef struct relation {
  int first, width; /* columns */
  int op;           /* -2 <, -1 <=, 0 = or IN, 1 >=, 2 > */
  int count;        /* tuples of values */
  int values[3][4];
} relation;

typedef struct query {
  relation items[6];
  int count, limit, partition_limit;
  bool by_key, in_partitions, reversed;
  char text[TEXT];
} query;

static int compare(const int *x, const int *y, int width) {
  for (int i = 0; i < width; i++)
    if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
  return 0;
}

static bool holds(const relation *r, const row *w) {
  for (int i = 0; i < r->count; i++) {
    int c = compare(w->key + r->first, r->values[i], r->width);
    if (r->op == 0 ? c == 0 : r->op < 0 ? (c < 0 || (c == 0 && r->op == -1)) : (c > 0 || (c == 0 && r->op == 1)))
      return true;
  }
  return false;
}

static relation *add(model *m, query *q, int first, int width, int op, int count) {
  relation *r = &q->items[q->count++];
  *r = (relation){.first = first, .width = width, .op = op, .count = count};
  for (int i = 0; i < count; i++)
    for (int k = 0; k < width; k++) r->values[i][k] = pick(m, VALUES);
  return r;
}

static void add_clustering(model *m, query *q) {
  int at = 1;
  while (at < 4 && pick(m, 3) > 0) {
    int width = 1 + pick(m, 4 - at);
    if (pick(m, 2) == 0) { /* a slice ends it */
      int op = pick(m, 2) + 1, both = pick(m, 2);
      add(m, q, at, width, op, 1);
      if (both) add(m, q, at, 1 + pick(m, 4 - at), -1 - pick(m, 2), 1);
      return;
    }
    add(m, q, at, width, 0, 1 + pick(m, 3));
    at += width;
  }
}

static int put_tuple(char *out, const int *values, int width) {
  int n = sprintf(out, width > 1 ? "(" : "");
  for (int i = 0; i < width; i++) n += sprintf(out + n, i > 0 ? ", %d" : "%d", values[i]);
  return n + sprintf(out + n, width > 1 ? ")" : "");
}

static int put_relation(char *out, const relation *r) {
  static const char *const names = "pabc", *const ops[] = {"<", "<=", "=", ">=", ">"};
  int n = sprintf(out, r->width > 1 ? "(" : "");
  for (int i = 0; i < r->width; i++) n += sprintf(out + n, i > 0 ? ", %c" : "%c", names[r->first + i]);
  n += sprintf(out + n, r->width > 1 ? ")" : "");
  n += sprintf(out + n, " %s ", r->op == 0 && r->count > 1 ? "IN (" : ops[r->op + 2]);
  for (int i = 0; i < r->count; i++) {
    n += sprintf(out + n, i > 0 ? ", " : "");
    n += put_tuple(out + n, r->values[i], r->width);
  }
  return n + sprintf(out + n, r->op == 0 && r->count > 1 ? ")" : "");
}

static void make_query(model *m, query *q) {
  memset(q, 0, sizeof *q);
  q->by_key = pick(m, 4) > 0;
  if (q->by_key) {
    relation *r = add(m, q, 0, 1, 0, 1 + pick(m, 3));
    q->in_partitions = r->count > 1;
    q->reversed = r->count == 1 && pick(m, 3) == 0;
  }
  add_clustering(m, q);
  if (pick(m, 3) == 0) q->limit = 1 + pick(m, 20);
  if (pick(m, 4) == 0) q->partition_limit = 1 + pick(m, 5);
  int n = sprintf(q->text, "SELECT p, a, b, c FROM m");
  for (int i = 0; i < q->count; i++) {
    n += sprintf(q->text + n, i == 0 ? " WHERE " : " AND ");
    n += put_relation(q->text + n, &q->items[i]);
  }
  if (q->reversed) n += sprintf(q->text + n, " ORDER BY a ASC, b DESC, c ASC");
  if (q->partition_limit > 0) n += sprintf(q->text + n, " PER PARTITION LIMIT %d", q->partition_limit);
  if (q->limit > 0) n += sprintf(q->text + n, " LIMIT %d", q->limit);
  if (!q->by_key && q->count > 0) sprintf(q->text + n, " ALLOW FILTERING");
}

/* --- the model's answer ------------------------------------------------------------------------------------------- */

/* Named partitions come in the order of their values, all of them in that of their tokens. */
static int by_value(const void *px, const void *py) {
  const row *x = *(row *const *)px, *y = *(row *const *)py;
  if (x->key[0] != y->key[0]) return x->key[0] < y->key[0] ? -1 : 1;
  return stored_order(x, y);
}

static void expect(model *m, const query *q, char *out) {
  row *chosen[ROWS];
  int count = 0, given = 0, of_partition = 0, n = 0;
  for (int i = 0; i < m->count; i++) {
    bool all = true;
    for (int k = 0; k < q->count && all; k++) all = holds(&q->items[k], &m->rows[i]);
    if (all) chosen[count++] = &m->rows[i];
  }
  if (q->in_partitions) qsort(chosen, (size_t)count, sizeof *chosen, by_value);
  out[0] = '\0';
  for (int i = 0; i < count; i++) {
    const row *r = chosen[q->reversed ? count - 1 - i : i];
    const row *before = i == 0 ? NULL : chosen[q->reversed ? count - i : i - 1];
    of_partition = before != NULL && before->key[0] == r->key[0] ? of_partition + 1 : 1;
    if (q->partition_limit > 0 && of_partition > q->partition_limit) continue;
    if (q->limit > 0 && given == q->limit) break;
    n += sprintf(out + n, "%d %d %d %d\n", r->key[0], r->key[1], r->key[2], r->key[3]);
    given++;
  }
}

/* --- the engine's answer, in pages -------------------------------------------------------------------------------- */

static int put_rows(cql_result *r, char *out, int page_size) {
  cql_value cells[4];
  int n = 0, rows = 0;
  for (; cql_result_next(r, cells) == CQL_OK; rows++)
    for (int i = 0; i < 4; i++)
      n += sprintf(out + n, "%d%c", (int)(int32_t)cql_load_u32(cells[i].data), i < 3 ? ' ' : '\n');
  if (page_size > 0) assert_true(rows <= page_size);
  return n;
}

static void answer(model *m, const query *q, int page_size, char *out) {
  cql_plan *plan;
  uint8_t state[4096];
  size_t len = 0, n = 0;
  cql_error err;
  out[0] = '\0';
  if (cql_engine_prepare(m->d->engine, "ks", cql_slice_str(q->text), &plan, &err) != CQL_OK)
    fail_msg("%s: %s", q->text, err.message);
  do {
    cql_result *r;
    cql_request request = CQL_REQUEST_INIT;
    request.page_size = page_size;
    request.paging_state = len > 0 ? state : NULL;
    request.paging_state_len = len;
    if (cql_engine_execute(m->d->engine, plan, &request, &r, &err) != CQL_OK) fail_msg("%s: %s", q->text, err.message);
    n += (size_t)put_rows(r, out + n, page_size);
    const uint8_t *next = cql_result_paging_state(r, &len);
    assert_true(len <= sizeof state);
    if (len > 0) memcpy(state, next, len);
    cql_result_free(r);
  } while (len > 0);
  cql_plan_release(plan);
}

static void random_queries_agree_with_the_model(void **state) {
  static char want[ROWS * LINE], got[ROWS * LINE];
  model *m = calloc(1, sizeof *m);
  assert_non_null(m);
  m->d = *state;
  m->seed = 20;
  fill(m);
  for (int i = 0; i < QUERIES; i++) {
    query q;
    int page_size = i % 3 == 0 ? 0 : 1 + pick(m, 12);
    make_query(m, &q);
    expect(m, &q, want);
    answer(m, &q, page_size, got);
    if (strcmp(want, got) != 0) fail_msg("%s (page size %d)\nwant\n%sgot\n%s", q.text, page_size, want, got);
  }
  free(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(random_queries_agree_with_the_model, query_setup, query_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
