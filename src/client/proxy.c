/* proxy.c: the nodes of Astra DB. They stand behind a proxy, which is told by name (SNI) whom a connection is for:
 * their host ids. Which ids there are, and where the proxy is, the metadata service says.
 *
 * That is a search in three steps: the addresses of the service, its answer, the addresses of the proxy. It takes the
 * place of looking up the contact points (contacts.c): at first, and again when no node can be reached, because the
 * database may have moved. Nobody waits for it: the control connection asks now and then how far it is, and the whole
 * has the time-out of one connection.
 *
 * A proxy's address that does not answer is shunned for a while: used only where no other is left.
 */
#include "client/client_int.h"

#include <string.h>

enum { SHUN_MS = 30000 };

/* --- the proxy's addresses ---------------------------------------------------------------------------------------- */

static cqli_place *find_place(cqli_proxy *p, const cqli_address *a) {
  for (uint32_t i = 0; i < p->place_count; i++)
    if (cqli_address_eq(&p->places[i].address, a)) return &p->places[i];
  return NULL;
}

/* Each connection begins its choice one further, so that all of them have work. Where all are shunned, the one that has
 * been so for the longest time. */
static const cqli_address *choose(cqli_core *core) {
  cqli_proxy *p = &core->proxy;
  uint64_t now = uv_now(&core->loop);
  uint32_t best = p->turn % p->place_count;
  for (uint32_t i = 0; i < p->place_count; i++) {
    uint32_t at = (p->turn + i) % p->place_count;
    if (p->places[at].shunned_ms <= now) {
      best = at;
      break;
    }
    if (p->places[at].shunned_ms < p->places[best].shunned_ms) best = at;
  }
  p->turn = best + 1;
  return &p->places[best].address;
}

void cqli_proxy_direct(cqli_core *core, const cqli_address *node, cqli_conn_config *config) {
  char name[CQL_HOST_LEN];
  config->address = *choose(core);
  config->server_name = core->proxy.host;
  cqli_address_print(node, name);
  cqli_copy_text(config->sni, name, sizeof config->sni);
}

void cqli_proxy_note(cqli_core *core, const cqli_conn *conn, const cql_attempt *why) {
  cqli_place *place = conn == NULL ? NULL : find_place(&core->proxy, cqli_conn_address(conn));
  if (place == NULL) return;
  bool is_dead =
      why != NULL && (why->stage == CQL_STAGE_CONNECT || (why->stage == CQL_STAGE_TLS && why->status == CQL_TIMEOUT));
  if (is_dead)
    place->shunned_ms = uv_now(&core->loop) + SHUN_MS;
  else if (why == NULL)
    place->shunned_ms = 0;
}

/* --- what the search has found ------------------------------------------------------------------------------------ */

/* The nodes are contact points: each address of the proxy has its turn before all of them have failed. */
static void set_contacts(cqli_core *core, const cqli_metadata *found) {
  cqli_contacts *l = &core->contacts;
  uint32_t wanted = found->node_count > core->proxy.place_count ? found->node_count : core->proxy.place_count;
  l->count = 0;
  for (uint32_t i = 0; i < wanted && l->count < CQL_CLIENT_CONTACTS_MAX; i++)
    if (cqli_address_read_host_id(found->host_ids[i % found->node_count], &l->addresses[l->count])) l->count++;
}

/* Where the service did not answer in time, the proxy is not likely to. */
static void set_places(cqli_core *core, const cqli_address *addresses, uint32_t count) {
  cqli_proxy *p = &core->proxy;
  cqli_place places[CQLI_ADDRESSES_MAX] = {{.shunned_ms = 0}};
  for (uint32_t i = 0; i < count; i++) {
    const cqli_place *known = find_place(p, &addresses[i]);
    places[i] = (cqli_place){addresses[i], known == NULL ? 0 : known->shunned_ms};
    if (cqli_fetch_was_in_vain(p->fetch, &addresses[i])) places[i].shunned_ms = uv_now(&core->loop) + SHUN_MS;
  }
  memcpy(p->places, places, count * sizeof *places);
  p->place_count = count;
}

static void take(cqli_core *core, const cqli_address *addresses, uint32_t count) {
  cqli_proxy *p = &core->proxy;
  cqli_copy_text(p->host, p->found.proxy_host, sizeof p->host);
  if (core->local_dc[0] == '\0' && p->found.local_dc != NULL)
    cqli_copy_text(core->local_dc, p->found.local_dc, sizeof core->local_dc);
  set_places(core, addresses, count);
  set_contacts(core, &p->found);
  for (cqli_host *h = core->hosts; h != NULL; h = h->next) cqli_host_hurry(h);
}

/* --- the search --------------------------------------------------------------------------------------------------- */

static void stop(cqli_core *core) {
  cqli_proxy *p = &core->proxy;
  if (p->lookup != NULL) cqli_lookup_leave(p->lookup);
  cqli_fetch_leave(p->fetch);
  p->lookup = NULL;
  p->fetch = NULL;
  p->step = CQLI_SEARCH_OVER;
}

static void fail_name(cqli_core *core, const char *name, cql_status status, const char *reason) {
  cql_attempt a = {.stage = CQL_STAGE_RESOLVE, .status = status};
  a.elapsed_ms = (uint32_t)((cql_clock_monotonic_us() - core->proxy.began_us) / 1000);
  cqli_copy_text(a.host, name, sizeof a.host);
  cqli_reason(&a, reason);
  cqli_control_remember(core, &a);
  stop(core);
}

static void fail_fetch(cqli_core *core) {
  uint32_t count;
  const cql_attempt *failures = cqli_fetch_failures(core->proxy.fetch, &count);
  for (uint32_t i = 0; i < count; i++) cqli_control_remember(core, &failures[i]);
  stop(core);
}

static void ask(cqli_core *core, const cqli_address *addresses, uint32_t count) {
  cqli_proxy *p = &core->proxy;
  p->step = CQLI_SEARCH_ANSWER;
  if (cqli_fetch_begin(&p->fetch, core, addresses, count) != CQL_OK)
    fail_name(core, core->settings->bundle.host, CQL_NOMEM, "out of memory");
}

static void look_up(cqli_core *core, const char *name, uint16_t port, cqli_search_step step,
                    void (*found)(cqli_core *core, const cqli_address *addresses, uint32_t count)) {
  cqli_proxy *p = &core->proxy;
  cqli_address addresses[CQLI_ADDRESSES_MAX];
  uint32_t count;
  cql_error err;
  p->step = step;
  if (cqli_resolve_literal(name, port, addresses, &count)) {
    found(core, addresses, count);
    return;
  }
  cql_status st = cqli_lookup_begin(&p->lookup, name, &err);
  if (st != CQL_OK) fail_name(core, name, st, err.message);
}

static void looked_up(cqli_core *core, const char *name, uint16_t port,
                      void (*found)(cqli_core *core, const cqli_address *addresses, uint32_t count)) {
  cqli_proxy *p = &core->proxy;
  cqli_address addresses[CQLI_ADDRESSES_MAX];
  uint32_t count;
  cql_error err;
  cql_status st = cqli_lookup_end(p->lookup, port, addresses, &count, &err);
  p->lookup = NULL;
  if (st == CQL_OK)
    found(core, addresses, count);
  else
    fail_name(core, name, st, err.message);
}

static void take_and_stop(cqli_core *core, const cqli_address *addresses, uint32_t count) {
  take(core, addresses, count);
  stop(core);
}

static void answered(cqli_core *core) {
  cqli_proxy *p = &core->proxy;
  cql_arena_reset(&p->arena);
  if (cqli_fetch_read(p->fetch, &p->arena, &p->found) != CQL_OK)
    fail_fetch(core);
  else
    look_up(core, p->found.proxy_host, p->found.proxy_port, CQLI_SEARCH_PROXY, take_and_stop);
}

static void go_on(cqli_core *core) {
  cqli_proxy *p = &core->proxy;
  const cqli_bundle *b = &core->settings->bundle;
  if (p->lookup != NULL) {
    if (!cqli_lookup_is_done(p->lookup)) return;
    if (p->step == CQLI_SEARCH_SERVICE)
      looked_up(core, b->host, b->port, ask);
    else
      looked_up(core, p->found.proxy_host, p->found.proxy_port, take_and_stop);
  }
  if (p->step == CQLI_SEARCH_ANSWER && !cqli_fetch_go_on(p->fetch)) answered(core);
}

static void give_up(cqli_core *core) {
  cqli_proxy *p = &core->proxy;
  uint32_t after_ms = core->settings->config.connect_timeout_ms;
  const char *name = p->step == CQLI_SEARCH_SERVICE ? core->settings->bundle.host : p->found.proxy_host;
  if (p->step != CQLI_SEARCH_ANSWER) {
    fail_name(core, name, CQL_TIMEOUT, "the name was not resolved in time");
    return;
  }
  cqli_fetch_give_up(p->fetch, after_ms);
  fail_fetch(core);
}

bool cqli_proxy_look_up(cqli_core *core) {
  cqli_proxy *p = &core->proxy;
  const cqli_bundle *b = &core->settings->bundle;
  stop(core);
  p->began_us = cql_clock_monotonic_us();
  look_up(core, b->host, b->port, CQLI_SEARCH_SERVICE, ask);
  return cqli_proxy_is_looked_up(core);
}

bool cqli_proxy_is_looked_up(cqli_core *core) {
  cqli_proxy *p = &core->proxy;
  if (p->step == CQLI_SEARCH_OVER) return false;
  go_on(core);
  if (p->step == CQLI_SEARCH_OVER) return false;
  int64_t patience_us = (int64_t)core->settings->config.connect_timeout_ms * 1000;
  if (cql_clock_monotonic_us() - p->began_us < patience_us) return true;
  give_up(core);
  return false;
}

/* --- words -------------------------------------------------------------------------------------------------------- */

/* What to do about it, where no node could even be named. */
static const char *advise(const cql_error *err) {
  for (uint32_t i = 0; i < err->attempt_count; i++)
    if (err->attempts[i].stage == CQL_STAGE_RESOLVE)
      return "The database may be terminated, or the bundle is of another database: download a new one";
  for (uint32_t i = 0; i < err->attempt_count; i++) {
    const cql_attempt *a = &err->attempts[i];
    if (a->stage == CQL_STAGE_METADATA || a->stage == CQL_STAGE_CONNECT || a->status == CQL_TIMEOUT)
      return "The database may be hibernated: resume it with `manage.py astra resume`, or in the Astra portal";
  }
  return NULL;
}

void cqli_proxy_explain(const cqli_core *core, cql_error *err) {
  const char *advice = core->settings->has_bundle && core->contacts.count == 0 ? advise(err) : NULL;
  if (advice == NULL) return;
  size_t len = strlen(err->message), room = sizeof err->message - strlen(advice) - sizeof ". ";
  if (len > room) len = room; /* what to do is worth more than the last of the reasons */
  memcpy(err->message + len, ". ", 2);
  memcpy(err->message + len + 2, advice, strlen(advice) + 1);
  cql_utf8_mend((uint8_t *)err->message, strlen(err->message));
}

/* --- life --------------------------------------------------------------------------------------------------------- */

void cqli_proxy_init(cqli_core *core) {
  cql_arena_init(&core->proxy.arena, core->alloc, CQL_ARENA_LIMIT_DEFAULT);
}

void cqli_proxy_free(cqli_core *core) {
  cql_arena_free(&core->proxy.arena);
}

void cqli_proxy_leave(cqli_core *core) {
  stop(core);
}

void cqli_proxy_forget(cqli_core *core) {
  if (core->proxy.fetch != NULL) cqli_fetch_forget(core->proxy.fetch);
}
