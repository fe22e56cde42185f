/* check_int.h: what the files of the checker share. */
#ifndef CQLE_CHECK_INT_H
#define CQLE_CHECK_INT_H

#include "engine/table/table_int.h"

/* Tells a problem with the key where it stands. */
void cqle_check_key_problem(cqle_check *c, const cqle_table *table, cql_slice key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* check_row.c: what a decoded row holds; covering: the newest deletion kept over it. */
void cqle_check_row(cqle_check *c, const cqle_table *table, cql_slice key, const cqle_row *row, cqle_deletion covering);
/* check_entry.c: every value of the row that an index takes has its entry. */
cql_status cqle_check_entries_of(cqle_check *c, const cqle_table *table, cqle_pkey pkey, cql_slice key,
                                 const cqle_row *row, cql_error *err);

#endif
