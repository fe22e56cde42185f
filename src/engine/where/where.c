/* where.c: relations bound to columns, and merged per column as Cassandra's RestrictionSet does. */
#include "engine/where/where_int.h"

#include <string.h>

typedef struct planner {
  cqle_binder *b;
  const cqle_table *t;
  const char *statement; /* "UPDATE", "DELETE"; NULL: SELECT */
  bool allow_filtering;
  const cqle_column *ann;
  const cqle_relation *source; /* the relation being bound */
  uint32_t group_count;
  cqle_group *groups;
} planner;

/* --- columns ------------------------------------------------------------------------------------------------------ */

static cql_status find_column(planner *p, cql_slice name, const cqle_column **out) {
  return cqle_find_column(p->t, name, out, p->b->err);
}

static const char *type_text(planner *p, const cql_type *type) {
  size_t len = cql_type_to_cql(type, NULL, 0);
  char *text = cql_arena_get(p->b->arena, len + 1);
  if (text == NULL) return "";
  cql_type_to_cql(type, text, len + 1);
  return text;
}

static bool holds_duration(const cql_type *type) {
  if (type->code == CQL_TYPE_DURATION) return true;
  for (uint32_t i = 0; i < type->arg_count; i++)
    if (holds_duration(type->args[i])) return true;
  return false;
}

static cql_status check_slice_type(planner *p, const cqle_column *c) {
  const char *what = "duration columns";
  if (!holds_duration(c->type)) return CQL_OK;
  if (cql_type_is_collection(c->type))
    what = "collections containing durations";
  else if (c->type->code == CQL_TYPE_TUPLE)
    what = "tuples containing durations";
  else if (c->type->code == CQL_TYPE_UDT)
    what = "UDTs containing durations";
  return cql_fail(p->b->err, CQL_INVALID, "Slice restrictions are not supported on %s", what);
}

static cql_status check_operator(planner *p, const cqle_column *c) {
  const cqle_relation *r = p->source;
  cql_error *err = p->b->err;
  bool contains = r->op == CQLE_OP_CONTAINS || r->op == CQLE_OP_CONTAINS_KEY, element = r->kind == CQLE_REL_ELEMENT;
  /* Cassandra does not look behind the type of a column in descending order. */
  if (r->op == CQLE_OP_CONTAINS_KEY && (c->type->code != CQL_TYPE_MAP || c->reversed))
    return cql_fail(err, CQL_INVALID, "Cannot use CONTAINS KEY on non-map column %s", c->name);
  if (contains && (!cql_type_is_collection(c->type) || c->reversed))
    return cql_fail(err, CQL_INVALID, "Cannot use CONTAINS on non-collection column %s", c->name);
  if (element) {
    if (c->type->code == CQL_TYPE_LIST)
      return cql_fail(err, CQL_INVALID, "Indexes on list entries (%s[index] = value) are not currently supported.",
                      c->name);
    if (c->type->code != CQL_TYPE_MAP) return cql_fail(err, CQL_INVALID, "Column %s cannot be used as a map", c->name);
    if (!cql_type_is_multicell(c->type))
      return cql_fail(err, CQL_INVALID, "Map-entry equality predicates on frozen map column %s are not supported",
                      c->name);
    if (r->op != CQLE_OP_EQ) return cql_fail(err, CQL_INVALID, "Only EQ relations are supported on map entries");
  }
  if (c->type->code == CQL_TYPE_UDT && cql_type_is_multicell(c->type))
    return cql_fail(err, CQL_INVALID, "Non-frozen UDT column '%s' (%s) cannot be restricted by any relation", c->name,
                    type_text(p, c->type));
  if (cql_type_is_multicell(c->type) && !contains && !element)
    return cql_fail(err, CQL_INVALID, "Collection column '%s' (%s) cannot be restricted by a '%s' relation", c->name,
                    type_text(p, c->type), cqle_op_text(r->op));
  return CQL_OK;
}

/* --- binding ------------------------------------------------------------------------------------------------------ */

static bool is_slice_op(cqle_op op) {
  return op == CQLE_OP_LT || op == CQLE_OP_LE || op == CQLE_OP_GT || op == CQLE_OP_GE;
}

static cqle_receiver named(const planner *p, const char *name, const cql_type *type) {
  return (cqle_receiver){p->t->keyspace->name, p->t->name, name, type};
}

static cql_status bind_parts(planner *p, const cqle_restriction *r, const cqle_receiver *receivers,
                             const cqle_term *term, cqle_operand *out) {
  cql_status st = CQL_OK;
  const cqle_expr **parts = cql_arena_array(p->b->arena, r->column_count, sizeof *parts);
  CQL_CHECK(parts != NULL, CQL_NOMEM);
  if (r->kind != CQLE_REL_TUPLE)
    CQL_TRY(cqle_term_bind(p->b, term, &receivers[0], &parts[0]));
  else {
    if (term->count != r->column_count) {
      st = cql_fail(p->b->err, CQL_INVALID, "Expected %u elements in value tuple, but got %u: %s", r->column_count,
                    term->count, cqle_term_text(p->b->arena, term));
      goto done;
    }
    for (uint32_t i = 0; i < r->column_count; i++)
      CQL_TRY(cqle_term_bind(p->b, term->items[i], &receivers[i], &parts[i]));
  }
  out->parts = parts;
done:
  return st;
}

/* (a, b) = ?, and the name of such a marker: "(a,b)", or "in(a,b)" for the whole list. */
static const cql_type *tuple_type(planner *p, const cqle_restriction *r) {
  const cql_type **fields = cql_arena_array(p->b->arena, r->column_count, sizeof *fields);
  if (fields == NULL) return NULL;
  for (uint32_t i = 0; i < r->column_count; i++) fields[i] = r->columns[i]->type;
  return cql_type_tuple(p->b->arena, fields, r->column_count);
}

static const char *marker_name(planner *p, const cqle_restriction *r, const char *prefix) {
  const char *name = cql_arena_printf(p->b->arena, "%s(%s", prefix, r->columns[0]->name);
  for (uint32_t i = 1; i < r->column_count && name != NULL; i++)
    name = cql_arena_printf(p->b->arena, "%s,%s", name, r->columns[i]->name);
  return name == NULL ? NULL : cql_arena_printf(p->b->arena, "%s)", name);
}

static cql_status bind_operand(planner *p, const cqle_restriction *r, const cqle_receiver *receivers,
                               const cqle_term *term, cqle_operand *out) {
  if (r->kind != CQLE_REL_TUPLE || term->kind == CQLE_TERM_TUPLE) return bind_parts(p, r, receivers, term, out);
  cqle_receiver whole = named(p, marker_name(p, r, ""), tuple_type(p, r));
  if (whole.name == NULL || whole.type == NULL) return CQL_NOMEM;
  return cqle_term_bind(p->b, term, &whole, &out->whole);
}

static cql_status bind_in_marker(planner *p, cqle_restriction *r, const cqle_receiver *receivers) {
  const cql_type *element = r->kind == CQLE_REL_TUPLE ? tuple_type(p, r) : receivers[0].type;
  const cql_type *list = element == NULL ? NULL : cql_type_list(p->b->arena, element, false);
  cqle_receiver receiver = named(p, marker_name(p, r, "in"), list);
  if (receiver.name == NULL || receiver.type == NULL) return CQL_NOMEM;
  return cqle_term_bind(p->b, p->source->term, &receiver, &r->in_list);
}

/* The values right of the operator, each for its receiver. */
static cql_status bind_values(planner *p, cqle_restriction *r, const cqle_receiver *receivers) {
  cql_status st = CQL_OK;
  const cqle_relation *s = p->source;
  if (s->op == CQLE_OP_IN && !s->in_list) return bind_in_marker(p, r, receivers);
  uint32_t count = s->op == CQLE_OP_IN ? s->value_count : 1;
  cqle_operand *operands = cql_arena_zero(p->b->arena, (count + 1) * sizeof *operands);
  CQL_CHECK(operands != NULL, CQL_NOMEM);
  for (uint32_t i = 0; i < count; i++)
    CQL_TRY(bind_operand(p, r, receivers, s->op == CQLE_OP_IN ? s->values[i] : s->term, &operands[i]));
  r->operand_count = count;
  r->operands = operands;
  if (r->op == CQLE_OP_IN && count == 1) r->op = CQLE_OP_EQ;
done:
  return st;
}

static cql_status bind_single(planner *p, cqle_restriction *r) {
  cql_status st = CQL_OK;
  const cqle_relation *s = p->source;
  const cqle_column *c = r->columns[0];
  cqle_receiver receiver = named(p, c->name, c->type);
  if (is_slice_op(s->op)) CQL_TRY(check_slice_type(p, c));
  CQL_TRY(check_operator(p, c));
  if (s->op == CQLE_OP_CONTAINS_KEY || s->kind == CQLE_REL_ELEMENT)
    receiver = named(p, cql_arena_printf(p->b->arena, "key(%s)", c->name), c->type->args[0]);
  if (s->kind == CQLE_REL_ELEMENT) CQL_TRY(cqle_term_bind(p->b, s->key, &receiver, &r->key));
  if (s->op == CQLE_OP_CONTAINS || s->kind == CQLE_REL_ELEMENT)
    receiver = named(p, cql_arena_printf(p->b->arena, "value(%s)", c->name), c->type->args[c->type->arg_count - 1]);
  CQL_CHECK(receiver.name != NULL, CQL_NOMEM);
  CQL_TRY(bind_values(p, r, &receiver));
done:
  return st;
}

static cql_status bind_tuple(planner *p, cqle_restriction *r) {
  cql_status st = CQL_OK;
  cql_arena *a = p->b->arena;
  cqle_receiver *receivers = cql_arena_array(a, r->column_count, sizeof *receivers);
  CQL_CHECK(receivers != NULL, CQL_NOMEM);
  for (uint32_t i = 0; i < r->column_count; i++) {
    const cqle_column *c = r->columns[i];
    if (c->kind != CQLE_CLUSTERING) {
      st = cql_fail(p->b->err, CQL_INVALID,
                    "Multi-column relations can only be applied to clustering columns but was applied to: %s", c->name);
      goto done;
    }
    for (uint32_t k = 0; k < i; k++) {
      if (r->columns[k] != c) continue;
      st = cql_fail(p->b->err, CQL_INVALID, "Column \"%s\" appeared twice in a relation: %s", c->name,
                    cqle_relation_text(a, p->source));
      goto done;
    }
    if (i > 0 && c->position != r->columns[i - 1]->position + 1) {
      st = cql_fail(p->b->err, CQL_INVALID,
                    "Clustering columns must appear in the PRIMARY KEY order in multi-column relations: %s",
                    cqle_relation_text(a, p->source));
      goto done;
    }
    if (is_slice_op(r->op)) CQL_TRY(check_slice_type(p, c));
    receivers[i] = named(p, c->name, c->type);
  }
  CQL_TRY(bind_values(p, r, receivers));
done:
  return st;
}

static cql_status bind_token(planner *p, cqle_restriction *r) {
  const cqle_table *t = p->t;
  bool all = r->column_count == t->partition_count, ordered = true;
  for (uint32_t i = 0; i < r->column_count && all; i++) {
    if (r->columns[i]->kind != CQLE_PARTITION_KEY) all = false;
    for (uint32_t k = 0; k < i; k++)
      if (r->columns[k] == r->columns[i]) all = false;
    if (r->columns[i]->position != i) ordered = false;
  }
  if (!all)
    return cql_fail(p->b->err, CQL_INVALID,
                    "The token() function must be applied to all partition key components or none of them");
  if (!ordered) {
    const char *names = t->partition[0]->name;
    for (uint32_t i = 1; i < t->partition_count && names != NULL; i++)
      names = cql_arena_printf(p->b->arena, "%s, %s", names, t->partition[i]->name);
    return cql_fail(p->b->err, CQL_INVALID, "The token function arguments must be in the partition key order: %s",
                    names == NULL ? "" : names);
  }
  cqle_receiver receiver = named(p, "partition key token", cql_type_native(CQL_TYPE_BIGINT));
  return bind_values(p, r, &receiver);
}

/* Refused before any column is looked up, as Cassandra does. */
static cql_status check_relation(planner *p) {
  const cqle_relation *r = p->source;
  cql_arena *a = p->b->arena;
  if (p->statement != NULL && (r->op == CQLE_OP_CONTAINS || r->op == CQLE_OP_CONTAINS_KEY))
    return cql_fail(p->b->err, CQL_INVALID, "Cannot use %s with %s", p->statement, cqle_op_text(r->op));
  if (r->op == CQLE_OP_IS_NOT_NULL)
    return cql_fail(p->b->err, CQL_INVALID, "Unsupported restriction: %s", cqle_relation_text(a, r));
  if (r->op == CQLE_OP_NE)
    return cql_fail(p->b->err, CQL_INVALID, "Unsupported \"!=\" relation: %s", cqle_relation_text(a, r));
  return CQL_OK;
}

static cql_status bind_relation(planner *p, cqle_restriction **out) {
  cql_status st = CQL_OK;
  const cqle_relation *s = p->source;
  cqle_restriction *r = cql_arena_zero(p->b->arena, sizeof *r);
  const cqle_column **columns = cql_arena_array(p->b->arena, s->column_count, sizeof *columns);
  CQL_CHECK(r != NULL && columns != NULL, CQL_NOMEM);
  CQL_TRY(check_relation(p));
  r->kind = s->kind;
  r->op = s->op;
  r->column_count = s->column_count;
  r->columns = columns;
  for (uint32_t i = 0; i < s->column_count; i++) CQL_TRY(find_column(p, s->columns[i], &columns[i]));
  switch (s->kind) {
  case CQLE_REL_TUPLE: CQL_TRY(bind_tuple(p, r)); break;
  case CQLE_REL_TOKEN: CQL_TRY(bind_token(p, r)); break;
  default: CQL_TRY(bind_single(p, r)); break;
  }
  if (s->op == CQLE_OP_LIKE)
    st = cql_fail(p->b->err, CQL_INVALID,
                  "LIKE restriction is only supported on properly indexed columns. %s is not valid.",
                  cqle_relation_text(p->b->arena, s));
  *out = r;
done:
  return st;
}

/* --- merging ------------------------------------------------------------------------------------------------------ */

static cqle_group_kind kind_of(const cqle_restriction *r) {
  if (r->kind == CQLE_REL_ELEMENT || r->op == CQLE_OP_CONTAINS || r->op == CQLE_OP_CONTAINS_KEY)
    return CQLE_GROUP_CONTAINS;
  if (r->op == CQLE_OP_IN) return CQLE_GROUP_IN;
  return is_slice_op(r->op) ? CQLE_GROUP_SLICE : CQLE_GROUP_EQ;
}

static bool is_start(cqle_op op) {
  return op == CQLE_OP_GT || op == CQLE_OP_GE;
}

static const char *common_names(planner *p, const cqle_group *g, const cqle_restriction *r) {
  const char *names = NULL;
  for (uint32_t i = 0; i < g->column_count; i++) {
    for (uint32_t k = 0; k < r->column_count; k++) {
      if (g->columns[i] != r->columns[k]) continue;
      names = names == NULL
                  ? g->columns[i]->name
                  : cql_arena_printf(p->b->arena, g->on_token ? "%s, %s" : "%s ,%s", names, g->columns[i]->name);
      if (names == NULL) return "";
    }
  }
  return names == NULL ? "" : names;
}

static cql_status check_merge(planner *p, const cqle_group *g, const cqle_restriction *r) {
  const char *names = common_names(p, g, r);
  cql_error *err = p->b->err;
  switch (g->kind) {
  case CQLE_GROUP_EQ:
    return cql_fail(err, CQL_INVALID, "%s cannot be restricted by more than one relation if it includes an Equal",
                    names);
  case CQLE_GROUP_IN:
    return cql_fail(err, CQL_INVALID, "%s cannot be restricted by more than one relation if it includes a IN", names);
  case CQLE_GROUP_CONTAINS:
    if (kind_of(r) == CQLE_GROUP_CONTAINS) return CQL_OK;
    return cql_fail(err, CQL_INVALID,
                    "Collection column %s can only be restricted by CONTAINS, CONTAINS KEY, or map-entry equality",
                    names);
  case CQLE_GROUP_SLICE: break;
  }
  if (kind_of(r) != CQLE_GROUP_SLICE)
    return cql_fail(err, CQL_INVALID,
                    "Column%s \"%s\" cannot be restricted by both an equality and an inequality relation",
                    g->on_token ? "s" : "", names);
  if (g->columns[0] != r->columns[0]) {
    const cqle_column *later = g->columns[0]->position > r->columns[0]->position ? g->columns[0] : r->columns[0];
    return cql_fail(err, CQL_INVALID,
                    "Column \"%s\" cannot be restricted by two inequalities not starting with the same column",
                    later->name);
  }
  for (const cqle_restriction *m = g->members; m != NULL; m = m->next)
    if (is_start(m->op) == is_start(r->op))
      return cql_fail(err, CQL_INVALID, "More than one restriction was found for the %s bound on %s",
                      is_start(r->op) ? "start" : "end", names);
  return CQL_OK;
}

static bool shares_column(const cqle_group *g, const cqle_restriction *r) {
  if (g->on_token != (r->kind == CQLE_REL_TOKEN)) return false;
  for (uint32_t i = 0; i < g->column_count; i++)
    for (uint32_t k = 0; k < r->column_count; k++)
      if (g->columns[i] == r->columns[k]) return true;
  return false;
}

/* The order in which clustering restrictions may be written: ClusteringColumnRestrictions.mergeWith(). */
static cql_status check_clustering_order(planner *p, const cqle_restriction *r) {
  const cqle_group *last = NULL;
  if (p->allow_filtering || r->columns[0]->kind != CQLE_CLUSTERING) return CQL_OK;
  if (p->statement == NULL && cqle_table_index_supports(p->t, r)) return CQL_OK;
  for (uint32_t i = 0; i < p->group_count; i++) {
    const cqle_group *g = &p->groups[i];
    if (g->columns[0]->kind != CQLE_CLUSTERING) continue;
    if (last == NULL || g->columns[g->column_count - 1]->position > last->columns[last->column_count - 1]->position)
      last = g;
  }
  if (last == NULL) return CQL_OK;
  const cqle_column *old_start = last->columns[0], *new_start = r->columns[0];
  if (last->kind == CQLE_GROUP_SLICE && new_start->position > old_start->position)
    return cql_fail(p->b->err, CQL_INVALID,
                    "Clustering column \"%s\" cannot be restricted (preceding column \"%s\" is restricted by a non-EQ "
                    "relation)",
                    new_start->name, old_start->name);
  if (new_start->position < old_start->position && kind_of(r) == CQLE_GROUP_SLICE) {
    const cqle_column *next = old_start; /* the restricted column that follows */
    for (uint32_t i = 0; i < p->group_count; i++) {
      const cqle_column *c = p->groups[i].columns[0];
      if (c->kind == CQLE_CLUSTERING && c->position > new_start->position && c->position < next->position) next = c;
    }
    return cql_fail(p->b->err, CQL_INVALID,
                    "PRIMARY KEY column \"%s\" cannot be restricted (preceding column \"%s\" is restricted by a non-EQ "
                    "relation)",
                    next->name, new_start->name);
  }
  return CQL_OK;
}

static cql_status merge(planner *p, cqle_restriction *r) {
  cql_status st = CQL_OK;
  cqle_group *into = NULL;
  for (uint32_t i = 0; i < p->group_count; i++) {
    cqle_group *g = &p->groups[i];
    if (!shares_column(g, r)) continue;
    CQL_TRY(check_merge(p, g, r));
    into = g;
  }
  CQL_TRY(check_clustering_order(p, r));
  if (into == NULL) {
    into = &p->groups[p->group_count++];
    into->kind = kind_of(r);
    into->on_token = r->kind == CQLE_REL_TOKEN;
  }
  if (r->column_count > into->column_count) {
    into->column_count = r->column_count;
    into->columns = r->columns;
  }
  r->next = into->members;
  into->members = r;
done:
  return st;
}

/* --- the plan ----------------------------------------------------------------------------------------------------- */

static uint32_t group_rank(const cqle_table *t, const cqle_group *g) {
  return g->on_token ? 0 : 1 + cqle_column_index(t, g->columns[0]);
}

/* Few groups: insertion sort, in column order. */
static void sort_groups(const cqle_table *t, cqle_group *groups, uint32_t count) {
  for (uint32_t i = 1; i < count; i++) {
    cqle_group g = groups[i];
    uint32_t k = i;
    for (; k > 0 && group_rank(t, &groups[k - 1]) > group_rank(t, &g); k--) groups[k] = groups[k - 1];
    groups[k] = g;
  }
}

/* No index here answers custom expressions, so that each is wrong in one way or another. */
static cql_status refuse_custom(planner *p, cql_slice name, uint32_t count, cqle_where_use use) {
  cql_error *err = p->b->err;
  const cqle_keyspace *ks = p->t->keyspace;
  const cqle_index *index = NULL;
  if (use != CQLE_WHERE_SELECT)
    return cql_fail(err, CQL_INVALID,
                    "Custom index expressions cannot be used in WHERE clauses for UPDATE or DELETE statements");
  if (count > 1)
    return cql_fail(err, CQL_INVALID, "Multiple custom index expressions in a single query are not supported");
  for (uint32_t i = 0; i < p->t->index_count; i++)
    if (cql_slice_eq_str(name, p->t->indexes[i]->name)) index = p->t->indexes[i];
  if (index == NULL)
    return cql_fail(err, CQL_INVALID, "Invalid index expression, index " CQL_SLICE_FMT " not found for %s.%s",
                    CQL_SLICE_ARG(name), ks->name, p->t->name);
  if (index->kind == CQLE_INDEX_LEGACY)
    return cql_fail(err, CQL_INVALID, "Only CUSTOM indexes may be used in custom index expressions, %s is not valid",
                    index->name);
  return cql_fail(err, CQL_INVALID, "Index %s does not support custom expressions", index->name);
}

static cql_status plan(planner *p, const cqle_relation *relations, uint32_t count, cqle_where_use use,
                       bool only_statics, cqle_where **out) {
  cql_status st = CQL_OK;
  uint32_t custom = 0;
  cql_slice index = {NULL, 0};
  cqle_where *w = cql_arena_zero(p->b->arena, sizeof *w);
  p->groups = cql_arena_zero(p->b->arena, ((size_t)count + 1) * sizeof *p->groups);
  CQL_CHECK(w != NULL && p->groups != NULL, CQL_NOMEM);
  for (uint32_t i = 0; i < count; i++) {
    cqle_restriction *r = NULL;
    if (relations[i].kind == CQLE_REL_CUSTOM) {
      if (custom++ == 0) index = relations[i].columns[0];
      continue;
    }
    p->source = &relations[i];
    CQL_TRY(bind_relation(p, &r));
    CQL_TRY(merge(p, r));
  }
  if (custom > 0) return refuse_custom(p, index, custom, use);
  sort_groups(p->t, p->groups, p->group_count);
  w->table = p->t;
  w->group_count = p->group_count;
  w->groups = p->groups;
  w->ann = p->ann;
  CQL_TRY(cqle_where_rules(p->b, w, p->groups, use, only_statics, p->allow_filtering));
  *out = w;
done:
  return st;
}

cql_status cqle_where_plan(cqle_binder *b, const cqle_table *t, const cqle_relation *relations, uint32_t count,
                           cqle_where_use use, cqle_where **out) {
  bool deletes = use == CQLE_WHERE_DELETE || use == CQLE_WHERE_DELETE_STATIC;
  bool statics = use == CQLE_WHERE_UPDATE_STATIC || use == CQLE_WHERE_DELETE_STATIC;
  planner p = {.b = b, .t = t, .statement = deletes ? "DELETE" : "UPDATE"};
  return plan(&p, relations, count, deletes ? CQLE_WHERE_DELETE : CQLE_WHERE_UPDATE, statics, out);
}

cql_status cqle_where_plan_select(cqle_binder *b, const cqle_table *t, const cqle_relation *relations, uint32_t count,
                                  bool only_statics, bool allow_filtering, const cqle_column *ann, cqle_where **out) {
  planner p = {.b = b, .t = t, .allow_filtering = allow_filtering, .ann = ann};
  return plan(&p, relations, count, CQLE_WHERE_SELECT, only_statics, out);
}

const cqle_group *cqle_where_group(const cqle_where *w, const cqle_column *c) {
  for (uint32_t i = 0; i < w->group_count; i++)
    for (uint32_t k = 0; k < w->groups[i].column_count && !w->groups[i].on_token; k++)
      if (w->groups[i].columns[k] == c) return &w->groups[i];
  return NULL;
}

uint32_t cqle_column_index(const cqle_table *t, const cqle_column *c) {
  switch (c->kind) {
  case CQLE_PARTITION_KEY: return c->position;
  case CQLE_CLUSTERING: return t->partition_count + c->position;
  case CQLE_STATIC: return t->partition_count + t->clustering_count + c->position;
  case CQLE_REGULAR: break;
  }
  return t->partition_count + t->clustering_count + t->static_count + c->position;
}
