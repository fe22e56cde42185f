/* exact.c: SQL functions over numbers that SQLite's REAL does not hold, and over sums that its integers do not.
 *
 *   cql_sum(x)           of integers and of a decimal's raw column: an integer while there are none but integers and it
 * fits, else the number as text cql_min(x), cql_max(x)   of a decimal's raw column: its bytes
 *
 * Nulls are passed over; without a value the answer is null. */
#include "relational/relational_int.h"

#include <stdlib.h>
#include <string.h>

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

enum {
  DECIMAL_LEN_MIN = 5,   /* a scale, and one byte */
  UNSCALED_LEN_MAX = 16, /* of what fits in 128 bits */
  SCALE_LEN = 4,
  DIGITS_MAX = 38,
};

/* --- sum ---------------------------------------------------------------------------------------------------------- */

/* SQLite's memory is aligned for words of 64 bits. */
typedef struct sum {
  uint64_t high, low; /* unscaled */
  int32_t scale;
  bool has_value, has_decimal, is_too_long;
} sum;

static int128 total_of(const sum *s) {
  return (int128)((uint128)s->high << 64 | s->low);
}

static void set_total(sum *s, int128 v) {
  s->high = (uint64_t)((uint128)v >> 64);
  s->low = (uint64_t)v;
}

/* v * 10^power; false: it does not fit. */
static bool scale_up(int128 *v, int64_t power) {
  if (*v == 0) return true;
  if (power > DIGITS_MAX) return false;
  for (; power > 0; power--)
    if (__builtin_mul_overflow(*v, (int128)10, v)) return false;
  return true;
}

static bool add(sum *s, int128 v, int32_t scale) {
  int128 total = total_of(s);
  if (!s->has_value) s->scale = scale;
  s->has_value = true;
  if (scale > s->scale) {
    if (!scale_up(&total, (int64_t)scale - s->scale)) return false;
    s->scale = scale;
  }
  if (!scale_up(&v, (int64_t)s->scale - scale)) return false;
  if (__builtin_add_overflow(total, v, &total)) return false;
  set_total(s, total);
  return true;
}

/* Two's complement, highest byte first. */
static int128 load(const uint8_t *p, size_t len) {
  uint128 bits = p[0] & 0x80 ? ~(uint128)0 : 0;
  for (size_t i = 0; i < len; i++) bits = bits << 8 | p[i];
  return (int128)bits;
}

static bool add_decimal(sum *s, sqlite3_value *value) {
  const uint8_t *data = sqlite3_value_blob(value);
  size_t len = (size_t)sqlite3_value_bytes(value);
  if (len < DECIMAL_LEN_MIN) return true; /* empty bytes are no number */
  s->has_decimal = true;
  const uint8_t *first = data + SCALE_LEN, *end = data + len;
  uint8_t sign = *first & 0x80 ? 0xFF : 0;
  while (end - first > UNSCALED_LEN_MAX && *first == sign && ((first[1] ^ sign) & 0x80) == 0) first++;
  if (end - first > UNSCALED_LEN_MAX) return false;
  return add(s, load(first, (size_t)(end - first)), (int32_t)cql_load_u32(data));
}

static void on_sum_step(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  int type = sqlite3_value_type(argv[0]);
  if (type == SQLITE_NULL) return;
  sum *s = sqlite3_aggregate_context(context, sizeof *s);
  if (s == NULL) {
    sqlite3_result_error_nomem(context);
    return;
  }
  if (type == SQLITE_INTEGER)
    s->is_too_long |= !add(s, sqlite3_value_int64(argv[0]), 0);
  else if (type == SQLITE_BLOB)
    s->is_too_long |= !add_decimal(s, argv[0]);
  else
    sqlite3_result_error(context, "cql_sum() adds integers, and what the raw column of a decimal has", -1);
}

static void give_number(sqlite3_context *context, const sum *s) {
  uint8_t bytes[SCALE_LEN + UNSCALED_LEN_MAX];
  cql_buf text;
  cql_buf_init(&text, &cql_alloc_libc, 1 << 20);
  cql_store_u32(bytes, (uint32_t)s->scale);
  cql_store_u64(bytes + SCALE_LEN, s->high);
  cql_store_u64(bytes + SCALE_LEN + 8, s->low);
  cql_print_decimal(&text, cql_slice_of(bytes, sizeof bytes));
  if (text.st == CQL_OK)
    sqlite3_result_text64(context, (const char *)text.data, text.len, SQLITE_TRANSIENT, SQLITE_UTF8);
  else
    sqlite3_result_error_nomem(context);
  cql_buf_free(&text);
}

static void on_sum_end(sqlite3_context *context) {
  const sum *s = sqlite3_aggregate_context(context, 0);
  int128 total = s == NULL ? 0 : total_of(s);
  if (s != NULL && s->is_too_long)
    sqlite3_result_error(context, "cql_sum() has more than 38 digits: add the values in the program", -1);
  else if (s == NULL || !s->has_value)
    sqlite3_result_null(context);
  else if (!s->has_decimal && total >= INT64_MIN && total <= INT64_MAX)
    sqlite3_result_int64(context, (int64_t)total);
  else
    give_number(context, s);
}

/* --- least and greatest ------------------------------------------------------------------------------------------- */

typedef struct best {
  uint8_t *data; /* NULL: no value yet */
  size_t len, room;
} best;

static bool keep(best *b, cql_slice value) {
  if (value.len > b->room) {
    uint8_t *data = realloc(b->data, value.len);
    if (data == NULL) return false;
    b->data = data;
    b->room = value.len;
  }
  memcpy(b->data, value.data, value.len);
  b->len = value.len;
  return true;
}

/* The function's user data: NULL for the least. */
static void on_best_step(sqlite3_context *context, int argc, sqlite3_value **argv) {
  static const cql_type DECIMAL = {.code = CQL_TYPE_DECIMAL};
  (void)argc;
  if (sqlite3_value_type(argv[0]) == SQLITE_NULL) return;
  if (sqlite3_value_type(argv[0]) != SQLITE_BLOB) {
    sqlite3_result_error(context, "cql_min() and cql_max() compare what the raw column of a decimal has", -1);
    return;
  }
  cql_slice value = {sqlite3_value_blob(argv[0]), (size_t)sqlite3_value_bytes(argv[0])};
  if (value.len < DECIMAL_LEN_MIN) return;
  best *b = sqlite3_aggregate_context(context, sizeof *b);
  bool is_better = b != NULL && b->data == NULL;
  if (b != NULL && !is_better) {
    int order = cql_value_cmp(&DECIMAL, value, cql_slice_of(b->data, b->len));
    is_better = sqlite3_user_data(context) == NULL ? order < 0 : order > 0;
  }
  if (b == NULL || (is_better && !keep(b, value))) sqlite3_result_error_nomem(context);
}

static void on_best_end(sqlite3_context *context) {
  best *b = sqlite3_aggregate_context(context, 0);
  if (b == NULL || b->data == NULL)
    sqlite3_result_null(context);
  else
    sqlite3_result_blob64(context, b->data, b->len, free);
}

/* --- all ---------------------------------------------------------------------------------------------------------- */

int cqlr_exact_register(sqlite3 *db) {
  static int greatest;
  const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
  int rc = sqlite3_create_function_v2(db, "cql_sum", 1, flags, NULL, NULL, on_sum_step, on_sum_end, NULL);
  if (rc == SQLITE_OK)
    rc = sqlite3_create_function_v2(db, "cql_min", 1, flags, NULL, NULL, on_best_step, on_best_end, NULL);
  if (rc == SQLITE_OK)
    rc = sqlite3_create_function_v2(db, "cql_max", 1, flags, &greatest, NULL, on_best_step, on_best_end, NULL);
  return rc;
}
