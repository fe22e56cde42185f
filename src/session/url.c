#include "session/url.h"

#include <string.h>

#include "session/session_int.h"

/* --- what the kinds of URL share ---------------------------------------------------------------------------------- */

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

cql_status cqli_url_decode(const char *what, cql_slice in, char *out, size_t cap, cql_error *err) {
  size_t n = 0;
  for (size_t i = 0; i < in.len; i++) {
    char c = (char)in.data[i];
    if (c == '%') {
      int high = i + 2 < in.len ? hex_digit((char)in.data[i + 1]) : -1;
      int low = i + 2 < in.len ? hex_digit((char)in.data[i + 2]) : -1;
      if (high < 0 || low < 0)
        return cql_fail(err, CQL_BAD_URL,
                        "The %s has a %% that two hex digits do not follow; a plain %% is written %%25", what);
      c = (char)(high << 4 | low);
      i += 2;
    }
    if (c == '\0') return cql_fail(err, CQL_BAD_URL, "The %s holds a NUL byte", what);
    if (n + 1 >= cap) return cql_fail(err, CQL_BAD_URL, "The %s is longer than %zu bytes", what, cap - 1);
    out[n++] = c;
  }
  out[n] = '\0';
  return CQL_OK;
}

cql_status cqli_url_keyspace(cqli_url *url, const char *what, cql_slice value, cql_error *err) {
  if (url->keyspace[0] != '\0') return cql_fail(err, CQL_BAD_URL, "The keyspace is given twice");
  cql_status st = cqli_url_decode(what, value, url->keyspace, sizeof url->keyspace, err);
  if (st == CQL_OK && url->keyspace[0] == '\0') return cql_fail(err, CQL_BAD_URL, "The %s is empty", what);
  return st;
}

cql_status cqli_url_number(const char *name, cql_slice value, uint32_t low, uint32_t high, uint32_t *out,
                           cql_error *err) {
  uint32_t n = 0;
  bool valid = value.len > 0 && value.len <= 9;
  for (size_t i = 0; valid && i < value.len; i++) {
    valid = value.data[i] >= '0' && value.data[i] <= '9';
    n = n * 10 + (uint32_t)(value.data[i] - '0');
  }
  *out = n;
  if (valid && n >= low && n <= high) return CQL_OK;
  return cql_fail(err, CQL_BAD_URL, "The option %s is a number from %u to %u, not '" CQL_SLICE_FMT "'", name, low, high,
                  CQL_SLICE_ARG(value));
}

/* The name of an option as errors show it: what looks like none may be a part of a password, and so may anything behind
 * an option that is one. */
static cql_slice shown(const cqli_url *url, cql_slice name) {
  bool plain = name.len > 0 && name.len <= 40 && !(url->is_astra && url->client.password != NULL);
  for (size_t i = 0; plain && i < name.len; i++)
    plain = (name.data[i] >= 'a' && name.data[i] <= 'z') || (name.data[i] >= '0' && name.data[i] <= '9') ||
            name.data[i] == '_';
  return plain || name.len == 0 ? name : cql_slice_str("…");
}

static cql_status read_option(cqli_url *url, cql_slice name, cql_slice value, cqli_url_reader *read, const char *known,
                              uint32_t *seen, cql_error *err) {
  uint32_t index = 0;
  cql_status st = read(url, name, value, &index, err);
  if (st == CQL_DONE)
    return cql_fail(err, CQL_BAD_URL, "Unknown option '" CQL_SLICE_FMT "'; %s", CQL_SLICE_ARG(shown(url, name)), known);
  if (st != CQL_OK) return st;
  if (*seen & 1u << index)
    return cql_fail(err, CQL_BAD_URL, "The option " CQL_SLICE_FMT " is given twice", CQL_SLICE_ARG(name));
  *seen |= 1u << index;
  return CQL_OK;
}

cql_status cqli_url_options(cqli_url *url, const char *text, cqli_url_reader *read, const char *known, cql_error *err) {
  uint32_t seen = 0;
  while (*text != '\0') {
    size_t len = strcspn(text, "&");
    const char *equals = memchr(text, '=', len);
    if (equals == NULL)
      return cql_fail(err, CQL_BAD_URL,
                      "The option '" CQL_SLICE_FMT
                      "' has no value; options are written name=value, with & between them",
                      CQL_SLICE_ARG(shown(url, cql_slice_of(text, len))));
    size_t name_len = (size_t)(equals - text);
    cql_status st = read_option(url, cql_slice_of(text, name_len), cql_slice_of(equals + 1, len - name_len - 1), read,
                                known, &seen, err);
    if (st != CQL_OK) return st;
    text += len;
    if (*text == '&') text++;
  }
  return CQL_OK;
}

/* --- the kinds ---------------------------------------------------------------------------------------------------- */

static const char *behind(const char *text, const char *prefix) {
  size_t len = strlen(prefix);
  return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

static const char *behind_cluster(const char *text) {
  const char *rest = behind(text, "cassandra:");
  return rest != NULL ? rest : behind(text, "scylla:");
}

static cql_status refuse(const char *text, cql_error *err) {
  /* Behind a colon or an at sign there may be a password, and among options. */
  size_t len = strcspn(text, strchr(text, '@') != NULL ? ":@?" : "?");
  return cql_fail(
      err, CQL_BAD_URL,
      "'%.*s%s' is not a session URL: write local:PATH for a file, local::memory: for a database in memory, "
      "cassandra://HOST for a cluster, or astra:PATH of a secure connect bundle for Astra DB",
      (int)(len < 200 ? len : 200), text, text[len] != '\0' || len > 200 ? "…" : "");
}

cql_status cqli_url_parse(cqli_url *out, const char *text, cql_error *err) {
  memset(out, 0, sizeof *out);
  if (text == NULL) return cql_fail(err, CQL_BAD_URL, "There is no session URL");
  if (strnlen(text, CQL_SESSION_URL_LEN) == CQL_SESSION_URL_LEN)
    return cql_fail(err, CQL_BAD_URL, "The session URL is longer than %d bytes", CQL_SESSION_URL_LEN - 1);
  const char *local = behind(text, "local:"), *cluster = behind_cluster(text), *astra = behind(text, "astra:");
  if (local != NULL) return cqli_url_parse_local(out, local, err);
  if (cluster != NULL) return cqli_url_parse_cluster(out, cluster, err);
  if (astra != NULL) return cqli_url_parse_astra(out, astra, err);
  return refuse(text, err);
}

/* --- a URL that can be shown -------------------------------------------------------------------------------------- */

static size_t put(char *out, size_t n, size_t cap, const char *text, size_t len) {
  for (size_t i = 0; i < len && n + 1 < cap; i++) out[n++] = text[i];
  return n;
}

/* The length of the name of a secret with its equals sign; 0: it is none. */
static size_t secret_name_len(const char *option) {
  static const char *const SECRETS[] = {"tls_key_password=", "password="};
  for (size_t i = 0; i < sizeof SECRETS / sizeof *SECRETS; i++)
    if (behind(option, SECRETS[i]) != NULL) return strlen(SECRETS[i]);
  return 0;
}

/* Copies the options, but not what stands behind a password's name. */
static size_t put_options(char *out, size_t n, size_t cap, const char *text) {
  while (*text != '\0') {
    size_t len = strcspn(text + 1, "&") + 1; /* with the ? or & before it */
    size_t name_len = secret_name_len(text + 1);
    n = put(out, n, cap, text, name_len > 0 ? 1 + name_len : len);
    if (name_len > 0) n = put(out, n, cap, "***", 3);
    text += len;
  }
  return n;
}

void cql_session_url_show(const char *url, char *out, size_t cap) {
  size_t n = 0;
  const char *rest = behind_cluster(url);
  if (behind(url, "astra:") != NULL) {
    size_t len = strcspn(url, "?");
    n = put(out, n, cap, url, len);
    n = put_options(out, n, cap, url + len);
  } else if (rest == NULL || rest[0] != '/' || rest[1] != '/') {
    n = put(out, n, cap, url, strlen(url));
  } else {
    const char *authority = rest + 2, *at = NULL;
    size_t len = strcspn(authority, "/?");
    for (size_t i = 0; i < len; i++)
      if (authority[i] == '@') at = authority + i;
    const char *colon = at == NULL ? NULL : memchr(authority, ':', (size_t)(at - authority));
    const char *path = authority + len;
    size_t path_len = strcspn(path, "?");
    if (colon != NULL) {
      n = put(out, n, cap, url, (size_t)(colon + 1 - url));
      n = put(out, n, cap, "***", 3);
      n = put(out, n, cap, at, (size_t)(path - at));
    } else {
      n = put(out, n, cap, url, (size_t)(path - url));
    }
    n = put(out, n, cap, path, path_len);
    n = put_options(out, n, cap, path + path_len);
  }
  if (cap > 0) out[n] = '\0';
}
