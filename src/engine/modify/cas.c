/* cas.c: conditional statements, one or a batch of them: read the rows they ask about, decide, then write all or answer
 * with what was found. Cassandra: service/CQL3CasRequest, ModificationStatement.buildCasResultSet() (traps 8 to 10).
 * The write transaction makes reading and writing one step.
 */
#include "engine/modify/modify_int.h"

#include <stdlib.h>
#include <string.h>

typedef enum check_kind { CHECK_CONDITIONS, CHECK_EXISTS, CHECK_NOT_EXISTS } check_kind;

typedef struct asked {
  const cqle_condition *condition;
  cqle_exec *x; /* holds the values of its statement */
  struct asked *next;
} asked;

/* What is asked of one row, or of the static columns. */
typedef struct check {
  check_kind kind;
  cql_slice *clustering; /* NULL: the static row */
  asked *first, **tail;  /* as they were written */
  bool found;            /* the row is there for a reader */
  cqle_row row;
  struct check *next;
} check;

typedef struct cas {
  cqle_exec *x;
  const cqle_table *table;
  const cqle_modify_plan *const *plans;
  cqle_exec *execs;       /* one per statement */
  cqle_modify_keys *keys; /* one per statement */
  uint32_t count;
  bool in_batch;
  cqle_pkey pkey;
  check *statics, *rows; /* rows: in clustering order */
  bool any_existence, writes_regulars, writes_statics, asks_statics;
  bool static_found;
  cqle_row static_row;
  int64_t newest; /* timestamp of anything that was read */
} cas;

static cql_status out_of_memory(const cas *c) {
  return cql_fail(c->x->err, CQL_NOMEM, "Out of memory");
}

/* --- what is asked ------------------------------------------------------------------------------------------------ */

static int clustering_cmp(const cqle_table *t, const cql_slice *a, const cql_slice *b) {
  for (uint32_t i = 0; i < t->clustering_count; i++) {
    int order = cql_value_cmp(t->clustering[i]->type, a[i], b[i]);
    if (order != 0) return t->clustering[i]->reversed ? -order : order;
  }
  return 0;
}

/* The check of a row, made with this kind when it is new; a row cannot be asked two kinds of question. */
static cql_status check_of(cas *c, cql_slice *clustering, check_kind kind, check **out) {
  check **at = clustering == NULL ? &c->statics : &c->rows;
  if (clustering != NULL)
    while (*at != NULL && clustering_cmp(c->table, (*at)->clustering, clustering) < 0) at = &(*at)->next;
  bool old = *at != NULL && (clustering == NULL || clustering_cmp(c->table, (*at)->clustering, clustering) == 0);
  if (!old) {
    check *made = cql_arena_zero(c->x->arena, sizeof *made);
    if (made == NULL) return out_of_memory(c);
    made->kind = kind;
    made->clustering = clustering;
    made->tail = &made->first;
    made->next = *at;
    *at = made;
  }
  *out = *at;
  if ((*at)->kind == kind) return CQL_OK;
  if ((*at)->kind != CHECK_CONDITIONS && kind != CHECK_CONDITIONS)
    return cql_fail(c->x->err, CQL_INVALID, "Cannot mix IF EXISTS and IF NOT EXISTS conditions for the same row");
  return cql_fail(c->x->err, CQL_INVALID, "Cannot mix IF conditions and IF %sEXISTS for the same row",
                  kind == CHECK_EXISTS ? "" : "NOT ");
}

static cql_status ask(cas *c, uint32_t i, cql_slice *clustering) {
  const cqle_modify_plan *p = c->plans[i];
  check *to;
  if (p->if_exists || p->if_not_exists) {
    c->any_existence = true;
    return check_of(c, clustering, p->if_exists ? CHECK_EXISTS : CHECK_NOT_EXISTS, &to);
  }
  for (uint32_t k = 0; k < p->condition_count; k++) {
    bool is_static = p->conditions[k].column->kind == CQLE_STATIC;
    cql_status st = check_of(c, is_static ? NULL : clustering, CHECK_CONDITIONS, &to);
    if (st != CQL_OK) return st;
    asked *a = cql_arena_get(c->x->arena, sizeof *a);
    if (a == NULL) return out_of_memory(c);
    *a = (asked){&p->conditions[k], &c->execs[i], NULL};
    *to->tail = a;
    to->tail = &a->next;
  }
  return CQL_OK;
}

static cql_status refuse_in(cas *c, const cqle_modify_plan *p) {
  const char *what = p->kind == CQLE_UPDATE ? "updates" : "deletions";
  if (p->where == NULL) return CQL_OK;
  if (p->where->partition_has_in && c->in_batch)
    return cql_fail(c->x->err, CQL_INVALID,
                    "Batch with conditions cannot span multiple partitions (you cannot use IN on the partition key)");
  if (p->where->partition_has_in)
    return cql_fail(c->x->err, CQL_INVALID, "IN on the partition key is not supported with conditional %s", what);
  if (p->where->clustering_has_in)
    return cql_fail(c->x->err, CQL_INVALID, "IN on the clustering key columns is not supported with conditional %s",
                    what);
  return CQL_OK;
}

static cql_status gather_statement(cas *c, uint32_t i) {
  const cqle_modify_plan *p = c->plans[i];
  cqle_modify_keys *keys = &c->keys[i];
  cql_status st = refuse_in(c, p);
  if (st == CQL_OK) st = cqle_modify_keys_eval(&c->execs[i], p, keys);
  if (st != CQL_OK) return st;
  if (keys->partition_count != 1 || keys->clustering_count > 1)
    return cql_fail(c->x->err, CQL_INVALID, "A conditional statement must name exactly one row");
  if (i > 0 && !cql_slice_eq(c->pkey.bytes, keys->partitions[0].bytes))
    return cql_fail(c->x->err, CQL_INVALID, "Batch with conditions cannot span multiple partitions");
  c->pkey = keys->partitions[0];
  bool whole_row =
      p->table->clustering_count == 0 || p->where == NULL ? !p->static_only : p->where->clustering_restricted;
  c->writes_regulars |= whole_row;
  if (!cqle_modify_is_conditional(p)) return CQL_OK;
  c->writes_statics |= p->sets_statics;
  c->asks_statics |= p->asks_statics;
  return ask(c, i, keys->clustering_count > 0 ? keys->clusterings[0] : NULL);
}

/* --- what is there ------------------------------------------------------------------------------------------------ */

static void see(cas *c, int64_t timestamp) {
  if (timestamp > c->newest) c->newest = timestamp;
}

static void see_row(cas *c, const cqle_row *r) {
  see(c, r->marker.timestamp);
  see(c, r->deletion.timestamp);
  for (uint32_t i = 0; i < r->count; i++) {
    see(c, r->columns[i].deletion.timestamp);
    for (uint32_t k = 0; k < r->columns[i].count; k++) see(c, r->columns[i].cells[k].timestamp);
  }
}

static cql_status read_row(cas *c, const cql_slice *clustering, cqle_row *row, bool *found) {
  cqle_exec *x = c->x;
  *found = false;
  cql_status st = cqle_table_get(x->txn, c->table, c->pkey, clustering, clustering == NULL, x->arena, row, x->err);
  if (st == CQL_DONE) return CQL_OK;
  if (st != CQL_OK) return st;
  see_row(c, row);
  *found = cqle_row_is_live(row, x->now_s);
  return CQL_OK;
}

/* Whether there is a row for who reads those columns that Cassandra would: none of them, unless one is written. */
static bool is_there(const cas *c, const cqle_row *row) {
  cqle_row marker = *row;
  if (c->writes_regulars) return cqle_row_is_live(row, c->x->now_s);
  marker.count = 0;
  return cqle_row_is_live(&marker, c->x->now_s);
}

/* The first row of the partition that is there for a reader. */
static cql_status first_row(cas *c, check *out) {
  cqle_exec *x = c->x;
  cqle_scan *scan;
  cqle_scan_row r;
  cqle_slice_bounds all = {{NULL, 0}, {NULL, 0}};
  cql_slice none = {NULL, 0};
  cql_status st = cqle_scan_partition(x->txn, c->table, c->pkey, all, false, false, none, &scan, x->err);
  if (st != CQL_OK) return st;
  while ((st = cqle_scan_next(scan, &r, x->err)) == CQL_OK && !is_there(c, &r.row)) continue;
  if (st == CQL_OK) {
    out->found = true;
    cqle_row_init(&out->row);
    out->clustering = cql_arena_array(x->arena, c->table->clustering_count, sizeof *out->clustering);
    if (out->clustering == NULL) st = out_of_memory(c);
    for (uint32_t i = 0; i < c->table->clustering_count && st == CQL_OK; i++)
      st = cql_arena_slice(x->arena, r.row.clustering[i], &out->clustering[i]);
  }
  cqle_scan_close(scan);
  if (st == CQL_OK && c->writes_regulars) st = read_row(c, out->clustering, &out->row, &out->found);
  return st == CQL_DONE ? CQL_OK : st;
}

static cql_status read_rows(cas *c) {
  cql_status st = CQL_OK;
  if (c->statics != NULL || c->asks_statics || c->writes_statics)
    st = read_row(c, NULL, &c->static_row, &c->static_found);
  for (check *k = c->rows; k != NULL && st == CQL_OK; k = k->next) st = read_row(c, k->clustering, &k->row, &k->found);
  if (c->statics != NULL) c->statics->found = c->static_found;
  return st;
}

/* --- the decision ------------------------------------------------------------------------------------------------- */

static cql_status check_holds(const check *k, const cqle_row *row, bool *out) {
  if (k->kind != CHECK_CONDITIONS) {
    *out = (row != NULL) == (k->kind == CHECK_EXISTS);
    return CQL_OK;
  }
  cql_status st = CQL_OK;
  for (const asked *a = k->first; a != NULL && *out && st == CQL_OK; a = a->next)
    st = cqle_condition_holds(a->x, a->condition, row, out);
  return st;
}

static cql_status decide(cas *c, bool *applied) {
  cql_status st = CQL_OK;
  *applied = true;
  if (c->statics != NULL) st = check_holds(c->statics, c->static_found ? &c->static_row : NULL, applied);
  for (const check *k = c->rows; k != NULL && *applied && st == CQL_OK; k = k->next)
    st = check_holds(k, k->found ? &k->row : NULL, applied);
  return st;
}

/* The write must be newer than all that the decision was based on, also when that came from a clock ahead of ours. */
static cql_status write_all(cas *c) {
  cqle_exec *x = c->x;
  if (c->newest == INT64_MAX)
    return cql_fail(x->err, CQL_INVALID,
                    "The row holds the largest timestamp there is: no conditional write can follow it");
  if (x->timestamp <= c->newest) x->timestamp = c->newest + 1;
  cqle_write w;
  cqle_write_init(&w, x, x->timestamp);
  w.conditional = true;
  cql_status st = CQL_OK;
  for (uint32_t i = 0; i < c->count && st == CQL_OK; i++)
    st = cqle_write_add_at(&w, &c->execs[i], c->plans[i], &c->keys[i]);
  return st == CQL_OK ? cqle_write_apply(&w) : st;
}

/* --- the answer --------------------------------------------------------------------------------------------------- */

typedef struct answer {
  uint32_t count, room;
  const cqle_column **columns; /* behind [applied] */
} answer;

static void show(answer *a, const cqle_column *c) {
  for (uint32_t i = 0; i < a->count; i++)
    if (a->columns[i] == c) return;
  a->columns[a->count++] = c;
}

static void show_conditions(answer *a, const cqle_modify_plan *p, bool statics) {
  for (uint32_t i = 0; i < p->condition_count; i++)
    if ((p->conditions[i].column->kind == CQLE_STATIC) == statics) show(a, p->conditions[i].column);
}

/* All columns when existence was asked for; else those of the conditions, behind the primary key in a batch. */
static cql_status choose_columns(cas *c, answer *a) {
  const cqle_table *t = c->table;
  *a = (answer){.room = t->column_count};
  a->columns = cql_arena_array(c->x->arena, a->room, sizeof(cqle_column *));
  if (a->columns == NULL) return out_of_memory(c);
  if (c->any_existence)
    for (uint32_t i = 0; i < t->column_count; i++) show(a, &t->columns[i]);
  else if (c->in_batch)
    for (uint32_t i = 0; i < t->partition_count + t->clustering_count; i++) show(a, &t->columns[i]);
  for (uint32_t i = 0; i < c->count && !c->any_existence; i++) {
    show_conditions(a, c->plans[i], false);
    show_conditions(a, c->plans[i], true);
  }
  return CQL_OK;
}

static cql_status set_columns(cas *c, const answer *a) {
  cql_result *r = c->x->result;
  const cqle_table *t = c->table;
  r->kind = CQL_RESULT_ROWS;
  r->columns = cql_arena_array(&r->arena, a->count + (size_t)1, sizeof *r->columns);
  if (r->columns == NULL) return out_of_memory(c);
  r->columns[0] = (cql_column){t->keyspace->name, t->name, "[applied]", cql_type_native(CQL_TYPE_BOOLEAN)};
  for (uint32_t i = 0; i < a->count; i++)
    r->columns[i + 1] = (cql_column){t->keyspace->name, t->name, a->columns[i]->name, a->columns[i]->type};
  r->column_count = a->count + 1;
  return CQL_OK;
}

static void put_applied(cas *c, bool applied) {
  const uint8_t byte = applied;
  cql_result_put_cell(c->x->result, cql_slice_of(&byte, 1));
  c->x->result->row_count++;
}

/* Cassandra reads static columns for an answer about existence only when the statement writes some, and regular ones
 * only when it names a row; beside them those of other conditions. */
static bool is_read(const cas *c, const cqle_column *col, bool writes_such) {
  if (!c->any_existence || writes_such) return true;
  for (uint32_t i = 0; i < c->count; i++)
    for (uint32_t k = 0; k < c->plans[i]->condition_count; k++)
      if (c->plans[i]->conditions[k].column == col) return true;
  return false;
}

static cql_status cell_of(cas *c, const cqle_column *col, const check *k, const cql_slice *partition, cql_slice *out) {
  *out = (cql_slice){NULL, 0};
  switch (col->kind) {
  case CQLE_PARTITION_KEY: *out = partition[col->position]; return CQL_OK;
  case CQLE_CLUSTERING:
    if (k != NULL) *out = k->clustering[col->position];
    return CQL_OK;
  case CQLE_STATIC:
    if (!c->static_found || !is_read(c, col, c->writes_statics)) return CQL_OK;
    return cqle_row_value(c->x->arena, &c->static_row, col, c->x->now_s, out);
  case CQLE_REGULAR:
    if (k == NULL || !is_read(c, col, c->writes_regulars)) return CQL_OK;
    return cqle_row_value(c->x->arena, &k->row, col, c->x->now_s, out);
  }
  return CQL_OK;
}

/* k NULL: the static columns by themselves. */
static cql_status put_row(cas *c, const answer *a, const check *k) {
  cql_slice *partition = cql_arena_array(c->x->arena, c->table->partition_count, sizeof *partition);
  if (partition == NULL) return out_of_memory(c);
  cql_status st = cql_partition_key_split(c->pkey.bytes, partition, c->table->partition_count);
  if (st != CQL_OK) return cql_fail(c->x->err, CQL_CORRUPT, "The partition key is malformed");
  put_applied(c, false);
  for (uint32_t i = 0; i < a->count && st == CQL_OK; i++) {
    cql_slice cell;
    st = cell_of(c, a->columns[i], k, partition, &cell);
    if (st == CQL_OK) cql_result_put_cell(c->x->result, cell);
  }
  return st;
}

/* Whether static columns make an answer by themselves: Cassandra reads all of them when the statement writes some, else
 * those of the conditions. */
static cql_status has_statics(cas *c, const answer *a, bool *out) {
  cql_status st = CQL_OK;
  *out = c->static_found && c->writes_statics;
  if (!c->static_found) return CQL_OK;
  for (uint32_t i = 0; i < a->count && !*out && st == CQL_OK; i++) {
    cql_slice value;
    if (a->columns[i]->kind != CQLE_STATIC || !is_read(c, a->columns[i], c->writes_statics)) continue;
    st = cqle_row_value(c->x->arena, &c->static_row, a->columns[i], c->x->now_s, &value);
    *out = value.data != NULL;
  }
  return st;
}

static cql_status refuse(cas *c) {
  answer a, nothing = {0};
  check first = {0};
  cql_status st = choose_columns(c, &a);
  if (st == CQL_OK && c->rows == NULL) st = first_row(c, &first);
  if (st != CQL_OK) return st;
  const check *shown = c->rows != NULL ? c->rows : &first;
  bool any = false;
  for (const check *k = shown; k != NULL; k = k->next) any |= k->found;
  bool statics_alone = false;
  if (!any) st = has_statics(c, &a, &statics_alone);
  if (st == CQL_OK) st = set_columns(c, any || statics_alone ? &a : &nothing);
  if (st != CQL_OK) return st;
  if (statics_alone) return put_row(c, &a, NULL);
  if (!any) put_applied(c, false);
  for (const check *k = shown; k != NULL && st == CQL_OK; k = k->next)
    if (k->found) st = put_row(c, &a, k);
  return st;
}

static cql_status accept(cas *c) {
  answer nothing = {0};
  cql_status st = write_all(c);
  if (st == CQL_OK) st = set_columns(c, &nothing);
  if (st == CQL_OK) put_applied(c, true);
  return st;
}

cql_status cqle_cas_execute(cqle_exec *x, const cqle_modify_plan *const *plans, const cql_request *const *requests,
                            uint32_t count, bool in_batch) {
  cas c = {.x = x, .table = plans[0]->table, .plans = plans, .count = count, .in_batch = in_batch, .newest = INT64_MIN};
  bool applied;
  cql_status st;
  c.execs = cql_arena_array(x->arena, count, sizeof *c.execs);
  c.keys = cql_arena_array(x->arena, count, sizeof *c.keys);
  if (c.execs == NULL || c.keys == NULL) return out_of_memory(&c);
  for (uint32_t i = 0; i < count; i++) {
    c.execs[i] = *x;
    c.execs[i].request = requests[i];
    CQL_TRY(cqle_json_request(&c.execs[i], plans[i]));
  }
  for (uint32_t i = 0; i < count; i++) CQL_TRY(gather_statement(&c, i));
  CQL_TRY(read_rows(&c));
  CQL_TRY(decide(&c, &applied));
  CQL_TRY(applied ? accept(&c) : refuse(&c));
done:
  return st;
}
