/* convert.h: one value of a CQL type as a Python object, and back. Each type has its two functions side by side, in the
 * file of its family.
 */
#ifndef CQLPY_CONVERT_H
#define CQLPY_CONVERT_H

#include "python/module.h"

/* Where a conversion stands, for its errors. */
typedef struct cqlpy_context {
  cqlpy_state *state;
  const char *column; /* name of the column or marker */
} cqlpy_context;

typedef struct cqlpy_decoder cqlpy_decoder;
/* Bytes to a new reference; NULL with an exception. in is not null; empty bytes of a fixed-width type never get here.
 */
typedef PyObject *cqlpy_decode(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in);

struct cqlpy_decoder {
  cqlpy_decode *decode;
  const cql_type *type;
  uint32_t fixed_len; /* 0: the length varies */
  uint32_t least_len; /* fewer bytes are not given to decode: none for types with an empty form of their own, else 1 */
  bool atomic;        /* its objects refer to nothing that can be changed */
  bool hashable;      /* stands in a set or is a key: give tuples and frozensets */
  uint32_t arg_count;
  const cqlpy_decoder *args;
};

/* Fills d for type, whose classes are loaded; the decoders of its elements live in a. -1 with an exception. */
int cqlpy_decoder_init(cqlpy_state *state, cqlpy_decoder *d, cql_arena *a, const cql_type *type, bool hashable);
/* A cell: data NULL gives None, and so do the empty bytes that Cassandra allows for fixed-width types. */
PyObject *cqlpy_decode_cell(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in);

/* The same without a call for most cells. */
static inline PyObject *cqlpy_decode_fast(const cqlpy_context *c, const cqlpy_decoder *d, cql_slice in) {
  if (in.data == NULL) return Py_NewRef(Py_None);
  bool plain = d->fixed_len != 0 ? in.len == d->fixed_len : in.len >= d->least_len;
  return plain ? d->decode(c, d, in) : cqlpy_decode_cell(c, d, in);
}

/* Appends the bytes of value, without a length before them. value is neither None nor UNSET. -1 with an exception. */
int cqlpy_encode(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value);
/* An i32 length and the bytes; -1 for None. For elements of collections and tuples. */
int cqlpy_encode_element(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value);

/* Set DataError that names the column; return -1 and NULL. */
int cqlpy_refuse(const cqlpy_context *c, const char *format, ...);
int cqlpy_refuse_type(const cqlpy_context *c, const cql_type *type, const char *expected, PyObject *value);
PyObject *cqlpy_bad_bytes(const cqlpy_context *c, const cqlpy_decoder *d);

typedef int cqlpy_encode_fn(const cqlpy_context *c, cql_buf *out, const cql_type *type, PyObject *value);

/* The …_load() functions import the classes that values of a type are made of; once they have, they return 0 at once.
 * -1 with an exception. decimal, uuid and their like take longer to import than a session takes to open, and many
 * programs need none of them: so decoders see to it when they are made, encoders with each value. */

/* number.c */
cqlpy_decode cqlpy_decode_boolean, cqlpy_decode_int8, cqlpy_decode_int16, cqlpy_decode_int32, cqlpy_decode_int64,
    cqlpy_decode_varint, cqlpy_decode_float, cqlpy_decode_double;
cqlpy_encode_fn cqlpy_encode_boolean, cqlpy_encode_integer, cqlpy_encode_varint, cqlpy_encode_float,
    cqlpy_encode_double;
/* decimal.c */
int cqlpy_decimal_load(cqlpy_state *state);
cqlpy_decode cqlpy_decode_decimal;
cqlpy_encode_fn cqlpy_encode_decimal;
/* text.c */
cqlpy_decode cqlpy_decode_text, cqlpy_decode_blob;
cqlpy_encode_fn cqlpy_encode_text, cqlpy_encode_ascii, cqlpy_encode_blob;
/* temporal.c */
int cqlpy_datetime_load(void);
int cqlpy_temporal_load(cqlpy_state *state); /* those of libcql, too */
cqlpy_decode cqlpy_decode_timestamp, cqlpy_decode_date, cqlpy_decode_time, cqlpy_decode_duration;
cqlpy_encode_fn cqlpy_encode_timestamp, cqlpy_encode_date, cqlpy_encode_time, cqlpy_encode_duration;
/* identity.c */
int cqlpy_uuid_load(cqlpy_state *state);
int cqlpy_inet_load(cqlpy_state *state);
cqlpy_decode cqlpy_decode_uuid, cqlpy_decode_inet;
cqlpy_encode_fn cqlpy_encode_uuid, cqlpy_encode_inet;
/* collection.c, record.c */
cqlpy_decode cqlpy_decode_list, cqlpy_decode_set, cqlpy_decode_map, cqlpy_decode_tuple, cqlpy_decode_udt;
cqlpy_encode_fn cqlpy_encode_list, cqlpy_encode_set, cqlpy_encode_map, cqlpy_encode_tuple, cqlpy_encode_udt;
/* A tuple of the elements of a list, tuple (or, in any_order, set), safe from a list that changes while its members are
 * converted. NULL with DataError. */
PyObject *cqlpy_members(const cqlpy_context *c, const cql_type *type, PyObject *value, bool any_order);
/* vector.c */
int cqlpy_array_load(cqlpy_state *state);
cqlpy_decode cqlpy_decode_vector;
cqlpy_encode_fn cqlpy_encode_vector;

#endif
