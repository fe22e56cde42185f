/* token.h: the words and signs of CQL, one at a time. Cassandra: src/antlr/Lexer.g.
 *
 * The lexer holds no tokens: its whole state is a small struct, so looking ahead is lexing from a copy of it.
 */
#ifndef CQLE_TOKEN_H
#define CQLE_TOKEN_H

#include "engine/parse/ast.h"

/* How a keyword may stand for a name. Cassandra: Parser.g, unreserved_keyword and its parts. */
enum {
  CQLE_KW_RESERVED = 0,
  CQLE_KW_NAME = 1,     /* may be a column, table, keyspace name */
  CQLE_KW_FUNCTION = 2, /* may also be the name of a function */
  CQLE_KW_TYPE_NAME = 4 /* may also be the name of a user-defined type */
};
#define CQLE_KW_BASIC  (CQLE_KW_NAME | CQLE_KW_FUNCTION | CQLE_KW_TYPE_NAME)
#define CQLE_KW_NATIVE (CQLE_KW_NAME | CQLE_KW_FUNCTION)

/* X(name, text, use), in the order of text. */
#define CQLE_KEYWORD_MAP(X)                                                                                            \
  X(ACCESS, "access", CQLE_KW_BASIC)                                                                                   \
  X(ADD, "add", CQLE_KW_RESERVED)                                                                                      \
  X(AGGREGATE, "aggregate", CQLE_KW_BASIC)                                                                             \
  X(AGGREGATES, "aggregates", CQLE_KW_BASIC)                                                                           \
  X(ALL, "all", CQLE_KW_BASIC)                                                                                         \
  X(ALLOW, "allow", CQLE_KW_RESERVED)                                                                                  \
  X(ALTER, "alter", CQLE_KW_RESERVED)                                                                                  \
  X(AND, "and", CQLE_KW_RESERVED)                                                                                      \
  X(ANN, "ann", CQLE_KW_BASIC)                                                                                         \
  X(APPLY, "apply", CQLE_KW_RESERVED)                                                                                  \
  X(AS, "as", CQLE_KW_BASIC)                                                                                           \
  X(ASC, "asc", CQLE_KW_RESERVED)                                                                                      \
  X(ASCII, "ascii", CQLE_KW_NATIVE)                                                                                    \
  X(AUTHORIZE, "authorize", CQLE_KW_RESERVED)                                                                          \
  X(BATCH, "batch", CQLE_KW_RESERVED)                                                                                  \
  X(BEGIN, "begin", CQLE_KW_RESERVED)                                                                                  \
  X(BIGINT, "bigint", CQLE_KW_NATIVE)                                                                                  \
  X(BLOB, "blob", CQLE_KW_NATIVE)                                                                                      \
  X(BOOLEAN, "boolean", CQLE_KW_NATIVE)                                                                                \
  X(BY, "by", CQLE_KW_RESERVED)                                                                                        \
  X(CALLED, "called", CQLE_KW_BASIC)                                                                                   \
  X(CAST, "cast", CQLE_KW_NAME)                                                                                        \
  X(CIDRS, "cidrs", CQLE_KW_BASIC)                                                                                     \
  X(CLUSTER, "cluster", CQLE_KW_BASIC)                                                                                 \
  X(CLUSTERING, "clustering", CQLE_KW_BASIC)                                                                           \
  X(COLUMNFAMILIES, "columnfamilies", CQLE_KW_BASIC)                                                                   \
  X(COLUMNFAMILY, "columnfamily", CQLE_KW_RESERVED)                                                                    \
  X(COMPACT, "compact", CQLE_KW_BASIC)                                                                                 \
  X(CONTAINS, "contains", CQLE_KW_BASIC)                                                                               \
  X(COUNT, "count", CQLE_KW_NAME)                                                                                      \
  X(COUNTER, "counter", CQLE_KW_NATIVE)                                                                                \
  X(CREATE, "create", CQLE_KW_RESERVED)                                                                                \
  X(CUSTOM, "custom", CQLE_KW_BASIC)                                                                                   \
  X(DATACENTERS, "datacenters", CQLE_KW_BASIC)                                                                         \
  X(DATE, "date", CQLE_KW_NATIVE)                                                                                      \
  X(DECIMAL, "decimal", CQLE_KW_NATIVE)                                                                                \
  X(DEFAULT, "default", CQLE_KW_BASIC)                                                                                 \
  X(DELETE, "delete", CQLE_KW_RESERVED)                                                                                \
  X(DESC, "desc", CQLE_KW_RESERVED)                                                                                    \
  X(DESCRIBE, "describe", CQLE_KW_RESERVED)                                                                            \
  X(DISTINCT, "distinct", CQLE_KW_NAME)                                                                                \
  X(DOUBLE, "double", CQLE_KW_NATIVE)                                                                                  \
  X(DROP, "drop", CQLE_KW_RESERVED)                                                                                    \
  X(DURATION, "duration", CQLE_KW_NATIVE)                                                                              \
  X(ENTRIES, "entries", CQLE_KW_RESERVED)                                                                              \
  X(EXECUTE, "execute", CQLE_KW_RESERVED)                                                                              \
  X(EXISTS, "exists", CQLE_KW_BASIC)                                                                                   \
  X(FILTERING, "filtering", CQLE_KW_BASIC)                                                                             \
  X(FINALFUNC, "finalfunc", CQLE_KW_BASIC)                                                                             \
  X(FLOAT, "float", CQLE_KW_NATIVE)                                                                                    \
  X(FROM, "from", CQLE_KW_RESERVED)                                                                                    \
  X(FROZEN, "frozen", CQLE_KW_BASIC)                                                                                   \
  X(FULL, "full", CQLE_KW_RESERVED)                                                                                    \
  X(FUNCTION, "function", CQLE_KW_BASIC)                                                                               \
  X(FUNCTIONS, "functions", CQLE_KW_BASIC)                                                                             \
  X(GRANT, "grant", CQLE_KW_RESERVED)                                                                                  \
  X(GROUP, "group", CQLE_KW_BASIC)                                                                                     \
  X(HASHED, "hashed", CQLE_KW_BASIC)                                                                                   \
  X(IDENTITY, "identity", CQLE_KW_BASIC)                                                                               \
  X(IF, "if", CQLE_KW_RESERVED)                                                                                        \
  X(IN, "in", CQLE_KW_RESERVED)                                                                                        \
  X(INDEX, "index", CQLE_KW_RESERVED)                                                                                  \
  X(INET, "inet", CQLE_KW_NATIVE)                                                                                      \
  X(INFINITY, "infinity", CQLE_KW_RESERVED)                                                                            \
  X(INITCOND, "initcond", CQLE_KW_BASIC)                                                                               \
  X(INPUT, "input", CQLE_KW_BASIC)                                                                                     \
  X(INSERT, "insert", CQLE_KW_RESERVED)                                                                                \
  X(INT, "int", CQLE_KW_NATIVE)                                                                                        \
  X(INTERNALS, "internals", CQLE_KW_BASIC)                                                                             \
  X(INTO, "into", CQLE_KW_RESERVED)                                                                                    \
  X(IS, "is", CQLE_KW_RESERVED)                                                                                        \
  X(JSON, "json", CQLE_KW_NAME)                                                                                        \
  X(KEY, "key", CQLE_KW_NAME | CQLE_KW_TYPE_NAME)                                                                      \
  X(KEYS, "keys", CQLE_KW_BASIC)                                                                                       \
  X(KEYSPACE, "keyspace", CQLE_KW_RESERVED)                                                                            \
  X(KEYSPACES, "keyspaces", CQLE_KW_BASIC)                                                                             \
  X(LANGUAGE, "language", CQLE_KW_BASIC)                                                                               \
  X(LIKE, "like", CQLE_KW_BASIC)                                                                                       \
  X(LIMIT, "limit", CQLE_KW_RESERVED)                                                                                  \
  X(LIST, "list", CQLE_KW_BASIC)                                                                                       \
  X(LOGIN, "login", CQLE_KW_BASIC)                                                                                     \
  X(MAP, "map", CQLE_KW_BASIC)                                                                                         \
  X(MASKED, "masked", CQLE_KW_BASIC)                                                                                   \
  X(MATERIALIZED, "materialized", CQLE_KW_RESERVED)                                                                    \
  X(MAXWRITETIME, "maxwritetime", CQLE_KW_NAME)                                                                        \
  X(MBEAN, "mbean", CQLE_KW_BASIC)                                                                                     \
  X(MBEANS, "mbeans", CQLE_KW_BASIC)                                                                                   \
  X(MODIFY, "modify", CQLE_KW_RESERVED)                                                                                \
  X(NAN, "nan", CQLE_KW_RESERVED)                                                                                      \
  X(NOLOGIN, "nologin", CQLE_KW_BASIC)                                                                                 \
  X(NORECURSIVE, "norecursive", CQLE_KW_RESERVED)                                                                      \
  X(NOSUPERUSER, "nosuperuser", CQLE_KW_BASIC)                                                                         \
  X(NOT, "not", CQLE_KW_RESERVED)                                                                                      \
  X(NULL, "null", CQLE_KW_RESERVED)                                                                                    \
  X(OF, "of", CQLE_KW_RESERVED)                                                                                        \
  X(ON, "on", CQLE_KW_RESERVED)                                                                                        \
  X(ONLY, "only", CQLE_KW_BASIC)                                                                                       \
  X(OPTIONS, "options", CQLE_KW_BASIC)                                                                                 \
  X(OR, "or", CQLE_KW_RESERVED)                                                                                        \
  X(ORDER, "order", CQLE_KW_RESERVED)                                                                                  \
  X(PARTITION, "partition", CQLE_KW_BASIC)                                                                             \
  X(PASSWORD, "password", CQLE_KW_BASIC)                                                                               \
  X(PER, "per", CQLE_KW_BASIC)                                                                                         \
  X(PERMISSION, "permission", CQLE_KW_BASIC)                                                                           \
  X(PERMISSIONS, "permissions", CQLE_KW_BASIC)                                                                         \
  X(PRIMARY, "primary", CQLE_KW_RESERVED)                                                                              \
  X(RENAME, "rename", CQLE_KW_RESERVED)                                                                                \
  X(REPLACE, "replace", CQLE_KW_BASIC)                                                                                 \
  X(RETURNS, "returns", CQLE_KW_BASIC)                                                                                 \
  X(REVOKE, "revoke", CQLE_KW_RESERVED)                                                                                \
  X(ROLE, "role", CQLE_KW_BASIC)                                                                                       \
  X(ROLES, "roles", CQLE_KW_BASIC)                                                                                     \
  X(SCHEMA, "schema", CQLE_KW_RESERVED)                                                                                \
  X(SELECT, "select", CQLE_KW_RESERVED)                                                                                \
  X(SELECT_MASKED, "select_masked", CQLE_KW_BASIC)                                                                     \
  X(SET, "set", CQLE_KW_RESERVED)                                                                                      \
  X(SFUNC, "sfunc", CQLE_KW_BASIC)                                                                                     \
  X(SMALLINT, "smallint", CQLE_KW_NATIVE)                                                                              \
  X(STATIC, "static", CQLE_KW_BASIC)                                                                                   \
  X(STORAGE, "storage", CQLE_KW_BASIC)                                                                                 \
  X(STYPE, "stype", CQLE_KW_BASIC)                                                                                     \
  X(SUPERUSER, "superuser", CQLE_KW_BASIC)                                                                             \
  X(TABLE, "table", CQLE_KW_RESERVED)                                                                                  \
  X(TABLES, "tables", CQLE_KW_BASIC)                                                                                   \
  X(TEXT, "text", CQLE_KW_NATIVE)                                                                                      \
  X(TIME, "time", CQLE_KW_NATIVE)                                                                                      \
  X(TIMESTAMP, "timestamp", CQLE_KW_NATIVE)                                                                            \
  X(TIMEUUID, "timeuuid", CQLE_KW_NATIVE)                                                                              \
  X(TINYINT, "tinyint", CQLE_KW_NATIVE)                                                                                \
  X(TO, "to", CQLE_KW_RESERVED)                                                                                        \
  X(TOKEN, "token", CQLE_KW_RESERVED)                                                                                  \
  X(TRIGGER, "trigger", CQLE_KW_BASIC)                                                                                 \
  X(TRUNCATE, "truncate", CQLE_KW_RESERVED)                                                                            \
  X(TTL, "ttl", CQLE_KW_NAME)                                                                                          \
  X(TUPLE, "tuple", CQLE_KW_BASIC)                                                                                     \
  X(TYPE, "type", CQLE_KW_BASIC)                                                                                       \
  X(TYPES, "types", CQLE_KW_BASIC)                                                                                     \
  X(UNLOGGED, "unlogged", CQLE_KW_RESERVED)                                                                            \
  X(UNMASK, "unmask", CQLE_KW_BASIC)                                                                                   \
  X(UNSET, "unset", CQLE_KW_BASIC)                                                                                     \
  X(UPDATE, "update", CQLE_KW_RESERVED)                                                                                \
  X(USE, "use", CQLE_KW_RESERVED)                                                                                      \
  X(USER, "user", CQLE_KW_BASIC)                                                                                       \
  X(USERS, "users", CQLE_KW_BASIC)                                                                                     \
  X(USING, "using", CQLE_KW_RESERVED)                                                                                  \
  X(UUID, "uuid", CQLE_KW_NATIVE)                                                                                      \
  X(VALUES, "values", CQLE_KW_BASIC)                                                                                   \
  X(VARCHAR, "varchar", CQLE_KW_NATIVE)                                                                                \
  X(VARINT, "varint", CQLE_KW_NATIVE)                                                                                  \
  X(VECTOR, "vector", CQLE_KW_BASIC)                                                                                   \
  X(VIEW, "view", CQLE_KW_RESERVED)                                                                                    \
  X(WHERE, "where", CQLE_KW_RESERVED)                                                                                  \
  X(WITH, "with", CQLE_KW_RESERVED)                                                                                    \
  X(WRITETIME, "writetime", CQLE_KW_NAME)

typedef enum cqle_token_kind {
  CQLE_TOK_BAD, /* only while looking ahead: what comes next is not a token */
  CQLE_TOK_EOF,
  CQLE_TOK_IDENT,
  CQLE_TOK_QUOTED_NAME,
  CQLE_TOK_EMPTY_QUOTED_NAME,
  CQLE_TOK_STRING,
  CQLE_TOK_INTEGER,
  CQLE_TOK_FLOAT,
  CQLE_TOK_BOOLEAN,
  CQLE_TOK_DURATION,
  CQLE_TOK_UUID,
  CQLE_TOK_HEX,
  CQLE_TOK_NEGATIVE_NAN,
  CQLE_TOK_NEGATIVE_INFINITY,
  CQLE_TOK_QMARK,
  CQLE_TOK_RANGE,
  CQLE_TOK_EXPR, /* expr( in one piece */
  CQLE_TOK_LT,
  CQLE_TOK_LE,
  CQLE_TOK_GT,
  CQLE_TOK_GE,
  CQLE_TOK_EQ,
  CQLE_TOK_NE,
  CQLE_TOK_PLUS,
  CQLE_TOK_PLUS_EQ,
  CQLE_TOK_MINUS,
  CQLE_TOK_MINUS_EQ,
  CQLE_TOK_STAR,
  CQLE_TOK_SLASH,
  CQLE_TOK_PERCENT,
  CQLE_TOK_LPAREN,
  CQLE_TOK_RPAREN,
  CQLE_TOK_LBRACKET,
  CQLE_TOK_RBRACKET,
  CQLE_TOK_LBRACE,
  CQLE_TOK_RBRACE,
  CQLE_TOK_COMMA,
  CQLE_TOK_DOT,
  CQLE_TOK_COLON,
  CQLE_TOK_SEMICOLON,
#define CQLE_KEYWORD_ENUM(name, text, use) CQLE_K_##name,
  CQLE_KEYWORD_MAP(CQLE_KEYWORD_ENUM)
#undef CQLE_KEYWORD_ENUM
      CQLE_TOKEN_KIND_COUNT
} cqle_token_kind;

typedef struct cqle_token {
  cqle_token_kind kind;
  cqle_pos pos;
  size_t offset;  /* in the text, bytes */
  cql_slice text; /* as written; borrows from the text */
  cql_slice
      value; /* strings and quoted names: without quotes, escapes undone (borrows, or lives in the arena); else text */
} cqle_token;

typedef struct cqle_lexer {
  cql_slice text;
  size_t at;
  uint32_t line, column;
} cqle_lexer;

void cqle_lexer_init(cqle_lexer *l, cql_slice text);
/* Gives the next token, or CQLE_TOK_EOF at the end. CQL_SYNTAX, CQL_NOMEM. err may be NULL: then a caller who looks
 * ahead asks. */
cql_status cqle_lexer_next(cqle_lexer *l, cql_arena *a, cqle_token *out, cql_error *err);

/* What Cassandra calls a kind in "mismatched input … expecting K_FROM"; "','" for signs. */
const char *cqle_token_kind_name(cqle_token_kind kind);
/* A keyword's CQLE_KW_ bits; 0 for everything else. */
unsigned cqle_token_keyword_use(cqle_token_kind kind);
bool cqle_token_is_native_type(cqle_token_kind kind);
const char *cqle_keyword_text(cqle_token_kind kind); /* in lower case; kind is a keyword */
/* The keyword that an identifier is, else CQLE_TOK_IDENT (or CQLE_TOK_BOOLEAN). */
cqle_token_kind cqle_keyword_find(cql_slice word);

/* Fills a syntax error at a position: "line 1:7 " and the text. Returns CQL_SYNTAX. */
cql_status cqle_syntax_error(cql_error *err, cqle_pos pos, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
