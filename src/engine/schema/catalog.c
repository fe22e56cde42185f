/* catalog.c: the catalog's keys, its state, keyspaces. */
#include "engine/schema/catalog.h"

#include <string.h>

enum { KEY_HEAD_LEN = 5, STATE_LEN = 1 + 8 + 16 + 16 + 4, VALUE_LEN_MAX = 16 * 1024 * 1024 };

cql_status cqle_out_of_memory(cql_error *err) {
  return cql_fail(err, CQL_NOMEM, "out of memory");
}

cql_status cqle_catalog_corrupt(cql_error *err) {
  return cql_fail(err, CQL_CORRUPT, "The schema in the file is damaged; restore the file from a backup");
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

static void put_head(uint8_t out[KEY_HEAD_LEN], uint8_t kind) {
  cql_store_u32(out, CQLE_CATALOG_ID);
  out[4] = kind;
}

void cqle_catalog_range(uint8_t kind, uint8_t from[KEY_HEAD_LEN], uint8_t to[KEY_HEAD_LEN]) {
  put_head(from, kind);
  put_head(to, (uint8_t)(kind + 1));
}

static cql_slice keyspace_key(cql_buf *b, uint8_t kind, const char *keyspace) {
  uint8_t head[KEY_HEAD_LEN];
  put_head(head, kind);
  cql_buf_put(b, head, sizeof head);
  cql_buf_str(b, keyspace);
  return cql_buf_view(b);
}

static cql_slice table_key(cql_buf *b, const cqle_table *t) {
  keyspace_key(b, CQLE_CATALOG_TABLE, t->keyspace->name);
  cql_buf_u8(b, 0);
  cql_buf_str(b, t->name);
  return cql_buf_view(b);
}

/* --- state -------------------------------------------------------------------------------------------------------- */

cql_status cqle_catalog_get_state(cqle_txn *txn, cqle_catalog_state *out, cql_error *err) {
  uint8_t key[KEY_HEAD_LEN];
  cql_slice value;
  cql_status st;
  memset(out, 0, sizeof *out);
  out->next_id = CQLE_FIRST_ID;
  put_head(key, CQLE_CATALOG_STATE);
  st = cqle_get(txn, cql_slice_of(key, sizeof key), &value, err);
  if (st == CQL_DONE) return CQL_OK;
  if (st != CQL_OK) return st;
  if (value.len < 1) return cqle_catalog_corrupt(err);
  if (value.data[0] != CQLE_CATALOG_FORMAT)
    return cql_fail(err, CQL_VERSION, "The schema was written by another version of libcql (format %u)", value.data[0]);
  if (value.len != STATE_LEN) return cqle_catalog_corrupt(err);
  out->version = cql_load_u64(value.data + 1);
  memcpy(out->uuid, value.data + 9, 16);
  memcpy(out->host_id, value.data + 25, 16);
  out->next_id = cql_load_u32(value.data + 41);
  return out->version > 0 && out->next_id >= CQLE_FIRST_ID ? CQL_OK : cqle_catalog_corrupt(err);
}

cql_status cqle_catalog_put_state(cqle_txn *txn, const cqle_catalog_state *s, cql_error *err) {
  uint8_t key[KEY_HEAD_LEN], value[STATE_LEN];
  put_head(key, CQLE_CATALOG_STATE);
  value[0] = CQLE_CATALOG_FORMAT;
  cql_store_u64(value + 1, s->version);
  memcpy(value + 9, s->uuid, 16);
  memcpy(value + 25, s->host_id, 16);
  cql_store_u32(value + 41, s->next_id);
  return cqle_put(txn, cql_slice_of(key, sizeof key), cql_slice_of(value, sizeof value), err);
}

/* The file's own identity is made with its first change. */
cql_status cqle_catalog_bump(cqle_txn *txn, cql_error *err) {
  cqle_catalog_state s;
  CQLE_SCHEMA(cqle_catalog_get_state(txn, &s, err));
  if (s.version == 0) cql_uuid_random(s.host_id);
  s.version++;
  cql_uuid_random(s.uuid);
  return cqle_catalog_put_state(txn, &s, err);
}

cql_status cqle_catalog_new_id(cqle_txn *txn, uint32_t *out, cql_error *err) {
  cqle_catalog_state s;
  CQLE_SCHEMA(cqle_catalog_get_state(txn, &s, err));
  if (s.next_id == UINT32_MAX) return cql_fail(err, CQL_LIMIT, "This file has no ids left for tables and indexes");
  if (s.version == 0) return cql_fail(err, CQL_MISUSE, "an id is given after the schema's version was counted");
  *out = s.next_id++;
  return cqle_catalog_put_state(txn, &s, err);
}

cql_status cqle_schema_create(cqle_txn *txn, cql_error *err) {
  cqle_catalog_state s;
  CQLE_SCHEMA(cqle_catalog_get_state(txn, &s, err));
  return s.version == 0 ? cqle_catalog_bump(txn, err) : CQL_OK;
}

cql_status cqle_schema_version(cqle_txn *txn, uint64_t *out) {
  cqle_catalog_state s;
  CQLE_SCHEMA(cqle_catalog_get_state(txn, &s, NULL));
  *out = s.version;
  return CQL_OK;
}

/* --- strings ------------------------------------------------------------------------------------------------------ */

void cqle_catalog_put_string(cql_buf *b, const char *s) {
  size_t len = strlen(s);
  cql_buf_uvarint(b, len);
  cql_buf_put(b, s, len);
}

cql_status cqle_catalog_read_string(cql_reader *r, cql_arena *a, const char **out) {
  uint64_t len;
  cql_slice s;
  if (cql_read_uvarint(r, &len) != CQL_OK || len > CQLE_CATALOG_STRING_MAX || len > cql_reader_left(r))
    return CQL_CORRUPT;
  if (cql_read_bytes(r, (size_t)len, &s) != CQL_OK || (len && memchr(s.data, 0, s.len))) return CQL_CORRUPT;
  *out = cql_arena_str(a, s);
  return *out ? CQL_OK : CQL_NOMEM;
}

cql_status cqle_catalog_read_strings(cql_reader *r, cql_arena *a, uint32_t *count, const char *const **out) {
  const char **strings;
  uint64_t n;
  /* A string costs a byte at least, so a count that is too large never reserves much. */
  if (cql_read_uvarint(r, &n) != CQL_OK || n > cql_reader_left(r)) return CQL_CORRUPT;
  strings = cql_arena_array(a, (size_t)n + 1, sizeof *strings);
  if (!strings) return CQL_NOMEM;
  for (uint64_t i = 0; i < n; i++) CQLE_SCHEMA(cqle_catalog_read_string(r, a, &strings[i]));
  *count = (uint32_t)n;
  *out = strings;
  return CQL_OK;
}

/* --- keyspaces ---------------------------------------------------------------------------------------------------- */

cql_status cqle_catalog_put_keyspace(cqle_txn *txn, const cql_alloc *alloc, const cqle_keyspace *ks, cql_error *err) {
  cql_buf key, value;
  cql_status st = CQL_OK;
  cql_buf_init(&key, alloc, CQLE_CATALOG_STRING_MAX);
  cql_buf_init(&value, alloc, VALUE_LEN_MAX);
  keyspace_key(&key, CQLE_CATALOG_KEYSPACE, ks->name);
  cql_buf_u8(&value, CQLE_CATALOG_FORMAT);
  cql_buf_u8(&value, ks->durable_writes);
  cql_buf_uvarint(&value, (uint64_t)ks->replication_count * 2);
  for (uint32_t i = 0; i < ks->replication_count * 2; i++) cqle_catalog_put_string(&value, ks->replication[i]);
  if (key.st != CQL_OK || value.st != CQL_OK)
    st = cqle_out_of_memory(err);
  else
    st = cqle_put(txn, cql_buf_view(&key), cql_buf_view(&value), err);
  cql_buf_free(&key);
  cql_buf_free(&value);
  return st;
}

static cql_status delete_key(cqle_txn *txn, cql_buf *key, cql_error *err) {
  cql_status st = key->st == CQL_OK ? cqle_del(txn, cql_buf_view(key), err) : cqle_out_of_memory(err);
  cql_buf_free(key);
  return st;
}

cql_status cqle_catalog_del_keyspace(cqle_txn *txn, const cql_alloc *alloc, const char *name, cql_error *err) {
  cql_buf key;
  cql_buf_init(&key, alloc, CQLE_CATALOG_STRING_MAX);
  keyspace_key(&key, CQLE_CATALOG_KEYSPACE, name);
  return delete_key(txn, &key, err);
}

cql_status cqle_catalog_del_table(cqle_txn *txn, const cql_alloc *alloc, const cqle_table *t, cql_error *err) {
  cql_buf key;
  cql_buf_init(&key, alloc, CQLE_CATALOG_STRING_MAX);
  table_key(&key, t);
  return delete_key(txn, &key, err);
}

static cql_status decode_keyspace(cql_reader *r, cql_arena *a, cqle_keyspace *out) {
  uint8_t format, durable;
  if (cql_read_u8(r, &format) != CQL_OK || cql_read_u8(r, &durable) != CQL_OK) return CQL_CORRUPT;
  if (format != CQLE_CATALOG_FORMAT || durable > 1) return CQL_CORRUPT;
  out->durable_writes = durable;
  CQLE_SCHEMA(cqle_catalog_read_strings(r, a, &out->replication_count, &out->replication));
  if (out->replication_count % 2 || cql_reader_left(r)) return CQL_CORRUPT;
  out->replication_count /= 2;
  return CQL_OK;
}

cql_status cqle_catalog_decode_keyspace(cql_arena *a, cql_slice name, cql_slice value, cqle_keyspace *out,
                                        cql_error *err) {
  cql_reader r = cql_reader_of(value);
  cql_status st;
  memset(out, 0, sizeof *out);
  out->name = cql_arena_str(a, name);
  st = out->name ? decode_keyspace(&r, a, out) : CQL_NOMEM;
  if (st == CQL_NOMEM) return cqle_out_of_memory(err);
  return st == CQL_OK && cqle_name_is_valid(name) ? CQL_OK : cqle_catalog_corrupt(err);
}

/* --- tables ------------------------------------------------------------------------------------------------------- */

cql_status cqle_catalog_put_table(cqle_txn *txn, const cql_alloc *alloc, const cqle_table *t, cql_error *err) {
  cql_buf key, value;
  cql_status st;
  cql_buf_init(&key, alloc, CQLE_CATALOG_STRING_MAX);
  cql_buf_init(&value, alloc, VALUE_LEN_MAX);
  table_key(&key, t);
  cqle_catalog_encode_table(&value, t);
  if (key.st != CQL_OK || value.st == CQL_NOMEM)
    st = cqle_out_of_memory(err);
  else if (value.st != CQL_OK)
    st = cql_fail(err, CQL_LIMIT, "The definition of table %s is larger than %d bytes", t->name, VALUE_LEN_MAX);
  else
    st = cqle_put(txn, cql_buf_view(&key), cql_buf_view(&value), err);
  cql_buf_free(&key);
  cql_buf_free(&value);
  return st;
}
