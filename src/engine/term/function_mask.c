/* function_mask.c: mask_null, mask_default, mask_replace, mask_inner, mask_outer, mask_hash. Cassandra:
 * cql3/functions/masking, AbstractType.getMaskedValue(). Their results have the type of what is masked, but for hashes.
 */
#include "engine/term/function_int.h"

#include <openssl/evp.h>
#include <string.h>

#include "engine/term/term_int.h"

/* --- mask_null, mask_replace -------------------------------------------------------------------------------------- */

static cql_status mask_null(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  (void)x;
  (void)f;
  (void)args;
  *out = (cql_slice){NULL, 0};
  return CQL_OK;
}

static cql_status mask_replace(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  (void)x;
  (void)f;
  *out = args[1];
  return CQL_OK;
}

/* --- mask_default ------------------------------------------------------------------------------------------------- */

static cql_slice native_default(cql_type_code code) {
  static const uint8_t zeros[16];
  static const uint8_t day[4] = {0x80}; /* 1970-01-01 */
  static const uint8_t first_timeuuid[16] = {0x13, 0x81, 0x40, 0x00, 0x1D, 0xD2, 0x11, 0xB2,
                                             0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
  switch (code) {
  case CQL_TYPE_ASCII:
  case CQL_TYPE_TEXT: return CQL_SLICE_LITERAL("****");
  case CQL_TYPE_BOOLEAN:
  case CQL_TYPE_TINYINT:
  case CQL_TYPE_VARINT: return cql_slice_of(zeros, 1);
  case CQL_TYPE_SMALLINT: return cql_slice_of(zeros, 2);
  case CQL_TYPE_DURATION: return cql_slice_of(zeros, 3);
  case CQL_TYPE_INT:
  case CQL_TYPE_FLOAT:
  case CQL_TYPE_INET:
  case CQL_TYPE_LIST: /* collections: no elements */
  case CQL_TYPE_SET:
  case CQL_TYPE_MAP: return cql_slice_of(zeros, 4);
  case CQL_TYPE_DECIMAL: return cql_slice_of(zeros, 5);
  case CQL_TYPE_BIGINT:
  case CQL_TYPE_COUNTER:
  case CQL_TYPE_DOUBLE:
  case CQL_TYPE_TIME:
  case CQL_TYPE_TIMESTAMP: return cql_slice_of(zeros, 8);
  case CQL_TYPE_UUID: return cql_slice_of(zeros, 16);
  case CQL_TYPE_DATE: return cql_slice_of(day, sizeof day);
  case CQL_TYPE_TIMEUUID: return cql_slice_of(first_timeuuid, sizeof first_timeuuid);
  default: return cql_slice_of("", 0);
  }
}

static cql_status default_of(cqle_exec *x, const cql_type *type, cql_slice *out) {
  bool is_vector = type->code == CQL_TYPE_VECTOR;
  if (!is_vector && type->code != CQL_TYPE_TUPLE && type->code != CQL_TYPE_UDT) {
    *out = native_default(type->code);
    return CQL_OK;
  }
  uint32_t count = is_vector ? type->dimension : type->arg_count;
  cql_slice *items = cql_arena_array(x->arena, count, sizeof *items);
  if (items == NULL) return cql_fail(x->err, CQL_NOMEM, "Out of memory");
  for (uint32_t i = 0; i < count; i++) {
    cql_status st = default_of(x, type->args[is_vector ? 0 : i], &items[i]);
    if (st != CQL_OK) return st;
  }
  cqle_expr shape = {
      .kind = is_vector ? CQLE_EXPR_VECTOR : CQLE_EXPR_TUPLE, .type = type, .name = "mask_default", .count = count};
  return cqle_expr_pack(x->arena, &shape, items, out, x->err);
}

static cql_status mask_default(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  (void)args;
  return default_of(x, f->result, out);
}

/* --- mask_inner, mask_outer --------------------------------------------------------------------------------------- */

/* The bytes of the character at p; text is valid UTF-8. */
static size_t char_len(uint8_t first) {
  return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/* Positions count UTF-16 units, as Java's strings do: a character of four bytes is two of them. */
static int64_t utf16_len(cql_slice text) {
  int64_t units = 0;
  for (size_t i = 0; i < text.len; i += char_len(text.data[i])) units += char_len(text.data[i]) == 4 ? 2 : 1;
  return units;
}

static int32_t int_arg(cql_slice bytes) {
  return bytes.len == 4 ? (int32_t)cql_load_u32(bytes.data) : 0; /* null: none */
}

static cql_status padding_of(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  *out = CQL_SLICE_LITERAL("*");
  if (f->arg_count < 4 || args[3].data == NULL) return CQL_OK;
  int64_t units = utf16_len(args[3]);
  if (units != 1)
    return cql_fail(x->err, CQL_INVALID,
                    "The padding argument for function system.%s should be single-character, but '" CQL_SLICE_FMT
                    "' has %lld characters.",
                    f->name, CQL_SLICE_ARG(args[3]), (long long)units);
  *out = args[3];
  if (f->result->code == CQL_TYPE_ASCII && !cql_ascii_valid(*out)) *out = CQL_SLICE_LITERAL("?");
  return CQL_OK;
}

/* The units from `from` up to `to` are masked, or all others. Half a character that stays becomes what Java encodes it
 * as. */
static cql_status mask_part(cqle_exec *x, const cqle_function *f, const cql_slice *args, bool inner, cql_slice *out) {
  cql_slice text = args[0], padding;
  *out = (cql_slice){NULL, 0};
  cql_status st = padding_of(x, f, args, &padding);
  if (st != CQL_OK || text.data == NULL) return st;
  int64_t from = int_arg(args[1]), to = utf16_len(text) - (int64_t)int_arg(args[2]), unit = 0;
  uint8_t *bytes = cql_arena_get(x->arena, text.len * 3), *p = bytes;
  if (bytes == NULL) return cql_fail(x->err, CQL_NOMEM, "Out of memory");
  for (size_t i = 0; i < text.len;) {
    size_t len = char_len(text.data[i]);
    int units = len == 4 ? 2 : 1;
    bool masked[2] = {false, false};
    for (int k = 0; k < units; k++, unit++) masked[k] = (unit >= from && unit < to) == inner;
    bool whole = !masked[0] && (units == 1 || !masked[1]);
    if (whole) memcpy(p, text.data + i, len);
    if (whole) p += len;
    for (int k = 0; k < units && !whole; k++) {
      cql_slice one = masked[k] ? padding : CQL_SLICE_LITERAL("?");
      memcpy(p, one.data, one.len);
      p += one.len;
    }
    i += len;
  }
  *out = cql_slice_of(bytes, (size_t)(p - bytes));
  return CQL_OK;
}

static cql_status mask_inner(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  return mask_part(x, f, args, true, out);
}

static cql_status mask_outer(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  return mask_part(x, f, args, false, out);
}

/* --- mask_hash ---------------------------------------------------------------------------------------------------- */

/* Java's names, in lower case, and OpenSSL's. */
static const char *digest_name(cql_slice algorithm) {
  static const char *const NAMES[][2] = {
      {"md5", "MD5"},
      {"sha", "SHA1"},
      {"sha1", "SHA1"},
      {"sha-1", "SHA1"},
      {"sha-224", "SHA2-224"},
      {"sha-256", "SHA2-256"},
      {"sha-384", "SHA2-384"},
      {"sha-512", "SHA2-512"},
      {"sha3-224", "SHA3-224"},
      {"sha3-256", "SHA3-256"},
      {"sha3-384", "SHA3-384"},
      {"sha3-512", "SHA3-512"},
      {"sha-512/224", "SHA2-512/224"},
      {"sha-512/256", "SHA2-512/256"},
  };
  for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
    if (cql_slice_eq_nocase(algorithm, NAMES[i][0])) return NAMES[i][1];
  return NULL;
}

static cql_status mask_hash(cqle_exec *x, const cqle_function *f, const cql_slice *args, cql_slice *out) {
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned int len = 0;
  bool given = f->arg_count > 1 && args[1].data != NULL;
  cql_slice algorithm = given ? args[1] : CQL_SLICE_LITERAL("SHA-256");
  const char *name = digest_name(algorithm);
  EVP_MD *md = name != NULL ? EVP_MD_fetch(NULL, name, NULL) : NULL;
  if (md == NULL)
    return cql_fail(x->err, CQL_INVALID, "Hash algorithm not found: " CQL_SLICE_FMT, CQL_SLICE_ARG(algorithm));
  *out = (cql_slice){NULL, 0};
  bool done = args[0].data == NULL || EVP_Digest(args[0].data, args[0].len, digest, &len, md, NULL) == 1;
  EVP_MD_free(md);
  if (!done) return cql_fail(x->err, CQL_NOMEM, "Out of memory");
  return args[0].data == NULL ? CQL_OK : cqle_give_bytes(x, digest, len, out);
}

/* --- finding them ------------------------------------------------------------------------------------------------- */

typedef struct mask {
  const char *name, *signature;
  uint32_t least, most;
  cqle_call call;
} mask;

static const mask *find_mask(const char *name) {
  static const char any[] = "any", two[] = "any, any", hash[] = "any, [text]";
  static const char part[] = "[text|varchar|ascii], int, int, [text]";
  static const mask MASKS[] = {
      {"mask_null", any, 1, 1, mask_null},       {"mask_default", any, 1, 1, mask_default},
      {"mask_replace", two, 2, 2, mask_replace}, {"mask_hash", hash, 1, 2, mask_hash},
      {"mask_inner", part, 3, 4, mask_inner},    {"mask_outer", part, 3, 4, mask_outer},
  };
  for (size_t i = 0; i < sizeof MASKS / sizeof MASKS[0]; i++)
    if (strcmp(MASKS[i].name, name) == 0) return &MASKS[i];
  return NULL;
}

static cql_status refuse_argument(const cqle_lookup *l, uint32_t i, const char *wanted) {
  return cql_fail(l->err, CQL_INVALID,
                  "Function system.%s requires an argument of type %s, but found argument %s of type %s", l->name,
                  wanted, cqle_argument_text(l, i), l->args[i] != NULL ? cqle_type_text(l->a, l->args[i]) : "unknown");
}

static cql_status part_types(const cqle_lookup *l, const cql_type **types) {
  const cql_type *text = cql_type_native(CQL_TYPE_TEXT), *whole = cql_type_native(CQL_TYPE_INT);
  types[0] = l->args[0] != NULL ? l->args[0] : text;
  if (types[0]->code != CQL_TYPE_TEXT && types[0]->code != CQL_TYPE_ASCII)
    return refuse_argument(l, 0, "[text|varchar|ascii]");
  for (uint32_t i = 1; i < l->count; i++) {
    types[i] = i == 3 ? text : whole;
    if (cqle_test_argument(l, i, types[i]) == CQL_NOT_ASSIGNABLE)
      return refuse_argument(l, i, cqle_type_text(l->a, types[i]));
  }
  return CQL_OK;
}

static cql_status any_types(const cqle_lookup *l, const mask *m, const cql_type **types) {
  if (l->args[0] == NULL)
    return cql_fail(l->err, CQL_INVALID,
                    "Cannot infer type of argument %s in call to function system.%s(%s): use type casts to "
                    "disambiguate",
                    cqle_argument_text(l, 0), l->name, m->signature);
  types[0] = l->args[0];
  types[1] = m->call == mask_hash ? cql_type_native(CQL_TYPE_TEXT) : types[0];
  if (l->count < 2 || cqle_test_argument(l, 1, types[1]) != CQL_NOT_ASSIGNABLE) return CQL_OK;
  if (m->call == mask_hash) return refuse_argument(l, 1, "text");
  return cql_fail(l->err, CQL_INVALID, "Type error: %s cannot be passed as argument 1 of function system.%s of type %s",
                  cqle_argument_text(l, 1), l->name, cqle_type_text(l->a, types[1]));
}

cql_status cqle_resolve_mask(const cqle_lookup *l, const cqle_function **out) {
  const mask *m = find_mask(l->name);
  const cql_type *types[4];
  if (m == NULL) return CQL_DONE;
  if (l->count < m->least || l->count > m->most)
    return cql_fail(l->err, CQL_INVALID, "Invalid number of arguments for function system.%s(%s)", l->name,
                    m->signature);
  cql_status st = m->least == 3 ? part_types(l, types) : any_types(l, m, types);
  if (st != CQL_OK) return st;
  const cql_type *result = m->call == mask_hash ? cql_type_native(CQL_TYPE_BLOB) : types[0];
  cqle_function *f = cqle_function_new(l->a, l->name, l->count, types, result);
  if (f == NULL) return CQL_NOMEM;
  f->call = m->call;
  f->takes_null = true;
  *out = f;
  return CQL_OK;
}
