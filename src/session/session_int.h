/* session_int.h: what the files of this room share. */
#ifndef CQLI_SESSION_INT_H
#define CQLI_SESSION_INT_H

#include "base/lock.h"
#include "client/client.h"
#include "engine/engine.h"
#include "session/session.h"
#include "session/url.h"

/* --- the two sides: what a file and a cluster do each in their way ------------------------------------------------ */

/* Requests have been checked, and *out is NULL. Functions that are NULL here are CQL_UNSUPPORTED, see file_only.c. */
typedef struct cqli_side {
  cql_status (*open)(cql_session *s, const cqli_url *url, cql_error *err);
  /* The owner has closed the session: nobody calls any more, though handles live. May be NULL. */
  void (*leave)(cql_session *s);
  void (*close)(cql_session *s); /* no handle lives any more */

  /* Prepares p's text in its keyspace and fills in its face. */
  cql_status (*prepare)(cql_prepared *p, cql_error *err);
  /* Does what p says of its markers and columns still hold? CQL_UNPREPARED: no, and the cache has forgotten it. */
  cql_status (*refresh)(cql_prepared *p, cql_error *err);
  void (*release)(cql_prepared *p); /* p is neither cached nor held; frees what prepare() made */

  cql_status (*execute)(cql_session *s, const cql_request *q, cql_result **out, cql_error *err);
  cql_status (*batch)(cql_session *s, cql_batch_type type, const cql_request *requests, uint32_t count,
                      cql_result **out, cql_error *err);
  cql_status (*execute_many)(cql_session *s, const cql_request *requests, uint32_t count, cql_outcome *outcomes,
                             cql_error *err);
  cql_status (*submit)(cql_session *s, const cql_request *q, cql_done done, void *user, cql_error *err);
  cql_status (*submit_batch)(cql_session *s, cql_batch_type type, const cql_request *requests, uint32_t count,
                             cql_done done, void *user, cql_error *err);
  void (*flush)(cql_session *s); /* may be NULL: nothing waits for others */
  cql_status (*nodes)(cql_session *s, void (*seen)(void *user, const cql_node_info *node), void *user, cql_error *err);
  cql_status (*chain)(cql_session *s, const cql_request *requests, uint32_t count, bool all_or_nothing,
                      cql_result **out, uint32_t *made, cql_error *err);
  cql_status (*backup)(cql_session *s, const char *path, cql_error *err);
  cql_status (*compact)(cql_session *s, cql_progress progress, void *user, cql_compact_report *report, cql_error *err);
  cql_status (*check)(cql_session *s, cql_progress progress, cql_check_found found, void *user,
                      cql_check_report *report, cql_error *err);
} cqli_side;

extern const cqli_side cqli_local_side;   /* local.c */
extern const cqli_side cqli_cluster_side; /* cluster.c */

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

/* A session lives until its owner has closed it and nobody holds a prepared statement of it, or a result whose columns
 * borrow from a plan: each of those is one reference. The lock guards every field below it, here and in the prepared
 * statements; no call into engine or client is made while it is held, so it is only ever held for a moment. */
struct cql_session {
  const cqli_side *side;
  cql_engine *engine;                       /* of a file */
  cql_client *client;                       /* of a cluster; NULL once the owner has closed the session */
  uint16_t consistency, serial_consistency; /* of requests that name none */
  cql_lock lock;
  uint64_t refs;
  char keyspace[CQL_NAME_LEN];
  cqli_cache cache;
};

/* What a prepared statement says of itself; it never changes while somebody holds it. */
typedef struct cqli_face {
  uint32_t bind_count, column_count;
  const cql_column *binds, *columns;
  bool is_select, is_conditional, is_idempotent;
} cqli_face;

struct cql_prepared {
  cql_session *session;
  cqli_face face;
  union {
    /* described is the plan whose face this is; current, guarded, the one that runs: a schema change replaces it. */
    struct {
      cql_plan *described, *current;
    } local;
    cql_statement *statement; /* on a cluster */
  } as;
  uint64_t users; /* references that callers hold; guarded, as all below */
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
/* Takes the lock itself; the last reference closes the session. */
void cqli_session_release(cql_session *s);
/* Copies the keyspace a request runs in: its own, or the session's. CQL_INVALID when the name is too long. */
cql_status cqli_session_request_keyspace(cql_session *s, const char *wanted, char out[CQL_NAME_LEN], cql_error *err);
void cqli_session_use(cql_session *s, const char *keyspace); /* copies */

/* --- prepared.c --------------------------------------------------------------------------------------------------- */

/* After a schema change the cache must not hand out a statement whose face is no longer true. */
void cqli_prepared_forget(cql_prepared *p);
/* Frees a statement that is neither cached nor held; NULL is fine. Called without the lock. */
void cqli_prepared_destroy(cql_prepared *p);
bool cqli_same_columns(const cql_column *x, uint32_t x_count, const cql_column *y, uint32_t y_count);
cql_status cqli_markers_changed(cql_error *err); /* CQL_UNPREPARED in words */

/* --- request.c ---------------------------------------------------------------------------------------------------- */

/* A text or a prepared statement of this session, and values where their count says so. CQL_MISUSE. */
cql_status cqli_request_check(const cql_session *s, const cql_request *request, cql_error *err);
/* One value for each of count markers? CQL_INVALID. */
cql_status cqli_values_check(const cql_request *request, uint32_t count, cql_error *err);
/* The requests of a batch or chain, and how many they are. CQL_MISUSE, CQL_INVALID. */
cql_status cqli_requests_check(const cql_session *s, const char *noun, const cql_request *requests, uint32_t count,
                               cql_error *err);
/* The schema changed again and again while a statement was prepared: CQL_BUSY in words. */
cql_status cqli_changing_schema(cql_error *err);

/* --- consistency.c ------------------------------------------------------------------------------------------------ */

int cqli_consistency_named(cql_slice name); /* the level of that name, -1: there is none */
/* Refuses levels that do not exist or do not fit the statement, as Cassandra does. */
cql_status cqli_consistency_check(const cql_request *request, const cql_plan_info *info, cql_error *err);

/* --- local_prepared.c, local_request.c, local_many.c -------------------------------------------------------------- */

cql_status cqli_local_prepare(cql_prepared *p, cql_error *err);
cql_status cqli_local_refresh(cql_prepared *p, cql_error *err);
void cqli_local_release(cql_prepared *p);
/* The plan that p runs, one reference for the caller. */
cql_plan *cqli_local_plan(const cql_prepared *p);
/* Plans p again when `stale` is still what it runs. CQL_UNPREPARED when its markers are no longer the ones its holder
 * has seen: the values may be encoded for other types. */
cql_status cqli_local_replan(const cql_prepared *p, const cql_plan *stale, cql_error *err);
/* The number of values, and the consistency levels. CQL_INVALID. */
cql_status cqli_local_check(const cql_request *request, const cql_plan *plan, cql_error *err);
/* Runs p, planned anew as often as the schema changes under it. */
cql_status cqli_local_run(cql_session *s, const cql_prepared *p, const cql_request *request, cql_result **out,
                          cql_error *err);
/* Takes what the engine made: ties it to the session, follows a USE. On failure it is freed. */
cql_status cqli_local_adopt(cql_session *s, cql_result *made, cql_result **out, cql_error *err);

cql_status cqli_local_execute(cql_session *s, const cql_request *q, cql_result **out, cql_error *err);
cql_status cqli_local_batch(cql_session *s, cql_batch_type type, const cql_request *requests, uint32_t count,
                            cql_result **out, cql_error *err);
cql_status cqli_local_chain(cql_session *s, const cql_request *requests, uint32_t count, bool all_or_nothing,
                            cql_result **out, uint32_t *made, cql_error *err);
cql_status cqli_local_execute_many(cql_session *s, const cql_request *requests, uint32_t count, cql_outcome *outcomes,
                                   cql_error *err);

/* --- cluster_prepared.c, cluster_call.c, cluster_request.c, cluster_many.c, cluster_submit.c ---------------------- */

cql_status cqli_cluster_prepare(cql_prepared *p, cql_error *err);
cql_status cqli_cluster_refresh(cql_prepared *p, cql_error *err);
void cqli_cluster_release(cql_prepared *p);
/* Drops what the cache knows under this statement, whose markers have changed. It is only compared. */
void cqli_cluster_forget(cql_session *s, const cql_statement *statement);

/* Has a node refused a text because the keyspace it came with does not exist? Would it run without one? */
bool cqli_cluster_lacks_keyspace(const char *keyspace, cql_status st, const cql_error *err);
bool cqli_cluster_wants_keyspace(cql_status st, const cql_error *err);

/* May this thread wait for the cluster? CQL_MISUSE in a cql_done, which runs where answers come from. */
cql_status cqli_cluster_may_wait(cql_error *err);

/* One call and what it stands on. own: what was prepared because the request had a text with values. */
typedef struct cqli_call {
  cql_call_config config;
  cql_call_item item;
  cql_prepared *own;
  char keyspace[CQL_NAME_LEN];
} cqli_call;

/* Makes a call of a request, which it borrows; prepares its text when it has values, for which it may wait. Ends with
 * cqli_call_clear(), also after a failure. call must not move. */
cql_status cqli_call_init(cqli_call *call, cql_session *s, const cql_request *q, cql_error *err);
void cqli_call_clear(cqli_call *call);

typedef struct cqli_batch_call {
  cql_call_config config;
  uint32_t count;
  cql_call_item *items;
  cql_prepared **own;
  char keyspace[CQL_NAME_LEN];
} cqli_batch_call;

cql_status cqli_batch_call_init(cqli_batch_call *call, cql_session *s, cql_batch_type type, const cql_request *requests,
                                uint32_t count, cql_error *err);
void cqli_batch_call_clear(cqli_batch_call *call);

/* What an answer means for the session: a USE, markers that changed (CQL_UNPREPARED, in our words). Returns st. */
cql_status cqli_cluster_follow(cql_session *s, const cql_call_config *call, cql_status st, const cql_result *result,
                               cql_error *err);

cql_status cqli_cluster_execute(cql_session *s, const cql_request *q, cql_result **out, cql_error *err);
cql_status cqli_cluster_batch(cql_session *s, cql_batch_type type, const cql_request *requests, uint32_t count,
                              cql_result **out, cql_error *err);
cql_status cqli_cluster_execute_many(cql_session *s, const cql_request *requests, uint32_t count, cql_outcome *outcomes,
                                     cql_error *err);
cql_status cqli_cluster_submit(cql_session *s, const cql_request *q, cql_done done, void *user, cql_error *err);
cql_status cqli_cluster_submit_batch(cql_session *s, cql_batch_type type, const cql_request *requests, uint32_t count,
                                     cql_done done, void *user, cql_error *err);

#endif
