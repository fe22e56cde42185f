/* url_astra.c: astra:PATH[?option=value&…], PATH of a secure connect bundle. */
#include <string.h>

#include "session/url.h"

cql_status cqli_url_parse_astra(cqli_url *url, const char *text, cql_error *err) {
  url->is_astra = true;
  size_t len = strcspn(text, "?");
  if (strncmp(text, "//", 2) == 0)
    return cql_fail(err, CQL_BAD_URL,
                    "A URL of Astra DB has no // and no hosts; it names a secure connect bundle: write astra:PATH");
  cql_status st = cqli_url_decode("path", cql_slice_of(text, len), url->path, sizeof url->path, err);
  if (st != CQL_OK) return st;
  if (url->path[0] == '\0')
    return cql_fail(err, CQL_BAD_URL, "The session URL names no secure connect bundle: write astra:PATH");
  url->client.bundle_path = url->path;
  return cqli_url_client_options(url, text + len, err);
}
