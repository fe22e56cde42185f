/* test_properties.c: random requests over random wires in random pieces, and what Cassandra said, damaged at random.
 * The seed is fixed: a failure comes again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support.h"

enum { ROUNDS = 300, REQUESTS_MAX = 30, VALUES_MAX = 12, TEXT_LEN_MAX = 3000, DAMAGES = 60 };

static uint32_t seed;

static uint32_t below(uint32_t n) {
  return next_random(&seed) % n;
}

/* --- random requests -----------------------------------------------------------------------------------------------
 */

static uint8_t noise[TEXT_LEN_MAX];

static cql_slice random_slice(uint32_t len_max) {
  uint32_t len = below(4) == 0 ? below(len_max) : below(20);
  return cql_slice_of(noise + below(TEXT_LEN_MAX - len), len);
}

static uint32_t random_values(cql_value *out) {
  uint32_t count = below(VALUES_MAX);
  for (uint32_t i = 0; i < count; i++) {
    cql_slice s = random_slice(TEXT_LEN_MAX / 2);
    uint32_t kind = below(6);
    out[i] = kind == 0   ? (cql_value){NULL, CQL_NULL}
             : kind == 1 ? (cql_value){NULL, CQL_UNSET}
                         : (cql_value){s.data, (int32_t)s.len};
  }
  return count;
}

static cql_parameters random_parameters(uint8_t version, cql_value *values) {
  cql_parameters p = {
      .consistency = (uint16_t)below(CQL_LOCAL_ONE + 1), .timestamp = CQL_TIMESTAMP_NONE, .values = values};
  p.value_count = random_values(values);
  if (below(2)) p.serial_consistency = below(2) ? CQL_SERIAL : CQL_LOCAL_SERIAL;
  if (below(2)) p.page_size = 1 + (int32_t)below(10000);
  if (below(2)) p.paging_state = random_slice(200);
  if (below(2)) p.timestamp = (int64_t)below(1 << 20) - (1 << 19);
  if (below(2) && version == 5) p.keyspace = random_slice(48);
  p.skip_metadata = below(2);
  return p;
}

static void put_random(cql_buf *b, uint8_t version) {
  cql_value values[VALUES_MAX], more[VALUES_MAX];
  cql_parameters p = random_parameters(version, values);
  cql_slice text = random_slice(TEXT_LEN_MAX), id = random_slice(32), keyspace = p.keyspace;
  cql_batch_item items[2] = {{.id = id, .values = more},
                             {.text = text, .values = values, .value_count = p.value_count}};
  cql_error err;
  cql_status st = CQL_OK;
  switch (below(5)) {
  case 0: st = cql_put_query(b, version, text, &p, &err); break;
  case 1: st = cql_put_prepare(b, version, text, keyspace, &err); break;
  case 2: st = cql_put_execute(b, version, id, random_slice(32), &p, &err); break;
  case 3:
    items[0].value_count = random_values(more);
    st = cql_put_batch(b, version, (cql_batch_type)below(3), items, below(3), &p, &err);
    break;
  default: cql_put_auth_response(b, version, text); break;
  }
  if (st != CQL_OK || b->st != CQL_OK) fail_msg("%s", err.message);
}

static void put_again(cql_buf *b, uint8_t version, const cql_message *m) {
  switch (m->opcode) {
  case CQL_OP_QUERY: cql_put_query(b, version, m->text, &m->parameters, NULL); break;
  case CQL_OP_PREPARE: cql_put_prepare(b, version, m->text, m->keyspace, NULL); break;
  case CQL_OP_EXECUTE: cql_put_execute(b, version, m->id, m->metadata_id, &m->parameters, NULL); break;
  case CQL_OP_BATCH: cql_put_batch(b, version, m->batch_type, m->items, m->item_count, &m->parameters, NULL); break;
  default: cql_put_auth_response(b, version, m->token); break;
  }
}

/* What comes is what was sent, and read and written again it is the same bytes. */
static void require_sent(const cql_envelope *e, cql_slice sent) {
  cql_arena a;
  cql_message m;
  cql_error err;
  cql_buf again;
  cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  cql_buf_init(&again, &cql_alloc_libc, SIZE_MAX);
  assert_true(cql_slice_eq(e->body, cql_slice_of(sent.data + 9, sent.len - 9)));
  if (cql_request_decode(&m, &a, e, &err) != CQL_OK) fail_msg("%s", err.message);
  put_again(&again, e->version, &m);
  assert_true(cql_slice_eq(cql_buf_view(&again), sent));
  cql_buf_free(&again);
  cql_arena_free(&a);
}

typedef struct sent {
  cql_buf requests[REQUESTS_MAX];
  int16_t streams[REQUESTS_MAX];
  uint32_t put, come;
} sent;

static void receive(cql_decoder *d, sent *s, cql_slice bytes) {
  cql_envelope e;
  cql_error err;
  cql_status st;
  while (bytes.len > 0) {
    size_t room, n = 1 + below(below(2) ? 20 : 5000);
    uint8_t *p = cql_decoder_room(d, &room);
    assert_non_null(p);
    if (n > bytes.len) n = bytes.len;
    if (n > room) n = room;
    memcpy(p, bytes.data, n);
    cql_decoder_filled(d, n);
    bytes = cql_slice_of(bytes.data + n, bytes.len - n);
    while ((st = cql_decoder_next(d, &e, &err)) == CQL_OK) {
      assert_true(s->come < s->put);
      assert_int_equal(e.stream, s->streams[s->come]);
      require_sent(&e, cql_buf_view(&s->requests[s->come++]));
    }
    if (st != CQL_NEED_MORE) fail_msg("%s", err.message);
  }
}

static void test_random_requests(void **state) {
  (void)state;
  seed = 20261128;
  for (size_t i = 0; i < sizeof noise; i++) noise[i] = (uint8_t)(below(3) ? 'a' + below(4) : below(256));
  for (int round = 0; round < ROUNDS; round++) {
    const wire *w = &WIRES[below(WIRE_COUNT)];
    sent s = {.put = 0};
    cql_encoder *e = new_encoder(w, &cql_alloc_libc);
    cql_decoder *d = new_decoder(w, &cql_alloc_libc);
    uint32_t count = 1 + below(REQUESTS_MAX);
    while (s.come < count) {
      if (s.put < count && below(3) > 0) {
        cql_buf_init(&s.requests[s.put], &cql_alloc_libc, SIZE_MAX);
        put_random(&s.requests[s.put], w->version);
        s.streams[s.put] = (int16_t)below(CQL_STREAM_COUNT);
        assert_int_equal(cql_encoder_put(e, cql_buf_view(&s.requests[s.put]), s.streams[s.put]), CQL_OK);
        s.put++;
        continue;
      }
      cql_slice pending = cql_encoder_pending(e);
      if (pending.len == 0) continue;
      pending.len = 1 + below((uint32_t)pending.len);
      receive(d, &s, pending);
      cql_encoder_sent(e, pending.len);
    }
    assert_int_equal(cql_encoder_pending(e).len, 0);
    for (uint32_t i = 0; i < s.put; i++) cql_buf_free(&s.requests[i]);
    cql_encoder_free(e);
    cql_decoder_free(d);
  }
}

/* --- damaged responses ---------------------------------------------------------------------------------------------
 */

static size_t read_well;

/* Whatever a response holds: read, or refused in words; and its rows come to an end. */
static void read_damaged(const cql_envelope *e) {
  cql_arena a;
  cql_response r;
  cql_error err = {.status = CQL_OK};
  cql_result *result;
  cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  cql_status st = cql_response_decode(&r, &a, e, &err);
  assert_true(st == CQL_OK || ((st == CQL_MALFORMED || st == CQL_LIMIT) && err.status == st && err.message[0] != '\0'));
  if (st == CQL_OK && r.opcode == CQL_OP_RESULT && r.kind != CQL_RESULT_PREPARED) {
    assert_int_equal(cql_response_result(&r, NULL, NULL, r.rows.column_count, &cql_alloc_libc, &result, &err), CQL_OK);
    cql_value *cells = calloc(r.rows.column_count + 1, sizeof *cells);
    while ((st = cql_result_next(result, cells)) == CQL_OK) read_well++;
    assert_true(st == CQL_DONE || st == CQL_MALFORMED);
    free(cells);
    cql_result_free(result);
  }
  cql_arena_free(&a);
}

static void damage(const fields *f) {
  if (f->at[0][0] != 'A') return;
  cql_arena a;
  cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  cql_slice whole = unhex(&a, f->at[f->count - 1]);
  for (int i = 0; i < DAMAGES; i++) {
    size_t len = whole.len - 9;
    if (below(4) == 0) len = below((uint32_t)len + 1);
    uint8_t *block = malloc(len + 1); /* a read past its end is seen */
    memcpy(block + 1, whole.data + 9, len);
    for (uint32_t hits = below(4); hits > 0 && len > 0; hits--)
      block[1 + below((uint32_t)len)] = (uint8_t)(below(2) ? below(256) : 255 * below(2));
    read_damaged(&(cql_envelope){.version = whole.data[0] & 0x7F,
                                 .is_response = true,
                                 .flags = (uint8_t)(below(8) ? whole.data[1] : below(256)),
                                 .opcode = whole.data[4],
                                 .body = cql_slice_of(block + 1, len)});
    free(block);
  }
  cql_arena_free(&a);
}

static void test_damaged_responses(void **state) {
  (void)state;
  seed = 20261129;
  assert_true(each_line("cassandra.tsv", damage) > 0);
  assert_true(read_well > 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_random_requests),
      cmocka_unit_test(test_damaged_responses),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
