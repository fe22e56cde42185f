/* metadata.c: what Astra's metadata service says. See bundle.h. */
#include "client/bundle.h"

#include <string.h>

#include "client/json_int.h"

enum { PORT_DEFAULT = 9042, UUID_TEXT_LEN = 36 };

static const cqli_json_source ANSWER = {.name = "The metadata service's answer", .bad = CQL_CONNECTION};

static cql_status no_memory(cql_error *err) {
  return cql_fail(err, CQL_NOMEM, "%s cannot be read: out of memory", ANSWER.name);
}

/* What the service says becomes part of an error's one line. */
static void put_in_one_line(char *text) {
  for (; *text != '\0'; text++)
    if ((uint8_t)*text < ' ' || *text == 0x7F) *text = ' ';
}

/* --- the proxy ---------------------------------------------------------------------------------------------------- */

static bool port_of(cql_slice text, uint16_t *out) {
  uint32_t port = 0;
  if (text.len == 0 || text.len > 5) return false;
  for (size_t i = 0; i < text.len; i++) {
    if (text.data[i] < '0' || text.data[i] > '9') return false;
    port = port * 10 + (uint32_t)(text.data[i] - '0');
  }
  *out = (uint16_t)port;
  return port >= 1 && port <= UINT16_MAX;
}

/* "host", "host:port", "[address]", "[address]:port", and an IPv6 address as it is, which has more than one colon. */
static bool split(const char *text, cql_slice *host, uint16_t *port) {
  const char *end = text + strlen(text), *host_end = end, *colon = strchr(text, ':');
  *port = PORT_DEFAULT;
  if (*text == '[') {
    host_end = strchr(++text, ']');
    if (host_end == NULL) return false;
    colon = host_end + 1 == end ? NULL : host_end + 1;
    if (colon != NULL && *colon != ':') return false;
  } else if (colon != NULL && strchr(colon + 1, ':') == NULL) {
    host_end = colon;
  } else {
    colon = NULL;
  }
  *host = cql_slice_of(text, (size_t)(host_end - text));
  return cqli_host_valid(*host) && (colon == NULL || port_of(cql_slice_of(colon + 1, (size_t)(end - colon - 1)), port));
}

static cql_status read_proxy(cqli_metadata *out, const json_t *info, cql_arena *arena, cql_error *err) {
  const char *type, *address;
  cql_slice host;
  cql_status st;
  CQL_TRY(cqli_json_text(info, "type", &type, &ANSWER, err));
  CQL_TRY(cqli_json_text(info, "sni_proxy_address", &address, &ANSWER, err));
  if (type == NULL)
    return cql_fail(err, CQL_CONNECTION, "%s does not say by what the nodes are reached (\"type\")", ANSWER.name);
  if (strcmp(type, "sni_proxy") != 0)
    return cql_fail(err, CQL_CONNECTION,
                    "The metadata service offers the nodes by \"%s\", and only \"sni_proxy\" is understood", type);
  if (address == NULL) return cql_fail(err, CQL_CONNECTION, "%s has no \"sni_proxy_address\"", ANSWER.name);
  if (!split(address, &host, &out->proxy_port))
    return cql_fail(err, CQL_CONNECTION, "%s has an \"sni_proxy_address\" that is no host and port: \"%s\"",
                    ANSWER.name, address);
  out->proxy_host = cql_arena_str(arena, host);
  if (out->proxy_host == NULL) return no_memory(err);
done:
  return st;
}

/* --- the nodes ---------------------------------------------------------------------------------------------------- */

static bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* In lower case. */
static bool host_id_of(const json_t *value, char out[UUID_TEXT_LEN + 1]) {
  if (!json_is_string(value) || json_string_length(value) != UUID_TEXT_LEN) return false;
  const char *text = json_string_value(value);
  for (size_t i = 0; i < UUID_TEXT_LEN; i++) {
    bool is_hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    out[i] = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] | 0x20) : text[i];
    if (is_hyphen ? out[i] != '-' : !is_hex(out[i])) return false;
  }
  out[UUID_TEXT_LEN] = '\0';
  return true;
}

static bool is_known(const char *const *ids, uint32_t count, const char *id) {
  for (uint32_t i = 0; i < count; i++)
    if (memcmp(ids[i], id, UUID_TEXT_LEN) == 0) return true;
  return false;
}

static cql_status read_nodes(cqli_metadata *out, const json_t *info, cql_arena *arena, cql_error *err) {
  const json_t *points = json_object_get(info, "contact_points");
  size_t count = json_array_size(points); /* 0: no list, too */
  if (count == 0) return cql_fail(err, CQL_CONNECTION, "%s names no node (\"contact_points\")", ANSWER.name);
  if (count > CQLI_METADATA_NODES_MAX)
    return cql_fail(err, CQL_CONNECTION, "%s names more than %d nodes", ANSWER.name, CQLI_METADATA_NODES_MAX);
  const char **ids = cql_arena_array(arena, count, sizeof *ids);
  if (ids == NULL) return no_memory(err);
  for (size_t i = 0; i < count; i++) {
    char id[UUID_TEXT_LEN + 1];
    if (!host_id_of(json_array_get(points, i), id))
      return cql_fail(err, CQL_CONNECTION,
                      "%s names a node by something else than the UUID of its host id (\"contact_points\")",
                      ANSWER.name);
    if (is_known(ids, out->node_count, id)) continue;
    if ((ids[out->node_count] = cql_arena_copy(arena, id, sizeof id)) == NULL) return no_memory(err);
    out->node_count++;
  }
  out->host_ids = ids;
  return CQL_OK;
}

static cql_status read_answer(cqli_metadata *out, const json_t *answer, cql_arena *arena, cql_error *err) {
  const json_t *info = json_object_get(answer, "contact_info");
  const char *dc;
  cql_status st;
  if (!json_is_object(info)) return cql_fail(err, CQL_CONNECTION, "%s has no \"contact_info\"", ANSWER.name);
  CQL_TRY(read_proxy(out, info, arena, err));
  CQL_TRY(read_nodes(out, info, arena, err));
  CQL_TRY(cqli_json_text(info, "local_dc", &dc, &ANSWER, err));
  if (dc != NULL && (out->local_dc = cql_arena_str(arena, cql_slice_str(dc))) == NULL) return no_memory(err);
done:
  return st;
}

cql_status cqli_metadata_read(cqli_metadata *out, cql_slice json, cql_arena *arena, cql_error *err) {
  json_t *answer;
  *out = (cqli_metadata){.node_count = 0};
  if (json.len > CQLI_METADATA_LEN)
    return cql_fail(err, CQL_CONNECTION, "%s is longer than %d bytes", ANSWER.name, CQLI_METADATA_LEN);
  cql_status st = cqli_json_read(&answer, json, &ANSWER, arena, err);
  if (st != CQL_OK) return st;
  st = read_answer(out, answer, arena, err);
  if (st != CQL_OK && err != NULL) put_in_one_line(err->message);
  json_decref(answer);
  return st;
}

/* --- an error's words --------------------------------------------------------------------------------------------- */

void cqli_metadata_message(cql_slice json, char *out, size_t cap) {
  json_t *body = NULL;
  const char *text = NULL;
  cql_arena arena;
  cql_arena_init(&arena, &cql_alloc_libc, 4 * (size_t)CQLI_METADATA_LEN);
  if (json.len <= CQLI_METADATA_LEN && cqli_json_read(&body, json, &ANSWER, &arena, NULL) == CQL_OK)
    (void)cqli_json_text(body, "message", &text, &ANSWER, NULL);
  size_t len = text == NULL ? 0 : strnlen(text, cap - 1);
  while (len > 0 && ((uint8_t)text[len] & 0xC0) == 0x80) len--; /* no part of a character */
  if (len > 0) memcpy(out, text, len);
  out[len] = '\0';
  put_in_one_line(out);
  json_decref(body);
  cql_arena_free(&arena);
}
