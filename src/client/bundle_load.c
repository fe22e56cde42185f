/* bundle_load.c: the secure connect bundle of a configuration: from its file, in memory, into the settings. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "client/client_int.h"

static cql_status cannot_read(const char *path, const char *why, cql_error *err) {
  return cql_fail(err, CQL_BAD_URL, "The secure connect bundle %s cannot be read: %s", path, why);
}

/* What a bundle cannot be is not read. */
static cql_status measure(int fd, const char *path, size_t *len, cql_error *err) {
  struct stat s;
  if (fstat(fd, &s) != 0) return cannot_read(path, strerror(errno), err);
  if (S_ISDIR(s.st_mode)) return cannot_read(path, "it is a folder", err);
  if (!S_ISREG(s.st_mode)) return cannot_read(path, "it is no file", err);
  if (s.st_size > CQLI_BUNDLE_LEN)
    return cql_fail(err, CQL_BAD_URL, "The file %s is no secure connect bundle: it has more than %d bytes", path,
                    CQLI_BUNDLE_LEN);
  *len = (size_t)s.st_size;
  return CQL_OK;
}

/* *len: at most that much, and what was read. */
static cql_status read_all(int fd, const char *path, uint8_t *out, size_t *len, cql_error *err) {
  size_t n = 0;
  while (n < *len) {
    ssize_t got = read(fd, out + n, *len - n);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_read(path, strerror(errno), err);
    if (got == 0) break;
    n += (size_t)got;
  }
  *len = n;
  return CQL_OK;
}

static cql_status read_zip(cqli_bundle *out, cql_slice zip, const char *path, cql_arena *arena, cql_error *err) {
  cql_error own = {.message = ""};
  cql_status st = cqli_bundle_read(out, zip, arena, &own);
  if (st == CQL_OK || path == NULL) return st == CQL_OK ? st : cql_fail(err, st, "%s", own.message);
  return cql_fail(err, st, "%s: %s", path, own.message);
}

static cql_status read_open(cqli_bundle *out, int fd, const char *path, cql_arena *arena, cql_error *err) {
  size_t len, room;
  cql_status st = measure(fd, path, &len, err);
  if (st != CQL_OK) return st;
  room = len > 0 ? len : 1;
  uint8_t *bytes = cql_alloc_new(arena->alloc, room);
  if (bytes == NULL) return cql_fail(err, CQL_NOMEM, "Out of memory");
  st = read_all(fd, path, bytes, &len, err);
  if (st == CQL_OK) st = read_zip(out, cql_slice_of(bytes, len), path, arena, err);
  OPENSSL_cleanse(bytes, room); /* the key may be stored as it is */
  cql_alloc_free(arena->alloc, bytes, room);
  return st;
}

/* O_NONBLOCK: a pipe would wait for somebody who writes into it. */
static cql_status read_file(cqli_bundle *out, const char *path, cql_arena *arena, cql_error *err) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return cannot_read(path, strerror(errno), err);
  cql_status st = read_open(out, fd, path, arena, err);
  close(fd);
  return st;
}

cql_status cqli_bundle_load(cqli_bundle *out, const cql_client_config *c, cql_arena *arena, cql_error *err) {
  if (c->bundle.data == NULL) return read_file(out, c->bundle_path, arena, err);
  if (c->bundle.len > CQLI_BUNDLE_LEN)
    return cql_fail(err, CQL_BAD_URL, "These bytes are no secure connect bundle: they are more than %d",
                    CQLI_BUNDLE_LEN);
  return read_zip(out, c->bundle, NULL, arena, err);
}
