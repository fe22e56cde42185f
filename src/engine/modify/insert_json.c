/* insert_json.c: INSERT JSON. Cassandra: cql3/terms/Json, UpdateStatement.ParsedInsertJson (trap 22). A text in the
 * statement is taken apart when it is planned, a bound one at each execution.
 */
#include "engine/modify/modify_int.h"
#include "engine/term/json.h"

#include <string.h>

static cql_status out_of_memory(cql_error *err) {
  return cql_fail(err, CQL_NOMEM, "Out of memory");
}

cql_status cqle_json_plan_make(cqle_binder *b, const cqle_table *t, const cqle_modify *ast, cqle_json_plan **out) {
  cqle_json_plan *p = cql_arena_zero(b->arena, sizeof *p);
  if (p == NULL) return out_of_memory(b->err);
  *out = p;
  p->missing = ast->json_default_unset ? CQL_UNSET : CQL_NULL;
  p->first = b->count;
  if (ast->json->kind == CQLE_TERM_MARKER) {
    cqle_receiver r = {t->keyspace->name, t->name, "[json]", cql_type_native(CQL_TYPE_TEXT)};
    return cqle_term_bind(b, ast->json, &r, &p->text);
  }
  cql_value *values = cql_arena_array(b->arena, t->column_count, sizeof *values);
  if (values == NULL) return out_of_memory(b->err);
  p->values = values;
  return cqle_json_read_row(b->arena, t, ast->json->text, p->missing, values, b->err);
}

static cql_status read_bound(cqle_exec *x, const cqle_modify_plan *p, cql_value *out) {
  cqle_value text;
  cql_status st = cqle_expr_eval(x, p->json->text, &text);
  if (st != CQL_OK) return st;
  if (text.bytes.data == NULL && !text.unset) return cql_fail(x->err, CQL_INVALID, "Got null for INSERT JSON values");
  return cqle_json_read_row(x->arena, p->table, text.bytes, p->json->missing, out, x->err);
}

cql_status cqle_json_request(cqle_exec *x, const cqle_modify_plan *p) {
  const cqle_json_plan *json = p->json;
  if (json == NULL) return CQL_OK;
  cql_request *r = cql_arena_copy(x->arena, x->request, sizeof *r);
  cql_value *values = cql_arena_array(x->arena, (size_t)json->first + p->table->column_count, sizeof *values);
  if (r == NULL || values == NULL) return out_of_memory(x->err);
  if (json->first > 0) memcpy(values, x->request->values, json->first * sizeof *values);
  if (json->text != NULL) {
    cql_status st = read_bound(x, p, values + json->first);
    if (st != CQL_OK) return st;
  } else {
    memcpy(values + json->first, json->values, p->table->column_count * sizeof *values);
  }
  r->values = values;
  r->value_count = json->first + p->table->column_count;
  x->request = r;
  return CQL_OK;
}
