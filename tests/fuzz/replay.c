/* replay.c: runs a target over kept inputs, without libFuzzer: files, and directories of files. Each name is printed
 * before its run, so that the last line tells which input broke the target.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

enum { PATH_LEN = 4096, INPUT_LEN_MAX = 1 << 20 };

static unsigned count;

static void replay_file(const char *path) {
  FILE *f = fopen(path, "rb");
  FUZZ_REQUIRE(f != NULL, "%s cannot be opened", path);
  uint8_t *data = malloc(INPUT_LEN_MAX);
  FUZZ_REQUIRE(data != NULL, "no memory");
  size_t len = fread(data, 1, INPUT_LEN_MAX, f);
  FUZZ_REQUIRE(!ferror(f) && len < INPUT_LEN_MAX, "%s cannot be read whole", path);
  fclose(f);
  printf("%s\n", path);
  fflush(stdout);
  cql_slice input = fuzz_block(cql_slice_of(data, len));
  free(data);
  LLVMFuzzerTestOneInput(input.data, input.len);
  fuzz_free(input);
  count++;
}

static int by_name(const struct dirent **x, const struct dirent **y) {
  return strcmp((*x)->d_name, (*y)->d_name);
}

static void replay(const char *path) {
  struct stat st;
  FUZZ_REQUIRE(stat(path, &st) == 0, "%s is not there", path);
  if (!S_ISDIR(st.st_mode)) {
    replay_file(path);
    return;
  }
  struct dirent **entries;
  int n = scandir(path, &entries, NULL, by_name);
  FUZZ_REQUIRE(n >= 0, "%s cannot be read", path);
  for (int i = 0; i < n; i++) {
    char name[PATH_LEN];
    int len = snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
    FUZZ_REQUIRE(len > 0 && len < PATH_LEN, "%s: too long a name", path);
    if (entries[i]->d_name[0] != '.') replay(name);
    free(entries[i]);
  }
  free(entries);
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) replay(argv[i]);
  printf("%u inputs\n", count);
  return count > 0 ? 0 : 1;
}
