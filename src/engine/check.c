/* check.c: the whole file held against what must be: SQLite's structures, the schema, then every key, in one walk. */
#include <stdlib.h>

#include "engine/schema/catalog.h"
#include "engine/sweep.h"

enum { PROGRESS_EVERY = 1024 };

/* Whose keys start with an id. */
typedef struct owner {
  uint32_t id;
  const cqle_table *table;
  const cqle_index *index; /* NULL: the table's own */
} owner;

typedef struct walk {
  cqle_check check;
  owner *owners; /* by id */
  uint32_t count;
  const owner *last;
  uint32_t strange; /* the last id that has no owner: told once */
  cql_progress progress;
  cql_error *err;
} walk;

/* --- the schema --------------------------------------------------------------------------------------------------- */

static int owner_order(const void *x, const void *y) {
  uint32_t a = ((const owner *)x)->id, b = ((const owner *)y)->id;
  return a < b ? -1 : a > b;
}

static void check_owners(walk *w) {
  cqle_catalog_state state;
  qsort(w->owners, w->count, sizeof *w->owners, owner_order);
  for (uint32_t i = 1; i < w->count; i++)
    if (w->owners[i].id == w->owners[i - 1].id)
      cqle_check_problem(&w->check, "two tables or indexes have the id %u", w->owners[i].id);
  if (cqle_catalog_get_state(w->check.t, &state, NULL) != CQL_OK)
    cqle_check_problem(&w->check, "the state of the schema cannot be read");
  else if (w->count > 0 && w->owners[w->count - 1].id >= state.next_id)
    cqle_check_problem(&w->check, "the next id to give is %u, and %u is in use", state.next_id,
                       w->owners[w->count - 1].id);
}

static cql_status collect_owners(walk *w, const cqle_schema *schema, cql_arena *a) {
  uint32_t room = 0;
  for (uint32_t k = 0; k < schema->keyspace_count; k++)
    for (uint32_t i = 0; i < schema->keyspaces[k]->table_count; i++)
      room += 1 + schema->keyspaces[k]->tables[i]->index_count;
  w->owners = cql_arena_array(a, (size_t)room + 1, sizeof *w->owners);
  if (w->owners == NULL) return cql_fail(w->err, CQL_NOMEM, "out of memory");
  for (uint32_t k = 0; k < schema->keyspace_count; k++) {
    for (uint32_t i = 0; i < schema->keyspaces[k]->table_count; i++) {
      const cqle_table *t = schema->keyspaces[k]->tables[i];
      if (t->read != NULL) continue;
      w->check.report->tables++;
      w->owners[w->count++] = (owner){t->id, t, NULL};
      for (uint32_t j = 0; j < t->index_count; j++) {
        w->check.report->indexes++;
        w->owners[w->count++] = (owner){t->indexes[j]->id, t, t->indexes[j]};
      }
    }
  }
  check_owners(w);
  return CQL_OK;
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

static const owner *find_owner(walk *w, uint32_t id) {
  owner wanted = {.id = id};
  if (w->last != NULL && w->last->id == id) return w->last;
  if (w->count == 0) return NULL;
  w->last = bsearch(&wanted, w->owners, w->count, sizeof *w->owners, owner_order);
  return w->last;
}

static cql_status check_key(walk *w, cql_slice key, cql_slice value) {
  uint32_t id = key.len < 4 ? 0 : cql_load_u32(key.data);
  if (id == CQLE_CATALOG_ID) return CQL_OK; /* loading the schema has read all of them */
  if (id == CQLE_SWEEP_ID) {
    if (key.len != 4 || cqle_sweep_check(value, NULL) != CQL_OK)
      cqle_check_problem(&w->check, "the state of the sweep is damaged");
    return CQL_OK;
  }
  const owner *o = find_owner(w, id);
  if (o != NULL && o->index != NULL) return cqle_check_entry(&w->check, o->table, o->index, key, value, w->err);
  if (o != NULL) return cqle_check_row_key(&w->check, o->table, key, value, w->err);
  if (w->strange != id + 1) cqle_check_problem(&w->check, "there are keys of id %u, which no table or index has", id);
  w->strange = id + 1;
  return CQL_OK;
}

/* Where the walk is: by the ids and, of a table, the token. */
static double progress_of(const walk *w, cql_slice key) {
  if (w->last == NULL || w->count == 0) return 0;
  double token =
      key.len >= 12 && w->last->index == NULL ? (double)cql_load_u64(key.data + 4) / 18446744073709551616.0 : 0;
  return ((double)(w->last - w->owners) + token) / (double)w->count;
}

static cql_status check_keys(walk *w, bool *finished) {
  cqle_cursor *c;
  cql_slice key, value, nothing = {NULL, 0};
  uint32_t n = 0;
  cql_status st = cqle_cursor_open(w->check.t, nothing, nothing, false, &c, w->err);
  if (st != CQL_OK) return st;
  while (*finished && (st = cqle_cursor_next(c, &key, &value, w->err)) == CQL_OK) {
    st = check_key(w, key, value);
    if (st != CQL_OK) break;
    if (++n % PROGRESS_EVERY == 0 && w->progress != NULL)
      *finished = w->progress(w->check.user, "check", progress_of(w, key));
  }
  cqle_cursor_close(c);
  return st == CQL_DONE ? CQL_OK : st;
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

static void tell_sqlite(void *user, const char *text) {
  cqle_check_problem(user, "SQLite: %s", text);
}

/* A damaged page stops the walk; that is a finding too. */
static cql_status found_damage(walk *w, cql_status st, cql_error *e) {
  if (st != CQL_CORRUPT && st != CQL_NOT_A_DATABASE && st != CQL_VERSION) {
    if (st != CQL_OK && w->err != NULL) *w->err = *e;
    return st;
  }
  cqle_check_problem(&w->check, "%s", e->message);
  return CQL_OK;
}

static cql_status check_all(walk *w, const cql_alloc *alloc, bool *finished) {
  cql_error local = {.status = CQL_OK}, *caller = w->err;
  cqle_schema *schema;
  cql_arena ids;
  w->err = &local;
  cql_status st = cqle_txn_verify(w->check.t, tell_sqlite, &w->check, &local);
  if (st == CQL_OK) st = cqle_schema_load(w->check.t, alloc, NULL, &schema, &local);
  if (st == CQL_OK) {
    cql_arena_init(&ids, alloc, CQL_ARENA_LIMIT_DEFAULT);
    st = collect_owners(w, schema, &ids);
    if (st == CQL_OK) st = check_keys(w, finished);
    cql_arena_free(&ids);
    cqle_schema_free(schema);
  }
  w->err = caller;
  return found_damage(w, st, &local);
}

cql_status cql_engine_check_file(cql_engine *engine, cql_progress progress, cql_check_found found, void *user,
                                 cql_check_report *report, cql_error *err) {
  cqle_txn *txn;
  *report = (cql_check_report){.finished = true};
  cql_status st = cqle_txn_begin(engine->store, false, &txn, err);
  if (st != CQL_OK) return st;
  walk w = {.progress = progress, .err = err};
  cqle_check_init(&w.check, txn, report, found, user);
  st = check_all(&w, engine->alloc, &report->finished);
  cqle_check_free(&w.check);
  cqle_txn_abort(txn);
  return st;
}
