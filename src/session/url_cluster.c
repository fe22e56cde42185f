/* url_cluster.c: cassandra://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…][/KEYSPACE][?option=value&…], scylla:// alike.
 *
 * Whatever a password may have leaked into, because a character of it was not percent-encoded, is not shown in errors:
 * user, password, and what is no port.
 */
#include "session/url.h"

#include <string.h>

#include "session/session_int.h"

static const uint8_t *last_of(cql_slice in, uint8_t byte) {
  for (size_t i = in.len; i > 0; i--)
    if (in.data[i - 1] == byte) return in.data + i - 1;
  return NULL;
}

/* --- who ---------------------------------------------------------------------------------------------------------- */

static cql_status read_credentials(cqli_url *url, cql_slice in, cql_error *err) {
  const uint8_t *colon = in.len > 0 ? memchr(in.data, ':', in.len) : NULL;
  if (colon == NULL)
    return cql_fail(err, CQL_BAD_URL, "The URL has a user and no password: write cassandra://USER:PASSWORD@HOST");
  size_t user_len = (size_t)(colon - in.data);
  if (user_len == 0) return cql_fail(err, CQL_BAD_URL, "The URL has a password and no user before it");
  cql_status st = cqli_url_text(url, "user", cql_slice_of(in.data, user_len), &url->client.user, err);
  if (st != CQL_OK) return st;
  return cqli_url_text(url, "password", cql_slice_of(colon + 1, in.len - user_len - 1), &url->client.password, err);
}

/* --- where -------------------------------------------------------------------------------------------------------- */

static cql_status read_port(cqli_url *url, cql_slice in, const cql_contact *contact, uint16_t *out, cql_error *err) {
  uint32_t port = 0;
  (void)url;
  if (cqli_url_number("port", in, 1, UINT16_MAX, &port, NULL) != CQL_OK)
    return cql_fail(err, CQL_BAD_URL, "What follows the colon behind '%s' is a port, a number from 1 to %d",
                    contact->host, UINT16_MAX);
  *out = (uint16_t)port;
  return CQL_OK;
}

/* Splits HOST[:PORT] or [IPV6][:PORT]. rest: what follows the host. */
static cql_status split_host(cql_slice in, cql_slice *host, cql_slice *rest, cql_error *err) {
  const uint8_t *end = NULL;
  bool bracket = in.len > 0 && in.data[0] == '[';
  if (bracket) {
    end = memchr(in.data, ']', in.len);
    if (end == NULL) return cql_fail(err, CQL_BAD_URL, "A host begins with [ and there is no ] behind it");
    *host = cql_slice_of(in.data + 1, (size_t)(end - in.data) - 1);
    end++;
  } else {
    end = in.len > 0 ? memchr(in.data, ':', in.len) : NULL;
    if (end == NULL) end = in.data + in.len;
    *host = cql_slice_of(in.data, (size_t)(end - in.data));
  }
  *rest = cql_slice_of(end, in.len - (size_t)(end - in.data));
  if (!bracket && rest->len > 1 && memchr(rest->data + 1, ':', rest->len - 1) != NULL)
    return cql_fail(err, CQL_BAD_URL, "A host has two colons; an IPv6 address is written in brackets: [::1]:9042");
  if (host->len == 0) return cql_fail(err, CQL_BAD_URL, "A host is empty: write cassandra://HOST or HOST,HOST");
  if (rest->len > 0 && rest->data[0] != ':')
    return cql_fail(err, CQL_BAD_URL, "Only a colon and a port may follow the ] of an IPv6 address");
  return CQL_OK;
}

static cql_status read_contact(cqli_url *url, cql_slice in, cql_error *err) {
  if (url->client.contact_count == CQL_CLIENT_CONTACTS_MAX)
    return cql_fail(err, CQL_BAD_URL, "The URL names more than %d hosts", CQL_CLIENT_CONTACTS_MAX);
  cql_contact *contact = &url->contacts[url->client.contact_count];
  cql_slice host, rest;
  cql_status st = split_host(in, &host, &rest, err);
  if (st == CQL_OK) st = cqli_url_text(url, "host", host, &contact->host, err);
  if (st != CQL_OK) return st;
  contact->port = CQL_CLIENT_PORT;
  url->client.contact_count++;
  return rest.len == 0 ? CQL_OK
                       : read_port(url, cql_slice_of(rest.data + 1, rest.len - 1), contact, &contact->port, err);
}

static cql_status read_authority(cqli_url *url, cql_slice in, cql_error *err) {
  const uint8_t *at = last_of(in, '@');
  if (at != NULL) {
    size_t len = (size_t)(at - in.data);
    cql_status st = read_credentials(url, cql_slice_of(in.data, len), err);
    if (st != CQL_OK) return st;
    in = cql_slice_of(at + 1, in.len - len - 1);
  }
  url->client.contacts = url->contacts;
  for (;;) {
    const uint8_t *comma = in.len > 0 ? memchr(in.data, ',', in.len) : NULL;
    size_t len = comma != NULL ? (size_t)(comma - in.data) : in.len;
    cql_status st = read_contact(url, cql_slice_of(in.data, len), err);
    if (st != CQL_OK || comma == NULL) return st;
    in = cql_slice_of(comma + 1, in.len - len - 1);
  }
}

/* --- all of it --------------------------------------------------------------------------------------------------- */

cql_status cqli_url_parse_cluster(cqli_url *url, const char *text, cql_error *err) {
  if (strncmp(text, "//", 2) != 0)
    return cql_fail(err, CQL_BAD_URL, "The URL of a cluster has // before its hosts: write cassandra://HOST");
  text += 2;
  size_t len = strcspn(text, "/?");
  const char *path = text + len;
  size_t path_len = strcspn(path, "?");
  if (memchr(path, '@', path_len) != NULL)
    return cql_fail(err, CQL_BAD_URL,
                    "There is an @ behind the first /: in a user or password / is written %%2F, ? %%3F and @ %%40");
  cql_status st = read_authority(url, cql_slice_of(text, len), err);
  if (st == CQL_OK && path_len > 1) st = cqli_url_keyspace(url, "keyspace", cql_slice_of(path + 1, path_len - 1), err);
  return st == CQL_OK ? cqli_url_client_options(url, path + path_len, err) : st;
}
