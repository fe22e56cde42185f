/* encode.c: a call as an envelope. On the caller's thread: only the stream is left to be filled in. */
#include "client/client_int.h"

#include <string.h>

/* --- where its partition lives ------------------------------------------------------------------------------------ */

enum { KEY_PARTS_MAX = 64 }; /* of a partition key; a longer one goes round */

void cqli_route_find(const cql_call_config *config, cqli_route *out) {
  *out = (cqli_route){0};
  if (config->item_count == 0) return;
  const cql_call_item *item = &config->items[0]; /* a batch goes where its first statement does */
  const cql_statement *s = item->statement;
  if (s == NULL || s->info.key_index_count == 0 || s->info.key_index_count > KEY_PARTS_MAX) return;
  cql_slice parts[KEY_PARTS_MAX] = {{NULL, 0}};
  for (uint32_t i = 0; i < s->info.key_index_count; i++) {
    uint16_t at = s->info.key_indexes[i];
    if (at >= item->value_count || item->values[at].len < 0) return; /* the node refuses it */
    parts[i] = cql_slice_of(item->values[at].data, (size_t)item->values[at].len);
  }
  cql_slice key = parts[0];
  cql_buf joined;
  cql_buf_init(&joined, s->alloc, CQL_KEY_LEN_MAX * 2);
  if (s->info.key_index_count > 1) {
    cql_partition_key_put(&joined, parts, s->info.key_index_count);
    key = cql_buf_view(&joined);
  }
  if (joined.st == CQL_OK) {
    out->has_token = true;
    out->token = cql_murmur3_token(key);
    out->keyspace = s->routing_keyspace;
  }
  cql_buf_free(&joined);
}

/* The node gives the markers of a partition key only where each is compared with =. */
bool cqli_is_one_write(const cql_call_config *config, const cqli_route *route) {
  return config->is_batch ? config->batch_type == CQL_BATCH_LOGGED : route->has_token;
}

/* --- the envelope ------------------------------------------------------------------------------------------------- */

static const char *default_keyspace(const cqli_core *core) {
  const char *name = core->settings->config.keyspace;
  return name == NULL ? "" : name;
}

/* The keyspace of texts, as the version can say it. Version 4 says it once, when a connection opens. */
cql_status cqli_keyspace_find(const cqli_core *core, const char *wanted, cql_slice *out, cql_error *err) {
  *out = (cql_slice){NULL, 0};
  if (wanted == NULL || wanted[0] == '\0') return CQL_OK;
  if (atomic_load(&core->version) >= CQL_VERSION_5) {
    *out = cql_slice_str(wanted);
    return CQL_OK;
  }
  if (strcmp(wanted, default_keyspace(core)) == 0) return CQL_OK;
  return cql_fail(err, CQL_UNSUPPORTED,
                  "The cluster speaks version 4 of the native protocol, where a request cannot name its keyspace (%s): "
                  "write %s.table in the statement, or open the session with that keyspace",
                  wanted, wanted);
}

static cql_parameters parameters_of(const cql_call_config *c) {
  return (cql_parameters){.consistency = c->consistency,
                          .serial_consistency = c->serial_consistency,
                          .page_size = c->page_size,
                          .paging_state = c->paging_state,
                          .timestamp = c->timestamp};
}

static cql_status put_one(uint8_t version, const cql_call_config *c, cql_parameters *p, cql_buf *out,
                          cqli_columns **columns, cql_error *err) {
  const cql_call_item *item = &c->items[0];
  p->values = item->values;
  p->value_count = item->value_count;
  if (item->statement == NULL) return cql_put_query(out, version, item->text, p, err);
  p->keyspace = (cql_slice){NULL, 0}; /* it was prepared in one */
  *columns = atomic_load_explicit(&item->statement->columns, memory_order_acquire);
  /* Without an identity of the metadata nobody tells when it has changed: version 4 sends it every time. */
  p->skip_metadata = (*columns)->count > 0 && (*columns)->metadata_id.data != NULL;
  return cql_put_execute(out, version, item->statement->id, (*columns)->metadata_id, p, err);
}

static cql_status put_batch(const cqli_core *core, uint8_t version, const cql_call_config *c, const cql_parameters *p,
                            cql_buf *out, cql_error *err) {
  cql_batch_item *items = cql_alloc_new(core->alloc, (c->item_count + 1) * sizeof *items);
  if (items == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  for (uint32_t i = 0; i < c->item_count; i++) {
    const cql_call_item *from = &c->items[i];
    cql_slice id = from->statement == NULL ? (cql_slice){NULL, 0} : from->statement->id;
    items[i] = (cql_batch_item){id, from->text, from->values, from->value_count};
  }
  cql_status st = cql_put_batch(out, version, c->batch_type, items, c->item_count, p, err);
  cql_alloc_free(core->alloc, items, (c->item_count + 1) * sizeof *items);
  return st;
}

cql_status cqli_encode(const cqli_core *core, const cql_call_config *c, cql_buf *out, cqli_columns **columns,
                       cql_error *err) {
  uint8_t version = atomic_load_explicit(&core->version, memory_order_relaxed);
  cql_parameters p = parameters_of(c);
  *columns = NULL;
  bool has_text = c->is_batch || c->items[0].statement == NULL;
  cql_status st = has_text ? cqli_keyspace_find(core, c->keyspace, &p.keyspace, err) : CQL_OK;
  if (st != CQL_OK) return st;
  st = c->is_batch ? put_batch(core, version, c, &p, out, err) : put_one(version, c, &p, out, columns, err);
  if (st == CQL_OK && out->st != CQL_OK) st = cql_fail(err, out->st, "The request takes too much memory");
  return st;
}

/* --- a call ------------------------------------------------------------------------------------------------------- */

static cql_status hold_statements(cqli_call *call, const cql_call_config *c) {
  call->statements = &call->one;
  uint32_t count = 0;
  for (uint32_t i = 0; i < c->item_count; i++) count += c->items[i].statement != NULL;
  if (count > 1) {
    cql_statement **many = cql_alloc_new(call->core->alloc, count * sizeof *many);
    if (many == NULL) return CQL_NOMEM;
    call->statements = many;
  }
  for (uint32_t i = 0; i < c->item_count; i++) {
    cql_statement *s = c->items[i].statement;
    if (s != NULL) call->statements[call->statement_count++] = cql_statement_retain(s);
  }
  return CQL_OK;
}

cql_status cqli_call_encode(cqli_call *call, const cql_call_config *c, cql_error *err) {
  if (hold_statements(call, c) != CQL_OK) return cql_fail(err, CQL_NOMEM, "Out of memory");
  call->is_idempotent = c->is_idempotent;
  call->is_conditional = c->is_conditional;
  call->timeout_ms = c->timeout_ms != 0 ? c->timeout_ms : call->core->settings->config.request_timeout_ms;
  cqli_route_find(c, &call->route);
  call->is_one_write = cqli_is_one_write(c, &call->route);
  return cqli_encode(call->core, c, &call->envelope, &call->columns, err);
}
