/* replication.c: reads a keyspace's replication: {'class': '…NetworkTopologyStrategy', 'dc1': '3', 'dc2': '3/1'}. */
#include "client/map_int.h"

#include <string.h>

typedef struct options {
  cql_slice strategy; /* without its package */
  cql_slice factor;   /* replication_factor; data NULL: none */
  bool is_odd;        /* a number of replicas is none */
} options;

/* --- numbers of replicas ------------------------------------------------------------------------------------------ */

static bool read_number(cql_slice text, uint32_t *out) {
  *out = 0;
  if (text.len == 0 || text.len > 9) return false;
  for (size_t i = 0; i < text.len; i++) {
    unsigned digit = text.data[i] - (unsigned)'0';
    if (digit > 9) return false;
    *out = *out * 10 + digit;
  }
  return true;
}

/* "3", or "3/1": three replicas, one of them transient. A transient replica is one nonetheless: as a coordinator it is
 * nearer to the data than a node that holds nothing. (ReplicationFactor.java) */
static bool read_factor(cql_slice text, uint32_t *out) {
  uint32_t transient;
  const uint8_t *slash = text.len == 0 ? NULL : memchr(text.data, '/', text.len);
  if (slash == NULL) return read_number(text, out);
  size_t before = (size_t)(slash - text.data);
  return read_number(cql_slice_of(text.data, before), out) &&
         read_number(cql_slice_of(slash + 1, text.len - before - 1), &transient) && transient < *out;
}

static uint16_t at_most(uint32_t factor, uint32_t nodes) {
  return (uint16_t)(factor < nodes ? factor : nodes);
}

/* --- shares ------------------------------------------------------------------------------------------------------- */

/* Keeps shares sorted by datacenter, so that equal replications look equal. */
static void add_share(cqli_replication *p, uint16_t dc, uint32_t factor) {
  uint32_t i = p->share_count++;
  for (; i > 0 && p->shares[i - 1].dc > dc; i--) p->shares[i] = p->shares[i - 1];
  p->shares[i] = (cqli_share){dc, (uint16_t)factor};
  p->width += factor;
}

static bool has_share(const cqli_replication *p, uint16_t dc) {
  for (uint32_t i = 0; i < p->share_count; i++)
    if (p->shares[i].dc == dc) return true;
  return false;
}

/* Each option that names a datacenter counts; those that are gone, or not there yet, have no replicas. */
static void read_option(cqli_replication *p, options *o, cql_slice name, cql_slice value, const cqli_topology *t) {
  uint32_t factor;
  if (cql_slice_eq_str(name, "class")) {
    o->strategy = value;
    for (size_t i = 0; i < value.len; i++)
      if (value.data[i] == '.') o->strategy = cql_slice_of(value.data + i + 1, value.len - i - 1);
    return;
  }
  if (cql_slice_eq_str(name, "replication_factor")) {
    o->factor = value;
    return;
  }
  const cqli_dc *dc = cqli_topology_dc(t, name);
  if (dc == NULL) return;
  uint16_t number = (uint16_t)(dc - t->dcs);
  if (!read_factor(value, &factor))
    o->is_odd = true;
  else if (factor > 0 && dc->owner_count > 0 && !has_share(p, number))
    add_share(p, number, at_most(factor, dc->owner_count));
}

/* One share of the whole cluster. */
static bool share_anywhere(cqli_replication *p, uint32_t factor, const cqli_topology *t) {
  p->share_count = p->width = 0;
  if (factor > 0 && t->owner_count > 0) add_share(p, CQLI_ANYWHERE, at_most(factor, t->owner_count));
  return p->width > 0;
}

/* LocalStrategy is not here: each node has rows of its own, and none has those of another. */
static bool finish(cqli_replication *p, const options *o, const cqli_topology *t) {
  uint32_t factor;
  if (cql_slice_eq_str(o->strategy, "NetworkTopologyStrategy")) return !o->is_odd && p->width > 0;
  if (cql_slice_eq_str(o->strategy, "SimpleStrategy"))
    return read_factor(o->factor, &factor) && share_anywhere(p, factor, t);
  if (cql_slice_eq_str(o->strategy, "EverywhereStrategy")) return share_anywhere(p, t->owner_count, t);
  return false;
}

cql_status cqli_replication_read(cqli_replication **out, cql_arena *a, cql_elements *e, const cqli_topology *t,
                                 cql_error *err) {
  options o = {.is_odd = false};
  cql_slice name, value;
  cql_status st;
  *out = NULL;
  cqli_replication *p = cql_arena_zero(a, sizeof *p);
  if (p == NULL) return cql_fail(err, CQL_NOMEM, "out of memory");
  p->shares = cql_arena_array(a, t->dc_count + 1, sizeof *p->shares);
  if (p->shares == NULL) return cql_fail(err, CQL_NOMEM, "out of memory");
  atomic_init(&p->lists, NULL);
  while ((st = cql_elements_next(e, &name)) == CQL_OK && (st = cql_elements_next(e, &value)) == CQL_OK)
    read_option(p, &o, name, value, t);
  if (st != CQL_DONE) return cql_fail(err, CQL_MALFORMED, "the replication of a keyspace is cut short");
  if (finish(p, &o, t)) *out = p;
  return CQL_OK;
}

bool cqli_replication_eq(const cqli_replication *x, const cqli_replication *y) {
  return x->share_count == y->share_count && memcmp(x->shares, y->shares, x->share_count * sizeof *x->shares) == 0;
}
