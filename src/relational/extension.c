/* extension.c: the room as an extension that SQLite loads.
 *
 *   SELECT load_extension('cql_relational_ext');
 *   CREATE VIRTUAL TABLE author USING cql('local:party.cql', 'library', 'author');
 *
 * The arguments are the URL of a session, the keyspace, and the table, which may be left out where it has the same
 * name. Tables with the same URL and keyspace share a session, which is closed with the connection. The URL stands in
 * sqlite_schema, as all that is said in CREATE does, its password too.
 */
#include "relational/relational_int.h"

#include <string.h>

SQLITE_EXTENSION_INIT1

enum { FIRST_ARGUMENT = 3, ARGUMENTS_MAX = 3, VERSION_MIN = 3038000 };

/* A session, and the connection's tables over a keyspace of it. */
typedef struct place {
  struct place *next;
  cql_arena arena; /* the texts and the place itself */
  const char *url;
  cql_session *session;
  cql_relational relational;
} place;

typedef struct extension {
  sqlite3_module module;
  place *places;
} extension;

/* --- places ------------------------------------------------------------------------------------------------------- */

static void close_place(place *p) {
  cql_arena arena = p->arena; /* in which it lies */
  cqlr_connection_clear(&p->relational);
  cql_session_close(p->session);
  cql_arena_free(&arena);
}

static void close_extension(void *data) {
  extension *e = data;
  for (place *p = e->places, *next; p != NULL; p = next) {
    next = p->next;
    close_place(p);
  }
  cql_alloc_free(&cql_alloc_libc, e, sizeof *e);
}

static place *find_place(const extension *e, const char *url, const char *keyspace) {
  for (place *p = e->places; p != NULL; p = p->next)
    if (strcmp(p->url, url) == 0 && strcmp(p->relational.keyspace, keyspace) == 0) return p;
  return NULL;
}

static cql_status open_place(extension *e, const char *url, const char *keyspace, place **out, cql_error *err) {
  cql_arena arena;
  cql_arena_init(&arena, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  place *p = cql_arena_zero(&arena, sizeof *p);
  const char *copy = cql_arena_str(&arena, cql_slice_str(url));
  if (p == NULL || copy == NULL) {
    cql_arena_free(&arena);
    return cql_fail(err, CQL_NOMEM, "Out of memory");
  }
  p->arena = arena;
  p->url = copy;
  cql_status st = cql_session_open(&p->session, url, err);
  if (st != CQL_OK) {
    cql_arena_free(&arena);
    return st;
  }
  if (cqlr_connection_init(&p->relational, p->session, keyspace) != CQL_OK) {
    close_place(p);
    return cql_fail(err, CQL_NOMEM, "Out of memory");
  }
  p->next = e->places;
  e->places = p;
  *out = p;
  return CQL_OK;
}

/* --- arguments ---------------------------------------------------------------------------------------------------- */

static bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* SQLite hands over what stands between commas as it is written: in quotes, most often. NULL: out of memory. */
static const char *argument(cql_arena *a, const char *text) {
  size_t len = strlen(text);
  for (; len > 0 && is_space(text[0]); len--) text++;
  while (len > 0 && is_space(text[len - 1])) len--;
  char quote = len > 1 && (text[0] == '\'' || text[0] == '"') && text[len - 1] == text[0] ? text[0] : '\0';
  if (quote == '\0') return cql_arena_str(a, cql_slice_of(text, len));
  char *out = cql_arena_str(a, cql_slice_of(text + 1, len - 2)), *to = out;
  if (out == NULL) return NULL;
  for (const char *from = out; *from != '\0'; from++) {
    *to++ = *from;
    if (from[0] == quote && from[1] == quote) from++; /* it stands for one */
  }
  *to = '\0';
  return out;
}

static cql_status read_arguments(cql_arena *a, int argc, const char *const *argv, const char *out[ARGUMENTS_MAX],
                                 cql_error *err) {
  int count = argc - FIRST_ARGUMENT;
  if (count < ARGUMENTS_MAX - 1 || count > ARGUMENTS_MAX)
    return cql_fail(err, CQL_INVALID, "A table is USING cql('URL', 'keyspace', 'table')");
  for (int i = 0; i < count; i++) out[i] = argument(a, argv[FIRST_ARGUMENT + i]);
  if (count < ARGUMENTS_MAX) out[count] = cql_arena_str(a, cql_slice_str(argv[FIRST_ARGUMENT - 1]));
  for (int i = 0; i < ARGUMENTS_MAX; i++)
    if (out[i] == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  return CQL_OK;
}

static int refuse(char **message, cql_status st, const cql_error *err) {
  sqlite3_free(*message);
  *message = sqlite3_mprintf("%s", err->message);
  return st == CQL_NOMEM ? SQLITE_NOMEM : SQLITE_ERROR;
}

static int on_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **message) {
  extension *e = aux;
  const char *arguments[ARGUMENTS_MAX];
  cql_error err = {0};
  cql_arena arena;
  cql_arena_init(&arena, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  cql_status st = read_arguments(&arena, argc, argv, arguments, &err);
  place *p = st == CQL_OK ? find_place(e, arguments[0], arguments[1]) : NULL;
  if (st == CQL_OK && p == NULL) st = open_place(e, arguments[0], arguments[1], &p, &err);
  int rc = st == CQL_OK ? cqlr_vtab_connect(db, &p->relational, argv[2], arguments[2], out, message)
                        : refuse(message, st, &err);
  cql_arena_free(&arena);
  return rc;
}

/* Another function than the one for connecting, or the name of the module would be that of a table. */
static int on_create(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **out, char **message) {
  return on_connect(db, aux, argc, argv, out, message);
}

/* --- the door ----------------------------------------------------------------------------------------------------- */

/* SQLite knows the name by that of the file. */
__attribute__((visibility("default"))) int sqlite3_cqlrelationalext_init(sqlite3 *db, char **message,
                                                                         const sqlite3_api_routines *api);

int sqlite3_cqlrelationalext_init(sqlite3 *db, char **message, const sqlite3_api_routines *api) {
  SQLITE_EXTENSION_INIT2(api)
  if (sqlite3_libversion_number() < VERSION_MIN) {
    *message = sqlite3_mprintf("cql needs SQLite 3.38 or later, this is %s", sqlite3_libversion());
    return SQLITE_ERROR;
  }
  extension *e = cql_alloc_new(&cql_alloc_libc, sizeof *e);
  if (e == NULL) return SQLITE_NOMEM;
  e->module = cqlr_vtab_module;
  e->module.xCreate = on_create;
  e->module.xConnect = on_connect;
  int rc = sqlite3_create_module_v2(db, "cql", &e->module, e, close_extension); /* which frees it on failure, too */
  if (rc == SQLITE_OK) rc = cqlr_exact_register(db);
  return rc == SQLITE_OK ? SQLITE_OK_LOAD_PERMANENTLY : rc; /* the threads of clusters' sessions run in it */
}
