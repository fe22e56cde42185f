/* client_int.h: what the files of this room share, from the handle down to one call. conn.h and map.h are the two other
 * private headers.
 *
 * Who touches what: fields "of the loop" are read and written by the loop's thread alone; "guarded" ones under
 * core->lock, held for a moment at a time and never over a system call but the wake-up.
 */
#ifndef CQLI_CLIENT_INT_H
#define CQLI_CLIENT_INT_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "base/lock.h"
#include "client/bundle.h"
#include "client/map.h"

enum {
  CQLI_CALL_NODES_MAX = 16,  /* nodes that one call may ask, one after the other */
  CQLI_TRIES_MAX = 2,        /* and at once */
  CQLI_DIRECT_MAX = 64,      /* direct connections per node */
  CQLI_CONNECTIONS_MAX = 16, /* shared ones */
  CQLI_EXPECTED_LEN = 1024,  /* envelopes up to here keep their buffer for the next call */
  CQLI_SPARE_CALLS_COUNT = 512,
  CQLI_REFRESH_MS = 1000,           /* after an event, until the nodes are read anew: events come in swarms */
  CQLI_AGREEMENT_FIRST_POLL_MS = 5, /* others learn of a change by a message; then by and by less often, */
  CQLI_AGREEMENT_POLL_MS = 100,
  CQLI_LOOKUP_POLL_MS = 20,
  CQLI_PROXY_NAME_LEN = 256,
};

typedef struct cqli_core cqli_core;
typedef struct cqli_host cqli_host;
typedef struct cqli_call cqli_call;
typedef struct cqli_agreement cqli_agreement;

/* --- settings.c --------------------------------------------------------------------------------------------------- */

/* A copy of a configuration in an arena of its own, with all defaults filled in. */
typedef struct cqli_settings {
  cql_arena arena;
  cql_client_config config; /* of a bundle: with its certificates and keyspace filled in */
  bool has_bundle;
  cqli_bundle bundle;
} cqli_settings;

/* CQL_BAD_URL: no contact point, too many, a number out of range. CQL_NOMEM. */
cql_status cqli_settings_copy(cqli_settings *out, const cql_client_config *config, cql_error *err);
void cqli_settings_free(cqli_settings *s);
/* bundle_load.c. CQL_BAD_URL: no file, no bundle; CQL_NOMEM. */
cql_status cqli_bundle_load(cqli_bundle *out, const cql_client_config *config, cql_arena *arena, cql_error *err);

/* --- attempts.c --------------------------------------------------------------------------------------------------- */

void cqli_copy_text(char *out, const char *text, size_t room); /* cut at a character */
void cqli_reason(cql_attempt *attempt, const char *text);
/* An error about hosts that were tried: its text names each with stage and reason. Its status is that of the attempts
 * when they agree, else `otherwise`. Returns the status. */
cql_status cqli_fail_attempts(cql_error *err, cql_status otherwise, const cql_attempt *attempts, uint32_t count);

/* --- timers.c: moments of the loop, over one uv_timer_t ----------------------------------------------------------- */

/* Part of what waits. fire is called once on the loop's thread; the timer is out of the heap by then. */
typedef struct cqli_timer {
  cqli_deadline deadline; /* first: a deadline is its timer */
  void (*fire)(cqli_core *core, struct cqli_timer *t);
} cqli_timer;

/* What must not fail later for want of memory (connecting again, heartbeats) is assured of its place beforehand, on the
 * loop or before it runs. CQL_NOMEM. */
cql_status cqli_timer_assure(cqli_core *core, cqli_timer *t);
void cqli_timer_let_go(cqli_core *core, cqli_timer *t); /* stops it, too */
/* Sets or moves it. CQL_NOMEM, unless it is assured. */
cql_status cqli_timer_start(cqli_core *core, cqli_timer *t, uint64_t delay_ms);
void cqli_timer_stop(cqli_core *core, cqli_timer *t); /* not started: fine */
void cqli_timers_fire(cqli_core *core);               /* all that are due; sets the uv_timer_t for the next */

/* --- statements (statement.c) ------------------------------------------------------------------------------------- */

/* What the rows of a statement look like; a statement keeps every one that it had, so that a pointer stays good as long
 * as the statement does. */
typedef struct cqli_columns {
  struct cqli_columns *older;
  cql_arena arena;
  cql_slice metadata_id; /* data NULL in version 4 */
  uint32_t count;
  const cql_column *columns;
} cqli_columns;

struct cql_statement {
  const cql_alloc *alloc;
  _Atomic(uint64_t) refs;
  cql_arena arena; /* of info and id */
  cql_statement_info info;
  cql_slice id;
  const char *routing_keyspace;    /* of the table it is about: where replicas are looked up */
  _Atomic(cqli_columns *) columns; /* newest first. Any thread puts a newer one */
  _Atomic(bool) is_stale;
};

/* A statement out of a PREPARED response, with one reference. CQL_NOMEM. */
cql_status cqli_statement_new(cql_statement **out, const cql_alloc *alloc, const char *keyspace, cql_slice text,
                              const cql_prepared_result *r, cql_error *err);
/* METADATA_CHANGED: later answers have these columns. *out: those to read this one by. Any thread. */
cql_status cqli_statement_change(cql_statement *s, const cql_rows_metadata *m, cqli_columns **out, cql_error *err);
/* Is a node's PREPARED the statement we know? Same id and markers. */
bool cqli_statement_fits(const cql_statement *s, const cql_prepared_result *r);

/* --- views: the map, and the host of each of its nodes (view.c) --------------------------------------------------- */

/* Where the partition of a request lives. */
typedef struct cqli_route {
  bool has_token;
  int64_t token;
  const char *keyspace;
} cqli_route;

typedef struct cqli_view {
  uint64_t refs; /* guarded */
  cqli_map *map;
  uint32_t count;
  cqli_host **hosts; /* hosts[i] is node i of the map; each is held */
} cqli_view;

/* Both take the lock. */
cqli_view *cqli_view_get(cqli_core *core); /* NULL: nothing is known yet */
void cqli_view_put(cqli_core *core, cqli_view *v);
void cqli_view_drop(cqli_core *core, cqli_view *v); /* the lock is held */
/* Makes and publishes the view of a new map (taken on success); hosts come and go with it. Loop. CQL_NOMEM. */
cql_status cqli_view_publish(cqli_core *core, cqli_map *map);
/* The nodes a call may ask, those with connections first. Any thread. */
uint32_t cqli_view_plan(const cqli_core *core, const cqli_view *v, const cqli_route *route, bool in_ring_order,
                        uint64_t random, uint16_t out[CQLI_CALL_NODES_MAX]);

/* --- hosts and their connections (host.c, direct.c) --------------------------------------------------------------- */

/* One connection of a host, and what a thread needs that uses it alone. */
typedef struct cqli_link {
  cqli_host *host;
  cqli_conn *conn; /* NULL: none now */
  struct cqli_link *next;
  bool is_direct, is_open;
  /* shared: something was appended that is to be flushed */
  bool is_dirty;
  struct cqli_link *next_dirty;
  /* direct: the first is the loop's, the others are used by the thread that has it */
  struct cqli_link *next_settling;
  struct cqli_link *next_made, **back; /* core->direct */
  cql_arena arena;
  cql_buf envelope;
} cqli_link;

/* A statement that is being prepared at a node, and the calls that wait for that. Of the loop. */
typedef struct cqli_prepare {
  struct cqli_prepare *next;
  cqli_host *host;
  cql_statement *statement;
  cqli_call *calls;
} cqli_prepare;

struct cqli_host {
  cqli_core *core;
  cqli_host *next; /* of core->hosts; loop */
  uint64_t refs;   /* guarded: the list, views, and direct links */
  cqli_address address;
  char name[CQL_HOST_LEN];
  _Atomic(uint32_t) open_count; /* shared connections that take requests */
  _Atomic(bool) is_silent;      /* answers are due on one of them and do not come: others are asked first */
  /* of the loop */
  cqli_link *shared; /* settings.connections of them */
  uint32_t failures;
  bool was_tried; /* the first attempt to connect has ended */
  cqli_timer reconnect;
  cql_attempt last_failure;
  cqli_prepare *prepares;
  cqli_link *resting; /* direct links that the loop watches: opening, or with a late answer to come */
  /* guarded */
  cqli_link *idle;
  uint32_t direct_count; /* in all states */
  bool wants_direct, wants_doubt, is_removed;
};

/* Loop. */
cql_status cqli_host_new(cqli_core *core, const cqli_address *address, cqli_host **out);
void cqli_host_start(cqli_host *h);      /* connects, again and again until it is removed */
void cqli_host_remove(cqli_host *h);     /* closes its connections; freed when nobody holds it */
void cqli_host_hurry(cqli_host *h);      /* an event says that it is up: connect now */
void cqli_host_ask(cqli_host *h);        /* its shared connections: does it live? */
cqli_link *cqli_host_pick(cqli_host *h); /* the open shared connection with the fewest requests; NULL: none */
/* cqli_conn_send(), flushed before the loop sleeps. */
cql_status cqli_link_send(cqli_link *l, cql_slice envelope, cqli_answer *answer, void *user, int16_t *stream);
void cqli_link_flush_later(cqli_link *l); /* the same for what was appended otherwise */
void cqli_core_flush(cqli_core *core);
/* How to connect to a node, as all connections of a client do. */
cqli_conn_config cqli_conn_config_of(cqli_core *core, const cqli_address *address);
void cqli_host_open_direct(cqli_host *h);
void cqli_direct_settle(cqli_core *core);
void cqli_direct_return(cqli_link *l);
void cqli_direct_close_idle(cqli_host *h);
void cqli_hosts_heartbeat(cqli_core *core); /* idle direct connections are asked whether they live */
void cqli_host_release(cqli_host *h);       /* the lock is held */
/* Any thread. An idle direct link of the host, for the caller alone; NULL: none (and one more is asked for). */
cqli_link *cqli_direct_take(cqli_core *core, cqli_host *h);
void cqli_direct_give(cqli_core *core, cqli_link *l, bool is_sound);
/* Any thread. It has waited for long: the loop shall find out whether the host is silent. */
void cqli_host_doubt(cqli_core *core, cqli_host *h);

/* --- the loop's thread (loop.c) and the life of it (core.c, fork.c) ------------------------------------------------
 */

typedef enum cqli_state { CQLI_OPENING, CQLI_OPEN, CQLI_FAILED, CQLI_CLOSING } cqli_state;

/* The control connection: reads what the cluster is, hears of changes (control.c, refresh.c). Of the loop. */
typedef struct cqli_control {
  cqli_conn *conn; /* NULL: none */
  bool is_open;
  cqli_address self;     /* of conn */
  uint32_t next_contact; /* while none was ever open: which address is tried */
  uint32_t next_host;
  bool has_looked_up; /* in this round: the names of the contact points */
  uint32_t failures;
  cql_attempt attempts[CQL_ATTEMPT_COUNT]; /* since one was open */
  uint32_t attempt_count;
  cqli_timer retry, refresh;
  bool has_no_peers_v2;
  /* refresh.c: what is being read */
  bool is_reading, read_again;
  bool is_limited;          /* one of the answers was refused over the database's rate */
  uint32_t limited_count;   /* how often in a row, */
  int64_t limited_since_us; /* and since when */
  bool may_lag;             /* it was asked for before the node sent us events: what changed meanwhile is not in it */
  uint32_t unanswered;      /* questions */
  cqli_timer patience;
  cql_arena arena; /* of the nodes */
  cqli_node local;
  cqli_node *peers;
  uint32_t peer_count;
  cql_result *keyspaces;
} cqli_control;

/* The addresses of all contact points; it has room for as many as their names can have. */
typedef struct cqli_contacts {
  cqli_address *addresses;
  const char **names; /* for TLS: the name behind an address, or NULL */
  uint32_t count;
} cqli_contacts;

/* One address of the proxy. */
typedef struct cqli_place {
  cqli_address address;
  uint64_t shunned_ms; /* of the loop's clock: until then others are used */
} cqli_place;

typedef struct cqli_fetch cqli_fetch;
typedef enum cqli_search_step {
  CQLI_SEARCH_OVER,
  CQLI_SEARCH_SERVICE, /* the addresses of the metadata service */
  CQLI_SEARCH_ANSWER,
  CQLI_SEARCH_PROXY /* the addresses of the proxy */
} cqli_search_step;

/* The proxy that nodes stand behind, and the search for it (proxy.c). Of the loop. */
typedef struct cqli_proxy {
  char host[CQLI_PROXY_NAME_LEN]; /* in its certificates; "" while nothing is known */
  cqli_place places[CQLI_ADDRESSES_MAX];
  uint32_t place_count, turn;
  cqli_search_step step;
  cqli_lookup *lookup;
  cqli_fetch *fetch;
  int64_t began_us;
  cql_arena arena; /* of found */
  cqli_metadata found;
} cqli_proxy;

/* A group of calls that one thread waits for; it lives on that thread's stack. */
typedef struct cqli_group {
  uint64_t id; /* never used twice: a group's place on a stack is */
  _Atomic(uint32_t) left;
  sem_t called;  /* nothing is left, and its thread may go on */
  uint64_t turn; /* what it is called with; 0: none */
  struct cqli_group *next_turn;
  struct cqli_group *next_cancel; /* guarded by core->lock */
} cqli_group;

struct cqli_core {
  cql_client *client;
  const cqli_settings *settings;
  const cql_alloc *alloc;
  cql_lock lock;
  /* guarded */
  cqli_call *incoming, **incoming_end;
  cqli_link *returned; /* direct links that the loop shall look after */
  cqli_group *cancels;
  bool is_woken, wants_direct, wants_doubt, wants_open, must_stop;
  uint32_t unanswered;
  cqli_view *view;
  _Atomic(cqli_state) state;
  _Atomic(bool) is_running;
  _Atomic(uint32_t) waiting_threads; /* for single requests that the loop sends */
  cqli_call *spare;                  /* calls to be used again */
  uint32_t spare_count;
  pthread_cond_t changed; /* state; with the lock's mutex */
  cql_error open_error;   /* CQLI_FAILED */
  uint32_t drain_ms;      /* CQLI_CLOSING */
  pthread_t thread;
  _Atomic(uint8_t) version; /* 0: not known yet */
  /* of the loop */
  uv_loop_t loop;
  uv_async_t wake;
  uv_timer_t timer;
  uv_prepare_t before_poll; /* flushes */
  cqli_deadlines deadlines;
  cqli_timer heartbeat, drain, turn;
  cqli_limited limited;     /* how fast requests may go; is_on is anybody's */
  cqli_timer limited_timer; /* the next one may */
  uint64_t seen_turn;
  cqli_tls *tls;
  cqli_contacts contacts, found; /* contacts.c: those that hold; those of the look-up that is under way */
  cqli_lookup *lookup;           /* of contact point lookup_at; NULL: none is under way */
  uint32_t lookup_at;
  int64_t lookup_began_us;
  cqli_proxy proxy;
  char local_dc[CQL_NAME_LEN];
  cql_arena arena; /* of the contact points */
  cqli_control control;
  cqli_host *hosts;                  /* of the local datacenter */
  cqli_call *active;                 /* all that were started and not answered */
  cqli_call *waiting, **waiting_end; /* of those, the ones that wait for a connection */
  bool is_draining_queue;
  cqli_link *dirty;           /* links to flush before the loop sleeps */
  cqli_link *settling;        /* direct links that become idle then */
  cqli_link *direct;          /* all direct links, whoever has them: a forked child closes their descriptors */
  bool has_begun, is_closing; /* handles are being closed */
  bool has_handed_on;         /* done() was called since the loop last waited */
  cql_arena scratch;          /* one response */
  uint64_t random;
};

struct cql_client {
  const cql_alloc *alloc;
  cqli_settings settings;
  cql_lock lock;                /* of the two below */
  _Atomic(cqli_core *) core;    /* replaced in a forked child */
  _Atomic(uint64_t) generation; /* forks that lie behind the core */
  struct cql_client *next;      /* of all clients; fork.c */
};

/* core.c. Makes everything but the thread. */
cql_status cqli_core_new(cqli_core **out, cql_client *client, cql_error *err);
/* Its thread has ended, or never ran, and its connections are closed. */
void cqli_core_dispose(cqli_core *core);
void cqli_core_forget(cqli_core *core); /* in a child: closes what it has inherited, frees nothing */
/* Waits until it is open. CQL_CLOSED, or why it failed. */
cql_status cqli_core_await(cqli_core *core, cql_error *err);
/* Makes sure that the thread runs, or will when a fork that is under way is over. The lock is held. CQL_NOMEM,
 * CQL_CLOSED: the process ends. */
cql_status cqli_core_run(cqli_core *core, cql_error *err);
void cqli_core_wake(cqli_core *core); /* the lock is held */
/* Stops the thread and waits for it; what is in flight stays so. */
void cqli_core_park(cqli_core *core);
void *cqli_core_main(void *core); /* loop.c */
void cqli_core_dispatch(cqli_core *core);
void cqli_core_drained(cqli_core *core); /* loop: a call has ended, perhaps the last one of a session that closes */
void cqli_core_opened(cqli_core *core);  /* loop: the nodes are known */
void cqli_core_fail(cqli_core *core, const cql_error *err); /* loop: opening has failed */
cql_status cqli_heartbeats_init(cqli_core *core);           /* CQL_NOMEM */
void cqli_heartbeats_start(cqli_core *core);
void cqli_host_forget(cqli_host *h);           /* in a child: closes the descriptors */
cql_status cqli_control_init(cqli_core *core); /* CQL_NOMEM */
void cqli_control_free(cqli_core *core);
void cqli_control_forget(cqli_core *core);
uint64_t cqli_random(cqli_core *core); /* loop */

/* contacts.c. Waits. CQL_RESOLVE, CQL_TIMEOUT: no name has an address; CQL_NOMEM. */
cql_status cqli_contacts_init(cqli_core *core, cql_error *err);
/* Begins to look all names up again; asks how far that is. True: not ready yet; false: they are as new as can be. Loop.
 */
bool cqli_contacts_look_up(cqli_core *core);
bool cqli_contacts_are_looked_up(cqli_core *core);
void cqli_contacts_leave(cqli_core *core); /* nobody wants to know any more */
/* The name of the contact point behind an address, NULL: it was an address, or none of them. Loop. */
const char *cqli_contact_name(const cqli_core *core, const cqli_address *address);

/* proxy.c. Loop, but for the first two. */
void cqli_proxy_init(cqli_core *core);
void cqli_proxy_free(cqli_core *core);
/* As of contact points, which they become. What fails is remembered by the control connection. */
bool cqli_proxy_look_up(cqli_core *core);
bool cqli_proxy_is_looked_up(cqli_core *core);
void cqli_proxy_leave(cqli_core *core);
void cqli_proxy_forget(cqli_core *core); /* in a child: closes the descriptors */
/* Points a connection to a node, whose address is its host id, at the proxy. */
void cqli_proxy_direct(cqli_core *core, const cqli_address *node, cqli_conn_config *config);
/* A connection has opened (why NULL), or ended: which addresses answer is learned from that. */
void cqli_proxy_note(cqli_core *core, const cqli_conn *conn, const cql_attempt *why);
void cqli_proxy_explain(const cqli_core *core, cql_error *err); /* adds to the words of an opening that failed */

/* fetch.c: the question to the metadata service. Loop. CQL_NOMEM, CQL_LIMIT: the name of the service is too long. */
cql_status cqli_fetch_begin(cqli_fetch **out, cqli_core *core, const cqli_address *addresses, uint32_t count);
bool cqli_fetch_go_on(cqli_fetch *f); /* false: it is over. To be called every CQLI_LOOKUP_POLL_MS */
void cqli_fetch_give_up(cqli_fetch *f, uint32_t after_ms); /* what is under way has failed */
/* What the service says; the texts lie in arena. CQL_OK; else see its failures. */
cql_status cqli_fetch_read(cqli_fetch *f, cql_arena *arena, cqli_metadata *out);
const cql_attempt *cqli_fetch_failures(const cqli_fetch *f, uint32_t *count); /* borrowed from f */
/* This address, whatever its port, was asked and failed, or had more time than the one that has answered. */
bool cqli_fetch_was_in_vain(const cqli_fetch *f, const cqli_address *address);
void cqli_fetch_leave(cqli_fetch *f); /* frees it, when libuv has let go of it; NULL is fine */
void cqli_fetch_forget(cqli_fetch *f);

/* fork.c */
void cqli_clients_add(cql_client *c);
void cqli_clients_hold(void); /* no fork happens until they are let go */
void cqli_clients_let_go(void);
void cqli_clients_remove(cql_client *c); /* they are held */
/* Around the use of a client: in a child that inherited it, makes it anew first. CQL_NOMEM, those of opening. */
cql_status cqli_client_enter(cql_client *c, cqli_core **out, cql_error *err);
uint64_t cqli_forks(void);  /* how many forks lie between the first process and this one */
bool cqli_is_exiting(void); /* the process ends: no thread is started any more */

/* control.c, refresh.c, agreement.c. Loop. */
void cqli_control_start(cqli_core *core);
void cqli_control_stop(cqli_core *core);
void cqli_control_remember(cqli_core *core, const cql_attempt *why); /* among the attempts to open */
void cqli_control_begin_round(cqli_core *core);                      /* through the nodes, then the contact points */
void cqli_control_end_first_host(cqli_core *core); /* the one that was begun before the nodes were known, if it was */
void cqli_control_refresh(cqli_core *core, uint32_t delay_ms);
void cqli_refresh_init(cqli_core *core);
void cqli_refresh_read(cqli_core *core);
void cqli_refresh_drop(cqli_core *core); /* the connection has ended, and all questions with it */
/* Takes result, of a schema change that host has made. The call is finished with it when the nodes agree, or, with a
 * warning, after a time. */
void cqli_agreement_wait(cqli_call *call, cqli_host *host, cql_result *result);
void cqli_agreement_end(cqli_call *call, const char *words);
void cqli_agreement_drop(cqli_call *call); /* it ends otherwise */

/* A question of our own, appended as by cqli_conn_send(): reply gets the rows, which it takes; or NULL and err; or NULL
 * and NULL when the connection has ended. Loop. CQL_NOMEM, CQL_LIMIT. */
typedef void cqli_reply(cqli_core *core, void *user, cql_result *rows, const cql_error *err);
cql_status cqli_ask(cqli_core *core, cqli_conn *conn, const char *query, cqli_reply *reply, void *user);

/* --- calls (call.c: its life; encode.c; answer.c; prepare.c) -------------------------------------------------------
 */

/* One time that it was sent. */
typedef struct cqli_try {
  cqli_call *call; /* NULL: not used */
  cqli_host *host;
  cqli_conn *conn;
  int16_t stream;
  uint64_t started_ms;
} cqli_try;

struct cqli_call {
  cqli_core *core;
  cqli_timer timeout; /* of the whole */
  cqli_timer speculation;
  cql_buf envelope;
  /* what it is about */
  cql_statement **statements; /* that it names, each held; for UNPREPARED */
  uint32_t statement_count;
  cql_statement *one;    /* room for a single one */
  cqli_columns *columns; /* by which rows are read when they come without */
  bool is_idempotent, is_conditional, is_one_write;
  cqli_route route;             /* its keyspace belongs to the first statement */
  cql_statement **prepared;     /* PREPARE: where the statement goes; else NULL */
  const char *prepare_keyspace; /* both borrowed from whoever waits; "" for none */
  cql_slice prepare_text;
  uint32_t timeout_ms;
  /* how far it is; of the loop */
  cqli_view *view;
  uint16_t nodes[CQLI_CALL_NODES_MAX];
  uint32_t node_count, next_node;
  uint32_t retries, prepares, doubts;
  bool is_waiting;
  bool was_limited; /* it was refused over the database's rate */
  cqli_try tries[CQLI_TRIES_MAX];
  uint32_t attempt_count;
  cql_attempt *attempts;     /* CQL_ATTEMPT_COUNT of them, once one has failed */
  cql_result *held;          /* the answer of a schema change, until the nodes agree */
  cqli_agreement *agreement; /* NULL: none is waited for */
  cqli_timer poll;           /* of the agreement */
  /* lists */
  cqli_call *next, **back; /* active: back points at the pointer that points here */
  cqli_call *next_incoming, *next_waiting, *next_prepare;
  cqli_prepare *preparing;
  cqli_host *forgetful; /* of the view: has forgotten a statement, too, while another node prepares it; NULL: none */
  cql_statement *forgotten;
  /* who hears of it */
  cqli_group *group; /* set: user is the cql_outcome to write, and the group is told */
  uint64_t group_id;
  cql_done done;
  void *user;
};

/* A call to fill, from the spare ones; NULL: out of memory. Takes the lock, as does freeing one that was not submitted.
 */
cqli_call *cqli_call_new(cqli_core *core);
void cqli_call_free(cqli_call *call);
/* Hands calls to the loop: count of them, linked by next_incoming; wakes it unless more are to come. CQL_QUEUE_FULL,
 * CQL_CLOSED: none was taken. */
cql_status cqli_call_submit(cqli_core *core, cqli_call *first, cqli_call *last, uint32_t count, bool more,
                            cql_error *err);

/* encode.c. Where its partition lives; the keyspace belongs to the statement. */
void cqli_route_find(const cql_call_config *config, cqli_route *out);
bool cqli_is_one_write(const cql_call_config *config, const cqli_route *route); /* see cqli_failure */
/* The envelope of a call, and how to read its rows. Statuses of cql_put_…(); CQL_UNSUPPORTED: version 4 has no keyspace
 * per request. */
cql_status cqli_encode(const cqli_core *core, const cql_call_config *config, cql_buf *out, cqli_columns **columns,
                       cql_error *err);
/* The keyspace that a text goes with; data NULL: none. */
cql_status cqli_keyspace_find(const cqli_core *core, const char *wanted, cql_slice *out, cql_error *err);
cql_status cqli_call_encode(cqli_call *call, const cql_call_config *config, cql_error *err);

/* All on the loop. */
void cqli_call_start(cqli_call *call);
/* To the next node; to this one, if it can. err: how it ends when there is none. */
void cqli_call_next(cqli_call *call, const cql_error *err);
void cqli_call_again(cqli_call *call, cqli_host *h, const cql_error *err);
/* What was sent then was refused over the rate: once more, before those that came later, when it may. */
void cqli_call_later(cqli_call *call, uint64_t sent_ms);
cql_status cqli_calls_init(cqli_core *core); /* CQL_NOMEM */
void cqli_calls_unqueue(cqli_core *core);    /* a connection has room, or has come, or has gone */
/* h is silent: calls that wait for it alone, and may run twice, ask another node as well. */
void cqli_calls_spread(cqli_core *core, const cqli_host *h);
void cqli_call_remember(cqli_call *call, const cql_attempt *attempt);
/* An answer has come that counts: no other node's does any more, nor is one asked. */
void cqli_call_settle(cqli_call *call);
/* Ends it. outcome's result is handed on; err gets the attempts of the call. */
void cqli_call_finish(cqli_call *call, cql_outcome *outcome);
void cqli_call_fail(cqli_call *call, const cql_error *err);

/* answer.c. What e says: a result, or an error with its status; of PREPARE nothing but r, *out stays NULL. statement
 * and columns are NULL for a text. r lives in arena until it is reset, and in body, which is initialised here and freed
 * by the caller. */
cql_status cqli_answer_read(cql_arena *arena, cqli_conn *conn, cql_envelope *e, cql_buf *body, cql_statement *statement,
                            cqli_columns *columns, cql_response *r, cql_result **out, cql_error *err);
void cqli_result_warn(cql_result *result, const char *text); /* text is copied; not when memory is out */
void cqli_call_answered(cqli_call *call, cqli_try *at, cql_envelope *e, const cql_attempt *why, bool may_have_run);

/* prepare.c. UNPREPARED: the statement of that id, there; then the call once more. err: how it ends when that is not
 * one of its statements. */
void cqli_prepare_at(cqli_call *call, cqli_host *h, cql_slice id, const cql_error *err);
void cqli_prepare_leave(cqli_call *call);

/* --- waiting (wait.c) --------------------------------------------------------------------------------------------- */

void cqli_group_init(cqli_group *g, uint32_t count);
/* Until all of the group have ended; an interrupt cancels those that have not, which end with CQL_INTERRUPTED. */
void cqli_group_wait(cqli_core *core, cqli_group *g);
void cqli_group_count(cqli_core *core, cqli_group *g); /* one has ended. Loop */
void cqli_group_call(cqli_group *g);                   /* all have, and it is its turn */
bool (*cqli_interrupt_check(void))(void);

/* --- turns (turns.c) ---------------------------------------------------------------------------------------------- */

void cqli_turns_init(void);
void cqli_turns_forget(void); /* in a child */
/* g has nothing left. False: it can be called at once; else it is, when its turn comes. Loop. */
bool cqli_turn_wait(cqli_core *core, cqli_group *g);
/* It waits no longer for its turn. False: it is just being called. */
bool cqli_turn_leave(cqli_group *g);
void cqli_turn_begin(const cqli_group *g); /* g was called, on the thread that waited for it */

#endif
