/* status.h: what a libcql call can answer, and the words that go with it.
 *
 * Every function that can fail returns a cql_status. Values below CQL_SERVER_BASE are ours. Values from there on are
 * the error classes of Cassandra itself: CQL_SERVER_BASE plus the error code of the native protocol (v5, section 9),
 * whether a cluster sent it or the embedded engine found it.
 */
#ifndef CQL_STATUS_H
#define CQL_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CQL_SERVER_BASE 0x10000

/* X(name, value, text). One list makes the enum, cql_status_name() and cql_status_text(). */
#define CQL_STATUS_MAP(X)                                                                                              \
  X(OK, 0, "ok")                                                                                                       \
  X(DONE, 1, "no more rows")                                                                                           \
  X(NEED_MORE, 2, "the input ends too early")                                                                          \
  X(NOMEM, 10, "out of memory")                                                                                        \
  X(LIMIT, 11, "a named limit was exceeded")                                                                           \
  X(MALFORMED, 12, "malformed bytes")                                                                                  \
  X(MISUSE, 13, "the call does not fit the state of the handle")                                                       \
  X(CLOSED, 14, "the handle is closed")                                                                                \
  X(IO, 15, "the file could not be read or written")                                                                   \
  X(BUSY, 16, "the file is locked by another writer")                                                                  \
  X(NOT_A_DATABASE, 17, "the file is not a libcql database")                                                           \
  X(VERSION, 18, "the file was written by another version of libcql")                                                  \
  X(CORRUPT, 19, "the file is damaged")                                                                                \
  X(BAD_URL, 20, "the session URL is not understood")                                                                  \
  X(UNSUPPORTED, 21, "not supported")                                                                                  \
  X(NO_HOST, 22, "no node of the cluster could be reached")                                                            \
  X(TIMEOUT, 23, "no answer came in time")                                                                             \
  X(CONNECTION, 24, "the connection broke")                                                                            \
  X(RESOLVE, 25, "the host name has no address")                                                                       \
  X(TLS, 26, "the TLS handshake failed")                                                                               \
  X(QUEUE_FULL, 27, "too many requests wait")                                                                          \
  X(INTERRUPTED, 28, "interrupted")                                                                                    \
  X(BUDGET, 29, "more rows were read and not returned than allowed")                                                   \
  X(SERVER, CQL_SERVER_BASE + 0x0000, "server error")                                                                  \
  X(PROTOCOL, CQL_SERVER_BASE + 0x000A, "protocol error")                                                              \
  X(CREDENTIALS, CQL_SERVER_BASE + 0x0100, "bad credentials")                                                          \
  X(UNAVAILABLE, CQL_SERVER_BASE + 0x1000, "unavailable")                                                              \
  X(OVERLOADED, CQL_SERVER_BASE + 0x1001, "overloaded")                                                                \
  X(BOOTSTRAPPING, CQL_SERVER_BASE + 0x1002, "bootstrapping")                                                          \
  X(TRUNCATE, CQL_SERVER_BASE + 0x1003, "truncate error")                                                              \
  X(WRITE_TIMEOUT, CQL_SERVER_BASE + 0x1100, "write timeout")                                                          \
  X(READ_TIMEOUT, CQL_SERVER_BASE + 0x1200, "read timeout")                                                            \
  X(READ_FAILURE, CQL_SERVER_BASE + 0x1300, "read failure")                                                            \
  X(FUNCTION_FAILURE, CQL_SERVER_BASE + 0x1400, "function failure")                                                    \
  X(WRITE_FAILURE, CQL_SERVER_BASE + 0x1500, "write failure")                                                          \
  X(CDC_WRITE_FAILURE, CQL_SERVER_BASE + 0x1600, "CDC write failure")                                                  \
  X(CAS_UNKNOWN, CQL_SERVER_BASE + 0x1700, "outcome of a conditional write unknown")                                   \
  X(SYNTAX, CQL_SERVER_BASE + 0x2000, "syntax error")                                                                  \
  X(UNAUTHORIZED, CQL_SERVER_BASE + 0x2100, "unauthorized")                                                            \
  X(INVALID, CQL_SERVER_BASE + 0x2200, "invalid request")                                                              \
  X(CONFIG, CQL_SERVER_BASE + 0x2300, "configuration error")                                                           \
  X(ALREADY_EXISTS, CQL_SERVER_BASE + 0x2400, "already exists")                                                        \
  X(UNPREPARED, CQL_SERVER_BASE + 0x2500, "unprepared statement")

typedef enum cql_status {
#define CQL_STATUS_ENUM(name, value, text) CQL_##name = (value),
  CQL_STATUS_MAP(CQL_STATUS_ENUM)
#undef CQL_STATUS_ENUM
} cql_status;

enum {
  CQL_ERROR_MESSAGE_LEN = 1024,
  CQL_NAME_LEN = 64,
  CQL_HOST_LEN = 96,     /* of "127.0.0.1:9042"; a longer name is cut */
  CQL_REASON_LEN = 160,  /* of what one host said */
  CQL_ATTEMPT_COUNT = 8, /* attempts that an error remembers: the last ones */
  CQL_WRITE_TYPE_LEN = 16
};

/* How far an attempt to use a host of a cluster came. */
/* clang-format off */
#define CQL_STAGE_MAP(X) \
  X(NONE, "none") X(RESOLVE, "resolve") X(CONNECT, "connect") X(TLS, "tls") X(OPTIONS, "options") \
  X(STARTUP, "startup") X(AUTH, "auth") X(KEYSPACE, "keyspace") X(REQUEST, "request") X(METADATA, "metadata")
/* clang-format on */

typedef enum cql_stage {
#define CQL_STAGE_ENUM(name, text) CQL_STAGE_##name,
  CQL_STAGE_MAP(CQL_STAGE_ENUM)
#undef CQL_STAGE_ENUM
} cql_stage;

/* One host that was tried. */
typedef struct cql_attempt {
  char host[CQL_HOST_LEN]; /* "address:port", "host id via address:port", or a name that was not resolved */
  cql_stage stage;         /* where it ended */
  cql_status status;
  uint32_t elapsed_ms;
  char reason[CQL_REASON_LEN]; /* UTF-8, NUL-terminated */
} cql_attempt;

/* What went wrong, in words. The caller owns the struct and passes it in; no memory hangs off it. Every function that
 * takes one accepts NULL. It is written only when the call fails. */
typedef struct cql_error {
  cql_status status;
  uint32_t line;                       /* of the CQL text, from 1; 0 when there is no position */
  uint32_t column;                     /* in bytes, from 0, as Cassandra counts */
  char keyspace[CQL_NAME_LEN];         /* CQL_ALREADY_EXISTS only, else "" */
  char table[CQL_NAME_LEN];            /* CQL_ALREADY_EXISTS only, else "" */
  char message[CQL_ERROR_MESSAGE_LEN]; /* UTF-8, NUL-terminated, cut at a character when too long */
  /* What a cluster says of replicas (native protocol v5, section 9); 0 and "" elsewhere. */
  uint16_t consistency;
  int32_t required, received, failures;
  bool data_present;
  char write_type[CQL_WRITE_TYPE_LEN]; /* "SIMPLE", "BATCH", "CAS", … */
  /* The hosts that were tried, oldest first. */
  uint32_t attempt_count;
  cql_attempt attempts[CQL_ATTEMPT_COUNT];
} cql_error;

#pragma GCC visibility push(default) /* exported from libcql.so, which is built with hidden symbols */

/* "INVALID" and "invalid request". Static strings; an unknown value gives "UNKNOWN" and "unknown status". */
const char *cql_status_name(cql_status status);
const char *cql_status_text(cql_status status);
/* "resolve", "connect", … */
const char *cql_stage_name(cql_stage stage);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
