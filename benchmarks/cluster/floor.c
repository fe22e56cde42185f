/* The floor of the network benchmarks: the least that a client can do. One blocking socket, frames of protocol v4 that
 * are written by hand, one prepared statement, no library.
 *
 *   floor PORT get|insert|lwt|create FLIGHT COUNT FIRST CQL
 *
 * Prepares CQL, keeps FLIGHT requests in flight until COUNT are answered, checks each answer, and prints one JSON
 * object: requests a second, the median and the 99th percentile of their time, and this process's CPU for one request,
 * in microseconds. A tenth as many requests go before, uncounted. FIRST numbers the rows: a get reads row (FIRST + 7919
 * i) of ROWS, a write makes row FIRST + i. The rows are those of schema.py. */
#define _DEFAULT_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  ROWS = 10000, /* as schema.py's */
  STRIDE = 7919,
  HEADER_SIZE = 9,
  FLIGHT_MAX = 1024,
  FRAME_MAX = 512,
  IN_SIZE = 1 << 17,
  COUNT_MAX = 1000000,
  VERSION_REQUEST = 0x04,
  VERSION_RESPONSE = 0x84,
  OP_STARTUP = 0x01,
  OP_READY = 0x02,
  OP_RESULT = 0x08,
  OP_PREPARE = 0x09,
  OP_EXECUTE = 0x0A,
  RESULT_VOID = 1,
  RESULT_ROWS = 2,
  RESULT_PREPARED = 4,
  FLAG_VALUES = 0x01,
  FLAG_SKIP_METADATA = 0x02,
  ROWS_GLOBAL_TABLE = 0x01, /* says nothing where there is no metadata */
  ROWS_WITHOUT_METADATA = 0x04,
  LOCAL_QUORUM = 0x06,
};

typedef struct {
  int32_t length;
  const char *bytes;
} value;

/* What follows the id in a row: the same in each. */
static const value point_rest[] = {{5, "party"}, {4, "\0\0\0\7"}, {8, "\0\0\1\x9d\xe3\x80\0\0"}};
static const value wide_rest[] = {
    {5, "party"},                  /* name text */
    {4, "Oslo"},                   /* city text */
    {4, "\0\0\0\7"},               /* people int */
    {8, "\x3f\xf8\0\0\0\0\0\0"},   /* rating double */
    {1, "\1"},                     /* open boolean */
    {8, "\0\0\1\x9d\xe3\x80\0\0"}, /* date timestamp */
    {4, "\x80\0\x50\0"},           /* day date */
    {6, "\0\0\0\2\x04\xd2"},       /* price decimal: 12.34 */
    {20, "a note of some words"},  /* note text */
};

typedef struct {
  const char *name;
  bool reads, conditional;
  size_t rest_count;
  const value *rest;
} job;

static const job jobs[] = {
    {"get", true, false, 0, NULL},
    {"insert", false, false, sizeof point_rest / sizeof *point_rest, point_rest},
    {"create", false, false, sizeof wide_rest / sizeof *wide_rest, wide_rest},
    {"lwt", false, true, sizeof wide_rest / sizeof *wide_rest, wide_rest},
};

/* The connection and the one request that it sends again and again: `frame` with another stream and id each time. */
static struct {
  int socket;
  const job *job;
  uint8_t frame[FRAME_MAX];
  size_t frame_size, id_at;
  uint8_t in[IN_SIZE];
  size_t in_start, in_end;
  uint8_t out[FLIGHT_MAX * FRAME_MAX];
  size_t out_size;
  double sent[FLIGHT_MAX]; /* by stream */
} s;

static void fail(const char *what) {
  fprintf(stderr, "floor: %s\n", what);
  exit(1);
}

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double cpu_us(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static uint32_t get_u32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put(const void *bytes, size_t size) {
  if (s.frame_size + size > FRAME_MAX) fail("the statement is too long");
  memcpy(s.frame + s.frame_size, bytes, size);
  s.frame_size += size;
}

static void put_u8(unsigned n) {
  put(&(uint8_t){(uint8_t)n}, 1);
}
static void put_u16(unsigned n) {
  put(&(uint16_t){htons((uint16_t)n)}, 2);
}
static void put_u32(uint32_t n) {
  put(&(uint32_t){htonl(n)}, 4);
}

static void begin_frame(unsigned opcode) {
  s.frame_size = 0;
  put((uint8_t[HEADER_SIZE]){VERSION_REQUEST, 0, 0, 0, (uint8_t)opcode}, HEADER_SIZE);
}

static void end_frame(void) {
  uint32_t size = htonl((uint32_t)(s.frame_size - HEADER_SIZE));
  memcpy(s.frame + 5, &size, sizeof size);
}

/* All of the bytes. It cannot wait for a peer that waits for us: FLIGHT_MAX answers fit in a socket's buffers. */
static void send_all(const uint8_t *bytes, size_t size) {
  while (size) {
    ssize_t n = send(s.socket, bytes, size, MSG_NOSIGNAL);
    if (n <= 0) fail("the connection broke while sending");
    bytes += n;
    size -= (size_t)n;
  }
}

/* The next frame that has arrived whole, or NULL. Valid until the next receive(). */
static const uint8_t *next_frame(size_t *body_size) {
  const uint8_t *frame = s.in + s.in_start;
  size_t have = s.in_end - s.in_start;
  if (have < HEADER_SIZE) return NULL;
  *body_size = get_u32(frame + 5);
  if (*body_size > IN_SIZE - HEADER_SIZE) fail("an answer is too long");
  if (have < HEADER_SIZE + *body_size) return NULL;
  s.in_start += HEADER_SIZE + *body_size;
  return frame;
}

static void receive(void) {
  memmove(s.in, s.in + s.in_start, s.in_end - s.in_start);
  s.in_end -= s.in_start;
  s.in_start = 0;
  ssize_t n = recv(s.socket, s.in + s.in_end, IN_SIZE - s.in_end, 0);
  if (n <= 0) fail("the connection broke while receiving");
  s.in_end += (size_t)n;
}

/* Sends `frame` and returns the body of its answer, which has this opcode. */
static const uint8_t *ask(unsigned opcode, size_t *body_size) {
  const uint8_t *frame;
  end_frame();
  send_all(s.frame, s.frame_size);
  while ((frame = next_frame(body_size)) == NULL) receive();
  if (frame[0] != VERSION_RESPONSE || frame[4] != opcode) fail("the server refused STARTUP or PREPARE");
  return frame + HEADER_SIZE;
}

static void open_connection(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  size_t size;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  s.socket = socket(AF_INET, SOCK_STREAM, 0);
  if (s.socket < 0 || connect(s.socket, (struct sockaddr *)&address, sizeof address) != 0) fail("nobody listens there");
  setsockopt(s.socket, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  begin_frame(OP_STARTUP);
  put_u16(1);
  put("\0\13CQL_VERSION\0\5"
      "3.0.0",
      20);
  ask(OP_READY, &size);
}

/* Prepares the text and leaves its EXECUTE in `frame`. */
static void prepare(const char *text) {
  uint8_t id[UINT8_MAX];
  size_t size, length = strlen(text);
  begin_frame(OP_PREPARE);
  put_u32((uint32_t)length);
  put(text, length);
  const uint8_t *body = ask(OP_RESULT, &size);
  if (size < 6 || get_u32(body) != RESULT_PREPARED) fail("PREPARE was not answered by an id");
  unsigned id_size = (unsigned)body[4] << 8 | body[5];
  if (id_size > sizeof id || size < 6 + id_size) fail("the id is too long");
  memcpy(id, body + 6, id_size);

  begin_frame(OP_EXECUTE);
  put_u16(id_size);
  put(id, id_size);
  put_u16(LOCAL_QUORUM);
  put_u8(FLAG_VALUES | FLAG_SKIP_METADATA);
  put_u16((unsigned)s.job->rest_count + 1);
  put_u32(16);
  s.id_at = s.frame_size;
  put("bench\0\0\0\0\0\0\0\0\0\0\0", 16);
  for (size_t i = 0; i < s.job->rest_count; i++) {
    put_u32((uint32_t)s.job->rest[i].length);
    put(s.job->rest[i].bytes, (size_t)s.job->rest[i].length);
  }
  end_frame();
}

static void queue(unsigned stream, uint64_t row) {
  uint8_t *frame = s.out + s.out_size;
  memcpy(frame, s.frame, s.frame_size);
  frame[2] = (uint8_t)(stream >> 8);
  frame[3] = (uint8_t)stream;
  for (int i = 0; i < 8; i++) frame[s.id_at + 15 - (size_t)i] = (uint8_t)(row >> 8 * i);
  s.out_size += s.frame_size;
}

static void check(const uint8_t *frame, size_t size) {
  const uint8_t *body = frame + HEADER_SIZE;
  if (frame[0] != VERSION_RESPONSE || frame[1] != 0 || frame[4] != OP_RESULT || size < 4)
    fail("an answer is an error, or has a warning");
  uint32_t kind = get_u32(body);
  if (s.job->reads) {
    if (kind != RESULT_ROWS || size < 16 || get_u32(body + 12) != 1 ||
        (get_u32(body + 4) & ~(uint32_t)ROWS_GLOBAL_TABLE) != ROWS_WITHOUT_METADATA)
      fail("a get did not find its row");
  } else if (s.job->conditional) { /* one row of one boolean: [applied] */
    if (kind != RESULT_ROWS || size < 9 || get_u32(body + size - 5) != 1 || body[size - 1] != 1)
      fail("a conditional insert was not applied");
  } else if (kind != RESULT_VOID) {
    fail("an insert was answered by something else");
  }
}

/* Runs `count` requests for rows first, first + 1, …; fills times[count] with what each took. */
static void run(unsigned flight, size_t count, uint64_t first, double *times) {
  size_t started = 0, done = 0;
  unsigned streams[FLIGHT_MAX];
  unsigned free_count = flight;
  for (unsigned i = 0; i < flight; i++) streams[i] = i;
  while (done < count) {
    size_t body_size;
    const uint8_t *frame;
    double now = now_us();
    s.out_size = 0;
    while (free_count && started < count) {
      unsigned stream = streams[--free_count];
      queue(stream, s.job->reads ? (first + STRIDE * started) % ROWS : first + started);
      s.sent[stream] = now;
      started++;
    }
    send_all(s.out, s.out_size);
    receive();
    now = now_us();
    while ((frame = next_frame(&body_size)) != NULL) {
      unsigned stream = (unsigned)frame[2] << 8 | frame[3];
      if (stream >= flight || done >= count) fail("an answer to no request");
      check(frame, body_size);
      times[done++] = now - s.sent[stream];
      streams[free_count++] = stream;
    }
  }
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static uint64_t number(const char *text, uint64_t least, uint64_t most) {
  char *end;
  unsigned long long n = strtoull(text, &end, 10);
  if (*text == '\0' || *end != '\0' || n < least || n > most) fail("a number is out of range");
  return n;
}

int main(int argc, char **argv) {
  static double times[COUNT_MAX];
  if (argc != 7) fail("usage: floor PORT get|insert|lwt|create FLIGHT COUNT FIRST CQL");
  for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
    if (strcmp(argv[2], jobs[i].name) == 0) s.job = &jobs[i];
  if (s.job == NULL) fail("get, insert, lwt or create?");
  unsigned flight = (unsigned)number(argv[3], 1, FLIGHT_MAX);
  size_t count = number(argv[4], 1, COUNT_MAX);
  uint64_t first = number(argv[5], 0, UINT64_MAX / 2);
  open_connection((int)number(argv[1], 1, UINT16_MAX));
  prepare(argv[6]);
  run(flight, (count + 9) / 10, first + count, times);

  double cpu = cpu_us(), start = now_us();
  run(flight, count, first, times);
  double wall = now_us() - start;
  cpu = cpu_us() - cpu;
  qsort(times, count, sizeof *times, compare);
  printf("{\"rate\": %.1f, \"p50\": %.2f, \"p99\": %.2f, \"cpu\": %.3f}\n", (double)count / wall * 1e6,
         times[count / 2], times[count * 99 / 100], cpu / (double)count);
  return 0;
}
