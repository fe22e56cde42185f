/* value_int.h: what the files of this room share and other rooms need not know. */
#ifndef CQL_VALUE_INT_H
#define CQL_VALUE_INT_H

#include "value/value.h"

/* --- types: the lists of type.c ----------------------------------------------------------------------------------- */

/* A native type by its CQL name ("varchar" is text) or by its Java class without the package; NULL: none. */
const cql_type *cqlv_native_by_cql(cql_slice name);
const cql_type *cqlv_native_by_java(cql_slice name);
const char *cqlv_type_cql_name(cql_type_code code);
const char *cqlv_type_java_name(cql_type_code code);
/* cql_type_parse_java() for a class that stands within so many levels of other types. */
cql_status cqlv_type_parse_java(cql_arena *a, cql_slice text, uint32_t outside, const cql_type **out, bool *reversed,
                                cql_error *err);
cql_type *cqlv_type_new(cql_arena *a, cql_type_code code, uint32_t arg_count, const cql_type *const *args);

/* Writes an identifier, quoted when CQL would not read it back bare. */
void cqlv_print_name(cql_buf *b, cql_slice name);

/* --- numbers ------------------------------------------------------------------------------------------------------ */

cql_slice cqlv_varint_trim(cql_slice bytes); /* without sign bytes that say nothing; at least one byte, unless empty */
bool cqlv_varint_is_negative(cql_slice bytes);
int cqlv_varint_cmp(cql_slice x, cql_slice y);
/* Appends the digits of |v|, without sign; returns how many, 0 when b failed. Uses room behind b's end and gives it
 * back. */
size_t cqlv_varint_digits(cql_buf *b, cql_slice v);
typedef struct cqlv_decimal {
  int32_t scale;
  cql_slice unscaled; /* a varint, trimmed */
} cqlv_decimal;
bool cqlv_decimal_split(cql_slice bytes, cqlv_decimal *out); /* false: fewer than 5 bytes */
int cqlv_decimal_cmp(cql_slice x, cql_slice y);

/* Java's Float.parseFloat and toString, for both widths. */
bool cqlv_double_parse(cql_slice text, double *out);
bool cqlv_float_parse(cql_slice text, float *out);
void cqlv_print_double(cql_buf *b, double v);
void cqlv_print_float(cql_buf *b, float v);
float cqlv_load_float(const uint8_t *p);
double cqlv_load_double(const uint8_t *p);

/* Reads an optional sign and digits into *out; false: something else, or past int64. */
bool cqlv_int64_parse(cql_slice text, int64_t *out);

/* --- vints: zig-zagged or not; the first byte's leading ones count the bytes that follow -------------------------- */

enum { CQLV_VINT_LEN_MAX = 9, CQLV_DURATION_LEN_MAX = 3 * CQLV_VINT_LEN_MAX };
uint64_t cqlv_zigzag(int64_t v);
size_t cqlv_uvint_store(uint8_t out[CQLV_VINT_LEN_MAX], uint64_t v); /* returns the length */
cql_status cqlv_uvint_read(cql_reader *r, uint64_t *out);

/* --- dates, times, addresses: text both ways ---------------------------------------------------------------------- */

cql_status cqlv_timestamp_parse(cql_slice text, int64_t *ms, cql_error *err);
cql_status cqlv_date_parse(cql_slice text, uint32_t *days, cql_error *err);
cql_status cqlv_time_parse(cql_slice text, int64_t *ns, cql_error *err);
void cqlv_print_timestamp(cql_buf *b, int64_t ms);
void cqlv_print_date(cql_buf *b, uint32_t days);
void cqlv_print_time(cql_buf *b, int64_t ns);

cql_status cqlv_duration_parse(cql_slice text, cql_duration *out, cql_error *err);
void cqlv_print_duration(cql_buf *b, cql_duration d);
size_t cqlv_duration_store(uint8_t out[CQLV_DURATION_LEN_MAX], cql_duration d); /* returns the length */

bool cqlv_uuid_parse(cql_slice text, uint8_t out[16]);
void cqlv_print_uuid(cql_buf *b, const uint8_t uuid[16]);
/* The 64-bit halves in an order where bytes compare as Cassandra compares. */
void cqlv_uuid_order(const cql_type *type, const uint8_t uuid[16], uint64_t out[3]);

size_t cqlv_inet_parse(cql_slice text, uint8_t out[16]); /* 4, 16, or 0: not an address */
void cqlv_print_inet(cql_buf *b, cql_slice bytes);

void cqlv_print_hex(cql_buf *b, cql_slice bytes);
bool cqlv_hex_parse(cql_slice text, uint8_t *out); /* out has text.len / 2 bytes; false: not pairs of hex digits */

#endif
