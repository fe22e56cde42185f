/* file_only.c: what only a file can do; on a cluster the answer is what to do instead. */
#include "session/session_int.h"

cql_status cql_session_chain(cql_session *session, const cql_request *requests, uint32_t count, bool all_or_nothing,
                             cql_result **out, uint32_t *made, cql_error *err) {
  *made = 0;
  if (session->side->chain == NULL)
    return cql_fail(err, CQL_UNSUPPORTED,
                    "A cluster has no transaction over several partitions: send conditional statements one by one, or "
                    "those of one partition as a batch; chains are for files");
  cql_status st = cqli_requests_check(session, "chain", requests, count, err);
  return st == CQL_OK ? session->side->chain(session, requests, count, all_or_nothing, out, made, err) : st;
}

cql_status cql_session_backup(cql_session *session, const char *path, cql_error *err) {
  if (session->side->backup == NULL)
    return cql_fail(err, CQL_UNSUPPORTED,
                    "A cluster is not copied to a file: make snapshots on its nodes with nodetool snapshot");
  if (path == NULL || path[0] == '\0') return cql_fail(err, CQL_IO, "A backup needs the path of a new file");
  return session->side->backup(session, path, err);
}

cql_status cql_session_compact(cql_session *session, cql_progress progress, void *user, cql_compact_report *report,
                               cql_error *err) {
  if (session->side->compact == NULL)
    return cql_fail(err, CQL_UNSUPPORTED,
                    "The nodes of a cluster compact their own files; nodetool compact makes one do it now");
  return session->side->compact(session, progress, user, report, err);
}

cql_status cql_session_check(cql_session *session, cql_progress progress, cql_check_found found, void *user,
                             cql_check_report *report, cql_error *err) {
  if (session->side->check == NULL)
    return cql_fail(err, CQL_UNSUPPORTED,
                    "The files of a cluster are checked on its nodes: nodetool verify, and nodetool repair for the "
                    "replicas");
  return session->side->check(session, progress, found, user, report, err);
}
