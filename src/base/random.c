/* random.c: bytes nobody can guess. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/random.h>
#endif

static ssize_t from_system(uint8_t *out, size_t len) {
#if defined(__linux__)
  return getrandom(out, len, 0);
#else
  (void)out;
  (void)len;
  errno = ENOSYS;
  return -1;
#endif
}

static void from_device(uint8_t *out, size_t len) {
  int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
  if (fd < 0) abort();
  while (len > 0) {
    ssize_t n = read(fd, out, len);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) abort();
    out += n;
    len -= (size_t)n;
  }
  close(fd);
}

void cql_random_bytes(uint8_t *out, size_t len) {
  while (len > 0) {
    ssize_t n = from_system(out, len);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      from_device(out, len);
      return;
    }
    out += n;
    len -= (size_t)n;
  }
}
