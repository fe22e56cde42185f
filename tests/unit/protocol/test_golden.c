/* test_golden.c: our bytes beside those of two other implementations.
 *
 * tests/data/protocol/driver.tsv was written by the Python driver (make_driver_golden.py), tests/data/protocol/
 * cassandra.tsv by Cassandra itself, with the driver's reading of it (record_cassandra.py). Both are lines of fields
 * between tabs; bytes are hex.
 *
 *   Q  version  words  envelope    a request is read as these words, and written again it is the same bytes
 *   S  lz4  envelopes  segments    segments hold these envelopes; without LZ4 ours are the same bytes
 *   L  length  token               segments of an envelope of that length (put_blob()), by the token of their bytes
 *   A  version  words  envelope    a response is read as these words
 *   C  version  lz4  bytes         all that a connection said: the same envelopes, wherever it is split
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support.h"

static size_t wrong;

/* Shows where they part. */
static void compare(const fields *f, cql_slice got, const char *want) {
  if (cql_slice_eq_str(got, want)) return;
  size_t same = 0, len = strlen(want);
  while (same < got.len && same < len && got.data[same] == (uint8_t)want[same]) same++;
  size_t from = same < 40 ? 0 : same - 40;
  wrong++;
  print_error("%s:%zu: got  …%.*s\n", f->file, f->line, (int)(got.len - from > 200 ? 200 : got.len - from),
              (const char *)got.data + from);
  print_error("%s:%zu: want …%.200s\n", f->file, f->line, want + from);
}

static cql_envelope as_envelope(cql_slice bytes) {
  cql_buf b = {.data = (uint8_t *)bytes.data, .len = bytes.len, .st = CQL_OK};
  return envelope_of(&b);
}

static void print_hex(cql_buf *out, cql_slice s) {
  cql_buf_str(out, "0x");
  for (size_t i = 0; i < s.len; i++) cql_buf_printf(out, "%02x", s.data[i]);
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

static void print_values(cql_buf *out, const cql_value *values, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    cql_buf_str(out, values[i].len == CQL_NULL ? " null" : values[i].len == CQL_UNSET ? " unset" : " ");
    if (values[i].len >= 0) print_hex(out, cql_slice_of(values[i].data, (size_t)values[i].len));
  }
}

static void print_parameters(cql_buf *out, const cql_parameters *p) {
  cql_buf_printf(out, " consistency %u", p->consistency);
  if (p->serial_consistency != 0) cql_buf_printf(out, " serial %u", p->serial_consistency);
  if (p->value_count > 0) cql_buf_str(out, " values");
  print_values(out, p->values, p->value_count);
  if (p->skip_metadata) cql_buf_str(out, " skip");
  if (p->page_size > 0) cql_buf_printf(out, " page %d", (int)p->page_size);
  if (p->paging_state.data != NULL) cql_buf_str(out, " state ");
  if (p->paging_state.data != NULL) print_hex(out, p->paging_state);
  if (p->timestamp != CQL_TIMESTAMP_NONE) cql_buf_printf(out, " timestamp %lld", (long long)p->timestamp);
  if (p->keyspace.data != NULL) cql_buf_printf(out, " keyspace " CQL_SLICE_FMT, CQL_SLICE_ARG(p->keyspace));
}

static void print_items(cql_buf *out, const cql_message *m) {
  for (uint32_t i = 0; i < m->item_count; i++) {
    const cql_batch_item *item = &m->items[i];
    cql_buf_str(out, " [");
    if (item->id.data != NULL)
      print_hex(out, item->id);
    else
      cql_buf_slice(out, item->text);
    print_values(out, item->values, item->value_count);
    cql_buf_str(out, "]");
  }
}

static void print_request(cql_buf *out, const cql_message *m) {
  switch (m->opcode) {
  case CQL_OP_OPTIONS: cql_buf_str(out, "OPTIONS"); return;
  case CQL_OP_STARTUP:
    cql_buf_str(out, "STARTUP");
    for (uint32_t i = 0; i < m->pair_count; i++)
      cql_buf_printf(out, " " CQL_SLICE_FMT "=" CQL_SLICE_FMT, CQL_SLICE_ARG(m->pairs[i].name),
                     CQL_SLICE_ARG(m->pairs[i].value));
    return;
  case CQL_OP_REGISTER:
    cql_buf_str(out, "REGISTER");
    for (uint32_t i = 0; i < m->pair_count; i++)
      cql_buf_printf(out, " " CQL_SLICE_FMT, CQL_SLICE_ARG(m->pairs[i].name));
    return;
  case CQL_OP_AUTH_RESPONSE:
    cql_buf_str(out, "AUTH_RESPONSE ");
    print_hex(out, m->token);
    return;
  case CQL_OP_PREPARE:
    cql_buf_printf(out, "PREPARE " CQL_SLICE_FMT, CQL_SLICE_ARG(m->text));
    if (m->keyspace.data != NULL) cql_buf_printf(out, " keyspace " CQL_SLICE_FMT, CQL_SLICE_ARG(m->keyspace));
    return;
  case CQL_OP_QUERY: cql_buf_printf(out, "QUERY " CQL_SLICE_FMT, CQL_SLICE_ARG(m->text)); break;
  case CQL_OP_EXECUTE:
    cql_buf_str(out, "EXECUTE ");
    print_hex(out, m->id);
    if (m->metadata_id.data != NULL) cql_buf_str(out, " ");
    if (m->metadata_id.data != NULL) print_hex(out, m->metadata_id);
    break;
  default:
    cql_buf_printf(out, "BATCH %d", (int)m->batch_type);
    print_items(out, m);
    break;
  }
  print_parameters(out, &m->parameters);
}

static void put_again(cql_buf *b, uint8_t version, const cql_message *m) {
  const char *names[FIELDS_MAX];
  char texts[FIELDS_MAX][64];
  for (uint32_t i = 0; i < m->pair_count && i < FIELDS_MAX; i++) {
    snprintf(texts[i], sizeof texts[i], CQL_SLICE_FMT, CQL_SLICE_ARG(m->pairs[i].name));
    names[i] = texts[i];
  }
  switch (m->opcode) {
  case CQL_OP_OPTIONS: cql_put_options(b, version); break;
  case CQL_OP_STARTUP: cql_put_startup(b, version, m->pairs, m->pair_count); break;
  case CQL_OP_REGISTER: cql_put_register(b, version, names, m->pair_count); break;
  case CQL_OP_AUTH_RESPONSE: cql_put_auth_response(b, version, m->token); break;
  case CQL_OP_PREPARE: cql_put_prepare(b, version, m->text, m->keyspace, NULL); break;
  case CQL_OP_QUERY: cql_put_query(b, version, m->text, &m->parameters, NULL); break;
  case CQL_OP_EXECUTE: cql_put_execute(b, version, m->id, m->metadata_id, &m->parameters, NULL); break;
  default: cql_put_batch(b, version, m->batch_type, m->items, m->item_count, &m->parameters, NULL); break;
  }
}

static void ask_request(const fields *f, cql_arena *a, cql_buf *out) {
  cql_slice bytes = unhex(a, f->at[3]);
  cql_envelope e = as_envelope(bytes);
  cql_message m;
  cql_error err;
  assert_int_equal(e.version, atoi(f->at[1]));
  if (cql_request_decode(&m, a, &e, &err) != CQL_OK) fail_msg("%s:%zu: %s", f->file, f->line, err.message);
  print_request(out, &m);
  compare(f, cql_buf_view(out), f->at[2]);
  cql_buf_reset(out);
  put_again(out, e.version, &m);
  if (!cql_slice_eq(cql_buf_view(out), bytes)) fail_msg("%s:%zu: written again it differs", f->file, f->line);
}

/* --- segments ----------------------------------------------------------------------------------------------------- */

static void decode_stream(const wire *w, cql_slice bytes, cql_buf *envelopes) {
  cql_decoder *d = new_decoder(w, &cql_alloc_libc);
  cql_envelope e;
  cql_error err;
  cql_status st;
  while (bytes.len > 0) {
    size_t room;
    uint8_t *p = cql_decoder_room(d, &room);
    size_t n = bytes.len < room ? bytes.len : room;
    memcpy(p, bytes.data, n);
    cql_decoder_filled(d, n);
    bytes = cql_slice_of(bytes.data + n, bytes.len - n);
    while ((st = cql_decoder_next(d, &e, &err)) == CQL_OK) {
      uint8_t head[CQL_ENVELOPE_HEADER_LEN] = {(uint8_t)(e.version | (e.is_response ? 0x80 : 0)), e.flags, 0, 0,
                                               e.opcode};
      cql_store_u16(head + 2, (uint16_t)e.stream);
      cql_store_u32(head + 5, (uint32_t)e.body.len);
      cql_buf_put(envelopes, head, sizeof head);
      cql_buf_slice(envelopes, e.body);
    }
    if (st != CQL_NEED_MORE) fail_msg("%s", err.message);
  }
  cql_decoder_free(d);
}

static void encode_stream(const wire *w, cql_slice envelopes, cql_buf *out) {
  cql_encoder *e = new_encoder(w, &cql_alloc_libc);
  while (envelopes.len > 0) {
    size_t len = CQL_ENVELOPE_HEADER_LEN + cql_load_u32(envelopes.data + 5);
    assert_int_equal(cql_encoder_put(e, cql_slice_of(envelopes.data, len), (int16_t)cql_load_u16(envelopes.data + 2)),
                     CQL_OK);
    envelopes = cql_slice_of(envelopes.data + len, envelopes.len - len);
  }
  cql_buf_slice(out, cql_encoder_pending(e));
  cql_encoder_free(e);
}

static void ask_segments(const fields *f, cql_arena *a, cql_buf *out) {
  wire w = {5, true, f->at[1][0] == '1'};
  cql_slice envelopes = unhex(a, f->at[2]), segments = unhex(a, f->at[3]);
  decode_stream(&w, segments, out);
  if (!cql_slice_eq(cql_buf_view(out), envelopes)) fail_msg("%s:%zu: read as other envelopes", f->file, f->line);
  cql_buf_reset(out);
  encode_stream(&w, envelopes, out);
  if (!w.lz4 && !cql_slice_eq(cql_buf_view(out), segments))
    fail_msg("%s:%zu: written as other segments", f->file, f->line);
}

static void ask_long_segments(const fields *f, cql_buf *out) {
  cql_buf b;
  char token[32];
  size_t len = (size_t)atol(f->at[1]);
  cql_buf_init(&b, &cql_alloc_libc, SIZE_MAX);
  put_blob(&b, 5, len, false, (uint32_t)len);
  encode_stream(&WIRES[2], cql_buf_view(&b), out);
  snprintf(token, sizeof token, "%lld", (long long)cql_murmur3_token(cql_buf_view(out)));
  compare(f, cql_slice_str(token), f->at[2]);
  cql_buf_free(&b);
}

/* --- responses ---------------------------------------------------------------------------------------------------- */

/* The driver does not say what is frozen. */
static void print_type(cql_buf *out, const cql_type *type) {
  size_t from = out->len;
  cql_type_print_cql(out, type);
  cql_buf_u8(out, 0);
  for (char *at; (at = strstr((char *)out->data + from, "frozen<")) != NULL;) {
    size_t depth = 0, end = 7;
    for (; at[end] != '>' || depth > 0; end++) depth += (at[end] == '<') - (at[end] == '>');
    memmove(at + end, at + end + 1, strlen(at + end));
    memmove(at, at + 7, strlen(at + 7) + 1);
  }
  out->len = from + strlen((char *)out->data + from);
}

static void print_columns(cql_buf *out, const cql_column *columns, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    cql_buf_printf(out, " %s.%s.%s ", columns[i].keyspace, columns[i].table, columns[i].name);
    print_type(out, columns[i].type);
  }
}

static void print_rows(cql_buf *out, const cql_response *r) {
  cql_result *result;
  cql_error err;
  cql_value cells[64];
  assert_true(r->rows.column_count <= 64);
  cql_buf_printf(out, "ROWS %u", r->rows.column_count);
  if (r->rows.columns != NULL) print_columns(out, r->rows.columns, r->rows.column_count);
  if (r->rows.has_more_pages) cql_buf_str(out, " more ");
  if (r->rows.has_more_pages) print_hex(out, r->rows.paging_state);
  if (cql_response_result(r, NULL, NULL, r->rows.column_count, &cql_alloc_libc, &result, &err) != CQL_OK)
    fail_msg("%s", err.message);
  while (cql_result_next(result, cells) == CQL_OK) {
    cql_buf_str(out, " row");
    print_values(out, cells, r->rows.column_count);
  }
  assert_int_equal(result->rows_read, r->row_count);
  cql_result_free(result);
}

static void print_prepared(cql_buf *out, const cql_prepared_result *p) {
  cql_buf_str(out, "PREPARED ");
  print_hex(out, p->id);
  if (p->metadata_id.data != NULL) cql_buf_str(out, " ");
  if (p->metadata_id.data != NULL) print_hex(out, p->metadata_id);
  cql_buf_str(out, " binds");
  print_columns(out, p->binds, p->bind_count);
  cql_buf_str(out, " key");
  for (uint32_t i = 0; i < p->key_index_count; i++) cql_buf_printf(out, " %u", p->key_indexes[i]);
  cql_buf_str(out, " rows");
  if (p->rows.columns != NULL) print_columns(out, p->rows.columns, p->rows.column_count);
}

static void print_change(cql_buf *out, const cql_schema_change *c) {
  cql_buf_printf(out, " " CQL_SLICE_FMT " " CQL_SLICE_FMT " " CQL_SLICE_FMT, CQL_SLICE_ARG(c->change),
                 CQL_SLICE_ARG(c->target), CQL_SLICE_ARG(c->keyspace));
  if (c->name.len > 0) cql_buf_printf(out, " " CQL_SLICE_FMT, CQL_SLICE_ARG(c->name));
}

static void print_result(cql_buf *out, const cql_response *r) {
  switch (r->kind) {
  case CQL_RESULT_VOID: cql_buf_str(out, "VOID"); break;
  case CQL_RESULT_ROWS: print_rows(out, r); break;
  case CQL_RESULT_SET_KEYSPACE: cql_buf_printf(out, "SET_KEYSPACE " CQL_SLICE_FMT, CQL_SLICE_ARG(r->keyspace)); break;
  case CQL_RESULT_PREPARED: print_prepared(out, &r->prepared); break;
  default:
    cql_buf_str(out, "SCHEMA_CHANGE");
    print_change(out, &r->change);
    break;
  }
}

static void print_error_response(cql_buf *out, const cql_server_error *e) {
  cql_buf_printf(out, "ERROR %04x ", (unsigned)e->code);
  cql_buf_slice(out, e->message);
  switch (e->code) {
  case 0x1000:
    cql_buf_printf(out, " consistency %u required %d alive %d", e->consistency, (int)e->required, (int)e->received);
    break;
  case 0x1100:
  case 0x1500:
    cql_buf_printf(out, " consistency %u required %d received %d type " CQL_SLICE_FMT, e->consistency, (int)e->required,
                   (int)e->received, CQL_SLICE_ARG(e->write_type));
    break;
  case 0x1200:
  case 0x1300:
    cql_buf_printf(out, " consistency %u required %d received %d data %d", e->consistency, (int)e->required,
                   (int)e->received, e->data_present);
    break;
  case 0x1400:
    cql_buf_printf(out, " keyspace " CQL_SLICE_FMT " function " CQL_SLICE_FMT, CQL_SLICE_ARG(e->keyspace),
                   CQL_SLICE_ARG(e->function));
    break;
  case 0x2400:
    cql_buf_printf(out, " keyspace " CQL_SLICE_FMT " table " CQL_SLICE_FMT, CQL_SLICE_ARG(e->keyspace),
                   CQL_SLICE_ARG(e->table));
    break;
  case 0x2500:
    cql_buf_str(out, " id ");
    print_hex(out, e->id);
    break;
  default: break;
  }
  if (e->code == 0x1300 || e->code == 0x1500) cql_buf_printf(out, " failures %d", (int)e->failures);
}

static void print_event(cql_buf *out, const cql_event *e) {
  cql_buf_printf(out, "EVENT " CQL_SLICE_FMT, CQL_SLICE_ARG(e->type));
  if (e->schema.change.len > 0) {
    print_change(out, &e->schema);
    return;
  }
  cql_buf_printf(out, " " CQL_SLICE_FMT " ", CQL_SLICE_ARG(e->change));
  print_hex(out, e->address);
  cql_buf_printf(out, " %d", (int)e->port);
}

static void print_response(cql_buf *out, const cql_response *r) {
  if (r->tracing_id.data != NULL) {
    cql_buf_str(out, "trace ");
    print_hex(out, r->tracing_id);
    cql_buf_str(out, " ");
  }
  for (uint32_t i = 0; i < r->warning_count; i++) cql_buf_printf(out, "warning %s ", r->warnings[i]);
  switch (r->opcode) {
  case CQL_OP_READY: cql_buf_str(out, "READY"); break;
  case CQL_OP_AUTHENTICATE: cql_buf_printf(out, "AUTHENTICATE " CQL_SLICE_FMT, CQL_SLICE_ARG(r->authenticator)); break;
  case CQL_OP_SUPPORTED:
    cql_buf_str(out, "SUPPORTED");
    for (uint32_t i = 0; i < r->supported.count; i++)
      cql_buf_printf(out, " " CQL_SLICE_FMT "=" CQL_SLICE_FMT, CQL_SLICE_ARG(r->supported.pairs[i].name),
                     CQL_SLICE_ARG(r->supported.pairs[i].value));
    break;
  case CQL_OP_RESULT: print_result(out, r); break;
  case CQL_OP_EVENT: print_event(out, &r->event); break;
  case CQL_OP_ERROR: print_error_response(out, &r->error); break;
  default: cql_buf_printf(out, "opcode %d", (int)r->opcode); break;
  }
}

/* Our own writing of what was read: the same bytes again, where Cassandra has one way to say it. */
static void ask_written_again(const fields *f, const cql_response *r, const cql_envelope *e, cql_buf *out) {
  bool has_columns =
      r->kind != CQL_RESULT_ROWS || r->rows.columns != NULL; /* else the flags hold one that says nothing */
  if (e->flags != 0 || !has_columns) return;
  cql_buf_reset(out);
  if (r->opcode == CQL_OP_RESULT && r->kind == CQL_RESULT_ROWS)
    cql_put_rows(out, e->version, &r->rows, r->row_count, r->row_bytes);
  else if (r->opcode == CQL_OP_RESULT && r->kind == CQL_RESULT_PREPARED)
    cql_put_prepared(out, e->version, &r->prepared);
  else if (r->opcode == CQL_OP_RESULT && r->kind == CQL_RESULT_SET_KEYSPACE)
    cql_put_set_keyspace(out, e->version, r->keyspace);
  else if (r->opcode == CQL_OP_ERROR && r->error.code != 0x1300 && r->error.code != 0x1500 && r->error.code != 0x1400)
    cql_put_error(out, e->version, &r->error);
  else
    return;
  if (!cql_slice_eq(cql_slice_of(out->data + 9, out->len - 9), e->body))
    fail_msg("%s:%zu: written again it differs", f->file, f->line);
}

static void ask_response(const fields *f, cql_arena *a, cql_buf *out) {
  cql_slice bytes = unhex(a, f->at[3]);
  cql_envelope e = as_envelope(bytes);
  cql_response r;
  cql_error err;
  assert_int_equal(e.version, atoi(f->at[1]));
  if (cql_response_decode(&r, a, &e, &err) != CQL_OK) fail_msg("%s:%zu: %s", f->file, f->line, err.message);
  print_response(out, &r);
  for (size_t i = 0; i < out->len; i++) /* as it stands in a file of lines */
    if (out->data[i] == '\n' || out->data[i] == '\t') out->data[i] = ' ';
  compare(f, cql_buf_view(out), f->at[2]);
  ask_written_again(f, &r, &e, out);
}

/* --- conversations ------------------------------------------------------------------------------------------------ */

/* Switches at READY, as a client does. */
static void listen(cql_decoder *d, const wire *w, cql_buf *seen, bool *ready) {
  cql_envelope e;
  cql_error err;
  cql_status st;
  while ((st = cql_decoder_next(d, &e, &err)) == CQL_OK) {
    describe(seen, &e);
    if (*ready || (e.opcode != CQL_OP_READY && e.opcode != CQL_OP_AUTHENTICATE)) continue;
    *ready = true;
    if (w->segments) cql_decoder_use_segments(d, w->lz4);
  }
  if (st != CQL_NEED_MORE) fail_msg("%s", err.message);
}

static void hear(const wire *w, cql_slice bytes, size_t at, cql_buf *seen) {
  cql_decoder *d;
  bool ready = false;
  assert_int_equal(cql_decoder_new(&d, 0, &cql_alloc_libc), CQL_OK);
  if (!w->segments && w->lz4) cql_decoder_use_lz4(d);
  feed(d, cql_slice_of(bytes.data, at));
  listen(d, w, seen, &ready);
  feed(d, cql_slice_of(bytes.data + at, bytes.len - at));
  listen(d, w, seen, &ready);
  assert_true(ready);
  cql_decoder_free(d);
}

static void ask_conversation(const fields *f, cql_arena *a, cql_buf *out) {
  int version = atoi(f->at[1]);
  wire w = {(uint8_t)version, version == 5, f->at[2][0] == '1'};
  cql_slice bytes = unhex(a, f->at[3]);
  cql_buf seen;
  cql_buf_init(&seen, &cql_alloc_libc, SIZE_MAX);
  hear(&w, bytes, bytes.len, out);
  assert_true(out->len > 0);
  for (size_t at = 0; at < bytes.len; at++) {
    cql_buf_reset(&seen);
    hear(&w, bytes, at, &seen);
    if (!cql_slice_eq(cql_buf_view(&seen), cql_buf_view(out)))
      fail_msg("%s:%zu: split at byte %zu it says something else", f->file, f->line, at);
  }
  cql_buf_free(&seen);
}

/* --- the files ---------------------------------------------------------------------------------------------------- */

static void ask(const fields *f) {
  cql_arena a;
  cql_buf out;
  cql_arena_init(&a, &cql_alloc_libc, CQL_ARENA_LIMIT_DEFAULT);
  cql_buf_init(&out, &cql_alloc_libc, SIZE_MAX);
  switch (f->at[0][0]) {
  case 'Q': ask_request(f, &a, &out); break;
  case 'S': ask_segments(f, &a, &out); break;
  case 'L': ask_long_segments(f, &out); break;
  case 'A': ask_response(f, &a, &out); break;
  case 'C': ask_conversation(f, &a, &out); break;
  default: fail_msg("unknown question %s", f->at[0]);
  }
  cql_buf_free(&out);
  cql_arena_free(&a);
}

static void replay(const char *name, size_t at_least) {
  wrong = 0;
  size_t asked = each_line(name, ask);
  print_message("%s: %zu answers compared\n", name, asked);
  assert_int_equal(wrong, 0);
  assert_true(asked >= at_least);
}

static void test_driver(void **state) {
  (void)state;
  replay("driver.tsv", 40);
}

static void test_cassandra(void **state) {
  (void)state;
  replay("cassandra.tsv", 60);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_driver),
      cmocka_unit_test(test_cassandra),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
