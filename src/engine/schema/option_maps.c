/* option_maps.c: caching, compaction, compression. None of them changes how this engine stores a row; they are
 * checked and kept so that a schema written for Cassandra is told of its slips here, and shows the same there. */
#include "engine/schema/options.h"

#include <string.h>

/* --- the map ------------------------------------------------------------------------------------------------------ */

/* They are kept and shown as C strings. */
static bool holds_zero(cql_slice s) {
  return s.len > 0 && memchr(s.data, '\0', s.len) != NULL;
}

cql_status cqle_option_map_put(cqle_option_map *m, cql_slice key, cql_slice value, cql_error *err) {
  if (holds_zero(key) || holds_zero(value))
    return cql_fail(err, CQL_INVALID, "Properties with a zero byte in them are not supported by the embedded engine");
  for (uint32_t i = 0; i < m->count; i++)
    if (cql_slice_eq(m->keys[i], key)) {
      m->values[i] = value;
      return CQL_OK;
    }
  if (m->count == CQLE_OPTION_ENTRIES_MAX)
    return cql_fail(err, CQL_LIMIT, "A property has more than %d entries", CQLE_OPTION_ENTRIES_MAX);
  m->keys[m->count] = key;
  m->values[m->count++] = value;
  return CQL_OK;
}

cql_status cqle_option_map_read(const cqle_term *map, cqle_option_map *out, cql_error *err) {
  for (uint32_t i = 0; i + 1 < map->count; i += 2)
    CQLE_SCHEMA(cqle_option_map_put(out, map->items[i]->text, map->items[i + 1]->text, err));
  return CQL_OK;
}

bool cqle_option_map_get(const cqle_option_map *m, const char *key, cql_slice *out) {
  for (uint32_t i = 0; i < m->count; i++)
    if (cql_slice_eq_str(m->keys[i], key)) {
      *out = m->values[i];
      return true;
    }
  return false;
}

static bool take(cqle_option_map *m, const char *key, cql_slice *out) {
  for (uint32_t i = 0; i < m->count; i++)
    if (cql_slice_eq_str(m->keys[i], key)) {
      *out = m->values[i];
      m->count--;
      m->keys[i] = m->keys[m->count];
      m->values[i] = m->values[m->count];
      return true;
    }
  return false;
}

cql_status cqle_option_map_encode(cql_arena *a, const cqle_option_map *m, cql_slice *out, cql_error *err) {
  cql_slice values[2 * CQLE_OPTION_ENTRIES_MAX];
  uint32_t entries = m->count;
  cql_buf b;
  cql_status st;
  for (uint32_t i = 0; i < entries; i++) {
    values[2 * i] = m->keys[i];
    values[2 * i + 1] = m->values[i];
  }
  cql_map_normalize(cql_type_native(CQL_TYPE_TEXT), values, &entries);
  cql_buf_init(&b, a->alloc, 1024 * 1024);
  cql_put_count(&b, entries);
  for (uint32_t i = 0; i < 2 * entries; i++) cql_put_element(&b, values[i]);
  st = b.st == CQL_OK ? cql_arena_slice(a, cql_buf_view(&b), out) : b.st;
  cql_buf_free(&b);
  return st == CQL_OK ? CQL_OK : cql_fail(err, st, "a table option is too long");
}

static bool is_one_of(cql_slice key, const char *const *names) {
  for (; *names; names++)
    if (cql_slice_eq_str(key, *names)) return true;
  return false;
}

/* Short names of classes stand for those of a package. */
static cql_status full_class(cql_arena *a, cql_slice name, const char *package, cql_slice *out, cql_error *err) {
  char *full;
  *out = name;
  if (memchr(name.data, '.', name.len)) return CQL_OK;
  full = cql_arena_printf(a, "%s." CQL_SLICE_FMT, package, CQL_SLICE_ARG(name));
  if (!full) return cqle_out_of_memory(err);
  *out = cql_slice_str(full);
  return CQL_OK;
}

/* --- caching ------------------------------------------------------------------------------------------------------ */

static bool is_none_or_all(cql_slice v) {
  return cql_slice_eq_nocase(v, "none") || cql_slice_eq_nocase(v, "all");
}

static cql_slice upper_none_or_all(cql_slice v) {
  if (cql_slice_eq_nocase(v, "none")) return CQL_SLICE_LITERAL("NONE");
  return cql_slice_eq_nocase(v, "all") ? CQL_SLICE_LITERAL("ALL") : v;
}

cql_status cqle_caching_check(cqle_option_map *m, cql_error *err) {
  cql_slice keys = CQL_SLICE_LITERAL("ALL"), rows = CQL_SLICE_LITERAL("NONE");
  int64_t n;
  take(m, "keys", &keys);
  take(m, "rows_per_partition", &rows);
  if (m->count)
    return cql_fail(err, CQL_CONFIG,
                    "Invalid caching sub-options [" CQL_SLICE_FMT "]: only 'keys' and 'rows_per_partition' are allowed",
                    CQL_SLICE_ARG(m->keys[0]));
  if (!is_none_or_all(keys))
    return cql_fail(err, CQL_CONFIG,
                    "Invalid value '" CQL_SLICE_FMT
                    "' for caching sub-option 'keys': only 'ALL' and 'NONE' are allowed",
                    CQL_SLICE_ARG(keys));
  if (!is_none_or_all(rows) && !(cqle_text_to_long(rows, &n) && n >= 0 && n <= INT32_MAX))
    return cql_fail(err, CQL_CONFIG,
                    "Invalid value '" CQL_SLICE_FMT
                    "' for caching sub-option 'rows_per_partition': only 'ALL', 'NONE', and integer values are allowed",
                    CQL_SLICE_ARG(rows));
  CQLE_SCHEMA(cqle_option_map_put(m, CQL_SLICE_LITERAL("keys"), upper_none_or_all(keys), err));
  return cqle_option_map_put(m, CQL_SLICE_LITERAL("rows_per_partition"), upper_none_or_all(rows), err);
}

/* --- compaction --------------------------------------------------------------------------------------------------- */

#define COMPACTION_COMMON                                                                                              \
  "class", "enabled", "tombstone_threshold", "tombstone_compaction_interval", "unchecked_tombstone_compaction",        \
      "log_all", "only_purge_repaired_tombstones", "provide_overlapping_tombstones"
#define SIZE_TIERED "min_threshold", "max_threshold", "min_sstable_size", "bucket_low", "bucket_high"

static const char *const size_tiered[] = {COMPACTION_COMMON, SIZE_TIERED, NULL};
static const char *const levelled[] = {COMPACTION_COMMON,        SIZE_TIERED, "sstable_size_in_mb", "fanout_size",
                                       "single_sstable_uplevel", NULL};
static const char *const time_window[] = {COMPACTION_COMMON,
                                          SIZE_TIERED,
                                          "compaction_window_unit",
                                          "compaction_window_size",
                                          "timestamp_resolution",
                                          "expired_sstable_check_frequency_seconds",
                                          "unsafe_aggressive_sstable_expiration",
                                          NULL};
static const char *const unified[] = {COMPACTION_COMMON,
                                      "scaling_parameters",
                                      "target_sstable_size",
                                      "min_sstable_size",
                                      "base_shard_count",
                                      "sstable_growth",
                                      "flush_size_override",
                                      "max_sstables_to_compact",
                                      "overlap_inclusion_method",
                                      "expired_sstable_check_frequency_seconds",
                                      "unsafe_aggressive_sstable_expiration",
                                      NULL};

static const struct {
  const char *name;
  const char *const *options;
  bool has_thresholds;
} strategies[] = {{"SizeTieredCompactionStrategy", size_tiered, true},
                  {"LeveledCompactionStrategy", levelled, true},
                  {"TimeWindowCompactionStrategy", time_window, true},
                  {"UnifiedCompactionStrategy", unified, false}};

static cql_status threshold(cqle_option_map *m, const char *name, const char *fallback, int64_t *out, cql_error *err) {
  cql_slice text = cql_slice_str(fallback);
  cqle_option_map_get(m, name, &text);
  if (!cqle_text_to_long(text, out) || *out > INT32_MAX || *out < INT32_MIN)
    return cql_fail(err, CQL_CONFIG,
                    "Invalid value " CQL_SLICE_FMT " for '%s' compaction sub-option - must be an integer",
                    CQL_SLICE_ARG(text), name);
  return cqle_option_map_put(m, cql_slice_str(name), text, err);
}

static cql_status check_thresholds(cqle_option_map *m, cql_error *err) {
  int64_t least, most;
  CQLE_SCHEMA(threshold(m, "min_threshold", "4", &least, err));
  CQLE_SCHEMA(threshold(m, "max_threshold", "32", &most, err));
  if (least < 2)
    return cql_fail(err, CQL_CONFIG, "Min compaction threshold cannot be less than 2 (got %d)", (int)least);
  if (least > most)
    return cql_fail(err, CQL_CONFIG,
                    "Min compaction threshold (got %d) cannot be greater than max compaction threshold (got %d)",
                    (int)least, (int)most);
  return CQL_OK;
}

cql_status cqle_compaction_check(cql_arena *a, cqle_option_map *m, cql_error *err) {
  static const char package[] = "org.apache.cassandra.db.compaction";
  cql_slice given, full, simple;
  if (!cqle_option_map_get(m, "class", &given))
    return cql_fail(err, CQL_CONFIG, "Missing sub-option 'class' for the 'compaction' option");
  CQLE_SCHEMA(full_class(a, given, package, &full, err));
  simple = full.len >= sizeof package && memcmp(full.data, package, sizeof package - 1) == 0
               ? cql_slice_of(full.data + sizeof package, full.len - sizeof package)
               : full;
  for (size_t i = 0; i < sizeof strategies / sizeof *strategies; i++) {
    if (!cql_slice_eq_str(simple, strategies[i].name)) continue;
    for (uint32_t o = 0; o < m->count; o++)
      if (!is_one_of(m->keys[o], strategies[i].options))
        return cql_fail(err, CQL_CONFIG, "Properties specified [" CQL_SLICE_FMT "] are not understood by %s",
                        CQL_SLICE_ARG(m->keys[o]), strategies[i].name);
    if (strategies[i].has_thresholds) CQLE_SCHEMA(check_thresholds(m, err));
    return cqle_option_map_put(m, CQL_SLICE_LITERAL("class"), full, err);
  }
  return cql_fail(err, CQL_CONFIG, "Unable to find compaction strategy class '" CQL_SLICE_FMT "'", CQL_SLICE_ARG(full));
}

/* --- compression -------------------------------------------------------------------------------------------------- */

static cql_status check_chunk(const cqle_option_map *m, cql_error *err) {
  cql_slice text = CQL_SLICE_LITERAL("16");
  int64_t n;
  cqle_option_map_get(m, "chunk_length_in_kb", &text);
  if (!cqle_text_to_long(text, &n) || n > INT32_MAX / 1024)
    return cql_fail(err, CQL_CONFIG, "Invalid value for chunk_length_in_kb");
  if (n <= 0) return cql_fail(err, CQL_CONFIG, "Invalid negative or null chunk_length_in_kb");
  if (n & (n - 1)) return cql_fail(err, CQL_CONFIG, "chunk_length_in_kb must be a power of 2");
  return CQL_OK;
}

static cql_status check_compressor(const cqle_option_map *m, cql_slice full, cql_error *err) {
  static const char *const known[] = {"class",
                                      "chunk_length_in_kb",
                                      "enabled",
                                      "min_compress_ratio",
                                      "compression_level",
                                      "lz4_compressor_type",
                                      "lz4_high_compressor_level",
                                      NULL};
  static const char *const classes[] = {
      "org.apache.cassandra.io.compress.LZ4Compressor",     "org.apache.cassandra.io.compress.SnappyCompressor",
      "org.apache.cassandra.io.compress.DeflateCompressor", "org.apache.cassandra.io.compress.ZstdCompressor",
      "org.apache.cassandra.io.compress.NoopCompressor",    NULL};
  if (!is_one_of(full, classes))
    return cql_fail(err, CQL_CONFIG, "Could not create Compression for type " CQL_SLICE_FMT, CQL_SLICE_ARG(full));
  for (uint32_t o = 0; o < m->count; o++)
    if (!is_one_of(m->keys[o], known))
      return cql_fail(err, CQL_CONFIG, "Unknown compression options " CQL_SLICE_FMT, CQL_SLICE_ARG(m->keys[o]));
  return check_chunk(m, err);
}

cql_status cqle_compression_check(cql_arena *a, cqle_option_map *m, cql_error *err) {
  cql_slice given, full, enabled, chunk = CQL_SLICE_LITERAL("16");
  bool off = m->count == 0;
  if (cqle_option_map_get(m, "enabled", &enabled)) {
    off = cql_slice_eq_nocase(enabled, "false");
    if (off && m->count > 1)
      return cql_fail(err, CQL_CONFIG,
                      "If the 'enabled' option is set to false no other options must be specified for 'compression'");
  }
  if (off) return cqle_option_map_put(m, CQL_SLICE_LITERAL("enabled"), CQL_SLICE_LITERAL("false"), err);
  if (!cqle_option_map_get(m, "class", &given))
    return cql_fail(err, CQL_CONFIG, "Missing sub-option 'class' for the 'compression' option.");
  CQLE_SCHEMA(full_class(a, given, "org.apache.cassandra.io.compress", &full, err));
  CQLE_SCHEMA(check_compressor(m, full, err));
  take(m, "enabled", &enabled);
  cqle_option_map_get(m, "chunk_length_in_kb", &chunk);
  CQLE_SCHEMA(cqle_option_map_put(m, CQL_SLICE_LITERAL("chunk_length_in_kb"), chunk, err));
  return cqle_option_map_put(m, CQL_SLICE_LITERAL("class"), full, err);
}

/* --- speculative_retry, additional_write_policy ------------------------------------------------------------------- */

static cql_status retry_invalid(cql_slice text, cql_error *err) {
  return cql_fail(err, CQL_CONFIG, "Invalid value " CQL_SLICE_FMT " for option 'speculative_retry'",
                  CQL_SLICE_ARG(text));
}

static bool ends_with(cql_slice s, const char *tail, cql_slice *head) {
  size_t len = strlen(tail);
  if (s.len <= len) return false;
  *head = cql_slice_of(s.data, s.len - len);
  return cql_slice_eq_nocase(cql_slice_of(s.data + s.len - len, len), tail);
}

/* 99p, 99.5percentile, 50ms */
static cql_status simple_retry(cql_arena *a, cql_slice text, const char **out, cql_error *err) {
  cql_slice number;
  double v;
  if (ends_with(text, "ms", &number)) {
    if (!cqle_text_to_double(number, &v) || v < 0 || v > INT32_MAX) return retry_invalid(text, err);
    *out = cql_arena_printf(a, "%dms", (int)v);
    return *out ? CQL_OK : cqle_out_of_memory(err);
  }
  if (!ends_with(text, "percentile", &number) && !ends_with(text, "p", &number)) return retry_invalid(text, err);
  if (!cqle_text_to_double(number, &v)) return retry_invalid(text, err);
  if (!(v > 0 && v < 100))
    return cql_fail(err, CQL_CONFIG,
                    "Invalid value " CQL_SLICE_FMT
                    " for PERCENTILE option 'speculative_retry': must be between (0.0 and 100.0)",
                    CQL_SLICE_ARG(text));
  *out = cql_arena_printf(a, "%.6gp", v);
  return *out ? CQL_OK : cqle_out_of_memory(err);
}

static cql_slice trim(cql_slice s) {
  while (s.len && s.data[0] == ' ') s = cql_slice_of(s.data + 1, s.len - 1);
  while (s.len && s.data[s.len - 1] == ' ') s.len--;
  return s;
}

/* MIN(99p,50ms), MAX(…) */
static cql_status hybrid_retry(cql_arena *a, cql_slice text, cql_slice *out, cql_error *err) {
  const uint8_t *comma = memchr(text.data, ',', text.len);
  cql_slice function = cql_slice_of(text.data, 4), left, right;
  const char *first, *second, *joined;
  bool min = cql_slice_eq_nocase(function, "min(");
  if (!comma || text.data[text.len - 1] != ')') return retry_invalid(text, err);
  left = cql_slice_of(text.data + 4, (size_t)(comma - text.data) - 4);
  right = cql_slice_of(comma + 1, text.len - (size_t)(comma - text.data) - 2);
  CQLE_SCHEMA(simple_retry(a, trim(left), &first, err));
  CQLE_SCHEMA(simple_retry(a, trim(right), &second, err));
  joined = cql_arena_printf(a, "%s(%s,%s)", min ? "MIN" : "MAX", first, second);
  if (!joined) return cqle_out_of_memory(err);
  *out = cql_slice_str(joined);
  return CQL_OK;
}

cql_status cqle_retry_check(cql_arena *a, cql_slice text, cql_slice *out, cql_error *err) {
  const char *simple;
  if (cql_slice_eq_nocase(text, "never") || cql_slice_eq_nocase(text, "none")) {
    *out = CQL_SLICE_LITERAL("NEVER");
    return CQL_OK;
  }
  if (cql_slice_eq_nocase(text, "always")) {
    *out = CQL_SLICE_LITERAL("ALWAYS");
    return CQL_OK;
  }
  if (text.len > 4 && (cql_slice_eq_nocase(cql_slice_of(text.data, 4), "min(") ||
                       cql_slice_eq_nocase(cql_slice_of(text.data, 4), "max(")))
    return hybrid_retry(a, text, out, err);
  CQLE_SCHEMA(simple_retry(a, text, &simple, err));
  *out = cql_slice_str(simple);
  return CQL_OK;
}
