/* database.h: the engine in memory that targets run statements on: a keyspace ks with tables of all kinds and some
 * rows, made once, and put back as it was after an input that changed it.
 */
#ifndef TEST_FUZZ_DATABASE_H
#define TEST_FUZZ_DATABASE_H

#include "engine/engine_int.h"

/* The database as it was made. Its clock stands still. */
cql_engine *fuzz_database(void);
/* What an input wrote is taken back before the next fuzz_database(). */
void fuzz_database_changed(void);

/* Replaces the value of the nth key in order (n modulo their number), and says that it changed something. */
void fuzz_database_damage(uint32_t n, cql_slice value);
cql_slice fuzz_database_value(uint32_t n); /* borrows, for as long as the process lives */

#endif
