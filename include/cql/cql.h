/* cql.h: libcql, CQL for C programs. One session over a file on this machine (the embedded engine); over a cluster the
 * same calls serve.
 *
 *   cql_error err;
 *   cql_session *s;
 *   if (cql_session_open(&s, "local:party.cql", &err) != CQL_OK) die(err.message);
 *   cql_result *r;
 *   cql_request q = CQL_REQUEST_TEXT("SELECT city, name FROM fun.party WHERE city = 'Oslo'");
 *   if (cql_session_execute(s, &q, &r, &err) != CQL_OK) die(err.message);
 *   cql_value cells[2];
 *   while (cql_result_next(r, cells) == CQL_OK) printf("%.*s\n", cells[1].len, (const char *)cells[1].data);
 *   cql_result_free(r);
 *   cql_session_close(s);
 *
 * Words: an argument that a call BORROWS is used until the call returns; what it COPIES may be freed at once; what it
 * TAKES is freed by the callee on every path. Handles are opaque. A session may be used by several threads at once; a
 * prepared statement too; a result belongs to one thread at a time.
 */
#ifndef CQL_CQL_H
#define CQL_CQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cql/status.h>
#include <cql/type.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CQL_VERSION_TEXT "0.1.0"

typedef struct cql_session cql_session;
typedef struct cql_prepared cql_prepared;
typedef struct cql_result cql_result;

/* One value in wire format (native protocol v5, section 6). len >= 0: that many bytes at data. */
enum { CQL_NULL = -1, CQL_UNSET = -2 };
typedef struct cql_value {
  const uint8_t *data;
  int32_t len; /* bytes, or CQL_NULL, or CQL_UNSET (bind values only) */
} cql_value;

typedef struct cql_column {
  const char *keyspace; /* NUL-terminated, UTF-8 */
  const char *table;
  const char *name;
  const cql_type *type;
} cql_column;

/* Native protocol v5, section 3, [consistency]. */
typedef enum cql_consistency {
  CQL_ANY = 0x0000,
  CQL_ONE = 0x0001,
  CQL_TWO = 0x0002,
  CQL_THREE = 0x0003,
  CQL_QUORUM = 0x0004,
  CQL_ALL = 0x0005,
  CQL_LOCAL_QUORUM = 0x0006,
  CQL_EACH_QUORUM = 0x0007,
  CQL_SERIAL = 0x0008,
  CQL_LOCAL_SERIAL = 0x0009,
  CQL_LOCAL_ONE = 0x000A,
  CQL_CONSISTENCY_DEFAULT = 0xFFFF /* ours, never sent: the session's */
} cql_consistency;

/* May a statement be run twice with the outcome of once? Only then is it sent again after an answer was lost, or to a
 * second node before the first has answered. */
typedef enum cql_idempotence {
  CQL_IDEMPOTENCE_BY_TEXT = 0, /* reads; writes of constants and markers without IF, counters, lists that grow, now() */
  CQL_IDEMPOTENT,
  CQL_NOT_IDEMPOTENT
} cql_idempotence;

/* Write timestamps are microseconds since 1970. This value leaves the choice to the session. */
#define CQL_TIMESTAMP_NONE INT64_MIN

/* What to run. Either text or prepared is set. All pointers are borrowed for the call. */
typedef struct cql_request {
  const char *text;
  size_t text_len;
  const cql_prepared *prepared;
  const cql_value *values; /* one per bind marker, in order of appearance */
  uint32_t value_count;
  int32_t page_size; /* rows; 0 or less: everything in one page */
  const uint8_t *paging_state;
  size_t paging_state_len;
  const char *keyspace; /* default keyspace of this request, NULL: the session's */
  uint16_t consistency; /* cql_consistency; checked, and obeyed where there are replicas */
  uint16_t serial_consistency;
  int64_t timestamp;   /* CQL_TIMESTAMP_NONE, or the default timestamp of the writes */
  uint32_t timeout_ms; /* for the whole request, retries included; 0: the session's. Clusters */
  uint8_t idempotence; /* cql_idempotence. Clusters */
  bool more;           /* submitted: others follow at once, and cql_session_flush() after the last one. Clusters */
} cql_request;

#define CQL_REQUEST_INIT                                                                                               \
  {                                                                                                                    \
    NULL, 0, NULL, NULL, 0, 0, NULL, 0, NULL, CQL_CONSISTENCY_DEFAULT, CQL_CONSISTENCY_DEFAULT, CQL_TIMESTAMP_NONE, 0, \
        0, false                                                                                                       \
  }
#define CQL_REQUEST_TEXT(literal)                                                                                      \
  {                                                                                                                    \
    (literal), sizeof(literal) - 1, NULL, NULL, 0, 0, NULL, 0, NULL, CQL_CONSISTENCY_DEFAULT, CQL_CONSISTENCY_DEFAULT, \
        CQL_TIMESTAMP_NONE, 0, 0, false                                                                                \
  }

typedef enum cql_batch_type { CQL_BATCH_LOGGED = 0, CQL_BATCH_UNLOGGED = 1, CQL_BATCH_COUNTER = 2 } cql_batch_type;

/* Tells how far a long call is, from time to time: what it is doing ("sweep", "shrink", "check") and 0 … 1 of that. An
 * answer of false ends the call early, with what is done done. */
typedef bool (*cql_progress)(void *user, const char *doing, double done);

typedef struct cql_compact_report {
  uint64_t keys_seen;
  uint64_t keys_removed;              /* rows, partitions' and ranges' deletions that are gone */
  uint64_t rows_rewritten;            /* that lost something */
  uint64_t bytes_before, bytes_after; /* of the file, once its log is copied back */
  bool finished;                      /* false: progress ended it */
} cql_compact_report;

/* One problem in words; text is lent for the call. */
typedef void (*cql_check_found)(void *user, const char *text);

typedef struct cql_check_report {
  uint64_t tables, indexes;
  uint64_t rows, deletions, entries;
  uint64_t stale_entries;  /* point to a row that is gone or has another value: slower, not wrong */
  uint64_t ahead_of_clock; /* rows with a timestamp above the last that the file gave: USING TIMESTAMP */
  uint64_t problems;       /* 0: the file is sound */
  bool finished;           /* false: progress ended it */
} cql_check_report;

#pragma GCC visibility push(default) /* exported from libcql.so, which is built with hidden symbols */

/* --- session ------------------------------------------------------------------------------------------------------ */

/* Opens a session. url is copied:
 *   local:PATH[?option=value&…]     a file, made when absent
 *   local::memory:[?keyspace=NAME]  a database that lives and dies with the session
 *   cassandra://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…][/KEYSPACE][?option=value&…]
 *                                   a cluster; src/session/url_options.c lists its options, docs/ref/libcql.md
 *                                   explains them
 *   astra:PATH[?user=token&password=TOKEN][&option=value…]
 *                                   Astra DB by its secure connect bundle, whose keyspace is the default; options
 *                                   as of a cluster but for those that the bundle answers: local_dc and tls
 * Options of a file:
 *   keyspace=NAME                   the default keyspace; need not exist yet
 *   durability=normal|full          survive kill -9 (normal, the default), or power loss too
 *   busy_timeout_ms=N               how long a write waits for another process's (default 10000)
 * CQL_BAD_URL, CQL_IO, CQL_NOT_A_DATABASE, CQL_VERSION, CQL_CORRUPT, CQL_NOMEM. On failure *out is NULL. */
cql_status cql_session_open(cql_session **out, const char *url, cql_error *err);
/* Closes the session when no prepared statement or result of it lives any more; no call may be running on it from
 * another thread. NULL is fine. In a forked child it only forgets. */
void cql_session_close(cql_session *session);

/* Runs a request; *out takes the result (free it with cql_result_free()). On failure *out is NULL. Statuses: those of
 * Cassandra (CQL_SERVER_BASE and above), CQL_NOMEM, CQL_IO, CQL_BUSY, CQL_LIMIT, CQL_CORRUPT. */
cql_status cql_session_execute(cql_session *session, const cql_request *request, cql_result **out, cql_error *err);
/* Runs a batch of INSERT, UPDATE and DELETE requests as one BATCH (native protocol v5, section 4.1.7). paging fields
 * and per-request consistency are ignored but for the first item's consistency, serial_consistency and timestamp. */
cql_status cql_session_batch(cql_session *session, cql_batch_type type, const cql_request *requests, uint32_t count,
                             cql_result **out, cql_error *err);
/* Runs INSERT, UPDATE and DELETE requests one after the other in one transaction of the file, conditional ones on any
 * tables and partitions among them: what a file can do and a cluster cannot. Each statement sees what those before it
 * wrote. all_or_nothing: the first condition that is not met ends the chain, and nothing of it is kept; else all of
 * them run, and what applied is kept. out has room for count results; the first *made are the caller's to free, and
 * the last of them says how it ended. On failure nothing is kept and *made is 0. Statuses:
 * cql_session_execute()'s; CQL_INVALID for other statements. Local only. */
cql_status cql_session_chain(cql_session *session, const cql_request *requests, uint32_t count, bool all_or_nothing,
                             cql_result **out, uint32_t *made, cql_error *err);

/* What became of one of many: a result to free, or an error. */
typedef struct cql_outcome {
  cql_status status;
  cql_result *result; /* NULL unless status is CQL_OK */
  cql_error error;    /* written only when status is another one */
  bool more;          /* for done: the thread calls it for others, and the function of cql_set_rest_hook() after them */
} cql_outcome;

/* Starts a request and returns; done is called once with what became of it, on a thread of the session's own, or, on a
 * file and whenever the answer is known at once, on the calling thread before this returns. done takes
 * outcome->result; outcome itself is lent. done must be short and must not wait for the session: it may submit.
 * The request and all it points to may be freed when this returns. On failure done is not called: CQL_MISUSE,
 * CQL_INVALID, CQL_NOMEM, CQL_QUEUE_FULL, CQL_CLOSED. */
typedef void (*cql_done)(void *user, cql_outcome *outcome);
cql_status cql_session_submit(cql_session *session, const cql_request *request, cql_done done, void *user,
                              cql_error *err);
cql_status cql_session_submit_batch(cql_session *session, cql_batch_type type, const cql_request *requests,
                                    uint32_t count, cql_done done, void *user, cql_error *err);

/* Behind requests that were submitted with more: one wake-up sends them all. Without it they go with whatever is sent
 * next, or never. Any thread. */
void cql_session_flush(cql_session *session);

/* A function that each thread of a session calls when it has called done for all answers that have come, before it
 * waits: whom done has put answers aside for, with outcome->more, can be woken there, once for all. For all sessions,
 * set before the first one is opened; NULL: none. It must be short. */
void cql_set_rest_hook(void (*rest)(void));

/* A function of the program that says whether a thread that waits for a cluster shall give up, with CQL_INTERRUPTED:
 * Ctrl-C. It is called on the waiting thread, ten times a second. One for the process; NULL: none. */
void cql_set_interrupt_check(bool (*interrupted)(void));

/* For programs whose threads run one at a time, as those of an interpreter with a lock of its own: of the threads whose
 * answers have come from a cluster, only the first one is woken, and the next when that one calls cql_end_turn(), which
 * it does when it lets go of the lock; at the latest a millisecond later. For the process, for good. */
void cql_take_turns(void);
void cql_end_turn(void); /* the thread need not have a turn */

enum { CQL_EXECUTE_MANY_COUNT = 4096 };

/* Runs requests side by side, each on its own: its outcome and its timestamp do not depend on the others, and no order
 * is promised. On a file all of them share as few commits as can be, which makes this many times faster than a call for
 * each; other writers wait for the whole group, so groups of hundreds are better neighbours than groups of thousands.
 * outcomes has room for count and need not be initialised. CQL_LIMIT: more than CQL_EXECUTE_MANY_COUNT, nothing ran;
 * CQL_NOMEM: likewise. Otherwise CQL_OK, and outcomes tells the rest. */
cql_status cql_session_execute_many(cql_session *session, const cql_request *requests, uint32_t count,
                                    cql_outcome *outcomes, cql_error *err);

/* Parses and plans text once. The same text in the same keyspace gives the same handle from the session's cache, with
 * one more reference. A schema change behind its back is noticed at the next execution. */
cql_status cql_session_prepare(cql_session *session, const char *text, size_t text_len, const char *keyspace,
                               cql_prepared **out, cql_error *err);
void cql_prepared_release(cql_prepared *prepared); /* NULL is fine */
uint32_t cql_prepared_bind_count(const cql_prepared *prepared);
const cql_column *cql_prepared_bind(const cql_prepared *prepared,
                                    uint32_t i);                  /* name and type of a marker; NULL: out of range */
uint32_t cql_prepared_column_count(const cql_prepared *prepared); /* of the rows it will give; 0 for a write */
const cql_column *cql_prepared_column(const cql_prepared *prepared, uint32_t i);
bool cql_prepared_is_conditional(const cql_prepared *prepared); /* has IF */
bool cql_prepared_is_select(const cql_prepared *prepared);

/* The session's default keyspace, set by USE or the URL; "" when there is none. Copies into out, NUL-terminated. */
void cql_session_keyspace(cql_session *session, char out[CQL_NAME_LEN]);

/* What a session knows of a node of its cluster. */
typedef enum cql_node_state {
  CQL_NODE_UP = 1,
  CQL_NODE_SILENT = 2, /* connected, and answers are overdue: others are asked first */
  CQL_NODE_DOWN = 3,   /* no connection */
  CQL_NODE_REMOTE = 4  /* of another data centre: none is wanted */
} cql_node_state;

typedef struct cql_node_info {
  const char *address; /* and port */
  const char *dc, *rack, *release;
  cql_node_state state;
  uint32_t connections; /* open ones that requests share */
} cql_node_info;

/* Calls seen for each node of the cluster that is known at the moment; asks none of them. Cluster only. */
cql_status cql_session_nodes(cql_session *session, void (*seen)(void *user, const cql_node_info *node), void *user,
                             cql_error *err);

/* Copies the whole database to a new file at path, while others read and write. CQL_IO when path exists. Local only. */
cql_status cql_session_backup(cql_session *session, const char *path, cql_error *err);

/* Takes out of the file what nobody needs any more: what expired or was deleted more than gc_grace_seconds ago, and the
 * cells of dropped columns; then gives free space back to the file system. In many short transactions: others read and
 * write meanwhile. The same goes on in small steps beside ordinary writes, except that free space stays with the file.
 * progress may be NULL. Local only. CQL_BUSY, CQL_IO, CQL_CORRUPT, CQL_NOMEM. */
cql_status cql_session_compact(cql_session *session, cql_progress progress, void *user, cql_compact_report *report,
                               cql_error *err);
/* Checks everything that must hold in the file, in one snapshot, writing nothing. found is called once for each
 * problem; CQL_OK: the check was made, see report->problems. found and progress may be NULL. Local only. */
cql_status cql_session_check(cql_session *session, cql_progress progress, cql_check_found found, void *user,
                             cql_check_report *report, cql_error *err);

/* --- results ------------------------------------------------------------------------------------------------------ */

typedef enum cql_result_kind {
  CQL_RESULT_VOID = 1,
  CQL_RESULT_ROWS = 2,
  CQL_RESULT_SET_KEYSPACE = 3,
  CQL_RESULT_SCHEMA_CHANGE = 5
} cql_result_kind;

cql_result_kind cql_result_get_kind(const cql_result *result);
uint32_t cql_result_column_count(const cql_result *result);
const cql_column *cql_result_column(const cql_result *result, uint32_t i); /* NULL: out of range */
uint64_t cql_result_row_count(const cql_result *result);                   /* of this page */
/* Gives the next row: one cell per column, borrowed from the result until it is freed. CQL_DONE at the end. */
cql_status cql_result_next(cql_result *result, cql_value *cells);
void cql_result_rewind(cql_result *result);
/* Where the next page starts: *len bytes borrowed from the result, or NULL when this was the last page. */
const uint8_t *cql_result_paging_state(const cql_result *result, size_t *len);
uint32_t cql_result_warning_count(const cql_result *result);
const char *cql_result_warning(const cql_result *result, uint32_t i);
/* CQL_RESULT_SET_KEYSPACE: the keyspace. CQL_RESULT_SCHEMA_CHANGE: "CREATED", "UPDATED" or "DROPPED", what ("KEYSPACE",
 * "TABLE", "TYPE") and which. Borrowed; "" where there is none. */
const char *cql_result_keyspace(const cql_result *result);
const char *cql_result_change(const cql_result *result);
const char *cql_result_change_target(const cql_result *result);
const char *cql_result_change_name(const cql_result *result);
void cql_result_free(cql_result *result); /* NULL is fine */

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
