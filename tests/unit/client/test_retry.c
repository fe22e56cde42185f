/* test_retry.c: for each way to fail, whether the request is sent again: idempotent, not so, conditional, tired. */
#include <stdio.h>
#include <string.h>

#include "cluster.h"

/* One line of expectations: the verdict by the number of retries so far, "NNN." is three times the next node and then
 * none: N next, S same, L later, P prepare, . give up. "N*" is the next node without end. */
typedef struct line {
  cql_status status;
  const char *idempotent, *other;
  uint16_t consistency;
  int32_t required, received;
  bool data_present;
  const char *write_type, *message;
} line;

static char verdict_of(const cqli_failure *f) {
  return ".SNLP"[cqli_retry(f)];
}

static void assert_verdicts(const char *expected, const cqli_failure *f, const char *what) {
  char last = '.';
  for (uint32_t i = 0; i < 20; i++) {
    cqli_failure now = *f;
    now.retries = i;
    if (i < strlen(expected) && expected[i] != '*') last = expected[i];
    char said = verdict_of(&now);
    if (said != last)
      fail_msg("%s %s, retries %u: %c instead of %c", cql_status_name(f->error->status), what, i, said, last);
  }
}

/* After the request was sent. */
static const line SENT[] = {
    {.status = CQL_CONNECTION, .idempotent = "NNN.", .other = "."},
    {.status = CQL_TIMEOUT, .idempotent = "NN.", .other = "."},
    {.status = CQL_MALFORMED, .idempotent = "N.", .other = "."},
    {.status = CQL_NO_HOST, .idempotent = ".", .other = "."},
    {.status = CQL_TLS, .idempotent = ".", .other = "."},
    {.status = CQL_IO, .idempotent = ".", .other = "."},
    {.status = CQL_BOOTSTRAPPING, .idempotent = "N*", .other = "N*"},
    {.status = CQL_UNPREPARED, .idempotent = "P*", .other = "P*"},
    {.status = CQL_UNAVAILABLE, .idempotent = "NNN.", .other = ".", .consistency = CQL_QUORUM},
    {.status = CQL_UNAVAILABLE, .idempotent = "NNN.", .other = ".", .consistency = CQL_SERIAL},
    {.status = CQL_OVERLOADED, .idempotent = "NNN.", .other = "."},
    {.status = CQL_OVERLOADED, .idempotent = "L*", .other = "L*", .message = "Rate limit reached, please consult …"},
    {.status = CQL_SERVER, .idempotent = "NNN.", .other = ".", .message = "Rate limit reached"},
    {.status = CQL_SERVER, .idempotent = "NNN.", .other = "."},
    {.status = CQL_TRUNCATE, .idempotent = "NN.", .other = "."},
    {.status = CQL_READ_TIMEOUT, .idempotent = "SN.", .other = ".", .required = 2, .received = 2},
    {.status = CQL_READ_TIMEOUT, .idempotent = "SN.", .other = ".", .required = 1, .received = 2},
    {.status = CQL_READ_TIMEOUT, .idempotent = "NN.", .other = ".", .required = 2, .received = 1},
    {.status = CQL_READ_TIMEOUT, .idempotent = "NN.", .other = ".", .required = 2, .received = 1, .data_present = true},
    {.status = CQL_READ_TIMEOUT, .idempotent = "NN.", .other = ".", .required = 2, .received = 2, .data_present = true},
    {.status = CQL_WRITE_TIMEOUT, .idempotent = "NN.", .other = ".", .write_type = "SIMPLE"},
    {.status = CQL_WRITE_TIMEOUT, .idempotent = "NN.", .other = ".", .write_type = "BATCH"},
    {.status = CQL_WRITE_TIMEOUT, .idempotent = "NN.", .other = ".", .write_type = "UNLOGGED_BATCH"},
    {.status = CQL_WRITE_TIMEOUT, .idempotent = "NN.", .other = ".", .write_type = "BATCH_LOG"},
    {.status = CQL_WRITE_TIMEOUT, .idempotent = "NN.", .other = ".", .write_type = "COUNTER"},
    {.status = CQL_WRITE_TIMEOUT, .idempotent = "NN.", .other = ".", .write_type = "VIEW"},
    {.status = CQL_WRITE_TIMEOUT, .idempotent = "NN.", .other = ".", .write_type = "NEVER HEARD"},
    {.status = CQL_WRITE_TIMEOUT, .idempotent = ".", .other = ".", .write_type = "CAS"},
    {.status = CQL_READ_FAILURE, .idempotent = "N.", .other = "."},
    {.status = CQL_WRITE_FAILURE, .idempotent = "N.", .other = ".", .write_type = "SIMPLE"},
    {.status = CQL_WRITE_FAILURE, .idempotent = ".", .other = ".", .write_type = "CAS"},
    {.status = CQL_CAS_UNKNOWN, .idempotent = ".", .other = "."},
    {.status = CQL_FUNCTION_FAILURE, .idempotent = ".", .other = "."},
    {.status = CQL_CDC_WRITE_FAILURE, .idempotent = ".", .other = "."},
    {.status = CQL_SYNTAX, .idempotent = ".", .other = "."},
    {.status = CQL_UNAUTHORIZED, .idempotent = ".", .other = "."},
    {.status = CQL_INVALID, .idempotent = ".", .other = "."},
    {.status = CQL_CONFIG, .idempotent = ".", .other = "."},
    {.status = CQL_ALREADY_EXISTS, .idempotent = ".", .other = "."},
    {.status = CQL_PROTOCOL, .idempotent = ".", .other = "."},
    {.status = CQL_CREDENTIALS, .idempotent = ".", .other = "."},
    {.status = CQL_NOMEM, .idempotent = ".", .other = "."},
    {.status = CQL_LIMIT, .idempotent = ".", .other = "."},
    {.status = CQL_QUEUE_FULL, .idempotent = ".", .other = "."},
    {.status = CQL_CLOSED, .idempotent = ".", .other = "."},
    {.status = CQL_INTERRUPTED, .idempotent = ".", .other = "."},
    {.status = (cql_status)(CQL_SERVER_BASE + 0x7777), .idempotent = ".", .other = "."},
};

static cql_error error_of(const line *l) {
  cql_error err = {.status = l->status,
                   .consistency = l->consistency,
                   .required = l->required,
                   .received = l->received,
                   .data_present = l->data_present};
  if (l->message != NULL) snprintf(err.message, sizeof err.message, "%s", l->message);
  if (l->write_type != NULL) snprintf(err.write_type, sizeof err.write_type, "%s", l->write_type);
  return err;
}

static void test_sent(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof SENT / sizeof *SENT; i++) {
    cql_error err = error_of(&SENT[i]);
    cqli_failure f = {.error = &err, .may_have_run = true};
    assert_verdicts(SENT[i].other, &f, "not idempotent");
    f.is_idempotent = true;
    assert_verdicts(SENT[i].idempotent, &f, "idempotent");
  }
}

/* Before: nothing has run, so that it does not matter what the request is. The plan's end is the only one. */
static void test_not_sent(void **state) {
  (void)state;
  static const cql_status NEXT[] = {CQL_CONNECTION, CQL_TIMEOUT, CQL_RESOLVE,    CQL_TLS,
                                    CQL_IO,         CQL_NO_HOST, CQL_MALFORMED,  CQL_CREDENTIALS,
                                    CQL_PROTOCOL,   CQL_SERVER,  CQL_OVERLOADED, CQL_BOOTSTRAPPING};
  static const cql_status NEVER[] = {CQL_NOMEM,   CQL_LIMIT,  CQL_QUEUE_FULL, CQL_CLOSED, CQL_INTERRUPTED,
                                     CQL_INVALID, CQL_SYNTAX, CQL_MISUSE,     CQL_BAD_URL};
  for (int kind = 0; kind < 4; kind++) {
    cql_error err = {.status = CQL_OK};
    cqli_failure f = {.error = &err, .is_idempotent = kind & 1, .is_conditional = kind & 2};
    for (size_t i = 0; i < sizeof NEXT / sizeof *NEXT; i++) {
      err.status = NEXT[i];
      assert_verdicts("N*", &f, "not sent");
    }
    for (size_t i = 0; i < sizeof NEVER / sizeof *NEVER; i++) {
      err.status = NEVER[i];
      assert_verdicts(".", &f, "not sent");
    }
  }
}

/* Nothing has run when one partition was to be written and too few replicas were alive for it. A conditional write asks
 * twice, and only the first time, at the serial consistency, is before the decision. */
static void test_unavailable(void **state) {
  (void)state;
  cql_error err = {.status = CQL_UNAVAILABLE, .consistency = CQL_QUORUM};
  cqli_failure f = {.error = &err, .may_have_run = true, .is_one_write = true};
  assert_verdicts("NNN.", &f, "one partition");
  f.is_conditional = true;
  assert_verdicts(".", &f, "conditional, commit");
  err.consistency = CQL_SERIAL;
  assert_verdicts("NNN.", &f, "conditional, SERIAL");
  err.consistency = CQL_LOCAL_SERIAL;
  assert_verdicts("NNN.", &f, "conditional, LOCAL_SERIAL");
}

/* Statements that are forgotten at once, again and again (trap 23). A batch meets one after the other. */
static void assert_prepare_ends(uint32_t statement_count, uint32_t prepares) {
  cql_error err = {.status = CQL_UNPREPARED};
  cqli_failure f = {.error = &err, .may_have_run = true, .statement_count = statement_count};
  uint32_t sent = 0, nodes = 1;
  for (; verdict_of(&f) != '.'; sent++) {
    assert_true(sent < 1000);
    if (verdict_of(&f) == 'P')
      f.prepares++;
    else
      nodes++, f.retries++;
  }
  assert_int_equal(f.prepares, prepares);
  assert_int_equal(nodes, 4);
}

static void test_prepare_ends(void **state) {
  (void)state;
  assert_prepare_ends(0, 8);
  assert_prepare_ends(1, 8);
  assert_prepare_ends(100, 206);
}

/* A rolling restart of three nodes, in which one request meets every one of them at its worst: it gets through. */
static void test_rolling_restart(void **state) {
  (void)state;
  static const line MET[] = {
      {.status = CQL_CONNECTION},
      {.status = CQL_READ_TIMEOUT, .required = 2, .received = 1},
  };
  static const line THEN[] = {
      {.status = CQL_UNAVAILABLE, .required = 2, .received = 1},
      {.status = CQL_SERVER},
      {.status = CQL_OVERLOADED},
      {.status = CQL_BOOTSTRAPPING},
      {.status = CQL_CONNECTION},
  };
  for (size_t i = 0; i < sizeof MET / sizeof *MET; i++) {
    for (size_t k = 0; k < sizeof THEN / sizeof *THEN; k++) {
      cql_error err = error_of(&MET[i]);
      cqli_failure f = {.error = &err, .may_have_run = true, .is_idempotent = true};
      assert_int_equal(cqli_retry(&f), CQLI_NEXT_NODE);
      err = error_of(&THEN[k]);
      f.retries = 1;
      assert_int_equal(cqli_retry(&f), CQLI_NEXT_NODE);
      err = error_of(&MET[0]);
      f.retries = 2;
      assert_int_equal(cqli_retry(&f), CQLI_NEXT_NODE);
    }
  }
}

/* The one promise that stands above all: of what may have run, only what is idempotent is sent again. The exceptions
 * are the errors by which Cassandra says that it has not run. */
static void test_never_twice(void **state) {
  (void)state;
  static const char *const TYPES[] = {"", "SIMPLE", "BATCH", "UNLOGGED_BATCH", "COUNTER", "BATCH_LOG", "CAS", "VIEW"};
  static const cql_status STATUSES[] = {
#define STATUS(name, value, text) CQL_##name,
      CQL_STATUS_MAP(STATUS)
#undef STATUS
  };
  rng r = {20260108};
  for (int i = 0; i < 200000; i++) {
    cql_error err = {.status = STATUSES[rng_below(&r, sizeof STATUSES / sizeof *STATUSES)],
                     .consistency = (uint16_t)rng_below(&r, 12),
                     .required = (int32_t)rng_below(&r, 4),
                     .received = (int32_t)rng_below(&r, 4),
                     .data_present = rng_below(&r, 2) == 0};
    snprintf(err.write_type, sizeof err.write_type, "%s", TYPES[rng_below(&r, 8)]);
    cqli_failure f = {.error = &err,
                      .may_have_run = true,
                      .is_conditional = rng_below(&r, 2) == 0,
                      .retries = rng_below(&r, 5),
                      .prepares = rng_below(&r, 12)};
    cqli_verdict v = cqli_retry(&f);
    if (v == CQLI_GIVE_UP) continue;
    bool is_serial = err.consistency == CQL_SERIAL || err.consistency == CQL_LOCAL_SERIAL;
    assert_true(err.status == CQL_UNPREPARED || err.status == CQL_BOOTSTRAPPING ||
                (err.status == CQL_UNAVAILABLE && f.is_conditional && is_serial));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sent),         cmocka_unit_test(test_not_sent),        cmocka_unit_test(test_unavailable),
      cmocka_unit_test(test_prepare_ends), cmocka_unit_test(test_rolling_restart), cmocka_unit_test(test_never_twice),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
