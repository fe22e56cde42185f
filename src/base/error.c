/* error.c: names of statuses, and the one way to fill a cql_error. */
#include "base/base.h"

#include <stdio.h>
#include <string.h>

const char *cql_status_name(cql_status status) {
  switch (status) {
#define NAME(name, value, text)                                                                                        \
  case CQL_##name: return #name;
    CQL_STATUS_MAP(NAME)
#undef NAME
  }
  return "UNKNOWN";
}

const char *cql_status_text(cql_status status) {
  switch (status) {
#define TEXT(name, value, text)                                                                                        \
  case CQL_##name: return text;
    CQL_STATUS_MAP(TEXT)
#undef TEXT
  }
  return "unknown status";
}

const char *cql_stage_name(cql_stage stage) {
  switch (stage) {
#define STAGE(name, text)                                                                                              \
  case CQL_STAGE_##name: return text;
    CQL_STAGE_MAP(STAGE)
#undef STAGE
  }
  return "unknown";
}

/* vsnprintf cuts at a byte; a character that lost its tail goes as a whole. */
static void cut_at_character(char *text, size_t len) {
  size_t start = len;
  while (start > 0 && ((uint8_t)text[start - 1] & 0xC0) == 0x80) start--;
  if (start == 0) return;
  uint8_t lead = (uint8_t)text[start - 1];
  size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  if (len - (start - 1) < want) text[start - 1] = '\0';
}

cql_status cql_fail(cql_error *err, cql_status status, const char *format, ...) {
  if (err == NULL) return status;
  err->status = status;
  err->line = err->column = 0;
  err->keyspace[0] = err->table[0] = '\0';
  err->consistency = 0;
  err->required = err->received = err->failures = 0;
  err->data_present = false;
  err->write_type[0] = '\0';
  err->attempt_count = 0;
  va_list args;
  va_start(args, format);
  int len = vsnprintf(err->message, sizeof err->message, format, args);
  va_end(args);
  if (len < 0) err->message[0] = '\0';
  if (len >= (int)sizeof err->message) cut_at_character(err->message, sizeof err->message - 1);
  cql_utf8_mend((uint8_t *)err->message, strlen(err->message)); /* it may quote bytes that are no text */
  return status;
}
