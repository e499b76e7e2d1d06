/*
 * bench_plain - what we are measured against: one table of SQLite with a
 * 16-byte id as primary key and six TEXT columns, in WAL mode at FULL.
 */
#ifndef TOOLS_BENCH_PLAIN_H
#define TOOLS_BENCH_PLAIN_H

#include "core/id.h"

struct plain;

struct plain *plain_open(const char *path);
void plain_close(struct plain *plain);
/* All rows of CSV (tools/make-clients) in one transaction; seconds, the reading
 * of the file with them. */
double plain_import(struct plain *plain, const char *csv, unsigned long rows);
/* One column of the row that came NTH, a transaction of its own; seconds. */
double plain_edit(struct plain *plain, unsigned long nth, const char *text);
double plain_bytes(struct plain *plain);	/* of the file, checkpointed */

#endif
