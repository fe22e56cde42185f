/* waves.c: the inner rows of a join, asked for in waves instead of one by one. SQLite goes through the outer rows and
 * filters the inner cursor by each; here the values that it is about to ask for are read ahead from the outer rows that
 * are in hand (sources.c), and asked for side by side. What is not among the answers is asked for: a guess saves time,
 * and decides nothing.
 *
 * There is one wave for each place of a statement where a cursor is filtered. It has the answers of a batch of values,
 * and of the batches before it while there is room: many outer rows may lead to one inner row. Batches grow while their
 * answers are used, and shrink when a condition on the outer rows leaves most of them unused.
 */
#include "relational/relational_int.h"

#include <string.h>

enum { GROWTH = 4, KEY_LEN_MAX = 1 << 16 }; /* longer values are asked for one by one */

typedef struct answer {
  cql_slice key;    /* the values, each behind its length */
  cql_result *page; /* the first one; NULL: it failed to come */
  bool is_used;
} answer;

struct cqlr_wave {
  cqlr_wave *next;
  const cqlr_table *table;
  const char *text, *place; /* the plan, and its address in the statement */
  cqlr_statement statement;
  cqlr_sources sources;
  const cqlr_scan *user; /* that reads its page */
  cql_value *cells;
  uint32_t term_count;
  cql_buf key;     /* of one set of values */
  cql_arena arena; /* of the answers that are kept */
  answer *answers;
  cql_request *requests;
  uint32_t *slots; /* by the key's hash: the answer's number + 1 */
  uint32_t count, room, slot_count;
  uint32_t first;      /* of the last batch, which ends with the last answer */
  uint32_t end;        /* where the batch that is being made has to end */
  uint32_t next_count; /* values that the next batch may have */
  size_t len;          /* bytes of the rows that are kept */
  size_t row_len;      /* bytes of a row of the last batch; 0: there was none */
};

/* --- life --------------------------------------------------------------------------------------------------------- */

/* The address tells two places with the same plan apart, and is the same in each run of a subquery. Were it used anew,
 * by a statement of a function of the program's, the same plan for the same table still has the same answers. */
static cqlr_wave *find_wave(const cqlr_reader *reader, const char *text) {
  for (cqlr_wave *w = reader->query->waves; w != NULL; w = w->next)
    if (w->place == text && w->table == reader->scan->table && strcmp(w->text, text) == 0) return w;
  return NULL;
}

static cql_status make_wave(const cqlr_reader *reader, const char *text, const cqlr_wish *wish, cqlr_wave **out,
                            cql_error *err) {
  cql_relational_query *q = reader->query;
  cqlr_wave *w = cql_arena_zero(&q->arena, sizeof *w);
  if (w == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  w->table = reader->scan->table;
  w->place = text;
  w->text = cql_arena_str(&q->arena, cql_slice_str(text));
  w->cells = cql_arena_array(&q->arena, wish->cell_count, sizeof *w->cells);
  if (w->text == NULL || w->cells == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  w->term_count = wish->access->count;
  w->next_count = CQL_RELATIONAL_BATCH_FIRST_COUNT;
  cql_status st = cqlr_statement_open(&w->statement, &q->arena, q->owner, q, w->table, wish, err);
  if (st != CQL_OK) return st;
  cql_buf_init(&w->key, q->owner->alloc, KEY_LEN_MAX);
  cql_arena_init(&w->arena, q->owner->alloc, CQL_ARENA_LIMIT_DEFAULT);
  w->next = q->waves;
  q->waves = w;
  q->wave_count++;
  *out = w;
  return CQL_OK;
}

static void drop_answers(cqlr_wave *w) {
  for (uint32_t i = 0; i < w->count; i++) cql_result_free(w->answers[i].page);
  w->count = w->first = w->room = w->slot_count = 0;
  w->len = 0;
  cql_arena_reset(&w->arena);
}

void cqlr_waves_free(cql_relational_query *q) {
  for (cqlr_wave *w = q->waves; w != NULL; w = w->next) {
    drop_answers(w);
    cql_arena_free(&w->arena);
    cql_buf_free(&w->key);
    cqlr_statement_close(&w->statement);
  }
  q->waves = NULL;
  q->wave_count = 0;
}

void cqlr_wave_leave(cqlr_wave *w) {
  w->user = NULL;
}

uint32_t cqlr_wave_page_count(const cqlr_wave *w) {
  return w->count;
}

cql_result *cqlr_wave_page(const cqlr_wave *w, uint32_t i) {
  return w->answers[i].page;
}

/* --- answers by their values -------------------------------------------------------------------------------------- */

static void put_value(cql_buf *b, cql_slice value) {
  cql_buf_u32(b, (uint32_t)value.len);
  cql_buf_slice(b, value);
}

/* Where the key is, or a free slot for it. */
static uint32_t *slot_of(const cqlr_wave *w, cql_slice key) {
  uint32_t mask = w->slot_count - 1, at = (uint32_t)cql_murmur3_token(key) & mask;
  while (w->slots[at] != 0 && !cql_slice_eq(w->answers[w->slots[at] - 1].key, key)) at = (at + 1) & mask;
  return &w->slots[at];
}

static answer *find_answer(const cqlr_wave *w) {
  if (w->slot_count == 0) return NULL;
  uint32_t number = *slot_of(w, cql_buf_view(&w->key));
  if (number == 0 || w->answers[number - 1].page == NULL) return NULL;
  return &w->answers[number - 1];
}

static void fill_slots(cqlr_wave *w) {
  for (uint32_t i = 0; i < w->count; i++) *slot_of(w, w->answers[i].key) = i + 1;
}

/* For so many answers more. Nobody reads the answers now; what they were in stays in the arena. */
static cql_status make_room(cqlr_wave *w, uint32_t more) {
  if (w->count + more <= w->room) return CQL_OK;
  uint32_t room = w->room * 2 > w->count + more ? w->room * 2 : w->count + more, slots = 2;
  while (slots < room * 2) slots *= 2;
  answer *answers = cql_arena_array(&w->arena, room, sizeof *answers);
  cql_request *requests = cql_arena_array(&w->arena, room, sizeof *requests);
  uint32_t *numbers = cql_arena_zero(&w->arena, slots * sizeof *numbers);
  if (answers == NULL || requests == NULL || numbers == NULL) return CQL_NOMEM;
  if (w->count > 0) {
    memcpy(answers, w->answers, w->count * sizeof *answers);
    memcpy(requests, w->requests, w->count * sizeof *requests);
  }
  w->answers = answers;
  w->requests = requests;
  w->slots = numbers;
  w->room = room;
  w->slot_count = slots;
  fill_slots(w);
  return CQL_OK;
}

/* One more set of values, those of w->key, unless it is among them. There is room. */
static cql_status add(cqlr_wave *w) {
  cql_slice key = cql_buf_view(&w->key);
  uint32_t *slot = slot_of(w, key);
  if (*slot != 0) return CQL_OK;
  cql_value *values = cql_arena_array(&w->arena, w->term_count, sizeof *values);
  if (values == NULL || cql_arena_slice(&w->arena, key, &key) != CQL_OK) return CQL_NOMEM;
  const uint8_t *at = key.data;
  for (uint32_t i = 0; i < w->term_count; i++) {
    values[i] = (cql_value){at + 4, (int32_t)cql_load_u32(at)};
    at += 4 + values[i].len;
  }
  w->answers[w->count] = (answer){.key = key};
  w->requests[w->count] = cqlr_statement_request(&w->statement, values, w->term_count);
  *slot = ++w->count;
  return CQL_OK;
}

/* --- reading ahead ------------------------------------------------------------------------------------------------ */

/* The values that a row leads to, in w->key; false: it leads to no row. */
static bool read_row(cqlr_wave *w, const cqlr_access *a, const cql_value *row, const int16_t *cells) {
  cql_buf_reset(&w->key);
  for (uint32_t i = 0; i < w->term_count; i++) {
    cql_slice value = w->sources.first[i];
    if (cells[i] >= 0 && row[cells[i]].len < 0) return false;
    if (cells[i] >= 0) value = cql_slice_of(row[cells[i]].data, (size_t)row[cells[i]].len);
    if (!cqlr_can_be_in_key(&w->table->columns[a->terms[i].column], value)) return false;
    put_value(&w->key, value);
  }
  return true;
}

/* The page is left as it was. */
static cql_status read_page(cqlr_wave *w, const cqlr_access *a, cql_result *page, bool is_begun, cql_value *row,
                            const int16_t *cells) {
  cql_result_place place = cql_result_tell(page);
  cql_status st = CQL_OK;
  if (!is_begun) cql_result_rewind(page);
  while (st == CQL_OK && w->count < w->end && cql_result_next(page, row) == CQL_OK) {
    if (read_row(w, a, row, cells) && w->key.st != CQL_LIMIT) st = w->key.st == CQL_OK ? add(w) : w->key.st;
  }
  cql_result_seek(page, place);
  return st;
}

static cql_status read_ahead(cqlr_wave *w, const cqlr_access *a, const cqlr_scan *s, const int16_t *cells) {
  cql_value *row = cql_arena_array(&w->arena, s->statement.cell_count, sizeof *row);
  cql_status st = row == NULL ? CQL_NOMEM : CQL_OK;
  for (uint32_t i = 0, count = cqlr_scan_page_count(s); st == CQL_OK && i < count; i++) {
    cql_result *page = cqlr_scan_page(s, i);
    if (page != NULL) st = read_page(w, a, page, i == 0, row, cells);
  }
  return st;
}

/* --- a batch ------------------------------------------------------------------------------------------------------ */

/* What the last batch says of the next one. */
static void learn_size(cqlr_wave *w) {
  uint32_t used = 0, count = w->count - w->first;
  uint64_t rows = 0;
  size_t len = 0;
  for (uint32_t i = w->first; i < w->count; i++) {
    used += w->answers[i].is_used;
    if (w->answers[i].page == NULL) continue;
    len += cql_result_rows_len(w->answers[i].page);
    rows += cql_result_row_count(w->answers[i].page);
  }
  w->len += len;
  w->row_len = rows == 0 ? 0 : (size_t)(len / rows);
  if (used < count / 2)
    w->next_count = count / GROWTH;
  else if (count == w->next_count)
    w->next_count *= GROWTH;
  if (w->next_count > CQL_RELATIONAL_BATCH_COUNT) w->next_count = CQL_RELATIONAL_BATCH_COUNT;
  size_t most = len == 0 ? w->next_count : (size_t)CQL_RELATIONAL_BATCH_LEN * count / len;
  if (w->next_count > most) w->next_count = (uint32_t)most;
  if (w->next_count == 0) w->next_count = 1;
}

/* The answers before go where they would be too many, or too long, beside those to come. An answer that did not come
 * is no answer: its values may be asked for again. */
static void drop_old(cqlr_wave *w) {
  size_t len = w->len + w->row_len * w->next_count;
  bool has_failed = false;
  for (uint32_t i = w->first; i < w->count; i++) has_failed |= w->answers[i].page == NULL;
  if (has_failed || len > CQL_RELATIONAL_BATCH_LEN || w->count + w->next_count > CQL_RELATIONAL_KEPT_COUNT)
    drop_answers(w);
}

/* Rows for each of many values: all of them together shall not be too long, however unlike the last ones they are in
 * number. */
static void set_page_sizes(cqlr_wave *w) {
  int32_t rows = CQL_RELATIONAL_BATCH_PAGE_COUNT;
  size_t len = w->row_len * (w->count - w->first);
  if (len > 0 && CQL_RELATIONAL_BATCH_LEN / len < (size_t)rows) rows = (int32_t)(CQL_RELATIONAL_BATCH_LEN / len);
  for (uint32_t i = w->first; i < w->count; i++) w->requests[i].page_size = rows > 0 ? rows : 1;
}

/* The values of w->key come first; those of the rows to come follow. */
static cql_status choose_values(cqlr_wave *w, const cqlr_reader *reader, const cqlr_wish *wish) {
  int16_t cells[CQL_RELATIONAL_TERMS_MAX];
  const cqlr_reader *source = cqlr_sources_choose(&w->sources, reader, w->term_count, cells);
  uint32_t count = source == NULL ? 1 : w->next_count;
  w->first = w->count;
  w->end = w->count + count;
  cql_status st = make_room(w, count);
  if (st == CQL_OK) st = add(w);
  if (st != CQL_OK || source == NULL) return st;
  st = read_ahead(w, wish->access, source->scan, cells);
  if (w->count - w->first > 1) set_page_sizes(w);
  return st;
}

/* Only the first of them has been asked for: if another fails, it is asked for again when its turn comes. */
static cql_status send_to(cqlr_wave *w, cql_relational *owner, cql_outcome *outcomes, cql_error *err) {
  uint32_t count = w->count - w->first;
  cql_status st = cqlr_send_many(owner, w->statement.sent, w->requests + w->first, count, outcomes, err);
  if (st != CQL_OK) return st;
  answer *answers = w->answers + w->first;
  for (uint32_t i = 0; i < count; i++) answers[i].page = outcomes[i].status == CQL_OK ? outcomes[i].result : NULL;
  if (outcomes[0].status != CQL_OK) *err = outcomes[0].error;
  return outcomes[0].status;
}

static cql_status send(cqlr_wave *w, cql_relational *owner, cql_error *err) {
  cql_arena arena; /* outcomes are large, as errors are */
  cql_arena_init(&arena, owner->alloc, CQL_ARENA_LIMIT_DEFAULT);
  cql_outcome *outcomes = cql_arena_array(&arena, w->count - w->first, sizeof *outcomes);
  cql_status st = outcomes == NULL ? cql_fail(err, CQL_NOMEM, "Out of memory") : send_to(w, owner, outcomes, err);
  cql_arena_free(&arena);
  return st;
}

static cql_status fetch(cqlr_wave *w, const cqlr_reader *reader, const cqlr_wish *wish, cql_error *err) {
  if (w->count > 0) learn_size(w);
  drop_old(w);
  if (choose_values(w, reader, wish) != CQL_OK) return cql_fail(err, CQL_NOMEM, "Out of memory");
  reader->scan->owner->counts.scans += wish->access->way == CQLR_BY_SCAN;
  return send(w, reader->scan->owner, err);
}

/* --- the scan ----------------------------------------------------------------------------------------------------- */

static void lend(cqlr_wave *w, answer *found, cqlr_scan *s) {
  found->is_used = true;
  w->user = s;
  cql_result_rewind(found->page);
  s->wave = w;
  s->statement = w->statement;
  s->requests = w->requests;
  s->page_request = (uint32_t)(found - w->answers);
  s->page = found->page;
  s->is_lent = true;
  s->ask_in = cqlr_ahead_after(s->owner, s->page, true);
  s->cells = w->cells;
}

cql_status cqlr_wave_begin(cqlr_reader *reader, const char *text, const cqlr_wish *wish, cql_error *err) {
  cql_relational_query *q = reader->query;
  cqlr_wave *w = find_wave(reader, text);
  if (w == NULL && q->wave_count == CQLR_WAVES_MAX) return cqlr_scan_begin(reader->scan, q, wish, err);
  cql_status st = w == NULL ? make_wave(reader, text, wish, &w, err) : CQL_OK;
  if (st != CQL_OK) return st;
  if (w->user != NULL) return cqlr_scan_begin(reader->scan, q, wish, err); /* its pages are being read */
  if (cqlr_sources_learn(&w->sources, reader, wish, &q->arena) != CQL_OK)
    return cql_fail(err, CQL_NOMEM, "Out of memory");
  cql_buf_reset(&w->key);
  for (uint32_t i = 0; i < w->term_count; i++) put_value(&w->key, wish->values[i]);
  if (w->key.st != CQL_OK) return cqlr_scan_begin(reader->scan, q, wish, err);
  answer *found = find_answer(w);
  if (found == NULL) {
    st = fetch(w, reader, wish, err);
    if (st != CQL_OK) return st;
    found = &w->answers[w->first];
  }
  st = cqlr_statement_check(&w->statement, found->page, err);
  if (st != CQL_OK) return st;
  lend(w, found, reader->scan);
  return cqlr_scan_next(reader->scan, err);
}
