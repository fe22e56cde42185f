/* sources.c: where the values of a join come from, which SQLite does not say. It is learned: the value of an inner
 * cursor's filter is a cell of the row that an outer cursor stands on. A column that was equal by chance is told from
 * the right one when it first differs. A wrong guess asks for rows that nobody wants, and never changes an answer.
 */
#include "relational/relational_int.h"

/* --- cursors ------------------------------------------------------------------------------------------------------ */

static const cqlr_reader *reader_of(const cqlr_source *source, const cql_relational_query *q) {
  uint32_t nth = 0;
  for (const cqlr_reader *r = q->readers; r != NULL; r = r->next)
    if (r->scan->table == source->table && nth++ == source->nth) return r;
  return NULL;
}

static uint32_t nth_of(const cqlr_reader *reader) {
  uint32_t nth = 0;
  for (const cqlr_reader *r = reader->query->readers; r != reader; r = r->next)
    nth += r->scan->table == reader->scan->table;
  return nth;
}

static bool has_row(const cqlr_reader *r) {
  return !r->scan->is_over;
}

static bool is_equal(const cqlr_reader *r, uint32_t column, cql_slice value) {
  if (r->positions[column] < 0 || !cqlr_is_used(r->scan->table, r->used, column)) return false;
  cql_value cell = r->scan->cells[r->positions[column]];
  return cell.len >= 0 && cql_slice_eq(cql_slice_of(cell.data, (size_t)cell.len), value);
}

/* --- learning ----------------------------------------------------------------------------------------------------- */

static void add_columns(cqlr_sources *s, const cqlr_reader *r, uint32_t term, const cql_type *type, cql_slice value) {
  const cqlr_table *t = r->scan->table;
  for (uint32_t i = 0; i < t->column_count && s->count < CQLR_SOURCES_MAX; i++)
    if (is_equal(r, i, value) && cql_type_eq(t->columns[i].type, type))
      s->items[s->count++] = (cqlr_source){t, nth_of(r), (uint16_t)i, (uint16_t)term};
}

static cql_status begin(cqlr_sources *s, const cqlr_reader *self, const cqlr_wish *wish, cql_arena *arena) {
  const cqlr_access *a = wish->access;
  cql_slice *first = cql_arena_array(arena, a->count, sizeof *first);
  if (first == NULL) return CQL_NOMEM;
  for (uint32_t i = 0; i < a->count; i++) {
    if (cql_arena_slice(arena, wish->values[i], &first[i]) != CQL_OK) return CQL_NOMEM;
    s->constants |= (uint64_t)1 << i;
    for (const cqlr_reader *r = self->query->readers; r != NULL; r = r->next)
      if (r != self && has_row(r))
        add_columns(s, r, i, self->scan->table->columns[a->terms[i].column].type, wish->values[i]);
  }
  s->first = first;
  return CQL_OK;
}

static bool foretold(const cqlr_source *source, const cqlr_reader *self, cql_slice value) {
  const cqlr_reader *r = reader_of(source, self->query);
  return r != NULL && r != self && has_row(r) && is_equal(r, source->column, value);
}

cql_status cqlr_sources_learn(cqlr_sources *s, const cqlr_reader *self, const cqlr_wish *wish, cql_arena *arena) {
  uint32_t kept = 0;
  if (s->filter_count++ == 0) return begin(s, self, wish, arena);
  for (uint32_t i = 0; i < wish->access->count; i++)
    if (!cql_slice_eq(s->first[i], wish->values[i])) s->constants &= ~((uint64_t)1 << i);
  for (uint32_t i = 0; i < s->count; i++)
    if (foretold(&s->items[i], self, wish->values[s->items[i].term])) s->items[kept++] = s->items[i];
  s->count = kept;
  return CQL_OK;
}

/* --- choosing ----------------------------------------------------------------------------------------------------- */

/* The terms that are columns of this reader or constant: all of them? One at least of a column. */
static bool place_terms(const cqlr_sources *s, const cqlr_reader *r, uint32_t term_count, int16_t *cells) {
  uint64_t known = s->constants;
  bool is_any = false;
  for (uint32_t i = 0; i < term_count; i++) cells[i] = -1;
  for (uint32_t i = 0; i < s->count; i++) {
    const cqlr_source *source = &s->items[i];
    if (reader_of(source, r->query) != r || cells[source->term] >= 0) continue;
    cells[source->term] = r->positions[source->column];
    known |= (uint64_t)1 << source->term;
    is_any = true;
  }
  for (uint32_t i = 0; i < term_count; i++)
    if ((known >> i & 1) == 0) return false;
  return is_any;
}

static uint64_t rows_in_hand(const cqlr_scan *s) {
  uint64_t rows = 0;
  for (uint32_t i = 0, count = cqlr_scan_page_count(s); i < count; i++) {
    const cql_result *page = cqlr_scan_page(s, i);
    if (page == NULL) continue;
    rows += cql_result_row_count(page);
    if (i == 0) rows -= cql_result_tell(page).rows_read;
  }
  return rows;
}

const cqlr_reader *cqlr_sources_choose(const cqlr_sources *s, const cqlr_reader *self, uint32_t term_count,
                                       int16_t *cells) {
  const cqlr_reader *best = NULL;
  uint64_t most = 0;
  if (s->filter_count < 2) return NULL; /* one that agrees is chance */
  for (const cqlr_reader *r = self->query->readers; r != NULL; r = r->next) {
    if (r == self || !has_row(r) || !place_terms(s, r, term_count, cells)) continue;
    uint64_t rows = rows_in_hand(r->scan);
    if (rows <= most) continue;
    most = rows;
    best = r;
  }
  if (best != NULL) place_terms(s, best, term_count, cells);
  return best;
}
