/* type.h: the type of a column, for reading. Types are immutable and belong to the result, the prepared statement or
 * the schema that shows them; they stay valid as long as it does.
 */
#ifndef CQL_TYPE_H
#define CQL_TYPE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The option ids of the native protocol (v5, section 4.2.5.2). VECTOR travels as a custom type there; its number is
 * ours. */
#define CQL_TYPE_MAP(X)                                                                                                \
  X(CUSTOM, 0x0000, "custom", "")                                                                                      \
  X(ASCII, 0x0001, "ascii", "AsciiType")                                                                               \
  X(BIGINT, 0x0002, "bigint", "LongType")                                                                              \
  X(BLOB, 0x0003, "blob", "BytesType")                                                                                 \
  X(BOOLEAN, 0x0004, "boolean", "BooleanType")                                                                         \
  X(COUNTER, 0x0005, "counter", "CounterColumnType")                                                                   \
  X(DECIMAL, 0x0006, "decimal", "DecimalType")                                                                         \
  X(DOUBLE, 0x0007, "double", "DoubleType")                                                                            \
  X(FLOAT, 0x0008, "float", "FloatType")                                                                               \
  X(INT, 0x0009, "int", "Int32Type")                                                                                   \
  X(TIMESTAMP, 0x000B, "timestamp", "TimestampType")                                                                   \
  X(UUID, 0x000C, "uuid", "UUIDType")                                                                                  \
  X(TEXT, 0x000D, "text", "UTF8Type")                                                                                  \
  X(VARINT, 0x000E, "varint", "IntegerType")                                                                           \
  X(TIMEUUID, 0x000F, "timeuuid", "TimeUUIDType")                                                                      \
  X(INET, 0x0010, "inet", "InetAddressType")                                                                           \
  X(DATE, 0x0011, "date", "SimpleDateType")                                                                            \
  X(TIME, 0x0012, "time", "TimeType")                                                                                  \
  X(SMALLINT, 0x0013, "smallint", "ShortType")                                                                         \
  X(TINYINT, 0x0014, "tinyint", "ByteType")                                                                            \
  X(DURATION, 0x0015, "duration", "DurationType")                                                                      \
  X(LIST, 0x0020, "list", "ListType")                                                                                  \
  X(MAP, 0x0021, "map", "MapType")                                                                                     \
  X(SET, 0x0022, "set", "SetType")                                                                                     \
  X(UDT, 0x0030, "udt", "UserType")                                                                                    \
  X(TUPLE, 0x0031, "tuple", "TupleType")                                                                               \
  X(VECTOR, 0x1000, "vector", "VectorType")

typedef enum cql_type_code {
#define CQL_TYPE_ENUM(name, value, cql, java) CQL_TYPE_##name = (value),
  CQL_TYPE_MAP(CQL_TYPE_ENUM)
#undef CQL_TYPE_ENUM
} cql_type_code;

typedef struct cql_type cql_type;

#pragma GCC visibility push(default) /* exported from libcql.so, which is built with hidden symbols */

cql_type_code cql_type_get_code(const cql_type *type);
/* Element types: list, set and vector 1; map 2 (key, value); tuple and UDT one per field; else 0. */
uint32_t cql_type_arg_count(const cql_type *type);
const cql_type *cql_type_arg(const cql_type *type, uint32_t i); /* NULL when i is out of range */
/* The type as CQL text, e.g. "map<text, frozen<list<int>>>". Writes at most cap bytes, NUL included; returns the length
 * of the whole text without the NUL, as snprintf does. */
size_t cql_type_to_cql(const cql_type *type, char *out, size_t cap);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
