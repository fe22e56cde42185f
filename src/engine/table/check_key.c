/* check_key.c: keys of rows and deletions: canonical, in the right place, deletions apart from each other. */
#include <stdio.h>
#include <string.h>

#include "engine/table/check_int.h"

enum { PROBLEM_LEN = 512, KEY_SHOWN = 48 };

static const cqle_deletion NONE = {CQLE_NO_TIMESTAMP, CQLE_NO_EXPIRY};

/* --- the walk's own ----------------------------------------------------------------------------------------------- */

void cqle_check_init(cqle_check *c, cqle_txn *t, cql_check_report *report, cql_check_found found, void *user) {
  *c = (cqle_check){.t = t, .report = report, .found = found, .user = user, .deletion = NONE};
  cql_arena_init(&c->scratch, cqle_txn_alloc(t), CQL_ARENA_LIMIT_DEFAULT);
  cqle_key_buf(&c->partition, cqle_txn_alloc(t));
  cqle_key_buf(&c->range_end, cqle_txn_alloc(t));
}

void cqle_check_free(cqle_check *c) {
  cql_buf_free(&c->partition);
  cql_buf_free(&c->range_end);
  cql_arena_free(&c->scratch);
}

static void tell(cqle_check *c, const char *text) {
  c->report->problems++;
  if (c->found != NULL) c->found(c->user, text);
}

void cqle_check_problem(cqle_check *c, const char *format, ...) {
  char text[PROBLEM_LEN];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  tell(c, text);
}

void cqle_check_key_problem(cqle_check *c, const cqle_table *table, cql_slice key, const char *format, ...) {
  char text[PROBLEM_LEN], what[PROBLEM_LEN / 2], hex[2 * KEY_SHOWN + 1] = "";
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  for (size_t i = 0; i < key.len && i < KEY_SHOWN; i++) snprintf(hex + 2 * i, 3, "%02x", key.data[i]);
  snprintf(text, sizeof text, "table %.48s.%.64s, key 0x%s%s: %s", table->keyspace->name, table->name, hex,
           key.len > KEY_SHOWN ? "…" : "", what);
  tell(c, text);
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

/* The partition key taken apart and put together again: its token, and the only way to write it. */
static cql_status check_partition(cqle_check *c, const cqle_table *table, cql_slice key, size_t kind_at, cqle_pkey *out,
                                  cql_error *err) {
  cql_alloc alloc = cqle_arena_alloc(&c->scratch);
  cql_buf bytes, again;
  cqle_key_buf(&bytes, &alloc);
  cqle_key_buf(&again, &alloc);
  cql_slice position = cql_slice_of(key.data + CQLE_TABLE_ID_LEN, key.len - CQLE_TABLE_ID_LEN);
  cqle_position_pkey(position, &bytes, out);
  *out = cqle_pkey_of(cql_buf_view(&bytes));
  cqle_key_put_partition(&again, table->id, *out);
  if (bytes.st != CQL_OK || again.st != CQL_OK) return cqle_nomem(err);
  if (!cql_slice_eq(cql_buf_view(&again), cql_slice_of(key.data, kind_at)))
    cqle_check_key_problem(c, table, key, "the token is not that of the partition key, or the key is not well formed");
  cql_slice *values = cql_arena_array(&c->scratch, table->partition_count, sizeof *values);
  if (values == NULL) return cqle_nomem(err);
  bool fits = cql_partition_key_split(out->bytes, values, table->partition_count) == CQL_OK;
  for (uint32_t i = 0; i < table->partition_count && fits; i++)
    fits = values[i].len == 0 || cql_value_validate(table->partition[i]->type, values[i], NULL) == CQL_OK;
  if (!fits) cqle_check_key_problem(c, table, key, "the partition key does not fit the table's columns");
  return CQL_OK;
}

static cql_status begin_partition(cqle_check *c, cql_slice prefix, cql_error *err) {
  if (cql_slice_eq(cql_buf_view(&c->partition), prefix)) return CQL_OK;
  cql_buf_reset(&c->partition);
  cql_buf_slice(&c->partition, prefix);
  cql_buf_reset(&c->range_end);
  c->range_open = c->has_deletions = false;
  c->deletion = NONE;
  return cqle_buf_failed(&c->partition, err);
}

/* --- deletions ---------------------------------------------------------------------------------------------------- */

static cql_status check_deletion(cqle_check *c, const cqle_table *table, cql_slice key, size_t kind_at, cql_slice value,
                                 cql_error *err) {
  cqle_deletion d;
  cql_slice end, start = cql_slice_of(key.data + kind_at + 1, key.len - kind_at - 1);
  c->report->deletions++;
  if (cqle_deletion_decode(table, value, &d, &end, NULL) != CQL_OK) {
    cqle_check_key_problem(c, table, key, "the bytes are no deletion");
    return CQL_OK;
  }
  if (key.data[kind_at] == CQLE_KIND_PARTITION_DELETION) {
    if (start.len > 0 || end.len > 0) cqle_check_key_problem(c, table, key, "a partition's deletion has bounds");
    c->deletion = d;
    c->has_deletions = true;
    return CQL_OK;
  }
  if (end.len > 0 && cql_slice_cmp(start, end) >= 0)
    cqle_check_key_problem(c, table, key, "a range ends before it starts");
  if (c->range_open || cql_slice_cmp(start, cql_buf_view(&c->range_end)) < 0)
    cqle_check_key_problem(c, table, key, "two deleted ranges overlap");
  if (cqle_deletion_reconcile(&d, &c->deletion) >= 0)
    cqle_check_key_problem(c, table, key, "a deleted range lies under its partition's deletion");
  c->has_deletions = true;
  c->range_open = end.len == 0;
  cql_buf_reset(&c->range_end);
  cql_buf_slice(&c->range_end, end);
  return cqle_buf_failed(&c->range_end, err);
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

static cql_status covering_of(cqle_check *c, const cqle_table *table, cql_slice key, size_t kind_at, cqle_deletion *out,
                              cql_error *err) {
  *out = NONE;
  if (!c->has_deletions) return CQL_OK;
  cql_alloc alloc = cqle_arena_alloc(&c->scratch);
  cql_buf copy;
  cqle_key_buf(&copy, &alloc);
  cql_buf_slice(&copy, key);
  cql_status st = cqle_buf_failed(&copy, err);
  if (st == CQL_OK) st = cqle_deletion_covering(c->t, table, &copy, kind_at, &c->scratch, out, err);
  return st == CQL_CORRUPT ? CQL_OK : st; /* told where it stands */
}

/* Whether key and bytes are what the row itself would be stored as. */
static cql_status check_form(cqle_check *c, const cqle_table *table, cql_slice key, size_t kind_at, cql_slice value,
                             const cqle_row *row, cql_error *err) {
  cql_alloc alloc = cqle_arena_alloc(&c->scratch);
  cql_buf bytes, place;
  cqle_key_buf(&place, &alloc);
  cql_buf_init(&bytes, &alloc, CQL_VALUE_LEN_MAX);
  cqle_key_put_row(&place, table, row->clustering, row->is_static);
  cqle_row_encode(&bytes, table, row);
  if (place.st == CQL_NOMEM || bytes.st == CQL_NOMEM) return cqle_nomem(err);
  if (!cql_slice_eq(cql_buf_view(&place), cql_slice_of(key.data + kind_at, key.len - kind_at)))
    cqle_check_key_problem(c, table, key, "the row's clustering is not that of its key");
  if (!cql_slice_eq(cql_buf_view(&bytes), value))
    cqle_check_key_problem(c, table, key, "the row would be written with other bytes");
  return CQL_OK;
}

static cql_status check_stored_row(cqle_check *c, const cqle_table *table, cqle_pkey pkey, cql_slice key,
                                   size_t kind_at, cql_slice value, cql_error *err) {
  cqle_row row;
  cqle_deletion covering;
  c->report->rows++;
  cql_status st = cqle_row_decode(&c->scratch, table, value, &row);
  if (st == CQL_NOMEM) return cqle_nomem(err);
  if (st != CQL_OK) {
    cqle_check_key_problem(c, table, key, "the bytes are no row");
    return CQL_OK;
  }
  CQL_TRY(check_form(c, table, key, kind_at, value, &row, err));
  CQL_TRY(covering_of(c, table, key, kind_at, &covering, err));
  cqle_check_row(c, table, key, &row, covering);
  CQL_TRY(cqle_check_entries_of(c, table, pkey, key, &row, err));
done:
  return st;
}

cql_status cqle_check_row_key(cqle_check *c, const cqle_table *table, cql_slice key, cql_slice value, cql_error *err) {
  cqle_pkey pkey;
  cql_arena_reset(&c->scratch);
  size_t kind_at = 0;
  if (key.len > CQLE_TABLE_ID_LEN + CQLE_TOKEN_LEN)
    kind_at = cqle_position_kind_at(cql_slice_of(key.data + CQLE_TABLE_ID_LEN, key.len - CQLE_TABLE_ID_LEN));
  if (kind_at == 0) {
    cqle_check_key_problem(c, table, key, "the key is none of a table");
    return CQL_OK;
  }
  kind_at += CQLE_TABLE_ID_LEN;
  cql_status st = begin_partition(c, cql_slice_of(key.data, kind_at), err);
  if (st == CQL_OK) st = check_partition(c, table, key, kind_at, &pkey, err);
  if (st != CQL_OK) return st;
  switch (key.data[kind_at]) {
  case CQLE_KIND_PARTITION_DELETION:
  case CQLE_KIND_RANGE_DELETION: return check_deletion(c, table, key, kind_at, value, err);
  case CQLE_KIND_STATIC:
  case CQLE_KIND_ROW: return check_stored_row(c, table, pkey, key, kind_at, value, err);
  default: cqle_check_key_problem(c, table, key, "the key is of no known kind"); return CQL_OK;
  }
}
