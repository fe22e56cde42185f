/* test_bad.c: what is not accepted, and the words that say so. Each case is a file of tests/data/protocol/bad:
 *
 *   # a comment
 *   wire     4, 4-lz4, 5 or 5-lz4                how the connection travels; 4 when it is left out
 *   bytes    84 00 0000 08 ffffffff              what comes, in hex, and 'text'
 *   body     84 00 0000 08 / 00000009            the same, with the length of what is behind the / put there
 *   segment  self 0 85 00 0000 02 00000000       a segment, self-contained or part, its length unpacked, its payload
 *   error    MALFORMED Unknown kind of result …  what the decoder says, or what reads the body that it gave
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <limits.h>

#include "protocol/protocol_int.h"
#include "support.h"

enum { PATH_LEN = 4096, LINE_LEN = 4096, CASES_MIN = 40 };

typedef struct bad {
  const char *name;
  wire w;
  cql_buf bytes;
  char want[LINE_LEN];
} bad;

/* --- reading a case ------------------------------------------------------------------------------------------------
 */

static void put_text(bad *c, const char *text) {
  unsigned byte;
  for (const char *p = text; *p != '\0';) {
    if (*p == ' ') {
      p++;
    } else if (*p == '\'') {
      size_t len = strcspn(p + 1, "'");
      cql_buf_put(&c->bytes, p + 1, len);
      p += len + 2;
    } else {
      if (sscanf(p, "%2x", &byte) != 1) fail_msg("%s: not hex: %s", c->name, p);
      cql_buf_u8(&c->bytes, (uint8_t)byte);
      p += 2;
    }
  }
}

static void put_body(bad *c, char *text) {
  char *slash = strchr(text, '/');
  if (slash == NULL) fail_msg("%s: a body without /", c->name);
  *slash = '\0';
  put_text(c, text);
  size_t at = c->bytes.len;
  cql_buf_u32(&c->bytes, 0);
  put_text(c, slash + 1);
  cql_store_u32(c->bytes.data + at, (uint32_t)(c->bytes.len - at - 4));
}

static void put_segment(bad *c, const char *text) {
  char kind[8];
  unsigned unpacked;
  int rest;
  if (sscanf(text, "%7s %u %n", kind, &unpacked, &rest) != 2) fail_msg("%s: no segment: %s", c->name, text);
  size_t at = c->bytes.len, head = cqlp_segment_header_len(c->w.lz4);
  assert_non_null(cql_buf_room(&c->bytes, head));
  put_text(c, text + rest);
  size_t len = c->bytes.len - at - head;
  cqlp_segment s = {(uint32_t)len, unpacked, strcmp(kind, "self") == 0};
  cqlp_segment_store(c->bytes.data + at, &s, c->w.lz4);
  uint8_t crc[4];
  cqlp_store_u32_le(crc, cqlp_crc32(c->bytes.data + at + head, len));
  cql_buf_put(&c->bytes, crc, sizeof crc);
}

static void read_line(bad *c, char *line) {
  line[strcspn(line, "\n")] = '\0';
  size_t word = strcspn(line, " ");
  char *rest = line + word + strspn(line + word, " ");
  if (strncmp(line, "wire", word) == 0)
    c->w = (wire){(uint8_t)(rest[0] - '0'), rest[0] == '5', strstr(rest, "lz4") != NULL};
  else if (strncmp(line, "bytes", word) == 0)
    put_text(c, rest);
  else if (strncmp(line, "body", word) == 0)
    put_body(c, rest);
  else if (strncmp(line, "segment", word) == 0)
    put_segment(c, rest);
  else if (strncmp(line, "error", word) == 0)
    snprintf(c->want, sizeof c->want, "%s", rest);
  else if (line[0] != '#')
    fail_msg("%s: what is %s?", c->name, line);
}

/* --- asking --------------------------------------------------------------------------------------------------------
 */

static cql_status read_envelope(const cql_envelope *e, cql_error *err) {
  cql_arena a;
  cql_response r;
  cql_message m;
  cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  uint8_t *block = malloc(e->body.len + 1); /* a read past its end is seen */
  if (e->body.len > 0) memcpy(block + 1, e->body.data, e->body.len);
  cql_envelope copy = *e;
  copy.body = cql_slice_of(block + 1, e->body.len);
  cql_status st = e->is_response ? cql_response_decode(&r, &a, &copy, err) : cql_request_decode(&m, &a, &copy, err);
  assert_true(a.used < 1 << 16); /* whatever a count promised */
  free(block);
  cql_arena_free(&a);
  return st;
}

static bool is_refused_as_wanted(bad *c) {
  char got[CQL_ERROR_MESSAGE_LEN + 32];
  cql_error err = {.status = CQL_OK};
  cql_envelope e;
  cql_status st;
  cql_decoder *d = new_decoder(&c->w, &cql_alloc_libc);
  feed(d, cql_buf_view(&c->bytes));
  while ((st = cql_decoder_next(d, &e, &err)) == CQL_OK)
    if ((st = read_envelope(&e, &err)) != CQL_OK) break;
  cql_decoder_free(d);
  snprintf(got, sizeof got, "%s %s", cql_status_name(st), err.message);
  if (strcmp(got, c->want) == 0) return true;
  print_error("bad/%s:\n  got  %s\n  want %s\n", c->name, got, c->want);
  return false;
}

static bool try_case(const char *directory, const char *name) {
  char path[PATH_LEN + NAME_MAX + 1], line[LINE_LEN];
  bad c = {.name = name, .w = WIRES[0]};
  snprintf(path, sizeof path, "%s/%s", directory, name);
  FILE *f = fopen(path, "r");
  assert_non_null(f);
  cql_buf_init(&c.bytes, &cql_alloc_libc, SIZE_MAX);
  while (fgets(line, sizeof line, f) != NULL) read_line(&c, line);
  fclose(f);
  bool ok = is_refused_as_wanted(&c);
  cql_buf_free(&c.bytes);
  return ok;
}

static void test_bad(void **state) {
  (void)state;
  char directory[PATH_LEN];
  size_t tried = 0, wrong = 0;
  snprintf(directory, sizeof directory, "%s/bad", getenv("CQL_TEST_DATA"));
  DIR *d = opendir(directory);
  if (d == NULL) fail_msg("cannot open %s", directory);
  for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    tried++;
    wrong += !try_case(directory, entry->d_name);
  }
  closedir(d);
  print_message("%zu bad inputs\n", tried);
  assert_int_equal(wrong, 0);
  assert_true(tried >= CASES_MIN);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bad),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
