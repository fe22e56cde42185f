/* helper.h: what the store's tests share: cmocka, stores in a directory of their own, tables built by hand, chance that
 * can be repeated.
 */
#ifndef TEST_STORE_HELPER_H
#define TEST_STORE_HELPER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/table/table.h"

/* Fails the test with the error's words. */
#define assert_ok(call, err)                                                                                           \
  do {                                                                                                                 \
    cql_status assert_st = (call);                                                                                     \
    if (assert_st != CQL_OK) fail_msg("%s: %s: %s", #call, cql_status_name(assert_st), (err).message);                 \
  } while (0)

/* --- places ------------------------------------------------------------------------------------------------------- */

/* A directory that is gone with everything in it after temp_remove(). */
typedef struct temp {
  char dir[64];
} temp;
void temp_make(temp *t);
void temp_remove(temp *t);
void temp_path(const temp *t, const char *name, char out[128]);
uint32_t temp_count(const temp *t); /* files in it */

cqle_store *store_open(const char *path); /* NULL: in memory */

/* --- tables ------------------------------------------------------------------------------------------------------- */

typedef struct column_spec {
  const char *name;
  cqle_column_kind kind;
  const char *type;
  bool reversed;
} column_spec;

/* Columns get the ids 1, 2, …, in the order given, which is: partition key, clustering, statics, regulars. Lives in
 * a. */
cqle_table *table_make(cql_arena *a, uint32_t id, const column_spec *specs, uint32_t count);
void table_add_index(cql_arena *a, cqle_table *t, uint32_t id, const char *column, cqle_index_target target);
const cqle_column *table_column(const cqle_table *t, const char *name);

/* --- values ------------------------------------------------------------------------------------------------------- */

cql_slice int_value(cql_arena *a, int32_t v);
cql_slice text_value(const char *text);
cqle_pkey int_pkey(cql_arena *a, int32_t v);

/* --- rows --------------------------------------------------------------------------------------------------------- */

cqle_cell live_cell(int64_t timestamp, cql_slice value);
cqle_cell expiring_cell(int64_t timestamp, int32_t ttl, int64_t at, cql_slice value);
cqle_cell dead_cell(int64_t timestamp, int64_t at);
/* Appends a simple column; ids must ascend. The row's column array has room for 16. */
void row_start(cql_arena *a, cqle_row *r, cql_slice *clustering);
void row_add(cql_arena *a, cqle_row *r, uint32_t column_id, cqle_cell cell);
cqle_column_data *row_add_multicell(cql_arena *a, cqle_row *r, uint32_t column_id, uint32_t room);

/* --- chance ------------------------------------------------------------------------------------------------------- */

typedef struct chance {
  uint64_t state;
} chance;
uint64_t chance_next(chance *c);
uint32_t chance_below(chance *c, uint32_t n);

#endif
