/* access.c: which of the conditions on a table are asked of the session. SQLite checks all of them again, so a way need
 * not use them all; it has to be one that CQL answers without ALLOW FILTERING.
 */
#include "relational/relational_int.h"

/* What SQLite compares ways by: about the time of one row that is read in a row. */
static const double REQUEST_COST = 40, SCAN_ROWS = 1e6, PARTITION_ROWS = 200, INDEX_ROWS = 50, IN_COUNT = 20;
/* Of the rows that come, those that SQLite keeps for a condition of its own: one in so many. */
static const double KEPT_BY_VALUE = 1000, KEPT_BY_RANGE = 4;

static const cqlr_term *find(const cqlr_term *terms, uint32_t count, uint32_t column, cqlr_op op, bool may_be_in) {
  const cqlr_term *found = NULL;
  for (uint32_t i = 0; i < count; i++) {
    if (terms[i].column != column || terms[i].op != op) continue;
    if (!terms[i].is_in) return &terms[i];
    if (may_be_in) found = &terms[i];
  }
  return found;
}

static bool use(cqlr_access *a, const cqlr_term *term) {
  if (term == NULL) return false;
  a->terms[a->count++] = *term;
  a->has_in |= term->is_in;
  return true;
}

static void use_range(cqlr_access *a, const cqlr_term *terms, uint32_t count, uint32_t column) {
  if (!use(a, find(terms, count, column, CQLR_GT, false))) use(a, find(terms, count, column, CQLR_GE, false));
  if (!use(a, find(terms, count, column, CQLR_LT, false))) use(a, find(terms, count, column, CQLR_LE, false));
}

static bool choose_key(const cqlr_table *t, const cqlr_term *terms, uint32_t count, cqlr_access *a) {
  a->way = CQLR_BY_KEY;
  for (uint32_t i = 0; i < t->partition_count; i++)
    if (!use(a, find(terms, count, i, CQLR_EQ, !a->has_in))) return false;
  a->is_one_partition = !a->has_in;
  uint32_t end = t->partition_count + t->clustering_count, at = t->partition_count;
  while (at < end && use(a, find(terms, count, at, CQLR_EQ, !a->has_in))) at++;
  a->is_one_partition &= !a->has_in;
  a->fixed_count = at - t->partition_count;
  a->is_one_row = at == end;
  if (at < end) use_range(a, terms, count, at);
  return true;
}

static bool choose_index(const cqlr_table *t, const cqlr_term *terms, uint32_t count, cqlr_access *a) {
  a->way = CQLR_BY_INDEX;
  for (int may_be_in = 0; may_be_in < 2; may_be_in++)
    for (uint32_t i = 0; i < t->column_count; i++)
      if (t->columns[i].is_indexed && use(a, find(terms, count, i, CQLR_EQ, may_be_in != 0))) return true;
  return false;
}

/* The terms stay as they are: there are many, and this is done for each row of a join. */
static void begin(cqlr_access *a) {
  a->way = CQLR_BY_SCAN;
  a->count = a->fixed_count = 0;
  a->has_in = a->is_one_row = a->is_one_partition = false;
}

void cqlr_access_choose(const cqlr_table *t, const cqlr_term *terms, uint32_t count, cqlr_access *out) {
  begin(out);
  if (choose_key(t, terms, count, out)) return;
  begin(out);
  if (choose_index(t, terms, count, out)) return;
  begin(out);
}

static bool is_asked(const cqlr_access *a, const cqlr_term *term) {
  for (uint32_t i = 0; i < a->count; i++)
    if (a->terms[i].source == term->source) return true;
  return false;
}

/* SQLite takes what a virtual table says for what is left when all conditions have been tested. */
static double kept(const cqlr_access *a, const cqlr_term *terms, uint32_t count, double rows) {
  for (uint32_t i = 0; i < count; i++) {
    if (is_asked(a, &terms[i])) continue;
    rows /= terms[i].op == CQLR_EQ ? KEPT_BY_VALUE : KEPT_BY_RANGE;
    if (terms[i].is_in) rows *= IN_COUNT;
  }
  return rows < 1 ? 1 : rows;
}

double cqlr_access_cost(const cqlr_access *a, const cqlr_term *terms, uint32_t count, double *rows) {
  double requests = a->has_in ? IN_COUNT : 1, each = SCAN_ROWS;
  if (a->way == CQLR_BY_KEY) {
    each = a->is_one_row ? 1 : PARTITION_ROWS;
    for (uint32_t i = 0; i < a->count; i++)
      if (a->terms[i].op != CQLR_EQ) each /= 4;
    for (uint32_t i = 0; i < a->fixed_count && !a->is_one_row; i++) each /= 4;
  } else if (a->way == CQLR_BY_INDEX) {
    each = INDEX_ROWS;
  }
  double read = each < 1 ? requests : requests * each;
  *rows = kept(a, terms, count, read);
  return requests * REQUEST_COST + read;
}
