#include "breaks.h"

#include <stddef.h>
#include <stdlib.h>

#include <cql/cql.h>
#include <sqlite3.h>

static struct {
  break_kind kind;
  uint64_t left;
  bool fired;
} next;

void break_arm(break_kind kind, uint64_t nth) {
  next.kind = kind;
  next.left = nth;
  next.fired = false;
}

bool break_fired(void) {
  return next.fired;
}

/* It fails once. */
static bool strikes(break_kind kind) {
  if (kind != next.kind || next.fired || --next.left > 0) return false;
  next.fired = true;
  return true;
}

/* --- the library: the names are the linker's ---------------------------------------------------------------------- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);

void *__wrap_malloc(size_t size) {
  return strikes(BREAK_MALLOC) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
  return strikes(BREAK_MALLOC) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *ptr, size_t size) {
  return strikes(BREAK_MALLOC) ? NULL : __real_realloc(ptr, size);
}

cql_status __real_cql_result_next(cql_result *result, cql_value *cells);
cql_status __wrap_cql_result_next(cql_result *result, cql_value *cells);

cql_status __wrap_cql_result_next(cql_result *result, cql_value *cells) {
  return strikes(BREAK_ROW) ? CQL_MALFORMED : __real_cql_result_next(result, cells);
}

/* --- SQLite ------------------------------------------------------------------------------------------------------- */

static sqlite3_mem_methods methods;

static void *sqlite_malloc(int size) {
  return strikes(BREAK_SQLITE) ? NULL : methods.xMalloc(size);
}

static void *sqlite_realloc(void *ptr, int size) {
  return strikes(BREAK_SQLITE) ? NULL : methods.xRealloc(ptr, size);
}

void break_prepare(void) {
  sqlite3_config(SQLITE_CONFIG_GETMALLOC, &methods);
  sqlite3_mem_methods ours = methods;
  ours.xMalloc = sqlite_malloc;
  ours.xRealloc = sqlite_realloc;
  sqlite3_config(SQLITE_CONFIG_MALLOC, &ours);
  sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0); /* small pieces, too, are asked for */
}
