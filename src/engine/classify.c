/* classify.c: what can be said of a statement by its text, when the schema is on a cluster. */
#include "engine/engine.h"

#include <string.h>

#include "engine/parse/ast.h"

enum { CLASSIFY_ARENA_MAX = 64 * 1024 * 1024 };

typedef struct classifier {
  const cql_column *binds; /* NULL: not known */
  uint32_t bind_count;
} classifier;

/* --- terms -------------------------------------------------------------------------------------------------------- */

/* Native functions that give the same for the same arguments; a * stands for any end. All others may not: now() and its
 * like, uuid(), and what users have written. */
static const char *const stable_functions[] = {
    "_add",        "_substract",  "_multiply",    "_divide",      "_modulo",     "_negate",
    "cast_as_*",   "token",       "to_*",         "todate",       "totimestamp", "tounixtimestamp",
    "mintimeuuid", "maxtimeuuid", "min_timeuuid", "max_timeuuid", "dateof",      "unixtimestampof",
    "fromjson",    "from_json",   "tojson",       "blobas*",      "blob_as_*",   "abs",
    "exp",         "log",         "log10",        "round",
};

static bool matches(const char *pattern, cql_slice name) {
  size_t len = strlen(pattern);
  if (pattern[len - 1] != '*') return cql_slice_eq_str(name, pattern);
  return name.len >= len - 1 && memcmp(name.data, pattern, len - 1) == 0;
}

static bool ends_with(cql_slice name, const char *end) {
  size_t len = strlen(end);
  return name.len >= len && memcmp(name.data + name.len - len, end, len) == 0;
}

static bool is_stable_function(const cqle_qname *f) {
  if (f->keyspace.data != NULL && !cql_slice_eq_str(f->keyspace, "system")) return false;
  for (size_t i = 0; i < sizeof stable_functions / sizeof *stable_functions; i++)
    if (matches(stable_functions[i], f->name)) return true;
  return ends_with(f->name, "asblob") || ends_with(f->name, "_as_blob");
}

/* Does t mean the same value each time? NULL, which is no term, does. The parser bounds the depth. */
static bool is_stable(const cqle_term *t) {
  if (t == NULL) return true;
  if (t->kind == CQLE_TERM_CALL && !is_stable_function(&t->function)) return false;
  for (uint32_t i = 0; i < t->count; i++)
    if (!is_stable(t->items[i])) return false;
  return true;
}

static const cql_column *marker_of(const classifier *c, const cqle_term *t) {
  if (t->kind == CQLE_TERM_HINT) t = t->items[0];
  return t->kind == CQLE_TERM_MARKER && c->binds != NULL && t->marker < c->bind_count ? &c->binds[t->marker] : NULL;
}

/* A set or map that elements are put into or taken out of: twice is once. A list grows, a counter counts. */
static bool is_set_or_map(const classifier *c, const cqle_term *t) {
  const cql_column *marker = marker_of(c, t);
  if (marker != NULL) return marker->type->code == CQL_TYPE_SET || marker->type->code == CQL_TYPE_MAP;
  return t->kind == CQLE_TERM_SET || t->kind == CQLE_TERM_MAP;
}

/* The key of a map's element, or an element of a set. The place in a list, always an int, holds another element once
 * somebody else has put one before it; markers are named "idx(c)" for it, "key(c)" and "value(c)" for the others. */
static bool is_map_key(const classifier *c, const cqle_term *t) {
  const cql_column *marker = marker_of(c, t);
  if (marker != NULL)
    return strncmp(marker->name, "key(", 4) == 0 || strncmp(marker->name, "value(", 6) == 0 ||
           marker->type->code != CQL_TYPE_INT;
  return t->kind == CQLE_TERM_LITERAL && t->literal != CQL_LITERAL_INTEGER;
}

/* --- modifications ------------------------------------------------------------------------------------------------ */

static bool are_stable_relations(const cqle_relation *all, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    if (!is_stable(all[i].term) || !is_stable(all[i].key)) return false;
    for (uint32_t j = 0; j < all[i].value_count; j++)
      if (!is_stable(all[i].values[j])) return false;
  }
  return true;
}

static bool is_idempotent_assignment(const classifier *c, const cqle_assignment *s) {
  if (!is_stable(s->term) || !is_stable(s->key)) return false;
  switch (s->kind) {
  case CQLE_SET_VALUE:
  case CQLE_SET_FIELD: return true;
  case CQLE_SET_ADD:
  case CQLE_SET_SUB: return is_set_or_map(c, s->term);
  case CQLE_SET_ELEMENT: return is_map_key(c, s->key);
  case CQLE_SET_PREPEND: break; /* of lists alone */
  }
  return false;
}

static bool is_conditional(const cqle_modify *m) {
  return m->if_not_exists || m->if_exists || m->if_count > 0;
}

static bool is_idempotent(const classifier *c, const cqle_modify *m) {
  if (is_conditional(m) || !is_stable(m->using.timestamp) || !is_stable(m->using.ttl)) return false;
  for (uint32_t i = 0; i < m->value_count; i++)
    if (!is_stable(m->values[i])) return false;
  for (uint32_t i = 0; i < m->set_count; i++)
    if (!is_idempotent_assignment(c, &m->sets[i])) return false;
  for (uint32_t i = 0; i < m->target_count; i++) {
    const cqle_term *key = m->targets[i].key;
    if (key != NULL && (!is_stable(key) || !is_map_key(c, key))) return false;
  }
  return are_stable_relations(m->where, m->where_count);
}

static void classify_batch(const classifier *c, const cqle_batch *b, cql_text_class *out) {
  out->is_idempotent = b->type != CQL_BATCH_COUNTER;
  for (uint32_t i = 0; i < b->count; i++) {
    if (is_conditional(&b->items[i])) out->is_conditional = true;
    if (!is_idempotent(c, &b->items[i])) out->is_idempotent = false;
  }
}

/* --- statements --------------------------------------------------------------------------------------------------- */

static void classify(const classifier *c, const cqle_statement *s, cql_text_class *out) {
  switch (s->kind) {
  case CQLE_STMT_SELECT: out->is_select = out->is_idempotent = true; break;
  case CQLE_STMT_MODIFY:
    out->is_modification = true;
    out->is_conditional = is_conditional(&s->as.modify);
    out->is_idempotent = is_idempotent(c, &s->as.modify);
    break;
  case CQLE_STMT_BATCH: classify_batch(c, &s->as.batch, out); break;
  default: break;
  }
}

cql_text_class cql_engine_classify(cql_slice text, const cql_column *binds, uint32_t bind_count) {
  cql_text_class out = {false, false, false, false};
  classifier c = {binds, bind_count};
  cqle_statement *s;
  cql_arena a;
  cql_arena_init(&a, &cql_alloc_libc, CLASSIFY_ARENA_MAX);
  if (cqle_parse(&a, text, &s, NULL) == CQL_OK) classify(&c, s, &out);
  cql_arena_free(&a);
  return out;
}
