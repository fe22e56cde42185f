/* store_file.c: is there a database of ours at this path? Answered from the first hundred bytes, before anything is
 * opened for writing: an SQLite connection would replay a foreign file's journal.
 *
 *   OFFSET  SIZE  FIELD (SQLite file format, section 1.3), big-endian
 *   0       16    "SQLite format 3\0"
 *   16      2     page size; 1 means 65536
 *   24      4     change counter
 *   28      4     pages in the file; to be trusted when the next but one equals the change counter
 *   60      4     user_version: our format
 *   68      4     application_id
 *   92      4     version-valid-for
 *
 * The bytes are read through SQLite's own file layer. Closing a descriptor drops every POSIX lock that the process has
 * on the file, and only SQLite knows whether one of its connections stands there.
 */
#include "engine/store/store_int.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  HEADER_LEN = 100,
  MAGIC_LEN = 16,
  PAGE_SIZE_AT = 16,
  CHANGE_COUNTER_AT = 24,
  PAGE_COUNT_AT = 28,
  USER_VERSION_AT = 60,
  APPLICATION_ID_AT = 68,
  VALID_FOR_AT = 92,
};

static const char MAGIC[MAGIC_LEN] = "SQLite format 3";

static const char ADVICE[] = "it was left as it is; give another path, or move it away";

/* Reads up to HEADER_LEN bytes; the rest of header is zero. */
static int read_header(const char *path, uint8_t header[HEADER_LEN], int *system_error) {
  sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
  const char *name = sqlite3_create_filename(path, "", "", 0, NULL);
  sqlite3_file *file = vfs == NULL ? NULL : sqlite3_malloc(vfs->szOsFile);
  int rc = SQLITE_NOMEM;
  *system_error = 0;
  memset(header, 0, HEADER_LEN);
  if (name != NULL && file != NULL) {
    memset(file, 0, (size_t)vfs->szOsFile);
    rc = vfs->xOpen(vfs, name, file, SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_READONLY, NULL);
    if (rc != SQLITE_OK && vfs->xGetLastError != NULL) *system_error = vfs->xGetLastError(vfs, 0, NULL);
    if (rc == SQLITE_OK) rc = file->pMethods->xRead(file, header, HEADER_LEN, 0);
    if (rc == SQLITE_IOERR_SHORT_READ) rc = SQLITE_OK;
    if (file->pMethods != NULL) file->pMethods->xClose(file);
  }
  sqlite3_free(file);
  sqlite3_free_filename(name);
  return rc;
}

static bool has_companion(const char *path, const char *suffix) {
  char name[PATH_MAX];
  struct stat st;
  size_t len = strlen(path), more = strlen(suffix);
  if (len + more >= sizeof name) return false;
  memcpy(name, path, len);
  memcpy(name + len, suffix, more + 1);
  return stat(name, &st) == 0 && st.st_size > 0;
}

/* Without a log beside it, the file must be as long as it says. */
static bool is_truncated(const char *path, const uint8_t *header, off_t size) {
  if (size < HEADER_LEN) return true;
  if (cql_load_u32(header + CHANGE_COUNTER_AT) != cql_load_u32(header + VALID_FOR_AT)) return false;
  uint64_t page = cql_load_u16(header + PAGE_SIZE_AT);
  if (page == 1) page = 65536;
  if ((uint64_t)size >= page * cql_load_u32(header + PAGE_COUNT_AT)) return false;
  return !has_companion(path, "-wal") && !has_companion(path, "-journal");
}

static cql_status check_header(const char *path, const uint8_t *header, off_t size, cql_error *err) {
  if (memcmp(header, MAGIC, MAGIC_LEN) != 0)
    return cql_fail(err, CQL_NOT_A_DATABASE, "%s is not a libcql database; %s", path, ADVICE);
  if (size >= HEADER_LEN && cql_load_u32(header + APPLICATION_ID_AT) != CQLE_APPLICATION_ID)
    return cql_fail(err, CQL_NOT_A_DATABASE,
                    "%s is an SQLite database of another application, not a libcql database; %s", path, ADVICE);
  uint32_t version = cql_load_u32(header + USER_VERSION_AT);
  if (size >= HEADER_LEN && version != CQLE_FORMAT_VERSION)
    return cql_fail(err, CQL_VERSION,
                    "%s has file format %u, and this libcql reads format %d: open it with the libcql that wrote it, or "
                    "with a newer one; it was left as it is",
                    path, version, CQLE_FORMAT_VERSION);
  if (is_truncated(path, header, size))
    return cql_fail(err, CQL_CORRUPT, "%s is shorter than it says: it was cut off; restore it from a backup", path);
  return CQL_OK;
}

cql_status cqle_file_inspect(const char *path, bool *absent, cql_error *err) {
  struct stat st;
  *absent = false;
  if (stat(path, &st) != 0) {
    if (errno != ENOENT) return cql_fail(err, CQL_IO, "cannot look at %s: %s", path, strerror(errno));
    *absent = true;
    return CQL_OK;
  }
  if (S_ISDIR(st.st_mode)) return cql_fail(err, CQL_IO, "%s is a directory; give the path of a file", path);
  if (!S_ISREG(st.st_mode)) return cql_fail(err, CQL_IO, "%s is not a regular file; give the path of one", path);
  if (st.st_size == 0) {
    *absent = true;
    return CQL_OK;
  }
  uint8_t header[HEADER_LEN];
  int system_error;
  int rc = read_header(path, header, &system_error);
  if (rc == SQLITE_NOMEM) return cql_fail(err, CQL_NOMEM, "out of memory while looking at %s", path);
  if (rc != SQLITE_OK)
    return cql_fail(err, CQL_IO, "cannot read %s: %s", path,
                    system_error != 0 ? strerror(system_error) : sqlite3_errstr(rc));
  return check_header(path, header, st.st_size, err);
}

/* Connections are opened at any time, so a later chdir() must not lead them elsewhere. */
cql_status cqle_file_absolute(const cql_alloc *alloc, const char *path, char **out, size_t *size, cql_error *err) {
  char cwd[PATH_MAX] = "";
  if (path[0] == '\0') return cql_fail(err, CQL_IO, "the path of the database is empty");
  if (path[0] != '/' && getcwd(cwd, sizeof cwd) == NULL)
    return cql_fail(err, CQL_IO, "cannot tell the working directory: %s", strerror(errno));
  size_t cwd_len = strlen(cwd), len = strlen(path);
  *size = cwd_len + (cwd_len > 0 ? 1 : 0) + len + 1;
  if (*size > PATH_MAX) return cql_fail(err, CQL_IO, "the path of the database is too long");
  char *text = cql_alloc_new(alloc, *size);
  if (text == NULL) return cqle_nomem(err);
  memcpy(text, cwd, cwd_len);
  if (cwd_len > 0) text[cwd_len++] = '/';
  memcpy(text + cwd_len, path, len + 1);
  *out = text;
  return CQL_OK;
}
