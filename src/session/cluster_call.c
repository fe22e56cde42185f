/* cluster_call.c: requests as the calls of a client. */
#include "session/session_int.h"

#include <stdlib.h>
#include <string.h>

/* --- what requests leave open ------------------------------------------------------------------------------------- */

static bool may_repeat(const cql_request *q, bool is_idempotent) {
  switch (q->idempotence) {
  case CQL_IDEMPOTENT: return true;
  case CQL_NOT_IDEMPOTENT: return false;
  default: return is_idempotent;
  }
}

static void set_options(cql_call_config *c, const cql_session *s, const cql_request *q) {
  c->consistency = q->consistency != CQL_CONSISTENCY_DEFAULT ? q->consistency : s->consistency;
  c->serial_consistency =
      q->serial_consistency != CQL_CONSISTENCY_DEFAULT ? q->serial_consistency : s->serial_consistency;
  c->timestamp = q->timestamp;
  c->timeout_ms = q->timeout_ms;
  c->more = q->more;
}

/* --- one statement ------------------------------------------------------------------------------------------------ */

static cql_status use_prepared(cql_call_item *item, const cql_prepared *p, const cql_request *q, cql_error *err) {
  item->statement = p->as.statement;
  item->values = q->values;
  item->value_count = q->value_count;
  return cqli_values_check(q, p->face.bind_count, err);
}

cql_status cqli_call_init(cqli_call *call, cql_session *s, const cql_request *q, cql_error *err) {
  call->config = (cql_call_config){.items = &call->item, .item_count = 1, .page_size = q->page_size};
  call->item = (cql_call_item){0};
  call->own = NULL;
  if (q->paging_state != NULL) call->config.paging_state = cql_slice_of(q->paging_state, q->paging_state_len);
  set_options(&call->config, s, q);
  const cql_prepared *p = q->prepared;
  cql_status st = CQL_OK;
  if (p == NULL && q->value_count > 0) {
    st = cql_session_prepare(s, q->text, q->text_len, q->keyspace, &call->own, err);
    if (st != CQL_OK) return st;
    p = call->own;
  }
  if (p != NULL) {
    call->config.is_conditional = p->face.is_conditional;
    call->config.is_idempotent = may_repeat(q, p->face.is_idempotent);
    return use_prepared(&call->item, p, q, err);
  }
  call->item.text = cql_slice_of(q->text, q->text_len);
  cql_text_class class = cql_engine_classify(call->item.text, NULL, 0);
  call->config.is_conditional = class.is_conditional;
  call->config.is_idempotent = may_repeat(q, class.is_idempotent);
  call->config.keyspace = call->keyspace;
  return cqli_session_request_keyspace(s, q->keyspace, call->keyspace, err);
}

void cqli_call_clear(cqli_call *call) {
  cql_prepared_release(call->own);
}

/* --- a batch ------------------------------------------------------------------------------------------------------ */

/* A BATCH has one keyspace for all its texts. A text of another one goes as a prepared statement, and so does one with
 * values: that they fit is then known before they are sent. */
static bool goes_as_text(cql_session *s, const cqli_batch_call *call, const cql_request *q) {
  char keyspace[CQL_NAME_LEN] = "";
  if (q->prepared != NULL || q->value_count > 0) return false;
  return cqli_session_request_keyspace(s, q->keyspace, keyspace, NULL) == CQL_OK &&
         strcmp(keyspace, call->keyspace) == 0;
}

static cql_status add_item(cqli_batch_call *call, cql_session *s, const cql_request *q, cql_error *err) {
  cql_call_item *item = &call->items[call->count];
  cql_prepared **own = &call->own[call->count++];
  bool is_conditional, is_idempotent;
  cql_status st = CQL_OK;
  if (goes_as_text(s, call, q)) {
    item->text = cql_slice_of(q->text, q->text_len);
    cql_text_class class = cql_engine_classify(item->text, NULL, 0);
    is_conditional = class.is_conditional;
    is_idempotent = class.is_idempotent;
  } else {
    if (q->prepared == NULL) st = cql_session_prepare(s, q->text, q->text_len, q->keyspace, own, err);
    if (st != CQL_OK) return st;
    const cql_prepared *p = q->prepared != NULL ? q->prepared : *own;
    is_conditional = p->face.is_conditional;
    is_idempotent = p->face.is_idempotent;
    st = use_prepared(item, p, q, err);
  }
  if (is_conditional) call->config.is_conditional = true;
  if (!may_repeat(q, is_idempotent)) call->config.is_idempotent = false;
  return st;
}

static cql_status batch_keyspace(cqli_batch_call *call, cql_session *s, const cql_request *requests, uint32_t count,
                                 cql_error *err) {
  for (uint32_t i = 0; i < count; i++)
    if (requests[i].prepared == NULL)
      return cqli_session_request_keyspace(s, requests[i].keyspace, call->keyspace, err);
  call->keyspace[0] = '\0';
  return CQL_OK;
}

cql_status cqli_batch_call_init(cqli_batch_call *call, cql_session *s, cql_batch_type type, const cql_request *requests,
                                uint32_t count, cql_error *err) {
  static const cql_request none = CQL_REQUEST_INIT;
  call->config = (cql_call_config){.is_batch = true, .batch_type = type, .is_idempotent = type != CQL_BATCH_COUNTER};
  call->count = 0;
  call->items = calloc(count > 0 ? count : 1, sizeof *call->items);
  call->own = calloc(count > 0 ? count : 1, sizeof *call->own);
  if (call->items == NULL || call->own == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  set_options(&call->config, s, count > 0 ? &requests[0] : &none);
  cql_status st = batch_keyspace(call, s, requests, count, err);
  for (uint32_t i = 0; st == CQL_OK && i < count; i++) st = add_item(call, s, &requests[i], err);
  call->config.items = call->items;
  call->config.item_count = count;
  call->config.keyspace = call->keyspace;
  return st;
}

void cqli_batch_call_clear(cqli_batch_call *call) {
  for (uint32_t i = 0; i < call->count; i++) cql_prepared_release(call->own[i]);
  free(call->own);
  free(call->items);
}
