#include "print_ast.h"

static void print_terms(cql_buf *b, cqle_term *const *terms, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    cql_buf_str(b, i == 0 ? " " : ", ");
    print_term(b, terms[i]);
  }
}

static void print_names(cql_buf *b, const char *label, const cql_slice *names, uint32_t count) {
  if (count == 0) return;
  cql_buf_printf(b, " %s", label);
  for (uint32_t i = 0; i < count; i++) {
    cql_buf_str(b, i == 0 ? " " : ", ");
    print_name(b, names[i]);
  }
}

static void print_order(cql_buf *b, const char *label, const cqle_order *o, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    cql_buf_printf(b, " %s ", i == 0 ? label : ",");
    print_name(b, o[i].column);
    if (o[i].ann_of) {
      cql_buf_str(b, " ann ");
      print_term(b, o[i].ann_of);
    }
    cql_buf_str(b, o[i].descending ? " desc" : " asc");
  }
}

static void print_flag(cql_buf *b, const char *label, bool on) {
  if (on) cql_buf_printf(b, " %s", label);
}

static void print_optional(cql_buf *b, const char *label, const cqle_term *t) {
  if (!t) return;
  cql_buf_printf(b, " %s ", label);
  print_term(b, t);
}

static void print_select(cql_buf *b, const cqle_select *s) {
  cql_buf_str(b, "select");
  print_flag(b, "json", s->is_json);
  print_flag(b, "distinct", s->distinct);
  print_flag(b, "*", s->wildcard);
  for (uint32_t i = 0; i < s->item_count; i++) {
    cql_buf_str(b, i == 0 ? " " : ", ");
    print_selector(b, s->items[i].selector);
    if (s->items[i].alias.data) cql_buf_printf(b, " as " CQL_SLICE_FMT, CQL_SLICE_ARG(s->items[i].alias));
  }
  cql_buf_str(b, " from ");
  print_qname(b, &s->table);
  print_relations(b, "where", s->where, s->where_count);
  for (uint32_t i = 0; i < s->group_count; i++) {
    cql_buf_str(b, i == 0 ? " group " : ", ");
    print_selector(b, s->group_by[i]);
  }
  print_order(b, "order", s->order_by, s->order_count);
  print_optional(b, "per_partition", s->per_partition_limit);
  print_optional(b, "limit", s->limit);
  print_flag(b, "filtering", s->allow_filtering);
}

static void print_using(cql_buf *b, const cqle_attributes *a) {
  print_optional(b, "timestamp", a->timestamp);
  print_optional(b, "ttl", a->ttl);
}

static void print_assignment(cql_buf *b, const cqle_assignment *s) {
  static const char *const kinds[] = {"=", "+=", "-=", "prepend", "element", "field"};
  print_name(b, s->column);
  if (s->key) {
    cql_buf_str(b, "[");
    print_term(b, s->key);
    cql_buf_str(b, "]");
  }
  if (s->field.data) cql_buf_printf(b, "." CQL_SLICE_FMT, CQL_SLICE_ARG(s->field));
  cql_buf_printf(b, " %s ", kinds[s->kind]);
  print_term(b, s->term);
}

static void print_target(cql_buf *b, const cqle_delete_target *t) {
  print_name(b, t->column);
  if (t->key) {
    cql_buf_str(b, "[");
    print_term(b, t->key);
    cql_buf_str(b, "]");
  }
  if (t->field.data) cql_buf_printf(b, "." CQL_SLICE_FMT, CQL_SLICE_ARG(t->field));
}

static void print_modify(cql_buf *b, const cqle_modify *m) {
  static const char *const kinds[] = {"insert ", "insert_json ", "update ", "delete "};
  cql_buf_str(b, kinds[m->kind]);
  print_qname(b, &m->table);
  print_names(b, "columns", m->columns, m->column_count);
  if (m->value_count) cql_buf_str(b, " values");
  print_terms(b, m->values, m->value_count);
  print_optional(b, "json", m->json);
  print_flag(b, "default_unset", m->json_default_unset);
  for (uint32_t i = 0; i < m->set_count; i++) {
    cql_buf_str(b, i == 0 ? " set " : ", ");
    print_assignment(b, &m->sets[i]);
  }
  for (uint32_t i = 0; i < m->target_count; i++) {
    cql_buf_str(b, i == 0 ? " targets " : ", ");
    print_target(b, &m->targets[i]);
  }
  print_relations(b, "where", m->where, m->where_count);
  print_flag(b, "if_not_exists", m->if_not_exists);
  print_flag(b, "if_exists", m->if_exists);
  print_relations(b, "if", m->ifs, m->if_count);
  print_using(b, &m->using);
}

static void print_batch(cql_buf *b, const cqle_batch *batch) {
  static const char *const types[] = {"logged", "unlogged", "counter"};
  cql_buf_printf(b, "batch %s", types[batch->type]);
  print_using(b, &batch->using);
  for (uint32_t i = 0; i < batch->count; i++) {
    cql_buf_str(b, " | ");
    print_modify(b, &batch->items[i]);
  }
}

static void print_properties(cql_buf *b, const cqle_property *p, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    cql_buf_str(b, i == 0 ? " with " : " and ");
    print_name(b, p[i].name);
    cql_buf_str(b, " = ");
    print_term(b, p[i].value);
  }
}

static void print_columns(cql_buf *b, const cqle_column_def *c, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    cql_buf_str(b, i == 0 ? " (" : ", ");
    print_name(b, c[i].name);
    if (c[i].type.text.data) cql_buf_printf(b, " " CQL_SLICE_FMT, CQL_SLICE_ARG(c[i].type.text));
    print_flag(b, "static", c[i].is_static);
    print_flag(b, "masked", c[i].masked);
    print_flag(b, "primary_key", c[i].primary_key);
  }
  if (count) cql_buf_str(b, ")");
}

static void print_keyspace(cql_buf *b, const char *what, const char *flag, const cqle_create_keyspace *k) {
  cql_buf_printf(b, "%s ", what);
  print_name(b, k->name);
  print_flag(b, flag, k->if_not_exists);
  print_properties(b, k->properties, k->property_count);
}

static void print_create_table(cql_buf *b, const cqle_create_table *t) {
  cql_buf_str(b, "create_table ");
  print_qname(b, &t->name);
  print_flag(b, "if_not_exists", t->if_not_exists);
  print_columns(b, t->columns, t->column_count);
  cql_buf_printf(b, " keys %u", t->primary_key_count);
  print_names(b, "partition", t->partition, t->partition_count);
  print_names(b, "clustering", t->clustering, t->clustering_count);
  print_order(b, "order", t->clustering_order, t->order_count);
  print_flag(b, "compact", t->compact_storage);
  print_properties(b, t->properties, t->property_count);
}

static void print_alter_table(cql_buf *b, const cqle_alter_table *t) {
  static const char *const kinds[] = {"add", "drop", "rename", "with", "type", "other"};
  cql_buf_str(b, "alter_table ");
  print_qname(b, &t->name);
  print_flag(b, "if_exists", t->if_exists);
  cql_buf_printf(b, " %s", kinds[t->kind]);
  print_flag(b, "if_column", t->if_column);
  print_columns(b, t->columns, t->column_count);
  if (t->renamed) print_names(b, "to", t->renamed, t->column_count);
  print_optional(b, "timestamp", t->drop_timestamp);
  print_properties(b, t->properties, t->property_count);
  if (t->other) cql_buf_printf(b, " %s", t->other);
}

static void print_create_index(cql_buf *b, const cqle_create_index *i) {
  static const char *const targets[] = {"", "values ", "keys ", "entries ", "full "};
  cql_buf_str(b, i->custom ? "create_custom_index " : "create_index ");
  if (i->name.data) {
    print_name(b, i->name);
    cql_buf_str(b, " ");
  }
  cql_buf_str(b, "on ");
  print_qname(b, &i->table);
  print_flag(b, "if_not_exists", i->if_not_exists);
  for (uint32_t t = 0; t < i->target_count; t++) {
    cql_buf_str(b, t == 0 ? " (" : ", ");
    cql_buf_str(b, targets[i->targets[t]]);
    print_name(b, i->columns[t]);
  }
  if (i->target_count) cql_buf_str(b, ")");
  if (i->using_class.data) cql_buf_printf(b, " using " CQL_SLICE_FMT, CQL_SLICE_ARG(i->using_class));
  print_properties(b, i->properties, i->property_count);
}

static void print_field(cql_buf *b, const cqle_field_def *f) {
  cql_buf_printf(b, " " CQL_SLICE_FMT, CQL_SLICE_ARG(f->name));
  if (f->type.text.data) cql_buf_printf(b, ":" CQL_SLICE_FMT, CQL_SLICE_ARG(f->type.text));
}

static void print_create_type(cql_buf *b, const cqle_create_type *t) {
  cql_buf_str(b, "create_type ");
  print_qname(b, &t->name);
  print_flag(b, "if_not_exists", t->if_not_exists);
  for (uint32_t i = 0; i < t->count; i++) print_field(b, &t->fields[i]);
}

static void print_alter_type(cql_buf *b, const cqle_alter_type *t) {
  static const char *const kinds[] = {"add", "rename", "alter"};
  cql_buf_str(b, "alter_type ");
  print_qname(b, &t->name);
  print_flag(b, "if_exists", t->if_exists);
  cql_buf_printf(b, " %s", kinds[t->kind]);
  print_flag(b, t->kind == CQLE_FIELD_ADD ? "if_not_exists" : "if_field_exists", t->if_field);
  for (uint32_t i = 0; i < t->count; i++) {
    print_field(b, &t->fields[i]);
    if (t->renamed) cql_buf_printf(b, " to " CQL_SLICE_FMT, CQL_SLICE_ARG(t->renamed[i]));
  }
}

static void print_drop(cql_buf *b, const char *what, const cqle_drop *d) {
  cql_buf_printf(b, "%s ", what);
  print_qname(b, &d->name);
  print_flag(b, "if_exists", d->if_exists);
}

static void print_describe(cql_buf *b, const cqle_describe *d) {
  static const char *const kinds[] = {
      "cluster", "schema", "full_schema", "keyspaces", "keyspace", "only_keyspace", "tables",    "table",
      "index",   "types",  "type",        "functions", "function", "aggregates",    "aggregate", "materialized_view",
      "generic"};
  cql_buf_printf(b, "describe %s", kinds[d->kind]);
  if (d->name.name.data) {
    cql_buf_str(b, " ");
    print_qname(b, &d->name);
  }
  print_flag(b, "internals", d->internals);
}

void print_statement(cql_buf *b, const cqle_statement *s) {
  switch (s->kind) {
  case CQLE_STMT_SELECT: print_select(b, &s->as.select); return;
  case CQLE_STMT_MODIFY: print_modify(b, &s->as.modify); return;
  case CQLE_STMT_BATCH: print_batch(b, &s->as.batch); return;
  case CQLE_STMT_USE: print_drop(b, "use", &s->as.drop); return;
  case CQLE_STMT_TRUNCATE: print_drop(b, "truncate", &s->as.drop); return;
  case CQLE_STMT_CREATE_KEYSPACE: print_keyspace(b, "create_keyspace", "if_not_exists", &s->as.create_keyspace); return;
  case CQLE_STMT_ALTER_KEYSPACE: print_keyspace(b, "alter_keyspace", "if_exists", &s->as.create_keyspace); return;
  case CQLE_STMT_DROP_KEYSPACE: print_drop(b, "drop_keyspace", &s->as.drop); return;
  case CQLE_STMT_CREATE_TABLE: print_create_table(b, &s->as.create_table); return;
  case CQLE_STMT_ALTER_TABLE: print_alter_table(b, &s->as.alter_table); return;
  case CQLE_STMT_DROP_TABLE: print_drop(b, "drop_table", &s->as.drop); return;
  case CQLE_STMT_CREATE_INDEX: print_create_index(b, &s->as.create_index); return;
  case CQLE_STMT_DROP_INDEX: print_drop(b, "drop_index", &s->as.drop); return;
  case CQLE_STMT_CREATE_TYPE: print_create_type(b, &s->as.create_type); return;
  case CQLE_STMT_ALTER_TYPE: print_alter_type(b, &s->as.alter_type); return;
  case CQLE_STMT_DROP_TYPE: print_drop(b, "drop_type", &s->as.drop); return;
  case CQLE_STMT_DESCRIBE: print_describe(b, &s->as.describe); return;
  case CQLE_STMT_REFUSED:
    cql_buf_printf(b, "refused %s %s", cql_status_name(s->as.refused.status), s->as.refused.message);
    return;
  }
}
