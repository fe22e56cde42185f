/* value.h: CQL types and values: parse, print, encode, decode, validate, compare, order as bytes; and the rows of a
 * result.
 *
 * A value is a slice of wire bytes (native protocol v5, section 6) beside its type. Functions that need memory take the
 * arena it comes from; nothing here allocates otherwise, locks, or reads a clock.
 */
#ifndef CQL_VALUE_H
#define CQL_VALUE_H

#include <cql/cql.h>

#include "base/base.h"

/* --- limits ------------------------------------------------------------------------------------------------------- */

enum {
  CQL_TYPE_DEPTH_MAX = 32,          /* nesting of types, and of literals */
  CQL_TYPE_ARGS_MAX = 1024,         /* fields of a tuple or UDT */
  CQL_VECTOR_DIMENSION_MAX = 65535, /* ours: Cassandra 5.0 sets none but memory */
  CQL_KEY_LEN_MAX = 65535,          /* partition key; clustering in all (trap 14) */
  CQL_VARINT_LEN_MAX = 65536,       /* bytes of a varint, and of a decimal's unscaled part */
};
#define CQL_VALUE_LEN_MAX ((size_t)256 * 1024 * 1024)

/* --- types -------------------------------------------------------------------------------------------------------- */

struct cql_type {
  cql_type_code code;
  bool frozen;        /* list, set, map, UDT: stored as one cell. Tuples and vectors are always so */
  uint32_t arg_count; /* see cql_type_arg_count() */
  const cql_type *const *args;
  uint32_t dimension;           /* vector */
  cql_slice keyspace;           /* UDT */
  cql_slice name;               /* UDT, or the Java class of a custom type */
  const cql_slice *field_names; /* UDT */
};

/* One static instance per native type: cql_type_native(CQL_TYPE_INT). NULL for the codes that need arguments. */
const cql_type *cql_type_native(cql_type_code code);
const cql_type *cql_type_list(cql_arena *a, const cql_type *element, bool frozen); /* NULL: out of memory; also below */
const cql_type *cql_type_set(cql_arena *a, const cql_type *element, bool frozen);
const cql_type *cql_type_map(cql_arena *a, const cql_type *key, const cql_type *value, bool frozen);
const cql_type *cql_type_tuple(cql_arena *a, const cql_type *const *fields, uint32_t count); /* copies the array */
const cql_type *cql_type_vector(cql_arena *a, const cql_type *element, uint32_t dimension);
const cql_type *cql_type_freeze(cql_arena *a, const cql_type *type); /* freezes nested ones too */
const cql_type *cql_type_clone(cql_arena *a, const cql_type *type);  /* deep copy into another lifetime */

/* Finds a user-defined type by name while a type name is parsed; NULL when there is none. */
typedef struct cql_type_resolver {
  const cql_type *(*find)(void *user, cql_slice keyspace, cql_slice name);
  void *user;
  cql_slice keyspace; /* where a bare name is looked for: for the texts of errors. May be empty */
} cql_type_resolver;

/* "map<text, frozen<list<int>>>" -> type. Nested collections inside collections must be frozen, and counters, durations
 * in keys and the like are refused with Cassandra's text. CQL_SYNTAX, CQL_INVALID, CQL_LIMIT, CQL_NOMEM. resolver may
 * be NULL. */
cql_status cql_type_parse_cql(cql_arena *a, cql_slice text, const cql_type_resolver *resolver, const cql_type **out,
                              cql_error *err);
/* "org.apache.cassandra.db.marshal.ReversedType(…Int32Type)" -> int, *reversed = true (reversed may be NULL). */
cql_status cql_type_parse_java(cql_arena *a, cql_slice text, const cql_type **out, bool *reversed, cql_error *err);
void cql_type_print_cql(cql_buf *b, const cql_type *type);  /* as system_schema.columns.type shows it */
void cql_type_print_full(cql_buf *b, const cql_type *type); /* the same, user types with their keyspace and no quotes */
void cql_type_print_java(cql_buf *b, const cql_type *type);
bool cql_type_eq(const cql_type *x, const cql_type *y);
bool cql_type_is_collection(const cql_type *type); /* list, set, map */
bool cql_type_is_multicell(const cql_type *type);  /* a collection or UDT that is not frozen */
/* Bytes of every value of the type; 0: it varies (AbstractType.valueLengthIfFixed). */
size_t cql_type_fixed_len(const cql_type *type);
bool cql_type_is_comparable(
    const cql_type *type); /* false for duration (and what holds one): cannot be a key or be ordered */
/* May bytes of `from` be read as `to`? (AbstractType.isValueCompatibleWith: text ⊇ ascii, blob ⊇ all, varint ⊇ int, …)
 */
bool cql_type_is_value_compatible(const cql_type *to, const cql_type *from);

/* --- values: validate, compare, print ----------------------------------------------------------------------------- */

/* Checks that bytes are a value of the type, recursively. Empty bytes are a value of most fixed-width types, as in
 * Cassandra. CQL_INVALID with Cassandra's text ("Expected 4 or 0 byte int (3)", …); CQL_LIMIT. */
cql_status cql_value_validate(const cql_type *type, cql_slice bytes, cql_error *err);
/* The same for a value that a table holds: durations may be empty, since INSERT JSON makes such of "". */
cql_status cql_value_validate_stored(const cql_type *type, cql_slice bytes, cql_error *err);

/* Cassandra's order of two valid values of a comparable type (trap 13): <0, 0, >0. */
int cql_value_cmp(const cql_type *type, cql_slice x, cql_slice y);

/* Appends the value as a CQL literal, as Cassandra's toCQLString and cqlsh write it: 'it''s', 0xcafe, {1, 2}, (1,
 * null), '2011-02-03 04:05:00.000Z', NaN, 1mo2d. A null (bytes.data == NULL) prints null. */
void cql_value_print(cql_buf *b, const cql_type *type, cql_slice bytes);

/* --- literals ----------------------------------------------------------------------------------------------------- */

/* What kind of token a constant was. The engine's lexer and cql_value_parse() use the same kinds. */
typedef enum cql_literal_kind {
  CQL_LITERAL_STRING,
  CQL_LITERAL_INTEGER,
  CQL_LITERAL_FLOAT, /* with a dot or exponent, NaN, Infinity */
  CQL_LITERAL_BOOLEAN,
  CQL_LITERAL_UUID,
  CQL_LITERAL_HEX,
  CQL_LITERAL_DURATION
} cql_literal_kind;

typedef enum cql_assignable { CQL_NOT_ASSIGNABLE, CQL_WEAKLY_ASSIGNABLE, CQL_EXACT_MATCH } cql_assignable;

/* May a constant of this kind stand for a value of this type? (cql3/Constants.java, Literal.testAssignment.) Exact are
 * int, double, text, boolean, uuid, blob and duration, each for its kind: Cassandra looks at the text as well (a long
 * integer is a bigint first), which matters only where a function has several signatures. */
cql_assignable cql_literal_test(cql_literal_kind kind, const cql_type *type);
/* Encodes a constant: text is the token without quotes and escapes. *out lives in a. CQL_INVALID with Cassandra's text:
 * "Unable to make int from '3x'", "Invalid STRING constant (x) for \"n\" of type int" is the engine's (it knows the
 * column). */
cql_status cql_literal_encode(cql_arena *a, cql_literal_kind kind, cql_slice text, const cql_type *type, cql_slice *out,
                              cql_error *err);
/* Encodes a whole literal text of any type, collections and tuples too: "{'a': [1, 2]}". The text null gives out->data
 * NULL. */
cql_status cql_value_parse(cql_arena *a, const cql_type *type, cql_slice text, cql_slice *out, cql_error *err);

/* --- collections, tuples: walk and build -------------------------------------------------------------------------- */

/* Walks the elements of a list or set (one value each), a map (key, value, key, …), a tuple, UDT or vector (fields; a
 * missing or null field has data NULL). The walker borrows. CQL_DONE at the end; CQL_MALFORMED. */
typedef struct cql_elements {
  cql_reader r;
  const cql_type *type;
  uint32_t left; /* values still to come: a map counts 2 per entry */
} cql_elements;
cql_status cql_elements_open(cql_elements *e, const cql_type *type, cql_slice bytes);
cql_status cql_elements_next(cql_elements *e, cql_slice *out);

/* Writes: count, then each element with its length (protocol v3 and later). null as data NULL. */
void cql_put_count(cql_buf *b, uint32_t count);
void cql_put_element(cql_buf *b, cql_slice value);
/* What stands before an element of a vector: its length as an unsigned vint, or nothing where the type has one width.
 * Returns how many bytes that is. */
enum { CQL_VECTOR_HEAD_MAX = 9 };
size_t cql_vector_element_head(uint8_t out[CQL_VECTOR_HEAD_MAX], const cql_type *vector, size_t len);
/* Puts it before the element whose bytes stand from start on. */
void cql_vector_element_end(cql_buf *b, const cql_type *vector, size_t start);
/* Sorts and removes duplicates of a set's elements or a map's entries (the last entry of a key wins), in Cassandra's
 * order. values holds count slices (a map: 2 per entry); *count is updated. */
void cql_set_normalize(const cql_type *element, cql_slice *values, uint32_t *count);
void cql_map_normalize(const cql_type *key, cql_slice *values, uint32_t *entry_count);

/* --- native values, for C and Python callers ---------------------------------------------------------------------- */

typedef struct cql_duration {
  int32_t months, days; /* all three carry the same sign, or are zero */
  int64_t nanoseconds;
} cql_duration;

void cql_put_vint(cql_buf *b, int64_t v); /* the protocol's [vint], zig-zag; section 3 */
cql_status cql_read_vint(cql_reader *r, int64_t *out);
void cql_put_duration(cql_buf *b, cql_duration d);
cql_status cql_read_duration(cql_slice bytes, cql_duration *out);
/* A varint from and to decimal digits ("-123"). CQL_INVALID: not digits; CQL_LIMIT: longer than CQL_VARINT_LEN_MAX. */
cql_status cql_put_varint_digits(cql_buf *b, cql_arena *scratch, cql_slice digits);
void cql_print_varint(cql_buf *b, cql_slice bytes);
/* A decimal is scale (int32) and unscaled varint: "1.50" is 2 and 150. Exponents are read ("1E+3": scale -3, unscaled
 * 1). */
cql_status cql_put_decimal_text(cql_buf *b, cql_arena *scratch, cql_slice text);
void cql_print_decimal(cql_buf *b, cql_slice bytes); /* Java's BigDecimal.toString: "1E+3", "1.50" */
/* The double that is nearest to it; an infinity past all of them. scratch is reset. False: out of memory. */
bool cql_decimal_to_double(cql_buf *scratch, cql_slice bytes, double *out);

/* Version 1 UUIDs. ticks: 100 ns since 1582-10-15. */
uint64_t cql_timeuuid_ticks(const uint8_t uuid[16]);
int64_t cql_timeuuid_unix_ms(const uint8_t uuid[16]);
void cql_timeuuid_make(uint8_t out[16], uint64_t ticks, uint64_t clock_seq_and_node);
void cql_timeuuid_min(uint8_t out[16],
                      int64_t unix_ms); /* smallest and largest in Cassandra's order at that millisecond */
void cql_timeuuid_max(uint8_t out[16], int64_t unix_ms);
void cql_uuid_random(uint8_t out[16]); /* version 4 */

/* --- keys --------------------------------------------------------------------------------------------------------- */

/* Appends value as bytes whose unsigned order is cql_value_cmp()'s, for every comparable type, after ByteComparable.md
 * (OSS 5.0 encoding): the form is prefix-free per value, so components may be written one after the other, and no
 * component starts with 0xFF. reversed inverts the order (all bytes flipped; still no component starts with 0xFF or
 * 0x00: each is led by a marker byte between 0x20 and 0xDF). A null component (data NULL) and an empty value have
 * markers of their own: null < empty < any value when not reversed. */
void cql_key_put(cql_buf *b, const cql_type *type, cql_slice value, bool reversed);

/* The serialized partition key, as tokens hash it and routing uses it: one component as it is, several each as (u16
 * length, bytes, 0x00). */
void cql_partition_key_put(cql_buf *b, const cql_slice *components, uint32_t count);
/* The reverse; out has room for count. CQL_MALFORMED. */
cql_status cql_partition_key_split(cql_slice key, cql_slice *out, uint32_t count);

/* --- results ------------------------------------------------------------------------------------------------------ */

/* A page of rows or another answer, whichever side made it. Everything lives in its arena and body; cql_result_free()
 * frees both. Rows stand in body in wire format: per cell a big-endian i32 length (-1: null) and that many bytes. They
 * are all of body, or a part of it that cql_result_set_rows() named. */
struct cql_result {
  const cql_alloc *alloc;
  cql_arena arena;
  cql_result_kind kind;
  uint32_t column_count;
  cql_column *columns;
  uint64_t row_count, rows_read;
  cql_buf body;
  cql_slice rows; /* data NULL: all of body */
  cql_reader cursor;
  cql_slice paging_state; /* data NULL: the last page */
  uint32_t warning_count;
  const char **warnings;
  const char *keyspace, *change, *change_target, *change_name; /* never NULL */
  void (*release)(
      void *owner); /* called by cql_result_free() last, when set: lets go of what the columns borrow from */
  void *owner;
};

/* A new void result; NULL: out of memory. body_limit: the most bytes of rows one page may take. */
cql_result *cql_result_new(const cql_alloc *alloc, size_t body_limit);
void cql_result_put_cell(cql_result *r, cql_slice value); /* data NULL: null. Sticky in r->body.st */
/* Makes it rows that somebody else wrote, row_count of them, without a copy: takes body, in which rows lies, and leaves
 * an empty buffer; what r->body held is freed. rows may lie in r->arena instead, and body be NULL. */
void cql_result_set_rows(cql_result *r, cql_buf *body, cql_slice rows, uint64_t row_count);
size_t cql_result_rows_len(const cql_result *r); /* bytes of its rows */

/* Where a result is read, to come back after a look at other rows. What cells have borrowed stays valid. */
typedef struct cql_result_place {
  cql_reader cursor;
  uint64_t rows_read;
} cql_result_place;
cql_result_place cql_result_tell(const cql_result *r);
void cql_result_seek(cql_result *r, cql_result_place place);

#endif
