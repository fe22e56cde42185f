/* protocol_int.h: what the files of this room share and other rooms need not know. */
#ifndef CQLP_PROTOCOL_INT_H
#define CQLP_PROTOCOL_INT_H

#include "protocol/protocol.h"

/* --- segments: version 5, section 2.2; segment.c -------------------------------------------------------------------
 */

/* The header of a segment, little-endian (the envelopes inside are big-endian):
 *
 *   plain   BITS   FIELD                           LZ4     BITS   FIELD
 *           0-16   length of the payload                   0-16   length of the payload as sent
 *           17     self-contained                          17-33  its length unpacked; 0: it was not packed
 *           18-23  0                                       34     self-contained
 *           24-47  CRC24 of the three bytes before         35-39  0
 *                                                          40-63  CRC24 of the five bytes before
 *
 * Behind the payload: CRC32 of it as sent, little-endian, seeded with the CRC32 of FA 2D 55 CA. */
enum {
  CQLP_SEGMENT_HEADER_LEN = 6,
  CQLP_SEGMENT_LZ4_HEADER_LEN = 8,
  CQLP_SEGMENT_TRAILER_LEN = 4,
  CQLP_SEGMENT_LEN_MAX = CQLP_SEGMENT_LZ4_HEADER_LEN + CQL_SEGMENT_PAYLOAD_MAX + CQLP_SEGMENT_TRAILER_LEN
};

typedef struct cqlp_segment {
  uint32_t len;      /* of the payload, as sent */
  uint32_t unpacked; /* LZ4: its length unpacked; 0: it was not packed */
  bool is_self_contained;
} cqlp_segment;

size_t cqlp_segment_header_len(bool lz4);
void cqlp_segment_store(uint8_t *header, const cqlp_segment *s, bool lz4);
bool cqlp_segment_load(const uint8_t *header, cqlp_segment *s, bool lz4); /* false: the checksum differs */
uint32_t cqlp_crc24(const uint8_t *bytes, size_t len);
uint32_t cqlp_crc32(const uint8_t *payload, size_t len);
void cqlp_store_u32_le(uint8_t *out, uint32_t v);
uint32_t cqlp_load_u32_le(const uint8_t *bytes);

/* --- LZ4: compress.c ---------------------------------------------------------------------------------------------- */

/* Packs into out, which has room for in.len bytes; returns the length, 0 when it would not be shorter than in by more
 * than spare bytes. */
size_t cqlp_lz4_pack(uint8_t *out, cql_slice in, size_t spare);
/* Can so many bytes unpack to so many? Asked before room for them is made. */
bool cqlp_lz4_may_unpack(size_t packed, size_t unpacked);
bool cqlp_lz4_unpack(uint8_t *out, size_t len, cql_slice in); /* false: not LZ4, or not of that length */

/* --- reading a body: read_body.c ---------------------------------------------------------------------------------- */

typedef struct cqlp_body {
  cql_reader r;
  const uint8_t *start;
  uint8_t version;
  cql_status malformed; /* the status of bytes that are wrong: CQL_MALFORMED, or CQL_PROTOCOL for a request */
  cql_arena *a;
  cql_error *err;
} cqlp_body;

cqlp_body cqlp_body_of(const cql_envelope *e, cql_status malformed, cql_arena *a, cql_error *err);

/* Each returns CQL_OK or the status of a failure whose words name the field and the byte. Slices borrow. */
cql_status cqlp_read_u8(cqlp_body *b, const char *field, uint8_t *out);
cql_status cqlp_read_u16(cqlp_body *b, const char *field, uint16_t *out);
cql_status cqlp_read_i32(cqlp_body *b, const char *field, int32_t *out);
cql_status cqlp_read_i64(cqlp_body *b, const char *field, int64_t *out);
cql_status cqlp_read_string(cqlp_body *b, const char *field, cql_slice *out);      /* [string], [short bytes] */
cql_status cqlp_read_long_string(cqlp_body *b, const char *field, cql_slice *out); /* [long string] */
cql_status cqlp_read_bytes(cqlp_body *b, const char *field, cql_slice *out);       /* [bytes]; negative: data NULL */
cql_status cqlp_read_value(cqlp_body *b, const char *field, cql_value *out);       /* [value] */
cql_status cqlp_read_raw(cqlp_body *b, const char *field, size_t len, cql_slice *out);
cql_status cqlp_read_pairs(cqlp_body *b, const char *field, bool values_are_bytes, const cql_pair **out,
                           uint32_t *count);                   /* [string map], [bytes map] */
cql_status cqlp_skip_strings(cqlp_body *b, const char *field); /* [string list] */
/* A count of things that take at least item_len bytes each, compared with the bytes that are left. */
cql_status cqlp_check_count(cqlp_body *b, const char *field, uint64_t count, size_t item_len);

cql_status cqlp_fail(cqlp_body *b, cql_status st, const char *format, ...) __attribute__((format(printf, 3, 4)));
cql_status cqlp_fail_memory(cqlp_body *b);
/* A text with a terminating NUL and none before, in valid UTF-8: '?' stands for what is not. NULL: out of memory. */
const char *cqlp_text(cqlp_body *b, cql_slice s);
const char *cqlp_text_in(cql_arena *a, cql_slice s);
void cqlp_mend(char *text, size_t len);

/* --- columns: column_types.c, columns.c --------------------------------------------------------------------------- */

cql_status cqlp_read_type(cqlp_body *b, const cql_type **out);         /* [option] */
void cqlp_put_type(cql_buf *b, uint8_t version, const cql_type *type); /* [option] */
cql_status cqlp_read_columns(cqlp_body *b, bool global, uint32_t count, const cql_column **out);
void cqlp_put_columns(cql_buf *b, uint8_t version, const cql_column *columns, uint32_t count); /* global when it can */
bool cqlp_columns_share_table(const cql_column *columns, uint32_t count);

enum { /* of rows metadata, v5 4.2.5.2 */
       CQLP_ROWS_GLOBAL_TABLE = 0x0001,
       CQLP_ROWS_HAS_MORE_PAGES = 0x0002,
       CQLP_ROWS_NO_METADATA = 0x0004,
       CQLP_ROWS_METADATA_CHANGED = 0x0008
};

/* --- writing an envelope: put_body.c ------------------------------------------------------------------------------ */

/* What does not fit a length of the protocol makes b fail with CQL_LIMIT. */
size_t cqlp_begin_request(cql_buf *b, uint8_t version, cql_opcode opcode); /* returns where it starts */
size_t cqlp_begin_response(cql_buf *b, uint8_t version, cql_opcode opcode);
void cqlp_end(cql_buf *b, size_t start);       /* stores the length; takes a failed envelope back */
void cqlp_refuse(cql_buf *b);                  /* b fails with CQL_LIMIT, unless it has failed already */
void cqlp_put_string(cql_buf *b, cql_slice s); /* [string], [short bytes] */
void cqlp_put_text(cql_buf *b, const char *text);
void cqlp_put_bytes(cql_buf *b, cql_slice s); /* [bytes], [long string]; data NULL: -1 */
void cqlp_put_u16_count(cql_buf *b, uint32_t count);

/* --- ERROR: errors.c ---------------------------------------------------------------------------------------------- */

cql_status cqlp_read_error(cqlp_body *b, cql_server_error *e);

/* --- requests ----------------------------------------------------------------------------------------------------- */

enum { /* of query parameters, v5 4.1.4: a byte in version 4, an int in 5 */
       CQLP_HAS_VALUES = 0x0001,
       CQLP_SKIP_METADATA = 0x0002,
       CQLP_HAS_PAGE_SIZE = 0x0004,
       CQLP_HAS_PAGING_STATE = 0x0008,
       CQLP_HAS_SERIAL_CONSISTENCY = 0x0010,
       CQLP_HAS_TIMESTAMP = 0x0020,
       CQLP_HAS_NAMES = 0x0040,
       CQLP_HAS_KEYSPACE = 0x0080,
       CQLP_HAS_NOW = 0x0100
};

enum { CQLP_PREPARE_HAS_KEYSPACE = 0x01 };

#endif
