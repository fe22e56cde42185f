/* faults.h: the n-th call of one kind fails. The linker puts wrappers around the calls (--wrap), so that nothing in the
 * library knows of them; calls inside the wrapped file itself are not seen.
 */
#ifndef TEST_FAULTS_H
#define TEST_FAULTS_H

#include "base/base.h"

typedef enum fault_kind {
  FAULT_NONE,
  FAULT_MALLOC, /* what the engine asks of its cql_alloc */
  FAULT_ARENA,  /* cql_arena_get() and its kin: each piece, not only a new chunk */
  FAULT_STORE,  /* begin, get, put, delete, cursors, commit */
} fault_kind;

/* From here on the nth call (from 1) of this kind fails: in the store with status. */
void fault_arm(fault_kind kind, uint64_t nth, cql_status status);
void fault_disarm(void);
/* On: commits fail with CQL_IO, whatever else does. So a run that meets no fault leaves nothing behind either. */
void fault_stop_commits(bool on);
bool fault_stopped_commit(void); /* since the last fault_arm() */
void fault_pause(bool on);       /* calls made meanwhile are the test's own */
bool fault_fired(void);
void fault_print_callers(void); /* of the call that failed */

/* The allocator of engines that are to fail; it counts the blocks that live. */
extern const cql_alloc fault_alloc;
int64_t fault_live_blocks(void);

#endif
