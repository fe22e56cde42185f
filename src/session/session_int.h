/* session_int.h: what the files of this room share. */
#ifndef CQLI_SESSION_INT_H
#define CQLI_SESSION_INT_H

#include "base/lock.h"
#include "engine/engine.h"
#include "session/session.h"

/* --- url.c -------------------------------------------------------------------------------------------------------- */

typedef struct cqli_url {
  bool in_memory;
  char path[CQL_SESSION_URL_LEN]; /* decoded; "" in memory */
  char keyspace[CQL_NAME_LEN];    /* "" when not given */
  bool durability_full;
  uint32_t busy_timeout_ms;
} cqli_url;

/* CQL_BAD_URL with words that name the part; CQL_UNSUPPORTED for the kinds of session that are not built. */
cql_status cqli_url_parse(cqli_url *out, const char *text, cql_error *err);

/* --- cache.c: prepared statements by (keyspace, text), least recently used last ----------------------------------- */

enum { CQLI_CACHE_BUCKET_COUNT = 2048 }; /* a power of two, about twice the entries */

typedef struct cqli_cache {
  cql_prepared *buckets[CQLI_CACHE_BUCKET_COUNT];
  cql_prepared *newest, *oldest;
  uint32_t count;
} cqli_cache;

/* All of them are called with the session's lock held. find makes its hit the newest; NULL: not there. put takes no
 * reference: cached is the flag that keeps a statement alive. */
cql_prepared *cqli_cache_find(cqli_cache *c, const char *keyspace, cql_slice text);
void cqli_cache_put(cqli_cache *c, cql_prepared *p);
void cqli_cache_remove(cqli_cache *c, cql_prepared *p);

/* --- handles ------------------------------------------------------------------------------------------------------ */

/* A session lives until its owner has closed it and nobody holds a prepared statement or a result of it: each of those
 * is one reference. The lock guards every field below it, here and in the prepared statements; no engine call is made
 * while it is held, so it is only ever held for a moment. */
struct cql_session {
  cql_engine *engine;
  cql_lock lock;
  uint64_t refs;
  char keyspace[CQL_NAME_LEN];
  cqli_cache cache;
};

/* The face of a prepared statement (markers and columns) never changes while somebody holds it: `described` is the plan
 * it was made with. `current` is the plan that runs; a schema change replaces it. */
struct cql_prepared {
  cql_session *session;
  cql_plan *described;
  cql_plan *current; /* guarded, as all below */
  uint64_t users;    /* references that callers hold */
  bool cached;
  uint32_t hash;
  cql_prepared *chain;         /* same bucket */
  cql_prepared *newer, *older; /* order of use */
  char keyspace[CQL_NAME_LEN];
  size_t text_len;
  char text[]; /* NUL-terminated */
};

/* --- session.c ---------------------------------------------------------------------------------------------------- */

/* The lock is held by the caller. */
void cqli_session_retain(cql_session *s);
/* Takes the lock itself; the last reference closes the engine. */
void cqli_session_release(cql_session *s);
/* Copies the keyspace a request runs in: its own, or the session's. CQL_INVALID when the name is too long. */
cql_status cqli_session_request_keyspace(cql_session *s, const char *wanted, char out[CQL_NAME_LEN], cql_error *err);

/* --- prepared.c --------------------------------------------------------------------------------------------------- */

/* The plan that p runs, one reference for the caller. */
cql_plan *cqli_prepared_plan(const cql_prepared *p);
/* Plans p again when `stale` is still what it runs. CQL_UNPREPARED when its markers are no longer the ones its holder
 * has seen: the values may be encoded for other types. */
cql_status cqli_prepared_replan(const cql_prepared *p, const cql_plan *stale, cql_error *err);

/* --- request.c ---------------------------------------------------------------------------------------------------- */

/* A text or a prepared statement of this session, and values where their count says so. CQL_MISUSE. */
cql_status cqli_request_check(const cql_session *s, const cql_request *request, cql_error *err);
/* The number of values, and the consistency levels. CQL_INVALID. */
cql_status cqli_values_check(const cql_request *request, const cql_plan *plan, cql_error *err);
/* Runs p, planned anew as often as the schema changes under it. */
cql_status cqli_execute_prepared(cql_session *s, const cql_prepared *p, const cql_request *request, cql_result **out,
                                 cql_error *err);
/* Takes what the engine made: ties it to the session, follows a USE. On failure it is freed. */
cql_status cqli_adopt(cql_session *s, cql_result *made, cql_result **out, cql_error *err);

/* --- consistency.c ------------------------------------------------------------------------------------------------ */

/* Refuses levels that do not exist or do not fit the statement, as Cassandra does. */
cql_status cqli_consistency_check(const cql_request *request, const cql_plan_info *info, cql_error *err);

#endif
