/* create_text.h: CQL that makes things again. Private to src/engine/schema. */
#ifndef CQLE_CREATE_TEXT_H
#define CQLE_CREATE_TEXT_H

#include "engine/schema/catalog.h"

/* All append to b, whose status is sticky. */
void cqle_text_name(cql_buf *b, const char *name); /* in quotes when it needs them */
void cqle_text_name_slice(cql_buf *b, cql_slice name);
void cqle_text_keyspace(cql_buf *b, const cqle_keyspace *ks);
void cqle_text_index(cql_buf *b, const cqle_table *t, const cqle_index *i);
void cqle_text_type(cql_buf *b, const cql_type *type); /* a user type */
/* internals: the table's id too, and the columns that were dropped. CQL_NOMEM. */
cql_status cqle_text_table(cql_buf *b, cql_arena *a, const cqle_table *t, bool internals, cql_error *err);

#endif
