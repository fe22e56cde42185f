#include "client/client_int.h"

#include <stdio.h>
#include <string.h>

void cqli_copy_text(char *out, const char *text, size_t room) {
  size_t len = strnlen(text, room - 1);
  if (text[len] != '\0') /* cut: not inside of a character */
    while (len > 0 && ((uint8_t)text[len] & 0xC0) == 0x80) len--;
  memcpy(out, text, len);
  out[len] = '\0';
}

void cqli_reason(cql_attempt *attempt, const char *text) {
  cqli_copy_text(attempt->reason, text, sizeof attempt->reason);
}

static cql_status common_status(const cql_attempt *attempts, uint32_t count, cql_status otherwise) {
  for (uint32_t i = 1; i < count; i++)
    if (attempts[i].status != attempts[0].status) return otherwise;
  return count > 0 ? attempts[0].status : otherwise;
}

cql_status cqli_fail_attempts(cql_error *err, cql_status otherwise, const cql_attempt *attempts, uint32_t count) {
  cql_status st = common_status(attempts, count, otherwise);
  if (err == NULL) return st;
  char text[CQL_ERROR_MESSAGE_LEN] = "";
  size_t len = 0;
  for (uint32_t i = 0; i < count && len < sizeof text; i++) {
    const cql_attempt *a = &attempts[i];
    int n = snprintf(text + len, sizeof text - len, "%s%s: %s: %s", i > 0 ? "; " : "", a->host,
                     cql_stage_name(a->stage), a->reason);
    if (n > 0) len += (size_t)n;
  }
  if (count == 0)
    cql_fail(err, st, "No node of the cluster can be reached");
  else
    cql_fail(err, st, "No node of the cluster can be used: %s", text);
  err->attempt_count = count < CQL_ATTEMPT_COUNT ? count : CQL_ATTEMPT_COUNT;
  memcpy(err->attempts, attempts + (count - err->attempt_count), err->attempt_count * sizeof *attempts);
  return st;
}
