/* protocol.h: the native protocol, versions 4 and 5, as bytes in and messages out, messages in and bytes out. The
 * header that other rooms include. No socket, no clock, no thread, no global.
 *
 * Three layers, each usable alone, each from either side of a connection:
 *
 *   framing    bytes of a socket  <->  envelopes      cql_decoder, cql_encoder
 *   requests   a struct           <->  an envelope    cql_put_query() …    cql_request_decode()
 *   responses  an envelope        <->  a struct       cql_response_decode(), cql_put_rows() …
 *
 * An envelope is what the specification calls a frame in version 4 and an envelope in version 5: nine bytes of header,
 * then a body.
 *
 *   OFFSET  SIZE  FIELD
 *   0       1     version; the high bit marks a response
 *   1       1     flags: CQL_FLAG_…
 *   2       2     stream, signed; CQL_STREAM_EVENT for events
 *   4       1     opcode
 *   5       4     length of the body, big-endian, at most CQL_BODY_LEN_MAX
 *
 * How envelopes travel: bare until READY or AUTHENTICATE has been sent (that answer is bare too); afterwards bare in
 * version 4, the body compressed where its flag says so, and inside of segments in version 5.
 *
 * Sources: native_protocol_v4.spec, native_protocol_v5.spec (with segments: Cassandra 4.0 and later),
 * org.apache.cassandra.net.FrameDecoderCrc, FrameDecoderLZ4, Crc.
 */
#ifndef CQL_PROTOCOL_H
#define CQL_PROTOCOL_H

#include <cql/cql.h>

#include "value/value.h"

/* --- limits and words --------------------------------------------------------------------------------------------- */

enum {
  CQL_VERSION_4 = 4,
  CQL_VERSION_5 = 5,
  CQL_ENVELOPE_HEADER_LEN = 9,
  CQL_BODY_LEN_MAX = 256 * 1024 * 1024, /* also of what a compressed body says it unpacks to */
  CQL_SEGMENT_PAYLOAD_MAX = 131071,     /* 17 bits */
  CQL_STREAM_COUNT = 32768,             /* stream ids 0 … 32767 */
  CQL_STREAM_EVENT = -1,
  CQL_COLUMN_COUNT_MAX = 65535,    /* of a result, and bind markers of a statement */
  CQL_STRING_MAP_COUNT_MAX = 1024, /* entries of SUPPORTED, STARTUP, a custom payload */
  CQL_WARNING_COUNT_MAX = 1024,    /* of one response; further ones are not read */
  CQL_FAILURE_COUNT_MAX = 1024,    /* entries of the reason map of a read or write failure */
};

typedef enum cql_opcode {
  CQL_OP_ERROR = 0x00,
  CQL_OP_STARTUP = 0x01,
  CQL_OP_READY = 0x02,
  CQL_OP_AUTHENTICATE = 0x03,
  CQL_OP_OPTIONS = 0x05,
  CQL_OP_SUPPORTED = 0x06,
  CQL_OP_QUERY = 0x07,
  CQL_OP_RESULT = 0x08,
  CQL_OP_PREPARE = 0x09,
  CQL_OP_EXECUTE = 0x0A,
  CQL_OP_REGISTER = 0x0B,
  CQL_OP_EVENT = 0x0C,
  CQL_OP_BATCH = 0x0D,
  CQL_OP_AUTH_CHALLENGE = 0x0E,
  CQL_OP_AUTH_RESPONSE = 0x0F,
  CQL_OP_AUTH_SUCCESS = 0x10
} cql_opcode;

enum { /* of an envelope */
       CQL_FLAG_COMPRESSED = 0x01,
       CQL_FLAG_TRACING = 0x02,
       CQL_FLAG_CUSTOM_PAYLOAD = 0x04,
       CQL_FLAG_WARNING = 0x08,
       CQL_FLAG_USE_BETA = 0x10
};

typedef struct cql_envelope {
  uint8_t version; /* without the response bit; any value: an ERROR that refuses our version comes in the server's */
  bool is_response;
  uint8_t flags;
  int16_t stream;
  uint8_t opcode;
  cql_slice body; /* unpacked. Borrowed from the decoder until its next call, unless it was taken */
} cql_envelope;

/* --- framing: bytes to envelopes ---------------------------------------------------------------------------------- */

typedef struct cql_decoder cql_decoder;

/* body_limit: the longest body that is accepted, at most CQL_BODY_LEN_MAX; 0: that. A server gives a smaller one to
 * those who have not logged in. CQL_NOMEM. */
cql_status cql_decoder_new(cql_decoder **out, size_t body_limit, const cql_alloc *alloc);
void cql_decoder_free(cql_decoder *d); /* NULL is fine */

/* Where the next bytes of the socket go: *len > 0 bytes of room, once cql_decoder_next() has answered CQL_NEED_MORE. A
 * long body that is not in segments is read straight into the buffer that it will be taken in. Memory is reserved as
 * bytes arrive, not as a length promises. NULL: out of memory. */
uint8_t *cql_decoder_room(cql_decoder *d, size_t *len);
void cql_decoder_filled(cql_decoder *d, size_t len); /* how many of them came */

/* The next envelope. CQL_NEED_MORE: there is none yet. CQL_MALFORMED, CQL_LIMIT, CQL_NOMEM (err says what, and at which
 * byte of the connection) are final: the connection can only be closed, and every later call answers the same. */
cql_status cql_decoder_next(cql_decoder *d, cql_envelope *out, cql_error *err);
/* Moves the body of the envelope that next() gave last into out, which must hold nothing (what it was initialised with
 * is replaced): without a copy when the body has a buffer of its own, else by one. e->body then borrows from out.
 * CQL_NOMEM: e is as it was. */
cql_status cql_decoder_take(cql_decoder *d, cql_envelope *e, cql_buf *out);

/* From the next byte on (what was filled already is read that way too): version 5's segments; LZ4, in segments or in
 * the bodies of version 4. The moment for segments is when READY or AUTHENTICATE has come, or, for a server, when
 * STARTUP has. Bodies of version 4 say for themselves whether they are packed, and the answer to STARTUP may be: turn
 * LZ4 on when STARTUP goes out. */
void cql_decoder_use_segments(cql_decoder *d, bool lz4);
void cql_decoder_use_lz4(cql_decoder *d);

/* --- framing: envelopes to bytes ---------------------------------------------------------------------------------- */

typedef struct cql_encoder cql_encoder;

/* limit: the most bytes that wait to be sent; 0: none but memory. CQL_NOMEM. */
cql_status cql_encoder_new(cql_encoder **out, size_t limit, const cql_alloc *alloc);
void cql_encoder_free(cql_encoder *e); /* NULL is fine */

/* Appends a whole envelope (header and body, as cql_put_…() writes them) under another stream id; envelope is only
 * read, so that it can be sent again elsewhere. In segments, short ones share a segment until cql_encoder_pending() is
 * called; a long one is cut. Bodies of version 4, and segments, are compressed when LZ4 is on, they are at least
 * CQL_COMPRESS_LEN_MIN bytes, and it makes them shorter; STARTUP and OPTIONS never are. CQL_NOMEM, CQL_LIMIT: nothing
 * was appended, and the encoder goes on. CQL_MISUSE: envelope is not exactly one. */
enum { CQL_COMPRESS_LEN_MIN = 512 };
cql_status cql_encoder_put(cql_encoder *e, cql_slice envelope, int16_t stream);
/* The bytes to send, complete; borrowed until the next call. Empty: nothing waits. Cannot fail. */
cql_slice cql_encoder_pending(cql_encoder *e);
void cql_encoder_sent(cql_encoder *e, size_t len); /* how many of them went out */

void cql_encoder_use_segments(cql_encoder *e, bool lz4);
void cql_encoder_use_lz4(cql_encoder *e);

/* --- requests ----------------------------------------------------------------------------------------------------- */

/* Each cql_put_…() of a request appends one whole envelope with stream 0 to b. What goes wrong is in b->st (CQL_NOMEM,
 * CQL_LIMIT); those that can refuse what they are given say so. */

typedef struct cql_pair {
  cql_slice name, value;
} cql_pair;

void cql_put_options(cql_buf *b, uint8_t version);
void cql_put_startup(cql_buf *b, uint8_t version, const cql_pair *options, uint32_t count);
void cql_put_auth_response(cql_buf *b, uint8_t version, cql_slice token); /* data NULL: a null token */
void cql_put_register(cql_buf *b, uint8_t version, const char *const *events, uint32_t count);

/* What QUERY and EXECUTE share (v5 4.1.4, <query_parameters>). Names of values are not sent: markers are positional. */
typedef struct cql_parameters {
  uint16_t consistency;
  uint16_t serial_consistency; /* 0: not sent, the server's default is SERIAL */
  const cql_value *values;
  uint32_t value_count;
  bool skip_metadata;
  int32_t page_size;      /* 0 or less: not sent */
  cql_slice paging_state; /* data NULL: not sent */
  int64_t timestamp;      /* CQL_TIMESTAMP_NONE: not sent */
  cql_slice keyspace;     /* version 5; data NULL: not sent */
} cql_parameters;

/* CQL_LIMIT: more than 65535 values, a value, text or name that is too long; CQL_UNSUPPORTED: a keyspace in version 4;
 * CQL_MISUSE: a negative length other than CQL_NULL and CQL_UNSET. Nothing is appended then. */
cql_status cql_put_query(cql_buf *b, uint8_t version, cql_slice text, const cql_parameters *p, cql_error *err);
cql_status cql_put_prepare(cql_buf *b, uint8_t version, cql_slice text, cql_slice keyspace, cql_error *err);
/* metadata_id: of the result, version 5 (ignored in 4). */
cql_status cql_put_execute(cql_buf *b, uint8_t version, cql_slice id, cql_slice metadata_id, const cql_parameters *p,
                           cql_error *err);

typedef struct cql_batch_item {
  cql_slice id; /* of a prepared statement; data NULL: text */
  cql_slice text;
  const cql_value *values;
  uint32_t value_count;
} cql_batch_item;

/* Of p only the consistencies, the timestamp and the keyspace are looked at. */
cql_status cql_put_batch(cql_buf *b, uint8_t version, cql_batch_type type, const cql_batch_item *items, uint32_t count,
                         const cql_parameters *p, cql_error *err);

/* A request as a server reads it. Slices borrow from the envelope's body, arrays live in the arena. */
typedef struct cql_message {
  cql_opcode opcode;
  bool wants_tracing;
  const cql_pair *pairs; /* STARTUP: options; REGISTER: names alone, without values */
  uint32_t pair_count;
  cql_slice token; /* AUTH_RESPONSE; data NULL: null */
  cql_slice text;  /* QUERY, PREPARE */
  cql_slice id;    /* EXECUTE */
  cql_slice metadata_id;
  cql_parameters parameters;    /* QUERY, EXECUTE, BATCH */
  const cql_slice *value_names; /* QUERY with names, one per value; else NULL */
  cql_slice keyspace;           /* PREPARE */
  cql_batch_type batch_type;
  const cql_batch_item *items; /* BATCH */
  uint32_t item_count;
} cql_message;

/* CQL_PROTOCOL with words for a client, as Cassandra refuses it; CQL_NOMEM. Bytes behind what is known are ignored. */
cql_status cql_request_decode(cql_message *out, cql_arena *a, const cql_envelope *e, cql_error *err);

/* --- responses ---------------------------------------------------------------------------------------------------- */

typedef struct cql_supported {
  const cql_pair *pairs; /* one per value: a name with three values stands there three times */
  uint32_t count;
} cql_supported;

/* An ERROR (v5 section 9). Fields beside code and message stand there by code; the others are 0. Unknown codes and
 * write types are no failure of decoding. */
typedef struct cql_server_error {
  uint32_t code;
  cql_slice message;
  uint16_t consistency;       /* 1000, 1100, 1200, 1300, 1500, 1700 */
  int32_t required, received; /* 1000: required, alive. 1100, 1200, 1300, 1500, 1700: block for, received */
  int32_t failures;           /* 1300, 1500: how many replicas failed */
  bool data_present;          /* 1200, 1300 */
  cql_slice write_type;       /* 1100, 1500: "SIMPLE", "BATCH", "UNLOGGED_BATCH", "COUNTER", "BATCH_LOG", "CAS", … */
  uint16_t contentions;       /* 1100 with CAS, version 5 */
  cql_slice keyspace, table;  /* 2400; keyspace alone: the keyspace exists. 1400: keyspace */
  cql_slice function;         /* 1400 */
  cql_slice id;               /* 2500: the statement that is not prepared */
} cql_server_error;

typedef struct cql_schema_change {
  cql_slice change, target, keyspace, name; /* "CREATED", "TABLE", …; name is empty for a keyspace */
} cql_schema_change;

typedef struct cql_rows_metadata {
  uint32_t column_count;
  const cql_column *columns; /* NULL: they were left out, as asked; those of the prepared statement hold */
  bool has_more_pages;
  cql_slice paging_state;    /* data NULL: none */
  cql_slice new_metadata_id; /* version 5, METADATA_CHANGED; data NULL: unchanged */
} cql_rows_metadata;

typedef struct cql_prepared_result {
  cql_slice id;
  cql_slice metadata_id; /* version 5; data NULL */
  uint32_t bind_count;
  const cql_column *binds;
  uint32_t key_index_count;
  const uint16_t *key_indexes; /* which markers make the partition key, in its order */
  cql_rows_metadata rows;      /* of the result; column_count 0: none, or not known before (a conditional write) */
} cql_prepared_result;

typedef struct cql_event {
  cql_slice type;    /* "TOPOLOGY_CHANGE", "STATUS_CHANGE", "SCHEMA_CHANGE"; others are to be ignored */
  cql_slice change;  /* "NEW_NODE", "REMOVED_NODE", "UP", "DOWN" */
  cql_slice address; /* 4 or 16 bytes */
  int32_t port;
  cql_schema_change schema;
} cql_event;

/* A response. Slices borrow from the envelope's body; arrays, columns, types and every text with a terminating NUL live
 * in the arena. */
typedef struct cql_response {
  cql_opcode opcode;
  cql_slice tracing_id; /* 16 bytes; data NULL: none */
  const char **warnings;
  uint32_t warning_count;
  const cql_pair *payload; /* custom payload; values are bytes */
  uint32_t payload_count;
  cql_server_error error;       /* ERROR */
  cql_slice authenticator;      /* AUTHENTICATE: the Java class */
  cql_slice token;              /* AUTH_CHALLENGE, AUTH_SUCCESS; data NULL: null */
  cql_supported supported;      /* SUPPORTED */
  cql_event event;              /* EVENT */
  int32_t kind;                 /* RESULT: 1 … 5, see CQL_RESULT_… and CQL_RESULT_PREPARED */
  cql_slice keyspace;           /* SET_KEYSPACE */
  cql_schema_change change;     /* SCHEMA_CHANGE */
  cql_prepared_result prepared; /* PREPARED */
  cql_rows_metadata rows;       /* ROWS */
  uint32_t row_count;
  cql_slice row_bytes; /* the rows: per cell an i32 length and that many bytes; not looked into */
} cql_response;

enum { CQL_RESULT_PREPARED = 4 };

/* CQL_MALFORMED (err names the field and the byte), CQL_LIMIT, CQL_NOMEM. Bytes behind what is known are ignored. An
 * opcode that is no response is malformed. */
cql_status cql_response_decode(cql_response *out, cql_arena *a, const cql_envelope *e, cql_error *err);

/* Makes a cql_error of an ERROR: status (CQL_SERVER_BASE + code, CQL_SERVER for codes without a status of ours), text,
 * "line 1:7 …" as a position, and the numbers. Returns the status. */
cql_status cql_server_error_tell(const cql_server_error *e, cql_error *err);

/* Makes a result of a RESULT (void, rows, set keyspace, schema change), with its warnings, without a copy of the rows:
 * takes body, from cql_decoder_take(), on every path; NULL: what is needed is copied. Columns that the response has are
 * copied; where it left them out (NO_METADATA) those of its statement are borrowed until the result is freed, which the
 * caller sees to with (*out)->release. An ERROR answers as cql_server_error_tell() does. CQL_MISUSE: another response;
 * CQL_MALFORMED: other than column_count columns; CQL_NOMEM. On failure *out is NULL. */
cql_status cql_response_result(const cql_response *r, cql_buf *body, const cql_column *columns, uint32_t column_count,
                               const cql_alloc *alloc, cql_result **out, cql_error *err);

/* What a server sends. Each appends one whole envelope with stream 0 (cql_encoder_put() patches it). */
void cql_put_error(cql_buf *b, uint8_t version, const cql_server_error *e);
void cql_put_ready(cql_buf *b, uint8_t version);
void cql_put_authenticate(cql_buf *b, uint8_t version, const char *authenticator);
void cql_put_auth_challenge(cql_buf *b, uint8_t version, cql_slice token);
void cql_put_auth_success(cql_buf *b, uint8_t version, cql_slice token);
void cql_put_supported(cql_buf *b, uint8_t version, const cql_pair *pairs, uint32_t count); /* equal names adjacent */
void cql_put_event(cql_buf *b, uint8_t version, const cql_event *e);
void cql_put_void(cql_buf *b, uint8_t version);
void cql_put_set_keyspace(cql_buf *b, uint8_t version, cql_slice keyspace);
void cql_put_schema_change(cql_buf *b, uint8_t version, const cql_schema_change *change);
void cql_put_prepared(cql_buf *b, uint8_t version, const cql_prepared_result *p);
/* rows: row_count rows in wire format. columns NULL in metadata: NO_METADATA. */
void cql_put_rows(cql_buf *b, uint8_t version, const cql_rows_metadata *metadata, uint32_t row_count, cql_slice rows);

#endif
