/*
 * zip_small - the zlib stream of a text of up to 1 KiB, written without zlib.
 *
 * On a batch of 300 bytes zlib takes four fifths of its time to clear tables
 * and to build the trees of an alphabet of 286 letters, which made a third of
 * the cost of an import.  Here only the letters that occur are looked at: a fifth
 * of the time for the same size.  Any inflater reads it (RFC 1950, 1951).
 */
#ifndef STORE_ZIP_SMALL_H
#define STORE_ZIP_SMALL_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* Appends the stream of 1 to ZIP_SMALL_MAX bytes.  False, and nothing
 * appended, when they do not shrink: zlib knows what to do then. */
#define ZIP_SMALL_MAX 1024
bool zip_small(struct buf *out, const void *content, size_t size);

#endif
