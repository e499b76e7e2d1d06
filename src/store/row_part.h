/*
 * row_part - what row_load.c and row_save.c agree on: the form of heads.
 *
 * Per field that has anything:
 *
 *	varint	4 * field number + ROW_HAS_EARLY + ROW_NOT_PLAIN (not one plain item)
 *	[varint	number of items]	then per item:
 *	varint	w, varint seq, varint zigzag of wall time less the previous item's
 *	[varint	ROW_SAME_KEY as before + ROW_IN_SIBLING]	when not plain
 *	[varint	zigzag sum]		counter
 *	[varint	n, n x (w, seq)]	deletion: what the deleter had seen
 *	[varint	n, n x (w, seq)]	early dots
 */
#ifndef STORE_ROW_PART_H
#define STORE_ROW_PART_H

#include "store/row.h"

#define ROW_DELETION_FIELD 255		/* the number of the deletion cell */
#define ROW_COLUMN_MAX (8u << 20)	/* bytes of all texts of a row */

enum { ROW_NOT_PLAIN = 1, ROW_HAS_EARLY = 2 };
enum { ROW_SAME_KEY = 1, ROW_IN_SIBLING = 2 };	/* key of the item before; value in sibling */

/* The last writer turned into a number or back: rows have few. */
struct row_memo {
	struct db *db;
	int64_t w;		/* 0: none yet */
	writer_t id;
	struct err *err;
	bool failed;
};

#endif
