#include "fake_client.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/engine.h"

fake_client fake;

/* --- the cluster: an engine that lives as long as a client, a statement or a result of it does ---------------------
 */

typedef struct cluster {
  atomic_uint refs;
  cql_engine *engine;
} cluster;

static cluster *cluster_retain(cluster *k) {
  atomic_fetch_add(&k->refs, 1);
  return k;
}

static void cluster_release(cluster *k) {
  if (atomic_fetch_sub(&k->refs, 1) != 1) return;
  cql_engine_close(k->engine);
  free(k);
}

/* --- statements --------------------------------------------------------------------------------------------------- */

struct cql_statement {
  atomic_uint refs;
  cluster *cluster;
  cql_plan *plan;
  cql_statement_info info;
  char *text;
  char keyspace[CQL_NAME_LEN];
};

static cql_status plan_of(cluster *k, const char *keyspace, cql_slice text, cql_plan **out, cql_error *err) {
  return cql_engine_prepare(k->engine, keyspace != NULL && keyspace[0] != '\0' ? keyspace : NULL, text, out, err);
}

static void copy_name(char out[CQL_NAME_LEN], const char *name) {
  size_t len = name == NULL ? 0 : strnlen(name, CQL_NAME_LEN - 1);
  if (len > 0) memcpy(out, name, len);
  out[len] = '\0';
}

static cql_status statement_new(cluster *k, const char *keyspace, cql_slice text, cql_statement **out, cql_error *err) {
  cql_statement *s = calloc(1, sizeof *s);
  if (s == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  cql_status st = plan_of(k, keyspace, text, &s->plan, err);
  s->text = st == CQL_OK ? malloc(text.len + 1) : NULL;
  if (s->text == NULL) {
    cql_plan_release(s->plan);
    free(s);
    return st == CQL_OK ? cql_fail(err, CQL_NOMEM, "Out of memory") : st;
  }
  if (text.len > 0) memcpy(s->text, text.data, text.len);
  atomic_init(&s->refs, 1);
  s->cluster = cluster_retain(k);
  copy_name(s->keyspace, keyspace);
  const cql_plan_info *info = cql_plan_get_info(s->plan);
  s->info = (cql_statement_info){cql_slice_of(s->text, text.len), s->keyspace,       info->bind_count,   info->binds,
                                 info->key_index_count,           info->key_indexes, info->column_count, info->columns};
  *out = s;
  return CQL_OK;
}

cql_statement *cql_statement_retain(cql_statement *s) {
  atomic_fetch_add(&s->refs, 1);
  return s;
}

void cql_statement_release(cql_statement *s) {
  if (s == NULL || atomic_fetch_sub(&s->refs, 1) != 1) return;
  cql_plan_release(s->plan);
  cluster_release(s->cluster);
  free(s->text);
  free(s);
}

const cql_statement_info *cql_statement_get_info(const cql_statement *s) {
  return &s->info;
}

static bool same(const cql_column *x, uint32_t x_count, const cql_column *y, uint32_t y_count) {
  bool equal = x_count == y_count;
  for (uint32_t i = 0; equal && i < x_count; i++)
    equal = strcmp(x[i].name, y[i].name) == 0 && cql_type_eq(x[i].type, y[i].type);
  return equal;
}

bool cql_statement_is_stale(const cql_statement *s) {
  cql_plan *now;
  if (cql_engine_check(s->cluster->engine, s->plan, NULL) == CQL_OK) return false;
  if (plan_of(s->cluster, s->keyspace, s->info.text, &now, NULL) != CQL_OK) return true;
  const cql_plan_info *info = cql_plan_get_info(now);
  bool stale = !same(info->columns, info->column_count, s->info.columns, s->info.column_count);
  cql_plan_release(now);
  return stale;
}

/* --- running a call ----------------------------------------------------------------------------------------------- */

typedef struct tie {
  cluster *cluster;
  void (*release)(void *owner);
  void *owner;
} tie;

static void untie(void *data) {
  tie *t = data;
  t->release(t->owner);
  cluster_release(t->cluster);
  free(t);
}

/* The plan of an item as the schema is now: CQL_UNPREPARED when its markers have changed. */
static cql_status item_plan(cluster *k, const cql_call_config *call, const cql_call_item *item, cql_plan **out,
                            cql_error *err) {
  cql_statement *s = item->statement;
  if (s == NULL) return plan_of(k, call->keyspace, item->text, out, err);
  cql_status st = plan_of(k, s->keyspace, s->info.text, out, err);
  if (st != CQL_OK) return st;
  const cql_plan_info *now = cql_plan_get_info(*out);
  if (same(now->binds, now->bind_count, s->info.binds, s->info.bind_count)) return CQL_OK;
  cql_plan_release(*out);
  *out = NULL;
  return cql_fail(err, CQL_UNPREPARED, "the markers have changed");
}

static cql_status fail_next(cql_error *err) {
  cql_status st = fake.fail_next;
  fake.fail_next = CQL_OK;
  cql_fail(err, st, "told to fail");
  err->consistency = CQL_QUORUM;
  err->required = 2;
  err->received = 1;
  strcpy(err->write_type, "SIMPLE");
  err->attempt_count = 1;
  err->attempts[0] = (cql_attempt){"127.0.0.1:1", CQL_STAGE_CONNECT, CQL_CONNECTION, 250, "refused"};
  return st;
}

static cql_status run(cluster *k, const cql_call_config *call, cql_result **out, cql_error *err) {
  if (fake.fail_next != CQL_OK) return fail_next(err);
  cql_plan **plans = calloc(call->item_count + 1, sizeof *plans);
  cql_request *requests = calloc(call->item_count + 1, sizeof *requests);
  cql_status st = CQL_OK;
  for (uint32_t i = 0; st == CQL_OK && i < call->item_count; i++) {
    requests[i] = (cql_request)CQL_REQUEST_INIT;
    requests[i].values = call->items[i].values;
    requests[i].value_count = call->items[i].value_count;
    requests[i].page_size = call->page_size;
    requests[i].timestamp = call->timestamp;
    requests[i].paging_state = call->paging_state.data;
    requests[i].paging_state_len = call->paging_state.len;
    st = item_plan(k, call, &call->items[i], &plans[i], err);
  }
  if (st == CQL_OK && call->is_batch)
    st = cql_engine_batch(k->engine, call->batch_type, plans, requests, call->item_count, out, err);
  else if (st == CQL_OK)
    st = cql_engine_execute(k->engine, plans[0], requests, out, err);
  for (uint32_t i = 0; i < call->item_count; i++) cql_plan_release(plans[i]);
  free(requests);
  free(plans);
  if (st == CQL_OK && (*out)->release != NULL) {
    tie *t = malloc(sizeof *t);
    *t = (tie){cluster_retain(k), (*out)->release, (*out)->owner};
    (*out)->release = untie;
    (*out)->owner = t;
  }
  return st;
}

static void record(const cql_call_config *call) {
  const cql_call_item *item = &call->items[0];
  fake.call = *call;
  copy_name(fake.keyspace, call->keyspace);
  size_t len = call->item_count == 0 || item->statement != NULL ? 0 : item->text.len;
  if (len >= sizeof fake.text) len = sizeof fake.text - 1;
  if (len > 0) memcpy(fake.text, item->text.data, len);
  fake.text[len] = '\0';
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

typedef struct job {
  struct job *next;
  cql_call_config call;
  cql_call_item *items;
  cql_done done;
  void *user;
} job;

struct cql_client {
  cluster *cluster;
  pid_t pid;
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t more;
  job *first, **last;
  bool closing;
};

static void *copy_bytes(const void *data, size_t len) {
  void *copy = malloc(len + 1);
  if (len > 0) memcpy(copy, data, len);
  return copy;
}

static job *job_new(const cql_call_config *call, cql_done done, void *user) {
  job *j = calloc(1, sizeof *j);
  *j = (job){.call = *call, .done = done, .user = user};
  j->items = copy_bytes(call->items, call->item_count * sizeof *call->items);
  j->call.items = j->items;
  j->call.keyspace = call->keyspace == NULL ? NULL : copy_bytes(call->keyspace, strlen(call->keyspace) + 1);
  if (call->paging_state.data != NULL)
    j->call.paging_state.data = copy_bytes(call->paging_state.data, call->paging_state.len);
  for (uint32_t i = 0; i < call->item_count; i++) {
    cql_call_item *item = &j->items[i];
    if (item->statement != NULL) cql_statement_retain(item->statement);
    item->text.data = copy_bytes(item->text.data, item->text.len);
    cql_value *values = copy_bytes(item->values, item->value_count * sizeof *values);
    for (uint32_t v = 0; v < item->value_count; v++)
      if (values[v].len >= 0) values[v].data = copy_bytes(values[v].data, (size_t)values[v].len);
    item->values = values;
  }
  return j;
}

static void job_free(job *j) {
  for (uint32_t i = 0; i < j->call.item_count; i++) {
    cql_call_item *item = &j->items[i];
    for (uint32_t v = 0; v < item->value_count; v++)
      if (item->values[v].len >= 0) free((void *)item->values[v].data);
    free((void *)item->values);
    free((void *)item->text.data);
    cql_statement_release(item->statement);
  }
  free((void *)j->call.paging_state.data);
  free((void *)j->call.keyspace);
  free(j->items);
  free(j);
}

static void (*rest_hook)(void);

void cql_client_set_rest_hook(void (*rest)(void)) {
  rest_hook = rest;
}

static void answer(cql_client *c, job *j, bool closed) {
  cql_outcome o = {.status = CQL_OK, .more = true};
  o.status =
      closed ? cql_fail(&o.error, CQL_CLOSED, "the session is closed") : run(c->cluster, &j->call, &o.result, &o.error);
  j->done(j->user, &o);
  job_free(j);
}

static void *loop(void *user) {
  cql_client *c = user;
  pthread_mutex_lock(&c->mutex);
  for (;;) {
    while (!c->closing && (c->first == NULL || fake.hold)) pthread_cond_wait(&c->more, &c->mutex);
    if (c->first == NULL) break;
    job *j = c->first;
    c->first = j->next;
    if (c->first == NULL) c->last = &c->first;
    bool closed = c->closing;
    if (closed) fake.closed++;
    pthread_mutex_unlock(&c->mutex);
    if (!closed && fake.delay_us > 0) usleep(fake.delay_us);
    answer(c, j, closed);
    pthread_mutex_lock(&c->mutex);
    if (c->first == NULL && rest_hook != NULL) rest_hook();
  }
  pthread_mutex_unlock(&c->mutex);
  return NULL;
}

static void start(cql_client *c) {
  c->pid = getpid();
  c->first = NULL;
  c->last = &c->first;
  c->closing = false;
  pthread_mutex_init(&c->mutex, NULL);
  pthread_cond_init(&c->more, NULL);
  pthread_create(&c->thread, NULL, loop, c);
}

/* --- client.h ----------------------------------------------------------------------------------------------------- */

cql_status cql_client_open(cql_client **out, const cql_client_config *config, cql_error *err) {
  const char *delay = getenv("FAKE_CLIENT_DELAY_US");
  *out = NULL;
  if (delay != NULL) fake.delay_us = (unsigned)atoi(delay);
  fake.opened++;
  strncpy(fake.host, config->contacts[0].host, sizeof fake.host - 1);
  fake.port = config->contacts[0].port;
  fake.lz4 = config->lz4;
  if (fake.fail_next != CQL_OK || strcmp(fake.host, "nowhere") == 0) {
    if (fake.fail_next == CQL_OK) fake.fail_next = CQL_NO_HOST;
    return fail_next(err);
  }
  cql_client *c = calloc(1, sizeof *c);
  c->cluster = calloc(1, sizeof *c->cluster);
  atomic_init(&c->cluster->refs, 1);
  cql_engine_config engine = {0};
  cql_status st = cql_engine_open(&c->cluster->engine, &engine, err);
  if (st != CQL_OK) return st;
  start(c);
  *out = c;
  return CQL_OK;
}

const char *cql_client_keyspace(const cql_client *c) {
  (void)c;
  return "";
}

void cql_client_close(cql_client *c, uint32_t drain_ms) {
  if (c == NULL) return;
  for (uint32_t waited = 0; c->pid == getpid() && !fake.hold && waited < drain_ms; waited++) {
    pthread_mutex_lock(&c->mutex);
    bool empty = c->first == NULL;
    pthread_mutex_unlock(&c->mutex);
    if (empty) break;
    usleep(1000);
  }
  if (c->pid == getpid()) {
    pthread_mutex_lock(&c->mutex);
    c->closing = true;
    pthread_cond_signal(&c->more);
    pthread_mutex_unlock(&c->mutex);
    pthread_join(c->thread, NULL);
  }
  cluster_release(c->cluster);
  free(c);
}

static bool (*interrupt_check)(void);

void cql_client_set_interrupt_check(bool (*interrupted)(void)) {
  interrupt_check = interrupted;
}

cql_status cql_client_prepare(cql_client *c, const char *keyspace, cql_slice text, cql_statement **out,
                              cql_error *err) {
  fake.prepared++;
  if (fake.fail_next != CQL_OK) return fail_next(err);
  return statement_new(c->cluster, keyspace, text, out, err);
}

bool cql_client_is_interrupted(void) {
  return interrupt_check != NULL && interrupt_check();
}

/* With hold it waits as for a node that says nothing, until it is interrupted. */
cql_status cql_client_execute(cql_client *c, const cql_call_config *call, cql_result **out, cql_error *err) {
  record(call);
  fake.executed++;
  while (fake.hold) {
    usleep(100000);
    if (cql_client_is_interrupted()) return cql_fail(err, CQL_INTERRUPTED, "interrupted");
  }
  if (fake.delay_us > 0) usleep(fake.delay_us);
  return run(c->cluster, call, out, err);
}

cql_status cql_client_submit(cql_client *c, const cql_call_config *call, cql_done done, void *user, cql_error *err) {
  if (fake.refuse) return cql_fail(err, CQL_QUEUE_FULL, "told to refuse");
  if (c->pid != getpid()) start(c);
  job *j = job_new(call, done, user);
  pthread_mutex_lock(&c->mutex);
  record(call);
  fake.submitted++;
  *c->last = j;
  c->last = &j->next;
  if (!call->more) pthread_cond_signal(&c->more);
  pthread_mutex_unlock(&c->mutex);
  return CQL_OK;
}

void cql_client_take_turns(void) {}

void cql_client_end_turn(void) {}

void cql_client_flush(cql_client *c) {
  pthread_mutex_lock(&c->mutex);
  pthread_cond_signal(&c->more);
  pthread_mutex_unlock(&c->mutex);
}

void cql_client_execute_many(cql_client *c, const cql_call_config *calls, uint32_t count, cql_outcome *outcomes) {
  if (fake.delay_us > 0) usleep(fake.delay_us);
  for (uint32_t i = 0; i < count; i++) {
    record(&calls[i]);
    fake.executed++;
    outcomes[i].result = NULL;
    outcomes[i].status = run(c->cluster, &calls[i], &outcomes[i].result, &outcomes[i].error);
  }
}

cql_status cql_client_nodes(cql_client *c, void (*seen)(void *user, const cql_node_info *node), void *user,
                            cql_error *err) {
  (void)c;
  (void)err;
  seen(user, &(cql_node_info){"127.0.0.1:9042", "dc1", "rack1", "5.0.0", CQL_NODE_UP, 1});
  return CQL_OK;
}
