#include "session/session_int.h"

#include <string.h>

static bool has_prefix(const char *text, const char *prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* Undoes %XX. What names the part in errors. */
static cql_status decode(const char *what, cql_slice in, char *out, size_t cap, cql_error *err) {
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

static cql_status read_keyspace(cqli_url *url, cql_slice value, cql_error *err) {
  cql_status st = decode("option keyspace", value, url->keyspace, sizeof url->keyspace, err);
  if (st == CQL_OK && url->keyspace[0] == '\0') return cql_fail(err, CQL_BAD_URL, "The option keyspace is empty");
  return st;
}

static cql_status read_durability(cqli_url *url, cql_slice value, cql_error *err) {
  char word[16];
  cql_status st = decode("option durability", value, word, sizeof word, err);
  if (st != CQL_OK) return st;
  url->durability_full = strcmp(word, "full") == 0;
  if (!url->durability_full && strcmp(word, "normal") != 0)
    return cql_fail(err, CQL_BAD_URL, "The option durability is normal or full, not '%s'", word);
  return CQL_OK;
}

static cql_status read_busy_timeout(cqli_url *url, cql_slice value, cql_error *err) {
  uint32_t ms = 0;
  bool valid = value.len > 0 && value.len <= 9;
  for (size_t i = 0; valid && i < value.len; i++) {
    valid = value.data[i] >= '0' && value.data[i] <= '9';
    ms = ms * 10 + (uint32_t)(value.data[i] - '0');
  }
  if (!valid || ms == 0 || ms > CQL_SESSION_BUSY_TIMEOUT_MAX_MS)
    return cql_fail(err, CQL_BAD_URL,
                    "The option busy_timeout_ms is a number of milliseconds from 1 to %d, not '" CQL_SLICE_FMT "'",
                    CQL_SESSION_BUSY_TIMEOUT_MAX_MS, CQL_SLICE_ARG(value));
  url->busy_timeout_ms = ms;
  return CQL_OK;
}

static const struct option {
  const char *name;
  bool in_memory_too;
  cql_status (*read)(cqli_url *url, cql_slice value, cql_error *err);
} options[] = {
    {"keyspace", true, read_keyspace},
    {"durability", false, read_durability},
    {"busy_timeout_ms", false, read_busy_timeout},
};
enum { OPTION_COUNT = sizeof options / sizeof *options };

static cql_status read_option(cqli_url *url, cql_slice name, cql_slice value, uint32_t *seen, cql_error *err) {
  for (uint32_t i = 0; i < OPTION_COUNT; i++) {
    if (!cql_slice_eq_str(name, options[i].name)) continue;
    if (*seen & 1u << i) return cql_fail(err, CQL_BAD_URL, "The option %s is given twice", options[i].name);
    *seen |= 1u << i;
    if (url->in_memory && !options[i].in_memory_too)
      return cql_fail(err, CQL_BAD_URL, "The option %s has no meaning for a database in memory", options[i].name);
    return options[i].read(url, value, err);
  }
  return cql_fail(err, CQL_BAD_URL,
                  "Unknown option '" CQL_SLICE_FMT "'; a local session knows keyspace, durability and busy_timeout_ms",
                  CQL_SLICE_ARG(name));
}

static cql_status read_options(cqli_url *url, const char *text, cql_error *err) {
  uint32_t seen = 0;
  while (*text != '\0') {
    size_t len = strcspn(text, "&");
    const char *equals = memchr(text, '=', len);
    if (equals == NULL)
      return cql_fail(err, CQL_BAD_URL,
                      "The option '%.*s' has no value; options are written name=value, with & between them", (int)len,
                      text);
    size_t name_len = (size_t)(equals - text);
    cql_status st =
        read_option(url, cql_slice_of(text, name_len), cql_slice_of(equals + 1, len - name_len - 1), &seen, err);
    if (st != CQL_OK) return st;
    text += len;
    if (*text == '&') text++;
  }
  return CQL_OK;
}

static cql_status refuse(const char *text, cql_error *err) {
  if (has_prefix(text, "cassandra:") || has_prefix(text, "scylla:"))
    return cql_fail(
        err, CQL_UNSUPPORTED,
        "Sessions over a Cassandra cluster are not built yet; local:PATH opens a database file on this machine");
  if (has_prefix(text, "astra:"))
    return cql_fail(err, CQL_UNSUPPORTED,
                    "Sessions over Astra DB are not built yet; local:PATH opens a database file on this machine");
  return cql_fail(
      err, CQL_BAD_URL,
      "'%.200s' is not a session URL: write local:PATH for a file, or local::memory: for a database in memory", text);
}

cql_status cqli_url_parse(cqli_url *out, const char *text, cql_error *err) {
  memset(out, 0, sizeof *out);
  out->busy_timeout_ms = CQL_SESSION_BUSY_TIMEOUT_MS;
  if (text == NULL) return cql_fail(err, CQL_BAD_URL, "There is no session URL");
  if (strnlen(text, CQL_SESSION_URL_LEN) == CQL_SESSION_URL_LEN)
    return cql_fail(err, CQL_BAD_URL, "The session URL is longer than %d bytes", CQL_SESSION_URL_LEN - 1);
  if (!has_prefix(text, "local:")) return refuse(text, err);
  text += strlen("local:");
  size_t path_len = strcspn(text, "?");
  cql_slice path = cql_slice_of(text, path_len);
  out->in_memory = cql_slice_eq_str(path, ":memory:");
  if (!out->in_memory) {
    if (has_prefix(text, "//"))
      return cql_fail(err, CQL_BAD_URL,
                      "A local URL has no // before its path: write local:/var/db.cql or local:db.cql");
    cql_status st = decode("path", path, out->path, sizeof out->path, err);
    if (st != CQL_OK) return st;
    if (out->path[0] == '\0') return cql_fail(err, CQL_BAD_URL, "The session URL names no file: write local:PATH");
  }
  return text[path_len] == '?' ? read_options(out, text + path_len + 1, err) : CQL_OK;
}
