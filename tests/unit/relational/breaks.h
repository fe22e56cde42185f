/* breaks.h: the n-th allocation fails, of the library (the linker wraps malloc(), calloc() and realloc() in all that is
 * linked statically) or of SQLite; or the n-th row of a result is malformed. Pieces of arenas and the engine's store
 * break by tests/unit/engine/faults.
 */
#ifndef TEST_BREAKS_H
#define TEST_BREAKS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum break_kind { BREAK_NOTHING, BREAK_MALLOC, BREAK_SQLITE, BREAK_ROW } break_kind;

void break_prepare(void); /* first of all in main() */
void break_arm(break_kind kind, uint64_t nth);
bool break_fired(void);

#endif
