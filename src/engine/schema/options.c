/* options.c: what may follow WITH in CREATE and ALTER TABLE: names, defaults, ranges. Cassandra:
 * schema/TableParams.java, cql3/statements/schema/TableAttributes.java. */
#include "engine/schema/options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum option_kind {
  OPTION_TEXT,
  OPTION_BOOL_TRUE, /* shown as null while it is true, its default */
  OPTION_CDC,       /* accepted and never shown, as on a node whose change data capture is off */
  OPTION_DOUBLE,
  OPTION_INT,
  OPTION_CACHING,
  OPTION_COMPACTION,
  OPTION_COMPRESSION,
  OPTION_EXTENSIONS, /* accepted and not kept, as Cassandra does */
  OPTION_RETRY,
  OPTION_READ_REPAIR,
  OPTION_MEMTABLE,
  OPTION_ID, /* not an option that is stored: the table's uuid */
} option_kind;

typedef struct option_def {
  const char *name;
  option_kind kind;
  const char *text;
  double number;
} option_def;

static const option_def defs[] = {
    {"additional_write_policy", OPTION_RETRY, "99p", 0},
    {"allow_auto_snapshot", OPTION_BOOL_TRUE, NULL, 0},
    {"bloom_filter_fp_chance", OPTION_DOUBLE, NULL, 0.01},
    {"caching", OPTION_CACHING, NULL, 0},
    {"cdc", OPTION_CDC, NULL, 0},
    {"comment", OPTION_TEXT, "", 0},
    {"compaction", OPTION_COMPACTION, NULL, 0},
    {"compression", OPTION_COMPRESSION, NULL, 0},
    {"crc_check_chance", OPTION_DOUBLE, NULL, 1},
    {"default_time_to_live", OPTION_INT, NULL, 0},
    {"extensions", OPTION_EXTENSIONS, NULL, 0},
    {"gc_grace_seconds", OPTION_INT, NULL, 864000},
    {"id", OPTION_ID, NULL, 0},
    {"incremental_backups", OPTION_BOOL_TRUE, NULL, 0},
    {"max_index_interval", OPTION_INT, NULL, 2048},
    {"memtable", OPTION_MEMTABLE, NULL, 0},
    {"memtable_flush_period_in_ms", OPTION_INT, NULL, 0},
    {"min_index_interval", OPTION_INT, NULL, 128},
    {"read_repair", OPTION_READ_REPAIR, "BLOCKING", 0},
    {"speculative_retry", OPTION_RETRY, "99p", 0},
};

enum { DEF_COUNT = sizeof defs / sizeof *defs, TTL_MAX = 630720000 };

static const option_def *find_def(cql_slice name) {
  for (size_t i = 0; i < DEF_COUNT; i++)
    if (cql_slice_eq_str(name, defs[i].name)) return &defs[i];
  return NULL;
}

/* --- properties as written ---------------------------------------------------------------------------------------- */

cql_status cqle_property_unknown(const cqle_property *p, cql_error *err) {
  return cql_fail(err, CQL_SYNTAX, "Unknown property '" CQL_SLICE_FMT "'", CQL_SLICE_ARG(p->name));
}

cql_status cqle_property_text(const cqle_property *p, cql_slice *out, cql_error *err) {
  if (p->value->kind != CQLE_TERM_LITERAL)
    return cql_fail(err, CQL_SYNTAX, "Invalid value for property '" CQL_SLICE_FMT "'. It should be a string",
                    CQL_SLICE_ARG(p->name));
  *out = p->value->text;
  return CQL_OK;
}

cql_status cqle_property_map(const cqle_property *p, const cqle_term **out, cql_error *err) {
  if (p->value->kind != CQLE_TERM_MAP)
    return cql_fail(err, CQL_SYNTAX, "Invalid value for property '" CQL_SLICE_FMT "'. It should be a map.",
                    CQL_SLICE_ARG(p->name));
  *out = p->value;
  return CQL_OK;
}

cql_status cqle_property_bool(const cqle_property *p, bool *out, cql_error *err) {
  cql_slice text;
  CQLE_SCHEMA(cqle_property_text(p, &text, err));
  *out = cql_slice_eq_nocase(text, "true") || cql_slice_eq_nocase(text, "yes") || cql_slice_eq_str(text, "1");
  if (*out || cql_slice_eq_nocase(text, "false") || cql_slice_eq_nocase(text, "no") || cql_slice_eq_str(text, "0"))
    return CQL_OK;
  return cql_fail(err, CQL_SYNTAX,
                  "Invalid boolean value " CQL_SLICE_FMT " for '" CQL_SLICE_FMT
                  "'. Positive values can be '1', 'true' or 'yes'. Negative values can be '0', 'false' or 'no'.",
                  CQL_SLICE_ARG(text), CQL_SLICE_ARG(p->name));
}

bool cqle_text_to_long(cql_slice text, int64_t *out) {
  char copy[24], *end;
  long long v;
  if (text.len == 0 || text.len >= sizeof copy) return false;
  for (size_t i = 0; i < text.len; i++)
    if (!(text.data[i] >= '0' && text.data[i] <= '9') && !(i == 0 && (text.data[i] == '-' || text.data[i] == '+')))
      return false;
  memcpy(copy, text.data, text.len);
  copy[text.len] = 0;
  errno = 0;
  v = strtoll(copy, &end, 10);
  *out = v;
  return errno == 0 && end == copy + text.len && end > copy;
}

bool cqle_text_to_double(cql_slice text, double *out) {
  char copy[64], *end;
  if (text.len == 0 || text.len >= sizeof copy) return false;
  for (size_t i = 0; i < text.len; i++)
    if (!strchr("0123456789+-.eE", text.data[i])) return false;
  memcpy(copy, text.data, text.len);
  copy[text.len] = 0;
  *out = strtod(copy, &end);
  return end == copy + text.len;
}

const char *cqle_double_text(char out[32], double v) {
  snprintf(out, 32, "%.10g", v);
  if (!strpbrk(out, ".e")) strcat(out, ".0");
  return out;
}

static cql_status property_int(const cqle_property *p, int32_t *out, cql_error *err) {
  cql_slice text;
  int64_t v;
  CQLE_SCHEMA(cqle_property_text(p, &text, err));
  if (!cqle_text_to_long(text, &v) || v < INT32_MIN || v > INT32_MAX)
    return cql_fail(err, CQL_SYNTAX, "Invalid integer value " CQL_SLICE_FMT " for '" CQL_SLICE_FMT "'",
                    CQL_SLICE_ARG(text), CQL_SLICE_ARG(p->name));
  *out = (int32_t)v;
  return CQL_OK;
}

static cql_status property_double(const cqle_property *p, double *out, cql_error *err) {
  cql_slice text;
  CQLE_SCHEMA(cqle_property_text(p, &text, err));
  if (cqle_text_to_double(text, out)) return CQL_OK;
  return cql_fail(err, CQL_SYNTAX, "Invalid double value " CQL_SLICE_FMT " for '" CQL_SLICE_FMT "'",
                  CQL_SLICE_ARG(text), CQL_SLICE_ARG(p->name));
}

/* --- encoded values ----------------------------------------------------------------------------------------------- */

static cql_status put_bytes(cql_arena *a, const void *bytes, size_t len, cql_slice *out, cql_error *err) {
  return cql_arena_slice(a, cql_slice_of(bytes, len), out) == CQL_OK ? CQL_OK : cqle_out_of_memory(err);
}

static cql_status put_int(cql_arena *a, int32_t v, cql_slice *out, cql_error *err) {
  uint8_t bytes[4];
  cql_store_u32(bytes, (uint32_t)v);
  return put_bytes(a, bytes, sizeof bytes, out, err);
}

static cql_status put_double(cql_arena *a, double v, cql_slice *out, cql_error *err) {
  uint8_t bytes[8];
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  cql_store_u64(bytes, bits);
  return put_bytes(a, bytes, sizeof bytes, out, err);
}

static double get_double(cql_slice s) {
  uint64_t bits = cql_load_u64(s.data);
  double v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

static cql_status put_map(cql_arena *a, option_kind kind, cqle_option_map *m, cql_slice *out, cql_error *err) {
  if (kind == OPTION_CACHING) CQLE_SCHEMA(cqle_caching_check(m, err));
  if (kind == OPTION_COMPACTION) CQLE_SCHEMA(cqle_compaction_check(a, m, err));
  if (kind == OPTION_COMPRESSION) CQLE_SCHEMA(cqle_compression_check(a, m, err));
  return cqle_option_map_encode(a, m, out, err);
}

static cql_status default_value(cql_arena *a, const option_def *d, cql_slice *out, cql_error *err) {
  cqle_option_map *m = NULL;
  *out = (cql_slice){0};
  switch (d->kind) {
  case OPTION_TEXT:
  case OPTION_RETRY:
  case OPTION_READ_REPAIR: *out = cql_slice_str(d->text); return CQL_OK;
  case OPTION_BOOL_TRUE:
  case OPTION_CDC:
  case OPTION_MEMTABLE:
  case OPTION_ID: return CQL_OK;
  case OPTION_DOUBLE: return put_double(a, d->number, out, err);
  case OPTION_INT: return put_int(a, (int32_t)d->number, out, err);
  default: break;
  }
  m = cql_arena_zero(a, sizeof *m);
  if (!m) return cqle_out_of_memory(err);
  if (d->kind == OPTION_COMPACTION)
    CQLE_SCHEMA(
        cqle_option_map_put(m, CQL_SLICE_LITERAL("class"), CQL_SLICE_LITERAL("SizeTieredCompactionStrategy"), err));
  if (d->kind == OPTION_COMPRESSION)
    CQLE_SCHEMA(cqle_option_map_put(m, CQL_SLICE_LITERAL("class"), CQL_SLICE_LITERAL("LZ4Compressor"), err));
  return put_map(a, d->kind, m, out, err);
}

cql_status cqle_options_default(cql_arena *a, cqle_table *t, cql_error *err) {
  cqle_option *options = cql_arena_array(a, DEF_COUNT, sizeof *options);
  uint32_t count = 0;
  if (!options) return cqle_out_of_memory(err);
  for (size_t i = 0; i < DEF_COUNT; i++) {
    if (defs[i].kind == OPTION_ID) continue;
    options[count].name = defs[i].name;
    CQLE_SCHEMA(default_value(a, &defs[i], &options[count].value, err));
    count++;
  }
  t->options = options;
  t->option_count = count;
  return cqle_options_read(t, err);
}

/* --- reading one property ----------------------------------------------------------------------------------------- */

static cql_status memtable_value(cql_slice text, cql_error *err) {
  if (cql_slice_eq_str(text, "default")) return CQL_OK;
  return cql_fail(err, CQL_CONFIG, "Memtable configuration \"" CQL_SLICE_FMT "\" not found.", CQL_SLICE_ARG(text));
}

static cql_status read_repair_value(cql_slice text, cql_slice *out, cql_error *err) {
  if (cql_slice_eq_nocase(text, "none")) {
    *out = CQL_SLICE_LITERAL("NONE");
    return CQL_OK;
  }
  *out = CQL_SLICE_LITERAL("BLOCKING");
  if (cql_slice_eq_nocase(text, "blocking")) return CQL_OK;
  return cql_fail(err, CQL_CONFIG, "Invalid value " CQL_SLICE_FMT " for option 'read_repair'", CQL_SLICE_ARG(text));
}

static cql_status map_value(cql_arena *a, const option_def *d, const cqle_property *p, cql_slice *out, cql_error *err) {
  const cqle_term *term;
  cqle_option_map *m = cql_arena_zero(a, sizeof *m);
  if (!m) return cqle_out_of_memory(err);
  CQLE_SCHEMA(cqle_property_map(p, &term, err));
  if (d->kind != OPTION_EXTENSIONS) CQLE_SCHEMA(cqle_option_map_read(term, m, err));
  return put_map(a, d->kind, m, out, err);
}

static cql_status value_of(cql_arena *a, const option_def *d, const cqle_property *p, cql_slice *out, cql_error *err) {
  cql_slice text;
  double number;
  int32_t integer;
  bool flag;
  *out = (cql_slice){0};
  switch (d->kind) {
  case OPTION_BOOL_TRUE:
  case OPTION_CDC:
    CQLE_SCHEMA(cqle_property_bool(p, &flag, err));
    if (d->kind == OPTION_BOOL_TRUE && !flag) *out = CQL_SLICE_LITERAL("\0");
    return CQL_OK;
  case OPTION_DOUBLE: CQLE_SCHEMA(property_double(p, &number, err)); return put_double(a, number, out, err);
  case OPTION_INT: CQLE_SCHEMA(property_int(p, &integer, err)); return put_int(a, integer, out, err);
  case OPTION_CACHING:
  case OPTION_COMPACTION:
  case OPTION_COMPRESSION:
  case OPTION_EXTENSIONS: return map_value(a, d, p, out, err);
  default: break;
  }
  CQLE_SCHEMA(cqle_property_text(p, &text, err));
  if (d->kind == OPTION_RETRY) return cqle_retry_check(a, text, out, err);
  if (d->kind == OPTION_READ_REPAIR) return read_repair_value(text, out, err);
  if (d->kind == OPTION_MEMTABLE) return memtable_value(text, err);
  *out = text;
  return CQL_OK;
}

static cql_status set_id(cql_arena *a, cqle_table *t, const cqle_property *p, bool is_new, cql_error *err) {
  cql_slice text, uuid;
  if (!is_new) return cql_fail(err, CQL_CONFIG, "Cannot alter table id.");
  CQLE_SCHEMA(cqle_property_text(p, &text, err));
  if (cql_literal_encode(a, CQL_LITERAL_UUID, text, cql_type_native(CQL_TYPE_UUID), &uuid, NULL) != CQL_OK ||
      uuid.len != sizeof t->uuid)
    return cql_fail(err, CQL_CONFIG, "Invalid table id");
  memcpy(t->uuid, uuid.data, sizeof t->uuid);
  return CQL_OK;
}

cql_status cqle_options_parse(cql_arena *a, const cqle_property *properties, uint32_t count, cql_error *err) {
  for (uint32_t i = 0; i < count; i++) {
    const option_def *d = find_def(properties[i].name);
    cql_slice ignored;
    if (d && d->kind != OPTION_ID) CQLE_SCHEMA(value_of(a, d, &properties[i], &ignored, err));
  }
  return CQL_OK;
}

/* --- ranges ------------------------------------------------------------------------------------------------------- */

static const cqle_option *find_option(const cqle_table *t, const char *name) {
  for (uint32_t i = 0; i < t->option_count; i++)
    if (strcmp(t->options[i].name, name) == 0) return &t->options[i];
  return NULL;
}

static int32_t int_option(const cqle_table *t, const char *name) {
  const cqle_option *o = find_option(t, name);
  return o && o->value.len == 4 ? (int32_t)cql_load_u32(o->value.data) : 0;
}

static cql_status at_least(const cqle_table *t, const char *name, int32_t least, cql_error *err) {
  int32_t v = int_option(t, name);
  if (v >= least) return CQL_OK;
  return cql_fail(err, CQL_CONFIG, "%s must be greater than or equal to %d (got %d)", name, least, v);
}

static cql_status check_ranges(const cqle_table *t, cql_error *err) {
  double bloom = get_double(find_option(t, "bloom_filter_fp_chance")->value);
  double crc = get_double(find_option(t, "crc_check_chance")->value);
  char text[32];
  if (!(bloom > 6.71e-5 && bloom <= 1))
    return cql_fail(err, CQL_CONFIG,
                    "bloom_filter_fp_chance must be larger than 6.71E-5 and less than or equal to 1.0 (got %s)",
                    cqle_double_text(text, bloom));
  if (!(crc >= 0 && crc <= 1))
    return cql_fail(err, CQL_CONFIG,
                    "crc_check_chance must be larger than or equal to 0 and smaller than or equal to 1.0 (got %s)",
                    cqle_double_text(text, crc));
  CQLE_SCHEMA(at_least(t, "default_time_to_live", 0, err));
  if (t->default_ttl > TTL_MAX)
    return cql_fail(err, CQL_CONFIG, "default_time_to_live must be less than or equal to %d (got %d)", TTL_MAX,
                    t->default_ttl);
  CQLE_SCHEMA(at_least(t, "gc_grace_seconds", 0, err));
  CQLE_SCHEMA(at_least(t, "min_index_interval", 1, err));
  if (int_option(t, "max_index_interval") < int_option(t, "min_index_interval"))
    return cql_fail(err, CQL_CONFIG,
                    "max_index_interval must be greater than or equal to min_index_interval (%d) (got %d)",
                    int_option(t, "min_index_interval"), int_option(t, "max_index_interval"));
  return at_least(t, "memtable_flush_period_in_ms", 0, err);
}

/* Levelled compaction has another default for its Bloom filters. */
static cql_status default_bloom_filter(cql_arena *a, cqle_option *options, uint32_t count, cql_error *err) {
  static const char levelled[] = "LeveledCompactionStrategy";
  cqle_option *bloom = NULL, *compaction = NULL;
  for (uint32_t i = 0; i < count; i++) {
    if (strcmp(options[i].name, "bloom_filter_fp_chance") == 0) bloom = &options[i];
    if (strcmp(options[i].name, "compaction") == 0) compaction = &options[i];
  }
  if (!bloom || !compaction || !memmem(compaction->value.data, compaction->value.len, levelled, sizeof levelled - 1))
    return CQL_OK;
  return put_double(a, 0.1, &bloom->value, err);
}

cql_status cqle_options_apply(cql_arena *a, cqle_table *t, const cqle_property *properties, uint32_t count, bool is_new,
                              cql_error *err) {
  cqle_option *options = (cqle_option *)t->options; /* a copy of its own: cqle_options_default(), cqle_table_copy() */
  bool has_bloom = false;
  for (uint32_t i = 0; i < count; i++)
    if (!find_def(properties[i].name)) return cqle_property_unknown(&properties[i], err);
  for (uint32_t i = 0; i < count; i++) {
    const option_def *d = find_def(properties[i].name);
    if (d->kind == OPTION_ID) {
      CQLE_SCHEMA(set_id(a, t, &properties[i], is_new, err));
      continue;
    }
    has_bloom = has_bloom || strcmp(d->name, "bloom_filter_fp_chance") == 0;
    for (uint32_t o = 0; o < t->option_count; o++)
      if (strcmp(options[o].name, d->name) == 0) CQLE_SCHEMA(value_of(a, d, &properties[i], &options[o].value, err));
  }
  if (is_new && !has_bloom) CQLE_SCHEMA(default_bloom_filter(a, options, t->option_count, err));
  CQLE_SCHEMA(cqle_options_read(t, err));
  CQLE_SCHEMA(check_ranges(t, err));
  if (t->is_counter && t->default_ttl > 0)
    return cql_fail(err, CQL_INVALID, "Cannot set default_time_to_live on a table with counters");
  return CQL_OK;
}

/* --- what the engine reads ---------------------------------------------------------------------------------------- */

static bool has_len(const cqle_table *t, const char *name, size_t len) {
  const cqle_option *o = find_option(t, name);
  return o && o->value.data && o->value.len == len;
}

/* DESCRIBE has words for these alone when they are null. */
static bool may_be_null(option_kind kind) {
  return kind == OPTION_BOOL_TRUE || kind == OPTION_CDC || kind == OPTION_MEMTABLE || kind == OPTION_ID;
}

cql_status cqle_options_read(cqle_table *t, cql_error *err) {
  for (size_t i = 0; i < DEF_COUNT; i++) {
    if (defs[i].kind == OPTION_INT && !has_len(t, defs[i].name, 4)) return cqle_catalog_corrupt(err);
    if (defs[i].kind == OPTION_DOUBLE && !has_len(t, defs[i].name, 8)) return cqle_catalog_corrupt(err);
    const cqle_option *o = find_option(t, defs[i].name);
    if (o && !o->value.data && !may_be_null(defs[i].kind)) return cqle_catalog_corrupt(err);
  }
  t->default_ttl = int_option(t, "default_time_to_live");
  t->gc_grace_seconds = int_option(t, "gc_grace_seconds");
  return CQL_OK;
}

const cql_type *cqle_option_type(cql_arena *a, const char *name) {
  const option_def *d = find_def(cql_slice_str(name));
  const cql_type *text = cql_type_native(CQL_TYPE_TEXT);
  if (!d) return NULL;
  switch (d->kind) {
  case OPTION_BOOL_TRUE:
  case OPTION_CDC: return cql_type_native(CQL_TYPE_BOOLEAN);
  case OPTION_DOUBLE: return cql_type_native(CQL_TYPE_DOUBLE);
  case OPTION_INT: return cql_type_native(CQL_TYPE_INT);
  case OPTION_CACHING:
  case OPTION_COMPACTION:
  case OPTION_COMPRESSION: return cql_type_map(a, text, text, true);
  case OPTION_EXTENSIONS: return cql_type_map(a, text, cql_type_native(CQL_TYPE_BLOB), true);
  default: return text;
  }
}
