/* json_int.h: JSON texts from outside, by jansson: of limited depth, in UTF-8 or UTF-16, with no key twice. */
#ifndef CQLI_JSON_INT_H
#define CQLI_JSON_INT_H

#include <jansson.h>

#include "base/base.h"

enum { CQLI_JSON_DEPTH_MAX = 32 }; /* arrays and objects in one another: jansson calls itself for each */

/* Where a text comes from, and the status of what is wrong with it. */
typedef struct cqli_json_source {
  const char *name; /* the first words of an error */
  cql_status bad;
} cqli_json_source;

/* An object, which the caller lets go of (json_decref). arena: for a text in UTF-16. No part of the text is in an
 * error: there are passwords in config.json. source->bad, CQL_NOMEM. */
cql_status cqli_json_read(json_t **out, cql_slice text, const cqli_json_source *source, cql_arena *arena,
                          cql_error *err);

/* The texts and numbers of an object: they borrow from it. Missing and null are the same. */
cql_status cqli_json_text(const json_t *object, const char *key, const char **out, const cqli_json_source *source,
                          cql_error *err); /* NULL: missing, or empty */
cql_status cqli_json_port(const json_t *object, const char *key, uint16_t *out, const cqli_json_source *source,
                          cql_error *err); /* must be there */

/* --- hosts, which are in both JSON texts -------------------------------------------------------------------------- */

/* Whether a text can be the name or the address of a host: what is written into a request may hold nothing else. */
bool cqli_host_valid(cql_slice host);

#endif
