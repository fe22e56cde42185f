/* corpus.c: see corpus.h. */
#include "corpus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 4096, LINE_LEN_MAX = 1 << 16 };

typedef struct reader {
  corpus *c;
  cql_buf payload; /* of the directive that is being read */
  char word[16];
  uint32_t line; /* where it started */
} reader;

static corpus_step *add_step(reader *r, cql_slice text) {
  if (r->c->count == STEPS_MAX) abort();
  corpus_step *s = &r->c->steps[r->c->count++];
  *s = (corpus_step){.line = r->line};
  if (cql_arena_slice(&r->c->arena, text, &s->text) != CQL_OK) abort();
  return s;
}

/* Statements that each end with a ; at the end of a line. */
static void take_exec(reader *r, cql_slice payload) {
  size_t from = 0;
  for (size_t i = 0; i < payload.len; i++) {
    bool last = i + 1 == payload.len, at_end = last || payload.data[i + 1] == '\n';
    if (!last && !(payload.data[i] == ';' && at_end)) continue;
    size_t end = payload.data[i] == ';' ? i : i + 1;
    while (from < end && payload.data[from] == '\n') from++;
    if (end > from) add_step(r, cql_slice_of(payload.data + from, end - from));
    from = i + 1;
  }
}

static void take_directive(reader *r) {
  cql_slice payload = cql_buf_view(&r->payload);
  corpus_step *last = r->c->count > 0 ? &r->c->steps[r->c->count - 1] : NULL;
  if (strcmp(r->word, "exec") == 0) take_exec(r, payload);
  if (strcmp(r->word, "query") == 0) add_step(r, payload);
  if (strcmp(r->word, "wait") == 0) add_step(r, cql_slice_of("", 0))->wait_s = atoi((const char *)payload.data);
  if (strcmp(r->word, "page") == 0 && last != NULL) last->page_size = atoi((const char *)payload.data);
  if (strcmp(r->word, "bind") == 0 && last != NULL)
    if (cql_arena_slice(&r->c->arena, payload, &last->bind) != CQL_OK) abort();
  if ((strcmp(r->word, "rows") == 0 || strcmp(r->word, "unordered") == 0) && last != NULL && payload.len > 0)
    last->any = memmem(payload.data, payload.len, "any", 3) != NULL;
  r->word[0] = '\0';
  cql_buf_reset(&r->payload);
}

/* Appends a line, {ks} and {repeat x 1000} written out, and a NUL behind it that is not counted. */
static void put_line(cql_buf *b, const char *text) {
  if (b->len > 0) cql_buf_u8(b, '\n');
  while (*text != '\0') {
    char c;
    unsigned n;
    if (strncmp(text, "{ks}", 4) == 0) {
      cql_buf_str(b, "ks");
      text += 4;
    } else if (sscanf(text, "{repeat %c %u}", &c, &n) == 2) {
      while (n-- > 0) cql_buf_u8(b, (uint8_t)c);
      text = strchr(text, '}') + 1;
    } else {
      cql_buf_u8(b, (uint8_t)*text++);
    }
  }
  cql_buf_u8(b, '\0');
  b->len--;
}

static void take_line(reader *r, char *line, uint32_t number) {
  line[strcspn(line, "\n")] = '\0';
  if (line[0] == ' ' || line[0] == '\t') {
    line += strspn(line, " \t");
    if (line[0] != '\0') put_line(&r->payload, line);
    return;
  }
  if (line[0] == '\0' && strcmp(r->word, "exec") == 0) return; /* exec blocks may be airy */
  if (r->word[0] != '\0') take_directive(r);
  if (line[0] == '\0' || line[0] == '#') return;
  size_t len = strcspn(line, " ");
  if (len >= sizeof r->word) abort();
  memcpy(r->word, line, len);
  r->word[len] = '\0';
  r->line = number;
  line += len + strspn(line + len, " ");
  if (line[0] != '\0') put_line(&r->payload, line);
}

bool corpus_read(corpus *c, const char *path) {
  static char line[LINE_LEN_MAX];
  reader r = {.c = c};
  FILE *f = fopen(path, "r");
  if (f == NULL) return false;
  cql_arena_init(&c->arena, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  c->steps = calloc(STEPS_MAX, sizeof *c->steps);
  c->count = 0;
  if (c->steps == NULL) abort();
  cql_buf_init(&r.payload, &cql_alloc_libc, 1 << 24);
  for (uint32_t number = 1; fgets(line, sizeof line, f) != NULL; number++) take_line(&r, line, number);
  if (r.word[0] != '\0') take_directive(&r);
  cql_buf_free(&r.payload);
  fclose(f);
  return true;
}

void corpus_free(corpus *c) {
  cql_arena_free(&c->arena);
  free(c->steps);
}

bool corpus_next_literal(cql_slice *list, cql_slice *out) {
  const uint8_t *p = list->data, *end = p + list->len;
  int depth = 0;
  bool quoted = false;
  while (p < end && *p == ' ') p++;
  if (p == end) return false;
  const uint8_t *from = p;
  for (; p < end && (quoted || depth > 0 || *p != ','); p++) {
    if (*p == '\'') quoted = !quoted;
    if (!quoted && strchr("([{", *p) != NULL) depth++;
    if (!quoted && strchr(")]}", *p) != NULL) depth--;
  }
  *out = cql_slice_of(from, (size_t)(p - from));
  *list = p == end ? cql_slice_of(p, 0) : cql_slice_of(p + 1, (size_t)(end - p - 1));
  return true;
}
