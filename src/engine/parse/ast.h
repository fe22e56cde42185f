/* ast.h: what the parser makes of a statement's text. Only what was written: names are not resolved, types not checked.
 *
 * Everything lives in the arena given to cqle_parse(); slices may borrow from the text, which must live as long. Names
 * are already folded: an unquoted identifier is in lower case, a quoted one is without its quotes.
 */
#ifndef CQLE_AST_H
#define CQLE_AST_H

#include "value/value.h"

enum {
  CQLE_TEXT_LEN_MAX = 16 * 1024 * 1024,
  CQLE_PARSE_DEPTH_MAX = 128, /* nested terms and selectors */
  CQLE_MARKERS_MAX = 65535,
};

typedef struct cqle_pos {
  uint32_t line, column; /* as Cassandra counts: line from 1, column from 0 */
} cqle_pos;

typedef struct cqle_qname { /* [keyspace.]name */
  cql_slice keyspace;       /* data NULL when not given */
  cql_slice name;
} cqle_qname;

/* A type as it was written; read it with cql_type_parse_cql(). data NULL: none. */
typedef struct cqle_raw_type {
  cql_slice text;
  cqle_pos pos;
} cqle_raw_type;

/* --- terms: what may stand for a value ---------------------------------------------------------------------------- */

typedef enum cqle_term_kind {
  CQLE_TERM_LITERAL,
  CQLE_TERM_NULL,
  CQLE_TERM_MARKER,
  CQLE_TERM_LIST,  /* [a, b] */
  CQLE_TERM_SET,   /* {a, b}; {} is a SET with no items and may stand for a map */
  CQLE_TERM_MAP,   /* {k: v}; items alternate */
  CQLE_TERM_TUPLE, /* (a, b) */
  CQLE_TERM_UDT,   /* {field: v}; names beside items */
  CQLE_TERM_CALL,  /* f(a, b); arithmetic: _add, _substract, _multiply, _divide, _modulo, _negate; CAST: cast_as_int */
  CQLE_TERM_HINT,  /* (type) term: items[0] */
} cqle_term_kind;

typedef struct cqle_term cqle_term;
struct cqle_term {
  cqle_term_kind kind;
  cqle_pos pos;
  cql_literal_kind literal; /* LITERAL */
  cql_slice text;           /* LITERAL: without quotes, escapes undone. MARKER: its name, data NULL for ? */
  uint32_t marker;          /* MARKER: index in order of appearance */
  cqle_qname function;      /* CALL */
  cqle_raw_type type;       /* HINT */
  uint32_t count;
  cqle_term **items;
  cql_slice *names; /* UDT */
  cql_slice
      source; /* as Cassandra's Term.Raw.getText(), for names of result columns and error texts: {'a': 1}, NULL, ? */
};

/* --- selectors ---------------------------------------------------------------------------------------------------- */

typedef enum cqle_selector_kind {
  CQLE_SEL_COLUMN,
  CQLE_SEL_TERM,       /* a literal or marker among the selected things */
  CQLE_SEL_COUNT_STAR, /* count(*), count(1) */
  CQLE_SEL_CALL,       /* f(args); arithmetic as _add, … */
  CQLE_SEL_CAST,       /* CAST(args[0] AS type) */
  CQLE_SEL_HINT,       /* (type) args[0] */
  CQLE_SEL_WRITETIME,  /* args[0] is what it is applied to, a COLUMN or an element or field of one */
  CQLE_SEL_MAXWRITETIME,
  CQLE_SEL_TTL,
  CQLE_SEL_FIELD,   /* args[0].name */
  CQLE_SEL_ELEMENT, /* args[0][from] */
  CQLE_SEL_SLICE,   /* args[0][from..to]; either may be NULL */
  CQLE_SEL_TUPLE,   /* one argument: only parentheses, or a tuple of one */
  CQLE_SEL_LIST,
  CQLE_SEL_SET,
  CQLE_SEL_MAP, /* args alternate */
} cqle_selector_kind;

typedef struct cqle_selector cqle_selector;
struct cqle_selector {
  cqle_selector_kind kind;
  cqle_pos pos;
  cql_slice name; /* COLUMN, FIELD */
  cqle_qname function;
  cqle_raw_type type;
  uint32_t count;
  cqle_selector **args;
  cqle_term *term, *from, *to;
};

typedef struct cqle_select_item {
  cqle_selector *selector;
  cql_slice alias; /* data NULL: none */
} cqle_select_item;

/* --- relations and conditions ------------------------------------------------------------------------------------- */

typedef enum cqle_op {
  CQLE_OP_EQ,
  CQLE_OP_LT,
  CQLE_OP_LE,
  CQLE_OP_GT,
  CQLE_OP_GE,
  CQLE_OP_NE,
  CQLE_OP_IN,
  CQLE_OP_CONTAINS,
  CQLE_OP_CONTAINS_KEY,
  CQLE_OP_LIKE,
  CQLE_OP_IS_NOT_NULL,
} cqle_op;
const char *cqle_op_text(cqle_op op); /* "=", "<", …, "CONTAINS KEY" */

typedef enum cqle_relation_kind {
  CQLE_REL_COLUMN,  /* c op term;          columns[0] */
  CQLE_REL_TUPLE,   /* (a, b) op (x, y);   columns */
  CQLE_REL_TOKEN,   /* token(a, b) op term; columns */
  CQLE_REL_ELEMENT, /* c[key] op term;     columns[0], key */
  CQLE_REL_FIELD,   /* c.f op term;        columns[0], field (conditions only) */
  CQLE_REL_CUSTOM,  /* expr(index, term);  the index is columns[0] */
} cqle_relation_kind;

/* In WHERE a relation, in IF a condition. IN: either values (a written list) or term (a marker for the whole list). */
typedef struct cqle_relation {
  cqle_relation_kind kind;
  cqle_op op;
  cqle_pos pos;
  uint32_t column_count;
  cql_slice *columns;
  cqle_term *key;
  cql_slice field;
  cqle_term *term; /* NULL for IN (…) and IS NOT NULL */
  uint32_t value_count;
  cqle_term **values; /* IN (…); may be empty */
  bool in_list;       /* values is meant */
} cqle_relation;

/* --- statements --------------------------------------------------------------------------------------------------- */

typedef struct cqle_attributes { /* USING TIMESTAMP … AND TTL …; NULL: not given */
  cqle_term *timestamp, *ttl;
} cqle_attributes;

typedef struct cqle_order {
  cql_slice column;
  bool descending;
  cqle_term *ann_of; /* ORDER BY c ANN OF term */
} cqle_order;

typedef struct cqle_select {
  cqle_qname table;
  bool is_json, distinct, wildcard, allow_filtering;
  uint32_t item_count;
  cqle_select_item *items;
  uint32_t where_count;
  cqle_relation *where;
  uint32_t group_count;
  cqle_selector **group_by;
  uint32_t order_count;
  cqle_order *order_by;
  cqle_term *limit, *per_partition_limit;
} cqle_select;

typedef enum cqle_assign_kind {
  CQLE_SET_VALUE,   /* c = term */
  CQLE_SET_ADD,     /* c = c + term, c += term */
  CQLE_SET_SUB,     /* c = c - term, c -= term */
  CQLE_SET_PREPEND, /* c = term + c */
  CQLE_SET_ELEMENT, /* c[key] = term */
  CQLE_SET_FIELD,   /* c.field = term */
} cqle_assign_kind;

typedef struct cqle_assignment {
  cqle_assign_kind kind;
  cqle_pos pos;
  cql_slice column;
  cqle_term *key;
  cql_slice field;
  cqle_term *term;
} cqle_assignment;

typedef struct cqle_delete_target { /* c, c[key], c.field */
  cql_slice column;
  cqle_term *key;
  cql_slice field; /* data NULL: none */
} cqle_delete_target;

/* INSERT, UPDATE and DELETE in one form. An INSERT has columns beside values; where is empty. */
typedef enum cqle_modify_kind { CQLE_INSERT, CQLE_INSERT_JSON, CQLE_UPDATE, CQLE_DELETE } cqle_modify_kind;
typedef struct cqle_modify {
  cqle_modify_kind kind;
  cqle_qname table;
  cqle_attributes using;
  uint32_t column_count; /* INSERT */
  cql_slice *columns;
  uint32_t value_count; /* INSERT: may differ from column_count, which is an error for the planner */
  cqle_term **values;
  cqle_term *json; /* INSERT JSON */
  bool json_default_unset;
  uint32_t set_count; /* UPDATE */
  cqle_assignment *sets;
  uint32_t target_count; /* DELETE; 0: the row */
  cqle_delete_target *targets;
  uint32_t where_count;
  cqle_relation *where;
  bool if_not_exists, if_exists;
  uint32_t if_count;
  cqle_relation *ifs;
} cqle_modify;

typedef struct cqle_batch {
  cql_batch_type type;
  cqle_attributes using;
  uint32_t count;
  cqle_modify *items;
} cqle_batch;

/* WITH k = v AND …: a property is a scalar term or a map literal. */
typedef struct cqle_property {
  cql_slice name;
  cqle_pos pos;
  cqle_term *value; /* LITERAL or MAP of LITERALs */
} cqle_property;

typedef struct cqle_column_def {
  cql_slice name;
  cqle_raw_type type;
  bool is_static, primary_key, masked;
} cqle_column_def;

typedef struct cqle_create_keyspace {
  cql_slice name;
  bool if_not_exists;
  uint32_t property_count;
  cqle_property *properties;
} cqle_create_keyspace; /* and ALTER KEYSPACE: if_not_exists means IF EXISTS there */

typedef struct cqle_create_table {
  cqle_qname name;
  bool if_not_exists, compact_storage;
  uint32_t column_count;
  cqle_column_def *columns;
  uint32_t primary_key_count; /* how many PRIMARY KEY clauses were written, inline or not */
  uint32_t partition_count;
  cql_slice *partition;
  uint32_t clustering_count;
  cql_slice *clustering;
  uint32_t order_count;
  cqle_order *clustering_order;
  uint32_t property_count;
  cqle_property *properties;
} cqle_create_table;

typedef enum cqle_alter_kind {
  CQLE_ALTER_ADD,
  CQLE_ALTER_DROP,
  CQLE_ALTER_RENAME,
  CQLE_ALTER_WITH,
  CQLE_ALTER_TYPE,
  CQLE_ALTER_OTHER
} cqle_alter_kind;
typedef struct cqle_alter_table {
  cqle_qname name;
  cqle_alter_kind kind;
  bool if_exists, if_column; /* ADD IF NOT EXISTS, DROP IF EXISTS, RENAME IF EXISTS */
  uint32_t column_count;
  cqle_column_def *columns;  /* ADD, DROP (names only), ALTER_TYPE */
  cql_slice *renamed;        /* RENAME: columns[i].name TO renamed[i] */
  cqle_term *drop_timestamp; /* DROP … USING TIMESTAMP */
  uint32_t property_count;
  cqle_property *properties;
  const char *other; /* ALTER_OTHER: what it was ("DROP COMPACT STORAGE", "MASKED") */
} cqle_alter_table;

typedef struct cqle_field_def {
  cql_slice name;
  cqle_raw_type type;
} cqle_field_def;

typedef struct cqle_create_type {
  cqle_qname name;
  bool if_not_exists;
  uint32_t count; /* one or more */
  cqle_field_def *fields;
} cqle_create_type;

typedef enum cqle_alter_type_kind { CQLE_FIELD_ADD, CQLE_FIELD_RENAME, CQLE_FIELD_ALTER } cqle_alter_type_kind;
typedef struct cqle_alter_type {
  cqle_qname name;
  cqle_alter_type_kind kind;
  bool if_exists, if_field; /* ADD IF NOT EXISTS, RENAME IF EXISTS */
  uint32_t count;
  cqle_field_def *fields; /* RENAME: names only */
  cql_slice *renamed;     /* RENAME: fields[i].name TO renamed[i] */
} cqle_alter_type;

typedef enum cqle_index_target {
  CQLE_TARGET_COLUMN,
  CQLE_TARGET_VALUES,
  CQLE_TARGET_KEYS,
  CQLE_TARGET_ENTRIES,
  CQLE_TARGET_FULL
} cqle_index_target;
typedef struct cqle_create_index {
  cql_slice name; /* data NULL: to be made up */
  cqle_qname table;
  bool if_not_exists, custom;
  uint32_t target_count;
  cqle_index_target *targets;
  cql_slice *columns;
  cql_slice using_class; /* data NULL: none */
  uint32_t property_count;
  cqle_property *properties; /* WITH OPTIONS = {…} */
} cqle_create_index;

typedef struct cqle_drop {
  cqle_qname name; /* a keyspace stands in name.name */
  bool if_exists;
} cqle_drop;

typedef enum cqle_describe_kind {
  CQLE_DESC_CLUSTER,
  CQLE_DESC_SCHEMA,
  CQLE_DESC_FULL_SCHEMA,
  CQLE_DESC_KEYSPACES,
  CQLE_DESC_KEYSPACE,
  CQLE_DESC_ONLY_KEYSPACE,
  CQLE_DESC_TABLES,
  CQLE_DESC_TABLE,
  CQLE_DESC_INDEX,
  CQLE_DESC_TYPES,
  CQLE_DESC_TYPE,
  CQLE_DESC_FUNCTIONS,
  CQLE_DESC_FUNCTION,
  CQLE_DESC_AGGREGATES,
  CQLE_DESC_AGGREGATE,
  CQLE_DESC_MATERIALIZED_VIEW,
  CQLE_DESC_GENERIC
} cqle_describe_kind;
typedef struct cqle_describe {
  cqle_describe_kind kind;
  cqle_qname name;
  bool internals;
} cqle_describe;

typedef enum cqle_statement_kind {
  CQLE_STMT_SELECT,
  CQLE_STMT_MODIFY,
  CQLE_STMT_BATCH,
  CQLE_STMT_USE,      /* drop.name.name */
  CQLE_STMT_TRUNCATE, /* drop.name */
  CQLE_STMT_CREATE_KEYSPACE,
  CQLE_STMT_ALTER_KEYSPACE,
  CQLE_STMT_DROP_KEYSPACE,
  CQLE_STMT_CREATE_TABLE,
  CQLE_STMT_ALTER_TABLE,
  CQLE_STMT_DROP_TABLE,
  CQLE_STMT_CREATE_INDEX,
  CQLE_STMT_DROP_INDEX,
  CQLE_STMT_CREATE_TYPE,
  CQLE_STMT_ALTER_TYPE,
  CQLE_STMT_DROP_TYPE,
  CQLE_STMT_DESCRIBE,
  CQLE_STMT_REFUSED, /* understood, and not to be had here; refused holds the status and text to answer with */
} cqle_statement_kind;

typedef struct cqle_statement {
  cqle_statement_kind kind;
  uint32_t marker_count;
  cql_slice *marker_names; /* data NULL for ? */
  union {
    cqle_select select;
    cqle_modify modify;
    cqle_batch batch;
    cqle_create_keyspace create_keyspace;
    cqle_create_table create_table;
    cqle_alter_table alter_table;
    cqle_create_index create_index;
    cqle_create_type create_type;
    cqle_alter_type alter_type;
    cqle_drop drop;
    cqle_describe describe;
    struct {
      cql_status status;
      const char *message;
    } refused;
  } as;
} cqle_statement;

/* Parses one statement, with or without closing semicolons. CQL_SYNTAX with line, column and a text that begins as
 * Cassandra's ("line 1:7 no viable alternative at input 'x'"; at the end of the text "line 0:-1 …"); CQL_PROTOCOL: not
 * UTF-8; CQL_LIMIT; CQL_NOMEM. */
cql_status cqle_parse(cql_arena *a, cql_slice text, cqle_statement **out, cql_error *err);

#endif
