#include "python/prefetch.h"

cqlpy_inbox *cqlpy_prefetch_start(SessionObject *s, const cql_request *q) {
  cqlpy_inbox *b = cqlpy_inbox_new(false);
  cqlpy_answer *a = b == NULL ? NULL : PyMem_RawCalloc(1, sizeof *a);
  if (a != NULL) {
    a->inbox = cqlpy_inbox_retain(b);
    if (cql_session_submit(s->handle, q, cqlpy_inbox_deliver, a, NULL) == CQL_OK) return b;
    cqlpy_inbox_release(b);
    cqlpy_answer_free(a);
  }
  PyErr_Clear();
  cqlpy_inbox_release(b);
  return NULL;
}

int cqlpy_prefetch_finish(SessionObject *s, cqlpy_inbox **b, cql_result **out) {
  cqlpy_answer *a = cqlpy_inbox_wait(*b, 1);
  if (a == NULL) return -1;
  cqlpy_inbox_release(*b);
  *b = NULL;
  *out = a->result;
  a->result = NULL;
  if (a->status != CQL_OK) cqlpy_raise_answer(s->state, a);
  int rc = a->status == CQL_OK ? 0 : -1;
  cqlpy_answer_free(a);
  return rc;
}

void cqlpy_prefetch_drop(cqlpy_inbox *b) {
  if (b == NULL) return;
  cqlpy_inbox_abandon(b);
  cqlpy_inbox_release(b);
}
