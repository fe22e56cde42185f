/* bundle.c: what a secure connect bundle says. See bundle.h. */
#include "client/bundle.h"

#include <openssl/crypto.h>

#include "client/json_int.h"
#include "client/zip_int.h"

static const cqli_json_source CONFIG = {.name = "config.json of the secure connect bundle", .bad = CQL_BAD_URL};

static cql_status no_memory(cql_error *err) {
  return cql_fail(err, CQL_NOMEM, "The secure connect bundle cannot be read: out of memory");
}

static cql_status read_place(cqli_bundle *out, const json_t *config, cql_arena *arena, cql_error *err) {
  const char *host, *keyspace;
  cql_status st;
  CQL_TRY(cqli_json_text(config, "host", &host, &CONFIG, err));
  CQL_TRY(cqli_json_port(config, "port", &out->port, &CONFIG, err));
  CQL_TRY(cqli_json_text(config, "keyspace", &keyspace, &CONFIG, err));
  if (host == NULL) return cql_fail(err, CQL_BAD_URL, "%s has no \"host\"", CONFIG.name);
  if (!cqli_host_valid(cql_slice_str(host)))
    return cql_fail(err, CQL_BAD_URL, "%s has a \"host\" that is no host name", CONFIG.name);
  out->host = cql_arena_str(arena, cql_slice_str(host));
  if (out->host == NULL) return no_memory(err);
  if (keyspace == NULL) return CQL_OK;
  out->keyspace = cql_arena_str(arena, cql_slice_str(keyspace));
  if (out->keyspace == NULL) return no_memory(err);
done:
  return st;
}

static cql_status read_config(cqli_bundle *out, cqli_zip *zip, cql_arena *arena, cql_error *err) {
  cql_slice text;
  json_t *config = NULL;
  cql_status st;
  CQL_TRY(cqli_zip_read(zip, "config.json", arena, &text, err));
  CQL_TRY(cqli_json_read(&config, text, &CONFIG, arena, err));
  CQL_TRY(read_place(out, config, arena, err));
done:
  json_decref(config);
  return st;
}

cql_status cqli_bundle_read(cqli_bundle *out, cql_slice bytes, cql_arena *arena, cql_error *err) {
  cqli_zip zip;
  *out = (cqli_bundle){.host = NULL};
  cql_status st = cqli_zip_open(&zip, bytes, "config.json", arena->alloc, err);
  if (st != CQL_OK) return st;
  CQL_TRY(read_config(out, &zip, arena, err));
  CQL_TRY(cqli_zip_read(&zip, "ca.crt", arena, &out->ca_pem, err));
  CQL_TRY(cqli_zip_read(&zip, "cert", arena, &out->cert_pem, err));
  CQL_TRY(cqli_zip_read(&zip, "key", arena, &out->key_pem, err)); /* last: nothing can go wrong behind it */
done:
  cqli_zip_close(&zip);
  return st;
}

void cqli_bundle_wipe(cqli_bundle *b) {
  if (b->key_pem.data != NULL) OPENSSL_cleanse((void *)(uintptr_t)b->key_pem.data, b->key_pem.len);
  b->key_pem = cql_slice_of(NULL, 0);
}
