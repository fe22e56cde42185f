#include "python/inbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/eventfd.h>
#endif

enum { WAIT_SLICE_MS = 100 }; /* between two looks at whether a signal has come */

struct cqlpy_inbox {
  pthread_mutex_t mutex; /* guards all below. No fork finds it taken by the client's thread, which is stopped before */
  pthread_cond_t arrived;
  uint32_t refs;
  cqlpy_answer *first, **last;
  uint32_t count, wanted; /* how many answers lie there; how many a thread waits for, 0: none does */
  cqlpy_answer *notice;   /* to be put into its inbox once wanted have arrived */
  bool abandoned;
  bool is_unsaid; /* in the list of its thread, which holds a reference */
  cqlpy_inbox *next_unsaid;
  int read_fd, write_fd; /* one and the same for an eventfd; -1: not watched */
};

/* --- life --------------------------------------------------------------------------------------------------------- */

static int open_descriptors(cqlpy_inbox *b) {
#ifdef __linux__
  b->read_fd = b->write_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return b->read_fd;
#else
  int fds[2];
  if (pipe(fds) < 0) return -1;
  for (int i = 0; i < 2; i++) {
    fcntl(fds[i], F_SETFD, FD_CLOEXEC);
    fcntl(fds[i], F_SETFL, O_NONBLOCK);
  }
  b->read_fd = fds[0];
  b->write_fd = fds[1];
  return 0;
#endif
}

cqlpy_inbox *cqlpy_inbox_new(bool watched) {
  cqlpy_inbox *b = PyMem_RawCalloc(1, sizeof *b);
  if (b == NULL) return (cqlpy_inbox *)PyErr_NoMemory();
  b->refs = 1;
  b->last = &b->first;
  b->read_fd = b->write_fd = -1;
  if (watched && open_descriptors(b) < 0) {
    PyErr_SetFromErrno(PyExc_OSError);
    PyMem_RawFree(b);
    return NULL;
  }
  pthread_mutex_init(&b->mutex, NULL);
  pthread_cond_init(&b->arrived, NULL);
  return b;
}

cqlpy_inbox *cqlpy_inbox_retain(cqlpy_inbox *b) {
  pthread_mutex_lock(&b->mutex);
  b->refs++;
  pthread_mutex_unlock(&b->mutex);
  return b;
}

static void free_all(cqlpy_answer *a) {
  while (a != NULL) {
    cqlpy_answer *next = a->next;
    cqlpy_answer_free(a);
    a = next;
  }
}

/* The descriptor goes last of all: no answer that is still on its way finds another file under its number. */
static void destroy(cqlpy_inbox *b) {
  free_all(b->first);
  if (b->read_fd >= 0) close(b->read_fd);
  if (b->write_fd >= 0 && b->write_fd != b->read_fd) close(b->write_fd);
  pthread_cond_destroy(&b->arrived);
  pthread_mutex_destroy(&b->mutex);
  PyMem_RawFree(b);
}

/* The mutex is held, and dropped here. */
static void release_locked(cqlpy_inbox *b) {
  bool last = --b->refs == 0;
  pthread_mutex_unlock(&b->mutex);
  if (last) destroy(b);
}

void cqlpy_inbox_release(cqlpy_inbox *b) {
  if (b == NULL) return;
  pthread_mutex_lock(&b->mutex);
  release_locked(b);
}

int cqlpy_inbox_fd(const cqlpy_inbox *b) {
  return b->read_fd;
}

void cqlpy_inbox_abandon(cqlpy_inbox *b) {
  pthread_mutex_lock(&b->mutex);
  b->abandoned = true;
  cqlpy_answer *lost = b->first;
  b->first = NULL;
  b->last = &b->first;
  b->count = 0;
  pthread_mutex_unlock(&b->mutex);
  free_all(lost);
}

/* --- arriving: any thread, without the GIL ------------------------------------------------------------------------ */

static void wake_loop(cqlpy_inbox *b) {
  static const uint64_t ONE = 1;
  ssize_t n;
  do n = write(b->write_fd, &ONE, sizeof ONE);
  while (n < 0 && errno == EINTR); /* a full pipe is readable as it is */
}

/* Those whose loops do not know yet what this thread has put there. */
static _Thread_local cqlpy_inbox *unsaid;

/* Held. Its first answer has arrived; more: others follow, and then cqlpy_inboxes_ring(). */
static void say(cqlpy_inbox *b, bool more) {
  if (b->is_unsaid) return;
  if (!more) {
    wake_loop(b);
    return;
  }
  b->is_unsaid = true;
  b->refs++;
  b->next_unsaid = unsaid;
  unsaid = b;
}

void cqlpy_inboxes_ring(void) {
  while (unsaid != NULL) {
    cqlpy_inbox *b = unsaid;
    unsaid = b->next_unsaid;
    pthread_mutex_lock(&b->mutex);
    b->is_unsaid = false;
    if (b->count > 0) wake_loop(b);
    release_locked(b);
  }
}

void cqlpy_inbox_ring(cqlpy_inbox *b) {
  wake_loop(b);
}

static cqlpy_answer *take_notice(cqlpy_inbox *b) {
  cqlpy_answer *notice = b->notice;
  b->notice = NULL;
  return notice;
}

/* Takes a and its reference on the inbox. */
static void put(cqlpy_answer *a, bool more) {
  cqlpy_inbox *b = a->inbox;
  cqlpy_answer *notice = NULL;
  pthread_mutex_lock(&b->mutex);
  a->next = NULL;
  if (b->abandoned) {
    notice = take_notice(b);
  } else {
    *b->last = a;
    b->last = &a->next;
    a = NULL;
    if (b->count++ == 0 && b->write_fd >= 0) say(b, more);
    if (b->wanted > 0 && b->count >= b->wanted) {
      b->wanted = 0;
      notice = take_notice(b);
      pthread_cond_signal(&b->arrived);
    }
  }
  release_locked(b);
  if (a != NULL) cqlpy_answer_free(a);
  if (notice != NULL) put(notice, more);
}

static cql_error *copy_error(cql_outcome *o) {
  cql_error *copy = PyMem_RawMalloc(sizeof *copy);
  if (copy == NULL) return NULL;
  *copy = o->error;
  copy->status = o->status;
  return copy;
}

void cqlpy_inbox_deliver(void *answer, cql_outcome *o) {
  cqlpy_answer *a = answer;
  a->status = o->status;
  a->result = o->status == CQL_OK ? o->result : NULL;
  a->error = o->status == CQL_OK ? NULL : copy_error(o);
  o->result = NULL;
  put(a, o->more);
}

/* --- taking: with the GIL ----------------------------------------------------------------------------------------- */

cqlpy_answer *cqlpy_inbox_take(cqlpy_inbox *b) {
  uint64_t signs[8];
  pthread_mutex_lock(&b->mutex);
  if (b->read_fd >= 0)
    while (read(b->read_fd, signs, sizeof signs) == (ssize_t)sizeof signs) continue; /* a pipe with more in it */
  cqlpy_answer *all = b->first, *notice = take_notice(b);
  b->first = NULL;
  b->last = &b->first;
  b->count = 0;
  pthread_mutex_unlock(&b->mutex);
  if (notice != NULL) put(notice, false); /* what it waited for has been here */
  return all;
}

/* One slice of waiting; are there enough? */
static bool wait_slice(cqlpy_inbox *b, uint32_t count) {
  const struct timespec until = cql_clock_after(CLOCK_REALTIME, WAIT_SLICE_MS);
  pthread_mutex_lock(&b->mutex);
  int rc = 0;
  while (b->count < count && rc == 0) {
    b->wanted = count;
    rc = pthread_cond_timedwait(&b->arrived, &b->mutex, &until);
  }
  b->wanted = b->notice != NULL ? count : 0;
  bool enough = b->count >= count;
  pthread_mutex_unlock(&b->mutex);
  return enough;
}

cqlpy_answer *cqlpy_inbox_wait(cqlpy_inbox *b, uint32_t count) {
  for (;;) {
    bool enough;
    Py_BEGIN_ALLOW_THREADS enough = wait_slice(b, count);
    Py_END_ALLOW_THREADS if (enough) return cqlpy_inbox_take(b);
    if (PyErr_CheckSignals() < 0) return NULL;
  }
}

void cqlpy_inbox_notify(cqlpy_inbox *b, uint32_t count, cqlpy_answer *a, bool *later) {
  pthread_mutex_lock(&b->mutex);
  *later = b->count < count;
  if (*later) {
    b->wanted = count;
    b->notice = a;
  }
  pthread_mutex_unlock(&b->mutex);
}

PyObject *cqlpy_raise_answer(cqlpy_state *state, const cqlpy_answer *a) {
  cql_error bare = {.status = a->status};
  return cqlpy_raise_error(state, a->error != NULL ? a->error : &bare);
}

void cqlpy_answer_clear(cqlpy_answer *a) {
  cql_result_free(a->result);
  PyMem_RawFree(a->error);
  a->result = NULL;
  a->error = NULL;
}

void cqlpy_answer_free(cqlpy_answer *a) {
  cqlpy_answer_clear(a);
  PyMem_RawFree(a);
}
