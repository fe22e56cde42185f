/* zip_int.h: entries of a zip file that lies in memory, by libzip. Nothing that the file says of itself is believed:
 * there are ceilings on its entries and on what one of them may inflate to, and only those that are asked for are
 * inflated.
 */
#ifndef CQLI_ZIP_INT_H
#define CQLI_ZIP_INT_H

#include "client/bundle.h"

enum { CQLI_ZIP_ENTRIES_MAX = 256 }; /* entries of a file: Astra's bundles have eight */

typedef struct cqli_zip {
  struct zip *archive;
  uint32_t count;   /* entries */
  uint32_t folder;  /* bytes of the path in front of the names, its '/' among them */
  const char *path; /* of the entry that the folder was taken from: borrowed from archive */
  uint8_t *scratch; /* CQLI_BUNDLE_ENTRY_LEN + 1 bytes: what is inflated, before it is copied */
  const cql_alloc *alloc;
} cqli_zip;

/* Borrows bytes until cqli_zip_close(). marker: a name that the file must have once, in any folder; the others are
 * looked for in the same folder. CQL_BAD_URL, CQL_NOMEM: z is closed then. */
cql_status cqli_zip_open(cqli_zip *z, cql_slice bytes, const char *marker, const cql_alloc *alloc, cql_error *err);
/* Copies what the entry holds, into the arena, with a NUL behind it that is not counted. CQL_BAD_URL, CQL_NOMEM. */
cql_status cqli_zip_read(cqli_zip *z, const char *name, cql_arena *arena, cql_slice *out, cql_error *err);
/* Overwrites what was inflated, but for the copies. */
void cqli_zip_close(cqli_zip *z);

#endif
