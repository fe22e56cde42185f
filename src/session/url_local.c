/* url_local.c: local:PATH[?option=value&…], local::memory:[?keyspace=NAME] */
#include "session/url.h"

#include <string.h>

static cql_status read_durability(cqli_url *url, cql_slice value, cql_error *err) {
  char word[16];
  cql_status st = cqli_url_decode("option durability", value, word, sizeof word, err);
  if (st != CQL_OK) return st;
  url->durability_full = strcmp(word, "full") == 0;
  if (!url->durability_full && strcmp(word, "normal") != 0)
    return cql_fail(err, CQL_BAD_URL, "The option durability is normal or full, not '%s'", word);
  return CQL_OK;
}

static cql_status read_busy_timeout(cqli_url *url, cql_slice value, cql_error *err) {
  return cqli_url_number("busy_timeout_ms", value, 1, CQL_SESSION_TIMEOUT_MAX_MS, &url->busy_timeout_ms, err);
}

static cql_status read_keyspace(cqli_url *url, cql_slice value, cql_error *err) {
  return cqli_url_keyspace(url, "option keyspace", value, err);
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

static cql_status read_option(cqli_url *url, cql_slice name, cql_slice value, uint32_t *index, cql_error *err) {
  for (uint32_t i = 0; i < OPTION_COUNT; i++) {
    if (!cql_slice_eq_str(name, options[i].name)) continue;
    *index = i;
    if (url->in_memory && !options[i].in_memory_too)
      return cql_fail(err, CQL_BAD_URL, "The option %s has no meaning for a database in memory", options[i].name);
    return options[i].read(url, value, err);
  }
  return CQL_DONE;
}

cql_status cqli_url_parse_local(cqli_url *url, const char *text, cql_error *err) {
  url->busy_timeout_ms = CQL_SESSION_BUSY_TIMEOUT_MS;
  size_t path_len = strcspn(text, "?");
  cql_slice path = cql_slice_of(text, path_len);
  url->in_memory = cql_slice_eq_str(path, ":memory:");
  if (!url->in_memory) {
    if (strncmp(text, "//", 2) == 0)
      return cql_fail(err, CQL_BAD_URL,
                      "A local URL has no // before its path: write local:/var/db.cql or local:db.cql");
    cql_status st = cqli_url_decode("path", path, url->path, sizeof url->path, err);
    if (st != CQL_OK) return st;
    if (url->path[0] == '\0') return cql_fail(err, CQL_BAD_URL, "The session URL names no file: write local:PATH");
  }
  if (text[path_len] != '?') return CQL_OK;
  return cqli_url_options(url, text + path_len + 1, read_option,
                          "a local session knows keyspace, durability and busy_timeout_ms", err);
}
