/* retry.c: whether a request that failed is sent again, and where.
 *
 * Two questions, in this order. Is it safe? A request that may have run is sent again only if it is idempotent; an
 * answer proves that it has not run only where Cassandra's code says so. Is it of use? Another coordinator sees other
 * nodes alive and asks other replicas; but each try of a request that was costly makes a slow cluster slower, so there
 * are limits, and the request's own deadline stands above all of it: it is final, and nobody asks here then.
 *
 * Where the default policies of the drivers for Java (4), Python (3) and Rust say otherwise, the reason says so. All
 * of them give up after one retry of a kind, which a rolling restart of three nodes can use up.
 */
#include "client/map.h"

#include <string.h>

enum {
  NO_LIMIT = INT32_MAX, /* the plan's end is one: no node is tried twice */
  CHEAP_MAX = 3,        /* the node refused at once */
  COSTLY_MAX = 2,       /* replicas worked, or a time-out passed */
  PREPARES_MORE = 6,    /* than twice for each statement: one that is forgotten again and again is not to be had */
  DOUBTS_MAX = 4        /* statements of a batch */
};

typedef enum safety { ALWAYS, IF_IDEMPOTENT } safety;

typedef struct rule {
  cql_status status;
  bool (*applies)(const cqli_failure *f); /* NULL: it does */
  safety safety;
  uint32_t limit; /* retries so far, from which on the rule does not apply */
  cqli_verdict verdict;
} rule;

/* --- what the rules ask ------------------------------------------------------------------------------------------- */

static bool nothing_sent(const cqli_failure *f) {
  return !f->may_have_run;
}

static bool may_prepare(const cqli_failure *f) {
  uint64_t statements = f->statement_count == 0 ? 1 : f->statement_count;
  return f->prepares < 2 * statements + PREPARES_MORE;
}

/* A table that was dropped and made again with other types: when somebody else has prepared the text meanwhile, the
 * node knows it, and reads our values as others. The drivers hold the values invalid for ever. */
static bool may_doubt_markers(const cqli_failure *f) {
  return f->doubts < f->statement_count && f->doubts < DOUBTS_MAX;
}

/* Enough replicas answered, but the one that was to send the data, not a digest, did not. */
static bool lacks_only_data(const cqli_failure *f) {
  return f->error->received >= f->error->required && !f->error->data_present && f->retries == 0;
}

static bool is_no_cas(const cqli_failure *f) {
  return strcmp(f->error->write_type, "CAS") != 0;
}

/* A coordinator looks who is alive before it writes to a partition; with several partitions, it may have written to
 * some by then (StorageProxy.mutate), but for a logged batch, where it looks at all of them before it writes the log
 * (mutateAtomically). A conditional write looks again before it commits, which is after the decision: only when the
 * serial consistency could not be had was there none. */
static bool is_unavailable_untouched(const cqli_failure *f) {
  uint16_t level = f->error->consistency;
  return f->is_conditional ? level == CQL_SERIAL || level == CQL_LOCAL_SERIAL : f->is_one_write;
}

static bool is_over_rate(const cqli_failure *f) {
  return cqli_is_rate_limit(f->error);
}

bool cqli_is_rate_limit(const cql_error *err) {
  return err->status == CQL_OVERLOADED && strstr(err->message, "Rate limit reached") != NULL;
}

/* --- the table: the first rule that applies ----------------------------------------------------------------------- */

static const rule RULES[] = {
    /* The connection ended, or never was: nothing of the request has left. CREDENTIALS, PROTOCOL and the like are the
     * handshake's then: while nodes restart, one may not reach the replicas that know the password. */
    {CQL_CONNECTION, nothing_sent, ALWAYS, NO_LIMIT, CQLI_NEXT_NODE},
    {CQL_TIMEOUT, nothing_sent, ALWAYS, NO_LIMIT, CQLI_NEXT_NODE},
    {CQL_RESOLVE, nothing_sent, ALWAYS, NO_LIMIT, CQLI_NEXT_NODE},
    {CQL_TLS, nothing_sent, ALWAYS, NO_LIMIT, CQLI_NEXT_NODE},
    {CQL_IO, nothing_sent, ALWAYS, NO_LIMIT, CQLI_NEXT_NODE},
    {CQL_NO_HOST, nothing_sent, ALWAYS, NO_LIMIT, CQLI_NEXT_NODE},
    {CQL_MALFORMED, nothing_sent, ALWAYS, NO_LIMIT, CQLI_NEXT_NODE},
    {CQL_CREDENTIALS, nothing_sent, ALWAYS, NO_LIMIT, CQLI_NEXT_NODE},
    {CQL_PROTOCOL, nothing_sent, ALWAYS, NO_LIMIT, CQLI_NEXT_NODE},
    {CQL_SERVER, nothing_sent, ALWAYS, NO_LIMIT, CQLI_NEXT_NODE},
    {CQL_OVERLOADED, nothing_sent, ALWAYS, NO_LIMIT, CQLI_NEXT_NODE},

    /* It ended with the request in flight, or its heartbeat stayed without an answer. Each node of a rolling restart
     * does that once. */
    {CQL_CONNECTION, NULL, IF_IDEMPOTENT, CHEAP_MAX, CQLI_NEXT_NODE},
    {CQL_TIMEOUT, NULL, IF_IDEMPOTENT, COSTLY_MAX, CQLI_NEXT_NODE},

    /* The node's bytes make no sense. Those of another may, during an upgrade; if the fault is ours, no node's do. */
    {CQL_MALFORMED, NULL, IF_IDEMPOTENT, 1, CQLI_NEXT_NODE},

    /* It has forgotten the statement, and says so before it does anything. If it forgets again and again, another node
     * may remember. */
    {CQL_UNPREPARED, may_prepare, ALWAYS, NO_LIMIT, CQLI_PREPARE},
    {CQL_UNPREPARED, NULL, ALWAYS, CHEAP_MAX, CQLI_NEXT_NODE},

    /* Its values do not fit, which is found before anything runs. Perhaps they would have fitted when it was prepared.
     */
    {CQL_INVALID, may_doubt_markers, ALWAYS, NO_LIMIT, CQLI_PREPARE},

    /* It joins the ring and reads nothing yet; writes it takes. */
    {CQL_BOOTSTRAPPING, NULL, ALWAYS, NO_LIMIT, CQLI_NEXT_NODE},

    /* It believes too few replicas alive. One that has just started, or is cut off, is wrong about that. The drivers
     * hold that nothing has run whatever the request was, and try once; but an unlogged batch, or DELETE … IN, may have
     * run in part. */
    {CQL_UNAVAILABLE, is_unavailable_untouched, ALWAYS, CHEAP_MAX, CQLI_NEXT_NODE},
    {CQL_UNAVAILABLE, NULL, IF_IDEMPOTENT, CHEAP_MAX, CQLI_NEXT_NODE},

    /* Astra DB counts requests where they come in, at the proxy: one over the limit reaches no node. So whatever it is,
     * it has not run; and another node is behind the same proxy. */
    {CQL_OVERLOADED, is_over_rate, ALWAYS, NO_LIMIT, CQLI_LATER},

    /* It sheds load. Mostly before it begins, but too many hints in flight are noticed on the way. */
    {CQL_OVERLOADED, NULL, IF_IDEMPOTENT, CHEAP_MAX, CQLI_NEXT_NODE},

    /* An accident inside of it: often that it is being shut down. */
    {CQL_SERVER, NULL, IF_IDEMPOTENT, CHEAP_MAX, CQLI_NEXT_NODE},

    /* A replica was down while the table was emptied, or failed; to empty it twice is to empty it. */
    {CQL_TRUNCATE, NULL, IF_IDEMPOTENT, COSTLY_MAX, CQLI_NEXT_NODE},

    /* The same node has noted which replica is slow, and asks another for the data now. */
    {CQL_READ_TIMEOUT, lacks_only_data, IF_IDEMPOTENT, COSTLY_MAX, CQLI_SAME_NODE},
    /* Too few answered: one of those that were asked has just gone, or is frozen, and the coordinator does not know it
     * yet. The drivers give up. */
    {CQL_READ_TIMEOUT, NULL, IF_IDEMPOTENT, COSTLY_MAX, CQLI_NEXT_NODE},

    /* The same. A CAS that timed out may be decided later, by the next Paxos round of anybody: the caller has to look.
     * BATCH_LOG (the log of a batch was not written in time) is a safe case for Java's and Python's driver; but one
     * node may have it, and will run the batch: then it runs twice. */
    {CQL_WRITE_TIMEOUT, is_no_cas, IF_IDEMPOTENT, COSTLY_MAX, CQLI_NEXT_NODE},

    /* A replica answered that it failed. That of another coordinator may not: once, since a partition full of
     * tombstones fails everywhere, and dearly. The drivers give up, and so would a replica that shuts down make us. */
    {CQL_READ_FAILURE, NULL, IF_IDEMPOTENT, 1, CQLI_NEXT_NODE},
    {CQL_WRITE_FAILURE, is_no_cas, IF_IDEMPOTENT, 1, CQLI_NEXT_NODE},

    /* Not here, so that the error is the answer: CAS_UNKNOWN (as a CAS that timed out); SYNTAX, UNAUTHORIZED, INVALID,
     * CONFIG, ALREADY_EXISTS, FUNCTION_FAILURE, and PROTOCOL and CREDENTIALS of a request (every node says the same);
     * CDC_WRITE_FAILURE (a full disk); what is of this side: NOMEM, LIMIT, QUEUE_FULL, CLOSED, INTERRUPTED, MISUSE. */
};

static bool is_match(const rule *r, const cqli_failure *f) {
  return r->status == f->error->status && f->retries < r->limit && (r->safety == ALWAYS || f->is_idempotent) &&
         (r->applies == NULL || r->applies(f));
}

cqli_verdict cqli_retry(const cqli_failure *f) {
  for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++)
    if (is_match(&RULES[i], f)) return RULES[i].verdict;
  return CQLI_GIVE_UP;
}
