/* check_entry.c: index entries held against their rows, and rows against their entries. */
#include <stdlib.h>

#include "engine/table/check_int.h"

static int slice_order(const void *x, const void *y) {
  return cql_slice_cmp(*(const cql_slice *)x, *(const cql_slice *)y);
}

/* The row at position, copied; CQL_DONE: none, or bytes that are no row, which are told of where they stand. */
static cql_status row_at(cqle_check *c, const cqle_table *table, cql_slice position, cqle_row *out, cql_error *err) {
  cql_alloc alloc = cqle_arena_alloc(&c->scratch);
  cql_buf key;
  cql_slice bytes;
  cqle_key_buf(&key, &alloc);
  cql_buf_u32(&key, table->id);
  cql_buf_slice(&key, position);
  cql_status st = cqle_buf_failed(&key, err);
  if (st == CQL_OK) st = cqle_get(c->t, cql_buf_view(&key), &bytes, err);
  if (st != CQL_OK) return st;
  if (cql_arena_slice(&c->scratch, bytes, &bytes) != CQL_OK) return cqle_nomem(err);
  st = cqle_row_decode(&c->scratch, table, bytes, out);
  if (st == CQL_NOMEM) return cqle_nomem(err);
  return st == CQL_OK ? CQL_OK : CQL_DONE;
}

cql_status cqle_check_entry(cqle_check *c, const cqle_table *table, const cqle_index *index, cql_slice key,
                            cql_slice value, cql_error *err) {
  cql_slice position, *keys = NULL;
  cqle_row row;
  uint32_t count = 0;
  cqle_pkey pkey;
  cql_buf pkey_bytes;
  cql_alloc alloc = cqle_arena_alloc(&c->scratch);
  cql_arena_reset(&c->scratch);
  c->report->entries++;
  size_t kind_at = cqle_entry_position(key, value, &position) ? cqle_position_kind_at(position) : 0;
  if (kind_at == 0 || (position.data[kind_at] != CQLE_KIND_STATIC && position.data[kind_at] != CQLE_KIND_ROW)) {
    cqle_check_key_problem(c, table, key, "index %s has an entry that points nowhere", index->name);
    return CQL_OK;
  }
  cql_status st = row_at(c, table, position, &row, err);
  if (st == CQL_OK) {
    cqle_key_buf(&pkey_bytes, &alloc);
    if (cqle_position_pkey(position, &pkey_bytes, &pkey) == 0) return cqle_nomem(err);
    st = cqle_index_entries(table, index, pkey, position, &row, &c->scratch, &keys, &count);
    if (st == CQL_NOMEM) return cqle_nomem(err);
    if (st == CQL_OK && count > 0 && bsearch(&key, keys, count, sizeof *keys, slice_order) != NULL) return CQL_OK;
    st = CQL_DONE;
  }
  if (st != CQL_DONE) return st;
  c->report->stale_entries++;
  return CQL_OK;
}

cql_status cqle_check_entries_of(cqle_check *c, const cqle_table *table, cqle_pkey pkey, cql_slice key,
                                 const cqle_row *row, cql_error *err) {
  cql_slice position = cql_slice_of(key.data + CQLE_TABLE_ID_LEN, key.len - CQLE_TABLE_ID_LEN), *keys, value;
  uint32_t count;
  for (uint32_t i = 0; i < table->index_count; i++) {
    const cqle_index *index = table->indexes[i];
    cql_status st = cqle_index_entries(table, index, pkey, position, row, &c->scratch, &keys, &count);
    if (st == CQL_NOMEM) return cqle_nomem(err);
    if (st != CQL_OK) {
      cqle_check_key_problem(c, table, key, "the row has a value that index %s cannot take", index->name);
      continue;
    }
    for (uint32_t j = 0; j < count; j++) {
      st = cqle_get(c->t, keys[j], &value, err);
      if (st == CQL_DONE)
        cqle_check_key_problem(c, table, key, "index %s lacks an entry for the row", index->name);
      else if (st != CQL_OK)
        return st;
    }
  }
  return CQL_OK;
}
