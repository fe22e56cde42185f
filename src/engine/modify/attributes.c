/* attributes.c: USING TIMESTAMP and TTL. cql3/Attributes.java, db/ExpirationDateOverflowHandling.java of Cassandra
 * (trap 5). */
#include "engine/modify/modify_int.h"

static cql_status bind_integer(cqle_binder *b, const cqle_term *term, const char *keyspace, const char *table,
                               const char *name, cql_type_code code, const cqle_expr **out) {
  *out = NULL;
  if (term == NULL) return CQL_OK;
  cqle_receiver r = {keyspace, table, name, cql_type_native(code)};
  return cqle_term_bind(b, term, &r, out);
}

cql_status cqle_attributes_bind(cqle_binder *b, const cqle_attributes *ast, const char *keyspace, const char *table,
                                const cqle_expr **timestamp, const cqle_expr **ttl) {
  cql_status st = bind_integer(b, ast->timestamp, keyspace, table, "[timestamp]", CQL_TYPE_BIGINT, timestamp);
  if (st != CQL_OK) return st;
  return bind_integer(b, ast->ttl, keyspace, table, "[ttl]", CQL_TYPE_INT, ttl);
}

cql_status cqle_attributes_timestamp(cqle_exec *x, const cqle_expr *timestamp, int64_t otherwise, int64_t *out) {
  bool is_null = false, is_unset = true;
  if (timestamp != NULL) {
    cql_status st = cqle_expr_eval_bigint(x, timestamp, out, &is_null, &is_unset);
    if (st != CQL_OK) return st;
  }
  if (is_null) return cql_fail(x->err, CQL_INVALID, "Invalid null value of timestamp");
  if (is_unset) *out = otherwise;
  if (*out != CQLE_NO_TIMESTAMP) return CQL_OK;
  return cql_fail(x->err, CQL_INVALID, "Out of bound timestamp, must be in [%lld, %lld]", (long long)(INT64_MIN + 1),
                  (long long)INT64_MAX);
}

/* Cassandra 5.0 as installed writes expiry dates that its older versions can read, and refuses later ones. */
static cql_status check_expiry(cqle_exec *x, const cqle_table *t, int32_t ttl, bool is_default) {
  if (ttl == 0 || x->now_s + ttl <= CQLE_EXPIRY_MAX) return CQL_OK;
  return cql_fail(
      x->err, CQL_INVALID,
      "Request on table %s.%s with %sttl of %d seconds exceeds maximum supported expiration date of "
      "2038-01-19T03:14:06+00:00. In order to avoid this use a lower TTL, change the expiration date overflow "
      "policy or upgrade to a version where this limitation is fixed. See CASSANDRA-14092 and CASSANDRA-14227 "
      "for more details.",
      t->keyspace->name, t->name, is_default ? "default " : "", (int)ttl);
}

cql_status cqle_attributes_ttl(cqle_exec *x, const cqle_table *t, const cqle_expr *ttl, int32_t *out) {
  bool is_null = false, is_unset = true;
  if (ttl != NULL) {
    cql_status st = cqle_expr_eval_int(x, ttl, out, &is_null, &is_unset);
    if (st != CQL_OK) return st;
  }
  if (is_unset) *out = t->default_ttl;
  if (is_null) *out = 0;
  if (is_unset) return check_expiry(x, t, *out, ttl == NULL);
  if (*out < 0) return cql_fail(x->err, CQL_INVALID, "A TTL must be greater or equal to 0, but was %d", (int)*out);
  if (*out > CQLE_TTL_MAX)
    return cql_fail(x->err, CQL_INVALID, "ttl is too large. requested (%d) maximum (%d)", (int)*out, CQLE_TTL_MAX);
  return check_expiry(x, t, *out, false);
}
