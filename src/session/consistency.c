#include "session/session_int.h"

static const char *const names[] = {"ANY",          "ONE",         "TWO",    "THREE",        "QUORUM",   "ALL",
                                    "LOCAL_QUORUM", "EACH_QUORUM", "SERIAL", "LOCAL_SERIAL", "LOCAL_ONE"};
enum { NAME_COUNT = sizeof names / sizeof *names };

int cqli_consistency_named(cql_slice name) {
  for (int i = 0; i < NAME_COUNT; i++)
    if (cql_slice_eq_str(name, names[i])) return i;
  return -1;
}

static bool is_serial(uint16_t level) {
  return level == CQL_SERIAL || level == CQL_LOCAL_SERIAL;
}

/* Order and words: db/ConsistencyLevel.java, fromCode, validateForRead, validateForWrite, validateForCasCommit. */
cql_status cqli_consistency_check(const cql_request *request, const cql_plan_info *info, cql_error *err) {
  uint16_t level = request->consistency, serial = request->serial_consistency;
  if (level == CQL_CONSISTENCY_DEFAULT) level = CQL_LOCAL_QUORUM;
  if (serial == CQL_CONSISTENCY_DEFAULT) serial = CQL_LOCAL_SERIAL;
  if (level >= NAME_COUNT) return cql_fail(err, CQL_PROTOCOL, "Unknown code %u for a consistency level", level);
  if (!is_serial(serial))
    return cql_fail(err, CQL_INVALID,
                    "Invalid consistency for conditional update. Must be one of SERIAL or LOCAL_SERIAL");
  if (info->is_select && level == CQL_ANY)
    return cql_fail(err, CQL_INVALID, "ANY ConsistencyLevel is only supported for writes");
  if (!info->is_modification || !is_serial(level)) return CQL_OK;
  if (!info->is_conditional)
    return cql_fail(err, CQL_INVALID, "You must use conditional updates for serializable writes");
  return cql_fail(err, CQL_INVALID,
                  "%s is not supported as conditional update commit consistency. Use ANY if you mean \"make sure it is "
                  "accepted but I don't care how many replicas commit it for non-SERIAL reads\"",
                  names[level]);
}
