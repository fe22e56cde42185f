/* fuzz_file.c: a database file whose bytes are damaged, opened and read.
 *
 * INPUT  changes of three bytes each, place (u16, times 8, from the start of the file or a page) and byte; two bytes at
 *        the end: cut the file there (times 64), 0: not
 *
 * It is opened or refused in words; what is read is an answer or an error in words.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/engine.h"
#include "fuzz.h"

enum { INPUT_LEN_MAX = 64, FILE_LEN_MAX = 1 << 20, CUT_UNIT = 64 };

static const char *const MAKE[] = {
    "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "CREATE TABLE ks.t (k int, c int, v text, PRIMARY KEY (k, c))",
    "CREATE INDEX ON ks.t (v)",
    "INSERT INTO ks.t (k, c, v) VALUES (1, 1, 'x')",
    "INSERT INTO ks.t (k, c, v) VALUES (1, 2, 'y')",
};
static const char *const USE[] = {"SELECT * FROM ks.t", "SELECT * FROM ks.t WHERE v = 'x'",
                                  "INSERT INTO ks.t (k, c, v) VALUES (2, 1, 'z')", "DESCRIBE KEYSPACE ks"};

static char path[64], wal[80], shm[80];
static uint8_t whole[FILE_LEN_MAX];
static size_t whole_len;

static cql_status run(cql_engine *e, const char *text, cql_error *err) {
  cql_plan *plan;
  cql_result *r = NULL;
  cql_request q = CQL_REQUEST_INIT;
  cql_status st = cql_engine_prepare(e, NULL, cql_slice_str(text), &plan, err);
  if (st != CQL_OK) return st;
  st = cql_engine_execute(e, plan, &q, &r, err);
  cql_plan_release(plan);
  cql_result_free(r);
  return st;
}

static void remove_files(void) {
  unlink(path);
  unlink(wal);
  unlink(shm);
}

static cql_status open_file(cql_engine **e, cql_error *err) {
  cql_engine_config config = {.path = path, .busy_timeout_ms = 100};
  return cql_engine_open(e, &config, err);
}

/* A directory in memory where there is one: nothing of this must last. */
static void make_whole(void) {
  cql_engine *e;
  cql_error err = {.status = CQL_OK};
  struct stat st;
  const char *dir = stat("/dev/shm", &st) == 0 ? "/dev/shm" : "/tmp";
  snprintf(path, sizeof path, "%s/fuzz-%d.cql", dir, (int)getpid());
  snprintf(wal, sizeof wal, "%s-wal", path);
  snprintf(shm, sizeof shm, "%s-shm", path);
  remove_files();
  FUZZ_REQUIRE(open_file(&e, &err) == CQL_OK, "%s", err.message);
  for (size_t i = 0; i < sizeof MAKE / sizeof *MAKE; i++)
    FUZZ_REQUIRE(run(e, MAKE[i], &err) == CQL_OK, "%s", err.message);
  cql_engine_close(e);
  FILE *f = fopen(path, "rb");
  FUZZ_REQUIRE(f != NULL, "%s", path);
  whole_len = fread(whole, 1, sizeof whole, f);
  fclose(f);
  FUZZ_REQUIRE(whole_len > 4096 && whole_len < sizeof whole, "%zu bytes", whole_len);
  atexit(remove_files);
}

static void write_damaged(const uint8_t *data, size_t size) {
  static uint8_t bytes[FILE_LEN_MAX];
  size_t cut = (size_t)cql_load_u16(data + size - 2) * CUT_UNIT;
  memcpy(bytes, whole, whole_len);
  for (size_t i = 0; i + 3 <= size - 2; i += 3) {
    size_t at = cql_load_u16(data + i);
    bytes[(at < 256 ? at : at * 8 + data[i + 2] % 8) % whole_len] = data[i + 2];
  }
  remove_files();
  FILE *f = fopen(path, "wb");
  FUZZ_REQUIRE(f != NULL, "%s", path);
  fwrite(bytes, 1, cut > 0 && cut < whole_len ? cut : whole_len, f);
  fclose(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  cql_engine *e = NULL;
  cql_error err = {.status = CQL_OK};
  if (size < 2 || size > INPUT_LEN_MAX) return 0;
  if (whole_len == 0) make_whole();
  write_damaged(data, size);
  cql_status st = open_file(&e, &err);
  if (st != CQL_OK) {
    fuzz_require_words(st, &err);
    return 0;
  }
  for (size_t i = 0; i < sizeof USE / sizeof *USE; i++) {
    err.status = CQL_OK;
    st = run(e, USE[i], &err);
    if (st != CQL_OK) fuzz_require_words(st, &err);
  }
  cql_engine_close(e);
  return 0;
}
