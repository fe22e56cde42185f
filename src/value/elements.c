/* elements.c: collections, tuples, user types and vectors from inside: walk, build, sort. */
#include "value/value_int.h"

#include <string.h>

/* --- walking ------------------------------------------------------------------------------------------------------ */

static bool is_tuple(const cql_type *type) {
  return type->code == CQL_TYPE_TUPLE || type->code == CQL_TYPE_UDT;
}

cql_status cql_elements_open(cql_elements *e, const cql_type *type, cql_slice bytes) {
  e->r = cql_reader_of(bytes);
  e->type = type;
  e->left = type->code == CQL_TYPE_VECTOR ? type->dimension : type->arg_count;
  if (!cql_type_is_collection(type)) return is_tuple(type) || type->code == CQL_TYPE_VECTOR ? CQL_OK : CQL_MISUSE;
  uint32_t count, per_entry = type->code == CQL_TYPE_MAP ? 2 : 1;
  cql_status st = cql_read_u32(&e->r, &count);
  if (st != CQL_OK) return st;
  /* Each value costs its length at least: a count that cannot be true is refused before anybody reserves room for it.
   */
  if (count > cql_reader_left(&e->r) / 4 / per_entry) return CQL_MALFORMED;
  e->left = count * per_entry;
  return CQL_OK;
}

static cql_status next_of_vector(cql_elements *e, cql_slice *out) {
  uint64_t len = cql_type_fixed_len(e->type->args[0]);
  if (len == 0) {
    cql_status st = cqlv_uvint_read(&e->r, &len);
    if (st != CQL_OK) return st;
  }
  if (len > cql_reader_left(&e->r)) return CQL_MALFORMED;
  return cql_read_bytes(&e->r, (size_t)len, out);
}

cql_status cql_elements_next(cql_elements *e, cql_slice *out) {
  if (e->left == 0) return CQL_DONE;
  e->left--;
  if (e->type->code == CQL_TYPE_VECTOR) return next_of_vector(e, out);
  size_t left = cql_reader_left(&e->r);
  if (left == 0 && is_tuple(e->type)) { /* written before the type had this field */
    *out = cql_slice_of(NULL, 0);
    return CQL_OK;
  }
  if (left < 4) return CQL_MALFORMED;
  int32_t len = (int32_t)cql_load_u32(e->r.p);
  if (len >= 0 && (size_t)len > left - 4) return CQL_MALFORMED;
  e->r.p += 4;
  *out = cql_slice_of(len < 0 ? NULL : e->r.p, len < 0 ? 0 : (size_t)len);
  if (len > 0) e->r.p += len;
  return CQL_OK;
}

/* --- building ----------------------------------------------------------------------------------------------------- */

void cql_put_count(cql_buf *b, uint32_t count) {
  cql_buf_u32(b, count);
}

void cql_put_element(cql_buf *b, cql_slice value) {
  if (value.data == NULL) {
    cql_buf_u32(b, UINT32_MAX);
    return;
  }
  if (value.len > INT32_MAX) {
    if (b->st == CQL_OK) b->st = CQL_LIMIT;
    return;
  }
  uint8_t *out = cql_buf_room(b, sizeof(uint32_t) + value.len); /* in one step: every cell of a result comes here */
  if (out == NULL) return;
  cql_store_u32(out, (uint32_t)value.len);
  if (value.len > 0) memcpy(out + sizeof(uint32_t), value.data, value.len);
}

size_t cql_vector_element_head(uint8_t out[CQL_VECTOR_HEAD_MAX], const cql_type *vector, size_t len) {
  return cql_type_fixed_len(vector->args[0]) != 0 ? 0 : cqlv_uvint_store(out, len);
}

void cql_vector_element_end(cql_buf *b, const cql_type *vector, size_t start) {
  if (b->st != CQL_OK) return;
  uint8_t head[CQL_VECTOR_HEAD_MAX];
  size_t len = b->len - start, head_len = cql_vector_element_head(head, vector, len);
  if (head_len == 0 || cql_buf_room(b, head_len) == NULL) return;
  memmove(b->data + start + head_len, b->data + start, len);
  memcpy(b->data + start, head, head_len);
}

/* --- sorting: stable, in place, since there is no memory to borrow (SymMerge; Kim and Kutzner, 2004) -------------- */

enum { INSERTION_MAX = 12 };

typedef struct sorter {
  const cql_type *key;
  cql_slice *v;
  size_t stride; /* slices per entry; the first is what is sorted by */
} sorter;

static int cmp_at(const sorter *s, size_t i, size_t j) {
  return cql_value_cmp(s->key, s->v[i * s->stride], s->v[j * s->stride]);
}

static void swap_at(const sorter *s, size_t i, size_t j) {
  for (size_t k = 0; k < s->stride; k++) {
    cql_slice t = s->v[i * s->stride + k];
    s->v[i * s->stride + k] = s->v[j * s->stride + k];
    s->v[j * s->stride + k] = t;
  }
}

static void reverse(const sorter *s, size_t from, size_t to) {
  while (to - from > 1) swap_at(s, from++, --to);
}

static void rotate(const sorter *s, size_t from, size_t middle, size_t to) {
  reverse(s, from, middle);
  reverse(s, middle, to);
  reverse(s, from, to);
}

static void merge(const sorter *s, size_t from, size_t middle, size_t to) {
  if (from >= middle || middle >= to || cmp_at(s, middle - 1, middle) <= 0) return;
  size_t half = from + (to - from) / 2, sum = half + middle;
  size_t low = middle > half ? sum - to : from, high = middle > half ? half : middle;
  while (low < high) {
    size_t probe = low + (high - low) / 2;
    if (cmp_at(s, sum - 1 - probe, probe) >= 0)
      low = probe + 1;
    else
      high = probe;
  }
  rotate(s, low, middle, sum - low);
  merge(s, from, low, half);
  merge(s, half, sum - low, to);
}

static void insertion_sort(const sorter *s, size_t from, size_t to) {
  for (size_t i = from + 1; i < to; i++)
    for (size_t j = i; j > from && cmp_at(s, j - 1, j) > 0; j--) swap_at(s, j - 1, j);
}

static void sort(const sorter *s, size_t from, size_t to) {
  if (to - from <= INSERTION_MAX) {
    insertion_sort(s, from, to);
    return;
  }
  size_t middle = from + (to - from) / 2;
  sort(s, from, middle);
  sort(s, middle, to);
  merge(s, from, middle, to);
}

/* Of entries with equal keys the first key stays, with the last value: what a sorted map does with a second put. */
static uint32_t drop_duplicates(const sorter *s, uint32_t count) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (kept > 0 && cmp_at(s, kept - 1, i) == 0) {
      if (s->stride == 2) s->v[(size_t)(kept - 1) * 2 + 1] = s->v[(size_t)i * 2 + 1];
      continue;
    }
    for (size_t k = 0; k < s->stride; k++) s->v[kept * s->stride + k] = s->v[i * s->stride + k];
    kept++;
  }
  return kept;
}

static void normalize(const cql_type *key, cql_slice *values, uint32_t *count, size_t stride) {
  sorter s = {key, values, stride};
  sort(&s, 0, *count);
  *count = drop_duplicates(&s, *count);
}

void cql_set_normalize(const cql_type *element, cql_slice *values, uint32_t *count) {
  normalize(element, values, count, 1);
}

void cql_map_normalize(const cql_type *key, cql_slice *values, uint32_t *entry_count) {
  normalize(key, values, entry_count, 2);
}
