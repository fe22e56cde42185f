/* contacts.c: the contact points, and the addresses behind their names. They are looked up when a core is made, and
 * again when none of the nodes that are known can be reached: all of them may have moved (containers do). The second
 * time nobody may wait, so the control connection asks now and then how far it is.
 */
#include "client/client_int.h"

#include <string.h>

/* --- a list of addresses ------------------------------------------------------------------------------------------ */

static bool has(const cqli_contacts *l, const cqli_address *a) {
  for (uint32_t i = 0; i < l->count; i++)
    if (cqli_address_eq(&l->addresses[i], a)) return true;
  return false;
}

static void add(cqli_contacts *l, const cqli_address *a, const char *name) {
  if (has(l, a)) return;
  l->addresses[l->count] = *a;
  l->names[l->count++] = name;
}

static void add_all(cqli_contacts *l, const char *host, const cqli_address *found, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    char text[CQL_HOST_LEN];
    cqli_address_print(&found[i], text);
    bool is_name = strncmp(text[0] == '[' ? text + 1 : text, host, strlen(host)) != 0;
    add(l, &found[i], is_name ? host : NULL);
  }
}

static cql_status make(cqli_core *core, cqli_contacts *l, cql_error *err) {
  uint32_t room = core->settings->config.contact_count * CQLI_ADDRESSES_MAX;
  if (core->settings->has_bundle) room = CQL_CLIENT_CONTACTS_MAX;
  l->addresses = cql_arena_array(&core->arena, room, sizeof *l->addresses);
  l->names = cql_arena_array(&core->arena, room, sizeof *l->names);
  return l->addresses != NULL && l->names != NULL ? CQL_OK : cql_fail(err, CQL_NOMEM, "Out of memory");
}

const char *cqli_contact_name(const cqli_core *core, const cqli_address *address) {
  const cqli_contacts *l = &core->contacts;
  for (uint32_t i = 0; i < l->count; i++)
    if (cqli_address_eq(&l->addresses[i], address)) return l->names[i];
  return NULL;
}

/* --- at first ----------------------------------------------------------------------------------------------------- */

/* A name without an address is told only when there is no other. */
cql_status cqli_contacts_init(cqli_core *core, cql_error *err) {
  const cql_client_config *c = &core->settings->config;
  cql_status st = make(core, &core->contacts, err);
  if (core->settings->has_bundle) return st; /* the loop finds them */
  if (st == CQL_OK) st = make(core, &core->found, err);
  if (st != CQL_OK) return st;
  cql_attempt failures[CQL_ATTEMPT_COUNT];
  uint32_t failure_count = 0;
  for (uint32_t i = 0; i < c->contact_count; i++) {
    cqli_address found[CQLI_ADDRESSES_MAX];
    uint32_t count = 0;
    cql_error e;
    int64_t started = cql_clock_monotonic_us();
    st = cqli_resolve(c->contacts[i].host, c->contacts[i].port, c->connect_timeout_ms, found, &count, &e);
    if (st == CQL_NOMEM) return cql_fail(err, CQL_NOMEM, "Out of memory");
    add_all(&core->contacts, c->contacts[i].host, found, st == CQL_OK ? count : 0);
    if (st == CQL_OK || failure_count == CQL_ATTEMPT_COUNT) continue;
    cql_attempt *a = &failures[failure_count++];
    *a = (cql_attempt){.stage = CQL_STAGE_RESOLVE, .status = st};
    a->elapsed_ms = (uint32_t)((cql_clock_monotonic_us() - started) / 1000);
    cqli_copy_text(a->host, c->contacts[i].host, sizeof a->host);
    cqli_reason(a, e.message);
  }
  if (core->contacts.count > 0) return CQL_OK;
  return cqli_fail_attempts(err, CQL_RESOLVE, failures, failure_count);
}

/* --- and again ---------------------------------------------------------------------------------------------------- */

/* A name that is not found now keeps the addresses that it had. */
static void keep(cqli_core *core, const char *name) {
  const cqli_contacts *l = &core->contacts;
  for (uint32_t i = 0; i < l->count; i++)
    if (l->names[i] == name) add(&core->found, &l->addresses[i], name);
}

/* From contact point core->lookup_at on. True: one of them takes its time. */
static bool look_up_rest(cqli_core *core) {
  const cql_client_config *c = &core->settings->config;
  for (; core->lookup_at < c->contact_count; core->lookup_at++) {
    const cql_contact *contact = &c->contacts[core->lookup_at];
    cqli_address found[CQLI_ADDRESSES_MAX];
    uint32_t count;
    core->lookup_began_us = cql_clock_monotonic_us();
    if (cqli_resolve_literal(contact->host, contact->port, found, &count))
      add_all(&core->found, contact->host, found, count);
    else if (cqli_lookup_begin(&core->lookup, contact->host, NULL) == CQL_OK)
      return true;
    else
      keep(core, contact->host);
  }
  cqli_contacts old = core->contacts;
  core->contacts = core->found;
  core->found = old;
  return false;
}

static bool takes_too_long(const cqli_core *core) {
  return cql_clock_monotonic_us() - core->lookup_began_us > (int64_t)core->settings->config.connect_timeout_ms * 1000;
}

bool cqli_contacts_look_up(cqli_core *core) {
  if (core->settings->has_bundle) return cqli_proxy_look_up(core);
  core->found.count = core->lookup_at = 0;
  return look_up_rest(core);
}

bool cqli_contacts_are_looked_up(cqli_core *core) {
  if (core->settings->has_bundle) return cqli_proxy_is_looked_up(core);
  if (core->lookup == NULL) return false;
  const cql_contact *contact = &core->settings->config.contacts[core->lookup_at];
  bool is_done = cqli_lookup_is_done(core->lookup);
  if (!is_done && !takes_too_long(core)) return true;
  cqli_address found[CQLI_ADDRESSES_MAX];
  uint32_t count = 0;
  if (is_done && cqli_lookup_end(core->lookup, contact->port, found, &count, NULL) == CQL_OK)
    add_all(&core->found, contact->host, found, count);
  else
    keep(core, contact->host);
  if (!is_done) cqli_lookup_leave(core->lookup);
  core->lookup = NULL;
  core->lookup_at++;
  return look_up_rest(core);
}

void cqli_contacts_leave(cqli_core *core) {
  cqli_proxy_leave(core);
  if (core->lookup != NULL) cqli_lookup_leave(core->lookup);
  core->lookup = NULL;
}
