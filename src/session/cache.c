#include "session/session_int.h"

#include <string.h>

/* FNV-1a: short keys, no adversary (the texts are the program's own). */
static uint32_t hash_bytes(uint32_t hash, const void *data, size_t len) {
  const uint8_t *p = data;
  for (size_t i = 0; i < len; i++) hash = (hash ^ p[i]) * 16777619u;
  return hash;
}

static uint32_t hash_key(const char *keyspace, cql_slice text) {
  uint32_t hash = hash_bytes(2166136261u, keyspace, strlen(keyspace) + 1);
  return hash_bytes(hash, text.data, text.len);
}

static void unlink_use(cqli_cache *c, cql_prepared *p) {
  if (p->newer != NULL)
    p->newer->older = p->older;
  else
    c->newest = p->older;
  if (p->older != NULL)
    p->older->newer = p->newer;
  else
    c->oldest = p->newer;
}

static void link_newest(cqli_cache *c, cql_prepared *p) {
  p->newer = NULL;
  p->older = c->newest;
  if (c->newest != NULL)
    c->newest->newer = p;
  else
    c->oldest = p;
  c->newest = p;
}

cql_prepared *cqli_cache_find(cqli_cache *c, const char *keyspace, cql_slice text) {
  uint32_t hash = hash_key(keyspace, text);
  cql_prepared *p = c->buckets[hash % CQLI_CACHE_BUCKET_COUNT];
  for (; p != NULL; p = p->chain) {
    if (p->hash != hash || strcmp(p->keyspace, keyspace) != 0) continue;
    if (cql_slice_eq(cql_slice_of(p->text, p->text_len), text)) break;
  }
  if (p != NULL && p != c->newest) {
    unlink_use(c, p);
    link_newest(c, p);
  }
  return p;
}

void cqli_cache_put(cqli_cache *c, cql_prepared *p) {
  p->hash = hash_key(p->keyspace, cql_slice_of(p->text, p->text_len));
  cql_prepared **bucket = &c->buckets[p->hash % CQLI_CACHE_BUCKET_COUNT];
  p->chain = *bucket;
  *bucket = p;
  link_newest(c, p);
  p->cached = true;
  c->count++;
}

void cqli_cache_remove(cqli_cache *c, cql_prepared *p) {
  cql_prepared **at = &c->buckets[p->hash % CQLI_CACHE_BUCKET_COUNT];
  while (*at != p) at = &(*at)->chain;
  *at = p->chain;
  unlink_use(c, p);
  p->cached = false;
  c->count--;
}
