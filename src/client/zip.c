/* zip.c: see zip_int.h. */
#include "client/zip_int.h"

#include <string.h>

#include <openssl/crypto.h>
#include <zip.h>

/* The next step for whoever reads the error. */
#define AGAIN "; download it again (a download link of Astra's holds for a few minutes)"

/* --- opening ------------------------------------------------------------------------------------------------------ */

static cql_status cannot_open(cql_error *err, cql_slice bytes, zip_error_t *why) {
  static const uint8_t ENTRY[4] = {'P', 'K', 3, 4};
  int code = zip_error_code_zip(why);
  if (code == ZIP_ER_MEMORY) return cql_fail(err, CQL_NOMEM, "The secure connect bundle cannot be read: out of memory");
  if (bytes.len >= sizeof ENTRY && memcmp(bytes.data, ENTRY, sizeof ENTRY) == 0)
    return cql_fail(err, CQL_BAD_URL, "The secure connect bundle is cut short or damaged%s", AGAIN);
  if (code == ZIP_ER_NOZIP) return cql_fail(err, CQL_BAD_URL, "The secure connect bundle is no zip file%s", AGAIN);
  return cql_fail(err, CQL_BAD_URL, "The secure connect bundle is damaged%s", AGAIN);
}

static cql_status open_archive(cqli_zip *z, cql_slice bytes, cql_error *err) {
  zip_error_t why;
  zip_error_init(&why);
  zip_source_t *source = zip_source_buffer_create(bytes.data, bytes.len, 0, &why);
  z->archive = source == NULL ? NULL : zip_open_from_source(source, ZIP_RDONLY, &why); /* takes source when it opens */
  cql_status st = z->archive == NULL ? cannot_open(err, bytes, &why) : CQL_OK;
  if (z->archive == NULL) zip_source_free(source);
  zip_error_fini(&why);
  return st;
}

/* --- the folder --------------------------------------------------------------------------------------------------- */

static const char *path_of(const cqli_zip *z, uint32_t nth) {
  const char *path = zip_get_name(z->archive, nth, ZIP_FL_ENC_RAW | ZIP_FL_UNCHANGED);
  return path == NULL ? "" : path;
}

static cql_status find_folder(cqli_zip *z, const char *marker, cql_error *err) {
  for (uint32_t i = 0; i < z->count; i++) {
    const char *path = path_of(z, i), *slash = strrchr(path, '/');
    if (strcmp(slash == NULL ? path : slash + 1, marker) != 0) continue;
    if (z->path != NULL)
      return cql_fail(err, CQL_BAD_URL, "The secure connect bundle has more than one %s: it was not made by Astra",
                      marker);
    z->path = path;
    z->folder = slash == NULL ? 0 : (uint32_t)(slash + 1 - path);
  }
  if (z->path == NULL)
    return cql_fail(err, CQL_BAD_URL, "The zip file is no secure connect bundle: there is no %s in it", marker);
  return CQL_OK;
}

cql_status cqli_zip_open(cqli_zip *z, cql_slice bytes, const char *marker, const cql_alloc *alloc, cql_error *err) {
  cql_status st;
  *z = (cqli_zip){.alloc = alloc};
  if (bytes.len == 0) return cql_fail(err, CQL_BAD_URL, "The secure connect bundle is empty%s", AGAIN);
  if (bytes.len > CQLI_BUNDLE_LEN)
    return cql_fail(err, CQL_BAD_URL, "The secure connect bundle is larger than %d bytes: it was not made by Astra",
                    CQLI_BUNDLE_LEN);
  CQL_TRY(open_archive(z, bytes, err));
  zip_int64_t count = zip_get_num_entries(z->archive, ZIP_FL_UNCHANGED);
  if (count < 0 || count > CQLI_ZIP_ENTRIES_MAX) {
    st = cql_fail(err, CQL_BAD_URL, "The secure connect bundle has more than %d entries: it was not made by Astra",
                  CQLI_ZIP_ENTRIES_MAX);
    goto done;
  }
  z->count = (uint32_t)count;
  CQL_TRY(find_folder(z, marker, err));
  z->scratch = cql_alloc_new(alloc, CQLI_BUNDLE_ENTRY_LEN + 1);
  if (z->scratch == NULL) st = cql_fail(err, CQL_NOMEM, "The secure connect bundle cannot be read: out of memory");
done:
  if (st != CQL_OK) cqli_zip_close(z);
  return st;
}

void cqli_zip_close(cqli_zip *z) {
  if (z->scratch != NULL) {
    OPENSSL_cleanse(z->scratch, CQLI_BUNDLE_ENTRY_LEN + 1);
    cql_alloc_free(z->alloc, z->scratch, CQLI_BUNDLE_ENTRY_LEN + 1);
  }
  if (z->archive != NULL) zip_discard(z->archive);
  *z = (cqli_zip){.alloc = z->alloc};
}

/* --- one entry ---------------------------------------------------------------------------------------------------- */

static bool is_at(const cqli_zip *z, const char *path, const char *name) {
  return strncmp(path, z->path, z->folder) == 0 && strcmp(path + z->folder, name) == 0;
}

static cql_status find(const cqli_zip *z, const char *name, uint32_t *nth, cql_error *err) {
  bool found = false;
  for (uint32_t i = 0; i < z->count; i++) {
    if (!is_at(z, path_of(z, i), name)) continue;
    if (found) return cql_fail(err, CQL_BAD_URL, "The secure connect bundle has %s twice", name);
    found = true;
    *nth = i;
  }
  if (!found) return cql_fail(err, CQL_BAD_URL, "The secure connect bundle has no %s%s", name, AGAIN);
  return CQL_OK;
}

static cql_status check_method(const cqli_zip *z, const char *name, uint32_t nth, cql_error *err) {
  zip_stat_t s;
  if (zip_stat_index(z->archive, nth, ZIP_FL_UNCHANGED, &s) != 0)
    return cql_fail(err, CQL_BAD_URL, "%s cannot be read from the secure connect bundle%s", name, AGAIN);
  if ((s.valid & ZIP_STAT_ENCRYPTION_METHOD) == 0 || s.encryption_method != ZIP_EM_NONE)
    return cql_fail(err, CQL_BAD_URL, "%s is encrypted in the secure connect bundle: use the one that Astra gives out",
                    name);
  if ((s.valid & ZIP_STAT_COMP_METHOD) == 0 || (s.comp_method != ZIP_CM_STORE && s.comp_method != ZIP_CM_DEFLATE))
    return cql_fail(
        err, CQL_BAD_URL,
        "%s is compressed in a way that is not read (stored and deflate are): use the secure connect bundle "
        "that Astra gives out",
        name);
  return CQL_OK;
}

static cql_status cannot_read(cql_error *err, const char *name, zip_error_t *why) {
  if (zip_error_code_zip(why) == ZIP_ER_MEMORY)
    return cql_fail(err, CQL_NOMEM, "The secure connect bundle cannot be read: out of memory");
  return cql_fail(err, CQL_BAD_URL, "%s is damaged in the secure connect bundle%s", name, AGAIN);
}

/* Into the scratch memory. One byte more than is allowed has room there, so that too much is noticed; the last call,
 * which gives nothing, is the one that compares the checksum. */
static cql_status inflate(cqli_zip *z, const char *name, zip_file_t *file, size_t *len, cql_error *err) {
  *len = 0;
  for (;;) {
    zip_int64_t n = zip_fread(file, z->scratch + *len, CQLI_BUNDLE_ENTRY_LEN + 1 - *len);
    if (n < 0) return cannot_read(err, name, zip_file_get_error(file));
    if (n == 0) return CQL_OK;
    *len += (size_t)n;
    if (*len > CQLI_BUNDLE_ENTRY_LEN)
      return cql_fail(err, CQL_BAD_URL, "%s is larger than %d bytes in the secure connect bundle", name,
                      CQLI_BUNDLE_ENTRY_LEN);
  }
}

cql_status cqli_zip_read(cqli_zip *z, const char *name, cql_arena *arena, cql_slice *out, cql_error *err) {
  uint32_t nth = 0;
  size_t len = 0;
  cql_status st = find(z, name, &nth, err);
  if (st == CQL_OK) st = check_method(z, name, nth, err);
  if (st != CQL_OK) return st;
  zip_file_t *file = zip_fopen_index(z->archive, nth, ZIP_FL_UNCHANGED);
  if (file == NULL) return cannot_read(err, name, zip_get_error(z->archive));
  st = inflate(z, name, file, &len, err);
  zip_fclose(file);
  if (st != CQL_OK) return st;
  /* Nor is there a checksum then: libzip believes a length of 0. */
  if (len == 0) return cql_fail(err, CQL_BAD_URL, "%s is empty in the secure connect bundle%s", name, AGAIN);
  char *copy = cql_arena_str(arena, cql_slice_of(z->scratch, len));
  if (copy == NULL) return cql_fail(err, CQL_NOMEM, "The secure connect bundle cannot be read: out of memory");
  *out = cql_slice_of(copy, len);
  return CQL_OK;
}
