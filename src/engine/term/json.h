/* json.h: values as JSON text and back, as to_json(), SELECT JSON, from_json() and INSERT JSON have it. Cassandra:
 * AbstractType.toJSONString() and fromJSONObject(), cql3/terms/Json (trap 22).
 */
#ifndef CQLE_JSON_H
#define CQLE_JSON_H

#include "engine/schema/schema.h"
#include "value/value.h"

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* Appends the value; data NULL: null. CQL_INVALID, CQL_MALFORMED. */
cql_status cqle_json_put(cql_buf *b, const cql_type *type, cql_slice value);
/* Appends a column's name as a key: names that are not all lower case keep quotes of their own (trap 22). */
void cqle_json_put_name(cql_buf *b, const char *name);

/* What a SELECT of from_json() is answered. */
cql_status cqle_json_not_selected(const char *name, cql_error *err);

/* --- reading ------------------------------------------------------------------------------------------------------ */

enum { CQLE_JSON_DEPTH_MAX = 1000, CQLE_JSON_NUMBER_LEN_MAX = 1000 }; /* Jackson's StreamReadConstraints */

typedef enum cqle_json_kind {
  CQLE_JSON_NULL,
  CQLE_JSON_BOOLEAN,
  CQLE_JSON_INTEGER, /* digits alone; any number of them */
  CQLE_JSON_FLOAT,   /* with a point or an exponent */
  CQLE_JSON_STRING,
  CQLE_JSON_ARRAY,
  CQLE_JSON_OBJECT
} cqle_json_kind;

typedef struct cqle_json cqle_json;
struct cqle_json {
  cqle_json_kind kind;
  uint32_t count;   /* ARRAY, OBJECT */
  cql_slice text;   /* numbers and literals as they were written; STRING without escapes, valid UTF-8 */
  cqle_json *items; /* ARRAY, OBJECT */
  cql_slice *names; /* OBJECT: beside items, each once; of several values of one name the last, at the first's place */
};

/* Reads the first JSON value of text (RFC 8259); what stands behind it is left alone, as Jackson leaves it. text is
 * valid UTF-8. *out lives in a and borrows from text. CQL_INVALID: err says what is wrong, with line and column;
 * CQL_NOMEM. */
cql_status cqle_json_parse(cql_arena *a, cql_slice text, cqle_json *out, cql_error *err);
/* Appends a value as Java prints the object that Jackson made of it: {a=1, b=[x, 2.0]}. For error texts. */
void cqle_json_print_java(cql_buf *b, const cqle_json *v);
/* Names as CQL reads them: quoted ones without their quotes, others in lower case (Json.handleCaseSensitivity()). */
cql_status cqle_json_fold_names(cql_arena *a, cqle_json *object);

/* The value as bytes of the type; null gives data NULL. *out lives in a. CQL_INVALID with Cassandra's text ("Expected
 * an int value, but got a Double: 1.5"). *bare (may be NULL): the text stands by itself, without the words of the
 * caller, as Cassandra has it for durations. */
cql_status cqle_json_read(cql_arena *a, const cql_type *type, const cqle_json *v, cql_slice *out, bool *bare,
                          cql_error *err);
/* The values of INSERT JSON, one for each column of the table in its order. missing: the length of what is not there,
 * CQL_NULL or CQL_UNSET. CQL_INVALID with Cassandra's texts, CQL_NOMEM. */
cql_status cqle_json_read_row(cql_arena *a, const cqle_table *t, cql_slice text, int32_t missing, cql_value *out,
                              cql_error *err);

#endif
