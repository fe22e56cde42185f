/* options.h: values of table options that have rules of their own. Private to src/engine/schema. */
#ifndef CQLE_OPTIONS_H
#define CQLE_OPTIONS_H

#include "engine/schema/catalog.h"

enum { CQLE_OPTION_ENTRIES_MAX = 64 };

/* A map<text, text> while it is put together. */
typedef struct cqle_option_map {
  cql_slice keys[CQLE_OPTION_ENTRIES_MAX], values[CQLE_OPTION_ENTRIES_MAX];
  uint32_t count;
} cqle_option_map;

/* Sets or adds; CQL_LIMIT. */
cql_status cqle_option_map_put(cqle_option_map *m, cql_slice key, cql_slice value, cql_error *err);
cql_status cqle_option_map_encode(cql_arena *a, const cqle_option_map *m, cql_slice *out, cql_error *err);
cql_status cqle_option_map_read(const cqle_term *map, cqle_option_map *out, cql_error *err);
bool cqle_option_map_get(const cqle_option_map *m, const char *key, cql_slice *out);

/* Check what was written and fill in what was left out, as system_schema.tables shows it. CQL_CONFIG. */
cql_status cqle_caching_check(cqle_option_map *m, cql_error *err);
cql_status cqle_compaction_check(cql_arena *a, cqle_option_map *m, cql_error *err);
cql_status cqle_compression_check(cql_arena *a, cqle_option_map *m, cql_error *err);
/* NEVER, ALWAYS, 99p, 50ms, MIN(99p,50ms) */
cql_status cqle_retry_check(cql_arena *a, cql_slice text, cql_slice *out, cql_error *err);

bool cqle_text_to_long(cql_slice text, int64_t *out); /* as Java's Long.parseLong */
bool cqle_text_to_double(cql_slice text, double *out);
/* As Java prints a double of the size that options have: 0.01, 2.0 */
const char *cqle_double_text(char out[32], double v);

#endif
