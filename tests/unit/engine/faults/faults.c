/* faults.c: see faults.h. */
#include "faults.h"

#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/store/store.h"

enum { CALLERS_MAX = 32, CALLERS_SHOWN = 14, CALLER_LEN_MAX = 160 };

static struct {
  fault_kind kind;
  uint64_t left;
  cql_status status;
  bool fired, paused, stop_commits, stopped;
  int64_t live;
  void *callers[CALLERS_MAX];
  int depth;
} fault;

void fault_arm(fault_kind kind, uint64_t nth, cql_status status) {
  fault.kind = kind;
  fault.left = nth;
  fault.status = status;
  fault.fired = fault.stopped = false;
}

void fault_pause(bool on) {
  fault.paused = on;
}

void fault_stop_commits(bool on) {
  fault.stop_commits = on;
}

bool fault_stopped_commit(void) {
  return fault.stopped;
}

void fault_disarm(void) {
  fault.kind = FAULT_NONE;
}

bool fault_fired(void) {
  return fault.fired;
}

/* It fails once. */
static bool strikes(fault_kind kind) {
  if (kind != fault.kind || fault.paused || fault.fired || --fault.left > 0) return false;
  fault.fired = true;
  fault.depth = backtrace(fault.callers, CALLERS_MAX);
  return true;
}

/* Of the sanitizers' runtime; not there in other builds. */
void __sanitizer_symbolize_pc(void *pc, const char *format, char *out, size_t cap) __attribute__((weak));

void fault_print_callers(void) {
  char text[CALLER_LEN_MAX];
  if (__sanitizer_symbolize_pc == NULL) return;
  for (int i = 2; i < fault.depth && i < 2 + CALLERS_SHOWN; i++) { /* without this file's own two */
    __sanitizer_symbolize_pc(fault.callers[i], "%f %S", text, sizeof text);
    fprintf(stderr, "    %s\n", text);
  }
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

static void *resize(void *user, void *ptr, size_t old_size, size_t new_size) {
  (void)user;
  (void)old_size;
  if (new_size == 0) {
    fault.live -= ptr != NULL;
    free(ptr);
    return NULL;
  }
  if (strikes(FAULT_MALLOC)) return NULL;
  void *out = realloc(ptr, new_size);
  fault.live += out != NULL && ptr == NULL;
  return out;
}

const cql_alloc fault_alloc = {resize, NULL};

int64_t fault_live_blocks(void) {
  return fault.live;
}

static bool strikes_arena(cql_arena *a) {
  if (!strikes(FAULT_ARENA)) return false;
  a->failed = true; /* as the arena itself would say */
  return true;
}

/* The names are the linker's. */
#define WRAP_ARENA(result, name, parameters, arguments, failed)                                                        \
  result __real_##name parameters;                                                                                     \
  result __wrap_##name parameters;                                                                                     \
  result __wrap_##name parameters {                                                                                    \
    return strikes_arena(a) ? (failed) : __real_##name arguments;                                                      \
  }

WRAP_ARENA(void *, cql_arena_get, (cql_arena * a, size_t size), (a, size), NULL)
WRAP_ARENA(void *, cql_arena_zero, (cql_arena * a, size_t size), (a, size), NULL)
WRAP_ARENA(void *, cql_arena_copy, (cql_arena * a, const void *data, size_t len), (a, data, len), NULL)
WRAP_ARENA(char *, cql_arena_str, (cql_arena * a, cql_slice s), (a, s), NULL)
WRAP_ARENA(cql_status, cql_arena_slice, (cql_arena * a, cql_slice in, cql_slice *out), (a, in, out), CQL_NOMEM)
WRAP_ARENA(void *, cql_arena_array, (cql_arena * a, size_t count, size_t size), (a, count, size), NULL)

char *__wrap_cql_arena_printf(cql_arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *__wrap_cql_arena_printf(cql_arena *a, const char *format, ...) {
  va_list args, again;
  if (strikes_arena(a)) return NULL;
  va_start(args, format);
  va_copy(again, args);
  int len = vsnprintf(NULL, 0, format, args);
  char *out = len < 0 ? NULL : __real_cql_arena_get(a, (size_t)len + 1);
  if (out != NULL) vsnprintf(out, (size_t)len + 1, format, again);
  va_end(again);
  va_end(args);
  return out;
}

/* --- the store ---------------------------------------------------------------------------------------------------- */

static cql_status broken(cql_error *err) {
  return cql_fail(err, fault.status, "the store broke for a test");
}

/* clear: what a failed call leaves in its out parameters. */
#define WRAP_STORE(name, parameters, arguments, clear)                                                                 \
  cql_status __real_##name parameters;                                                                                 \
  cql_status __wrap_##name parameters;                                                                                 \
  cql_status __wrap_##name parameters {                                                                                \
    if (!strikes(FAULT_STORE)) return __real_##name arguments;                                                         \
    clear;                                                                                                             \
    return broken(err);                                                                                                \
  }

WRAP_STORE(cqle_txn_begin, (cqle_store * s, bool write, cqle_txn **out, cql_error *err), (s, write, out, err),
           *out = NULL)
WRAP_STORE(cqle_txn_timestamp, (cqle_txn * t, int64_t now_us, int64_t *out, cql_error *err), (t, now_us, out, err),
           (void)0)
WRAP_STORE(cqle_get, (cqle_txn * t, cql_slice key, cql_slice *value, cql_error *err), (t, key, value, err), (void)0)
WRAP_STORE(cqle_put, (cqle_txn * t, cql_slice key, cql_slice value, cql_error *err), (t, key, value, err), (void)0)
WRAP_STORE(cqle_del, (cqle_txn * t, cql_slice key, cql_error *err), (t, key, err), (void)0)
WRAP_STORE(cqle_del_range, (cqle_txn * t, cql_slice from, cql_slice to, cql_error *err), (t, from, to, err), (void)0)
WRAP_STORE(cqle_cursor_open,
           (cqle_txn * t, cql_slice from, cql_slice to, bool reverse, cqle_cursor **out, cql_error *err),
           (t, from, to, reverse, out, err), *out = NULL)
WRAP_STORE(cqle_cursor_next, (cqle_cursor * c, cql_slice *key, cql_slice *value, cql_error *err), (c, key, value, err),
           (void)0)

/* A failed commit ends its transaction, and nothing of it is kept. */
cql_status __real_cqle_txn_commit(cqle_txn *t, cql_error *err);
cql_status __wrap_cqle_txn_commit(cqle_txn *t, cql_error *err);
cql_status __wrap_cqle_txn_commit(cqle_txn *t, cql_error *err) {
  if (fault.stop_commits) {
    fault.stopped = true;
    cqle_txn_abort(t);
    return cql_fail(err, CQL_IO, "commits are stopped for a test");
  }
  if (!strikes(FAULT_STORE)) return __real_cqle_txn_commit(t, err);
  cqle_txn_abort(t);
  return broken(err);
}
