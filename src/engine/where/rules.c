/* rules.c: what a statement may restrict, what must be filtered, and which index can serve. StatementRestrictions.java.
 */
#include "engine/where/where_int.h"

#include <string.h>

#define FILTERING_TEXT                                                                                                 \
  "Cannot execute this query as it might involve data filtering and thus may have unpredictable performance. If you "  \
  "want to execute this query despite the performance unpredictability, use ALLOW FILTERING"

/* --- indexes ------------------------------------------------------------------------------------------------------ */

/* Storage-attached indexes keep these types as terms: equality alone (IndexTermType.java). Frozen collections, tuples
 * and UDTs too. */
static bool sai_orders(const cql_type *type) {
  switch (type->code) {
  case CQL_TYPE_ASCII:
  case CQL_TYPE_TEXT:
  case CQL_TYPE_BOOLEAN:
  case CQL_TYPE_UUID:
  case CQL_TYPE_LIST:
  case CQL_TYPE_SET:
  case CQL_TYPE_MAP:
  case CQL_TYPE_TUPLE:
  case CQL_TYPE_UDT:
  case CQL_TYPE_VECTOR: return false;
  default: return true;
  }
}

static bool is_slice_op(cqle_op op) {
  return op == CQLE_OP_LT || op == CQLE_OP_LE || op == CQLE_OP_GT || op == CQLE_OP_GE;
}

bool cqle_index_supports(const cqle_index *index, const cqle_restriction *r) {
  bool covers = false, element = r->kind == CQLE_REL_ELEMENT, plain = false;
  for (uint32_t i = 0; i < r->column_count; i++) covers |= r->columns[i] == index->column;
  if (!covers || r->kind == CQLE_REL_TOKEN || index->column->type->code == CQL_TYPE_VECTOR) return false;
  switch (index->target) {
  case CQLE_TARGET_KEYS: return r->op == CQLE_OP_CONTAINS_KEY;
  case CQLE_TARGET_ENTRIES: return element && r->op == CQLE_OP_EQ;
  case CQLE_TARGET_VALUES: return r->op == CQLE_OP_CONTAINS;
  case CQLE_TARGET_FULL: return !element && r->op == CQLE_OP_EQ;
  case CQLE_TARGET_COLUMN: plain = !cql_type_is_multicell(index->column->type); break;
  }
  if (!plain) return r->op == CQLE_OP_CONTAINS;
  if (r->op == CQLE_OP_EQ) return !element;
  return index->kind == CQLE_INDEX_SAI && is_slice_op(r->op) && sai_orders(index->column->type);
}

bool cqle_table_index_supports(const cqle_table *t, const cqle_restriction *r) {
  for (uint32_t i = 0; i < t->index_count; i++)
    if (cqle_index_supports(t->indexes[i], r)) return true;
  return false;
}

/* A slice is supported when its both sides are, CONTAINS when any of its members is. */
static bool supports_group(const cqle_index *index, const cqle_group *g) {
  bool any = false, all = true;
  for (const cqle_restriction *r = g->members; r != NULL; r = r->next) {
    bool one = cqle_index_supports(index, r);
    any |= one;
    all &= one;
  }
  return g->kind == CQLE_GROUP_CONTAINS ? any : all;
}

static bool has_index(const cqle_table *t, const cqle_group *g) {
  for (uint32_t i = 0; i < t->index_count; i++)
    if (supports_group(t->indexes[i], g)) return true;
  return false;
}

/* --- partition key ------------------------------------------------------------------------------------------------ */

typedef struct rules {
  cqle_binder *b;
  cqle_where *w;
  cqle_group *groups;
  const cqle_table *t;
  bool allow_filtering;
  bool has_index;                                 /* some restriction could be asked of an index */
  bool key_range;                                 /* more partitions than named ones */
  bool partition_filtered;                        /* partition restrictions that name no partition */
  bool clustering_filtered;                       /* clustering restrictions outside of the bounds */
  bool filter_on_partition, filter_on_clustering; /* what Cassandra's row filter holds */
  const char *statement;                          /* NULL: SELECT */
} rules;

static void survey(rules *r) {
  cqle_where *w = r->w;
  uint32_t restricted = 0, named = 0;
  for (uint32_t i = 0; i < w->group_count; i++) {
    cqle_group *g = &r->groups[i];
    if (g->on_token) {
      w->has_token = true;
      g->in_bounds = true;
      continue;
    }
    switch (g->columns[0]->kind) {
    case CQLE_PARTITION_KEY:
      restricted++;
      w->partition_restricted = true;
      if (g->kind == CQLE_GROUP_IN) w->partition_has_in = true;
      if (g->kind == CQLE_GROUP_EQ || g->kind == CQLE_GROUP_IN) named++;
      break;
    case CQLE_CLUSTERING:
      w->clustering_restricted = true;
      if (g->kind == CQLE_GROUP_IN) w->clustering_has_in = true;
      break;
    case CQLE_STATIC: w->static_restricted = true; break;
    case CQLE_REGULAR: w->regular_restricted = true; break;
    }
    if (r->statement == NULL && has_index(r->t, g)) r->has_index = true;
  }
  w->partition_complete = named == r->t->partition_count;
  if (w->ann != NULL) {
    if (w->ann->kind == CQLE_REGULAR) w->regular_restricted = true;
    if (w->ann->kind == CQLE_STATIC) w->static_restricted = true;
    if (cqle_where_ann_index(w)) r->has_index = true;
  }
  r->partition_filtered = restricted > 0 && !w->partition_complete;
  for (uint32_t i = 0; i < w->group_count && w->partition_complete; i++)
    if (!r->groups[i].on_token && r->groups[i].columns[0]->kind == CQLE_PARTITION_KEY) r->groups[i].in_bounds = true;
}

/* The leading clustering groups that bounds can express; the rest are checked row by row. */
static void survey_clustering(rules *r) {
  cqle_where *w = r->w;
  for (uint32_t i = 0; i < w->group_count; i++) {
    cqle_group *g = &r->groups[i];
    if (g->on_token || g->columns[0]->kind != CQLE_CLUSTERING) continue;
    if (g->kind == CQLE_GROUP_CONTAINS || w->clustering_has_slice || g->columns[0]->position != w->clustering_count) {
      r->clustering_filtered = true;
      continue;
    }
    g->in_bounds = true;
    w->clustering_count += g->column_count;
    if (g->kind == CQLE_GROUP_SLICE) w->clustering_has_slice = true;
  }
}

static const char *missing(rules *r, const cqle_column *const *columns, uint32_t count) {
  const char *names = NULL;
  for (uint32_t i = 0; i < count; i++) {
    if (cqle_where_group(r->w, columns[i]) != NULL) continue;
    names = names == NULL ? columns[i]->name : cql_arena_printf(r->b->arena, "%s, %s", names, columns[i]->name);
    if (names == NULL) return "";
  }
  return names;
}

static cql_status check_written_partition(rules *r) {
  cql_error *err = r->b->err;
  const char *names = missing(r, r->t->partition, r->t->partition_count);
  if (r->w->has_token)
    return cql_fail(err, CQL_INVALID, "The token function cannot be used in WHERE clauses for %s statements",
                    r->statement);
  if (names != NULL) return cql_fail(err, CQL_INVALID, "Some partition key parts are missing: %s", names);
  if (!r->w->partition_complete)
    return cql_fail(err, CQL_INVALID,
                    "Only EQ and IN relation are supported on the partition key (unless you use the token() function) "
                    "for %s statements",
                    r->statement);
  return CQL_OK;
}

/* Virtual tables of Cassandra filter without being told to. */
static bool filters_freely(const cqle_table *t) {
  return strcmp(t->keyspace->name, "system_virtual_schema") == 0 || strcmp(t->keyspace->name, "system_views") == 0;
}

static cql_status check_read_partition(rules *r) {
  cqle_where *w = r->w;
  if (w->has_token && !w->partition_complete) r->w->key_range = true;
  if (!w->partition_restricted && !w->has_token) {
    r->w->key_range = true;
    w->uses_index = r->has_index;
  }
  if (r->partition_filtered) {
    if (!r->allow_filtering && !r->has_index && !filters_freely(r->t))
      return cql_fail(r->b->err, CQL_INVALID, "%s", FILTERING_TEXT);
    r->w->key_range = true;
    w->uses_index = r->has_index;
  }
  r->filter_on_partition = w->uses_index || r->partition_filtered;
  return CQL_OK;
}

/* --- clustering --------------------------------------------------------------------------------------------------- */

static cql_status check_clustering_prefix(rules *r) {
  uint32_t expected = 0;
  for (uint32_t i = 0; i < r->w->group_count; i++) {
    const cqle_group *g = &r->groups[i];
    if (g->on_token || g->columns[0]->kind != CQLE_CLUSTERING) continue;
    for (uint32_t k = 0; k < g->column_count; k++, expected++) {
      if (expected < r->t->clustering_count && g->columns[k] == r->t->clustering[expected]) continue;
      return cql_fail(r->b->err, CQL_INVALID,
                      "PRIMARY KEY column \"%s\" cannot be restricted as preceding column \"%s\" is not restricted",
                      g->columns[k]->name, r->t->clustering[expected]->name);
    }
  }
  return CQL_OK;
}

static bool clustering_has(const rules *r, cqle_group_kind kind) {
  for (uint32_t i = 0; i < r->w->group_count; i++)
    if (!r->groups[i].on_token && r->groups[i].columns[0]->kind == CQLE_CLUSTERING && r->groups[i].kind == kind)
      return true;
  return false;
}

static cql_status check_written_clustering(rules *r, cqle_where_use use, bool only_statics) {
  cql_error *err = r->b->err;
  if (only_statics && r->w->clustering_restricted)
    return cql_fail(err, CQL_INVALID,
                    "Invalid restrictions on clustering columns since the %s statement modifies only static columns",
                    r->statement);
  if (use == CQLE_WHERE_DELETE) return r->clustering_filtered ? check_clustering_prefix(r) : CQL_OK;
  if (clustering_has(r, CQLE_GROUP_SLICE))
    return cql_fail(err, CQL_INVALID, "Slice restrictions are not supported on the clustering columns in %s statements",
                    r->statement);
  const char *names = missing(r, r->t->clustering, r->t->clustering_count);
  if (names != NULL && !only_statics) return cql_fail(err, CQL_INVALID, "Some clustering keys are missing: %s", names);
  return CQL_OK;
}

static cql_status check_read_clustering(rules *r, bool only_statics) {
  cqle_where *w = r->w;
  if (only_statics && w->clustering_restricted)
    return cql_fail(r->b->err, CQL_INVALID, "Cannot restrict clustering columns when selecting only static columns");
  if (clustering_has(r, CQLE_GROUP_CONTAINS) && !r->has_index && !r->allow_filtering)
    return cql_fail(r->b->err, CQL_INVALID,
                    "Clustering columns can only be restricted with CONTAINS with a secondary index or filtering");
  if (r->clustering_filtered) {
    if (r->has_index)
      w->uses_index = true;
    else if (!r->allow_filtering) {
      cql_status st = check_clustering_prefix(r);
      if (st != CQL_OK) return st;
    }
  }
  for (uint32_t i = 0; i < w->group_count && r->w->key_range; i++) {
    const cqle_group *g = &r->groups[i];
    if (!g->on_token && g->columns[0]->kind == CQLE_CLUSTERING && has_index(r->t, g)) w->uses_index = true;
  }
  r->filter_on_clustering = w->uses_index || r->clustering_filtered;
  return CQL_OK;
}

/* --- other columns, filtering ------------------------------------------------------------------------------------- */

static cql_status check_written_others(rules *r) {
  const char *names = NULL;
  for (uint32_t i = 0; i < r->w->group_count; i++) {
    const cqle_column *c = r->groups[i].columns[0];
    if (c->kind == CQLE_PARTITION_KEY || c->kind == CQLE_CLUSTERING) continue;
    names = names == NULL ? c->name : cql_arena_printf(r->b->arena, "%s, %s", names, c->name);
    if (names == NULL) return CQL_NOMEM;
  }
  if (names == NULL) return CQL_OK;
  return cql_fail(r->b->err, CQL_INVALID, "Non PRIMARY KEY columns found in where clause: %s ", names);
}

static cql_status check_read_others(rules *r) {
  cqle_where *w = r->w;
  if (w->regular_restricted || w->static_restricted) {
    cql_status st = cqle_where_check_vectors(w, r->partition_filtered, r->b->err);
    if (st != CQL_OK) return st;
    if (r->has_index)
      w->uses_index = true;
    else if (!r->allow_filtering && !filters_freely(r->t))
      return cql_fail(r->b->err, CQL_INVALID, "%s", FILTERING_TEXT);
  }
  if (w->uses_index && w->partition_has_in)
    return cql_fail(r->b->err, CQL_INVALID,
                    "Select on indexed columns and with IN clause for the PRIMARY KEY are not supported");
  return CQL_OK;
}

static bool in_row_filter(const rules *r, const cqle_group *g) {
  if (g->on_token) return false;
  if (g->columns[0]->kind == CQLE_PARTITION_KEY) return r->filter_on_partition;
  if (g->columns[0]->kind == CQLE_CLUSTERING) return r->filter_on_clustering;
  return true;
}

static bool column_needs_filtering(const rules *r, const cqle_index *sole, const cqle_group *g, const cqle_column *c) {
  bool several = g->kind == CQLE_GROUP_CONTAINS && g->members != NULL && g->members->next != NULL;
  for (uint32_t i = 0; i < r->t->index_count; i++) {
    const cqle_index *index = r->t->indexes[i];
    if (index->column != c || (sole != NULL ? index != sole : index->kind != CQLE_INDEX_SAI)) continue;
    if (supports_group(index, g) && !(several && index->kind == CQLE_INDEX_LEGACY)) return false;
  }
  return true;
}

/* A tuple is served when each of its columns is. */
static bool group_needs_filtering(const rules *r, const cqle_index *sole, const cqle_group *g) {
  for (uint32_t i = 0; i < g->column_count; i++)
    if (column_needs_filtering(r, sole, g, g->columns[i])) return true;
  return false;
}

/* A legacy index answers alone; storage-attached ones answer together. sole NULL: the latter. */
static bool served(const rules *r, const cqle_index *sole) {
  for (uint32_t i = 0; i < r->w->group_count; i++)
    if (in_row_filter(r, &r->groups[i]) && group_needs_filtering(r, sole, &r->groups[i])) return false;
  return true;
}

static bool needs_filtering(const rules *r) {
  uint32_t filters = 0;
  bool sai = false;
  for (uint32_t i = 0; i < r->w->group_count; i++) filters += in_row_filter(r, &r->groups[i]);
  if (r->w->ann != NULL) return !(cqle_where_ann_index(r->w) && served(r, NULL));
  if (filters == 0) return r->w->clustering_restricted;
  for (uint32_t i = 0; i < r->t->index_count; i++) {
    if (r->t->indexes[i]->kind == CQLE_INDEX_SAI)
      sai = true;
    else if (served(r, r->t->indexes[i]))
      return false;
  }
  return !(sai && served(r, NULL));
}

/* --- which index to scan: equality before CONTAINS before a range; never one of a static column ------------------- */

static int group_worth(const cqle_group *g) {
  switch (g->kind) {
  case CQLE_GROUP_EQ: return 3;
  case CQLE_GROUP_CONTAINS: return 2;
  case CQLE_GROUP_SLICE: return 1;
  case CQLE_GROUP_IN: break;
  }
  return 0;
}

static void choose_index(rules *r) {
  int best = 0;
  cqle_where *w = r->w;
  if (!w->uses_index || w->partition_complete || r->t->read != NULL) return;
  for (uint32_t i = 0; i < w->group_count; i++) {
    const cqle_group *g = &r->groups[i];
    if (g->on_token || g->column_count != 1 || g->columns[0]->kind == CQLE_STATIC || group_worth(g) <= best) continue;
    for (uint32_t k = 0; k < r->t->index_count; k++) {
      const cqle_index *index = r->t->indexes[k];
      if (index->target == CQLE_TARGET_ENTRIES || !supports_group(index, g)) continue;
      best = group_worth(g);
      w->index = index;
      w->indexed = g;
      break;
    }
  }
}

static cql_status check_read(rules *r, bool only_statics) {
  cql_status st = CQL_OK;
  CQL_TRY(check_read_partition(r));
  CQL_TRY(check_read_clustering(r, only_statics));
  CQL_TRY(check_read_others(r));
  if (!r->allow_filtering && (r->w->key_range || r->w->uses_index) && !filters_freely(r->t) && needs_filtering(r))
    r->w->wants_filtering = true;
  choose_index(r);
done:
  return st;
}

cql_status cqle_where_check_filtering(const cqle_where *w, cql_error *err) {
  return w->wants_filtering ? cql_fail(err, CQL_INVALID, "%s", FILTERING_TEXT) : CQL_OK;
}

cql_status cqle_where_rules(cqle_binder *b, cqle_where *w, cqle_group *groups, cqle_where_use use, bool only_statics,
                            bool allow_filtering) {
  cql_status st = CQL_OK;
  rules r = {.b = b, .w = w, .groups = groups, .t = w->table, .allow_filtering = allow_filtering};
  if (use != CQLE_WHERE_SELECT) r.statement = use == CQLE_WHERE_DELETE ? "DELETE" : "UPDATE";
  survey(&r);
  survey_clustering(&r);
  if (use == CQLE_WHERE_SELECT) {
    CQL_TRY(cqle_where_check_ann_column(w, b->err));
    CQL_TRY(check_read(&r, only_statics));
  } else {
    CQL_TRY(check_written_partition(&r));
    CQL_TRY(check_written_clustering(&r, use, only_statics));
    CQL_TRY(check_written_others(&r));
  }
  for (uint32_t i = 0; i < w->group_count; i++)
    if (!groups[i].in_bounds) w->needs_filter = true;
done:
  return st;
}
